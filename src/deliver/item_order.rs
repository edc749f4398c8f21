//! A list of results -> the document that each item is about: by a number in it, by a value that was sent, or by its place.
//!
//! Pure. The place counts unless the items visibly say otherwise: they hold values that each stand for one document, and in
//! another order. Where they do not name each document once, no item is about any document. Under which name such a value
//! stands matters only as long as all items mean the same; where some failed, every value counts.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Map, Value};

use crate::deliver::{
    answer_names::{Meaning, normalize, read_name, split_words},
    answer_values::{read_index, read_whole},
    failure_words::SentDocuments,
    success_body::cut,
};

/// The names of the number of a document, without case and separators.
const INDEX: [&str; 4] = ["index", "position", "row", "itemindex"];
/// The ends of names of what may stand for a document, although the document itself calls it otherwise.
const KEYS: [&str; 11] =
    ["id", "key", "uuid", "guid", "number", "line", "seq", "sequence", "ordinal", "reference", "identifier"];
/// The last words of other names of the number of a document.
const PLACES: [&str; 9] = ["index", "idx", "ix", "i", "position", "pos", "row", "rownum", "offset"];
/// The same for names that may also be those of a count.
const COUNTS: [&str; 7] = ["n", "no", "nr", "num", "item", "record", "entry"];
/// The last words of the names of texts for people, which may repeat a value of any document.
const PROSE: [&str; 17] = [
    "detail",
    "details",
    "message",
    "messages",
    "msg",
    "msgs",
    "text",
    "description",
    "desc",
    "title",
    "reason",
    "reasons",
    "explanation",
    "summary",
    "hint",
    "comment",
    "remark",
];
/// How deep an item is searched for what names its document.
const MAX_DEPTH: usize = 5;
/// How many values of an item are looked at, and how many items of a list in it.
const MAX_VALUES: usize = 64;
const MAX_ITEMS: usize = 4;
/// How many digits a number has that is none of a count or of a place.
const LONG_NUMBER: usize = 4;
/// What stands before a value at the end of a path, as in `/orders/k1` or `Orders(id='k1')`, and what after it.
const BEFORE_VALUE: [char; 7] = ['/', ':', '#', '=', '(', '\'', '"'];
const AFTER_VALUE: [char; 4] = ['/', ')', '\'', '"'];
/// What stands around a value inside a path, as in `Order/k1/_history/2` or `/orders/k1?v=2`, or in another name, as in `order-k1`.
const AROUND_VALUE: [char; 14] = ['/', ':', '#', '=', '(', ')', '\'', '"', '?', '&', ',', '-', '_', '.'];

/// Which document each item of a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemOrder {
    /// By the places of the items; `None`: each is about the document at its own place.
    documents: Option<Vec<Option<usize>>>,
    /// What names the documents names them in another order, too: this one is good for nothing where items differ.
    is_doubtful: bool,
}

impl ItemOrder {
    /// Each item is about the document at its place.
    pub(crate) const BY_PLACE: ItemOrder = ItemOrder { documents: None, is_doubtful: false };

    /// By the numbers in the items; by place where none has one.
    pub(crate) fn by_numbers(numbers: Vec<Option<usize>>) -> ItemOrder {
        ItemOrder { documents: numbers.iter().any(Option::is_some).then_some(numbers), is_doubtful: false }
    }

    /// By what the items of a list say themselves. `is_mixed`: they do not all mean the same, so the order matters.
    pub(crate) fn of_items(items: &[&Value], sent: &SentDocuments<'_>, is_mixed: bool) -> ItemOrder {
        let numbers: Vec<Option<usize>> = items.iter().map(|item| find_index(item, sent)).collect();
        if numbers.iter().any(Option::is_some) {
            let counted = count_from_zero(&numbers).and_then(|numbers| read_permutation(&numbers));
            return counted.map_or_else(|| ItemOrder::by_numbers(numbers), ItemOrder::of_permutation);
        }
        if items.len() < 2 || items.len() as u64 != sent.count() {
            return ItemOrder::BY_PLACE;
        }
        let objects: Option<Vec<Cow<'_, Map<String, Value>>>> = items.iter().map(|item| name_cells(item)).collect();
        objects.map_or(ItemOrder::BY_PLACE, |objects| Hints::find(&objects, sent, is_mixed).decide())
    }

