//! The other end in memory: a network that loses, repeats and delays, and a server that remembers who did what.
//!
//! It is also the oracle. What must never happen is noted as a violation at the moment it happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use crate::{
    deliver::{answer::Answer, http::Exchange, retry::Random, tests::simulation::mutant::Mutant},
    receipt::Failure,
};

/// The longest time that a request may be acted on after it was sent, in milliseconds.
pub(crate) const GRACE: u64 = 120_000;
/// How long a client waits for an answer.
const TIMEOUT: u64 = 30_000;

/// The documents of a plan.
pub(crate) type Plan = &'static [&'static str];

/// Three plans for the same keys, the place of a document being its key. The last is the first with one more document.
pub(crate) const PLANS: [Plan; 3] = [
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}"],
    &["{\"v\":\"b0\"}", "{\"v\":\"a1\"}", "{\"v\":\"b2 that is larger than some servers accept\"}"],
    &["{\"v\":\"a0\"}", "{\"v\":\"a1\"}", "{\"v\":\"a2\"}", "{\"v\":\"c3\"}"],
];

/// A request that may still be acted on.
struct Limbo {
    due: u64,
    epoch: u64,
    plan: Plan,
    range: Range<u64>,
    key: String,
}

/// What is on the way back to the client.
pub(crate) struct Reply {
    /// When it comes.
    pub(crate) at: u64,
    /// The first document of the request.
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
    random: Random,
    mutant: Option<Mutant>,
    /// The largest body that the server accepts.
    largest: usize,
    stored: BTreeMap<u64, &'static str>,
    /// What was executed, by epoch and document.
    executed: BTreeSet<(u64, u64)>,
    /// The answers that a server with a memory for keys repeats.
    answers: Option<BTreeMap<String, u16>>,
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
            largest: if random.below(4) == 0 { 60 } else { 10_000 },
            answers: (random.below(2) == 0).then(BTreeMap::new),
            random,
            mutant,
            stored: BTreeMap::new(),
            executed: BTreeSet::new(),
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
            self.execute(limbo.epoch, limbo.plan, limbo.range, &limbo.key);
        }
        self.clock = self.clock.max(to);
    }

    /// Time goes on until nothing is on the way any more.
    pub(crate) fn calm(&mut self) {
        self.advance(self.clock + GRACE);
    }

    /// A request for some documents of a plan in an epoch.
    pub(crate) fn put(&mut self, epoch: u64, plan: Plan, range: Range<u64>, body: &[u8], key: &str) -> Reply {
        self.requests += 1;
        let documents = &plan[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        if body != format!("[{}]", documents.join(",")).as_bytes() {
            self.blame("a body is not the documents of its range");
        }
        if epoch < self.newest {
            self.blame(format!("I4: a body of epoch {epoch} after one of epoch {}", self.newest));
        }
        self.newest = epoch;
        self.promised.take_if(|(by, ..)| *by != epoch);
        for index in range.clone() {
            let (sent, excuses) = self.sent.entry((epoch, index)).or_default();
            *sent += 1;
            if *sent > 1 + *excuses {
                let said = format!("I5: document {index} of epoch {epoch} is sent {sent} times for {excuses} reasons");
                self.blame(said);
            }
        }
        let fault = (self.random.below(100) < self.faulty).then(|| self.random.below(10));
        let soon = self.clock + 1 + self.random.below(50);
        let late = self.clock + TIMEOUT;
        let zombie = |world: &mut World| {
            let due = world.clock + world.random.below(GRACE);
            world.limbo.push(Limbo { due, epoch, plan, range: range.clone(), key: key.to_owned() });
        };
        let (at, ending) = match fault {
            Some(0) => (late, Err(Failure::Late)),
            Some(1) => {
                self.serve(epoch, plan, &range, body, key);
                (soon, Err(Failure::Broken))
            }
            Some(2) => {
                zombie(self);
                (late, Err(Failure::Late))
            }
            Some(3) => (soon, Err(Failure::Unreachable("no route".into()))),
            Some(4) => (soon, Ok(503)),
            Some(5) => (soon, Ok(self.failed(key))),
            Some(6) => {
                zombie(self);
                (late, Ok(504))
            }
            Some(7) => (soon, Ok(307)),
            Some(8) => {
                zombie(self);
                (soon, Ok(202))
            }
            Some(9) => (soon, Ok(401)),
            _ => (soon, Ok(self.serve(epoch, plan, &range, body, key))),
        };
        let (at, ending) = match (self.mutant, ending) {
            (Some(Mutant::AckBeforeReply), _) => (self.clock, Ok(200)),
            (Some(Mutant::RedirectIsSuccess), Ok(307)) | (Some(Mutant::PromiseIsSuccess), Ok(202)) => (at, Ok(200)),
            (_, ending) => (at, ending),
        };
        let ending = ending.map(|status| Answer { status, ..Answer::default() });
        Reply { at, range, exchange: Exchange { ending, duration: Duration::ZERO } }
    }

    /// The server fails, and a server with a memory for keys stays with that.
    fn failed(&mut self, key: &str) -> u16 {
        match &mut self.answers {
            Some(answers) => *answers.entry(key.to_owned()).or_insert(500),
            None => 500,
        }
    }

    fn serve(&mut self, epoch: u64, plan: Plan, range: &Range<u64>, body: &[u8], key: &str) -> u16 {
        if body.len() > self.largest { 413 } else { self.execute(epoch, plan, range.clone(), key) }
    }

    fn execute(&mut self, epoch: u64, plan: Plan, range: Range<u64>, key: &str) -> u16 {
        if let Some(status) = self.answers.as_ref().and_then(|answers| answers.get(key)) {
            return *status;
        }
        if epoch < self.newest {
            self.blame(format!("I4: a request of epoch {epoch} is acted on after one of epoch {}", self.newest));
        }
        for index in range {
            self.stored.insert(index, plan[usize::try_from(index).unwrap()]);
            self.executed.insert((epoch, index));
        }
        if let Some(answers) = &mut self.answers {
            answers.insert(key.to_owned(), 200);
        }
        self.keeps_promises();
        200
    }

    /// The tool said that a plan was delivered, but for these documents.
    pub(crate) fn promise(&mut self, epoch: u64, plan: Plan, rejected: BTreeSet<u64>) {
        self.promised = Some((epoch, plan, rejected));
        self.keeps_promises();
    }

    pub(crate) fn keeps_promises(&mut self) {
        let Some((epoch, plan, rejected)) = &self.promised else { return };
        let missing = (0..)
            .zip(*plan)
            .find(|(index, document)| !rejected.contains(index) && self.stored.get(index) != Some(document));
        if let Some((index, _)) = missing {
            let said = format!("I1: epoch {epoch} is said to be delivered, and document {index} is not there");
            self.blame(said);
        }
    }

    /// Whether a document was executed in an epoch.
    pub(crate) fn has_executed(&self, epoch: u64, index: u64) -> bool {
        self.executed.contains(&(epoch, index))
    }

    /// Documents may be sent once more.
    pub(crate) fn excuse(&mut self, epoch: u64, range: Range<u64>) {
        for index in range {
            self.sent.entry((epoch, index)).or_default().1 += 1;
        }
    }
}
