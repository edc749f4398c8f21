//! Files -> blocks of records: no file is held in memory as a whole.
//!
//! A block is a small table, split and checked as a whole file would be. A record that is not complete is left to the next
//! block, which grows until it holds a whole record, so the result does not depend on where blocks end.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    digest::FileDigest,
    io_cause::{Purpose, advise, describe_cause},
    plan::{Plan, SourcePlan},
    read::{
        decode,
        files::{self, Inputs, MAX_SOURCE, Stamp, check_regular, describe_change, describe_too_large},
        header::{self, FileHeader, RepeatedHeader},
        line_filter::LineFilter,
        scan::{BlockToScan, FilePosition, report_blank_lines, report_no_records, trim_nuls},
    },
    recording::ledger::{Ledger, Reject, RowStatus},
    table::{
        CellTest, Part, Patch, Shown, Table,
        dialect::{Dialect, Encoding},
    },
};

/// Some records that follow each other in a source.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The records; they come from the last of its files.
    pub table: &'a Table,
    /// The status of each of them so far.
    pub statuses: &'a [RowStatus],
    /// Those that are rejected.
    pub rejects: &'a [Reject],
    /// The number of the first of them in the source.
    pub first: u32,
    /// Where the last of them ends in the text.
    pub end: usize,
    /// The line that starts there.
    pub line: u64,
}

