//! The text of a file -> the same text without the lines that its dialect leaves out: those in front, comments, blank rows
//! and the footer.
//!
//! Of a line that is left out the line end stays, so that lines are counted as in the file, and what reads records passes it as
//! a blank line. Only the last line may be a footer, so a record that may be one is kept back until another follows.

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    recording::ledger::Ledger,
    table::{
        Patch,
        dialect::{BlankRows, Dialect, Span},
        limits::{MAX_DAMAGE, MAX_RECORD},
        split::QuoteFault,
    },
};

/// How many lines of a file were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SkippedLines {
    /// Those in front of all others.
    first: u32,
    comments: u64,
    blank_rows: u64,
    /// Blank lines are left out in any case.
    blank_lines: u64,
    /// The last line is the footer.
    pub(super) has_footer: bool,
}

impl SkippedLines {
    /// How many there are, blank lines not among them.
    pub(super) fn count(self) -> u64 {
        u64::from(self.first) + self.comments + self.blank_rows + u64::from(self.has_footer)
    }

    /// Reports them. In a file with one column blank lines could be meant as records, so they are told too.
    pub(super) fn report(self, path: &str, has_one_column: bool, ledger: &mut Ledger<'_>) {
        let blank_lines = if has_one_column { self.blank_lines } else { 0 };
        let all = self.count() + blank_lines;
        if all == 0 {
            return;
        }
        let count = |number: u64, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what}")),
            more => Some(format!("{more} {what}s")),
        };
        let first = match self.first {
            0 => None,
            1 => Some("the first".to_owned()),
            more => Some(format!("the first {more}")),
        };
        let footer = self.has_footer.then(|| "the footer".to_owned());
        let parts = [
            first,
            count(self.comments, "comment"),
            count(self.blank_rows, "blank row"),
            count(blank_lines, "blank line"),
            footer,
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let are = if all == 1 { "1 line is no record".to_owned() } else { format!("{all} lines are no records") };
        let message = format!("{are}: {}", parts.join(", "));
        ledger.say(&Diagnostic::new(Code::ReadSkippedLines, message).file(path).severity(Severity::Notice));
    }
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    /// One of those in front of all others.
    First,
    Blank,
    Comment,
    BlankRow,
    Footer,
    /// A record, or a header; it may have several lines.
    Record,
}

/// A line, or the lines of a record.
#[derive(Clone, Copy, Debug)]
struct FoundLine {
    kind: LineKind,
    /// Where its line end starts.
    end: usize,
    /// Where the next line starts.
    next: usize,
}

/// How far lines were passed on.
#[derive(Clone, Copy, Debug)]
struct FilterPosition {
    /// Where the next line starts.
    read: usize,
    /// Which patch is the next.
    patch: usize,
    /// How many bytes and patches there were in front of it where it is passed on to.
    kept: (usize, usize),
    skipped: SkippedLines,
}

/// Passes on what the records of a file are made of.
pub(super) struct LineFilter<'a> {
    dialect: &'a Dialect,
    /// What was read and not passed on yet; it starts with a line.
    pub(super) text: Vec<u8>,
    /// Its patches.
    pub(super) patches: Vec<Patch>,
    /// What was left out so far.
    pub(super) skipped: SkippedLines,
    cells: Vec<Span>,
}

