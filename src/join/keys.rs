//! The keys of records: read from one cell or several, and hashed.

#![expect(clippy::inline_always, reason = "a call for each key costs more than finding it")]

use crate::{
    join::hash_index,
    plan::{conversion::Conversion, key::KeyColumns},
    table::{
        Table,
        dialect::Span,
        row::{Row, UNKNOWN_U8},
        split::{UNKNOWN, distance},
    },
    text::lanes::{ByteLanes, LANES},
};

/// Reads the key of a record; `None` if one of its cells is missing or empty.
#[inline(always)]
pub(super) fn read_key<'a>(row: Row<'a>, key: &KeyColumns, buffer: &'a mut Vec<u8>) -> Option<ByteLanes<'a>> {
    let dialect = &row.table.dialect;
    if let ([column], []) = (key.columns.as_slice(), key.by_value.as_slice())
        && let Some(span) = row.span(*column).filter(|span| !span.doubled)
    {
        let key = ByteLanes::within(&row.table.text, span.start, span.end);
        return (!dialect.is_null(key.bytes())).then_some(key);
    }
    compose_key(row.table, key, &|column| row.span(column), buffer)
}

/// Composes a key from several cells, or from one that has to be unquoted or is compared by value. `None` if a cell is missing
/// or empty. `find_span` finds a cell by the number of its column in the plan.
pub(super) fn compose_key<'a>(
    table: &Table,
    key: &KeyColumns,
    find_span: &dyn Fn(usize) -> Option<Span>,
    buffer: &'a mut Vec<u8>,
) -> Option<ByteLanes<'a>> {
    buffer.clear();
    let mut undoubled = Vec::new();
    for (number, column) in key.columns.iter().copied().enumerate() {
        let cell = table.read_value(column, find_span(column)?, find_span, &mut undoubled);
        if table.is_null(column, cell) {
            return None;
        }
        // No cell of a trusted record holds a NUL byte, so different cells never give the same key.
        if number > 0 {
            buffer.push(0);
        }
        match key.compared_by(number) {
            Some(conversion) => conversion.write_value(cell, buffer),
            None => buffer.extend_from_slice(cell),
        }
    }
    Some(ByteLanes::from(buffer.as_slice()))
}

/// Stands for a hash: the record has no key.
pub(super) const KEYLESS: u64 = u64::MAX;

/// Whether a hash is that of a key.
#[must_use]
pub fn is_key(key_hash: u64) -> bool {
    key_hash != KEYLESS
}

/// Hashes the keys of all records of a table; a record without a key gets a hash that [`is_key`] tells apart.
pub fn hash_keys(table: &Table, key: &KeyColumns, key_hashes: &mut Vec<u64>) {
    key_hashes.clear();
    key_hashes.reserve(table.starts.len());
    let (width, text) = (table.header.len() + 1, table.text.as_slice());
    // Most keys are one cell, without quotes.
    let column = match (key.columns.as_slice(), key.by_value.as_slice()) {
        ([column], []) if table.dialect.plain_nulls => table.bind[*column],
        _ => {
            let mut buffer = Vec::new();
            let hash = |row| read_key(row, key, &mut buffer).map_or(KEYLESS, hash_key);
            key_hashes.extend(table.rows(0).map(hash));
            return;
        }
    };
    let hash = |row: u32, start: usize, cell: Option<(usize, usize)>| {
        cell.and_then(|(from, to)| hash_cell(table, start + from, to.wrapping_sub(from + 1)))
            .unwrap_or_else(|| hash_row_key(table, key, row))
    };
    if table.has_u8_offsets {
        for (row, start) in (0..).zip(&table.starts) {
            let offsets = &text[start - width..*start];
            let cell = (offsets[width - 1] != UNKNOWN_U8)
                .then(|| (usize::from(offsets[column]), usize::from(offsets[column + 1])));
            key_hashes.push(hash(row, *start, cell));
        }
    } else {
        for (row, (offsets, start)) in (0..).zip(table.cell_starts.chunks_exact(width).zip(&table.starts)) {
            let cell =
                (offsets[column + 1] != UNKNOWN).then(|| (distance(offsets[column]), distance(offsets[column + 1])));
            key_hashes.push(hash(row, *start, cell));
        }
    }
}

