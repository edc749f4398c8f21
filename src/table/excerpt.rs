//! What messages show of a table: the place of a record or of a cell, with its line masked as its columns ask.

use std::ops::Range;

use crate::{
    diagnostic::{Cell, Place, mask, shape},
    table::{CellTest, Shown, Table, cell_reading::BEFORE_ZONE, dialect::Span, limits::MAX_CELLS, line_ends},
};

/// What stands for a cell of a sensitive column.
pub const SENSITIVE: &str = "(sensitive)";
/// What stands for a truth value that may not be shown: its shape would tell which it is.
pub const MASKED: &str = "(masked)";

impl Table {
    /// The place of a whole record.
    #[must_use]
    pub fn record(&self, row: u32) -> Cell {
        let raw = self.raw(row);
        let first = line_of(&self.text, raw.clone(), raw.start);
        let width = self.chars(first.clone());
        let (text, is_masked) = self.draw_line(row, first);
        let place =
            Place { path: self.part(row).path.clone(), line: self.line(row), column: 1, width, text: text.into() };
        self.whole_record(place, is_masked)
    }

    /// The same as [`record`](Table::record), or as [`cell`](Table::cell) where a column is named, without the line: it is
    /// only counted.
    #[must_use]
    pub fn undrawn(&self, row: u32, column: Option<usize>) -> Cell {
        let located = column.and_then(|column| self.locate_cell(row, column).map(|at| (at, column)));
        let Some(((row, cells, range), column)) = located else {
            let place = Place { line: self.line(row), column: 1, ..Place::file(&self.part(row).path) };
            return self.whole_record(place, false);
        };
        let (found, place) = (self.draw_found(&cells, column), self.find_place(row, range).0);
        Cell { place, source: self.name.clone(), column: self.column_name(column), found, is_masked: false }
    }

    fn whole_record(&self, place: Place, is_masked: bool) -> Cell {
        Cell { place, source: self.name.clone(), column: String::new(), found: String::new(), is_masked }
    }

    /// The place of one byte of a record.
    #[must_use]
    pub fn byte(&self, row: u32, at: usize) -> Cell {
        let (place, is_masked) = self.locate_bytes(row, at..at + 1);
        self.whole_record(place, is_masked)
    }

    /// The place of one cell, by its column in the file.
    #[must_use]
    pub fn cell(&self, row: u32, column: usize) -> Cell {
        let Some((row, cells, range)) = self.locate_cell(row, column) else {
            return self.record(self.merged.filling_row(row, column));
        };
        let (place, is_masked) = self.locate_bytes(row, range);
        let found = self.draw_found(&cells, column);
        Cell { place, source: self.name.clone(), column: self.column_name(column), found, is_masked }
    }

    /// The row that fills a cell, all cells of that row, and the bytes of the cell with its quotes; `None`: it is not there.
    fn locate_cell(&self, row: u32, column: usize) -> Option<(u32, Vec<Span>, Range<usize>)> {
        let row = self.merged.filling_row(row, column);
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let span = cells.get(column)?;
        let quotes = usize::from(span.quoted);
        let range = span.start - quotes..span.end + quotes;
        Some((row, cells, range))
    }

    /// What messages show of a cell that is there.
    fn draw_found(&self, cells: &[Span], column: usize) -> String {
        match self.drawing_of(cells, column) {
            Drawing::Clear => self.read_cell(cells[column]),
            Drawing::Never => SENSITIVE.to_owned(),
            Drawing::Mask => mask(&self.read_cell(cells[column])),
        }
    }

    /// A cell as it may be shown, from the row itself, also where another row fills it; empty: there is none.
    #[must_use]
    pub fn draw_own_cell(&self, row: u32, column: usize) -> String {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        if cells.get(column).is_some() { self.draw_found(&cells, column) } else { String::new() }
    }

    fn column_name(&self, column: usize) -> String {
        self.header.get(column).cloned().unwrap_or_default()
    }

    /// What a cell says, or a part of it, drawn as the cell is.
    #[must_use]
    pub fn draw_said(&self, row: u32, column: usize, said: &str) -> String {
        let row = self.merged.filling_row(row, column);
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        match self.drawing_of(&cells, column) {
            Drawing::Clear if cells.get(column).is_some() => said.to_owned(),
            Drawing::Never => SENSITIVE.to_owned(),
            Drawing::Clear | Drawing::Mask => mask(said),
        }
    }

