//! An exact decimal number of any length, for sums of amounts.
//!
//! It is stored as limbs of eighteen digits on both sides of the decimal point, so numbers of different scales are aligned
//! by whole limbs, and nothing is ever rounded. Plain amounts are not added here one by one: `recording::totals` adds them
//! up as whole numbers first.

use std::fmt;

use crate::text::number::Number;

/// How many decimal digits a limb holds.
const LIMB_DIGITS: usize = 18;
/// One more than the largest limb.
const BASE: i64 = 1_000_000_000_000_000_000;

/// An exact decimal number of any length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    /// Zero is never negative.
    is_negative: bool,
    /// How many digits are printed behind the decimal point.
    scale: usize,
    /// The digits, the last limb first. The lowest [`limbs_of_fraction`] are behind the point; of those in front of it the
    /// highest is not zero.
    limbs: Vec<i64>,
}

/// How many limbs hold so many digits behind the point.
fn limbs_of_fraction(scale: usize) -> usize {
    scale.div_ceil(LIMB_DIGITS)
}

impl From<Number<'_>> for Decimal {
    fn from(number: Number<'_>) -> Decimal {
        Decimal::from_digits(number.is_negative, &number.whole_digits(), number.fraction)
    }
}

impl Decimal {
    /// A whole number of the smallest unit, of which `scale` digits stand behind the decimal point.
    #[must_use]
    pub fn new(number: i128, scale: usize) -> Decimal {
        let digits = format!("{:0width$}", number.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.as_bytes().split_at(digits.len() - scale);
        Decimal::from_digits(number < 0, whole, fraction)
    }

    fn from_digits(is_negative: bool, whole: &[u8], fraction: &[u8]) -> Decimal {
        let limb = |digits: &[u8], width: usize| {
            let value = digits.iter().fold(0, |limb, digit| limb * 10 + i64::from(digit - b'0'));
            (digits.len()..width).fold(value, |limb, _| limb * 10)
        };
        let behind = fraction.chunks(LIMB_DIGITS).rev().map(|digits| limb(digits, LIMB_DIGITS));
        let limbs = behind.chain(whole.rchunks(LIMB_DIGITS).map(|digits| limb(digits, 0))).collect();
        let mut decimal = Decimal { is_negative, scale: fraction.len(), limbs };
        decimal.normalise();
        decimal
    }

    /// Whether it is zero, with however many decimals.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.limbs.iter().all(|limb| *limb == 0)
    }

    /// How many digits are printed behind the decimal point.
    #[must_use]
    pub fn scale(&self) -> usize {
        self.scale
    }

    /// Adds another number. The sum has as many decimals as the finer of both.
    pub fn add(&mut self, other: &Decimal) {
        self.add_limbs(other);
        self.normalise();
    }

    fn add_limbs(&mut self, other: &Decimal) {
        let (ours, theirs) = (limbs_of_fraction(self.scale), limbs_of_fraction(other.scale));
        self.limbs.splice(..0, std::iter::repeat_n(0, theirs.saturating_sub(ours)));
        self.scale = self.scale.max(other.scale);
        let aligned = std::iter::repeat_n(&0, ours.saturating_sub(theirs)).chain(&other.limbs);
        let length = self.limbs.len().max(aligned.clone().count()) + 1;
        self.limbs.resize(length, 0);
        let sign = if self.is_negative == other.is_negative { 1 } else { -1 };
        let mut carry = 0;
        for (limb, addend) in self.limbs.iter_mut().zip(aligned.chain(std::iter::repeat(&0))) {
            let sum = *limb + sign * addend + carry;
            (*limb, carry) = (sum.rem_euclid(BASE), sum.div_euclid(BASE));
        }
        if carry < 0 {
            // The other is larger, so what stands here is the complement of the difference.
            self.is_negative = !self.is_negative;
            let mut carry = 0;
            for limb in &mut self.limbs {
                let rest = carry - *limb;
                (*limb, carry) = (rest.rem_euclid(BASE), rest.div_euclid(BASE));
            }
        }
    }

    fn normalise(&mut self) {
        let behind = limbs_of_fraction(self.scale);
        while self.limbs.len() > behind && self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        self.is_negative &= !self.is_zero();
    }
}

impl Decimal {
    /// The number with this many digits behind the decimal point: further ones are cut off, missing ones are zeros.
    #[must_use]
    pub fn with_decimals(&self, decimals: usize) -> String {
        let (fraction, whole) = self.limbs.split_at(limbs_of_fraction(self.scale));
        let mut text = String::from(if self.is_negative { "-" } else { "" });
        let mut whole = whole.iter().rev();
        text.push_str(&whole.next().unwrap_or(&0).to_string());
        whole.for_each(|limb| push_limb(*limb, &mut text));
        if decimals > 0 {
            text.push('.');
            let end = text.len() + decimals;
            fraction.iter().rev().for_each(|limb| push_limb(*limb, &mut text));
            // The widths of a format string end at 65,535.
            text.extend(std::iter::repeat_n('0', end.saturating_sub(text.len())));
            text.truncate(end);
        }
        text
    }
}

