//! One epoch: the state of a delivery, as the entries of one journal file add up to it.
//!
//! Pure. Entries only add: a settled document stays settled, so every prefix of a file is an earlier state of the same
//! delivery. That is why a truncated last line may be cut off, and nothing else.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    index_ranges,
    journal::entry::{self, Chain, Counts, Entry, Header},
};

/// What is known about one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Which delivery it is.
    pub header: Header,
    /// The documents that the API acknowledged.
    pub accepted: Vec<Range<u64>>,
    /// The documents that the API will never accept.
    pub rejected: BTreeMap<u64, RejectedDocument>,
    /// The documents that the API failed on alone while it accepted others, with the status it gave them.
    pub failed: BTreeMap<u64, u16>,
    /// The outcome of some request is unknown.
    pub is_in_doubt: bool,
    /// The delivery waited for requests of an earlier epoch.
    pub graced: bool,
    /// Every document is settled; `Some(true)`: and the API can no longer act on any request.
    pub done: Option<bool>,
    /// The checksum of the last line.
    pub(crate) chain: Chain,
    /// How many bytes of the file are whole lines with a right checksum.
    pub(crate) length: u64,
    /// More bytes follow these: a line that was not written to its end.
    pub(crate) is_truncated: bool,
}

/// Why the API will never accept a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedDocument {
    /// The status of the answer about it alone.
    pub status: u16,
    /// The code of the finding, as a word.
    pub code: String,
}

impl Epoch {
    /// A new epoch, and its first line.
    pub(crate) fn begin(header: Header) -> (Epoch, String) {
        let (line, chain) = entry::write_line(Chain::default(), &Entry::Epoch(header.clone()));
        let epoch = Epoch {
            header,
            accepted: Vec::new(),
            rejected: BTreeMap::new(),
            failed: BTreeMap::new(),
            is_in_doubt: false,
            graced: false,
            done: None,
            chain,
            length: line.len() as u64,
            is_truncated: false,
        };
        (epoch, line)
    }

