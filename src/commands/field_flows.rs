//! A plan -> what each field of the document is made of, for reports.

use crate::{
    plan::{Leaf, ObjectPlan, Plan, SourcePlan, ValuePlan, ValueSource},
    report::run_report::FieldFlow,
};

/// What the fields of a mapping are made of, in the order of the document.
pub(crate) fn flows(plan: &Plan) -> Vec<FieldFlow> {
    let mut flows = Vec::new();
    add_object(plan, &plan.document, plan.each, "", &mut flows);
    flows
}

fn add_object(plan: &Plan, object: &ObjectPlan, source: usize, before: &str, flows: &mut Vec<FieldFlow>) {
    for field in &object.fields {
        add_value(plan, &field.value, source, &format!("{before}{}", field.name), flows);
    }
}

fn add_value(plan: &Plan, value: &ValuePlan, source: usize, field: &str, flows: &mut Vec<FieldFlow>) {
    let field_of = |via: &str| FieldFlow { field: field.to_owned(), via: via.to_owned(), ..FieldFlow::default() };
    match value {
        ValuePlan::Const(_) => flows.push(field_of("constant")),
        ValuePlan::Aggregate(aggregate) => flows.push(field_of(if aggregate.is_sum { "sum" } else { "count" })),
        ValuePlan::Leaf(leaf) => flows.push(flow_of_leaf(plan, leaf, source, field)),
        ValuePlan::Pieces(pieces) => {
            let flow = flow_of_leaf(plan, &pieces.leaf, source, field);
            flows.push(FieldFlow { via: "list cell".into(), ..flow });
        }
        ValuePlan::Object(object) => add_object(plan, object, source, &format!("{field}."), flows),
        ValuePlan::When(when) => add_value(plan, &when.value, source, field, flows),
        ValuePlan::List(list) => {
            for item in &list.items {
                add_value(plan, &item.value, source, &format!("{field}[]"), flows);
            }
        }
        ValuePlan::Many(many) => add_value(plan, &many.item, many.source, &format!("{field}[]"), flows),
        ValuePlan::One(one) => add_value(plan, &one.value, one.source, field, flows),
    }
}

fn flow_of_leaf(plan: &Plan, leaf: &Leaf, source: usize, field: &str) -> FieldFlow {
    let via = match (&leaf.codes, &leaf.from) {
        (Some(codes), _) => format!("codes {}", codes.name),
        (None, ValueSource::Template(_)) => "template".into(),
        (None, ValueSource::Value(_)) => "calculated".into(),
        (None, ValueSource::Column(_)) => match leaf.conversion.type_name() {
            "text" => String::new(),
            name => name.into(),
        },
    };
    let SourcePlan { name, columns, .. } = &plan.sources[source];
    FieldFlow {
        field: field.to_owned(),
        source: name.clone(),
        columns: leaf.columns().iter().map(|column| columns[*column].name.clone()).collect(),
        via,
    }
}
