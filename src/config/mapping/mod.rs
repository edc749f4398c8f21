//! The mapping file as written, with the place of every key.
//!
//! These types say what may be written; no name is resolved, and every name may still be wrong: `plan` resolves them.
//! Unknown keys, wrong types and bare words where a text is meant are refused here, with their place. The doc comments are the descriptions in `schemas/mapping.schema.json`.

pub mod policy;
pub mod short_forms;
pub mod file_roles;
pub mod request;
pub mod request_path;
pub mod content_type;
pub mod dialect;
pub mod column;
pub mod code_table;
pub mod field;
mod missing_keys;

use std::{borrow::Cow, fmt};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    config::{
        mapping::{
            code_table::CodeTable,
            column::Column,
            dialect::DialectSpec,
            field::Field,
            file_roles::FileRole,
            missing_keys::find_missing,
            policy::{IfEmpty, OnDuplicateKey, OnIncomplete, Policy},
            request::Request,
            short_forms::{Columns, Named},
        },
        yaml::{self, Places},
        yaml_values,
    },
    diagnostic::{Code, Diagnostic, Place},
    units::Size,
};

/// A mapping: how flat CSV files become the nested JSON of one API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The version of this language: 1.
    pub mapping: u32,
    /// A name for messages and reports.
    pub name: String,
    /// The JSON Schema of the request body, relative to this file.
    pub contract: String,
    /// The largest contract that is read: 16MiB, if nothing else is said.
    #[serde(default)]
    pub max_contract: Option<Size>,
    /// The request that carries the documents.
    pub request: Request,
    /// How the CSV files are written, by name. A source without a dialect uses `,` and `"` and UTF-8.
    #[serde(default)]
    pub dialects: IndexMap<String, DialectSpec>,
    /// The CSV files, by the role they play.
    pub sources: IndexMap<String, SourceSpec>,
    /// Code tables, by name.
    #[serde(default)]
    pub codes: IndexMap<String, CodeTable>,
    /// The shape of the JSON.
    pub output: Output,
}

/// One CSV file (or several of the same shape) with a role.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source", extend("oneOf" = file_roles::schema()))]
pub struct SourceSpec {
    /// The file inside the drop folder; `*` and `?` match several. `.gz` and `.zst` files are read as they are.
    #[serde(default)]
    pub path: Option<String>,
    /// In place of `path`, `dialect` and `columns`: the source whose file this one reads too, row by row.
    #[serde(default)]
    pub rows_of: Option<String>,
    /// The name of a dialect, or a dialect written here.
    #[serde(default)]
    pub dialect: Option<Named<DialectSpec>>,
    /// The column, or list of columns, that tells records apart.
    #[serde(default)]
    pub key: Columns,
    /// What to do when different records have the same key.
    #[serde(default)]
    pub on_duplicate_key: Policy<OnDuplicateKey>,
    /// What is known about columns. A column that is not listed is text.
    #[serde(default)]
    pub columns: IndexMap<String, Column>,
    /// Amounts to add up in the summary, so that it shows where the money went.
    #[serde(default)]
    pub total: Option<TotalSpec>,
}

/// Amounts to add up in the summary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Total")]
pub struct TotalSpec {
    /// The column with the amount, an `integer` or a `decimal`.
    pub sum: String,
    /// The column that keeps amounts apart, as a currency does.
    #[serde(default)]
    pub by: Option<String>,
    /// The texts of that column that the summary may show, besides those that look like a code, as `EUR` does.
    #[serde(default)]
    pub units: Vec<String>,
}

/// The shape of the JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// `array`: a request carries a list of documents. `object`: each request carries one document. Or an object around the
    /// list: `documents` stands where the list goes.
    #[serde(default)]
    pub root: Root,
    /// The source whose records become documents, one each.
    pub each: String,
    /// Only records for which this expression over their columns is true, as in `status == 'paid'`. The others are not meant to go out.
    #[serde(default, rename = "where")]
    pub only: Option<String>,
    /// What to do when there is nothing for a field, at any depth, that says nothing itself.
    #[serde(default)]
    pub if_empty: Option<Policy<IfEmpty>>,
    /// With `collection: replace` in the profile, what to do with the others when a document is rejected: nothing is sent
    /// (`reject`), or all others are (`send`), and the API loses the rejected ones.
    #[serde(default)]
    pub on_incomplete: Policy<OnIncomplete>,
    /// The fields of a document, in their order.
    pub fields: IndexMap<String, Field>,
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub enum Root {
    /// A list of documents.
    #[default]
    Array,
    /// One document.
    Object,
    /// An object around a list of documents.
    Envelope(IndexMap<String, Field>),
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Root, D::Error> {
        deserializer.deserialize_any(RootVisitor)
    }
}

struct RootVisitor;

