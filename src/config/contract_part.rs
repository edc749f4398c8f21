//! A contract file and what the mapping says -> which part of the file is the contract, and by which rules it is read.
//!
//! The part is the whole file, what a JSON pointer behind `#` names, or, in an OpenAPI document, the body of an operation.

use serde_json::{Map, Value};

use crate::{
    config::{
        contract_text::ParsedContract,
        open_api::{self, NoBody, WantedRequest},
        unused_definitions::decode_percent,
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::{escape, unescape},
};

/// How many names a message lists.
const MAX_NAMED: usize = 5;
/// What a dialect of OpenAPI 3.1 and newer is called.
const OPEN_API_DIALECT: &str = "https://spec.openapis.org/oas/3.";

/// Which part of a contract file is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedPart {
    /// What stands behind `#` in its name.
    pub fragment: Option<String>,
    /// The request of the mapping, which chooses an operation of an OpenAPI document.
    pub request: Option<WantedRequest>,
}

/// By which rules a contract is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaLanguage {
    /// JSON Schema.
    JsonSchema,
    /// OpenAPI 3.0, which is near draft 4, or the older Swagger 2.0.
    OpenApi30,
    /// OpenAPI 3.1 or newer: JSON Schema with some annotations.
    OpenApi31,
}

/// The part of a contract file that is the contract.
#[derive(Debug)]
pub(super) struct ContractPart {
    /// Its pointer; empty: the whole file.
    pub(super) at: String,
    /// By which rules it is read.
    pub(super) dialect: SchemaLanguage,
    /// The draft that it names.
    pub(super) draft: Option<String>,
}

/// Finds the wanted part of a contract file.
///
/// # Errors
/// It is not there, or written in a language that is not read.
pub(super) fn find(file: &ParsedContract, wanted: &WantedPart) -> Result<ContractPart, Diagnostic> {
    let dialect = dialect_of(file, wanted.fragment.is_some())?;
    let at = match (&wanted.fragment, &wanted.request, dialect) {
        (Some(fragment), _, _) => find_pointer(file, fragment)?,
        (None, Some(request), SchemaLanguage::OpenApi30 | SchemaLanguage::OpenApi31) => {
            open_api::find_body(&file.value, request).map_err(|NoBody { message, hint, at }| {
                let finding = Diagnostic::new(Code::PlanContractPart, message).hint(hint);
                match at {
                    Some(at) => finding.also(file.place(&at), "the contract says so here"),
                    None => finding,
                }
            })?
        }
        _ => String::new(),
    };
    let draft = if dialect == SchemaLanguage::OpenApi30 { None } else { draft_of(file, &at, dialect) };
    Ok(ContractPart { at, dialect, draft })
}

/// The operations of an OpenAPI document that take JSON, each with its method and its path; `None`: it is none.
///
/// # Errors
/// The text is neither JSON nor YAML, or OpenAPI of another version.
pub fn find_operations(path: &str, text: String) -> Result<Option<Vec<(String, String)>>, Diagnostic> {
    let file = ParsedContract::read(path, text)?;
    let is_api = file.value.get("openapi").is_some() && dialect_of(&file, false)? != SchemaLanguage::JsonSchema;
    Ok(is_api.then(|| open_api::list_json_operations(&file.value)))
}

/// In which language a file is written.
fn dialect_of(file: &ParsedContract, has_fragment: bool) -> Result<SchemaLanguage, Diagnostic> {
    let version = |key: &str| match file.value.get(key) {
        Some(Value::String(version)) => Some(version.clone()),
        Some(Value::Number(version)) => Some(version.to_string()),
        _ => None,
    };
    let refused = |key: &str, message: String, hint: &str| {
        Err(Diagnostic::new(Code::PlanContract, message).rule(file.place(&format!("/{key}"))).hint(hint))
    };
    if let Some(version) = version("openapi") {
        return match version.as_str() {
            "3" | "3.0" => Ok(SchemaLanguage::OpenApi30),
            version if version.starts_with("3.0.") => Ok(SchemaLanguage::OpenApi30),
            version if version.starts_with("3.") => Ok(SchemaLanguage::OpenApi31),
            other => refused("openapi", format!("OpenAPI {other} is not read here"), "write it as OpenAPI 3.0 or 3.1"),
        };
    }
    match version("swagger") {
        None => Ok(SchemaLanguage::JsonSchema),
        // What its definitions say is nearly what OpenAPI 3.0 says in them.
        Some(_) if has_fragment => Ok(SchemaLanguage::OpenApi30),
        Some(version) => {
            let hint = "convert it to OpenAPI 3.0, or name the schema of the body behind `#`, as in \
                        `contract: api.json#/definitions/Order`";
            refused("swagger", format!("the contract is Swagger {version}, of which no operation is read"), hint)
        }
    }
}

/// The draft that a part names, or the file around it.
fn draft_of(file: &ParsedContract, at: &str, dialect: SchemaLanguage) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let own = text(file.value.pointer(at).and_then(|part| part.get("$schema")));
    if own.is_some() {
        return own;
    }
    if dialect == SchemaLanguage::JsonSchema {
        return text(file.value.get("$schema"));
    }
    text(file.value.get("jsonSchemaDialect")).filter(|dialect| !dialect.starts_with(OPEN_API_DIALECT))
}

