//! A place that is written -> which file it is once links are followed, and whether it is written as it is.
//!
//! A file takes its name when it is whole, so what stood there stays until then, and also when the run fails. What is no
//! regular file (a device, a pipe, a stream of this process) is written as it is.

use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
};

use crate::file_numbers::file_numbers;

/// The names of standard output besides `-`.
const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
/// How many links are followed.
const MAX_LINKS: usize = 40;

/// Whether a path names standard output.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || STDOUT.iter().any(|name| path == Path::new(name))
}

/// Where a file is, or would be made: links are followed, also those that lead nowhere yet.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Ok(real) = fs::canonicalize(&path) {
            return real;
        }
        let folder = folder_of(&path);
        match (fs::read_link(&path), path.file_name()) {
            (Ok(link), _) => path = folder.join(link),
            (Err(_), Some(name)) if !path.as_os_str().is_empty() => return real_path(folder).join(name),
            (Err(_), _) => break,
        }
    }
    path
}

/// What tells one file from another: where it is, and whatever else it may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    real: PathBuf,
    /// The number of its file system, and its own number there; `None`: it is not there yet.
    numbers: Option<(u64, u64)>,
}

impl FileIdentity {
    /// The identity of a file, which need not be there.
    #[must_use]
    pub fn of(path: &Path) -> FileIdentity {
        FileIdentity { real: real_path(path), numbers: file_numbers(path) }
    }

    /// Whether two files are one.
    #[must_use]
    pub fn is_same(&self, other: &FileIdentity) -> bool {
        self.real == other.real || self.numbers.is_some() && self.numbers == other.numbers
    }
}

/// Whether a place is a device, which takes what everybody writes, and keeps nothing.
#[must_use]
pub fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir() && !is_pipe(&metadata))
}

#[cfg(unix)]
pub(super) fn is_pipe(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
pub(super) fn is_pipe(_: &Metadata) -> bool {
    false
}

/// Whether a place is written as it is: it is there and no regular file, or it is a stream of this process.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    path.exists() && (!path.is_file() || is_descriptor(path))
}

/// Whether a path leads through the open files of a process, such as `/dev/stderr`.
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if fs::canonicalize(folder_of(&path)).is_ok_and(|folder| folder.starts_with("/proc")) {
            return true;
        }
        match fs::read_link(&path) {
            Ok(link) => path = folder_of(&path).join(link),
            Err(_) => return false,
        }
    }
    false
}

/// Opens a place that is written as it is. A file that is a stream of this process is continued.
///
/// # Errors
/// It cannot be opened, or it is a regular file by now.
pub fn open_stream(path: &Path) -> io::Result<File> {
    let is_continued = is_descriptor(path) && path.is_file();
    let file = File::options().write(true).append(is_continued).open(path)?;
    if is_continued || !file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::AlreadyExists.into()) }
}

/// The folder that holds a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs,
        os::unix::fs::symlink,
        path::{Path, PathBuf},
    };

    use crate::output::places::{FileIdentity, is_device, is_stdout, is_stream, open_stream, real_path};

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.csv"), "a").unwrap();
        fs::write(at("b.csv"), "a").unwrap();
        fs::create_dir(at("sub")).unwrap();
        symlink("a.csv", at("link")).unwrap();
        symlink("link", at("link-to-link")).unwrap();
        symlink("new.csv", at("to-nowhere")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("sub", at("folder")).unwrap();
        fs::hard_link(at("a.csv"), at("hard")).unwrap();
        for (one, other, same) in [
            ("a.csv", "a.csv", true),
            ("a.csv", "./a.csv", true),
            ("a.csv", "sub/../a.csv", true),
            ("link", "a.csv", true),
            ("a.csv", "link-to-link", true),
            ("hard", "a.csv", true),
            ("hard", "link", true),
            ("new.csv", "to-nowhere", true),
            ("new.csv", "sub/../new.csv", true),
            ("folder/new.csv", "sub/new.csv", true),
            ("no/new.csv", "./no/new.csv", true),
            ("loop", "loop", true),
            ("a.csv", "b.csv", false),
            ("new.csv", "sub/new.csv", false),
            ("new.csv", "a.csv", false),
            ("loop", "a.csv", false),
        ] {
            let [one_is, other_is] = [one, other].map(|name| FileIdentity::of(&at(name)));
            assert_eq!((one_is.is_same(&other_is), other_is.is_same(&one_is)), (same, same), "{one} {other}");
        }
        assert!(is_device(Path::new("/dev/null")) && !is_device(&at("a.csv")) && !is_device(&at("new.csv")));
        assert_eq!(real_path(Path::new("no-such-file")), fs::canonicalize(".").unwrap().join("no-such-file"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn streams_are_no_files() {
        assert!(is_stream(Path::new("/dev/null")) && open_stream(Path::new("/dev/null")).is_ok());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_stream(file.path()) && open_stream(file.path()).is_err());
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(file.as_file());
        let names = [format!("/dev/fd/{descriptor}"), format!("/proc/self/fd/{descriptor}")];
        assert!(names.iter().all(|name| is_stream(Path::new(name)) && open_stream(Path::new(name)).is_ok()));
        let stdout = ["-", "/dev/stdout", "/dev/fd/1"].map(PathBuf::from);
        assert!(stdout.iter().all(|name| is_stdout(name)) && !is_stdout(Path::new("./-")));
    }
}
