//! Names become numbers: sources, columns, code tables, links and templates.
//!
//! Every finding is kept; a part that cannot be compiled is left out, so that one mistake is told once and the next one
//! is still found. Pointers such as `/output/fields/email` name rules until a place is needed.

use indexmap::IndexMap;

use crate::{
    contract::Contract,
    diagnostic::{Code, Diagnostic, nearest},
    mapping::{
        CodeTable, Column, Columns, Dialect as DialectText, Field, FieldLong, IfEmpty, Mapping, Named, OnUnknown,
        Policy, Root, Scalar, Type,
    },
    plan::{
        Checks, CodeFiles, Codes, ColumnPlan, Condition, FieldPlan, Input, Leaf, LinkPlan, Many, ObjectPlan, One, Plan,
        SourcePlan, ValuePlan,
        kind::{Digits, Kind, Notation, write_text},
        template::Templates,
    },
    record::{Dialect, Encoding},
    yaml::{Places, escape},
};

/// The plan of a mapping, not yet held against the contract.
pub(super) fn plan(
    mapping: &Mapping,
    places: Places,
    contract: Contract,
    files: &CodeFiles,
) -> Result<Plan, Vec<Diagnostic>> {
    let mut compiler = Compiler {
        mapping,
        places: &places,
        files,
        findings: Vec::new(),
        sources: Vec::new(),
        links: Vec::new(),
        templates: Templates::new(),
    };
    for (name, source) in &mapping.sources {
        compiler.source(name, source);
    }
    let each = compiler.source_named(&mapping.output.each, "/output/each");
    let output = &mapping.output;
    let only = output.only.as_ref().zip(each).and_then(|(only, each)| compiler.condition(only, each, "/output/where"));
    let document = each.and_then(|each| compiler.object(&output.fields, "/output/fields", each));
    for (at, source) in compiler.sources.iter_mut().enumerate() {
        let used = |many: bool| compiler.links.iter().any(|link| link.child == at && link.many == many);
        source.lookup = Some(at) != each && !used(true) && used(false);
        if Some(at) != each && !used(true) && !used(false) && compiler.findings.is_empty() {
            let message = format!("the source `{}` is never used", source.name);
            let rule = format!("/sources/{}", escape(&source.name));
            compiler.findings.push(
                Diagnostic::new(Code::PlanWrongValue, message)
                    .rule(compiler.places.key(&rule))
                    .hint("use it in `output` with `many:` or `one:`, or leave it out"),
            );
        }
    }
    compiler.request();
    let Compiler { findings, sources, links, templates, .. } = compiler;
    match (findings.is_empty(), each, document) {
        (true, Some(each), Some(document)) => Ok(Plan {
            name: mapping.name.clone(),
            request: mapping.request.clone(),
            root: output.root,
            sources,
            each,
            only,
            document,
            links,
            contract,
            whole: Vec::new(),
            max_documents: if output.root == Root::Object { Some(1) } else { None },
            templates,
            places,
        }),
        _ => Err(findings),
    }
}

struct Compiler<'a> {
    mapping: &'a Mapping,
    places: &'a Places,
    files: &'a CodeFiles,
    findings: Vec<Diagnostic>,
    sources: Vec<SourcePlan>,
    links: Vec<LinkPlan>,
    templates: Templates,
}

