//! One recording, read and joined: its records, which of them belong together, and what became of each.
//!
//! A recording is one drop folder (a flight). Records of different recordings never meet, because a key is only unique
//! within one. Stages borrow it as a [`View`].

pub mod groups;
pub mod ledger;
pub mod payload;
pub mod provenance;
pub mod receipt;
pub mod summary;
pub mod totals;

use std::collections::BTreeMap;

use crate::{
    index_ranges,
    partition::Piece,
    plan::Plan,
    recording::{
        groups::Groups,
        ledger::{Fate, Reject},
        receipt::Delivery,
        summary::{DocumentTally, SourceTally},
    },
    table::Table,
};

/// A recording that was decided about.
#[derive(Debug, Default)]
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
    /// Where it is kept, if it is a piece of a larger one.
    pub piece: Option<Piece>,
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

    /// Whether it is a whole recording, or the first piece of one.
    pub fn is_first(&self) -> bool {
        self.piece.as_ref().is_none_or(Piece::is_first)
    }

    /// Whether some of it lies in a temporary file.
    pub fn is_on_disk(&self) -> bool {
        self.piece.as_ref().is_some_and(|piece| piece.spill().is_on_disk())
    }

    /// How many pieces hold its documents, this one and those behind it.
    pub fn parts(&self) -> usize {
        self.piece.as_ref().map_or(1, |piece| piece.parts)
    }

    /// Whether it holds more of the document of a piece before it.
    pub fn goes_on(&self) -> bool {
        self.piece.as_ref().is_some_and(Piece::goes_on)
    }

    /// How many documents may be sent.
    pub fn documents(&self) -> u64 {
        self.piece.as_ref().map_or(self.accepted.len() as u64, |piece| piece.documents)
    }

    /// How many rows of each source ended in each bucket.
    pub fn tally(&self, plan: &Plan) -> Vec<SourceTally> {
        match &self.piece {
            Some(piece) => piece.tally.clone(),
            None => totals::tally(plan, &self.tables, &self.fates),
        }
    }

    /// How many of how many rows will not be sent.
    pub fn rejected(&self) -> (u64, u64) {
        let tallies = self.piece.as_ref().map(|piece| piece.tally.iter().map(|tally| (tally.rejected, tally.rows)));
        let Some(tallies) = tallies else {
            let rows = self.tables.iter().map(|table| u64::from(table.len())).sum();
            return (self.rejects.len() as u64, rows);
        };
        tallies.fold((0, 0), |sum, tally| (sum.0 + tally.0, sum.1 + tally.1))
    }

    /// Notes what a delivery means for every row: what was not acknowledged is pending, what the API refused is rejected.
    /// `first` is the index of the first document of this recording in the delivery.
    pub fn settle(&mut self, plan: &Plan, delivery: &Delivery, first: u64) {
        let refused: BTreeMap<u64, _> =
            delivery.rejected.iter().map(|rejected| (rejected.index, &rejected.finding)).collect();
        for (index, root) in (first..).zip(&self.accepted) {
            if index_ranges::contains(&delivery.accepted, index) {
                continue;
            }
            let refused = refused.get(&index);
            let (fates, rejects) = (&mut self.fates, &mut self.rejects);
            self.groups.members(plan, *root, &mut |source, row| {
                let fate = &mut fates[source][row as usize];
                match (refused, *fate) {
                    (Some(finding), Fate::Good) => {
                        *fate = Fate::Rejected;
                        rejects.push(Reject {
                            source,
                            row,
                            code: finding.code,
                            reason: finding.message.as_str().into(),
                        });
                    }
                    (None, Fate::Good) => *fate = Fate::Pending,
                    _ => {}
                }
            });
        }
    }
}

/// How many rows of each source, and how many documents, of all recordings ended in each bucket.
pub fn tally(plan: &Plan, recordings: &[Recording]) -> (Vec<SourceTally>, DocumentTally) {
    let mut sources: Vec<SourceTally> = Vec::new();
    let mut documents = DocumentTally::default();
    let mut number = 0u64;
    for recording in recordings {
        let mut tallies = recording.tally(plan);
        number += u64::from(recording.is_first());
        // Sums are told in the order in which their units were met.
        tallies.iter_mut().flat_map(|tally| &mut tally.sums).for_each(|sum| sum.first |= number << 32);
        documents.add(&tallies[plan.each]);
        if sources.is_empty() {
            sources = tallies;
        } else {
            sources.iter_mut().zip(tallies).for_each(|(sum, tally)| sum.add(tally));
        }
    }
    (sources, documents)
}

/// The recording of a document and the number of its root record among those accepted, by the index of the document in the
/// delivery.
pub fn find(recordings: &[Recording], index: u64) -> Option<(&Recording, usize)> {
    let mut left = index;
    for recording in recordings {
        if left < recording.documents() {
            return Some((recording, usize::try_from(left).ok()?));
        }
        left -= recording.documents();
    }
    None
}
