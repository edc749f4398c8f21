//! A report as JSON, as `schemas/report.schema.json` says.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::report::{
    escape::json_line,
    line::{self, VERSION},
    overview,
    run_report::{MappingReport, ReportInput, RunReport},
    summary,
};

/// Writes the report. Findings are written one by one, each on a line.
///
/// # Errors
/// The writer fails.
pub(crate) fn write(out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
    let head = json!({
        "type": "report",
        "version": VERSION,
        "xwalk": env!("CARGO_PKG_VERSION"),
        "command": report.command,
        "started": report.started,
        "exit": report.exit as u8,
        "mappings": report.mappings.iter().map(mapping).collect::<Vec<_>>(),
        "inputs": report.inputs.iter().map(input).collect::<Vec<_>>(),
        "summary": report.summary.as_ref().map(summary::summary_object),
        "overview": overview::json(&report.overview),
        "left_out": report.left_out,
    });
    let head = json_line(&head);
    write!(out, "{},\"findings\":[", head.trim_end().trim_end_matches('}'))?;
    for (number, finding) in report.findings.iter().enumerate() {
        let separator = if number == 0 { "\n" } else { ",\n" };
        write!(out, "{separator}{}", json_line(&line::finding(finding)).trim_end())?;
    }
    writeln!(out, "]}}")
}

pub(crate) fn mapping(mapping: &MappingReport) -> Value {
    json!({
        "path": mapping.path, "name": mapping.name, "contract": mapping.contract, "good": mapping.is_good,
        "proven": mapping.proven, "checked": mapping.checked, "sources": mapping.sources, "fields": mapping.fields,
    })
}

fn input(input: &ReportInput) -> Value {
    json!({ "role": input.role, "path": input.path, "bytes": input.bytes, "blake3": input.digest })
}
