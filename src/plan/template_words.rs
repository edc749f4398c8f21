//! The words of expressions: the filters and tests that exist, and what each takes and makes.
//!
//! The engine is built of the same list, so that what is known here and what runs cannot differ.

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    value::{Rest, ValueKind},
};

/// The most text one expression may make, in bytes.
pub(super) const MAX_OUTPUT: usize = 64 << 10;

/// What a value may be, one bit for each kind.
pub(super) type KindBits = u8;
/// A text: every cell is one.
pub(super) const TEXT: KindBits = 1;
/// A number.
pub(super) const NUMBER: KindBits = 2;
/// True or false.
pub(super) const TRUTH: KindBits = 4;
/// A list.
pub(super) const LIST: KindBits = 8;
/// Nothing: the first item of an empty list.
pub(super) const MISSING: KindBits = 16;

/// What a filter makes of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Makes {
    Text,
    Number,
    /// A list of texts.
    Texts,
    /// What it was given.
    Same,
    /// An item of the list, or a character of the text.
    Item,
    /// What it was given, or its first argument.
    Default,
}

/// A filter.
#[derive(Debug)]
pub(super) struct FilterWord {
    pub(super) name: &'static str,
    /// What may stand in front of it.
    pub(super) takes: KindBits,
    /// What its arguments may be.
    pub(super) arguments: &'static [KindBits],
    /// How many of them have to be there.
    pub(super) least: usize,
    pub(super) makes: Makes,
}

/// A filter without arguments.
const fn plain(name: &'static str, takes: KindBits, makes: Makes) -> FilterWord {
    FilterWord { name, takes, arguments: &[], least: 0, makes }
}

/// The filters that exist.
pub(super) const FILTERS: &[FilterWord] = &[
    FilterWord { arguments: &[TEXT], ..plain("trim", TEXT | NUMBER, Makes::Text) },
    plain("title", TEXT | NUMBER, Makes::Text),
    plain("upper", TEXT | NUMBER, Makes::Text),
    plain("lower", TEXT | NUMBER, Makes::Text),
    plain("capitalize", TEXT | NUMBER, Makes::Text),
    FilterWord { arguments: &[TEXT, TEXT], least: 2, ..plain("replace", TEXT, Makes::Text) },
    FilterWord {
        arguments: &[TEXT | NUMBER | TRUTH | LIST, TRUTH],
        least: 1,
        ..plain("default", TEXT | NUMBER | TRUTH | LIST, Makes::Default)
    },
    plain("length", TEXT | LIST, Makes::Number),
    plain("first", TEXT | LIST, Makes::Item),
    plain("last", TEXT | LIST, Makes::Item),
    plain("int", TEXT | NUMBER, Makes::Number),
    plain("string", TEXT | NUMBER, Makes::Text),
    FilterWord { arguments: &[TEXT, NUMBER], ..plain("split", TEXT, Makes::Texts) },
    FilterWord { arguments: &[TEXT], ..plain("join", TEXT | LIST, Makes::Text) },
    plain("reverse", TEXT | LIST, Makes::Same),
    plain("abs", NUMBER, Makes::Number),
];

/// The tests that exist: each takes a text, and a text in parentheses.
pub(super) const TESTS: &[&str] = &["startingwith", "endingwith"];

/// Functions and methods of other languages, and what to write in their place.
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
    ("str", "| string"),
    ("float", "| int"),
    ("number", "| int"),
    ("toUpperCase", "| upper"),
    ("uppercase", "| upper"),
    ("upcase", "| upper"),
    ("toLowerCase", "| lower"),
    ("lowercase", "| lower"),
    ("downcase", "| lower"),
    ("reversed", "| reverse"),
    ("count", "| length"),
    ("contains", "as in `'x' in name`"),
    ("concat", "`~` between texts"),
    ("format", "`~` between texts"),
    ("if", "`'a' if status == 'x' else 'b'`"),
];

/// An engine without functions, with the filters and tests of the lists.
pub(super) fn build_engine(fuel: u64) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_fuel(Some(fuel));
    environment.set_debug(false);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(|out, _, value| write_value(out, value));
    environment.add_filter("trim", filters::trim);
    environment.add_filter("title", filters::title);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("replace", replace);
    environment.add_filter("default", |state: &State, value: &Value, arguments: Rest<Value>| {
        filters::default(state, value, arguments)
    });
    environment.add_filter("length", |value: &Value| match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => filters::length(value),
    });
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", parse_whole);
    environment.add_filter("string", |value: &Value| match value.kind() {
        ValueKind::String | ValueKind::Number => Ok(value.to_string()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(tell("`string` was given something else than a text or a number")),
    });
    environment.add_filter("split", |value: &Value, separator: Option<Arc<str>>, most: Option<i64>| {
        text_of(value).and_then(|_| filters::split(value, separator, most))
    });
    environment.add_filter("join", filters::join);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("abs", filters::abs);
    environment.add_test("startingwith", minijinja::tests::is_startingwith);
    environment.add_test("endingwith", minijinja::tests::is_endingwith);
    environment
}

