//! A piece of a recording, packed: some root records in their order, with everything below them.
//!
//! Rows go in one by one, in the order of their source, each with its number, its line and where its cells begin, so that
//! nothing is split or counted again. A piece that is fetched is a [`Recording`] like any other, and what is found out about
//! it is kept beside its rows, so that it can be fetched again.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

use std::{hint::black_box, io, mem::take, ops::Range, sync::Arc};

use crate::{
    diagnostic::Code,
    group::{Groups, Link},
    ledger::{Fate, Reject},
    plan::Plan,
    record::{Part, Patch, Table},
    recording::Recording,
    row::{Begin, MANY, REACH, UNKNOWN, UNKNOWN_NARROW},
    snippet::low_bytes,
    spill::{Chunk, Spill},
    summary::SourceTally,
};

/// How many bytes are copied at once: rows and borders are mostly shorter.
const WINDOW: usize = 64;
/// The bytes of a line of a cache, and how many bytes of rows are brought near at once.
const LINE: usize = 64;
const NEAR: usize = 8 << 10;
/// The row is rejected: its code and reason stand behind its text.
const REJECTED: u8 = 1;
/// The row counts in another piece.
const COPY: u8 = 2;
/// Bytes of it could not be decoded: they stand behind its text.
const PATCHED: u8 = 4;
/// How a fate is written.
const FATES: [Fate; 4] = [Fate::Good, Fate::Filtered, Fate::Pending, Fate::Rejected];

/// A row on its way into a piece.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The table it stands in.
    pub table: &'a Table,
    /// Its number in the table.
    pub row: u32,
    /// Where its text ends in the table.
    pub end: usize,
    /// Its number in its source.
    pub number: u32,
    /// The row of its parent in the piece, if that is certain.
    pub parent: u32,
    /// How much larger its line is than its number, as [`shift`] tells.
    pub shift: u64,
    /// The number of the file it stands in.
    pub part: usize,
    /// Why it is rejected, if it is.
    pub reject: Option<&'a Reject>,
    /// It counts in another piece.
    pub copy: bool,
}

/// What was found out about a row before its piece was fetched.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The number of its source.
    pub source: usize,
    /// Its number in its source.
    pub number: u32,
    /// What became of it.
    pub fate: Fate,
    /// Why it is rejected, if it is.
    pub reject: Option<(Code, Arc<str>)>,
}

/// A piece of a recording.
#[derive(Debug)]
pub struct Piece {
    spill: Arc<Spill>,
    /// For each source, its columns and files without records.
    shapes: Arc<Vec<Table>>,
    /// For each source, its rows.
    rows: Vec<Vec<Chunk>>,
    /// The first piece of its recording tells of the files.
    is_first: bool,
    /// Records with one key stand in it, so it may not be cut again.
    pub bound: bool,
    /// Its rows stand where their children think they do.
    settles_parents: bool,
    /// How many pieces hold its only document: this one, and those behind it, each with some of the records below. Of those
    /// behind it: 0.
    pub parts: usize,
    /// The items of this part, and where they stand in the document without any; of the first part, that document.
    pub rendered: Option<(usize, Chunk)>,
    /// What was found out before.
    pub settled: Vec<Settled>,
    /// Groups, fates, rejects and accepted root records, since it was joined.
    known: Option<Chunk>,
    /// How many rows of each source ended in each bucket, since it was decided about.
    pub tally: Vec<SourceTally>,
    /// How many documents of it may be sent.
    pub documents: u64,
}

/// Appends a row to the rows of a piece.
pub fn put(rows: &mut Vec<u8>, entry: Entry<'_>) {
    let Entry { table, row, end, number, parent, shift, part, reject, copy } = entry;
    let (start, width) = (table.starts[row as usize], table.header.len() + 1);
    let (text, begins) = (&table.text[start..], &table.begins[row as usize * width..]);
    let ended = matches!(text[end - start - 1], b'\n' | b'\r');
    let patches = if table.patches.is_empty() { &[][..] } else { patches(table, start, end) };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(reject.is_some(), REJECTED) | flag(copy, COPY) | flag(!patches.is_empty(), PATCHED);
    let head =
        Head { number, length: small(end - start + usize::from(!ended)), parent, place: place(shift, part, flags) };
    put_whole(rows, head, (begins, width), (text, end - start));
    if !ended {
        // Behind the last record of a file the next one would go on.
        rows.push(b'\n');
    }
    if flags & (REJECTED | PATCHED) != 0 {
        put_trouble(rows, start, reject, patches);
    }
}

