//! The path of a regular file -> the open file, or its bytes, at most so many.
//!
//! A file may be named by mistake: a pipe would wait for its writer, a device would never end, and what the system makes up
//! while it is read (as in `/proc`) may be a secret of this process. So nothing but a regular file is opened, opening never
//! waits, and of a file of the configuration no more is read than it said it holds.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    path::Path,
};

use crate::io_cause::{Purpose, advise, describe_cause};

/// Why a file is not read.
#[derive(Debug)]
pub enum FileFault {
    /// It is not there, may not be read, or is a folder.
    Unreadable(io::Error),
    /// It is a pipe, a device or a socket.
    NotRegular,
    /// It is larger than the limit.
    TooLarge,
    /// It holds more than it said: it grows, or the system makes it up.
    Endless,
}

impl FileFault {
    /// What is wrong with the file, as a clause behind its name.
    #[must_use]
    pub fn describe(&self, limit: u64) -> String {
        match self {
            FileFault::Unreadable(cause) => format!("cannot be read: {}", describe_cause(cause)),
            FileFault::NotRegular => "is no regular file, but a pipe, a device or a socket".to_owned(),
            FileFault::TooLarge => format!("is larger than {limit} bytes"),
            FileFault::Endless => "holds more than the system says: it is no regular file, or it grows".to_owned(),
        }
    }

    /// What to do where the system says why; empty where it does not.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            FileFault::Unreadable(cause) => advise(Purpose::ReadFile, cause),
            FileFault::NotRegular | FileFault::TooLarge | FileFault::Endless => "",
        }
    }
}

/// Reads a regular file of at most `limit` bytes; a link to one is followed.
///
/// # Errors
/// It is no regular file, is too large, or cannot be read.
pub fn read_regular_file(path: &Path, limit: u64) -> Result<(Vec<u8>, Metadata), FileFault> {
    let (file, metadata) = open_regular_file(path)?;
    if metadata.len() > limit {
        return Err(FileFault::TooLarge);
    }
    let mut bytes = Vec::new();
    file.take(metadata.len() + 1).read_to_end(&mut bytes).map_err(FileFault::Unreadable)?;
    if bytes.len() as u64 > metadata.len() { Err(FileFault::Endless) } else { Ok((bytes, metadata)) }
}

/// Opens a regular file for reading; a link to one is followed.
///
/// # Errors
/// It is no regular file, or cannot be opened.
pub fn open_regular_file(path: &Path) -> Result<(File, Metadata), FileFault> {
    // Opening a device may already do something, so it is looked at first; and once more when it is open.
    check(&fs::metadata(path).map_err(FileFault::Unreadable)?)?;
    let file = open(path).map_err(FileFault::Unreadable)?;
    let metadata = file.metadata().map_err(FileFault::Unreadable)?;
    check(&metadata)?;
    Ok((file, metadata))
}

/// Whether a file is regular, by what the system says of it.
fn check(metadata: &Metadata) -> Result<(), FileFault> {
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(FileFault::Unreadable(io::ErrorKind::IsADirectory.into())),
        (false, false) => Err(FileFault::NotRegular),
    }
}

/// Opens a file for reading, and never waits for the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?))
}

/// Opens a file for reading.
#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, os::unix::fs::symlink, os::unix::net::UnixListener, path::Path};

    use crate::regular_file::{FileFault, read_regular_file};

    #[test]
    fn only_a_regular_file_of_a_sane_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "12345").unwrap();
        fs::write(at("empty"), "").unwrap();
        symlink("a", at("link")).unwrap();
        symlink("loop", at("loop")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for (name, text) in [("a", "12345"), ("link", "12345"), ("empty", "")] {
            assert_eq!(read_regular_file(&at(name), 5).unwrap().0, text.as_bytes(), "{name}");
        }
        let fault = |path: &Path| read_regular_file(path, 4).unwrap_err();
        assert!(matches!(fault(&at("a")), FileFault::TooLarge));
        for path in [&at("pipe"), &at("socket"), Path::new("/dev/null"), Path::new("/dev/zero")] {
            assert!(matches!(fault(path), FileFault::NotRegular), "{}", path.display());
        }
        for path in [&at("."), &at("gone"), &at("loop"), &at("a/b")] {
            assert!(matches!(fault(path), FileFault::Unreadable(_)), "{}", path.display());
        }
        #[cfg(target_os = "linux")]
        for path in ["/proc/self/environ", "/proc/self/status", "/proc/self/maps"] {
            assert!(matches!(fault(Path::new(path)), FileFault::Endless), "{path}");
        }
    }
}
