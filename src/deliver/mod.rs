//! Payload -> Receipt: batches of documents, sent until each is settled or the run has to stop.
//!
//! Only a complete answer with an accepted status and the expected shape settles a batch; whatever is in doubt is sent
//! again with the same bytes. Drawing, compressing and sending overlap, each on its own thread, and they wait for each
//! other, which keeps memory small.
//! `state` and `transitions` decide, `response` reads one answer, `bisect` says how bad documents are found, `http` does one
//! exchange; this file only waits.

pub mod batch;
pub mod problem_details;
pub mod verdict;
pub mod item_results;
pub mod retry;
pub mod response;
pub mod http;
pub mod bisect;
pub mod state;
pub mod transitions;
pub mod commit;
pub mod signals;

use std::{
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
    runtime::Builder,
    sync::mpsc,
    task::{JoinError, JoinSet, yield_now},
    time::{Instant, sleep_until},
};

use crate::{
    config::profile::{destination::Destination, settings::Collection},
    deliver::{
        batch::{Batch, batches, compressed},
        commit::{CommitState, Committer, DurableCounts},
        http::{Exchange, Line},
        signals::Signals,
        state::DeliveryState,
    },
    diagnostic::{Code, Diagnostic},
    digest::idempotency_key,
    error::Exit,
    recording::{
        payload::Payload,
        receipt::{Delivery, Receipt, Volume},
    },
};

/// How long a run that stops waits for answers to what it has sent.
const GRACE: Duration = Duration::from_secs(10);

/// What comes from outside the run: the clock, the randomness, and what was before it.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The time of day, for messages and for `Retry-After` dates; never for measuring.
    pub now: fn() -> Timestamp,
    /// Where the randomness of waits begins.
    pub seed: u64,
    /// Random and the same for all attempts of one epoch: what idempotency keys are made from.
    pub nonce: [u8; 16],
    /// An earlier run had documents of the same delivery accepted.
    pub earlier: bool,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryProgress<'a> {
    /// Documents that the API acknowledged.
    pub accepted: u64,
    /// Documents that the API will never accept.
    pub rejected: u64,
    /// How much was drawn and sent.
    pub volume: Volume,
    /// How long nothing will be sent, when the run waits to try again.
    pub waiting: Option<Duration>,
    /// The batches that are settled, in the order in which they were; the last is new.
    pub receipts: &'a [Receipt],
}

/// Delivers payloads to a destination, and comes back when all are settled or the run has to stop.
///
/// Nothing is counted as settled before `record` made it durable; once that failed, nothing new is sent.
pub fn put(
    payloads: impl Iterator<Item = Payload> + Send,
    destination: &Destination,
    context: &Context,
    commit: &mut Committer<'_>,
    progress: &(dyn Fn(&DeliveryProgress<'_>) + Sync),
) -> Delivery {
    let line = match http::line(destination) {
        Ok(line) => line,
        Err(said) => {
            let hint = "look at `ca_file`, `client_identity` and `proxy` of the profile, \
                        and whether this machine has certificate authorities";
            return not_started(Exit::Config, Diagnostic::new(Code::PlanProfile, said).hint(hint));
        }
    };
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            let message = format!("the network cannot be used: {cause}");
            return not_started(Exit::Storage, Diagnostic::new(Code::DeliverUnreachable, message));
        }
    };
    let largest = AtomicU64::new(u64::MAX);
    let largest = &largest;
    // A batch that is drawn waits in the hands of its thread.
    let (drawn, uncompressed) = sync_channel(0);
    let (sender, incoming) = mpsc::channel(1);
    let delivery = thread::scope(|scope| {
        let drawing = move || draw(payloads, destination, largest, &drawn);
        let compressing = move || compress(&uncompressed, destination, &sender);
        let started = thread::Builder::new().spawn_scoped(scope, compressing);
        if let Err(cause) = started.and_then(|_| thread::Builder::new().spawn_scoped(scope, drawing)) {
            let finding = Diagnostic::new(Code::DeliverUnreachable, format!("no thread can be started: {cause}"));
            return not_started(
                Exit::Storage,
                finding.hint("run the same command again when the machine is less busy"),
            );
        }
        runtime.block_on(drive(line, incoming, destination, largest, context, commit, progress))
    });
    // A name lookup that hangs must not keep the process.
    runtime.shutdown_background();
    delivery
}

/// What would be sent, without sending it.
pub fn volume(payloads: impl Iterator<Item = Payload>, destination: &Destination) -> Volume {
    let mut volume = Volume::default();
    for batch in batches(payloads, destination.batch, destination.shape) {
        volume.documents += batch.documents();
        volume.batches += 1;
        volume.requests += 1;
        volume.bytes += batch.body.len() as u64;
        volume.wire_bytes += compressed(&batch.body, destination.compression).len() as u64;
    }
    volume
}

/// Waits before the first request, unless a signal ends that; tells again and again how long it waits already.
///
/// # Errors
/// The exit code of the signal, or that of a machine without a clock that can be waited for.
pub fn wait(time: Duration, tell: &mut dyn FnMut(Duration)) -> Result<(), Exit> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|_| Exit::Storage)?;
    runtime.block_on(async {
        let (start, mut signals) = (Instant::now(), Signals::listen());
        while start.elapsed() < time {
            tell(start.elapsed());
            let next = (start.elapsed() + Duration::from_secs(1)).min(time);
            tokio::select! {
                exit = signals.next() => return Err(exit),
                () = sleep_until(start + next) => {}
            }
        }
        Ok(())
    })
}

