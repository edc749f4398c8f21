//! A drafted mapping: its fields, and what is declared of columns.

use serde_json::Value;

/// A drafted field.
#[derive(Clone, Debug)]
pub(super) struct DraftedField {
    pub(super) name: String,
    pub(super) value: DraftedValue,
    /// Why it is so.
    pub(super) note: String,
}

/// Where the value of a drafted field comes from.
#[derive(Clone, Debug)]
pub(super) enum DraftedValue {
    /// A column, through a code table or not.
    Column { column: String, codes: Option<String>, if_empty: Option<&'static str> },
    /// A list of columns, or of the pieces of a cell.
    Listed { columns: Vec<String>, is_split: bool },
    /// A text made of columns.
    Joined { columns: Vec<String> },
    /// The only value that is allowed.
    Constant(Value),
    /// An object of the same record.
    Object(Vec<DraftedField>),
    /// A list of objects of the same record, one for each number in the names of columns.
    Slots(Vec<Vec<DraftedField>>),
    /// Related records: a list, or one that is looked up; columns there and here.
    Related { is_list: bool, source: String, matches: Vec<(String, String)>, fields: Vec<DraftedField> },
    /// Related records as the fields of an object, by the names in a column.
    Keyed { source: String, matches: Vec<(String, String)>, keyed_by: String, from: String },
    /// Nothing was found.
    Missing { is_required: bool },
}

/// What is declared of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Declaration {
    pub(super) keys: Vec<(&'static str, String)>,
    pub(super) notes: Vec<String>,
}

/// The rows of a file in a second role.
#[derive(Clone, Debug)]
pub(super) struct RowRole {
    pub(super) name: String,
    pub(super) source: usize,
    /// The column that is the same in all rows of a record.
    pub(super) key: usize,
    pub(super) evidence: String,
}

/// Whether something was found for a value, at any depth.
pub(super) fn is_drafted(value: &DraftedValue) -> bool {
    match value {
        DraftedValue::Missing { .. } | DraftedValue::Constant(_) => false,
        DraftedValue::Object(fields) => fields.iter().any(|field| is_drafted(&field.value)),
        _ => true,
    }
}
