//! What was asked: the mapping file as written, with positions.
//!
//! These types say what may be written, not what it means: nothing here is resolved, and every name may still be wrong.
//! `plan` gives it its meaning. Unknown keys, wrong types and bare words where a text is meant are refused here, with
//! their place. The doc comments are the descriptions in `schemas/mapping.schema.json`.

pub mod request;
pub mod policy;
pub mod short_forms;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{
        mapping::{
            policy::{IfEmpty, OnDuplicateKey, OnIncomplete, OnLookup, OnOrphan, OnUnknown, Policy},
            request::Request,
            short_forms::{Columns, Named, Order, Scalar, Words},
        },
        yaml::{self, Places},
    },
    diagnostic::{Code, Diagnostic},
    table::dialect::Tail,
};

/// A mapping: how flat CSV files become the nested JSON of one API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The version of this language: 1.
    pub mapping: u32,
    /// A name for messages and reports.
    pub name: String,
    /// The JSON Schema of the request body, relative to this file.
    pub contract: String,
    /// The request that carries the documents.
    pub request: Request,
    /// How the CSV files are written, by name. A source without a dialect uses `,` and `"` and UTF-8.
    #[serde(default)]
    pub dialects: IndexMap<String, Dialect>,
    /// The CSV files, by the role they play.
    pub sources: IndexMap<String, Source>,
    /// Code tables, by name.
    #[serde(default)]
    pub codes: IndexMap<String, CodeTable>,
    /// The shape of the JSON.
    pub output: Output,
}

/// How a CSV file is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dialect {
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

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect {
            delimiter: ",".into(),
            quote: "\"".into(),
            encoding: "utf-8".into(),
            header: true,
            null_values: vec![String::new()],
            tail: Tail::Auto,
        }
    }
}

/// One CSV file (or several of the same shape) with a role.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file inside the drop folder; `*` and `?` match several. `.gz` and `.zst` files are read as they are.
    pub path: String,
    /// The name of a dialect, or a dialect written here.
    #[serde(default)]
    pub dialect: Option<Named<Dialect>>,
    /// The column, or list of columns, that tells records apart.
    #[serde(default)]
    pub key: Columns,
    /// What to do when different records have the same key.
    #[serde(default)]
    pub on_duplicate_key: Policy<OnDuplicateKey>,
    /// What is known about columns. A column that is not listed is text.
    #[serde(default)]
    pub columns: IndexMap<String, Column>,
    /// Amounts to add up in the summary, so that it shows where the money went.
    #[serde(default)]
    pub total: Option<Total>,
}

/// What is known about a column.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Column {
    /// The type of its cells. Values are never guessed.
    #[serde(rename = "type")]
    pub kind: Type,
    /// For `date` and `datetime`: the notation in the file, as in `%d.%m.%Y %H:%M`.
    pub format: Option<String>,
    /// For `datetime` without an offset: the IANA time zone of the recording, as in `Europe/Paris`.
    pub timezone: Option<String>,
    /// For `decimal`: the decimal mark, `.` or `,`.
    pub decimal_mark: Option<String>,
    /// For `integer` and `decimal`: what separates groups of three digits.
    pub group_mark: Option<String>,
    /// For `boolean`: the words that mean true.
    pub true_values: Option<Words>,
    /// For `boolean`: the words that mean false.
    pub false_values: Option<Words>,
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

/// Amounts to add up in the summary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// The column with the amount, an `integer` or a `decimal`.
    pub sum: String,
    /// The column that keeps amounts apart, as a currency does.
    #[serde(default)]
    pub by: Option<String>,
}

/// A table from source codes to target codes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeTable {
    /// The table itself. Keys and values are texts, in quotes when they look like a number or a boolean.
    #[serde(default)]
    pub values: Option<IndexMap<String, String>>,
    /// Or a CSV file with two columns and a header row, relative to this file.
    #[serde(default)]
    pub file: Option<String>,
    /// How that file is written: the name of a dialect, or a dialect written here.
    #[serde(default)]
    pub dialect: Option<Named<Dialect>>,
    /// What to do with a code that is not in the table.
    #[serde(default)]
    pub on_unknown: Policy<OnUnknown>,
}

/// The shape of the JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// `array`: a request carries a list of documents. `object`: each request carries one document.
    #[serde(default)]
    pub root: Root,
    /// The source whose records become documents, one each.
    pub each: String,
    /// Only records for which this expression over their columns is true, as in `status == 'paid'`. The others are not meant to go out.
    #[serde(default, rename = "where")]
    pub only: Option<String>,
    /// The fields of a document, in their order.
    pub fields: IndexMap<String, Field>,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// A list of documents.
    #[default]
    Array,
    /// One document.
    Object,
}

/// One field of the JSON. The short form `field: column` is `field: { from: column }`.
#[derive(Clone, Debug, Default)]
pub struct Field(pub Box<FieldLong>);

