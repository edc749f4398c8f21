//! The header of a file -> for each column of the plan, the column of the file with its name.
//!
//! Names must be equal, byte for byte. A file whose header cannot be trusted is not read any further. If the line end
//! behind the header was lost, some names are personal data: a name that the plan does not use is shown masked.

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Place, Severity, mask, nearest, shape},
    plan::{ColumnPlan, Plan, SourcePlan},
    recording::ledger::ADDED_COLUMNS,
    table::{
        Patch, Table,
        dialect::{Dialect, Encoding, Span},
        limits::{MAX_COLUMNS, MAX_HEADER, MAX_RECORD},
        split::{QuoteFault, RecordEnd},
    },
};

/// The longest name of a column that is shown for sure, in bytes.
const MAX_NAME: usize = 64;
/// How many bytes a line end may have, and one more to be sure that it ends there.
const LINE_END: usize = 3;
/// The most columns without a name that are looked for before a name, where a header comes again in another order.
const MAX_EMPTY: usize = 4;

/// Where the header of a file ends, and how it would start if it came again.
#[derive(Debug, Default)]
pub(super) struct FileHeader {
    /// Where the first record starts.
    pub(super) body: usize,
    /// What to look for at the start of each record.
    pub(super) again: RepeatedHeader,
}

/// The bytes that a header starts with when it comes again, with and without quotes, also with its columns in another order.
/// Nothing, where there is no header.
#[derive(Debug)]
pub(super) struct RepeatedHeader {
    /// In the order of their first bytes.
    starts: Vec<HeaderStart>,
    /// For each byte that one of them begins with, the last six bits of those that follow: most records are told apart by
    /// that.
    seconds: [u64; 256],
    /// For each byte, which of them begin with it.
    ranges: [(u32, u32); 256],
    /// How many bytes it has at most, with its line end.
    pub(super) longest: usize,
}

/// The bytes of a header that comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderAgain {
    /// It is the same.
    Same,
    /// Its columns are in another order, so that nobody can tell which records follow which of the two.
    Reordered,
}

/// The bytes up to the end of the first name.
#[derive(Debug)]
struct HeaderStart {
    /// The first eight of them, or fewer, and which bytes of eight they are.
    word: u64,
    mask: u64,
    bytes: Vec<u8>,
}

impl HeaderStart {
    fn new(bytes: Vec<u8>) -> HeaderStart {
        let (mut word, mut mask) = ([0; 8], [0; 8]);
        for ((word, mask), byte) in word.iter_mut().zip(&mut mask).zip(&bytes) {
            (*word, *mask) = (*byte, 0xFF);
        }
        HeaderStart { word: u64::from_le_bytes(word), mask: u64::from_le_bytes(mask), bytes }
    }
}

impl Default for RepeatedHeader {
    fn default() -> RepeatedHeader {
        RepeatedHeader { starts: Vec::new(), seconds: [0; 256], ranges: [(0, 0); 256], longest: 0 }
    }
}

impl RepeatedHeader {
    fn new(dialect: &Dialect, names: &[String]) -> RepeatedHeader {
        let mut starts = spell_starts(dialect, names);
        starts.sort_unstable();
        let longest = names.iter().map(|name| 2 * name.len() + 3).sum::<usize>() + 2;
        let (mut seconds, mut ranges) = ([0; 256], [(0, 0); 256]);
        for (number, start) in (0..).zip(&starts) {
            let second = start.get(1).map_or(u64::MAX, |second| 1 << (second & 63));
            // The names of a header may all be empty.
            let firsts = start.first().map_or(0..256, |first| usize::from(*first)..usize::from(*first) + 1);
            for first in firsts {
                let (from, _) = if seconds[first] == 0 { (number, number) } else { ranges[first] };
                ranges[first] = (from, number + 1);
                seconds[first] |= second;
            }
        }
        RepeatedHeader { starts: starts.into_iter().map(HeaderStart::new).collect(), seconds, ranges, longest }
    }

