//! Documents that an API rejects, at every place of a batch: exactly these are found, with few requests.

use std::{collections::BTreeSet, ops::Range, sync::Arc, time::Duration};

use jiff::Timestamp;
use proptest::{arbitrary::any, collection::btree_set, prop_assert, prop_assert_eq, proptest, test_runner::Config};
use serde_json::{Value, json};

use crate::{
    config::profile::destination::{BodyShape, Destination, Limits},
    deliver::{
        batch::{Batch, batches},
        http::Exchange,
        response::Answer,
        retry::Random,
        state::DeliveryState,
        tests::{documents, state::destination},
    },
    diagnostic::Code,
    error::Exit,
    recording::{
        payload::Payload,
        receipt::{Delivery, Failure, StopReason},
    },
};

/// Which documents an API names when it rejects a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Naming {
    Nothing,
    All,
    First,
    /// It counts from 1.
    TheNext,
    /// It names every document of the request.
    Everything,
}

const NAMINGS: [Naming; 5] = [Naming::Nothing, Naming::All, Naming::First, Naming::TheNext, Naming::Everything];

/// An API that rejects some documents.
fn rejecting_api(poison: &BTreeSet<u64>, naming: Naming) -> impl FnMut(&Range<u64>) -> Exchange {
    move |range| {
        let bad = poison.range(range.clone()).map(|index| index - range.start);
        let named: Vec<u64> = match naming {
            Naming::Nothing => Vec::new(),
            Naming::All => bad.clone().collect(),
            Naming::First => bad.clone().take(1).collect(),
            Naming::TheNext => bad.clone().map(|place| place + 1).collect(),
            Naming::Everything => (0..range.end - range.start).collect(),
        };
        let errors: Vec<Value> = named.iter().map(|place| json!({ "pointer": format!("#/{place}/n") })).collect();
        if bad.count() == 0 { status(204, "") } else { status(422, &json!({ "errors": errors }).to_string()) }
    }
}

fn status(status: u16, body: &str) -> Exchange {
    let answer =
        Answer { status, content_type: "application/json".into(), body: body.as_bytes().to_vec(), ..Answer::default() };
    Exchange { ending: Ok(answer), duration: Duration::ZERO }
}

fn batches_of(count: u64, size: u64) -> Vec<Batch> {
    let limits = Limits { documents: Some(size), bytes: None };
    batches(documents(count), limits, BodyShape::Array).collect()
}

/// Documents of these sizes, as many in a batch.
fn sized_batches(sizes: &[usize], count: u64) -> Vec<Batch> {
    let limits = Limits { documents: Some(count), bytes: None };
    let document = |size: usize| json!({ "n": "x".repeat(size - 8) }).to_string().into_bytes();
    let payloads = (0..).zip(sizes).map(|(index, size)| Payload::conforming(index, document(*size)));
    batches(payloads, limits, BodyShape::Array).collect()
}

/// The size of the body that holds these documents.
fn body_size(sizes: &[usize], range: &Range<u64>) -> usize {
    let places = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    sizes[places.clone()].iter().sum::<usize>() + places.len() + 1
}

/// Runs a delivery against an API to its end, on a simulated clock. Answers come in a random order.
fn deliver(
    destination: &Arc<Destination>,
    all: Vec<Batch>,
    api: &mut dyn FnMut(&Range<u64>) -> Exchange,
    seed: u64,
) -> Delivery {
    run_to_its_end(DeliveryState::new(Arc::clone(destination), seed, 0), all, api, seed)
}

fn run_to_its_end(
    mut state: DeliveryState,
    all: Vec<Batch>,
    api: &mut dyn FnMut(&Range<u64>) -> Exchange,
    seed: u64,
) -> Delivery {
    let (mut all, mut in_flight, mut random) = (all.into_iter().peekable(), Vec::<Range<u64>>::new(), Random(seed));
    let mut now = Duration::ZERO;
    for _ in 0..100_000 {
        state.set_more(all.peek().is_some());
        state.check_deadline(now, all.peek().is_some());
        while let Some(pending) = state.next_batch(now) {
            assert!(
                in_flight
                    .iter()
                    .all(|range| range.end <= pending.batch.range.start || pending.batch.range.end <= range.start)
            );
            in_flight.push(pending.batch.range);
        }
        if state.is_idle() && (!state.is_running() || (all.peek().is_none() && state.is_drained())) {
            state.abandon_in_flight();
            state.finish();
            return state.delivery;
        }
        if state.wants_batch(now)
            && let Some(batch) = all.next()
        {
            let wire = batch.body.clone();
            state.add_batch(batch, wire);
        } else if in_flight.is_empty() {
            now = state.wake_time(now, all.peek().is_some()).max(now);
        } else {
            let at = pick(&mut random, in_flight.len());
            let range = in_flight.swap_remove(at);
            now += Duration::from_millis(1);
            state.apply_exchange(range.start, api(&range), now, Timestamp::UNIX_EPOCH);
        }
    }
    panic!("it does not end");
}

/// A random index into a list of this length.
fn pick(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap()
}

fn rejected(delivery: &Delivery) -> BTreeSet<u64> {
    let all: BTreeSet<u64> = delivery.rejected.iter().map(|rejected| rejected.index).collect();
    assert_eq!(all.len(), delivery.rejected.len(), "a document is rejected once");
    all
}

fn accepted(delivery: &Delivery) -> BTreeSet<u64> {
    delivery.accepted.iter().cloned().flatten().collect()
}

