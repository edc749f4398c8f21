//! Rows -> pieces: which piece each row of a source goes to, and its way there through a buffer.

use std::{io, ops::Range};

use crate::{
    join::partition_map::{self, FoundParents, PartitionMap},
    partition::{
        buffers::PartitionBuffers,
        encode::{self, Entry},
        spill::{Chunk, Spill},
    },
    read::stream::Block,
    table::{NONE, line_ends, row_header},
};

/// The partition of what belongs to nobody.
const UNMATCHED: u32 = 0;

/// How the partition of a row is found.
pub(super) enum Route<'a> {
    /// There is only the unmatched one.
    One,
    /// Root records fill one partition after the other.
    InTurn {
        /// How many bytes of them make a partition.
        share: u64,
    },
    /// Rows go where their parent is.
    ToParent {
        /// The source of the parents.
        source: usize,
        /// Where they are.
        places: PartitionMap,
        /// The columns that name them.
        columns: &'a [usize],
    },
}

/// What comes of sending the rows of one source to their partitions.
pub(super) struct Routed {
    /// The rows of each partition.
    pub(super) chunks: Vec<Vec<Chunk>>,
    /// How many partitions there are.
    pub(super) partitions: usize,
    /// The number of the first root record of each partition, of the unmatched one any.
    pub(super) firsts: Vec<u32>,
    /// The places of the parents, and their source.
    pub(super) parents: Option<(usize, PartitionMap)>,
}

/// Sends the rows of one source to their partitions.
pub(super) struct Router<'a> {
    route: Route<'a>,
    /// The partition that root records go to, and how many bytes it holds.
    partition: usize,
    filled: u64,
    firsts: Vec<u32>,
    gathered: PartitionBuffers,
    key_hashes: Vec<u64>,
    /// The partition of each row of the block.
    pub(super) found: Vec<u32>,
    /// The row of its parent in that partition.
    rows: Vec<u32>,
}

