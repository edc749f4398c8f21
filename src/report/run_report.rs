//! What a run did, as plain data for the files that `--report` writes.
//!
//! Cells are in it as messages show them, so no report holds more of the data than the messages do.

use crate::{
    diagnostic::{Diagnostic, Severity},
    error::Exit,
    recording::{overview::Overview, summary::Summary},
};

/// The most findings that are kept for reports, as code hosts cap them.
pub const MAX_KEPT: usize = 25_000;

/// What a run did.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The command: `convert` or `check`.
    pub command: &'static str,
    /// When it started, as RFC 3339 in UTC.
    pub started: String,
    /// How it ended.
    pub exit: Exit,
    /// The mappings it was about, one for `convert`.
    pub mappings: Vec<MappingReport>,
    /// The numbers; `None` for `check`, and where the run could not go on.
    pub summary: Option<Summary>,
    /// What is behind the findings.
    pub overview: Overview,
    /// The findings that were kept, in the order of the files.
    pub findings: Vec<Diagnostic>,
    /// How many more there were.
    pub left_out: u64,
    /// The files that were read.
    pub inputs: Vec<ReportInput>,
}

impl RunReport {
    /// How many findings weigh so much.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.overview.causes.iter().filter(|cause| cause.severity == severity).map(|cause| cause.count).sum()
    }
}

/// A mapping, and the fields it makes.
#[derive(Clone, Debug, Default)]
pub struct MappingReport {
    /// The file.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The file of its contract.
    pub contract: String,
    /// It can be used.
    pub is_good: bool,
    /// How many leaves are proven to meet the contract.
    pub proven: usize,
    /// How many are checked in the data.
    pub checked: usize,
    /// The sources, in the order of the mapping.
    pub sources: Vec<String>,
    /// The fields it makes, as in `purchases.price`, in the order of the document.
    pub fields: Vec<String>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct ReportInput {
    /// What it is: a source, or as in "the mapping".
    pub role: String,
    /// Where it is.
    pub path: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The BLAKE3 digest of its bytes in hexadecimal digits, if it was taken: that of a packed file is not.
    pub digest: Option<String>,
}
