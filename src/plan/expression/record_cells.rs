//! What an expression asks a record for: what its cells say, and the facts of its file.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than finding it")]

use std::borrow::Cow;

use crate::{
    plan::expression::{operation::Fact, value::ExpressionValue},
    table::row::{Cells, Row},
    text::{exact_decimal::ExactDecimal, lanes::LANES},
};

/// The cells of one record, by the numbers the plan gave their columns, and its facts.
pub(super) trait RecordCells<'a> {
    /// What a cell says; `None` if that is nothing.
    fn said(&self, column: usize) -> Option<Cow<'a, str>>;
    /// The first bytes of a cell as it stands in the file, and how many bytes it has, if a number in it can be no word for
    /// nothing. `None`: it may be any other.
    fn lanes(&self, column: usize) -> Option<([u8; LANES], usize)>;
    /// A fact of the record.
    fn fact(&self, fact: Fact) -> ExpressionValue<'a>;
}

impl<'a> RecordCells<'a> for Row<'a> {
    fn said(&self, column: usize) -> Option<Cow<'a, str>> {
        Row::said(*self, column)
    }

    #[inline(always)]
    fn lanes(&self, column: usize) -> Option<([u8; LANES], usize)> {
        if self.table.dialect.plain_nulls { Row::lanes(*self, column) } else { None }
    }

    fn fact(&self, fact: Fact) -> ExpressionValue<'a> {
        let facts = &self.table.part(self.number).facts;
        match fact {
            Fact::RecordingName => ExpressionValue::text(facts.recording.as_str()),
            Fact::FileName => ExpressionValue::text(facts.name.as_str()),
            Fact::FileMatch(number) => ExpressionValue::text(facts.captures.get(number).map_or("", String::as_str)),
            Fact::FileLine => {
                let line = usize::try_from(self.table.line(self.number)).unwrap_or(usize::MAX);
                ExpressionValue::Number(ExactDecimal::of_count(line))
            }
        }
    }
}

/// A record whose cells are found by offsets that were asked for once.
pub(super) struct RowOffsets<'a, C> {
    /// The record; no number in it is a word for nothing.
    pub(super) row: Row<'a>,
    /// Where its cells are.
    pub(super) cells: C,
}

impl<'a, C: Cells<'a>> RecordCells<'a> for RowOffsets<'a, C> {
    fn said(&self, column: usize) -> Option<Cow<'a, str>> {
        self.row.said(column)
    }

    #[inline(always)]
    fn lanes(&self, column: usize) -> Option<([u8; LANES], usize)> {
        let (ahead, length) = self.cells.cell(self.row.table.bind[column])?;
        Some((*ahead.first_chunk()?, length))
    }

    fn fact(&self, fact: Fact) -> ExpressionValue<'a> {
        self.row.fact(fact)
    }
}

/// No record: what an expression gives that asks for nothing.
pub(super) struct NoCells;

impl RecordCells<'_> for NoCells {
    fn said(&self, _: usize) -> Option<Cow<'static, str>> {
        None
    }

    fn lanes(&self, _: usize) -> Option<([u8; LANES], usize)> {
        None
    }

    fn fact(&self, _: Fact) -> ExpressionValue<'static> {
        ExpressionValue::None
    }
}
