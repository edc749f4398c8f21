//! The text of profiles.yaml -> the same text with the shape of whatever may be a secret, which is what messages draw.
//!
//! A secret may have been pasted anywhere: behind a key, in place of one, in a text that cannot be parsed. So no list says
//! what is hidden. A word is shown only where it is known to be none: a key of the language, a word or an amount behind a
//! key that takes one, the name of a profile, of a common header or of a variable. Comments are left out.
//!
//! What a message says of a file that cannot be used is made from a text that can be parsed like the one that was written,
//! with a stand-in for each hidden word; [`show`] turns them into their shape. Lines and columns stay the same.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{
    config::profile::{secret::is_name_of_variable, settings::ProfileSettings},
    diagnostic::{Diagnostic, Place, count_slips},
};

/// The keys around the settings, and what people write where a key belongs that is none.
const OTHER_KEYS: [&str; 9] = ["default", "mapping", "profiles", "token", "secret", "user", "host", "path", "method"];

/// The words that are values; behind another key than theirs they are hidden.
const WORDS: [(&str, &[&str]); 4] = [
    ("batch", &["all"]),
    ("collection", &["upsert", "replace"]),
    ("compression", &["none", "gzip", "zstd"]),
    ("url", &["sandbox"]),
];

/// The keys that take a number, a size or a time.
const AMOUNTS: [&str; 10] =
    ["base", "bytes", "cap", "deadline", "documents", "grace", "in_flight", "resend", "timeout", "wait"];

/// The names of headers that are shown, in lower case.
const HEADERS: [&str; 32] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "api-key",
    "api-version",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "from",
    "host",
    "idempotency-key",
    "origin",
    "prefer",
    "proxy-authorization",
    "referer",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-api-key",
    "x-auth-token",
    "x-correlation-id",
    "x-idempotency-key",
    "x-request-id",
    "x-tenant-id",
];

/// The keys of the language, and those that people write in their places.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut keys: Vec<String> = OTHER_KEYS.map(str::to_owned).into();
    collect_keys(&schemars::schema_for!(ProfileSettings).to_value(), &mut keys);
    keys
});

/// The first of the letters that stand for hidden words, and how many there are: ideographs that no word needs.
const STAND_INS: (u32, u32) = (0x2_0000, 0xA000);

/// What is known to be no secret in one text, and the words of it that were hidden.
pub(super) struct Mask<'a> {
    profiles: &'a [&'a str],
    hidden: BTreeMap<String, char>,
}

