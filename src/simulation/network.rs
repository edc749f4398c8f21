//! A network in memory that loses and delays requests and replies, with a server behind it, and the clock.
//!
//! It is also the oracle: a violated invariant is noted at the moment it happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    deliver::{http::Exchange, response::Answer, retry::Random},
    recording::receipt::Failure,
    simulation::{
        mutant::Mutant,
        server::{SimulatedServer, status, with_body},
    },
};

/// How long after it was sent a request may still take effect, in milliseconds.
pub(crate) const GRACE: u64 = 120_000;
/// How long a client waits for an answer.
const TIMEOUT: u64 = 30_000;

/// The documents of one delivery.
pub(crate) type DocumentSet = &'static [&'static str];

/// Deliveries to the same target: the place of a document is its key. The third is the first with one more document.
pub(crate) const DOCUMENT_SETS: [DocumentSet; 4] = [
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}"],
    &["{\"v\":\"b0\"}", "{\"v\":\"a1\"}", "{\"v\":\"b2 that is larger than some servers accept\"}"],
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}", "{\"v\":\"c3\"}"],
    &["{\"v\":\"d0\"}", "{\"v\":\"d1\"}", "{\"v\":\"a2\"}", "{\"v\":\"d3\"}", "{\"v\":\"d4\"}", "{\"v\":\"d5\"}"],
];

/// A request for some documents of a delivery.
#[derive(Clone)]
pub(crate) struct SimulatedRequest {
    /// The epoch.
    pub(crate) epoch: u64,
    /// All documents of the delivery.
    pub(crate) plan: DocumentSet,
    /// The documents of this request.
    pub(crate) range: Range<u64>,
    /// The idempotency key.
    pub(crate) key: String,
}

impl SimulatedRequest {
    /// A document of the delivery.
    pub(crate) fn document(&self, index: u64) -> &'static str {
        self.plan[usize::try_from(index).unwrap()]
    }

    /// The body that the request must have.
    pub(crate) fn expected_body(&self) -> String {
        format!("[{}]", self.range.clone().map(|index| self.document(index)).collect::<Vec<_>>().join(","))
    }
}

/// A request that will take effect later.
struct LateRequest {
    due: u64,
    request: SimulatedRequest,
}

/// A reply on its way to the client.
pub(crate) struct SimulatedReply {
    /// When it arrives.
    pub(crate) at: u64,
    /// The documents of the request.
    pub(crate) range: Range<u64>,
    /// The answer, or why there is none.
    pub(crate) exchange: Exchange,
}

/// The network, the server and the clock.
pub(crate) struct Network {
    /// The time in milliseconds.
    pub(crate) clock: u64,
    /// How many percent of the requests meet a fault.
    pub(crate) fault_percent: u64,
    /// The first violation of an invariant.
    pub(crate) violation: Option<String>,
    /// How many requests there were.
    pub(crate) requests: u64,
    /// How many answers said more than that the server was unwell.
    pub(crate) verdicts: u64,
    /// The server.
    pub(crate) server: SimulatedServer,
    random: Random,
    mutant: Option<Mutant>,
    late_requests: Vec<LateRequest>,
    /// The newest epoch that sent a request.
    newest: u64,
    /// The delivery that the program last reported as complete.
    promised: Option<Promise>,
    /// How often each document was sent, by epoch and index.
    sent: BTreeMap<(u64, u64), SendCount>,
}

/// A delivery that the program reported as complete.
struct Promise {
    epoch: u64,
    plan: DocumentSet,
    /// Documents that it reported as rejected.
    rejected: BTreeSet<u64>,
}

/// How often a document was sent.
#[derive(Default)]
struct SendCount {
    sent: u64,
    /// How often it was allowed to be sent again.
    allowed: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> Network {
        let mut random = Random(seed);
        Network {
            clock: 0,
            fault_percent: 0,
            violation: None,
            requests: 0,
            verdicts: 0,
            server: SimulatedServer::new(random.next()),
            random,
            mutant,
            late_requests: Vec::new(),
            newest: 0,
            promised: None,
            sent: BTreeMap::new(),
        }
    }

