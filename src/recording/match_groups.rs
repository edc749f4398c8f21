//! Which records belong to which: row numbers only, no cells.
//!
//! A match group is one root record with all records that are joined to it, at any depth. `join` makes match groups; the
//! children of a record are a slice, so reading a match group allocates nothing.

use std::ops::Range;

use crate::plan::Plan;

/// The match groups of a recording, by the number of the link that joins their records.
#[derive(Debug, Default)]
pub struct MatchGroups {
    links: Vec<Link>,
}

/// The rows that one link joins.
#[derive(Debug, Default)]
pub struct Link {
    /// For a list: where the children of each parent start in `rows`, and where the last of them end. For a lookup: empty.
    pub starts: Vec<u32>,
    /// For a list: the children, one parent after the other. For a lookup: the record that each parent looks up.
    pub rows: Vec<u32>,
}

impl MatchGroups {
    /// Match groups from the rows of each link.
    #[must_use]
    pub fn new(links: Vec<Link>) -> MatchGroups {
        MatchGroups { links }
    }

    /// The rows of each link.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The children of a parent.
    #[must_use]
    pub fn children(&self, link: usize, parent: u32) -> &[u32] {
        let Link { starts, rows } = &self.links[link];
        let parent = parent as usize;
        &rows[starts[parent] as usize..starts[parent + 1] as usize]
    }

    /// The children of parents that follow each other.
    #[must_use]
    pub fn children_of_range(&self, link: usize, parents: Range<u32>) -> &[u32] {
        let Link { starts, rows } = &self.links[link];
        &rows[starts[parents.start as usize] as usize..starts[parents.end as usize] as usize]
    }

    /// The record that a parent looks up, or [`NONE`](crate::table::NONE).
    #[must_use]
    pub fn lookup(&self, link: usize, parent: u32) -> u32 {
        self.links[link].rows[parent as usize]
    }

    /// Visits every record of the match group of a root record except lookups, the root record first.
    pub fn visit_members(&self, plan: &Plan, root: u32, visit: &mut dyn FnMut(usize, u32)) {
        self.visit_subtree(plan, plan.each, root, visit);
    }

    /// Visits a record and all records below it.
    pub fn visit_subtree(&self, plan: &Plan, source: usize, row: u32, visit: &mut dyn FnMut(usize, u32)) {
        visit(source, row);
        for (number, link) in plan.links.iter().enumerate().filter(|(_, link)| link.many && link.parent == source) {
            for child in self.children(number, row) {
                // A record cannot be below itself, but a source can be joined to itself.
                if link.child != source {
                    self.visit_subtree(plan, link.child, *child, visit);
                } else if *child != row {
                    visit(link.child, *child);
                }
            }
        }
    }
}
