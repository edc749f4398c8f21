//! Rows of a table that are one record: which rows, and which row fills the cells that the first of them leaves empty.
//!
//! Most tables have none. In those that do, a record some cells of which stand in another row has no cell offsets, so that the
//! fast ways of reading cells pass it by, and the slow way looks here.

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

    /// The row that a cell of a record stands in, by its column in the file.
    #[must_use]
    pub fn filling_row(&self, row: u32, column: usize) -> u32 {
        let key = |fill: &CellFill| (fill.row, fill.column as usize);
        let found = self.fills.binary_search_by_key(&(row, column), key);
        found.map_or(row, |at| self.fills[at].from)
    }
}
