//! Exact decimal numbers to calculate with: a whole number and how many of its digits stand behind the decimal point.
//!
//! Nothing passes through a binary float. Most numbers fit 128 bits; the others are those of `num-bigint`. A number has at
//! most [`MAX_DIGITS`] digits, so that no calculation takes memory or time without bound.

use std::{cmp::Ordering, fmt};

use num_bigint::{BigInt, Sign};

use crate::text::number::{Number, NumberFormat};

/// The most digits of a number, in front of the decimal point and behind it.
pub const MAX_DIGITS: u32 = 10_000;
/// How many digits always fit 128 bits.
const SMALL_DIGITS: usize = 38;

/// The number would have more than [`MAX_DIGITS`] digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDigits;

/// An exact decimal number.
#[derive(Clone, Debug)]
pub struct ExactDecimal {
    digits: Whole,
    /// How many of the digits stand behind the decimal point.
    scale: u32,
}

/// A whole number.
#[derive(Clone, Debug)]
enum Whole {
    Small(i128),
    Large(BigInt),
}

/// How a number is rounded to some digits behind the decimal point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounding {
    /// How many digits there are.
    pub scale: u32,
    /// Half goes to the even digit, and not away from zero.
    pub half_to_even: bool,
}

type Calculated = Result<ExactDecimal, TooManyDigits>;

impl ExactDecimal {
    /// The number of some items.
    #[must_use]
    pub fn of_count(count: usize) -> ExactDecimal {
        ExactDecimal { digits: Whole::Small(count as i128), scale: 0 }
    }

    /// A number as its parts.
    ///
    /// # Errors
    /// It is too long.
    pub fn of_number(number: &Number<'_>) -> Calculated {
        let (whole, fraction) = (number.whole_digits(), number.fraction);
        let scale = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        if whole.len() + fraction.len() <= SMALL_DIGITS {
            let digits = whole.iter().chain(fraction).fold(0, |value, digit| value * 10 + i128::from(digit - b'0'));
            return Ok(ExactDecimal { digits: Whole::Small(if number.is_negative { -digits } else { digits }), scale });
        }
        if whole.len() > MAX_DIGITS as usize || scale > MAX_DIGITS {
            return Err(TooManyDigits);
        }
        let digits: Vec<u8> = whole.iter().chain(fraction).copied().collect();
        let digits = BigInt::parse_bytes(&digits, 10).unwrap_or_default();
        ExactDecimal { digits: Whole::Large(if number.is_negative { -digits } else { digits }), scale }.checked()
    }

