//! A recording that is divided into partitions gives what it gives as one partition: the same documents, byte for byte, the same findings,
//! the same rejects, the same sums, whatever the sizes of blocks and partitions.
//!
//! Every case of `cases/` that converts is run in partitions, and so are random recordings. Findings may come in another order.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]
#![expect(clippy::disallowed_methods, reason = "the length of a sample is asked for in the environment")]

mod embedded;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process, thread,
};

use serde_json::Value;
use xwalk::{
    cli::{Command, Convert, parse::parse},
    diagnostic::Code,
    options::{Memory, MessageFormat},
};

use crate::embedded::{Run, run_program};

/// What came out of a run: exit code, stdout, findings and summary in the order of their text, files.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    exit: u8,
    out: String,
    told: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

/// Runs a conversion in a folder.
fn run(folder: &Path, convert: &Convert) -> Outcome {
    // What was delivered before is sent again by a run that does not know of it.
    let state = tempfile::tempdir().unwrap();
    let paths = [("HOME", folder.join("../../..")), ("XDG_STATE_HOME", state.path().to_owned())];
    let environment = paths.map(|(name, path)| (name.to_owned(), path.display().to_string())).into();
    let Run { exit, out, err: told } = run_program(convert, folder, &environment);
    let out = String::from_utf8_lossy(&out).into_owned();
    // Without documents, stdout carries the lines for scripts.
    let (told, out) = if convert.validate_only { (told + &out, String::new()) } else { (told, out) };
    let mut told: Vec<String> = told.lines().map(str::to_owned).collect();
    told.sort();
    Outcome { exit, out, told, files: files(folder) }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            files.insert(path.display().to_string(), bytes);
        }
    }
    files
}

/// The conversion of a command line, with findings for scripts.
fn converts(args: &[&str]) -> Option<Convert> {
    let args = ["xwalk"].iter().chain(args).map(OsString::from);
    match parse(args).ok()?.command {
        Command::Convert(mut convert) => {
            convert.messages.message_format = MessageFormat::Json;
            // A report says when it was written; what it tells stands in the summary.
            convert.reports.clear();
            Some(convert)
        }
        _ => None,
    }
}

/// The same, divided into partitions, of which so many bytes stay in memory.
fn divided(convert: &Convert, block: usize, partition: u64, held: u64) -> Convert {
    Convert { memory: Memory { all: 0, held, block, partition }, ..convert.clone() }
}

fn without_notice(mut outcome: Outcome) -> Outcome {
    // What else is told of a recording that cannot be trusted depends on what is read first.
    if outcome.exit == 3 {
        outcome.told.clear();
    }
    let notice = format!("{{\"type\":\"finding\",\"version\":1,\"code\":\"{}\"", Code::JoinHeldInMemory.word());
    outcome.told.retain(|line| !line.starts_with(&notice));
    for line in &mut outcome.told {
        // The sandbox listens on any free port.
        if let Some((before, (_, after))) =
            line.split_once("http://127.0.0.1:").and_then(|(before, rest)| Some((before, rest.split_once('/')?)))
        {
            *line = format!("{before}{after}");
        }
        if line.starts_with("{\"type\":\"summary\"") {
            *line = comparable_summary(line);
        }
    }
    outcome
}

/// A summary that counts no notice of what is held in memory, and does not say how long it took and how often was tried what
/// has a deadline: that depends on how busy the machine is.
fn comparable_summary(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let notice = Code::JoinHeldInMemory.word();
    let summary = line["summary"].as_object_mut().unwrap();
    summary.shift_remove("elapsed_ms");
    if let Some(volume) = summary["volume"].as_object_mut() {
        volume.shift_remove("requests");
    }
    if let Some(findings) = summary["findings"].as_object_mut() {
        findings.shift_remove(notice);
    }
    if let Some(overview) = summary["overview"].as_array_mut() {
        overview.retain(|cause| cause["code"] != notice);
    }
    line.to_string()
}

