//! Rows -> partitions: finds the partition of each row of a source, and appends the row to its buffer.

use std::{io, ops::Range};

use crate::{
    join::{
        keys,
        partition_map::{FoundParents, PartitionMap},
        seen_keys::SeenKeys,
    },
    partition::{
        buffers::PartitionBuffers,
        encode::{self, GoodRows, RowEntry},
        spill::{Chunk, Spill},
        wire::as_u32,
    },
    plan::key::KeyColumns,
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
    /// As `InTurn`, but rows with one key are one record, and stay together.
    ByKey {
        /// How many bytes of them make a partition.
        share: u64,
        /// The columns of the key.
        key: &'a KeyColumns,
        /// The partition of each hash that was seen.
        seen: SeenKeys,
    },
    /// Rows go where their parent is.
    ToParent {
        /// The source of the parents.
        source: usize,
        /// The partition of each.
        map: PartitionMap,
        /// The columns that name them.
        columns: &'a KeyColumns,
    },
}

/// The rows of one source, routed.
pub(super) struct Routed {
    /// The rows of each partition.
    pub(super) chunks: Vec<Vec<Chunk>>,
    /// How many partitions there are.
    pub(super) partitions: usize,
    /// The number of the first root record of each partition, of the unmatched one any.
    pub(super) firsts: Vec<u32>,
    /// The partition map of the parents, which was borrowed from their source.
    pub(super) parents: Option<ParentMap>,
}

/// The partition map of a source.
pub(super) struct ParentMap {
    pub(super) source: usize,
    pub(super) map: PartitionMap,
}

/// Appends the rows of one source to the buffers of their partitions.
pub(super) struct Router<'a> {
    route: Route<'a>,
    /// The partition that root records go to, and how many bytes it holds.
    partition: usize,
    filled: u64,
    firsts: Vec<u32>,
    buffers: PartitionBuffers,
    key_hashes: Vec<u64>,
    /// The partition of each row of the block.
    pub(super) partitions: Vec<u32>,
    /// The row of its parent in that partition.
    parents: Vec<u32>,
}

