//! The compiler of fields: where each value comes from, how it is converted to JSON, and what happens if it cannot be.
//!
//! This is the second half of the compiler. A field is compiled within one source, whose record is the current one; `many`
//! and `one` go on in another source.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    config::mapping::{
        code_table::CodeTable,
        field::{Field, FieldLong},
        policy::{IfEmpty, Policy},
        short_forms::{Literal, Named},
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::escape,
    plan::{
        Checks, Condition, EmptyPolicy, FieldPlan, ItemPlan, Leaf, LinkPlan, ListPlan, Many, ObjectPlan, One, Pieces,
        ValuePlan, ValueSource, When,
        code_table::Codes,
        compile::{Compiler, names_of},
        conversion::{Conversion, write_text},
        date_format::DateFormat,
        expression::{
            Expression, Template,
            clashes::refuse_clashes,
            compile::{ExpressionColumn, ExpressionFault, ExpressionKind},
            narrow_place,
        },
        moment_format::{MomentFormat, MomentZone},
    },
    table::cell_reading::CellSplit,
    text::{buffer::OutputBuffer, file_pattern::count_wildcards, lanes::Padded, number::NumberFormat},
};

impl Compiler<'_> {
    pub(super) fn compile_condition(&mut self, text: &str, source: usize, pointer: &str) -> Option<Condition> {
        let wildcards = self.count_wildcards(source);
        let mut find_column = |name: &str| self.find_expression_column(source, name, pointer);
        let compiled = Expression::compile_condition(text, wildcards, &mut find_column);
        match refuse_clashes(compiled, text, false, |word| self.declares_column(source, word)) {
            Ok(expression) => {
                self.note_captures(source, expression.captures);
                Some(Condition { expression, rule: pointer.to_owned() })
            }
            Err(fault) => self.report_expression(text, fault, pointer),
        }
    }

    /// How many wildcards the path of a source has.
    fn count_wildcards(&self, source: usize) -> usize {
        count_wildcards(&self.sources[self.file_of(source)].path)
    }

    /// Notes that an expression needs so many wildcards of the path of a source.
    fn note_captures(&mut self, source: usize, captures: usize) {
        let file = self.file_of(source);
        let needed = &mut self.sources[file].captures;
        *needed = captures.max(*needed);
    }

    /// A column that an expression uses.
    fn find_expression_column(&mut self, source: usize, name: &str, pointer: &str) -> ExpressionColumn {
        let number = self.find_or_add_column(source, name, pointer);
        let known = self.sources[source].columns.get(number);
        let conversion = Arc::new(known.map_or(Conversion::Text, |column| column.conversion.clone()));
        let reading = known.and_then(|column| column.reading.clone());
        let split = known.and_then(|column| column.split.clone());
        let declared = self.declared_columns(source).filter(|columns| !columns.contains_key(name));
        let near = declared.and_then(|columns| nearest(name, columns.keys().map(String::as_str))).map(str::to_owned);
        ExpressionColumn { number, conversion, reading, split, near }
    }

    /// Whether a source says something about a column of this name.
    fn declares_column(&self, source: usize, name: &str) -> bool {
        self.declared_columns(source).is_some_and(|columns| columns.contains_key(name))
    }

    /// Reports what is wrong with an expression, at its place inside.
    fn report_expression<T>(&mut self, source: &str, fault: ExpressionFault, pointer: &str) -> Option<T> {
        let place = narrow_place(self.places.leaf(pointer), source, &fault.range);
        self.findings.push(Diagnostic::new(Code::PlanTemplate, fault.message).rule(place).hint(fault.hint));
        None
    }

    pub(super) fn compile_object(
        &mut self,
        fields: &IndexMap<String, Field>,
        pointer: &str,
        source: usize,
    ) -> ObjectPlan {
        let mut compiled = Vec::new();
        self.around.push(pointer.to_owned());
        for (name, Field(field)) in fields {
            let rule = format!("{pointer}/{}", escape(name));
            if let Some(value) = self.compile_value(field, &rule, source) {
                let mut prefix = OutputBuffer::from(vec![b',']);
                write_text(name.as_bytes().into(), &mut prefix);
                prefix.push(b':');
                compiled.push(FieldPlan { name: name.clone(), prefix: Vec::from(prefix).into(), rule, value });
            }
        }
        let aggregates = self.resolve_aggregates(&mut compiled);
        self.around.pop();
        let if_empty = EmptyPolicy::new(None, IfEmpty::Keep);
        ObjectPlan { fields: compiled, fast_fields: Vec::new(), aggregates, if_empty }
    }

    fn compile_value(&mut self, field: &FieldLong, rule: &str, source: usize) -> Option<ValuePlan> {
        if !self.check_keys(field, rule) {
            return None;
        }
        if let Some(many) = &field.many {
            return self.compile_many(field, many, rule, source);
        }
        if let Some(one) = &field.one {
            return self.compile_one(field, one, rule, source);
        }
        let value = match &field.constant {
            Some(constant) => self.compile_constant(constant, &format!("{rule}/const")).map(ValuePlan::Const),
            None if field.count.is_some() || field.sum.is_some() => self.compile_aggregate(field, rule),
            None => self.compile_from_record(field, rule, source, field.if_empty.as_ref()),
        };
        let Some(text) = &field.only else { return value };
        let condition = self.compile_condition(text, source, &format!("{rule}/where"));
        let if_empty = EmptyPolicy::new(field.if_empty.as_ref(), IfEmpty::Omit);
        if if_empty.then == IfEmpty::Keep {
            let message = "a `where` that does not hold leaves nothing that could be kept";
            let hint = "use `omit`, `set_null` or `reject`; an empty cell is kept by itself";
            self.report(Code::PlanWrongValue, &format!("{rule}/if_empty"), message, hint);
        }
        Some(ValuePlan::When(Box::new(When { condition: condition?, value: value?, if_empty })))
    }

    /// A leaf, an object or a list from the current record.
    fn compile_from_record(
        &mut self,
        field: &FieldLong,
        rule: &str,
        source: usize,
        if_empty: Option<&Policy<IfEmpty>>,
    ) -> Option<ValuePlan> {
        if let Some(fields) = &field.fields {
            let object = self.compile_object(fields, &format!("{rule}/fields"), source);
            return Some(ValuePlan::Object(ObjectPlan {
                if_empty: EmptyPolicy::new(if_empty, IfEmpty::Keep),
                ..object
            }));
        }
        if let Some(items) = &field.list {
            return self.compile_list(items, rule, source, if_empty);
        }
        if let Some(split) = field.from.as_ref().and_then(|name| self.find_split(source, name)) {
            if field.fallback.is_some() {
                let message = "`default` stands for a cell, and this cell is a list";
                self.report(Code::PlanWrongValue, &format!("{rule}/default"), message, "leave it out");
            }
            let leaf = self.compile_leaf(field, rule, source, None)?;
            let if_empty = EmptyPolicy::new(if_empty, IfEmpty::Keep);
            return Some(ValuePlan::Pieces(Box::new(Pieces { leaf, split, if_empty, allowed: (0, u64::MAX) })));
        }
        self.compile_leaf(field, rule, source, if_empty).map(|leaf| ValuePlan::Leaf(Box::new(leaf)))
    }

    /// A leaf, an object or a list from another record than what stands around it.
    fn compile_from_other_record(
        &mut self,
        field: &FieldLong,
        rule: &str,
        source: usize,
        if_empty: Option<&Policy<IfEmpty>>,
    ) -> Option<ValuePlan> {
        let around = std::mem::take(&mut self.around);
        let value = self.compile_from_record(field, rule, source, if_empty);
        self.around = around;
        value
    }

    /// How the cells of a column are divided, if they are lists.
    fn find_split(&self, source: usize, name: &str) -> Option<Arc<CellSplit>> {
        self.sources[source].columns.iter().find(|column| column.name == name)?.split.clone()
    }

    /// A list with items from the current record.
    fn compile_list(
        &mut self,
        items: &[Field],
        rule: &str,
        source: usize,
        if_empty: Option<&Policy<IfEmpty>>,
    ) -> Option<ValuePlan> {
        let written = format!("{rule}/list");
        let written = if self.places.node(&written).is_some() { &written } else { rule };
        if items.is_empty() {
            let hint = "write its items, as in `[lon, lat]`, or leave the field out";
            self.report(Code::PlanWrongValue, written, "this list has no items", hint);
            return None;
        }
        let mut compiled = Vec::new();
        for (at, Field(item)) in items.iter().enumerate() {
            let rule = format!("{written}/{at}");
            if item.many.is_some() {
                let hint = "write `many` in a field of its own, or inside the `fields` of an item";
                self.report(Code::PlanWrongValue, &rule, "a list of records is no item of another list", hint);
                continue;
            }
            if item.count.is_some() || item.sum.is_some() {
                let hint = "write it in a field of its own, or inside the `fields` of an item";
                let message = "a count or a sum is made of fields beside it, and an item of a list has none";
                self.report(Code::PlanWrongValue, &rule, message, hint);
                continue;
            }
            if let Some(value) = self.compile_value(item, &rule, source) {
                if let ValuePlan::Pieces(pieces) = &value
                    && pieces.if_empty.is_declared
                {
                    let message = "a cell without pieces adds no item to this list, so `if_empty` says nothing";
                    self.report(Code::PlanWrongValue, &format!("{rule}/if_empty"), message, "leave it out");
                }
                compiled.push(ItemPlan { rule, value });
            }
        }
        let if_empty = EmptyPolicy::new(if_empty, IfEmpty::Keep);
        Some(ValuePlan::List(Box::new(ListPlan { items: compiled, if_empty, allowed: (0, u64::MAX) })))
    }

    /// Whether exactly one key says where a value comes from; keys that do not go with it are reported.
    fn check_keys(&mut self, field: &FieldLong, rule: &str) -> bool {
        let has = |set: bool, name: &'static str| set.then_some(name);
        let related = field.many.is_some() || field.one.is_some();
        let origins: Vec<&str> = [
            has(field.constant.is_some(), "const"),
            has(field.count.is_some(), "count"),
            has(field.sum.is_some(), "sum"),
            has(field.many.is_some(), "many"),
            has(field.one.is_some(), "one"),
            has(field.from.is_some(), "from"),
            has(field.template.is_some(), "template"),
            has(field.value.is_some(), "value"),
            has(field.fields.is_some(), "fields"),
            has(field.list.is_some(), "list"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let contents =
            origins.iter().filter(|origin| !matches!(**origin, "const" | "count" | "sum" | "many" | "one")).count();
        let fits = if related { origins.len() == 2 && contents == 1 } else { origins.len() == 1 };
        if !fits {
            let (message, hint) = match (origins.is_empty(), related) {
                (true, _) => (
                    "nothing says where this value comes from".to_owned(),
                    "add one of `from`, `const`, `value`, `template`, `fields`, `list`, `many`, `one`, `count`, `sum`",
                ),
                (false, true) => (
                    format!("`{}` do not go together", origins.join("`, `")),
                    "beside `many` or `one`, write one of `fields`, `from`, `value`, `template` and `list`",
                ),
                (false, false) => (format!("`{}` do not go together", origins.join("`, `")), "keep one of them"),
            };
            self.report(Code::PlanWrongValue, rule, message, hint);
            return false;
        }
        self.check_stray_keys(field, rule, origins[0]);
        true
    }

    /// Reports keys that have no meaning beside the one that says where the value comes from.
    fn check_stray_keys(&mut self, field: &FieldLong, rule: &str, origin: &str) {
        let related = field.many.is_some() || field.one.is_some();
        let leaf = field.from.is_some() || field.template.is_some() || field.value.is_some();
        let is_always_there = field.constant.is_some() || field.count.is_some() || field.sum.is_some();
        let may_be_empty = !is_always_there || field.only.is_some();
        let stray = [
            (!field.on.is_empty(), "match", related),
            (field.only.is_some(), "where", field.one.is_none()),
            (field.on_orphan.is_some(), "on_orphan", field.many.is_some()),
            (field.on_incomplete.is_some(), "on_incomplete", field.many.is_some()),
            (field.order_by.is_some(), "order_by", field.many.is_some()),
            (field.keyed_by.is_some(), "keyed_by", field.many.is_some()),
            (field.min.is_some(), "min", field.many.is_some()),
            (field.max.is_some(), "max", field.many.is_some()),
            (field.on_missing.is_some(), "on_missing", field.one.is_some()),
            (field.codes.is_some(), "codes", leaf),
            (field.fallback.is_some(), "default", leaf && field.value.is_none()),
            (field.if_empty.is_some(), "if_empty", may_be_empty),
        ];
        if field.fallback.is_some() && field.if_empty.is_some() && field.only.is_none() {
            let hint = "keep one of them";
            let message = "`default` stands for every empty cell, so `if_empty` says nothing";
            self.report(Code::PlanWrongValue, &format!("{rule}/if_empty"), message, hint);
        }
        for (set, name, fits) in stray {
            if set && !fits {
                let pointer = format!("{rule}/{name}");
                let hint = match (name, origin) {
                    ("if_empty", "count" | "sum") => "leave it out: where there is nothing, it is 0",
                    ("default", "value") => "write it in the expression, as in `note | default('none')`",
                    _ => "leave it out",
                };
                self.report(Code::PlanWrongValue, &pointer, format!("`{name}` does not go with `{origin}`"), hint);
            }
        }
    }

    /// The JSON text of a constant.
    pub(super) fn compile_constant(&mut self, scalar: &Literal, pointer: &str) -> Option<Vec<u8>> {
        let node = self.places.node(pointer)?;
        let text = node.scalar.clone().unwrap_or_default();
        let mut json = OutputBuffer::default();
        match scalar {
            Literal::Boolean(value) if text == value.to_string() => json.extend(text.as_bytes()),
            Literal::Number if serde_json::from_str::<serde_json::Number>(&text).is_ok() => {
                json.extend(text.as_bytes());
            }
            Literal::Text(value) if !node.plain || crate::config::mapping::reads_as_text(value) => {
                write_text(value.as_bytes().into(), &mut json);
            }
            _ => {
                let hint = format!("put it in quotes if it is a text: \"{text}\"");
                self.report(
                    Code::PlanUnquoted,
                    pointer,
                    format!("`{text}` is not the same to every YAML reader"),
                    hint,
                );
                return None;
            }
        }
        Some(json.into())
    }

    /// Where the text of a leaf comes from, and its conversion.
    fn compile_value_source(
        &mut self,
        field: &FieldLong,
        rule: &str,
        source: usize,
    ) -> Option<(ValueSource, Conversion)> {
        if let Some(name) = &field.from {
            let pointer = format!("{rule}/from");
            let pointer = if self.places.node(&pointer).is_some() { &pointer } else { rule };
            let column = self.find_or_add_column(source, name, pointer);
            let known = self.sources[source].columns.get(column);
            let conversion = known.map_or(Conversion::Text, |column| column.conversion.clone());
            return Some((ValueSource::Column(column), conversion));
        }
        let wildcards = self.count_wildcards(source);
        if let Some(text) = &field.value {
            let pointer = format!("{rule}/value");
            let mut find_column = |name: &str| self.find_expression_column(source, name, &pointer);
            let compiled = Expression::compile_value(text, wildcards, &mut find_column);
            return match refuse_clashes(compiled, text, false, |word| self.declares_column(source, word)) {
                Ok(expression) => {
                    self.note_captures(source, expression.captures);
                    let conversion = conversion_of(&expression.kind);
                    Some((ValueSource::Value(expression), conversion))
                }
                Err(fault) => self.report_expression(text, fault, &pointer),
            };
        }
        let (pointer, text) = (format!("{rule}/template"), field.template.as_ref()?);
        let mut find_column = |name: &str| self.find_expression_column(source, name, &pointer);
        let compiled = Template::compile(text, wildcards, &mut find_column);
        match refuse_clashes(compiled, text, true, |word| self.declares_column(source, word)) {
            Ok(template) => {
                self.note_captures(source, template.captures);
                Some((ValueSource::Template(template), Conversion::Text))
            }
            Err(fault) => self.report_expression(text, fault, &pointer),
        }
    }

    fn compile_leaf(
        &mut self,
        field: &FieldLong,
        rule: &str,
        source: usize,
        if_empty: Option<&Policy<IfEmpty>>,
    ) -> Option<Leaf> {
        let (from, conversion) = self.compile_value_source(field, rule, source)?;
        let codes = match &field.codes {
            Some(codes) => Some(self.compile_codes(codes, &format!("{rule}/codes"))?),
            None => None,
        };
        let reading = match &from {
            ValueSource::Column(column) => self.sources[source].columns.get(*column).and_then(|it| it.reading.clone()),
            ValueSource::Template(_) | ValueSource::Value(_) => None,
        };
        if let (Some(reading), Some(codes)) = (&reading, &codes) {
            for (code, _) in &codes.values {
                let rule = codes.rule_of(code, self.places);
                self.expect_said(reading, &String::from_utf8_lossy(code), &rule);
            }
        }
        let written = codes.is_none() && conversion == Conversion::Text;
        let if_empty = EmptyPolicy::new(if_empty, if written { IfEmpty::Keep } else { IfEmpty::Reject });
        if if_empty.then == IfEmpty::Keep && !written {
            self.report(
                Code::PlanWrongValue,
                &format!("{rule}/if_empty"),
                format!("an empty cell is no {}", conversion.type_name()),
                "use `omit`, `set_null` or `reject`",
            );
        }
        let fallback = field.fallback.as_ref().and_then(|fallback| {
            self.compile_fallback(fallback, &conversion, codes.as_ref(), &format!("{rule}/default"))
        });
        let conversion = if codes.is_some() { Conversion::Text } else { conversion };
        let has_reading = reading.is_some();
        Some(Leaf { from, has_reading, conversion, codes, fallback, if_empty, checks: Checks::default() })
    }

    fn compile_fallback(
        &mut self,
        fallback: &Literal,
        conversion: &Conversion,
        codes: Option<&Codes>,
        pointer: &str,
    ) -> Option<Vec<u8>> {
        let text = match fallback {
            Literal::Text(text) => text.clone(),
            Literal::Number | Literal::Boolean(_) => self.places.node(pointer)?.scalar.clone()?,
        };
        if let Conversion::Datetime(moment) = conversion
            && matches!(moment.zone, MomentZone::Column(_))
        {
            let message = "`default` stands for a cell, and the time zone of this one is in another cell";
            self.report(Code::PlanWrongValue, pointer, message, "use `if_empty`, or write the zone into the mapping");
            return None;
        }
        let fits = match codes {
            Some(codes) => codes.get(text.as_bytes().into()).is_some(),
            None => conversion.write(text.as_bytes().into(), &mut OutputBuffer::default()).is_ok(),
        };
        if !fits {
            let expected = codes.map_or_else(
                || conversion.describe_expected(),
                |codes| format!("a code of the table `{}`", codes.name),
            );
            self.report(
                Code::PlanWrongValue,
                pointer,
                format!("the default `{text}` is not {expected}"),
                "a default stands for the cell, so write it as the file would",
            );
        }
        Some(text.into_bytes())
    }

    fn compile_codes(&mut self, codes: &Named<CodeTable>, pointer: &str) -> Option<Codes> {
        let (table, name, rule) = match codes {
            Named::Here(table) => (table, "written here".to_owned(), pointer.to_owned()),
            Named::Name(name) => {
                if let Some(table) = self.mapping.codes.get(name) {
                    (table, name.clone(), format!("/codes/{}", escape(name)))
                } else {
                    self.report_unknown("code table", name, &names_of(&self.mapping.codes), pointer);
                    return None;
                }
            }
        };
        let pairs: Vec<(String, String)> = match (&table.values, &table.file) {
            (Some(values), None) => values.iter().map(|(code, value)| (code.clone(), value.clone())).collect(),
            (None, Some(_)) => self.files.get(&rule).cloned().unwrap_or_default(),
            _ => {
                self.report(
                    Code::PlanWrongValue,
                    &rule,
                    "a code table has either `values` or a `file`",
                    "keep one of them",
                );
                return None;
            }
        };
        let rendered = |text: &str| {
            let mut json = OutputBuffer::default();
            write_text(text.as_bytes().into(), &mut json);
            Padded::from(Vec::from(json))
        };
        let values = pairs.into_iter().map(|(code, value)| (code.into_bytes(), rendered(&value))).collect();
        Some(Codes::new(name, values, table.on_unknown.clone(), rule))
    }

    fn compile_many(&mut self, field: &FieldLong, many: &str, rule: &str, source: usize) -> Option<ValuePlan> {
        let child = self.find_source(many, &format!("{rule}/many"))?;
        let (child_columns, parent_columns) = self.match_columns(field, rule, child, source, true)?;
        let only = field.only.as_ref().and_then(|only| self.compile_condition(only, child, &format!("{rule}/where")));
        let order = field.order_by.iter().flat_map(|order| order.0.clone()).collect::<Vec<_>>();
        let order_rule = format!("{rule}/order_by");
        let order: Vec<_> = order
            .iter()
            .map(|(column, direction)| (self.find_or_add_column(child, column, &order_rule), *direction))
            .collect();
        for (column, _) in &order {
            self.expect_no_list(child, *column, &order_rule);
        }
        let keyed_by = match &field.keyed_by {
            Some(column) => Some(self.compile_keyed_by(column, rule, child, &child_columns)?),
            None => None,
        };
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
        let item = self.compile_from_other_record(field, rule, child, None)?;
        let (min, max) = (field.min.unwrap_or(0), field.max.unwrap_or(u64::MAX));
        if min > max {
            self.report(
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
            keyed_by,
            min,
            max,
            allowed: (0, u64::MAX),
            if_empty: EmptyPolicy::new(field.if_empty.as_ref(), IfEmpty::Keep),
            on_incomplete,
        })))
    }

    fn compile_one(&mut self, field: &FieldLong, one: &str, rule: &str, source: usize) -> Option<ValuePlan> {
        let child = self.find_source(one, &format!("{rule}/one"))?;
        let (child_columns, parent_columns) = self.match_columns(field, rule, child, source, false)?;
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
        let value = self.compile_from_other_record(field, rule, child, field.if_empty.as_ref())?;
        let on_missing = field.on_missing.clone().unwrap_or_default();
        let if_empty = field.if_empty.clone().filter(|policy| policy.then != IfEmpty::Keep);
        Some(ValuePlan::One(Box::new(One { link, source: child, value, on_missing, if_empty })))
    }
}

/// The type of what an expression gives, as JSON writes it.
fn conversion_of(kind: &ExpressionKind) -> Conversion {
    match kind {
        ExpressionKind::Number { is_whole: true } => Conversion::Integer(NumberFormat::WHOLE),
        ExpressionKind::Number { .. } => Conversion::Decimal(NumberFormat::JSON),
        ExpressionKind::Truth => Conversion::Boolean { yes: vec![b"true".to_vec()], no: vec![b"false".to_vec()] },
        ExpressionKind::Date => Conversion::Date(DateFormat::default()),
        ExpressionKind::Moment => Conversion::Datetime(Box::new(MomentFormat::with_offset(DateFormat::default()))),
        ExpressionKind::Nothing | ExpressionKind::Text | ExpressionKind::List(_) => Conversion::Text,
    }
}
