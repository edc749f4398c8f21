//! A large recording: cut into pieces while it is read, and each piece fetched when it is its turn.
//!
//! A piece fits into the cache of a processor, so nothing waits for memory, and pieces that do not fit into memory lie on disk.
//! A piece is some root records in their order with everything below them, so it is joined, checked and settled as a
//! recording of its own, and pieces in their order give the documents in the order of `each`. What belongs to nobody goes
//! into a loose piece that comes first.

pub mod oversized;
pub mod partitioner;
pub mod router;

use std::{collections::BTreeMap, io, path::Path};

use crate::{
    cli::Convert,
    commands::convert::partitioned::partitioner::Cut,
    diagnostic::{Code, Diagnostic, Severity},
    error::Error,
    join,
    partition::Piece,
    plan::Plan,
    read,
    recording::{Recording, ledger::Ledger, payload::Payload},
    transform::{self, Scratch},
};

/// How many times larger records are in memory than their text.
const HELD: u64 = 2;

/// Cuts a recording that is larger than a piece, if that can be done.
///
/// # Errors
/// As those of [`cut`].
pub(crate) fn of_recording(
    args: &Convert,
    plan: &Plan,
    inputs: &read::Inputs,
    stamps: &mut Vec<read::Stamp>,
    environment: &BTreeMap<String, String>,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Option<Vec<Recording>>, Error> {
    // What is wrong with the files is told when they are read.
    let Ok(files) = read::all_files(plan, inputs) else { return Ok(None) };
    let size = read::size(&files);
    if size <= args.memory.piece {
        return Ok(None);
    }
    if !can_be_cut(plan) {
        if size.saturating_mul(HELD) <= args.memory.all {
            return Ok(None);
        }
        let message = "this recording does not fit into `--memory`, and its mapping needs all of it at once";
        let hint = "only lists of sources that belong to one other source can be cut";
        say(&Diagnostic::new(Code::JoinHeldInMemory, message).severity(Severity::Notice).hint(hint));
        return Ok(None);
    }
    let folder = environment.get("TMPDIR").filter(|folder| !folder.is_empty());
    let folder = Path::new(folder.map_or("/tmp", String::as_str));
    partitioner::cut(Cut { plan, inputs, files: &files, memory: args.memory, folder }, stamps, say).map(Some)
}

/// Whether the recordings of a plan can be cut: its sources are a tree of lists below the root.
fn can_be_cut(plan: &Plan) -> bool {
    let lists = |source: usize| plan.links.iter().filter(|link| link.child == source).count();
    let belongs = |source: usize| lists(source) == usize::from(source != plan.each);
    let tree = (0..plan.sources.len()).all(belongs) && order(plan).len() == plan.sources.len();
    tree && plan.links.iter().all(|link| link.many)
}

/// The sources, each behind the one it belongs to.
fn order(plan: &Plan) -> Vec<usize> {
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

/// The disk for temporary files is full or broken.
fn lost(folder: &Path, cause: &io::Error) -> Error {
    Error::storage("cannot write a temporary file in", folder, cause)
}

/// Brings a piece into memory, in the room of the one before; joins it the first time.
///
/// # Errors
/// The disk for temporary files is broken.
pub(crate) fn fetch(
    plan: &Plan,
    recording: &mut Recording,
    room: &mut Recording,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<(), Error> {
    let Some(piece) = recording.piece.take() else { return Ok(()) };
    *recording = std::mem::take(room);
    let fetched = piece.fetch(plan.each, recording).map_err(|cause| lost(piece.spill().folder(), &cause));
    let joined = piece.is_joined();
    recording.piece = Some(piece);
    fetched?;
    if !joined {
        let (fates, rejects) = (std::mem::take(&mut recording.fates), std::mem::take(&mut recording.rejects));
        let mut ledger = Ledger::reopened(fates, rejects, say);
        recording.groups = join::groups(plan, &recording.tables, &mut ledger).map_err(Error::input)?;
        (recording.fates, recording.rejects) = ledger.closed();
    }
    Ok(())
}

/// Lets somebody look at a recording; a piece is fetched for it. Whether the disk was broken, [`failure`] tells.
pub(crate) fn look(plan: &Plan, recording: &Recording, look: impl FnOnce(&Recording)) {
    let Some(piece) = &recording.piece else { return look(recording) };
    let mut fetched = Recording::default();
    match piece.fetch(plan.each, &mut fetched) {
        Ok(()) => look(&fetched),
        Err(cause) => piece.spill().fail(cause),
    }
}

/// Lets somebody change a recording; a piece is fetched for it and put away. Whether that failed, [`failure`] tells.
pub(crate) fn change(plan: &Plan, recording: &mut Recording, change: impl FnOnce(&mut Recording)) {
    let Some(mut piece) = recording.piece.take() else { return change(recording) };
    let mut fetched = Recording::default();
    let done = piece.fetch(plan.each, &mut fetched).and_then(|()| {
        change(&mut fetched);
        piece.count(plan, &fetched);
        piece.keep(&fetched)
    });
    if let Err(cause) = done {
        piece.spill().fail(cause);
    }
    recording.piece = Some(piece);
}

/// Says whether the disk for temporary files broke where that could not be told.
///
/// # Errors
/// It did.
pub(crate) fn failure(recordings: &[Recording]) -> Result<(), Error> {
    let mut spills = recordings.iter().filter_map(|recording| recording.piece.as_ref()).map(Piece::spill);
    spills.try_for_each(|spill| spill.failure().map_or(Ok(()), |cause| Err(lost(spill.folder(), &cause))))
}

/// The documents of a recording that may be sent, numbered from `first`.
pub(crate) fn payloads<'a>(
    plan: &'a Plan,
    recordings: &'a [Recording],
    first: u64,
) -> Box<dyn Iterator<Item = Payload> + Send + 'a> {
    let Some(recording) = recordings.first() else { return Box::new(std::iter::empty()) };
    match &recording.piece {
        Some(piece) if piece.documents == 0 => Box::new(std::iter::empty()),
        Some(piece) if piece.parts > 1 => Box::new(oversized::whole(&recordings[..piece.parts], first).into_iter()),
        None => Box::new(transform::payloads(recording.view(plan), &recording.accepted, first)),
        Some(piece) => {
            let (fetched, scratch) = (None, Scratch::default());
            Box::new(Payloads { plan, piece, fetched, at: 0, first, scratch })
        }
    }
}

/// The documents of a piece, which is fetched for the first of them.
struct Payloads<'a> {
    plan: &'a Plan,
    piece: &'a Piece,
    fetched: Option<Recording>,
    at: usize,
    first: u64,
    scratch: Scratch,
}

