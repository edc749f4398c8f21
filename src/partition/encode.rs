//! Rows -> bytes of a partition.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

use std::ops::Range;

use crate::{
    partition::wire::{as_u32, put_bytes, put_reject},
    recording::ledger::Reject,
    table::{
        Patch, Table,
        row::MAX_U8_OFFSETS,
        row_header::{COPY, PATCHED, REJECTED, RowHeader, pack_place},
        split::CellStart,
    },
    text::lanes::low_bytes,
};

/// How many bytes are copied at once: most rows are shorter.
pub(super) const WINDOW: usize = 64;

/// A row to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct RowEntry<'a> {
    /// The table it stands in.
    pub table: &'a Table,
    /// Its number in the table.
    pub row: u32,
    /// Where its text ends in the table.
    pub end: usize,
    /// Its number in its source.
    pub number: u32,
    /// The row of its parent in the partition, if that is certain.
    pub parent: u32,
    /// Its [line shift](row_header::line_shift).
    pub line_shift: u64,
    /// The number of the file it stands in.
    pub part: usize,
    /// Why it is rejected, if it is.
    pub reject: Option<&'a Reject>,
    /// It counts in another partition.
    pub is_copy: bool,
}

/// Appends a row to the rows of a partition.
pub fn put_row(rows: &mut Vec<u8>, entry: RowEntry<'_>) {
    let RowEntry { table, row, end, number, parent, line_shift, part, reject, is_copy } = entry;
    let (start, width) = (table.starts[row as usize], table.header.len() + 1);
    let (text, cell_starts) = (&table.text[start..], &table.cell_starts[row as usize * width..]);
    let ended = matches!(text[end - start - 1], b'\n' | b'\r');
    let patches = if table.patches.is_empty() { &[][..] } else { patches_of(table, start, end) };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(reject.is_some(), REJECTED) | flag(is_copy, COPY) | flag(!patches.is_empty(), PATCHED);
    let header = RowHeader {
        number,
        length: as_u32(end - start + usize::from(!ended)),
        parent,
        place: pack_place(line_shift, part, flags),
    };
    put_plain_row(rows, header, RowBytes { cell_starts, text, length: end - start }, width);
    if !ended {
        // The last record of a file has no line end of its own, and another record may follow.
        rows.push(b'\n');
    }
    if flags & (REJECTED | PATCHED) != 0 {
        put_details(rows, start, reject, patches);
    }
}

/// The patches of a record.
fn patches_of(table: &Table, start: usize, end: usize) -> &[Patch] {
    let at = |byte: usize| table.patches.partition_point(|patch| patch.at < byte);
    &table.patches[at(start)..at(end)]
}

/// Rows of a block that are good and end with a line end: what all of them share.
#[derive(Clone, Copy, Debug)]
pub struct GoodRows<'a> {
    text: &'a [u8],
    starts: &'a [usize],
    cell_starts: &'a [CellStart],
    width: usize,
    place: u64,
}

impl<'a> GoodRows<'a> {
    /// The good rows of a table that stand in one file and have one line shift. `None`: some bytes could not be decoded.
    #[must_use]
    pub fn new(table: &'a Table, line_shift: u64, part: usize) -> Option<GoodRows<'a>> {
        let Table { text, starts, cell_starts, .. } = table;
        let (width, place) = (table.header.len() + 1, pack_place(line_shift, part, 0));
        table.patches.is_empty().then_some(GoodRows { text, starts, cell_starts, width, place })
    }

    /// Some of the rows, each with the bytes that stand behind it; none of them is the last.
    #[inline(always)]
    pub fn rows(self, rows: Range<usize>) -> impl Iterator<Item = RowBytes<'a>> {
        let GoodRows { text, starts, cell_starts, width, .. } = self;
        let ends = starts.iter().skip(rows.start + 1);
        let starts = starts.iter().skip(rows.start).zip(ends);
        let bytes = move |(row, (start, end)): (usize, (&usize, &usize))| {
            let (cell_starts, text) = (&cell_starts[row * width..], &text[*start..]);
            RowBytes { cell_starts, text, length: end - start }
        };
        rows.zip(starts).map(bytes)
    }

    /// Appends one of the rows to the rows of a partition.
    #[inline(always)]
    pub fn put(self, rows: &mut Vec<u8>, row: RowBytes<'_>, number: u32, parent: u32) {
        let header = RowHeader { number, length: as_u32(row.length), parent, place: self.place };
        put_plain_row(rows, header, row, self.width);
    }
}

/// The bytes of a row in its table, and what stands behind them.
#[derive(Clone, Copy, Debug)]
pub struct RowBytes<'a> {
    cell_starts: &'a [CellStart],
    text: &'a [u8],
    /// How many bytes of the text are the row.
    length: usize,
}

/// Appends the header, the starts of the cells and the text of a row.
#[inline(always)]
fn put_plain_row(
    rows: &mut Vec<u8>,
    header: RowHeader,
    RowBytes { cell_starts, text, length }: RowBytes<'_>,
    width: usize,
) {
    match cell_starts.first_chunk::<MAX_U8_OFFSETS>() {
        Some(window) if header.is_short() && width <= MAX_U8_OFFSETS => {
            rows.extend_from_slice(&header.short_bytes());
            let end = rows.len() + width;
            rows.extend_from_slice(&u8_offsets(window));
            rows.truncate(end);
        }
        _ => put_header(rows, header, &cell_starts[..width]),
    }
    append(rows, text, length);
}

/// The low bytes of u16 offsets.
#[inline(always)]
fn u8_offsets(cell_starts: &[CellStart; MAX_U8_OFFSETS]) -> [u8; MAX_U8_OFFSETS] {
    let mut low = [0; MAX_U8_OFFSETS];
    for (low, cell_starts) in low.as_chunks_mut().0.iter_mut().zip(cell_starts.as_chunks().0) {
        *low = low_bytes(cell_starts);
    }
    low
}

/// Appends the header and the starts of the cells of a row that is long, or one of the last in its table.
#[cold]
#[inline(never)]
fn put_header(rows: &mut Vec<u8>, header: RowHeader, cell_starts: &[CellStart]) {
    if header.is_short() && cell_starts.len() <= MAX_U8_OFFSETS {
        rows.extend_from_slice(&header.short_bytes());
        rows.extend(cell_starts.iter().map(|start| start[0]));
    } else {
        rows.extend_from_slice(&header.long_bytes());
        rows.extend_from_slice(cell_starts.as_flattened());
    }
}

/// Appends the first bytes of a text. A short one is copied in one step with the bytes behind it, which are cut off again.
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

/// Appends why a row is rejected, and its original bytes where they could not be decoded.
#[cold]
#[inline(never)]
fn put_details(rows: &mut Vec<u8>, start: usize, reject: Option<&Reject>, patches: &[Patch]) {
    let mut bytes = Vec::new();
    if let Some(Reject { code, reason, .. }) = reject {
        put_reject(&mut bytes, *code, reason);
    }
    if !patches.is_empty() {
        bytes.extend_from_slice(&as_u32(patches.len()).to_le_bytes());
        for patch in patches {
            bytes.extend_from_slice(&as_u32(patch.at - start).to_le_bytes());
            bytes.extend_from_slice(&as_u32(patch.length).to_le_bytes());
            put_bytes(&mut bytes, &patch.original);
        }
    }
    rows.extend_from_slice(&bytes);
}
