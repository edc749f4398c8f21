//! A partition of a recording, stored: some root records in their order, with everything below them.
//!
//! Rows go in one by one, in the order of their source, each with its number, its line and where its cells start, so that
//! nothing is split or counted again. What is found out about a partition is kept beside its rows, so that it can be loaded
//! again.

use std::{io, sync::Arc};

use crate::{
    diagnostic::Code,
    partition::{
        decode::{self, DecodedRows},
        loaded::LoadedPartition,
        spill::{Chunk, Spill},
        wire::{Reader, as_u32, put_bytes, put_numbers, put_reject},
    },
    plan::Plan,
    recording::{
        ledger::{Reject, RowStatus},
        match_groups::{Link, MatchGroups},
        summary::SourceTally,
        totals,
    },
    table::{
        Table,
        merged_rows::{CellFill, MergedRows},
    },
};

/// How a status is written.
const STATUSES: [RowStatus; 4] = [RowStatus::Good, RowStatus::Filtered, RowStatus::Pending, RowStatus::Rejected];

/// What was found out about a row before its partition was loaded.
#[derive(Clone, Debug)]
pub struct KnownStatus {
    /// The number of its source.
    pub source: usize,
    /// Its number in its source.
    pub number: u32,
    /// What became of it.
    pub status: RowStatus,
    /// Why it is rejected, if it is.
    pub reject: Option<(Code, Arc<str>)>,
}

/// How the parents of its rows are found when a partition is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// Where they were looked up before, they stand in front of the rows.
    Stored,
    /// By their keys.
    ByKey,
}

/// A partition that is stored.
#[derive(Debug)]
pub struct StoredPartition {
    spill: Arc<Spill>,
    /// For each source, its columns and files without records.
    shapes: Arc<Vec<Table>>,
    /// For each source, its rows.
    rows: Vec<Vec<Chunk>>,
    /// Records with one key stand in it, so it may not be divided again.
    pub holds_duplicates: bool,
    parents: Parents,
    /// It continues the only document of the partition before it: its root record stands there too, and counts there.
    is_continuation: bool,
    /// What was found out before.
    pub known_statuses: Vec<KnownStatus>,
    /// Match groups, statuses, rejects and accepted root records, since it was joined.
    verdicts: Option<Chunk>,
    /// How many rows of each source ended in each bucket, since it was decided about.
    pub tally: Vec<SourceTally>,
    /// How many documents of it may be sent.
    pub documents: u64,
}

impl StoredPartition {
    /// A partition of some rows, by their source.
    #[must_use]
    pub fn new(spill: Arc<Spill>, shapes: Arc<Vec<Table>>, rows: Vec<Vec<Chunk>>, parents: Parents) -> StoredPartition {
        StoredPartition {
            spill,
            shapes,
            rows,
            holds_duplicates: false,
            parents,
            is_continuation: false,
            known_statuses: Vec::new(),
            verdicts: None,
            tally: Vec::new(),
            documents: 0,
        }
    }

    /// A partition of the same recording with other rows.
    #[must_use]
    pub fn with_rows(&self, rows: Vec<Vec<Chunk>>) -> StoredPartition {
        let (spill, shapes) = (Arc::clone(&self.spill), Arc::clone(&self.shapes));
        let known_statuses = self.known_statuses.clone();
        StoredPartition { known_statuses, ..StoredPartition::new(spill, shapes, rows, Parents::ByKey) }
    }

    /// As [`with_rows`](Self::with_rows), of a document whose root record counts in the partition before it.
    #[must_use]
    pub fn continuation(&self, rows: Vec<Vec<Chunk>>) -> StoredPartition {
        StoredPartition { is_continuation: true, ..self.with_rows(rows) }
    }

    /// Where its bytes stand.
    #[must_use]
    pub fn spill(&self) -> &Spill {
        &self.spill
    }