    /// Whether a record that starts at this byte starts as the header does, or with another of its names.
    #[inline]
    pub(super) fn may_start_at(&self, text: &[u8], at: usize) -> bool {
        let Some(first) = text.get(at) else { return false };
        let second = text.get(at + 1).copied().unwrap_or(b'\n');
        (self.seconds[usize::from(*first)] >> (second & 63)) & 1 == 1 && self.starts_at(*first, &text[at..])
    }

    fn starts_at(&self, first: u8, rest: &[u8]) -> bool {
        let (from, to) = self.ranges[usize::from(first)];
        let starts = self.starts.get(from as usize..to as usize).unwrap_or_default();
        let word = rest.first_chunk().map(|first| u64::from_le_bytes(*first));
        starts.iter().any(|start| match word {
            Some(word) => word & start.mask == start.word && rest.starts_with(&start.bytes),
            None => rest.starts_with(&start.bytes),
        })
    }
}

/// How a header may start: with its first name, or with any other as a whole cell, each with and without quotes and escapes. A record
/// is likely to have an empty first cell, so empty names are no start, and stand before another.
fn spell_starts(dialect: &Dialect, names: &[String]) -> Vec<Vec<u8>> {
    let spell = |name: &str| {
        let within = |quote, spell_byte: &mut dyn FnMut(u8, &mut Vec<u8>)| {
            let mut quoted = vec![quote];
            name.bytes().for_each(|byte| spell_byte(byte, &mut quoted));
            quoted.push(quote);
            quoted
        };
        let doubled = dialect.quote.map(|quote| {
            within(quote, &mut |byte, name| name.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == quote))))
        });
        let escaped = dialect.quote.zip(dialect.escape).map(|(quote, escape)| {
            within(quote, &mut |byte, name| {
                name.extend((byte == quote || byte == escape).then_some(escape));
                name.push(byte);
            })
        });
        [Some(name.as_bytes().to_vec()), doubled, escaped].into_iter().flatten()
    };
    let before = |count: usize| vec![dialect.delimiter; count];
    let Some(first) = names.iter().position(|name| !name.is_empty()) else {
        return vec![before(names.len().saturating_sub(1))];
    };
    let mut starts: Vec<Vec<u8>> = spell(&names[first]).map(|name| [before(first), name].concat()).collect();
    let empty = names.iter().filter(|name| name.is_empty()).count().min(MAX_EMPTY);
    for name in names.iter().filter(|name| !name.is_empty() && names.len() > 1) {
        for (count, spelled) in (0..=empty).flat_map(|count| spell(name).map(move |spelled| (count, spelled))) {
            starts.push([before(count), spelled, before(1)].concat());
        }
    }
    starts
}

/// Where the record that starts at this byte ends, if its cells are the names of the header, in whatever order.
pub(super) fn find_again(table: &Table, at: usize) -> Option<(RecordEnd, HeaderAgain)> {
    let (mut cells, mut buffer) = (Vec::new(), Vec::new());
    let record_end = table.dialect.split(&table.text, at, &mut cells);
    if record_end.fault.is_some() || cells.len() != table.header.len() {
        return None;
    }
    let is_name =
        |(span, name): (&Span, &String)| table.dialect.cell(&table.text, *span, &mut buffer) == name.as_bytes();
    if cells.iter().zip(&table.header).all(is_name) {
        return Some((record_end, HeaderAgain::Same));
    }
    let mut found: Vec<Vec<u8>> =
        cells.iter().map(|span| table.dialect.cell(&table.text, *span, &mut buffer).to_vec()).collect();
    let mut names: Vec<&[u8]> = table.header.iter().map(String::as_bytes).collect();
    found.sort_unstable();
    names.sort_unstable();
    (found == names).then_some((record_end, HeaderAgain::Reordered))
}

