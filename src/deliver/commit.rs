//! Outcomes of a delivery -> entries of the journal: an outcome counts only after it was made durable.
//!
//! Pure but for the callback. What cannot be made durable is taken back from the delivery state: it will be sent again.
//! Entries are appended at once, which survives a kill, and synced from time to time, which survives a power cut.

use std::{io, ops::Range, time::Duration};

use crate::{
    deliver::state::DeliveryState,
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges,
    io_cause::{self, advise, describe_cause},
    journal::entry::Entry,
    recording::receipt::StopReason,
};

/// How many times as long as the last sync took to wait before the next one.
///
/// A fast API answers more often than a disk can sync. With a slower API each answer is durable at once.
const PAUSE: u32 = 20;
/// The longest of these pauses.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// One step towards a durable outcome.
#[derive(Clone, Copy, Debug)]
pub enum CommitStep<'a> {
    /// Append this entry.
    Append(&'a Entry),
    /// Make durable what was appended.
    Sync,
}

/// Carries out a step, or says why that failed.
pub type Committer<'a> = dyn FnMut(CommitStep<'_>) -> io::Result<()> + 'a;

/// The outcomes of a delivery at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    accepted: Vec<Range<u64>>,
    rejected: usize,
    failed: usize,
    is_in_doubt: bool,
}

impl Outcomes {
    fn of(state: &DeliveryState) -> Outcomes {
        let delivery = &state.delivery;
        Outcomes {
            accepted: delivery.accepted.clone(),
            rejected: delivery.rejected.len(),
            failed: delivery.failed.len(),
            is_in_doubt: state.is_in_doubt,
        }
    }

    /// The documents that were accepted since `earlier`.
    fn accepted_since(&self, earlier: &Outcomes) -> Vec<Range<u64>> {
        index_ranges::subtract(&self.accepted, &earlier.accepted)
    }
}

/// How many documents durably ended how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurableCounts {
    /// The API acknowledged them.
    pub(crate) accepted: u64,
    /// The API will never accept them.
    pub(crate) rejected: u64,
}

/// Which outcomes of a delivery are durable.
#[derive(Debug, Default)]
pub(crate) struct CommitState {
    durable: Outcomes,
    /// What was appended, and may not be durable yet.
    appended: Outcomes,
    /// How many documents were accepted and could not be committed.
    lost: u64,
    /// Why nothing can be committed any more, and what to do about it.
    cause: Option<(String, &'static str)>,
    /// When to sync what was appended since the last sync.
    pub(crate) due: Duration,
}

impl CommitState {
    /// Whether the delivery has outcomes that are not durable yet, and can be.
    pub(crate) fn is_behind(&self, state: &DeliveryState) -> bool {
        self.cause.is_none() && self.durable != Outcomes::of(state)
    }

    /// Sets when the next sync is due, after one that took from `start` to `end`.
    pub(crate) fn schedule_next(&mut self, start: Duration, end: Duration) {
        self.due = end + (end.saturating_sub(start) * PAUSE).min(MAX_PAUSE);
    }

    /// Appends new outcomes, so that a kill does not lose them. `status` is that of the last answer behind them.
    ///
    /// While an appended entry is not durable, nothing more is appended: of two such entries, a power cut may keep only
    /// the second.
    pub(crate) fn append(&mut self, state: &mut DeliveryState, status: u16, commit: &mut Committer<'_>) {
        if self.cause.is_some() || self.appended != self.durable || self.appended == Outcomes::of(state) {
            return;
        }
        let outcomes = Outcomes::of(state);
        match self.new_entries(state, &outcomes, status).iter().try_for_each(|entry| commit(CommitStep::Append(entry)))
        {
            Ok(()) => self.appended = outcomes,
            Err(cause) => self.roll_back(state, &cause),
        }
    }

