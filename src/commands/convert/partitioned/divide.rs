//! A partition that is too large -> several: its root records with everything below them, and an oversized document alone.

use std::io;

use crate::{
    commands::convert::partitioned::{
        oversized::{OversizedDocument, group_chunks, root_rows},
        recording::Stored,
        router::{Route, Router},
    },
    join::{
        keys,
        partition_map::{FoundParents, PartitionMap},
    },
    partition::{
        buffers::PartitionBuffers,
        decode::{self, DecodedRows},
        encode::RowEntry,
        spill::Chunk,
        stored::StoredPartition,
        wire::as_u32,
    },
    plan::{Plan, key::KeyColumns},
    recording::ledger::{Reject, RowStatus},
    table::{NONE, Table, row_header},
};

/// How many bytes are written at once, at most.
const BUFFER: usize = 64 << 10;

/// Some rows of a partition, loaded.
struct LoadedRows {
    table: Table,
    statuses: Vec<RowStatus>,
    rejects: Vec<Reject>,
}

impl LoadedRows {
    fn new(shape: &Table) -> LoadedRows {
        let mut table = shape.clone();
        table.parts.clear();
        LoadedRows { table, statuses: Vec::new(), rejects: Vec::new() }
    }

    fn add(&mut self, partition: &StoredPartition, source: usize, chunk: Chunk) -> io::Result<()> {
        let mut bytes = Vec::new();
        let bytes = partition.spill().read(chunk, &mut bytes)?;
        let LoadedRows { table, statuses, rejects } = self;
        decode::append_rows(&bytes, &partition.shapes()[source], &mut DecodedRows { source, table, statuses, rejects });
        Ok(())
    }

    fn read(partition: &StoredPartition, source: usize, chunk: Chunk) -> io::Result<LoadedRows> {
        let mut rows = LoadedRows::new(&partition.shapes()[source]);
        rows.add(partition, source, chunk)?;
        Ok(rows)
    }

    /// How many bytes a row takes.
    fn weight(&self, row: u32) -> u64 {
        let at = row as usize;
        let end = self.table.starts.get(at + 1).copied().unwrap_or(self.table.text.len());
        (end - self.table.starts[at] + self.table.header.len() * 2 + 20) as u64
    }

    fn reject(&self, row: u32) -> Option<&Reject> {
        let rejected = self.statuses[row as usize] == RowStatus::Rejected;
        rejected.then(|| self.rejects.iter().find(|reject| reject.row == row)).flatten()
    }

    fn entry(&self, row: u32, shape: &Table) -> RowEntry<'_> {
        let (table, at) = (&self.table, row as usize);
        let path = &table.part(row).path;
        RowEntry {
            table,
            row,
            end: table.starts.get(at + 1).copied().unwrap_or(table.text.len()),
            number: table.number(row),
            parent: NONE,
            line_shift: row_header::line_shift(table.line(row), table.number(row)),
            part: shape.parts.iter().position(|part| part.path == *path).unwrap_or(0),
            reject: self.reject(row),
            is_copy: table.copies.contains(&row),
        }
    }
}

/// Divides a partition that is larger than it should be once more, if that can be done.
pub(super) fn divide(plan: &Plan, partition: StoredPartition, limit: u64) -> io::Result<Vec<Stored>> {
    let is_flat = plan.links.iter().all(|link| link.parent == plan.each);
    let is_merged = plan.sources[plan.each].is_merged();
    if partition.bytes() <= 2 * limit || partition.holds_duplicates || is_merged || !is_flat {
        return Ok(vec![Stored::Partition(partition)]);
    }
    let mut roots = LoadedRows::new(&partition.shapes()[plan.each]);
    for chunk in &partition.rows()[plan.each] {
        roots.add(&partition, plan.each, *chunk)?;
    }
    if roots.table.is_empty() {
        return Ok(unmatched(plan, &partition, limit));
    }
    let Some(map) = map_roots(plan, &roots) else { return Ok(vec![Stored::Partition(partition)]) };
    let mut weights: Vec<u64> = (0..roots.table.len()).map(|root| roots.weight(root)).collect();
    let mut lookup = RootLookup::new(map);
    let roots_of_rows = weigh(plan, &partition, &mut lookup, &mut weights)?;
    let parts = Parts::fill(&weights, limit);
    let mut division = Division { plan, partition: &partition, roots: &roots, parts: &parts, lookup };
    let rows = division.route(&roots_of_rows, limit)?;
    let part = |(number, is_oversized): (usize, &bool)| {
        let rows = rows.iter().map(|chunks| chunks.get(number).cloned().unwrap_or_default()).collect();
        let part = partition.with_rows(rows);
        if *is_oversized && plan.comes_in_parts() {
            Stored::Oversized(OversizedDocument::new(plan, &part, limit))
        } else {
            Stored::Partition(part)
        }
    };
    Ok(parts.are_oversized.iter().enumerate().map(part).collect())
}

