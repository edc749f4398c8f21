//! Rows -> pieces: which piece each row of a source goes to, and its way there through a buffer.

#![expect(clippy::inline_always, reason = "this is the loop itself, not a step of it")]

use std::{io, ops::Range};

use crate::{
    group::NONE,
    join::{self, Places},
    piece::{self, Entry},
    read::Block,
    record::line_ends,
    spill::{Chunk, Spill},
};

/// The piece of what belongs to nobody.
const LOOSE: u32 = 0;
/// How much of a buffer is left when it is let go of: one row more mostly fits.
const SLACK: usize = 512;

/// What comes of sending the rows of one source to their pieces.
pub(super) struct Routed {
    /// The rows of each piece.
    pub(super) chunks: Vec<Vec<Chunk>>,
    /// How many pieces there are.
    pub(super) pieces: usize,
    /// The number of the first root record of each piece, of the loose one any.
    pub(super) firsts: Vec<u32>,
    /// The places of the parents, and their source.
    pub(super) parents: Option<(usize, Places)>,
}

/// Sends the rows of one source to their pieces.
pub(super) struct Router<'a> {
    /// Where the parents are, and the columns that name them; the root source has none.
    parents: Option<(Places, &'a [usize])>,
    /// The source of the parents.
    parent: usize,
    /// The piece that root records go to, how many bytes it holds, and how many it should.
    piece: usize,
    filled: u64,
    share: u64,
    firsts: Vec<u32>,
    buffers: Vec<Vec<u8>>,
    chunks: Vec<Vec<Chunk>>,
    room: usize,
    words: Vec<u64>,
    /// The piece of each row of the block.
    pub(super) found: Vec<u32>,
    /// The row of its parent in that piece.
    rows: Vec<u32>,
}

impl<'a> Router<'a> {
    /// A router for the rows of a source. `share`: how many bytes of root records make a piece; `room`: how many bytes are
    /// written at once.
    pub(super) fn new(parents: Option<(Places, &'a [usize])>, parent: usize, share: u64, room: usize) -> Router<'a> {
        let (firsts, buffers, chunks, words, found, rows) = Default::default();
        Router { parents, parent, piece: 1, filled: 0, share, firsts, buffers, chunks, room, words, found, rows }
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
        let mut left = rows.clone();
        if let Some(good) = piece::Good::of(table, shift, part) {
            // Whether the last row of a block ends with a line end has to be looked at.
            for row in rows.start..rows.end.min(table.len().saturating_sub(1)) {
                let (place, parent) = (self.found[row as usize], self.rows[row as usize]);
                good.put(self.buffer(place), row, block.first + row, parent);
                self.sent(place, spill)?;
                left.start = row + 1;
            }
        }
        for row in left {
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

    /// Sends a row that is rejected to its second piece, if it has two: two records that are glued together hold both of
    /// their parents back.
    #[cold]
    #[inline(never)]
    fn second(&mut self, at: usize, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        let Some((places, columns)) = &self.parents else { return Ok(()) };
        let (first, second) = (self.found[at], places.of_second(entry.table, columns, entry.row));
        if second == NONE || second == first {
            return Ok(());
        }
        if first == LOOSE {
            self.found[at] = second;
            return Ok(());
        }
        self.put_one(second, Entry { copy: true, ..entry }, spill)
    }

    /// Finds the piece of each row of a block.
    fn look(&mut self, block: Block<'_>) {
        let table = block.table;
        if let Some((places, columns)) = &self.parents {
            join::words(table, columns, &mut self.words);
            places.of_all(table, columns, &self.words, (&mut self.found, &mut self.rows));
            self.found.iter_mut().filter(|place| **place == NONE).for_each(|place| *place = LOOSE);
            return;
        }
        self.found.clear();
        let ends = table.starts.iter().skip(1).copied().chain([block.end]);
        for (number, (start, end)) in (block.first..).zip(table.starts.iter().zip(ends)) {
            if self.filled >= self.share {
                (self.filled, self.piece) = (0, self.piece + 1);
            }
            if self.firsts.len() <= self.piece {
                self.firsts.resize(self.piece + 1, number);
            }
            self.filled += (end - start) as u64;
            self.found.push(small(self.piece));
        }
        self.rows.clear();
        self.rows.resize(self.found.len(), NONE);
    }

    /// Sends one row to a piece.
    pub(super) fn put_one(&mut self, place: u32, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        piece::put(self.buffer(place), entry);
        self.sent(place, spill)
    }

    /// Sends one row to a piece as it was put before.
    pub(super) fn put_again(&mut self, place: u32, row: &[u8], spill: &Spill) -> io::Result<()> {
        self.buffer(place).extend_from_slice(row);
        self.sent(place, spill)
    }

    /// What is gathered for a piece.
    #[inline(always)]
    fn buffer(&mut self, place: u32) -> &mut Vec<u8> {
        if self.buffers.get(place as usize).is_none_or(|buffer| buffer.capacity() == 0) {
            self.make_room(place as usize);
        }
        &mut self.buffers[place as usize]
    }

    /// Makes room to gather something for a piece.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, place: usize) {
        if self.buffers.len() <= place {
            self.buffers.resize_with(place + 1, Vec::new);
            self.chunks.resize_with(place + 1, Vec::new);
        }
        self.buffers[place] = Vec::with_capacity(self.room);
    }

    /// Lets go of what is gathered for a piece when it is enough.
    #[inline(always)]
    fn sent(&mut self, place: u32, spill: &Spill) -> io::Result<()> {
        let buffer = &mut self.buffers[place as usize];
        if buffer.len() + SLACK < self.room { Ok(()) } else { self.let_go(place, spill) }
    }

    /// Lets go of what is gathered for a piece.
    #[cold]
    #[inline(never)]
    fn let_go(&mut self, place: u32, spill: &Spill) -> io::Result<()> {
        self.chunks[place as usize].push(spill.take(&mut self.buffers[place as usize])?);
        Ok(())
    }

    /// The rows of each piece, how many pieces there are, and the places of the parents.
    pub(super) fn finish(mut self, spill: &Spill) -> io::Result<Routed> {
        let mut chunks = self.chunks;
        for (buffer, chunks) in self.buffers.iter_mut().zip(&mut chunks) {
            if !buffer.is_empty() {
                chunks.push(spill.write(buffer)?);
                *buffer = Vec::new();
            }
        }
        let parents = self.parents.map(|(places, _)| (self.parent, places));
        Ok(Routed { chunks, pieces: self.piece + 1, firsts: self.firsts, parents })
    }
}

/// From which records of a block on lines are how much larger than numbers.
fn shifts(block: Block<'_>) -> Vec<(u32, u64)> {
    let Block { table, end, first, .. } = block;
    let mut shifts: Vec<(u32, u64)> = Vec::new();
    let start = |row: u32| table.starts.get(row as usize).copied().unwrap_or(end);
    let mut note = |row: u32, line: u64| {
        let shift = piece::shift(line, first + row);
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
