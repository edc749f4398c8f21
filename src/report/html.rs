//! A report as one page: the verdict, where the documents ended, what is behind the findings, and what was read.
//!
//! The page needs no network, and its own policy forbids it. It is never larger than [`MAX_BYTES`]: what does not fit is
//! counted.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    diagnostic::{Diagnostic, Severity},
    error::Exit,
    html::{HOUSE_STYLE, fill_template},
    recording::{
        overview::{Cause, SimplePlace},
        summary::{DocumentTally, SourceTally, Summary, UnitSum},
    },
    report::{
        escape::shorten,
        grouped::grouped,
        html_diagram::{MappingDiagram, draw_diagram},
        line::word,
        markdown::verdict,
        overview::{column, shown_shapes, shown_share},
        run_report::RunReport,
        summary::{good_word, name_sum},
    },
};

/// The most bytes of a page.
pub const MAX_BYTES: usize = 1 << 20;
/// The most rows of each part of a page; fewer where their texts are long.
const MAX_ROWS: usize = 400;

/// Writes the page.
///
/// # Errors
/// The writer fails.
pub(crate) fn write(out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
    let mut rows = MAX_ROWS;
    loop {
        let page = fill_template(include_str!("html/report.html"), &ReportPage::of(report, rows));
        if page.len() <= MAX_BYTES || rows == 0 {
            return out.write_all(page.as_bytes());
        }
        rows /= 2;
    }
}

/// What the page shows.
#[derive(Serialize)]
struct ReportPage<'a> {
    house_style: &'static str,
    style: &'static str,
    script: &'static str,
    version: &'static str,
    command: &'a str,
    started: &'a str,
    verdict: String,
    state: &'static str,
    mappings: Vec<MappingVerdict<'a>>,
    stages: Vec<FunnelStage>,
    good: &'static str,
    sources: Vec<RowCounts>,
    sums: Vec<RowCounts>,
    folders: Vec<RowCounts>,
    causes: Vec<CauseRow>,
    more_causes: String,
    findings: Vec<FindingRow>,
    more_findings: String,
    filters: Filters,
    diagrams: Vec<MappingDiagram>,
    inputs: Vec<InputRow<'a>>,
    more_inputs: usize,
}

/// A mapping, and whether it can be used.
#[derive(Serialize)]
struct MappingVerdict<'a> {
    path: String,
    contract: String,
    is_good: bool,
    proven: usize,
    checked: usize,
    name: &'a str,
}

/// How many documents came so far.
#[derive(Serialize)]
struct FunnelStage {
    name: &'static str,
    count: String,
    /// Its share of what was read, in tenths of a percent.
    width: u64,
    /// How many were lost on the way here, and to what; empty: none.
    lost: String,
    why: &'static str,
    /// They were lost on purpose.
    is_wanted: bool,
    /// The share of that of the largest loss, in tenths of a percent.
    lost_width: u64,
}

/// Where the rows of a source, a sum or the documents of a folder ended.
#[derive(Serialize)]
struct RowCounts {
    name: String,
    all: String,
    counts: [String; 4],
    has_loss: bool,
    note: String,
}

/// What is behind some findings.
#[derive(Serialize)]
struct CauseRow {
    severity: &'static str,
    code: &'static str,
    source: String,
    column: String,
    field: String,
    message: String,
    count: String,
    share: String,
    /// The share in hundredths of a percent.
    width: u64,
    shapes: String,
    first: String,
    rule: String,
}

/// One finding.
#[derive(Serialize)]
struct FindingRow {
    severity: &'static str,
    code: &'static str,
    source: String,
    column: String,
    message: String,
    hint: String,
    place: String,
    found: String,
    rule: String,
    pointer: String,
    schema: String,
    also: String,
}

/// What the findings can be chosen by.
#[derive(Default, Serialize)]
struct Filters {
    severities: Vec<&'static str>,
    sources: Vec<String>,
    codes: Vec<&'static str>,
}

/// A file that was read.
#[derive(Serialize)]
struct InputRow<'a> {
    role: String,
    path: String,
    bytes: String,
    digest: &'a str,
}

