//! The surroundings of a run: root folder, streams, environment, clock. Read once, in `main`.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::deliver;

/// The surroundings of a run, read once in `main`.
pub struct Runtime<'a> {
    /// The folder that relative paths start from; the empty path is the working directory of the process.
    pub root: PathBuf,
    /// Where JSON and answers go.
    pub out: &'a mut dyn Write,
    /// Where messages go.
    pub err: &'a mut dyn Write,
    /// Messages go to a terminal.
    pub terminal: bool,
    /// The environment variables.
    pub environment: &'a BTreeMap<String, String>,
    /// When the run started.
    pub started: Instant,
    /// The clock and the randomness.
    pub context: deliver::Context,
}

impl Runtime<'_> {
    /// The folder for temporary files: `TMPDIR`, else `/tmp`.
    pub fn temporary_folder(&self) -> &Path {
        let folder = self.environment.get("TMPDIR").filter(|folder| !folder.is_empty());
        Path::new(folder.map_or("/tmp", String::as_str))
    }
}