impl<'a> Router<'a> {
    /// A router for the rows of a source.
    pub(super) fn new(route: Route<'a>, buffers: PartitionBuffers) -> Router<'a> {
        let (firsts, key_hashes, partitions, parents) = Default::default();
        let partition = usize::from(matches!(route, Route::InTurn { .. } | Route::ByKey { .. }));
        Router { route, partition, filled: 0, firsts, buffers, key_hashes, partitions, parents }
    }

    /// Appends the rows of a block to their partitions.
    pub(super) fn route_block(&mut self, block: Block<'_>, spill: &Spill) -> io::Result<()> {
        let table = block.table;
        self.find_partitions(block);
        let shifts = line_shifts(block);
        let ends = shifts.iter().skip(1).map(|(from, _)| *from).chain([table.len()]);
        for ((from, shift), to) in shifts.iter().zip(ends) {
            self.route_run(block, *from..to, *shift, spill)?;
        }
        Ok(())
    }

    /// Appends rows that have one line shift.
    fn route_run(&mut self, block: Block<'_>, rows: Range<u32>, line_shift: u64, spill: &Spill) -> io::Result<()> {
        let before = block.rejects.partition_point(|reject| reject.row < rows.start);
        let mut from = rows.start;
        for reject in block.rejects[before..].iter().take_while(|reject| reject.row < rows.end) {
            self.route_good(block, from..reject.row, line_shift, spill)?;
            // A rejected row may belong to another parent too, so its parent is looked up again when it is joined.
            let entry = RowEntry { parent: NONE, reject: Some(reject), ..self.entry(block, reject.row, line_shift) };
            self.route_copy(reject.row as usize, entry, spill)?;
            self.put_row(self.partitions[reject.row as usize], entry, spill)?;
            from = reject.row + 1;
        }
        self.route_good(block, from..rows.end, line_shift, spill)
    }

    /// Appends rows that are not rejected and have one line shift.
    fn route_good(&mut self, block: Block<'_>, rows: Range<u32>, line_shift: u64, spill: &Spill) -> io::Result<()> {
        let (table, part) = (block.table, block.table.parts.len().saturating_sub(1));
        let mut left = rows.start;
        if let Some(good) = GoodRows::new(table, line_shift, part) {
            // Whether the last row of a block ends with a line end has to be looked at.
            left = rows.end.min(table.len().saturating_sub(1)).max(left);
            let (first, known) = (block.first + rows.start, rows.start as usize..left as usize);
            match self.route {
                Route::One => self.put_in_one(good, first, known, spill)?,
                _ => self.put_in_several(good, first, known, spill)?,
            }
        }
        for row in left..rows.end {
            self.put_row(self.partitions[row as usize], self.entry(block, row, line_shift), spill)?;
        }
        Ok(())
    }

    /// Appends good rows, the first of which has the number `first`, to the only partition.
    #[inline(never)]
    fn put_in_one(&mut self, good: GoodRows<'_>, first: u32, rows: Range<usize>, spill: &Spill) -> io::Result<()> {
        self.buffers.add(UNMATCHED as usize, spill, |bytes| {
            for (number, row) in (first..).zip(good.rows(rows)) {
                good.put(bytes, row, number, NONE);
            }
        })
    }

    /// Appends good rows, the first of which has the number `first`, each to its partition.
    #[inline(never)]
    fn put_in_several(&mut self, good: GoodRows<'_>, first: u32, rows: Range<usize>, spill: &Spill) -> io::Result<()> {
        let routes = self.partitions[rows.clone()].iter().zip(&self.parents[rows.clone()]);
        for ((number, (partition, parent)), row) in (first..).zip(routes).zip(good.rows(rows)) {
            self.buffers.add(*partition as usize, spill, |bytes| good.put(bytes, row, number, *parent))?;
        }
        Ok(())
    }

    /// A row of a block.
    fn entry<'b>(&self, block: Block<'b>, row: u32, line_shift: u64) -> RowEntry<'b> {
        let Block { table, end, first, .. } = block;
        let (at, part) = (row as usize, table.parts.len().saturating_sub(1));
        let end = table.starts.get(at + 1).copied().unwrap_or(end);
        RowEntry {
            table,
            row,
            end,
            number: first + row,
            parent: self.parents[at],
            line_shift,
            part,
            reject: None,
            is_copy: false,
        }
    }

    /// Appends a copy of a rejected row to a second partition, if it has two: merged records hold both of their parents back.
    #[cold]
    #[inline(never)]
    fn route_copy(&mut self, at: usize, entry: RowEntry<'_>, spill: &Spill) -> io::Result<()> {
        let first = self.partitions[at];
        let second = match &mut self.route {
            Route::One | Route::InTurn { .. } => return Ok(()),
            Route::ToParent { map, columns, .. } => map.find_second_parent(entry.table, columns, entry.row),
            // The rows of the second record that follow come here.
            Route::ByKey { key, seen, .. } => {
                keys::hash_second_key(entry.table, key, entry.row).map_or(NONE, |hash| seen.insert(hash, first))
            }
        };
        if second == NONE || second == first {
            return Ok(());
        }
        if first == UNMATCHED {
            self.partitions[at] = second;
            return Ok(());
        }
        self.put_row(second, RowEntry { is_copy: true, ..entry }, spill)
    }

    /// Finds the partition of each row of a block.
    fn find_partitions(&mut self, block: Block<'_>) {
        let (table, count) = (block.table, block.table.starts.len());
        match &mut self.route {
            Route::ByKey { share, key, seen } => {
                keys::hash_keys(table, key, &mut self.key_hashes);
                self.partitions.clear();
                let ends = table.starts.iter().skip(1).copied().chain([block.end]);
                for (hash, (start, end)) in self.key_hashes.iter().zip(table.starts.iter().zip(ends)) {
                    let known = seen.get(*hash).filter(|_| keys::is_key(*hash));
                    let partition = known.unwrap_or_else(|| {
                        if self.filled >= *share {
                            (self.filled, self.partition) = (0, self.partition + 1);
                        }
                        self.filled += (end - start) as u64;
                        as_u32(self.partition)
                    });
                    if known.is_none() && keys::is_key(*hash) {
                        seen.insert(*hash, partition);
                    }
                    self.partitions.push(partition);
                }
            }
            Route::One => {
                self.partitions.clear();
                self.partitions.resize(count, UNMATCHED);
            }
            Route::InTurn { share } => {
                self.partitions.clear();
                let ends = table.starts.iter().skip(1).copied().chain([block.end]);
                for (number, (start, end)) in (block.first..).zip(table.starts.iter().zip(ends)) {
                    if self.filled >= *share {
                        (self.filled, self.partition) = (0, self.partition + 1);
                    }
                    if self.firsts.len() <= self.partition {
                        self.firsts.resize(self.partition + 1, number);
                    }
                    self.filled += (end - start) as u64;
                    self.partitions.push(as_u32(self.partition));
                }
            }
            Route::ToParent { map, columns, .. } => {
                keys::hash_keys(table, columns, &mut self.key_hashes);
                let found = FoundParents { partitions: &mut self.partitions, rows: &mut self.parents };
                map.find_parents(table, columns, &self.key_hashes, found);
                self.partitions
                    .iter_mut()
                    .filter(|partition| **partition == NONE)
                    .for_each(|partition| *partition = UNMATCHED);
                return;
            }
        }
        self.parents.clear();
        self.parents.resize(count, NONE);
    }

    /// Appends a row to a partition.
    pub(super) fn put_row(&mut self, partition: u32, entry: RowEntry<'_>, spill: &Spill) -> io::Result<()> {
        self.buffers.add(partition as usize, spill, |rows| encode::put_row(rows, entry))
    }

    /// Appends a row that is encoded already.
    pub(super) fn put_encoded(&mut self, partition: u32, row: &[u8], spill: &Spill) -> io::Result<()> {
        self.buffers.add(partition as usize, spill, |rows| rows.extend_from_slice(row))
    }

    /// Writes what is left in the buffers.
    pub(super) fn finish(self, spill: &Spill) -> io::Result<Routed> {
        let parents = match self.route {
            Route::ToParent { source, map, .. } => Some(ParentMap { source, map }),
            _ => None,
        };
        let chunks = self.buffers.finish(spill)?;
        Ok(Routed { chunks, partitions: self.partition + 1, firsts: self.firsts, parents })
    }
}

/// The line shifts of a block: from which row on each holds.
fn line_shifts(block: Block<'_>) -> Vec<(u32, u64)> {
    let Block { table, end, first, .. } = block;
    let mut shifts: Vec<(u32, u64)> = Vec::new();
    let start = |row: u32| table.starts.get(row as usize).copied().unwrap_or(end);
    let mut note = |row: u32, line: u64| {
        let shift = row_header::line_shift(line, first + row);
        if shifts.last().is_none_or(|(_, known)| *known != shift) {
            shifts.push((row, shift));
        }
    };
    for (at, (row, line)) in table.line_checkpoints.iter().enumerate() {
        let (next, after) = table.line_checkpoints.get(at + 1).copied().unwrap_or((table.len(), block.line));
        let ended = matches!(table.text[..start(next)].last(), Some(b'\n' | b'\r'));
        // Every record has at least one line end; if there are not more line ends than records, each has exactly one.
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
