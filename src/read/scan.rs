//! Text of a file -> where each record starts, and which records cannot be trusted: one pass over the text.
//!
//! If a record is wrong but it is clear where it ends, the record is rejected. If it is not clear where records end, the
//! whole file is refused, because from there on cells cannot be assigned to records.

use std::ops::ControlFlow;

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Place, Severity},
    json_pointer,
    options::BLOCK,
    plan::Plan,
    read::{
        decode::MARK,
        header::{self, HeaderAgain, RepeatedHeader},
    },
    recording::ledger::{Ledger, RowStatus},
    table::{
        Table,
        dialect::{Span, Tail},
        limits::{MAX_CELL, MAX_CELLS, MAX_DAMAGE, MAX_RECORD},
        line_ends,
        split::{PlainRows, QuoteFault, RecordEnd, UNKNOWN},
    },
};

/// A run of NUL bytes of this length is a lost disk block.
pub(super) const LOST_BLOCK: usize = 512;
/// About how many bytes are scanned at once at most: more than a block, and few enough for what is stored of each record.
const MOST: usize = 2 * BLOCK;
/// How many records a line checkpoint is good for.
const CHECKPOINT_EVERY: u32 = 64;

/// Reports a file that has no records.
pub(super) fn report_no_records(plan: &Plan, number: usize, path: &str, found: u32, ledger: &mut Ledger<'_>) {
    if found == 0 {
        let source = &plan.sources[number];
        let header = if source.dialect.header { "a header and " } else { "" };
        let message = format!("the file of `{}` has {header}no records", source.name);
        ledger.say(&Diagnostic::new(Code::ReadNoRecords, message).file(path).severity(Severity::Notice));
    }
}

/// Reports blank lines in a file with one column, where each could be a record whose only cell is empty.
pub(super) fn report_blank_lines(path: &str, position: FilePosition, has_quotes: bool, ledger: &mut Ledger<'_>) {
    let FilePosition { blank_lines, first_blank, .. } = position;
    let message = match blank_lines {
        0 => return,
        1 => "a blank line is no record".to_owned(),
        more => format!("{more} blank lines are no records; this is the first"),
    };
    let place = Place { line: first_blank, ..Place::file(path) };
    let hint = if has_quotes {
        "a record whose only cell is empty is written as `\"\"`, in the quotes of the dialect"
    } else {
        "a record whose only cell is empty cannot be written without quotes"
    };
    ledger.say(
        &Diagnostic::new(Code::ReadBlankLine, message).cell(Cell::of_line(place)).severity(Severity::Notice).hint(hint),
    );
}

/// How far a file was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilePosition {
    /// Where the next record starts in the text of the table.
    pub(super) at: usize,
    /// The line of the byte `counted`.
    pub(super) line: u64,
    /// How many records stand before the next one.
    pub(super) records: u32,
    /// Up to which byte of the text lines were counted.
    pub(super) counted: usize,
    /// How many bytes of the file were dropped from the text, or in front of it.
    pub(super) dropped: usize,
    /// In a file with one column: how many blank lines there were.
    pub(super) blank_lines: u64,
    /// The first of them.
    pub(super) first_blank: u64,
    /// There is more to be scanned in the text.
    pub(super) is_paused: bool,
}

impl Default for FilePosition {
    fn default() -> FilePosition {
        let (at, line, records, counted, dropped, blank_lines, first_blank) = (0, 1, 0, 0, 0, 0, 0);
        FilePosition { at, line, records, counted, dropped, blank_lines, first_blank, is_paused: false }
    }
}

/// What is scanned: the text of a table, as the next block of a file.
#[derive(Clone, Copy)]
pub(super) struct BlockToScan<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The number of the source.
    pub(super) number: usize,
    /// The header of the file.
    pub(super) header: &'a RepeatedHeader,
    /// How far the file was read before.
    pub(super) position: FilePosition,
    /// Where the first record starts in the text.
    pub(super) body: usize,
    /// Which bytes the text holds.
    pub(super) odd: OddBytes,
    /// The file ends with this block.
    pub(super) is_last: bool,
}