impl<'a> Mask<'a> {
    /// A mask for a text that declares these profiles.
    pub(super) fn new(profiles: &'a [&'a str]) -> Mask<'a> {
        Mask { profiles, hidden: BTreeMap::new() }
    }

    /// The text with a stand-in in place of each word that may be a secret.
    pub(super) fn hide(&mut self, text: &str) -> String {
        text.split_inclusive('\n').map(|line| self.hide_words(line)).collect()
    }

    fn hide_words(&mut self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        let (mut key, mut begins, mut rest) = ("", true, line);
        while let Some(first) = rest.chars().next() {
            if first == '#' && is_comment(&line[..line.len() - rest.len()]) {
                shown.extend(rest.chars().map(|c| if c.is_whitespace() { c } else { ' ' }));
                break;
            }
            let (word, behind) = rest.split_at(rest.find(is_separator).unwrap_or(rest.len()));
            if word.is_empty() {
                // A value ends where the next begins.
                key = if matches!(first, '{' | '}' | '[' | ']' | ',') { "" } else { key };
                begins |= matches!(first, '{' | ',');
                shown.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let ends_as_key = is_followed_by_colon(behind);
            let is_known = match key {
                _ if ends_as_key => self.is_known_key(word),
                _ if begins && is_key(word) => true,
                _ if shown.ends_with("${") && behind.starts_with('}') => is_name_of_variable(word),
                key => self.is_known_value(key, word),
            };
            if is_known {
                shown.push_str(word);
            } else {
                self.hide_word(word, &mut shown);
            }
            key = if ends_as_key { meant_key(word).unwrap_or(word) } else { "" };
            begins &= word == "-";
            rest = behind;
        }
        shown
    }

    /// Whether a word in the place of a key is known not to be a secret.
    fn is_known_key(&self, word: &str) -> bool {
        self.profiles.contains(&word) || is_common_header(word) || meant_key(word).is_some()
    }

    /// Whether a word behind a key is known not to be a secret.
    fn is_known_value(&self, key: &str, word: &str) -> bool {
        let is_word = |(known, words): &(&str, &[&str])| {
            *known == key && words.iter().any(|known| word == *known || is_near(word, known))
        };
        match key {
            // What these read as decides what is wrong with a text.
            _ if matches!(word, "true" | "false" | "null" | "Null" | "NULL") => true,
            "env" => is_name_of_variable(word),
            "default" | "extends" => is_known_profile(word, self.profiles.iter().copied()),
            "header" | "idempotency_header" => is_common_header(word),
            key if AMOUNTS.contains(&key) => is_amount(word),
            _ => WORDS.iter().any(is_word),
        }
    }

    /// Writes what stands for a word: letters of one kind, so that different words stay different; punctuation stays, and
    /// a number stays one.
    fn hide_word(&mut self, word: &str, shown: &mut String) {
        let digits = word.trim_start_matches('-');
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && (!digits.starts_with('0') || digits.len() == 1);
        let next = u32::try_from(self.hidden.len()).unwrap_or_default();
        let letter = char::from_u32(STAND_INS.0 + next % STAND_INS.1).unwrap_or('x');
        let letter = if is_number { '9' } else { *self.hidden.entry(word.to_owned()).or_insert(letter) };
        let is_kept = |c: char| c.is_ascii_punctuation() || c.is_control() || c == '\u{FEFF}';
        shown.extend(word.chars().map(|c| if is_kept(c) { c } else { letter }));
    }
}

/// A finding about a text with stand-ins, as it is shown.
pub(super) fn show_finding(finding: Diagnostic) -> Diagnostic {
    let place = |place: Place| Place { text: show(&place.text).trim_end().into(), ..place };
    Diagnostic {
        message: show(&finding.message),
        hint: show(&finding.hint),
        rule: finding.rule.map(|at| Box::new(place(*at))),
        also: finding.also.map(|also| Box::new((place(also.0), show(&also.1)))),
        ..finding
    }
}

/// A text with stand-ins as it is shown: each of them as `x`.
pub(super) fn show(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (taken, behind) = rest.split_at(digits.max(first.len_utf8()));
        match first {
            '9' if taken.bytes().all(|byte| byte == b'9') => shown.extend(taken.chars().map(|_| 'x')),
            _ if u32::from(first).wrapping_sub(STAND_INS.0) < STAND_INS.1 => shown.push('x'),
            _ => shown.push_str(taken),
        }
        rest = behind;
    }
    shown
}

/// The shape of a text: `x` for each letter and digit.
pub(super) fn shape_of(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_ascii_punctuation() || c == ' ' { c } else { 'x' }).collect()
}

/// The name of a profile if it looks like one, and else its shape.
pub(super) fn show_profile(name: &str) -> String {
    if is_profile_name(name) { name.to_owned() } else { shape_of(name) }
}

/// A name that was written where one of these profiles belongs: shown if it is one, or nearly one.
pub(super) fn show_reference<'a>(name: &str, profiles: impl IntoIterator<Item = &'a str>) -> String {
    if is_known_profile(name, profiles) { name.to_owned() } else { shape_of(name) }
}

/// The name of a header if it is a common one, and else its shape.
pub(super) fn show_header(name: &str) -> String {
    if is_common_header(name) { name.to_owned() } else { shape_of(name) }
}

/// A number with a unit, if it is one, and else its shape.
pub(super) fn show_amount(text: &str) -> String {
    if is_amount(text) { text.to_owned() } else { shape_of(text) }
}