    /// A number as JSON writes it, without an exponent; `None`: the text is none, or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<ExactDecimal> {
        ExactDecimal::of_number(&NumberFormat::JSON.parse(text.as_bytes())?).ok()
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.digits {
            Whole::Small(digits) => *digits == 0,
            Whole::Large(digits) => digits.sign() == Sign::NoSign,
        }
    }

    /// Whether digits stand behind its decimal point, zeros or others.
    #[must_use]
    pub fn has_decimals(&self) -> bool {
        self.scale > 0
    }

    /// As a whole number that counts something: what is larger than any count is the largest; `None`: it has decimals.
    #[must_use]
    pub fn as_index(&self) -> Option<i64> {
        let largest = if self.is_negative() { i64::MIN } else { i64::MAX };
        match (&self.digits, self.scale) {
            (Whole::Small(digits), 0) => Some(i64::try_from(*digits).unwrap_or(largest)),
            (Whole::Large(_), 0) => Some(largest),
            _ => None,
        }
    }

    /// Its digits, and how many of them stand behind the decimal point; `None`: there are many.
    #[must_use]
    pub fn as_small(&self) -> Option<(i64, u32)> {
        match &self.digits {
            Whole::Small(digits) => i64::try_from(*digits).ok().map(|digits| (digits, self.scale)),
            Whole::Large(_) => None,
        }
    }

    /// How many units it is, of which one has so many digits behind the decimal point; `None`: it is no whole number of them, or
    /// too large to count.
    #[must_use]
    pub fn as_units(&self, digits: u32) -> Option<i128> {
        let scale = self.scale.max(digits);
        let units = match self.digits_at(scale) {
            Whole::Small(units) => units,
            Whole::Large(units) => i128::try_from(units).ok()?,
        };
        let by = 10_i128.checked_pow(scale - digits)?;
        (units % by == 0).then_some(units / by)
    }

    /// How many digits it has behind the decimal point, without zeros at the end.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        self.clone().without_zeros().scale
    }

    /// The sum, with as many decimals as the finer of both.
    ///
    /// # Errors
    /// It is too long.
    pub fn add(&self, other: &ExactDecimal) -> Calculated {
        let scale = self.scale.max(other.scale);
        let (one, other) = (self.digits_at(scale), other.digits_at(scale));
        let small = match (&one, &other) {
            (Whole::Small(one), Whole::Small(other)) => one.checked_add(*other),
            _ => None,
        };
        let digits = small.map_or_else(|| Whole::Large(one.large() + other.large()), Whole::Small);
        ExactDecimal { digits, scale }.checked()
    }

    /// The difference, with as many decimals as the finer of both.
    ///
    /// # Errors
    /// It is too long.
    pub fn subtract(&self, other: &ExactDecimal) -> Calculated {
        self.add(&other.negated())
    }

    /// The product, with the decimals of both.
    ///
    /// # Errors
    /// It is too long.
    pub fn multiply(&self, other: &ExactDecimal) -> Calculated {
        let scale = self.scale + other.scale;
        let small = match (&self.digits, &other.digits) {
            (Whole::Small(one), Whole::Small(other)) => one.checked_mul(*other),
            _ => None,
        };
        let digits = small.map_or_else(|| Whole::Large(self.digits.large() * other.digits.large()), Whole::Small);
        ExactDecimal { digits, scale }.checked()
    }

    /// The same with the other sign.
    #[must_use]
    pub fn negated(&self) -> ExactDecimal {
        let digits = match &self.digits {
            Whole::Small(digits) if *digits != i128::MIN => Whole::Small(-digits),
            digits => Whole::Large(-digits.large()),
        };
        ExactDecimal { digits, scale: self.scale }
    }

    /// The same without its sign.
    #[must_use]
    pub fn absolute(&self) -> ExactDecimal {
        if self.is_negative() { self.negated() } else { self.clone() }
    }

    /// How many decimals a quotient of whole numbers by it has at most; `None`: it may have more than any number has.
    #[must_use]
    pub fn quotient_decimals(&self) -> Option<u32> {
        let mut rest = self.digits.large();
        if self.is_zero() {
            return None;
        }
        let mut count = |factor: u8| {
            let mut times = 0;
            while (&rest % factor).sign() == Sign::NoSign {
                rest /= factor;
                times += 1;
            }
            times
        };
        let decimals: u32 = count(2).max(count(5));
        (rest.magnitude() == BigInt::from(1).magnitude()).then_some(decimals)
    }

    /// The quotient by a number whose [`quotient_decimals`](Self::quotient_decimals) are known, with the fewest decimals that
    /// are exact.
    ///
    /// # Errors
    /// It is too long.
    pub fn divide_exactly(&self, divisor: &ExactDecimal, decimals: u32) -> Calculated {
        let scale = self.scale + decimals;
        let quotient = self.divide(divisor, Rounding { scale, half_to_even: false })?;
        Ok(quotient.without_zeros())
    }

    /// The quotient, rounded. By zero it is zero; who asks knows better.
    ///
    /// # Errors
    /// It is too long.
    pub fn divide(&self, divisor: &ExactDecimal, rounding: Rounding) -> Calculated {
        // Both are multiplied by powers of ten, so that the quotient of the digits has the scale that is wanted.
        let up = rounding.scale + divisor.scale;
        let (dividend, by) = match up.checked_sub(self.scale) {
            Some(shift) => (self.digits.times_ten(shift), divisor.digits.clone()),
            None => (self.digits.clone(), divisor.digits.times_ten(self.scale - up)),
        };
        let digits = dividend.divided(&by, rounding.half_to_even);
        ExactDecimal { digits, scale: rounding.scale }.checked()
    }

    /// The same number with exactly so many decimals.
    ///
    /// # Errors
    /// It is too long.
    pub fn round(&self, rounding: Rounding) -> Calculated {
        if rounding.scale >= self.scale {
            return ExactDecimal { digits: self.digits_at(rounding.scale), scale: rounding.scale }.checked();
        }
        let by = Whole::Small(1).times_ten(self.scale - rounding.scale);
        let digits = self.digits.divided(&by, rounding.half_to_even);
        Ok(ExactDecimal { digits, scale: rounding.scale })
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.digits {
            Whole::Small(digits) => *digits < 0,
            Whole::Large(digits) => digits.sign() == Sign::Minus,
        }
    }

    /// The digits with a scale that is not smaller.
    fn digits_at(&self, scale: u32) -> Whole {
        self.digits.times_ten(scale - self.scale)
    }

    /// The same number without zeros at its end, behind the decimal point.
    fn without_zeros(mut self) -> ExactDecimal {
        while self.scale > 0 {
            let ten = Whole::Small(10);
            let shorter = self.digits.divided(&ten, false);
            match shorter.times_ten(1).compare(&self.digits) {
                Ordering::Equal => self = ExactDecimal { digits: shorter, scale: self.scale - 1 },
                _ => break,
            }
        }
        self
    }

    /// The number, if it is not too long.
    fn checked(self) -> Calculated {
        let is_long = match &self.digits {
            Whole::Small(_) => false,
            // A digit takes more than three bits.
            Whole::Large(digits) => digits.bits() > 10 * u64::from(MAX_DIGITS) / 3,
        };
        if is_long || self.scale > MAX_DIGITS { Err(TooManyDigits) } else { Ok(self) }
    }
}

