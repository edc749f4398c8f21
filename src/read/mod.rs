//! Files -> records: opened, unpacked, decoded, and split strictly.
//!
//! In: the sources of a plan and a drop folder. Out: one table per source, and a fate for each of its records. A file that
//! cannot be trusted as a whole stops the run; a record that cannot be trusted is rejected, and its neighbours are not.
//! Each file is read once into memory, so nothing that happens to it later can change what is sent.

pub mod decode;
pub mod header;
pub mod scan;
pub mod stream;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    digest::{Digest, FileDigest},
    list_dir::names,
    options::SourcePath,
    plan::{Plan, SourcePlan},
    recording::ledger::Ledger,
    table::{Patch, Shown, Table},
};

/// The largest number of bytes of one source, unpacked.
const MAX_SOURCE: u64 = 16 << 30;
/// How many times larger a packed file is taken to be.
const PACKED: u64 = 8;

/// Where the files of one recording lie.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The drop folder.
    pub folder: PathBuf,
    /// Files named on the command line, by source; `-` is standard input.
    pub named: BTreeMap<String, String>,
    /// Show cells as they are.
    pub unmask: bool,
    /// Take the digest of each file while it is read.
    pub digested: bool,
}

impl Inputs {
    /// The inputs of one drop folder, as they were typed.
    pub fn new(folder: &Path, named: &[SourcePath], unmask: bool) -> Inputs {
        let named = named.iter().map(|source| (source.name.clone(), source.path.display().to_string())).collect();
        Inputs { folder: folder.to_owned(), named, unmask, digested: false }
    }
}

/// A file as it was when it was read, to tell whether it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The source it was read for.
    pub role: String,
    /// Its path; `-` is standard input.
    pub path: PathBuf,
    /// How many bytes it has.
    pub length: u64,
    /// The digest of its bytes, if it was taken while they were read.
    pub digest: Option<Digest>,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// A file as it is now.
    ///
    /// # Errors
    /// It is not there, or cannot be looked at.
    pub fn of(role: &str, path: &Path) -> io::Result<Stamp> {
        fs::metadata(path).map(|metadata| stamp_of(role, path, &metadata))
    }

    /// Whether this is standard input, which cannot be looked at again.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// Reads all sources of a recording.
