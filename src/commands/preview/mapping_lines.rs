//! The lines of the mapping, each with what is wrong with it.

use std::{collections::BTreeSet, path::Path};

use crate::{
    commands::preview::finding_groups::{FindingGroup, FindingGroups},
    config::{likeness::may_be_mapping, yaml},
    diagnostic::Diagnostic,
    preview::view::{FindingView, MappingLine, MappingView},
    regular_file::read_regular_file,
    report::escape::excerpt,
};

/// The most lines that are shown.
const MAX_LINES: usize = 5_000;

/// The text of a mapping as it was when it was read; empty if it cannot be read, or is no mapping.
pub(super) struct MappingText {
    /// Its file, as findings name it.
    pub(super) path: String,
    lines: Vec<String>,
}

impl MappingText {
    /// Reads it.
    pub(super) fn read(path: &Path) -> MappingText {
        let bytes = read_regular_file(path, yaml::MAX_BYTES as u64).map(|(bytes, _)| bytes).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        // Of what is no mapping nothing is shown, as it may be a secret.
        let lines = if may_be_mapping(&text) { text.lines().map(excerpt).collect() } else { Vec::new() };
        MappingText { path: path.display().to_string(), lines }
    }

    /// Its lines with their findings, and the findings that are about none of them. `rules` are the lines that make values.
    pub(super) fn draw(
        &self,
        findings: &FindingGroups,
        rules: &BTreeSet<u64>,
        describe: &dyn Fn(&Diagnostic, u64) -> FindingView,
    ) -> (MappingView, Vec<FindingView>) {
        let shown = self.lines.len().min(MAX_LINES);
        let numbered = (1..).zip(&self.lines[..shown]);
        let mut lines: Vec<MappingLine> = numbered
            .map(|(number, line)| {
                let (text, comment) = split_comment(line);
                let indent = text.len() - text.trim_start().len();
                MappingLine {
                    number,
                    indent: text[..indent].to_owned(),
                    text: text[indent..].to_owned(),
                    comment: comment.to_owned(),
                    is_rule: rules.contains(&number),
                    findings: Vec::new(),
                }
            })
            .collect();
        let mut others = Vec::new();
        for FindingGroup { first, count } in findings.groups() {
            let rule = first.rule.as_ref().filter(|rule| rule.path == self.path);
            let at = rule.and_then(|rule| usize::try_from(rule.line).ok()?.checked_sub(1));
            let place = at.and_then(|at| lines.get_mut(at)).map_or(&mut others, |line| &mut line.findings);
            place.push(describe(first, *count));
        }
        (MappingView { path: self.path.clone(), lines, more: self.lines.len() - shown }, others)
    }
}

/// A line without the comment behind it, and the comment. A block of text may hold what looks like one: it is shown as one.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match (character, quote) {
            ('#', None) if before.is_whitespace() => return (line[..at].trim_end(), &line[at..]),
            ('"' | '\'', None) if !before.is_alphanumeric() => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            _ => {}
        }
        before = character;
    }
    (line.trim_end(), "")
}

#[cfg(test)]
mod tests {
    use crate::commands::preview::mapping_lines::split_comment;

    #[test]
    fn a_comment_stands_behind_a_space_and_outside_of_quotes() {
        let table = [
            ("a: b", "a: b", ""),
            ("  a: b   # c", "  a: b", "# c"),
            ("# all", "", "# all"),
            ("a: b#c", "a: b#c", ""),
            ("a: \"x # y\" # z", "a: \"x # y\"", "# z"),
            ("a: it's # z", "a: it's", "# z"),
            ("", "", ""),
        ];
        for (line, text, comment) in table {
            assert_eq!(split_comment(line), (text, comment), "{line}");
        }
    }
}
