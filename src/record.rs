//! The records of one source: their bytes, their borders, their places.
//!
//! A table holds the text of one source as it was read (decoded to UTF-8, otherwise untouched) and where each record
//! starts. A record is split again whenever it is visited: that costs less than keeping its cells, and needs no memory.
//! Splitting is strict: a quote opens only at the start of a cell and closes only at its end.

use std::ops::Range;

use crate::diagnostic::{Cell, Place, shape};
use crate::mapping::Tail;

/// How a CSV file is written, ready for use.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// What separates cells.
    pub delimiter: u8,
    /// What encloses cells.
    pub quote: Option<u8>,
    /// The encoding of the file.
    pub encoding: Encoding,
    /// The first record holds the names of the columns.
    pub header: bool,
    /// The cells that count as empty.
    pub null_values: Vec<Vec<u8>>,
    /// What to do with a last record that has no line end.
    pub tail: Tail,
    stops: Box<[bool; 256]>,
}

/// An encoding of a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; anything else is an error.
    Utf8,
    /// UTF-8, and each record that is not is Windows-1252.
    Auto,
    /// An encoding of the WHATWG standard.
    Label(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of a WHATWG label, or `auto`.
    #[must_use]
    pub fn named(label: &str) -> Option<Encoding> {
        if label.eq_ignore_ascii_case("auto") {
            return Some(Encoding::Auto);
        }
        let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(if encoding == encoding_rs::UTF_8 { Encoding::Utf8 } else { Encoding::Label(encoding) })
    }

    /// Its name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 | Encoding::Auto => "UTF-8",
            Encoding::Label(encoding) => encoding.name(),
        }
    }

    /// A text in this encoding. Characters that it lacks become numeric references, which cannot happen to a text that
    /// was read in it.
    #[must_use]
    pub fn encoded(self, text: &str) -> Vec<u8> {
        match self {
            Encoding::Utf8 | Encoding::Auto => text.as_bytes().to_vec(),
            Encoding::Label(e) if e == encoding_rs::UTF_16LE => {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            Encoding::Label(e) if e == encoding_rs::UTF_16BE => {
                text.encode_utf16().flat_map(u16::to_be_bytes).collect()
            }
            Encoding::Label(encoding) => encoding.encode(text).0.into_owned(),
        }
    }
}

/// One cell inside the text of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts, behind its opening quote.
    pub start: usize,
    /// Where it ends, before its closing quote.
    pub end: usize,
    /// It stands in quotes.
    pub quoted: bool,
    /// It holds quotes written twice.
    pub doubled: bool,
}

/// The end of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// Where its last cell ends.
    pub end: usize,
    /// Where the next record starts.
    pub next: usize,
    /// Why the border cannot be trusted.
    pub fault: Option<Fault>,
}

/// What is wrong with the quotes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A quote inside a cell, or text behind a closing quote, at this byte.
    Stray(usize),
    /// A quote opened at this byte is never closed.
    Open(usize),
}

impl Dialect {
    /// A dialect with these characters.
    #[must_use]
    pub fn new(
        delimiter: u8,
        quote: Option<u8>,
        encoding: Encoding,
        header: bool,
        null_values: Vec<Vec<u8>>,
        tail: Tail,
    ) -> Dialect {
        let mut stops = Box::new([false; 256]);
        for stop in [Some(delimiter), Some(b'\n'), Some(b'\r'), quote].into_iter().flatten() {
            stops[usize::from(stop)] = true;
        }
        Dialect { delimiter, quote, encoding, header, null_values, tail, stops }
    }

    /// Splits the record that starts at `start` into its cells.
    pub fn split(&self, text: &[u8], start: usize, cells: &mut Vec<Span>) -> Border {
        self.split_some(text, start, usize::MAX, cells)
    }

