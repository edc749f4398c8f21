//! One record of a table, and its cells.
//!
//! Where the cells of a record start was found when it was read. It is stored as u16 offsets, or in a partition of short
//! records as u8 offsets. Hot loops ask once for all cells of a record, as [`U16Offsets`] or [`U8Offsets`].

#![expect(clippy::inline_always, reason = "a call for each cell costs more than finding it")]

use std::{borrow::Cow, ops::Range, sync::Arc};

use crate::{
    table::{
        Table,
        cell_reading::{BEFORE_ZONE, CellReading},
        dialect::Span,
        merged_rows::MergedRows,
        split::{CellStart, UNKNOWN, distance},
    },
    text::lanes::{ByteLanes, LANES},
};

/// In the place of the last u8 offset: the record has to be split to find its cells.
pub const UNKNOWN_U8: u8 = 0xFF;

/// The most u8 offsets of a record: one more than it has columns.
pub const MAX_U8_OFFSETS: usize = 32;
/// How many offsets a byte can tell apart. A window of this size is read whatever the number of columns is, so that no
/// bounds are checked.
const ALL_U8: usize = 1 << 8;

/// How many bytes of a cell are read at once, with the quote in front of it.
pub const AHEAD: usize = 2 * LANES + 1;

/// How many bytes may be read from the u8 offsets of a record on.
pub const REACH: usize = ALL_U8 + 1 + AHEAD + MAX_U8_OFFSETS;
/// How many bytes may be read from the text of such a record on.
const FAR: usize = ALL_U8 + AHEAD;

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The table it stands in.
    pub table: &'a Table,
    /// Its number in the table.
    pub number: u32,
    /// Where it starts in the text of the table.
    pub(crate) start: usize,
}

/// The cells of a record that has as many cells as the header and whose quotes are right.
pub trait Cells<'a>: Copy {
    /// The bytes from the start of a cell on, by its column in the file, and how many of them are the cell, quotes included.
    /// `None`: the text ends too soon.
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)>;
}

/// The cells of a record with u16 offsets.
#[derive(Clone, Copy)]
pub struct U16Offsets<'a> {
    cell_starts: &'a [CellStart],
    text: &'a [u8],
}

/// The cells of a record with u8 offsets; reading them needs no bounds check.
#[derive(Clone, Copy)]
pub struct U8Offsets<'a> {
    cell_starts: &'a [u8; ALL_U8 + 1],
    text: &'a [u8; FAR],
}

impl<'a> Cells<'a> for U16Offsets<'a> {
    #[inline(always)]
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)> {
        let (start_at, end) = (distance(self.cell_starts[column]), distance(self.cell_starts[column + 1]));
        let ahead = self.text.get(start_at..)?.first_chunk()?;
        Some((ahead, end.wrapping_sub(start_at + 1)))
    }
}

impl<'a> Cells<'a> for U8Offsets<'a> {
    #[inline(always)]
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)> {
        let column = column % ALL_U8;
        let (start_at, end) = (usize::from(self.cell_starts[column]), usize::from(self.cell_starts[column + 1]));
        let ahead = self.text[start_at..].first_chunk()?;
        Some((ahead, end.wrapping_sub(start_at + 1)))
    }
}

impl Table {
    /// A record by its number.
    #[must_use]
    #[inline]
    pub fn row(&self, number: u32) -> Row<'_> {
        Row { table: self, number, start: self.starts[number as usize] }
    }

    /// The records from one on.
    #[inline]
    pub fn rows(&self, from: u32) -> impl Iterator<Item = Row<'_>> {
        let starts = self.starts.get(from as usize..).unwrap_or_default();
        (from..).zip(starts).map(|(number, start)| Row { table: self, number, start: *start })
    }
}

