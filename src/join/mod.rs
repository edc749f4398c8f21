//! Records -> match groups: which records belong to which, and in what order.
//!
//! Each source with a key is indexed once; each child is looked up once. The children of a record are a slice of row
//! numbers, grouped by a stable counting sort, so a match group costs no allocation and keeps the order of the file.
//! No problem is passed over: a duplicate key, an orphan and a lookup without a match are each resolved as the mapping
//! says.

#![expect(clippy::inline_always, reason = "a call for each key costs more than finding it")]

pub mod partition_map;
mod hash_seed;
pub mod hash_index;
pub mod keys;
pub mod partitioned_keys;
pub mod build;
pub mod merge;
pub mod seen_keys;
pub mod order;
pub mod typed_cells;
pub mod left_out;

use std::ops::Range;

use crate::{
    config::mapping::policy::OnOrphan,
    diagnostic::{Code, Diagnostic},
    join::{
        build::build_index,
        hash_index::HashIndex,
        keys::{compose_key, read_key, second_half},
        merge::merge_records,
        typed_cells::{reject_bad_cells, reject_bad_cells_below},
    },
    plan::{Condition, LinkPlan, Plan, expression::value::ExpressionFailure, key::KeyColumns},
    recording::{
        ledger::{Ledger, RowStatus, as_warning},
        match_groups::{Link, MatchGroups},
    },
    table::{NONE, Table},
};

/// A flag of a child, set while links are resolved: it belongs to a record.
const ATTACHED: u8 = 1;
/// It is left out by a condition, of its own or of its parent.
const LEFT_OUT: u8 = 2;
/// No record has the key it names.
const ORPHAN: u8 = 4;
/// The record it belongs to is rejected.
const LOST: u8 = 8;

/// A child and the record it belongs to.
#[derive(Clone, Copy, Debug)]
struct Pair {
    parent: u32,
    child: u32,
}

