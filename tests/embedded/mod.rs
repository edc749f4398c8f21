//! The program inside the test: one conversion, and what it wrote.

use std::{collections::BTreeMap, path::Path, time::Instant};

use xwalk::{
    cli::{Command, Convert},
    commands::runtime::Runtime,
    deliver::Context,
};

/// What a conversion wrote, and how it ended.
pub(crate) struct Run {
    /// The exit code.
    pub(crate) exit: u8,
    /// What stands on stdout.
    pub(crate) out: Vec<u8>,
    /// What stands on stderr.
    pub(crate) err: String,
}

/// Runs a conversion in a folder.
#[expect(clippy::disallowed_methods, reason = "a test is the edge of the program")]
pub(crate) fn run_program(command: &Convert, root: &Path, environment: &BTreeMap<String, String>) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = xwalk::commands::run(
        &Command::Convert(command.clone()),
        &mut Runtime {
            root: root.to_owned(),
            out: &mut out,
            err: &mut err,
            terminal: false,
            environment,
            started: Instant::now(),
            context: Context::of_first_run(jiff::Timestamp::now, 1, [0; 16]),
        },
    );
    Run { exit: exit as u8, out, err: String::from_utf8(err).unwrap() }
}
