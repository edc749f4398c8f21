//! Findings and the summary, rendered for people and for scripts: data in, text out to a writer that is passed in.
//!
//! A closed or full writer is an `io::Error` for the caller, never a panic.
//! [`Findings`] draws diagnostics as they come, [`summary`] draws the last lines, [`Progress`] the bar on a terminal.

pub mod escape;
pub mod wrap;
pub mod render_style;
pub mod line;
pub mod full;
pub mod progress;
pub mod grouped;
pub mod overview;
pub mod summary;
pub mod run_report;
pub mod json_report;
pub mod junit;
pub mod sarif;
pub mod markdown;
pub mod report_format;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Severity},
    explanation::{example::Explanation, explain},
    options::MessageFormat,
    plan::Plan,
    recording::cause_tally::CauseTally,
    report::{
        progress::Progress,
        render_style::RenderStyle,
        run_report::{MAX_KEPT, MappingReport},
    },
};

/// How many findings of one code are drawn in full.
pub const DRAWN_PER_CODE: u64 = 10;

/// How many annotations of one severity GitHub shows of a step.
const GITHUB_SHOWS: u64 = 10;

/// How many findings are held at most to be drawn in the order of the files.
const MAX_HELD: usize = 10_000;

/// Draws findings, and counts them.
#[derive(Clone, Debug)]
pub struct Findings {
    style: RenderStyle,
    seen: BTreeMap<Code, u64>,
    left_out: BTreeMap<Code, u64>,
    /// How many annotations there were of each severity.
    annotations: BTreeMap<Severity, u64>,
    /// Findings that are still to be put in order.
    held: Option<HeldFindings>,
    /// The first findings, where reports want them.
    kept: Option<Vec<Diagnostic>>,
    causes: CauseTally,
    /// A record that was drawn is masked.
    has_masks: bool,
}

/// Findings that are still to be put in order, and the names of the sources in their order.
#[derive(Clone, Debug, Default)]
struct HeldFindings {
    sources: Vec<String>,
    findings: Vec<Diagnostic>,
}

impl HeldFindings {
    /// Takes all findings, in the order of the sources, their files and lines. Findings without a cell are the last.
    fn take_sorted(&mut self) -> Vec<Diagnostic> {
        let mut findings = std::mem::take(&mut self.findings);
        let source = |name: &str| self.sources.iter().position(|source| source == name).unwrap_or(usize::MAX);
        findings.sort_by_cached_key(|finding| match finding.cell.as_deref() {
            Some(Cell { place, source: name, .. }) => (source(name), place.path.clone(), place.line, place.column),
            None => (usize::MAX, String::new(), u64::MAX, 0),
        });
        findings
    }
}

impl Findings {
    /// A printer that has drawn nothing yet.
    pub fn new(style: RenderStyle) -> Findings {
        Findings {
            style,
            seen: BTreeMap::new(),
            left_out: BTreeMap::new(),
            annotations: BTreeMap::new(),
            held: None,
            kept: None,
            causes: CauseTally::default(),
            has_masks: false,
        }
    }

    /// How they are drawn.
    pub fn style(&self) -> RenderStyle {
        self.style
    }

    /// Keeps the first findings for reports.
    pub fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The findings that were kept, in the order of these sources, their files and lines, and how many more there were.
    pub fn take_kept(&mut self, sources: Vec<String>) -> (Vec<Diagnostic>, u64) {
        let findings = self.kept.take().unwrap_or_default();
        let all: u64 = self.seen.values().sum();
        let left_out = all - findings.len() as u64;
        (HeldFindings { sources, findings }.take_sorted(), left_out)
    }

