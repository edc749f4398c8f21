//! `xwalk test` where a folder of `tests/cases` cannot show it: links, names that a terminal would act on, and the cases of the
//! mappings that ship.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs `xwalk test` in a folder: what it prints on stdout and stderr, and its exit code.
fn test(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
    command.arg("test").args(arguments).current_dir(folder).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.env_clear().env("HOME", folder).output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code())
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of the mappings that ship, with their contracts and cases.
fn shipped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mappings", "schemas"] {
        copy(Path::new(name), &folder.path().join(name));
    }
    folder
}

#[test]
fn the_cases_of_the_mappings_that_ship_pass_and_touch_everything() {
    let folder = shipped();
    let (stdout, stderr, code) = test(folder.path(), &[]);
    assert_eq!((stderr.as_str(), code), ("", Some(0)), "{stdout}");
    for line in stdout.lines().filter_map(|line| line.trim().strip_prefix("touched: ")) {
        let (touched, rest) = line.split_once(" of ").unwrap();
        assert_eq!(rest.split_once(' ').unwrap().0, touched, "{stdout}");
    }
    assert_eq!(stdout.matches("touched: ").count(), 2, "{stdout}");
    // What a case alone touches is missed without it.
    fs::remove_dir_all(folder.path().join("mappings/marketplace-orders.cases/each-country")).unwrap();
    let (stdout, _, code) = test(folder.path(), &[]);
    assert!(
        stdout.contains("no case touches the code \"LU\" of `country` (mappings/marketplace-orders.yaml:"),
        "{stdout}"
    );
    assert_eq!(code, Some(0));
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_and_nothing_is_written_behind_one() {
    use std::os::unix::fs::symlink;

    let folder = shipped();
    let cases = folder.path().join("mappings/inflight-sales.cases");
    let outside = folder.path().join("outside");
    copy(&cases.join("what-is-rejected"), &outside);
    fs::remove_file(outside.join("expected.json")).unwrap();
    symlink(&outside, cases.join("linked")).unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let file = cases.join("what-is-rejected/expected.json");
    fs::remove_file(&file).unwrap();
    symlink(&victim, &file).unwrap();
    let (stdout, _, code) = test(folder.path(), &["mappings/inflight-sales.yaml", "--update"]);
    assert!(stdout.contains("  failed   linked\n    it is a link, which is not followed"), "{stdout}");
    assert!(stdout.contains("    `expected.json` is a link, which is not followed\n"), "{stdout}");
    assert_eq!(code, Some(1));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!outside.join("expected.json").exists());
    fs::rename(&cases, folder.path().join("mappings/real")).unwrap();
    symlink(folder.path().join("mappings/real"), &cases).unwrap();
    let (_, stderr, code) = test(folder.path(), &["mappings/inflight-sales.yaml"]);
    assert!(stderr.contains("is a link, and cases are not looked for behind one"), "{stderr}");
    assert_eq!(code, Some(2));
}

#[cfg(unix)]
#[test]
fn names_that_a_terminal_would_act_on_are_escaped() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let folder = shipped();
    let cases = folder.path().join("mappings/inflight-sales.cases");
    for name in [&b"a\x1b[31m\nb"[..], b"\xff bytes"] {
        copy(&cases.join("what-is-rejected"), &cases.join(OsStr::from_bytes(name)));
    }
    fs::write(cases.join("what-is-rejected/x\u{202e}.csv"), "").unwrap();
    let (stdout, _, code) = test(folder.path(), &["mappings/inflight-sales.yaml"]);
    assert!(stdout.contains("  passed   a\\u{1b}[31m\\nb\n"), "{stdout}");
    assert!(stdout.contains("  passed   \u{fffd} bytes\n"), "{stdout}");
    assert!(stdout.contains("    no source of the mapping reads `x\\u{202e}.csv`\n"), "{stdout}");
    assert_eq!(code, Some(1));
}

#[test]
fn several_paths_to_one_mapping_run_each_case_once() {
    let folder = shipped();
    let paths = ["mappings/inflight-sales.cases/what-is-rejected", "mappings/inflight-sales.yaml", "mappings"];
    let (stdout, _, code) = test(folder.path(), &paths);
    assert_eq!((stdout.matches("what-is-rejected").count(), code), (2, Some(0)), "{stdout}");
}
