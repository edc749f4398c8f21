//! The delivery state without a network: answers in any order, on a clock that the test moves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    config::{
        mapping::request::{Method, Request},
        profile::{
            destination::{BodyShape, Destination, Limits},
            resolve,
            secret::Environment,
        },
    },
    deliver::{
        batch::{Batch, batches},
        http::Exchange,
        response::Answer,
        state::DeliveryState,
    },
    diagnostic::{Code, Diagnostic},
    error::Exit,
    options::Setting,
    recording::{
        payload::Payload,
        receipt::{Failure, StopReason},
    },
};

pub(super) fn destination(sets: &[(&str, &str)]) -> Arc<Destination> {
    let mut all = vec![Setting::new("url", "http://127.0.0.1:1")];
    all.extend(sets.iter().map(|(key, value)| Setting::new(*key, *value)));
    let request = Request::new(Method::Put, "/");
    Arc::new(resolve::destination(None, None, &all, &request, &Environment(BTreeMap::new())).unwrap())
}

fn batch(first: u64, size: usize) -> Batch {
    let payload = Payload::conforming(first, vec![b'1'; size - 2]);
    let limits = Limits { documents: None, bytes: None };
    batches(std::iter::once(payload), limits, BodyShape::Array).next().unwrap()
}

fn new_state(sets: &[(&str, &str)], sizes: &[usize]) -> DeliveryState {
    let mut state = DeliveryState::new(destination(sets), 7, 0);
    for (first, size) in (0..).zip(sizes) {
        let batch = batch(first, *size);
        let wire = batch.body.clone();
        state.add_batch(batch, wire);
    }
    state
}

fn status(status: u16, retry_after: Option<&str>) -> Exchange {
    let answer = Answer { status, retry_after: retry_after.map(str::to_owned), ..Answer::default() };
    Exchange { ending: Ok(answer), duration: Duration::ZERO }
}

/// Applies the answer to a request at a second of the run.
fn answer(state: &mut DeliveryState, first: u64, exchange: Exchange, second: u64) {
    state.apply_exchange(first, exchange, Duration::from_secs(second), Timestamp::UNIX_EPOCH);
}

fn start_ready(state: &mut DeliveryState, second: u64) -> Vec<u64> {
    let now = Duration::from_secs(second);
    std::iter::from_fn(|| state.next_batch(now)).map(|pending| pending.batch.range.start).collect()
}

