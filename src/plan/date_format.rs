//! Date formats: how a file writes a day or a moment, and how JSON writes it.
//!
//! Most formats have fixed widths and are read without the calendar library; [`DateFormat::parse`] leaves the others to
//! it. Either way a text is only accepted if the format would write the same text again.

#![expect(clippy::inline_always, reason = "a call for each day costs more than reading it")]

use jiff::{civil, fmt::strtime::BrokenDownTime, tz::TimeZone};

use crate::text::{
    buffer::OutputBuffer,
    lanes::{LANES, find_digits},
};

/// How a file writes a day or a moment, in the directives of `strftime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    /// As written in the mapping.
    pub format: String,
    /// Its parts, if all texts in this format have the same length: the common case, which needs no second check.
    fixed: Option<Vec<DatePart>>,
    /// Where its digits stand, if it is a day of eight digits and two literals.
    shape: Option<DayShape>,
}

/// The length of a day as JSON writes it.
pub(crate) const DAY: usize = 10;

/// A date format of ten bytes: where the digits of the year, the month and the day stand, and the literals between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayShape {
    /// The offsets of the digits, year first.
    digits: [u8; 8],
    /// The offsets of the literals, each with its byte.
    literals: [(u8, u8); 2],
    /// It is the format of JSON.
    is_iso: bool,
}

impl Default for DayShape {
    fn default() -> DayShape {
        DayShape { digits: [0, 1, 2, 3, 5, 6, 8, 9], literals: [(4, b'-'), (7, b'-')], is_iso: true }
    }
}

impl DayShape {
    fn from_parts(parts: &[DatePart]) -> Option<DayShape> {
        let (mut digits, mut literals, mut at) = ([0; 8], Vec::new(), 0u8);
        for part in parts {
            let (first, count) = match part {
                DatePart::Year => (0, 4),
                DatePart::Month => (4, 2),
                DatePart::Day => (6, 2),
                DatePart::Literal(byte) => {
                    literals.push((at, *byte));
                    at += 1;
                    continue;
                }
                DatePart::Hour | DatePart::Minute | DatePart::Second => return None,
            };
            (0..count).for_each(|digit| digits[first + usize::from(digit)] = at + digit);
            at += count;
        }
        let literals = literals.try_into().ok().filter(|_| usize::from(at) == DAY)?;
        let is_iso = digits == [0, 1, 2, 3, 5, 6, 8, 9] && literals == [(4, b'-'), (7, b'-')];
        Some(DayShape { digits, literals, is_iso })
    }