    /// Makes durable what was appended, and appends what came since.
    pub(crate) fn sync(&mut self, state: &mut DeliveryState, status: u16, commit: &mut Committer<'_>) {
        self.append(state, status, commit);
        if self.cause.is_none() && self.appended != self.durable {
            match commit(CommitStep::Sync) {
                Ok(()) => self.durable = self.appended.clone(),
                Err(cause) => self.roll_back(state, &cause),
            }
        }
        self.append(state, status, commit);
    }

    /// Makes all outcomes durable.
    pub(crate) fn commit_all(&mut self, state: &mut DeliveryState, status: u16, commit: &mut Committer<'_>) {
        while self.is_behind(state) {
            self.sync(state, status, commit);
        }
        // What was accepted after a failure is lost as well.
        if let Some((cause, _)) = self.cause.clone().filter(|_| self.durable != Outcomes::of(state)) {
            self.roll_back(state, &io::Error::other(cause));
        }
    }

    /// How many documents were durably accepted, and how many rejected.
    pub(crate) fn counts(&self) -> DurableCounts {
        DurableCounts { accepted: index_ranges::count(&self.durable.accepted), rejected: self.durable.rejected as u64 }
    }

    /// The entries for what came since the last ones.
    fn new_entries(&self, state: &DeliveryState, outcomes: &Outcomes, status: u16) -> Vec<Entry> {
        let mut entries = Vec::new();
        if outcomes.is_in_doubt && !self.appended.is_in_doubt {
            entries.push(Entry::InDoubt { resumed: false });
        }
        for rejected in &state.delivery.rejected[self.appended.rejected..] {
            // It may have been a suspect for a while, so its own status counts, not that of this answer.
            let code = rejected.finding.code.word().into();
            entries.push(Entry::Reject { index: rejected.index, status: rejected.status, code });
        }
        let failed = state.delivery.failed[self.appended.failed..].iter();
        entries.extend(failed.map(|(index, status)| Entry::Failed { index: *index, status: *status }));
        let ranges = outcomes.accepted_since(&self.appended);
        if !ranges.is_empty() {
            entries.push(Entry::Ack { ranges, status });
        }
        entries
    }

    /// Takes back the outcomes that are not durable, and stops the delivery.
    fn roll_back(&mut self, state: &mut DeliveryState, cause: &io::Error) {
        self.lost += index_ranges::count(&Outcomes::of(state).accepted_since(&self.durable));
        state.delivery.accepted.clone_from(&self.durable.accepted);
        state.delivery.rejected.truncate(self.durable.rejected);
        state.delivery.failed.truncate(self.durable.failed);
        let what = match self.lost {
            0 => "what the API answered could not be recorded".into(),
            1 => "1 document was accepted but not recorded, and will be sent again".into(),
            lost => format!("{lost} documents were accepted but not recorded, and will be sent again"),
        };
        // Every attempt after a failure fails because of it, so the first cause is the one to show.
        let (cause, advice) =
            self.cause.get_or_insert_with(|| (describe_cause(cause), advise(io_cause::Purpose::UseFolder, cause)));
        let finding = Diagnostic::new(Code::DeliverNotRecorded, format!("{what}: {cause}"));
        let hint = format!("the state folder: {advice}; then run the same command again");
        state.delivery.stopped = Some(StopReason { exit: Exit::Storage, finding: finding.hint(hint) });
    }
}

#[cfg(test)]
mod tests {
    use std::{io, ops::Range, sync::Arc, time::Duration};

    use crate::{
        deliver::{
            commit::{CommitState, CommitStep, DurableCounts},
            state::DeliveryState,
            tests::destination,
        },
        diagnostic::{Code, Diagnostic},
        error::Exit,
        journal::entry::Entry,
        recording::receipt::{Rejected, StopReason},
    };

    fn new_state() -> DeliveryState {
        DeliveryState::new(Arc::new(destination("http://127.0.0.1:1", &[])), 1, 0)
    }

    fn list(ranges: &[(u64, u64)]) -> Vec<Range<u64>> {
        ranges.iter().map(|(start, end)| *start..*end).collect()
    }

