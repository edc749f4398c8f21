//! The one grammar of numbers: which texts are numbers of a column, and which parts they have.
//!
//! A number is an optional sign, digits without a leading zero, and for decimals an optional decimal separator with at least
//! one digit behind it. The sign is a `-` in front, unless the column declares another. If the column declares a group separator, the digits in front may be grouped: one to three, then
//! groups of exactly three. Conversion, checks, fast fields and totals all ask here, so they accept the same texts.
//!
//! Nearly every number is *short*: at most sixteen bytes, without a sign and without groups. Those are recognised in one
//! vector; [`parse_short`] accepts a subset of what [`NumberFormat::parse`] accepts, and the tests compare both.

#![expect(clippy::inline_always, reason = "a call for each number costs more than reading it")]

use std::{borrow::Cow, hint::select_unpredictable};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::{
    buffer::OutputBuffer,
    lanes::{ByteLanes, LANES, find_digits},
};

/// In place of the decimal separator of a whole number: no UTF-8 text holds this byte.
pub const NO_SEPARATOR: u8 = 0xFF;

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// What separates the digits of the fraction; [`NO_SEPARATOR`]: the numbers are whole.
    pub decimal_separator: u8,
    /// What separates groups of three digits.
    pub group_separator: Option<u8>,
    /// How a negative number is told.
    pub sign: Sign,
}

/// How a negative number is told from a positive one. There is no sign of positive numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// By a `-` in front.
    #[default]
    Leading,
    /// By a `-` behind.
    Trailing,
    /// By parentheses around it, as in accounts.
    Parentheses,
}

impl Sign {
    /// A number without its sign, and whether it is negative.
    fn strip(self, text: &[u8]) -> (&[u8], bool) {
        let unsigned = match self {
            Sign::Leading => text.strip_prefix(b"-"),
            Sign::Trailing => text.strip_suffix(b"-"),
            Sign::Parentheses => text.strip_prefix(b"(").and_then(|text| text.strip_suffix(b")")),
        };
        (unsigned.unwrap_or(text), unsigned.is_some())
    }
}

/// The parts of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'a> {
    /// It has the sign of negative numbers.
    pub is_negative: bool,
    /// What stands in front of the decimal separator: digits, and separators of groups if it is grouped.
    pub whole: &'a [u8],
    /// The digits behind the decimal separator; empty if there is none.
    pub fraction: &'a [u8],
}

impl NumberFormat {
    /// Numbers as JSON writes them, except for exponents, which nothing here writes.
    pub const JSON: NumberFormat = NumberFormat { decimal_separator: b'.', group_separator: None, sign: Sign::Leading };

    /// Whole numbers as JSON writes them.
    pub const WHOLE: NumberFormat = NumberFormat { decimal_separator: NO_SEPARATOR, ..NumberFormat::JSON };

    /// The parts of a number; `None`: the text is no number of this format.
    #[must_use]
    pub fn parse(self, text: &[u8]) -> Option<Number<'_>> {
        let (unsigned, is_negative) = self.sign.strip(text);
        let separator = memchr::memchr(self.decimal_separator, unsigned);
        let (whole, fraction) = match separator {
            Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
            None => (unsigned, &unsigned[..0]),
        };
        let has_leading_zero = whole.len() > 1 && whole[0] == b'0';
        let is_whole = !whole.is_empty() && !has_leading_zero && self.is_whole(whole);
        let is_fraction = fraction.iter().all(u8::is_ascii_digit) && separator.is_some() != fraction.is_empty();
        (is_whole && is_fraction).then_some(Number { is_negative, whole, fraction })
    }

    /// Whether a text is digits, in groups or not.
    fn is_whole(self, text: &[u8]) -> bool {
        let Some(group) = self.group_separator.filter(|group| text.contains(group)) else {
            return text.iter().all(u8::is_ascii_digit);
        };
        let mut groups = text.split(|byte| *byte == group);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len())
            && first.iter().all(u8::is_ascii_digit)
            && groups.all(|group| group.len() == 3 && group.iter().all(u8::is_ascii_digit))
    }

    /// Writes a number as JSON, digit for digit: groups are joined and the decimal separator becomes a point. `None`: it is
    /// no number of this format, and nothing was written.
    #[inline]
    pub fn write_json(self, cell: ByteLanes<'_>, out: &mut OutputBuffer) -> Option<()> {
        let Some(short) = parse_short(&cell.lanes_at(0), cell.len(), self.decimal_separator) else {
            return self.parse(cell.bytes()).map(|number| number.write_json(out));
        };
        let spare = out.reserve(2 * LANES);
        cell.copy_to(spare);
        if short.separator != 0 {
            spare[short.whole] = b'.';
        }
        out.advance(cell.len());
        Some(())
    }
}