    /// The day of a cell as JSON writes it, with undefined bytes behind it. `None`: it is no day, or needs the calendar to
    /// tell, as the 29th of February does.
    #[inline(always)]
    pub(crate) fn find_iso_day(&self, cell: &[u8; LANES], len: usize) -> Option<[u8; LANES]> {
        if len != DAY {
            return None;
        }
        if self.is_iso {
            return is_iso_day(cell).then_some(*cell);
        }
        let mut day = *b"0000-00-00......";
        for (to, from) in [0, 1, 2, 3, 5, 6, 8, 9].into_iter().zip(self.digits) {
            day[to] = cell[usize::from(from) % DAY];
        }
        let literals = self.literals.iter().all(|(at, byte)| cell[usize::from(*at) % DAY] == *byte);
        (literals && is_iso_day(&day)).then_some(day)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatePart {
    Literal(u8),
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Default for DateFormat {
    fn default() -> DateFormat {
        DateFormat {
            format: "%Y-%m-%d".into(),
            fixed: parse_fixed("%Y-%m-%d"),
            shape: parse_fixed("%Y-%m-%d").and_then(|parts| DayShape::from_parts(&parts)),
        }
    }
}

impl DateFormat {
    /// Compiles a format, or says what is wrong with it.
    ///
    /// # Errors
    /// A directive that does not exist, or parts of a day that are missing.
    pub fn new(format: &str) -> Result<DateFormat, String> {
        let fixed = parse_fixed(format);
        if fixed.is_none() {
            check_by_printing(format)?;
        }
        let shape = fixed.as_ref().and_then(|parts| DayShape::from_parts(parts));
        Ok(DateFormat { format: format.to_owned(), fixed, shape })
    }

    /// Whether its texts hold an offset from UTC.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.format.contains("%z") || self.format.contains("%:z") || self.format.contains("%Q")
    }

    /// Whether a truncated text is never a complete one: every text in this format has the same length.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// Whether it writes days only, each in one way.
    #[must_use]
    pub fn is_fixed_day(&self) -> bool {
        let is_time = |part: &DatePart| matches!(part, DatePart::Hour | DatePart::Minute | DatePart::Second);
        self.fixed.as_ref().is_some_and(|parts| !parts.iter().any(is_time))
    }

    /// Whether a text has digits and separators where this format has them, be it a real day or not.
    #[must_use]
    pub fn has_layout(&self, text: &[u8]) -> bool {
        let Some(parts) = &self.fixed else { return self.parse(text).is_some() };
        let mut rest = text;
        let matches = parts.iter().all(|part| {
            let width = match part {
                DatePart::Literal(_) => 1,
                DatePart::Year => 4,
                DatePart::Month | DatePart::Day | DatePart::Hour | DatePart::Minute | DatePart::Second => 2,
            };
            let Some((field, behind)) = rest.split_at_checked(width) else { return false };
            rest = behind;
            match part {
                DatePart::Literal(byte) => field == [*byte],
                _ => field.iter().all(u8::is_ascii_digit),
            }
        });
        matches && rest.is_empty()
    }

    /// Where its digits stand, if it is a day of eight digits and two literals.
    #[must_use]
    pub fn shape(&self) -> Option<DayShape> {
        self.shape
    }

    /// Reads a cell. `None`: it is not in this format, or no real moment.
    pub(super) fn parse(&self, cell: &[u8]) -> Option<(civil::DateTime, Option<jiff::tz::Offset>)> {
        if let Some(parts) = &self.fixed {
            Some((parse_fixed_date(parts, cell)?, None))
        } else {
            let text = std::str::from_utf8(cell).ok()?;
            // RFC 3339 also writes an offset of zero as `Z`.
            let utc = text.strip_suffix('Z').filter(|_| self.format.ends_with("%:z"));
            let utc = utc.map(|text| format!("{text}+00:00"));
            let text = utc.as_deref().unwrap_or(text);
            let parsed = BrokenDownTime::parse(&self.format, text).ok()?;
            // Lenient parsers take `1/2/25` for a day in the year 25, so the format has to print the same text again.
            if parsed.to_string(&self.format).ok()? != text {
                return None;
            }
            let time = parsed.to_time().unwrap_or(civil::Time::midnight());
            let date = parsed.to_date().ok()?;
            if date.year() < 1 {
                return None;
            }
            Some((date.to_datetime(time), parsed.offset()))
        }
    }
}

/// Checks a format by printing a day in it and reading that again.
fn check_by_printing(format: &str) -> Result<(), String> {
    let sample = civil::datetime(2024, 11, 23, 13, 47, 59, 0).to_zoned(TimeZone::UTC).map_err(|e| e.to_string())?;
    let printed = jiff::fmt::strtime::format(format, &sample).map_err(|error| error.to_string())?;
    let day = BrokenDownTime::parse(format, &printed).and_then(|parsed| parsed.to_date());
    day.map(drop).map_err(|_| "it does not tell the year, the month and the day".to_owned())
}

/// The parts of a format whose texts all have the same length and hold the year, the month and the day once. `None`: it is
/// another format.
fn parse_fixed(format: &str) -> Option<Vec<DatePart>> {
    let mut parts = Vec::new();
    let mut bytes = format.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next()? {
                b'Y' => parts.push(DatePart::Year),
                b'm' => parts.push(DatePart::Month),
                b'd' => parts.push(DatePart::Day),
                b'H' => parts.push(DatePart::Hour),
                b'M' => parts.push(DatePart::Minute),
                b'S' => parts.push(DatePart::Second),
                b'F' => parts.extend([
                    DatePart::Year,
                    DatePart::Literal(b'-'),
                    DatePart::Month,
                    DatePart::Literal(b'-'),
                    DatePart::Day,
                ]),
                b'T' => {
                    parts.extend([
                        DatePart::Hour,
                        DatePart::Literal(b':'),
                        DatePart::Minute,
                        DatePart::Literal(b':'),
                        DatePart::Second,
                    ]);
                }
                b'%' => parts.push(DatePart::Literal(b'%')),
                _ => return None,
            },
            // jiff lets white space match any amount of white space; with fixed widths it is a literal like any other.
            byte => parts.push(DatePart::Literal(byte)),
        }
    }
    let once = |part| parts.iter().filter(|known| **known == part).count() == 1;
    [DatePart::Year, DatePart::Month, DatePart::Day].into_iter().all(once).then_some(parts)
}