/// The pointer that a fragment means, if something is there.
fn find_pointer(file: &ParsedContract, fragment: &str) -> Result<String, Diagnostic> {
    let missing = |message: String, hint: String| Err(Diagnostic::new(Code::PlanContractPart, message).hint(hint));
    let Some(pointer) = decode_percent(fragment) else {
        let message = format!("`#{fragment}` is no part of a file: a `%` in it is not followed by two digits");
        return missing(message, "write a `%` as `%25`".into());
    };
    if !pointer.is_empty() && !pointer.starts_with('/') {
        let homes = ["/components/schemas", "/definitions", "/$defs", ""];
        let known = homes.iter().map(|home| format!("{home}/{pointer}"));
        let hint = match known.into_iter().find(|known| file.value.pointer(known).is_some()) {
            Some(known) => format!("write `#{known}`"),
            None => "write a JSON pointer, as in `#/definitions/Order`".into(),
        };
        return missing(format!("`#{fragment}` is no part of a file: a JSON pointer begins with `/`"), hint);
    }
    match file.value.pointer(&pointer) {
        Some(Value::Object(_) | Value::Bool(_)) => Ok(pointer),
        Some(_) => {
            let message = format!("`#{fragment}` is no schema: an object belongs there");
            let finding = Diagnostic::new(Code::PlanContractPart, message);
            Err(finding.also(file.place(&pointer), "this stands there").hint("name the schema of the body"))
        }
        None => missing(format!("the contract has no part `#{fragment}`"), suggest(&file.value, &pointer)),
    }
}

/// What to write in place of a pointer that leads nowhere: the nearest name where it leaves the file.
fn suggest(file: &Value, pointer: &str) -> String {
    let (mut at, mut here) = (String::new(), file);
    for step in pointer.split('/').skip(1) {
        if let Some(inside) = here.pointer(&format!("/{step}")) {
            at = format!("{at}/{step}");
            here = inside;
            continue;
        }
        let names: Vec<&str> = here.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        return match (nearest(&unescape(step), names.iter().copied()), names.as_slice(), here) {
            (Some(near), ..) => {
                let rest = &pointer[at.len() + 1 + step.len()..];
                let meant = format!("{at}/{}{rest}", escape(near));
                let meant = if file.pointer(&meant).is_some() { meant } else { format!("{at}/{}", escape(near)) };
                format!("did you mean `#{meant}`?")
            }
            (None, [], Value::Array(items)) => format!("`#{at}` is a list of {} items, counted from 0", items.len()),
            (None, [], _) => format!("nothing is inside of `#{at}`"),
            (None, names, _) => {
                let listed: Vec<String> = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
                let more = match names.len().saturating_sub(MAX_NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("in `#{at}` there are: {}{more}", listed.join(", "))
            }
        };
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use crate::config::{
        contract_part::{WantedPart, find},
        contract_text::ParsedContract,
    };

    const FILE: &str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "definitions": { "Order": { "type": "object" }, "a/b~c d%": true, "list": [{}], "é": {} },
  "title": "x"
}"#;

    #[test]
    fn a_fragment_names_a_part_or_is_told_what_is_near() {
        let table = [
            ("", ""),
            ("/definitions/Order", "/definitions/Order"),
            ("/definitions/a~1b~0c d%25", "/definitions/a~1b~0c d%"),
            ("/definitions/a~1b~0c%20d%25", "/definitions/a~1b~0c d%"),
            ("/definitions/list/0", "/definitions/list/0"),
            ("/definitions/%C3%A9", "/definitions/é"),
            (
                "/definitions/Oder",
                "the contract has no part `#/definitions/Oder` | did you mean `#/definitions/Order`?",
            ),
            (
                "/definition/Order",
                "the contract has no part `#/definition/Order` | did you mean `#/definitions/Order`?",
            ),
            ("/definition/Thing", "the contract has no part `#/definition/Thing` | did you mean `#/definitions`?"),
            (
                "/definitions/X1",
                "the contract has no part `#/definitions/X1` | in `#/definitions` there are: `Order`, `a/b~c d%`, `list`, `é`",
            ),
            (
                "/definitions/list/3",
                "the contract has no part `#/definitions/list/3` | `#/definitions/list` is a list of 1 items, counted from 0",
            ),
            ("/title/x", "the contract has no part `#/title/x` | nothing is inside of `#/title`"),
            ("/title", "`#/title` is no schema: an object belongs there | name the schema of the body"),
            ("Order", "`#Order` is no part of a file: a JSON pointer begins with `/` | write `#/definitions/Order`"),
            (
                "Oder",
                "`#Oder` is no part of a file: a JSON pointer begins with `/` | write a JSON pointer, as in `#/definitions/Order`",
            ),
            ("/a%2", "`#/a%2` is no part of a file: a `%` in it is not followed by two digits | write a `%` as `%25`"),
        ];
        let file = ParsedContract::read("a.json", FILE.to_owned()).unwrap();
        for (fragment, expected) in table {
            let found = find(&file, &WantedPart { fragment: Some(fragment.into()), request: None });
            let found = found.map_or_else(|wrong| format!("{} | {}", wrong.message, wrong.hint), |part| part.at);
            assert_eq!(found, expected, "{fragment}");
        }
    }
}
