//! The file of a code table -> its codes with their translations, read as strictly as a source.
//!
//! One wrong line would wrong every document that uses it, so nothing is left out or repaired: a file of which any byte is in
//! doubt is an error of the configuration, with its line. Nothing else than a regular file is opened.

use std::{collections::BTreeMap, path::Path};

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Place},
    read::{decode::decode_text, line_filter::LineFilter},
    regular_file::{FileFault, read_regular_file},
    table::{
        Patch,
        dialect::{Dialect, Span, Tail},
        excerpt::line_of,
        limits::MAX_DAMAGE,
        line_ends,
        split::QuoteFault,
    },
};

/// The largest code table, in bytes.
const MAX_CODE_TABLE: u64 = 16 << 20;

/// A code and its translation.
type CodeEntry = (String, String);

/// Reads a code table.
///
/// # Errors
/// The file cannot be read, or is not a header and two columns of different codes.
pub fn read_code_table(path: &Path, dialect: &Dialect) -> Result<Vec<CodeEntry>, Diagnostic> {
    let shown = path.display().to_string();
    let bytes = read_bytes(path, &shown)?;
    let decoded = decode_text(&shown, &bytes, dialect).map_err(|wrong| {
        let is_archive = wrong.code == Code::ReadCompressed;
        let wrong = Diagnostic { code: Code::PlanCodeTable, ..wrong };
        if is_archive {
            let message = "the code table is an archive or another document, not CSV".to_owned();
            return Diagnostic { message, ..wrong }.hint("unpack it, or export it as CSV");
        }
        wrong
    })?;
    let (text, patches) = match decoded {
        (text, patches) if patches.len() > MAX_DAMAGE => (text, patches),
        (text, patches) => leave_lines_out(&shown, text, patches, dialect)?,
    };
    let file = CodeText { path: &shown, text: &text, dialect, is_table: begins_as_table(&text, dialect) };
    if let Some(patch) = patches.first() {
        let message = format!("the code table holds bytes that are not {}", dialect.encoding.name());
        return Err(file.finding(patch.at, message).hint("set the `encoding` of its dialect"));
    }
    if let Some(at) = memchr::memchr(0, file.text) {
        return Err(file.finding(at, "the code table holds NUL bytes").hint("put back a copy of it that is whole"));
    }
    if let Some(at) = memchr::memmem::find(file.text, "\u{FEFF}".as_bytes()) {
        let message = "a byte order mark stands inside the code table: two files were joined here";
        return Err(file.finding(at, message).hint("take the mark out, and the header behind it"));
    }
    file.read_entries()
}

/// The text of a code table, and its patches, without the lines that are no entries.
fn leave_lines_out(
    shown: &str,
    text: Vec<u8>,
    patches: Vec<Patch>,
    dialect: &Dialect,
) -> Result<(Vec<u8>, Vec<Patch>), Diagnostic> {
    let Some(mut lines) = LineFilter::new(dialect) else { return Ok((text, patches)) };
    (lines.text, lines.patches) = (text, patches);
    let (mut text, mut patches) = (Vec::new(), Vec::new());
    lines.pass_on(&mut text, &mut patches, true);
    if !dialect.skip.footer.is_empty() && !lines.skipped.has_footer {
        let footer = String::from_utf8_lossy(&dialect.skip.footer);
        let message = format!("the last line of the code table does not begin with the footer `{footer}`");
        let hint = "put back a copy of it that is whole, or correct `footer` in its dialect";
        return Err(Diagnostic::new(Code::PlanCodeTable, message).file(shown).hint(hint));
    }
    Ok((text, patches))
}

/// The bytes of a regular file that is not too large.
fn read_bytes(path: &Path, shown: &str) -> Result<Vec<u8>, Diagnostic> {
    let (bytes, _) = read_regular_file(path, MAX_CODE_TABLE).map_err(|fault| {
        let code = if matches!(fault, FileFault::TooLarge) { Code::PlanTooLarge } else { Code::PlanMissingFile };
        let wrong = Diagnostic::new(code, format!("the code table {}", fault.describe(MAX_CODE_TABLE))).file(shown);
        wrong.hint(fault.advice())
    })?;
    Ok(bytes)
}

/// A code table as text.
struct CodeText<'a> {
    path: &'a str,
    text: &'a [u8],
    dialect: &'a Dialect,
    /// Its first record is a code and its translation. Any other file may be a secret, so nothing of it is drawn.
    is_table: bool,
}

/// Whether the first record that is not blank has two cells.
fn begins_as_table(text: &[u8], dialect: &Dialect) -> bool {
    let start = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    let mut cells = Vec::new();
    start < text.len() && dialect.split(text, start, &mut cells).fault.is_none() && cells.len() == 2
}

