//! The header of a file -> for each column of the plan, the column of the file with its name.
//!
//! Names must be equal, byte for byte. A file whose header cannot be trusted is not read any further. If the line end
//! behind the header was lost, some names are personal data: a name that the plan does not use is shown masked.

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Place, mask, nearest, shape},
    plan::{Plan, SourcePlan},
    recording::ledger::ADDED_COLUMNS,
    table::{Table, dialect::Span},
};

/// The largest header, in bytes.
const MAX_HEADER: usize = 64 << 10;
/// The longest name of a column that is shown for sure, in bytes.
const MAX_NAME: usize = 64;
/// The most columns.
const MAX_COLUMNS: usize = 4096;

/// Binds the header of a file to the columns of its table; returns where the records start.
pub(super) fn bind_columns(
    plan: &Plan,
    number: usize,
    path: &str,
    text: &[u8],
    table: &mut Table,
) -> Result<usize, Vec<Diagnostic>> {
    let source = &plan.sources[number];
    let (names, body) =
        if source.dialect.header { read_names(path, text, source)? } else { (name_columns(text, source), 0) };
    if table.parts.is_empty() {
        let wrong = find_missing(plan, number, path, &names, text);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let at = |name: &String| names.iter().position(|known| known == name).unwrap_or(0);
        table.bind = source.columns.iter().map(|column| at(&column.name)).collect();
        table.header = names;
    } else if table.header != names {
        let first = table.parts[0].path.clone();
        let message = format!("its header is not the same as that of `{first}`");
        let hint = "files of one source have the same columns in the same order";
        return Err(vec![
            Diagnostic::new(Code::ReadHeader, message).rule(locate_header(path, text, source, &names)).hint(hint),
        ]);
    }
    Ok(body)
}

/// Names the columns of a file without a header. Rejected rows that are read again have two columns more, and the first of
/// them holds a code.
fn name_columns(text: &[u8], source: &SourcePlan) -> Vec<String> {
    let (mut names, mut cells) = (source.order.clone(), Vec::new());
    source.dialect.split(text, count_blank_lines(text), &mut cells);
    if let [_, .., code, _] = cells.as_slice()
        && Code::ALL.iter().any(|known| known.word().as_bytes() == &text[code.start..code.end])
    {
        names.extend(ADDED_COLUMNS.map(str::to_owned));
    }
    names
}

/// Reads the names in the header; returns them, and where the first record starts.
fn read_names(path: &str, text: &[u8], source: &SourcePlan) -> Result<(Vec<String>, usize), Vec<Diagnostic>> {
    let dialect = &source.dialect;
    let blank = count_blank_lines(text);
    let mut cells: Vec<Span> = Vec::new();
    let record_end = dialect.split(text, blank, &mut cells);
    let wrong = |message: String, names: &[String]| {
        vec![Diagnostic::new(Code::ReadHeader, message).rule(locate_header(path, text, source, names))]
    };
    if record_end.fault.is_some() {
        return Err(wrong("the quotes of the header do not pair up".into(), &[]));
    }
    if record_end.end - blank > MAX_HEADER || cells.len() > MAX_COLUMNS {
        let message = format!(
            "the header has {} columns in {} bytes, more than {MAX_COLUMNS} or {MAX_HEADER}",
            cells.len(),
            record_end.end - blank
        );
        return Err(vec![Diagnostic::new(Code::ReadTooLarge, message).file(path)]);
    }
    let mut buffer = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for span in &cells {
        let name = String::from_utf8_lossy(dialect.cell(text, *span, &mut buffer)).into_owned();
        if name.is_empty() && cells.len() > 1 {
            return Err(wrong(format!("column {} of the header has no name", names.len() + 1), &names));
        }
        if names.contains(&name) {
            return Err(wrong(
                format!("the header has the column `{}` twice", show_name(source, &names, &name)),
                &names,
            ));
        }
        names.push(name);
    }
    Ok((names, record_end.next))
}

