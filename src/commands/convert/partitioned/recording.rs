//! A recording as its partitions: what is done with each of them, one after the other, and what all of them add up to.

use std::{iter, sync::Arc};

use crate::{
    commands::convert::partitioned::{loading::load_again, oversized::OversizedDocument},
    partition::{loaded::LoadedPartition, stored::StoredPartition},
    plan::Plan,
    recording::{
        payload::Payload,
        receipt::Delivery,
        summary::{DocumentTally, RecordingTally, SourceTally},
    },
    table::Table,
    transform::{self, Scratch},
};

/// A recording that was read.
#[derive(Debug)]
pub struct Recording {
    /// Its drop folder.
    pub name: String,
    /// For each source, its columns and files without records.
    pub shapes: Arc<Vec<Table>>,
    /// Its partitions, in the order of their documents.
    pub stored: Vec<Stored>,
}

impl Recording {
    /// Its partitions in order; the first is told.
    pub fn stored_in_order(&mut self) -> impl Iterator<Item = (bool, &mut Stored)> {
        self.stored.iter_mut().enumerate().map(|(number, stored)| (number == 0, stored))
    }
}

/// Some documents of a recording, as they are stored.
#[derive(Debug)]
pub enum Stored {
    /// A partition with any number of documents.
    Partition(StoredPartition),
    /// One document that is too large for a partition.
    Oversized(OversizedDocument),
}

impl Stored {
    /// The partitions it is made of.
    pub fn partitions(&self) -> impl Iterator<Item = &StoredPartition> {
        let (first, others) = match self {
            Stored::Partition(partition) => (partition, &[][..]),
            Stored::Oversized(document) => (&document.head, document.continuations.as_slice()),
        };
        iter::once(first).chain(others)
    }

    fn partitions_mut(&mut self) -> impl Iterator<Item = &mut StoredPartition> {
        let (first, others) = match self {
            Stored::Partition(partition) => (partition, &mut [][..]),
            Stored::Oversized(document) => (&mut document.head, document.continuations.as_mut_slice()),
        };
        iter::once(first).chain(others)
    }

    /// How many documents may be sent.
    pub fn documents(&self) -> u64 {
        self.partitions().map(|partition| partition.documents).sum()
    }

    /// The documents that may be sent, numbered from `first`. Whether the disk was broken, the spill tells.
    fn payloads<'a>(&'a self, plan: &'a Plan, first: u64) -> Box<dyn Iterator<Item = Payload> + Send + 'a> {
        match self {
            _ if self.documents() == 0 => Box::new(iter::empty()),
            Stored::Partition(partition) => {
                let (loaded, scratch) = (None, Scratch::default());
                Box::new(PartitionPayloads { plan, partition, loaded, next: 0, first, scratch })
            }
            Stored::Oversized(document) => Box::new(document.payload(first).into_iter()),
        }
    }
}

/// All documents of all recordings that may be sent, in order.
pub fn all_payloads<'a>(plan: &'a Plan, recordings: &'a [Recording]) -> impl Iterator<Item = Payload> + Send + 'a {
    let mut next = 0;
    recordings.iter().flat_map(|recording| &recording.stored).flat_map(move |stored| {
        let first = next;
        next += stored.documents();
        stored.payloads(plan, first)
    })
}

/// The documents of a partition, which is loaded for the first of them.
struct PartitionPayloads<'a> {
    plan: &'a Plan,
    partition: &'a StoredPartition,
    loaded: Option<LoadedPartition>,
    next: usize,
    first: u64,
    scratch: Scratch,
}

impl Iterator for PartitionPayloads<'_> {
    type Item = Payload;

    fn next(&mut self) -> Option<Payload> {
        if self.loaded.is_none() {
            let mut loaded = LoadedPartition::default();
            load_again(self.plan, self.partition, &mut loaded)?;
            self.loaded = Some(loaded);
        }
        let loaded = self.loaded.as_ref()?;
        let root = *loaded.accepted.get(self.next)?;
        let (view, index) = (loaded.view(self.plan), self.first + self.next as u64);
        self.next += 1;
        Some(transform::write_again(&view, root, index, &mut self.scratch))
    }
}

