//! Files -> partitions: each row goes to its partition while the files are read.
//!
//! Root records go to one partition after the other, and everything else goes where its parent is. Records with one key
//! are brought together before anything is joined, wherever they stand. What belongs to nobody goes to the unmatched
//! partition, which comes first. A recording that is not divided has this partition only.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    commands::convert::partitioned::{
        divide,
        loading::spill_error,
        recording::{Recording, Stored},
        router::{ParentMap, Route, Routed, Router},
    },
    config::mapping::policy::OnDuplicateKey,
    diagnostic::{Code, Diagnostic, Severity},
    error::Error,
    join::{
        self, keys,
        partition_map::PartitionMap,
        partitioned_keys::{DuplicateKeys, MapToFill, PartitionedKeys, RecordKey},
        seen_keys::SeenKeys,
    },
    options::Memory,
    partition::{
        buffers::PartitionBuffers,
        decode::{self, DecodedRows, EncodedRows},
        spill::{Chunk, Spill},
        stored::{KnownStatus, Parents, StoredPartition},
    },
    plan::{LinkPlan, Plan, SourcePlan},
    read::{
        files::{self, Inputs, Stamp},
        stream::{Block, Reading, Stopped},
    },
    recording::ledger::{Ledger, RowStatus},
    table::{Table, row::REACH},
};

/// The most partitions.
const MAX_PARTITIONS: u64 = 4096;
/// The least and the most bytes that are written at once.
const BUFFER: (u64, u64) = (4 << 10, 64 << 10);
/// How many times larger records are in memory than their text.
const HELD: u64 = 2;

/// Reads a recording into partitions.
///
/// # Errors
/// A file cannot be trusted as a whole, or the disk for temporary files is full.
pub fn read(
    plan: &Plan,
    inputs: &Inputs,
    memory: Memory,
    spill: &Arc<Spill>,
    stamps: &mut Vec<Stamp>,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Recording, Error> {
    let files = files::find_source_files(plan, inputs);
    let sizes: Vec<u64> = files.iter().map(|files| files::estimate_size(files.iter().flatten())).collect();
    let size = sizes.iter().copied().fold(0, u64::saturating_add);
    // What is wrong with the files is told when they are read.
    let is_large = size > memory.partition && files.iter().all(Result::is_ok);
    // Standard input cannot be read again for another source.
    let is_stdin = |files: &Vec<PathBuf>| files.iter().any(|file| file == Path::new("-"));
    let is_once = plan
        .sources
        .iter()
        .zip(files.iter().flatten())
        .any(|(source, files)| source.rows_of.is_some() && is_stdin(files));
    let is_divided = is_large && !is_once && can_be_divided(plan);
    if is_large && !is_divided && size.saturating_mul(HELD) > memory.all {
        let message = "this recording does not fit into `--memory`, and its mapping needs all of it at once";
        let hint = "only lists of sources that belong to one other source can be partitioned";
        say(&Diagnostic::new(Code::JoinHeldInMemory, message).severity(Severity::Notice).hint(hint));
    }
    let sources = plan.sources.len();
    let mut partitioner = Partitioner {
        plan,
        inputs,
        memory,
        sizes,
        size: size.max(1),
        is_divided,
        spill: Arc::clone(spill),
        chunks: vec![Vec::new(); sources],
        maps: (0..sources).map(|_| PartitionMap::default()).collect(),
        shapes: vec![None; sources],
        known_statuses: BTreeMap::new(),
        partitions: 1,
        with_duplicates: BTreeSet::new(),
    };
    let mut findings = Vec::new();
    let mut files: Vec<Option<_>> = files.into_iter().map(Some).collect();
    let order = if is_divided { parents_first(plan) } else { (0..sources).collect() };
    for (at, number) in order.iter().copied().enumerate() {
        let Some(found) = files[number].take() else { continue };
        let before = order[..at].iter().copied().find(|other| plan.file_of(*other) == plan.file_of(number));
        let read = found.map_err(Stopped::Input).and_then(|files| match before {
            // What is wrong with a file is told once.
            Some(_) if !findings.is_empty() => Ok(()),
            Some(before) => partitioner.read_again(number, before, &files, stamps, say),
            None => {
                let pass = if findings.is_empty() { Pass::First } else { Pass::Idle };
                partitioner.read_source(number, &files, pass, stamps, say)
            }
        });
        match read {
            Ok(()) => {}
            Err(Stopped::Input(wrong)) => findings.extend(wrong),
            Err(Stopped::Storage(cause)) => return Err(spill_error(spill, &cause)),
        }
    }
    if !findings.is_empty() {
        return Err(Error::input(findings));
    }
    partitioner.into_recording().map_err(|cause| spill_error(spill, &cause))
}

/// How a source is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// For the first time.
    First,
    /// Another source cannot be trusted, so this one is only checked.
    Idle,
    /// Its file was read for another source, and what is wrong with it was told.
    Again,
}

