//! A compiled expression and a record -> a value. What can be known without a record was decided when it was compiled.

use std::{borrow::Cow, cmp::Ordering};

use crate::{
    plan::{
        conversion::Conversion,
        expression::{
            operation::{Operation, Operator},
            record_cells::RecordCells,
            small_number::compare_small,
            times::read_time,
            value::{ExpressionFailure, ExpressionValue, check_length},
        },
    },
    text::exact_decimal::ExactDecimal,
};

/// The most items of a list.
const MAX_ITEMS: usize = 10_000;
/// Why nothing is looked for in a list or a text.
const IN_NOTHING: &str = "what is empty is in nothing";

type Made<'a> = Result<ExpressionValue<'a>, ExpressionFailure>;

impl Operation {
    /// Evaluates it for a record.
    pub(super) fn evaluate<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Made<'a> {
        Ok(match self {
            Operation::Constant(value) => value.borrowed(),
            Operation::Fact(fact) => cells.fact(*fact),
            Operation::Cell { column, conversion, .. } => match cells.said(*column) {
                None => ExpressionValue::None,
                Some(text) => {
                    let failure = ExpressionFailure { reason: "the cell is not of its type", column: Some(*column) };
                    ExpressionValue::of_cell(text, conversion).ok_or(failure)?
                }
            },
            Operation::Pieces { column, conversion, split } => {
                let cell = cells.said(*column).unwrap_or_default();
                let failure = ExpressionFailure { reason: "a piece is not of its type", column: Some(*column) };
                let read = |piece: &str| ExpressionValue::of_cell(Cow::Owned(piece.to_owned()), conversion);
                let pieces: Option<Vec<_>> = split.pieces(&cell).map(read).collect();
                ExpressionValue::List(pieces.ok_or(failure)?)
            }
            Operation::Choose(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if condition.holds(cells)? { yes.evaluate(cells)? } else { no.evaluate(cells)? }
            }
            Operation::Default(sides) => match sides[0].evaluate(cells)? {
                ExpressionValue::None => sides[1].evaluate(cells)?,
                value => value,
            },
            Operation::Equals(_)
            | Operation::IsOrdered(..)
            | Operation::Touches { .. }
            | Operation::IsIn(_)
            | Operation::IsAmong(..)
            | Operation::All(_)
            | Operation::Any(_)
            | Operation::Not(_) => ExpressionValue::Truth(self.evaluate_truth(cells)?),
            Operation::Calculate(..)
            | Operation::Negate(_)
            | Operation::Absolute(_)
            | Operation::Round(..)
            | Operation::DivideExactly { .. }
            | Operation::Divide(..)
            | Operation::Length(_)
            | Operation::ToNumber { .. } => {
                self.evaluate_number(cells)?.map_or(ExpressionValue::None, ExpressionValue::Number)
            }
            _ => self.evaluate_parts(cells)?,
        })
    }

    /// Evaluates what gives true or false.
    fn evaluate_truth<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Result<bool, ExpressionFailure> {
        Ok(match self {
            Operation::Equals(sides) => evaluate_equal(sides, cells)?,
            Operation::IsOrdered(order, sides) => {
                if let Some(known) = compare_small(sides, cells) {
                    return Ok(order.holds(known));
                }
                let (one, other) = evaluate_both(sides, cells)?;
                let failure = || {
                    let empty = &sides[usize::from(!matches!(one, ExpressionValue::None))];
                    ExpressionFailure { reason: "what is empty is in no order", column: empty.column() }
                };
                order.holds(one.order(&other).ok_or_else(failure)?)
            }
            Operation::Touches { at_start, sides } => match evaluate_both(sides, cells)? {
                (ExpressionValue::Text(text), ExpressionValue::Text(part)) if *at_start => {
                    text.starts_with(part.as_ref())
                }
                (ExpressionValue::Text(text), ExpressionValue::Text(part)) => text.ends_with(part.as_ref()),
                _ => false,
            },
            Operation::IsIn(sides) => match evaluate_both(sides, cells)? {
                (ExpressionValue::None, _) => {
                    return Err(ExpressionFailure { reason: IN_NOTHING, column: sides[0].column() });
                }
                (_, ExpressionValue::None) => {
                    return Err(ExpressionFailure { reason: IN_NOTHING, column: sides[1].column() });
                }
                (item, ExpressionValue::List(items)) => items.iter().any(|other| other.equals(&item)),
                (ExpressionValue::Text(part), ExpressionValue::Text(text)) => text.contains(part.as_ref()),
                _ => false,
            },
            Operation::IsAmong(item, values) => match item.evaluate(cells)? {
                ExpressionValue::None => return Err(ExpressionFailure { reason: IN_NOTHING, column: item.column() }),
                item => values.binary_search_by(|value| value.order(&item).unwrap_or(Ordering::Less)).is_ok(),
            },
            Operation::All(conditions) => evaluate_all(conditions, true, cells)?,
            Operation::Any(conditions) => !evaluate_all(conditions, false, cells)?,
            Operation::Not(condition) => !condition.holds(cells)?,
            _ => false,
        })
    }

    /// Evaluates what gives a number, or nothing.
    fn evaluate_number<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Result<Option<ExactDecimal>, ExpressionFailure> {
        let number = |operation: &'a Operation| {
            Ok::<_, ExpressionFailure>(match operation.evaluate(cells)? {
                ExpressionValue::Number(number) => Some(number),
                _ => None,
            })
        };
        let both = |sides: &'a [Operation; 2]| Ok::<_, ExpressionFailure>(number(&sides[0])?.zip(number(&sides[1])?));
        Ok(match self {
            Operation::Calculate(operator, sides) => match both(sides)? {
                None => None,
                Some((one, other)) => Some(match operator {
                    Operator::Add => one.add(&other)?,
                    Operator::Subtract => one.subtract(&other)?,
                    Operator::Multiply => one.multiply(&other)?,
                }),
            },
            Operation::Negate(of) => number(of)?.map(|number| number.negated()),
            Operation::Absolute(of) => number(of)?.map(|number| number.absolute()),
            Operation::Round(of, rounding) => number(of)?.map(|number| number.round(*rounding)).transpose()?,
            Operation::DivideExactly { dividend, divisor, decimals } => {
                number(dividend)?.map(|number| number.divide_exactly(divisor, *decimals)).transpose()?
            }
            Operation::Divide(sides, rounding) => match both(sides)? {
                Some((_, divisor)) if divisor.is_zero() => {
                    let reason = "nothing can be divided by 0";
                    return Err(ExpressionFailure { reason, column: sides[1].column() });
                }
                Some((one, other)) => Some(one.divide(&other, *rounding)?),
                None => None,
            },
            Operation::Length(of) => match of.evaluate(cells)? {
                ExpressionValue::Text(text) => Some(ExactDecimal::of_count(text.chars().count())),
                ExpressionValue::List(items) => Some(ExactDecimal::of_count(items.len())),
                _ => None,
            },
            Operation::ToNumber { is_whole, text } => to_number(text, *is_whole, cells)?,
            _ => None,
        })
    }

    /// Evaluates what gives texts, lists and their parts.
    fn evaluate_parts<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Made<'a> {
        Ok(match self {
            Operation::Join(parts) => {
                let mut text = String::new();
                for part in parts {
                    part.evaluate(cells)?.write_plain(&mut text);
                    check_length(text.len())?;
                }
                ExpressionValue::text(text)
            }
            Operation::Change(filter, text, arguments) => match text.evaluate(cells)? {
                ExpressionValue::Text(text) => {
                    let arguments = arguments.iter().map(|argument| argument.evaluate(cells));
                    let arguments = arguments.collect::<Result<Vec<_>, ExpressionFailure>>()?;
                    ExpressionValue::text(filter.apply(text, &arguments)?)
                }
                _ => ExpressionValue::None,
            },
            Operation::Split(sides) => match evaluate_both(sides, cells)? {
                (ExpressionValue::Text(text), ExpressionValue::Text(separator)) => split(&text, &separator)?,
                _ => ExpressionValue::None,
            },
            Operation::JoinItems(sides) => match evaluate_both(sides, cells)? {
                (ExpressionValue::List(items), separator) => join(&items, &separator)?,
                _ => ExpressionValue::None,
            },
            Operation::Item(sides) => match evaluate_both(sides, cells)? {
                (of, ExpressionValue::Number(number)) => {
                    number.as_index().map_or(ExpressionValue::None, |index| item(of, index))
                }
                _ => ExpressionValue::None,
            },
            Operation::ToTime { conversion, text } => to_time(text, conversion, cells)?,
            Operation::Slice(of, ends) => slice(of.evaluate(cells)?, ends, cells)?,
            Operation::List(items) => {
                let items = items.iter().map(|item| item.evaluate(cells));
                ExpressionValue::List(items.collect::<Result<_, ExpressionFailure>>()?)
            }
            _ => ExpressionValue::None,
        })
    }

    /// Whether a condition holds.
    pub(super) fn holds<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Result<bool, ExpressionFailure> {
        if let Operation::Equals(_)
        | Operation::IsOrdered(..)
        | Operation::All(_)
        | Operation::Any(_)
        | Operation::Not(_) = self
        {
            return self.evaluate_truth(cells);
        }
        match self.evaluate(cells)? {
            ExpressionValue::Truth(truth) => Ok(truth),
            _ => Err(ExpressionFailure { reason: "what is empty is neither true nor false", column: self.column() }),
        }
    }

    /// The text of a cell with its filters, which is what most templates are made of; `None`: it is something else.
    pub(super) fn simple_text<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Option<Cow<'a, str>> {
        match self {
            Operation::Cell { column, conversion, .. }
                if matches!(**conversion, Conversion::Text | Conversion::Code) =>
            {
                Some(cells.said(*column).unwrap_or_default())
            }
            Operation::Change(filter, text, arguments) if arguments.is_empty() => {
                Some(filter.apply_alone(text.simple_text(cells)?))
            }
            _ => None,
        }
    }

    /// The value, if it is a constant.
    pub(super) fn constant(&self) -> Option<ExpressionValue<'static>> {
        match self {
            Operation::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// The column whose cell it is, or is made of first.
    fn column(&self) -> Option<usize> {
        match self {
            Operation::Cell { column, .. } | Operation::Pieces { column, .. } => Some(*column),
            Operation::Negate(of)
            | Operation::Round(of, _)
            | Operation::Absolute(of)
            | Operation::DivideExactly { dividend: of, .. }
            | Operation::Length(of)
            | Operation::ToNumber { text: of, .. }
            | Operation::ToTime { text: of, .. }
            | Operation::Change(_, of, _)
            | Operation::IsAmong(of, _)
            | Operation::Not(of)
            | Operation::Slice(of, _) => of.column(),
            Operation::Calculate(_, sides)
            | Operation::Divide(sides, _)
            | Operation::Default(sides)
            | Operation::Split(sides)
            | Operation::JoinItems(sides)
            | Operation::Item(sides) => sides.iter().find_map(Operation::column),
            Operation::Join(parts) | Operation::List(parts) => parts.iter().find_map(Operation::column),
            _ => None,
        }
    }
}