impl CodeText<'_> {
    /// A finding about the line of a byte.
    fn finding(&self, at: usize, message: impl Into<String>) -> Diagnostic {
        let cell = Cell::of_line(self.line(at));
        Diagnostic::new(Code::PlanCodeTable, message).cell(cell)
    }

    /// The line of a byte.
    fn line(&self, at: usize) -> Place {
        let line = line_of(self.text, 0..self.text.len(), at);
        let text =
            if self.is_table { String::from_utf8_lossy(&self.text[line.clone()]) } else { "".into() }.into_owned();
        Place { line: line_ends(&self.text[..line.start]) + 1, text: text.into(), ..Place::file(self.path) }
    }

    /// The finding about a quote, at its column.
    fn describe_quote(&self, fault: QuoteFault) -> Diagnostic {
        let (at, message) = match fault {
            QuoteFault::Open(at) => (at, "the quote that opens here is never closed"),
            QuoteFault::Stray(at) => (at, "a quote stands where none may be: inside a cell, or before its end"),
        };
        let start = line_of(self.text, 0..self.text.len(), at).start;
        let column = String::from_utf8_lossy(&self.text[start..at]).chars().count() as u64 + 1;
        let cell = Cell::of_line(Place { column, width: 1, ..self.line(at) });
        Diagnostic::new(Code::PlanCodeTable, message)
            .cell(cell)
            .hint("a cell that holds a quote needs quotes around it, and writes the quote twice")
    }

    fn read_entries(&self) -> Result<Vec<CodeEntry>, Diagnostic> {
        let (mut entries, mut header, mut known) = (Vec::new(), None, BTreeMap::new());
        let (mut at, mut cells) = (0, Vec::new());
        loop {
            at += self.text[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if at >= self.text.len() {
                break;
            }
            let record_end = self.dialect.split(self.text, at, &mut cells);
            if let Some(fault) = record_end.fault {
                return Err(self.describe_quote(fault));
            }
            let entry = self.entry(&cells);
            let is_header = self.dialect.header && header.is_none();
            match (entry, is_header) {
                (Some(names), true) => header = Some((names, at)),
                (Some((code, _)), false) if code.is_empty() => {
                    return Err(self.finding(at, "this entry of the code table has no code"));
                }
                (Some((code, value)), false) => {
                    if let Some(first) = known.insert(code.clone(), at) {
                        return Err(self
                            .finding(at, format!("the code table has the code `{code}` twice"))
                            .also(self.line(first), "first written here")
                            .hint("keep one of the two"));
                    }
                    entries.push((code, value));
                }
                (None, _) => return Err(self.describe_width(at, cells.len(), is_header, entries.len())),
            }
            at = record_end.next;
        }
        if let Some((names, at)) = &header {
            self.check_header(names, *at, &entries, &known)?;
        }
        self.check_end(&entries)?;
        Ok(entries)
    }

    /// The two cells of an entry; `None`: it has more or fewer.
    fn entry(&self, cells: &[Span]) -> Option<CodeEntry> {
        let [code, value] = cells else { return None };
        let mut buffer = Vec::new();
        let mut text =
            |span: &Span| String::from_utf8_lossy(self.dialect.cell(self.text, *span, &mut buffer)).into_owned();
        Some((text(code), text(value)))
    }

    /// The finding that a line does not have two cells.
    fn describe_width(&self, at: usize, found: usize, is_header: bool, entries: usize) -> Diagnostic {
        let count = if found == 1 { "1 cell".to_owned() } else { format!("{found} cells") };
        let what = if is_header { "the header".to_owned() } else { format!("entry {}", entries + 1) };
        let finding = self.finding(at, format!("{what} of the code table has {count}, not a code and its translation"));
        let delimiter = char::from(self.dialect.delimiter).escape_default();
        if found == 1 {
            finding
                .hint(format!("separate the two by `{delimiter}`, or set the `delimiter` in the dialect of the table"))
        } else {
            finding.hint(format!("a cell that holds `{delimiter}` needs quotes"))
        }
    }

    /// Checks that the header is none of the entries: without a header the first entry would be taken for it.
    fn check_header(
        &self,
        names: &CodeEntry,
        at: usize,
        entries: &[CodeEntry],
        known: &BTreeMap<String, usize>,
    ) -> Result<(), Diagnostic> {
        if let Some(again) = known.get(&names.0).filter(|_| entries.contains(names)) {
            return Err(self
                .finding(*again, "the header of the code table comes again as an entry")
                .also(self.line(at), "first written here")
                .hint("keep one of the two"));
        }
        let is_number = |text: &str| {
            text.bytes().any(|byte| byte.is_ascii_digit())
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b' '))
        };
        let why = if is_number(&names.0) || is_number(&names.1) {
            "it holds a number"
        } else if known.contains_key(&names.0) {
            "its code is in the table again"
        } else if entries.iter().any(|(_, value)| *value == names.1) {
            "its translation is in the table again"
        } else if looks_like_entries(names, entries) {
            "it is written as all the others are"
        } else {
            return Ok(());
        };
        let message = format!("the first line of the code table looks like an entry, not like a header: {why}");
        let hint =
            "write a header above it, such as `code` and `name`, or set `header: false` in the dialect of the table";
        Err(self.finding(at, message).hint(hint))
    }

    /// Checks that there are entries, and that the last line is whole.
    fn check_end(&self, entries: &[CodeEntry]) -> Result<(), Diagnostic> {
        if entries.is_empty() {
            let message = "the code table has no entries";
            return Err(Diagnostic::new(Code::PlanCodeTable, message)
                .file(self.path)
                .hint("write one code in each line"));
        }
        let is_whole = self.text.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r'));
        if is_whole || self.dialect.tail == Tail::Accept {
            return Ok(());
        }
        let hint = "add the line end if the line is whole, or set `tail: accept` in the dialect of the table";
        let at = self.text.len() - 1;
        Err(self.finding(at, "the last line of the code table has no line end, so it may be cut").hint(hint))
    }
}

