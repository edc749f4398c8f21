//! Kills and failing system calls on the program itself: every call of every delivery below is one trial.
//!
//! `strace` ends the program, or lets a call fail, at the n-th call of one kind; then the same command runs again without
//! faults, and once more when all is done. The API at the other end is the oracle of what was committed. `XWALK_RIG=all`
//! also kills at calls that neither touch a file nor a socket nor a thread, such as those for memory.

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
    io::Write as _,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use crate::{
    inject::{Point, points},
    scenario::{SCENARIOS, Scenario},
    trial::{Ending, trial},
};

/// What came of all trials of one scenario.
#[derive(Default)]
struct Tally {
    trials: usize,
    killed: usize,
    failed: usize,
    missed: usize,
    violations: Vec<String>,
}

#[test]
fn no_kill_and_no_failing_call_loses_a_document() {
    can_trace();
    let mut violations = Vec::new();
    let mut total = 0;
    for scenario in SCENARIOS {
        let start = now();
        let points = points(scenario);
        let tally = all(scenario, &points);
        let Tally { trials, killed, failed, missed, .. } = tally;
        tell(&format!(
            "{}: {trials} trials, {killed} killed, {failed} with a failed call, {missed} that came to no such call, {} violations, {:.0} s",
            scenario.name,
            tally.violations.len(),
            start.elapsed().as_secs_f64(),
        ));
        total += trials;
        violations.extend(tally.violations);
        if killed == 0 || failed == 0 || missed * 20 > trials {
            violations.push(format!("{}: the trials do not try what they should", scenario.name));
        }
    }
    tell(&format!("{total} trials, {} violations", violations.len()));
    assert!(violations.is_empty(), "\n{}", violations.join("\n\n"));
}

/// All trials, on all cores.
fn all(scenario: &Scenario, points: &[Point]) -> Tally {
    let (left, tally) = (Mutex::new(points.iter()), Mutex::new(Tally::default()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(point) = left.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
                    let done = trial(scenario, point);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.trials += 1;
                    match done {
                        Ok(Ending::Killed) => tally.killed += 1,
                        Ok(Ending::Failed) => tally.failed += 1,
                        Ok(Ending::Missed) => tally.missed += 1,
                        Err(what) => tally.violations.push(format!("{}, {point}: {what}", scenario.name)),
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// Without a tracer there is no rig, and nothing is passed over in silence.
fn can_trace() {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let traced = traced.unwrap_or_else(|cause| panic!("strace: {cause}; install it with `apt-get install strace`"));
    assert!(
        traced.status.success(),
        "strace may not trace here (ptrace is not permitted; a container needs the capability SYS_PTRACE): {}",
        String::from_utf8_lossy(&traced.stderr)
    );
}

/// Says something that the test harness does not keep to itself.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[expect(clippy::disallowed_methods, reason = "a test tells how long it took")]
fn now() -> Instant {
    Instant::now()
}
