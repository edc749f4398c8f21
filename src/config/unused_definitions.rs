//! The definitions of a contract that nothing refers to: they are no part of what the API accepts for this request.
//!
//! A contract is often a file of thousands of definitions, of which one request needs a dozen. Only references inside the
//! file (`#/$defs/name`) are followed; with a base URI, an anchor or any other reference, everything counts as used.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::json_pointer::escape;

/// The members that hold definitions: of the current drafts, of the older ones, and of OpenAPI.
const CONTAINERS: [&str; 3] = ["/$defs", "/definitions", "/components/schemas"];

/// The members that give a part of a contract another name than its pointer, and references to such names.
const NAMES: [&str; 5] = ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"];

/// Removes the definitions that nothing reaches; returns their pointers.
pub(super) fn remove(schema: &mut Value) -> BTreeSet<String> {
    let unused = find(schema);
    for container in CONTAINERS {
        if let Some(definitions) = schema.pointer_mut(container).and_then(Value::as_object_mut) {
            definitions.retain(|name, _| !unused.contains(&format!("{container}/{}", escape(name))));
        }
    }
    unused
}

fn find(schema: &Value) -> BTreeSet<String> {
    let mut definitions: BTreeMap<String, &Value> = BTreeMap::new();
    for container in CONTAINERS {
        let members = schema.pointer(container).and_then(Value::as_object).into_iter().flat_map(Map::iter);
        definitions.extend(members.map(|(name, part)| (format!("{container}/{}", escape(name)), part)));
    }
    if definitions.is_empty() {
        return BTreeSet::new();
    }
    // Only draft 4 names a part by `id`; elsewhere it is a field of an example.
    let is_old = schema.get("$schema").and_then(Value::as_str).is_some_and(|draft| draft.contains("draft-04"));
    let names = NAMES.into_iter().chain(is_old.then_some("id"));
    let names: Vec<&str> = names.collect();
    let mut unused: BTreeSet<String> = definitions.keys().cloned().collect();
    let mut references = Vec::new();
    let mut open = vec![(String::new(), schema)];
    loop {
        if let Some((at, part)) = open.pop() {
            if !note_references((&at, part), &names, &definitions, &mut references) {
                return BTreeSet::new();
            }
        } else if let Some(reference) = references.pop() {
            let definition = definition_of(&reference, &definitions);
            let is_container = || CONTAINERS.iter().any(|container| container.starts_with(&reference));
            if definition.is_none() && !reference.is_empty() && is_container() {
                return BTreeSet::new();
            }
            if let Some(definition) = definition.filter(|definition| unused.remove(definition)) {
                let part = definitions[&definition];
                open.push((definition, part));
            }
        } else {
            return unused;
        }
    }
}

/// Notes the references of a part, but not those of the definitions in it. `false`: one cannot be followed, or the part has a
/// name of its own.
fn note_references(
    (at, part): (&str, &Value),
    names: &[&str],
    definitions: &BTreeMap<String, &Value>,
    references: &mut Vec<String>,
) -> bool {
    let mut open = vec![(at.to_owned(), part)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                // The file itself may have a base: references inside it are the same with it.
                let is_root = |name: &str| pointer.is_empty() && matches!(name, "$id" | "id");
                if names.iter().any(|name| !is_root(name) && members.get(*name).is_some_and(Value::is_string)) {
                    return false;
                }
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    match decode_reference(reference) {
                        Some(reference) => references.push(reference),
                        None => return false,
                    }
                }
                let below = |name: &String| format!("{pointer}/{}", escape(name));
                let inner = members.iter().map(|(name, member)| (below(name), member));
                open.extend(inner.filter(|(pointer, _)| !definitions.contains_key(pointer)));
            }
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(number, item)| (format!("{pointer}/{number}"), item)));
            }
            _ => {}
        }
    }
    true
}

/// The pointer of a reference inside the file; `None`: it is of another kind.
pub(super) fn decode_reference(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    let is_pointer = (fragment.is_empty() || fragment.starts_with('/')) && !fragment.contains('%');
    is_pointer.then(|| fragment.to_owned())
}

/// The definition that a pointer leads into.
fn definition_of(pointer: &str, definitions: &BTreeMap<String, &Value>) -> Option<String> {
    let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1).chain([pointer.len()]);
    ends.map(|end| &pointer[..end]).find(|start| definitions.contains_key(*start)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::remove;

    #[test]
    fn definitions_that_nothing_reaches_are_removed() {
        let table = [
            (r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {}, "c": {}}}"##, "/$defs/c"),
            // Definitions that only refer to each other or to themselves are not used.
            (
                r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}, "c": {"$ref": "#/$defs/c"}}}"##,
                "/$defs/a /$defs/b /$defs/c",
            ),
            (
                r##"{"items": {"$ref": "#/definitions/a/properties/x"}, "definitions": {"a": {}, "b": {}}}"##,
                "/definitions/b",
            ),
            (r##"{"items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": {}, "a": {}}}"##, "/$defs/a"),
            (
                r##"{"items": {"$ref": "#"}, "components": {"schemas": {"a": {"example": {"id": "1"}}}}}"##,
                "/components/schemas/a",
            ),
            // A part whose name is no pointer, or a reference that is none: everything may be used.
            (r##"{"$ref": "#a", "$defs": {"a": {"$anchor": "a"}, "b": {}}}"##, ""),
            (r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$id": "urn:a"}, "b": {}}}"##, ""),
            (r##"{"$ref": "#/$defs/%61", "$defs": {"a": {}, "b": {}}}"##, ""),
            (r#"{"$ref": "other.json", "$defs": {"a": {}}}"#, ""),
            (r##"{"$ref": "#/$defs", "$defs": {"a": {}}}"##, ""),
            (r##"{"$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a"}}}"##, ""),
            (
                r##"{"$schema": "http://json-schema.org/draft-04/schema#", "items": {"id": "#a"}, "definitions": {"a": {}}}"##,
                "",
            ),
        ];
        for (text, expected) in table {
            let mut schema: Value = serde_json::from_str(text).unwrap();
            let unused = remove(&mut schema);
            assert_eq!(unused.iter().cloned().collect::<Vec<_>>().join(" "), expected, "{text}");
            assert!(unused.iter().all(|pointer| schema.pointer(pointer).is_none()));
        }
    }
}