/// Binds the header of a file to the columns of its table.
pub(super) fn bind_columns(
    plan: &Plan,
    number: usize,
    path: &str,
    text: &[u8],
    table: &mut Table,
) -> Result<FileHeader, Vec<Diagnostic>> {
    let source = &plan.sources[number];
    let (names, header) = if source.dialect.header {
        // What is behind this is no header.
        let text = &text[..text.len().min(count_blank_lines(text) + MAX_HEADER + LINE_END)];
        let (names, body) = read_names(path, text, source, &table.patches)?;
        let again = RepeatedHeader::new(&source.dialect, &names);
        (names, FileHeader { body, again })
    } else {
        (name_columns(text, source), FileHeader::default())
    };
    if names.len() > MAX_COLUMNS {
        return Err(vec![describe_too_large(path, format!("there are more than {MAX_COLUMNS} columns"))]);
    }
    if table.parts.is_empty() {
        let wrong = find_missing(plan, number, path, &names, text);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        table.bind = source.columns.iter().map(|column| column.find_in(&names).unwrap_or(0)).collect();
        if source.columns.iter().any(|column| column.reading.is_some()) {
            table.readings = source.columns.iter().map(|column| column.reading.clone()).collect();
        }
        table.header = names;
    } else if table.header != names {
        let first = table.parts[0].path.clone();
        let message = format!("its header is not the same as that of `{first}`");
        let hint = "files of one source have the same columns in the same order";
        return Err(vec![
            Diagnostic::new(Code::ReadHeader, message).rule(locate_header(path, text, source, &names)).hint(hint),
        ]);
    }
    Ok(header)
}

/// Checks that a file starts with no more blank lines than would be held until its first record is read.
pub(super) fn check_blank_lines(path: &str, text: &[u8]) -> Result<(), Vec<Diagnostic>> {
    if count_blank_bytes(text) <= MAX_HEADER {
        return Ok(());
    }
    let message = format!("the file starts with more than {MAX_HEADER} bytes of blank lines");
    let hint = "copy it again from where it was made, or take the blank lines out";
    Err(vec![Diagnostic::new(Code::ReadHeader, message).file(path).hint(hint)])
}

/// Names the columns of a file without a header. Rejected rows that are read again have two columns more, and the first of
/// them holds a code.
fn name_columns(text: &[u8], source: &SourcePlan) -> Vec<String> {
    let (mut names, mut cells) = (source.order.clone(), Vec::new());
    source.dialect.split(text, count_blank_lines(text), &mut cells);
    if let [_, .., code, _] = cells.as_slice()
        && Code::from_word(&text[code.start..code.end]).is_some()
    {
        names.extend(ADDED_COLUMNS.map(str::to_owned));
    }
    names
}

/// Reads the names in the header; returns them, and where the first record starts.
fn read_names(
    path: &str,
    text: &[u8],
    source: &SourcePlan,
    patches: &[Patch],
) -> Result<(Vec<String>, usize), Vec<Diagnostic>> {
    let dialect = &source.dialect;
    let blank = count_blank_lines(text);
    let mut cells: Vec<Span> = Vec::new();
    let record_end = dialect.split(text, blank, &mut cells);
    if text[blank..record_end.end].contains(&0) {
        let finding = Diagnostic::new(Code::ReadHeader, "the header holds NUL bytes").file(path);
        return Err(vec![finding.hint("copy the file from the recorder again")]);
    }
    // Whatever the names are, they are not what the file holds.
    if patches.iter().any(|patch| patch.at < record_end.end) {
        let message = format!("the header holds bytes that are {}", dialect.encoding.describe_foreign());
        let place = locate_header(path, text, source, &names_of(dialect, text, &cells));
        let finding = Diagnostic::new(Code::ReadHeader, message).rule(place);
        return Err(vec![finding.hint(dialect.encoding.advise_foreign())]);
    }
    if let Some(fault) = record_end.fault {
        let other = guess_dialect(source, text, 0);
        return Err(vec![match other {
            Some(other) => describe_other_dialect(source, other, locate_header(path, text, source, &[])),
            None => describe_quotes(path, text, source, fault),
        }]);
    }
    if record_end.end - blank > MAX_HEADER {
        return Err(vec![describe_too_large(path, format!("the header is longer than {MAX_HEADER} bytes"))]);
    }
    Ok((names_of(dialect, text, &cells), record_end.next))
}

