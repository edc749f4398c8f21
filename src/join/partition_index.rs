//! Where the records with some key are, for records that are cut into pieces.
//!
//! Only hashes are kept, so a place may be given for a key that nobody has; whoever joins the records at that place
//! compares the keys. What matters is that every key which is there has one place, and two keys of one hash are told
//! apart: such keys, and those that are there twice, are kept in full.

use std::{collections::BTreeMap, hint::black_box};

use crate::{
    join::{
        build::{composed, key_of},
        hash_index,
    },
    table::{
        NONE, Table,
        dialect::Span,
        split::{UNKNOWN, distance},
    },
    text::lanes::{LANE, Snippet},
};

/// The place of a key that has to be asked in full.
const ASK: u32 = NONE - 1;

/// Where the records with some key are.
#[derive(Debug, Default)]
pub struct Places {
    lines: Vec<Line>,
    full: BTreeMap<Vec<u8>, u32>,
}

/// How many keys are looked up at once.
const TOGETHER: usize = 64;
/// How many keys stand together.
const SLOTS: usize = 4;

/// All that a look-up touches: one line of a cache. The free slots are the last ones, and hold [`KEYLESS`].
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    /// The hash of a key; of a short key, the key itself.
    key_hashes: [u64; SLOTS],
    places: [u32; SLOTS],
    /// The number of its record at that place, or [`NONE`].
    rows: [u32; SLOTS],
}

const FREE: Line = Line { key_hashes: [KEYLESS; SLOTS], places: [NONE; SLOTS], rows: [NONE; SLOTS] };

impl Line {
    /// The slot of a hash. All are compared, so that nothing has to be guessed.
    #[inline(always)]
    fn slot(&self, key_hash: u64) -> Option<usize> {
        let same = |slot: usize| usize::from(self.key_hashes[slot] == key_hash) << slot;
        let same = same(0) | same(1) | same(2) | same(3);
        (same != 0).then(|| same.trailing_zeros() as usize % SLOTS)
    }
}

impl Places {
    /// Places for some keys.
    #[must_use]
    pub fn with_room(keys: usize) -> Places {
        // Three of eight slots stay free, so that few lines are full.
        Places { lines: vec![FREE; keys / 5 * 2 + 2], full: BTreeMap::new() }
    }

    /// Gives a hash a place and a row there, unless it has a place: then that.
    pub fn insert(&mut self, key_hash: u64, place: u32, row: u32) -> Option<u32> {
        let (at, slot) = self.find(key_hash);
        let line = &mut self.lines[at];
        if line.key_hashes[slot] == key_hash {
            return Some(line.places[slot]);
        }
        let row = if hash_index::is_exact(key_hash) { row } else { NONE };
        (line.key_hashes[slot], line.places[slot], line.rows[slot]) = (key_hash, place, row);
        None
    }

    /// Gives a record's key, which may be there twice, a place. `owns`: this is the record that counts.
    pub fn own(&mut self, table: &Table, columns: &[usize], row: u32, place: u32, owns: bool) {
        let mut buffer = Vec::new();
        let Some(key) = key_of(table.row(row), columns, &mut buffer) else { return };
        let (at, slot) = self.find(hash_key(key));
        let line = &mut self.lines[at];
        (line.key_hashes[slot], line.places[slot], line.rows[slot]) = (hash_key(key), ASK, NONE);
        if owns {
            self.full.insert(key.bytes().to_vec(), place);
        } else {
            self.full.entry(key.bytes().to_vec()).or_insert(place);
        }
    }

    /// The places of the records of a table, by the columns that tell where they belong, [`NONE`] where nobody is; and the
    /// rows there that they belong to, [`NONE`] where that is not certain.
    pub fn of_all(
        &self,
        table: &Table,
        columns: &[usize],
        key_hashes: &[u64],
        (places, rows): (&mut Vec<u32>, &mut Vec<u32>),
    ) {
        places.clear();
        rows.clear();
        places.reserve(key_hashes.len());
        rows.reserve(key_hashes.len());
        let mut ask = false;
        for key_hashes in key_hashes.chunks(TOGETHER) {
            // Nothing here waits for what was asked before it, so that many lines are on the way at once.
            black_box(key_hashes.iter().fold(0, |all, key_hash| all | self.lines[self.line(*key_hash)].key_hashes[0]));
            for key_hash in key_hashes {
                let (place, row) = self.get(*key_hash);
                ask |= place == ASK;
                places.push(place);
                rows.push(row);
            }
        }
        if !ask {
            return;
        }
        for (row, place) in (0..).zip(places.iter_mut()) {
            if *place == ASK {
                let mut buffer = Vec::new();
                let key = key_of(table.row(row), columns, &mut buffer);
                *place = key.and_then(|key| self.full.get(key.bytes())).copied().unwrap_or(NONE);
            }
        }
    }

