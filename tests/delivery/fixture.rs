//! A folder with everything that a run needs, every cell of it marked, and the search for these marks in all that a run
//! writes.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    canary::{CELL, EMAIL, TOKEN, find_leak},
    server::SandboxProcess,
};

/// Profiles in addition to the shipped ones.
const PROFILES: &str = "  by_variable: { extends: dev, auth: { bearer: { env: ECRM_TOKEN } } }
  by_file: { extends: dev, auth: { bearer: { file: token } } }
";

/// A folder with everything that a run needs.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    /// Flags for all its runs.
    pub(crate) flags: Vec<String>,
}

/// A run that ended.
pub(crate) struct FinishedRun {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// With ports and folders replaced by placeholders.
    pub(crate) stderr: String,
}

impl Fixture {
    pub(crate) fn new(customers: usize, flags: &[&str]) -> Fixture {
        let fixture = Fixture {
            folder: tempfile::tempdir().unwrap(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        for folder in ["mappings", "schemas", "drop"] {
            fs::create_dir(fixture.path(folder)).unwrap();
        }
        for file in ["mappings/inflight-sales.yaml", "schemas/customers.schema.json"] {
            fs::copy(file, fixture.path(file)).unwrap();
        }
        fs::write(fixture.path("profiles.yaml"), fs::read_to_string("profiles.yaml").unwrap() + PROFILES).unwrap();
        fs::write(fixture.path("token"), format!("{TOKEN}\n")).unwrap();
        fs::set_permissions(fixture.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
        let mut files = [
            "customer_id;title;lastname;firstname;postal_code;city;email\n".to_owned(),
            "purchase_identifier;customer_id;product_id;quantity;price;currency;date\n".to_owned(),
        ];
        for id in 0..customers {
            let name = CELL.replace('"', "\"\"");
            writeln!(files[0], "{id};1;\"{name}\";{id:05};10000;Nowhere;{EMAIL}").unwrap();
            // The currency is not marked: the summary shows it.
            let product = CELL.replace('"', "");
            writeln!(files[1], "{id}/1;{id};{product};1;10.50;euros;2017-12-31").unwrap();
        }
        fs::write(fixture.path("drop/customers.csv"), &files[0]).unwrap();
        fs::write(fixture.path("drop/purchases.csv"), &files[1]).unwrap();
        fixture
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
        command.args(arguments).args(&self.flags).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("XWALK_PROFILE").env_remove("RUST_LOG").env("ECRM_TOKEN", TOKEN);
        // `cargo test` sets it, and the loader would look for each library in all its folders: a thousand more calls.
        command.env_remove("LD_LIBRARY_PATH");
        command.env_remove("STATE_DIRECTORY").env("XDG_STATE_HOME", self.path("state"));
        command
    }

    pub(crate) fn convert(&self, profile: &str, url: &str, more: &[&str]) -> Command {
        let url = format!("url={url}");
        let soon = ["--set", "retry.fixed.wait=10ms", "--set", "deadline=20s"];
        // A test of the deadline sets its own.
        let quick = if more.iter().any(|set| set.starts_with("deadline")) { &soon[..2] } else { &soon };
        let arguments = [&["convert", "drop", "--profile", profile, "--set", &url][..], quick, more].concat();
        self.command(&arguments)
    }

    /// Runs a command to its end, and checks its output for leaks.
    pub(crate) fn run(&self, mut command: Command) -> FinishedRun {
        let Output { status, stdout, stderr } = command.output().unwrap();
        self.check_output(status.code(), &stdout, &stderr)
    }

    /// Kills a run, and checks its output for leaks.
    pub(crate) fn kill(&self, mut child: Child) -> FinishedRun {
        // It may have come to its end already.
        let _ = child.kill();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        self.check_output(status.code(), &stdout, &stderr)
    }

    /// Checks everything that a run wrote for leaks, except the documents it delivered.
    pub(crate) fn check_output(&self, code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> FinishedRun {
        for (stream, bytes) in [("stdout", stdout), ("stderr", stderr)] {
            assert_eq!(find_leak(bytes), None, "{stream}: {}", String::from_utf8_lossy(bytes));
        }
        for (path, bytes) in self.state_files() {
            assert_eq!(find_leak(&bytes), None, "{}", path.display());
        }
        let text = String::from_utf8(stderr.to_vec()).unwrap();
        let folder = self.folder.path().display().to_string();
        FinishedRun { code, stderr: hide_ports(&text.replace(&folder, "FOLDER")) }
    }

    pub(crate) fn start_sandbox(&self, faults: &[&str]) -> SandboxProcess {
        SandboxProcess::start(self.command(&[&["sandbox", "--port", "0"], faults].concat()))
    }

    /// All files of the state folder.
    pub(crate) fn state_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.path("state")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// The first names of all documents that the sandbox accepted, each with how often.
    pub(crate) fn stored_names(&self) -> BTreeMap<String, usize> {
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(self.path("kept")).unwrap() {
            let body: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
            for document in body.as_array().unwrap() {
                assert_eq!((document["last_name"].as_str(), document["email"].as_str()), (Some(CELL), Some(EMAIL)));
                *names.entry(document["first_name"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        names
    }
}

/// The same command, run by another program such as a tracer.
pub(crate) fn run_by(mut program: Command, command: &Command) -> Command {
    program.arg(command.get_program()).args(command.get_args());
    program.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    program
}

/// Replaces ports, which differ from run to run.
fn hide_ports(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("127.0.0.1:") {
        hidden += before;
        hidden += "127.0.0.1:PORT";
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    hidden + rest
}