    /// How many bytes its rows are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rows.iter().flatten().map(|chunk| chunk.len() as u64).sum()
    }

    /// Its rows, by their source.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Chunk>] {
        &self.rows
    }

    /// For each source, its columns and files without records.
    #[must_use]
    pub fn shapes(&self) -> &[Table] {
        &self.shapes
    }

    /// How many of how many of its rows will not be sent.
    #[must_use]
    pub fn rejected(&self) -> (u64, u64) {
        self.tally.iter().fold((0, 0), |sum, tally| (sum.0 + tally.rejected, sum.1 + tally.rows))
    }

    /// Loads it; the buffers of what was loaded there before are used again. Tells whether it was joined already.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn load(&self, each: usize, loaded: &mut LoadedPartition) -> io::Result<bool> {
        loaded.tables.resize_with(self.shapes.len(), || Table::empty("", &self.shapes[0].dialect));
        loaded.statuses.resize_with(self.shapes.len(), Vec::new);
        loaded.rejects.clear();
        loaded.accepted.clear();
        // A text that two tables share is used again only where the second has let go of it.
        loaded.tables.iter_mut().rev().for_each(Table::clear);
        for (number, shape) in self.shapes.iter().enumerate() {
            let (before, tables) = loaded.tables.split_at_mut(number);
            let Some(table) = tables.first_mut() else { break };
            decode::reset(table, shape);
            if let Some(same) = (0..number).find(|other| self.rows[*other] == self.rows[number]) {
                decode::copy_rows(&before[same], table);
                loaded.statuses[number] = loaded.statuses[same].clone();
                let rejects = loaded.rejects.iter().filter(|reject| reject.source == same).cloned();
                let rejects: Vec<Reject> = rejects.map(|reject| Reject { source: number, ..reject }).collect();
                loaded.rejects.extend(rejects);
                continue;
            }
            let statuses = &mut loaded.statuses[number];
            statuses.clear();
            let mut rows = DecodedRows { source: number, table, statuses, rejects: &mut loaded.rejects };
            decode::read_rows(&self.spill, &self.rows[number], shape, &mut rows)?;
        }
        if self.holds_duplicates || self.parents == Parents::ByKey {
            loaded.tables.iter_mut().for_each(|table| table.parents.clear());
        }
        if self.is_continuation {
            loaded.tables[each].copies = (0..loaded.tables[each].len()).collect();
        }
        for known in &self.known_statuses {
            let table = &loaded.tables[known.source];
            if let Ok(row) = table.numbers.binary_search(&known.number) {
                loaded.statuses[known.source][row] = known.status;
                if let Some((code, reason)) = &known.reject {
                    let (source, row) = (known.source, as_u32(row));
                    loaded.rejects.push(Reject { source, row, code: *code, reason: Arc::clone(reason) });
                }
            }
        }
        let Some(verdicts) = self.verdicts else { return Ok(false) };
        let mut bytes = Vec::new();
        let bytes = self.spill.read(verdicts, &mut bytes)?;
        read_verdicts(Reader(&bytes), loaded);
        Ok(true)
    }

    /// Keeps what was found out about it since it was loaded.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn keep(&mut self, loaded: &LoadedPartition) -> io::Result<()> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&as_u32(loaded.groups.links().len()).to_le_bytes());
        for link in loaded.groups.links() {
            put_numbers(&mut bytes, &link.starts);
            put_numbers(&mut bytes, &link.rows);
        }
        for statuses in &loaded.statuses {
            let statuses: Vec<u8> = statuses.iter().map(|status| *status as u8).collect();
            put_bytes(&mut bytes, &statuses);
        }
        bytes.extend_from_slice(&as_u32(loaded.rejects.len()).to_le_bytes());
        for reject in &loaded.rejects {
            bytes.extend_from_slice(&as_u32(reject.source).to_le_bytes());
            bytes.extend_from_slice(&reject.row.to_le_bytes());
            put_reject(&mut bytes, reject.code, &reject.reason);
        }
        put_numbers(&mut bytes, &loaded.accepted);
        for merged in loaded.tables.iter().map(|table| &table.merged) {
            let rows = merged.rows.iter().flat_map(|(row, first)| [*row, *first]);
            put_numbers(&mut bytes, &rows.collect::<Vec<_>>());
            let fills = merged.fills.iter().flat_map(|fill| [fill.row, fill.column, fill.from]);
            put_numbers(&mut bytes, &fills.collect::<Vec<_>>());
        }
        self.verdicts = Some(self.spill.write(&bytes)?);
        Ok(())
    }

    /// Counts its rows by what became of them, and its documents.
    pub fn count(&mut self, plan: &Plan, loaded: &LoadedPartition) {
        self.tally = totals::tally(plan, &loaded.tables, &loaded.statuses);
        self.documents = if self.is_continuation { 0 } else { loaded.accepted.len() as u64 };
    }
}

/// Reads what [`StoredPartition::keep`] wrote.
fn read_verdicts(mut bytes: Reader<'_>, loaded: &mut LoadedPartition) {
    let link = |bytes: &mut Reader<'_>| Link { starts: bytes.numbers(), rows: bytes.numbers() };
    let links = (0..bytes.count()).map(|_| link(&mut bytes)).collect();
    loaded.groups = MatchGroups::new(links);
    for statuses in &mut loaded.statuses {
        statuses.clear();
        let status =
            |status: &u8| STATUSES.into_iter().find(|known| *known as u8 == *status).unwrap_or(RowStatus::Rejected);
        statuses.extend(bytes.bytes().iter().map(status));
    }
    loaded.rejects.clear();
    for _ in 0..bytes.count() {
        let (source, row) = (bytes.count(), bytes.number());
        let (code, reason) = bytes.reject();
        loaded.rejects.push(Reject { source, row, code, reason });
    }
    loaded.accepted = bytes.numbers();
    for table in &mut loaded.tables {
        let rows = bytes.numbers().as_chunks().0.iter().map(|[row, first]| (*row, *first)).collect();
        let fill = |[row, column, from]: &[u32; 3]| CellFill { row: *row, column: *column, from: *from };
        let fills = bytes.numbers().as_chunks().0.iter().map(fill).collect();
        table.merge_rows(MergedRows { rows, fills });
    }
}
