//! Findings, counted by what is behind them: the code, the source and its column, the rule; with the shapes of the cells.
//!
//! Shapes are what messages show of cells, so nothing here is a cell that may not be shown. The counts of a cause add up:
//! its shapes and the others are all of its findings. [`CauseTally`](crate::recording::cause_tally::CauseTally) counts.

use std::fmt;

use crate::diagnostic::{Code, Place, Severity};

/// What is behind the findings of a run, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// A row for each cause: errors before warnings, and then by how often.
    pub causes: Vec<Cause>,
}

/// All findings of one code about one column, made by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of finding.
    pub code: Code,
    /// How much each of them weighs.
    pub severity: Severity,
    /// The source; empty where the findings are about none.
    pub source: String,
    /// The column; empty where the findings are about whole records.
    pub column: String,
    /// The line of the mapping, where one was applied.
    pub rule: Option<SimplePlace>,
    /// The field that the rule makes, as in `purchases.price`; empty where it makes none.
    pub field: String,
    /// What the first of them says.
    pub message: String,
    /// How many findings.
    pub count: u64,
    /// How many records they are about, as far as findings about one record follow each other.
    pub records: u64,
    /// How many rows the source has; 0: that is not known.
    pub rows: u64,
    /// The first of them in the order of the files.
    pub first: Option<SimplePlace>,
    /// The shapes that are most often behind them, the most frequent first.
    pub shapes: Vec<ShapeCount>,
    /// How many findings have other shapes than those, or none.
    pub other: u64,
}

impl Cause {
    /// The share of the rows of the source, in hundredths of a percent, rounded up so that what is there is never 0.
    #[must_use]
    pub fn share(&self) -> Option<u64> {
        let share = (u128::from(self.records) * 10_000).div_ceil(u128::from(self.rows.max(1)));
        (self.rows > 0).then(|| u64::try_from(share).unwrap_or(u64::MAX).min(10_000))
    }
}

/// A place without the text of its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimplePlace {
    /// The file.
    pub path: String,
    /// The line, from 1. 0: the file as a whole.
    pub line: u64,
    /// The column in characters, from 1. 0: the line as a whole.
    pub column: u64,
}

impl From<&Place> for SimplePlace {
    fn from(place: &Place) -> SimplePlace {
        SimplePlace { path: place.path.clone(), line: place.line, column: place.column }
    }
}

impl fmt::Display for SimplePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SimplePlace { path, line, column } = self;
        match (line, column) {
            (0, _) => write!(f, "{path}"),
            (line, 0) => write!(f, "{path}:{line}"),
            (line, column) => write!(f, "{path}:{line}:{column}"),
        }
    }
}

/// A shape, and how many cells have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeCount {
    /// What messages show of the cells; empty for empty cells.
    pub shape: String,
    /// How many cells have it.
    pub count: u64,
    /// There may be more of them: it was met among too many other shapes.
    pub is_at_least: bool,
}
