//! Which documents of a rejected batch are bad: how to split it, and when the setup is at fault instead.
//!
//! Pure. Documents that the server names are tried alone first; without names a batch is halved. Only the answer to a
//! document alone decides about it. A batch of n documents with a bad one takes at most 2·log2(n) + 2 more requests.
//! What may be the weather is divided in more parts at once, since each bad part takes a timeout.

use std::{collections::BTreeSet, ops::Range};

use crate::deliver::problem_details::ProblemDetails;

/// The most documents of one batch that are tried alone because the server names them.
const MAX_NAMED: usize = 50;
/// How often documents are named in the same batch before what is left of it is halved as well: an API may name one at a
/// time.
const MAX_NAMINGS: u32 = 3;
/// How many documents in a streak, each rejected alone for the same problem, suggest that the setup is at fault while the
/// server has accepted nothing: then others are tried alone, from elsewhere.
const SEARCH_BEFORE_ACCEPTED: u32 = 3;
/// How many in a streak show it. All of eight documents are tried alone, so no good one of them stays behind.
const STREAK_BEFORE_ACCEPTED: u32 = 8;
/// The same two after it has accepted something. Neighbours often share a problem, so it is more.
const SEARCH_AFTER_ACCEPTED: u32 = 20;
const STREAK_AFTER_ACCEPTED: u32 = 28;
/// How often the server may fail on the same batch while it accepts others.
const CRASHES: u32 = 3;
/// In how many parts a batch is divided on which the server fails.
const CRASH_PARTS: usize = 16;

/// A part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BatchPart {
    /// The places of its documents in the batch.
    pub(crate) places: Range<usize>,
    /// It is a single document because the server named it.
    pub(crate) is_named: bool,
}

/// Splits a rejected batch of several documents, in which some were named as often as that before. The parts together hold
/// each of its documents once.
pub(crate) fn split_batch(documents: usize, named: &BTreeSet<u64>, namings: u32) -> Vec<BatchPart> {
    let named = named.iter().filter_map(|place| usize::try_from(*place).ok()).filter(|place| *place < documents);
    let (mut parts, mut next) = (Vec::new(), 0);
    let mut add = |places: Range<usize>, is_named| {
        let is_large = namings >= MAX_NAMINGS && places.len() > (documents / 2).max(1);
        let middle = if is_large { places.start + places.len() / 2 } else { places.end };
        let halves = [places.start..middle, middle..places.end].into_iter().filter(|places| !places.is_empty());
        parts.extend(halves.map(|places| BatchPart { places, is_named }));
    };
    for place in named.take(MAX_NAMED) {
        add(next..place, false);
        add(place..place + 1, true);
        next = place + 1;
    }
    if next == 0 {
        add(0..documents / 2, false);
        next = documents / 2;
    }
    add(next..documents, false);
    parts
}

/// Divides a batch of several documents on which the server fails, in parts of neighbours.
pub(crate) fn divide_batch(documents: usize) -> Vec<BatchPart> {
    let size = documents.div_ceil(CRASH_PARTS).max(1);
    let starts = (0..documents).step_by(size);
    starts.map(|start| BatchPart { places: start..(start + size).min(documents), is_named: false }).collect()
}

/// Documents that were rejected alone, one after the other, for the same problem.
#[derive(Debug, Default)]
pub(crate) struct Streak {
    last: Option<ProblemDetails>,
    count: u32,
    is_fresh: bool,
}

impl Streak {
    /// Adds one more rejected document; one with another problem begins a new streak.
    pub(crate) fn add(&mut self, details: &ProblemDetails) {
        self.count = if self.continues(details) { self.count + 1 } else { 1 };
        self.last = Some(details.clone());
        self.is_fresh = true;
    }

    /// Whether this is the problem of the streak.
    pub(crate) fn continues(&self, details: &ProblemDetails) -> bool {
        self.last.as_ref().is_some_and(|last| last.is_same_as(details))
    }

    /// Notes that a batch of several was rejected, which proves little, or that a probe is chosen.
    pub(crate) fn suspend(&mut self) {
        self.is_fresh = false;
    }

    /// Ends the streak: documents were accepted, so the setup is not at fault.
    pub(crate) fn reset(&mut self) {
        *self = Streak::default();
    }