impl Whole {
    fn large(&self) -> BigInt {
        match self {
            Whole::Small(digits) => BigInt::from(*digits),
            Whole::Large(digits) => digits.clone(),
        }
    }

    /// The number times a power of ten.
    fn times_ten(&self, power: u32) -> Whole {
        let small = match self {
            Whole::Small(digits) => 10_i128.checked_pow(power).and_then(|power| digits.checked_mul(power)),
            Whole::Large(_) => None,
        };
        small.map_or_else(|| Whole::Large(self.large() * BigInt::from(10).pow(power)), Whole::Small)
    }

    /// The quotient, half rounded to an even number or away from zero; 0 of a division by zero.
    fn divided(&self, by: &Whole, half_to_even: bool) -> Whole {
        if let (Whole::Small(digits), Whole::Small(by)) = (self, by)
            && let (Some(quotient), Some(rest)) = (digits.checked_div(*by), digits.checked_rem(*by))
        {
            let up = match rest.unsigned_abs().cmp(&(by.unsigned_abs() - rest.unsigned_abs())) {
                Ordering::Less => false,
                Ordering::Equal => !half_to_even || quotient % 2 != 0,
                Ordering::Greater => true,
            };
            let step = if (*digits < 0) == (*by < 0) { 1 } else { -1 };
            if let Some(quotient) = quotient.checked_add(if up { step } else { 0 }) {
                return Whole::Small(quotient);
            }
        }
        let (digits, by) = (self.large(), by.large());
        if by.sign() == Sign::NoSign {
            return Whole::Small(0);
        }
        let (quotient, rest) = (&digits / &by, &digits % &by);
        let twice: BigInt = rest * 2;
        let up = match twice.magnitude().cmp(by.magnitude()) {
            Ordering::Less => false,
            Ordering::Equal => !half_to_even || quotient.bit(0),
            Ordering::Greater => true,
        };
        let step = if (digits.sign() == Sign::Minus) == (by.sign() == Sign::Minus) { 1 } else { -1 };
        Whole::Large(if up { quotient + step } else { quotient })
    }

    fn compare(&self, other: &Whole) -> Ordering {
        match (self, other) {
            (Whole::Small(one), Whole::Small(other)) => one.cmp(other),
            _ => self.large().cmp(&other.large()),
        }
    }
}

