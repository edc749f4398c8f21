//! What a source may say of its file: a source has a file of its own, or the rows of another source.

use serde_json::{Value, json};

use crate::{
    config::{mapping::Mapping, yaml::Places},
    diagnostic::{Code, Diagnostic},
    json_pointer::escape,
};

/// The keys that say how a file is read.
const OF_FILE: [&str; 3] = ["path", "dialect", "columns"];

/// The two forms of a source, for editors.
pub(super) fn schema() -> Value {
    let others: Vec<Value> = OF_FILE.iter().map(|key| json!({ "required": [key] })).collect();
    json!([{ "required": ["path"], "not": { "required": ["rows_of"] } },
        { "required": ["rows_of"], "not": { "anyOf": others } }])
}

/// Sources that say nothing of their file, or something that the source whose rows they have says for both.
pub(super) fn find_misplaced(mapping: &Mapping, places: &Places) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (name, source) in &mapping.sources {
        let pointer = format!("/sources/{}", escape(name));
        let Some(other) = &source.rows_of else {
            if source.path.is_none() {
                let missing = Diagnostic::new(Code::PlanMissingKey, "missing key `path`").rule(places.key(&pointer));
                findings.push(missing.hint("write it in this block, as in `path: customers.csv`; or write `rows_of:` with a source that has one"));
            }
            continue;
        };
        for key in OF_FILE {
            let place = format!("{pointer}/{key}");
            if places.node(&place).is_some() {
                let message = format!("`{key}` belongs to the file, and `{name}` has the rows of `{other}`");
                let finding = Diagnostic::new(Code::PlanWrongValue, message).rule(places.key(&place));
                findings.push(finding.hint(format!("write it at the source `{other}`, for both")));
            }
        }
    }
    findings
}
