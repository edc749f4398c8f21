//! How many branches are tried to say what a contract finds wrong with a value.
//!
//! Alternatives whose branches hold alternatives again are tried for each of these. In a contract of trees, as those of
//! filters are, that doubles with each level of the value; so the branches are counted before they are tried.

use std::{collections::BTreeMap, ptr::from_ref};

use serde_json::{Map, Value};

use crate::{config::unused_definitions::decode_reference, json_pointer::escape};

/// Counts the schemas that are asked about a value and all in it, each as often as it is asked.
///
/// Takes a time that grows with the schemas times the values, however large the number is.
pub(super) fn count_branches(file: &Value, schema: &Value, value: &Value) -> u64 {
    BranchCounter { file, known: BTreeMap::new(), most: usize::MAX }.count(schema, value, 0).asked
}

/// So many schemas may be asked about one value: no contract that people write has as many, and equal references that lie in
/// each other are twice as many with each level.
const MAX_ASKED: u64 = 1_000_000;
/// So many schemas may lead from one to the next for one value. Each of them takes its part of the stack.
const MAX_CHAIN: usize = 128;

/// What is wrong with the branches of a schema, whatever value it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BranchFault {
    /// They ask too much of one value.
    TooMany,
    /// Too many of them lead from one to the next.
    TooLong,
}

/// Finds a schema whose branches are too many, or too deep in each other: its pointer in the file.
pub(super) fn find_fault(file: &Value) -> Option<(BranchFault, String)> {
    let mut counter = BranchCounter { file, known: BTreeMap::new(), most: MAX_CHAIN };
    let (mut open, mut schemas) = (vec![file], Vec::new());
    while let Some(node) = open.pop() {
        match node {
            Value::Object(members) => {
                open.extend(members.values());
                schemas.push(node);
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    // What lies inside is counted first, so that a schema finds its branches counted.
    let mut fault = |schema: &Value| match counter.count(schema, &Value::Null, 0) {
        Branches { chain, .. } if chain > MAX_CHAIN => Some(BranchFault::TooLong),
        Branches { asked, .. } if asked > MAX_ASKED => Some(BranchFault::TooMany),
        _ => None,
    };
    let (fault, found) = schemas.into_iter().rev().find_map(|schema| Some((fault(schema)?, schema)))?;
    find_pointer(file, found).map(|pointer| (fault, pointer))
}

/// The pointer of a node of a file. Pointers are written for this one only: each repeats the keys of all that it lies in.
fn find_pointer(file: &Value, wanted: &Value) -> Option<String> {
    if std::ptr::eq(file, wanted) {
        return Some(String::new());
    }
    match file {
        Value::Object(members) => members
            .iter()
            .find_map(|(name, member)| Some(format!("/{}{}", escape(name), find_pointer(member, wanted)?))),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| Some(format!("/{at}{}", find_pointer(item, wanted)?)))
        }
        _ => None,
    }
}

/// The schemas that are asked about a value.
#[derive(Clone, Copy)]
struct Branches {
    /// How many, each as often as it is asked.
    asked: u64,
    /// How many of them lead from one to the next, at most.
    chain: usize,
}

struct BranchCounter<'a> {
    /// The contract, for references.
    file: &'a Value,
    /// What is counted already, by where a schema and a value are in memory.
    known: BTreeMap<(usize, usize), Branches>,
    /// A chain is followed no further.
    most: usize,
}

impl BranchCounter<'_> {
    fn count(&mut self, schema: &Value, value: &Value, level: usize) -> Branches {
        let one = Branches { asked: 1, chain: 1 };
        let Value::Object(rules) = schema else { return one };
        let key = (from_ref(schema).addr(), from_ref(value).addr());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        // A reference that leads back here asks nothing new.
        self.known.insert(key, one);
        if level > self.most {
            return one;
        }
        let target = rules.get("$ref").and_then(Value::as_str).and_then(decode_reference);
        let target = target.and_then(|at| self.file.pointer(&at));
        let lists = ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| rules.get(*keyword)?.as_array()).flatten();
        let others = ["not", "if", "then", "else"].iter().filter_map(|keyword| rules.get(*keyword));
        let mut sum = one;
        let mut add = |branches: Branches| {
            sum.asked = sum.asked.saturating_add(branches.asked);
            sum.chain = sum.chain.max(branches.chain + 1);
        };
        for schema in target.into_iter().chain(lists).chain(others) {
            add(self.count(schema, value, level + 1));
        }
        for (schemas, inner) in schemas_inside(rules, value) {
            for schema in schemas {
                add(self.count(schema, inner, level + 1));
            }
        }
        self.known.insert(key, sum);
        sum
    }
}

