//! The course of one delivery: what is waiting, what is on the way, what is settled, and whether to go on.
//!
//! Pure: an event and the time go in, the state changes, and `ready` says what to send next. Nothing here waits or sends.
//! Every document is in exactly one place: settled, rejected, on the way, waiting, or not yet drawn.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    deliver::{
        answer::{Problem, Verdict, verdict},
        batch::{Batch, compressed},
        http::{Exchange, clock},
        retry::{self, Random},
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    profile::destination::Destination,
    ranges::merge,
    receipt::{Attempt, Delivery, Ending, Failure, Receipt},
};

/// How many successes that no API gives end a run.
const MAX_ODD: u32 = 3;
/// How often the bytes of a run may be sent again, and how many bytes more in any case: the link is metered.
const MAX_RESENT: (u64, u64) = (3, 1 << 20);

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
    /// Not before this time of the run.
    due: Duration,
    /// Its bytes were sent before, in this form or as a part of a larger batch.
    resent: bool,
}

impl Parcel {
    /// How often the API settled on a failure for a key of this body, so that another key is needed: after two.
    pub(crate) fn turn(&self) -> u64 {
        let is_final = |attempt: &&Attempt| matches!(attempt.ending, Ending::Status(500..=599)) && !attempt.maybe;
        self.attempts.iter().filter(is_final).count() as u64 / 2
    }
}

/// The state of one delivery.
pub(crate) struct Course {
    /// What has been settled so far.
    pub(crate) delivery: Delivery,
    /// How many requests may be on the way at once.
    pub(crate) limit: usize,
    /// The largest body that the server has not called too large.
    pub(crate) largest: u64,
    /// The outcome of some request is unknown.
    pub(crate) maybe: bool,
    destination: Arc<Destination>,
    random: Random,
    waiting: Vec<Parcel>,
    flying: Vec<Parcel>,
    /// Nothing starts before this time of the run.
    pause: Duration,
    odd: u32,
    trouble: String,
}

impl Course {
    /// A delivery that has not begun.
    pub(crate) fn new(destination: Arc<Destination>, seed: u64) -> Course {
        Course {
            delivery: Delivery::default(),
            limit: destination.in_flight.max(1),
            largest: u64::MAX,
            maybe: false,
            destination,
            random: Random(seed),
            waiting: Vec::new(),
            flying: Vec::new(),
            pause: Duration::ZERO,
            odd: 0,
            trouble: String::new(),
        }
    }

    /// A new batch.
    pub(crate) fn take(&mut self, batch: Batch, wire: Bytes) {
        self.delivery.volume.documents += batch.documents();
        self.delivery.volume.batches += 1;
        self.delivery.volume.bytes += batch.body.len() as u64;
        self.wait(Parcel { batch, wire, attempts: Vec::new(), due: Duration::ZERO, resent: false });
    }

    /// Puts a batch, or its halves if it is larger than what the server takes, in line.
    fn wait(&mut self, parcel: Parcel) {
        let is_large = parcel.batch.body.len() as u64 > self.largest;
        match parcel.batch.halves().filter(|_| is_large) {
            None => self.waiting.push(parcel),
            Some((left, right)) => {
                for half in [left, right] {
                    let wire = compressed(&half.body, self.destination.compression);
                    self.wait(Parcel { batch: half, wire, attempts: Vec::new(), ..parcel.clone() });
                }
            }
        }
    }

    /// Whether new requests may start at all.
    pub(crate) fn goes_on(&self) -> bool {
        self.delivery.stopped.is_none()
    }

    /// Whether a new batch could start now.
    pub(crate) fn has_room(&self, now: Duration) -> bool {
        self.goes_on() && self.pause <= now && self.flying.len() < self.limit
    }

