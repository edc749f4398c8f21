//! Partitions that are too large: divided once more, and one document with very many records in continuations.
//!
//! A continuation is a partition with the root record and some of the records below it. It is joined and checked as a
//! document of its own; the whole is the document without records, with the items of all continuations where they belong.
//! Nothing is written before every continuation was found good.

use std::io;

use crate::{
    commands::convert::partitioned::{
        recording::{Stored, load, spill_error, store},
        router::{Route, Router, small},
    },
    diagnostic::Diagnostic,
    error::Error,
    join::partition_map::{self, FoundParents, PartitionMap},
    partition::{
        buffers::PartitionBuffers,
        decode::{self, DecodedRows},
        encode::RowEntry,
        loaded::LoadedPartition,
        spill::{Chunk, Spill},
        stored::StoredPartition,
    },
    plan::Plan,
    recording::{
        ledger::{Fate, Reject},
        payload::Payload,
    },
    table::{NONE, Table, row_header},
    transform::{self, Scratch},
};

/// How many bytes are written at once, at most.
const BUFFER: usize = 64 << 10;

/// Who takes bytes.
type Write<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// A document that is too large for a partition.
#[derive(Debug)]
pub struct OversizedDocument {
    /// The root record alone.
    pub(crate) head: StoredPartition,
    /// Each holds the root record again, with some of the records below.
    pub(crate) continuations: Vec<StoredPartition>,
    /// Its JSON, since it was found good.
    rendered: Option<Rendered>,
}

/// The JSON of a document in parts.
#[derive(Debug)]
struct Rendered {
    /// The document without records below.
    frame: Chunk,
    /// The items of its lists, in order.
    items: Vec<Items>,
}

/// Items that follow each other in a list.
#[derive(Clone, Copy, Debug)]
struct Items {
    /// Where they belong in the frame.
    at: usize,
    json: Chunk,
}

/// Some rows of a partition, read back.
struct LoadedRows {
    table: Table,
    fates: Vec<Fate>,
    rejects: Vec<Reject>,
}

impl LoadedRows {
    fn new(shape: &Table) -> LoadedRows {
        let mut table = shape.clone();
        table.parts.clear();
        LoadedRows { table, fates: Vec::new(), rejects: Vec::new() }
    }

    fn add(&mut self, partition: &StoredPartition, source: usize, chunk: Chunk) -> io::Result<()> {
        let mut bytes = Vec::new();
        let bytes = partition.spill().read(chunk, &mut bytes)?;
        let LoadedRows { table, fates, rejects } = self;
        decode::append_rows(&bytes, &partition.shapes()[source], &mut DecodedRows { source, table, fates, rejects });
        Ok(())
    }

