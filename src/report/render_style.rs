//! How findings and the summary are drawn: for whom, with which colours, how wide.
//!
//! Decided once for each writer, from the flags, the environment and whether the writer is a terminal.

use std::collections::BTreeMap;

use crate::options::{Color, MessageFormat, OutputOptions};

/// How things are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderStyle {
    /// For people or for scripts.
    pub format: MessageFormat,
    /// With colours.
    pub styled: bool,
    /// How many columns there are.
    pub width: usize,
    /// Only errors are said; scripts still get their summary.
    pub quiet: bool,
    /// A bar shows how far a step is.
    pub has_progress: bool,
}

impl RenderStyle {
    /// How to draw for one writer, from the flags, the environment, and whether the writer is a terminal.
    pub fn new(options: &OutputOptions, environment: &BTreeMap<String, String>, terminal: bool) -> RenderStyle {
        let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        let dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
        let styled = match options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !dumb && !is_set("NO_COLOR"),
        };
        let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = columns.filter(|_| terminal).unwrap_or(80).clamp(60, 140);
        let has_progress = terminal && !options.quiet;
        RenderStyle { format: options.message_format, styled, width, quiet: options.quiet, has_progress }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{
        options::{Color, OutputOptions},
        report::render_style::RenderStyle,
    };

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
            let style = RenderStyle::new(&OutputOptions { color, ..OutputOptions::default() }, &environment, terminal);
            assert_eq!(style.styled, expected, "{color:?} {variables:?} {terminal}");
        }
    }

    #[test]
    fn only_a_terminal_has_a_width() {
        let cases = [("100", true, 100), ("100", false, 80), ("9", true, 60), ("9999", true, 140), ("wide", true, 80)];
        for (columns, terminal, expected) in cases {
            let environment = BTreeMap::from([("COLUMNS".to_owned(), columns.to_owned())]);
            assert_eq!(
                RenderStyle::new(&OutputOptions::default(), &environment, terminal).width,
                expected,
                "{columns} {terminal}"
            );
        }
    }
}
