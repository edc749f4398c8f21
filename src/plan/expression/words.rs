//! The words of expressions: the filters and tests that exist, what each takes, and what filters make of texts.

use std::{borrow::Cow, collections::BTreeSet};

use minijinja::filters;

use crate::plan::expression::value::{ExpressionFailure, ExpressionValue, check_length};

/// A filter that makes a text of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFilter {
    Trim,
    Title,
    Upper,
    Lower,
    Capitalize,
    Replace,
}

impl TextFilter {
    /// The filter of a name.
    pub(super) fn named(name: &str) -> Option<TextFilter> {
        Some(match name {
            "trim" => TextFilter::Trim,
            "title" => TextFilter::Title,
            "upper" => TextFilter::Upper,
            "lower" => TextFilter::Lower,
            "capitalize" => TextFilter::Capitalize,
            "replace" => TextFilter::Replace,
            _ => return None,
        })
    }

    /// Applies it.
    ///
    /// # Errors
    /// The result is too long.
    pub(super) fn apply<'a>(
        self,
        text: Cow<'a, str>,
        arguments: &[ExpressionValue<'_>],
    ) -> Result<Cow<'a, str>, ExpressionFailure> {
        let word = |at: usize| match arguments.get(at) {
            Some(ExpressionValue::Text(text)) => text.as_ref(),
            _ => "",
        };
        Ok(match self {
            TextFilter::Trim if !arguments.is_empty() => {
                let dropped: BTreeSet<char> = word(0).chars().collect();
                trim(text, |character| dropped.contains(&character))
            }
            TextFilter::Replace => replace(text, word(0), word(1))?,
            _ => self.apply_alone(text),
        })
    }

    /// Applies it without arguments.
    pub(super) fn apply_alone(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            TextFilter::Trim => trim(text, char::is_whitespace),
            TextFilter::Title => Cow::Owned(filters::title(text)),
            TextFilter::Upper => Cow::Owned(text.to_uppercase()),
            TextFilter::Lower => Cow::Owned(text.to_lowercase()),
            TextFilter::Capitalize => capitalize(text),
            TextFilter::Replace => text,
        }
    }
}

fn trim(text: Cow<'_, str>, is_dropped: impl Fn(char) -> bool) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_dropped)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(is_dropped).to_owned()),
    }
}

fn capitalize(text: Cow<'_, str>) -> Cow<'_, str> {
    // A word without separators is one word of a title.
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return text };
    let rest = text.to_lowercase();
    let skipped = first.to_lowercase().map(char::len_utf8).sum();
    let title = filters::title(Cow::Owned(first.to_string()));
    Cow::Owned([title.as_str(), rest.get(skipped..).unwrap_or_default()].concat())
}

/// Replaces one text in another, within the limit of the output: nested, it doubles its text with every level.
fn replace<'a>(text: Cow<'a, str>, from: &str, to: &str) -> Result<Cow<'a, str>, ExpressionFailure> {
    if from.is_empty() {
        return Ok(text);
    }
    let times = text.matches(from).count();
    check_length(text.len().saturating_add(times.saturating_mul(to.len())))?;
    Ok(if times == 0 { text } else { Cow::Owned(text.replace(from, to)) })
}

/// The filters that exist, each with the fewest and the most arguments.
pub(super) const FILTERS: &[(&str, usize, usize)] = &[
    ("trim", 0, 1),
    ("title", 0, 0),
    ("upper", 0, 0),
    ("lower", 0, 0),
    ("capitalize", 0, 0),
    ("replace", 2, 2),
    ("default", 1, 1),
    ("length", 0, 0),
    ("first", 0, 0),
    ("last", 0, 0),
    ("integer", 0, 0),
    ("decimal", 0, 0),
    ("date", 0, 1),
    ("datetime", 0, 3),
    ("round", 1, 2),
    ("abs", 0, 0),
    ("split", 1, 1),
    ("join", 0, 1),
];

/// The tests that exist besides `none`: each takes a text, and a text in parentheses.
pub(super) const TESTS: &[&str] = &["startingwith", "endingwith"];

/// Functions, methods and filters of other languages, and what to write in their place.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("strip", "| trim"),
    ("lstrip", "| trim"),
    ("rstrip", "| trim"),
    ("startswith", "is startingwith('x')"),
    ("startsWith", "is startingwith('x')"),
    ("endswith", "is endingwith('x')"),
    ("endsWith", "is endingwith('x')"),
    ("len", "| length"),
    ("size", "| length"),
    ("int", "| integer"),
    ("float", "| decimal"),
    ("number", "| decimal"),
    ("toUpperCase", "| upper"),
    ("uppercase", "| upper"),
    ("upcase", "| upper"),
    ("toLowerCase", "| lower"),
    ("lowercase", "| lower"),
    ("downcase", "| lower"),
    ("count", "| length"),
    ("str", "`~` between a text and a number"),
    ("string", "`~` between a text and a number"),
    ("contains", "as in `'x' in name`"),
    ("concat", "`~` between texts"),
    ("format", "`~` between texts"),
    ("strptime", "| datetime('%d.%m.%Y %H:%M', 'Europe/Paris')"),
    ("to_date", "| date('%d.%m.%Y')"),
    ("to_datetime", "| datetime('%d.%m.%Y %H:%M', 'Europe/Paris')"),
    ("timestamp", "| datetime('%s')"),
    ("if", "`'a' if status == 'x' else 'b'`"),
];

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{FILTERS, TextFilter};
    use crate::plan::expression::value::ExpressionValue;

    #[test]
    fn filters_of_texts_change_them() {
        let apply = |name: &str, text: &'static str, arguments: &[ExpressionValue<'_>]| {
            TextFilter::named(name).unwrap().apply(Cow::Borrowed(text), arguments).unwrap().into_owned()
        };
        let word = |text: &'static str| ExpressionValue::Text(Cow::Borrowed(text));
        for (name, text, made) in [
            ("trim", " \u{a0}a b\t", "a b"),
            ("title", "jean-luc PICARD", "Jean-Luc Picard"),
            ("capitalize", "jean-luc PICARD", "Jean-luc picard"),
            ("upper", "straße", "STRASSE"),
            ("lower", "ÄÖ", "äö"),
        ] {
            assert_eq!(apply(name, text, &[]), made, "{name} {text}");
        }
        assert_eq!(apply("trim", "--a-b-", &[word("-")]), "a-b");
        assert_eq!(apply("replace", "a/b/c", &[word("/"), word(".")]), "a.b.c");
        assert_eq!(apply("replace", "abc", &[word("b"), ExpressionValue::None]), "ac");
        assert_eq!(apply("replace", "abc", &[ExpressionValue::None, word("x")]), "abc");
        let long = TextFilter::Replace.apply(Cow::Owned("a".repeat(9_000)), &[word("a"), word("12345678")]);
        assert!(long.is_err());
    }

    #[test]
    fn names_are_listed_once() {
        for (at, (name, least, most)) in FILTERS.iter().enumerate() {
            assert!(least <= most && FILTERS[..at].iter().all(|(other, ..)| other != name), "{name}");
        }
    }
}