impl<'a> LineFilter<'a> {
    /// A filter for a file of a dialect; `None`: it leaves no line out.
    pub(super) fn new(dialect: &'a Dialect) -> Option<LineFilter<'a>> {
        let (text, patches, cells) = (Vec::new(), Vec::new(), Vec::new());
        let filter = LineFilter { dialect, text, patches, skipped: SkippedLines::default(), cells };
        (!dialect.skip.are_none()).then_some(filter)
    }

    /// Passes on all lines that are whole, up to one that may be the footer, unless the file ends here. Returns how many bytes
    /// were left out.
    pub(super) fn pass_on(&mut self, text: &mut Vec<u8>, patches: &mut Vec<Patch>, is_last: bool) -> usize {
        let before = text.len();
        let mut at = FilterPosition { read: 0, patch: 0, kept: (before, patches.len()), skipped: self.skipped };
        let (mut last_record, mut footer) = (None, None);
        loop {
            if let Some(line) = self.find_line(at, footer, is_last) {
                if line.kind == LineKind::Record {
                    last_record = Some((at, line));
                }
                at = self.pass_line(at, line, text, patches);
                continue;
            }
            let Some((record, line)) = last_record.take() else { break };
            // Only so much is kept back behind a footer.
            if !self.is_footer(record.read, line) || self.text.len() - record.read > MAX_RECORD {
                break;
            }
            at = record;
            text.truncate(at.kept.0);
            patches.truncate(at.kept.1);
            if !is_last {
                break;
            }
            footer = Some(at.read);
        }
        self.skipped = at.skipped;
        self.text.drain(..at.read);
        self.patches.drain(..at.patch);
        self.patches.iter_mut().for_each(|patch| patch.at -= at.read);
        at.read - (text.len() - before)
    }

    /// Passes on a record as it is, and of another line the line end.
    fn pass_line(
        &self,
        mut at: FilterPosition,
        line: FoundLine,
        text: &mut Vec<u8>,
        patches: &mut Vec<Patch>,
    ) -> FilterPosition {
        let skipped = &mut at.skipped;
        match line.kind {
            LineKind::First => skipped.first += 1,
            LineKind::Blank => skipped.blank_lines += 1,
            LineKind::Comment => skipped.comments += 1,
            LineKind::BlankRow => skipped.blank_rows += 1,
            LineKind::Footer => skipped.has_footer = true,
            LineKind::Record => {}
        }
        let from = if line.kind == LineKind::Record { at.read } else { line.end };
        let within = self.patches[at.patch..].partition_point(|patch| patch.at < line.next);
        let kept = self.patches[at.patch..at.patch + within].iter().filter(|patch| patch.at >= from);
        let start = text.len();
        patches.extend(kept.map(|patch| Patch { at: patch.at - from + start, ..patch.clone() }));
        text.extend_from_slice(&self.text[from..line.next]);
        FilterPosition { read: line.next, patch: at.patch + within, kept: (text.len(), patches.len()), ..at }
    }

    /// The next line; `None`: there is none, or it may continue behind the text.
    fn find_line(&mut self, at: FilterPosition, footer: Option<usize>, is_last: bool) -> Option<FoundLine> {
        let (rest, rules) = (self.text.get(at.read..)?, &self.dialect.skip);
        let first = *rest.first()?;
        let kind = if at.skipped.first < rules.first {
            LineKind::First
        } else if footer == Some(at.read) {
            LineKind::Footer
        } else if matches!(first, b'\n' | b'\r') {
            LineKind::Blank
        } else if rules.comment == Some(first) {
            LineKind::Comment
        } else {
            LineKind::Record
        };
        let found = if kind == LineKind::Record {
            self.find_record(at.read)
        } else {
            let end = memchr::memchr2(b'\n', b'\r', rest).map_or(self.text.len(), |end| at.read + end);
            FoundLine { kind, end, next: self.behind_line_end(end) }
        };
        // What is too large is refused when it is scanned, whatever it is.
        if self.is_too_large(at, found) {
            return Some(FoundLine { kind: LineKind::Record, ..found });
        }
        (is_last || found.next < self.text.len()).then_some(found)
    }

    /// Whether a line is larger than a record may be.
    fn is_too_large(&self, at: FilterPosition, line: FoundLine) -> bool {
        let damaged = |patches: &[Patch]| patches.partition_point(|patch| patch.at < line.end) > MAX_DAMAGE;
        line.end - at.read > MAX_RECORD || self.patches.len() > MAX_DAMAGE && damaged(&self.patches[at.patch..])
    }

    /// The record that starts at some byte. If its quotes are wrong, it ends with the line of the one that is.
    fn find_record(&mut self, start: usize) -> FoundLine {
        let (text, Dialect { delimiter, quote, skip, .. }) = (self.text.as_slice(), self.dialect);
        let first = memchr::memchr3(b'\n', b'\r', quote.unwrap_or(b'\n'), &text[start..]);
        let first = first.map_or(text.len(), |distance| start + distance);
        let (end, is_blank) = if text.get(first).copied() == *quote && first < text.len() {
            let record_end = self.dialect.split(text, start, &mut self.cells);
            let end = match record_end.fault {
                Some(QuoteFault::Stray(at)) => {
                    memchr::memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |end| at + end)
                }
                Some(QuoteFault::Open(_)) | None => record_end.end,
            };
            (end, record_end.fault.is_none() && self.cells.iter().all(|cell| cell.start == cell.end))
        } else {
            (first, text[start..first].iter().all(|byte| byte == delimiter))
        };
        let is_skipped = is_blank && skip.blank_rows == BlankRows::Skip;
        let kind = if is_skipped { LineKind::BlankRow } else { LineKind::Record };
        FoundLine { kind, end, next: self.behind_line_end(end) }
    }

    /// Where the line behind a line end starts.
    fn behind_line_end(&self, end: usize) -> usize {
        match self.text.get(end..) {
            Some([b'\r', b'\n', ..]) => end + 2,
            Some([_, ..]) => end + 1,
            _ => end,
        }
    }

    /// Whether a record is a footer if it is the last one of its file. A footer is one line.
    fn is_footer(&self, start: usize, line: FoundLine) -> bool {
        if self.dialect.skip.footer.is_empty() {
            return false;
        }
        let text = &self.text[start..line.end];
        let ends = text.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let text = &text[..text.len() - ends];
        let bare = self.dialect.quote.and_then(|quote| text.strip_prefix(&[quote]));
        let begins = |text: &[u8]| text.starts_with(&self.dialect.skip.footer);
        (begins(text) || bare.is_some_and(begins)) && memchr::memchr2(b'\n', b'\r', text).is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        read::line_filter::{LineFilter, SkippedLines},
        table::{
            Patch,
            dialect::{BlankRows, Dialect, Encoding, SkipRules, Tail},
        },
    };

