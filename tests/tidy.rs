//! The house rules that a compiler does not know: who may know whom, one door for each outside crate, headers, codes.
//!
//! The checkers are plain functions over the text of one file, so that each is shown here to fail on a planted violation.
//! Whoever adds a module, a crate or a code meets a table below, and decides.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use xwalk::diagnostic::Code;

/// Things that steps hand to each other. A noun never imports a verb.
const NOUNS: &[&str] = &[
    "cli",
    "error",
    "yaml",
    "mapping",
    "contract",
    "profile",
    "plan",
    "snippet",
    "pen",
    "dialect",
    "record",
    "row",
    "group",
    "recording",
    "piece",
    "spill",
    "partitions",
    "trace",
    "receipt",
    "payload",
    "summary",
    "diagnostic",
    "journal",
    "ledger",
    "ranges",
    "names",
];

/// Steps of the pipe. A verb never imports another verb; only `lib.rs` and `main.rs` connect them.
const VERBS: &[&str] = &["load", "read", "join", "transform", "check", "deliver", "report", "sandbox"];

/// The files that connect stages.
const CONNECTORS: &[&str] = &["lib", "decide", "delivery", "pieces", "main"];

/// Every outside crate, by the name it has in code, and the modules it comes in through. `*`: anywhere, it is vocabulary.
const DOORS: &[(&str, &[&str])] = &[
    ("anstyle", &["cli", "report"]),
    ("annotate_snippets", &["report"]),
    ("blake3", &["journal"]),
    ("bytes", &["deliver", "sandbox"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["load", "report"]),
    ("encoding_rs", &["dialect", "read"]),
    ("flate2", &["read", "deliver", "sandbox"]),
    ("glob", &["read"]),
    ("h2", &["deliver"]),
    ("hyper", &["sandbox"]),
    ("hyper_util", &["sandbox"]),
    ("idna_adapter", &[]),
    ("indexmap", &["*"]),
    ("indicatif", &["report"]),
    ("jiff", &["plan", "join", "deliver", "main"]),
    ("jsonschema", &["contract"]),
    ("memchr", &["*"]),
    ("minijinja", &["plan"]),
    ("regex", &["plan"]),
    ("reqwest", &["deliver"]),
    ("rust_decimal", &["summary", "ledger", "report"]),
    ("rustix", &["names"]),
    ("rustls", &["deliver"]),
    ("saphyr_parser", &["yaml"]),
    ("schemars", &["mapping", "profile"]),
    ("serde", &["*"]),
    ("serde_json", &["*"]),
    ("serde_yaml", &["yaml"]),
    ("simdutf8", &["read"]),
    ("strsim", &["diagnostic"]),
    ("tempfile", &["spill", "deliver", "report", "sandbox", "lib"]),
    ("tokio", &["deliver", "sandbox", "lib", "main"]),
    ("tracing", &["*"]),
    ("tracing_subscriber", &["report", "lib", "main"]),
    ("url", &["profile", "deliver"]),
    ("wide", &["snippet", "dialect"]),
    ("zstd", &["read", "deliver", "sandbox"]),
];

/// Codes that a folder cannot show, because they need a certificate, a signal, an earlier run with the same port, or much
/// data: `src/deliver/tests/identity.rs`, `tests/delivery` and `tests/pieces.rs` show them. Never add to it without a reason in the commit.
const SHOWN_ELSEWHERE: &[&str] = &[
    "deliver/identity",
    "deliver/interrupted",
    "deliver/busy",
    "deliver/unfinished",
    "deliver/damaged-journal",
    "deliver/grace",
    "deliver/not-recorded",
    "join/held-in-memory",
];

/// One source file: the module it belongs to, and its text.
struct File {
    path: PathBuf,
    module: String,
    text: String,
}

/// A checker says what is wrong in one file.
type Checker = fn(module: &str, text: &str) -> Vec<String>;

const CHECKERS: &[Checker] = &[
    header,
    known_module,
    nouns_and_verbs,
    doors,
    payloads_come_from_transform,
    imports_are_plain,
    comments_are_sentences,
];

#[test]
fn the_house_is_tidy() {
    let files = sources();
    assert!(files.iter().any(|file| file.module == "lib"), "run this in the root of the crate");
    let mut wrong = Vec::new();
    for file in &files {
        for checker in CHECKERS {
            wrong.extend(
                checker(&file.module, &file.text).iter().map(|what| format!("{}: {what}", file.path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_door() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let crates = dependencies(&manifest);
    let doors: BTreeSet<String> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let without: Vec<&String> = crates.difference(&doors).collect();
    assert!(without.is_empty(), "no row in DOORS for {without:?}");
}

#[test]
fn every_code_is_explained() {
    let stages: Vec<&str> = ["plan"].into_iter().chain(VERBS.iter().copied()).collect();
    let mut words = BTreeSet::new();
    for code in Code::ALL {
        assert!(code.explanation().trim().ends_with('.'), "{code} needs sentences");
        assert!(words.insert(code.word()), "{code} is there twice");
        let (stage, kind) = code.word().split_once('/').unwrap();
        assert!(stages.contains(&stage), "{code} is spoken by no stage");
        assert!(kind.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code} is no plain word");
    }
}

#[test]
fn every_code_has_a_case() {
    let words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert!(
        SHOWN_ELSEWHERE.iter().all(|word| words.contains(word)),
        "SHOWN_ELSEWHERE names a code that does not exist"
    );
    let cases = Path::new("tests/cases");
    if cases.is_dir() {
        let shown: Vec<String> =
            below(cases, "diagnostics.txt").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let missing: Vec<&str> =
            not_shown(&words, &shown).into_iter().filter(|word| !SHOWN_ELSEWHERE.contains(word)).collect();
        assert!(missing.is_empty(), "no expected/diagnostics.txt in tests/cases shows {missing:?}");
    }
}

/// Every file starts by saying what it promises.
fn header(_: &str, text: &str) -> Vec<String> {
    let promises = text.lines().next().is_some_and(|line| line.starts_with("//! "));
    if promises { Vec::new() } else { vec!["the first line is not a `//!` sentence".into()] }
}

/// A new module is a noun or a verb, and somebody decided which.
fn known_module(module: &str, _: &str) -> Vec<String> {
    let known = [NOUNS, VERBS, CONNECTORS].iter().any(|list| list.contains(&module));
    if known { Vec::new() } else { vec![format!("`{module}` is neither in NOUNS nor in VERBS")] }
}

fn nouns_and_verbs(module: &str, text: &str) -> Vec<String> {
    if CONNECTORS.contains(&module) {
        return Vec::new();
    }
    let kind = if NOUNS.contains(&module) { "noun" } else { "verb" };
    inside_names(&without_tests(&code(text)))
        .into_iter()
        .filter(|name| VERBS.contains(&name.as_str()) && name != module)
        .map(|name| format!("the {kind} `{module}` knows the verb `{name}`"))
        .collect()
}

fn doors(module: &str, text: &str) -> Vec<String> {
    let code = without_tests(&code(text));
    let shut = |doors: &[&str]| !doors.contains(&"*") && !doors.contains(&module);
    DOORS
        .iter()
        .filter(|(name, doors)| shut(doors) && names_crate(&code, name))
        .map(|(name, doors)| format!("`{name}` comes in through `{module}`, not {doors:?}"))
        .collect()
}

fn payloads_come_from_transform(module: &str, text: &str) -> Vec<String> {
    let made = without_tests(&code(text)).contains("Payload::conforming");
    if made && module != "transform" { vec!["a payload is made outside `transform`".into()] } else { Vec::new() }
}

fn imports_are_plain(module: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let mut wrong = Vec::new();
    for statement in uses(&code) {
        if statement.contains('*') {
            wrong.push(format!("glob import: `{statement}`"));
        }
    }
    for statement in uses(&without_tests(&code)) {
        if statement.starts_with("use super::") {
            wrong.push(format!("`{statement}`: write `crate::` and the whole path"));
        }
        // A folder's own parts may be offered by its `mod.rs`; other re-exports hide where a thing lives.
        if module != "lib" && statement.starts_with("pub use crate::") {
            wrong.push(format!("re-export outside lib.rs: `{statement}`"));
        }
    }
    wrong
}

/// No section banners, no wishes.
fn comments_are_sentences(_: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        let banner = ["---", "===", "***", "###", "~~~"].iter().any(|rule| comment.starts_with(rule));
        let wish = ["TODO", "FIXME", "XXX", "HACK"]
            .iter()
            .any(|word| comment.split(|c: char| !c.is_alphanumeric()).any(|said| said == *word));
        if banner {
            wrong.push(format!("line {}: a section banner", at + 1));
        }
        if wish {
            wrong.push(format!("line {}: a wish instead of an issue", at + 1));
        }
    }
    if code(text).contains(concat!("todo", "!(")) {
        wrong.push("unfinished code".into());
    }
    wrong
}

/// The words that no text holds.
fn not_shown<'a>(words: &[&'a str], texts: &[String]) -> Vec<&'a str> {
    words.iter().copied().filter(|word| !texts.iter().any(|text| text.contains(&format!("[{word}]")))).collect()
}

/// The names of the dependencies of a manifest, those of one system included, as code writes them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut is_inside = false;
    manifest
        .lines()
        .filter(|line| {
            if line.starts_with('[') {
                is_inside = line.ends_with("dependencies]") && *line != "[dev-dependencies]";
            }
            is_inside && !line.starts_with('[')
        })
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim().replace('-', "_")))
        .filter(|name| !name.starts_with('#'))
        .collect()
}

