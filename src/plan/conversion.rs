//! Conversion of a cell to JSON text by the declared type of its column.
//!
//! Digits are copied after a check of their grammar, never parsed and printed, so no number passes through a float and
//! a 30-digit price keeps its 30 digits. A conversion writes a complete JSON value, or nothing.

use jiff::{Timestamp, civil};

use crate::{
    diagnostic::Code,
    plan::{
        date_format::{DAY, DateFormat, write_day},
        moment_format::{MomentFault, MomentFormat},
        time_count::TimeCount,
    },
    text::{
        buffer::OutputBuffer,
        json_value::write_value,
        lanes::{ByteLanes, LANES},
        number::{Number, NumberFormat, is_short_whole, parse_short},
    },
};

/// The most digits of a number, and the most characters of a code, that messages show.
const MAX_SHOWN: usize = 12;
/// The most characters of a code without digits that messages show: `EUR` or `Mrs`, but not a name.
const MAX_SHOWN_WORD: usize = 3;

/// What a cell is converted to, and how the file writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Conversion {
    /// Any text.
    Text,
    /// A code: a text that is never empty.
    Code,
    /// A whole number.
    Integer(NumberFormat),
    /// A decimal number.
    Decimal(NumberFormat),
    /// True or false, each by its words.
    Boolean {
        /// The words that mean true.
        yes: Vec<Vec<u8>>,
        /// The words that mean false.
        no: Vec<Vec<u8>>,
    },
    /// A day.
    Date(DateFormat),
    /// A moment.
    Datetime(Box<MomentFormat>),
    /// A JSON value.
    Json,
}

impl Conversion {
    /// Writes a cell as a JSON value.
    ///
    /// # Errors
    /// The cell is not of this type; then nothing was written.
    #[inline]
    pub fn write(&self, cell: ByteLanes<'_>, out: &mut OutputBuffer) -> Result<(), Code> {
        match self {
            Conversion::Text | Conversion::Code => write_text(cell, out),
            Conversion::Json => return write_value(cell.bytes(), out).map_err(|_| Code::TransformNotJson),
            Conversion::Integer(format) => return format.write_json(cell, out).ok_or(Code::TransformNotAnInteger),
            Conversion::Decimal(format) => return format.write_json(cell, out).ok_or(Code::TransformNotADecimal),
            Conversion::Boolean { yes, no } => {
                let cell = cell.bytes();
                match (yes.iter().any(|word| word == cell), no.iter().any(|word| word == cell)) {
                    (true, _) => out.extend(b"true"),
                    (_, true) => out.extend(b"false"),
                    _ => return Err(Code::TransformNotABoolean),
                }
            }
            Conversion::Date(format) => {
                if let Some(day) = format.shape().and_then(|shape| shape.find_iso_day(&cell.lanes_at(0), cell.len())) {
                    out.push(b'"');
                    out.extend(&day[..DAY]);
                    out.push(b'"');
                    return Ok(());
                }
                let moment = read_day(format, cell.bytes()).ok_or(Code::TransformNotADate)?;
                out.push(b'"');
                write_day(moment, out);
                out.push(b'"');
            }
            Conversion::Datetime(format) => {
                let moment = format.find_iso(cell.bytes()).map_err(MomentFault::code)?;
                out.push(b'"');
                out.extend(&moment.text[..moment.len]);
                out.push(b'"');
            }
        }
        Ok(())
    }

