//! Payloads -> receipts: sends documents in batches until each has an outcome or the run has to stop.
//!
//! Only a complete answer with an accepted status and the expected shape acknowledges a batch; a batch in doubt is sent
//! again with the same bytes. Collecting, compressing and sending overlap, each on its own thread, and each holds one batch
//! at a time, so memory stays small.
//! `state` and `transitions` decide, `response` reads one answer, `bisect` says how bad documents are found, `http` does one
//! exchange; this file only waits.

pub mod batch;
pub mod verdict;
pub mod success_body;
pub mod answer_names;
pub mod answer_values;
pub mod problem_details;
pub mod failure_words;
pub mod item_order;
pub mod result_rows;
pub mod inner_json;
pub mod item_results;
pub mod retry;
pub mod response;
pub mod request_body;
pub mod http;
pub mod bisect;
pub mod denials;
pub mod divisions;
pub mod lone_failures;
pub mod state;
pub mod transitions;
pub mod commit;
pub mod signals;
pub mod notices;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet, yield_now},
    time::{Instant, sleep_until},
};

use crate::{
    config::profile::{destination::Destination, settings::Collection},
    deliver::{
        batch::{Batch, batches, compress},
        commit::{CommitState, Committer, DurableCounts},
        http::{Exchange, HttpClient},
        notices::{describe_stopping, describe_trouble},
        signals::Signals,
        state::{DeliveryState, PendingBatch},
    },
    diagnostic::{Code, Diagnostic},
    digest::idempotency_key,
    error::Exit,
    io_cause::describe_cause,
    recording::{
        payload::Payload,
        receipt::{Delivery, Receipt, StopReason, Volume},
    },
};

/// How long a stopping run waits for the answers in flight.
const GRACE: Duration = Duration::from_secs(10);

/// What a delivery gets from outside: the clock, the randomness, and what earlier runs did.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time of day, for messages and for `Retry-After` dates; never for measuring.
    pub now: fn() -> Timestamp,
    /// The seed of random waits.
    pub seed: u64,
    /// Random, and the same for all attempts of one epoch: idempotency keys are made from it.
    pub nonce: [u8; 16],
    /// How many documents of the same delivery were accepted in earlier runs.
    pub earlier: u64,
    /// The documents that the API failed on in an earlier run while it accepted others, with the status it gave them.
    pub failed: BTreeMap<u64, u16>,
}

impl Context {
    /// The context of a delivery of which no earlier run is known.
    pub const fn of_first_run(now: fn() -> Timestamp, seed: u64, nonce: [u8; 16]) -> Context {
        Context { now, seed, nonce, earlier: 0, failed: BTreeMap::new() }
    }
}

/// The progress of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryProgress<'a> {
    /// Documents that the API acknowledged.
    pub accepted: u64,
    /// Documents that the API will never accept.
    pub rejected: u64,
    /// How much was collected and sent.
    pub volume: Volume,
    /// How long the run waits until it sends again, if it waits.
    pub waiting: Option<Duration>,
    /// The receipts so far, in the order in which batches ended; the last is new.
    pub receipts: &'a [Receipt],
    /// What to tell at once.
    pub notice: Option<&'a Diagnostic>,
}

