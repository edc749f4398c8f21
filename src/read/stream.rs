//! Files -> blocks of records: no file is held in memory as a whole.
//!
//! A block is a small table, split and checked as a whole file would be. A record that is not complete is left to the next
//! block, which grows until it holds a whole record, so the result does not depend on where blocks end.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    diagnostic::{Code, Diagnostic},
    plan::{Plan, SourcePlan},
    read::{
        feed::{Feed, FileToOpen},
        files::{self, Inputs, Stamp, describe_change},
        header::{self, FileHeader, RepeatedHeader},
        line_filter::LineFilter,
        scan::{BlockToScan, FilePosition, LOST_BLOCK, OddBytes, report_blank_lines, report_no_records},
    },
    recording::ledger::{Ledger, Reject, RowStatus},
    table::{
        CellTest, Part, Shown, Table,
        dialect::Dialect,
        limits::{MAX_DAMAGE, MAX_FILES, MAX_RECORD, MAX_RECORDS},
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

/// Checks that the files of a folder have the columns that the plan uses; gives a notice for each source whose files have
/// others. `visit` takes the number of each source with its records.
///
/// # Errors
/// A header is wrong, or a file is missing.
pub fn check_folder(
    plan: &Plan,
    folder: &Path,
    block: usize,
    visit: &mut dyn FnMut(usize, Block<'_>),
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let inputs = Inputs::new(folder, &[], false);
    let (mut findings, mut notices) = (Vec::new(), Vec::new());
    let found = files::find_source_files(plan, &inputs).into_iter().enumerate();
    for (source, found) in found.filter(|(source, _)| plan.sources[*source].rows_of.is_none()) {
        let reading = Reading { plan, source, inputs: &inputs, block, stamps: &mut Vec::new() };
        let mut take = |block: Block<'_>| {
            visit(source, block);
            Ok(())
        };
        let read = found.map_err(Stopped::Input).and_then(|files| reading.read_blocks(&files, &mut |_| {}, &mut take));
        match read {
            Ok(table) => notices.extend(header::describe_unmapped(&plan.sources[source], &table)),
            Err(Stopped::Input(wrong)) => findings.extend(wrong),
            // Nothing is stored.
            Err(Stopped::Storage(_)) => {}
        }
    }
    if findings.is_empty() { Ok(notices) } else { Err(findings) }
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
        check_file_count(source, files)?;
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
        let mut feed = Feed::open(file, &source.dialect)?;
        let mut lines = LineFilter::new(&source.dialect);
        let read = self.read_file_blocks(&mut feed, &mut lines, first, table, ledger, visit);
        table.clear();
        if read.is_ok() || feed.nuls >= LOST_BLOCK as u64 {
            feed.report(ledger);
        }
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
        let (mut want, mut position, mut body) = (self.block, FilePosition::default(), 0);
        let (mut again, mut is_bound) = (RepeatedHeader::default(), false);
        let (mut is_last, mut odd) = (false, OddBytes::default());
        loop {
            if !position.is_paused {
                drop_scanned(table, &mut position);
                is_last = match lines {
                    None => feed.append_text(Arc::make_mut(&mut table.text), &mut table.patches, want)?,
                    Some(lines) => append_lines(feed, lines, table, &mut position, want)?,
                };
                if !is_bound {
                    header::check_not_utf_16(name, &table.text)?;
                }
                body = 0;
                odd = OddBytes::find(&table.text);
            }
            if !is_bound {
                let Some(header) = self.read_header(name, lines.as_ref(), table, is_last)? else {
                    want = self.next_block(table.text.len());
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
            let block = BlockToScan { plan: self.plan, number: source, header: &again, position, body, odd, is_last };
            position = block.scan(table, ledger)?;
            check_count(name, first, position.records)?;
            let is_end = is_last && !position.is_paused;
            if is_end {
                check_footer(name, lines.as_ref(), &table.dialect)?;
            }
            let (statuses, rejects) = (&ledger.statuses[source], &ledger.rejects);
            let (first, end, line) = (first + before, position.at, position.line);
            visit(Block { table, statuses, rejects, first, end, line })?;
            if is_end {
                return Ok(position);
            }
            want = if position.at == 0 { self.next_block(table.text.len()) } else { self.block };
            body = position.at;
        }
    }

    /// How many bytes are read behind so many that are not a whole record: as many again, so that what is looked at again and
    /// again is little, but not many more than a record may have.
    fn next_block(&self, held: usize) -> usize {
        held.min(MAX_RECORD.saturating_sub(held)).max(self.block)
    }

    /// Reads the header, unless it may continue behind the text (`None`); returns where the records start.
    fn read_header(
        &self,
        name: &str,
        lines: Option<&LineFilter<'_>>,
        table: &mut Table,
        is_last: bool,
    ) -> Result<Option<FileHeader>, Vec<Diagnostic>> {
        let is_enough = is_last || table.patches.len() > MAX_DAMAGE || header::is_enough(&table.dialect, &table.text);
        if !is_enough {
            return Ok(None);
        }
        let text = std::mem::take(&mut table.text);
        header::check_blank_lines(name, &text)?;
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

/// Drops the text that was scanned: what was not goes in front of the next block.
fn drop_scanned(table: &mut Table, position: &mut FilePosition) {
    let at = position.at;
    Arc::make_mut(&mut table.text).drain(..at);
    table.patches.retain(|patch| patch.at >= at);
    table.patches.iter_mut().for_each(|patch| patch.at -= at);
    position.dropped += at;
    position.counted -= at.min(position.counted);
    position.at = 0;
}

/// Appends to a table what is left of about `want` bytes of text; returns whether the file ends there.
fn append_lines(
    feed: &mut Feed<'_>,
    lines: &mut LineFilter<'_>,
    table: &mut Table,
    position: &mut FilePosition,
    want: usize,
) -> Result<bool, Diagnostic> {
    let is_first = position.dropped == 0 && lines.text.is_empty() && table.text.is_empty();
    let want = want.max(lines.text.len());
    let is_last = feed.append_text(&mut lines.text, &mut lines.patches, want)?;
    if is_first {
        header::check_not_utf_16(feed.name, &lines.text)?;
    }
    position.dropped += lines.pass_on(Arc::make_mut(&mut table.text), &mut table.patches, is_last);
    Ok(is_last)
}

/// Checks that each file of a source has a number of its own.
fn check_file_count(source: &SourcePlan, files: &[PathBuf]) -> Result<(), Diagnostic> {
    let Some(path) = files.get(MAX_FILES) else { return Ok(()) };
    let message = format!("the source `{}` has {} files, more than {MAX_FILES}", source.name, files.len());
    let hint = "divide them among several folders, or join small ones: a header that comes again is skipped";
    Err(Diagnostic::new(Code::ReadTooLarge, message).file(path.display().to_string()).hint(hint))
}

/// Checks that no number of a record would wrap: `records` of a file follow `first` of those before it.
fn check_count(path: &str, first: u32, records: u32) -> Result<(), Diagnostic> {
    if first.checked_add(records).is_some_and(|all| all <= MAX_RECORDS) {
        return Ok(());
    }
    let message = format!("the source has more than {MAX_RECORDS} records");
    let hint = "divide its files among several folders, and convert one after the other";
    Err(Diagnostic::new(Code::ReadTooLarge, message).file(path).hint(hint))
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

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{self, Read},
    };

    use crate::{
        commands::load,
        diagnostic::Code,
        options::BLOCK,
        plan::Plan,
        read::{
            feed::{Feed, FileToOpen},
            files::Inputs,
            line_filter::LineFilter,
            stream::{Reading, Stopped},
        },
        recording::ledger::Ledger,
        table::{
            Table,
            limits::{MAX_CELL, MAX_COLUMNS, MAX_DAMAGE, MAX_FILES, MAX_HEADER, MAX_RECORD, MAX_RECORDS},
        },
    };

    /// Some bytes, then others again and again.
    struct Repeated {
        head: Vec<u8>,
        unit: Vec<u8>,
        at: usize,
        size: usize,
    }

    impl Repeated {
        fn new(head: &[u8], unit: &[u8], size: usize) -> Repeated {
            let unit = unit.repeat((64 << 10) / unit.len() + 1);
            Repeated { head: head.to_vec(), unit, at: 0, size }
        }
    }

    impl Read for Repeated {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = match self.head.get(self.at..).filter(|rest| !rest.is_empty()) {
                Some(rest) => rest,
                None => &self.unit[(self.at - self.head.len()) % self.unit.len()..],
            };
            let count = rest.len().min(buffer.len()).min(self.size - self.at);
            buffer[..count].copy_from_slice(&rest[..count]);
            self.at += count;
            Ok(count)
        }
    }

    /// What was found in a file, and how much of it was held.
    #[derive(Debug)]
    struct HeldBytes {
        records: Result<u32, Code>,
        codes: Vec<Code>,
        text: usize,
        patches: usize,
    }

    /// A plan for one file; `settings` are those of its dialect.
    fn plan(settings: &str) -> (Plan, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mapping = format!(
            "mapping: 1\nname: x\ncontract: schema.json\nrequest: {{ method: PUT, path: /x }}\nsources:\n  s: {{ path: s.csv, \
             dialect: {{ {settings} }}, columns: {{ a: {{}} }} }}\noutput: {{ each: s, fields: {{ a: a }} }}\n"
        );
        fs::write(folder.path().join("mapping.yaml"), mapping).unwrap();
        fs::write(folder.path().join("schema.json"), r#"{ "type": "array", "items": { "type": "object" } }"#).unwrap();
        fs::write(folder.path().join("s.csv"), "").unwrap();
        (load::plan(&folder.path().join("mapping.yaml")).unwrap(), folder)
    }

    /// Reads some bytes as the file of a plan, whose first record has a number.
    fn read(
        (plan, folder): &(Plan, tempfile::TempDir),
        reader: impl Read + 'static,
        block: usize,
        first: u32,
    ) -> HeldBytes {
        let (inputs, path) = (Inputs::new(folder.path(), &[], false), folder.path().join("s.csv"));
        let file = FileToOpen { path: &path, role: "s", name: "s.csv", is_digested: false };
        let dialect = &plan.sources[0].dialect;
        let mut feed = Feed::open(file, dialect).unwrap();
        feed.reader = Box::new(reader);
        let mut codes = Vec::new();
        let mut say = |finding: &crate::diagnostic::Diagnostic| codes.push(finding.code);
        let (mut ledger, mut table) = (Ledger::new(1, &mut say), Table::empty("s", dialect));
        let reading = Reading { plan, source: 0, inputs: &inputs, block, stamps: &mut Vec::new() };
        let mut lines = LineFilter::new(dialect);
        let read = reading.read_file_blocks(&mut feed, &mut lines, first, &mut table, &mut ledger, &mut |_| Ok(()));
        let records = match read {
            Ok(position) => Ok(position.records),
            Err(Stopped::Input(findings)) => Err(findings[0].code),
            Err(Stopped::Storage(cause)) => panic!("{cause}"),
        };
        codes.dedup();
        let lines = lines.map_or(0, |lines| lines.text.capacity());
        HeldBytes { records, codes, text: table.text.capacity().max(lines), patches: table.patches.capacity() }
    }

    #[test]
    fn bytes_without_end_are_not_held() {
        let (size, head) = (10 << 20, b"a;b\n1;2\n");
        let many: [(&[u8], Result<u32, Code>); 15] = [
            (b"\0", Ok(1)),
            (b"\n", Ok(1)),
            (b"\r\n", Ok(1)),
            (b"\r", Ok(1)),
            (b"a;b\n", Ok(1)),
            (b"\xFF", Err(Code::ReadUndecodable)),
            (b"\xFFa", Err(Code::ReadUndecodable)),
            (
                b"\xFFaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                Err(Code::ReadUndecodable),
            ),
            (b";", Err(Code::ReadTooLarge)),
            (b"x", Err(Code::ReadTooLarge)),
            (b" ", Err(Code::ReadTooLarge)),
            (b"\\", Err(Code::ReadTooLarge)),
            (b"\"", Err(Code::ReadTooLarge)),
            ("\u{FEFF}".as_bytes(), Err(Code::ReadTooLarge)),
            ("漢".as_bytes(), Err(Code::ReadTooLarge)),
        ];
        let plans = ["utf-8", "auto", "windows-1252", "utf-16le", "utf-8, footer: Sum, comment: \"#\""]
            .map(|encoding| (encoding, plan(&format!("delimiter: \";\", encoding: {encoding}"))));
        for (encoding, plan) in &plans {
            let is_first = *encoding == "utf-8";
            for (unit, expected) in many.iter().filter(|(unit, _)| is_first || matches!(unit, [0xFF | b'x' | b'"'])) {
                // Without a header, what repeats is the header.
                let has_none = is_first && matches!(unit, [b'\0' | b'\n' | 0xFF | b';' | b'"']);
                for head in if has_none { vec![&head[..], b""] } else { vec![&head[..]] } {
                    // Each header is told, which takes its time.
                    let size = if *unit == b"a;b\n" { size / 16 } else { size };
                    let found = read(plan, Repeated::new(head, unit, size), BLOCK, 0);
                    if is_first && !head.is_empty() {
                        assert_eq!(found.records, *expected, "{unit:?} {found:?}");
                    }
                    // A byte of another encoding may be three of UTF-8, and a buffer that grows doubles.
                    let most = if encoding.starts_with("utf-8") { 2 * MAX_RECORD } else { 6 * MAX_RECORD };
                    let is_little = found.text <= most + 4 * BLOCK && found.patches <= 4 * MAX_DAMAGE;
                    assert!(is_little, "{encoding} {unit:?} {head:?} {found:?}");
                }
            }
        }
    }

    #[test]
    fn what_follows_a_quote_that_is_not_closed_is_not_held() {
        for settings in ["delimiter: \";\"", "delimiter: \";\", encoding: auto", "delimiter: \";\", footer: Sum"] {
            let units = [&b"x\n"[..], b"\xE9\n", b"\"\"", b"\0\n"];
            for unit in &units[..if settings.ends_with("\";\"") { 4 } else { 2 }] {
                let found = read(&plan(settings), Repeated::new(b"a;b\n1;2\n\"x", unit, 10 << 20), BLOCK, 0);
                let expected = match *unit {
                    b"\xE9\n" if !settings.contains("auto") => Code::ReadUndecodable,
                    _ => Code::ReadUnbalancedQuote,
                };
                assert_eq!(found.records, Err(expected), "{settings} {unit:?}");
                assert!(found.text <= 6 * MAX_RECORD, "{settings} {unit:?} {found:?}");
            }
        }
    }

    #[test]
    fn what_is_as_large_as_it_may_be_is_read_and_what_is_larger_is_not() {
        let plan = plan("delimiter: \";\", quote: \"\"");
        let names = |count: usize| (0..count).map(|at| if at == 0 { "a".to_owned() } else { format!("b{at}") });
        let header = |count: usize| names(count).collect::<Vec<_>>().join(";") + "\n";
        let read_text = |text: String, block: usize| {
            let size = text.len();
            let found = read(&plan, Repeated::new(text.as_bytes(), b"x", size), block, 0);
            (found.records, found.codes)
        };
        for block in [BLOCK, 1 << 10] {
            for (more, records) in [(0, Ok(1)), (1, Ok(1)), (2, Err(Code::ReadTooLarge))] {
                // Sixteen cells, and what is left in the last of them.
                let record = format!("{};", "x".repeat(MAX_RECORD / 16 - 1)).repeat(16);
                let record = header(16) + &record[..MAX_RECORD - 1] + &"y".repeat(more) + "\n";
                assert_eq!(read_text(record, block).0, records, "{more} {block}");
            }
            for (size, codes) in [(MAX_CELL - 1, vec![]), (MAX_CELL, vec![]), (MAX_CELL + 1, vec![Code::ReadTooLarge])]
            {
                let found = read_text(format!("a;b\n1;{}\n", "x".repeat(size)), block);
                assert_eq!(found, (Ok(1), codes), "{size} {block}");
            }
            for (size, records) in
                [(MAX_HEADER - 1, Ok(0)), (MAX_HEADER, Ok(0)), (MAX_HEADER + 1, Err(Code::ReadTooLarge))]
            {
                for end in ["\n", "\r\n", "\n1;2\n"] {
                    let text = format!("a;{}{end}", "x".repeat(size - 2));
                    let records = if end.len() > 2 { records.map(|_| 1) } else { records };
                    assert_eq!(read_text(text, block).0, records, "{size} {block} {end:?}");
                }
                let records = records.map_err(|_| Code::ReadHeader);
                assert_eq!(read_text("\n".repeat(size) + "a;b\n", block).0, records, "{size} {block}");
            }
            for (count, records) in
                [(MAX_COLUMNS - 1, Ok(0)), (MAX_COLUMNS, Ok(0)), (MAX_COLUMNS + 1, Err(Code::ReadTooLarge))]
            {
                assert_eq!(read_text(header(count), block).0, records, "{count} {block}");
            }
        }
    }

    #[test]
    fn a_record_without_a_number_of_its_own_is_refused() {
        let plan = plan("delimiter: \";\"");
        for (first, records) in [
            (MAX_RECORDS - 3, Ok(3)),
            (MAX_RECORDS - 2, Err(Code::ReadTooLarge)),
            (MAX_RECORDS, Err(Code::ReadTooLarge)),
        ] {
            let text = b"a;b\n1;2\n3;4\n5;6\n";
            for block in [1, BLOCK] {
                let found = read(&plan, Repeated::new(text, b"x", text.len()), block, first);
                assert_eq!(found.records, records, "{first} {block}");
            }
        }
    }

    #[test]
    fn a_file_without_a_number_of_its_own_is_refused_before_any_is_read() {
        let (plan, folder) = plan("delimiter: \";\"");
        let inputs = Inputs::new(folder.path(), &[], false);
        for (count, code) in [(MAX_FILES, Code::ReadMissingFile), (MAX_FILES + 1, Code::ReadTooLarge)] {
            let reading = Reading { plan: &plan, source: 0, inputs: &inputs, block: BLOCK, stamps: &mut Vec::new() };
            // A folder is no file, which would be told of each.
            let files = vec![folder.path().to_owned(); count];
            let read = reading.read_blocks(&files, &mut |_| {}, &mut |_| Ok(()));
            let Err(Stopped::Input(findings)) = read else { panic!("{count} files are read") };
            let expected = if code == Code::ReadTooLarge { 1 } else { count };
            assert_eq!((findings[0].code, findings.len()), (code, expected));
        }
    }

    #[test]
    fn the_findings_do_not_depend_on_where_blocks_end() {
        let plan = plan("delimiter: \";\", tail: accept");
        let bits: [&[u8]; 14] = [
            b"1;2\n",
            b"1;2\r\n",
            b"\n",
            b"\r",
            b"\0",
            b"\xFF",
            b"a;b\n",
            b"\"x\n\";1\n",
            b"x\"",
            b"1\n",
            b"\xEF\xBB\xBF",
            b"b;a",
            b"1;\xE6\xBC\n",
            b"\r\n",
        ];
        let mut seed = 3u64;
        for _ in 0..400 {
            let mut text = b"a;b\n".to_vec();
            for _ in 0..20 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.extend_from_slice(bits[(seed >> 40) as usize % bits.len()]);
            }
            text.resize(text.len().max(130), b'\n');
            let found = |block: usize| {
                let found = read(&plan, Repeated::new(&text, b"x", text.len()), block, 0);
                (found.records, found.codes)
            };
            let whole = found(BLOCK);
            for block in [1, 2, 3, 5, 17] {
                assert_eq!(found(block), whole, "{block} {}", String::from_utf8_lossy(&text));
            }
        }
    }
}