///
/// # Errors
/// What makes a file untrustworthy as a whole: missing, empty, another header, another encoding, quotes in doubt.
pub fn tables(
    plan: &Plan,
    inputs: &Inputs,
    stamps: &mut Vec<Stamp>,
    ledger: &mut Ledger<'_>,
) -> Result<Vec<Table>, Vec<Diagnostic>> {
    let (mut tables, mut findings, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for (number, source) in plan.sources.iter().enumerate() {
        let found = files(source, inputs).and_then(|files| alone(plan, source, files, &mut taken));
        match found.and_then(|files| table(plan, number, files, inputs, stamps, ledger)) {
            Ok(table) => tables.push(table),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if findings.is_empty() { Ok(tables) } else { Err(findings) }
}

/// The files of each source, when they are all there.
///
/// # Errors
/// A file that is missing, or is read by two sources.
pub fn all_files(plan: &Plan, inputs: &Inputs) -> Result<Vec<Vec<PathBuf>>, Vec<Diagnostic>> {
    let mut taken = Vec::new();
    let of = |source: &SourcePlan| files(source, inputs).and_then(|files| alone(plan, source, files, &mut taken));
    plan.sources.iter().map(of).collect()
}

/// About how many bytes of text some files hold; standard input counts as none.
#[must_use]
pub fn size(files: &[Vec<PathBuf>]) -> u64 {
    let is_packed = |path: &Path| path.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
    let size = |path: &PathBuf| {
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if is_packed(path) { length.saturating_mul(PACKED) } else { length }
    };
    files.iter().flatten().map(size).sum()
}

/// The files of a source, when no other source reads them: by what they are, not by their names.
fn alone(
    plan: &Plan,
    source: &SourcePlan,
    files: Vec<PathBuf>,
    taken: &mut Vec<(PathBuf, String)>,
) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    for path in &files {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if let Some((_, other)) = taken.iter().find(|(known, _)| *known == real) {
            let message = format!("the sources `{other}` and `{}` read the same file", source.name);
            let rule = format!("/sources/{}/path", crate::json_pointer::escape(&source.name));
            let finding = plan.finding(Code::PlanSameFile, &rule, message).file(path.display().to_string());
            return Err(vec![finding.hint("each source has a file of its own")]);
        }
        taken.push((real, source.name.clone()));
    }
    Ok(files)
}

/// Looks at the headers only: whether the files of a folder have the columns the plan uses.
///
/// # Errors
/// What is wrong with a header, or a file that is not there.
pub fn headers(plan: &Plan, folder: &Path) -> Result<(), Vec<Diagnostic>> {
    let mut silent = |_: &Diagnostic| {};
    let mut ledger = Ledger::new(plan.sources.len(), &mut silent);
    tables(plan, &Inputs::new(folder, &[], false), &mut Vec::new(), &mut ledger).map(|_| ())
}

/// The files that changed since they were read.
#[must_use]
pub fn changed(stamps: &[Stamp]) -> Vec<Diagnostic> {
    let now = |stamp: &Stamp| Stamp::of(&stamp.role, &stamp.path).map(|now| Stamp { digest: stamp.digest, ..now });
    let is_same = |stamp: &&Stamp| stamp.is_stdin() || now(stamp).is_ok_and(|now| now == **stamp);
    stamps.iter().filter(|stamp| !is_same(stamp)).map(|stamp| change(&stamp.path)).collect()
}

fn change(path: &Path) -> Diagnostic {
    Diagnostic::new(Code::ReadChanged, "the file changed while it was read")
        .file(path.display().to_string())
        .hint("wait until the recording is complete, then run the same command again")
}

fn stamp_of(role: &str, path: &Path, metadata: &fs::Metadata) -> Stamp {
    let (path, length) = (path.to_owned(), metadata.len());
    Stamp { role: role.to_owned(), path, length, digest: None, modified: metadata.modified().ok() }
}

/// The files of a source, in the order of their names.
fn files(source: &SourcePlan, inputs: &Inputs) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let pattern = match inputs.named.get(&source.name) {
        Some(named) if named == "-" => return Ok(vec![PathBuf::from("-")]),
        Some(named) => PathBuf::from(named),
        None if inputs.folder == Path::new(".") => PathBuf::from(&source.path),
        None => inputs.folder.join(&source.path),
    };
    let shown = pattern.display().to_string();
    if !source.path.contains(['*', '?', '[']) && !shown.contains(['*', '?', '[']) || pattern.exists() {
        let packed = [".gz", ".zst"].map(|ending| PathBuf::from(format!("{shown}{ending}")));
        let found = [pattern.clone()].into_iter().chain(packed).find(|path| path.exists());
        return found.map(|path| vec![path]).ok_or_else(|| vec![missing(source, &pattern, inputs)]);
    }
    let mut files: Vec<PathBuf> =
        glob::glob(&shown).map_err(|_| vec![missing(source, &pattern, inputs)])?.filter_map(Result::ok).collect();
    files.sort();
    if files.is_empty() { Err(vec![missing(source, &pattern, inputs)]) } else { Ok(files) }
}

fn missing(source: &SourcePlan, path: &Path, inputs: &Inputs) -> Diagnostic {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let message = format!("the file of the source `{}` is not there", source.name);
    let others = names(folder).unwrap_or_default();
    let others: Vec<String> = others.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let csv: Vec<&str> = others.iter().map(String::as_str).filter(|name| name.contains(".csv")).collect();
    let hint = match csv.as_slice() {
        _ if !folder.exists() => {
            format!("there is no folder `{}`; name the drop folder as in `xwalk convert DIR`", folder.display())
        }
        [] => format!("there are no CSV files in `{}`; is it the right folder?", inputs.folder.display()),
        names => format!("in that folder: {}; name it with `--source {}=PATH`", names.join(", "), source.name),
    };
    Diagnostic::new(Code::ReadMissingFile, message).file(path.display().to_string()).hint(hint)
}

/// What the file system says of a regular file that is not too large.
fn regular(path: &Path) -> Result<fs::Metadata, Diagnostic> {
    let shown = path.display().to_string();
    // A pipe would block in open, so what it is has to be known before.
    let metadata = fs::metadata(path).map_err(|cause| {
        Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {cause}")).file(shown.clone())
    })?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
        let hint = "name a file, or `-` for standard input";
        return Err(Diagnostic::new(Code::ReadMissingFile, format!("this is {what}")).file(shown).hint(hint));
    }
    if metadata.len() > MAX_SOURCE { Err(too_large(shown)) } else { Ok(metadata) }
}

fn too_large(path: String) -> Diagnostic {
    Diagnostic::new(Code::ReadTooLarge, format!("the file is larger than {MAX_SOURCE} bytes")).file(path)
}

