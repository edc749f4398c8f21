//! The state of one delivery: which batches wait, which are in flight, which documents have an outcome, whether to go on.
//!
//! Pure: an event and the time go in, the state changes, and `next_batch` says what to send. Nothing here waits or sends.
//! Every document is in exactly one place: accepted, rejected, suspect, in flight, waiting, or not yet taken. What an answer
//! changes is in `transitions`.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    config::profile::destination::Destination,
    deliver::{
        batch::{Batch, compress},
        bisect::{Crashes, Streak, Weather},
        denials::Denials,
        divisions::Divisions,
        http::{Exchange, format_clock},
        lone_failures::LoneFailures,
        problem_details::repeats,
        response::{Answer, read_verdict, show_redirect},
        retry::{self, Random},
        verdict::Verdict,
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    index_ranges::merge,
    recording::receipt::{Attempt, Delivery, Echo, Ending, Failure, Receipt, Rejected, StopReason},
};

/// How many bytes may be sent again in any case.
const MIN_RESENT_BYTES: u64 = 1 << 20;

/// What to do when the setup is at fault rather than single documents.
pub(crate) const COMPARE: &str =
    "compare the contract with what the API expects; `xwalk check` proves a mapping against it";

/// How many batches may wait for another try before no new ones are taken: they are held in memory.
const MAX_WAITING: usize = 8;
/// The same for batches of one document, which hold up no others.
const MAX_WAITING_ALONE: usize = 1_000;

/// A batch that is not settled yet: with its body as it goes over the wire, and its history.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all combinations occur")]
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
    /// The same, as far as it may show something about a single document.
    pub(crate) lone_failures: LoneFailures,
    /// It is a single document because the server named it.
    pub(crate) is_named: bool,
    /// How often the server named documents of a batch that it is a part of.
    pub(crate) namings: u32,
    /// It is a single document sent as a probe, because others were rejected for the same problem.
    pub(crate) is_probe: bool,
    /// Not before this time of the run.
    pub(crate) due: Duration,
    /// Its bytes were sent before, as this batch or as a part of a larger one.
    pub(crate) resent: bool,
    /// They were sent before only as a part of a larger one.
    pub(crate) is_part: bool,
    /// The division of a rejected batch that it is a part of.
    pub(crate) division: Option<usize>,
    /// The number of the last request for it.
    pub(crate) request: u64,
    /// The number of the first request for its documents that the API denied.
    pub(crate) denied_at: Option<u64>,
}

/// A document that was rejected alone, while it is not certain that it is at fault.
#[derive(Clone, Debug)]
pub(crate) struct Suspect {
    /// What becomes of it if it is.
    pub(crate) rejected: Rejected,
    /// The number of the first request for it that the API denied: a later one must have been accepted.
    pub(crate) denied_at: Option<u64>,
    /// The size of the request for it, if the API says that it is too large.
    pub(crate) oversize: Option<u64>,
}

impl Suspect {
    /// Whether it can be as the API says: one that is too large is larger than the largest body that was accepted.
    pub(crate) fn is_certain(&self, largest_accepted: u64) -> bool {
        self.oversize.is_none_or(|bytes| (1..bytes).contains(&largest_accepted))
    }
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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all combinations occur")]
pub(crate) struct DeliveryState {
    /// The outcomes so far.
    pub(crate) delivery: Delivery,
    /// How many requests may be in flight at once.
    pub(crate) limit: usize,
    /// The largest body that the server has not called too large.
    pub(crate) largest: u64,
    /// The largest body that it accepted in this run; of a list of results that of the largest document. 0: none.
    pub(crate) largest_accepted: u64,
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
    pub(crate) suspects: Vec<Suspect>,
    /// What is denied since something was last accepted.
    pub(crate) denials: Denials,
    /// The batches that were rejected and divided.
    pub(crate) divisions: Divisions,
    /// How many batches, or parts of one, were accepted.
    pub(crate) accepted_batches: u64,
    /// How many documents of the same delivery were accepted in earlier runs.
    pub(crate) earlier: u64,
    /// The documents that the server failed on in an earlier run while it accepted others, with the status it gave them.
    pub(crate) failed_before: BTreeMap<u64, u16>,
    /// The run was stopped at its deadline, or because it may send no more bytes again.
    has_tried_enough: bool,
    /// The server has named a good document as bad, so its names are ignored from then on.
    pub(crate) is_misled: bool,
    /// What went wrong last; empty while nothing did.
    pub(crate) last_failure: String,
    /// The batch that the answer at hand is about.
    pub(crate) answered: Option<Batch>,
    /// The server answered before it had read a request, so what it says of smaller ones proves nothing.
    pub(crate) answers_early: bool,
    /// There are batches that were not taken yet.
    pub(crate) has_more: bool,
    /// How many bytes may be sent again in any case.
    pub(crate) min_resent_bytes: u64,
    /// How many bytes were sent again that count against the limit.
    charged_bytes: u64,
}

impl DeliveryState {
    /// A new delivery. `earlier`: how many documents of it were accepted in earlier runs.
    pub(crate) fn new(destination: Arc<Destination>, seed: u64, earlier: u64) -> DeliveryState {
        DeliveryState {
            delivery: Delivery::default(),
            limit: destination.in_flight.max(1),
            largest: u64::MAX,
            largest_accepted: 0,
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
            failed_before: BTreeMap::new(),
            has_tried_enough: false,
            is_misled: false,
            last_failure: String::new(),
            denials: Denials::default(),
            divisions: Divisions::default(),
            answered: None,
            answers_early: false,
            has_more: false,
            min_resent_bytes: MIN_RESENT_BYTES,
            charged_bytes: 0,
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
            lone_failures: LoneFailures::default(),
            is_named: false,
            namings: 0,
            is_probe: false,
            due: Duration::ZERO,
            resent: false,
            is_part: false,
            division: None,
            request: 0,
            denied_at: None,
        });
    }