    fn dialect(first: u32, footer: &str) -> Dialect {
        let mut dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let (comment, blank_rows) = (Some(b'#'), BlankRows::Skip);
        dialect.skip = SkipRules { first, footer: footer.into(), comment, blank_rows };
        dialect
    }

    /// What is left of a text that is read in blocks, and what was left out.
    fn filter(dialect: &Dialect, text: &str, block: usize) -> (String, SkippedLines) {
        let (mut filter, mut left, mut patches) = (LineFilter::new(dialect).unwrap(), Vec::new(), Vec::new());
        let mut dropped = 0;
        for chunk in text.as_bytes().chunks(block) {
            filter.text.extend_from_slice(chunk);
            dropped += filter.pass_on(&mut left, &mut patches, false);
        }
        dropped += filter.pass_on(&mut left, &mut patches, true);
        assert_eq!(dropped, text.len() - left.len());
        (String::from_utf8(left).unwrap(), filter.skipped)
    }

    #[test]
    fn lines_are_left_out_and_their_line_ends_stay() {
        let counts = |first, comments, blank_rows, blank_lines, has_footer| SkippedLines {
            first,
            comments,
            blank_rows,
            blank_lines,
            has_footer,
        };
        let table = [
            (
                2,
                "",
                "\"x\r\n\r\na;b\r\n#c\r\n;\r\n1;2\r\n",
                "\r\n\r\na;b\r\n\r\n\r\n1;2\r\n",
                counts(2, 1, 1, 0, false),
            ),
            (0, "Sum", "a\n1\nSum;2", "a\n1\n", counts(0, 0, 0, 0, true)),
            (0, "Sum", "a\nSum\nSum\n\n#x\n;;\n", "a\nSum\n\n\n\n\n", counts(0, 1, 1, 1, true)),
            (0, "Sum", "a\n\"Sum;\"\"\n", "a\n\n", counts(0, 0, 0, 0, true)),
            (0, "Sum", "a\nSum\n1\n", "a\nSum\n1\n", counts(0, 0, 0, 0, false)),
            (0, "Sum", "a\n\"Sum\n1\n", "a\n\"Sum\n1\n", counts(0, 0, 0, 0, false)),
            (0, "Sum", "a\n\"x\nSum\"\n", "a\n\"x\nSum\"\n", counts(0, 0, 0, 0, false)),
            (0, "", "\"#a\";\"\n#b\"\n\"\";\"\"\n; \n", "\"#a\";\"\n#b\"\n\n; \n", counts(0, 0, 1, 0, false)),
            (0, "", "a\"b;\n#\"\r1 #\n", "a\"b;\n\r1 #\n", counts(0, 1, 0, 0, false)),
            (9, "Sum", "Sum\nSum", "\n", counts(2, 0, 0, 0, false)),
            (0, "Sum", "", "", counts(0, 0, 0, 0, false)),
            (0, "é", "a\n\n\né", "a\n\n\n", counts(0, 0, 0, 2, true)),
        ];
        for (first, footer, text, left, skipped) in table {
            for block in 1..=text.len().max(1) {
                let found = filter(&dialect(first, footer), text, block);
                assert_eq!(found, (left.to_owned(), skipped), "{text:?} in blocks of {block}");
            }
        }
        assert!(LineFilter::new(&Dialect::new(b',', None, Encoding::Auto, false, vec![], Tail::Auto)).is_none());
    }

    #[test]
    fn patches_move_with_their_records() {
        let dialect = dialect(1, "Sum");
        let mut filter = LineFilter::new(&dialect).unwrap();
        filter.text = "x?\n#?\na?\n?b\nSum?".into();
        let patch = |at: usize| Patch { at, length: 1, original: vec![0x81] };
        filter.patches = [1, 4, 7, 9, 15].map(patch).into();
        let (mut text, mut patches) = (b"0?\n".to_vec(), vec![patch(1)]);
        filter.pass_on(&mut text, &mut patches, false);
        let rest: Vec<usize> = filter.patches.iter().map(|patch| patch.at).collect();
        let left = (text.as_slice(), filter.text.as_slice(), rest);
        assert_eq!(left, (&b"0?\n\n\na?\n?b\n"[..], &b"Sum?"[..], vec![3]));
        filter.pass_on(&mut text, &mut patches, true);
        let found: Vec<usize> = patches.iter().map(|patch| patch.at).collect();
        assert_eq!((String::from_utf8_lossy(&text).as_ref(), found), ("0?\n\n\na?\n?b\n", vec![1, 6, 8]));
    }
}
