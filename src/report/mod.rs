//! Findings and the summary, drawn for people and for scripts: data goes in, text goes out to a writer that is passed in.
//!
//! Nothing here decides anything: a closed or full writer is an `io::Error` for the caller, never a panic.
//! [`Findings`] draws diagnostics as they come, [`summary`] draws the last lines, [`Progress`] the bar on a terminal.

pub mod escape;
pub mod line;
pub mod progress;
pub mod summary;
pub mod wrap;
pub mod full;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    options::{Color, MessageFormat, OutputOptions},
    plan::Plan,
};

/// How many findings of one code are drawn in full.
pub const DRAWN_PER_CODE: u64 = 10;

/// How things are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// For people or for scripts.
    pub format: MessageFormat,
    /// With colours.
    pub styled: bool,
    /// How many columns there are.
    pub width: usize,
    /// Only errors are said; scripts still get their summary.
    pub quiet: bool,
}

impl Look {
    /// How to draw for one writer, from the flags, the environment, and whether the writer is a terminal.
    pub fn new(voice: &OutputOptions, environment: &BTreeMap<String, String>, terminal: bool) -> Look {
        let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        let dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
        let styled = match voice.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !dumb && !is_set("NO_COLOR"),
        };
        let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = columns.filter(|_| terminal).unwrap_or(80).clamp(60, 140);
        Look { format: voice.message_format, styled, width, quiet: voice.quiet }
    }
}

/// Draws findings as they come, and counts them.
#[derive(Clone, Debug)]
pub struct Findings {
    look: Look,
    seen: BTreeMap<Code, u64>,
    left_out: BTreeMap<Code, u64>,
}

impl Findings {
    /// A printer that has drawn nothing yet.
    pub fn new(look: Look) -> Findings {
        Findings { look, seen: BTreeMap::new(), left_out: BTreeMap::new() }
    }

    /// Draws one finding. In `full`, only the first ten of a code are drawn; the others are counted.
    pub fn print(&mut self, out: &mut dyn Write, diagnostic: &Diagnostic) -> io::Result<()> {
        let seen = self.seen.entry(diagnostic.code).or_default();
        *seen += 1;
        if self.look.quiet && diagnostic.severity < Severity::Error {
            return Ok(());
        }
        let drawn = match self.look.format {
            MessageFormat::Full if *seen > DRAWN_PER_CODE => {
                *self.left_out.entry(diagnostic.code).or_default() += 1;
                return Ok(());
            }
            MessageFormat::Full => full::full(diagnostic, self.look),
            MessageFormat::Concise => line::concise(diagnostic),
            MessageFormat::Json => line::json(diagnostic),
            MessageFormat::Github => line::github(diagnostic),
        };
        out.write_all(drawn.as_bytes())
    }

    /// How many findings of one code are drawn at most.
    pub fn most(&self) -> u64 {
        if self.look.format == MessageFormat::Full { DRAWN_PER_CODE } else { u64::MAX }
    }

    /// Says how many findings were not drawn.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let left_out = std::mem::take(&mut self.left_out);
        for (code, count) in &left_out {
            writeln!(out, "… and {count} more {code} (--message-format concise shows all)")?;
        }
        if left_out.is_empty() { Ok(()) } else { writeln!(out) }
    }

    /// How many findings of each code came by, drawn or not.
    pub fn counts(&self) -> &BTreeMap<Code, u64> {
        &self.seen
    }
}

/// Draws a list of findings, as when a run could not start.
pub fn findings(out: &mut dyn Write, diagnostics: &[Diagnostic], look: Look) -> io::Result<()> {
    let mut findings = Findings::new(look);
    diagnostics.iter().try_for_each(|diagnostic| findings.print(out, diagnostic))?;
    findings.finish(out)
}

/// What a code means, as `xwalk explain CODE` says it.
pub fn explanation(out: &mut dyn Write, code: Code) -> io::Result<()> {
    writeln!(out, "{code}\n")?;
    code.explanation().lines().try_for_each(|line| writeln!(out, "{}", wrap::wrapped(line.trim(), 80, 0)))
}

/// All codes, as `xwalk explain` lists them.
pub fn codes(out: &mut dyn Write) -> io::Result<()> {
    Code::ALL.iter().try_for_each(|code| writeln!(out, "{code}"))
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
        options::{Color, MessageFormat, OutputOptions},
        report::{Findings, Look, codes, explanation, findings},
    };

    fn drawn(diagnostics: &[Diagnostic], format: MessageFormat, quiet: bool) -> String {
        let mut out = Vec::new();
        findings(&mut out, diagnostics, Look { format, styled: false, width: 80, quiet }).unwrap();
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
        let look = Look { format: MessageFormat::Full, styled: false, width: 80, quiet: true };
        let mut findings = Findings::new(look);
        let mut out = Vec::new();
        findings.print(&mut out, &warning).unwrap();
        findings.finish(&mut out).unwrap();
        assert_eq!(findings.counts(), &BTreeMap::from([(Code::ReadNoLineEnd, 1)]));
        assert_eq!(out, b"");
    }

    #[test]
    fn colours_follow_flag_environment_and_terminal() {
        let cases = [
            (Color::Auto, &[][..], true, true),
            (Color::Auto, &[], false, false),
            (Color::Auto, &[("NO_COLOR", "1")], true, false),
            (Color::Auto, &[("NO_COLOR", "")], true, true),
            (Color::Auto, &[("TERM", "dumb")], true, false),
            (Color::Always, &[("NO_COLOR", "1")], false, true),
            (Color::Never, &[], true, false),
            (Color::Auto, &[("TERM", "xterm")], true, true),
        ];
        for (color, variables, terminal, expected) in cases {
            let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let look = Look::new(&OutputOptions { color, ..OutputOptions::default() }, &environment, terminal);
            assert_eq!(look.styled, expected, "{color:?} {variables:?} {terminal}");
        }
    }

    #[test]
    fn only_a_terminal_has_a_width() {
        let cases = [("100", true, 100), ("100", false, 80), ("9", true, 60), ("9999", true, 140), ("wide", true, 80)];
        for (columns, terminal, expected) in cases {
            let environment = BTreeMap::from([("COLUMNS".to_owned(), columns.to_owned())]);
            assert_eq!(
                Look::new(&OutputOptions::default(), &environment, terminal).width,
                expected,
                "{columns} {terminal}"
            );
        }
    }

    #[test]
    fn codes_are_listed_and_explained() {
        let mut out = Vec::new();
        explanation(&mut out, Code::PlanUnquoted).unwrap();
        let expected = "plan/unquoted\n\n\
                        A code-table key or value is a bare word that YAML reads as a number, a boolean\n\
                        or null.\n\
                        Put it in quotes, so that `\"012\"` stays `012` and `\"no\"` stays `no`.\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        codes(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), Code::ALL.len());
    }
}
