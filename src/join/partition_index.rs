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
    text::lanes::{ByteLanes, LANES},
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
    words: [u64; SLOTS],
    places: [u32; SLOTS],
    /// The number of its record at that place, or [`NONE`].
    rows: [u32; SLOTS],
}

const FREE: Line = Line { words: [KEYLESS; SLOTS], places: [NONE; SLOTS], rows: [NONE; SLOTS] };

impl Line {
    /// The slot of a hash. All are compared, so that nothing has to be guessed.
    #[inline(always)]
    fn slot(&self, word: u64) -> Option<usize> {
        let same = |slot: usize| usize::from(self.words[slot] == word) << slot;
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
    pub fn insert(&mut self, word: u64, place: u32, row: u32) -> Option<u32> {
        let (at, slot) = self.find(word);
        let line = &mut self.lines[at];
        if line.words[slot] == word {
            return Some(line.places[slot]);
        }
        let row = if hash_index::is_exact(word) { row } else { NONE };
        (line.words[slot], line.places[slot], line.rows[slot]) = (word, place, row);
        None
    }

    /// Gives a record's key, which may be there twice, a place. `owns`: this is the record that counts.
    pub fn own(&mut self, table: &Table, columns: &[usize], row: u32, place: u32, owns: bool) {
        let mut buffer = Vec::new();
        let Some(key) = key_of(table.row(row), columns, &mut buffer) else { return };
        let (at, slot) = self.find(word(key));
        let line = &mut self.lines[at];
        (line.words[slot], line.places[slot], line.rows[slot]) = (word(key), ASK, NONE);
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
        words: &[u64],
        (places, rows): (&mut Vec<u32>, &mut Vec<u32>),
    ) {
        places.clear();
        rows.clear();
        places.reserve(words.len());
        rows.reserve(words.len());
        let mut ask = false;
        for words in words.chunks(TOGETHER) {
            // Nothing here waits for what was asked before it, so that many lines are on the way at once.
            black_box(words.iter().fold(0, |all, word| all | self.lines[self.line(*word)].words[0]));
            for word in words {
                let (place, row) = self.get(*word);
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
        match self.get(word(key)).0 {
            ASK => self.full.get(key.bytes()).copied().unwrap_or(NONE),
            place => place,
        }
    }

    /// The place of a hash and its row there, or [`NONE`].
    #[inline(always)]
    fn get(&self, word: u64) -> (u32, u32) {
        let mut at = self.line(word);
        while let Some(line) = self.lines.get(at) {
            if let Some(slot) = line.slot(word) {
                return (line.places[slot], line.rows[slot]);
            }
            if line.words[SLOTS - 1] == KEYLESS {
                break;
            }
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
        (NONE, NONE)
    }

    /// The line and the slot of a hash, or the free one where it would go. There are more slots than keys.
    fn find(&self, word: u64) -> (usize, usize) {
        let mut at = self.line(word);
        loop {
            let line = &self.lines[at];
            if let Some(slot) = line.slot(word).or_else(|| line.slot(KEYLESS)) {
                return (at, slot);
            }
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
    }

    /// The line where a hash would stand if there were no others.
    #[inline(always)]
    fn line(&self, word: u64) -> usize {
        part(word, self.lines.len())
    }
}

/// The hash of no key.
pub(super) const KEYLESS: u64 = u64::MAX;

/// Whether a hash is that of a key.
#[must_use]
pub fn is_key(word: u64) -> bool {
    word != KEYLESS
}

/// The hashes of the keys of all records of a table; [`KEYLESS`] for those without one.
pub fn words(table: &Table, columns: &[usize], words: &mut Vec<u64>) {
    words.clear();
    let (width, text) = (table.header.len() + 1, table.text.as_slice());
    // No text holds this byte.
    let quote = table.dialect.quote.unwrap_or(0xFF);
    // Mostly a key is one cell, without quotes.
    let column = match columns {
        [column] if table.dialect.plain_nulls && !table.is_narrow => table.bind[*column],
        _ => {
            words.extend((0..table.len()).map(|row| word_of(table, columns, row)));
            return;
        }
    };
    words.reserve(table.starts.len());
    for (row, (begins, start)) in (0..).zip(table.begins.chunks_exact(width).zip(&table.starts)) {
        let (begin, end) = (distance(begins[column]), distance(begins[column + 1]));
        let length = end.wrapping_sub(begin + 1);
        let lane = text.get(start + begin..).and_then(|text| text.first_chunk());
        words.push(match lane {
            Some(lane) if length.wrapping_sub(1) < LANES && begins[column + 1] != UNKNOWN && lane[0] != quote => {
                hash_index::word_in(lane, length).min(KEYLESS - 1)
            }
            _ => word_of(table, columns, row),
        });
    }
}

/// The hash of the key of any record.
#[cold]
#[inline(never)]
fn word_of(table: &Table, columns: &[usize], row: u32) -> u64 {
    key_of(table.row(row), columns, &mut Vec::new()).map_or(KEYLESS, word)
}

/// Which of some equally likely parts a hash belongs to; the parts are a power of two.
#[must_use]
#[inline]
pub(super) fn part(word: u64, parts: usize) -> usize {
    usize::try_from((u128::from(mixed(word)) * parts as u128) >> 64).unwrap_or(0)
}

/// Where a hash goes within its part, and a fingerprint of it. The part is told by other bits.
#[must_use]
#[inline]
pub(super) fn within(word: u64) -> (usize, u32) {
    let mixed = mixed(word);
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    (half(mixed) as usize, half(mixed >> 24))
}

#[inline]
fn word(key: ByteLanes<'_>) -> u64 {
    hash_index::word(key).min(KEYLESS - 1)
}

#[inline]
fn mixed(word: u64) -> u64 {
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
