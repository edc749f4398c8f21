//! The blocks of a page are run in a folder -> what the page shows and that is not so.
//!
//! The folder is a copy of what the repository ships, and the blocks must leave it as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_yaml::Value;
use tempfile::TempDir;

use crate::page::{Block, Kind, Mismatch, steps};

/// What the repository ships for people to run.
const SHIPPED: &[&str] = &["mappings", "schemas", "samples", "profiles.yaml"];
/// The mapping that a `yaml example` makes.
const EXAMPLE: &str = "example.yaml";
/// The files that a `yaml settings` may name, and what is in them.
const FILES: &[(&str, &str)] = &[
    ("ecrm-token", "token\n"),
    ("client.key", "-----BEGIN PRIVATE KEY-----\n"),
    ("client.pem", "-----BEGIN CERTIFICATE-----\n"),
    ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
];

/// A new folder with a copy of what the repository ships.
pub(crate) fn shipped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in SHIPPED {
        copy(Path::new(name), &folder.path().join(name));
    }
    folder
}

/// Runs the blocks of a page.
pub(crate) fn run_blocks(folder: &Path, blocks: &[Block]) -> Vec<Mismatch> {
    let before = contents(folder);
    let (mut mismatches, mut written, mut status) = (Vec::new(), BTreeSet::new(), 0);
    for (at, block) in blocks.iter().enumerate() {
        match &block.kind {
            Kind::Console => mismatches.extend(run_console(folder, block, &mut status)),
            Kind::File(name) => {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &block.text).unwrap();
                written.insert(path);
            }
            Kind::Part(name) => {
                // What is no part of a reader's copy, as a case of `tests/cases`, is read where it is.
                let whole = fs::read_to_string(folder.join(name)).or_else(|_| fs::read_to_string(name));
                let whole = whole.unwrap_or_default();
                if !format!("\n{whole}").contains(&format!("\n{}", block.text)) {
                    mismatches.push(mismatch(block, "not there\n".into(), false));
                }
            }
            Kind::Example => {
                let shown = blocks[at + 1..].iter().take_while(|block| is_shown(block));
                mismatches.extend(run_example(folder, block, &shown.collect::<Vec<_>>()));
            }
            Kind::Documents | Kind::Findings => {
                let before = blocks[..at].iter().rev().find(|block| !is_shown(block));
                if before.is_none_or(|block| block.kind != Kind::Example) {
                    mismatches.push(mismatch(block, "no `yaml example` stands before it\n".into(), false));
                }
            }
            Kind::Settings => {
                let found = refused(&block.text);
                if !found.is_empty() {
                    mismatches.push(mismatch(block, found, false));
                }
            }
            Kind::NotRun => {}
        }
    }
    for path in written {
        fs::remove_file(path).unwrap();
    }
    let left = changes(&before, &contents(folder));
    if !left.is_empty() {
        let what = "left behind".into();
        mismatches.push(Mismatch { what, lines: 0..0, shown: String::new(), found: left, is_output: false });
    }
    mismatches
}

/// Runs the commands of a console block; `status` is what `$?` is in the first, and then in the block after this.
pub(crate) fn run_console(folder: &Path, block: &Block, status: &mut i32) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for step in steps(block) {
        let command = step.command.replace("cargo run -- ", "xwalk ");
        // One shell for each command, so that the output of each is known; `$?` is all they share.
        let script = format!("exec 2>&1\n(exit {status})\n{command}");
        let output = program("sh", folder).args(["-c", &script]).output().unwrap();
        *status = output.status.code().unwrap_or(1);
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        if without_ports(&step.output) != without_ports(&found) {
            let (what, lines, shown) = (format!("$ {}", step.command), step.lines, step.output);
            mismatches.push(Mismatch { what, lines, shown, found, is_output: true });
        }
    }
    mismatches
}

/// What changed from one listing to the other, a line for each.
pub(crate) fn changes<T: PartialEq>(before: &BTreeMap<String, T>, after: &BTreeMap<String, T>) -> String {
    let new = after.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("new: {name}\n"));
    let other = before.iter().filter_map(|(name, was)| match after.get(name) {
        None => Some(format!("gone: {name}\n")),
        Some(is) if is != was => Some(format!("changed: {name}\n")),
        Some(_) => None,
    });
    new.chain(other).collect()
}

fn mismatch(block: &Block, found: String, is_output: bool) -> Mismatch {
    let (lines, shown) = (block.lines.clone(), block.text.clone());
    Mismatch { what: format!("{:?}", block.kind), lines, shown, found, is_output }
}

/// Whether a block shows what an example makes.
fn is_shown(block: &Block) -> bool {
    matches!(block.kind, Kind::Documents | Kind::Findings)
}

