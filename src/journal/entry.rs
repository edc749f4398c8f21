//! Entries of a journal as lines of ASCII JSON, each with a checksum over itself and all lines before it.
//!
//! No entry holds content of a document or a cell: only ranges of indexes, counts and digests of whole files.
//! The format is version 1. A file of another version, or with a wrong checksum before its last line, is not used.

use std::{fmt::Write as _, ops::Range};

use blake3::Hasher;
use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// The text between an entry and its checksum.
const CHECKSUM: &str = ",\"sum\":\"";

/// The checksum of a line and all lines before it: 128 bits.
pub(crate) type Chain = [u8; 16];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    /// The first entry of each file: which delivery this is.
    Epoch(Header),
    /// The API acknowledged documents.
    Ack {
        /// Their indexes.
        ranges: Vec<Range<u64>>,
        /// The status of the last answer behind it.
        status: u16,
    },
    /// The API will never accept a document.
    Reject {
        /// Its index.
        index: u64,
        /// The status of the answer.
        status: u16,
        /// The code of the finding, as a word.
        code: String,
    },
    /// The API failed on a document alone while it accepted others; it is not settled.
    Failed {
        /// Its index.
        index: u64,
        /// The status of the answer.
        status: u16,
    },
    /// The outcome of a request is unknown: the API may still act on it.
    #[serde(rename = "maybe")]
    InDoubt {
        /// The run before ended while it may have waited for an answer.
        resumed: bool,
    },
    /// The delivery waited for requests of an earlier epoch.
    Graced {},
    /// Every document is settled.
    Done {
        /// In one run, and without a request whose outcome is unknown.
        clean: bool,
        /// How many documents ended how.
        counts: Counts,
    },
}

/// Which delivery a journal is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format.
    pub v: u32,
    /// The number of the epoch.
    pub n: u64,
    /// The digest of all documents.
    #[serde(with = "hexadecimal")]
    pub plan: Digest,
    /// How many documents there are.
    pub docs: u64,
    /// Random, and different in each epoch: idempotency keys are made from it.
    #[serde(with = "hexadecimal")]
    pub nonce: [u8; 16],
    /// The files that the documents were made from.
    pub inputs: Vec<InputFile>,
    /// The API may still act on requests of the epoch before.
    pub grace: bool,
    /// The version of the program.
    pub tool: String,
}

/// One file that documents were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// The source in the mapping.
    pub role: String,
    /// How many bytes it has.
    pub len: u64,
    /// Its digest.
    #[serde(with = "hexadecimal")]
    pub blake3: Digest,
}

/// How many documents ended how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The API acknowledged them.
    pub accepted: u64,
    /// The API will never accept them.
    pub rejected: u64,
}

/// Writes an entry as a line that follows one with the checksum `before`; returns the line and its own checksum.
pub(crate) fn write_line(before: Chain, entry: &Entry) -> (String, Chain) {
    // Serialisation fails only for maps whose keys are not strings, and there are none.
    let text = escape_non_ascii(&serde_json::to_string(entry).unwrap_or_default());
    let open = text.strip_suffix('}').unwrap_or_default();
    let chain = checksum(before, open);
    (format!("{open}{CHECKSUM}{}\"}}\n", digest::hex(&chain)), chain)
}

/// Reads the entry of a line and its checksum; `None` when it does not follow a line with the checksum `before`.
pub(crate) fn parse(before: Chain, line: &[u8]) -> Option<(Entry, Chain)> {
    let (entry, found) = parse_unchecked(line)?;
    let text = std::str::from_utf8(line).ok()?;
    let chain = checksum(before, text.rsplit_once(CHECKSUM)?.0);
    (digest::hex(&chain) == found).then_some((entry, chain))
}

/// Reads the entry of a line, and the checksum that stands in the line, without comparing them.
pub(crate) fn parse_unchecked(line: &[u8]) -> Option<(Entry, &str)> {
    let text = std::str::from_utf8(line).ok()?;
    let (open, checksum) = text.rsplit_once(CHECKSUM)?;
    let found = checksum.strip_suffix("\"}")?;
    Some((serde_json::from_str(&format!("{open}}}")).ok()?, found))
}

fn checksum(before: Chain, open: &str) -> Chain {
    let mut chain = Chain::default();
    let digest = Hasher::new().update(&before).update(open.as_bytes()).finalize();
    chain.copy_from_slice(&digest.as_bytes()[..16]);
    chain
}

/// Escapes everything beyond ASCII in a JSON text.
fn escape_non_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

/// Bytes as a string of hexadecimal digits.
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::digest;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&digest::hex(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        let digits = text.len() == 2 * N && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        for (at, byte) in bytes.iter_mut().enumerate().filter(|_| digits) {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(D::Error::custom)?;
        }
        if digits { Ok(bytes) } else { Err(D::Error::custom("not as many hexadecimal digits as needed")) }
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::entry::{Chain, Counts, Entry, Header, InputFile, parse, write_line};

    fn entries() -> Vec<Entry> {
        let input = InputFile { role: "clients-é\"\u{1f600}".into(), len: 1 << 60, blake3: [171; 32] };
        let nonce = [9; 16];
        vec![
            Entry::Epoch(Header {
                v: 1,
                n: 7,
                plan: [1; 32],
                docs: u64::MAX,
                nonce,
                inputs: vec![input],
                grace: true,
                tool: "1".into(),
            }),
            Entry::Ack { ranges: vec![0..2, 5..u64::MAX], status: 200 },
            Entry::Reject { index: 3, status: 413, code: "deliver/too-large".into() },
            Entry::Failed { index: 4, status: 500 },
            Entry::InDoubt { resumed: true },
            Entry::Graced {},
            Entry::Done { clean: false, counts: Counts { accepted: 1, rejected: 2 } },
        ]
    }

    #[test]
    fn a_line_is_ascii_and_is_read_back_as_its_entry() {
        for entry in entries() {
            let (text, chain) = write_line(Chain::default(), &entry);
            assert!(text.is_ascii() && text.ends_with("\"}\n") && text.matches('\n').count() == 1, "{text}");
            assert_eq!(parse(Chain::default(), text.trim_end().as_bytes()), Some((entry, chain)));
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn a_line_is_not_read_at_another_place_or_with_a_flipped_bit() {
        for entry in entries() {
            let (text, chain) = write_line(Chain::default(), &entry);
            let line = text.trim_end().as_bytes();
            assert_eq!(parse(chain, line), None);
            for at in 0..line.len() * 8 {
                let mut damaged = line.to_vec();
                damaged[at / 8] ^= 1 << (at % 8);
                assert_eq!(parse(Chain::default(), &damaged), None, "{}", String::from_utf8_lossy(&damaged));
            }
        }
    }
}
