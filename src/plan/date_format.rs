//! Date formats: how a file writes a day or a moment, and how JSON writes it.
//!
//! Most formats have fixed widths and are read without the calendar library; [`DateFormat::parse`] leaves the others to
//! it. Either way a text is only accepted if the format would write the same text again, but for zeros at the end of a
//! fraction.

#![expect(clippy::inline_always, reason = "a call for each day costs more than reading it")]

use jiff::{civil, fmt::strtime::BrokenDownTime, tz::Offset};

use crate::{
    plan::{
        date_directives::{FormatFault, MAX_FRACTION, check_directives, find_directives},
        time_count::TimeCount,
    },
    text::{
        buffer::OutputBuffer,
        lanes::{LANES, find_digits},
        number::NumberFormat,
    },
};

/// How a file writes a day or a moment, in the directives of `strftime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    /// As written in the mapping.
    pub format: String,
    /// Its parts, if all texts in this format have the same length: the common case, which needs no second check.
    fixed: Option<Vec<DatePart>>,
    /// The same with an offset behind it, which the calendar library reads where it is none of the usual ones.
    with_offset: Option<FixedWithOffset>,
    /// Where its digits stand, if it is a day of eight digits and two literals.
    shape: Option<DayShape>,
    /// The fraction of a second in it.
    fraction: Option<FractionPlace>,
    /// What its texts count, and how these numbers are written; `None`: it is made of directives.
    counted: Option<(TimeCount, NumberFormat)>,
}

/// A moment whose texts all have the same length, with an offset of hours and minutes at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FixedWithOffset {
    /// What stands in front of the offset.
    moment: Vec<DatePart>,
    /// There is a colon between the hours and the minutes of the offset.
    has_colon: bool,
}

/// Where a format has the fraction of a second, which is compared as a number: `.5` and `.500` are one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FractionPlace {
    /// The format before its directive.
    before: String,
    /// The format behind it.
    behind: String,
    /// How many digits it has, if the format says so.
    digits: Option<usize>,
    /// It has a point before its digits, and is left out with it.
    has_point: bool,
}

/// The most digits of a number that counts a moment, where messages show it.
const MAX_COUNT_SHOWN: usize = 12;
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
            with_offset: None,
            shape: parse_fixed("%Y-%m-%d").and_then(|parts| DayShape::from_parts(&parts)),
            fraction: None,
            counted: None,
        }
    }
}

impl DateFormat {
    /// Compiles a format, or says what is wrong with it.
    ///
    /// # Errors
    /// A directive that does not exist or is never read, one that says nothing without another, or parts of a day that are
    /// missing.
    pub(super) fn new(format: &str) -> Result<DateFormat, FormatFault> {
        let directives = find_directives(format);
        check_directives(&directives)?;
        let fixed = parse_fixed(format);
        let with_offset = FixedWithOffset::from_format(format);
        let shape = fixed.as_ref().and_then(|parts| DayShape::from_parts(parts));
        let fraction = directives.iter().find(|directive| directive.letter == 'f');
        let fraction = fraction.map(|directive| FractionPlace {
            before: format[..directive.at].to_owned(),
            behind: format[directive.at + directive.text.len()..].to_owned(),
            digits: directive.width,
            has_point: directive.has_point,
        });
        let compiled = DateFormat { format: format.to_owned(), fixed, with_offset, shape, fraction, counted: None };
        if compiled.fixed.is_none() {
            compiled.check_by_printing()?;
        }
        Ok(compiled)
    }

    /// A format of days or moments, if it is one that may stand in a mapping.
    #[must_use]
    pub fn find(format: &str) -> Option<DateFormat> {
        DateFormat::new(format).ok()
    }

    /// Whether a text is a day or a moment in this format.
    #[must_use]
    pub fn reads(&self, text: &[u8]) -> bool {
        self.parse(text).is_some()
    }

    /// A format whose texts are numbers that count something, written in a format of numbers.
    pub(super) fn new_counted(format: &str, count: TimeCount, number: NumberFormat) -> DateFormat {
        let counted = Some((count, number));
        let format = format.to_owned();
        DateFormat { format, fixed: None, with_offset: None, shape: None, fraction: None, counted }
    }

