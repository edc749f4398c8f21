//! The options of a run: output, memory, limits, faults.
//!
//! `cli` makes them from flags; all other code takes these types, never a flag.

use std::path::PathBuf;

/// How many bytes of a file are read at once: few enough that scanned bytes stay in the cache.
pub const BLOCK: usize = 128 << 10;
/// The least and the most bytes of text in a partition of a small recording: a partition stays in the cache too.
const PARTITION: (u64, u64) = (512 << 10, 1 << 20);
/// The most partitions that are filled at once, so that their write positions stay in the cache; beyond it, partitions
/// grow instead.
const PARTITIONS: u64 = 64;
/// The most bytes of text in a partition.
const LARGEST_PARTITION: u64 = 4 << 20;

/// How findings and the summary are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MessageFormat {
    /// With the cell and the rule drawn below each other
    #[default]
    Full,
    /// One line each
    Concise,
    /// One JSON object a line; the summary is the last
    Json,
    /// Annotations of a GitHub workflow
    Github,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Not even on a terminal
    Never,
}

/// How the log of what happens is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Log {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The file that one source is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePath {
    /// The name of the source in the mapping.
    pub name: String,
    /// A file or a glob; `-` is stdin.
    pub path: PathBuf,
}

/// How much a run may hold in memory, and the sizes that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All of it, in bytes.
    pub all: u64,
    /// How many bytes of partitions stay in memory; all others go to a temporary file.
    pub held: u64,
    /// How many bytes of a file are read at once, at first.
    pub block: usize,
    /// The least number of bytes of text in one partition.
    pub partition: u64,
}

impl Memory {
    /// The sizes that follow from a number of bytes.
    #[must_use]
    pub fn of(all: u64) -> Memory {
        Memory { all, held: all / 2, block: BLOCK, partition: (all / 64).clamp(PARTITION.0, PARTITION.1) }
    }

    /// The size of one partition for files of this size, both in bytes of text.
    #[must_use]
    pub fn partition_of(self, size: u64) -> u64 {
        (size / PARTITIONS).min(LARGEST_PARTITION).min(self.all / 64).max(self.partition)
    }
}

/// Who reads what goes to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StdoutReader {
    /// A program, or a file.
    #[default]
    Program,
    /// A person at a terminal.
    Person,
}

/// What a conversion does, besides what its mapping and its profile say.
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// The files of sources that are not read from the drop folder.
    pub sources: Vec<SourcePath>,
    /// Text values are shown in messages.
    pub unmask: bool,
    /// How much is held in memory.
    pub memory: Memory,
    /// Where documents are written instead of being sent.
    pub output: Option<PathBuf>,
    /// Documents are neither written nor sent.
    pub validate_only: bool,
    /// Where rejected rows are written.
    pub rejects: Option<PathBuf>,
    /// With more rejected rows, nothing is sent or written.
    pub max_rejects: Option<MaxRejects>,
    /// The state folder, if it was named.
    pub state: Option<PathBuf>,
    /// An earlier delivery of replaced inputs is given up.
    pub supersede: bool,
    /// The files that reports are written to.
    pub reports: Vec<PathBuf>,
    /// Who reads what goes to stdout.
    pub reader: StdoutReader,
}

impl ConvertOptions {
    /// Whether documents are sent.
    #[must_use]
    pub fn sends(&self) -> bool {
        self.output.is_none() && !self.validate_only
    }
}

/// One profile setting, overridden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The setting; a dot leads into a block: `batch.documents`.
    pub key: String,
    /// Its text, as it would stand in the profile.
    pub value: String,
}

impl Setting {
    /// A setting and its text.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Setting {
        Setting { key: key.into(), value: value.into() }
    }
}

/// How many rejected rows are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxRejects {
    /// More rows than this.
    Rows(u64),
    /// A larger share of all rows than this, in hundredths of a percent.
    Share(u32),
}

impl MaxRejects {
    /// Whether this many of all rows may be rejected.
    pub fn allows(self, rejected: u64, rows: u64) -> bool {
        match self {
            MaxRejects::Rows(most) => rejected <= most,
            // Compared as products, so that no share is rounded.
            MaxRejects::Share(share) => u128::from(rejected) * 10_000 <= u128::from(rows) * u128::from(share),
        }
    }
}

/// A fault that the sandbox answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InjectedFault {
    /// The HTTP status.
    pub status: u16,
    /// How many of a hundred requests get it.
    pub percent: u8,
}

/// How findings and the summary are written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OutputOptions {
    /// How findings and the summary are written.
    pub message_format: MessageFormat,
    /// Only errors are written.
    pub quiet: bool,
    /// When colours are used.
    pub color: Color,
}
