//! A cell with a moment, and what names its time zone -> the local time and its offset, or why it is none.
//!
//! A local time is a moment only in a time zone: that of the mapping, or the one that another cell of the same record names.
//! Where clocks were changed a local time never was, or was twice.

use jiff::{
    civil,
    tz::{self, AmbiguousOffset, Offset, TimeZone},
};

use crate::{
    config::mapping::policy::{OnAmbiguous, Policy},
    diagnostic::{Code, nearest},
    plan::date_format::{DateFormat, IsoMoment},
    table::cell_reading::BEFORE_ZONE,
};

/// How a file writes a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentFormat {
    /// How it is written.
    pub format: DateFormat,
    /// Where it was recorded.
    pub zone: MomentZone,
    /// What to do with a local time that was twice.
    pub on_ambiguous: Policy<OnAmbiguous>,
}

/// What tells the time zone of a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum MomentZone {
    /// Its format: it has an offset, or counts from a moment.
    Format,
    /// The mapping.
    Mapping(TimeZone),
    /// Another column, as the plan numbers it: what its cell says stands behind the moment.
    Column(usize),
}

/// Why a cell is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MomentFault {
    /// It is not in the format, or no real day and time.
    Format,
    /// Clocks were set forward and passed over this local time.
    NeverWas,
    /// Clocks were set back and came to this local time again.
    WasTwice,
    /// The cell of its time zone is empty.
    NoZone,
    /// The cell of its time zone names none.
    UnknownZone,
}

impl MomentFault {
    pub(super) fn code(self) -> Code {
        match self {
            MomentFault::Format | MomentFault::NeverWas | MomentFault::WasTwice => Code::TransformNotADatetime,
            MomentFault::NoZone => Code::TransformEmpty,
            MomentFault::UnknownZone => Code::TransformNotATimeZone,
        }
    }

    /// What clocks did to a local time; `None`: it is wrong for another reason.
    pub(super) fn describe_change(self) -> Option<&'static str> {
        match self {
            MomentFault::NeverWas => Some("this local time never was: clocks were set forward and passed over it"),
            MomentFault::WasTwice => Some("this local time was twice: clocks were set back and came to it again"),
            MomentFault::Format | MomentFault::NoZone | MomentFault::UnknownZone => None,
        }
    }
}

impl MomentFormat {
    /// A moment whose format tells its offset.
    #[must_use]
    pub fn with_offset(format: DateFormat) -> MomentFormat {
        MomentFormat { format, zone: MomentZone::Format, on_ambiguous: Policy::default() }
    }

    /// Reads a cell: the local time and its offset, which RFC 3339 can write.
    pub(super) fn read(&self, cell: &[u8]) -> Result<(civil::DateTime, Offset), MomentFault> {
        let (cell, named) = self.divide(cell);
        let (moment, told) = self.format.parse(cell).ok_or(MomentFault::Format)?;
        let offset = match (told, &self.zone) {
            (Some(offset), _) => offset,
            (None, MomentZone::Mapping(zone)) => self.find_offset(zone, moment)?,
            (None, MomentZone::Column(_)) => self.find_offset(&find_named_zone(named)?, moment)?,
            (None, MomentZone::Format) => return Err(MomentFault::Format),
        };
        write_in_minutes(moment, offset).ok_or(MomentFault::Format)
    }

    /// What a cell says, as RFC 3339 writes it.
    pub(crate) fn find_iso(&self, cell: &[u8]) -> Result<IsoMoment, MomentFault> {
        self.read(cell).map(|(moment, offset)| IsoMoment::new(moment, offset))
    }