/// Finds the columns that the plan uses and the header does not have.
fn find_missing(plan: &Plan, number: usize, path: &str, names: &[String], text: &[u8]) -> Vec<Diagnostic> {
    let source = &plan.sources[number];
    let is_missing = |name: &str| !names.iter().any(|known| known == name);
    let absent: Vec<_> = source.columns.iter().filter(|column| is_missing(&column.name)).collect();
    if absent.is_empty() {
        return Vec::new();
    }
    if let Some(guess) = guess_delimiter(source.dialect.delimiter, names, |name| {
        !source.columns.iter().any(|column| column.name == name)
    }) {
        let message = format!(
            "the header is not separated by `{}`; it looks like `{guess}`",
            char::from(source.dialect.delimiter).escape_default()
        );
        let hint = format!("set `delimiter: \"{guess}\"` in the dialect of the source `{}`", source.name);
        return vec![
            Diagnostic::new(Code::ReadHeader, message).rule(locate_header(path, text, source, names)).hint(hint),
        ];
    }
    // A header that shares no name with the plan may be a record, and its names personal data.
    if absent.len() == source.columns.len() {
        let expected: Vec<&str> = source.columns.iter().map(|column| column.name.as_str()).collect();
        let found: Vec<String> = names.iter().map(|name| mask(name)).collect();
        let message = format!(
            "the first line is no header of `{}`: it has none of the columns `{}`, but cells like `{}`",
            source.name,
            expected.join("`, `"),
            found.join("`, `")
        );
        let hint = "is it the right file? a file without a header needs `header: false` in its dialect";
        return vec![Diagnostic::new(Code::ReadHeader, message).file(path).hint(hint)];
    }
    let finding = |column: &&crate::plan::ColumnPlan| {
        let hint = if let Some(near) = nearest(&column.name, names.iter().map(String::as_str)) {
            format!("did you mean `{near}`?")
        } else {
            let names: Vec<String> = names.iter().map(|name| show_name(source, names, name)).collect();
            format!("the header has: {}", names.join(", "))
        };
        let message = format!("the header has no column `{}`", column.name);
        Diagnostic::new(Code::PlanUnknownColumn, message)
            .cell(Cell {
                place: locate_header(path, text, source, names),
                column: String::new(),
                found: String::new(),
                is_masked: false,
            })
            .rule(plan.place(&column.rule))
            .hint(hint)
    };
    absent.iter().map(finding).collect()
}

/// Guesses another delimiter, with which this header would have more known columns.
fn guess_delimiter(delimiter: u8, names: &[String], unknown: impl Fn(&str) -> bool) -> Option<String> {
    // The whole line is split again: one semicolon in a header with commas does not make it the delimiter.
    let line = names.join(&char::from(delimiter).to_string());
    let known = |candidate: char| line.split(candidate).filter(|name| !unknown(name.trim_matches('"'))).count();
    let now = names.iter().filter(|name| !unknown(name)).count();
    [';', ',', '\t', '|', ':']
        .into_iter()
        .filter(|candidate| *candidate as u32 != u32::from(delimiter))
        .find(|candidate| known(*candidate) > now)
        .map(|candidate| candidate.escape_default().to_string())
}

/// Counts the bytes of blank lines in front of the header.
fn count_blank_lines(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// Shows a name of the header. If some of its cells look like data, the line end behind the header may be lost: then only
/// a name that the plan uses, or misses a similar one of, is shown as it is.
fn show_name(source: &SourcePlan, names: &[String], name: &str) -> String {
    if !names.iter().any(|name| looks_like_data(name)) {
        return name.to_owned();
    }
    let means =
        |column: &str| column == name || !names.iter().any(|n| n == column) && nearest(column, [name]).is_some();
    if source.columns.iter().any(|column| means(&column.name)) { name.to_owned() } else { mask(name) }
}

/// Whether a cell of the header is no name of a column: a number, a date, an address of e-mail, or very long.
fn looks_like_data(name: &str) -> bool {
    let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ',' | ':' | '/' | ' ');
    let is_number = name.contains(|c: char| c.is_ascii_digit()) && name.chars().all(is_numeric);
    is_number || name.contains('@') || name.len() > MAX_NAME
}

/// The place of the header, with its line as far as it may be shown.
fn locate_header(path: &str, text: &[u8], source: &SourcePlan, names: &[String]) -> Place {
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
    Place { path: path.to_owned(), line: number, column: 1, width: text.chars().count() as u64, text }
}