    /// Splits off the first cells of a record that is known to be good. The border is that of the last of them.
    pub fn split_some(&self, text: &[u8], start: usize, count: usize, cells: &mut Vec<Span>) -> Border {
        cells.clear();
        let mut at = start;
        loop {
            let open = at;
            if self.quote.is_some() && text.get(at).copied() == self.quote {
                let Some((end, doubled)) = self.close(text, at + 1) else {
                    return Border { end: text.len(), next: text.len(), fault: Some(Fault::Open(open)) };
                };
                at = end;
                cells.push(Span { start: open + 1, end: at - 1, quoted: true, doubled });
            } else {
                at = self.stop(text, at);
                cells.push(Span { start: open, end: at, quoted: false, doubled: false });
            }
            match text.get(at) {
                Some(_) if cells.len() == count => return Border { end: at, next: at, fault: None },
                Some(byte) if *byte == self.delimiter => at += 1,
                Some(b'\n') => return Border { end: at, next: at + 1, fault: None },
                Some(b'\r') => {
                    let next = if text.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 };
                    return Border { end: at, next, fault: None };
                }
                None => return Border { end: at, next: at, fault: None },
                Some(_) => return Border { end: at, next: at, fault: Some(Fault::Stray(at)) },
            }
        }
    }

    /// The first byte at or behind `at` that ends a cell without quotes, or the end of the text.
    ///
    /// Eight bytes at a time: cells are short, and one step without a branch for each byte is worth more than a long
    /// stride. A subtraction borrows out of a byte only where it is smaller, so the lowest mark is always a true one.
    fn stop(&self, text: &[u8], at: usize) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let equal = |word: u64, byte: u8| {
            let apart = word ^ (ONES * u64::from(byte));
            apart.wrapping_sub(ONES) & !apart
        };
        let mut at = at;
        while let Some(eight) = text.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
            let word = u64::from_le_bytes(eight);
            // Both line ends are below 14; the few other control characters are looked at one by one.
            let below = word.wrapping_sub(ONES * 14) & !word;
            let marks = (below | equal(word, self.delimiter) | equal(word, self.quote.unwrap_or(b'\n'))) & HIGH;
            if marks == 0 {
                at += 8;
                continue;
            }
            at += marks.trailing_zeros() as usize / 8;
            if self.stops[usize::from(text[at])] {
                return at;
            }
            at += 1;
        }
        at + text[at..].iter().position(|byte| self.stops[usize::from(*byte)]).unwrap_or(text.len() - at)
    }

    /// The byte behind the quote that closes a cell, and whether quotes were written twice on the way.
    fn close(&self, text: &[u8], from: usize) -> Option<(usize, bool)> {
        let quote = self.quote?;
        let (mut at, mut doubled) = (from, false);
        loop {
            at += memchr::memchr(quote, &text[at..])? + 1;
            if text.get(at) != Some(&quote) {
                return Some((at, doubled));
            }
            doubled = true;
            at += 1;
        }
    }

    /// The text of a cell as it is meant, with doubled quotes undone into `buffer`.
    pub fn cell<'a>(&self, text: &'a [u8], span: Span, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let cell = &text[span.start..span.end];
        match self.quote {
            Some(quote) if span.doubled => {
                buffer.clear();
                let mut rest = cell;
                while let Some(at) = memchr::memchr(quote, rest) {
                    buffer.extend_from_slice(&rest[..=at]);
                    rest = &rest[at + 2..];
                }
                buffer.extend_from_slice(rest);
                buffer
            }
            _ => cell,
        }
    }

    /// Whether a cell counts as empty.
    #[must_use]
    pub fn is_null(&self, cell: &[u8]) -> bool {
        self.null_values.iter().any(|null| null == cell)
    }
}

/// How cells of a column may be shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By the shape of their characters.
    Masked,
    /// As they are: somebody asked for it.
    Clear,
    /// Not at all.
    Never,
}

/// One file of a source.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file as it is named in messages.
    pub path: String,
    /// The first of its records.
    pub first: u32,
    /// Where its text stands in the text of the table, header included.
    pub text: Range<usize>,
}

