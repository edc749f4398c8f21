//! Exact comparisons of JSON numbers of any length, for the rules of a contract about numbers and for what an answer says.
//!
//! A validator that takes a number for a float lets `9007199254740993.5` through as a whole one. Here digits are compared.

use std::cmp::Ordering;

/// The most digits of a number that others have to be a multiple of: then remainders fit 128 bits.
const MAX_DIVISOR_DIGITS: usize = 36;

/// A number: its digits, times a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExactNumber {
    is_negative: bool,
    /// Without zeros at either end; empty: the number is zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl ExactNumber {
    /// A number as JSON writes it.
    pub(crate) fn parse(text: &str) -> Option<ExactNumber> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
        if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut exponent = parse_exponent(exponent)?.saturating_sub_unsigned(fraction.len() as u64);
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        if digits.is_empty() {
            return Some(ExactNumber { is_negative: false, digits, exponent: 0 });
        }
        Some(ExactNumber { is_negative: unsigned.len() < text.len(), digits, exponent })
    }

    /// Whether it is 0.
    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// As a whole number, however it is written; one that is out of reach is as large as can be. `None`: it has a fraction.
    pub(crate) fn as_whole(&self) -> Option<i64> {
        let zeros = usize::try_from(self.exponent).ok()?;
        let limit = if self.is_negative { i64::MIN } else { i64::MAX };
        if self.digits.len().saturating_add(zeros) > 19 {
            return Some(limit);
        }
        let digits = self.digits.iter().copied().chain(std::iter::repeat_n(b'0', zeros));
        let size = digits.fold(0, |size: u64, digit| size * 10 + u64::from(digit - b'0'));
        let whole = i64::try_from(size).unwrap_or(i64::MAX);
        Some(if self.is_negative { -whole } else { whole })
    }

    /// Which of two numbers is larger.
    pub(super) fn compare(&self, other: &ExactNumber) -> Ordering {
        let sign = |number: &ExactNumber| match (number.digits.is_empty(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = |number: &ExactNumber| number.exponent.saturating_add_unsigned(number.digits.len() as u64);
        let magnitude = || size(self).cmp(&size(other)).then_with(|| self.digits.cmp(&other.digits));
        match sign(self).cmp(&sign(other)) {
            Ordering::Equal if sign(self) < 0 => magnitude().reverse(),
            Ordering::Equal if sign(self) > 0 => magnitude(),
            order => order,
        }
    }

    /// Whether others can be tested for being a multiple of it.
    pub(super) fn is_divisor(&self) -> bool {
        (1..=MAX_DIVISOR_DIGITS).contains(&self.digits.len())
    }

    /// Whether it is a whole multiple of another, which is a divisor.
    pub(super) fn is_multiple_of(&self, divisor: &ExactNumber) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        // The digits end in no zero, so no higher power of ten divides them.
        let Ok(shift) = u64::try_from(self.exponent.saturating_sub(divisor.exponent)) else { return false };
        let modulus = divisor.digits.iter().fold(0, |value: u128, digit| value * 10 + u128::from(digit - b'0'));
        let append = |rest: u128, digit: &u8| (rest * 10 + u128::from(digit - b'0')) % modulus;
        let rest = self.digits.iter().fold(0, append);
        multiply(rest, power_of_ten(shift, modulus), modulus) == 0
    }
}

/// An exponent; one that is out of reach is as large as can be.
fn parse_exponent(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 }))
}

/// A power of ten, as a remainder.
fn power_of_ten(exponent: u64, modulus: u128) -> u128 {
    let (mut power, mut base) = (1 % modulus, 10 % modulus);
    for bit in 0..u64::BITS - exponent.leading_zeros() {
        if exponent >> bit & 1 == 1 {
            power = multiply(power, base, modulus);
        }
        base = multiply(base, base, modulus);
    }
    power
}

