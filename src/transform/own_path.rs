//! The path of a document that has one of its own: what is wrong with it is told at the cell that is the reason.

use crate::{
    config::mapping::request_path::{MAX_PATH, PathProblem, PathProblemKind, PathTemplate},
    diagnostic::Code,
    json_pointer::escape,
    recording::{
        node_index::NodeIndex,
        provenance::{Trace, ValueProblem},
    },
};

/// What to do about a value that gives no path.
const CORRECT: &str = "correct it, or put another field into `path` of the request";

/// Notes why a document has no path. All origins of the trace are known.
pub(super) fn note_problem(path: &PathTemplate, trace: &mut Trace<'_>) {
    let Err(PathProblem { field, kind }) = path.fill(&trace.json) else { return };
    // A value that could not be made is told already.
    if kind == PathProblemKind::Missing && !trace.is_sound() {
        return;
    }
    let steps = path.fields().nth(field).map(|field| field.steps.as_slice()).unwrap_or_default();
    let steps: Vec<_> = steps.iter().map(|step| escape(step)).collect();
    let pointer = format!("/{}", steps.join("/"));
    let message = match kind {
        PathProblemKind::Missing => "the path of the request needs this value, and there is none".to_owned(),
        PathProblemKind::Empty => "the path of the request needs this value, and it is empty".to_owned(),
        PathProblemKind::Dots => {
            "the path of the request would lead elsewhere: this step of it is dots alone".to_owned()
        }
        PathProblemKind::Long => format!("the path of the request would have more than {MAX_PATH} bytes"),
    };
    let index = NodeIndex::of(trace);
    let Some(origin) = index.origin(index.find(&pointer).node).copied() else { return };
    trace.problems.push(ValueProblem { code: Code::TransformPath, message, hint: CORRECT, is_warning: false, origin });
}
