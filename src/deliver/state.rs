//! The state of one delivery: what is waiting, what is in flight, what has an outcome, and whether to go on.
//!
//! Pure: an event and the time go in, the state changes, and `ready` says what to send next. Nothing here waits or sends.
//! Every document is in exactly one place: settled, rejected, on the way, waiting, or not yet drawn. What an answer does
//! is in `judge`.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    config::profile::destination::Destination,
    deliver::{
        batch::{Batch, compressed},
        bisect::{Crashes, Streak},
        http::{Exchange, clock},
        response::verdict,
        retry::{self, Random},
        verdict::Verdict,
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::merge,
    recording::receipt::{Attempt, Delivery, Ending, Failure, Receipt, Rejected},
};

/// How often the bytes of a run may be sent again, and how many bytes more in any case: the link is metered.
const MAX_RESENT: (u64, u64) = (3, 1 << 20);

/// What to do when it is not single documents that are rejected.
pub(crate) const COMPARE: &str =
    "compare the contract with what the API expects; `xwalk check` proves a mapping against it";

/// How many batches may wait for another try before no new ones are drawn: they are held in memory.
const MAX_WAITING: usize = 8;

/// A batch with its body as it goes over the wire, and its history.
#[derive(Clone, Debug)]
pub(crate) struct PendingBatch {
    /// The documents.
    pub(crate) batch: Batch,
    /// The body as it goes over the wire.
    pub(crate) wire: Bytes,
    /// Every exchange that its documents took part in.
    pub(crate) attempts: Vec<Attempt>,
    /// How often it was put off, as the same batch.
    pub(crate) failures: u32,
    /// How often the server failed on it.
    pub(crate) crashes: Crashes,
    /// It is alone because the server named it.
    pub(crate) is_named: bool,
    /// It is alone because its neighbours were rejected for the same problem.
    pub(crate) is_probe: bool,
    /// Not before this time of the run.
    pub(crate) due: Duration,
    /// Its bytes were sent before, in this form or as a part of a larger batch.
    pub(crate) resent: bool,
}

impl PendingBatch {
    /// How often the API settled on a failure for a key of this body, so that another key is needed: after two.
    pub(crate) fn turn(&self) -> u64 {
        // 408 to 429 stand for documents of a list: an API that repeats its answer to a key repeats the whole list.
        let is_failure = |ending: &Ending| matches!(ending, Ending::Status(408 | 424 | 425 | 429 | 500..=599));
        let is_final = |attempt: &&Attempt| is_failure(&attempt.ending) && !attempt.in_doubt;
        self.attempts.iter().filter(is_final).count() as u64 / 2
    }
}

/// The state of one delivery.
pub(crate) struct DeliveryState {
    /// What has been settled so far.
    pub(crate) delivery: Delivery,
    /// How many requests may be on the way at once.
    pub(crate) limit: usize,
    /// The largest body that the server has not called too large.
    pub(crate) largest: u64,
    /// The outcome of some request is unknown.
    pub(crate) is_in_doubt: bool,
    pub(crate) destination: Arc<Destination>,
    pub(crate) random: Random,
    pub(crate) waiting: Vec<PendingBatch>,
    pub(crate) flying: Vec<PendingBatch>,
    /// Nothing starts before this time of the run.
    pause: Duration,
    /// Successes that no API gives, one after the other.
    pub(crate) odd: u32,
    /// Documents that were rejected alone, one after the other.
    pub(crate) streak: Streak,
    /// The same documents: they are rejected as soon as it is certain that it is them.
    pub(crate) suspects: Vec<Rejected>,
    /// How many batches, or parts of one, were accepted.
    pub(crate) passed: u64,
    /// Some were in an earlier run.
    earlier: bool,
    /// The server has named a good document as bad, so its names are worth nothing.
    pub(crate) is_misled: bool,
    /// What went wrong last, and how a run ends that cannot get past it.
    pub(crate) trouble: (Exit, String),
}

impl DeliveryState {
    /// A delivery that has not begun. `earlier`: documents of it were accepted in an earlier run.
    pub(crate) fn new(destination: Arc<Destination>, seed: u64, earlier: bool) -> DeliveryState {
        DeliveryState {
            delivery: Delivery::default(),
            limit: destination.in_flight.max(1),
            largest: u64::MAX,
            is_in_doubt: false,
            destination,
            random: Random(seed),
            waiting: Vec::new(),
            flying: Vec::new(),
            pause: Duration::ZERO,
            odd: 0,
            streak: Streak::default(),
            suspects: Vec::new(),
            passed: 0,
            earlier,
            is_misled: false,
            trouble: (Exit::Undelivered, String::new()),
        }
    }

