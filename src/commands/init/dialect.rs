//! The text of a sample -> how it is divided into cells, and which of its lines are records.
//!
//! Of all delimiters the one is taken that gives the most records the same number of cells.

use std::borrow::Cow;

use crate::table::{
    dialect::{Dialect, Encoding, Span, Tail},
    line_ends,
};

/// The delimiters that are tried, the usual ones first.
const DELIMITERS: [u8; 7] = [b',', b';', b'\t', b'|', b'~', b'^', b':'];
/// How many records are looked at to choose among them.
const TRIED: usize = 300;
/// Among how many of the first records the header is looked for.
const BEFORE_HEADER: usize = 20;
/// How a line of totals begins, in small letters.
const TOTALS: [&str; 12] =
    ["summe", "total", "totals", "sum", "somme", "suma", "totale", "gesamt", "trailer", "footer", "end", "eof"];
/// The words that exports write into cells without a value.
const NULL_WORDS: [&str; 8] = ["n/a", "N/A", "NULL", "null", "\\N", "#N/A", "NaN", "NA"];

/// One record of a sample.
pub(super) struct SampleRecord {
    /// Where it starts.
    start: usize,
    cells: Vec<Span>,
}

/// A sample that is divided into cells.
pub(super) struct Grid {
    pub(super) text: Vec<u8>,
    dialect: Dialect,
    /// The names of the columns; without a header they are made up.
    pub(super) header: Vec<String>,
    pub(super) has_header: bool,
    pub(super) records: Vec<SampleRecord>,
    /// How many lines stand in front of the header.
    pub(super) skip_lines: u64,
    /// How the last line begins, which is no record.
    pub(super) footer: Option<String>,
    /// How many records have only empty cells.
    pub(super) blank_rows: usize,
    /// How many records have another number of cells, or a quote where none may be.
    pub(super) odd_rows: usize,
    /// The words for no value that stand in cells.
    pub(super) null_words: Vec<String>,
}

impl Grid {
    /// Divides a text; `is_whole`: its last record ends there.
    pub(super) fn divide(text: Vec<u8>, is_whole: bool) -> Grid {
        let dialect = choose_dialect(&text);
        let (mut records, faults) = split_all(&dialect, &text, usize::MAX);
        if !is_whole {
            records.pop();
        }
        let width = usual_width(&records);
        let first = find_header(&dialect, &text, &records, width);
        let skip_lines = records.get(first).map_or(0, |record| line_ends(&text[..record.start]));
        let mut grid = Grid {
            dialect,
            header: Vec::new(),
            has_header: true,
            records: records.split_off(first.min(records.len())),
            skip_lines,
            footer: None,
            blank_rows: 0,
            odd_rows: faults,
            null_words: Vec::new(),
            text,
        };
        grid.name_columns(width);
        grid.leave_lines_out(is_whole);
        grid.find_null_words();
        grid
    }

    /// The delimiter.
    pub(super) fn delimiter(&self) -> u8 {
        self.dialect.delimiter
    }

    /// The quote.
    pub(super) fn quote(&self) -> Option<u8> {
        self.dialect.quote
    }