impl<'a> Number<'a> {
    /// The digits in front of the decimal separator.
    #[must_use]
    pub fn whole_digits(&self) -> Cow<'a, [u8]> {
        if self.whole.iter().all(u8::is_ascii_digit) {
            return Cow::Borrowed(self.whole);
        }
        Cow::Owned(self.whole.iter().copied().filter(u8::is_ascii_digit).collect())
    }

    /// The same number without zeros at the end of its fraction and without a sign of zero: equal numbers have equal parts.
    #[must_use]
    pub fn normalized(self) -> Number<'a> {
        let last = self.fraction.iter().rposition(|digit| *digit != b'0');
        let fraction = &self.fraction[..last.map_or(0, |last| last + 1)];
        let is_zero = self.whole == b"0" && fraction.is_empty();
        Number { is_negative: self.is_negative && !is_zero, fraction, ..self }
    }

    fn write_json(&self, out: &mut OutputBuffer) {
        if self.is_negative {
            out.push(b'-');
        }
        out.extend(&self.whole_digits());
        if !self.fraction.is_empty() {
            out.push(b'.');
            out.extend(self.fraction);
        }
    }
}

/// What is known of a short number: one of digits, with or without one decimal separator among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortNumber {
    /// How many digits stand in front of the decimal separator.
    pub whole: usize,
    /// The bit of the decimal separator, that of the first byte being the lowest; 0: there is none.
    pub separator: u32,
}

/// Reads a number that is the first `length` bytes. `None`: it is long, signed or grouped, or no number.
#[must_use]
#[inline(always)]
pub fn parse_short(lanes: &[u8; LANES], length: usize, separator: u8) -> Option<ShortNumber> {
    if length.wrapping_sub(1) >= LANES {
        return None;
    }
    // Nothing here is a branch for each kind of number: every other one has no separator, or has it elsewhere.
    let bits = u32::MAX >> (31 & (32 - length));
    let (digits, separators) = find_digits(lanes, separator);
    let separator = separators & bits;
    let whole = (separator | 1 << length).trailing_zeros() as usize;
    let is_single = separator & separator.wrapping_sub(1) == 0;
    let has_leading_zero = lanes[0] == b'0' && whole > 1;
    let is_other = (digits | separator) & bits != bits;
    if is_other || whole == 0 || whole + 1 == length || !is_single || has_leading_zero {
        return None;
    }
    Some(ShortNumber { whole, separator })
}

/// Whether the first `length` bytes are a whole number: [`parse_short`] without a decimal separator, in fewer
/// steps.
#[must_use]
#[inline(always)]
pub fn is_short_whole(lanes: &[u8; LANES], length: usize) -> bool {
    let (digits, _) = find_digits(lanes, NO_SEPARATOR);
    let has_leading_zero = lanes[0] == b'0' && length > 1;
    // An empty text is longer than any.
    length.wrapping_sub(1) < (!digits).trailing_zeros() as usize && !has_leading_zero
}

impl ShortNumber {
    /// The number of its digits, without the decimal separator.
    #[must_use]
    #[inline(always)]
    pub fn value(self, lanes: &[u8; LANES], length: usize) -> i64 {
        if length <= 8 {
            value_of_word(lanes, length, self.separator)
        } else {
            value_of_lanes(lanes, length, self.separator)
        }
    }
}

