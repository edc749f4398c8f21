//! Which columns with a declared type are checked when records are joined: those that no field checks, or not in time.
//!
//! A field that is read from a column checks its cells, but only in records that are written, and after they were joined.
//! Where a column is used otherwise (in a key, a `match`, a condition, an order, a total, an expression or behind a code table),
//! a cell that is not of its type would be taken for a text.

use std::collections::BTreeSet;

use crate::plan::{CheckedColumns, Plan, TotalPlan, conversion::Conversion, written_columns::WrittenColumns};

/// Finds the columns of every source that are checked when its records are joined.
pub(super) fn find(plan: &mut Plan, written: &WrittenColumns) {
    for number in 0..plan.sources.len() {
        plan.sources[number].checked = find_in_source(plan, number, written);
    }
}

fn find_in_source(plan: &Plan, number: usize, written: &WrittenColumns) -> CheckedColumns {
    let source = &plan.sources[number];
    let mut known = BTreeSet::new();
    let mut select = |columns: Vec<usize>| -> Vec<usize> {
        let is_typed =
            |column: &usize| !matches!(source.columns[*column].conversion, Conversion::Text | Conversion::Code);
        columns.into_iter().filter(|column| is_typed(column) && known.insert(*column)).collect()
    };
    let in_key = select(source.key.columns.clone());
    let in_match = select(find_in_match(plan, number));
    let in_where = select(find_in_where(plan, number));
    let mut in_output = find_in_output(plan, number, written);
    in_output.retain(|column| !written.checks_always(number, *column));
    CheckedColumns { in_key, in_match, in_where, in_output: select(in_output) }
}

/// The columns of a source that name the key of another record.
fn find_in_match(plan: &Plan, number: usize) -> Vec<usize> {
    let mut columns = Vec::new();
    for link in &plan.links {
        if link.many && link.child == number {
            columns.extend_from_slice(&link.child_columns.columns);
        }
        if !link.many && link.parent == number {
            columns.extend_from_slice(&link.parent_columns.columns);
        }
    }
    columns
}

/// The columns of a source that decide which of its records go out.
fn find_in_where(plan: &Plan, number: usize) -> Vec<usize> {
    let links = plan.links.iter().filter(|link| link.child == number).filter_map(|link| link.only.as_ref());
    let root = plan.only.as_ref().filter(|_| plan.each == number);
    links.chain(root).flat_map(|condition| condition.expression.columns.iter().copied()).collect()
}

/// The columns of a source that orders, totals, expressions and code tables use.
fn find_in_output(plan: &Plan, number: usize, written: &WrittenColumns) -> Vec<usize> {
    let links = plan.links.iter().filter(|link| link.child == number);
    let mut columns: Vec<usize> = links.flat_map(|link| &link.order).map(|(column, _)| *column).collect();
    if let Some(TotalPlan { sum, by, .. }) = plan.sources[number].total {
        columns.extend([sum].into_iter().chain(by));
    }
    columns.extend(written.used_elsewhere(number));
    columns
}
