//! Group -> diagnostics: the slow, exact way.
//!
//! A document that is in doubt was written to its end by the traced way of `transform`. Here the whole contract is
//! checked by the `jsonschema` crate, and every violation is led back to its cell and its rule. No finding is no doubt:
//! then the document conforms. What an API finds wrong all the same is led back in the same way.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    config::contract::Violation,
    diagnostic::{Code, Diagnostic, Severity},
    plan::Plan,
    recording::{
        match_groups::MatchGroups,
        provenance::{Doubt, Origin, Problem, Step, Trace},
        receipt::Rejected,
    },
    table::Table,
};

/// Something wrong with a document, and the record it lies in.
#[derive(Debug)]
pub struct Finding {
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The lists it lies in, the outermost first.
    pub steps: Vec<Step>,
    /// What to tell.
    pub diagnostic: Diagnostic,
}

/// Everything that is wrong with a document, in its order: first what could not be made, then what the contract refuses.
/// A finding that nobody `wants` to see has its code and its reason, but not its place.
#[must_use]
pub fn findings(plan: &Plan, tables: &[Table], trace: &Trace<'_>, wants: &dyn Fn(Code) -> bool) -> Vec<Finding> {
    let made = |problem: &Problem<'_>| made(plan, tables, trace, problem, wants(problem.code));
    let mut findings: Vec<Finding> = trace.problems.iter().map(made).collect();
    let mut violations = violations(plan, trace);
    violations.retain(|found| !found.is_placeholder(trace));
    // In tests the whole contract has the last word, always.
    debug_assert_eq!(told(violations.iter().map(|found| &found.violation)), {
        let all = plan.violations(&trace.json).into_iter().map(|violation| Found { violation, spot: None });
        let all: Vec<Found> = all.filter(|found| !found.is_placeholder(trace)).collect();
        told(all.iter().map(|found| &found.violation))
    });
    for found in violations {
        let Some(origin) = found.origin(trace) else { continue };
        let violation = found.violation;
        let mut diagnostic = Diagnostic::new(violation.code, violation.message);
        if wants(violation.code) {
            diagnostic = diagnostic
                .cell(cell(tables, origin.source, origin.row, origin.column))
                .rule(plan.place(origin.rule))
                .target(violation.pointer, violation.schema);
        }
        findings.push(Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.walk), diagnostic });
    }
    findings
}

/// What the contract finds wrong, and the place, if that is a leaf.
struct Found {
    violation: Violation,
    spot: Option<usize>,
}

impl Found {
    /// Whether it lies in a value that could not be made.
    fn is_placeholder(&self, trace: &Trace<'_>) -> bool {
        let hides = |problem: &Problem<'_>| match self.spot {
            _ if problem.warning => false,
            Some(spot) => trace.is_within(spot, problem.spot),
            None => {
                let rest = self.violation.pointer.strip_prefix(&trace.pointer(problem.spot));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        trace.problems.iter().any(hides)
    }

    /// Where the value came from, or the nearest value around it.
    fn origin<'t, 'a>(&self, trace: &'t Trace<'a>) -> Option<&'t Origin<'a>> {
        let known = self.spot.and_then(|spot| trace.origin_at(spot));
        known.or_else(|| trace.origin(&self.violation.pointer))
    }
}

/// Violations in an order of their own, to be compared.
fn told<'a>(violations: impl Iterator<Item = &'a Violation>) -> Vec<String> {
    let mut told: Vec<String> = violations.map(|violation| format!("{violation:?}")).collect();
    told.sort();
    told
}

/// What the contract finds wrong with a document. When all that is not proven of it are rules about leaves, looking at the
/// leaves in doubt is enough.
fn violations(plan: &Plan, trace: &Trace<'_>) -> Vec<Found> {
    if !plan.whole.is_empty() || trace.wholly_in_doubt {
        let all = plan.violations(&trace.json).into_iter();
        return all.map(|violation| Found { violation, spot: None }).collect();
    }
    let leaf = |doubt: &Doubt<'_>| {
        let value = serde_json::from_slice(&doubt.json).unwrap_or(Value::Null);
        let found = doubt.rules.iter().flat_map(|rule| plan.contract.part_violations(rule, &value));
        // A leaf has no places inside.
        let at = |violation| Found {
            violation: Violation { pointer: trace.pointer(doubt.spot), ..violation },
            spot: Some(doubt.spot),
        };
        found.map(at).collect::<Vec<_>>()
    };
    trace.doubts.iter().flat_map(leaf).collect()
}