    /// Counts and keeps a finding that is told elsewhere.
    pub fn count(&mut self, diagnostic: &Diagnostic) {
        *self.seen.entry(diagnostic.code).or_default() += 1;
        self.causes.count(diagnostic);
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.len() < MAX_KEPT) {
            kept.push(without_line(diagnostic));
        }
    }

    /// Draws what is no finding about the data: it is not counted.
    pub fn tell(&mut self, out: &mut dyn Write, notice: &Diagnostic) -> io::Result<()> {
        findings(out, std::slice::from_ref(notice), self.style)
    }

    /// Holds the findings from now on, to draw them in the order of these sources, and of their files and lines.
    pub fn hold(&mut self, sources: Vec<String>) {
        self.held = Some(HeldFindings { sources, findings: Vec::new() });
    }

    /// Draws the findings that are held, in their order. The next are drawn as they come.
    pub fn release(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let findings = self.held.take().map(|mut held| held.take_sorted()).unwrap_or_default();
        findings.iter().try_for_each(|finding| self.draw(out, finding))
    }

    /// Draws or holds one finding. In `full`, only the first ten of a code are drawn, in `github` the first ten of a severity;
    /// the others are counted.
    pub fn print(&mut self, out: &mut dyn Write, diagnostic: &Diagnostic) -> io::Result<()> {
        self.count(diagnostic);
        if self.style.quiet && diagnostic.severity < Severity::Error {
            return Ok(());
        }
        match self.style.format {
            MessageFormat::Full if self.seen[&diagnostic.code] > DRAWN_PER_CODE => {
                *self.left_out.entry(diagnostic.code).or_default() += 1;
                return Ok(());
            }
            MessageFormat::Github => {
                let annotations = self.annotations.entry(diagnostic.severity).or_default();
                *annotations += 1;
                if *annotations > GITHUB_SHOWS {
                    return Ok(());
                }
            }
            MessageFormat::Full | MessageFormat::Concise | MessageFormat::Json => {}
        }
        let Some(held) = &mut self.held else { return self.draw(out, diagnostic) };
        held.findings.push(diagnostic.clone());
        if held.findings.len() < MAX_HELD {
            return Ok(());
        }
        held.take_sorted().iter().try_for_each(|finding| self.draw(out, finding))
    }

    fn draw(&mut self, out: &mut dyn Write, diagnostic: &Diagnostic) -> io::Result<()> {
        let drawn = match self.style.format {
            MessageFormat::Full => {
                self.has_masks |= diagnostic.cell.as_ref().is_some_and(|cell| cell.is_masked);
                full::full(diagnostic, self.style)
            }
            MessageFormat::Concise => line::concise(diagnostic),
            MessageFormat::Json => line::json(diagnostic),
            MessageFormat::Github => line::github(diagnostic),
        };
        out.write_all(drawn.as_bytes())
    }

    /// How many findings of one code are drawn at most.
    pub fn most(&self) -> u64 {
        let kept = if self.kept.is_some() { MAX_KEPT as u64 } else { 0 };
        let drawn = match self.style.format {
            MessageFormat::Full => DRAWN_PER_CODE,
            MessageFormat::Github => GITHUB_SHOWS,
            MessageFormat::Concise | MessageFormat::Json => u64::MAX,
        };
        drawn.max(kept)
    }

    /// Says how many findings were not drawn, and what masks are.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // Written at once: lines of one text stay together.
        let mut text = Vec::new();
        for (code, count) in std::mem::take(&mut self.left_out) {
            writeln!(text, "… and {count} more {code} (--message-format concise shows all)")?;
        }
        for (severity, count) in std::mem::take(&mut self.annotations).into_iter().rev() {
            if let Some(more @ 1..) = count.checked_sub(GITHUB_SHOWS) {
                let (name, s) = (line::word(severity), if more == 1 { "" } else { "s" });
                writeln!(text, "… and {more} more {name}{s}: GitHub shows {GITHUB_SHOWS} of a step")?;
            }
        }
        if self.has_masks && !self.style.quiet {
            writeln!(text, "masked cells: `x` is a letter, `#` is a digit (--unmask shows them)")?;
        }
        if !text.is_empty() {
            writeln!(text)?;
        }
        out.write_all(&text)
    }

    /// Starts the bar of a step with this many parts, if bars are drawn.
    pub fn start_progress(&self, step: &'static str, total: u64) -> Progress {
        Progress::start(step, Some(total), self.style.has_progress)
    }

    /// How many findings of each code came by, drawn or not.
    pub fn counts(&self) -> &BTreeMap<Code, u64> {
        &self.seen
    }

    /// What is behind the findings that came by.
    pub fn causes(&self) -> &CauseTally {
        &self.causes
    }
}