/// Joins the records of a recording.
///
/// # Errors
/// A file whose keys cannot be trusted, where the mapping says so.
pub fn match_groups(
    plan: &Plan,
    tables: &mut [Table],
    ledger: &mut Ledger<'_>,
) -> Result<MatchGroups, Vec<Diagnostic>> {
    merge_records(plan, tables, ledger);
    let tables = &*tables;
    let mut findings = Vec::new();
    let mut indexes = Vec::new();
    for (number, source) in plan.sources.iter().enumerate() {
        let index = if source.key.columns.is_empty() {
            HashIndex::default()
        } else {
            let is_looked_up = is_looked_up(plan, number, tables);
            build_index(plan, number, &tables[number], is_looked_up, ledger, &mut findings)
        };
        indexes.push(index);
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    for (number, source) in plan.sources.iter().enumerate() {
        reject_bad_cells(plan, number, &tables[number], &source.checked.in_match, ledger);
        reject_bad_cells(plan, number, &tables[number], &source.checked.in_where, ledger);
    }
    filter_roots(plan, tables, ledger);
    let mut links: Vec<Link> = plan.links.iter().map(|_| Link::default()).collect();
    let mut flags: Vec<Vec<u8>> = tables.iter().map(|table| vec![0; table.starts.len()]).collect();
    let order = order_links(plan);
    for (at, number) in order.iter().copied().enumerate() {
        let link = &plan.links[number];
        let is_last =
            !order[at + 1..].iter().any(|later| plan.links[*later].many && plan.links[*later].child == link.child);
        let index = &indexes[if link.many { link.parent } else { link.child }];
        if !link.many {
            links[number].rows = look_up_rows(link, tables, index, &mut flags[link.child]);
            continue;
        }
        let lost = find_lost_parents(plan, link, &flags[link.parent], ledger);
        let children = Children { plan, link, tables, index, lost: &lost };
        let pairs = children.attach(&mut flags[link.child], ledger);
        links[number] = group_by_parent(&pairs, tables[link.parent].len());
        let Link { starts, rows } = &mut links[number];
        order::sort_children(plan, link, &tables[link.child], starts, rows);
        if is_last && link.child != plan.each {
            resolve_orphans(plan, link.child, tables, &flags[link.child], ledger);
        }
    }
    let groups = MatchGroups::new(links);
    filter_unused(plan, &groups, &flags, ledger);
    reject_bad_cells_below(plan, tables, &groups, ledger);
    Ok(groups)
}

/// Resolves the records of a table that have one key; returns what makes their source untrustworthy.
pub fn resolve_duplicates(plan: &Plan, number: usize, table: &Table, ledger: &mut Ledger<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    build_index(plan, number, table, true, ledger, &mut findings);
    findings
}

/// Filters the records that nobody looks up, with what is below them.
fn filter_unused(plan: &Plan, groups: &MatchGroups, flags: &[Vec<u8>], ledger: &mut Ledger<'_>) {
    for (number, _) in plan.sources.iter().enumerate().filter(|(_, source)| source.lookup) {
        for (row, _) in (0..).zip(&flags[number]).filter(|(_, flags)| **flags & ATTACHED == 0) {
            groups.visit_subtree(plan, number, row, &mut |source, row| ledger.filter(source, row));
        }
    }
}

/// Filters the root records that do not meet the condition of the mapping.
fn filter_roots(plan: &Plan, tables: &[Table], ledger: &mut Ledger<'_>) {
    let Some(only) = &plan.only else { return };
    for row in 0..tables[plan.each].len() {
        if ledger.status(plan.each, row) == RowStatus::Good
            && !meets_condition(plan, only, plan.each, &tables[plan.each], row, ledger)
        {
            ledger.filter(plan.each, row);
        }
    }
}

/// For each parent of a link, whether its children are lost with it: it is rejected, or belongs to no record itself. Empty
/// if no children are lost. A record that nobody looks up is not lost.
fn find_lost_parents(plan: &Plan, link: &LinkPlan, flags: &[u8], ledger: &Ledger<'_>) -> Vec<bool> {
    if link.parent == plan.each || link.parent == link.child {
        return Vec::new();
    }
    let statuses = flags.iter().zip(&ledger.statuses[link.parent]);
    let belongs = |flags: &u8| flags & ATTACHED != 0 || plan.sources[link.parent].lookup;
    statuses.map(|(flags, status)| !belongs(flags) || *status == RowStatus::Rejected).collect()
}

/// Whether records of a source are looked up by their key.
fn is_looked_up(plan: &Plan, number: usize, tables: &[Table]) -> bool {
    plan.links.iter().any(|link| {
        let known = link.many && tables[link.child].knows_parents();
        number == if link.many { link.parent } else { link.child } && !known
    })
}

/// Orders the links: those into a source come before those out of it, as far as that is possible.
fn order_links(plan: &Plan) -> Vec<usize> {
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

/// Whether a record meets a condition. A record for which the condition cannot be evaluated is rejected.
fn meets_condition(
    plan: &Plan,
    only: &Condition,
    number: usize,
    table: &Table,
    row: u32,
    ledger: &mut Ledger<'_>,
) -> bool {
    match only.expression.holds(table.row(row)) {
        Ok(verdict) => verdict,
        Err(ExpressionFailure { reason, column }) => {
            let diagnostic = plan
                .finding(Code::TransformTemplate, &only.rule, format!("the condition failed on this record: {reason}"))
                .cell(column.map_or_else(|| table.record(row), |column| table.cell(row, table.bind[column])));
            ledger.reject(number, row, &diagnostic);
            true
        }
    }
}

/// How many records are looked up together.
const BLOCK: u32 = 64;

/// Looks up the records of a table in blocks: first all keys of a block, then all look-ups, so that cache misses overlap.
struct BlockLookup<'a> {
    table: &'a Table,
    index: &'a HashIndex,
    key: &'a KeyColumns,
    buffer: Vec<u8>,
    /// The hashes of short keys: they are looked up together.
    key_hashes: Vec<u64>,
    /// For each key hash, the record of the block that it belongs to.
    positions: Vec<usize>,
    rows: Vec<u32>,
    found: Vec<u32>,
}

impl<'a> BlockLookup<'a> {
    fn new(table: &'a Table, index: &'a HashIndex, key: &'a KeyColumns) -> BlockLookup<'a> {
        let (buffer, key_hashes, positions, rows, found) = Default::default();
        BlockLookup { table, index, key, buffer, key_hashes, positions, rows, found }
    }

    /// Finds the record that each record of a block belongs to, or [`NONE`].
    fn find_block(&mut self, rows: Range<u32>) -> &[u32] {
        self.key_hashes.clear();
        self.positions.clear();
        self.found.clear();
        for row in rows {
            let found = match read_key(self.table.row(row), self.key, &mut self.buffer) {
                None => NONE,
                Some(key) => match key.packed() {
                    Some(key_hash) => {
                        self.key_hashes.push(key_hash);
                        self.positions.push(self.found.len());
                        NONE
                    }
                    None => self.index.get(key),
                },
            };
            self.found.push(found);
        }
        self.index.get_many(&self.key_hashes, &mut self.rows);
        for (position, row) in self.positions.iter().zip(&self.rows) {
            self.found[*position] = *row;
        }
        &self.found
    }

    /// Finds the second parent of a row in which two records are merged, or [`NONE`].
    fn find_second_parent(&mut self, row: u32) -> u32 {
        let (mut cells, width) = (Vec::new(), self.table.header.len());
        self.table.split(row, &mut cells);
        let Some(second) = second_half(&cells, width) else { return NONE };
        let find_span = |column: usize| second.get(self.table.bind[column]).copied();
        compose_key(self.table, self.key, &find_span, &mut self.buffer).map_or(NONE, |key| self.index.get(key))
    }
}

/// The children of one link, to be attached to their parents.
struct Children<'a> {
    plan: &'a Plan,
    link: &'a LinkPlan,
    tables: &'a [Table],
    /// The parents by their key.
    index: &'a HashIndex,
    /// For each parent, whether its children are lost with it; empty if none are.
    lost: &'a [bool],
}

impl Children<'_> {
    /// Attaches all children, in the order of the file, and flags what became of each.
    fn attach(&self, flags: &mut [u8], ledger: &mut Ledger<'_>) -> Vec<Pair> {
        let Children { plan, link, tables, index, lost } = *self;
        let table = &tables[link.child];
        let mut pairs = Vec::with_capacity(table.starts.len());
        let (mut lookup, mut parents) = (BlockLookup::new(table, index, &link.child_columns), Vec::new());
        let mut next = 0;
        while next < table.len() {
            let block = next..table.len().min(next + BLOCK);
            parents.clear();
            let known = table.parents.get(next as usize..block.end as usize).filter(|known| !known.contains(&NONE));
            parents.extend_from_slice(known.unwrap_or_else(|| lookup.find_block(block.clone())));
            loop {
                if link.only.is_none() {
                    let at = next as usize;
                    let run = GoodRun {
                        first: next,
                        parents: &parents[(next - block.start) as usize..],
                        statuses: &ledger.statuses[link.child][at..],
                        parent_statuses: &ledger.statuses[link.parent],
                        lost,
                        flags: &mut flags[at..],
                    };
                    next += run.attach(&mut pairs);
                }
                let Some(parent) = parents.get((next - block.start) as usize).copied() else { break };
                let child = next;
                next += 1;
                let status = ledger.status(link.child, child);
                if status == RowStatus::Filtered && link.child != plan.each {
                    continue;
                }
                let flag = self.flag(Pair { parent, child }, status, ledger);
                flags[child as usize] |= flag;
                if flag == ATTACHED {
                    pairs.push(Pair { parent, child });
                }
                // Two records that are merged belong to two parents, and both parents are rejected with them.
                let other = if status == RowStatus::Rejected { lookup.find_second_parent(child) } else { NONE };
                if other != NONE && other != parent {
                    pairs.push(Pair { parent: other, child });
                }
            }
        }
        pairs
    }

    /// What becomes of a child, as a flag.
    fn flag(&self, pair: Pair, status: RowStatus, ledger: &mut Ledger<'_>) -> u8 {
        let Children { plan, link, tables, lost, .. } = *self;
        let Pair { parent, child } = pair;
        let table = &tables[link.child];
        if let Some(only) = &link.only
            && status == RowStatus::Good
            && !meets_condition(plan, only, link.child, table, child, ledger)
        {
            LEFT_OUT
        } else if parent == NONE {
            ORPHAN
        } else if ledger.status(link.parent, parent) == RowStatus::Filtered {
            LEFT_OUT
        } else if lost.get(parent as usize) == Some(&true) {
            LOST
        } else {
            ATTACHED
        }
    }
}

