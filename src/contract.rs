//! What the API accepts: the JSON Schema of a request body.
//!
//! A contract is compiled once. Formats are asserted, patterns run in linear time, and nothing outside the file is ever
//! opened. Its verdict is exact: a payload is sent only if every violation list would have been empty.

use serde_json::Value;

use crate::{
    diagnostic::{Code, Diagnostic, Place},
    yaml::{self, Places},
};

/// A compiled contract.
#[derive(Debug)]
pub struct Contract {
    /// The schema as written.
    pub schema: Value,
    /// Where each of its nodes stands, for messages.
    pub places: Places,
    validator: jsonschema::Validator,
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
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().to_owned();
            let place = Place {
                path: path.into(),
                line: error.line() as u64,
                column: error.column() as u64,
                width: 1,
                text: line,
            };
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            Diagnostic::new(Code::PlanSyntax, format!("the contract is not JSON: {message}")).rule(place)
        })?;
        let places = yaml::places(path, text)?;
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .offline()
            .build(&schema)
            .map_err(|error| unusable(&error, &places))?;
        Ok(Contract { schema, places, validator })
    }

    /// The exact verdict on one request body.
    pub fn accepts(&self, body: &Value) -> bool {
        self.validator.is_valid(body)
    }

    /// Everything that is wrong with one request body, in the order of the document.
    pub fn violations(&self, body: &Value) -> Vec<Violation> {
        self.validator.iter_errors(body).map(|error| violation(&error)).collect()
    }

    /// The place of a rule inside the contract file.
    pub fn place(&self, pointer: &str) -> Place {
        self.places.key(pointer)
    }
}

/// Why a schema cannot be compiled, with its place.
fn unusable(error: &jsonschema::ValidationError<'_>, places: &Places) -> Diagnostic {
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
        let place = place.map_or_else(|| Place::file(places.path()), |(at, _)| places.value(at));
        return Diagnostic::new(
            Code::PlanContractReference,
            format!("the contract refers to something that is not in it: {cause}"),
        )
        .rule(place)
        .hint("copy what it refers to into `$defs` of this file; nothing outside the contract is ever opened");
    }
    let diagnostic = Diagnostic::new(Code::PlanContract, format!("the contract cannot be used: {error}")).rule(place);
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            diagnostic.hint("look-around and back-references are not supported: patterns run in linear time")
        }
        _ => diagnostic,
    }
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    let (code, message) = broken_rule(error.kind());
    let message = message.unwrap_or_else(|| error.masked().to_string());
    Violation {
        pointer: error.instance_path().as_str().to_owned(),
        schema: error.schema_path().as_str().to_owned(),
        code,
        message,
    }
}

/// The code of a rule and what it expects. `None`: what the validator says, with the value masked.
fn broken_rule(kind: &jsonschema::error::ValidationErrorKind) -> (Code, Option<String>) {
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