/// Checks that only bad documents are rejected, all others accepted, and that the number of requests is within the bound.
fn check_found(destination: &Arc<Destination>, count: u64, poison: &BTreeSet<u64>, naming: Naming) {
    let delivery = deliver(destination, batches_of(count, count), &mut rejecting_api(poison, naming), 7);
    assert_eq!((delivery.stopped.as_ref(), &rejected(&delivery)), (None, poison), "{count} {poison:?} {naming:?}");
    assert_eq!(accepted(&delivery), &(0..count).collect() - poison, "{count} {poison:?} {naming:?}");
    let number = |number: u64| f64::from(u32::try_from(number).unwrap());
    let promise = number(poison.len() as u64) * (2.0 * number(count).log2() + 2.0);
    let more = number(delivery.volume.requests - 1);
    match naming {
        // A wrong name costs three requests, once; names for everything cost a request each, once.
        Naming::TheNext => assert!(more <= promise + 3.0, "{count} {poison:?}: {more} requests more"),
        Naming::Everything => assert!(more <= promise + 101.0, "{count} {poison:?}: {more} requests more"),
        _ => assert!(more <= promise, "{count} {poison:?} {naming:?}: {more} requests more"),
    }
}

#[test]
fn a_bad_document_is_found_at_every_place_of_a_batch() {
    for in_flight in ["1", "3"] {
        let destination = destination(&[("in_flight", in_flight)]);
        for count in 1..=64 {
            for bad in 0..count {
                check_found(&destination, count, &BTreeSet::from([bad]), Naming::Nothing);
                check_found(&destination, count, &BTreeSet::from([bad]), NAMINGS[(bad % 5) as usize]);
            }
        }
    }
}

#[test]
fn neighbours_with_the_same_problem_do_not_end_the_run() {
    for in_flight in ["1", "3"] {
        let destination = destination(&[("in_flight", in_flight)]);
        for count in [8, 13, 64] {
            for first in 0..count - 3 {
                for naming in NAMINGS {
                    check_found(&destination, count, &(first..first + 3).collect(), naming);
                }
            }
        }
    }
}

#[test]
fn an_api_that_names_good_documents_is_not_believed_again() {
    let destination = destination(&[("in_flight", "1")]);
    let poison: BTreeSet<u64> = (0..20).map(|batch| batch * 64 + 3 * batch).collect();
    let [silent, wrong] = [Naming::Nothing, Naming::TheNext].map(|naming| {
        let delivery = deliver(&destination, batches_of(20 * 64, 64), &mut rejecting_api(&poison, naming), 7);
        assert_eq!(rejected(&delivery), poison);
        delivery.volume.requests
    });
    assert!(wrong <= silent + 3, "{wrong} requests instead of {silent}");
}

#[test]
fn an_api_that_names_one_at_a_time_gets_no_more_than_one_that_names_none() {
    for (count, every) in [(100, 2), (400, 2), (400, 5), (64, 3), (500, 50)] {
        let poison: BTreeSet<u64> = (1..count).filter(|index| index % every == every - 1).collect();
        for in_flight in ["1", "2"] {
            let destination = destination(&[("in_flight", in_flight)]);
            let mut sent = [Naming::First, Naming::Nothing].map(|naming| {
                let mut api = rejecting_api(&poison, naming);
                let mut documents = 0;
                let mut count_all = |range: &Range<u64>| {
                    documents += range.end - range.start;
                    api(range)
                };
                let delivery = deliver(&destination, batches_of(count, count), &mut count_all, 7);
                assert_eq!((delivery.exit(), rejected(&delivery)), (Exit::Rejects, poison.clone()), "{count} {every}");
                documents
            });
            sent[1] += 4 * count;
            assert!(sent[0] <= sent[1], "{count} {every}: {sent:?}");
        }
    }
}

#[test]
fn one_bad_document_of_five_hundred_is_named_in_three_requests_more() {
    let destination = destination(&[("in_flight", "1")]);
    let poison = BTreeSet::from([321]);
    let delivery = deliver(&destination, batches_of(500, 500), &mut rejecting_api(&poison, Naming::All), 7);
    assert_eq!((rejected(&delivery), delivery.volume.requests), (poison, 4));
}

#[test]
fn an_api_that_takes_nothing_is_left_after_eight_documents() {
    for (size, naming) in [(500, Naming::Nothing), (500, Naming::All), (1, Naming::All), (500, Naming::Everything)] {
        let destination = destination(&[("in_flight", "1")]);
        let delivery =
            deliver(&destination, batches_of(2_000, size), &mut rejecting_api(&(0..2_000).collect(), naming), 7);
        let StopReason { exit, finding } = delivery.stopped.clone().unwrap();
        assert_eq!((exit, finding.code, delivery.same_problem.len()), (Exit::Refused, Code::DeliverRejected, 8));
        assert!(delivery.rejected.is_empty(), "it is not the documents");
        assert!(finding.message.ends_with("rejects one document after the other in the same way"));
        assert!(delivery.accepted.is_empty() && delivery.volume.requests <= 40, "{}", delivery.volume.requests);
    }
}