/// Children that follow each other, and what is known of them and of their parents.
struct GoodRun<'a> {
    /// The row of the first child.
    first: u32,
    /// The parent of each child.
    parents: &'a [u32],
    /// The status of each child.
    statuses: &'a [RowStatus],
    /// The statuses of all parents.
    parent_statuses: &'a [RowStatus],
    /// For each parent, whether its children are lost with it; empty if none are.
    lost: &'a [bool],
    /// The flags of each child.
    flags: &'a mut [u8],
}

impl GoodRun<'_> {
    /// Attaches the children up to the first that is not good or has no parent to attach it to; returns how many.
    #[inline(never)]
    fn attach(self, pairs: &mut Vec<Pair>) -> u32 {
        let GoodRun { first, parents, statuses, parent_statuses, lost, flags } = self;
        let before = pairs.len();
        let takes = |parent: u32| {
            let status = parent_statuses.get(parent as usize);
            status.is_some_and(|status| *status != RowStatus::Filtered) && lost.get(parent as usize) != Some(&true)
        };
        for ((child, parent), (status, flags)) in (first..).zip(parents).zip(statuses.iter().zip(flags)) {
            if *status != RowStatus::Good || !takes(*parent) {
                break;
            }
            *flags |= ATTACHED;
            pairs.push(Pair { parent: *parent, child });
        }
        u32::try_from(pairs.len() - before).unwrap_or(0)
    }
}

