//! The rejected rows, in the source's own dialect, each with its code and reason.
//!
//! Rows are given back byte for byte, as they stood in the file, so that a repaired file can be converted again. Records
//! that belong to a rejected record are given back with it. The rows of the root source go to the file that was named, those of
//! another source to a file beside it; into a folder, each source goes under its own name, which makes it a drop folder.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::Code,
    output::places,
    partition::loaded::LoadedPartition,
    plan::{Plan, SourcePlan},
    recording::ledger::{ADDED_COLUMNS, Reject},
    table::{
        Table,
        dialect::{Encoding, Span},
    },
};

/// The rejected rows of some recordings, ready to be written.
#[derive(Debug, Default)]
pub struct Rejects {
    sources: Vec<RejectedRows>,
}

/// The rejected rows of one source.
#[derive(Debug)]
struct RejectedRows {
    header: Vec<u8>,
    /// The number of its recording, its own number and its bytes.
    rows: Vec<(usize, u32, Vec<u8>)>,
}

impl Rejects {
    /// No rows yet, of sources with these columns.
    ///
    /// # Errors
    /// A header cannot be written as CSV.
    pub fn new(shapes: &[Table]) -> io::Result<Rejects> {
        let header = |table| header(table).map(|header| RejectedRows { header, rows: Vec::new() });
        Ok(Rejects { sources: shapes.iter().map(header).collect::<io::Result<_>>()? })
    }

    /// Adds the rejected rows of a partition of a recording.
    ///
    /// # Errors
    /// A row cannot be written as CSV.
    pub fn add(&mut self, number: usize, partition: &LoadedPartition) -> io::Result<()> {
        for reject in &partition.rejects {
            let table = &partition.tables[reject.source];
            // What stands in two partitions counts in the other one.
            if !table.copies.contains(&reject.row) {
                self.sources[reject.source].rows.push((number, table.number(reject.row), row(table, reject)?));
            }
        }
        Ok(())
    }
}

/// Writes rejected rows; gives the files that hold any.
///
/// # Errors
/// The file that cannot be written, and why.
pub fn rejects(path: &Path, plan: &Plan, mut rejects: Rejects) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let (mut written, mut streamed) = (Vec::new(), Vec::new());
    let in_stream = !is_folder(path) && places::is_stream(path);
    if is_folder(path) {
        create_private_folder(path).map_err(|cause| (path.to_owned(), cause))?;
    }
    let failed = |file: &Path, cause| (file.to_owned(), cause);
    for (number, (file, rejected)) in files(path, plan).into_iter().zip(&mut rejects.sources).enumerate() {
        let has_rejects = !rejected.rows.is_empty();
        // Rows of an earlier run do not stay beside those of this one.
        let is_wanted = has_rejects || number == plan.each || is_folder(path) || file.is_file();
        if !is_wanted {
            continue;
        }
        rejected.rows.sort();
        let rows = rejected.rows.iter().flat_map(|(_, _, row)| row);
        let bytes: Vec<u8> = rejected.header.iter().chain(rows).copied().collect();
        if in_stream {
            streamed.extend(bytes);
        } else {
            write_file(&file, &bytes).map_err(|cause| failed(&file, cause))?;
        }
        if has_rejects && !written.contains(&file) {
            written.push(file);
        }
    }
    if in_stream {
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
pub fn files(path: &Path, plan: &Plan) -> Vec<PathBuf> {
    let in_folder = is_folder(path);
    let file = |(number, source): (usize, &SourcePlan)| match number == plan.each {
        _ if in_folder => path.join(plain_file_name(&source.path)),
        true => path.to_owned(),
        false if places::is_stream(path) => path.to_owned(),
        false => path_beside(path, &source.name),
    };
    plan.sources.iter().enumerate().map(file).collect()
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

/// The header of a source, with the columns that are added.
fn header(table: &Table) -> io::Result<Vec<u8>> {
    if !table.dialect.header {
        return Ok(Vec::new());
    }
    let header: Vec<String> =
        table.header.iter().filter(|name| !ADDED_COLUMNS.contains(&name.as_str())).cloned().collect();
    write_line(table, header.iter().map(String::as_str).chain(ADDED_COLUMNS))
}

/// A rejected row as it stood in its file, with its code and reason.
fn row(table: &Table, reject: &Reject) -> io::Result<Vec<u8>> {
    let mut bytes = original_bytes(table, reject.row);
    bytes.extend_from_slice(&table.dialect.encoding.encoded(&char::from(table.dialect.delimiter).to_string()));
    bytes.extend_from_slice(&write_line(table, [reject.code.word(), &reject.reason].into_iter())?);
    Ok(bytes)
}

fn write_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut temporary, file) = places::make_temporary(file)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

/// Cells as a line of the source's dialect.
fn write_line<'a>(table: &Table, cells: impl Iterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut builder = csv::WriterBuilder::new();
    builder.delimiter(table.dialect.delimiter);
    match table.dialect.quote {
        Some(quote) => builder.quote(quote),
        None => builder.quote_style(csv::QuoteStyle::Never),
    };
    let mut writer = builder.from_writer(Vec::new());
    writer.write_record(cells.map(|cell| match table.dialect.quote {
        Some(_) => cell.to_owned(),
        // Without quotes nothing can hide a delimiter.
        None => cell.replace(char::from(table.dialect.delimiter), " "),
    }))?;
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match table.dialect.encoding {
        Encoding::Label(_) => table.dialect.encoding.encoded(&text),
        Encoding::Utf8 | Encoding::Auto => bytes,
    })
}

/// The bytes of a record as they stood in its file, without the two columns that an earlier run added.
fn original_bytes(table: &Table, row: u32) -> Vec<u8> {
    let mut raw = table.raw(row);
    if table.header.ends_with(&ADDED_COLUMNS.map(str::to_owned)) {
        let mut cells = Vec::new();
        let boundary = table.split(row, &mut cells);
        let is_code =
            |code: &Span| Code::ALL.iter().any(|known| known.word().as_bytes() == &table.text[code.start..code.end]);
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
        at = patch.at + "\u{FFFD}".len();
    }
    bytes.extend_from_slice(&encode_range(table, at..raw.end));
    bytes
}

fn encode_range(table: &Table, range: std::ops::Range<usize>) -> Vec<u8> {
    match table.dialect.encoding {
        Encoding::Label(_) => table.dialect.encoding.encoded(&String::from_utf8_lossy(&table.text[range])),
        Encoding::Utf8 | Encoding::Auto => table.text[range].to_vec(),
    }
}