impl<'a> ReportPage<'a> {
    /// The page, with so many rows in each part at most.
    fn of(report: &'a RunReport, rows: usize) -> ReportPage<'a> {
        let causes: Vec<CauseRow> = report.overview.causes.iter().take(rows).map(draw_cause).collect();
        let findings: Vec<FindingRow> = report.findings.iter().take(rows).map(draw_finding).collect();
        let more_findings = report.left_out + (report.findings.len() - findings.len()) as u64;
        let more = |more: u64| if more == 0 { String::new() } else { grouped(more) };
        let mut page = ReportPage {
            house_style: HOUSE_STYLE,
            style: include_str!("html/report.css"),
            script: include_str!("html/report.js"),
            version: env!("CARGO_PKG_VERSION"),
            command: report.command,
            started: &report.started,
            verdict: capitalize(&shorten(&verdict(report))),
            state: if report.exit == Exit::Done { "good" } else { "bad" },
            mappings: Vec::new(),
            stages: Vec::new(),
            good: "sent",
            sources: Vec::new(),
            sums: Vec::new(),
            folders: Vec::new(),
            filters: find_filters(&causes, &findings),
            more_causes: more((report.overview.causes.len() - causes.len()) as u64),
            causes,
            more_findings: more(more_findings),
            findings,
            diagrams: report.mappings.iter().take(5).map(|mapping| draw_diagram(mapping, report, rows)).collect(),
            inputs: Vec::new(),
            more_inputs: report.inputs.len().saturating_sub(rows),
        };
        page.diagrams.retain(|diagram| !diagram.flows.is_empty());
        if let Some(summary) = &report.summary {
            page.add_summary(summary, rows);
        }
        page.mappings = report
            .mappings
            .iter()
            .take(rows)
            .map(|mapping| MappingVerdict {
                path: shorten(&mapping.path),
                contract: shorten(&mapping.contract),
                is_good: mapping.is_good,
                proven: mapping.proven,
                checked: mapping.checked,
                name: &mapping.name,
            })
            .collect();
        page.inputs = report
            .inputs
            .iter()
            .take(rows)
            .map(|input| InputRow {
                role: shorten(&input.role),
                path: shorten(&input.path),
                bytes: grouped(input.bytes),
                digest: input.digest.as_deref().unwrap_or_default(),
            })
            .collect();
        page
    }

    fn add_summary(&mut self, summary: &Summary, rows: usize) {
        self.good = good_word(&summary.outcome);
        self.stages = draw_stages(&summary.documents, &summary.overview.causes, self.good);
        let of_source = |source: &SourceTally| {
            let note = source.merged_rows.map_or_else(String::new, |rows| format!("of {} rows", grouped(rows)));
            let all = [source.rows, source.sent, source.rejected, source.filtered, source.pending];
            draw_counts(&source.name, all, note)
        };
        self.sources = summary.sources.iter().take(rows).map(of_source).collect();
        let sums = summary.sources.iter().flat_map(|source| &source.sums);
        self.sums = sums.take(rows).map(draw_sum).collect();
        let folders = summary.recordings.iter().take(rows);
        self.folders = folders
            .map(|folder| {
                let DocumentTally { made, sent, rejected, filtered, pending } = folder.documents;
                draw_counts(&folder.name, [made, sent, rejected, filtered, pending], String::new())
            })
            .collect();
    }
}

/// The stages of the documents, each with what was lost before it.
fn draw_stages(documents: &DocumentTally, causes: &[Cause], good: &'static str) -> Vec<FunnelStage> {
    let DocumentTally { made, sent, rejected, filtered, pending } = *documents;
    // What the API rejects conforms to the contract.
    let by_api = causes.iter().filter(|cause| cause.code.word().starts_with("deliver/"));
    let by_api = by_api.map(|cause| cause.records).sum::<u64>().min(rejected);
    let mapped = made.saturating_sub(filtered);
    let conforming = mapped.saturating_sub(rejected - by_api);
    let lost = [filtered, rejected - by_api, by_api + pending];
    let most = lost.into_iter().max().unwrap_or_default();
    let share = |count: u64, all: u64| {
        let share = u128::from(count) * 1_000;
        u64::try_from(share.div_ceil(u128::from(all.max(1)))).unwrap_or(1_000)
    };
    let stage = |name, count, lost, why| FunnelStage {
        name,
        count: grouped(count),
        width: share(count, made),
        lost: if lost == 0 { String::new() } else { grouped(lost) },
        why,
        is_wanted: name == "mapped",
        lost_width: share(lost, most),
    };
    let why = match (by_api, pending) {
        (0, _) => "pending",
        (_, 0) => "rejected by the API",
        _ => "pending, or rejected by the API",
    };
    vec![
        stage("read", made, 0, ""),
        stage("mapped", mapped, filtered, "left out by `where`"),
        stage("conforming", conforming, rejected - by_api, "rejected"),
        stage(good, sent, by_api + pending, why),
    ]
}

fn draw_counts(name: &str, [all, good, rejected, filtered, pending]: [u64; 5], note: String) -> RowCounts {
    RowCounts {
        name: shorten(name),
        all: grouped(all),
        counts: [good, rejected, filtered, pending].map(grouped),
        has_loss: rejected > 0,
        note,
    }
}

fn draw_sum(sum: &UnitSum) -> RowCounts {
    let unreadable = match sum.unreadable {
        0 => String::new(),
        1 => "1 cell could not be read".to_owned(),
        cells => format!("{} cells could not be read", grouped(cells)),
    };
    let counts = [&sum.sent, &sum.rejected, &sum.filtered, &sum.pending].map(ToString::to_string);
    let has_loss = counts[1].bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    RowCounts { name: shorten(&name_sum(sum)), all: sum.total().to_string(), counts, has_loss, note: unreadable }
}

fn draw_cause(cause: &Cause) -> CauseRow {
    let place = |place: Option<&SimplePlace>| place.map_or_else(String::new, |place| shorten(&place.to_string()));
    CauseRow {
        severity: word(cause.severity),
        code: cause.code.word(),
        source: shorten(&cause.source),
        column: shorten(&column(cause)),
        field: shorten(&cause.field),
        message: shorten(&cause.message),
        count: grouped(cause.count),
        share: shown_share(cause),
        width: cause.share().unwrap_or_default(),
        shapes: shorten(&shown_shapes(cause)),
        first: place(cause.first.as_ref()),
        rule: place(cause.rule.as_ref()),
    }
}

fn draw_finding(finding: &Diagnostic) -> FindingRow {
    let cell = finding.cell.as_deref();
    let target = finding.target.as_deref();
    FindingRow {
        severity: word(finding.severity),
        code: finding.code.word(),
        source: cell.map(|cell| shorten(&cell.source)).unwrap_or_default(),
        column: cell.map(|cell| shorten(&cell.column)).unwrap_or_default(),
        message: shorten(&finding.message),
        hint: shorten(&finding.hint),
        place: cell.map(|cell| shorten(&cell.place.to_string())).unwrap_or_default(),
        found: cell.map(|cell| shorten(&cell.found)).unwrap_or_default(),
        rule: finding.rule.as_ref().map(|rule| shorten(&rule.to_string())).unwrap_or_default(),
        pointer: target.map(|target| shorten(&target.pointer)).unwrap_or_default(),
        schema: target.map(|target| shorten(&target.schema)).unwrap_or_default(),
        also: finding.also.as_ref().map(|also| shorten(&format!("{}: {}", also.0, also.1))).unwrap_or_default(),
    }
}

fn find_filters(causes: &[CauseRow], findings: &[FindingRow]) -> Filters {
    let severities = [Severity::Error, Severity::Warning, Severity::Notice].map(word);
    let has = |severity: &&str| causes.iter().any(|cause| cause.severity == *severity);
    let mut sources: Vec<String> = causes.iter().map(|cause| cause.source.clone()).collect();
    sources.extend(findings.iter().map(|finding| finding.source.clone()));
    let mut codes: Vec<&'static str> = causes.iter().map(|cause| cause.code).collect();
    codes.extend(findings.iter().map(|finding| finding.code));
    sources.sort_unstable();
    sources.dedup();
    sources.retain(|source| !source.is_empty());
    codes.sort_unstable();
    codes.dedup();
    Filters { severities: severities.into_iter().filter(|severity| has(severity)).collect(), sources, codes }
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place, Severity},
        error::Exit,
        recording::overview::{Cause, Overview, ShapeCount, SimplePlace},
        recording::summary::DocumentTally,
        report::{
            html::{MAX_BYTES, draw_stages, write},
            run_report::{FieldFlow, MappingReport, ReportedFile, RunReport},
        },
    };

    /// A report in which everything holds this text, and there is as much of everything as there can be.
    fn full_report(text: &str) -> RunReport {
        let place = SimplePlace { path: text.to_owned(), line: 1, column: 1 };
        let cause = |number: u64| Cause {
            code: Code::CheckRange,
            severity: Severity::Error,
            source: text.to_owned(),
            column: format!("{text}{number}"),
            rule: Some(place.clone()),
            field: text.to_owned(),
            message: text.to_owned(),
            count: number,
            records: number,
            rows: 1_000,
            first: Some(place.clone()),
            shapes: vec![ShapeCount { shape: text.to_owned(), count: 1, is_at_least: false }],
            other: 0,
        };
        let at = Place { line: 3, column: 4, ..Place::file(text) };
        let (source, column) = (text.to_owned(), text.to_owned());
        let cell = Cell { place: at.clone(), source, column, found: text.to_owned(), is_masked: false };
        let finding = Diagnostic::new(Code::CheckRange, text).cell(cell).rule(at.clone()).also(at, text);
        let finding = finding.target(text, text).hint(text);
        let flow = |number: usize| FieldFlow {
            field: format!("{text}{number}"),
            source: text.to_owned(),
            columns: vec![text.to_owned()],
            via: text.to_owned(),
        };
        let mapping = MappingReport {
            path: text.to_owned(),
            name: text.to_owned(),
            contract: text.to_owned(),
            is_good: true,
            flows: (0..5_000).map(flow).collect(),
            ..MappingReport::default()
        };
        let input =
            ReportedFile { role: text.to_owned(), path: text.to_owned(), bytes: 1, digest: Some("00".repeat(32)) };
        RunReport {
            command: "convert",
            started: "2026-11-27T10:00:00Z".to_owned(),
            exit: Exit::Rejects,
            mappings: vec![mapping],
            summary: None,
            overview: Overview { causes: (0..1_000).map(cause).collect() },
            findings: vec![finding; 25_000],
            left_out: 1_000_000,
            inputs: vec![input; 1_000],
        }
    }

    fn written(report: &RunReport) -> String {
        let mut page = Vec::new();
        write(&mut page, report).unwrap();
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn a_page_is_bounded_whatever_is_in_it() {
        for text in ["a", &"\"<&'".repeat(1_000), &"é\u{202e}漢".repeat(1_000)] {
            let page = written(&full_report(text));
            assert!(page.len() <= MAX_BYTES && page.len() > 50_000, "{}", page.len());
            assert!(page.contains("1,02"), "what is left out is counted");
        }
    }

    #[test]
    fn no_text_is_taken_for_a_part_of_the_page() {
        let page = written(&full_report("</style></script><script>alert(1)</script>\"' onload=x `b`"));
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("</style").count(), 1);
        assert!(!page.contains("alert(1)</script"));
    }

    #[test]
    fn stages_lose_what_the_counts_say() {
        let documents = DocumentTally { made: 100, sent: 60, rejected: 25, filtered: 10, pending: 5 };
        let stages = draw_stages(&documents, &[], "sent");
        let told: Vec<_> =
            stages.iter().map(|stage| (stage.count.as_str(), stage.lost.as_str(), stage.lost_width)).collect();
        assert_eq!(told, [("100", "", 0), ("90", "10", 400), ("65", "25", 1_000), ("60", "5", 200)]);
    }
}
