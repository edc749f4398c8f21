//! A file truncated at every byte, as by a power failure: each document that comes out is one of the whole file.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

const WHOLE: &str = "seat;name;NAME\n\
                     12A;Chuck Norris;FIRST\n\
                     12B;\"Galante; \"\"Marie\"\"\";SECOND\n\
                     12C;\"Ann\nBo\";THIRD\n";

/// What the two mappings have in common.
const MAPPING: &str = "mapping: 1
name: passengers
contract: schema.json
request: { method: PUT, path: /v1/passengers }
sources:
  passengers:
    path: passengers.csv
    dialect: { delimiter: \";\", tail: TAIL }
    columns:
      NAME: { type: TYPE }
output:
  each: passengers
  fields: { seat: seat, name: name, NAME: NAME }
";

#[test]
fn no_truncated_value_is_used_when_a_line_end_is_required() {
    let cells = ["chuck@norris.example", "\"marie \"\"la pie\"\" galante\"", "ann@bo.example"];
    check_every_length(&[("NAME", "email"), ("TYPE", "text"), ("TAIL", "strict")], cells);
}

#[test]
fn a_truncated_date_is_no_date() {
    check_every_length(
        &[("NAME", "born"), ("TYPE", "date"), ("TAIL", "auto")],
        ["1940-03-10", "\"1971-12-31\"", "2001-01-01"],
    );
}

/// Truncates the file at every byte and checks which documents are written.
fn check_every_length(names: &[(&str, &str)], cells: [&str; 3]) {
    let fill = |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let whole = ["FIRST", "SECOND", "THIRD"].iter().zip(cells).fold(fill(WHOLE), |text, (n, c)| text.replace(n, c));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.json"), r#"{ "type": "array", "items": { "type": "object" } }"#).unwrap();
    fs::write(folder.path().join("mapping.yaml"), fill(MAPPING)).unwrap();
    let (documents, exit) = convert(folder.path(), &whole);
    assert_eq!((documents.len(), exit), (3, Some(0)));
    let ends = ["\n12B", "\n12C"].map(|next| whole.find(next).unwrap() + 1);
    // Cut behind a line end in a cell, the file has an open quote in a line before its last: the rest may be records.
    let is_in_doubt = |length: usize| length > whole.find("Bo\"").unwrap() && length <= whole.find("Bo\"").unwrap() + 2;
    for length in 0..whole.len() {
        let (found, exit) = convert(folder.path(), &whole[..length]);
        assert!(documents.starts_with(&found), "truncated at byte {length}: {found:?}");
        let complete = ends.iter().filter(|end| **end <= length).count();
        if is_in_doubt(length) {
            assert_eq!((found.len(), exit), (0, Some(3)), "truncated at byte {length}");
            continue;
        }
        assert!(found.len() >= complete, "truncated at byte {length}: a complete record is missing");
        assert!(matches!(exit, Some(0 | 1 | 3)), "truncated at byte {length}: exit {exit:?}");
    }
}

/// Converts a file; returns its documents and the exit code.
fn convert(folder: &Path, text: &str) -> (Vec<String>, Option<i32>) {
    fs::write(folder.join("passengers.csv"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .args(["convert", ".", "--mapping", "mapping.yaml", "--output", "-", "--quiet"])
        .current_dir(folder)
        .env_remove("XWALK_PROFILE")
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let documents = stdout.trim_start_matches('[').trim_end_matches("]\n").split(",\n").map(str::to_owned);
    (documents.filter(|document| !document.is_empty()).collect(), output.status.code())
}
