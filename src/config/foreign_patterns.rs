//! Patterns of a contract -> what in them is no part of ECMA-262, which JSON Schema writes patterns in.
//!
//! The engine that runs them knows more than the standard: `(?i)`, `\A` and `[[:alpha:]]` would mean something here and
//! something else, or nothing, to every other validator of the same contract.

use serde_json::{Map, Value};

use crate::{
    config::{contract_text::ContractPlaces, ignored_keywords::Schemas},
    diagnostic::{Code, Diagnostic},
    json_pointer::escape,
};

/// Something in a pattern that ECMA-262 does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Foreign<'a> {
    /// As it is written.
    text: &'a str,
    /// What to write instead.
    hint: &'static str,
}

/// Finds the first pattern of a contract that is not written as ECMA-262 writes them.
pub(super) fn find(schemas: &Schemas<'_>, places: &ContractPlaces) -> Option<Diagnostic> {
    for (at, schema) in schemas {
        let own = schema.get("pattern").and_then(Value::as_str).map(|pattern| (pattern, None));
        let names = schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        for (pattern, name) in own.into_iter().chain(names.map(|name| (name.as_str(), Some(name)))) {
            let Some(Foreign { text, hint }) = find_foreign(pattern) else { continue };
            let place = match name {
                Some(name) => places.get().key(&format!("{at}/patternProperties/{}", escape(name))),
                None => places.get().value(&format!("{at}/pattern")),
            };
            let message = format!("the contract cannot be used: ECMA-262 has no `{text}` in a pattern");
            return Some(Diagnostic::new(Code::PlanContract, message).rule(place).hint(hint));
        }
    }
    None
}

/// Finds what ECMA-262 does not have in a pattern.
fn find_foreign(pattern: &str) -> Option<Foreign<'_>> {
    let (mut at, mut in_class) = (0, false);
    while let Some(character) = pattern[at..].chars().next() {
        let rest = &pattern[at..];
        let found = match character {
            '\\' => find_foreign_escape(rest, in_class),
            '(' if !in_class => find_foreign_group(rest),
            '[' if in_class => find_named_class(rest),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        in_class = match character {
            '[' => true,
            ']' => false,
            _ => in_class,
        };
        at += character.len_utf8();
        if character == '\\' {
            at += pattern[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    None
}

/// An escape that ECMA-262 does not have, or that means something else here.
fn find_foreign_escape(rest: &str, in_class: bool) -> Option<Foreign<'_>> {
    let escaped = rest.chars().nth(1)?;
    let text = &rest[..=escaped.len_utf8()];
    let behind = &rest[text.len()..];
    let hint = match escaped {
        'A' => "write `^` for the start of the text",
        'z' | 'Z' => "write `$` for the end of the text",
        'b' if behind.starts_with('{') => "write `\\b` alone",
        'x' if behind.starts_with('{') => "write `\\u` and four digits, as in `\\u00e9`",
        'p' | 'P' if !behind.starts_with('{') => "write the name of the property in braces, as in `\\p{L}`",
        '<' | '>' if !in_class => "write the character without a backslash",
        'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P' | 'k' | 'f' | 'n' | 'r' | 't' | 'v' | 'c' | 'x'
        | 'u' => return None,
        letter if letter.is_ascii_alphabetic() => "write the character itself, or its class in brackets",
        _ => return None,
    };
    Some(Foreign { text, hint })
}

/// A group that ECMA-262 does not have: flags without an end, or a name behind a `P`.
fn find_foreign_group(rest: &str) -> Option<Foreign<'_>> {
    let inside = rest.strip_prefix("(?")?;
    if inside.starts_with([':', '=', '!', '<']) {
        return None;
    }
    let end = inside.find([':', ')', '<']).map_or(rest.len(), |end| 2 + end + 1);
    let text = &rest[..end];
    let flags = text[2..].trim_end_matches(':');
    match text.as_bytes().last() {
        Some(b'<') => Some(Foreign { text, hint: "write `(?<name>…)`, or `(?:…)` if nothing needs the name" }),
        // A group with flags of its own is part of the standard since 2025.
        Some(b':') if flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | '-')) => None,
        _ => Some(Foreign { text, hint: "write the letters in both cases, as in `[Aa]`, or `(?i:…)` around them" }),
    }
}

/// A class with a name inside a class: `[[:alpha:]]`.
fn find_named_class(rest: &str) -> Option<Foreign<'_>> {
    let end = rest.strip_prefix("[:")?.find(":]")?;
    let is_name = rest[2..2 + end].chars().all(|letter| letter.is_ascii_lowercase() || letter == '^');
    is_name.then(|| Foreign { text: &rest[..end + 4], hint: "write its characters, as in `A-Za-z`" })
}

#[cfg(test)]
mod tests {
    use crate::config::foreign_patterns::find_foreign;

    #[test]
    fn what_the_standard_does_not_have_is_found() {
        for (pattern, found) in [
            (r"^\Aa\z$", Some(r"\A")),
            (r"a\Z", Some(r"\Z")),
            (r"a\\Z", None),
            (r"^(?i)a$", Some("(?i)")),
            (r"^((?i-s)a)$", Some("(?i-s)")),
            (r"(?x: a )", Some("(?x:")),
            (r"(?P<n>a)", Some("(?P<")),
            (r"(?i:a)", None),
            (r"(?<n>a)(?:b)(?=c)(?!d)(?<=e)(?<!f)", None),
            (r"[(?i)]", None),
            (r"\(?i", None),
            (r"[[:alpha:]]", Some("[:alpha:]")),
            (r"[[:^digit:]x]", Some("[:^digit:]")),
            (r"[:alpha:]", None),
            (r"[a[:]", None),
            (r"\x{e9}", Some(r"\x")),
            (r"\xe9\u00e9\cA\0", None),
            (r"\pL", Some(r"\p")),
            (r"\p{L}\P{Script=Greek}", None),
            (r"\h\d", Some(r"\h")),
            (r"\Qa\E", Some(r"\Q")),
            (r"\<a\>", Some(r"\<")),
            (r"[\<\>]", None),
            (r"\b{start}a", Some(r"\b")),
            (r"[\b]\B\d\D\s\S\w\W\f\n\r\t\v\.\-\/\@", None),
            (r"é\é(", None),
            ("a\\", None),
            ("(?", Some("(?")),
        ] {
            assert_eq!(find_foreign(pattern).map(|foreign| foreign.text), found, "{pattern}");
        }
    }
}