/// Appends good rows of a table, which end with a line end, to the pieces where they go.
#[derive(Clone, Copy, Debug)]
pub struct Good<'a> {
    text: &'a [u8],
    starts: &'a [usize],
    begins: &'a [Begin],
    width: usize,
    place: u64,
}

impl<'a> Good<'a> {
    /// Good rows of one file whose lines are as much larger than their numbers. `None`: bytes of them could not be decoded.
    #[must_use]
    pub fn of(table: &'a Table, shift: u64, part: usize) -> Option<Good<'a>> {
        let Table { text, starts, begins, .. } = table;
        let (width, place) = (table.header.len() + 1, place(shift, part, 0));
        table.patches.is_empty().then_some(Good { text, starts, begins, width, place })
    }

    /// Some rows that others follow: the begins and the text of each, with what stands behind them, and its length.
    #[inline(always)]
    pub fn rows(self, rows: Range<usize>) -> impl Iterator<Item = (&'a [Begin], &'a [u8], usize)> {
        let Good { text, starts, begins, width, .. } = self;
        let ends = starts.iter().skip(rows.start + 1);
        let starts = starts.iter().skip(rows.start).zip(ends);
        rows.zip(starts).map(move |(row, (start, end))| (&begins[row * width..], &text[*start..], end - start))
    }

    /// Appends a row.
    #[inline(always)]
    pub fn put(self, rows: &mut Vec<u8>, (begins, text, length): (&[Begin], &[u8], usize), number: u32, parent: u32) {
        let head = Head { number, length: small(length), parent, place: self.place };
        put_whole(rows, head, (begins, self.width), (text, length));
    }
}

#[inline(always)]
fn put_whole(rows: &mut Vec<u8>, head: Head, (begins, width): (&[Begin], usize), (text, length): (&[u8], usize)) {
    match begins.first_chunk::<MANY>() {
        Some(window) if head.is_narrow() && width <= MANY => {
            rows.extend_from_slice(&head.narrow());
            let end = rows.len() + width;
            rows.extend_from_slice(&low(window));
            rows.truncate(end);
        }
        _ => put_begins(rows, head, &begins[..width]),
    }
    append(rows, text, length);
}

/// The low bytes of some begins.
#[inline(always)]
fn low(begins: &[Begin; MANY]) -> [u8; MANY] {
    let mut low = [0; MANY];
    for (low, begins) in low.as_chunks_mut().0.iter_mut().zip(begins.as_chunks().0) {
        *low = low_bytes(begins);
    }
    low
}

/// Appends what stands in front of a row that is long, or one of the last in its table.
#[cold]
#[inline(never)]
fn put_begins(rows: &mut Vec<u8>, head: Head, begins: &[Begin]) {
    if head.is_narrow() && begins.len() <= MANY {
        rows.extend_from_slice(&head.narrow());
        rows.extend(begins.iter().map(|begin| begin[0]));
    } else {
        rows.extend_from_slice(&head.wide());
        rows.extend_from_slice(begins.as_flattened());
    }
}

/// Appends the first bytes of a text: a short one in one step, with what stands behind it, which is then taken back.
#[inline(always)]
fn append(rows: &mut Vec<u8>, from: &[u8], length: usize) {
    let end = rows.len() + length;
    match from.first_chunk::<{ 2 * WINDOW }>() {
        Some(from) if length <= WINDOW => rows.extend_from_slice(&from[..WINDOW]),
        Some(from) if length <= 2 * WINDOW => rows.extend_from_slice(from),
        _ => append_all(rows, &from[..length]),
    }
    rows.truncate(end);
}

#[cold]
#[inline(never)]
fn append_all(rows: &mut Vec<u8>, from: &[u8]) {
    rows.extend_from_slice(from);
}

/// What is wrong with a row stands behind it.
#[cold]
#[inline(never)]
fn put_trouble(rows: &mut Vec<u8>, start: usize, reject: Option<&Reject>, patches: &[Patch]) {
    let mut bytes = Vec::new();
    if let Some(Reject { code, reason, .. }) = reject {
        put_reject(&mut bytes, *code, reason);
    }
    if !patches.is_empty() {
        bytes.extend_from_slice(&small(patches.len()).to_le_bytes());
        for patch in patches {
            bytes.extend_from_slice(&small(patch.at - start).to_le_bytes());
            put_bytes(&mut bytes, &patch.original);
        }
    }
    rows.extend_from_slice(&bytes);
}

/// What stands in front of each row. Most rows are short and stand in the only file of their source: then one byte is
/// enough for the length, for the shift, and for each begin of a cell.
#[derive(Clone, Copy)]
struct Head {
    number: u32,
    /// Of its text, in bytes.
    length: u32,
    parent: u32,
    place: u64,
}

/// The bytes of a head of a narrow row, and of any other.
const HEADS: (usize, usize) = (12, 24);
/// A narrow row is shorter than this.
const NARROW: u32 = 0xFF;
/// A narrow row has none of these bits of its place.
const BETWEEN: u64 = !0xFF00_0000_0000_00FF;
/// Marks a narrow row.
const IS_NARROW: u32 = 1 << 31;
/// How many bits of a place are the shift: no source has more lines than these can tell.
const SHIFT: u32 = 40;

/// Where a row stands in its source, and what is special about it.
fn place(shift: u64, part: usize, flags: u8) -> u64 {
    let part = u16::try_from(part).unwrap_or(u16::MAX);
    shift & ((1 << SHIFT) - 1) | u64::from(part) << SHIFT | u64::from(flags) << 56
}

/// The shift, the number of the file and the flags of a place.
fn unplaced(place: u64) -> (u64, usize, u8) {
    let [.., low, high, flags] = place.to_le_bytes();
    (place & ((1 << SHIFT) - 1), usize::from(u16::from_le_bytes([low, high])), flags)
}

impl Head {
    #[inline(always)]
    fn is_narrow(self) -> bool {
        self.length < NARROW && self.place & BETWEEN == 0
    }