#[test]
fn a_document_on_which_the_api_fails_holds_up_no_other_and_stays_pending() {
    let destination = destination(&[("in_flight", "2"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    for (count, size) in [(24, 8), (8, 8)] {
        for bad in 0..count {
            let mut api = |range: &Range<u64>| if range.contains(&bad) { status(500, "") } else { status(204, "") };
            let delivery = deliver(&destination, batches_of(count, size), &mut api, 7);
            assert_eq!((delivery.exit(), delivery.rejected.len()), (Exit::Undelivered, 0), "{count} {bad}");
            assert_eq!(accepted(&delivery), &(0..count).collect() - &BTreeSet::from([bad]));
        }
    }
}

#[test]
fn a_document_on_which_the_api_fails_after_all_others_passed_is_no_proof() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "1s")]);
    let mut api = |range: &Range<u64>| if range.contains(&2) { status(500, "") } else { status(204, "") };
    let delivery = deliver(&destination, batches_of(3, 1), &mut api, 7);
    assert_eq!((delivery.exit(), accepted(&delivery).len(), delivery.rejected.len()), (Exit::Undelivered, 2, 0));
}

/// Makes the run after this one: it delivers what is neither accepted nor rejected, and knows what the API failed on.
fn deliver_rest(
    destination: &Arc<Destination>,
    count: u64,
    before: &Delivery,
    api: &mut dyn FnMut(&Range<u64>) -> Exchange,
) -> Delivery {
    let settled = &accepted(before) | &rejected(before);
    let mut state = DeliveryState::new(Arc::clone(destination), 8, accepted(before).len() as u64);
    state.failed_before = before.failed.iter().copied().collect();
    let rest = documents(count).filter(|payload| !settled.contains(&payload.index));
    let rest = batches(rest, Limits { documents: Some(8), bytes: None }, BodyShape::Array).collect();
    run_to_its_end(state, rest, api, 8)
}

#[test]
fn a_document_on_which_the_api_fails_in_two_runs_is_rejected() {
    let destination = destination(&[("in_flight", "2"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    for subset in 1..256_u64 {
        let bad: BTreeSet<u64> = (0..8).filter(|index| subset >> index & 1 == 1).collect();
        let mut api =
            |range: &Range<u64>| status(if bad.range(range.clone()).next().is_some() { 500 } else { 204 }, "");
        let first = deliver(&destination, batches_of(8, 8), &mut api, 7);
        let failed: BTreeSet<u64> = first.failed.iter().map(|(index, _)| *index).collect();
        // When nothing else passes, or nothing passes after it first failed, it may be the API.
        let expected = if bad.len() < 8 { bad.clone() } else { BTreeSet::new() };
        assert_eq!((first.exit(), rejected(&first).len(), &failed), (Exit::Undelivered, 0, &expected), "{bad:?}");
        // Of so few documents, only one may fail while nothing else is left to pass.
        let expected = if bad.len() == 1 { expected } else { BTreeSet::new() };
        let second = deliver_rest(&destination, 8, &first, &mut api);
        let exit = if expected.is_empty() { Exit::Undelivered } else { Exit::Rejects };
        assert_eq!((second.exit(), rejected(&second)), (exit, expected), "{bad:?}");
    }
}

/// An API that answers with a list in which each document has its status.
fn listing_api(code_of: impl Fn(u64) -> u16) -> impl FnMut(&Range<u64>) -> Exchange {
    move |range| {
        let items: Vec<Value> = range.clone().map(|index| json!({ "status": code_of(index) })).collect();
        status(207, &Value::from(items).to_string())
    }
}

/// How an API may say that it fails on some of the first eight documents.
type Failing = fn(&BTreeSet<u64>, &Range<u64>) -> Exchange;

#[test]
fn a_failure_that_a_body_or_a_list_tells_of_counts_like_a_status() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    let table: [(Failing, u16, &str); 4] = [
        (|bad, range| listing_api(|index| if bad.contains(&index) { 500 } else { 201 })(range), 500, "207, with 500"),
        (|bad, range| listing_api(|index| if bad.contains(&index) { 507 } else { 201 })(range), 507, "207, with 507"),
        (
            |bad, range| match bad.range(range.clone()).next() {
                Some(_) => status(200, "{\"status\": 500}"),
                None => status(200, "{}"),
            },
            500,
            "200, and its body tells of 500",
        ),
        (
            |bad, range| match bad.range(range.clone()).next() {
                Some(_) => status(200, "{\"error\": {\"code\": 599}}"),
                None => status(200, "{}"),
            },
            599,
            "200, and its body tells of 599",
        ),
    ];
    for (fails, code, said) in table {
        for bad in [BTreeSet::from([3]), BTreeSet::from([0]), BTreeSet::from([7]), (2..5).collect()] {
            let mut api = |range: &Range<u64>| fails(&bad, range);
            let first = deliver(&destination, batches_of(8, 8), &mut api, 7);
            let expected: Vec<(u64, u16)> = bad.iter().map(|index| (*index, code)).collect();
            assert_eq!((first.exit(), &first.failed), (Exit::Undelivered, &expected), "{said} {bad:?}");
            let message = &first.stopped.as_ref().unwrap().finding.message;
            assert!(message.contains(said), "{message}");
            let named: Vec<(u64, bool)> = first
                .same_problem
                .iter()
                .map(|one| (one.index, one.finding.message.contains(&code.to_string())))
                .collect();
            assert_eq!(named, bad.iter().map(|index| (*index, true)).collect::<Vec<_>>(), "{said} {bad:?}");
            let second = deliver_rest(&destination, 8, &first, &mut api);
            // Of so few documents, only one may fail while nothing else is left to pass.
            let (exit, count) = if bad.len() == 1 { (Exit::Rejects, 1) } else { (Exit::Undelivered, 0) };
            assert_eq!((second.exit(), second.rejected.len()), (exit, count), "{said} {bad:?}");
        }
    }
}

#[test]
fn a_result_of_a_gateway_or_of_all_rejects_nothing_in_two_runs() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    for code_of in [
        |index| if index == 3 { 503 } else { 201 },
        |index| if index == 3 { 504 } else { 201 },
        |_| 500,
        |index| if index < 6 { 201 } else { 500 },
    ] {
        let first = deliver(&destination, batches_of(8, 8), &mut listing_api(code_of), 7);
        let second = deliver_rest(&destination, 8, &first, &mut listing_api(code_of));
        assert_eq!((second.exit(), second.rejected.len()), (Exit::Undelivered, 0), "{:?}", first.failed);
    }
}

#[test]
fn another_answer_in_the_second_run_leaves_a_document_pending() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    let mut api = |range: &Range<u64>| status(if range.contains(&3) { 500 } else { 204 }, "");
    let first = deliver(&destination, batches_of(8, 8), &mut api, 7);
    assert_eq!(first.failed, [(3, 500)]);
    let table = [(500, Exit::Rejects), (503, Exit::Undelivered), (507, Exit::Undelivered), (204, Exit::Done)];
    for (code, exit) in table.into_iter().chain([(422, Exit::Rejects), (429, Exit::Undelivered)]) {
        assert_eq!(deliver_rest(&destination, 8, &first, &mut |_| status(code, "")).exit(), exit, "{code}");
    }
    // An API that fails on another document as well may be unwell, while it accepts nothing.
    let mut one = first.clone();
    one.accepted = vec![0..3, 5..8];
    let second = deliver_rest(&destination, 8, &one, &mut |_| status(500, ""));
    assert_eq!((second.exit(), second.rejected.len()), (Exit::Undelivered, 0));
}

