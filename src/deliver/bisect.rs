//! Which documents of a batch are to blame: where to cut it, and when it is not the documents at all.
//!
//! Pure. What the server names is tried alone first; without names a batch is halved by documents. Only the answer to a
//! document alone decides about it. A batch of n with one bad document takes at most 2·log2(n) + 2 requests more.

use std::{collections::BTreeSet, ops::Range};

use crate::deliver::problem_details::ProblemDetails;

/// The most documents of one batch that are tried alone because the server names them.
const MAX_NAMED: usize = 50;
/// How many documents in a streak, each refused alone for the same problem, show that the setup is at fault: before the server has
/// accepted any, and after, since neighbours often share a problem.
const ENOUGH: (u32, u32) = (3, 20);
/// How often the server may fail on the same batch while it accepts others.
const CRASHES: u32 = 3;

/// A piece of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The places of its documents in the batch.
    pub(crate) places: Range<usize>,
    /// It is alone because the server named it.
    pub(crate) is_named: bool,
}

/// The pieces that a rejected batch of several documents is tried in: together they hold it all, each document once.
pub(crate) fn pieces(documents: usize, named: &BTreeSet<u64>) -> Vec<Piece> {
    let named = named.iter().filter_map(|place| usize::try_from(*place).ok()).filter(|place| *place < documents);
    let (mut pieces, mut next) = (Vec::new(), 0);
    let mut cut = |places: Range<usize>, is_named| {
        if !places.is_empty() {
            pieces.push(Piece { places, is_named });
        }
    };
    for place in named.take(MAX_NAMED) {
        cut(next..place, false);
        cut(place..place + 1, true);
        next = place + 1;
    }
    if next == 0 {
        cut(0..documents / 2, false);
        next = documents / 2;
    }
    cut(next..documents, false);
    pieces
}

/// The documents that were refused alone, one after the other, for the same problem.
#[derive(Debug, Default)]
pub(crate) struct Streak {
    last: Option<ProblemDetails>,
    count: u32,
    is_fresh: bool,
}

impl Streak {
    /// One more was refused.
    pub(crate) fn refused(&mut self, details: &ProblemDetails) {
        self.count = if self.continues(details) { self.count + 1 } else { 1 };
        self.last = Some(details.clone());
        self.is_fresh = true;
    }

    /// Whether this is the problem of the others too.
    pub(crate) fn continues(&self, details: &ProblemDetails) -> bool {
        self.last.as_ref().is_some_and(|last| last.is_same_as(details))
    }

    /// Several documents together were refused, which says little, or another piece is on its way.
    pub(crate) fn widened(&mut self) {
        self.is_fresh = false;
    }

    /// Documents were accepted, so it is about documents after all.
    pub(crate) fn accepted(&mut self) {
        *self = Streak::default();
    }

    /// Whether it has just grown: then the largest piece is tried next, as the one that says most about the others.
    pub(crate) fn has_grown(&self) -> bool {
        self.is_fresh
    }

    /// Whether one more would be enough: then it had better be a document from elsewhere, since neighbours often
    /// share a problem.
    pub(crate) fn wants_probe(&self, accepts: bool) -> bool {
        self.is_fresh && self.count + 1 == enough(accepts)
    }

    /// Whether it is not about documents. `accepts`: the server has accepted others before.
    pub(crate) fn is_enough(&self, accepts: bool) -> bool {
        self.count >= enough(accepts)
    }
}

fn enough(accepts: bool) -> u32 {
    if accepts { ENOUGH.1 } else { ENOUGH.0 }
}

/// How often the server failed on the same batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crashes {
    count: u32,
    /// How many batches it had accepted when it first failed.
    since: Option<u64>,
}

impl Crashes {
    /// It failed once more. `accepted`: how many batches it has accepted so far.
    pub(crate) fn again(&mut self, accepted: u64) {
        self.since.get_or_insert(accepted);
        self.count += 1;
    }

    /// Whether the batch is to blame: others were accepted meanwhile. Where there are no others, its halves are, once.
    pub(crate) fn blames(&self, accepted: u64, is_alone: bool) -> bool {
        let others_passed = self.since.is_some_and(|since| accepted > since);
        self.count >= CRASHES && (others_passed || (is_alone && self.count == CRASHES))
    }

    /// What a piece begins with: one failure more is enough, but a single document gets all its tries.
    pub(crate) fn inherited(self, documents: usize) -> Crashes {
        let count = if documents > 1 { self.count.min(CRASHES - 1) } else { 0 };
        Crashes { count, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{Crashes, Streak, pieces};
    use crate::deliver::problem_details::ProblemDetails;

    #[test]
    fn a_batch_is_cut_around_what_is_named_and_else_in_halves() {
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
            let pieces = pieces(documents, &named.iter().copied().collect());
            let shown =
                pieces.iter().map(|piece| format!("{}{:?}", if piece.is_named { "*" } else { "" }, piece.places));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{documents} {named:?}");
        }
        let all: BTreeSet<u64> = (0..500).collect();
        assert_eq!(pieces(500, &all).iter().filter(|piece| piece.is_named).count(), 50);
    }

    #[test]
    fn a_streak_is_of_the_same_problem_and_ends_with_a_success() {
        let [one, other] = ["urn:one", "urn:other"].map(|kind| ProblemDetails::read(422, &json!({ "type": kind })));
        let mut streak = Streak::default();
        streak.refused(&one);
        streak.refused(&one);
        assert!(
            streak.has_grown() && streak.wants_probe(false) && !streak.wants_probe(true) && !streak.is_enough(false)
        );
        streak.widened();
        assert!(!streak.has_grown() && !streak.wants_probe(false));
        streak.refused(&other);
        streak.refused(&other);
        assert!(!streak.is_enough(false));
        streak.refused(&other);
        assert!(streak.is_enough(false) && !streak.is_enough(true));
        (0..17).for_each(|_| streak.refused(&other));
        assert!(streak.is_enough(true));
        streak.accepted();
        assert!(!streak.has_grown() && !streak.is_enough(false));
    }

    #[test]
    fn a_batch_is_blamed_for_crashes_when_others_pass() {
        let mut crashes = Crashes::default();
        let blamed = [(4, false), (4, false), (4, false), (4, false), (5, true)].map(|(accepted, blamed)| {
            crashes.again(accepted);
            (crashes.blames(accepted, false), blamed)
        });
        assert!(blamed.iter().all(|(found, expected)| found == expected), "{blamed:?}");
        let mut alone = Crashes::default();
        let blamed = [0, 0, 0, 0].map(|accepted| {
            alone.again(accepted);
            alone.blames(accepted, true)
        });
        assert_eq!(blamed, [false, false, true, false]);
        let mut half = alone.inherited(2);
        half.again(0);
        assert!(!half.blames(0, false) && half.blames(1, false));
        let mut single = half.inherited(1);
        let blamed = [1, 1, 1].map(|accepted| {
            single.again(accepted);
            single.blames(accepted, false)
        });
        assert_eq!(blamed, [false, false, true]);
    }
}
