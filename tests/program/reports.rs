//! Reports and lines for scripts: what the schemas say, whatever the number of findings, and nothing of the data unmasked.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What no output may hold.
const SECRETS: [&str; 3] = ["Zebulon", "zebulon@secret.example", "Zanzibar"];

fn schema(name: &str) -> Value {
    serde_json::from_slice(&fs::read(format!("schemas/{name}.schema.json")).unwrap()).unwrap()
}

/// Whether this is a line for scripts; documents of a case may begin with a `type` too.
fn is_line(text: &str) -> bool {
    ["finding", "summary"].iter().any(|kind| text.starts_with(&format!("{{\"type\":\"{kind}\",")))
}

fn check(validator: &jsonschema::Validator, what: &str, value: &Value) {
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?}\n{value}");
}

#[test]
fn what_scripts_get_in_the_cases_is_what_the_schemas_say() {
    let (line, report) = (schema("finding"), schema("report"));
    let [line, report] = [&line, &report].map(|schema| jsonschema::validator_for(schema).unwrap());
    let (mut lines, mut reports) = (0, 0);
    for case in fs::read_dir("tests/cases").unwrap() {
        let expected = case.unwrap().path().join("expected");
        let Ok(files) = fs::read_dir(&expected) else { continue };
        for path in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            let name = path.display().to_string();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if name.ends_with("report.json") {
                check(&report, &name, &serde_json::from_str(&text).unwrap());
                reports += 1;
            } else if name.ends_with("stdout.txt") || name.ends_with("diagnostics.txt") {
                for text in text.lines().filter(|text| is_line(text)) {
                    check(&line, &name, &serde_json::from_str(text).unwrap());
                    lines += 1;
                }
            }
        }
    }
    assert!(lines > 4 && reports > 1, "{lines} {reports}");
}

#[test]
fn both_schemas_describe_findings_and_summaries_alike() {
    let [line, report] = ["finding", "report"].map(schema);
    for (name, definition) in line["definitions"].as_object().unwrap() {
        assert!(name == "checked" || report["definitions"][name] == *definition, "{name}");
    }
}

/// Runs a conversion of so many customers with an unknown title, and gives its folder, stdout and stderr.
fn run(faults: usize, args: &[&str]) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut customers =
        "customer_id;title;lastname;firstname;postal_code;city;email\n0;1;A;B;1;C;a@b.example\n".to_owned();
    for number in 1..=faults {
        writeln!(customers, "{number};9;Zebulon;Zanzibar;1;C;zebulon@secret.example").unwrap();
    }
    fs::write(folder.path().join("customers.csv"), customers).unwrap();
    fs::write(
        folder.path().join("purchases.csv"),
        "purchase_identifier;customer_id;product_id;quantity;price;currency;date\n0/01;0;1;1;1;euros;2030-12-31\n",
    )
    .unwrap();
    let mapping = fs::canonicalize("mappings/inflight-sales.yaml").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .args(["convert", ".", "--validate-only", "-m"])
        .arg(mapping)
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (folder, stdout, stderr)
}

#[test]
fn reports_are_valid_and_bounded_whatever_is_found() {
    let report = schema("report");
    let report = jsonschema::validator_for(&report).unwrap();
    for faults in [0, 1, 25_001] {
        let names = ["r.json", "r.xml", "r.sarif", "r.md"];
        let args: Vec<&str> = names.iter().flat_map(|name| ["--report", name]).collect();
        let (folder, stdout, stderr) = run(faults, &args);
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let kept = faults.min(25_000);

        let json: Value = serde_json::from_str(&text("r.json")).unwrap();
        check(&report, "r.json", &json);
        assert_eq!(json["findings"].as_array().unwrap().len(), kept);
        assert_eq!(json["left_out"], (faults - kept) as u64);
        assert_eq!(json["overview"].as_array().unwrap().len(), faults.min(1));

        check_sarif(&serde_json::from_str(&text("r.sarif")).unwrap(), kept);
        assert!(text("r.md").len() <= 1 << 20);
        let xml = text("r.xml");
        assert_eq!(xml.matches("<testcase ").count(), 25, "{xml}");
        assert_eq!(xml.matches("<failure ").count(), faults.min(1));
        assert!(xml.len() < 10_000);

        for (what, text) in
            names.map(|name| (name, text(name))).into_iter().chain([("stdout", stdout), ("stderr", stderr)])
        {
            let told: Vec<&str> = SECRETS.into_iter().filter(|secret| text.contains(secret)).collect();
            assert!(told.is_empty(), "{what} tells {told:?}");
        }
    }
}

/// What SARIF 2.1.0 asks of the parts that are written here.
fn check_sarif(sarif: &Value, results: usize) {
    assert_eq!(sarif["version"], "2.1.0");
    let [run] = sarif["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty())));
    let all = run["results"].as_array().unwrap();
    assert_eq!(all.len(), results);
    for result in all {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(result["message"]["text"].is_string());
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "customers.csv");
        let region = &physical["region"];
        let number = |key: &str| region[key].as_u64().unwrap();
        assert!(number("startLine") > 1 && number("endColumn") > number("startColumn"));
        assert!(region.get("snippet").is_none() && physical.get("contextRegion").is_none());
        let related = &result["relatedLocations"][0];
        assert!(related["id"] == 1 && related["physicalLocation"]["region"]["startLine"].is_u64());
    }
}

#[test]
fn stdout_holds_lines_for_scripts_and_nothing_else() {
    let line = schema("finding");
    let line = jsonschema::validator_for(&line).unwrap();
    for faults in [0, 3] {
        let (_folder, stdout, stderr) = run(faults, &["--message-format", "json"]);
        assert_eq!(stderr, "");
        assert_eq!(stdout.lines().count(), faults + 1);
        for text in stdout.lines() {
            check(&line, "stdout", &serde_json::from_str(text).unwrap());
        }
        assert!(stdout.lines().last().unwrap().starts_with("{\"type\":\"summary\""));
    }
}

#[test]
fn schemas_are_printed_as_they_ship() {
    for name in ["mapping", "profiles", "finding", "report"] {
        let printed = Command::new(env!("CARGO_BIN_EXE_xwalk")).args(["schema", name]).output().unwrap().stdout;
        assert_eq!(printed, fs::read(PathBuf::from(format!("schemas/{name}.schema.json"))).unwrap(), "{name}");
    }
    assert!(Path::new("schemas/finding.schema.json").is_file());
}
