//! Conversions inside the test, and what came out of them.

#[path = "../embedded/mod.rs"]
mod embedded;

use std::{ffi::OsString, path::Path};

use serde_json::Value;
use xwalk::{
    cli::{Command, Convert, parse::parse},
    options::{Memory, MessageFormat},
};

use crate::run::embedded::{Run, run_program};

/// What came out of a conversion.
#[derive(Debug)]
pub(crate) struct Converted {
    /// The exit code.
    pub(crate) exit: u8,
    /// The documents on stdout.
    pub(crate) documents: Vec<Value>,
    /// The lines of stderr.
    pub(crate) told: Vec<Value>,
}

impl Converted {
    /// The codes of its findings, each once.
    pub(crate) fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> =
            self.told.iter().filter_map(|line| line["code"].as_str().map(str::to_owned)).collect();
        codes.sort();
        codes.dedup();
        codes
    }
}

/// Converts a folder with the mapping in it, in memory or as it is told.
pub(crate) fn convert(folder: &Path, more: &[&str], memory: Option<Memory>) -> Converted {
    let usual = ["convert", ".", "--mapping", "mapping.yaml", "--output", "-"];
    run(folder, &usual.iter().chain(more).copied().collect::<Vec<_>>(), memory)
}

/// Runs a conversion in a folder.
pub(crate) fn run(folder: &Path, flags: &[&str], memory: Option<Memory>) -> Converted {
    let line = ["xwalk"].iter().chain(flags).map(OsString::from);
    let Ok(command) = parse(line).map(|parsed| parsed.command) else { panic!("no such flags: {flags:?}") };
    let Command::Convert(mut command) = command else { panic!("it is a conversion") };
    command.messages.message_format = MessageFormat::Json;
    let command = Convert { memory: memory.unwrap_or(command.memory), ..command };
    let home = folder.join("home").display().to_string();
    let environment = ["HOME", "XDG_STATE_HOME"].map(|name| (name.to_owned(), home.clone())).into();
    let Run { exit, out, err: told } = run_program(&command, folder, &environment);
    Converted {
        exit,
        documents: documents(&out),
        told: told.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| line.into())).collect(),
    }
}

/// The documents of a list, or those that stand one after the other.
fn documents(out: &[u8]) -> Vec<Value> {
    if out.starts_with(b"[") {
        return serde_json::from_slice(out).unwrap();
    }
    serde_json::Deserializer::from_slice(out).into_iter().map(Result::unwrap).collect()
}
