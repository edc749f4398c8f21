//! The columns of a key, and when two cells of a key are the same: byte for byte, or by the value that their type gives them.
//!
//! Cells of a type whose values are written in one way only are compared as they stand in the file, which is fastest.
//! All others (`1.0` and `1`, `1,200` and `1200`, two words for true) are compared by value, so that no spelling is a miss.

use crate::plan::conversion::Conversion;

/// The columns of a key, in order, and how their cells are compared.
#[derive(Clone, Debug, Default)]
pub struct KeyColumns {
    /// The columns, as the plan numbers them.
    pub columns: Vec<usize>,
    /// For each column, the type by whose values cells are compared; `None`: byte for byte. Empty: all byte for byte.
    pub by_value: Vec<Option<Conversion>>,
}

impl KeyColumns {
    /// Columns whose cells are compared byte for byte.
    #[must_use]
    pub fn new(columns: Vec<usize>) -> KeyColumns {
        KeyColumns { columns, by_value: Vec::new() }
    }

    /// The type by whose values the cells of a column are compared, by its place in the key.
    #[must_use]
    pub fn compared_by(&self, place: usize) -> Option<&Conversion> {
        self.by_value.get(place).and_then(Option::as_ref)
    }
}
