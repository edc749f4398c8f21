//! A value of an answer -> a whole number, a truth value, a status, or whether there is something at all.
//!
//! Pure. `422`, `422.0`, `4.22e2` and the texts of these are one number.

use serde_json::Value;

use crate::{
    config::exact_number::ExactNumber,
    deliver::answer_names::{is_bad_word, is_count, is_good_word, normalize},
};

/// The number that a value is, or that a text writes.
pub(crate) fn read_number(value: &Value) -> Option<ExactNumber> {
    match value {
        Value::Number(number) => ExactNumber::parse(number.as_str()),
        Value::String(text) => ExactNumber::parse(text.trim()),
        _ => None,
    }
}

/// The whole number that a value is, or that a text writes, in whatever way; one out of reach is as large as can be.
pub(crate) fn read_whole(value: &Value) -> Option<i64> {
    read_number(value)?.as_whole()
}

/// The number of a document or an item.
pub(crate) fn read_index(value: &Value) -> Option<usize> {
    read_whole(value).and_then(|number| usize::try_from(number).ok())
}

/// A truth value, also as 0, 1 or a text.
pub(crate) fn read_truth(value: &Value) -> Option<bool> {
    match (value, read_whole(value)) {
        (Value::Bool(value), _) => Some(*value),
        (_, Some(0)) => Some(false),
        (_, Some(1)) => Some(true),
        (Value::String(text), None) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "t" => Some(true),
            "false" | "no" | "n" | "f" => Some(false),
            text if is_bad_word(text) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value says that there is something: neither null, false, 0, empty, nor a text or an object that says so.
pub(crate) fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(_) => read_number(value).is_none_or(|number| !number.is_zero()),
        Value::String(text) => {
            let nothing = ["", "none", "null", "nil", "na", "false", "no"];
            let is_zero = read_number(value).is_some_and(|number| number.is_zero());
            !is_zero && !is_good_word(text) && !nothing.contains(&normalize(text).as_str())
        }
        Value::Array(items) => items.iter().any(|item| !item.is_null()),
        // `{"count": 0, "items": []}`, `{"code": 0, "message": "ok"}`
        Value::Object(members) => members.iter().any(|(name, value)| match value {
            Value::Number(_) => is_present(value) || !is_count(name),
            value => is_present(value),
        }),
    }
}

/// The status that a number or the beginning of a text is, as in `422 Unprocessable` or `HTTP/1.1 201 Created`.
pub(crate) fn leading_status(text: &str) -> Option<u16> {
    let text = text.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1)).unwrap_or(text).trim_start();
    let whole = || ExactNumber::parse(text.trim_end())?.as_whole().and_then(|number| u16::try_from(number).ok());
    let digits = text.split(|c: char| !c.is_alphanumeric()).next().filter(|digits| digits.len() == 3);
    let status = digits.and_then(|digits| digits.parse().ok()).or_else(whole);
    status.filter(|status| (100..600).contains(status))
}