/// The number of the digits that the byte lanes begin with, without the byte of the decimal separator.
///
/// All digits at once: lengths differ from cell to cell, and a loop would be mispredicted for each.
#[inline]
fn value_of_lanes(lanes: &[u8; LANES], length: usize, separator: u32) -> i64 {
    let lanes = u128::from_le_bytes(*lanes);
    let below = |bytes: u32| if bytes >= 16 { u128::MAX } else { (1 << (8 * bytes)) - 1 };
    let at = if separator == 0 { 16 } else { separator.trailing_zeros() };
    let digits = lanes & below(at) | (lanes >> 8) & !below(at);
    let count = u32::try_from(length).unwrap_or(16) - u32::from(separator != 0);
    // The last digit goes to the last byte; what is in front of the first is nothing.
    let digits = if count == 0 { 0 } else { digits << (8 * (16 - count)) };
    let values = digits & (0x0F0F_0F0F_0F0F_0F0F_u128 << 64 | 0x0F0F_0F0F_0F0F_0F0F);
    let halves = [values & u128::from(u64::MAX), values >> 64];
    let [high, low] = halves.map(|half| value_of_eight(u64::try_from(half).unwrap_or(0)));
    i64::try_from(high * 100_000_000 + low).unwrap_or(i64::MAX)
}

/// As [`value_of_lanes`], of at most eight bytes with at least one digit.
#[inline]
fn value_of_word(lanes: &[u8; LANES], length: usize, separator: u32) -> i64 {
    let word = lanes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    // Whether there is a separator differs from cell to cell.
    let below = select_unpredictable(separator == 0, u64::MAX, (1 << (8 * (separator.trailing_zeros() & 7))) - 1);
    let digits = word & below | (word >> 8) & !below;
    let missing = 8 + usize::from(separator != 0) - length;
    i64::try_from(value_of_eight(digits << (8 * (missing & 7)) & 0x0F0F_0F0F_0F0F_0F0F)).unwrap_or(0)
}

/// The number of eight digits, the first in the lowest byte.
#[inline]
fn value_of_eight(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xFFFF_FFFF
}

/// What every user of the grammar is tested with.
#[cfg(test)]
pub(crate) mod samples {
    use crate::text::number::{NO_SEPARATOR, NumberFormat, Sign};

    const POINT: NumberFormat = NumberFormat::JSON;
    const COMMA: NumberFormat =
        NumberFormat { decimal_separator: b',', group_separator: Some(b'.'), sign: Sign::Leading };
    const SPACED: NumberFormat = NumberFormat { decimal_separator: b'.', group_separator: Some(b' '), ..POINT };
    const WHOLE: NumberFormat = NumberFormat::WHOLE;
    const GROUPED: NumberFormat =
        NumberFormat { decimal_separator: NO_SEPARATOR, group_separator: Some(b','), sign: Sign::Leading };
    const TRAILING: NumberFormat = NumberFormat { sign: Sign::Trailing, ..COMMA };
    const PARENTHESES: NumberFormat = NumberFormat { sign: Sign::Parentheses, ..GROUPED };

