//! Kills the program at a system call, or lets the call fail, and checks that no document is lost: each call of each
//! delivery below is a trial.
//!
//! `strace` kills the program, or injects an error, at the n-th call of one kind; then the same command runs again without
//! faults, and once more when everything is delivered. The API at the other end is the oracle of what was committed.
//!
//! A plain `cargo test` runs a sample, chosen by a fixed rule: every fault of every kind of call twice, spread over the
//! deliveries. `XWALK_RIG=whole` runs every trial. `XWALK_RIG=all` also kills at calls that have no effect outside the
//! process, such as those for memory and signals.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

#[path = "../delivery/canary.rs"]
mod canary;
#[path = "../delivery/fixture.rs"]
#[expect(dead_code, reason = "a part of it is for the delivery tests")]
mod fixture;
#[path = "../delivery/server.rs"]
#[expect(dead_code, reason = "a part of it is for the delivery tests")]
mod server;

mod inject;
mod oracle;
mod scenario;
mod trial;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use crate::{
    inject::{Point, find_points},
    scenario::{SCENARIOS, Scenario},
    trial::{Ending, run_trial},
};

/// How many of the possible trials are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every fault of every kind of call twice.
    Sample,
    /// Every trial.
    Whole,
    /// Every trial, and also kills at calls without an effect outside the process.
    All,
}

/// One trial that is to be run.
struct Planned {
    scenario: &'static Scenario,
    point: Point,
}

/// The results of the trials of one scenario.
#[derive(Default)]
struct Tally {
    trials: usize,
    killed: usize,
    failed: usize,
    missed: usize,
    violations: Vec<String>,
}

/// How many trials of a sample have the same fault of the same kind of call.
const SAME_KIND: usize = 2;
/// The step from one chosen trial to the next: a prime, so that the sample spreads over all scenarios and all calls.
const STRIDE: usize = 7_919;

#[test]
fn no_kill_and_no_failing_call_loses_a_document() {
    check_tracer();
    let (start, coverage) = (now(), coverage());
    let all = plan_trials(coverage);
    let possible = all.len();
    let planned = if coverage == Coverage::Sample { choose_sample(all) } else { all };
    let tallies = run_all(&planned);
    let (mut violations, mut total) = (Vec::new(), Tally::default());
    for scenario in SCENARIOS {
        let Some(tally) = tallies.get(scenario.name) else {
            violations.push(format!("{}: no trial", scenario.name));
            continue;
        };
        print_line(&format!(
            "{}: {} trials, {} killed, {} with a failed call, {} without such a call, {} violations",
            scenario.name,
            tally.trials,
            tally.killed,
            tally.failed,
            tally.missed,
            tally.violations.len(),
        ));
        total.trials += tally.trials;
        total.missed += tally.missed;
        violations.extend(tally.violations.iter().cloned());
        if coverage != Coverage::Sample && (tally.killed == 0 || tally.failed == 0) {
            violations.push(format!("{}: no trial killed the program, or none let a call fail", scenario.name));
        }
    }
    if total.missed * 20 > total.trials {
        violations.push(format!("{} of {} trials met no fault", total.missed, total.trials));
    }
    print_line(&format!(
        "{coverage:?}: {} of {possible} trials, {} violations, {:.0} s",
        total.trials,
        violations.len(),
        start.elapsed().as_secs_f64()
    ));
    assert!(violations.is_empty(), "\n{}", violations.join("\n\n"));
}

#[expect(clippy::disallowed_methods, reason = "a test that takes long is asked for by a variable")]
fn coverage() -> Coverage {
    match std::env::var("XWALK_RIG").as_deref() {
        Err(_) | Ok("") => Coverage::Sample,
        Ok("whole") => Coverage::Whole,
        Ok("all") => Coverage::All,
        Ok(other) => panic!("XWALK_RIG is `{other}`: expected `whole` or `all`"),
    }
}

/// Every trial of every scenario, in order.
fn plan_trials(coverage: Coverage) -> Vec<Planned> {
    let planned = Mutex::new(BTreeMap::new());
    on_all_cores(SCENARIOS.iter().enumerate(), |(number, scenario)| {
        let points = find_points(scenario, coverage);
        planned.lock().unwrap_or_else(PoisonError::into_inner).insert(number, (scenario, points));
    });
    let planned = planned.into_inner().unwrap().into_values();
    planned.flat_map(|(scenario, points)| points.into_iter().map(|point| Planned { scenario, point })).collect()
}

/// A few trials for each fault of each kind of call.
fn choose_sample(all: Vec<Planned>) -> Vec<Planned> {
    let mut kinds: BTreeMap<String, Vec<Planned>> = BTreeMap::new();
    for planned in all {
        kinds.entry(planned.point.kind()).or_default().push(planned);
    }
    let mut chosen = Vec::new();
    for (number, mut same) in kinds.into_values().enumerate() {
        for turn in 0..SAME_KIND.min(same.len()) {
            chosen.push(same.swap_remove((number + turn) * STRIDE % same.len()));
        }
    }
    chosen
}

/// Runs the trials; returns their results by the name of the scenario.
fn run_all(planned: &[Planned]) -> BTreeMap<&'static str, Tally> {
    let tallies: Mutex<BTreeMap<&str, Tally>> = Mutex::default();
    on_all_cores(planned.iter(), |Planned { scenario, point }| {
        let result = run_trial(scenario, point);
        let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry(scenario.name).or_default();
        tally.trials += 1;
        match result {
            Ok(Ending::Killed) => tally.killed += 1,
            Ok(Ending::Failed) => tally.failed += 1,
            Ok(Ending::Missed) => tally.missed += 1,
            Err(violation) => tally.violations.push(format!("{}, {point}: {violation}", scenario.name)),
        }
    });
    tallies.into_inner().unwrap()
}

/// Runs a function for each item, on all cores.
fn on_all_cores<T: Send>(items: impl Iterator<Item = T> + Send, run: impl Fn(T) + Sync) {
    let left = Mutex::new(items);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(item) = left.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
                    run(item);
                }
            });
        }
    });
}

/// Checks that `strace` can trace. Without it the test fails: nothing is skipped silently.
fn check_tracer() {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let traced = traced.unwrap_or_else(|cause| panic!("strace: {cause}; install it with `apt-get install strace`"));
    assert!(
        traced.status.success(),
        "strace may not trace here (ptrace is not permitted; a container needs the capability SYS_PTRACE): {}",
        String::from_utf8_lossy(&traced.stderr)
    );
}

/// Prints a line that the test harness does not capture.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[expect(clippy::disallowed_methods, reason = "a test tells how long it took")]
fn now() -> Instant {
    Instant::now()
}
