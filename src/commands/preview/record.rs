//! One record as the page shows it: its rows, its JSON, and what becomes of it.

use std::collections::BTreeSet;

use crate::{
    check,
    commands::preview::{
        json_lines::{JsonLines, place_rest, shorten},
        opened_recording::{OpenedPartition, OpenedRecord, OpenedRecording},
    },
    diagnostic::Diagnostic,
    plan::Plan,
    preview::view::{CellView, ColumnView, RecordView, RowView, ShownStatus, TableView},
    recording::{View, ledger::RowStatus},
    report::escape::visible,
    transform::{self, Scratch},
};

/// The most rows of one source that are shown.
const MAX_ROWS: usize = 200;
/// The most columns that are shown.
const MAX_COLUMNS: usize = 60;

/// Draws a record; `None`: there is none. A stale one names no lines of the mapping.
pub(super) fn draw(recording: &OpenedRecording, number: u64, is_stale: bool) -> Option<RecordView> {
    let record = recording.record(number)?;
    let plan: &Plan = &recording.plan;
    let mut view = RecordView {
        number: record.number,
        count: recording.records(),
        next_bad: recording.next_bad(record.number),
        bad: recording.count_bad(),
        status: tell_status(record.partition, plan.each, record.root),
        tables: draw_tables(recording, record),
        contract: plan.contract.places.path().to_owned(),
        ..RecordView::default()
    };
    draw_document(recording, record, is_stale, &mut view);
    Some(view)
}

/// Draws the document of a record, if it makes one. Of a record that is rejected it is the one that it would make.
fn draw_document(recording: &OpenedRecording, record: OpenedRecord<'_>, is_stale: bool, view: &mut RecordView) {
    let (plan, OpenedPartition { loaded, joined, .. }): (&Plan, _) = (&recording.plan, record.partition);
    let before = joined[plan.each][record.root as usize];
    if matches!(before, RowStatus::Rejected | RowStatus::Filtered) {
        return;
    }
    let is_sent = recording.status(record) != RowStatus::Rejected;
    let statuses = if is_sent { &loaded.statuses } else { joined };
    let seen = View { plan, tables: &loaded.tables, groups: &loaded.groups, statuses };
    let trace = transform::trace_all(&seen, record.root, &mut Scratch::default());
    let found = check::findings(plan, &loaded.tables, &trace, &|_| true);
    let findings: Vec<Diagnostic> = found.into_iter().map(|finding| finding.diagnostic).collect();
    let mut lines = JsonLines::of(recording, &loaded.tables, &trace, &findings, !is_stale);
    place_rest(&mut lines);
    (view.json, view.more, view.rules) = (lines.lines, lines.more, lines.contract.rules);
}

/// Draws the rows of a record, a table for each source that has some.
fn draw_tables(recording: &OpenedRecording, record: OpenedRecord<'_>) -> Vec<TableView> {
    let plan: &Plan = &recording.plan;
    let mut rows = recording.rows(record);
    for (table, rows) in record.partition.loaded.tables.iter().zip(&mut rows) {
        let merged = table.merged.rows.iter().filter(|(_, first)| rows.contains(first)).map(|(row, _)| *row);
        let merged: Vec<u32> = merged.collect();
        rows.extend(merged);
    }
    // The root first, then the others in the order of the mapping.
    let mut sources: Vec<usize> = (0..plan.sources.len()).filter(|source| !rows[*source].is_empty()).collect();
    sources.sort_by_key(|source| *source != plan.each);
    sources.into_iter().map(|source| draw_table(plan, record.partition, source, &rows[source])).collect()
}

fn draw_table(plan: &Plan, partition: &OpenedPartition, source: usize, rows: &BTreeSet<u32>) -> TableView {
    let table = &partition.loaded.tables[source];
    let is_list = plan.links.iter().any(|link| link.child == source && link.many);
    let role = match (source == plan.each, is_list) {
        (true, _) => "",
        (false, true) => "list",
        (false, false) => "lookup",
    };
    let shown = table.header.len().min(MAX_COLUMNS);
    let is_used = |column: &usize| table.bind.contains(column);
    let columns: Vec<ColumnView> = (0..shown)
        .map(|column| ColumnView { name: visible(&shorten(&table.header[column])), is_used: is_used(&column) })
        .collect();
    let draw_row = |row: u32| {
        let place = table.record(row).place;
        let cells = columns.iter().enumerate().map(|(number, ColumnView { name, is_used })| CellView {
            id: format!("c{source}-{row}-{number}"),
            column: name.clone(),
            text: visible(&shorten(&table.draw_own_cell(row, number))),
            is_used: *is_used,
        });
        RowView {
            id: format!("r{source}-{row}"),
            place: visible(&format!("{}:{}", place.path, place.line)),
            line: place.line,
            status: tell_status(partition, source, row),
            cells: cells.collect(),
        }
    };
    TableView {
        source: table.name.clone(),
        role,
        rows: rows.iter().take(MAX_ROWS).map(|row| draw_row(*row)).collect(),
        more: rows.len().saturating_sub(MAX_ROWS),
        more_columns: table.header.len() - shown,
        columns,
    }
}

/// What becomes of a row.
fn tell_status(partition: &OpenedPartition, source: usize, row: u32) -> ShownStatus {
    let reject = partition.reject(source, row);
    match partition.loaded.statuses[source][row as usize] {
        RowStatus::Good | RowStatus::Pending => ShownStatus { state: "good", word: "valid", reason: String::new() },
        RowStatus::Filtered => ShownStatus { state: "out", word: "left out", reason: String::new() },
        RowStatus::Rejected => {
            let reason = reject.map(|reject| format!("{}: {}", reject.code, reject.reason)).unwrap_or_default();
            ShownStatus { state: "bad", word: "rejected", reason: visible(&reason) }
        }
    }
}
