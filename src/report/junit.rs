//! A report as `JUnit` XML: a test case for each field and rule, with the same names whatever is found.
//!
//! A field has two cases: `transform`, the rule of the mapping, and `check`, that of the contract. A source has two: `read`
//! and `join`. Whatever belongs to none of them is in the case `run`. A case fails if there is an error; warnings are its
//! output. A run that ended early looked at nothing: then cases that do not fail are skipped, and pass not.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
};

use crate::{
    diagnostic::Severity,
    recording::overview::Cause,
    report::{
        overview::{shown_shapes, shown_share},
        run_report::{MappingReport, RunReport},
    },
};

/// The cases of a field, and those of a source.
const OF_FIELD: [&str; 2] = ["transform", "check"];
const OF_SOURCE: [&str; 2] = ["read", "join"];

/// The name of a case: the mapping, the field or source, and the stage.
type CaseName = [String; 3];

/// Writes the report.
///
/// # Errors
/// The writer fails.
pub(crate) fn write(out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
    let mut causes: BTreeMap<CaseName, Vec<&Cause>> = BTreeMap::new();
    for cause in &report.overview.causes {
        causes.entry(case_of(report, cause)).or_default().push(cause);
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"xwalk {}\">", report.command)?;
    for mapping in &report.mappings {
        suite(out, report, mapping, &causes)?;
    }
    let run = causes.get(&["", "", "run"].map(str::to_owned)).map(Vec::as_slice).unwrap_or_default();
    writeln!(
        out,
        "  <testsuite name=\"run\" tests=\"1\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"0\" timestamp=\"{}\">",
        u64::from(has_failed(run)),
        timestamp(report),
    )?;
    case(out, "xwalk", "run", run)?;
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// The case that a cause belongs to.
fn case_of(report: &RunReport, cause: &Cause) -> CaseName {
    let stage = cause.code.word().split('/').next().unwrap_or_default();
    for mapping in &report.mappings {
        if OF_FIELD.contains(&stage) && mapping.fields.contains(&cause.field) {
            return [mapping.path.clone(), cause.field.clone(), stage.to_owned()];
        }
        if OF_SOURCE.contains(&stage) && mapping.sources.contains(&cause.source) {
            return [mapping.path.clone(), cause.source.clone(), stage.to_owned()];
        }
    }
    ["", "", "run"].map(str::to_owned)
}

fn suite(
    out: &mut dyn Write,
    report: &RunReport,
    mapping: &MappingReport,
    causes: &BTreeMap<CaseName, Vec<&Cause>>,
) -> io::Result<()> {
    let of = |names: &[String], stages: [&'static str; 2]| -> Vec<(String, &'static str)> {
        names.iter().flat_map(|name| stages.map(|stage| (name.clone(), stage))).collect()
    };
    let names = [of(&mapping.sources, OF_SOURCE), of(&mapping.fields, OF_FIELD)].concat();
    let causes_of = |name: &String, stage: &'static str| {
        let name = [mapping.path.clone(), name.clone(), stage.to_owned()];
        causes.get(&name).map(Vec::as_slice).unwrap_or_default()
    };
    let failed = names.iter().filter(|(name, stage)| has_failed(causes_of(name, stage))).count();
    let ended_early = report.command == "convert" && report.summary.is_none();
    let is_skipped = |causes: &[&Cause]| ended_early && !has_failed(causes);
    let skipped = names.iter().filter(|(name, stage)| is_skipped(causes_of(name, stage))).count();
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\" timestamp=\"{}\">",
        escape(&mapping.name),
        names.len(),
        timestamp(report),
    )?;
    for (name, stage) in &names {
        let (class, causes) = (format!("{}.{name}", mapping.name), causes_of(name, stage));
        if is_skipped(causes) {
            let (class, name) = (escape(&class), escape(stage));
            writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"><skipped/></testcase>")?;
        } else {
            case(out, &class, stage, causes)?;
        }
    }
    writeln!(out, "  </testsuite>")
}

fn has_failed(causes: &[&Cause]) -> bool {
    causes.iter().any(|cause| cause.severity == Severity::Error)
}

fn case(out: &mut dyn Write, class: &str, name: &str, causes: &[&Cause]) -> io::Result<()> {
    let start = format!("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", escape(class), escape(name));
    let (errors, others): (Vec<&Cause>, Vec<&Cause>) =
        causes.iter().partition(|cause| cause.severity == Severity::Error);
    if causes.is_empty() {
        return writeln!(out, "{start}/>");
    }
    writeln!(out, "{start}>")?;
    if let Some(first) = errors.first() {
        let (code, message) = (first.code.word(), escape(&format!("{} × {}", first.count, first.message)));
        writeln!(out, "      <failure type=\"{code}\" message=\"{message}\">{}</failure>", escape(&lines(&errors)))?;
    }
    if !others.is_empty() {
        writeln!(out, "      <system-out>{}</system-out>", escape(&lines(&others)))?;
    }
    writeln!(out, "    </testcase>")
}

/// A line for each cause.
fn lines(causes: &[&Cause]) -> String {
    let mut lines = String::new();
    for cause in causes {
        let Cause { code, message, count, first, rule, .. } = cause;
        let _ = write!(lines, "{code}: {message}: {count}");
        let share = shown_share(cause);
        if !share.is_empty() {
            let _ = write!(lines, " ({share} of the rows of `{}`)", cause.source);
        }
        let shapes = shown_shapes(cause);
        if !shapes.is_empty() {
            let _ = write!(lines, ", {shapes}");
        }
        if let Some(first) = first {
            let _ = write!(lines, ", first at {first}");
        }
        if let Some(rule) = rule {
            let _ = write!(lines, ", by {rule}");
        }
        lines.push('\n');
    }
    lines
}

/// The time of the start without a zone, as the schema of `JUnit` wants it.
fn timestamp(report: &RunReport) -> &str {
    report.started.get(..19).unwrap_or("1970-01-01T00:00:00")
}

/// A text as XML. What XML cannot hold is a replacement character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::report::junit::escape;

    #[test]
    fn every_text_can_stand_in_xml() {
        assert_eq!(
            escape("a<b>&\"c\"\u{0}\u{1b}\u{ffff}é\n"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\u{fffd}\u{fffd}é\n"
        );
    }
}
