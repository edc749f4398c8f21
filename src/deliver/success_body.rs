//! The bytes of a success -> its JSON, or `None` when a program could read it in two ways or in none.
//!
//! A byte order mark in front is skipped. A key that stands twice in one object makes the whole unreadable: of
//! `{"errors": [1], "errors": []}` nobody knows which one is meant. Long texts are cut and deep parts are emptied, since an
//! API may give back all that it took.

use std::fmt;

use serde::{
    Deserialize as _, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// How deep an answer is kept.
const MAX_DEPTH: usize = 12;
/// How many characters of a text are kept.
const MAX_TEXT: usize = 256;
/// The key under which this build of `serde_json` hands out the digits of a number.
const NUMBER: &str = "$serde_json::private::Number";

/// As much of a text as is kept of an answer.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end])
}

/// Reads the body of a success.
pub(crate) fn read_json(bytes: &[u8]) -> Option<Value> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Lean { depth: MAX_DEPTH }.deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

/// Reads a value with unique keys, up to a depth.
#[derive(Clone, Copy)]
struct Lean {
    depth: usize,
}

impl Lean {
    fn inside(self) -> Lean {
        Lean { depth: self.depth.saturating_sub(1) }
    }
}

impl<'de> DeserializeSeed<'de> for Lean {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lean {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with unique keys")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        // A text that is JSON itself is read, too.
        let is_json = value.trim_start().starts_with(['{', '[']);
        Ok(if is_json { value } else { cut(value) }.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inside())? {
            // One item shows that a list is not empty.
            if self.depth > 0 || list.is_empty() {
                list.push(item);
            }
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER && object.is_empty() {
                let digits = members.next_value::<String>()?;
                return digits.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
            }
            let value = members.next_value_seed(self.inside())?;
            if object.insert(name, if self.depth > 0 { value } else { Value::Null }).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(object.into())
    }
}

/// Reads the body of an error; parts that are not read are null.
pub(crate) fn read_error(bytes: &[u8]) -> Value {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Value::deserialize(&mut reader).unwrap_or_default();
    if reader.end().is_ok() { value } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{read_error, read_json};

    #[test]
    fn json_is_read_once_and_in_one_way() {
        let table = [
            ("{\"a\": 1, \"b\": [true, null, 1.5, -3, \"x\"]}", Some(json!({"a": 1, "b": [true, null, 1.5, -3, "x"]}))),
            ("\u{feff}{\"accepted\": 2}", Some(json!({"accepted": 2}))),
            ("{\"errors\": [1], \"errors\": []}", None),
            ("{\"a\": {\"b\": 1, \"\\u0062\": 2}}", None),
            ("[{\"a\": 1}, {\"a\": 2}]", Some(json!([{"a": 1}, {"a": 2}]))),
            ("{} {}", None),
            ("{\"a\": ", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(read_json(text.as_bytes()), expected, "{text}");
        }
        let number = read_json(b"123456789012345678901234567890.5").unwrap();
        assert_eq!(number.to_string(), "123456789012345678901234567890.5");
    }

    #[test]
    fn long_texts_are_cut_and_deep_parts_emptied() {
        let long = read_json(format!("[\"{}\"]", "é".repeat(9_999)).as_bytes()).unwrap();
        assert_eq!(long[0].as_str().unwrap().chars().count(), 256);
        let deep = (0..40).fold(json!([1, 2]), |inside, _| json!({ "a": inside }));
        let mut read = read_json(deep.to_string().as_bytes()).unwrap();
        let mut depth = 0;
        while let Some(inside) = read.get_mut("a").map(Value::take) {
            (read, depth) = (inside, depth + 1);
        }
        assert_eq!((depth, read), (13, Value::Null));
    }

    #[test]
    fn the_body_of_an_error_may_begin_with_a_byte_order_mark() {
        assert_eq!(read_error("\u{feff}{\"type\": \"a\"}".as_bytes()), json!({"type": "a"}));
        assert_eq!(read_error(b"<html>"), Value::Null);
    }
}
