//! The keys of one source as an index: which record has this key.
//!
//! Keys of up to seven bytes are kept in one machine word with their length, so that comparing them is exact; longer keys
//! are found by a hash and then compared byte for byte. One open-addressing table, no allocation per key.

use crate::group::NONE;

/// An index from keys to records.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Entry numbers plus one, at the slot of their key; 0 is free. The length is a power of two.
    slots: Vec<u32>,
    words: Vec<u64>,
    rows: Vec<u32>,
    /// Where the bytes of long keys end in `bytes`; short keys have none.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// The top bit tells a hash from a packed key.
const LONG: u64 = 1 << 63;

impl Keys {
    /// An empty index with room for some keys.
    pub(super) fn with_room(keys: usize) -> Keys {
        let slots = (keys * 2).next_power_of_two().max(16);
        Keys {
            slots: vec![0; slots],
            words: Vec::with_capacity(keys),
            rows: Vec::with_capacity(keys),
            ends: Vec::with_capacity(keys),
            bytes: Vec::new(),
        }
    }

    /// The record with a key, or [`NONE`].
    pub(super) fn get(&self, key: &[u8]) -> u32 {
        match self.find(key, word(key)) {
            Ok(entry) => self.rows[entry],
            Err(_) => NONE,
        }
    }

    /// Adds a key, unless it is there: then the record it belongs to.
    pub(super) fn insert(&mut self, key: &[u8], row: u32) -> Option<u32> {
        let word = word(key);
        match self.find(key, word) {
            Ok(entry) => Some(self.rows[entry]),
            Err(slot) => {
                self.words.push(word);
                self.rows.push(row);
                if word & LONG != 0 {
                    self.bytes.extend_from_slice(key);
                }
                self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
                self.slots[slot] = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
                if self.words.len() * 2 > self.slots.len() {
                    self.grow();
                }
                None
            }
        }
    }

    /// Lets a key that is there belong to another record.
    pub(super) fn replace(&mut self, key: &[u8], row: u32) {
        if let Ok(entry) = self.find(key, word(key)) {
            self.rows[entry] = row;
        }
    }

    /// The entry of a key, or the free slot where it would go.
    fn find(&self, key: &[u8], word: u64) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = spread(word) & mask;
        loop {
            match self.slots[slot] as usize {
                0 => return Err(slot),
                entry if self.words[entry - 1] == word && (word & LONG == 0 || self.long(entry - 1) == key) => {
                    return Ok(entry - 1);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn long(&self, entry: usize) -> &[u8] {
        let start = if entry == 0 { 0 } else { self.ends[entry - 1] as usize };
        &self.bytes[start..self.ends[entry] as usize]
    }

    fn grow(&mut self) {
        let mut slots = vec![0u32; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for (entry, word) in self.words.iter().enumerate() {
            let mut slot = spread(*word) & mask;
            while slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = u32::try_from(entry + 1).unwrap_or(u32::MAX);
        }
        self.slots = slots;
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
