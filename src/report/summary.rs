//! The last lines of a run: what was done, the equation of every row, and what to do next.
//!
//! No line is wider than the style allows unless it holds one word that is: a path or an address is never broken.
//! The same summary drawn twice is the same text; how long a run took is said only when it took long.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
};

use serde_json::{Map, Value, json};

use crate::{
    options::MessageFormat,
    recording::{
        receipt::Volume,
        summary::{DocumentTally, MAX_UNITS, Outcome, RecordingTally, SourceTally, Summary, Unit, UnitSum},
    },
    report::{
        escape::{json_line, visible},
        grouped::grouped,
        line::VERSION,
        overview,
        render_style::RenderStyle,
        wrap::{GLUE, wrapped},
    },
    text::decimal::Decimal,
};

/// How many units of a source have a line.
const SHOWN_UNITS: usize = 100;

/// How many recordings have a line.
const SHOWN_RECORDINGS: usize = 100;

/// How many characters of a name are shown.
const MAX_NAME: usize = 24;

/// Draws the summary: a JSON object on one line for `json`, else text; nothing for people who asked for quiet.
pub fn summary(out: &mut dyn Write, summary: &Summary, style: RenderStyle) -> io::Result<()> {
    match style.format {
        MessageFormat::Json => out.write_all(json_line(&summary_line(&summary_object(summary))).as_bytes()),
        _ if style.quiet => Ok(()),
        MessageFormat::Full | MessageFormat::Concise | MessageFormat::Github => {
            out.write_all(drawn(summary, style).as_bytes())
        }
    }
}

fn drawn(summary: &Summary, style: RenderStyle) -> String {
    let mut drawn = String::new();
    let (said, details) = (said(summary), details(summary));
    let fits = said.chars().count() + 1 + details.chars().count() <= style.width;
    let first = match (details.as_str(), fits) {
        ("", _) => wrapped(&said, style.width, 4),
        (details, true) => wrapped(&format!("{said} {details}"), style.width, 4),
        (details, false) => {
            format!("{}\n{}", wrapped(&said, style.width, 4), wrapped(&format!("  {details}"), style.width, 4))
        }
    };
    let bold = anstyle::Style::new().bold();
    let _ = if style.styled { writeln!(drawn, "{bold}{first}{bold:#}") } else { writeln!(drawn, "{first}") };
    if let Outcome::Delivered { earlier: earlier @ 1.., .. } = summary.outcome {
        let _ = writeln!(drawn, "  {}", by_an_earlier_run(earlier, summary.documents.sent));
    }
    paragraph(&mut drawn, &equations(summary), style.width);
    let causes = overview::drawn(&summary.overview, style.width);
    if !causes.is_empty() {
        drawn.push('\n');
        drawn.push_str(&causes);
    }
    paragraph(&mut drawn, &next(summary), style.width);
    drawn
}

fn paragraph(drawn: &mut String, lines: &[String], width: usize) {
    if !lines.is_empty() {
        drawn.push('\n');
    }
    for line in lines {
        let _ = writeln!(drawn, "{}", wrapped(line, width, 4));
    }
}

/// What was done, in words on one line.
pub(crate) fn headline(summary: &Summary) -> String {
    said(summary).replace(GLUE, " ")
}

/// What was done, in words.
fn said(summary: &Summary) -> String {
    let documents = &summary.documents;
    let sent = counted(documents.sent, "document", "documents");
    let said = match &summary.outcome {
        Outcome::Delivered { url, .. } if documents.pending > 0 => {
            let good = documents.sent.saturating_add(documents.pending);
            let accepted = grouped(documents.sent);
            format!("{accepted} of {} accepted by {url}", counted(good, "document", "documents"))
        }
        Outcome::Delivered { url, .. } => format!("{sent} accepted by {url}"),
        Outcome::Written { path } if path == "-" => format!("{sent} written to stdout"),
        Outcome::Written { path } => format!("{sent} written to {path}"),
        Outcome::Validated { url: Some(url) } => format!("{sent} valid, would go to {url}"),
        Outcome::Validated { url: None } => format!("{sent} valid"),
        Outcome::Nothing { reason } => format!("nothing was sent or written: {reason}"),
    };
    visible(&said) + &lost(summary)
}

