//! A file -> the numbers that tell it from all others, whatever it is called.

use std::{fs, path::Path};

/// The number of its file system, and its own number there; `None`: it is not there, or this system has no such numbers.
#[cfg(unix)]
pub fn file_numbers(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The number of its file system, and its own number there; `None`: it is not there, or this system has no such numbers.
#[cfg(not(unix))]
pub fn file_numbers(_: &Path) -> Option<(u64, u64)> {
    None
}
