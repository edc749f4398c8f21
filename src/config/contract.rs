//! What the API accepts: the JSON Schema of a request body.
//!
//! A contract is compiled once. Formats are asserted, patterns run in linear time, and nothing outside the file is ever
//! opened. Its verdict is exact: a payload is sent only if every violation list would have been empty.

use std::{collections::BTreeMap, fmt::Write as _, sync::OnceLock};

use serde_json::{Map, Value};

use crate::{
    config::{
        ignored_keywords::{self, DraftFacts, is_rule},
        json_mistakes, json_places,
        text_span::Mistake,
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer,
};

/// A compiled contract.
#[derive(Debug)]
pub struct Contract {
    /// The schema as written.
    pub schema: Value,
    /// Where each of its nodes stands, for messages.
    pub places: Places,
    /// The validator of the whole.
    whole: jsonschema::Validator,
    /// The validators of its parts by their pointers, each built when it is first needed: a part compiles everything it
    /// refers to, so building all of them takes a time that grows with the square of the contract.
    parts: BTreeMap<String, LazyValidator>,
    /// The schema, for references out of parts.
    registry: OnceLock<Option<jsonschema::Registry<'static>>>,
    /// `$ref` hides its siblings: draft 7 and older.
    lone_references: bool,
    /// Some part has a base URI of its own, so that references inside it are not followed here.
    rebased: bool,
    /// What it says and nobody checks.
    pub ignored: Vec<Diagnostic>,
}

/// The validator of a part, once it was needed; `None` in it: that is no schema that can be used.
type LazyValidator = OnceLock<Option<jsonschema::Validator>>;

/// Under which URI parts refer to the whole.
const CONTRACT_URI: &str = "urn:xwalk:contract";

/// Notes a value and everything in it, by their pointers.
fn note_parts(value: &Value, at: String, parts: &mut BTreeMap<String, LazyValidator>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| {
                note_parts(field, format!("{at}/{}", json_pointer::escape(name)), parts);
            });
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| note_parts(item, format!("{at}/{number}"), parts));
        }
        _ => {}
    }
    parts.insert(at, LazyValidator::default());
}

/// Everything the contract says directly about one place: `$ref` and `allOf` followed.
#[derive(Debug, Default)]
pub struct Rules<'a> {
    /// The schemas that apply, each with its pointer.
    pub schemas: Vec<(String, &'a Map<String, Value>)>,
    /// Something could not be followed, so these are not all.
    pub opaque: bool,
    /// A schema that allows nothing.
    pub never: Option<String>,
}

/// One rule of the contract that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the checked value.
    pub pointer: String,
    /// JSON pointer into the contract, `$ref` resolved.
    pub schema: String,
    /// What kind of rule it is.
    pub code: Code,
    /// What was expected, without the value.
    pub message: String,
}

