//! Files of others through the strict default, other dialects and `header: false`: no silent difference.
//!
//! What is right is said by the corpus where it has an expectation, else by Python's `csv` in strict mode: it was written by
//! others, so it shares no misunderstanding with `read`. Where it is lenient (a quote inside a cell) `xwalk` may refuse; where
//! it refuses, `xwalk` must. A run that ends with 0 must give exactly the expected cells, and one that rejects some records
//! gives nothing that is not expected.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write as _},
    iter,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
};

use serde_json::{Value, json};

use crate::{
    corpus,
    run::{Converted, convert},
};

/// Larger files are left out: a corpus of dialects has no use for size.
const LARGEST: u64 = 1 << 20;

/// The cells of records.
type Rows = Vec<Vec<String>>;

/// The independent reader, a process that is asked file by file.
struct PythonReader {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl PythonReader {
    /// Starts it; `None`: there is no Python here, and that is printed.
    fn start() -> Option<PythonReader> {
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("read.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            println!("skipped: python3, the independent reader, cannot be started");
            return None;
        };
        let (questions, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(PythonReader { child, questions, answers })
    }

    /// The records of a file, or why it does not read it.
    fn read(&mut self, path: &Path, dialect: &Written) -> Result<Rows, String> {
        let request = json!({ "path": path, "delimiter": dialect.delimiter, "quote": dialect.quote });
        writeln!(self.questions, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer.get_mut("rows") {
            Some(rows) => Ok(serde_json::from_value(rows.take()).unwrap()),
            None => Err(answer["wrong"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for PythonReader {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How a file is said to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    delimiter: String,
    quote: String,
    header: bool,
}

impl Written {
    fn usual(header: bool) -> Written {
        Written { delimiter: ",".into(), quote: "\"".into(), header }
    }
}

/// One file read in one way, and what must come out.
struct Attempt {
    /// What the counts are told under.
    mode: String,
    path: PathBuf,
    dialect: Written,
    /// The names of the header, or as many as there are columns.
    names: Vec<String>,
    /// The records below the header, or why nothing may come out.
    expected: Result<Rows, String>,
}

/// What became of attempts.
#[derive(Debug, Default)]
struct Verdicts {
    /// All came out as expected.
    accepted: usize,
    /// Some records were rejected, and the others are as expected.
    in_part: usize,
    /// Nothing came out.
    refused: usize,
    /// Something else came out.
    different: Vec<String>,
}

/// The columns of a header that a mapping can use: those with a name that no other has.
fn usable(names: &[String]) -> Vec<usize> {
    let is_usable = |at: &usize| {
        let name = &names[*at];
        !name.is_empty() && !name.contains('\0') && names.iter().filter(|other| *other == name).count() == 1
    };
    (0..names.len()).filter(is_usable).collect()
}

/// A mapping that takes every usable column as text.
fn mapping(attempt: &Attempt, file: &str, columns: &[usize]) -> String {
    let Attempt { dialect: Written { delimiter, quote, header }, names, .. } = attempt;
    let name = |at: usize| if *header { json!(names[at]) } else { json!(format!("c{at}")) };
    let fields: BTreeMap<String, Value> =
        columns.iter().map(|at| (format!("c{at}"), json!({ "from": name(*at) }))).collect();
    let mut source = json!({ "path": file, "dialect": { "delimiter": delimiter, "quote": quote, "header": header } });
    if !header {
        let columns = columns.iter().map(|at| (format!("c{at}"), json!({}))).collect();
        source["columns"] = Value::Object(columns);
    }
    let request = json!({ "method": "PUT", "path": "/" });
    let output = json!({ "each": "file", "fields": fields });
    json!({
        "mapping": 1, "name": "corpus", "contract": "contract.json", "request": request, "sources": { "file": source },
        "output": output
    })
    .to_string()
}

/// Runs an attempt and judges what came out; `None`: no mapping can use the file.
fn attempted(attempt: &Attempt, verdicts: &mut Verdicts) -> Option<()> {
    let columns = if attempt.dialect.header { usable(&attempt.names) } else { (0..attempt.names.len()).collect() };
    if columns.is_empty() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let packed = attempt.path.extension().is_some_and(|ending| ending == "gz");
    let file = if packed { "file.csv.gz" } else { "file.csv" };
    fs::copy(&attempt.path, folder.path().join(file)).unwrap();
    fs::write(folder.path().join("mapping.yaml"), mapping(attempt, file, &columns)).unwrap();
    fs::write(folder.path().join("contract.json"), r#"{"type":"array","items":{"type":"object"}}"#).unwrap();
    let converted = convert(folder.path(), &[], None);
    let wrong = judged(attempt, &columns, &converted);
    match (wrong, converted.exit) {
        (Some(wrong), _) => {
            let Attempt { mode, path, dialect, .. } = attempt;
            verdicts.different.push(format!(
                "{mode}: {}: {wrong}; {dialect:?}, {:?}",
                path.display(),
                converted.codes()
            ));
        }
        (None, 0) => verdicts.accepted += 1,
        (None, 1) if !converted.documents.is_empty() => verdicts.in_part += 1,
        (None, _) => verdicts.refused += 1,
    }
    Some(())
}

/// What is wrong with what came out.
fn judged(attempt: &Attempt, columns: &[usize], converted: &Converted) -> Option<String> {
    let cell = |document: &Value, at: usize| document[format!("c{at}")].as_str().unwrap_or_default().to_owned();
    let found: Vec<Vec<String>> =
        converted.documents.iter().map(|document| columns.iter().map(|at| cell(document, *at)).collect()).collect();
    // Both are told in a notice.
    let has_blank_lines = converted.codes().iter().any(|code| code == "read/blank-line");
    let is_skipped = |row: &Vec<String>| {
        attempt.dialect.header && *row == attempt.names
            || has_blank_lines && matches!(row.as_slice(), [cell] if cell.is_empty())
    };
    let expected: Result<Vec<(usize, Vec<String>)>, &String> = attempt.expected.as_ref().map(|rows| {
        let records = rows.iter().filter(|row| !is_skipped(row));
        let used = |row: &Vec<String>| columns.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect();
        records.map(|row| (row.len(), used(row))).collect()
    });
    let width = attempt.names.len();
    match (converted.exit, expected) {
        (0, Err(why)) => Some(format!("accepted, and the reader says: {why}")),
        (0, Ok(expected)) => {
            let all = expected.len();
            if expected.iter().any(|(cells, _)| *cells != width) {
                return Some("accepted with records of another width".into());
            }
            let first = expected.iter().zip(&found).position(|((_, one), other)| one != other);
            match first {
                Some(at) => Some(format!("record {at} is {:?}, and {:?} is expected", found[at], expected[at].1)),
                None if found.len() != all => Some(format!("{} records, and {all} are expected", found.len())),
                None => None,
            }
        }
        (1, Ok(expected)) => {
            let mut rest = expected.iter().filter(|(cells, _)| *cells == width);
            let odd = found.iter().find(|row| !rest.any(|(_, expected)| expected == *row))?;
            Some(format!("{odd:?} came out, which is not expected there"))
        }
        (1..=3, _) => None,
        (exit, _) => Some(format!("exit {exit}")),
    }
}

/// Tries all attempts of a corpus, tells the counts by mode, and fails if anything is different.
fn try_all(name: &str, attempts: Vec<Attempt>) {
    let total = attempts.len();
    let (queue, verdicts) = (Mutex::new(attempts.into_iter()), Mutex::new(BTreeMap::<String, Verdicts>::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(attempt) = queue.lock().unwrap().next() else { break };
                    let mut one = Verdicts::default();
                    attempted(&attempt, &mut one);
                    let mut all = verdicts.lock().unwrap();
                    let sum = all.entry(attempt.mode).or_default();
                    sum.accepted += one.accepted;
                    sum.in_part += one.in_part;
                    sum.refused += one.refused;
                    sum.different.append(&mut one.different);
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap();
    for (mode, Verdicts { accepted, in_part, refused, different }) in &verdicts {
        let different = different.len();
        println!("{name}, {mode}: {accepted} as expected, {in_part} in part, {refused} refused, {different} different");
    }
    let different: Vec<&String> = verdicts.values().flat_map(|verdicts| &verdicts.different).collect();
    let lines: Vec<&str> = different.iter().map(|line| line.as_str()).collect();
    assert!(different.is_empty(), "{} silent differences in {total} attempts:\n{}", lines.len(), lines.join("\n"));
    assert!(verdicts.values().any(|verdicts| verdicts.accepted > 0), "{name}: nothing was accepted");
}

/// The files with these endings in a folder and those below it.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        if about.is_dir() {
            found.extend(files(&path, endings));
        } else if about.is_file() && endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            if about.len() > LARGEST {
                println!("left out {}: {} bytes", path.display(), about.len());
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads files with every usual delimiter, with and without a header, as Python reads them.
fn by_python(name: &str, inside: &str) {
    let Some(folder) = corpus(name) else { return };
    let Some(mut python) = PythonReader::start() else { return };
    let mut attempts = Vec::new();
    for path in files(&folder.join(inside), &[".csv", ".tsv", ".csv.gz", ".tbl"]) {
        let text = fs::read(&path).unwrap();
        let others = [";", "|", "\t"].into_iter().filter(|delimiter| text.contains(&delimiter.as_bytes()[0]));
        for (delimiter, header) in iter::once(",").chain(others).flat_map(|one| [(one, true), (one, false)]) {
            let dialect = Written { delimiter: delimiter.into(), ..Written::usual(header) };
            attempts.push(as_python_reads(&mut python, path.clone(), dialect));
        }
        let dialect = Written { quote: "'".into(), ..Written::usual(true) };
        attempts.push(as_python_reads(&mut python, path.clone(), dialect));
        let dialect = Written { quote: String::new(), ..Written::usual(true) };
        attempts.push(as_python_reads(&mut python, path, dialect));
    }
    try_all(name, attempts);
}

/// An attempt with what Python makes of the file.
fn as_python_reads(python: &mut PythonReader, path: PathBuf, dialect: Written) -> Attempt {
    let mut read = python.read(&path, &dialect);
    let first = match &mut read {
        Ok(rows) if dialect.header && !rows.is_empty() => rows.remove(0),
        Ok(rows) => rows.first().cloned().unwrap_or_else(|| vec!["c0".into()]),
        // The file is refused; the mapping asks for what its first line may hold.
        Err(_) => first_line(&path, &dialect.delimiter),
    };
    let mode = match (dialect.delimiter.as_str(), dialect.quote.as_str(), dialect.header) {
        (",", "\"", true) => "strict default".to_owned(),
        (",", "\"", false) => "header: false".to_owned(),
        (_, _, false) => "another delimiter, header: false".to_owned(),
        (",", "", true) => "no quotes".to_owned(),
        (",", _, true) => "another quote".to_owned(),
        _ => "another delimiter".to_owned(),
    };
    Attempt { mode, path, dialect, names: first, expected: read }
}

/// The cells of the first line, by its delimiters alone.
fn first_line(path: &Path, delimiter: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let line = text.trim_start_matches('\u{FEFF}').lines().find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    line.split(delimiter).map(|cell| cell.trim_matches('"').to_owned()).collect()
}

/// The polluted files of Pollock, each with its clean version and its dialect.
#[test]
fn pollock() {
    let Some(folder) = corpus("Pollock").map(|folder| folder.join("polluted_files")) else { return };
    let Some(mut python) = PythonReader::start() else { return };
    let mut attempts = Vec::new();
    for path in files(&folder.join("csv"), &[""]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let clean = python.read(&folder.join("clean").join(&name), &Written::usual(true)).unwrap();
        let parameters = fs::read(folder.join("parameters").join(format!("{name}_parameters.json"))).unwrap();
        attempts.extend(of_pollock(&path, &clean, &serde_json::from_slice(&parameters).unwrap(), &mut python));
    }
    try_all("Pollock", attempts);
}

/// A file of Pollock in all modes.
fn of_pollock(path: &Path, clean: &Rows, declared: &Value, python: &mut PythonReader) -> Vec<Attempt> {
    let text = |key: &str| declared[key].as_str().unwrap_or_default().to_owned();
    let said = Written { delimiter: text("delimiter"), quote: text("quotechar"), header: true };
    let (header, body) =
        clean.split_first().map_or((vec!["c0".into()], &[][..]), |(header, body)| (header.clone(), body));
    // Of two tables with one header its makers want the first; here both come out, and that is told.
    let is_joined = path.ends_with("file_multitable_same.csv");
    // The clean version of several header lines has one, with the names of all, so the first of them is the header here.
    let is_plain = declared["preamble_lines"] == 0 && declared["header_lines"] == 1;
    let mut attempts = Vec::new();
    for (mode, dialect) in [("strict default", Written::usual(true)), ("declared dialect", said.clone())] {
        let first = if declared["header_lines"].as_u64() > Some(1) { python.read(path, &dialect).ok() } else { None };
        let first = first.and_then(|rows| rows.into_iter().next());
        for names in iter::once(header.clone()).chain(first) {
            let (mode, path, dialect) = (mode.to_owned(), path.to_owned(), dialect.clone());
            let expected = if is_joined { python.read(&path, &dialect) } else { Ok(body.to_vec()) };
            attempts.push(Attempt { mode, path, dialect, names, expected });
        }
        let dialect = Written { header: false, ..dialect };
        // Without a header nothing tells that another dialect, a preamble or a second header is meant: they are records.
        let is_said = dialect.delimiter == said.delimiter && dialect.quote == said.quote;
        let expected = if is_said && is_plain && !is_joined { Ok(clean.clone()) } else { python.read(path, &dialect) };
        let (mode, path) = (format!("{mode}, header: false"), path.to_owned());
        attempts.push(Attempt { mode, path, dialect, names: header.clone(), expected });
    }
    attempts
}

#[test]
fn csv_spectrum() {
    let Some(folder) = corpus("csv-spectrum") else { return };
    let mut attempts = Vec::new();
    for path in files(&folder.join("csvs"), &[".csv"]) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read(folder.join(format!("json/{name}.json"))).unwrap();
        // A file with one record has its object alone.
        let documents: Vec<serde_json::Map<String, Value>> = match serde_json::from_slice(&text).unwrap() {
            Value::Object(document) => vec![document],
            documents => serde_json::from_value(documents).unwrap(),
        };
        let names: Vec<String> = documents[0].keys().cloned().collect();
        let cell = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = documents.iter().map(|document| names.iter().map(|name| cell(&document[name])).collect());
        let expected = Ok(rows.collect());
        attempts.push(Attempt { mode: "strict default".into(), path, dialect: Written::usual(true), names, expected });
    }
    try_all("csv-spectrum", attempts);
    by_python("csv-spectrum", "csvs");
}

#[test]
fn csv_test_data() {
    let Some(folder) = corpus("csv-test-data") else { return };
    let mut attempts = Vec::new();
    for path in files(&folder.join("csv"), &[".csv"]) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let header = name.starts_with("header-") || name.starts_with("bad-header-");
        let named = || ["foo", "bar", "baz"].map(str::to_owned).to_vec();
        let expected = match fs::read(folder.join(format!("json/{name}.json"))) {
            Ok(text) => Ok(rows_of_json(&text, &named())),
            Err(_) => Err("its makers call it invalid".to_owned()),
        };
        let width = expected.as_ref().ok().and_then(|rows: &Rows| rows.first()).map_or(3, Vec::len);
        let names = if header { named() } else { vec![String::new(); width] };
        let mode = if header { "strict default" } else { "header: false" }.to_owned();
        attempts.push(Attempt { mode, path, dialect: Written::usual(header), names, expected });
    }
    try_all("csv-test-data", attempts);
    by_python("csv-test-data", "csv");
}

/// The cells of a list of lists, or of objects with these names.
fn rows_of_json(text: &[u8], names: &[String]) -> Rows {
    let rows: Vec<Value> = serde_json::from_slice(text).unwrap();
    let cell = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| match row {
        Value::Array(cells) => cells.iter().map(cell).collect(),
        object => names.iter().map(|name| cell(&object[name])).collect(),
    };
    rows.iter().map(row).collect()
}

#[test]
fn csvkit() {
    by_python("csvkit", "examples");
}

#[test]
fn duckdb() {
    by_python("duckdb", "data/csv");
}

#[test]
fn frictionless() {
    by_python("frictionless-py", "data");
}

#[test]
fn csvw() {
    by_python("csvw", "tests");
}
