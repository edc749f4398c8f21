//! A report as SARIF 2.1.0: the cell is the location, the line of the mapping a related one. No line of data is in it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
};

use serde_json::{Map, Value, json};

use crate::{
    diagnostic::{Code, Diagnostic, Place, Severity},
    error::Exit,
    explanation::explain,
    report::{
        escape::{json_line, visible},
        run_report::{ReportInput, RunReport},
    },
};

/// Writes the report. Results are written one by one, each on a line.
///
/// # Errors
/// The writer fails.
pub(crate) fn write(out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
    let mut rules: BTreeMap<Code, usize> = report.findings.iter().map(|finding| (finding.code, 0)).collect();
    rules.values_mut().enumerate().for_each(|(number, index)| *index = number);
    let run = json!({
        "tool": { "driver": {
            "name": "xwalk",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules.keys().copied().map(rule).collect::<Vec<_>>(),
        } },
        "invocations": [{
            "executionSuccessful": matches!(report.exit, Exit::Done | Exit::Rejects),
            "exitCode": report.exit as u8,
            "startTimeUtc": report.started,
        }],
        "artifacts": report.inputs.iter().map(artifact).collect::<Vec<_>>(),
        "columnKind": "unicodeCodePoints",
        "properties": { "leftOut": report.left_out },
    });
    let run = json_line(&run);
    writeln!(out, "{{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[")?;
    write!(out, "{},\"results\":[", run.trim_end().strip_suffix('}').unwrap_or_default())?;
    for (number, finding) in report.findings.iter().enumerate() {
        let separator = if number == 0 { "\n" } else { ",\n" };
        write!(out, "{separator}{}", json_line(&result(finding, rules[&finding.code])).trim_end())?;
    }
    writeln!(out, "]}}]}}")
}

fn rule(code: Code) -> Value {
    let title = explain(code).map_or(code.word(), |explanation| explanation.title);
    let advice = explain(code).map_or("", |explanation| explanation.advice);
    let text: Vec<&str> = code.explanation().lines().map(str::trim).collect();
    json!({
        "id": code.word(),
        "shortDescription": { "text": title },
        "fullDescription": { "text": text.join(" ") },
        "help": { "text": if advice.is_empty() { title } else { advice } },
    })
}

fn artifact(input: &ReportInput) -> Value {
    let mut artifact = json!({
        "location": { "uri": uri(&input.path) },
        "length": input.bytes,
        "description": { "text": input.role },
    });
    if let Some(digest) = &input.digest {
        artifact["hashes"] = json!({ "blake3": digest });
    }
    artifact
}

fn result(finding: &Diagnostic, rule: usize) -> Value {
    let cell = finding.cell.as_deref();
    let mut locations: Vec<Value> = cell.map(|cell| location(&cell.place)).into_iter().collect();
    let mut related = Vec::new();
    let mut relate = |place: &Place, says: &str| {
        let mut location = location(place);
        location["id"] = json!(related.len() + 1);
        location["message"] = json!({ "text": visible(says) });
        related.push(location);
    };
    if let Some(place) = finding.rule.as_deref() {
        if cell.is_none() {
            locations.push(location(place));
        } else {
            relate(place, "by this rule");
        }
    }
    if let Some((place, says)) = finding.also.as_deref() {
        relate(place, says);
    }
    if let (Some(target), Some(first)) = (finding.target.as_deref(), locations.first_mut()) {
        first["logicalLocations"] = json!([{ "fullyQualifiedName": visible(&target.pointer), "kind": "value" }]);
    }
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "note",
    };
    let found = cell.filter(|cell| !cell.column.is_empty());
    let found = found.map(|cell| format!(" ({}: {})", cell.column, cell.found)).unwrap_or_default();
    let mut result = json!({
        "ruleId": finding.code.word(),
        "ruleIndex": rule,
        "level": level,
        "message": { "text": visible(&format!("{}{found}", finding.message)) },
        "locations": locations,
    });
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    result
}

fn location(place: &Place) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&place.path) } });
    if place.line > 0 {
        let mut region = Map::new();
        region.insert("startLine".into(), json!(place.line));
        if place.column > 0 {
            region.insert("startColumn".into(), json!(place.column));
            region.insert("endColumn".into(), json!(place.column + place.width.max(1)));
        }
        physical["region"] = Value::Object(region);
    }
    json!({ "physicalLocation": physical })
}

/// A path as a reference: relative as it is, absolute as `file://`.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use crate::report::sarif::uri;

    #[test]
    fn paths_are_references() {
        for (path, expected) in [
            ("samples/flight 01/a.csv", "samples/flight%2001/a.csv"),
            ("/tmp/é:1.csv", "file:///tmp/%C3%A9%3A1.csv"),
            ("a:b", "a%3Ab"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