/// Why reading a source stopped.
#[derive(Debug)]
pub enum Stopped {
    /// A file cannot be trusted as a whole.
    Input(Vec<Diagnostic>),
    /// The blocks cannot be stored.
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

/// Takes each block.
type Visit<'a> = &'a mut dyn FnMut(Block<'_>) -> io::Result<()>;

/// One source to be read.
pub struct Reading<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The number of the source.
    pub source: usize,
    /// Where its files are, and how they are read.
    pub inputs: &'a Inputs,
    /// How many bytes a block has, unless a record is longer.
    pub block: usize,
    /// Takes the stamp of each file as it was when it was read.
    pub stamps: &'a mut Vec<Stamp>,
}

/// Checks that the files of a folder have the columns that the plan uses.
///
/// # Errors
/// A header is wrong, or a file is missing.
pub fn check_headers(plan: &Plan, folder: &Path, block: usize) -> Result<(), Vec<Diagnostic>> {
    let inputs = Inputs::new(folder, &[], false);
    let mut findings = Vec::new();
    let found = files::find_source_files(plan, &inputs).into_iter().enumerate();
    for (source, found) in found.filter(|(source, _)| plan.sources[*source].rows_of.is_none()) {
        let reading = Reading { plan, source, inputs: &inputs, block, stamps: &mut Vec::new() };
        let read =
            found.map_err(Stopped::Input).and_then(|files| reading.read_blocks(&files, &mut |_| {}, &mut |_| Ok(())));
        if let Err(Stopped::Input(wrong)) = read {
            findings.extend(wrong);
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

impl Reading<'_> {
    /// Reads files block by block; returns a table of their columns without records.
    ///
    /// # Errors
    /// A file cannot be trusted as a whole, or a block cannot be stored.
    pub fn read_blocks(
        mut self,
        files: &[PathBuf],
        say: &mut dyn FnMut(&Diagnostic),
        visit: Visit<'_>,
    ) -> Result<Table, Stopped> {
        let source = &self.plan.sources[self.source];
        let mut table = Table::empty(&source.name, &source.dialect);
        let (mut first, mut findings) = (0, Vec::new());
        if let Some(warning) = files::find_passed_over(self.plan, source, self.inputs, files) {
            Ledger::new(self.plan.sources.len(), say).say(&warning);
        }
        for path in files {
            let mut ledger = Ledger::new(self.plan.sources.len(), say);
            match self.read_file(path, first, &mut table, &mut ledger, visit) {
                Ok(records) => first += records,
                Err(Stopped::Input(wrong)) => findings.extend(wrong),
                Err(stopped) => return Err(stopped),
            }
        }
        table.clear();
        if findings.is_empty() { Ok(table) } else { Err(findings.into()) }
    }

    /// Reads one file, whose first record has the number `first`; returns how many records it has.
    fn read_file(
        &mut self,
        path: &Path,
        first: u32,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
        visit: Visit<'_>,
    ) -> Result<u32, Stopped> {
        let source = &self.plan.sources[self.source];
        let name = if path == Path::new("-") { format!("<stdin:{}>", source.name) } else { path.display().to_string() };
        let file = FileToOpen { path, role: &source.name, name: &name, is_digested: self.inputs.digested };
        let mut feed = Feed::open(file, &source.dialect, ledger)?;
        let mut lines = LineFilter::new(&source.dialect);
        let read = self.read_file_blocks(&mut feed, &mut lines, first, table, ledger, visit);
        table.clear();
        // If a file changes while it is read, all other findings about it are noise.
        let position = match read {
            Err(Stopped::Input(_)) if feed.has_changed(path) => return Err(describe_change(path).into()),
            read => read?,
        };
        feed.close(path, self.stamps)?;
        report_no_records(self.plan, self.source, &name, position.records, ledger);
        match lines {
            Some(lines) => lines.skipped.report(&name, table.header.len() == 1, ledger),
            None => report_blank_lines(&name, position, source.dialect.quote.is_some(), ledger),
        }
        Ok(position.records)
    }

    /// Reads all blocks of a file; returns how far it was read.
    fn read_file_blocks(
        &self,
        feed: &mut Feed<'_>,
        lines: &mut Option<LineFilter<'_>>,
        first: u32,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
        visit: Visit<'_>,
    ) -> Result<FilePosition, Stopped> {
        let (name, source) = (feed.name, self.source);
        let (mut want, mut position) = (self.block, FilePosition::default());
        let (mut again, mut is_bound) = (RepeatedHeader::default(), false);
        loop {
            // The text that was not scanned goes in front of the next block.
            Arc::make_mut(&mut table.text).drain(..position.at);
            table.patches.retain(|patch| patch.at >= position.at);
            table.patches.iter_mut().for_each(|patch| patch.at -= position.at);
            position.dropped += position.at;
            position.counted -= position.at.min(position.counted);
            position.at = 0;
            let is_last = match lines {
                None => feed.append_text(Arc::make_mut(&mut table.text), &mut table.patches, want)?,
                Some(lines) => feed.append_lines(lines, table, &mut position, want, ledger)?,
            };
            if !is_bound {
                header::check_not_utf_16(name, &table.text)?;
            }
            if is_last {
                trim_nuls(name, Arc::make_mut(&mut table.text), ledger);
                let length = table.text.len();
                table.patches.retain(|patch| patch.at < length);
            }
            let mut body = 0;
            if !is_bound {
                let Some(header) = self.read_header(name, lines.as_ref(), table, is_last)? else {
                    want = table.text.len().max(self.block);
                    continue;
                };
                (body, again, is_bound) = (header.body, header.again, true);
                let facts = Arc::new(files::find_facts(feed.path, &self.plan.sources[self.source], self.inputs));
                table.parts.push(Part { path: name.to_owned(), first: 0, text: 0..0, facts });
            }
            if let Some(part) = table.parts.last_mut() {
                part.text = 0..table.text.len();
            }
            let before = position.records;
            table.starts.clear();
            table.cell_starts.clear();
            table.line_checkpoints.clear();
            ledger.statuses[source].clear();
            ledger.rejects.clear();
            let block = BlockToScan { plan: self.plan, number: source, header: &again, position, body, is_last };
            position = block.scan(table, ledger)?;
            if is_last {
                check_footer(name, lines.as_ref(), &table.dialect)?;
            }
            let (statuses, rejects) = (&ledger.statuses[source], &ledger.rejects);
            let block =
                Block { table, statuses, rejects, first: first + before, end: position.at, line: position.line };
            visit(block)?;
            if is_last {
                return Ok(position);
            }
            want = if position.at == 0 { table.text.len().max(self.block) } else { self.block };
        }
    }

    /// Reads the header, unless it may continue behind the text (`None`); returns where the records start.
    fn read_header(
        &self,
        name: &str,
        lines: Option<&LineFilter<'_>>,
        table: &mut Table,
        is_last: bool,
    ) -> Result<Option<FileHeader>, Vec<Diagnostic>> {
        let text = std::mem::take(&mut table.text);
        if !is_last {
            let blank = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ')).count();
            let record_end = table.dialect.split(&text, blank, &mut Vec::new());
            let is_stray =
                record_end.fault.is_some() && memchr::memchr2(b'\n', b'\r', &text[record_end.next..]).is_none();
            if blank == text.len() || record_end.next >= text.len() || is_stray {
                table.text = text;
                return Ok(None);
            }
        }
        check_not_empty(name, &text, lines, &table.dialect)?;
        let header = header::bind_columns(self.plan, self.source, name, &text, table)?;
        if table.shown.is_empty() {
            let source = &self.plan.sources[self.source];
            table.shown = choose_shown(source, &table.bind, table.header.len(), self.inputs.unmask);
        }
        table.text = text;
        Ok(Some(header))
    }
}

/// Reports a file in two encodings.
fn report_mixed_encodings(path: &str, windows_records: u64, ledger: &mut Ledger<'_>) {
    if windows_records > 0 {
        let are = if windows_records == 1 { "is" } else { "are" };
        let message = format!("{windows_records} of its records {are} Windows-1252, the others UTF-8");
        ledger.say(&Diagnostic::new(Code::ReadMixedEncodings, message).file(path).severity(Severity::Notice));
    }
}

/// Checks that a file is not empty. Without a header, a footer proves that it is whole and has no records.
fn check_not_empty(
    path: &str,
    text: &[u8],
    lines: Option<&LineFilter<'_>>,
    dialect: &Dialect,
) -> Result<(), Vec<Diagnostic>> {
    let skipped = lines.map(|lines| lines.skipped).unwrap_or_default();
    if !text.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ')) || skipped.has_footer && !dialect.header {
        return Ok(());
    }
    let (message, hint) = if skipped.count() > 0 {
        let hint = "was it cut? else compare `skip_lines`, `comment`, `blank_rows` and `footer` of its dialect with it";
        ("the file is empty but for lines that its dialect leaves out", hint)
    } else {
        ("the file is empty", "the recording was probably lost; a drop without records still has a header")
    };
    Err(vec![Diagnostic::new(Code::ReadEmpty, message).file(path).hint(hint)])
}

/// Checks that a file ends with its footer, if its dialect says that it has one.
fn check_footer(path: &str, lines: Option<&LineFilter<'_>>, dialect: &Dialect) -> Result<(), Diagnostic> {
    if dialect.skip.footer.is_empty() || lines.is_none_or(|lines| lines.skipped.has_footer) {
        return Ok(());
    }
    let footer = String::from_utf8_lossy(&dialect.skip.footer);
    let message = format!("the last line does not begin with the footer `{footer}`; nothing of the file is used");
    let hint = "it was probably cut: copy it again from where it was made; else correct `footer` in its dialect";
    Err(Diagnostic::new(Code::ReadNoFooter, message).file(path).hint(hint))
}

/// Chooses how the cells of each column of a file may be shown.
fn choose_shown(source: &SourcePlan, bind: &[usize], columns: usize, unmask: bool) -> Vec<Shown> {
    let mut shown = vec![if unmask { Shown::Clear } else { Shown::Masked }; columns];
    for (column, at) in source.columns.iter().zip(bind) {
        if column.sensitive {
            shown[*at] = Shown::Never;
        } else if !unmask {
            let (conversion, reading) = (column.conversion.clone(), column.reading.clone());
            let is_shown = move |cell: &str| match &reading {
                Some(reading) => conversion.is_shown(&reading.read(cell)),
                None => conversion.is_shown(cell),
            };
            shown[*at] = Shown::Typed(CellTest(Arc::new(is_shown)));
        }
    }
    shown
}

/// A file to be opened.
#[derive(Clone, Copy)]
struct FileToOpen<'a> {
    /// Its path; `-` is standard input.
    path: &'a Path,
    /// The source it is read for.
    role: &'a str,
    /// Its name in messages.
    name: &'a str,
    /// Take its digest while it is read.
    is_digested: bool,
}

/// A file that is being read: unpacked and decoded.
struct Feed<'a> {
    path: &'a Path,
    role: &'a str,
    name: &'a str,
    text: TextSource,
    /// The file before it was read; none for standard input.
    stamp: Option<Stamp>,
    is_packed: bool,
    is_started: bool,
    /// How many bytes were read, unpacked.
    length: u64,
    /// The digest of the bytes that were read. A packed file has none, because it is unpacked by then.
    digest: Option<FileDigest>,
}

