//! Values of flags: text in, an enum or a number out.
//!
//! No other file compares the text of a flag. An error is a clause that clap appends to the flag and its text.

use std::path::PathBuf;

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    options::{Color, InjectedFault, Log, MaxRejects, Memory, MessageFormat, Setting, SourcePath},
    report::report_format::ReportFormat,
    units,
};

/// The least memory a run needs.
const MIN_MEMORY: u64 = 32 << 20;

impl ValueEnum for MessageFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[MessageFormat::Full, MessageFormat::Concise, MessageFormat::Json, MessageFormat::Github]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            MessageFormat::Full => PossibleValue::new("full").help("With the cell and the rule drawn below each other"),
            MessageFormat::Concise => PossibleValue::new("concise").help("One line each"),
            MessageFormat::Json => PossibleValue::new("json").help("One JSON object a line; the summary is the last"),
            MessageFormat::Github => PossibleValue::new("github").help("Annotations of a GitHub workflow"),
        })
    }
}

impl ValueEnum for Color {
    fn value_variants<'a>() -> &'a [Self] {
        &[Color::Auto, Color::Always, Color::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Color::Auto => PossibleValue::new("auto").help("On a terminal, unless `NO_COLOR` is set"),
            Color::Always => PossibleValue::new("always").help("Also into files and pipes"),
            Color::Never => PossibleValue::new("never").help("Not even on a terminal"),
        })
    }
}

impl ValueEnum for Log {
    fn value_variants<'a>() -> &'a [Self] {
        &[Log::Text, Log::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Log::Text => PossibleValue::new("text").help("Lines for people"),
            Log::Json => PossibleValue::new("json").help("One JSON object a line"),
        })
    }
}

/// A file whose ending names a format of reports.
pub(crate) fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match ReportFormat::of(&path) {
        Some(_) => Ok(path),
        None => Err(format!("the name must end in one of {}", ReportFormat::ENDINGS.join(", "))),
    }
}

/// `NAME=PATH`.
pub(crate) fn source_path(text: &str) -> Result<SourcePath, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok(SourcePath { name: name.into(), path: path.into() })
        }
        _ => Err("expected NAME=PATH, like `customers=customers.csv`".into()),
    }
}

/// `KEY=VALUE`; the value may be empty.
#[expect(clippy::unnecessary_wraps, reason = "the parser of arguments takes functions that may fail")]
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Setting { key: key.into(), value: value.into() }),
        // What was typed may be a secret, and the parser of arguments would repeat it: a setting without a key is refused later.
        _ => Ok(Setting::new("", "")),
    }
}

/// `N` or `P%`, with up to two digits after the point.
pub(crate) fn max_rejects(text: &str) -> Result<MaxRejects, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => parse_hundredths(percent).filter(|share| *share <= 10_000).map(MaxRejects::Share),
        None => parse_digits(text).map(MaxRejects::Rows),
    };
    parsed.ok_or_else(|| "expected a number of rows or a share of them, like `20` or `0.5%`".into())
}

/// `STATUS:PERCENT%`.
pub(crate) fn fault(text: &str) -> Result<InjectedFault, String> {
    let parsed = text.split_once(':').and_then(|(status, percent)| {
        let status = parse_digits(status).and_then(|status| u16::try_from(status).ok())?;
        let percent = parse_digits(percent.strip_suffix('%')?).and_then(|percent| u8::try_from(percent).ok())?;
        let answers = (200..600).contains(&status) && (1..=100).contains(&percent);
        answers.then_some(InjectedFault { status, percent })
    });
    parsed.ok_or_else(|| "expected a status and how many of a hundred requests get it, like `503:20%`".into())
}

/// A size of memory that is large enough.
pub(crate) fn memory(text: &str) -> Result<Memory, String> {
    match units::bytes(text)? {
        all if all >= MIN_MEMORY => Ok(Memory::of(all)),
        _ => Err("expected at least 32MiB".into()),
    }
}

/// A path on the server: it starts with a slash and has neither query nor fragment.
pub(crate) fn url_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
    if text.starts_with('/') && text.chars().all(plain) {
        return Ok(text.into());
    }
    Err("expected a path, like `/v1/customers`".into())
}

/// Digits and nothing else: `u64::from_str` would take `+5`.
fn parse_digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `0.5` is 50.
fn parse_hundredths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = u32::try_from(parse_digits(whole)?).ok()?;
    let fraction = match fraction.len() {
        1 => parse_digits(fraction)? * 10,
        2 => parse_digits(fraction)?,
        _ => return None,
    };
    whole.checked_mul(100)?.checked_add(u32::try_from(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use crate::{
        cli::value::{InjectedFault, fault, max_rejects, setting, source_path, url_path},
        options::MaxRejects,
    };

    #[test]
    fn rejects_are_a_number_or_a_share() {
        let cases = [
            ("0", Some(MaxRejects::Rows(0))),
            ("20", Some(MaxRejects::Rows(20))),
            ("5%", Some(MaxRejects::Share(500))),
            ("0.5%", Some(MaxRejects::Share(50))),
            ("0.25%", Some(MaxRejects::Share(25))),
            ("100%", Some(MaxRejects::Share(10_000))),
            ("100.01%", None),
            ("0.125%", None),
            ("%", None),
            ("", None),
            ("+5", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("99999999999%", None),
        ];
        for (text, expected) in cases {
            assert_eq!(max_rejects(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_share_is_met_exactly_at_its_limit() {
        assert!(MaxRejects::Share(500).allows(5, 100));
        assert!(!MaxRejects::Share(500).allows(6, 100));
        assert!(MaxRejects::Share(500).allows(0, 0));
        assert!(MaxRejects::Rows(3).allows(3, 3));
        assert!(!MaxRejects::Rows(3).allows(4, 1_000));
    }

    #[test]
    fn faults_have_a_status_and_a_share() {
        assert_eq!(fault("503:20%"), Ok(InjectedFault { status: 503, percent: 20 }));
        for text in ["503", "503:20", "99:20%", "600:20%", "503:0%", "503:101%", ":20%"] {
            assert!(fault(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        assert_eq!(setting("url=http://h/?a=b").map(|setting| setting.value), Ok("http://h/?a=b".into()));
        assert_eq!(setting("proxy=").map(|setting| setting.value), Ok(String::new()));
        assert_eq!(setting("=x").map(|setting| setting.key + &setting.value), Ok(String::new()));
        assert!(source_path("customers").is_err());
        assert!(source_path("customers=").is_err());
        assert_eq!(source_path("customers=a=b.csv").map(|source| source.path), Ok("a=b.csv".into()));
    }

    #[test]
    fn server_paths_start_with_a_slash() {
        assert!(url_path("/v1/customers").is_ok());
        for text in ["", "v1", "/v1?x", "/v1#x", "/v 1", "/é"] {
            assert!(url_path(text).is_err(), "{text}");
        }
    }
}
