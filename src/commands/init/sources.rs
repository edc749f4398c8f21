//! Files and folders that were named -> one sampled source for each file, or for several of one shape.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    commands::init::{columns::ColumnFacts, dialect::Grid, names},
    diagnostic::{Code, Diagnostic, Severity},
    io_cause::{Purpose, advise, describe_cause},
    list_dir::list_dir,
    read::sample::{Sample, read_sample},
};

/// How many bytes of each file are looked at, at most.
const SAMPLE: usize = 8 << 20;
/// How many bytes of all files together.
const ALL_SAMPLES: usize = 64 << 20;
/// How many files are looked at.
const MAX_FILES: usize = 100;
/// What files of a folder end in, without what packs them.
const ENDINGS: [&str; 6] = ["csv", "txt", "tsv", "tab", "psv", "dat"];

/// A file, or several of one shape, as far as it was looked at.
pub(super) struct SampledSource {
    /// The name of the source.
    pub(super) name: String,
    /// The words of its name.
    pub(super) words: Vec<String>,
    /// The file in the drop folder.
    pub(super) path: String,
    pub(super) encoding: &'static str,
    /// Why it is in this encoding.
    pub(super) encoding_evidence: String,
    pub(super) is_encoding_guessed: bool,
    /// The sample is the whole file.
    pub(super) is_whole: bool,
    pub(super) grid: Grid,
    pub(super) columns: Vec<ColumnFacts>,
    pub(super) key: Option<KeyGuess>,
    /// Other files with the same header, which the path matches too.
    pub(super) alike: Vec<String>,
}

/// What tells the records of a source apart.
#[derive(Clone, Debug)]
pub(super) struct KeyGuess {
    pub(super) columns: Vec<usize>,
    pub(super) evidence: String,
}

/// Samples all files that were named, or that lie in folders that were named.
///
/// # Errors
/// A file cannot be read, or there is none.
pub(super) fn sample_sources(named: &[PathBuf]) -> Result<(Vec<SampledSource>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let files = find_files(named).map_err(|wrong| vec![wrong])?;
    let (mut sources, mut findings): (Vec<SampledSource>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    let limit = SAMPLE.min(ALL_SAMPLES / files.len());
    for file in &files {
        let sample = read_sample(file, limit).map_err(|wrong| vec![wrong])?;
        if sample.text.iter().all(u8::is_ascii_whitespace) {
            let finding = Diagnostic::new(Code::ReadEmpty, "the file is empty, so nothing is drafted for it");
            let finding = finding.severity(Severity::Warning);
            let shown = file.display().to_string();
            findings.push(finding.file(shown).hint("take a file with a header, better with records too"));
            continue;
        }
        let source = sample_source(file, sample);
        match sources.iter_mut().find_map(|known| shared_pattern(known, &source).map(|pattern| (known, pattern))) {
            Some((known, pattern)) => {
                known.alike.push(source.path);
                known.path = pattern;
            }
            None => sources.push(source),
        }
    }
    if sources.is_empty() {
        return Err(findings.into_iter().map(|finding| finding.severity(Severity::Error)).collect());
    }
    name_apart(&mut sources);
    share_encoding(&mut sources);
    Ok((sources, findings))
}

/// The files that are meant, each once, in the order in which they were named.
fn find_files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Diagnostic> {
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    for path in named {
        let found = if path.is_dir() { list_files(path)? } else { vec![path.clone()] };
        for file in found {
            let real = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if known.insert(real) {
                files.push(file);
            }
        }
    }
    if files.len() > MAX_FILES {
        let message = format!("there are {} files, and at most {MAX_FILES} are looked at", files.len());
        return Err(Diagnostic::new(Code::PlanTooLarge, message).hint("name those that the mapping is about"));
    }
    if files.is_empty() {
        let shown: Vec<String> = named.iter().map(|path| format!("`{}`", path.display())).collect();
        let message = format!("there is no CSV file in {}", shown.join(", "));
        let hint =
            "name the files themselves; in a folder, those are meant that end in .csv, .txt, .tsv, .tab, .psv or .dat";
        return Err(Diagnostic::new(Code::ReadMissingFile, message).hint(hint));
    }
    Ok(files)
}

/// The CSV files of a folder.
fn list_files(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let names = list_dir(folder).map_err(|cause| {
        let message = format!("the folder cannot be read: {}", describe_cause(&cause));
        let finding = Diagnostic::new(Code::ReadUnreadable, message).file(folder.display().to_string());
        finding.hint(advise(Purpose::ReadFile, &cause))
    })?;
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
        let ending = plain.rsplit_once('.').map(|(_, ending)| ending);
        !name.starts_with('.') && ending.is_some_and(|ending| ENDINGS.contains(&ending)) && path.is_file()
    };
    // Messages name files of the working directory by their names alone.
    let folder = if folder == Path::new(".") { Path::new("") } else { folder };
    Ok(names.iter().map(|name| folder.join(name)).filter(is_meant).collect())
}

/// One file as a source.
fn sample_source(file: &Path, sample: Sample) -> SampledSource {
    let path = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = path.split('.').next().unwrap_or_default();
    let parts: Vec<String> = stem
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty() && !part.chars().all(char::is_numeric))
        .map(str::to_lowercase)
        .collect();
    let name = if parts.is_empty() { "records".to_owned() } else { parts.join("_") };
    let grid = Grid::divide(sample.text, sample.is_whole);
    let columns: Vec<ColumnFacts> = (0..grid.header.len()).map(|column| ColumnFacts::gather(&grid, column)).collect();
    SampledSource {
        words: names::split_words(&name),
        name,
        path,
        encoding: sample.encoding,
        encoding_evidence: sample.evidence,
        is_encoding_guessed: sample.is_guess,
        is_whole: sample.is_whole,
        grid,
        columns,
        key: None,
        alike: Vec::new(),
    }
}

/// The pattern that matches two files of the same header, if their names begin alike.
fn shared_pattern(known: &SampledSource, other: &SampledSource) -> Option<String> {
    let is_same = known.grid.has_header
        && known.grid.header == other.grid.header
        && known.grid.delimiter() == other.grid.delimiter()
        && known.encoding == other.encoding;
    let first = known.path.split('*').next().unwrap_or_default();
    let start: String =
        first.chars().zip(other.path.chars()).take_while(|(one, other)| one == other).map(|(c, _)| c).collect();
    let start = start.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let ending = |path: &str| path.rsplit_once('.').map(|(_, ending)| format!(".{ending}")).unwrap_or_default();
    let is_alike = is_same && !start.is_empty() && ending(&known.path) == ending(&other.path);
    is_alike.then(|| format!("{start}*{}", ending(&other.path)))
}

/// A file of ASCII alone has the encoding of its neighbours, which may hold other characters tomorrow.
fn share_encoding(sources: &mut [SampledSource]) {
    let other = sources.iter().find(|source| source.is_encoding_guessed).map(|source| source.encoding);
    let Some(encoding) = other else { return };
    for source in sources.iter_mut().filter(|source| source.encoding == "utf-8" && source.grid.text.is_ascii()) {
        source.encoding = encoding;
        source.encoding_evidence = "all of it is ASCII, and another file is in this encoding".into();
    }
}

/// Gives sources of one name different ones.
fn name_apart(sources: &mut [SampledSource]) {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources {
        let count = known.entry(source.name.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            source.name = format!("{}_{count}", source.name);
        }
    }
}
