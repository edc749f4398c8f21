//! Match group -> diagnostics: the slow, exact way.
//!
//! A document that may not conform was written to its end by the traced way of `transform`. Here the `jsonschema` crate
//! checks the whole contract, and every violation is led back to its cell and its rule. If there is no finding, the document
//! conforms. What an API finds wrong with a document is led back in the same way.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;

use crate::{
    config::violations::Violation,
    diagnostic::{Cell, Code, Diagnostic, Severity},
    plan::Plan,
    recording::{
        match_groups::MatchGroups,
        node_index::{FoundNode, NodeIndex, show_pointer},
        provenance::{NodeName, Origin, Step, Trace, UncertainLeaf, ValueProblem},
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
/// the contract. Findings of codes that are not in `wants` are only counted: they have no line and no target.
#[must_use]
pub fn findings(plan: &Plan, tables: &[Table], trace: &Trace<'_>, wants: &dyn Fn(Code) -> bool) -> Vec<Finding> {
    // A line is drawn with each finding, so very many of them in a long line have none.
    let mut drawable = MAX_DRAWN;
    let length = |finding: &Diagnostic| finding.cell.as_ref().map_or(0, |cell| cell.place.text.len());
    let mut findings: Vec<Finding> = Vec::new();
    for problem in &trace.problems {
        let finding = find_problem(plan, tables, trace, problem, drawable > 0 && wants(problem.code));
        drawable = drawable.saturating_sub(length(&finding.diagnostic));
        findings.push(finding);
    }
    let index = TraceIndex::of(trace);
    let mut violations = find_violations(plan, trace);
    violations.retain(|violation| index.is_certain(violation));
    // Debug builds compare the rules of single leaves with the whole contract, always.
    debug_assert_eq!(sorted(violations.iter()), {
        let all = plan.violations(&trace.json);
        sorted(all.iter().filter(|violation| index.is_certain(violation)))
    });
    let (violations, document) = (violations.into_iter().map(Violation::of_field), OnceCell::new());
    for told in violations.flat_map(|violation| ToldViolation::by_names(violation, trace, &index)) {
        let Some(origin) = told.origin else { continue };
        let violation = told.violation;
        let equal = find_equal_items(&violation, trace, &index, &document);
        let mut diagnostic = Diagnostic::new(violation.code, violation.message);
        let shown = equal.map_or(origin, |[_, second]| second);
        if drawable == 0 || !wants(violation.code) {
            diagnostic = diagnostic.cell(undrawn(tables, shown)).rule(plan.place(origin.rule));
        } else {
            diagnostic = diagnostic
                .cell(cell_of(tables, shown))
                .rule(plan.place(origin.rule))
                .target(index.nodes.show(tables, &told.place), violation.schema);
            if let Some([first, _]) = equal {
                diagnostic = diagnostic.also(cell_of(tables, first).place, "the same item stands here");
            }
            drawable = drawable.saturating_sub(length(&diagnostic));
        }
        findings.push(Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.path), diagnostic });
    }
    findings
}

/// Where two equal items of a list come from, if a rule says that there are none, and they do not come from one cell.
fn find_equal_items<'t, 'a>(
    violation: &Violation,
    trace: &Trace<'_>,
    index: &TraceIndex<'t, 'a>,
    document: &OnceCell<Value>,
) -> Option<[&'t Origin<'a>; 2]> {
    if !violation.schema.ends_with("/uniqueItems") {
        return None;
    }
    let document = document.get_or_init(|| serde_json::from_slice(&trace.json).unwrap_or_default());
    let items = document.pointer(&violation.pointer)?.as_array()?;
    let mut seen = BTreeMap::new();
    let mut numbered = items.iter().enumerate();
    let (first, second) = numbered.find_map(|(at, item)| seen.insert(item.to_string(), at).map(|first| (first, at)))?;
    let origin = |at: usize| index.nodes.origin(index.nodes.find(&format!("{}/{at}", violation.pointer)).node);
    let (first, second) = (origin(first)?, origin(second)?);
    let place = |origin: &Origin<'_>| (origin.source, origin.row, origin.column);
    (place(first) != place(second)).then_some([first, second])
}

/// A violation of the contract as it is told: its place, and the origin of the value that is shown, which may be the cell that
/// says the name of a field.
struct ToldViolation<'t, 'a> {
    violation: Violation,
    place: FoundNode,
    origin: Option<&'t Origin<'a>>,
}

impl<'t, 'a> ToldViolation<'t, 'a> {
    /// The same for each name that it is about, where names are what cells say: no message shows those.
    fn by_names(violation: Violation, trace: &'t Trace<'a>, index: &TraceIndex<'t, 'a>) -> Vec<ToldViolation<'t, 'a>> {
        let FoundNode { node, inside } = index.nodes.find(&violation.pointer);
        // There may be very many names, and what is told of each holds none.
        let message = violation.message_without_names();
        let one = || Violation {
            pointer: violation.pointer.clone(),
            shown: violation.shown.clone(),
            depends_on: Vec::new(),
            schema: violation.schema.clone(),
            code: violation.code,
            message: message.clone(),
            names: Vec::new(),
        };
        let mut told = Vec::new();
        for name in &violation.names {
            let mut inside = inside.clone();
            let field = if inside.is_empty() { index.nodes.field(node, name) } else { None };
            let (place, origin) = match field.map(|field| (field, trace.nodes[field].name)) {
                Some((field, NodeName::Cell(number))) => {
                    (FoundNode { node: field, inside }, Some(&trace.names[number].origin))
                }
                Some(_) => continue,
                None => {
                    inside.push(name.clone());
                    (FoundNode { node, inside }, index.nodes.origin(node))
                }
            };
            told.push(ToldViolation { violation: one(), place, origin });
        }
        if told.is_empty() {
            let origin = index.nodes.origin(index.nodes.find(&violation.shown).node);
            told.push(ToldViolation { violation, place: FoundNode { node, inside }, origin });
        }
        told
    }
}