fn compare(name: &str, folder: &Path, convert: &Convert, sizes: &[(usize, u64)]) -> u8 {
    let expected = without_notice(run(folder, convert));
    for ((block, partition), held) in sizes.iter().flat_map(|sizes| [(sizes, 0), (sizes, 1 << 30)]) {
        let found = without_notice(run(folder, &divided(convert, *block, *partition, held)));
        let shown = |outcome: &Outcome| format!("exit {}\n{}{}", outcome.exit, outcome.out, outcome.told.join("\n"));
        let sizes = format!("blocks of {block}, partitions of {partition}, {held} held");
        if shown(&expected) != shown(&found) {
            let only = |one: &Outcome, other: &Outcome| {
                one.told.iter().filter(|line| !other.told.contains(line)).cloned().collect::<Vec<_>>().join("\n")
            };
            let (missing, new) = (only(&expected, &found), only(&found, &expected));
            let told = [&expected, &found].map(|outcome| outcome.told.len());
            panic!("{name}, {sizes}:\n{}\n{}\nmissing:\n{missing}\nnew:\n{new}\n{told:?}", expected.out, found.out);
        }
        assert!(found.files == expected.files, "{name}, {sizes}: other files");
    }
    expected.exit
}

#[test]
fn cases_are_the_same_in_partitions() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["schemas", "mappings", "samples", "tests/cases"] {
        copy(Path::new(folder), &root.path().join(folder));
    }
    let mut names: Vec<_> = fs::read_dir("tests/cases").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let folder = root.path().join("tests/cases").join(&name);
        if folder.join("answer.http").exists() || folder.join("stdin").exists() {
            continue;
        }
        let usual = "convert\n.\n--mapping\nmapping.yaml\n--output\n-\n".to_owned();
        let args = fs::read_to_string(folder.join("args")).unwrap_or(usual);
        let args: Vec<&str> = args.lines().filter(|line| !line.starts_with("# ")).collect();
        if let Some(convert) = converts(&args) {
            compare(&name.to_string_lossy(), &folder, &convert, &[(1 << 20, 1), (1, 60), (33, 1 << 20)]);
        }
    }
}

/// A job as people bring it: a case of `cases/`, and how its rows become many.
struct Job {
    case: &'static str,
    /// The file whose rows are repeated, or several.
    files: &'static [&'static str],
    /// How many lines stand before its rows, and behind them.
    around: (usize, usize),
    /// How keys begin, in cells and in documents: the number of the copy comes behind the first letter.
    keys: &'static [&'static str],
    /// Where its documents are expected, and the list of an envelope that holds them.
    output: &'static str,
    list: Option<&'static str>,
}

/// The real exports that the language was made for.
const JOBS: [Job; 5] = [
    Job {
        case: "join-merge-orders",
        files: &["orders_export.csv"],
        around: (1, 0),
        keys: &["#1"],
        output: "stdout.txt",
        list: None,
    },
    Job {
        case: "transform-job-hubspot",
        files: &["contacts.csv"],
        around: (1, 0),
        keys: &["@"],
        output: "stdout.txt",
        list: Some("inputs"),
    },
    Job {
        case: "transform-job-geojson",
        files: &["stops.txt"],
        around: (1, 0),
        keys: &["S1", "S2", "S3", "S4", "S5"],
        output: "stdout.txt",
        list: Some("features"),
    },
    Job {
        case: "transform-job-erp",
        files: &["products.csv", "prices.csv", "attributes.csv"],
        around: (1, 0),
        keys: &["A-"],
        output: "documents.jsonl",
        list: None,
    },
    Job {
        case: "read-bank-statement",
        files: &["umsatz.csv"],
        around: (4, 1),
        keys: &[],
        output: "documents.jsonl",
        list: None,
    },
];

impl Job {
    /// A copy of a text, with keys of its own.
    fn renumber(&self, text: &[u8], copy: usize) -> Vec<u8> {
        let Ok(mut text) = String::from_utf8(text.to_vec()) else { return text.to_vec() };
        for key in self.keys {
            text = text.replace(key, &format!("{}{copy:05}{}", &key[..1], &key[1..]));
        }
        text.into_bytes()
    }

    /// Repeats the rows of a file.
    fn repeat(&self, file: &Path, copies: usize) {
        let bytes = fs::read(file).unwrap();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let (before, behind) = self.around;
        let rows = lines[before..lines.len() - behind].concat();
        let mut large = lines[..before].concat();
        for copy in 0..copies {
            large.extend(self.renumber(&rows, copy));
            if !large.ends_with(b"\n") {
                large.push(b'\n');
            }
        }
        large.extend(lines[lines.len() - behind..].concat());
        fs::write(file, large).unwrap();
    }

    /// The documents of an output.
    fn read_documents(&self, output: &str) -> Vec<Value> {
        let bodies = serde_json::Deserializer::from_str(output).into_iter::<Value>();
        let documents = bodies.flat_map(|body| match (body.unwrap(), self.list) {
            (Value::Array(documents), None) => documents,
            (mut body, Some(list)) => body[list].as_array_mut().map(std::mem::take).unwrap(),
            (document, None) => vec![document],
        });
        documents.collect()
    }
}