/// Appends all digits of a limb.
fn push_limb(limb: i64, text: &mut String) {
    let digits = limb.to_string();
    text.extend(std::iter::repeat_n('0', LIMB_DIGITS.saturating_sub(digits.len())));
    text.push_str(&digits);
}

/// Prints it with all of its decimals.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_decimals(self.scale))
    }
}

#[cfg(test)]
mod tests {
    use crate::text::{decimal::Decimal, number::NumberFormat};

    fn sum(amounts: &[&str]) -> String {
        let mut sum = Decimal::default();
        for amount in amounts {
            sum.add(&NumberFormat::JSON.parse(amount.as_bytes()).unwrap().into());
        }
        sum.to_string()
    }

    #[test]
    fn sums_are_exact_at_any_length() {
        let table: [(&[&str], &str); 21] = [
            (&[], "0"),
            (&["0"], "0"),
            (&["0.00"], "0.00"),
            (&["-0"], "0"),
            (&["10.00", "12.50"], "22.50"),
            (&["0.1", "0.2", "0.3"], "0.6"),
            (&["0.00", "5"], "5.00"),
            (&["5", "0.00"], "5.00"),
            (&["5", "0.25"], "5.25"),
            (&["-12.50", "2.5"], "-10.00"),
            (&["2.5", "-12.50"], "-10.00"),
            (&["5.00", "-5"], "0.00"),
            (&["5.00", "-5", "1"], "1.00"),
            (&["0.000", "-5.00", "5"], "0.000"),
            (&["-0.5", "-0.75"], "-1.25"),
            (&["999999999999999999", "1"], "1000000000000000000"),
            (&["1000000000000000000", "-1"], "999999999999999999"),
            (&["999999999999999999999999999999999999.9", "0.1"], "1000000000000000000000000000000000000.0"),
            (&["123456789012345678901234567890.12", "0.88"], "123456789012345678901234567891.00"),
            (&["0.000000000000000001", "0.0000000000000000001"], "0.0000000000000000011"),
            (&["1", "-0.000000000000000000000000000001"], "0.999999999999999999999999999999"),
        ];
        for (amounts, expected) in table {
            assert_eq!(sum(amounts), expected, "{amounts:?}");
        }
    }

    #[test]
    fn numbers_longer_than_a_format_width_are_printed() {
        for digits in [65_535, 65_536, 100_000] {
            let fraction = format!("0.{}1", "0".repeat(digits - 1));
            assert_eq!(sum(&[&fraction]), fraction);
            assert_eq!(Decimal::new(5, 0).with_decimals(digits).len(), digits + 2);
            let nines = "9".repeat(digits);
            assert_eq!(sum(&[&nines]), nines);
        }
    }

    #[test]
    fn long_numbers_carry_across_every_limb() {
        for digits in [30, 100, 10_000] {
            let nines = "9".repeat(digits);
            let power = format!("1{}", "0".repeat(digits));
            assert_eq!(sum(&[&nines, "1"]), power);
            assert_eq!(sum(&["1", &nines]), power);
            assert_eq!(sum(&[&power, "-1"]), nines);
            assert_eq!(sum(&["-1", &power]), nines);
            assert_eq!(sum(&[&format!("-{power}"), "1"]), format!("-{nines}"));
            assert_eq!(sum(&[&format!("0.{nines}"), &format!("0.{}1", "0".repeat(digits - 1))]), {
                format!("1.{}", "0".repeat(digits))
            });
            assert_eq!(sum(&[&nines, &format!("-{nines}")]), "0");
        }
    }

    #[test]
    fn numbers_of_a_smallest_unit_are_printed_with_their_decimals() {
        let table = [
            (Decimal::new(1_230_010, 2), "12300.10"),
            (Decimal::new(-5, 2), "-0.05"),
            (Decimal::new(0, 0), "0"),
            (Decimal::new(0, 3), "0.000"),
            (Decimal::new(i128::MAX, 6), "170141183460469231731687303715884.105727"),
            (Decimal::new(i128::MIN, 0), "-170141183460469231731687303715884105728"),
        ];
        for (decimal, expected) in table {
            assert_eq!(decimal.to_string(), expected);
        }
        assert_eq!(Decimal::new(455, 1).with_decimals(4), "45.5000");
        assert_eq!(Decimal::default().with_decimals(2), "0.00");
    }

    #[test]
    fn sums_equal_those_of_whole_numbers() {
        let mut seed = 11u64;
        for round in 0..20_000 {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                i128::from(seed >> 1)
            };
            let shift = 10i128.pow(u32::try_from(next() % 19).unwrap());
            let (one, other) = (next() * shift - next() * shift, next() - next() * (next() % 3));
            let mut sum = Decimal::new(one, 5);
            sum.add(&Decimal::new(other, 5));
            assert_eq!(sum, Decimal::new(one + other, 5), "{round}");
        }
    }
}
