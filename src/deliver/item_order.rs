//! A list of results -> the document that each item is about: by a number in it, by a value that was sent, or by its place.
//!
//! Pure. The place counts unless the items visibly say otherwise: they hold values that each stand for one document, and in
//! another order. Where they do not name each document once, no item is about any document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::deliver::{
    failure_words::{STATUS, SentDocuments, normalize},
    problem_details::read_index,
};

/// The names of the number of a document, without case and separators.
const INDEX: [&str; 4] = ["index", "position", "row", "itemindex"];
/// The ends of names of what may stand for a document, although the document itself calls it otherwise.
const KEYS: [&str; 11] =
    ["id", "key", "uuid", "guid", "number", "line", "seq", "sequence", "ordinal", "reference", "identifier"];

/// Which document each item of a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemOrder {
    /// By the places of the items; `None`: each is about the document at its own place.
    documents: Option<Vec<Option<usize>>>,
}

impl ItemOrder {
    /// Each item is about the document at its place.
    pub(crate) const BY_PLACE: ItemOrder = ItemOrder { documents: None };

    /// By the numbers in the items; by place where none has one.
    pub(crate) fn by_numbers(numbers: Vec<Option<usize>>) -> ItemOrder {
        ItemOrder { documents: numbers.iter().any(Option::is_some).then_some(numbers) }
    }

    /// By what the items of a list say themselves.
    pub(crate) fn of_items(items: &[&Value], sent: &SentDocuments<'_>) -> ItemOrder {
        let order = ItemOrder::by_numbers(items.iter().map(|item| find_index(item, sent)).collect());
        if order != ItemOrder::BY_PLACE || items.len() < 2 || items.len() as u64 != sent.count() {
            return order;
        }
        let objects: Option<Vec<&Map<String, Value>>> = items.iter().map(|item| item.as_object()).collect();
        objects.map_or(ItemOrder::BY_PLACE, |objects| ItemOrder::by_values(&objects, sent))
    }

    /// By the keys of an object with a result for each document, if each stands for one.
    pub(crate) fn of_keys(results: &Map<String, Value>, sent: &SentDocuments<'_>) -> Option<ItemOrder> {
        if results.is_empty() || results.len() as u64 != sent.count() {
            return None;
        }
        let keys: Vec<Option<String>> = results.keys().cloned().map(Some).collect();
        let by_value =
            find_columns(sent, |_| true).into_iter().filter_map(|column| read_permutation(&column.name_all(&keys)));
        let mut orders = by_value.chain(read_numbers(&keys).filter(|_| keys.len() > 1));
        let first = orders.next()?;
        orders.all(|order| order == first).then(|| ItemOrder::of_permutation(first))
    }

    /// By the values of a member that was sent: one of the same name, else one with the name of a key.
    fn by_values(items: &[&Map<String, Value>], sent: &SentDocuments<'_>) -> ItemOrder {
        let paths: BTreeMap<Vec<&str>, String> = items
            .iter()
            .flat_map(|item| find_scalars(item))
            .map(|(path, _)| (normalize(path.last().copied().unwrap_or_default()), path))
            .filter(|(name, _)| name == "code" || !STATUS.contains(&name.as_str()))
            .map(|(name, path)| (path, name))
            .collect();
        let columns = find_columns(sent, |name| paths.values().any(|found| found == name || is_key(found)));
        let (mut alike, mut others, mut is_contradicted) = (BTreeSet::new(), BTreeSet::new(), false);
        for (path, name) in &paths {
            let values: Vec<Option<String>> = items.iter().map(|item| read_scalar(item, path)).collect();
            for column in columns.iter().filter(|column| is_key(name) || column.name == *name) {
                let named = column.name_all(&values);
                match read_permutation(&named) {
                    Some(order) if column.name == *name => alike.extend([order]),
                    Some(order) => others.extend([order]),
                    // Numbers may be anything, where they have no name that says more.
                    None if column.is_text || (column.name == *name && is_key(name)) => {
                        is_contradicted |= (0..).zip(&named).any(|(place, named)| named.is_some_and(|at| at != place));
                    }
                    None => {}
                }
            }
            others.extend(read_numbers(&values).filter(|_| is_key(name)));
        }
        let is_alike = !alike.is_empty();
        let orders = if is_alike { alike } else { others };
        match orders.len() {
            _ if is_contradicted && !is_alike => ItemOrder::of_none(items.len()),
            0 => ItemOrder::BY_PLACE,
            1 => orders.into_iter().next().map_or(ItemOrder::BY_PLACE, ItemOrder::of_permutation),
            // Of other names one may be a number by chance.
            _ if !is_alike && orders.contains(&(0..items.len()).collect::<Vec<_>>()) => ItemOrder::BY_PLACE,
            _ => ItemOrder::of_none(items.len()),
        }
    }