#[test]
fn jobs_give_the_same_documents_however_large_they_are() {
    let bytes = env::var("XWALK_JOB_BYTES").map_or(200_000, |bytes| bytes.parse().unwrap());
    for job in JOBS {
        let root = tempfile::tempdir().unwrap();
        let case = Path::new("tests/cases").join(job.case);
        let expected = fs::read_to_string(case.join("expected").join(job.output)).unwrap();
        let folder = |name: &str, copies: usize| {
            let folder = root.path().join("a/b/c").join(name);
            copy(&case, &folder);
            job.files.iter().for_each(|file| job.repeat(&folder.join(file), copies));
            folder
        };
        let small: u64 = job.files.iter().map(|file| fs::metadata(case.join(file)).unwrap().len()).sum();
        let copies = usize::try_from(bytes / small).unwrap();
        let large = folder("large", copies);
        let write = converts(&["convert", ".", "--mapping", "mapping.yaml", "--output", "-"]).unwrap();
        let found = job.read_documents(&run(&large, &write).out);
        let expected = (0..copies).flat_map(|copy| {
            let text = String::from_utf8(job.renumber(expected.as_bytes(), copy)).unwrap();
            job.read_documents(&text)
        });
        assert!(found.into_iter().eq(expected), "{}: other documents", job.case);
        // In memory, and on disk.
        compare(job.case, &large, &write, &[(1 << 14, bytes / 8)]);
        // As requests, some of which hold one document each.
        let deliver = converts(&["convert", ".", "--mapping", "mapping.yaml", "--set", "url=sandbox"]).unwrap();
        assert_eq!(compare(job.case, &folder("sent", 20), &deliver, &[(64, 4_096)]), 1, "{}", job.case);
    }
}

#[test]
fn what_cannot_be_divided_is_held_and_that_is_told() {
    let root = tempfile::tempdir().unwrap();
    copy(Path::new("tests/cases/join-one"), root.path());
    let convert = converts(&["convert", ".", "--mapping", "mapping.yaml", "--output", "-"]).unwrap();
    let told = run(root.path(), &divided(&convert, 1, 1, 0)).told;
    let notice = "{\"type\":\"finding\",\"version\":1,\"code\":\"join/held-in-memory\",\"severity\":\"notice\",\"message\":\"this recording does not fit into \
        `--memory`, and its mapping needs all of it at once\"";
    assert_eq!(told.iter().filter(|line| line.starts_with(notice)).count(), 1, "{told:?}");
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (drop, temporary) = (root.path().join("drop"), root.path().join("temporary"));
    fs::create_dir(&drop).unwrap();
    fs::create_dir(&temporary).unwrap();
    let mut customers = String::from("customer_id;title;lastname;firstname;postal_code;city;email\n");
    let mut purchases = String::from("purchase_identifier;customer_id;product_id;quantity;price;currency;date\n");
    for number in 0..60_000 {
        writeln!(customers, "{number};1;{};F;1;C;a@b.cd", "N".repeat(250)).unwrap();
        writeln!(purchases, "{number};{number};p;1;1.5;euros;2017-12-31").unwrap();
    }
    fs::write(drop.join("customers.csv"), customers).unwrap();
    fs::write(drop.join("purchases.csv"), purchases).unwrap();
    // No file of this shell may grow beyond some blocks of 512 bytes, and writing more is an error, not a signal.
    let command = format!(
        "trap '' XFSZ; ulimit -f 8000; exec {} convert {} --memory 32MiB --output {} \
        --mapping mappings/inflight-sales.yaml",
        env!("CARGO_BIN_EXE_xwalk"),
        drop.display(),
        root.path().join("out.json").display()
    );
    let mut shell = process::Command::new("sh");
    shell.args(["-c", &command]).env("TMPDIR", &temporary);
    let output = shell.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = format!("cannot write a temporary file in `{}`", temporary.display());
    assert!(output.status.code() == Some(6) && told.contains(&expected), "{:?}: {told}", output.status);
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2, "an output is left");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % count
    }

    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// What keeps amounts apart: texts of every length, some of them written in two ways.
const UNITS: [&str; 9] =
    ["e", "\"d\"", "d", "", "a unit of sixteen", "a unit of sixteen b", "\"a \"\"b\"\"\"", "a b", "\u{20AC}"];