/// The first names behind `crate::`, in `use` lines and in paths.
fn inside_names(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_names(group)),
            None => names.extend(first_name(rest)),
        }
    }
    names
}

/// The first name of each path of `a::{b, c}, d}`.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(first_name(&group[start..at]));
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(first_name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() { None } else { Some(name) }
}

/// Whether a path of the code begins with this crate.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let alone = format!("use {name};");
    let begins = |at: usize| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') && !before.ends_with("crate::") && {
            !before.ends_with("::") || before.ends_with(" ::")
        }
    };
    code.contains(&alone) || code.match_indices(&path).any(|(at, _)| begins(at))
}

/// The `use` statements, each up to its semicolon, with a `pub` before it.
fn uses(code: &str) -> Vec<String> {
    let mut statements = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].trim_end();
        let public = before.ends_with("pub");
        let begins = public || before.is_empty() || before.ends_with([';', '{', '}', ']', ')']);
        if let Some((statement, _)) = code[at..].split_once(';').filter(|_| begins) {
            statements.push(format!("{}{statement}", if public { "pub " } else { "" }));
        }
    }
    statements
}

/// The code before the tests of a file, which stand at its bottom. Tests may connect stages.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some((before, behind)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        // `#[cfg(test)] mod tests;` leads to a file of its own, and the code goes on.
        rest = match (behind.find(';'), behind.find('{')) {
            (Some(end), open) if open.is_none_or(|open| end < open) => &behind[end + 1..],
            _ => "",
        };
    }
    kept + rest
}

