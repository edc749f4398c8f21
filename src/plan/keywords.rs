//! Keywords of JSON Schema: what they restrict, and which of their rules about leaves are proven by the conversion alone.

use serde_json::{Map, Value};

use crate::{
    config::ignored_keywords::is_annotation,
    plan::{
        checks::Quick,
        conversion::{Conversion, write_text},
        pattern::Pattern,
    },
    text::buffer::OutputBuffer,
};

/// Keywords whose parts are visited by name.
const VISITED: &[&str] = &["$ref", "allOf", "$defs", "definitions"];
/// Keywords about objects.
pub(super) const OBJECT: &[&str] = &[
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];
/// Keywords about lists.
pub(super) const ARRAY: &[&str] = &[
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];
/// Keywords about texts.
pub(super) const STRING: &[&str] =
    &["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType", "contentSchema"];
/// Keywords about numbers.
pub(super) const NUMBER: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// What is known about a rule of one leaf before any data is read.
pub(super) enum RuleStatus {
    /// Every value meets it.
    Proven,
    /// A quick check can replace it.
    Quick(Quick),
    /// Only the exact check can decide it.
    Open,
}

/// Classifies a rule about a leaf by its keyword and the conversion of the leaf.
pub(super) fn classify_rule(
    conversion: &Conversion,
    schema: &Map<String, Value>,
    keyword: &str,
    value: &Value,
) -> RuleStatus {
    if *conversion == Conversion::Json {
        return if is_silent(keyword) { RuleStatus::Proven } else { RuleStatus::Open };
    }
    let text = conversion.is_text();
    let quick = |quick: Option<Quick>| quick.map_or(RuleStatus::Open, RuleStatus::Quick);
    match (keyword, value) {
        ("type", _) => {
            let is_whole =
                matches!(conversion, Conversion::Decimal(_)) && !schema_types(value).any(|word| word == "number");
            if is_whole { RuleStatus::Quick(Quick::Whole) } else { RuleStatus::Proven }
        }
        ("minLength", _) if text => match value.as_u64() {
            Some(0) => RuleStatus::Proven,
            least => quick(least.map(Quick::MinLength)),
        },
        ("maxLength", _) if text => quick(value.as_u64().map(Quick::MaxLength)),
        ("format", Value::String(format)) if text => match (format.as_str(), conversion) {
            ("date", Conversion::Date(_)) | ("date-time", Conversion::Datetime { .. }) => RuleStatus::Proven,
            ("email", _) => RuleStatus::Quick(Quick::Email),
            _ => RuleStatus::Open,
        },
        ("pattern", Value::String(pattern)) if text => quick(Pattern::portable(pattern).map(Quick::Pattern)),
        ("enum", Value::Array(values)) if text => {
            let known = |value: &Value| value.as_str().map(to_json_text);
            RuleStatus::Quick(Quick::OneOf(values.iter().filter_map(known).collect()))
        }
        ("const", Value::String(only)) if text => RuleStatus::Quick(Quick::OneOf(vec![to_json_text(only)])),
        // In draft 4 a boolean `exclusiveMinimum` changes what `minimum` means, and is itself not covered below.
        ("minimum", _) if !text => quick(value.as_i64().map(Quick::AtLeast)),
        ("maximum", _) if !text => quick(value.as_i64().map(Quick::AtMost)),
        (other, _) if is_silent(other) || OBJECT.contains(&other) || ARRAY.contains(&other) => RuleStatus::Proven,
        (other, _) if text && NUMBER.contains(&other) && schema.contains_key(other) => RuleStatus::Proven,
        (other, _) if !text && STRING.contains(&other) => RuleStatus::Proven,
        _ => RuleStatus::Open,
    }
}

fn to_json_text(text: &str) -> Vec<u8> {
    let mut json = OutputBuffer::default();
    write_text(text.as_bytes().into(), &mut json);
    json.into()
}

/// Whether a keyword says nothing about lists.
pub(super) fn is_about_others(keyword: &str) -> bool {
    is_silent(keyword) || [OBJECT, STRING, NUMBER].iter().any(|keywords| keywords.contains(&keyword))
}

/// Whether a keyword does not restrict values, or its parts are visited by name.
pub(super) fn is_silent(keyword: &str) -> bool {
    VISITED.contains(&keyword) || is_annotation(keyword)
}

fn schema_types(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str();
    one.into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// Whether the `type` of a schema allows what a mapping makes.
pub(super) fn type_allows(schema: &Map<String, Value>, made: &str) -> bool {
    let Some(types) = schema.get("type") else { return true };
    schema_types(types).any(|word| match made {
        "text" => word == "string",
        // A decimal may happen to be whole, so `integer` is left to the check of the value.
        "integer" | "number" => matches!(word, "number" | "integer"),
        // What a cell says is held against the contract when it is known.
        "json" => true,
        other => word == other,
    })
}

/// The names of the types that a `type` allows, for messages.
pub(super) fn join_type_names(value: &Value) -> String {
    schema_types(value).collect::<Vec<_>>().join(" or ")
}

/// The name of a type with its article, for messages.
pub(super) fn with_article(word: &str) -> String {
    let word = match word {
        "array" => "list",
        "string" => "text",
        other => other,
    };
    let an = word.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {word}", if an { "an" } else { "a" })
}