    /// Puts a batch into the queue, in halves if it is larger than the server accepts.
    pub(crate) fn enqueue(&mut self, pending: PendingBatch) {
        let is_large = pending.batch.body.len() as u64 > self.largest || self.holds_too_many(&pending);
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

    /// Whether a batch holds more documents than the server accepts at once.
    fn holds_too_many(&self, pending: &PendingBatch) -> bool {
        let limit = self.divisions.limit().filter(|_| self.destination.allows(2).is_ok());
        limit.is_some_and(|limit| pending.batch.documents() > limit)
    }

    /// A part of a pending batch, with the history of the whole.
    pub(crate) fn new_part(&self, pending: &PendingBatch, batch: Batch) -> PendingBatch {
        let wire = compress(&batch.body, self.destination.compression);
        let crashes = pending.crashes.inherit(batch.count());
        PendingBatch {
            batch,
            wire,
            crashes,
            failures: 0,
            is_named: false,
            is_probe: false,
            is_part: true,
            ..pending.clone()
        }
    }

    /// Whether new requests may start at all.
    pub(crate) fn is_running(&self) -> bool {
        self.delivery.stopped.is_none()
    }

    /// Notes whether there are batches that were not taken yet.
    pub(crate) fn set_more(&mut self, more: bool) {
        self.has_more = more;
    }

    /// Whether a request could start now.
    pub(crate) fn can_start(&self, now: Duration) -> bool {
        let limit = if self.is_probing() { 1 } else { self.limit };
        self.is_running() && self.pause <= now && self.in_flight.len() < limit && !self.is_on_hold()
    }

    /// Whether to take another batch: one could start now, and few wait for another try.
    pub(crate) fn wants_batch(&self, now: Duration) -> bool {
        self.can_start(now) && self.has_capacity()
    }

    /// Whether few batches wait for another try.
    fn has_capacity(&self) -> bool {
        let several = self.waiting.iter().filter(|pending| pending.batch.documents() > 1).count();
        several < MAX_WAITING && self.waiting.len() < MAX_WAITING_ALONE
    }

    /// Whether everything waits for the answers in flight, because the setup may be at fault.
    pub(crate) fn is_on_hold(&self) -> bool {
        let accepts = self.has_accepted();
        let is_enough = self.streak.is_enough(accepts) && (!accepts || !self.waiting.is_empty());
        is_enough || self.denials.are_enough()
    }

    /// Whether single documents from elsewhere are tried, one at a time, because the setup may be at fault.
    pub(crate) fn is_probing(&self) -> bool {
        self.streak.wants_probe(self.has_accepted()) || self.denials.want_probe(self.accepted_batches > 0)
    }

    /// Whether to wait for a batch that no answer was about yet: for a probe, or because the server fails on all that are due,
    /// and others may pass.
    fn needs_batch(&self, now: Duration) -> bool {
        let mut due = self.waiting.iter().filter(|pending| pending.due <= now).peekable();
        let only_failed = due.peek().is_some() && due.all(|pending| pending.crashes.any());
        self.has_more && self.has_capacity() && (self.is_probing() || only_failed)
    }

    /// Whether the server has accepted anything, so that it does not reject everything.
    pub(crate) fn has_accepted(&self) -> bool {
        self.earlier > 0 || self.accepted_batches > 0
    }

    /// Whether nothing is left that could pass beside the batch at hand: the server failed on everything else as well.
    pub(crate) fn is_last(&self) -> bool {
        let mut others = self.waiting.iter().chain(&self.in_flight);
        !self.has_more && others.all(|pending| pending.crashes.is_hopeless(pending.batch.documents()))
    }

    /// Whether every document has an outcome.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_idle() && self.is_drained() && !self.has_more && self.delivery.same_problem.is_empty()
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
        if !self.can_start(now) || self.needs_batch(now) {
            return None;
        }
        if self.is_probing() {
            self.choose_probe(now);
        }
        let due = self.waiting.iter().enumerate().filter(|(_, pending)| pending.due <= now);
        let order = |pending: &PendingBatch| {
            let large = if self.streak.has_grown() { pending.batch.documents() } else { 0 };
            // What the server fails on comes behind what it was not asked yet; and a single document behind a batch that may
            // hold good ones: each try may take a whole timeout.
            let is_failing_alone = pending.batch.documents() == 1 && pending.crashes.any();
            let failing = (is_failing_alone, pending.crashes.count());
            (Reverse(pending.is_probe), Reverse(large), failing, pending.batch.range.start)
        };
        let (at, _) = due.min_by_key(|(_, pending)| order(pending))?;
        let mut pending = self.waiting.remove(at);
        if self.holds_too_many(&pending) {
            // It waited here since before that was known.
            self.enqueue(pending);
            return self.next_batch(now);
        }
        let bytes = pending.wire.len() as u64;
        let is_charged = pending.resent && !pending.is_part;
        let allowed = self.destination.resend * self.delivery.volume.wire_bytes + self.min_resent_bytes;
        if is_charged && self.charged_bytes + bytes > allowed {
            let said = format!(
                "{} bytes were sent again without success, and `resend` allows no more: {}",
                self.charged_bytes, self.last_failure
            );
            self.waiting.push(pending);
            let hint = "run the same command again, or raise `resend` of the profile";
            self.has_tried_enough = true;
            self.stop(Exit::Undelivered, Diagnostic::new(Code::DeliverUnreachable, said).hint(hint));
            return None;
        }
        let volume = &mut self.delivery.volume;
        volume.requests += 1;
        if pending.resent {
            volume.resent_bytes += bytes;
        } else {
            volume.wire_bytes += bytes;
        }
        self.charged_bytes += if is_charged { bytes } else { 0 };
        pending.request = volume.requests;
        pending.crashes.note_sent(self.accepted_batches);
        self.in_flight.push(pending.clone());
        Some(pending)
    }

