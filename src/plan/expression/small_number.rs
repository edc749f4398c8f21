//! The fast way to calculate: numbers of up to eighteen digits, without a branch for what is unusual.
//!
//! Whatever is not certain to be calculated exactly (a cell that is empty, long or signed, a result that is too large) gives
//! nothing here, and `evaluate` decides. What is calculated here is what `evaluate` gives, digit for digit.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than reading it")]

use std::cmp::Ordering;

use crate::{
    plan::{
        conversion::Conversion,
        expression::{
            operation::{Operation, Operator},
            record_cells::RecordCells,
            value::ExpressionValue,
        },
    },
    text::{
        exact_decimal::{ExactDecimal, Rounding},
        lanes::LANES,
        number::{NO_SEPARATOR, parse_short},
    },
};

/// The most bytes that a number is written in: a sign, digits, a point and zeros in front of them.
pub const LONGEST_NUMBER: usize = 40;
/// The most digits behind the decimal point.
const MAX_SCALE: u32 = 18;
/// The powers of ten that fit.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A decimal number of few digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct SmallNumber {
    digits: i64,
    /// How many of the digits stand behind the decimal point; less than [`POWERS`] has entries.
    scale: u32,
}

impl SmallNumber {
    /// The number of a cell of so many bytes, which begins with these. A cell in quotes is none: no quote is a digit.
    #[inline(always)]
    fn parse(lanes: &[u8; LANES], length: usize, separator: u8) -> Option<SmallNumber> {
        let short = parse_short(lanes, length, separator)?;
        let scale = if short.separator == 0 { 0 } else { u32::try_from(length - short.whole - 1).unwrap_or(0) };
        Some(SmallNumber { digits: short.value(lanes, length), scale })
    }

    fn of_exact(number: &ExactDecimal) -> Option<SmallNumber> {
        let (digits, scale) = number.as_small()?;
        ((scale as usize) < POWERS.len()).then_some(SmallNumber { digits, scale })
    }

    /// The digits with a scale that is not smaller.
    #[inline]
    fn digits_at(self, scale: u32) -> Option<i64> {
        let shift = (scale - self.scale) as usize;
        if shift == 0 { Some(self.digits) } else { self.digits.checked_mul(*POWERS.get(shift)?) }
    }

    #[inline]
    fn calculate(self, operator: Operator, other: SmallNumber) -> Option<SmallNumber> {
        if operator == Operator::Multiply {
            let scale = self.scale + other.scale;
            let digits = self.digits.checked_mul(other.digits)?;
            return ((scale as usize) < POWERS.len()).then_some(SmallNumber { digits, scale });
        }
        let scale = self.scale.max(other.scale);
        let (one, other) = (self.digits_at(scale)?, other.digits_at(scale)?);
        let digits = match operator {
            Operator::Subtract => one.checked_sub(other)?,
            _ => one.checked_add(other)?,
        };
        Some(SmallNumber { digits, scale })
    }

    #[inline]
    fn round(self, rounding: Rounding) -> Option<SmallNumber> {
        let scale = rounding.scale;
        if scale >= self.scale {
            let digits = self.digits_at(scale)?;
            return ((scale as usize) < POWERS.len()).then_some(SmallNumber { digits, scale });
        }
        let by = *POWERS.get((self.scale - scale) as usize)?;
        let (quotient, rest) = (self.digits / by, self.digits % by);
        let up = match rest.unsigned_abs().cmp(&(by / 2).unsigned_abs()) {
            Ordering::Less => false,
            Ordering::Equal => !rounding.half_to_even || quotient % 2 != 0,
            Ordering::Greater => true,
        };
        let digits = quotient + if up { self.digits.signum() } else { 0 };
        Some(SmallNumber { digits, scale })
    }

    #[inline]
    fn compare(self, other: SmallNumber) -> Option<Ordering> {
        let scale = self.scale.max(other.scale);
        Some(self.digits_at(scale)?.cmp(&other.digits_at(scale)?))
    }

