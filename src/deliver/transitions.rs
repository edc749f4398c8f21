//! What one verdict does to a delivery: settle a batch, split it, send it again, or end the run.
//!
//! Pure, the other half of `course`. Nothing is accepted but through `accepted`, nothing is rejected but alone.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use serde_json::Value;

use crate::{
    config::profile::{
        destination::{AuthScheme, Destination},
        secret::Secret,
    },
    deliver::{
        bisect::pieces,
        item_results::Item,
        problem_details::Problem,
        response::Verdict,
        retry,
        state::{COMPARE, Course, Parcel},
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::merge,
    recording::receipt::{Ending, Receipt, Rejected},
};

/// How many successes that no API gives end a run.
const MAX_ODD: u32 = 3;
/// The most places in one document that are passed on.
const MAX_POINTERS: usize = 20;

impl Course {
    /// The seam for what a verdict does to a batch.
    pub(super) fn judged(&mut self, parcel: Parcel, verdict: Verdict, status: u16, now: Duration) {
        if verdict != Verdict::Accepted {
            let exit = if matches!(verdict, Verdict::Rejected(_)) { Exit::Refused } else { Exit::Undelivered };
            self.trouble = (exit, format!("the last answer was {status}"));
        }
        match verdict {
            Verdict::Accepted => self.accepted(parcel),
            Verdict::Again { wait, .. } if status == 500 => self.crashed(parcel, wait, now),
            Verdict::Again { wait, alone } => self.again(parcel, wait, alone, now),
            Verdict::NoAnswer(said) => {
                self.odd += 1;
                if self.odd >= MAX_ODD {
                    let message = format!("`{}` does not answer as an API does: {said}", self.destination.host());
                    let finding = Diagnostic::new(Code::DeliverNoAnswer, message)
                        .hint("look for a login page or a proxy on the way, then run the same command again");
                    self.stop(Exit::Undelivered, finding);
                }
                self.again(parcel, None, false, now);
            }
            Verdict::TooLarge => self.too_large(parcel),
            Verdict::Rejected(problem) => self.rejected(parcel, &problem, now),
            Verdict::Each(items) => self.each(&parcel, &items, now),
            Verdict::Refused(code, said) => {
                let finding = Diagnostic::new(code, format!("`{}` {said}; {}", self.destination.host(), self.who()));
                self.stop(Exit::Refused, finding.hint(hint(code, status)));
                self.settle(parcel);
            }
        }
    }

    /// The seam for acknowledgements: nothing else counts a document as accepted.
    fn accepted(&mut self, parcel: Parcel) {
        self.odd = 0;
        self.passed += 1;
        self.row.accepted();
        self.convict();
        self.is_misled |= parcel.is_named;
        merge(&mut self.delivery.accepted, parcel.batch.range.clone());
        self.settle(parcel);
    }

    fn too_large(&mut self, parcel: Parcel) {
        let bytes = parcel.batch.body.len() as u64;
        if parcel.batch.documents() > 1 {
            if let Err(finding) = self.destination.allows(2) {
                self.stop(Exit::Refused, finding);
                return self.settle(parcel);
            }
            self.largest = self.largest.min(bytes.div_ceil(2).max(1)).min(bytes - 1);
            return self.wait(parcel);
        }
        self.oversized(parcel);
    }

    fn oversized(&mut self, parcel: Parcel) {
        let bytes = parcel.batch.body.len();
        let message = format!("one document of {bytes} bytes is larger than `{}` accepts", self.destination.host());
        let finding = Diagnostic::new(Code::DeliverTooLarge, message);
        let index = parcel.batch.range.start;
        self.delivery.rejected.push(Rejected { index, status: 413, finding, pointers: Vec::new() });
        self.keep(parcel);
    }

    /// A single document is rejected for good; of several, the bad ones are looked for.
    fn rejected(&mut self, parcel: Parcel, problem: &Problem, now: Duration) {
        if parcel.batch.documents() > 1 {
            let trusted = if self.is_misled { BTreeSet::new() } else { problem.documents(parcel.batch.documents()) };
            self.row.widened();
            return self.divide(&parcel, &trusted, now);
        }
        let host = self.destination.host();
        let told = problem.told(parcel.batch.document(), &self.secrets());
        let finding =
            Diagnostic::new(Code::DeliverRejected, format!("`{host}` rejects this document: it answered {told}"));
        if !self.row.continues(problem) {
            self.convict();
        }
        self.row.refused(problem);
        let pointers = problem.pointers().into_iter().take(MAX_POINTERS).collect();
        let (index, status) = (parcel.batch.range.start, problem.status);
        self.suspects.push(Rejected { index, status, finding, pointers });
        self.keep(parcel);
    }

    /// Keeps the history of a document that was refused alone: whatever was in doubt before, now is not.
    fn keep(&mut self, parcel: Parcel) {
        self.delivery.receipts.push(Receipt { range: parcel.batch.range, attempts: parcel.attempts });
    }

    /// Rejects for good what was refused so far: it is these documents.
    pub(super) fn convict(&mut self) {
        self.delivery.rejected.append(&mut self.suspects);
    }

    /// Tries a batch again in pieces.
    fn divide(&mut self, parcel: &Parcel, named: &BTreeSet<u64>, due: Duration) {
        if self.destination.allows(2).is_err() {
            let Range { start, end } = parcel.batch.range;
            let host = self.destination.host();
            let why = "`collection: replace` does not let it be sent without the bad ones";
            let message = format!("`{host}` rejects the request with documents {start} to {}: {why}", end - 1);
            self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
            return self.settle(parcel.clone());
        }
        for piece in pieces(parcel.batch.count(), named) {
            let part = self.part(parcel, parcel.batch.slice(piece.places));
            self.wait(Parcel { is_named: piece.is_named, due, ..part });
        }
    }

    /// The server failed on this batch; if it fails on nothing else, the batch is to blame.
    fn crashed(&mut self, mut parcel: Parcel, wait: Option<Duration>, now: Duration) {
        let is_alone = self.waiting.is_empty() && self.flying.is_empty() && parcel.batch.documents() > 1;
        parcel.crashes.again(self.passed);
        if !parcel.crashes.blames(self.passed, is_alone) || (is_alone && self.destination.allows(2).is_err()) {
            return self.again(parcel, wait, false, now);
        }
        if parcel.batch.documents() == 1 {
            return self.rejected(parcel, &Problem::read(500, &Value::Null), now);
        }
        let due = now + retry::wait(self.destination.retry, 1, &mut self.random).max(wait.unwrap_or_default());
        self.divide(&parcel, &BTreeSet::new(), due);
    }

    /// Each document has a result: what was accepted counts first, the rest is rejected, or tried again in runs.
    fn each(&mut self, parcel: &Parcel, items: &[Item], now: Duration) {
        let maybe = items.iter().any(Item::maybe);
        self.maybe |= maybe;
        let again = items.iter().find(|item| matches!(item.verdict, Verdict::Again { .. }));
        if let Some(again) = again.filter(|_| self.destination.allows(2).is_err()) {
            // A part of the collection would replace all of it.
            let mut parcel = parcel.clone();
            if let Some(last) = parcel.attempts.last_mut() {
                (last.ending, last.maybe) = (Ending::Status(again.status), maybe);
            }
            return self.again(parcel, None, false, now);
        }
        let mut start = 0;
        let (mut accepted, mut others) = (Vec::new(), Vec::new());
        for run in items.chunk_by(|one, other| one.verdict == other.verdict && !one.is_final()) {
            let places = start..start + run.len();
            start = places.end;
            let mut part = self.part(parcel, parcel.batch.slice(places));
            part.failures = parcel.failures;
            if let Some(last) = part.attempts.last_mut() {
                last.ending = Ending::Status(run[0].status);
                last.maybe = run[0].maybe();
            }
            match &run[0].verdict {
                Verdict::Accepted => accepted.push(part),
                verdict => others.push((part, verdict)),
            }
        }
        for part in accepted {
            self.accepted(part);
        }
        for (part, verdict) in others {
            match verdict {
                // If it is about more than documents, the rest waits until that is known.
                _ if self.holds() => self.wait(part),
                Verdict::Rejected(problem) => self.rejected(part, problem, now),
                Verdict::TooLarge => self.oversized(part),
                Verdict::Again { wait, alone } => self.again(part, *wait, *alone, now),
                _ => self.again(part, None, false, now),
            }
        }
    }

    /// Ends the run when documents are refused alike one by one, and nothing on the way can show that others are not.
    pub(super) fn despair(&mut self) {
        if !self.holds() || !self.is_still() {
            return;
        }
        self.delivery.alike.append(&mut self.suspects);
        let host = self.destination.host();
        let message = format!("`{host}` rejects one document after the other in the same way");
        self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
    }

    /// What must not be told, whoever says it.
    fn secrets(&self) -> Vec<&str> {
        let Destination { credential, headers, .. } = &*self.destination;
        let proof = credential.as_ref().map(|credential| match &credential.scheme {
            AuthScheme::Bearer(secret)
            | AuthScheme::Basic { password: secret, .. }
            | AuthScheme::Header { value: secret, .. } => secret,
        });
        proof.into_iter().chain(headers.iter().map(|(_, value)| value)).map(Secret::expose).collect()
    }

    /// As whom, for messages about refusals.
    fn who(&self) -> String {
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
