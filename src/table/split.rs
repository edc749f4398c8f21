//! A record -> its cells: splits text by the rules of a dialect.
//!
//! Splitting is strict: a quote opens only at the start of a cell and closes only at its end. The bytes that may end a
//! cell are found 64 at a time by comparing whole vectors, so a record costs about as much as it has cells.

#![expect(clippy::inline_always, reason = "these are the loop itself, not steps of it")]

use std::borrow::Cow;

use wide::u8x16;

use crate::table::{
    dialect::{Dialect, Span},
    limits::MAX_CELLS,
};

/// The u16 offset of a cell from the start of its record, the low byte first, so that it is copied as bytes.
pub type CellStart = [u8; 2];

/// An offset as a number of bytes.
#[must_use]
#[inline(always)]
pub fn distance(start: CellStart) -> usize {
    usize::from(u16::from_le_bytes(start))
}

/// In the place of the offsets of a record that is long or not plainly good.
pub const UNKNOWN: CellStart = [0xFF; 2];

/// The end of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEnd {
    /// Where its last cell ends.
    pub end: usize,
    /// Where the next record starts.
    pub next: usize,
    /// Why the end of the record cannot be trusted.
    pub fault: Option<QuoteFault>,
}

/// What is wrong with the quotes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteFault {
    /// A quote inside a cell, or text behind a closing quote, at this byte.
    Stray(usize),
    /// A quote opened at this byte is never closed.
    Open(usize),
}

/// Records that follow each other and are plainly good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainRows {
    /// How many there are.
    pub count: usize,
    /// Where the next record starts.
    pub next: usize,
    /// Each is certainly one line.
    pub are_lines: bool,
}

/// The text up to the next escape; or, where none is near, up to a byte that is far enough.
#[cold]
fn before_escape(text: &[u8], at: usize, escape: u8) -> &[u8] {
    let near = &text[..text.len().min(at + ESCAPE_REACH)];
    memchr::memchr(escape, &near[at.min(near.len())..]).map_or(near, |distance| &near[..at + distance])
}

/// Whether a quote at some byte of a cell is escaped. Each two escapes before it are one character.
#[cold]
fn is_escaped(text: &[u8], open: usize, at: usize, escape: u8) -> bool {
    text[open + 1..at].iter().rev().take_while(|byte| **byte == escape).count() % 2 == 1
}

/// How many bytes are compared at once.
const WINDOW: usize = 64;

/// Where a dialect has an escape, plain records are looked for among so many bytes at once.
const ESCAPE_REACH: usize = 16 << 10;

/// The delimiters, quotes and line ends of a text, one after the other.
#[derive(Clone, Copy, Debug)]
struct SpecialBytes {
    /// Where the bytes of `found` start.
    window: usize,
    /// Which of the 64 bytes were found and not visited yet, the first in the lowest bit.
    found: u64,
}

impl SpecialBytes {
    /// Where the next one stands, or the end of the text.
    #[inline(always)]
    fn next(&mut self, dialect: &Dialect, text: &[u8]) -> usize {
        while self.found == 0 {
            self.window += WINDOW;
            if self.window >= text.len() {
                return text.len();
            }
            self.found = dialect.special_bytes(text, self.window);
        }
        let at = self.window + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        at
    }

    /// The quote that closes a cell whose opening one was visited, and whether quotes were written twice on the way, or
    /// something may be escaped.
    #[inline]
    fn close(&mut self, dialect: &Dialect, text: &[u8], open: usize) -> Option<(usize, bool)> {
        let mut doubled = false;
        loop {
            let at = self.next(dialect, text);
            if at >= text.len() {
                return None;
            }
            if text.get(at).copied() == dialect.quote {
                if dialect.escape.is_some_and(|escape| is_escaped(text, open, at, escape)) {
                    doubled = true;
                    continue;
                }
                if text.get(at + 1).copied() != dialect.quote {
                    let holds = |escape| memchr::memchr(escape, &text[open..at]).is_some();
                    return Some((at, doubled || dialect.escape.is_some_and(holds)));
                }
                doubled = true;
                self.next(dialect, text);
            }
        }
    }
}

/// The bytes of a text that end a cell, 64 at a time: those within quotes are not among them.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// Where the 64 bytes start.
    window: usize,
    /// Which of them end a cell and were not visited yet, the first in the lowest bit.
    cells: u64,
    /// Which of them end a record.
    records: u64,
    /// Whether they end within quotes: all bits, or none.
    open: u64,
    /// Whether the last of them is text outside of quotes, and whether it is a quote: each in the lowest bit.
    last: (u64, u64),
    /// A quote among them stands where none may be; what is behind it is not told.
    wrong: bool,
    /// Which bytes of any window were line ends within quotes.
    hidden: u64,
}