#[test]
fn an_outage_in_the_second_run_rejects_nothing() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    // Half of the API is away, then all of it.
    let mut half = |range: &Range<u64>| status(if range.clone().any(|index| index % 2 == 1) { 500 } else { 204 }, "");
    let first = deliver(&destination, batches_of(40, 8), &mut half, 7);
    assert_eq!((accepted(&first).len(), first.failed.len()), (20, 20));
    let second = deliver_rest(&destination, 40, &first, &mut |_| status(500, ""));
    assert_eq!((second.exit(), second.rejected.len()), (Exit::Undelivered, 0));
}

#[test]
fn a_document_that_uses_up_what_may_be_sent_again_is_rejected_in_the_second_run_too() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("resend", "0x")]);
    let mut api = |range: &Range<u64>| status(if range.contains(&3) { 500 } else { 204 }, "");
    let run = |failed: &[(u64, u16)], earlier, all: Vec<Batch>, api: &mut dyn FnMut(&Range<u64>) -> Exchange| {
        let mut state = DeliveryState::new(Arc::clone(&destination), 7, earlier);
        // The batch four times, and the document alone four times.
        state.min_resent_bytes = 8 * 60;
        state.failed_before = failed.iter().copied().collect();
        run_to_its_end(state, all, api, 7)
    };
    let first = run(&[], 0, batches_of(8, 8), &mut api);
    assert_eq!((first.exit(), accepted(&first).len(), &first.failed[..]), (Exit::Undelivered, 7, &[(3, 500)][..]));
    let rest = documents(8).filter(|payload| payload.index == 3);
    let rest = batches(rest, Limits { documents: Some(8), bytes: None }, BodyShape::Array).collect();
    let second = run(&first.failed, 7, rest, &mut api);
    assert_eq!((second.exit(), second.rejected.len()), (Exit::Rejects, 1));
}

#[test]
fn an_api_that_is_unwell_in_the_middle_of_two_runs_rejects_nothing() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms"), ("deadline", "2s")]);
    let mut first =
        deliver(&destination, batches_of(64, 8), &mut |range| status(if range.start < 32 { 204 } else { 500 }, ""), 7);
    assert_eq!((accepted(&first).len(), first.failed.len()), (32, 0));
    first = deliver_rest(&destination, 64, &first, &mut |_| status(500, ""));
    assert_eq!((first.exit(), first.rejected.len()), (Exit::Undelivered, 0));
}

#[test]
fn an_api_that_fails_on_everything_is_waited_for() {
    let destination = destination(&[("retry.fixed.wait", "1s"), ("deadline", "60s")]);
    let delivery = deliver(&destination, batches_of(64, 8), &mut |_| status(500, ""), 7);
    assert_eq!((delivery.exit(), delivery.rejected.len()), (Exit::Undelivered, 0));
    let mut failures = 100;
    let mut api = |_: &Range<u64>| {
        failures -= 1;
        status(if failures > 0 { 500 } else { 204 }, "")
    };
    assert_eq!(accepted(&deliver(&destination, batches_of(64, 8), &mut api, 7)).len(), 64);
}

#[test]
fn a_document_that_was_cut_out_of_a_batch_too_large_has_all_its_tries() {
    let (mut failures, mut alone) = (0, 0);
    let mut api = |range: &Range<u64>| {
        failures += u32::from(range.end - range.start == 3);
        alone += u32::from(*range == (2..3));
        match (range.end - range.start, failures, alone) {
            (3, ..=2, _) | (_, _, 1) if range.contains(&2) => status(500, ""),
            (3, ..) => status(413, ""),
            _ => status(204, ""),
        }
    };
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "10ms")]);
    let delivery = deliver(&destination, batches_of(3, 3), &mut api, 7);
    assert_eq!((delivery.rejected.len(), accepted(&delivery).len()), (0, 3));
}