impl Table {
    /// Makes one record of rows, as they were found to be. Records some cells of which stand in other rows lose their offsets.
    pub fn merge_rows(&mut self, merged: MergedRows) {
        let width = self.header.len() + 1;
        let mut rows: Vec<usize> = merged.fills.iter().map(|fill| fill.row as usize).collect();
        rows.dedup();
        for row in rows {
            if self.has_u8_offsets {
                let start = self.starts[row];
                Arc::make_mut(&mut self.text)[start - 1] = UNKNOWN_U8;
            } else {
                self.cell_starts[row * width..(row + 1) * width].fill(UNKNOWN);
            }
        }
        self.merged = merged;
    }

    /// How the cells of a column are read, if not as they are, by the number the plan gave it.
    #[inline]
    fn reading(&self, column: usize) -> Option<&CellReading> {
        self.readings.get(column)?.as_deref()
    }

    /// What a cell says, by the number the plan gave its column; `find_span` finds the other cells of its record.
    #[inline]
    pub fn read_value<'b>(
        &'b self,
        column: usize,
        span: Span,
        find_span: &dyn Fn(usize) -> Option<Span>,
        buffer: &'b mut Vec<u8>,
    ) -> &'b [u8] {
        match self.reading(column) {
            None => self.dialect.cell(&self.text, span, buffer),
            Some(reading) => {
                if reading.zone.is_none()
                    && !span.doubled
                    && let Ok(cell) = str::from_utf8(&self.text[span.start..span.end])
                    && let Cow::Borrowed(said) = reading.read(cell)
                {
                    return said.as_bytes();
                }
                let mut undoubled = Vec::new();
                let cell = self.dialect.cell(&self.text, span, &mut undoubled);
                *buffer = reading.read(&String::from_utf8_lossy(cell)).into_owned().into_bytes();
                if let Some(zone) = reading.zone.filter(|_| !self.is_null(column, buffer)) {
                    let mut named = Vec::new();
                    let zone_span = find_span(zone);
                    let named = zone_span.map_or(&[][..], |span| self.read_value(zone, span, find_span, &mut named));
                    buffer.push(BEFORE_ZONE);
                    buffer.extend_from_slice(if self.is_null(zone, named) { b"" } else { named });
                }
                buffer
            }
        }
    }

    /// Whether what a cell says counts as empty, by the number the plan gave its column.
    #[inline]
    pub fn is_null(&self, column: usize, said: &[u8]) -> bool {
        self.dialect.is_null(said) || self.reading(column).is_some_and(|reading| reading.is_null(said))
    }
}

