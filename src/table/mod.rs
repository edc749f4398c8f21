//! The records of one source in memory: their text, where each record starts, and where its cells start.
//!
//! The text is what was read, decoded to UTF-8 and otherwise unchanged. A record is split once, when it is read; after
//! that any of its cells is found by its offset.

pub mod limits;
pub mod code_page;
pub mod dialect;
pub mod split;
pub mod cell_reading;
pub mod row_header;
pub mod row;
pub mod excerpt;
pub mod merged_rows;
pub mod file_facts;

use std::{fmt, ops::Range, sync::Arc};

use crate::table::{
    cell_reading::CellReading,
    dialect::{Dialect, Span},
    file_facts::FileFacts,
    merged_rows::MergedRows,
    split::{CellStart, RecordEnd},
};

/// The number of no record.
pub const NONE: u32 = u32::MAX;

/// Whether a cell looks like what its column declares.
#[derive(Clone)]
pub struct CellTest(pub Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for CellTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CellTest")
    }
}

/// How messages may show the cells of a column.
#[derive(Clone, Debug)]
pub enum Shown {
    /// As a mask: only the kind of each character.
    Masked,
    /// As they are when they look like what the column declares, else as a mask.
    Typed(CellTest),
    /// As they are: `--unmask` was given.
    Clear,
    /// Not at all.
    Never,
}

/// One file of a source.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file as it is named in messages.
    pub path: String,
    /// The first of its records.
    pub first: u32,
    /// Where its text stands in the text of the table, header included.
    pub text: Range<usize>,
    /// What is known of it besides.
    pub facts: Arc<FileFacts>,
}

/// A run of bytes that could not be decoded: where their replacement characters stand in a text, and what stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The byte in the text of the table.
    pub at: usize,
    /// How many bytes the replacement characters are.
    pub length: usize,
    /// The bytes of the file.
    pub original: Vec<u8>,
}

/// All records of one source.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name of the source.
    pub name: String,
    /// How its files are written.
    pub dialect: Dialect,
    /// Its files, in the order they are read.
    pub parts: Vec<Part>,
    /// The names of the columns, in the order of the file.
    pub header: Vec<String>,
    /// For each column the plan uses: which column of the file it is.
    pub bind: Vec<usize>,
    /// For each column the plan uses: how its cells are read, if not as they are. Empty: all are read as they are.
    pub readings: Vec<Option<Arc<CellReading>>>,
    /// How the cells of each column of the file may be shown.
    pub shown: Vec<Shown>,
    /// The text of all files, UTF-8. A partition that stayed in memory shares it with the spill.
    pub text: Arc<Vec<u8>>,
    /// Where each record starts.
    pub starts: Vec<usize>,
    /// Where the cells of each record start, as [`Dialect::rows`] tells: one more than there are columns. A record with
    /// [`UNKNOWN`](crate::table::split::UNKNOWN) is split when a cell of it is asked for.
    pub cell_starts: Vec<CellStart>,
    /// In a partition: where the cells of each record start stands as u8 offsets in front of it in the text, behind its
    /// [header](row_header), and not in `cell_starts`.
    pub has_u8_offsets: bool,
    /// Where bytes could not be decoded, in order.
    pub patches: Vec<Patch>,
    /// Line checkpoints: the lines of some records, so that the line of any record is found without counting from the start.
    /// In a partition: the [line shift](row_header::line_shift) that holds from this record on.
    pub line_checkpoints: Vec<(u32, u64)>,
    /// In a partition: the number of each record in its source.
    pub numbers: Vec<u32>,
    /// In a partition: for each record, the row of its parent, or [`NONE`] where the parent has to be looked up. Empty: all
    /// parents have to be looked up.
    pub parents: Vec<u32>,
    /// In a partition: its records that are copies; they count in another partition.
    pub copies: Vec<u32>,
    /// Its rows that are one record with others, since it was joined.
    pub merged: MergedRows,
    /// The keys of its records are known to differ.
    pub unique: bool,
}