/// The finding that a header is too large.
fn describe_too_large(path: &str, message: String) -> Diagnostic {
    let hint = "is it the right file, and are the `delimiter` and the `quote` of its dialect those of the file?";
    Diagnostic::new(Code::ReadTooLarge, message).file(path).hint(hint)
}

/// Whether all of a header, or of a first record, is known, or enough to tell that it is too large.
pub(super) fn is_enough(dialect: &Dialect, text: &[u8]) -> bool {
    let blank = count_blank_bytes(text);
    let most = if dialect.header { MAX_HEADER } else { MAX_RECORD };
    if blank > MAX_HEADER || text.len() - blank > most + LINE_END {
        return true;
    }
    let record_end = dialect.split(text, blank, &mut Vec::new());
    let is_stray = record_end.fault.is_some() && memchr::memchr2(b'\n', b'\r', &text[record_end.next..]).is_none();
    blank < text.len() && record_end.next < text.len() && !is_stray
}

/// The names in the cells of a header.
fn names_of(dialect: &Dialect, text: &[u8], cells: &[Span]) -> Vec<String> {
    let mut buffer = Vec::new();
    let name = |span: &Span| String::from_utf8_lossy(dialect.cell(text, *span, &mut buffer)).into_owned();
    cells.iter().map(name).collect()
}

/// Checks that a file does not look like UTF-16, in which every other byte of its first line would be NUL.
pub(super) fn check_not_utf_16(path: &str, text: &[u8]) -> Result<(), Diagnostic> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let are_nul = |first: usize| line.len() > 2 && line.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    let label = match (are_nul(1), are_nul(0)) {
        (true, false) => "utf-16le",
        (false, true) => "utf-16be",
        _ => return Ok(()),
    };
    let message = format!("the file looks like {}, without a byte order mark", label.to_uppercase());
    let hint = format!("set `encoding: {label}` in the dialect, if the recorder really writes it");
    Err(Diagnostic::new(Code::ReadEncoding, message).file(path).hint(hint))
}

/// The finding that the quotes of a header do not pair up, at the quote.
fn describe_quotes(path: &str, text: &[u8], source: &SourcePlan, fault: QuoteFault) -> Diagnostic {
    let (at, message) = match fault {
        QuoteFault::Open(at) if text.len() - count_blank_lines(text) > MAX_HEADER => {
            (at, format!("a quote opens in the header and is not closed within {MAX_HEADER} bytes"))
        }
        QuoteFault::Open(at) => (at, "a quote opens in the header and is never closed".to_owned()),
        QuoteFault::Stray(at) => (at, "a quote of the header stands inside a name, or before its end".to_owned()),
    };
    let (start, mut place) = (count_blank_lines(text), locate_header(path, text, source, &[]));
    let before = &text[start..at];
    if crate::table::line_ends(before) == 0 {
        (place.column, place.width) = (String::from_utf8_lossy(before).chars().count() as u64 + 1, 1);
    }
    let hint = "a name that holds a quote needs quotes around it, and writes the quote twice; if the file uses no quotes, \
        set `quote: \"\"` in its dialect";
    Diagnostic::new(Code::ReadHeader, message).rule(place).hint(hint)
}

