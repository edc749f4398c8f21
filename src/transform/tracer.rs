//! Notes what the traced way tells: where values came from, and everything that is wrong.

use crate::{
    plan::Leaf,
    recording::provenance::{Doubt, NOWHERE, Name, Origin, Problem, Spot, Step, Trace},
    transform::writer::Watch,
};

/// Notes everything, or everything but what is plainly good.
pub(super) struct Tracer<'a> {
    all: bool,
    /// The place that is written, and the step into its record.
    spot: usize,
    walk: usize,
    trace: Trace<'a>,
}

impl<'a> Tracer<'a> {
    /// Notes everything about a document. Unless `all` is asked for, what is plainly good is not noted.
    pub(super) fn new(all: bool) -> Tracer<'a> {
        let document = Spot { around: 0, name: Name::Field("") };
        let trace = Trace {
            json: Vec::new(),
            spots: vec![document],
            walks: Vec::new(),
            origins: Vec::new(),
            doubts: Vec::new(),
            wholly_in_doubt: false,
            problems: Vec::new(),
            bad: Vec::new(),
        };
        Tracer { all, spot: 0, walk: NOWHERE, trace }
    }

    /// What was noted about the document with this text.
    pub(super) fn traced(self, json: Vec<u8>) -> Trace<'a> {
        Trace { json, ..self.trace }
    }
}

impl<'a> Watch<'a> for Tracer<'a> {
    const TRACED: bool = true;

    fn notes_all(&self) -> bool {
        self.all
    }

    fn enter(&mut self, name: Name<'a>) {
        self.trace.spots.push(Spot { around: self.spot, name });
        self.spot = self.trace.spots.len() - 1;
    }

    fn leave(&mut self) {
        self.spot = self.trace.spots[self.spot].around;
    }

    fn enter_record(&mut self, step: Step) {
        self.trace.walks.push((self.walk, step));
        self.walk = self.trace.walks.len() - 1;
    }

    fn leave_record(&mut self) {
        self.walk = self.trace.walks[self.walk].0;
    }

    fn origin(&mut self, source: usize, row: u32, column: Option<usize>, rule: &'a str) {
        self.trace.origins.push(Origin { spot: self.spot, source, row, column, rule, walk: self.walk });
    }

    fn problem(&mut self, problem: Problem<'a>) {
        self.trace.problems.push(Problem { spot: self.spot, walk: self.walk, ..problem });
    }

    fn bad(&mut self, step: Step) {
        self.trace.bad.push(self.trace.steps(self.walk).into_iter().chain([step]).collect());
    }

    fn doubt(&mut self, leaf: &'a Leaf, json: &[u8]) {
        self.trace.doubts.push(Doubt { spot: self.spot, rules: &leaf.checks.exact, json: json.to_vec() });
    }

    fn doubt_all(&mut self) {
        self.trace.wholly_in_doubt = true;
    }
}
