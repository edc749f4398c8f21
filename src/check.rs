//! Match group -> diagnostics: the slow, exact way.
//!
//! A document that may not conform was written to its end by the traced way of `transform`. Here the `jsonschema` crate
//! checks the whole contract, and every violation is led back to its cell and its rule. If there is no finding, the document
//! conforms. What an API finds wrong with a document is led back in the same way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    config::contract::Violation,
    diagnostic::{Cell, Code, Diagnostic, Severity},
    plan::Plan,
    recording::{
        match_groups::MatchGroups,
        provenance::{Origin, Step, Trace, UncertainLeaf, ValueProblem},
        receipt::Rejected,
    },
    table::Table,
};

/// A finding about a document, and the record it lies in.
#[derive(Debug)]
pub struct Finding {
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The lists it lies in, the outermost first.
    pub steps: Vec<Step>,
    /// The diagnostic to report.
    pub diagnostic: Diagnostic,
}

/// Everything that is wrong with a document, in its order: first the values that could not be made, then the violations of
/// the contract. Findings of codes that are not in `wants` have their code and their message, but no place.
#[must_use]
pub fn findings(plan: &Plan, tables: &[Table], trace: &Trace<'_>, wants: &dyn Fn(Code) -> bool) -> Vec<Finding> {
    // A line is drawn with each finding, so very many of them in a long line have none.
    let mut room = MAX_DRAWN;
    let length = |finding: &Diagnostic| finding.cell.as_ref().map_or(0, |cell| cell.place.text.len());
    let mut findings: Vec<Finding> = Vec::new();
    for problem in &trace.problems {
        let finding = find_problem(plan, tables, trace, problem, room > 0 && wants(problem.code));
        room = room.saturating_sub(length(&finding.diagnostic));
        findings.push(finding);
    }
    let index = TraceIndex::of(trace);
    let mut violations = find_violations(plan, trace);
    violations.retain(|located| !located.is_in_placeholder(trace, &index));
    // Debug builds compare the rules of single leaves with the whole contract, always.
    debug_assert_eq!(sorted(violations.iter().map(|located| &located.violation)), {
        let all = plan.violations(&trace.json).into_iter();
        let all = all.map(|violation| LocatedViolation { violation, node: None });
        let all: Vec<LocatedViolation> = all.filter(|located| !located.is_in_placeholder(trace, &index)).collect();
        sorted(all.iter().map(|located| &located.violation))
    });
    for located in violations {
        let Some(origin) = located.origin(trace, &index) else { continue };
        let violation = located.violation;
        let mut diagnostic = Diagnostic::new(violation.code, violation.message);
        if room > 0 && wants(violation.code) {
            diagnostic = diagnostic
                .cell(cell_of(tables, origin))
                .rule(plan.place(origin.rule))
                .target(violation.pointer, violation.schema);
            room = room.saturating_sub(length(&diagnostic));
        }
        findings.push(Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.path), diagnostic });
    }
    findings
}

/// A violation of the contract, and its node, if that is a leaf.
struct LocatedViolation {
    violation: Violation,
    node: Option<usize>,
}

impl LocatedViolation {
    /// Whether it lies in a value that could not be made, and so is a placeholder.
    fn is_in_placeholder(&self, trace: &Trace<'_>, index: &TraceIndex) -> bool {
        let Some(node) = self.node else {
            let contains = |node: &usize, inside: bool| {
                let rest = self.violation.pointer.strip_prefix(&trace.pointer(*node));
                rest.is_some_and(|rest| rest.is_empty() || inside && rest.starts_with('/'))
            };
            return index.placeholders.iter().any(|node| contains(node, true))
                || index.counted.iter().any(|node| contains(node, false));
        };
        let mut at = node;
        while at != 0 && !index.placeholders.contains(&at) {
            at = trace.nodes[at].parent;
        }
        index.placeholders.contains(&at)
    }

    /// The origin of the value, or of the nearest value around it.
    fn origin<'t, 'a>(&self, trace: &'t Trace<'a>, index: &TraceIndex) -> Option<&'t Origin<'a>> {
        let known = self.node.and_then(|node| trace.origins.get(*index.origins.get(&node)?));
        known.or_else(|| trace.origin(&self.violation.pointer))
    }
}

