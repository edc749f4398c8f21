//! A part of one line of a text that people write, by which its place is told, and what may be wrong there.

/// A span of one line: the line and the column from 1, the width in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextSpan {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) width: u64,
}

impl TextSpan {
    /// Whether it begins at a line and column.
    pub(super) fn starts_at(self, line: u64, column: u64) -> bool {
        (self.line, self.column) == (line, column)
    }
}

/// A mistake in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where.
    pub(super) at: TextSpan,
    /// What is wrong.
    pub(super) message: String,
    /// What to write.
    pub(super) hint: String,
}

impl Mistake {
    /// A mistake at a place.
    pub(super) fn new(at: TextSpan, message: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake { at, message: message.into(), hint: hint.into() }
    }
}
