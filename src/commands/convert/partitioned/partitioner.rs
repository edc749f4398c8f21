//! Files -> pieces: a recording is cut while it is read.
//!
//! Root records go to one piece after the other, and everything else goes where its parent is. Records with one key are
//! brought together before anything is joined, wherever they stand.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    commands::convert::partitioned::{
        HELD, lost, order, oversized,
        router::{Routed, Router},
    },
    config::mapping::policy::OnDuplicateKey,
    diagnostic::Diagnostic,
    error::Error,
    join::{
        self,
        duplicate_keys::Parted,
        partition_index::{self, Places},
    },
    options::Memory,
    partition::{
        Piece, Settled,
        buffers::Partitions,
        decode,
        spill::{Chunk, Spill},
    },
    plan::Plan,
    read::{
        self,
        stream::{self, Block, Stopped},
    },
    recording::{
        Recording,
        ledger::{Fate, Ledger},
    },
    table::{Table, row::REACH},
};

/// The most pieces.
const MAX_PIECES: u64 = 4096;
/// The least and the most bytes that are written at once.
const ROOM: (u64, u64) = (4 << 10, 64 << 10);

/// What a recording is cut from.
#[derive(Clone, Copy)]
pub(super) struct Cut<'a> {
    /// What is asked for.
    pub(super) plan: &'a Plan,
    /// Where the files lie.
    pub(super) inputs: &'a read::Inputs,
    /// The files of each source.
    pub(super) files: &'a [Vec<PathBuf>],
    /// How much may be held.
    pub(super) memory: Memory,
    /// Where temporary files go.
    pub(super) folder: &'a Path,
}
/// Reads a recording and cuts it into pieces.
///
/// # Errors
/// A file cannot be trusted as a whole, or the disk for temporary files is full.
pub(super) fn cut(
    cut: Cut<'_>,
    stamps: &mut Vec<read::Stamp>,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Vec<Recording>, Error> {
    let spill = Spill::new(cut.folder, cut.memory.held);
    let sources = cut.plan.sources.len();
    let mut cutter = Cutter {
        cut,
        spill: Arc::new(spill),
        chunks: vec![Vec::new(); sources],
        places: (0..sources).map(|_| Places::default()).collect(),
        shapes: vec![None; sources],
        settled: Vec::new(),
        pieces: 1,
        bound: BTreeSet::new(),
    };
    let mut findings = Vec::new();
    for number in order(cut.plan) {
        match cutter.source(number, !findings.is_empty(), stamps, say) {
            Ok(()) => {}
            Err(Stopped::Input(wrong)) => findings.extend(wrong),
            Err(Stopped::Storage(cause)) => return Err(lost(cut.folder, &cause)),
        }
    }
    if !findings.is_empty() {
        return Err(Error::input(findings));
    }
    let pieces = cutter.pieces().map_err(|cause| lost(cut.folder, &cause))?;
    Ok(pieces.into_iter().map(|piece| Recording { piece: Some(piece), ..Recording::default() }).collect())
}

/// A recording that is being cut.
struct Cutter<'a> {
    cut: Cut<'a>,
    spill: Arc<Spill>,
    /// For each source and each piece, its rows.
    chunks: Vec<Vec<Vec<Chunk>>>,
    /// In which piece the records of each source are.
    places: Vec<Places>,
    shapes: Vec<Option<Table>>,
    /// What was found out about records, with their pieces.
    settled: Vec<(u32, Settled)>,
    pieces: usize,
    /// The pieces that hold records with one key.
    bound: BTreeSet<u32>,
}

