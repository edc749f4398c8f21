//! A folder -> the names of its entries, sorted.
//!
//! The standard library panics when a folder that it has read cannot be closed. By then every name is known, so here
//! such a folder counts as read.

use std::{ffi::OsString, io, path::Path};

/// Lists the names in a folder, without `.` and `..`.
///
/// # Errors
/// The path is no folder, or the folder cannot be read to its end.
#[cfg(unix)]
pub fn list_dir(folder: &Path) -> io::Result<Vec<OsString>> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use rustix::fs::{Dir, Mode, OFlags};

    // A path that is no folder is not opened at all: opening a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::io::retry_on_intr(|| rustix::fs::open(folder, flags, Mode::empty()))?;
    let mut names = Vec::new();
    for entry in Dir::new(opened)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Lists the names in a folder.
///
/// # Errors
/// The path is no folder, or the folder cannot be read to its end.
#[cfg(not(unix))]
pub fn list_dir(folder: &Path) -> io::Result<Vec<OsString>> {
    let names: io::Result<Vec<OsString>> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect();
    names.map(|mut names| {
        names.sort();
        names
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use crate::list_dir::list_dir;

    #[test]
    fn names_are_sorted_and_a_folder_holds_neither_itself_nor_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", ".a", "c"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(list_dir(folder.path()).unwrap(), [".a", "b", "c"]);
        assert!(list_dir(&folder.path().join("b")).is_err());
        let absent = list_dir(&folder.path().join("d")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