impl Table {
    /// A table without records, and without columns until a header is read.
    #[must_use]
    pub fn empty(name: &str, dialect: &Dialect) -> Table {
        Table {
            name: name.to_owned(),
            dialect: dialect.clone(),
            parts: Vec::new(),
            header: Vec::new(),
            bind: Vec::new(),
            readings: Vec::new(),
            shown: Vec::new(),
            text: Arc::default(),
            starts: Vec::new(),
            cell_starts: Vec::new(),
            has_u8_offsets: false,
            patches: Vec::new(),
            line_checkpoints: Vec::new(),
            numbers: Vec::new(),
            parents: Vec::new(),
            copies: Vec::new(),
            merged: MergedRows::default(),
            unique: false,
        }
    }

    /// Removes all records; the columns, the files and the buffers stay.
    pub fn clear(&mut self) {
        match Arc::get_mut(&mut self.text) {
            Some(text) => text.clear(),
            None => self.text = Arc::default(),
        }
        self.starts.clear();
        self.cell_starts.clear();
        self.has_u8_offsets = false;
        self.patches.clear();
        self.line_checkpoints.clear();
        self.numbers.clear();
        self.parents.clear();
        self.copies.clear();
        self.merged.clear();
        for part in &mut self.parts {
            (part.first, part.text) = (0, 0..0);
        }
    }

    /// Whether the parent of each record is known.
    #[must_use]
    pub fn knows_parents(&self) -> bool {
        self.parents.len() == self.starts.len() && !self.parents.contains(&NONE)
    }

    /// The number of a record in its source.
    #[must_use]
    pub fn number(&self, row: u32) -> u32 {
        self.numbers.get(row as usize).copied().unwrap_or(row)
    }

    /// The rows that are not counted: they stand in another partition too, or belong to the record of an earlier row.
    #[must_use]
    pub fn uncounted_rows(&self) -> Vec<u32> {
        let merged = self.merged.rows.iter().map(|(row, _)| *row);
        let mut rows: Vec<u32> = self.copies.iter().copied().chain(merged).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Splits a record into its cells.
    pub fn split(&self, row: u32, cells: &mut Vec<Span>) -> RecordEnd {
        self.dialect.split(&self.text, self.starts[row as usize], cells)
    }

    /// The file a record stands in.
    #[must_use]
    pub fn part(&self, row: u32) -> &Part {
        let after = self.parts.partition_point(|part| part.first <= row);
        &self.parts[after.saturating_sub(1)]
    }

    /// The bytes of a record, without its line end.
    #[must_use]
    pub fn raw(&self, row: u32) -> Range<usize> {
        let start = self.starts[row as usize];
        let part_end = self.part(row).text.end;
        let next = || self.starts.get(row as usize + 1).map_or(part_end, |next| (*next).min(part_end));
        let end =
            if self.has_u8_offsets { row_header::text_end(&self.text, start, self.header.len() + 1) } else { next() };
        let blank = self.text[start..end].iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        start..end - blank
    }

    /// The line a record starts on, from 1.
    #[must_use]
    pub fn line(&self, row: u32) -> u64 {
        let at = self.line_checkpoints.partition_point(|(checkpoint, _)| *checkpoint <= row).saturating_sub(1);
        let (checkpoint, line) = self.line_checkpoints[at];
        match self.numbers.get(row as usize) {
            Some(number) => row_header::line_of(line, *number),
            None => line + line_ends(&self.text[self.starts[checkpoint as usize]..self.starts[row as usize]]),
        }
    }
}

/// The number of line ends in some text: LF, CRLF or CR.
#[must_use]
pub fn line_ends(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    let lone = memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

#[cfg(test)]
mod tests {
    use super::line_ends;

    #[test]
    fn line_ends_of_all_kinds_count_once() {
        assert_eq!(line_ends(b"a\r\nb\rc\nd"), 3);
    }
}