/// Both sides of an operator.
fn evaluate_both<'a, C: RecordCells<'a>>(
    sides: &'a [Operation; 2],
    cells: &C,
) -> Result<(ExpressionValue<'a>, ExpressionValue<'a>), ExpressionFailure> {
    Ok((sides[0].evaluate(cells)?, sides[1].evaluate(cells)?))
}

/// Whether two sides are the same. Cells that are texts are compared as they stand.
fn evaluate_equal<'a, C: RecordCells<'a>>(sides: &'a [Operation; 2], cells: &C) -> Result<bool, ExpressionFailure> {
    if let [Operation::Cell { column, conversion, .. }, Operation::Constant(constant)] = sides
        && matches!(**conversion, Conversion::Text | Conversion::Code)
    {
        return Ok(match (cells.said(*column), constant) {
            (Some(text), ExpressionValue::Text(other)) => text == *other,
            (text, _) => text.is_none_or(|text| text.is_empty()) && matches!(constant, ExpressionValue::None),
        });
    }
    if let Some(order) = compare_small(sides, cells) {
        return Ok(order.is_eq());
    }
    Ok(sides[0].evaluate(cells)?.equals(&sides[1].evaluate(cells)?))
}

/// Whether all conditions are as wanted; those behind the first that is not are not looked at.
fn evaluate_all<'a, C: RecordCells<'a>>(
    conditions: &'a [Operation],
    wanted: bool,
    cells: &C,
) -> Result<bool, ExpressionFailure> {
    for condition in conditions {
        if condition.holds(cells)? != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

fn to_number<'a, C: RecordCells<'a>>(
    operation: &'a Operation,
    is_whole: bool,
    cells: &C,
) -> Result<Option<ExactDecimal>, ExpressionFailure> {
    let (text, reason) = match operation.evaluate(cells)? {
        ExpressionValue::Text(text) if is_whole => (text, "a text is no whole number"),
        ExpressionValue::Text(text) => (text, "a text is no decimal number"),
        ExpressionValue::Number(number) if !is_whole => return Ok(Some(number)),
        ExpressionValue::Number(number) => {
            (Cow::Owned(number.to_string()), "a number has decimals, and `round(0)` is what rounds it")
        }
        _ => return Ok(None),
    };
    let failure = ExpressionFailure { reason, column: operation.column() };
    // A text may have zeros in front, as codes have.
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let is_digit = |at: usize| unsigned.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let zeros = (0..unsigned.len()).take_while(|at| unsigned.as_bytes()[*at] == b'0' && is_digit(at + 1)).count();
    let sign = &text[..text.len() - unsigned.len()];
    let number = ExactDecimal::parse(&[sign, &unsigned[zeros..]].concat()).ok_or(failure)?;
    if is_whole && text.contains('.') { Err(failure) } else { Ok(Some(number)) }
}

fn to_time<'a, C: RecordCells<'a>>(operation: &'a Operation, conversion: &Conversion, cells: &C) -> Made<'a> {
    let text = match operation.evaluate(cells)? {
        ExpressionValue::Text(text) => text,
        ExpressionValue::Number(number) => Cow::Owned(number.to_string()),
        _ => return Ok(ExpressionValue::None),
    };
    read_time(&text, conversion).map_err(|reason| ExpressionFailure { reason, column: operation.column() })
}

fn split<'a>(text: &str, separator: &str) -> Made<'a> {
    let items: Vec<ExpressionValue<'_>> =
        text.split(separator).take(MAX_ITEMS + 1).map(|part| ExpressionValue::text(part.to_owned())).collect();
    if items.len() > MAX_ITEMS {
        Err(ExpressionFailure::new("the list is too long"))
    } else {
        Ok(ExpressionValue::List(items))
    }
}

fn join<'a>(items: &[ExpressionValue<'_>], separator: &ExpressionValue<'_>) -> Made<'a> {
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            separator.write_plain(&mut text);
        }
        item.write_plain(&mut text);
        check_length(text.len())?;
    }
    Ok(ExpressionValue::text(text))
}

