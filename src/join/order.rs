//! Children -> the same children in the order that the mapping asks for.
//!
//! Cells are compared by their type: numbers by value, digit for digit; dates and date-times by time; text by its UTF-8
//! bytes, which is the order of its code points. What is empty comes first, then what is not of its type. The sort is stable,
//! so records with equal cells keep the order of the file.

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

/// Sorts the children of each parent, if the link has an order.
pub(super) fn sort_children(plan: &Plan, link: &LinkPlan, table: &Table, starts: &[u32], rows: &mut [u32]) {
    if link.order.is_empty() {
        return;
    }
    for pair in starts.windows(2) {
        let list = &mut rows[pair[0] as usize..pair[1] as usize];
        if list.len() < 2 {
            continue;
        }
        let mut keyed: Vec<(Vec<SortKey>, u32)> = Vec::with_capacity(list.len());
        for row in list.iter() {
            let sort_key = |(column, _): &(usize, Direction)| read_sort_key(plan, link.child, table.row(*row), *column);
            keyed.push((link.order.iter().map(sort_key).collect(), *row));
        }
        keyed.sort_by(|one, other| compare_sort_keys(link, &one.0, &other.0));
        for (slot, (_, row)) in list.iter_mut().zip(keyed) {
            *slot = row;
        }
    }
}

/// A cell as something to compare.
enum SortKey {
    /// Text as it is, without its JSON escapes; empty for an empty cell. Or a cell that is not of its type.
    Text(Vec<u8>),
    /// A number.
    Number {
        is_negative: bool,
        /// The digits before the decimal point.
        whole: Vec<u8>,
        /// The digits behind it, without zeros at the end.
        fraction: Vec<u8>,
    },
    /// A date-time, in nanoseconds.
    Moment(i128),
}

/// Reads a cell as something to compare.
fn read_sort_key(plan: &Plan, source: usize, row: Row<'_>, column: usize) -> SortKey {
    let mut buffer = Vec::new();
    let cell = row.cell(column, &mut buffer);
    let mut json = OutputBuffer::default();
    let conversion = &plan.sources[source].columns[column].conversion;
    match conversion {
        _ if row.is_null(column, cell) => SortKey::Text(Vec::new()),
        Conversion::Text | Conversion::Code => SortKey::Text(cell.to_vec()),
        _ if conversion.write(cell.into(), &mut json).is_err() => SortKey::Text(cell.to_vec()),
        Conversion::Integer(_) | Conversion::Decimal(_) => {
            let number = NumberFormat::JSON.parse(&json).map(Number::normalized);
            let Some(Number { is_negative, whole, fraction }) = number else { return SortKey::Text(cell.to_vec()) };
            SortKey::Number { is_negative, whole: whole.to_vec(), fraction: fraction.to_vec() }
        }
        Conversion::Datetime(_) => {
            let text = String::from_utf8_lossy(&json);
            match text.trim_matches('"').parse::<jiff::Timestamp>() {
                Ok(moment) => SortKey::Moment(moment.as_nanosecond()),
                Err(_) => SortKey::Text(cell.to_vec()),
            }
        }
        // All days are equally long, and `false` comes before `true`.
        Conversion::Boolean { .. } | Conversion::Date(_) | Conversion::Json => SortKey::Text(json.into()),
    }
}

/// Compares two records, cell by cell.
fn compare_sort_keys(link: &LinkPlan, one: &[SortKey], other: &[SortKey]) -> Ordering {
    for ((one, other), (_, direction)) in one.iter().zip(other).zip(&link.order) {
        let ordering = match (one, other) {
            (
                SortKey::Number { is_negative: one_is_negative, whole: one, fraction: one_fraction },
                SortKey::Number { is_negative: other_is_negative, whole: other, fraction: other_fraction },
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
            (SortKey::Moment(one), SortKey::Moment(other)) => one.cmp(other),
            (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
            (SortKey::Text(_), _) => Ordering::Less,
            (_, SortKey::Text(_)) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        let ordering = if *direction == Direction::Descending { ordering.reverse() } else { ordering };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}