/// Converts the page's files by the page's mapping with an example in it; all that comes of it must be shown.
fn run_example(folder: &Path, block: &Block, shown: &[&Block]) -> Vec<Mismatch> {
    let mapping = fs::read_to_string(folder.join("mapping.yaml")).unwrap_or_default();
    let (mapping, example): (Value, Value) = match (serde_yaml::from_str(&mapping), serde_yaml::from_str(&block.text)) {
        (Ok(mapping), Ok(example)) => (mapping, example),
        _ => return vec![mismatch(block, "this, or the `mapping.yaml` of the page, is not YAML\n".into(), false)],
    };
    fs::write(folder.join(EXAMPLE), serde_json::to_string(&merged(mapping, example)).unwrap()).unwrap();
    let output = program("xwalk", folder)
        .args(["convert", ".", "--mapping", EXAMPLE, "--message-format", "concise", "--output", "example.ndjson"])
        .output()
        .unwrap();
    let documents = fs::read_to_string(folder.join("example.ndjson")).unwrap_or_default();
    for name in [EXAMPLE, "example.ndjson"] {
        let _ = fs::remove_file(folder.join(name));
    }
    let findings: String = String::from_utf8_lossy(&output.stderr).lines().filter_map(finding).collect();
    let mut mismatches = Vec::new();
    for (kind, found) in [(Kind::Documents, documents), (Kind::Findings, findings)] {
        match shown.iter().find(|block| block.kind == kind) {
            Some(shown) if shown.text != found => mismatches.push(mismatch(shown, found, true)),
            None if !found.is_empty() => {
                mismatches.push(mismatch(block, format!("{kind:?}, which are not shown:\n{found}"), false));
            }
            _ => {}
        }
    }
    mismatches
}

/// A finding on one line, without its rule: the line of a mapping that nobody sees.
fn finding(line: &str) -> Option<String> {
    let line = line.split(" (rule ").next()?;
    let is_finding = ["error[", "warning[", "notice["].iter().any(|severity| line.contains(severity));
    let line = match line.strip_prefix(EXAMPLE) {
        Some(rest) => rest.split_once(": ")?.1,
        None => line,
    };
    is_finding.then(|| format!("{line}\n"))
}

/// One YAML value with another in it: maps are merged, everything else is replaced.
fn merged(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Mapping(mut base), Value::Mapping(over)) => {
            for (key, value) in over {
                let value = match base.get(&key) {
                    Some(old) => merged(old.clone(), value),
                    None => value,
                };
                base.insert(key, value);
            }
            Value::Mapping(base)
        }
        (_, over) => over,
    }
}

/// What `xwalk check` has against the settings of a profile.
fn refused(settings: &str) -> String {
    let folder = shipped();
    let url = if settings.starts_with("url:") { "" } else { "    url: https://api.example.com\n" };
    let lines = format!("    {}\n", settings.trim_end().replace('\n', "\n    "));
    fs::write(folder.path().join("profiles.yaml"), format!("profiles:\n  base: {{}}\n  example:\n{url}{lines}"))
        .unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let output = program("xwalk", folder.path())
        .env("CREDENTIALS_DIRECTORY", folder.path())
        .env("ECRM_TOKEN", "token")
        .args(["check", "--profile", "example", "--message-format", "concise", "mappings/inflight-sales.yaml"])
        .output()
        .unwrap();
    if output.status.success() { String::new() } else { String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// A program in a folder that finds `xwalk`, with nothing of the caller that could change what is printed.
fn program(name: &str, folder: &Path) -> Command {
    let mut program = Command::new(name);
    let unset = ["XWALK_PROFILE", "STATE_DIRECTORY", "ECRM_TOKEN", "CREDENTIALS_DIRECTORY"];
    for name in unset {
        program.env_remove(name);
    }
    program.current_dir(folder).envs([("NO_COLOR", "1"), ("COLUMNS", "80"), ("LC_ALL", "C.UTF-8")]);
    let path = env::var_os("PATH").unwrap_or_default();
    let binaries = Path::new(env!("CARGO_BIN_EXE_xwalk")).parent().unwrap().to_owned();
    program.env("PATH", env::join_paths([binaries].into_iter().chain(env::split_paths(&path))).unwrap());
    program.env("XDG_STATE_HOME", folder.join(".state")).stdin(Stdio::null());
    program
}

/// The text with the port of every loopback address left out.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("127.0.0.1:PORT");
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    plain
}

/// Every file of a folder with its bytes, but for those that xwalk itself remembers deliveries in.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_file() {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            files.insert(name, fs::read(&path).unwrap());
        } else if path.file_name().is_some_and(|name| name != ".state") {
            let entries: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            if entries.is_empty() {
                files.insert(format!("{}/", path.strip_prefix(folder).unwrap().display()), Vec::new());
            }
            open.extend(entries);
        }
    }
    files
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}