    /// What was done with a local time that was twice, if the mapping wants to hear of it.
    pub(super) fn find_warning(&self, cell: &[u8]) -> Option<&'static str> {
        let warning = match self.on_ambiguous {
            Policy { warn: false, .. } | Policy { then: OnAmbiguous::Reject, .. } => return None,
            Policy { then: OnAmbiguous::Earlier, .. } => "this local time was twice; the earlier moment is used",
            Policy { then: OnAmbiguous::Later, .. } => "this local time was twice; the later moment is used",
        };
        let rejecting = MomentFormat { on_ambiguous: Policy::default(), ..self.clone() };
        (rejecting.read(cell) == Err(MomentFault::WasTwice)).then_some(warning)
    }

    /// The moment, and what the cell of its time zone says.
    pub(super) fn divide<'a>(&self, cell: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        match (&self.zone, memchr::memchr(BEFORE_ZONE, cell)) {
            (MomentZone::Column(_), Some(at)) => (&cell[..at], &cell[at + 1..]),
            _ => (cell, b""),
        }
    }

    fn find_offset(&self, zone: &TimeZone, moment: civil::DateTime) -> Result<Offset, MomentFault> {
        match (zone.to_ambiguous_timestamp(moment).offset(), &self.on_ambiguous.then) {
            (AmbiguousOffset::Unambiguous { offset }, _) => Ok(offset),
            (AmbiguousOffset::Gap { .. }, _) => Err(MomentFault::NeverWas),
            (AmbiguousOffset::Fold { .. }, OnAmbiguous::Reject) => Err(MomentFault::WasTwice),
            (AmbiguousOffset::Fold { before, .. }, OnAmbiguous::Earlier) => Ok(before),
            (AmbiguousOffset::Fold { after, .. }, OnAmbiguous::Later) => Ok(after),
        }
    }
}

/// The time zone that a cell names.
fn find_named_zone(cell: &[u8]) -> Result<TimeZone, MomentFault> {
    if cell.is_empty() {
        return Err(MomentFault::NoZone);
    }
    std::str::from_utf8(cell).ok().and_then(find_zone).ok_or(MomentFault::UnknownZone)
}