/// The text with its comments and the insides of its literals left out.
fn code(text: &str) -> String {
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

fn sources() -> Vec<File> {
    let mut files = Vec::new();
    for path in below(Path::new("src"), ".rs") {
        let inside = path.strip_prefix("src").unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let mut text = fs::read_to_string(&path).unwrap();
        if path.ends_with("tests.rs") || inside.iter().any(|step| step == "tests") {
            // Its parent declares it behind this mark.
            text = text.replacen('\n', "\n#[cfg(test)] mod tests {\n", 1);
        }
        files.push(File { path, module, text });
    }
    files
}

/// The files below a folder whose names end like this, in order.
fn below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(below(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            paths.push(path);
        }
    }
    paths.sort();
    paths
}

#[test]
fn checkers_find_what_was_planted() {
    let cases: &[(Checker, &str, &str, usize)] = &[
        (header, "read", "//! Files in, records out.\n", 0),
        (header, "read", "// Files in, records out.\n", 1),
        (header, "read", "//!\n", 1),
        (header, "read", "", 1),
        (known_module, "read", "", 0),
        (known_module, "util", "", 1),
        (nouns_and_verbs, "plan", "use crate::{diagnostic::Code, yaml};", 0),
        (nouns_and_verbs, "plan", "use crate::read::records;", 1),
        (nouns_and_verbs, "plan", "use crate::{diagnostic::{Code, Place}, read::{self, x}, join};", 2),
        (nouns_and_verbs, "join", "fn f() { crate::check::payload() }", 1),
        (nouns_and_verbs, "join", "use crate::{join::Index, plan::Join};", 0),
        (nouns_and_verbs, "join", "// crate::check\nconst A: &str = \"crate::read\";", 0),
        (nouns_and_verbs, "deliver", "#[cfg(test)]\nmod tests { use crate::sandbox::serve; }", 0),
        (nouns_and_verbs, "lib", "use crate::{read, join, check};", 0),
        (doors, "load", "use csv::ByteRecord;", 0),
        (doors, "join", "use csv::ByteRecord;", 1),
        (doors, "join", "fn f(r: &csv::ByteRecord) {}", 1),
        (doors, "join", "use crate::csv::x; my_csv::y(); a.csv::<u8>();", 0),
        (doors, "plan", "use ::reqwest::Url;", 1),
        (doors, "plan", "use std::{io}; use reqwest;", 1),
        (doors, "plan", "use serde_json::Value; use serde::Serialize;", 0),
        (payloads_come_from_transform, "transform", "Payload::conforming(0, bytes)", 0),
        (payloads_come_from_transform, "deliver", "Payload::conforming(0, bytes)", 1),
        (payloads_come_from_transform, "deliver", "#[cfg(test)] mod t { Payload::conforming(0, bytes) }", 0),
        (imports_are_plain, "plan", "use crate::yaml::Places; let a = b * c;", 0),
        (imports_are_plain, "plan", "use crate::yaml::*;", 1),
        (imports_are_plain, "plan", "use super::x;", 1),
        (imports_are_plain, "plan", "mod inner { use super::*; }", 2),
        (imports_are_plain, "plan", "#[cfg(test)] mod tests;\nuse super::x;", 1),
        (imports_are_plain, "plan", "#[cfg(test)] mod tests { use super::x; }", 0),
        (imports_are_plain, "plan", "#[cfg(test)] mod tests { use super::*; }", 1),
        (imports_are_plain, "plan", "macro_rules! m { ($(use $with:ident)?) => { $(#[$m])* x; } }", 0),
        (imports_are_plain, "plan", "pub use crate::yaml::Places;", 1),
        (imports_are_plain, "lib", "pub use crate::yaml::Places;", 0),
        (comments_are_sentences, "plan", "// A fact about the world.\nlet todo = 1; // --todo", 0),
        (comments_are_sentences, "plan", "// ---- types ----", 1),
        (comments_are_sentences, "plan", "/// TODO: later", 1),
    ];
    for (checker, module, text, expected) in cases {
        let wrong = checker(module, text);
        assert_eq!(wrong.len(), *expected, "{module}: {text}: {wrong:?}");
    }
    assert_eq!(comments_are_sentences("plan", concat!("fn f() { todo", "!() }")).len(), 1);
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
        assert_eq!(code(text), expected);
    }
}

#[test]
fn missing_cases_and_dependencies_are_named() {
    let texts = vec!["error[read/nul]: x".to_owned(), "read/empty".to_owned()];
    assert_eq!(not_shown(&["read/nul", "read/empty"], &texts), ["read/empty"]);
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na-b = \"1\"\n# c = 1\nd = { version = \"1\" }\n\n[dev-dependencies]\ne = \"1\"\n\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n";
    assert_eq!(dependencies(manifest).into_iter().collect::<Vec<_>>(), ["a_b", "d", "f"]);
}