/// Writes what an expression gave: texts and numbers, and nothing that only looks like one.
fn write_value(out: &mut minijinja::Output<'_>, value: &Value) -> Result<(), Error> {
    let written = match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) => out.write_str(text),
        (ValueKind::Number, _) if value.is_integer() || f64::try_from(value.clone()).is_ok_and(f64::is_finite) => {
            write!(out, "{value}")
        }
        (ValueKind::Number, _) => return Err(tell("the number is too large")),
        (ValueKind::Undefined, _) => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => return Err(tell("it gave neither a text nor a number")),
    };
    written.map_err(Error::from)
}

/// The `replace` of minijinja, within the limit of the output: nested, it doubles its text with every level.
fn replace(value: &Value, from: &str, to: &str) -> Result<String, Error> {
    let text = text_of(value)?;
    let times = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    if text.len().saturating_add(times.saturating_mul(to.len())) > MAX_OUTPUT {
        return Err(tell("the result is too long"));
    }
    Ok(text.replace(from, to))
}

/// The text of a value that is one.
fn text_of(value: &Value) -> Result<&str, Error> {
    match value.as_str() {
        None if value.is_undefined() => Err(Error::from(ErrorKind::UndefinedError)),
        text => text.ok_or_else(|| tell("a filter of texts was given something else")),
    }
}

/// A whole number: the digits of a text in front of its decimal point, exactly, so that none passes through a float.
fn parse_whole(value: &Value) -> Result<Value, Error> {
    let no_number = || tell("`int` was given something that is no number");
    let Some(text) = value.as_str() else {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        if value.is_integer() {
            return Ok(value.clone());
        }
        let float = f64::try_from(value.clone()).ok().filter(|float| float.is_finite());
        return format!("{:.0}", float.ok_or_else(no_number)?.trunc())
            .parse()
            .map(whole_value)
            .map_err(|_| no_number());
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(no_number());
    }
    let digits = &text[..text.len() - unsigned.len() + whole.len()];
    digits.parse().map(whole_value).map_err(|_| tell("the number is too large"))
}

fn whole_value(number: i128) -> Value {
    Value::from(number)
}

/// An error whose words hold no cell, so that they may be told.
#[derive(Debug)]
pub(super) struct ToldReason(&'static str);

impl fmt::Display for ToldReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for ToldReason {}

fn tell(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason).with_source(ToldReason(reason))
}

#[cfg(test)]
mod tests {
    use super::{FILTERS, TESTS, build_engine, parse_whole};
    use minijinja::Value;

    #[test]
    fn the_engine_has_the_filters_and_tests_of_the_lists() {
        let engine = build_engine(100);
        for filter in FILTERS {
            let unknown = engine.empty_state().apply_filter(filter.name, &[Value::from("a")]);
            let is_unknown = unknown.is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownFilter);
            assert!(!is_unknown, "{}", filter.name);
        }
        for test in TESTS {
            assert!(engine.empty_state().perform_test(test, &[Value::from("ab"), Value::from("")]).is_ok(), "{test}");
        }
    }

    #[test]
    fn whole_numbers_are_exact_or_none() {
        for (text, whole) in [
            ("12", Some("12")),
            ("-7", Some("-7")),
            ("+5", Some("5")),
            ("0012", Some("12")),
            ("1.99", Some("1")),
            ("-1.99", Some("-1")),
            ("9007199254740993.0", Some("9007199254740993")),
            ("170141183460469231731687303715884105727", Some("170141183460469231731687303715884105727")),
            ("170141183460469231731687303715884105728", None),
            ("", None),
            (" 1", None),
            ("1.", None),
            (".5", None),
            ("1e5", None),
            ("inf", None),
            ("nan", None),
            ("NaN", None),
            ("1_000", None),
            ("0x10", None),
            ("--1", None),
            ("١", None),
        ] {
            let parsed = parse_whole(&Value::from(text)).ok().map(|value| value.to_string());
            assert_eq!(parsed.as_deref(), whole, "{text:?}");
        }
        assert_eq!(parse_whole(&Value::from(2.9)).unwrap().to_string(), "2");
        assert!(parse_whole(&Value::from(f64::NAN)).is_err());
    }
}
