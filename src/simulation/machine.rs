//! One machine, one target and all that happens to them: runs of the real journal and the real state, which die, fail and
//! are started again.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    config::profile::destination::{BodyShape, Destination, Limits},
    deliver::{
        batch::batches,
        commit::{CommitState, CommitStep, Committer},
        retry::Random,
        state::DeliveryState,
    },
    diagnostic::{Code, Diagnostic},
    digest::{hex, idempotency_key},
    error::Exit,
    index_ranges,
    journal::{
        BeginError, Disk as _, Journal, Shipment, Start,
        entry::{Entry, InputFile},
    },
    recording::{
        payload::Payload,
        receipt::{Delivery, Rejected},
    },
    simulation::{
        disk::{Shared, Store},
        mutant::Mutant,
        world::{GRACE, PLANS, Plan, Reply, Request, World},
    },
};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Everything is settled.
    Done,
    /// It stopped, and said so.
    Stopped,
    /// It was killed, or the power was cut.
    Crashed,
}

/// One of the ways to commit.
type CommitMethod = fn(&mut CommitState, &mut DeliveryState, u16, &mut Committer<'_>);

/// The sending of one run.
struct Sending {
    plan: Plan,
    epoch: u64,
    /// When it began.
    begun: u64,
    state: DeliveryState,
    commits: CommitState,
    /// The entries that may not be durable yet.
    taken: Vec<Entry>,
}

/// One machine, one target, and all that happens to them.
pub(crate) struct Simulation {
    random: Random,
    mutant: Option<Mutant>,
    disk: Shared,
    world: World,
    destinations: [Arc<Destination>; 2],
    runs: u64,
    /// After this many events of the network the process dies.
    fuse: Option<u64>,
    /// After this many it is interrupted.
    signal: Option<u64>,
    /// What was durably acknowledged, by epoch.
    acknowledged: BTreeMap<u64, BTreeSet<u64>>,
    /// What was durably rejected, by epoch.
    rejected: BTreeMap<u64, BTreeSet<u64>>,
    /// The contents that were acknowledged at any time: what a planted bug remembers.
    contents: BTreeSet<&'static str>,
}

impl Simulation {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>, destinations: &[Arc<Destination>; 2]) -> Simulation {
        let mut random = Random(seed);
        let store = Store::new(random.next(), mutant);
        Simulation {
            mutant,
            disk: Shared(Rc::new(RefCell::new(store))),
            world: World::new(random.next(), mutant),
            destinations: destinations.clone(),
            runs: 0,
            fuse: None,
            signal: None,
            acknowledged: BTreeMap::new(),
            rejected: BTreeMap::new(),
            contents: BTreeSet::new(),
            random,
        }
    }

    /// A whole schedule; the first violation, if there is one.
    pub(crate) fn schedule(mut self) -> Option<String> {
        let mut plan = 0;
        for _ in 0..2 + self.random.below(4) {
            if self.random.below(2) == 0 {
                plan = usize::try_from(self.random.below(PLANS.len() as u64)).unwrap();
            }
            let supersede = self.random.below(3) > 0;
            self.world.faulty = [0, 15, 50][usize::try_from(self.random.below(3)).unwrap()];
            self.fuse = (self.random.below(4) == 0).then(|| self.random.below(8));
            let (signal, outage) = (self.random.below(6), self.random.below(5));
            self.signal = (self.world.faulty > 0 && signal == 0).then(|| self.random.below(8));
            self.world.server.outage = self.world.faulty > 0 && outage == 0;
            let (fuse, fault) = (self.random.below(3), self.random.below(6));
            self.disk.0.borrow_mut().fuse = (fuse == 0).then(|| self.random.below(28));
            self.disk.0.borrow_mut().fault = (fault == 0).then(|| self.random.below(24));
            let ended = self.run(plan, supersede);
            let cut = match ended {
                Ended::Crashed => self.random.below(2) == 0,
                Ended::Done | Ended::Stopped => self.random.below(6) == 0,
            };
            if cut {
                self.disk.0.borrow_mut().cut_power();
            }
            self.disk.0.borrow_mut().restart();
            let pause = [10, GRACE / 4][usize::try_from(self.random.below(2)).unwrap()];
            self.world.advance(self.world.clock + self.random.below(pause));
            if self.world.violation.is_some() {
                return self.world.violation;
            }
        }
        (self.world.faulty, self.fuse, self.signal) = (0, None, None);
        self.world.server.outage = false;
        if self.run(plan, true) != Ended::Done {
            self.world.blame("I10: without any fault a run does not come to its end");
        }
        let requests = self.world.requests;
        if self.run(plan, false) != Ended::Done || self.world.requests != requests {
            self.world.blame("I6: a finished delivery is made again");
        }
        self.world.calm();
        self.world.keeps_promises();
        self.world.violation
    }

    /// One process from its start to its end.
    fn run(&mut self, number: usize, supersede: bool) -> Ended {
        self.runs += 1;
        let plan = PLANS[number];
        let digest = |number: usize| [u8::try_from(number).unwrap(); 32];
        let input = InputFile { role: "r".into(), len: plan.len() as u64, blake3: digest(number) };
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.runs.to_be_bytes());
        let documents = plan.len() as u64;
        let shipment = Shipment { plan: digest(number), documents, inputs: vec![input], nonce, supersede };
        let mut extended = |old: &[InputFile]| number == 2 && old[0].blake3 == digest(0);
        let Ok(mut journal) = Journal::open(self.disk.clone()) else { return self.failed() };
        let start = match journal.begin(&shipment, &mut extended) {
            Ok(start) => start,
            Err(BeginError::Disk(_)) => return self.failed(),
            Err(BeginError::Unfinished { open, documents }) => {
                if open > documents || supersede {
                    self.world.blame("an earlier delivery is in the way that is not");
                }
                return Ended::Stopped;
            }
        };
        let epoch = epoch(&start);
        self.look(&start, epoch);
        if start.epoch.done.is_some() {
            self.world.promise(epoch, plan, start.epoch.rejected.keys().copied().collect());
            return Ended::Done;
        }
        if start.waits && (!self.waited() || journal.append(&Entry::Graced {}).and_then(|()| journal.sync()).is_err()) {
            return self.failed();
        }
        let ended = self.send(plan, epoch, &start, &mut journal);
        if ended != Ended::Done {
            (0..documents).for_each(|index| self.world.excuse(epoch, index));
        }
        ended
    }

    /// A failure of the disk, or the death of the machine.
    fn failed(&self) -> Ended {
        if self.disk.0.borrow().is_dead() { Ended::Crashed } else { Ended::Stopped }
    }

    /// What a journal says is true, and nothing that was durable is missing.
    fn look(&mut self, start: &Start, epoch: u64) {
        if start.damaged.is_some() {
            self.world.blame("I7: a crash damaged a journal beyond its end");
        }
        for index in start.epoch.accepted.iter().cloned().flatten() {
            if !self.world.server.has_executed(epoch, index) {
                self.world.blame(format!("I2: document {index} is acknowledged and was never executed"));
            }
        }
        for (index, rejection) in &start.epoch.rejected {
            self.is_just(epoch, *index, rejection.status);
            if index_ranges::contains(&start.epoch.accepted, *index) {
                self.world.blame(format!("I3: document {index} is both acknowledged and rejected"));
            }
        }
        let known = self.acknowledged.entry(epoch).or_default();
        if let Some(index) = known.iter().find(|index| !start.epoch.is_settled_for(**index)).copied() {
            self.world.blame(format!("I7: the durable acknowledgement of document {index} is gone"));
        }
        let known = self.rejected.entry(epoch).or_default();
        if let Some(index) = known.iter().find(|index| !start.epoch.rejected.contains_key(index)).copied() {
            self.world.blame(format!("I7: the durable rejection of document {index} is gone"));
        }
    }

    /// Only what the server refused by itself, and so, is rejected.
    fn is_just(&mut self, epoch: u64, index: u64, status: u16) {
        if !self.world.server.has_refused(epoch, index, status) {
            self.world.blame(format!("I2: document {index} is rejected with {status} and was never refused so"));
        }
    }

    /// Waits for earlier requests; `false`: the process died meanwhile.
    fn waited(&mut self) -> bool {
        let time = match self.mutant {
            Some(Mutant::NoGrace) => 0,
            Some(Mutant::ShortGrace) => GRACE / 3,
            _ => GRACE,
        };
        let dies = self.fuse.take_if(|left| *left == 0).is_some() || self.random.below(6) == 0 && self.world.faulty > 0;
        let time = if dies { self.random.below(time.max(1)) } else { time };
        self.world.advance(self.world.clock + time);
        if dies {
            self.disk.0.borrow_mut().fuse = Some(0);
            // Whatever it does next is its last.
            let _ = self.disk.names();
        }
        !dies
    }

    /// The documents that are not settled, in batches, as far as the run gets.
    fn send(&mut self, plan: Plan, epoch: u64, start: &Start, journal: &mut Journal<Shared>) -> Ended {
        let begun = self.world.clock;
        let destination = &self.destinations[usize::try_from(self.random.below(2)).unwrap()];
        let state = DeliveryState::new(Arc::clone(destination), self.random.next(), start.epoch.counts().accepted > 0);
        let mut sending = Sending { plan, epoch, begun, state, commits: CommitState::default(), taken: Vec::new() };
        let limits = Limits { documents: Some(1 + self.random.below(4)), bytes: None };
        let open: Vec<u64> = (0..plan.len() as u64).filter(|index| self.is_pending(plan, *index, start)).collect();
        if self.mutant == Some(Mutant::AcksByContent) {
            for index in (0..plan.len() as u64).filter(|index| !open.contains(index)) {
                let ranges = std::iter::once(index..index + 1).collect();
                let _ = journal.append(&Entry::Ack { ranges, status: 200 });
            }
        }
        let payloads = open
            .iter()
            .map(|index| Payload::conforming(*index, plan[usize::try_from(*index).unwrap()].as_bytes().to_vec()));
        let mut batches = batches(payloads, limits, BodyShape::Array);
        let (mut in_flight, mut more) = (Vec::<Reply>::new(), true);
        loop {
            let state = &mut sending.state;
            let now = Duration::from_millis(self.world.clock - begun);
            state.check_deadline(now, more);
            while more && state.wants_batch(now) {
                match batches.next() {
                    Some(batch) => state.add_batch(batch.clone(), batch.body),
                    None => more = false,
                }
            }
            while let Some(pending) = state.next_batch(now) {
                let range = pending.batch.range.clone();
                let key = self.key(start, &range, pending.key_turn());
                in_flight.push(self.put(plan, epoch, start, range, &pending.wire, &key));
            }
            if state.is_idle() && (!state.goes_on() || (!more && state.is_drained())) {
                break;
            }
            if burnt(&mut self.fuse) {
                return Ended::Crashed;
            }
            if burnt(&mut self.signal) {
                state.stop(Exit::Interrupted, Diagnostic::new(Code::DeliverInterrupted, ""));
                if self.random.below(2) == 0 {
                    break;
                }
            }
            match (0..in_flight.len()).min_by_key(|at| in_flight[*at].at) {
                None => {
                    let wake = u64::try_from(state.wake_time(now, more).as_millis()).unwrap();
                    self.world.advance(begun + wake + 1);
                }
                Some(next) => {
                    self.answered(&mut sending, in_flight.swap_remove(next), journal);
                    if self.disk.0.borrow().is_dead() {
                        return Ended::Crashed;
                    }
                }
            }
        }
        self.end(sending, open.len(), start, journal)
    }

    fn is_pending(&self, plan: Plan, index: u64, start: &Start) -> bool {
        let known =
            self.mutant == Some(Mutant::AcksByContent) && self.contents.contains(plan[usize::try_from(index).unwrap()]);
        let is_settled = match self.mutant {
            Some(Mutant::RejectForgotten) => index_ranges::contains(&start.epoch.accepted, index),
            _ => start.epoch.is_settled_for(index),
        };
        !known && !is_settled
    }

    fn key(&self, start: &Start, range: &Range<u64>, turn: u64) -> String {
        match self.mutant {
            Some(Mutant::KeyWithoutNonce) => idempotency_key([0; 16], range, turn),
            Some(Mutant::KeyNeverTurns) => idempotency_key(start.epoch.header.nonce, range, 0),
            _ => idempotency_key(start.epoch.header.nonce, range, turn),
        }
    }

    fn put(&mut self, plan: Plan, epoch: u64, start: &Start, range: Range<u64>, body: &Bytes, key: &str) -> Reply {
        if !self.disk.0.borrow().surely_holds(&hex(&start.epoch.header.nonce)) {
            self.world.blame("I8: a body leaves before its header is durable");
        }
        let settled = [&self.acknowledged, &self.rejected].map(|all| all.get(&epoch));
        if let Some(index) = range.clone().find(|index| settled.iter().flatten().any(|settled| settled.contains(index)))
        {
            self.world.blame(format!("I5: document {index} is sent again, and was settled"));
        }
        self.world.put(&Request { epoch, plan, range, key: key.to_owned() }, body)
    }

    fn answered(&mut self, sending: &mut Sending, reply: Reply, journal: &mut Journal<Shared>) {
        self.world.advance(reply.at);
        let (status, range) = (reply.exchange.status(), reply.range);
        let now = Duration::from_millis(self.world.clock - sending.begun);
        sending.state.apply_exchange(range.start, reply.exchange, now, Timestamp::UNIX_EPOCH);
        // A fast server is not waited for by the disk.
        let method = [CommitState::append, CommitState::sync][usize::try_from(self.random.below(2)).unwrap()];
        self.commit(sending, status, journal, method);
        for index in range.filter(|index| !is_decided(&sending.state, *index)) {
            self.world.excuse(sending.epoch, index);
        }
    }

    /// Nothing is sent any more, and nothing is waited for.
    fn end(&mut self, mut sending: Sending, pending: usize, start: &Start, journal: &mut Journal<Shared>) -> Ended {
        sending.state.abandon_in_flight();
        let delivery = &mut sending.state.delivery;
        if self.mutant == Some(Mutant::SameProblemIsRejected) {
            delivery.rejected.append(&mut delivery.same_problem);
        }
        self.commit(&mut sending, 0, journal, CommitState::commit_all);
        if self.disk.0.borrow().is_dead() {
            return Ended::Crashed;
        }
        self.is_certain(start, &sending.state.delivery, pending);
        self.finish(sending.plan, sending.epoch, start, &sending.state, journal)
    }

    /// Records what the state settled, by an answer with this status.
    fn commit(&mut self, sending: &mut Sending, status: u16, journal: &mut Journal<Shared>, commit: CommitMethod) {
        let Sending { plan, epoch, state, commits, taken, .. } = sending;
        let (plan, epoch) = (*plan, *epoch);
        let mutant = self.mutant;
        let mut durable = Vec::new();
        commit(commits, state, status, &mut |step| {
            let CommitStep::Append(entry) = step else {
                journal.sync()?;
                durable.append(taken);
                return Ok(());
            };
            match (mutant, entry) {
                (Some(Mutant::AckNotWritten), Entry::Ack { .. })
                | (Some(Mutant::RejectNotWritten), Entry::Reject { .. }) => {}
                (Some(Mutant::RejectWithLastStatus), Entry::Reject { index, code, .. }) => {
                    journal.append(&Entry::Reject { index: *index, status, code: code.clone() })?;
                }
                _ => journal.append(entry)?,
            }
            taken.push(entry.clone());
            Ok(())
        });
        for entry in durable {
            match entry {
                Entry::Ack { ranges, .. } => {
                    for index in ranges.into_iter().flatten() {
                        self.acknowledged.entry(epoch).or_default().insert(index);
                        self.contents.insert(plan[usize::try_from(index).unwrap()]);
                    }
                }
                Entry::Reject { index, status, .. } => {
                    self.is_just(epoch, index, status);
                    self.rejected.entry(epoch).or_default().insert(index);
                }
                _ => {}
            }
        }
    }

    /// When an API takes nothing, it is not the documents, and a run that was stopped cannot know. Fewer than three tell
    /// nothing.
    fn is_certain(&mut self, start: &Start, delivery: &Delivery, pending: usize) {
        let is_refused = |rejected: &&Rejected| rejected.finding.code == Code::DeliverRejected;
        let refused = delivery.rejected.iter().filter(is_refused).count();
        let accepts = !delivery.accepted.is_empty() || !start.epoch.accepted.is_empty();
        // What is too large says so of itself.
        let others = delivery.rejected.len() - refused;
        let is_open = delivery.stopped.is_some() || (self.world.server.outage && pending - others > 2);
        if refused > 0 && !accepts && is_open {
            self.world.blame(format!("I11: {refused} of {pending} documents are rejected, and none was accepted"));
        }
    }

    fn finish(
        &mut self,
        plan: Plan,
        epoch: u64,
        start: &Start,
        state: &DeliveryState,
        journal: &mut Journal<Shared>,
    ) -> Ended {
        let delivery = &state.delivery;
        if let Some((exit, finding)) = &delivery.stopped {
            if self.world.faulty == 0 && !self.disk.0.borrow().has_failed() {
                self.world.blame(format!("I10: without any fault a run ends with {exit:?}: {}", finding.message));
            }
            if matches!(exit, Exit::Bug | Exit::Config) {
                self.world.blame("a run ends in a bug");
            }
            return Ended::Stopped;
        }
        let rejected: BTreeSet<u64> = delivery
            .rejected
            .iter()
            .map(|rejected| rejected.index)
            .chain(start.epoch.rejected.keys().copied())
            .collect();
        let settled = index_ranges::count(&delivery.accepted) + start.epoch.counts().accepted + rejected.len() as u64;
        if settled != plan.len() as u64 && self.mutant != Some(Mutant::AcksByContent) {
            self.world.blame(format!("I3: {settled} of {} documents are settled at the end", plan.len()));
        }
        if journal.finish().is_err() {
            return self.failed();
        }
        self.world.promise(epoch, plan, rejected);
        Ended::Done
    }
}

/// Whether a document need not be sent again by this run.
fn is_decided(state: &DeliveryState, index: u64) -> bool {
    let rejected = [&state.delivery.rejected, &state.delivery.same_problem, &state.suspects];
    let is_rejected = rejected.into_iter().flatten().any(|rejected| rejected.index == index);
    is_rejected || index_ranges::contains(&state.delivery.accepted, index)
}

/// Whether something happens now; if not, it is one event nearer.
fn burnt(fuse: &mut Option<u64>) -> bool {
    let now = *fuse == Some(0);
    *fuse = fuse.and_then(|left| left.checked_sub(1));
    now
}

/// The number of the run that began an epoch.
fn epoch(start: &Start) -> u64 {
    start.epoch.header.nonce[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
