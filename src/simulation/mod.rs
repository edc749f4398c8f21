//! Simulates deliveries under random faults: the real journal and the real delivery state run against a simulated disk, a
//! simulated network and a simulated clock.
//!
//! A schedule is a seed: the same seed gives the same runs, crashes, power cuts, lost and late requests, and bad documents
//! on which the server rejects, denies, fails, breaks or is silent. The invariants I1 to I8, I10 and I11 of the protocol, and
//! its rules P1 to P4 and P6 about bad documents, are checked at every step. `XWALK_SCHEDULES` sets how many schedules to try.

mod disk;
mod machine;
mod mutant;
mod server;
mod network;

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
    options::Setting,
    simulation::{machine::Simulation, mutant::Mutant},
};

/// How many schedules to try by default.
const SCHEDULES: u64 = 4_000;
/// How many schedules to try before a planted bug counts as missed.
const MAX_MUTANT_SCHEDULES: u64 = 60_000;

/// The same API, asked by each method: under one name with one request at a time, under another with two.
fn destinations() -> [[Arc<Destination>; 2]; 2] {
    [Method::Put, Method::Post].map(|method| {
        [("http://127.0.0.1:1", "1"), ("http://localhost:1", "2")].map(|(url, in_flight)| {
            let sets = [("url", url), ("in_flight", in_flight), ("retry.fixed.wait", "5s"), ("deadline", "15m")];
            let sets = sets.map(|(key, value)| Setting::new(key, value));
            let request = Request::new(method, "/");
            Arc::new(resolve::destination(None, None, &sets, &request, &Environment(BTreeMap::new())).unwrap())
        })
    })
}

/// A violated invariant, and the schedule that shows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FoundViolation {
    seed: u64,
    message: String,
}

/// Runs schedules on all cores; returns the violation with the lowest seed.
fn find_violation(mutant: Option<Mutant>, schedules: u64) -> Option<FoundViolation> {
    let (next, lowest) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let found: Vec<FoundViolation> = thread::scope(|scope| {
        let work = || {
            let destinations = destinations();
            let mut found = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= schedules || seed > lowest.load(Ordering::Relaxed) {
                    return found;
                }
                if let Some(message) = Simulation::new(seed, mutant, &destinations).run_schedule() {
                    lowest.fetch_min(seed, Ordering::Relaxed);
                    found.push(FoundViolation { seed, message });
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    found.into_iter().min()
}

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn schedule_count() -> u64 {
    std::env::var("XWALK_SCHEDULES").map_or(SCHEDULES, |text| text.parse().unwrap())
}

#[test]
fn no_schedule_violates_an_invariant() {
    let schedules = schedule_count();
    assert_eq!(find_violation(None, schedules), None);
    println!("{schedules} schedules, no violation");
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match find_violation(Some(*mutant), MAX_MUTANT_SCHEDULES) {
            Some(FoundViolation { seed, message }) => println!("{mutant:?}: caught by schedule {seed}: {message}"),
            None => missed.push(format!("{mutant:?} was not caught in {MAX_MUTANT_SCHEDULES} schedules")),
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}
