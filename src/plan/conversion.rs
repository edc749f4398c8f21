//! A declared type, ready to turn a cell into JSON text.
//!
//! Digits are copied after a check of their grammar, never parsed and printed, so no number passes through a float and
//! a 30-digit price keeps its 30 digits. What is written is always a complete JSON value, or nothing.

use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::{
    diagnostic::Code,
    plan::date_format::{DAY, Notation, write_day, write_moment},
    text::{
        buffer::Pen,
        lanes::{LANE, Snippet},
    },
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
                if let Some(day) = notation.shape().and_then(|shape| shape.iso(&cell.lane(0), cell.len())) {
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
    use super::{Digits, Kind, Notation};
    use crate::text::buffer::Pen;
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
}