    fn of_permutation(order: Vec<usize>) -> ItemOrder {
        ItemOrder { documents: Some(order.into_iter().map(Some).collect()) }
    }

    /// No item is about any document.
    fn of_none(items: usize) -> ItemOrder {
        ItemOrder { documents: Some(vec![None; items]) }
    }

    /// The document that the item at a place is about.
    pub(crate) fn document(&self, place: usize) -> Option<usize> {
        self.documents.as_ref().map_or(Some(place), |documents| documents.get(place).copied().flatten())
    }
}

/// A member that every document of a batch has, each with another value.
struct SentColumn {
    /// Its name, without case and separators.
    name: String,
    /// The place of the document with each value.
    places: BTreeMap<String, usize>,
    /// Its values are no numbers.
    is_text: bool,
}

impl SentColumn {
    /// The documents that these values stand for.
    fn name_all(&self, values: &[Option<String>]) -> Vec<Option<usize>> {
        values.iter().map(|value| self.places.get(value.as_ref()?).copied()).collect()
    }
}

/// The members that have this kind of name and whose values tell the documents of a batch apart.
fn find_columns(sent: &SentDocuments<'_>, is_wanted: impl Fn(&str) -> bool) -> Vec<SentColumn> {
    let documents = sent.all();
    let column = |(path, _): (Vec<&str>, &Value)| {
        let name = normalize(path.last()?);
        let mut places = BTreeMap::new();
        for (place, document) in documents.iter().enumerate().filter(|_| is_wanted(&name)) {
            if places.insert(read_scalar(document, &path)?, place).is_some() {
                return None;
            }
        }
        let is_text = places.keys().all(|value| value.parse::<f64>().is_err());
        (!places.is_empty()).then_some(SentColumn { name, places, is_text })
    };
    documents.first().into_iter().flat_map(find_scalars).filter_map(column).collect()
}

/// Whether a member of this name may stand for a document, whatever the document itself calls it.
fn is_key(name: &str) -> bool {
    KEYS.iter().any(|end| name.ends_with(end))
}

/// The numbers and texts of an object and of the objects in it, with their names.
fn find_scalars(object: &Map<String, Value>) -> Vec<(Vec<&str>, &Value)> {
    let mut found = Vec::new();
    for (name, value) in object {
        found.push((vec![name.as_str()], value));
        let inside = value.as_object().into_iter().flatten();
        found.extend(inside.map(|(inner, value)| (vec![name.as_str(), inner.as_str()], value)));
    }
    found.retain(|(_, value)| value.is_string() || value.is_number());
    found
}

fn read_scalar(object: &Map<String, Value>, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    show_scalar(rest.iter().try_fold(object.get(*first)?, |value, name| value.get(name))?)
}

fn show_scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
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
fn read_numbers(values: &[Option<String>]) -> impl Iterator<Item = Vec<usize>> {
    let numbers: Vec<Option<usize>> =
        values.iter().map(|value| value.as_ref().and_then(|text| text.parse().ok())).collect();
    let from = usize::from(!numbers.contains(&Some(0)));
    let numbers: Vec<Option<usize>> = numbers.iter().map(|number| number.and_then(|n| n.checked_sub(from))).collect();
    read_permutation(&numbers).into_iter()
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
        let order = ItemOrder::of_items(&items, &SentDocuments::of(&batch));
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
            let order = ItemOrder::of_keys(results.as_object().unwrap(), &sent);
            let found = order.map(|order| [0, 1, 2].map(|place| order.document(place).unwrap()));
            assert_eq!(found, expected, "{results}");
        }
    }
}