fn not_started(exit: Exit, finding: Diagnostic) -> Delivery {
    Delivery { stopped: Some((exit, finding)), ..Delivery::default() }
}

/// Draws payloads into batches until they end or nobody takes them any more.
fn draw(
    payloads: impl Iterator<Item = Payload>,
    destination: &Destination,
    largest: &AtomicU64,
    drawn: &SyncSender<Batch>,
) {
    let mut batches = batches(payloads, destination.batch, destination.shape);
    while let Some(batch) = batches.next() {
        if drawn.send(batch).is_err() {
            return;
        }
        batches.shrink(largest.load(Ordering::Relaxed));
    }
}

/// Compresses batches while the next ones are drawn, until they end or nobody takes them any more.
fn compress(batches: &Receiver<Batch>, destination: &Destination, sender: &mpsc::Sender<(Batch, Bytes)>) {
    for batch in batches {
        let wire = compressed(&batch.body, destination.compression);
        if sender.blocking_send((batch, wire)).is_err() {
            return;
        }
    }
}

/// The loop: starts what may start, waits for whatever happens next, and tells the state.
async fn drive(
    line: Line,
    mut incoming: mpsc::Receiver<(Batch, Bytes)>,
    destination: &Destination,
    largest: &AtomicU64,
    context: &Context,
    commit: &mut Committer<'_>,
    progress: &(dyn Fn(&DeliveryProgress<'_>) + Sync),
) -> Delivery {
    let start = Instant::now();
    let (mut commits, mut status) = (CommitState::default(), 0);
    let mut state = DeliveryState::new(Arc::new(destination.clone()), context.seed, context.earlier);
    let mut flying: JoinSet<(u64, Exchange)> = JoinSet::new();
    let mut signals = Signals::listen();
    let mut stopped_at = None;
    let mut more = destination.collection != Collection::Replace;
    if !more {
        only_one(&mut incoming, &mut state).await;
    }
    loop {
        let now = start.elapsed();
        state.tick(now, more);
        while let Some(pending) = state.ready(now) {
            let line = line.clone();
            let key = idempotency_key(context.nonce, &pending.batch.range, pending.turn());
            flying.spawn(async move { (pending.batch.range.start, line.exchange(pending.wire, Some(key)).await) });
        }
        let is_over = state.is_still() && (!state.goes_on() || (!more && state.is_drained()));
        if commits.is_behind(&state) && (is_over || commits.due <= now) {
            // The next requests are on their way while the disk works.
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
        let wake = if state.goes_on() { state.wake(now, more) } else { *stopped_at.get_or_insert(now) + GRACE };
        let wake = if commits.is_behind(&state) { wake.min(commits.due) } else { wake };
        tokio::select! {
            Some(answered) = flying.join_next(), if !flying.is_empty() => {
                status = told(&mut state, answered, start.elapsed(), context).unwrap_or(status);
                largest.fetch_min(state.largest, Ordering::Relaxed);
                commits.append(&mut state, status, commit);
            }
            drawn = incoming.recv(), if more && state.may_draw(now) => match drawn {
                Some((batch, wire)) => state.take(batch, wire),
                None => more = false,
            },
            exit = signals.next() => {
                if !state.goes_on() {
                    break;
                }
                interrupt(&mut state, exit);
            }
            () = sleep_until(start + wake) => if stopped_at.is_some_and(|at| start.elapsed() >= at + GRACE) {
                break;
            },
        }
    }
    state.abandon();
    commits.commit_all(&mut state, status, commit);
    state.close();
    state.delivery
}

/// Tells the state what came of a request; gives the status if it is one of success.
fn told(
    state: &mut DeliveryState,
    answered: Result<(u64, Exchange), JoinError>,
    now: Duration,
    context: &Context,
) -> Option<u16> {
    let Ok((first, exchange)) = answered else {
        state.panicked();
        return None;
    };
    let status = exchange.status();
    state.answered(first, exchange, now, (context.now)());
    (200..300).contains(&status).then_some(status)
}

fn interrupt(state: &mut DeliveryState, exit: Exit) {
    let finding = Diagnostic::new(Code::DeliverInterrupted, "the run was interrupted");
    state.stop(exit, finding.hint("run the same command again"));
}

/// Takes everything as one batch, or stops the run because one does not hold it.
async fn only_one(incoming: &mut mpsc::Receiver<(Batch, Bytes)>, state: &mut DeliveryState) {
    let Some((batch, wire)) = incoming.recv().await else { return };
    let second = incoming.recv().await;
    state.take(batch, wire);
    if second.is_some() {
        state.refuse_second();
    }
}

fn report(
    state: &DeliveryState,
    counts: DurableCounts,
    now: Duration,
    progress: &(dyn Fn(&DeliveryProgress<'_>) + Sync),
) {
    let delivery = &state.delivery;
    let next = state.next_due().filter(|due| state.is_still() && *due > now);
    progress(&DeliveryProgress {
        accepted: counts.accepted,
        rejected: counts.rejected,
        volume: delivery.volume,
        waiting: next.map(|due| due.saturating_sub(now)),
        receipts: &delivery.receipts,
    });
}

#[cfg(test)]
mod tests;
