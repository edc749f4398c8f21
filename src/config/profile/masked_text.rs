//! The text of profiles.yaml -> the same text with the shape of whatever may be a secret, which is what messages draw.
//!
//! A secret may have been pasted anywhere, and a text that cannot be parsed holds secrets too. So words are shown only where
//! they are known to be none: keys, and the values of the settings that are never secret; comments are left out. Lines and
//! columns stay the same.

use crate::diagnostic::shape;

/// The settings whose values are shown.
const SHOWN: [&str; 29] = [
    "base",
    "batch",
    "bytes",
    "ca_file",
    "cap",
    "certificate",
    "collection",
    "compression",
    "deadline",
    "default",
    "documents",
    "explicit",
    "extends",
    "fixed",
    "grace",
    "header",
    "idempotency_header",
    "in_flight",
    "index",
    "input",
    "list",
    "mapping",
    "pointer",
    "proxy",
    "resend",
    "status",
    "timeout",
    "url",
    "wait",
];

/// Replaces what may be a secret by its shape.
pub(super) fn mask_secrets(text: &str) -> String {
    text.lines().flat_map(|line| [mask_line(line), "\n".to_owned()]).collect()
}

/// One line without what may be a secret, and without spaces at its end.
pub(super) fn mask_line(line: &str) -> String {
    mask_words(line).trim_end().to_owned()
}

fn mask_words(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut key = "";
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if first == '#' && is_comment(&line[..line.len() - rest.len()]) {
            masked.extend(rest.chars().map(|c| if c.is_whitespace() { c } else { ' ' }));
            break;
        }
        let (word, behind) = rest.split_at(rest.find(is_separator).unwrap_or(rest.len()));
        if word.is_empty() {
            // A value ends where the next begins, but not at the brace of `${NAME}`.
            let ends = matches!(first, '{' | '}' | '[' | ']' | ',' | '#') && !masked.ends_with('$');
            key = if ends { "" } else { key };
            masked.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if is_key(behind) {
            key = word;
            masked.push_str(word);
        } else if is_shown(key, word, line) {
            masked.push_str(word);
        } else {
            // `#` would begin a comment.
            masked.extend(word.chars().map(|c| if shape(c) == '#' { 'x' } else { shape(c) }));
        }
        rest = behind;
    }
    masked
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
fn is_key(behind: &str) -> bool {
    let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
    behind.strip_prefix(':').is_some_and(|behind| behind.chars().next().is_none_or(char::is_whitespace))
}

/// Whether a word is known not to be a secret.
fn is_shown(key: &str, word: &str, line: &str) -> bool {
    match key {
        // Users, passwords and tokens stand in URLs as well.
        "url" | "proxy" => !line.contains(['@', '?']),
        "env" => is_name_of_variable(word),
        "file" => line.contains("${") && is_name_of_variable(word),
        key if SHOWN.contains(&key) => true,
        _ => is_amount(word),
    }
}

/// Whether a word looks like the name of an environment variable and not like a token in its place.
pub(super) fn is_name_of_variable(word: &str) -> bool {
    let is_word = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_word && word.len() <= 64 && (word.contains('_') || !word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether a word is a small number, with a unit if it has one.
fn is_amount(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=4).contains(&digits)
        && word.len() <= digits + 3
        && word[digits..].bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::mask_words;

    #[test]
    fn what_may_be_a_secret_is_masked_in_every_spelling() {
        let table = [
            ("url: https://e.x/v1 # S3CR3T", "url: https://e.x/v1         "),
            ("headers: { A: \"# S3CR3T\" }", "headers: { A: \"# xxxxxx\" }"),
            ("url: https://till:hunter2@e.x", "url: xxxxx://xxxx:xxxxxxx@x.x"),
            ("url: \"https://e.x?token=S3CR3T\"", "url: \"xxxxx://x.x?xxxxx=xxxxxx\""),
            ("token: S3CR3T", "token: xxxxxx"),
            ("token:S3CR3T", "xxxxx:xxxxxx"),
            ("auth: { bearer: { token: S3CR3T } }", "auth: { bearer: { token: xxxxxx } }"),
            ("auth: { bearer: { env: ECRM_TOKEN } }", "auth: { bearer: { env: ECRM_TOKEN } }"),
            ("auth: { bearer: { env: eyJhbGciOi.S3 } }", "auth: { bearer: { env: xxxxxxxxxx.xx } }"),
            ("auth: { bearer: { env: JBSWY3DPEHPK3PXP } }", "auth: { bearer: { env: xxxxxxxxxxxxxxxx } }"),
            ("auth: { bearer: { file: S3CR3T } }", "auth: { bearer: { file: xxxxxx } }"),
            ("auth: { bearer: { file: \"${KEYS}/ecrm\" } }", "auth: { bearer: { file: \"${KEYS}/xxxx\" } }"),
            ("auth: bearer S3CR3T", "auth: xxxxxx xxxxxx"),
            ("headers: { X A: S3CR3T, Y: Größe }", "headers: { x A: xxxxxx, Y: xxxxx }"),
            ("headers: [S3CR3T]", "headers: [xxxxxx]"),
            ("headers: { \"X-A\": \"S3CR3T\\n\" }", "headers: { \"X-A\": \"xxxxxx\\x\" }"),
            ("  X-A S3CR3T", "  x-x xxxxxx"),
            ("  - S3CR3T", "  - xxxxxx"),
            (
                "a: { url: \"https://e.x, headers: { X-A: S3CR3T } }",
                "a: { url: \"https://e.x, headers: { X-A: xxxxxx } }",
            ),
            ("timeout: 3Os", "timeout: 3Os"),
            ("# the password is S3CR3T", "                        "),
            ("retry: { fixed: { wait: 5s } }\n  x: 12345678\n", "retry: { fixed: { wait: 5s } }\n  x: xxxxxxxx\n"),
        ];
        for (written, drawn) in table {
            assert_eq!(mask_words(written), drawn);
            assert_eq!(mask_words(written).chars().count(), written.chars().count());
        }
    }
}
