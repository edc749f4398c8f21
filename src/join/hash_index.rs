//! The keys of one source as an index: which record has this key.
//!
//! Keys of up to seven bytes are kept in one machine word with their length, so that comparing them is exact; longer keys
//! are found by a hash and then compared byte for byte. One open-addressing table, no allocation per key.

use crate::{
    table::NONE,
    text::lanes::{ByteLanes, LANES},
};

/// An index from keys to records.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The length is a power of two, and at least half of the slots are free.
    slots: Vec<Slot>,
    taken: usize,
    /// The bytes of long keys, and where each of them ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// All that most look-ups touch, in one place: they cost one cache miss each.
#[derive(Clone, Copy, Debug)]
struct Slot {
    word: u64,
    row: u32,
    /// For a long key: its number.
    long: u32,
}

const FREE: Slot = Slot { word: 0, row: NONE, long: 0 };
/// The top bit tells a hash from a packed key.
const LONG: u64 = 1 << 63;

impl Keys {
    /// An empty index with room for some keys.
    pub(super) fn with_room(keys: usize) -> Keys {
        let slots = vec![FREE; (keys * 2).next_power_of_two().max(16)];
        Keys { slots, ..Keys::default() }
    }

    /// The record with a key, or [`NONE`].
    pub(super) fn get(&self, key: ByteLanes<'_>) -> u32 {
        // An index without room belongs to a source without a key.
        if self.slots.is_empty() { NONE } else { self.slots[self.find(key.bytes(), word(key))].row }
    }

    /// The records with some keys that were packed, in their order, or [`NONE`].
    ///
    /// Nothing here waits for the look-up before it, so their cache misses overlap.
    pub(super) fn get_all(&self, words: &[u64], rows: &mut Vec<u32>) {
        rows.clear();
        if self.slots.is_empty() {
            rows.resize(words.len(), NONE);
            return;
        }
        rows.extend(words.iter().map(|word| self.slots[self.find(&[], *word)].row));
    }

    /// Adds a key, unless it is there: then the record it belongs to.
    pub(super) fn insert(&mut self, key: ByteLanes<'_>, row: u32) -> Option<u32> {
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let word = word(key);
        let slot = self.find(key.bytes(), word);
        if self.slots[slot].row != NONE {
            return Some(self.slots[slot].row);
        }
        let long = u32::try_from(self.ends.len()).unwrap_or(NONE);
        if word & LONG != 0 {
            self.bytes.extend_from_slice(key.bytes());
            self.ends.push(self.bytes.len());
        }
        self.slots[slot] = Slot { word, row, long };
        self.taken += 1;
        None
    }

    /// Lets a key that is there belong to another record.
    pub(super) fn replace(&mut self, key: ByteLanes<'_>, row: u32) {
        let slot = self.find(key.bytes(), word(key));
        if self.slots[slot].row != NONE {
            self.slots[slot].row = row;
        }
    }

    /// The slot of a key, or the free one where it would go.
    fn find(&self, key: &[u8], word: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = spread(word) & mask;
        loop {
            let slot = &self.slots[at];
            let same = slot.word == word && (word & LONG == 0 || self.long(slot.long) == key);
            if slot.row == NONE || same {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn long(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![FREE; (old.len() * 2).max(16)];
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.row != NONE) {
            let mut at = spread(slot.word) & mask;
            while self.slots[at].row != NONE {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// A short key packed with its length, or the hash of a long one.
#[inline]
pub(super) fn word(key: ByteLanes<'_>) -> u64 {
    if key.len() <= LANES { word_in(&key.lanes_at(0), key.len()) } else { hash(key) }
}

/// As [`word`], of a key that a lane begins with.
#[inline(always)]
pub(super) fn word_in(lane: &[u8; LANES], length: usize) -> u64 {
    let text = u128::from_le_bytes(*lane) & BELOW[length % BELOW.len()];
    let [low, high] = halves(text);
    if length <= 7 { low | (length as u64) << 56 } else { mix(mix(length as u64, low), high) | LONG }
}

/// For each length up to that of a lane, the bits of a text in it.
const BELOW: [u128; 32] = {
    let (mut below, mut length) = ([u128::MAX; 32], 0);
    while length < LANES {
        below[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    below
};

/// Whether nobody but a key itself has its word.
#[inline]
pub(super) fn is_exact(word: u64) -> bool {
    word & LONG == 0
}

fn hash(key: ByteLanes<'_>) -> u64 {
    let (chunks, rest) = key.bytes().as_chunks::<8>();
    let hash = chunks.iter().fold(key.len() as u64, |hash, chunk| mix(hash, u64::from_le_bytes(*chunk)));
    mix(hash, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))) | LONG
}

#[inline(always)]
fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

/// The low and the high half of a double word.
#[inline(always)]
fn halves(text: u128) -> [u64; 2] {
    let bytes = text.to_le_bytes();
    let half = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [half(bytes.first_chunk()), half(bytes.last_chunk())]
}

/// How many words are compared with each other at once: what fits into the nearest cache.
const NEAR: usize = 4096;

/// No key has this word: it would be longer than its length says.
const NOBODY: u64 = 0x7F << 56;

/// Whether some words all differ. They are parted by their hash first, so that each part is compared within the cache.
pub(super) fn all_differ(words: Vec<u64>) -> bool {
    let parts = (words.len() / NEAR + 1).next_power_of_two();
    let part = |word: u64| spread(word) & (parts - 1);
    let mut ends = vec![0usize; parts];
    for word in &words {
        ends[part(*word)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut parted = vec![0; words.len()];
    for word in words {
        let end = &mut ends[part(word)];
        parted[*end] = word;
        *end += 1;
    }
    let (mut start, mut slots) = (0, Vec::new());
    ends.iter().all(|end| {
        let words = &parted[start..*end];
        start = *end;
        alone(words, &mut slots)
    })
}

fn alone(words: &[u64], slots: &mut Vec<u64>) -> bool {
    let size = (words.len() * 2).next_power_of_two();
    slots.clear();
    slots.resize(size, NOBODY);
    words.iter().all(|word| {
        let mut at = (spread(*word) >> 20) & (size - 1);
        while slots[at] != NOBODY {
            if slots[at] == *word {
                return false;
            }
            at = (at + 1) & (size - 1);
        }
        slots[at] = *word;
        true
    })
}

fn spread(word: u64) -> usize {
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed ^ (mixed >> 32)) >> 8).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Keys, all_differ};
    use crate::table::NONE;

    #[test]
    fn keys_of_all_lengths_find_their_record() {
        let mut keys = Keys::with_room(1);
        let key = |number: u32| "k".repeat(number as usize % 20) + &number.to_string();
        for number in 0..5000 {
            assert_eq!(keys.insert(key(number).as_bytes().into(), number), None);
        }
        for number in 0..5000 {
            assert_eq!(keys.get(key(number).as_bytes().into()), number);
        }
        assert_eq!(keys.insert(key(7).as_bytes().into(), 1), Some(7));
        assert_eq!(keys.get(b"nobody"[..].into()), NONE);
        assert_eq!(keys.get(b""[..].into()), NONE);
    }

    #[test]
    fn one_word_that_is_there_twice_is_seen() {
        for count in [0, 1, 2, 3, 100, 5000, 50_000u64] {
            let words: Vec<u64> = (0..count).map(|n| n.wrapping_mul(0x2545_F491_4F6C_DD1D)).collect();
            assert!(all_differ(words.clone()), "{count}");
            for twin in words.iter().step_by(997) {
                let more = words.iter().copied().chain([*twin]).collect();
                assert!(!all_differ(more), "{count}");
            }
        }
    }
}