    /// A new batch.
    pub(crate) fn take(&mut self, batch: Batch, wire: Bytes) {
        self.delivery.volume.documents += batch.documents();
        self.delivery.volume.batches += 1;
        self.delivery.volume.bytes += batch.body.len() as u64;
        self.wait(PendingBatch {
            batch,
            wire,
            attempts: Vec::new(),
            failures: 0,
            crashes: Crashes::default(),
            is_named: false,
            is_probe: false,
            due: Duration::ZERO,
            resent: false,
        });
    }

    /// Puts a batch, or its halves if it is larger than what the server takes, in line.
    pub(crate) fn wait(&mut self, pending: PendingBatch) {
        let is_large = pending.batch.body.len() as u64 > self.largest;
        match pending.batch.halves().filter(|_| is_large) {
            None => self.waiting.push(pending),
            Some((left, right)) => {
                for half in [left, right] {
                    let part = self.part(&pending, half);
                    self.wait(part);
                }
            }
        }
    }

    /// A part of a pending batch, with the history of the whole.
    pub(crate) fn part(&self, pending: &PendingBatch, batch: Batch) -> PendingBatch {
        let wire = compressed(&batch.body, self.destination.compression);
        let crashes = pending.crashes.inherited(batch.count());
        PendingBatch { batch, wire, crashes, failures: 0, is_named: false, is_probe: false, ..pending.clone() }
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
    pub(crate) fn holds(&self) -> bool {
        self.streak.is_enough(self.accepts())
    }

    /// Whether the server has accepted anything, so that it is not everything that it rejects.
    fn accepts(&self) -> bool {
        self.earlier || self.passed > 0
    }

    /// Whether nothing is on the way.
    pub(crate) fn is_still(&self) -> bool {
        self.flying.is_empty()
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next pending batch to send now, if one is due and there is room.
    pub(crate) fn ready(&mut self, now: Duration) -> Option<PendingBatch> {
        if !self.has_room(now) {
            return None;
        }
        if self.streak.wants_probe(self.accepts()) {
            self.choose_probe();
        }
        let due = self.waiting.iter().enumerate().filter(|(_, pending)| pending.due <= now);
        let order = |pending: &PendingBatch| {
            let large = if self.streak.has_grown() { pending.batch.documents() } else { 0 };
            (Reverse(pending.is_probe), Reverse(large), pending.batch.range.start)
        };
        let (at, _) = due.min_by_key(|(_, pending)| order(pending))?;
        let pending = self.waiting.remove(at);
        let bytes = pending.wire.len() as u64;
        let volume = &mut self.delivery.volume;
        if pending.resent && volume.resent_bytes + bytes > MAX_RESENT.0 * volume.wire_bytes + MAX_RESENT.1 {
            let said = format!("{} bytes were sent again without success: {}", volume.resent_bytes, self.trouble.1);
            self.waiting.push(pending);
            match self.trouble.0 {
                Exit::Refused => self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, said).hint(COMPARE)),
                exit => self.stop(exit, unreachable(&said)),
            }
            return None;
        }
        volume.requests += 1;
        if pending.resent {
            volume.resent_bytes += bytes;
        } else {
            volume.wire_bytes += bytes;
        }
        self.flying.push(pending.clone());
        Some(pending)
    }

    /// Chooses what is sent next and alone: the last document of the largest piece that waits, or of all single ones.
    fn choose_probe(&mut self) {
        let size = |pending: &PendingBatch| (pending.batch.documents(), pending.batch.range.start);
        let Some((at, _)) = self.waiting.iter().enumerate().max_by_key(|(_, pending)| size(pending)) else { return };
        self.streak.widened();
        let last = self.waiting[at].batch.count() - 1;
        if last == 0 {
            self.waiting[at].is_probe = true;
            return;
        }
        let pending = self.waiting.remove(at);
        let (rest, probe) = (pending.batch.slice(0..last), pending.batch.slice(last..last + 1));
        let (rest, probe) = (self.part(&pending, rest), self.part(&pending, probe));
        self.waiting.push(rest);
        self.waiting.push(PendingBatch { is_probe: true, ..probe });
    }

