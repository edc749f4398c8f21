//! Files -> blocks of records: no file is held in memory.
//!
//! A block is a small table: it is split, checked and told about as a whole file would be. A record that is not complete is
//! left to the next block, which grows until it holds one, so where blocks end decides nothing.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    digest::FileDigest,
    plan::{Plan, SourcePlan},
    read::{
        decode,
        files::{self, Inputs, MAX_SOURCE, Stamp, regular, stamp_of, too_large},
        header,
        scan::{self, Reached},
    },
    recording::ledger::{Fate, Ledger, Reject},
    table::{
        Part, Patch, Shown, Table,
        dialect::{Dialect, Encoding},
    },
};

/// Some records that follow each other in a source.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The records; the last of its files is the one they stand in.
    pub table: &'a Table,
    /// What became of each of them so far.
    pub fates: &'a [Fate],
    /// Those that will not be sent.
    pub rejects: &'a [Reject],
    /// The number of the first of them in the source.
    pub first: u32,
    /// Where the last of them ends in the text.
    pub end: usize,
    /// The line behind it.
    pub line: u64,
}

/// Why a source is read no further.
#[derive(Debug)]
pub enum Stopped {
    /// A file cannot be trusted as a whole.
    Input(Vec<Diagnostic>),
    /// Whoever takes the blocks cannot keep them.
    Storage(io::Error),
}

