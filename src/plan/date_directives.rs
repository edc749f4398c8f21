//! The directives of a date format -> what they tell of a moment, and which of them cannot be used.
//!
//! A directive that is never read, and one that says nothing without another, is refused before any data is read, with
//! what to write instead.

/// What is wrong with a date format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormatFault {
    /// The cause, which follows on the format.
    pub(super) reason: String,
    /// What to write instead; empty: it depends on the format.
    pub(super) hint: &'static str,
}

/// One directive of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    /// As it is written, from its `%` on.
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) at: usize,
    /// The letter that says what it is.
    pub(super) letter: char,
    /// The number before its letter.
    pub(super) width: Option<usize>,
    /// It has a point before its letter: `%.f`.
    pub(super) has_point: bool,
}

/// The most digits of a fraction.
pub(super) const MAX_FRACTION: usize = 9;

/// The directives of `strftime` that are only written and never read, and what to write instead.
const UNREAD: &[(char, &str)] = &[
    ('C', "write `%Y` for a year of four digits"),
    ('c', "write its parts, as in `%a %d %b %Y %H:%M:%S`"),
    ('x', "write its parts, as in `%d.%m.%Y`"),
    ('X', "write its parts, as in `%H:%M:%S`"),
    ('r', "write its parts, as in `%I:%M:%S %p`"),
    ('v', "write its parts, as in `%e-%b-%Y`"),
    ('+', "write its parts, as in `%a %d %b %Y %H:%M:%S`"),
    ('Z', "write the letters themselves, as in `%H:%M CET`, and set `timezone`; an offset such as `+0200` is `%z`"),
    ('Q', "write `%z` for an offset such as `+0200`, or `%:z` for `+02:00`; a zone is set by `timezone`"),
    ('N', "write `%f` for the digits of a fraction"),
    ('L', "write `%f` for the digits of a fraction"),
    ('s', "write `%s` and nothing else for seconds since 1970, or `%ms` for milliseconds"),
    ('q', "write the month and the day; a quarter is not read"),
];

/// What says nothing without something else: what stands alone, what of which one must be there, and what to write.
const ALONE: [(char, &str, &str, &str); 5] = [
    (
        'I',
        "p",
        "is one of two hours without `%p`",
        "add `%p` if the file has AM or PM, or write `%H` for hours from 00 to 23",
    ),
    ('p', "I", "says nothing without `%I`", "write `%I` for hours from 01 to 12"),
    ('M', "HI", "says nothing without an hour", "add `%H`, or `%I` and `%p`"),
    ('S', "M", "says nothing without minutes", "add `%M`"),
    ('f', "S", "says nothing without seconds", "add `%S`"),
];

/// The directives of a format, in their order.
pub(super) fn find_directives(format: &str) -> Vec<Directive<'_>> {
    let (mut directives, mut at) = (Vec::new(), 0);
    while let Some(found) = format[at..].find('%') {
        let start = at + found;
        let is_modifier = |c: char| matches!(c, '_' | '-' | '^' | '#' | ':') || c.is_ascii_digit();
        let behind = format[start + 1..].trim_start_matches(is_modifier);
        let inner = behind.strip_prefix('.').map(|inner| inner.trim_start_matches(|c: char| c.is_ascii_digit()));
        let rest = inner.unwrap_or(behind);
        let letter = rest.chars().next().unwrap_or(' ');
        let end = format.len() - rest.len() + rest.chars().next().map_or(0, char::len_utf8);
        let before = &format[start + 1..format.len() - rest.len()];
        let number = &before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
        let width = number.trim_start_matches('0').parse().ok();
        directives.push(Directive { text: &format[start..end], at: start, letter, width, has_point: inner.is_some() });
        at = end;
    }
    directives
}

/// Checks that every directive is read, and that none needs another one that is not there.
pub(super) fn check_directives(directives: &[Directive<'_>]) -> Result<(), FormatFault> {
    let fault = |reason: String, hint| Err(FormatFault { reason, hint });
    for directive in directives {
        let Directive { text, letter, .. } = *directive;
        if text.len() == 1 || letter == ' ' {
            return fault(format!("`{}` is no directive", text.trim_end()), "write `%%` for the character `%` itself");
        }
        if let Some((_, hint)) = UNREAD.iter().find(|(unread, _)| *unread == letter) {
            return fault(format!("`{text}` cannot be read"), hint);
        }
        if tells(directive).is_none() || directive.has_point && letter != 'f' {
            return fault(format!("there is no directive `{text}`"), "");
        }
        if letter == 'f' && directive.width.is_some_and(|width| width > MAX_FRACTION) {
            return fault(format!("`{text}` has more than nine digits"), "write `%f` for one to nine digits");
        }
    }
    let find =
        |part: char| directives.iter().find(|directive| tells(directive).is_some_and(|told| told.contains(part)));
    for (part, others, reason, hint) in ALONE {
        if let Some(directive) = find(part).filter(|_| !others.chars().any(|other| find(other).is_some())) {
            return fault(format!("`{}` {reason}", directive.text), hint);
        }
    }
    if let (Some(day), Some(half)) = (find('H'), find('I')) {
        return fault(format!("`{}` and `{}` both tell the hour", day.text, half.text), "leave one of them out");
    }
    let mut fractions = directives.iter().filter(|directive| directive.letter == 'f');
    match (fractions.next(), fractions.next()) {
        (Some(_), Some(again)) => fault(format!("`{}` tells the fraction again", again.text), "leave one of them out"),
        _ => Ok(()),
    }
}

/// What a directive tells of the time of the day; `None`: it is not read.
fn tells(directive: &Directive<'_>) -> Option<&'static str> {
    match directive.letter {
        'H' | 'k' => Some("H"),
        'I' | 'l' => Some("I"),
        'p' | 'P' => Some("p"),
        'M' => Some("M"),
        'S' => Some("S"),
        'R' => Some("HM"),
        'T' => Some("HMS"),
        'f' => Some("f"),
        'Y' | 'y' | 'G' | 'g' | 'm' | 'B' | 'b' | 'h' | 'd' | 'e' | 'j' | 'U' | 'V' | 'W' | 'A' | 'a' | 'u' | 'w'
        | 'F' | 'D' | 'z' | 'n' | 't' | '%' => Some(""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::date_directives::{Directive, find_directives};

    #[test]
    fn directives_are_found_with_what_stands_before_their_letter() {
        let found = find_directives("%Y%%-%-d é%3f %.6f%:z %_3é%.");
        let parts: Vec<(&str, char, Option<usize>, bool)> = found
            .iter()
            .map(|Directive { text, letter, width, has_point, .. }| (*text, *letter, *width, *has_point))
            .collect();
        let expected = [
            ("%Y", 'Y', None, false),
            ("%%", '%', None, false),
            ("%-d", 'd', None, false),
            ("%3f", 'f', Some(3), false),
            ("%.6f", 'f', Some(6), true),
            ("%:z", 'z', None, false),
            ("%_3é", 'é', Some(3), false),
            ("%.", ' ', None, true),
        ];
        assert_eq!(parts, expected);
        assert_eq!(found.iter().map(|directive| directive.at).collect::<Vec<_>>(), [0, 2, 5, 11, 15, 19, 23, 28]);
    }
}
