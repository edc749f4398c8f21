//! The state of one delivery: which batches wait, which are in flight, which documents have an outcome, whether to go on.
//!
//! Pure: an event and the time go in, the state changes, and `next_batch` says what to send. Nothing here waits or sends.
//! Every document is in exactly one place: accepted, rejected, suspect, in flight, waiting, or not yet taken. What an answer
//! changes is in `transitions`.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    config::profile::destination::Destination,
    deliver::{
        batch::{Batch, compress},
        bisect::{Crashes, Streak},
        http::{Exchange, format_clock},
        response::read_verdict,
        retry::{self, Random},
        verdict::Verdict,
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::merge,
    recording::receipt::{Attempt, Delivery, Ending, Failure, Receipt, Rejected, StopReason},
};

/// How many times the bytes of a run may be sent again: the link is metered.
const MAX_RESENT_TIMES: u64 = 3;
/// How many bytes may be sent again in any case.
const MIN_RESENT_BYTES: u64 = 1 << 20;

/// What to do when the setup is at fault rather than single documents.
pub(crate) const COMPARE: &str =
    "compare the contract with what the API expects; `xwalk check` proves a mapping against it";

/// How many batches may wait for another try before no new ones are taken: they are held in memory.
const MAX_WAITING: usize = 8;

/// A batch that is not settled yet: with its body as it goes over the wire, and its history.
#[derive(Clone, Debug)]
pub(crate) struct PendingBatch {
    /// The documents.
    pub(crate) batch: Batch,
    /// The body as it goes over the wire.
    pub(crate) wire: Bytes,
    /// Every exchange that included its documents.
    pub(crate) attempts: Vec<Attempt>,
    /// How often it was put off, as this batch.
    pub(crate) failures: u32,
    /// How often the server failed on it.
    pub(crate) crashes: Crashes,
    /// It is a single document because the server named it.
    pub(crate) is_named: bool,
    /// It is a single document sent as a probe, because others were rejected for the same problem.
    pub(crate) is_probe: bool,
    /// Not before this time of the run.
    pub(crate) due: Duration,
    /// Its bytes were sent before, as this batch or as a part of a larger one.
    pub(crate) resent: bool,
}

impl PendingBatch {
    /// The number of the idempotency key to use: a new one after every two failures that the API may have stored for the
    /// key.
    pub(crate) fn key_turn(&self) -> u64 {
        // 408 to 429 occur in lists of results: an API that repeats its answer to a key repeats the whole list.
        let is_failure = |ending: &Ending| matches!(ending, Ending::Status(408 | 424 | 425 | 429 | 500..=599));
        let is_final = |attempt: &&Attempt| is_failure(&attempt.ending) && !attempt.in_doubt;
        self.attempts.iter().filter(is_final).count() as u64 / 2
    }
}

/// The state of one delivery.
pub(crate) struct DeliveryState {
    /// The outcomes so far.
    pub(crate) delivery: Delivery,
    /// How many requests may be in flight at once.
    pub(crate) limit: usize,
    /// The largest body that the server has not called too large.
    pub(crate) largest: u64,
    /// The outcome of some request is unknown.
    pub(crate) is_in_doubt: bool,
    /// Where to send.
    pub(crate) destination: Arc<Destination>,
    /// The source of random waits.
    pub(crate) random: Random,
    /// Batches that wait to be sent.
    pub(crate) waiting: Vec<PendingBatch>,
    /// Batches that were sent and have no answer yet.
    pub(crate) in_flight: Vec<PendingBatch>,
    /// Nothing starts before this time of the run.
    pause: Duration,
    /// Successes that no API gives, one after the other.
    pub(crate) non_answers: u32,
    /// Documents that were rejected alone, one after the other, for the same problem.
    pub(crate) streak: Streak,
    /// The same documents: they count as rejected only when it is certain that the setup is not at fault.
    pub(crate) suspects: Vec<Rejected>,
    /// How many batches, or parts of one, were accepted.
    pub(crate) accepted_batches: u64,
    /// Documents of the same delivery were accepted in an earlier run.
    earlier: bool,
    /// The server has named a good document as bad, so its names are ignored from then on.
    pub(crate) is_misled: bool,
    /// What went wrong last.
    pub(crate) last_failure: LastFailure,
}

