//! What the contract wants and what the files have -> a drafted tree of fields, each with the reason of its guess.
//!
//! The source of the documents is the one whose columns fit the most fields. A list is made of the records of a source that
//! belong to these, or, where an export repeats its records on every line, of the rows of the same file.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    commands::init::{
        codes::{self, CodeGuess},
        columns::{ColumnFacts, ColumnType, Judgement},
        drafted::{Declaration, DraftedField, DraftedValue, RowRole, is_drafted},
        fits::{Fit, add_words, assign, find_repeated_key, list_lists, list_places, name_list},
        keys::JoinGuess,
        names::{NEAR, SURE, nearness},
        sources::SampledSource,
        wanted::{WantedField, WantedLeaf, WantedValue},
        yaml,
    },
    config::contract::Contract,
};

/// How many different texts of a column are held against the contract.
const MAX_JUDGED: usize = 1000;

/// What was chosen.
pub(super) struct Choice<'a> {
    contract: &'a Contract,
    /// An item is drafted that is left out when its cells are empty.
    in_slot: bool,
    pub(super) sources: &'a [SampledSource],
    joins: &'a [JoinGuess],
    /// The joins that the fields use.
    used_joins: Vec<JoinGuess>,
    /// The source of the documents.
    pub(super) each: usize,
    pub(super) fields: Vec<DraftedField>,
    /// The sources that the fields use, in the order of their use.
    pub(super) used: Vec<usize>,
    /// What is declared of the columns of each source, by their numbers.
    pub(super) declared: Vec<BTreeMap<usize, Declaration>>,
    pub(super) codes: Vec<CodeGuess>,
    pub(super) rows: Option<RowRole>,
    /// The list that the rows of the file itself make, by the names of its fields.
    rows_list: Option<String>,
}

/// Chooses sources and columns for the fields of a contract.
pub(super) fn choose<'a>(
    contract: &'a Contract,
    sources: &'a [SampledSource],
    joins: &'a [JoinGuess],
    fields: &[WantedField],
) -> Choice<'a> {
    let points = |source: &SampledSource| -> u32 {
        let places = list_places(fields, &source.words);
        assign(source, &places, &BTreeSet::new()).iter().flatten().map(|fit| fit.points).sum()
    };
    let has_children = |source: usize| joins.iter().any(|join| join.parent == source);
    let rank = |number: &usize| (points(&sources[*number]), has_children(*number), usize::MAX - number);
    let each = (0..sources.len()).max_by_key(rank).unwrap_or(0);
    let declared = vec![BTreeMap::new(); sources.len()];
    let (used, codes) = (vec![each], Vec::new());
    let mut choice = Choice {
        contract,
        in_slot: false,
        sources,
        joins,
        used_joins: Vec::new(),
        each,
        fields: Vec::new(),
        used,
        declared,
        codes,
        rows: None,
        rows_list: None,
    };
    choice.rows_list = choice.find_rows_list(fields, &sources[each].words);
    choice.fields = choice.draft(each, fields, &sources[each].words.clone(), &BTreeSet::new());
    choice.align_types();
    choice
}

