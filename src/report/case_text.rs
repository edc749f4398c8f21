//! What became of cases, and what of a mapping no case touches: for people, and one JSON object on each line for scripts.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::{
    diagnostic::Place,
    report::escape::{json_line, visible},
};

/// So many of what no case touches are told of each kind; scripts get all.
const MAX_UNTOUCHED: usize = 20;

/// How many cases ended in which way.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestCounts {
    /// What came out is what was expected.
    pub passed: u64,
    /// It is not.
    pub failed: u64,
    /// It was written down.
    pub updated: u64,
}

impl TestCounts {
    /// Counts a case that ended in this way.
    pub fn add(&mut self, status: &str) {
        match status {
            "passed" => self.passed += 1,
            "updated" => self.updated += 1,
            _ => self.failed += 1,
        }
    }
}

/// A case that was run.
pub struct CaseText<'a> {
    /// Its mapping.
    pub mapping: &'a str,
    /// Its name.
    pub name: &'a str,
    /// `passed`, `failed` or `updated`.
    pub status: &'static str,
    /// Why it failed, each over one or more lines.
    pub reasons: &'a [String],
}

/// What the cases of a mapping touch of it.
pub struct CoverageText<'a> {
    /// The mapping.
    pub mapping: &'a str,
    /// How much can be touched.
    pub items: usize,
    /// How much of it is.
    pub touched: usize,
    /// What is not: its kind, its name, and where it stands in the mapping.
    pub untouched: Vec<(&'static str, String, Place)>,
}

/// Begins with a mapping that has so many cases.
pub fn begin(out: &mut dyn Write, is_json: bool, mapping: &str, cases: usize) -> io::Result<()> {
    let cases = match cases {
        _ if is_json => return Ok(()),
        0 => "no cases".to_owned(),
        1 => "1 case".to_owned(),
        cases => format!("{cases} cases"),
    };
    writeln!(out, "{}: {cases}", visible(mapping))
}

/// Writes how a case ended.
pub fn case(out: &mut dyn Write, is_json: bool, case: &CaseText<'_>) -> io::Result<()> {
    if is_json {
        let line = json_line(&json!({
            "type": "case",
            "version": 1,
            "mapping": case.mapping,
            "case": case.name,
            "status": case.status,
            "reasons": case.reasons,
        }));
        return out.write_all(line.as_bytes());
    }
    writeln!(out, "  {:<7}  {}", case.status, visible(case.name))?;
    case.reasons.iter().flat_map(|reason| reason.lines()).try_for_each(|line| writeln!(out, "    {}", visible(line)))
}

/// Writes what no case touches.
pub fn coverage(out: &mut dyn Write, is_json: bool, coverage: &CoverageText<'_>) -> io::Result<()> {
    let CoverageText { mapping, items, touched, untouched } = coverage;
    if is_json {
        let untouched: Vec<Value> = untouched
            .iter()
            .map(|(kind, name, place)| {
                json!({ "kind": kind, "name": name, "path": place.path, "line": place.line, "column": place.column })
            })
            .collect();
        let line = json_line(&json!({
            "type": "coverage",
            "version": 1,
            "mapping": mapping,
            "items": items,
            "touched": touched,
            "untouched": untouched,
        }));
        return out.write_all(line.as_bytes());
    }
    writeln!(out, "  touched: {touched} of {items} fields, codes, policies and conditions")?;
    for kind in ["field", "code", "policy", "condition"] {
        let of_kind: Vec<_> = untouched.iter().filter(|(of, ..)| *of == kind).collect();
        for (_, name, place) in of_kind.iter().take(MAX_UNTOUCHED) {
            writeln!(out, "    no case touches the {kind} {} ({})", visible(name), visible(&place.to_string()))?;
        }
        if of_kind.len() > MAX_UNTOUCHED {
            writeln!(out, "    … and {} more of this kind", of_kind.len() - MAX_UNTOUCHED)?;
        }
    }
    Ok(())
}

/// Ends with how many cases ended in which way.
pub fn counts(out: &mut dyn Write, is_json: bool, counts: TestCounts) -> io::Result<()> {
    let TestCounts { passed, failed, updated } = counts;
    if is_json {
        let line = json!({ "type": "test", "version": 1, "passed": passed, "failed": failed, "updated": updated });
        return out.write_all(json_line(&line).as_bytes());
    }
    let updated = if updated > 0 { format!(", {updated} updated") } else { String::new() };
    writeln!(out, "{passed} passed, {failed} failed{updated}")
}
