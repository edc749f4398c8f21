//! Which columns are merged where rows with one key are one record: those that this source uses, in whatever way.
//!
//! Another source that reads the same file may use other columns, which may differ from row to row.

use std::collections::BTreeSet;

use crate::plan::{Plan, written_columns::WrittenColumns};

/// Finds the columns that are merged, of every source whose rows are.
pub(super) fn find(plan: &mut Plan, written: &WrittenColumns) {
    for number in 0..plan.sources.len() {
        if plan.sources[number].is_merged() {
            let mut used = find_outside_fields(plan, number);
            used.extend(written.used(number));
            let columns = &plan.sources[number].columns;
            let zone_of = |column: &usize| columns[*column].reading.as_ref().and_then(|reading| reading.zone);
            let zones: Vec<usize> = used.iter().filter_map(zone_of).collect();
            used.extend(zones);
            plan.sources[number].merged = used.into_iter().collect();
        }
    }
}

/// The columns of a source that its key, its total, conditions, orders and the `match` of records use.
pub(super) fn find_outside_fields(plan: &Plan, number: usize) -> BTreeSet<usize> {
    let source = &plan.sources[number];
    let mut used: BTreeSet<usize> = source.key.columns.iter().copied().collect();
    used.extend(source.total.iter().flat_map(|total| [Some(total.sum), total.by]).flatten());
    if let Some(only) = plan.only.as_ref().filter(|_| plan.each == number) {
        used.extend(&only.expression.columns);
    }
    for link in &plan.links {
        if link.parent == number {
            used.extend(&link.parent_columns.columns);
        }
        if link.child == number {
            used.extend(&link.child_columns.columns);
            used.extend(link.order.iter().map(|(column, _)| *column));
            used.extend(link.only.iter().flat_map(|only| &only.expression.columns));
        }
    }
    used
}
