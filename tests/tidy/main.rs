//! The house rules that a compiler does not know: floors, circles, names, doors for outside crates, headers, codes.
//!
//! The floors are the `mod` lines of `src/lib.rs`, in their order: a folder imports only what stands above it.
//! The checkers are plain functions over files and their text, and each is shown here to fail on a planted violation.
//! Tests inside `src` may import what they like; the names of their types count like all others.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

mod imports;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use xwalk::diagnostic::Code;

use crate::{
    imports::{find_circles, find_imports},
    source::{SourceFile, list_below, source_files, use_statements},
};

/// The stages of the pipe. None imports another: `commands` connects them, and `simulation` does for its proofs.
const STAGES: &[&str] = &["read", "join", "transform", "check", "deliver", "report", "sandbox", "preview"];

/// Every outside crate, by the name it has in code, and the files and folders it comes in through. `*`: anywhere, it is
/// vocabulary.
const DOORS: &[(&str, &[&str])] = &[
    ("anstyle", &["cli", "report"]),
    ("annotate_snippets", &["report/full"]),
    ("blake3", &["digest", "journal/entry"]),
    ("bytes", &["deliver", "sandbox"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["output/rejects"]),
    ("encoding_rs", &["table/dialect", "read"]),
    ("flate2", &["read", "deliver/batch", "sandbox"]),
    ("glob", &["read"]),
    ("h2", &["deliver/http"]),
    ("hyper", &["deliver", "sandbox", "preview/server"]),
    ("hyper_util", &["sandbox", "preview/server"]),
    ("idna_adapter", &[]),
    ("indexmap", &["*"]),
    ("indicatif", &["report/progress"]),
    ("jiff", &["plan", "join/order", "deliver", "commands/convert", "commands/report_files", "main"]),
    ("jsonschema", &["config/contract", "config/broken_rules", "config/violations"]),
    ("memchr", &["*"]),
    ("minijinja", &["plan/expression", "html"]),
    ("num_bigint", &["text/exact_decimal", "plan/expression/agreement"]),
    ("oem_cp", &["table/code_page"]),
    ("regex", &["plan/pattern"]),
    ("reqwest", &["deliver/http"]),
    ("rustix", &["list_dir", "regular_file", "output/new_file", "main"]),
    ("rustls", &["deliver/http"]),
    ("saphyr_parser", &["config/yaml", "config/yaml_json"]),
    ("schemars", &["config", "units", "table/cell_reading", "table/dialect", "text/number"]),
    ("serde", &["*"]),
    ("serde_json", &["*"]),
    ("serde_yaml", &["config/yaml_values"]),
    ("signal_hook", &["main"]),
    ("simdutf8", &["read"]),
    ("strsim", &["diagnostic"]),
    ("tempfile", &["partition/spill", "output"]),
    ("tokio", &["deliver", "sandbox", "preview/server"]),
    ("tracing", &["*"]),
    ("tracing_subscriber", &["main"]),
    ("url", &["config/profile", "deliver"]),
    ("wide", &["text", "table"]),
    ("zstd", &["read", "deliver/batch", "sandbox"]),
];

/// Codes that a folder cannot show, because they need a certificate, a signal, an earlier run with the same port, or much
/// data: `src/deliver/tests/identity.rs`, `tests/delivery` and `tests/partitions.rs` show them. Never add to it without a reason in the commit.
const SHOWN_ELSEWHERE: &[&str] = &[
    "deliver/identity",
    "deliver/interrupted",
    "deliver/stopping",
    "sandbox/cannot-listen",
    "preview/cannot-listen",
    "deliver/busy",
    "deliver/unfinished",
    "deliver/damaged-journal",
    "deliver/grace",
    "deliver/not-recorded",
    "join/held-in-memory",
];

/// A checker of one file says what is wrong in it.
type FileChecker = fn(&SourceFile) -> Vec<String>;

const FILE_CHECKERS: &[FileChecker] =
    &[header_is_a_sentence, doors_are_used, payloads_come_from_transform, imports_are_plain, comments_are_sentences];

/// A checker of the whole tree says what is wrong between files.
type TreeChecker = fn(&[SourceFile]) -> Vec<String>;

const TREE_CHECKERS: &[TreeChecker] = &[floors_hold, stages_are_apart, no_circles, names_are_unique];

#[test]
fn the_house_is_tidy() {
    let files = source_files();
    assert!(files.iter().any(|file| file.path == "lib.rs"), "run this in the root of the crate");
    let mut wrong = Vec::new();
    for file in &files {
        for checker in FILE_CHECKERS {
            wrong.extend(checker(file).iter().map(|what| format!("src/{}: {what}", file.path)));
        }
    }
    for checker in TREE_CHECKERS {
        wrong.extend(checker(&files));
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
    let unknown: Vec<&String> = doors.difference(&crates).collect();
    assert!(unknown.is_empty(), "DOORS has a row for {unknown:?}, which is no dependency");
}

#[test]
fn every_code_is_explained() {
    let speakers: Vec<&str> = ["plan"].into_iter().chain(STAGES.iter().copied()).collect();
    let mut words = BTreeSet::new();
    for code in Code::ALL {
        assert!(code.explanation().trim().ends_with('.'), "{code} needs sentences");
        assert!(words.insert(code.word()), "{code} is there twice");
        let (stage, kind) = code.word().split_once('/').unwrap();
        assert!(speakers.contains(&stage), "{code} is spoken by no stage");
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
            list_below(cases, "diagnostics.txt").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let missing: Vec<&str> =
            not_shown(&words, &shown).into_iter().filter(|word| !SHOWN_ELSEWHERE.contains(word)).collect();
        assert!(missing.is_empty(), "no expected/diagnostics.txt in tests/cases shows {missing:?}");
    }
}

/// Every file starts by saying what it promises.
fn header_is_a_sentence(file: &SourceFile) -> Vec<String> {
    let promises = file.text.lines().next().is_some_and(|line| line.starts_with("//! "));
    if promises { Vec::new() } else { vec!["the first line is not a `//!` sentence".into()] }
}

/// An outside crate comes in through its doors.
fn doors_are_used(file: &SourceFile) -> Vec<String> {
    let is_shut = |doors: &[&str]| !doors.contains(&"*") && !doors.iter().any(|door| file.is_within(door));
    DOORS
        .iter()
        .filter(|(name, doors)| is_shut(doors) && names_crate(&file.live, name))
        .map(|(name, doors)| format!("`{name}` comes in here, not through {doors:?}"))
        .collect()
}

fn payloads_come_from_transform(file: &SourceFile) -> Vec<String> {
    let is_made = file.live.contains("Payload::conforming");
    if is_made && file.floor() != "transform" {
        vec!["a payload is made outside `transform`".into()]
    } else {
        Vec::new()
    }
}

/// Imports name the file that declares a thing: no globs, no re-exports, and no way up outside of tests.
fn imports_are_plain(file: &SourceFile) -> Vec<String> {
    let mut wrong = Vec::new();
    for statement in use_statements(&file.code).iter().filter(|statement| statement.tree.contains('*')) {
        wrong.push(format!("glob import: `use {}`", statement.tree));
    }
    for statement in use_statements(&file.live) {
        if statement.tree.starts_with("super::") {
            wrong.push(format!("`use {}`: write `crate::` and the whole path", statement.tree));
        }
        if statement.is_public {
            wrong.push(format!("re-export: `use {}`", statement.tree));
        }
    }
    wrong
}

/// No section banners, no wishes.
fn comments_are_sentences(file: &SourceFile) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
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
    if file.code.contains(concat!("todo", "!(")) {
        wrong.push("unfinished code".into());
    }
    wrong
}

/// The folders and files of `src` in the order of their `mod` lines in `lib.rs`.
fn floors(files: &[SourceFile]) -> Vec<String> {
    let lib = files.iter().find(|file| file.path == "lib.rs").map_or("", |file| file.code.as_str());
    let declared = |line: &str| {
        let line = line.trim().strip_suffix(';')?;
        let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?;
        Some(name.to_owned())
    };
    lib.lines().filter_map(declared).collect()
}

/// What one folder imports of others: its name, theirs, and the two files.
fn floor_imports(files: &[SourceFile]) -> Vec<[String; 4]> {
    let floor = |path: &str| path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let mut crossing = Vec::new();
    for (from, targets) in &find_imports(files) {
        for target in targets.keys().filter(|target| floor(target) != floor(from)) {
            crossing.push([floor(from), floor(target), from.clone(), target.clone()]);
        }
    }
    crossing
}

/// A folder imports only what stands above it.
fn floors_hold(files: &[SourceFile]) -> Vec<String> {
    let floors = floors(files);
    let at = |name: &String| floors.iter().position(|floor| floor == name);
    let runs_down = |[from, to, ..]: &&[String; 4]| at(from) < at(to);
    floor_imports(files)
        .iter()
        .filter(runs_down)
        .map(|[from, to, file, target]| format!("{file} imports {target}: `{to}` stands below `{from}` in lib.rs"))
        .collect()
}

/// Stages do not import each other.
fn stages_are_apart(files: &[SourceFile]) -> Vec<String> {
    let is_stage = |name: &String| STAGES.contains(&name.as_str());
    floor_imports(files)
        .iter()
        .filter(|[from, to, ..]| is_stage(from) && is_stage(to))
        .map(|[from, to, file, target]| format!("{file} imports {target}: the stage `{from}` knows the stage `{to}`"))
        .collect()
}

/// No file imports one that imports it, not even by a detour.
fn no_circles(files: &[SourceFile]) -> Vec<String> {
    find_circles(&find_imports(files))
}

/// A type name is declared in one file.
fn names_are_unique(files: &[SourceFile]) -> Vec<String> {
    let mut declared: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        for name in type_names(&file.code) {
            declared.entry(name).or_default().insert(&file.path);
        }
    }
    let several = declared.iter().filter(|(_, files)| files.len() > 1);
    several.map(|(name, files)| format!("the type `{name}` is declared in {files:?}")).collect()
}

