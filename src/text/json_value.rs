//! A JSON value as a file writes it -> the same value on one line, without white space between its parts.
//!
//! Digits and texts stay as they are written. What two programs could read differently is refused: a name that stands twice in
//! one object, half of a character, a number that only an exponent makes long.

use std::{borrow::Cow, collections::BTreeSet};

use crate::text::buffer::OutputBuffer;

/// How deep lists and objects may lie in each other.
pub const MAX_DEPTH: usize = 64;
/// The most digits of an exponent.
const MAX_EXPONENT_DIGITS: usize = 4;
/// The name that means a number to the JSON parser, and would be lost.
pub const RESERVED_NAME: &str = "$serde_json::private::Number";

/// Why a text is no JSON value that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// It is not JSON.
    Syntax,
    /// A name stands twice in one object.
    NameTwice,
    /// Lists and objects lie in each other too deep.
    TooDeep,
    /// The exponent of a number is too large.
    LongNumber,
    /// A name means something else to JSON parsers.
    ReservedName,
}

impl JsonFault {
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            JsonFault::Syntax => "write it as JSON does: names and texts in \" quotes, and nothing behind the value",
            JsonFault::NameTwice => "a name stands twice in one object: keep one of the two",
            JsonFault::TooDeep => "lists and objects lie more than 64 levels deep in each other",
            JsonFault::LongNumber => "an exponent has at most 4 digits: write the number in digits",
            JsonFault::ReservedName => "no field can have the name `$serde_json::private::Number`",
        }
    }
}

/// Writes a JSON value without white space between its parts.
///
/// # Errors
/// It is none that can be used; then nothing was written.
pub fn write_value(text: &[u8], out: &mut OutputBuffer) -> Result<(), JsonFault> {
    let start = out.len();
    let mut reader = JsonReader { text, at: 0, out };
    let read = reader.read_value(0).and_then(|()| {
        reader.skip_space();
        if reader.at == text.len() { Ok(()) } else { Err(JsonFault::Syntax) }
    });
    if read.is_err() {
        out.truncate(start);
    }
    read
}

struct JsonReader<'t, 'o> {
    text: &'t [u8],
    at: usize,
    out: &'o mut OutputBuffer,
}