#[test]
fn each_document_is_settled_by_its_own_result() {
    let destination = destination(&[("in_flight", "1"), ("retry.fixed.wait", "1s")]);
    let mut asked = Vec::new();
    let mut api = |range: &Range<u64>| {
        asked.push(range.clone());
        let one = |index: u64| match (index, asked.len()) {
            (1, _) => json!({ "status": 422, "errors": [{ "pointer": format!("/{}/n", index - range.start) }] }),
            (2 | 3 | 6, 1) => json!({ "status": 503 }),
            (5, _) => json!({ "status": 413 }),
            _ => json!({ "status": 201 }),
        };
        status(207, &json!({ "items": range.clone().map(one).collect::<Vec<_>>() }).to_string())
    };
    let sizes = [20, 20, 20, 20, 20, 21, 20, 20];
    let delivery = deliver(&destination, sized_batches(&sizes, 8), &mut api, 7);
    assert_eq!((delivery.exit(), &delivery.accepted[..]), (Exit::Rejects, &[0..1, 2..5, 6..8][..]));
    let [first, second] = &delivery.rejected[..] else { panic!("{:?}", delivery.rejected) };
    assert_eq!(
        (first.index, first.finding.code, &first.pointers[..]),
        (1, Code::DeliverRejected, &["/n".to_owned()][..])
    );
    assert_eq!((second.index, second.finding.code), (5, Code::DeliverTooLarge));
    assert_eq!(asked, [0..8, 2..4, 6..7]);
    assert!(delivery.in_doubt.is_empty());
}

#[test]
fn a_document_that_is_too_large_is_rejected_wherever_it_stands() {
    for in_flight in ["1", "3"] {
        let destination = destination(&[("in_flight", in_flight)]);
        for (count, size) in [(60, 60), (60, 7), (60, 1), (9, 9), (2, 2), (2, 1)] {
            for bad in 0..count {
                let mut sizes = vec![20; count];
                sizes[bad] = 5_000;
                for (limit, list) in [(4_000, false), (100, false), (4_000, true)] {
                    let mut api = |range: &Range<u64>| match body_size(&sizes, range) > limit {
                        true if !list => status(413, ""),
                        _ if !list => status(204, ""),
                        _ => {
                            let one = |index: u64| json!({ "status": if index == bad as u64 { 413 } else { 201 } });
                            status(207, &Value::from(range.clone().map(one).collect::<Vec<_>>()).to_string())
                        }
                    };
                    let delivery = deliver(&destination, sized_batches(&sizes, size), &mut api, 7);
                    let name =
                        format!("{bad} of {count}, {size} at once, limit {limit}, {in_flight} in flight, {list}");
                    assert_eq!((delivery.exit(), rejected(&delivery)), (Exit::Rejects, [bad as u64].into()), "{name}");
                    assert_eq!(accepted(&delivery).len(), count - 1, "{name}");
                }
            }
        }
    }
}

#[test]
fn documents_that_are_too_large_do_not_hold_up_their_neighbours() {
    let destination = destination(&[("in_flight", "2")]);
    for (first, large) in [(0, 5), (20, 12), (50, 10), (35, 25)] {
        let mut sizes = vec![20; 60];
        sizes[first..first + large].fill(5_000);
        for size in [1, 7, 60] {
            let mut api = |range: &Range<u64>| status(if body_size(&sizes, range) > 4_000 { 413 } else { 204 }, "");
            let delivery = deliver(&destination, sized_batches(&sizes, size), &mut api, 7);
            let expected: BTreeSet<u64> = (first as u64..(first + large) as u64).collect();
            assert_eq!((delivery.exit(), rejected(&delivery)), (Exit::Rejects, expected), "{first} {large} {size}");
            assert_eq!(accepted(&delivery).len(), 60 - large, "{first} {large} {size}");
        }
    }
}

#[test]
fn what_is_called_too_large_and_is_not_stays_pending() {
    let same = vec![20; 200];
    let growing: Vec<usize> = (20..220).collect();
    let shrinking: Vec<usize> = (20..220).rev().collect();
    for sizes in [&same, &shrinking, &growing] {
        for (count, size) in [(200, 1), (200, 2), (200, 50), (3, 1), (1, 1), (7, 7)] {
            // From the start; and after something was accepted.
            for good in [0, 1, 2] {
                if (good > 0 && sizes == &growing && size == 1) || good * size >= count {
                    continue;
                }
                for list in [false, true] {
                    let mut requests = 0;
                    let mut api = |range: &Range<u64>| {
                        requests += 1;
                        let code = if requests > good { 413 } else { 201 };
                        let items = vec![json!({ "status": code }); usize::try_from(range.end - range.start).unwrap()];
                        if list { status(207, &Value::from(items).to_string()) } else { status(code, "") }
                    };
                    let destination = destination(&[("in_flight", "1")]);
                    let sizes = &sizes[..usize::try_from(count).unwrap()];
                    let delivery = deliver(&destination, sized_batches(sizes, size), &mut api, 7);
                    let name = format!("{count} of {:?}, {size} at once, {good} accepted, {list}", &sizes[..1]);
                    if list && good > 0 && sizes[0] < sizes[sizes.len() - 1] {
                        // Each is larger than all before: there have to be many alike.
                        assert!(rejected(&delivery).len() < 28, "{name}");
                        continue;
                    }
                    assert_eq!((delivery.exit(), delivery.rejected.len()), (Exit::Refused, 0), "{name}");
                    assert!(delivery.volume.requests <= good + 50, "{name}: {}", delivery.volume.requests);
                }
            }
        }
    }
}

