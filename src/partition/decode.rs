//! Bytes of a partition -> rows of a table.
//!
//! Rows with u8 offsets stay where they were encoded; a table that has other rows is copied.

use std::{hint::black_box, io, mem::take, ops::Range, sync::Arc};

use crate::{
    partition::{
        encode::{WINDOW, append},
        spill::{Chunk, Spill},
        wire::{Reader, as_u32},
    },
    recording::ledger::{Reject, RowStatus},
    table::{
        Part, Patch, Table,
        row::{MAX_U8_OFFSETS, REACH, UNKNOWN_U8},
        row_header::{
            COPY, DecodedHeader, HAS_U8_OFFSETS, PATCHED, REJECTED, RowHeader, SHORT, decode_three, unpack_place,
        },
        split::UNKNOWN,
    },
};

/// The bytes of a cache line.
const CACHE_LINE: usize = 64;
/// How many bytes of rows are prefetched at once.
const PREFETCHED: usize = 8 << 10;

/// What the rows of one source are decoded into.
pub struct DecodedRows<'a> {
    /// The number of the source.
    pub source: usize,
    /// The records.
    pub table: &'a mut Table,
    /// What became of each.
    pub statuses: &'a mut Vec<RowStatus>,
    /// Why some will not be sent.
    pub rejects: &'a mut Vec<Reject>,
}

/// Reads the rows of one source.
pub(super) fn read_rows(spill: &Spill, chunks: &[Chunk], shape: &Table, rows: &mut DecodedRows<'_>) -> io::Result<()> {
    if shape.header.len() >= MAX_U8_OFFSETS {
        let mut buffer = Vec::new();
        for chunk in chunks {
            append_rows(&spill.read(*chunk, &mut buffer)?, shape, rows);
        }
        return Ok(());
    }
    let (before, mut stay, mut end) = (rows.rejects.len(), true, 0);
    let held =
        if let [chunk] = chunks { spill.held_with_spare(*chunk, REACH).map(|text| (text, chunk.len())) } else { None };
    if let Some((text, length)) = held {
        (rows.table.text, end) = (text, length);
        stay = index_rows(0..end, shape, rows);
    } else {
        for chunk in chunks {
            spill.append_to(*chunk, Arc::make_mut(&mut rows.table.text))?;
            // What was read just now is still in the cache.
            let new = end..rows.table.text.len();
            end = new.end;
            stay = stay && index_rows(new, shape, rows);
        }
        // A look at the last cell reaches beyond it.
        Arc::make_mut(&mut rows.table.text).resize(end + REACH, 0);
    }
    if stay {
        rows.table.has_u8_offsets = true;
    } else {
        let bytes = take(&mut rows.table.text);
        reset(rows.table, shape);
        rows.statuses.clear();
        rows.rejects.truncate(before);
        append_rows(&bytes[..end], shape, rows);
    }
    Ok(())
}

/// Takes the rows of another source that has the same.
pub(super) fn copy_rows(from: &Table, table: &mut Table) {
    table.parts.clone_from(&from.parts);
    table.text = Arc::clone(&from.text);
    table.starts.clone_from(&from.starts);
    table.cell_starts.clone_from(&from.cell_starts);
    table.has_u8_offsets = from.has_u8_offsets;
    table.patches.clone_from(&from.patches);
    table.line_checkpoints.clone_from(&from.line_checkpoints);
    table.numbers.clone_from(&from.numbers);
    table.parents.clone_from(&from.parents);
    table.copies.clone_from(&from.copies);
}

/// Gives a table other columns and no records; its buffers stay.
pub(super) fn reset(table: &mut Table, shape: &Table) {
    table.clear();
    let spare = std::mem::replace(table, shape.clone());
    table.parts.clear();
    table.text = spare.text;
    table.starts = spare.starts;
    table.cell_starts = spare.cell_starts;
    table.line_checkpoints = spare.line_checkpoints;
    table.numbers = spare.numbers;
    table.parents = spare.parents;
}

