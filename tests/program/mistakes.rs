//! Mistakes that new users make with the samples of the README: each is a file in `mistakes/`, with all that is told of it.
//!
//! A file says in its first line what the mistake is, then what is changed in a copy of the samples, then the command
//! (`$ xwalk …`), and below `---` the exit code and stderr, whole. `BLESS=1` writes that part anew.
//! Changes: `edit FILE` with lines to find (`- `) and to write instead (`+ `), `write FILE` with lines (`+ `), `pack FILE`
//! (gzip), `remove FILE`, `env NAME=VALUE`.

#![expect(clippy::disallowed_methods, reason = "BLESS is asked for in the environment")]

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// What is told is the same wherever it runs.
const FOLDER: &str = "tests/program/mistakes";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The lines at the start of `rest` that begin so, without that.
fn take<'a>(rest: &mut &[&'a str], begin: &str) -> Vec<&'a str> {
    let count = rest.iter().take_while(|line| line.starts_with(begin)).count();
    let (taken, behind) = rest.split_at(count);
    *rest = behind;
    taken.iter().map(|line| &line[begin.len()..]).collect()
}

fn pack(path: &Path) {
    let text = fs::read(path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&text).unwrap();
    fs::write(path, packed.finish().unwrap()).unwrap();
}

/// Makes the mistake in a copy of the samples and runs the command; returns the exit code and stderr.
fn run(name: &str, script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for shared in ["mappings", "schemas", "samples"] {
        copy(Path::new(shared), &folder.path().join(shared));
    }
    fs::copy("profiles.yaml", folder.path().join("profiles.yaml")).unwrap();
    let (mut command, mut output) = (Command::new(env!("CARGO_BIN_EXE_xwalk")), None);
    command.current_dir(folder.path()).env_clear().envs([("NO_COLOR", "1"), ("COLUMNS", "100")]);
    command.env("HOME", folder.path()).stdin(Stdio::null());
    let lines: Vec<&str> = script.lines().skip(1).collect();
    let mut rest = lines.as_slice();
    while let Some((line, behind)) = rest.split_first() {
        rest = behind;
        let (word, argument) = line.split_once(' ').unwrap();
        let path = folder.path().join(argument);
        match word {
            "edit" => {
                let (from, to) = (take(&mut rest, "- ").join("\n"), take(&mut rest, "+ ").join("\n"));
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(text.matches(&from).count(), 1, "{name}: `{from}` is not in {argument} once");
                fs::write(&path, text.replace(&from, &to)).unwrap();
            }
            "write" => {
                let text: Vec<String> = take(&mut rest, "+ ").iter().map(|line| format!("{line}\n")).collect();
                fs::write(&path, text.concat()).unwrap();
            }
            "pack" => pack(&path),
            "remove" => fs::remove_file(&path).unwrap(),
            "env" => {
                let (variable, value) = argument.split_once('=').unwrap();
                command.env(variable, value);
            }
            "$" => {
                command.args(argument.split(' ').skip(1));
                output = Some(command.output().unwrap());
            }
            other => panic!("{name}: what is `{other}`?"),
        }
    }
    let output = output.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    format!("exit {}\n{stderr}", output.status.code().unwrap())
}

#[test]
fn every_mistake_is_told_so_that_it_is_found_at_once() {
    let mut names: Vec<String> =
        fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 30, "only {} mistakes", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let path = Path::new(FOLDER).join(name);
        let text = fs::read_to_string(&path).unwrap();
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        assert!(script.starts_with("# ") && script.lines().next().unwrap().ends_with('.'), "{name}: what is it?");
        let told = run(name, script);
        // Nothing of a parser or of serde reaches a person.
        let jargon = ["struct ", "invalid type", "did not find expected", "u32", "u64", "untagged", "(os error"];
        assert!(!jargon.iter().any(|word| told.contains(word)), "{name}: {told}");
        if env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{script}---\n{told}")).unwrap();
        } else if told != expected {
            wrong.push(format!("{name}\n--- expected\n{expected}\n--- found\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