/// An item of a list, or a character of a text; nothing where there is none.
fn item(of: ExpressionValue<'_>, index: i64) -> ExpressionValue<'_> {
    let at = |length: usize| {
        let at = if index < 0 { index.checked_add_unsigned(length as u64)? } else { index };
        usize::try_from(at).ok().filter(|at| *at < length)
    };
    match of {
        ExpressionValue::Text(text) => {
            let found = at(text.chars().count()).and_then(|at| text.chars().nth(at));
            found.map_or(ExpressionValue::None, |character| ExpressionValue::text(character.to_string()))
        }
        ExpressionValue::List(mut items) => at(items.len()).map_or(ExpressionValue::None, |at| items.swap_remove(at)),
        _ => ExpressionValue::None,
    }
}

fn slice<'a, C: RecordCells<'a>>(
    of: ExpressionValue<'a>,
    ends: &'a [Option<Box<Operation>>; 2],
    cells: &C,
) -> Made<'a> {
    let mut bounds = [None, None];
    for (bound, end) in bounds.iter_mut().zip(ends) {
        if let Some(end) = end {
            let ExpressionValue::Number(number) = end.evaluate(cells)? else { return Ok(ExpressionValue::None) };
            let Some(index) = number.as_index() else { return Ok(ExpressionValue::None) };
            *bound = Some(index);
        }
    }
    let range = |length: usize| {
        let place = |index: i64| {
            let from_start = if index < 0 { index.saturating_add_unsigned(length as u64) } else { index };
            usize::try_from(from_start).unwrap_or(0).min(length)
        };
        let (start, end) = (bounds[0].map_or(0, place), bounds[1].map_or(length, place));
        start..end.max(start)
    };
    Ok(match of {
        ExpressionValue::Text(text) => {
            let range = range(text.chars().count());
            ExpressionValue::text(text.chars().skip(range.start).take(range.len()).collect::<String>())
        }
        ExpressionValue::List(items) => {
            let range = range(items.len());
            ExpressionValue::List(items.into_iter().skip(range.start).take(range.len()).collect())
        }
        _ => ExpressionValue::None,
    })
}
