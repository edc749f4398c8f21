//! Portable patterns: those of a contract that mean the same in every dialect of regular expressions.
//!
//! They are checked on the bytes of a leaf. JSON Schema writes patterns as ECMA-262 does; where that and the `regex` crate
//! differ, or might, the pattern is left to the exact check.

use regex::bytes::Regex;

use crate::plan::character_runs::CharacterRuns;

/// A pattern, ready to be matched.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    matcher: Matcher,
}

/// What finds a pattern.
#[derive(Clone, Debug)]
enum Matcher {
    /// The pattern is runs of characters.
    Runs(CharacterRuns),
    /// It is any other.
    Regex(Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

impl Pattern {
    /// A pattern with one meaning in every dialect, or `None`.
    #[must_use]
    pub fn portable(source: &str) -> Option<Pattern> {
        let translated = translate(source)?;
        let matcher = match CharacterRuns::of_pattern(source) {
            Some(runs) => Matcher::Runs(runs),
            None => Matcher::Regex(Regex::new(&translated).ok()?),
        };
        Some(Pattern { source: source.to_owned(), matcher })
    }

    /// Whether it is found in a text.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Runs(runs) => runs.match_whole(text),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The same pattern as Rust writes it.
fn translate(source: &str) -> Option<String> {
    let (mut out, mut in_class, mut before) = (String::new(), false, ' ');
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let class = match characters.next()? {
                    'd' => "0-9",
                    'w' => "A-Za-z0-9_",
                    escaped @ ('.' | '-' | '/' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '$'
                    | '^') => {
                        out.extend(['\\', escaped]);
                        before = ' ';
                        continue;
                    }
                    _ => return None,
                };
                out.push_str(if in_class { "" } else { "[" });
                out.push_str(class);
                out.push_str(if in_class { "" } else { "]" });
            }
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                out.push('[');
                // An empty class is written differently.
                if characters.peek() == Some(&']') {
                    return None;
                }
            }
            ']' if !in_class || before == '^' => return None,
            ']' => {
                in_class = false;
                out.push(']');
            }
            '-' | '&' | '~' if in_class && before == character => return None,
            '?' if before == '(' => {
                if characters.next() != Some(':') {
                    return None;
                }
                out.push_str("?:");
            }
            // The dialects differ in what a point leaves out, and in what may follow a quantifier.
            '.' if !in_class => return None,
            '+' | '*' if !in_class && matches!(before, '+' | '*' | '?' | '}') => return None,
            ' '..='~' => out.push(character),
            _ => return None,
        }
        before = character;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::config::contract::Contract;

    #[test]
    fn a_portable_pattern_agrees_with_the_exact_check() {
        let texts = [
            "", "a", "A", "1", "_", "-", "a1", "aé", "é", "é1", "１", "a b", "a\u{a0}", "a\n", "a\r", "\n", "\u{2028}",
            "\u{feff}", "a@b.de", "a.b-c@d", "[", "]", "^", "$", "a$", "(a)", "{", "&&", "--", "~~", "\u{212A}", "ſ",
            "abc-123",
        ];
        let patterns = [
            "^a$",
            "a",
            "^\\w+$",
            "^\\d*$",
            "[^a]",
            "^[^a-z]$",
            "[\\w.-]+@",
            "^[\\d\\w-]$",
            "^(?:a|b)\\.?",
            "a{1,2}$",
            "^[a-]$",
            "^[$^]$",
            "^[&]+$",
            "^[(){}]$",
            "^\\[$",
            "^\\]$",
            "^\\^",
            "\\$$",
            "^k$",
            "^s$",
            "^$",
            "|a",
            "(a)?1",
            "^[A-Z]",
            "a+?$",
            "^\\W$",
            "^.$",
            "\\s",
            "a\\b",
            "^[ -~]*$",
        ];
        let mut portable = 0;
        for source in patterns {
            let Some(pattern) = Pattern::portable(source) else { continue };
            portable += 1;
            let schema = serde_json::json!({ "pattern": source }).to_string();
            let exact = Contract::compile("contract.json", &schema).map_err(|wrong| wrong.message).unwrap();
            for text in texts {
                assert_eq!(pattern.matches(text.as_bytes()), exact.accepts(&text.into()), "{source} {text:?}");
            }
        }
        assert!(portable > 15, "{portable}");
    }

    #[test]
    fn only_patterns_with_one_meaning_are_portable() {
        let table: [(&str, Option<(&str, bool)>); 16] = [
            ("^[A-Z]{3}-[0-9]{7}$", Some(("ABC-0000001", true))),
            ("^[A-Z]{3}-[0-9]{7}$", Some(("ABC-0000001\n", false))),
            ("^\\d+$", Some(("１２", false))),
            ("^[\\w.-]+@[\\w-]+(\\.[\\w-]+)+$", Some(("a.b@c.de", true))),
            ("^(?:a|b)?$", Some(("", true))),
            ("b", Some(("abc", true))),
            ("^[^;]*$", Some(("é", true))),
            ("^.$", None),
            ("\\s", None),
            ("\\p{L}", None),
            ("[]", None),
            ("[^]", None),
            ("(?=a)", None),
            ("[a--b]", None),
            ("é", None),
            ("a++", None),
        ];
        for (source, expected) in table {
            let known = Pattern::portable(source);
            assert_eq!(
                known.map(|pattern| expected.map(|(text, _)| pattern.matches(text.as_bytes()))),
                expected.map(|(_, is)| Some(is)),
                "{source}"
            );
        }
    }
}