    /// A cell; empty if the record is not that wide.
    pub(super) fn cell(&self, record: usize, column: usize) -> Cow<'_, str> {
        let Some(span) = self.records[record].cells.get(column) else { return "".into() };
        read_cell(&self.dialect, &self.text, *span)
    }

    /// A cell that says something: neither empty nor a word for no value.
    pub(super) fn filled(&self, record: usize, column: usize) -> Option<Cow<'_, str>> {
        let cell = self.cell(record, column);
        (!cell.is_empty() && !self.null_words.iter().any(|word| *word == cell)).then_some(cell)
    }

    /// Takes the first record for the header, unless it looks like data.
    fn name_columns(&mut self, width: usize) {
        let Some(first) = self.records.first() else { return };
        let names: Vec<String> =
            first.cells.iter().map(|span| read_cell(&self.dialect, &self.text, *span).into_owned()).collect();
        let is_text_above_values = |column: usize| {
            let others: Vec<Cow<'_, str>> =
                (1..self.records.len()).filter_map(|record| self.filled(record, column)).collect();
            !others.is_empty() && others.iter().all(|cell| is_value(cell))
        };
        let is_above = names.iter().enumerate().any(|(column, name)| !is_value(name) && is_text_above_values(column));
        let is_header_again = |record: usize| (0..names.len()).all(|column| self.cell(record, column) == names[column]);
        let comes_again = |record: usize| {
            (0..names.len()).any(|column| !names[column].is_empty() && self.cell(record, column) == names[column])
        };
        let is_data = (1..self.records.len()).any(|record| comes_again(record) && !is_header_again(record));
        if is_above || !is_data && !names.iter().any(|name| is_value(name)) {
            self.header = names;
            self.records.remove(0);
        } else {
            self.has_header = false;
            self.header = (1..=width).map(|number| format!("column_{number}")).collect();
        }
    }

    /// Leaves out what is no record: blank rows, a footer, and records with another number of cells.
    fn leave_lines_out(&mut self, is_whole: bool) {
        let width = self.header.len();
        if let Some(last) = self.records.last().filter(|_| is_whole) {
            let filled = last.cells.iter().filter(|span| span.start < span.end).count();
            let text = last.cells.first().map(|span| read_cell(&self.dialect, &self.text, *span)).unwrap_or_default();
            let word: String = text.chars().take_while(|c| c.is_alphabetic()).collect();
            let is_total = TOTALS.contains(&word.to_lowercase().as_str());
            if is_total && (filled < width || last.cells.len() != width) {
                self.footer = Some(word);
                self.records.pop();
            }
        }
        let is_blank = |record: &SampleRecord| width > 1 && record.cells.iter().all(|span| span.start >= span.end);
        let before = self.records.len();
        self.records.retain(|record| !is_blank(record));
        self.blank_rows = before - self.records.len();
        let before = self.records.len();
        self.records.retain(|record| record.cells.len() == width);
        self.odd_rows += before - self.records.len();
    }

    /// Finds the words for no value; `NA` is one only among numbers and days, since it is also a country.
    fn find_null_words(&mut self) {
        let mut found = Vec::new();
        for column in 0..self.header.len() {
            let cells: Vec<Cow<'_, str>> = (0..self.records.len()).map(|record| self.cell(record, column)).collect();
            let is_word = |cell: &str| NULL_WORDS.contains(&cell);
            let values = cells.iter().filter(|cell| is_value(cell)).count();
            let others = cells.iter().filter(|cell| !cell.is_empty() && !is_word(cell)).count();
            for word in cells.iter().filter(|cell| is_word(cell)) {
                let counts = !matches!(word.as_ref(), "NA" | "null") || values > 0 && values == others;
                if counts && !found.iter().any(|known: &String| *known == **word) {
                    found.push(word.clone().into_owned());
                }
            }
        }
        self.null_words = found;
    }
}

/// The delimiter and the quote that divide a text best.
fn choose_dialect(text: &[u8]) -> Dialect {
    let mut best: Option<((usize, usize), Dialect)> = None;
    for quote in [Some(b'"'), None] {
        for delimiter in DELIMITERS {
            let dialect = Dialect::new(delimiter, quote, Encoding::Utf8, true, vec![Vec::new()], Tail::Auto);
            let (records, faults) = split_all(&dialect, text, TRIED);
            let width = usual_width(&records);
            let usual = records.iter().filter(|record| record.cells.len() == width).count();
            let share =
                if width > 1 { usual.saturating_sub(faults) * 1000 / (records.len() + faults).max(1) } else { 0 };
            let score = (share, width);
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                best = Some((score, dialect));
            }
        }
    }
    let plain = || Dialect::new(b',', Some(b'"'), Encoding::Utf8, true, vec![Vec::new()], Tail::Auto);
    best.map_or_else(plain, |(_, dialect)| dialect)
}