/// Orders with lines with parts, and notes: with keys that are there twice, orphans, and damage of every kind.
fn recording(folder: &Path, dice: &mut Dice) {
    let orders = dice.below(12) + 1;
    // Longer than one byte can tell.
    let long = "l".repeat(300);
    let id = |dice: &mut Dice, count: u64| {
        let number = dice.below(count + 2);
        if number.is_multiple_of(3) { format!("a-long-key-{number}") } else { number.to_string() }
    };
    let damage = ["", "", "", "", "", "", "", "", "", "", "", "", ";x", "\u{FEFF}", "\0", "\n", ";y;1;2;3", "\"q\""];
    let ends = ["\n", "\n", "\n", "\n", "\n", "\n", "\r\n", "\n\n", "", "\nHEADER\n"];
    let mut table = |name: &str, header: &str, count: u64, row: &mut dyn FnMut(&mut Dice, u64) -> String| {
        let mut text = header.to_owned() + "\n";
        let mut rows: Vec<String> = Vec::new();
        for number in 0..count {
            let again = !rows.is_empty() && dice.below(8) == 0;
            let row = if again {
                rows[usize::try_from(dice.below(rows.len() as u64)).unwrap()].clone()
            } else {
                row(dice, number)
            };
            let harmed = dice.one(&damage);
            write!(text, "{row}{harmed}{}", dice.one(&ends).replace("HEADER", header)).unwrap();
            rows.push(row);
        }
        let mut bytes = text.into_bytes();
        if dice.below(6) == 0 && count > 0 {
            bytes.insert(bytes.len() / 2, 0xFF);
        }
        if dice.below(4) == 0 {
            bytes.truncate(bytes.len() - 1);
        }
        fs::write(folder.join(name), bytes).unwrap();
    };
    table("orders.csv", "id;name;kind", orders, &mut |dice, number| {
        let key = if dice.below(20) == 0 {
            String::new()
        } else if dice.below(4) == 0 {
            id(dice, orders)
        } else if number.is_multiple_of(3) {
            format!("a-long-key-{number}")
        } else {
            number.to_string()
        };
        format!(
            "{key};{};{}",
            dice.one(&["Ann", "", "\"C;c\"", "\"two\nlines\"", "Zoë", "", &long]),
            dice.one(&["1", "2", "1", "1", "", "", "9"])
        )
    });
    table("lines.csv", "line;order;price;unit", orders * 3, &mut |dice, number| {
        let key = if dice.below(9) == 0 { dice.below(orders * 3) } else { number };
        let key = if dice.below(20) == 0 { String::new() } else { key.to_string() };
        format!("{key};{};{};{}", id(dice, orders), dice.one(&["1", "2.50", "x", "3", "4"]), dice.one(&UNITS))
    });
    table("parts.csv", "part;line;size", orders * 4, &mut |dice, number| {
        format!("{number};{};{}", dice.below(orders * 3 + 2), dice.one(&["1", "2", "3", "30", "y"]))
    });
    table("notes.csv", "order;text", orders, &mut |dice, _| {
        format!("{};{}", id(dice, orders), dice.one(&["n", "\"a\"\"b\"", ""]))
    });
}

/// A random recording with its mapping, and what is to be done with it.
struct Round {
    name: String,
    folder: PathBuf,
    convert: Convert,
}

