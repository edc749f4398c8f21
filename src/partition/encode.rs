//! Rows on their way into a piece.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

use std::ops::Range;

use crate::{
    partition::wire::{put_bytes, put_reject, small},
    recording::ledger::Reject,
    table::{
        Patch, Table,
        row::MANY,
        row_header::{COPY, Head, PATCHED, REJECTED, place},
        split::Begin,
    },
    text::lanes::low_bytes,
};

/// How many bytes are copied at once: rows and borders are mostly shorter.
pub(super) const WINDOW: usize = 64;

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

/// The damaged places of a record.
fn patches(table: &Table, start: usize, end: usize) -> &[Patch] {
    let at = |byte: usize| table.patches.partition_point(|patch| patch.at < byte);
    &table.patches[at(start)..at(end)]
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
pub(super) fn append(rows: &mut Vec<u8>, from: &[u8], length: usize) {
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