/// The most bytes of lines that are drawn for the findings of one document.
const MAX_DRAWN: usize = 16 << 20;

/// What is asked of a trace once for each of its violations, which may be very many.
struct TraceIndex {
    /// The nodes of values that could not be made.
    placeholders: BTreeSet<usize>,
    /// The nodes of lists with another number of records; what is in them was written.
    counted: BTreeSet<usize>,
    /// The last origin of each node, which is the most precise one.
    origins: BTreeMap<usize, usize>,
}

impl TraceIndex {
    fn of(trace: &Trace<'_>) -> TraceIndex {
        let problems = || trace.problems.iter().filter(|problem| !problem.is_warning);
        let nodes = |is_counted: bool| {
            let nodes = problems().filter(move |problem| (problem.code == Code::TransformCount) == is_counted);
            nodes.map(|problem| problem.origin.node).collect()
        };
        let origins = trace.origins.iter().enumerate().map(|(number, origin)| (origin.node, number)).collect();
        TraceIndex { placeholders: nodes(false), counted: nodes(true), origins }
    }
}

/// Violations as texts in an order of their own, to be compared.
fn sorted<'a>(violations: impl Iterator<Item = &'a Violation>) -> Vec<String> {
    let mut texts: Vec<String> = violations.map(|violation| format!("{violation:?}")).collect();
    texts.sort();
    texts
}

/// The violations of the contract in a document. If all rules that are not proven are about leaves, only the leaves that may
/// violate them are checked.
fn find_violations(plan: &Plan, trace: &Trace<'_>) -> Vec<LocatedViolation> {
    if !plan.whole.is_empty() || trace.is_uncertain {
        let all = plan.violations(&trace.json).into_iter();
        return all.map(|violation| LocatedViolation { violation, node: None }).collect();
    }
    let of_leaf = |leaf: &UncertainLeaf<'_>| {
        let value = serde_json::from_slice(&leaf.json).unwrap_or(Value::Null);
        let violations = leaf.rules.iter().flat_map(|rule| plan.contract.part_violations(rule, &value));
        // A leaf has no nodes inside.
        let locate = |violation| LocatedViolation {
            violation: Violation { pointer: trace.pointer(leaf.node), ..violation },
            node: Some(leaf.node),
        };
        violations.map(locate).collect::<Vec<_>>()
    };
    trace.uncertain_leaves.iter().flat_map(of_leaf).collect()
}

/// Leads what an API finds wrong with a document back to the cells and rules of the values it means.
///
/// The text of the API is only used to look up pointers: only places that the document itself has are reported.
#[must_use]
pub fn locate(plan: &Plan, tables: &[Table], root: u32, trace: &Trace<'_>, rejected: &Rejected) -> Vec<Diagnostic> {
    let document: Value = serde_json::from_slice(&trace.json).unwrap_or_default();
    let mut pointers: Vec<&str> = Vec::new();
    for pointer in &rejected.pointers {
        let known = known_part(&document, pointer);
        if !known.is_empty() && !pointers.contains(&known) {
            pointers.push(known);
        }
    }
    let origins = pointers.iter().filter_map(|pointer| Some((pointer, trace.origin(pointer)?)));
    let finding = || rejected.finding.clone();
    let located: Vec<Diagnostic> = origins
        .map(|(pointer, origin)| {
            finding().cell(cell_of(tables, origin)).rule(plan.place(origin.rule)).target(*pointer, String::new())
        })
        .collect();
    if located.is_empty() { vec![finding().cell(tables[plan.each].record(root))] } else { located }
}

/// The longest part of a pointer that leads to a value of the document.
fn known_part<'p>(document: &Value, pointer: &'p str) -> &'p str {
    let mut known = pointer;
    while document.pointer(known).is_none() {
        known = known.rfind('/').map_or("", |end| &known[..end]);
    }
    known
}

/// A document that cannot be sent as it is.
#[derive(Clone, Copy)]
pub struct BadDocument<'a> {
    /// Its trace.
    pub trace: &'a Trace<'a>,
    /// Its root record.
    pub root: u32,
    /// The errors in it.
    pub errors: &'a [Finding],
    /// The paths to everything bad in it.
    pub paths: &'a [&'a [Step]],
    /// The whole document is held back because one of its records is bad.
    pub is_held: bool,
}

