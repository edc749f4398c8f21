//! What the fields of a document do with columns: a walk over all values, once for everything that is asked about columns.

use std::collections::BTreeSet;

use crate::plan::{ObjectPlan, Plan, ValuePlan, ValueSource};

/// What the fields of a document do with columns.
#[derive(Default)]
pub(super) struct WrittenColumns {
    /// For each kind of record that is written: its source, and the columns that are checked by a field.
    records: Vec<(usize, BTreeSet<usize>)>,
    /// Columns that are used by an expression or behind a code table, with their sources.
    elsewhere: Vec<(usize, usize)>,
}

impl WrittenColumns {
    /// What the fields of the documents of a plan do.
    pub(super) fn of(plan: &Plan) -> WrittenColumns {
        let (mut written, mut checked) = (WrittenColumns::default(), BTreeSet::new());
        written.add_object(&plan.document, plan.each, &mut checked);
        written.records.push((plan.each, checked));
        written
    }

    /// The columns of a source that are used otherwise than by a field that checks them.
    pub(super) fn used_elsewhere(&self, source: usize) -> impl Iterator<Item = usize> {
        self.elsewhere.iter().filter(move |(used, _)| *used == source).map(|(_, column)| *column)
    }

    /// The columns of a source that are used in any way.
    pub(super) fn used(&self, source: usize) -> impl Iterator<Item = usize> {
        let records = self.records.iter().filter(move |(written, _)| *written == source);
        records.flat_map(|(_, checked)| checked).copied().chain(self.used_elsewhere(source))
    }

    /// Whether a column is checked by a field whenever a record of its source is written.
    pub(super) fn checks_always(&self, source: usize, column: usize) -> bool {
        self.records.iter().filter(|(written, _)| *written == source).all(|(_, checked)| checked.contains(&column))
    }

    fn add_object(&mut self, object: &ObjectPlan, source: usize, checked: &mut BTreeSet<usize>) {
        object.fields.iter().for_each(|field| self.add_value(&field.value, source, checked));
    }

    fn add_value(&mut self, value: &ValuePlan, source: usize, checked: &mut BTreeSet<usize>) {
        match value {
            ValuePlan::Const(_) | ValuePlan::Aggregate(_) => {}
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