    #[inline(always)]
    fn narrow(self) -> [u8; HEADS.0] {
        let [shift, .., flags] = self.place.to_le_bytes();
        self.begun(IS_NARROW | u32::from(flags) << 16 | u32::from(shift) << 8 | self.length)
    }

    fn wide(self) -> [u8; HEADS.1] {
        let mut bytes = [0; HEADS.1];
        bytes[..12].copy_from_slice(&self.begun(0));
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..].copy_from_slice(&self.place.to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn begun(self, marks: u32) -> [u8; 12] {
        let mut bytes = [0; 12];
        let both = u64::from(self.number) | u64::from(self.parent) << 32;
        bytes[..8].copy_from_slice(&both.to_le_bytes());
        bytes[8..].copy_from_slice(&marks.to_le_bytes());
        bytes
    }

    /// The head that some bytes begin with, how many bytes it takes, and how many each begin behind it.
    #[inline(always)]
    fn of(bytes: &[u8]) -> Option<(Head, usize, usize)> {
        let [number, parent, marks] = words(bytes.first_chunk()?);
        if marks & IS_NARROW != 0 {
            let (length, place) = (marks & 0xFF, u64::from(marks >> 8 & 0xFF) | u64::from(marks >> 16 & 0xFF) << 56);
            return Some((Head { number, length, parent, place }, HEADS.0, 1));
        }
        let [length, low, high] = words(bytes[HEADS.0..].first_chunk()?);
        let place = u64::from(low) | u64::from(high) << 32;
        Some((Head { number, length, parent, place }, HEADS.1, 2))
    }
}

/// Three numbers, one behind the other.
#[inline(always)]
fn words(bytes: &[u8; HEADS.0]) -> [u32; 3] {
    let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [four(0), four(4), four(8)]
}

/// How much larger a line is than the number of its record: mostly the same for the records of a file.
#[must_use]
pub fn shift(line: u64, number: u32) -> u64 {
    line.wrapping_sub(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// The line of a record with this number.
#[must_use]
pub fn line(shift: u64, number: u32) -> u64 {
    shift.wrapping_add(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// The damaged places of a record.
fn patches(table: &Table, start: usize, end: usize) -> &[Patch] {
    let at = |byte: usize| table.patches.partition_point(|patch| patch.at < byte);
    &table.patches[at(start)..at(end)]
}

fn put_reject(bytes: &mut Vec<u8>, code: Code, reason: &str) {
    let code = Code::ALL.iter().position(|known| *known == code).unwrap_or(0);
    bytes.extend_from_slice(&small(code).to_le_bytes());
    put_bytes(bytes, reason.as_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, more: &[u8]) {
    bytes.extend_from_slice(&small(more.len()).to_le_bytes());
    bytes.extend_from_slice(more);
}

fn put_numbers(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend_from_slice(&small(numbers.len()).to_le_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Bytes that are read from their start on. What is not there reads as zero: a file that nobody else can see is whole.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.0.first_chunk().copied();
        self.take(N);
        taken.unwrap_or([0; N])
    }

    #[inline]
    fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn count(&mut self) -> usize {
        self.number() as usize
    }

    fn bytes(&mut self) -> &'a [u8] {
        let count = self.count();
        self.take(count)
    }

    fn numbers(&mut self) -> Vec<u32> {
        let count = self.count();
        self.take(count * 4).as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
    }

    fn reject(&mut self) -> (Code, Arc<str>) {
        let code = Code::ALL.get(self.count()).copied().unwrap_or(Code::ALL[0]);
        (code, String::from_utf8_lossy(self.bytes()).into())
    }
}

impl Piece {
    /// A piece of some rows, by their source.
    #[must_use]
    pub fn new(spill: Arc<Spill>, shapes: Arc<Vec<Table>>, rows: Vec<Vec<Chunk>>, is_first: bool) -> Piece {
        Piece {
            spill,
            shapes,
            rows,
            is_first,
            bound: false,
            settles_parents: true,
            parts: 1,
            rendered: None,
            settled: Vec::new(),
            known: None,
            tally: Vec::new(),
            documents: 0,
        }
    }

    /// Keeps the JSON of its part of a document, and where it stands there.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn render(&mut self, at: usize, json: &[u8]) -> io::Result<()> {
        self.rendered = Some((at, self.spill.write(json)?));
        Ok(())
    }

    /// The file it stands in.
    pub fn spill(&self) -> &Spill {
        &self.spill
    }

    /// How many bytes its rows are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rows.iter().flatten().map(|chunk| chunk.len() as u64).sum()
    }

    /// A piece of the same recording with other rows.
    #[must_use]
    pub fn with(&self, rows: Vec<Vec<Chunk>>, is_first: bool) -> Piece {
        let mut piece = Piece::new(Arc::clone(&self.spill), Arc::clone(&self.shapes), rows, is_first);
        piece.settled.clone_from(&self.settled);
        piece.settles_parents = false;
        piece
    }

    /// Its rows, by their source.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Chunk>] {
        &self.rows
    }

    /// For each source, its columns and files without records.
    #[must_use]
    pub fn shapes(&self) -> &[Table] {
        &self.shapes
    }

    /// Whether it is the first piece of its recording.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether it holds more of the document of a piece before it.
    pub fn goes_on(&self) -> bool {
        self.parts == 0
    }

    /// Whether its records were joined.
    pub fn is_joined(&self) -> bool {
        self.known.is_some()
    }

    /// Reads it back into a recording, whose room is used again.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn fetch(&self, each: usize, recording: &mut Recording) -> io::Result<()> {
        recording.tables.resize_with(self.shapes.len(), || Table::empty("", &self.shapes[0].dialect));
        recording.fates.resize_with(self.shapes.len(), Vec::new);
        recording.rejects.clear();
        for (number, shape) in self.shapes.iter().enumerate() {
            let (table, fates) = (&mut recording.tables[number], &mut recording.fates[number]);
            shaped(table, shape);
            fates.clear();
            rows(&self.spill, &self.rows[number], number, shape, (table, fates, &mut recording.rejects))?;
        }
        if self.bound || !self.settles_parents {
            recording.tables.iter_mut().for_each(|table| table.parents.clear());
        }
        if self.goes_on() {
            recording.tables[each].copies = (0..recording.tables[each].len()).collect();
        }
        for settled in &self.settled {
            let table = &recording.tables[settled.source];
            if let Ok(row) = table.numbers.binary_search(&settled.number) {
                recording.fates[settled.source][row] = settled.fate;
                if let Some((code, reason)) = &settled.reject {
                    let (source, row) = (settled.source, small(row));
                    recording.rejects.push(Reject { source, row, code: *code, reason: Arc::clone(reason) });
                }
            }
        }
        if let Some(known) = self.known {
            let mut bytes = Vec::new();
            let bytes = self.spill.read(known, &mut bytes)?;
            recall(Bytes(&bytes), recording);
        }
        Ok(())
    }

    /// Keeps what was found out about the recording it was fetched into.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn keep(&mut self, recording: &Recording) -> io::Result<()> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&small(recording.groups.links().len()).to_le_bytes());
        for link in recording.groups.links() {
            put_numbers(&mut bytes, &link.starts);
            put_numbers(&mut bytes, &link.rows);
        }
        for fates in &recording.fates {
            let fates: Vec<u8> = fates.iter().map(|fate| *fate as u8).collect();
            put_bytes(&mut bytes, &fates);
        }
        bytes.extend_from_slice(&small(recording.rejects.len()).to_le_bytes());
        for reject in &recording.rejects {
            bytes.extend_from_slice(&small(reject.source).to_le_bytes());
            bytes.extend_from_slice(&reject.row.to_le_bytes());
            put_reject(&mut bytes, reject.code, &reject.reason);
        }
        put_numbers(&mut bytes, &recording.accepted);
        self.known = Some(self.spill.write(&bytes)?);
        Ok(())
    }

