//! The other end in memory: a network that loses, repeats and delays, with a server behind it.
//!
//! It is also the oracle. What must never happen is noted as a violation at the moment it happens.

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
        server::{Server, said, status},
    },
};

/// The longest time that a request may be acted on after it was sent, in milliseconds.
pub(crate) const GRACE: u64 = 120_000;
/// How long a client waits for an answer.
const TIMEOUT: u64 = 30_000;

/// The documents of a plan.
pub(crate) type Plan = &'static [&'static str];

/// Plans for the same keys, the place of a document being its key. The third is the first with one more document.
pub(crate) const PLANS: [Plan; 4] = [
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}"],
    &["{\"v\":\"b0\"}", "{\"v\":\"a1\"}", "{\"v\":\"b2 that is larger than some servers accept\"}"],
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}", "{\"v\":\"c3\"}"],
    &["{\"v\":\"d0\"}", "{\"v\":\"d1\"}", "{\"v\":\"a2\"}", "{\"v\":\"d3\"}", "{\"v\":\"d4\"}", "{\"v\":\"d5\"}"],
];

/// A request for some documents of a plan in an epoch.
#[derive(Clone)]
pub(crate) struct Request {
    /// The epoch.
    pub(crate) epoch: u64,
    /// All documents of it.
    pub(crate) plan: Plan,
    /// Those of this request.
    pub(crate) range: Range<u64>,
    /// The idempotency key.
    pub(crate) key: String,
}

impl Request {
    /// A document of the plan.
    pub(crate) fn document(&self, index: u64) -> &'static str {
        self.plan[usize::try_from(index).unwrap()]
    }

    /// The body that it must have.
    pub(crate) fn body(&self) -> String {
        format!("[{}]", self.range.clone().map(|index| self.document(index)).collect::<Vec<_>>().join(","))
    }
}

/// A request that may still be acted on.
struct Limbo {
    due: u64,
    request: Request,
}

/// What is on the way back to the client.
pub(crate) struct Reply {
    /// When it comes.
    pub(crate) at: u64,
    /// The documents of the request.
    pub(crate) range: Range<u64>,
    /// What it is.
    pub(crate) exchange: Exchange,
}

/// The network, the server and the clock.
pub(crate) struct World {
    /// Milliseconds.
    pub(crate) clock: u64,
    /// How many of a hundred requests meet a fault.
    pub(crate) faulty: u64,
    /// The first thing that must never happen.
    pub(crate) violation: Option<String>,
    /// How many requests there were.
    pub(crate) requests: u64,
    /// The server.
    pub(crate) server: Server,
    random: Random,
    mutant: Option<Mutant>,
    limbo: Vec<Limbo>,
    newest: u64,
    /// What was promised to be there, with the epoch that promised it.
    promised: Option<(u64, Plan, BTreeSet<u64>)>,
    /// By epoch and document: how often it was sent, and how often that was called for.
    sent: BTreeMap<(u64, u64), (u64, u64)>,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> World {
        let mut random = Random(seed);
        World {
            clock: 0,
            faulty: 0,
            violation: None,
            requests: 0,
            server: Server::new(random.next()),
            random,
            mutant,
            limbo: Vec::new(),
            newest: 0,
            promised: None,
            sent: BTreeMap::new(),
        }
    }

    /// Notes that something happened that must never happen.
    pub(crate) fn blame(&mut self, said: impl Into<String>) {
        self.violation.get_or_insert_with(|| said.into());
    }

    /// The time goes on, and what is due happens.
    pub(crate) fn advance(&mut self, to: u64) {
        while let Some(at) = self.limbo.iter().position(|limbo| limbo.due <= to) {
            let limbo = self.limbo.swap_remove(at);
            self.execute(&limbo.request, false);
        }
        self.clock = self.clock.max(to);
    }

    /// Time goes on until nothing is on the way any more.
    pub(crate) fn calm(&mut self) {
        // What is done late may leave more to be done.
        while !self.limbo.is_empty() {
            self.advance(self.clock + GRACE);
        }
    }