    /// What a column of the plan says, drawn as its cells are: a moment and its time zone are two cells, and stand beside
    /// each other.
    #[must_use]
    pub fn draw_planned(&self, row: u32, column: usize, said: &str) -> String {
        let zone = self.readings.get(column).and_then(|reading| reading.as_ref()?.zone);
        match (zone, said.split_once(char::from(BEFORE_ZONE))) {
            (Some(zone), Some((moment, named))) => {
                let moment = self.draw_said(row, self.bind[column], moment);
                format!("{moment} {}", self.draw_said(row, self.bind[zone], named))
            }
            _ => self.draw_said(row, self.bind[column], said),
        }
    }

    /// The place of some bytes of a record, as far as they stand on one line, and whether a mask hides some of that line.
    fn locate_bytes(&self, row: u32, range: Range<usize>) -> (Place, bool) {
        let (place, line) = self.find_place(row, range);
        let (text, is_masked) = self.draw_line(row, line);
        (Place { text: text.into(), ..place }, is_masked)
    }

    /// The place of some bytes of a record without its text, and the bytes of its line.
    fn find_place(&self, row: u32, Range { start, end }: Range<usize>) -> (Place, Range<usize>) {
        let raw = self.raw(row);
        let line = line_of(&self.text, raw.clone(), start);
        let place = Place {
            line: self.line(row) + line_ends(&self.text[raw.start..start]),
            column: self.chars(line.start..start) + 1,
            width: self.chars(start..end.min(line.end).max(start)).max(1),
            ..Place::file(&self.part(row).path)
        };
        (place, line)
    }

    /// How to draw a cell of a record. In a record of another width, any cell may be that of any other column.
    fn drawing_of(&self, cells: &[Span], column: usize) -> Drawing {
        let is_shifted = cells.len() != self.header.len();
        match self.shown.get(column) {
            _ if self.hides_all(cells) => Drawing::Never,
            Some(Shown::Never) => Drawing::Never,
            Some(Shown::Clear) => Drawing::Clear,
            Some(Shown::Typed(CellTest(looks_right))) if !is_shifted && looks_right(&self.read_cell(cells[column])) => {
                Drawing::Clear
            }
            _ => Drawing::Mask,
        }
    }

    /// Whether no cell of a record may be shown, because any may be a sensitive one.
    fn hides_all(&self, cells: &[Span]) -> bool {
        cells.len() != self.header.len() && self.shown.iter().any(|shown| matches!(shown, Shown::Never))
    }

    /// The text of a cell, without its quotes.
    fn read_cell(&self, span: Span) -> String {
        let mut buffer = Vec::new();
        String::from_utf8_lossy(self.dialect.cell(&self.text, span, &mut buffer)).into_owned()
    }

    fn chars(&self, range: Range<usize>) -> u64 {
        String::from_utf8_lossy(&self.text[range]).chars().count() as u64
    }

    /// A line of a record with every cell drawn as its column asks, and whether a mask hides some of it; delimiters and
    /// quotes stay.
    fn draw_line(&self, row: u32, line: Range<usize>) -> (String, bool) {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let drawings: Vec<Drawing> = if self.hides_all(&cells) {
            vec![Drawing::Never; cells.len()]
        } else {
            (0..cells.len()).map(|column| self.drawing_of(&cells, column)).collect()
        };
        // Of a record with very many cells the last are not told.
        let beyond = drawings.last().filter(|_| cells.len() == MAX_CELLS);
        let (mut column, mut drawn, mut is_masked) = (0, String::new(), false);
        for (at, character) in String::from_utf8_lossy(&self.text[line.clone()]).char_indices() {
            let at = line.start + at;
            while cells.get(column).is_some_and(|cell| cell.end < at) {
                column += 1;
            }
            let inside = cells.get(column).is_none_or(|cell| (cell.start..cell.end).contains(&at));
            let drawing = drawings.get(column).or(beyond);
            let shown = match drawing {
                Some(Drawing::Clear) if inside && !character.is_control() => character,
                Some(Drawing::Never) if inside => 'x',
                _ => shape(character),
            };
            is_masked |= shown != character && !matches!(drawing, Some(Drawing::Never));
            drawn.push(shown);
        }
        (drawn, is_masked)
    }
}

/// How one cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawing {
    /// As it is.
    Clear,
    /// By its shape.
    Mask,
    /// Not at all.
    Never,
}

/// The physical line around a byte, within a range.
pub(crate) fn line_of(text: &[u8], within: Range<usize>, at: usize) -> Range<usize> {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = text[within.start..at].iter().rposition(is_end).map_or(within.start, |end| within.start + end + 1);
    let end = text[at..within.end].iter().position(is_end).map_or(within.end, |end| at + end);
    start..end
}
