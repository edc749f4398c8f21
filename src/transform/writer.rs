//! The writer: walks the plan of a document and writes its JSON.
//!
//! A field that is left out takes its name with it, and a problem on the fast way ends the document at once.

use crate::{
    config::mapping::policy::{IfEmpty, OnIncomplete, OnLookup, OnUnknown},
    diagnostic::Code,
    plan::{
        Input, Leaf, Many, ObjectPlan, One, ValuePlan,
        code_table::Codes,
        conversion::{Conversion, write_text},
    },
    recording::{
        View,
        ledger::Fate,
        provenance::{NOWHERE, Name, Problem, Step},
    },
    table::{NONE, row::Row},
    text::{buffer::OutputBuffer, number::NumberFormat},
    transform::fast,
};

/// The document cannot be finished on the fast way.
pub(super) struct Stop;

/// Whether a value was written, or left out.
type Written = Result<bool, Stop>;

/// What is told to whoever watches the writer.
pub(super) trait Watch<'a> {
    /// Problems are noted and the writer goes on.
    const TRACED: bool;
    /// What is plainly good is noted too.
    fn notes_all(&self) -> bool;
    /// A field or an item is entered.
    fn enter(&mut self, name: Name<'a>);
    /// It is left.
    fn leave(&mut self);
    /// A related record is entered.
    fn enter_record(&mut self, step: Step);
    /// It is left.
    fn leave_record(&mut self);
    /// The value at the current place comes from here.
    fn origin(&mut self, source: usize, row: u32, column: Option<usize>, rule: &'a str);
    /// Something is wrong at the current place.
    fn problem(&mut self, problem: Problem<'a>);
    /// A related record was rejected before.
    fn bad(&mut self, step: Step);
    /// The leaf at the current place is not certain to meet the contract.
    fn doubt(&mut self, leaf: &'a Leaf, json: &[u8]);
    /// The current place is not certain to meet the contract, and it is no leaf.
    fn doubt_all(&mut self);
}

/// The fast way: nobody watches.
pub(super) struct Unwatched;

impl Watch<'_> for Unwatched {
    const TRACED: bool = false;
    fn notes_all(&self) -> bool {
        false
    }
    fn enter(&mut self, _: Name<'_>) {}
    fn leave(&mut self) {}
    fn enter_record(&mut self, _: Step) {}
    fn leave_record(&mut self) {}
    fn origin(&mut self, _: usize, _: u32, _: Option<usize>, _: &str) {}
    fn problem(&mut self, _: Problem<'_>) {}
    fn bad(&mut self, _: Step) {}
    fn doubt(&mut self, _: &Leaf, _: &[u8]) {}
    fn doubt_all(&mut self) {}
}

/// A record that is being written.
struct Scope<'a> {
    source: usize,
    row: u32,
    record: Row<'a>,
}

pub(super) struct Writer<'a, 's, W> {
    pub(super) view: &'s View<'a>,
    /// For cells that are not copied as they stand.
    pub(super) text: &'s mut Vec<u8>,
    pub(super) out: &'s mut OutputBuffer,
    pub(super) watch: W,
}

impl<'a, W: Watch<'a>> Writer<'a, '_, W> {
    /// Writes a whole document.
    pub(super) fn document(&mut self, root: u32) -> Result<(), Stop> {
        let plan = self.view.plan;
        self.object(&plan.document, &self.scope(plan.each, root), "/output")
    }

    /// A record, to write something of it.
    fn scope(&self, source: usize, row: u32) -> Scope<'a> {
        Scope { source, row, record: self.view.tables[source].row(row) }
    }

    fn object(&mut self, object: &'a ObjectPlan, scope: &Scope<'a>, rule: &'a str) -> Result<(), Stop> {
        self.watch.origin(scope.source, scope.row, None, rule);
        // The comma in front of the first field becomes the brace.
        let start = self.out.len();
        let mut at = self.write_fast_fields(object, 0, scope);
        while let Some(field) = object.fields.get(at) {
            let before = self.out.len();
            self.out.extend_lanes(field.prefix.whole());
            self.watch.enter(Name::Field(&field.name));
            let written = self.value(&field.value, scope, &field.rule);
            self.watch.leave();
            if !written? {
                self.out.truncate(before);
            }
            at += 1;
            at += self.write_fast_fields(object, at, scope);
        }
        if self.out.len() == start {
            self.out.push(b',');
        }
        self.out.set(start, b'{');
        self.out.push(b'}');
        Ok(())
    }

    /// Writes the fields of an object from `first` on, as long as they are fast; gives how many.
    #[inline]
    fn write_fast_fields(&mut self, object: &'a ObjectPlan, first: usize, scope: &Scope<'a>) -> usize {
        let written = fast::write_fields(object, first, &scope.record, self.out);
        if self.watch.notes_all() {
            for (field, fast) in object.fields.iter().zip(&object.fast_fields).skip(first).take(written) {
                self.watch.enter(Name::Field(&field.name));
                self.watch.origin(scope.source, scope.row, Some(fast.column), &field.rule);
                self.watch.leave();
            }
        }
        written
    }

    fn value(&mut self, value: &'a ValuePlan, scope: &Scope<'a>, rule: &'a str) -> Written {
        match value {
            ValuePlan::Leaf(leaf) => self.leaf(leaf, scope, rule),
            ValuePlan::Many(many) => self.many(many, scope, rule),
            ValuePlan::One(one) => self.one(one, scope, rule),
            ValuePlan::Object(object) => self.object(object, scope, rule).map(|()| true),
            ValuePlan::Const(json) => {
                self.watch.origin(scope.source, scope.row, None, rule);
                self.out.extend(json);
                Ok(true)
            }
        }
    }

    fn leaf(&mut self, leaf: &'a Leaf, scope: &Scope<'a>, rule: &'a str) -> Written {
        let column = match &leaf.input {
            Input::Column(column) => Some(*column),
            Input::Template(_, columns) => columns.first().copied(),
        };
        self.watch.origin(scope.source, scope.row, column, rule);
        let mut buffer = std::mem::take(self.text);
        let written = self.text(leaf, scope, rule, column, &mut buffer);
        *self.text = buffer;
        written
    }

    /// Writes the text of a leaf as a value.
    fn text(
        &mut self,
        leaf: &'a Leaf,
        scope: &Scope<'a>,
        rule: &'a str,
        column: Option<usize>,
        buffer: &mut Vec<u8>,
    ) -> Written {
        let dialect = &scope.record.table.dialect;
        let mut text = match &leaf.input {
            Input::Column(column) => scope.record.cell(*column, buffer),
            Input::Template(template, columns) => match self.view.plan.rendered(*template, columns, scope.record) {
                Ok(rendered) => {
                    *buffer = rendered.into_bytes();
                    buffer.as_slice()
                }
                Err(reason) => {
                    return self.problem(
                        Code::TransformTemplate,
                        format!("the template failed on this record: {reason}"),
                        "",
                        scope,
                        column,
                        rule,
                    );
                }
            },
        };
        let is_template = matches!(leaf.input, Input::Template(..));
        if if is_template { text.is_empty() } else { dialect.is_null(text) } {
            match &leaf.fallback {
                Some(fallback) => text = fallback,
                None => return self.empty(leaf, scope, column, rule),
            }
        }
        let start = self.out.len();
        match &leaf.codes {
            Some(codes) => match codes.get(text.into()) {
                Some(json) => self.out.extend_lanes(json),
                None => return self.unknown(codes, text, leaf, scope, column, rule),
            },
            None => match leaf.conversion.write(text.into(), self.out) {
                Ok(()) => {}
                Err(code) => {
                    let hint = match &leaf.conversion {
                        Conversion::Decimal(NumberFormat { decimal_separator: b'.', .. }) if text.contains(&b',') => {
                            "if the file writes decimals with a comma, declare `decimal_mark: \",\"` for this column"
                        }
                        _ => "",
                    };
                    return self.problem(
                        code,
                        format!("expected {}", leaf.conversion.describe_expected()),
                        hint,
                        scope,
                        column,
                        rule,
                    );
                }
            },
        }
        self.checked(leaf, start)
    }

    /// Each leaf is checked as it is written; the fast way stops at a doubt, and the traced way notes it.
    fn checked(&mut self, leaf: &'a Leaf, start: usize) -> Written {
        if leaf.checks.accept(&self.view.plan.contract, &self.out[start..]) {
            return Ok(true);
        }
        if !W::TRACED {
            return Err(Stop);
        }
        self.watch.doubt(leaf, &self.out[start..]);
        Ok(true)
    }

    fn empty(&mut self, leaf: &'a Leaf, scope: &Scope<'a>, column: Option<usize>, rule: &'a str) -> Written {
        if leaf.if_empty.then == IfEmpty::Reject {
            let hint = "fill it in, or say what an empty cell means with `default` or `if_empty`";
            return self.problem(
                Code::TransformEmpty,
                "the cell is empty, and the mapping needs a value".into(),
                hint,
                scope,
                column,
                rule,
            );
        }
        if leaf.if_empty.warn {
            self.warning(Code::TransformEmpty, "the cell is empty".into(), scope, column, rule)?;
        }
        let start = self.out.len();
        match leaf.if_empty.then {
            IfEmpty::Keep => {
                self.out.extend(b"\"\"");
                self.checked(leaf, start)
            }
            IfEmpty::SetNull => {
                self.out.extend(b"null");
                Ok(true)
            }
            IfEmpty::Omit | IfEmpty::Reject => Ok(false),
        }
    }

    fn unknown(
        &mut self,
        codes: &'a Codes,
        text: &[u8],
        leaf: &'a Leaf,
        scope: &Scope<'a>,
        column: Option<usize>,
        rule: &'a str,
    ) -> Written {
        let message = format!("this code is not in the code table `{}`", codes.name);
        if codes.on_unknown.then == OnUnknown::Reject {
            let hint = "add it to the table, or set `on_unknown` for the table";
            return self.problem(Code::TransformNotInCodeTable, message, hint, scope, column, rule);
        }
        if codes.on_unknown.warn {
            self.warning(Code::TransformNotInCodeTable, message, scope, column, rule)?;
        }
        let start = self.out.len();
        match &codes.on_unknown.then {
            OnUnknown::Keep => {
                write_text(text.into(), self.out);
                self.checked(leaf, start)
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

    fn many(&mut self, many: &'a Many, scope: &Scope<'a>, rule: &'a str) -> Written {
        let View { groups, fates, .. } = *self.view;
        self.watch.origin(scope.source, scope.row, None, rule);
        self.out.push(b'[');
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
            match fates[many.source][*child as usize] {
                Fate::Filtered => continue,
                Fate::Rejected if step.may_drop => continue,
                Fate::Rejected if !W::TRACED => return Err(Stop),
                Fate::Rejected => {
                    self.watch.bad(step);
                    continue;
                }
                Fate::Good | Fate::Pending => {}
            }
            self.watch.enter(Name::Item(count));
            self.watch.enter_record(step);
            let written = self.value(&many.item, &self.scope(many.source, *child), rule);
            self.watch.leave_record();
            self.watch.leave();
            if written? {
                self.out.push(b',');
                count += 1;
            }
        }
        match count {
            0 => self.out.push(b']'),
            _ => self.out.set(self.out.len() - 1, b']'),
        }
        if count < many.min || count > many.max {
            let message = format!("{count} related records, where the mapping asks for {}", range(many.min, many.max));
            self.problem_beside(Code::TransformCount, message, scope, rule)?;
        }
        let allowed = count >= many.allowed.0 && count <= many.allowed.1;
        if !allowed {
            self.watch.doubt_all();
        }
        if W::TRACED || allowed { Ok(true) } else { Err(Stop) }
    }

    /// Writes items of a list, a comma behind each, as long as they are good records of fast fields; gives how many.
    fn write_fast_items(&mut self, many: &'a Many, children: &[u32]) -> usize {
        let ValuePlan::Object(object) = &many.item else { return 0 };
        if self.watch.notes_all() {
            return 0;
        }
        let fates = &self.view.fates[many.source];
        let good = children.iter().copied().take_while(|child| fates[*child as usize] == Fate::Good);
        fast::write_items(object, &self.view.tables[many.source], good, self.out)
    }

    fn one(&mut self, one: &'a One, scope: &Scope<'a>, rule: &'a str) -> Written {
        let View { groups, fates, plan, .. } = *self.view;
        let link = &plan.links[one.link];
        let column = link.parent_columns.first().copied();
        let target = groups.lookup(one.link, scope.row);
        let found = target != NONE && fates[one.source][target as usize] != Fate::Rejected;
        if found {
            return self.value(&one.value, &self.scope(one.source, target), rule);
        }
        let name = &plan.sources[one.source].name;
        self.watch.origin(scope.source, scope.row, column, rule);
        if target != NONE || one.on_missing.then == OnLookup::Reject {
            let (message, hint) = if target == NONE {
                (
                    format!("no record of `{name}` has this key"),
                    "add the missing record, or set `on_missing` for this field",
                )
            } else {
                (format!("the record of `{name}` with this key is rejected"), "mend that record")
            };
            return self.problem(Code::JoinLookupNotFound, message, hint, scope, column, rule);
        }
        if one.on_missing.warn {
            self.warning(Code::JoinLookupNotFound, format!("no record of `{name}` has this key"), scope, column, rule)?;
        }
        if one.on_missing.then == OnLookup::SetNull {
            self.out.extend(b"null");
        }
        Ok(one.on_missing.then == OnLookup::SetNull)
    }

    /// A problem in the place of a value: the fast way stops; the traced way writes a placeholder that nobody will see.
    fn problem(
        &mut self,
        code: Code,
        message: String,
        hint: &'static str,
        scope: &Scope<'a>,
        column: Option<usize>,
        rule: &'a str,
    ) -> Written {
        if !W::TRACED {
            return Err(Stop);
        }
        self.out.extend(b"null");
        self.note(code, message, hint, scope, column, rule, false);
        Ok(true)
    }

    /// A problem beside a value that was written.
    fn problem_beside(&mut self, code: Code, message: String, scope: &Scope<'a>, rule: &'a str) -> Result<(), Stop> {
        if !W::TRACED {
            return Err(Stop);
        }
        self.note(code, message, "", scope, None, rule, false);
        Ok(())
    }

    /// Something the mapping allows and wants to be told of: only the traced way can tell it.
    fn warning(
        &mut self,
        code: Code,
        message: String,
        scope: &Scope<'a>,
        column: Option<usize>,
        rule: &'a str,
    ) -> Result<(), Stop> {
        if !W::TRACED {
            return Err(Stop);
        }
        self.note(code, message, "", scope, column, rule, true);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "these are the parts of one problem, known in different places")]
    fn note(
        &mut self,
        code: Code,
        message: String,
        hint: &'static str,
        scope: &Scope<'a>,
        column: Option<usize>,
        rule: &'a str,
        warning: bool,
    ) {
        self.watch.problem(Problem {
            code,
            message,
            hint,
            source: scope.source,
            row: scope.row,
            column,
            rule,
            warning,
            spot: 0,
            walk: NOWHERE,
        });
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
