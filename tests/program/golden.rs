//! Every folder in `cases`: run, compare, `BLESS=1` to accept.
//!
//! A case is `<stage>-<behaviour>/` with a `mapping.yaml` whose first line says what it shows, its input files, and
//! `expected/`: `documents.jsonl` (stdout, one document a line), `stdout.txt` (stdout when it is no list of documents),
//! `diagnostics.txt` (stderr), `exit` (only if not 0), and every file that the run wrote, under its own name.
//! `args` holds other arguments than the usual ones, one a line; `stdin` is what is piped in. With `answer.http` an API
//! gives every request this answer; `ADDRESS` in `args` and in stderr is its address.
//! Outputs are compared whole: a file too many is a failure, and so is an input that was changed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use xwalk::diagnostic::Code;

/// What runs when a case has no `args`.
const USUAL: &str = "convert\n.\n--mapping\nmapping.yaml\n--output\n-\n";

/// The folders that cases may refer to, as in `../../../schemas`.
const SHARED: &[&str] = &["schemas", "mappings", "samples"];

/// Files by their path inside a folder.
type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn cases_give_what_they_promise() {
    let root = tempfile::tempdir().unwrap();
    for folder in SHARED {
        write(&root.path().join(folder), &read(Path::new(folder)));
    }
    let names = case_names();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(names.len());
    let mut failures: Vec<String> = thread::scope(|scope| {
        let shares: Vec<_> = (0..workers)
            .map(|first| {
                let share = names.iter().skip(first).step_by(workers);
                let root = root.path();
                scope.spawn(move || share.flat_map(|name| failures(root, name)).collect::<Vec<_>>())
            })
            .collect();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect()
    });
    failures.sort();
    let count = failures.len();
    assert!(failures.is_empty(), "\n{}\n{count} differences; `BLESS=1 cargo test` accepts them", failures.join("\n"));
}

#[test]
fn cases_are_named_and_introduced() {
    let stages: Vec<&str> = Code::ALL.iter().filter_map(|code| code.word().split_once('/')).map(|(s, _)| s).collect();
    for name in case_names() {
        let stage = name.split_once('-').map(|(stage, _)| stage).unwrap();
        assert!(stages.contains(&stage), "{name}: `{stage}` is no stage");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        let case = Path::new("tests/cases").join(&name);
        let introduced = ["mapping.yaml", "args"].iter().find_map(|file| fs::read_to_string(case.join(file)).ok());
        let says = introduced.unwrap_or_default();
        assert!(says.starts_with("# ") && says.lines().next().unwrap().ends_with('.'), "{name}: what does it show?");
    }
}

#[test]
fn every_mapping_has_a_case() {
    let all: Vec<String> =
        case_names().iter().filter_map(|name| fs::read_to_string(format!("tests/cases/{name}/args")).ok()).collect();
    for (file, text) in read(Path::new("mappings")) {
        let is_mapping = text.starts_with(b"# yaml-language-server") || text.starts_with(b"mapping:");
        let path = format!("../../../mappings/{file}");
        let has_case = all.iter().any(|args| args.lines().any(|line| line == path));
        assert!(!is_mapping || has_case, "no case runs {file}");
    }
}

#[test]
fn times_are_left_out() {
    let table = [
        ("2 documents valid (1 s)\n\na", "2 documents valid\n\na"),
        ("2 documents valid (1 batch, 414 B, 12 s)\n", "2 documents valid (1 batch, 414 B)\n"),
        ("{\"a\":{\"elapsed_ms\":34}}\n", "{\"a\":{\"elapsed_ms\":0}}\n"),
        ("2 documents valid (1 batch)\n", "2 documents valid (1 batch)\n"),
    ];
    for (text, expected) in table {
        assert_eq!(without_times(text.into()), expected.as_bytes());
    }
}

#[test]
fn documents_are_cut_out_of_their_list() {
    assert_eq!(documents(b"[{\"a\":\"],\"},\n{}]\n"), Some("{\"a\":\"],\"}\n{}\n".into()));
    assert_eq!(documents(b"[]\n"), Some(String::new()));
    for other in [&b""[..], b"[]", b"{}\n", b"[{},{}]", b"[1,\n2]", b"[\n{}]\n"] {
        assert_eq!(documents(other), None);
    }
}

