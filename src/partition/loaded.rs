//! A partition in memory: its records, which of them belong together, and what became of each.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Code,
    index_ranges,
    plan::Plan,
    recording::{
        View,
        ledger::{Reject, RowStatus},
        lookups,
        match_groups::MatchGroups,
        receipt::Delivery,
    },
    table::Table,
};

/// A partition that was loaded. Its buffers are used again for the next one.
#[derive(Debug, Default)]
pub struct LoadedPartition {
    /// The records of each source.
    pub tables: Vec<Table>,
    /// Which of them belong together.
    pub groups: MatchGroups,
    /// For each source, what became of each of its rows.
    pub statuses: Vec<Vec<RowStatus>>,
    /// The rows that will not be sent.
    pub rejects: Vec<Reject>,
    /// The root records whose documents may be sent, in order.
    pub accepted: Vec<u32>,
}

impl LoadedPartition {
    /// What a stage sees of it.
    #[must_use]
    pub fn view<'a>(&'a self, plan: &'a Plan) -> View<'a> {
        View { plan, tables: &self.tables, groups: &self.groups, statuses: &self.statuses }
    }

    /// Notes what a delivery means for every row: what was not acknowledged is pending, what the API refused is rejected.
    /// `first` is the index of the first document of this partition in the delivery.
    pub fn apply_delivery(&mut self, plan: &Plan, delivery: &Delivery, first: u64) {
        let refused: BTreeMap<u64, _> =
            delivery.rejected.iter().map(|rejected| (rejected.index, &rejected.finding)).collect();
        for (index, root) in (first..).zip(&self.accepted) {
            if index_ranges::contains(&delivery.accepted, index) {
                continue;
            }
            let refused = refused.get(&index);
            let (statuses, rejects) = (&mut self.statuses, &mut self.rejects);
            self.groups.visit_members(plan, *root, &mut |source, row| {
                let status = &mut statuses[source][row as usize];
                match (refused, *status) {
                    (Some(finding), RowStatus::Good) => {
                        *status = RowStatus::Rejected;
                        rejects.push(Reject {
                            source,
                            row,
                            code: finding.code,
                            reason: finding.message.as_str().into(),
                        });
                    }
                    (None, RowStatus::Good) => *status = RowStatus::Pending,
                    _ => {}
                }
            });
        }
        self.settle_others(plan);
    }

    /// Settles what becomes of the records that are only looked up, and of the rows that are one record with another, now that
    /// it is known of all others.
    pub fn settle_others(&mut self, plan: &Plan) {
        lookups::settle_lookups(plan, &self.groups, &mut self.statuses, &mut self.rejects);
        for (source, table) in self.tables.iter().enumerate() {
            for (row, first) in table.merged.rows.iter().copied() {
                let (own, record) = (self.statuses[source][row as usize], self.statuses[source][first as usize]);
                if record == RowStatus::Rejected && own != RowStatus::Rejected {
                    let reason = format!("its record in {} is rejected", table.record(first).place).into();
                    self.rejects.push(Reject { source, row, code: Code::TransformIncomplete, reason });
                }
                if own != RowStatus::Rejected {
                    self.statuses[source][row as usize] = record;
                }
            }
        }
    }
}
