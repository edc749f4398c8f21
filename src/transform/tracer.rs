//! The observer of the traced way: it notes the origin of every value, and everything that is wrong.

use crate::{
    diagnostic::Code,
    plan::checks::Checks,
    recording::provenance::{
        CellName, JsonNode, NO_PATH, NodeName, Origin, PathEnd, Step, Trace, UncertainLeaf, ValueProblem,
    },
    transform::writer::{Observer, ValueSite},
};

/// Notes everything, or everything but values that are certain to conform.
pub(super) struct Tracer<'a> {
    all: bool,
    /// The node that is written.
    node: usize,
    /// The path to the record it is written from.
    path: usize,
    trace: Trace<'a>,
}

impl<'a> Tracer<'a> {
    /// An observer of one document. Unless `all` is asked for, values that are certain to conform are not noted.
    pub(super) fn new(all: bool) -> Tracer<'a> {
        let document = JsonNode { parent: 0, name: NodeName::Field("") };
        let trace = Trace {
            json: Vec::new(),
            nodes: vec![document],
            names: Vec::new(),
            paths: Vec::new(),
            origins: Vec::new(),
            uncertain_leaves: Vec::new(),
            is_uncertain: false,
            problems: Vec::new(),
            bad: Vec::new(),
        };
        Tracer { all, node: 0, path: NO_PATH, trace }
    }

    /// The notes about the document with this text.
    pub(super) fn into_trace(self, json: Vec<u8>) -> Trace<'a> {
        Trace { json, ..self.trace }
    }

    fn origin(&self, site: ValueSite<'a, '_>) -> Origin<'a> {
        let ValueSite { scope, column, rule } = site;
        Origin { node: self.node, source: scope.source, row: scope.row, column, rule, path: self.path }
    }
}

impl<'a> Observer<'a> for Tracer<'a> {
    const TRACED: bool = true;

    fn notes_all(&self) -> bool {
        self.all
    }

    fn enter_node(&mut self, name: NodeName<'a>) {
        self.trace.nodes.push(JsonNode { parent: self.node, name });
        self.node = self.trace.nodes.len() - 1;
    }

    fn enter_named_node(&mut self, json: &[u8], site: ValueSite<'a, '_>) {
        let text = serde_json::from_slice(json).unwrap_or_default();
        self.trace.names.push(CellName { text, origin: self.origin(site) });
        self.enter_node(NodeName::Cell(self.trace.names.len() - 1));
    }

    fn leave_node(&mut self) {
        self.node = self.trace.nodes[self.node].parent;
    }

    fn enter_record(&mut self, step: Step) {
        self.trace.paths.push(PathEnd { before: self.path, step });
        self.path = self.trace.paths.len() - 1;
    }

    fn leave_record(&mut self) {
        self.path = self.trace.paths[self.path].before;
    }

    fn note_origin(&mut self, site: ValueSite<'a, '_>) {
        self.trace.origins.push(self.origin(site));
    }

    fn count_problems(&self) -> usize {
        self.trace.problems.len()
    }

    fn note_problem(
        &mut self,
        site: ValueSite<'a, '_>,
        code: Code,
        message: String,
        hint: &'static str,
        is_warning: bool,
    ) {
        self.trace.problems.push(ValueProblem { code, message, hint, is_warning, origin: self.origin(site) });
    }

    fn note_bad_record(&mut self, step: Step) {
        self.trace.bad.push(self.trace.steps(self.path).into_iter().chain([step]).collect());
    }

    fn note_uncertain_leaf(&mut self, checks: &'a Checks, json: &[u8]) {
        let rules = &checks.exact;
        self.trace.uncertain_leaves.push(UncertainLeaf { node: self.node, rules, json: json.to_vec() });
    }

    fn note_uncertain_document(&mut self) {
        self.trace.is_uncertain = true;
    }
}
