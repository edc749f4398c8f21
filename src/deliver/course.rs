//! The course of one delivery: what is waiting, what is on the way, what is settled, and whether to go on.
//!
//! Pure: an event and the time go in, the state changes, and `ready` says what to send next. Nothing here waits or sends.
//! Every document is in exactly one place: settled, rejected, on the way, waiting, or not yet drawn.

use std::{cmp::Reverse, collections::BTreeSet, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    deliver::{
        answer::{Verdict, verdict},
        batch::{Batch, compressed, merge},
        bisect::{Crashes, Row, pieces},
        http::{Exchange, clock},
        items::Item,
        problem::Problem,
        retry::{self, Random},
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    profile::{
        destination::{Destination, Proof},
        secret::Secret,
    },
    receipt::{Attempt, Delivery, Ending, Failure, Receipt, Rejected},
};

/// How many successes that no API gives end a run.
const MAX_ODD: u32 = 3;
/// How often the bytes of a run may be sent again, and how many bytes more in any case: the link is metered.
const MAX_RESENT: (u64, u64) = (3, 1 << 20);

/// The most places in one document that are passed on.
const MAX_POINTERS: usize = 20;
/// What to do when it is not single documents that are rejected.
const COMPARE: &str = "compare the contract with what the API expects; `xwalk check` proves a mapping against it";

/// How many batches may wait for another try before no new ones are drawn: they are held in memory.
const MAX_WAITING: usize = 8;

/// A batch with its body as it goes over the wire, and its history.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// The documents.
    pub(crate) batch: Batch,
    /// The body as it goes over the wire.
    pub(crate) wire: Bytes,
    attempts: Vec<Attempt>,
    /// How often it was put off, as the same batch.
    failures: u32,
    crashes: Crashes,
    /// It is alone because the server named it.
    is_named: bool,
    /// Not before this time of the run.
    due: Duration,
    /// Its bytes were sent before, in this form or as a part of a larger batch.
    resent: bool,
}

/// The state of one delivery.
pub(crate) struct Course {
    /// What has been settled so far.
    pub(crate) delivery: Delivery,
    /// How many requests may be on the way at once.
    pub(crate) limit: usize,
    /// The largest body that the server has not called too large.
    pub(crate) largest: u64,
    destination: Arc<Destination>,
    random: Random,
    waiting: Vec<Parcel>,
    flying: Vec<Parcel>,
    /// Nothing starts before this time of the run.
    pause: Duration,
    odd: u32,
    row: Row,
    /// How many batches, or parts of one, were accepted.
    passed: u64,
    /// The server has named a good document as bad, so its names are worth nothing.
    is_misled: bool,
    trouble: (Exit, String),
}

impl Course {
    /// A delivery that has not begun.
    pub(crate) fn new(destination: Arc<Destination>, seed: u64) -> Course {
        Course {
            delivery: Delivery::default(),
            limit: destination.in_flight.max(1),
            largest: u64::MAX,
            destination,
            random: Random(seed),
            waiting: Vec::new(),
            flying: Vec::new(),
            pause: Duration::ZERO,
            odd: 0,
            row: Row::default(),
            passed: 0,
            is_misled: false,
            trouble: (Exit::Undelivered, String::new()),
        }
    }

    /// A new batch.
    pub(crate) fn take(&mut self, batch: Batch, wire: Bytes) {
        self.delivery.volume.documents += batch.documents();
        self.delivery.volume.batches += 1;
        self.delivery.volume.bytes += batch.body.len() as u64;
        self.wait(Parcel {
            batch,
            wire,
            attempts: Vec::new(),
            failures: 0,
            crashes: Crashes::default(),
            is_named: false,
            due: Duration::ZERO,
            resent: false,
        });
    }