    /// Notes a violation; the first one counts.
    pub(crate) fn report_violation(&mut self, message: impl Into<String>) {
        self.violation.get_or_insert_with(|| message.into());
    }

    /// Moves the clock, and lets late requests take effect that are due.
    pub(crate) fn advance(&mut self, to: u64) {
        while let Some(at) = self.late_requests.iter().position(|late| late.due <= to) {
            let late = self.late_requests.swap_remove(at);
            let _ = self.execute(&late.request, false);
        }
        self.clock = self.clock.max(to);
    }

    /// Moves the clock until no late request is left.
    pub(crate) fn drain(&mut self) {
        // A late request may leave others behind.
        while !self.late_requests.is_empty() {
            self.advance(self.clock + GRACE);
        }
    }

    /// Sends a request; returns its reply.
    pub(crate) fn put(&mut self, request: &SimulatedRequest, body: &[u8]) -> SimulatedReply {
        self.requests += 1;
        let epoch = request.epoch;
        if body != request.expected_body().as_bytes() {
            self.report_violation("a body is not the documents of its range");
        }
        if epoch < self.newest {
            self.report_violation(format!("I4: a body of epoch {epoch} after one of epoch {}", self.newest));
        }
        self.newest = epoch;
        self.promised.take_if(|promise| promise.epoch != epoch);
        request.range.clone().for_each(|index| self.count_send(epoch, index));
        let fault = (self.random.below(100) < self.fault_percent).then(|| self.random.below(16));
        let soon = self.clock + 1 + self.random.below(50);
        let late = self.clock + TIMEOUT;
        let (at, ending) = match fault {
            Some(0) => (late, Err(Failure::Late)),
            Some(1) => {
                let _ = self.execute(request, false);
                (soon, Err(Failure::Broken))
            }
            Some(2) => {
                self.act_later(request.clone());
                (late, Err(Failure::Late))
            }
            Some(3) => (soon, Err(Failure::Unreachable("no route".into()))),
            Some(4) => (soon, Ok(status(503))),
            Some(5) => (soon, Ok(self.server.fail(request))),
            Some(6) => {
                self.act_later(request.clone());
                (late, Ok(status(504)))
            }
            Some(7) => (soon, Ok(status(307))),
            Some(8) => {
                self.act_later(request.clone());
                (soon, Ok(status(202)))
            }
            Some(9) => (soon, Ok(status(401))),
            Some(10) if self.is_in_progress(&request.key) => {
                (soon, Ok(with_body(409, &json!({ "type": "urn:request-in-progress" }))))
            }
            // A list for other documents; the request was not processed.
            Some(11) => {
                let items = vec![json!({ "status": 201 }); request.range.clone().count() + 1];
                (soon, Ok(with_body(207, &items.into())))
            }
            // The server answers and never reads the request.
            Some(13) => (soon, Err(Failure::Early)),
            Some(14) => (soon, Ok(with_body(200, &json!({ "success": false, "code": 503 })))),
            Some(15) => (soon, Ok(with_body(200, &json!({ "statusCode": 500 })))),
            fault => match self.execute(request, fault == Some(12)) {
                Err(Failure::Late) => (late, Err(Failure::Late)),
                ending => (soon, ending),
            },
        };
        self.verdicts += u64::from(!matches!(&ending, Err(_) | Ok(Answer { status: 500..=599, .. })));
        let (at, ending) = match (self.mutant, ending) {
            (Some(Mutant::AckBeforeReply), _) => (self.clock, Ok(status(200))),
            (Some(Mutant::EarlyIsSuccess), Err(Failure::Early)) => (at, Ok(status(200))),
            (Some(mutant), Ok(answer)) => (at, Ok(misread_answer(mutant, answer, &request.range))),
            (_, ending) => (at, ending),
        };
        SimulatedReply { at, range: request.range.clone(), exchange: Exchange { ending, duration: Duration::ZERO } }
    }