    /// How its numbers are written; `None`: it is made of directives.
    #[must_use]
    pub fn number_format(&self) -> Option<NumberFormat> {
        self.counted.map(|(_, number)| number)
    }

    /// What its texts count; `None`: it is made of directives.
    #[must_use]
    pub fn count(&self) -> Option<TimeCount> {
        self.counted.map(|(count, _)| count)
    }

    /// Checks a format by printing a moment in it and reading that again.
    fn check_by_printing(&self) -> Result<(), FormatFault> {
        let fault = |reason: &str| FormatFault { reason: reason.to_owned(), hint: "" };
        let moment = civil::datetime(2024, 11, 23, 13, 47, 59, 0);
        let mut sample = BrokenDownTime::from(moment);
        sample.set_offset(Some(Offset::UTC));
        let printed = sample.to_string(&self.format).map_err(|cause| fault(&cause.to_string()))?;
        let day = BrokenDownTime::parse(&self.format, &printed).and_then(|parsed| parsed.to_date());
        if day.is_err() {
            return Err(fault("it does not tell the year, the month and the day"));
        }
        let again = self.parse(printed.as_bytes());
        let is_again = again.is_some_and(|(again, _)| again.date() == moment.date());
        if is_again { Ok(()) } else { Err(fault("what is written in it cannot be read again")) }
    }

    /// Whether its texts hold an offset from UTC, or count from a moment.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.count().is_some_and(TimeCount::is_utc)
            || find_directives(&self.format).iter().any(|directive| directive.letter == 'z')
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
        if self.counted.is_some() {
            // Any number may count something, be it of a telephone.
            let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
            return digits <= MAX_COUNT_SHOWN && self.parse(text).is_some();
        }
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
    pub(super) fn parse(&self, cell: &[u8]) -> Option<(civil::DateTime, Option<Offset>)> {
        if let Some(parts) = &self.fixed {
            Some((parse_fixed_date(parts, cell)?, None))
        } else if let Some((count, number)) = self.counted {
            Some((count.read(cell, number)?, count.is_utc().then_some(Offset::UTC)))
        } else if let Some((moment, offset)) = self.with_offset.as_ref().and_then(|format| format.parse(cell)) {
            Some((moment, Some(offset)))
        } else {
            let text = std::str::from_utf8(cell).ok()?;
            // RFC 3339 also writes an offset of zero as `Z`.
            let utc = text.strip_suffix('Z').filter(|_| self.format.ends_with("%:z"));
            let utc = utc.map(|text| format!("{text}+00:00"));
            let text = utc.as_deref().unwrap_or(text);
            let parsed = BrokenDownTime::parse(&self.format, text).ok()?;
            let (date, time) = (parsed.to_date().ok()?, parsed.to_time().ok()?);
            if date.year() < 1 {
                return None;
            }
            let moment = date.to_datetime(time);
            let mut told = BrokenDownTime::from(moment);
            told.set_offset(parsed.offset());
            // Lenient parsers take `1/2/25` for a day in the year 25, and a week or a day of the year beside a month goes
            // unread, so the format has to print the same text again from the moment alone.
            self.writes(&told, moment.subsec_nanosecond(), text).then_some((moment, parsed.offset()))
        }
    }

