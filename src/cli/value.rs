//! The values that flags take, parsed at the edge: a text goes in, an enum or a number comes out.
//!
//! Nothing behind this file compares a flag's text again.
//! The parsers answer with a clause that clap puts behind the flag and the text it was given.

use std::path::PathBuf;

use crate::profile::amount;

/// How many bytes of a file are read at once: what is scanned stays in the cache.
const BLOCK: usize = 128 << 10;
/// The least and the most bytes of text in a piece of a recording that is not large: it stays in the cache too.
const PIECE: (u64, u64) = (512 << 10, 1 << 20);
/// How many pieces are written to at once without losing sight of where each goes; above that they rather are larger.
const PIECES: u64 = 64;
/// The most bytes of text in a piece.
const LARGEST_PIECE: u64 = 4 << 20;
/// The least memory a run can do with.
const MIN_MEMORY: u64 = 32 << 20;

/// How findings and the summary are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
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
    /// How many bytes of what is cut into pieces stay in memory; the others go to a temporary file.
    pub held: u64,
    /// How much of a file is read at once, at first.
    pub block: usize,
    /// How much text of the files makes one piece, at least.
    pub piece: u64,
}

impl Memory {
    /// The sizes that follow from a number of bytes.
    #[must_use]
    pub fn of(all: u64) -> Memory {
        Memory { all, held: all / 2, block: BLOCK, piece: (all / 64).clamp(PIECE.0, PIECE.1) }
    }

    /// How much text of files of this size makes one piece, both in bytes.
    #[must_use]
    pub fn piece_of(self, size: u64) -> u64 {
        (size / PIECES).min(LARGEST_PIECE).min(self.all / 64).max(self.piece)
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
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// How many of a hundred requests get it.
    pub percent: u8,
}

/// `NAME=PATH`.
pub(crate) fn source_path(text: &str) -> Result<SourcePath, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok(SourcePath { name: name.into(), path: path.into() })
        }
        _ => Err("expected NAME=PATH, like `customers=customers.csv`".into()),
    }
}

/// `KEY=VALUE`; the value may be empty.
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Setting { key: key.into(), value: value.into() }),
        _ => Err("expected KEY=VALUE, like `url=http://127.0.0.1:8080`".into()),
    }
}

/// `N` or `P%`, with up to two digits after the point.
pub(crate) fn max_rejects(text: &str) -> Result<MaxRejects, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => hundredths(percent).filter(|share| *share <= 10_000).map(MaxRejects::Share),
        None => digits(text).map(MaxRejects::Rows),
    };
    parsed.ok_or_else(|| "expected a number of rows or a share of them, like `20` or `0.5%`".into())
}

/// `STATUS:PERCENT%`.
pub(crate) fn fault(text: &str) -> Result<Fault, String> {
    let parsed = text.split_once(':').and_then(|(status, percent)| {
        let status = digits(status).and_then(|status| u16::try_from(status).ok())?;
        let percent = digits(percent.strip_suffix('%')?).and_then(|percent| u8::try_from(percent).ok())?;
        let answers = (200..600).contains(&status) && (1..=100).contains(&percent);
        answers.then_some(Fault { status, percent })
    });
    parsed.ok_or_else(|| "expected a status and how many of a hundred requests get it, like `503:20%`".into())
}

/// A size of memory that is large enough.
pub(crate) fn memory(text: &str) -> Result<Memory, String> {
    match amount::bytes(text)? {
        all if all >= MIN_MEMORY => Ok(Memory::of(all)),
        _ => Err("expected at least 32MiB".into()),
    }
}

/// A path on the server: it starts with a slash and has neither query nor fragment.
pub(crate) fn url_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
    if text.starts_with('/') && text.chars().all(plain) {
        return Ok(text.into());
    }
    Err("expected a path, like `/v1/customers`".into())
}

/// Digits and nothing else: `u64::from_str` would take `+5`.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `0.5` is 50.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = u32::try_from(digits(whole)?).ok()?;
    let fraction = match fraction.len() {
        1 => digits(fraction)? * 10,
        2 => digits(fraction)?,
        _ => return None,
    };
    whole.checked_mul(100)?.checked_add(u32::try_from(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use crate::cli::value::{Fault, MaxRejects, fault, max_rejects, setting, source_path, url_path};

    #[test]
    fn rejects_are_a_number_or_a_share() {
        let cases = [
            ("0", Some(MaxRejects::Rows(0))),
            ("20", Some(MaxRejects::Rows(20))),
            ("5%", Some(MaxRejects::Share(500))),
            ("0.5%", Some(MaxRejects::Share(50))),
            ("0.25%", Some(MaxRejects::Share(25))),
            ("100%", Some(MaxRejects::Share(10_000))),
            ("100.01%", None),
            ("0.125%", None),
            ("%", None),
            ("", None),
            ("+5", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("99999999999%", None),
        ];
        for (text, expected) in cases {
            assert_eq!(max_rejects(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_share_is_met_exactly_at_its_border() {
        assert!(MaxRejects::Share(500).allows(5, 100));
        assert!(!MaxRejects::Share(500).allows(6, 100));
        assert!(MaxRejects::Share(500).allows(0, 0));
        assert!(MaxRejects::Rows(3).allows(3, 3));
        assert!(!MaxRejects::Rows(3).allows(4, 1_000));
    }

    #[test]
    fn faults_have_a_status_and_a_share() {
        assert_eq!(fault("503:20%"), Ok(Fault { status: 503, percent: 20 }));
        for text in ["503", "503:20", "99:20%", "600:20%", "503:0%", "503:101%", ":20%"] {
            assert!(fault(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        assert_eq!(setting("url=http://h/?a=b").map(|setting| setting.value), Ok("http://h/?a=b".into()));
        assert_eq!(setting("proxy=").map(|setting| setting.value), Ok(String::new()));
        assert!(setting("=x").is_err());
        assert!(source_path("customers").is_err());
        assert!(source_path("customers=").is_err());
        assert_eq!(source_path("customers=a=b.csv").map(|source| source.path), Ok("a=b.csv".into()));
    }

    #[test]
    fn server_paths_start_with_a_slash() {
        assert!(url_path("/v1/customers").is_ok());
        for text in ["", "v1", "/v1?x", "/v1#x", "/v 1", "/é"] {
            assert!(url_path(text).is_err(), "{text}");
        }
    }
}
