//! What a mapping writes of days and moments -> a format and a time zone, or what is wrong and what to write.
//!
//! Columns and the filters of expressions have one grammar.

use jiff::tz::TimeZone;

use crate::{
    plan::{
        date_directives::FormatFault,
        date_format::DateFormat,
        moment_format::{find_near_zone, find_zone},
        time_count::TimeCount,
    },
    text::number::NumberFormat,
};

/// How days are written unless the mapping says otherwise.
pub(super) const USUAL_DAY: &str = "%Y-%m-%d";
/// How moments are written unless the mapping says otherwise.
pub(super) const USUAL_MOMENT: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// What is wrong with a format or a time zone.
pub(super) struct TimeFault {
    /// What is wrong.
    pub(super) message: String,
    /// What to write.
    pub(super) hint: String,
}

/// Compiles a format; what is counted is a number in this format. `quote` writes a format as the mapping does.
pub(super) fn compile_format(
    format: &str,
    number: NumberFormat,
    quote: &dyn Fn(&str) -> String,
) -> Result<DateFormat, TimeFault> {
    if let Some(count) = TimeCount::of_format(format) {
        return Ok(DateFormat::new_counted(format, count, number));
    }
    DateFormat::new(format).map_err(|FormatFault { reason, hint }| TimeFault {
        message: format!("the format `{format}` cannot be used: {reason}"),
        hint: if hint.is_empty() { advise_format(format, quote) } else { hint.to_owned() },
    })
}

/// Finds a time zone by its name.
pub(super) fn compile_zone(name: &str) -> Result<TimeZone, TimeFault> {
    find_zone(name).ok_or_else(|| TimeFault {
        message: format!("there is no time zone `{name}`"),
        hint: match find_near_zone(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use an IANA name such as `Europe/Paris`, or `UTC`".to_owned(),
        },
    })
}

/// Why a format that tells its offset has no time zone.
pub(super) fn refuse_zone(format: &str) -> &'static str {
    match TimeCount::of_format(format) {
        Some(_) => "the format counts in UTC already",
        None => "the format tells the offset already",
    }
}

/// What to write for a date format that cannot be used; the letters of other languages are translated.
fn advise_format(format: &str, quote: &dyn Fn(&str) -> String) -> String {
    let mut translated = format.to_owned();
    if !format.contains('%') {
        let letters = [
            ("yyyy", "%Y"),
            ("YYYY", "%Y"),
            ("MM", "%m"),
            ("dd", "%d"),
            ("DD", "%d"),
            ("TT", "%d"),
            ("JJJJ", "%Y"),
            ("HH", "%H"),
            ("hh", "%H"),
            ("mm", "%M"),
            ("ss", "%S"),
            ("'T'", "T"),
        ];
        for (from, to) in letters {
            translated = translated.replace(from, to);
        }
    }
    let is_known = translated != format && DateFormat::new(&translated).is_ok();
    if is_known { format!("write `{}`", quote(&translated)) } else { "write it as in `%d.%m.%Y`".into() }
}