impl Choice<'_> {
    /// The list whose fields the most columns fit, if the file has no key of one column and nothing belongs to its records.
    fn find_rows_list(&self, fields: &[WantedField], around: &[String]) -> Option<String> {
        let source = &self.sources[self.each];
        let is_single = source.key.as_ref().is_some_and(|key| key.columns.len() == 1);
        if is_single || self.joins.iter().any(|join| join.parent == self.each) {
            return None;
        }
        let places = list_places(fields, around);
        let taken: BTreeSet<usize> =
            assign(source, &places, &BTreeSet::new()).iter().flatten().map(|fit| fit.column).collect();
        let mut lists = Vec::new();
        list_lists(fields, around, &mut lists);
        let points = |(inner, around): &(&[WantedField], Vec<String>)| -> u32 {
            assign(source, &list_places(inner, around), &taken).iter().flatten().map(|fit| fit.points).sum()
        };
        let best = lists.iter().map(|list| (points(list), list)).max_by_key(|(points, _)| *points);
        best.filter(|(points, _)| *points > 0).map(|(_, (inner, _))| name_list(inner))
    }

    /// Drafts the fields of an object from the records of a source, without some of its columns.
    fn draft(
        &mut self,
        source: usize,
        fields: &[WantedField],
        around: &[String],
        without: &BTreeSet<usize>,
    ) -> Vec<DraftedField> {
        let places = list_places(fields, around);
        let (places, looked_up): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| self.find_lookup(source, fields, &place.path, without).is_none());
        let fits = assign(&self.sources[source], &places, without);
        let taken: BTreeSet<usize> =
            fits.iter().flatten().map(|fit| fit.column).chain(without.iter().copied()).collect();
        let mut chosen: BTreeMap<Vec<usize>, Option<Fit>> =
            places.iter().zip(fits).map(|(place, fit)| (place.path.clone(), fit)).collect();
        for place in looked_up {
            chosen.remove(&place.path);
        }
        let mut drafting = Drafting { choice: self, source, chosen: &chosen, taken: &taken };
        drafting.draft_fields(fields, &mut Vec::new(), around)
    }

    /// The join by which an object on the way to a value is looked up in another source, if that fits better.
    fn find_lookup(
        &self,
        source: usize,
        fields: &[WantedField],
        path: &[usize],
        without: &BTreeSet<usize>,
    ) -> Option<(usize, &JoinGuess)> {
        let mut inside = fields;
        for (depth, step) in path.iter().enumerate().take(path.len() - 1) {
            let field = &inside[*step];
            let WantedValue::Object(inner) = &field.value else { return None };
            if let Some(join) = self.lookup_of(source, field, inner, without) {
                return Some((depth, join));
            }
            inside = inner;
        }
        None
    }

    /// The join to the source in which an object is better found than in the record itself.
    fn lookup_of(
        &self,
        source: usize,
        field: &WantedField,
        inner: &[WantedField],
        without: &BTreeSet<usize>,
    ) -> Option<&JoinGuess> {
        let points = |source: usize, without: &BTreeSet<usize>| -> u32 {
            let places = list_places(inner, &field.words);
            assign(&self.sources[source], &places, without).iter().flatten().map(|fit| fit.points).sum()
        };
        let own = points(source, without);
        let mut joins: Vec<(u32, &JoinGuess)> = self
            .joins
            .iter()
            .filter(|join| join.child == source)
            .map(|join| (points(join.parent, &BTreeSet::new()), join))
            .filter(|(points, _)| *points > own)
            .collect();
        joins.sort_by_key(|(points, _)| *points);
        joins.pop().map(|(_, join)| join)
    }

    /// Declares both columns of a match alike: different types match nothing.
    fn align_types(&mut self) {
        for join in std::mem::take(&mut self.used_joins) {
            for (child, parent) in join.child_columns.iter().zip(&join.parent_columns) {
                let ends = [(join.child, *child), (join.parent, *parent)];
                let type_of = |(source, column): (usize, usize)| {
                    let keys = &self.declared[source].get(&column)?.keys;
                    keys.iter().find(|(key, _)| *key == "type").map(|(_, word)| word.clone())
                };
                let types = ends.map(type_of);
                for (at, (source, column)) in ends.into_iter().enumerate() {
                    let (None, Some(other)) = (&types[at], &types[1 - at]) else { continue };
                    let wanted = ColumnType::ALL.into_iter().find(|known| known.word() == other);
                    let judged = wanted.and_then(|wanted| self.sources[source].columns[column].judge(wanted)).cloned();
                    if let Some(judged) = judged {
                        self.declare(source, column, judged, other == "code");
                    }
                }
            }
        }
    }

    /// Adds a code table, under a name of its own; returns the name.
    fn add_codes(&mut self, guess: CodeGuess) -> String {
        if let Some(known) = self.codes.iter().find(|known| known.entries == guess.entries) {
            return known.name.clone();
        }
        let count = self.codes.iter().filter(|known| known.name.starts_with(&guess.name)).count();
        let name = if count == 0 { guess.name.clone() } else { format!("{}_{}", guess.name, count + 1) };
        self.codes.push(CodeGuess { name: name.clone(), ..guess });
        name
    }

    fn use_source(&mut self, source: usize) {
        if !self.used.contains(&source) {
            self.used.push(source);
        }
    }

    /// Declares a column, if it was not declared already.
    fn declare(&mut self, source: usize, column: usize, judged: Judgement, is_code: bool) {
        let facts = &self.sources[source].columns[column];
        let declaration = self.declared[source].entry(column).or_default();
        if declaration.keys.iter().any(|(key, _)| *key == "type") {
            return;
        }
        let is_plain = judged.keys.is_empty();
        declaration.keys.extend(judged.keys);
        if is_code && facts.is_filled() {
            declaration.keys.push(("type", "code".into()));
            let count = facts.values.len();
            declaration.notes.push(format!("{count} different values in {} cells", facts.filled));
        } else if !is_plain {
            declaration.notes.push(judged.evidence);
        }
        declaration.notes.extend(judged.todo.map(|todo| format!("TODO: {todo}")));
        if facts.has_spaces && !declaration.keys.iter().any(|(key, _)| *key == "trim") {
            declaration.keys.push(("trim", "true".into()));
            declaration.notes.push("some cells have white space around them".into());
        }
        if facts.has_apostrophes {
            declaration.keys.push(("prefix", "\"'\"".into()));
            declaration.notes.push("most cells begin with an apostrophe".into());
        }
        if facts.is_contact() {
            declaration.keys.push(("sensitive", "true".into()));
            let at = facts.count(|value| value.contains('@'));
            declaration.notes.push(if at > 0 {
                format!("{at} of {} look like e-mail addresses", facts.filled)
            } else {
                "its name is that of an address or a telephone".into()
            });
        }
    }
}

