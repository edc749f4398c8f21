//! Which columns with a declared type are checked when records are joined: those that no field checks, or not in time.
//!
//! A field that is read from a column checks its cells, but only in records that are written, and after they were joined.
//! Where a column is used otherwise (in a key, a `match`, a condition, an order, a total, an expression or behind a code table),
//! a cell that is not of its type would be taken for a text.

use std::collections::BTreeSet;

use crate::plan::{CheckedColumns, ObjectPlan, Plan, ValuePlan, ValueSource, conversion::Conversion};

/// Finds the columns of every source that are checked when its records are joined.
pub(super) fn find(plan: &mut Plan) {
    let mut written = WrittenColumns::default();
    let mut checked = BTreeSet::new();
    written.add_object(&plan.document, plan.each, &mut checked);
    written.records.push((plan.each, checked));
    for number in 0..plan.sources.len() {
        plan.sources[number].checked = find_in_source(plan, number, &written);
    }
}

fn find_in_source(plan: &Plan, number: usize, written: &WrittenColumns) -> CheckedColumns {
    let source = &plan.sources[number];
    let mut known = BTreeSet::new();
    let mut select = |columns: Vec<usize>| -> Vec<usize> {
        let is_typed =
            |column: &usize| !matches!(source.columns[*column].conversion, Conversion::Text | Conversion::Code);
        columns.into_iter().filter(|column| is_typed(column) && known.insert(*column)).collect()
    };
    let in_key = select(source.key.columns.clone());
    let in_match = select(find_in_match(plan, number));
    let in_where = select(find_in_where(plan, number));
    let mut in_output = find_in_output(plan, number, written);
    in_output.retain(|column| !written.checks_always(number, *column));
    CheckedColumns { in_key, in_match, in_where, in_output: select(in_output) }
}

/// The columns of a source that name the key of another record.
fn find_in_match(plan: &Plan, number: usize) -> Vec<usize> {
    let mut columns = Vec::new();
    for link in &plan.links {
        if link.many && link.child == number {
            columns.extend_from_slice(&link.child_columns.columns);
        }
        if !link.many && link.parent == number {
            columns.extend_from_slice(&link.parent_columns.columns);
        }
    }
    columns
}

/// The columns of a source that decide which of its records go out.
fn find_in_where(plan: &Plan, number: usize) -> Vec<usize> {
    let links = plan.links.iter().filter(|link| link.child == number).filter_map(|link| link.only.as_ref());
    let root = plan.only.as_ref().filter(|_| plan.each == number);
    links.chain(root).flat_map(|condition| condition.expression.columns.iter().copied()).collect()
}

/// The columns of a source that orders, totals, expressions and code tables use.
fn find_in_output(plan: &Plan, number: usize, written: &WrittenColumns) -> Vec<usize> {
    let links = plan.links.iter().filter(|link| link.child == number);
    let mut columns: Vec<usize> = links.flat_map(|link| &link.order).map(|(column, _)| *column).collect();
    if let Some((sum, by)) = plan.sources[number].total {
        columns.extend([sum].into_iter().chain(by));
    }
    columns.extend(written.elsewhere.iter().filter(|(source, _)| *source == number).map(|(_, column)| *column));
    columns
}

/// What the fields of a document do with columns.
#[derive(Default)]
struct WrittenColumns {
    /// For each kind of record that is written: its source, and the columns that are checked by a field.
    records: Vec<(usize, BTreeSet<usize>)>,
    /// Columns that are used by an expression or behind a code table, with their sources.
    elsewhere: Vec<(usize, usize)>,
}

impl WrittenColumns {
    /// Whether a column is checked by a field whenever a record of its source is written.
    fn checks_always(&self, source: usize, column: usize) -> bool {
        self.records.iter().filter(|(written, _)| *written == source).all(|(_, checked)| checked.contains(&column))
    }

    fn add_object(&mut self, object: &ObjectPlan, source: usize, checked: &mut BTreeSet<usize>) {
        object.fields.iter().for_each(|field| self.add_value(&field.value, source, checked));
    }

    fn add_value(&mut self, value: &ValuePlan, source: usize, checked: &mut BTreeSet<usize>) {
        match value {
            ValuePlan::Const(_) => {}
            ValuePlan::Pieces(pieces) => self.elsewhere.extend(pieces.leaf.columns().iter().map(|it| (source, *it))),
            ValuePlan::Leaf(leaf) => match (&leaf.from, &leaf.codes) {
                (ValueSource::Column(column), None) => drop(checked.insert(*column)),
                (ValueSource::Column(column), Some(_)) => self.elsewhere.push((source, *column)),
                (ValueSource::Template(_) | ValueSource::Value(_), _) => {
                    self.elsewhere.extend(leaf.columns().iter().map(|column| (source, *column)));
                }
            },
            ValuePlan::Object(object) => self.add_object(object, source, checked),
            ValuePlan::List(list) => list.items.iter().for_each(|item| self.add_value(&item.value, source, checked)),
            // Where the condition does not hold, no field looks at the cells.
            ValuePlan::When(when) => {
                let mut sometimes = BTreeSet::new();
                self.add_value(&when.value, source, &mut sometimes);
                let columns = when.condition.expression.columns.iter().chain(&sometimes);
                self.elsewhere.extend(columns.map(|column| (source, *column)));
            }
            ValuePlan::Many(many) => self.add_record(&many.item, many.source),
            ValuePlan::One(one) => self.add_record(&one.value, one.source),
        }
    }

    fn add_record(&mut self, value: &ValuePlan, source: usize) {
        let mut checked = BTreeSet::new();
        self.add_value(value, source, &mut checked);
        self.records.push((source, checked));
    }
}
