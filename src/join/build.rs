//! A source by its key: which records own a key, and what becomes of those whose key is empty or there twice.

#![expect(clippy::inline_always, reason = "a call for each key costs more than finding it")]

use std::collections::BTreeMap;

use crate::{
    config::mapping::policy::OnDuplicateKey,
    diagnostic::{Code, Diagnostic, Severity},
    join::hash_index::{self, Keys},
    plan::Plan,
    recording::ledger::{Fate, Ledger, warned},
    table::{Table, dialect::Span, row::Row},
    text::lanes::ByteLanes,
};

/// The key of a record; `None` if a cell of it is not there or empty.
#[inline(always)]
pub(super) fn key_of<'a>(row: Row<'a>, columns: &[usize], buffer: &'a mut Vec<u8>) -> Option<ByteLanes<'a>> {
    let dialect = &row.table.dialect;
    if let [column] = columns
        && let Some(span) = row.span(*column).filter(|span| !span.doubled)
    {
        let key = ByteLanes::within(&row.table.text, span.start, span.end);
        return (!dialect.is_null(key.bytes())).then_some(key);
    }
    let spans = columns.iter().map(|column| row.span(*column));
    composed(row.table, spans, buffer)
}

/// A key of several cells, or of one that is not written as it is meant.
pub(super) fn composed<'a>(
    table: &Table,
    spans: impl Iterator<Item = Option<Span>>,
    buffer: &'a mut Vec<u8>,
) -> Option<ByteLanes<'a>> {
    buffer.clear();
    let mut undoubled = Vec::new();
    for (number, span) in spans.enumerate() {
        let cell = table.dialect.cell(&table.text, span?, &mut undoubled);
        if table.dialect.is_null(cell) {
            return None;
        }
        // No cell of a trusted record holds a NUL byte, so it parts the cells of a key without doubt.
        if number > 0 {
            buffer.push(0);
        }
        buffer.extend_from_slice(cell);
    }
    Some(ByteLanes::from(buffer.as_slice()))
}

/// Whether every good record of a source has a key, and each another one. `false` only says that it is not certain.
fn all_differ(table: &Table, columns: &[usize], fates: &[Fate]) -> bool {
    let (mut buffer, mut words) = (Vec::new(), Vec::with_capacity(fates.len()));
    for (row, fate) in (0..table.len()).zip(fates) {
        match key_of(table.row(row), columns, &mut buffer) {
            _ if *fate != Fate::Good => {}
            Some(key) => words.push(hash_index::word(key)),
            None => return false,
        }
    }
    hash_index::all_differ(words)
}

/// Indexes a source by its key, and deals with keys that are empty or there twice. Unless it is `asked`, nobody looks
/// anything up.
pub(super) fn of(
    plan: &Plan,
    number: usize,
    table: &Table,
    asked: bool,
    ledger: &mut Ledger<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Keys {
    let source = &plan.sources[number];
    let mut buffer = Vec::new();
    let differ = || table.unique || all_differ(table, &source.key, &ledger.fates[number]);
    if !asked && differ() {
        return Keys::default();
    }
    let mut keys = Keys::with_room(table.starts.len());
    let mut twins: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in 0..table.len() {
        if ledger.fate(number, row) != Fate::Good {
            continue;
        }
        if let Some(key) = key_of(table.row(row), &source.key, &mut buffer) {
            if let Some(first) = keys.insert(key, row) {
                twins.entry(first).or_insert_with(|| vec![first]).push(row);
            }
        } else {
            let is_empty = |column: &&usize| key_of(table.row(row), &[**column], &mut Vec::new()).is_none();
            let empty = source.key.iter().find(is_empty).copied().unwrap_or(source.key[0]);
            let diagnostic = Diagnostic::new(
                Code::TransformEmpty,
                format!("the key column `{}` is empty", source.columns[empty].name),
            )
            .cell(table.cell(row, table.bind[empty]))
            .rule(plan.places.value(&format!("/sources/{}/key", crate::json_pointer::escape(&source.name))));
            ledger.reject(number, row, &diagnostic);
        }
    }
    for rows in twins.values() {
        duplicates(plan, number, table, rows, &mut keys, ledger, findings);
    }
    // Records that are rejected still own what belongs to them: their children are held back with them, not orphans.
    for row in 0..table.len() {
        if ledger.fate(number, row) == Fate::Rejected
            && let Some(key) = key_of(table.row(row), &source.key, &mut buffer)
        {
            keys.insert(key, row);
        }
    }
    keys
}

/// Records with one key: the same record again, or records that contradict each other.
fn duplicates(
    plan: &Plan,
    number: usize,
    table: &Table,
    rows: &[u32],
    keys: &mut Keys,
    ledger: &mut Ledger<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let source = &plan.sources[number];
    let rule = plan.place(&format!("/sources/{}/on_duplicate_key", crate::json_pointer::escape(&source.name)));
    let (first, later) = (rows[0], &rows[1..]);
    let same = |row: &u32| table.text[table.raw(*row)] == table.text[table.raw(first)];
    if later.iter().all(same) {
        for row in later {
            let diagnostic = Diagnostic::new(
                Code::JoinRepeatedRecord,
                "the same record is there again, byte for byte; it was used once",
            )
            .severity(Severity::Notice)
            .cell(table.record(*row))
            .also(table.record(first).place, "first here");
            ledger.say(&diagnostic);
            ledger.filter(number, *row);
        }
        return;
    }
    let column = table.bind[source.key[0]];
    let message = format!("{} records of `{}` have this key, and they differ", rows.len(), source.name);
    let diagnostic = |row: u32, other: u32| {
        Diagnostic::new(Code::JoinDuplicateKey, message.clone())
            .cell(table.cell(row, column))
            .rule(rule.clone())
            .also(table.cell(other, column).place, "the same key here")
    };
    let policy = &source.on_duplicate_key;
    let keep = match policy.then {
        OnDuplicateKey::Error => {
            findings.push(
                diagnostic(later[0], first)
                    .hint("the mapping says `on_duplicate_key: error`, so nothing of the file is used"),
            );
            return;
        }
        OnDuplicateKey::Reject => {
            for (at, row) in rows.iter().enumerate() {
                let other = if at == 0 { later[0] } else { first };
                ledger.reject(
                    number,
                    *row,
                    &diagnostic(*row, other).hint("keep the right one, or set `on_duplicate_key` for this source"),
                );
            }
            return;
        }
        OnDuplicateKey::KeepFirst => first,
        OnDuplicateKey::KeepLast => rows[rows.len() - 1],
    };
    let mut buffer = Vec::new();
    if let Some(key) = key_of(table.row(keep), &source.key, &mut buffer) {
        keys.replace(key, keep);
    }
    for row in rows.iter().filter(|row| **row != keep) {
        if policy.warn {
            ledger.say(&warned(diagnostic(*row, keep)));
        }
        ledger.filter(number, *row);
    }
}