impl<'a> Row<'a> {
    /// Its cells by u16 offsets; `None`: its table has u8 offsets, or the record has to be split.
    #[inline(always)]
    pub fn u16_offsets(self) -> Option<U16Offsets<'a>> {
        let (at, width) = (self.number as usize, self.table.header.len() + 1);
        let cell_starts = self.table.cell_starts.get(at * width..(at + 1) * width)?;
        let known = cell_starts.last().is_some_and(|end| *end != UNKNOWN);
        known.then(|| U16Offsets { cell_starts, text: &self.table.text[self.start..] })
    }

    /// Its cells by u8 offsets, in a table that has them; `None`: the record has to be split.
    #[inline(always)]
    pub fn u8_offsets(self) -> Option<U8Offsets<'a>> {
        let width = self.table.header.len() + 1;
        let window = self.table.text.get(self.start.checked_sub(width)?..)?.first_chunk::<REACH>()?;
        // The remainder changes nothing; it proves to the compiler that the index is inside the window.
        let cells = U8Offsets {
            cell_starts: window.first_chunk()?,
            text: window[width % (MAX_U8_OFFSETS + 1)..].first_chunk()?,
        };
        (cells.cell_starts[(width - 1) % ALL_U8] != UNKNOWN_U8).then_some(cells)
    }

    /// Where a cell stands in the text of its table, quotes included, by the number the plan gave its column; `None`: the
    /// record has to be split.
    #[inline(always)]
    pub fn outer(self, column: usize) -> Option<Range<usize>> {
        let (column, width) = (self.table.bind[column], self.table.header.len() + 1);
        let (start_at, end) = if self.table.has_u8_offsets {
            let cell_starts = &self.table.text[self.start - width..self.start];
            if cell_starts[width - 1] == UNKNOWN_U8 {
                return None;
            }
            (usize::from(cell_starts[column]), usize::from(cell_starts[column + 1]))
        } else {
            let cell_starts = &self.table.cell_starts[self.number as usize * width..];
            if cell_starts[column + 1] == UNKNOWN {
                return None;
            }
            (distance(cell_starts[column]), distance(cell_starts[column + 1]))
        };
        Some(self.start + start_at..self.start + end - 1)
    }

    /// Whether it has as many cells as the header, and its quotes are right.
    #[inline]
    pub fn is_plain(self) -> bool {
        if self.table.has_u8_offsets { self.u8_offsets().is_some() } else { self.u16_offsets().is_some() }
    }

    /// A cell, by the number the plan gave its column; `None`: the record is not that wide.
    #[inline(always)]
    pub fn span(self, column: usize) -> Option<Span> {
        let Some(Range { start, end }) = self.outer(column) else { return self.split_span(self.table.bind[column]) };
        let Table { text, dialect, .. } = self.table;
        match dialect.quote {
            Some(quote) if text.get(start) == Some(&quote) => {
                let doubled = ByteLanes::within(text, start + 1, end - 1).contains(quote);
                Some(Span { start: start + 1, end: end - 1, quoted: true, doubled })
            }
            _ => Some(Span { start, end, quoted: false, doubled: false }),
        }
    }

    #[cold]
    #[inline(never)]
    fn split_span(self, column: usize) -> Option<Span> {
        let mut cells = Vec::new();
        self.table.split(self.table.merged.filling_row(self.number, column), &mut cells);
        cells.get(column).copied()
    }

    /// The first bytes of a cell as it stands in the file, quotes included, and how many bytes it has; those behind its end are
    /// undefined. `None`: the record has to be split.
    #[inline(always)]
    pub fn lanes(self, column: usize) -> Option<([u8; LANES], usize)> {
        let at = self.table.bind[column];
        let (ahead, outer) =
            if self.table.has_u8_offsets { self.u8_offsets()?.cell(at)? } else { self.u16_offsets()?.cell(at)? };
        Some((*ahead.first_chunk()?, outer))
    }

    /// What a cell says as a string; `None` if that counts as empty, or is nothing.
    #[must_use]
    pub fn said(self, column: usize) -> Option<Cow<'a, str>> {
        let (table, text) = (self.table, self.text(column));
        let is_plain = table.dialect.plain_nulls && table.reading(column).is_none();
        let is_empty = text.is_empty() || !is_plain && self.is_null(column, text.as_bytes());
        (!is_empty).then_some(text)
    }

    /// Whether a cell says something, and not what counts as empty.
    #[must_use]
    #[inline]
    pub fn is_filled(self, column: usize) -> bool {
        let Table { text, dialect, .. } = self.table;
        match self.outer(column) {
            Some(cell) if dialect.plain_nulls && self.table.reading(column).is_none() => {
                let is_quoted = text.get(cell.start).copied() == dialect.quote;
                cell.len() > 2 * usize::from(is_quoted)
            }
            _ => self.said(column).is_some(),
        }
    }

    /// What a cell says as a string; empty for a cell that is missing, but not for one that counts as empty.
    fn text(self, column: usize) -> Cow<'a, str> {
        match self.span(column) {
            Some(span) if !span.doubled && self.table.reading(column).is_none() => {
                let text = &self.table.text[span.start..span.end];
                str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
            }
            Some(_) => {
                let mut buffer = Vec::new();
                String::from_utf8_lossy(self.cell(column, &mut buffer)).into_owned().into()
            }
            None => "".into(),
        }
    }

    /// What a cell says, with doubled quotes undone; empty for a cell that is missing.
    #[inline]
    pub fn cell<'b>(self, column: usize, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        let Some(span) = self.span(column) else { return b"" };
        self.table.read_value(column, span, &|other| self.span(other), buffer)
    }

    /// Whether what a cell says counts as empty.
    #[inline]
    pub fn is_null(self, column: usize, said: &[u8]) -> bool {
        self.table.is_null(column, said)
    }
}
