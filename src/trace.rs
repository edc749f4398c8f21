//! A document written to its end, with where every value came from and everything that is wrong.
//!
//! `transform` makes a trace when a document is in doubt; `check` turns it into a verdict.

use crate::diagnostic::Code;

/// A document written to its end, with everything known about it.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The JSON, with `null` in the place of values that could not be made.
    pub json: Vec<u8>,
    /// Where the values came from.
    pub origins: Vec<Origin<'a>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Related records that were rejected before, each with the steps that lead to it.
    pub bad: Vec<Vec<Step>>,
}

impl Trace<'_> {
    /// Whether everything in it could be made; what the contract says is another question.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.bad.is_empty() && self.problems.iter().all(|problem| problem.warning)
    }
}

/// The cell and the rule a JSON value came from.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// JSON pointer into the document.
    pub pointer: String,
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The column, as the plan numbers it; `None`: the record as a whole.
    pub column: Option<usize>,
    /// The rule of the mapping.
    pub rule: &'a str,
    /// The lists it lies in, the outermost first.
    pub steps: Vec<Step>,
}

/// One step from a record to a related one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The link.
    pub link: usize,
    /// The record that owns the list.
    pub parent: u32,
    /// The related record.
    pub child: u32,
    /// The document may be sent without it.
    pub may_drop: bool,
}

/// Something that is wrong with a value.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// What was expected.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The column, as the plan numbers it.
    pub column: Option<usize>,
    /// The rule of the mapping.
    pub rule: String,
    /// The mapping allows it and wants to be told.
    pub warning: bool,
    /// JSON pointer into the document.
    pub pointer: String,
    /// The lists it lies in, the outermost first.
    pub steps: Vec<Step>,
}