    /// Notes what became of the rows of the recording it was fetched into, in numbers.
    pub fn count(&mut self, plan: &Plan, recording: &Recording) {
        self.tally = recording.tally(plan);
        for (tally, shape) in self.tally.iter_mut().zip(self.shapes.iter()) {
            let paths = if self.is_first { shape.parts.as_slice() } else { &[] };
            tally.paths = paths.iter().map(|part| part.path.clone()).collect();
        }
        self.documents = if self.goes_on() { 0 } else { recording.accepted.len() as u64 };
    }
}

/// Some rows of a source as they were put, by their numbers, which are in order.
///
/// # Errors
/// The disk is broken.
pub fn gathered(
    spill: &Spill,
    chunks: &[Chunk],
    shape: &Table,
    numbers: &[u32],
    into: &mut Vec<(u32, Vec<u8>)>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        let bytes = spill.read(*chunk, &mut bytes)?;
        let mut rest = Bytes(&bytes);
        while !rest.0.is_empty() {
            let all = rest.0;
            let number = skip(&mut rest, shape.header.len());
            if numbers.binary_search(&number).is_ok() {
                into.push((number, all[..all.len() - rest.0.len()].to_vec()));
            }
        }
    }
    Ok(())
}

/// Visits some rows as they were put.
pub fn visit(bytes: &[u8], shape: &Table, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut rest = Bytes(bytes);
    while !rest.0.is_empty() {
        let all = rest.0;
        skip(&mut rest, shape.header.len());
        visit(&all[..all.len() - rest.0.len()])?;
    }
    Ok(())
}

