//! The result of a delivery: which documents were accepted or rejected, the attempts of every batch, how much was sent.
//!
//! Every attempt is kept, and only the last one of a batch decides. An attempt that ended without a whole answer is in
//! doubt: the API may have acted on it, but it does not count as accepted.

use std::{fmt, ops::Range, time::Duration};

use crate::{diagnostic::Diagnostic, error::Exit};

/// The result of one delivery.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The documents that the API acknowledged, as ranges of indexes, sorted and merged.
    pub accepted: Vec<Range<u64>>,
    /// The documents that the API will never accept, in their order.
    pub rejected: Vec<Rejected>,
    /// The documents that were rejected alone for the same problem until the run ended. The setup may be at fault, so they are
    /// pending: only the finding is printed.
    pub same_problem: Vec<Rejected>,
    /// The documents that the API fails on alone while it accepts others, with the status it gives them: they are pending.
    pub failed: Vec<(u64, u16)>,
    /// The documents that the API may have accepted: they were sent, and no answer says what became of them.
    pub in_doubt: Vec<Range<u64>>,
    /// The history of each batch that was sent, in the order of documents.
    pub receipts: Vec<Receipt>,
    /// How much was sent.
    pub volume: Volume,
    /// What the API wrote and the reason below repeats.
    pub echo: Option<Echo>,
    /// Why the run ended before every document had an outcome.
    pub stopped: Option<StopReason>,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopReason {
    /// The exit code of the run.
    pub exit: Exit,
    /// What happened, and what to do.
    pub finding: Diagnostic,
}

/// A document that the API will never accept. Its debug form shows nothing that the API wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its index.
    pub index: u64,
    /// The status of the answer about it alone.
    pub status: u16,
    /// The reason, without a location.
    pub finding: Diagnostic,
    /// Where the API found the reason, as JSON pointers into the document. The API wrote them: they may be followed, but not
    /// shown.
    pub pointers: Vec<String>,
    /// What the API wrote and the reason repeats: nothing if it may repeat a document that was sent.
    pub echo: Option<Echo>,
}

/// A text that an API wrote, and how a message shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Echo {
    /// What the API wrote.
    pub text: String,
    /// The part of the message that shows it.
    pub shown: String,
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo").finish_non_exhaustive()
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("index", &self.index).field("finding", &self.finding).finish_non_exhaustive()
    }
}

/// The history of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The indexes of its documents.
    pub range: Range<u64>,
    /// Every exchange; the last one counts.
    pub attempts: Vec<Attempt>,
}

/// One HTTP exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub duration: Duration,
    /// The API may have acted on the request, but no answer says so.
    pub in_doubt: bool,
}

/// How one exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a whole answer of this status.
    Status(u16),
    /// Without one.
    Failure(Failure),
}

impl Ending {
    /// The status of the answer, if there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Ending::Status(status) => Some(*status),
            Ending::Failure(_) => None,
        }
    }
}

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection: refused, reset while it was made, no route, no such name. Nothing was sent.
    Unreachable(String),
    /// The server's identity was not proven. Nothing was sent.
    Identity(String),
    /// The server answered that it did not process the request, as HTTP/2 allows.
    Untouched,
    /// The connection broke before the answer was whole.
    Broken,
    /// The answer did not come, or not to its end, in time.
    Late,
    /// The answer is too large.
    Endless,
    /// The answer came before the request was written to its end, and the rest of it could not be written.
    Early,
    /// Nothing but the end of the connection says where the answer ends.
    Unbounded,
    /// The run ended before the answer came.
    Abandoned,
}

/// How much there was to send, and how much was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Documents that were put into batches.
    pub documents: u64,
    /// The batches.
    pub batches: u64,
    /// Bytes of JSON in them.
    pub bytes: u64,
    /// Bytes of bodies on the wire, each counted once.
    pub wire_bytes: u64,
    /// Bytes of bodies that were sent again.
    pub resent_bytes: u64,
    /// Requests that were started.
    pub requests: u64,
}

impl Delivery {
    /// Removes from its messages what the API wrote, where `is_repetition` says that it repeats a document that was sent.
    pub fn hide_repetitions(&mut self, is_repetition: &dyn Fn(&str) -> bool) {
        let rejected = self.rejected.iter_mut().chain(&mut self.same_problem);
        let rejected = rejected.filter_map(|rejected| Some((rejected.echo.take()?, &mut rejected.finding)));
        let stopped = self.stopped.as_mut().map(|reason| &mut reason.finding);
        for (echo, finding) in rejected.chain(self.echo.take().zip(stopped)) {
            if is_repetition(&echo.text) {
                finding.message = finding.message.replace(&echo.shown, "");
            }
        }
    }

    /// What the API wrote and its messages repeat.
    pub fn echoes(&self) -> impl Iterator<Item = &str> {
        let rejected = self.rejected.iter().chain(&self.same_problem).filter_map(|rejected| rejected.echo.as_ref());
        rejected.chain(&self.echo).map(|echo| echo.text.as_str())
    }

    /// The exit code of the run, as far as the delivery decides it.
    pub fn exit(&self) -> Exit {
        match &self.stopped {
            Some(reason) => reason.exit,
            None if self.rejected.is_empty() => Exit::Done,
            None => Exit::Rejects,
        }
    }
}

impl Receipt {
    /// The status of the last answer; `None` when the last attempt got none.
    pub fn status(&self) -> Option<u16> {
        self.attempts.last()?.ending.status()
    }

    /// Whether the API acknowledged none of the attempts, but may have acted on one.
    pub fn is_in_doubt(&self) -> bool {
        let is_known = self.attempts.last().is_some_and(|last| !last.in_doubt);
        let acknowledged = is_known && self.status().is_some_and(|status| (200..300).contains(&status));
        !acknowledged && self.attempts.iter().any(|attempt| attempt.in_doubt)
    }
}

impl Failure {
    /// Whether the server may have acted on the request.
    pub fn leaves_doubt(&self) -> bool {
        self.was_sent() && *self != Failure::Untouched
    }

    /// Whether a part of the request went over the wire.
    pub fn was_sent(&self) -> bool {
        !matches!(self, Failure::Unreachable(_) | Failure::Identity(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreachable(cause) => write!(f, "no connection: {cause}"),
            Failure::Identity(cause) => f.write_str(cause),
            Failure::Untouched => f.write_str("the server did not look at the request"),
            Failure::Broken => f.write_str("the connection broke before the answer was whole"),
            Failure::Late => f.write_str("no answer in time"),
            Failure::Endless => f.write_str("the answer is larger than any that makes sense"),
            Failure::Early => f.write_str("the answer came before the request was sent to its end"),
            Failure::Unbounded => f.write_str("the answer has no length, so it may be cut"),
            Failure::Abandoned => f.write_str("the run ended before the answer came"),
        }
    }
}
