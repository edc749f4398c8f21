//! The compiler: mapping and contract -> plan. Names of sources, columns and code tables become numbers.
//!
//! [`Plan::compile`] resolves names, lets `prove` check the result against the contract, and then decides which fields are
//! fast. Every finding is kept; a part that cannot be compiled is left out, so that one mistake is reported once and the next
//! one is still found. Rules are named by pointers such as `/output/fields/email` until a place is needed.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    config::{
        contract::Contract,
        mapping::{
            Mapping, Root, SourceSpec, TotalSpec,
            column::Column,
            dialect::{DialectFault, DialectSpec as DialectText, advise_separator, parse_separator},
            request_path::PathTemplate,
            short_forms::{Columns, Named},
        },
        profile::destination::BodyShape,
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::escape,
    plan::{
        CheckedColumns, CodeFiles, ColumnPlan, LinkPlan, Plan, SourcePlan, checked_columns, conversion::Conversion,
        envelope::BodyPlan, key::KeyColumns, merged_columns, path_fields, prove, written_columns::WrittenColumns,
    },
    table::dialect::Dialect,
};

impl Plan {
    /// Compiles a mapping against its contract.
    ///
    /// # Errors
    /// Everything that can be known to be wrong before any data is read, each with its place.
    pub fn compile(
        mapping: &Mapping,
        places: Places,
        contract: Contract,
        files: &CodeFiles,
    ) -> Result<Plan, Vec<Diagnostic>> {
        let mut plan = resolve_names(mapping, places, contract, files)?;
        let mut findings = prove::contract(&mut plan);
        findings.extend(path_fields::check(&plan));
        plan.document.find_fast_fields();
        let written = WrittenColumns::of(&plan);
        checked_columns::find(&mut plan, &written);
        merged_columns::find(&mut plan, &written);
        if findings.is_empty() { Ok(plan) } else { Err(findings) }
    }
}

/// The plan of a mapping, not yet proven against the contract.
fn resolve_names(
    mapping: &Mapping,
    places: Places,
    contract: Contract,
    files: &CodeFiles,
) -> Result<Plan, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(mapping, &places, files);
    for (name, source) in &mapping.sources {
        compiler.declare_source(name, source);
    }
    for (at, (name, source)) in mapping.sources.iter().enumerate() {
        compiler.compile_source(at, name, source);
    }
    let each = compiler.find_source(&mapping.output.each, "/output/each");
    let output = &mapping.output;
    let only =
        output.only.as_ref().zip(each).and_then(|(only, each)| compiler.compile_condition(only, each, "/output/where"));
    let envelope = match &output.root {
        Root::Envelope(fields) => compiler.compile_envelope(fields),
        Root::Array | Root::Object => None,
    };
    let document = each.map(|each| compiler.compile_object(&output.fields, "/output/fields", each));
    compiler.check_uses(each);
    let path = compiler.compile_request();
    if compiler.findings.is_empty() {
        compiler.compare_keys();
    }
    let Compiler { findings, warnings, sources, links, .. } = compiler;
    match (findings.is_empty(), each, document) {
        (true, Some(each), Some(document)) => Ok(Plan {
            name: mapping.name.clone(),
            request: mapping.request.clone(),
            own_path: path.filter(PathTemplate::is_per_document),
            body: match (&output.root, &envelope) {
                (Root::Object, _) => BodyPlan { shape: BodyShape::Object, documents: String::new() },
                (Root::Envelope(_), Some(envelope)) => envelope.body(),
                _ => BodyPlan { shape: BodyShape::Array, documents: String::new() },
            },
            sources,
            each,
            only,
            if_empty: output.if_empty.clone(),
            on_incomplete: output.on_incomplete.clone(),
            document,
            links,
            contract: Arc::new(contract),
            whole: Vec::new(),
            has_branches: false,
            max_documents: if matches!(output.root, Root::Object) { Some(1) } else { None },
            envelope,
            places,
            warnings,
        }),
        _ => Err(findings),
    }
}

/// The most columns of a file.
const MAX_COLUMNS: usize = 4096;

