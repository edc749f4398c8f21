//! The keys of a source whose records are divided into partitions -> the records that share a key, wherever they are.
//!
//! Only the hash of each key is stored, with the record's number and partition. The hashes are sharded, so that equal ones
//! meet in one shard, and a shard fits into the nearest caches.

use std::{collections::BTreeSet, io, mem::take};

use crate::{
    join::{
        hash_seed::HashSeed,
        keys::KEYLESS,
        partition_map::{Fingerprint, PartitionMap, reduce_hash, take_fingerprint},
    },
    partition::{buffers::PartitionBuffers, spill::Spill},
    table::NONE,
};

/// How many bytes a stored key takes.
const KEY: usize = 16;
/// Marks the partition of a record that is rejected: it owns a key only if no good record does.
const REJECTED: u32 = 1 << 31;
/// About how many bytes of keys make a shard.
const SHARD: u64 = 256 << 10;
/// The most shards.
const MAX_SHARDS: u64 = 256;
/// How many bytes of a shard are written at once.
const BUFFER: usize = 16 << 10;

/// The keys of one source, by the shard of their hash.
#[derive(Debug)]
pub struct PartitionedKeys {
    keys: PartitionBuffers,
    /// How many shards there are.
    shards: usize,
    /// Good records have no key.
    has_keyless: bool,
    seed: HashSeed,
}

/// The key of one record: its hash, and where the record is. It is kept small: a source has millions.
#[derive(Clone, Copy, Debug)]
pub struct RecordKey {
    hash: u64,
    /// The number of the record in its source.
    pub number: u32,
    /// The partition of the record, and whether it is [`REJECTED`].
    flagged: u32,
}

/// A partition map to be filled.
#[derive(Debug)]
pub struct MapToFill<'a> {
    /// Learns the partition of every key.
    pub map: &'a mut PartitionMap,
    /// The number of the first record of each partition, where it is known: rows are counted from there.
    pub firsts: &'a [u32],
}

/// The good records whose key, or its hash, is there twice.
#[derive(Debug, Default)]
pub struct DuplicateKeys {
    /// Those that are in different partitions, by their number.
    pub across: Vec<RecordKey>,
    /// The partitions that hold all records of such a key: they are resolved when the partition is joined.
    pub within: BTreeSet<u32>,
}

impl RecordKey {
    /// The key of a record of a partition.
    #[must_use]
    #[inline]
    pub fn new(hash: u64, number: u32, partition: u32, is_good: bool) -> RecordKey {
        RecordKey { hash, number, flagged: if is_good { partition } else { partition | REJECTED } }
    }

    /// The partition of the record.
    #[must_use]
    #[inline]
    pub fn partition(self) -> u32 {
        self.flagged & !REJECTED
    }

    #[inline]
    fn is_good(self) -> bool {
        self.flagged & REJECTED == 0
    }

    #[inline]
    fn encode(self) -> [u8; KEY] {
        let rest = u64::from(self.number) | u64::from(self.flagged) << 32;
        (u128::from(self.hash) | u128::from(rest) << 64).to_le_bytes()
    }

    #[inline]
    fn decode(bytes: &[u8; KEY]) -> RecordKey {
        let half = |from: usize| u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
        RecordKey { hash: u64::from(half(0)) | u64::from(half(4)) << 32, number: half(8), flagged: half(12) }
    }
}