    /// The place of the second of two records that are merged.
    #[must_use]
    pub fn of_second(&self, table: &Table, columns: &[usize], row: u32) -> u32 {
        let (mut cells, width, mut buffer) = (Vec::new(), table.header.len(), Vec::new());
        table.split(row, &mut cells);
        if cells.len() <= width || self.lines.is_empty() {
            return NONE;
        }
        let second: &[Span] = &cells[cells.len() - width..];
        let spans = columns.iter().map(|column| second.get(table.bind[*column]).copied());
        let Some(key) = composed(table, spans, &mut buffer) else { return NONE };
        match self.get(hash_key(key)).0 {
            ASK => self.full.get(key.bytes()).copied().unwrap_or(NONE),
            place => place,
        }
    }

    /// The place of a hash and its row there, or [`NONE`].
    #[inline(always)]
    fn get(&self, key_hash: u64) -> (u32, u32) {
        let mut at = self.line(key_hash);
        while let Some(line) = self.lines.get(at) {
            if let Some(slot) = line.slot(key_hash) {
                return (line.places[slot], line.rows[slot]);
            }
            if line.key_hashes[SLOTS - 1] == KEYLESS {
                break;
            }
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
        (NONE, NONE)
    }

    /// The line and the slot of a hash, or the free one where it would go. There are more slots than keys.
    fn find(&self, key_hash: u64) -> (usize, usize) {
        let mut at = self.line(key_hash);
        loop {
            let line = &self.lines[at];
            if let Some(slot) = line.slot(key_hash).or_else(|| line.slot(KEYLESS)) {
                return (at, slot);
            }
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
    }

    /// The line where a hash would stand if there were no others.
    #[inline(always)]
    fn line(&self, key_hash: u64) -> usize {
        part(key_hash, self.lines.len())
    }
}

/// The hash of no key.
pub(super) const KEYLESS: u64 = u64::MAX;

/// Whether a hash is that of a key.
#[must_use]
pub fn is_key(key_hash: u64) -> bool {
    key_hash != KEYLESS
}

/// The hashes of the keys of all records of a table; [`KEYLESS`] for those without one.
pub fn hash_keys(table: &Table, columns: &[usize], key_hashes: &mut Vec<u64>) {
    key_hashes.clear();
    let (width, text) = (table.header.len() + 1, table.text.as_slice());
    // No text holds this byte.
    let quote = table.dialect.quote.unwrap_or(0xFF);
    // Mostly a key is one cell, without quotes.
    let column = match columns {
        [column] if table.dialect.plain_nulls && !table.is_narrow => table.bind[*column],
        _ => {
            key_hashes.extend((0..table.len()).map(|row| hash_row_key(table, columns, row)));
            return;
        }
    };
    key_hashes.reserve(table.starts.len());
    for (row, (begins, start)) in (0..).zip(table.begins.chunks_exact(width).zip(&table.starts)) {
        let (begin, end) = (distance(begins[column]), distance(begins[column + 1]));
        let length = end.wrapping_sub(begin + 1);
        let lane = text.get(start + begin..).and_then(|text| text.first_chunk());
        key_hashes.push(match lane {
            Some(lane) if length.wrapping_sub(1) < LANE && begins[column + 1] != UNKNOWN && lane[0] != quote => {
                hash_index::hash_short_key(lane, length).min(KEYLESS - 1)
            }
            _ => hash_row_key(table, columns, row),
        });
    }
}

/// The hash of the key of any record.
#[cold]
#[inline(never)]
fn hash_row_key(table: &Table, columns: &[usize], row: u32) -> u64 {
    key_of(table.row(row), columns, &mut Vec::new()).map_or(KEYLESS, hash_key)
}

/// Which of some equally likely parts a hash belongs to; the parts are a power of two.
#[must_use]
#[inline]
pub(super) fn part(key_hash: u64, parts: usize) -> usize {
    usize::try_from((u128::from(mixed(key_hash)) * parts as u128) >> 64).unwrap_or(0)
}

/// Where a hash goes within its part, and a fingerprint of it. The part is told by other bits.
#[must_use]
#[inline]
pub(super) fn within(key_hash: u64) -> (usize, u32) {
    let mixed = mixed(key_hash);
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    (half(mixed) as usize, half(mixed >> 24))
}

#[inline]
fn hash_key(key: Snippet<'_>) -> u64 {
    hash_index::hash_key(key).min(KEYLESS - 1)
}

#[inline]
fn mixed(key_hash: u64) -> u64 {
    let mixed = key_hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
