//! How a day or a moment is written in a file, and how JSON writes it.

#![expect(clippy::inline_always, reason = "a call for each day costs more than reading it")]

use jiff::{civil, fmt::strtime::BrokenDownTime, tz::TimeZone};

use crate::text::{
    buffer::OutputBuffer,
    lanes::{LANES, find_digits},
};

/// How a day or a moment is written, in the directives of `strftime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// As written in the mapping.
    pub format: String,
    /// The same as fixed-width digits and literals, when it is no more than that: the common case, and strict by itself.
    fixed: Option<Vec<Part>>,
    /// Where its digits stand, when it is eight of them and two literals.
    shape: Option<Shape>,
}

/// How long a day is that JSON writes.
pub(crate) const DAY: usize = 10;

/// A notation of ten bytes: where the digits of the year, the month and the day stand, and the literals between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    digits: [u8; 8],
    literals: [(u8, u8); 2],
    /// It is that of JSON.
    iso: bool,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape { digits: [0, 1, 2, 3, 5, 6, 8, 9], literals: [(4, b'-'), (7, b'-')], iso: true }
    }
}

impl Shape {
    fn of(parts: &[Part]) -> Option<Shape> {
        let (mut digits, mut literals, mut at) = ([0; 8], Vec::new(), 0u8);
        for part in parts {
            let (first, count) = match part {
                Part::Year => (0, 4),
                Part::Month => (4, 2),
                Part::Day => (6, 2),
                Part::Literal(byte) => {
                    literals.push((at, *byte));
                    at += 1;
                    continue;
                }
                Part::Hour | Part::Minute | Part::Second => return None,
            };
            (0..count).for_each(|digit| digits[first + usize::from(digit)] = at + digit);
            at += count;
        }
        let literals = literals.try_into().ok().filter(|_| usize::from(at) == DAY)?;
        let iso = digits == [0, 1, 2, 3, 5, 6, 8, 9] && literals == [(4, b'-'), (7, b'-')];
        Some(Shape { digits, literals, iso })
    }