#[test]
fn a_quota_that_is_used_up_for_a_while_rejects_nothing() {
    for (from, to) in [(0, 3), (2, 7), (5, 6), (1, 9)] {
        for (count, size) in [(30, 1), (30, 3), (300, 20)] {
            let mut requests = 0;
            let mut api = |_: &Range<u64>| {
                requests += 1;
                status(if (from..to).contains(&(requests - 1)) { 413 } else { 204 }, "")
            };
            let destination = destination(&[("in_flight", "1")]);
            let delivery = deliver(&destination, batches_of(count, size), &mut api, 7);
            assert_eq!(delivery.rejected.len(), 0, "{from} {to} {count} {size}");
            assert!(delivery.exit() == Exit::Done || delivery.exit() == Exit::Refused, "{from} {to} {count} {size}");
        }
    }
}

#[test]
fn a_result_that_is_about_who_sends_rejects_nothing() {
    for code in [401, 407, 302, 100] {
        for (bad, size) in [(vec![5], 8), (vec![0, 7], 8), ((0..8).collect(), 8), (vec![3], 3), (vec![6], 1)] {
            let bad: BTreeSet<u64> = bad.into_iter().collect();
            let destination = destination(&[("in_flight", "1")]);
            let mut api = listing_api(|index| if bad.contains(&index) { code } else { 201 });
            let delivery = deliver(&destination, batches_of(8, size), &mut api, 7);
            let StopReason { exit, finding } = delivery.stopped.clone().unwrap();
            assert_eq!((exit, finding.code), (Exit::Refused, Code::DeliverRefused), "{code} {bad:?}");
            assert!(finding.message.contains(&format!("answered {code} for a document")), "{}", finding.message);
            assert!(delivery.rejected.is_empty() && accepted(&delivery).is_disjoint(&bad), "{code} {bad:?}");
            if size == 8 {
                assert_eq!(accepted(&delivery), &(0..8).collect() - &bad, "{code}");
            }
        }
    }
}

#[test]
fn a_result_that_denies_a_document_rejects_it_only_when_others_pass() {
    for code in [403, 404, 405, 406, 410, 415, 451, 501, 505] {
        let table: [(&[u64], u64, bool); 6] = [
            (&[5], 8, true),
            (&[0, 1, 2, 7], 8, true),
            (&[0, 3], 1, true),
            (&[7], 1, false),
            (&[0, 1, 2, 3, 4, 5, 6, 7], 8, false),
            (&[6, 7], 2, false),
        ];
        for (bad, size, is_certain) in table {
            let bad: BTreeSet<u64> = bad.iter().copied().collect();
            let destination = destination(&[("in_flight", "1")]);
            let mut api = listing_api(|index| if bad.contains(&index) { code } else { 201 });
            let delivery = deliver(&destination, batches_of(8, size), &mut api, 7);
            let (exit, expected) =
                if is_certain { (Exit::Rejects, bad.clone()) } else { (Exit::Refused, BTreeSet::new()) };
            assert_eq!((delivery.exit(), rejected(&delivery)), (exit, expected), "{code} {bad:?} {size}");
            assert_eq!(accepted(&delivery), &(0..8).collect() - &bad, "{code} {bad:?} {size}");
        }
    }
}

#[test]
fn results_that_all_have_the_same_problem_end_the_run_after_eight() {
    let all = vec![json!({ "status": 422 }); 10];
    let body = Value::from(all).to_string();
    let delivery = deliver(&destination(&[]), batches_of(10, 10), &mut |_| status(207, &body), 7);
    assert_eq!((delivery.exit(), delivery.same_problem.len(), delivery.rejected.len()), (Exit::Refused, 8, 0));
    assert_eq!((delivery.volume.requests, delivery.accepted.len()), (1, 0));
}

