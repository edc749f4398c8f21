//! Rows of a table that are one record: which rows, and which row fills the cells that the first of them leaves empty.
//!
//! Most tables have none. In those that do, a record some cells of which stand in another row has no cell offsets, so that the
//! fast ways of reading cells pass it by, and the slow way looks here.

use std::sync::Arc;

use crate::table::{Table, row::UNKNOWN_U8, split::UNKNOWN};

/// The rows of a table that are one record with an earlier row.
#[derive(Clone, Debug, Default)]
pub struct MergedRows {
    /// Each of them, with the first row of its record, in their order.
    pub rows: Vec<(u32, u32)>,
    /// The cells that are filled from another row, in the order of their records and columns.
    pub fills: Vec<CellFill>,
}

/// A cell of a record that stands in another row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellFill {
    /// The first row of the record.
    pub row: u32,
    /// The column in the file.
    pub column: u32,
    /// The row that the cell stands in.
    pub from: u32,
}

impl MergedRows {
    /// Removes all.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.fills.clear();
    }

    /// Whether a row is a later one of its record.
    #[must_use]
    pub fn contains(&self, row: u32) -> bool {
        self.rows.binary_search_by_key(&row, |(row, _)| *row).is_ok()
    }
}

impl Table {
    /// The row that a cell of a record stands in, by its column in the file.
    #[must_use]
    pub fn filling_row(&self, row: u32, column: usize) -> u32 {
        let key = |fill: &CellFill| (fill.row, fill.column as usize);
        let found = self.merged.fills.binary_search_by_key(&(row, column), key);
        found.map_or(row, |at| self.merged.fills[at].from)
    }

    /// Makes one record of rows, as they were found to be.
    pub fn merge_rows(&mut self, merged: MergedRows) {
        let width = self.header.len() + 1;
        let mut rows: Vec<u32> = merged.fills.iter().map(|fill| fill.row).collect();
        rows.dedup();
        for row in rows {
            if self.has_u8_offsets {
                let start = self.starts[row as usize];
                Arc::make_mut(&mut self.text)[start - 1] = UNKNOWN_U8;
            } else {
                self.cell_starts[row as usize * width..(row as usize + 1) * width].fill(UNKNOWN);
            }
        }
        self.merged = merged;
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
}
