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
pub mod summary;
pub mod proof;
pub mod code_lines;
pub mod mapping_text;
pub mod record_text;
pub mod case_text;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    explanation::{example::Explanation, explain},
    options::MessageFormat,
    plan::Plan,
    report::{progress::Progress, render_style::RenderStyle},
};

/// How many findings of one code are drawn in full.
pub const DRAWN_PER_CODE: u64 = 10;

/// Draws findings as they come, and counts them.
#[derive(Clone, Debug)]
pub struct Findings {
    style: RenderStyle,
    seen: BTreeMap<Code, u64>,
    left_out: BTreeMap<Code, u64>,
    /// A record that was drawn is masked.
    has_masks: bool,
}

impl Findings {
    /// A printer that has drawn nothing yet.
    pub fn new(style: RenderStyle) -> Findings {
        Findings { style, seen: BTreeMap::new(), left_out: BTreeMap::new(), has_masks: false }
    }

    /// Draws what is no finding about the data: it is not counted.
    pub fn tell(&mut self, out: &mut dyn Write, notice: &Diagnostic) -> io::Result<()> {
        findings(out, std::slice::from_ref(notice), self.style)
    }

    /// Draws one finding. In `full`, only the first ten of a code are drawn; the others are counted.
    pub fn print(&mut self, out: &mut dyn Write, diagnostic: &Diagnostic) -> io::Result<()> {
        let seen = self.seen.entry(diagnostic.code).or_default();
        *seen += 1;
        if self.style.quiet && diagnostic.severity < Severity::Error {
            return Ok(());
        }
        let drawn = match self.style.format {
            MessageFormat::Full if *seen > DRAWN_PER_CODE => {
                *self.left_out.entry(diagnostic.code).or_default() += 1;
                return Ok(());
            }
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
        if self.style.format == MessageFormat::Full { DRAWN_PER_CODE } else { u64::MAX }
    }

    /// Says how many findings were not drawn, and what masks are.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // Written at once: lines of one text stay together.
        let mut text = Vec::new();
        for (code, count) in std::mem::take(&mut self.left_out) {
            writeln!(text, "… and {count} more {code} (--message-format concise shows all)")?;
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
        diagnostic::{Code, Diagnostic, Severity},
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
        for format in [MessageFormat::Concise, MessageFormat::Json, MessageFormat::Github] {
            assert_eq!(drawn(&many, format, false).lines().count(), 1_000, "{format:?}");
        }
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
