//! Causes of findings -> the overview: with the rows of their sources, and the fields that their rules make.

use std::{cell::OnceCell, collections::BTreeMap};

use crate::{
    plan::{ObjectPlan, Plan, ValuePlan},
    recording::{
        cause_tally::CauseTally,
        overview::{Overview, SimplePlace},
        summary::SourceTally,
    },
};

/// The overview of what was counted.
pub(crate) fn overview(plan: &Plan, causes: &CauseTally, sources: &[SourceTally]) -> Overview {
    let of = |name: &str| sources.iter().find(|source| source.name == name);
    let rows = |name: &str| of(name).map(|source| source.merged_rows.unwrap_or(source.rows));
    // Most runs find nothing.
    let fields = OnceCell::new();
    causes.overview(&rows, &|rule| fields.get_or_init(|| name_fields(plan)).get(rule).cloned())
}

/// All fields that a mapping makes, in the order of the document.
pub(crate) fn fields(plan: &Plan) -> Vec<String> {
    let mut fields = Vec::new();
    add_fields(&plan.document, "", &mut fields);
    fields
}

fn add_fields(object: &ObjectPlan, before: &str, fields: &mut Vec<String>) {
    for field in &object.fields {
        let name = format!("{before}{}", field.name);
        let inner = format!("{name}.");
        fields.push(name);
        add_fields_of_value(&field.value, &inner, fields);
    }
}

fn add_fields_of_value(value: &ValuePlan, before: &str, fields: &mut Vec<String>) {
    match value {
        ValuePlan::Object(object) => add_fields(object, before, fields),
        ValuePlan::When(when) => add_fields_of_value(&when.value, before, fields),
        ValuePlan::Many(many) => add_fields_of_value(&many.item, before, fields),
        ValuePlan::One(one) => add_fields_of_value(&one.value, before, fields),
        ValuePlan::List(_)
        | ValuePlan::Pieces(_)
        | ValuePlan::Const(_)
        | ValuePlan::Leaf(_)
        | ValuePlan::Aggregate(_) => {}
    }
}

/// The name of the field that each rule of the output makes, by the place of the rule.
fn name_fields(plan: &Plan) -> BTreeMap<SimplePlace, String> {
    let named = plan.places.below("/output").filter_map(|(pointer, _)| {
        let name = name_field(pointer.strip_prefix("/output")?)?;
        Some((SimplePlace::from(&plan.place(pointer)), name))
    });
    // Of a field and what stands below it in one place, the first is the field.
    named.fold(BTreeMap::new(), |mut fields, (place, name)| {
        fields.entry(place).or_insert(name);
        fields
    })
}

/// The field that a rule below `output` makes, as in `purchases.price`; `None`: the document as a whole.
fn name_field(pointer: &str) -> Option<String> {
    let mut parts = pointer.split('/').skip(1);
    let mut names = Vec::new();
    while let Some(part) = parts.next() {
        if part != "fields" {
            break;
        }
        names.extend(parts.next().map(|name| name.replace("~1", "/").replace("~0", "~")));
    }
    (!names.is_empty()).then(|| names.join("."))
}

#[cfg(test)]
mod tests {
    use crate::commands::field_names::name_field;

    #[test]
    fn fields_have_the_names_of_the_document() {
        for (pointer, name) in [
            ("", None),
            ("/each", None),
            ("/fields/email", Some("email")),
            ("/fields/salutation/codes", Some("salutation")),
            ("/fields/purchases/fields/price", Some("purchases.price")),
            ("/fields/fields/fields/a~1b/list/0", Some("fields.a/b")),
        ] {
            assert_eq!(name_field(pointer).as_deref(), name, "{pointer}");
        }
    }
}