    /// Writes it as JSON does; gives how many bytes that takes.
    #[inline]
    pub(super) fn write(self, json: &mut [u8; LONGEST_NUMBER]) -> usize {
        // The text ends in the middle, so that a copy of known length is one of all of it.
        let mut text = [b'0'; 2 * LONGEST_NUMBER];
        let (mut at, mut rest) = (LONGEST_NUMBER, self.digits.unsigned_abs());
        for _ in 0..self.scale.min(MAX_SCALE) {
            at -= 1;
            text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        if self.scale > 0 {
            at -= 1;
            text[at] = b'.';
        }
        loop {
            at -= 1;
            text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.digits < 0 {
            at -= 1;
            text[at] = b'-';
        }
        if let Some(written) = text[at..].first_chunk() {
            *json = *written;
        }
        LONGEST_NUMBER - at
    }
}

impl Operation {
    /// Whether it may be decided or calculated on the fast way.
    pub(super) fn may_be_small(&self) -> bool {
        match self {
            Operation::Cell { conversion, has_reading, .. } => {
                !has_reading && matches!(**conversion, Conversion::Integer(_) | Conversion::Decimal(_))
            }
            Operation::Constant(ExpressionValue::Number(number)) => SmallNumber::of_exact(number).is_some(),
            Operation::Calculate(_, sides) | Operation::IsOrdered(_, sides) | Operation::Equals(sides) => {
                sides.iter().all(Operation::may_be_small)
            }
            Operation::Negate(of) | Operation::Absolute(of) | Operation::Round(of, _) | Operation::Not(of) => {
                of.may_be_small()
            }
            Operation::All(conditions) | Operation::Any(conditions) => conditions.iter().all(Operation::may_be_small),
            _ => false,
        }
    }

    /// The number it gives; `None`: it is no number, or is left to [`evaluate`](Operation::evaluate).
    pub(super) fn evaluate_small<'a, C: RecordCells<'a>>(&self, cells: &C) -> Option<SmallNumber> {
        match self {
            Operation::Calculate(operator, sides) => {
                let [one, other] = sides.as_ref();
                one.read_small(cells)?.calculate(*operator, other.read_small(cells)?)
            }
            Operation::Negate(of) => {
                let number = of.read_small(cells)?;
                Some(SmallNumber { digits: number.digits.checked_neg()?, ..number })
            }
            Operation::Absolute(of) => {
                let number = of.read_small(cells)?;
                Some(SmallNumber { digits: number.digits.checked_abs()?, ..number })
            }
            Operation::Round(of, rounding) => of.evaluate_small(cells)?.round(*rounding),
            Operation::Constant(ExpressionValue::Number(number)) => SmallNumber::of_exact(number),
            Operation::Cell { has_reading: false, .. } => self.read_small(cells),
            _ => None,
        }
    }

    /// As [`evaluate_small`](Self::evaluate_small), without a call for a cell.
    #[inline(always)]
    fn read_small<'a, C: RecordCells<'a>>(&self, cells: &C) -> Option<SmallNumber> {
        let Operation::Cell { column, conversion, has_reading: false } = self else {
            return self.evaluate_small(cells);
        };
        let separator = match **conversion {
            Conversion::Integer(_) => NO_SEPARATOR,
            Conversion::Decimal(format) => format.decimal_separator,
            _ => return None,
        };
        let (lanes, length) = cells.lanes(*column)?;
        SmallNumber::parse(&lanes, length, separator)
    }

    /// Whether it holds; `None`: it is no condition, or is left to [`holds`](Operation::holds).
    pub(super) fn holds_small<'a, C: RecordCells<'a>>(&self, cells: &C) -> Option<bool> {
        match self {
            Operation::IsOrdered(order, sides) => Some(order.holds(compare_small(sides, cells)?)),
            Operation::Equals(sides) => Some(compare_small(sides, cells)?.is_eq()),
            Operation::Not(condition) => Some(!condition.holds_small(cells)?),
            Operation::All(conditions) => decide_small(conditions, true, cells),
            Operation::Any(conditions) => decide_small(conditions, false, cells).map(|none| !none),
            _ => None,
        }
    }
}

/// Whether all conditions are as wanted; those behind the first that is not are not looked at.
#[inline(always)]
fn decide_small<'a, C: RecordCells<'a>>(conditions: &[Operation], wanted: bool, cells: &C) -> Option<bool> {
    for condition in conditions {
        if condition.holds_small(cells)? != wanted {
            return Some(false);
        }
    }
    Some(true)
}

/// The order of two sides that are numbers of few digits; `None`: it is left to [`evaluate`](Operation::evaluate).
#[inline]
pub(super) fn compare_small<'a, C: RecordCells<'a>>(sides: &[Operation; 2], cells: &C) -> Option<Ordering> {
    let [one, other] = sides;
    one.read_small(cells)?.compare(other.read_small(cells)?)
}