impl Ends {
    /// The ends from the start of a record on.
    #[inline(always)]
    fn from(dialect: &Dialect, text: &[u8], at: usize) -> Ends {
        let mut ends = Ends { window: at, cells: 0, records: 0, open: 0, last: (0, 0), wrong: false, hidden: 0 };
        ends.scan_window(dialect, text);
        ends
    }

    /// Scans the 64 bytes.
    #[inline(always)]
    fn scan_window(&mut self, dialect: &Dialect, text: &[u8]) {
        let [delimiters, line_ends, found] = dialect.kinds(text, self.window);
        let quotes = if dialect.quote.is_some() { found } else { 0 };
        // Bytes behind an odd number of quotes are inside quotes. A doubled quote closes and opens at once.
        let mut within = quotes;
        for distance in [1, 2, 4, 8, 16, 32] {
            within ^= within << distance;
        }
        within ^= self.open;
        let cells = (delimiters | line_ends) & !within;
        let plain = !(cells | within | quotes);
        let (after_plain, after_quote) = (plain << 1 | self.last.0, quotes << 1 | self.last.1);
        // Outside of quotes no text may touch a quote.
        let wrong = quotes & after_plain | plain & after_quote;
        let right = wrong.wrapping_sub(1) & !wrong;
        self.wrong = wrong != 0;
        self.hidden |= line_ends & within;
        self.cells = cells & right;
        self.records = self.cells & line_ends;
        self.open = 0_u64.wrapping_sub(within >> 63);
        self.last = (plain >> 63, quotes >> 63);
    }

    /// Scans the next 64 bytes; `false`: there are none that can be trusted.
    #[inline(always)]
    fn next_window(&mut self, dialect: &Dialect, text: &[u8]) -> bool {
        self.window += WINDOW;
        if self.wrong || self.window >= text.len() {
            return false;
        }
        self.scan_window(dialect, text);
        true
    }

    /// Finds where the cells of a record start, and one behind the last; gives where the next record starts.
    #[inline(always)]
    fn scan_row(
        &mut self,
        dialect: &Dialect,
        text: &[u8],
        start: usize,
        cell_starts: &mut [CellStart],
    ) -> Option<usize> {
        // Of a record that is long these are wrong, and not used.
        let behind_first = |window: usize| u16::try_from((window + 1).wrapping_sub(start) & 0xFFFF).unwrap_or(0);
        let (mut behind, mut records, mut last) = (behind_first(self.window), self.records, 0);
        let mut unvisited = self.cells;
        for start in cell_starts.get_mut(1..)? {
            while self.cells == 0 {
                // A record that ended here would have too few cells.
                if records & unvisited != 0 || !self.next_window(dialect, text) {
                    return None;
                }
                (behind, records, unvisited) = (behind_first(self.window), self.records, self.cells);
            }
            last = self.cells.trailing_zeros();
            *start = behind.wrapping_add(u16::try_from(last).unwrap_or(0)).to_le_bytes();
            self.cells &= self.cells - 1;
        }
        // The last cell ends the record, and no other does.
        if (records & unvisited).trailing_zeros() != last {
            return None;
        }
        let end = self.window + last as usize;
        if end + 1 - start >= usize::from(u16::MAX) {
            return None;
        }
        if text.get(end) == Some(&b'\r') && text.get(end + 1) == Some(&b'\n') {
            if self.cells == 0 {
                self.next_window(dialect, text);
            }
            self.cells &= self.cells.wrapping_sub(1);
            return Some(end + 2);
        }
        Some(end + 1)
    }
}

