//! Pieces that are too large: cut once more, and a document with very many records in parts.
//!
//! A part is a piece with the root record and some of the records below it. It is joined and checked as a document of its
//! own; the whole is the document without records, with the items of all parts where they belong. Nothing is written before
//! every part was found good.

use std::io;

use crate::{
    commands::convert::partitioned::{
        fetch, lost, put_away,
        router::{Router, small},
    },
    diagnostic::Diagnostic,
    error::Error,
    join::partition_index::{self, Places},
    partition::{
        Piece,
        buffers::Partitions,
        decode,
        encode::Entry,
        spill::{Chunk, Spill},
    },
    plan::Plan,
    recording::{
        Recording,
        ledger::{Fate, Reject},
        payload::Payload,
    },
    table::{NONE, Table, row_header},
    transform::{self, Scratch},
};

/// How many bytes are written at once, at most.
const ROOM: usize = 64 << 10;

/// Who takes bytes.
type Write<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// Some rows of a piece, read back.
struct Rows {
    table: Table,
    fates: Vec<Fate>,
    rejects: Vec<Reject>,
}

impl Rows {
    fn new(shape: &Table) -> Rows {
        let mut table = shape.clone();
        table.parts.clear();
        Rows { table, fates: Vec::new(), rejects: Vec::new() }
    }

    fn add(&mut self, piece: &Piece, source: usize, chunk: Chunk) -> io::Result<()> {
        let mut bytes = Vec::new();
        let bytes = piece.spill().read(chunk, &mut bytes)?;
        let rows = (&mut self.table, &mut self.fates, &mut self.rejects);
        decode::unpack(&bytes, source, &piece.shapes()[source], rows);
        Ok(())
    }

    fn of(piece: &Piece, source: usize, chunk: Chunk) -> io::Result<Rows> {
        let mut rows = Rows::new(&piece.shapes()[source]);
        rows.add(piece, source, chunk)?;
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

    fn entry(&self, row: u32, shape: &Table) -> Entry<'_> {
        let (table, at) = (&self.table, row as usize);
        let path = &table.part(row).path;
        Entry {
            table,
            row,
            end: table.starts.get(at + 1).copied().unwrap_or(table.text.len()),
            number: table.number(row),
            parent: NONE,
            shift: row_header::shift(table.line(row), table.number(row)),
            part: shape.parts.iter().position(|part| part.path == *path).unwrap_or(0),
            reject: self.reject(row),
            copy: table.copies.contains(&row),
        }
    }
}

/// Cuts a piece that is larger than it should be once more, if that can be done.
pub(super) fn cut_again(plan: &Plan, piece: Piece, limit: u64) -> io::Result<Vec<Piece>> {
    let flat = plan.links.iter().all(|link| link.parent == plan.each);
    if piece.bytes() <= 2 * limit || piece.bound || !flat {
        return Ok(vec![piece]);
    }
    let mut roots = Rows::new(&piece.shapes()[plan.each]);
    for chunk in &piece.rows()[plan.each] {
        roots.add(&piece, plan.each, *chunk)?;
    }
    let Some(places) = places(plan, &roots) else { return Ok(vec![piece]) };
    let mut weights: Vec<u64> = (0..roots.table.len()).map(|root| roots.weight(root)).collect();
    let mut found = Found::new(places);
    let looked = weighed(plan, &piece, &mut found, &mut weights)?;
    let (to, groups) = groups(&weights, limit);
    let rows = routed(plan, &piece, (&roots, &to), (&looked, &mut found), limit)?;
    let mut pieces = Vec::new();
    for (number, heavy) in (0..groups.len().max(1)).zip(groups.iter().copied().chain([false])) {
        let own = rows.iter().map(|chunks| chunks.get(number).cloned().unwrap_or_default()).collect();
        let cut = piece.with(own, piece.is_first() && number == 0);
        if heavy && plan.comes_in_parts() || roots.table.is_empty() {
            pieces.extend(parts(plan, &cut, limit, heavy));
        } else {
            pieces.push(cut);
        }
    }
    Ok(pieces)
}

/// For each source and each chunk of it, the root record of each row.
type Looked = Vec<Vec<Chunk>>;

