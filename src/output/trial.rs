//! A place that will be written -> whether it can be, as far as that can be known; nothing is left there.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use crate::output::{
    new_file::NewFile,
    places::{folder_of, is_pipe, is_stream, open_stream},
};

/// Tries whether a place can be written, as far as that can be known; nothing is left there.
///
/// # Errors
/// It cannot be written.
pub fn try_writing(path: &Path) -> io::Result<()> {
    if path.as_os_str().to_string_lossy().ends_with('/') {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !is_stream(path) {
        return NewFile::create(path).map(drop);
    }
    // Opening a pipe would wait for its reader, and end what it reads.
    if fs::metadata(path).is_ok_and(|metadata| is_pipe(&metadata)) {
        return Ok(());
    }
    // A device that is full refuses even nothing.
    open_stream(path)?.write(&[]).map(drop)
}

/// Tries whether files can be made in a folder that is made first where it is not there.
///
/// # Errors
/// They cannot be made.
pub fn try_folder(folder: &Path) -> io::Result<()> {
    let mut there = folder;
    while !there.exists() && there != folder_of(there) {
        there = folder_of(there);
    }
    NewFile::create(&there.join(".xwalk")).map(drop)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, path::Path};

    use crate::output::trial::{try_folder, try_writing};

    #[test]
    fn places_are_tried_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.csv"), "a").unwrap();
        for (name, can) in [
            ("a.csv", true),
            ("new.csv", true),
            ("no/new.csv", false),
            ("a.csv/new.csv", false),
            (".", false),
            ("new/", false),
        ] {
            assert_eq!(try_writing(&at(name)).is_ok(), can, "{name}");
        }
        for (name, can) in [(".", true), ("new", true), ("new/er", true), ("a.csv", false), ("a.csv/new", false)] {
            assert_eq!(try_folder(&at(name)).is_ok(), can, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(try_writing(Path::new("/dev/null")).is_ok());
        #[cfg(target_os = "linux")]
        assert!(try_writing(Path::new("/dev/full")).is_err());
    }
}
