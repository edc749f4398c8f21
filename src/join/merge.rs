//! Rows with one key -> one record, where a source says `on_duplicate_key: merge`.
//!
//! The record is the first of its rows; cells that it leaves empty are filled from the others. Rows that contradict each other
//! in a column that the source uses, or one of which cannot be read, are rejected together.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    config::mapping::policy::Policy,
    diagnostic::{Cell, Code, Diagnostic},
    join::{
        hash_index::HashIndex,
        keys::{compose_key, read_key, second_half},
        typed_cells::reject_bad_cells,
    },
    plan::{Plan, SourcePlan},
    recording::ledger::{Ledger, RowStatus, as_warning},
    table::{
        NONE, Table,
        merged_rows::{CellFill, MergedRows},
        row::{Cells, Row},
    },
};

/// Merges the rows of every source that says so.
pub(super) fn merge_records(plan: &Plan, tables: &mut [Table], ledger: &mut Ledger<'_>) {
    for (number, source) in plan.sources.iter().enumerate().filter(|(_, source)| source.is_merged()) {
        let table = &mut tables[number];
        reject_bad_cells(plan, number, table, &source.checked.in_key, ledger);
        let mut pairs = find_later_rows(source, table, &ledger.statuses[number]);
        let (mut fills, mut filled) = (Vec::new(), vec![false; source.merged.len()]);
        let merging = Merging { plan, number, source, table };
        for rows in pairs.chunk_by(|one, other| one.first == other.first) {
            merging.merge(rows, &mut fills, &mut filled, ledger);
        }
        pairs.retain(|pair| !pair.is_half);
        let mut rows: Vec<(u32, u32)> = pairs.into_iter().map(|pair| (pair.row, pair.first)).collect();
        rows.sort_unstable();
        fills.sort_unstable();
        table.merge_rows(MergedRows { rows, fills });
    }
}

/// A row of a record, and the first row of that record.
#[derive(Clone, Copy)]
struct LaterRow {
    first: u32,
    row: u32,
    /// The line end before the record was lost: the row is the end of another row, which cannot be read.
    is_half: bool,
}

/// The rows whose key an earlier row has, record by record.
fn find_later_rows(source: &SourcePlan, table: &Table, statuses: &[RowStatus]) -> Vec<LaterRow> {
    let (mut index, mut buffer) = (HashIndex::with_capacity(table.starts.len()), Vec::new());
    let (mut pairs, mut halves) = (Vec::new(), Vec::new());
    for row in 0..table.len() {
        // What is not meant to go out, and has no key that could be read, is no row of a record.
        if statuses[row as usize] == RowStatus::Filtered {
            continue;
        }
        if let Some(key) = read_key(table.row(row), &source.key, &mut buffer)
            && let Some(first) = index.insert(key, row)
        {
            pairs.push(LaterRow { first, row, is_half: false });
        }
        if statuses[row as usize] == RowStatus::Rejected {
            halves.push(row);
        }
    }
    for row in halves {
        let first = find_second_record(source, table, &index, row);
        if first != NONE && first != row {
            pairs.push(LaterRow { first, row, is_half: true });
        }
    }
    pairs.sort_by_key(|pair| pair.first);
    pairs
}

/// The second of two records between which the line end was lost, or [`NONE`].
fn find_second_record(source: &SourcePlan, table: &Table, index: &HashIndex, row: u32) -> u32 {
    let (mut cells, mut buffer) = (Vec::new(), Vec::new());
    table.split(row, &mut cells);
    let Some(second) = second_half(&cells, table.header.len()) else { return NONE };
    compose_key(table, &source.key, &|column| second.get(table.bind[column]).copied(), &mut buffer)
        .map_or(NONE, |key| index.get(key))
}

/// The source whose rows are merged.
struct Merging<'a> {
    plan: &'a Plan,
    number: usize,
    source: &'a SourcePlan,
    table: &'a Table,
}

/// A column whose cells differ: an earlier and a later row.
struct Conflict {
    column: usize,
    row: u32,
    other: u32,
}

