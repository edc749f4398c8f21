//! The compiler of roles: a source may read the file of another, row by row, with a key and a total of its own.

use crate::{
    config::mapping::SourceSpec,
    diagnostic::{Code, Diagnostic},
    plan::compile::{Compiler, names_of},
};

impl Compiler<'_> {
    /// The source whose file a source reads too; `None`: it has a file of its own, or says something else that is reported.
    pub(super) fn find_rows_of(&mut self, name: &str, source: &SourceSpec, pointer: &str) -> Option<usize> {
        let Some(other) = &source.rows_of else {
            if source.path.is_none() {
                let message = format!("nothing says which file `{name}` reads");
                let hint = "write `path: customers.csv`, or `rows_of:` with a source that has a `path`";
                self.add_finding(
                    Diagnostic::new(Code::PlanMissingKey, message).rule(self.places.key(pointer)).hint(hint),
                );
            }
            return None;
        };
        for key in ["path", "dialect", "columns"].map(|key| format!("{pointer}/{key}")) {
            if self.places.node(&key).is_some() {
                let word = key.rsplit('/').next().unwrap_or_default();
                let message = format!("`{word}` belongs to the file, and `{name}` has the rows of `{other}`");
                let finding = Diagnostic::new(Code::PlanWrongValue, message).rule(self.places.key(&key));
                self.add_finding(finding.hint(format!("write it at the source `{other}`, for both")));
            }
        }
        let rule = format!("{pointer}/rows_of");
        let Some((number, _, found)) = self.mapping.sources.get_full(other) else {
            let known = names_of(&self.mapping.sources);
            let known: Vec<&str> = known.into_iter().filter(|known| *known != name).collect();
            self.report_unknown("source", other, &known, &rule);
            return None;
        };
        let message = match &found.rows_of {
            _ if other == name => format!("`{name}` cannot have its own rows"),
            Some(_) => format!("`{other}` has the rows of another source itself"),
            None => return Some(number),
        };
        let hint = match &found.rows_of {
            Some(file) if other != name && file != name => format!("name that source: `rows_of: {file}`"),
            _ => "name a source that has a `path`".to_owned(),
        };
        self.report(Code::PlanWrongValue, &rule, message, hint);
        None
    }
}