/// How many rows are rejected, unless the reason why nothing was sent says it.
fn lost(summary: &Summary) -> String {
    let sum = |of: fn(&SourceTally) -> u64| summary.sources.iter().map(of).fold(0, u64::saturating_add);
    match sum(|source| source.rejected) {
        0 => String::new(),
        _ if matches!(summary.outcome, Outcome::Nothing { .. }) => String::new(),
        rejected => {
            let rows = counted(sum(|source| source.rows), "row", "rows");
            let lost = format!("{} of {rows} rejected", grouped(rejected)).replace(' ', &GLUE.to_string());
            format!(", {lost}")
        }
    }
}

/// How many of the accepted documents were not sent by this run.
fn by_an_earlier_run(earlier: u64, sent: u64) -> String {
    match (earlier, sent) {
        (1, 1) => "by an earlier run".into(),
        (all, sent) if all == sent => "all of them by an earlier run".into(),
        (1, _) => "1 of them by an earlier run".into(),
        (some, _) => format!("{some} of them by an earlier run"),
    }
}

/// How much that was, in brackets.
fn details(summary: &Summary) -> String {
    let mut details: Vec<String> = summary.volume.iter().flat_map(volume).collect();
    if summary.elapsed.as_secs() >= 1 {
        details.push(format!("{} s", summary.elapsed.as_secs()));
    }
    let details: Vec<String> = details.iter().map(|detail| detail.replace(' ', &GLUE.to_string())).collect();
    if details.is_empty() { String::new() } else { format!("({})", details.join(", ")) }
}

fn volume(volume: &Volume) -> Vec<String> {
    let mut said = vec![counted(volume.batches, "batch", "batches"), bytes(volume.bytes)];
    if volume.wire_bytes > 0 {
        said.push(format!("{} on the wire", bytes(volume.wire_bytes)));
    }
    if volume.resent_bytes > 0 {
        said.push(format!("{} sent again", bytes(volume.resent_bytes)));
    }
    if volume.requests > volume.batches {
        said.push(counted(volume.requests, "request", "requests"));
    }
    said
}

/// One row of the table: a name, a total, the four buckets, and a remark.
struct Equation {
    name: String,
    total: String,
    buckets: [String; 4],
    remark: String,
}

impl Equation {
    fn of_rows(tally: &SourceTally) -> Equation {
        let buckets = [tally.sent, tally.rejected, tally.filtered, tally.pending].map(|count| count.to_string());
        let remark = tally.merged_rows.map_or_else(String::new, |rows| {
            format!(" {}", format!("(of {})", counted(rows, "row", "rows")).replace(' ', &GLUE.to_string()))
        });
        Equation { name: name(&tally.name), total: tally.rows.to_string(), buckets, remark }
    }

    fn of_documents(tally: &DocumentTally) -> Equation {
        let buckets = [tally.sent, tally.rejected, tally.filtered, tally.pending].map(|count| count.to_string());
        Equation { name: "documents".into(), total: tally.made.to_string(), buckets, remark: String::new() }
    }

    fn of_recording(tally: &RecordingTally) -> Equation {
        let remark = match tally.rejected_rows {
            0 => String::new(),
            rejected => format!(" ({} of {} rejected)", grouped(rejected), counted(tally.rows, "row", "rows")),
        };
        let remark = remark.replace(' ', &GLUE.to_string()).replacen(GLUE, " ", 1);
        Equation { name: format!("  {}", name_end(&tally.name)), remark, ..Equation::of_documents(&tally.documents) }
    }

    /// The first sums of a source. Names that look the same when they are cut are not cut.
    fn of_sums(sums: &[UnitSum]) -> Vec<Equation> {
        let shown = &sums[..sums.len().min(SHOWN_UNITS)];
        let mut equations: Vec<Equation> = shown.iter().map(Equation::of_sum).collect();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for equation in &equations {
            *counts.entry(equation.name.clone()).or_default() += 1;
        }
        for (equation, sum) in equations.iter_mut().zip(shown).filter(|(equation, _)| counts[&equation.name] > 1) {
            equation.name = format!("  {}", visible(&name_sum(sum)));
        }
        equations
    }