    /// Whether another batch should be drawn: one that could start now, while few wait for another try.
    pub(crate) fn may_draw(&self, now: Duration) -> bool {
        self.has_room(now) && self.waiting.len() < MAX_WAITING
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
        let (at, _) = due.min_by_key(|(_, parcel)| parcel.batch.range.start)?;
        let parcel = self.waiting.remove(at);
        let bytes = parcel.wire.len() as u64;
        let volume = &mut self.delivery.volume;
        if parcel.resent && volume.resent_bytes + bytes > MAX_RESENT.0 * volume.wire_bytes + MAX_RESENT.1 {
            let said = format!("{} bytes were sent again without success: {}", volume.resent_bytes, self.trouble);
            self.waiting.push(parcel);
            self.stop(Exit::Undelivered, unreachable(&said));
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
        let due = due.filter(|_| self.flying.len() < self.limit);
        due.unwrap_or(Duration::MAX).min(self.destination.deadline)
    }

    /// Stops the run if its time is over, or if nothing can start before it will be.
    pub(crate) fn tick(&mut self, now: Duration, more: bool) {
        let hopeless = self.is_still()
            && self.pause.max(self.next_due().unwrap_or_default()) >= self.destination.deadline
            && (!more || self.pause >= self.destination.deadline);
        if self.goes_on() && (hopeless || now >= self.destination.deadline) {
            let trouble = if self.trouble.is_empty() { "documents are left" } else { self.trouble.as_str() };
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
            self.maybe = true;
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
    }

    /// What came of the request for the batch that begins with this document.
    pub(crate) fn answered(&mut self, first: u64, exchange: Exchange, now: Duration, wall: Timestamp) {
        let Some(at) = self.flying.iter().position(|parcel| parcel.batch.range.start == first) else { return };
        let mut parcel = self.flying.remove(at);
        match exchange.ending {
            Ok(answer) => {
                parcel.resent = true;
                let verdict = verdict(&answer, wall);
                // A gateway that gave up does not know what the server behind it did.
                let maybe = matches!(verdict, Verdict::NoAnswer(_)) || matches!(answer.status, 502 | 504);
                self.maybe |= maybe;
                let ending = Ending::Status(answer.status);
                parcel.attempts.push(Attempt { ending, duration: exchange.duration, maybe });
                self.judged(parcel, verdict, answer.status, now);
            }
            Err(failure) => {
                let maybe = failure.maybe();
                self.maybe |= maybe;
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
    }

    /// The seam for what a verdict does to a batch: settle it, split it, send it again, or end the run.
    fn judged(&mut self, parcel: Parcel, verdict: Verdict, status: u16, now: Duration) {
        if verdict != Verdict::Accepted {
            self.trouble = format!("the last answer was {status}");
        }
        match verdict {
            Verdict::Accepted => {
                self.odd = 0;
                merge(&mut self.delivery.accepted, parcel.batch.range.clone());
                self.settle(parcel);
            }
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
            Verdict::Rejected(problem) => self.rejected(parcel, &problem),
            Verdict::Refused(code, said) => {
                let finding = Diagnostic::new(code, format!("`{}` {said}; {}", self.destination.host(), self.who()));
                self.stop(Exit::Refused, finding.hint(hint(code, status)));
                self.settle(parcel);
            }
        }
    }

    fn failed(&mut self, parcel: Parcel, failure: &Failure, now: Duration, wall: Timestamp) {
        self.trouble = failure.to_string();
        match failure {
            Failure::Identity(said) => {
                let message = format!("{said}; the clock of this machine says {}", clock(wall));
                let hint = "look at the certificate, at `ca_file` and at the clock; no switch skips this check";
                self.stop(Exit::Refused, Diagnostic::new(Code::DeliverIdentity, message).hint(hint));
                self.settle(parcel);
            }
            // A server may close an idle connection just as the next request is written to it.
            Failure::Broken if parcel.attempts.len() == 1 && !self.delivery.accepted.is_empty() => {
                self.wait(Parcel { due: now, ..parcel });
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
        let failures = u32::try_from(parcel.attempts.len()).unwrap_or(u32::MAX);
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
        self.wait(Parcel { due, ..parcel });
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
        let message = format!("one document of {bytes} bytes is larger than `{}` accepts", self.destination.host());
        let finding = Diagnostic::new(Code::DeliverTooLarge, message);
        self.delivery.rejected.push((parcel.batch.range.start, finding));
        self.settle(parcel);
    }

    /// A later version looks for the culprits; until then the run ends here.
    fn rejected(&mut self, parcel: Parcel, problem: &Problem) {
        let Range { start, end } = parcel.batch.range;
        let message = format!("`{}` rejects documents {start} to {}: {problem}", self.destination.host(), end - 1);
        let hint = "compare the contract with what the API expects; `xwalk check` proves a mapping against it";
        self.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, message).hint(hint));
        self.settle(parcel);
    }

    fn settle(&mut self, parcel: Parcel) {
        let receipt = Receipt { range: parcel.batch.range, attempts: parcel.attempts };
        if receipt.in_doubt() {
            merge(&mut self.delivery.in_doubt, receipt.range.clone());
        }
        self.delivery.receipts.push(receipt);
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, time::Duration};

    use jiff::Timestamp;

    use super::Course;
    use crate::{
        deliver::{
            answer::Answer,
            batch::{Batch, batches},
            http::Exchange,
        },
        diagnostic::Code,
        error::Exit,
        payload::Payload,
        profile::{
            Method, Request,
            destination::{BodyShape, Destination, Limits},
            resolve,
            secret::Environment,
        },
        receipt::Failure,
    };

    fn destination(sets: &[(&str, &str)]) -> Arc<Destination> {
        let mut all = vec![("url".to_owned(), "http://127.0.0.1:1".to_owned())];
        all.extend(sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let request = Request { method: Method::Put, path: "/".into() };
        Arc::new(resolve(None, None, &all, &request, &Environment(BTreeMap::new())).unwrap())
    }

    fn batch(first: u64, size: usize) -> Batch {
        let payload = Payload::conforming(first, vec![b'1'; size - 2]);
        let limits = Limits { documents: None, bytes: None };
        batches(std::iter::once(payload), limits, BodyShape::Array).next().unwrap()
    }

    fn course(sets: &[(&str, &str)], sizes: &[usize]) -> Course {
        let mut course = Course::new(destination(sets), 7);
        for (first, size) in (0..).zip(sizes) {
            let batch = batch(first, *size);
            let wire = batch.body.clone();
            course.take(batch, wire);
        }
        course
    }

    fn status(status: u16, retry_after: Option<&str>) -> Exchange {
        let answer = Answer { status, retry_after: retry_after.map(str::to_owned), ..Answer::default() };
        Exchange { ending: Ok(answer), duration: Duration::ZERO }
    }

    /// Answers a request at a second of the run.
    fn answer(course: &mut Course, first: u64, exchange: Exchange, second: u64) {
        course.answered(first, exchange, Duration::from_secs(second), Timestamp::UNIX_EPOCH);
    }

    fn started(course: &mut Course, second: u64) -> Vec<u64> {
        let now = Duration::from_secs(second);
        std::iter::from_fn(|| course.ready(now)).map(|parcel| parcel.batch.range.start).collect()
    }

    #[test]
    fn an_overloaded_server_gets_one_request_at_a_time_and_the_pause_it_asks_for() {
        let mut course = course(&[("in_flight", "3")], &[10, 10, 10, 10]);
        assert_eq!(started(&mut course, 0), [0, 1, 2]);
        answer(&mut course, 1, status(503, Some("30")), 1);
        answer(&mut course, 0, status(204, None), 1);
        answer(&mut course, 2, status(204, None), 1);
        assert!(started(&mut course, 30).is_empty());
        assert_eq!(course.wake(Duration::from_secs(2), true), Duration::from_secs(31));
        assert_eq!(started(&mut course, 31), [1]);
        answer(&mut course, 1, status(204, None), 32);
        assert_eq!(started(&mut course, 32), [3]);
        assert_eq!(course.delivery.accepted.iter().map(|range| range.end).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_run_stops_when_nothing_can_start_before_the_deadline() {
        let sets = [("deadline", "20s"), ("retry.fixed.wait", "30s")];
        let mut course = course(&sets, &[10]);
        assert_eq!(started(&mut course, 0), [0]);
        answer(&mut course, 0, status(500, None), 1);
        course.tick(Duration::from_secs(1), false);
        let (exit, finding) = course.delivery.stopped.unwrap();
        assert_eq!((exit, finding.code), (Exit::Undelivered, Code::DeliverUnreachable));
        assert_eq!(finding.message, "not everything was delivered within 20 s: the last answer was 500");
    }

    #[test]
    fn a_metered_link_is_not_filled_with_the_same_bytes() {
        let mut course = course(&[("retry.fixed.wait", "1s")], &[1 << 20]);
        let mut sent = 0;
        while course.goes_on() {
            sent += started(&mut course, sent).len() as u64;
            answer(&mut course, 0, status(500, None), sent - 1);
        }
        assert_eq!(sent, 5);
        assert_eq!(course.delivery.volume.resent_bytes, 4 << 20);
        assert_eq!(course.delivery.stopped.unwrap().0, Exit::Undelivered);
    }

    #[test]
    fn what_never_left_is_not_counted_as_sent() {
        let refused = || Exchange { ending: Err(Failure::Unreachable("refused".into())), duration: Duration::ZERO };
        let mut course = course(&[("retry.fixed.wait", "1s")], &[1 << 20]);
        for second in 0..60 {
            assert_eq!(started(&mut course, second), [0]);
            answer(&mut course, 0, refused(), second);
        }
        assert_eq!(course.delivery.volume.resent_bytes + course.delivery.volume.wire_bytes, 0);
        assert_eq!(started(&mut course, 60), [0]);
        answer(&mut course, 0, status(204, None), 61);
        assert_eq!((course.delivery.volume.wire_bytes, course.delivery.volume.resent_bytes), (1 << 20, 0));
    }

    #[test]
    fn a_connection_that_broke_after_a_success_is_tried_again_at_once_and_only_once() {
        let broken = || Exchange { ending: Err(Failure::Broken), duration: Duration::ZERO };
        let mut course = course(&[("in_flight", "1"), ("retry.fixed.wait", "9s")], &[10, 10]);
        assert_eq!(started(&mut course, 0), [0]);
        answer(&mut course, 0, status(204, None), 1);
        assert_eq!(started(&mut course, 1), [1]);
        answer(&mut course, 1, broken(), 2);
        assert_eq!(started(&mut course, 2), [1]);
        answer(&mut course, 1, broken(), 3);
        assert!(started(&mut course, 11).is_empty());
        assert_eq!(started(&mut course, 12), [1]);
    }

    #[test]
    fn an_unproven_identity_ends_the_run_and_shows_the_clock() {
        let identity = Err(Failure::Identity("the identity of `a` is not proven: expired".into()));
        let mut course = course(&[], &[10]);
        assert_eq!(started(&mut course, 0), [0]);
        answer(&mut course, 0, Exchange { ending: identity, duration: Duration::ZERO }, 1);
        let (exit, finding) = course.delivery.stopped.clone().unwrap();
        assert_eq!((exit, finding.code), (Exit::Refused, Code::DeliverIdentity));
        let said = "the identity of `a` is not proven: expired; the clock of this machine says 1970-01-01 00:00 UTC";
        assert_eq!(finding.message, said);
        course.close();
        assert!(course.delivery.in_doubt.is_empty());
    }

    #[test]
    fn what_is_still_on_the_way_at_the_end_is_in_doubt() {
        let mut course = course(&[], &[10, 10]);
        assert_eq!(started(&mut course, 0), [0, 1]);
        answer(&mut course, 0, status(204, None), 1);
        course.abandon();
        course.close();
        assert_eq!(course.delivery.in_doubt.iter().map(|range| range.start).collect::<Vec<_>>(), [1]);
        assert_eq!(course.delivery.receipts.len(), 2);
    }
}
