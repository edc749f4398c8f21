//! The rejected rows, in the source's own dialect, each with its code and reason.
//!
//! Rows are given back byte for byte, as they stood in the file, so that a repaired file can be converted again. Records
//! that belong to a rejected record are given back with it. The rows of the root source go to the file that was named, those of
//! another source to a file beside it; into a folder, each source goes under its own name, which makes it a drop folder. What
//! rejected records look up is needed there too, so of a source that is only looked up, all rows go into the folder. A file
//! that is read for several sources is given back as one.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::Code,
    output::{new_file::NewFile, places},
    partition::loaded::LoadedPartition,
    plan::{Plan, SourcePlan},
    recording::{
        ledger::{ADDED_COLUMNS, RowStatus},
        lookups::find_looked_up,
    },
    table::{
        Table,
        dialect::{Dialect, Encoding, Span},
    },
};

/// The rejected rows of some recordings, ready to be written.
#[derive(Debug, Default)]
pub struct Rejects {
    sources: Vec<RejectedRows>,
    /// For each source, the one whose file it reads.
    files: Vec<usize>,
}

/// The rejected rows of one source.
#[derive(Debug)]
struct RejectedRows {
    /// The lines in front of the rows, and the one behind them.
    header: Vec<u8>,
    footer: Vec<u8>,
    /// All of its rows are given back, so that records that look them up find them.
    is_whole: bool,
    /// The same row twice is one record.
    is_keyed: bool,
    /// It is read for several sources, so a row may be given back for each.
    is_shared: bool,
    rows: Vec<GivenRow>,
}

/// A row that is given back.
#[derive(Debug)]
struct GivenRow {
    /// The number of its recording, and its own.
    number: (usize, u32),
    /// The number of the source that it is given back for.
    source: usize,
    /// How many rows of its recording before it are the same.
    repetition: usize,
    is_rejected: bool,
    /// It is rejected for itself, and not with another row.
    has_own_reason: bool,
    /// The row as it stood in its file, then what is added to it.
    line: Vec<u8>,
    /// How many bytes of it stood in the file.
    original: usize,
}

impl GivenRow {
    fn original(&self) -> &[u8] {
        &self.line[..self.original]
    }
}

impl RejectedRows {
    /// Puts the rows into their order. Of a source that is looked up, what several recordings have in common is given back once:
    /// in one file, a row that is there twice would be another record, or another item of a list.
    fn sort_rows(&mut self) {
        let RejectedRows { is_whole, is_keyed, is_shared, rows, .. } = self;
        if *is_shared {
            rows.sort_by_key(|row| (row.number, !row.is_rejected, !row.has_own_reason, row.source));
            rows.dedup_by_key(|row| row.number);
        }
        if *is_whole {
            rows.sort_by(|one, other| one.original().cmp(other.original()).then(one.number.cmp(&other.number)));
            for at in 1..rows.len() {
                let [.., before, row] = &mut rows[..=at] else { continue };
                if !*is_keyed && before.original() == row.original() && before.number.0 == row.number.0 {
                    row.repetition = before.repetition + 1;
                }
            }
            rows.sort_by(|one, other| {
                let same = one.original().cmp(other.original()).then(one.repetition.cmp(&other.repetition));
                same.then(other.is_rejected.cmp(&one.is_rejected)).then(one.number.cmp(&other.number))
            });
            rows.dedup_by(|later, first| later.original() == first.original() && later.repetition == first.repetition);
        }
        rows.sort_by_key(|row| row.number);
    }
}

impl Rejects {
    /// No rows yet, of sources with these columns, to be written to a path.
    ///
    /// # Errors
    /// A header cannot be written as CSV.
    pub fn new(path: &Path, plan: &Plan, shapes: &[Table]) -> io::Result<Rejects> {
        let looked_up = find_looked_up(plan);
        let files: Vec<usize> = (0..plan.sources.len()).map(|number| plan.file_of(number)).collect();
        let source = |(number, (table, source)): (usize, (&Table, &SourcePlan))| {
            let roles = || (0..files.len()).filter(|role| files[*role] == number);
            let is_whole = is_folder(path) && roles().all(|role| looked_up[role]);
            let (header, footer, is_keyed) = (header(table)?, footer(table), !source.key.columns.is_empty());
            Ok(RejectedRows { header, footer, is_whole, is_keyed, is_shared: roles().count() > 1, rows: Vec::new() })
        };
        let sources = shapes.iter().zip(&plan.sources).enumerate();
        let sources = sources.map(source).collect::<io::Result<_>>()?;
        Ok(Rejects { sources, files })
    }