/// Gives a table other columns and no records.
fn shaped(table: &mut Table, shape: &Table) {
    table.clear();
    let room = std::mem::replace(table, shape.clone());
    table.parts.clear();
    table.text = room.text;
    table.starts = room.starts;
    table.begins = room.begins;
    table.marks = room.marks;
    table.numbers = room.numbers;
    table.parents = room.parents;
}

/// Passes a row; gives its number.
fn skip(rest: &mut Bytes<'_>, width: usize) -> u32 {
    let Some((Head { number, length, place, .. }, head, each)) = Head::of(rest.0) else {
        rest.take(usize::MAX);
        return 0;
    };
    let (_, _, flags) = unplaced(place);
    rest.take(head + (width + 1) * each + length as usize);
    if flags & REJECTED != 0 {
        rest.count();
        rest.bytes();
    }
    if flags & PATCHED != 0 {
        for _ in 0..rest.count() {
            rest.count();
            rest.bytes();
        }
    }
    number
}

/// Reads rows into a table, and what became of each.
fn rows(
    spill: &Spill,
    chunks: &[Chunk],
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) -> io::Result<()> {
    let (before, mut is_narrow, mut end) = (rejects.len(), true, 0);
    let held = if let [chunk] = chunks { spill.held(*chunk, REACH).map(|text| (text, chunk.len())) } else { None };
    if let Some((text, length)) = held {
        (table.text, end) = (text, length);
        is_narrow = as_they_stand(0..end, source, shape, (&mut *table, &mut *fates, &mut *rejects));
    } else {
        for chunk in chunks {
            spill.append_to(*chunk, Arc::make_mut(&mut table.text))?;
            // What was read just now is near.
            let new = end..table.text.len();
            end = new.end;
            is_narrow = is_narrow && as_they_stand(new, source, shape, (&mut *table, &mut *fates, &mut *rejects));
        }
        // Who looks at the last cell looks beyond it.
        Arc::make_mut(&mut table.text).resize(end + REACH, 0);
    }
    if is_narrow {
        table.is_narrow = true;
    } else {
        let bytes = take(&mut table.text);
        shaped(table, shape);
        fates.clear();
        rejects.truncate(before);
        unpack(&bytes[..end], source, shape, (table, fates, rejects));
    }
    Ok(())
}