impl Merging<'_> {
    /// Makes one record of rows, which all have one first row; `filled` is written over.
    fn merge(&self, later: &[LaterRow], fills: &mut Vec<CellFill>, filled: &mut [bool], ledger: &mut Ledger<'_>) {
        let Merging { plan, number, source, table } = *self;
        let Some(first) = later.first().map(|pair| pair.first) else { return };
        let rows = || [first].into_iter().chain(later.iter().map(|pair| pair.row));
        let is_rejected = |row: &u32| ledger.status(number, *row) == RowStatus::Rejected;
        if let Some(unreadable) = rows().find(is_rejected) {
            let reason: Arc<str> =
                format!("a row of its record, in {}, is rejected", table.record(unreadable).place).into();
            rows().for_each(|row| ledger.reject_silently(number, row, Code::TransformIncomplete, &reason));
            return;
        }
        let (before, mut conflicts) = (fills.len(), Vec::new());
        // Most later rows leave most cells empty.
        filled.fill(false);
        for row in later.iter().map(|pair| table.row(pair.row)) {
            if table.has_u8_offsets {
                self.mark_filled(row.u8_offsets(), filled);
            } else {
                self.mark_filled(row.u16_offsets(), filled);
            }
        }
        for (column, _) in source.merged.iter().zip(filled).filter(|(_, is_filled)| **is_filled) {
            self.merge_column(*column, rows(), fills, &mut conflicts);
        }
        let pointer = || format!("/sources/{}/on_duplicate_key", crate::json_pointer::escape(&source.name));
        if conflicts.is_empty() {
            let Policy { warn, .. } = source.on_duplicate_key;
            if warn {
                let message =
                    format!("{} rows of `{}` have this key, and are one record", later.len() + 1, source.name);
                let key = table.bind[source.key.columns[0]];
                let merged = plan.finding(Code::JoinDuplicateKey, &pointer(), message).cell(table.cell(first, key));
                ledger.say(&as_warning(merged.also(table.record(later[0].row).place, "the next of them")));
            }
            for pair in later {
                ledger.filter(number, pair.row);
            }
            return;
        }
        fills.truncate(before);
        let findings: Vec<Diagnostic> = conflicts.iter().map(|conflict| self.describe(conflict, &pointer())).collect();
        let reason: Arc<str> = findings[0].message.as_str().into();
        for finding in &findings {
            ledger.say(finding);
        }
        rows().for_each(|row| ledger.reject_silently(number, row, Code::JoinMergeConflict, &reason));
    }

    /// Marks the columns in which a row may say something: not those whose cell is empty as it stands in the file.
    fn mark_filled<'c>(&self, cells: Option<impl Cells<'c>>, filled: &mut [bool]) {
        let Some(cells) = cells else { return filled.fill(true) };
        for (column, filled) in self.source.merged.iter().zip(filled) {
            *filled |= cells.cell(self.table.bind[*column]).is_none_or(|(_, outer)| outer > 0);
        }
    }

    /// Finds the first filled cell of a column, and whether a later one differs.
    fn merge_column(
        &self,
        column: usize,
        mut rows: impl Iterator<Item = u32>,
        fills: &mut Vec<CellFill>,
        conflicts: &mut Vec<Conflict>,
    ) {
        let Some(first) = rows.next() else { return };
        let mut filled = NONE;
        // The first row is not looked at where the others leave the cell empty.
        for row in rows.filter(|row| !self.is_empty(*row, column)) {
            if filled == NONE {
                filled = if self.is_empty(first, column) { row } else { first };
            }
            if filled != row && self.differs(filled, row, column) {
                conflicts.push(Conflict { column, row, other: filled });
                return;
            }
        }
        if filled != NONE
            && filled != first
            && let Ok(column) = u32::try_from(self.table.bind[column])
        {
            fills.push(CellFill { row: first, column, from: filled });
        }
    }

    /// Whether a cell says nothing.
    #[inline]
    fn is_empty(&self, row: u32, column: usize) -> bool {
        let row = self.table.row(row);
        row.outer(column).is_some_and(|cell| cell.is_empty()) || self.says_nothing(row, column)
    }

    fn says_nothing(&self, row: Row<'_>, column: usize) -> bool {
        if !row.is_filled(column) {
            return true;
        }
        let Some(split) = &self.source.columns[column].split else { return false };
        let mut buffer = Vec::new();
        split.pieces(&String::from_utf8_lossy(row.cell(column, &mut buffer))).next().is_none()
    }

    /// Whether two filled cells of a column are not the same.
    fn differs(&self, one: u32, other: u32, column: usize) -> bool {
        let table = self.table;
        let [one, other] = [one, other].map(|row| table.row(row));
        if let (Some(one), Some(other)) = (one.outer(column), other.outer(column))
            && table.text[one].cmp(&table.text[other]) == Ordering::Equal
        {
            return false;
        }
        let used = &self.source.columns[column];
        let value = |row: Row<'_>| {
            let (mut buffer, mut value) = (Vec::new(), Vec::new());
            let said = row.cell(column, &mut buffer);
            match &used.split {
                None => used.conversion.write_value(said, &mut value),
                Some(split) => {
                    for piece in split.pieces(&String::from_utf8_lossy(said)) {
                        used.conversion.write_value(piece.as_bytes(), &mut value);
                        value.push(0);
                    }
                }
            }
            value
        };
        value(one) != value(other)
    }

    /// The finding that two rows of a record differ, at the later of the two cells.
    fn describe(&self, conflict: &Conflict, pointer: &str) -> Diagnostic {
        let Merging { plan, source, table, .. } = *self;
        let Conflict { column, row, other } = *conflict;
        let (name, at) = (&source.columns[column].name, table.bind[column]);
        let message = format!("the rows of this record differ in `{name}`");
        let finding = plan.finding(Code::JoinMergeConflict, pointer, message).cell(table.cell(row, at));
        let Cell { place, found, .. } = table.cell(other, at);
        finding
            .also(place, format!("another row says {found}"))
            .hint("rows with one key are one record here, so what they say in the columns it uses has to agree")
    }
}
