//! The definitions of a contract that nothing refers to: they are no part of what the API accepts for this request.
//!
//! A contract is often a file of thousands of definitions, of which one request needs a dozen. Only references inside the
//! file (`#/$defs/name`) are followed; with a base URI, an anchor or any other reference, everything counts as used.
//! Of a file in which one part is the contract, only what that part reaches is kept.

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

/// What was kept of a file, and what was removed.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// The pointers of the parts that are reached; none stands inside another.
    pub(super) kept: BTreeSet<String>,
    /// The pointers of what was removed.
    pub(super) removed: BTreeSet<String>,
}

/// Keeps of a file what one of its parts reaches. All pointers stay what they are; an item of a list that is not reached is
/// `null`. Where a part is referred to by another name than its pointer, all parts that have such names are kept.
pub(super) fn keep_reachable(file: &mut Value, part: &str) -> Reached {
    let own = ["$id", "id"].iter().find_map(|name| file.get(name)).and_then(Value::as_str).unwrap_or_default();
    let own = own.trim_end_matches('#').to_owned();
    let (mut open, mut kept, mut has_names) = (vec![part.to_owned()], BTreeSet::new(), false);
    while let Some(at) = open.pop() {
        if starts_of(&at).any(|start| kept.contains(start)) {
            continue;
        }
        let Some(value) = file.pointer(&at) else { continue };
        for reference in references_in(value) {
            let inside = reference.strip_prefix(own.as_str()).unwrap_or(reference);
            match decode_reference(if inside.is_empty() { "#" } else { inside }) {
                Some(target) => open.push(target),
                None if !has_names => {
                    has_names = true;
                    open.extend(named_parts(file));
                }
                None => {}
            }
        }
        kept.insert(at);
    }
    let nested: Vec<String> =
        kept.iter().filter(|at| starts_of(at).any(|start| start != **at && kept.contains(start))).cloned().collect();
    kept.retain(|at| !nested.contains(at));
    let mut removed = BTreeSet::new();
    prune(file, "", &kept, &mut removed);
    Reached { kept, removed }
}

/// A pointer and all that it stands in, the whole file first.
fn starts_of(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.match_indices('/').map(|(at, _)| &pointer[..at]).chain([pointer])
}

/// All references in a value, of any kind.
fn references_in(value: &Value) -> BTreeSet<&str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![value]);
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let references = ["$ref", "$dynamicRef", "$recursiveRef"].iter().filter_map(|name| members.get(*name));
                found.extend(references.filter_map(Value::as_str));
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// The pointers of all parts of a file that have names of their own.
fn named_parts(file: &Value) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![(String::new(), file)]);
    while let Some((at, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                let names = ["$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];
                if !at.is_empty() && names.iter().any(|name| members.contains_key(*name)) {
                    found.push(at.clone());
                }
                open.extend(members.iter().map(|(name, member)| (format!("{at}/{}", escape(name)), member)));
            }
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(number, item)| (format!("{at}/{number}"), item)));
            }
            _ => {}
        }
    }
    found
}

/// Removes what is not kept, but what says of the whole file how it is read.
fn prune(value: &mut Value, at: &str, kept: &BTreeSet<String>, removed: &mut BTreeSet<String>) {
    if kept.contains(at) {
        return;
    }
    let holds_kept = |pointer: &str| {
        let inside = format!("{pointer}/");
        kept.contains(pointer) || kept.range(inside.clone()..).next().is_some_and(|next| next.starts_with(&inside))
    };
    match value {
        Value::Object(members) => members.retain(|name, member| {
            let pointer = format!("{at}/{}", escape(name));
            let is_about_file = at.is_empty() && matches!(name.as_str(), "$schema" | "$id" | "id");
            if holds_kept(&pointer) {
                prune(member, &pointer, kept, removed);
            } else if !is_about_file {
                removed.insert(pointer);
                return false;
            }
            true
        }),
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                let pointer = format!("{at}/{number}");
                if holds_kept(&pointer) {
                    prune(item, &pointer, kept, removed);
                } else {
                    *item = Value::Null;
                    removed.insert(pointer);
                }
            }
        }
        _ => {}
    }
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
    let fragment = decode_percent(reference.strip_prefix('#')?)?;
    (fragment.is_empty() || fragment.starts_with('/')).then_some(fragment)
}

/// A fragment of a URI without its percent signs. `None`: they are wrong.
pub(super) fn decode_percent(fragment: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(fragment.len()), fragment);
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        let digits = behind.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &behind[2..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// The definition that a pointer leads into.
fn definition_of(pointer: &str, definitions: &BTreeMap<String, &Value>) -> Option<String> {
    let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1).chain([pointer.len()]);
    ends.map(|end| &pointer[..end]).find(|start| definitions.contains_key(*start)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Reached, keep_reachable, remove};

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
            (r##"{"$ref": "#/$defs/%61", "$defs": {"a": {}, "b": {}}}"##, "/$defs/b"),
            (r##"{"$ref": "#/$defs/%6", "$defs": {"a": {}, "b": {}}}"##, ""),
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

    #[test]
    fn only_what_a_part_reaches_is_kept() {
        let table = [
            (
                r##"{"openapi": "3.0.0", "p": [{"x": 1}, {"$ref": "#/c/a"}], "c": {"a": {"$ref": "#/c/b/z"}, "b": {"z": 1, "y": 2}, "d": 3}}"##,
                "/p/1",
                r##"{"p":[null,{"$ref":"#/c/a"}],"c":{"a":{"$ref":"#/c/b/z"},"b":{"z":1}}}"##,
                "/c/a /c/b/z /p/1",
            ),
            // What is inside of something kept is kept with it, and so is what holds itself.
            (
                r##"{"a": {"b": {"$ref": "#/a"}, "c": 1}, "d": 1}"##,
                "/a/b",
                r##"{"a":{"b":{"$ref":"#/a"},"c":1}}"##,
                "/a",
            ),
            (r##"{"a": {"$ref": "#"}, "d": 1}"##, "/a", r##"{"a":{"$ref":"#"},"d":1}"##, ""),
            // Names and percent signs.
            (
                r#"{"$id": "urn:x", "a": {"$ref": "urn:x#/c"}, "c": 1, "d": 1}"#,
                "/a",
                r#"{"$id":"urn:x","a":{"$ref":"urn:x#/c"},"c":1}"#,
                "/a /c",
            ),
            (
                r##"{"a": {"$ref": "#n"}, "c": {"$anchor": "n"}, "d": 1}"##,
                "/a",
                r##"{"a":{"$ref":"#n"},"c":{"$anchor":"n"}}"##,
                "/a /c",
            ),
            (
                r##"{"a": {"$ref": "#/c/%7Bx~1y%7D"}, "c": {"{x/y}": 1, "d": 1}}"##,
                "/a",
                r##"{"a":{"$ref":"#/c/%7Bx~1y%7D"},"c":{"{x/y}":1}}"##,
                "/a /c/{x~1y}",
            ),
        ];
        for (text, part, expected, parts) in table {
            let mut file: Value = serde_json::from_str(text).unwrap();
            let Reached { kept, removed } = keep_reachable(&mut file, part);
            assert_eq!(file.to_string(), expected);
            assert_eq!(kept.into_iter().collect::<Vec<_>>().join(" "), parts, "{text}");
            assert!(removed.iter().all(|pointer| file.pointer(pointer).is_none_or(Value::is_null)));
        }
    }
}
