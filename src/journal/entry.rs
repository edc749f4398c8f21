//! Entries of a journal as lines of ASCII JSON, each with a checksum over itself and all lines before it.
//!
//! No entry holds anything of a document or a cell: ranges of indexes, counts and digests of whole files only.
//! The format is version 1. A reader that meets another version, or a line whose checksum is wrong, does not guess.

use std::{fmt::Write as _, ops::Range};

use blake3::Hasher;
use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// What stands between an entry and its checksum.
const CHECKSUM: &str = ",\"sum\":\"";

/// The checksum of a line, and of all before it: 128 bits.
pub(crate) type Chain = [u8; 16];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    /// The first of each file: which delivery this is.
    Epoch(Header),
    /// The API acknowledged documents.
    Ack {
        /// Their indexes.
        ranges: Vec<Range<u64>>,
        /// The status of the last of its answers.
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
    /// The outcome of a request is unknown: it may still be acted on.
    #[serde(rename = "maybe")]
    InDoubt {
        /// Because the run before ended in its middle.
        resumed: bool,
    },
    /// Requests of an earlier epoch were waited for.
    Graced {},
    /// Every document is settled.
    Done {
        /// In one run, and without any request whose outcome is unknown.
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
    /// Random, and different in each epoch: what idempotency keys are made from.
    #[serde(with = "hexadecimal")]
    pub nonce: [u8; 16],
    /// The files that the documents were made from.
    pub inputs: Vec<Input>,
    /// Requests of the epoch before may still be acted on.
    pub grace: bool,
    /// The version of the program.
    pub tool: String,
}

/// One file that documents were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
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

/// The line of an entry behind a line with this checksum, and its own checksum.
pub(crate) fn line(before: Chain, entry: &Entry) -> (String, Chain) {
    // Only a map with keys that are no text could fail, and there is none.
    let text = ascii(&serde_json::to_string(entry).unwrap_or_default());
    let open = text.strip_suffix('}').unwrap_or_default();
    let chain = chained(before, open);
    (format!("{open}{CHECKSUM}{}\"}}\n", digest::hex(&chain)), chain)
}

/// The entry of a line, and its checksum; `None` when it does not follow a line with the checksum `before`.
pub(crate) fn parsed(before: Chain, line: &[u8]) -> Option<(Entry, Chain)> {
    let (entry, found) = opened(line)?;
    let text = std::str::from_utf8(line).ok()?;
    let chain = chained(before, text.rsplit_once(CHECKSUM)?.0);
    (digest::hex(&chain) == found).then_some((entry, chain))
}

/// The entry of a line, and the checksum that it says it has.
pub(crate) fn opened(line: &[u8]) -> Option<(Entry, &str)> {
    let text = std::str::from_utf8(line).ok()?;
    let (open, checksum) = text.rsplit_once(CHECKSUM)?;
    let found = checksum.strip_suffix("\"}")?;
    Some((serde_json::from_str(&format!("{open}}}")).ok()?, found))
}

fn chained(before: Chain, open: &str) -> Chain {
    let mut chain = Chain::default();
    let digest = Hasher::new().update(&before).update(open.as_bytes()).finalize();
    chain.copy_from_slice(&digest.as_bytes()[..16]);
    chain
}

/// JSON with everything beyond ASCII escaped.
fn ascii(json: &str) -> String {
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

/// Bytes as a text of hexadecimal digits.
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
    use crate::journal::entry::{Chain, Counts, Entry, Header, Input, line, parsed};

    fn entries() -> Vec<Entry> {
        let input = Input { role: "clients-é\"\u{1f600}".into(), len: 1 << 60, blake3: [171; 32] };
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
            Entry::InDoubt { resumed: true },
            Entry::Graced {},
            Entry::Done { clean: false, counts: Counts { accepted: 1, rejected: 2 } },
        ]
    }

    #[test]
    fn a_line_is_ascii_and_gives_its_entry_back() {
        for entry in entries() {
            let (text, chain) = line(Chain::default(), &entry);
            assert!(text.is_ascii() && text.ends_with("\"}\n") && text.matches('\n').count() == 1, "{text}");
            assert_eq!(parsed(Chain::default(), text.trim_end().as_bytes()), Some((entry, chain)));
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn a_line_is_nothing_anywhere_else_and_with_any_other_bit() {
        for entry in entries() {
            let (text, chain) = line(Chain::default(), &entry);
            let line = text.trim_end().as_bytes();
            assert_eq!(parsed(chain, line), None);
            for at in 0..line.len() * 8 {
                let mut damaged = line.to_vec();
                damaged[at / 8] ^= 1 << (at % 8);
                assert_eq!(parsed(Chain::default(), &damaged), None, "{}", String::from_utf8_lossy(&damaged));
            }
        }
    }
}