    /// Texts of a format, with the JSON they become; `None`: they are no numbers.
    pub(crate) const TABLE: &[(NumberFormat, &str, Option<&str>)] = &[
        (TRAILING, "1.234,56-", Some("-1234.56")),
        (TRAILING, "0,50", Some("0.50")),
        (TRAILING, "7-", Some("-7")),
        (TRAILING, "-7", None),
        (TRAILING, "-7-", None),
        (TRAILING, "7--", None),
        (TRAILING, "7 -", None),
        (TRAILING, "-", None),
        (TRAILING, "1.23,00-", None),
        (PARENTHESES, "(1,234)", Some("-1234")),
        (PARENTHESES, "5", Some("5")),
        (PARENTHESES, "(0)", Some("-0")),
        (PARENTHESES, "-5", None),
        (PARENTHESES, "(-5)", None),
        (PARENTHESES, "(5", None),
        (PARENTHESES, "5)", None),
        (PARENTHESES, "((5))", None),
        (PARENTHESES, "()", None),
        (POINT, "(5)", None),
        (POINT, "10", Some("10")),
        (POINT, "0", Some("0")),
        (POINT, "0.00", Some("0.00")),
        (POINT, "91.20", Some("91.20")),
        (POINT, "-0.5", Some("-0.5")),
        (POINT, "-0", Some("-0")),
        (POINT, "1234567.8", Some("1234567.8")),
        (POINT, "12345678", Some("12345678")),
        (POINT, "123456789.123456", Some("123456789.123456")),
        (POINT, "1234567890123456", Some("1234567890123456")),
        (POINT, "12345678901234567", Some("12345678901234567")),
        (POINT, "0.1234567890123456", Some("0.1234567890123456")),
        (POINT, "123456789012345678901234567890.12", Some("123456789012345678901234567890.12")),
        (POINT, "12,50", None),
        (POINT, "1e3", None),
        (POINT, "NaN", None),
        (POINT, "+5", None),
        (POINT, ".5", None),
        (POINT, "5.", None),
        (POINT, "-5.", None),
        (POINT, ".", None),
        (POINT, "1.2.3", None),
        (POINT, "1.2.", None),
        (POINT, "007", None),
        (POINT, "00", None),
        (POINT, "-00.5", None),
        (POINT, "01.5", None),
        (POINT, "1_000", None),
        (POINT, " 1", None),
        (POINT, "1 ", None),
        (POINT, "", None),
        (POINT, "-", None),
        (POINT, "--1", None),
        (POINT, "1-", None),
        (POINT, "１", None),
        (POINT, "1234567890123456.", None),
        (POINT, "0123456789012345678", None),
        (COMMA, "12,50", Some("12.50")),
        (COMMA, "0,5", Some("0.5")),
        (COMMA, "-12,50", Some("-12.50")),
        (COMMA, "1.234,5", Some("1234.5")),
        (COMMA, "-1.234,5", Some("-1234.5")),
        (COMMA, "1.23,5", None),
        (COMMA, "1234.567", None),
        (COMMA, ".123", None),
        (COMMA, "123.", None),
        (COMMA, "0.123", None),
        (COMMA, "1,234.5", None),
        (COMMA, "1,2,3", None),
        (COMMA, "12.345.678", Some("12345678")),
        (COMMA, "1.234.567.890.123.456.789,01", Some("1234567890123456789.01")),
        (COMMA, "1234,5", Some("1234.5")),
        (SPACED, "1 200.50", Some("1200.50")),
        (SPACED, "1 200 .5", None),
        (SPACED, " 200", None),
        (WHOLE, "0", Some("0")),
        (WHOLE, "7", Some("7")),
        (WHOLE, "-12", Some("-12")),
        (WHOLE, "1.0", None),
        (WHOLE, "1,0", None),
        (WHOLE, "010", None),
        (WHOLE, "", None),
        (WHOLE, "-", None),
        (WHOLE, "1234567890123456", Some("1234567890123456")),
        (WHOLE, "12345678901234567", Some("12345678901234567")),
        (WHOLE, "99999999999999999999999", Some("99999999999999999999999")),
        (GROUPED, "1,200", Some("1200")),
        (GROUPED, "1200", Some("1200")),
        (GROUPED, "12,00", None),
        (GROUPED, "1,200.5", None),
        (GROUPED, "1,200,", None),
    ];

