//! Digests that identify a target, all documents of a delivery, an input file, and one request body.
//!
//! All are BLAKE3, each kind with a tag of its own, so that digests of two kinds are never equal. None is secret, and no
//! digest covers a single document: the content of a small record could be guessed from it. Every byte of a delivery is
//! digested here, and SHA-256 would take longer for that than making the bytes does.

use std::{fmt::Write as _, mem::take, ops::Range};

use blake3::Hasher;

/// A BLAKE3 digest.
pub type Digest = [u8; 32];

/// How many bytes are digested at once. BLAKE3 works on many kilobyte chunks in parallel, and on all of these if a multiple
/// of this many bytes came before.
const BLOCK: usize = 128 << 10;

/// Where documents are delivered: each target has a journal of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTarget {
    /// The digest as hexadecimal digits, which is the name of its state folder.
    pub id: String,
    /// How it is asked: what differs in this is another delivery to the same target, which waits for the one before.
    pub terms: Vec<String>,
}

impl DeliveryTarget {
    /// The target that these parts identify: scheme, host, port and path, but neither credentials nor limits.
    pub fn new(parts: &[&str]) -> DeliveryTarget {
        let mut hasher = tagged_hasher("xwalk target 1\0");
        for part in parts {
            add_part(&mut hasher, part.as_bytes());
        }
        DeliveryTarget { id: hex(hasher.finalize().as_bytes()), terms: Vec::new() }
    }

    /// The same target, asked in this way: with a method, for a contract, and with a meaning of what is not mentioned.
    #[must_use]
    pub fn with_terms(self, terms: &[&str]) -> DeliveryTarget {
        DeliveryTarget { terms: terms.iter().map(|term| (*term).to_owned()).collect(), ..self }
    }
}

/// Digests all documents of one delivery, in order, byte for byte.
#[derive(Clone, Debug)]
pub struct PlanDigest {
    hasher: Hasher,
    /// Bytes that are not digested yet: less than a block.
    buffer: Vec<u8>,
    documents: u64,
}

/// What identifies the documents of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentsDigest {
    /// The digest of all of them.
    pub digest: Digest,
    /// How many there are.
    pub documents: u64,
}

impl PlanDigest {
    /// The digest for a target, without any document yet.
    pub fn new(target: &DeliveryTarget) -> PlanDigest {
        let mut plan = PlanDigest { hasher: Hasher::new(), buffer: Vec::with_capacity(BLOCK), documents: 0 };
        plan.write(b"xwalk plan 1\0");
        plan.write(&(target.id.len() as u64).to_be_bytes());
        plan.write(target.id.as_bytes());
        for term in &target.terms {
            plan.write(&(term.len() as u64).to_be_bytes());
            plan.write(term.as_bytes());
        }
        plan
    }

    /// Adds the next document.
    pub fn add(&mut self, document: &[u8]) {
        self.write(&(document.len() as u64).to_be_bytes());
        self.write(document);
        self.documents += 1;
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some((first, rest)) = bytes.split_at_checked(BLOCK - self.buffer.len()) else {
            return self.buffer.extend_from_slice(bytes);
        };
        self.buffer.extend_from_slice(first);
        self.hasher.update(&self.buffer);
        let (whole, last) = rest.split_at(rest.len() - rest.len() % BLOCK);
        self.hasher.update(whole);
        self.buffer.clear();
        self.buffer.extend_from_slice(last);
    }

    /// The digest of all documents so far.
    pub fn finish(mut self) -> DocumentsDigest {
        self.hasher.update(&take(&mut self.buffer));
        DocumentsDigest { digest: self.hasher.finalize().into(), documents: self.documents }
    }
}

/// The digest of a file, or of its beginning.
#[derive(Clone, Debug, Default)]
pub struct FileDigest(Hasher);

impl FileDigest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        blake3::hash(bytes).into()
    }

    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

/// The idempotency key of one body: a UUID (version 8) that is the same for each attempt of it in one epoch.
///
/// `turn` rises when the API may have stored a failure under a key: some APIs repeat even those.
/// `encoding` is the name of the compression: with another one the bytes are others.
pub fn idempotency_key(nonce: [u8; 16], range: &Range<u64>, turn: u64, encoding: &str) -> String {
    let mut hasher = tagged_hasher("xwalk key 1\0");
    hasher.update(&nonce);
    add_part(&mut hasher, encoding.as_bytes());
    for number in [range.start, range.end, turn] {
        hasher.update(&number.to_be_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes the length first, so that no two lists of parts are the same bytes.
fn add_part(hasher: &mut Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_be_bytes());
    hasher.update(part);
}

fn tagged_hasher(tag: &str) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.update(tag.as_bytes());
    hasher
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::digest::{DeliveryTarget, FileDigest, PlanDigest, hex, idempotency_key};

    #[test]
    fn a_key_is_a_uuid_that_differs_by_nonce_range_and_turn() {
        let mut keys = BTreeSet::new();
        for nonce in [[0; 16], [7; 16]] {
            for range in [0..1, 0..2, 1..2] {
                for turn in 0..3 {
                    let key = idempotency_key(nonce, &range, turn, "none");
                    let form: String = key.chars().map(|c| if c == '-' { '-' } else { 'x' }).collect();
                    assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
                    assert!(key.as_bytes()[14] == b'8' && b"89ab".contains(&key.as_bytes()[19]), "{key}");
                    keys.insert(key);
                }
            }
        }
        assert_eq!(keys.len(), 18);
    }

    #[test]
    fn the_digest_differs_by_target_bytes_and_boundaries() {
        let (a, b) = (DeliveryTarget::new(&["a", "b"]), DeliveryTarget::new(&["ab", ""]));
        assert_ne!(a, b);
        let plan = |target: &DeliveryTarget, documents: &[&str]| {
            let mut digest = PlanDigest::new(target);
            for document in documents {
                digest.add(document.as_bytes());
            }
            digest.finish()
        };
        assert_eq!(plan(&a, &["1", "2"]), plan(&a, &["1", "2"]));
        let others = [plan(&b, &["1", "2"]), plan(&a, &["12"]), plan(&a, &["2", "1"]), plan(&a, &["1", "2", ""])];
        assert!(others.iter().all(|other| other.digest != plan(&a, &["1", "2"]).digest));
        let long = "x".repeat(100_000);
        assert_ne!(plan(&a, &[&long, &long, "1"]).digest, plan(&a, &[&long, &long, "2"]).digest);
    }

    #[test]
    fn a_file_has_its_plain_blake3_digest() {
        let mut digest = FileDigest::default();
        digest.add(b"a");
        digest.add(b"bc");
        let expected = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        assert_eq!(hex(&digest.finish()), expected);
    }
}
