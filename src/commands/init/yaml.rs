//! Texts -> scalars of YAML that every reader takes for these texts, and comments that end with their line.

use std::fmt::Write as _;

use serde_json::Value;

use crate::config::mapping::reads_as_text;

/// The longest text that may be a key: readers of YAML need no longer ones.
pub(super) const MAX_NAME: usize = 200;

/// A text as a scalar: bare if it is plain, else in quotes.
pub(super) fn scalar(text: &str) -> String {
    let is_inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '/' | '-');
    let is_plain = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/'))
        && !text.ends_with(' ')
        && text.chars().all(is_inner)
        && reads_as_text(text);
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A text in quotes, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A constant of the contract.
pub(super) fn constant(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text for a comment: it ends where its line ends.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{commands::init::yaml::scalar, config::mapping};

    #[test]
    fn what_is_no_plain_word_is_in_quotes() {
        let table = [
            ("title", "title"),
            ("Lineitem quantity", "Lineitem quantity"),
            ("Empfänger", "Empfänger"),
            ("no", "\"no\""),
            ("1", "\"1\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("*x", "\"*x\""),
            ("a\nb", "\"a\\nb\""),
            ("\"q\"\\", "\"\\\"q\\\"\\\\\""),
            ("\u{85}\u{2028}", "\"\\u0085\\u2028\""),
        ];
        for (text, written) in table {
            assert_eq!(scalar(text), written, "{text:?}");
        }
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        for text in [
            "a: b", "- x", "{a}", "[b]", "&c", "*d", "!e", "%f", "@g", "`h", "|", ">", "'", "\"", "\\n", "\t", "é",
            "a\u{0}b", "~",
        ] {
            let written = scalar(text);
            let mapping = format!(
                "mapping: 1\nname: n\ncontract: c\nrequest: {{ method: PUT, path: /a }}\nsources: {{ s: {{ path: p, columns: {{ {written}: {{}} }} }} }}\noutput: {{ each: s, fields: {{}} }}\n"
            );
            let read =
                mapping::read("m", &mapping).map(|(mapping, _)| mapping.sources[0].columns.keys().next().cloned());
            assert_eq!(read.unwrap_or_default().as_deref(), Some(text), "{written}");
        }
    }
}
