//! Settled documents -> entries of the journal: what a course settled is made durable, and only then counted.
//!
//! Pure but for the callback. What cannot be made durable is taken back from the course: it will be sent again.

use std::ops::Range;

use crate::{
    deliver::{Record, course::Course},
    diagnostic::{Code, Diagnostic},
    error::Exit,
    journal::entry::Entry,
    ranges,
};

/// What of a course is durable.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    accepted: Vec<Range<u64>>,
    rejected: usize,
    maybe: bool,
    /// How many documents were accepted and could not be recorded.
    lost: u64,
    /// Why nothing could be recorded any more.
    cause: Option<String>,
}

impl Recorded {
    /// Makes durable what the course settled since the last time, by an answer with this status.
    pub(crate) fn catch_up(&mut self, course: &mut Course, status: u16, record: &mut Record<'_>) {
        let accepted = ranges::without(&course.delivery.accepted, &self.accepted);
        let mut entries = Vec::new();
        if course.maybe && !self.maybe {
            entries.push(Entry::Maybe { resumed: false });
        }
        for rejected in &course.delivery.rejected[self.rejected..] {
            // It may have been held back for a while, so its own status counts, not that of this answer.
            let code = rejected.finding.code.word().into();
            entries.push(Entry::Reject { index: rejected.index, status: rejected.status, code });
        }
        if !accepted.is_empty() {
            entries.push(Entry::Ack { ranges: accepted.clone(), status });
        }
        match entries.iter().try_for_each(record) {
            Ok(()) => {
                for range in accepted {
                    ranges::merge(&mut self.accepted, range);
                }
                (self.rejected, self.maybe) = (course.delivery.rejected.len(), course.maybe);
            }
            Err(cause) => {
                self.lost += ranges::count(&accepted);
                course.delivery.accepted.clone_from(&self.accepted);
                course.delivery.rejected.truncate(self.rejected);
                let what = match self.lost {
                    0 => "what the API answered could not be recorded".into(),
                    1 => "1 document was accepted but not recorded, and will be sent again".into(),
                    lost => format!("{lost} documents were accepted but not recorded, and will be sent again"),
                };
                // What is tried after a failure fails for that alone.
                let cause = self.cause.get_or_insert_with(|| cause.to_string());
                let finding = Diagnostic::new(Code::DeliverNotRecorded, format!("{what}: {cause}"));
                let hint = "free space or repair the state folder, then run the same command again";
                course.delivery.stopped = Some((Exit::Storage, finding.hint(hint)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, ops::Range, sync::Arc};

    use crate::{
        deliver::{course::Course, record::Recorded, tests::destination},
        diagnostic::{Code, Diagnostic},
        error::Exit,
        journal::entry::Entry,
        receipt::Rejected,
    };

    fn course() -> Course {
        Course::new(Arc::new(destination("http://127.0.0.1:1", &[])), 1, false)
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
        let (mut course, mut recorded, mut entries) = (course(), Recorded::default(), Vec::new());
        let mut catch_up = |course: &mut Course| {
            recorded.catch_up(course, 200, &mut |entry| {
                entries.push(entry.clone());
                Ok(())
            });
        };
        course.delivery.accepted = list(&[(0, 2)]);
        catch_up(&mut course);
        course.delivery.accepted = list(&[(0, 4), (6, 7)]);
        course.delivery.rejected.push(rejected(4));
        course.maybe = true;
        catch_up(&mut course);
        catch_up(&mut course);
        let ack = |ranges: &[(u64, u64)]| Entry::Ack { ranges: list(ranges), status: 200 };
        let code = "deliver/too-large".to_owned();
        let reject = Entry::Reject { index: 4, status: 413, code };
        assert_eq!(entries, [ack(&[(0, 2)]), Entry::Maybe { resumed: false }, reject, ack(&[(2, 4), (6, 7)])]);
        assert!(course.delivery.stopped.is_none());
    }

    #[test]
    fn what_cannot_be_recorded_does_not_count_and_says_why_the_first_one_failed() {
        let (mut course, mut recorded) = (course(), Recorded::default());
        course.delivery.accepted = list(&[(0, 2)]);
        recorded.catch_up(&mut course, 200, &mut |_| Ok(()));
        for (range, cause) in [((2, 5), "full"), ((5, 9), "broken")] {
            course.delivery.accepted.push(range.0..range.1);
            course.delivery.rejected.push(rejected(9));
            recorded.catch_up(&mut course, 200, &mut |_| Err(io::Error::other(cause)));
        }
        assert_eq!(course.delivery.accepted, list(&[(0, 2)]));
        assert!(course.delivery.rejected.is_empty());
        let (exit, finding) = course.delivery.stopped.unwrap();
        let said = "7 documents were accepted but not recorded, and will be sent again: full";
        assert_eq!((exit, finding.message.as_str()), (Exit::Storage, said));
    }
}
