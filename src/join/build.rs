//! The records of a source -> an index by their key.
//!
//! One record owns each key. A record whose key is empty is rejected; records with one key are resolved as the policy
//! `on_duplicate_key` of the source says. Records that are not meant to go out are filtered before either is said of them.

use crate::{
    config::mapping::policy::OnDuplicateKey,
    diagnostic::{Code, Diagnostic, Severity},
    join::{
        hash_index::{self, HashIndex},
        keys::{self, read_key},
        left_out::{is_left_out, may_be_left_out},
        typed_cells::reject_bad_cells,
    },
    plan::{Plan, key::KeyColumns},
    recording::ledger::{Ledger, RowStatus, as_warning},
    table::Table,
};

/// What to do about a row of a merged record that does not say of which.
const KEY_IN_EACH_ROW: &str = "rows are merged by their key, so each of them needs it: nothing tells that a row without it goes on with \
                               the row above; write the key into each row";

/// Whether every good record of a source has a key of its own. `false` means only that it is not certain.
fn are_keys_unique(table: &Table, columns: &KeyColumns, statuses: &[RowStatus]) -> bool {
    let mut key_hashes = Vec::new();
    keys::hash_to_compare(table, columns, &mut key_hashes);
    if statuses.iter().any(|status| *status != RowStatus::Good) {
        let mut status = statuses.iter();
        key_hashes.retain(|_| status.next() == Some(&RowStatus::Good));
    }
    key_hashes.iter().all(|key_hash| keys::is_key(*key_hash)) && hash_index::all_differ(key_hashes)
}

/// Indexes a source by its key, and resolves keys that are empty or there twice. If it is not looked up (`is_looked_up`) and
/// has no such keys, the index stays empty.
pub(super) fn build_index(
    plan: &Plan,
    number: usize,
    table: &Table,
    is_looked_up: bool,
    ledger: &mut Ledger<'_>,
    findings: &mut Vec<Diagnostic>,
) -> HashIndex {
    let source = &plan.sources[number];
    reject_bad_cells(plan, number, table, &source.checked.in_key, ledger);
    let mut buffer = Vec::new();
    let are_unique = || table.unique || are_keys_unique(table, &source.key, &ledger.statuses[number]);
    if !is_looked_up && are_unique() {
        return HashIndex::default();
    }
    // Where records are compared for their keys alone, most of them have no key of their own.
    let capacity = if is_looked_up { table.starts.len() } else { table.starts.len() / 4 };
    let mut index = HashIndex::with_capacity(capacity);
    // The first record of a key, and each later one.
    let mut duplicates: Vec<(u32, u32)> = Vec::new();
    for row in 0..table.len() {
        if ledger.status(number, row) != RowStatus::Good {
            continue;
        }
        if let Some(key) = read_key(table.row(row), &source.key, &mut buffer) {
            if let Some(first) = index.insert(key, row) {
                duplicates.push((first, row));
            }
        } else if is_left_out(plan, number, table.row(row)) {
            ledger.filter(number, row);
        } else {
            let columns = &source.key.columns;
            let is_empty = |column: &&usize| table.is_null(**column, table.row(row).cell(**column, &mut Vec::new()));
            let empty = columns.iter().find(is_empty).copied().unwrap_or(columns[0]);
            let diagnostic = Diagnostic::new(
                Code::TransformEmpty,
                format!("the key column `{}` is empty", source.columns[empty].name),
            )
            .cell(table.cell(row, table.bind[empty]))
            .rule(plan.places.value(&format!("/sources/{}/key", crate::json_pointer::escape(&source.name))));
            let diagnostic = if source.is_merged() { diagnostic.hint(KEY_IN_EACH_ROW) } else { diagnostic };
            ledger.reject(number, row, &diagnostic);
        }
    }
    duplicates.sort_unstable();
    for later in duplicates.chunk_by(|one, other| one.0 == other.0) {
        let rows: Vec<u32> =
            later[..1].iter().map(|(first, _)| *first).chain(later.iter().map(|(_, row)| *row)).collect();
        let rows = filter_left_out(plan, number, table, &rows, &mut index, ledger);
        if rows.len() > 1 {
            resolve_duplicate_key(plan, number, table, &rows, &mut index, ledger, findings);
        }
    }
    // Rejected records still own their children, which are rejected with them and are no orphans; and so do filtered ones.
    let owners = if may_be_left_out(plan, number) { &LOST_OWNERS[..] } else { &LOST_OWNERS[..1] };
    for status in owners {
        for row in 0..table.len() {
            if ledger.status(number, row) == *status
                && let Some(key) = read_key(table.row(row), &source.key, &mut buffer)
            {
                index.insert(key, row);
            }
        }
    }
    index
}