/// Whether a word is a setting of a profile, or a key inside of one.
pub(super) fn is_key(word: &str) -> bool {
    KEYS.iter().any(|key| key == word)
}

/// Whether a word that was typed is known not to be a secret: a key, a word of a setting, the name of a header or a variable, a
/// time or a size, or nearly one.
pub(super) fn is_known_word(word: &str) -> bool {
    let is_word = |known: &&str| word == *known || is_near(word, known);
    meant_key(word).is_some()
        || is_common_header(word)
        || is_name_of_variable(word)
        || is_amount(word)
        || matches!(word, "true" | "false" | "null")
        || WORDS.iter().flat_map(|(_, words)| words.iter()).any(is_word)
}

/// The key that a word is, or nearly is.
fn meant_key(word: &str) -> Option<&'static str> {
    let near = || KEYS.iter().find(|key| is_near(word, key));
    KEYS.iter().find(|key| *key == word).or_else(near).map(String::as_str)
}

/// Whether a text looks like the name of a profile.
pub(super) fn is_profile_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=40).contains(&name.len()) && name.bytes().all(is_part)
}

fn is_known_profile<'a>(name: &str, profiles: impl IntoIterator<Item = &'a str>) -> bool {
    is_profile_name(name) && profiles.into_iter().any(|known| name == known || is_near(name, known))
}

fn is_common_header(name: &str) -> bool {
    HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether letters are another word with a slip or two in it.
fn is_near(word: &str, known: &str) -> bool {
    let slips = if known.len() < 8 { 1 } else { 2 };
    word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte)) && count_slips(word, known) <= slips
}

