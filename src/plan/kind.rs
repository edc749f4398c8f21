//! A declared type, ready to turn a cell into JSON text.
//!
//! Digits are copied after a check of their grammar, never parsed and printed, so no number passes through a float and
//! a 30-digit price keeps its 30 digits. What is written is always a complete JSON value, or nothing.

#![expect(clippy::inline_always, reason = "a call for each day costs more than reading it")]

use jiff::{
    civil,
    fmt::strtime::BrokenDownTime,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::{
    diagnostic::Code,
    pen::Pen,
    snippet::{LANE, Snippet, digits},
};

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A code: a text that is never empty.
    Code,
    /// A whole number.
    Integer(Digits),
    /// A decimal number.
    Decimal(Digits),
    /// True or false, each by its words.
    Boolean {
        /// The words that mean true.
        yes: Vec<Vec<u8>>,
        /// The words that mean false.
        no: Vec<Vec<u8>>,
    },
    /// A day.
    Date(Notation),
    /// A moment.
    Datetime {
        /// How it is written.
        notation: Notation,
        /// Where it was recorded; `None` when the notation holds an offset.
        zone: Option<TimeZone>,
    },
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// The decimal mark.
    pub mark: u8,
    /// What separates groups of three digits.
    pub group: Option<u8>,
}

impl Default for Digits {
    fn default() -> Digits {
        Digits { mark: b'.', group: None }
    }
}

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
pub(super) const DAY: usize = 10;

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
    pub(super) fn iso(&self, cell: &[u8; LANE], len: usize) -> Option<[u8; LANE]> {
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

    fn read(&self, cell: &[u8]) -> Option<(civil::DateTime, Option<jiff::tz::Offset>)> {
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

impl Kind {
    /// Writes a cell as a JSON value.
    ///
    /// # Errors
    /// The cell is not of this type; then nothing was written.
    #[inline]
    pub fn write(&self, cell: Snippet<'_>, out: &mut Pen) -> Result<(), Code> {
        match self {
            Kind::Text | Kind::Code => write_text(cell, out),
            Kind::Integer(digits) => return number(cell, *digits, false, out).ok_or(Code::TransformNotAnInteger),
            Kind::Decimal(digits) => return number(cell, *digits, true, out).ok_or(Code::TransformNotADecimal),
            Kind::Boolean { yes, no } => {
                let cell = cell.bytes();
                match (yes.iter().any(|word| word == cell), no.iter().any(|word| word == cell)) {
                    (true, _) => out.extend(b"true"),
                    (_, true) => out.extend(b"false"),
                    _ => return Err(Code::TransformNotABoolean),
                }
            }
            Kind::Date(notation) => {
                if let Some(day) = notation.shape.and_then(|shape| shape.iso(&cell.lane(0), cell.len())) {
                    out.push(b'"');
                    out.extend(&day[..DAY]);
                    out.push(b'"');
                    return Ok(());
                }
                let (moment, _) = notation.read(cell.bytes()).ok_or(Code::TransformNotADate)?;
                out.push(b'"');
                write_day(moment, out);
                out.push(b'"');
            }
            Kind::Datetime { notation, zone } => {
                let (moment, offset) = notation.read(cell.bytes()).ok_or(Code::TransformNotADatetime)?;
                let offset = match (offset, zone) {
                    (Some(offset), _) => offset,
                    (None, Some(zone)) => match zone.to_ambiguous_timestamp(moment).offset() {
                        AmbiguousOffset::Unambiguous { offset } => offset,
                        // A local time that happened twice, or never: nobody knows which moment it was.
                        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => {
                            return Err(Code::TransformNotADatetime);
                        }
                    },
                    (None, None) => return Err(Code::TransformNotADatetime),
                };
                out.push(b'"');
                write_moment(moment, offset, out);
                out.push(b'"');
            }
        }
        Ok(())
    }

    /// Whether its JSON values are texts.
    #[must_use]
    pub fn is_text(&self) -> bool {
        !matches!(self, Kind::Integer(_) | Kind::Decimal(_) | Kind::Boolean { .. })
    }

    /// Its name in a mapping.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Code => "code",
            Kind::Integer(_) => "integer",
            Kind::Decimal(_) => "decimal",
            Kind::Boolean { .. } => "boolean",
            Kind::Date(_) => "date",
            Kind::Datetime { .. } => "datetime",
        }
    }

    /// Whether a cut cell is never a whole one, so that a last cell without a line end is known to be whole.
    #[must_use]
    pub fn is_prefix_free(&self) -> bool {
        match self {
            Kind::Date(notation) | Kind::Datetime { notation, .. } => notation.is_fixed(),
            Kind::Boolean { yes, no } => {
                let words: Vec<&Vec<u8>> = yes.iter().chain(no).collect();
                words.iter().all(|word| words.iter().all(|other| word == other || !other.starts_with(word)))
            }
            _ => false,
        }
    }

    /// What a good cell looks like.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Kind::Text | Kind::Code => "a text".into(),
            Kind::Integer(Digits { group: None, .. }) => "a whole number such as 12".into(),
            Kind::Integer(Digits { group: Some(group), .. }) => {
                format!("a whole number such as 1{}200", char::from(*group))
            }
            Kind::Decimal(Digits { mark, group }) => {
                let group = group.map_or(String::new(), |group| char::from(group).to_string());
                format!("a decimal number such as 1{group}200{}50", char::from(*mark))
            }
            Kind::Boolean { yes, no } => {
                let words: Vec<_> = yes.iter().chain(no).map(|word| String::from_utf8_lossy(word)).collect();
                format!("one of `{}`", words.join("`, `"))
            }
            Kind::Date(notation) => format!("a real day in the format `{}`", notation.format),
            Kind::Datetime { notation, .. } => format!("a real moment in the format `{}`", notation.format),
        }
    }
}