/// For each source and each chunk of it, the root record of each row; empty where some row has two.
type RootsOfRows = Vec<Vec<Chunk>>;

/// Looks up the root record of every row, and adds the bytes of the row to it.
fn weigh(
    plan: &Plan,
    partition: &StoredPartition,
    lookup: &mut RootLookup,
    weights: &mut [u64],
) -> io::Result<RootsOfRows> {
    let (mut roots_of_rows, mut bytes) = (vec![Vec::new(); partition.shapes().len()], Vec::new());
    for link in &plan.links {
        for chunk in &partition.rows()[link.child] {
            let rows = LoadedRows::read(partition, link.child, *chunk)?;
            lookup.find(&rows, &link.child_columns);
            bytes.clear();
            for (row, root) in (0..).zip(&lookup.roots) {
                if let Some(weight) = weights.get_mut(*root as usize) {
                    *weight += rows.weight(row);
                }
                bytes.extend_from_slice(&root.to_le_bytes());
            }
            // A rejected row may have two root records, so it is looked up again.
            let again = !rows.rejects.is_empty();
            roots_of_rows[link.child].push(partition.spill().write(if again { &[] } else { &bytes })?);
        }
    }
    Ok(roots_of_rows)
}

/// Maps the key of each root record to its number; `None`: two keys are the same, or have the same hash.
fn map_roots(plan: &Plan, roots: &LoadedRows) -> Option<PartitionMap> {
    let (mut key_hashes, mut map) = (Vec::new(), PartitionMap::with_capacity(roots.statuses.len()));
    keys::hash_keys(&roots.table, &plan.sources[plan.each].key, &mut key_hashes);
    let of = |good: bool| {
        (0..).zip(&key_hashes).zip(&roots.statuses).filter(move |(_, status)| (**status == RowStatus::Good) == good)
    };
    for ((root, key_hash), _) in of(true) {
        if keys::is_key(*key_hash) && map.insert(*key_hash, root, NONE).is_some() {
            return None;
        }
    }
    for ((root, key_hash), _) in of(false).filter(|((_, key_hash), _)| keys::is_key(**key_hash)) {
        map.insert(*key_hash, root, NONE);
    }
    Some(map)
}

/// Finds the root records of rows.
struct RootLookup {
    map: PartitionMap,
    key_hashes: Vec<u64>,
    /// The root record of each row that was looked up last.
    roots: Vec<u32>,
    unused: Vec<u32>,
}

impl RootLookup {
    fn new(map: PartitionMap) -> RootLookup {
        RootLookup { map, key_hashes: Vec::new(), roots: Vec::new(), unused: Vec::new() }
    }

    fn find(&mut self, rows: &LoadedRows, columns: &KeyColumns) {
        keys::hash_keys(&rows.table, columns, &mut self.key_hashes);
        let RootLookup { map, key_hashes, roots, unused } = self;
        map.find_parents(&rows.table, columns, key_hashes, FoundParents { partitions: roots, rows: unused });
    }
}

/// Which part each root record goes to, and for each part whether it is one record that is too large.
struct Parts {
    of_roots: Vec<u32>,
    are_oversized: Vec<bool>,
}