    /// What was done with a cell that was written, if the mapping wants to hear of it.
    #[inline]
    #[must_use]
    pub fn find_warning(&self, cell: &[u8]) -> Option<&'static str> {
        match self {
            Conversion::Datetime(format) => format.find_warning(cell),
            _ => None,
        }
    }

    /// Whether each of its values is written in one way only, so that cells may be compared byte for byte. The sign of zero
    /// is not looked at: [`is_key`](Self::is_key) refuses it.
    #[must_use]
    pub fn has_one_spelling(&self) -> bool {
        match self {
            Conversion::Text | Conversion::Code => true,
            Conversion::Integer(format) => format.group_separator.is_none(),
            Conversion::Date(format) => format.is_fixed_day(),
            Conversion::Boolean { yes, no } => yes.len() == 1 && no.len() == 1,
            Conversion::Decimal(_) | Conversion::Datetime(_) | Conversion::Json => false,
        }
    }

    /// Whether a cell of this type can be compared with others: `-0` is written unlike the zero that it is.
    #[must_use]
    pub fn is_key(&self, cell: &[u8]) -> bool {
        !matches!(self, Conversion::Integer(_)) || !matches!(cell, b"-0" | b"0-" | b"(0)")
    }

    /// Writes the value of a cell such that equal values are equal bytes, and no value has the bytes of a cell that is not of
    /// this type.
    pub fn write_value(&self, cell: &[u8], out: &mut Vec<u8>) {
        let mut json = OutputBuffer::default();
        if self.write(cell.into(), &mut json).is_err() {
            out.push(b'?');
            out.extend_from_slice(cell);
            return;
        }
        match self {
            Conversion::Integer(_) | Conversion::Decimal(_) => write_number_value(&json, out),
            Conversion::Datetime(_) => {
                let moment =
                    std::str::from_utf8(&json).ok().and_then(|text| text.trim_matches('"').parse::<Timestamp>().ok());
                match moment {
                    Some(moment) => out.extend_from_slice(moment.as_nanosecond().to_string().as_bytes()),
                    None => out.extend_from_slice(&json),
                }
            }
            Conversion::Text
            | Conversion::Code
            | Conversion::Boolean { .. }
            | Conversion::Date(_)
            | Conversion::Json => {
                out.extend_from_slice(&json);
            }
        }
    }

    /// Whether its JSON values are texts.
    #[must_use]
    pub fn is_text(&self) -> bool {
        !matches!(self, Conversion::Integer(_) | Conversion::Decimal(_) | Conversion::Boolean { .. } | Conversion::Json)
    }

    /// How its numbers are written; `None`: its values are no numbers.
    #[must_use]
    pub fn number_format(&self) -> Option<NumberFormat> {
        match self {
            Conversion::Integer(format) | Conversion::Decimal(format) => Some(*format),
            _ => None,
        }
    }

    /// The type of its values in JSON, as messages name it.
    #[must_use]
    pub fn json_type(&self) -> &'static str {
        match self {
            Conversion::Integer(_) => "integer",
            Conversion::Decimal(_) => "number",
            Conversion::Boolean { .. } => "boolean",
            Conversion::Json => "json",
            _ => "text",
        }
    }

    /// The name of its type in a mapping.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Conversion::Text => "text",
            Conversion::Code => "code",
            Conversion::Integer(_) => "integer",
            Conversion::Decimal(_) => "decimal",
            Conversion::Boolean { .. } => "boolean",
            Conversion::Date(_) => "date",
            Conversion::Datetime(_) => "datetime",
            Conversion::Json => "json",
        }
    }

    /// Whether a truncated cell is never a valid one, so that a last cell without a line end is known to be complete.
    #[must_use]
    pub fn is_prefix_free(&self) -> bool {
        match self {
            Conversion::Date(format) => format.is_fixed(),
            Conversion::Datetime(moment) => moment.format.is_fixed(),
            Conversion::Boolean { yes, no } => {
                let words: Vec<&Vec<u8>> = yes.iter().chain(no).collect();
                words.iter().all(|word| words.iter().all(|other| word == other || !other.starts_with(word)))
            }
            _ => false,
        }
    }

    /// Whether a cell of so many bytes, which begins with these, is certain to be of this type.
    #[must_use]
    #[inline]
    pub fn is_usual(&self, lanes: &[u8; LANES], length: usize) -> bool {
        match self {
            Conversion::Integer(_) => is_short_whole(lanes, length),
            Conversion::Decimal(format) => parse_short(lanes, length, format.decimal_separator).is_some(),
            _ => false,
        }
    }

    /// Whether a cell looks like what its column declares, so that messages may show it as it is.
    ///
    /// A record may be shifted by a cell, so that a name stands where a code is expected: what looks like a word is no code.
    #[must_use]
    pub fn is_shown(&self, cell: &str) -> bool {
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        match self {
            Conversion::Text | Conversion::Json => false,
            Conversion::Code => {
                let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
                (1..=MAX_SHOWN).contains(&cell.len())
                    && cell.chars().all(is_code)
                    && (digits > 0 || cell.len() <= MAX_SHOWN_WORD)
            }
            Conversion::Integer(_) | Conversion::Decimal(_) => {
                let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ',' | '\'' | '(' | ')');
                (1..=MAX_SHOWN).contains(&digits) && cell.len() <= 2 * MAX_SHOWN && cell.chars().all(is_numeric)
            }
            Conversion::Boolean { yes, no } => yes.iter().chain(no).any(|word| word == cell.as_bytes()),
            Conversion::Date(format) => format.has_layout(cell.as_bytes()),
            Conversion::Datetime(moment) => moment.format.has_layout(cell.as_bytes()),
        }
    }
}