    fn rejected(index: u64) -> Rejected {
        let finding = Diagnostic::new(Code::DeliverTooLarge, "");
        Rejected { index, status: 413, finding, pointers: Vec::new(), echo: None }
    }

    fn accepted(accepted: u64) -> DurableCounts {
        DurableCounts { accepted, rejected: 0 }
    }

    #[test]
    fn each_outcome_is_committed_once() {
        let (mut state, mut commits, mut entries) = (new_state(), CommitState::default(), Vec::new());
        let mut commit_all = |state: &mut DeliveryState| {
            commits.commit_all(state, 200, &mut |step| {
                if let CommitStep::Append(entry) = step {
                    entries.push(entry.clone());
                }
                Ok(())
            });
        };
        state.delivery.accepted = list(&[(0, 2)]);
        commit_all(&mut state);
        state.delivery.accepted = list(&[(0, 4), (6, 7)]);
        state.delivery.rejected.push(rejected(4));
        state.is_in_doubt = true;
        commit_all(&mut state);
        commit_all(&mut state);
        let ack = |ranges: &[(u64, u64)]| Entry::Ack { ranges: list(ranges), status: 200 };
        let code = "deliver/too-large".to_owned();
        let reject = Entry::Reject { index: 4, status: 413, code };
        assert_eq!(entries, [ack(&[(0, 2)]), Entry::InDoubt { resumed: false }, reject, ack(&[(2, 4), (6, 7)])]);
        assert!(state.delivery.stopped.is_none());
    }

    #[test]
    fn of_two_that_are_not_durable_the_second_waits_until_the_first_is() {
        let (mut state, mut commits, mut steps) = (new_state(), CommitState::default(), Vec::new());
        let mut commit = |step: CommitStep<'_>| {
            steps.push(format!("{step:?}"));
            Ok(())
        };
        for end in [2, 3, 4] {
            state.delivery.accepted = list(&[(0, end)]);
            commits.append(&mut state, 200, &mut commit);
        }
        assert_eq!((commits.counts(), commits.is_behind(&state)), (accepted(0), true));
        commits.sync(&mut state, 200, &mut commit);
        assert_eq!(commits.counts(), accepted(2));
        commits.commit_all(&mut state, 200, &mut commit);
        assert_eq!((commits.counts(), commits.is_behind(&state)), (accepted(4), false));
        let ack = |start, end| format!("Append(Ack {{ ranges: [{start}..{end}], status: 200 }})");
        assert_eq!(steps, [ack(0, 2), "Sync".into(), ack(2, 4), "Sync".into()]);
    }

    #[test]
    fn a_slow_disk_rests_long_and_none_for_ever() {
        let mut commits = CommitState::default();
        let millis = Duration::from_millis;
        for (took, rest) in [(0, 0), (2, 40), (5, 100), (60, 250)] {
            commits.schedule_next(millis(7), millis(7 + took));
            assert_eq!(commits.due, millis(7 + took + rest));
        }
    }

    #[test]
    fn what_cannot_be_committed_does_not_count_and_the_first_cause_is_shown() {
        let (mut state, mut commits) = (new_state(), CommitState::default());
        state.delivery.accepted = list(&[(0, 2)]);
        commits.commit_all(&mut state, 200, &mut |_| Ok(()));
        for (range, cause) in [((2, 5), "full"), ((5, 9), "broken")] {
            state.delivery.accepted.push(range.0..range.1);
            state.delivery.rejected.push(rejected(9));
            commits.commit_all(&mut state, 200, &mut |_| Err(io::Error::other(cause)));
        }
        assert_eq!(state.delivery.accepted, list(&[(0, 2)]));
        assert!(state.delivery.rejected.is_empty());
        let StopReason { exit, finding } = state.delivery.stopped.unwrap();
        let expected = "7 documents were accepted but not recorded, and will be sent again: full";
        assert_eq!((exit, finding.message.as_str()), (Exit::Storage, expected));
    }
}
