//! Rows -> pieces: which piece each row of a source goes to, and its way there through a buffer.

use std::io;

use crate::{
    group::NONE,
    join::{self, Places},
    piece::{self, Entry},
    read::Block,
    record::line_ends,
    spill::{Chunk, Spill},
};

/// What comes of sending the rows of one source to their pieces.
pub(super) type Routed = (Vec<Vec<Chunk>>, usize, Option<(usize, Places)>);

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
    buffers: Vec<Vec<u8>>,
    chunks: Vec<Vec<Chunk>>,
    room: usize,
    words: Vec<u64>,
    lines: Vec<u64>,
    /// The piece of each row of the block.
    pub(super) found: Vec<u32>,
}

impl<'a> Router<'a> {
    /// A router for the rows of a source. `share`: how many bytes of root records make a piece; `room`: how many bytes are
    /// written at once.
    pub(super) fn new(parents: Option<(Places, &'a [usize])>, parent: usize, share: u64, room: usize) -> Router<'a> {
        let (buffers, chunks, words, lines, found) = Default::default();
        Router { parents, parent, piece: 1, filled: 0, share, buffers, chunks, room, words, lines, found }
    }

    /// Sends the rows of a block on.
    pub(super) fn block(&mut self, block: Block<'_>, spill: &Spill) -> io::Result<()> {
        let table = block.table;
        lines(block, &mut self.lines);
        self.found.clear();
        if let Some((places, columns)) = &self.parents {
            join::words(table, columns, &mut self.words);
            places.of_all(table, columns, &self.words, &mut self.found);
        }
        let mut rejects = block.rejects.iter().peekable();
        for row in 0..table.len() {
            let at = row as usize;
            let end = table.starts.get(at + 1).copied().unwrap_or(block.end);
            let reject = rejects.next_if(|reject| reject.row == row);
            let (number, line, part) = (block.first + row, self.lines[at], table.parts.len().saturating_sub(1));
            let entry = Entry { table, row, end, number, line, part, reject, copy: false };
            let place = if let Some((places, columns)) = &self.parents {
                let (first, mut second) = (self.found[at], NONE);
                if reject.is_some() {
                    second = places.of_second(table, columns, row);
                }
                // Two records that are glued together hold both of their parents back.
                if first != NONE && second != NONE && first != second {
                    self.put(second, Entry { copy: true, ..entry }, spill)?;
                }
                if first == NONE { second } else { first }
            } else {
                if self.filled >= self.share {
                    (self.filled, self.piece) = (0, self.piece + 1);
                }
                self.filled += (end - table.starts[at]) as u64;
                small(self.piece)
            };
            let place = if place == NONE { 0 } else { place };
            match self.found.get_mut(at) {
                Some(found) => *found = place,
                None => self.found.push(place),
            }
            self.put(place, entry, spill)?;
        }
        Ok(())
    }

    /// Sends one row to a piece.
    pub(super) fn put(&mut self, place: u32, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        self.append(place, spill, &mut |buffer| piece::put(buffer, entry))
    }

    /// Sends one row to a piece as it was put before.
    pub(super) fn put_again(&mut self, place: u32, row: &[u8], spill: &Spill) -> io::Result<()> {
        self.append(place, spill, &mut |buffer| buffer.extend_from_slice(row))
    }

    #[inline]
    fn append(&mut self, place: u32, spill: &Spill, put: &mut impl FnMut(&mut Vec<u8>)) -> io::Result<()> {
        let place = place as usize;
        if self.buffers.len() <= place {
            self.buffers.resize_with(place + 1, Vec::new);
            self.chunks.resize_with(place + 1, Vec::new);
        }
        let buffer = &mut self.buffers[place];
        put(buffer);
        // Root records go to one piece after the other.
        if buffer.len() >= self.room {
            self.chunks[place].push(spill.take(buffer)?);
        }
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
        Ok((chunks, self.piece + 1, self.parents.map(|(places, _)| (self.parent, places))))
    }
}

/// The line of each record of a block.
fn lines(block: Block<'_>, lines: &mut Vec<u64>) {
    let Block { table, end, .. } = block;
    lines.clear();
    let start = |row: u32| table.starts.get(row as usize).copied().unwrap_or(end);
    for (at, (row, line)) in table.marks.iter().enumerate() {
        let (next, after) = table.marks.get(at + 1).copied().unwrap_or((table.len(), block.line));
        let ended = matches!(table.text[..start(next)].last(), Some(b'\n' | b'\r'));
        // Every record has a line end at least; when there are no more of them, each has one.
        if ended && after - line == u64::from(next - row) {
            lines.extend(*line..after);
        } else {
            let mut line = *line;
            for row in *row..next {
                lines.push(line);
                line += line_ends(&table.text[start(row)..start(row + 1)]);
            }
        }
    }
}

pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
