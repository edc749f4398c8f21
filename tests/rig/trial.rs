//! One trial: a run that meets a fault, a run without one, and a run that has nothing to do; and what must hold after each.

use std::{fs, os::unix::process::ExitStatusExt as _, process::Output};

use serde_json::Value;

use crate::{
    inject::{Fault, Point, traced},
    oracle::Known,
    scenario::{Scenario, Stage},
};

/// How the run that was to meet a fault ended.
pub(crate) enum Ending {
    Killed,
    /// A call failed, and the run ended by itself.
    Failed,
    /// There was no such call this time.
    Missed,
}

/// Runs one trial, and says what it violates.
pub(crate) fn trial(scenario: &Scenario, point: &Point) -> Result<Ending, String> {
    let stage = Stage::set(scenario);
    let before = stage.oracle.known();
    let status = traced(&stage, point, scenario.full_from).status().map_err(|cause| cause.to_string())?;
    let said = [fs::read(stage.fixture.path("out")), fs::read(stage.fixture.path("err"))].map(Result::unwrap);
    let first = stage.fixture.told(status.code(), &said[0], &said[1]);
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
            arrived(scenario, &known).map_err(|what| format!("exit {code}, but {what}: {}", first.stderr))?;
        }
    }
    acknowledged(scenario, &stage, &known)?;
    // A disk that lies about what it wrote is only found out when it is read again.
    if known.early > 0 && point.fault != Fault::Short {
        return Err("a body was sent before there was a header".into());
    }
    settled(scenario, point, &stage, &before)?;
    Ok(ending)
}

/// After the same command without a fault everything has arrived, and after another nothing more came.
fn settled(scenario: &Scenario, point: &Point, stage: &Stage, before: &Known) -> Result<(), String> {
    let second = run(stage)?;
    if second.code != Some(scenario.code) {
        return Err(format!("the second run ended with {:?}: {}", second.code, second.stderr));
    }
    let known = stage.oracle.known();
    arrived(scenario, &known).map_err(|what| format!("{what} in the end: {}", second.stderr))?;
    acknowledged(scenario, stage, &known)?;
    let bad = usize::from(scenario.dislikes.is_some());
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

fn run(stage: &Stage) -> Result<crate::fixture::Run, String> {
    let Output { status, stdout, stderr } = stage.command().output().map_err(|cause| cause.to_string())?;
    Ok(stage.fixture.told(status.code(), &stdout, &stderr))
}

/// Every document is at the API as it is now, but for the one that it does not like.
fn arrived(scenario: &Scenario, known: &Known) -> Result<(), String> {
    if known.strange > 0 {
        return Err(format!("{} requests were no list of documents", known.strange));
    }
    for id in 0..scenario.customers {
        let name = format!("{id:05}");
        let last = known.committed.get(&name).and_then(|prices| prices.last()).map(String::as_str);
        let expected = Some(scenario.price).filter(|_| scenario.dislikes != Some(name.as_str()));
        if last != expected {
            return Err(format!("{name} is there as {last:?}"));
        }
    }
    Ok(())
}

/// Nothing stands in a journal as acknowledged that the API has not committed.
fn acknowledged(scenario: &Scenario, stage: &Stage, known: &Known) -> Result<(), String> {
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
