//! Days, times and moments as RFC 3339 writes them: the formats that the validator takes too easily.
//!
//! Its own check of two digits takes `*`, `+`, `,`, `-`, `.` and `/` for digits, so that `2024-01-1/` was a day.

/// Whether a text is a `date`.
pub(super) fn is_date(text: &str) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return false };
    let century = two_digits(y1, y2).zip(two_digits(y3, y4)).map(|(century, year)| century * 100 + year);
    let (Some(year), Some(month), Some(day)) = (century, two_digits(m1, m2), two_digits(d1, d2)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

/// Whether a text is a `time`, with its offset. A leap second is only where one can be: at 23:59:60 UTC.
pub(super) fn is_time(text: &str) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2, ref rest @ ..] = *text.as_bytes() else { return false };
    let (Some(hour), Some(minute), Some(second)) = (two_digits(h1, h2), two_digits(m1, m2), two_digits(s1, s2)) else {
        return false;
    };
    let rest = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        rest => rest,
    };
    let offset = match *rest {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let parts = two_digits(h1, h2).zip(two_digits(m1, m2));
            let minutes = parts.filter(|(hours, minutes)| *hours <= 23 && *minutes <= 59);
            minutes.map(|(hours, minutes)| (hours * 60 + minutes) * if sign == b'-' { -1 } else { 1 })
        }
        _ => None,
    };
    let Some(offset) = offset else { return false };
    let is_last_minute = (hour * 60 + minute - offset).rem_euclid(24 * 60) == 24 * 60 - 1;
    hour <= 23 && minute <= 59 && (second <= 59 || second == 60 && is_last_minute)
}

/// Whether a text is a `date-time`.
pub(super) fn is_date_time(text: &str) -> bool {
    text.split_once(['T', 't']).is_some_and(|(day, time)| is_date(day) && is_time(time))
}

fn two_digits(tens: u8, ones: u8) -> Option<i32> {
    let is_number = tens.is_ascii_digit() && ones.is_ascii_digit();
    is_number.then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
}