    /// By values that stand beside the results, as the keys of an object: one for each, if each stands for one document. It is
    /// doubtful where they do so in several ways, as the numbers 3, 2 and 1 that are ids.
    pub(crate) fn of_values(values: &[&Value], sent: &SentDocuments<'_>) -> Option<ItemOrder> {
        if values.is_empty() || values.len() as u64 != sent.count() {
            return None;
        }
        let keys: Vec<Option<&Value>> = values.iter().map(|value| Some(*value)).collect();
        let (named, others): (Vec<SentColumn>, Vec<SentColumn>) =
            find_columns(sent, |_| true).into_iter().partition(|column| is_key(&column.name));
        let by_value = named.iter().chain(&others).filter_map(|column| read_permutation(&column.name_all(&keys)));
        let mut orders = by_value.chain(read_numbers(&keys).filter(|_| keys.len() > 1));
        let first = orders.next()?;
        let is_doubtful = orders.any(|order| order != first);
        Some(ItemOrder { is_doubtful, ..ItemOrder::of_permutation(first) })
    }

    /// The same for items that do not all mean the same: no item is about any document where it is doubtful.
    pub(crate) fn for_mixed(&self) -> ItemOrder {
        let documents = self.documents.iter().flatten().map(|document| document.filter(|_| !self.is_doubtful));
        ItemOrder { documents: self.documents.is_some().then(|| documents.collect()), is_doubtful: self.is_doubtful }
    }

    /// Whether what names the documents does so in several ways.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// By texts and long numbers alone, as far as they stand for documents: an item whose value stands for none is about none.
    pub(crate) fn of_texts(values: &[&Value], sent: &SentDocuments<'_>) -> Option<ItemOrder> {
        let keys: Vec<Option<&Value>> = values.iter().map(|value| Some(*value)).collect();
        let columns = find_columns(sent, |_| true).into_iter().filter(|column| column.is_telling);
        let mut named = columns.map(|column| column.name_all(&keys)).filter(|named| named.iter().any(Option::is_some));
        named.next().map(|documents| ItemOrder { documents: Some(documents), is_doubtful: false })
    }

    /// By a list beside the results: by its texts, or by numbers where its name is one of keys or of places.
    pub(crate) fn of_column(name: &str, values: &[&Value], sent: &SentDocuments<'_>) -> Option<ItemOrder> {
        let one = name.strip_suffix('s').unwrap_or(name);
        let is_named = is_key(&normalize(one)) || ends_in(one, &PLACES) || normalize(name).ends_with("indices");
        let keys: Vec<Option<&Value>> = values.iter().map(|value| Some(*value)).collect();
        let alike = find_columns(sent, |column| column == normalize(one));
        let by_name = alike.iter().find_map(|column| read_permutation(&column.name_all(&keys)));
        let by_number = || is_named.then(|| ItemOrder::of_values(values, sent)).flatten();
        let by_text = || ItemOrder::of_texts(values, sent);
        by_name.map(ItemOrder::of_permutation).or_else(by_number).or_else(by_text)
    }

    fn of_permutation(order: Vec<usize>) -> ItemOrder {
        ItemOrder { documents: Some(order.into_iter().map(Some).collect()), is_doubtful: false }
    }

    /// The document that the item at a place is about.
    pub(crate) fn document(&self, place: usize) -> Option<usize> {
        self.documents.as_ref().map_or(Some(place), |documents| documents.get(place).copied().flatten())
    }
}

/// What the values in the items of a list say about their order.
struct Hints {
    /// How many items there are.
    items: usize,
    /// They do not all mean the same, so every value counts.
    is_mixed: bool,
    /// Orders by values that the documents have under the same name.
    alike: BTreeSet<Vec<usize>>,
    /// Orders by texts and long numbers that the documents have under another name.
    texts: BTreeSet<Vec<usize>>,
    /// Orders by numbers.
    numbers: BTreeSet<Vec<usize>>,
    /// A value stands for a document at another place, without all of them naming each document once; or numbers that may
    /// be anything do.
    is_contradicted: bool,
}

