//! One record, to look at its cells.
//!
//! Where the cells of a record begin was found when it was read: two bytes a cell, or one where it is narrow, in a piece.
//! Who has to look at millions of cells asks for all of a record at once, as [`Wide`] or [`Narrow`].

#![expect(clippy::inline_always, reason = "a call for each cell costs more than finding it")]

use std::{borrow::Cow, ops::Range};

use crate::{
    table::{
        Table,
        dialect::Span,
        split::{Begin, UNKNOWN, distance},
    },
    text::lanes::{ByteLanes, LANES},
};

/// The same of a narrow record.
pub const UNKNOWN_NARROW: u8 = 0xFF;

/// The most begins that a narrow record has: one more than columns.
pub const MANY: usize = 32;
/// As many as can be told apart by a byte, so that no begin has to be looked for: what stands behind them is anything.
const ANY: usize = 1 << 8;

/// How much of a cell is looked at at once, with the quote in front of it.
pub const AHEAD: usize = 2 * LANES + 1;

/// How far a narrow record and what is looked at with it can reach, from its begins on.
pub const REACH: usize = ANY + 1 + AHEAD + MANY;
/// From its text on.
const FAR: usize = ANY + AHEAD;

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

/// The cells of a record that is as wide as its header and whose quotes are right.
pub trait Cells<'a>: Copy {
    /// What stands from the begin of a cell on, by its column in the file, and how many bytes of that the cell is, quotes
    /// included. `None`: the text ends too soon.
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)>;
}

/// Those of any record.
#[derive(Clone, Copy)]
pub struct Wide<'a> {
    begins: &'a [Begin],
    text: &'a [u8],
}

/// Those of a narrow one: nothing has to be asked whether it is there.
#[derive(Clone, Copy)]
pub struct Narrow<'a> {
    begins: &'a [u8; ANY + 1],
    text: &'a [u8; FAR],
}

impl<'a> Cells<'a> for Wide<'a> {
    #[inline(always)]
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)> {
        let (begin, end) = (distance(self.begins[column]), distance(self.begins[column + 1]));
        let ahead = self.text.get(begin..)?.first_chunk()?;
        Some((ahead, end.wrapping_sub(begin + 1)))
    }
}

impl<'a> Cells<'a> for Narrow<'a> {
    #[inline(always)]
    fn cell(self, column: usize) -> Option<(&'a [u8; AHEAD], usize)> {
        let column = column % ANY;
        let (begin, end) = (usize::from(self.begins[column]), usize::from(self.begins[column + 1]));
        let ahead = self.text[begin..].first_chunk()?;
        Some((ahead, end.wrapping_sub(begin + 1)))
    }
}

impl Table {
    /// A record, to look at its cells.
    #[must_use]
    #[inline]
    pub fn row(&self, number: u32) -> Row<'_> {
        Row { table: self, number, start: self.starts[number as usize] }
    }

    /// The records from one on, to look at their cells.
    #[inline]
    pub fn rows(&self, from: u32) -> impl Iterator<Item = Row<'_>> {
        let starts = self.starts.get(from as usize..).unwrap_or_default();
        (from..).zip(starts).map(|(number, start)| Row { table: self, number, start: *start })
    }
}

impl<'a> Row<'a> {
    /// Its cells; `None`: its table is narrow, or it has to be split to tell.
    #[inline(always)]
    pub fn wide(self) -> Option<Wide<'a>> {
        let (at, width) = (self.number as usize, self.table.header.len() + 1);
        let begins = self.table.begins.get(at * width..(at + 1) * width)?;
        let known = begins.last().is_some_and(|end| *end != UNKNOWN);
        known.then(|| Wide { begins, text: &self.table.text[self.start..] })
    }

    /// Its cells, in a narrow table; `None`: it has to be split to tell.
    #[inline(always)]
    pub fn narrow(self) -> Option<Narrow<'a>> {
        let width = self.table.header.len() + 1;
        let window = self.table.text.get(self.start.checked_sub(width)?..)?.first_chunk::<REACH>()?;
        // There are not more begins than that; the processor is told so that it need not look again.
        let narrow = Narrow { begins: window.first_chunk()?, text: window[width % (MANY + 1)..].first_chunk()? };
        (narrow.begins[(width - 1) % ANY] != UNKNOWN_NARROW).then_some(narrow)
    }

    /// Where a cell stands in the text of its table, quotes included, by the number the plan gave its column; `None`: the
    /// record has to be split to tell.
    #[inline(always)]
    pub fn outer(self, column: usize) -> Option<Range<usize>> {
        let (column, width) = (self.table.bind[column], self.table.header.len() + 1);
        let (begin, end) = if self.table.is_narrow {
            let begins = &self.table.text[self.start - width..self.start];
            if begins[width - 1] == UNKNOWN_NARROW {
                return None;
            }
            (usize::from(begins[column]), usize::from(begins[column + 1]))
        } else {
            let begins = &self.table.begins[self.number as usize * width..];
            if begins[column + 1] == UNKNOWN {
                return None;
            }
            (distance(begins[column]), distance(begins[column + 1]))
        };
        Some(self.start + begin..self.start + end - 1)
    }

    /// It is as wide as the header, and its quotes are right.
    #[inline]
    pub fn is_plain(self) -> bool {
        if self.table.is_narrow { self.narrow().is_some() } else { self.wide().is_some() }
    }

    /// A cell, by the number the plan gave its column; `None`: the record is not that wide.
    #[inline(always)]
    pub fn span(self, column: usize) -> Option<Span> {
        let Some(Range { start, end }) = self.outer(column) else { return self.span_anew(self.table.bind[column]) };
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
    fn span_anew(self, column: usize) -> Option<Span> {
        let mut cells = Vec::new();
        self.table.split(self.number, &mut cells);
        cells.get(column).copied()
    }

    /// The text of a cell as it is meant, as Rust knows texts.
    #[must_use]
    pub fn text(self, column: usize) -> Cow<'a, str> {
        match self.span(column) {
            Some(span) if span.doubled => {
                let mut buffer = Vec::new();
                String::from_utf8_lossy(self.cell(column, &mut buffer)).into_owned().into()
            }
            Some(span) => String::from_utf8_lossy(&self.table.text[span.start..span.end]),
            None => "".into(),
        }
    }

    /// The text of a cell as it is meant; of a cell that is not there, none.
    #[inline]
    pub fn cell<'b>(self, column: usize, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        self.span(column).map_or(&b""[..], |span| self.table.dialect.cell(&self.table.text, span, buffer))
    }
}
