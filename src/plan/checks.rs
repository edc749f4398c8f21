//! Checks of a leaf while it is written: quick ones on its bytes, and the exact one by the contract where they refuse.
//!
//! A quick check never accepts what the contract does not, and may refuse what it accepts.

use crate::{
    config::contract::Contract,
    plan::pattern::Pattern,
    text::number::{Number, NumberFormat},
};

/// The rules of a leaf that are not proven.
#[derive(Debug, Default)]
pub struct Checks {
    /// The quick checks; each accepts only what the contract accepts.
    pub quick: Vec<Quick>,
    /// The quick checks replace every rule: a leaf that passes them needs no exact check.
    pub covered: bool,
    /// The pointers to the rules of this leaf in the contract, for the exact check.
    pub exact: Vec<String>,
}

/// A check of one leaf on its bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Quick {
    /// A text of at least this many characters.
    MinLength(u64),
    /// A text of at most this many characters.
    MaxLength(u64),
    /// A number not below this.
    AtLeast(i64),
    /// A number not above this.
    AtMost(i64),
    /// A number without a fraction.
    Whole,
    /// One of these JSON texts.
    OneOf(Vec<Vec<u8>>),
    /// An e-mail address of the plainest form.
    Email,
    /// A text in which a pattern is found.
    Pattern(Pattern),
}

impl Quick {
    /// Whether a leaf is certain to meet the rule; `json` is its JSON text. `false` only means "not certain".
    #[must_use]
    #[inline]
    pub fn accepts(&self, json: &[u8]) -> bool {
        let inner = || json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
        match self {
            Quick::MinLength(1) => json.len() > 2,
            Quick::MinLength(least) => has_no_escapes(inner()) && count_characters(inner()) >= *least,
            Quick::MaxLength(most) => {
                inner().len() as u64 <= *most || has_no_escapes(inner()) && count_characters(inner()) <= *most
            }
            // A number without a sign is not negative.
            Quick::AtLeast(0) if json[0] != b'-' => true,
            Quick::AtLeast(least) => parse_exact(json).is_some_and(|(whole, _)| whole >= *least),
            Quick::AtMost(most) => {
                parse_exact(json).is_some_and(|(whole, fraction)| whole < *most || whole == *most && !fraction)
            }
            Quick::Whole => !json.contains(&b'.'),
            Quick::OneOf(values) => values.iter().any(|value| value == json),
            Quick::Email => is_simple_email(inner()),
            Quick::Pattern(pattern) => has_no_escapes(inner()) && pattern.matches(inner()),
        }
    }
}

/// Whether a text has no escapes, so that its characters can be counted in its bytes.
fn has_no_escapes(inner: &[u8]) -> bool {
    !inner.contains(&b'\\')
}

fn count_characters(inner: &[u8]) -> u64 {
    inner.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64
}

/// So many digits fit the numbers that are compared.
const MAX_WHOLE_DIGITS: usize = 18;

/// The whole part of a number, and whether its fraction is not zero. `None`: it is negative, or too long to be compared
/// exactly.
fn parse_exact(json: &[u8]) -> Option<(i64, bool)> {
    let Number { is_negative, whole, fraction } = NumberFormat::JSON.parse(json)?;
    if is_negative || whole.len() > MAX_WHOLE_DIGITS {
        return None;
    }
    let whole = whole.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((whole, fraction.iter().any(|digit| *digit != b'0')))
}

/// Whether a text is an e-mail address of the plainest form: words of letters and digits joined by single dots, hyphens or
/// underscores, then `@`, then a host of such labels.
fn is_simple_email(address: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', address) else { return false };
    let (local, host) = (&address[..at], &address[at + 1..]);
    let word = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_alphanumeric);
    local.len() <= 64
        && address.len() <= 200
        && local.split(|byte| matches!(byte, b'.' | b'-' | b'_')).all(word)
        && host.contains(&b'.')
        && host.split(|byte| *byte == b'.').all(|label| {
            label.len() <= 60
                && label.split(|byte| *byte == b'-').all(word)
                && !label.contains(&b'_')
                && label.windows(2).all(|pair| pair != b"--")
        })
}

