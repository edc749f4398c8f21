//! How a CSV file is written, as the mapping says it: the `dialects` block.
//!
//! The texts are as written: an encoding that does not exist is found when the plan is compiled.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::table::dialect::Tail;

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
