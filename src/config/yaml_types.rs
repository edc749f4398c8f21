//! What serde says of a value of another type -> plain words, and what to write there.
//!
//! serde speaks of structs, sequences, maps and machine integers, and repeats texts; none of that reaches a person.

/// What is wrong with a value, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongType {
    /// What was found, and what was expected.
    pub(super) message: String,
    /// What to write.
    pub(super) hint: String,
}

/// Explains `invalid type: FOUND, expected EXPECTED` for the value at a pointer, and `invalid value` and `invalid length`.
pub(super) fn explain_type(said: &str, pointer: &str, scalar: Option<&str>) -> WrongType {
    let (found, expected) = said.split_once(", expected ").unwrap_or((said, ""));
    let found = found.split_once(": ").map_or(found, |(_, found)| found);
    let (found, expected) = (describe_found(found, scalar.unwrap_or_default()), describe_expected(expected));
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let key = pointer.rsplit('/').find(|step| !step.chars().all(|c| c.is_ascii_digit())).unwrap_or_default();
    let hint = match (expected.as_str(), found) {
        ("a block", _) if pointer.is_empty() => {
            "a mapping begins with `mapping: 1`, a file of profiles with `profiles:`".into()
        }
        ("`all` or `{ documents, bytes }`", _) => {
            "write `batch: { documents: 500, bytes: 1MiB }` or `batch: all`".into()
        }
        ("a list", "a text") if scalar == Some("") => format!("write a list: `{key}: [\"\"]`"),
        ("a column, a list or a block", "a number" | "a truth value") => {
            let text = scalar.unwrap_or_default();
            format!("write `{{ const: {text} }}` for the value itself, \"{text}\" for the column of this name")
        }
        ("a column, a list or a block", _) => format!("write one column: `{key}: lastname`"),
        (expected, _) if is_column(&steps) && expected == "a block" => {
            format!("write `{key}: {{ type: {} }}`", scalar.unwrap_or("text"))
        }
        ("a block", _) if matches!(steps[..], ["profiles", _]) => {
            format!("write `{key}: {{ url: \"http://127.0.0.1:8080\" }}`")
        }
        ("a block", _) if matches!(steps[..], ["sources", _]) => format!("write `{key}: {{ path: {key}.csv }}`"),
        ("a block", "a text") if steps.contains(&"auth") => {
            let example = example_of(key).unwrap_or("bearer: { env: API_TOKEN }");
            format!("name the variable or the file that holds the secret: `{example}`")
        }
        (expected, "a number" | "a truth value" | "a negative number" | "a number with a fraction")
            if expected.contains("text") || expected.contains("name") || expected.contains("column") =>
        {
            scalar.map_or_else(String::new, |text| format!("put it in quotes: \"{text}\""))
        }
        ("a text or a list of texts", _) => format!("write `{key}: one` or `{key}: [one, two]`"),
        (expected, "a list") if expected.starts_with("one of") => "write one word, without brackets and dashes".into(),
        ("a text, a number or a boolean", _) => "write one value, without brackets".into(),
        ("a text", "a list") => "write one text, without brackets and dashes".into(),
        ("a text", "a block") => format!("write one text behind the colon: `{key}: …`"),
        ("a list", _) => format!("write a list: `{key}: [one, two]`"),
        ("a whole number from 0 on", "a text") => "write digits only, without quotes and without a unit".into(),
        ("a whole number from 0 on", _) => "write a whole number from 0 on, in digits".into(),
        ("`true` or `false`", _) => "write `true` or `false`, without quotes".into(),
        ("a block", "a list") => match example_of(key) {
            Some(example) => format!("write names with values, without dashes: `{example}`"),
            None => "write names with values, without dashes: `name: value`".into(),
        },
        ("a block", _) => match example_of(key) {
            Some(example) => format!("write `{example}`"),
            None => "write names with values, each on a line that is indented further: `name: value`".into(),
        },
        _ => example_of(key).map_or_else(String::new, |example| format!("write `{example}`")),
    };
    WrongType { message: format!("expected {expected}, found {found}"), hint }
}

/// Whether a pointer leads to what is known about one column.
fn is_column(steps: &[&str]) -> bool {
    matches!(steps, ["sources", _, "columns", _])
}

/// What stands there. The text itself is not repeated: it may be a secret in a wrong place.
fn describe_found(found: &str, scalar: &str) -> &'static str {
    let is = |word: &str| found.starts_with(word);
    match found {
        _ if is("integer") && scalar.starts_with('-') => "a negative number",
        _ if is("floating") => "a number with a fraction",
        _ if is("string") || is("str") || is("character") => "a text",
        _ if is("integer") || is("floating") => "a number",
        _ if is("boolean") => "a truth value",
        _ if is("sequence") || is("tuple") => "a list",
        _ if is("map") || is("struct") => "a block",
        _ if is("unit") || is("null") || is("Option") => "no value",
        _ => "something else",
    }
}

fn describe_expected(expected: &str) -> String {
    let is = |word: &str| expected.starts_with(word);
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0 on".into(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" | "string" | "str" | "a borrowed string" => "a text".into(),
        "a map" | "map" => "a block".into(),
        "a sequence" | "sequence" => "a list".into(),
        _ if is("struct ") || is("internally tagged") || is("adjacently tagged") => "a block".into(),
        _ if is("enum ") || is("variant ") || is("a YAML tag") => "one of the known words".into(),
        _ if is("tuple") || is("a tuple") || is("an array") => "a list".into(),
        other => other.to_owned(),
    }
}

/// How a key with its value may look.
pub(super) fn example_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "mapping" => "mapping: 1",
        "name" => "name: inflight-sales",
        "contract" => "contract: ../schemas/customers.schema.json",
        "request" => "request: { method: PUT, path: /v1/customers }",
        "method" => "method: PUT",
        "path" => "path: customers.csv",
        "dialects" => "dialects: { till: { delimiter: \";\" } }",
        "dialect" => "dialect: { delimiter: \";\" }",
        "sources" => "sources: { customers: { path: customers.csv } }",
        "columns" => "columns: { price: { type: decimal } }",
        "codes" => "codes: { civility: { values: { \"1\": Female } } }",
        "values" => "values: { \"1\": Female, \"2\": Male }",
        "output" => "output: { each: customers, fields: { last_name: lastname } }",
        "each" => "each: customers",
        "fields" => "fields: { last_name: lastname }",
        "match" => "match: { customer_id: customer_id }",
        "total" => "total: { sum: price, by: currency }",
        "sum" => "sum: price",
        "profiles" => "profiles: { dev: { url: \"http://127.0.0.1:8080\" } }",
        "url" => "url: https://api.example",
        "auth" => "auth: { bearer: { env: API_TOKEN } }",
        "bearer" => "bearer: { env: API_TOKEN }",
        "batch" => "batch: { documents: 500, bytes: 1MiB }",
        "fixed" => "fixed: { wait: 5s }",
        "exponential" => "exponential: { base: 1s, cap: 60s }",
        "retry" => "retry: { fixed: { wait: 5s } }",
        "headers" => "headers: { X-Team: ground }",
        "use" => "{ use: Other }",
        "column" => "column: name",
        _ => return None,
    })
}
