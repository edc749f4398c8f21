//! Why a run could not start or go on, and the exit codes.
//!
//! An error stops the run; a finding about the data is a [`Diagnostic`] and does not.
//! What an error has to say to a person is itself a list of diagnostics, so that one file draws everything.

use std::{io, path::Path};

use crate::{
    diagnostic::{Code, Diagnostic},
    io_cause::{Purpose, advise, describe_cause},
};

/// What stopped the run. Each kind is one exit code.
#[derive(Debug)]
pub enum Error {
    /// A flag, the mapping, the contract or the profile is wrong; no data was read.
    Config(Vec<Diagnostic>),
    /// An input file cannot be trusted as a whole; nothing was sent.
    Input(Vec<Diagnostic>),
    /// Another run delivers to the same target.
    Busy(Box<Diagnostic>),
    /// A file or folder that the run writes cannot be written.
    Storage(Box<Diagnostic>),
}

impl Error {
    /// A file or folder that could not be written.
    pub fn storage(attempt: &str, path: &Path, cause: &io::Error) -> Error {
        let shown = if path == Path::new("-") { "stdout".to_owned() } else { format!("`{}`", path.display()) };
        let message = format!("{attempt} {shown}: {}", describe_cause(cause));
        let hint = format!("{}, then run the same command again", advise(Purpose::WriteFile, cause));
        Error::Storage(Box::new(Diagnostic::new(Code::ReportCannotWrite, message).hint(hint)))
    }

    /// What is wrong with the input files. Two sources that read the same file are an error of the configuration.
    pub fn input(diagnostics: Vec<Diagnostic>) -> Error {
        let named = |diagnostic: &Diagnostic| diagnostic.code == Code::PlanSameFile;
        if diagnostics.iter().any(named) { Error::Config(diagnostics) } else { Error::Input(diagnostics) }
    }

    /// The code the process exits with.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Config(_) => Exit::Config,
            Error::Input(_) => Exit::Input,
            Error::Busy(_) => Exit::Undelivered,
            Error::Storage(_) => Exit::Storage,
        }
    }

    /// What to tell the person.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Error::Config(diagnostics) | Error::Input(diagnostics) => diagnostics,
            Error::Busy(diagnostic) | Error::Storage(diagnostic) => std::slice::from_ref(diagnostic),
        }
    }
}

/// How a run ended. The numbers are a promise to scripts; `docs/delivery.md` has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every document was accepted or written, or there was nothing to do.
    Done = 0,
    /// Finished; some rows were rejected.
    Rejects = 1,
    /// Not started: a flag, the mapping, the contract or the profile is wrong.
    Config = 2,
    /// An input file cannot be trusted as a whole.
    Input = 3,
    /// The API refused for good.
    Refused = 4,
    /// Not delivered yet; running again helps.
    Undelivered = 5,
    /// A file or folder that the run writes cannot be written.
    Storage = 6,
    /// A bug.
    Bug = 101,
    /// Interrupted by Ctrl-C; safe to run again.
    Interrupted = 130,
    /// Terminated by a signal; safe to run again.
    Terminated = 143,
}

impl Exit {
    /// The stronger of two: 101 > 6 > 2 > 3 > 4 > 130 > 5 > 1 > 0.
    #[must_use]
    pub fn and(self, other: Exit) -> Exit {
        if self.rank() >= other.rank() { self } else { other }
    }

    fn rank(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Rejects => 1,
            Exit::Undelivered => 2,
            Exit::Interrupted | Exit::Terminated => 3,
            Exit::Refused => 4,
            Exit::Input => 5,
            Exit::Config => 6,
            Exit::Storage => 7,
            Exit::Bug => 8,
        }
    }
}