/// Which bytes some text holds that no record should.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OddBytes {
    has_nuls: bool,
    has_marks: bool,
}

impl OddBytes {
    /// Looks for them.
    pub(super) fn find(text: &[u8]) -> OddBytes {
        let has_marks = !text.is_ascii() && memchr::memmem::find(text, MARK).is_some();
        OddBytes { has_nuls: memchr::memchr(0, text).is_some(), has_marks }
    }
}

impl BlockToScan<'_> {
    /// Finds the records of the block, up to a header that comes again behind one of them. Unless it is the last block, a record
    /// that may continue behind the text is left to the next one.
    ///
    /// # Errors
    /// It is not clear where records end.
    pub(super) fn scan(self, table: &mut Table, ledger: &mut Ledger<'_>) -> Result<FilePosition, Vec<Diagnostic>> {
        let BlockToScan { plan, number, header, position, body, odd, is_last } = self;
        let (end, width) = (table.text.len(), table.header.len());
        let position = FilePosition { is_paused: false, ..position };
        let mut scan = Scan { plan, number, header, end, width, position, odd, is_last, refused: None };
        let at = scan.scan_records(body, table, ledger)?;
        let FilePosition { line, counted, records, .. } = scan.position;
        let line = line + line_ends(&table.text[counted..at]);
        // A number that would wrap is refused by the one who asked.
        let records = records.saturating_add(table.len());
        Ok(FilePosition { at, line, records, counted: at, ..scan.position })
    }
}

/// Where a record ends as far as that is known; with a quote that may not stand there, its line does.
fn find_end(record_end: &RecordEnd, text: &[u8]) -> usize {
    match record_end.fault {
        Some(QuoteFault::Stray(at)) => memchr::memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |end| at + end),
        Some(QuoteFault::Open(_)) | None => record_end.end,
    }
}

/// How many NUL bytes follow each other at most.
fn longest_nul_run(text: &[u8]) -> usize {
    text.split(|byte| *byte != 0).map(<[u8]>::len).max().unwrap_or(0)
}

struct Scan<'a> {
    plan: &'a Plan,
    number: usize,
    header: &'a RepeatedHeader,
    /// Where the text ends.
    end: usize,
    /// How many cells a record has.
    width: usize,
    /// How far the file was read, up to the byte `counted`.
    position: FilePosition,
    odd: OddBytes,
    /// The file ends with the text.
    is_last: bool,
    /// Why nothing of the file can be used: its header came again in another order.
    refused: Option<Diagnostic>,
}