/// Finds the columns that the plan uses and the header does not have, or has twice.
fn find_missing(plan: &Plan, number: usize, path: &str, names: &[String], text: &[u8]) -> Vec<Diagnostic> {
    let source = &plan.sources[number];
    // A column without a name is none that a rule could mean.
    let is_missing = |column: &&ColumnPlan| column.find_in(names).is_none_or(|at| names[at].is_empty());
    let absent: Vec<_> = source.columns.iter().filter(is_missing).collect();
    let doubled = find_doubled(source, plan, path, names, text);
    if absent.is_empty() {
        return doubled;
    }
    let known = names.iter().filter(|name| is_used(source, name)).count();
    if let Some(other) = guess_dialect(source, text, known) {
        return vec![describe_other_dialect(source, other, locate_header(path, text, source, names))];
    }
    // A header that shares no name with the plan may be a record, and its names personal data.
    if absent.len() == source.columns.len() {
        let expected: Vec<String> = source.columns.iter().map(|column| column.headers.join("` or `")).collect();
        let found: Vec<String> = names.iter().map(|name| mask(name)).collect();
        let is_first = source.dialect.skip.are_none();
        let line = match crate::table::line_ends(&text[..count_blank_lines(text)]) + 1 {
            _ if is_first => "the first line".to_owned(),
            line => format!("line {line}"),
        };
        let message = format!(
            "{line} is no header of `{}`: it has none of the columns `{}`, but cells like `{}`",
            source.name,
            expected.join("`, `"),
            found.join("`, `")
        );
        let hint = match source.dialect.encoding {
            Encoding::Label(encoding) if !encoding.is_ascii_compatible() => {
                format!("its dialect says `encoding: {}`; is the file in UTF-8?", encoding.name().to_lowercase())
            }
            _ if !is_first => {
                "does the header stand in another line? `skip_lines` counts the lines in front of it, and a comment is \
                no header"
                    .to_owned()
            }
            _ => "is it the right file? a file without a header needs `header: false` in its dialect".to_owned(),
        };
        return vec![Diagnostic::new(Code::ReadHeader, message).file(path).hint(hint)];
    }
    let finding = |column: &&ColumnPlan| {
        let free = names.iter().map(String::as_str);
        let free = free.filter(|name| !name.is_empty() && !is_taken(plan, source, &column.rule, name));
        let mut headers = column.headers.iter();
        let hint = if let Some(near) = headers.find_map(|header| nearest(header, free.clone())) {
            format!("did you mean `{near}`?")
        } else {
            let show = |name: &String| {
                if name.is_empty() { "(no name)".to_owned() } else { show_name(source, names, name) }
            };
            format!("the header has: {}", names.iter().map(show).collect::<Vec<_>>().join(", "))
        };
        let message = format!("the header has no column `{}`", column.headers.join("` and no column `"));
        Diagnostic::new(Code::PlanUnknownColumn, message)
            .cell(Cell::of_line(locate_header(path, text, source, names)))
            .rule(plan.place(&column.rule))
            .hint(hint)
    };
    absent.iter().map(finding).chain(doubled).collect()
}

/// Whether a name of a header is that of a column that the plan uses.
fn is_used(source: &SourcePlan, name: &str) -> bool {
    source.columns.iter().any(|column| column.headers.iter().any(|header| header == name))
}

/// Whether a column cannot be the one that a rule misspells, because another rule of the same kind means it: it is mapped to
/// another field, or declared under `columns` already.
fn is_taken(plan: &Plan, source: &SourcePlan, rule: &str, name: &str) -> bool {
    if rule.starts_with("/sources/") {
        let declared = source.columns.iter().any(|column| column.name == name && column.rule.contains("/columns/"));
        return declared && rule.contains("/columns/");
    }
    let is_value = |pointer: &str| !pointer.contains("/match/") && !pointer.ends_with("/each");
    let mut below = plan.places.below("/output");
    is_value(rule) && below.any(|(at, node)| is_value(at) && node.scalar.as_deref() == Some(name))
}

/// So many columns that nobody maps are told by their names.
const MAX_UNMAPPED: usize = 20;

/// A notice of the columns of a file that no rule of the mapping names; `None`: there are none.
pub(super) fn describe_unmapped(source: &SourcePlan, table: &Table) -> Option<Diagnostic> {
    let is_added = |name: &str| ADDED_COLUMNS.contains(&name);
    let unmapped: Vec<String> = table
        .header
        .iter()
        .filter(|name| !name.is_empty() && !is_added(name) && !is_used(source, name))
        .map(|name| show_name(source, &table.header, name))
        .collect();
    let (count, file) = (unmapped.len(), table.parts.first()?);
    let named: Vec<&str> = unmapped.iter().take(MAX_UNMAPPED).map(String::as_str).collect();
    let more = if count > MAX_UNMAPPED { format!(" and {} more", count - MAX_UNMAPPED) } else { String::new() };
    let columns = if count == 1 { "a column".to_owned() } else { format!("{count} columns") };
    let message = format!("nobody maps {columns} of this file: `{}`{more}", named.join("`, `"));
    let notice = Diagnostic::new(Code::PlanUnmappedColumn, message).severity(Severity::Notice).file(&file.path);
    (count > 0).then(|| notice.hint("there is nothing to do if they are not needed: only what `output` names is sent"))
}

