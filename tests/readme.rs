//! What the README shows is what happens: each command of its `console` blocks is run and its output compared.
//!
//! The commands run one after another in one copy of what the repository ships, so a later one sees what an earlier one
//! left. `xwalk` and `cargo run --release --` are the built binary. Only the port of a loopback address may differ.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// What the repository ships for people to run.
const SHIPPED: &[&str] = &["mappings", "schemas", "samples", "profiles.yaml"];

/// A command and what it prints, stdout and stderr as they come.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    output: String,
}

#[test]
fn the_readme_tells_the_truth() {
    let readme = fs::read_to_string("README.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in SHIPPED {
        copy(Path::new(name), &folder.path().join(name));
    }
    let wrong = lies(folder.path(), &steps(&readme));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn steps_are_found_in_console_blocks() {
    let text = "```console\n$ a \\\n    b\none\n\n$ c\n```\n```sh\n$ d\n```\n```console\n$ e\ntwo\n```\n";
    let step = |line, command: &str, output: &str| Step { line, command: command.into(), output: output.into() };
    assert_eq!(steps(text), [step(2, "a \\\n    b", "one\n\n"), step(6, "c", ""), step(12, "e", "two\n")]);
}

#[test]
fn lies_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let truth = "```console\n$ echo a > b; cat b\na\n$ sh -c 'echo 127.0.0.1:1 >&2; exit 7'\n127.0.0.1:4242\n\
                 $ echo $?\n7\n$ cargo run --release -- --version\nxwalk 0.1.0\n$ xwalk --version | wc -l\n1\n```\n";
    let truth = truth.replace("0.1.0", env!("CARGO_PKG_VERSION"));
    assert_eq!(lies(folder.path(), &steps(&truth)), Vec::<String>::new());
    let lie = "intro\n```console\n$ echo a\nb\n$ xwalk --version >/dev/null\nxwalk\n```\n";
    let told = ["README.md:3: $ echo a\n-b\n+a\n", "README.md:5: $ xwalk --version >/dev/null\n-xwalk\n"];
    assert_eq!(lies(folder.path(), &steps(lie)), told);
}

/// The commands of all `console` blocks, with the lines that follow them.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut continued) = (false, false);
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        }
        if !inside || line == "```console" {
            continued = false;
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: at + 1, command: command.to_owned(), output: String::new() });
            continued = command.ends_with('\\');
        } else if let Some(step) = steps.last_mut() {
            if continued {
                step.command.push('\n');
                step.command.push_str(line);
                continued = line.ends_with('\\');
            } else {
                step.output.push_str(line);
                step.output.push('\n');
            }
        }
    }
    steps
}

/// Runs the steps in a folder and tells which of them print something else.
fn lies(folder: &Path, steps: &[Step]) -> Vec<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_xwalk"));
    let mut status = 0;
    let mut wrong = Vec::new();
    for step in steps {
        let command = step.command.replace("cargo run --release --", "xwalk");
        // One shell for each command, so that the output of each is known; `$?` is all they share.
        let script = format!("xwalk() {{ {} \"$@\"; }}\n(exit {status})\n{command}", quoted(binary));
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(folder)
            .env_remove("XWALK_PROFILE")
            .envs([("NO_COLOR", "1"), ("COLUMNS", "80")])
            .env("XDG_STATE_HOME", folder.join(".state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        status = output.status.code().unwrap_or(1);
        let (told, found) = (without_ports(&step.output), without_ports(&String::from_utf8_lossy(&output.stdout)));
        if told != found {
            let marked = |sign: char, text: &str| -> String {
                text.lines().flat_map(|line| [sign.to_string(), line.to_owned(), "\n".to_owned()]).collect()
            };
            let (told, found) = (marked('-', &told), marked('+', &found));
            wrong.push(format!("README.md:{}: $ {}\n{told}{found}", step.line, step.command));
        }
    }
    wrong
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().unwrap().replace('\'', r"'\''"))
}

/// The text with the port of every loopback address left out.
fn without_ports(text: &str) -> String {
    let mut pieces = text.split("127.0.0.1:");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str("127.0.0.1:PORT");
        plain.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    plain
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
