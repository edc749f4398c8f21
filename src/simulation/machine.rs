//! One machine that delivers to one target: runs of the real journal and the real delivery state, which crash, fail and are
//! started again.
//!
//! `run_schedule` is one schedule: a few runs with faults, then one without, which must complete the delivery, and one that
//! must have nothing to send.

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
        batch::{Batch, batches},
        commit::{CommitState, CommitStep, Committer},
        retry::Random,
        state::DeliveryState,
    },
    diagnostic::{Code, Diagnostic},
    digest::{DeliveryTarget, DocumentsDigest, PlanDigest, hex, idempotency_key},
    error::Exit,
    index_ranges,
    journal::{
        BeginError, Disk as _, Journal, Shipment, Start,
        entry::{Entry, InputFile},
    },
    recording::{
        payload::Payload,
        receipt::{Delivery, Rejected, StopReason},
    },
    simulation::{
        disk::{DiskState, SharedDisk},
        mutant::Mutant,
        network::{DOCUMENT_SETS, DocumentSet, GRACE, Network, SimulatedReply, SimulatedRequest},
    },
};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunEnd {
    /// Everything is settled.
    Done,
    /// The run stopped with a finding.
    Stopped,
    /// The process was killed, or the machine died.
    Crashed,
}

/// The terms on which documents are sent: other ones are another delivery to the same target.
#[derive(Clone, Copy)]
struct Terms {
    /// The place of its destinations.
    method: usize,
    /// The `$id` of the contract.
    contract: &'static str,
}

/// How one run reaches the API.
struct Way {
    destination: Arc<Destination>,
    target: DeliveryTarget,
    /// No bytes may be sent again but in parts of a batch.
    is_metered: bool,
}

