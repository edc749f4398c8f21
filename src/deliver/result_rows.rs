//! A list or an object of an answer -> what may be results in it, and what names their documents.
//!
//! Pure. Results are written as objects, as rows (`["k1", 422]`), as columns (`{"ids": […], "statuses": […]}`), under the
//! keys of their documents, or under their statuses (`{"422": ["k1"]}`).

use std::{collections::BTreeSet, slice};

use serde_json::{Map, Value};

use crate::deliver::{
    answer_names::{Meaning, is_bad_word, is_good_word, names_results, read_name},
    answer_values::{is_present, leading_status, read_truth},
    failure_words::{
        SentDocument, SentDocuments, Told, are_statuses, is_code_repeated, is_column_of, read_bare_list, read_code,
        read_nested, read_status, read_told,
    },
    item_order::ItemOrder,
};

/// How deep an item is read.
const MAX_DEPTH: usize = 4;

/// What may be a result for each document: the items of a list, or the values of an object whose keys stand for documents.
pub(crate) struct ResultList<'a> {
    /// The items.
    pub(crate) items: Vec<&'a Value>,
    /// The order that keys or another list give.
    pub(crate) keys: Option<ItemOrder>,
    /// It has the name of results, or keys that stand for documents: a single value in it is a result, too.
    is_named: bool,
    /// It has the name of what is only true if it went well: 0 and 1 in it are truth values.
    is_truth: bool,
}