    /// Puts a batch, or its halves if it is larger than what the server takes, in line.
    fn wait(&mut self, parcel: Parcel) {
        let is_large = parcel.batch.body.len() as u64 > self.largest;
        match parcel.batch.halves().filter(|_| is_large) {
            None => self.waiting.push(parcel),
            Some((left, right)) => {
                for half in [left, right] {
                    let part = self.part(&parcel, half);
                    self.wait(part);
                }
            }
        }
    }

    /// A part of a parcel, with the history of the whole.
    fn part(&self, parcel: &Parcel, batch: Batch) -> Parcel {
        let wire = compressed(&batch.body, self.destination.compression);
        Parcel { batch, wire, failures: 0, is_named: false, ..parcel.clone() }
    }

    /// Whether new requests may start at all.
    pub(crate) fn goes_on(&self) -> bool {
        self.delivery.stopped.is_none()
    }

    /// Whether a new batch could start now.
    pub(crate) fn has_room(&self, now: Duration) -> bool {
        self.goes_on() && self.pause <= now && self.flying.len() < self.limit && !self.holds()
    }

    /// Whether another batch should be drawn: one that could start now, while few wait for another try.
    pub(crate) fn may_draw(&self, now: Duration) -> bool {
        self.has_room(now) && self.waiting.len() < MAX_WAITING
    }

    /// Whether everything waits for what is on the way, because it may all be in vain.
    fn holds(&self) -> bool {
        self.row.is_enough(self.passed > 0)
    }

