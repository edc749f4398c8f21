//! Limits of the system, and files that are none: exit codes of the table, and nothing of a secret in any message.

#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

const MAPPING: &str = "\
mapping: 1
name: orders
contract: schema.json
request: { method: POST, path: /v1/orders }
sources:
  orders: { path: orders.csv, key: id }
output:
  each: orders
  fields: { id: id, name: name }
";

/// A folder in which a conversion succeeds.
fn folder(rows: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..rows).map(|row| format!("{row},canary-{row:0200}\n")).collect::<Vec<_>>().concat();
    let schema = "{ \"type\": \"array\", \"items\": { \"type\": \"object\" } }".to_owned();
    let files =
        [("mapping.yaml", MAPPING.to_owned()), ("schema.json", schema), ("orders.csv", format!("id,name\n{rows}"))];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Waits until a run has begun: it has set its limits then.
fn wait_for_start(run: &Child) {
    let limits = format!("/proc/{}/limits", run.id());
    let is_there = || {
        let mut text = String::new();
        let read = fs::File::open(&limits).and_then(|mut file| file.read_to_string(&mut text));
        read.is_ok() && text.lines().any(|line| line.starts_with("Max core file size        1 "))
    };
    assert!(
        (0..200).any(|_| is_there() || {
            wait();
            false
        }),
        "the limit of core files is not set"
    );
}