/// Finds the rows in a range of the text of a table, and leaves them there; `false`: some of them have no u8 offsets.
fn index_rows(Range { start: mut at, end }: Range<usize>, shape: &Table, rows: &mut DecodedRows<'_>) -> bool {
    // Borrowed once, not through `rows` for each row.
    let (source, table, statuses) = (rows.source, &mut *rows.table, &mut *rows.statuses);
    let rejects = &mut *rows.rejects;
    let (text, width) = (Arc::clone(&table.text), table.header.len() + 1);
    let bytes = &text[..end];
    let (mut known, mut prefetched) = (0, at);
    while let Some(header) = bytes.get(at..).and_then(|header| header.first_chunk::<SHORT>()) {
        if at >= prefetched {
            prefetch(&bytes[at..end.min(at + PREFETCHED)]);
            prefetched = at + PREFETCHED;
        }
        let [number, parent, packed] = decode_three(header);
        if packed & HAS_U8_OFFSETS == 0 {
            break;
        }
        let (row, start) = (table.len(), at + SHORT + width);
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        at = start + (packed & 0xFF) as usize;
        // Nearly all rows have the place of the one before.
        if packed >> 8 == known {
            continue;
        }
        let Some(decoded) = RowHeader::decode(header) else { break };
        let (shift, part, flags) = unpack_place(decoded.header.place);
        known = if flags == 0 { packed >> 8 } else { 0 };
        if table.line_checkpoints.last().is_none_or(|(_, last)| *last != shift) {
            table.line_checkpoints.push((row, shift));
        }
        note_part(table, &shape.parts, part, start);
        if flags != 0 {
            let mut rest = Reader(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            read_details(&mut rest, flags, RowPlace { source, row, start }, table, rejects);
            at += before - rest.0.len();
            statuses.resize(row as usize, RowStatus::Good);
            statuses.push(if flags & REJECTED == 0 { RowStatus::Good } else { RowStatus::Rejected });
        }
    }
    statuses.resize(table.starts.len(), RowStatus::Good);
    if let Some(part) = table.parts.last_mut() {
        part.text.end = at;
    }
    at == end
}

/// Prefetches: touches each cache line first, so that misses overlap. Where a row stands is known only when the one before
/// was read.
#[inline(never)]
fn prefetch(bytes: &[u8]) {
    black_box(bytes.iter().step_by(CACHE_LINE).fold(0, |all, byte| all | byte));
}

/// Copies rows behind those of a table of this shape.
pub fn append_rows(bytes: &[u8], shape: &Table, rows: &mut DecodedRows<'_>) {
    let (source, table, statuses) = (rows.source, &mut *rows.table, &mut *rows.statuses);
    let rejects = &mut *rows.rejects;
    let width = table.header.len() + 1;
    let mut whole = Arc::unwrap_or_clone(take(&mut table.text));
    whole.reserve(bytes.len() + 2 * WINDOW);
    let (mut at, mut current, mut shifted) = (0, usize::MAX, None);
    // Nearly all rows have the place of the one before.
    let mut known = u64::MAX;
    while let Some(DecodedHeader { header, size, offset_size }) = bytes.get(at..).and_then(RowHeader::decode) {
        let (row, start) = (table.len(), whole.len());
        let RowHeader { number, length, parent, place } = header;
        let (length, (shift, part, flags)) = (length as usize, unpack_place(place));
        let cell_starts = bytes.get(at + size..).unwrap_or_default();
        let text = cell_starts.get(offset_size * width..).unwrap_or_default();
        let end = table.cell_starts.len() + width;
        let is_known = offset_size == 2 || cell_starts.get(width - 1) != Some(&UNKNOWN_U8);
        match cell_starts.first_chunk::<MAX_U8_OFFSETS>() {
            _ if !is_known => table.cell_starts.resize(end, UNKNOWN),
            Some(offsets) if offset_size == 1 => {
                let mut cell_starts = [[0; 2]; MAX_U8_OFFSETS];
                cell_starts.iter_mut().zip(offsets).for_each(|(start, low)| *start = u16::from(*low).to_le_bytes());
                table.cell_starts.extend_from_slice(&cell_starts);
            }
            None if offset_size == 1 => {
                table.cell_starts.extend(cell_starts.iter().take(width).map(|start| [*start, 0]));
            }
            _ => table.cell_starts.extend(cell_starts.as_chunks().0.iter().take(width)),
        }
        table.cell_starts.truncate(end);
        append(&mut whole, text, length.min(text.len()));
        at += size + offset_size * width + length;
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        statuses.push(if flags & REJECTED == 0 { RowStatus::Good } else { RowStatus::Rejected });
        if place == known {
            continue;
        }
        known = if flags == 0 { place } else { u64::MAX };
        if shifted != Some(shift) {
            table.line_checkpoints.push((row, shift));
            shifted = Some(shift);
        }
        if part != current {
            note_part(table, &shape.parts, part, start);
            current = part;
        }
        if flags != 0 {
            let mut rest = Reader(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            read_details(&mut rest, flags, RowPlace { source, row, start }, table, rejects);
            at += before - rest.0.len();
        }
    }
    if let Some(part) = table.parts.last_mut() {
        part.text.end = whole.len();
    }
    table.text = whole.into();
}

/// Which row is decoded, and where its text starts in the table.
#[derive(Clone, Copy)]
struct RowPlace {
    source: usize,
    row: u32,
    start: usize,
}

/// Reads what stands behind a row that is rejected, a copy, or has bytes that could not be decoded.
#[cold]
#[inline(never)]
fn read_details(
    rest: &mut Reader<'_>,
    flags: u8,
    RowPlace { source, row, start }: RowPlace,
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
            let (at, length) = (start + rest.count(), rest.count());
            table.patches.push(Patch { at, length, original: rest.bytes().to_vec() });
        }
    }
}

