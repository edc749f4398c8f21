//! The compiler of counts and sums: a path through lists of the same object, or of one around it, to items or to numbers.
//!
//! A path starts in an object that is made of the same record, and never leads through a field that holds a number which starts
//! there, or further out: such fields are made last, and no number is made of itself.

use crate::{
    config::mapping::field::FieldLong,
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

/// A count or a sum whose path starts in an object, on the way to being resolved.
struct AggregateWish {
    /// Where it stands in the mapping.
    rule: String,
    /// The names of its path, without those that lead out.
    steps: Vec<String>,
    is_sum: bool,
    /// Where the fields of the objects stand that lie between, from the outermost to the one it stands in.
    between: Vec<String>,
}

/// Visits the counts and sums of a value that are drawn from one record: each with the field that it is, how many objects lie
/// around it in the value, and where their fields stand.
fn visit_aggregates(value: &mut ValuePlan, rule: &str, between: &[String], visit: &mut VisitAggregate<'_>) {
    match value {
        ValuePlan::Aggregate(aggregate) => visit(aggregate, rule, between),
        ValuePlan::When(when) => visit_aggregates(&mut when.value, rule, between, visit),
        ValuePlan::Object(object) => {
            let mut between = between.to_vec();
            between.push(format!("{rule}/fields"));
            for field in &mut object.fields {
                visit_aggregates(&mut field.value, &field.rule, &between, visit);
            }
        }
        ValuePlan::List(list) => {
            for item in &mut list.items {
                visit_aggregates(&mut item.value, &item.rule, between, visit);
            }
        }
        ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Many(_) | ValuePlan::One(_) => {}
    }
}

/// What is done with each count and sum.
type VisitAggregate<'v> = dyn FnMut(&mut Aggregate, &str, &[String]) + 'v;

impl Compiler<'_> {
    /// A count or a sum before it is known what its path leads to.
    pub(super) fn compile_aggregate(&mut self, field: &FieldLong, rule: &str) -> Option<ValuePlan> {
        let (path, is_sum) = match (&field.count, &field.sum) {
            (Some(path), _) => (path, false),
            (None, sum) => (sum.as_ref()?, true),
        };
        let (up, steps) = match read_steps(path) {
            Ok(read) => read,
            Err((code, message, hint)) => {
                self.report(code, &format!("{rule}/{}", key_of(is_sum)), message, hint);
                return None;
            }
        };
        let steps = steps.iter().map(|step| to_json(step)).collect();
        let conversion = Conversion::Integer(NumberFormat::WHOLE);
        Some(ValuePlan::Aggregate(Box::new(Aggregate { up, steps, is_sum, conversion, checks: Checks::default() })))
    }

    /// Resolves the paths of the counts and sums that start in the object whose fields these are, once all of them are known; gives
    /// which fields are made of the others.
    pub(super) fn resolve_aggregates(&mut self, fields: &mut [FieldPlan]) -> Vec<usize> {
        let (mut last, mut wishes) = (Vec::new(), Vec::new());
        let is_outermost = self.around.len() == 1;
        let mut outside = Vec::new();
        for (number, field) in fields.iter_mut().enumerate() {
            visit_aggregates(&mut field.value, &field.rule, &[], &mut |aggregate, rule, between| {
                let depth = between.len();
                if aggregate.up >= depth && last.last() != Some(&number) {
                    last.push(number);
                }
                let steps = aggregate.steps.iter().map(|step| from_json(step)).collect();
                let (rule, between) = (rule.to_owned(), between.to_vec());
                let wish = AggregateWish { rule, steps, is_sum: aggregate.is_sum, between };
                if aggregate.up == depth {
                    wishes.push((number, wish));
                } else if aggregate.up > depth && is_outermost {
                    outside.push(wish);
                }
            });
        }
        for wish in outside {
            self.report_outside(&wish);
        }
        let found: Vec<_> = wishes.iter().map(|(_, wish)| resolve(fields, &last, wish)).collect();
        for ((number, wish), found) in wishes.iter().zip(found) {
            match found {
                Ok(end) if wish.is_sum && !end.is_whole => {
                    let field = &mut fields[*number];
                    visit_aggregates(&mut field.value, &field.rule, &[], &mut |aggregate, rule, _| {
                        if rule == wish.rule {
                            aggregate.conversion = Conversion::Decimal(NumberFormat::JSON);
                        }
                    });
                }
                Ok(_) => {}
                Err((code, message, hint)) => {
                    let is_elsewhere = !fields.iter().any(|field| Some(&field.name) == wish.steps.first());
                    let hint = match self.find_field(wish).filter(|_| is_elsewhere) {
                        Some(found) => format!("{found}; {hint}"),
                        None => hint,
                    };
                    self.report(code, &format!("{}/{}", wish.rule, key_of(wish.is_sum)), message, hint);
                }
            }
        }
        last
    }

    /// Reports a path that leads out of everything that is made of its record.
    fn report_outside(&mut self, wish: &AggregateWish) {
        let message = "the path leads out of all that is made of this record";
        let hint = self.find_field(wish).unwrap_or_else(|| match wish.between.len() {
            0 => "leave `../` out: no object is around this one that is made of the same record".to_owned(),
            _ => "a path starts in an object that is made of the same record: leave `../` out".to_owned(),
        });
        self.report(Code::PlanWrongValue, &format!("{}/{}", wish.rule, key_of(wish.is_sum)), message, hint);
    }

    /// What to write for a path whose first name is somewhere else: in the nearest object around it, or below that.
    fn find_field(&self, wish: &AggregateWish) -> Option<String> {
        let (first, rest) = wish.steps.split_first()?;
        let objects = self.around.iter().chain(&wish.between).rev();
        let last = format!("/{}", escape(first));
        for (up, object) in objects.enumerate() {
            let paths = self.places.below(object).filter(|(at, _)| *at != wish.rule).filter_map(|(at, _)| {
                let names: Vec<&str> = at[object.len()..].strip_suffix(&last)?.split('/').collect();
                // The names of fields, with `fields` between them.
                let is_plain = names.first() == Some(&"") && names.len() % 2 == 1;
                let are_fields = names.iter().skip(2).step_by(2).all(|word| *word == "fields");
                (is_plain && are_fields).then(|| names.into_iter().skip(1).step_by(2).collect::<Vec<_>>())
            });
            if let Some(names) = paths.min_by_key(Vec::len) {
                let names = names.into_iter().map(str::to_owned).chain(std::iter::once(escape(first).into_owned()));
                let rest = rest.iter().map(|step| escape(step).into_owned());
                let path = names.chain(rest).collect::<Vec<_>>().join("/");
                return Some(format!("write `{}{path}`", "../".repeat(up)));
            }
        }
        None
    }
}