    /// A request for some documents of a plan in an epoch.
    pub(crate) fn put(&mut self, request: &Request, body: &[u8]) -> Reply {
        self.requests += 1;
        let epoch = request.epoch;
        if body != request.body().as_bytes() {
            self.blame("a body is not the documents of its range");
        }
        if epoch < self.newest {
            self.blame(format!("I4: a body of epoch {epoch} after one of epoch {}", self.newest));
        }
        self.newest = epoch;
        self.promised.take_if(|(by, ..)| *by != epoch);
        for index in request.range.clone() {
            let (sent, excuses) = self.sent.entry((epoch, index)).or_default();
            *sent += 1;
            if *sent > 1 + *excuses {
                let said = format!("I5: document {index} of epoch {epoch} is sent {sent} times for {excuses} reasons");
                self.blame(said);
            }
        }
        let fault = (self.random.below(100) < self.faulty).then(|| self.random.below(13));
        let soon = self.clock + 1 + self.random.below(50);
        let late = self.clock + TIMEOUT;
        let (at, ending) = match fault {
            Some(0) => (late, Err(Failure::Late)),
            Some(1) => {
                self.execute(request, false);
                (soon, Err(Failure::Broken))
            }
            Some(2) => {
                self.linger(request.clone());
                (late, Err(Failure::Late))
            }
            Some(3) => (soon, Err(Failure::Unreachable("no route".into()))),
            Some(4) => (soon, Ok(status(503))),
            Some(5) => (soon, Ok(self.server.fail(request))),
            Some(6) => {
                self.linger(request.clone());
                (late, Ok(status(504)))
            }
            Some(7) => (soon, Ok(status(307))),
            Some(8) => {
                self.linger(request.clone());
                (soon, Ok(status(202)))
            }
            Some(9) => (soon, Ok(status(401))),
            Some(10) if self.is_on_the_way(&request.key) => {
                (soon, Ok(said(409, &json!({ "type": "urn:request-in-progress" }))))
            }
            // A list that is about other documents, of which none was looked at.
            Some(11) => {
                let items = vec![json!({ "status": 201 }); request.range.clone().count() + 1];
                (soon, Ok(said(207, &items.into())))
            }
            Some(12) => (soon, Ok(self.execute(request, true))),
            _ => (soon, Ok(self.execute(request, false))),
        };
        let (at, ending) = match (self.mutant, ending) {
            (Some(Mutant::AckBeforeReply), _) => (self.clock, Ok(status(200))),
            (Some(mutant), Ok(answer)) => (at, Ok(misread(mutant, answer, &request.range))),
            (_, ending) => (at, ending),
        };
        Reply { at, range: request.range.clone(), exchange: Exchange { ending, duration: Duration::ZERO } }
    }

    /// A server with a memory for keys knows that it works on one.
    fn is_on_the_way(&self, key: &str) -> bool {
        self.server.remembers() && self.limbo.iter().any(|limbo| limbo.request.key == key)
    }

    fn linger(&mut self, request: Request) {
        let due = self.clock + self.random.below(GRACE);
        self.limbo.push(Limbo { due, request });
    }

    fn execute(&mut self, request: &Request, troubled: bool) -> Answer {
        let done = self.server.act(request, troubled);
        if done.acted && request.epoch < self.newest {
            let (epoch, newest) = (request.epoch, self.newest);
            self.blame(format!("I4: a request of epoch {epoch} is acted on after one of epoch {newest}"));
        }
        for index in done.open {
            self.linger(Request {
                range: index..index + 1,
                key: format!("{}#{index}", request.key),
                ..request.clone()
            });
        }
        self.keeps_promises();
        done.answer
    }

    /// The tool said that a plan was delivered, but for these documents.
    pub(crate) fn promise(&mut self, epoch: u64, plan: Plan, rejected: BTreeSet<u64>) {
        self.promised = Some((epoch, plan, rejected));
        self.keeps_promises();
    }

    pub(crate) fn keeps_promises(&mut self) {
        let Some((epoch, plan, rejected)) = &self.promised else { return };
        if let Some(index) = self.server.missing(plan, rejected) {
            let said = format!("I1: epoch {epoch} is said to be delivered, and document {index} is not there");
            self.blame(said);
        }
    }

    /// A document may be sent once more.
    pub(crate) fn excuse(&mut self, epoch: u64, index: u64) {
        self.sent.entry((epoch, index)).or_default().1 += 1;
    }
}

/// An answer as a program with a bug would understand it.
fn misread(mutant: Mutant, answer: Answer, range: &Range<u64>) -> Answer {
    let items = || serde_json::from_slice::<Vec<Value>>(&answer.body).unwrap_or_default();
    let listed = |change: &dyn Fn(&mut Value)| {
        let mut items = items();
        items.iter_mut().for_each(change);
        said(207, &items.into())
    };
    match (mutant, answer.status) {
        (Mutant::RedirectIsSuccess, 307) | (Mutant::PromiseIsSuccess, 202) | (Mutant::ListIsSuccess, 207) => {
            status(200)
        }
        (Mutant::NumbersIgnored, 207) => listed(&|item| drop(item.as_object_mut().unwrap().remove("index"))),
        (Mutant::OpenItemIsFailure, 207) => listed(&|item| {
            if [202, 502, 504].contains(&item["status"].as_u64().unwrap()) {
                item["status"] = 503.into();
            }
        }),
        (Mutant::ProgressIsRejection, 409) => status(409),
        (Mutant::BatchIsRejected, code @ (400 | 409 | 422)) => {
            said(207, &range.clone().map(|_| json!({ "status": code })).collect::<Vec<_>>().into())
        }
        _ => answer,
    }
}
