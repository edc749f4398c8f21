//! What an expression gives on one record: nothing, a text, a number, true or false, a day, a moment, or a list of these.

use std::{borrow::Cow, cmp::Ordering};

use jiff::Timestamp;

use crate::{
    plan::conversion::{Conversion, write_text},
    text::{
        buffer::OutputBuffer,
        exact_decimal::{ExactDecimal, TooManyDigits},
    },
};

/// The most text one expression may make, in bytes.
pub(super) const MAX_OUTPUT: usize = 64 << 10;

/// Why an expression gives nothing that can be used on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpressionFailure {
    /// The reason, without any cell.
    pub reason: &'static str,
    /// The column whose cell is the reason, if it is that of one; as the plan numbers it.
    pub column: Option<usize>,
}

impl ExpressionFailure {
    pub(super) const fn new(reason: &'static str) -> ExpressionFailure {
        ExpressionFailure { reason, column: None }
    }
}

impl From<TooManyDigits> for ExpressionFailure {
    fn from(_: TooManyDigits) -> ExpressionFailure {
        ExpressionFailure::new("the number is too long")
    }
}

/// Checks that a text that is being made is not too long.
pub(super) fn check_length(length: usize) -> Result<(), ExpressionFailure> {
    if length > MAX_OUTPUT { Err(ExpressionFailure::new("the result is longer than 65,536 bytes")) } else { Ok(()) }
}

/// What an expression gives.
#[derive(Clone, Debug)]
pub enum ExpressionValue<'a> {
    /// Nothing: an empty cell, or an empty text.
    None,
    /// A text that is not empty.
    Text(Cow<'a, str>),
    /// A number.
    Number(ExactDecimal),
    /// True or false.
    Truth(bool),
    /// A day as ISO 8601 writes it; all are equally long, so they are in order when their texts are.
    Date(String),
    /// A moment, and how RFC 3339 writes it where it was recorded.
    Moment(Timestamp, String),
    /// A list.
    List(Vec<ExpressionValue<'a>>),
}

impl<'a> ExpressionValue<'a> {
    /// A text; an empty one is nothing.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> ExpressionValue<'a> {
        let text = text.into();
        if text.is_empty() { ExpressionValue::None } else { ExpressionValue::Text(text) }
    }

    /// A cell that is not empty, as the type of its column reads it; `None`: it is not of that type.
    pub(super) fn of_cell(cell: Cow<'a, str>, conversion: &Conversion) -> Option<ExpressionValue<'a>> {
        let json = |cell: &str| {
            let mut json = OutputBuffer::default();
            conversion.write(cell.as_bytes().into(), &mut json).ok()?;
            String::from_utf8(Vec::from(json)).ok().map(|text| text.trim_matches('"').to_owned())
        };
        Some(match conversion {
            Conversion::Text | Conversion::Code => ExpressionValue::text(cell),
            Conversion::Integer(format) | Conversion::Decimal(format) => {
                ExpressionValue::Number(ExactDecimal::of_number(&format.parse(cell.as_bytes())?).ok()?)
            }
            Conversion::Json => return None,
            Conversion::Boolean { .. } => ExpressionValue::Truth(json(&cell)? == "true"),
            Conversion::Date(_) => ExpressionValue::Date(json(&cell)?),
            Conversion::Datetime(_) => {
                let text = json(&cell)?;
                ExpressionValue::Moment(text.parse().ok()?, text)
            }
        })
    }

    /// The number, if it is one.
    pub(super) fn as_number(&self) -> Option<&ExactDecimal> {
        match self {
            ExpressionValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The same value, for as long as this one lives.
    pub(super) fn borrowed(&'a self) -> ExpressionValue<'a> {
        match self {
            ExpressionValue::Text(text) => ExpressionValue::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// The same value, with a text of its own.
    pub(super) fn into_owned(self) -> ExpressionValue<'static> {
        match self {
            ExpressionValue::None => ExpressionValue::None,
            ExpressionValue::Text(text) => ExpressionValue::Text(Cow::Owned(text.into_owned())),
            ExpressionValue::Number(number) => ExpressionValue::Number(number),
            ExpressionValue::Truth(truth) => ExpressionValue::Truth(truth),
            ExpressionValue::Date(text) => ExpressionValue::Date(text),
            ExpressionValue::Moment(moment, text) => ExpressionValue::Moment(moment, text),
            ExpressionValue::List(items) => {
                ExpressionValue::List(items.into_iter().map(ExpressionValue::into_owned).collect())
            }
        }
    }

    /// Writes it as a template does: nothing as nothing, a number as JSON writes it, a day or moment as ISO 8601 does.
    pub fn write_plain(&self, out: &mut String) {
        match self {
            ExpressionValue::None | ExpressionValue::List(_) => {}
            ExpressionValue::Text(text) => out.push_str(text),
            ExpressionValue::Number(number) => out.push_str(&number.to_string()),
            ExpressionValue::Truth(truth) => out.push_str(if *truth { "true" } else { "false" }),
            ExpressionValue::Date(text) | ExpressionValue::Moment(_, text) => out.push_str(text),
        }
    }

    /// Writes it as JSON; nothing and lists write nothing.
    pub fn write_json(&self, out: &mut OutputBuffer) {
        match self {
            ExpressionValue::None | ExpressionValue::List(_) => {}
            ExpressionValue::Text(text) => write_text(text.as_bytes().into(), out),
            ExpressionValue::Number(number) => out.extend(number.to_string().as_bytes()),
            ExpressionValue::Truth(truth) => out.extend(if *truth { b"true" } else { b"false" }),
            ExpressionValue::Date(text) | ExpressionValue::Moment(_, text) => write_text(text.as_bytes().into(), out),
        }
    }

    /// Whether two values of one kind are the same; nothing is only the same as nothing.
    pub(super) fn equals(&self, other: &ExpressionValue<'_>) -> bool {
        match (self, other) {
            (ExpressionValue::None, ExpressionValue::None) => true,
            (ExpressionValue::Truth(one), ExpressionValue::Truth(other)) => one == other,
            (ExpressionValue::List(one), ExpressionValue::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.equals(other))
            }
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two values of one kind; `None`: they have none.
    pub(super) fn order(&self, other: &ExpressionValue<'_>) -> Option<Ordering> {
        Some(match (self, other) {
            (ExpressionValue::Text(one), ExpressionValue::Text(other)) => one.cmp(other),
            (ExpressionValue::Number(one), ExpressionValue::Number(other)) => one.cmp(other),
            (ExpressionValue::Date(one), ExpressionValue::Date(other)) => one.cmp(other),
            (ExpressionValue::Moment(one, _), ExpressionValue::Moment(other, _)) => one.cmp(other),
            _ => return None,
        })
    }
}
