//! The compiler of objects that are made of related records: one column names their fields.
//!
//! Names come once: the key of the related source is what `match` names and this column.

use crate::{
    diagnostic::{Code, Diagnostic},
    json_pointer::escape,
    plan::{
        KeyedBy,
        checks::Checks,
        compile::Compiler,
        conversion::{Conversion, write_text},
        key::KeyColumns,
    },
    text::buffer::OutputBuffer,
};

impl KeyedBy {
    /// Writes what a cell says as the name of a field: as a template would write it, and always as a text.
    pub fn write_name(&self, cell: &[u8], out: &mut OutputBuffer) {
        match self.conversion {
            Conversion::Integer(_) | Conversion::Decimal(_) | Conversion::Boolean { .. } => {
                let start = out.len();
                out.push(b'"');
                match self.conversion.write(cell.into(), out) {
                    Ok(()) => return out.push(b'"'),
                    Err(_) => out.truncate(start),
                }
            }
            _ if self.conversion.write(cell.into(), out).is_ok() => return,
            _ => {}
        }
        // Cells of a key are checked before: all of them are of their type.
        write_text(cell.into(), out);
    }
}

impl Compiler<'_> {
    /// The column that names the fields of an object; `matched` are the columns of its source that `match` names.
    pub(super) fn compile_keyed_by(
        &mut self,
        name: &str,
        rule: &str,
        source: usize,
        matched: &KeyColumns,
    ) -> Option<KeyedBy> {
        let pointer = format!("{rule}/keyed_by");
        let column = self.find_or_add_column(source, name, &pointer);
        self.expect_no_list(source, column, &pointer);
        let conversion = self.sources[source].columns.get(column)?.conversion.clone();
        let mut wanted = matched.columns.clone();
        wanted.retain(|matched| *matched != column);
        wanted.push(column);
        let key = &self.sources[source].key.columns;
        if key.len() != wanted.len() || !wanted.iter().all(|column| key.contains(column)) {
            self.report_unkeyed(source, &wanted, &pointer);
            return None;
        }
        Some(KeyedBy { column, conversion, rule: pointer, checks: Checks::default() })
    }

    /// Reports a source whose key does not say that each name comes once.
    fn report_unkeyed(&mut self, source: usize, wanted: &[usize], pointer: &str) {
        let source = &self.sources[source];
        let names = |columns: &[usize]| -> Vec<String> {
            columns.iter().map(|column| source.columns[*column].name.clone()).collect()
        };
        let (name, key, wanted) = (source.name.clone(), names(&source.key.columns), names(wanted));
        let message = format!(
            "the key of `{name}` must be `{}`: what `match` names, and the column of the names, so that each comes once",
            wanted.join("`, `")
        );
        let finding = Diagnostic::new(Code::PlanJoin, message)
            .rule(self.places.leaf(pointer))
            .hint(format!("declare `key: [{}]` for the source `{name}`", wanted.join(", ")));
        let declared = self.places.leaf(&format!("/sources/{}/key", escape(&name)));
        self.add_finding(if key.is_empty() { finding } else { finding.also(declared, "its key is declared here") });
    }
}