impl Contract {
    /// Compiles the text of a JSON Schema file, draft 4 to 2020-12.
    ///
    /// # Errors
    /// The text is not JSON, not a schema, or refers to something outside itself.
    pub fn compile(path: &str, text: &str) -> Result<Contract, Diagnostic> {
        let schema: Value = serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            let Mistake { at, message, hint } = json_mistakes::explain(text, said, error.line(), error.column());
            let number = usize::try_from(at.line).unwrap_or(1);
            let line = text.lines().nth(number.saturating_sub(1)).unwrap_or_default().to_owned();
            let place = Place { path: path.into(), line: at.line, column: at.column, width: at.width, text: line };
            Diagnostic::new(Code::PlanSyntax, message).rule(place).hint(hint)
        })?;
        let places = json_places::places(path, text)?;
        let whole = options().build(&schema).map_err(|error| explain_unusable(&error, &places))?;
        let lone_references =
            matches!(whole.draft(), jsonschema::Draft::Draft4 | jsonschema::Draft::Draft6 | jsonschema::Draft::Draft7);
        let rebased = nested_values(&schema).any(|part| has_own_base(part, lone_references));
        let draft = DraftFacts {
            number: draft_number(whole.draft()),
            checks_format: &|format| options().is_known_format(whole.draft(), format),
        };
        let ignored = ignored_keywords::find(&schema, &places, &draft);
        let mut parts = BTreeMap::new();
        note_parts(&schema, String::new(), &mut parts);
        Ok(Contract { schema, places, whole, parts, registry: OnceLock::new(), lone_references, rebased, ignored })
    }

    /// Whether a keyword restricts values here: all others, and unknown formats, are ignored.
    pub fn listens_to(&self, keyword: &str, value: &Value) -> bool {
        let is_unknown = |format: &str| !options().is_known_format(self.whole.draft(), format);
        is_rule(keyword) && !(keyword == "format" && value.as_str().is_some_and(is_unknown))
    }

    /// The exact verdict on one request body.
    pub fn accepts(&self, body: &Value) -> bool {
        self.part_accepts("", body)
    }

    /// Everything that is wrong with one request body, in the order of the document.
    pub fn violations(&self, body: &Value) -> Vec<Violation> {
        self.part_violations("", body)
    }

    /// Whether a part of the schema can be checked by itself.
    pub fn has_part(&self, pointer: &str) -> bool {
        self.part(pointer).is_some()
    }

    /// The exact verdict of one part of the schema. A part that does not exist accepts nothing.
    pub fn part_accepts(&self, pointer: &str, value: &Value) -> bool {
        self.part(pointer).is_some_and(|part| part.is_valid(value))
    }

    /// Everything one part of the schema finds wrong with a value.
    pub fn part_violations(&self, pointer: &str, value: &Value) -> Vec<Violation> {
        let part = self.part(pointer);
        let violations = part.into_iter().flat_map(|part| part.iter_errors(value)).map(|error| to_violation(&error));
        violations.map(|violation| Violation { schema: self.rule(pointer, &violation.schema), ..violation }).collect()
    }

    /// The pointer of a rule inside the whole schema: a part speaks of its rules from its own root.
    fn rule(&self, part: &str, rule: &str) -> String {
        let inside = format!("{part}{rule}");
        let known = [inside, rule.to_owned()].into_iter().find(|pointer| self.parts.contains_key(pointer));
        known.unwrap_or_else(|| part.to_owned())
    }

    fn part(&self, pointer: &str) -> Option<&jsonschema::Validator> {
        if pointer.is_empty() {
            return Some(&self.whole);
        }
        self.parts.get(pointer)?.get_or_init(|| self.build_part(pointer)).as_ref()
    }

    /// Builds the validator of a part of the schema.
    fn build_part(&self, pointer: &str) -> Option<jsonschema::Validator> {
        let part = self.schema.pointer(pointer)?;
        let options = options().with_draft(self.whole.draft());
        if !refers(part) && !self.rebased {
            return options.build(part).ok();
        }
        let registry = self.registry.get_or_init(|| {
            let builder = jsonschema::Registry::new().draft(self.whole.draft());
            builder.add(CONTRACT_URI, self.schema.clone()).ok()?.prepare().ok()
        });
        let reference = serde_json::json!({ "$ref": format!("{CONTRACT_URI}#{}", encode_fragment(pointer)) });
        options.with_registry(registry.as_ref()?).build(&reference).ok()
    }

    /// What the contract says about the places of some pointers.
    pub fn rules(&self, pointers: &[String]) -> Rules<'_> {
        let mut rules = Rules::default();
        let mut open: Vec<String> = pointers.to_vec();
        let mut seen: Vec<String> = Vec::new();
        while let Some(at) = open.pop() {
            if seen.contains(&at) {
                continue;
            }
            match self.schema.pointer(&at) {
                Some(Value::Object(schema)) => {
                    self.follow(&at, schema, &mut open, &mut rules);
                }
                Some(Value::Bool(true)) => {}
                Some(Value::Bool(false)) => rules.never = Some(at.clone()),
                _ => rules.opaque = true,
            }
            seen.push(at);
        }
        rules.schemas.sort_by(|one, other| one.0.cmp(&other.0));
        rules
    }

    fn follow<'a>(&self, at: &str, schema: &'a Map<String, Value>, open: &mut Vec<String>, rules: &mut Rules<'a>) {
        if self.rebased || schema.contains_key("$dynamicRef") || schema.contains_key("$recursiveRef") {
            rules.opaque = true;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match reference.strip_prefix('#') {
                Some(pointer) if (pointer.is_empty() || pointer.starts_with('/')) && !pointer.contains('%') => {
                    open.push(pointer.to_owned());
                }
                _ => rules.opaque = true,
            }
            if self.lone_references {
                return;
            }
        }
        let all = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..all).map(|number| format!("{at}/allOf/{number}")));
        rules.schemas.push((at.to_owned(), schema));
    }

    /// The place of a rule inside the contract file.
    pub fn place(&self, pointer: &str) -> Place {
        self.places.key(pointer)
    }
}

