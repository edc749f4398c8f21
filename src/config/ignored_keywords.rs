//! What a contract says and no validator hears: keywords that JSON Schema ignores, and formats that are not checked.
//!
//! JSON Schema ignores what it does not know, so a misspelt `requried` accepts everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    config::{contract_part::SchemaLanguage, contract_text::ContractPlaces, unused_definitions::decode_reference},
    diagnostic::{Code, Diagnostic, Severity, nearest},
    json_pointer::escape,
};

/// Keywords that hold one schema.
const ONE: &[&str] = &[
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
/// Keywords that hold a list of schemas.
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords that hold schemas by name.
const MAP: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// All other keywords of any draft that restrict values.
const RULES: &[&str] = &[
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "type",
    "enum",
    "const",
    "required",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "contentEncoding",
    "contentMediaType",
];
/// Keywords that restrict nothing: of any draft, and those that OpenAPI adds.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "id",
    "$comment",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$vocabulary",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "nullable",
    "discriminator",
    "xml",
    "externalDocs",
];
/// Keywords that some drafts do not have, with the first and the last draft that does.
const DRAFTS: &[(&str, u16, u16)] = &[
    ("const", 6, u16::MAX),
    ("contains", 6, u16::MAX),
    ("propertyNames", 6, u16::MAX),
    ("if", 7, u16::MAX),
    ("then", 7, u16::MAX),
    ("else", 7, u16::MAX),
    ("dependentRequired", 2019, u16::MAX),
    ("dependentSchemas", 2019, u16::MAX),
    ("minContains", 2019, u16::MAX),
    ("maxContains", 2019, u16::MAX),
    ("unevaluatedItems", 2019, u16::MAX),
    ("unevaluatedProperties", 2019, u16::MAX),
    ("$recursiveRef", 2019, 2019),
    ("prefixItems", 2020, u16::MAX),
    ("$dynamicRef", 2020, u16::MAX),
    ("additionalItems", 4, 2019),
];

/// Whether a keyword restricts values in some draft.
pub(crate) fn is_rule(keyword: &str) -> bool {
    RULES.contains(&keyword) || ONE.contains(&keyword) || LIST.contains(&keyword) || MAP.contains(&keyword)
}

/// Whether a draft has a keyword, if any has.
pub(crate) fn is_in_draft(keyword: &str, number: u16) -> bool {
    DRAFTS
        .iter()
        .find(|(known, ..)| *known == keyword)
        .is_none_or(|(_, first, last)| (*first..=*last).contains(&number))
}

/// Whether a keyword restricts nothing on purpose.
pub(crate) fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// Keywords that OpenAPI 3.0 does not have, though draft 4 or a newer one does.
const NOT_IN_OPEN_API_30: &[&str] = &[
    "$defs",
    "$id",
    "$schema",
    "additionalItems",
    "const",
    "contentEncoding",
    "contentMediaType",
    "dependencies",
    "id",
    "patternProperties",
];

/// What is known about the draft of a contract.
pub(super) struct DraftFacts<'a> {
    /// Its number: 4, 6, 7, 2019 or 2020.
    pub(super) number: u16,
    /// By which rules it is read.
    pub(super) dialect: SchemaLanguage,
    /// Whether a format is checked in it.
    pub(super) checks_format: &'a dyn Fn(&str) -> bool,
}

impl DraftFacts<'_> {
    /// How people call it.
    fn name(&self) -> String {
        match self.dialect {
            SchemaLanguage::JsonSchema => format!("draft {}", self.number),
            SchemaLanguage::OpenApi30 => "OpenAPI 3.0".into(),
            SchemaLanguage::OpenApi31 => "OpenAPI 3.1".into(),
        }
    }
}

/// All schemas of a contract, by their pointers.
pub(super) type Schemas<'a> = BTreeMap<String, &'a Map<String, Value>>;

/// Finds the keywords and formats of a contract that are ignored.
pub(super) fn find(
    file: &Value,
    schemas: &Schemas<'_>,
    places: &ContractPlaces,
    draft: &DraftFacts<'_>,
) -> Vec<Diagnostic> {
    let (mut findings, targets) = (Vec::new(), find_targets(file));
    for (at, schema) in schemas {
        let is_hidden = draft.number <= 7 && schema.contains_key("$ref");
        for (keyword, value) in *schema {
            let Some(finding) = judge(keyword, value, is_hidden, draft) else { continue };
            let pointer = format!("{at}/{}", escape(keyword));
            if is_rule(keyword) || !holds_target(&pointer, &targets) {
                findings.push(finding.rule(places.get().key(&pointer)));
            }
        }
    }
    // In the order of the file.
    findings.sort_by_key(|finding| finding.rule.as_ref().map(|place| (place.line, place.column)));
    findings
}

