//! One file or folder per command. Only commands import several stages.

pub mod runtime;
pub mod load;
pub mod state_dir;
pub mod check;
pub mod init;
pub mod sandbox;
pub mod purge;
pub mod convert;

use crate::{
    cli::Command,
    commands::{check::check, convert::convert, init::init, purge::purge, runtime::Runtime, sandbox::serve},
    error::Exit,
    report::{self, render_style::RenderStyle},
};

/// Runs a command and says how it ended.
pub fn run(command: &Command, runtime: &mut Runtime<'_>) -> Exit {
    let root = runtime.root.clone();
    let (messages, done) = match command {
        Command::Convert(convert) => (&convert.messages, self::convert(&convert.rebased(&root), runtime)),
        Command::Check(check) => (&check.messages, self::check(&check.rebased(&root), runtime)),
        Command::Init(init) => (&init.messages, self::init(&init.rebased(&root), runtime)),
        Command::Sandbox(sandbox) => (&sandbox.messages, serve(&sandbox.rebased(&root), runtime)),
        Command::Purge(purge) => (&purge.messages, self::purge(&purge.rebased(&root), runtime)),
        Command::Explain(_) | Command::Completions { .. } | Command::Man { .. } => return Exit::Done,
    };
    done.unwrap_or_else(|error| {
        let style = RenderStyle::new(&messages.options(), runtime.environment, runtime.terminal);
        // If stderr is closed, only the exit code is left to tell it.
        let _ = report::findings(runtime.err, error.diagnostics(), style);
        error.exit()
    })
}
