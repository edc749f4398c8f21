//! Schemas of an OpenAPI document -> JSON Schema that means the same, at the same pointers.
//!
//! OpenAPI 3.0 is draft 4 with `nullable` and without some keywords. In every version, what is `readOnly` is no part of a
//! request, so it is not required there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    config::{
        ignored_keywords::{find_schemas, nested_schemas},
        unused_definitions::decode_reference,
    },
    json_pointer::escape,
};

/// Keywords of draft 4 that OpenAPI 3.0 does not have.
const ABSENT: [&str; 6] = ["id", "$id", "$schema", "patternProperties", "additionalItems", "dependencies"];

/// Makes draft 4 of all schemas that a part of an OpenAPI 3.0 document reaches.
pub(super) fn to_draft_4(document: &mut Value, part: &str) {
    let pointers: Vec<String> = find_schemas(document, part).into_keys().collect();
    for pointer in pointers {
        let Some(schema) = document.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
        schema.retain(|keyword, value| !(ABSENT.contains(&keyword.as_str()) || is_empty_rule(keyword, value)));
        if schema.get("nullable") == Some(&Value::Bool(true))
            && let Some(kind) = schema.get("type").filter(|kind| kind.is_string()).cloned()
        {
            schema.insert("type".into(), Value::Array(vec![kind, "null".into()]));
        }
    }
}

/// A rule that draft 4 does not allow to be empty, and that people write so.
fn is_empty_rule(keyword: &str, value: &Value) -> bool {
    keyword == "required" && value.as_array().is_some_and(Vec::is_empty)
}

/// Takes what is `readOnly` out of what a part of an OpenAPI document requires.
///
/// What is said of one value in several places (by `$ref` and `allOf`) belongs together. A schema that is used in several
/// such groups loses what all of them say is `readOnly`.
pub(super) fn require_no_read_only(document: &mut Value, part: &str, lone_references: bool) {
    let mut unrequired: BTreeMap<(String, String), bool> = BTreeMap::new();
    let (mut open, mut seen) = (vec![part.to_owned()], BTreeSet::new());
    while let Some(entry) = open.pop() {
        if !seen.insert(entry.clone()) {
            continue;
        }
        let group = group_of(document, &entry, lone_references);
        for (at, schema) in &group {
            let inner = nested_schemas(schema).filter(|(inside, _)| !inside.starts_with("allOf/"));
            open.extend(inner.map(|(inside, _)| format!("{at}/{inside}")));
        }
        let read_only: BTreeSet<&String> = group
            .iter()
            .flat_map(|(at, schema)| properties(schema).map(move |name| (at, name)))
            .filter(|(at, name)| is_read_only(document, &format!("{at}/properties/{}", escape(name)), lone_references))
            .map(|(_, name)| name)
            .collect();
        for (at, schema) in &group {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            for name in required.filter_map(Value::as_str).map(str::to_owned) {
                let is_read_only = read_only.contains(&name);
                unrequired.entry((at.clone(), name)).and_modify(|all| *all &= is_read_only).or_insert(is_read_only);
            }
        }
    }
    for ((at, name), _) in unrequired.into_iter().filter(|(_, is_read_only)| *is_read_only) {
        let Some(schema) = document.pointer_mut(&at).and_then(Value::as_object_mut) else { continue };
        let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) else { continue };
        required.retain(|known| known.as_str() != Some(&name));
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = &String> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys)
}

fn is_read_only(document: &Value, at: &str, lone_references: bool) -> bool {
    let group = group_of(document, at, lone_references);
    group.iter().any(|(_, schema)| schema.get("readOnly") == Some(&Value::Bool(true)))
}

/// All schemas that say something about the same value as one of them, with their pointers.
fn group_of<'a>(document: &'a Value, at: &str, lone_references: bool) -> Vec<(String, &'a Map<String, Value>)> {
    let (mut open, mut seen, mut group) = (vec![at.to_owned()], BTreeSet::new(), Vec::new());
    while let Some(at) = open.pop() {
        let Some(schema) = document.pointer(&at).and_then(Value::as_object) else { continue };
        if !seen.insert(at.clone()) {
            continue;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            open.extend(decode_reference(reference));
            if lone_references {
                continue;
            }
        }
        let all = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..all).map(|number| format!("{at}/allOf/{number}")));
        group.push((at, schema));
    }
    group
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::open_api_schemas::{require_no_read_only, to_draft_4};

    #[test]
    fn schemas_of_3_0_become_draft_4() {
        let table = [
            (json!({ "type": "string", "nullable": true }), json!({ "type": ["string", "null"], "nullable": true })),
            (json!({ "type": "string", "nullable": false }), json!({ "type": "string", "nullable": false })),
            (json!({ "nullable": true }), json!({ "nullable": true })),
            (json!({ "id": "x", "patternProperties": {}, "required": [] }), json!({})),
            // Names of fields are no keywords.
            (
                json!({ "properties": { "id": { "type": "integer", "nullable": true } } }),
                json!({ "properties": { "id": { "type": ["integer", "null"], "nullable": true } } }),
            ),
            (
                json!({ "items": { "oneOf": [{ "type": "number", "nullable": true }] } }),
                json!({ "items": { "oneOf": [{ "type": ["number", "null"], "nullable": true }] } }),
            ),
            (
                json!({ "example": { "type": "x", "nullable": true, "id": "1" } }),
                json!({ "example": { "type": "x", "nullable": true, "id": "1" } }),
            ),
        ];
        for (schema, expected) in table {
            let mut document = json!({ "s": schema });
            to_draft_4(&mut document, "/s");
            assert_eq!(document["s"], expected);
        }
    }

    #[test]
    fn what_is_read_only_is_not_required() {
        let id = || json!({ "type": "string", "readOnly": true });
        let required =
            |document: &Value, at: &str| document.pointer(&format!("{at}/required")).cloned().unwrap_or_default();
        let mut document = json!({
            "body": { "type": "array", "items": { "$ref": "#/one" } },
            "one": { "properties": { "id": id(), "name": {}, "of": { "$ref": "#/owner" } }, "required": ["id", "name", "of"] },
            "owner": { "readOnly": true },
        });
        require_no_read_only(&mut document, "/body", true);
        assert_eq!(required(&document, "/one"), json!(["name"]));

        // By `allOf`, in both directions; what is left empty goes.
        let mut document = json!({
            "body": { "allOf": [{ "$ref": "#/base" }, { "required": ["id"] }, { "properties": { "at": id() } }] },
            "base": { "properties": { "id": id() }, "required": ["at", "name"] },
        });
        require_no_read_only(&mut document, "/body", true);
        assert_eq!(required(&document, "/body/allOf/1"), Value::Null);
        assert_eq!(required(&document, "/base"), json!(["name"]));

        // What another use of the same schema does not say is left as it is.
        let mut document = json!({
            "body": { "properties": {
                "a": { "allOf": [{ "$ref": "#/base" }, { "properties": { "at": id() } }] },
                "b": { "$ref": "#/base" },
            } },
            "base": { "required": ["at"] },
        });
        require_no_read_only(&mut document, "/body", true);
        assert_eq!(required(&document, "/base"), json!(["at"]));
    }
}
