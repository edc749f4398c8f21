//! Group -> payload: JSON bytes written straight from CSV bytes, checked while they are written. The hot loop.
//!
//! There is one writer and two ways to watch it. The fast way stops at the first doubt and keeps nothing but the bytes;
//! the traced way goes on, notes every problem and where values came from, and leaves the verdict to `check`. Since
//! both are the same code, they write the same bytes. Nothing is allocated per record on the fast way.

mod fast;
mod tracer;
mod writer;

use std::{hint::black_box, ops::Range};

use crate::{
    plan::Plan,
    recording::{View, payload::Payload, provenance::Trace},
    table::Table,
    text::buffer::OutputBuffer,
    transform::{
        tracer::Tracer,
        writer::{NoObserver, Writer},
    },
};

/// Buffers that are used again for every document.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    spare: Option<Box<OutputBuffer>>,
}

impl Scratch {
    /// Takes a payload that nobody needs any more, for its buffer.
    pub fn take_back(&mut self, payload: Payload) {
        self.spare = Some(payload.into_buffer());
    }
}

/// Writes the document of a root record. `None`: there is a doubt, and [`trace`] has to tell.
pub fn document(view: &View<'_>, root: u32, index: u64, scratch: &mut Scratch) -> Option<Payload> {
    let mut out = scratch.spare.take().unwrap_or_default();
    out.clear();
    let written =
        Writer { view, text: &mut scratch.text, out: &mut out, observer: NoObserver }.write_document(root).is_ok();
    if written && (view.plan.whole.is_empty() || view.plan.accepts(&out)) {
        return Some(Payload::conforming(index, out));
    }
    scratch.spare = Some(out);
    None
}

/// The items that one part of a document has: where they stand in the document without any, and in that of the part.
#[must_use]
pub fn items(empty: &[u8], part: &[u8]) -> Option<(usize, Range<usize>)> {
    // Where the first list ends that has items, the other document goes on with the first of them.
    let at = empty.iter().zip(part).position(|(one, other)| one != other)?;
    Some((at, at..at + part.len() - empty.len()))
}

/// The payload of a document whose parts were all found to conform, put together.
#[must_use]
pub fn together(index: u64, json: Vec<u8>) -> Payload {
    Payload::conforming(index, json)
}

/// Fetches the records that belong to some root records, so that they are there when their documents are written.
///
/// Children lie anywhere in their file, and waiting for memory costs more than writing them. Here nothing waits for what
/// was asked before it, so that many are on the way at once.
pub fn fetch(view: View<'_>, roots: Range<u32>) {
    let View { plan, tables, groups, .. } = view;
    for (number, link) in plan.links.iter().enumerate().filter(|(_, link)| link.many && link.parent == plan.each) {
        let Table { text, starts, .. } = &tables[link.child];
        let at = |row: usize| starts.get(row).and_then(|start| text.get(*start)).copied().unwrap_or(0);
        let ends = |child: &u32| at(*child as usize) | at(*child as usize + 1);
        black_box(groups.children_of_all(number, roots.clone()).iter().fold(0, |all, child| all | ends(child)));
    }
}

/// For how many documents at once records are fetched.
pub const TOGETHER: usize = 16;

/// The payload of a document that was in doubt and in which the exact way found nothing wrong.
///
/// # Panics
/// Something is wrong with it after all: nothing wrong is ever sent, so the run ends here.
pub fn confirmed(plan: &Plan, trace: Trace<'_>, index: u64) -> Payload {
    assert!(trace.is_sound() && plan.accepts(&trace.json), "what was accepted has to conform");
    Payload::conforming(index, trace.json)
}

/// Writes the document of a root record to its end, whatever is wrong with it, and notes where everything came from that
/// may be wrong.
pub fn trace<'a>(view: &View<'a>, root: u32, scratch: &mut Scratch) -> Trace<'a> {
    // Only rules about the document as a whole may find something wrong with a value that is plainly good.
    let all = !view.plan.whole.is_empty();
    let trace = traced(view, root, all, scratch);
    if trace.is_uncertain && !all { trace_all(view, root, scratch) } else { trace }
}

/// As [`trace`], and notes where everything came from.
pub fn trace_all<'a>(view: &View<'a>, root: u32, scratch: &mut Scratch) -> Trace<'a> {
    traced(view, root, true, scratch)
}

fn traced<'a>(view: &View<'a>, root: u32, all: bool, scratch: &mut Scratch) -> Trace<'a> {
    let mut out = scratch.spare.take().unwrap_or_default();
    out.clear();
    let mut writer = Writer { view, text: &mut scratch.text, out: &mut out, observer: Tracer::new(all) };
    // A traced writer never stops: it notes the problem and goes on.
    let _ = writer.write_document(root);
    let trace = writer.observer.into_trace(out.to_vec());
    scratch.spare = Some(out);
    trace
}

/// Writes the document of a root record that was found to conform, to be kept: the room to write it stays in `scratch`.
pub fn again(view: &View<'_>, root: u32, index: u64, scratch: &mut Scratch) -> Payload {
    let Some(payload) = document(view, root, index, scratch) else {
        // What was in doubt, the exact way found good before.
        return confirmed(view.plan, trace(view, root, scratch), index);
    };
    let kept = Payload::conforming(index, payload.bytes().to_vec());
    scratch.take_back(payload);
    kept
}

/// The documents of some root records that were all found to conform, one after the other.
pub struct Payloads<'a> {
    view: View<'a>,
    roots: &'a [u32],
    next: usize,
    /// The index of the first of them.
    first: u64,
    scratch: Scratch,
}

/// The payloads of root records that passed every check, numbered from `first`.
#[must_use]
pub fn payloads<'a>(view: View<'a>, accepted: &'a [u32], first: u64) -> Payloads<'a> {
    Payloads { view, roots: accepted, next: 0, first, scratch: Scratch::default() }
}

impl Iterator for Payloads<'_> {
    type Item = Payload;

    fn next(&mut self) -> Option<Payload> {
        let root = *self.roots.get(self.next)?;
        if self.next.is_multiple_of(TOGETHER) {
            let last = self.roots.len().min(self.next + TOGETHER) - 1;
            fetch(self.view, root..self.roots[last] + 1);
        }
        let index = self.first + self.next as u64;
        self.next += 1;
        Some(again(&self.view, root, index, &mut self.scratch))
    }
}
