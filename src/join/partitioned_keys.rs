//! The keys of a source that is cut into pieces: parted by their hash, so that those that are there twice meet.

use std::{collections::BTreeMap, io, mem::take};

use crate::{
    join::partition_index::{KEYLESS, Places, part, within},
    partition::{buffers::Partitions, spill::Spill},
    table::NONE,
};

/// The bytes of a key on its way: its hash, the number of its record, its place.
const KEY: usize = 16;
/// Marks the place of a record that is rejected: it owns a key only if no good record does.
const REJECTED: u32 = 1 << 31;
/// How many bytes of keys are looked at together, about.
const TOGETHER: u64 = 256 << 10;
/// The most parts.
const MAX_PARTS: u64 = 256;
/// How many bytes of a part are written at once.
const ROOM: usize = 16 << 10;

/// The keys of one source.
#[derive(Debug)]
pub struct PartitionedKeys {
    keys: Partitions,
    /// How many parts there are.
    parts: usize,
    /// Good records have no key.
    keyless: bool,
}

/// A key that came back: its hash, the number of its record, its place.
type Key = (u64, u32, u32);

impl PartitionedKeys {
    /// Room for about as many bytes of keys.
    #[must_use]
    pub fn new(bytes: u64) -> PartitionedKeys {
        let parts = usize::try_from((bytes / TOGETHER).clamp(1, MAX_PARTS).next_power_of_two()).unwrap_or(1);
        PartitionedKeys { keys: Partitions::new(ROOM, 0), parts, keyless: false }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..self.parts).map(|part| self.keys.bytes(part) / KEY).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a good record has no key.
    #[must_use]
    pub fn has_keyless(&self) -> bool {
        self.keyless
    }

    /// Adds the key of a record.
    ///
    /// # Errors
    /// The disk is full or broken.
    #[inline]
    pub fn add(&mut self, spill: &Spill, key_hash: u64, number: u32, place: u32, good: bool) -> io::Result<()> {
        if key_hash == KEYLESS {
            self.keyless |= good;
            return Ok(());
        }
        let place = if good { place } else { place | REJECTED };
        let rest = u64::from(number) | u64::from(place) << 32;
        let key = (u128::from(key_hash) | u128::from(rest) << 64).to_le_bytes();
        self.keys.add(part(key_hash, self.parts), spill, |keys| keys.extend_from_slice(&key))
    }

    /// The good records whose key, or its hash, is there twice: their numbers and places. Unless `all` are asked for, only
    /// where such records stand in different places; the others are left to whoever joins that place, and `bound` is told.
    /// `places` learns the place of every key, and its row there by the number of the first record of each place, if known.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn find_duplicates(
        &self,
        spill: &Spill,
        places: Option<(&mut Places, &[u32])>,
        all: bool,
        bound: &mut dyn FnMut(u32),
    ) -> io::Result<Vec<(u32, u32)>> {
        let (mut duplicates, mut keys, mut room) = (Vec::new(), Vec::new(), Vec::new());
        let (mut places, mut seen) = (places, Seen::default());
        for part in 0..self.parts {
            let mut twice = if let Some((places, firsts)) = &mut places {
                self.part(part, spill, &mut room, &mut keys)?;
                known(&keys, places, firsts)
            } else {
                seen.start(self.keys.bytes(part) / KEY);
                self.keys.read(part, spill, &mut room, &mut |bytes| seen.add(bytes))?;
                take(&mut seen.twice)
            };
            if twice.is_empty() {
                continue;
            }
            self.part(part, spill, &mut room, &mut keys)?;
            twice.sort_unstable();
            let mut groups: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
            for (key_hash, number, place) in keys.iter().filter(is_good) {
                if twice.binary_search(key_hash).is_ok() {
                    groups.entry(*key_hash).or_default().push((*number, *place));
                }
            }
            // Of one alone, only the fingerprint was there twice.
            for group in groups.values().filter(|group| group.len() > 1) {
                if all || group.iter().any(|(_, place)| *place != group[0].1) {
                    duplicates.extend(group);
                } else {
                    bound(group[0].1);
                }
            }
        }
        duplicates.sort_unstable();
        Ok(duplicates)
    }

    /// The keys of one part.
    fn part(&self, part: usize, spill: &Spill, room: &mut Vec<u8>, keys: &mut Vec<Key>) -> io::Result<()> {
        keys.clear();
        self.keys.read(part, spill, room, &mut |bytes| keys.extend(bytes.as_chunks().0.iter().map(key)))
    }
}

fn key(bytes: &[u8; KEY]) -> Key {
    let half = |from: usize| u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
    (u64::from(half(0)) | u64::from(half(4)) << 32, half(8), half(12))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what filters take")]
fn is_good((_, _, place): &&Key) -> bool {
    place & REJECTED == 0
}

/// Gives keys their places, those of good records first; gives the hashes that are there twice.
fn known(keys: &[Key], places: &mut Places, firsts: &[u32]) -> Vec<u64> {
    let mut twice = Vec::new();
    let row = |number: u32, place: u32| firsts.get(place as usize).map_or(NONE, |first| number.wrapping_sub(*first));
    for (key_hash, number, place) in keys.iter().filter(is_good) {
        if places.insert(*key_hash, *place, row(*number, *place)).is_some() {
            twice.push(*key_hash);
        }
    }
    for (key_hash, number, place) in keys.iter().filter(|key| !is_good(key)) {
        let place = place & !REJECTED;
        places.insert(*key_hash, place, row(*number, place));
    }
    twice
}

/// Looks for hashes of good records that are there twice. Only fingerprints of them are kept, so that they fit into the
/// nearest caches.
#[derive(Default)]
struct Seen {
    /// The length is a power of two, and at least three of four slots are [`EMPTY`].
    slots: Vec<u32>,
    /// The hashes whose fingerprint was there already.
    twice: Vec<u64>,
}

/// A slot without a fingerprint.
const EMPTY: u32 = 0;

impl Seen {
    /// Forgets all hashes, and makes room for so many.
    fn start(&mut self, keys: usize) {
        self.slots.clear();
        self.slots.resize((keys * 4).next_power_of_two(), EMPTY);
    }

    /// Looks at the keys of some more records.
    fn add(&mut self, bytes: &[u8]) {
        let Some(last) = self.slots.len().checked_sub(1) else { return };
        for (key_hash, ..) in bytes.as_chunks().0.iter().map(key).filter(|key| is_good(&key)) {
            let (at, print) = within(key_hash);
            let (mut at, print) = (at & last, print | 1);
            while self.slots[at] != EMPTY && self.slots[at] != print {
                at = (at + 1) & last;
            }
            if self.slots[at] == print {
                self.twice.push(key_hash);
            }
            self.slots[at] = print;
        }
    }
}
