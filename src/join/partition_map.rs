//! Hash of a record's key -> the partition that holds the record, for recordings that are divided into partitions.
//!
//! Only hashes are kept, so a partition may be returned for a key that no record has; the keys themselves are compared
//! when that partition is joined. Two promises hold: every key that exists has exactly one partition, and two keys with
//! the same hash are told apart. For the second, such keys, and keys that are there twice, are kept in full.

use std::{collections::BTreeMap, hint::black_box};

use crate::{
    join::{
        hash_index,
        hash_seed::HashSeed,
        keys::{KEYLESS, compose_key, hash_key, read_key, second_half},
    },
    plan::key::KeyColumns,
    table::{NONE, Table},
};

/// Stands for a partition: the hash is ambiguous, so the key is looked up in full.
const AMBIGUOUS: u32 = NONE - 1;

/// For each key, the partition that holds its record.
#[derive(Debug, Default)]
pub struct PartitionMap {
    buckets: Vec<Bucket>,
    /// The partitions of keys whose hash is ambiguous.
    full: BTreeMap<Vec<u8>, u32>,
    seed: HashSeed,
}

/// Where the parents of the records of a table are: one element for each record.
#[derive(Debug)]
pub struct FoundParents<'a> {
    /// The partition of the parent, or [`NONE`] if there is no parent.
    pub partitions: &'a mut Vec<u32>,
    /// The row of the parent in that partition, or [`NONE`] where it is not certain.
    pub rows: &'a mut Vec<u32>,
}

/// How many keys are prefetched at once.
const TOGETHER: usize = 64;
/// How many keys a bucket holds.
const SLOTS: usize = 4;

/// One cache line, and all that a look-up touches. Free slots come last, and hold [`KEYLESS`].
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    /// The hash of a key; of a short key, the key itself.
    key_hashes: [u64; SLOTS],
    partitions: [u32; SLOTS],
    /// The row of its record in that partition, or [`NONE`].
    rows: [u32; SLOTS],
}

const FREE: Bucket = Bucket { key_hashes: [KEYLESS; SLOTS], partitions: [NONE; SLOTS], rows: [NONE; SLOTS] };

impl Bucket {
    /// The slot of a hash. All slots are compared, so that there is no branch to mispredict.
    #[inline(always)]
    fn slot(&self, key_hash: u64) -> Option<usize> {
        let same = |slot: usize| usize::from(self.key_hashes[slot] == key_hash) << slot;
        let same = same(0) | same(1) | same(2) | same(3);
        (same != 0).then(|| same.trailing_zeros() as usize % SLOTS)
    }
}

impl PartitionMap {
    /// An empty map with capacity for this many keys.
    #[must_use]
    pub fn with_capacity(keys: usize) -> PartitionMap {
        // Three of eight slots stay free, so that few buckets are full.
        PartitionMap { buckets: vec![FREE; keys / 5 * 2 + 2], ..PartitionMap::default() }
    }

    /// Maps a hash to a partition and a row there. If the hash is mapped already, nothing changes, and its partition is
    /// returned.
    pub fn insert(&mut self, key_hash: u64, partition: u32, row: u32) -> Option<u32> {
        let (at, slot) = self.find_slot(key_hash);
        let bucket = &mut self.buckets[at];
        if bucket.key_hashes[slot] == key_hash {
            return Some(bucket.partitions[slot]);
        }
        let row = if hash_index::is_exact(key_hash) { row } else { NONE };
        (bucket.key_hashes[slot], bucket.partitions[slot], bucket.rows[slot]) = (key_hash, partition, row);
        None
    }

    /// Maps the key of a record, which may be there twice, to a partition, in full. `is_owner`: of all records with this
    /// key, this is the one that is used.
    pub fn insert_in_full(&mut self, table: &Table, columns: &KeyColumns, row: u32, partition: u32, is_owner: bool) {
        let mut buffer = Vec::new();
        let Some(key) = read_key(table.row(row), columns, &mut buffer) else { return };
        let (at, slot) = self.find_slot(hash_key(key));
        let bucket = &mut self.buckets[at];
        (bucket.key_hashes[slot], bucket.partitions[slot], bucket.rows[slot]) = (hash_key(key), AMBIGUOUS, NONE);
        if is_owner {
            self.full.insert(key.bytes().to_vec(), partition);
        } else {
            self.full.entry(key.bytes().to_vec()).or_insert(partition);
        }
    }

