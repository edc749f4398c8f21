//! A value of an answer -> a whole number, a truth value, a status, or whether there is something at all.
//!
//! Pure. `422`, `422.0`, `4.22e2` and the texts of these are one number.

use serde_json::Value;

use crate::{
    config::exact_number::ExactNumber,
    deliver::answer_names::{Meaning, is_bad_word, is_count, is_good_word, normalize, read_name},
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
            // As it is written: `PartialFailure` is two words.
            _ if is_bad_word(text) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value says that something went well, and cannot be the state of a thing.
pub(crate) fn is_sure_success(name: &str, value: &Value) -> bool {
    let is_word = |text: &str| ["ok", "success", "succeeded", "successful"].contains(&normalize(text).as_str());
    value.as_str().is_some_and(is_word) || (*value == Value::Bool(true) && read_name(name) == Meaning::Success)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_present, leading_status, read_index, read_truth, read_whole};

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, expected) in [
            ("422", Some(422)),
            ("422.0", Some(422)),
            ("4.22e2", Some(422)),
            ("42200E-2", Some(422)),
            ("\"422.0\"", Some(422)),
            ("\" 0422 \"", Some(422)),
            ("-0.0", Some(0)),
            ("0e99999999999999999999", Some(0)),
            ("-1.0", Some(-1)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1e400", Some(i64::MAX)),
            ("-1e99999999999999999999", Some(i64::MIN)),
            ("99999999999999999999", Some(i64::MAX)),
            ("422.5", None),
            ("422.00000000000000000000001", None),
            ("1e-400", None),
            ("\"\"", None),
            ("\"4 22\"", None),
            ("true", None),
        ] {
            assert_eq!(read_whole(&parse(text)), expected, "{text}");
        }
        assert_eq!(read_index(&parse("\"2.0\"")), Some(2));
        assert_eq!(read_index(&parse("-1")), None);
    }

    #[test]
    fn truth_and_presence_are_read_of_every_type() {
        for (text, expected) in [
            ("0.0", Some(false)),
            ("\"0\"", Some(false)),
            ("1.0", Some(true)),
            ("\"Y\"", Some(true)),
            ("\"N\"", Some(false)),
            ("\"failed\"", Some(false)),
            ("2", None),
            ("null", None),
            ("\"\"", None),
        ] {
            assert_eq!(read_truth(&parse(text)), expected, "{text}");
        }
        let absent = r#"[null, false, 0, 0.0, -0.0, "", "0", "0.0", "000", "none", "N/A", "OK", "Success", [], [null], {},
            {"code": 0, "message": "ok"}, {"count": 0, "items": []}, {"failed": "0", "reason": null}]"#;
        let present =
            r#"[true, 1, 1e-400, "x", "1", [0], [{}], [[]], {"index": 0}, {"code": 0, "message": "x"}, {"a": [1]}]"#;
        for (values, expected) in [(absent, false), (present, true)] {
            for value in parse(values).as_array().unwrap() {
                assert_eq!(is_present(value), expected, "{value}");
            }
        }
    }

    #[test]
    fn a_status_leads_a_text() {
        for (text, expected) in [
            ("422", Some(422)),
            ("422.0", Some(422)),
            ("4.22e2", Some(422)),
            ("422 Unprocessable", Some(422)),
            ("HTTP/1.1 201 Created", Some(201)),
            ("1422", None),
            ("abc", None),
            ("042", None),
        ] {
            assert_eq!(leading_status(text), expected, "{text}");
        }
        assert!(!is_present(&json!("0000")));
    }
}
