//! One pass over the text of a file: where each record starts, and which cannot be trusted.
//!
//! A record is wrong on its own line, or the borders of records are in doubt. The first is rejected; the second makes the
//! whole file untrustworthy, because nobody can tell which cells belong together from there on.

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    plan::Plan,
    recording::ledger::{Fate, Ledger},
    table::{
        Part, Table,
        dialect::{Span, Tail},
        split::{Border, Fault, Rows, UNKNOWN},
    },
};

/// The largest record, in bytes.
const MAX_RECORD: usize = 8 << 20;
/// The largest cell, in bytes.
const MAX_CELL: usize = 1 << 20;
/// A run of NUL bytes of this length is a lost disk block.
const LOST_BLOCK: usize = 512;
/// An open quote that swallows more than this is no truncated last record.
const MAX_TORN: (usize, u64) = (64 << 10, 100);
/// How many records lie between two that have their line noted.
const MARK_EVERY: u32 = 64;

/// Drops NUL bytes at the end: the file system had made room for what was never written.
pub(super) fn trim_nuls(path: &str, text: &mut Vec<u8>, ledger: &mut Ledger<'_>) {
    let kept = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if kept < text.len() {
        let message = format!("{} NUL bytes at its end were dropped", text.len() - kept);
        ledger.say(
            &Diagnostic::new(Code::ReadTrailingNul, message)
                .file(path)
                .severity(Severity::Notice)
                .hint("the recorder probably lost power"),
        );
        text.truncate(kept);
    }
}

/// Finds the records of the last file of a table.
pub(super) fn records(
    plan: &Plan,
    number: usize,
    path: &str,
    base: usize,
    body: usize,
    table: &mut Table,
    ledger: &mut Ledger<'_>,
) -> Result<(), Vec<Diagnostic>> {
    let end = table.text.len();
    table.parts.push(Part { path: path.to_owned(), first: table.len(), text: base..end });
    let so_far = Reached { before: base, ..Reached::default() };
    let found = block(plan, number, so_far, body, true, table, ledger)?.records;
    none(plan, number, path, found, ledger);
    Ok(())
}

/// Tells of a file that has no records.
pub(super) fn none(plan: &Plan, number: usize, path: &str, found: u32, ledger: &mut Ledger<'_>) {
    if found == 0 {
        let message = format!("the file of `{}` has a header and no records", plan.sources[number].name);
        ledger.say(&Diagnostic::new(Code::ReadNoRecords, message).file(path).severity(Severity::Notice));
    }
}

/// How far a file was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    /// Where the next record starts in the text of the table.
    pub(super) at: usize,
    /// Its line.
    pub(super) line: u64,
    /// How many records stand before it.
    pub(super) records: u32,
    /// Where the lines are counted from.
    pub(super) before: usize,
    /// How much text of the file stands before that of the table.
    pub(super) gone: usize,
}

impl Default for Reached {
    fn default() -> Reached {
        Reached { at: 0, line: 1, records: 0, before: 0, gone: 0 }
    }
}

/// Finds the records of a file from `body` on. Unless this is its `last` block, a record that may go on behind the text is
/// left to the next one.
pub(super) fn block(
    plan: &Plan,
    number: usize,
    so_far: Reached,
    body: usize,
    last: bool,
    table: &mut Table,
    ledger: &mut Ledger<'_>,
) -> Result<Reached, Vec<Diagnostic>> {
    let Reached { line, before, gone, .. } = so_far;
    let mut scan =
        Scan { plan, number, end: table.text.len(), width: table.header.len(), line, counted: before, gone, last };
    let first = table.len();
    let at = scan.all(body, table, ledger)?;
    let line = scan.line + crate::table::line_ends(&table.text[scan.counted..at]);
    Ok(Reached { at, line, records: so_far.records + table.len() - first, before: at, gone })
}

struct Scan<'a> {
    plan: &'a Plan,
    number: usize,
    end: usize,
    width: usize,
    /// The line of the byte `counted`.
    line: u64,
    counted: usize,
    /// How much text of the file stands before that of the table.
    gone: usize,
    /// Nothing of the file comes behind the text.
    last: bool,
}