/// Whether the recordings of a plan can be divided: its sources are a tree of lists below the root.
fn can_be_divided(plan: &Plan) -> bool {
    let lists = |source: usize| plan.links.iter().filter(|link| link.child == source).count();
    let belongs = |source: usize| lists(source) == usize::from(source != plan.each);
    let is_tree = (0..plan.sources.len()).all(belongs) && parents_first(plan).len() == plan.sources.len();
    // Rows of one record may belong to different parents, or only one of them says to which it belongs.
    let keeps_rows = |(number, source): (usize, &SourcePlan)| number == plan.each || !source.is_merged();
    is_tree && plan.sources.iter().enumerate().all(keeps_rows) && plan.links.iter().all(|link| link.many)
}

/// Whether the rows of a source are in the same partitions as those of the source it belongs to: both have one file, and its
/// rows belong to the record that they are rows of.
fn shares_partitions(plan: &Plan, number: usize) -> bool {
    let belongs = |link: &LinkPlan| {
        let parent = &plan.sources[link.parent];
        link.child == number
            && plan.file_of(number) == plan.file_of(link.parent)
            && parent.is_merged()
            && parent.key.columns == link.child_columns.columns
    };
    plan.sources[number].key.columns.is_empty() && plan.links.iter().any(belongs)
}

/// The sources, each behind the one it belongs to.
fn parents_first(plan: &Plan) -> Vec<usize> {
    let mut order = vec![plan.each];
    let mut at = 0;
    while at < order.len() {
        let children = plan.links.iter().filter(|link| link.parent == order[at]).map(|link| link.child);
        let children: Vec<usize> = children.filter(|child| !order.contains(child)).collect();
        order.extend(children);
        at += 1;
    }
    order
}

/// A recording that is being read.
struct Partitioner<'a> {
    plan: &'a Plan,
    inputs: &'a Inputs,
    memory: Memory,
    /// About how many bytes the files of each source are, unpacked.
    sizes: Vec<u64>,
    /// About how many bytes all of them are.
    size: u64,
    /// It has more than the unmatched partition.
    is_divided: bool,
    spill: Arc<Spill>,
    /// For each source and each partition, its rows.
    chunks: Vec<Vec<Vec<Chunk>>>,
    /// For each source that has children: the partition of each key.
    maps: Vec<PartitionMap>,
    shapes: Vec<Option<Table>>,
    /// For each partition, its records whose status is known already.
    known_statuses: BTreeMap<u32, Vec<KnownStatus>>,
    partitions: usize,
    /// The partitions that hold records with one key.
    with_duplicates: BTreeSet<u32>,
}

