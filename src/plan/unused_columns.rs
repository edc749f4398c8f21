//! Columns that a mapping declares and nothing uses: a hint of `xwalk check`, never an error.

use std::collections::BTreeSet;

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    json_pointer::escape,
    plan::{Plan, merged_columns::find_outside_fields, written_columns::WrittenColumns},
};

impl Plan {
    /// A hint for each column that is declared and that nothing uses. One that is `sensitive` is declared so that no message
    /// shows it, and a file without a header has to list all of its columns.
    #[must_use]
    pub fn find_unused_columns(&self) -> Vec<Diagnostic> {
        let written = WrittenColumns::of(self);
        let sources = (0..self.sources.len()).filter(|number| self.sources[*number].rows_of.is_none());
        sources.flat_map(|number| self.find_unused_of(number, &written)).collect()
    }

    fn find_unused_of(&self, number: usize, written: &WrittenColumns) -> Vec<Diagnostic> {
        let source = &self.sources[number];
        let mut used = BTreeSet::new();
        for role in (0..self.sources.len()).filter(|role| self.file_of(*role) == number) {
            used.extend(find_outside_fields(self, role));
            used.extend(written.used(role));
        }
        let zone_of = |column: &usize| source.columns[*column].reading.as_ref().and_then(|reading| reading.zone);
        let zones: Vec<usize> = used.iter().filter_map(zone_of).collect();
        used.extend(zones);
        let columns = source.columns.iter().enumerate();
        let unused = columns.filter(|(at, column)| {
            source.dialect.header && !column.sensitive && column.rule.contains("/columns/") && !used.contains(at)
        });
        let hint = |name: &str| {
            let message = format!("nothing uses the column `{name}` of `{}`", source.name);
            let rule = format!("/sources/{}/columns/{}", escape(&source.name), escape(name));
            Diagnostic::new(Code::PlanUnusedColumn, message)
                .severity(Severity::Notice)
                .rule(self.places.key(&rule))
                .hint("map it, or leave it out of `columns`: its cells are not looked at")
        };
        unused.map(|(_, column)| hint(&column.name)).collect()
    }
}
