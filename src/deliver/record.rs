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
}

impl Recorded {
    /// Makes durable what the course settled since the last time, by an answer with this status.
    pub(crate) fn catch_up(&mut self, course: &mut Course, status: u16, record: &mut Record<'_>) {
        let accepted = ranges::without(&course.delivery.accepted, &self.accepted);
        let mut entries = Vec::new();
        if course.maybe && !self.maybe {
            entries.push(Entry::Maybe { resumed: false });
        }
        for (index, finding) in &course.delivery.rejected[self.rejected..] {
            entries.push(Entry::Reject { index: *index, status, code: finding.code.word().into() });
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
                let finding = Diagnostic::new(Code::DeliverNotRecorded, format!("{what}: {cause}"));
                let hint = "free space or repair the state folder, then run the same command again";
                course.delivery.stopped = Some((Exit::Storage, finding.hint(hint)));
            }
        }
    }
}