/// The fields of one object in the making.
struct Drafting<'a, 'b> {
    choice: &'a mut Choice<'b>,
    source: usize,
    chosen: &'a BTreeMap<Vec<usize>, Option<Fit>>,
    taken: &'a BTreeSet<usize>,
}

impl Drafting<'_, '_> {
    fn draft_fields(&mut self, fields: &[WantedField], path: &mut Vec<usize>, around: &[String]) -> Vec<DraftedField> {
        let mut drafted = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            path.push(number);
            let (value, note) = self.draft_value(field, path, around);
            drafted.push(DraftedField { name: field.name.clone(), value, note });
            path.pop();
        }
        drafted
    }

    fn draft_value(&mut self, field: &WantedField, path: &mut Vec<usize>, around: &[String]) -> (DraftedValue, String) {
        let around = add_words(around, &field.words);
        match &field.value {
            WantedValue::Leaf(leaf) => self.draft_leaf(field, leaf, path),
            WantedValue::Object(inner) => {
                let found = self.choice.lookup_of(self.source, field, inner, self.taken).cloned();
                if let Some(join) = found {
                    self.choice.use_source(join.parent);
                    let fields = self.choice.draft(join.parent, inner, &around, &BTreeSet::new());
                    return self.related(&join, false, fields);
                }
                let fields = self.draft_fields(inner, path, &around);
                let is_found = fields.iter().any(|field| is_drafted(&field.value));
                if is_found { (DraftedValue::Object(fields), String::new()) } else { missing(field) }
            }
            WantedValue::List(item) => match &**item {
                WantedValue::Object(inner) => self.draft_list(field, inner, &around),
                WantedValue::Leaf(leaf) => self.draft_values(field, leaf, path),
                _ => missing(field),
            },
            WantedValue::Open => self.draft_keyed().unwrap_or_else(|| missing(field)),
        }
    }

    fn draft_leaf(&mut self, field: &WantedField, leaf: &WantedLeaf, path: &[usize]) -> (DraftedValue, String) {
        if let Some(only) = &leaf.only {
            let note = "the contract allows nothing else".to_owned();
            return if field.is_required { (DraftedValue::Constant(only.clone()), note) } else { missing(field) };
        }
        let Some(Fit { column, points }) = self.chosen.get(path).copied().flatten() else { return missing(field) };
        if points < SURE
            && field.words == ["name"]
            && let Some(whole) = self.draft_whole_name()
        {
            return whole;
        }
        let facts = &self.choice.sources[self.source].columns[column];
        let mut notes = Vec::new();
        notes.extend(describe_guess(points));
        let wanted = leaf.column_type();
        let judged = facts.judge(wanted).cloned();
        if judged.is_none() {
            notes.push(format!("TODO: too few of its cells are what the contract wants, a {}", wanted.word()));
        }
        let codes = codes::guess_table(&field.name, facts, leaf, &mut notes);
        notes.extend(self.judge_texts(facts, leaf).filter(|_| codes.is_none()));
        let empty = facts.records - facts.filled;
        let if_empty = match (field.is_required, leaf.is_nullable()) {
            _ if empty == 0 => None,
            (_, true) => Some("set_null"),
            (false, false) => Some("omit"),
            (true, false) => None,
        };
        if empty > 0 && if_empty.is_none() && leaf.refuses_empty() && !self.choice.in_slot {
            notes.push(format!("TODO: {empty} of {} cells are empty, and their records are rejected", facts.records));
        }
        let is_code = codes.is_some() || (!leaf.values.is_empty() && facts.are_codes());
        let column_name = facts.name.clone();
        let judged = judged.unwrap_or(Judgement { keys: Vec::new(), evidence: String::new(), todo: None });
        self.choice.declare(self.source, column, judged, is_code);
        let codes = codes.map(|guess| self.choice.add_codes(guess));
        (DraftedValue::Column { column: column_name, codes, if_empty }, notes.join("; "))
    }

    /// A list of values: the pieces of a cell, or the only cell.
    fn draft_values(&mut self, field: &WantedField, leaf: &WantedLeaf, path: &[usize]) -> (DraftedValue, String) {
        let Some(Fit { column, points }) = self.chosen.get(path).copied().flatten() else {
            return self.draft_coordinates(field).unwrap_or_else(|| missing(field));
        };
        let facts = &self.choice.sources[self.source].columns[column];
        let counts = [", ", ",", ";", "|"].map(|mark| (facts.count(|value| value.contains(mark)), mark.trim()));
        let (count, mark) = counts.into_iter().max_by_key(|(count, _)| *count).unwrap_or_default();
        let judged = facts.judge(if count > 0 { ColumnType::Text } else { leaf.column_type() }).cloned();
        let mut note =
            if count > 0 { format!("`{mark}` stands in {count} of {} cells", facts.filled) } else { String::new() };
        if let Some(guess) = describe_guess(points).or((count == 0).then(|| "TODO: a list of one item".to_owned())) {
            note = [guess, note].into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ");
        }
        let name = facts.name.clone();
        if let Some(judged) = judged {
            self.choice.declare(self.source, column, judged, false);
        }
        if count > 0 {
            let declaration = self.choice.declared[self.source].entry(column).or_default();
            declaration.keys.retain(|(key, _)| *key != "trim");
            declaration.keys.extend([("split", yaml::quoted(mark)), ("trim", "true".to_owned())]);
        }
        (DraftedValue::Listed { columns: vec![name], is_split: count > 0 }, note)
    }

    /// The longitude and the latitude of a place, as maps on the web write them.
    fn draft_coordinates(&mut self, field: &WantedField) -> Option<(DraftedValue, String)> {
        let columns = &self.choice.sources[self.source].columns;
        let find = |word: &str| columns.iter().position(|facts| facts.words.last().is_some_and(|last| last == word));
        let pair = [find("longitude")?, find("latitude")?];
        if field.words != ["coordinate"] {
            return None;
        }
        let names = pair.map(|column| columns[column].name.clone());
        for column in pair {
            let judged = columns[column].judge(ColumnType::Decimal)?.clone();
            self.choice.declare(self.source, column, judged, false);
        }
        let note = "TODO: a guess: longitude before latitude, as in GeoJSON".to_owned();
        Some((DraftedValue::Listed { columns: names.to_vec(), is_split: false }, note))
    }

    /// A whole name, where the file has its two parts.
    fn draft_whole_name(&mut self) -> Option<(DraftedValue, String)> {
        let columns = &self.choice.sources[self.source].columns;
        let find = |words: [&str; 2]| columns.iter().find(|facts| facts.words == words).map(|facts| facts.name.clone());
        let names = [find(["first", "name"])?, find(["last", "name"])?];
        let is_word = |name: &String| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let note = "TODO: a guess: the first and the last name".to_owned();
        names.iter().all(is_word).then(|| (DraftedValue::Joined { columns: names.to_vec() }, note))
    }

    /// An object of any fields: related records of which one column names the field, and another has its value.
    fn draft_keyed(&mut self) -> Option<(DraftedValue, String)> {
        let sources = self.choice.sources;
        let joins = self.choice.joins.iter().filter(|join| join.parent == self.source);
        let mut found = joins.filter_map(|join| {
            let columns = &sources[join.child].columns;
            let key = &sources[join.child].key.as_ref()?.columns;
            let others: Vec<usize> =
                key.iter().copied().filter(|column| !join.child_columns.contains(column)).collect();
            let values: Vec<usize> = (0..columns.len()).filter(|column| !key.contains(column)).collect();
            let ([name], [value]) = (others.as_slice(), values.as_slice()) else { return None };
            if !columns[*name].is_usable() || !columns[*value].is_usable() {
                return None;
            }
            Some((join.clone(), columns[*name].name.clone(), columns[*value].name.clone()))
        });
        let (join, keyed_by, from) = found.next()?;
        let (value, note) = self.related(&join, true, Vec::new());
        let DraftedValue::Related { source, matches, .. } = value else { return None };
        Some((DraftedValue::Keyed { source, matches, keyed_by, from }, format!("TODO: a guess; {note}")))
    }

    /// A list of objects: related records, the rows of the same file, or columns that are numbered.
    fn draft_list(&mut self, field: &WantedField, inner: &[WantedField], around: &[String]) -> (DraftedValue, String) {
        let sources = self.choice.sources;
        let points = |source: usize, without: &BTreeSet<usize>| -> u32 {
            let places = list_places(inner, around);
            assign(&sources[source], &places, without).iter().flatten().map(|fit| fit.points).sum()
        };
        let rank = |join: &&JoinGuess| {
            let named = nearness(&sources[join.child].words, &field.words, &[]);
            (points(join.child, &join.child_columns.iter().copied().collect()), named)
        };
        let joins =
            self.choice.joins.iter().filter(|join| join.parent == self.source && join.child != self.choice.each);
        let best =
            joins.map(|join| (rank(&join), join)).filter(|((points, _), _)| *points > 0).max_by_key(|(rank, _)| *rank);
        if let Some(join) = best.map(|(_, join)| join.clone()) {
            let child_columns = BTreeSet::new();
            self.choice.use_source(join.child);
            let around: Vec<String> = around.iter().chain(&sources[join.child].words).cloned().collect();
            let fields = self.choice.draft(join.child, inner, &around, &child_columns);
            return self.related(&join, true, fields);
        }
        if let Some(rows) = self.draft_rows(field, inner, around) {
            return rows;
        }
        if let Some(slots) = self.draft_slots(inner, around) {
            let note = match slots.len() {
                1 => "TODO: a guess: one item, from columns of the record".to_owned(),
                count => format!("{count} items: the names of the columns are numbered"),
            };
            return (DraftedValue::Slots(slots), note);
        }
        missing(field)
    }

    /// A list of the rows of the same file, whose records are repeated on every line.
    fn draft_rows(
        &mut self,
        field: &WantedField,
        inner: &[WantedField],
        around: &[String],
    ) -> Option<(DraftedValue, String)> {
        let source = &self.choice.sources[self.source];
        if self.choice.rows_list.as_deref() != Some(name_list(inner).as_str()) || self.choice.rows.is_some() {
            return None;
        }
        let fits: Vec<usize> =
            assign(source, &list_places(inner, around), self.taken).iter().flatten().map(|fit| fit.column).collect();
        let wanted = inner.iter().filter(|field| field.is_required).count().max(1);
        let (key, evidence) = find_repeated_key(source, self.taken, &fits).filter(|_| 2 * fits.len() >= wanted)?;
        let name = field.name.to_lowercase();
        let name = if name == source.name { format!("{name}_rows") } else { name };
        let role = RowRole { name: name.clone(), source: self.source, key, evidence: evidence.clone() };
        self.choice.rows = Some(role);
        let taken = self.taken.clone();
        let fields = self.choice.draft(self.source, inner, around, &taken);
        let key = source.columns[key].name.clone();
        let value = DraftedValue::Related { is_list: true, source: name, matches: vec![(key.clone(), key)], fields };
        Some((value, String::new()))
    }

    /// A list with one item for each number in the names of columns, as `price1` and `price2`.
    fn draft_slots(&mut self, inner: &[WantedField], around: &[String]) -> Option<Vec<Vec<DraftedField>>> {
        let source = &self.choice.sources[self.source];
        let number = |facts: &ColumnFacts| {
            let mut numbers = facts.words.iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
            numbers.next().filter(|_| !facts.words.is_empty()).cloned()
        };
        let mut numbers: Vec<String> = source.columns.iter().filter_map(number).collect();
        numbers.sort();
        numbers.dedup();
        let mut slots = Vec::new();
        for wanted in &numbers {
            let others: BTreeSet<usize> = source
                .columns
                .iter()
                .enumerate()
                .filter(|(_, facts)| number(facts).as_ref() != Some(wanted))
                .map(|(at, _)| at)
                .chain(self.taken.iter().copied())
                .collect();
            let around: Vec<String> = around.iter().cloned().chain([wanted.clone()]).collect();
            let fits = assign(source, &list_places(inner, &around), &others).iter().flatten().count();
            let least = inner.iter().filter(|field| field.is_required).count().max(1);
            if fits >= least {
                slots.push(self.draft_slot(inner, &around, &others));
            }
        }
        if slots.is_empty() && self.is_one_item(inner, around) {
            let taken = self.taken.clone();
            slots.push(self.draft_slot(inner, around, &taken));
        }
        (!slots.is_empty()).then_some(slots)
    }

    fn draft_slot(&mut self, inner: &[WantedField], around: &[String], without: &BTreeSet<usize>) -> Vec<DraftedField> {
        let before = std::mem::replace(&mut self.choice.in_slot, true);
        let fields = self.choice.draft(self.source, inner, around, without);
        self.choice.in_slot = before;
        fields
    }

    /// How many cells the contract does not accept as the texts that they are.
    fn judge_texts(&self, facts: &ColumnFacts, leaf: &WantedLeaf) -> Option<String> {
        let is_text = leaf.values.is_empty() && leaf.column_type() == ColumnType::Text && !leaf.types.is_empty();
        let looked_at = facts.values.iter().take(if is_text { MAX_JUDGED } else { 0 });
        let read = |value: &str| value.strip_prefix('\'').filter(|_| facts.has_apostrophes).unwrap_or(value).to_owned();
        let refused =
            looked_at.filter(|(value, _)| !self.choice.contract.part_accepts(&leaf.pointer, &read(value).into()));
        match refused.map(|(_, count)| count).sum::<usize>() {
            0 => None,
            refused => Some(format!("TODO: the contract refuses {refused} of {} cells as they are", facts.filled)),
        }
    }

    /// Whether columns of the record make one item of a list, which is not the list that the rows make.
    fn is_one_item(&self, inner: &[WantedField], around: &[String]) -> bool {
        let source = &self.choice.sources[self.source];
        let fits = assign(source, &list_places(inner, around), self.taken);
        let is_named = |field: &WantedField| {
            field.is_required && matches!(&field.value, WantedValue::Leaf(leaf) if leaf.only.is_none())
        };
        let wanted = inner.iter().filter(|field| is_named(field)).count();
        let found = fits.iter().flatten().count();
        found > 0 && found + 1 >= wanted && self.choice.rows_list.as_deref() != Some(name_list(inner).as_str())
    }

    /// Related records by a join.
    fn related(&mut self, join: &JoinGuess, is_list: bool, fields: Vec<DraftedField>) -> (DraftedValue, String) {
        let other = if is_list { join.child } else { join.parent };
        self.choice.use_source(other);
        let name = |source: usize, column: &usize| self.choice.sources[source].columns[*column].name.clone();
        let pairs = join.child_columns.iter().zip(&join.parent_columns);
        let matches = pairs.map(|(child, parent)| {
            let (child, parent) = (name(join.child, child), name(join.parent, parent));
            if is_list { (child, parent) } else { (parent, child) }
        });
        let source = self.choice.sources[other].name.clone();
        let matches = matches.collect();
        let note = join.evidence.clone();
        self.choice.used_joins.push(join.clone());
        (DraftedValue::Related { is_list, source, matches, fields }, note)
    }
}

/// How far a guess by names can be trusted.
fn describe_guess(points: u32) -> Option<String> {
    match points {
        SURE.. => None,
        NEAR => Some("TODO: a weak guess: by its type, or by a part of its name".to_owned()),
        _ => Some("TODO: a guess by its name".to_owned()),
    }
}

/// Nothing was found for a field.
fn missing(field: &WantedField) -> (DraftedValue, String) {
    (DraftedValue::Missing { is_required: field.is_required }, String::new())
}