    /// Reads the state of a file; `None` when it is damaged before its last line, or is not a journal of this version.
    pub(crate) fn read(number: u64, bytes: &[u8]) -> Option<Epoch> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let first = lines.next()?.strip_suffix(b"\n")?;
        let (Entry::Epoch(header), _) = entry::parse(Chain::default(), first)? else { return None };
        if header.v != entry::VERSION || header.n != number {
            return None;
        }
        let (mut epoch, _) = Epoch::begin(header);
        // Other bytes may mean the same header, but no journal was written with them.
        (epoch.length == first.len() as u64 + 1).then_some(())?;
        while let Some(line) = lines.next() {
            let whole = line.strip_suffix(b"\n").and_then(|line| entry::parse(epoch.chain, line));
            match whole {
                Some((entry, chain)) => {
                    epoch.apply(&entry)?;
                    (epoch.chain, epoch.length) = (chain, epoch.length + line.len() as u64);
                }
                None if lines.next().is_none() => epoch.is_truncated = true,
                None => return None,
            }
        }
        Some(epoch)
    }

    /// Adds an entry, and returns its line. `None`: it cannot follow the entries before.
    pub(crate) fn extend(&mut self, entry: &Entry) -> Option<String> {
        self.apply(entry)?;
        let (line, chain) = entry::write_line(self.chain, entry);
        (self.chain, self.length) = (chain, self.length + line.len() as u64);
        Some(line)
    }

    fn apply(&mut self, entry: &Entry) -> Option<()> {
        let documents = self.header.docs;
        match entry {
            _ if self.done.is_some() => return None,
            Entry::Epoch(_) => return None,
            Entry::Ack { ranges, .. } => {
                for range in ranges {
                    (range.start < range.end && range.end <= documents).then_some(())?;
                    index_ranges::merge(&mut self.accepted, range.clone());
                }
            }
            Entry::Reject { index, status, code } => {
                (*index < documents).then_some(())?;
                self.rejected.insert(*index, RejectedDocument { status: *status, code: code.clone() });
            }
            Entry::Failed { index, status } => {
                (*index < documents).then_some(())?;
                self.failed.insert(*index, *status);
            }
            Entry::InDoubt { .. } => self.is_in_doubt = true,
            Entry::Graced {} => self.graced = true,
            Entry::Done { clean, counts } => {
                (*counts == self.counts() && self.is_settled()).then_some(())?;
                self.done = Some(*clean);
            }
        }
        Some(())
    }

    /// How many documents ended how, so far.
    pub fn counts(&self) -> Counts {
        Counts { accepted: index_ranges::count(&self.accepted), rejected: self.rejected.len() as u64 }
    }

    /// Whether every document is settled.
    pub fn is_settled(&self) -> bool {
        self.counts().accepted + self.counts().rejected == self.header.docs
    }

    /// Whether a document is settled.
    pub fn is_settled_for(&self, index: u64) -> bool {
        index_ranges::contains(&self.accepted, index) || self.rejected.contains_key(&index)
    }

    /// Whether the API may still act on a request of this epoch when the next one begins.
    pub(crate) fn may_linger(&self) -> bool {
        self.done != Some(true)
    }

    /// Whether the first request of this epoch has to wait for requests of an earlier one.
    pub(crate) fn must_wait(&self) -> bool {
        self.header.grace && !self.graced
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use crate::{
        index_ranges,
        journal::{
            entry::{Counts, Entry, Header},
            epoch::Epoch,
        },
    };

    /// A journal with all kinds of entries, and the offsets at which its lines end.
    fn sample_journal() -> (String, Vec<usize>) {
        let header = Header {
            v: 1,
            n: 3,
            plan: [1; 32],
            docs: 60,
            nonce: [2; 16],
            inputs: Vec::new(),
            grace: true,
            tool: "1".into(),
        };
        let (mut epoch, mut text) = Epoch::begin(header);
        let mut ends = vec![text.len()];
        let acks = (0..44).map(|n| Entry::Ack { ranges: vec![n..n + 1], status: 200 });
        let rejects = (44..46).map(|index| Entry::Reject { index, status: 413, code: "deliver/too-large".into() });
        let done = Entry::Done { clean: false, counts: Counts { accepted: 58, rejected: 2 } };
        let all = [Entry::Graced {}, Entry::InDoubt { resumed: true }].into_iter().chain(acks).chain(rejects);
        for entry in all.chain([Entry::Ack { ranges: vec![46..50, 50..60], status: 204 }, done]) {
            text.push_str(&epoch.extend(&entry).unwrap());
            ends.push(text.len());
        }
        assert_eq!((epoch.done, ends.len()), (Some(false), 51));
        (text, ends)
    }

    #[test]
    fn a_file_truncated_at_any_byte_is_an_earlier_state() {
        let (text, ends) = sample_journal();
        let mut before = 0;
        for cut in 0..=text.len() {
            let read = Epoch::read(3, &text.as_bytes()[..cut]);
            let whole = ends.iter().copied().filter(|end| *end <= cut).max();
            assert_eq!(read.as_ref().map(|epoch| epoch.length), whole.map(|end| end as u64), "{cut}");
            let settled = read.as_ref().map_or(0, |epoch| epoch.counts().accepted);
            assert!(settled >= before, "{cut}");
            before = settled;
            assert_eq!(read.map(|epoch| epoch.is_truncated), whole.map(|end| end < cut), "{cut}");
        }
        assert_eq!(Epoch::read(4, text.as_bytes()), None, "another number");
    }

    #[test]
    fn no_flipped_bit_settles_anything() {
        let (text, ends) = sample_journal();
        let whole = Epoch::read(3, text.as_bytes()).unwrap();
        let last = ends[ends.len() - 2];
        // Every byte, and each of its bits as often: all of them would take long.
        for bit in (0..text.len() * 8).step_by(7) {
            let mut damaged = text.clone().into_bytes();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match Epoch::read(3, &damaged) {
                None => assert!(bit / 8 < last, "bit {bit} is in the last line"),
                Some(epoch) => {
                    // Without the line end before it, the last line is a part of a longer one.
                    assert!(bit / 8 + 1 >= last && epoch.is_truncated && epoch.done.is_none(), "bit {bit}");
                    assert!(index_ranges::subtract(&epoch.accepted, &whole.accepted).is_empty(), "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn entries_that_cannot_follow_are_refused() {
        let (text, ends) = sample_journal();
        let mut done = Epoch::read(3, text.as_bytes()).unwrap();
        assert_eq!(done.extend(&Entry::InDoubt { resumed: false }), None, "nothing follows the end");
        let open = Epoch::read(3, &text.as_bytes()[..ends[0]]).unwrap();
        let counts = Counts { accepted: 60, rejected: 0 };
        let wrong = [
            Entry::Epoch(open.header.clone()),
            Entry::Ack { ranges: vec![0..61], status: 200 },
            #[expect(clippy::reversed_empty_ranges, reason = "this is what a damaged entry may hold")]
            Entry::Ack { ranges: vec![2..1], status: 200 },
            Entry::Reject { index: 60, status: 413, code: String::new() },
            Entry::Done { clean: true, counts },
        ];
        for entry in wrong {
            assert_eq!(open.clone().extend(&entry), None, "{entry:?}");
        }
    }
}
