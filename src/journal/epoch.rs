//! One epoch: the state that the entries of one file add up to.
//!
//! Pure. Entries only ever add: what is settled stays settled, so any beginning of a file is a true, if older, state.
//! That is why a torn end may be cut off, and why nothing else may be.

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
    /// The documents that the API will never accept, each with a status and a code.
    pub rejected: BTreeMap<u64, (u16, String)>,
    /// The outcome of some request is unknown.
    pub is_in_doubt: bool,
    /// Requests of an earlier epoch were waited for.
    pub graced: bool,
    /// Every document is settled; `Some(true)`: and no request can still be acted on.
    pub done: Option<bool>,
    /// The checksum of the last line.
    pub(crate) chain: Chain,
    /// How many bytes of the file are whole lines that are true.
    pub(crate) length: u64,
    /// Something stands behind them.
    pub(crate) torn: bool,
}

impl Epoch {
    /// An epoch that begins, and its first line.
    pub(crate) fn begun(header: Header) -> (Epoch, String) {
        let (line, chain) = entry::line(Chain::default(), &Entry::Epoch(header.clone()));
        let epoch = Epoch {
            header,
            accepted: Vec::new(),
            rejected: BTreeMap::new(),
            is_in_doubt: false,
            graced: false,
            done: None,
            chain,
            length: line.len() as u64,
            torn: false,
        };
        (epoch, line)
    }

    /// The state of a file: `None` when it is damaged anywhere but at its end, or is no journal of this version.
    pub(crate) fn read(number: u64, bytes: &[u8]) -> Option<Epoch> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let first = lines.next()?.strip_suffix(b"\n")?;
        let (Entry::Epoch(header), _) = entry::parsed(Chain::default(), first)? else { return None };
        if header.v != entry::VERSION || header.n != number {
            return None;
        }
        let (mut epoch, _) = Epoch::begun(header);
        // Bytes that mean the same are not the same bytes.
        (epoch.length == first.len() as u64 + 1).then_some(())?;
        while let Some(line) = lines.next() {
            let whole = line.strip_suffix(b"\n").and_then(|line| entry::parsed(epoch.chain, line));
            match whole {
                Some((entry, chain)) => {
                    epoch.apply(&entry)?;
                    (epoch.chain, epoch.length) = (chain, epoch.length + line.len() as u64);
                }
                None if lines.next().is_none() => epoch.torn = true,
                None => return None,
            }
        }
        Some(epoch)
    }

    /// Adds an entry, and gives its line. `None`: it cannot follow what is there.
    pub(crate) fn extend(&mut self, entry: &Entry) -> Option<String> {
        self.apply(entry)?;
        let (line, chain) = entry::line(self.chain, entry);
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
                self.rejected.insert(*index, (*status, code.clone()));
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

    /// Whether a request of this epoch may still be acted on by the time the next one begins.
    pub(crate) fn may_linger(&self) -> bool {
        self.done != Some(true)
    }

    /// Whether requests of an earlier epoch have to be waited for before the first one of this.
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

    /// A journal of an epoch with all kinds of entries, and the lengths of its beginnings that are whole lines.
    fn corpus() -> (String, Vec<usize>) {
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
        let (mut epoch, mut text) = Epoch::begun(header);
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
    fn a_torn_end_is_cut_at_every_byte() {
        let (text, ends) = corpus();
        let mut before = 0;
        for cut in 0..=text.len() {
            let read = Epoch::read(3, &text.as_bytes()[..cut]);
            let whole = ends.iter().copied().filter(|end| *end <= cut).max();
            assert_eq!(read.as_ref().map(|epoch| epoch.length), whole.map(|end| end as u64), "{cut}");
            let settled = read.as_ref().map_or(0, |epoch| epoch.counts().accepted);
            assert!(settled >= before, "{cut}");
            before = settled;
            assert_eq!(read.map(|epoch| epoch.torn), whole.map(|end| end < cut), "{cut}");
        }
        assert_eq!(Epoch::read(4, text.as_bytes()), None, "another number");
    }

    #[test]
    fn no_flipped_bit_adds_anything() {
        let (text, ends) = corpus();
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
                    assert!(bit / 8 + 1 >= last && epoch.torn && epoch.done.is_none(), "bit {bit}");
                    assert!(index_ranges::without(&epoch.accepted, &whole.accepted).is_empty(), "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn entries_that_cannot_follow_are_refused() {
        let (text, ends) = corpus();
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