/// Finds the columns that the plan uses and the header has twice, so that nobody can tell which of them is meant.
fn find_doubled(source: &SourcePlan, plan: &Plan, path: &str, names: &[String], text: &[u8]) -> Vec<Diagnostic> {
    let finding = |column: &ColumnPlan| {
        let found: Vec<&String> = names.iter().filter(|name| column.headers.contains(name)).collect();
        let (message, hint) = match found.as_slice() {
            [] | [_] => return None,
            [one, other, ..] if one == other => (
                format!("the header has the column `{one}` twice"),
                "give the columns different names; one that no rule uses may be there twice",
            ),
            [one, other, ..] => (
                format!("the header has both `{one}` and `{other}`, and `{}` may be either", column.name),
                "leave one of them out of `header`",
            ),
        };
        let cell = Cell::of_line(locate_header(path, text, source, names));
        Some(Diagnostic::new(Code::ReadHeader, message).cell(cell).rule(plan.place(&column.rule)).hint(hint))
    };
    source.columns.iter().filter_map(finding).collect()
}

/// The delimiter and the quote of a header.
type Separators = (u8, Option<u8>);

/// Guesses a delimiter and a quote with which this header has more than `known` of the columns that the plan uses.
fn guess_dialect(source: &SourcePlan, text: &[u8], known: usize) -> Option<Separators> {
    let Dialect { delimiter, quote, encoding, tail, .. } = source.dialect;
    let start = count_blank_lines(text);
    let (mut best, mut guess) = (known, None);
    // What the dialect says comes before what it does not.
    for quote in [quote, Some(b'"'), Some(b'\'')] {
        for delimiter in [delimiter, b';', b',', b'\t', b'|', b':'] {
            let (dialect, mut cells) = (Dialect::new(delimiter, quote, encoding, true, Vec::new(), tail), Vec::new());
            let record_end = dialect.split(text, start, &mut cells);
            // Any quote that is not there fits.
            let fits = quote == source.dialect.quote || cells.iter().any(|cell| cell.quoted);
            let names = if fits && record_end.fault.is_none() { names_of(&dialect, text, &cells) } else { Vec::new() };
            let found = source.columns.iter().filter(|column| column.find_in(&names).is_some()).count();
            if found > best {
                (best, guess) = (found, Some((delimiter, quote)));
            }
        }
    }
    guess
}

/// The finding that a header is written with another delimiter or quote.
fn describe_other_dialect(source: &SourcePlan, (delimiter, quote): Separators, place: Place) -> Diagnostic {
    let (said, guess) = (&source.dialect, char::from(delimiter).escape_default());
    let (mut message, mut settings) = (Vec::new(), Vec::new());
    if delimiter != said.delimiter {
        let now = char::from(said.delimiter).escape_default();
        message.push(format!("the header is not separated by `{now}`; it looks like `{guess}`"));
        settings.push(format!("delimiter: \"{guess}\""));
    }
    if let Some(quote) = quote.filter(|_| quote != said.quote) {
        let quote = char::from(quote);
        message.push(format!("the names of the header stand in `{quote}`"));
        settings.push(if quote == '"' { "quote: '\"'".to_owned() } else { format!("quote: \"{quote}\"") });
    }
    let hint = format!("set `{}` in the dialect of the source `{}`", settings.join(", "), source.name);
    Diagnostic::new(Code::ReadHeader, message.join("; ")).rule(place).hint(hint)
}