/// The bytes of one file, as long as it is a regular file that does not change meanwhile.
fn bytes(role: &str, path: &Path, digested: bool, stamps: &mut Vec<Stamp>) -> Result<Vec<u8>, Diagnostic> {
    let shown = path.display().to_string();
    let unreadable = |cause: io::Error| {
        Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {cause}")).file(shown.clone())
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_SOURCE).read_to_end(&mut bytes).map_err(unreadable)?;
        let (role, path, length) = (role.to_owned(), path.to_owned(), bytes.len() as u64);
        stamps.push(Stamp { role, path, length, digest: Some(FileDigest::of(&bytes)), modified: None });
        return Ok(bytes);
    }
    let before = regular(path)?;
    bytes = fs::read(path).map_err(unreadable)?;
    let after = fs::metadata(path).map_err(unreadable)?;
    let stamp = stamp_of(role, path, &before);
    if stamp != stamp_of(role, path, &after) || bytes.len() as u64 != after.len() {
        return Err(change(path));
    }
    stamps.push(Stamp { digest: digested.then(|| FileDigest::of(&bytes)), ..stamp });
    decode::unpacked(path, bytes).map_err(|cause| {
        Diagnostic::new(Code::ReadCompressed, format!("the file cannot be unpacked: {cause}"))
            .file(path.display().to_string())
    })
}

/// The table of one source.
fn table(
    plan: &Plan,
    number: usize,
    files: Vec<PathBuf>,
    inputs: &Inputs,
    stamps: &mut Vec<Stamp>,
    ledger: &mut Ledger<'_>,
) -> Result<Table, Vec<Diagnostic>> {
    let source = &plan.sources[number];
    let mut table = Table::empty(&source.name, &source.dialect);
    let mut findings = Vec::new();
    for path in files {
        let shown =
            if path == Path::new("-") { format!("<stdin:{}>", source.name) } else { path.display().to_string() };
        let opened = bytes(&source.name, &path, inputs.digested, stamps)
            .and_then(|bytes| decode::decoded(&shown, bytes, &source.dialect));
        let result = opened.map_err(|wrong| vec![wrong]).and_then(|decoded| {
            mixed(&shown, decoded.windows, ledger);
            part(plan, number, &shown, decoded, inputs, &mut table, ledger)
        });
        findings.extend(result.err().into_iter().flatten());
    }
    if findings.is_empty() { Ok(table) } else { Err(findings) }
}

/// Tells of a file in two encodings.
fn mixed(path: &str, windows: u64, ledger: &mut Ledger<'_>) {
    if windows > 0 {
        let are = if windows == 1 { "is" } else { "are" };
        let message = format!("{windows} of its records {are} Windows-1252, the others UTF-8");
        ledger.say(&Diagnostic::new(Code::ReadMixedEncodings, message).file(path).severity(Severity::Notice));
    }
}

/// Says that a file holds nothing, if so.
fn none_at_all(path: &str, text: &[u8]) -> Result<(), Vec<Diagnostic>> {
    if text.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ')) {
        let hint = "the recording was probably lost; a drop without records still has a header";
        return Err(vec![Diagnostic::new(Code::ReadEmpty, "the file is empty").file(path).hint(hint)]);
    }
    Ok(())
}

/// Adds one file to a table.
fn part(
    plan: &Plan,
    number: usize,
    path: &str,
    decoded: decode::Decoded,
    inputs: &Inputs,
    table: &mut Table,
    ledger: &mut Ledger<'_>,
) -> Result<(), Vec<Diagnostic>> {
    let source = &plan.sources[number];
    let mut text = decoded.text;
    scan::trim_nuls(path, &mut text, ledger);
    none_at_all(path, &text)?;
    let base = table.text.len();
    let body = header::bind(plan, number, path, &text, table)?;
    if table.shown.is_empty() {
        table.shown = shown(source, &table.bind, table.header.len(), inputs.unmask);
    }
    let patches = decoded.patches.into_iter().filter(|patch| patch.at < text.len());
    table.patches.extend(patches.map(|patch| Patch { at: patch.at + base, original: patch.original }));
    if table.text.is_empty() {
        table.text = text.into();
    } else {
        Arc::make_mut(&mut table.text).append(&mut text);
    }
    scan::records(plan, number, path, base, base + body, table, ledger)
}

/// How each column of a file may be shown.
fn shown(source: &SourcePlan, bind: &[usize], columns: usize, unmask: bool) -> Vec<Shown> {
    let mut shown = vec![if unmask { Shown::Clear } else { Shown::Masked }; columns];
    for (column, at) in source.columns.iter().zip(bind) {
        if column.sensitive {
            shown[*at] = Shown::Never;
        }
    }
    shown
}
