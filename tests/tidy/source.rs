//! The files of a tree of sources, each with its module path and its code.
//!
//! Code is text without comments and without the insides of literals, so that no checker stumbles over a word in a message.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One source file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Its path below `src`, as in `config/yaml.rs`.
    pub(crate) path: String,
    /// The module it is, as in `["config", "yaml"]`; nothing for `lib.rs` and `main.rs`.
    pub(crate) module: Vec<String>,
    /// Its text.
    pub(crate) text: String,
    /// Its text without comments and literals.
    pub(crate) code: String,
    /// Its code without tests, which may import what they like; nothing for a file of tests, of `simulation` or of `fuzzing`.
    pub(crate) live: String,
}

impl SourceFile {
    /// A file at a path below `src`.
    pub(crate) fn new(path: &str, text: &str) -> SourceFile {
        let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        let is_test =
            module.iter().any(|step| step == "tests") || ["simulation", "fuzzing"].contains(&module[0].as_str());
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        let code = code_of(text);
        let live = if is_test { String::new() } else { without_tests(&code) };
        SourceFile { path: path.to_owned(), module, text: text.to_owned(), code, live }
    }

    /// The folder or file of `src` that it belongs to: the first step of its path.
    pub(crate) fn floor(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Whether this is `lib.rs` or `main.rs`.
    pub(crate) fn is_root(&self) -> bool {
        self.module.is_empty()
    }

    /// Whether its path is that of a file, or below that of a folder, given as in `config/yaml` or `deliver`.
    pub(crate) fn is_within(&self, door: &str) -> bool {
        self.path.strip_prefix(door).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

/// All files of the crate.
pub(crate) fn source_files() -> Vec<SourceFile> {
    let read = |path: PathBuf| {
        let inside = path.strip_prefix("src").unwrap().to_str().unwrap().replace('\\', "/");
        SourceFile::new(&inside, &fs::read_to_string(&path).unwrap())
    };
    list_below(Path::new("src"), ".rs").into_iter().map(read).collect()
}

/// The files below a folder whose names end like this, in order.
pub(crate) fn list_below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(list_below(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            paths.push(path);
        }
    }
    paths.sort();
    paths
}

/// A `use` statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UseStatement {
    /// What stands between `use` and the semicolon.
    pub(crate) tree: String,
    /// Others may import it from here.
    pub(crate) is_public: bool,
}

/// The `use` statements of some code.
pub(crate) fn use_statements(code: &str) -> Vec<UseStatement> {
    let mut statements = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].trim_end();
        let visibility = before.rsplit([';', '{', '}', ']']).next().unwrap_or_default().trim();
        let is_public = visibility == "pub" || visibility.starts_with("pub(") && visibility.ends_with(')');
        let begins = is_public || before.is_empty() || before.ends_with([';', '{', '}', ']']);
        if let Some((tree, _)) = code[at + "use ".len()..].split_once(';').filter(|_| begins) {
            statements.push(UseStatement { tree: tree.to_owned(), is_public });
        }
    }
    statements
}

/// The code without the items that are marked as tests.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut live = String::new();
    let mut rest = code;
    while let Some((before, behind)) = rest.split_once(MARK) {
        live.push_str(before);
        rest = &behind[item_length(behind)..];
    }
    live + rest
}

/// How long the item is that some code starts with: up to its semicolon, or to the end of its block.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The text with its comments and the insides of its literals left out.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = match character {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string(rest),
            'r' if !after_name => raw_string(rest),
            'b' if !after_name && rest.starts_with("br") => {
                raw_string(&rest[1..]).checked_add(1).filter(|n| *n > 1).unwrap_or(0)
            }
            '\'' => character_literal(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            code.push_str(if character == '/' { "" } else { "\"\"" });
            rest = &rest[skipped..];
        }
    }
    code
}

/// How long the string is that the text starts with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How long the raw string is that the text starts with; 0 when it does not.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let inside = 2 + hashes;
    text[inside..].find(&close).map_or(text.len(), |end| inside + end + close.len())
}

/// How long the character literal is that the text starts with; 0 for a lifetime.
fn character_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), _) => text[3..].find('\'').map_or(0, |end| 3 + end + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[test]
fn code_is_text_without_comments_and_literals() {
    let cases = [
        ("a // b\nc", "a \nc"),
        ("a /* b */ c", "a  c"),
        (r#"f("a // \" b") // c"#, r#"f("") "#),
        (r##"f(r#"a " b"#, x)"##, r#"f("", x)"#),
        (r##"f(br#"a " b"#, x)"##, r#"f("", x)"#),
        (r#"f('"', '\'', b'"', '\u{1b}') "x""#, r#"f("", "", b"", "") """#),
        ("fn f<'a>(b: &'a str, r: u8) {}", "fn f<'a>(b: &'a str, r: u8) {}"),
    ];
    for (text, expected) in cases {
        assert_eq!(code_of(text), expected);
    }
}

#[test]
fn tests_are_left_out() {
    let cases = [
        ("a; #[cfg(test)] mod tests;\nb;", "a; \nb;"),
        ("a; #[cfg(test)]\nmod tests { fn c() { d; } }\nb;", "a; \nb;"),
        ("a; #[cfg(test)] mod tests { {}", "a; "),
    ];
    for (code, expected) in cases {
        assert_eq!(without_tests(code), expected);
    }
    assert_eq!(SourceFile::new("deliver/tests/mod.rs", "use a;").live, "");
    assert_eq!(SourceFile::new("plan/tests.rs", "use a;").live, "");
}

#[test]
fn a_file_knows_where_it_stands() {
    let file = SourceFile::new("config/profile/mod.rs", "");
    assert_eq!((file.module.join("::").as_str(), file.floor(), file.is_root()), ("config::profile", "config", false));
    assert!(file.is_within("config") && file.is_within("config/profile") && !file.is_within("config/pro"));
    assert!(SourceFile::new("check.rs", "").is_within("check") && SourceFile::new("lib.rs", "").is_root());
}