#[test]
fn a_result_that_a_gateway_made_up_is_in_doubt() {
    let sets = [("retry.fixed.wait", "1s"), ("deadline", "5s")];
    let mut api = |range: &Range<u64>| {
        let one = |index| json!({ "status": if index == 1 { 504 } else { 201 } });
        status(207, &Value::from(range.clone().map(one).collect::<Vec<_>>()).to_string())
    };
    let delivery = deliver(&destination(&sets), batches_of(3, 3), &mut api, 7);
    assert_eq!((delivery.exit(), &delivery.accepted[..]), (Exit::Undelivered, &[0..1, 2..3][..]));
    assert_eq!(delivery.in_doubt.iter().cloned().flatten().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_collection_that_is_replaced_is_never_sent_in_parts() {
    let sets = [("collection", "replace"), ("batch", "all"), ("retry.fixed.wait", "1s")];
    let replaced = destination(&sets);
    let mut answers = vec![
        status(204, ""),
        status(207, "[{\"status\": 201}, {\"status\": 503}, {\"status\": 201}]"),
        status(500, ""),
        status(500, ""),
        status(500, ""),
        status(500, ""),
    ];
    let mut api = |range: &Range<u64>| {
        assert_eq!(*range, 0..3);
        answers.pop().unwrap()
    };
    let delivery = deliver(&replaced, batches_of(3, 3), &mut api, 7);
    assert_eq!((delivery.exit(), accepted(&delivery).len(), answers.len()), (Exit::Done, 3, 0));
    for refusal in [413, 422] {
        let delivery = deliver(&replaced, batches_of(3, 3), &mut |_| status(refusal, ""), 7);
        assert_eq!((delivery.exit(), delivery.volume.requests, delivery.rejected.len()), (Exit::Refused, 1, 0));
    }
}

#[test]
fn results_that_do_not_fit_the_batch_acknowledge_nothing() {
    for body in [
        "[{\"status\": 201}]",
        "{\"items\": []}",
        "{}",
        "[{\"index\": 9, \"status\": 201}, {\"index\": 1, \"status\": 201}]",
    ] {
        let delivery = deliver(&destination(&[]), batches_of(2, 2), &mut |_| status(207, body), 7);
        let StopReason { exit, finding } = delivery.stopped.clone().unwrap();
        assert_eq!((exit, finding.code), (Exit::Refused, Code::DeliverRefused), "{body}");
        assert!(delivery.accepted.is_empty() && delivery.rejected.is_empty(), "{body}");
    }
}

#[test]
fn what_is_refused_stops_the_run_whenever_it_comes() {
    for refusal in [401, 407, 302, 307] {
        for at in [1, 5, 10] {
            let mut number = 0;
            let mut api = |_: &Range<u64>| {
                number += 1;
                status(if number == at { refusal } else { 204 }, "")
            };
            let delivery = deliver(&destination(&[("in_flight", "1")]), batches_of(10, 1), &mut api, 7);
            assert_eq!(
                (delivery.exit(), delivery.volume.requests, accepted(&delivery).len() as u64),
                (Exit::Refused, at, at - 1)
            );
        }
    }
}

/// A random answer, and the documents that it acknowledges.
fn random_answer(random: &mut Random, range: &Range<u64>) -> (Exchange, Vec<u64>) {
    let broken = |failure| (Exchange { ending: Err(failure), duration: Duration::ZERO }, Vec::new());
    let not = |code: u16, body: &str| (status(code, body), Vec::new());
    match random.below(24) {
        0..=6 => (status(204, ""), range.clone().collect()),
        7 => not(400, ""),
        8 => not(422, &json!({ "errors": [{ "pointer": format!("/{}", random.below(9)) }] }).to_string()),
        9 => not(409, "{\"type\": \"urn:in-progress\"}"),
        10 => not(413, ""),
        11 => not(429, ""),
        12 => not(503, ""),
        13..=15 => not(500, ""),
        16 => not(502, ""),
        17 => broken(Failure::Broken),
        18 => broken(Failure::Late),
        19 => broken(Failure::Unreachable("refused".into())),
        20 if random.below(9) == 0 => not(401, ""),
        21 if random.below(9) == 0 => not(207, "[]"),
        22 if random.below(9) == 0 => not(202, ""),
        _ => {
            let statuses: Vec<u64> = range.clone().map(|_| [201, 201, 503, 422][pick(random, 4)]).collect();
            let items: Vec<Value> = statuses.iter().map(|status| json!({ "status": status })).collect();
            let acked = range.clone().zip(&statuses).filter(|(_, status)| **status == 201);
            (status(207, &Value::from(items).to_string()), acked.map(|(index, _)| index).collect())
        }
    }
}

#[test]
fn every_document_ends_in_one_place_whatever_is_answered() {
    let destination = destination(&[("in_flight", "3"), ("retry.fixed.wait", "1s"), ("deadline", "300s")]);
    let (mut ended, mut stopped) = (0, 0);
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let mut acked = BTreeSet::new();
        let count = 1 + random.below(60);
        let size = 1 + random.below(16);
        let mut api = |range: &Range<u64>| {
            let again = range.clone().find(|index| acked.contains(index));
            assert_eq!(again, None, "seed {seed}: an acknowledged document is never sent again");
            let (exchange, more) = random_answer(&mut random, range);
            acked.extend(more);
            exchange
        };
        let delivery = deliver(&destination, batches_of(count, size), &mut api, seed);
        let (accepted, rejected) = (accepted(&delivery), rejected(&delivery));
        assert_eq!(accepted, acked, "seed {seed}");
        assert!(accepted.is_disjoint(&rejected), "seed {seed}");
        let in_doubt: BTreeSet<u64> = delivery.in_doubt.iter().cloned().flatten().collect();
        assert!(in_doubt.is_disjoint(&accepted) && in_doubt.is_disjoint(&rejected), "seed {seed}");
        if delivery.stopped.is_none() {
            ended += 1;
            assert_eq!((&accepted | &rejected).len() as u64, count, "seed {seed}");
        } else {
            stopped += 1;
        }
    }
    assert!(ended > 500 && stopped > 500, "{ended} ended, {stopped} stopped");
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(400) })]

    #[test]
    fn bad_documents_are_found_and_no_others(
        count in 1u64..=64,
        places in btree_set(0u64..64, 0..7),
        saying in 0usize..5,
        in_flight in 1u64..4,
        seed in any::<u64>(),
    ) {
        let poison: BTreeSet<u64> = places.into_iter().filter(|place| *place < count).collect();
        let destination = destination(&[("in_flight", &in_flight.to_string())]);
        let delivery = deliver(&destination, batches_of(count, count), &mut rejecting_api(&poison, NAMINGS[saying]), seed);
        let (accepted, rejected) = (accepted(&delivery), rejected(&delivery));
        let good: BTreeSet<u64> = &(0..count).collect() - &poison;
        prop_assert!(accepted.is_subset(&good) && rejected.is_subset(&poison));
        if delivery.stopped.is_some() {
            // Three with the same problem and nothing accepted: it could not know better.
            prop_assert!(accepted.is_empty() && delivery.same_problem.len() >= 3);
        } else {
            prop_assert_eq!((accepted, rejected), (good, poison));
        }
    }
}

