//! What a run knows of the records of one recording: which belong together, what became of each, what was told of them.
//!
//! A recording is one drop folder (a flight). Records of different recordings never meet, because a key is only unique
//! within one.

pub mod match_groups;
pub mod ledger;
pub mod overview;
pub mod cause_tally;
pub mod summary;
pub mod totals;
pub mod lookups;
pub mod provenance;
pub mod node_index;
pub mod payload;
pub mod receipt;

use crate::{
    plan::Plan,
    recording::{ledger::RowStatus, match_groups::MatchGroups},
    table::Table,
};

/// What a stage sees of a recording, or of a partition of one.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The records of each source.
    pub tables: &'a [Table],
    /// Which of them belong together.
    pub groups: &'a MatchGroups,
    /// What became of each so far.
    pub statuses: &'a [Vec<RowStatus>],
}