impl Dialect {
    /// Splits the record that starts at `start` into its cells, of which no more than [`MAX_CELLS`] are told.
    pub fn split(&self, text: &[u8], start: usize, cells: &mut Vec<Span>) -> RecordEnd {
        cells.clear();
        let mut add = |cell: Span| {
            if cells.len() < MAX_CELLS {
                cells.push(cell);
            }
        };
        let mut special = self.seek(text, start);
        let (mut open, mut at) = (start, special.next(self, text));
        loop {
            let byte = text.get(at).copied();
            if byte.is_none() || byte != self.quote {
                add(Span { start: open, end: at, quoted: false, doubled: false });
            } else if at != open {
                return RecordEnd { end: at, next: at, fault: Some(QuoteFault::Stray(at)) };
            } else {
                let Some((end, doubled)) = special.close(self, text, open) else {
                    return RecordEnd { end: text.len(), next: text.len(), fault: Some(QuoteFault::Open(open)) };
                };
                add(Span { start: open + 1, end, quoted: true, doubled });
                at = special.next(self, text);
                if at != end + 1 || at < text.len() && text.get(at).copied() == self.quote {
                    return RecordEnd { end: end + 1, next: end + 1, fault: Some(QuoteFault::Stray(end + 1)) };
                }
            }
            match text.get(at) {
                None => return RecordEnd { end: at, next: at, fault: None },
                Some(b'\n') => return RecordEnd { end: at, next: at + 1, fault: None },
                Some(b'\r') => {
                    let next = if text.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 };
                    return RecordEnd { end: at, next, fault: None };
                }
                Some(_) => {
                    open = at + 1;
                    at = special.next(self, text);
                }
            }
        }
    }

    /// A line without the quotes and escapes that are escaped: of the others, those that open and close cells are left.
    #[must_use]
    pub fn without_escaped<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let (Some(quote), Some(escape)) = (self.quote, self.escape) else { return line.into() };
        let (mut left, mut at) = (Vec::new(), 0);
        while let Some(byte) = line.get(at) {
            let is_pair =
                *byte == escape && matches!(line.get(at + 1), Some(next) if *next == quote || *next == escape);
            if is_pair {
                at += 1;
            } else {
                left.push(*byte);
            }
            at += 1;
        }
        left.into()
    }

    /// Whether a line leaves a quote open when a quote inside a cell, and text behind a closing quote, are taken as they are.
    #[must_use]
    pub fn leaves_quote_open(&self, line: &[u8]) -> bool {
        let Some(quote) = self.quote else { return false };
        let mut at = 0;
        loop {
            if line.get(at) == Some(&quote) {
                at += 1;
                loop {
                    let Some(next) = memchr::memchr(quote, &line[at..]) else { return true };
                    at += next + 1;
                    if line.get(at) != Some(&quote) {
                        break;
                    }
                    at += 1;
                }
            }
            match memchr::memchr(self.delimiter, &line[at..]) {
                Some(delimiter) => at += delimiter + 1,
                None => return false,
            }
        }
    }

    /// The special bytes of a text from some byte on.
    fn seek(&self, text: &[u8], at: usize) -> SpecialBytes {
        SpecialBytes { window: at, found: self.special_bytes(text, at) }
    }

    /// Splits records that are plainly good, from the one at `at` on, until `starts` is full: finds where each record starts,
    /// and the offsets of its cells, and one behind the last.
    ///
    /// It stops before a blank line and before a record that is long, the last of the text, of another width, holds an
    /// escape, or has wrong quotes; then [`Dialect::split`] tells.
    pub fn rows(&self, text: &[u8], mut at: usize, starts: &mut [usize], cell_starts: &mut [CellStart]) -> PlainRows {
        let text = self.escape.map_or(text, |escape| before_escape(text, at, escape));
        let (mut count, width) = (0, cell_starts.len() / starts.len().max(1));
        let mut ends = Ends::from(self, text, at);
        for (start, cell_starts) in starts.iter_mut().zip(cell_starts.chunks_exact_mut(width.max(1))) {
            let is_blank = matches!(text.get(at), None | Some(b'\n' | b'\r'));
            match if is_blank { None } else { ends.scan_row(self, text, at, cell_starts) } {
                Some(next) if next < text.len() => (*start, at) = (at, next),
                _ => break,
            }
            count += 1;
        }
        PlainRows { count, next: at, are_lines: ends.hidden == 0 }
    }

    /// Which of the 64 bytes at `at` may end a cell: delimiters, quotes and line ends, the first in the lowest bit.
    #[inline]
    fn special_bytes(&self, text: &[u8], at: usize) -> u64 {
        let [delimiters, line_ends, quotes] = self.kinds(text, at);
        delimiters | line_ends | quotes
    }

    /// Which of the 64 bytes at `at` are delimiters, line ends and quotes, the first in the lowest bit.
    #[inline(always)]
    fn kinds(&self, text: &[u8], at: usize) -> [u64; 3] {
        let rest = text.get(at..).unwrap_or_default();
        if let Some(window) = rest.first_chunk() { self.kinds_within(window) } else { self.kinds_at_the_end(rest) }
    }

    #[cold]
    #[inline(never)]
    fn kinds_at_the_end(&self, rest: &[u8]) -> [u64; 3] {
        // No dialect separates cells by this byte.
        let mut padded = [0; WINDOW];
        padded[..rest.len()].copy_from_slice(rest);
        self.kinds_within(&padded)
    }

    #[inline(always)]
    fn kinds_within(&self, window: &[u8; WINDOW]) -> [u64; 3] {
        let (delimiter, quote) = self.lanes;
        let (feed, back) = (u8x16::new([b'\n'; 16]), u8x16::new([b'\r'; 16]));
        let mut kinds = [0; 3];
        for (number, lane) in window.as_chunks().0.iter().enumerate() {
            let bytes = u8x16::new(*lane);
            let line_end = bytes.simd_eq(feed) | bytes.simd_eq(back);
            for (kind, same) in kinds.iter_mut().zip([bytes.simd_eq(delimiter), line_end, bytes.simd_eq(quote)]) {
                *kind |= u64::from(same.to_bitmask()) << (16 * number);
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::{PlainRows, QuoteFault};
    use crate::table::dialect::{Dialect, Encoding, Span};
    use crate::table::{dialect::Tail, line_ends};

    fn split(text: &str) -> (Vec<String>, Option<QuoteFault>) {
        let dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let mut spans: Vec<Span> = Vec::new();
        let record_end = dialect.split(text.as_bytes(), 0, &mut spans);
        let mut buffer = Vec::new();
        let cell = |span: &Span| String::from_utf8(dialect.cell(text.as_bytes(), *span, &mut buffer).to_vec()).unwrap();
        (spans.iter().map(cell).collect(), record_end.fault)
    }

    #[test]
    fn cells_are_split_strictly() {
        let good: [(&str, &[&str]); 7] = [
            ("a;b\n", &["a", "b"]),
            ("\"a;\"\"b\"\"\";c\r\n", &["a;\"b\"", "c"]),
            (";\n", &["", ""]),
            ("\"\";x", &["", "x"]),
            ("\"two\nlines\"\n", &["two\nlines"]),
            ("a\rb", &["a"]),
            ("\"\"\"\"\n", &["\""]),
        ];
        for (text, cells) in good {
            assert_eq!(split(text), (cells.iter().map(|cell| (*cell).to_owned()).collect(), None), "{text:?}");
        }
        assert_eq!(split("\"a\"b;c\n").1, Some(QuoteFault::Stray(3)));
        assert_eq!(split("a\"b;c\n").1, Some(QuoteFault::Stray(1)));
        assert_eq!(split("x;\"ab\n").1, Some(QuoteFault::Open(2)));
    }

    #[test]
    fn what_is_escaped_is_undone() {
        let mut dialect = Dialect::new(b',', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        dialect.escape = Some(b'\\');
        let table: [(&str, &[&str]); 8] = [
            (r#""a\"b","c""#, &[r#"a"b"#, "c"]),
            (r#""a\\","c""#, &[r"a\", "c"]),
            (r#""\\\"",\"#, &[r#"\""#, r"\"]),
            (r#""a""b\n\\n",\\"#, &[r#"a"b\n\n"#, r"\\"]),
            (r#""\,\"",x"#, &[r#"\,""#, "x"]),
            ("\"\\\"\n\",x", &["\"\n", "x"]),
            (r#""\"""""#, &[r#""""#]),
            (r#""\\""""#, &[r#"\""#]),
        ];
        for (text, expected) in table {
            let (mut cells, mut buffer) = (Vec::new(), Vec::new());
            assert_eq!(dialect.split(text.as_bytes(), 0, &mut cells).fault, None, "{text}");
            let cell =
                |span: &Span| String::from_utf8(dialect.cell(text.as_bytes(), *span, &mut buffer).to_vec()).unwrap();
            assert_eq!(cells.iter().map(cell).collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(dialect.split(br#""a\","#, 0, &mut Vec::new()).fault, Some(QuoteFault::Open(0)));
        assert_eq!(dialect.split(br#""a\"","#, 0, &mut Vec::new()).fault, None);
        assert_eq!(dialect.split(br#"a\"b"#, 0, &mut Vec::new()).fault, Some(QuoteFault::Stray(2)));
        assert_eq!(dialect.without_escaped(br#""a\"b\\","#).as_ref(), br#""ab","#);
    }

    #[test]
    fn a_quote_stays_open_if_what_opens_at_the_start_of_a_cell_is_not_closed() {
        let dialect = Dialect::new(b',', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        for (line, is_open) in [
            ("x\"y,\"p", true),
            ("a\"b,\"c\"\"d,e", true),
            ("\"a\"x\"y,\"p", true),
            ("\"", true),
            ("\"\"\"", true),
            ("x\"y,\"p\"", false),
            ("Chuck \"Texas\" Norris,c", false),
            ("\"Marie\"x,y", false),
            ("\"a\"\"\",b\"\"", false),
            ("a\"", false),
            ("", false),
        ] {
            assert_eq!(dialect.leaves_quote_open(line.as_bytes()), is_open, "{line}");
        }
        let none = Dialect::new(b',', None, Encoding::Utf8, true, vec![], Tail::Auto);
        assert!(!none.leaves_quote_open(b"\"a"));
    }

    /// The same rules, one byte after the other.
    fn plainly(text: &[u8], escape: Option<u8>) -> (Vec<Span>, usize, Option<QuoteFault>) {
        let (mut cells, mut at) = (Vec::new(), 0);
        let is_end = |at: usize| matches!(text.get(at), None | Some(b';' | b'\n' | b'\r'));
        loop {
            let open = at;
            if text.get(at) == Some(&b'"') {
                let mut doubled = false;
                at += 1;
                loop {
                    match (text.get(at), text.get(at + 1)) {
                        (Some(byte), Some(next)) if Some(*byte) == escape && (*next == b'"' || *next == *byte) => {
                            (doubled, at) = (true, at + 2);
                        }
                        (Some(byte), _) if Some(*byte) == escape => (doubled, at) = (true, at + 1),
                        (None, _) => return (cells, text.len(), Some(QuoteFault::Open(open))),
                        (Some(b'"'), Some(b'"')) => (doubled, at) = (true, at + 2),
                        (Some(b'"'), _) => break,
                        _ => at += 1,
                    }
                }
                cells.push(Span { start: open + 1, end: at, quoted: true, doubled });
                at += 1;
                if !is_end(at) {
                    return (cells, at, Some(QuoteFault::Stray(at)));
                }
            } else {
                while !is_end(at) && text[at] != b'"' {
                    at += 1;
                }
                if !is_end(at) {
                    return (cells, at, Some(QuoteFault::Stray(at)));
                }
                cells.push(Span { start: open, end: at, quoted: false, doubled: false });
            }
            if text.get(at) != Some(&b';') {
                return (cells, at, None);
            }
            at += 1;
        }
    }

    #[test]
    fn cells_end_where_they_do_when_each_byte_is_looked_at() {
        for escape in [None, Some(b'\\')] {
            check_random_texts(escape);
        }
    }

    fn check_random_texts(escape: Option<u8>) {
        let mut dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        dialect.escape = escape;
        let alphabet = [b';', b'"', b'"', b'\n', b'\r', b';', 0, b'\\', b':', b'\\', 0x8A, 0xBB, 0xFF, b'!', b'#', 13];
        let mut seed = 1u64;
        for length in (0..200).cycle().take(100_000) {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly harmless bytes, so that long cells happen too.
                if seed >> 62 == 0 {
                    alphabet[(seed >> 40) as usize % alphabet.len()]
                } else {
                    b"etaoinshrdlu"[(seed >> 50) as usize % 12]
                }
            };
            let text: Vec<u8> = (0..length).map(|_| next()).collect();
            let (mut cells, expected) = (Vec::new(), plainly(&text, escape));
            let record_end = dialect.split(&text, 0, &mut cells);
            for span in &cells {
                assert!(dialect.cell(&text, *span, &mut Vec::new()).len() <= span.end - span.start);
            }
            let mut cell_starts = vec![[0; 2]; cells.len() + 1];
            let is_blank = matches!(text.first(), None | Some(b'\n' | b'\r'));
            if let PlainRows { count: 1, next, are_lines } = dialect.rows(&text, 0, &mut [0], &mut cell_starts) {
                assert!(!are_lines || line_ends(&text[..next]) == 1);
                let behind =
                    |cell: &Span| u16::try_from(cell.end + usize::from(cell.quoted) + 1).unwrap().to_le_bytes();
                assert_eq!((next, record_end.fault, is_blank), (record_end.next, None, false));
                assert_eq!(cell_starts[1..], cells.iter().map(behind).collect::<Vec<_>>());
            } else {
                let is_last = record_end.next == text.len();
                let holds_escape =
                    escape.is_some_and(|escape| text[..record_end.next.min(text.len())].contains(&escape));
                // What stands behind the record may be an escape too.
                let is_last = is_last || escape.is_some_and(|escape| text.get(record_end.next) == Some(&escape));
                assert!(
                    is_blank || record_end.fault.is_some() || is_last || holds_escape,
                    "{}",
                    String::from_utf8_lossy(&text)
                );
            }
            for width in (1..cells.len()).chain([cells.len() + 1]) {
                let rows = dialect.rows(&text, 0, &mut [0], &mut vec![[0; 2]; width + 1]);
                assert_eq!((rows.count, rows.next), (0, 0));
            }
            let found = (cells, record_end.end, record_end.fault);
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(&text));
        }
    }
}
