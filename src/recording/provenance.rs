//! A document written to its end, with the origin of every value and every problem.
//!
//! `transform` makes a trace when the fast way cannot tell whether a document conforms; `check` turns it into findings. Nodes
//! and paths are stored as links to the one before them, because most of them are never printed.

use std::borrow::Cow;

use crate::{diagnostic::Code, json_pointer::escape};

/// A document written to its end, with everything known about it.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The JSON, with `null` in the place of values that could not be made.
    pub json: Vec<u8>,
    /// The nodes of the document; the first is the document itself.
    pub nodes: Vec<JsonNode<'a>>,
    /// The names of fields that are what a cell says.
    pub names: Vec<CellName<'a>>,
    /// The paths to related records, each as its last step.
    pub paths: Vec<PathEnd>,
    /// The origins of the values.
    pub origins: Vec<Origin<'a>>,
    /// The leaves that may violate the contract.
    pub uncertain_leaves: Vec<UncertainLeaf<'a>>,
    /// The document may violate the contract elsewhere than in its leaves.
    pub is_uncertain: bool,
    /// The values that could not be made, and the warnings.
    pub problems: Vec<ValueProblem<'a>>,
    /// Related records that were rejected before, each with the steps that lead to it.
    pub bad: Vec<Vec<Step>>,
}

/// A node of a document: an object, a list or a value.
#[derive(Clone, Copy, Debug)]
pub struct JsonNode<'a> {
    /// The number of the node it lies in; the document itself is its own parent.
    pub parent: usize,
    /// Its name there.
    pub name: NodeName<'a>,
}

/// The name of a node in its parent.
#[derive(Clone, Copy, Debug)]
pub enum NodeName<'a> {
    /// A field of an object.
    Field(&'a str),
    /// An item of a list, by its number.
    Item(u64),
    /// A field that is named by a cell, as a number into the names of the trace.
    Cell(usize),
}

/// The name of a field that is what a cell says: no message shows it otherwise than that cell.
#[derive(Clone, Debug)]
pub struct CellName<'a> {
    /// The name.
    pub text: String,
    /// The cell.
    pub origin: Origin<'a>,
}

/// A path to a related record, as its last step.
#[derive(Clone, Copy, Debug)]
pub struct PathEnd {
    /// The number of the path to the record before, or [`NO_PATH`].
    pub before: usize,
    /// The last step.
    pub step: Step,
}

/// The path to the root record, which has no steps.
pub const NO_PATH: usize = usize::MAX;

/// A leaf that may violate the contract.
#[derive(Clone, Debug)]
pub struct UncertainLeaf<'a> {
    /// Its node.
    pub node: usize,
    /// The rules of the contract about it, as pointers into the schema.
    pub rules: &'a [String],
    /// Its JSON text.
    pub json: Vec<u8>,
}

impl<'a> Trace<'a> {
    /// Whether every value could be made; whether they conform is another question.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.bad.is_empty() && self.problems.iter().all(|problem| problem.is_warning)
    }

    /// The JSON pointer of a node (RFC 6901).
    #[must_use]
    pub fn pointer(&self, node: usize) -> String {
        if node == 0 {
            return String::new();
        }
        let JsonNode { parent, name } = self.nodes[node];
        format!("{}/{}", self.pointer(parent), escape(&self.name(name)))
    }

    /// The name of a node, as the JSON has it.
    #[must_use]
    pub fn name(&self, name: NodeName<'a>) -> Cow<'_, str> {
        match name {
            NodeName::Field(name) => name.into(),
            NodeName::Item(number) => number.to_string().into(),
            NodeName::Cell(number) => self.names[number].text.as_str().into(),
        }
    }

    /// The steps of a path, the outermost first.
    #[must_use]
    pub fn steps(&self, path: usize) -> Vec<Step> {
        let (mut steps, mut at) = (Vec::new(), path);
        while at != NO_PATH {
            let PathEnd { before, step } = self.paths[at];
            steps.push(step);
            at = before;
        }
        steps.reverse();
        steps
    }
}

/// The cell and the rule a JSON value came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The node of the value.
    pub node: usize,
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The column, as the plan numbers it; `None`: the record as a whole.
    pub column: Option<usize>,
    /// The rule of the mapping.
    pub rule: &'a str,
    /// The path to the record, as a number into the paths of the trace, or [`NO_PATH`].
    pub path: usize,
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

/// A value that could not be made, or a warning about one.
#[derive(Clone, Debug)]
pub struct ValueProblem<'a> {
    /// The code of the finding.
    pub code: Code,
    /// What was expected.
    pub message: String,
    /// What to do next.
    pub hint: &'static str,
    /// The mapping allows it and asks for a warning.
    pub is_warning: bool,
    /// The origin of the value.
    pub origin: Origin<'a>,
}
