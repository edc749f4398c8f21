//! Values of the contract and columns of a file -> which column fits which value.
//!
//! Each column is used once, the nearest names first. A column whose cells cannot be what the contract wants is no fit, unless
//! its name leaves no doubt.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::commands::init::{
    columns::{ColumnFacts, ColumnType, MAX_CODES},
    names::{NEAR, SURE, nearness},
    sources::SampledSource,
    wanted::{WantedField, WantedLeaf, WantedValue},
};

/// How many rows are compared to find the key of records that are repeated.
const MAX_COMPARED: usize = 5000;

/// A value of the contract and where it stands: the numbers of the fields that lead to it.
pub(super) struct WantedPlace<'a> {
    pub(super) path: Vec<usize>,
    pub(super) field: &'a WantedField,
    pub(super) around: Vec<String>,
}

/// A column for a value, and how near their names are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) column: usize,
    pub(super) points: u32,
}

/// The values of an object and of the objects inside it, lists of objects left out.
pub(super) fn list_places<'a>(fields: &'a [WantedField], around: &[String]) -> Vec<WantedPlace<'a>> {
    let mut places = Vec::new();
    add_places(fields, &mut Vec::new(), around, &mut places);
    places
}

fn add_places<'a>(
    fields: &'a [WantedField],
    path: &mut Vec<usize>,
    around: &[String],
    places: &mut Vec<WantedPlace<'a>>,
) {
    for (number, field) in fields.iter().enumerate() {
        path.push(number);
        match &field.value {
            WantedValue::Object(inner) => add_places(inner, path, &add_words(around, &field.words), places),
            value if leaf_of(value).is_some_and(|leaf| leaf.only.is_none()) => {
                places.push(WantedPlace { path: path.clone(), field, around: around.to_vec() });
            }
            _ => {}
        }
        path.pop();
    }
}

/// The value that a column can be: the field itself, or an item of its list.
fn leaf_of(value: &WantedValue) -> Option<&WantedLeaf> {
    match value {
        WantedValue::Leaf(leaf) => Some(leaf),
        WantedValue::List(item) => match &**item {
            WantedValue::Leaf(leaf) => Some(leaf),
            _ => None,
        },
        _ => None,
    }
}

/// Words around a value, and those of one more name: each, and all of them as one.
pub(super) fn add_words(around: &[String], name: &[String]) -> Vec<String> {
    around.iter().chain(name).cloned().chain([name.concat()]).collect()
}