fn parse_fixed_date(parts: &[DatePart], cell: &[u8]) -> Option<civil::DateTime> {
    let (mut rest, mut year, mut fields) = (cell, 0i16, [0i8; 5]);
    for part in parts {
        match part {
            DatePart::Literal(byte) => rest = rest.strip_prefix(std::slice::from_ref(byte))?,
            DatePart::Year => {
                let (digits, behind) = rest.split_at_checked(4)?;
                year = digits
                    .iter()
                    .try_fold(0i16, |sum, d| d.is_ascii_digit().then(|| sum * 10 + i16::from(d - b'0')))?;
                rest = behind;
            }
            field => {
                let (digits, behind) = rest.split_at_checked(2)?;
                let number = digits.iter().try_fold(0u8, |sum, d| d.is_ascii_digit().then(|| sum * 10 + (d - b'0')))?;
                let slot = match field {
                    DatePart::Month => 0,
                    DatePart::Day => 1,
                    DatePart::Hour => 2,
                    DatePart::Minute => 3,
                    _ => 4,
                };
                fields[slot] = i8::try_from(number).ok()?;
                rest = behind;
            }
        }
    }
    let [month, day, hour, minute, second] = fields;
    if !rest.is_empty() || year < 1 {
        return None;
    }
    civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

/// How many days each month has in every year; only the calendar knows the 29th of February.
const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Whether these bytes begin with a real day as JSON writes it; `false` for the 29th of February.
#[inline(always)]
pub(crate) fn is_iso_day(cell: &[u8; LANES]) -> bool {
    let (digits, _) = find_digits(cell, 0);
    // The number of two digits.
    let pair =
        |at: usize| (usize::from(cell[at]) * 10 + usize::from(cell[at + 1])).wrapping_sub(usize::from(b'0') * 11);
    let (month, day) = (pair(5), pair(8));
    let shape = digits & 0x3FF == 0b11_0110_1111 && cell[4] == b'-' && cell[7] == b'-';
    // There is no year 0.
    shape && cell[..4] != *b"0000" && month < DAYS.len() && day.wrapping_sub(1) < usize::from(DAYS[month % DAYS.len()])
}

/// Writes a day as JSON does.
pub(super) fn write_day(moment: civil::DateTime, out: &mut OutputBuffer) {
    write_four_digits(moment.year(), out);
    out.push(b'-');
    write_two_digits(moment.month(), out);
    out.push(b'-');
    write_two_digits(moment.day(), out);
}

/// Writes a moment as RFC 3339 does; its offset has whole minutes.
pub(super) fn write_moment(moment: civil::DateTime, offset: jiff::tz::Offset, out: &mut OutputBuffer) {
    write_day(moment, out);
    out.push(b'T');
    write_two_digits(moment.hour(), out);
    out.push(b':');
    write_two_digits(moment.minute(), out);
    out.push(b':');
    write_two_digits(moment.second(), out);
    if moment.subsec_nanosecond() != 0 {
        let fraction = format!(".{:09}", moment.subsec_nanosecond());
        out.extend(fraction.trim_end_matches('0').as_bytes());
    }
    // RFC 3339 has no seconds in an offset.
    let minutes = offset.seconds() / 60;
    if minutes == 0 {
        out.push(b'Z');
        return;
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    out.extend(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60).as_bytes());
}

fn write_four_digits(number: i16, out: &mut OutputBuffer) {
    write_two_digits(i8::try_from(number / 100).unwrap_or(0), out);
    write_two_digits(i8::try_from(number % 100).unwrap_or(0), out);
}

fn write_two_digits(number: i8, out: &mut OutputBuffer) {
    let number = number.unsigned_abs();
    out.extend(&[b'0' + number / 10, b'0' + number % 10]);
}

#[cfg(test)]
mod tests {
    use super::{check_by_printing, parse_fixed};

    #[test]
    fn fixed_formats_need_no_check_by_printing() {
        let days =
            ["%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d%m%Y", "%Y %d-%m", "%F", "le %d\u{a0}%m\u{a0}%Y", "%%%Y%%%m%%%d%%"];
        let times = ["", " ", "%T", "T%H:%M", " %H%M%S", "5", "%H h %M", "\t%S", "%H%H"];
        for (day, time) in days.into_iter().flat_map(|day| times.map(|time| (day, time))) {
            for format in [format!("{day}{time}"), format!("{time}{day}")] {
                assert!(parse_fixed(&format).is_some() && check_by_printing(&format).is_ok(), "{format}");
            }
        }
        for part in ["%d.%m", "%Y-%Y-%d", "%Y %H", "%Y-%m-%", ""] {
            assert!(parse_fixed(part).is_none() && check_by_printing(part).is_err(), "{part}");
        }
    }
}