/// Hashes the keys of all records of a table only to tell whether they differ: each cell of a key by itself, so that none is
/// composed.
pub(super) fn hash_to_compare(table: &Table, key: &KeyColumns, key_hashes: &mut Vec<u64>) {
    if key.columns.len() == 1 {
        return hash_keys(table, key, key_hashes);
    }
    let mut hash = |row: Row<'_>| {
        let mut key_hash = 0;
        for (place, column) in key.columns.iter().enumerate() {
            let cell = row.outer(*column).filter(|_| table.dialect.plain_nulls && key.compared_by(place).is_none());
            let cell_hash = match cell.and_then(|cell| hash_cell(table, cell.start, cell.end - cell.start)) {
                Some(cell_hash) => cell_hash,
                None => hash_any_cell(row, *column, key.compared_by(place)),
            };
            if cell_hash == KEYLESS {
                return KEYLESS;
            }
            key_hash = hash_index::mix_hashes(key_hash, cell_hash).min(KEYLESS - 1);
        }
        key_hash
    };
    key_hashes.clear();
    key_hashes.extend(table.rows(0).map(&mut hash));
}

/// Hashes one cell of a key, however it is written.
#[cold]
#[inline(never)]
fn hash_any_cell(row: Row<'_>, column: usize, compared_by: Option<&Conversion>) -> u64 {
    let (mut buffer, mut value) = (Vec::new(), Vec::new());
    let cell = row.cell(column, &mut buffer);
    if row.is_null(column, cell) {
        return KEYLESS;
    }
    match compared_by {
        Some(conversion) => {
            conversion.write_value(cell, &mut value);
            hash_key(value.as_slice().into())
        }
        None => hash_key(cell.into()),
    }
}

/// Hashes a cell that is short and has no quotes; `None` for any other.
#[inline(always)]
fn hash_cell(table: &Table, start: usize, length: usize) -> Option<u64> {
    // UTF-8 text never contains this byte.
    let quote = table.dialect.quote.unwrap_or(0xFF);
    let lanes = table.text.get(start..).and_then(|text| text.first_chunk())?;
    let is_short = length.wrapping_sub(1) < LANES && lanes[0] != quote;
    is_short.then(|| hash_index::hash_short_key(lanes, length).min(KEYLESS - 1))
}

/// Hashes the key of any record, however it is written.
#[cold]
#[inline(never)]
fn hash_row_key(table: &Table, key: &KeyColumns, row: u32) -> u64 {
    read_key(table.row(row), key, &mut Vec::new()).map_or(KEYLESS, hash_key)
}

/// The cells of the second record of a row in which two are merged; `None`: it cannot be two whole ones. A row with a cell
/// too many is not, and its last cells belong to nobody else.
pub(super) fn second_half(cells: &[Span], width: usize) -> Option<&[Span]> {
    // The cells at the seam may have become one.
    let is_two = cells.len() > width && (cells.len() == 2 * width || cells.len() + 1 == 2 * width);
    is_two.then(|| &cells[cells.len() - width..])
}

/// Hashes the key of the second record of a row in which two are merged; `None`: it is not two, or has no key.
#[must_use]
pub fn hash_second_key(table: &Table, key: &KeyColumns, row: u32) -> Option<u64> {
    let (mut cells, mut buffer) = (Vec::new(), Vec::new());
    table.split(row, &mut cells);
    let second = second_half(&cells, table.header.len())?;
    compose_key(table, key, &|column| second.get(table.bind[column]).copied(), &mut buffer).map(hash_key)
}

/// Hashes a key.
#[inline]
pub(super) fn hash_key(key: ByteLanes<'_>) -> u64 {
    hash_index::hash_key(key).min(KEYLESS - 1)
}

#[cfg(test)]
mod tests {
    use crate::{join::keys::second_half, table::dialect::Span};

    #[test]
    fn only_two_whole_rows_have_a_second_half() {
        let cell = |start: usize| Span { start, end: start, quoted: false, doubled: false };
        for (cells, width, first) in [
            (8, 7, None),
            (12, 7, None),
            (13, 7, Some(6)),
            (14, 7, Some(7)),
            (15, 7, None),
            (7, 7, None),
            (3, 2, Some(1)),
            (4, 2, Some(2)),
            (5, 2, None),
            (1, 1, None),
            (2, 1, Some(1)),
            (3, 1, None),
            (0, 1, None),
        ] {
            let row: Vec<Span> = (0..cells).map(cell).collect();
            assert_eq!(second_half(&row, width).map(|half| half[0].start), first, "{cells} cells of {width}");
        }
    }
}
