//! One recording, read and joined: its records, which of them belong together, and what became of each.
//!
//! A recording is one drop folder (a flight). Records of different recordings never meet, because a key is only unique
//! within one. Stages borrow it as a [`View`].

use std::collections::BTreeMap;

use crate::{
    group::Groups,
    ledger::{self, Fate, Reject},
    plan::Plan,
    ranges,
    receipt::Delivery,
    record::Table,
    summary::SourceTally,
};

/// A recording that was decided about.
#[derive(Debug)]
pub struct Recording {
    /// The records of each source.
    pub tables: Vec<Table>,
    /// Which of them belong together.
    pub groups: Groups,
    /// For each source, what became of each of its rows.
    pub fates: Vec<Vec<Fate>>,
    /// The rows that will not be sent.
    pub rejects: Vec<Reject>,
    /// The root records whose documents may be sent, in order.
    pub accepted: Vec<u32>,
}

/// What a stage sees of a recording.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The records of each source.
    pub tables: &'a [Table],
    /// Which of them belong together.
    pub groups: &'a Groups,
    /// What became of each so far.
    pub fates: &'a [Vec<Fate>],
}

impl Recording {
    /// What a stage sees of it.
    pub fn view<'a>(&'a self, plan: &'a Plan) -> View<'a> {
        View { plan, tables: &self.tables, groups: &self.groups, fates: &self.fates }
    }

    /// The documents that may be sent.
    pub fn documents(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// How many rows of each source ended in each bucket.
    pub fn tally(&self, plan: &Plan) -> Vec<SourceTally> {
        ledger::tally(plan, &self.tables, &self.fates)
    }

    /// Notes what a delivery means for every row: what was not acknowledged is pending, what the API refused is rejected.
    /// `first` is the index of the first document of this recording in the delivery.
    pub fn settle(&mut self, plan: &Plan, delivery: &Delivery, first: u64) {
        let refused: BTreeMap<u64, _> =
            delivery.rejected.iter().map(|rejected| (rejected.index, &rejected.finding)).collect();
        for (index, root) in (first..).zip(&self.accepted) {
            if ranges::contains(&delivery.accepted, index) {
                continue;
            }
            let refused = refused.get(&index);
            let (fates, rejects) = (&mut self.fates, &mut self.rejects);
            self.groups.members(plan, *root, &mut |source, row| {
                let fate = &mut fates[source][row as usize];
                match (refused, *fate) {
                    (Some(finding), Fate::Good) => {
                        *fate = Fate::Rejected;
                        rejects.push(Reject { source, row, code: finding.code, reason: finding.message.clone() });
                    }
                    (None, Fate::Good) => *fate = Fate::Pending,
                    _ => {}
                }
            });
        }
    }
}

/// The recording of a document and its root record, by the index of the document in the delivery.
pub fn find(recordings: &[Recording], index: u64) -> Option<(&Recording, u32)> {
    let mut left = usize::try_from(index).ok()?;
    for recording in recordings {
        match recording.accepted.get(left) {
            Some(root) => return Some((recording, *root)),
            None => left -= recording.accepted.len(),
        }
    }
    None
}
