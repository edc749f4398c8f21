//! A recording that does not fit into memory: cut into pieces while it is read, and each piece fetched when it is its turn.
//!
//! A piece is some root records in their order with everything below them, so it is joined, checked and settled as a
//! recording of its own, and pieces in their order give the documents in the order of `each`. What belongs to nobody goes
//! into a loose piece that comes first. Records with one key are brought together first, wherever they stand.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    cli::{Convert, Memory},
    diagnostic::{Code, Diagnostic, Severity},
    error::Error,
    group::NONE,
    join::{self, Parted, Places},
    ledger::{Fate, Ledger},
    mapping::OnDuplicateKey,
    payload::Payload,
    piece::{self, Entry, Piece, Settled},
    plan::Plan,
    read::{self, Block, Stopped},
    record::{Table, line_ends},
    recording::Recording,
    spill::{Chunk, Spill},
    transform::{self, Scratch},
};

/// How many times larger records are in memory than their text.
const HELD: u64 = 2;
/// The most pieces.
const MAX_PIECES: u64 = 4096;
/// The least and the most bytes that are written at once.
const ROOM: (u64, u64) = (4 << 10, 256 << 10);

/// What a recording is cut from.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'a> {
    /// What is asked for.
    pub(crate) plan: &'a Plan,
    /// Where the files lie.
    pub(crate) inputs: &'a read::Inputs,
    /// The files of each source.
    pub(crate) files: &'a [Vec<PathBuf>],
    /// How much may be held.
    pub(crate) memory: Memory,
    /// Where temporary files go.
    pub(crate) folder: &'a Path,
}

/// Whether the recordings of a plan can be cut: its sources are a tree of lists below the root.
pub(crate) fn can_be_cut(plan: &Plan) -> bool {
    !plan.shares_records() && order(plan).len() == plan.sources.len()
}

/// The sources, each behind the one it belongs to.
fn order(plan: &Plan) -> Vec<usize> {
    let mut order = vec![plan.each];
    let mut at = 0;
    while at < order.len() {
        let children = plan.links.iter().filter(|link| link.parent == order[at]).map(|link| link.child);
        let children: Vec<usize> = children.filter(|child| !order.contains(child)).collect();
        order.extend(children);
        at += 1;
    }
    order
}

/// The disk for temporary files is full or broken.
fn lost(folder: &Path, cause: &io::Error) -> Error {
    Error::storage("cannot write a temporary file in", folder, cause)
}