impl Hints {
    fn find(items: &[Cow<'_, Map<String, Value>>], sent: &SentDocuments<'_>, is_mixed: bool) -> Hints {
        let (alike, texts, numbers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut hints = Hints { items: items.len(), is_mixed, alike, texts, numbers, is_contradicted: false };
        let scalars: Vec<BTreeMap<Vec<String>, &Value>> =
            items.iter().map(|item| find_scalars(item, MAX_ITEMS)).collect();
        let paths: BTreeSet<&Vec<String>> = scalars.iter().flat_map(BTreeMap::keys).collect();
        // What says how it went says nothing about the order.
        let names = paths.into_iter().filter_map(|path| {
            let name = path.iter().rfind(|name| read_index(&name.as_str().into()).is_none())?;
            matches!(read_name(name), Meaning::Nothing | Meaning::Code | Meaning::Message)
                .then_some((path, name.as_str()))
        });
        let names: Vec<(&Vec<String>, &str)> = names.collect();
        let plain: BTreeSet<String> = names.iter().map(|(_, name)| normalize(name)).collect();
        let is_wanted = |column: &str| is_mixed || plain.iter().any(|name| name == column || is_key(name));
        let columns = find_columns(sent, is_wanted);
        for (path, name) in names {
            let values: Vec<Option<&Value>> = scalars.iter().map(|item| item.get(path).copied()).collect();
            hints.add_values(name, &values, &columns);
            hints.add_numbers(name, &values, sent.have(name));
        }
        hints
    }

    /// Adds what the values say that the items have in one place.
    fn add_values(&mut self, name: &str, values: &[Option<&Value>], columns: &[SentColumn]) {
        let plain = normalize(name);
        let is_named = is_key(&plain);
        let is_other_wanted = (self.is_mixed || is_named) && !ends_in(name, &PROSE);
        for column in columns.iter().filter(|column| is_other_wanted || column.name == plain) {
            let named = column.name_all(values);
            let is_alike = column.name == plain;
            match read_permutation(&named) {
                Some(order) if is_alike => self.alike.extend([order]),
                Some(order) if column.is_telling => self.texts.extend([order]),
                Some(order) if is_named || is_key(&column.name) => self.numbers.extend([order]),
                // Numbers may be anything, where they have no name that says more.
                Some(order) => self.is_contradicted |= is_doubtful(&order),
                None if column.is_telling || (is_alike && is_named) => {
                    self.is_contradicted |= (0..).zip(&named).any(|(place, named)| named.is_some_and(|at| at != place));
                }
                None => {}
            }
        }
    }

    /// Adds what the numbers say that the items have in one place.
    fn add_numbers(&mut self, name: &str, values: &[Option<&Value>], is_sent: bool) {
        let is_mixed = self.is_mixed && !ends_in(name, &PROSE);
        let may_count = is_key(&normalize(name)) || ends_in(name, &PLACES) || ends_in(name, &COUNTS);
        self.is_contradicted |= is_mixed && !is_sent && may_count && count_in_other_order(values);
        let is_place = is_mixed && ends_in(name, &PLACES) && !is_sent;
        match read_numbers(values).next() {
            Some(order) if is_place || is_key(&normalize(name)) => self.numbers.extend([order]),
            Some(order) if is_mixed && (ends_in(name, &COUNTS) || ends_in(name, &PLACES)) => {
                self.is_contradicted |= !is_by_place(&order);
            }
            Some(order) if is_mixed => self.is_contradicted |= is_doubtful(&order),
            None if is_place => {
                let numbers: Option<BTreeSet<usize>> = values.iter().map(|value| read_index((*value)?)).collect();
                let are_places = |numbers: BTreeSet<usize>| numbers.len() > 1 && numbers.last() <= Some(&values.len());
                self.is_contradicted |= numbers.is_some_and(are_places);
            }
            _ => {}
        }
    }

    fn decide(self) -> ItemOrder {
        let none = ItemOrder { documents: Some(vec![None; self.items]), is_doubtful: true };
        let is_alike = !self.alike.is_empty();
        let is_by_text = self.is_mixed && !self.texts.is_empty();
        let (orders, are_numbers) = match () {
            () if is_alike => (self.alike, false),
            () if is_by_text => (self.texts, false),
            () => (self.texts.into_iter().chain(self.numbers).collect(), true),
        };
        match orders.len() {
            _ if self.is_contradicted && !is_alike && !is_by_text => none,
            0 => ItemOrder::BY_PLACE,
            1 => orders.into_iter().next().map_or(ItemOrder::BY_PLACE, ItemOrder::of_permutation),
            // Of other names one may be a number by chance.
            _ if are_numbers && !self.is_mixed && orders.iter().any(|order| is_by_place(order)) => ItemOrder::BY_PLACE,
            _ => none,
        }
    }
}

/// An object, or a list as an object whose names say nothing.
fn name_cells(item: &Value) -> Option<Cow<'_, Map<String, Value>>> {
    let name = |(place, cell): (usize, &Value)| (format!("cell{place}"), cell.clone());
    match item {
        Value::Object(members) => Some(Cow::Borrowed(members)),
        Value::Array(cells) => Some(Cow::Owned(cells.iter().enumerate().map(name).collect())),
        _ => None,
    }
}

/// Whether numbers in another order may be there by chance, as those of two items.
fn is_doubtful(order: &[usize]) -> bool {
    order.len() > 2 && !is_by_place(order)
}

fn is_by_place(order: &[usize]) -> bool {
    order.iter().enumerate().all(|(place, document)| place == *document)
}

/// A member that every document of a batch has, each with another value.
struct SentColumn {
    /// Its name, without case and separators.
    name: String,
    /// The place of the document with each value.
    places: BTreeMap<String, usize>,
    /// Its values stand for nothing else: texts, or long numbers under the name of a key.
    is_telling: bool,
}

impl SentColumn {
    /// The documents that these values stand for.
    fn name_all(&self, values: &[Option<&Value>]) -> Vec<Option<usize>> {
        values.iter().map(|value| self.name_one((*value)?)).collect()
    }

