//! One trial: a run with a fault, a run without one, and a run with nothing left to send; and what must hold after each.

use std::{fs, os::unix::process::ExitStatusExt as _, process::Output};

use serde_json::Value;

use crate::{
    inject::{Fault, Point, inject},
    oracle::OracleState,
    scenario::{Scenario, Stage},
};

/// How the run with the fault ended.
pub(crate) enum Ending {
    Killed,
    /// A call failed, and the run ended by itself.
    Failed,
    /// The run made no such call this time.
    Missed,
}

/// Runs one trial.
///
/// # Errors
/// What the program violated.
pub(crate) fn run_trial(scenario: &Scenario, point: &Point) -> Result<Ending, String> {
    let stage = Stage::set_up(scenario);
    let before = stage.oracle.known();
    let status = inject(&stage, point, scenario.full_from).status().map_err(|cause| cause.to_string())?;
    let said = [fs::read(stage.fixture.path("out")), fs::read(stage.fixture.path("err"))].map(Result::unwrap);
    let first = stage.fixture.check_output(status.code(), &said[0], &said[1]);
    let calls = String::from_utf8_lossy(&fs::read(stage.fixture.path("calls")).unwrap_or_default()).into_owned();
    let hit = calls.lines().find(|line| line.contains("(INJECTED)")).map(ToOwned::to_owned);
    let ending = match (status.code(), &hit) {
        (None, _) if status.signal() == Some(9) && point.fault == Fault::Kill => Ending::Killed,
        (Some(_), Some(_)) => Ending::Failed,
        (Some(_), None) => Ending::Missed,
        (None, _) => return Err(format!("{status}: {}", first.stderr)),
    };
    let known = stage.oracle.known();
    if !matches!(ending, Ending::Killed) {
        let code = first.code.unwrap_or_default();
        let is_state = hit.as_ref().is_some_and(|hit| hit.contains("/state/xwalk"));
        let allowed: &[i32] = match point.fault {
            // Only the disk of the journal failed.
            Fault::Error(_) | Fault::Full if is_state => &[scenario.code, 6],
            _ => &[scenario.code, 2, 3, 5, 6],
        };
        if !allowed.contains(&code) || first.stderr.contains("panicked") || first.stderr.contains("a bug") {
            return Err(format!("exit {code} after {hit:?}: {}", first.stderr));
        }
        if code == scenario.code {
            check_arrived(scenario, &known).map_err(|what| format!("exit {code}, but {what}: {}", first.stderr))?;
        }
    }
    check_acknowledged(scenario, &stage, &known)?;
    // A short write that reports success is only noticed when the file is read again.
    if known.early > 0 && point.fault != Fault::Short {
        return Err("a body was sent before there was a header".into());
    }
    check_later_runs(scenario, point, &stage, &before)?;
    Ok(ending)
}

/// Checks that the same command without a fault delivers everything, and that another run sends nothing.
fn check_later_runs(scenario: &Scenario, point: &Point, stage: &Stage, before: &OracleState) -> Result<(), String> {
    let second = run(stage)?;
    if second.code != Some(scenario.code) {
        return Err(format!("the second run ended with {:?}: {}", second.code, second.stderr));
    }
    let known = stage.oracle.known();
    check_arrived(scenario, &known).map_err(|what| format!("{what} in the end: {}", second.stderr))?;
    check_acknowledged(scenario, stage, &known)?;
    let bad = usize::from(scenario.rejects.is_some());
    let (all, sent) = (scenario.customers, scenario.customers - bad);
    let equation = format!("documents {all} = {sent} sent + {bad} rejected + 0 filtered + 0 pending");
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    if !second.stderr.lines().any(|told| line(told) == equation) {
        return Err(format!("no `{equation}` in {}", second.stderr));
    }
    for (name, prices) in &known.committed {
        let more = prices.len() - before.committed.get(name).map_or(0, Vec::len);
        if more > 2 && point.fault != Fault::Short {
            return Err(format!("{name} was sent {more} times for one fault"));
        }
    }
    let third = run(stage)?;
    let again = stage.oracle.known();
    if third.code != Some(scenario.code) || again.connections != known.connections {
        let more = again.connections - known.connections;
        return Err(format!("a finished run ended with {:?} and {more} connections: {}", third.code, third.stderr));
    }
    Ok(())
}

fn run(stage: &Stage) -> Result<crate::fixture::FinishedRun, String> {
    let Output { status, stdout, stderr } = stage.command().output().map_err(|cause| cause.to_string())?;
    Ok(stage.fixture.check_output(status.code(), &stdout, &stderr))
}

/// Checks that every document has arrived in its present form, except the one that the API rejects.
fn check_arrived(scenario: &Scenario, known: &OracleState) -> Result<(), String> {
    if known.malformed > 0 {
        return Err(format!("{} requests were no list of documents", known.malformed));
    }
    for id in 0..scenario.customers {
        let name = format!("{id:05}");
        let last = known.committed.get(&name).and_then(|prices| prices.last()).map(String::as_str);
        let expected = Some(scenario.price).filter(|_| scenario.rejects != Some(name.as_str()));
        if last != expected {
            return Err(format!("{name} is there as {last:?}"));
        }
    }
    Ok(())
}

/// Checks that the API has committed every document that a journal calls acknowledged.
fn check_acknowledged(scenario: &Scenario, stage: &Stage, known: &OracleState) -> Result<(), String> {
    for number in 1..=9 {
        let Ok(bytes) = fs::read(stage.epoch(number)) else { continue };
        // Earlier prices were in the first journal, if there were any.
        let price = if number == 1 { "10.50" } else { scenario.price };
        let entries = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        for range in entries.filter_map(|entry| entry["ack"]["ranges"].as_array().cloned()).flatten() {
            let [start, end] = ["start", "end"].map(|side| range[side].as_u64().unwrap_or(u64::MAX));
            for index in start..end {
                let name = format!("{index:05}");
                if !known.committed.get(&name).is_some_and(|prices| prices.iter().any(|known| known == price)) {
                    return Err(format!("{name} counts as acknowledged in epoch {number}, and was not"));
                }
            }
        }
    }
    Ok(())
}
