//! Records -> groups: which records belong to which, and in what order.
//!
//! Each source with a key is indexed once; each child is looked up once. A list of children is a slice of row numbers,
//! grouped by a stable counting sort, so a group costs no allocation and keeps the order of the file. Nothing is joined
//! in silence: a duplicate key, an orphan and a lookup that finds nothing each get what the mapping says.

#![expect(clippy::inline_always, reason = "a call for each key costs more than finding it")]

pub mod partition_index;
pub mod hash_index;
pub mod duplicate_keys;
pub mod build;
pub mod order;

use std::ops::Range;

use crate::{
    config::mapping::policy::OnOrphan,
    diagnostic::{Code, Diagnostic},
    join::{
        build::{composed, key_of},
        hash_index::Keys,
    },
    plan::{Condition, LinkPlan, Plan},
    recording::{
        groups::{Groups, Link},
        ledger::{Fate, Ledger, warned},
    },
    table::{NONE, Table},
};

/// What is known of a child while its links are made.
const ATTACHED: u8 = 1;
const LEFT_OUT: u8 = 2;
const ORPHAN: u8 = 4;
const LOST: u8 = 8;

/// Joins the records of a recording.
///
/// # Errors
/// A file whose keys cannot be trusted, where the mapping says so.
pub fn groups(plan: &Plan, tables: &[Table], ledger: &mut Ledger<'_>) -> Result<Groups, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut indexes = Vec::new();
    for (number, source) in plan.sources.iter().enumerate() {
        let index = if source.key.is_empty() {
            Keys::default()
        } else {
            build::of(plan, number, &tables[number], is_asked(plan, number, tables), ledger, &mut findings)
        };
        indexes.push(index);
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    if let Some(only) = &plan.only {
        for row in 0..tables[plan.each].len() {
            if ledger.fate(plan.each, row) == Fate::Good
                && !meets(plan, only, plan.each, &tables[plan.each], row, ledger)
            {
                ledger.filter(plan.each, row);
            }
        }
    }
    let mut links: Vec<Link> = plan.links.iter().map(|_| Link::default()).collect();
    let mut seen: Vec<Vec<u8>> = tables.iter().map(|table| vec![0; table.starts.len()]).collect();
    let order = order_of_links(plan);
    for (at, number) in order.iter().copied().enumerate() {
        let link = &plan.links[number];
        let is_last =
            !order[at + 1..].iter().any(|later| plan.links[*later].many && plan.links[*later].child == link.child);
        let index = &indexes[if link.many { link.parent } else { link.child }];
        if link.many {
            // What belongs to a record that is rejected, or that itself belongs to none, is lost with it.
            let lost: Vec<bool> = if link.parent == plan.each || link.parent == link.child {
                Vec::new()
            } else {
                let fates = seen[link.parent].iter().zip(&ledger.fates[link.parent]);
                fates.map(|(seen, fate)| seen & ATTACHED == 0 || *fate == Fate::Rejected).collect()
            };
            let pairs = attach(plan, link, tables, index, (&mut seen[link.child], &lost), ledger);
            links[number] = lists(&pairs, tables[link.parent].len());
            let Link { starts, rows } = &mut links[number];
            order::sort(plan, link, &tables[link.child], starts, rows);
            if is_last && link.child != plan.each {
                settle(plan, link.child, tables, &seen[link.child], ledger);
            }
        } else {
            links[number].rows = lookups(link, tables, index, &mut seen[link.child]);
        }
    }
    for (number, _) in plan.sources.iter().enumerate().filter(|(_, source)| source.lookup) {
        for row in 0..tables[number].len() {
            if seen[number][row as usize] & ATTACHED == 0 && ledger.fate(number, row) == Fate::Good {
                ledger.filter(number, row);
            }
        }
    }
    Ok(Groups::new(links))
}

/// Deals with records of a source that have one key, as far as these tell; gives what makes the source untrustworthy.
pub fn twins(plan: &Plan, number: usize, table: &Table, ledger: &mut Ledger<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    build::of(plan, number, table, true, ledger, &mut findings);
    findings
}

/// Whether records of a source are looked up by their key.
fn is_asked(plan: &Plan, number: usize, tables: &[Table]) -> bool {
    plan.links.iter().any(|link| {
        let known = link.many && tables[link.child].knows_parents();
        number == if link.many { link.parent } else { link.child } && !known
    })
}

/// Links into a source come before links out of it, as far as that is possible.
fn order_of_links(plan: &Plan) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    let many = |number: &usize| plan.links[*number].many;
    while order.len() < plan.links.len() {
        let open: Vec<usize> = (0..plan.links.len()).filter(|number| !order.contains(number)).collect();
        let waits = |number: &usize| {
            open.iter()
                .any(|other| other != number && many(other) && plan.links[*other].child == plan.links[*number].parent)
        };
        match open.iter().find(|number| !waits(number)) {
            Some(number) => order.push(*number),
            None => order.push(open[0]),
        }
    }
    order
}

