//! Settled documents -> entries of the journal: what a state settled is made durable, and only then counted.
//!
//! Pure but for the callback. What cannot be made durable is taken back from the state: it will be sent again.

use std::{io, ops::Range, time::Duration};

use crate::{
    deliver::state::DeliveryState,
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges,
    journal::entry::Entry,
};

/// What is to be done so that a delivery is remembered.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// Take this entry.
    Entry(&'a Entry),
    /// Make durable what was taken.
    Sync,
}

/// Does what a note asks for, or says why that cannot be done.
pub type Record<'a> = dyn FnMut(Note<'_>) -> io::Result<()> + 'a;

/// How many times longer than it took is waited from one time that something is made durable to the next.
///
/// A fast API answers more often than a disk can follow. With one that is slower than that each answer is durable at once.
const PAUSE: u32 = 20;
/// The longest of these pauses.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// What a state settled, up to some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    accepted: Vec<Range<u64>>,
    rejected: usize,
    is_in_doubt: bool,
}

impl Known {
    fn of(state: &DeliveryState) -> Known {
        let delivery = &state.delivery;
        Known { accepted: delivery.accepted.clone(), rejected: delivery.rejected.len(), is_in_doubt: state.is_in_doubt }
    }
}

/// What of a state is durable.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    durable: Known,
    /// What was taken, and may not be durable yet.
    taken: Known,
    /// How many documents were accepted and could not be recorded.
    lost: u64,
    /// Why nothing could be recorded any more.
    cause: Option<String>,
    /// When it is time to make durable what was settled since.
    pub(crate) due: Duration,
}

impl Recorded {
    /// Whether the state settled something that is not durable yet, and can be.
    pub(crate) fn is_behind(&self, state: &DeliveryState) -> bool {
        self.cause.is_none() && self.durable != Known::of(state)
    }

    /// Lets the disk rest after it was at work from one time of the run to another.
    pub(crate) fn rest(&mut self, from: Duration, to: Duration) {
        self.due = to + (to.saturating_sub(from) * PAUSE).min(MAX_PAUSE);
    }

    /// Has taken what the state settled, by answers of which the last has this status, so that a kill does not lose it.
    /// As long as something that was taken is not durable, it waits: of two that are not, a power cut may keep the second.
    pub(crate) fn take(&mut self, state: &mut DeliveryState, status: u16, record: &mut Record<'_>) {
        if self.cause.is_some() || self.taken != self.durable || self.taken == Known::of(state) {
            return;
        }
        let known = Known::of(state);
        match self.entries(state, status).iter().try_for_each(|entry| record(Note::Entry(entry))) {
            Ok(()) => self.taken = known,
            Err(cause) => self.failed(state, &cause),
        }
    }

    /// Makes durable what was taken, and has taken what came since.
    pub(crate) fn go_on(&mut self, state: &mut DeliveryState, status: u16, record: &mut Record<'_>) {
        self.take(state, status, record);
        if self.cause.is_none() && self.taken != self.durable {
            match record(Note::Sync) {
                Ok(()) => self.durable = self.taken.clone(),
                Err(cause) => self.failed(state, &cause),
            }
        }
        self.take(state, status, record);
    }

    /// Makes durable all that the state settled.
    pub(crate) fn catch_up(&mut self, state: &mut DeliveryState, status: u16, record: &mut Record<'_>) {
        while self.is_behind(state) {
            self.go_on(state, status, record);
        }
        // What was accepted after a failure is lost as well.
        if let Some(cause) = self.cause.clone().filter(|_| self.durable != Known::of(state)) {
            self.failed(state, &io::Error::other(cause));
        }
    }

    /// How many documents were durably accepted, and how many rejected.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (index_ranges::count(&self.durable.accepted), self.durable.rejected as u64)
    }

    fn entries(&self, state: &DeliveryState, status: u16) -> Vec<Entry> {
        let mut entries = Vec::new();
        if state.is_in_doubt && !self.taken.is_in_doubt {
            entries.push(Entry::InDoubt { resumed: false });
        }
        for rejected in &state.delivery.rejected[self.taken.rejected..] {
            // It may have been held back for a while, so its own status counts, not that of this answer.
            let code = rejected.finding.code.word().into();
            entries.push(Entry::Reject { index: rejected.index, status: rejected.status, code });
        }
        let ranges = index_ranges::without(&state.delivery.accepted, &self.taken.accepted);
        if !ranges.is_empty() {
            entries.push(Entry::Ack { ranges, status });
        }
        entries
    }

    fn failed(&mut self, state: &mut DeliveryState, cause: &io::Error) {
        self.lost += index_ranges::count(&index_ranges::without(&state.delivery.accepted, &self.durable.accepted));
        state.delivery.accepted.clone_from(&self.durable.accepted);
        state.delivery.rejected.truncate(self.durable.rejected);
        let what = match self.lost {
            0 => "what the API answered could not be recorded".into(),
            1 => "1 document was accepted but not recorded, and will be sent again".into(),
            lost => format!("{lost} documents were accepted but not recorded, and will be sent again"),
        };
        // What is tried after a failure fails for that alone.
        let cause = self.cause.get_or_insert_with(|| cause.to_string());
        let finding = Diagnostic::new(Code::DeliverNotRecorded, format!("{what}: {cause}"));
        let hint = "free space or repair the state folder, then run the same command again";
        state.delivery.stopped = Some((Exit::Storage, finding.hint(hint)));
    }
}

