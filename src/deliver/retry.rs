//! When to try again: how long to wait, from the retry policy, the server's `Retry-After` and a random number.
//!
//! Pure: the clock and the randomness are passed in. No wait is longer than its bound, and none is negative.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};

use crate::config::profile::destination::RetryPolicy;

/// The longest time a server can ask for; more is an error of its clock.
const LONGEST: Duration = Duration::from_hours(24);

/// A small pseudo-random number generator: splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below a bound; 0 for the bound 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }
}

/// Spreads the bits of a number over all 64.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// How long to wait after this many consecutive failures of one batch, from 1.
///
/// Exponential waits have full jitter: every time up to the bound is equally likely, so that many clients spread out.
pub(crate) fn delay(policy: RetryPolicy, failures: u32, random: &mut Random) -> Duration {
    match policy {
        RetryPolicy::Fixed { wait } => wait,
        RetryPolicy::Exponential { base, cap } => {
            let doublings = failures.saturating_sub(1).min(30);
            let bound = base.saturating_mul(1 << doublings).min(cap);
            let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
            Duration::from_nanos(random.below(nanos.saturating_add(1)))
        }
    }
}

/// Reads the time that a `Retry-After` header asks for; `None` when the header is invalid.
///
/// A date counts from the response's own `Date`, since the clock of an aircraft may be years off; without one, from `now`.
pub(crate) fn parse_retry_after(retry_after: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    if let Some(wait) = parse_fraction(text) {
        return Some(wait.min(LONGEST));
    }
    let then = parse_date(text)?;
    let since = date.and_then(parse_date).unwrap_or(now);
    let wait = then.duration_since(since).max(SignedDuration::ZERO);
    Some(Duration::try_from(wait).unwrap_or(LONGEST).min(LONGEST))
}

/// Reads seconds with a fraction, such as `1.5`; a part of a millisecond counts as a whole one.
fn parse_fraction(text: &str) -> Option<Duration> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(seconds) || !is_digits(fraction) {
        return None;
    }
    let millis: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let more = u64::from(fraction.bytes().skip(3).any(|byte| byte != b'0'));
    Some(
        Duration::from_secs(seconds.parse().unwrap_or(u64::MAX).min(LONGEST.as_secs()))
            + Duration::from_millis(millis + more),
    )
}

/// Reads an HTTP date in each of its three forms: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
fn parse_date(text: &str) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let text = text.trim();
    let parts: Vec<&str> = text.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [_, day, month, year, time, "GMT"] if text.contains('-') && year.len() == 2 => {
            // Two digits mean a year of this century, unless it would lie far ahead.
            let century = if year.parse::<u8>().ok()? < 70 { "20" } else { "19" };
            PARSER.parse_timestamp(format!("{day} {month} {century}{year} {time} GMT")).ok()
        }
        [_, month, day, time, year] => PARSER.parse_timestamp(format!("{day} {month} {year} {time} GMT")).ok(),
        _ => PARSER.parse_timestamp(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Random, delay, parse_retry_after};
    use crate::config::profile::destination::RetryPolicy;

    #[test]
    fn a_wait_is_within_a_bound_that_doubles_up_to_the_cap() {
        let policy = RetryPolicy::Exponential { base: Duration::from_secs(1), cap: Duration::from_mins(1) };
        let mut random = Random(7);
        for (failures, bound) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (4_000_000_000, 60)] {
            let waits: Vec<Duration> = (0..200).map(|_| delay(policy, failures, &mut random)).collect();
            let bound = Duration::from_secs(bound);
            assert!(waits.iter().all(|wait| *wait <= bound), "{failures}");
            assert!(waits.iter().any(|wait| *wait > bound / 2), "{failures}");
            assert!(waits.iter().any(|wait| *wait < bound / 2), "{failures}");
        }
    }

    #[test]
    fn a_fixed_wait_is_fixed() {
        let policy = RetryPolicy::Fixed { wait: Duration::from_secs(5) };
        assert_eq!(delay(policy, 9, &mut Random(1)), Duration::from_secs(5));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let date = Some("Tue, 15 Nov 1994 08:12:31 GMT");
        let table = [
            ("0", None, Some(0)),
            ("120", None, Some(120)),
            (" 7 ", None, Some(7)),
            ("99999999999999999999999", None, Some(86_400)),
            ("315360000", None, Some(86_400)),
            ("Tue, 15 Nov 1994 08:13:31 GMT", date, Some(60)),
            ("Tue, 15 Nov 1994 08:12:00 GMT", date, Some(0)),
            ("Tue, 15 Nov 2004 08:13:31 GMT", date, Some(86_400)),
            ("Tue, 01 Jan 2030 00:00:30 GMT", None, Some(30)),
            ("Tue, 15 Nov 1994 08:13:31 GMT", None, Some(0)),
            ("Tue, 01 Jan 2030 00:00:30 GMT", Some("rubbish"), Some(30)),
            ("-5", None, None),
            (".5", None, None),
            ("1.", None, None),
            ("2.000", None, Some(2)),
            ("Tuesday, 15-Nov-94 08:13:31 GMT", date, Some(60)),
            ("Tue Nov 15 08:13:31 1994", date, Some(60)),
            ("Sun Nov  6 08:49:39 1994", Some("Sun Nov  6 08:49:37 1994"), Some(2)),
            ("Sunday, 06-Nov-94 08:49:39 GMT", Some("Sunday, 06-Nov-94 08:49:37 GMT"), Some(2)),
            ("soon", None, None),
            ("", None, None),
        ];
        for (header, date, seconds) in table {
            assert_eq!(parse_retry_after(header, date, now), seconds.map(Duration::from_secs), "{header} {date:?}");
        }
        for (header, millis) in [("1.5", 1_500), ("0.2501", 251), ("0.05", 50)] {
            assert_eq!(parse_retry_after(header, None, now), Some(Duration::from_millis(millis)), "{header}");
        }
    }
}