/// A method of [`CommitState`] that commits.
type CommitMethod = fn(&mut CommitState, &mut DeliveryState, u16, &mut Committer<'_>);

/// The sending of one run.
struct Sending {
    plan: DocumentSet,
    epoch: u64,
    /// When it began.
    begun: u64,
    state: DeliveryState,
    commits: CommitState,
    /// The entries that may not be durable yet.
    appended: Vec<Entry>,
}

/// One machine, its disk, and the network to one target.
pub(crate) struct Simulation {
    random: Random,
    mutant: Option<Mutant>,
    disk: SharedDisk,
    network: Network,
    destinations: [[Arc<Destination>; 2]; 2],
    /// The disk of each target.
    disks: BTreeMap<String, SharedDisk>,
    runs: u64,
    /// After this many network events the process dies.
    fuse: Option<u64>,
    /// After this many network events the run is interrupted.
    signal: Option<u64>,
    /// The documents with a durable acknowledgement, by epoch.
    acknowledged: BTreeMap<u64, BTreeSet<u64>>,
    /// The documents with a durable rejection, by epoch.
    rejected: BTreeMap<u64, BTreeSet<u64>>,
    /// The content of all acknowledged documents, which a planted bug uses.
    contents: BTreeSet<&'static str>,
}

impl Simulation {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>, destinations: &[[Arc<Destination>; 2]; 2]) -> Simulation {
        let mut random = Random(seed);
        let store = DiskState::new(random.next(), mutant);
        Simulation {
            mutant,
            disk: SharedDisk(Rc::new(RefCell::new(store))),
            network: Network::new(random.next(), mutant),
            destinations: destinations.clone(),
            disks: BTreeMap::new(),
            runs: 0,
            fuse: None,
            signal: None,
            acknowledged: BTreeMap::new(),
            rejected: BTreeMap::new(),
            contents: BTreeSet::new(),
            random,
        }
    }

    /// Runs a whole schedule; returns the first violation.
    pub(crate) fn run_schedule(mut self) -> Option<String> {
        let (mut plan, mut terms) = (0, Terms { method: 0, contract: "urn:one" });
        for _ in 0..2 + self.random.below(4) {
            if self.random.below(2) == 0 {
                plan = self.pick(DOCUMENT_SETS.len());
            }
            if self.random.below(4) == 0 {
                terms = Terms { method: self.pick(2), contract: ["urn:one", "urn:two"][self.pick(2)] };
            }
            let way = self.choose_way(terms);
            let supersede = self.random.below(3) > 0;
            self.network.fault_percent = [0, 15, 50][self.pick(3)];
            self.fuse = (self.random.below(4) == 0).then(|| self.random.below(8));
            let (signal, outage) = (self.random.below(6), self.random.below(5));
            self.signal = (self.network.fault_percent > 0 && signal == 0).then(|| self.random.below(8));
            self.network.server.outage = self.network.fault_percent > 0 && outage == 0;
            let (fuse, fault) = (self.random.below(3), self.random.below(6));
            self.disk.0.borrow_mut().fuse = (fuse == 0).then(|| self.random.below(28));
            self.disk.0.borrow_mut().fault = (fault == 0).then(|| self.random.below(24));
            let ended = self.run(plan, &way, supersede);
            let cut = match ended {
                RunEnd::Crashed => self.random.below(2) == 0,
                RunEnd::Done | RunEnd::Stopped => self.random.below(6) == 0,
            };
            for disk in self.disks.values() {
                if cut {
                    disk.0.borrow_mut().cut_power();
                }
                disk.0.borrow_mut().restart();
            }
            let pause = [10, GRACE / 4][self.pick(2)];
            self.network.advance(self.network.clock + self.random.below(pause));
            if self.network.violation.is_some() {
                return self.network.violation;
            }
        }
        (self.network.fault_percent, self.fuse, self.signal) = (0, None, None);
        self.network.server.outage = false;
        self.end_without_faults(plan, terms);
        self.network.drain();
        self.network.check_promise();
        self.network.violation
    }

    /// Runs without faults: the delivery is completed, or its bad documents alone are left.
    fn end_without_faults(&mut self, plan: usize, terms: Terms) {
        let documents = DOCUMENT_SETS[plan];
        let way = self.choose_way(terms);
        let mut ended = self.run(plan, &way, true);
        let may_stop = self.network.server.may_hold_up(documents);
        if ended != RunEnd::Done && may_stop {
            // What the server rejected in an outage while it repeated an older success is rejected for good.
            let rejected = self.rejected.values().next_back().into_iter().flatten().copied();
            let bad = self.network.server.bad_documents(documents).into_iter().chain(rejected).collect();
            if let Some(index) = self.network.server.find_missing(documents, &bad) {
                self.network.report_violation(format!("P1, P2: document {index} stays behind bad ones"));
            }
            let way = self.choose_way(terms);
            ended = self.run(plan, &way, false);
        }
        if ended != RunEnd::Done {
            if !may_stop {
                self.network.report_violation("I10: without any fault a run does not come to its end");
            }
            return;
        }
        let requests = self.network.requests;
        let way = self.choose_way(terms);
        if self.run(plan, &way, false) != RunEnd::Done || self.network.requests != requests {
            self.network.report_violation("I6: a finished delivery is made again");
        }
    }

    /// A random index into a list of this length.
    fn pick(&mut self, length: usize) -> usize {
        usize::try_from(self.random.below(length as u64)).unwrap()
    }

    /// Chooses by which name the API is asked, and takes the disk of this target.
    fn choose_way(&mut self, terms: Terms) -> Way {
        let at = self.pick(2);
        let mut destination = Arc::clone(&self.destinations[terms.method][at]);
        let is_metered = self.network.server.needs_no_retry() && self.random.below(3) == 0;
        if is_metered {
            Arc::make_mut(&mut destination).resend = 0;
        }
        let url = destination.url().unwrap();
        let target = destination.target(&url, terms.contract);
        let disk = match self.mutant {
            Some(Mutant::DoubtByContract) => format!("{} {}", target.id, terms.contract),
            Some(Mutant::DoubtByName) => format!("{} {url}", target.id),
            _ => target.id.clone(),
        };
        let (seed, mutant) = (self.random.next(), self.mutant);
        let new = || SharedDisk(Rc::new(RefCell::new(DiskState::new(seed, mutant))));
        self.disk = self.disks.entry(disk).or_insert_with(new).clone();
        Way { destination, target, is_metered }
    }

    /// Runs one process from its start to its end.
    fn run(&mut self, number: usize, way: &Way, supersede: bool) -> RunEnd {
        self.runs += 1;
        self.network.server.run = self.runs;
        self.network.verdicts = 0;
        let plan = DOCUMENT_SETS[number];
        let mut documents = PlanDigest::new(&way.target);
        for document in plan {
            documents.add(document.as_bytes());
        }
        let digest = |number: usize| [u8::try_from(number).unwrap(); 32];
        let input = InputFile { role: "r".into(), len: plan.len() as u64, blake3: digest(number) };
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.runs.to_be_bytes());
        let DocumentsDigest { digest: plan_digest, documents } = documents.finish();
        let shipment = Shipment { plan: plan_digest, documents, inputs: vec![input], nonce, supersede };
        let mut is_extended = |old: &[InputFile]| number == 2 && old[0].blake3 == digest(0);
        let Ok(mut journal) = Journal::open(self.disk.clone()) else { return self.disk_failure() };
        let start = match journal.begin(&shipment, &mut is_extended) {
            Ok(start) => start,
            Err(BeginError::Disk(_)) => return self.disk_failure(),
            Err(BeginError::Unfinished { open, documents }) => {
                if open > documents || supersede {
                    self.network.report_violation("an earlier delivery is in the way that is not");
                }
                return RunEnd::Stopped;
            }
        };
        let epoch = epoch_number(&start);
        self.check_journal(&start, epoch);
        if start.epoch.done.is_some() {
            self.network.note_promise(epoch, plan, start.epoch.rejected.keys().copied().collect());
            return RunEnd::Done;
        }
        if start.waits
            && (!self.wait_for_late_requests()
                || journal.append(&Entry::Graced {}).and_then(|()| journal.sync()).is_err())
        {
            return self.disk_failure();
        }
        let ended = self.send_documents(plan, way, epoch, &start, &mut journal);
        if ended != RunEnd::Done {
            (0..documents).for_each(|index| self.network.allow_resend(epoch, index));
        }
        ended
    }

    /// How a run ends after a failed disk operation: the disk failed, or the machine died.
    fn disk_failure(&self) -> RunEnd {
        if self.disk.0.borrow().is_dead() { RunEnd::Crashed } else { RunEnd::Stopped }
    }

    /// Checks that what a journal says is true, and that nothing durable is missing.
    fn check_journal(&mut self, start: &Start, epoch: u64) {
        if start.damaged.is_some() {
            self.network.report_violation("I7: a crash damaged a journal beyond its end");
        }
        for index in start.epoch.accepted.iter().cloned().flatten() {
            if !self.network.server.has_executed(epoch, index) {
                self.network.report_violation(format!("I2: document {index} is acknowledged and was never executed"));
            }
        }
        for (index, rejection) in &start.epoch.rejected {
            self.check_rejection(epoch, *index, rejection.status);
            if index_ranges::contains(&start.epoch.accepted, *index) {
                self.network.report_violation(format!("I3: document {index} is both acknowledged and rejected"));
            }
        }
        let known = self.acknowledged.entry(epoch).or_default();
        if let Some(index) = known.iter().find(|index| !start.epoch.is_settled_for(**index)).copied() {
            self.network.report_violation(format!("I7: the durable acknowledgement of document {index} is gone"));
        }
        let known = self.rejected.entry(epoch).or_default();
        if let Some(index) = known.iter().find(|index| !start.epoch.rejected.contains_key(index)).copied() {
            self.network.report_violation(format!("I7: the durable rejection of document {index} is gone"));
        }
        // A run that resumes makes durable what it found.
        if start.epoch.done.is_none() {
            self.rejected.entry(epoch).or_default().extend(start.epoch.rejected.keys());
        }
    }

    /// Checks that the server rejected this document by itself, with this status.
    fn check_rejection(&mut self, epoch: u64, index: u64, status: u16) {
        if status == 500 {
            let runs = self.network.server.failed_runs(epoch, index);
            if runs < 2 {
                self.network.report_violation(format!("P3: document {index} is rejected, and failed in {runs} runs"));
            }
        } else if !self.network.server.has_refused(epoch, index, status) {
            self.network
                .report_violation(format!("I2: document {index} is rejected with {status} and was never refused so"));
        }
    }

    /// Waits for earlier requests; `false`: the process died meanwhile.
    fn wait_for_late_requests(&mut self) -> bool {
        let time = match self.mutant {
            Some(Mutant::NoGrace) => 0,
            Some(Mutant::ShortGrace) => GRACE / 3,
            _ => GRACE,
        };
        let dies = self.fuse.take_if(|left| *left == 0).is_some()
            || self.random.below(6) == 0 && self.network.fault_percent > 0;
        let time = if dies { self.random.below(time.max(1)) } else { time };
        self.network.advance(self.network.clock + time);
        if dies {
            self.disk.0.borrow_mut().fuse = Some(0);
            // The next operation kills the machine.
            let _ = self.disk.names();
        }
        !dies
    }

    /// Sends the documents that are not settled, as far as the run gets.
    fn send_documents(
        &mut self,
        plan: DocumentSet,
        way: &Way,
        epoch: u64,
        start: &Start,
        journal: &mut Journal<SharedDisk>,
    ) -> RunEnd {
        let begun = self.network.clock;
        let state = self.new_state(way, start);
        let mut sending = Sending { plan, epoch, begun, state, commits: CommitState::default(), appended: Vec::new() };
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
        let (mut in_flight, mut more) = (Vec::<SimulatedReply>::new(), true);
        loop {
            let state = &mut sending.state;
            let now = Duration::from_millis(self.network.clock - begun);
            state.check_deadline(now, more);
            more = take_batches(state, &mut batches, more, now);
            if self.mutant == Some(Mutant::DividingIsCharged) {
                state.waiting.iter_mut().for_each(|pending| pending.is_part = false);
            }
            while let Some(pending) = state.next_batch(now) {
                let range = pending.batch.range.clone();
                let key = self.choose_key(start, &range, pending.key_turn());
                in_flight.push(self.put_batch(plan, epoch, start, range, &pending.wire, &key));
            }
            if state.is_idle() && (!state.is_running() || (!more && state.is_drained())) {
                break;
            }
            if burn(&mut self.fuse) {
                return RunEnd::Crashed;
            }
            if burn(&mut self.signal) {
                state.stop(Exit::Interrupted, Diagnostic::new(Code::DeliverInterrupted, ""));
                if self.random.below(2) == 0 {
                    break;
                }
            }
            match (0..in_flight.len()).min_by_key(|at| in_flight[*at].at) {
                None => {
                    let wake = u64::try_from(state.wake_time(now, more).as_millis()).unwrap();
                    self.network.advance(begun + wake + 1);
                }
                Some(next) => {
                    self.apply_reply(&mut sending, in_flight.swap_remove(next), journal);
                    if self.disk.0.borrow().is_dead() {
                        return RunEnd::Crashed;
                    }
                }
            }
        }
        self.end_sending(sending, open.len(), start, journal)
    }

    fn new_state(&mut self, way: &Way, start: &Start) -> DeliveryState {
        let accepted = start.epoch.counts().accepted;
        let mut state = DeliveryState::new(Arc::clone(&way.destination), self.random.next(), accepted);
        if way.is_metered {
            state.min_resent_bytes = 0;
        }
        state.failed_before.clone_from(&start.epoch.failed);
        if self.mutant == Some(Mutant::OversizeIsBelieved) {
            state.largest_accepted = 1;
        }
        if self.mutant == Some(Mutant::OneRunIsEnough) {
            state.failed_before.extend((0..start.epoch.header.docs).map(|index| (index, 500)));
        }
        state
    }

    fn is_pending(&self, plan: DocumentSet, index: u64, start: &Start) -> bool {
        let known =
            self.mutant == Some(Mutant::AcksByContent) && self.contents.contains(plan[usize::try_from(index).unwrap()]);
        let is_settled = match self.mutant {
            Some(Mutant::RejectForgotten) => index_ranges::contains(&start.epoch.accepted, index),
            _ => start.epoch.is_settled_for(index),
        };
        !known && !is_settled
    }

    fn choose_key(&self, start: &Start, range: &Range<u64>, turn: u64) -> String {
        match self.mutant {
            Some(Mutant::KeyWithoutNonce) => idempotency_key([0; 16], range, turn, "none"),
            Some(Mutant::KeyNeverTurns) => idempotency_key(start.epoch.header.nonce, range, 0, "none"),
            _ => idempotency_key(start.epoch.header.nonce, range, turn, "none"),
        }
    }

    fn put_batch(
        &mut self,
        plan: DocumentSet,
        epoch: u64,
        start: &Start,
        range: Range<u64>,
        body: &Bytes,
        key: &str,
    ) -> SimulatedReply {
        if !self.disk.0.borrow().has_durable_header(&hex(&start.epoch.header.nonce)) {
            self.network.report_violation("I8: a body leaves before its header is durable");
        }
        let settled = [&self.acknowledged, &self.rejected].map(|all| all.get(&epoch));
        if let Some(index) = range.clone().find(|index| settled.iter().flatten().any(|settled| settled.contains(index)))
        {
            self.network.report_violation(format!("I5: document {index} is sent again, and was settled"));
        }
        self.network.put(&SimulatedRequest { epoch, plan, range, key: key.to_owned() }, body)
    }

    fn apply_reply(&mut self, sending: &mut Sending, reply: SimulatedReply, journal: &mut Journal<SharedDisk>) {
        self.network.advance(reply.at);
        let (status, range) = (reply.exchange.status(), reply.range);
        let now = Duration::from_millis(self.network.clock - sending.begun);
        sending.state.apply_exchange(range.start, reply.exchange, now, Timestamp::UNIX_EPOCH);
        if self.mutant == Some(Mutant::FirstOnesDecide) && sending.state.suspects.len() > 1 {
            sending.state.stop(Exit::Refused, Diagnostic::new(Code::DeliverRejected, ""));
        }
        // With a fast server, not every answer is synced by itself.
        let method = [CommitState::append, CommitState::sync][usize::try_from(self.random.below(2)).unwrap()];
        self.commit(sending, status, journal, method);
        for index in range.filter(|index| !is_decided(&sending.state, *index)) {
            self.network.allow_resend(sending.epoch, index);
        }
    }

    /// Gives up what is in flight, commits the outcomes, and ends the run.
    fn end_sending(
        &mut self,
        mut sending: Sending,
        pending: usize,
        start: &Start,
        journal: &mut Journal<SharedDisk>,
    ) -> RunEnd {
        sending.state.abandon_in_flight();
        let delivery = &mut sending.state.delivery;
        if self.mutant == Some(Mutant::SameProblemIsRejected) {
            delivery.rejected.append(&mut delivery.same_problem);
        }
        self.commit(&mut sending, 0, journal, CommitState::commit_all);
        if self.disk.0.borrow().is_dead() {
            return RunEnd::Crashed;
        }
        self.check_certainty(start, &sending.state.delivery, pending);
        self.finish_delivery(sending.plan, sending.epoch, start, &sending.state, journal)
    }

    /// Commits the outcomes of the delivery, after an answer with this status.
    fn commit(&mut self, sending: &mut Sending, status: u16, journal: &mut Journal<SharedDisk>, commit: CommitMethod) {
        let Sending { plan, epoch, state, commits, appended, .. } = sending;
        let (plan, epoch) = (*plan, *epoch);
        let mutant = self.mutant;
        let mut durable = Vec::new();
        commit(commits, state, status, &mut |step| {
            let CommitStep::Append(entry) = step else {
                journal.sync()?;
                durable.append(appended);
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
            appended.push(entry.clone());
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
                    self.check_rejection(epoch, index, status);
                    if status == 413 && !self.network.server.has_executed_smaller(epoch, plan, index) {
                        self.network.report_violation(format!(
                            "P6: document {index} is said to be too large, and none smaller was accepted"
                        ));
                    }
                    self.rejected.entry(epoch).or_default().insert(index);
                }
                _ => {}
            }
        }
    }

    /// Checks that no document is rejected while the setup may be at fault: the API accepts nothing, or the run was stopped.
    /// Fewer than three documents prove nothing.
    fn check_certainty(&mut self, start: &Start, delivery: &Delivery, pending: usize) {
        let is_refused = |rejected: &&Rejected| rejected.finding.code == Code::DeliverRejected;
        let refused = delivery.rejected.iter().filter(is_refused).count();
        let accepts = !delivery.accepted.is_empty() || !start.epoch.accepted.is_empty();
        // A document that is too large is rejected for its own size.
        let others = delivery.rejected.len() - refused;
        let is_open = delivery.stopped.is_some() || (self.network.server.outage && pending - others > 2);
        // Different problems are those of the documents.
        let statuses: BTreeSet<u16> = delivery.rejected.iter().filter(is_refused).map(|one| one.status).collect();
        if refused > 0 && statuses.len() == 1 && !accepts && is_open {
            self.network
                .report_violation(format!("I11: {refused} of {pending} documents are rejected, and none was accepted"));
        }
    }

    fn finish_delivery(
        &mut self,
        plan: DocumentSet,
        epoch: u64,
        start: &Start,
        state: &DeliveryState,
        journal: &mut Journal<SharedDisk>,
    ) -> RunEnd {
        let delivery = &state.delivery;
        if let Some(StopReason { exit, finding }) = &delivery.stopped {
            let is_cap = finding.message.contains("`resend`");
            let exit = if self.mutant == Some(Mutant::CapIsRefusal) && is_cap { &Exit::Refused } else { exit };
            if *exit == Exit::Refused && self.network.verdicts == 0 {
                self.network.report_violation("P4: the API refused nothing, and the run says it did");
            }
            let may_stop = self.network.server.may_hold_up(plan);
            if self.network.fault_percent == 0 && !may_stop && !self.disk.0.borrow().has_failed() {
                self.network
                    .report_violation(format!("I10: without any fault a run ends with {exit:?}: {}", finding.message));
            }
            if matches!(exit, Exit::Bug | Exit::Config) {
                self.network.report_violation("a run ends in a bug");
            }
            return RunEnd::Stopped;
        }
        let rejected: BTreeSet<u64> = delivery
            .rejected
            .iter()
            .map(|rejected| rejected.index)
            .chain(start.epoch.rejected.keys().copied())
            .collect();
        let settled = index_ranges::count(&delivery.accepted) + start.epoch.counts().accepted + rejected.len() as u64;
        if settled != plan.len() as u64 && self.mutant != Some(Mutant::AcksByContent) {
            self.network.report_violation(format!("I3: {settled} of {} documents are settled at the end", plan.len()));
        }
        if journal.finish().is_err() {
            return self.disk_failure();
        }
        self.network.note_promise(epoch, plan, rejected);
        RunEnd::Done
    }
}

/// Whether this run need not send a document again.
fn is_decided(state: &DeliveryState, index: u64) -> bool {
    let rejected = state.delivery.rejected.iter().chain(&state.delivery.same_problem);
    let is_rejected =
        rejected.chain(state.suspects.iter().map(|suspect| &suspect.rejected)).any(|rejected| rejected.index == index);
    is_rejected || index_ranges::contains(&state.delivery.accepted, index)
}

/// Takes the batches that the state wants; whether there may be more.
fn take_batches(
    state: &mut DeliveryState,
    batches: &mut dyn Iterator<Item = Batch>,
    mut more: bool,
    now: Duration,
) -> bool {
    while more && state.wants_batch(now) {
        match batches.next() {
            Some(batch) => state.add_batch(batch.clone(), batch.body),
            None => more = false,
        }
    }
    state.set_more(more);
    more
}

/// Counts one event; whether the fuse is burnt down now.
fn burn(fuse: &mut Option<u64>) -> bool {
    let now = *fuse == Some(0);
    *fuse = fuse.and_then(|left| left.checked_sub(1));
    now
}

/// The number of the run that began an epoch.
fn epoch_number(start: &Start) -> u64 {
    start.epoch.header.nonce[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