/// Notes that the rows from the last one on stand in this file.
fn note_part(table: &mut Table, files: &[Part], file: usize, start: usize) {
    // The first of them was noted already.
    let first = table.len() - 1;
    if let Some(last) = table.parts.last_mut() {
        if last.path == files[file].path {
            return;
        }
        last.text.end = start;
    }
    let Part { path, facts, .. } = &files[file];
    table.parts.push(Part { path: path.clone(), first, text: start..start, facts: Arc::clone(facts) });
}

/// Some rows of a source as they were encoded, one behind the other: there may be as many as there are records.
#[derive(Debug, Default)]
pub struct EncodedRows {
    bytes: Vec<u8>,
    /// For each row, its number, where it starts and how many bytes it has.
    places: Vec<(u32, usize, u32)>,
}

impl EncodedRows {
    fn push(&mut self, number: u32, row: &[u8]) {
        self.places.push((number, self.bytes.len(), as_u32(row.len())));
        self.bytes.extend_from_slice(row);
    }

    /// Their bytes, in the order of their numbers.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        if self.places.is_sorted() {
            return self.bytes;
        }
        self.places.sort_unstable();
        let rows = self.places.iter().flat_map(|(_, start, length)| &self.bytes[*start..*start + *length as usize]);
        rows.copied().collect()
    }
}

/// Collects some rows of a source as they were encoded. Their numbers are in order.
///
/// # Errors
/// The disk is broken.
pub fn collect_rows(
    spill: &Spill,
    chunks: &[Chunk],
    shape: &Table,
    numbers: &[u32],
    into: &mut EncodedRows,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        let bytes = spill.read(*chunk, &mut bytes)?;
        let mut rest = Reader(&bytes);
        while !rest.0.is_empty() {
            let all = rest.0;
            let number = skip_row(&mut rest, shape.header.len());
            if numbers.binary_search(&number).is_ok() {
                into.push(number, &all[..all.len() - rest.0.len()]);
            }
        }
    }
    Ok(())
}

/// Visits rows as they were encoded.
///
/// # Errors
/// Those of the visitor.
pub fn visit_rows(bytes: &[u8], shape: &Table, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut rest = Reader(bytes);
    while !rest.0.is_empty() {
        let all = rest.0;
        skip_row(&mut rest, shape.header.len());
        visit(&all[..all.len() - rest.0.len()])?;
    }
    Ok(())
}

/// Passes a row; gives its number.
fn skip_row(rest: &mut Reader<'_>, width: usize) -> u32 {
    let Some(DecodedHeader { header, size, offset_size }) = RowHeader::decode(rest.0) else {
        rest.take(usize::MAX);
        return 0;
    };
    let RowHeader { number, length, place, .. } = header;
    let (_, _, flags) = unpack_place(place);
    rest.take(size + (width + 1) * offset_size + length as usize);
    if flags & REJECTED != 0 {
        rest.count();
        rest.bytes();
    }
    if flags & PATCHED != 0 {
        for _ in 0..rest.count() {
            rest.take(size_of::<[u32; 2]>());
            rest.bytes();
        }
    }
    number
}