/// What an API finds wrong with a document, led back to the cells and rules of the places it means.
///
/// Whatever the API wrote is only looked up: what is told are places that the document itself has.
#[must_use]
pub fn home(plan: &Plan, tables: &[Table], root: u32, trace: &Trace<'_>, rejected: &Rejected) -> Vec<Diagnostic> {
    let document: Value = serde_json::from_slice(&trace.json).unwrap_or_default();
    let mut pointers: Vec<&str> = Vec::new();
    for pointer in &rejected.pointers {
        let known = known(&document, pointer);
        if !known.is_empty() && !pointers.contains(&known) {
            pointers.push(known);
        }
    }
    let places = pointers.iter().filter_map(|pointer| Some((pointer, trace.origin(pointer)?)));
    let finding = || rejected.finding.clone();
    let told: Vec<Diagnostic> = places
        .map(|(pointer, origin)| {
            finding()
                .cell(cell(tables, origin.source, origin.row, origin.column))
                .rule(plan.place(origin.rule))
                .target(*pointer, String::new())
        })
        .collect();
    if told.is_empty() { vec![finding().cell(tables[plan.each].record(root))] } else { told }
}

/// As much of a pointer as the document has.
fn known<'p>(document: &Value, pointer: &'p str) -> &'p str {
    let mut known = pointer;
    while document.pointer(known).is_none() {
        known = known.rfind('/').map_or("", |end| &known[..end]);
    }
    known
}

/// What is told about a document that cannot be sent as it is.
#[derive(Debug)]
pub struct Verdict {
    /// What to tell when there are no errors of its own, only related records that were rejected before.
    pub alone: Option<Diagnostic>,
    /// Why the records of the document are held back.
    pub reason: String,
    /// Bad records of a list are why the whole document is held back.
    of_list: bool,
}

impl Verdict {
    /// What is told about an error of the document.
    #[must_use]
    pub fn told(&self, error: Finding) -> Diagnostic {
        let Finding { diagnostic, steps, .. } = error;
        // What nobody will see has no place.
        if !self.of_list || steps.is_empty() || diagnostic.cell.is_none() {
            return diagnostic;
        }
        let (reason, known) = (&self.reason, diagnostic.hint.clone());
        diagnostic.hint(if known.is_empty() {
            let hint = "or set `on_incomplete: send` for this list";
            format!("{reason}, so the whole document is held back; mend it, {hint}")
        } else {
            format!("{known}; {reason}, so the whole document is held back")
        })
    }
}

/// Puts what is wrong with a document into words: its `errors`, and the `paths` to all that is bad. `held`: the whole document
/// is held back, because one of its records is bad.
#[must_use]
pub fn verdict(
    plan: &Plan,
    tables: &[Table],
    groups: &MatchGroups,
    trace: &Trace<'_>,
    root: u32,
    (errors, paths): (&[Finding], &[&[Step]]),
    held: bool,
) -> Verdict {
    let reason = reason(plan, groups, paths);
    let alone = reason.as_ref().filter(|_| errors.is_empty());
    Verdict {
        alone: alone.map(|reason| incomplete(plan, tables, trace, root, reason)),
        of_list: held && reason.is_some(),
        reason: reason.unwrap_or_else(|| "another record of its document is rejected".into()),
    }
}

/// How many records of a list are bad, when that is why a document is: "1 of its 2 `purchases` is bad".
fn reason(plan: &Plan, groups: &MatchGroups, paths: &[&[Step]]) -> Option<String> {
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

/// A document whose only trouble is that related records were rejected when they were read or joined.
fn incomplete(plan: &Plan, tables: &[Table], trace: &Trace<'_>, root: u32, reason: &str) -> Diagnostic {
    let rule = trace.bad.iter().flatten().next_back().map_or("/output", |step| plan.links[step.link].rule.as_str());
    plan.finding(Code::TransformIncomplete, rule, format!("{reason}, so the whole document is held back"))
        .cell(tables[plan.each].record(root))
        .hint("mend the bad records, or set `on_incomplete: send` for this list")
}

fn made(plan: &Plan, tables: &[Table], trace: &Trace<'_>, problem: &Problem<'_>, wanted: bool) -> Finding {
    let severity = if problem.warning { Severity::Warning } else { Severity::Error };
    let mut diagnostic = Diagnostic::new(problem.code, problem.message.clone()).severity(severity);
    if wanted {
        diagnostic = diagnostic
            .cell(cell(tables, problem.source, problem.row, problem.column))
            .rule(plan.place(problem.rule))
            .target(trace.pointer(problem.spot), String::new())
            .hint(problem.hint);
    }
    Finding { source: problem.source, row: problem.row, steps: trace.steps(problem.walk), diagnostic }
}

fn cell(tables: &[Table], source: usize, row: u32, column: Option<usize>) -> crate::diagnostic::Cell {
    let table = &tables[source];
    column.map_or_else(|| table.record(row), |column| table.cell(row, table.bind[column]))
}