    /// Whether the last answer added to it: then the largest batch is tried next, as it proves most about the others.
    pub(crate) fn has_grown(&self) -> bool {
        self.is_fresh
    }

    /// Whether the next document should be one from elsewhere, since neighbours often share a problem.
    pub(crate) fn wants_probe(&self, accepts: bool) -> bool {
        self.count >= if accepts { SEARCH_AFTER_ACCEPTED } else { SEARCH_BEFORE_ACCEPTED }
    }

    /// Whether the streak shows that the setup is at fault. `accepts`: the server has accepted documents before.
    pub(crate) fn is_enough(&self, accepts: bool) -> bool {
        self.count >= if accepts { STREAK_AFTER_ACCEPTED } else { STREAK_BEFORE_ACCEPTED }
    }

    /// Whether the streak shows it when nothing else is left to try, and nothing was accepted.
    pub(crate) fn is_enough_at_the_end(&self) -> bool {
        self.count >= SEARCH_BEFORE_ACCEPTED
    }
}

/// How the server failed on a batch, without saying anything about its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It said so, or the connection broke.
    Failed,
    /// It answered what no API answers.
    NoAnswer,
    /// It did not answer in time, which takes long.
    Silent,
    /// It has too much to do: that says nothing about this batch.
    Busy,
}

/// How often the server failed on the same batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crashes {
    count: u32,
    /// How many batches it had accepted when this one was first sent.
    since: Option<u64>,
}

impl Crashes {
    /// Notes that the batch is sent. `accepted`: how many batches the server has accepted so far.
    pub(crate) fn note_sent(&mut self, accepted: u64) {
        self.since.get_or_insert(accepted);
    }

    /// Counts one more failure.
    pub(crate) fn count_one(&mut self) {
        self.count += 1;
    }

    /// How often it failed.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether there were any.
    pub(crate) fn any(&self) -> bool {
        self.count > 0
    }

    /// Whether it failed so often that others need not wait for it; a single document is never divided, so once is enough.
    pub(crate) fn is_hopeless(&self, documents: u64) -> bool {
        self.count > if documents > 1 { CRASHES } else { 0 }
    }

    /// Whether the batch is to blame: others were accepted meanwhile. `is_alone`: there are none that could be.
    pub(crate) fn blames(&self, weather: Weather, accepted: u64, is_alone: bool) -> bool {
        let (enough, enough_alone) = match weather {
            Weather::Failed => (CRASHES, CRASHES + 1),
            Weather::NoAnswer => (CRASHES - 1, CRASHES),
            Weather::Silent => (1, 1),
            Weather::Busy => return false,
        };
        let others_passed = self.since.is_some_and(|since| accepted > since);
        (others_passed && self.count >= enough) || (is_alone && self.count >= enough_alone)
    }

