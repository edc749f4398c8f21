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
        batch::Batch,
        bisect::{BatchPart, Weather, divide_batch, split_batch},
        problem_details::ProblemDetails,
        retry,
        state::{COMPARE, DeliveryState, PendingBatch, Suspect},
        verdict::{ItemResult, Verdict},
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::{self, merge},
    recording::receipt::{Echo, Ending, Receipt, Rejected},
};

/// How many successes that no API gives end a run.
const MAX_NON_ANSWERS: u32 = 3;
/// How many documents must have been accepted for each one that is rejected because the server fails on it, while it accepts
/// no others: an outage hits more.
const ACCEPTED_FOR_ONE: u64 = 100;
/// The most locations in one document that are passed on.
const MAX_POINTERS: usize = 20;

/// What a server asks for before it is asked again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pause {
    /// How long.
    wait: Option<Duration>,
    /// One request at a time from then on.
    alone: bool,
}

impl DeliveryState {
    /// Applies the verdict on a batch.
    pub(super) fn apply_verdict(&mut self, pending: PendingBatch, verdict: Verdict, status: u16, now: Duration) {
        if let Some(failure) = describe_failure(status, &verdict) {
            self.last_failure = failure;
        }
        match verdict {
            Verdict::Accepted => {
                self.largest_accepted = self.largest_accepted.max(pending.batch.body.len() as u64);
                self.accept(pending);
            }
            Verdict::Again { status: 429, wait, alone: true } => {
                self.handle_weather(pending, Weather::Busy, Some(Pause { wait, alone: true }), now);
            }
            Verdict::Again { wait, alone, .. } => {
                self.handle_weather(pending, Weather::Failed, Some(Pause { wait, alone }), now);
            }
            Verdict::NoAnswer(said) => {
                self.non_answers += 1;
                if self.non_answers >= MAX_NON_ANSWERS {
                    let message = format!("`{}` does not answer as an API does: {said}", self.destination.host());
                    let finding = Diagnostic::new(Code::DeliverNoAnswer, message)
                        .hint("look for a login page or a proxy on the way, then run the same command again");
                    self.stop(Exit::Undelivered, finding);
                }
                self.handle_weather(pending, Weather::NoAnswer, None, now);
            }
            Verdict::Denied(details) => self.deny(pending, &details, now),
            Verdict::TooLarge => self.handle_too_large(pending),
            Verdict::Rejected(details) => self.reject(pending, &details, now),
            Verdict::Each(items) => self.apply_results(&pending, &items, now),
            Verdict::Refused(code, said) => {
                self.refuse(code, &said, status);
                self.add_receipt(pending);
            }
        }
    }

    /// Stops the run because no batch will be accepted.
    fn refuse(&mut self, code: Code, said: &str, status: u16) {
        let message = format!("`{}` {said}; {}", self.destination.host(), self.describe_sender());
        self.stop(Exit::Refused, Diagnostic::new(code, message).hint(hint(code, status)));
    }

    /// Counts the documents of a batch as accepted. Nothing else does.
    fn accept(&mut self, pending: PendingBatch) {
        self.non_answers = 0;
        self.accepted_batches += 1;
        self.streak.reset();
        self.denials.accept(pending.request);
        self.divisions.accept(pending.division, pending.batch.documents());
        let largest = self.largest_accepted;
        let is_proven = |suspect: &mut Suspect| {
            suspect.denied_at.is_none_or(|denied| pending.request > denied) && suspect.is_certain(largest)
        };
        let proven = self.suspects.extract_if(.., is_proven).map(|suspect| suspect.rejected);
        self.delivery.rejected.extend(proven);
        self.is_misled |= pending.is_named;
        merge(&mut self.delivery.accepted, pending.batch.range.clone());
        self.add_receipt(pending);
    }

