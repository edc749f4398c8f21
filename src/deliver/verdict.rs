//! What one answer means for a batch, and what one result means for a document.
//!
//! Pure data: `response` and `item_results` make these values, `transitions` applies them. A verdict that is not
//! `Accepted`, and a result whose verdict is not, never counts a document as delivered.

use std::time::Duration;

use crate::{deliver::problem_details::ProblemDetails, diagnostic::Code};

/// What an answer means for the batch it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All its documents are accepted.
    Accepted,
    /// To be sent again, after at least the time the server asked for.
    Again {
        /// The status of the answer, or the one that its body tells of.
        status: u16,
        /// What the server asked for.
        wait: Option<Duration>,
        /// The server is overloaded: one request at a time from now on.
        alone: bool,
    },
    /// A success status that no API gives: a login page, a proxy, a promise. To be sent again, a few times.
    NoAnswer(String),
    /// The body is too large.
    TooLarge,
    /// The API rejects documents of the batch.
    Rejected(ProblemDetails),
    /// The API denies the request, for a reason that may lie in some documents of the batch: a firewall, a worker, a missing
    /// path. If others pass, it is the documents.
    Denied(ProblemDetails),
    /// Each document of the batch has a result of its own.
    Each(Vec<ItemResult>),
    /// No batch will be accepted.
    Refused(Code, String),
}

/// The result for one document of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemResult {
    /// Its HTTP status.
    pub(crate) status: u16,
    /// What it means for the document: accepted, again, too large, rejected, denied, or refused.
    pub(crate) verdict: Verdict,
}

impl ItemResult {
    /// Whether the document is not sent again.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.verdict, Verdict::Rejected(_) | Verdict::Denied(_) | Verdict::TooLarge)
    }

    /// Whether the API may still act on the document: a gateway stopped waiting, or the result is only a promise.
    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self.status, 202 | 205..=207 | 226 | 502 | 504)
    }
}

/// Whether the type of a problem says that the API is still working on the same request.
pub(crate) fn is_in_progress(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase().replace(['-', '_'], "");
    kind.contains("inprogress")
}
