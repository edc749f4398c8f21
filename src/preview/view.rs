//! What the page shows, as data: every text in it may be shown as it is.

use serde::Serialize;

/// The page at one time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PreviewView {
    /// The name of the mapping, or of its file.
    pub name: String,
    /// The folder that is shown.
    pub folder: String,
    /// What is true of the recording as a whole.
    pub headline: String,
    /// `good`, `bad` or `broken`.
    pub state: &'static str,
    /// What is not shown, and why.
    pub notices: Vec<String>,
    /// Findings that are about no line of the mapping.
    pub findings: Vec<FindingView>,
    /// The mapping.
    pub mapping: MappingView,
    /// The record; `None`: there is none to show.
    pub record: Option<RecordView>,
    /// The record is what an earlier mapping or recording made of it.
    pub is_stale: bool,
    /// Texts are drawn by their shape.
    pub is_masked: bool,
}

/// A finding, or several of one kind about one line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FindingView {
    /// `error`, `warning` or `notice`.
    pub severity: &'static str,
    /// Its code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Where it is, or the first of them.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// How many there are.
    pub count: u64,
    /// The first record that has it; 0: none.
    pub record: u64,
}

/// The mapping.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MappingView {
    /// Its file.
    pub path: String,
    /// Its lines.
    pub lines: Vec<MappingLine>,
    /// How many more there are.
    pub more: usize,
}

/// A line of the mapping.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MappingLine {
    /// Its number.
    pub number: u64,
    /// The spaces it begins with.
    pub indent: String,
    /// What it says.
    pub text: String,
    /// The comment behind it.
    pub comment: String,
    /// It is about a value of the document.
    pub is_rule: bool,
    /// What is wrong with what it says, or with what it is applied to.
    pub findings: Vec<FindingView>,
}

/// A record from its rows to its JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecordView {
    /// Its number, from 1.
    pub number: u64,
    /// How many there are.
    pub count: u64,
    /// The next bad one, itself if it is the only one; 0: there is none.
    pub next_bad: u64,
    /// How many bad ones there are.
    pub bad: u64,
    /// What becomes of it.
    pub status: ShownStatus,
    /// Its rows.
    pub tables: Vec<TableView>,
    /// The lines of its JSON; empty: it makes none.
    pub json: Vec<JsonLine>,
    /// How many more there are.
    pub more: usize,
    /// What the contract says of its values.
    pub rules: Vec<ShownContractRule>,
    /// The file of the contract.
    pub contract: String,
}

/// What becomes of a row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShownStatus {
    /// `good`, `bad` or `out`.
    pub state: &'static str,
    /// In a word or two.
    pub word: &'static str,
    /// Why, if it is not sent.
    pub reason: String,
}

/// The rows of one source.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableView {
    /// The name of the source.
    pub source: String,
    /// How it belongs to the record: empty, `list` or `lookup`.
    pub role: &'static str,
    /// Its columns.
    pub columns: Vec<ColumnView>,
    /// Its rows.
    pub rows: Vec<RowView>,
    /// How many more rows there are.
    pub more: usize,
    /// How many more columns there are.
    pub more_columns: usize,
}

/// A column.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ColumnView {
    /// Its name.
    pub name: String,
    /// A rule of the mapping uses it.
    pub is_used: bool,
}

/// A row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RowView {
    /// How the page knows it.
    pub id: String,
    /// Its file and line.
    pub place: String,
    /// Its line.
    pub line: u64,
    /// What becomes of it.
    pub status: ShownStatus,
    /// Its cells.
    pub cells: Vec<CellView>,
}

/// A cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CellView {
    /// How the page knows it.
    pub id: String,
    /// The name of its column.
    pub column: String,
    /// What it says, as it may be shown.
    pub text: String,
    /// A rule of the mapping uses its column.
    pub is_used: bool,
}

/// A line of the JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JsonLine {
    /// How deep it lies.
    pub depth: usize,
    /// The name of the field; empty: none.
    pub name: String,
    /// The value, or a bracket.
    pub value: String,
    /// `text`, `number`, `word` or `bracket`.
    pub kind: &'static str,
    /// A comma follows.
    pub has_comma: bool,
    /// It is a value, or begins one.
    pub is_value: bool,
    /// The cells, or the rows, that it was made from, as the page knows them.
    pub from: String,
    /// Where they stand, in words.
    pub from_words: String,
    /// The line of the mapping; 0: none.
    pub rule: u64,
    /// Its JSON pointer.
    pub pointer: String,
    /// The number of its rule in the contract; 0: none.
    pub contract: usize,
    /// What is wrong with it.
    pub findings: Vec<FindingView>,
}

/// What the contract says of some values.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShownContractRule {
    /// Its number on the page.
    pub number: usize,
    /// The path of the values, `[]` for the items of a list.
    pub path: String,
    /// The line in the contract; 0: not known.
    pub line: u64,
    /// What it says.
    pub text: String,
    /// Whether that is proven for all documents, or checked in each; empty: nobody knows.
    pub proof: &'static str,
}