    /// When the next pending batch may start.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.iter().map(|pending| pending.due.max(self.pause)).min()
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
        if self.goes_on() {
            self.reject_suspects();
        } else {
            // Whether it is these documents or all of them would have been found out later: a rejection is for good.
            self.delivery.same_problem.append(&mut self.suspects);
        }
        for mut pending in std::mem::take(&mut self.flying) {
            self.is_in_doubt = true;
            let ending = Ending::Failure(Failure::Abandoned);
            pending.attempts.push(Attempt { ending, duration: Duration::ZERO, in_doubt: true });
            self.settle(pending);
        }
    }

    /// What is left in line, with its history.
    pub(crate) fn close(&mut self) {
        for pending in std::mem::take(&mut self.waiting) {
            if !pending.attempts.is_empty() {
                self.settle(pending);
            }
        }
        self.delivery.receipts.sort_by_key(|receipt| (receipt.range.start, receipt.range.end));
        self.delivery.rejected.sort_by_key(|rejected| rejected.index);
        self.delivery.same_problem.sort_by_key(|rejected| rejected.index);
    }

    /// What came of the request for the batch that begins with this document.
    pub(crate) fn answered(&mut self, first: u64, exchange: Exchange, now: Duration, wall: Timestamp) {
        let Some(at) = self.flying.iter().position(|pending| pending.batch.range.start == first) else { return };
        let mut pending = self.flying.remove(at);
        match exchange.ending {
            Ok(answer) => {
                pending.resent = true;
                let verdict = verdict(&answer, pending.batch.documents(), wall);
                // A gateway that gave up does not know what the server behind it did.
                let in_doubt = matches!(verdict, Verdict::NoAnswer(_)) || matches!(answer.status, 502 | 504);
                self.is_in_doubt |= in_doubt;
                let ending = Ending::Status(answer.status);
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.judged(pending, verdict, answer.status, now);
            }
            Err(failure) => {
                let in_doubt = failure.leaves_doubt();
                self.is_in_doubt |= in_doubt;
                let (bytes, volume) = (pending.wire.len() as u64, &mut self.delivery.volume);
                // What never left is no load on a metered link: a flight may wait for a network until its deadline.
                match (failure.was_sent(), pending.resent) {
                    (true, _) => pending.resent = true,
                    (false, true) => volume.resent_bytes -= bytes,
                    (false, false) => volume.wire_bytes -= bytes,
                }
                let ending = Ending::Failure(failure.clone());
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.failed(pending, &failure, now, wall);
            }
        }
        self.abort_on_same_problem();
    }

    fn failed(&mut self, pending: PendingBatch, failure: &Failure, now: Duration, wall: Timestamp) {
        self.trouble = (Exit::Undelivered, failure.to_string());
        match failure {
            Failure::Identity(said) => {
                let message = format!("{said}; the clock of this machine says {}", clock(wall));
                let hint = "look at the certificate, at `ca_file` and at the clock; no switch skips this check";
                self.stop(Exit::Refused, Diagnostic::new(Code::DeliverIdentity, message).hint(hint));
                self.settle(pending);
            }
            // A server may close an idle connection just as the next request is written to it.
            Failure::Broken if pending.failures == 0 && self.passed > 0 => {
                self.wait(PendingBatch { due: now, failures: 1, ..pending });
            }
            Failure::Unreachable(_) => {
                let alone = self.limit == 1;
                self.again(pending, None, alone, now);
                self.pause = self.pause.max(self.next_due().unwrap_or_default());
            }
            _ => self.again(pending, None, false, now),
        }
    }

    pub(crate) fn again(&mut self, pending: PendingBatch, asked: Option<Duration>, alone: bool, now: Duration) {
        let failures = pending.failures.saturating_add(1);
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
        self.wait(PendingBatch { failures, due, ..pending });
    }

    pub(crate) fn settle(&mut self, pending: PendingBatch) {
        let receipt = Receipt { range: pending.batch.range, attempts: pending.attempts };
        if receipt.in_doubt() {
            merge(&mut self.delivery.in_doubt, receipt.range.clone());
        }
        self.delivery.receipts.push(receipt);
    }
}

fn unreachable(said: &str) -> Diagnostic {
    Diagnostic::new(Code::DeliverUnreachable, said).hint("run the same command again")
}