/// Looks up the root record of every row, and adds up what they weigh.
fn weighed(plan: &Plan, piece: &Piece, found: &mut Found, weights: &mut [u64]) -> io::Result<Looked> {
    let (mut looked, mut bytes) = (vec![Vec::new(); piece.shapes().len()], Vec::new());
    for link in &plan.links {
        for chunk in &piece.rows()[link.child] {
            let rows = Rows::of(piece, link.child, *chunk)?;
            found.look(&rows, &link.child_columns);
            bytes.clear();
            for (row, root) in (0..).zip(&found.roots) {
                if let Some(weight) = weights.get_mut(*root as usize) {
                    *weight += rows.weight(row);
                }
                bytes.extend_from_slice(&root.to_le_bytes());
            }
            // Rows that are rejected may have two, so they are looked at again.
            let again = !rows.rejects.is_empty();
            looked[link.child].push(piece.spill().write(if again { &[] } else { &bytes })?);
        }
    }
    Ok(looked)
}

/// The number of each root record by its key; `None`: two have the same, or hashes that are the same.
fn places(plan: &Plan, roots: &Rows) -> Option<Places> {
    let (mut words, mut places) = (Vec::new(), Places::with_room(roots.fates.len()));
    partition_index::words(&roots.table, &plan.sources[plan.each].key, &mut words);
    let of = |good: bool| (0..).zip(&words).zip(&roots.fates).filter(move |(_, fate)| (**fate == Fate::Good) == good);
    for ((root, word), _) in of(true) {
        if partition_index::is_key(*word) && places.insert(*word, root, NONE).is_some() {
            return None;
        }
    }
    for ((root, word), _) in of(false).filter(|((_, word), _)| partition_index::is_key(**word)) {
        places.insert(*word, root, NONE);
    }
    Some(places)
}

/// Looks up the root records of some rows.
struct Found {
    places: Places,
    words: Vec<u64>,
    roots: Vec<u32>,
    none: Vec<u32>,
}

impl Found {
    fn new(places: Places) -> Found {
        Found { places, words: Vec::new(), roots: Vec::new(), none: Vec::new() }
    }

    fn look(&mut self, rows: &Rows, columns: &[usize]) {
        partition_index::words(&rows.table, columns, &mut self.words);
        let Found { places, words, roots, none } = self;
        places.of_all(&rows.table, columns, words, (roots, none));
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
    piece: &Piece,
    (roots, to): (&Rows, &[u32]),
    (looked, found): (&Looked, &mut Found),
    limit: u64,
) -> io::Result<Vec<Vec<Vec<Chunk>>>> {
    let (mut sources, mut bytes, mut roots_of) = (Vec::new(), Vec::new(), Vec::new());
    let room = usize::try_from(limit).map_or(ROOM, |limit| limit.min(ROOM));
    let group = |root: u32| to.get(root as usize).copied().unwrap_or(NONE);
    for (source, shape) in piece.shapes().iter().enumerate() {
        let mut router = Router::new(None, source, u64::MAX, Partitions::new(room, 0));
        if source == plan.each {
            for (root, group) in (0..).zip(to) {
                router.put_one(*group, roots.entry(root, shape), piece.spill())?;
            }
        }
        for link in plan.links.iter().filter(|link| link.child == source) {
            for (chunk, looked) in piece.rows()[source].iter().zip(&looked[source]) {
                if looked.is_empty() {
                    let rows = Rows::of(piece, source, *chunk)?;
                    found.look(&rows, &link.child_columns);
                    route(&rows, shape, &link.child_columns, found, &group, &mut router, piece.spill())?;
                    continue;
                }
                let bytes = piece.spill().read(*chunk, &mut bytes)?;
                let roots_of = piece.spill().read(*looked, &mut roots_of)?;
                let mut roots = roots_of.as_chunks().0.iter().map(|root| u32::from_le_bytes(*root));
                decode::visit(&bytes, shape, &mut |row| {
                    let place = group(roots.next().unwrap_or(NONE));
                    router.put_again(if place == NONE { 0 } else { place }, row, piece.spill())
                })?;
            }
        }
        sources.push(router.finish(piece.spill())?.chunks);
    }
    Ok(sources)
}

/// Sends rows to the groups of their root records.
fn route(
    rows: &Rows,
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
            second = group(found.places.of_second(&rows.table, columns, row));
        }
        // Two records that are merged hold both of their parents back.
        if first != NONE && second != NONE && first != second {
            router.put_one(second, Entry { copy: true, ..entry }, spill)?;
        }
        let place = if first == NONE { second } else { first };
        router.put_one(if place == NONE { 0 } else { place }, entry, spill)?;
    }
    Ok(())
}

