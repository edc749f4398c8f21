//! One case -> what comes out of it, and how that differs from what is expected. Nothing is sent, and nothing is remembered.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    commands::{
        convert::{
            accept::decide_documents,
            partitioned::{loading::load_joined, partitioner, recording::Stored},
        },
        test::{
            coverage::Coverage,
            find::is_link,
            touched::{find_in_document, find_in_records},
        },
    },
    diagnostic::Diagnostic,
    error::Error,
    list_dir::list_dir,
    options::Memory,
    output::new_file::NewFile,
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::Plan,
    read::files::{Inputs, find_source_files},
    report::{escape::visible, line},
    transform::{self, Scratch},
};

/// The documents that are expected.
const DOCUMENTS: &str = "expected.json";
/// The findings that are expected.
const FINDINGS: &str = "expected-findings.txt";
/// How much is held in memory.
const MEMORY: u64 = 256 << 20;
/// So many lines of a difference are shown on each side.
const MAX_LINES: usize = 20;

/// What comes out of a case.
#[derive(Debug, PartialEq, Eq)]
struct CaseOutput {
    /// A list of all documents, written so that a difference is one of lines.
    documents: String,
    /// The findings, one on each line.
    findings: String,
}

/// How a case ended.
#[derive(Debug, PartialEq, Eq)]
pub enum CaseResult {
    /// What came out is what is expected.
    Passed,
    /// What came out is expected from now on.
    Updated,
    /// It is not, for these reasons.
    Failed(Vec<String>),
}

/// Runs a case, and compares what comes out with what is expected, or writes it down.
///
/// # Errors
/// A file cannot be written.
pub fn run_case(
    plan: &Plan,
    case: &Path,
    temporary: &Path,
    is_update: bool,
    coverage: &mut Coverage,
) -> Result<CaseResult, Error> {
    if is_link(case) {
        return Ok(CaseResult::Failed(vec!["it is a link, which is not followed: put the case itself here".into()]));
    }
    let mut reasons = find_strange_files(plan, case);
    let output = convert_case(plan, case, temporary, coverage)?;
    if is_update && !reasons.iter().any(|reason| reason.contains("is a link")) {
        let is_new = update(case, &output)?;
        return Ok(match (reasons.is_empty(), is_new) {
            (false, _) => CaseResult::Failed(reasons),
            (true, true) => CaseResult::Updated,
            (true, false) => CaseResult::Passed,
        });
    }
    reasons.extend(compare(case, &output));
    Ok(if reasons.is_empty() { CaseResult::Passed } else { CaseResult::Failed(reasons) })
}

/// Files of a case that are neither read nor compared, so that they prove nothing; `.md` files are remarks.
fn find_strange_files(plan: &Plan, case: &Path) -> Vec<String> {
    let read: BTreeSet<PathBuf> =
        find_source_files(plan, &Inputs::new(case, &[], false)).into_iter().flatten().flatten().collect();
    let mut reasons = Vec::new();
    for name in list_dir(case).unwrap_or_default() {
        let (path, shown) = (case.join(&name), name.to_string_lossy().into_owned());
        let is_expected = shown == DOCUMENTS || shown == FINDINGS;
        if is_link(&path) {
            reasons.push(format!("`{shown}` is a link, which is not followed"));
        } else if shown.starts_with("expected") && !is_expected {
            reasons.push(format!("nothing is compared with `{shown}`: there are {DOCUMENTS} and {FINDINGS}"));
        } else if !(is_expected
            || read.contains(&path)
            || path.is_dir()
            || shown.starts_with('.')
            || path.extension().is_some_and(|extension| extension == "md"))
        {
            reasons.push(format!("no source of the mapping reads `{shown}`"));
        }
    }
    reasons
}

