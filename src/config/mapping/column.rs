//! What a mapping says about one column: its type, and how its cells are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::mapping::short_forms::WordList;

/// What is known about a column.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Column {
    /// The type of its cells. Values are never guessed.
    #[serde(rename = "type")]
    pub kind: Type,
    /// For `date` and `datetime`: the date format of the file, as in `%d.%m.%Y %H:%M`.
    pub format: Option<String>,
    /// For `datetime` without an offset: the IANA time zone of the recording, as in `Europe/Paris`.
    pub timezone: Option<String>,
    /// For `decimal`: the decimal separator, `.` or `,`.
    pub decimal_mark: Option<String>,
    /// For `integer` and `decimal`: what separates groups of three digits.
    pub group_mark: Option<String>,
    /// For `boolean`: the words that mean true.
    pub true_values: Option<WordList>,
    /// For `boolean`: the words that mean false.
    pub false_values: Option<WordList>,
    /// Never show its cells, not even their shape and not with `--unmask`.
    pub sensitive: bool,
}

/// The type of a column's cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Any text, as it is. An empty cell is an empty text.
    #[default]
    Text,
    /// A code of a code list: a text that keeps its leading zeros and is never empty.
    Code,
    /// A whole number, digit for digit.
    Integer,
    /// A decimal number, digit for digit.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment.
    Datetime,
}
