//! A cell that is not of its type -> what is wrong with it and what to do, for messages.
//!
//! Only the exact way comes here: a conversion itself tells no more than its code.

use crate::{
    plan::{
        conversion::{Conversion, read_day},
        date_format::DateFormat,
        moment_format::{MomentFault, MomentFormat, MomentZone},
        time_count::TimeCount,
    },
    text::{
        buffer::OutputBuffer,
        json_value::{JsonFault, write_value},
        number::{NumberFormat, Sign},
    },
};

/// More digits than seconds of this millennium have.
const LONG_COUNT: usize = 12;
/// What to do about days as in `3/4/2024`, where the format has zeros in front.
const ZEROS_LEFT_OUT: &str = "if the file leaves zeros in front out, as in 3/4/2024, say so in the `format` of this column: `%-m` in \
                              place of `%m`, `%-d` of `%d`, `%-H` of `%H`";

/// What is wrong with a cell.
#[derive(Debug)]
pub struct CellFault {
    /// What is wrong, without the cell.
    pub message: String,
    /// What to do; empty: it depends on the cell.
    pub hint: &'static str,
    /// The column whose cell is wrong, as the plan numbers it, if it is another one.
    pub column: Option<usize>,
}

impl Conversion {
    /// What is wrong with a cell that is not of this type.
    #[must_use]
    pub fn explain(&self, cell: &[u8]) -> CellFault {
        if let Conversion::Datetime(format) = self
            && let Some(fault) = explain_zone(format, cell)
        {
            return fault;
        }
        let message = format!("expected {}", self.describe_expected());
        CellFault { message, hint: self.suggest(cell), column: None }
    }

    /// What to do about a cell that is not of this type, if there is one thing to do.
    fn suggest(&self, cell: &[u8]) -> &'static str {
        match self {
            Conversion::Decimal(NumberFormat { decimal_separator: b'.', .. }) if cell.contains(&b',') => {
                "if the file writes decimals with a comma, declare `decimal_mark: \",\"` for this column"
            }
            Conversion::Date(format) if format.count().is_none() => suggest_date_format(format, cell),
            Conversion::Date(format) => suggest_count(format, cell),
            Conversion::Datetime(moment) if reads_without_zeros(&moment.format, cell) => ZEROS_LEFT_OUT,
            Conversion::Datetime(moment) => suggest_count(&moment.format, cell),
            Conversion::Json => write_value(cell, &mut OutputBuffer::default()).err().map_or("", JsonFault::hint),
            _ => "",
        }
    }

    /// What a valid cell looks like, for messages.
    #[must_use]
    pub fn describe_expected(&self) -> String {
        match self {
            Conversion::Text | Conversion::Code => "a text".into(),
            Conversion::Json => "a JSON value such as {\"size\": [1, 2]}".into(),
            Conversion::Integer(NumberFormat { group_separator, sign, .. }) => {
                let example = group_separator.map_or("12".into(), |group| format!("1{}200", char::from(group)));
                format!("a whole number such as {}", describe_signed(&example, *sign))
            }
            Conversion::Decimal(NumberFormat { decimal_separator, group_separator, sign }) => {
                let group = group_separator.map_or(String::new(), |group| char::from(group).to_string());
                let example = format!("1{group}200{}50", char::from(*decimal_separator));
                format!("a decimal number such as {}", describe_signed(&example, *sign))
            }
            Conversion::Boolean { yes, no } => {
                let words: Vec<_> = yes.iter().chain(no).map(|word| String::from_utf8_lossy(word)).collect();
                format!("one of `{}`", words.join("`, `"))
            }
            Conversion::Date(format) => describe_time(format, "a real day"),
            Conversion::Datetime(moment) => describe_time(&moment.format, "a real moment"),
        }
    }
}

/// What is wrong with the time zone of a moment, or with its local time in it; `None`: it is something else.
fn explain_zone(format: &MomentFormat, cell: &[u8]) -> Option<CellFault> {
    let zone = match &format.zone {
        MomentZone::Column(column) => Some(*column),
        MomentZone::Format | MomentZone::Mapping(_) => None,
    };
    let fault = format.read(cell).err()?;
    let (message, hint, column) = match fault {
        MomentFault::Format => return None,
        MomentFault::NeverWas => {
            (fault.describe_change().unwrap_or_default(), "correct the cell, or the time zone of the column", None)
        }
        MomentFault::WasTwice => {
            let hint = "say which of the two is meant with `on_ambiguous: earlier` or `later`";
            (fault.describe_change().unwrap_or_default(), hint, None)
        }
        MomentFault::NoZone => {
            ("the cell is empty, and names the time zone of a moment", "fill it in, as in `Europe/Paris`", zone)
        }
        MomentFault::UnknownZone => {
            ("expected an IANA time zone such as Europe/Paris", "write its name in full; an offset is no zone", zone)
        }
    };
    Some(CellFault { message: message.into(), hint, column })
}

