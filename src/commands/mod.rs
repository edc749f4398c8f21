//! One file or folder per command. Only commands import several stages.

pub mod runtime;
pub mod load;
pub mod state_dir;
pub mod unknown_codes;
pub mod check;
pub mod explain;
pub mod explain_record;
pub mod test;
pub mod init;
pub mod sandbox;
pub mod preview;
pub mod purge;
pub mod convert;
mod field_names;
mod field_flows;
mod report_files;
mod answers;

use crate::{
    cli::Command,
    commands::{
        answers::Answers, check::check, convert::convert, explain::explain, init::init, preview::preview, purge::purge,
        runtime::Runtime, sandbox::serve, test::test,
    },
    error::Exit,
    options::{MessageFormat, OutputOptions},
    report::{self, render_style::RenderStyle},
};

/// Runs a command and says how it ended.
///
/// Findings for scripts go to stdout where nothing else does.
pub fn run(command: &Command, runtime: &mut Runtime<'_>) -> Exit {
    if !answers_scripts(command) {
        return run_told(command, runtime);
    }
    let mut answers = Answers::to(runtime.out);
    let exit = run_told(
        command,
        &mut Runtime {
            root: runtime.root.clone(),
            out: runtime.err,
            err: &mut answers,
            terminal: runtime.terminal,
            environment: runtime.environment,
            started: runtime.started,
            context: runtime.context.clone(),
        },
    );
    match answers.finish() {
        Ok(()) => exit,
        Err(error) => {
            let style = RenderStyle::new(&OutputOptions::default(), runtime.environment, runtime.terminal);
            let _ = report::findings(runtime.err, error.diagnostics(), style);
            exit.and(error.exit())
        }
    }
}

/// Whether a command answers scripts, and writes nothing else to stdout.
fn answers_scripts(command: &Command) -> bool {
    match command {
        Command::Convert(convert) => convert.validate_only && convert.messages.message_format == MessageFormat::Json,
        Command::Check(check) => check.messages.message_format == MessageFormat::Json,
        _ => false,
    }
}

/// Runs a command, and tells what ended it.
fn run_told(command: &Command, runtime: &mut Runtime<'_>) -> Exit {
    let root = runtime.root.clone();
    let (messages, done) = match command {
        Command::Convert(convert) => (&convert.messages, self::convert(&convert.rebased(&root), runtime)),
        Command::Check(check) => (&check.messages, self::check(&check.rebased(&root), runtime)),
        Command::Init(init) => (&init.messages, self::init(&init.rebased(&root), runtime)),
        Command::Sandbox(sandbox) => (&sandbox.messages, serve(&sandbox.rebased(&root), runtime)),
        Command::Preview(preview) => (&preview.messages, self::preview(&preview.rebased(&root), runtime)),
        Command::Purge(purge) => (&purge.messages, self::purge(&purge.rebased(&root), runtime)),
        Command::Explain(explain) => (&explain.messages, self::explain(&explain.rebased(&root), runtime)),
        Command::Test(test) => (&test.messages, self::test(&test.rebased(&root), runtime)),
        Command::Schema { .. } | Command::Completions { .. } | Command::Man { .. } => return Exit::Done,
    };
    done.unwrap_or_else(|error| {
        let style = RenderStyle::new(&messages.options(), runtime.environment, runtime.terminal);
        // If stderr is closed, only the exit code is left to tell it.
        let _ = report::findings(runtime.err, error.diagnostics(), style);
        error.exit()
    })
}