/// The values directly in a value, each with the schemas of its place.
fn schemas_inside<'v>(rules: &'v Map<String, Value>, value: &'v Value) -> Vec<(Vec<&'v Value>, &'v Value)> {
    let part = |keyword: &str| rules.get(keyword);
    match value {
        Value::Object(members) => {
            let patterns: Vec<&Value> =
                part("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values).collect();
            let others = ["additionalProperties", "unevaluatedProperties"];
            let of_field = |name: &str| {
                let own = part("properties").and_then(|known| known.get(name));
                let others = others.iter().filter_map(|keyword| part(keyword)).filter(|_| own.is_none());
                own.into_iter().chain(patterns.iter().copied()).chain(others).collect()
            };
            members.iter().map(|(name, member)| (of_field(name), member)).collect()
        }
        Value::Array(items) => {
            let lists = ["prefixItems", "items"];
            let others = ["items", "additionalItems", "unevaluatedItems", "contains"];
            let of_item = |at: usize| {
                let own = lists.iter().filter_map(|keyword| part(keyword)?.get(at));
                own.chain(others.iter().filter_map(|keyword| part(keyword)).filter(|schema| !schema.is_array()))
                    .collect()
            };
            items.iter().enumerate().map(|(at, item)| (of_item(at), item)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::branch_count::{BranchFault, MAX_CHAIN, count_branches, find_fault};

    #[test]
    fn branches_that_double_with_each_level_are_too_many() {
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let file = |depth: usize| {
                let definition = |at: usize| {
                    (
                        format!("a{at}"),
                        json!({ keyword: [
                            {"$ref": format!("#/$defs/a{}", at + 1)}, {"$ref": format!("#/$defs/a{}", at + 1)}
                        ]}),
                    )
                };
                let definitions: serde_json::Map<String, Value> = (0..depth).map(definition).collect();
                json!({"$defs": definitions, "items": {"$ref": "#/$defs/a0"}})
            };
            assert_eq!(find_fault(&file(12)), None, "{keyword}");
            assert!(matches!(find_fault(&file(26)), Some((BranchFault::TooMany, _))), "{keyword}");
        }
        let tree =
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}});
        assert_eq!(find_fault(&tree), None);
    }

    #[test]
    fn schemas_that_lead_from_one_to_the_next_are_too_many_at_last() {
        let wraps: [fn(Value) -> Value; 4] =
            [|to| to, |to| json!({"allOf": [to]}), |to| json!({"not": to}), |to| json!({"if": {}, "then": to})];
        for (at, wrap) in wraps.iter().enumerate() {
            let file = |length: usize| {
                let to = |at: usize| (format!("a{at}"), wrap(json!({"$ref": format!("#/$defs/a{}", at + 1)})));
                let mut definitions: serde_json::Map<String, Value> = (0..length).map(to).collect();
                definitions.insert(format!("a{length}"), json!({}));
                json!({"$defs": definitions, "items": {"$ref": "#/$defs/a0"}})
            };
            let most = if at == 0 { MAX_CHAIN - 2 } else { MAX_CHAIN / 2 - 1 };
            assert_eq!(find_fault(&file(most)), None, "{at}");
            for length in [most + 2, 1_000, 60_000] {
                assert!(matches!(find_fault(&file(length)), Some((BranchFault::TooLong, _))), "{at} {length}");
            }
        }
        // Objects that lie in each other are other values.
        let inner = (0..500).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
        assert_eq!(find_fault(&inner), None);
    }

    #[test]
    fn branches_are_counted_as_often_as_they_are_asked() {
        let tree = json!({"$defs": {"e": {"oneOf": [
            {"type": "string"},
            {"properties": {"and": {"items": {"$ref": "#/$defs/e"}}}},
            {"properties": {"and": {"items": {"$ref": "#/$defs/e"}}, "or": true}}
        ]}}, "$ref": "#/$defs/e"});
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({"and": [inner]}));
        let count = |value: &Value| count_branches(&tree, &tree, value);
        assert_eq!([0, 1, 2].map(|depth| count(&nested(depth))), [5, 17, 41]);
        assert!(count(&nested(60)) > 1 << 60, "and that is known at once");
        assert_eq!(count(&nested(64)), u64::MAX);
        let table = [
            (json!(true), json!(1), 1),
            (json!({"$ref": "#"}), json!(1), 2),
            (json!({"allOf": [{}, {"not": {}}], "if": {}, "then": {}}), json!(1), 6),
            (json!({"properties": {"a": {}}, "additionalProperties": {}}), json!({"a": 1, "b": 2}), 3),
            (json!({"items": [{}, {}], "additionalItems": {}}), json!([1, 2, 3]), 6),
            (json!({"prefixItems": [{}], "items": {}}), json!([1, 2]), 4),
        ];
        for (schema, value, expected) in table {
            assert_eq!(count_branches(&schema, &schema, &value), expected, "{schema} {value}");
        }
    }
}
