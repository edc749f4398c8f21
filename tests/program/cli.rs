//! The program from outside: what it prints where, and its exit code.

use std::process::{Command, Output, Stdio};

fn xwalk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
    command.args(arguments).stdin(Stdio::null()).env_remove("XWALK_PROFILE");
    command
}

fn output(arguments: &[&str]) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = xwalk(arguments).output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code())
}

#[test]
fn help_and_version_go_to_stdout() {
    let (stdout, stderr, code) = output(&["--version"]);
    let version = format!("xwalk {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((stdout, stderr, code), (version, String::new(), Some(0)));
    for command in ["convert", "check", "sandbox", "explain"] {
        let (stdout, stderr, code) = output(&[command, "--help"]);
        assert!(stdout.contains(&format!("Usage: xwalk {command}")));
        assert_eq!((stderr, code), (String::new(), Some(0)));
    }
}

#[test]
fn what_cannot_be_understood_is_exit_2_on_stderr() {
    let (stdout, stderr, code) = output(&["convert", "--max-rejects", "many"]);
    let expected = "error: invalid value 'many' for '--max-rejects <N|P%>': expected a number of rows or a share of \
                    them, like `20` or `0.5%`\n\nFor more information, try '--help'.\n";
    assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", expected, Some(2)));
    assert_eq!(output(&["convert", "--profile="]).2, Some(2));
    assert_eq!(output(&[]).2, Some(2));
}

#[test]
fn explain_knows_every_code_and_the_nearest_one() {
    let (stdout, stderr, code) = output(&["explain", "check/range"]);
    let expected = "check/range: a number is out of range\n\n\
                    A number is below the minimum or above the maximum of the contract, or no\n\
                    multiple of what it says.\n\n\
                    before:\n  | 1/01;1;04324;0;10;euros;2026-06-15\n\n\
                    after:\n  | 1/01;1;04324;1;10;euros;2026-06-15\n\n\
                    what to do:\n  Correct the cell; ask the owner of the API if the number is right.\n";
    assert_eq!((stdout.as_str(), stderr.as_str(), code), (expected, "", Some(0)));
    let (stdout, stderr, code) = output(&["explain", "check/rnge"]);
    let expected = "error[plan/usage]: there is no code `check/rnge`\n |\n = help: did you mean `check/range`?\n\n";
    assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", expected, Some(2)));
}

#[test]
fn what_the_system_does_not_allow_is_told_with_what_to_do() {
    let used = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (host, port) = (used.local_addr().unwrap().to_string(), used.local_addr().unwrap().port().to_string());
    let table: [(&[&str], String); 5] = [
        (
            &["sandbox", "--port", &port],
            format!(
                "error[sandbox/cannot-listen]: the sandbox cannot listen on `{host}`: address already in use\n |\n \
                 = help: another program listens there; name another port with `--port`, or 0 for a free one\n\n"
            ),
        ),
        (
            &["preview", "samples/flight-00", "--port", &port],
            format!(
                "error[preview/cannot-listen]: the preview cannot listen on `{host}`: address already in use\n |\n \
                 = help: another program listens there; name another port with `--port`, or 0 for a free one\n\n"
            ),
        ),
        (
            &["sandbox", "--port", "0", "--keep", "Cargo.toml"],
            "error[report/cannot-write]: cannot use the folder `Cargo.toml`: file exists\n |\n \
             = help: something of this name is there already; name another place, then run the same command again\n\n"
                .into(),
        ),
        (
            &["man", "nowhere"],
            "error[report/cannot-write]: cannot write `nowhere`: no such file or directory\n |\n \
             = help: name a folder that is there, then run the same command again\n\n"
                .into(),
        ),
        (
            &["purge", "--state", "Cargo.toml"],
            "error[deliver/state]: the state folder `Cargo.toml` cannot be used: not a directory\n |\n \
             = help: it is a file, or lies below one; name a folder, or use another folder with `--state DIR`; \
             nothing was sent\n\n"
                .into(),
        ),
    ];
    for (arguments, expected) in table {
        let (stdout, stderr, code) = output(arguments);
        assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", expected.as_str(), Some(6)), "{arguments:?}");
        assert!(!stderr.contains("free space"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_6_and_stderr_says_why() {
    let expected = "error[report/cannot-write]: cannot write stdout: no space left on device\n";
    let table: [&[&str]; 6] = [
        &["--help"],
        &["help", "convert"],
        &["--version"],
        &["explain"],
        &["explain", "check/range"],
        &["check", "mappings/inflight-sales.yaml"],
    ];
    for arguments in table {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = xwalk(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((said.starts_with(expected), output.status.code()), (true, Some(6)), "{arguments:?}: {said}");
    }
}

#[test]
fn the_answer_of_check_goes_to_stdout_and_findings_do_not() {
    let (stdout, stderr, code) = output(&["check", "mappings/inflight-sales.yaml"]);
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    assert!(stdout.starts_with("mappings/inflight-sales.yaml: good for "), "{stdout}");
    assert_eq!(output(&["check", "mappings/inflight-sales.yaml", "-q"]), (String::new(), String::new(), Some(0)));
    let (stdout, stderr, code) = output(&["check", "mappings/inflight-sales.yaml", "--profile", "none"]);
    assert_eq!((stdout.as_str(), code), ("", Some(2)));
    assert!(stderr.starts_with("error[plan/"), "{stderr}");
}

#[test]
fn a_closed_pipe_is_fine() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = xwalk(&["completions", "bash"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

/// A closed stdout looks like a null device that was handed over for reading and writing: an answer there is nobody's.
#[cfg(unix)]
#[test]
fn an_answer_that_nobody_reads_is_no_error() {
    let (full, fine) = ((6, "error[report/cannot-write]: cannot write stdout"), (0, ""));
    for (line, (code, expected)) in [
        ("check mappings/inflight-sales.yaml >&-", fine),
        ("check mappings/inflight-sales.yaml <>/dev/null >&0", fine),
        ("check mappings/inflight-sales.yaml >/dev/null", fine),
        ("check mappings/inflight-sales.yaml >/dev/full", full),
        ("explain >&-", fine),
        ("explain check/range >/dev/full", full),
        ("completions bash >/dev/full", full),
        ("--version <>/dev/null >&0", fine),
        ("--version >/dev/full", full),
        ("convert --help >/dev/full", full),
        ("check no-mapping.yaml >&-", (2, "error[plan/missing-file]")),
        ("explain no/code >&-", (2, "error[plan/usage]")),
        ("convert samples/flight-01 --validate-only -q >&-", fine),
    ] {
        let run = format!("{} {line}", env!("CARGO_BIN_EXE_xwalk"));
        let output = Command::new("sh").args(["-c", &run]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.starts_with(expected)), (Some(code), true), "{line}: {said}");
        assert!(!expected.is_empty() || said.is_empty(), "{line}: {said}");
    }
}

/// Where the documents went has to be said, and they are not made if they would be lost.
#[cfg(unix)]
#[test]
fn documents_that_nobody_has_are_not_called_written_to_stdout() {
    let run = format!("{} convert samples/flight-01 --color never", env!("CARGO_BIN_EXE_xwalk"));
    let (written, lost) =
        ((0, " documents written to /dev/null"), (6, "stdout is closed, so the documents would be lost"));
    for (flags, (code, expected)) in [
        ("-o - >/dev/null", written),
        ("-o /dev/stdout >/dev/null", written),
        ("-o /dev/null >&-", written),
        ("-o - >&-", lost),
        ("-o - >&- <&-", lost),
        ("-o /dev/stdout >&-", lost),
    ] {
        let output = Command::new("sh").args(["-c", &format!("{run} {flags}")]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{flags}: {said}");
        assert_eq!((output.stdout, output.status.code()), (Vec::new(), Some(code)), "{flags}");
    }
}
