//! The files that people write: whatever stands in them, it is a plan or findings that can be drawn.

use crate::{
    config::{
        mapping::request::{Method, Request},
        profile::{ProfilesFile, resolve, secret::Environment},
    },
    fuzzing::{compile_plan, draw},
};

/// A contract that many mappings fit.
const CONTRACT: &str = r##"{
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "maxLength": 20, "pattern": "^[a-z0-9]+$" },
            "kind": { "enum": ["a", "b", null] },
            "amount": { "type": "number", "minimum": 0, "multipleOf": 0.01 },
            "at": { "type": "string", "format": "date-time" },
            "items": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/item" } }
        }
    },
    "$defs": { "item": { "oneOf": [{ "type": "object", "properties": { "n": { "type": "integer" } } }, { "type": "string" }] } }
}"##;

/// A mapping that many contracts fit.
const MAPPING: &str = "\
mapping: 1
name: a
contract: contract.json
request: { method: PUT, path: /a }
sources:
  a:
    path: a.csv
    key: id
    columns: { id: {}, kind: { type: code }, amount: { type: decimal }, at: { type: datetime, format: '%Y-%m-%dT%H:%M:%S%:z' } }
  b: { path: b.csv, key: n, columns: { n: { type: integer }, id: {} } }
codes:
  kinds: { values: { '1': a, '2': b }, on_unknown: reject }
output:
  each: a
  fields:
    id: id
    kind: { from: kind, codes: kinds }
    amount: amount
    at: at
    items: { many: b, match: { id: id }, fields: { n: n } }
";

/// A text as a mapping.
pub fn fuzz_mapping(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(findings) = compile_plan(text, CONTRACT) {
        draw(&findings);
    }
}

/// A text as a contract. The two ways to check a document agree.
///
/// # Panics
/// They do not.
pub fn fuzz_contract(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match compile_plan(MAPPING, text) {
        Err(findings) => drop(draw(&findings)),
        Ok(plan) => {
            for document in [
                r#"{"id":"1","kind":"a","amount":1.5,"at":"2026-06-15T00:00:00Z","items":[{"n":1},{"n":1}]}"#,
                r#"{"id":"","amount":12345678901234567890.123,"items":[]}"#,
                "{}",
            ] {
                let is_accepted = plan.accepts(document.as_bytes());
                assert_eq!(is_accepted, plan.violations(document.as_bytes()).is_empty(), "{document}");
            }
        }
    }
}

/// Stands for a secret in the inputs of the fuzzer.
const PLACEHOLDER: &str = "SECRET";
/// What must not be shown.
const CANARY: &str = "q7Zx9Canary";

/// A text as `profiles.yaml`. What stands where a secret may stand is not shown.
///
/// # Panics
/// It is.
pub fn fuzz_profiles(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = text.replace(PLACEHOLDER, CANARY);
    let findings = match ProfilesFile::read("profiles.yaml", &text) {
        Err(findings) => findings,
        Ok(file) => {
            let request = Request::new(Method::Put, "/v1/customers");
            let names: Vec<String> = file.profiles.profiles.keys().cloned().collect();
            let destination = |name: &String| {
                resolve::destination(Some(&file), Some(name), &[], &request, &Environment::default()).err()
            };
            names.iter().filter_map(destination).flatten().collect()
        }
    };
    let drawn = String::from_utf8_lossy(&draw(&findings)).into_owned();
    assert!(!drawn.contains(CANARY), "{drawn}");
}