/// The day of a cell. Seconds since 1970 are a day only at its first moment: at any other, which day it is depends on where.
pub(super) fn read_day(format: &DateFormat, cell: &[u8]) -> Option<civil::DateTime> {
    let (moment, _) = format.parse(cell)?;
    let is_anywhere = !format.count().is_some_and(TimeCount::is_utc) || moment.time() == civil::Time::midnight();
    is_anywhere.then_some(moment)
}

/// Writes a number as JSON has it, without zeros at the end of its fraction and without the sign of zero.
fn write_number_value(json: &[u8], out: &mut Vec<u8>) {
    let number = NumberFormat::JSON.parse(json).map(Number::normalized);
    let Some(Number { is_negative, whole, fraction }) = number else { return };
    if is_negative {
        out.push(b'-');
    }
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// Writes a text as a JSON string. The text must be UTF-8, which `read` guarantees.
#[inline]
pub fn write_text(text: ByteLanes<'_>, out: &mut OutputBuffer) {
    let spare = out.reserve(text.len() + 2 + LANES);
    spare[0] = b'"';
    if text.copy_plain(&mut spare[1..]) {
        spare[text.len() + 1] = b'"';
        out.advance(text.len() + 2);
    } else {
        out.push(b'"');
        write_escaped(text.bytes(), out);
        out.push(b'"');
    }
}

fn write_escaped(text: &[u8], out: &mut OutputBuffer) {
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
    use jiff::tz::TimeZone;

    use super::{Conversion, DateFormat};
    use crate::{
        config::{contract::Contract, mapping::policy::Policy},
        plan::moment_format::{MomentFormat, MomentZone},
        text::{
            buffer::OutputBuffer,
            number::{NO_SEPARATOR, NumberFormat, samples},
        },
    };

    fn moments(format: &str, zone: MomentZone) -> Conversion {
        let format = DateFormat::new(format).unwrap();
        Conversion::Datetime(Box::new(MomentFormat { format, zone, on_ambiguous: Policy::default() }))
    }

    fn written(conversion: &Conversion, cell: &str) -> Option<String> {
        let mut out = OutputBuffer::default();
        let result = conversion.write(cell.as_bytes().into(), &mut out);
        assert!(result.is_ok() || out.is_empty(), "a failed write leaves nothing");
        result.ok().map(|()| String::from_utf8(out.into()).unwrap())
    }

    #[test]
    fn days_and_moments_are_in_the_formats_that_are_proven() {
        let contract = |format: &str| {
            let schema = format!(r#"{{"format": "{format}"}}"#);
            Contract::compile("contract.json", &schema).map_err(|wrong| wrong.message).unwrap()
        };
        let (day, moment) = (contract("date"), contract("date-time"));
        let days = [
            "2024-02-29",
            "2023-02-29",
            "0001-01-01",
            "9999-12-31",
            "0000-01-01",
            "2024-01-1/",
            "31.12.2024",
            "1/2/24",
        ];
        for format in ["%Y-%m-%d", "%d.%m.%Y", "%F", "%m/%d/%y", "%-d/%-m/%Y", "%Y%m%d", "%d %b %Y", "%Y-%m-%d %H:%M"] {
            let conversion = Conversion::Date(DateFormat::new(format).unwrap());
            for cell in days.iter().copied().chain([
                "20241231",
                "29 Feb 2024",
                "-0001-01-01",
                "2024-12-31 23:59",
                "+10000-01-01",
            ]) {
                let Some(json) = written(&conversion, cell) else { continue };
                assert!(day.accepts(&serde_json::from_str(&json).unwrap()), "{format} {cell} {json}");
            }
        }
        let with_offset = "%Y-%m-%dT%H:%M:%S%:z";
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let zoned = moments("%Y-%m-%d %H:%M:%S", MomentZone::Mapping(paris));
        let told = moments(with_offset, MomentZone::Format);
        let fine = moments("%Y-%m-%d %H:%M:%S%.f%::z", MomentZone::Format);
        for (conversion, cell, expected) in [
            (&zoned, "2024-07-01 12:00:00", Some("2024-07-01T12:00:00+02:00")),
            (&zoned, "1850-07-01 12:00:00", Some("1850-07-01T11:50:39Z")),
            (&zoned, "0001-01-01 00:00:00", None),
            (&zoned, "2024-07-01 12:00:60", None),
            (&told, "2024-07-01T12:00:00+23:59", Some("2024-07-01T12:00:00+23:59")),
            (&told, "2024-07-01T12:00:00+24:00", None),
            (&told, "2024-07-01T12:00:00-25:00", None),
            (&told, "2024-07-01T12:00:00Z", Some("2024-07-01T12:00:00Z")),
            (&fine, "2024-07-01 12:00:00.125+01:00:30", Some("2024-07-01T10:59:30.125Z")),
        ] {
            let json = written(conversion, cell);
            assert_eq!(json.as_deref(), expected.map(|text| format!("\"{text}\"")).as_deref(), "{cell}");
            assert!(json.is_none_or(|json| moment.accepts(&serde_json::from_str(&json).unwrap())), "{cell}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_grammar() {
        for (format, text, expected) in samples::TABLE {
            let conversion =
                if format.decimal_separator == NO_SEPARATOR { Conversion::Integer } else { Conversion::Decimal };
            assert_eq!(written(&conversion(*format), text).as_deref(), *expected, "{format:?} {text:?}");
        }
    }

    #[test]
    fn messages_show_what_looks_like_its_column() {
        let number = NumberFormat::JSON;
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let boolean = Conversion::Boolean { yes: words(&["yes", "Y"]), no: words(&["no"]) };
        let date = Conversion::Date(DateFormat::new("%d.%m.%Y").unwrap());
        let long = Conversion::Date(DateFormat::new("%d %B %Y").unwrap());
        let table: [(&Conversion, &[&str], &[&str]); 7] = [
            (&Conversion::Text, &[], &["", "1", "x", "2030-12-31"]),
            (
                &Conversion::Code,
                &["9", "0012", "A-12/3", "EUR", "m"],
                &["", "NORRIS", "é1", "a b1", "1234567890123", "a@1"][..],
            ),
            (
                &Conversion::Integer(number),
                &["0", "-5", "12,50", "123456789012"],
                &["", "-", "1234567890123", "06 12", "1e3", "x1"],
            ),
            (&Conversion::Decimal(number), &["3,90", "1'200.50", "+1"], &[".", "12.50 EUR", "٣"]),
            (&boolean, &["yes", "Y", "no"], &["", "YES", "maybe"]),
            (
                &date,
                &["31.12.2030", "30.02.2050", "99.99.9999"],
                &["", "2030-12-31", "31.12.203", "31.12.20300", "ab.cd.efgh"],
            ),
            (&long, &["31 December 2030"], &["31 Norris 2030", "30 February 2050"]),
        ];
        for (conversion, shown, masked) in table {
            for cell in shown {
                assert!(conversion.is_shown(cell), "{conversion:?} {cell:?}");
            }
            for cell in masked {
                assert!(!conversion.is_shown(cell), "{conversion:?} {cell:?}");
            }
        }
    }

    #[test]
    fn days_are_real_and_in_their_format() {
        let iso = Conversion::Date(DateFormat::new("%Y-%m-%d").unwrap());
        let german = Conversion::Date(DateFormat::new("%d.%m.%Y").unwrap());
        let short = Conversion::Date(DateFormat::new("%d %b %Y").unwrap());
        let american = Conversion::Date(DateFormat::new("%m/%d/%Y").unwrap());
        let table: [(&Conversion, &str, Option<&str>); 20] = [
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
        for (conversion, cell, expected) in table {
            assert_eq!(written(conversion, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn moments_have_one_offset_or_are_refused() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let local = moments("%Y-%m-%d %H:%M", MomentZone::Mapping(paris));
        let offset = moments("%Y-%m-%dT%H:%M:%S%:z", MomentZone::Format);
        let table: [(&Conversion, &str, Option<&str>); 7] = [
            (&offset, "2024-07-01T12:00:00Z", Some("\"2024-07-01T12:00:00Z\"")),
            (&offset, "2024-07-01T12:00:00", None),
            (&local, "2024-07-01 12:00", Some("\"2024-07-01T12:00:00+02:00\"")),
            (&local, "2024-03-31 02:30", None),
            (&local, "2024-10-27 02:30", None),
            (&local, "2024-07-01 24:00", None),
            (&offset, "2024-07-01T12:00:00+00:00", Some("\"2024-07-01T12:00:00Z\"")),
        ];
        for (conversion, cell, expected) in table {
            assert_eq!(written(conversion, cell).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn equal_values_are_equal_keys_and_nothing_else_is() {
        let comma = NumberFormat { decimal_separator: b',', group_separator: Some(b'.'), ..NumberFormat::JSON };
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let types = [
            Conversion::Decimal(NumberFormat::JSON),
            Conversion::Decimal(comma),
            Conversion::Boolean { yes: words(&["oui", "o"]), no: words(&["non"]) },
            moments("%Y-%m-%dT%H:%M:%S%:z", MomentZone::Format),
        ];
        let table = [
            (0, "1", 0, "1.00", true),
            (0, "-0.0", 0, "0", true),
            (0, "-1.50", 0, "-1.5", true),
            (0, "-1", 0, "1", false),
            (0, "10", 0, "1", false),
            (0, "123456789012345678901234567890.10", 0, "123456789012345678901234567890.1", true),
            (0, "1234.5", 1, "1.234,50", true),
            (0, "1.234", 1, "1.234", false),
            (0, "01", 0, "1", false),
            (0, "x", 0, "x", true),
            (0, "1,5", 1, "1,5", false),
            (2, "oui", 2, "o", true),
            (2, "oui", 2, "non", false),
            (2, "OUI", 2, "oui", false),
            (3, "2024-07-01T12:00:00Z", 3, "2024-07-01T14:00:00+02:00", true),
            (3, "2024-07-01T12:00:00Z", 3, "2024-07-01T12:00:00+02:00", false),
        ];
        let value = |kind: usize, cell: &str| {
            let mut out = Vec::new();
            types[kind].write_value(cell.as_bytes(), &mut out);
            out
        };
        for (one, cell, other, other_cell, same) in table {
            assert_eq!(value(one, cell) == value(other, other_cell), same, "{cell} {other_cell}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(written(&Conversion::Text, "a\"b\\c\n\t\u{1}é").as_deref(), Some("\"a\\\"b\\\\c\\n\\t\\u0001é\""));
    }
}
