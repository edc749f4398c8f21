//! What messages show of a table: the place of a record or of a cell, with its line masked as its columns ask.

use std::ops::Range;

use crate::{
    diagnostic::{Cell, Place, shape},
    table::{Shown, Table, dialect::Span, line_ends},
};

impl Table {
    /// The place of a whole record.
    #[must_use]
    pub fn record(&self, row: u32) -> Cell {
        let raw = self.raw(row);
        let first = line_of(&self.text, raw.clone(), raw.start);
        let width = self.chars(first.clone());
        let place = Place {
            path: self.part(row).path.clone(),
            line: self.line(row),
            column: 1,
            width,
            text: self.masked(row, first),
        };
        Cell { place, column: String::new(), found: String::new() }
    }

    /// The place of one byte of a record.
    #[must_use]
    pub fn byte(&self, row: u32, at: usize) -> Cell {
        let raw = self.raw(row);
        let line = line_of(&self.text, raw.clone(), at);
        let place = Place {
            path: self.part(row).path.clone(),
            line: self.line(row) + line_ends(&self.text[raw.start..at]),
            column: self.chars(line.start..at) + 1,
            width: 1,
            text: self.masked(row, line),
        };
        Cell { place, column: String::new(), found: String::new() }
    }

    /// The place of one cell, by its column in the file.
    #[must_use]
    pub fn cell(&self, row: u32, column: usize) -> Cell {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let Some(span) = cells.get(column).copied() else { return self.record(row) };
        let raw = self.raw(row);
        let start = if span.quoted { span.start - 1 } else { span.start };
        let line = line_of(&self.text, raw.clone(), start);
        let mut buffer = Vec::new();
        let text = String::from_utf8_lossy(self.dialect.cell(&self.text, span, &mut buffer)).into_owned();
        let place = Place {
            path: self.part(row).path.clone(),
            line: self.line(row) + line_ends(&self.text[raw.start..start]),
            column: self.chars(line.start..start) + 1,
            width: self.chars(start..(span.end + usize::from(span.quoted)).min(line.end).max(start)).max(1),
            text: self.masked(row, line),
        };
        let found = match self.shown_as(&cells, column) {
            Shown::Clear => text,
            Shown::Never => "(sensitive)".to_owned(),
            Shown::Masked => crate::diagnostic::mask(&text),
        };
        Cell { place, column: self.header.get(column).cloned().unwrap_or_default(), found }
    }

    /// How a cell of a record may be shown. In a record of another width any cell may be the sensitive one.
    fn shown_as(&self, cells: &[Span], column: usize) -> Shown {
        let shifted = cells.len() != self.header.len() && self.shown.contains(&Shown::Never);
        if shifted { Shown::Never } else { self.shown.get(column).copied().unwrap_or(Shown::Masked) }
    }

    fn chars(&self, range: Range<usize>) -> u64 {
        String::from_utf8_lossy(&self.text[range]).chars().count() as u64
    }

    /// A line of a record with every cell masked as its column asks; delimiters and quotes stay.
    fn masked(&self, row: u32, line: Range<usize>) -> String {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let mut column = 0;
        let mut masked = String::new();
        for (at, character) in String::from_utf8_lossy(&self.text[line.clone()]).char_indices() {
            let at = line.start + at;
            while cells.get(column).is_some_and(|cell| cell.end < at) {
                column += 1;
            }
            let inside = cells.get(column).is_none_or(|cell| (cell.start..cell.end).contains(&at));
            masked.push(match self.shown_as(&cells, column) {
                Shown::Clear if inside && !character.is_control() => character,
                Shown::Never if inside => 'x',
                _ => shape(character),
            });
        }
        masked
    }
}

/// The physical line around a byte, within a range.
fn line_of(text: &[u8], within: Range<usize>, at: usize) -> Range<usize> {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = text[within.start..at].iter().rposition(is_end).map_or(within.start, |end| within.start + end + 1);
    let end = text[at..within.end].iter().position(is_end).map_or(within.end, |end| at + end);
    start..end
}