    fn of_sum(sum: &UnitSum) -> Equation {
        let total = sum.total();
        let parts = [&sum.sent, &sum.rejected, &sum.filtered, &sum.pending];
        let scale = parts.into_iter().chain([&total]).map(Decimal::scale).max().unwrap_or(0);
        let shown = |number: &Decimal| number.with_decimals(scale);
        let remark = match sum.unreadable {
            0 => String::new(),
            cells => format!("; {} unreadable", counted(cells, "cell", "cells")),
        };
        let remark = match sum.by {
            Unit::TooMany => format!("{remark}; more than {MAX_UNITS} units, so they are not kept apart"),
            Unit::Other => format!("{remark}; `units` of `total` does not list them"),
            _ => remark,
        };
        Equation {
            name: format!("  {}", name(&name_sum(sum))),
            total: shown(&total),
            buckets: parts.map(shown),
            remark,
        }
    }
}

/// The name of a sum: the column, and the unit.
pub(crate) fn name_sum(sum: &UnitSum) -> String {
    let by = match &sum.by {
        Unit::None => String::new(),
        Unit::Named(unit) if unit.is_empty() => ", no unit".into(),
        Unit::Named(unit) => format!(", {unit}"),
        Unit::Other => ", other units".into(),
        Unit::Unreadable => ", unknown unit".into(),
        Unit::TooMany => ", all units".into(),
    };
    format!("{}{by}", sum.what)
}

/// A name, cut so that its numbers fit beside it.
fn name(name: &str) -> String {
    let name = visible(name);
    if name.chars().count() <= MAX_NAME {
        return name;
    }
    name.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

/// The end of a path, cut so that its numbers fit beside it.
fn name_end(path: &str) -> String {
    let path = visible(path);
    match path.chars().count().checked_sub(MAX_NAME) {
        None | Some(0) => path,
        Some(more) => ['…'].into_iter().chain(path.chars().skip(more + 1)).collect(),
    }
}

/// Where every row and every document ended. Rows and documents share their columns; sums are wider and have their own,
/// without those in which there is no amount at all.
fn equations(summary: &Summary) -> Vec<String> {
    let sent = good_word(&summary.outcome);
    let rows: Vec<Equation> = summary.sources.iter().map(Equation::of_rows).collect();
    let documents = Equation::of_documents(&summary.documents);
    let sums: Vec<Vec<Equation>> = summary.sources.iter().map(|source| Equation::of_sums(&source.sums)).collect();
    let shown = summary.recordings.len().min(SHOWN_RECORDINGS);
    let recordings: Vec<Equation> = summary.recordings[..shown].iter().map(Equation::of_recording).collect();
    let counts = Widths { shown: [true; 4], ..Widths::of(rows.iter().chain([&documents]).chain(&recordings)) };
    let mut amounts = Widths::of(sums.iter().flatten());
    for sum in summary.sources.iter().flat_map(|source| source.sums.iter().take(SHOWN_UNITS)) {
        let parts = [&sum.sent, &sum.rejected, &sum.filtered, &sum.pending];
        amounts.shown.iter_mut().zip(parts).for_each(|(shown, part)| *shown |= !part.is_zero());
    }
    // Without any amount there is still a sum to show.
    amounts.shown[0] |= !amounts.shown.contains(&true);
    let names = counts.name.max(amounts.name);
    let mut lines = Vec::new();
    for ((row, sums), source) in rows.iter().zip(&sums).zip(&summary.sources) {
        lines.push(counts.line(row, names, sent));
        lines.extend(sums.iter().map(|sum| amounts.line(sum, names, sent)));
        if let more @ 1.. = source.sums.len() - sums.len() {
            let units = if more == 1 { "unit" } else { "units" };
            lines.push(format!("  and {more} more {units}: `--message-format json` tells all of them"));
        }
    }
    lines.push(counts.line(&documents, names, sent));
    lines.extend(recordings.iter().map(|recording| counts.line(recording, names, sent)));
    if let more @ 1.. = summary.recordings.len() - recordings.len() {
        lines.push(format!("  and {more} more drop folders: `--message-format json` tells all of them"));
    }
    lines
}

/// How wide the columns of a table are.
struct Widths {
    name: usize,
    total: usize,
    buckets: [usize; 4],
    /// Which of the buckets are told.
    shown: [bool; 4],
}

impl Widths {
    fn of<'a>(equations: impl Iterator<Item = &'a Equation>) -> Widths {
        let mut widths = Widths { name: 0, total: 0, buckets: [0; 4], shown: [false; 4] };
        for equation in equations {
            widths.name = widths.name.max(equation.name.chars().count().min(MAX_NAME + 2));
            widths.total = widths.total.max(equation.total.len());
            for (width, bucket) in widths.buckets.iter_mut().zip(&equation.buckets) {
                *width = (*width).max(bucket.len());
            }
        }
        widths
    }

    fn line(&self, equation: &Equation, names: usize, sent: &str) -> String {
        let words = [sent, "rejected", "filtered", "pending"];
        let terms: Vec<String> = equation
            .buckets
            .iter()
            .zip(self.buckets)
            .zip(words)
            .zip(self.shown)
            .filter(|(_, shown)| *shown)
            .map(|(((bucket, width), word), _)| {
                format!("{} {word}", right(bucket, width)).replace(' ', &GLUE.to_string())
            })
            .collect();
        let (name, total, width) = (&equation.name, &equation.total, self.total);
        let terms = terms.join(&format!(" +{GLUE}"));
        format!("{name:<names$}  {} = {terms}{}", right(total, width), equation.remark)
    }
}