impl<'a> ResultList<'a> {
    fn keyed(items: Vec<&'a Value>, keys: ItemOrder) -> ResultList<'a> {
        ResultList { items, keys: Some(keys), is_named: true, is_truth: false }
    }

    /// What each item tells. Under another name bare values are results only where there is one for each document.
    pub(crate) fn tell(&self, order: &ItemOrder, sent: &SentDocuments<'_>, is_whole: bool) -> Vec<Told> {
        let document = |place| sent.at(if is_whole { order.document(place) } else { None });
        if let Some(told) = is_whole.then(|| read_bare_list(&self.items, document)).flatten() {
            return told;
        }
        let truths: Option<Vec<bool>> = self.items.iter().map(|item| read_truth(item)).collect();
        if let Some(truths) = truths.filter(|truths| self.is_truth && !truths.is_empty()) {
            return truths.into_iter().map(|truth| if truth { Told::Good(None) } else { Told::Bad(None) }).collect();
        }
        let statuses = find_statuses(&self.items);
        let numbers: Vec<&Value> = self.items.iter().copied().filter(|item| item.is_number()).collect();
        let are_numbers_statuses = are_statuses(&numbers);
        let bare = |item: &Value| read_cell(item, are_numbers_statuses, sent.at(None));
        let is_telling = self.is_named
            && self.items.iter().any(|item| is_single(item) && bare(item).is_bad())
            && !(is_whole && is_column_of(&self.items, document));
        let told = |(place, item): (usize, &&Value)| match item {
            item if is_single(item) => {
                if is_telling {
                    bare(item)
                } else {
                    Told::Nothing
                }
            }
            item => read_item(item, &statuses, document(place)),
        };
        let mut told: Vec<Told> = self.items.iter().enumerate().map(told).collect();
        for place in self.find_failure_codes().filter(|_| is_whole) {
            let is_echo = |item: &Map<String, Value>| is_code_repeated(item, document(place));
            if told[place] == Told::Nothing && !self.items[place].as_object().is_some_and(is_echo) {
                told[place] = Told::Bad(None);
            }
        }
        told
    }

    /// The places of items with a `code` that is no status, where others have one of success.
    fn find_failure_codes(&self) -> impl Iterator<Item = usize> {
        let codes: Vec<Option<i64>> = self.items.iter().map(|item| item.as_object().and_then(read_code)).collect();
        let has_success = codes.iter().flatten().any(|code| matches!(code, 0 | 200..=299));
        codes.into_iter().enumerate().filter(move |(_, code)| has_success && *code >= Some(600)).map(|(place, _)| place)
    }

    /// Whether no item tells anything without its document.
    pub(crate) fn is_silent(&self, sent: &SentDocuments<'_>) -> bool {
        let statuses = find_statuses(&self.items);
        self.find_failure_codes().next().is_none()
            && self.items.iter().all(|item| read_item(item, &statuses, sent.at(None)) == Told::Nothing)
    }
}

fn is_truth(name: &str) -> bool {
    [name, name.strip_suffix('s').unwrap_or(name)].into_iter().any(|name| read_name(name) == Meaning::Success)
}

fn is_single(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// In which places of rows the numbers are statuses.
fn find_statuses(rows: &[&Value]) -> Vec<bool> {
    let width = rows.iter().filter_map(|row| row.as_array()).map(Vec::len).max().unwrap_or(0);
    let column = |place: usize| rows.iter().filter_map(move |row| row.get(place)).filter(|cell| cell.is_number());
    (0..width).map(|place| are_statuses(&column(place).collect::<Vec<_>>())).collect()
}

/// What an item of a list tells, with all that is in it: an object, or a row.
fn read_item(item: &Value, statuses: &[bool], document: SentDocument<'_>) -> Told {
    match item {
        Value::Object(members) => read_told(members, document).and(read_nested(members, document, MAX_DEPTH)),
        Value::Array(cells) if !document.is_repeated_by(cells) => {
            let told = |has_names: bool| {
                let cells = cells.iter().enumerate().filter(|(_, cell)| has_names || !document.is_named_by(cell));
                let read = |(place, cell)| read_cell(cell, statuses.get(place) == Some(&true), document);
                cells.map(read).fold(Told::Nothing, Told::and)
            };
            // What was sent names the document, if something else tells how it went.
            Some(told(false)).filter(|told| *told != Told::Nothing).unwrap_or_else(|| told(true))
        }
        _ => Told::Nothing,
    }
}

fn read_cell(cell: &Value, is_status: bool, document: SentDocument<'_>) -> Told {
    match cell {
        Value::Number(_) if !is_status => Told::Nothing,
        Value::Object(_) | Value::Array(_) => read_item(cell, &find_statuses(&[cell]), document),
        single => read_status(&Map::new(), "status", single),
    }
}

/// What may be results in a list under a name, beside the other members of its object.
pub(crate) fn find_in_list<'a>(
    items: &'a [Value],
    name: &str,
    beside: Option<&'a Map<String, Value>>,
    sent: &SentDocuments<'_>,
) -> Vec<ResultList<'a>> {
    let columns = find_columns(items, sent);
    if !columns.is_empty() {
        return columns;
    }
    if let Some(list) = find_single_members(items, sent) {
        return vec![list];
    }
    let items = skip_header(items, sent);
    if let Some(rows) = find_rows_inside(items) {
        return vec![ResultList { items: rows, keys: None, is_named: false, is_truth: false }];
    }
    let is_whole = items.len() as u64 == sent.count();
    let is_wanted = names_results(name)
        || items.iter().any(holds_object)
        || (is_whole && items.iter().all(has_word))
        || items.iter().filter_map(Value::as_array).any(|row| name_all(row, sent).is_some());
    if !is_wanted {
        return Vec::new();
    }
    let items: Vec<&Value> = items.iter().collect();
    let keys = beside.and_then(|beside| {
        let lists = beside.iter().filter_map(|(name, value)| Some((name, value.as_array()?)));
        let others = lists.filter(|(other, list)| *other != name && list.len() == items.len());
        let order =
            |(name, list): (&String, &Vec<Value>)| ItemOrder::of_column(name, &list.iter().collect::<Vec<_>>(), sent);
        let orders: Vec<ItemOrder> = others.filter_map(order).collect();
        orders.iter().find(|order| !order.is_doubtful()).or(orders.first()).cloned()
    });
    let keys = keys.filter(|_| ItemOrder::of_items(&items, sent, true) == ItemOrder::BY_PLACE);
    vec![ResultList { items, keys, is_named: beside.is_some() && names_results(name), is_truth: is_truth(name) }]
}

