//! Notes what the traced way tells: where every value came from, and everything that is wrong.

use crate::{
    trace::{Origin, Problem, Step},
    transform::write::Watch,
    yaml::escape,
};

/// Notes everything.
#[derive(Default)]
pub(super) struct Tracer<'a> {
    path: Vec<String>,
    steps: Vec<Step>,
    pub(super) origins: Vec<Origin<'a>>,
    pub(super) problems: Vec<Problem>,
    pub(super) bad: Vec<Vec<Step>>,
}

impl Tracer<'_> {
    fn pointer(&self) -> String {
        self.path.iter().flat_map(|step| ["/".to_owned(), escape(step)]).collect()
    }
}

impl<'a> Watch<'a> for Tracer<'a> {
    const TRACED: bool = true;

    fn enter(&mut self, name: &dyn Fn() -> String) {
        self.path.push(name());
    }

    fn leave(&mut self) {
        self.path.pop();
    }

    fn enter_record(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn leave_record(&mut self) {
        self.steps.pop();
    }

    fn origin(&mut self, source: usize, row: u32, column: Option<usize>, rule: &'a str) {
        self.origins.push(Origin { pointer: self.pointer(), source, row, column, rule, steps: self.steps.clone() });
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(Problem { pointer: self.pointer(), steps: self.steps.clone(), ..problem });
    }

    fn bad(&mut self, step: Step) {
        self.bad.push(self.steps.iter().copied().chain([step]).collect());
    }
}
