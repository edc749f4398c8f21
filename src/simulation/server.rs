//! A server in memory: it stores documents, rejects some, may remember idempotency keys, and answers in a style of its own.
//!
//! The seed decides the style: which documents it rejects with which status, whether it names them, whether it answers with
//! a result for each. It notes what it did, for the checks of the invariants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    deliver::{response::Answer, retry::Random},
    recording::receipt::Failure,
    simulation::network::{DOCUMENT_SETS, DocumentSet, SimulatedRequest},
};

/// The results that a server in trouble may list for a good document: the last three leave its outcome open.
const TROUBLED_RESULTS: [u16; 9] = [201, 500, 503, 408, 424, 429, 202, 502, 504];

/// Which documents the server names when it rejects a batch.
#[derive(Clone, Copy)]
enum NamedDocuments {
    None,
    Bad,
    /// The bad ones, counted from 1.
    OneBased,
    All,
}

/// What it does with a request that holds a bad document, and always does.
#[derive(Clone, Copy, PartialEq)]
enum BadAnswer {
    /// It rejects it, with the status of its rejections.
    Rejection,
    /// It denies it, as it denies what it does not know.
    Denial,
    /// It answers 200 with a body that tells of failure.
    Telling,
    /// It fails.
    Crash,
    /// It breaks the connection.
    Break,
    /// It does not answer.
    Silence,
}

/// How often each of them occurs.
const BAD_ANSWERS: [BadAnswer; 8] = [
    BadAnswer::Rejection,
    BadAnswer::Rejection,
    BadAnswer::Rejection,
    BadAnswer::Denial,
    BadAnswer::Telling,
    BadAnswer::Crash,
    BadAnswer::Break,
    BadAnswer::Silence,
];

/// The server.
pub(crate) struct SimulatedServer {
    /// It rejects everything for a while, with the answer for a bad document.
    pub(crate) outage: bool,
    random: Random,
    /// The largest body that it accepts.
    largest: usize,
    /// The most documents that it accepts at once.
    most: u64,
    /// The documents that it always rejects.
    poison: BTreeSet<&'static str>,
    bad_answer: BadAnswer,
    /// The status that it rejects them with.
    rejection: u16,
    names: NamedDocuments,
    /// It answers with a result for each document.
    lists: bool,
    /// Each result has an index, and they come in any order.
    numbers: bool,
    stored: BTreeMap<u64, &'static str>,
    /// What was executed, by epoch and document.
    executed: BTreeSet<(u64, u64)>,
    /// The statuses that a document was rejected with by itself, by epoch and document.
    refused: BTreeMap<(u64, u64), BTreeSet<u16>>,
    /// The runs in which it failed on a document alone because of that document, by epoch and document.
    failed: BTreeMap<(u64, u64), BTreeSet<u64>>,
    /// The number of the run that sends.
    pub(crate) run: u64,
    /// The stored answers, if the server repeats its answer to a key.
    answers: Option<BTreeMap<String, Answer>>,
}

/// What the server did with a request.
pub(crate) struct ServerOutcome {
    /// Its answer, or why there is none.
    pub(crate) answer: Result<Answer, Failure>,
    /// Something was stored.
    pub(crate) acted: bool,
    /// Documents that may be stored later.
    pub(crate) open: Vec<u64>,
}