/// Whether a value is an object, or a list with one in it.
fn holds_object(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|cells| cells.iter().any(holds_object))
}

/// The lists in a list of nothing but lists of objects, if it has not one for each document.
pub(crate) fn find_inner_lists<'a>(
    items: &'a [Value],
    sent: &SentDocuments<'_>,
) -> Option<impl Iterator<Item = &'a Value>> {
    let is_list = |item: &Value| item.as_array().is_some_and(|cells| !cells.iter().any(is_single));
    let are_lists = items.iter().any(holds_object) && items.iter().all(is_list);
    (are_lists && items.len() as u64 != sent.count()).then(|| items.iter())
}

fn is_word(text: &str) -> bool {
    is_bad_word(text) || is_good_word(text)
}

fn has_word(row: &Value) -> bool {
    row.as_array().is_some_and(|cells| cells.len() > 1 && cells.iter().filter_map(Value::as_str).any(is_word))
}

/// `[{"values": ["k0", 201]}, …]`: a row under the same name in each item.
fn find_rows_inside(items: &[Value]) -> Option<Vec<&Value>> {
    let first = items.first()?.as_object()?.keys().next()?;
    let row = |item: &'_ Value| item.as_object().is_some_and(|item| item.len() == 1);
    if read_name(first) != Meaning::Nothing || !items.iter().all(row) {
        return None;
    }
    let rows: Vec<&Value> = items.iter().map(|item| item.get(first)).collect::<Option<_>>()?;
    rows.iter().all(|row| row.as_array().is_some_and(|cells| !cells.iter().any(Value::is_object))).then_some(rows)
}

fn name_all(values: &[Value], sent: &SentDocuments<'_>) -> Option<ItemOrder> {
    ItemOrder::of_texts(&values.iter().collect::<Vec<_>>(), sent)
}

/// `[["k0", "k1"], [201, 422]]`: lists as long as the batch, of which one names the documents.
fn find_columns<'a>(items: &'a [Value], sent: &SentDocuments<'_>) -> Vec<ResultList<'a>> {
    let columns: Vec<&Vec<Value>> = items.iter().map_while(Value::as_array).collect();
    if columns.len() < items.len().max(2) || columns.iter().any(|column| column.len() as u64 != sent.count()) {
        return Vec::new();
    }
    let order = |column: &&Vec<Value>| ItemOrder::of_values(&column.iter().collect::<Vec<_>>(), sent);
    let is_text = |column: &&Vec<Value>| column.iter().all(Value::is_string);
    let mut names = columns.iter().enumerate().filter(|(_, column)| is_text(column));
    let Some((at, order)) = names.find_map(|(at, column)| Some((at, order(column)?))) else {
        return Vec::new();
    };
    let others = columns.iter().enumerate().filter(|(other, _)| *other != at);
    others.map(|(_, column)| ResultList::keyed(column.iter().collect(), order.clone())).collect()
}

/// `[{"k0": 201}, {"k1": 422}]`: objects with one member, whose names stand for documents.
fn find_single_members<'a>(items: &'a [Value], sent: &SentDocuments<'_>) -> Option<ResultList<'a>> {
    let members = items.iter().map(|item| item.as_object().filter(|object| object.len() == 1)?.iter().next());
    let (keys, values): (Vec<Value>, Vec<&Value>) =
        members.map(|member| member.map(|(name, value)| (Value::from(name.as_str()), value))).collect::<Option<_>>()?;
    if let Some(list) = find_keyed(&keys, values.clone(), sent) {
        return Some(list);
    }
    // Names of the API before words.
    let distinct: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let are_names = distinct.len() == keys.len() && distinct.iter().all(|name| read_name(name) == Meaning::Nothing);
    let are_words = values.iter().all(|value| value.as_str().is_some_and(is_word));
    let is_whole = keys.len() as u64 == sent.count();
    (are_names && are_words && is_whole && !keys.is_empty()).then_some(ResultList {
        items: values,
        keys: None,
        is_named: true,
        is_truth: false,
    })
}