/// All schemas of a contract, one part of a file, each with its pointer: those of keywords, and those that something refers to.
pub(super) fn find_schemas<'a>(file: &'a Value, part: &str) -> Schemas<'a> {
    let mut found = BTreeMap::new();
    let starts = [part.to_owned()].into_iter().chain(find_targets(file));
    let mut open: Vec<(String, &Value)> =
        starts.filter_map(|at| file.pointer(&at).map(|schema| (at, schema))).collect();
    while let Some((at, part)) = open.pop() {
        let Value::Object(part) = part else { continue };
        if found.insert(at.clone(), part).is_none() {
            open.extend(nested_schemas(part).map(|(inside, part)| (format!("{at}/{inside}"), part)));
        }
    }
    found
}

/// The pointers that something refers to.
fn find_targets(schema: &Value) -> BTreeSet<String> {
    let (mut references, mut open) = (BTreeSet::new(), vec![schema]);
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                references.extend(members.get("$ref").and_then(Value::as_str));
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    references.into_iter().filter_map(decode_reference).collect()
}

/// Whether something refers to a place, or into it: then it is there to hold definitions, whatever it is called.
fn holds_target(pointer: &str, targets: &BTreeSet<String>) -> bool {
    let inside = format!("{pointer}/");
    targets.contains(pointer) || targets.range(inside.clone()..).next().is_some_and(|next| next.starts_with(&inside))
}

/// What is wrong with one keyword. `is_hidden`: it stands beside a `$ref` that hides it.
fn judge(keyword: &str, value: &Value, is_hidden: bool, draft: &DraftFacts<'_>) -> Option<Diagnostic> {
    let ignored = |message: String| Diagnostic::new(Code::PlanIgnoredKeyword, message).severity(Severity::Warning);
    let number = draft.number;
    if keyword == "nullable" && value == &Value::Bool(true) {
        return judge_nullable(is_hidden, draft).map(|(message, hint)| ignored(message.into()).hint(hint));
    }
    let is_absent = draft.dialect == SchemaLanguage::OpenApi30 && NOT_IN_OPEN_API_30.contains(&keyword);
    if is_annotation(keyword) && !is_absent {
        return None;
    }
    if !is_rule(keyword) && !is_absent {
        let message = format!("`{keyword}` is no keyword of JSON Schema, so it is ignored");
        let known = [RULES, ONE, LIST, MAP, ANNOTATIONS].into_iter().flatten().copied();
        let hint = match nearest(keyword, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "take it out, or begin its name with `x-` if it is meant for another tool".into(),
        };
        return Some(ignored(message).hint(hint));
    }
    if is_hidden && !matches!(keyword, "$ref" | "$defs" | "definitions") {
        let message = format!("`{keyword}` stands beside `$ref`, where {} ignores it", draft.name());
        let hint = match draft.dialect {
            SchemaLanguage::JsonSchema => "put both into `allOf`, or name a newer draft in `$schema`",
            _ => "put both into `allOf`",
        };
        return Some(ignored(message).hint(hint));
    }
    if is_absent {
        let message = format!("`{keyword}` is no keyword of {}, so it is ignored", draft.name());
        return Some(ignored(message).hint("take it out, or say `openapi: 3.1.0` if the API is described so"));
    }
    if !is_in_draft(keyword, number) {
        let message = format!("`{keyword}` is no keyword of {}, so it is ignored", draft.name());
        let hint = match draft.dialect {
            SchemaLanguage::JsonSchema => "name the draft that the contract is written for in `$schema`",
            _ => "take it out, or say it with the keywords of that version",
        };
        return Some(ignored(message).hint(hint));
    }
    let format = value.as_str().filter(|format| keyword == "format" && !(draft.checks_format)(format))?;
    let message = format!("the format `{format}` is not known here, so it is not checked");
    let finding = Diagnostic::new(Code::PlanUnknownFormat, message).severity(Severity::Notice);
    Some(finding.hint("add a `pattern` if it matters"))
}

/// What is wrong with `nullable: true`, and what to do. In JSON Schema it is an annotation of another tool.
fn judge_nullable(is_hidden: bool, draft: &DraftFacts<'_>) -> Option<(&'static str, &'static str)> {
    match draft.dialect {
        SchemaLanguage::OpenApi30 if is_hidden => Some((
            "`nullable` stands beside `$ref`, where OpenAPI 3.0 ignores it: `null` is not allowed here",
            "write it beside the `type` of what is referred to",
        )),
        SchemaLanguage::OpenApi31 => Some((
            "`nullable` is no keyword of OpenAPI 3.1, so it is ignored: `null` is not allowed here",
            "add `null` to the types, as in `type: [string, \"null\"]`",
        )),
        _ => None,
    }
}

/// The schemas directly inside a schema, each with its pointer from there.
pub(super) fn nested_schemas(schema: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    schema.iter().flat_map(|(keyword, value)| {
        let (keyword, mut parts) = (keyword.as_str(), Vec::new());
        match value {
            Value::Object(fields) if MAP.contains(&keyword) => {
                parts.extend(fields.iter().map(|(name, part)| (format!("{keyword}/{}", escape(name)), part)));
            }
            Value::Array(items) if LIST.contains(&keyword) => {
                parts.extend(items.iter().enumerate().map(|(number, part)| (format!("{keyword}/{number}"), part)));
            }
            value if ONE.contains(&keyword) => parts.push((keyword.to_owned(), value)),
            _ => {}
        }
        parts
    })
}
