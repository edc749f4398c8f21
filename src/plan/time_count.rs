//! Moments that are counted: seconds and milliseconds since 1970, and the days of spreadsheets.
//!
//! Everything is calculated in whole numbers, so that no digit of a cell passes through a float.

use jiff::{Timestamp, civil};

use crate::text::{
    exact_decimal::{ExactDecimal, Rounding},
    number::NumberFormat,
};

/// What a number in a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeCount {
    /// Seconds since 1970 in UTC.
    Seconds,
    /// Milliseconds since 1970 in UTC.
    Milliseconds,
    /// Days since the beginning of 1900 in local time, as spreadsheets count them: with a 29th of February 1900.
    SpreadsheetDays,
}

/// The longest cell that is read: a count of any real moment is far shorter.
const LONGEST: usize = 64;
/// How many digits a fraction of a second has at most.
const NANOSECOND_DIGITS: u32 = 9;
/// Milliseconds of a day.
const DAY_LENGTH: i128 = 86_400_000;
/// The first day on which all spreadsheets agree, the 1st of March 1900; the day 60 never was.
const FIRST_DAY: i128 = 61;
/// The 31st of December 9999.
const LAST_DAY: i128 = 2_958_465;

impl TimeCount {
    /// What a format counts; `None`: it is made of directives.
    #[must_use]
    pub fn of_format(format: &str) -> Option<TimeCount> {
        match format {
            "%s" => Some(TimeCount::Seconds),
            "%ms" => Some(TimeCount::Milliseconds),
            "excel" => Some(TimeCount::SpreadsheetDays),
            _ => None,
        }
    }

    /// Whether its moments are those of UTC, and not local times.
    #[must_use]
    pub fn is_utc(self) -> bool {
        self != TimeCount::SpreadsheetDays
    }

    /// What a cell counts, and an example of a whole number, for messages.
    #[must_use]
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            TimeCount::Seconds => ("seconds since 1970", "1767225600"),
            TimeCount::Milliseconds => ("milliseconds since 1970", "1767225600000"),
            TimeCount::SpreadsheetDays => ("the days of a spreadsheet", "46023"),
        }
    }

    /// The moment that a number counts to. `None`: it is no number, or of no year from 1 to 9999.
    pub(super) fn read(self, cell: &[u8], format: NumberFormat) -> Option<civil::DateTime> {
        if cell.len() > LONGEST {
            return None;
        }
        let number = format.parse(cell)?;
        let is_minus_zero =
            number.is_negative && number.whole == b"0" && number.fraction.iter().all(|digit| *digit == b'0');
        if is_minus_zero {
            return None;
        }
        let count = ExactDecimal::of_number(&number).ok()?;
        match self {
            TimeCount::Seconds => read_since_1970(&count, NANOSECOND_DIGITS),
            TimeCount::Milliseconds => read_since_1970(&count, NANOSECOND_DIGITS - 3),
            TimeCount::SpreadsheetDays => read_spreadsheet_days(&count),
        }
    }
}

/// A moment in UTC, counted in units of so many digits of nanoseconds.
fn read_since_1970(count: &ExactDecimal, digits: u32) -> Option<civil::DateTime> {
    let moment = Timestamp::from_nanosecond(count.as_units(digits)?).ok()?;
    let moment = jiff::tz::Offset::UTC.to_datetime(moment);
    (1..=9999).contains(&moment.year()).then_some(moment)
}

/// A local time, to the millisecond: what spreadsheets keep of a time is seldom a whole one.
fn read_spreadsheet_days(count: &ExactDecimal) -> Option<civil::DateTime> {
    let milliseconds = count.multiply(&ExactDecimal::of_count(usize::try_from(DAY_LENGTH).ok()?)).ok()?;
    let milliseconds = milliseconds.round(Rounding { scale: 0, half_to_even: false }).ok()?.as_units(0)?;
    let (day, rest) = (milliseconds.div_euclid(DAY_LENGTH), milliseconds.rem_euclid(DAY_LENGTH));
    if !(FIRST_DAY..=LAST_DAY).contains(&day) {
        return None;
    }
    let first = civil::date(1900, 3, 1);
    let since = jiff::Span::new().try_days(i64::try_from(day - FIRST_DAY).ok()?).ok()?;
    let time = jiff::Span::new().try_milliseconds(i64::try_from(rest).ok()?).ok()?;
    first.checked_add(since).ok()?.at(0, 0, 0, 0).checked_add(time).ok()
}