/// Counts the bytes of blank lines in front of the header.
fn count_blank_lines(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// Counts the bytes of blank lines in front of the header, and of those that hold only spaces.
pub(super) fn count_blank_bytes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ')).count()
}

/// Shows a name of the header. If some of its cells look like data, the line end behind the header may be lost: then only
/// a name that the plan uses, or misses a similar one of, is shown as it is.
fn show_name(source: &SourcePlan, names: &[String], name: &str) -> String {
    if !names.iter().any(|name| looks_like_data(name)) {
        return name.to_owned();
    }
    let means = |column: &&ColumnPlan| {
        let is_near = || column.headers.iter().any(|header| nearest(header, [name]).is_some());
        column.headers.iter().any(|header| header == name) || column.find_in(names).is_none() && is_near()
    };
    if source.columns.iter().any(|column| means(&column)) { name.to_owned() } else { mask(name) }
}

/// Whether a cell of the header is no name of a column: a number, a date, an address of e-mail, or very long.
fn looks_like_data(name: &str) -> bool {
    let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ',' | ':' | '/' | ' ');
    let is_number = name.contains(|c: char| c.is_ascii_digit()) && name.chars().all(is_numeric);
    is_number || name.contains('@') || name.len() > MAX_NAME
}

/// The place of the header, with its line as far as it may be shown.
pub(super) fn locate_header(path: &str, text: &[u8], source: &SourcePlan, names: &[String]) -> Place {
    let start = count_blank_lines(text);
    let number = crate::table::line_ends(&text[..start]) + 1;
    let line = text[start..].split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let line: String = String::from_utf8_lossy(line).chars().take(200).collect();
    let is_separator =
        |c: char| matches!(c, ';' | ',' | '\t' | '|' | ':' | '"') || c == char::from(source.dialect.delimiter);
    let mut text = String::new();
    for cell in line.split_inclusive(is_separator) {
        let name = cell.trim_end_matches(is_separator);
        let is_shown = show_name(source, names, name) == name;
        text.extend(cell.chars().map(|c| if is_shown && !c.is_control() { c } else { shape(c) }));
    }
    Place { path: path.to_owned(), line: number, column: 1, width: text.chars().count() as u64, text: text.into() }
}

#[cfg(test)]
mod tests {
    use crate::{
        read::header::RepeatedHeader,
        table::dialect::{Dialect, Encoding, Tail},
    };

    #[test]
    fn records_that_may_be_the_header_are_told_by_their_first_bytes() {
        let dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let table: [(&[&str], &[&str], &[&str]); 5] = [
            (
                &["id", "note"],
                &["id;note", "idx;", "\"id\";", "note;id", "\"note\";"],
                &["notes;", "i", "", "n", "1;id", ";id", "\"notes\";"],
            ),
            (&["x", "xy"], &["x;", "xa", "xy;x", "\"xy\";", "\"x\""], &["y", "\"xyz\";"]),
            (&["", "a", "b"], &[";a;b", ";ab", "a;;b", "b;a;", ";b;a", "\"b\";"], &["ab;", ";;a", "b", "bb;"]),
            (&["a\"b"], &["\"a\"\"b\"\n", "a\"b\n"], &["\"a", "b"]),
            (
                &["é", "longer than eight bytes"],
                &["é;", "longer than eight bytes;é"],
                &["longer than eight byte;", "è;"],
            ),
        ];
        for (names, may, may_not) in table {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let header = RepeatedHeader::new(&dialect, &names);
            for (text, expected) in may.iter().map(|text| (text, true)).chain(may_not.iter().map(|text| (text, false)))
            {
                for text in [(*text).to_owned(), format!("{text}{}", " ".repeat(20))] {
                    assert_eq!(header.may_start_at(text.as_bytes(), 0), expected, "{names:?} {text:?}");
                }
            }
        }
        let empty = RepeatedHeader::new(&dialect, &[String::new()]);
        assert!(empty.may_start_at(b"a", 0) && !RepeatedHeader::default().may_start_at(b"a", 0));
    }
}