/// Sends the files of a case through the pipe, as far as the documents.
fn convert_case(plan: &Plan, case: &Path, temporary: &Path, coverage: &mut Coverage) -> Result<CaseOutput, Error> {
    let memory = Memory::of(MEMORY);
    let spill = Arc::new(Spill::new(temporary, memory.held));
    let (mut findings, mut documents) = (Vec::new(), Vec::new());
    let mut say = |finding: &Diagnostic| findings.push(finding.clone());
    let inputs = Inputs::new(case, &[], false);
    let recording = partitioner::read(plan, &inputs, memory, &spill, &mut Vec::new(), &mut say);
    let stored = match recording {
        Ok(recording) => recording.stored,
        // A file that cannot be trusted is what the case may be about.
        Err(Error::Input(wrong)) => {
            wrong.iter().for_each(&mut say);
            Vec::new()
        }
        Err(other) => return Err(other),
    };
    let (mut loaded, mut scratch) = (LoadedPartition::default(), Scratch::default());
    for stored in stored {
        let partition = match stored {
            Stored::Partition(partition) => partition,
            Stored::Oversized(document) => document.to_partition(plan.each),
        };
        match load_joined(plan, &partition, &mut loaded, &mut say) {
            Ok(()) => {}
            Err(Error::Input(wrong)) => {
                wrong.iter().for_each(&mut say);
                continue;
            }
            Err(other) => return Err(other),
        }
        coverage.touch(&find_in_records(plan, &loaded));
        decide_documents(plan, &mut loaded, 0, (&mut say, u64::MAX), &mut |_| Ok(()))
            .map_err(|cause| Error::storage("cannot keep a document of", case, &cause))?;
        for root in &loaded.accepted {
            let payload = transform::write_again(&loaded.view(plan), *root, 0, &mut scratch);
            documents.push(serde_json::from_slice::<Value>(payload.bytes()).unwrap_or_default());
        }
    }
    let mut touched = BTreeSet::new();
    for document in &documents {
        find_in_document(plan, document, &mut touched);
    }
    coverage.touch(&touched);
    coverage.touch_by_findings(plan, &findings);
    // A line of findings is escaped, and so is the name of the folder in it.
    let prefix = format!("{}/", visible(&case.display().to_string()));
    let findings = findings.into_iter().map(|finding| write_finding(finding, &prefix)).collect();
    Ok(CaseOutput { documents: write_documents(&Value::Array(documents)), findings })
}

/// A finding on one line, without the folder of the case and without its place in the mapping, which changes with every line
/// that is added there.
fn write_finding(finding: Diagnostic, prefix: &str) -> String {
    line::concise(&Diagnostic { rule: None, ..finding }).replace(prefix, "")
}

fn write_documents(documents: &Value) -> String {
    serde_json::to_string_pretty(documents).unwrap_or_default() + "\n"
}

/// How what came out differs from what is expected.
fn compare(folder: &Path, output: &CaseOutput) -> Vec<String> {
    let mut reasons = Vec::new();
    match fs::read(folder.join(DOCUMENTS)) {
        Ok(expected) => match serde_json::from_slice::<Value>(&expected) {
            // However it is laid out, its fields and their order count, and the digits of numbers.
            Ok(expected) => {
                reasons.extend(describe_difference(DOCUMENTS, &write_documents(&expected), &output.documents));
            }
            Err(error) => reasons.push(format!("{DOCUMENTS} is no JSON: {error}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            reasons.push(format!("{DOCUMENTS} is missing, so nothing is proven: `--update` writes it"));
        }
        Err(error) => reasons.push(format!("{DOCUMENTS} cannot be read: {error}")),
    }
    match fs::read(folder.join(FINDINGS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            reasons.push(format!("{FINDINGS} cannot be read: {error}"));
        }
        expected => {
            let expected = expected.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            reasons.extend(describe_difference(FINDINGS, &expected.replace("\r\n", "\n"), &output.findings));
        }
    }
    reasons
}

/// The lines of two texts between those that are the same at both ends.
fn describe_difference(name: &str, expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let mut told = format!("{name} differs from line {}:", head + 1);
    for (sign, lines) in [('-', &old[head..old.len() - tail]), ('+', &new[head..new.len() - tail])] {
        for line in lines.iter().take(MAX_LINES) {
            told.push('\n');
            told.push(sign);
            told.push_str(line);
        }
        if lines.len() > MAX_LINES {
            let _ = write!(told, "\n{sign} … and {} more lines", lines.len() - MAX_LINES);
        }
    }
    Some(told)
}

/// Writes down what came out; gives whether that is something else than before.
fn update(case: &Path, output: &CaseOutput) -> Result<bool, Error> {
    if compare(case, output).is_empty() {
        return Ok(false);
    }
    let documents = case.join(DOCUMENTS);
    write_file(&documents, &output.documents).map_err(|cause| Error::storage("cannot write", &documents, &cause))?;
    let findings = case.join(FINDINGS);
    let written = match (output.findings.is_empty(), findings.exists()) {
        (true, true) => fs::remove_file(&findings),
        (true, false) => Ok(()),
        (false, _) => write_file(&findings, &output.findings),
    };
    written.map_err(|cause| Error::storage("cannot write", &findings, &cause))?;
    Ok(true)
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(text.as_bytes())?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::describe_difference;

    #[test]
    fn a_difference_is_what_lies_between_equal_lines() {
        assert_eq!(describe_difference("a", "1\n2\n", "1\n2\n"), None);
        let told = describe_difference("a", "1\n2\n3\n4\n", "1\nx\n3\n4\n");
        assert_eq!(told.as_deref(), Some("a differs from line 2:\n-2\n+x"));
        assert_eq!(describe_difference("a", "", "x\n").as_deref(), Some("a differs from line 1:\n+x"));
        let many = "1\n".repeat(30);
        let told = describe_difference("a", &many, "").unwrap();
        assert!(told.ends_with("-1\n- … and 10 more lines"), "{told}");
    }
}