impl Parts {
    /// Fills one part after the other, by the bytes that belong to each root record.
    fn fill(weights: &[u64], limit: u64) -> Parts {
        let mut parts = Parts { of_roots: Vec::with_capacity(weights.len()), are_oversized: Vec::new() };
        let mut filled = u64::MAX;
        for weight in weights {
            let is_oversized = *weight > limit;
            if is_oversized || filled.saturating_add(*weight) > limit {
                parts.are_oversized.push(is_oversized);
                filled = 0;
            }
            filled = if is_oversized { u64::MAX } else { filled + weight };
            parts.of_roots.push(as_u32(parts.are_oversized.len() - 1));
        }
        parts
    }

    /// The part of a root record, or [`NONE`].
    fn of(&self, root: u32) -> u32 {
        self.of_roots.get(root as usize).copied().unwrap_or(NONE)
    }
}

/// A partition that is being divided.
struct Division<'a> {
    plan: &'a Plan,
    partition: &'a StoredPartition,
    roots: &'a LoadedRows,
    parts: &'a Parts,
    lookup: RootLookup,
}

impl Division<'_> {
    /// Routes the rows of every source to the parts; gives the chunks of each source and each part.
    fn route(&mut self, roots_of_rows: &RootsOfRows, limit: u64) -> io::Result<Vec<Vec<Vec<Chunk>>>> {
        let (mut sources, mut bytes, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        let capacity = usize::try_from(limit).map_or(BUFFER, |limit| limit.min(BUFFER));
        let (plan, spill) = (self.plan, self.partition.spill());
        for (source, shape) in self.partition.shapes().iter().enumerate() {
            let mut router = Router::new(Route::One, PartitionBuffers::new(capacity, 0));
            if source == plan.each {
                for (root, part) in (0..).zip(&self.parts.of_roots) {
                    router.put_row(*part, self.roots.entry(root, shape), spill)?;
                }
            }
            for link in plan.links.iter().filter(|link| link.child == source) {
                for (chunk, known) in self.partition.rows()[source].iter().zip(&roots_of_rows[source]) {
                    if known.is_empty() {
                        let rows = LoadedRows::read(self.partition, source, *chunk)?;
                        self.route_rejected(&rows, shape, &link.child_columns, &mut router)?;
                        continue;
                    }
                    let bytes = spill.read(*chunk, &mut bytes)?;
                    let roots = spill.read(*known, &mut roots)?;
                    let mut roots = roots.as_chunks().0.iter().map(|root| u32::from_le_bytes(*root));
                    decode::visit_rows(&bytes, shape, &mut |row| {
                        let part = self.parts.of(roots.next().unwrap_or(NONE));
                        router.put_encoded(if part == NONE { 0 } else { part }, row, spill)
                    })?;
                }
            }
            sources.push(router.finish(spill)?.chunks);
        }
        Ok(sources)
    }

    /// Routes rows some of which are rejected: merged records hold both of their parents back.
    fn route_rejected(
        &mut self,
        rows: &LoadedRows,
        shape: &Table,
        columns: &KeyColumns,
        router: &mut Router<'_>,
    ) -> io::Result<()> {
        self.lookup.find(rows, columns);
        let (parts, spill) = (self.parts, self.partition.spill());
        for (row, root) in (0..).zip(&self.lookup.roots) {
            let entry = rows.entry(row, shape);
            let (first, mut second) = (parts.of(*root), NONE);
            if entry.reject.is_some() {
                second = parts.of(self.lookup.map.find_second_parent(&rows.table, columns, row));
            }
            if first != NONE && second != NONE && first != second {
                router.put_row(second, RowEntry { is_copy: true, ..entry }, spill)?;
            }
            let part = if first == NONE { second } else { first };
            router.put_row(if part == NONE { 0 } else { part }, entry, spill)?;
        }
        Ok(())
    }
}

/// The partitions of rows that belong to no root record.
fn unmatched(plan: &Plan, partition: &StoredPartition, limit: u64) -> Vec<Stored> {
    let rows = [root_rows(plan, partition)].into_iter().chain(group_chunks(plan, partition, limit));
    rows.map(|rows| Stored::Partition(partition.with_rows(rows))).collect()
}
