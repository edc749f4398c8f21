//! The compiler of counts and sums: a path through lists of the same object, to items or to numbers.
//!
//! A path only goes down from the object that the count or sum stands in, so no number is made of itself.

use indexmap::IndexMap;

use crate::{
    config::mapping::field::{Field, FieldLong},
    diagnostic::{Code, nearest},
    json_pointer::{escape, unescape},
    plan::{
        Aggregate, FieldPlan, Leaf, ObjectPlan, ValuePlan,
        checks::Checks,
        compile::Compiler,
        conversion::{Conversion, write_text},
    },
    text::{buffer::OutputBuffer, exact_decimal::ExactDecimal, number::NumberFormat},
};

/// What a path leads to.
#[derive(Default)]
struct AggregateEnd {
    /// A list is on the way, or it is one.
    has_list: bool,
    /// All numbers there are whole.
    is_whole: bool,
}

/// What is wrong with a path: the code, the message, and what to write.
type AggregateFault = (Code, String, String);

impl Aggregate {
    /// A count or a sum before its path is looked at.
    pub(super) fn unresolved(is_sum: bool) -> ValuePlan {
        let conversion = Conversion::Integer(NumberFormat::WHOLE);
        ValuePlan::Aggregate(Box::new(Aggregate { steps: Vec::new(), is_sum, conversion, checks: Checks::default() }))
    }
}

/// The count or sum of a field, if it is one.
fn aggregate_of(value: &mut ValuePlan) -> Option<&mut Aggregate> {
    match value {
        ValuePlan::Aggregate(aggregate) => Some(aggregate),
        ValuePlan::When(when) => aggregate_of(&mut when.value),
        _ => None,
    }
}

impl Compiler<'_> {
    /// Resolves the paths of the counts and sums of an object, once all of its fields are known; gives which fields they are.
    pub(super) fn resolve_aggregates(
        &mut self,
        written: &IndexMap<String, Field>,
        fields: &mut [FieldPlan],
    ) -> Vec<usize> {
        let mut aggregates = Vec::new();
        for number in 0..fields.len() {
            let Some(Field(field)) = written.get(&fields[number].name) else { continue };
            let (Some(path), Some(_)) = (path_of(field), aggregate_of(&mut fields[number].value)) else { continue };
            aggregates.push(number);
            let is_sum = field.sum.is_some();
            let found = match read_steps(path) {
                Ok(steps) => find_in_fields(fields, &steps, is_sum, "this object").map(|end| (steps, end)),
                Err(fault) => Err(fault),
            };
            let found = found.and_then(|(steps, end)| match end.has_list {
                true => Ok((steps, end)),
                false => {
                    let message =
                        format!("no list is on the way to `{path}`, so there is nothing to count or to add up");
                    Err(wrong(message, "name a list of this object, as in `lines` or `lines/price`"))
                }
            });
            match (found, aggregate_of(&mut fields[number].value)) {
                (Ok((steps, end)), Some(aggregate)) => {
                    aggregate.steps = steps.iter().map(|step| to_json(step)).collect();
                    if is_sum && !end.is_whole {
                        aggregate.conversion = Conversion::Decimal(NumberFormat::JSON);
                    }
                }
                (Err((code, message, hint)), _) => {
                    let key = if is_sum { "sum" } else { "count" };
                    let pointer = format!("{}/{key}", fields[number].rule);
                    self.report(code, &pointer, message, hint);
                }
                (Ok(_), None) => {}
            }
        }
        aggregates
    }
}

fn path_of(field: &FieldLong) -> Option<&str> {
    field.count.as_deref().or(field.sum.as_deref())
}

/// A name as JSON writes it.
fn to_json(name: &str) -> Vec<u8> {
    let mut json = OutputBuffer::default();
    write_text(name.as_bytes().into(), &mut json);
    json.into()
}

/// The names of a path.
fn read_steps(path: &str) -> Result<Vec<String>, AggregateFault> {
    if path.is_empty() || path.split('/').any(str::is_empty) {
        let message = format!("`{path}` is no path: between its names stands one `/`, and none at its ends");
        return Err(wrong(message, "write it as in `passengers/bags`"));
    }
    Ok(path.split('/').map(unescape).collect())
}

/// Where the rest of a path leads from the fields of an object, which is called `place`.
fn find_in_fields(
    fields: &[FieldPlan],
    steps: &[String],
    is_sum: bool,
    place: &str,
) -> Result<AggregateEnd, AggregateFault> {
    let Some((step, rest)) = steps.split_first() else { return Ok(AggregateEnd::default()) };
    let Some(field) = fields.iter().find(|field| field.name == *step) else {
        let names = || fields.iter().map(|field| field.name.as_str());
        let hint = match nearest(step, names()) {
            Some(near) => format!("did you mean `{}`?", escape(near)),
            None => format!("there are: {}", names().map(escape).collect::<Vec<_>>().join(", ")),
        };
        return Err((Code::PlanUnknownName, format!("there is no field `{step}` in {place}"), hint));
    };
    find_end(&field.value, rest, is_sum, step)
}

