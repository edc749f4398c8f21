//! The joined records of a case -> what of its mapping they touch: codes, branches of policies, both sides of conditions.
//!
//! Everything has a key: a policy is the pointer of its rule, the sides of a condition that pointer with what it was, a code its
//! table and itself, a field its pointer in documents. Records are looked at before their documents are decided about, so that
//! what leads to a reject is touched too; a field is touched only by a document that may be sent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    config::mapping::policy::OnOrphan,
    partition::loaded::LoadedPartition,
    plan::{Condition, EmptyPolicy, Leaf, Many, ObjectPlan, One, Plan, ValuePlan, ValueSource, When},
    recording::{View, ledger::RowStatus},
    table::{NONE, row::Row},
};

/// The key of a code.
pub(super) fn key_of_code(table: &str, code: &[u8]) -> String {
    format!("{table}#{}", String::from_utf8_lossy(code))
}

/// The key of a side of a condition.
pub(super) fn key_of_side(rule: &str, holds: bool) -> String {
    format!("{rule}#{holds}")
}

/// The key of a field.
pub(super) fn key_of_field(pointer: &str) -> String {
    format!("field {pointer}")
}

/// Finds what the records of a partition touch, which are joined and not decided about.
pub(super) fn find_in_records(plan: &Plan, loaded: &LoadedPartition) -> BTreeSet<String> {
    let view = loaded.view(plan);
    let mut walk = RecordWalk { view, touched: BTreeSet::new() };
    if let Some(only) = &plan.only {
        walk.try_condition_on_all(only, plan.each);
    }
    for (number, link) in plan.links.iter().enumerate() {
        if let Some(only) = &link.only {
            walk.try_condition_on_all(only, link.child);
        }
        if link.many && link.on_orphan.then == OnOrphan::Ignore {
            walk.find_ignored_orphans(number);
        }
    }
    for (number, source) in plan.sources.iter().enumerate() {
        if !loaded.tables[number].merged.rows.is_empty() {
            let name = crate::json_pointer::escape(&source.name);
            walk.touched.insert(format!("/sources/{name}/on_duplicate_key"));
        }
    }
    for root in 0..loaded.tables[plan.each].len() {
        if !walk.is_left_out(plan.each, root) {
            walk.visit_object(&plan.document, plan.each, root);
        }
    }
    walk.touched
}

/// The records of a partition, and what they touched so far.
struct RecordWalk<'a> {
    view: View<'a>,
    touched: BTreeSet<String>,
}