    /// Chooses the probe that is sent next and alone: the document in the middle of the largest waiting batch.
    fn choose_probe(&mut self, now: Duration) {
        if self.waiting.iter().any(|pending| pending.is_probe && pending.due <= now) {
            return;
        }
        let size = |pending: &PendingBatch| (pending.batch.documents(), pending.batch.range.start);
        let due = self.waiting.iter().enumerate().filter(|(_, pending)| pending.due <= now);
        let Some((at, _)) = due.max_by_key(|(_, pending)| size(pending)) else { return };
        self.streak.suspend();
        let count = self.waiting[at].batch.count();
        if count == 1 {
            self.waiting[at].is_probe = true;
            return;
        }
        let pending = self.waiting.remove(at);
        for places in [0..count / 2, count / 2..count / 2 + 1, count / 2 + 1..count] {
            if !places.is_empty() {
                let is_probe = places.start == count / 2;
                let part = self.new_part(&pending, pending.batch.slice(places));
                self.waiting.push(PendingBatch { is_probe, ..part });
            }
        }
    }

    /// When the next waiting batch may start.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.iter().map(|pending| pending.due.max(self.pause)).min()
    }

    /// Whether the run goes on and some batch waits until later, because a try for it failed.
    pub(crate) fn waits_after(&self, now: Duration) -> bool {
        self.is_running() && self.waiting.iter().any(|pending| pending.due.max(self.pause) > now)
    }

    /// Until when to wait if nothing else happens, the deadline at the latest. `more`: there are batches to take.
    pub(crate) fn wake_time(&self, now: Duration, more: bool) -> Duration {
        let next_batch = (more && self.has_capacity()).then_some(self.pause);
        let due = self.next_due().into_iter().chain(next_batch.filter(|pause| *pause > now)).min();
        let limit = if self.is_probing() { 1 } else { self.limit };
        // A batch is only taken after the pause.
        let due = due.filter(|_| {
            self.in_flight.len() < limit && !self.is_on_hold() && !(self.pause <= now && self.needs_batch(now))
        });
        due.unwrap_or(Duration::MAX).min(self.destination.deadline)
    }

    /// Stops the run at its deadline, or before if nothing can start until then.
    pub(crate) fn check_deadline(&mut self, now: Duration, more: bool) {
        let hopeless = self.is_idle()
            && self.pause.max(self.next_due().unwrap_or_default()) >= self.destination.deadline
            && (!more || self.pause >= self.destination.deadline);
        if self.is_running() && (hopeless || now >= self.destination.deadline) {
            self.has_tried_enough = true;
            let failure = self.last_failure.as_str();
            let failure = if failure.is_empty() { "documents are left" } else { failure };
            let seconds = self.destination.deadline.as_secs_f64();
            let said = format!("not everything was delivered within {seconds} s: {failure}");
            let finding = unreachable(&said);
            let hint = "run the same command again; if it stays so, look at `url` of the profile";
            let is_away = failure.starts_with("no connection");
            self.stop(Exit::Undelivered, if is_away { finding.hint(hint) } else { finding });
        }
    }

    /// Stops the run; answers in flight may still arrive. The first reason counts.
    pub(crate) fn stop(&mut self, exit: Exit, finding: Diagnostic) {
        self.delivery.stopped.get_or_insert(StopReason { exit, finding });
    }

    /// Stops the run because a signal asked for it.
    pub(crate) fn interrupt(&mut self, exit: Exit) {
        let failure = self.last_failure.as_str();
        let last = if failure.is_empty() { String::new() } else { format!("; what failed last: {failure}") };
        let finding = Diagnostic::new(Code::DeliverInterrupted, format!("the run was interrupted{last}"));
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
            self.judge_suspects();
        }
        // A rejection is final, and a run that stopped cannot know whether the setup is at fault.
        self.set_suspects_aside();
        if self.has_tried_enough {
            self.reject_failed_twice();
        }
        self.note_lone_failures();
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
        self.answered = Some(pending.batch.clone());
        match exchange.ending {
            Ok(mut answer) => {
                self.hide_echo(&mut answer);
                (pending.resent, pending.is_part) = (true, false);
                let verdict = read_verdict(&answer, &pending.batch, &self.destination.answers, wall);
                // A gateway that stopped waiting does not know what the server behind it did.
                let status = if let Verdict::Again { status, .. } = verdict { status } else { answer.status };
                let in_doubt = matches!(verdict, Verdict::NoAnswer(_)) || matches!(status, 502 | 504);
                self.is_in_doubt |= in_doubt;
                let ending = Ending::Status(status);
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.apply_verdict(pending, verdict, answer.status, now);
            }
            Err(failure) => {
                let in_doubt = failure.leaves_doubt();
                self.is_in_doubt |= in_doubt;
                let (bytes, volume) = (pending.wire.len() as u64, &mut self.delivery.volume);
                // Bytes that were never sent do not load a metered link: a flight may wait for a network until its deadline.
                match (failure.was_sent(), pending.resent) {
                    (true, _) => (pending.resent, pending.is_part) = (true, false),
                    (false, true) => {
                        volume.resent_bytes -= bytes;
                        self.charged_bytes -= if pending.is_part { 0 } else { bytes };
                    }
                    (false, false) => volume.wire_bytes -= bytes,
                }
                let ending = Ending::Failure(failure.clone());
                pending.attempts.push(Attempt { ending, duration: exchange.duration, in_doubt });
                self.apply_failure(pending, &failure, now, wall);
            }
        }
        self.abort_on_same_problem();
    }

    /// Removes the host of a redirect if it repeats anything that was sent, unless it is the host that was asked.
    fn hide_echo(&mut self, answer: &mut Answer) {
        let own = self.destination.url().and_then(|url| url.host_str().map(str::to_owned));
        let Some(host) = answer.location.clone().filter(|host| own.as_ref() != Some(host)) else { return };
        let Some(batch) = &self.answered else { return };
        if repeats(&host, &self.known_documents(batch), &self.secrets()) {
            answer.location = None;
        } else {
            let shown = show_redirect(&host);
            self.delivery.echo.get_or_insert(Echo { text: host, shown });
        }
    }

    fn apply_failure(&mut self, pending: PendingBatch, failure: &Failure, now: Duration, wall: Timestamp) {
        self.last_failure = failure.to_string();
        self.answers_early |= *failure == Failure::Early;
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
            Failure::Late => self.handle_weather(pending, Weather::Silent, None, now),
            // Smaller batches would tell no more about what such a server does with them.
            Failure::Untouched | Failure::Early | Failure::Unbounded => self.retry_later(pending, None, false, now),
            _ => self.handle_weather(pending, Weather::Failed, None, now),
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
