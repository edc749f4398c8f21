//! What things are told apart by: a target, the whole of what is sent to it, an input file, one request body.
//!
//! All are BLAKE3, each with a tag of its own, so that no digest of one kind is ever one of another. None is secret, and
//! none is taken of a single document: a digest of a small record could be guessed. Every byte of a delivery goes through
//! here, and SHA-256 would take more time for that than making the bytes does.

use std::{fmt::Write as _, mem::take, ops::Range};

use blake3::Hasher;

/// A BLAKE3 digest.
pub type Sum = [u8; 32];

/// How many bytes are digested at once. BLAKE3 works on many blocks of a kilobyte side by side, and on all of these if what
/// came before was a multiple of as many bytes.
const TOGETHER: usize = 128 << 10;

/// Where a plan is delivered: what has a journal of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The digest as hexadecimal digits, which is the name of its folder.
    pub id: String,
}

impl Target {
    /// The target that these parts name, such as method, address and contract; credentials and limits are none.
    pub fn new(parts: &[&str]) -> Target {
        let mut digest = tagged("xwalk target 1\0");
        for part in parts {
            add(&mut digest, part.as_bytes());
        }
        Target { id: hex(digest.finalize().as_bytes()) }
    }
}

/// Takes the digest of a plan: all documents of one delivery, in order, byte for byte.
#[derive(Clone, Debug)]
pub struct PlanDigest {
    digest: Hasher,
    /// What is not digested yet.
    gathered: Vec<u8>,
    documents: u64,
}

impl PlanDigest {
    /// A plan for a target, without any document yet.
    pub fn new(target: &Target) -> PlanDigest {
        let mut plan = PlanDigest { digest: Hasher::new(), gathered: Vec::with_capacity(TOGETHER), documents: 0 };
        plan.gather(b"xwalk plan 1\0");
        plan.gather(&(target.id.len() as u64).to_be_bytes());
        plan.gather(target.id.as_bytes());
        plan
    }

    /// The next document.
    pub fn add(&mut self, document: &[u8]) {
        self.gather(&(document.len() as u64).to_be_bytes());
        self.gather(document);
        self.documents += 1;
    }

    fn gather(&mut self, bytes: &[u8]) {
        let Some((first, rest)) = bytes.split_at_checked(TOGETHER - self.gathered.len()) else {
            return self.gathered.extend_from_slice(bytes);
        };
        self.gathered.extend_from_slice(first);
        self.digest.update(&self.gathered);
        let (whole, last) = rest.split_at(rest.len() - rest.len() % TOGETHER);
        self.digest.update(whole);
        self.gathered.clear();
        self.gathered.extend_from_slice(last);
    }

    /// The digest, and of how many documents it is.
    pub fn finish(mut self) -> (Sum, u64) {
        self.digest.update(&take(&mut self.gathered));
        (self.digest.finalize().into(), self.documents)
    }
}

/// The digest of a file, or of its beginning.
#[derive(Clone, Debug, Default)]
pub struct FileDigest(Hasher);

impl FileDigest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Sum {
        blake3::hash(bytes).into()
    }

    /// The next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> Sum {
        self.0.finalize().into()
    }
}

/// The idempotency key of one body: a UUID (version 8) that is the same for each attempt of it in one epoch.
///
/// `turn` rises when the API has settled on a failure for a key: some store and repeat even those.
pub fn key(nonce: [u8; 16], range: &Range<u64>, turn: u64) -> String {
    let mut digest = tagged("xwalk key 1\0");
    digest.update(&nonce);
    for number in [range.start, range.end, turn] {
        digest.update(&number.to_be_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize().as_bytes()[..16]);
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

/// Its length goes first, so that no two lists of parts are the same bytes.
fn add(digest: &mut Hasher, part: &[u8]) {
    digest.update(&(part.len() as u64).to_be_bytes());
    digest.update(part);
}

fn tagged(tag: &str) -> Hasher {
    let mut digest = Hasher::new();
    digest.update(tag.as_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::digest::{FileDigest, PlanDigest, Target, hex, key};

    #[test]
    fn a_key_is_a_uuid_that_differs_by_nonce_range_and_turn() {
        let mut keys = BTreeSet::new();
        for nonce in [[0; 16], [7; 16]] {
            for range in [0..1, 0..2, 1..2] {
                for turn in 0..3 {
                    let key = key(nonce, &range, turn);
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
    fn a_plan_is_told_apart_by_target_bytes_and_borders() {
        let (a, b) = (Target::new(&["a", "b"]), Target::new(&["ab", ""]));
        assert_ne!(a, b);
        let plan = |target: &Target, documents: &[&str]| {
            let mut digest = PlanDigest::new(target);
            for document in documents {
                digest.add(document.as_bytes());
            }
            digest.finish()
        };
        assert_eq!(plan(&a, &["1", "2"]), plan(&a, &["1", "2"]));
        let others = [plan(&b, &["1", "2"]), plan(&a, &["12"]), plan(&a, &["2", "1"]), plan(&a, &["1", "2", ""])];
        assert!(others.iter().all(|other| other.0 != plan(&a, &["1", "2"]).0));
        let long = "x".repeat(100_000);
        assert_ne!(plan(&a, &[&long, &long, "1"]).0, plan(&a, &[&long, &long, "2"]).0);
    }

    #[test]
    fn a_file_has_the_digest_that_everybody_takes() {
        let mut digest = FileDigest::default();
        digest.add(b"a");
        digest.add(b"bc");
        let expected = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        assert_eq!(hex(&digest.finish()), expected);
    }
}