/// A plan that is being compiled.
pub(super) struct Compiler<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) places: &'a Places,
    pub(super) files: &'a CodeFiles,
    pub(super) findings: Vec<Diagnostic>,
    /// What is told, and stops nothing.
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) sources: Vec<SourcePlan>,
    pub(super) links: Vec<LinkPlan>,
    /// Where the fields of the objects stand that are compiled from one record, from the outermost to the one in it.
    pub(super) around: Vec<String>,
}

impl<'a> Compiler<'a> {
    fn new(mapping: &'a Mapping, places: &'a Places, files: &'a CodeFiles) -> Compiler<'a> {
        let (findings, warnings, sources, links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Compiler { mapping, places, files, findings, warnings, sources, links, around: Vec::new() }
    }

    /// Notes how the sources are used, and reports those that are not.
    fn check_uses(&mut self, each: Option<usize>) {
        for (at, source) in self.sources.iter_mut().enumerate() {
            let used = |many: bool| self.links.iter().any(|link| link.child == at && link.many == many);
            source.lookup = Some(at) != each && !used(true) && used(false);
            if Some(at) != each && !used(true) && !used(false) && self.findings.is_empty() {
                let message = format!("the source `{}` is never used", source.name);
                let rule = format!("/sources/{}", escape(&source.name));
                self.findings.push(
                    Diagnostic::new(Code::PlanWrongValue, message)
                        .rule(self.places.key(&rule))
                        .hint("use it in `output` with `many:` or `one:`, or leave it out"),
                );
            }
        }
    }

    /// Reports a finding about the value at a pointer.
    pub(super) fn report(&mut self, code: Code, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::new(code, message).rule(self.places.leaf(pointer)).hint(hint);
        self.findings.push(diagnostic);
    }

    /// Adds a finding that has its place.
    pub(super) fn add_finding(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Declares a source, with the file it reads; its columns come once all sources are known.
    fn declare_source(&mut self, name: &str, own: &SourceSpec) {
        let own_pointer = format!("/sources/{}", escape(name));
        let rows_of = self.find_rows_of(name, own, &own_pointer);
        let (name_of_file, source) = rows_of
            .and_then(|file| self.mapping.sources.get_index(file))
            .map_or((name, own), |(name, source)| (name.as_str(), source));
        let pointer = format!("/sources/{}", escape(name_of_file));
        let dialect = self.compile_dialect(source.dialect.as_ref(), &format!("{pointer}/dialect"));
        let order: Vec<String> = if dialect.header { Vec::new() } else { source.columns.keys().cloned().collect() };
        if !dialect.header && order.is_empty() && rows_of.is_none() {
            let message = format!("files of `{name}` have no header, and nothing says which columns they have");
            let hint = "list all their columns in order under `columns`; `{}` is a column of type `text`";
            self.report(Code::PlanMissingKey, &pointer, message, hint);
        }
        self.sources.push(SourcePlan {
            name: name.to_owned(),
            path: source.path.clone().unwrap_or_default(),
            rows_of,
            dialect,
            key: KeyColumns::default(),
            on_duplicate_key: own.on_duplicate_key.clone(),
            columns: Vec::new(),
            order,
            total: None,
            lookup: false,
            checked: CheckedColumns::default(),
            merged: Vec::new(),
            captures: 0,
        });
        let is_outside = |path: &&String| {
            path.is_empty() || path.split(['/', '\\']).any(|step| step == "..") || path.starts_with('/')
        };
        if let Some(path) = own.path.as_ref().filter(is_outside) {
            let message = format!("`{path}` is not a file inside the drop folder");
            let hint = "name a file such as `customers.csv`";
            self.report(Code::PlanWrongValue, &format!("{own_pointer}/path"), message, hint);
        }
    }

    /// The columns, the key and the total of a source that was declared.
    fn compile_source(&mut self, at: usize, name: &str, source: &SourceSpec) {
        let pointer = format!("/sources/{}", escape(name));
        for (column, _) in &source.columns {
            self.find_or_add_column(at, column, &format!("{pointer}/columns/{}", escape(column)));
        }
        let Columns(key) = &source.key;
        let key_rule = format!("{pointer}/key");
        let key: Vec<usize> = key.iter().map(|column| self.find_or_add_column(at, column, &key_rule)).collect();
        for column in &key {
            self.expect_no_list(at, *column, &key_rule);
        }
        if key.is_empty() && self.sources[at].is_merged() {
            let message = format!("the rows of `{name}` are merged by their key, and it has none");
            self.report(
                Code::PlanMissingKey,
                &format!("{pointer}/on_duplicate_key"),
                message,
                "add `key:` with the column, or the columns, that tell its records apart",
            );
        }
        self.sources[at].key = KeyColumns::new(key);
        if let Some(total) = &source.total {
            self.compile_total(at, total, &format!("{pointer}/total"));
        }
    }

    /// The amounts of a source that are added up in the summary, which anyone may read.
    fn compile_total(&mut self, at: usize, total: &TotalSpec, pointer: &str) {
        let (sum_rule, by_rule) = (format!("{pointer}/sum"), format!("{pointer}/by"));
        let sum = self.find_or_add_column(at, &total.sum, &sum_rule);
        let by = total.by.as_ref().map(|by| self.find_or_add_column(at, by, &by_rule));
        self.expect_no_list(at, sum, &sum_rule);
        if let Some(by) = by {
            self.expect_no_list(at, by, &by_rule);
        }
        let is_number = |column: &ColumnPlan| column.conversion.number_format().is_some();
        if self.sources[at].columns.get(sum).is_some_and(|column| !is_number(column)) {
            let message = format!("the column `{}` is no number, so it cannot be added up", total.sum);
            self.report(Code::PlanWrongValue, &sum_rule, message, "declare its type as `decimal` or `integer`");
        }
        let columns = [Some((sum, &sum_rule, "sums")), by.map(|by| (by, &by_rule, "cells"))];
        for (column, rule, shown) in columns.into_iter().flatten() {
            if let Some(ColumnPlan { name, sensitive: true, .. }) = self.sources[at].columns.get(column) {
                let message = format!("the column `{name}` is `sensitive`, and the summary would show its {shown}");
                let hint = format!("leave this out, or `sensitive` of `{name}` if its {shown} may be shown");
                self.report(Code::PlanWrongValue, rule, message, hint);
            }
        }
        self.sources[at].total = Some((sum, by));
    }

    pub(super) fn find_source(&mut self, name: &str, pointer: &str) -> Option<usize> {
        let found = self.mapping.sources.get_index_of(name);
        if found.is_none() {
            self.report_unknown("source", name, &names_of(&self.mapping.sources), pointer);
        }
        found
    }

    pub(super) fn report_unknown(&mut self, what: &str, name: &str, known: &[&str], pointer: &str) {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        self.report(Code::PlanUnknownName, pointer, format!("there is no {what} `{name}`"), hint);
    }

    fn compile_dialect(&mut self, dialect: Option<&Named<DialectText>>, pointer: &str) -> Dialect {
        let (text, pointer) = match dialect {
            None => (DialectText::default(), pointer.to_owned()),
            Some(Named::Here(dialect)) => (dialect.clone(), pointer.to_owned()),
            Some(Named::Name(name)) => {
                if let Some(dialect) = self.mapping.dialects.get(name) {
                    (dialect.clone(), format!("/dialects/{}", escape(name)))
                } else {
                    self.report_unknown("dialect", name, &names_of(&self.mapping.dialects), pointer);
                    (DialectText::default(), pointer.to_owned())
                }
            }
        };
        let (dialect, faults) = text.compile();
        for DialectFault { key, message, hint } in faults {
            self.report(Code::PlanWrongValue, &format!("{pointer}/{key}"), message, hint);
        }
        dialect
    }

    /// One ASCII character that separates or quotes; `None`: it is another text, which is reported.
    pub(super) fn parse_ascii_byte(&mut self, text: &str, pointer: &str) -> Option<u8> {
        let parsed = parse_separator(text);
        parsed.map_err(|message| self.report(Code::PlanWrongValue, pointer, message, advise_separator(text))).ok()
    }

    /// The source that names the file of a source: itself, unless it has the rows of another.
    pub(super) fn file_of(&self, source: usize) -> usize {
        self.sources[source].rows_of.unwrap_or(source)
    }

    /// What is declared about the columns of a source, where its file is named.
    pub(super) fn declared_columns(&self, source: usize) -> Option<&'a IndexMap<String, Column>> {
        self.mapping.sources.get_index(self.file_of(source)).map(|(_, source)| &source.columns)
    }

    /// The number of a column of a source; a column that is first used here is added.
    pub(super) fn find_or_add_column(&mut self, source: usize, name: &str, pointer: &str) -> usize {
        if let Some(at) = self.sources[source].columns.iter().position(|column| column.name == name) {
            return at;
        }
        let file = self.file_of(source);
        let declared = self.declared_columns(source).and_then(|columns| columns.get(name));
        if let Some(other) =
            self.sources[source].columns.iter().find(|column| column.headers.iter().any(|header| header == name))
        {
            let (message, hint) =
                (format!("the column `{name}` has another name here"), format!("write `{}`", other.name));
            self.report(Code::PlanUnknownColumn, pointer, message, hint);
            return 0;
        }
        if self.sources[source].columns.len() >= MAX_COLUMNS {
            let message = format!("more than {MAX_COLUMNS} columns of one source are used: no file has as many");
            self.report(Code::PlanTooLarge, pointer, message, "map the file in parts");
            return 0;
        }
        if name.is_empty() {
            let hint = "write the name of a column as it stands in the header";
            self.report(Code::PlanUnknownColumn, pointer, "a column has a name, and this one has none", hint);
            return 0;
        }
        let source_name = escape(&self.sources[file].name).into_owned();
        let rule = format!("/sources/{source_name}/columns/{}", escape(name));
        let zone = declared.and_then(|column| self.find_zone_column(source, column, &rule));
        let conversion = declared.map_or(Conversion::Text, |column| self.compile_conversion(column, zone, &rule));
        let reading = declared.and_then(|column| self.compile_reading(column, zone, &rule));
        let split = declared.and_then(|column| self.compile_split(column, &rule));
        let headers =
            declared.map_or_else(|| vec![name.to_owned()], |column| self.compile_headers(source, name, column, &rule));
        let sensitive = declared.is_some_and(|column| column.sensitive);
        let SourcePlan { order, dialect, name: source_name, .. } = &self.sources[file];
        if !dialect.header && !order.iter().any(|known| known == name) {
            let (message, source_name) = (format!("there is no column `{name}`"), source_name.clone());
            self.report(
                Code::PlanUnknownColumn,
                pointer,
                message,
                format!("files of `{source_name}` have no header, so list all their columns in order under `columns`"),
            );
            return 0;
        }
        let (name, rule) = (name.to_owned(), pointer.to_owned());
        let column = ColumnPlan { name, headers, reading, split, conversion, sensitive, rule };
        for role in self.sources.iter_mut().enumerate().filter(|(at, role)| role.rows_of.unwrap_or(*at) == file) {
            role.1.columns.push(column.clone());
        }
        self.sources[source].columns.len() - 1
    }

    /// The names that a column may have in the header.
    fn compile_headers(&mut self, source: usize, name: &str, column: &Column, rule: &str) -> Vec<String> {
        let Columns(headers) = &column.header;
        if headers.is_empty() {
            return vec![name.to_owned()];
        }
        let rule = format!("{rule}/header");
        if !self.sources[source].dialect.header {
            let hint = "leave it out: columns are listed in the order of the file";
            self.report(Code::PlanWrongValue, &rule, "the files of this source have no header", hint);
        }
        let is_taken =
            |header: &&String| self.sources[source].columns.iter().any(|other| other.headers.contains(header));
        if let Some(taken) = headers.iter().find(is_taken) {
            let message = format!("`{taken}` is the header of another column already");
            self.report(Code::PlanWrongValue, &rule, message, "each column of the file has one name in the mapping");
        }
        headers.clone()
    }
}

/// The names of things defined in the mapping.
pub(super) fn names_of<T>(defined: &IndexMap<String, T>) -> Vec<&str> {
    defined.keys().map(String::as_str).collect()
}