    /// Finds the parents of all records of a table, by the hashes of the keys in the `columns` that name the parent.
    pub fn find_parents(&self, table: &Table, columns: &KeyColumns, key_hashes: &[u64], found: FoundParents<'_>) {
        let FoundParents { partitions, rows } = found;
        partitions.clear();
        rows.clear();
        partitions.reserve(key_hashes.len());
        rows.reserve(key_hashes.len());
        let mut is_ambiguous = false;
        for key_hashes in key_hashes.chunks(TOGETHER) {
            // Prefetches: touches each bucket first, so that cache misses overlap.
            black_box(
                key_hashes
                    .iter()
                    .fold(0, |all, key_hash| all | self.buckets[self.first_bucket(*key_hash)].key_hashes[0]),
            );
            for key_hash in key_hashes {
                let (partition, row) = self.get(*key_hash);
                is_ambiguous |= partition == AMBIGUOUS;
                partitions.push(partition);
                rows.push(row);
            }
        }
        if !is_ambiguous {
            return;
        }
        for (row, partition) in (0..).zip(partitions.iter_mut()) {
            if *partition == AMBIGUOUS {
                let mut buffer = Vec::new();
                let key = read_key(table.row(row), columns, &mut buffer);
                *partition = key.and_then(|key| self.full.get(key.bytes())).copied().unwrap_or(NONE);
            }
        }
    }

    /// Finds the partition of the second parent of a row in which two records are merged, or returns [`NONE`].
    #[must_use]
    pub fn find_second_parent(&self, table: &Table, columns: &KeyColumns, row: u32) -> u32 {
        let (mut cells, width, mut buffer) = (Vec::new(), table.header.len(), Vec::new());
        table.split(row, &mut cells);
        let Some(second) = second_half(&cells, width).filter(|_| !self.buckets.is_empty()) else { return NONE };
        let find_span = |column: usize| second.get(table.bind[column]).copied();
        let Some(key) = compose_key(table, columns, &find_span, &mut buffer) else { return NONE };
        match self.get(hash_key(key)).0 {
            AMBIGUOUS => self.full.get(key.bytes()).copied().unwrap_or(NONE),
            partition => partition,
        }
    }

    /// The partition of a hash and its row there, or [`NONE`].
    #[inline(always)]
    fn get(&self, key_hash: u64) -> (u32, u32) {
        let mut at = self.first_bucket(key_hash);
        while let Some(bucket) = self.buckets.get(at) {
            if let Some(slot) = bucket.slot(key_hash) {
                return (bucket.partitions[slot], bucket.rows[slot]);
            }
            if bucket.key_hashes[SLOTS - 1] == KEYLESS {
                break;
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
        (NONE, NONE)
    }

    /// The bucket and the slot of a hash, or the free slot where it would go. There are more slots than keys.
    fn find_slot(&self, key_hash: u64) -> (usize, usize) {
        let mut at = self.first_bucket(key_hash);
        loop {
            let bucket = &self.buckets[at];
            if let Some(slot) = bucket.slot(key_hash).or_else(|| bucket.slot(KEYLESS)) {
                return (at, slot);
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }

    /// The first bucket that a hash is looked for in.
    #[inline(always)]
    fn first_bucket(&self, key_hash: u64) -> usize {
        reduce_hash(self.seed, key_hash, self.buckets.len())
    }
}

/// Reduces a hash to a number below `count`, evenly.
#[must_use]
#[inline]
pub(super) fn reduce_hash(seed: HashSeed, key_hash: u64, count: usize) -> usize {
    usize::try_from((u128::from(seed.scramble(key_hash)) * count as u128) >> 64).unwrap_or(0)
}

/// What is kept of a hash within its shard.
pub(super) struct Fingerprint {
    /// Where to start looking for it, to be reduced to the length of a table.
    pub(super) start: usize,
    /// The bits to compare.
    pub(super) bits: u32,
}

/// Takes the fingerprint of a hash, from other bits than those that [`reduce_hash`] uses most.
#[must_use]
#[inline]
pub(super) fn take_fingerprint(seed: HashSeed, key_hash: u64) -> Fingerprint {
    let mixed = seed.scramble(key_hash);
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    Fingerprint { start: half(mixed) as usize, bits: half(mixed >> 24) }
}
