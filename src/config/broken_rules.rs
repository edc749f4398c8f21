//! The words for one broken rule of a contract: what was expected, and never the value.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::{Map, Value};

use crate::diagnostic::Code;

/// What is said of a value where none is allowed.
pub(super) const NO_VALUE: &str = "no value is allowed here";
/// How a message about fields that are not allowed begins.
pub(super) const NAMED_FIELDS: &str = "the field `";

/// The names of fields that a broken rule is about, if it is a rule about names.
pub(super) fn find_names(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected.clone(),
        Kind::PropertyNames { error } => error.instance().as_str().map(str::to_owned).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// So many of the values that an `enum` allows are told.
const MAX_OPTIONS: usize = 20;
/// So many letters of each, or of all together, are told.
const MAX_LETTERS: usize = 1_000;

/// The values that an `enum` allows, as JSON; of many the first ones.
fn list_options(options: &Value) -> String {
    let Some(all) = options.as_array().filter(|all| all.len() > MAX_OPTIONS) else { return cut(&options.to_string()) };
    let told: Vec<String> = all.iter().take(MAX_OPTIONS).map(|option| cut(&option.to_string())).collect();
    format!("[{}] and {} more", told.join(","), all.len() - MAX_OPTIONS)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The code of a rule and what it expects. `None`: what the validator says, with the value masked.
pub(super) fn describe_broken_rule(kind: &Kind) -> (Code, Option<String>) {
    let said = |text: String| Some(text);
    match kind {
        Kind::Type { kind: TypeKind::Single(kind) } => (Code::CheckType, said(format!("expected {kind}"))),
        Kind::Type { .. } => (Code::CheckType, None),
        Kind::Enum { options } => (Code::CheckEnum, said(format!("expected one of {}", list_options(options)))),
        Kind::Constant { expected_value } => (Code::CheckEnum, said(format!("expected {expected_value}"))),
        Kind::Custom { message, .. } => (Code::CheckRange, said(message.clone())),
        Kind::MinLength { limit: 1 } => (Code::CheckLength, said("expected a text that is not empty".into())),
        Kind::MinLength { limit } => (Code::CheckLength, said(format!("expected at least {limit} characters"))),
        Kind::MaxLength { limit } => (Code::CheckLength, said(format!("expected at most {limit} characters"))),
        Kind::Pattern { pattern } => (Code::CheckPattern, said(format!("expected a text that matches `{pattern}`"))),
        Kind::Format { format } => (Code::CheckFormat, said(format!("expected the format `{format}`"))),
        Kind::MinItems { limit: 1 } => (Code::CheckItems, said("expected a list that is not empty".into())),
        Kind::MinItems { limit } => (Code::CheckItems, said(format!("expected at least {limit} items"))),
        Kind::MaxItems { limit } => (Code::CheckItems, said(format!("expected at most {limit} items"))),
        Kind::AdditionalItems { limit } => (Code::CheckItems, said(format!("expected at most {limit} items"))),
        Kind::UnevaluatedItems { .. } => (Code::CheckItems, said("the list has items that no rule describes".into())),
        Kind::UniqueItems => (Code::CheckItems, said("expected no item twice".into())),
        Kind::Contains => {
            (Code::CheckItems, said("expected an item, or as many as it says, that `contains` describes".into()))
        }
        Kind::Required { property } => {
            (Code::CheckFields, said(format!("the field `{}` is missing", property.as_str().unwrap_or_default())))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            (Code::CheckFields, said(format!("{NAMED_FIELDS}{}` is not allowed", unexpected.join("`, `"))))
        }
        Kind::MinProperties { limit } => (Code::CheckFields, said(format!("expected at least {limit} fields"))),
        Kind::MaxProperties { limit } => (Code::CheckFields, said(format!("expected at most {limit} fields"))),
        Kind::PropertyNames { error } => {
            let expected = describe_broken_rule(error.kind()).1.unwrap_or_else(|| error.masked().to_string());
            (Code::CheckFields, said(format!("the name of a field is not allowed: {expected}")))
        }
        Kind::FalseSchema => (Code::CheckRule, said(NO_VALUE.into())),
        other => (Code::CheckRule, said(format!("the rule `{}` of the contract is broken", other.keyword()))),
    }
}

/// What a schema under `not` rules out: the name of the field it is about, if it is about one, and the words for it.
pub(crate) fn describe_ruled_out(schema: &Value) -> (Option<&str>, String) {
    let general = || (None, "the contract rules this out with `not`".to_owned());
    let Some(schema) = schema.as_object() else { return (None, "no value is allowed here".into()) };
    let names: Vec<&str> = texts(schema.get("required")).collect();
    match schema.get("properties").and_then(Value::as_object) {
        None if schema.len() == 1 => match names.as_slice() {
            [] => describe_ruled_out_value(schema).map_or_else(general, |said| (None, said)),
            [name] => (Some(name), format!("the field `{name}` must not be there")),
            several => (None, format!("the fields `{}` must not be there together", several.join("`, `"))),
        },
        Some(properties)
            if properties.len() == 1 && schema.keys().all(|key| key == "properties" || key == "required") =>
        {
            let (name, value) = properties.iter().next().unzip();
            let (Some(name), Some(value)) = (name, value.and_then(Value::as_object)) else { return general() };
            let others: Vec<&str> = names.into_iter().filter(|other| other != name).collect();
            match (describe_ruled_out_value(value), others.as_slice()) {
                (Some(said), []) => (Some(name), said),
                (Some(said), others) => (Some(name), format!("{said}, where `{}` is there", others.join("`, `"))),
                (None, _) => (Some(name), general().1),
            }
        }
        Some(properties) if schema.keys().all(|key| key == "properties" || key == "required") => {
            let names: Vec<&str> = properties.keys().map(String::as_str).collect();
            (None, format!("the contract rules out with `not` what `{}` are together", names.join("`, `")))
        }
        _ => general(),
    }
}

/// What a schema of one rule about a value rules out under `not`.
fn describe_ruled_out_value(schema: &Map<String, Value>) -> Option<String> {
    let mut rules = schema.iter().filter(|(keyword, _)| *keyword != "type" || schema.len() == 1);
    let (Some((keyword, value)), None) = (rules.next(), rules.next()) else { return None };
    match keyword.as_str() {
        "const" => Some(format!("expected anything but {value}")),
        "enum" => Some(format!("expected none of {value}")),
        "type" => Some(format!("expected no {}", texts(Some(value)).collect::<Vec<_>>().join(" and no "))),
        "pattern" => Some(format!("expected a text that does not match `{}`", value.as_str()?)),
        "format" => Some(format!("expected a text that is not of the format `{}`", value.as_str()?)),
        "minLength" => Some(format!("expected fewer than {value} characters")),
        "maxLength" => Some(format!("expected more than {value} characters")),
        _ => None,
    }
}

/// When the schema under `if` holds, in words: where a field is one of some values, or is there.
pub(super) fn describe_condition(schema: Option<&Value>, holds: bool) -> String {
    let general = if holds { "where its `if` holds" } else { "where its `if` does not hold" };
    let Some(schema) = schema.and_then(Value::as_object) else { return general.into() };
    let known = |key: &String| ["properties", "required", "title", "description", "type"].contains(&key.as_str());
    if !schema.keys().all(known) {
        return general.into();
    }
    let not = if holds { "" } else { "not " };
    let properties = schema.get("properties").and_then(Value::as_object);
    match properties.map(|properties| properties.iter().collect::<Vec<_>>()).as_deref() {
        Some([(name, value)]) => match (value.get("const"), value.get("enum").and_then(Value::as_array)) {
            (Some(only), _) => format!("where `{name}` is {not}{only}"),
            (None, Some(values)) if values.len() <= 4 => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                format!("where `{name}` is {not}{}", values.join(" or "))
            }
            _ => format!("where `{name}` is {not}as its `if` says"),
        },
        None | Some([]) => match texts(schema.get("required")).collect::<Vec<_>>().as_slice() {
            [] => general.into(),
            [name] => format!("where `{name}` is {not}there"),
            names => format!("where `{}` are {not}all there", names.join("`, `")),
        },
        Some(_) => general.into(),
    }
}

/// A text, or the texts of a list.
pub(super) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_str);
    one.into_iter().chain(value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str))
}
