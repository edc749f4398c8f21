//! The rows of a piece, found again.

use std::{hint::black_box, io, mem::take, ops::Range, sync::Arc};

use crate::{
    partition::{
        encode::{WINDOW, append},
        spill::{Chunk, Spill},
        wire::Packed,
    },
    recording::ledger::{Fate, Reject},
    table::{
        Part, Patch, Table,
        row::{MANY, REACH, UNKNOWN_NARROW},
        row_header::{COPY, HEADS, Head, IS_NARROW, PATCHED, REJECTED, unplaced, words},
        split::UNKNOWN,
    },
};

/// The bytes of a line of a cache, and how many bytes of rows are brought near at once.
const LINE: usize = 64;
const NEAR: usize = 8 << 10;

/// Reads rows into a table, and what became of each.
pub(super) fn rows(
    spill: &Spill,
    chunks: &[Chunk],
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) -> io::Result<()> {
    let (before, mut is_narrow, mut end) = (rejects.len(), true, 0);
    let held =
        if let [chunk] = chunks { spill.held_with_spare(*chunk, REACH).map(|text| (text, chunk.len())) } else { None };
    if let Some((text, length)) = held {
        (table.text, end) = (text, length);
        is_narrow = as_they_stand(0..end, source, shape, (&mut *table, &mut *fates, &mut *rejects));
    } else {
        for chunk in chunks {
            spill.append_to(*chunk, Arc::make_mut(&mut table.text))?;
            // What was read just now is near.
            let new = end..table.text.len();
            end = new.end;
            is_narrow = is_narrow && as_they_stand(new, source, shape, (&mut *table, &mut *fates, &mut *rejects));
        }
        // Who looks at the last cell looks beyond it.
        Arc::make_mut(&mut table.text).resize(end + REACH, 0);
    }
    if is_narrow {
        table.is_narrow = true;
    } else {
        let bytes = take(&mut table.text);
        shaped(table, shape);
        fates.clear();
        rejects.truncate(before);
        unpack(&bytes[..end], source, shape, (table, fates, rejects));
    }
    Ok(())
}

/// Gives a table other columns and no records.
pub(super) fn shaped(table: &mut Table, shape: &Table) {
    table.clear();
    let room = std::mem::replace(table, shape.clone());
    table.parts.clear();
    table.text = room.text;
    table.starts = room.starts;
    table.begins = room.begins;
    table.marks = room.marks;
    table.numbers = room.numbers;
    table.parents = room.parents;
}

