//! One document that is too large for a partition: a head and its continuations.
//!
//! A continuation is a partition with the root record and some of the records below it. It is joined and checked as a
//! document of its own; the whole is the document without records, with the items of all continuations where they belong.
//! Nothing is written before every continuation was found good.

use std::io;

use crate::{
    commands::convert::partitioned::loading::{load_joined, spill_error, store_verdicts},
    diagnostic::Diagnostic,
    error::Error,
    partition::{loaded::LoadedPartition, spill::Chunk, stored::StoredPartition},
    plan::Plan,
    recording::{ledger::RowStatus, payload::Payload},
    transform::{self, Scratch},
};

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

/// Groups the chunks of every list: the rows of partitions that are about as large as the limit, each with the root rows.
pub(super) fn group_chunks(plan: &Plan, partition: &StoredPartition, limit: u64) -> Vec<Vec<Vec<Chunk>>> {
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
            let mut rows = root_rows(plan, partition);
            rows[link.child] = rest[..count].to_vec();
            rest = &rest[count..];
            divided.push(rows);
        }
    }
    divided
}

/// The rows of the root source alone.
pub(super) fn root_rows(plan: &Plan, partition: &StoredPartition) -> Vec<Vec<Chunk>> {
    let mut rows = vec![Vec::new(); partition.rows().len()];
    rows[plan.each].clone_from(&partition.rows()[plan.each]);
    rows
}

impl OversizedDocument {
    /// The only document of a partition.
    pub(super) fn new(plan: &Plan, partition: &StoredPartition, limit: u64) -> OversizedDocument {
        let head = partition.with_rows(root_rows(plan, partition));
        let continuations = group_chunks(plan, partition, limit).into_iter().map(|rows| partition.continuation(rows));
        OversizedDocument { head, continuations: continuations.collect(), rendered: None }
    }

    /// Decides about the document, without holding all of it; gives how many documents may be sent. `None`: there is a
    /// doubt, and all of it has to be looked at [at once](Self::to_partition).
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
            load_joined(plan, partition, loaded, &mut |diagnostic| told.push(diagnostic.clone()))?;
            match loaded.statuses[plan.each].first() {
                Some(RowStatus::Filtered) => {}
                Some(RowStatus::Good | RowStatus::Pending) => {
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
                        (transform::find_items(&frame, json), &mut self.rendered)
                    {
                        let json = partition.spill().write(&json[items]).map_err(failed)?;
                        rendered.items.push(Items { at, json });
                    }
                    scratch.take_back(payload);
                    loaded.accepted = vec![0];
                }
                Some(RowStatus::Rejected) | None => return Ok(None),
            }
            store_verdicts(plan, partition, loaded, true)?;
        }
        if let Some(rendered) = &mut self.rendered {
            rendered.items.sort_by_key(|items| items.at);
        }
        told.iter().for_each(say);
        Ok(Some(u64::from(self.rendered.is_some())))
    }

    /// The document as one partition.
    pub(crate) fn to_partition(&self, each: usize) -> StoredPartition {
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
            Ok(()) => Some(transform::assemble(index, json)),
            Err(cause) => {
                self.head.spill().keep_failure(cause);
                None
            }
        }
    }
}
