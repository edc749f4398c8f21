//! Cells with a declared type that no field checks in time -> records that are rejected where a cell is not of its type.
//!
//! The plan knows which columns these are. An empty cell is of every type: what it means depends on where it is used.

use std::sync::Arc;

use crate::{
    diagnostic::{Code, Diagnostic},
    join::left_out::is_left_out,
    plan::{CheckedColumns, ColumnPlan, Plan, conversion::Conversion},
    recording::{
        ledger::{Ledger, RowStatus},
        match_groups::MatchGroups,
    },
    table::{
        Table,
        row::{Cells, Row},
    },
    text::buffer::OutputBuffer,
};

/// Rejects the good records of a source that have a cell in one of the columns that is not of its type, and filters those of
/// them that are not meant to go out.
pub(super) fn reject_bad_cells(
    plan: &Plan,
    number: usize,
    table: &Table,
    columns: &[usize],
    ledger: &mut Ledger<'_>,
) -> Vec<u32> {
    let mut rejected = Vec::new();
    if columns.is_empty() {
        return rejected;
    }
    let source = &plan.sources[number];
    let (mut buffer, mut json) = (Vec::new(), OutputBuffer::default());
    for row in find_unusual_records(plan, number, table, columns) {
        if ledger.status(number, row) != RowStatus::Good {
            continue;
        }
        let record = table.row(row);
        for column in columns {
            let used = &source.columns[*column];
            let ColumnPlan { conversion, rule, .. } = used;
            let span = record.span(*column).filter(|span| !span.doubled);
            if span.is_some_and(|span| used.is_usual(&table.text[span.start..span.end])) {
                continue;
            }
            let cell = record.cell(*column, &mut buffer);
            if table.is_null(*column, cell) {
                continue;
            }
            let wrong = used.check(cell, &mut json).err();
            let is_no_key = || !conversion.is_key(cell) && is_compared(&source.checked, *column);
            let Some(code) = wrong.or_else(|| is_no_key().then_some(Code::TransformNotAnInteger)) else { continue };
            if is_left_out(plan, number, record) {
                ledger.filter(number, row);
                break;
            }
            let fault = conversion.explain(cell);
            let finding = Diagnostic::new(code, fault.message)
                .cell(table.cell(row, table.bind[fault.column.unwrap_or(*column)]))
                .rule(plan.place(rule))
                .hint(fault.hint);
            ledger.reject(number, row, &finding);
        }
        if ledger.status(number, row) == RowStatus::Rejected {
            rejected.push(row);
        }
    }
    rejected
}

/// The records that have a cell in one of the columns that is not certain to be of its type, in order.
fn find_unusual_records(plan: &Plan, number: usize, table: &Table, columns: &[usize]) -> Vec<u32> {
    let used = &plan.sources[number].columns;
    if !columns.iter().all(|column| used[*column].may_be_usual()) {
        return (0..table.len()).collect();
    }
    let typed: Vec<(usize, &Conversion)> =
        columns.iter().map(|column| (table.bind[*column], &used[*column].conversion)).collect();
    if table.has_u8_offsets {
        collect_unusual(table, &typed, Row::u8_offsets)
    } else {
        collect_unusual(table, &typed, Row::u16_offsets)
    }
}

/// The records that have a cell in one of the columns of the file that is not certain to be of its type, in order.
fn collect_unusual<'a, C: Cells<'a>>(
    table: &'a Table,
    typed: &[(usize, &Conversion)],
    offsets: impl Fn(Row<'a>) -> Option<C>,
) -> Vec<u32> {
    let is_usual = |cells: C, at: usize, conversion: &Conversion| {
        let Some((ahead, outer)) = cells.cell(at) else { return false };
        ahead.first_chunk().is_some_and(|lanes| conversion.is_usual(lanes, outer))
    };
    let are_usual = |row: &Row<'a>| {
        let Some(cells) = offsets(*row) else { return false };
        typed.iter().all(|(at, conversion)| is_usual(cells, *at, conversion))
    };
    table.rows(0).filter(|row| !are_usual(row)).map(|row| row.number).collect()
}

/// Whether the cells of a column are compared with those of other records.
fn is_compared(checked: &CheckedColumns, column: usize) -> bool {
    checked.in_key.contains(&column) || checked.in_match.contains(&column)
}

/// Rejects the records that would go out with a cell that is not of its type, and with each of them what is below it.
pub(super) fn reject_bad_cells_below(plan: &Plan, tables: &[Table], groups: &MatchGroups, ledger: &mut Ledger<'_>) {
    let lost: Arc<str> = "the record it belongs to is rejected".into();
    for (number, source) in plan.sources.iter().enumerate() {
        for row in reject_bad_cells(plan, number, &tables[number], &source.checked.in_output, ledger) {
            groups.visit_subtree(plan, number, row, &mut |source, row| {
                if ledger.status(source, row) != RowStatus::Filtered {
                    ledger.reject_silently(source, row, Code::TransformIncomplete, &lost);
                }
            });
        }
    }
}