/// The records that own their children without being sent, those first that come before others with the same key.
const LOST_OWNERS: [RowStatus; 2] = [RowStatus::Rejected, RowStatus::Filtered];

/// Filters those records with one key that are not meant to go out, so that they make no other a duplicate; gives the others.
/// Where one of all is chosen, that is done first: it may be left out then.
fn filter_left_out(
    plan: &Plan,
    number: usize,
    table: &Table,
    rows: &[u32],
    index: &mut HashIndex,
    ledger: &mut Ledger<'_>,
) -> Vec<u32> {
    let source = &plan.sources[number];
    let is_one_chosen = matches!(source.on_duplicate_key.then, OnDuplicateKey::KeepFirst | OnDuplicateKey::KeepLast);
    if is_one_chosen || !may_be_left_out(plan, number) {
        return rows.to_vec();
    }
    let (left_out, others): (Vec<u32>, Vec<u32>) =
        rows.iter().partition(|row| is_left_out(plan, number, table.row(**row)));
    for row in left_out {
        ledger.filter(number, row);
    }
    let mut buffer = Vec::new();
    if let Some(first) = others.first()
        && let Some(key) = read_key(table.row(*first), &source.key, &mut buffer)
    {
        index.replace(key, *first);
    }
    others
}

/// Resolves records with one key: the same record again, or records that contradict each other.
fn resolve_duplicate_key(
    plan: &Plan,
    number: usize,
    table: &Table,
    rows: &[u32],
    index: &mut HashIndex,
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
    let column = table.bind[source.key.columns[0]];
    let message = format!("{} records of `{}` have this key, and they differ", rows.len(), source.name);
    let diagnostic = |row: u32, other: u32| {
        Diagnostic::new(Code::JoinDuplicateKey, message.clone())
            .cell(table.cell(row, column))
            .rule(rule.clone())
            .also(table.cell(other, column).place, "the same key here")
    };
    let (keep, which) = match source.on_duplicate_key.then {
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
        // Its rows were merged before.
        OnDuplicateKey::Merge => return,
        OnDuplicateKey::KeepFirst => (first, "first"),
        OnDuplicateKey::KeepLast => (rows[rows.len() - 1], "last"),
    };
    let mut buffer = Vec::new();
    if let Some(key) = read_key(table.row(keep), &source.key, &mut buffer) {
        index.replace(key, keep);
    }
    let choice = describe_choice(table, rows, (keep, column), format!("{message}; the {which} of them is used"));
    ledger.say(&choice.rule(rule));
    for row in rows.iter().filter(|row| **row != keep) {
        ledger.filter(number, *row);
    }
}

/// The warning that one of several records with one key is used, though nobody can tell which of them is right: the first that
/// differs from the one that is kept, with the column of the key.
fn describe_choice(table: &Table, rows: &[u32], (keep, column): (u32, usize), message: String) -> Diagnostic {
    let differs = |row: &u32| table.text[table.raw(*row)] != table.text[table.raw(keep)];
    let other = rows.iter().copied().find(differs).unwrap_or(keep);
    let choice = Diagnostic::new(Code::JoinDuplicateKey, message).cell(table.cell(other, column));
    as_warning(choice.also(table.cell(keep, column).place, "this one is used"))
}