/// What went wrong last.
#[derive(Clone, Debug)]
pub(crate) struct LastFailure {
    /// How a run ends that cannot get past it.
    pub(crate) exit: Exit,
    /// What it was; empty while nothing went wrong.
    pub(crate) message: String,
}

impl DeliveryState {
    /// A new delivery. `earlier`: documents of it were accepted in an earlier run.
    pub(crate) fn new(destination: Arc<Destination>, seed: u64, earlier: bool) -> DeliveryState {
        DeliveryState {
            delivery: Delivery::default(),
            limit: destination.in_flight.max(1),
            largest: u64::MAX,
            is_in_doubt: false,
            destination,
            random: Random(seed),
            waiting: Vec::new(),
            in_flight: Vec::new(),
            pause: Duration::ZERO,
            non_answers: 0,
            streak: Streak::default(),
            suspects: Vec::new(),
            accepted_batches: 0,
            earlier,
            is_misled: false,
            last_failure: LastFailure { exit: Exit::Undelivered, message: String::new() },
        }
    }

    /// Adds a new batch.
    pub(crate) fn add_batch(&mut self, batch: Batch, wire: Bytes) {
        self.delivery.volume.documents += batch.documents();
        self.delivery.volume.batches += 1;
        self.delivery.volume.bytes += batch.body.len() as u64;
        self.enqueue(PendingBatch {
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

    /// Puts a batch into the queue, in halves if it is larger than the server accepts.
    pub(crate) fn enqueue(&mut self, pending: PendingBatch) {
        let is_large = pending.batch.body.len() as u64 > self.largest;
        match pending.batch.split_in_half().filter(|_| is_large) {
            None => self.waiting.push(pending),
            Some((left, right)) => {
                for half in [left, right] {
                    let part = self.new_part(&pending, half);
                    self.enqueue(part);
                }
            }
        }
    }

    /// A part of a pending batch, with the history of the whole.
    pub(crate) fn new_part(&self, pending: &PendingBatch, batch: Batch) -> PendingBatch {
        let wire = compress(&batch.body, self.destination.compression);
        let crashes = pending.crashes.inherit(batch.count());
        PendingBatch { batch, wire, crashes, failures: 0, is_named: false, is_probe: false, ..pending.clone() }
    }

    /// Whether new requests may start at all.
    pub(crate) fn is_running(&self) -> bool {
        self.delivery.stopped.is_none()
    }

    /// Whether a request could start now.
    pub(crate) fn can_start(&self, now: Duration) -> bool {
        self.is_running() && self.pause <= now && self.in_flight.len() < self.limit && !self.is_on_hold()
    }

    /// Whether to take another batch: one could start now, and few wait for another try.
    pub(crate) fn wants_batch(&self, now: Duration) -> bool {
        self.can_start(now) && self.waiting.len() < MAX_WAITING
    }

    /// Whether everything waits for the answers in flight, because the setup may be at fault.
    pub(crate) fn is_on_hold(&self) -> bool {
        self.streak.is_enough(self.has_accepted())
    }

    /// Whether the server has accepted anything, so that it does not reject everything.
    fn has_accepted(&self) -> bool {
        self.earlier || self.accepted_batches > 0
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next batch to send now, if one is due and may start.
    pub(crate) fn next_batch(&mut self, now: Duration) -> Option<PendingBatch> {
        if !self.can_start(now) {
            return None;
        }
        if self.streak.wants_probe(self.has_accepted()) {
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
        if pending.resent && volume.resent_bytes + bytes > MAX_RESENT_TIMES * volume.wire_bytes + MIN_RESENT_BYTES {
            let said =
                format!("{} bytes were sent again without success: {}", volume.resent_bytes, self.last_failure.message);
            self.waiting.push(pending);
            match self.last_failure.exit {
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
        self.in_flight.push(pending.clone());
        Some(pending)
    }

    /// Chooses the probe that is sent next and alone: the last document of the largest waiting batch.
    fn choose_probe(&mut self) {
        let size = |pending: &PendingBatch| (pending.batch.documents(), pending.batch.range.start);
        let Some((at, _)) = self.waiting.iter().enumerate().max_by_key(|(_, pending)| size(pending)) else { return };
        self.streak.suspend();
        let last = self.waiting[at].batch.count() - 1;
        if last == 0 {
            self.waiting[at].is_probe = true;
            return;
        }
        let pending = self.waiting.remove(at);
        let (rest, probe) = (pending.batch.slice(0..last), pending.batch.slice(last..last + 1));
        let (rest, probe) = (self.new_part(&pending, rest), self.new_part(&pending, probe));
        self.waiting.push(rest);
        self.waiting.push(PendingBatch { is_probe: true, ..probe });
    }

    /// When the next waiting batch may start.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.iter().map(|pending| pending.due.max(self.pause)).min()
    }

    /// Until when to wait if nothing else happens, the deadline at the latest. `more`: there are batches to take.
    pub(crate) fn wake_time(&self, now: Duration, more: bool) -> Duration {
        let next_batch = (more && self.waiting.len() < MAX_WAITING).then_some(self.pause);
        let due = self.next_due().into_iter().chain(next_batch.filter(|pause| *pause > now)).min();
        let due = due.filter(|_| self.in_flight.len() < self.limit && !self.is_on_hold());
        due.unwrap_or(Duration::MAX).min(self.destination.deadline)
    }

    /// Stops the run at its deadline, or before if nothing can start until then.
    pub(crate) fn check_deadline(&mut self, now: Duration, more: bool) {
        let hopeless = self.is_idle()
            && self.pause.max(self.next_due().unwrap_or_default()) >= self.destination.deadline
            && (!more || self.pause >= self.destination.deadline);
        if self.is_running() && (hopeless || now >= self.destination.deadline) {
            let failure = self.last_failure.message.as_str();
            let failure = if failure.is_empty() { "documents are left" } else { failure };
            let seconds = self.destination.deadline.as_secs_f64();
            let said = format!("not everything was delivered within {seconds} s: {failure}");
            self.stop(Exit::Undelivered, unreachable(&said));
        }
    }

    /// Stops the run; answers in flight may still arrive. The first reason counts.
    pub(crate) fn stop(&mut self, exit: Exit, finding: Diagnostic) {
        self.delivery.stopped.get_or_insert(StopReason { exit, finding });
    }

    /// Stops the run because a signal asked for it.
    pub(crate) fn interrupt(&mut self, exit: Exit) {
        let finding = Diagnostic::new(Code::DeliverInterrupted, "the run was interrupted");
        self.stop(exit, finding.hint("run the same command again"));
    }

    /// Stops the run because each request replaces the whole collection, and one request does not hold all documents.
    pub(crate) fn refuse_second_batch(&mut self) {
        if let Err(finding) = self.destination.allows(2) {
            self.stop(Exit::Config, finding);
        }
    }

    /// Stops the run because the task of a request panicked, and which one is unknown.
    pub(crate) fn stop_after_panic(&mut self) {
        self.stop(Exit::Bug, Diagnostic::new(Code::DeliverUnreachable, "a request ended in a bug of this program"));
        self.abandon_in_flight();
    }

    /// Gives up the requests in flight: their batches are in doubt.
    pub(crate) fn abandon_in_flight(&mut self) {
        if self.is_running() {
            self.reject_suspects();
        } else {
            // A rejection is final, and a run that stopped cannot know whether the setup is at fault.
            self.delivery.same_problem.append(&mut self.suspects);
        }
        for mut pending in std::mem::take(&mut self.in_flight) {
            self.is_in_doubt = true;
            let ending = Ending::Failure(Failure::Abandoned);
            pending.attempts.push(Attempt { ending, duration: Duration::ZERO, in_doubt: true });
            self.add_receipt(pending);
        }
    }

    /// Adds receipts for the batches that are still waiting, and sorts all lists by document.
    pub(crate) fn finish(&mut self) {
        for pending in std::mem::take(&mut self.waiting) {
            if !pending.attempts.is_empty() {
                self.add_receipt(pending);
            }
        }
        self.delivery.receipts.sort_by_key(|receipt| (receipt.range.start, receipt.range.end));
        self.delivery.rejected.sort_by_key(|rejected| rejected.index);
        self.delivery.same_problem.sort_by_key(|rejected| rejected.index);
    }

    /// Applies the result of the request for the batch that begins with document `first`.
    pub(crate) fn apply_exchange(&mut self, first: u64, exchange: Exchange, now: Duration, wall: Timestamp) {
        let Some(at) = self.in_flight.iter().position(|pending| pending.batch.range.start == first) else { return };
        let mut pending = self.in_flight.remove(at);
        match exchange.ending {
            Ok(answer) => {
                pending.resent = true;
                let verdict = read_verdict(&answer, pending.batch.documents(), wall);
                // A gateway that stopped waiting does not know what the server behind it did.
                let in_doubt = matches!(verdict, Verdict::NoAnswer(_)) || matches!(answer.status, 502 | 504);
                self.is_in_doubt |= in_doubt;
                let ending = Ending::Status(answer.status);
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.apply_verdict(pending, verdict, answer.status, now);
            }
            Err(failure) => {
                let in_doubt = failure.leaves_doubt();
                self.is_in_doubt |= in_doubt;
                let (bytes, volume) = (pending.wire.len() as u64, &mut self.delivery.volume);
                // Bytes that were never sent do not load a metered link: a flight may wait for a network until its deadline.
                match (failure.was_sent(), pending.resent) {
                    (true, _) => pending.resent = true,
                    (false, true) => volume.resent_bytes -= bytes,
                    (false, false) => volume.wire_bytes -= bytes,
                }
                let ending = Ending::Failure(failure.clone());
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.apply_failure(pending, &failure, now, wall);
            }
        }
        self.abort_on_same_problem();
    }

    fn apply_failure(&mut self, pending: PendingBatch, failure: &Failure, now: Duration, wall: Timestamp) {
        self.last_failure = LastFailure { exit: Exit::Undelivered, message: failure.to_string() };
        match failure {
            Failure::Identity(said) => {
                let message = format!("{said}; the clock of this machine says {}", format_clock(wall));
                let hint = "look at the certificate, at `ca_file` and at the clock; no switch skips this check";
                self.stop(Exit::Refused, Diagnostic::new(Code::DeliverIdentity, message).hint(hint));
                self.add_receipt(pending);
            }
            // A server may close an idle connection just as the next request is written to it.
            Failure::Broken if pending.failures == 0 && self.accepted_batches > 0 => {
                self.enqueue(PendingBatch { due: now, failures: 1, ..pending });
            }
            Failure::Unreachable(_) => {
                let alone = self.limit == 1;
                self.retry_later(pending, None, alone, now);
                self.pause = self.pause.max(self.next_due().unwrap_or_default());
            }
            _ => self.retry_later(pending, None, false, now),
        }
    }

    /// Puts a batch back after a failure. `asked`: how long the server wants it to wait; `alone`: one request at a time from
    /// now on.
    pub(crate) fn retry_later(&mut self, pending: PendingBatch, asked: Option<Duration>, alone: bool, now: Duration) {
        let failures = pending.failures.saturating_add(1);
        let wait = retry::delay(self.destination.retry, failures, &mut self.random);
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
        self.enqueue(PendingBatch { failures, due, ..pending });
    }

    /// Adds the receipt of a batch that is not sent again; it is in doubt if the API may have accepted it unseen.
    pub(crate) fn add_receipt(&mut self, pending: PendingBatch) {
        let receipt = Receipt { range: pending.batch.range, attempts: pending.attempts };
        if receipt.is_in_doubt() {
            merge(&mut self.delivery.in_doubt, receipt.range.clone());
        }
        self.delivery.receipts.push(receipt);
    }
}

fn unreachable(said: &str) -> Diagnostic {
    Diagnostic::new(Code::DeliverUnreachable, said).hint("run the same command again")
}
