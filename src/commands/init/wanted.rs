//! A contract -> the fields that it wants, as a tree: what is a value, an object or a list.
//!
//! References and `allOf` are followed; of `oneOf` and `anyOf` the first branch is taken that is an object or
//! a list, else what all of them allow. What is deeper or
//! more than a person would read is left out.

use std::cell::Cell;

use serde_json::Value;

use crate::{
    commands::init::{columns::ColumnType, names, yaml},
    config::contract::{Contract, Rules},
    json_pointer::escape,
};

/// How deep the tree goes.
const MAX_DEPTH: usize = 8;
/// How many fields an object has at most.
const MAX_FIELDS: usize = 200;
/// How many fields there are at most in all.
const MAX_ALL: usize = 2000;
/// How many branches of `oneOf` or `anyOf` are looked at.
const MAX_BRANCHES: usize = 4;
/// How many values of an `enum` are taken.
const MAX_VALUES: usize = 40;

/// A field of an object.
#[derive(Clone, Debug)]
pub(super) struct WantedField {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) is_required: bool,
    pub(super) value: WantedValue,
}

/// What the contract wants in a place.
#[derive(Clone, Debug)]
pub(super) enum WantedValue {
    Leaf(WantedLeaf),
    Object(Vec<WantedField>),
    List(Box<WantedValue>),
    /// An object of any fields, or what is too deep.
    Open,
}

/// A value that is no object and no list.
#[derive(Clone, Debug, Default)]
pub(super) struct WantedLeaf {
    /// The types that it may be of; empty: any.
    pub(super) types: Vec<String>,
    pub(super) format: Option<String>,
    /// The texts that it may be; empty: any.
    pub(super) values: Vec<String>,
    /// The only value that it may be.
    pub(super) only: Option<Value>,
    pub(super) min_length: u64,
    /// Where the contract says so.
    pub(super) pointer: String,
}

/// What the body of a request is.
pub(super) struct WantedBody {
    /// `array`, `object`, or an object around the list, as YAML.
    pub(super) root: String,
    /// Why it is that.
    pub(super) evidence: String,
    pub(super) fields: Vec<WantedField>,
}

impl WantedLeaf {
    /// The type that a column needs.
    pub(super) fn column_type(&self) -> ColumnType {
        let is = |name: &str| self.types.iter().any(|known| known == name);
        match self.format.as_deref() {
            _ if is("string") || self.types.is_empty() => match self.format.as_deref() {
                Some("date") => ColumnType::Date,
                Some("date-time") => ColumnType::Datetime,
                _ => ColumnType::Text,
            },
            _ if is("number") => ColumnType::Decimal,
            _ if is("integer") => ColumnType::Integer,
            _ if is("boolean") => ColumnType::Boolean,
            _ => ColumnType::Text,
        }
    }

    /// Whether it may be `null`.
    pub(super) fn is_nullable(&self) -> bool {
        self.types.iter().any(|name| name == "null")
    }

    /// Whether an empty text is refused.
    pub(super) fn refuses_empty(&self) -> bool {
        self.min_length > 0
            || !self.values.is_empty()
            || self.format.is_some()
            || self.column_type() != ColumnType::Text
    }
}

/// What the contract wants in one request.
pub(super) fn read_body(contract: &Contract) -> WantedBody {
    let walk = ContractWalk { contract, left: Cell::new(MAX_ALL) };
    let body = walk.read_value(std::slice::from_ref(&contract.root), 0);
    let (root, evidence, document) = match body {
        WantedValue::List(item) => ("array".to_owned(), "the contract is a list".to_owned(), *item),
        WantedValue::Object(fields) => match find_envelope(&fields) {
            Some((root, item)) => (root, "the contract has one list, and the rest is fixed".to_owned(), item),
            None => (
                "object".to_owned(),
                "the contract is an object: one for each request".to_owned(),
                WantedValue::Object(fields),
            ),
        },
        other => ("array".to_owned(), "TODO: the contract is neither a list nor an object".to_owned(), other),
    };
    let fields = if let WantedValue::Object(fields) = document { fields } else { Vec::new() };
    WantedBody { root, evidence, fields }
}

/// The object around a list: its only list of objects, and otherwise what is fixed or may be left out.
fn find_envelope(fields: &[WantedField]) -> Option<(String, WantedValue)> {
    let is_list = |field: &&WantedField| matches!(&field.value, WantedValue::List(item) if matches!(**item, WantedValue::Object(_)));
    let mut lists = fields.iter().filter(is_list);
    let (list, None) = (lists.next()?, lists.next()) else { return None };
    let mut parts = Vec::new();
    for field in fields {
        let name = yaml::scalar(&field.name);
        match &field.value {
            _ if field.name == list.name => parts.push(format!("{name}: documents")),
            WantedValue::Leaf(WantedLeaf { only: Some(only), .. }) => {
                parts.push(format!("{name}: {{ const: {} }}", yaml::constant(only)));
            }
            _ if field.is_required => return None,
            WantedValue::Leaf(_) => return None,
            _ => {}
        }
    }
    let WantedValue::List(item) = &list.value else { return None };
    Some((format!("{{ {} }}", parts.join(", ")), (**item).clone()))
}

/// A walk through a contract.
struct ContractWalk<'a> {
    contract: &'a Contract,
    /// How many fields may still be read: a contract may refer to itself.
    left: Cell<usize>,
}