/// Assigns columns of a source to values, without some of them.
pub(super) fn assign(
    source: &SampledSource,
    places: &[WantedPlace<'_>],
    without: &BTreeSet<usize>,
) -> Vec<Option<Fit>> {
    let mut pairs = Vec::new();
    for (number, place) in places.iter().enumerate() {
        let around = add_words(&place.around, &source.words);
        for (column, facts) in source.columns.iter().enumerate().filter(|(column, _)| !without.contains(column)) {
            let points = judge_fit(facts, place, &around);
            if points >= NEAR {
                pairs.push((points, number, column));
            }
        }
    }
    pairs.sort_by_key(|(points, number, column)| (u32::MAX - points, *number, *column));
    let mut fits = vec![None; places.len()];
    let mut taken = BTreeSet::new();
    for (points, number, column) in pairs {
        if fits[number].is_none() && taken.insert(column) {
            fits[number] = Some(Fit { column, points });
        }
    }
    assign_days(source, places, without, &mut taken, &mut fits);
    fits
}

/// Required days and moments that no name explains get the columns of that type that are left: in their order if there are
/// as many, and one of them the column that is filled in most records.
fn assign_days(
    source: &SampledSource,
    places: &[WantedPlace<'_>],
    without: &BTreeSet<usize>,
    taken: &mut BTreeSet<usize>,
    fits: &mut [Option<Fit>],
) {
    for wanted in [ColumnType::Date, ColumnType::Datetime] {
        let is_open = |number: &usize| {
            let leaf = leaf_of(&places[*number].field.value);
            let is_wanted = leaf.is_some_and(|leaf| leaf.column_type() == wanted);
            fits[*number].is_none() && is_wanted && places[*number].field.is_required
        };
        let open: Vec<usize> = (0..places.len()).filter(is_open).collect();
        let is_left = |column: &usize| {
            let is_used = taken.contains(column) || without.contains(column);
            !is_used && source.columns[*column].is_usable() && source.columns[*column].own_type == wanted
        };
        let mut left: Vec<usize> = (0..source.columns.len()).filter(is_left).collect();
        if open.len() == 1 {
            left.sort_by_key(|column| Reverse(source.columns[*column].filled));
            left.truncate(1);
        }
        if open.len() == left.len() {
            for (number, column) in open.into_iter().zip(left) {
                fits[number] = Some(Fit { column, points: NEAR });
                taken.insert(column);
            }
        }
    }
}

/// How well a column fits a value; 0: not at all.
fn judge_fit(facts: &ColumnFacts, place: &WantedPlace<'_>, around: &[String]) -> u32 {
    let points = nearness(&facts.words, &place.field.words, around);
    let Some(leaf) = leaf_of(&place.field.value).filter(|_| points >= NEAR) else { return 0 };
    let is_possible = if leaf.values.is_empty() {
        facts.judge(leaf.column_type()).is_some()
    } else {
        facts.values.len() <= MAX_CODES
    };
    match points {
        points if is_possible => points,
        points if points >= SURE => NEAR,
        _ => 0,
    }
}

/// The column that is the same in all rows of a record, where an export repeats the record on every line: the columns of the
/// record are the same, or empty, in all rows with one value of it.
pub(super) fn find_repeated_key(
    source: &SampledSource,
    of_record: &BTreeSet<usize>,
    of_rows: &[usize],
) -> Option<(usize, String)> {
    let mut best: Option<(usize, usize)> = None;
    for (at, facts) in source.columns.iter().enumerate() {
        let is_repeated = facts.is_filled() && facts.values.len() < facts.records && facts.values.len() > 1;
        let is_plain = !matches!(facts.own_type, ColumnType::Decimal | ColumnType::Boolean);
        if !facts.is_usable() || !is_repeated || !is_plain || of_rows.contains(&at) {
            continue;
        }
        let others: Vec<usize> = of_record.iter().copied().filter(|column| *column != at).collect();
        let is_key = is_same_in_rows(source, at, &others);
        if is_key && best.is_none_or(|(count, _)| facts.values.len() > count) {
            best = Some((facts.values.len(), at));
        }
    }
    let (count, column) = best?;
    let facts = &source.columns[column];
    let evidence =
        format!("{count} different values in {} rows, and the record is the same in all rows of one", facts.records);
    Some((column, evidence))
}

/// Whether the rows with one value of a key are the same in some columns, but for one value of five.
fn is_same_in_rows(source: &SampledSource, key: usize, columns: &[usize]) -> bool {
    let mut groups: BTreeSet<String> = BTreeSet::new();
    let mut known: BTreeMap<(String, usize), String> = BTreeMap::new();
    let mut mixed: BTreeSet<String> = BTreeSet::new();
    for record in 0..source.grid.records.len().min(MAX_COMPARED) {
        let group = source.grid.cell(record, key).into_owned();
        groups.insert(group.clone());
        for column in columns {
            let Some(cell) = source.grid.filled(record, *column) else { continue };
            let first = known.entry((group.clone(), *column)).or_insert_with(|| cell.clone().into_owned());
            if *first != cell {
                mixed.insert(group.clone());
            }
        }
    }
    mixed.len() * 5 <= groups.len()
}

/// The lists of objects in an object and in the objects inside it.
pub(super) fn list_lists<'a>(
    fields: &'a [WantedField],
    around: &[String],
    lists: &mut Vec<(&'a [WantedField], Vec<String>)>,
) {
    for field in fields {
        let around = add_words(around, &field.words);
        match &field.value {
            WantedValue::Object(inner) => list_lists(inner, &around, lists),
            WantedValue::List(item) => {
                if let WantedValue::Object(inner) = &**item {
                    lists.push((inner, around));
                }
            }
            _ => {}
        }
    }
}

/// A list by the names of its fields.
pub(super) fn name_list(inner: &[WantedField]) -> String {
    inner.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join("\0")
}