fn key_of(is_sum: bool) -> &'static str {
    if is_sum { "sum" } else { "count" }
}

/// Where a path leads from the fields of the object that it starts in.
fn resolve(fields: &[FieldPlan], last: &[usize], wish: &AggregateWish) -> Result<AggregateEnd, AggregateFault> {
    let place = match wish.between.len() {
        0 => "this object".to_owned(),
        1 => "the object around this one".to_owned(),
        up => format!("the object {up} further out than this one"),
    };
    let through = last.iter().map(|number| &fields[*number]).find(|field| Some(&field.name) == wish.steps.first());
    if let Some(field) = through.filter(|field| !is_number(&field.value)) {
        let message = format!(
            "`{}` holds numbers that are made of what stands around it, so no path leads through it",
            field.name
        );
        return Err(wrong(message, "lead the path to a list beside it"));
    }
    let end = find_in_fields(fields, &wish.steps, wish.is_sum, &place)?;
    if end.has_list {
        return Ok(end);
    }
    let path = wish.steps.iter().map(|step| escape(step)).collect::<Vec<_>>().join("/");
    let message = format!("no list is on the way to `{path}`, so there is nothing to count or to add up");
    Err(wrong(message, format!("name a list of {place}, as in `lines` or `lines/price`")))
}

/// Whether a value is a count or a sum itself.
fn is_number(value: &ValuePlan) -> bool {
    match value {
        ValuePlan::When(when) => is_number(&when.value),
        value => matches!(value, ValuePlan::Aggregate(_)),
    }
}

/// A name as JSON writes it.
fn to_json(name: &str) -> Vec<u8> {
    let mut json = OutputBuffer::default();
    write_text(name.as_bytes().into(), &mut json);
    json.into()
}

/// A name that JSON writes.
fn from_json(name: &[u8]) -> String {
    serde_json::from_slice(name).unwrap_or_default()
}

/// How many objects further out a path starts, and its names.
fn read_steps(path: &str) -> Result<(usize, Vec<String>), AggregateFault> {
    let mut names = path;
    let mut up = 0;
    while let Some(rest) = names.strip_prefix("../") {
        (names, up) = (rest, up + 1);
    }
    if names.is_empty() || names.split('/').any(str::is_empty) {
        let message = format!("`{path}` is no path: between its names stands one `/`, and none at its ends");
        return Err(wrong(message, "write it as in `passengers/bags`"));
    }
    if names.split('/').any(|name| name == "..") {
        let message =
            format!("`{path}` is no path: `..` leads to the object around this one, and stands only before all names");
        return Err(wrong(message, "write it as in `../passengers/bags`"));
    }
    Ok((up, names.split('/').map(unescape).collect()))
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