    /// The document that a value stands for: by itself, or at the end of a path.
    fn name_one(&self, value: &Value) -> Option<usize> {
        let text = show_scalar(value)?;
        let place = |text: &str| self.places.get(text).copied();
        if let Some(found) = place(&text) {
            return Some(found);
        }
        let end = text.trim_end_matches(AFTER_VALUE);
        let starts = end.match_indices(BEFORE_VALUE).take(MAX_VALUES);
        let at_end = starts.map(|(at, edge)| at + edge.len()).find_map(|at| place(&end[at..]));
        at_end.or_else(|| end.split(AROUND_VALUE).take(MAX_VALUES).find_map(place))
    }
}

/// The members that have this kind of name and whose values tell the documents of a batch apart.
fn find_columns(sent: &SentDocuments<'_>, is_wanted: impl Fn(&str) -> bool) -> Vec<SentColumn> {
    let documents: Vec<BTreeMap<Vec<String>, &Value>> =
        sent.all().iter().map(|document| find_scalars(document, 0)).collect();
    let column = |path: &Vec<String>| {
        let name = normalize(path.last()?);
        let mut places = BTreeMap::new();
        for (place, document) in documents.iter().enumerate().filter(|_| is_wanted(&name)) {
            if places.insert(show_scalar(document.get(path)?)?, place).is_some() {
                return None;
            }
        }
        let is_telling =
            |value: &String| value.parse::<f64>().is_err() || (is_key(&name) && value.len() >= LONG_NUMBER);
        let is_telling = places.keys().all(is_telling);
        (!places.is_empty()).then_some(SentColumn { name, places, is_telling })
    };
    documents.first().into_iter().flat_map(BTreeMap::keys).filter_map(column).collect()
}

/// Whether a member of this name may stand for a document, whatever the document itself calls it.
fn is_key(name: &str) -> bool {
    KEYS.iter().any(|end| name.ends_with(end))
}

/// Whether the last word of a name is one of these, or ends in a long one of them.
fn ends_in(name: &str, ends: &[&str]) -> bool {
    let is_one = |last: &String| ends.iter().any(|end| last == end || (end.len() > 4 && last.ends_with(end)));
    split_words(name).last().is_some_and(is_one)
}

/// The numbers and texts of an object and of what lies in it, by their names, and by their places in lists up to so many
/// items.
fn find_scalars(object: &Map<String, Value>, items_of_lists: usize) -> BTreeMap<Vec<String>, &Value> {
    let mut found = BTreeMap::new();
    let mut open: Vec<(Vec<String>, &Value)> =
        object.iter().rev().map(|(name, value)| (vec![name.clone()], value)).collect();
    while let Some((path, value)) = open.pop().filter(|_| found.len() < MAX_VALUES) {
        let inside = |name: String, value| (path.iter().cloned().chain([name]).collect(), value);
        match value {
            Value::Object(members) if path.len() < MAX_DEPTH => {
                open.extend(members.iter().rev().map(|(name, value)| inside(name.clone(), value)));
            }
            Value::Array(items) if path.len() < MAX_DEPTH => {
                let items = items.iter().enumerate().take(items_of_lists);
                open.extend(items.map(|(place, value)| inside(place.to_string(), value)));
            }
            Value::String(_) | Value::Number(_) => {
                found.insert(path, value);
            }
            _ => {}
        }
    }
    found
}

/// A text in small letters, or a number, as far as answers are kept.
fn show_scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(cut(text).to_lowercase()),
        Value::Number(number) => Some(read_whole(value).map_or_else(|| number.to_string(), |whole| whole.to_string())),
        _ => None,
    }
}