impl<'t> JsonReader<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte, behind white space.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.at += 1;
            self.out.push(byte);
        }
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.take(byte) { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    fn read_value(&mut self, depth: usize) -> Result<(), JsonFault> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(JsonFault::TooDeep),
            Some(b'{') => self.read_object(depth + 1),
            Some(b'[') => self.read_list(depth + 1),
            Some(b'"') => self.read_text().map(drop),
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            _ => self.read_word(),
        }
    }

    fn read_object(&mut self, depth: usize) -> Result<(), JsonFault> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        loop {
            self.skip_space();
            let name = self.read_text()?;
            if name == RESERVED_NAME {
                return Err(JsonFault::ReservedName);
            }
            if !names.insert(name) {
                return Err(JsonFault::NameTwice);
            }
            self.expect(b':')?;
            self.read_value(depth)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn read_list(&mut self, depth: usize) -> Result<(), JsonFault> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.read_value(depth)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads a text; gives what it says.
    fn read_text(&mut self) -> Result<Cow<'t, str>, JsonFault> {
        let (start, mut is_plain) = (self.at, true);
        if self.peek() != Some(b'"') {
            return Err(JsonFault::Syntax);
        }
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_plain = false;
                    self.at += 2;
                }
                Some(byte) if byte >= b' ' => self.at += 1,
                _ => return Err(JsonFault::Syntax),
            }
        }
        self.at += 1;
        let text = self.text.get(start..self.at).ok_or(JsonFault::Syntax)?;
        self.out.extend(text);
        if is_plain {
            return str::from_utf8(&text[1..text.len() - 1]).map(Cow::Borrowed).map_err(|_| JsonFault::Syntax);
        }
        // Escapes that are none, and halves of characters, are told by the parser.
        serde_json::from_slice(text).map(Cow::Owned).map_err(|_| JsonFault::Syntax)
    }

    fn read_number(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.read_digits() {
            [] | [b'0', _, ..] => return Err(JsonFault::Syntax),
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.read_digits().is_empty() {
                return Err(JsonFault::Syntax);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            let digits = self.read_digits();
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
            match digits.len() {
                0 => return Err(JsonFault::Syntax),
                length if length - zeros > MAX_EXPONENT_DIGITS => return Err(JsonFault::LongNumber),
                _ => {}
            }
        }
        self.out.extend(&self.text[start..self.at]);
        Ok(())
    }

    fn read_digits(&mut self) -> &'t [u8] {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn read_word(&mut self) -> Result<(), JsonFault> {
        let rest = &self.text[self.at..];
        let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        let word = word.ok_or(JsonFault::Syntax)?;
        self.at += word.len();
        self.out.extend(word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonFault, MAX_DEPTH, write_value};
    use crate::text::buffer::OutputBuffer;

    fn written(text: &str) -> Result<String, JsonFault> {
        let mut out = OutputBuffer::from(b"before".to_vec());
        let read = write_value(text.as_bytes(), &mut out);
        let all = String::from_utf8(out.into()).unwrap();
        assert!(read.is_ok() || all == "before", "{text}: {all}");
        read.map(|()| all["before".len()..].to_owned())
    }

    #[test]
    fn values_keep_their_digits_and_texts_and_lose_white_space() {
        let table = [
            ("1", "1"),
            (" -0 ", "-0"),
            ("1.50", "1.50"),
            ("1E+02", "1E+02"),
            ("1e0009999", "1e0009999"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
            ("\t[ 1 ,\r\n2 ]\n", "[1,2]"),
            ("{ \"a b\" : { } , \"c\" : [ ] }", "{\"a b\":{},\"c\":[]}"),
            ("\" a\\u0020\\\"\\/ é😀\"", "\" a\\u0020\\\"\\/ é😀\""),
            ("\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""),
            ("[true,false,null]", "[true,false,null]"),
            ("{\"__proto__\":1,\"\":2}", "{\"__proto__\":1,\"\":2}"),
            ("[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":2}]"),
        ];
        for (text, expected) in table {
            assert_eq!(written(text).as_deref(), Ok(expected));
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let bad = [
            "",
            " ",
            "x",
            "tru",
            "nul",
            "truex",
            "1 2",
            "01",
            "-",
            "+1",
            ".5",
            "5.",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "'a'",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"a\nb\"",
            "\"\u{1}\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "{}}",
            "// a\n1",
            "\u{feff}1",
            "\u{a0}1",
        ];
        for text in bad {
            assert_eq!(written(text), Err(JsonFault::Syntax), "{text}");
        }
    }

    #[test]
    fn what_is_deep_twice_long_or_reserved_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(written(&nested(MAX_DEPTH)), Ok(nested(MAX_DEPTH)));
        assert_eq!(written(&nested(MAX_DEPTH + 1)), Err(JsonFault::TooDeep));
        assert_eq!(written(&"[".repeat(100_000)), Err(JsonFault::TooDeep));
        for twice in ["{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "[{\"b\":{\"\":1,\"\":2}}]"] {
            assert_eq!(written(twice), Err(JsonFault::NameTwice), "{twice}");
        }
        for long in ["1e10000", "1E-99999999999999999999", "[1e+12345]"] {
            assert_eq!(written(long), Err(JsonFault::LongNumber), "{long}");
        }
        assert_eq!(written("{\"$serde_json::private::Number\":\"1\"}"), Err(JsonFault::ReservedName));
        assert_eq!(written("[{\"a\":0,\"\\u0024serde_json::private::Number\":1}]"), Err(JsonFault::ReservedName));
    }
}