enum TextSource {
    /// UTF-8, read as it is needed.
    Stream {
        reader: Box<dyn Read>,
        /// The start of a character whose end was not read yet.
        partial: Vec<u8>,
    },
    /// Another encoding, decoded as a whole.
    Decoded {
        decoded: decode::Decoded,
        /// How much of it was returned.
        returned: usize,
    },
}

impl TextSource {
    fn stream(reader: Box<dyn Read>) -> TextSource {
        TextSource::Stream { reader, partial: Vec::new() }
    }
}

impl<'a> Feed<'a> {
    fn open(file: FileToOpen<'a>, dialect: &Dialect, ledger: &mut Ledger<'_>) -> Result<Feed<'a>, Diagnostic> {
        let FileToOpen { path, role, name, is_digested } = file;
        let (mut reader, stamp): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), None)
        } else {
            let metadata = check_regular(path)?;
            let file = File::open(path).map_err(|cause| describe_unreadable(name, &cause))?;
            (Box::new(file), Some(Stamp::from_metadata(role, path, &metadata)))
        };
        let ending = path.extension().and_then(|extension| extension.to_str());
        let is_packed = matches!(ending, Some("gz" | "zst"));
        reader = match ending {
            Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(reader)),
            Some("zst") => Box::new(
                zstd::stream::read::Decoder::new(reader).map_err(|cause| describe_damaged_archive(name, &cause))?,
            ),
            _ => reader,
        };
        let digest = (is_digested && !is_packed || stamp.is_none()).then(FileDigest::default);
        let text = TextSource::stream(Box::new(io::empty()));
        let mut feed = Feed { path, role, name, text, stamp, is_packed, is_started: false, length: 0, digest };
        feed.text = if dialect.encoding == Encoding::Utf8 {
            TextSource::stream(reader)
        } else {
            let mut bytes = Vec::new();
            feed.append_bytes(&mut reader, &mut bytes, usize::MAX)?;
            let decoded = decode::decode_text(name, bytes, dialect)?;
            report_mixed_encodings(name, decoded.windows_records, ledger);
            TextSource::Decoded { decoded, returned: 0 }
        };
        Ok(feed)
    }

    /// Appends about `want` bytes of text; returns whether the file ends there.
    fn append_text(&mut self, text: &mut Vec<u8>, patches: &mut Vec<Patch>, want: usize) -> Result<bool, Diagnostic> {
        let start = text.len();
        match std::mem::replace(&mut self.text, TextSource::stream(Box::new(io::empty()))) {
            TextSource::Decoded { decoded, returned: at } => {
                let end = decoded.text.len().min(at + want);
                text.extend_from_slice(&decoded.text[at..end]);
                let within = decoded.patches.iter().filter(|patch| (at..end).contains(&patch.at));
                let moved = within.map(|patch| Patch { at: patch.at - at + start, original: patch.original.clone() });
                patches.extend(moved);
                let is_last = end == decoded.text.len();
                self.text = TextSource::Decoded { decoded, returned: end };
                Ok(is_last)
            }
            TextSource::Stream { mut reader, mut partial } => {
                text.append(&mut partial);
                // A byte order mark is four bytes long at most.
                let is_last = self.append_bytes(&mut reader, text, want.max(4))?;
                if !self.is_started {
                    let bytes = decode::strip_byte_order_mark(self.name, text.split_off(start), Encoding::Utf8)?;
                    text.extend_from_slice(&bytes);
                    self.is_started = true;
                }
                if !is_last {
                    let whole = text[start..].iter().rposition(u8::is_ascii).map_or(start, |at| start + at + 1);
                    partial.extend_from_slice(&text[whole..]);
                    text.truncate(whole);
                }
                if simdutf8::basic::from_utf8(&text[start..]).is_err() {
                    let decoded = decode::decode_utf8(text.split_off(start));
                    text.extend_from_slice(&decoded.text);
                    let moved = |patch: Patch| Patch { at: patch.at + start, original: patch.original };
                    patches.extend(decoded.patches.into_iter().map(moved));
                }
                self.text = TextSource::Stream { reader, partial };
                Ok(is_last)
            }
        }
    }

    /// Appends to a table what is left of about `want` bytes of text; returns whether the file ends there.
    fn append_lines(
        &mut self,
        lines: &mut LineFilter<'_>,
        table: &mut Table,
        position: &mut FilePosition,
        want: usize,
        ledger: &mut Ledger<'_>,
    ) -> Result<bool, Diagnostic> {
        let is_first = position.dropped == 0 && lines.text.is_empty() && table.text.is_empty();
        let want = want.max(lines.text.len());
        let is_last = self.append_text(&mut lines.text, &mut lines.patches, want)?;
        if is_first {
            header::check_not_utf_16(self.name, &lines.text)?;
        }
        if is_last {
            trim_nuls(self.name, &mut lines.text, ledger);
            let length = lines.text.len();
            lines.patches.retain(|patch| patch.at < length);
        }
        position.dropped += lines.pass_on(Arc::make_mut(&mut table.text), &mut table.patches, is_last);
        Ok(is_last)
    }

    /// Appends at most `want` bytes; returns whether the file ends there.
    fn append_bytes(&mut self, reader: &mut dyn Read, bytes: &mut Vec<u8>, want: usize) -> Result<bool, Diagnostic> {
        if want < usize::MAX {
            bytes.reserve_exact(want);
        }
        let before = bytes.len();
        let found = reader.take(want as u64).read_to_end(bytes);
        let found = found.map_err(|cause| {
            if self.is_packed {
                describe_damaged_archive(self.name, &cause)
            } else {
                describe_unreadable(self.name, &cause)
            }
        })?;
        self.length += found as u64;
        if let Some(digest) = &mut self.digest {
            digest.add(&bytes[before..]);
        }
        if self.length > MAX_SOURCE { Err(describe_too_large(self.name.to_owned())) } else { Ok(found < want) }
    }

    /// Whether the file is not the one that was opened, or more was read than it had then.
    fn has_changed(&self, path: &Path) -> bool {
        let Some(stamp) = &self.stamp else { return false };
        let is_same = std::fs::metadata(path).is_ok_and(|now| Stamp::from_metadata(&stamp.role, path, &now) == *stamp);
        !is_same || !self.is_packed && self.length > stamp.length
    }

    /// Stamps the file, which was read to its end.
    ///
    /// # Errors
    /// It changed since it was opened.
    fn close(self, path: &Path, stamps: &mut Vec<Stamp>) -> Result<(), Diagnostic> {
        if self.has_changed(path) {
            return Err(describe_change(path));
        }
        let digest = self.digest.map(FileDigest::finish);
        match self.stamp {
            Some(stamp) if !self.is_packed && self.length < stamp.length => Err(describe_change(path)),
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

/// The finding that a file cannot be read.
fn describe_unreadable(name: &str, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {}", describe_cause(cause)))
        .file(name)
        .hint(advise(Purpose::ReadFile, cause))
}

/// The finding that a file cannot be unpacked.
fn describe_damaged_archive(name: &str, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadCompressed, format!("the file cannot be unpacked: {}", describe_cause(cause)))
        .file(name)
        .hint("copy it again from where it was made")
}
