//! The findings of a recording, those of one kind about one line of the mapping together.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    preview::view::FindingView,
    report::{escape::visible, grouped::grouped},
};

/// The most groups; those beyond are only counted.
const MAX_GROUPS: usize = 1_000;

/// Findings with the same rule, code and message are one group.
#[derive(Debug, Default)]
pub(super) struct FindingGroups {
    groups: Vec<FindingGroup>,
    known: BTreeMap<(String, u64, Code, String), usize>,
    uncounted: BTreeMap<Code, u64>,
    severities: BTreeMap<Severity, u64>,
}

/// Findings of one kind about one rule.
#[derive(Debug)]
pub(super) struct FindingGroup {
    /// The first of them.
    pub(super) first: Diagnostic,
    /// How many there are.
    pub(super) count: u64,
}

impl FindingGroups {
    /// Adds a finding.
    pub(super) fn add(&mut self, finding: &Diagnostic) {
        *self.severities.entry(finding.severity).or_default() += 1;
        let (path, line) = finding.rule.as_ref().map(|rule| (rule.path.clone(), rule.line)).unwrap_or_default();
        let key = (path, line, finding.code, finding.message.clone());
        match self.known.get(&key) {
            Some(at) => self.groups[*at].count += 1,
            None if self.groups.len() < MAX_GROUPS => {
                self.known.insert(key, self.groups.len());
                self.groups.push(FindingGroup { first: finding.clone(), count: 1 });
            }
            None => *self.uncounted.entry(finding.code).or_default() += 1,
        }
    }

    /// The groups, in the order of their first findings.
    pub(super) fn groups(&self) -> &[FindingGroup] {
        &self.groups
    }

    /// How many findings weigh this much.
    pub(super) fn count(&self, severity: Severity) -> u64 {
        self.severities.get(&severity).copied().unwrap_or_default()
    }

    /// What is said of findings that are in no group.
    pub(super) fn uncounted(&self) -> Vec<String> {
        let told = |(code, count): (&Code, &u64)| format!("{} more of {code} are not shown.", grouped(*count));
        self.uncounted.iter().map(told).collect()
    }

    /// The lines of the cells of the first findings.
    pub(super) fn places(&self) -> BTreeSet<(String, u64)> {
        let cells = self.groups.iter().filter_map(|group| group.first.cell.as_ref());
        cells.map(|cell| (cell.place.path.clone(), cell.place.line)).filter(|(_, line)| *line > 0).collect()
    }
}

/// A finding as the page shows it.
pub(super) fn describe_finding(finding: &Diagnostic, count: u64) -> FindingView {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let cell = finding.cell.as_ref().map(|cell| &cell.place);
    let place = cell.or(finding.rule.as_deref()).map(ToString::to_string);
    let found = finding.cell.as_ref().filter(|cell| !cell.column.is_empty());
    FindingView {
        severity,
        code: finding.code.word(),
        message: visible(&finding.message),
        hint: visible(&finding.hint),
        place: visible(&place.unwrap_or_default()),
        found: found.map(|cell| visible(&format!("{}: {}", cell.column, cell.found))).unwrap_or_default(),
        count,
        record: 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        commands::preview::finding_groups::FindingGroups,
        diagnostic::{Code, Diagnostic, Place, Severity},
    };

    #[test]
    fn findings_of_one_kind_about_one_rule_are_one_group() {
        let at = |line| Place { line, ..Place::file("m.yaml") };
        let finding = |line| Diagnostic::new(Code::CheckRange, "expected at least 1").rule(at(line)).file("a.csv");
        let mut groups = FindingGroups::default();
        for line in [3, 3, 4, 3] {
            groups.add(&finding(line));
        }
        assert_eq!(groups.groups().iter().map(|group| group.count).collect::<Vec<_>>(), [3, 1]);
        for line in 10..2_000 {
            groups.add(&finding(line));
        }
        assert_eq!((groups.groups().len(), groups.count(Severity::Error)), (1_000, 1_994));
        assert_eq!(groups.uncounted(), ["992 more of check/range are not shown."]);
    }
}
