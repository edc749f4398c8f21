//! Samples -> what tells the records of a file apart, and which records of two files belong together.
//!
//! A key is one column, or a few that another file has too, that are filled and different in every record. A join needs
//! three things at once: the names match, the types are the same, and the values of one are contained in a key of the other.

use std::{cmp::Reverse, collections::BTreeSet};

use crate::commands::init::{
    columns::{ColumnFacts, ColumnType},
    names,
    sources::{KeyGuess, SampledSource},
};

/// How many columns a key has at most.
const MAX_KEY: usize = 4;
/// How many shared columns are tried as parts of a key.
const MAX_SHARED: usize = 10;
/// Words of files that list places, and words of columns that name one by its role.
const PLACES: [&str; 7] = ["airport", "station", "stop", "port", "place", "location", "site"];
const ROLES: [&str; 6] = ["origin", "destination", "departure", "arrival", "from", "to"];

/// Records of one source that belong to those of another.
#[derive(Clone, Debug)]
pub(super) struct JoinGuess {
    pub(super) child: usize,
    pub(super) child_columns: Vec<usize>,
    pub(super) parent: usize,
    pub(super) parent_columns: Vec<usize>,
    pub(super) evidence: String,
}

/// Finds the key of each source.
pub(super) fn find_keys(sources: &mut [SampledSource]) {
    let keys: Vec<Option<KeyGuess>> = (0..sources.len())
        .map(|number| {
            let source = &sources[number];
            let others = sources.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
            find_single(source).or_else(|| find_shared(source, others)).or_else(|| find_leading(source))
        })
        .collect();
    for (source, key) in sources.iter_mut().zip(keys) {
        source.key = key;
    }
}

/// One column that tells records apart.
fn find_single(source: &SampledSource) -> Option<KeyGuess> {
    let rank = |(at, facts): (usize, &ColumnFacts)| {
        let own = facts.words.len() == source.words.len() + 1 && facts.words.starts_with(&source.words);
        let points = 4 * i32::from(names::is_id_name(&facts.words))
            + i32::from(facts.words.last().is_some_and(|word| word == "code"))
            + 3 * i32::from(at == 0)
            + 2 * i32::from(own)
            - 5 * i32::from(facts.is_contact() || names::is_personal_name(&facts.words))
            - 5 * i32::from(matches!(facts.own_type, ColumnType::Decimal | ColumnType::Date | ColumnType::Datetime));
        (facts.is_unique() && points > 2 && facts.is_usable()).then_some((points, usize::MAX - at))
    };
    let ranked = source.columns.iter().enumerate().filter_map(|(at, facts)| rank((at, facts)).map(|rank| (rank, at)));
    let (_, column) = ranked.max()?;
    let records = source.columns[column].records;
    Some(KeyGuess {
        columns: vec![column],
        evidence: format!("filled and different in {records} of {records} records"),
    })
}

/// A few columns that another source has too; as few as tell records apart.
fn find_shared<'a>(source: &SampledSource, others: impl Iterator<Item = &'a SampledSource>) -> Option<KeyGuess> {
    for other in others {
        let is_shared = |(_, facts): &(usize, &ColumnFacts)| {
            facts.is_filled()
                && facts.is_usable()
                && facts.own_type != ColumnType::Decimal
                && other.columns.iter().any(|column| column.words == facts.words)
        };
        let shared: Vec<usize> =
            source.columns.iter().enumerate().filter(is_shared).map(|(at, _)| at).take(MAX_SHARED).collect();
        for size in 2..=MAX_KEY.min(shared.len()) {
            if let Some(columns) = choose(&shared, size).into_iter().find(|columns| is_key(source, columns)) {
                let evidence = format!("no one of them, but all together; `{}` has them too", other.name);
                return Some(KeyGuess { columns, evidence });
            }
        }
    }
    None
}

/// The first columns, if they tell records apart together.
fn find_leading(source: &SampledSource) -> Option<KeyGuess> {
    let is_part = |facts: &ColumnFacts| {
        facts.is_filled() && facts.is_usable() && !facts.is_contact() && facts.own_type != ColumnType::Decimal
    };
    (2..=MAX_KEY.min(source.columns.len())).map(|size| (0..size).collect::<Vec<usize>>()).find_map(|columns| {
        let parts = columns.iter().all(|column| is_part(&source.columns[*column]));
        let evidence = "TODO: a guess: no one of them is different in every record, but all together are".to_owned();
        (parts && is_key(source, &columns)).then_some(KeyGuess { columns, evidence })
    })
}

/// Whether some columns together are different in every record.
fn is_key(source: &SampledSource, columns: &[usize]) -> bool {
    let mut known = BTreeSet::new();
    let records = source.grid.records.len();
    records > 0 && (0..records).all(|record| known.insert(tuple(source, record, columns)))
}