/// Groups children by parent: a stable counting sort.
fn group_by_parent(pairs: &[Pair], parents: u32) -> Link {
    let mut starts = vec![0u32; parents as usize + 1];
    for pair in pairs {
        starts[pair.parent as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0; starts.last().copied().unwrap_or(0) as usize];
    for pair in pairs {
        let slot = &mut next[pair.parent as usize];
        rows[*slot as usize] = pair.child;
        *slot += 1;
    }
    Link { starts, rows }
}

/// Finds the record that each parent looks up, and flags what is looked up.
fn look_up_rows(link: &LinkPlan, tables: &[Table], index: &HashIndex, flags: &mut [u8]) -> Vec<u32> {
    let table = &tables[link.parent];
    let mut found = Vec::with_capacity(table.starts.len());
    let mut lookup = BlockLookup::new(table, index, &link.parent_columns);
    for start in (0..table.len()).step_by(BLOCK as usize) {
        found.extend_from_slice(lookup.find_block(start..table.len().min(start + BLOCK)));
    }
    for target in found.iter().filter(|target| **target != NONE) {
        flags[*target as usize] |= ATTACHED;
    }
    found
}

/// Resolves the records of a source that no link attached: orphans, lost records and those left out.
fn resolve_orphans(plan: &Plan, child: usize, tables: &[Table], flags: &[u8], ledger: &mut Ledger<'_>) {
    let (table, lost) = (&tables[child], "the record it belongs to is rejected".into());
    for row in 0..table.len() {
        let flags = flags[row as usize];
        if flags & ATTACHED != 0 || ledger.status(child, row) != RowStatus::Good {
            continue;
        }
        if flags & LOST != 0 {
            ledger.reject_silently(child, row, Code::TransformIncomplete, &lost);
            continue;
        }
        let orphaned = plan.links.iter().filter(|link| link.many && link.child == child).find(|_| flags & ORPHAN != 0);
        match orphaned {
            Some(link) => resolve_orphan(plan, link, table, row, ledger),
            None => ledger.filter(child, row),
        }
    }
}

/// Resolves an orphan as the policy `on_orphan` of its link says.
fn resolve_orphan(plan: &Plan, link: &LinkPlan, table: &Table, row: u32, ledger: &mut Ledger<'_>) {
    let policy = &link.on_orphan;
    let parent = &plan.sources[link.parent];
    let columns = link.parent_columns.columns.iter();
    let columns: Vec<&str> = columns.map(|column| parent.columns[*column].name.as_str()).collect();
    let message = format!("no record of `{}` has this `{}`", parent.name, columns.join("`, `"));
    let diagnostic = plan
        .finding(Code::JoinNoMatch, &format!("{}/match", link.rule), message)
        .cell(table.cell(row, table.bind[link.child_columns.columns[0]]));
    match (&policy.then, policy.warn) {
        (OnOrphan::Reject, _) => {
            ledger.reject(
                link.child,
                row,
                &diagnostic.hint("add the missing record, or set `on_orphan` for this list"),
            );
        }
        (OnOrphan::Warn, _) | (OnOrphan::Ignore, true) => {
            ledger.say(&as_warning(diagnostic));
            ledger.filter(link.child, row);
        }
        (OnOrphan::Ignore, false) => ledger.filter(link.child, row),
    }
}