/// Where the rest of a path leads from a value, which is that of the field `name`.
fn find_end(value: &ValuePlan, steps: &[String], is_sum: bool, name: &str) -> Result<AggregateEnd, AggregateFault> {
    match value {
        ValuePlan::Many(many) if many.keyed_by.is_some() => {
            let message = format!("`{name}` has fields that are named by cells, so no path leads to them");
            Err(wrong(message, "name a list"))
        }
        ValuePlan::Many(_) | ValuePlan::List(_) | ValuePlan::Pieces(_) if steps.is_empty() && !is_sum => {
            Ok(AggregateEnd { has_list: true, is_whole: true })
        }
        ValuePlan::Many(many) => in_list(find_end(&many.item, steps, is_sum, name)),
        ValuePlan::List(list) => in_list(find_in_items(list.items.iter().map(|item| &item.value), steps, is_sum, name)),
        ValuePlan::Object(_) if steps.is_empty() && is_sum => Err(no_number(name, "an object")),
        ValuePlan::Object(ObjectPlan { fields, .. }) => find_in_fields(fields, steps, is_sum, &format!("`{name}`")),
        ValuePlan::When(when) => find_end(&when.value, steps, is_sum, name),
        ValuePlan::One(one) => find_end(&one.value, steps, is_sum, name),
        ValuePlan::Leaf(_) | ValuePlan::Const(_) | ValuePlan::Aggregate(_) | ValuePlan::Pieces(_)
            if !steps.is_empty() =>
        {
            let message = format!("`{name}` has no fields, so no path leads through it");
            Err(wrong(message, format!("end the path at `{name}`")))
        }
        ValuePlan::Leaf(leaf) if written_type(leaf) == Some(&Conversion::Json) => {
            let message = format!("the cells of `{name}` are JSON values, of which nobody knows what is in them");
            Err(wrong(message, "lead the path to another field"))
        }
        ValuePlan::Leaf(leaf) => end_of_leaf(written_type(leaf), is_sum, name),
        ValuePlan::Pieces(pieces) => in_list(end_of_leaf(written_type(&pieces.leaf), is_sum, name)),
        ValuePlan::Aggregate(aggregate) => end_of_leaf(Some(&aggregate.conversion), is_sum, name),
        ValuePlan::Const(json) => {
            let number = std::str::from_utf8(json).ok().and_then(ExactDecimal::parse);
            match number {
                Some(number) => Ok(AggregateEnd { has_list: false, is_whole: !number.has_decimals() }),
                None if is_sum => Err(no_number(name, "a constant that is none")),
                None => Ok(AggregateEnd::default()),
            }
        }
    }
}

/// Where the rest of a path leads from the items of a list: at least one of them has what it names.
fn find_in_items<'a>(
    items: impl Iterator<Item = &'a ValuePlan>,
    steps: &[String],
    is_sum: bool,
    name: &str,
) -> Result<AggregateEnd, AggregateFault> {
    let (mut found, mut fault) = (None, None);
    for item in items {
        match find_end(item, steps, is_sum, name) {
            Ok(end) => {
                let known: AggregateEnd = found.unwrap_or(AggregateEnd { has_list: true, is_whole: true });
                found = Some(AggregateEnd { has_list: true, is_whole: known.is_whole && end.is_whole });
            }
            // A number is wanted of each item, and a field of one of them.
            Err(other) if steps.is_empty() => return Err(other),
            Err(other) => fault = fault.or(Some(other)),
        }
    }
    match (found, fault) {
        (Some(found), _) => Ok(found),
        (None, Some(fault)) => Err(fault),
        (None, None) => Ok(AggregateEnd { has_list: true, is_whole: true }),
    }
}

fn in_list(found: Result<AggregateEnd, AggregateFault>) -> Result<AggregateEnd, AggregateFault> {
    found.map(|end| AggregateEnd { has_list: true, ..end })
}

/// The type of the values of a leaf; `None`: they are texts of a code table.
fn written_type(leaf: &Leaf) -> Option<&Conversion> {
    if leaf.codes.is_none() { Some(&leaf.conversion) } else { None }
}

/// The end of a path at a value of this type; `None`: it is a text of a code table.
fn end_of_leaf(conversion: Option<&Conversion>, is_sum: bool, name: &str) -> Result<AggregateEnd, AggregateFault> {
    match conversion {
        Some(Conversion::Integer(_)) => Ok(AggregateEnd { has_list: false, is_whole: true }),
        Some(Conversion::Decimal(_)) => Ok(AggregateEnd::default()),
        _ if !is_sum => Ok(AggregateEnd::default()),
        Some(other) => Err(no_number(name, &format!("of the type `{}`", other.type_name()))),
        None => Err(no_number(name, "a text of a code table")),
    }
}

fn no_number(name: &str, found: &str) -> AggregateFault {
    let message = format!("a sum is made of numbers, and `{name}` is {found}");
    wrong(message, "lead the path to a number: a column with the type `integer` or `decimal`, or a `value`")
}

fn wrong(message: String, hint: impl Into<String>) -> AggregateFault {
    (Code::PlanWrongValue, message, hint.into())
}
