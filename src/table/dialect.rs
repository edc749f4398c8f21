//! How a CSV file is written: its delimiter, its quote, its encoding, and which cells count as empty.

use wide::u8x16;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::table::code_page::CodePage;

/// How a CSV file is written, ready for use.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// What separates cells.
    pub delimiter: u8,
    /// What encloses cells.
    pub quote: Option<u8>,
    /// What makes a quote, or itself, a character of a cell in quotes.
    pub escape: Option<u8>,
    /// Which lines are no records.
    pub skip: SkipRules,
    /// The encoding of the file.
    pub encoding: Encoding,
    /// The first record holds the names of the columns.
    pub header: bool,
    /// The cells that count as empty.
    pub null_values: Vec<Vec<u8>>,
    /// Only an empty cell counts as empty.
    pub plain_nulls: bool,
    /// What to do with a last record that has no line end.
    pub tail: Tail,
    /// The delimiter and the quote, ready to be compared.
    pub(super) lanes: (u8x16, u8x16),
}

/// Which lines of a file are no records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipRules {
    /// How many lines stand in front of all others.
    pub first: u32,
    /// What the last line begins with; nothing: it is a record.
    pub footer: Vec<u8>,
    /// What a line begins with that is a comment.
    pub comment: Option<u8>,
    /// What becomes of a record whose cells are all empty.
    pub blank_rows: BlankRows,
}

impl SkipRules {
    /// Whether each line may be a record.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == SkipRules::default()
    }
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
    /// A code page of DOS.
    Page(CodePage),
}

impl Encoding {
    /// The encoding of a WHATWG label, of a code page of DOS, or `auto`.
    #[must_use]
    pub fn named(label: &str) -> Option<Encoding> {
        if label.eq_ignore_ascii_case("auto") {
            return Some(Encoding::Auto);
        }
        let Some(encoding) = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()) else {
            return CodePage::named(label).map(Encoding::Page);
        };
        Some(if encoding == encoding_rs::UTF_8 { Encoding::Utf8 } else { Encoding::Label(encoding) })
    }

    /// Its name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 | Encoding::Auto => "UTF-8",
            Encoding::Label(encoding) => encoding.name(),
            Encoding::Page(page) => page.name,
        }
    }

    /// What bytes are that do not exist in it, for messages.
    #[must_use]
    pub fn describe_foreign(self) -> String {
        match self {
            Encoding::Auto => "neither UTF-8 nor Windows-1252".to_owned(),
            other => format!("not {}", other.name()),
        }
    }

    /// What to do about such bytes.
    #[must_use]
    pub fn advise_foreign(self) -> &'static str {
        match self {
            Encoding::Auto => "they are damaged, or in a third encoding: set that as `encoding` in the dialect",
            _ => "set the `encoding` of the dialect; `auto` reads UTF-8 and Windows-1252",
        }
    }

    /// A text in this encoding. Characters that it lacks become numeric references or question marks, which cannot happen to
    /// a text that was read in it.
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
            Encoding::Page(page) => text.chars().map(|c| page.encode(c).unwrap_or(b'?')).collect(),
        }
    }
}

/// What to do with a last record that has no line end: it may have been cut by a power failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// Use it when it is provably whole, or when nothing speaks for a cut; then with a warning.
    #[default]
    Auto,
    /// Reject it.
    Strict,
    /// Use it.
    Accept,
}

/// What to do with a record of which every cell is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlankRows {
    /// It is a record like any other.
    #[default]
    Keep,
    /// It is no record.
    Skip,
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
    /// It holds quotes written twice, or what may be escaped.
    pub doubled: bool,
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
        let plain_nulls = null_values == [b""];
        let lanes = (u8x16::new([delimiter; 16]), u8x16::new([quote.unwrap_or(b'\n'); 16]));
        let (escape, skip) = (None, SkipRules::default());
        Dialect { delimiter, quote, escape, skip, encoding, header, null_values, plain_nulls, tail, lanes }
    }

    /// The text of a cell; doubled quotes, and what is escaped, are undone in `buffer`.
    pub fn cell<'a>(&self, text: &'a [u8], span: Span, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let cell = &text[span.start..span.end];
        match self.quote {
            Some(quote) if span.doubled => {
                buffer.clear();
                let mut rest = cell;
                while let Some(at) = self.find_undone(quote, rest) {
                    buffer.extend_from_slice(&rest[..at]);
                    buffer.push(rest[at + 1]);
                    rest = &rest[at + 2..];
                }
                buffer.extend_from_slice(rest);
                buffer
            }
            _ => cell,
        }
    }

    /// Where the first of two bytes stands that are one character: a quote that is written twice, or one that is escaped.
    #[inline]
    fn find_undone(&self, quote: u8, cell: &[u8]) -> Option<usize> {
        match self.escape {
            None => memchr::memchr(quote, cell),
            Some(escape) => find_escaped(quote, escape, cell),
        }
    }

    /// Whether a cell counts as empty.
    #[must_use]
    #[inline]
    pub fn is_null(&self, cell: &[u8]) -> bool {
        if self.plain_nulls {
            return cell.is_empty();
        }
        self.null_values.iter().any(|null| null == cell)
    }
}

/// The same, where a dialect has an escape.
#[cold]
fn find_escaped(quote: u8, escape: u8, cell: &[u8]) -> Option<usize> {
    let is_pair =
        |at: &usize| cell[*at] == quote || matches!(cell.get(at + 1), Some(next) if *next == quote || *next == escape);
    memchr::memchr2_iter(quote, escape, cell).find(is_pair)
}
