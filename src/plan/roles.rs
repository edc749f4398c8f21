//! The compiler of roles: a source may read the file of another, row by row, with a key and a total of its own.

use crate::{
    config::mapping::SourceSpec,
    diagnostic::Code,
    plan::compile::{Compiler, names_of},
};

impl Compiler<'_> {
    /// The source whose file a source reads too; `None`: it has a file of its own, or names no
    /// source that can be meant, which is reported.
    pub(super) fn find_rows_of(&mut self, name: &str, source: &SourceSpec, pointer: &str) -> Option<usize> {
        let other = source.rows_of.as_ref()?;
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
