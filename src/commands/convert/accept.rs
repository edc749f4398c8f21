//! Match group -> payload or rejects: which documents may be sent.
//!
//! Every document is written the fast way of `transform`, which checks while it writes. Where that has a doubt, the exact
//! way decides: `transform` writes the document again and notes where what may be wrong came from, `check` holds the whole
//! contract against it. Records that may be dropped without their document are dropped first; if something else is wrong
//! with the rest, the group is held back.

use std::{io, mem::take, sync::Arc};

use crate::{
    check,
    diagnostic::{Code, Diagnostic, Severity},
    partition::loaded::LoadedPartition,
    plan::Plan,
    recording::{
        View,
        ledger::{Ledger, RowStatus},
        match_groups::MatchGroups,
        payload::Payload,
        provenance::Step,
    },
    table::Table,
    transform::{self, Scratch},
};

/// Decides about every root record of a partition, and hands each document that may be sent to `keep`. The first of them
/// has the index `first`. Findings go to `say`; of each code, only so many are shown.
///
/// # Errors
/// A document could not be kept.
pub(crate) fn decide_documents(
    plan: &Plan,
    partition: &mut LoadedPartition,
    first: u64,
    (say, wanted): (&mut dyn FnMut(&Diagnostic), u64),
    keep: &mut dyn FnMut(&Payload) -> io::Result<()>,
) -> io::Result<()> {
    let mut ledger = Ledger::reopen(take(&mut partition.statuses), take(&mut partition.rejects), say);
    ledger.wanted = wanted;
    let mut groups = Undecided { plan, tables: &partition.tables, groups: &partition.groups, ledger };
    let accepted = groups.accepted(first, keep)?;
    (partition.statuses, partition.rejects) = groups.ledger.close();
    partition.accepted = accepted;
    partition.settle_others(plan);
    Ok(())
}

/// The groups of a partition, and what became of their records so far.
struct Undecided<'a, 'l> {
    plan: &'a Plan,
    tables: &'a [Table],
    groups: &'a MatchGroups,
    ledger: Ledger<'l>,
}

impl Undecided<'_, '_> {
    fn view(&self) -> View<'_> {
        View { plan: self.plan, tables: self.tables, groups: self.groups, statuses: &self.ledger.statuses }
    }

    /// The root records whose documents may be sent.
    fn accepted(&mut self, first: u64, keep: &mut dyn FnMut(&Payload) -> io::Result<()>) -> io::Result<Vec<u32>> {
        let (mut accepted, mut scratch) = (Vec::new(), Scratch::default());
        let (each, before) = (self.plan.each, self.ledger.rejects.len());
        let roots = self.tables[each].len();
        for root in 0..roots {
            if (root as usize).is_multiple_of(transform::PREFETCHED) {
                let last = root as usize + transform::PREFETCHED;
                transform::prefetch(self.view(), root..roots.min(u32::try_from(last).unwrap_or(u32::MAX)));
            }
            match self.ledger.status(each, root) {
                RowStatus::Filtered => {}
                RowStatus::Rejected => {
                    let place = self.tables[each].record(root).place;
                    self.hold(root, &format!("its record in {place} is rejected"));
                }
                RowStatus::Good | RowStatus::Pending => {
                    let index = first + accepted.len() as u64;
                    let payload = transform::document(&self.view(), root, index, &mut scratch);
                    let payload = payload.or_else(|| self.after_all(root, index, &mut scratch));
                    let Some(payload) = payload else { continue };
                    keep(&payload)?;
                    scratch.take_back(payload);
                    accepted.push(root);
                }
            }
        }
        // What several documents use may have been found bad only after the first of them was accepted.
        let mut found = before;
        while self.plan.shares_records() && self.ledger.rejects.len() > found {
            found = self.ledger.rejects.len();
            accepted.retain(|root| {
                let trace = transform::trace(&self.view(), *root, &mut scratch);
                let stays = trace.is_sound() && self.plan.accepts(&trace.json);
                stays || self.after_all(*root, 0, &mut scratch).is_some()
            });
        }
        Ok(accepted)
    }

    /// The exact way for a document in doubt: every finding is told, and what can be sent without its bad records is.
    fn after_all(&mut self, root: u32, index: u64, scratch: &mut Scratch) -> Option<Payload> {
        let Undecided { plan, tables, groups, .. } = *self;
        loop {
            let trace = transform::trace(&self.view(), root, scratch);
            let findings = check::findings(plan, tables, &trace, &|code| self.ledger.wants(code));
            let is_error = |finding: &check::Finding| finding.diagnostic.severity == Severity::Error;
            let (errors, warnings): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_error);
            if errors.is_empty() && trace.bad.is_empty() {
                let payload = transform::confirm(plan, trace, index);
                for warning in &warnings {
                    self.ledger.say(&warning.diagnostic);
                }
                return Some(payload);
            }
            let droppable = |path: &[Step]| path.iter().rev().find(|step| step.may_drop).copied();
            let bad = || trace.bad.iter().map(Vec::as_slice);
            let is_held =
                errors.iter().map(|error| error.steps.as_slice()).chain(bad()).all(|it| droppable(it).is_none());
            // What is wrong with the rest is known without the records that are dropped: they count for nothing.
            let is_told = |path: &[Step]| is_held || droppable(path).is_some();
            let errors: Vec<_> = errors.into_iter().filter(|error| is_told(&error.steps)).collect();
            let steps = errors.iter().map(|error| error.steps.as_slice());
            let paths: Vec<&[Step]> = steps.chain(bad().filter(|path| is_told(path))).collect();
            let dropped: Vec<Step> = paths.iter().filter_map(|path| droppable(path)).collect();
            let document = check::BadDocument { trace: &trace, root, errors: &errors, paths: &paths, is_held };
            let rejection = check::rejection(plan, tables, groups, document);
            for error in errors {
                let (source, row) = (error.source, error.row);
                self.ledger.reject(source, row, &rejection.describe(error));
            }
            if is_held {
                rejection.alone.iter().for_each(|diagnostic| self.ledger.say(diagnostic));
                self.hold(root, &rejection.reason);
                return None;
            }
            let reason: Arc<str> = "it belongs to a record that is rejected".into();
            for step in dropped {
                groups.visit_subtree(plan, plan.links[step.link].child, step.child, &mut |source, row| {
                    self.ledger.reject_silently(source, row, Code::TransformIncomplete, &reason);
                });
            }
        }
    }

    /// Rejects every record of a group that is not rejected yet.
    fn hold(&mut self, root: u32, reason: &str) {
        let reason: Arc<str> = reason.into();
        self.groups.visit_members(self.plan, root, &mut |source, row| {
            if self.ledger.status(source, row) != RowStatus::Filtered {
                self.ledger.reject_silently(source, row, Code::TransformIncomplete, &reason);
            }
        });
    }
}
