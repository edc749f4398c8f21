//! The server in memory: it stores documents, never takes some, remembers keys, and has a way of its own to say all that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    deliver::{response::Answer, retry::Random},
    simulation::world::{PLANS, Plan, Request},
};

/// How often a server may fail on a document alone before that counts as a refusal.
const CRASHES: u64 = 3;
/// What may become of a good document that a troubled server lists: the last three leave it open.
const TROUBLES: [u16; 9] = [201, 500, 503, 408, 424, 429, 202, 502, 504];

/// Which documents of a batch it names when it refuses it.
#[derive(Clone, Copy)]
enum Names {
    None,
    Bad,
    /// It counts from 1.
    Next,
    All,
}

/// The server.
pub(crate) struct Server {
    /// It takes nothing at all for a while, and says so as it does of single documents.
    pub(crate) outage: bool,
    random: Random,
    /// The largest body that it accepts.
    largest: usize,
    /// The documents that it never takes.
    poison: BTreeSet<&'static str>,
    /// What it says of them.
    rejection: u16,
    names: Names,
    /// It answers with a result for each document,
    lists: bool,
    /// with its number, in any order.
    numbers: bool,
    stored: BTreeMap<u64, &'static str>,
    /// What was executed, by epoch and document.
    executed: BTreeSet<(u64, u64)>,
    /// With which statuses a document was refused by itself, by epoch and document.
    refused: BTreeMap<(u64, u64), BTreeSet<u16>>,
    /// How often it failed on a document alone.
    crashes: BTreeMap<(u64, u64), u64>,
    /// The answers that a server with a memory for keys repeats.
    answers: Option<BTreeMap<String, Answer>>,
}

/// What came of a request.
pub(crate) struct Done {
    /// What the server says.
    pub(crate) answer: Answer,
    /// Something was stored.
    pub(crate) acted: bool,
    /// Documents that may be stored later.
    pub(crate) open: Vec<u64>,
}

impl Server {
    pub(crate) fn new(seed: u64) -> Server {
        let mut random = Random(seed);
        let lists = random.below(3) == 0;
        let contents: Vec<&str> = PLANS.iter().copied().flatten().copied().collect();
        // Two at most: of more, a client must think that it is not the documents.
        let poison = (0..random.below(3)).map(|_| contents[pick(&mut random, contents.len())]).collect();
        Server {
            outage: false,
            largest: if random.below(4) == 0 { 60 } else { 10_000 },
            poison,
            rejection: [400, 409, 422, 413][pick(&mut random, if lists { 4 } else { 3 })],
            names: [Names::None, Names::Bad, Names::Next, Names::All][pick(&mut random, 4)],
            lists,
            numbers: random.below(2) == 0,
            stored: BTreeMap::new(),
            executed: BTreeSet::new(),
            refused: BTreeMap::new(),
            crashes: BTreeMap::new(),
            answers: (random.below(2) == 0).then(BTreeMap::new),
            random,
        }
    }

    /// Whether it gives the same key the same answer.
    pub(crate) fn remembers(&self) -> bool {
        self.answers.is_some()
    }

    /// Whether a document was executed in an epoch.
    pub(crate) fn has_executed(&self, epoch: u64, index: u64) -> bool {
        self.executed.contains(&(epoch, index))
    }

    /// Whether a document was refused by itself in an epoch, with this status.
    pub(crate) fn has_refused(&self, epoch: u64, index: u64, status: u16) -> bool {
        self.refused.get(&(epoch, index)).is_some_and(|statuses| statuses.contains(&status))
    }

    /// The first document of a plan that is not stored, but for some.
    pub(crate) fn missing(&self, plan: Plan, but: &BTreeSet<u64>) -> Option<u64> {
        let mut documents = (0..).zip(plan);
        documents.find(|(index, document)| !but.contains(index) && self.stored.get(index) != Some(document)).map(first)
    }

    /// It fails, and with a memory for keys it stays with that.
    pub(crate) fn fail(&mut self, request: &Request) -> Answer {
        let answer = self.answers.as_ref().and_then(|answers| answers.get(&request.key)).cloned();
        let answer = self.settled(request, answer.unwrap_or_else(|| status(500)));
        if answer.status == 500 && request.range.end - request.range.start == 1 {
            let alone = (request.epoch, request.range.start);
            let crashes = self.crashes.entry(alone).or_default();
            *crashes += 1;
            if *crashes >= CRASHES {
                self.refused.entry(alone).or_default().insert(500);
            }
        }
        answer
    }