/// The product of two remainders, as a remainder.
fn multiply(one: u128, other: u128, modulus: u128) -> u128 {
    if let Some(product) = one.checked_mul(other) {
        return product % modulus;
    }
    let mut product = 0;
    for bit in (0..u128::BITS - other.leading_zeros()).rev() {
        product = product * 2 % modulus;
        if other >> bit & 1 == 1 {
            product = (product + one) % modulus;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::ExactNumber;
    use std::cmp::Ordering::{Equal, Greater, Less};

    fn number(text: &str) -> ExactNumber {
        ExactNumber::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_compared_digit_by_digit() {
        for (one, other, order) in [
            ("1", "1.0", Equal),
            ("-0", "0.000", Equal),
            ("1e2", "100", Equal),
            ("1E+2", "100.00", Equal),
            ("12e-1", "1.2", Equal),
            ("9007199254740993.5", "9007199254740993", Greater),
            ("18446744073709551615.5", "18446744073709551616", Less),
            ("0.10000000000000000001", "0.1", Greater),
            ("-0.10000000000000000001", "-0.1", Less),
            ("99", "100", Less),
            ("-99", "-100", Greater),
            ("-1", "1", Less),
            ("0", "1e-400", Less),
            ("0", "-1e-400", Greater),
            ("1e400", "1e399", Greater),
            ("123456789012345678901234567890.1", "123456789012345678901234567890.09", Greater),
            ("1e99999999999999999999", "1", Greater),
            ("1e-99999999999999999999", "1", Less),
            ("0e99999999999999999999", "0", Equal),
        ] {
            assert_eq!(number(one).compare(&number(other)), order, "{one} {other}");
            assert_eq!(number(other).compare(&number(one)), order.reverse(), "{other} {one}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (one, divisor, is_multiple) in [
            ("9007199254740993.5", "1", false),
            ("9007199254740993.0", "1", true),
            ("9007199254740993.55", "0.01", true),
            ("9007199254740993.555", "0.01", false),
            ("4.35", "0.01", true),
            ("4.35", "1e-2", true),
            ("0.9", "0.3", true),
            ("1", "0.3", false),
            ("-7.5", "2.5", true),
            ("0", "7", true),
            ("7", "14", false),
            ("100", "1e2", true),
            ("350", "1e2", false),
            ("1", "1e-400", true),
            ("1e400", "7", false),
            ("1e-400", "1", false),
            ("18446744073709551616", "3", false),
            ("18446744073709551615", "3", true),
            ("999999999999999999999999999999999998000000", "999999999999999999999999999999999998", true),
            ("999999999999999999999999999999999998000001", "999999999999999999999999999999999998", false),
            ("1e36", "999999999999999999999999999999999998", false),
            ("3.3e40", "1.1", true),
            ("3.2e40", "1.1", false),
        ] {
            assert_eq!(number(one).is_multiple_of(&number(divisor)), is_multiple, "{one} {divisor}");
        }
        assert!(!number("0").is_divisor());
        assert!(!number(&"1".repeat(37)).is_divisor());
    }

    #[test]
    fn small_numbers_are_those_of_whole_arithmetic() {
        let texts = |number: i64, scale: u32| {
            let (sign, size, unit) = (if number < 0 { "-" } else { "" }, number.abs(), 10_i64.pow(scale));
            format!("{sign}{}.{:0width$}", size / unit, size % unit, width = scale as usize)
        };
        for one in -130..130 {
            for other in -130..130 {
                for (left, right) in [(1, 1), (1, 2), (2, 1), (3, 2)] {
                    let (a, b) = (one * 10_i64.pow(3 - left), other * 10_i64.pow(3 - right));
                    let (x, y) = (number(&texts(one, left)), number(&texts(other, right)));
                    assert_eq!(x.compare(&y), a.cmp(&b), "{one} {other}");
                    if other > 0 {
                        assert_eq!(x.is_multiple_of(&y), a % b == 0, "{one} {other}");
                    }
                }
            }
        }
    }
}
