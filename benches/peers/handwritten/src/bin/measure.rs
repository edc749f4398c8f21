//! Runs a command and says what it cost: `measure RESULT COMMAND [ARGUMENT]...`.
//!
//! RESULT gets one line: CPU (user and system together) and wall time in microseconds, peak memory in KiB, exit code.
//! It is so small because Linux counts the memory of whoever starts a program into that program's peak: started by
//! Python, nothing would seem to need less than 12 MiB.

use std::{env, error::Error, fs, process::Command, time::Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [result, program, rest @ ..] = arguments.as_slice() else {
        return Err("usage: measure RESULT COMMAND [ARGUMENT]...".into());
    };
    let started = Instant::now();
    let status = Command::new(program).args(rest).status()?;
    let wall = started.elapsed().as_micros();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let code = status.code().unwrap_or(-1);
    fs::write(result, format!("{cpu} {wall} {} {code}\n", usage.max_rss()))?;
    Ok(())
}