    /// It does what it is asked, as far as it takes the documents. `troubled`: it does not come to do all of it.
    pub(crate) fn act(&mut self, request: &Request, troubled: bool) -> Done {
        let done = |answer| Done { answer, acted: false, open: Vec::new() };
        if let Some(answer) = self.answers.as_ref().and_then(|answers| answers.get(&request.key)).cloned() {
            return done(if answer.status == 500 { self.fail(request) } else { answer });
        }
        if request.body().len() > self.largest {
            self.refuse(request, 413);
            return done(status(413));
        }
        if self.lists {
            return self.listed(request, troubled);
        }
        let bad: Vec<u64> = request.range.clone().filter(|index| self.dislikes(request, *index)).collect();
        if bad.is_empty() {
            request.range.clone().for_each(|index| self.store(request, index));
            return Done { answer: self.settled(request, status(200)), acted: true, open: Vec::new() };
        }
        self.refuse(request, self.rejection);
        let named: Vec<u64> = match self.names {
            Names::None => Vec::new(),
            Names::Bad => bad,
            Names::Next => bad.into_iter().map(|index| index + 1).collect(),
            Names::All => request.range.clone().collect(),
        };
        let places =
            named.into_iter().map(|index| json!({ "pointer": format!("#/{}/v", index - request.range.start) }));
        let answer = said(self.rejection, &json!({ "type": "urn:contract", "errors": places.collect::<Vec<_>>() }));
        // Whoever is broken has no memory of it.
        done(if self.outage { answer } else { self.settled(request, answer) })
    }

    fn listed(&mut self, request: &Request, troubled: bool) -> Done {
        let (mut items, mut acted, mut open) = (Vec::new(), false, Vec::new());
        for index in request.range.clone() {
            let status = match troubled.then(|| pick(&mut self.random, TROUBLES.len())) {
                _ if self.dislikes(request, index) && self.outage && self.rejection == 413 => 422,
                _ if self.dislikes(request, index) => self.rejection,
                Some(trouble) => TROUBLES[trouble],
                None => 201,
            };
            match status {
                201 => {
                    self.store(request, index);
                    acted = true;
                }
                202 | 502 | 504 => open.push(index),
                400 | 409 | 413 | 422 => drop(self.refused.entry((request.epoch, index)).or_default().insert(status)),
                _ => {}
            }
            let mut item = json!({ "status": status });
            if self.numbers {
                item["index"] = (index - request.range.start).into();
            }
            items.push(item);
        }
        if self.numbers {
            let at = pick(&mut self.random, items.len());
            items.rotate_left(at);
        }
        let answer = said(207, &items.into());
        // What it does not know yet it does not repeat either.
        let answer = if open.is_empty() && !self.outage { self.settled(request, answer) } else { answer };
        Done { answer, acted, open }
    }

    fn dislikes(&self, request: &Request, index: u64) -> bool {
        self.outage || self.poison.contains(request.document(index))
    }

    /// Notes a refusal, if it is about one document.
    fn refuse(&mut self, request: &Request, status: u16) {
        if request.range.end - request.range.start == 1 {
            self.refused.entry((request.epoch, request.range.start)).or_default().insert(status);
        }
    }

    fn store(&mut self, request: &Request, index: u64) {
        self.stored.insert(index, request.document(index));
        self.executed.insert((request.epoch, index));
    }

    /// From now on the key has this answer.
    fn settled(&mut self, request: &Request, answer: Answer) -> Answer {
        if let Some(answers) = &mut self.answers {
            answers.insert(request.key.clone(), answer.clone());
        }
        answer
    }
}

/// An answer without a body.
pub(crate) fn status(status: u16) -> Answer {
    Answer { status, ..Answer::default() }
}

/// An answer that says something.
pub(crate) fn said(status: u16, body: &Value) -> Answer {
    Answer { status, content_type: "application/json".into(), body: body.to_string().into_bytes(), ..Answer::default() }
}

/// A place in a list of this length.
fn pick(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap()
}

fn first<A, B>((first, _): (A, B)) -> A {
    first
}