impl<'a> Cutter<'a> {
    /// What sends the rows of a source to their pieces.
    fn router(&mut self, number: usize, size: u64) -> Router<'a> {
        let Cut { plan, files, memory, .. } = self.cut;
        let all = read::size(files).max(1);
        let link = plan.links.iter().find(|link| link.child == number);
        let parents = link.map(|link| (std::mem::take(&mut self.places[link.parent]), link.child_columns.as_slice()));
        let count = if link.is_some() { self.pieces as u64 } else { 1 };
        let share = (size.saturating_mul(memory.piece_of(all)) / all).max(size / MAX_PIECES).max(1);
        // What stays in memory as a whole need not be put together again.
        let (room, beyond) = if all.saturating_mul(HELD) <= memory.held {
            let part = if link.is_some() { size / count } else { share };
            ((part * HELD).max(ROOM.0), REACH)
        } else {
            ((memory.all / 8 / count).clamp(ROOM.0, ROOM.1), 0)
        };
        let gathered = Partitions::new(usize::try_from(room).unwrap_or(usize::MAX), beyond);
        Router::new(parents, link.map_or(number, |link| link.parent), share, gathered)
    }

    /// Reads one source. `idle`: another one cannot be trusted, so this one is only looked at.
    fn source(
        &mut self,
        number: usize,
        idle: bool,
        stamps: &mut Vec<read::Stamp>,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<(), Stopped> {
        let Cut { plan, inputs, files, memory, .. } = self.cut;
        let key = &plan.sources[number].key;
        let size = read::size(&files[number..=number]);
        let owns = plan.links.iter().any(|link| link.parent == number);
        let (mut keys, mut words) = (Parted::new(size / 3), Vec::new());
        let spill = Arc::clone(&self.spill);
        let mut router = self.router(number, size);
        let mut visit = |block: Block<'_>| {
            if idle {
                return Ok(());
            }
            router.block(block, &spill)?;
            if key.is_empty() {
                return Ok(());
            }
            partition_index::words(block.table, key, &mut words);
            let rows = words.iter().zip(&router.found).zip(block.fates);
            for (number, ((word, place), fate)) in (block.first..).zip(rows) {
                let good = *fate == Fate::Good;
                if good || owns {
                    keys.add(&spill, *word, number, *place, good)?;
                }
            }
            Ok(())
        };
        let mut shape = stream::blocks(plan, number, &files[number], (inputs, memory.block), stamps, say, &mut visit)?;
        let Routed { chunks, pieces, firsts, parents } = router.finish(&spill)?;
        if let Some((parent, places)) = parents {
            self.places[parent] = places;
        }
        self.chunks[number] = chunks;
        self.pieces = self.pieces.max(pieces);
        if !idle && !key.is_empty() {
            shape.unique = !self.keys(number, &shape, (&keys, &firsts), owns, say)? && !keys.has_keyless();
        }
        self.shapes[number] = Some(shape);
        Ok(())
    }

    /// Notes where every key is, and deals with those that are there twice in different pieces; tells whether any is there
    /// twice.
    fn keys(
        &mut self,
        number: usize,
        shape: &Table,
        (keys, firsts): (&Parted, &[u32]),
        owns: bool,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<bool, Stopped> {
        let plan = self.cut.plan;
        let source = &plan.sources[number];
        if owns {
            self.places[number] = Places::with_room(keys.len());
        }
        let strict = source.on_duplicate_key.then == OnDuplicateKey::Error;
        let (places, bound) = (owns.then_some((&mut self.places[number], firsts)), &mut self.bound);
        let mut any = false;
        let mut bind = |piece| {
            bound.insert(piece);
            any = true;
        };
        let twins = keys.twins(&self.spill, places, strict, &mut bind)?;
        if twins.is_empty() {
            return Ok(any);
        }
        let mut rows = Vec::new();
        for (place, chunks) in (0..).zip(&self.chunks[number]) {
            let own: Vec<u32> = twins.iter().filter(|twin| twin.1 == place).map(|twin| twin.0).collect();
            if !own.is_empty() {
                decode::gathered(&self.spill, chunks, shape, &own, &mut rows)?;
            }
        }
        rows.sort();
        let bytes: Vec<u8> = rows.into_iter().flat_map(|(_, row)| row).collect();
        let mut table = shape.clone();
        table.parts.clear();
        let mut ledger = Ledger::new(plan.sources.len(), say);
        decode::unpack(&bytes, number, shape, (&mut table, &mut ledger.fates[number], &mut ledger.rejects));
        let findings = join::twins(plan, number, &table, &mut ledger);
        if !findings.is_empty() {
            return Err(findings.into());
        }
        let (mut fates, rejects) = ledger.closed();
        for ((row, (twin, place)), fate) in (0..).zip(&twins).zip(fates.swap_remove(number)) {
            if owns {
                self.places[number].own(&table, &source.key, row, *place, fate == Fate::Good);
            }
            if fate != Fate::Good {
                let reject = rejects.iter().find(|reject| reject.row == row);
                let reject = reject.map(|reject| (reject.code, Arc::clone(&reject.reason)));
                self.settled.push((*place, Settled { source: number, number: *twin, fate, reject }));
            }
        }
        Ok(true)
    }

    /// The pieces, the loose one first.
    fn pieces(self) -> io::Result<Vec<Piece>> {
        let shapes: Arc<Vec<Table>> = Arc::new(self.shapes.into_iter().flatten().collect());
        let mut chunks = self.chunks;
        let mut pieces: Vec<Piece> = (0..self.pieces)
            .map(|piece| {
                let rows =
                    chunks.iter_mut().map(|chunks| chunks.get_mut(piece).map(std::mem::take).unwrap_or_default());
                Piece::new(Arc::clone(&self.spill), Arc::clone(&shapes), rows.collect(), piece == 0)
            })
            .collect();
        for (place, settled) in self.settled {
            pieces[place as usize].settled.push(settled);
        }
        for place in self.bound {
            pieces[place as usize].bound = true;
        }
        let Cut { plan, memory, .. } = self.cut;
        // What was needed to find pieces makes room for them.
        drop(self.places);
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(oversized::cut_again(plan, piece, memory.piece.max(memory.all / 16) * 2)?);
        }
        Ok(all)
    }
}