#[test]
fn an_overloaded_server_gets_one_request_at_a_time_and_the_pause_it_asks_for() {
    let mut state = new_state(&[("in_flight", "3")], &[10, 10, 10, 10]);
    assert_eq!(start_ready(&mut state, 0), [0, 1, 2]);
    answer(&mut state, 1, status(503, Some("30")), 1);
    answer(&mut state, 0, status(204, None), 1);
    answer(&mut state, 2, status(204, None), 1);
    assert!(start_ready(&mut state, 30).is_empty());
    assert_eq!(state.wake_time(Duration::from_secs(2), true), Duration::from_secs(31));
    // What was not tried yet goes first: it may pass.
    assert_eq!(start_ready(&mut state, 31), [3]);
    answer(&mut state, 3, status(204, None), 32);
    assert_eq!(start_ready(&mut state, 32), [1]);
    answer(&mut state, 1, status(204, None), 33);
    assert_eq!(state.delivery.accepted.iter().map(|range| range.end).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_run_stops_when_nothing_can_start_before_the_deadline() {
    let sets = [("deadline", "20s"), ("retry.fixed.wait", "30s")];
    let mut state = new_state(&sets, &[10]);
    assert_eq!(start_ready(&mut state, 0), [0]);
    answer(&mut state, 0, status(500, None), 1);
    state.check_deadline(Duration::from_secs(1), false);
    let StopReason { exit, finding } = state.delivery.stopped.unwrap();
    assert_eq!((exit, finding.code), (Exit::Undelivered, Code::DeliverUnreachable));
    assert_eq!(finding.message, "not everything was delivered within 20 s: the last answer was 500");
}

#[test]
fn a_metered_link_is_not_filled_with_the_same_bytes() {
    let mut state = new_state(&[("retry.fixed.wait", "1s")], &[1 << 20]);
    let mut sent = 0;
    while state.is_running() {
        sent += start_ready(&mut state, sent).len() as u64;
        answer(&mut state, 0, status(500, None), sent - 1);
    }
    assert_eq!(sent, 5);
    assert_eq!(state.delivery.volume.resent_bytes, 4 << 20);
    assert_eq!(state.delivery.stopped.unwrap().exit, Exit::Undelivered);
}

#[test]
fn what_never_left_is_not_counted_as_sent() {
    let refused = || Exchange { ending: Err(Failure::Unreachable("refused".into())), duration: Duration::ZERO };
    let mut state = new_state(&[("retry.fixed.wait", "1s")], &[1 << 20]);
    for second in 0..60 {
        assert_eq!(start_ready(&mut state, second), [0]);
        answer(&mut state, 0, refused(), second);
    }
    assert_eq!(state.delivery.volume.resent_bytes + state.delivery.volume.wire_bytes, 0);
    assert_eq!(start_ready(&mut state, 60), [0]);
    answer(&mut state, 0, status(204, None), 61);
    assert_eq!((state.delivery.volume.wire_bytes, state.delivery.volume.resent_bytes), (1 << 20, 0));
}

#[test]
fn a_connection_that_broke_after_a_success_is_tried_again_at_once_and_only_once() {
    let broken = || Exchange { ending: Err(Failure::Broken), duration: Duration::ZERO };
    let mut state = new_state(&[("in_flight", "1"), ("retry.fixed.wait", "9s")], &[10, 10]);
    assert_eq!(start_ready(&mut state, 0), [0]);
    answer(&mut state, 0, status(204, None), 1);
    assert_eq!(start_ready(&mut state, 1), [1]);
    answer(&mut state, 1, broken(), 2);
    assert_eq!(start_ready(&mut state, 2), [1]);
    answer(&mut state, 1, broken(), 3);
    assert!(start_ready(&mut state, 11).is_empty());
    assert_eq!(start_ready(&mut state, 12), [1]);
}

#[test]
fn an_unproven_identity_ends_the_run_and_shows_the_clock() {
    let identity = Err(Failure::Identity("the identity of `a` is not proven: expired".into()));
    let mut state = new_state(&[], &[10]);
    assert_eq!(start_ready(&mut state, 0), [0]);
    answer(&mut state, 0, Exchange { ending: identity, duration: Duration::ZERO }, 1);
    let StopReason { exit, finding } = state.delivery.stopped.clone().unwrap();
    assert_eq!((exit, finding.code), (Exit::Refused, Code::DeliverIdentity));
    let said = "the identity of `a` is not proven: expired; the clock of this machine says 1970-01-01 00:00 UTC";
    assert_eq!(finding.message, said);
    state.finish();
    assert!(state.delivery.in_doubt.is_empty());
}

#[test]
fn what_is_still_on_the_way_at_the_end_is_in_doubt() {
    let mut state = new_state(&[], &[10, 10]);
    assert_eq!(start_ready(&mut state, 0), [0, 1]);
    answer(&mut state, 0, status(204, None), 1);
    state.abandon_in_flight();
    state.finish();
    assert_eq!(state.delivery.in_doubt.iter().map(|range| range.start).collect::<Vec<_>>(), [1]);
    assert_eq!(state.delivery.receipts.len(), 2);
}

/// The state of four documents after some requests for them, each answered with this status.
fn state_after(status_of_all: u16, requests: u64, earlier: u64) -> DeliveryState {
    let mut state = DeliveryState::new(destination(&[("in_flight", "1")]), 7, earlier);
    for first in 0..4 {
        let batch = batch(first, 10);
        state.add_batch(batch.clone(), batch.body);
    }
    for second in 0..requests {
        for first in start_ready(&mut state, second) {
            answer(&mut state, first, status(status_of_all, None), second);
        }
    }
    state
}

#[test]
fn what_was_accepted_in_an_earlier_run_shows_that_it_is_the_documents() {
    for (earlier, rejected, same_problem) in [(0, 0, 4), (1, 4, 0)] {
        let mut state = state_after(422, 4, earlier);
        state.abandon_in_flight();
        assert_eq!(
            (state.delivery.rejected.len(), state.delivery.same_problem.len()),
            (rejected, same_problem),
            "{earlier}"
        );
        assert_eq!(state.delivery.stopped.is_none(), earlier > 0);
        assert!(state.delivery.rejected.iter().all(|rejected| rejected.status == 422));
    }
}

#[test]
fn a_run_that_is_stopped_rejects_nothing_that_is_not_certain() {
    let mut state = state_after(422, 2, 0);
    state.stop(Exit::Interrupted, Diagnostic::new(Code::DeliverInterrupted, ""));
    state.abandon_in_flight();
    assert_eq!((state.delivery.rejected.len(), state.delivery.same_problem.len()), (0, 2));
}

#[test]
fn a_result_that_is_open_leaves_a_doubt_and_one_that_failed_turns_the_key() {
    for (result, in_doubt, turn) in
        [(202, true, 0), (502, true, 0), (504, true, 0), (429, false, 1), (424, false, 1), (503, false, 1)]
    {
        let mut state = new_state(&[("retry.fixed.wait", "1s")], &[10]);
        let mut list = status(207, None);
        if let Ok(answer) = &mut list.ending {
            answer.content_type = "application/json".into();
            answer.body = format!("[{{\"status\": {result}}}]").into_bytes();
        }
        let mut turns = Vec::new();
        for second in [0, 2, 4] {
            let pending = state.next_batch(Duration::from_secs(second)).unwrap();
            turns.push(pending.key_turn());
            let list = Exchange { ending: list.ending.clone(), duration: Duration::ZERO };
            answer(&mut state, 0, list, second);
        }
        assert_eq!((state.is_in_doubt, turns), (in_doubt, vec![0, 0, turn]), "{result}");
    }
}
