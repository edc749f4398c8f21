//! A rule of the contract that concerns the documents, and what is known of it before any data is read.

use serde_json::Value;

/// What is known of a rule before any data is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofStatus {
    /// Every document of the mapping keeps it, so nothing is checked.
    Proven,
    /// It is checked where a value is written, value by value.
    Checked,
    /// Whole documents are held against it.
    Whole,
}

/// A rule of the contract that concerns the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractRule {
    /// The pointer of the value in a document, with `*` for every item; empty: the document.
    pub field: String,
    /// The pointer of the schema that the keyword stands in.
    pub schema: String,
    /// The keyword.
    pub keyword: String,
    /// What stands behind it in the contract.
    pub value: Value,
    /// What is known of it.
    pub status: ProofStatus,
    /// Why, in words.
    pub reason: String,
}