/// The most bytes of lines that are drawn for the findings of one document.
const MAX_DRAWN: usize = 16 << 20;

/// What is asked of a trace once for each of its violations, which may be very many.
struct TraceIndex<'t, 'a> {
    trace: &'t Trace<'a>,
    /// The nodes of values that could not be made.
    placeholders: BTreeSet<usize>,
    /// The nodes around them.
    holders: BTreeSet<usize>,
    /// The nodes of lists with another number of records; what is in them was written.
    counted: BTreeSet<usize>,
    nodes: NodeIndex<'t, 'a>,
}

impl<'t, 'a> TraceIndex<'t, 'a> {
    fn of(trace: &'t Trace<'a>) -> TraceIndex<'t, 'a> {
        let problems = || trace.problems.iter().filter(|problem| !problem.is_warning);
        let nodes = |is_counted: bool| {
            let nodes = problems().filter(move |problem| (problem.code == Code::TransformCount) == is_counted);
            nodes.map(|problem| problem.origin.node).collect()
        };
        let (placeholders, counted): (BTreeSet<usize>, BTreeSet<usize>) = (nodes(false), nodes(true));
        let mut holders = BTreeSet::new();
        for node in &placeholders {
            let mut at = *node;
            while at != 0 && holders.insert(trace.nodes[at].parent) {
                at = trace.nodes[at].parent;
            }
        }
        TraceIndex { trace, placeholders, holders, counted, nodes: NodeIndex::of(trace) }
    }

    /// Whether a violation is one of the values that were made: it does not lie in a placeholder of one that was not, and no
    /// placeholder is the reason that its rule was looked at.
    fn is_certain(&self, violation: &Violation) -> bool {
        let is_made_up = |pointer: &String| {
            let place = self.nodes.find(pointer);
            self.is_in_placeholder(&place) || place.inside.is_empty() && self.holders.contains(&place.node)
        };
        !self.is_in_placeholder(&self.nodes.find(&violation.pointer)) && !violation.depends_on.iter().any(is_made_up)
    }

    fn is_in_placeholder(&self, place: &FoundNode) -> bool {
        if self.counted.contains(&place.node) && place.inside.is_empty() {
            return true;
        }
        let mut at = place.node;
        while at != 0 && !self.placeholders.contains(&at) {
            at = self.trace.nodes[at].parent;
        }
        self.placeholders.contains(&at)
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
fn find_violations(plan: &Plan, trace: &Trace<'_>) -> Vec<Violation> {
    if plan.is_told_whole() || trace.is_uncertain {
        return plan.violations(&trace.json);
    }
    let of_leaf = |leaf: &UncertainLeaf<'_>| {
        let value = serde_json::from_slice(&leaf.json).unwrap_or(Value::Null);
        let violations = leaf.rules.iter().flat_map(|rule| plan.contract.part_violations(rule, &value));
        let pointer = trace.pointer(leaf.node);
        violations.map(|violation| violation.below(&pointer)).collect::<Vec<_>>()
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
    let nodes = NodeIndex::of(trace);
    let places = pointers.iter().map(|pointer| nodes.find(pointer));
    let origins = places.filter_map(|place| nodes.origin(place.node).map(|origin| (place, origin)));
    let finding = || rejected.finding.clone();
    let located: Vec<Diagnostic> = origins
        .map(|(place, origin)| {
            let target = nodes.show(tables, &place);
            finding().cell(cell_of(tables, origin)).rule(plan.place(origin.rule)).target(target, String::new())
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
        // A finding that will only be counted needs no hint.
        if !self.is_of_list || steps.is_empty() || diagnostic.target.is_none() {
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

/// The finding about a value that could not be made; its line and its target are only told if it is `wanted`.
fn find_problem(plan: &Plan, tables: &[Table], trace: &Trace<'_>, problem: &ValueProblem<'_>, wanted: bool) -> Finding {
    let severity = if problem.is_warning { Severity::Warning } else { Severity::Error };
    let origin = &problem.origin;
    let mut diagnostic = Diagnostic::new(problem.code, problem.message.clone()).severity(severity);
    if wanted {
        diagnostic = diagnostic
            .cell(cell_of(tables, origin))
            .rule(plan.place(origin.rule))
            .target(show_pointer(trace, tables, origin.node), String::new())
            .hint(problem.hint);
    } else {
        diagnostic = diagnostic.cell(undrawn(tables, origin)).rule(plan.place(origin.rule));
    }
    Finding { source: origin.source, row: origin.row, steps: trace.steps(origin.path), diagnostic }
}

/// The cell of an origin, or its record, without its line.
fn undrawn(tables: &[Table], origin: &Origin<'_>) -> Cell {
    let table = &tables[origin.source];
    table.undrawn(origin.row, origin.column.map(|column| table.bind[column]))
}

/// The cell of an origin, or its record.
fn cell_of(tables: &[Table], origin: &Origin<'_>) -> Cell {
    let table = &tables[origin.source];
    origin.column.map_or_else(|| table.record(origin.row), |column| table.cell(origin.row, table.bind[column]))
}
