//! Codes that a code table lacks, as lines that can be pasted into it, and as JSON lines for scripts.

use std::io::{self, Write};

use serde_json::json;

use crate::{
    diagnostic::Place,
    report::escape::{json_line, visible},
    table::excerpt::SENSITIVE,
};

/// A code that a table lacks.
pub struct UnknownCode {
    /// The name of the table.
    pub table: String,
    /// The code; `None`: it may not be shown.
    pub code: Option<String>,
    /// Its shape, or what stands for a sensitive cell.
    pub shape: String,
    /// In how many cells it is.
    pub count: u64,
    /// The first of them.
    pub first: Place,
}

/// Writes the codes of one table, each as a line of YAML.
pub fn yaml_lines(out: &mut dyn Write, table: &str, codes: &[UnknownCode]) -> io::Result<()> {
    if codes.is_empty() {
        return Ok(());
    }
    writeln!(out, "  to add to the code table `{}`:", visible(table))?;
    let keys: Vec<String> = codes.iter().map(yaml_key).collect();
    let width = keys.iter().map(|key| key.chars().count()).max().unwrap_or_default();
    for (key, code) in keys.iter().zip(codes) {
        let times = if code.count == 1 { "once".to_owned() } else { format!("{} times", code.count) };
        let line = format!("    {key:<width$}  # {times}, first at {}", code.first);
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(())
}

/// A code as it stands in a code table. A shape is no code, so it is a comment.
fn yaml_key(code: &UnknownCode) -> String {
    match &code.code {
        // JSON texts are texts of YAML, too.
        Some(text) => format!("{}: TODO", json!(text)),
        None if code.shape == SENSITIVE => "# a sensitive code".to_owned(),
        None => format!("# {} (its shape)", code.shape),
    }
}

/// Writes a code as JSON. The keys are a promise to scripts.
pub fn json_of_code(out: &mut dyn Write, mapping: &str, code: &UnknownCode) -> io::Result<()> {
    let line = json_line(&json!({
        "type": "unknown_code",
        "version": 1,
        "mapping": mapping,
        "table": code.table,
        "code": code.code,
        "shape": code.shape,
        "count": code.count,
        "first": { "path": code.first.path, "line": code.first.line, "column": code.first.column },
    }));
    out.write_all(line.as_bytes())
}
