//! The fast way to calculate: numbers of up to eighteen digits, without a branch for what is unusual.
//!
//! Whatever is not certain to be calculated exactly (a cell that is empty, long or signed, a result that is too large) gives
//! nothing here, and `evaluate` decides. What is calculated here is what `evaluate` gives, digit for digit.

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
        lanes::ByteLanes,
        number::{NumberFormat, parse_short},
    },
};

/// The most bytes that a number is written in: a sign, digits, a point and zeros in front of them.
pub const LONGEST_NUMBER: usize = 40;
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
    /// The number of a cell.
    #[inline]
    fn parse(cell: ByteLanes<'_>, format: NumberFormat) -> Option<SmallNumber> {
        let (lanes, length) = (cell.lanes_at(0), cell.len());
        let short = parse_short(&lanes, length, format.decimal_separator)?;
        let scale = if short.separator == 0 { 0 } else { u32::try_from(length - short.whole - 1).ok()? };
        Some(SmallNumber { digits: short.value(&lanes, length), scale })
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
    pub(super) fn write(self, json: &mut [u8; LONGEST_NUMBER]) -> usize {
        let mut text = [b'0'; LONGEST_NUMBER];
        let (mut at, mut rest, mut digits) = (LONGEST_NUMBER, self.digits.unsigned_abs(), 0);
        let scale = self.scale;
        while rest > 0 || digits <= scale {
            if digits == scale && scale > 0 {
                at -= 1;
                text[at % LONGEST_NUMBER] = b'.';
            }
            at -= 1;
            text[at % LONGEST_NUMBER] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            (rest, digits) = (rest / 10, digits + 1);
        }
        if self.digits < 0 {
            at -= 1;
            text[at % LONGEST_NUMBER] = b'-';
        }
        let length = LONGEST_NUMBER - at;
        json[..length].copy_from_slice(&text[at..]);
        length
    }
}

impl Operation {
    /// Whether it may be calculated on the fast way.
    pub(super) fn may_be_small(&self) -> bool {
        match self {
            Operation::Cell { conversion, has_reading, .. } => {
                !has_reading && matches!(**conversion, Conversion::Integer(_) | Conversion::Decimal(_))
            }
            Operation::Constant(ExpressionValue::Number(number)) => SmallNumber::of_exact(number).is_some(),
            Operation::Calculate(_, sides) => sides.iter().all(Operation::may_be_small),
            Operation::Negate(of) | Operation::Absolute(of) | Operation::Round(of, _) => of.may_be_small(),
            _ => false,
        }
    }

    /// The number it gives; `None`: it is no number, or is left to [`evaluate`](Operation::evaluate).
    pub(super) fn evaluate_small<'a, C: RecordCells<'a>>(&self, cells: &C) -> Option<SmallNumber> {
        match self {
            Operation::Cell { column, conversion, has_reading: false } => match **conversion {
                Conversion::Integer(format) | Conversion::Decimal(format) => {
                    SmallNumber::parse(cells.plain(*column)?, format)
                }
                _ => None,
            },
            Operation::Constant(ExpressionValue::Number(number)) => SmallNumber::of_exact(number),
            Operation::Calculate(operator, sides) => {
                let [one, other] = sides.as_ref();
                one.evaluate_small(cells)?.calculate(*operator, other.evaluate_small(cells)?)
            }
            Operation::Negate(of) => {
                let number = of.evaluate_small(cells)?;
                Some(SmallNumber { digits: number.digits.checked_neg()?, ..number })
            }
            Operation::Absolute(of) => {
                let number = of.evaluate_small(cells)?;
                Some(SmallNumber { digits: number.digits.checked_abs()?, ..number })
            }
            Operation::Round(of, rounding) => of.evaluate_small(cells)?.round(*rounding),
            _ => None,
        }
    }
}

/// The order of two sides that are numbers of few digits; `None`: it is left to [`evaluate`](Operation::evaluate).
pub(super) fn compare_small<'a, C: RecordCells<'a>>(sides: &[Operation; 2], cells: &C) -> Option<Ordering> {
    let [one, other] = sides;
    one.evaluate_small(cells)?.compare(other.evaluate_small(cells)?)
}
