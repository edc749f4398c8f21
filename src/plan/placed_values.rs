//! The values of the documents as a list, in their order: for everything that is told of a mapping, and not done with it.

use crate::{
    json_pointer::escape,
    plan::{ObjectPlan, Plan, ValuePlan},
};

/// A value of the documents, and where it stands.
#[derive(Clone, Debug)]
pub struct PlacedValue<'p> {
    /// Its pointer in a document, with `*` for every item. A condition and a lookup stand where their value does.
    pub pointer: String,
    /// Where it stands in the mapping.
    pub rule: &'p str,
    /// The source whose record it is written from.
    pub source: usize,
    /// The value.
    pub value: &'p ValuePlan,
}

impl Plan {
    /// The values of the documents, each in front of those in it.
    #[must_use]
    pub fn list_values(&self) -> Vec<PlacedValue<'_>> {
        let mut values = Vec::new();
        add_fields(&self.document, self.each, "", &mut values);
        values
    }
}

fn add_fields<'p>(object: &'p ObjectPlan, source: usize, pointer: &str, values: &mut Vec<PlacedValue<'p>>) {
    for field in &object.fields {
        let pointer = format!("{pointer}/{}", escape(&field.name));
        add_value(PlacedValue { pointer, rule: &field.rule, source, value: &field.value }, values);
    }
}

fn add_value<'p>(placed: PlacedValue<'p>, values: &mut Vec<PlacedValue<'p>>) {
    let PlacedValue { pointer, rule, source, value } = placed.clone();
    values.push(placed);
    match value {
        ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Aggregate(_) => {}
        ValuePlan::Object(object) => add_fields(object, source, &pointer, values),
        ValuePlan::List(list) => {
            for (place, item) in list.items.iter().enumerate() {
                let pointer = format!("{pointer}/{place}");
                add_value(PlacedValue { pointer, rule: &item.rule, source, value: &item.value }, values);
            }
        }
        ValuePlan::When(when) => add_value(PlacedValue { pointer, rule, source, value: &when.value }, values),
        ValuePlan::One(one) => {
            add_value(PlacedValue { pointer, rule, source: one.source, value: &one.value }, values);
        }
        ValuePlan::Many(many) => {
            let pointer = format!("{pointer}/*");
            add_value(PlacedValue { pointer, rule, source: many.source, value: &many.item }, values);
        }
    }
}