/// A text with spaces before it up to a width. A total may have more digits than the widths of a format string can say.
fn right(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count())) + text
}

/// What to do next.
fn next(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    let rejected = summary.sources.iter().any(|source| source.rejected > 0);
    match &summary.rejects {
        Some(path) if rejected => lines.push(format!("the rejected rows are in {}", visible(path))),
        None if rejected => lines.push("`--rejects FILE` writes the rejected rows to a file".into()),
        Some(_) | None => {}
    }
    let unfinished = matches!(summary.outcome, Outcome::Delivered { again: true, .. }) && summary.documents.pending > 0;
    if unfinished {
        lines.push("run the same command again to send what is pending".into());
    }
    lines
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(count)) }
}

/// A number of bytes in three or four digits, in thousands as carriers bill them.
fn bytes(count: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    match units.into_iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", count / size, count % size / (size / 10)),
        None => format!("{count} B"),
    }
}

/// What became of what is good.
pub(crate) fn good_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } | Outcome::Nothing { .. } => "sent",
        Outcome::Written { .. } => "written",
        Outcome::Validated { .. } => "valid",
    }
}

/// The last line for scripts.
pub(crate) fn summary_line(summary: &Value) -> Value {
    json!({ "type": "summary", "version": VERSION, "summary": summary })
}