/// Cuts a recording that does not fit into memory; `None`: it fits, or it cannot be cut.
///
/// # Errors
/// As those of [`cut`].
pub(crate) fn too_large(
    args: &Convert,
    plan: &Plan,
    inputs: &read::Inputs,
    stamps: &mut Vec<read::Stamp>,
    environment: &BTreeMap<String, String>,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Option<Vec<Recording>>, Error> {
    // What is wrong with the files is told when they are read.
    let Ok(files) = read::all_files(plan, inputs) else { return Ok(None) };
    if read::size(&files).saturating_mul(HELD) <= args.memory.all {
        return Ok(None);
    }
    if !can_be_cut(plan) {
        let message = "this recording does not fit into `--memory`, and its mapping needs all of it at once";
        let hint = "only lists of sources that belong to one other source can be cut";
        say(&Diagnostic::new(Code::JoinHeldInMemory, message).severity(Severity::Notice).hint(hint));
        return Ok(None);
    }
    let folder = environment.get("TMPDIR").filter(|folder| !folder.is_empty());
    let folder = Path::new(folder.map_or("/tmp", String::as_str));
    cut(Cut { plan, inputs, files: &files, memory: args.memory, folder }, stamps, say).map(Some)
}

/// Reads a recording and cuts it into pieces.
///
/// # Errors
/// A file cannot be trusted as a whole, or the disk for temporary files is full.
pub(crate) fn cut(
    cut: Cut<'_>,
    stamps: &mut Vec<read::Stamp>,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Vec<Recording>, Error> {
    let spill = Spill::create(cut.folder).map_err(|cause| lost(cut.folder, &cause))?;
    let sources = cut.plan.sources.len();
    let mut cutter = Cutter {
        cut,
        spill: Arc::new(spill),
        chunks: vec![Vec::new(); sources],
        places: (0..sources).map(|_| Places::default()).collect(),
        shapes: vec![None; sources],
        settled: Vec::new(),
        pieces: 1,
    };
    let mut findings = Vec::new();
    for number in order(cut.plan) {
        match cutter.source(number, !findings.is_empty(), stamps, say) {
            Ok(()) => {}
            Err(Stopped::Input(wrong)) => findings.extend(wrong),
            Err(Stopped::Storage(cause)) => return Err(lost(cut.folder, &cause)),
        }
    }
    if findings.is_empty() { Ok(cutter.recordings()) } else { Err(Error::input(findings)) }
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
}

impl Cutter<'_> {
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
        let mut router = Router::new(self, number, size);
        let mut visit = |block: Block<'_>| {
            if idle {
                return Ok(());
            }
            router.block(block, &spill)?;
            if key.is_empty() {
                return Ok(());
            }
            join::words(block.table, key, &mut words);
            for (row, (word, place)) in words.iter().zip(&router.found).enumerate() {
                let good = block.fates[row] == Fate::Good;
                if good || owns {
                    keys.add(&spill, *word, block.first + small(row), *place, good)?;
                }
            }
            Ok(())
        };
        let shape = read::blocks(plan, number, &files[number], (inputs, memory.block), stamps, say, &mut visit)?;
        let (chunks, pieces, parents) = router.finish(&spill)?;
        if let Some((parent, places)) = parents {
            self.places[parent] = places;
        }
        self.chunks[number] = chunks;
        self.pieces = self.pieces.max(pieces);
        if !idle && !key.is_empty() {
            self.keys(number, &shape, &keys, owns, say)?;
        }
        self.shapes[number] = Some(shape);
        Ok(())
    }

    /// Notes where every key is, and deals with those that are there twice.
    fn keys(
        &mut self,
        number: usize,
        shape: &Table,
        keys: &Parted,
        owns: bool,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<(), Stopped> {
        let plan = self.cut.plan;
        let source = &plan.sources[number];
        if owns {
            self.places[number] = Places::with_room(keys.len());
        }
        let strict = source.on_duplicate_key.then == OnDuplicateKey::Error;
        let twins = keys.twins(&self.spill, owns.then_some(&mut self.places[number]), strict)?;
        if twins.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        for (place, chunks) in (0..).zip(&self.chunks[number]) {
            let own: Vec<u32> = twins.iter().filter(|twin| twin.1 == place).map(|twin| twin.0).collect();
            if !own.is_empty() {
                piece::gathered(&self.spill, chunks, shape, &own, &mut rows)?;
            }
        }
        rows.sort();
        let bytes: Vec<u8> = rows.into_iter().flat_map(|(_, row)| row).collect();
        let mut table = shape.clone();
        table.parts.clear();
        let mut ledger = Ledger::new(plan.sources.len(), say);
        piece::unpack(&bytes, number, shape, (&mut table, &mut ledger.fates[number], &mut ledger.rejects));
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
                let reject = reject.map(|reject| (reject.code, reject.reason.clone()));
                self.settled.push((*place, Settled { source: number, number: *twin, fate, reject }));
            }
        }
        Ok(())
    }

    /// The pieces, the loose one first.
    fn recordings(self) -> Vec<Recording> {
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
        pieces.into_iter().map(|piece| Recording { piece: Some(piece), ..Recording::default() }).collect()
    }
}

/// What comes of sending the rows of one source to their pieces.
type Routed = (Vec<Vec<Chunk>>, usize, Option<(usize, Places)>);

/// Sends the rows of one source to their pieces.
struct Router<'a> {
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
    found: Vec<u32>,
}