/// Finds the rows in a part of the text of a table, where they were put and stay; `false`: some of them are not narrow.
fn as_they_stand(
    Range { start: mut at, end }: Range<usize>,
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) -> bool {
    let (text, width) = (Arc::clone(&table.text), table.header.len() + 1);
    let bytes = &text[..end];
    let (mut known, mut near) = (0, at);
    while let Some(head) = bytes.get(at..).and_then(|head| head.first_chunk::<{ HEADS.0 }>()) {
        if at >= near {
            touch(&bytes[at..end.min(at + NEAR)]);
            near = at + NEAR;
        }
        let [number, parent, marks] = words(head);
        if marks & IS_NARROW == 0 {
            break;
        }
        let (row, start) = (table.len(), at + HEADS.0 + width);
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        at = start + (marks & 0xFF) as usize;
        // Nearly all rows have the place of the one before.
        if marks >> 8 == known {
            continue;
        }
        let Some((Head { place, .. }, ..)) = Head::of(head) else { break };
        let (shift, part, flags) = unplaced(place);
        known = if flags == 0 { marks >> 8 } else { 0 };
        if table.marks.last().is_none_or(|(_, last)| *last != shift) {
            table.marks.push((row, shift));
        }
        enter(table, &shape.parts, part, start);
        if flags != 0 {
            let mut rest = Bytes(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            trouble(&mut rest, (source, row, start), flags, table, rejects);
            at += before - rest.0.len();
            fates.resize(row as usize, Fate::Good);
            fates.push(if flags & REJECTED == 0 { Fate::Good } else { Fate::Rejected });
        }
    }
    fates.resize(table.starts.len(), Fate::Good);
    if let Some(part) = table.parts.last_mut() {
        part.text.end = at;
    }
    at == end
}

/// Brings some bytes near. Where a row stands is known when the one before was looked at, so that each would be waited for;
/// here nothing waits for what was asked before it.
#[inline(never)]
fn touch(bytes: &[u8]) {
    black_box(bytes.iter().step_by(LINE).fold(0, |all, byte| all | byte));
}

/// Where the text of a row of a narrow table ends.
#[must_use]
pub fn end_of(table: &Table, start: usize) -> usize {
    let head = start - (table.header.len() + 1) - HEADS.0;
    Head::of(&table.text[head..]).map_or(start, |(head, ..)| start + head.length as usize)
}

/// Adds rows to a table of this shape.
pub fn unpack(
    bytes: &[u8],
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) {
    let width = table.header.len() + 1;
    let mut whole = Arc::unwrap_or_clone(take(&mut table.text));
    whole.reserve(bytes.len() + 2 * WINDOW);
    let (mut at, mut current, mut shifted) = (0, usize::MAX, None);
    // Nearly all rows have the place of the one before.
    let mut known = u64::MAX;
    while let Some((head, taken, each)) = bytes.get(at..).and_then(Head::of) {
        let (row, start) = (table.len(), whole.len());
        let Head { number, length, parent, place } = head;
        let (length, (shift, part, flags)) = (length as usize, unplaced(place));
        let begins = bytes.get(at + taken..).unwrap_or_default();
        let text = begins.get(each * width..).unwrap_or_default();
        let end = table.begins.len() + width;
        let is_known = each == 2 || begins.get(width - 1) != Some(&UNKNOWN_NARROW);
        match begins.first_chunk::<MANY>() {
            _ if !is_known => table.begins.resize(end, UNKNOWN),
            Some(narrow) if each == 1 => {
                let mut begins = [[0; 2]; MANY];
                begins.iter_mut().zip(narrow).for_each(|(begin, low)| *begin = u16::from(*low).to_le_bytes());
                table.begins.extend_from_slice(&begins);
            }
            None if each == 1 => table.begins.extend(begins.iter().take(width).map(|begin| [*begin, 0])),
            _ => table.begins.extend(begins.as_chunks().0.iter().take(width)),
        }
        table.begins.truncate(end);
        append(&mut whole, text, length.min(text.len()));
        at += taken + each * width + length;
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        fates.push(if flags & REJECTED == 0 { Fate::Good } else { Fate::Rejected });
        if place == known {
            continue;
        }
        known = if flags == 0 { place } else { u64::MAX };
        if shifted != Some(shift) {
            table.marks.push((row, shift));
            shifted = Some(shift);
        }
        if part != current {
            enter(table, &shape.parts, part, start);
            current = part;
        }
        if flags != 0 {
            let mut rest = Bytes(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            trouble(&mut rest, (source, row, start), flags, table, rejects);
            at += before - rest.0.len();
        }
    }
    if let Some(part) = table.parts.last_mut() {
        part.text.end = whole.len();
    }
    table.text = whole.into();
}

/// Reads what stands behind a row with which something is wrong.
#[cold]
#[inline(never)]
fn trouble(
    rest: &mut Bytes<'_>,
    (source, row, start): (usize, u32, usize),
    flags: u8,
    table: &mut Table,
    rejects: &mut Vec<Reject>,
) {
    if flags & REJECTED != 0 {
        let (code, reason) = rest.reject();
        rejects.push(Reject { source, row, code, reason });
    }
    if flags & COPY != 0 {
        table.copies.push(row);
    }
    if flags & PATCHED != 0 {
        for _ in 0..rest.count() {
            let at = start + rest.count();
            table.patches.push(Patch { at, original: rest.bytes().to_vec() });
        }
    }
}

/// The rows from here on stand in this file.
fn enter(table: &mut Table, files: &[Part], file: usize, start: usize) {
    // The first of them was noted already.
    let first = table.len() - 1;
    if let Some(last) = table.parts.last_mut() {
        if last.path == files[file].path {
            return;
        }
        last.text.end = start;
    }
    table.parts.push(Part { path: files[file].path.clone(), first, text: start..start });
}

/// Brings back what was kept of a recording.
fn recall(mut bytes: Bytes<'_>, recording: &mut Recording) {
    let link = |bytes: &mut Bytes<'_>| Link { starts: bytes.numbers(), rows: bytes.numbers() };
    let links = (0..bytes.count()).map(|_| link(&mut bytes)).collect();
    recording.groups = Groups::new(links);
    for fates in &mut recording.fates {
        fates.clear();
        let fate = |fate: &u8| FATES.into_iter().find(|known| *known as u8 == *fate).unwrap_or(Fate::Rejected);
        fates.extend(bytes.bytes().iter().map(fate));
    }
    recording.rejects.clear();
    for _ in 0..bytes.count() {
        let (source, row) = (bytes.count(), bytes.number());
        let (code, reason) = bytes.reject();
        recording.rejects.push(Reject { source, row, code, reason });
    }
    recording.accepted = bytes.numbers();
}
