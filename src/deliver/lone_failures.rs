//! What shows that the server fails on a document because of that document, and not because it is unwell.
//!
//! Pure. One run never rejects such a document: it is written down, and a later run that gets the same answer until it
//! ends, at its deadline or at the limit of `resend`, rejects it.

use std::ops::Range;

use crate::recording::receipt::{Attempt, Ending};

/// How often in a row the server must fail on a document alone, with the same status.
const ENOUGH: u32 = 3;

/// The failures on one batch, as far as they may show something about a single document of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LoneFailures {
    /// How many batches the server had accepted when it first failed on a batch with this document.
    since: Option<u64>,
    /// It accepted others after that, and then failed again.
    others_passed: bool,
    /// The status of the last failures on the document alone.
    status: u16,
    /// How many in a row had it.
    count: u32,
}

impl LoneFailures {
    /// Notes a failure. `is_alone`: it is that of each document by itself; `accepted`: how many batches the server had accepted
    /// before this answer, and after it.
    pub(crate) fn add(&mut self, attempt: Option<&Attempt>, is_alone: bool, accepted: Range<u64>) {
        self.others_passed |= accepted.end > *self.since.get_or_insert(accepted.start);
        if !is_alone {
            return;
        }
        let status = attempt.and_then(|attempt| match attempt.ending {
            // The others are those of a server in between, or of one that is too busy.
            Ending::Status(status @ (500 | 506..=599)) if !attempt.in_doubt => Some(status),
            _ => None,
        });
        self.count = match status {
            Some(status) if status == self.status => self.count.saturating_add(1),
            status => u32::from(status.is_some()),
        };
        self.status = status.unwrap_or_default();
    }

    /// The status that the server gives this document alone, if it gave it often enough in this run.
    pub(crate) fn status(&self) -> Option<u16> {
        (self.count >= ENOUGH).then_some(self.status)
    }

    /// The same, if the server accepted others in between: then it is the document.
    pub(crate) fn proven_status(&self) -> Option<u16> {
        self.status().filter(|_| self.others_passed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LoneFailures;
    use crate::recording::receipt::{Attempt, Ending, Failure};

    /// One failure: how it ended, of how many documents, after how many accepted batches.
    type OneFailure = (Ending, u64, u64);

    #[test]
    fn the_same_status_three_times_alone_with_others_accepted_in_between() {
        let five = |documents, accepted| (Ending::Status(500), documents, accepted);
        let other = |status| (Ending::Status(status), 1, 2);
        let broken = || (Ending::Failure(Failure::Broken), 1, 2);
        let table: [(&[OneFailure], Option<u16>, Option<u16>); 9] = [
            (&[], None, None),
            (&[five(4, 0), five(1, 1), five(1, 1)], None, None),
            (&[five(4, 0), five(1, 1), five(1, 1), five(1, 1)], Some(500), Some(500)),
            (&[five(1, 1), five(1, 1), five(1, 1)], Some(500), None),
            (&[five(1, 0), five(1, 0), five(1, 1)], Some(500), Some(500)),
            (&[five(1, 0), five(1, 1), five(1, 1), other(503)], None, None),
            (&[five(1, 0), five(1, 1), five(1, 1), broken()], None, None),
            (&[other(503), other(502), other(504), other(501), other(505)], None, None),
            (&[five(1, 1), five(1, 1), other(599), other(599), other(599)], Some(599), Some(599)),
        ];
        for (steps, status, proven) in table {
            let mut failures = LoneFailures::default();
            for (ending, documents, accepted) in steps {
                let attempt = Attempt { ending: ending.clone(), duration: Duration::ZERO, in_doubt: false };
                failures.add(Some(&attempt), *documents == 1, *accepted..*accepted);
            }
            assert_eq!((failures.status(), failures.proven_status()), (status, proven), "{steps:?}");
        }
    }

    #[test]
    fn what_the_same_answer_accepts_shows_that_it_is_the_document() {
        for (after, proven) in [(3, None), (4, Some(500))] {
            let mut failures = LoneFailures::default();
            let attempt = Attempt { ending: Ending::Status(500), duration: Duration::ZERO, in_doubt: false };
            for accepted in [3..after, after..after, after..after] {
                assert_eq!(failures.proven_status(), None);
                failures.add(Some(&attempt), true, accepted);
            }
            assert_eq!((failures.status(), failures.proven_status()), (Some(500), proven));
        }
    }
}