/// Why the records of a document are rejected, in words.
#[derive(Debug)]
pub struct Rejection {
    /// The diagnostic to report if there are no errors of its own, only related records that were rejected before.
    pub alone: Option<Diagnostic>,
    /// Why the records of the document are held back.
    pub reason: String,
    /// The whole document is held back because of bad records of a list.
    is_of_list: bool,
}

impl Rejection {
    /// The diagnostic to report about an error of the document.
    #[must_use]
    pub fn describe(&self, error: Finding) -> Diagnostic {
        let Finding { diagnostic, steps, .. } = error;
        // A finding that will only be counted has no place.
        if !self.is_of_list || steps.is_empty() || diagnostic.cell.is_none() {
            return diagnostic;
        }
        let (reason, known) = (&self.reason, diagnostic.hint.clone());
        diagnostic.hint(if known.is_empty() {
            let hint = "or set `on_incomplete: send` for this list";
            format!("{reason}, so the whole document is held back; fix it, {hint}")
        } else {
            format!("{known}; {reason}, so the whole document is held back")
        })
    }
}

/// Why the records of a document are rejected.
#[must_use]
pub fn rejection(plan: &Plan, tables: &[Table], groups: &MatchGroups, document: BadDocument<'_>) -> Rejection {
    let reason = count_bad_records(plan, groups, document.paths);
    let alone = reason.as_ref().filter(|_| document.errors.is_empty());
    Rejection {
        alone: alone.map(|reason| describe_incomplete(plan, tables, document, reason)),
        is_of_list: document.is_held && reason.is_some(),
        reason: reason.unwrap_or_else(|| "another record of its document is rejected".into()),
    }
}

/// How many records of a list are bad, if that is why the document is: "1 of its 2 `purchases` is bad".
fn count_bad_records(plan: &Plan, groups: &MatchGroups, paths: &[&[Step]]) -> Option<String> {
    let last = paths.iter().find_map(|path| path.last())?;
    let same: BTreeSet<u32> = paths
        .iter()
        .filter_map(|path| path.last())
        .filter(|step| step.link == last.link && step.parent == last.parent)
        .map(|step| step.child)
        .collect();
    let all = groups.children(last.link, last.parent).len();
    let name = &plan.sources[plan.links[last.link].child].name;
    let is = if same.len() == 1 { "is" } else { "are" };
    Some(format!("{} of its {all} `{name}` {is} bad", same.len()))
}

/// A document whose only fault is that related records were rejected when they were read or joined.
fn describe_incomplete(plan: &Plan, tables: &[Table], document: BadDocument<'_>, reason: &str) -> Diagnostic {
    let bad = document.trace.bad.iter().flatten().next_back();
    let rule = bad.map_or("/output", |step| plan.links[step.link].rule.as_str());
    plan.finding(Code::TransformIncomplete, rule, format!("{reason}, so the whole document is held back"))
        .cell(tables[plan.each].record(document.root))
        .hint("fix the bad records, or set `on_incomplete: send` for this list")
}

/// The finding about a value that could not be made; it only has a place if it is `wanted`.
fn find_problem(plan: &Plan, tables: &[Table], trace: &Trace<'_>, problem: &ValueProblem<'_>, wanted: bool) -> Finding {
    let severity = if problem.is_warning { Severity::Warning } else { Severity::Error };
    let origin = &problem.origin;
    let mut diagnostic = Diagnostic::new(problem.code, problem.message.clone()).severity(severity);
    if wanted {
        diagnostic = diagnostic
            .cell(cell_of(tables, origin))
            .rule(plan.place(origin.rule))
            .target(trace.pointer(origin.node), String::new())
            .hint(problem.hint);
    }
    Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.path), diagnostic }
}

/// The cell of an origin, or its record.
fn cell_of(tables: &[Table], origin: &Origin<'_>) -> Cell {
    let table = &tables[origin.source];
    origin.column.map_or_else(|| table.record(origin.row), |column| table.cell(origin.row, table.bind[column]))
}