    /// Counts that a document is sent, and checks that it was allowed to be.
    fn count_send(&mut self, epoch: u64, index: u64) {
        let count = self.sent.entry((epoch, index)).or_default();
        count.sent += 1;
        let SendCount { sent, allowed } = *count;
        if sent > 1 + allowed {
            let said = format!("I5: document {index} of epoch {epoch} is sent {sent} times for {allowed} reasons");
            self.report_violation(said);
        }
    }

    /// Whether the server remembers keys and still works on this one.
    fn is_in_progress(&self, key: &str) -> bool {
        self.server.remembers() && self.late_requests.iter().any(|late| late.request.key == key)
    }

    fn act_later(&mut self, request: SimulatedRequest) {
        let due = self.clock + self.random.below(GRACE);
        self.late_requests.push(LateRequest { due, request });
    }

    fn execute(&mut self, request: &SimulatedRequest, troubled: bool) -> Result<Answer, Failure> {
        let done = self.server.act(request, troubled);
        if done.acted && request.epoch < self.newest {
            let (epoch, newest) = (request.epoch, self.newest);
            self.report_violation(format!("I4: a request of epoch {epoch} is acted on after one of epoch {newest}"));
        }
        for index in done.open {
            self.act_later(SimulatedRequest {
                range: index..index + 1,
                key: format!("{}#{index}", request.key),
                ..request.clone()
            });
        }
        self.check_promise();
        done.answer
    }

    /// Notes that the program reported a delivery as complete, except for rejected documents.
    pub(crate) fn note_promise(&mut self, epoch: u64, plan: DocumentSet, rejected: BTreeSet<u64>) {
        self.promised = Some(Promise { epoch, plan, rejected });
        self.check_promise();
    }

    /// Checks that every document of the delivery that was reported as complete is stored.
    pub(crate) fn check_promise(&mut self) {
        let Some(Promise { epoch, plan, rejected }) = &self.promised else { return };
        if let Some(index) = self.server.find_missing(plan, rejected) {
            let said = format!("I1: epoch {epoch} is said to be delivered, and document {index} is not there");
            self.report_violation(said);
        }
    }

    /// Allows a document to be sent once more.
    pub(crate) fn allow_resend(&mut self, epoch: u64, index: u64) {
        self.sent.entry((epoch, index)).or_default().allowed += 1;
    }
}

/// The answer as a program with a planted bug would read it.
fn misread_answer(mutant: Mutant, answer: Answer, range: &Range<u64>) -> Answer {
    let items = || serde_json::from_slice::<Vec<Value>>(&answer.body).unwrap_or_default();
    let listed = |change: &dyn Fn(&mut Value)| {
        let mut items = items();
        items.iter_mut().for_each(change);
        with_body(207, &items.into())
    };
    match (mutant, answer.status) {
        (Mutant::RedirectIsSuccess, 307) | (Mutant::PromiseIsSuccess, 202) | (Mutant::ListIsSuccess, 207) => {
            status(200)
        }
        (Mutant::FailureIsSuccess, 200) => status(200),
        (Mutant::CrashIsRejection, 500) => status(422),
        (Mutant::FailureHoldsUpOthers, 500) => Answer { retry_after: Some("86400".into()), ..status(503) },
        (Mutant::RejectionIsRefusal, 400 | 409 | 422) => status(401),
        (Mutant::NumbersIgnored, 207) => listed(&|item| drop(item.as_object_mut().unwrap().remove("index"))),
        (Mutant::OpenItemIsFailure, 207) => listed(&|item| {
            if [202, 502, 504].contains(&item["status"].as_u64().unwrap()) {
                item["status"] = 503.into();
            }
        }),
        (Mutant::ProgressIsRejection, 409) => status(409),
        (Mutant::BatchIsRejected, code @ (400 | 409 | 422)) => {
            with_body(207, &range.clone().map(|_| json!({ "status": code })).collect::<Vec<_>>().into())
        }
        _ => answer,
    }
}
