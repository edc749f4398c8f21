//! The writer: visits the plan of a document and writes its JSON.
//!
//! A field that is left out takes its name with it, and a problem on the fast way ends the document at once. The fast way
//! and the traced way differ only in their [`Observer`].

use std::ops::Range;

use crate::{
    config::mapping::policy::{IfEmpty, OnIncomplete, OnLookup, OnUnknown, Policy},
    diagnostic::Code,
    plan::{
        Condition, EmptyPolicy, KeyedBy, Leaf, ListPlan, Many, ObjectPlan, One, Pieces, ValuePlan, ValueSource, When,
        checks::Checks,
        code_table::Codes,
        conversion::write_text,
        expression::{
            Expression,
            value::{ExpressionFailure, ExpressionValue},
        },
    },
    recording::{
        View,
        ledger::RowStatus,
        provenance::{NodeName, Step},
    },
    table::{NONE, row::Row},
    text::{buffer::OutputBuffer, json_value::RESERVED_NAME},
    transform::fast,
};

/// What to do about an expression, an object or a list for which there is nothing.
const FILL_IN: &str = "fill its cells in, or say what nothing means with `if_empty`";

/// So many pieces of one cell are told to be bad, and no more.
const MAX_BAD_PIECES: u64 = 10;

/// The document cannot be finished on the fast way.
pub(super) struct Stop;

/// Whether a value was written, or left out.
pub(super) type Written = Result<bool, Stop>;

