//! The protocol under every fault that a seed can think of: the real journal and the real state between a simulated disk,
//! a simulated network and a simulated clock.
//!
//! A schedule is a number: the same one is the same runs, crashes, power cuts, lost and late requests each time. Invariants
//! I1 to I8, I10 and I11 of the protocol are checked at every step. `XWALK_SCHEDULES` says how many schedules to try.

mod disk;
mod machine;
mod mutant;
mod server;
mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    config::{
        mapping::request::{Method, Request},
        profile::{destination::Destination, resolve, secret::Environment},
    },
    simulation::{machine::Simulation, mutant::Mutant},
};

/// How many schedules are tried when nobody says.
const SCHEDULES: u64 = 4_000;
/// How many schedules a planted bug is looked for in.
const PATIENCE: u64 = 60_000;

/// The same API reached with one request at a time and with two.
fn destinations() -> [Arc<Destination>; 2] {
    ["1", "2"].map(|in_flight| {
        let sets =
            [("url", "http://127.0.0.1:1"), ("in_flight", in_flight), ("retry.fixed.wait", "5s"), ("deadline", "15m")];
        let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let request = Request { method: Method::Put, path: "/".into() };
        Arc::new(resolve(None, None, &sets, &request, &Environment(BTreeMap::new())).unwrap())
    })
}

/// The first seed, in order, whose schedule shows a violation, and how many schedules were tried.
fn first_violation(mutant: Option<Mutant>, schedules: u64) -> (Option<(u64, String)>, u64) {
    let (next, lowest) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let found: Vec<(u64, String)> = thread::scope(|scope| {
        let work = || {
            let destinations = destinations();
            let mut found = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= schedules || seed > lowest.load(Ordering::Relaxed) {
                    return found;
                }
                if let Some(said) = Simulation::new(seed, mutant, &destinations).schedule() {
                    lowest.fetch_min(seed, Ordering::Relaxed);
                    found.push((seed, said));
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let tried = next.into_inner().min(schedules);
    (found.into_iter().min(), tried)
}

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn schedules() -> u64 {
    std::env::var("XWALK_SCHEDULES").map_or(SCHEDULES, |text| text.parse().unwrap())
}

#[test]
fn no_schedule_violates_an_invariant() {
    let (violation, tried) = first_violation(None, schedules());
    assert_eq!(violation, None);
    println!("{tried} schedules, no violation");
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match first_violation(Some(*mutant), PATIENCE) {
            (Some((seed, said)), _) => println!("{mutant:?}: caught by schedule {seed}: {said}"),
            (None, tried) => missed.push(format!("{mutant:?} was not caught in {tried} schedules")),
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}