/// What a cell with a day or a moment looks like.
fn describe_time(format: &DateFormat, what: &str) -> String {
    let Some((count, number)) = format.count().zip(format.number_format()) else {
        return format!("{what} in the format `{}`", format.format);
    };
    let (counted, example) = count.describe();
    let separator = char::from(number.decimal_separator);
    format!("{what}, counted in {counted}, such as {example} or {example}{separator}5")
}

/// What to do about a number that does not count to a day or a moment.
fn suggest_count(format: &DateFormat, cell: &[u8]) -> &'static str {
    let Some(count) = format.count() else { return "" };
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    let whole = digits.split(|byte| matches!(byte, b'.' | b',')).next().unwrap_or_default();
    if whole.is_empty() || !whole.iter().all(u8::is_ascii_digit) {
        return suggest_date_format(format, cell);
    }
    match count {
        _ if cell.contains(&b',') && format.number_format().is_some_and(|number| number.decimal_separator == b'.') => {
            "if the file writes decimals with a comma, declare `decimal_mark: \",\"` for this column"
        }
        TimeCount::Seconds if whole.len() >= LONG_COUNT => {
            "if the file counts milliseconds, declare `format: \"%ms\"` for this column"
        }
        TimeCount::SpreadsheetDays if whole.len() < 3 => {
            "spreadsheets disagree about the days before 61, which is the 1st of March 1900"
        }
        TimeCount::Seconds | TimeCount::Milliseconds
            if format.parse(cell).is_some() && read_day(format, cell).is_none() =>
        {
            "this is no midnight in UTC, so which day it is depends on where: declare `type: datetime`"
        }
        _ => "",
    }
}

/// A number as it may be written; also a negative one, where its sign is unusual.
fn describe_signed(example: &str, sign: Sign) -> String {
    match sign {
        Sign::Leading => example.to_owned(),
        Sign::Trailing => format!("{example} or {example}-"),
        Sign::Parentheses => format!("{example} or ({example})"),
    }
}

/// The format that a day is written in, where it is another than the declared one and can be told by its digits.
fn suggest_date_format(declared: &DateFormat, cell: &[u8]) -> &'static str {
    let shape: Vec<u8> = cell.iter().map(|byte| if byte.is_ascii_digit() { b'#' } else { *byte }).collect();
    let (format, hint) = match shape.as_slice() {
        b"####-##-##" => {
            ("%Y-%m-%d", "if the file writes days as in 2026-12-31, declare `format: \"%Y-%m-%d\"` for this column")
        }
        b"##.##.####" => {
            ("%d.%m.%Y", "if the file writes days as in 31.12.2026, declare `format: \"%d.%m.%Y\"` for this column")
        }
        b"########" => {
            ("%Y%m%d", "if the file writes days as in 20261231, declare `format: \"%Y%m%d\"` for this column")
        }
        b"##/##/####" => (
            "%d/%m/%Y",
            "if the file writes days as in 31/12/2026, declare `format: \"%d/%m/%Y\"` for this column, as in 12/31/2026 `\"%m/%d/%Y\"`",
        ),
        _ => ("", ""),
    };
    if declared.has_layout(cell) {
        return "";
    }
    if reads_without_zeros(declared, cell) {
        return ZEROS_LEFT_OUT;
    }
    if declared.format == format { "" } else { hint }
}

/// Whether a cell is one of a format, but for zeros in front.
fn reads_without_zeros(declared: &DateFormat, cell: &[u8]) -> bool {
    let letters = ["m", "d", "H", "I", "e", "k", "l"];
    // `%%` is no directive, also before such a letter.
    let parts: Vec<String> = declared
        .format
        .split("%%")
        .map(|part| {
            let short = |part: String, letter: &&str| part.replace(&format!("%{letter}"), &format!("%-{letter}"));
            letters.iter().fold(part.to_owned(), short)
        })
        .collect();
    let short = parts.join("%%");
    declared.count().is_none()
        && short != declared.format
        && DateFormat::new(&short).is_ok_and(|format| format.parse(cell).is_some())
}
