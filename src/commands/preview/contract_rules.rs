//! What the contract says of the values of one document, in words.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    config::contract::Contract,
    json_pointer::unescape,
    plan::Plan,
    preview::view::ShownContractRule,
    report::escape::{shorten_to, visible},
};

/// Keywords that lead to other values, or that say nothing of this one.
const STRUCTURE: &[&str] = &[
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "prefixItems",
    "additionalItems",
    "allOf",
    "$ref",
    "$defs",
    "definitions",
    "required",
    "title",
    "description",
    "examples",
    "example",
    "default",
    "$comment",
    "$id",
    "$schema",
    "deprecated",
    "readOnly",
    "writeOnly",
    "nullable",
    "discriminator",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$anchor",
];
/// So many words of an `enum` are told.
const MAX_WORDS: usize = 8;
/// So many characters of a value are told.
const MAX_LENGTH: usize = 80;

/// The rules of a contract about the values of a document, by the paths of the values.
pub(super) struct ContractRules<'a> {
    contract: &'a Contract,
    /// The pointers into the contract, by the path of the values.
    pointers: BTreeMap<String, Vec<String>>,
    /// What it says, with the number of the path; the first has the number 1.
    pub(super) rules: Vec<ShownContractRule>,
    numbers: BTreeMap<String, usize>,
}

impl<'a> ContractRules<'a> {
    /// The rules about the documents of a plan; the path of a document is empty.
    pub(super) fn new(plan: &'a Plan) -> ContractRules<'a> {
        let contract: &Contract = &plan.contract;
        let mut at = vec![contract.root.clone()];
        if !plan.body.shape.is_single() {
            for name in plan.body.documents.split('/').skip(1).map(unescape) {
                at = pointers_of_field(contract, &at, &name);
            }
            at = pointers_of_item(contract, &at);
        }
        let pointers = BTreeMap::from([(String::new(), at)]);
        ContractRules { contract, pointers, rules: Vec::new(), numbers: BTreeMap::new() }
    }

    /// The path of a field.
    pub(super) fn enter_field(&mut self, path: &str, name: &str) -> String {
        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if !self.pointers.contains_key(&inner) {
            let pointers = pointers_of_field(self.contract, &self.pointers[path], name);
            self.pointers.insert(inner.clone(), pointers);
        }
        inner
    }

    /// The path of the items of a list.
    pub(super) fn enter_items(&mut self, path: &str) -> String {
        let inner = format!("{path}[]");
        if !self.pointers.contains_key(&inner) {
            let pointers = pointers_of_item(self.contract, &self.pointers[path]);
            self.pointers.insert(inner.clone(), pointers);
        }
        inner
    }

    /// The number of the rule about the values of a path; 0: the contract says nothing of them.
    pub(super) fn number(&mut self, path: &str, is_required: bool, proof: &'static str) -> usize {
        if let Some(known) = self.numbers.get(path) {
            return *known;
        }
        let found = self.contract.rules(&self.pointers[path]);
        let mut said = Vec::new();
        for (_, schema) in &found.schemas {
            let heard = schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value));
            said.extend(heard.filter_map(|(keyword, value)| describe_keyword(keyword, value)));
        }
        said.dedup();
        if is_required {
            said.push("required".into());
        }
        let mut number = 0;
        if !said.is_empty() {
            number = self.rules.len() + 1;
            let line = self.pointers[path].first().map_or(0, |pointer| self.contract.place(pointer).line);
            let shown = if path.is_empty() { "document" } else { path };
            self.rules.push(ShownContractRule { number, path: visible(shown), line, text: said.join(" · "), proof });
        }
        self.numbers.insert(path.to_owned(), number);
        number
    }

    /// Whether a field has to be there.
    pub(super) fn is_required(&self, path: &str, name: &str) -> bool {
        let rules = self.contract.rules(&self.pointers[path]);
        let asks = |schema: &Map<String, Value>| {
            let required = schema.get("required").and_then(Value::as_array);
            required.is_some_and(|names| names.iter().any(|required| required == name))
        };
        rules.schemas.iter().any(|(_, schema)| asks(schema))
    }
}

fn pointers_of_field(contract: &Contract, pointers: &[String], name: &str) -> Vec<String> {
    let rules = contract.rules(pointers);
    rules.schemas.iter().flat_map(|(at, schema)| contract.rules_of_field(at, schema, name)).collect()
}

fn pointers_of_item(contract: &Contract, pointers: &[String]) -> Vec<String> {
    let rules = contract.rules(pointers);
    let items = rules.schemas.iter().filter(|(_, schema)| schema.get("items").is_some_and(|items| !items.is_array()));
    items.map(|(at, _)| format!("{at}/items")).collect()
}

/// What a keyword says, in words.
fn describe_keyword(keyword: &str, value: &Value) -> Option<String> {
    if STRUCTURE.contains(&keyword) {
        return None;
    }
    Some(match (keyword, value) {
        ("type", Value::String(name)) => name.clone(),
        ("type", Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        ("minimum", number) => format!("at least {number}"),
        ("maximum", number) => format!("at most {number}"),
        ("minLength", number) => format!("{number} or more characters"),
        ("maxLength", number) => format!("at most {number} characters"),
        ("minItems", number) => format!("{number} or more items"),
        ("maxItems", number) => format!("at most {number} items"),
        ("pattern" | "format", Value::String(text)) => format!("{keyword} {}", shorten(text)),
        ("enum", Value::Array(words)) => {
            let told: Vec<String> = words.iter().take(MAX_WORDS).map(|word| shorten(&word.to_string())).collect();
            let more = if words.len() > MAX_WORDS { format!(", … {} in all", words.len()) } else { String::new() };
            format!("one of {}{more}", told.join(", "))
        }
        ("const", value) => format!("always {}", shorten(&value.to_string())),
        ("oneOf" | "anyOf", Value::Array(branches)) => format!("{keyword} of {} branches", branches.len()),
        (keyword, Value::Object(_) | Value::Array(_)) => format!("{keyword} …"),
        (keyword, value) => format!("{keyword} {}", shorten(&value.to_string())),
    })
}

fn shorten(text: &str) -> String {
    visible(&shorten_to(text, MAX_LENGTH))
}