/// An order in which each document is named once.
fn read_permutation(named: &[Option<usize>]) -> Option<Vec<usize>> {
    let order: Vec<usize> = named.iter().copied().collect::<Option<_>>()?;
    let all: BTreeSet<usize> = order.iter().copied().collect();
    (all.len() == order.len() && all.last() < Some(&order.len())).then_some(order)
}

/// The order that numbers give which count all documents, from 0 or from 1.
fn read_numbers(values: &[Option<&Value>]) -> impl Iterator<Item = Vec<usize>> {
    let numbers: Vec<Option<usize>> = values.iter().map(|value| value.and_then(read_index)).collect();
    count_from_zero(&numbers).and_then(|numbers| read_permutation(&numbers)).into_iter()
}

/// Whether numbers count from 2 or more, as lines below a header do, and not in the order of the items.
fn count_in_other_order(values: &[Option<&Value>]) -> bool {
    let numbers: Option<Vec<usize>> = values.iter().map(|value| read_index((*value)?)).collect();
    let numbers = numbers.unwrap_or_default();
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else { return false };
    let distinct: BTreeSet<&usize> = numbers.iter().collect();
    *first >= 2 && distinct.len() == numbers.len() && last - first < numbers.len() && !numbers.is_sorted()
}

/// Numbers from 0; where it does not occur, they begin with 1.
fn count_from_zero(numbers: &[Option<usize>]) -> Option<Vec<Option<usize>>> {
    let from = usize::from(!numbers.contains(&Some(0)));
    numbers.iter().map(|number| number.and_then(|number| number.checked_sub(from)).map(Some)).collect()
}