/// What is different from what one case promises, or nothing.
fn failures(root: &Path, name: &str) -> Vec<String> {
    let case = Path::new("tests/cases").join(name);
    let (mut expected, mut given) = (Files::new(), Files::new());
    for (path, bytes) in read(&case) {
        match path.strip_prefix("expected/") {
            Some(path) => expected.insert(path.to_owned(), bytes),
            None => given.insert(path, bytes),
        };
    }
    let found = run(&root.join(&case), &given);
    if let Some(wrong) = unbalanced(&root.join(&case), &given) {
        return vec![format!("{name}: {wrong}")];
    }
    if found == expected {
        return Vec::new();
    }
    if blesses() {
        let _ = fs::remove_dir_all(case.join("expected"));
        write(&case.join("expected"), &found);
        return Vec::new();
    }
    let mut paths: Vec<&String> = expected.keys().chain(found.keys()).collect();
    paths.sort();
    paths.dedup();
    let differs = |path: &String| difference(expected.get(path), found.get(path));
    paths.into_iter().filter_map(|path| differs(path).map(|what| format!("{name}/expected/{path}{what}"))).collect()
}

/// What a second run, with a summary for scripts, says against the first: rows that ended in no bucket, or in two.
fn unbalanced(folder: &Path, given: &Files) -> Option<String> {
    if given.get("args").is_some_and(|args| text(Some(args)).contains("--message-format")) {
        return None;
    }
    let output = start(folder, given, &["--message-format", "json"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let summary = told.lines().find(|line| line.contains("\"balanced\":"))?;
    (!summary.contains("\"balanced\":true")).then(|| format!("not every row is in one bucket: {summary}"))
}

fn start(folder: &Path, given: &Files, more: &[&str]) -> Output {
    let args = given.get("args").map_or_else(|| USUAL.to_owned(), |args| String::from_utf8(args.clone()).unwrap());
    let api = given.get("answer.http").map(|answer| Api::start(text(Some(answer))));
    let address = api.as_ref().map_or_else(String::new, |api| api.address.to_string());
    let stdin = File::open(folder.join("stdin")).map_or_else(|_| Stdio::null(), Stdio::from);
    // The ports of two runs may be the same, and then the second would have nothing to do.
    let state = tempfile::tempdir().unwrap();
    let mut output = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .args(args.lines().filter(|line| !line.starts_with("# ")).map(|line| line.replace("ADDRESS", &address)))
        .args(more)
        .current_dir(folder)
        .env_clear()
        .envs([("NO_COLOR", "1"), ("COLUMNS", "80")])
        .env("HOME", folder.join("../../.."))
        .env("XDG_STATE_HOME", state.path())
        .stdin(stdin)
        .output()
        .unwrap();
    if let Some(api) = api {
        output.stderr = String::from_utf8(output.stderr).unwrap().replace(&address, "ADDRESS").into();
        assert!(api.stop() > 0, "{}: nobody asked the API", folder.display());
    }
    output
}

/// An API that gives every request the same answer, over a real socket.
struct Api {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: thread::JoinHandle<u32>,
}

impl Api {
    /// `answer`: a status line and headers, an empty line, and the body; the length of the body is added.
    fn start(answer: String) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = thread::spawn(move || {
            let (head, body) = answer.split_once("\n\n").unwrap();
            let length = body.trim_end().len();
            let head = format!("{head}\nContent-Length: {length}\nConnection: close").replace('\n', "\r\n");
            let answer = format!("{head}\r\n\r\n{}", body.trim_end());
            let mut asked = 0;
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                asked += u32::from(Api::exchange(&stream.unwrap(), &answer).is_ok());
            }
            asked
        });
        Api { address, stopped, thread }
    }

    /// Reads a whole request and answers it.
    fn exchange(stream: &TcpStream, answer: &str) -> io::Result<()> {
        let (mut reader, mut line, mut length) = (BufReader::new(stream), String::new(), 0);
        while reader.read_line(&mut line)? > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        reader.read_exact(&mut vec![0; length])?;
        let mut stream = stream;
        stream.write_all(answer.as_bytes())
    }

    /// How many requests there were.
    fn stop(self) -> u32 {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap()
    }
}