/// Delivers payloads to a destination; returns when all have an outcome or the run has to stop.
///
/// No outcome counts before `commit` made it durable; once that failed, nothing new is sent.
pub fn put(
    payloads: impl Iterator<Item = Payload> + Send,
    destination: &Destination,
    context: &Context,
    commit: &mut Committer<'_>,
    progress: &dyn Fn(&DeliveryProgress<'_>),
) -> Delivery {
    let waiting = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            let message = format!("the network cannot be used: {}", describe_cause(&cause));
            return not_started(Exit::Storage, Diagnostic::new(Code::DeliverUnreachable, message));
        }
    };
    let network = match start_network() {
        Ok(network) => network,
        Err(cause) => return without_threads(&cause),
    };
    let client = match http::client(destination, network.handle.clone()) {
        Ok(client) => client,
        Err(said) => {
            let hint = "look at `ca_file`, `client_identity` and `proxy` of the profile, \
                        and whether this machine has certificate authorities";
            return not_started(Exit::Config, Diagnostic::new(Code::PlanProfile, said).hint(hint));
        }
    };
    let most = LearntLimits { bytes: AtomicU64::new(u64::MAX), documents: AtomicU64::new(u64::MAX) };
    let most = &most;
    // Without a buffer, each thread holds one batch until the next thread takes it.
    let (collected, uncompressed) = sync_channel(0);
    let (sender, incoming) = mpsc::channel(1);
    let delivery = thread::scope(|scope| {
        let collecting = move || collect_batches(payloads, destination, most, &collected);
        let compressing = move || compress_batches(&uncompressed, destination, &sender);
        let started = thread::Builder::new().spawn_scoped(scope, compressing);
        if let Err(cause) = started.and_then(|_| thread::Builder::new().spawn_scoped(scope, collecting)) {
            return without_threads(&cause);
        }
        waiting.block_on(send_batches(client, incoming, destination, most, context, commit, progress))
    });
    waiting.shutdown_background();
    delivery
}

/// The thread that serves connections. A server that goes on talking keeps it busy, but no timer of the delivery.
struct NetworkThread {
    handle: Handle,
    /// It ends when this is dropped, or with the process.
    _until: oneshot::Sender<()>,
}

fn start_network() -> io::Result<NetworkThread> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (until, end) = oneshot::channel();
    thread::Builder::new().spawn(move || {
        let _ = runtime.block_on(end);
        // A name lookup that hangs must not keep the thread.
        runtime.shutdown_background();
    })?;
    Ok(NetworkThread { handle, _until: until })
}

/// How much would be sent, without sending it.
pub fn volume(payloads: impl Iterator<Item = Payload>, destination: &Destination) -> Volume {
    let mut volume = Volume::default();
    for batch in batches(payloads, destination.batch, destination.shape.clone()) {
        volume.documents += batch.documents();
        volume.batches += 1;
        volume.requests += 1;
        volume.bytes += batch.body.len() as u64;
        volume.wire_bytes += compress(&batch.body, destination.compression).len() as u64;
    }
    volume
}

/// Waits before the first request, unless a signal ends the run; calls `report` each second with the time waited so far.
///
/// # Errors
/// The exit code of the signal, or of a machine without a timer.
pub fn wait(time: Duration, report: &mut dyn FnMut(Duration)) -> Result<(), Exit> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|_| Exit::Storage)?;
    runtime.block_on(async {
        let (start, mut signals) = (Instant::now(), Signals::listen());
        while start.elapsed() < time {
            report(start.elapsed());
            let next = (start.elapsed() + Duration::from_secs(1)).min(time);
            tokio::select! {
                exit = signals.next() => return Err(exit),
                () = sleep_until(start + next) => {}
            }
        }
        Ok(())
    })
}

fn without_threads(cause: &io::Error) -> Delivery {
    let message = format!("no thread can be started: {}", describe_cause(cause));
    let hint = "run the same command again when the machine is less busy";
    not_started(Exit::Storage, Diagnostic::new(Code::DeliverUnreachable, message).hint(hint))
}

fn not_started(exit: Exit, finding: Diagnostic) -> Delivery {
    Delivery { stopped: Some(StopReason { exit, finding }), ..Delivery::default() }
}

/// What the run has learnt of how much the API accepts in one request.
struct LearntLimits {
    bytes: AtomicU64,
    documents: AtomicU64,
}