/// The cells of some columns of a record, with a byte between them that no text has.
fn tuple(source: &SampledSource, record: usize, columns: &[usize]) -> Option<String> {
    let cells = columns.iter().map(|column| source.grid.filled(record, *column));
    cells.collect::<Option<Vec<_>>>().map(|cells| cells.iter().map(|cell| cell.trim()).collect::<Vec<_>>().join("\0"))
}

/// All choices of so many of some numbers, in order.
fn choose(numbers: &[usize], size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut choices = Vec::new();
    for (at, first) in numbers.iter().enumerate() {
        for rest in choose(&numbers[at + 1..], size - 1) {
            choices.push([*first].into_iter().chain(rest).collect());
        }
    }
    choices
}

/// Finds all joins, each to the key of a source.
pub(super) fn find_joins(sources: &[SampledSource]) -> Vec<JoinGuess> {
    let mut joins = Vec::new();
    for child in 0..sources.len() {
        for parent in (0..sources.len()).filter(|parent| *parent != child) {
            let Some(key) = &sources[parent].key else { continue };
            for columns in candidates(&sources[child], &sources[parent], &key.columns) {
                joins.extend(judge_join(sources, (child, &columns), (parent, &key.columns)));
            }
        }
    }
    // Two files with one key: the one with fewer records refers to the other, or else the later one to the earlier.
    let all = joins.clone();
    let rank = |join: &JoinGuess| (sources[join.child].grid.records.len(), Reverse(join.child));
    joins.retain(|join| {
        let is_back = |other: &JoinGuess| {
            (other.child, &other.child_columns) == (join.parent, &join.parent_columns)
                && (other.parent, &other.parent_columns) == (join.child, &join.child_columns)
        };
        !all.iter().any(|other| is_back(other) && rank(join) > rank(other))
    });
    joins
}

/// The columns of one source that by their names may refer to the key of another.
fn candidates(child: &SampledSource, parent: &SampledSource, key: &[usize]) -> Vec<Vec<usize>> {
    let facts = |column: &usize| &parent.columns[*column];
    if let [only] = key {
        let refers = |column: &ColumnFacts| refers_to(column, facts(only), parent);
        return (0..child.columns.len()).filter(|at| refers(&child.columns[*at])).map(|at| vec![at]).collect();
    }
    let same = |column: &usize| child.columns.iter().position(|other| other.words == facts(column).words);
    key.iter().map(same).collect::<Option<Vec<usize>>>().into_iter().collect()
}

/// Whether a column by its name refers to the key of a source.
fn refers_to(column: &ColumnFacts, key: &ColumnFacts, parent: &SampledSource) -> bool {
    let whole: Vec<String> = parent.words.iter().chain(&key.words).cloned().collect();
    let is_general = key.words.len() == 1 && matches!(key.words[0].as_str(), "id" | "number" | "code" | "key" | "name");
    let is_role = column.words.iter().all(|word| ROLES.contains(&word.as_str()))
        && parent.words.iter().any(|word| PLACES.contains(&word.as_str()))
        && key.own_type == ColumnType::Text;
    let named = if is_general {
        column.words.ends_with(&whole)
    } else {
        column.words.ends_with(&key.words) || column.words == whole
    };
    !column.words.is_empty() && !key.words.is_empty() && (named || is_role)
}

/// Whether the values of some columns are contained in a key, and of the same types.
fn judge_join(
    sources: &[SampledSource],
    (child, child_columns): (usize, &[usize]),
    (parent, parent_columns): (usize, &[usize]),
) -> Option<JoinGuess> {
    let (one, other) = (&sources[child], &sources[parent]);
    let mut pairs = child_columns.iter().zip(parent_columns);
    let is_same = |(left, right): (&usize, &usize)| {
        one.columns[*left].own_type == other.columns[*right].own_type && one.columns[*left].filled > 0
    };
    if !pairs.all(is_same) {
        return None;
    }
    let values = |source: &SampledSource, columns: &[usize]| -> BTreeSet<String> {
        (0..source.grid.records.len()).filter_map(|record| tuple(source, record, columns)).collect()
    };
    let (found, keys) = (values(one, child_columns), values(other, parent_columns));
    let contained = found.intersection(&keys).count();
    let names = |source: &SampledSource, columns: &[usize]| -> Vec<Vec<String>> {
        columns.iter().map(|column| source.columns[*column].words.clone()).collect()
    };
    let is_same_name = names(one, child_columns) == names(other, parent_columns);
    // A reference may be old; where only half of a file was seen, less can be asked for.
    let least = match (is_same_name, other.is_whole) {
        (_, false) => 10,
        (true, true) => 50,
        (false, true) => 80,
    };
    let is_contained = contained > 0 && 100 * contained >= least * found.len();
    is_contained.then(|| JoinGuess {
        child,
        child_columns: child_columns.to_vec(),
        parent,
        parent_columns: parent_columns.to_vec(),
        evidence: format!("{contained} of {} values are among the {} of `{}`", found.len(), keys.len(), other.name),
    })
}