/// The records of a text, and how many lines are none because of their quotes.
fn split_all(dialect: &Dialect, text: &[u8], limit: usize) -> (Vec<SampleRecord>, usize) {
    let (mut records, mut faults, mut at) = (Vec::new(), 0, 0);
    while at < text.len() && records.len() + faults < limit {
        if matches!(text[at], b'\n' | b'\r') {
            at += 1;
            continue;
        }
        let mut cells = Vec::new();
        let end = dialect.split(text, at, &mut cells);
        if end.fault.is_some() {
            faults += 1;
            at += memchr::memchr(b'\n', &text[at..]).map_or(text.len() - at, |end| end + 1);
        } else {
            records.push(SampleRecord { start: at, cells });
            at = end.next;
        }
    }
    (records, faults)
}

/// The number of cells that most records have.
fn usual_width(records: &[SampleRecord]) -> usize {
    let mut widths: Vec<usize> = records.iter().take(TRIED).map(|record| record.cells.len()).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|one, other| one == other);
    runs.max_by_key(|run| run.len()).and_then(|run| run.first().copied()).unwrap_or(0)
}

/// Which record may be the header: the first that is as wide as most, and mostly filled.
fn find_header(dialect: &Dialect, text: &[u8], records: &[SampleRecord], width: usize) -> usize {
    let is_header = |record: &SampleRecord| {
        let filled = record.cells.iter().filter(|span| !read_cell(dialect, text, **span).trim().is_empty()).count();
        record.cells.len() == width && 10 * filled >= 6 * width
    };
    records.iter().take(BEFORE_HEADER).position(is_header).unwrap_or(0)
}

fn read_cell<'a>(dialect: &Dialect, text: &'a [u8], span: Span) -> Cow<'a, str> {
    if !span.doubled {
        return String::from_utf8_lossy(&text[span.start..span.end]);
    }
    let mut buffer = Vec::new();
    String::from_utf8_lossy(dialect.cell(text, span, &mut buffer)).into_owned().into()
}

/// Whether a cell is a number, a day or an address, as no name of a column is.
fn is_value(cell: &str) -> bool {
    let has_digit = cell.bytes().any(|byte| byte.is_ascii_digit());
    let is_number = has_digit && cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.,:/ TZ()".contains(&byte));
    is_number || cell.contains('@')
}

#[cfg(test)]
mod tests {
    use crate::commands::init::dialect::Grid;

    fn divide(text: &str) -> Grid {
        Grid::divide(text.into(), true)
    }

    #[test]
    fn the_delimiter_gives_most_records_one_width() {
        let table = [
            ("a,b\n1,2\n", b',', 2),
            ("a;b;c\n1;2,5;x\n", b';', 3),
            ("a|b\n\"x|y\"|2\n", b'|', 2),
            ("a\tb\n1\t2\n", b'\t', 2),
            ("a\n1\n2\n", b',', 1),
        ];
        for (text, delimiter, width) in table {
            let grid = divide(text);
            assert_eq!((grid.delimiter(), grid.header.len()), (delimiter, width), "{text}");
        }
    }

    #[test]
    fn lines_that_are_no_records_are_found() {
        let grid = divide("Statement;;\nMarch;;\nday;who;amount\n1;Ann;2\n;;\n2;Bob;3\nSum;;5\n");
        assert_eq!((grid.skip_lines, grid.footer.as_deref(), grid.blank_rows), (2, Some("Sum"), 1));
        assert_eq!((grid.records.len(), grid.header.join(" ").as_str()), (2, "day who amount"));
    }

    #[test]
    fn a_first_line_of_values_is_no_header() {
        let table = [
            ("Ann,Paris\nBob,Paris\n", false),
            ("id,name\n1,a\nid,name\n2,b\n", true),
            ("1,2\n3,4\n", false),
            ("a,b\n", true),
            ("2024,2025\n", false),
            ("n,2024\nx,1\ny,2\n", false),
        ];
        for (text, has_header) in table {
            assert_eq!(divide(text).has_header, has_header, "{text}");
        }
        assert!(divide("id,name\n1,a\n2,b\n").has_header);
        assert_eq!(divide("1,2\n3,4\n").header, ["column_1", "column_2"]);
    }

    #[test]
    fn words_for_no_value_are_found() {
        assert_eq!(divide("a,b\n1,x\nNA,NA\n").null_words, ["NA"]);
        assert_eq!(divide("a,b\nn/a,x\ny,NA\n").null_words, ["n/a"]);
    }
}
