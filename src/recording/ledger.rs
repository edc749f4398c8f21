//! Where every source row went, and why.
//!
//! Every row of every source ends in exactly one bucket: sent, rejected, filtered or pending. Rows start as good; a good
//! row belongs to a document that may be sent. A fate only ever gets worse, and every rejected row has one reject.

use std::{collections::BTreeMap, sync::Arc};

use crate::diagnostic::{Code, Diagnostic, Severity};

/// What became of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is part of a document that may be sent.
    #[default]
    Good,
    /// It is not meant to go out.
    Filtered,
    /// Its document was not acknowledged yet.
    Pending,
    /// It will not be sent.
    Rejected,
}

/// A row that will not be sent.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The number of its source.
    pub source: usize,
    /// Its number in the source.
    pub row: u32,
    /// Why, as a lasting code.
    pub code: Code,
    /// Why, in words.
    pub reason: Arc<str>,
}

/// The fates of all rows of one recording.
pub struct Ledger<'a> {
    /// For each source, the fate of each of its rows.
    pub fates: Vec<Vec<Fate>>,
    /// The rows that will not be sent, in the order they were found.
    pub rejects: Vec<Reject>,
    /// How many findings of one code anybody wants to see; the others are only counted.
    pub wanted: u64,
    told: BTreeMap<Code, u64>,
    say: &'a mut dyn FnMut(&Diagnostic),
}

impl<'a> Ledger<'a> {
    /// An empty ledger for some sources, which tells its findings to `say`.
    pub fn new(sources: usize, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger::reopened(vec![Vec::new(); sources], Vec::new(), say)
    }

    /// A ledger that was closed, to go on with.
    pub fn reopened(fates: Vec<Vec<Fate>>, rejects: Vec<Reject>, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger { fates, rejects, wanted: u64::MAX, told: BTreeMap::new(), say }
    }

    /// What was noted.
    #[must_use]
    pub fn closed(self) -> (Vec<Vec<Fate>>, Vec<Reject>) {
        (self.fates, self.rejects)
    }

    /// Tells a finding.
    pub fn say(&mut self, diagnostic: &Diagnostic) {
        *self.told.entry(diagnostic.code).or_default() += 1;
        (self.say)(diagnostic);
    }

    /// Whether another finding of a code will be seen, and not only counted.
    #[must_use]
    pub fn wants(&self, code: Code) -> bool {
        self.told.get(&code).is_none_or(|told| *told < self.wanted)
    }

    /// Tells a finding and rejects a row for it. The first reason of a row stays.
    pub fn reject(&mut self, source: usize, row: u32, diagnostic: &Diagnostic) {
        self.say(diagnostic);
        self.reject_silently(source, row, diagnostic.code, &diagnostic.message.as_str().into());
    }

    /// Rejects a row whose reason was told already.
    pub fn reject_silently(&mut self, source: usize, row: u32, code: Code, reason: &Arc<str>) {
        let fate = &mut self.fates[source][row as usize];
        if *fate != Fate::Rejected {
            *fate = Fate::Rejected;
            self.rejects.push(Reject { source, row, code, reason: Arc::clone(reason) });
        }
    }

    /// Leaves a row out on purpose.
    pub fn filter(&mut self, source: usize, row: u32) {
        let fate = &mut self.fates[source][row as usize];
        *fate = (*fate).max(Fate::Filtered);
    }

    /// The fate of a row.
    #[must_use]
    pub fn fate(&self, source: usize, row: u32) -> Fate {
        self.fates[source][row as usize]
    }
}

/// A warning that a policy of the mapping asked for.
#[must_use]
pub fn warned(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity(Severity::Warning)
}
