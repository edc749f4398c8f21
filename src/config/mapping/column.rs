//! What a mapping says about one column: its type, and how its cells are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::mapping::{
        policy::{OnAmbiguous, Policy},
        short_forms::{Named, WordList},
    },
    table::cell_reading::LetterCase,
    text::number::Sign,
};

/// What is known about a column.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Column {
    /// The type of its cells. Values are never guessed.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The name of the column in the header, or several of which exactly one is there; else its name here.
    pub header: WordList,
    /// Drop white space at both ends of a cell.
    pub trim: bool,
    /// What may stand in front of a cell and is no part of its value. Of several, the first that is there is dropped.
    pub prefix: WordList,
    /// What may stand behind a cell and is no part of its value. Of several, the first that is there is dropped.
    pub suffix: WordList,
    /// For `text`, `code` and `boolean`: the case that letters get before anything is compared.
    pub case: Option<LetterCase>,
    /// The cells that count as empty, besides those of the dialect.
    pub null_values: WordList,
    /// The cell is a list: what stands between its pieces, which are of the type.
    pub split: Option<String>,
    /// For `integer` and `decimal`: how a negative number is told. A `-` in front, if nothing is said.
    pub sign: Option<Sign>,
    /// For `date` and `datetime`: the date format of the file, as in `%d.%m.%Y %H:%M`; or `%s` or `%ms`, seconds or
    /// milliseconds since 1970; or `excel`, the days of a spreadsheet.
    pub format: Option<String>,
    /// For `datetime` without an offset: the IANA time zone of the recording, as in `Europe/Paris`, or the column of the same
    /// row that names it.
    pub timezone: Option<Named<ZoneColumn>>,
    /// For `datetime` without an offset: which moment a local time is that was twice, when clocks were set back.
    pub on_ambiguous: Option<Policy<OnAmbiguous>>,
    /// For `decimal`, and for the formats `excel`, `%s` and `%ms`: the decimal separator, `.` or `,`.
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

/// The column whose cells name time zones.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneColumn {
    /// The name of the column, a text of the same row.
    pub column: String,
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
    /// A JSON value.
    Json,
}