impl LearntLimits {
    /// Takes over what the state of the delivery has learnt.
    fn learn(&self, state: &DeliveryState) {
        self.bytes.fetch_min(state.largest, Ordering::Relaxed);
        self.documents.fetch_min(state.divisions.limit().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A batch with its body as it goes over the wire.
struct CompressedBatch {
    batch: Batch,
    wire: Bytes,
}

/// Collects payloads into batches until the payloads end or the receiver is gone.
fn collect_batches(
    payloads: impl Iterator<Item = Payload>,
    destination: &Destination,
    most: &LearntLimits,
    collected: &SyncSender<Batch>,
) {
    let mut batches = batches(payloads, destination.batch, destination.shape.clone());
    while let Some(batch) = batches.next() {
        if collected.send(batch).is_err() {
            return;
        }
        batches.limit_bytes(most.bytes.load(Ordering::Relaxed));
        batches.limit_documents(most.documents.load(Ordering::Relaxed));
    }
}

/// Compresses batches while the next ones are collected, until the batches end or the receiver is gone.
fn compress_batches(batches: &Receiver<Batch>, destination: &Destination, sender: &mpsc::Sender<CompressedBatch>) {
    for batch in batches {
        let wire = compress(&batch.body, destination.compression);
        if sender.blocking_send(CompressedBatch { batch, wire }).is_err() {
            return;
        }
    }
}

/// The result of one request.
struct Answered {
    /// The first document of its batch.
    first: u64,
    exchange: Exchange,
}

/// The loop of a delivery: starts the requests that may start, waits for the next event, and applies it to the state.
async fn send_batches(
    client: HttpClient,
    mut incoming: mpsc::Receiver<CompressedBatch>,
    destination: &Destination,
    most: &LearntLimits,
    context: &Context,
    commit: &mut Committer<'_>,
    progress: &dyn Fn(&DeliveryProgress<'_>),
) -> Delivery {
    let start = Instant::now();
    let (mut commits, mut status) = (CommitState::default(), 0);
    let mut state = new_state(destination, context);
    let (mut requests, mut signals): (JoinSet<Answered>, _) = (JoinSet::new(), Signals::listen());
    let (mut stopped_at, mut notices) = (None, DeliveryNotices { progress, has_told: false });
    let mut more = destination.collection != Collection::Replace;
    if !more {
        take_single_batch(&mut incoming, &mut state).await;
    }
    loop {
        let now = start.elapsed();
        state.set_more(more);
        state.check_deadline(now, more);
        while let Some(pending) = state.next_batch(now) {
            requests.spawn(send(client.clone(), pending, context.nonce, destination.compression.word()));
        }
        let is_over = state.is_idle() && (!state.is_running() || (!more && state.is_drained()));
        if commits.is_behind(&state) && (is_over || commits.due <= now) {
            // The next requests are sent while the disk works.
            yield_now().await;
            let before = start.elapsed();
            commits.sync(&mut state, status, commit);
            commits.schedule_next(before, start.elapsed());
            report(&state, commits.counts(), start.elapsed(), progress);
            continue;
        }
        if is_over {
            break;
        }
        let wake = if state.is_running() { state.wake_time(now, more) } else { *stopped_at.get_or_insert(now) + GRACE };
        let wake = if commits.is_behind(&state) { wake.min(commits.due) } else { wake };
        tokio::select! {
            Some(answered) = requests.join_next(), if !requests.is_empty() => {
                let applied = apply_answer(&mut state, answered, start.elapsed(), context);
                status = applied.success.unwrap_or(status);
                notices.tell_trouble(&state, commits.counts(), applied.trouble);
                most.learn(&state);
                commits.append(&mut state, status, commit);
            }
            incoming = incoming.recv(), if more && state.wants_batch(now) => match incoming {
                Some(CompressedBatch { batch, wire }) => state.add_batch(batch, wire),
                None => more = false,
            },
            exit = signals.next() => {
                if !state.is_running() {
                    break;
                }
                state.interrupt(exit);
                notices.tell_stopping(&state, commits.counts(), exit, requests.len());
            }
            () = sleep_until(start + wake) => if stopped_at.is_some_and(|at| start.elapsed() >= at + GRACE) {
                break;
            },
        }
    }
    state.abandon_in_flight();
    commits.commit_all(&mut state, status, commit);
    state.finish();
    state.delivery
}

/// The state of a delivery that knows what earlier runs did.
fn new_state(destination: &Destination, context: &Context) -> DeliveryState {
    let mut state = DeliveryState::new(Arc::new(destination.clone()), context.seed, context.earlier);
    state.failed_before.clone_from(&context.failed);
    state
}

/// Sends one batch and waits for its answer.
async fn send(client: HttpClient, pending: PendingBatch, nonce: [u8; 16], encoding: &str) -> Answered {
    let key = idempotency_key(nonce, &pending.batch.range, pending.key_turn(), encoding);
    let url = client.find_url(pending.batch.first_document());
    let exchange = client.send(url, pending.wire, Some(key)).await;
    Answered { first: pending.batch.range.start, exchange }
}

/// What is known of a result once it was applied to the state.
#[derive(Default)]
struct Applied {
    /// The status of a success.
    success: Option<u16>,
    /// What to tell of a failure that leads to another try.
    trouble: Option<Diagnostic>,
}

/// Applies the result of a request to the state.
fn apply_answer(
    state: &mut DeliveryState,
    answered: Result<Answered, JoinError>,
    now: Duration,
    context: &Context,
) -> Applied {
    let Ok(Answered { first, exchange }) = answered else {
        state.stop_after_panic();
        return Applied::default();
    };
    let status = exchange.status();
    let trouble = describe_trouble(&state.destination, &exchange.ending, now, (context.now)());
    state.apply_exchange(first, exchange, now, (context.now)());
    let trouble = Some(trouble).filter(|_| state.waits_after(now));
    Applied { success: (200..300).contains(&status).then_some(status), trouble }
}

/// Takes all documents as one batch, or stops the run because they do not fit into one.
async fn take_single_batch(incoming: &mut mpsc::Receiver<CompressedBatch>, state: &mut DeliveryState) {
    let Some(CompressedBatch { batch, wire }) = incoming.recv().await else { return };
    let second = incoming.recv().await;
    state.add_batch(batch, wire);
    if second.is_some() {
        state.refuse_second_batch();
    }
}

fn report(state: &DeliveryState, counts: DurableCounts, now: Duration, progress: &dyn Fn(&DeliveryProgress<'_>)) {
    let delivery = &state.delivery;
    let next = state.next_due().filter(|due| state.is_idle() && *due > now);
    progress(&DeliveryProgress {
        accepted: counts.accepted,
        rejected: counts.rejected,
        volume: delivery.volume,
        waiting: next.map(|due| due.saturating_sub(now)),
        receipts: &delivery.receipts,
        notice: None,
    });
}

/// What is told at once.
struct DeliveryNotices<'a> {
    progress: &'a dyn Fn(&DeliveryProgress<'_>),
    /// The first failure was told; no other is.
    has_told: bool,
}

impl DeliveryNotices<'_> {
    fn tell_trouble(&mut self, state: &DeliveryState, counts: DurableCounts, trouble: Option<Diagnostic>) {
        if let Some(trouble) = trouble.filter(|_| !self.has_told) {
            self.has_told = true;
            self.tell(state, counts, &trouble);
        }
    }

    fn tell_stopping(&self, state: &DeliveryState, counts: DurableCounts, exit: Exit, requests: usize) {
        if requests > 0 {
            self.tell(state, counts, &describe_stopping(exit, requests, GRACE));
        }
    }

    fn tell(&self, state: &DeliveryState, counts: DurableCounts, notice: &Diagnostic) {
        let Delivery { volume, receipts, .. } = &state.delivery;
        let DurableCounts { accepted, rejected } = counts;
        let (volume, notice) = (*volume, Some(notice));
        (self.progress)(&DeliveryProgress { accepted, rejected, volume, waiting: None, receipts, notice });
    }
}

#[cfg(test)]
mod tests;
