//! Drafts of mappings: they are YAML, `check` says of them what they say themselves, and nothing of a person stands in them.

use std::{fs, path::Path, process::Command};

/// Files, and the contract that they are for.
const DRAFTED: &[(&str, &str)] = &[
    ("samples/flight-00", "schemas/customers.schema.json"),
    ("samples/flight-01", "schemas/customers.schema.json"),
    ("samples/flight-02", "schemas/customers.schema.json"),
    ("samples/marketplace", "schemas/orders.schema.json"),
    ("tests/cases/join-merge-orders/orders_export.csv", "tests/cases/join-merge-orders/order.schema.json"),
    ("tests/cases/transform-job-hubspot", "tests/cases/transform-job-hubspot/contact.schema.json"),
    ("tests/cases/transform-job-geojson", "tests/cases/transform-job-geojson/FeatureCollection.json"),
    ("tests/cases/transform-job-erp", "tests/cases/transform-job-erp/product.schema.json"),
    ("tests/cases/read-bank-statement", "tests/cases/read-bank-statement/booking.schema.json"),
];

/// What a program says on stdout and stderr, and its exit code.
struct Said {
    out: String,
    err: String,
    exit: Option<i32>,
}

fn xwalk(args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
    let output = command.args(args).env_clear().env("NO_COLOR", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { out: text(output.stdout), err: text(output.stderr), exit: output.status.code() }
}

/// A draft, and what `check` says of it.
fn draft(files: &str, contract: &str) -> (String, Said) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.yaml");
    let path = path.to_str().unwrap();
    let contract = fs::canonicalize(contract).unwrap();
    let said = xwalk(&["init", files, "--contract", contract.to_str().unwrap(), "-o", path]);
    assert_eq!(said.exit, Some(0), "{files}: {}", said.err);
    let checked = xwalk(&["check", path, "--message-format", "concise"]);
    (fs::read_to_string(path).unwrap(), checked)
}

#[test]
fn a_draft_says_itself_what_check_says_and_it_is_a_todo() {
    for (files, contract) in DRAFTED {
        let (text, checked) = draft(files, contract);
        let announced: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
        let errors: Vec<&str> = checked.err.lines().filter(|line| line.contains(": error[")).collect();
        assert_eq!(checked.exit == Some(0), errors.is_empty(), "{files}: {}", checked.err);
        assert!(announced.len() >= errors.len(), "{files}: {announced:#?} {}", checked.err);
        for error in errors {
            let (_, error) = error.split_once("error[").unwrap();
            // What follows in parentheses are places.
            let line = error.split(" (").next().unwrap().replacen("]: ", ": ", 1);
            assert!(announced.iter().any(|known| known.starts_with(&line)), "{files}: {line}");
            let is_own = line.contains("`TODO`") || line.starts_with("plan/field-missing");
            assert!(is_own && text.contains("TODO"), "{files}: {line}");
        }
    }
}

#[test]
fn nothing_of_a_person_stands_in_a_draft() {
    for (files, contract) in DRAFTED.iter().filter(|(files, _)| files.starts_with("samples/flight")) {
        let (text, _) = draft(files, contract);
        let customers = fs::read_to_string(Path::new(files).join("customers.csv")).unwrap();
        for row in customers.lines().skip(1) {
            for cell in row.split(';').skip(2).filter(|cell| cell.chars().count() > 3) {
                assert!(!text.contains(cell), "{files}: {cell}");
            }
        }
        assert!(!text.contains('@'), "{files}");
    }
}

#[test]
fn a_draft_of_a_flight_needs_two_codes_and_nothing_else() {
    let (text, _) = draft("samples/flight-00", "schemas/customers.schema.json");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let text = text.replace("\"1\": TODO", "\"1\": Female").replace("\"2\": TODO", "\"2\": Male");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let checked = xwalk(&["check", path]);
    assert_eq!(checked.exit, Some(0), "{}", checked.err);
    let args = ["convert", "samples/flight-00", "-o", "-", "-q", "-m"];
    let drafted = xwalk(&[&args[..], &[path]].concat());
    let shipped = xwalk(&[&args[..], &["mappings/inflight-sales.yaml"]].concat());
    assert!(drafted.out.len() > 100 && drafted.out == shipped.out, "{}", drafted.out);
}
