//! The keys of one source as an index: which record has this key.
//!
//! Keys of up to seven bytes are kept in one machine word with their length, so that comparing them is exact; longer keys
//! are found by a hash and then compared byte for byte. One open-addressing table, no allocation per key.

use crate::{
    table::NONE,
    text::lanes::{LANE, Snippet},
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
    key_hash: u64,
    row: u32,
    /// For a long key: its number.
    long: u32,
}

const FREE: Slot = Slot { key_hash: 0, row: NONE, long: 0 };
/// The top bit tells a hash from a packed key.
const LONG: u64 = 1 << 63;

impl Keys {
    /// An empty index with room for some keys.
    pub(super) fn with_room(keys: usize) -> Keys {
        let slots = vec![FREE; (keys * 2).next_power_of_two().max(16)];
        Keys { slots, ..Keys::default() }
    }

    /// The record with a key, or [`NONE`].
    pub(super) fn get(&self, key: Snippet<'_>) -> u32 {
        // An index without room belongs to a source without a key.
        if self.slots.is_empty() { NONE } else { self.slots[self.find(key.bytes(), hash_key(key))].row }
    }

    /// The records with some keys that were packed, in their order, or [`NONE`].
    ///
    /// Nothing here waits for the look-up before it, so their cache misses overlap.
    pub(super) fn get_all(&self, key_hashes: &[u64], rows: &mut Vec<u32>) {
        rows.clear();
        if self.slots.is_empty() {
            rows.resize(key_hashes.len(), NONE);
            return;
        }
        rows.extend(key_hashes.iter().map(|key_hash| self.slots[self.find(&[], *key_hash)].row));
    }

    /// Adds a key, unless it is there: then the record it belongs to.
    pub(super) fn insert(&mut self, key: Snippet<'_>, row: u32) -> Option<u32> {
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let key_hash = hash_key(key);
        let slot = self.find(key.bytes(), key_hash);
        if self.slots[slot].row != NONE {
            return Some(self.slots[slot].row);
        }
        let long = u32::try_from(self.ends.len()).unwrap_or(NONE);
        if key_hash & LONG != 0 {
            self.bytes.extend_from_slice(key.bytes());
            self.ends.push(self.bytes.len());
        }
        self.slots[slot] = Slot { key_hash, row, long };
        self.taken += 1;
        None
    }

    /// Lets a key that is there belong to another record.
    pub(super) fn replace(&mut self, key: Snippet<'_>, row: u32) {
        let slot = self.find(key.bytes(), hash_key(key));
        if self.slots[slot].row != NONE {
            self.slots[slot].row = row;
        }
    }

    /// The slot of a key, or the free one where it would go.
    fn find(&self, key: &[u8], key_hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = spread(key_hash) & mask;
        loop {
            let slot = &self.slots[at];
            let same = slot.key_hash == key_hash && (key_hash & LONG == 0 || self.long(slot.long) == key);
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
            let mut at = spread(slot.key_hash) & mask;
            while self.slots[at].row != NONE {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// A short key packed with its length, or the hash of a long one.
#[inline]
pub(super) fn hash_key(key: Snippet<'_>) -> u64 {
    if key.len() <= LANE { hash_short_key(&key.lane(0), key.len()) } else { hash_long_key(key) }
}

/// As [`hash_key`], of a key that a lane begins with.
#[inline(always)]
pub(super) fn hash_short_key(lane: &[u8; LANE], length: usize) -> u64 {
    let text = u128::from_le_bytes(*lane) & BELOW[length % BELOW.len()];
    let [low, high] = halves(text);
    if length <= 7 { low | (length as u64) << 56 } else { mix(mix(length as u64, low), high) | LONG }
}

/// For each length up to that of a lane, the bits of a text in it.
const BELOW: [u128; 32] = {
    let (mut below, mut length) = ([u128::MAX; 32], 0);
    while length < LANE {
        below[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    below
};

/// Whether nobody but a key itself has its key hash.
#[inline]
pub(super) fn is_exact(key_hash: u64) -> bool {
    key_hash & LONG == 0
}

fn hash_long_key(key: Snippet<'_>) -> u64 {
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

/// How many key hashes are compared with each other at once: what fits into the nearest cache.
const NEAR: usize = 4096;

/// No key has this hash: it would be longer than its length says.
const NOBODY: u64 = 0x7F << 56;

/// Whether some key hashes all differ. They are parted by their hash first, so that each part is compared within the cache.
pub(super) fn all_differ(key_hashes: Vec<u64>) -> bool {
    let parts = (key_hashes.len() / NEAR + 1).next_power_of_two();
    let part = |key_hash: u64| spread(key_hash) & (parts - 1);
    let mut ends = vec![0usize; parts];
    for key_hash in &key_hashes {
        ends[part(*key_hash)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut parted = vec![0; key_hashes.len()];
    for key_hash in key_hashes {
        let end = &mut ends[part(key_hash)];
        parted[*end] = key_hash;
        *end += 1;
    }
    let (mut start, mut slots) = (0, Vec::new());
    ends.iter().all(|end| {
        let key_hashes = &parted[start..*end];
        start = *end;
        alone(key_hashes, &mut slots)
    })
}

fn alone(key_hashes: &[u64], slots: &mut Vec<u64>) -> bool {
    let size = (key_hashes.len() * 2).next_power_of_two();
    slots.clear();
    slots.resize(size, NOBODY);
    key_hashes.iter().all(|key_hash| {
        let mut at = (spread(*key_hash) >> 20) & (size - 1);
        while slots[at] != NOBODY {
            if slots[at] == *key_hash {
                return false;
            }
            at = (at + 1) & (size - 1);
        }
        slots[at] = *key_hash;
        true
    })
}

fn spread(key_hash: u64) -> usize {
    let mixed = key_hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
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
            let key_hashes: Vec<u64> = (0..count).map(|n| n.wrapping_mul(0x2545_F491_4F6C_DD1D)).collect();
            assert!(all_differ(key_hashes.clone()), "{count}");
            for duplicate in key_hashes.iter().step_by(997) {
                let more = key_hashes.iter().copied().chain([*duplicate]).collect();
                assert!(!all_differ(more), "{count}");
            }
        }
    }
}