    /// The count that a part of the batch begins with: one more failure is enough, but a single document gets all its tries.
    pub(crate) fn inherit(self, documents: usize) -> Crashes {
        Crashes { count: if documents > 1 { self.count.min(CRASHES - 1) } else { 0 }, since: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{Crashes, Streak, Weather, divide_batch, split_batch};
    use crate::deliver::problem_details::ProblemDetails;

    #[test]
    fn a_batch_is_split_around_named_documents_or_else_in_halves() {
        let table: [(usize, &[u64], &str); 9] = [
            (2, &[], "0..1 1..2"),
            (5, &[], "0..2 2..5"),
            (5, &[2], "0..2 *2..3 3..5"),
            (5, &[0], "*0..1 1..5"),
            (5, &[4], "0..4 *4..5"),
            (5, &[1, 2, 4], "0..1 *1..2 *2..3 3..4 *4..5"),
            (2, &[0, 1], "*0..1 *1..2"),
            (4, &[4, 9], "0..2 2..4"),
            (4, &[3, u64::MAX], "0..3 *3..4"),
        ];
        for (documents, named, expected) in table {
            let parts = split_batch(documents, &named.iter().copied().collect(), 0);
            let shown = parts.iter().map(|part| format!("{}{:?}", if part.is_named { "*" } else { "" }, part.places));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{documents} {named:?}");
        }
        let all: BTreeSet<u64> = (0..500).collect();
        assert_eq!(split_batch(500, &all, 0).iter().filter(|part| part.is_named).count(), 50);
    }

    #[test]
    fn what_is_left_after_many_namings_is_halved() {
        let table: [(usize, &[u64], u32, &str); 6] = [
            (9, &[0], 2, "*0..1 1..9"),
            (9, &[0], 3, "*0..1 1..5 5..9"),
            (9, &[2], 4, "0..2 *2..3 3..6 6..9"),
            (9, &[4], 4, "0..4 *4..5 5..9"),
            (2, &[0], 9, "*0..1 1..2"),
            (3, &[0], 9, "*0..1 1..2 2..3"),
        ];
        for (documents, named, namings, expected) in table {
            let parts = split_batch(documents, &named.iter().copied().collect(), namings);
            let shown = parts.iter().map(|part| format!("{}{:?}", if part.is_named { "*" } else { "" }, part.places));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{documents} {named:?} {namings}");
        }
    }

    #[test]
    fn a_batch_on_which_the_server_fails_is_divided_in_many_parts() {
        for (documents, expected) in [(2, "0..1 1..2"), (3, "0..1 1..2 2..3")] {
            let shown = divide_batch(documents).iter().map(|part| format!("{:?}", part.places)).collect::<Vec<_>>();
            assert_eq!(shown.join(" "), expected);
        }
        for documents in [16, 17, 31, 500] {
            let parts = divide_batch(documents);
            assert!(
                (8..=16).contains(&parts.len())
                    && parts.iter().map(|part| part.places.len()).sum::<usize>() == documents
            );
        }
    }

    #[test]
    fn a_streak_is_of_the_same_problem_and_ends_with_a_success() {
        let [one, other] = ["urn:one", "urn:other"].map(|kind| ProblemDetails::read(422, &json!({ "type": kind })));
        let mut streak = Streak::default();
        (0..3).for_each(|_| streak.add(&one));
        assert!(streak.has_grown() && streak.wants_probe(false) && !streak.wants_probe(true));
        assert!(streak.is_enough_at_the_end() && !streak.is_enough(false));
        streak.suspend();
        assert!(!streak.has_grown() && streak.wants_probe(false));
        (0..7).for_each(|_| streak.add(&other));
        assert!(!streak.is_enough(false));
        streak.add(&other);
        assert!(streak.is_enough(false) && !streak.is_enough(true));
        (0..20).for_each(|_| streak.add(&other));
        assert!(streak.is_enough(true));
        streak.reset();
        assert!(!streak.has_grown() && !streak.is_enough(false) && !streak.is_enough_at_the_end());
    }

    #[test]
    fn a_batch_is_blamed_when_others_pass() {
        let mut crashes = Crashes::default();
        crashes.note_sent(4);
        let blamed = [(4, false), (4, false), (4, false), (4, false), (5, true)].map(|(accepted, blamed)| {
            crashes.count_one();
            (crashes.blames(Weather::Failed, accepted, false), blamed)
        });
        assert!(blamed.iter().all(|(found, expected)| found == expected), "{blamed:?}");
        assert!(!crashes.blames(Weather::Busy, 5, true));
        let mut alone = Crashes::default();
        alone.note_sent(0);
        let blamed = [0, 0, 0, 0, 0].map(|accepted| {
            alone.count_one();
            alone.blames(Weather::Failed, accepted, true)
        });
        assert_eq!(blamed, [false, false, false, true, true]);
        let mut half = alone.inherit(2);
        half.note_sent(0);
        half.count_one();
        assert!(!half.blames(Weather::Failed, 0, false) && half.blames(Weather::Failed, 1, false));
        let mut single = half.inherit(1);
        single.note_sent(0);
        let blamed = [1, 1, 1].map(|accepted| {
            single.count_one();
            single.blames(Weather::Failed, accepted, false)
        });
        assert_eq!(blamed, [false, false, true]);
        let mut silent = Crashes::default();
        silent.note_sent(2);
        silent.count_one();
        assert!(silent.blames(Weather::Silent, 3, false) && !silent.blames(Weather::Silent, 2, false));
    }
}