impl<'a> Router<'a> {
    /// A router for the rows of a source.
    pub(super) fn new(route: Route<'a>, gathered: PartitionBuffers) -> Router<'a> {
        let (firsts, key_hashes, found, rows) = Default::default();
        let partition = if matches!(route, Route::InTurn { .. }) { 1 } else { 0 };
        Router { route, partition, filled: 0, firsts, gathered, key_hashes, found, rows }
    }

    /// Sends the rows of a block on.
    pub(super) fn block(&mut self, block: Block<'_>, spill: &Spill) -> io::Result<()> {
        let table = block.table;
        self.look(block);
        let shifts = shifts(block);
        let ends = shifts.iter().skip(1).map(|(from, _)| *from).chain([table.len()]);
        for ((from, shift), to) in shifts.iter().zip(ends) {
            self.run(block, *from..to, *shift, spill)?;
        }
        Ok(())
    }

    /// Sends rows on whose lines are as much larger than their numbers.
    fn run(&mut self, block: Block<'_>, rows: Range<u32>, shift: u64, spill: &Spill) -> io::Result<()> {
        let before = block.rejects.partition_point(|reject| reject.row < rows.start);
        let mut from = rows.start;
        for reject in block.rejects[before..].iter().take_while(|reject| reject.row < rows.end) {
            self.good(block, from..reject.row, shift, spill)?;
            // What is rejected may belong to another one too, so it is looked up again.
            let entry = Entry { parent: NONE, reject: Some(reject), ..self.entry(block, reject.row, shift) };
            self.second(reject.row as usize, entry, spill)?;
            self.put_one(self.found[reject.row as usize], entry, spill)?;
            from = reject.row + 1;
        }
        self.good(block, from..rows.end, shift, spill)
    }

    /// Sends rows on that are not rejected.
    #[inline(never)]
    fn good(&mut self, block: Block<'_>, rows: Range<u32>, shift: u64, spill: &Spill) -> io::Result<()> {
        let (table, part) = (block.table, block.table.parts.len().saturating_sub(1));
        let mut left = rows.start;
        if let Some(good) = encode::Good::of(table, shift, part) {
            // Whether the last row of a block ends with a line end has to be looked at.
            left = rows.end.min(table.len().saturating_sub(1)).max(left);
            let known = rows.start as usize..left as usize;
            let homes = self.found[known.clone()].iter().zip(&self.rows[known.clone()]);
            for ((number, (place, parent)), row) in (block.first + rows.start..).zip(homes).zip(good.rows(known)) {
                self.gathered.add(*place as usize, spill, |rows| good.put(rows, row, number, *parent))?;
            }
        }
        for row in left..rows.end {
            self.put_one(self.found[row as usize], self.entry(block, row, shift), spill)?;
        }
        Ok(())
    }

    /// A row of a block.
    fn entry<'b>(&self, block: Block<'b>, row: u32, shift: u64) -> Entry<'b> {
        let Block { table, end, first, .. } = block;
        let (at, part) = (row as usize, table.parts.len().saturating_sub(1));
        let end = table.starts.get(at + 1).copied().unwrap_or(end);
        Entry { table, row, end, number: first + row, parent: self.rows[at], shift, part, reject: None, copy: false }
    }

    /// Sends a row that is rejected to its second piece, if it has two: two records that are merged hold both of
    /// their parents back.
    #[cold]
    #[inline(never)]
    fn second(&mut self, at: usize, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        let Route::ToParent { places, columns, .. } = &self.route else { return Ok(()) };
        let (first, second) = (self.found[at], places.find_second_parent(entry.table, columns, entry.row));
        if second == NONE || second == first {
            return Ok(());
        }
        if first == UNMATCHED {
            self.found[at] = second;
            return Ok(());
        }
        self.put_one(second, Entry { copy: true, ..entry }, spill)
    }

    /// Finds the partition of each row of a block.
    fn look(&mut self, block: Block<'_>) {
        let (table, count) = (block.table, block.table.starts.len());
        match &self.route {
            Route::One => {
                self.found.clear();
                self.found.resize(count, UNMATCHED);
            }
            Route::InTurn { share } => {
                self.found.clear();
                let ends = table.starts.iter().skip(1).copied().chain([block.end]);
                for (number, (start, end)) in (block.first..).zip(table.starts.iter().zip(ends)) {
                    if self.filled >= *share {
                        (self.filled, self.partition) = (0, self.partition + 1);
                    }
                    if self.firsts.len() <= self.partition {
                        self.firsts.resize(self.partition + 1, number);
                    }
                    self.filled += (end - start) as u64;
                    self.found.push(small(self.partition));
                }
            }
            Route::ToParent { places, columns, .. } => {
                partition_map::hash_keys(table, columns, &mut self.key_hashes);
                let found = FoundParents { partitions: &mut self.found, rows: &mut self.rows };
                places.find_parents(table, columns, &self.key_hashes, found);
                self.found.iter_mut().filter(|place| **place == NONE).for_each(|place| *place = UNMATCHED);
                return;
            }
        }
        self.rows.clear();
        self.rows.resize(count, NONE);
    }

    /// Sends one row to a piece.
    pub(super) fn put_one(&mut self, place: u32, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        self.gathered.add(place as usize, spill, |rows| encode::put(rows, entry))
    }

    /// Sends one row to a piece as it was put before.
    pub(super) fn put_again(&mut self, place: u32, row: &[u8], spill: &Spill) -> io::Result<()> {
        self.gathered.add(place as usize, spill, |rows| rows.extend_from_slice(row))
    }

    /// The rows of each piece, how many pieces there are, and the places of the parents.
    pub(super) fn finish(self, spill: &Spill) -> io::Result<Routed> {
        let parents = match self.route {
            Route::ToParent { source, places, .. } => Some((source, places)),
            _ => None,
        };
        let chunks = self.gathered.finish(spill)?;
        Ok(Routed { chunks, partitions: self.partition + 1, firsts: self.firsts, parents })
    }
}

/// From which records of a block on lines are how much larger than numbers.
fn shifts(block: Block<'_>) -> Vec<(u32, u64)> {
    let Block { table, end, first, .. } = block;
    let mut shifts: Vec<(u32, u64)> = Vec::new();
    let start = |row: u32| table.starts.get(row as usize).copied().unwrap_or(end);
    let mut note = |row: u32, line: u64| {
        let shift = row_header::shift(line, first + row);
        if shifts.last().is_none_or(|(_, known)| *known != shift) {
            shifts.push((row, shift));
        }
    };
    for (at, (row, line)) in table.marks.iter().enumerate() {
        let (next, after) = table.marks.get(at + 1).copied().unwrap_or((table.len(), block.line));
        let ended = matches!(table.text[..start(next)].last(), Some(b'\n' | b'\r'));
        // Every record has a line end at least; when there are no more of them, each has one.
        if ended && after - line == u64::from(next - row) {
            note(*row, *line);
        } else {
            let mut line = *line;
            for row in *row..next {
                note(row, line);
                line += line_ends(&table.text[start(row)..start(row + 1)]);
            }
        }
    }
    shifts
}

pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