/// Bytes that could not be decoded: where the replacement character stands, and what stood there.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The byte in the text of the table.
    pub at: usize,
    /// The bytes of the file.
    pub original: Vec<u8>,
}

/// All records of one source.
#[derive(Debug)]
pub struct Table {
    /// The name of the source.
    pub name: String,
    /// How its files are written.
    pub dialect: Dialect,
    /// Its files, in the order they are read.
    pub parts: Vec<Part>,
    /// The names of the columns, in the order of the file.
    pub header: Vec<String>,
    /// For each column the plan uses: which column of the file it is.
    pub bind: Vec<usize>,
    /// How the cells of each column of the file may be shown.
    pub shown: Vec<Shown>,
    /// The text of all files, UTF-8.
    pub text: Vec<u8>,
    /// Where each record starts.
    pub starts: Vec<usize>,
    /// Where bytes could not be decoded, in order.
    pub patches: Vec<Patch>,
    /// The line of some records, so that the line of any is found without counting from the start.
    pub marks: Vec<(u32, u64)>,
}

impl Table {
    /// The number of records.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Splits a record into its cells.
    pub fn split(&self, row: u32, cells: &mut Vec<Span>) -> Border {
        self.dialect.split(&self.text, self.starts[row as usize], cells)
    }

    /// Splits off the first cells of a record that is known to be good.
    pub fn split_some(&self, row: u32, count: usize, cells: &mut Vec<Span>) {
        self.dialect.split_some(&self.text, self.starts[row as usize], count, cells);
    }

    /// The file a record stands in.
    #[must_use]
    pub fn part(&self, row: u32) -> &Part {
        let after = self.parts.partition_point(|part| part.first <= row);
        &self.parts[after.saturating_sub(1)]
    }

    /// The bytes of a record, without its line end.
    #[must_use]
    pub fn raw(&self, row: u32) -> Range<usize> {
        let start = self.starts[row as usize];
        let part_end = self.part(row).text.end;
        let end = self.starts.get(row as usize + 1).map_or(part_end, |next| (*next).min(part_end));
        let blank = self.text[start..end].iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        start..end - blank
    }

    /// The line a record starts on, from 1.
    #[must_use]
    pub fn line(&self, row: u32) -> u64 {
        let mark = self.marks.partition_point(|(marked, _)| *marked <= row).saturating_sub(1);
        let (marked, line) = self.marks[mark];
        line + line_ends(&self.text[self.starts[marked as usize]..self.starts[row as usize]])
    }

    /// The place of a whole record.
    #[must_use]
    pub fn record(&self, row: u32) -> Cell {
        let raw = self.raw(row);
        let first = line_of(&self.text, raw.clone(), raw.start);
        let width = self.chars(first.clone());
        let place = Place {
            path: self.part(row).path.clone(),
            line: self.line(row),
            column: 1,
            width,
            text: self.masked(row, first),
        };
        Cell { place, column: String::new(), found: String::new() }
    }

    /// The place of one cell, by its column in the file.
    #[must_use]
    pub fn cell(&self, row: u32, column: usize) -> Cell {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let Some(span) = cells.get(column).copied() else { return self.record(row) };
        let raw = self.raw(row);
        let start = if span.quoted { span.start - 1 } else { span.start };
        let line = line_of(&self.text, raw.clone(), start);
        let mut buffer = Vec::new();
        let text = String::from_utf8_lossy(self.dialect.cell(&self.text, span, &mut buffer)).into_owned();
        let place = Place {
            path: self.part(row).path.clone(),
            line: self.line(row) + line_ends(&self.text[raw.start..start]),
            column: self.chars(line.start..start) + 1,
            width: self.chars(start..(span.end + usize::from(span.quoted)).min(line.end).max(start)).max(1),
            text: self.masked(row, line),
        };
        let found = match self.shown_as(&cells, column) {
            Shown::Clear => text,
            Shown::Never => "(sensitive)".to_owned(),
            Shown::Masked => crate::diagnostic::mask(&text),
        };
        Cell { place, column: self.header.get(column).cloned().unwrap_or_default(), found }
    }