impl<'de> Visitor<'de> for RootVisitor {
    type Value = Root;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`array`, `object` or a block with `documents` in it")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Root, E> {
        match word {
            "array" => Ok(Root::Array),
            "object" => Ok(Root::Object),
            other => Err(E::unknown_variant(other, &["array", "object"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Root, A::Error> {
        IndexMap::deserialize(MapAccessDeserializer::new(map)).map(Root::Envelope)
    }
}

impl JsonSchema for Root {
    fn schema_name() -> Cow<'static, str> {
        "Root".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a request carries.",
            "anyOf": [
                { "enum": ["array", "object"] },
                { "type": "object", "additionalProperties": generator.subschema_for::<Field>() },
            ],
        })
    }
}

/// Reads a mapping file's text.
///
/// # Errors
/// Every reason why it is not a mapping, each with its place.
pub fn read(path: &str, text: &str) -> Result<(Mapping, Places), Vec<Diagnostic>> {
    // Bare words are looked for first: serde would only say that a number is not a string.
    let places = yaml::places(path, text).map_err(|diagnostic| vec![diagnostic])?;
    if let Some(other) = explain_other_file(&places) {
        return Err(vec![other]);
    }
    let bare = find_unquoted(&places);
    if !bare.is_empty() {
        return Err(bare);
    }
    let missing = find_missing(&places);
    let (mapping, places) = yaml_values::typed::<Mapping>(text, places).map_err(|wrong| match wrong.as_slice() {
        [only] if only.code == Code::PlanMissingKey && !missing.is_empty() => missing,
        _ => wrong,
    })?;
    if mapping.mapping == 1 {
        let roles = mapping.sources.iter().map(|(name, source)| FileRole {
            name,
            has_path: source.path.is_some(),
            rows_of: source.rows_of.as_deref(),
        });
        let misplaced = file_roles::find_misplaced(roles, &places);
        return if misplaced.is_empty() { Ok((mapping, places)) } else { Err(misplaced) };
    }
    let message = format!("this program reads version 1 of the mapping language, not {}", mapping.mapping);
    let finding = Diagnostic::new(Code::PlanWrongValue, message).rule(places.value("/mapping"));
    Err(vec![finding.hint("write `mapping: 1`, or use a newer version of xwalk")])
}

/// A file that is something else, told by its keys.
fn explain_other_file(places: &Places) -> Option<Diagnostic> {
    let has = |key: &str| places.node(&format!("/{key}")).is_some();
    if has("mapping") && !has("profiles") || has("sources") || has("output") {
        return None;
    }
    let (what, key) = if has("profiles") {
        ("this is a file of profiles, no mapping", "profiles")
    } else if has("openapi") {
        ("this is an OpenAPI file, no mapping", "openapi")
    } else if let Some(key) = ["$schema", "$defs", "properties", "items"].into_iter().find(|key| has(key)) {
        ("this is a JSON Schema, no mapping", key)
    } else {
        return None;
    };
    let finding = Diagnostic::new(Code::PlanWrongValue, what).rule(places.key(&format!("/{key}")));
    Some(finding.hint("name the mapping: it begins with `mapping: 1` and names its contract itself"))
}

/// The JSON Schema (draft 7) of a mapping file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Mapping>().to_value()
}

/// Code-table keys and values, and other texts that stand for cells, that YAML would read as something else.
fn find_unquoted(places: &Places) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (pointer, node) in places.below("") {
        let steps: Vec<&str> = pointer.split('/').skip(1).collect();
        let in_table = matches!(steps.as_slice(), ["codes", _, "values", _] | ["output", .., "codes", "values", _]);
        let is_cell = in_table
            || matches!(steps.as_slice(), [.., "null_values" | "true_values" | "false_values", _] | [.., "use"]);
        if !is_cell {
            continue;
        }
        let key = steps.last().copied().unwrap_or_default();
        if in_table && places.bare_key(pointer) && !reads_as_text(key) {
            findings.push(unquoted_finding(key, places.key(pointer)));
        }
        match node.scalar.as_deref() {
            // That nothing is there is told by itself.
            Some("") => {}
            Some(text) if node.plain && !reads_as_text(text) => {
                findings.push(unquoted_finding(text, places.value(pointer)));
            }
            _ => {}
        }
    }
    findings.sort_by_key(|finding| finding.rule.as_ref().map(|place| (place.line, place.column)));
    findings
}

fn unquoted_finding(text: &str, place: Place) -> Diagnostic {
    Diagnostic::new(Code::PlanUnquoted, format!("`{text}` is not a text to every YAML reader"))
        .rule(place)
        .hint(format!("put it in quotes: \"{text}\""))
}

/// A bare word that YAML 1.1 and 1.2 readers agree is a text.
pub(crate) fn reads_as_text(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let eaten = matches!(
        lower.as_str(),
        "" | "~"
            | "null"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "y"
            | "n"
            | ".nan"
            | ".inf"
            | "-.inf"
            | "+.inf"
    );
    let numeric = lower.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && lower.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '-' | '+' | '_' | ':' | 'x' | 'o'));
    !eaten && !numeric
}

#[cfg(test)]
mod tests {
    use super::reads_as_text;

    #[test]
    fn words_that_yaml_eats_are_no_texts() {
        for word in
            ["1", "012", "1_000", "1.0", "0x1F", "no", "Yes", "off", "null", "~", "12:30", "1e3", "-5", ".5", "y"]
        {
            assert!(!reads_as_text(word), "{word}");
        }
        for word in ["Female", "A1", "1A-b!", "none", "M", "north"] {
            assert!(reads_as_text(word), "{word}");
        }
    }
}
