//! How a verdict changes the state of a delivery: it accepts a batch, splits it, queues it again, or ends the run.
//!
//! Pure, the second half of `state`. Only `accept` counts documents as accepted, and only a document that was sent alone, or
//! has a result of its own, is rejected.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use serde_json::Value;

use crate::{
    config::profile::{
        destination::{AuthScheme, Destination},
        secret::Secret,
    },
    deliver::{
        bisect::split_batch,
        problem_details::ProblemDetails,
        retry,
        state::{COMPARE, DeliveryState, LastFailure, PendingBatch},
        verdict::{ItemResult, Verdict},
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::merge,
    recording::receipt::{Ending, Receipt, Rejected},
};

/// How many successes that no API gives end a run.
const MAX_NON_ANSWERS: u32 = 3;
/// The most locations in one document that are passed on.
const MAX_POINTERS: usize = 20;

impl DeliveryState {
    /// Applies the verdict on a batch.
    pub(super) fn apply_verdict(&mut self, pending: PendingBatch, verdict: Verdict, status: u16, now: Duration) {
        if verdict != Verdict::Accepted {
            let exit = if matches!(verdict, Verdict::Rejected(_)) { Exit::Refused } else { Exit::Undelivered };
            self.last_failure = LastFailure { exit, message: format!("the last answer was {status}") };
        }
        match verdict {
            Verdict::Accepted => self.accept(pending),
            Verdict::Again { wait, .. } if status == 500 => self.handle_crash(pending, wait, now),
            Verdict::Again { wait, alone } => self.retry_later(pending, wait, alone, now),
            Verdict::NoAnswer(said) => {
                self.non_answers += 1;
                if self.non_answers >= MAX_NON_ANSWERS {
                    let message = format!("`{}` does not answer as an API does: {said}", self.destination.host());
                    let finding = Diagnostic::new(Code::DeliverNoAnswer, message)
                        .hint("look for a login page or a proxy on the way, then run the same command again");
                    self.stop(Exit::Undelivered, finding);
                }
                self.retry_later(pending, None, false, now);
            }
            Verdict::TooLarge => self.handle_too_large(pending),
            Verdict::Rejected(details) => self.reject(pending, &details, now),
            Verdict::Each(items) => self.apply_results(&pending, &items, now),
            Verdict::Refused(code, said) => {
                let finding =
                    Diagnostic::new(code, format!("`{}` {said}; {}", self.destination.host(), self.describe_sender()));
                self.stop(Exit::Refused, finding.hint(hint(code, status)));
                self.add_receipt(pending);
            }
        }
    }

    /// Counts the documents of a batch as accepted. Nothing else does.
    fn accept(&mut self, pending: PendingBatch) {
        self.non_answers = 0;
        self.accepted_batches += 1;
        self.streak.reset();
        self.reject_suspects();
        self.is_misled |= pending.is_named;
        merge(&mut self.delivery.accepted, pending.batch.range.clone());
        self.add_receipt(pending);
    }

    /// Splits a batch that is too large; a single document is rejected.
    fn handle_too_large(&mut self, pending: PendingBatch) {
        let bytes = pending.batch.body.len() as u64;
        if pending.batch.documents() > 1 {
            if let Err(finding) = self.destination.allows(2) {
                self.stop(Exit::Refused, finding);
                return self.add_receipt(pending);
            }
            self.largest = self.largest.min(bytes.div_ceil(2).max(1)).min(bytes - 1);
            return self.enqueue(pending);
        }
        self.reject_oversized(pending);
    }

    fn reject_oversized(&mut self, pending: PendingBatch) {
        let bytes = pending.batch.body.len();
        let message = format!("one document of {bytes} bytes is larger than `{}` accepts", self.destination.host());
        let finding = Diagnostic::new(Code::DeliverTooLarge, message);
        let index = pending.batch.range.start;
        self.delivery.rejected.push(Rejected { index, status: 413, finding, pointers: Vec::new() });
        self.add_final_receipt(pending);
    }

    /// Makes a single document a suspect; splits a batch of several to find the bad ones.
    fn reject(&mut self, pending: PendingBatch, details: &ProblemDetails, now: Duration) {
        if pending.batch.documents() > 1 {
            let trusted =
                if self.is_misled { BTreeSet::new() } else { details.named_documents(pending.batch.documents()) };
            self.streak.suspend();
            return self.split(&pending, &trusted, now);
        }
        let host = self.destination.host();
        let told = details.describe(pending.batch.first_document(), &self.secrets());
        let finding =
            Diagnostic::new(Code::DeliverRejected, format!("`{host}` rejects this document: it answered {told}"));
        if !self.streak.continues(details) {
            self.reject_suspects();
        }
        self.streak.add(details);
        let pointers = details.pointers().into_iter().take(MAX_POINTERS).collect();
        let (index, status) = (pending.batch.range.start, details.status);
        self.suspects.push(Rejected { index, status, finding, pointers });
        self.add_final_receipt(pending);
    }

    /// Adds the receipt of a document that was rejected alone: even if it was in doubt before, now it is not.
    fn add_final_receipt(&mut self, pending: PendingBatch) {
        self.delivery.receipts.push(Receipt { range: pending.batch.range, attempts: pending.attempts });
    }

    /// Rejects the suspects for good: the setup is not at fault.
    pub(super) fn reject_suspects(&mut self) {
        self.delivery.rejected.append(&mut self.suspects);
    }

    /// Queues a batch again in parts.
    fn split(&mut self, pending: &PendingBatch, named: &BTreeSet<u64>, due: Duration) {
        if self.destination.allows(2).is_err() {
            let Range { start, end } = pending.batch.range;
            let host = self.destination.host();
            let why = "`collection: replace` does not let it be sent without the bad ones";
            let message = format!("`{host}` rejects the request with documents {start} to {}: {why}", end - 1);
            self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
            return self.add_receipt(pending.clone());
        }
        for split in split_batch(pending.batch.count(), named) {
            let part = self.new_part(pending, pending.batch.slice(split.places));
            self.enqueue(PendingBatch { is_named: split.is_named, due, ..part });
        }
    }

    /// Queues a batch again on which the server failed; splits or rejects it if the server fails on nothing else.
    fn handle_crash(&mut self, mut pending: PendingBatch, wait: Option<Duration>, now: Duration) {
        let is_alone = self.waiting.is_empty() && self.in_flight.is_empty() && pending.batch.documents() > 1;
        pending.crashes.count_one(self.accepted_batches);
        if !pending.crashes.blames(self.accepted_batches, is_alone) || (is_alone && self.destination.allows(2).is_err())
        {
            return self.retry_later(pending, wait, false, now);
        }
        if pending.batch.documents() == 1 {
            return self.reject(pending, &ProblemDetails::read(500, &Value::Null), now);
        }
        let due = now + retry::delay(self.destination.retry, 1, &mut self.random).max(wait.unwrap_or_default());
        self.split(&pending, &BTreeSet::new(), due);
    }

    /// Applies a result for each document: first those that were accepted; the others are rejected, or queued again as
    /// batches of neighbours.
    fn apply_results(&mut self, pending: &PendingBatch, items: &[ItemResult], now: Duration) {
        let in_doubt = items.iter().any(ItemResult::is_in_doubt);
        self.is_in_doubt |= in_doubt;
        let again = items.iter().find(|item| matches!(item.verdict, Verdict::Again { .. }));
        if let Some(again) = again.filter(|_| self.destination.allows(2).is_err()) {
            // A part of the collection would replace all of it.
            let mut pending = pending.clone();
            if let Some(last) = pending.attempts.last_mut() {
                (last.ending, last.in_doubt) = (Ending::Status(again.status), in_doubt);
            }
            return self.retry_later(pending, None, false, now);
        }
        let mut start = 0;
        let (mut accepted, mut others) = (Vec::new(), Vec::new());
        for run in items.chunk_by(|one, other| one.verdict == other.verdict && !one.is_final()) {
            let places = start..start + run.len();
            start = places.end;
            let mut part = self.new_part(pending, pending.batch.slice(places));
            part.failures = pending.failures;
            if let Some(last) = part.attempts.last_mut() {
                last.ending = Ending::Status(run[0].status);
                last.in_doubt = run[0].is_in_doubt();
            }
            match &run[0].verdict {
                Verdict::Accepted => accepted.push(part),
                verdict => others.push((part, verdict)),
            }
        }
        for part in accepted {
            self.accept(part);
        }
        for (part, verdict) in others {
            match verdict {
                // If the setup may be at fault, the rest waits until that is known.
                _ if self.is_on_hold() => self.enqueue(part),
                Verdict::Rejected(details) => self.reject(part, details, now),
                Verdict::TooLarge => self.reject_oversized(part),
                Verdict::Again { wait, alone } => self.retry_later(part, *wait, *alone, now),
                _ => self.retry_later(part, None, false, now),
            }
        }
    }

    /// Ends the run when documents are rejected one by one for the same problem, and no answer in flight can show that others
    /// are accepted.
    pub(super) fn abort_on_same_problem(&mut self) {
        if !self.is_on_hold() || !self.is_idle() {
            return;
        }
        self.delivery.same_problem.append(&mut self.suspects);
        let host = self.destination.host();
        let message = format!("`{host}` rejects one document after the other in the same way");
        self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
    }

    /// The secrets of the destination, which no message may repeat.
    fn secrets(&self) -> Vec<&str> {
        let Destination { credential, headers, .. } = &*self.destination;
        let proof = credential.as_ref().map(|credential| match &credential.scheme {
            AuthScheme::Bearer(secret)
            | AuthScheme::Basic { password: secret, .. }
            | AuthScheme::Header { value: secret, .. } => secret,
        });
        proof.into_iter().chain(headers.iter().map(|(_, value)| value)).map(Secret::expose).collect()
    }

    /// The profile and where its credentials are from, for messages about refusals.
    fn describe_sender(&self) -> String {
        let profile = &self.destination.profile;
        match &self.destination.credential {
            Some(credential) => format!("profile `{profile}`, credentials from {}", credential.origin),
            None => format!("profile `{profile}`, which sends no credentials"),
        }
    }
}

fn hint(code: Code, status: u16) -> &'static str {
    match (code, status) {
        (Code::DeliverRedirect, _) => "set `url` to where the API really is",
        (_, 401 | 403 | 407) => "look at `auth` of the profile and at the secret it names",
        (_, 404 | 405 | 410) => "look at `url` of the profile and at `request` of the mapping",
        (_, 415) => "look at `compression` of the profile: the API may not take it",
        _ => "",
    }
}
