//! Key -> the record of one source that has it: a hash index with open addressing, without an allocation per key.
//!
//! The key hash of up to seven bytes is the key itself with its length, so comparing hashes is exact; longer keys are
//! found by their hash and then compared byte for byte. So a look-up never returns the record of another key.

use crate::{
    join::hash_seed::HashSeed,
    table::NONE,
    text::lanes::{ByteLanes, LANES, split_halves},
};

/// The records of one source by their key.
#[derive(Debug, Default)]
pub(super) struct HashIndex {
    /// The length is a power of two, and at least half of the slots are free.
    slots: Vec<Slot>,
    taken: usize,
    /// The bytes of long keys, one behind the other.
    bytes: Vec<u8>,
    /// Where each long key ends in `bytes`.
    ends: Vec<usize>,
    seed: HashSeed,
}

/// All that most look-ups touch, so that each costs one cache miss.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key_hash: u64,
    row: u32,
    /// Of a long key: its number.
    long: u32,
}

const FREE: Slot = Slot { key_hash: 0, row: NONE, long: 0 };
/// The top bit tells the hash of a long key from a short key.
const LONG: u64 = 1 << 63;

impl HashIndex {
    /// An empty index with capacity for this many keys.
    pub(super) fn with_capacity(keys: usize) -> HashIndex {
        let slots = vec![FREE; (keys * 2).next_power_of_two().max(16)];
        HashIndex { slots, ..HashIndex::default() }
    }

    /// The record with a key, or [`NONE`].
    pub(super) fn get(&self, key: ByteLanes<'_>) -> u32 {
        // An index without slots belongs to a source without a key.
        if self.slots.is_empty() { NONE } else { self.slots[self.find_slot(key.bytes(), hash_key(key))].row }
    }

    /// The records with some short keys, in the order of the keys; [`NONE`] for a key that no record has.
    ///
    /// No look-up waits for the one before it, so that cache misses overlap.
    pub(super) fn get_many(&self, key_hashes: &[u64], rows: &mut Vec<u32>) {
        rows.clear();
        if self.slots.is_empty() {
            rows.resize(key_hashes.len(), NONE);
            return;
        }
        rows.extend(key_hashes.iter().map(|key_hash| self.slots[self.find_slot(&[], *key_hash)].row));
    }

