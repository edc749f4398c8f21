//! How a CSV file is written, as the mapping says it: the `dialects` block.
//!
//! The texts are as written; a dialect that is ready for use is made of them when the plan is compiled.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::table::dialect::{Dialect, Encoding, Tail};

/// How a CSV file is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Dialect")]
pub struct DialectSpec {
    /// What separates cells: one ASCII character, or `\t`.
    pub delimiter: String,
    /// What encloses cells that hold a delimiter or a line end; written twice inside such a cell. Empty: there are no quotes.
    pub quote: String,
    /// A WHATWG encoding label such as `utf-8`, `windows-1252` or `shift_jis`; or `auto`: UTF-8, and each record that is not is Windows-1252.
    pub encoding: String,
    /// The first record holds the names of the columns. If not, `columns` of the source lists all of them in order.
    pub header: bool,
    /// The cells that count as empty.
    pub null_values: Vec<String>,
    /// What to do with a last record that has no line end.
    pub tail: Tail,
}

impl Default for DialectSpec {
    fn default() -> DialectSpec {
        DialectSpec {
            delimiter: ",".into(),
            quote: "\"".into(),
            encoding: "utf-8".into(),
            header: true,
            null_values: vec![String::new()],
            tail: Tail::Auto,
        }
    }
}

/// What is wrong with one key of a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectFault {
    /// The key.
    pub key: &'static str,
    /// What is wrong with its value.
    pub message: String,
    /// What to write.
    pub hint: &'static str,
}

impl DialectSpec {
    /// The dialect, ready for use, and what is wrong with it: a key that is wrong has its default.
    #[must_use]
    pub fn compile(&self) -> (Dialect, Vec<DialectFault>) {
        let mut faults = Vec::new();
        let mut fault = |key, message, hint| faults.push(DialectFault { key, message, hint });
        let mut byte = |key, text: &str| {
            let parsed = parse_separator(text);
            parsed.map_err(|message| fault(key, message, advise_separator(text))).ok()
        };
        let delimiter = byte("delimiter", &self.delimiter).unwrap_or(b',');
        let quote = if self.quote.is_empty() { None } else { byte("quote", &self.quote) };
        if quote == Some(delimiter) {
            fault("quote", "the quote and the delimiter are the same".to_owned(), "");
        }
        let encoding = Encoding::named(&self.encoding).unwrap_or_else(|| {
            let hint = "use a WHATWG label such as `utf-8` or `windows-1252`, or `auto`";
            fault("encoding", format!("there is no encoding `{}`", self.encoding), hint);
            Encoding::Utf8
        });
        let nulls = self.null_values.iter().map(|null| null.clone().into_bytes()).collect();
        (Dialect::new(delimiter, quote, encoding, self.header, nulls, self.tail), faults)
    }
}

/// What to write where [`parse_separator`] finds something else.
#[must_use]
pub fn advise_separator(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "" => "write the character itself, in quotes",
        "semicolon" | "semi" | ";;" => "write \";\"",
        "comma" | ",," => "write \",\"",
        "pipe" | "bar" | "||" => "write \"|\"",
        "space" | "blank" | "point" | "dot" | "period" => "write the character itself: \" \" or \".\"",
        "tab" | "tabulator" | "\\t" | "t" => "write a tab as \"\\t\", in double quotes",
        _ => "write one character in quotes, as in \";\"; a tab is \"\\t\", in double quotes",
    }
}

/// One ASCII character that separates or quotes.
///
/// # Errors
/// What it is not.
pub fn parse_separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) && !byte.is_ascii_alphanumeric() => Ok(*byte),
        _ => {
            let found = text.escape_debug();
            Err(format!("expected one character that is neither a letter nor a digit, found `{found}`"))
        }
    }
}