    /// The day of a cell of this length as JSON writes it, with anything behind it, when it is told without making a day of
    /// it: most are.
    #[inline(always)]
    pub(crate) fn iso(&self, cell: &[u8; LANES], len: usize) -> Option<[u8; LANES]> {
        if len != DAY {
            return None;
        }
        if self.iso {
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
enum Part {
    Literal(u8),
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Default for Notation {
    fn default() -> Notation {
        Notation {
            format: "%Y-%m-%d".into(),
            fixed: fixed("%Y-%m-%d"),
            shape: fixed("%Y-%m-%d").and_then(|parts| Shape::of(&parts)),
        }
    }
}

impl Notation {
    /// A notation, or what is wrong with it.
    ///
    /// # Errors
    /// A directive that does not exist, or parts of a day that are missing.
    pub fn new(format: &str) -> Result<Notation, String> {
        let fixed = fixed(format);
        if fixed.is_none() {
            tried(format)?;
        }
        let shape = fixed.as_ref().and_then(|parts| Shape::of(parts));
        Ok(Notation { format: format.to_owned(), fixed, shape })
    }

    /// Whether it tells an offset from UTC.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.format.contains("%z") || self.format.contains("%:z") || self.format.contains("%Q")
    }

    /// Whether a cut text is never a whole one: every text in this notation has the same length.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// Where its digits stand, when it is eight of them and two literals.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        self.shape
    }

    pub(super) fn read(&self, cell: &[u8]) -> Option<(civil::DateTime, Option<jiff::tz::Offset>)> {
        if let Some(parts) = &self.fixed {
            Some((read_fixed(parts, cell)?, None))
        } else {
            let text = std::str::from_utf8(cell).ok()?;
            // RFC 3339 also writes an offset of zero as `Z`.
            let utc = text.strip_suffix('Z').filter(|_| self.format.ends_with("%:z"));
            let utc = utc.map(|text| format!("{text}+00:00"));
            let text = utc.as_deref().unwrap_or(text);
            let parsed = BrokenDownTime::parse(&self.format, text).ok()?;
            // Lenient parsers take `1/2/25` for a day in the year 25: only what prints back the same is meant.
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

/// Writes a day and reads it again.
fn tried(format: &str) -> Result<(), String> {
    let sample = civil::datetime(2024, 11, 23, 13, 47, 59, 0).to_zoned(TimeZone::UTC).map_err(|e| e.to_string())?;
    let printed = jiff::fmt::strtime::format(format, &sample).map_err(|error| error.to_string())?;
    let day = BrokenDownTime::parse(format, &printed).and_then(|parsed| parsed.to_date());
    day.map(drop).map_err(|_| "it does not tell the year, the month and the day".to_owned())
}

/// The parts of a notation whose texts all have the same length, and which tells the year, the month and the day once.
fn fixed(format: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut bytes = format.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next()? {
                b'Y' => parts.push(Part::Year),
                b'm' => parts.push(Part::Month),
                b'd' => parts.push(Part::Day),
                b'H' => parts.push(Part::Hour),
                b'M' => parts.push(Part::Minute),
                b'S' => parts.push(Part::Second),
                b'F' => parts.extend([Part::Year, Part::Literal(b'-'), Part::Month, Part::Literal(b'-'), Part::Day]),
                b'T' => {
                    parts.extend([Part::Hour, Part::Literal(b':'), Part::Minute, Part::Literal(b':'), Part::Second]);
                }
                b'%' => parts.push(Part::Literal(b'%')),
                _ => return None,
            },
            // jiff lets white space match any amount of it; fixed widths do not, so leave that to the literal.
            byte => parts.push(Part::Literal(byte)),
        }
    }
    let once = |part| parts.iter().filter(|known| **known == part).count() == 1;
    [Part::Year, Part::Month, Part::Day].into_iter().all(once).then_some(parts)
}

fn read_fixed(parts: &[Part], cell: &[u8]) -> Option<civil::DateTime> {
    let (mut rest, mut year, mut fields) = (cell, 0i16, [0i8; 5]);
    for part in parts {
        match part {
            Part::Literal(byte) => rest = rest.strip_prefix(std::slice::from_ref(byte))?,
            Part::Year => {
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
                    Part::Month => 0,
                    Part::Day => 1,
                    Part::Hour => 2,
                    Part::Minute => 3,
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

/// How many days each month has in every year; the calendar knows of one more.
const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Whether these bytes begin with a real day as JSON writes it, told without making a day of it.
#[inline(always)]
pub(crate) fn is_iso_day(cell: &[u8; LANES]) -> bool {
    let (digits, _) = find_digits(cell, 0);
    // Of digits: the number they are.
    let pair =
        |at: usize| (usize::from(cell[at]) * 10 + usize::from(cell[at + 1])).wrapping_sub(usize::from(b'0') * 11);
    let (month, day) = (pair(5), pair(8));
    let shape = digits & 0x3FF == 0b11_0110_1111 && cell[4] == b'-' && cell[7] == b'-';
    // There is no year 0.
    shape && cell[..4] != *b"0000" && month < DAYS.len() && day.wrapping_sub(1) < usize::from(DAYS[month % DAYS.len()])
}

pub(super) fn write_day(moment: civil::DateTime, out: &mut OutputBuffer) {
    four_digits(moment.year(), out);
    out.push(b'-');
    two_digits(moment.month(), out);
    out.push(b'-');
    two_digits(moment.day(), out);
}

/// RFC 3339.
pub(super) fn write_moment(moment: civil::DateTime, offset: jiff::tz::Offset, out: &mut OutputBuffer) {
    write_day(moment, out);
    out.push(b'T');
    two_digits(moment.hour(), out);
    out.push(b':');
    two_digits(moment.minute(), out);
    out.push(b':');
    two_digits(moment.second(), out);
    if moment.subsec_nanosecond() != 0 {
        let fraction = format!(".{:09}", moment.subsec_nanosecond());
        out.extend(fraction.trim_end_matches('0').as_bytes());
    }
    // RFC 3339 has no seconds in an offset; zones older than 1900 do, and lose them here as in every RFC 3339 writer.
    let minutes = offset.seconds() / 60;
    if minutes == 0 {
        out.push(b'Z');
        return;
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    out.extend(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60).as_bytes());
}

fn four_digits(number: i16, out: &mut OutputBuffer) {
    two_digits(i8::try_from(number / 100).unwrap_or(0), out);
    two_digits(i8::try_from(number % 100).unwrap_or(0), out);
}

fn two_digits(number: i8, out: &mut OutputBuffer) {
    let number = number.unsigned_abs();
    out.extend(&[b'0' + number / 10, b'0' + number % 10]);
}

#[cfg(test)]
mod tests {
    use super::{fixed, tried};

    #[test]
    fn what_is_not_tried_would_be_read_again() {
        let days =
            ["%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d%m%Y", "%Y %d-%m", "%F", "le %d\u{a0}%m\u{a0}%Y", "%%%Y%%%m%%%d%%"];
        let times = ["", " ", "%T", "T%H:%M", " %H%M%S", "5", "%H h %M", "\t%S", "%H%H"];
        for (day, time) in days.into_iter().flat_map(|day| times.map(|time| (day, time))) {
            for format in [format!("{day}{time}"), format!("{time}{day}")] {
                assert!(fixed(&format).is_some() && tried(&format).is_ok(), "{format}");
            }
        }
        for part in ["%d.%m", "%Y-%Y-%d", "%Y %H", "%Y-%m-%", ""] {
            assert!(fixed(part).is_none() && tried(part).is_err(), "{part}");
        }
    }
}