/// The names of the types and traits that some code declares; associated types have no name of their own.
fn type_names(code: &str) -> Vec<String> {
    let (mut names, mut blocks, mut header) = (Vec::new(), Vec::new(), String::new());
    let mut previous = "";
    for word in words(code) {
        let is_associated = blocks.last() == Some(&true);
        match previous {
            "struct" | "enum" | "trait" | "union" => names.push(word.to_owned()),
            "type" if !is_associated => names.push(word.to_owned()),
            _ => {}
        }
        match word {
            "{" => {
                blocks.push(["impl", "trait"].iter().any(|kind| header.split(' ').any(|word| word == *kind)));
                header.clear();
            }
            "}" => {
                blocks.pop();
                header.clear();
            }
            ";" => header.clear(),
            word => {
                header.push_str(word);
                header.push(' ');
            }
        }
        previous = word;
    }
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    names
}

/// The words of some code, and each other character by itself.
fn words(code: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_part(first) { rest.find(|c| !is_part(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
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

#[test]
fn file_checkers_find_what_was_planted() {
    let cases: &[(FileChecker, &str, &str, usize)] = &[
        (header_is_a_sentence, "read/mod.rs", "//! Files in, records out.\n", 0),
        (header_is_a_sentence, "read/mod.rs", "// Files in, records out.\n", 1),
        (header_is_a_sentence, "read/mod.rs", "//!\n", 1),
        (header_is_a_sentence, "read/mod.rs", "", 1),
        (doors_are_used, "output/rejects.rs", "use csv::ByteRecord;", 0),
        (doors_are_used, "output/documents.rs", "use csv::ByteRecord;", 1),
        (doors_are_used, "join/mod.rs", "fn f(r: &csv::ByteRecord) {}", 1),
        (doors_are_used, "join/mod.rs", "use crate::csv::x; my_csv::y(); a.csv::<u8>();", 0),
        (doors_are_used, "plan/mod.rs", "use ::reqwest::Url;", 1),
        (doors_are_used, "plan/mod.rs", "use std::{io}; use reqwest;", 1),
        (doors_are_used, "plan/mod.rs", "use serde_json::Value; use serde::Serialize;", 0),
        (doors_are_used, "plan/tests.rs", "use reqwest::Url;", 0),
        (payloads_come_from_transform, "transform/mod.rs", "Payload::conforming(0, bytes)", 0),
        (payloads_come_from_transform, "deliver/mod.rs", "Payload::conforming(0, bytes)", 1),
        (payloads_come_from_transform, "deliver/mod.rs", "#[cfg(test)] mod t { Payload::conforming(0, bytes) }", 0),
        (imports_are_plain, "plan/mod.rs", "use crate::yaml::Places; let a = b * c;", 0),
        (imports_are_plain, "plan/mod.rs", "use crate::yaml::*;", 1),
        (imports_are_plain, "plan/mod.rs", "use super::x;", 1),
        (imports_are_plain, "plan/mod.rs", "mod inner { use super::*; }", 2),
        (imports_are_plain, "plan/mod.rs", "#[cfg(test)] mod tests;\nuse super::x;", 1),
        (imports_are_plain, "plan/mod.rs", "#[cfg(test)] mod tests { use super::x; }", 0),
        (imports_are_plain, "plan/mod.rs", "#[cfg(test)] mod tests { use super::*; }", 1),
        (imports_are_plain, "plan/mod.rs", "macro_rules! m { ($(use $with:ident)?) => { $(#[$m])* x; } }", 0),
        (imports_are_plain, "plan/mod.rs", "pub use crate::yaml::Places;", 1),
        (imports_are_plain, "plan/mod.rs", "mod compile; pub(crate) use compile::plan;", 1),
        (comments_are_sentences, "plan/mod.rs", "// A fact about the world.\nlet todo = 1; // --todo", 0),
        (comments_are_sentences, "plan/mod.rs", "// ---- types ----", 1),
        (comments_are_sentences, "plan/mod.rs", "/// TODO: later", 1),
        (comments_are_sentences, "plan/mod.rs", concat!("fn f() { todo", "!() }"), 1),
    ];
    for (checker, path, text, expected) in cases {
        let wrong = checker(&SourceFile::new(path, text));
        assert_eq!(wrong.len(), *expected, "{path}: {text}: {wrong:?}");
    }
}

/// The paths and the texts of some files.
type Tree = &'static [(&'static str, &'static str)];

#[test]
fn tree_checkers_find_what_was_planted() {
    const READ: (&str, &str) = ("read/mod.rs", "pub fn tables() {}");
    const PLAN: (&str, &str) = ("plan/mod.rs", "pub struct Plan;");
    const LIB: (&str, &str) = (
        "lib.rs",
        "//! pub mod zero;\npub mod plan;\npub mod read;\npub mod join;\n#[cfg(test)]\nmod simulation;\npub mod commands;\n",
    );
    let cases: &[(TreeChecker, Tree, usize)] = &[
        (
            floors_hold,
            &[READ, PLAN, ("commands/mod.rs", "use crate::{plan::Plan, read};\nfn f() { read::tables() }")],
            0,
        ),
        (floors_hold, &[READ, ("plan/mod.rs", "use crate::read::tables;")], 1),
        (floors_hold, &[READ, ("plan/mod.rs", "use crate::{\n    read,\n};\nfn f() { read::tables() }")], 1),
        (floors_hold, &[READ, ("plan/mod.rs", "use crate::read as files;\nfn f() { files::tables() }")], 1),
        (floors_hold, &[READ, ("plan/mod.rs", "fn f() { crate::read::tables() }")], 1),
        (floors_hold, &[READ, ("plan/mod.rs", "// crate::read::tables\nconst A: &str = \"crate::read::tables\";")], 0),
        (floors_hold, &[READ, ("plan/mod.rs", "#[cfg(test)]\nmod tests { use crate::read::tables; }")], 0),
        (floors_hold, &[READ, ("plan/tests.rs", "use crate::read::tables;")], 0),
        (stages_are_apart, &[READ, ("join/mod.rs", "use crate::plan::Plan;"), PLAN], 0),
        (stages_are_apart, &[READ, ("join/mod.rs", "use crate::read::tables;")], 1),
        (stages_are_apart, &[READ, ("simulation/mod.rs", "use crate::read::tables;")], 0),
        (stages_are_apart, &[READ, ("commands/mod.rs", "use crate::read::tables;")], 0),
        (no_circles, &[("plan/mod.rs", "pub mod a;\nuse crate::plan::a::A;"), ("plan/a.rs", "pub struct A;")], 0),
        (no_circles, &[("plan/mod.rs", "pub mod a;\nuse crate::plan::a::A;"), ("plan/a.rs", "use crate::plan::B;")], 1),
        (
            no_circles,
            &[("plan/mod.rs", "mod a;\nfn f() { a::g() }"), ("plan/a.rs", "use crate::plan;\nfn g() { plan::f() }")],
            1,
        ),
        (
            no_circles,
            &[
                PLAN,
                ("plan/a.rs", "use crate::plan::b::B;"),
                ("plan/b.rs", "use crate::plan::c as other;\nfn f() -> other::C {}"),
                ("plan/c.rs", "fn g() { crate::plan::a::h() }"),
                ("plan/d.rs", "use crate::plan::a::A;"),
            ],
            1,
        ),
        (names_are_unique, &[PLAN, ("read/mod.rs", "pub(crate) enum Plan {}")], 1),
        (names_are_unique, &[PLAN, ("read/mod.rs", "#[cfg(test)] mod tests { type Plan = u8; }")], 1),
        (names_are_unique, &[PLAN, ("read/mod.rs", "impl Iterator for X { type Plan = u8; fn f() {} }")], 0),
        (names_are_unique, &[PLAN, ("read/mod.rs", "pub trait X { type Plan; }")], 0),
        (names_are_unique, &[PLAN, ("read/mod.rs", "impl X { fn f() { struct Plan; } }")], 1),
        (names_are_unique, &[PLAN, ("read/mod.rs", "use crate::plan::Plan; fn f(plan: Plan) {}")], 0),
    ];
    for (checker, texts, expected) in cases {
        let files: Vec<SourceFile> =
            [LIB].iter().chain(*texts).map(|(path, text)| SourceFile::new(path, text)).collect();
        let wrong = checker(&files);
        assert_eq!(wrong.len(), *expected, "{texts:?}: {wrong:?}");
    }
}

#[test]
fn missing_cases_and_dependencies_are_named() {
    let texts = vec!["error[read/nul]: x".to_owned(), "read/empty".to_owned()];
    assert_eq!(not_shown(&["read/nul", "read/empty"], &texts), ["read/empty"]);
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na-b = \"1\"\n# c = 1\nd = { version = \"1\" }\n\n[dev-dependencies]\ne = \"1\"\n\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n";
    assert_eq!(dependencies(manifest).into_iter().collect::<Vec<_>>(), ["a_b", "d", "f"]);
}
