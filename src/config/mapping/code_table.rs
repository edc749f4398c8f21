//! A code table as written: its pairs, or the file that holds them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::mapping::{
    dialect::DialectSpec,
    policy::{OnUnknown, Policy},
    short_forms::Named,
};

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
    pub dialect: Option<Named<DialectSpec>>,
    /// What to do with a code that is not in the table.
    #[serde(default)]
    pub on_unknown: Policy<OnUnknown>,
}