    /// Whether nothing is on the way.
    pub(crate) fn is_still(&self) -> bool {
        self.flying.is_empty()
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next parcel to send now, if one is due and there is room.
    pub(crate) fn ready(&mut self, now: Duration) -> Option<Parcel> {
        if !self.has_room(now) {
            return None;
        }
        let due = self.waiting.iter().enumerate().filter(|(_, parcel)| parcel.due <= now);
        let order = |parcel: &Parcel| {
            let large = if self.row.has_grown() { parcel.batch.documents() } else { 0 };
            (Reverse(large), parcel.batch.range.start)
        };
        let (at, _) = due.min_by_key(|(_, parcel)| order(parcel))?;
        let parcel = self.waiting.remove(at);
        let bytes = parcel.wire.len() as u64;
        let volume = &mut self.delivery.volume;
        if parcel.resent && volume.resent_bytes + bytes > MAX_RESENT.0 * volume.wire_bytes + MAX_RESENT.1 {
            let said = format!("{} bytes were sent again without success: {}", volume.resent_bytes, self.trouble.1);
            self.waiting.push(parcel);
            match self.trouble.0 {
                Exit::Refused => self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, said).hint(COMPARE)),
                exit => self.stop(exit, unreachable(&said)),
            }
            return None;
        }
        volume.requests += 1;
        if parcel.resent {
            volume.resent_bytes += bytes;
        } else {
            volume.wire_bytes += bytes;
        }
        self.flying.push(parcel.clone());
        Some(parcel)
    }

    /// When the next waiting parcel may start.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.iter().map(|parcel| parcel.due.max(self.pause)).min()
    }

    /// When nothing else happens: the time until which to wait, the deadline at the latest.
    pub(crate) fn wake(&self, now: Duration, more: bool) -> Duration {
        let drawing = (more && self.waiting.len() < MAX_WAITING).then_some(self.pause);
        let due = self.next_due().into_iter().chain(drawing.filter(|pause| *pause > now)).min();
        let due = due.filter(|_| self.flying.len() < self.limit && !self.holds());
        due.unwrap_or(Duration::MAX).min(self.destination.deadline)
    }

    /// Stops the run if its time is over, or if nothing can start before it will be.
    pub(crate) fn tick(&mut self, now: Duration, more: bool) {
        let hopeless = self.is_still()
            && self.pause.max(self.next_due().unwrap_or_default()) >= self.destination.deadline
            && (!more || self.pause >= self.destination.deadline);
        if self.goes_on() && (hopeless || now >= self.destination.deadline) {
            let trouble = if self.trouble.1.is_empty() { "documents are left" } else { self.trouble.1.as_str() };
            let seconds = self.destination.deadline.as_secs_f64();
            let said = format!("not everything was delivered within {seconds} s: {trouble}");
            self.stop(Exit::Undelivered, unreachable(&said));
        }
    }

    /// Stops the run; what is on the way may still arrive. The first reason counts.
    pub(crate) fn stop(&mut self, exit: Exit, finding: Diagnostic) {
        self.delivery.stopped.get_or_insert((exit, finding));
    }

    /// Stops the run because the API replaces its collection with each request and one does not hold everything.
    pub(crate) fn refuse_second(&mut self) {
        if let Err(finding) = self.destination.allows(2) {
            self.stop(Exit::Config, finding);
        }
    }

    /// A request ended in a bug, and nobody knows which.
    pub(crate) fn panicked(&mut self) {
        self.stop(Exit::Bug, Diagnostic::new(Code::DeliverUnreachable, "a request ended in a bug of this program"));
        self.abandon();
    }

    /// What is still on the way will not be waited for.
    pub(crate) fn abandon(&mut self) {
        for mut parcel in std::mem::take(&mut self.flying) {
            let ending = Ending::Failure(Failure::Abandoned);
            parcel.attempts.push(Attempt { ending, duration: Duration::ZERO, maybe: true });
            self.settle(parcel);
        }
    }

    /// What is left in line, with its history.
    pub(crate) fn close(&mut self) {
        for parcel in std::mem::take(&mut self.waiting) {
            if !parcel.attempts.is_empty() {
                self.settle(parcel);
            }
        }
        self.delivery.receipts.sort_by_key(|receipt| (receipt.range.start, receipt.range.end));
        self.delivery.rejected.sort_by_key(|rejected| rejected.index);
    }

    /// What came of the request for the batch that begins with this document.
    pub(crate) fn answered(&mut self, first: u64, exchange: Exchange, now: Duration, wall: Timestamp) {
        let Some(at) = self.flying.iter().position(|parcel| parcel.batch.range.start == first) else { return };
        let mut parcel = self.flying.remove(at);
        match exchange.ending {
            Ok(answer) => {
                parcel.resent = true;
                let verdict = verdict(&answer, parcel.batch.documents(), wall);
                // A gateway that gave up does not know what the server behind it did.
                let maybe = matches!(verdict, Verdict::NoAnswer(_)) || matches!(answer.status, 502 | 504);
                let ending = Ending::Status(answer.status);
                parcel.attempts.push(Attempt { ending, duration: exchange.duration, maybe });
                self.judged(parcel, verdict, answer.status, now);
            }
            Err(failure) => {
                let maybe = failure.maybe();
                let (bytes, volume) = (parcel.wire.len() as u64, &mut self.delivery.volume);
                // What never left is no load on a metered link: a flight may wait for a network until its deadline.
                match (maybe, parcel.resent) {
                    (true, _) => parcel.resent = true,
                    (false, true) => volume.resent_bytes -= bytes,
                    (false, false) => volume.wire_bytes -= bytes,
                }
                let ending = Ending::Failure(failure.clone());
                parcel.attempts.push(Attempt { ending, duration: exchange.duration, maybe });
                self.failed(parcel, &failure, now, wall);
            }
        }
        self.despair();
    }

    /// The seam for what a verdict does to a batch: settle it, split it, send it again, or end the run.
    fn judged(&mut self, parcel: Parcel, verdict: Verdict, status: u16, now: Duration) {
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
        self.is_misled |= parcel.is_named;
        merge(&mut self.delivery.accepted, parcel.batch.range.clone());
        self.settle(parcel);
    }

    fn failed(&mut self, parcel: Parcel, failure: &Failure, now: Duration, wall: Timestamp) {
        self.trouble = (Exit::Undelivered, failure.to_string());
        match failure {
            Failure::Identity(said) => {
                let message = format!("{said}; the clock of this machine says {}", clock(wall));
                let hint = "look at the certificate, at `ca_file` and at the clock; no switch skips this check";
                self.stop(Exit::Refused, Diagnostic::new(Code::DeliverIdentity, message).hint(hint));
                self.settle(parcel);
            }
            // A server may close an idle connection just as the next request is written to it.
            Failure::Broken if parcel.failures == 0 && self.passed > 0 => {
                self.wait(Parcel { due: now, failures: 1, ..parcel });
            }
            Failure::Unreachable(_) => {
                let alone = self.limit == 1;
                self.again(parcel, None, alone, now);
                self.pause = self.pause.max(self.next_due().unwrap_or_default());
            }
            _ => self.again(parcel, None, false, now),
        }
    }

    fn again(&mut self, parcel: Parcel, asked: Option<Duration>, alone: bool, now: Duration) {
        let failures = parcel.failures.saturating_add(1);
        let wait = retry::wait(self.destination.retry, failures, &mut self.random);
        let due = now + wait.max(asked.unwrap_or_default());
        if let Some(asked) = asked.filter(|asked| now + *asked >= self.destination.deadline) {
            let host = self.destination.host();
            let said = format!("`{host}` asks not to come back before {} s, after the deadline", asked.as_secs());
            self.stop(Exit::Undelivered, unreachable(&said));
        }
        if alone {
            self.limit = 1;
            self.pause = self.pause.max(due);
        }
        self.wait(Parcel { due, failures, ..parcel });
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
        self.reject(parcel, finding, Vec::new());
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
        self.row.refused(problem);
        self.reject(parcel, finding, problem.pointers().into_iter().take(MAX_POINTERS).collect());
    }

    fn reject(&mut self, parcel: Parcel, finding: Diagnostic, pointers: Vec<String>) {
        self.delivery.rejected.push(Rejected { index: parcel.batch.range.start, finding, pointers });
        self.settle(parcel);
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
            let crashes = parcel.crashes.inherited(piece.places.len());
            let part = self.part(parcel, parcel.batch.slice(piece.places));
            self.wait(Parcel { is_named: piece.is_named, crashes, due, ..part });
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
        let mut start = 0;
        let (mut accepted, mut others) = (Vec::new(), Vec::new());
        for run in items.chunk_by(|one, other| one.verdict == other.verdict && !one.is_final()) {
            let places = start..start + run.len();
            start = places.end;
            let mut part = self.part(parcel, parcel.batch.slice(places));
            part.failures = parcel.failures;
            if let Some(last) = part.attempts.last_mut() {
                last.ending = Ending::Status(run[0].status);
            }
            match &run[0].verdict {
                Verdict::Accepted => accepted.push(part),
                verdict => others.push((part, verdict)),
            }
        }
        accepted.into_iter().for_each(|part| self.accepted(part));
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
    fn despair(&mut self) {
        if !self.holds() || !self.is_still() {
            return;
        }
        let host = self.destination.host();
        let message = format!("`{host}` rejects one document after the other in the same way");
        self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(COMPARE));
    }

    fn settle(&mut self, parcel: Parcel) {
        let receipt = Receipt { range: parcel.batch.range, attempts: parcel.attempts };
        let is_rejected = self.delivery.rejected.last().is_some_and(|last| receipt.range.contains(&last.index));
        if receipt.in_doubt() && !is_rejected {
            merge(&mut self.delivery.in_doubt, receipt.range.clone());
        }
        self.delivery.receipts.push(receipt);
    }

    /// What must not be told, whoever says it.
    fn secrets(&self) -> Vec<&str> {
        let Destination { credential, headers, .. } = &*self.destination;
        let proof = credential.as_ref().map(|credential| match &credential.proof {
            Proof::Bearer(secret) | Proof::Basic { password: secret, .. } | Proof::Header { value: secret, .. } => {
                secret
            }
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

fn unreachable(said: &str) -> Diagnostic {
    Diagnostic::new(Code::DeliverUnreachable, said).hint("run the same command again")
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
