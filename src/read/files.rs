//! Sources and a drop folder -> the files of each source, and whether they changed since they were read.
//!
//! No file is read twice, whatever it is called. A file whose size, time or digest differs from its stamp has changed.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    digest::Digest,
    file_numbers::file_numbers,
    io_cause::{Purpose, advise, describe_cause},
    json_pointer,
    list_dir::list_dir,
    options::SourcePath,
    plan::{Plan, SourcePlan},
    read::{
        pattern,
        unpack::{estimate_unpacked, is_packed},
    },
    regular_file::{FileFault, open_regular_file},
    table::{file_facts::FileFacts, limits::MAX_SOURCE},
    text::file_pattern::find_captures,
};

/// Where the files of one recording are, and how they are read.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The drop folder.
    pub folder: PathBuf,
    /// Files named on the command line, by source; `-` is standard input.
    pub named: BTreeMap<String, String>,
    /// Show cells as they are, not masked.
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
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    /// Stamps a file as it is now.
    ///
    /// # Errors
    /// The file does not exist, or its metadata cannot be read.
    pub fn read(role: &str, path: &Path) -> io::Result<Stamp> {
        fs::metadata(path).map(|metadata| Stamp::from_metadata(role, path, &metadata))
    }

    /// A stamp without a digest.
    pub(super) fn from_metadata(role: &str, path: &Path, metadata: &fs::Metadata) -> Stamp {
        let (path, length) = (path.to_owned(), metadata.len());
        Stamp { role: role.to_owned(), path, length, digest: None, modified: metadata.modified().ok() }
    }

    /// Whether this is standard input, which cannot be read again.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// Finds the files of each source, or why there are none. A source that has the rows of another has the same files; what is
/// wrong with them is told of the other.
#[must_use]
pub fn find_source_files(plan: &Plan, inputs: &Inputs) -> Vec<Result<Vec<PathBuf>, Vec<Diagnostic>>> {
    let mut taken = TakenFiles::default();
    let find = |source: &SourcePlan| match source.rows_of {
        Some(_) => Ok(Vec::new()),
        None => find_files(source, inputs).and_then(|files| claim_files(plan, source, files, &mut taken)),
    };
    let mut found: Vec<_> = plan.sources.iter().map(find).collect();
    for (number, source) in plan.sources.iter().enumerate() {
        if let Some(Ok(files)) = source.rows_of.map(|file| &found[file]) {
            found[number] = Ok(files.clone());
        }
    }
    found
}

/// Estimates how many bytes of text some files hold; standard input counts as none.
#[must_use]
pub fn estimate_size<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> u64 {
    let size = |path: &PathBuf| {
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if is_packed(path) { estimate_unpacked(path, length) } else { length }
    };
    files.into_iter().map(size).fold(0, u64::saturating_add)
}

/// Finds the files that changed since they were read.
#[must_use]
pub fn find_changed(stamps: &[Stamp]) -> Vec<Diagnostic> {
    let now = |stamp: &Stamp| Stamp::read(&stamp.role, &stamp.path).map(|now| Stamp { digest: stamp.digest, ..now });
    let is_same = |stamp: &&Stamp| stamp.is_stdin() || now(stamp).is_ok_and(|now| now == **stamp);
    stamps.iter().filter(|stamp| !is_same(stamp)).map(|stamp| describe_change(&stamp.path)).collect()
}

/// Finds the files that were not the same when they were read again.
#[must_use]
pub fn find_different(first: &[Stamp], again: &[Stamp]) -> Vec<Diagnostic> {
    let is_same = |stamp: &&Stamp| first.contains(stamp);
    again.iter().filter(|stamp| !is_same(stamp)).map(|stamp| describe_change(&stamp.path)).collect()
}

/// The finding that a file changed.
pub(super) fn describe_change(path: &Path) -> Diagnostic {
    Diagnostic::new(Code::ReadChanged, "the file changed while it was read")
        .file(path.display().to_string())
        .hint("wait until the recording is complete, then run the same command again")
}

/// The files that are read, each with its path as it is shown and its source: by their paths as the file system resolves
/// them, and by their numbers, which all names of one file have in common.
#[derive(Default)]
struct TakenFiles {
    paths: BTreeMap<PathBuf, (PathBuf, usize)>,
    numbers: BTreeMap<(u64, u64), (PathBuf, usize)>,
}

impl TakenFiles {
    /// Takes a file for a source, unless it is taken: then its other name, and the source that reads it.
    fn take(&mut self, path: &Path, source: usize) -> Option<(PathBuf, usize)> {
        let named = || (path.to_owned(), source);
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let other = self.paths.insert(real, named());
        let numbers = if path == Path::new("-") { None } else { file_numbers(path) };
        other.or(numbers.and_then(|numbers| self.numbers.insert(numbers, named())))
    }
}