impl SimulatedServer {
    pub(crate) fn new(seed: u64) -> SimulatedServer {
        let mut random = Random(seed);
        let lists = random.below(3) == 0;
        let contents: Vec<&str> = DOCUMENT_SETS.iter().copied().flatten().copied().collect();
        let bad = [0, 1, 2, 2, 6][pick(&mut random, 5)];
        let poison = (0..bad).map(|_| contents[pick(&mut random, contents.len())]).collect();
        let bad_answer = BAD_ANSWERS[pick(&mut random, BAD_ANSWERS.len())];
        SimulatedServer {
            outage: false,
            largest: if random.below(4) == 0 { 60 } else { 10_000 },
            most: if !lists && random.below(4) == 0 { 1 + random.below(3) } else { u64::MAX },
            poison,
            bad_answer,
            rejection: [400, 409, 422, 413][pick(&mut random, 4)],
            names: [NamedDocuments::None, NamedDocuments::Bad, NamedDocuments::OneBased, NamedDocuments::All]
                [pick(&mut random, 4)],
            lists,
            numbers: random.below(2) == 0,
            stored: BTreeMap::new(),
            executed: BTreeSet::new(),
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            run: 0,
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

    /// Whether a document was rejected by itself in an epoch, with this status.
    pub(crate) fn has_refused(&self, epoch: u64, index: u64, status: u16) -> bool {
        self.refused.get(&(epoch, index)).is_some_and(|statuses| statuses.contains(&status))
    }

    /// The first document of a delivery that is not stored, `but` some.
    pub(crate) fn find_missing(&self, plan: DocumentSet, but: &BTreeSet<u64>) -> Option<u64> {
        let mut documents = (0..).zip(plan);
        documents.find(|(index, document)| !but.contains(index) && self.stored.get(index) != Some(document)).map(first)
    }

    /// Fails with status 500. A server that remembers keys repeats that.
    pub(crate) fn fail(&mut self, request: &SimulatedRequest) -> Answer {
        let answer = self.answers.as_ref().and_then(|answers| answers.get(&request.key)).cloned();
        self.remember_answer(request, answer.unwrap_or_else(|| status(500)))
    }

    /// Processes a request, as far as it accepts the documents. `troubled`: it does not process all of it.
    pub(crate) fn act(&mut self, request: &SimulatedRequest, troubled: bool) -> ServerOutcome {
        let done = |answer| ServerOutcome { answer: Ok(answer), acted: false, open: Vec::new() };
        self.note_failures(request);
        if let Some(answer) = self.answers.as_ref().and_then(|answers| answers.get(&request.key)).cloned() {
            return done(if answer.status == 500 { self.fail(request) } else { answer });
        }
        if request.expected_body().len() > self.largest {
            self.note_rejection(request, 413);
            return done(status(413));
        }
        if request.range.end - request.range.start > self.most {
            return done(status(self.rejection));
        }
        if self.lists && self.silence(request).is_none() {
            return self.answer_with_list(request, troubled);
        }
        let bad: Vec<u64> = request.range.clone().filter(|index| self.rejects(request, *index)).collect();
        if bad.is_empty() {
            request.range.clone().for_each(|index| self.store(request, index));
            let answer = Ok(self.remember_answer(request, status(200)));
            return ServerOutcome { answer, acted: true, open: Vec::new() };
        }
        if let Some(failure) = self.silence(request) {
            return ServerOutcome { answer: Err(failure), acted: false, open: Vec::new() };
        }
        match self.bad_answer {
            BadAnswer::Denial if !self.outage => {
                self.note_rejection(request, 403);
                return done(status(403));
            }
            BadAnswer::Telling if !self.outage => {
                self.note_rejection(request, 200);
                return done(with_body(200, &json!({ "success": false })));
            }
            BadAnswer::Crash if !self.outage => return done(self.fail(request)),
            _ => self.note_rejection(request, self.rejection),
        }
        let named: Vec<u64> = match self.names {
            NamedDocuments::None => Vec::new(),
            NamedDocuments::Bad => bad,
            NamedDocuments::OneBased => bad.into_iter().map(|index| index + 1).collect(),
            NamedDocuments::All => request.range.clone().collect(),
        };
        let places =
            named.into_iter().map(|index| json!({ "pointer": format!("#/{}/v", index - request.range.start) }));
        let answer =
            with_body(self.rejection, &json!({ "type": "urn:contract", "errors": places.collect::<Vec<_>>() }));
        // An answer during an outage is not stored.
        done(if self.outage { answer } else { self.remember_answer(request, answer) })
    }

    fn answer_with_list(&mut self, request: &SimulatedRequest, troubled: bool) -> ServerOutcome {
        let (mut items, mut acted, mut open) = (Vec::new(), false, Vec::new());
        for index in request.range.clone() {
            let status = match troubled.then(|| pick(&mut self.random, TROUBLED_RESULTS.len())) {
                _ if self.rejects(request, index) => self.status_of_bad(),
                Some(trouble) => TROUBLED_RESULTS[trouble],
                None => 201,
            };
            match status {
                201 => {
                    self.store(request, index);
                    acted = true;
                }
                202 | 502 | 504 => open.push(index),
                400 | 403 | 409 | 413 | 422 => {
                    self.refused.entry((request.epoch, index)).or_default().insert(status);
                }
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
        let answer = with_body(207, &items.into());
        // An open outcome is not stored either.
        let answer = if open.is_empty() && !self.outage { self.remember_answer(request, answer) } else { answer };
        ServerOutcome { answer: Ok(answer), acted, open }
    }

    /// The status of a bad document in a list of results.
    fn status_of_bad(&self) -> u16 {
        match self.bad_answer {
            BadAnswer::Denial if !self.outage => 403,
            BadAnswer::Crash if !self.outage => 500,
            _ => self.rejection,
        }
    }

    /// How a request with a bad document ends without an answer, if it does.
    fn silence(&self, request: &SimulatedRequest) -> Option<Failure> {
        let is_bad = request.range.clone().any(|index| self.poison.contains(request.document(index)));
        match self.bad_answer {
            _ if self.outage || !is_bad => None,
            BadAnswer::Break => Some(Failure::Broken),
            BadAnswer::Silence => Some(Failure::Late),
            _ => None,
        }
    }

    /// Whether a run of this delivery may end before all is settled, without any fault: its bad documents may be the weather,
    /// or the setup may be at fault.
    pub(crate) fn may_hold_up(&self, plan: DocumentSet) -> bool {
        let bad = self.bad_documents(plan).len();
        match self.bad_answer {
            BadAnswer::Rejection | BadAnswer::Telling => {
                bad > if self.rejection == 413 { 0 } else { 2 } || plan.iter().any(|document| self.is_large(document))
            }
            _ => bad > 0,
        }
    }

    /// Whether it accepts no request with this document: one that is left alone for a run may be the only one.
    fn is_large(&self, document: &str) -> bool {
        document.len() + 2 > self.largest
    }

    /// Whether it executed a smaller document in an epoch.
    pub(crate) fn has_executed_smaller(&self, epoch: u64, plan: DocumentSet, index: u64) -> bool {
        let size = |index: u64| plan[usize::try_from(index).unwrap()].len();
        self.executed.iter().any(|(of, other)| *of == epoch && size(*other) < size(index))
    }

    /// The bad documents of a delivery.
    pub(crate) fn bad_documents(&self, plan: DocumentSet) -> BTreeSet<u64> {
        let is_bad = |document: &&str| self.poison.contains(*document) || self.is_large(document);
        (0..).zip(plan).filter(|(_, document)| is_bad(document)).map(first).collect()
    }

    /// In how many runs it failed on a document alone because of that document.
    pub(crate) fn failed_runs(&self, epoch: u64, index: u64) -> usize {
        self.failed.get(&(epoch, index)).map_or(0, BTreeSet::len)
    }

    /// Whether bytes that are sent again are never needed without a fault.
    pub(crate) fn needs_no_retry(&self) -> bool {
        self.answers.is_none() && self.bad_answer == BadAnswer::Rejection
    }

    fn rejects(&self, request: &SimulatedRequest, index: u64) -> bool {
        self.outage || self.poison.contains(request.document(index))
    }

    /// Notes a rejection, if it is for a single document.
    fn note_rejection(&mut self, request: &SimulatedRequest, status: u16) {
        if request.range.end - request.range.start == 1 {
            self.refused.entry((request.epoch, request.range.start)).or_default().insert(status);
        }
    }

    /// Notes the documents that it fails on alone, whether it does so now or repeats what it answered before.
    fn note_failures(&mut self, request: &SimulatedRequest) {
        let is_alone = self.lists || request.range.end - request.range.start == 1;
        if self.bad_answer != BadAnswer::Crash || !is_alone {
            return;
        }
        for index in request.range.clone().filter(|index| self.poison.contains(request.document(*index))) {
            self.failed.entry((request.epoch, index)).or_default().insert(self.run);
        }
    }

    fn store(&mut self, request: &SimulatedRequest, index: u64) {
        self.stored.insert(index, request.document(index));
        self.executed.insert((request.epoch, index));
    }

    /// Stores the answer for the key.
    fn remember_answer(&mut self, request: &SimulatedRequest, answer: Answer) -> Answer {
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

/// An answer with a JSON body.
pub(crate) fn with_body(status: u16, body: &Value) -> Answer {
    Answer { status, content_type: "application/json".into(), body: body.to_string().into_bytes(), ..Answer::default() }
}

/// A random index into a list of this length.
fn pick(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap()
}

fn first<A, B>((first, _): (A, B)) -> A {
    first
}