/// Finds the rows in a part of the text of a table, where they were put and stay; `false`: some of them are not narrow.
fn as_they_stand(
    Range { start: mut at, end }: Range<usize>,
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) -> bool {
    let (text, width) = (Arc::clone(&table.text), table.header.len() + 1);
    let bytes = &text[..end];
    let (mut known, mut near) = (0, at);
    while let Some(head) = bytes.get(at..).and_then(|head| head.first_chunk::<{ HEADS.0 }>()) {
        if at >= near {
            touch(&bytes[at..end.min(at + NEAR)]);
            near = at + NEAR;
        }
        let [number, parent, marks] = words(head);
        if marks & IS_NARROW == 0 {
            break;
        }
        let (row, start) = (table.len(), at + HEADS.0 + width);
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        at = start + (marks & 0xFF) as usize;
        // Nearly all rows have the place of the one before.
        if marks >> 8 == known {
            continue;
        }
        let Some((Head { place, .. }, ..)) = Head::of(head) else { break };
        let (shift, part, flags) = unplaced(place);
        known = if flags == 0 { marks >> 8 } else { 0 };
        if table.marks.last().is_none_or(|(_, last)| *last != shift) {
            table.marks.push((row, shift));
        }
        enter(table, &shape.parts, part, start);
        if flags != 0 {
            let mut rest = Packed(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            trouble(&mut rest, (source, row, start), flags, table, rejects);
            at += before - rest.0.len();
            fates.resize(row as usize, Fate::Good);
            fates.push(if flags & REJECTED == 0 { Fate::Good } else { Fate::Rejected });
        }
    }
    fates.resize(table.starts.len(), Fate::Good);
    if let Some(part) = table.parts.last_mut() {
        part.text.end = at;
    }
    at == end
}

/// Brings some bytes near. Where a row stands is known when the one before was looked at, so that each would be waited for;
/// here nothing waits for what was asked before it.
#[inline(never)]
fn touch(bytes: &[u8]) {
    black_box(bytes.iter().step_by(LINE).fold(0, |all, byte| all | byte));
}

/// Adds rows to a table of this shape.
pub fn unpack(
    bytes: &[u8],
    source: usize,
    shape: &Table,
    (table, fates, rejects): (&mut Table, &mut Vec<Fate>, &mut Vec<Reject>),
) {
    let width = table.header.len() + 1;
    let mut whole = Arc::unwrap_or_clone(take(&mut table.text));
    whole.reserve(bytes.len() + 2 * WINDOW);
    let (mut at, mut current, mut shifted) = (0, usize::MAX, None);
    // Nearly all rows have the place of the one before.
    let mut known = u64::MAX;
    while let Some((head, taken, each)) = bytes.get(at..).and_then(Head::of) {
        let (row, start) = (table.len(), whole.len());
        let Head { number, length, parent, place } = head;
        let (length, (shift, part, flags)) = (length as usize, unplaced(place));
        let begins = bytes.get(at + taken..).unwrap_or_default();
        let text = begins.get(each * width..).unwrap_or_default();
        let end = table.begins.len() + width;
        let is_known = each == 2 || begins.get(width - 1) != Some(&UNKNOWN_NARROW);
        match begins.first_chunk::<MANY>() {
            _ if !is_known => table.begins.resize(end, UNKNOWN),
            Some(narrow) if each == 1 => {
                let mut begins = [[0; 2]; MANY];
                begins.iter_mut().zip(narrow).for_each(|(begin, low)| *begin = u16::from(*low).to_le_bytes());
                table.begins.extend_from_slice(&begins);
            }
            None if each == 1 => table.begins.extend(begins.iter().take(width).map(|begin| [*begin, 0])),
            _ => table.begins.extend(begins.as_chunks().0.iter().take(width)),
        }
        table.begins.truncate(end);
        append(&mut whole, text, length.min(text.len()));
        at += taken + each * width + length;
        table.numbers.push(number);
        table.parents.push(parent);
        table.starts.push(start);
        fates.push(if flags & REJECTED == 0 { Fate::Good } else { Fate::Rejected });
        if place == known {
            continue;
        }
        known = if flags == 0 { place } else { u64::MAX };
        if shifted != Some(shift) {
            table.marks.push((row, shift));
            shifted = Some(shift);
        }
        if part != current {
            enter(table, &shape.parts, part, start);
            current = part;
        }
        if flags != 0 {
            let mut rest = Packed(bytes.get(at..).unwrap_or_default());
            let before = rest.0.len();
            trouble(&mut rest, (source, row, start), flags, table, rejects);
            at += before - rest.0.len();
        }
    }
    if let Some(part) = table.parts.last_mut() {
        part.text.end = whole.len();
    }
    table.text = whole.into();
}

/// Reads what stands behind a row with which something is wrong.
#[cold]
#[inline(never)]
fn trouble(
    rest: &mut Packed<'_>,
    (source, row, start): (usize, u32, usize),
    flags: u8,
    table: &mut Table,
    rejects: &mut Vec<Reject>,
) {
    if flags & REJECTED != 0 {
        let (code, reason) = rest.reject();
        rejects.push(Reject { source, row, code, reason });
    }
    if flags & COPY != 0 {
        table.copies.push(row);
    }
    if flags & PATCHED != 0 {
        for _ in 0..rest.count() {
            let at = start + rest.count();
            table.patches.push(Patch { at, original: rest.bytes().to_vec() });
        }
    }
}

/// The rows from here on stand in this file.
fn enter(table: &mut Table, files: &[Part], file: usize, start: usize) {
    // The first of them was noted already.
    let first = table.len() - 1;
    if let Some(last) = table.parts.last_mut() {
        if last.path == files[file].path {
            return;
        }
        last.text.end = start;
    }
    table.parts.push(Part { path: files[file].path.clone(), first, text: start..start });
}

/// Some rows of a source as they were put, by their numbers, which are in order.
///
/// # Errors
/// The disk is broken.
pub fn gathered(
    spill: &Spill,
    chunks: &[Chunk],
    shape: &Table,
    numbers: &[u32],
    into: &mut Vec<(u32, Vec<u8>)>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        let bytes = spill.read(*chunk, &mut bytes)?;
        let mut rest = Packed(&bytes);
        while !rest.0.is_empty() {
            let all = rest.0;
            let number = skip(&mut rest, shape.header.len());
            if numbers.binary_search(&number).is_ok() {
                into.push((number, all[..all.len() - rest.0.len()].to_vec()));
            }
        }
    }
    Ok(())
}

/// Visits some rows as they were put.
pub fn visit(bytes: &[u8], shape: &Table, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut rest = Packed(bytes);
    while !rest.0.is_empty() {
        let all = rest.0;
        skip(&mut rest, shape.header.len());
        visit(&all[..all.len() - rest.0.len()])?;
    }
    Ok(())
}

/// Passes a row; gives its number.
fn skip(rest: &mut Packed<'_>, width: usize) -> u32 {
    let Some((Head { number, length, place, .. }, head, each)) = Head::of(rest.0) else {
        rest.take(usize::MAX);
        return 0;
    };
    let (_, _, flags) = unplaced(place);
    rest.take(head + (width + 1) * each + length as usize);
    if flags & REJECTED != 0 {
        rest.count();
        rest.bytes();
    }
    if flags & PATCHED != 0 {
        for _ in 0..rest.count() {
            rest.count();
            rest.bytes();
        }
    }
    number
}