#[test]
fn random_recordings_are_the_same_in_partitions() {
    let root = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let draw = |number: usize| {
        let folder = root.path().join(format!("{number}/a/b/c"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("schema.json"), r#"{"type":"array","items":{"type":"object"}}"#).unwrap();
        let mapping = mapping(&mut dice);
        fs::write(folder.join("mapping.yaml"), &mapping).unwrap();
        recording(&folder, &mut dice);
        let goal = dice.one(&["--output\n-", "--output\nout.ndjson", "--validate-only", "--profile\nsandbox"]);
        fs::write(folder.join("profiles.yaml"), "profiles:\n  sandbox: { url: sandbox }\n").unwrap();
        let goal: Vec<&str> = goal.split('\n').collect();
        let usual = ["convert", ".", "--mapping", "mapping.yaml", "--rejects", "bad/"];
        let args: Vec<&str> = usual.iter().chain(&goal).copied().collect();
        Round { name: format!("round {number} in {mapping}"), folder, convert: converts(&args).unwrap() }
    };
    let rounds: Vec<Round> = (0..300).map(draw).collect();
    let check =
        |Round { name, folder, convert }: &Round| compare(name, folder, convert, &[(1 << 20, 1), (7, 40), (200, 300)]);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let exits: Vec<u8> = thread::scope(|scope| {
        let shares = rounds.chunks(rounds.len().div_ceil(workers));
        let workers: Vec<_> =
            shares.map(|share| scope.spawn(|| share.iter().map(check).collect::<Vec<u8>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let mut counts = [0; 256];
    for exit in &exits {
        counts[usize::from(*exit)] += 1;
    }
    let [good, rejects, config, refused, ..] = counts;
    assert!(config == 0 && good + rejects > refused, "{good} good, {rejects} with rejects, {refused} refused");
}

const MAPPING: &str = r#"
mapping: 1
name: orders
contract: schema.json
request: { method: PUT, path: /v1/orders }
dialects:
  d: { delimiter: ";" }
sources:
  orders: { path: orders.csv, dialect: d, key: id, on_duplicate_key: DUPLICATES }
  lines:
    path: lines.csv
    dialect: d
    key: line
    on_duplicate_key: DUPLICATES
    columns: { price: { type: decimal } }
    total: { sum: price, by: unit }
  parts: { path: parts.csv, dialect: d, key: part, on_duplicate_key: DUPLICATES, columns: { size: { type: integer } } }
  notes: { path: notes.csv, dialect: d }
codes:
  kinds:
    values: { "1": One, "2": Two }
    on_unknown: reject
output:
  root: array
  each: orders
  fields:
    id: id
    name: name
    kind: { from: kind, codes: kinds }
    lines:
      many: lines
      match: { order: id }
      ORDER
      ONLY
      on_orphan: ORPHANS
      on_incomplete: INCOMPLETE
      fields:
        price: price
        unit: unit
        parts:
          many: parts
          match: { line: line }
          on_orphan: ORPHANS
          fields: { size: size }
    notes:
      many: notes
      match: { order: id }
      on_orphan: ORPHANS
      fields: { text: text }
"#;

/// The same orders row by row, in a second role of their file.
const ROWS: [(&str, &str); 2] = [
    ("  lines:\n    path", "  rows: { rows_of: orders }\n  lines:\n    path"),
    (
        "    notes:\n      many",
        "    rows: { many: rows, match: { id: id }, on_orphan: ORPHANS, where: \"kind != '2'\", fields: { name: name } }\n    \
            notes:\n      many",
    ),
];

/// A mapping of orders, with policies by chance.
fn mapping(dice: &mut Dice) -> String {
    let duplicates = |dice: &mut Dice| dice.one(&["reject", "keep_first", "keep_last", "reject", "error"]).to_owned();
    let orphans = |dice: &mut Dice| dice.one(&["reject", "warn", "ignore"]).to_owned();
    let incomplete = |dice: &mut Dice| dice.one(&["reject", "send"]).to_owned();
    let order = dice.one(&["", "order_by: [price]"]);
    let only = dice.one(&["", "where: \"unit != ''\"", "where: price > 2 or unit == 'EUR'"]);
    let mut mapping = MAPPING.replace("ORDER", order).replace("ONLY", only);
    if dice.below(2) == 0 {
        // Lists right below the root only: then a document may come in parts.
        let start = mapping.find("        parts:\n          many").unwrap();
        let end = mapping.find("    notes:\n      many").unwrap();
        mapping.replace_range(start..end, "");
        let start = mapping.find("  parts: { path").unwrap();
        let end = mapping.find("  notes: { path").unwrap();
        mapping.replace_range(start..end, "");
    }
    if dice.below(2) == 0 {
        mapping = mapping.replacen("on_duplicate_key: DUPLICATES", "on_duplicate_key: merge", 1);
        if dice.below(4) == 0 {
            mapping = mapping.replacen("on_duplicate_key: DUPLICATES", "on_duplicate_key: merge", 1);
        }
        if dice.below(2) == 0 {
            mapping = mapping.replacen("    name: name\n", "", 1);
        }
    }
    if dice.below(3) == 0 {
        mapping =
            mapping.replacen("  each: orders\n", "  each: orders\n  where: kind in ['1', '9'] or name == 'Zoë'\n", 1);
    }
    if dice.below(2) == 0 {
        for (before, after) in ROWS {
            mapping = mapping.replacen(before, after, 1);
        }
    }
    for (word, policy) in [
        ("DUPLICATES", &duplicates as &dyn Fn(&mut Dice) -> String),
        ("ORPHANS", &orphans),
        ("INCOMPLETE", &incomplete),
    ] {
        while mapping.contains(word) {
            mapping = mapping.replacen(word, &policy(dice), 1);
        }
    }
    mapping
}
