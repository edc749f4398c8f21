//! Comparisons of one column that are never all true, as `qty > 5 and qty < 3`, or of which one always is.

use std::cmp::Ordering;

use crate::plan::expression::{
    operation::{Comparison, Operation},
    value::ExpressionValue,
};

/// The longest lists that are compared with each other.
const MAX_VALUES: usize = 100;

/// What cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// The column that is compared, as the plan numbers it.
    pub(super) column: usize,
    /// It is compared with values, to be one of them.
    pub(super) are_values: bool,
}

/// What a condition demands of the cell of a column.
struct Demand<'a> {
    column: usize,
    wanted: Wanted<'a>,
}

/// What a cell has to be.
enum Wanted<'a> {
    /// One of these.
    Among(&'a [ExpressionValue<'static>]),
    /// None of these.
    NotAmong(&'a [ExpressionValue<'static>]),
    /// In this order to a value.
    Ordered(Comparison, &'a ExpressionValue<'static>),
}

/// Two conditions joined by `and` that are never both true, or joined by `or` of which one is always true.
pub(super) fn find_contradiction(one: &Operation, other: &Operation, is_and: bool) -> Option<Contradiction> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    collect(one, is_and, &mut left);
    collect(other, is_and, &mut right);
    let pairs = left.iter().flat_map(|one| right.iter().map(move |other| (one, other)));
    let mut pairs = pairs.filter(|(one, other)| one.column == other.column);
    let (one, other) = pairs.find(|(one, other)| excludes(&one.wanted, &other.wanted))?;
    let is_value = |demand: &Demand<'_>| match &demand.wanted {
        Wanted::Among(values) => values.iter().all(|value| !matches!(value, ExpressionValue::None)),
        _ => false,
    };
    Some(Contradiction { column: one.column, are_values: is_value(one) && is_value(other) })
}

/// What conditions demand that are joined by `and`; or what those demand not to be that are joined by `or`.
fn collect<'a>(operation: &'a Operation, is_true: bool, found: &mut Vec<Demand<'a>>) {
    let mut demand = |column, wanted| found.push(Demand { column, wanted });
    match operation {
        Operation::Not(condition) => collect(condition, !is_true, found),
        Operation::All(conditions) if is_true => conditions.iter().for_each(|it| collect(it, is_true, found)),
        Operation::Any(conditions) if !is_true => conditions.iter().for_each(|it| collect(it, is_true, found)),
        Operation::Equals(sides) => {
            if let Some((column, value, _)) = read_sides(sides) {
                let values = std::slice::from_ref(value);
                demand(column, if is_true { Wanted::Among(values) } else { Wanted::NotAmong(values) });
            }
        }
        Operation::IsAmong(item, values) => {
            if let Operation::Cell { column, .. } = **item {
                demand(column, if is_true { Wanted::Among(values) } else { Wanted::NotAmong(values) });
            }
        }
        Operation::IsOrdered(comparison, sides) => {
            if let Some((column, value, is_turned)) = read_sides(sides) {
                let comparison = if is_turned { comparison.turned() } else { *comparison };
                demand(column, Wanted::Ordered(if is_true { comparison } else { comparison.negated() }, value));
            }
        }
        _ => {}
    }
}

/// A cell and a constant, and whether the constant comes first.
fn read_sides(sides: &[Operation; 2]) -> Option<(usize, &ExpressionValue<'static>, bool)> {
    match sides {
        [Operation::Cell { column, .. }, Operation::Constant(value)] => Some((*column, value, false)),
        [Operation::Constant(value), Operation::Cell { column, .. }] => Some((*column, value, true)),
        _ => None,
    }
}

/// Whether nothing is both.
fn excludes(one: &Wanted<'_>, other: &Wanted<'_>) -> bool {
    let has = |values: &[ExpressionValue<'_>], value: &ExpressionValue<'_>| values.iter().any(|it| it.equals(value));
    match (one, other) {
        (Wanted::Among(one), Wanted::Among(other)) => {
            are_short(one, other) && !one.iter().any(|value| has(other, value))
        }
        (Wanted::Among(one), Wanted::NotAmong(other)) | (Wanted::NotAmong(other), Wanted::Among(one)) => {
            are_short(one, other) && one.iter().all(|value| has(other, value))
        }
        (Wanted::Among(values), Wanted::Ordered(comparison, bound))
        | (Wanted::Ordered(comparison, bound), Wanted::Among(values)) => {
            !values.iter().any(|value| value.order(bound).is_some_and(|order| comparison.holds(order)))
        }
        (Wanted::Ordered(one, bound), Wanted::Ordered(other, other_bound)) => {
            let Some(order) = bound.order(other_bound) else { return false };
            match (one.is_lower_bound(), other.is_lower_bound()) {
                (true, false) => !one.leaves_room(*other, order),
                (false, true) => !other.leaves_room(*one, order.reverse()),
                _ => false,
            }
        }
        _ => false,
    }
}

fn are_short(one: &[ExpressionValue<'_>], other: &[ExpressionValue<'_>]) -> bool {
    one.len().max(other.len()) <= MAX_VALUES
}

impl Comparison {
    /// The comparison with its sides the other way round.
    fn turned(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }

    /// The comparison that holds where this one does not.
    fn negated(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }

    /// It holds for what is large.
    fn is_lower_bound(self) -> bool {
        matches!(self, Comparison::Greater | Comparison::GreaterOrEqual)
    }

    /// Whether something is between a lower bound and an upper one, which are in this order.
    fn leaves_room(self, upper: Comparison, order: Ordering) -> bool {
        match order {
            Ordering::Less => true,
            Ordering::Equal => self == Comparison::GreaterOrEqual && upper == Comparison::LessOrEqual,
            Ordering::Greater => false,
        }
    }
}