impl Iterator for Payloads<'_> {
    type Item = Payload;

    fn next(&mut self) -> Option<Payload> {
        if self.fetched.is_none() {
            let mut recording = Recording::default();
            match self.piece.fetch(self.plan.each, &mut recording) {
                Ok(()) => self.fetched = Some(recording),
                Err(cause) => {
                    self.piece.spill().fail(cause);
                    return None;
                }
            }
        }
        let recording = self.fetched.as_ref()?;
        let root = *recording.accepted.get(self.at)?;
        let (view, index) = (recording.view(self.plan), self.first + self.at as u64);
        self.at += 1;
        Some(transform::again(&view, root, index, &mut self.scratch))
    }
}

/// Keeps what was found out about a piece, as numbers only unless it is looked at `again`, and gives its room back.
///
/// # Errors
/// The disk for temporary files is full.
pub(crate) fn put_away(plan: &Plan, recording: &mut Recording, room: &mut Recording, again: bool) -> Result<(), Error> {
    let Some(mut piece) = recording.piece.take() else { return Ok(()) };
    piece.count(plan, recording);
    let kept = if again { piece.keep(recording) } else { Ok(()) };
    let kept = kept.map_err(|cause| lost(piece.spill().folder(), &cause));
    *room = std::mem::take(recording);
    recording.piece = Some(piece);
    kept
}