/// Whether a record meets a condition. A record on which it fails is rejected.
fn meets(plan: &Plan, only: &Condition, number: usize, table: &Table, row: u32, ledger: &mut Ledger<'_>) -> bool {
    match plan.render(only.template, &only.columns, table.row(row)) {
        Ok(verdict) => verdict == "1",
        Err(reason) => {
            let diagnostic = plan
                .finding(Code::TransformTemplate, &only.rule, format!("the condition failed on this record: {reason}"))
                .cell(table.record(row));
            ledger.reject(number, row, &diagnostic);
            true
        }
    }
}

/// How many records are looked up together.
const BLOCK: u32 = 64;

/// Looks records up in blocks: first all keys of a block, then all look-ups, so that their cache misses overlap.
struct Finder<'a> {
    table: &'a Table,
    index: &'a Keys,
    columns: &'a [usize],
    buffer: Vec<u8>,
    words: Vec<u64>,
    /// Which record of the block each word belongs to.
    places: Vec<usize>,
    rows: Vec<u32>,
    found: Vec<u32>,
}

impl<'a> Finder<'a> {
    fn new(table: &'a Table, index: &'a Keys, columns: &'a [usize]) -> Finder<'a> {
        let (buffer, words, places, rows, found) = Default::default();
        Finder { table, index, columns, buffer, words, places, rows, found }
    }

    /// The record that each record of a block belongs to.
    fn block(&mut self, rows: Range<u32>) -> &[u32] {
        self.words.clear();
        self.places.clear();
        self.found.clear();
        for row in rows {
            let found = match key_of(self.table.row(row), self.columns, &mut self.buffer) {
                None => NONE,
                Some(key) => match key.packed() {
                    Some(word) => {
                        self.words.push(word);
                        self.places.push(self.found.len());
                        NONE
                    }
                    None => self.index.get(key),
                },
            };
            self.found.push(found);
        }
        self.index.get_all(&self.words, &mut self.rows);
        for (place, row) in self.places.iter().zip(&self.rows) {
            self.found[*place] = *row;
        }
        &self.found
    }

    /// The second parent of two records that are merged.
    fn second(&mut self, row: u32) -> u32 {
        let (mut cells, width) = (Vec::new(), self.table.header.len());
        self.table.split(row, &mut cells);
        if cells.len() <= width {
            return NONE;
        }
        let second = &cells[cells.len() - width..];
        let spans = self.columns.iter().map(|column| second.get(self.table.bind[*column]).copied());
        composed(self.table, spans, &mut self.buffer).map_or(NONE, |key| self.index.get(key))
    }
}

/// The records of a child source that belong to a parent, in the order of the file: parent and child.
fn attach(
    plan: &Plan,
    link: &LinkPlan,
    tables: &[Table],
    index: &Keys,
    (seen, lost): (&mut [u8], &[bool]),
    ledger: &mut Ledger<'_>,
) -> Vec<(u32, u32)> {
    let table = &tables[link.child];
    let mut pairs = Vec::with_capacity(table.starts.len());
    let (mut finder, mut parents) = (Finder::new(table, index, &link.child_columns), Vec::new());
    let mut next = 0;
    while next < table.len() {
        let block = next..table.len().min(next + BLOCK);
        parents.clear();
        let known = table.parents.get(next as usize..block.end as usize).filter(|known| !known.contains(&NONE));
        parents.extend_from_slice(known.unwrap_or_else(|| finder.block(block.clone())));
        loop {
            if link.only.is_none() {
                let (at, left) = (next as usize, &parents[(next - block.start) as usize..]);
                let fates = (&ledger.fates[link.child][at..], &*ledger.fates[link.parent]);
                next += good(next, left, fates, lost, (&mut seen[at..], &mut pairs));
            }
            let Some(parent) = parents.get((next - block.start) as usize).copied() else { break };
            let row = next;
            next += 1;
            let fate = ledger.fate(link.child, row);
            if fate == Fate::Filtered && link.child != plan.each {
                continue;
            }
            let seen = &mut seen[row as usize];
            let is_left_out = |only| fate == Fate::Good && !meets(plan, only, link.child, table, row, ledger);
            if link.only.as_ref().is_some_and(is_left_out) {
                *seen |= LEFT_OUT;
            } else if parent == NONE {
                *seen |= ORPHAN;
            } else if ledger.fate(link.parent, parent) == Fate::Filtered {
                *seen |= LEFT_OUT;
            } else if lost.get(parent as usize) == Some(&true) {
                *seen |= LOST;
            } else {
                *seen |= ATTACHED;
                pairs.push((parent, row));
            }
            // Two records that are merged belong to two parents, and both are held back with it.
            let other = if fate == Fate::Rejected { finder.second(row) } else { NONE };
            if other != NONE && other != parent {
                pairs.push((other, row));
            }
        }
    }
    pairs
}

/// Attaches records from `row` on, as long as they are good and belong to a record that takes them; gives how many.
#[inline(never)]
fn good(
    row: u32,
    parents: &[u32],
    (fates, parent_fates): (&[Fate], &[Fate]),
    lost: &[bool],
    (seen, pairs): (&mut [u8], &mut Vec<(u32, u32)>),
) -> u32 {
    let before = pairs.len();
    let takes = |parent: u32| {
        let fate = parent_fates.get(parent as usize);
        fate.is_some_and(|fate| *fate != Fate::Filtered) && lost.get(parent as usize) != Some(&true)
    };
    for ((row, parent), (fate, seen)) in (row..).zip(parents).zip(fates.iter().zip(seen)) {
        if *fate != Fate::Good || !takes(*parent) {
            break;
        }
        *seen |= ATTACHED;
        pairs.push((*parent, row));
    }
    u32::try_from(pairs.len() - before).unwrap_or(0)
}

/// Groups children by parent: a stable counting sort.
fn lists(pairs: &[(u32, u32)], count: u32) -> Link {
    let mut starts = vec![0u32; count as usize + 1];
    for (parent, _) in pairs {
        starts[*parent as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0; starts.last().copied().unwrap_or(0) as usize];
    for (parent, child) in pairs {
        let slot = &mut next[*parent as usize];
        rows[*slot as usize] = *child;
        *slot += 1;
    }
    Link { starts, rows }
}

/// The record each parent looks up.
fn lookups(link: &LinkPlan, tables: &[Table], index: &Keys, seen: &mut [u8]) -> Vec<u32> {
    let table = &tables[link.parent];
    let mut found = Vec::with_capacity(table.starts.len());
    let mut finder = Finder::new(table, index, &link.parent_columns);
    for start in (0..table.len()).step_by(BLOCK as usize) {
        found.extend_from_slice(finder.block(start..table.len().min(start + BLOCK)));
    }
    for target in found.iter().filter(|target| **target != NONE) {
        seen[*target as usize] |= ATTACHED;
    }
    found
}

/// What becomes of records that ended in no list.
fn settle(plan: &Plan, child: usize, tables: &[Table], seen: &[u8], ledger: &mut Ledger<'_>) {
    let (table, lost) = (&tables[child], "the record it belongs to is rejected".into());
    for row in 0..table.len() {
        let seen = seen[row as usize];
        if seen & ATTACHED != 0 || ledger.fate(child, row) != Fate::Good {
            continue;
        }
        if seen & LOST != 0 {
            ledger.reject_silently(child, row, Code::TransformIncomplete, &lost);
            continue;
        }
        let orphaned = plan.links.iter().filter(|link| link.many && link.child == child).find(|_| seen & ORPHAN != 0);
        match orphaned {
            Some(link) => orphan(plan, link, table, row, ledger),
            None => ledger.filter(child, row),
        }
    }
}

fn orphan(plan: &Plan, link: &LinkPlan, table: &Table, row: u32, ledger: &mut Ledger<'_>) {
    let policy = &link.on_orphan;
    let parent = &plan.sources[link.parent];
    let columns: Vec<&str> = link.parent_columns.iter().map(|column| parent.columns[*column].name.as_str()).collect();
    let message = format!("no record of `{}` has this `{}`", parent.name, columns.join("`, `"));
    let diagnostic = plan
        .finding(Code::JoinNoMatch, &format!("{}/match", link.rule), message)
        .cell(table.cell(row, table.bind[link.child_columns[0]]));
    match (&policy.then, policy.warn) {
        (OnOrphan::Reject, _) => {
            ledger.reject(
                link.child,
                row,
                &diagnostic.hint("add the missing record, or set `on_orphan` for this list"),
            );
        }
        (OnOrphan::Warn, _) | (OnOrphan::Ignore, true) => {
            ledger.say(&warned(diagnostic));
            ledger.filter(link.child, row);
        }
        (OnOrphan::Ignore, false) => ledger.filter(link.child, row),
    }
}
