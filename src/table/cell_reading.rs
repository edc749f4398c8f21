//! What is done with a cell before its type looks at it: white space, what stands in front and behind, letter case, and which
//! cells are empty.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the cells of a column are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellReading {
    /// White space at both ends is dropped.
    pub is_trimmed: bool,
    /// What may stand in front; the first of them that is there is dropped, once.
    pub prefixes: Vec<String>,
    /// What may stand behind.
    pub suffixes: Vec<String>,
    /// The case that letters get.
    pub case: Option<LetterCase>,
    /// The cells that are empty, besides those of the dialect.
    pub null_values: Vec<String>,
    /// The column that names the time zone of what a cell says, as the plan numbers it: that stands behind it, with
    /// [`BEFORE_ZONE`] between.
    pub zone: Option<usize>,
}

/// What stands between a moment and its time zone: no cell of a trusted record holds it.
pub const BEFORE_ZONE: u8 = 0;

/// How a cell that is a list is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellSplit {
    /// What stands between pieces; not empty.
    pub separator: String,
    /// White space at both ends of a piece is dropped.
    pub is_trimmed: bool,
}

impl CellSplit {
    /// The pieces of what a cell says; those without anything are none.
    pub fn pieces<'a>(&'a self, said: &'a str) -> impl Iterator<Item = &'a str> {
        let pieces = said.split(self.separator.as_str());
        pieces.map(|piece| if self.is_trimmed { piece.trim() } else { piece }).filter(|piece| !piece.is_empty())
    }
}

/// The case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterCase {
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
}

impl CellReading {
    /// What a cell says: without white space and what stands around it, in one case.
    #[must_use]
    pub fn read<'a>(&self, cell: &'a str) -> Cow<'a, str> {
        let cell = if self.is_trimmed { cell.trim() } else { cell };
        let cell = self.prefixes.iter().find_map(|prefix| cell.strip_prefix(prefix)).unwrap_or(cell);
        let cell = self.suffixes.iter().find_map(|suffix| cell.strip_suffix(suffix)).unwrap_or(cell);
        match self.case {
            None => Cow::Borrowed(cell),
            Some(LetterCase::Upper) => Cow::Owned(cell.to_uppercase()),
            Some(LetterCase::Lower) => Cow::Owned(cell.to_lowercase()),
        }
    }

    /// Whether what a cell says is nothing.
    #[must_use]
    pub fn is_null(&self, said: &[u8]) -> bool {
        self.null_values.iter().any(|null| null.as_bytes() == said)
    }
}

#[cfg(test)]
mod tests {
    use super::{CellReading, CellSplit, LetterCase};

    #[test]
    fn pieces_without_anything_are_none() {
        let table = [
            ("", ";", true, ""),
            (";; ;", ";", true, ""),
            (";; ;", ";", false, " "),
            ("a;b", ";", false, "a|b"),
            (" a ; b;", ";", true, "a|b"),
            ("a;b", ", ", true, "a;b"),
            ("a, b,c", ", ", false, "a|b,c"),
        ];
        for (said, separator, is_trimmed, pieces) in table {
            let split = CellSplit { separator: separator.into(), is_trimmed };
            assert_eq!(split.pieces(said).collect::<Vec<_>>().join("|"), pieces, "{said:?}");
        }
    }

    #[test]
    fn each_step_happens_once_and_in_order() {
        let reading = CellReading {
            is_trimmed: true,
            prefixes: vec!["'".into(), "€ ".into()],
            suffixes: vec![" EUR".into(), "€".into()],
            case: Some(LetterCase::Lower),
            null_values: vec!["n/a".into()],
            zone: None,
        };
        let table = [
            ("", ""),
            ("  \u{a0}\t", ""),
            ("'Abc", "abc"),
            ("''Abc", "'abc"),
            (" '1100 ", "1100"),
            ("'€ 5", "€ 5"),
            ("12 EUR", "12"),
            ("12 EUR EUR", "12 eur"),
            ("12€", "12"),
            ("12 €", "12 "),
            ("'", ""),
            ("N/A", "n/a"),
            ("ÄSS", "äss"),
        ];
        for (cell, said) in table {
            assert_eq!(reading.read(cell), said, "{cell:?}");
        }
        assert!(reading.is_null(b"n/a") && !reading.is_null(b"N/A"));
        assert_eq!(CellReading { case: Some(LetterCase::Upper), ..CellReading::default() }.read("ß"), "SS");
        assert_eq!(CellReading::default().read(" '5 "), " '5 ");
    }
}