/// The summary for scripts. Amounts are texts, so that no reader rounds them.
pub(crate) fn summary_object(summary: &Summary) -> Value {
    let good = |amount: Value, none: &Value| {
        let word = good_word(&summary.outcome);
        ["sent", "written", "valid"].map(|other| if other == word { amount.clone() } else { none.clone() })
    };
    let sums = |sum: &UnitSum| sum_object(sum, good(json!(sum.sent.to_string()), &json!("0")));
    let source = |source: &SourceTally| {
        let [sent, written, valid] = good(json!(source.sent), &json!(0));
        let mut object = json!({
            "name": source.name, "paths": source.paths, "rows": source.rows,
            "sent": sent, "written": written, "valid": valid,
            "rejected": source.rejected, "filtered": source.filtered, "pending": source.pending,
            "sums": source.sums.iter().map(sums).collect::<Vec<_>>(),
        });
        if let Some(rows) = source.merged_rows {
            object["merged_rows"] = json!(rows);
        }
        object
    };
    let documents = |documents: &DocumentTally| {
        let [sent, written, valid] = good(json!(documents.sent), &json!(0));
        json!({
            "made": documents.made, "sent": sent, "written": written, "valid": valid,
            "rejected": documents.rejected, "filtered": documents.filtered, "pending": documents.pending,
        })
    };
    let recording = |recording: &RecordingTally| {
        json!({
            "name": recording.name, "documents": documents(&recording.documents),
            "rows": recording.rows, "rejected_rows": recording.rejected_rows,
        })
    };
    let volume = summary.volume.map(|volume| {
        json!({
            "documents": volume.documents, "batches": volume.batches, "bytes": volume.bytes,
            "wire_bytes": volume.wire_bytes, "resent_bytes": volume.resent_bytes, "requests": volume.requests,
        })
    });
    let findings: Map<String, Value> =
        summary.findings.iter().map(|(code, count)| (code.word().to_owned(), json!(count))).collect();
    json!({
        "outcome": outcome(&summary.outcome),
        "documents": documents(&summary.documents),
        "sources": summary.sources.iter().map(source).collect::<Vec<_>>(),
        "recordings": summary.recordings.iter().map(recording).collect::<Vec<_>>(),
        "volume": volume,
        "findings": findings,
        "overview": overview::json(&summary.overview),
        "rejects": summary.rejects,
        "balanced": summary.balanced(),
        "elapsed_ms": u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// A sum; what is good of it is told under the word for it.
fn sum_object(sum: &UnitSum, [sent, written, valid]: [Value; 3]) -> Value {
    let (by, unnamed) = match &sum.by {
        Unit::None | Unit::Named(_) => (Some(sum.by.name()), None),
        Unit::Other => (None, Some("other")),
        Unit::Unreadable => (None, Some("unknown")),
        Unit::TooMany => (None, Some("all")),
    };
    json!({
        "what": sum.what, "by": by, "unnamed": unnamed, "sent": sent, "written": written, "valid": valid,
        "rejected": sum.rejected.to_string(), "filtered": sum.filtered.to_string(),
        "pending": sum.pending.to_string(), "unreadable": sum.unreadable,
    })
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Delivered { profile, url, earlier, .. } => {
            json!({ "kind": "delivered", "profile": profile, "url": url, "earlier": earlier })
        }
        Outcome::Written { path } => json!({ "kind": "written", "path": path }),
        Outcome::Validated { url } => json!({ "kind": "validated", "url": url }),
        Outcome::Nothing { reason } => json!({ "kind": "nothing", "reason": reason }),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io, time::Duration};

    use crate::{
        diagnostic::Code,
        options::MessageFormat,
        recording::{
            overview::Overview,
            receipt::Volume,
            summary::{DocumentTally, Outcome, SourceTally, Summary, Unit, UnitSum},
        },
        report::{
            render_style::RenderStyle,
            summary::{bytes, summary},
        },
        text::decimal::Decimal,
    };

    const STYLE: RenderStyle =
        RenderStyle { format: MessageFormat::Full, styled: false, width: 80, quiet: false, has_progress: false };

    fn flight() -> Summary {
        let euros = UnitSum {
            what: "price".into(),
            by: Unit::Named("euros".into()),
            sent: Decimal::new(1_230_010, 2),
            rejected: Decimal::new(455, 1),
            unreadable: 1,
            ..UnitSum::default()
        };
        let customers =
            SourceTally { name: "customers".into(), rows: 300, sent: 298, rejected: 2, ..SourceTally::default() };
        let purchases = SourceTally {
            name: "purchases".into(),
            paths: vec!["samples/flight-02/purchases.csv".into()],
            rows: 900,
            sent: 887,
            rejected: 13,
            sums: vec![euros],
            ..SourceTally::default()
        };
        Summary {
            sources: vec![customers, purchases],
            documents: DocumentTally { made: 300, sent: 298, rejected: 2, ..DocumentTally::default() },
            volume: Some(Volume {
                documents: 298,
                batches: 1,
                bytes: 41_234,
                wire_bytes: 5_190,
                resent_bytes: 0,
                requests: 1,
            }),
            outcome: Outcome::Delivered {
                profile: "sandbox".into(),
                url: "http://127.0.0.1:41234/v1/customers".into(),
                again: true,
                earlier: 0,
            },
            findings: BTreeMap::from([(Code::CheckRange, 12), (Code::ReadNoLineEnd, 1)]),
            recordings: Vec::new(),
            overview: Overview::default(),
            rejects: Some("bad.csv".into()),
            elapsed: Duration::from_millis(140),
        }
    }

    fn drawn(what: &Summary, style: RenderStyle) -> String {
        let mut out = Vec::new();
        summary(&mut out, what, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_delivery_is_told_from_the_first_line_to_the_next_step() {
        let expected = "\
298 documents accepted by http://127.0.0.1:41234/v1/customers,
    15 of 1,200 rows rejected
  (1 batch, 41.2 kB, 5.1 kB on the wire)

customers       300 = 298 sent +  2 rejected + 0 filtered + 0 pending
purchases       900 = 887 sent + 13 rejected + 0 filtered + 0 pending
  price, euros  12345.60 = 12300.10 sent + 45.50 rejected; 1 cell unreadable
documents       300 = 298 sent +  2 rejected + 0 filtered + 0 pending

the rejected rows are in bad.csv
";
        assert_eq!(drawn(&flight(), STYLE), expected);
    }

    #[test]
    fn what_is_pending_is_sent_by_running_again() {
        let mut summary = flight();
        summary.sources.clear();
        summary.findings.clear();
        summary.documents = DocumentTally { made: 300, sent: 120, pending: 180, ..DocumentTally::default() };
        summary.volume = summary.volume.map(|volume| Volume { resent_bytes: 900, requests: 4, ..volume });
        summary.elapsed = Duration::from_secs(75);
        let expected = "\
120 of 300 documents accepted by http://127.0.0.1:41234/v1/customers
  (1 batch, 41.2 kB, 5.1 kB on the wire, 900 B sent again, 4 requests, 75 s)

documents  300 = 120 sent + 0 rejected + 0 filtered + 180 pending

run the same command again to send what is pending
";
        assert_eq!(drawn(&summary, STYLE), expected);
    }

    #[test]
    fn what_an_earlier_run_did_is_told_below() {
        let table = [
            (1, 1, "  by an earlier run\n"),
            (3, 3, "  all of them by an earlier run\n"),
            (3, 1, "  1 of them by an earlier run\n"),
            (3, 2, "  2 of them by an earlier run\n"),
            (3, 0, ""),
        ];
        for (sent, earlier, expected) in table {
            let mut summary = Summary { sources: Vec::new(), volume: None, ..flight() };
            summary.documents = DocumentTally { made: sent, sent, ..DocumentTally::default() };
            summary.outcome = Outcome::Delivered { profile: "p".into(), url: "http://a".into(), again: false, earlier };
            let text = drawn(&summary, STYLE);
            let (first, rest) = text.split_once('\n').unwrap();
            assert!(first.ends_with(" accepted by http://a"), "{text}");
            assert!(rest.starts_with(&format!("{expected}\n")), "{text}");
        }
    }

    #[test]
    fn the_first_line_says_what_was_done() {
        let cases = [
            (Outcome::Written { path: "-".into() }, "1 document written to stdout, 15 of 1,200 rows rejected"),
            (Outcome::Written { path: "a.json".into() }, "1 document written to a.json, 15 of 1,200 rows rejected"),
            (Outcome::Validated { url: None }, "1 document valid, 15 of 1,200 rows rejected"),
            (
                Outcome::Validated { url: Some("https://h/v1".into()) },
                "1 document valid, would go to https://h/v1, 15 of 1,200 rows rejected",
            ),
            (Outcome::Nothing { reason: "no documents".into() }, "nothing was sent or written: no documents"),
        ];
        for (outcome, expected) in cases {
            let documents = DocumentTally { made: 1, sent: 1, ..DocumentTally::default() };
            let summary = Summary { outcome, documents, volume: None, ..flight() };
            assert_eq!(drawn(&summary, STYLE).lines().next(), Some(expected));
        }
    }

    #[test]
    fn rejected_rows_without_a_file_are_offered_one() {
        let summary = Summary { rejects: None, ..flight() };
        assert!(drawn(&summary, STYLE).ends_with("\n\n`--rejects FILE` writes the rejected rows to a file\n"));
    }

    #[test]
    fn json_is_one_line_with_exact_amounts() {
        let expected = concat!(
            r#"{"type":"summary","version":1,"summary":{"outcome":{"kind":"delivered","profile":"sandbox","#,
            r#""url":"http://127.0.0.1:41234/v1/customers","earlier":0},"#,
            r#""documents":{"made":300,"sent":298,"written":0,"valid":0,"rejected":2,"filtered":0,"pending":0},"sources":["#,
            r#"{"name":"customers","paths":[],"rows":300,"sent":298,"written":0,"valid":0,"rejected":2,"#,
            r#""filtered":0,"pending":0,"sums":[]},"#,
            r#"{"name":"purchases","paths":["samples/flight-02/purchases.csv"],"rows":900,"sent":887,"#,
            r#""written":0,"valid":0,"rejected":13,"#,
            r#""filtered":0,"pending":0,"sums":[{"what":"price","by":"euros","unnamed":null,"sent":"12300.10","#,
            r#""written":"0","valid":"0","rejected":"45.5","#,
            r#""filtered":"0","pending":"0","unreadable":1}]}],"#,
            r#""recordings":[],"#,
            r#""volume":{"documents":298,"batches":1,"bytes":41234,"wire_bytes":5190,"resent_bytes":0,"requests":1},"#,
            r#""findings":{"read/no-line-end":1,"check/range":12},"overview":[],"rejects":"bad.csv","balanced":true,"#,
            r#""elapsed_ms":140}}"#,
            "\n"
        );
        assert_eq!(drawn(&flight(), RenderStyle { format: MessageFormat::Json, quiet: true, ..STYLE }), expected);
    }

    #[test]
    fn json_says_what_became_of_what_is_good() {
        let cases = [
            (Outcome::Written { path: "-".into() }, r#""sent":0,"written":298,"valid":0,"#, r#""written":"12300.10","#),
            (Outcome::Validated { url: None }, r#""sent":0,"written":0,"valid":298,"#, r#""valid":"12300.10","#),
            (Outcome::Nothing { reason: "x".into() }, r#""sent":298,"written":0,"valid":0,"#, r#""sent":"12300.10","#),
        ];
        for (outcome, documents, sum) in cases {
            let summary = Summary { outcome, ..flight() };
            let json = drawn(&summary, RenderStyle { format: MessageFormat::Json, ..STYLE });
            assert!(json.contains(documents) && json.contains(sum), "{json}");
        }
    }

    /// A summary of one source with a sum for each of these units.
    fn with_units(units: impl IntoIterator<Item = Unit>) -> Summary {
        let mut summary = flight();
        summary.sources.remove(0);
        let sum = |by| UnitSum { what: "price".into(), by, sent: Decimal::new(5, 1), ..UnitSum::default() };
        summary.sources[0].sums = units.into_iter().map(sum).collect();
        summary
    }

    #[test]
    fn each_unit_has_a_name_of_its_own() {
        let long = |end: &str| Unit::Named(format!("{}{end}", "u".repeat(30)));
        let units = [Unit::None, Unit::Unreadable, Unit::TooMany, Unit::Named(String::new()), long("1"), long("2")];
        let text = drawn(&with_units(units), STYLE);
        let names: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("  price")?.split("  ").next()).collect();
        let long = |end: &str| format!(", {}{end}", "u".repeat(30));
        assert_eq!(names, ["", ", unknown unit", ", all units", ", no unit", &long("1"), &long("2")]);
    }

    #[test]
    fn a_long_list_of_units_is_cut_and_says_so() {
        let numbered = |count: u64| (0..count).map(|number| Unit::Named(number.to_string()));
        for (count, expected) in [(100, ""), (101, "  and 1 more unit: "), (250, "  and 150 more units: ")] {
            let text = drawn(&with_units(numbered(count)), STYLE);
            let more = text.lines().find(|line| line.contains(" more unit")).unwrap_or_default();
            assert!(more.starts_with(expected) && more.is_empty() == expected.is_empty(), "{text}");
            assert_eq!(text.lines().filter(|line| line.starts_with("  price, ")).count(), 100);
        }
    }

    #[test]
    fn quiet_says_nothing_to_people() {
        assert_eq!(drawn(&flight(), RenderStyle { quiet: true, ..STYLE }), "");
    }

    #[test]
    fn no_line_is_wider_than_the_look_unless_one_word_is() {
        let mut summary = flight();
        for source in &mut summary.sources {
            source.name = "a very long name of a source that nobody would write".into();
            source.rows = u64::MAX;
            source.sent = u64::MAX;
            source.pending = u64::MAX;
            source.sums.iter_mut().for_each(|sum| sum.sent = Decimal::new(i128::MAX, 0));
        }
        for width in [60, 80, 140] {
            let text = drawn(&summary, RenderStyle { width, ..STYLE });
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        }
    }

    #[test]
    fn bytes_are_told_as_carriers_bill_them() {
        let cases = [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (41_299, "41.2 kB"), (1_250_000, "1.2 MB")];
        for (count, expected) in cases {
            assert_eq!(bytes(count), expected);
        }
        assert_eq!(bytes(u64::MAX), "18446744073.7 GB");
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(summary(&mut Full, &flight(), STYLE).is_err());
    }
}