/// Claims the files of a source, unless one of them is read already.
fn claim_files(
    plan: &Plan,
    source: &SourcePlan,
    files: Vec<PathBuf>,
    taken: &mut TakenFiles,
) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let number = plan.sources.iter().position(|other| std::ptr::eq(other, source)).unwrap_or_default();
    for path in &files {
        let Some((known, other)) = taken.take(path, number) else { continue };
        let (message, hint) = if other == number {
            let message = format!("the source `{}` reads the same file twice", source.name);
            (message, format!("it is also `{}`; move one of the two away", known.display()))
        } else {
            let message =
                format!("the sources `{}` and `{}` read the same file", plan.sources[other].name, source.name);
            let also = if known == *path { String::new() } else { format!("it is also `{}`; ", known.display()) };
            (message, format!("{also}each source has a file of its own"))
        };
        return Err(vec![describe_twice(plan, source, path, message).hint(hint)]);
    }
    find_packed_beside(plan, source, &files).map_or(Ok(files), |wrong| Err(vec![wrong]))
}

/// The finding that a file would be read twice.
fn describe_twice(plan: &Plan, source: &SourcePlan, path: &Path, message: String) -> Diagnostic {
    let rule = format!("/sources/{}/path", json_pointer::escape(&source.name));
    plan.finding(Code::PlanSameFile, &rule, message).file(path.display().to_string())
}

/// The finding that a file lies beside the same file packed: nobody can tell whether they hold the same records.
fn find_packed_beside(plan: &Plan, source: &SourcePlan, files: &[PathBuf]) -> Option<Diagnostic> {
    let mut known: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
    for path in files {
        let unpacked = if is_packed(path) { path.with_extension("") } else { path.clone() };
        if let Some(other) = known.insert(unpacked, path) {
            let message = format!("the source `{}` reads a file and the same file packed", source.name);
            let hint = format!("it lies beside `{}`; move one of the two away", other.display());
            return Some(describe_twice(plan, source, path, message).hint(hint));
        }
    }
    None
}

/// Finds the files of a source, in the order of their names. The folder is a path, whatever it is called; only the path of
/// the source, in the mapping or on the command line, may be a pattern.
fn find_files(source: &SourcePlan, inputs: &Inputs) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let (folder, path) = locate(source, inputs);
    if folder == Path::new("") && path == "-" && inputs.named.contains_key(&source.name) {
        return Ok(vec![PathBuf::from("-")]);
    }
    let whole = folder.join(path);
    let with_ending = |ending: &str| {
        let mut packed = whole.clone().into_os_string();
        packed.push(ending);
        PathBuf::from(packed)
    };
    let mut files = Vec::new();
    for file in ["", ".gz", ".zst"].map(with_ending) {
        match file.try_exists() {
            Ok(true) => files.push(file),
            Ok(false) => {}
            // A name with characters of a pattern may be too strange for a file.
            Err(_) if pattern::is_pattern(path) => break,
            Err(cause) => return Err(vec![describe_unreadable(&file, &cause)]),
        }
    }
    // A file that somebody names is the one that is meant, whatever lies beside it.
    if inputs.named.contains_key(&source.name) {
        files.truncate(1);
    }
    if files.is_empty() && pattern::is_pattern(path) {
        files = pattern::find_matches(folder, path).map_err(|wrong| vec![wrong])?;
    }
    if files.is_empty() { Err(vec![describe_missing(source, &whole, inputs)]) } else { Ok(files) }
}

/// The folder in which the files of a source are looked for, and their path in it.
fn locate<'a>(source: &'a SourcePlan, inputs: &'a Inputs) -> (&'a Path, &'a str) {
    match inputs.named.get(&source.name) {
        Some(named) => (Path::new(""), named),
        None if inputs.folder == Path::new(".") => (Path::new(""), &source.path),
        None => (&inputs.folder, &source.path),
    }
}

/// What is known of a file of a source besides what stands in it.
pub(super) fn find_facts(file: &Path, source: &SourcePlan, inputs: &Inputs) -> FileFacts {
    let here = if inputs.folder.as_os_str().is_empty() { Path::new(".") } else { &inputs.folder };
    let text = |name: Option<&OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    // However the folder is called by the one who names it, it is the same recording.
    let recording = text(fs::canonicalize(here).ok().as_deref().and_then(Path::file_name));
    if file == Path::new("-") {
        return FileFacts { recording, ..FileFacts::default() };
    }
    let (folder, path) = locate(source, inputs);
    let inside = file.strip_prefix(folder).unwrap_or(file);
    let name = if is_packed(file) { file.file_stem() } else { file.file_name() };
    FileFacts { recording, name: text(name), captures: find_captures(path, &inside.to_string_lossy()) }
}

