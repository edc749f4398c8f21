//! The keys of one source as an index: which record has this key.
//!
//! Keys of up to seven bytes are kept in one machine word with their length, so that comparing them is exact; longer keys
//! are found by a hash and then compared byte for byte. One open-addressing table, no allocation per key.

use crate::group::NONE;

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
    pub(super) fn get(&self, key: &[u8]) -> u32 {
        // An index without room belongs to a source without a key.
        if self.slots.is_empty() { NONE } else { self.slots[self.find(key, word(key))].row }
    }

    /// Adds a key, unless it is there: then the record it belongs to.
    pub(super) fn insert(&mut self, key: &[u8], row: u32) -> Option<u32> {
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let word = word(key);
        let slot = self.find(key, word);
        if self.slots[slot].row != NONE {
            return Some(self.slots[slot].row);
        }
        let long = u32::try_from(self.ends.len()).unwrap_or(NONE);
        if word & LONG != 0 {
            self.bytes.extend_from_slice(key);
            self.ends.push(self.bytes.len());
        }
        self.slots[slot] = Slot { word, row, long };
        self.taken += 1;
        None
    }

    /// Lets a key that is there belong to another record.
    pub(super) fn replace(&mut self, key: &[u8], row: u32) {
        let slot = self.find(key, word(key));
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
fn word(key: &[u8]) -> u64 {
    if key.len() <= 7 {
        let mut packed = [0; 8];
        packed[..key.len()].copy_from_slice(key);
        packed[7] = u8::try_from(key.len()).unwrap_or(0);
        return u64::from_le_bytes(packed);
    }
    let mut hash = key.len() as u64;
    for chunk in key.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    (hash ^ (hash >> 29)) | LONG
}

fn spread(word: u64) -> usize {
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed ^ (mixed >> 32)) >> 8).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use crate::group::NONE;

    #[test]
    fn keys_of_all_lengths_find_their_record() {
        let mut keys = Keys::with_room(1);
        let key = |number: u32| "k".repeat(number as usize % 20) + &number.to_string();
        for number in 0..5000 {
            assert_eq!(keys.insert(key(number).as_bytes(), number), None);
        }
        for number in 0..5000 {
            assert_eq!(keys.get(key(number).as_bytes()), number);
        }
        assert_eq!(keys.insert(key(7).as_bytes(), 1), Some(7));
        assert_eq!(keys.get(b"nobody"), NONE);
        assert_eq!(keys.get(b""), NONE);
    }
}