impl Compiler<'_> {
    /// Notes a finding about the value at a pointer.
    fn wrong(&mut self, code: Code, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::new(code, message).rule(self.places.leaf(pointer)).hint(hint);
        self.findings.push(diagnostic);
    }

    fn request(&mut self) {
        let path = &self.mapping.request.path;
        if !path.starts_with('/') || path.contains(['?', '#', ' ']) || path.chars().any(char::is_control) {
            let message = format!("`{path}` is not a path");
            self.wrong(
                Code::PlanWrongValue,
                "/request/path",
                message,
                "write it as in `/v1/customers`, without a query",
            );
        }
    }

    fn source(&mut self, name: &str, source: &crate::mapping::Source) {
        let at = self.sources.len();
        let pointer = format!("/sources/{}", escape(name));
        let dialect = self.dialect(source.dialect.as_ref(), &format!("{pointer}/dialect"));
        let order = if dialect.header { Vec::new() } else { source.columns.keys().cloned().collect() };
        self.sources.push(SourcePlan {
            name: name.to_owned(),
            path: source.path.clone(),
            dialect,
            key: Vec::new(),
            on_duplicate_key: source.on_duplicate_key.clone(),
            columns: Vec::new(),
            order,
            total: None,
            lookup: false,
        });
        if source.path.is_empty()
            || source.path.split(['/', '\\']).any(|step| step == "..")
            || source.path.starts_with('/')
        {
            let message = format!("`{}` is not a file inside the drop folder", source.path);
            self.wrong(
                Code::PlanWrongValue,
                &format!("{pointer}/path"),
                message,
                "name a file such as `customers.csv`",
            );
        }
        for (column, _) in &source.columns {
            self.column(at, column, &format!("{pointer}/columns/{}", escape(column)));
        }
        let Columns(key) = &source.key;
        let key = key.iter().map(|column| self.column(at, column, &format!("{pointer}/key"))).collect();
        self.sources[at].key = key;
        if let Some(total) = &source.total {
            let sum = self.column(at, &total.sum, &format!("{pointer}/total/sum"));
            let by = total.by.as_ref().map(|by| self.column(at, by, &format!("{pointer}/total/by")));
            if !matches!(self.sources[at].columns[sum].kind, Kind::Integer(_) | Kind::Decimal(_)) {
                let message = format!("the column `{}` is no number, so it cannot be added up", total.sum);
                self.wrong(
                    Code::PlanWrongValue,
                    &format!("{pointer}/total/sum"),
                    message,
                    "declare its type as `decimal` or `integer`",
                );
            }
            self.sources[at].total = Some((sum, by));
        }
    }

    fn source_named(&mut self, name: &str, pointer: &str) -> Option<usize> {
        let found = self.mapping.sources.get_index_of(name);
        if found.is_none() {
            self.unknown("source", name, self.mapping.sources.keys().map(String::as_str).collect(), pointer);
        }
        found
    }

    fn unknown(&mut self, what: &str, name: &str, known: Vec<&str>, pointer: &str) {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        self.wrong(Code::PlanUnknownName, pointer, format!("there is no {what} `{name}`"), hint);
    }

    fn dialect(&mut self, dialect: Option<&Named<DialectText>>, pointer: &str) -> Dialect {
        let (text, pointer) = match dialect {
            None => (DialectText::default(), pointer.to_owned()),
            Some(Named::Here(dialect)) => (dialect.clone(), pointer.to_owned()),
            Some(Named::Name(name)) => match self.mapping.dialects.get(name) {
                Some(dialect) => (dialect.clone(), format!("/dialects/{}", escape(name))),
                None => {
                    self.unknown("dialect", name, self.mapping.dialects.keys().map(String::as_str).collect(), pointer);
                    (DialectText::default(), pointer.to_owned())
                }
            },
        };
        let delimiter = self.mark(&text.delimiter, &format!("{pointer}/delimiter")).unwrap_or(b',');
        let quote = if text.quote.is_empty() { None } else { self.mark(&text.quote, &format!("{pointer}/quote")) };
        if quote == Some(delimiter) {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{pointer}/quote"),
                "the quote and the delimiter are the same",
                "",
            );
        }
        let encoding = Encoding::named(&text.encoding).unwrap_or_else(|| {
            let message = format!("there is no encoding `{}`", text.encoding);
            self.wrong(
                Code::PlanWrongValue,
                &format!("{pointer}/encoding"),
                message,
                "use a WHATWG label such as `utf-8` or `windows-1252`, or `auto`",
            );
            Encoding::Utf8
        });
        let nulls = text.null_values.iter().map(|null| null.clone().into_bytes()).collect();
        Dialect::new(delimiter, quote, encoding, text.header, nulls, text.tail)
    }

    fn mark(&mut self, text: &str, pointer: &str) -> Option<u8> {
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) && !byte.is_ascii_alphanumeric() => {
                Some(*byte)
            }
            _ => {
                let message =
                    format!("`{}` is not one ASCII character that is no letter and no digit", text.escape_debug());
                self.wrong(Code::PlanWrongValue, pointer, message, "write a tab as \"\\t\", in double quotes");
                None
            }
        }
    }

    /// The number of a column of a source.
    fn column(&mut self, source: usize, name: &str, pointer: &str) -> usize {
        if let Some(at) = self.sources[source].columns.iter().position(|column| column.name == name) {
            return at;
        }
        let declared = self.mapping.sources.get_index(source).and_then(|(_, source)| source.columns.get(name));
        let source_name = escape(&self.sources[source].name);
        let kind = declared.map_or(Kind::Text, |column| {
            self.kind(column, &format!("/sources/{source_name}/columns/{}", escape(name)))
        });
        let sensitive = declared.is_some_and(|column| column.sensitive);
        let SourcePlan { columns, order, dialect, name: source_name, .. } = &mut self.sources[source];
        if !dialect.header && !order.iter().any(|known| known == name) {
            let (message, source_name) = (format!("there is no column `{name}`"), source_name.clone());
            self.wrong(
                Code::PlanUnknownColumn,
                pointer,
                message,
                format!("files of `{source_name}` have no header, so list all their columns in order under `columns`"),
            );
            return 0;
        }
        columns.push(ColumnPlan { name: name.to_owned(), kind, sensitive, rule: pointer.to_owned() });
        columns.len() - 1
    }

    fn kind(&mut self, column: &Column, pointer: &str) -> Kind {
        let kind = column.kind;
        for (set, name, fits) in [
            (column.format.is_some(), "format", matches!(kind, Type::Date | Type::Datetime)),
            (column.timezone.is_some(), "timezone", kind == Type::Datetime),
            (column.decimal_mark.is_some(), "decimal_mark", kind == Type::Decimal),
            (column.group_mark.is_some(), "group_mark", matches!(kind, Type::Decimal | Type::Integer)),
            (column.true_values.is_some(), "true_values", kind == Type::Boolean),
            (column.false_values.is_some(), "false_values", kind == Type::Boolean),
        ] {
            if set && !fits {
                self.wrong(
                    Code::PlanWrongValue,
                    &format!("{pointer}/{name}"),
                    format!("`{name}` says nothing about this type"),
                    "change `type`, or leave it out",
                );
            }
        }
        match kind {
            Type::Text => Kind::Text,
            Type::Code => Kind::Code,
            Type::Integer => Kind::Integer(self.digits(column, pointer)),
            Type::Decimal => Kind::Decimal(self.digits(column, pointer)),
            Type::Boolean => self.boolean(column, pointer),
            Type::Date => Kind::Date(self.notation(column.format.as_deref().unwrap_or("%Y-%m-%d"), pointer)),
            Type::Datetime => {
                let notation = self.notation(column.format.as_deref().unwrap_or("%Y-%m-%dT%H:%M:%S%:z"), pointer);
                let zone = self.zone(column, &notation, pointer);
                Kind::Datetime { notation, zone }
            }
        }
    }

    fn digits(&mut self, column: &Column, pointer: &str) -> Digits {
        let mark = column.decimal_mark.as_ref().and_then(|mark| self.mark(mark, &format!("{pointer}/decimal_mark")));
        let group = column.group_mark.as_ref().and_then(|mark| self.mark(mark, &format!("{pointer}/group_mark")));
        let digits = Digits { mark: mark.unwrap_or(b'.'), group };
        if column.kind == Type::Decimal && group == Some(digits.mark)
            || [Some(digits.mark), group].contains(&Some(b'-'))
        {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{pointer}/group_mark"),
                "the marks of a number cannot be the same, or `-`",
                "",
            );
        }
        digits
    }

    fn boolean(&mut self, column: &Column, pointer: &str) -> Kind {
        let words = |words: &Option<Columns>, default: &str| match words {
            Some(Columns(words)) => words.iter().map(|word| word.clone().into_bytes()).collect(),
            None => vec![default.as_bytes().to_vec()],
        };
        let (yes, no): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
            (words(&column.true_values, "true"), words(&column.false_values, "false"));
        if yes.iter().any(|word| no.contains(word)) {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{pointer}/false_values"),
                "a word means both true and false",
                "",
            );
        }
        Kind::Boolean { yes, no }
    }

    fn notation(&mut self, format: &str, pointer: &str) -> Notation {
        Notation::new(format).unwrap_or_else(|reason| {
            let message = format!("the format `{format}` cannot be used: {reason}");
            self.wrong(Code::PlanWrongValue, &format!("{pointer}/format"), message, "write it as in `%d.%m.%Y`");
            Notation::default()
        })
    }

    fn zone(&mut self, column: &Column, notation: &Notation, pointer: &str) -> Option<jiff::tz::TimeZone> {
        match (&column.timezone, notation.has_offset()) {
            (None, true) => None,
            (Some(_), true) => {
                self.wrong(
                    Code::PlanWrongValue,
                    &format!("{pointer}/timezone"),
                    "the format tells the offset already",
                    "leave `timezone` out",
                );
                None
            }
            (None, false) => {
                self.wrong(
                    Code::PlanMissingKey,
                    pointer,
                    "nobody can tell which moment this is without a time zone",
                    "add `timezone:` as in `timezone: Europe/Paris`, or `UTC`",
                );
                None
            }
            (Some(name), false) => {
                let zone = jiff::tz::TimeZone::get(name).ok();
                if zone.is_none() {
                    self.wrong(
                        Code::PlanWrongValue,
                        &format!("{pointer}/timezone"),
                        format!("there is no time zone `{name}`"),
                        "use an IANA name such as `Europe/Paris`, or `UTC`",
                    );
                }
                zone
            }
        }
    }

    fn condition(&mut self, text: &str, source: usize, pointer: &str) -> Option<Condition> {
        match self.templates.condition(text) {
            Ok((template, names)) => {
                let columns = names.iter().map(|name| self.column(source, name, pointer)).collect();
                Some(Condition { template, columns, rule: pointer.to_owned() })
            }
            Err(reason) => {
                self.wrong(
                    Code::PlanTemplate,
                    pointer,
                    reason,
                    "write an expression over columns, as in `status == 'paid'`",
                );
                None
            }
        }
    }

    fn object(&mut self, fields: &IndexMap<String, Field>, pointer: &str, source: usize) -> Option<ObjectPlan> {
        let mut compiled = Vec::new();
        for (name, Field(field)) in fields {
            let rule = format!("{pointer}/{}", escape(name));
            if let Some(value) = self.value(field, &rule, source) {
                let mut prefix = vec![b','];
                write_text(name.as_bytes(), &mut prefix);
                prefix.push(b':');
                compiled.push(FieldPlan { name: name.clone(), prefix, rule, value });
            }
        }
        Some(ObjectPlan { fields: compiled })
    }

    fn value(&mut self, field: &FieldLong, rule: &str, source: usize) -> Option<ValuePlan> {
        if !self.keys_fit(field, rule) {
            return None;
        }
        if let Some(constant) = &field.constant {
            return self.constant(constant, &format!("{rule}/const")).map(ValuePlan::Const);
        }
        if let Some(many) = &field.many {
            return self.many(field, many, rule, source);
        }
        if let Some(one) = &field.one {
            return self.one(field, one, rule, source);
        }
        self.simple(field, rule, source)
    }

    /// A leaf or an object from one record.
    fn simple(&mut self, field: &FieldLong, rule: &str, source: usize) -> Option<ValuePlan> {
        match &field.fields {
            Some(fields) => self.object(fields, &format!("{rule}/fields"), source).map(ValuePlan::Object),
            None => self.leaf(field, rule, source).map(|leaf| ValuePlan::Leaf(Box::new(leaf))),
        }
    }

    /// Exactly one key says where a value comes from, and the other keys go with it.
    fn keys_fit(&mut self, field: &FieldLong, rule: &str) -> bool {
        let has = |set: bool, name: &'static str| set.then_some(name);
        let related = field.many.is_some() || field.one.is_some();
        let origins: Vec<&str> = [
            has(field.constant.is_some(), "const"),
            has(field.many.is_some(), "many"),
            has(field.one.is_some(), "one"),
            has(field.from.is_some(), "from"),
            has(field.template.is_some(), "template"),
            has(field.fields.is_some(), "fields"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let contents = origins.iter().filter(|origin| matches!(**origin, "from" | "template" | "fields")).count();
        let fits = if related { origins.len() == 2 && contents == 1 } else { origins.len() == 1 };
        if !fits {
            let (message, hint) = match (origins.is_empty(), related) {
                (true, _) => (
                    "nothing says where this value comes from".to_owned(),
                    "add one of `from`, `const`, `template`, `fields`, `many`, `one`",
                ),
                (false, true) => (
                    format!("`{}` do not go together", origins.join("`, `")),
                    "beside `many` or `one`, write either `fields` or `from`",
                ),
                (false, false) => (format!("`{}` do not go together", origins.join("`, `")), "keep one of them"),
            };
            self.wrong(Code::PlanWrongValue, rule, message, hint);
            return false;
        }
        let leaf = field.from.is_some() || field.template.is_some();
        let stray = [
            (!field.on.is_empty(), "match", related),
            (field.only.is_some(), "where", field.many.is_some()),
            (field.on_orphan.is_some(), "on_orphan", field.many.is_some()),
            (field.on_incomplete.is_some(), "on_incomplete", field.many.is_some()),
            (field.order_by.is_some(), "order_by", field.many.is_some()),
            (field.min.is_some(), "min", field.many.is_some()),
            (field.max.is_some(), "max", field.many.is_some()),
            (field.on_missing.is_some(), "on_missing", field.one.is_some()),
            (field.kind.is_some(), "type", field.template.is_some()),
            (field.codes.is_some(), "codes", leaf),
            (field.fallback.is_some(), "default", leaf),
            (field.if_empty.is_some(), "if_empty", leaf),
            (field.required, "required", leaf),
        ];
        for (set, name, fits) in stray {
            if set && !fits {
                let pointer = format!("{rule}/{name}");
                let hint =
                    if name == "type" { "declare the type of the column under `sources`" } else { "leave it out" };
                self.wrong(Code::PlanWrongValue, &pointer, format!("`{name}` does not go with `{}`", origins[0]), hint);
            }
        }
        if field.required && (field.if_empty.is_some() || field.fallback.is_some()) {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{rule}/required"),
                "`required` rejects empty cells, so nothing else can be said of them",
                "keep either `required`, or `if_empty` and `default`",
            );
        }
        true
    }

    /// The JSON text of a constant.
    fn constant(&mut self, scalar: &Scalar, pointer: &str) -> Option<Vec<u8>> {
        let node = self.places.node(pointer)?;
        let text = node.scalar.clone().unwrap_or_default();
        let mut json = Vec::new();
        match scalar {
            Scalar::Boolean(value) if text == value.to_string() => json.extend_from_slice(text.as_bytes()),
            Scalar::Number if serde_json::from_str::<serde_json::Number>(&text).is_ok() => {
                json.extend_from_slice(text.as_bytes())
            }
            Scalar::Text(value) if !node.plain || crate::mapping::reads_as_text(value) => {
                write_text(value.as_bytes(), &mut json)
            }
            _ => {
                let hint = format!("put it in quotes if it is a text: \"{text}\"");
                self.wrong(Code::PlanUnquoted, pointer, format!("`{text}` is not the same to every YAML reader"), hint);
                return None;
            }
        }
        Some(json)
    }

    fn leaf(&mut self, field: &FieldLong, rule: &str, source: usize) -> Option<Leaf> {
        let (input, kind) = match (&field.from, &field.template) {
            (Some(column), _) => {
                let column = self.column(
                    source,
                    column,
                    &if self.places.node(&format!("{rule}/from")).is_some() {
                        format!("{rule}/from")
                    } else {
                        rule.to_owned()
                    },
                );
                let kind = self.sources[source].columns.get(column).map_or(Kind::Text, |column| column.kind.clone());
                (Input::Column(column), kind)
            }
            (None, Some(template)) => {
                let pointer = format!("{rule}/template");
                match self.templates.text(template) {
                    Ok((number, names)) => {
                        let columns = names.iter().map(|name| self.column(source, name, &pointer)).collect();
                        let column = Column { kind: field.kind.unwrap_or_default(), ..Column::default() };
                        (Input::Template(number, columns), self.kind(&column, rule))
                    }
                    Err(reason) => {
                        self.wrong(
                            Code::PlanTemplate,
                            &pointer,
                            reason,
                            "write expressions over columns, as in `{{ firstname | trim }}`",
                        );
                        return None;
                    }
                }
            }
            (None, None) => return None,
        };
        let codes = match &field.codes {
            Some(codes) => Some(self.codes(codes, &format!("{rule}/codes"))?),
            None => None,
        };
        let written = codes.is_none() && kind == Kind::Text;
        let natural = Policy { then: if written { IfEmpty::Keep } else { IfEmpty::Reject }, warn: false };
        let if_empty = match &field.if_empty {
            _ if field.required => Policy { then: IfEmpty::Reject, warn: false },
            Some(policy) => policy.clone(),
            None => natural,
        };
        if if_empty.then == IfEmpty::Keep && !written {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{rule}/if_empty"),
                format!("an empty cell is no {}", kind.word()),
                "use `omit`, `set_null` or `reject`",
            );
        }
        let fallback = field
            .fallback
            .as_ref()
            .and_then(|fallback| self.fallback(fallback, &kind, codes.as_ref(), &format!("{rule}/default")));
        let kind = if codes.is_some() { Kind::Text } else { kind };
        Some(Leaf { input, kind, codes, fallback, if_empty, checks: Checks::default() })
    }

    fn fallback(&mut self, fallback: &Scalar, kind: &Kind, codes: Option<&Codes>, pointer: &str) -> Option<Vec<u8>> {
        let text = match fallback {
            Scalar::Text(text) => text.clone(),
            Scalar::Number | Scalar::Boolean(_) => self.places.node(pointer)?.scalar.clone()?,
        };
        let fits = match codes {
            Some(codes) => codes.get(text.as_bytes()).is_some(),
            None => kind.write(text.as_bytes(), &mut Vec::new()).is_ok(),
        };
        if !fits {
            let expected =
                codes.map_or_else(|| kind.expected(), |codes| format!("a code of the table `{}`", codes.name));
            self.wrong(
                Code::PlanWrongValue,
                pointer,
                format!("the default `{text}` is not {expected}"),
                "a default stands for the cell, so write it as the file would",
            );
        }
        Some(text.into_bytes())
    }

    fn codes(&mut self, codes: &Named<CodeTable>, pointer: &str) -> Option<Codes> {
        let (table, name, rule) = match codes {
            Named::Here(table) => (table, "written here".to_owned(), pointer.to_owned()),
            Named::Name(name) => match self.mapping.codes.get(name) {
                Some(table) => (table, name.clone(), format!("/codes/{}", escape(name))),
                None => {
                    self.unknown("code table", name, self.mapping.codes.keys().map(String::as_str).collect(), pointer);
                    return None;
                }
            },
        };
        let pairs: Vec<(String, String)> = match (&table.values, &table.file) {
            (Some(values), None) => values.iter().map(|(code, value)| (code.clone(), value.clone())).collect(),
            (None, Some(file)) => self.files.get(file).cloned().unwrap_or_default(),
            _ => {
                self.wrong(
                    Code::PlanWrongValue,
                    &rule,
                    "a code table has either `values` or a `file`",
                    "keep one of them",
                );
                return None;
            }
        };
        let rendered = |text: &str| {
            let mut json = Vec::new();
            write_text(text.as_bytes(), &mut json);
            json
        };
        let mut values: Vec<_> = pairs.into_iter().map(|(code, value)| (code.into_bytes(), rendered(&value))).collect();
        values.sort();
        let on_unknown = table.on_unknown.clone();
        Some(Codes { name, values, on_unknown, rule })
    }

    fn many(&mut self, field: &FieldLong, many: &str, rule: &str, source: usize) -> Option<ValuePlan> {
        let child = self.source_named(many, &format!("{rule}/many"))?;
        let (child_columns, parent_columns) = self.matched(field, rule, child, source, true)?;
        let only = field.only.as_ref().and_then(|only| self.condition(only, child, &format!("{rule}/where")));
        let order = field.order_by.iter().flat_map(|order| order.0.clone()).collect::<Vec<_>>();
        let order = order
            .iter()
            .map(|(column, direction)| (self.column(child, column, &format!("{rule}/order_by")), *direction))
            .collect();
        let link = self.links.len();
        self.links.push(LinkPlan {
            many: true,
            parent: source,
            child,
            parent_columns,
            child_columns,
            only,
            on_orphan: field.on_orphan.clone().unwrap_or_default(),
            order,
            rule: rule.to_owned(),
        });
        let item = self.simple(field, rule, child)?;
        let (min, max) = (field.min.unwrap_or(0), field.max.unwrap_or(u64::MAX));
        if min > max {
            self.wrong(
                Code::PlanWrongValue,
                &format!("{rule}/min"),
                format!("`min` {min} is more than `max` {max}"),
                "",
            );
        }
        let on_incomplete = field.on_incomplete.clone().unwrap_or_default();
        Some(ValuePlan::Many(Box::new(Many {
            link,
            source: child,
            item,
            min,
            max,
            allowed: (0, u64::MAX),
            on_incomplete,
        })))
    }

    fn one(&mut self, field: &FieldLong, one: &str, rule: &str, source: usize) -> Option<ValuePlan> {
        let child = self.source_named(one, &format!("{rule}/one"))?;
        let (child_columns, parent_columns) = self.matched(field, rule, child, source, false)?;
        let link = self.links.len();
        self.links.push(LinkPlan {
            many: false,
            parent: source,
            child,
            parent_columns,
            child_columns,
            only: None,
            on_orphan: Policy::default(),
            order: Vec::new(),
            rule: rule.to_owned(),
        });
        let value = self.simple(field, rule, child)?;
        let on_missing = field.on_missing.clone().unwrap_or_default();
        Some(ValuePlan::One(Box::new(One { link, source: child, value, on_missing })))
    }

    /// The columns of a join: those of the child and those of the parent, in the order of the key that is matched.
    fn matched(
        &mut self,
        field: &FieldLong,
        rule: &str,
        child: usize,
        parent: usize,
        many: bool,
    ) -> Option<(Vec<usize>, Vec<usize>)> {
        let pointer = format!("{rule}/match");
        let keyed = if many { parent } else { child };
        if field.on.is_empty() {
            let hint = "add `match: { column of the related source: column here }`";
            self.wrong(Code::PlanMissingKey, rule, "nothing says which records belong together", hint);
            return None;
        }
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (of_child, of_parent) in &field.on {
            let step = format!("{pointer}/{}", escape(of_child));
            let pair = (self.column(child, of_child, &step), self.column(parent, of_parent, &step));
            let kinds =
                (&self.sources[child].columns.get(pair.0)?.kind, &self.sources[parent].columns.get(pair.1)?.kind);
            if kinds.0 != kinds.1 {
                let message = format!(
                    "`{of_child}` is {} and `{of_parent}` is {}, so they would never match",
                    kinds.0.word(),
                    kinds.1.word()
                );
                self.wrong(Code::PlanJoin, &step, message, "declare the same type for both columns");
            }
            pairs.push(pair);
        }
        let key = self.sources[keyed].key.clone();
        let side = |pair: &(usize, usize)| if many { pair.1 } else { pair.0 };
        let ordered: Option<Vec<(usize, usize)>> =
            key.iter().map(|column| pairs.iter().copied().find(|pair| side(pair) == *column)).collect();
        match ordered {
            Some(ordered) if !key.is_empty() && ordered.len() == pairs.len() => Some(ordered.into_iter().unzip()),
            _ => {
                let name = self.sources[keyed].name.clone();
                let columns: Vec<&str> =
                    pairs.iter().map(|pair| self.sources[keyed].columns[side(pair)].name.as_str()).collect();
                let message =
                    format!("`match` must name the whole key of `{name}`, so that each record belongs to one");
                let hint = format!(
                    "declare `key: [{}]` for the source `{name}`, or match all columns of its key",
                    columns.join(", ")
                );
                self.wrong(Code::PlanJoin, &pointer, message, hint);
                None
            }
        }
    }
}

impl Codes {
    /// Where the translation of a code stands in the mapping, if it stands there.
    pub(super) fn rule_of(&self, code: &[u8], places: &Places) -> String {
        let pointer = format!("{}/values/{}", self.rule, escape(&String::from_utf8_lossy(code)));
        if places.node(&pointer).is_some() { pointer } else { self.rule.clone() }
    }

    /// The texts the table can make beside its values.
    pub(super) fn others(&self) -> Option<Vec<u8>> {
        match &self.on_unknown.then {
            OnUnknown::Use(text) => {
                let mut json = Vec::new();
                write_text(text.as_bytes(), &mut json);
                Some(json)
            }
            _ => None,
        }
    }
}