/// The warning that packed files are not read because the pattern of their source matches their names without the ending only.
pub(super) fn find_passed_over(
    plan: &Plan,
    source: &SourcePlan,
    inputs: &Inputs,
    files: &[PathBuf],
) -> Option<Diagnostic> {
    let (folder, path) = locate(source, inputs);
    let whole = folder.join(path);
    // A file that is named by all of the path is no match of it.
    let is_named = |file: &PathBuf| *file == whole || is_packed(file) && file.with_extension("") == whole;
    if !pattern::is_pattern(path) || files.iter().any(is_named) {
        return None;
    }
    // What cannot be found so hides no match of the pattern itself.
    let find = |ending: &str| pattern::find_matches(folder, &format!("{path}{ending}")).unwrap_or_default();
    let mut passed: Vec<PathBuf> = [".gz", ".zst"].into_iter().flat_map(find).collect();
    passed.retain(|file| file.is_file() && !files.contains(file));
    passed.sort();
    let message = match passed.as_slice() {
        [] => return None,
        [_] => format!("this file is not read: `{path}` does not match the ending of its name"),
        several => format!(
            "{} packed files, as this one, are not read: `{path}` does not match the ending of their names",
            several.len()
        ),
    };
    let rule = format!("/sources/{}/path", json_pointer::escape(&source.name));
    let finding = plan.finding(Code::ReadPassedOver, &rule, message).severity(Severity::Warning);
    let hint = format!("write `{path}*` to read packed files, too; move away what is not meant");
    Some(finding.file(passed[0].display().to_string()).hint(hint))
}

/// The finding that the system does not let a file or folder be read.
pub(super) fn describe_unreadable(path: &Path, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {}", describe_cause(cause)))
        .file(path.display().to_string())
        .hint(advise(Purpose::ReadFile, cause))
}

/// The finding that a source has no file, with the files that are near.
fn describe_missing(source: &SourcePlan, path: &Path, inputs: &Inputs) -> Diagnostic {
    let is_pattern = pattern::is_pattern(inputs.named.get(&source.name).unwrap_or(&source.path));
    let folder = if is_pattern { Some(inputs.folder.as_path()) } else { path.parent() };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let message = if is_pattern {
        format!("no file matches the path of the source `{}`", source.name)
    } else {
        format!("the file of the source `{}` is not there", source.name)
    };
    let others = list_dir(folder).unwrap_or_default();
    let others: Vec<String> = others.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let csv: Vec<&str> = others.iter().map(String::as_str).filter(|name| name.contains(".csv")).collect();
    let hint = match csv.as_slice() {
        _ if !folder.exists() => {
            format!("there is no folder `{}`; name the drop folder as in `xwalk convert DIR`", folder.display())
        }
        [] if inputs.named.contains_key(&source.name) => {
            format!("`--source {}=…` names a file from where you are, not from the drop folder", source.name)
        }
        [] => format!("there are no CSV files in `{}`; is it the right folder?", inputs.folder.display()),
        names => format!("in that folder: {}; name it with `--source {}=PATH`", names.join(", "), source.name),
    };
    Diagnostic::new(Code::ReadMissingFile, message).file(path.display().to_string()).hint(hint)
}

/// Opens a file of a source, which is regular and not too large.
pub(super) fn open_source(path: &Path) -> Result<(fs::File, fs::Metadata), Diagnostic> {
    let shown = path.display().to_string();
    let (file, metadata) = open_regular_file(path).map_err(|fault| {
        let what = match &fault {
            FileFault::Unreadable(cause) if cause.kind() == io::ErrorKind::IsADirectory => "a folder",
            FileFault::Unreadable(cause) => return describe_unreadable(path, cause),
            _ => "no regular file",
        };
        let hint = "name a file, or `-` for standard input";
        Diagnostic::new(Code::ReadMissingFile, format!("this is {what}")).file(shown.clone()).hint(hint)
    })?;
    if metadata.len() > MAX_SOURCE { Err(describe_too_large(shown)) } else { Ok((file, metadata)) }
}

/// The finding that a file is too large.
pub(super) fn describe_too_large(path: String) -> Diagnostic {
    Diagnostic::new(Code::ReadTooLarge, format!("the file is larger than {MAX_SOURCE} bytes")).file(path)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::read::files::TakenFiles;

    #[cfg(unix)]
    #[test]
    fn one_file_is_taken_once_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("a.csv"), "a").unwrap();
        std::fs::write(at("b.csv"), "a").unwrap();
        std::fs::hard_link(at("a.csv"), at("hard")).unwrap();
        std::os::unix::fs::symlink("hard", at("link")).unwrap();
        for (one, other, is_one) in [
            ("a.csv", "b.csv", false),
            ("a.csv", "a.csv", true),
            ("a.csv", "hard", true),
            ("hard", "a.csv", true),
            ("a.csv", "link", true),
            ("link", "hard", true),
            ("a.csv", "sub/../a.csv", true),
            ("gone", "gone", true),
            ("gone", "also-gone", false),
        ] {
            let mut taken = TakenFiles::default();
            assert_eq!(taken.take(&at(one), 0), None);
            assert_eq!(taken.take(&at(other), 1), is_one.then(|| (at(one), 0)), "{one} {other}");
        }
        let mut taken = TakenFiles::default();
        assert_eq!(taken.take(Path::new("-"), 0), None);
        assert_eq!(taken.take(Path::new("-"), 1), Some((PathBuf::from("-"), 0)));
    }
}