    /// Adds the rejected rows of a partition of a recording.
    ///
    /// # Errors
    /// A row cannot be written as CSV.
    pub fn add(&mut self, number: usize, partition: &LoadedPartition) -> io::Result<()> {
        for reject in &partition.rejects {
            let (source, table) = (&mut self.sources[self.files[reject.source]], &partition.tables[reject.source]);
            // What stands in two partitions counts in the other one.
            if !table.copies.contains(&reject.row) {
                let added = [reject.code.word(), &reject.reason];
                let given = given_row(table, number, reject.row, Some(added), source.is_whole)?;
                let has_own_reason = reject.code != Code::TransformIncomplete;
                source.rows.push(GivenRow { source: reject.source, has_own_reason, ..given });
            }
        }
        if partition.rejects.is_empty() {
            return Ok(());
        }
        let sources = self.sources.iter_mut().zip(&partition.tables).zip(&partition.statuses);
        for ((source, table), statuses) in sources.filter(|((source, _), _)| source.is_whole) {
            for (row, _) in (0..).zip(statuses).filter(|(_, status)| **status != RowStatus::Rejected) {
                source.rows.push(given_row(table, number, row, None, true)?);
            }
        }
        Ok(())
    }
}

/// Writes rejected rows into files or a stream; gives the files that hold any.
///
/// # Errors
/// The file that cannot be written, and why.
pub fn rejects(
    path: &Path,
    is_stream: bool,
    plan: &Plan,
    mut rejects: Rejects,
) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let (mut written, mut streamed) = (Vec::new(), Vec::new());
    let goes_together = !is_folder(path) && is_stream;
    if is_folder(path) {
        create_private_folder(path).map_err(|cause| (path.to_owned(), cause))?;
    }
    let failed = |file: &Path, cause| (file.to_owned(), cause);
    for (number, (file, rejected)) in files(path, is_stream, plan).into_iter().zip(&mut rejects.sources).enumerate() {
        if plan.sources[number].rows_of.is_some() {
            continue;
        }
        let has_rejects = rejected.rows.iter().any(|row| row.is_rejected);
        // Rows of an earlier run do not stay beside those of this one.
        let is_wanted = has_rejects || number == plan.file_of(plan.each) || is_folder(path) || file.is_file();
        if !is_wanted {
            continue;
        }
        rejected.sort_rows();
        let rows = rejected.rows.iter().flat_map(|row| &row.line);
        let bytes: Vec<u8> = rejected.header.iter().chain(rows).chain(&rejected.footer).copied().collect();
        if goes_together {
            streamed.extend(bytes);
        } else {
            write_file(&file, &bytes).map_err(|cause| failed(&file, cause))?;
        }
        if has_rejects && !written.contains(&file) {
            written.push(file);
        }
    }
    if goes_together {
        places::open_stream(path)
            .and_then(|mut file| file.write_all(&streamed))
            .map_err(|cause| failed(path, cause))?;
    }
    Ok(written)
}

/// Whether rejected rows go into a folder, each source under its own name.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/')
}

/// For each source, the file that its rejected rows go to. A device or a pipe takes those of all sources.
#[must_use]
pub fn files(path: &Path, is_stream: bool, plan: &Plan) -> Vec<PathBuf> {
    let in_folder = is_folder(path);
    let file = |number: usize| match plan.file_of(number) {
        file if in_folder => path.join(plain_file_name(&plan.sources[file].path)),
        file if file == plan.file_of(plan.each) => path.to_owned(),
        _ if is_stream => path.to_owned(),
        file => path_beside(path, &plan.sources[file].name),
    };
    (0..plan.sources.len()).map(file).collect()
}

/// A folder that only its owner can look into, unless it is there already.
fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// `rejects.csv` of the source `purchases` is `rejects.purchases.csv`.
fn path_beside(path: &Path, source: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}.{source}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{source}"),
    };
    path.with_file_name(name)
}

/// The file name that a source's path would read again: a pattern becomes one file, a packed one is unpacked.
fn plain_file_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).replace(['*', '?'], "_");
    name.trim_end_matches(".gz").trim_end_matches(".zst").to_owned()
}

/// The header of a source, with the columns that are added, behind as many blank lines as are not read.
fn header(table: &Table) -> io::Result<Vec<u8>> {
    let Dialect { header, skip, encoding, .. } = &table.dialect;
    let mut lines = encoding.encoded(&"\n".repeat(skip.first as usize));
    if *header {
        let names = table.header.iter().map(String::as_str).filter(|name| !ADDED_COLUMNS.contains(name));
        lines.extend(write_line(table, names.chain(ADDED_COLUMNS))?);
    }
    Ok(lines)
}