impl Scan<'_> {
    /// Scans all records; returns where the first one starts that is left to the next block.
    fn scan_records(
        &mut self,
        body: usize,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let OddBytes { has_nuls, has_marks } = self.odd;
        let mut patch = table.patches.partition_point(|patch| patch.at < body);
        let mut cells: Vec<Span> = Vec::new();
        let mut at = body;
        let stride = self.width + 1;
        loop {
            at = match self.find_record(at, has_marks, table, ledger) {
                ControlFlow::Continue(start) => start,
                ControlFlow::Break(end) => {
                    if let Some(wrong) = self.refused.take() {
                        return Err(vec![wrong]);
                    }
                    table.cell_starts.truncate(table.starts.len() * stride);
                    return Ok(end);
                }
            };
            let row = table.len();
            let since_checkpoint = row % CHECKPOINT_EVERY;
            if since_checkpoint == 0 {
                if at - body >= MOST {
                    self.position.is_paused = true;
                    table.cell_starts.truncate(table.starts.len() * stride);
                    return Ok(at);
                }
                self.add_checkpoint(row, at, table);
            }
            // If a byte is wrong somewhere in the rest of the text, each record is checked by itself.
            let one_by_one = has_nuls || has_marks || patch < table.patches.len();
            let most = if one_by_one { 1 } else { (CHECKPOINT_EVERY - since_checkpoint) as usize };
            let next = match self.add_good_rows(at, most, table) {
                PlainRows { count: 0, .. } => match self.add_doubtful_row(at, &mut cells, table, ledger)? {
                    Some(next) => next,
                    None => return Ok(at),
                },
                PlainRows { count, next, are_lines } => {
                    let statuses = &mut ledger.statuses[self.number];
                    statuses.resize(statuses.len() + count, RowStatus::Good);
                    // Each record is one line, so their lines need not be counted again.
                    let position = &mut self.position;
                    if are_lines && position.counted == at {
                        (position.line, position.counted) = (position.line + count as u64, next);
                    }
                    next
                }
            };
            if has_nuls {
                self.check_nuls(row, at..next, table, ledger)?;
            }
            if has_marks && memchr::memmem::find(&table.text[at..next], MARK).is_some() {
                let message = "a byte order mark stands inside the file: two files were joined here";
                ledger.reject(self.number, row, &self.finding(Code::ReadStrayMark, row, message, table));
            }
            patch += self.check_damage(row, at..next, patch, table, ledger)?;
            at = next;
        }
    }

    /// Finds where the next record starts, behind blank lines and headers that come again; or breaks with where the scan ends.
    #[inline]
    fn find_record(
        &mut self,
        mut at: usize,
        has_marks: bool,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> ControlFlow<usize, usize> {
        loop {
            let after_last = at;
            at += table.text[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            // The other half of the last line end may stand behind the text.
            if at >= self.end && !self.is_last && at > after_last && table.text[at - 1] == b'\r' {
                at -= 1;
            }
            if self.width == 1 && at > after_last {
                self.count_blank_lines(after_last..at, table);
            }
            if at >= self.end || matches!(table.text[at], b'\n' | b'\r') {
                return ControlFlow::Break(at);
            }
            match self.skip_repeated_header(at, has_marks, table, ledger) {
                None => return ControlFlow::Continue(at),
                Some(next) if next == at => return ControlFlow::Break(at),
                Some(next) => at = next,
            }
        }
    }

    /// Adds a record that has to be checked; returns where the next one starts. `None`: it is left to the next block.
    #[inline(never)]
    fn add_doubtful_row(
        &self,
        at: usize,
        cells: &mut Vec<Span>,
        table: &mut Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<Option<usize>, Vec<Diagnostic>> {
        let (row, stride) = (table.len(), self.width + 1);
        table.starts.push(at);
        ledger.statuses[self.number].push(RowStatus::Good);
        let from = row as usize * stride;
        table.cell_starts[from..from + stride].fill(UNKNOWN);
        let record_end = table.dialect.split(&table.text, at, cells);
        if find_end(&record_end, &table.text[..self.end]) - at > MAX_RECORD {
            return Err(vec![self.describe_too_large(row, table)]);
        }
        if !self.is_last && self.may_continue(&record_end, table) {
            if table.patches.len() - table.patches.partition_point(|patch| patch.at < at) > MAX_DAMAGE {
                return Err(vec![self.describe_damaged(row, table)]);
            }
            self.drop_last_row(row, table, ledger);
            return Ok(None);
        }
        self.check_row(row, &record_end, cells, table, ledger).map(Some)
    }

    /// Adds good records up to the first that has to be checked, `most` at most. The table has capacity for the cells of one
    /// more then.
    fn add_good_rows(&self, at: usize, most: usize, table: &mut Table) -> PlainRows {
        let (row, stride) = (table.starts.len(), self.width + 1);
        let from = row * stride;
        if table.cell_starts.len() < from + most * stride {
            table.cell_starts.resize(2 * from + CHECKPOINT_EVERY as usize * stride, [0; 2]);
        }
        table.starts.resize(row + most, 0);
        let field_starts = &mut table.cell_starts[from..from + most * stride];
        let mut rows = table.dialect.rows(&table.text, at, &mut table.starts[row..], field_starts);
        // The first of them was looked at before.
        let others = table.starts.get(row + 1..row + rows.count).unwrap_or_default();
        if let Some(before) = others.iter().position(|start| self.header.may_start_at(&table.text, *start)) {
            (rows.count, rows.next) = (before + 1, others[before]);
        }
        table.starts.truncate(row + rows.count);
        rows
    }

    /// Adds a line checkpoint: the line of this record.
    fn add_checkpoint(&mut self, row: u32, at: usize, table: &mut Table) {
        self.position.line += line_ends(&table.text[self.position.counted..at]);
        self.position.counted = at;
        table.line_checkpoints.push((row, self.position.line));
    }

    /// Counts blank lines in a file with one column.
    fn count_blank_lines(&mut self, blank: std::ops::Range<usize>, table: &Table) {
        let position = &mut self.position;
        if position.blank_lines == 0 {
            position.first_blank = position.line + line_ends(&table.text[position.counted..blank.start]);
        }
        position.blank_lines += line_ends(&table.text[blank]);
    }

    /// Skips a record that is the header again, with or without a byte order mark before it; returns where the next record
    /// starts, which is where this one does if it may continue behind the text, or follows a record of the block: then it is
    /// left to a block of its own, so that no record reaches across it.
    #[inline]
    fn skip_repeated_header(
        &mut self,
        at: usize,
        has_marks: bool,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Option<usize> {
        let is_marked = has_marks && table.text[at..].starts_with(MARK);
        if is_marked && !self.is_last && self.end - at < MARK.len() + self.header.longest {
            return Some(at);
        }
        let start = if is_marked { at + MARK.len() } else { at };
        if self.header.may_start_at(&table.text, start) { self.skip_header(at, start, table, ledger) } else { None }
    }

    #[cold]
    fn skip_header(&mut self, at: usize, start: usize, table: &Table, ledger: &mut Ledger<'_>) -> Option<usize> {
        let (record_end, again) = header::find_again(table, start)?;
        self.position.is_paused = !table.is_empty();
        if self.position.is_paused || record_end.next >= self.end && !self.is_last {
            return Some(at);
        }
        let path = table.parts.last().map_or("", |part| part.path.as_str());
        let line = self.position.line + line_ends(&table.text[self.position.counted..at]);
        let place = header::locate_header(path, &table.text[start..], &self.plan.sources[self.number], &table.header);
        let place = Place { line, ..place };
        let skip = &table.dialect.skip;
        let refused = if again == HeaderAgain::Reordered {
            let hint = "two files were joined here: write both with their columns in one order, then join them again";
            Some(("the header comes again here, with its columns in another order", hint))
        } else if skip.first > 0 || !skip.footer.is_empty() {
            let hint = "two files were joined here, each with its own `skip_lines` and `footer`: keep them apart, and name both \
                by a pattern such as `*.csv` in the `path` of the source";
            Some(("the header comes again here, and lines around it may be no records", hint))
        } else {
            None
        };
        if let Some((message, hint)) = refused {
            self.refused = Some(Diagnostic::new(Code::ReadHeader, message).rule(place).hint(hint));
            return Some(at);
        }
        ledger.say(
            &Diagnostic::new(Code::ReadRepeatedHeader, "this line is the header again and was skipped")
                .cell(Cell::of_line(place))
                .severity(Severity::Notice)
                .hint("two files were joined here, each with its header"),
        );
        self.position.line = line + line_ends(&table.text[at..record_end.next]);
        self.position.counted = record_end.next;
        Some(record_end.next)
    }

    /// Whether the bytes behind the text may belong to a record, or decide what is wrong with it.
    fn may_continue(&self, record_end: &RecordEnd, table: &Table) -> bool {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let is_stray = matches!(record_end.fault, Some(QuoteFault::Stray(at)) if !table.text[at..].iter().any(is_end));
        record_end.next >= self.end || is_stray
    }

    /// Drops the last record: it is left to the next block.
    fn drop_last_row(&self, row: u32, table: &mut Table, ledger: &mut Ledger<'_>) {
        table.starts.pop();
        table.cell_starts.truncate(table.starts.len() * (self.width + 1));
        ledger.statuses[self.number].pop();
        if table.line_checkpoints.last().is_some_and(|(checkpoint, _)| *checkpoint == row) {
            table.line_checkpoints.pop();
        }
    }

    /// Checks a record that was not added as a good one, and rejects it if it is wrong; returns where the next one starts.
    fn check_row(
        &self,
        row: u32,
        record_end: &RecordEnd,
        cells: &[Span],
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        match record_end.fault {
            Some(QuoteFault::Open(open)) => return self.check_open_quote(row, open, table, ledger),
            Some(QuoteFault::Stray(at)) => return self.check_stray_quote(row, at, table, ledger),
            None => {}
        }
        let is_last = record_end.next >= self.end;
        let ended = matches!(table.text[self.end - 1], b'\n' | b'\r');
        if cells.len() != self.width {
            self.reject_ragged(row, cells.len(), is_last && !ended, table, ledger);
        } else if let Some(large) = cells.iter().position(|cell| cell.end - cell.start > MAX_CELL) {
            let diagnostic = Diagnostic::new(Code::ReadTooLarge, format!("the cell is larger than {MAX_CELL} bytes"))
                .cell(table.cell(row, large));
            ledger.reject(self.number, row, &diagnostic);
        } else if is_last && !ended && table.dialect.skip.footer.is_empty() {
            self.check_line_end(row, table, ledger);
        }
        Ok(record_end.next)
    }

    /// A finding about a whole record.
    fn finding(&self, code: Code, row: u32, message: impl Into<String>, table: &Table) -> Diagnostic {
        let rule = format!("/sources/{}", json_pointer::escape(&self.plan.sources[self.number].name));
        Diagnostic::new(code, message).cell(table.record(row)).rule(self.plan.places.key(&rule))
    }

    /// The finding that a record is larger than any may be, or does not end. What is told does not depend on what is behind the
    /// first bytes of it.
    fn describe_too_large(&self, row: u32, table: &Table) -> Diagnostic {
        let start = table.starts[row as usize];
        let region = start..start + MAX_RECORD;
        let text = &table.text[region.clone()];
        if longest_nul_run(text) >= LOST_BLOCK {
            return self.describe_lost_block(row, table);
        }
        let size = format!("the record has no end within {MAX_RECORD} bytes");
        let record_end = table.dialect.split(&table.text[..region.end], start, &mut Vec::new());
        if let Some(QuoteFault::Open(open)) = record_end.fault {
            let lines = line_ends(&table.text[open..region.end]);
            let takes = if lines == 0 { String::new() } else { format!(" and the {lines} lines behind it") };
            let message = format!(
                "the quote that opens here is not closed within {MAX_RECORD} bytes{takes}; nothing of the file is used"
            );
            return self
                .finding(Code::ReadUnbalancedQuote, row, message, table)
                .cell(table.byte(row, open))
                .hint("close the quote; if the file uses no quotes, set `quote: \"\"` in its dialect");
        }
        if table.patches.iter().any(|patch| region.contains(&patch.at)) {
            let encoding = table.dialect.encoding;
            let message = format!(
                "{size}, and holds bytes that are {}; nothing of the file is used",
                encoding.describe_foreign()
            );
            return self.finding(Code::ReadUndecodable, row, message, table).hint(encoding.advise_foreign());
        }
        let hint = "is it the right file, and are the `delimiter` and the `quote` of its dialect those of the file?";
        self.finding(Code::ReadTooLarge, row, format!("{size}; nothing of the file is used"), table).hint(hint)
    }

    /// The finding that a record holds more damage than is kept.
    fn describe_damaged(&self, row: u32, table: &Table) -> Diagnostic {
        let encoding = table.dialect.encoding;
        let message = format!(
            "the record holds more than {MAX_DAMAGE} runs of bytes that are {}; nothing of the file is used",
            encoding.describe_foreign()
        );
        self.finding(Code::ReadUndecodable, row, message, table).hint(encoding.advise_foreign())
    }

    /// The finding that a block of the file was lost inside a record.
    fn describe_lost_block(&self, row: u32, table: &Table) -> Diagnostic {
        let message = format!("{LOST_BLOCK} NUL bytes or more stand in the middle of the file: a block of it was lost");
        self.finding(Code::ReadLostBlock, row, message, table).hint("copy the file from the recorder again")
    }

    /// Rejects a record with a wrong number of cells.
    fn reject_ragged(&self, row: u32, found: usize, truncated: bool, table: &Table, ledger: &mut Ledger<'_>) {
        let width = self.width;
        let count = |number: usize| match number {
            1 => "1 cell".to_owned(),
            MAX_CELLS => format!("{MAX_CELLS} cells or more"),
            number => format!("{number} cells"),
        };
        // Of two columns, three cells are more likely one delimiter too many.
        let merged = width > 1 && found == 2 * width || width > 2 && found == 2 * width - 1;
        let (code, message, hint) = match (truncated && found < width, merged) {
            (true, _) => (
                Code::ReadTruncatedLastRecord,
                format!("the last record is cut: it has {} of {width}, and no line end", count(found)),
                "the recorder probably lost power while it wrote this record",
            ),
            (_, true) => (
                Code::ReadMergedRecords,
                format!("two records are merged: {} where the header has {width} columns", count(found)),
                "put back the line end between them",
            ),
            _ => (
                Code::ReadRaggedRecord,
                format!("the record has {}, and the header has {}", count(found), count(width)),
                "a cell that holds the delimiter needs quotes",
            ),
        };
        ledger.reject(self.number, row, &self.finding(code, row, message, table).hint(hint));
    }

    /// Checks a last record without a line end: it may be cut inside its last cell.
    fn check_line_end(&self, row: u32, table: &Table, ledger: &mut Ledger<'_>) {
        let tail = table.dialect.tail;
        let last = self.width - 1;
        let source = &self.plan.sources[self.number];
        let used = table.bind.iter().position(|at| *at == last);
        // A closing quote proves nothing: it may be the first half of a doubled one.
        let is_certain = used.is_none_or(|column| source.columns[column].is_prefix_free());
        let text = table.part(row).text.clone();
        let at_block_end = (self.position.dropped + text.len()).is_multiple_of(512);
        let is_truncated = match tail {
            Tail::Accept => return,
            Tail::Strict => true,
            Tail::Auto => !is_certain && at_block_end,
        };
        if is_truncated {
            let why = if tail == Tail::Strict {
                "the dialect says `tail: strict`"
            } else {
                "the file ends at a block boundary of the disk"
            };
            let message = format!("the last record has no line end and may be cut inside its last cell; {why}");
            let hint = "add the line end if the record is whole, or set `tail: accept` in the dialect";
            ledger.reject(
                self.number,
                row,
                &self.finding(Code::ReadTruncatedLastRecord, row, message, table).hint(hint),
            );
        } else if !is_certain {
            let message = "the last record has no line end; it looks whole and was used";
            let hint = "set `tail` in the dialect: `accept` if the recorder never writes a last line end, `strict` if it always does";
            ledger.say(&self.finding(Code::ReadNoLineEnd, row, message, table).severity(Severity::Warning).hint(hint));
        }
    }

    /// Checks a quote that is never closed: in the last line, only this record is wrong. If it takes in further lines, they may
    /// be records.
    fn check_open_quote(
        &self,
        row: u32,
        open: usize,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let rest = &table.text[open..self.end];
        let blank = rest.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let (lines, message) = (line_ends(&rest[..rest.len() - blank]), "the quote that opens here is never closed");
        if lines > 0 {
            let lines = if lines == 1 { "the line".to_owned() } else { format!("the {lines} lines") };
            let message = format!("{message}: it takes in {lines} behind it; nothing of the file is used");
            return Err(vec![
                self.finding(Code::ReadUnbalancedQuote, row, message, table)
                    .cell(table.byte(row, open))
                    .hint("close the quote; if the file uses no quotes, set `quote: \"\"` in its dialect"),
            ]);
        }
        let (code, message, hint) = if blank == 0 {
            let hint = "complete the record if the recorder lost power while it wrote it, or close the quote";
            (Code::ReadTruncatedLastRecord, format!("the last record is cut, or a quote is missing: {message}"), hint)
        } else {
            let hint = "close the quote; a cell that holds a quote needs quotes around it, and writes the quote twice";
            (Code::ReadStrayQuote, message.to_owned(), hint)
        };
        let diagnostic = self.finding(code, row, message, table).cell(table.byte(row, open)).hint(hint);
        ledger.reject(self.number, row, &diagnostic);
        Ok(self.end)
    }

    /// Checks a quote inside a cell. If the quotes of its line pair up, and none stays open when those inside cells are taken
    /// as they are, the damage ends with the line.
    fn check_stray_quote(
        &self,
        row: u32,
        at: usize,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let start = table.starts[row as usize];
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let end = table.text[at..self.end].iter().position(is_end).map_or(self.end, |end| at + end);
        let several_lines = table.text[start..at].iter().any(is_end);
        let quote = table.dialect.quote.unwrap_or(b'"');
        let line = table.dialect.without_escaped(&table.text[start..end]);
        let is_odd = memchr::memchr_iter(quote, &line).count() % 2 == 1;
        if several_lines || is_odd || table.dialect.leaves_quote_open(&line) {
            let message =
                "quotes do not pair up from here on, so nobody can tell where records end; nothing of the file is used";
            let hint = "fix the quotes of this line, or set `quote: \"\"` in the dialect if the file uses none";
            let finding = self.finding(Code::ReadUnbalancedQuote, row, message, table);
            return Err(vec![finding.cell(table.byte(row, at)).hint(hint)]);
        }
        let message = "a quote stands where none may be: inside a cell, or before its end";
        let hint = "a cell that holds a quote needs quotes around it, and writes the quote twice";
        let finding = self.finding(Code::ReadStrayQuote, row, message, table);
        ledger.reject(self.number, row, &finding.cell(table.byte(row, at)).hint(hint));
        Ok(end)
    }

    /// Checks a record for NUL bytes.
    fn check_nuls(
        &self,
        row: u32,
        range: std::ops::Range<usize>,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<(), Vec<Diagnostic>> {
        let text = &table.text[range];
        if !text.contains(&0) {
            return Ok(());
        }
        if longest_nul_run(text) >= LOST_BLOCK {
            return Err(vec![self.describe_lost_block(row, table)]);
        }
        let diagnostic = self.finding(Code::ReadNul, row, "the record holds NUL bytes", table);
        ledger.reject(self.number, row, &diagnostic);
        Ok(())
    }

    /// Checks a record for bytes that are invalid in the encoding, from a patch on; returns how many patches it has.
    fn check_damage(
        &self,
        row: u32,
        range: std::ops::Range<usize>,
        patch: usize,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let damaged = table.patches[patch..].partition_point(|patch| patch.at < range.end);
        if damaged > MAX_DAMAGE {
            return Err(vec![self.describe_damaged(row, table)]);
        }
        let mut wrong = table.patches[patch..patch + damaged].iter().map(|patch| patch.at);
        // A mark of another encoding is kept like damage, and was told.
        if let Some(wrong) = wrong.find(|wrong| !table.text[*wrong..].starts_with(MARK)) {
            let mut cells = Vec::new();
            table.dialect.split(&table.text, range.start, &mut cells);
            self.reject_undecodable(row, wrong, &cells, table, ledger);
        }
        Ok(damaged)
    }

    /// Rejects a record with bytes that are invalid in the encoding.
    fn reject_undecodable(&self, row: u32, at: usize, cells: &[Span], table: &Table, ledger: &mut Ledger<'_>) {
        let column = cells.iter().position(|cell| (cell.start..cell.end).contains(&at));
        let message = format!("the record holds bytes that are {}", table.dialect.encoding.describe_foreign());
        let hint = table.dialect.encoding.advise_foreign();
        let diagnostic = self.finding(Code::ReadUndecodable, row, message, table).hint(hint);
        let diagnostic = match column {
            Some(column) => diagnostic.cell(table.cell(row, column)),
            None => diagnostic,
        };
        ledger.reject(self.number, row, &diagnostic);
    }
}
