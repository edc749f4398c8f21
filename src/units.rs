//! Sizes and times as people write them: `1MiB`, `500kB`, `30s`, `15m`.
//!
//! A size is a whole number of bytes, a time always has a unit; any other text is an error that shows the right form.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

const SIZES: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A number of bytes, written `500`, `500kB` or `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A length of time, written `250ms`, `30s`, `15m`, `2h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

/// The number of bytes a text like `1MiB` means.
///
/// # Errors
/// What is wrong with the text, as a sentence.
pub fn bytes(text: &str) -> Result<u64, String> {
    parse_scaled(text, &SIZES).ok_or_else(|| format!("`{text}` is not a size like `500`, `500kB` or `1MiB`"))
}

/// The length of time a text like `30s` means.
///
/// # Errors
/// What is wrong with the text, as a sentence.
pub fn time(text: &str) -> Result<Duration, String> {
    let millis = parse_scaled(text, &TIMES);
    millis.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is not a time like `250ms`, `30s` or `15m`"))
}

/// A whole number and a unit; `None` when it is not one or does not fit.
fn parse_scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Reads a scalar either as a whole number or as a text.
struct ScalarVisitor<T> {
    expected: &'static str,
    number: fn(u64) -> Result<T, String>,
    text: fn(&str) -> Result<T, String>,
}

impl<T> de::Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        (self.number)(value).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        (self.text)(value).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let expected = "a size like `500`, `500kB` or `1MiB`";
        deserializer.deserialize_any(ScalarVisitor {
            expected,
            number: |value| Ok(Size(value)),
            text: |text| bytes(text).map(Size),
        })
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let expected = "a time like `250ms`, `30s` or `15m`";
        deserializer.deserialize_any(ScalarVisitor {
            expected,
            number: |value| Err(format!("`{value}` has no unit: write `{value}s` or `{value}ms`")),
            text: |text| time(text).map(Period),
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes: `500`, `500kB`, `1MiB`.",
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[0-9]+ *([kKmMgG][iI]?)?[bB]?$",
        })
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: `250ms`, `30s`, `15m`, `2h`, `1d`.",
            "type": "string",
            "pattern": "^[0-9]+ *(ms|s|m|h|d)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, time};

    #[test]
    fn sizes_have_optional_units() {
        let table = [
            ("0", Some(0)),
            ("500", Some(500)),
            ("500B", Some(500)),
            ("500kB", Some(500_000)),
            ("2 MB", Some(2_000_000)),
            ("1KiB", Some(1024)),
            ("1MiB", Some(1 << 20)),
            ("3gib", Some(3 << 30)),
            ("", None),
            ("kB", None),
            ("-1", None),
            ("1.5MiB", None),
            ("1 Mo", None),
            ("99999999999GiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        let table = [
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("15m", Some(900_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("30", None),
            ("", None),
            ("1w", None),
            ("-1s", None),
        ];
        for (text, expected) in table {
            assert_eq!(time(text).ok().map(|time| time.as_millis()), expected, "{text}");
        }
    }
}