/// The number of the document that an item is about, if it has one. What is no number is that of no document.
fn find_index(item: &Value, sent: &SentDocuments<'_>) -> Option<usize> {
    let object = item.as_object()?;
    let only = object.values().next().filter(|_| object.len() == 1).and_then(Value::as_object);
    let members = object.iter().chain(only.into_iter().flatten());
    let mut values = members.filter(|(name, value)| {
        INDEX.contains(&normalize(name).as_str()) && (value.is_number() || value.is_string()) && !sent.have(name)
    });
    values.next().map(|(_, value)| read_index(value).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ItemOrder;
    use crate::deliver::{batch::test_batch, failure_words::SentDocuments};

    /// The documents that items are about, as text: `-` is none.
    fn order_of(items: &Value, documents: &[Value]) -> String {
        let batch = test_batch(documents);
        let items: Vec<&Value> = items.as_array().unwrap().iter().collect();
        let order = ItemOrder::of_items(&items, &SentDocuments::of(&batch), false);
        (0..items.len()).map(|place| order.document(place).map_or("-".into(), |at| at.to_string())).collect()
    }

    /// Items that hold these values under one name.
    fn items(name: &str, values: [Value; 4]) -> Value {
        values.into_iter().map(|value| json!({ name: value, "status": 201 })).collect::<Vec<_>>().into()
    }

    fn reversed(name: &str) -> Value {
        items(name, [json!("k3"), json!("k2"), json!("k1"), json!("k0")])
    }

    #[test]
    fn values_that_were_sent_name_the_documents() {
        let documents: Vec<Value> =
            (0..4).map(|n| json!({"id": format!("k{n}"), "qty": n % 2, "total": n + 5, "state": "a"})).collect();
        let texts = |values: [&str; 4]| values.map(Value::from);
        let inside: Value =
            (0..4).rev().map(|n| json!({"resource": {"id": format!("k{n}")}})).collect::<Vec<_>>().into();
        let elastic: Value =
            (0..4).rev().map(|n| json!({"index": {"_id": format!("k{n}"), "status": 201}})).collect::<Vec<_>>().into();
        let table = [
            (reversed("id"), "3210"),
            (reversed("_id"), "3210"),
            (reversed("Key"), "3210"),
            (reversed("customerId"), "3210"),
            (inside, "3210"),
            (elastic, "3210"),
            (items("id", texts(["k1", "k0", "k2", "k3"])), "1023"),
            (items("id", texts(["k0", "k1", "k2", "k3"])), "0123"),
            // A name that says nothing.
            (reversed("note"), "0123"),
            (reversed("status"), "0123"),
            // Not each once.
            (items("id", texts(["k0", "k2", "k1", "k1"])), "----"),
            (items("id", texts(["k3", "x", "k1", "k0"])), "----"),
            (items("id", [json!("k1"), json!("k0"), json!(null), json!("k3")]), "----"),
            // What only some have, where it stands, contradicts nothing.
            (items("id", [json!("k0"), json!(null), json!("k2"), json!("x")]), "0123"),
            (items("id", texts(["x0", "x2", "x1", "x1"])), "0123"),
            (items("key", texts(["k0", "k2", "k1", "k1"])), "----"),
            (items("total", [json!(8), json!(7), json!(6), json!(6)]), "0123"),
            // Numbers that count the documents.
            (items("lineNumber", [json!(3), json!(2), json!(1), json!(0)]), "3210"),
            (items("seq", [json!(4), json!(3), json!(2), json!(1)]), "3210"),
            (items("id", texts(["3", "2", "0", "1"])), "3201"),
            (items("id", texts(["4", "2", "0", "1"])), "0123"),
            (items("took", [json!(3), json!(2), json!(1), json!(0)]), "0123"),
            (items("total", [json!(8), json!(7), json!(6), json!(5)]), "3210"),
            (items("total", [json!(6), json!(7), json!(8), json!(9)]), "0123"),
        ];
        for (items, expected) in table {
            assert_eq!(order_of(&items, &documents), expected, "{items}");
        }
    }

    #[test]
    fn the_same_name_outweighs_others_and_two_orders_are_none() {
        let documents: Vec<Value> = (0..3).map(|n| json!({"id": format!("k{n}"), "line": n, "qty": 2 - n})).collect();
        let item = |id: u64, other: &str, value: u64| json!({"id": format!("k{id}"), other: value, "status": 201});
        let table = [
            (json!([item(2, "seq", 0), item(1, "seq", 1), item(0, "seq", 2)]), "210"),
            (json!([item(0, "seq", 2), item(1, "seq", 1), item(2, "seq", 0)]), "012"),
            (json!([item(2, "line", 2), item(1, "line", 1), item(0, "line", 0)]), "210"),
            (json!([item(2, "line", 0), item(1, "line", 1), item(0, "line", 2)]), "---"),
            (json!([{"seq": 0}, {"seq": 1}, {"seq": 2}]), "012"),
        ];
        for (items, expected) in table {
            assert_eq!(order_of(&items, &documents), expected, "{items}");
        }
    }

    #[test]
    fn the_keys_of_an_object_name_each_document_once_or_none() {
        let documents: Vec<Value> =
            (0..3).map(|n| json!({"id": format!("k{n}"), "to": {"name": format!("n{n}")}})).collect();
        let batch = test_batch(&documents);
        let sent = SentDocuments::of(&batch);
        let table = [
            (json!({"k2": 0, "k0": 0, "k1": 0}), Some([2, 0, 1])),
            (json!({"n0": 0, "n2": 0, "n1": 0}), Some([0, 2, 1])),
            (json!({"1": 0, "0": 0, "2": 0}), Some([1, 0, 2])),
            (json!({"3": 0, "1": 0, "2": 0}), Some([2, 0, 1])),
            (json!({"k2": 0, "k0": 0, "x": 0}), None),
            (json!({"k2": 0, "k0": 0, "n1": 0}), None),
            (json!({"k2": 0, "k0": 0}), None),
            (json!({"0": 0, "1": 0, "3": 0}), None),
        ];
        for (results, expected) in table {
            let keys: Vec<Value> = results.as_object().unwrap().keys().cloned().map(Value::from).collect();
            let order = ItemOrder::of_values(&keys.iter().collect::<Vec<_>>(), &sent);
            let found = order.map(|order| [0, 1, 2].map(|place| order.document(place).unwrap()));
            assert_eq!(found, expected, "{results}");
        }
    }
}
