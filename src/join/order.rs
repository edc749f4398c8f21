//! The order of a list, where the mapping asks for one.
//!
//! Cells are compared by their type: numbers by value, digit for digit; days and moments by time; texts by their bytes.
//! The sort is stable, so records that are equal keep the order of the file.

use std::cmp::Ordering;

use crate::{
    config::mapping::short_forms::Direction,
    plan::{LinkPlan, Plan, conversion::Conversion},
    table::{Table, row::Row},
    text::{
        buffer::OutputBuffer,
        number::{Number, NumberFormat},
    },
};

/// Sorts the children of each parent.
pub(super) fn sort(plan: &Plan, link: &LinkPlan, table: &Table, starts: &[u32], rows: &mut [u32]) {
    if link.order.is_empty() {
        return;
    }
    for pair in starts.windows(2) {
        let list = &mut rows[pair[0] as usize..pair[1] as usize];
        if list.len() < 2 {
            continue;
        }
        let mut keyed: Vec<(Vec<Value>, u32)> = Vec::with_capacity(list.len());
        for row in list.iter() {
            let value = |(column, _): &(usize, Direction)| value(plan, link.child, table.row(*row), *column);
            keyed.push((link.order.iter().map(value).collect(), *row));
        }
        keyed.sort_by(|one, other| compare(link, &one.0, &other.0));
        for (slot, (_, row)) in list.iter_mut().zip(keyed) {
            *slot = row;
        }
    }
}

/// A cell as something to compare.
enum Value {
    /// A text, or a cell that is not of its type: its document is rejected anyway.
    Text(Vec<u8>),
    /// A number: whether it is negative, its digits before the point, its digits behind.
    Number(bool, Vec<u8>, Vec<u8>),
    /// A moment, in nanoseconds.
    Moment(i128),
}

fn value(plan: &Plan, source: usize, row: Row<'_>, column: usize) -> Value {
    let mut buffer = Vec::new();
    let cell = row.cell(column, &mut buffer);
    let mut json = OutputBuffer::default();
    let conversion = &plan.sources[source].columns[column].conversion;
    match conversion {
        _ if conversion.write(cell.into(), &mut json).is_err() => Value::Text(cell.to_vec()),
        Conversion::Integer(_) | Conversion::Decimal(_) => {
            let Some(Number { is_negative, whole, fraction }) = NumberFormat::JSON.parse(&json) else {
                return Value::Text(cell.to_vec());
            };
            let fraction = &fraction[..fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1)];
            let is_zero = whole == b"0" && fraction.is_empty();
            Value::Number(is_negative && !is_zero, whole.to_vec(), fraction.to_vec())
        }
        Conversion::Datetime { .. } => {
            let text = String::from_utf8_lossy(&json);
            match text.trim_matches('"').parse::<jiff::Timestamp>() {
                Ok(moment) => Value::Moment(moment.as_nanosecond()),
                Err(_) => Value::Text(cell.to_vec()),
            }
        }
        Conversion::Text | Conversion::Code | Conversion::Boolean { .. } | Conversion::Date(_) => {
            Value::Text(json.into())
        }
    }
}

fn compare(link: &LinkPlan, one: &[Value], other: &[Value]) -> Ordering {
    for ((one, other), (_, direction)) in one.iter().zip(other).zip(&link.order) {
        let ordering = match (one, other) {
            (
                Value::Number(one_is_negative, one, one_fraction),
                Value::Number(other_is_negative, other, other_fraction),
            ) => {
                let size = one
                    .len()
                    .cmp(&other.len())
                    .then_with(|| one.cmp(other))
                    .then_with(|| one_fraction.cmp(other_fraction));
                match (one_is_negative, other_is_negative) {
                    (false, false) => size,
                    (true, true) => size.reverse(),
                    (true, false) => Ordering::Less,
                    (false, true) => Ordering::Greater,
                }
            }
            (Value::Moment(one), Value::Moment(other)) => one.cmp(other),
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            (Value::Text(_), _) => Ordering::Less,
            (_, Value::Text(_)) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        let ordering = if *direction == Direction::Descending { ordering.reverse() } else { ordering };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}