impl PartialEq for ExactDecimal {
    fn eq(&self, other: &ExactDecimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ExactDecimal {}

impl PartialOrd for ExactDecimal {
    fn partial_cmp(&self, other: &ExactDecimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers are compared by value: `1.0` is `1`.
impl Ord for ExactDecimal {
    fn cmp(&self, other: &ExactDecimal) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.digits_at(scale).compare(&other.digits_at(scale))
    }
}

/// Prints it as JSON writes it, with all of its decimals; zero has no sign.
impl fmt::Display for ExactDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match &self.digits {
            Whole::Small(digits) => digits.unsigned_abs().to_string(),
            Whole::Large(digits) => digits.magnitude().to_string(),
        };
        let sign = if self.is_negative() { "-" } else { "" };
        let scale = self.scale as usize;
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let zeros = (scale + 1).saturating_sub(digits.len());
        let digits = ["0".repeat(zeros), digits].concat();
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{ExactDecimal, MAX_DIGITS, Rounding, TooManyDigits};

    fn number(text: &str) -> ExactDecimal {
        ExactDecimal::parse(text).unwrap()
    }

    #[test]
    fn arithmetic_is_exact_and_keeps_decimals() {
        let large = "123456789012345678901234567890123456789012345";
        let table = [
            ("0.1", '+', "0.2", "0.3"),
            ("1.50", '+', "1", "2.50"),
            ("1", '-', "1.00", "0.00"),
            ("-0.5", '+', "0.25", "-0.25"),
            ("2.50", '*', "4", "10.00"),
            ("0.1", '*', "0.1", "0.01"),
            ("-3", '*', "0.5", "-1.5"),
            ("9007199254740993", '*', "3", "27021597764222979"),
            (large, '+', "0.5", "123456789012345678901234567890123456789012345.5"),
            (large, '*', "10", "1234567890123456789012345678901234567890123450"),
            (large, '-', large, "0"),
            ("170141183460469231731687303715884105727", '+', "1", "170141183460469231731687303715884105728"),
        ];
        for (one, operator, other, result) in table {
            let (a, b) = (number(one), number(other));
            let made = match operator {
                '+' => a.add(&b),
                '-' => a.subtract(&b),
                _ => a.multiply(&b),
            };
            assert_eq!(made.unwrap().to_string(), result, "{one} {operator} {other}");
        }
    }

    #[test]
    fn quotients_have_the_fewest_decimals_that_are_exact() {
        for (one, other, result) in [
            ("20", "100", "0.2"),
            ("23", "100", "0.23"),
            ("13.5", "100", "0.135"),
            ("100", "4", "25"),
            ("1", "8", "0.125"),
            ("-1", "0.5", "-2"),
            ("0", "2", "0"),
            ("1000", "10", "100"),
            ("1", "1024", "0.0009765625"),
        ] {
            let (one, other) = (number(one), number(other));
            let decimals = other.quotient_decimals().unwrap();
            assert_eq!(one.divide_exactly(&other, decimals).unwrap().to_string(), result);
        }
        for endless in ["3", "0", "0.7", "30", "-6"] {
            assert_eq!(number(endless).quotient_decimals(), None, "{endless}");
        }
    }

    #[test]
    fn rounding_gives_exactly_so_many_decimals() {
        let rounding = |scale, half_to_even| Rounding { scale, half_to_even };
        for (text, scale, away, even) in [
            ("2.5", 0, "3", "2"),
            ("3.5", 0, "4", "4"),
            ("-2.5", 0, "-3", "-2"),
            ("2.675", 2, "2.68", "2.68"),
            ("2.665", 2, "2.67", "2.66"),
            ("2.6649", 2, "2.66", "2.66"),
            ("-0.004", 2, "0.00", "0.00"),
            ("1", 2, "1.00", "1.00"),
            ("1.239", 2, "1.24", "1.24"),
            (
                "123456789012345678901234567890123456789.5",
                0,
                "123456789012345678901234567890123456790",
                "123456789012345678901234567890123456790",
            ),
        ] {
            assert_eq!(number(text).round(rounding(scale, false)).unwrap().to_string(), away, "{text}");
            assert_eq!(number(text).round(rounding(scale, true)).unwrap().to_string(), even, "{text}");
        }
        for (one, other, scale, result) in [
            ("1", "3", 2, "0.33"),
            ("2", "3", 2, "0.67"),
            ("-2", "3", 4, "-0.6667"),
            ("1", "0.03", 1, "33.3"),
            ("5", "2", 0, "3"),
            ("1.00", "800", 2, "0.00"),
            ("1", "200", 2, "0.01"),
        ] {
            let made = number(one).divide(&number(other), rounding(scale, false)).unwrap();
            assert_eq!(made.to_string(), result, "{one} / {other}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value_and_bounded() {
        assert_eq!(number("1.0"), number("1"));
        assert_eq!(number("-0.0"), number("0"));
        assert_eq!(number("9007199254740993").cmp(&number("9007199254740992.9")), Ordering::Greater);
        assert_eq!(number("-2").cmp(&number("1")), Ordering::Less);
        let long = number(&"9".repeat(MAX_DIGITS as usize));
        assert_eq!(long.multiply(&long).err(), Some(TooManyDigits));
        assert!(ExactDecimal::parse(&"9".repeat(MAX_DIGITS as usize + 1)).is_none());
        let tiny = number(&format!("0.{}1", "0".repeat(MAX_DIGITS as usize - 1)));
        assert_eq!(tiny.multiply(&tiny).err(), Some(TooManyDigits));
        assert_eq!(ExactDecimal::of_count(7).as_index(), Some(7));
    }

    /// Against whole numbers of 128 bits, also where the digits do not fit them.
    #[test]
    fn large_and_small_numbers_calculate_alike() {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            i128::from(seed >> 20) - (1 << 43)
        };
        for _ in 0..20_000 {
            let (one, other) = (next(), next());
            let other = if other == 0 { 1 } else { other };
            let shift = format!("{}", 10_i128.pow(37));
            let (a, b, far) = (number(&one.to_string()), number(&other.to_string()), number(&shift));
            let away = a.multiply(&far).unwrap().multiply(&far).unwrap();
            let back = away.divide(&far, Rounding { scale: 0, half_to_even: false }).unwrap();
            let back = back.divide(&far, Rounding { scale: 0, half_to_even: false }).unwrap();
            assert_eq!(back, a);
            assert_eq!(a.add(&b).unwrap().to_string(), (one + other).to_string());
            assert_eq!(a.multiply(&b).unwrap().to_string(), (one * other).to_string());
            assert_eq!(a.cmp(&b), one.cmp(&other));
            let quotient = a.divide(&b, Rounding { scale: 0, half_to_even: false }).unwrap();
            let twice = (2 * one.abs() + other.abs()) / (2 * other.abs());
            let expected = if (one < 0) == (other < 0) { twice } else { -twice };
            assert_eq!(quotient.to_string(), expected.to_string(), "{one} / {other}");
        }
    }
}