/// What happens while a document is written.
pub(super) trait Observer<'a> {
    /// Problems are noted and the writer goes on.
    const TRACED: bool;
    /// Values that are certain to conform are noted too.
    fn notes_all(&self) -> bool;
    /// A field or an item is entered.
    fn enter_node(&mut self, name: NodeName<'a>);
    /// A field is entered whose name, as this JSON text, is what a cell says.
    fn enter_named_node(&mut self, json: &[u8], site: ValueSite<'a, '_>);
    /// It is left.
    fn leave_node(&mut self);
    /// A related record is entered.
    fn enter_record(&mut self, step: Step);
    /// It is left.
    fn leave_record(&mut self);
    /// The value of the current node comes from here.
    fn note_origin(&mut self, site: ValueSite<'a, '_>);
    /// How many problems were noted.
    fn count_problems(&self) -> usize;
    /// The value of the current node could not be made, or has a warning.
    fn note_problem(&mut self, site: ValueSite<'a, '_>, code: Code, message: String, hint: &'static str, warning: bool);
    /// A related record was rejected before.
    fn note_bad_record(&mut self, step: Step);
    /// The leaf of the current node may violate the contract.
    fn note_uncertain_leaf(&mut self, checks: &'a Checks, json: &[u8]);
    /// The current node, which is no leaf, may violate the contract.
    fn note_uncertain_document(&mut self);
}

/// The observer of the fast way, which notes nothing.
pub(super) struct NoObserver;

impl Observer<'_> for NoObserver {
    const TRACED: bool = false;
    fn notes_all(&self) -> bool {
        false
    }
    fn enter_node(&mut self, _: NodeName<'_>) {}
    fn enter_named_node(&mut self, _: &[u8], _: ValueSite<'_, '_>) {}
    fn leave_node(&mut self) {}
    fn enter_record(&mut self, _: Step) {}
    fn leave_record(&mut self) {}
    fn note_origin(&mut self, _: ValueSite<'_, '_>) {}
    fn count_problems(&self) -> usize {
        0
    }
    fn note_problem(&mut self, _: ValueSite<'_, '_>, _: Code, _: String, _: &'static str, _: bool) {}
    fn note_bad_record(&mut self, _: Step) {}
    fn note_uncertain_leaf(&mut self, _: &Checks, _: &[u8]) {}
    fn note_uncertain_document(&mut self) {}
}

/// A record that is being written.
pub(super) struct Scope<'a> {
    /// The number of its source.
    pub(super) source: usize,
    /// Its number in the source.
    pub(super) row: u32,
    record: Row<'a>,
}

/// The record, the column and the rule of a value.
#[derive(Clone, Copy)]
pub(super) struct ValueSite<'a, 'r> {
    /// The record.
    pub(super) scope: &'r Scope<'a>,
    /// The column, as the plan numbers it; `None`: the record as a whole.
    pub(super) column: Option<usize>,
    /// The rule of the mapping.
    pub(super) rule: &'a str,
}

/// Writes one document.
pub(super) struct Writer<'a, 's, O> {
    /// The recording.
    pub(super) view: &'s View<'a>,
    /// A buffer for cells that are not written as they stand in the file.
    pub(super) text: &'s mut Vec<u8>,
    /// The JSON so far.
    pub(super) out: &'s mut OutputBuffer,
    /// Where the fields stand that counts and sums are made of: of each object around, the outermost first.
    pub(super) members: Vec<Range<usize>>,
    /// What is notified while the document is written.
    pub(super) observer: O,
}

impl<'a, O: Observer<'a>> Writer<'a, '_, O> {
    /// Writes the document of a root record.
    pub(super) fn write_document(&mut self, root: u32) -> Result<(), Stop> {
        let plan = self.view.plan;
        self.write_object(&plan.document, &self.scope(plan.each, root), "/output")
    }

    fn scope(&self, source: usize, row: u32) -> Scope<'a> {
        Scope { source, row, record: self.view.tables[source].row(row) }
    }

    fn write_object(&mut self, object: &'a ObjectPlan, scope: &Scope<'a>, rule: &'a str) -> Result<(), Stop> {
        if !object.aggregates.is_empty() {
            return self.write_counted_object(object, scope, rule);
        }
        self.observer.note_origin(ValueSite { scope, column: None, rule });
        // The comma in front of the first field becomes the brace.
        let start = self.out.len();
        let mut at = self.write_fast_fields(object, 0, scope);
        while let Some(field) = object.fields.get(at) {
            let before = self.out.len();
            self.out.extend_lanes(field.prefix.whole());
            self.observer.enter_node(NodeName::Field(&field.name));
            let written = self.write_value(&field.value, scope, &field.rule);
            self.observer.leave_node();
            if !written? {
                self.out.truncate(before);
            }
            at += 1;
            at += self.write_fast_fields(object, at, scope);
        }
        self.close_object(start);
        Ok(())
    }

    /// Makes an object of the fields that were written behind `start`, a comma in front of each.
    pub(super) fn close_object(&mut self, start: usize) {
        if self.out.len() == start {
            self.out.push(b',');
        }
        self.out.set(start, b'{');
        self.out.push(b'}');
    }

    /// Writes the fields of an object from `first` on, as long as they are fast; gives how many.
    #[inline]
    fn write_fast_fields(&mut self, object: &'a ObjectPlan, first: usize, scope: &Scope<'a>) -> usize {
        let written = fast::write_fields(object, first, &scope.record, self.out);
        if self.observer.notes_all() {
            for (field, fast) in object.fields.iter().zip(&object.fast_fields).skip(first).take(written) {
                self.observer.enter_node(NodeName::Field(&field.name));
                let column = matches!(field.value, ValuePlan::Leaf(_)).then_some(fast.column);
                self.observer.note_origin(ValueSite { scope, column, rule: &field.rule });
                self.observer.leave_node();
            }
        }
        written
    }

    pub(super) fn write_value(&mut self, value: &'a ValuePlan, scope: &Scope<'a>, rule: &'a str) -> Written {
        match value {
            ValuePlan::Leaf(leaf) => self.write_leaf(leaf, scope, rule),
            ValuePlan::Many(many) => self.write_list(many, scope, rule),
            ValuePlan::One(one) => self.write_lookup(one, scope, rule),
            ValuePlan::Aggregate(aggregate) => self.write_aggregate(aggregate, scope, rule),
            ValuePlan::Object(object) if self.is_left_empty(value, &object.if_empty, scope) => {
                self.write_nothing(&object.if_empty, scope, rule, ["no cell of this object is filled", FILL_IN])
            }
            ValuePlan::Object(object) => self.write_object(object, scope, rule).map(|()| true),
            ValuePlan::List(list) if self.is_left_empty(value, &list.if_empty, scope) => {
                self.write_nothing(&list.if_empty, scope, rule, ["no cell of this list is filled", FILL_IN])
            }
            ValuePlan::List(list) => self.write_row_list(list, scope, rule),
            ValuePlan::Pieces(pieces) => self.write_pieces(pieces, scope, rule),
            ValuePlan::When(when) => self.write_when(when, scope, rule),
            ValuePlan::Const(json) => {
                self.observer.note_origin(ValueSite { scope, column: None, rule });
                self.out.extend(json);
                Ok(true)
            }
        }
    }

    /// Writes a value if its condition holds.
    fn write_when(&mut self, when: &'a When, scope: &Scope<'a>, rule: &'a str) -> Written {
        let Condition { expression, rule: condition_rule } = &when.condition;
        match expression.holds(scope.record) {
            Ok(true) => self.write_value(&when.value, scope, rule),
            Ok(false) => {
                let hint = "change the cells that it looks at, or say what is written then with `if_empty`";
                self.write_nothing(&when.if_empty, scope, rule, ["the `where` does not hold", hint])
            }
            Err(failure) => {
                let site = ValueSite { scope, column: expression.columns.first().copied(), rule: condition_rule };
                self.observer.note_origin(site);
                self.write_failure(site, failure, "condition")
            }
        }
    }

    /// Whether a value is one whose emptiness means something, and no cell of it is filled.
    fn is_left_empty(&self, value: &'a ValuePlan, policy: &EmptyPolicy, scope: &Scope<'a>) -> bool {
        policy.then != IfEmpty::Keep && !self.is_filled(value, scope)
    }

    /// Whether a cell of a value is filled, or there are related records. A condition that fails is told when it is written.
    fn is_filled(&self, value: &'a ValuePlan, scope: &Scope<'a>) -> bool {
        let View { groups, statuses, .. } = *self.view;
        match value {
            ValuePlan::Const(_) => false,
            // What is made of the fields around an object is there, whatever its own cells say.
            ValuePlan::Aggregate(aggregate) => aggregate.up > 0,
            ValuePlan::Leaf(leaf) => {
                leaf.columns().iter().any(|column| scope.record.is_filled(*column)) && !gives_nothing(&leaf.from, scope)
            }
            ValuePlan::Pieces(pieces) => pieces.leaf.columns().iter().any(|column| {
                let said = scope.record.said(*column);
                said.is_some_and(|said| pieces.split.pieces(&said).next().is_some())
            }),
            ValuePlan::Object(object) => object.fields.iter().any(|field| self.is_filled(&field.value, scope)),
            ValuePlan::List(list) => list.items.iter().any(|item| self.is_filled(&item.value, scope)),
            ValuePlan::When(when) => {
                when.condition.expression.holds(scope.record).unwrap_or(true) && self.is_filled(&when.value, scope)
            }
            ValuePlan::Many(many) => {
                let is_there = |child: &u32| statuses[many.source][*child as usize] != RowStatus::Filtered;
                groups.children(many.link, scope.row).iter().any(is_there)
            }
            ValuePlan::One(one) => groups.lookup(one.link, scope.row) != NONE,
        }
    }

    /// Writes what a policy makes of an object, a list or a condition for which there is nothing.
    fn write_nothing(
        &mut self,
        policy: &EmptyPolicy,
        scope: &Scope<'a>,
        rule: &'a str,
        [what, hint]: [&'static str; 2],
    ) -> Written {
        let site = ValueSite { scope, column: None, rule };
        self.observer.note_origin(site);
        if policy.then == IfEmpty::Reject {
            return self.write_placeholder(
                site,
                Code::TransformEmpty,
                format!("{what}, and the mapping needs it"),
                hint,
            );
        }
        if policy.warn {
            self.note_warning(site, Code::TransformEmpty, what.into())?;
        }
        if policy.then == IfEmpty::SetNull {
            self.out.extend(b"null");
        }
        Ok(policy.then == IfEmpty::SetNull)
    }

    /// Writes a list with items from one record.
    fn write_row_list(&mut self, list: &'a ListPlan, scope: &Scope<'a>, rule: &'a str) -> Written {
        self.observer.note_origin(ValueSite { scope, column: None, rule });
        // The comma in front of the first item becomes the bracket.
        let start = self.out.len();
        let mut count = 0;
        for item in &list.items {
            if let ValuePlan::Pieces(pieces) = &item.value {
                count = self.write_piece_items(pieces, scope, &item.rule, count)?;
                continue;
            }
            let before = self.out.len();
            self.out.push(b',');
            self.observer.enter_node(NodeName::Item(count));
            let written = self.write_value(&item.value, scope, &item.rule);
            self.observer.leave_node();
            if written? {
                count += 1;
            } else {
                self.out.truncate(before);
            }
        }
        if self.out.len() == start {
            self.out.push(b',');
        }
        self.out.set(start, b'[');
        self.out.push(b']');
        self.check_count(count, list.allowed)
    }

    /// Writes a list with the pieces of a cell.
    fn write_pieces(&mut self, pieces: &'a Pieces, scope: &Scope<'a>, rule: &'a str) -> Written {
        self.observer.note_origin(ValueSite { scope, column: pieces.leaf.columns().first().copied(), rule });
        let start = self.out.len();
        let count = self.write_piece_items(pieces, scope, rule, 0)?;
        if count == 0 && pieces.if_empty.then != IfEmpty::Keep {
            self.out.truncate(start);
            return self.write_nothing(&pieces.if_empty, scope, rule, ["the cell has no pieces", FILL_IN]);
        }
        if count == 0 {
            self.out.push(b',');
        }
        self.out.set(start, b'[');
        self.out.push(b']');
        self.check_count(count, pieces.allowed)
    }

    /// Writes the pieces of a cell as items of a list, a comma in front of each; gives how many items there are then.
    fn write_piece_items(
        &mut self,
        Pieces { leaf, split, .. }: &'a Pieces,
        scope: &Scope<'a>,
        rule: &'a str,
        mut count: u64,
    ) -> Result<u64, Stop> {
        let site = ValueSite { scope, column: leaf.columns().first().copied(), rule };
        let said = leaf.columns().iter().find_map(|column| scope.record.said(*column)).unwrap_or_default();
        let mut bad_pieces = 0;
        for piece in split.pieces(&said) {
            let before = self.out.len();
            self.out.push(b',');
            self.observer.enter_node(NodeName::Item(count));
            self.observer.note_origin(site);
            let bad = self.observer.count_problems();
            let written = self.write_text(leaf, piece.as_bytes(), site);
            self.observer.leave_node();
            bad_pieces += u64::from(self.observer.count_problems() > bad);
            if bad_pieces > MAX_BAD_PIECES {
                // The cell is bad, and it was told often enough.
                break;
            }
            if written? {
                count += 1;
            } else {
                self.out.truncate(before);
            }
        }
        Ok(count)
    }

    /// Checks how many items a list has; if the contract may want another number, the fast way stops.
    fn check_count(&mut self, count: u64, (least, most): (u64, u64)) -> Written {
        let is_allowed = count >= least && count <= most;
        if !is_allowed {
            self.observer.note_uncertain_document();
        }
        if O::TRACED || is_allowed { Ok(true) } else { Err(Stop) }
    }

    fn write_leaf(&mut self, leaf: &'a Leaf, scope: &Scope<'a>, rule: &'a str) -> Written {
        let site = ValueSite { scope, column: leaf.columns().first().copied(), rule };
        self.observer.note_origin(site);
        let mut buffer = std::mem::take(self.text);
        let written = self.write_leaf_with(leaf, site, &mut buffer);
        *self.text = buffer;
        written
    }

    /// Writes a leaf; its text may be put into the buffer.
    fn write_leaf_with(&mut self, leaf: &'a Leaf, site: ValueSite<'a, '_>, buffer: &mut Vec<u8>) -> Written {
        let record = site.scope.record;
        let mut text = match &leaf.from {
            ValueSource::Column(column) => record.cell(*column, buffer),
            ValueSource::Template(template) => match template.render(record) {
                Ok(rendered) => {
                    *buffer = rendered.into_bytes();
                    buffer.as_slice()
                }
                Err(failure) => return self.write_failure(site, failure, "template"),
            },
            ValueSource::Value(expression) => match expression.evaluate(record) {
                Ok(value) if leaf.codes.is_some() => {
                    let mut text = String::new();
                    value.write_plain(&mut text);
                    *buffer = text.into_bytes();
                    buffer.as_slice()
                }
                Ok(ExpressionValue::None) => return self.write_empty_expression(leaf, expression, site),
                Ok(value) => {
                    let start = self.out.len();
                    value.write_json(self.out);
                    return self.check_leaf(&leaf.checks, start);
                }
                Err(failure) => return self.write_failure(site, failure, "expression"),
            },
        };
        let is_empty = match &leaf.from {
            ValueSource::Column(column) => record.is_null(*column, text),
            ValueSource::Template(_) | ValueSource::Value(_) => text.is_empty(),
        };
        if is_empty {
            match &leaf.fallback {
                Some(fallback) => text = fallback,
                None => return self.write_empty(leaf, site),
            }
        }
        self.write_text(leaf, text, site)
    }

    /// Writes a text that is not empty, as its code table or its type makes JSON of it.
    fn write_text(&mut self, leaf: &'a Leaf, text: &[u8], site: ValueSite<'a, '_>) -> Written {
        let start = self.out.len();
        match &leaf.codes {
            Some(codes) => match codes.get(text.into()) {
                Some(json) => self.out.extend_lanes(json),
                None => return self.write_unknown_code(codes, text, leaf, site),
            },
            None => match leaf.conversion.write(text.into(), self.out) {
                Ok(()) => {
                    if let Some(warning) = leaf.conversion.find_warning(text) {
                        self.note_warning(site, Code::TransformNotADatetime, warning.into())?;
                    }
                }
                Err(code) => {
                    if !O::TRACED {
                        return Err(Stop);
                    }
                    let fault = leaf.conversion.explain(text);
                    let site = ValueSite { column: fault.column.or(site.column), ..site };
                    return self.write_placeholder(site, code, fault.message, fault.hint);
                }
            },
        }
        self.check_leaf(&leaf.checks, start)
    }

    /// Notes that an expression gives nothing that can be used, at the cell that is the reason if it is that of one.
    fn write_failure(&mut self, site: ValueSite<'a, '_>, failure: ExpressionFailure, what: &str) -> Written {
        let message = format!("the {what} failed on this record: {}", failure.reason);
        let site = ValueSite { column: failure.column.or(site.column), ..site };
        self.write_placeholder(site, Code::TransformTemplate, message, "")
    }

    /// Checks a leaf that was written; if it may violate the contract, the fast way stops and the traced way notes it.
    pub(super) fn check_leaf(&mut self, checks: &'a Checks, start: usize) -> Written {
        if checks.accepts(&self.view.plan.contract, &self.out[start..]) {
            return Ok(true);
        }
        if !O::TRACED {
            return Err(Stop);
        }
        self.observer.note_uncertain_leaf(checks, &self.out[start..]);
        Ok(true)
    }

    /// Writes what an expression that gives nothing means, which is told at the first of its cells that is empty.
    fn write_empty_expression(
        &mut self,
        leaf: &'a Leaf,
        expression: &'a Expression,
        site: ValueSite<'a, '_>,
    ) -> Written {
        let empty = expression.columns.iter().find(|column| site.scope.record.said(**column).is_none());
        self.write_empty(leaf, ValueSite { column: empty.or(expression.columns.first()).copied(), ..site })
    }

    fn write_empty(&mut self, leaf: &'a Leaf, site: ValueSite<'a, '_>) -> Written {
        if leaf.if_empty.then == IfEmpty::Reject {
            let message = match leaf.from {
                ValueSource::Column(_) => "the cell is empty, and the mapping needs a value",
                _ => "the expression gives nothing, and the mapping needs a value",
            };
            let hint = match leaf.from {
                ValueSource::Value(_) => FILL_IN,
                _ => "fill it in, or say what an empty cell means with `default` or `if_empty`",
            };
            return self.write_placeholder(site, Code::TransformEmpty, message.into(), hint);
        }
        if leaf.if_empty.warn {
            self.note_warning(site, Code::TransformEmpty, "the cell is empty".into())?;
        }
        let start = self.out.len();
        match leaf.if_empty.then {
            IfEmpty::Keep => {
                self.out.extend(b"\"\"");
                self.check_leaf(&leaf.checks, start)
            }
            IfEmpty::SetNull => {
                self.out.extend(b"null");
                Ok(true)
            }
            IfEmpty::Omit | IfEmpty::Reject => Ok(false),
        }
    }

    fn write_unknown_code(
        &mut self,
        codes: &'a Codes,
        text: &[u8],
        leaf: &'a Leaf,
        site: ValueSite<'a, '_>,
    ) -> Written {
        let message = format!("this code is not in the code table `{}`", codes.name);
        if codes.on_unknown.then == OnUnknown::Reject {
            let hint = "add it to the table, or set `on_unknown` for the table";
            return self.write_placeholder(site, Code::TransformNotInCodeTable, message, hint);
        }
        if codes.on_unknown.warn {
            self.note_warning(site, Code::TransformNotInCodeTable, message)?;
        }
        let start = self.out.len();
        match &codes.on_unknown.then {
            OnUnknown::Keep => {
                write_text(text.into(), self.out);
                self.check_leaf(&leaf.checks, start)
            }
            OnUnknown::Use(other) => {
                write_text(other.as_bytes().into(), self.out);
                Ok(true)
            }
            OnUnknown::SetNull => {
                self.out.extend(b"null");
                Ok(true)
            }
            OnUnknown::Omit | OnUnknown::Reject => Ok(false),
        }
    }

    fn write_list(&mut self, many: &'a Many, scope: &Scope<'a>, rule: &'a str) -> Written {
        let View { groups, statuses, .. } = *self.view;
        let site = ValueSite { scope, column: None, rule };
        self.observer.note_origin(site);
        let (start, [opening, closing]) = (self.out.len(), if many.keyed_by.is_some() { *b"{}" } else { *b"[]" });
        self.out.push(opening);
        // Each item has a comma behind it, and that of the last becomes the bracket.
        let (mut count, mut rest) = (0u64, groups.children(many.link, scope.row));
        loop {
            let fast = self.write_fast_items(many, rest);
            (count, rest) = (count + fast as u64, &rest[fast..]);
            let Some((child, others)) = rest.split_first() else { break };
            rest = others;
            let step = Step {
                link: many.link,
                parent: scope.row,
                child: *child,
                may_drop: many.on_incomplete.then == OnIncomplete::Send,
            };
            match statuses[many.source][*child as usize] {
                RowStatus::Filtered => continue,
                RowStatus::Rejected if step.may_drop => continue,
                RowStatus::Rejected if !O::TRACED => return Err(Stop),
                RowStatus::Rejected => {
                    self.observer.note_bad_record(step);
                    continue;
                }
                RowStatus::Good | RowStatus::Pending => {}
            }
            if self.write_record(many, step, count, rule)? {
                self.out.push(b',');
                count += 1;
            }
        }
        match count {
            0 => self.out.push(closing),
            _ => self.out.set(self.out.len() - 1, closing),
        }
        if count < many.min || count > many.max {
            let wanted = range(many.min, many.max);
            let message = format!("{count} related records, where the mapping asks for {wanted}");
            self.note_problem(site, Code::TransformCount, message)?;
        }
        if count == 0 && many.if_empty.then != IfEmpty::Keep {
            self.out.truncate(start);
            let hint = "add its records, or say what is written without them with `if_empty`";
            return self.write_nothing(&many.if_empty, scope, rule, ["there are no related records", hint]);
        }
        self.check_count(count, many.allowed)
    }

    /// Writes a related record as an item of a list, or as a field of an object.
    fn write_record(&mut self, many: &'a Many, step: Step, count: u64, rule: &'a str) -> Written {
        let (start, scope) = (self.out.len(), self.scope(many.source, step.child));
        self.observer.enter_record(step);
        let is_named = if let Some(keyed_by) = &many.keyed_by {
            self.write_name(keyed_by, &scope)?
        } else {
            self.observer.enter_node(NodeName::Item(count));
            true
        };
        let written = if is_named { self.write_value(&many.item, &scope, rule) } else { Ok(false) };
        self.observer.leave_node();
        self.observer.leave_record();
        if matches!(written, Ok(false)) {
            self.out.truncate(start);
        }
        written
    }

    /// Writes the name that a record gives to a field, and enters that field; `false`: it is no name.
    fn write_name(&mut self, keyed_by: &'a KeyedBy, scope: &Scope<'a>) -> Written {
        let (start, mut buffer) = (self.out.len(), std::mem::take(self.text));
        keyed_by.write_name(scope.record.cell(keyed_by.column, &mut buffer), self.out);
        *self.text = buffer;
        let site = ValueSite { scope, column: Some(keyed_by.column), rule: &keyed_by.rule };
        self.observer.enter_named_node(&self.out[start..], site);
        let name = &self.out[start..];
        if name.get(1..name.len() - 1) == Some(RESERVED_NAME.as_bytes()) {
            self.note_problem(site, Code::TransformName, "no field can have this name".into())?;
            return Ok(false);
        }
        if !keyed_by.checks.accepts(&self.view.plan.contract, name) {
            if !O::TRACED {
                return Err(Stop);
            }
            self.observer.note_uncertain_document();
        }
        self.out.push(b':');
        Ok(true)
    }

    /// Writes items of a list, a comma behind each, as long as they are good records of fast fields; gives how many.
    fn write_fast_items(&mut self, many: &'a Many, children: &[u32]) -> usize {
        let (ValuePlan::Object(object), None) = (&many.item, &many.keyed_by) else { return 0 };
        if self.observer.notes_all() {
            return 0;
        }
        let statuses = &self.view.statuses[many.source];
        let good = children.iter().copied().take_while(|child| statuses[*child as usize] == RowStatus::Good);
        fast::write_items(object, &self.view.tables[many.source], good, self.out)
    }

    fn write_lookup(&mut self, one: &'a One, scope: &Scope<'a>, rule: &'a str) -> Written {
        let View { groups, statuses, plan, .. } = *self.view;
        let target = groups.lookup(one.link, scope.row);
        let is_found = target != NONE && statuses[one.source][target as usize] != RowStatus::Rejected;
        if is_found {
            return self.write_value(&one.value, &self.scope(one.source, target), rule);
        }
        let columns = &plan.links[one.link].parent_columns.columns;
        let empty = columns.iter().copied().find(|column| scope.record.said(*column).is_none());
        let site = ValueSite { scope, column: empty.or(columns.first().copied()), rule };
        self.observer.note_origin(site);
        if let (NONE, Some(_), Some(if_empty)) = (target, empty, &one.if_empty) {
            return self.write_empty_reference(if_empty, site);
        }
        let name = &plan.sources[one.source].name;
        if target != NONE || one.on_missing.then == OnLookup::Reject {
            let (message, hint) = match (target, empty) {
                (NONE, Some(_)) => (
                    format!("no record of `{name}` has this key: the cell is empty"),
                    "fill it in, or say with `if_empty` what an empty cell means",
                ),
                (NONE, None) => (
                    format!("no record of `{name}` has this key"),
                    "add the missing record, or set `on_missing` for this field",
                ),
                _ => (format!("the record of `{name}` with this key is rejected"), "fix that record"),
            };
            return self.write_placeholder(site, Code::JoinLookupNotFound, message, hint);
        }
        if one.on_missing.warn {
            self.note_warning(site, Code::JoinLookupNotFound, format!("no record of `{name}` has this key"))?;
        }
        if one.on_missing.then == OnLookup::SetNull {
            self.out.extend(b"null");
        }
        Ok(one.on_missing.then == OnLookup::SetNull)
    }

    /// Writes what a policy makes of a reference of which a cell is empty.
    fn write_empty_reference(&mut self, Policy { then, warn }: &Policy<IfEmpty>, site: ValueSite<'a, '_>) -> Written {
        if *then == IfEmpty::Reject {
            let message = "the cell is empty, and the mapping needs a value".into();
            return self.write_placeholder(site, Code::TransformEmpty, message, FILL_IN);
        }
        if *warn {
            self.note_warning(site, Code::TransformEmpty, "the cell is empty".into())?;
        }
        if *then == IfEmpty::SetNull {
            self.out.extend(b"null");
        }
        Ok(*then == IfEmpty::SetNull)
    }

    /// Notes a value that cannot be made: the fast way stops; the traced way writes a placeholder that is never sent.
    pub(super) fn write_placeholder(
        &mut self,
        site: ValueSite<'a, '_>,
        code: Code,
        message: String,
        hint: &'static str,
    ) -> Written {
        if !O::TRACED {
            return Err(Stop);
        }
        self.out.extend(b"null");
        self.observer.note_problem(site, code, message, hint, false);
        Ok(true)
    }

    /// Notes a problem of a value that was written.
    fn note_problem(&mut self, site: ValueSite<'a, '_>, code: Code, message: String) -> Result<(), Stop> {
        if !O::TRACED {
            return Err(Stop);
        }
        self.observer.note_problem(site, code, message, "", false);
        Ok(())
    }

    /// Notes what the mapping allows with a warning: only the traced way can.
    fn note_warning(&mut self, site: ValueSite<'a, '_>, code: Code, message: String) -> Result<(), Stop> {
        if !O::TRACED {
            return Err(Stop);
        }
        self.observer.note_problem(site, code, message, "", true);
        Ok(())
    }
}

/// Whether what a value is made of is certain to make nothing. A failure is told when it is written.
fn gives_nothing(from: &ValueSource, scope: &Scope<'_>) -> bool {
    match from {
        ValueSource::Column(_) => false,
        ValueSource::Template(template) => template.render(scope.record).is_ok_and(|text| text.is_empty()),
        ValueSource::Value(expression) => {
            expression.evaluate(scope.record).is_ok_and(|value| matches!(value, ExpressionValue::None))
        }
    }
}

/// `at least 1`, `at most 3`, `1 to 3`.
fn range(min: u64, max: u64) -> String {
    match (min, max) {
        (min, u64::MAX) => format!("at least {min}"),
        (0, max) => format!("at most {max}"),
        (min, max) => format!("{min} to {max}"),
    }
}
