//! A piece of a recording, packed: some root records in their order, with everything below them.
//!
//! Rows go in one by one, in the order of their source, each with its number, its line and where its cells begin, so that
//! nothing is split or counted again. A piece that is fetched is a [`Recording`] like any other, and what is found out about
//! it is kept beside its rows, so that it can be fetched again.

pub mod buffers;
pub mod decode;
pub mod encode;
pub mod spill;
pub mod wire;

use std::{io, sync::Arc};

use crate::{
    diagnostic::Code,
    partition::{
        spill::{Chunk, Spill},
        wire::{Packed, put_bytes, put_numbers, put_reject, small},
    },
    plan::Plan,
    recording::{
        Recording,
        groups::{Groups, Link},
        ledger::{Fate, Reject},
        summary::SourceTally,
    },
    table::Table,
};

/// How a fate is written.
const FATES: [Fate; 4] = [Fate::Good, Fate::Filtered, Fate::Pending, Fate::Rejected];

/// What was found out about a row before its piece was fetched.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The number of its source.
    pub source: usize,
    /// Its number in its source.
    pub number: u32,
    /// What became of it.
    pub fate: Fate,
    /// Why it is rejected, if it is.
    pub reject: Option<(Code, Arc<str>)>,
}

/// A piece of a recording.
#[derive(Debug)]
pub struct Piece {
    spill: Arc<Spill>,
    /// For each source, its columns and files without records.
    shapes: Arc<Vec<Table>>,
    /// For each source, its rows.
    rows: Vec<Vec<Chunk>>,
    /// The first piece of its recording tells of the files.
    is_first: bool,
    /// Records with one key stand in it, so it may not be cut again.
    pub bound: bool,
    /// Its rows stand where their children think they do.
    settles_parents: bool,
    /// How many pieces hold its only document: this one, and those behind it, each with some of the records below. Of those
    /// behind it: 0.
    pub parts: usize,
    /// The items of this part, and where they stand in the document without any; of the first part, that document.
    pub rendered: Option<(usize, Chunk)>,
    /// What was found out before.
    pub settled: Vec<Settled>,
    /// Groups, fates, rejects and accepted root records, since it was joined.
    known: Option<Chunk>,
    /// How many rows of each source ended in each bucket, since it was decided about.
    pub tally: Vec<SourceTally>,
    /// How many documents of it may be sent.
    pub documents: u64,
}

impl Piece {
    /// A piece of some rows, by their source.
    #[must_use]
    pub fn new(spill: Arc<Spill>, shapes: Arc<Vec<Table>>, rows: Vec<Vec<Chunk>>, is_first: bool) -> Piece {
        Piece {
            spill,
            shapes,
            rows,
            is_first,
            bound: false,
            settles_parents: true,
            parts: 1,
            rendered: None,
            settled: Vec::new(),
            known: None,
            tally: Vec::new(),
            documents: 0,
        }
    }