    /// Splits a batch that is too large; a single document is set aside.
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
        self.suspect_oversized(pending);
    }

    /// Sets a single document aside that is too large, as the API says. One that is larger than all that was accepted counts
    /// as any other that is rejected; else the API may say so of everything.
    fn suspect_oversized(&mut self, mut pending: PendingBatch) {
        let bytes = pending.batch.body.len() as u64;
        let details = ProblemDetails::read(413, &Value::Null);
        let host = self.destination.host();
        let message = format!("`{host}` says that a document of {bytes} bytes is too large: it answered 413");
        if (1..bytes).contains(&self.largest_accepted) {
            self.continue_streak(&details);
        } else {
            self.denials.add(pending.request, details.status, 1);
            pending.denied_at.get_or_insert(pending.request);
        }
        self.suspect(pending, &details, Diagnostic::new(Code::DeliverTooLarge, message), None);
    }

    /// Makes a single document a suspect; splits a batch of several to find the bad ones.
    fn reject(&mut self, pending: PendingBatch, details: &ProblemDetails, now: Duration) {
        if pending.batch.documents() > 1 {
            let trusted = if self.is_misled {
                BTreeSet::new()
            } else {
                details.named_documents(pending.batch.documents(), pending.batch.first_document())
            };
            self.streak.suspend();
            return self.split(&pending, &trusted, now);
        }
        let host = self.destination.host();
        let status = details.describe_status();
        let echo = details.show_type(&self.known_documents(&pending.batch), &self.secrets());
        let kind = echo.as_ref().map_or("", |echo| echo.shown.as_str());
        let message = format!("`{host}` rejects this document: it answered {status}{kind}");
        let finding = Diagnostic::new(Code::DeliverRejected, message);
        self.continue_streak(details);
        self.suspect(pending, details, finding, echo);
    }

    /// Adds one more document to the streak. Another problem than that of the ones before shows that these are at fault.
    fn continue_streak(&mut self, details: &ProblemDetails) {
        if !self.streak.continues(details) {
            let largest = self.largest_accepted;
            let is_proven = |suspect: &mut Suspect| suspect.denied_at.is_none() && suspect.is_certain(largest);
            let proven = self.suspects.extract_if(.., is_proven);
            self.delivery.rejected.extend(proven.map(|suspect| suspect.rejected));
        }
        self.streak.add(details);
    }

    /// Sets a document aside that was rejected alone, until it is certain that it is at fault.
    fn suspect(&mut self, pending: PendingBatch, details: &ProblemDetails, finding: Diagnostic, echo: Option<Echo>) {
        let pointers = details.pointers(pending.batch.first_document()).into_iter().take(MAX_POINTERS).collect();
        let (index, status) = (pending.batch.range.start, details.status);
        let rejected = Rejected { index, status, finding, pointers, echo };
        let oversize = (status == 413).then_some(pending.batch.body.len() as u64);
        self.suspects.push(Suspect { rejected, denied_at: pending.denied_at, oversize });
        self.divisions.reject(pending.division);
        self.add_final_receipt(pending);
    }

    /// Divides a batch that the API denies if others pass; else it waits while single documents are tried.
    fn deny(&mut self, mut pending: PendingBatch, details: &ProblemDetails, now: Duration) {
        let documents = pending.batch.documents();
        self.denials.add(pending.request, details.status, documents);
        pending.denied_at.get_or_insert(pending.request);
        if self.destination.allows(2).is_err() {
            self.refuse_all(details.status);
            return self.add_receipt(pending);
        }
        if documents == 1 {
            let host = self.destination.host();
            let message = format!("`{host}` rejects this document: it answered {}", details.status);
            return self.suspect(pending, details, Diagnostic::new(Code::DeliverRejected, message), None);
        }
        if self.accepted_batches == 0 {
            return self.enqueue(PendingBatch { due: now, ..pending });
        }
        self.divide(&pending, divide_batch(pending.batch.count()), true, now);
    }

    /// Stops the run because everything is denied, with this status.
    fn refuse_all(&mut self, status: u16) {
        self.refuse(Code::DeliverRefused, &format!("answered {status}"), status);
    }

    /// Adds the receipt of a document that was rejected alone: even if it was in doubt before, now it is not.
    fn add_final_receipt(&mut self, pending: PendingBatch) {
        self.delivery.receipts.push(Receipt { range: pending.batch.range, attempts: pending.attempts });
    }

    /// Decides about the suspects when nothing else is left to try: they are rejected for good, unless the setup is at fault.
    pub(super) fn judge_suspects(&mut self) {
        // Parts of the same batch that were accepted show that it is not everything, unless many were denied since.
        let is_open = |suspect: &&Suspect| {
            let is_passed = |denied| suspect.oversize.is_some() || self.denials.are_passed(denied);
            suspect.denied_at.is_some_and(|denied| !is_passed(denied) || !self.denials.are_few())
        };
        if let Some(status) = self.suspects.iter().find(is_open).map(|suspect| suspect.rejected.status) {
            return self.refuse_all(status);
        }
        if !self.has_accepted() && self.streak.is_enough_at_the_end() {
            return self.stop_on_same_problem();
        }
        // If one that is called too large is not, the others may not be either.
        let is_doubtful = !self.suspects.iter().all(|suspect| suspect.is_certain(self.largest_accepted));
        let is_open = |suspect: &mut Suspect| is_doubtful && suspect.oversize.is_some();
        let open: Vec<Suspect> = self.suspects.extract_if(.., is_open).collect();
        let proven = std::mem::replace(&mut self.suspects, open).into_iter().map(|suspect| suspect.rejected);
        self.delivery.rejected.extend(proven);
        if is_doubtful {
            self.refuse_all(413);
        }
    }

    /// Leaves the suspects pending: the setup may be at fault.
    pub(super) fn set_suspects_aside(&mut self) {
        let open = std::mem::take(&mut self.suspects).into_iter().map(|suspect| suspect.rejected);
        self.delivery.same_problem.extend(open);
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
        let parts = split_batch(pending.batch.count(), named, pending.namings);
        let namings = pending.namings + u32::from(!named.is_empty());
        self.divide(&PendingBatch { namings, ..pending.clone() }, parts, true, due);
    }

    /// Queues the parts of a batch. `is_rejected`: the API rejects something of it, so that a limit may be learnt.
    fn divide(&mut self, pending: &PendingBatch, parts: Vec<BatchPart>, is_rejected: bool, due: Duration) {
        let division = if is_rejected {
            Some(self.divisions.divide(pending.division, pending.batch.documents()))
        } else {
            pending.division
        };
        for BatchPart { places, is_named } in parts {
            let part = self.new_part(pending, pending.batch.slice(places));
            self.enqueue(PendingBatch { is_named, due, division, ..part });
        }
    }

    /// Queues a batch again of which nothing is known but that the server failed; in parts if it fails on nothing else.
    ///
    /// It never rejects a document: a single one is tried until the run ends, and is pending then.
    pub(super) fn handle_weather(
        &mut self,
        mut pending: PendingBatch,
        weather: Weather,
        asked: Option<Pause>,
        now: Duration,
    ) {
        let Pause { wait, alone } = asked.unwrap_or_default();
        let is_single = pending.batch.documents() == 1;
        pending.crashes.count_one();
        let accepted = self.accepted_batches;
        pending.lone_failures.add(pending.attempts.last(), is_single, accepted..accepted);
        let is_blamed =
            pending.crashes.blames(weather, self.accepted_batches, self.is_last() && !is_single && !self.answers_early);
        if is_single || !is_blamed || self.destination.allows(2).is_err() {
            // What only this one causes holds up no others.
            return self.retry_later(pending, wait, alone && !is_blamed, now);
        }
        let due = now + retry::delay(self.destination.retry, 1, &mut self.random).max(wait.unwrap_or_default());
        self.divide(&pending, divide_batch(pending.batch.count()), false, due);
    }

    /// Notes the documents that the server failed on alone while it accepted others: a later run that gets the same answer
    /// rejects them.
    pub(super) fn note_lone_failures(&mut self) {
        let host = self.destination.host();
        for pending in &self.waiting {
            let Some(status) = pending.lone_failures.proven_status() else { continue };
            let said = format!("`{host}` fails on this document: it answered {status}; it stays pending");
            for index in pending.batch.range.clone() {
                let finding = Diagnostic::new(Code::DeliverRejected, said.clone());
                self.delivery.same_problem.push(reject_without_place(index, status, finding));
                if self.failed_before.get(&index) != Some(&status) {
                    self.delivery.failed.push((index, status));
                }
            }
        }
    }

    /// Rejects the documents that the server fails on in this run as in an earlier one, if it is not unwell: it accepts
    /// others, or there are none but such documents, and these are few.
    pub(super) fn reject_failed_twice(&mut self) {
        let is_twice = |pending: &PendingBatch| {
            let status = pending.lone_failures.status();
            status.is_some()
                && pending.batch.range.clone().all(|index| self.failed_before.get(&index) == status.as_ref())
        };
        let accepted = self.earlier + index_ranges::count(&self.delivery.accepted);
        let waiting: u64 = self.waiting.iter().map(|pending| pending.batch.documents()).sum();
        let are_few = waiting <= (accepted / ACCEPTED_FOR_ONE).max(1);
        let all = are_few && self.is_idle() && !self.has_more && self.waiting.iter().all(is_twice);
        let is_proven = |pending: &PendingBatch| all || pending.lone_failures.proven_status().is_some();
        let (twice, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|pending| is_twice(pending) && is_proven(pending));
        self.waiting = others;
        let host = self.destination.host();
        for pending in twice {
            let status = pending.lone_failures.status().unwrap_or_default();
            let said = format!("`{host}` fails on this document, in two runs: it answered {status}");
            for index in pending.batch.range.clone() {
                let finding = Diagnostic::new(Code::DeliverRejected, said.clone());
                self.delivery.rejected.push(reject_without_place(index, status, finding));
            }
            self.add_final_receipt(pending);
        }
        if self.is_settled() {
            self.delivery.stopped = None;
        }
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
        let before = self.accepted_batches;
        let parts = self.part_by_result(pending, items);
        let (accepted, others): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, verdict)| **verdict == Verdict::Accepted);
        for (part, _) in accepted {
            self.largest_accepted = self.largest_accepted.max(part.batch.largest_alone());
            self.accept(part);
        }
        for (part, verdict) in others {
            self.apply_result(part, verdict, before, now);
        }
    }

    /// The parts of a batch that have one result each; such as are final are single documents.
    fn part_by_result<'a>(&self, pending: &PendingBatch, items: &'a [ItemResult]) -> Vec<(PendingBatch, &'a Verdict)> {
        let (mut start, mut parts) = (0, Vec::new());
        for run in items.chunk_by(|one, other| one.verdict == other.verdict && !one.is_final()) {
            let places = start..start + run.len();
            start = places.end;
            let mut part = self.new_part(pending, pending.batch.slice(places));
            part.failures = pending.failures;
            if let Some(last) = part.attempts.last_mut() {
                last.ending = Ending::Status(run[0].status);
                last.in_doubt = run[0].is_in_doubt();
            }
            parts.push((part, &run[0].verdict));
        }
        parts
    }

    /// Applies the result for documents that were not accepted. `before`: how many batches were accepted before the answer.
    fn apply_result(&mut self, mut part: PendingBatch, verdict: &Verdict, before: u64, now: Duration) {
        match verdict {
            Verdict::Refused(code, said) => {
                let status = part.attempts.last().map_or(0, |last| last.ending.status().unwrap_or_default());
                self.refuse(*code, said, status);
                self.add_receipt(part);
            }
            // If the setup may be at fault, the rest waits until that is known.
            _ if self.is_on_hold() => self.enqueue(part),
            Verdict::Rejected(details) => self.reject(part, details, now),
            // What the same answer accepts shows that it is the document.
            Verdict::Denied(details) if self.accepted_batches > before => self.reject(part, details, now),
            Verdict::Denied(details) => self.deny(part, details, now),
            Verdict::TooLarge => self.suspect_oversized(part),
            Verdict::Again { wait, alone, .. } => {
                part.lone_failures.add(part.attempts.last(), true, before..self.accepted_batches);
                self.retry_later(part, *wait, *alone, now);
            }
            _ => self.retry_later(part, None, false, now),
        }
    }

    /// Ends the run when documents are rejected one by one for the same problem, or everything is denied, and no answer in
    /// flight can show that others are accepted.
    pub(super) fn abort_on_same_problem(&mut self) {
        if !self.is_on_hold() || !self.is_idle() {
            return;
        }
        if self.denials.are_enough() {
            self.refuse_all(self.denials.status());
        } else {
            self.stop_on_same_problem();
        }
        self.set_suspects_aside();
    }

    fn stop_on_same_problem(&mut self) {
        let host = self.destination.host();
        let message = format!("`{host}` rejects one document after the other in the same way");
        self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
    }

    /// The documents that are at hand: no message may repeat what an API wrote of them.
    pub(super) fn known_documents<'a>(&'a self, batch: &'a Batch) -> Vec<&'a [u8]> {
        let pending = self.waiting.iter().chain(&self.in_flight).map(|pending| &pending.batch);
        let answered = self.answered.iter();
        std::iter::once(batch).chain(pending).chain(answered).flat_map(Batch::each_document).collect()
    }

    /// The secrets of the destination, which no message may repeat.
    pub(super) fn secrets(&self) -> Vec<&str> {
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

/// A document that is rejected, or would be, with no place in it.
fn reject_without_place(index: u64, status: u16, finding: Diagnostic) -> Rejected {
    Rejected { index, status, finding, pointers: Vec::new(), echo: None }
}

/// What failed, for the message at the end of a run; `None` if all was accepted.
fn describe_failure(status: u16, verdict: &Verdict) -> Option<String> {
    let last = format!("the last answer was {status}");
    match verdict {
        Verdict::Accepted => None,
        Verdict::Again { status: told, .. } if *told != status => Some(format!("{last}, and its body tells of {told}")),
        Verdict::Each(items) => {
            let failed = items.iter().find(|item| item.verdict != Verdict::Accepted)?;
            Some(format!("{last}, with {} for a document", failed.status))
        }
        _ => Some(last),
    }
}

fn hint(code: Code, status: u16) -> &'static str {
    match (code, status) {
        (Code::DeliverRedirect, _) => "set `url` to where the API really is",
        (_, 401 | 403 | 407) => "look at `auth` of the profile and at the secret it names",
        (_, 404 | 405 | 410) => "look at `url` of the profile and at `request` of the mapping",
        (_, 413) => {
            "look at the largest body that the API and what stands before it accept, and at the quota of the account"
        }
        (_, 415) => "look at `compression` of the profile: the API may not take it",
        _ => "",
    }
}