/// How many days each month has in every year; the calendar knows of one more.
const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Whether these bytes begin with a real day as JSON writes it, told without making a day of it.
#[inline(always)]
pub(super) fn is_iso_day(cell: &[u8; LANE]) -> bool {
    let (digits, _) = digits(cell, 0);
    // Of digits: the number they are.
    let pair =
        |at: usize| (usize::from(cell[at]) * 10 + usize::from(cell[at + 1])).wrapping_sub(usize::from(b'0') * 11);
    let (month, day) = (pair(5), pair(8));
    let shape = digits & 0x3FF == 0b11_0110_1111 && cell[4] == b'-' && cell[7] == b'-';
    // There is no year 0.
    shape && cell[..4] != *b"0000" && month < DAYS.len() && day.wrapping_sub(1) < usize::from(DAYS[month % DAYS.len()])
}

fn write_day(moment: civil::DateTime, out: &mut Pen) {
    four_digits(moment.year(), out);
    out.push(b'-');
    two_digits(moment.month(), out);
    out.push(b'-');
    two_digits(moment.day(), out);
}

/// RFC 3339.
fn write_moment(moment: civil::DateTime, offset: jiff::tz::Offset, out: &mut Pen) {
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

fn four_digits(number: i16, out: &mut Pen) {
    two_digits(i8::try_from(number / 100).unwrap_or(0), out);
    two_digits(i8::try_from(number % 100).unwrap_or(0), out);
}

fn two_digits(number: i8, out: &mut Pen) {
    let number = number.unsigned_abs();
    out.extend(&[b'0' + number / 10, b'0' + number % 10]);
}

/// Copies a number after checking its grammar; drops group marks and writes the decimal mark as a point.
#[inline]
fn number(cell: Snippet<'_>, notation: Digits, fraction: bool, out: &mut Pen) -> Option<()> {
    // Digits with at most one mark among them is what nearly every number looks like.
    let Some((digits, marks)) = cell.digits(if fraction { notation.mark } else { b'0' }) else {
        return odd_number(cell.bytes(), notation, fraction, out);
    };
    let marks = if fraction { marks } else { 0 };
    let whole = if marks == 0 { cell.len() } else { marks.trailing_zeros() as usize };
    let one_mark = marks & marks.wrapping_sub(1) == 0;
    let leading_zero = whole > 1 && cell.bytes()[0] == b'0';
    if whole == 0 || !one_mark || leading_zero || digits >> (cell.len() - 1) == 0 {
        return None;
    }
    let room = out.room(2 * LANE);
    cell.copy_to(room);
    if marks != 0 {
        room[whole] = b'.';
    }
    out.advance(cell.len());
    Some(())
}

/// A number that has a sign, groups or many digits, or is none.
fn odd_number(cell: &[u8], digits: Digits, fraction: bool, out: &mut Pen) -> Option<()> {
    let unsigned = cell.strip_prefix(b"-").unwrap_or(cell);
    let (whole, decimals) = match memchr::memchr(digits.mark, unsigned) {
        Some(at) if fraction => (&unsigned[..at], Some(&unsigned[at + 1..])),
        _ => (unsigned, None),
    };
    let grouped = digits.group.is_some_and(|group| whole.contains(&group));
    let is_whole = if grouped { groups(whole, digits.group?) } else { whole.iter().all(u8::is_ascii_digit) };
    let leading_zero = whole.len() > 1 && whole[0] == b'0';
    if whole.is_empty() || !is_whole || leading_zero {
        return None;
    }
    if decimals.is_some_and(|decimals| decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    out.extend(&cell[..cell.len() - unsigned.len()]);
    match digits.group {
        Some(group) if grouped => whole.iter().filter(|byte| **byte != group).for_each(|byte| out.push(*byte)),
        _ => out.extend(whole),
    }
    if let Some(decimals) = decimals {
        out.push(b'.');
        out.extend(decimals);
    }
    Some(())
}

/// One to three digits, then groups of exactly three.
fn groups(whole: &[u8], group: u8) -> bool {
    let mut parts = whole.split(|byte| *byte == group);
    let first = parts.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && first.iter().all(u8::is_ascii_digit)
        && parts.all(|part| part.len() == 3 && part.iter().all(u8::is_ascii_digit))
}

/// Writes a text as a JSON string. The text must be UTF-8, which `read` made sure of.
#[inline]
pub fn write_text(text: Snippet<'_>, out: &mut Pen) {
    let room = out.room(text.len() + 2 + LANE);
    room[0] = b'"';
    if text.copy_plain(&mut room[1..]) {
        room[text.len() + 1] = b'"';
        out.advance(text.len() + 2);
    } else {
        out.push(b'"');
        write_escaped(text.bytes(), out);
        out.push(b'"');
    }
}

fn write_escaped(text: &[u8], out: &mut Pen) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\') {
        out.extend(&rest[..at]);
        match rest[at] {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            control => out.extend(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend(rest);
}

#[cfg(test)]
mod tests {
    use super::{Digits, Kind, Notation, fixed, tried};
    use crate::pen::Pen;
    use jiff::tz::TimeZone;

    fn written(kind: &Kind, cell: &str) -> Option<String> {
        let mut out = Pen::default();
        let result = kind.write(cell.as_bytes().into(), &mut out);
        assert!(result.is_ok() || out.is_empty(), "a failed write leaves nothing");
        result.ok().map(|()| String::from_utf8(out.into()).unwrap())
    }

    #[test]
    fn numbers_keep_their_digits() {
        let comma = Kind::Decimal(Digits { mark: b',', group: Some(b'.') });
        let point = Kind::Decimal(Digits::default());
        let whole = Kind::Integer(Digits::default());
        let table: [(&Kind, &str, Option<&str>); 24] = [
            (&point, "10", Some("10")),
            (&point, "91.20", Some("91.20")),
            (&point, "-0.5", Some("-0.5")),
            (&point, "123456789012345678901234567890.12", Some("123456789012345678901234567890.12")),
            (&point, "12,50", None),
            (&point, "1e3", None),
            (&point, "NaN", None),
            (&point, "+5", None),
            (&point, ".5", None),
            (&point, "5.", None),
            (&point, "007", None),
            (&point, "1_000", None),
            (&point, " 1", None),
            (&comma, "12,50", Some("12.50")),
            (&comma, "1.234,5", Some("1234.5")),
            (&comma, "1.23,5", None),
            (&comma, "12.345.678", Some("12345678")),
            (&comma, "1234,5", Some("1234.5")),
            (&whole, "0", Some("0")),
            (&whole, "-12", Some("-12")),
            (&whole, "1.0", None),
            (&whole, "", None),
            (&whole, "-", None),
            (&whole, "99999999999999999999999", Some("99999999999999999999999")),
        ];
        for (kind, cell, expected) in table {
            assert_eq!(written(kind, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn days_are_real_and_in_their_notation() {
        let iso = Kind::Date(Notation::new("%Y-%m-%d").unwrap());
        let german = Kind::Date(Notation::new("%d.%m.%Y").unwrap());
        let short = Kind::Date(Notation::new("%d %b %Y").unwrap());
        let american = Kind::Date(Notation::new("%m/%d/%Y").unwrap());
        let table: [(&Kind, &str, Option<&str>); 20] = [
            (&american, "12/31/2017", Some("\"2017-12-31\"")),
            (&american, "31/12/2017", None),
            (&american, "12-31-2017", None),
            (&american, "02/29/2023", None),
            (&american, "02/29/2024", Some("\"2024-02-29\"")),
            (&german, "31-12-2017", None),
            (&iso, "2017-12-31", Some("\"2017-12-31\"")),
            (&iso, "2050-02-30", None),
            (&iso, "2024-02-29", Some("\"2024-02-29\"")),
            (&iso, "1900-02-29", None),
            (&iso, "2017-1-31", None),
            (&iso, "17-12-31", None),
            (&iso, "2017-12-311", None),
            (&iso, "0000-01-01", None),
            (&iso, "9999-12-31", Some("\"9999-12-31\"")),
            (&iso, "１２３４-12-31", None),
            (&german, "31.12.2017", Some("\"2017-12-31\"")),
            (&german, "1.2.2025", None),
            (&short, "05 Mar 2020", Some("\"2020-03-05\"")),
            (&short, "5 Mar 2020", None),
        ];
        for (kind, cell, expected) in table {
            assert_eq!(written(kind, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn moments_have_one_offset_or_are_refused() {
        let notation = Notation::new("%Y-%m-%d %H:%M").unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let local = Kind::Datetime { notation, zone: Some(paris) };
        let offset = Kind::Datetime { notation: Notation::new("%Y-%m-%dT%H:%M:%S%:z").unwrap(), zone: None };
        let table: [(&Kind, &str, Option<&str>); 7] = [
            (&offset, "2024-07-01T12:00:00Z", Some("\"2024-07-01T12:00:00Z\"")),
            (&offset, "2024-07-01T12:00:00", None),
            (&local, "2024-07-01 12:00", Some("\"2024-07-01T12:00:00+02:00\"")),
            (&local, "2024-03-31 02:30", None),
            (&local, "2024-10-27 02:30", None),
            (&local, "2024-07-01 24:00", None),
            (&offset, "2024-07-01T12:00:00+00:00", Some("\"2024-07-01T12:00:00Z\"")),
        ];
        for (kind, cell, expected) in table {
            assert_eq!(written(kind, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(written(&Kind::Text, "a\"b\\c\n\t\u{1}é").as_deref(), Some("\"a\\\"b\\\\c\\n\\t\\u0001é\""));
    }

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
