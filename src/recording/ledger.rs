//! What became of every source row, and why.
//!
//! Every row of every source ends in exactly one bucket: sent, rejected, filtered or pending. A row starts as good: it
//! belongs to a document that may be sent. A status only ever gets worse, and every rejected row has exactly one reject.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::diagnostic::{Code, Diagnostic, Severity};

/// What became of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowStatus {
    /// It belongs to a document that may be sent.
    #[default]
    Good,
    /// It is left out on purpose.
    Filtered,
    /// Its document is not acknowledged yet.
    Pending,
    /// It will not be sent.
    Rejected,
}

/// The columns that a rejected row is given back with: the code and the reason.
pub const ADDED_COLUMNS: [&str; 2] = ["xwalk_code", "xwalk_reason"];

/// A row that will not be sent.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The number of its source.
    pub source: usize,
    /// Its number in the source.
    pub row: u32,
    /// The code of the finding that rejected it.
    pub code: Code,
    /// The message of that finding.
    pub reason: Arc<str>,
}

/// The statuses of all rows of one recording, and the findings about them.
pub struct Ledger<'a> {
    /// For each source, the status of each of its rows.
    pub statuses: Vec<Vec<RowStatus>>,
    /// The rows that will not be sent, in the order they were found.
    pub rejects: Vec<Reject>,
    /// How many findings of one code are shown; the others are only counted.
    pub wanted: u64,
    counts: BTreeMap<Code, u64>,
    /// Reasons that many rows may share.
    reasons: BTreeSet<Arc<str>>,
    say: &'a mut dyn FnMut(&Diagnostic),
}

/// How many reasons are looked for among those that are known.
const MAX_REASONS: usize = 1000;

impl<'a> Ledger<'a> {
    /// An empty ledger for this many sources, which passes its findings to `say`.
    pub fn new(sources: usize, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger::reopen(vec![Vec::new(); sources], Vec::new(), say)
    }

    /// A ledger that continues with what [`close`](Ledger::close) returned.
    pub fn reopen(
        statuses: Vec<Vec<RowStatus>>,
        rejects: Vec<Reject>,
        say: &'a mut dyn FnMut(&Diagnostic),
    ) -> Ledger<'a> {
        let (counts, reasons) = (BTreeMap::new(), BTreeSet::new());
        Ledger { statuses, rejects, wanted: u64::MAX, counts, reasons, say }
    }

    /// The statuses and the rejects.
    #[must_use]
    pub fn close(self) -> (Vec<Vec<RowStatus>>, Vec<Reject>) {
        (self.statuses, self.rejects)
    }

    /// Reports a finding.
    pub fn say(&mut self, diagnostic: &Diagnostic) {
        *self.counts.entry(diagnostic.code).or_default() += 1;
        (self.say)(diagnostic);
    }

    /// Whether another finding of a code will be shown, and not only counted.
    #[must_use]
    pub fn wants(&self, code: Code) -> bool {
        self.counts.get(&code).is_none_or(|count| *count < self.wanted)
    }

    /// Reports a finding and rejects a row for it. A row keeps its first reason.
    pub fn reject(&mut self, source: usize, row: u32, diagnostic: &Diagnostic) {
        self.say(diagnostic);
        let reason = self.share_reason(&diagnostic.message);
        self.reject_silently(source, row, diagnostic.code, &reason);
    }

    /// A reason, held once where many rows have the same.
    fn share_reason(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.reasons.get(text) {
            return Arc::clone(known);
        }
        let reason: Arc<str> = text.into();
        if self.reasons.len() < MAX_REASONS {
            self.reasons.insert(Arc::clone(&reason));
        }
        reason
    }

    /// Rejects a row for a finding that was reported already.
    pub fn reject_silently(&mut self, source: usize, row: u32, code: Code, reason: &Arc<str>) {
        let status = &mut self.statuses[source][row as usize];
        if *status != RowStatus::Rejected {
            *status = RowStatus::Rejected;
            self.rejects.push(Reject { source, row, code, reason: Arc::clone(reason) });
        }
    }

    /// Leaves a row out on purpose.
    pub fn filter(&mut self, source: usize, row: u32) {
        let status = &mut self.statuses[source][row as usize];
        *status = (*status).max(RowStatus::Filtered);
    }

    /// The status of a row.
    #[must_use]
    pub fn status(&self, source: usize, row: u32) -> RowStatus {
        self.statuses[source][row as usize]
    }
}

/// A finding as the warning that a policy of the mapping asks for.
#[must_use]
pub fn as_warning(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity(Severity::Warning)
}
