//! Counts and sums: what stands in the lists of an object, once its other fields are written.

use crate::{
    diagnostic::Code,
    plan::{Aggregate, ObjectPlan},
    recording::provenance::NodeName,
    text::{
        exact_decimal::{ExactDecimal, TooManyDigits},
        json_path::{visit_items, visit_members},
        number::NumberFormat,
    },
    transform::writer::{Observer, Scope, Stop, ValueSite, Writer, Written},
};

impl<'a, O: Observer<'a>> Writer<'a, '_, O> {
    /// Writes an object in which there are counts or sums, or objects with such as are made of its fields: they are made last, and
    /// moved to their places.
    pub(super) fn write_counted_object(
        &mut self,
        object: &'a ObjectPlan,
        scope: &Scope<'a>,
        rule: &'a str,
    ) -> Result<(), Stop> {
        self.observer.note_origin(ValueSite { scope, column: None, rule });
        let start = self.out.len();
        let mut places = Vec::with_capacity(object.aggregates.len());
        for number in 0..object.fields.len() {
            if object.aggregates.contains(&number) {
                places.push((number, self.out.len()));
            } else {
                self.write_field(object, number, scope)?;
            }
        }
        let members = start..self.out.len();
        let mut moved = 0;
        for (number, place) in places {
            self.members.push(members.start..members.end + moved);
            let before = self.out.len();
            self.write_field(object, number, scope)?;
            self.members.pop();
            let length = self.out.len() - before;
            self.out.move_forward(before, place + moved);
            moved += length;
        }
        self.close_object(start);
        Ok(())
    }

    /// Writes one field of an object, with its name; nothing, if it is left out.
    fn write_field(&mut self, object: &'a ObjectPlan, number: usize, scope: &Scope<'a>) -> Result<(), Stop> {
        let (field, before) = (&object.fields[number], self.out.len());
        self.out.extend_lanes(field.prefix.whole());
        self.observer.enter_node(NodeName::Field(&field.name));
        let written = self.write_value(&field.value, scope, &field.rule);
        self.observer.leave_node();
        if !written? {
            self.out.truncate(before);
        }
        Ok(())
    }

    /// Writes the count or sum of what stands in the members that were written.
    pub(super) fn write_aggregate(&mut self, aggregate: &'a Aggregate, scope: &Scope<'a>, rule: &'a str) -> Written {
        let site = ValueSite { scope, column: None, rule };
        self.observer.note_origin(site);
        let range = self.members.iter().rev().nth(aggregate.up).cloned().unwrap_or_default();
        let (start, members) = (self.out.len(), &self.out[range]);
        let number = if aggregate.is_sum {
            add_numbers(members, &aggregate.steps)
        } else {
            Ok(count(members, &aggregate.steps))
        };
        let Ok(number) = number else {
            let message = "the sum has too many digits: more than 10,000".into();
            return self.write_placeholder(site, Code::TransformTemplate, message, "");
        };
        self.out.extend(number.to_string().as_bytes());
        self.check_leaf(&aggregate.checks, start)
    }
}

/// How many items, or values that are not null, a path leads to.
fn count(members: &[u8], steps: &[Vec<u8>]) -> ExactDecimal {
    let mut count = 0;
    visit_members(members, steps, &mut |value, is_item| count += usize::from(is_item || value != b"null"));
    ExactDecimal::of_count(count)
}

/// The sum of the numbers that a path leads to.
fn add_numbers(members: &[u8], steps: &[Vec<u8>]) -> Result<ExactDecimal, TooManyDigits> {
    let mut sum = Ok(ExactDecimal::of_count(0));
    visit_members(members, steps, &mut |value, _| add(&mut sum, value));
    sum
}

fn add(sum: &mut Result<ExactDecimal, TooManyDigits>, value: &[u8]) {
    if value.first() == Some(&b'[') {
        return visit_items(value, &mut |item, _| add(sum, item));
    }
    if let (Ok(known), Some(number)) = (&*sum, NumberFormat::JSON.parse(value)) {
        *sum = ExactDecimal::of_number(&number).and_then(|number| known.add(&number));
    }
}

#[cfg(test)]
mod tests {
    use super::add_numbers;

    #[test]
    fn sums_are_exact_and_not_too_long() {
        let sum = |items: &str| {
            let sum = add_numbers(format!(",\"a\":[{items}]").as_bytes(), &[b"\"a\"".to_vec()]);
            sum.map(|sum| sum.to_string()).ok()
        };
        let nines = |count| "9".repeat(count);
        let table = [
            ("", Some("0".into())),
            ("null", Some("0".into())),
            ("1,2.50,null,[0.125,[-3]]", Some("0.625".into())),
            ("0.1,0.2", Some("0.3".into())),
            ("-0", Some("0".into())),
            (&format!("{},1", nines(60)), Some(format!("1{}", "0".repeat(60)))),
            (&nines(10_000), Some(nines(10_000))),
            (&nines(10_001), None),
            (&format!("{},1", nines(10_001)), None),
        ];
        for (items, expected) in table {
            assert_eq!(sum(items), expected, "{}", &items[..items.len().min(80)]);
        }
    }
}
