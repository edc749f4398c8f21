//! What an expression asks a record for: what its cells say, and the facts of its file.

use std::borrow::Cow;

use crate::{
    plan::expression::{operation::Fact, value::ExpressionValue},
    table::row::Row,
    text::{exact_decimal::ExactDecimal, lanes::ByteLanes},
};

/// The cells of one record, by the numbers the plan gave their columns, and its facts.
pub(super) trait RecordCells<'a> {
    /// What a cell says; `None` if that is nothing.
    fn said(&self, column: usize) -> Option<Cow<'a, str>>;
    /// A cell that is not empty and says what stands in the file; `None`: it may be any other.
    fn plain(&self, column: usize) -> Option<ByteLanes<'a>>;
    /// A fact of the record.
    fn fact(&self, fact: Fact) -> ExpressionValue<'a>;
}

impl<'a> RecordCells<'a> for Row<'a> {
    fn said(&self, column: usize) -> Option<Cow<'a, str>> {
        Row::said(*self, column)
    }

    #[inline]
    fn plain(&self, column: usize) -> Option<ByteLanes<'a>> {
        self.plain_cell(column)
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

/// No record: what an expression gives that asks for nothing.
pub(super) struct NoCells;

impl RecordCells<'_> for NoCells {
    fn said(&self, _: usize) -> Option<Cow<'static, str>> {
        None
    }

    fn plain(&self, _: usize) -> Option<ByteLanes<'static>> {
        None
    }

    fn fact(&self, _: Fact) -> ExpressionValue<'static> {
        ExpressionValue::None
    }
}
