//! What becomes of a record that is only looked up: the best of what becomes of the records that look it up.
//!
//! A record that one document holds which is sent was sent; one that only rejected documents hold is rejected with them; and
//! one that no document holds is filtered. Records in lists of such records have their status.

use std::sync::Arc;

use crate::{
    diagnostic::Code,
    plan::Plan,
    recording::{
        ledger::{Reject, RowStatus},
        match_groups::MatchGroups,
    },
    table::NONE,
};

/// For each source, whether documents hold its records only through look-ups.
#[must_use]
pub fn find_looked_up(plan: &Plan) -> Vec<bool> {
    let mut found: Vec<bool> = plan.sources.iter().map(|source| source.lookup).collect();
    loop {
        let is_below = |number: usize| {
            let mut links = plan.links.iter().filter(|link| link.child == number).peekable();
            number != plan.each && links.peek().is_some() && links.all(|link| !link.many || found[link.parent])
        };
        let Some(number) = (0..found.len()).find(|number| !found[*number] && is_below(*number)) else { return found };
        found[number] = true;
    }
}

/// Settles what becomes of the records that documents hold only through look-ups. Of those that are good so far, only what
/// belongs to a good record stays good. It may be settled again when more is known of the others.
pub fn settle_lookups(plan: &Plan, groups: &MatchGroups, statuses: &mut [Vec<RowStatus>], rejects: &mut Vec<Reject>) {
    let is_looked_up = find_looked_up(plan);
    if !is_looked_up.contains(&true) {
        return;
    }
    let unused = |(number, statuses): (usize, &Vec<RowStatus>)| {
        if is_looked_up[number] { vec![RowStatus::Filtered; statuses.len()] } else { statuses.clone() }
    };
    let mut uses: Vec<Vec<RowStatus>> = statuses.iter().enumerate().map(unused).collect();
    let links = (0..plan.links.len()).filter(|link| is_looked_up[plan.links[*link].child]);
    let (inner, outer): (Vec<usize>, Vec<usize>) = links.partition(|link| is_looked_up[plan.links[*link].parent]);
    for link in outer {
        pass_on_uses(plan, groups, link, &mut uses);
    }
    // A record that is looked up may look up others.
    while inner.iter().any(|link| pass_on_uses(plan, groups, *link, &mut uses)) {}
    let reason: Arc<str> = "all records that look it up are rejected".into();
    for (source, uses) in uses.iter().enumerate().filter(|(source, _)| is_looked_up[*source]) {
        for (row, (status, found)) in (0..).zip(statuses[source].iter_mut().zip(uses)) {
            if *status != RowStatus::Good {
                continue;
            }
            *status = *found;
            if *found == RowStatus::Rejected {
                rejects.push(Reject { source, row, code: Code::TransformIncomplete, reason: Arc::clone(&reason) });
            }
        }
    }
}

/// Passes the uses of the parents of a link on to its children; tells whether any is used better than was known.
fn pass_on_uses(plan: &Plan, groups: &MatchGroups, number: usize, uses: &mut [Vec<RowStatus>]) -> bool {
    let link = &plan.links[number];
    let mut changed = false;
    for row in 0..uses[link.parent].len() {
        let Ok(parent) = u32::try_from(row) else { break };
        let found = uses[link.parent][row];
        let looked_up = [if link.many { NONE } else { groups.lookup(number, parent) }];
        let children = if link.many { groups.children(number, parent) } else { &looked_up };
        for child in children.iter().filter(|child| **child != NONE) {
            let known = &mut uses[link.child][*child as usize];
            if rank_use(found) > rank_use(*known) {
                *known = found;
                changed = true;
            }
        }
    }
    changed
}

/// How good a use is: what one document sends was sent, whatever becomes of others.
fn rank_use(status: RowStatus) -> u8 {
    match status {
        RowStatus::Filtered => 0,
        RowStatus::Rejected => 1,
        RowStatus::Pending => 2,
        RowStatus::Good => 3,
    }
}