/// Values beside keys that each stand for a document.
fn find_keyed<'a>(keys: &[Value], values: Vec<&'a Value>, sent: &SentDocuments<'_>) -> Option<ResultList<'a>> {
    let order = ItemOrder::of_values(&keys.iter().collect::<Vec<_>>(), sent).or_else(|| name_all(keys, sent))?;
    let is_whole = (0..keys.len()).all(|place| order.document(place).is_some());
    is_whole.then(|| ResultList::keyed(values, order))
}

/// `[["id", "status"], ["k0", 201], …]`: one row more than documents, and the first names a status.
fn skip_header<'a>(items: &'a [Value], sent: &SentDocuments<'_>) -> &'a [Value] {
    let names_status =
        |row: &Vec<Value>| row.iter().all(Value::is_string) && row.iter().filter_map(Value::as_str).any(names_results);
    match items {
        [Value::Array(first), rest @ ..] if rest.len() as u64 == sent.count() && names_status(first) => rest,
        items => items,
    }
}

/// Results under the keys of their documents, of all or of some.
pub(crate) fn find_in_object<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    sent: &SentDocuments<'_>,
) -> Option<ResultList<'a>> {
    let keys: Vec<Value> = object.keys().map(|key| Value::from(key.as_str())).collect();
    let list = find_keyed(&keys, object.values().collect(), sent)?;
    Some(ResultList { is_truth: is_truth(name), ..list })
}

/// What an object tells that has names which are statuses, as in `{"201": ["k0"], "422": ["k1"]}`.
pub(crate) fn read_groups(object: &Map<String, Value>, sent: &SentDocuments<'_>) -> Told {
    let status = |name: &str| {
        let class = name.strip_suffix("xx").or_else(|| name.strip_suffix("XX")).map(|class| format!("{class}00"));
        let digits = class.as_deref().unwrap_or(name);
        leading_status(digits).filter(|_| digits.len() == 3)
    };
    let groups: Vec<(&String, u16, bool)> =
        object.iter().filter_map(|(name, value)| Some((name, status(name)?, is_present(value)))).collect();
    let has_success = groups.iter().any(|(_, status, _)| *status < 300);
    if !groups.is_empty() && (has_success || groups.len() == object.len()) {
        let is_sent = |key: &String| {
            (0..sent.all().len()).any(|place| sent.at(Some(place)).is_named_by(&Value::from(key.as_str())))
        };
        let present: Vec<u16> =
            groups.iter().filter(|(_, _, is_there)| *is_there).map(|(_, status, _)| *status).collect();
        return match *present.as_slice() {
            _ if groups.iter().all(|(name, ..)| is_sent(name)) => Told::Nothing,
            [status] if status >= 400 => Told::Bad(Some(status)),
            ref statuses if statuses.iter().any(|status| *status >= 400) => Told::Bad(None),
            _ => Told::Nothing,
        };
    }
    Told::Nothing
}

/// What an object tells that has a word for each document, under names of its own.
pub(crate) fn read_words(object: &Map<String, Value>, sent: &SentDocuments<'_>) -> Told {
    let is_word = |(name, value): (&String, &Value)| {
        let text = value.as_array().filter(|cells| cells.len() == 1).map_or(slice::from_ref(value), Vec::as_slice);
        read_name(name) == Meaning::Nothing && text[0].as_str().is_some_and(is_word)
    };
    let repetition = sent.only().compare(object);
    let is_bad =
        |(name, value): (&String, &Value)| value.as_str().is_some_and(is_bad_word) && !repetition.has(name, value);
    let are_words = object.len() as u64 == sent.count() && object.iter().all(is_word);
    if are_words && object.iter().any(is_bad) { Told::Bad(None) } else { Told::Nothing }
}
