//! A report as Markdown, as code hosts show it: the verdict, where every row ended, the overview, the first findings.
//!
//! It is never larger than [`MAX_BYTES`]: what does not fit is counted.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use crate::{
    diagnostic::{Diagnostic, Severity},
    recording::{
        overview::{Cause, SimplePlace},
        summary::{SourceTally, Summary, UnitSum},
    },
    report::{
        escape::visible,
        grouped::grouped,
        line,
        overview::{column, shown_shapes, shown_share},
        run_report::{ReportInput, RunReport},
        summary::{good_word, headline, name_sum},
    },
};

/// The most bytes of a report.
pub const MAX_BYTES: usize = 1 << 20;
/// The most bytes of one section, of which there are six.
const MAX_SECTION: usize = MAX_BYTES / 8;
/// The most findings that are shown.
const MAX_FINDINGS: usize = 200;

/// Writes the report.
///
/// # Errors
/// The writer fails.
pub(crate) fn write(out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
    let mut text = format!("# {}\n\n", verdict(report));
    if let Some(summary) = &report.summary {
        rows(&mut text, summary);
    }
    let mappings = report.mappings.iter().map(|mapping| {
        let state = if mapping.is_good { "good for" } else { "not good for" };
        let (path, contract, proven, checked) = (&mapping.path, &mapping.contract, mapping.proven, mapping.checked);
        [code(path), state.to_owned(), code(contract), proven.to_string(), checked.to_string()]
    });
    let head = ["mapping", "", "contract", "fields proven", "checked in the data"];
    table(&mut text, "Mapping", &head, mappings);
    table(&mut text, "What is behind the findings", &CAUSES, report.overview.causes.iter().map(cause));
    let shown = &report.findings[..report.findings.len().min(MAX_FINDINGS)];
    table(&mut text, "Findings", &["place", "", "finding", "rule"], shown.iter().map(finding));
    let more = report.left_out + (report.findings.len() - shown.len()) as u64;
    if more > 0 {
        let _ = writeln!(text, "and {} more findings: a `.json` or `.sarif` report has more of them\n", grouped(more));
    }
    table(&mut text, "Files", &["what", "file", "bytes", "BLAKE3"], report.inputs.iter().map(input));
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(text, "xwalk {version}, `xwalk {}`, started {}", report.command, report.started);
    out.write_all(text.as_bytes())
}

/// How the run ended, in words.
fn verdict(report: &RunReport) -> String {
    let exit = report.exit as u8;
    if let Some(summary) = &report.summary {
        return format!("{} (exit {exit})", cell(&headline(summary)));
    }
    let good = report.mappings.iter().filter(|mapping| mapping.is_good).count();
    match (report.command, report.count(Severity::Error)) {
        ("check", 0) => format!("{good} of {} mappings good (exit {exit})", report.mappings.len()),
        (_, 1) => format!("1 error: nothing was sent or written (exit {exit})"),
        (_, errors) => format!("{} errors: nothing was sent or written (exit {exit})", grouped(errors)),
    }
}

/// Where every row ended, and the sums.
fn rows(text: &mut String, summary: &Summary) {
    let good = good_word(&summary.outcome);
    let head = ["", "all", good, "rejected", "filtered", "pending"];
    let documents = &summary.documents;
    let count = |name: &str, counts: [u64; 5]| {
        let [all, sent, rejected, filtered, pending] = counts.map(grouped);
        [cell(name), all, sent, rejected, filtered, pending]
    };
    let of_source = |source: &SourceTally| {
        count(&source.name, [source.rows, source.sent, source.rejected, source.filtered, source.pending])
    };
    let sum = |sum: &UnitSum| {
        let parts = [&sum.sent, &sum.rejected, &sum.filtered, &sum.pending].map(ToString::to_string);
        let [sent, rejected, filtered, pending] = parts;
        [cell(&name_sum(sum)), sum.total().to_string(), sent, rejected, filtered, pending]
    };
    let all = [documents.made, documents.sent, documents.rejected, documents.filtered, documents.pending];
    let sources = summary
        .sources
        .iter()
        .flat_map(|source| std::iter::once(of_source(source)).chain(source.sums.iter().map(sum).collect::<Vec<_>>()));
    table(text, "Rows", &head, sources.chain([count("documents", all)]));
    let recordings = summary.recordings.iter().map(|recording| {
        let documents = &recording.documents;
        let counts = [documents.made, documents.sent, documents.rejected, documents.filtered, documents.pending];
        count(&recording.name, counts)
    });
    table(text, "Drop folders", &head, recordings);
}

const CAUSES: [&str; 7] = ["findings", "of the rows", "column", "code", "cells", "first place", "rule"];

fn cause(cause: &Cause) -> [String; 7] {
    let place = |place: Option<&SimplePlace>| place.map_or_else(String::new, |place| code(&place.to_string()));
    [
        grouped(cause.count),
        shown_share(cause),
        code(&column(cause)),
        code(cause.code.word()),
        code(&shown_shapes(cause)),
        place(cause.first.as_ref()),
        place(cause.rule.as_ref()),
    ]
}

fn finding(finding: &Diagnostic) -> [String; 4] {
    let place = line::first_place(finding).map_or_else(String::new, |place| code(&place.to_string()));
    let rule = finding.cell.as_ref().and(finding.rule.as_deref());
    let rule = rule.map_or_else(String::new, |rule| code(&rule.to_string()));
    let said = format!("{}: {}", code(finding.code.word()), cell(&finding.message));
    [place, line::word(finding.severity).to_owned(), said, rule]
}

fn input(input: &ReportInput) -> [String; 4] {
    let digest = input.digest.as_deref().unwrap_or_default();
    [cell(&input.role), code(&input.path), grouped(input.bytes), code(digest)]
}

/// A section with a table, if it has a row. Rows that do not fit are counted.
fn table<const N: usize>(text: &mut String, title: &str, head: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let (start, mut more) = (text.len(), 0_u64);
    for row in rows {
        if text.len() == start {
            let _ = write!(text, "## {title}\n\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
        }
        let row = format!("| {} |\n", row.join(" | "));
        if text.len() - start + row.len() > MAX_SECTION {
            more += 1;
        } else {
            text.push_str(&row);
        }
    }
    if more > 0 {
        let _ = write!(text, "\nand {} more\n", grouped(more));
    }
    if text.len() > start {
        text.push('\n');
    }
}

/// A text in a table, taken as it is.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    for character in visible(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '`' => shown.push('`'),
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '~' => shown.extend(['\\', character]),
            c => shown.push(c),
        }
    }
    shown
}

/// A text as code in a table; nothing for an empty one.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<code>{}</code>", cell(text).replace('`', "&#96;"))
}

#[cfg(test)]
mod tests {
    use crate::report::markdown::{MAX_SECTION, code, table};

    #[test]
    fn a_table_is_bounded_and_says_what_is_left_out() {
        let mut text = String::new();
        table(&mut text, "Many", &["a"], (0..1_000_000).map(|number: u64| [number.to_string()]));
        assert!(text.len() < MAX_SECTION + 100 && text.contains("\nand 9"), "{}", text.len());
        let mut text = String::new();
        table(&mut text, "None", &["a"], std::iter::empty());
        assert_eq!(text, "");
    }

    #[test]
    fn nothing_leaves_its_cell() {
        assert_eq!(code("a|b`c\n<d>"), "<code>a\\|b&#96;c\\\\n&lt;d></code>");
    }
}