/// Runs a command in a shell that sets a limit first.
fn run(folder: &Path, limit: &str, args: &str) -> Output {
    let command = format!("{limit}; exec \"$0\" {args}");
    Command::new("sh")
        .args(["-c", &command, env!("CARGO_BIN_EXE_xwalk")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_limit_of_the_system_is_exit_code_6_and_leaves_nothing_behind() {
    let folder = folder(200_000);
    let before = fs::read_dir(folder.path()).unwrap().count();
    let convert = "convert . --mapping mapping.yaml -q --output new.json";
    for (limit, words) in [
        ("ulimit -v 60000", "memory allocation of"),
        ("ulimit -f 100", "file too large"),
        ("ulimit -n 20", "too many open files"),
    ] {
        let output = run(folder.path(), limit, convert);
        assert_eq!(output.status.code(), Some(6), "{limit}: {}", told(&output));
        assert!(told(&output).contains(words), "{limit}: {}", told(&output));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "{limit}");
    }
}

#[test]
fn hostile_recordings_end_with_their_exit_code_in_little_memory() {
    const ROWS: usize = 150_000;
    let folder = folder(0);
    let mapping = MAPPING.replace("key: id", "key: id, columns: { name: { type: integer } }");
    let mapping = mapping.replace("orders.csv", "\"orders*.csv*\"");
    fs::write(folder.path().join("mapping.yaml"), mapping).unwrap();
    fs::remove_file(folder.path().join("orders.csv")).unwrap();
    let rows = |row: &dyn Fn(usize) -> String| (0..ROWS).map(row).collect::<Vec<_>>().concat();
    let wide = format!("1{:0>400}", 1);
    for (name, exit, text) in [
        ("orders.csv", 1, rows(&|row| format!("1,{row}\n"))),
        ("orders.csv", 1, rows(&|row| if row % 2 == 0 { format!("1,{row}\n") } else { "1,x\n".to_owned() })),
        ("orders.csv", 1, rows(&|row| format!("{row},x\n"))),
        ("orders.csv", 1, rows(&|row| format!("{},{row}\n", row % (ROWS / 2)))),
        ("orders.csv.zst", 0, rows(&|row| format!("{row},{wide}\n"))),
        ("orders.csv.zst", 1, rows(&|_| format!("1,2,{wide}\n"))),
    ] {
        let (path, text) = (folder.path().join(name), format!("id,name\n{text}"));
        if path.extension().is_some_and(|ending| ending == "zst") {
            zstd::stream::copy_encode(text.as_bytes(), fs::File::create(&path).unwrap(), 1).unwrap();
        } else {
            fs::write(&path, &text).unwrap();
        }
        // `--memory` and 150 MiB.
        let convert = "convert . --mapping mapping.yaml -q --memory 32MiB --output /dev/null";
        let output = run(folder.path(), "ulimit -v 186368", convert);
        assert_eq!(output.status.code(), Some(exit), "{name} {}: {}", &text[8..40], told(&output));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_hidden_file() {
    let folder = folder(10);
    fs::remove_file(folder.path().join("orders.csv")).unwrap();
    // The output is made before the run waits for its input.
    let args = ["convert", ".", "--mapping", "mapping.yaml", "--source", "orders=-", "--output", "new.json"];
    let mut run = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_start(&run);
    run.kill().unwrap();
    run.wait().unwrap();
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_pipe_that_is_put_into_the_place_of_a_file_receives_nothing() {
    for flag in ["--output", "--rejects"] {
        let folder = folder(0);
        let place = folder.path().join("new.json");
        let mut run = Command::new(env!("CARGO_BIN_EXE_xwalk"))
            .args(["convert", ".", "--mapping", "mapping.yaml", "--source", "orders=-", flag, "new.json"])
            .args(if flag == "--output" { &["-q"][..] } else { &["-q", "--output", "/dev/null"] })
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = run.stdin.take().unwrap();
        // What it reads is more than a pipe takes, so its places were looked at by then.
        stdin.write_all(format!("id,name\n{}", "1,a,b\n".repeat(100_000)).as_bytes()).unwrap();
        make_pipe(&place);
        stdin.write_all(b"2,b\n").unwrap();
        drop(stdin);
        // Were the pipe opened, the run would wait for its reader.
        assert_eq!(run.wait().unwrap().code(), Some(1), "{flag}");
        assert!(fs::metadata(&place).unwrap().is_file() && fs::metadata(&place).unwrap().len() > 3, "{flag}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a process is waited for that tells nothing")]
fn wait() {
    std::thread::sleep(Duration::from_millis(10));
}

#[test]
fn only_regular_files_are_configuration_and_no_other_is_shown() {
    let folder = folder(1);
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("secret"), "root:canary:0:0\nTOKEN=canary\n").unwrap();
    symlink("secret", at("link")).unwrap();
    symlink("loop", at("loop")).unwrap();
    make_pipe(&at("pipe"));
    let named = |path: &str| {
        let table = format!("{MAPPING}codes: {{ c: {{ file: {path} }} }}\n")
            .replace("name: name", "name: { from: name, codes: c }");
        fs::write(at("table.yaml"), table).unwrap();
        fs::write(at("contract.yaml"), MAPPING.replace("schema.json", path)).unwrap();
        [path.to_owned(), "contract.yaml".to_owned(), "table.yaml".to_owned()]
    };
    for path in
        ["folder", "secret", "link", "loop", "pipe", "/dev/zero", "/dev/stdin", "/proc/self/environ", "/etc/passwd"]
    {
        for mapping in named(path) {
            for format in ["full", "concise", "json", "github"] {
                let output =
                    run(folder.path(), "export CANARY=canary", &format!("check {mapping} --message-format {format}"));
                let told = told(&output);
                assert_eq!(output.status.code(), Some(2), "{mapping} {path}: {told}");
                assert!(
                    !told.contains("canary") && !told.contains("root:") && !told.is_empty(),
                    "{mapping} {path}: {told}"
                );
            }
        }
    }
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_was_typed_behind_set_is_not_repeated() {
    let folder = folder(1);
    let secret = "zQ7tokenABC9secret";
    for setting in [
        format!("auth.bearer={secret}"),
        format!("auth.{secret}=1"),
        format!("{secret}=1"),
        secret.to_owned(),
        format!("={secret}"),
        format!("timeout={secret}"),
        format!("headers={{X-A: {secret}"),
        format!("batch.{secret}=1"),
        format!("url=https://u:{secret}@h.example"),
    ] {
        for format in ["full", "json"] {
            let args =
                format!("convert . --mapping mapping.yaml --validate-only --message-format {format} --set '{setting}'");
            let output = run(folder.path(), "true", &args);
            assert_eq!(output.status.code(), Some(2), "{setting}: {}", told(&output));
            assert!(!told(&output).contains(secret), "{setting}: {}", told(&output));
        }
    }
}

#[test]
fn drop_folders_share_nothing_that_is_sent() {
    let folder = folder(1);
    let at = |name: &str| folder.path().join(name);
    for name in ["a", "b", "a/in"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("orders.csv"), format!("id,name\n{name},x\n")).unwrap();
    }
    symlink("a", at("link")).unwrap();
    fs::create_dir(at("c")).unwrap();
    symlink("../a/orders.csv", at("c/orders.csv")).unwrap();
    fs::create_dir(at("d")).unwrap();
    fs::hard_link(at("a/orders.csv"), at("d/orders.csv")).unwrap();
    for (folders, names) in [
        ("a b", None),
        ("a link", Some(["`a`", "`link`"])),
        ("a a/in", Some(["`a/in`", "`a`"])),
        ("a/in b link", Some(["`a/in`", "`link`"])),
        ("a c", Some(["`a`", "`c`"])),
        ("d a", Some(["`d`", "`a`"])),
        ("a b --source orders=b/orders.csv", Some(["`a`", "`b`"])),
        ("a b --source orders=-", Some(["`a`", "`b`"])),
    ] {
        let output = run(folder.path(), "true", &format!("convert {folders} --mapping mapping.yaml --validate-only"));
        let told = told(&output);
        assert_eq!(output.status.code(), Some(if names.is_some() { 2 } else { 0 }), "{folders}: {told}");
        assert!(names.into_iter().flatten().all(|name| told.contains(name)), "{folders}: {told}");
    }
}