impl<'a> Router<'a> {
    fn new(cutter: &mut Cutter<'a>, number: usize, size: u64) -> Router<'a> {
        let Cut { plan, files, memory, .. } = cutter.cut;
        let all = read::size(files).max(1);
        let link = plan.links.iter().find(|link| link.child == number);
        let parents = link.map(|link| (std::mem::take(&mut cutter.places[link.parent]), link.child_columns.as_slice()));
        let count = if link.is_some() { cutter.pieces as u64 } else { 1 };
        let room = (memory.all / 8 / count).clamp(ROOM.0, ROOM.1);
        Router {
            parents,
            parent: link.map_or(number, |link| link.parent),
            piece: 1,
            filled: 0,
            share: (size.saturating_mul(memory.piece) / all).max(size / MAX_PIECES).max(1),
            buffers: Vec::new(),
            chunks: Vec::new(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
            words: Vec::new(),
            lines: Vec::new(),
            found: Vec::new(),
        }
    }

    fn block(&mut self, block: Block<'_>, spill: &Spill) -> io::Result<()> {
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
            let entry = Entry { table, row, end, number: block.first + row, line: self.lines[at], reject, copy: false };
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

    fn put(&mut self, place: u32, entry: Entry<'_>, spill: &Spill) -> io::Result<()> {
        let place = place as usize;
        if self.buffers.len() <= place {
            self.buffers.resize_with(place + 1, Vec::new);
            self.chunks.resize_with(place + 1, Vec::new);
        }
        let buffer = &mut self.buffers[place];
        piece::put(buffer, entry);
        // Root records go to one piece after the other.
        if buffer.len() >= self.room {
            self.chunks[place].push(spill.write(buffer)?);
            buffer.clear();
        }
        Ok(())
    }

    /// The rows of each piece, how many pieces there are, and the places of the parents.
    fn finish(self, spill: &Spill) -> io::Result<Routed> {
        let mut chunks = self.chunks;
        for (buffer, chunks) in self.buffers.iter().zip(&mut chunks) {
            if !buffer.is_empty() {
                chunks.push(spill.write(buffer)?);
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

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

/// Brings a piece into memory, in the room of the one before; joins it the first time.
///
/// # Errors
/// The disk for temporary files is broken.
pub(crate) fn fetch(
    plan: &Plan,
    recording: &mut Recording,
    room: &mut Recording,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<(), Error> {
    let Some(piece) = recording.piece.take() else { return Ok(()) };
    *recording = std::mem::take(room);
    let fetched = piece.fetch(recording).map_err(|cause| lost(piece.spill().folder(), &cause));
    let joined = piece.is_joined();
    recording.piece = Some(piece);
    fetched?;
    if !joined {
        let (fates, rejects) = (std::mem::take(&mut recording.fates), std::mem::take(&mut recording.rejects));
        let mut ledger = Ledger::reopened(fates, rejects, say);
        recording.groups = join::groups(plan, &recording.tables, &mut ledger).map_err(Error::input)?;
        (recording.fates, recording.rejects) = ledger.closed();
    }
    Ok(())
}

/// Lets somebody look at a recording; a piece is fetched for it. Whether the disk was broken, [`failure`] tells.
pub(crate) fn look(recording: &Recording, look: impl FnOnce(&Recording)) {
    let Some(piece) = &recording.piece else { return look(recording) };
    let mut fetched = Recording::default();
    match piece.fetch(&mut fetched) {
        Ok(()) => look(&fetched),
        Err(cause) => piece.spill().fail(cause),
    }
}

/// Lets somebody change a recording; a piece is fetched for it and put away. Whether that failed, [`failure`] tells.
pub(crate) fn change(plan: &Plan, recording: &mut Recording, change: impl FnOnce(&mut Recording)) {
    let Some(mut piece) = recording.piece.take() else { return change(recording) };
    let mut fetched = Recording::default();
    let fetches = piece.fetch(&mut fetched).and_then(|()| {
        change(&mut fetched);
        piece.keep(plan, &fetched)
    });
    if let Err(cause) = fetches {
        piece.spill().fail(cause);
    }
    recording.piece = Some(piece);
}

/// Says whether the disk for temporary files broke where that could not be told.
///
/// # Errors
/// It did.
pub(crate) fn failure(recordings: &[Recording]) -> Result<(), Error> {
    let spills = recordings.iter().filter_map(|recording| recording.piece.as_ref()).map(Piece::spill);
    spills.map(|spill| spill.failure().map_or(Ok(()), |cause| Err(lost(spill.folder(), &cause)))).collect()
}

/// The documents of a recording that may be sent, numbered from `first`.
pub(crate) fn payloads<'a>(
    plan: &'a Plan,
    recording: &'a Recording,
    first: u64,
) -> Box<dyn Iterator<Item = Payload> + Send + 'a> {
    match &recording.piece {
        None => Box::new(transform::payloads(recording.view(plan), &recording.accepted, first)),
        Some(piece) => {
            let (fetched, scratch) = (None, Scratch::default());
            Box::new(Payloads { plan, piece, fetched, at: 0, first, scratch })
        }
    }
}

/// The documents of a piece, which is fetched for the first of them.
struct Payloads<'a> {
    plan: &'a Plan,
    piece: &'a Piece,
    fetched: Option<Recording>,
    at: usize,
    first: u64,
    scratch: Scratch,
}

impl Iterator for Payloads<'_> {
    type Item = Payload;

    fn next(&mut self) -> Option<Payload> {
        if self.fetched.is_none() {
            let mut recording = Recording::default();
            match self.piece.fetch(&mut recording) {
                Ok(()) => self.fetched = Some(recording),
                Err(cause) => {
                    self.piece.spill().fail(cause);
                    return None;
                }
            }
        }
        let recording = self.fetched.as_ref()?;
        let root = *recording.accepted.get(self.at)?;
        let (view, index) = (recording.view(self.plan), self.first + self.at as u64);
        self.at += 1;
        Some(transform::again(view, root, index, &mut self.scratch))
    }
}

/// Keeps what was found out about a piece, and gives its room back.
///
/// # Errors
/// The disk for temporary files is full.
pub(crate) fn put_away(plan: &Plan, recording: &mut Recording, room: &mut Recording) -> Result<(), Error> {
    let Some(mut piece) = recording.piece.take() else { return Ok(()) };
    let kept = piece.keep(plan, recording).map_err(|cause| lost(piece.spill().folder(), &cause));
    *room = std::mem::take(recording);
    recording.piece = Some(piece);
    kept
}
