//! How a CSV file is written, as the mapping says it: the `dialects` block.
//!
//! The texts are as written; a dialect that is ready for use is made of them when the plan is compiled.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::table::dialect::{BlankRows, Dialect, Encoding, SkipRules, Tail};

/// The most lines in front of a header.
const MAX_SKIP_LINES: u32 = 1000;

/// How a CSV file is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Dialect")]
pub struct DialectSpec {
    /// What separates cells: one ASCII character, or `\t`.
    pub delimiter: String,
    /// What encloses cells that hold a delimiter or a line end; written twice inside such a cell. Empty: there are no quotes.
    pub quote: String,
    /// Inside quotes, makes a quote or itself behind it a character of the cell. Empty: there is none.
    pub escape: String,
    /// A WHATWG encoding label such as `utf-8`, `windows-1252` or `shift_jis`; a DOS code page such as `cp850`; or `auto`: UTF-8, and each record that is not is Windows-1252.
    pub encoding: String,
    /// How many lines in front of the header, or of the first record, are left out; 1000 at most.
    pub skip_lines: u64,
    /// The first record holds the names of the columns. If not, `columns` of the source lists all of them in order.
    pub header: bool,
    /// How the last line begins, which is no record; a file whose last line begins in another way is not whole. Empty: there is none.
    pub footer: String,
    /// Lines that begin with this character are no records. Empty: there are none.
    pub comment: String,
    /// What to do with records of which every cell is empty.
    pub blank_rows: BlankRows,
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
            escape: String::new(),
            encoding: "utf-8".into(),
            skip_lines: 0,
            header: true,
            footer: String::new(),
            comment: String::new(),
            blank_rows: BlankRows::Keep,
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
        let delimiter = parse_key("delimiter", &self.delimiter, &mut faults).unwrap_or(b',');
        let [quote, escape, comment] = [("quote", &self.quote), ("escape", &self.escape), ("comment", &self.comment)]
            .map(|(key, text)| if text.is_empty() { None } else { parse_key(key, text, &mut faults) });
        let mut fault = |key, message: &str, hint| {
            faults.push(DialectFault { key, message: message.to_owned(), hint });
        };
        if quote == Some(delimiter) {
            fault("quote", "the quote and the delimiter are the same", "write another character for one of the two");
        }
        let without_quotes = "the escape has a meaning inside quotes only, and the dialect has none";
        match escape {
            Some(_) if self.quote.is_empty() => fault("escape", without_quotes, "leave it out, or set `quote`"),
            Some(_) if escape == quote => {
                let hint = "leave it out: a quote that is written twice needs no escape";
                fault("escape", "the escape and the quote are the same", hint);
            }
            Some(byte) if byte == delimiter => {
                let hint = "write another character for one of the two";
                fault("escape", "the escape and the delimiter are the same", hint);
            }
            _ => {}
        }
        if comment.is_some() && (comment == quote || comment == Some(delimiter)) {
            let what = if comment == quote { "quote" } else { "delimiter" };
            let hint = "write the character that comments begin with";
            fault("comment", &format!("the {what} is no comment: records may begin with it"), hint);
        }
        let encoding = Encoding::named(&self.encoding).unwrap_or_else(|| {
            let hint =
                "use a WHATWG label such as `utf-8` or `windows-1252`, a DOS code page such as `cp850`, or `auto`";
            fault("encoding", &format!("there is no encoding `{}`", self.encoding), hint);
            Encoding::Utf8
        });
        let skip = self.compile_skip(comment, &mut faults);
        let nulls = self.null_values.iter().map(|null| null.clone().into_bytes()).collect();
        let mut dialect = Dialect::new(delimiter, quote, encoding, self.header, nulls, self.tail);
        (dialect.escape, dialect.skip) = (escape, skip);
        (dialect, faults)
    }

    /// Which lines are no records.
    fn compile_skip(&self, comment: Option<u8>, faults: &mut Vec<DialectFault>) -> SkipRules {
        let mut fault = |key, message, hint| faults.push(DialectFault { key, message, hint });
        let first = u32::try_from(self.skip_lines).ok().filter(|first| *first <= MAX_SKIP_LINES);
        if first.is_none() {
            let message = format!("expected {MAX_SKIP_LINES} lines at most, found {}", self.skip_lines);
            fault("skip_lines", message, "only the lines in front of the header count");
        }
        if self.footer.contains(['\n', '\r']) {
            let hint = "write how the last line begins";
            fault("footer", "the footer is one line, and this text holds a line end".to_owned(), hint);
        }
        if comment.is_some_and(|comment| self.footer.as_bytes().first() == Some(&comment)) {
            let hint = "leave one of the two out, or let the footer begin with another character";
            fault("footer", "a line that begins so is a comment, so the footer would never be found".to_owned(), hint);
        }
        let (first, footer) = (first.unwrap_or(0), self.footer.clone().into_bytes());
        SkipRules { first, footer, comment, blank_rows: self.blank_rows }
    }
}

/// The character of a key of a dialect; `None`: it is another text, which is a fault.
fn parse_key(key: &'static str, text: &str, faults: &mut Vec<DialectFault>) -> Option<u8> {
    let fault = |message| DialectFault { key, message, hint: advise_separator(text) };
    parse_separator(text).map_err(|message| faults.push(fault(message))).ok()
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
            Err(format!("expected one ASCII character that is neither a letter nor a digit, found `{found}`"))
        }
    }
}
