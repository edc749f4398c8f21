//! What a source may say of its file: a source has a file of its own, or the rows of another source.

use serde_json::{Value, json};

use crate::{
    config::yaml::Places,
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

/// What a source says of its file.
pub(super) struct FileRole<'a> {
    /// The name of the source.
    pub(super) name: &'a str,
    pub(super) has_path: bool,
    /// The source whose rows it has.
    pub(super) rows_of: Option<&'a str>,
}

/// Sources that say nothing of their file, or something that the source whose rows they have says for both.
pub(super) fn find_misplaced<'a>(sources: impl Iterator<Item = FileRole<'a>>, places: &Places) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for FileRole { name, has_path, rows_of } in sources {
        let pointer = format!("/sources/{}", escape(name));
        let Some(other) = rows_of else {
            if !has_path {
                let missing = Diagnostic::new(Code::PlanMissingKey, "missing key `path`").rule(places.key(&pointer));
                let hint = "write it in this block: `path: customers.csv`, or `rows_of:` with a source that has one";
                findings.push(missing.hint(hint));
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