#[cfg(test)]
mod tests {
    use super::TimeCount;
    use crate::text::number::NumberFormat;

    fn read(format: &str, cell: &str) -> Option<String> {
        let count = TimeCount::of_format(format).unwrap();
        count.read(cell.as_bytes(), NumberFormat::JSON).map(|moment| moment.to_string())
    }

    #[test]
    fn moments_are_counted_exactly() {
        let table = [
            ("%s", "0", Some("1970-01-01T00:00:00")),
            ("%s", "1767225600", Some("2026-01-01T00:00:00")),
            ("%s", "1767225599.5", Some("2025-12-31T23:59:59.5")),
            ("%s", "1767225599.123456789", Some("2025-12-31T23:59:59.123456789")),
            ("%s", "1767225599.1234567890", Some("2025-12-31T23:59:59.123456789")),
            ("%s", "1767225599.1234567891", None),
            ("%s", "-1", Some("1969-12-31T23:59:59")),
            ("%s", "-1.5", Some("1969-12-31T23:59:58.5")),
            ("%s", "-62135596800", Some("0001-01-01T00:00:00")),
            ("%s", "-62135596801", None),
            ("%s", "253402207200", Some("9999-12-30T22:00:00")),
            ("%s", "1767225600000", None),
            ("%s", "-0", None),
            ("%s", "-0.0", None),
            ("%s", "+1", None),
            ("%s", "01", None),
            ("%s", "1e9", None),
            ("%s", "", None),
            ("%s", "x", None),
            ("%ms", "1767225599123", Some("2025-12-31T23:59:59.123")),
            ("%ms", "-1", Some("1969-12-31T23:59:59.999")),
            ("%ms", "1.000001", Some("1970-01-01T00:00:00.001000001")),
            ("%ms", "1.0000001", None),
            ("%ms", "9999999999999999999999999999999999999", None),
            ("excel", "61", Some("1900-03-01T00:00:00")),
            ("excel", "60", None),
            ("excel", "59", None),
            ("excel", "1", None),
            ("excel", "0.5", None),
            ("excel", "-1", None),
            ("excel", "60.99999999999", Some("1900-03-01T00:00:00")),
            ("excel", "46023", Some("2026-01-01T00:00:00")),
            ("excel", "46023.0", Some("2026-01-01T00:00:00")),
            ("excel", "46023.5", Some("2026-01-01T12:00:00")),
            ("excel", "46023.395833333336", Some("2026-01-01T09:30:00")),
            ("excel", "46023.3958333333", Some("2026-01-01T09:30:00")),
            ("excel", "46023.39583", Some("2026-01-01T09:29:59.712")),
            ("excel", "46023.000011574074", Some("2026-01-01T00:00:01")),
            ("excel", "46023.99999999999", Some("2026-01-02T00:00:00")),
            ("excel", "46023.000000005787037037037037037037037", Some("2026-01-01T00:00:00")),
            ("excel", "46023.00000000578703703703703703703703704", Some("2026-01-01T00:00:00.001")),
            ("excel", "2958465.5", Some("9999-12-31T12:00:00")),
            ("excel", "2958466", None),
            ("excel", "46,023", None),
            ("excel", "2026-01-01", None),
        ];
        for (format, cell, expected) in table {
            assert_eq!(read(format, cell).as_deref(), expected, "{format} {cell}");
        }
        assert_eq!(read("%s", &"1".repeat(1_000_000)), None);
        assert_eq!(read("%s", &format!("1.{}", "0".repeat(1_000_000))), None);
    }

    #[test]
    fn every_day_of_the_calendar_is_counted_once() {
        let mut day = jiff::civil::date(1900, 3, 1);
        for serial in 61..=100_000 {
            assert_eq!(read("excel", &serial.to_string()), Some(format!("{day}T00:00:00")));
            day = day.tomorrow().unwrap();
        }
    }
}