/// A finding without the lines of its places: reports show none, and very many findings are kept.
fn without_line(diagnostic: &Diagnostic) -> Diagnostic {
    let mut kept = diagnostic.clone();
    let places = [kept.cell.as_mut().map(|cell| &mut cell.place), kept.rule.as_deref_mut()];
    places.into_iter().flatten().for_each(|place| place.text = Arc::default());
    if let Some((place, _)) = kept.also.as_deref_mut() {
        place.text = Arc::default();
    }
    kept
}

/// Draws a list of findings, as when a run could not start.
pub fn findings(out: &mut dyn Write, diagnostics: &[Diagnostic], style: RenderStyle) -> io::Result<()> {
    let mut findings = Findings::new(style);
    diagnostics.iter().try_for_each(|diagnostic| findings.print(out, diagnostic))?;
    findings.finish(out)
}

/// What a code means, as `xwalk explain CODE` says it.
pub fn explanation(out: &mut dyn Write, code: Code) -> io::Result<()> {
    let Some(Explanation { title, before, after, advice }) = explain(code) else {
        return writeln!(out, "{code}");
    };
    writeln!(out, "{code}: {title}\n")?;
    code.explanation().lines().try_for_each(|line| writeln!(out, "{}", wrap::wrapped(line.trim(), 80, 0)))?;
    for (name, example) in [("before", before), ("after", after)] {
        writeln!(out, "\n{name}:")?;
        example.lines().try_for_each(|line| writeln!(out, "  | {line}"))?;
    }
    writeln!(out, "\nwhat to do:")?;
    writeln!(out, "  {}", wrap::wrapped(advice, 78, 2))
}

/// All codes, as `xwalk explain` lists them.
pub fn codes(out: &mut dyn Write) -> io::Result<()> {
    let title = |code: &Code| explain(*code).map_or("", |explanation| explanation.title);
    Code::ALL.iter().try_for_each(|code| writeln!(out, "{:<28} {}", code.word(), title(code)))
}

/// Says for scripts which mappings are good, as the last line of `xwalk check`.
pub fn checked(out: &mut dyn Write, mappings: &[MappingReport], findings: &Findings) -> io::Result<()> {
    let counts: Map<String, Value> =
        findings.counts().iter().map(|(code, count)| (code.word().to_owned(), json!(count))).collect();
    let mappings: Vec<Value> = mappings.iter().map(json_report::mapping).collect();
    let line = summary::summary_line(&json!({ "mappings": mappings, "findings": counts }));
    out.write_all(escape::json_line(&line).as_bytes())
}

/// Says that a mapping was proven, and what is left to the data.
pub fn proven(out: &mut dyn Write, mapping: &str, plan: &Plan) -> io::Result<()> {
    let (proven, open) = plan.proven();
    let whole = if plan.whole.is_empty() { "" } else { "; each document is checked whole" };
    let contract = plan.contract.places.path();
    writeln!(out, "{mapping}: good for {contract}")?;
    writeln!(out, "  {} fields: {proven} proven, {open} checked in the data{whole}", proven + open)
}