/// The parts of a piece: one without the records below, and some with some of them each.
fn parts(plan: &Plan, piece: &Piece, limit: u64, one_document: bool) -> Vec<Piece> {
    let none = || vec![Vec::new(); piece.rows().len()];
    let root = &piece.rows()[plan.each];
    let with_root = |mut rows: Vec<Vec<Chunk>>| {
        rows[plan.each].clone_from(root);
        rows
    };
    let mut parts = vec![piece.with(with_root(none()), piece.is_first())];
    for link in &plan.links {
        let mut rest = piece.rows()[link.child].as_slice();
        while !rest.is_empty() {
            let mut filled = 0;
            let fits = |chunk: &&Chunk| {
                filled += chunk.len() as u64;
                filled <= limit
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let mut rows = none();
            rows[link.child] = rest[..count].to_vec();
            rest = &rest[count..];
            let mut part = piece.with(with_root(rows), false);
            part.parts = usize::from(!one_document);
            parts.push(part);
        }
    }
    if one_document {
        parts[0].parts = parts.len();
    }
    parts
}

/// Decides about a document that comes in parts; gives how many documents of it may be sent. `None`: there is a doubt, and
/// all of it has to be looked at together.
///
/// # Errors
/// The disk for temporary files is full or broken.
pub(crate) fn in_parts(
    plan: &Plan,
    parts: &mut [Recording],
    room: &mut Recording,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<Option<u64>, Error> {
    let (mut told, mut scratch, mut empty) = (Vec::new(), Scratch::default(), Vec::new());
    let mut documents = 0;
    for (number, part) in parts.iter_mut().enumerate() {
        fetch(plan, part, room, &mut |diagnostic| told.push(diagnostic.clone()))?;
        match part.fates[plan.each].first() {
            Some(Fate::Filtered) => {}
            Some(Fate::Good | Fate::Pending) => {
                let Some(payload) = transform::document(&part.view(plan), 0, 0, &mut scratch) else { return Ok(None) };
                let json = payload.bytes();
                if number == 0 {
                    empty = json.to_vec();
                }
                let items = if number == 0 { Some((0, 0..json.len())) } else { transform::items(&empty, json) };
                if let (Some((at, items)), Some(piece)) = (items, &mut part.piece) {
                    let done = piece.render(at, &json[items]);
                    done.map_err(|cause| lost(piece.spill().folder(), &cause))?;
                }
                scratch.take_back(payload);
                (documents, part.accepted) = (1, vec![0]);
            }
            Some(Fate::Rejected) | None => return Ok(None),
        }
        put_away(plan, part, room, true)?;
    }
    told.iter().for_each(say);
    Ok(Some(documents))
}

/// Puts the parts of a document together to one piece, which takes their place.
pub(crate) fn together(each: usize, recordings: &mut Vec<Recording>, at: usize) {
    let Some(head) = recordings[at].piece.take() else { return };
    let mut rows = head.rows().to_vec();
    for part in recordings.drain(at + 1..at + head.parts).filter_map(|part| part.piece) {
        let below = (0..rows.len()).filter(|source| *source != each);
        below.for_each(|source| rows[source].extend_from_slice(&part.rows()[source]));
    }
    let piece = head.with(rows, head.is_first());
    recordings[at] = Recording { piece: Some(piece), ..Recording::default() };
}

/// Writes a document that comes in parts, all of which were found good.
///
/// # Errors
/// The bytes cannot be taken, or the disk for temporary files is broken.
pub(crate) fn assemble(parts: &[Recording], write: Write<'_>) -> io::Result<()> {
    let pieces = parts.iter().filter_map(|part| part.piece.as_ref());
    let mut rendered: Vec<(usize, Chunk, &Piece)> =
        pieces.filter_map(|piece| piece.rendered.map(|(at, chunk)| (at, chunk, piece))).collect();
    let Some((_, chunk, head)) = rendered.first() else { return Ok(()) };
    let (mut empty, mut items, mut written) = (Vec::new(), Vec::new(), 0);
    let empty = head.spill().read(*chunk, &mut empty)?;
    rendered[1..].sort_by_key(|(at, ..)| *at);
    for (at, chunk, piece) in &rendered[1..] {
        // Items of the same list follow each other.
        if written == *at {
            write(b",")?;
        }
        write(&empty[written..*at])?;
        written = *at;
        write(&piece.spill().read(*chunk, &mut items)?)?;
    }
    write(&empty[written..])
}

/// A document that comes in parts, in one. Whether the disk was broken, the temporary file tells.
pub(crate) fn whole(parts: &[Recording], index: u64) -> Option<Payload> {
    let mut json = Vec::new();
    let assembled = assemble(parts, &mut |bytes| {
        json.extend_from_slice(bytes);
        Ok(())
    });
    match assembled {
        Ok(()) => Some(transform::together(index, json)),
        Err(cause) => {
            if let Some(piece) = parts.first().and_then(|part| part.piece.as_ref()) {
                piece.spill().fail(cause);
            }
            None
        }
    }
}
