//! Match group -> payload: JSON bytes written straight from CSV bytes, and checked while they are written. The hot loop.
//!
//! There is one writer, with two observers. The fast way stops at the first value that is not certain to conform, and keeps
//! only the bytes; the traced way goes on, notes every problem and the origin of every value, and leaves the decision to
//! `check`. Both are the same code, so they write the same bytes. The fast way allocates nothing per record.

mod aggregates;
mod fast;
mod own_path;
mod tracer;
mod writer;

use std::{hint::black_box, ops::Range};

use crate::{
    config::mapping::request_path::PathTemplate,
    plan::Plan,
    recording::{View, payload::Payload, provenance::Trace},
    table::Table,
    text::buffer::OutputBuffer,
    transform::{
        tracer::Tracer,
        writer::{NoObserver, Writer},
    },
};

/// Buffers that are reused for every document.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    spare: Option<Box<OutputBuffer>>,
}

impl Scratch {
    /// Takes back the buffer of a payload that is no longer needed.
    pub fn take_back(&mut self, payload: Payload) {
        self.spare = Some(payload.into_buffer());
    }
}

/// Writes the document of a root record. `None`: it is not certain to conform, so [`trace`] has to follow.
pub fn document(view: &View<'_>, root: u32, index: u64, scratch: &mut Scratch) -> Option<Payload> {
    let mut out = scratch.spare.take().unwrap_or_default();
    out.clear();
    let written = Writer { view, text: &mut scratch.text, out: &mut out, members: Vec::new(), observer: NoObserver }
        .write_document(root)
        .is_ok();
    let has_path = |path: &PathTemplate| path.fill(&out).is_ok();
    if written
        && (view.plan.whole.is_empty() || view.plan.accepts(&out))
        && view.plan.own_path.as_ref().is_none_or(has_path)
    {
        return Some(Payload::conforming(index, out));
    }
    scratch.spare = Some(out);
    None
}

/// The items of one part of a document: their offset in the document without items, and their range in that of the part.
#[must_use]
pub fn find_items(empty: &[u8], part: &[u8]) -> Option<(usize, Range<usize>)> {
    // The documents differ where the first list with items begins.
    let at = empty.iter().zip(part).position(|(one, other)| one != other)?;
    Some((at, at..at + part.len() - empty.len()))
}

/// The payload of a document whose parts were all found to conform, assembled.
#[must_use]
pub fn assemble(index: u64, json: Vec<u8>) -> Payload {
    Payload::conforming(index, json)
}

/// Prefetches the records that belong to some root records: touches a cache line of each first, so that misses overlap.
///
/// Children lie anywhere in their file, and waiting for memory costs more than writing them. No access here depends on the
/// one before it.
pub fn prefetch(view: View<'_>, roots: Range<u32>) {
    let View { plan, tables, groups, .. } = view;
    for (number, link) in plan.links.iter().enumerate().filter(|(_, link)| link.many && link.parent == plan.each) {
        let Table { text, starts, .. } = &tables[link.child];
        let at = |row: usize| starts.get(row).and_then(|start| text.get(*start)).copied().unwrap_or(0);
        let ends = |child: &u32| at(*child as usize) | at(*child as usize + 1);
        black_box(groups.children_of_range(number, roots.clone()).iter().fold(0, |all, child| all | ends(child)));
    }
}

/// For how many documents records are prefetched at once.
pub const PREFETCHED: usize = 16;

/// The payload of a document that was not certain to conform, and that the exact check accepted.
///
/// # Panics
/// The contract does not accept it after all: a document that does not conform is never sent, so the run ends here.
pub fn confirm(plan: &Plan, trace: Trace<'_>, index: u64) -> Payload {
    assert!(trace.is_sound() && plan.accepts(&trace.json), "what was accepted has to conform");
    Payload::conforming(index, trace.json)
}

/// Writes the document of a root record to its end, whatever is wrong with it, and notes the origin of every value that may
/// violate the contract.
pub fn trace<'a>(view: &View<'a>, root: u32, scratch: &mut Scratch) -> Trace<'a> {
    // Only rules about the whole document may be violated by a value that is certain to conform by itself.
    let all = view.plan.is_told_whole();
    let trace = write_traced(view, root, all, scratch);
    if trace.is_uncertain && !all { trace_all(view, root, scratch) } else { trace }
}

/// As [`trace`], and notes the origin of every value.
pub fn trace_all<'a>(view: &View<'a>, root: u32, scratch: &mut Scratch) -> Trace<'a> {
    write_traced(view, root, true, scratch)
}

fn write_traced<'a>(view: &View<'a>, root: u32, all: bool, scratch: &mut Scratch) -> Trace<'a> {
    let mut out = scratch.spare.take().unwrap_or_default();
    out.clear();
    let mut writer =
        Writer { view, text: &mut scratch.text, out: &mut out, members: Vec::new(), observer: Tracer::new(all) };
    // A traced writer never stops: it notes the problem and goes on.
    let _ = writer.write_document(root);
    let mut trace = writer.observer.into_trace(out.to_vec());
    scratch.spare = Some(out);
    match &view.plan.own_path {
        Some(path) if all => own_path::note_problem(path, &mut trace),
        Some(path) => trace.is_uncertain |= path.fill(&trace.json).is_err(),
        None => {}
    }
    trace
}

/// Writes the document of a root record that was found to conform, into a buffer of its own size; the larger one stays in
/// `scratch`.
pub fn write_again(view: &View<'_>, root: u32, index: u64, scratch: &mut Scratch) -> Payload {
    let Some(payload) = document(view, root, index, scratch) else {
        // It was not certain to conform, and the exact check accepted it before.
        return confirm(view.plan, trace(view, root, scratch), index);
    };
    let copy = Payload::conforming(index, payload.bytes().to_vec());
    scratch.take_back(payload);
    copy
}
