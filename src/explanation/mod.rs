//! The text of `xwalk explain CODE` beside what the code means: one table for each part of the pipe.
//!
//! Every code is in one table; a test says so, and that the examples that are lines of files that ship lead to their code.

pub mod example;
pub mod configuration;
pub mod data;
pub mod documents;
pub mod outcome;

use crate::{diagnostic::Code, explanation::example::Explanation};

/// What is told of a code beside its meaning; `None`: no table has it.
#[must_use]
pub fn explain(code: Code) -> Option<Explanation> {
    let tables = [configuration::explain, data::explain, documents::explain, outcome::explain];
    tables.iter().find_map(|explain| explain(code))
}