/// One field of the JSON, written out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldLong {
    /// The column the value is read from.
    pub from: Option<String>,
    /// The code table that translates it: the name of one, or one written here.
    pub codes: Option<Named<CodeTable>>,
    /// A value that is the same in every document.
    #[serde(rename = "const")]
    pub constant: Option<Scalar>,
    /// A text made from columns, as in `"{{ firstname | trim | title }} {{ lastname }}"`.
    pub template: Option<String>,
    /// For `template`: the type of its result; text if not given.
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// A list with one object for each related record of this source.
    pub many: Option<String>,
    /// The one related record of this source: an object with `fields`, or a single value with `from`.
    pub one: Option<String>,
    /// For `many` and `one`: column of the related source, then the column here that it equals.
    #[serde(rename = "match")]
    pub on: IndexMap<String, String>,
    /// The fields of a nested object.
    pub fields: Option<IndexMap<String, Field>>,
    /// For `many`: only records for which this expression is true.
    #[serde(rename = "where")]
    pub only: Option<String>,
    /// For `many`: what to do with a record that belongs to none.
    pub on_orphan: Option<Policy<OnOrphan>>,
    /// For `many`: what to do with the whole document when one of its records is bad.
    pub on_incomplete: Option<Policy<OnIncomplete>>,
    /// For `many`: the order of the list; the order of the file if not given.
    pub order_by: Option<Order>,
    /// For `many`: the fewest records.
    pub min: Option<u64>,
    /// For `many`: the most records.
    pub max: Option<u64>,
    /// For `one`: what to do when there is no such record.
    pub on_missing: Option<Policy<OnLookup>>,
    /// The cell to use in place of an empty one.
    #[serde(rename = "default")]
    pub fallback: Option<Scalar>,
    /// What to do with an empty cell.
    pub if_empty: Option<Policy<IfEmpty>>,
    /// An empty cell is an error.
    pub required: bool,
}

/// Reads a mapping file's text.
///
/// # Errors
/// Every reason why it is not a mapping, each with its place.
pub fn read(path: &str, text: &str) -> Result<(Mapping, Places), Vec<Diagnostic>> {
    // Bare words are looked for first: serde would only say that a number is not a string.
    let places = yaml::places(path, text).map_err(|diagnostic| vec![diagnostic])?;
    let bare = unquoted(&places);
    if !bare.is_empty() {
        return Err(bare);
    }
    let (mapping, places) = yaml::typed::<Mapping>(text, places)?;
    if mapping.mapping == 1 {
        return Ok((mapping, places));
    }
    let message = format!("this program reads version 1 of the mapping language, not {}", mapping.mapping);
    Err(vec![Diagnostic::new(Code::PlanWrongValue, message).rule(places.value("/mapping"))])
}

/// The JSON Schema (draft 7) of a mapping file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Mapping>().to_value()
}

/// Code-table keys and values, and other texts that stand for cells, that YAML would read as something else.
fn unquoted(places: &Places) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (pointer, node) in places.below("") {
        let steps: Vec<&str> = pointer.split('/').skip(1).collect();
        let in_table = matches!(steps.as_slice(), ["codes", _, "values", _] | ["output", .., "codes", "values", _]);
        let is_cell = in_table
            || matches!(steps.as_slice(), [.., "null_values" | "true_values" | "false_values", _] | [.., "use"]);
        if !is_cell {
            continue;
        }
        let key = steps.last().copied().unwrap_or_default();
        if in_table && places.bare_key(pointer) && !reads_as_text(key) {
            findings.push(quote_it(key, places.key(pointer)));
        }
        match node.scalar.as_deref() {
            Some(text) if node.plain && !reads_as_text(text) => findings.push(quote_it(text, places.value(pointer))),
            _ => {}
        }
    }
    findings.sort_by_key(|finding| finding.rule.as_ref().map(|place| (place.line, place.column)));
    findings
}

fn quote_it(text: &str, place: crate::diagnostic::Place) -> Diagnostic {
    Diagnostic::new(Code::PlanUnquoted, format!("`{text}` is not a text to every YAML reader"))
        .rule(place)
        .hint(format!("put it in quotes: \"{text}\""))
}

/// A bare word that YAML 1.1 and 1.2 readers agree is a text.
pub(crate) fn reads_as_text(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let eaten = matches!(
        lower.as_str(),
        "" | "~"
            | "null"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "y"
            | "n"
            | ".nan"
            | ".inf"
            | "-.inf"
            | "+.inf"
    );
    let numeric = lower.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && lower.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '-' | '+' | '_' | ':' | 'x' | 'o'));
    !eaten && !numeric
}

#[cfg(test)]
mod tests {
    use super::reads_as_text;

    #[test]
    fn words_that_yaml_eats_are_no_texts() {
        for word in
            ["1", "012", "1_000", "1.0", "0x1F", "no", "Yes", "off", "null", "~", "12:30", "1e3", "-5", ".5", "y"]
        {
            assert!(!reads_as_text(word), "{word}");
        }
        for word in ["Female", "A1", "1A-b!", "none", "M", "north"] {
            assert!(reads_as_text(word), "{word}");
        }
    }
}