impl ContractWalk<'_> {
    /// What the contract wants in the place of some pointers.
    fn read_value(&self, pointers: &[String], depth: usize) -> WantedValue {
        let rules = self.contract.rules(pointers);
        if depth > MAX_DEPTH {
            return WantedValue::Open;
        }
        let fields = self.read_fields(&rules, depth);
        if !fields.is_empty() {
            return WantedValue::Object(fields);
        }
        let types = types_of(&rules);
        let items: Vec<String> = pointers_to(&rules, "items");
        if !items.is_empty() {
            return WantedValue::List(Box::new(self.read_value(&items, depth + 1)));
        }
        let branches = list_branches(self.contract, &rules);
        let read = branches.iter().map(|branch| self.read_value(std::slice::from_ref(branch), depth + 1));
        let mut read: Vec<WantedValue> = read.take(MAX_BRANCHES).collect();
        let is_leaf = |value: &WantedValue| matches!(value, WantedValue::Leaf(_));
        if let Some(other) = read.iter().position(|value| !is_leaf(value)) {
            return read.swap_remove(other);
        }
        if let Some(WantedValue::Leaf(first)) = read.first() {
            let all =
                read.iter().filter_map(|value| if let WantedValue::Leaf(leaf) = value { Some(leaf) } else { None });
            let types = all.flat_map(|leaf| leaf.types.iter().cloned()).collect();
            let pointer = pointers.first().cloned().unwrap_or_default();
            return WantedValue::Leaf(WantedLeaf { types, pointer, ..first.clone() });
        }
        match types.first().map(String::as_str) {
            Some("array") => WantedValue::List(Box::new(WantedValue::Leaf(WantedLeaf::default()))),
            Some("object") => WantedValue::Open,
            _ => WantedValue::Leaf(WantedLeaf {
                pointer: pointers.first().cloned().unwrap_or_default(),
                ..read_leaf(&rules, types)
            }),
        }
    }

    /// The fields that some rules name, without those that are no part of a request.
    fn read_fields(&self, rules: &Rules<'_>, depth: usize) -> Vec<WantedField> {
        let mut fields: Vec<WantedField> = Vec::new();
        let required: Vec<&str> = texts_of(rules, "required");
        for (at, schema) in &rules.schemas {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, _) in properties.into_iter().flatten().take(MAX_FIELDS) {
                let inner = vec![format!("{at}/properties/{}", escape(name))];
                let is_read_only = self.contract.read_only(&self.contract.rules(&inner)).is_some();
                if self.left.get() == 0 || is_read_only || fields.iter().any(|field| field.name == *name) {
                    continue;
                }
                self.left.set(self.left.get() - 1);
                fields.push(WantedField {
                    name: name.clone(),
                    words: names::split_words(name),
                    is_required: required.contains(&name.as_str()),
                    value: self.read_value(&inner, depth + 1),
                });
            }
        }
        fields
    }
}

fn read_leaf(rules: &Rules<'_>, types: Vec<String>) -> WantedLeaf {
    let first = |key: &str| rules.schemas.iter().find_map(|(_, schema)| schema.get(key));
    let listed: Vec<&Value> = first("enum").and_then(Value::as_array).into_iter().flatten().collect();
    let texts = listed.iter().filter_map(|value| value.as_str()).take(MAX_VALUES).map(str::to_owned).collect();
    let only = first("const").or(if let [only] = listed.as_slice() { Some(*only) } else { None });
    let mut types = types;
    if listed.iter().any(|value| value.is_null()) {
        types.push("null".into());
    }
    WantedLeaf {
        types,
        format: first("format").and_then(Value::as_str).map(str::to_owned),
        values: texts,
        only: only.filter(|value| value.is_string() || value.is_number() || value.is_boolean()).cloned(),
        min_length: first("minLength").and_then(Value::as_u64).unwrap_or(0),
        pointer: String::new(),
    }
}

/// The types that some rules allow; those that a value can have, before `null`.
fn types_of(rules: &Rules<'_>) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for (_, schema) in &rules.schemas {
        match schema.get("type") {
            Some(Value::String(name)) => types.push(name.clone()),
            Some(Value::Array(names)) => types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
    }
    types.sort_by_key(|name| name == "null");
    types
}

fn texts_of<'a>(rules: &Rules<'a>, key: &str) -> Vec<&'a str> {
    let lists = rules.schemas.iter().filter_map(|(_, schema)| schema.get(key).and_then(Value::as_array));
    lists.flatten().filter_map(Value::as_str).collect()
}

fn pointers_to(rules: &Rules<'_>, key: &str) -> Vec<String> {
    let has = |schema: &serde_json::Map<String, Value>| schema.get(key).is_some_and(Value::is_object);
    rules.schemas.iter().filter(|(_, schema)| has(schema)).map(|(at, _)| format!("{at}/{key}")).collect()
}

/// The branches that are no `null`.
fn list_branches(contract: &Contract, rules: &Rules<'_>) -> Vec<String> {
    let mut branches = Vec::new();
    for (at, schema) in &rules.schemas {
        for key in ["oneOf", "anyOf"] {
            let count = schema.get(key).and_then(Value::as_array).map_or(0, Vec::len);
            branches.extend((0..count).map(|number| format!("{at}/{key}/{number}")));
        }
    }
    branches.retain(|branch| types_of(&contract.rules(std::slice::from_ref(branch))) != ["null"]);
    branches
}
