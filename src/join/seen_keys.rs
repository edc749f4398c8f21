//! Hash of a key -> the partition where it was seen first, while rows are still read: it grows as needed.
//!
//! Two keys with one hash share a partition, which does no harm.

use crate::{
    join::{hash_seed::HashSeed, partition_map::reduce_hash},
    table::NONE,
};

/// For each key that was seen, a partition.
#[derive(Debug, Default)]
pub struct SeenKeys {
    /// The hash of a key and its partition, or [`NONE`] where the slot is free; at least half of them are.
    slots: Vec<(u64, u32)>,
    taken: usize,
    seed: HashSeed,
}

impl SeenKeys {
    /// The partition of a hash.
    #[must_use]
    pub fn get(&self, key_hash: u64) -> Option<u32> {
        let (_, partition) = *self.slots.get(self.find_slot(key_hash))?;
        (partition != NONE).then_some(partition)
    }

    /// Maps a hash to a partition, unless it is mapped already; gives its partition.
    pub fn insert(&mut self, key_hash: u64, partition: u32) -> u32 {
        if self.taken * 2 >= self.slots.len() {
            let slots = (self.slots.len() * 2).max(64);
            for (key_hash, partition) in std::mem::replace(&mut self.slots, vec![(0, NONE); slots]) {
                if partition != NONE {
                    let slot = self.find_slot(key_hash);
                    self.slots[slot] = (key_hash, partition);
                }
            }
        }
        let slot = self.find_slot(key_hash);
        if self.slots[slot].1 == NONE {
            self.slots[slot] = (key_hash, partition);
            self.taken += 1;
        }
        self.slots[slot].1
    }

    /// The slot of a hash, or the free slot where it would go.
    fn find_slot(&self, key_hash: u64) -> usize {
        let mut at = reduce_hash(self.seed, key_hash, self.slots.len());
        while let Some((known, partition)) = self.slots.get(at) {
            if *partition == NONE || *known == key_hash {
                break;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use crate::join::seen_keys::SeenKeys;

    #[test]
    fn a_key_stays_where_it_was_seen_first() {
        let mut seen = SeenKeys::default();
        assert_eq!(seen.get(0), None);
        for number in 0..5000u32 {
            let hash = u64::from(number / 2).wrapping_mul(0x2545_F491_4F6C_DD1D);
            assert_eq!(seen.get(hash), (number % 2 == 1).then_some(number / 2 % 7), "{number}");
            assert_eq!(seen.insert(hash, number / 2 % 7 + number % 2), number / 2 % 7, "{number}");
        }
        assert_eq!(seen.get(1), None);
    }
}
