//! Records that every use of their source leaves out: they are not meant to go out, so nothing is asked of their keys.
//!
//! Only a record about which something is wrong is looked at here, so that all others cost nothing.

use crate::{
    plan::{Condition, Plan},
    table::row::Row,
    text::buffer::OutputBuffer,
};

/// The condition of each use of a source; nothing where the use takes every record.
fn find_conditions(plan: &Plan, number: usize) -> impl Iterator<Item = Option<&Condition>> {
    let root = (number == plan.each).then_some(plan.only.as_ref());
    let links = plan.links.iter().filter(move |link| link.child == number);
    root.into_iter().chain(links.map(|link| link.only.as_ref()))
}

/// Whether records of a source may be left out by all of its uses.
pub(super) fn may_be_left_out(plan: &Plan, number: usize) -> bool {
    let mut conditions = find_conditions(plan, number).peekable();
    conditions.peek().is_some() && conditions.all(|condition| condition.is_some())
}

/// Whether all uses of its source leave a record out. One of which that cannot be known is not left out.
#[cold]
pub(super) fn is_left_out(plan: &Plan, number: usize, row: Row<'_>) -> bool {
    let leaves_out = |condition: &Condition| {
        let mut columns = condition.expression.columns.iter();
        condition.expression.holds(row) == Ok(false) && columns.all(|column| is_of_its_type(plan, number, row, *column))
    };
    may_be_left_out(plan, number) && find_conditions(plan, number).flatten().all(leaves_out)
}

/// Whether a cell is of the type of its column, also where the condition did not come to look at it.
fn is_of_its_type(plan: &Plan, number: usize, row: Row<'_>, column: usize) -> bool {
    let mut buffer = Vec::new();
    let cell = row.cell(column, &mut buffer);
    row.is_null(column, cell) || plan.sources[number].columns[column].check(cell, &mut OutputBuffer::default()).is_ok()
}
