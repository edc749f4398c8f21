//! Group -> diagnostics: the slow, exact way.
//!
//! A document that is in doubt was written to its end by the traced way of `transform`. Here the whole contract is
//! checked by the `jsonschema` crate, and every violation is led back to its cell and its rule. No finding is no doubt:
//! then the document conforms. What an API finds wrong all the same is led back in the same way.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    contract::Violation,
    diagnostic::{Code, Diagnostic, Severity},
    group::Groups,
    plan::Plan,
    receipt::Rejected,
    record::Table,
    trace::{Doubt, Problem, Step, Trace},
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
#[must_use]
pub fn findings(plan: &Plan, tables: &[Table], trace: &Trace<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = trace.problems.iter().map(|problem| made(plan, tables, problem)).collect();
    let placeholder = |pointer: &str| {
        let hides = |problem: &Problem| {
            !problem.warning && (pointer == problem.pointer || pointer.starts_with(&format!("{}/", problem.pointer)))
        };
        trace.problems.iter().any(hides)
    };
    let mut violations = violations(plan, trace);
    violations.retain(|violation| !placeholder(&violation.pointer));
    // In tests the whole contract has the last word, always.
    debug_assert_eq!(told(&violations), {
        let mut all = plan.violations(&trace.json);
        all.retain(|violation| !placeholder(&violation.pointer));
        told(&all)
    });
    for violation in violations {
        let Some(origin) = trace.origin(&violation.pointer) else { continue };
        let diagnostic = Diagnostic::new(violation.code, violation.message)
            .cell(cell(tables, origin.source, origin.row, origin.column))
            .rule(plan.place(origin.rule))
            .target(violation.pointer, violation.schema);
        findings.push(Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.walk), diagnostic });
    }
    findings
}

/// Violations in an order of their own, to be compared.
fn told(violations: &[Violation]) -> Vec<String> {
    let mut told: Vec<String> = violations.iter().map(|violation| format!("{violation:?}")).collect();
    told.sort();
    told
}

/// What the contract finds wrong with a document. When all that is not proven of it are rules about leaves, looking at the
/// leaves in doubt is enough.
fn violations(plan: &Plan, trace: &Trace<'_>) -> Vec<Violation> {
    if !plan.whole.is_empty() || trace.wholly_in_doubt {
        return plan.violations(&trace.json);
    }
    let leaf = |doubt: &Doubt<'_>| {
        let value = serde_json::from_slice(&doubt.json).unwrap_or(Value::Null);
        let pointer = trace.pointer(doubt.spot);
        let at = |violation: Violation| Violation { pointer: format!("{pointer}{}", violation.pointer), ..violation };
        let found = doubt.rules.iter().flat_map(|rule| plan.contract.part_violations(rule, &value)).map(at);
        found.collect::<Vec<_>>()
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
    /// One diagnostic for each error, in their order.
    pub diagnostics: Vec<Diagnostic>,
    /// What to tell when there are no errors of its own, only related records that were rejected before.
    pub alone: Option<Diagnostic>,
    /// Why the records of the document are held back.
    pub reason: String,
}

/// Puts the errors of a document into words. `held`: the whole document is held back, because one of its records is bad.
#[expect(clippy::too_many_arguments, reason = "a verdict looks at all there is to know about one document")]
pub fn verdict(
    plan: &Plan,
    tables: &[Table],
    groups: &Groups,
    trace: &Trace<'_>,
    root: u32,
    errors: &[Finding],
    paths: &[&[Step]],
    held: bool,
) -> Verdict {
    let reason = reason(plan, groups, paths);
    let hint = |error: &Finding| match &reason {
        Some(reason) if held && !error.steps.is_empty() && error.diagnostic.hint.is_empty() => {
            let hint = "or set `on_incomplete: send` for this list";
            error.diagnostic.clone().hint(format!("{reason}, so the whole document is held back; mend it, {hint}"))
        }
        Some(reason) if held && !error.steps.is_empty() => {
            let hint = &error.diagnostic.hint;
            error.diagnostic.clone().hint(format!("{hint}; {reason}, so the whole document is held back"))
        }
        _ => error.diagnostic.clone(),
    };
    let alone = reason.as_ref().filter(|_| errors.is_empty());
    Verdict {
        diagnostics: errors.iter().map(hint).collect(),
        alone: alone.map(|reason| incomplete(plan, tables, trace, root, reason)),
        reason: reason.unwrap_or_else(|| "another record of its document is rejected".into()),
    }
}

/// How many records of a list are bad, when that is why a document is: "1 of its 2 `purchases` is bad".
fn reason(plan: &Plan, groups: &Groups, paths: &[&[Step]]) -> Option<String> {
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

fn made(plan: &Plan, tables: &[Table], problem: &Problem) -> Finding {
    let severity = if problem.warning { Severity::Warning } else { Severity::Error };
    let diagnostic = Diagnostic::new(problem.code, problem.message.clone())
        .severity(severity)
        .cell(cell(tables, problem.source, problem.row, problem.column))
        .rule(plan.place(&problem.rule))
        .target(problem.pointer.clone(), String::new())
        .hint(problem.hint.clone());
    Finding { source: problem.source, row: problem.row, steps: problem.steps.clone(), diagnostic }
}

fn cell(tables: &[Table], source: usize, row: u32, column: Option<usize>) -> crate::diagnostic::Cell {
    let table = &tables[source];
    column.map_or_else(|| table.record(row), |column| table.cell(row, table.bind[column]))
}