impl<'a> Partitioner<'a> {
    /// What sends the rows of a source of this size to their partitions.
    fn router(&mut self, number: usize, size: u64) -> Router<'a> {
        let Partitioner { plan, memory, size: all, .. } = *self;
        let link = plan.links.iter().find(|link| link.child == number && self.is_divided);
        let share = (size.saturating_mul(memory.partition_of(all)) / all).max(size / MAX_PARTITIONS).max(1);
        let count = if link.is_some() { self.partitions as u64 } else { 1 };
        // What stays in memory as a whole need not be put together again.
        let (buffer, beyond) = if all.saturating_mul(HELD) <= memory.held {
            let part = if link.is_some() || !self.is_divided { size / count } else { share };
            ((part * HELD).max(BUFFER.0), REACH)
        } else {
            ((memory.all / 8 / count).clamp(BUFFER.0, BUFFER.1), 0)
        };
        let route = match link {
            _ if !self.is_divided => Route::One,
            None if plan.sources[number].is_merged() => {
                Route::ByKey { share, key: &plan.sources[number].key, seen: SeenKeys::default() }
            }
            None => Route::InTurn { share },
            Some(link) => Route::ToParent {
                source: link.parent,
                map: std::mem::take(&mut self.maps[link.parent]),
                columns: &link.child_columns,
            },
        };
        Router::new(route, PartitionBuffers::new(usize::try_from(buffer).unwrap_or(usize::MAX), beyond))
    }

    /// Reads a source whose file was read `before` for another.
    fn read_again(
        &mut self,
        number: usize,
        before: usize,
        files: &[PathBuf],
        stamps: &[Stamp],
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<(), Stopped> {
        let is_strict = self.plan.sources[number].on_duplicate_key.then == OnDuplicateKey::Error;
        let is_stdin = files.iter().any(|file| file == Path::new("-"));
        if self.is_divided && !shares_partitions(self.plan, number) || is_strict && !is_stdin {
            let mut again = Vec::new();
            self.read_source(number, files, Pass::Again, &mut again, say)?;
            let changed = files::find_different(stamps, &again);
            return if changed.is_empty() { Ok(()) } else { Err(changed.into()) };
        }
        // Whatever is not divided, or divided in the same way, is the same for both.
        self.chunks[number] = self.chunks[before].clone();
        let shape = self.shapes[before].clone();
        self.shapes[number] =
            shape.map(|shape| Table { name: self.plan.sources[number].name.clone(), unique: false, ..shape });
        Ok(())
    }

    /// Reads one source.
    fn read_source(
        &mut self,
        number: usize,
        files: &[PathBuf],
        pass: Pass,
        stamps: &mut Vec<Stamp>,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<(), Stopped> {
        let Partitioner { plan, inputs, memory, .. } = *self;
        let (key, size) = (&plan.sources[number].key, self.sizes[number]);
        let mut children = plan.links.iter().filter(|link| link.parent == number);
        let owns = self.is_divided && children.any(|link| !shares_partitions(plan, link.child));
        // A partition finds its own duplicates when it is joined, unless they stop the run: then that is known before.
        let is_strict = plan.sources[number].on_duplicate_key.then == OnDuplicateKey::Error;
        let is_idle = pass == Pass::Idle;
        // Rows that are one record are in one partition.
        let may_differ = self.is_divided && !plan.sources[number].is_merged();
        let has_keys = !is_idle && !key.columns.is_empty() && (owns || may_differ || is_strict);
        let (mut keys, mut hashes) = (PartitionedKeys::with_capacity(size / 3), Vec::new());
        let spill = Arc::clone(&self.spill);
        let mut router = self.router(number, size);
        let mut visit = |block: Block<'_>| {
            if is_idle {
                return Ok(());
            }
            router.route_block(block, &spill)?;
            if !has_keys {
                return Ok(());
            }
            keys::hash_keys(block.table, key, &mut hashes);
            let rows = hashes.iter().zip(&router.partitions).zip(block.statuses);
            for (number, ((hash, place), status)) in (block.first..).zip(rows) {
                let good = *status == RowStatus::Good;
                if good || owns {
                    keys.add(&spill, RecordKey::new(*hash, number, *place, good))?;
                }
            }
            Ok(())
        };
        // All sources of a file read it in the same way.
        let reading = Reading { plan, source: plan.file_of(number), inputs, block: memory.block, stamps };
        let mut shape = match pass {
            Pass::First | Pass::Idle => reading.read_blocks(files, say, &mut visit)?,
            Pass::Again => reading.read_blocks(files, &mut |_| {}, &mut visit)?,
        };
        shape.name.clone_from(&plan.sources[number].name);
        let Routed { chunks, partitions, firsts, parents } = router.finish(&spill)?;
        if let Some(ParentMap { source, map }) = parents {
            self.maps[source] = map;
        }
        self.chunks[number] = chunks;
        self.partitions = self.partitions.max(partitions);
        if has_keys {
            shape.unique = !self.resolve_keys(number, &shape, &keys, owns.then_some(firsts.as_slice()), say)?
                && !keys.has_keyless();
        }
        self.shapes[number] = Some(shape);
        Ok(())
    }

    /// Finds keys that are there twice: in different partitions they are resolved here, in one partition when it is joined.
    /// Fills the partition map of the source, if it has children: `firsts` are the first records of each partition. Tells
    /// whether any key is there twice.
    fn resolve_keys(
        &mut self,
        number: usize,
        shape: &Table,
        keys: &PartitionedKeys,
        firsts: Option<&[u32]>,
        say: &mut dyn FnMut(&Diagnostic),
    ) -> Result<bool, Stopped> {
        let plan = self.plan;
        let source = &plan.sources[number];
        if firsts.is_some() {
            self.maps[number] = PartitionMap::with_capacity(keys.len());
        }
        let strict = source.on_duplicate_key.then == OnDuplicateKey::Error;
        let to_fill = firsts.map(|firsts| MapToFill { map: &mut self.maps[number], firsts });
        let DuplicateKeys { across: duplicates, within } = keys.find_duplicates(&self.spill, to_fill, strict)?;
        let has_some_within = !within.is_empty();
        self.with_duplicates.extend(within);
        if duplicates.is_empty() {
            return Ok(has_some_within);
        }
        let (mut rows, mut by_partition) = (EncodedRows::default(), BTreeMap::<u32, Vec<u32>>::new());
        for key in &duplicates {
            by_partition.entry(key.partition()).or_default().push(key.number);
        }
        for (partition, chunks) in (0..).zip(&self.chunks[number]) {
            if let Some(own) = by_partition.get(&partition) {
                decode::collect_rows(&self.spill, chunks, shape, own, &mut rows)?;
            }
        }
        drop(by_partition);
        let mut table = shape.clone();
        table.parts.clear();
        let mut ledger = Ledger::new(plan.sources.len(), say);
        let (statuses, rejects) = (&mut ledger.statuses[number], &mut ledger.rejects);
        let mut decoded = DecodedRows { source: number, table: &mut table, statuses, rejects };
        decode::append_rows(&rows.into_bytes(), shape, &mut decoded);
        Arc::make_mut(&mut table.text).shrink_to_fit();
        let findings = join::resolve_duplicates(plan, number, &table, &mut ledger);
        if !findings.is_empty() {
            return Err(findings.into());
        }
        let (mut statuses, mut rejects) = ledger.close();
        rejects.sort_unstable_by_key(|reject| reject.row);
        let statuses = statuses.swap_remove(number);
        let rows = || (0..).zip(&duplicates).zip(statuses.iter().copied());
        // Of the records that do not go out, the filtered ones own a key last.
        for are_filtered in [false, true].into_iter().filter(|_| firsts.is_some()) {
            for ((row, duplicate), status) in
                rows().filter(|(_, status)| (*status == RowStatus::Filtered) == are_filtered)
            {
                let (map, is_owner) = (&mut self.maps[number], status == RowStatus::Good);
                map.insert_in_full(&table, &source.key, row, duplicate.partition(), is_owner);
            }
        }
        drop(table);
        for ((row, duplicate), status) in rows().filter(|(_, status)| *status != RowStatus::Good) {
            let reject = rejects.binary_search_by_key(&row, |reject| reject.row).ok().map(|at| &rejects[at]);
            let reject = reject.map(|reject| (reject.code, Arc::clone(&reject.reason)));
            let known = KnownStatus { source: number, number: duplicate.number, status, reject };
            self.known_statuses.entry(duplicate.partition()).or_default().push(known);
        }
        Ok(true)
    }

    /// The recording, its unmatched partition first.
    fn into_recording(self) -> io::Result<Recording> {
        let Partitioner { plan, memory, spill, is_divided, .. } = self;
        let shapes: Arc<Vec<Table>> = Arc::new(self.shapes.into_iter().flatten().collect());
        let (mut chunks, parents) = (self.chunks, if is_divided { Parents::Stored } else { Parents::ByKey });
        let mut partitions: Vec<StoredPartition> = (0..self.partitions)
            .map(|number| {
                let rows =
                    chunks.iter_mut().map(|chunks| chunks.get_mut(number).map(std::mem::take).unwrap_or_default());
                StoredPartition::new(Arc::clone(&spill), Arc::clone(&shapes), rows.collect(), parents)
            })
            .collect();
        for (number, statuses) in self.known_statuses {
            partitions[number as usize].known_statuses = statuses;
        }
        for number in self.with_duplicates {
            partitions[number as usize].holds_duplicates = true;
        }
        // The partition maps are not needed any more.
        drop(self.maps);
        let mut stored = Vec::new();
        for partition in partitions {
            if is_divided {
                let limit = memory.partition.max(memory.all / 16) * 2;
                stored.extend(divide::divide(plan, partition, limit)?);
            } else {
                stored.push(Stored::Partition(partition));
            }
        }
        Ok(Recording { shapes, stored })
    }
}