/// How contracts are compiled.
fn options<'a>() -> jsonschema::ValidationOptions<'a> {
    jsonschema::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .offline()
}

/// The number of a draft, as people name it.
fn draft_number(draft: jsonschema::Draft) -> u16 {
    match draft {
        jsonschema::Draft::Draft4 => 4,
        jsonschema::Draft::Draft6 => 6,
        jsonschema::Draft::Draft7 => 7,
        jsonschema::Draft::Draft201909 => 2019,
        _ => 2020,
    }
}

/// Whether a part of a schema refers to anything.
fn refers(part: &Value) -> bool {
    let is_reference = |name: &&str| part.get(name).is_some();
    ["$ref", "$dynamicRef", "$recursiveRef"].iter().any(is_reference) || nested_values(part).any(refers)
}

/// A JSON pointer as the fragment of a URI (RFC 6901, section 6).
fn encode_fragment(pointer: &str) -> String {
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        match byte {
            b'/' | b'~' | b'-' | b'.' | b'_' | b'$' => fragment.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => fragment.push(char::from(byte)),
            byte => drop(write!(fragment, "%{byte:02X}")),
        }
    }
    fragment
}

/// The values directly inside a value.
fn nested_values(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, object) = (value.as_array(), value.as_object());
    list.into_iter().flatten().chain(object.into_iter().flat_map(Map::values))
}

/// Whether a part of a schema, or one inside it, has a base URI of its own. Older drafts call it `id`.
fn has_own_base(part: &Value, older: bool) -> bool {
    let named = part.get("$id").is_some() || older && part.get("id").is_some();
    named || nested_values(part).any(|part| has_own_base(part, older))
}

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Why a schema cannot be compiled, with its place.
fn explain_unusable(error: &jsonschema::ValidationError<'_>, places: &Places) -> Diagnostic {
    use jsonschema::error::ValidationErrorKind as Kind;
    let place = places.leaf(error.instance_path().as_str());
    if let Kind::Referencing(cause) = error.kind() {
        let place = places.below("").find(|(at, node)| {
            at.ends_with("/$ref")
                && node
                    .scalar
                    .as_deref()
                    .is_some_and(|target| cause.to_string().contains(target.trim_start_matches('#')))
        });
        let target = place.and_then(|(_, node)| node.scalar.clone()).unwrap_or_default();
        let place = place.map_or_else(|| Place::file(places.path()), |(at, _)| places.value(at));
        let message = match target.as_str() {
            "" => format!("the contract refers to something that is not in it: {cause}"),
            target => format!("the contract refers to `{target}`, which is not in it"),
        };
        let finding = Diagnostic::new(Code::PlanContractReference, message).rule(place);
        let parts: Vec<String> = places.below("").map(|(at, _)| format!("#{at}")).collect();
        let near = nearest(&target, parts.iter().map(String::as_str)).filter(|_| target.starts_with('#'));
        return finding.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "copy what it refers to into `$defs` of this file; nothing outside the contract is ever opened".into()
            }
        });
    }
    let said = error.to_string();
    let said = said.split(". Adjust configuration").next().unwrap_or_default();
    let key = error.instance_path().as_str().rsplit('/').find(|step| step.parse::<u32>().is_err()).unwrap_or_default();
    let value = error.instance().as_str().unwrap_or_default();
    if key == "type" && !value.is_empty() {
        let near = nearest(value, TYPES).map(|near| format!("did you mean `{near}`? "));
        let hint = format!("{}the types are `{}`", near.unwrap_or_default(), TYPES.join("`, `"));
        let message = format!("the contract cannot be used: `{value}` is no type of JSON Schema");
        return Diagnostic::new(Code::PlanContract, message).rule(place).hint(hint);
    }
    let said = match (describe_broken_rule(error.kind()), error.instance_path().as_str()) {
        (_, "") if !error.instance().is_object() => "a JSON Schema is an object that begins with `{`".to_owned(),
        ((_, Some(expected)), _) if !key.is_empty() => format!("`{key}` is wrong: {expected}"),
        _ => said.to_owned(),
    };
    let diagnostic = Diagnostic::new(Code::PlanContract, format!("the contract cannot be used: {said}")).rule(place);
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            diagnostic.hint("look-around and back-references are not supported: patterns run in linear time")
        }
        _ => diagnostic,
    }
}