/// What to say when the program itself is wrong: where in the code, and nothing of the data.
pub fn bug(out: &mut dyn Write, location: &str) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "xwalk {version}: this is a bug, at {location}; please report this line, it holds nothing of your data"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place, Severity},
        options::MessageFormat,
        report::{Findings, codes, explanation, findings, render_style::RenderStyle},
    };

    fn drawn(diagnostics: &[Diagnostic], format: MessageFormat, quiet: bool) -> String {
        let mut out = Vec::new();
        findings(&mut out, diagnostics, RenderStyle { format, styled: false, width: 80, quiet, has_progress: false })
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn full_draws_ten_of_a_code_and_counts_the_others() {
        let many = vec![Diagnostic::new(Code::CheckRange, "expected at least 1"); 1_000];
        let one = "error[check/range]: expected at least 1\n\n".repeat(10);
        let rest = "… and 990 more check/range (--message-format concise shows all)\n\n";
        assert_eq!(drawn(&many, MessageFormat::Full, false), format!("{one}{rest}"));
        assert_eq!(drawn(&many[..10], MessageFormat::Full, false), one);
        for format in [MessageFormat::Concise, MessageFormat::Json] {
            assert_eq!(drawn(&many, format, false).lines().count(), 1_000, "{format:?}");
        }
    }

    #[test]
    fn github_gets_as_many_as_it_shows_of_each_severity() {
        let warning = Diagnostic::new(Code::ReadNoLineEnd, "no line end").severity(Severity::Warning);
        let errors = vec![Diagnostic::new(Code::CheckRange, "expected at least 1"); 12];
        let all: Vec<Diagnostic> = errors.into_iter().chain(vec![warning; 11]).collect();
        let expected = format!(
            "{}{}… and 2 more errors: GitHub shows 10 of a step\n… and 1 more warning: GitHub shows 10 of a step\n\n",
            "::error title=check/range::expected at least 1\n".repeat(10),
            "::warning title=read/no-line-end::no line end\n".repeat(10),
        );
        assert_eq!(drawn(&all, MessageFormat::Github, false), expected);
    }

    #[test]
    fn findings_that_are_held_are_drawn_in_the_order_of_sources_files_and_lines() {
        let style =
            RenderStyle { format: MessageFormat::Concise, styled: false, width: 80, quiet: false, has_progress: false };
        let at = |source: &str, path: &str, line| {
            let mut cell = Cell::of_line(Place { line, ..Place::file(path) });
            cell.source = source.into();
            Diagnostic::new(Code::CheckRange, "wrong").cell(cell)
        };
        let mut findings = Findings::new(style);
        findings.hold(vec!["customers".into(), "purchases".into()]);
        let mut out = Vec::new();
        let unplaced = Diagnostic::new(Code::CheckRange, "wrong");
        for finding in [unplaced, at("purchases", "a.csv", 9), at("purchases", "a.csv", 3), at("customers", "b.csv", 5)]
        {
            findings.print(&mut out, &finding).unwrap();
        }
        assert_eq!(out, b"");
        findings.release(&mut out).unwrap();
        let says = |place: &str| format!("{place}error[check/range]: wrong\n");
        let expected = ["b.csv:5: ", "a.csv:3: ", "a.csv:9: ", ""].map(says).concat();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn quiet_draws_errors_only_and_counts_all() {
        let warning = Diagnostic::new(Code::ReadNoLineEnd, "no line end").severity(Severity::Warning);
        let error = Diagnostic::new(Code::ReadNul, "a NUL byte");
        assert_eq!(drawn(&[warning.clone(), error], MessageFormat::Concise, true), "error[read/nul]: a NUL byte\n");
        let style =
            RenderStyle { format: MessageFormat::Full, styled: false, width: 80, quiet: true, has_progress: false };
        let mut findings = Findings::new(style);
        let mut out = Vec::new();
        findings.print(&mut out, &warning).unwrap();
        findings.finish(&mut out).unwrap();
        assert_eq!(findings.counts(), &BTreeMap::from([(Code::ReadNoLineEnd, 1)]));
        assert_eq!(out, b"");
    }

    #[test]
    fn codes_are_listed_and_explained() {
        let mut out = Vec::new();
        explanation(&mut out, Code::PlanUnquoted).unwrap();
        let expected = "plan/unquoted: a bare word is no text to YAML\n\n\
                        A code-table key or value is a bare word that YAML reads as a number, a boolean\n\
                        or null.\n\
                        Put it in quotes, so that `\"012\"` stays `012` and `\"no\"` stays `no`.\n\n\
                        before:\n  |     values: { 1: Female, 2: Male }\n\n\
                        after:\n  |     values: { \"1\": Female, \"2\": Male }\n\n\
                        what to do:\n  Put it in quotes.\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        codes(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), Code::ALL.len());
    }
}