/// Notes for every row of every recording what a delivery means for it. Whether the disk was broken, the spill tells.
pub fn apply_delivery(plan: &Plan, recordings: &mut [Recording], delivery: &Delivery) {
    let (mut first, mut loaded) = (0, LoadedPartition::default());
    for stored in recordings.iter_mut().flat_map(|recording| &mut recording.stored) {
        let documents = stored.documents();
        for partition in stored.partitions_mut() {
            let done = partition.load(plan.each, &mut loaded).and_then(|_| {
                loaded.apply_delivery(plan, delivery, first);
                partition.count(plan, &loaded);
                partition.keep(&loaded)
            });
            if let Err(cause) = done {
                partition.spill().keep_failure(cause);
            }
        }
        first += documents;
    }
}

/// How many documents of all recordings may be sent.
pub fn count_documents(recordings: &[Recording]) -> u64 {
    recordings.iter().flat_map(|recording| &recording.stored).map(Stored::documents).sum()
}

/// Whether rows of any recording could not be read again.
pub fn has_lost_rows(recordings: &[Recording]) -> bool {
    let mut partitions = recordings.iter().flat_map(|recording| &recording.stored).flat_map(Stored::partitions);
    partitions.any(|partition| partition.spill().has_failed())
}

/// How many of how many rows will not be sent.
pub fn rejected(recordings: &[Recording]) -> (u64, u64) {
    let partitions = recordings.iter().flat_map(|recording| &recording.stored).flat_map(Stored::partitions);
    partitions.map(StoredPartition::rejected).fold((0, 0), |sum, (rejected, rows)| (sum.0 + rejected, sum.1 + rows))
}

/// How many of how many root records are left out by the condition of the mapping.
pub fn filtered(plan: &Plan, recordings: &[Recording]) -> (u64, u64) {
    let partitions = recordings.iter().flat_map(|recording| &recording.stored).flat_map(Stored::partitions);
    let tallies = partitions.filter_map(|partition| partition.tally.get(plan.each));
    tallies.fold((0, 0), |sum, tally| (sum.0 + tally.filtered, sum.1 + tally.rows))
}

/// How many rows of each source, and how many documents, of all recordings ended in each bucket.
pub fn tally(plan: &Plan, recordings: &[Recording]) -> (Vec<SourceTally>, DocumentTally) {
    let mut documents = DocumentTally::default();
    let name = |name: &str| SourceTally { name: name.to_owned(), ..SourceTally::default() };
    let mut sources: Vec<SourceTally> = plan.sources.iter().map(|source| name(&source.name)).collect();
    for (number, recording) in (1u64..).zip(recordings) {
        for (source, shape) in sources.iter_mut().zip(recording.shapes.iter()) {
            source.paths.extend(shape.parts.iter().map(|part| part.path.clone()));
        }
        for partition in recording.stored.iter().flat_map(Stored::partitions) {
            documents.add(&partition.tally[plan.each]);
            for (sum, mut tally) in sources.iter_mut().zip(partition.tally.iter().cloned()) {
                // Sums are told in the order in which their units were met.
                tally.sums.iter_mut().for_each(|sum| sum.first |= number << 32);
                sum.add(tally);
            }
        }
    }
    (sources, documents)
}

/// What became of each recording, if there are several.
pub fn tally_recordings(plan: &Plan, recordings: &[Recording]) -> Vec<RecordingTally> {
    let tally = |recording: &Recording| {
        let mut tally = RecordingTally { name: recording.name.clone(), ..RecordingTally::default() };
        for partition in recording.stored.iter().flat_map(Stored::partitions) {
            tally.documents.add(&partition.tally[plan.each]);
            tally.rows += partition.tally.iter().map(|source| source.rows).sum::<u64>();
            tally.rejected_rows += partition.tally.iter().map(|source| source.rejected).sum::<u64>();
        }
        tally
    };
    let several = Some(recordings).filter(|recordings| recordings.len() > 1).unwrap_or_default();
    several.iter().map(tally).collect()
}

/// The partition of a document and the number of its root record among those accepted, by the index of the document in the
/// delivery.
pub fn locate(recordings: &[Recording], index: u64) -> Option<(&StoredPartition, usize)> {
    let mut left = index;
    for stored in recordings.iter().flat_map(|recording| &recording.stored) {
        if left < stored.documents() {
            return Some((stored.partitions().next()?, usize::try_from(left).ok()?));
        }
        left -= stored.documents();
    }
    None
}