    /// Maps a key to a record. If the key is there already, nothing changes, and its record is returned.
    pub(super) fn insert(&mut self, key: ByteLanes<'_>, row: u32) -> Option<u32> {
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let key_hash = hash_key(key);
        let slot = self.find_slot(key.bytes(), key_hash);
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

    /// Maps a key that is there to another record.
    pub(super) fn replace(&mut self, key: ByteLanes<'_>, row: u32) {
        let slot = self.find_slot(key.bytes(), hash_key(key));
        if self.slots[slot].row != NONE {
            self.slots[slot].row = row;
        }
    }

    /// The slot of a key, or the free slot where it would go.
    fn find_slot(&self, key: &[u8], key_hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = spread_hash(self.seed, key_hash) & mask;
        loop {
            let slot = &self.slots[at];
            let same = slot.key_hash == key_hash && (key_hash & LONG == 0 || self.long_key(slot.long) == key);
            if slot.row == NONE || same {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn long_key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![FREE; (old.len() * 2).max(16)];
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.row != NONE) {
            let mut at = spread_hash(self.seed, slot.key_hash) & mask;
            while self.slots[at].row != NONE {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// Hashes a key: a short key with its length is its own hash.
#[inline]
pub(super) fn hash_key(key: ByteLanes<'_>) -> u64 {
    if key.len() <= LANES { hash_short_key(&key.lanes_at(0), key.len()) } else { hash_long_key(key) }
}

/// As [`hash_key`], of a key of at most sixteen bytes, at the start of the byte lanes.
#[inline(always)]
pub(super) fn hash_short_key(lanes: &[u8; LANES], length: usize) -> u64 {
    let text = u128::from_le_bytes(*lanes) & BELOW[length % BELOW.len()];
    let [low, high] = split_halves(text);
    if length <= 7 {
        return low | (length as u64) << 56;
    }
    let seed = HashSeed::default();
    mix_word(seed, mix_word(seed, length as u64, low), high) | LONG
}

/// For each length up to sixteen bytes, the bits of a key of this length.
const BELOW: [u128; 32] = {
    let (mut below, mut length) = ([u128::MAX; 32], 0);
    while length < LANES {
        below[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    below
};

/// Whether no other key has this key hash.
#[inline]
pub(super) fn is_exact(key_hash: u64) -> bool {
    key_hash & LONG == 0
}

fn hash_long_key(key: ByteLanes<'_>) -> u64 {
    let seed = HashSeed::default();
    let (chunks, rest) = key.bytes().as_chunks::<8>();
    let hash = chunks.iter().fold(key.len() as u64, |hash, chunk| mix_word(seed, hash, u64::from_le_bytes(*chunk)));
    mix_word(seed, hash, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))) | LONG
}

#[inline(always)]
fn mix_word(seed: HashSeed, hash: u64, word: u64) -> u64 {
    seed.scramble(hash.rotate_left(23) ^ word)
}

/// About how many key hashes make a shard: as many as fit into the nearest cache.
const SHARD: usize = 4096;

/// A slot without a hash. No key has this hash: it would be longer than its length says.
const EMPTY: u64 = 0x7F << 56;

/// Whether all key hashes differ. They are sharded first, so that each shard is compared within the cache.
pub(super) fn all_differ(key_hashes: Vec<u64>) -> bool {
    let shards = (key_hashes.len() / SHARD + 1).next_power_of_two();
    let seed = HashSeed::default();
    let shard = |key_hash: u64| spread_hash(seed, key_hash) & (shards - 1);
    let mut ends = vec![0usize; shards];
    for key_hash in &key_hashes {
        ends[shard(*key_hash)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut sharded = vec![0; key_hashes.len()];
    for key_hash in key_hashes {
        let end = &mut ends[shard(key_hash)];
        sharded[*end] = key_hash;
        *end += 1;
    }
    let (mut start, mut slots) = (0, Vec::new());
    ends.iter().all(|end| {
        let shard = &sharded[start..*end];
        start = *end;
        all_differ_in(seed, shard, &mut slots)
    })
}

/// Whether the key hashes of one shard all differ.
fn all_differ_in(seed: HashSeed, key_hashes: &[u64], slots: &mut Vec<u64>) -> bool {
    let size = (key_hashes.len() * 2).next_power_of_two();
    slots.clear();
    slots.resize(size, EMPTY);
    key_hashes.iter().all(|key_hash| {
        let mut at = (spread_hash(seed, *key_hash) >> 20) & (size - 1);
        while slots[at] != EMPTY {
            if slots[at] == *key_hash {
                return false;
            }
            at = (at + 1) & (size - 1);
        }
        slots[at] = *key_hash;
        true
    })
}

/// One hash of two, in this order.
#[inline]
pub(super) fn mix_hashes(first: u64, second: u64) -> u64 {
    HashSeed::default().scramble(first.rotate_left(23) ^ second)
}

/// Spreads the bits of a hash, for its place in a table.
#[inline(always)]
fn spread_hash(seed: HashSeed, key_hash: u64) -> usize {
    usize::try_from(seed.scramble(key_hash) >> 8).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{HashIndex, all_differ};
    use crate::{join::hash_seed::HashSeed, table::NONE};

    /// The most slots that a look-up of one of these keys may visit.
    fn longest_run(keys: &[String], seed: HashSeed) -> usize {
        let mut index = HashIndex { seed, ..HashIndex::with_capacity(keys.len()) };
        for (number, key) in (0..).zip(keys) {
            assert_eq!(index.insert(key.as_bytes().into(), number), None);
        }
        index.slots.split(|slot| slot.row == NONE).map(<[_]>::len).max().unwrap_or(0)
    }

    #[test]
    fn nobody_can_write_keys_that_share_their_place() {
        // Without a seed, the second and the third byte of a short key decide where it is looked for.
        let keys: Vec<String> = (0..10_000).map(|number| format!("xyz{number:04}")).collect();
        assert!(longest_run(&keys, HashSeed::NONE) > 5_000);
        for _ in 0..10 {
            let run = longest_run(&keys, HashSeed::random());
            assert!(run < 1_000, "{run}");
        }
    }

    #[test]
    fn the_hashes_of_two_runs_have_nothing_in_common() {
        let word = u64::from_le_bytes(*b"customer");
        let scrambled: Vec<u64> = (0..100).map(|_| HashSeed::random().scramble(word)).collect();
        assert!(all_differ(scrambled));
    }

    #[test]
    fn keys_of_all_lengths_find_their_record() {
        let mut index = HashIndex::with_capacity(1);
        let key = |number: u32| "k".repeat(number as usize % 20) + &number.to_string();
        for number in 0..5000 {
            assert_eq!(index.insert(key(number).as_bytes().into(), number), None);
        }
        for number in 0..5000 {
            assert_eq!(index.get(key(number).as_bytes().into()), number);
        }
        assert_eq!(index.insert(key(7).as_bytes().into(), 1), Some(7));
        assert_eq!(index.get(b"nobody"[..].into()), NONE);
        assert_eq!(index.get(b""[..].into()), NONE);
    }

    #[test]
    fn a_key_hash_that_is_there_twice_is_found() {
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