/// Whether a first line has the form of all entries: its code the same letters and digits, in upper or lower case, and its
/// translation words of the same kind. Names in lower case say nothing.
fn looks_like_entries(names: &CodeEntry, entries: &[CodeEntry]) -> bool {
    let sort = |character: char| match character {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'X',
        c if c.is_alphabetic() => 'x',
        c => c,
    };
    let form = |text: &str| text.chars().map(sort).collect::<String>();
    let kind = |text: &str| {
        let mut kind: Vec<char> = text.chars().map(sort).collect();
        kind.dedup();
        kind
    };
    let (code, value) = (form(&names.0), kind(&names.1));
    let says_something = code.chars().chain(value.iter().copied()).any(|sort| sort != 'x');
    says_something && entries.iter().all(|entry| form(&entry.0) == code && kind(&entry.1) == value)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{
        diagnostic::Code,
        read::code_table::{MAX_CODE_TABLE, read_code_table},
        table::dialect::{Dialect, Encoding, Tail},
    };

    fn dialect(header: bool) -> Dialect {
        Dialect::new(b',', Some(b'"'), Encoding::Utf8, header, vec![], Tail::Auto)
    }

    fn read(text: &[u8], header: bool) -> Result<Vec<(String, String)>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read_code_table(file.path(), &dialect(header)).map_err(|wrong| wrong.message)
    }

    #[test]
    fn the_first_line_is_a_header_or_an_error() {
        let good =
            ["code,name\n1,Gold\n", "id,text\nab,cd\n", "ID,NAME\nFR,France\nDE,Germany\n", "Code,Name\nG,Gold\n"];
        for text in good {
            assert!(read(text.as_bytes(), true).is_ok(), "{text}");
        }
        let wrong = [
            "1,Gold\n2,Silver\n",
            "-1.5,Low\nx,High\n",
            "M,Male\nF,Female\n",
            "FR,France\nDE,Germany\n",
            "A1,Window\nB2,Aisle\n",
            "x,Gold\ny,Silver\nz,Gold\n",
            "Female,1\nMale,2\n",
        ];
        for text in wrong {
            let found = read(text.as_bytes(), true).unwrap_err();
            assert!(found.starts_with("the first line of the code table looks like an entry"), "{text}: {found}");
            assert!(read(text.as_bytes(), false).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_table_that_is_cut_anywhere_is_refused_or_ends_with_a_whole_line() {
        let whole = "code,name\n1,\"Gold, \"\"x\"\"\ny\"\n2,Silver\n13,Bronze\n";
        let entries = read(whole.as_bytes(), true).unwrap();
        for length in 0..whole.len() {
            if let Ok(found) = read(&whole.as_bytes()[..length], true) {
                assert!(entries.starts_with(&found) && whole[..length].ends_with('\n'), "{length}: {found:?}");
            }
        }
    }

    #[test]
    fn each_byte_that_turns_into_a_quote_or_nul_is_noticed_or_changes_one_cell() {
        let whole = b"code,name\n1,Gold\n2,\"Silver\"\n3,Bronze\n";
        for at in 0..whole.len() {
            let mut text = whole.to_vec();
            text[at] = 0;
            assert!(read(&text, true).is_err(), "NUL at {at}");
            text[at] = b'"';
            if let Ok(entries) = read(&text, true) {
                assert_eq!((entries.len(), text[at]), (3, whole[at]), "quote at {at}: {entries:?}");
            }
        }
    }

    #[test]
    fn only_a_regular_file_of_a_sane_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.csv");
        fs::File::create(&large).unwrap().set_len(MAX_CODE_TABLE + 1).unwrap();
        let table = [
            (folder.path(), Code::PlanMissingFile),
            (Path::new("/dev/zero"), Code::PlanMissingFile),
            (large.as_path(), Code::PlanTooLarge),
            (Path::new("no/such/file"), Code::PlanMissingFile),
        ];
        for (path, code) in table {
            assert_eq!(read_code_table(path, &dialect(true)).unwrap_err().code, code, "{}", path.display());
        }
    }

    #[test]
    fn many_codes_take_no_longer_than_they_are_many() {
        let lines = (0..200_000).map(|number| number.to_string() + ",v\n").collect::<Vec<_>>().concat();
        assert_eq!(read(lines.as_bytes(), false).unwrap().len(), 200_000);
    }
}
