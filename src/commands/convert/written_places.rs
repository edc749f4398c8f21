//! The places a run writes -> compared with all that it reads and with each other, and tried, before anything is read.
//!
//! Files are compared by what they are: links, other names of one file and other spellings of a path are followed.

use std::path::{Path, PathBuf};

use crate::{
    commands::load::{ConfigFile, Job},
    diagnostic::{Code, Diagnostic},
    error::Error,
    options::ConvertOptions,
    output::{
        places::{self, FileIdentity},
        rejects, trial,
    },
    read::files::{self, Inputs},
};

/// A file that the run reads or writes, and what it is.
struct NamedFile {
    /// As in "`--output`" or "the contract".
    role: String,
    path: PathBuf,
}

/// Gives standard output one name.
///
/// # Errors
/// Rejected rows would go there, where only documents may.
pub(crate) fn name_stdout(options: &mut ConvertOptions) -> Result<(), Error> {
    if options.rejects.as_deref().is_some_and(places::is_stdout) {
        let finding = Diagnostic::new(Code::PlanUsage, "`--rejects` cannot be stdout, which carries documents only");
        return Err(Error::Config(vec![finding.hint("name a file or a folder, as in `--rejects bad.csv`")]));
    }
    if let Some(path) = options.output.as_mut().filter(|path| places::is_stdout(path)) {
        *path = PathBuf::from("-");
    }
    Ok(())
}

/// Notes which places are no regular files. A pipe or a link that is put into the place of a file later would receive what
/// nobody meant for it.
pub(crate) fn note_streams(options: &mut ConvertOptions) {
    let places = [&options.output, &options.rejects].into_iter().flatten();
    options.streams = places.filter(|path| places::is_stream(path)).cloned().collect();
}

/// Checks that no place is written that is read or written otherwise, and that all of them can be written.
///
/// # Errors
/// One file has two roles, or a place cannot be written.
pub(crate) fn check(job: &Job) -> Result<(), Error> {
    let written = find_written(job);
    if written.is_empty() {
        return Ok(());
    }
    let mut findings = Vec::new();
    let is_kept = |file: &&NamedFile| !places::is_device(&named_stream(&file.path, "/dev/stdout"));
    let kept: Vec<&NamedFile> = written.iter().filter(is_kept).collect();
    let mut known = if kept.is_empty() { Vec::new() } else { find_read(job) };
    for file in kept {
        let identity = FileIdentity::of(&named_stream(&file.path, "/dev/stdout"));
        let same = known.iter().find(|(other, _)| other.is_same(&identity));
        findings.extend(same.map(|(_, other)| describe_same(file, other)));
        known.push((identity, NamedFile { role: file.role.clone(), path: file.path.clone() }));
    }
    if !findings.is_empty() {
        return Err(Error::Config(findings));
    }
    try_all(&job.options, &written)
}

/// Tries to write every place.
fn try_all(options: &ConvertOptions, written: &[NamedFile]) -> Result<(), Error> {
    let folder = options.rejects.as_deref().filter(|path| rejects::is_folder(path));
    for NamedFile { path, .. } in written.iter().filter(|file| file.path != Path::new("-")) {
        let done = match folder.filter(|folder| path.parent() == Some(folder) && !folder.exists()) {
            Some(folder) => trial::try_folder(folder),
            None => trial::try_writing(path),
        };
        done.map_err(|cause| Error::storage("cannot write", path, &cause))?;
    }
    Ok(())
}

/// Checks that no report is written over a file of the configuration or over another report, and that all can be written.
///
/// # Errors
/// One file has two roles, or a place cannot be written.
pub(crate) fn check_reports(reports: &[PathBuf], read: &[ConfigFile]) -> Result<(), Error> {
    let read = read.iter().map(|file| NamedFile { role: file.role.to_owned(), path: file.path.clone() });
    let mut known: Vec<(FileIdentity, NamedFile)> = read.map(|file| (FileIdentity::of(&file.path), file)).collect();
    for file in name_reports(reports).filter(|file| !places::is_device(&file.path)) {
        let identity = FileIdentity::of(&file.path);
        if let Some((_, other)) = known.iter().find(|(other, _)| other.is_same(&identity)) {
            return Err(Error::Config(vec![describe_same(&file, other)]));
        }
        trial::try_writing(&file.path).map_err(|cause| Error::storage("cannot write", &file.path, &cause))?;
        known.push((identity, file));
    }
    Ok(())
}

fn name_reports(reports: &[PathBuf]) -> impl Iterator<Item = NamedFile> {
    reports.iter().map(|path| NamedFile { role: "`--report`".into(), path: path.clone() })
}

/// The files that the run writes.
fn find_written(job: &Job) -> Vec<NamedFile> {
    let output = job.options.output.iter().map(|path| NamedFile { role: "`--output`".into(), path: path.clone() });
    let mut written: Vec<NamedFile> = output.collect();
    written.extend(name_reports(&job.options.reports));
    let Some(path) = &job.options.rejects else { return written };
    let files = rejects::files(path, job.options.is_stream(path), &job.plan);
    let is_one = files.iter().all(|file| file == path);
    let own_files = files.into_iter().zip(&job.plan.sources).filter(|(_, source)| source.rows_of.is_none());
    for (file, source) in own_files {
        let role = format!("`--rejects` (rows of `{}`)", source.name);
        if is_one {
            written.push(NamedFile { role: "`--rejects`".into(), path: file });
            break;
        }
        written.push(NamedFile { role, path: file });
    }
    written
}

/// The files that the run reads. What is wrong with those of a source is told when they are read.
fn find_read(job: &Job) -> Vec<(FileIdentity, NamedFile)> {
    let mut read: Vec<NamedFile> =
        job.read.iter().map(|file| NamedFile { role: file.role.to_owned(), path: file.path.clone() }).collect();
    for folder in &job.folders {
        let inputs = Inputs::new(folder, &job.options.sources, job.options.unmask);
        let sources = job.plan.sources.iter().zip(files::find_source_files(&job.plan, &inputs));
        for (source, found) in sources.filter(|(source, _)| source.rows_of.is_none()) {
            let role = format!("the source `{}`", source.name);
            let files = found.unwrap_or_default().into_iter();
            read.extend(files.map(|path| NamedFile { role: role.clone(), path }));
        }
    }
    read.into_iter().map(|file| (FileIdentity::of(&named_stream(&file.path, "/dev/stdin")), file)).collect()
}

/// The path of a file; `-` is the stream of this name.
fn named_stream(path: &Path, stream: &str) -> PathBuf {
    if path == Path::new("-") { PathBuf::from(stream) } else { path.to_owned() }
}

fn describe_same(file: &NamedFile, other: &NamedFile) -> Diagnostic {
    let NamedFile { role, path } = other;
    let message = format!("{} and {role} are the same file", file.role);
    let shown = |path: &Path| if path == Path::new("-") { "stdout".to_owned() } else { path.display().to_string() };
    let hint = format!("it is also `{}`; nothing was read or written; name another file", shown(path));
    let hint = if path == &file.path { "nothing was read or written; name another file".into() } else { hint };
    Diagnostic::new(Code::PlanSameFile, message).file(shown(&file.path)).hint(hint)
}