    /// Keeps the JSON of its part of a document, and where it stands there.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn render(&mut self, at: usize, json: &[u8]) -> io::Result<()> {
        self.rendered = Some((at, self.spill.write(json)?));
        Ok(())
    }

    /// The file it stands in.
    pub fn spill(&self) -> &Spill {
        &self.spill
    }

    /// How many bytes its rows are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rows.iter().flatten().map(|chunk| chunk.len() as u64).sum()
    }

    /// A piece of the same recording with other rows.
    #[must_use]
    pub fn with(&self, rows: Vec<Vec<Chunk>>, is_first: bool) -> Piece {
        let mut piece = Piece::new(Arc::clone(&self.spill), Arc::clone(&self.shapes), rows, is_first);
        piece.settled.clone_from(&self.settled);
        piece.settles_parents = false;
        piece
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

    /// Whether it is the first piece of its recording.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether it holds more of the document of a piece before it.
    pub fn goes_on(&self) -> bool {
        self.parts == 0
    }

    /// Whether its records were joined.
    pub fn is_joined(&self) -> bool {
        self.known.is_some()
    }

    /// Reads it back into a recording, whose room is used again.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn fetch(&self, each: usize, recording: &mut Recording) -> io::Result<()> {
        recording.tables.resize_with(self.shapes.len(), || Table::empty("", &self.shapes[0].dialect));
        recording.fates.resize_with(self.shapes.len(), Vec::new);
        recording.rejects.clear();
        for (number, shape) in self.shapes.iter().enumerate() {
            let (table, fates) = (&mut recording.tables[number], &mut recording.fates[number]);
            decode::shaped(table, shape);
            fates.clear();
            decode::rows(&self.spill, &self.rows[number], number, shape, (table, fates, &mut recording.rejects))?;
        }
        if self.bound || !self.settles_parents {
            recording.tables.iter_mut().for_each(|table| table.parents.clear());
        }
        if self.goes_on() {
            recording.tables[each].copies = (0..recording.tables[each].len()).collect();
        }
        for settled in &self.settled {
            let table = &recording.tables[settled.source];
            if let Ok(row) = table.numbers.binary_search(&settled.number) {
                recording.fates[settled.source][row] = settled.fate;
                if let Some((code, reason)) = &settled.reject {
                    let (source, row) = (settled.source, small(row));
                    recording.rejects.push(Reject { source, row, code: *code, reason: Arc::clone(reason) });
                }
            }
        }
        if let Some(known) = self.known {
            let mut bytes = Vec::new();
            let bytes = self.spill.read(known, &mut bytes)?;
            recall(Packed(&bytes), recording);
        }
        Ok(())
    }

    /// Keeps what was found out about the recording it was fetched into.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn keep(&mut self, recording: &Recording) -> io::Result<()> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&small(recording.groups.links().len()).to_le_bytes());
        for link in recording.groups.links() {
            put_numbers(&mut bytes, &link.starts);
            put_numbers(&mut bytes, &link.rows);
        }
        for fates in &recording.fates {
            let fates: Vec<u8> = fates.iter().map(|fate| *fate as u8).collect();
            put_bytes(&mut bytes, &fates);
        }
        bytes.extend_from_slice(&small(recording.rejects.len()).to_le_bytes());
        for reject in &recording.rejects {
            bytes.extend_from_slice(&small(reject.source).to_le_bytes());
            bytes.extend_from_slice(&reject.row.to_le_bytes());
            put_reject(&mut bytes, reject.code, &reject.reason);
        }
        put_numbers(&mut bytes, &recording.accepted);
        self.known = Some(self.spill.write(&bytes)?);
        Ok(())
    }

    /// Notes what became of the rows of the recording it was fetched into, in numbers.
    pub fn count(&mut self, plan: &Plan, recording: &Recording) {
        self.tally = recording.tally(plan);
        for (tally, shape) in self.tally.iter_mut().zip(self.shapes.iter()) {
            let paths = if self.is_first { shape.parts.as_slice() } else { &[] };
            tally.paths = paths.iter().map(|part| part.path.clone()).collect();
        }
        self.documents = if self.goes_on() { 0 } else { recording.accepted.len() as u64 };
    }
}

/// Brings back what was kept of a recording.
fn recall(mut bytes: Packed<'_>, recording: &mut Recording) {
    let link = |bytes: &mut Packed<'_>| Link { starts: bytes.numbers(), rows: bytes.numbers() };
    let links = (0..bytes.count()).map(|_| link(&mut bytes)).collect();
    recording.groups = Groups::new(links);
    for fates in &mut recording.fates {
        fates.clear();
        let fate = |fate: &u8| FATES.into_iter().find(|known| *known as u8 == *fate).unwrap_or(Fate::Rejected);
        fates.extend(bytes.bytes().iter().map(fate));
    }
    recording.rejects.clear();
    for _ in 0..bytes.count() {
        let (source, row) = (bytes.count(), bytes.number());
        let (code, reason) = bytes.reject();
        recording.rejects.push(Reject { source, row, code, reason });
    }
    recording.accepted = bytes.numbers();
}