fn to_violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    let (code, message) = describe_broken_rule(error.kind());
    let message = message.unwrap_or_else(|| error.masked().to_string());
    Violation {
        pointer: error.instance_path().as_str().to_owned(),
        schema: error.schema_path().as_str().to_owned(),
        code,
        message,
    }
}

/// The code of a rule and what it expects. `None`: what the validator says, with the value masked.
fn describe_broken_rule(kind: &jsonschema::error::ValidationErrorKind) -> (Code, Option<String>) {
    use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
    let said = |text: String| Some(text);
    match kind {
        Kind::Type { kind: TypeKind::Single(kind) } => (Code::CheckType, said(format!("expected {kind}"))),
        Kind::Type { .. } => (Code::CheckType, None),
        Kind::Enum { options } => (Code::CheckEnum, said(format!("expected one of {options}"))),
        Kind::Constant { expected_value } => (Code::CheckEnum, said(format!("expected {expected_value}"))),
        Kind::Minimum { limit } => (Code::CheckRange, said(format!("expected at least {limit}"))),
        Kind::Maximum { limit } => (Code::CheckRange, said(format!("expected at most {limit}"))),
        Kind::ExclusiveMinimum { limit } => (Code::CheckRange, said(format!("expected more than {limit}"))),
        Kind::ExclusiveMaximum { limit } => (Code::CheckRange, said(format!("expected less than {limit}"))),
        Kind::MultipleOf { multiple_of } => (Code::CheckRange, said(format!("expected a multiple of {multiple_of}"))),
        Kind::MinLength { limit: 1 } => (Code::CheckLength, said("expected a text that is not empty".into())),
        Kind::MinLength { limit } => (Code::CheckLength, said(format!("expected at least {limit} characters"))),
        Kind::MaxLength { limit } => (Code::CheckLength, said(format!("expected at most {limit} characters"))),
        Kind::Pattern { pattern } => (Code::CheckPattern, said(format!("expected a text that matches `{pattern}`"))),
        Kind::Format { format } => (Code::CheckFormat, said(format!("expected the format `{format}`"))),
        Kind::MinItems { limit: 1 } => (Code::CheckItems, said("expected a list that is not empty".into())),
        Kind::MinItems { limit } => (Code::CheckItems, said(format!("expected at least {limit} items"))),
        Kind::MaxItems { limit } => (Code::CheckItems, said(format!("expected at most {limit} items"))),
        Kind::UniqueItems => (Code::CheckItems, said("expected no item twice".into())),
        Kind::Required { property } => {
            (Code::CheckFields, said(format!("the field `{}` is missing", property.as_str().unwrap_or_default())))
        }
        Kind::AdditionalProperties { unexpected } => {
            (Code::CheckFields, said(format!("the field `{}` is not allowed", unexpected.join("`, `"))))
        }
        other => (Code::CheckRule, said(format!("the rule `{}` of the contract is broken", other.keyword()))),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::contract::Contract;

    #[test]
    fn a_part_with_a_base_of_its_own_is_never_followed() {
        let contract = |title: &str, base: &str| {
            let text = format!(
                r##"{{"title": "{title}", "$defs": {{"a": {{{base}"type": "string"}}}}, "$ref": "#/$defs/a"}}"##
            );
            let contract = Contract::compile("contract.json", &text).map_err(|wrong| wrong.message).unwrap();
            contract.rules(&[String::new()]).opaque
        };
        let base = r#""$id": "http://example.com/a", "#;
        assert!(!contract("plain", ""));
        assert!(contract("plain", base));
        // A character that JSON allows and YAML does not, so that no node has a place.
        assert!(contract("\u{7f}", base));
    }
}