impl PartitionedKeys {
    /// No keys yet, and shards for about this many bytes of keys.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> PartitionedKeys {
        let shards = usize::try_from((bytes / SHARD).clamp(1, MAX_SHARDS).next_power_of_two()).unwrap_or(1);
        let (keys, seed) = (PartitionBuffers::new(BUFFER, 0), HashSeed::default());
        PartitionedKeys { keys, shards, has_keyless: false, seed }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..self.shards).map(|shard| self.keys.len(shard) / KEY).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a good record has no key.
    #[must_use]
    pub fn has_keyless(&self) -> bool {
        self.has_keyless
    }

    /// Adds the key of a record.
    ///
    /// # Errors
    /// The disk is full or broken.
    #[inline]
    pub fn add(&mut self, spill: &Spill, key: RecordKey) -> io::Result<()> {
        if key.hash == KEYLESS {
            self.has_keyless |= key.is_good();
            return Ok(());
        }
        let bytes = key.encode();
        self.keys.add(reduce_hash(self.seed, key.hash, self.shards), spill, |keys| keys.extend_from_slice(&bytes))
    }

    /// Finds the records that share a key. `needs_all`: those that are all in one partition are listed too, instead of
    /// being left to it.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn find_duplicates(
        &self,
        spill: &Spill,
        mut to_fill: Option<MapToFill<'_>>,
        needs_all: bool,
    ) -> io::Result<DuplicateKeys> {
        let (mut duplicates, mut keys, mut buffer) = (DuplicateKeys::default(), Vec::new(), Vec::new());
        let mut filter = DuplicateFilter::default();
        for shard in 0..self.shards {
            let mut twice = if let Some(to_fill) = &mut to_fill {
                self.read_shard(shard, spill, &mut buffer, &mut keys)?;
                fill_map(to_fill, &keys)
            } else {
                filter.restart(self.keys.len(shard) / KEY);
                self.keys.read(shard, spill, &mut buffer, &mut |bytes| filter.add_keys(bytes))?;
                take(&mut filter.twice)
            };
            if twice.is_empty() {
                continue;
            }
            self.read_shard(shard, spill, &mut buffer, &mut keys)?;
            twice.sort_unstable();
            twice.dedup();
            keys.retain(|key| key.is_good() && twice.binary_search(&key.hash).is_ok());
            keys.sort_by_key(|key| key.hash);
            // If there is only one, another key has the same fingerprint.
            for keys in keys.chunk_by(|one, other| one.hash == other.hash).filter(|keys| keys.len() > 1) {
                let partition = keys[0].partition();
                if needs_all || keys.iter().any(|key| key.partition() != partition) {
                    duplicates.across.extend(keys);
                } else {
                    duplicates.within.insert(partition);
                }
            }
        }
        duplicates.across.sort_unstable_by_key(|key| key.number);
        Ok(duplicates)
    }

    /// Reads the keys of one shard.
    fn read_shard(
        &self,
        shard: usize,
        spill: &Spill,
        buffer: &mut Vec<u8>,
        keys: &mut Vec<RecordKey>,
    ) -> io::Result<()> {
        keys.clear();
        // Records with one key are in one shard, however many they are.
        keys.reserve_exact(self.keys.len(shard) / KEY);
        let mut decode = |bytes: &[u8]| keys.extend(bytes.as_chunks().0.iter().map(RecordKey::decode));
        self.keys.read(shard, spill, buffer, &mut decode)
    }
}

/// Maps keys to their partitions, those of good records first; returns the hashes of good records that are there twice.
fn fill_map(to_fill: &mut MapToFill<'_>, keys: &[RecordKey]) -> Vec<u64> {
    let MapToFill { map, firsts } = to_fill;
    let mut twice = Vec::new();
    let row =
        |key: &RecordKey| firsts.get(key.partition() as usize).map_or(NONE, |first| key.number.wrapping_sub(*first));
    for key in keys.iter().filter(|key| key.is_good()) {
        if map.insert(key.hash, key.partition(), row(key)).is_some() {
            twice.push(key.hash);
        }
    }
    for key in keys.iter().filter(|key| !key.is_good()) {
        map.insert(key.hash, key.partition(), row(key));
    }
    twice
}

/// Finds hashes of good records that are there twice. Only fingerprints are kept, so that they fit into the nearest caches;
/// two hashes with one fingerprint are found too.
#[derive(Default)]
struct DuplicateFilter {
    /// The length is a power of two, and at least three of four slots are [`EMPTY`].
    slots: Vec<u32>,
    /// The hashes whose fingerprint was there already.
    twice: Vec<u64>,
    seed: HashSeed,
}

/// A slot without a fingerprint.
const EMPTY: u32 = 0;

impl DuplicateFilter {
    /// Forgets all hashes, and makes capacity for this many.
    fn restart(&mut self, keys: usize) {
        self.slots.clear();
        self.slots.resize((keys * 4).next_power_of_two(), EMPTY);
    }

    /// Adds the keys of some more records, as they are stored.
    fn add_keys(&mut self, bytes: &[u8]) {
        let Some(last) = self.slots.len().checked_sub(1) else { return };
        for key in bytes.as_chunks().0.iter().map(RecordKey::decode).filter(|key| key.is_good()) {
            let Fingerprint { start, bits } = take_fingerprint(self.seed, key.hash);
            let (mut at, print) = (start & last, bits | 1);
            while self.slots[at] != EMPTY && self.slots[at] != print {
                at = (at + 1) & last;
            }
            if self.slots[at] == print {
                self.twice.push(key.hash);
            }
            self.slots[at] = print;
        }
    }
}
