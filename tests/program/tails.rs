//! A recording cut at every byte, as by a power failure: what comes out is always something that stood in the whole one.

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
fn no_cut_value_is_used_when_a_line_end_is_needed() {
    let cells = ["chuck@norris.example", "\"marie \"\"la pie\"\" galante\"", "ann@bo.example"];
    check(&[("NAME", "email"), ("TYPE", "text"), ("TAIL", "strict")], cells);
}

#[test]
fn a_date_cannot_be_cut_and_still_be_one() {
    check(&[("NAME", "born"), ("TYPE", "date"), ("TAIL", "auto")], ["1940-03-10", "\"1971-12-31\"", "2001-01-01"]);
}

/// Cuts the file at every byte and looks at what is written.
fn check(names: &[(&str, &str)], cells: [&str; 3]) {
    let filled = |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let whole = ["FIRST", "SECOND", "THIRD"].iter().zip(cells).fold(filled(WHOLE), |text, (n, c)| text.replace(n, c));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.json"), r#"{ "type": "array" }"#).unwrap();
    fs::write(folder.path().join("mapping.yaml"), filled(MAPPING)).unwrap();
    let (documents, exit) = converted(folder.path(), &whole);
    assert_eq!((documents.len(), exit), (3, Some(0)));
    let ends = ["\n12B", "\n12C"].map(|next| whole.find(next).unwrap() + 1);
    for cut in 0..whole.len() {
        let (found, exit) = converted(folder.path(), &whole[..cut]);
        assert!(documents.starts_with(&found), "cut at byte {cut}: {found:?}");
        let complete = ends.iter().filter(|end| **end <= cut).count();
        assert!(found.len() >= complete, "cut at byte {cut}: a record before the cut is missing");
        assert!(matches!(exit, Some(0 | 1 | 3)), "cut at byte {cut}: exit {exit:?}");
    }
}

/// The documents that are made of a file, and the exit code.
fn converted(folder: &Path, text: &str) -> (Vec<String>, Option<i32>) {
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