/// Runs a case in a copy of its folder and gives back all that came out of it.
fn run(folder: &Path, given: &Files) -> Files {
    write(folder, given);
    let output = start(folder, given, &[]);
    let mut found: Files = read(folder).into_iter().filter(|(path, bytes)| given.get(path) != Some(bytes)).collect();
    let exit = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
    if exit != "0" {
        found.insert("exit".into(), format!("{exit}\n").into());
    }
    let stderr = without_times(output.stderr);
    match documents(&output.stdout) {
        Some(documents) => found.insert("documents.jsonl".into(), documents.into()),
        None if output.stdout.is_empty() => None,
        None => found.insert("stdout.txt".into(), without_times(output.stdout)),
    };
    for (path, bytes) in &mut found {
        if path.starts_with("report.") {
            *bytes = without_moment(&text(Some(bytes))).into_bytes();
        }
    }
    if !stderr.is_empty() {
        found.insert("diagnostics.txt".into(), stderr);
    }
    found
}

/// The summary without how long the run took: `(2 s)`, `, 2 s)` and `"elapsed_ms":34`.
fn without_times(stderr: Vec<u8>) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(stderr.clone()) else { return stderr };
    for (before, after) in [(" (", " s)\n"), (", ", " s)\n"), ("\"elapsed_ms\":", "}}\n")] {
        let Some(end) = text.find(after) else { continue };
        let start = text[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Some(kept) = text[..start].strip_suffix(before).map(str::len).filter(|_| start < end) else { continue };
        let instead = match before {
            " (" => "",
            ", " => ")",
            _ => "\"elapsed_ms\":0}}",
        };
        text.replace_range(kept..end + after.len() - 1, instead);
    }
    text.into_bytes()
}

/// A report without when it was made, how long that took, and by which version.
fn without_moment(report: &str) -> String {
    let moment = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").unwrap();
    let elapsed = regex::Regex::new(r#""elapsed_ms":\d+"#).unwrap();
    let report = moment.replace_all(report, "2030-12-31T12:00:00").into_owned();
    let report = elapsed.replace_all(&report, "\"elapsed_ms\":0").into_owned();
    let version = env!("CARGO_PKG_VERSION");
    report.replace(&format!("\"{version}\""), "\"VERSION\"").replace(&format!("xwalk {version},"), "xwalk VERSION,")
}

/// The documents of a list as xwalk writes it, one a line; `None` when a byte of it is not as promised.
fn documents(stdout: &[u8]) -> Option<String> {
    let inner = std::str::from_utf8(stdout).ok()?.strip_prefix('[')?.strip_suffix("]\n")?;
    if inner.is_empty() {
        return Some(String::new());
    }
    let lines: Vec<&str> = inner.split(",\n").collect();
    let whole = |line: &&str| line.starts_with('{') && line.ends_with('}') && !line.contains('\n');
    lines.iter().all(whole).then(|| lines.join("\n") + "\n")
}

/// How two files differ: the lines between those that are the same at both ends.
fn difference(expected: Option<&Vec<u8>>, found: Option<&Vec<u8>>) -> Option<String> {
    let (expected, found) = match (expected, found) {
        (Some(expected), Some(found)) if expected == found => return None,
        (Some(_), None) => return Some(" is missing\n".into()),
        (None, Some(found)) => return Some(format!(" appeared:\n{}", String::from_utf8_lossy(found))),
        (expected, found) => (text(expected), text(found)),
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), found.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let mut told = format!(" differs from line {}:\n", head + 1);
    let shown = |told: &mut String, sign: char, lines: &[&str]| {
        for line in &lines[head..lines.len() - tail] {
            told.push(sign);
            told.push_str(line);
            told.push('\n');
        }
    };
    shown(&mut told, '-', &old);
    shown(&mut told, '+', &new);
    Some(told)
}

fn text(bytes: Option<&Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.map_or(&[], Vec::as_slice)).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn blesses() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1")
}

fn case_names() -> Vec<String> {
    let entries = fs::read_dir("tests/cases").unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All files below a folder.
fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(folder.join(&inside)).unwrap() {
            let path = inside.join(entry.unwrap().file_name());
            if folder.join(&path).is_dir() {
                open.push(path);
            } else {
                files.insert(path.to_str().unwrap().to_owned(), fs::read(folder.join(&path)).unwrap());
            }
        }
    }
    files
}

fn write(folder: &Path, files: &Files) {
    fs::create_dir_all(folder).unwrap();
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