    /// How a cell of a record may be shown. In a record of another width any cell may be the sensitive one.
    fn shown_as(&self, cells: &[Span], column: usize) -> Shown {
        let shifted = cells.len() != self.header.len() && self.shown.contains(&Shown::Never);
        if shifted { Shown::Never } else { self.shown.get(column).copied().unwrap_or(Shown::Masked) }
    }

    fn chars(&self, range: Range<usize>) -> u64 {
        String::from_utf8_lossy(&self.text[range]).chars().count() as u64
    }

    /// A line of a record with every cell masked as its column asks; delimiters and quotes stay.
    fn masked(&self, row: u32, line: Range<usize>) -> String {
        let mut cells = Vec::new();
        self.split(row, &mut cells);
        let mut column = 0;
        let mut masked = String::new();
        for (at, character) in String::from_utf8_lossy(&self.text[line.clone()]).char_indices() {
            let at = line.start + at;
            while cells.get(column).is_some_and(|cell| cell.end < at) {
                column += 1;
            }
            let inside = cells.get(column).is_none_or(|cell| (cell.start..cell.end).contains(&at));
            masked.push(match self.shown_as(&cells, column) {
                Shown::Clear if inside && !character.is_control() => character,
                Shown::Never if inside => 'x',
                _ => shape(character),
            });
        }
        masked
    }
}

/// The number of line ends in some text: LF, CRLF or CR.
#[must_use]
pub fn line_ends(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    let lone = memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// The physical line around a byte, within a range.
fn line_of(text: &[u8], within: Range<usize>, at: usize) -> Range<usize> {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = text[within.start..at].iter().rposition(is_end).map_or(within.start, |end| within.start + end + 1);
    let end = text[at..within.end].iter().position(is_end).map_or(within.end, |end| at + end);
    start..end
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Encoding, Fault, Span, line_ends};
    use crate::mapping::Tail;

    fn split(text: &str) -> (Vec<String>, Option<Fault>) {
        let dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let mut spans: Vec<Span> = Vec::new();
        let border = dialect.split(text.as_bytes(), 0, &mut spans);
        let mut buffer = Vec::new();
        let cell = |span: &Span| String::from_utf8(dialect.cell(text.as_bytes(), *span, &mut buffer).to_vec()).unwrap();
        (spans.iter().map(cell).collect(), border.fault)
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
        assert_eq!(split("\"a\"b;c\n").1, Some(Fault::Stray(3)));
        assert_eq!(split("a\"b;c\n").1, Some(Fault::Stray(1)));
        assert_eq!(split("x;\"ab\n").1, Some(Fault::Open(2)));
    }

    #[test]
    fn the_end_of_a_cell_is_found_as_by_looking_at_each_byte() {
        let dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let alphabet = [b';', b'"', b'\n', b'\r', b'\t', 0, b'a', b':', b'<', 0x8A, 0xBB, 0xFF, b'!', b'#', 13, 14];
        let mut seed = 1u64;
        for length in (0..40).cycle().take(20_000) {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly harmless bytes, so that long runs happen too.
                if seed >> 61 == 0 {
                    alphabet[(seed >> 40) as usize % alphabet.len()]
                } else {
                    b"etaoinshrdlu"[(seed >> 50) as usize % 12]
                }
            };
            let text: Vec<u8> = (0..length).map(|_| next()).collect();
            let plain = text.iter().position(|byte| matches!(byte, b';' | b'"' | b'\n' | b'\r')).unwrap_or(text.len());
            assert_eq!(dialect.stop(&text, 0), plain, "{text:?}");
        }
    }

    #[test]
    fn line_ends_of_all_kinds_count_once() {
        assert_eq!(line_ends(b"a\r\nb\rc\nd"), 3);
    }
}