impl Scan<'_> {
    fn all(&mut self, body: usize, table: &mut Table, ledger: &mut Ledger<'_>) -> Result<usize, Vec<Diagnostic>> {
        let first = table.len();
        let nuls = memchr::memchr(0, &table.text[body..]).is_some();
        let text = &table.text[body..];
        let strays = !text.is_ascii() && memchr::memmem::find(text, "\u{FEFF}".as_bytes()).is_some();
        let mut patch = table.patches.partition_point(|patch| patch.at < body);
        let mut cells: Vec<Span> = Vec::new();
        let mut at = body;
        let stride = self.width + 1;
        loop {
            let behind = at;
            at += table.text[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if at >= self.end {
                table.begins.truncate(table.starts.len() * stride);
                return Ok(if self.last { self.end } else { behind });
            }
            let row = table.len();
            let noted = (row - first) % MARK_EVERY;
            if noted == 0 {
                self.mark(row, at, table);
            }
            // Where something is wrong with a byte, each record is looked at by itself.
            let alone = nuls || strays || patch < table.patches.len();
            let most = if alone { 1 } else { (MARK_EVERY - noted) as usize };
            let next = match self.plain(at, most, table) {
                Rows { count: 0, .. } => {
                    table.starts.push(at);
                    ledger.fates[self.number].push(Fate::Good);
                    let known = row as usize * stride;
                    table.begins[known..known + stride].fill(UNKNOWN);
                    let border = table.dialect.split(&table.text, at, &mut cells);
                    if !self.last && self.goes_on(&border, table) {
                        self.take_back(row, table, ledger);
                        return Ok(at);
                    }
                    self.doubtful(row, &border, &cells, table, ledger)?
                }
                Rows { count, next, are_lines } => {
                    let fates = &mut ledger.fates[self.number];
                    fates.resize(fates.len() + count, Fate::Good);
                    // Their lines need not be counted again.
                    if are_lines && self.counted == at {
                        (self.line, self.counted) = (self.line + count as u64, next);
                    }
                    next
                }
            };
            if nuls {
                self.nuls(row, at..next, table, ledger)?;
            }
            if strays && memchr::memmem::find(&table.text[at..next], "\u{FEFF}".as_bytes()).is_some() {
                let message = "a byte order mark stands inside the file: two files were joined here";
                ledger.reject(self.number, row, &self.finding(Code::ReadStrayMark, row, message, table));
            }
            let damaged = table.patches[patch..].partition_point(|patch| patch.at < next);
            if damaged > 0 {
                table.dialect.split(&table.text, at, &mut cells);
                self.undecodable(row, table.patches[patch].at, &cells, table, ledger);
                patch += damaged;
            }
            at = next;
        }
    }

    /// Adds records that are plainly good, `most` at most. Room for the cells of one more is made.
    fn plain(&self, at: usize, most: usize, table: &mut Table) -> Rows {
        let (row, stride) = (table.starts.len(), self.width + 1);
        let known = row * stride;
        if table.begins.len() < known + most * stride {
            table.begins.resize(2 * known + MARK_EVERY as usize * stride, [0; 2]);
        }
        table.starts.resize(row + most, 0);
        let begins = &mut table.begins[known..known + most * stride];
        let rows = table.dialect.rows(&table.text, at, &mut table.starts[row..], begins);
        table.starts.truncate(row + rows.count);
        rows
    }

    /// Notes the line of a record.
    fn mark(&mut self, row: u32, at: usize, table: &mut Table) {
        self.line += crate::table::line_ends(&table.text[self.counted..at]);
        self.counted = at;
        table.marks.push((row, self.line));
    }

    /// Whether what stands behind the text may still belong to a record, or tell more about it.
    fn goes_on(&self, border: &Border, table: &Table) -> bool {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let stray = matches!(border.fault, Some(Fault::Stray(at)) if !table.text[at..].iter().any(is_end));
        border.next >= self.end || stray
    }

    /// Forgets the last record: it is left to the next block.
    fn take_back(&self, row: u32, table: &mut Table, ledger: &mut Ledger<'_>) {
        table.starts.pop();
        table.begins.truncate(table.starts.len() * (self.width + 1));
        ledger.fates[self.number].pop();
        if table.marks.last().is_some_and(|(marked, _)| *marked == row) {
            table.marks.pop();
        }
    }

    /// A record that is not plainly good; gives back where the next one starts.
    fn doubtful(
        &self,
        row: u32,
        border: &Border,
        cells: &[Span],
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let start = table.starts[row as usize];
        match border.fault {
            Some(Fault::Open(open)) => return self.open_quote(row, open, table, ledger),
            Some(Fault::Stray(at)) => return self.stray_quote(row, at, table, ledger),
            None => {}
        }
        let is_last = border.next >= self.end;
        let ended = matches!(table.text[self.end - 1], b'\n' | b'\r');
        if cells.len() != self.width {
            self.ragged(row, cells.len(), is_last && !ended, table, ledger);
        } else if let Some(large) = cells.iter().position(|cell| cell.end - cell.start > MAX_CELL) {
            let diagnostic = Diagnostic::new(Code::ReadTooLarge, format!("the cell is larger than {MAX_CELL} bytes"))
                .cell(table.cell(row, large));
            ledger.reject(self.number, row, &diagnostic);
        } else if border.end - start > MAX_RECORD {
            let diagnostic =
                self.finding(Code::ReadTooLarge, row, format!("the record is larger than {MAX_RECORD} bytes"), table);
            ledger.reject(self.number, row, &diagnostic);
        } else if is_last && !ended {
            self.no_line_end(row, table, ledger);
        }
        Ok(border.next)
    }

    fn finding(&self, code: Code, row: u32, message: impl Into<String>, table: &Table) -> Diagnostic {
        let rule = format!("/sources/{}", crate::json_pointer::escape(&self.plan.sources[self.number].name));
        Diagnostic::new(code, message).cell(table.record(row)).rule(self.plan.places.key(&rule))
    }

    fn ragged(&self, row: u32, found: usize, truncated: bool, table: &Table, ledger: &mut Ledger<'_>) {
        let width = self.width;
        let count = |number: usize| if number == 1 { "1 cell".to_owned() } else { format!("{number} cells") };
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

    /// A whole last record without a line end: whole, or cut inside its last cell?
    fn no_line_end(&self, row: u32, table: &Table, ledger: &mut Ledger<'_>) {
        let tail = table.dialect.tail;
        let last = self.width - 1;
        let source = &self.plan.sources[self.number];
        let used = table.bind.iter().position(|at| *at == last);
        // A closing quote proves nothing: it may be the first half of a doubled one.
        let sure = used.is_none_or(|column| source.columns[column].conversion.is_prefix_free());
        let part = table.part(row).text.clone();
        let at_block_end = (self.gone + part.len()).is_multiple_of(512);
        let cut = match tail {
            Tail::Accept => return,
            Tail::Strict => true,
            Tail::Auto => !sure && at_block_end,
        };
        if cut {
            let why = if tail == Tail::Strict {
                "the dialect says `tail: strict`"
            } else {
                "the file ends at a block border of the disk"
            };
            let message = format!("the last record has no line end and may be cut inside its last cell; {why}");
            let hint = "add the line end if the record is whole, or set `tail: accept` in the dialect";
            ledger.reject(
                self.number,
                row,
                &self.finding(Code::ReadTruncatedLastRecord, row, message, table).hint(hint),
            );
        } else if !sure {
            let message = "the last record has no line end; it looks whole and was used";
            let hint = "set `tail` in the dialect: `accept` if the recorder never writes a last line end, `strict` if it always does";
            ledger.say(&self.finding(Code::ReadNoLineEnd, row, message, table).severity(Severity::Warning).hint(hint));
        }
    }

    /// A quote that is never closed: the truncated end of the file, or a quote too many somewhere before.
    fn open_quote(
        &self,
        row: u32,
        open: usize,
        table: &Table,
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, Vec<Diagnostic>> {
        let rest = &table.text[open..self.end];
        if rest.len() > MAX_TORN.0 || crate::table::line_ends(rest) > MAX_TORN.1 {
            return Err(vec![self.in_doubt(row, table)]);
        }
        let message = "the last record is cut: its quote is never closed";
        let hint = "the recorder probably lost power while it wrote this record";
        ledger.reject(self.number, row, &self.finding(Code::ReadTruncatedLastRecord, row, message, table).hint(hint));
        Ok(self.end)
    }

    /// A quote inside a cell. When the quotes of its line pair up, the damage ends with the line.
    fn stray_quote(
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
        let quotes = memchr::memchr_iter(quote, &table.text[start..end]).count();
        if several_lines || quotes % 2 == 1 {
            return Err(vec![self.in_doubt(row, table)]);
        }
        let message = "a quote stands where none may be: inside a cell, or before its end";
        let hint = "a cell that holds a quote needs quotes around it, and writes the quote twice";
        ledger.reject(self.number, row, &self.finding(Code::ReadStrayQuote, row, message, table).hint(hint));
        Ok(end)
    }

    fn in_doubt(&self, row: u32, table: &Table) -> Diagnostic {
        let message =
            "quotes do not pair up from here on, so nobody can tell where records end; nothing of the file is used";
        let hint = "mend the quotes of this line, or set `quote: \"\"` in the dialect if the file uses none";
        self.finding(Code::ReadUnbalancedQuote, row, message, table).hint(hint)
    }

    fn nuls(
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
        let longest = text.split(|byte| *byte != 0).map(<[u8]>::len).max().unwrap_or(0);
        if longest >= LOST_BLOCK {
            let message = format!("{longest} NUL bytes stand in the middle of the file: a block of it was lost");
            return Err(vec![
                self.finding(Code::ReadLostBlock, row, message, table).hint("copy the file from the recorder again"),
            ]);
        }
        let diagnostic = self.finding(Code::ReadNul, row, "the record holds NUL bytes", table);
        ledger.reject(self.number, row, &diagnostic);
        Ok(())
    }

    fn undecodable(&self, row: u32, at: usize, cells: &[Span], table: &Table, ledger: &mut Ledger<'_>) {
        let column = cells.iter().position(|cell| (cell.start..cell.end).contains(&at));
        let message = format!("the record holds bytes that are not {}", table.dialect.encoding.name());
        let hint = "set the `encoding` of the dialect; `auto` reads UTF-8 and Windows-1252";
        let diagnostic = self.finding(Code::ReadUndecodable, row, message, table).hint(hint);
        let diagnostic = match column {
            Some(column) => diagnostic.cell(table.cell(row, column)),
            None => diagnostic,
        };
        ledger.reject(self.number, row, &diagnostic);
    }
}