    /// Calls `visit` with every text of the table and with many more of the same characters, in every format of it.
    pub(crate) fn for_each_text(visit: &mut dyn FnMut(NumberFormat, &str)) {
        let formats = [POINT, COMMA, SPACED, WHOLE, GROUPED];
        for (_, text, _) in TABLE {
            for format in formats {
                visit(format, text);
            }
        }
        let mut seed = 3u64;
        for _ in 0..40_000 {
            let mut next = |most: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as usize % most
            };
            // Digits most of the time, else hardly any of the long texts would be a number.
            let rare = 2 + next(12);
            let longest = if next(3) == 0 { 24 } else { 9 };
            let length = next(longest);
            let text: String = (0..length)
                .map(|_| {
                    if next(rare) == 0 {
                        [b'.', b',', b' ', b'-', b'e', b'/'][next(6)]
                    } else {
                        b"0123456789"[next(10)]
                    }
                })
                .map(char::from)
                .collect();
            visit(formats[next(formats.len())], &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::text::{
        buffer::OutputBuffer,
        lanes::{ByteLanes, LANES},
        number::{Number, NumberFormat, is_short_whole, parse_short, samples},
    };

    fn written(format: NumberFormat, text: &str) -> Option<String> {
        let mut out = OutputBuffer::default();
        let json = format.write_json(text.as_bytes().into(), &mut out);
        assert!(json.is_some() || out.is_empty(), "a failed write leaves nothing");
        json.map(|()| String::from_utf8(out.into()).unwrap())
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (format, text, expected) in samples::TABLE {
            assert_eq!(written(*format, text).as_deref(), *expected, "{format:?} {text:?}");
        }
    }

    /// The same grammar as the file header states it, one character after the other.
    fn is_number(format: NumberFormat, text: &str) -> bool {
        let group = format.group_separator.map(|group| regex::escape(&char::from(group).to_string()));
        let groups = group.map_or(String::new(), |group| format!("|[1-9][0-9]{{0,2}}({group}[0-9]{{3}})+"));
        let separator = char::from(format.decimal_separator);
        let fraction = if separator.is_ascii() {
            format!(r"({}[0-9]+)?", regex::escape(&separator.to_string()))
        } else {
            String::new()
        };
        regex::Regex::new(&format!("^-?(0|[1-9][0-9]*{groups}){fraction}$")).unwrap().is_match(text)
    }

    #[test]
    fn short_and_long_texts_have_one_grammar() {
        let (mut numbers, mut short_numbers) = (0, 0);
        samples::for_each_text(&mut |format, text| {
            let number = format.parse(text.as_bytes());
            let cell = ByteLanes::from(text.as_bytes());
            let short = parse_short(&cell.lanes_at(0), text.len(), format.decimal_separator);
            if let (Some(short), Some(number)) = (short, number) {
                assert_eq!(short.whole, number.whole.len(), "{format:?} {text:?}");
                let digits = [number.whole, number.fraction].concat();
                let value: i64 = std::str::from_utf8(&digits).unwrap().parse().unwrap();
                assert_eq!(short.value(&cell.lanes_at(0), text.len()), value, "{format:?} {text:?}");
            }
            let is_short = |number: Number<'_>| {
                text.len() <= LANES && !number.is_negative && number.whole.iter().all(u8::is_ascii_digit)
            };
            assert_eq!(short.is_some(), number.is_some_and(is_short), "{format:?} {text:?}");
            let is_whole = short.is_some_and(|short| short.separator == 0);
            assert_eq!(is_short_whole(&cell.lanes_at(0), text.len()), is_whole, "{format:?} {text:?}");
            assert_eq!(written(format, text).is_some(), number.is_some(), "{format:?} {text:?}");
            numbers += usize::from(number.is_some());
            short_numbers += usize::from(short.is_some());
        });
        assert!(short_numbers > 5_000 && numbers > short_numbers + 500, "{short_numbers} of {numbers}");
    }

    #[test]
    fn the_grammar_is_what_the_header_says() {
        let mut count = 0;
        samples::for_each_text(&mut |format, text| {
            count += 1;
            // Compiling an expression for each text takes time, so not all of them are compared.
            if count % 20 == 0 || count < 500 {
                assert_eq!(format.parse(text.as_bytes()).is_some(), is_number(format, text), "{format:?} {text:?}");
            }
        });
    }
}