/// What an API does to a request with a bad document, whatever else is in it.
const BAD_ANSWERS: [fn() -> Exchange; 9] = [
    || status(422, ""),
    || status(403, ""),
    || status(404, "{\"path\": \"/v1\"}"),
    || status(451, ""),
    || status(200, "{\"success\": false}"),
    || status(500, ""),
    || status(503, ""),
    || Exchange { ending: Err(Failure::Broken), duration: Duration::ZERO },
    || Exchange { ending: Err(Failure::Late), duration: Duration::ZERO },
];

#[test]
fn no_good_document_stays_behind_bad_ones_in_any_subset_of_eight() {
    for (kind, bad_answer) in BAD_ANSWERS.iter().enumerate() {
        for (in_flight, size) in [("1", 8), ("2", 8), ("2", 3), ("1", 1)] {
            let sets = [("in_flight", in_flight), ("retry.fixed.wait", "100ms"), ("deadline", "5s")];
            let destination = destination(&sets);
            for subset in 0..256_u64 {
                let poison: BTreeSet<u64> = (0..8).filter(|index| subset >> index & 1 == 1).collect();
                let mut api = |range: &Range<u64>| {
                    let is_bad = poison.range(range.clone()).next().is_some();
                    if is_bad { bad_answer() } else { status(204, "") }
                };
                let delivery = deliver(&destination, batches_of(8, size), &mut api, 7);
                let good: BTreeSet<u64> = &(0..8).collect() - &poison;
                let name = format!("answer {kind}, {in_flight} in flight, {size} at once, {poison:?}");
                assert_eq!(accepted(&delivery), good, "{name}");
                assert!(rejected(&delivery).is_subset(&poison), "{name}");
                let exit = match kind {
                    _ if poison.is_empty() => Exit::Done,
                    5..=8 => Exit::Undelivered,
                    // What is denied last, with nothing accepted behind it, is never certain and stays pending.
                    1..=3 if (size == 1 || poison.len() > 1) && delivery.exit() == Exit::Refused => Exit::Refused,
                    // Fewer than three that are all rejected are no proof against the setup, but one that is denied is.
                    _ if good.is_empty() => Exit::Refused,
                    _ => Exit::Rejects,
                };
                assert_eq!(delivery.exit(), exit, "{name}");
            }
        }
    }
}

#[test]
fn good_documents_do_not_wait_for_bad_ones_alike() {
    let table: [(u64, Vec<u64>, Naming); 6] = [
        (4, vec![0, 1, 3], Naming::Nothing),
        (100, vec![0, 1, 2, 99], Naming::First),
        (5, vec![0, 1, 2, 4], Naming::Nothing),
        (100, (75..100).collect(), Naming::Nothing),
        (100, vec![0, 1, 99], Naming::First),
        (300, (0..40).collect(), Naming::First),
    ];
    for (count, bad, naming) in table {
        for in_flight in ["1", "2"] {
            let poison: BTreeSet<u64> = bad.iter().copied().collect();
            let destination = destination(&[("in_flight", in_flight)]);
            let delivery = deliver(&destination, batches_of(count, 500), &mut rejecting_api(&poison, naming), 7);
            assert_eq!((delivery.exit(), rejected(&delivery)), (Exit::Rejects, poison.clone()), "{count} {bad:?}");
            assert_eq!(accepted(&delivery), &(0..count).collect() - &poison);
        }
    }
}

#[test]
fn what_is_denied_for_all_ends_the_run_and_rejects_nothing() {
    for code in [403, 404, 405, 415, 501] {
        for (count, size) in [(1, 1), (9, 1), (2_000, 500)] {
            let destination = destination(&[("in_flight", "2")]);
            let delivery = deliver(&destination, batches_of(count, size), &mut |_| status(code, ""), 7);
            assert_eq!((delivery.exit(), delivery.rejected.len()), (Exit::Refused, 0), "{code} {count}");
            assert!(delivery.volume.requests <= 10, "{code} {count}: {}", delivery.volume.requests);
        }
        // A token that loses its rights on the way is about no document.
        let mut number = 0;
        let mut api = |_: &Range<u64>| {
            number += 1;
            status(if number > 5 { code } else { 204 }, "")
        };
        let destination = destination(&[("in_flight", "1")]);
        let delivery = deliver(&destination, batches_of(400, 20), &mut api, 7);
        assert_eq!((delivery.exit(), delivery.rejected.len(), accepted(&delivery).len()), (Exit::Refused, 0, 100));
    }
}

#[test]
fn a_limit_on_the_number_of_documents_is_learnt() {
    for most in [1, 7, 10, 100] {
        let mut requests = 0;
        let mut api = |range: &Range<u64>| {
            requests += 1;
            let is_small = range.end - range.start <= most;
            if is_small { status(204, "") } else { status(400, "{\"message\": \"too many items\"}") }
        };
        let destination = destination(&[("in_flight", "1"), ("resend", "0x")]);
        let delivery = deliver(&destination, batches_of(5_000, 500), &mut api, 7);
        assert_eq!((delivery.exit(), accepted(&delivery).len()), (Exit::Done, 5_000), "{most}");
        let least = 5_000 / most;
        assert!(requests <= 2 * least + 40, "{most}: {requests} requests");
    }
}