    fn of(partition: &StoredPartition, source: usize, chunk: Chunk) -> io::Result<LoadedRows> {
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
        let rejected = self.fates[row as usize] == Fate::Rejected;
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
pub(super) fn divide_again(plan: &Plan, partition: StoredPartition, limit: u64) -> io::Result<Vec<Stored>> {
    let is_flat = plan.links.iter().all(|link| link.parent == plan.each);
    if partition.bytes() <= 2 * limit || partition.holds_duplicates || !is_flat {
        return Ok(vec![Stored::Partition(partition)]);
    }
    let mut roots = LoadedRows::new(&partition.shapes()[plan.each]);
    for chunk in &partition.rows()[plan.each] {
        roots.add(&partition, plan.each, *chunk)?;
    }
    if roots.table.is_empty() {
        return Ok(unmatched(plan, &partition, limit));
    }
    let Some(places) = places(plan, &roots) else { return Ok(vec![Stored::Partition(partition)]) };
    let mut weights: Vec<u64> = (0..roots.table.len()).map(|root| roots.weight(root)).collect();
    let mut found = Found::new(places);
    let looked = weighed(plan, &partition, &mut found, &mut weights)?;
    let (to, groups) = groups(&weights, limit);
    let rows = routed(plan, &partition, (&roots, &to), (&looked, &mut found), limit)?;
    let part = |(number, heavy): (usize, &bool)| {
        let rows = rows.iter().map(|chunks| chunks.get(number).cloned().unwrap_or_default()).collect();
        let part = partition.with_rows(rows);
        if *heavy && plan.comes_in_parts() {
            Stored::Oversized(OversizedDocument::new(plan, &part, limit))
        } else {
            Stored::Partition(part)
        }
    };
    Ok(groups.iter().enumerate().map(part).collect())
}

/// For each source and each chunk of it, the root record of each row.
type Looked = Vec<Vec<Chunk>>;

/// Looks up the root record of every row, and adds up what they weigh.
fn weighed(plan: &Plan, partition: &StoredPartition, found: &mut Found, weights: &mut [u64]) -> io::Result<Looked> {
    let (mut looked, mut bytes) = (vec![Vec::new(); partition.shapes().len()], Vec::new());
    for link in &plan.links {
        for chunk in &partition.rows()[link.child] {
            let rows = LoadedRows::of(partition, link.child, *chunk)?;
            found.look(&rows, &link.child_columns);
            bytes.clear();
            for (row, root) in (0..).zip(&found.roots) {
                if let Some(weight) = weights.get_mut(*root as usize) {
                    *weight += rows.weight(row);
                }
                bytes.extend_from_slice(&root.to_le_bytes());
            }
            // LoadedRows that are rejected may have two, so they are looked at again.
            let again = !rows.rejects.is_empty();
            looked[link.child].push(partition.spill().write(if again { &[] } else { &bytes })?);
        }
    }
    Ok(looked)
}

/// The number of each root record by its key; `None`: two have the same, or hashes that are the same.
fn places(plan: &Plan, roots: &LoadedRows) -> Option<PartitionMap> {
    let (mut key_hashes, mut places) = (Vec::new(), PartitionMap::with_capacity(roots.fates.len()));
    partition_map::hash_keys(&roots.table, &plan.sources[plan.each].key, &mut key_hashes);
    let of =
        |good: bool| (0..).zip(&key_hashes).zip(&roots.fates).filter(move |(_, fate)| (**fate == Fate::Good) == good);
    for ((root, key_hash), _) in of(true) {
        if partition_map::is_key(*key_hash) && places.insert(*key_hash, root, NONE).is_some() {
            return None;
        }
    }
    for ((root, key_hash), _) in of(false).filter(|((_, key_hash), _)| partition_map::is_key(**key_hash)) {
        places.insert(*key_hash, root, NONE);
    }
    Some(places)
}

/// Looks up the root records of some rows.
struct Found {
    places: PartitionMap,
    key_hashes: Vec<u64>,
    roots: Vec<u32>,
    none: Vec<u32>,
}

impl Found {
    fn new(places: PartitionMap) -> Found {
        Found { places, key_hashes: Vec::new(), roots: Vec::new(), none: Vec::new() }
    }

    fn look(&mut self, rows: &LoadedRows, columns: &[usize]) {
        partition_map::hash_keys(&rows.table, columns, &mut self.key_hashes);
        let Found { places, key_hashes, roots, none } = self;
        places.find_parents(&rows.table, columns, key_hashes, FoundParents { partitions: roots, rows: none });
    }
}

/// Which group each root record goes to, and for each group whether it is one heavy record.
fn groups(weights: &[u64], limit: u64) -> (Vec<u32>, Vec<bool>) {
    let (mut to, mut groups, mut filled) = (Vec::with_capacity(weights.len()), Vec::new(), u64::MAX);
    for weight in weights {
        let heavy = *weight > limit;
        if heavy || filled.saturating_add(*weight) > limit {
            groups.push(heavy);
            filled = 0;
        }
        filled = if heavy { u64::MAX } else { filled + weight };
        to.push(small(groups.len() - 1));
    }
    (to, groups)
}

/// Sends the rows of a piece to its groups.
fn routed(
    plan: &Plan,
    partition: &StoredPartition,
    (roots, to): (&LoadedRows, &[u32]),
    (looked, found): (&Looked, &mut Found),
    limit: u64,
) -> io::Result<Vec<Vec<Vec<Chunk>>>> {
    let (mut sources, mut bytes, mut roots_of) = (Vec::new(), Vec::new(), Vec::new());
    let room = usize::try_from(limit).map_or(BUFFER, |limit| limit.min(BUFFER));
    let group = |root: u32| to.get(root as usize).copied().unwrap_or(NONE);
    for (source, shape) in partition.shapes().iter().enumerate() {
        let mut router = Router::new(Route::One, PartitionBuffers::new(room, 0));
        if source == plan.each {
            for (root, group) in (0..).zip(to) {
                router.put_row(*group, roots.entry(root, shape), partition.spill())?;
            }
        }
        for link in plan.links.iter().filter(|link| link.child == source) {
            for (chunk, looked) in partition.rows()[source].iter().zip(&looked[source]) {
                if looked.is_empty() {
                    let rows = LoadedRows::of(partition, source, *chunk)?;
                    found.look(&rows, &link.child_columns);
                    route(&rows, shape, &link.child_columns, found, &group, &mut router, partition.spill())?;
                    continue;
                }
                let bytes = partition.spill().read(*chunk, &mut bytes)?;
                let roots_of = partition.spill().read(*looked, &mut roots_of)?;
                let mut roots = roots_of.as_chunks().0.iter().map(|root| u32::from_le_bytes(*root));
                decode::visit_rows(&bytes, shape, &mut |row| {
                    let place = group(roots.next().unwrap_or(NONE));
                    router.put_encoded(if place == NONE { 0 } else { place }, row, partition.spill())
                })?;
            }
        }
        sources.push(router.finish(partition.spill())?.chunks);
    }
    Ok(sources)
}

/// Sends rows to the groups of their root records.
fn route(
    rows: &LoadedRows,
    shape: &Table,
    columns: &[usize],
    found: &Found,
    group: &dyn Fn(u32) -> u32,
    router: &mut Router<'_>,
    spill: &Spill,
) -> io::Result<()> {
    for (row, root) in (0..).zip(&found.roots) {
        let entry = rows.entry(row, shape);
        let (first, mut second) = (group(*root), NONE);
        if entry.reject.is_some() {
            second = group(found.places.find_second_parent(&rows.table, columns, row));
        }
        // Two records that are merged hold both of their parents back.
        if first != NONE && second != NONE && first != second {
            router.put_row(second, RowEntry { is_copy: true, ..entry }, spill)?;
        }
        let place = if first == NONE { second } else { first };
        router.put_row(if place == NONE { 0 } else { place }, entry, spill)?;
    }
    Ok(())
}

/// The partitions of rows that are more than fit, each about as large as the limit.
fn divide(plan: &Plan, partition: &StoredPartition, limit: u64) -> Vec<Vec<Vec<Chunk>>> {
    let mut divided = Vec::new();
    for link in &plan.links {
        let mut rest = partition.rows()[link.child].as_slice();
        while !rest.is_empty() {
            let mut filled = 0;
            let fits = |chunk: &&Chunk| {
                filled += chunk.len() as u64;
                filled <= limit
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let mut rows = vec![Vec::new(); partition.rows().len()];
            rows[plan.each].clone_from(&partition.rows()[plan.each]);
            rows[link.child] = rest[..count].to_vec();
            rest = &rest[count..];
            divided.push(rows);
        }
    }
    divided
}

/// The rows of the root source alone.
fn root_rows(plan: &Plan, partition: &StoredPartition) -> Vec<Vec<Chunk>> {
    let mut rows = vec![Vec::new(); partition.rows().len()];
    rows[plan.each].clone_from(&partition.rows()[plan.each]);
    rows
}

/// The partitions of rows that belong to no root record.
fn unmatched(plan: &Plan, partition: &StoredPartition, limit: u64) -> Vec<Stored> {
    let rows = [root_rows(plan, partition)].into_iter().chain(divide(plan, partition, limit));
    rows.map(|rows| Stored::Partition(partition.with_rows(rows))).collect()
}

impl OversizedDocument {
    /// The only document of a partition.
    fn new(plan: &Plan, partition: &StoredPartition, limit: u64) -> OversizedDocument {
        let head = partition.with_rows(root_rows(plan, partition));
        let continuations = divide(plan, partition, limit).into_iter().map(|rows| partition.continuation(rows));
        OversizedDocument { head, continuations: continuations.collect(), rendered: None }
    }

    /// Decides about the document, without holding all of it; gives how many documents may be sent. `None`: there is a
    /// doubt, and all of it has to be looked at [together](Self::together).
    ///
    /// # Errors
    /// The disk for temporary files is full or broken.
    pub(crate) fn accept(
        &mut self,
        plan: &Plan,
        loaded: &mut LoadedPartition,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<Option<u64>, Error> {
        let (mut told, mut scratch, mut frame) = (Vec::new(), Scratch::default(), Vec::new());
        for (number, partition) in [&mut self.head].into_iter().chain(&mut self.continuations).enumerate() {
            load(plan, partition, loaded, &mut |diagnostic| told.push(diagnostic.clone()))?;
            match loaded.fates[plan.each].first() {
                Some(Fate::Filtered) => {}
                Some(Fate::Good | Fate::Pending) => {
                    let Some(payload) = transform::document(&loaded.view(plan), 0, 0, &mut scratch) else {
                        return Ok(None);
                    };
                    let failed = |cause: io::Error| spill_error(partition.spill(), &cause);
                    let json = payload.bytes();
                    if number == 0 {
                        frame = json.to_vec();
                        let frame = partition.spill().write(json).map_err(failed)?;
                        self.rendered = Some(Rendered { frame, items: Vec::new() });
                    } else if let (Some((at, items)), Some(rendered)) =
                        (transform::items(&frame, json), &mut self.rendered)
                    {
                        let json = partition.spill().write(&json[items]).map_err(failed)?;
                        rendered.items.push(Items { at, json });
                    }
                    scratch.take_back(payload);
                    loaded.accepted = vec![0];
                }
                Some(Fate::Rejected) | None => return Ok(None),
            }
            store(plan, partition, loaded, true)?;
        }
        if let Some(rendered) = &mut self.rendered {
            rendered.items.sort_by_key(|items| items.at);
        }
        told.iter().for_each(say);
        Ok(Some(u64::from(self.rendered.is_some())))
    }

    /// The document as one partition.
    pub(crate) fn together(&self, each: usize) -> StoredPartition {
        let mut rows = self.head.rows().to_vec();
        for partition in &self.continuations {
            for (source, chunks) in partition.rows().iter().enumerate().filter(|(source, _)| *source != each) {
                rows[source].extend_from_slice(chunks);
            }
        }
        self.head.with_rows(rows)
    }

    /// Writes the JSON of the document, once it was found good.
    ///
    /// # Errors
    /// The bytes cannot be taken, or the disk for temporary files is broken.
    pub(crate) fn write(&self, write: Write<'_>) -> io::Result<()> {
        let Some(rendered) = &self.rendered else { return Ok(()) };
        let (mut frame, mut buffer, mut written) = (Vec::new(), Vec::new(), 0);
        let frame = self.head.spill().read(rendered.frame, &mut frame)?;
        for Items { at, json } in &rendered.items {
            // Items of the same list follow each other.
            if written == *at {
                write(b",")?;
            }
            write(&frame[written..*at])?;
            written = *at;
            write(&self.head.spill().read(*json, &mut buffer)?)?;
        }
        write(&frame[written..])
    }

    /// The document in one, with an index. Whether the disk was broken, the spill tells.
    pub(crate) fn payload(&self, index: u64) -> Option<Payload> {
        let mut json = Vec::new();
        let written = self.write(&mut |bytes| {
            json.extend_from_slice(bytes);
            Ok(())
        });
        match written {
            Ok(()) => Some(transform::together(index, json)),
            Err(cause) => {
                self.head.spill().keep_failure(cause);
                None
            }
        }
    }
}