impl<'a> RecordWalk<'a> {
    fn row(&self, source: usize, row: u32) -> Row<'a> {
        self.view.tables[source].row(row)
    }

    fn is_left_out(&self, source: usize, row: u32) -> bool {
        matches!(self.view.statuses[source][row as usize], RowStatus::Filtered | RowStatus::Rejected)
    }

    /// Tries a condition on all records that could be read, also on those that it leaves out.
    fn try_condition_on_all(&mut self, only: &Condition, source: usize) {
        for row in 0..self.view.tables[source].len() {
            if self.view.statuses[source][row as usize] != RowStatus::Rejected
                && let Ok(holds) = only.expression.holds(self.row(source, row))
            {
                self.touched.insert(key_of_side(&only.rule, holds));
            }
        }
    }

    /// Finds records of a link that belong to none and are left out without a word.
    fn find_ignored_orphans(&mut self, number: usize) {
        let link = &self.view.plan.links[number];
        let parents = 0..self.view.tables[link.parent].len();
        let mut owned = BTreeSet::new();
        for parent in parents {
            owned.extend(self.view.groups.children(number, parent).iter().copied());
        }
        for row in (0..self.view.tables[link.child].len()).filter(|row| !owned.contains(row)) {
            let is_meant = |only: &Condition| only.expression.holds(self.row(link.child, row)).unwrap_or(true);
            let status = self.view.statuses[link.child][row as usize];
            if status == RowStatus::Filtered && link.only.as_ref().is_none_or(is_meant) {
                self.touched.insert(format!("{}/on_orphan", link.rule));
            }
        }
    }

    fn visit_object(&mut self, object: &ObjectPlan, source: usize, row: u32) {
        for field in &object.fields {
            self.visit_value(&field.value, source, row, &field.rule);
        }
    }

    fn visit_value(&mut self, value: &ValuePlan, source: usize, row: u32, rule: &str) {
        match value {
            ValuePlan::Const(_) | ValuePlan::Aggregate(_) => {}
            ValuePlan::Leaf(leaf) => self.visit_leaf(leaf, self.row(source, row), rule),
            ValuePlan::Pieces(pieces) => {
                let record = self.row(source, row);
                let said = pieces.leaf.columns().iter().find_map(|column| record.said(*column)).unwrap_or_default();
                let mut count = 0;
                for piece in pieces.split.pieces(&said) {
                    count += 1;
                    self.visit_code(&pieces.leaf, piece.as_bytes());
                }
                self.note_empty(count == 0, &pieces.if_empty, rule);
            }
            ValuePlan::Object(object) => {
                self.note_empty(!self.is_filled(value, source, row), &object.if_empty, rule);
                self.visit_object(object, source, row);
            }
            ValuePlan::List(list) => {
                self.note_empty(!self.is_filled(value, source, row), &list.if_empty, rule);
                list.items.iter().for_each(|item| self.visit_value(&item.value, source, row, &item.rule));
            }
            ValuePlan::When(when) => self.visit_when(when, source, row, rule),
            ValuePlan::Many(many) => self.visit_many(many, row, rule),
            ValuePlan::One(one) => self.visit_one(one, source, row, rule),
        }
    }

    fn visit_leaf(&mut self, leaf: &Leaf, record: Row<'_>, rule: &str) {
        let text = match &leaf.from {
            ValueSource::Column(column) => Ok(record.said(*column).unwrap_or_default().into_owned()),
            ValueSource::Template(template) => template.render(record),
            ValueSource::Value(expression) => expression.evaluate(record).map(|value| {
                let mut text = String::new();
                value.write_plain(&mut text);
                text
            }),
        };
        match text {
            Err(_) => {}
            Ok(text) if text.is_empty() && leaf.fallback.is_some() => {
                self.touched.insert(format!("{rule}/default"));
            }
            Ok(text) if text.is_empty() => self.note_empty(true, &leaf.if_empty, rule),
            Ok(text) => self.visit_code(leaf, text.as_bytes()),
        }
    }

    fn visit_code(&mut self, leaf: &Leaf, text: &[u8]) {
        if let Some(codes) = &leaf.codes {
            self.touched.insert(match codes.get(text.into()) {
                Some(_) => key_of_code(&codes.rule, text),
                None => format!("{}/on_unknown", codes.rule),
            });
        }
    }

    fn visit_when(&mut self, when: &When, source: usize, row: u32, rule: &str) {
        if let Ok(holds) = when.condition.expression.holds(self.row(source, row)) {
            self.touched.insert(key_of_side(&when.condition.rule, holds));
            self.note_empty(!holds, &when.if_empty, rule);
            if holds {
                self.visit_value(&when.value, source, row, rule);
            }
        }
    }

    fn visit_many(&mut self, many: &Many, row: u32, rule: &str) {
        let children = self.view.groups.children(many.link, row);
        let children: Vec<u32> =
            children.iter().copied().filter(|child| !self.is_left_out(many.source, *child)).collect();
        let count = children.len() as u64;
        self.note_empty(count == 0, &many.if_empty, rule);
        for (key, is_touched) in [("min", count < many.min), ("max", count > many.max)] {
            if is_touched {
                self.touched.insert(format!("{rule}/{key}"));
            }
        }
        for child in children {
            self.visit_value(&many.item, many.source, child, rule);
        }
    }

    fn visit_one(&mut self, one: &One, source: usize, row: u32, rule: &str) {
        let target = self.view.groups.lookup(one.link, row);
        if target != NONE {
            return self.visit_value(&one.value, one.source, target, rule);
        }
        let columns = &self.view.plan.links[one.link].parent_columns.columns;
        let is_empty = columns.iter().any(|column| self.row(source, row).said(*column).is_none());
        let key = if is_empty && one.if_empty.is_some() { "if_empty" } else { "on_missing" };
        self.touched.insert(format!("{rule}/{key}"));
    }

    /// Notes that there was nothing for a value: what the value says of it, or what is said for all.
    fn note_empty(&mut self, is_empty: bool, policy: &EmptyPolicy, rule: &str) {
        if is_empty {
            let key = if policy.is_declared { format!("{rule}/if_empty") } else { "/output/if_empty".to_owned() };
            self.touched.insert(key);
        }
    }

    /// Whether a cell of a value is filled, or there are related records.
    fn is_filled(&self, value: &ValuePlan, source: usize, row: u32) -> bool {
        let record = self.row(source, row);
        let has = |leaf: &Leaf| leaf.columns().iter().any(|column| record.is_filled(*column));
        match value {
            ValuePlan::Const(_) => false,
            ValuePlan::Aggregate(_) => true,
            ValuePlan::Leaf(leaf) => has(leaf),
            ValuePlan::Pieces(pieces) => has(&pieces.leaf),
            ValuePlan::Object(object) => object.fields.iter().any(|field| self.is_filled(&field.value, source, row)),
            ValuePlan::List(list) => list.items.iter().any(|item| self.is_filled(&item.value, source, row)),
            ValuePlan::When(when) => self.is_filled(&when.value, source, row),
            ValuePlan::Many(many) => !self.view.groups.children(many.link, row).is_empty(),
            ValuePlan::One(one) => self.view.groups.lookup(one.link, row) != NONE,
        }
    }
}

/// Finds the fields that a document fills with something: neither `null` nor an empty text or list.
pub(super) fn find_in_document(plan: &Plan, document: &Value, touched: &mut BTreeSet<String>) {
    find_in_fields(&plan.document, document, "", touched);
}

fn find_in_fields(object: &ObjectPlan, json: &Value, pointer: &str, touched: &mut BTreeSet<String>) {
    for field in &object.fields {
        if let Some(json) = json.get(&field.name) {
            let pointer = format!("{pointer}/{}", crate::json_pointer::escape(&field.name));
            find_in_value(&field.value, json, &pointer, touched);
        }
    }
}

fn find_in_value(value: &ValuePlan, json: &Value, pointer: &str, touched: &mut BTreeSet<String>) {
    let items = || json.as_array().into_iter().flatten().chain(json.as_object().into_iter().flat_map(|it| it.values()));
    match value {
        ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Aggregate(_) => {
            let is_nothing = json.is_null() || json == "" || json.as_array().is_some_and(Vec::is_empty);
            if !is_nothing {
                touched.insert(key_of_field(pointer));
            }
        }
        ValuePlan::Object(object) => find_in_fields(object, json, pointer, touched),
        ValuePlan::List(list) => {
            for (place, (item, json)) in list.items.iter().zip(items()).enumerate() {
                find_in_value(&item.value, json, &format!("{pointer}/{place}"), touched);
            }
        }
        ValuePlan::When(when) => find_in_value(&when.value, json, pointer, touched),
        ValuePlan::One(one) => find_in_value(&one.value, json, pointer, touched),
        ValuePlan::Many(many) => {
            items().for_each(|json| find_in_value(&many.item, json, &format!("{pointer}/*"), touched));
        }
    }
}
