//! Which records belong to which: row numbers only, no cells.
//!
//! A group is one root record with everything that is joined to it, to any depth. `join` makes groups; a list of children
//! is a slice, so looking at a group allocates nothing.

use std::ops::Range;

use crate::plan::Plan;

/// How the records of a recording belong together, by the number of the link.
#[derive(Debug, Default)]
pub struct Groups {
    links: Vec<Link>,
}

/// The records of one link.
#[derive(Debug, Default)]
pub struct Link {
    /// For a list: where the children of each parent start in `rows`. For a lookup: empty.
    pub starts: Vec<u32>,
    /// For a list: children, grouped by parent. For a lookup: the record of each parent.
    pub rows: Vec<u32>,
}

impl Groups {
    /// Groups from the records of each link.
    #[must_use]
    pub fn new(links: Vec<Link>) -> Groups {
        Groups { links }
    }

    /// The records of each link.
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
    pub fn children_of_all(&self, link: usize, parents: Range<u32>) -> &[u32] {
        let Link { starts, rows } = &self.links[link];
        &rows[starts[parents.start as usize] as usize..starts[parents.end as usize] as usize]
    }

    /// The record a parent looks up, or [`NONE`].
    #[must_use]
    pub fn lookup(&self, link: usize, parent: u32) -> u32 {
        self.links[link].rows[parent as usize]
    }

    /// Every record of the group of a root record except lookups, the root first.
    pub fn members(&self, plan: &Plan, root: u32, visit: &mut dyn FnMut(usize, u32)) {
        self.below(plan, plan.each, root, visit);
    }

    /// A record and everything that belongs to it.
    pub fn below(&self, plan: &Plan, source: usize, row: u32, visit: &mut dyn FnMut(usize, u32)) {
        visit(source, row);
        for (number, link) in plan.links.iter().enumerate().filter(|(_, link)| link.many && link.parent == source) {
            for child in self.children(number, row) {
                // A record cannot be below itself, but a source can be joined to itself.
                if link.child != source {
                    self.below(plan, link.child, *child, visit);
                } else if *child != row {
                    visit(link.child, *child);
                }
            }
        }
    }
}