#[cfg(test)]
mod tests {
    use std::{io, ops::Range, sync::Arc, time::Duration};

    use crate::{
        deliver::{
            commit::{Note, Recorded},
            state::DeliveryState,
            tests::destination,
        },
        diagnostic::{Code, Diagnostic},
        error::Exit,
        journal::entry::Entry,
        recording::receipt::Rejected,
    };

    fn new_state() -> DeliveryState {
        DeliveryState::new(Arc::new(destination("http://127.0.0.1:1", &[])), 1, false)
    }

    fn list(ranges: &[(u64, u64)]) -> Vec<Range<u64>> {
        ranges.iter().map(|(start, end)| *start..*end).collect()
    }

    fn rejected(index: u64) -> Rejected {
        let finding = Diagnostic::new(Code::DeliverTooLarge, "");
        Rejected { index, status: 413, finding, pointers: Vec::new() }
    }

    #[test]
    fn each_outcome_is_recorded_once() {
        let (mut state, mut recorded, mut entries) = (new_state(), Recorded::default(), Vec::new());
        let mut catch_up = |state: &mut DeliveryState| {
            recorded.catch_up(state, 200, &mut |note| {
                if let Note::Entry(entry) = note {
                    entries.push(entry.clone());
                }
                Ok(())
            });
        };
        state.delivery.accepted = list(&[(0, 2)]);
        catch_up(&mut state);
        state.delivery.accepted = list(&[(0, 4), (6, 7)]);
        state.delivery.rejected.push(rejected(4));
        state.is_in_doubt = true;
        catch_up(&mut state);
        catch_up(&mut state);
        let ack = |ranges: &[(u64, u64)]| Entry::Ack { ranges: list(ranges), status: 200 };
        let code = "deliver/too-large".to_owned();
        let reject = Entry::Reject { index: 4, status: 413, code };
        assert_eq!(entries, [ack(&[(0, 2)]), Entry::InDoubt { resumed: false }, reject, ack(&[(2, 4), (6, 7)])]);
        assert!(state.delivery.stopped.is_none());
    }

    #[test]
    fn of_two_that_are_not_durable_the_second_waits_until_the_first_is() {
        let (mut state, mut recorded, mut notes) = (new_state(), Recorded::default(), Vec::new());
        let mut record = |note: Note<'_>| {
            notes.push(format!("{note:?}"));
            Ok(())
        };
        for end in [2, 3, 4] {
            state.delivery.accepted = list(&[(0, end)]);
            recorded.take(&mut state, 200, &mut record);
        }
        assert_eq!((recorded.counts(), recorded.is_behind(&state)), ((0, 0), true));
        recorded.go_on(&mut state, 200, &mut record);
        assert_eq!(recorded.counts(), (2, 0));
        recorded.catch_up(&mut state, 200, &mut record);
        assert_eq!((recorded.counts(), recorded.is_behind(&state)), ((4, 0), false));
        let ack = |start, end| format!("Entry(Ack {{ ranges: [{start}..{end}], status: 200 }})");
        assert_eq!(notes, [ack(0, 2), "Sync".into(), ack(2, 4), "Sync".into()]);
    }

    #[test]
    fn a_slow_disk_rests_long_and_none_for_ever() {
        let mut recorded = Recorded::default();
        let millis = Duration::from_millis;
        for (took, rest) in [(0, 0), (2, 40), (5, 100), (60, 250)] {
            recorded.rest(millis(7), millis(7 + took));
            assert_eq!(recorded.due, millis(7 + took + rest));
        }
    }

    #[test]
    fn what_cannot_be_recorded_does_not_count_and_says_why_the_first_one_failed() {
        let (mut state, mut recorded) = (new_state(), Recorded::default());
        state.delivery.accepted = list(&[(0, 2)]);
        recorded.catch_up(&mut state, 200, &mut |_| Ok(()));
        for (range, cause) in [((2, 5), "full"), ((5, 9), "broken")] {
            state.delivery.accepted.push(range.0..range.1);
            state.delivery.rejected.push(rejected(9));
            recorded.catch_up(&mut state, 200, &mut |_| Err(io::Error::other(cause)));
        }
        assert_eq!(state.delivery.accepted, list(&[(0, 2)]));
        assert!(state.delivery.rejected.is_empty());
        let (exit, finding) = state.delivery.stopped.unwrap();
        let said = "7 documents were accepted but not recorded, and will be sent again: full";
        assert_eq!((exit, finding.message.as_str()), (Exit::Storage, said));
    }
}