/// The last line of the files of a source, as far as it is known.
fn footer(table: &Table) -> Vec<u8> {
    let Dialect { skip, encoding, .. } = &table.dialect;
    let line = String::from_utf8_lossy(&skip.footer);
    if line.is_empty() { Vec::new() } else { encoding.encoded(&format!("{line}\n")) }
}

/// A row as it stood in its file, with its code and reason if it is rejected.
fn given_row(
    table: &Table,
    recording: usize,
    row: u32,
    added: Option<[&str; 2]>,
    is_whole: bool,
) -> io::Result<GivenRow> {
    let mut line = original_bytes(table, row);
    let (original, encoding) = (line.len(), &table.dialect.encoding);
    if is_whole && !table.dialect.header {
        // A file without a header is known by the code in its first row, and that row may be a good one.
        line.extend_from_slice(&encoding.encoded("\n"));
    } else {
        line.extend_from_slice(&encoding.encoded(&char::from(table.dialect.delimiter).to_string()));
        line.extend_from_slice(&write_line(table, added.unwrap_or_default().into_iter())?);
    }
    let (number, is_rejected) = ((recording, table.number(row)), added.is_some());
    Ok(GivenRow { number, source: 0, repetition: 0, is_rejected, has_own_reason: is_rejected, line, original })
}

fn write_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = NewFile::create(file)?;
    new.write_all(bytes)?;
    new.finish()
}

/// Cells as a line of the source's dialect.
fn write_line<'a>(table: &Table, cells: impl Iterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut builder = csv::WriterBuilder::new();
    builder.delimiter(table.dialect.delimiter).comment(table.dialect.skip.comment);
    match table.dialect.quote {
        Some(quote) => builder.quote(quote),
        None => builder.quote_style(csv::QuoteStyle::Never),
    };
    // Without quotes nothing can hide a delimiter.
    let hide = |cell: &str| {
        if table.dialect.quote.is_some() {
            cell.to_owned()
        } else {
            cell.replace(char::from(table.dialect.delimiter), " ")
        }
    };
    let mut cells: Vec<String> = cells.map(hide).collect();
    // Outside of quotes an escape is none.
    if let Some(escape) = table.dialect.escape.map(char::from)
        && cells.iter().any(|cell| cell.contains(escape))
    {
        builder.quote_style(csv::QuoteStyle::Always);
        for cell in &mut cells {
            *cell = cell.replace(escape, &format!("{escape}{escape}"));
        }
    }
    let mut writer = builder.from_writer(Vec::new());
    writer.write_record(cells)?;
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match table.dialect.encoding {
        Encoding::Label(_) | Encoding::Page(_) => table.dialect.encoding.encoded(&text),
        Encoding::Utf8 | Encoding::Auto => bytes,
    })
}

/// The bytes of a record as they stood in its file, without the two columns that an earlier run added.
fn original_bytes(table: &Table, row: u32) -> Vec<u8> {
    let mut raw = table.raw(row);
    if table.header.ends_with(&ADDED_COLUMNS.map(str::to_owned)) {
        let mut cells = Vec::new();
        let boundary = table.split(row, &mut cells);
        let is_code = |code: &Span| Code::from_word(&table.text[code.start..code.end]).is_some();
        let has_both = cells.len() == table.header.len() || cells.iter().rev().nth(1).is_some_and(is_code);
        if boundary.fault.is_none() && has_both && cells.len() > ADDED_COLUMNS.len() {
            let last = cells[cells.len() - ADDED_COLUMNS.len() - 1];
            raw.end = last.end + usize::from(last.quoted);
        }
    }
    let mut bytes = Vec::new();
    let mut at = raw.start;
    for patch in table.patches.iter().filter(|patch| raw.contains(&patch.at)) {
        bytes.extend_from_slice(&encode_range(table, at..patch.at));
        bytes.extend_from_slice(&patch.original);
        at = patch.at + patch.length;
    }
    bytes.extend_from_slice(&encode_range(table, at..raw.end));
    bytes
}

fn encode_range(table: &Table, range: std::ops::Range<usize>) -> Vec<u8> {
    match table.dialect.encoding {
        Encoding::Label(_) | Encoding::Page(_) => {
            table.dialect.encoding.encoded(&String::from_utf8_lossy(&table.text[range]))
        }
        Encoding::Utf8 | Encoding::Auto => table.text[range].to_vec(),
    }
}