impl Checks {
    /// Whether a leaf meets the contract.
    #[must_use]
    #[inline]
    pub fn accepts(&self, contract: &Contract, json: &[u8]) -> bool {
        self.covered && self.quick.iter().all(|quick| quick.accepts(json)) || self.accepts_exactly(contract, json)
    }

    fn accepts_exactly(&self, contract: &Contract, json: &[u8]) -> bool {
        match serde_json::from_slice(json) {
            Ok(value) => self.exact.iter().all(|pointer| contract.part_accepts(pointer, &value)),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_WHOLE_DIGITS, Quick, is_simple_email, parse_exact};
    use crate::{
        config::contract::Contract,
        text::{buffer::OutputBuffer, number::samples},
    };

    #[test]
    fn numbers_are_those_of_the_grammar() {
        samples::for_each_text(&mut |format, text| {
            let mut json = OutputBuffer::default();
            let Some(number) = format.parse(text.as_bytes()) else { return };
            format.write_json(text.as_bytes().into(), &mut json).unwrap();
            let whole = String::from_utf8(number.whole_digits().into_owned()).unwrap();
            let has_fraction = number.fraction.iter().any(|digit| *digit != b'0');
            let is_exact = !number.is_negative && whole.len() <= MAX_WHOLE_DIGITS;
            let expected = is_exact.then(|| (whole.parse().unwrap(), has_fraction));
            assert_eq!(parse_exact(&json), expected, "{format:?} {text:?}");
        });
    }

    #[test]
    fn quick_checks_accept_only_what_is_certain() {
        let table: [(Quick, &str, bool); 16] = [
            (Quick::MinLength(1), "\"\"", false),
            (Quick::MinLength(1), "\"a\"", true),
            (Quick::MinLength(2), "\"é\"", false),
            (Quick::MinLength(2), "\"\\n\"", false),
            (Quick::MaxLength(1), "\"é\"", true),
            (Quick::AtLeast(0), "-1", false),
            (Quick::AtLeast(0), "0.00", true),
            (Quick::AtLeast(1), "0.99", false),
            (Quick::AtMost(5), "5.00", true),
            (Quick::AtMost(5), "5.01", false),
            (Quick::AtMost(5), "12345678901234567890", false),
            (Quick::AtMost(999_999_999_999_999_999), "999999999999999999", true),
            (Quick::AtMost(999_999_999_999_999_999), "999999999999999999.00", true),
            (Quick::Whole, "10.0", false),
            (Quick::OneOf(vec![b"\"a\"".to_vec()]), "\"a\"", true),
            (Quick::OneOf(vec![b"\"a\"".to_vec()]), "\"b\"", false),
        ];
        for (quick, json, accepts) in table {
            assert_eq!(quick.accepts(json.as_bytes()), accepts, "{quick:?} {json}");
        }
    }

    #[test]
    fn simple_addresses_are_addresses() {
        let contract =
            Contract::compile("contract.json", r#"{"format": "email"}"#).map_err(|wrong| wrong.message).unwrap();
        // Every address of up to five of these parts.
        let parts = ["a", "1", "@", ".", "-", "_", "xn--a", "<", ">", " ", "\"", "é", "[::1]", "+"];
        let mut addresses = vec![String::new()];
        let mut simple = 0;
        for _ in 0..5 {
            addresses =
                addresses.iter().flat_map(|begin| parts.iter().map(move |part| format!("{begin}{part}"))).collect();
            for address in addresses.iter().filter(|address| is_simple_email(address.as_bytes())) {
                simple += 1;
                assert!(contract.accepts(&serde_json::Value::String(address.clone())), "{address}");
            }
        }
        assert!(simple > 0);
        for (label, is_one) in [("a".repeat(60), true), ("a".repeat(61), false)] {
            let address = format!("{}@{label}.{label}.fr", "a".repeat(64));
            assert_eq!(is_simple_email(address.as_bytes()), is_one);
        }
    }

    #[test]
    fn odd_addresses_are_left_to_the_exact_check() {
        for address in ["a@b", "a@b--c.d", "a..b@c.de", ".a@b.cd", "a@b.c-", "a b@c.de", "é@b.cd", "a@-b.cd"] {
            assert!(!is_simple_email(address.as_bytes()), "{address}");
        }
        assert!(is_simple_email(b"chuck.norris-1@mail.example.org"));
    }
}