impl From<Diagnostic> for Stopped {
    fn from(diagnostic: Diagnostic) -> Stopped {
        Stopped::Input(vec![diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Stopped {
    fn from(diagnostics: Vec<Diagnostic>) -> Stopped {
        Stopped::Input(diagnostics)
    }
}

impl From<io::Error> for Stopped {
    fn from(cause: io::Error) -> Stopped {
        Stopped::Storage(cause)
    }
}

/// Who takes blocks.
type Visit<'a> = &'a mut dyn FnMut(Block<'_>) -> io::Result<()>;

/// One source to be read.
pub struct Reading<'a> {
    /// What is asked for.
    pub plan: &'a Plan,
    /// The number of the source.
    pub source: usize,
    /// How its recording is read.
    pub inputs: &'a Inputs,
    /// How many bytes are read at once, at first.
    pub block: usize,
    /// Learns what each file was when it was read.
    pub stamps: &'a mut Vec<Stamp>,
}

/// Looks at the headers only: whether the files of a folder have the columns the plan uses.
///
/// # Errors
/// What is wrong with a header, or a file that is not there.
pub fn headers(plan: &Plan, folder: &Path, block: usize) -> Result<(), Vec<Diagnostic>> {
    let inputs = Inputs::new(folder, &[], false);
    let mut findings = Vec::new();
    for (source, found) in files::of_sources(plan, &inputs).into_iter().enumerate() {
        let reading = Reading { plan, source, inputs: &inputs, block, stamps: &mut Vec::new() };
        let read = found.map_err(Stopped::Input).and_then(|files| reading.blocks(&files, &mut |_| {}, &mut |_| Ok(())));
        if let Err(Stopped::Input(wrong)) = read {
            findings.extend(wrong);
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

impl Reading<'_> {
    /// Reads files block by block; gives a table of their columns without records.
    ///
    /// # Errors
    /// A file cannot be trusted as a whole, or a block cannot be kept.
    pub fn blocks(
        mut self,
        files: &[PathBuf],
        say: &mut dyn FnMut(&Diagnostic),
        visit: Visit<'_>,
    ) -> Result<Table, Stopped> {
        let source = &self.plan.sources[self.source];
        let mut table = Table::empty(&source.name, &source.dialect);
        let (mut first, mut findings) = (0, Vec::new());
        for path in files {
            let mut ledger = Ledger::new(self.plan.sources.len(), say);
            match self.file(path, first, &mut table, &mut ledger, visit) {
                Ok(records) => first += records,
                Err(Stopped::Input(wrong)) => findings.extend(wrong),
                Err(stopped) => return Err(stopped),
            }
        }
        table.clear();
        if findings.is_empty() { Ok(table) } else { Err(findings.into()) }
    }

    /// Reads one file, whose first record has the number `first`; gives how many records it has.
    fn file(
        &mut self,
        path: &Path,
        first: u32,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
        visit: Visit<'_>,
    ) -> Result<u32, Stopped> {
        let source = &self.plan.sources[self.source];
        let name = if path == Path::new("-") { format!("<stdin:{}>", source.name) } else { path.display().to_string() };
        let mut feed = Feed::open(path, (&source.name, &name), (&source.dialect, self.inputs.digested), ledger)?;
        let read = self.all_blocks(&mut feed, first, table, ledger, visit);
        table.clear();
        // Of a file that changes meanwhile nothing else is worth telling.
        let records = match read {
            Err(Stopped::Input(_)) if feed.has_changed(path) => return Err(files::change(path).into()),
            read => read?,
        };
        feed.close(path, self.stamps)?;
        scan::none(self.plan, self.source, &name, records, ledger);
        Ok(records)
    }

    /// Reads all blocks of a file; gives the number of its records.
    fn all_blocks(
        &self,
        feed: &mut Feed<'_>,
        first: u32,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
        visit: Visit<'_>,
    ) -> Result<u32, Stopped> {
        let (name, source) = (feed.name, self.source);
        let (mut want, mut reached, mut is_bound) = (self.block, Reached::default(), false);
        loop {
            // What was not used goes in front of what comes.
            Arc::make_mut(&mut table.text).drain(..reached.at);
            table.patches.retain(|patch| patch.at >= reached.at);
            table.patches.iter_mut().for_each(|patch| patch.at -= reached.at);
            reached.gone += reached.at;
            reached.before -= reached.at.min(reached.before);
            reached.at = 0;
            let last = feed.more(Arc::make_mut(&mut table.text), &mut table.patches, want)?;
            if last {
                scan::trim_nuls(name, Arc::make_mut(&mut table.text), ledger);
                let length = table.text.len();
                table.patches.retain(|patch| patch.at < length);
            }
            let mut body = 0;
            if !is_bound {
                let Some(start) = self.header(name, table, last)? else {
                    want = table.text.len().max(self.block);
                    continue;
                };
                (body, is_bound) = (start, true);
                table.parts.push(Part { path: name.to_owned(), first: 0, text: 0..0 });
            }
            if let Some(part) = table.parts.last_mut() {
                part.text = 0..table.text.len();
            }
            let before = reached.records;
            table.starts.clear();
            table.begins.clear();
            table.marks.clear();
            ledger.fates[source].clear();
            ledger.rejects.clear();
            reached = scan::block(self.plan, source, reached, body, last, table, ledger)?;
            let (fates, rejects) = (&ledger.fates[source], &ledger.rejects);
            let block = Block { table, fates, rejects, first: first + before, end: reached.at, line: reached.line };
            visit(block)?;
            if last {
                return Ok(reached.records);
            }
            want = if reached.at == 0 { table.text.len().max(self.block) } else { self.block };
        }
    }

    /// Reads the header, if all of it is there; gives where the records start.
    fn header(&self, name: &str, table: &mut Table, last: bool) -> Result<Option<usize>, Vec<Diagnostic>> {
        let text = std::mem::take(&mut table.text);
        if !last {
            let blank = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ')).count();
            let border = table.dialect.split(&text, blank, &mut Vec::new());
            let stray = border.fault.is_some() && memchr::memchr2(b'\n', b'\r', &text[border.next..]).is_none();
            if blank == text.len() || border.next >= text.len() || stray {
                table.text = text;
                return Ok(None);
            }
        }
        none_at_all(name, &text)?;
        let body = header::bind(self.plan, self.source, name, &text, table)?;
        if table.shown.is_empty() {
            let source = &self.plan.sources[self.source];
            table.shown = shown(source, &table.bind, table.header.len(), self.inputs.unmask);
        }
        table.text = text;
        Ok(Some(body))
    }
}

/// Tells of a file in two encodings.
fn mixed(path: &str, windows: u64, ledger: &mut Ledger<'_>) {
    if windows > 0 {
        let are = if windows == 1 { "is" } else { "are" };
        let message = format!("{windows} of its records {are} Windows-1252, the others UTF-8");
        ledger.say(&Diagnostic::new(Code::ReadMixedEncodings, message).file(path).severity(Severity::Notice));
    }
}

/// Says that a file holds nothing, if so.
fn none_at_all(path: &str, text: &[u8]) -> Result<(), Vec<Diagnostic>> {
    if text.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ')) {
        let hint = "the recording was probably lost; a drop without records still has a header";
        return Err(vec![Diagnostic::new(Code::ReadEmpty, "the file is empty").file(path).hint(hint)]);
    }
    Ok(())
}

/// How each column of a file may be shown.
fn shown(source: &SourcePlan, bind: &[usize], columns: usize, unmask: bool) -> Vec<Shown> {
    let mut shown = vec![if unmask { Shown::Clear } else { Shown::Masked }; columns];
    for (column, at) in source.columns.iter().zip(bind) {
        if column.sensitive {
            shown[*at] = Shown::Never;
        }
    }
    shown
}

/// The text of a file, as it comes.
struct Feed<'a> {
    role: &'a str,
    name: &'a str,
    source: Source,
    /// The file before it was read; none for standard input.
    stamp: Option<Stamp>,
    packed: bool,
    started: bool,
    length: u64,
    /// Of what is read, if that is all there is to know: a packed file is unpacked by then.
    digest: Option<FileDigest>,
}

enum Source {
    /// UTF-8, read as it is asked for; and the start of a character whose end was not read yet.
    Stream(Box<dyn Read>, Vec<u8>),
    /// Another encoding, decoded as a whole, and how much of it was given.
    Whole(decode::Decoded, usize),
}

impl<'a> Feed<'a> {
    fn open(
        path: &Path,
        (role, name): (&'a str, &'a str),
        (dialect, digested): (&Dialect, bool),
        ledger: &mut Ledger<'_>,
    ) -> Result<Feed<'a>, Diagnostic> {
        let (mut reader, stamp): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), None)
        } else {
            let metadata = regular(path)?;
            let file = File::open(path).map_err(|cause| unreadable(name, &cause))?;
            (Box::new(file), Some(stamp_of(role, path, &metadata)))
        };
        let ending = path.extension().and_then(|extension| extension.to_str());
        let packed = matches!(ending, Some("gz" | "zst"));
        reader = match ending {
            Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(reader)),
            Some("zst") => {
                Box::new(zstd::stream::read::Decoder::new(reader).map_err(|cause| unpackable(name, &cause))?)
            }
            _ => reader,
        };
        let source = Source::Stream(Box::new(io::empty()), Vec::new());
        let digest = (digested && !packed || stamp.is_none()).then(FileDigest::default);
        let mut feed = Feed { role, name, source, stamp, packed, started: false, length: 0, digest };
        if dialect.encoding == Encoding::Utf8 {
            feed.source = Source::Stream(reader, Vec::new());
        } else {
            let mut bytes = Vec::new();
            feed.read(&mut reader, &mut bytes, usize::MAX)?;
            let decoded = decode::decoded(name, bytes, dialect)?;
            mixed(name, decoded.windows, ledger);
            feed.source = Source::Whole(decoded, 0);
        }
        Ok(feed)
    }

    /// Appends about `want` bytes of text; gives whether the file ends there.
    fn more(&mut self, text: &mut Vec<u8>, patches: &mut Vec<Patch>, want: usize) -> Result<bool, Diagnostic> {
        let start = text.len();
        match std::mem::replace(&mut self.source, Source::Stream(Box::new(io::empty()), Vec::new())) {
            Source::Whole(decoded, at) => {
                let end = decoded.text.len().min(at + want);
                text.extend_from_slice(&decoded.text[at..end]);
                let within = decoded.patches.iter().filter(|patch| (at..end).contains(&patch.at));
                let moved = within.map(|patch| Patch { at: patch.at - at + start, original: patch.original.clone() });
                patches.extend(moved);
                let last = end == decoded.text.len();
                self.source = Source::Whole(decoded, end);
                Ok(last)
            }
            Source::Stream(mut reader, mut begun) => {
                text.append(&mut begun);
                // A byte order mark is four bytes long at most.
                let last = self.read(&mut reader, text, want.max(4))?;
                if !self.started {
                    let bytes = decode::unmarked(self.name, text.split_off(start), Encoding::Utf8)?;
                    text.extend_from_slice(&bytes);
                    self.started = true;
                }
                if !last {
                    let whole = text[start..].iter().rposition(u8::is_ascii).map_or(start, |at| start + at + 1);
                    begun.extend_from_slice(&text[whole..]);
                    text.truncate(whole);
                }
                if simdutf8::basic::from_utf8(&text[start..]).is_err() {
                    let decoded = decode::utf8(text.split_off(start));
                    text.extend_from_slice(&decoded.text);
                    patches.extend(
                        decoded
                            .patches
                            .into_iter()
                            .map(|patch| Patch { at: patch.at + start, original: patch.original }),
                    );
                }
                self.source = Source::Stream(reader, begun);
                Ok(last)
            }
        }
    }

    /// Appends some bytes; gives whether there are no more.
    fn read(&mut self, reader: &mut dyn Read, bytes: &mut Vec<u8>, want: usize) -> Result<bool, Diagnostic> {
        if want < usize::MAX {
            bytes.reserve_exact(want);
        }
        let before = bytes.len();
        let found = reader.take(want as u64).read_to_end(bytes);
        let found = found
            .map_err(|cause| if self.packed { unpackable(self.name, &cause) } else { unreadable(self.name, &cause) })?;
        self.length += found as u64;
        if let Some(digest) = &mut self.digest {
            digest.add(&bytes[before..]);
        }
        if self.length > MAX_SOURCE { Err(too_large(self.name.to_owned())) } else { Ok(found < want) }
    }

    /// Whether the file is another one than when it was opened, or more was read than it had.
    fn has_changed(&self, path: &Path) -> bool {
        let Some(stamp) = &self.stamp else { return false };
        let same = std::fs::metadata(path).is_ok_and(|now| stamp_of(&stamp.role, path, &now) == *stamp);
        !same || !self.packed && self.length > stamp.length
    }

    /// The file was read to its end, and is still what it was when it was opened.
    fn close(self, path: &Path, stamps: &mut Vec<Stamp>) -> Result<(), Diagnostic> {
        if self.has_changed(path) {
            return Err(files::change(path));
        }
        let digest = self.digest.map(FileDigest::finish);
        match self.stamp {
            Some(stamp) if !self.packed && self.length < stamp.length => Err(files::change(path)),
            Some(stamp) => {
                stamps.push(Stamp { digest, ..stamp });
                Ok(())
            }
            None => {
                let (role, path) = (self.role.to_owned(), path.to_owned());
                stamps.push(Stamp { role, path, length: self.length, digest, modified: None });
                Ok(())
            }
        }
    }
}

fn unreadable(name: &str, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {cause}")).file(name)
}

fn unpackable(name: &str, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadCompressed, format!("the file cannot be unpacked: {cause}")).file(name)
}