/// Adds the names of all properties that a JSON Schema speaks of.
fn collect_keys(schema: &serde_json::Value, keys: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if let ("properties", Some(properties)) = (name.as_str(), member.as_object()) {
                    keys.extend(properties.keys().cloned());
                }
                collect_keys(member, keys);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// Whether a `#` behind this text begins a comment.
fn is_comment(before: &str) -> bool {
    let is_quoted = ['"', '\''].iter().any(|quote| before.matches(*quote).count() % 2 == 1);
    !is_quoted && before.chars().next_back().is_none_or(char::is_whitespace)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"' | '\'' | '#')
}

/// Whether a key ends here: at a colon with nothing or a space behind it.
fn is_followed_by_colon(behind: &str) -> bool {
    let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
    behind.strip_prefix(':').is_some_and(|behind| behind.chars().next().is_none_or(char::is_whitespace))
}

/// Whether a word is a number, or a small one with a unit.
fn is_amount(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let is_unit = word.len() <= digits + 3 && word.bytes().skip(digits).all(|byte| byte.is_ascii_alphabetic());
    (1..=4).contains(&digits) && is_unit || (5..=8).contains(&digits) && word.len() == digits
}

#[cfg(test)]
mod tests {
    use super::{Mask, show};

    #[test]
    fn what_may_be_a_secret_is_masked_in_every_spelling() {
        let table = [
            ("url: https://e.x/v1 # S3CR3T", "url: xxxxx://x.x/xx         "),
            ("headers: { A: \"# S3CR3T\" }", "headers: { x: \"# xxxxxx\" }"),
            ("url: https://till:hunter2@e.x", "url: xxxxx://xxxx:xxxxxxx@x.x"),
            ("url: \"https://e.x?token=S3CR3T\"", "url: \"xxxxx://x.x?xxxxx=xxxxxx\""),
            ("url: http://S3CR3T.example", "url: xxxx://xxxxxx.xxxxxxx"),
            ("url: *S3CR3T", "url: *xxxxxx"),
            ("url: sandbox", "url: sandbox"),
            ("token: S3CR3T", "token: xxxxxx"),
            ("token:S3CR3T", "token:xxxxxx"),
            ("bearer: S3CR3T: x", "bearer: xxxxxx: x"),
            ("bearer: S3CR3T:", "bearer: xxxxxx:"),
            ("headers: { \"X-A: S3CR3T\": x }", "headers: { \"x-x: xxxxxx\": x }"),
            ("headers: { X-Api-Key: S3CR3T, X-Till: 7 }", "headers: { X-Api-Key: xxxxxx, x-xxxx: x }"),
            ("auth: { \"Bearer S3CR3T\": x }", "auth: { \"xxxxxx xxxxxx\": x }"),
            ("auth: { bearer: { token: S3CR3T } }", "auth: { bearer: { token: xxxxxx } }"),
            ("auth: { bearer: { env: ECRM_TOKEN } }", "auth: { bearer: { env: ECRM_TOKEN } }"),
            ("auth: { bearer: { env: eyJhbGciOi.S3 } }", "auth: { bearer: { env: xxxxxxxxxx.xx } }"),
            ("auth: { bearer: { env: JBSWY3DPEHPK3PXP } }", "auth: { bearer: { env: xxxxxxxxxxxxxxxx } }"),
            ("auth: { bearer: { file: S3CR3T } }", "auth: { bearer: { file: xxxxxx } }"),
            ("auth: { bearer: { file: \"${KEYS}/ecrm\" } }", "auth: { bearer: { file: \"${KEYS}/xxxx\" } }"),
            ("auth: { bearer: { file: \"${KEYS}/TILL\" } }", "auth: { bearer: { file: \"${KEYS}/xxxx\" } }"),
            ("auth: bearer S3CR3T", "auth: xxxxxx xxxxxx"),
            ("password: passwort", "password: xxxxxxxx"),
            ("password: default", "password: xxxxxxx"),
            ("password: 1234", "password: xxxx"),
            ("headers: { X A: S3CR3T, Y: Größe }", "headers: { x x: xxxxxx, x: xxxxx }"),
            ("headers: [S3CR3T]", "headers: [xxxxxx]"),
            ("headers: { \"X-A\": \"S3CR3T\\n\" }", "headers: { \"x-x\": \"xxxxxx\\x\" }"),
            ("  X-A S3CR3T", "  x-x xxxxxx"),
            ("  timeout 30s", "  timeout xxx"),
            ("  - S3CR3T", "  - xxxxxx"),
            (
                "a: { url: \"https://e.x, headers: { X-A: S3CR3T } }",
                "x: { url: \"xxxxx://x.x, headers: { x-x: xxxxxx } }",
            ),
            ("prod: { extends: prd, timeout: 30s }", "prod: { extends: prd, timeout: 30s }"),
            ("prod: { extends: S3CR3T }", "prod: { extends: xxxxxx }"),
            ("tiemout: 3Os", "tiemout: 3Os"),
            ("tokn: 3Os", "tokn: xxx"),
            ("timeout: 3Os", "timeout: 3Os"),
            ("timeout: 3 S3CR3T", "timeout: 3 xxxxxx"),
            ("compression: gzzip", "compression: gzzip"),
            ("compression: S3CR3T", "compression: xxxxxx"),
            ("batch: { documents: 10000000 }", "batch: { documents: 10000000 }"),
            ("# the password is S3CR3T", "                        "),
            ("retry: { fixed: { wait: 5s } }\n  x: 12345678\n", "retry: { fixed: { wait: 5s } }\n  x: xxxxxxxx\n"),
        ];
        for (written, drawn) in table {
            let hidden = show(&Mask::new(&["prod"]).hide(written));
            assert_eq!(hidden, drawn);
            assert_eq!(hidden.chars().count(), written.chars().count());
        }
    }

    #[test]
    fn different_words_stay_different_and_numbers_stay_numbers() {
        let hidden = Mask::new(&[]).hide("{ ab: 17, cd: -1.5, ab: 0x, ef: true }");
        let words: Vec<&str> = hidden.split([' ', ',', ':', '{', '}']).filter(|word| !word.is_empty()).collect();
        assert_eq!((words[1], words[3], words[7]), ("99", "-9.9", "true"));
        assert_eq!(words[0], words[4]);
        assert_ne!(words[0], words[2]);
        assert_ne!(words[2], words[6]);
    }
}