    /// Whether a moment is written as this text.
    fn writes(&self, moment: &BrokenDownTime, nanoseconds: i32, text: &str) -> bool {
        let Some(FractionPlace { before, behind, digits, has_point }) = &self.fraction else {
            return moment.to_string(&self.format).is_ok_and(|again| again == text);
        };
        let (Ok(before), Ok(behind)) = (moment.to_string(before), moment.to_string(behind)) else { return false };
        let fraction = text.strip_prefix(&before).and_then(|rest| rest.strip_suffix(&behind));
        let fraction = match fraction {
            Some("") if *has_point => return digits.is_none() && nanoseconds == 0,
            Some(fraction) if *has_point => fraction.strip_prefix('.'),
            fraction => fraction,
        };
        fraction.is_some_and(|fraction| {
            (1..=MAX_FRACTION).contains(&fraction.len())
                && digits.is_none_or(|digits| digits == fraction.len())
                && format!("{fraction:0<MAX_FRACTION$}").parse() == Ok(nanoseconds)
                && fraction.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}

impl FixedWithOffset {
    /// `None`: it is another format.
    fn from_format(format: &str) -> Option<FixedWithOffset> {
        let (moment, has_colon) = match format.strip_suffix("%z") {
            Some(moment) => (moment, false),
            None => (format.strip_suffix("%:z")?, true),
        };
        let moment = parse_fixed(moment)?;
        let has_time = moment.contains(&DatePart::Hour) && moment.contains(&DatePart::Minute);
        has_time.then_some(FixedWithOffset { moment, has_colon })
    }

    /// Reads a cell. `None`: it is not in this format, no real moment, or has an offset that is written in several ways.
    fn parse(&self, cell: &[u8]) -> Option<(civil::DateTime, Offset)> {
        let (moment, offset) = cell.split_at_checked(cell.len().checked_sub(5 + usize::from(self.has_colon))?)?;
        let (sign, hours, minutes) = match (self.has_colon, offset) {
            (false, [sign, h, i, m, n]) | (true, [sign, h, i, b':', m, n]) => (sign, [h, i], [m, n]),
            _ => return None,
        };
        let number = |[ten, one]: [&u8; 2]| {
            (ten.is_ascii_digit() && one.is_ascii_digit()).then(|| i32::from(ten - b'0') * 10 + i32::from(one - b'0'))
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let seconds = (hours * 60 + minutes) * 60;
        let seconds = match sign {
            b'+' => seconds,
            b'-' if seconds != 0 => -seconds,
            _ => return None,
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        Some((parse_fixed_date(&self.moment, moment)?, Offset::from_seconds(seconds).ok()?))
    }
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
    let count = |part| parts.iter().filter(|known| **known == part).count();
    let is_day = [DatePart::Year, DatePart::Month, DatePart::Day].into_iter().all(|part| count(part) == 1);
    // What is there twice has to be compared.
    let is_time = [DatePart::Hour, DatePart::Minute, DatePart::Second].into_iter().all(|part| count(part) <= 1);
    (is_day && is_time).then_some(parts)
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

/// The most bytes of a moment as RFC 3339 writes it.
const LONGEST_MOMENT: usize = 35;

/// A moment as RFC 3339 writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsoMoment {
    /// Its text, and undefined bytes behind it.
    pub(crate) text: [u8; LONGEST_MOMENT],
    /// The length of that.
    pub(crate) len: usize,
}

impl IsoMoment {
    /// A moment with an offset of whole minutes.
    pub(super) fn new(moment: civil::DateTime, offset: Offset) -> IsoMoment {
        let mut iso = IsoMoment { text: [0; LONGEST_MOMENT], len: 0 };
        iso.put_number(moment.year() / 100);
        iso.put_number(moment.year() % 100);
        let parts = [(b'-', moment.month()), (b'-', moment.day()), (b'T', moment.hour()), (b':', moment.minute())];
        for (before, number) in parts.into_iter().chain([(b':', moment.second())]) {
            iso.put(&[before]);
            iso.put_number(number.into());
        }
        if moment.subsec_nanosecond() != 0 {
            let fraction = format!(".{:09}", moment.subsec_nanosecond());
            iso.put(fraction.trim_end_matches('0').as_bytes());
        }
        // RFC 3339 has no seconds in an offset, which is less than 100 hours.
        let minutes = i16::try_from(offset.seconds() / 60).unwrap_or_default();
        if minutes == 0 {
            iso.put(b"Z");
            return iso;
        }
        iso.put(if minutes < 0 { b"-" } else { b"+" });
        iso.put_number(minutes.abs() / 60);
        iso.put(b":");
        iso.put_number(minutes.abs() % 60);
        iso
    }

    fn put(&mut self, text: &[u8]) {
        self.text[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    /// Appends a number of two digits.
    fn put_number(&mut self, number: i16) {
        let number = u8::try_from(number).unwrap_or(0);
        self.put(&[b'0' + number / 10, b'0' + number % 10]);
    }
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
    use super::{DateFormat, FixedWithOffset, parse_fixed};

    /// The calendar library is asked for what the fixed way does not read, so that the two must agree.
    #[test]
    fn moments_with_an_offset_are_read_as_the_calendar_reads_them() {
        let (days, times) = (
            ["2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31", "2024-1-01", "2024/01/01"],
            ["00:00:00", "23:59:59", "23:59:60", "24:00:00", "7:00:00"],
        );
        let offsets = [
            "+0000",
            "-0000",
            "+0100",
            "-0330",
            "+2359",
            "+2400",
            "+2559",
            "+0160",
            "+01:00",
            "+00:00",
            "-00:00",
            "+01:60",
            "-11:30",
            "Z",
            "",
            "+01",
            "+010030",
            "+1 00",
            "\u{660}100",
        ];
        let mut read = 0;
        for format in ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S %:z", "%F %T%z", "%Y-%m-%d %H:%M%:z", "%z %F %T"] {
            let fast = DateFormat::new(format).unwrap();
            let slow = DateFormat { with_offset: None, ..fast.clone() };
            for (day, time, offset) in
                days.iter().flat_map(|day| times.iter().flat_map(move |time| offsets.map(|offset| (day, time, offset))))
            {
                for cell in [
                    format!("{day} {time} {offset}"),
                    format!("{day} {time}{offset}"),
                    format!("{day} {}{offset}", &time[..5]),
                    format!("{offset} {day} {time}"),
                ] {
                    let expected = slow.parse(cell.as_bytes());
                    read += usize::from(expected.is_some());
                    assert_eq!(fast.parse(cell.as_bytes()), expected, "{format} {cell:?}");
                }
            }
        }
        assert!(read > 100, "{read}");
        for (format, is_fixed) in [
            ("%F %T %z", true),
            ("%F %H %z", false),
            ("%F %z", false),
            ("%F %T%.f%z", false),
            ("%F %T %%z", false),
            ("%e.%m.%Y %T %z", false),
        ] {
            assert_eq!(FixedWithOffset::from_format(format).is_some(), is_fixed, "{format}");
        }
    }

    #[test]
    fn fixed_formats_need_no_check_by_printing() {
        let days =
            ["%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d%m%Y", "%Y %d-%m", "%F", "le %d\u{a0}%m\u{a0}%Y", "%%%Y%%%m%%%d%%"];
        let times = ["", " ", "%T", "T%H:%M", " %H%M%S", "5", "%H h %M", "\t%H"];
        for (day, time) in days.into_iter().flat_map(|day| times.map(|time| (day, time))) {
            for format in [format!("{day}{time}"), format!("{time}{day}")] {
                let compiled = DateFormat::new(&format).unwrap();
                assert!(compiled.is_fixed() && compiled.check_by_printing().is_ok(), "{format}");
            }
        }
        for part in ["%d.%m", "%Y-%Y-%d", "%Y %H", "%Y-%m-%", "", "%Y-%m-%d %H%M %H"] {
            assert!(parse_fixed(part).is_none(), "{part}");
        }
    }

    /// Each directive that the library knows: the format, a cell that it takes (nothing: the format is refused), and a cell
    /// that contradicts itself, or the cause.
    const DIRECTIVES: &[(&str, &str, &str)] = &[
        ("%A %F", "Monday 2026-02-02", "Sunday 2026-02-02"),
        ("%a %F", "Mon 2026-02-02", "Tue 2026-02-02"),
        ("%d %B %Y", "02 February 2026", "02 Februar 2026"),
        ("%d %b %Y", "02 Feb 2026", "30 Feb 2026"),
        ("%d %h %Y", "02 Feb 2026", "02 FEB 2026"),
        ("%^d %^b %Y", "02 FEB 2026", "02 Feb 2026"),
        ("%D", "02/02/26", "2/2/26"),
        ("%e.%m.%Y", " 2.02.2026", "2.02.2026"),
        ("%F", "2026-02-02", "2026-2-2"),
        ("%G-%m-%d %F", "2026-02-02 2026-02-02", "2025-02-02 2026-02-02"),
        ("%G-W%V-%u", "2026-W06-1", "2026-W54-1"),
        ("%g %F", "26 2026-02-02", "25 2026-02-02"),
        ("%F %H", "2026-02-02 21", "2026-02-02 24"),
        ("%F %H:%M %R", "2026-02-02 21:00 21:00", "2026-02-02 21:00 21:01"),
        ("%F %I %p", "2026-02-02 09 PM", "2026-02-02 21 PM"),
        ("%F %I%P", "2026-02-02 12am", "2026-02-02 00am"),
        ("%F %p %l", "2026-02-02 PM  9", "2026-02-02 PM 9"),
        ("%F %j", "2026-02-02 033", "2026-02-01 033"),
        ("%Y-%j", "2026-033", "2026-366"),
        ("%F %k", "2026-02-02  9", "2026-02-02 09"),
        ("%F %H:%M", "2026-02-02 21:59", "2026-02-02 21:60"),
        ("%Y/%-m/%-d", "2026/2/2", "2026/02/2"),
        ("%F%n%R", "2026-02-02\n21:00", "2026-02-02 21:00"),
        ("%F%t%R", "2026-02-02\t21:00", "2026-02-02\t\t21:00"),
        ("%F %T", "2026-02-02 21:00:59", "2026-02-02 21:00:60"),
        ("%F %T.%f", "2026-02-02 21:00:00.500", "2026-02-02 21:00:00.5x"),
        ("%F %T.%3f", "2026-02-02 21:00:00.120", "2026-02-02 21:00:00.12"),
        ("%F %T%.f", "2026-02-02 21:00:00.0", "2026-02-02 21:00:00."),
        ("%F %T%.f", "2026-02-02 21:00:00", "2026-02-02 21:00:00,5"),
        ("%F %T%.3f%z", "2026-02-02 21:00:00.120+0100", "2026-02-02 21:00:00.1200+0100"),
        ("%U %w %F", "05 1 2026-02-02", "06 1 2026-02-02"),
        ("%Y %U %w", "2026 05 1", "2026 54 1"),
        ("%u %F", "1 2026-02-02", "7 2026-02-02"),
        ("%V %F", "06 2026-02-02", "05 2026-02-02"),
        ("%W %F", "05 2026-02-02", "04 2026-02-02"),
        ("%y%m%d", "260202", "26022"),
        ("%Y-%m-%d %y", "2026-02-02 26", "2025-02-02 26"),
        ("%d.%m.%Y %d", "02.02.2026 02", "02.02.2026 03"),
        ("%F %H %H", "2026-02-02 21 21", "2026-02-02 21 22"),
        ("%F %T %z", "2026-02-02 21:00:00 +0100", "2026-02-02 21:00:00 0100"),
        ("%F %T%:z", "2026-02-02 21:00:00+01:00", "2026-02-02 21:00:00+0100"),
        ("%F %T%::z", "2026-02-02 21:00:00+01:00:00", "2026-02-02 21:00:00+01:00"),
        ("%F %T%:::z", "2026-02-02 21:00:00+01", "2026-02-02 21:00:00+01:00"),
        ("%%%F", "%2026-02-02", "2026-02-02"),
        ("%C%y-%m-%d", "", "`%C` cannot be read"),
        ("%c", "", "`%c` cannot be read"),
        ("%F %N", "", "`%N` cannot be read"),
        ("%F %9N", "", "`%9N` cannot be read"),
        ("%F %H:%M %Q", "", "`%Q` cannot be read"),
        ("%F %H:%M %:Q", "", "`%:Q` cannot be read"),
        ("%F %q", "", "`%q` cannot be read"),
        ("%F %r", "", "`%r` cannot be read"),
        ("%s %F", "", "`%s` cannot be read"),
        ("%F %X", "", "`%X` cannot be read"),
        ("%x", "", "`%x` cannot be read"),
        ("%F %H:%M %Z", "", "`%Z` cannot be read"),
        ("%+", "", "`%+` cannot be read"),
        ("%F %K", "", "there is no directive `%K`"),
        ("%Ey-%m-%d", "", "there is no directive `%E`"),
        ("%F %.d", "", "there is no directive `%.d`"),
        ("%Y-%m-%", "", "`%` is no directive"),
        ("%F %I:%M", "", "`%I` is one of two hours without `%p`"),
        ("%F %l:%M", "", "`%l` is one of two hours without `%p`"),
        ("%F %p", "", "`%p` says nothing without `%I`"),
        ("%F %H:%M %P", "", "`%P` says nothing without `%I`"),
        ("%F %H %I %p", "", "`%H` and `%I` both tell the hour"),
        ("%F %M", "", "`%M` says nothing without an hour"),
        ("%F %H %S", "", "`%S` says nothing without minutes"),
        ("%F %H:%M.%f", "", "`%f` says nothing without seconds"),
        ("%F %T.%f %f", "", "`%f` tells the fraction again"),
        ("%F %T.%12f", "", "`%12f` has more than nine digits"),
        ("%d.%m", "", "it does not tell the year, the month and the day"),
        ("%Y %V", "", "it does not tell the year, the month and the day"),
        ("%T", "", "it does not tell the year, the month and the day"),
        ("", "", "it does not tell the year, the month and the day"),
    ];

    #[test]
    fn every_directive_is_read_and_compared_or_refused_with_its_cause() {
        for (format, taken, other) in DIRECTIVES {
            match DateFormat::new(format) {
                Err(fault) => assert_eq!((*taken, fault.reason.as_str()), ("", *other), "{format}"),
                Ok(compiled) => {
                    let is_read = |cell: &str| compiled.parse(cell.as_bytes()).is_some();
                    assert!(is_read(taken), "{format} {taken:?}");
                    assert!(!is_read(other), "{format} {other:?}");
                    let (moment, _) = compiled.parse(taken.as_bytes()).unwrap();
                    assert_eq!(moment.date(), jiff::civil::date(2026, 2, 2), "{format}");
                }
            }
        }
    }

    #[test]
    fn letters_are_told_apart_one_by_one() {
        for letter in ('!'..='~').filter(|letter| !letter.is_ascii_digit()) {
            let format = format!("%Y-%m-%d %H:%M:%S|%{letter}");
            let Err(fault) = DateFormat::new(&format) else { continue };
            let is_told = fault.reason.contains(&format!("`%{letter}`"));
            let is_modifier = matches!(letter, '-' | '_' | '^' | '#' | ':' | '.');
            assert!(is_told || is_modifier, "{letter} {}", fault.reason);
        }
    }

    #[test]
    fn fractions_are_numbers() {
        let format = DateFormat::new("%Y-%m-%d %H:%M:%S.%f").unwrap();
        for (fraction, nanoseconds) in [
            ("123", Some(123_000_000)),
            ("120", Some(120_000_000)),
            ("500000", Some(500_000_000)),
            ("0", Some(0)),
            ("000000000", Some(0)),
            ("000000001", Some(1)),
            ("1234567890", None),
            ("", None),
            ("+5", None),
            ("5 ", None),
            ("٣", None),
        ] {
            let cell = format!("2026-01-01 09:00:00.{fraction}");
            let read = format.parse(cell.as_bytes()).map(|(moment, _)| moment.subsec_nanosecond());
            assert_eq!(read, nanoseconds, "{fraction}");
        }
    }

    #[test]
    fn offsets_are_told_by_their_directive() {
        for (format, has_offset) in [
            ("%F %T%z", true),
            ("%F %T%:z", true),
            ("%F %T%::z", true),
            ("%F %T%:::z", true),
            ("%F %T", false),
            ("%F %T%%z", false),
            ("%F %T%%:z", false),
        ] {
            assert_eq!(DateFormat::new(format).unwrap().has_offset(), has_offset, "{format}");
        }
    }
}