/// A time zone by its IANA name, in whatever case.
pub(super) fn find_zone(name: &str) -> Option<TimeZone> {
    // `Etc/Unknown` is in no list of zones; the library takes it for one without an offset.
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The time zone whose name is nearest to one that does not exist; a city stands for its zone.
pub(super) fn find_near_zone(name: &str) -> Option<String> {
    let names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let is_city = |known: &&String| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
    let city = names.iter().find(is_city).map(String::as_str);
    city.or_else(|| nearest(name, names.iter().map(String::as_str))).map(str::to_owned)
}

/// The same moment with an offset that RFC 3339 can write: one of whole minutes and less than a day. Clocks of before 1900
/// have others; then it is UTC.
fn write_in_minutes(moment: civil::DateTime, offset: Offset) -> Option<(civil::DateTime, Offset)> {
    const MINUTE: i32 = 60;
    const DAY_LONG: i32 = 24 * 60 * MINUTE;
    let seconds = offset.seconds();
    if seconds.abs() >= DAY_LONG {
        return None;
    }
    if seconds % MINUTE == 0 {
        return Some((moment, offset));
    }
    let utc = Offset::UTC.to_datetime(offset.to_timestamp(moment).ok()?);
    (1..=9999).contains(&utc.year()).then_some((utc, Offset::UTC))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{MomentFault, MomentFormat, MomentZone, find_near_zone, find_zone};
    use crate::{
        config::mapping::policy::{OnAmbiguous, Policy},
        plan::date_format::DateFormat,
    };

    fn local(zone: MomentZone, then: OnAmbiguous) -> MomentFormat {
        let format = DateFormat::new("%Y-%m-%d %H:%M").unwrap();
        MomentFormat { format, zone, on_ambiguous: Policy { then, warn: true } }
    }

    /// Europe goes back and forth by an hour, Lord Howe by half an hour, Samoa left out a day, and in 1949 Shanghai had two.
    #[test]
    fn local_times_that_never_were_and_were_twice_are_told_apart() {
        let table = [
            ("Europe/Paris", "2026-03-29 02:30", Err(MomentFault::NeverWas), None),
            ("Europe/Paris", "2026-03-29 01:59", Ok("+01"), None),
            ("Europe/Paris", "2026-03-29 03:00", Ok("+02"), None),
            ("Europe/Paris", "2026-10-25 02:00", Err(MomentFault::WasTwice), Some(["+02", "+01"])),
            ("Europe/Paris", "2026-10-25 03:00", Ok("+01"), None),
            ("Australia/Lord_Howe", "2026-04-05 01:45", Err(MomentFault::WasTwice), Some(["+11", "+10:30"])),
            ("Australia/Lord_Howe", "2026-10-04 02:15", Err(MomentFault::NeverWas), None),
            ("Pacific/Apia", "2011-12-30 12:00", Err(MomentFault::NeverWas), None),
            ("America/New_York", "2026-11-01 01:30", Err(MomentFault::WasTwice), Some(["-04", "-05"])),
            ("UTC", "2026-10-25 02:30", Ok("+00"), None),
        ];
        for (name, cell, rejected, kept) in table {
            for is_in_cell in [false, true] {
                let zone =
                    if is_in_cell { MomentZone::Column(3) } else { MomentZone::Mapping(find_zone(name).unwrap()) };
                let cell = if is_in_cell { format!("{cell}\0{name}") } else { cell.to_owned() };
                let read = |then| {
                    let read = local(zone.clone(), then).read(cell.as_bytes());
                    read.map(|(_, offset)| offset.to_string())
                };
                assert_eq!(read(OnAmbiguous::Reject), rejected.map(str::to_owned), "{name} {cell}");
                let [earlier, later] = kept.map_or([rejected, rejected], |[one, other]| [Ok(one), Ok(other)]);
                assert_eq!(read(OnAmbiguous::Earlier), earlier.map(str::to_owned), "{name} {cell}");
                assert_eq!(read(OnAmbiguous::Later), later.map(str::to_owned), "{name} {cell}");
                let warning = local(zone, OnAmbiguous::Later).find_warning(cell.as_bytes());
                assert_eq!(warning.is_some(), kept.is_some(), "{name} {cell}");
            }
        }
    }

    #[test]
    fn a_zone_in_a_cell_exists_or_is_refused() {
        for (cell, expected) in [
            ("2026-06-15 09:00\0Europe/Paris", Ok("+02")),
            ("2026-06-15 09:00\0europe/paris", Ok("+02")),
            ("2026-06-15 09:00\0UTC", Ok("+00")),
            ("2026-06-15 09:00\0", Err(MomentFault::NoZone)),
            ("2026-06-15 09:00", Err(MomentFault::NoZone)),
            ("2026-06-15 09:00\0Paris", Err(MomentFault::UnknownZone)),
            ("2026-06-15 09:00\0+02:00", Err(MomentFault::UnknownZone)),
            ("2026-06-15 09:00\0 Europe/Paris", Err(MomentFault::UnknownZone)),
            ("2026-06-15 09:00\0Etc/Unknown", Err(MomentFault::UnknownZone)),
            ("2026-06-15 09:00\0../../etc/passwd", Err(MomentFault::UnknownZone)),
            ("2026-06-31 09:00\0Europe/Paris", Err(MomentFault::Format)),
        ] {
            let read = local(MomentZone::Column(0), OnAmbiguous::Reject).read(cell.as_bytes());
            assert_eq!(read.map(|(_, offset)| offset.to_string()), expected.map(str::to_owned), "{cell:?}");
        }
        let fixed = local(MomentZone::Mapping(TimeZone::UTC), OnAmbiguous::Reject);
        assert_eq!(
            fixed.read(b"2026-06-15 09:00\0UTC"),
            Err(MomentFault::Format),
            "only a column has a zone behind it"
        );
    }

    #[test]
    fn a_name_that_is_near_is_found() {
        for (name, near) in [
            ("Europe/Pariss", Some("Europe/Paris")),
            ("Paris", Some("Europe/Paris")),
            ("tokyo", Some("Asia/Tokyo")),
            ("Amerika/New_York", Some("America/New_York")),
            ("", None),
            ("Somewhere/Else/Entirely", None),
        ] {
            assert_eq!(find_near_zone(name).as_deref(), near, "{name}");
        }
    }
}
