//! A folder and a pattern -> the files that match it, in the order of their names.
//!
//! `*`, `?` and `[...]` match within a name, `**` matches any number of folders. Nothing is skipped in silence: a folder that
//! cannot be listed could hold a match, so it is an error.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::{Code, Diagnostic},
    io_cause::describe_cause,
    list_dir::list_dir,
};

/// Whether a path holds characters of a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Finds what matches a pattern in a folder; the folder itself is no pattern.
///
/// # Errors
/// The pattern cannot be used, or a folder that could hold a match cannot be read.
pub(super) fn find_matches(folder: &Path, path: &str) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut found = vec![if path.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() }];
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    for (number, step) in (1..).zip(&steps) {
        let is_last = number == steps.len();
        let mut next = Vec::new();
        for folder in &found {
            if *step == "**" {
                add_folders_below(folder, &mut next)?;
            } else if is_pattern(step) {
                add_matches(folder, step, is_last, &mut next)?;
            } else {
                add_named(folder.join(step), &mut next)?;
            }
        }
        next.sort();
        next.dedup();
        found = next;
    }
    Ok(found)
}

/// Adds a path that holds no pattern, if it is there.
fn add_named(path: PathBuf, next: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    match fs::symlink_metadata(&path) {
        Ok(_) => next.push(path),
        Err(cause) if is_absent(&cause) => {}
        Err(cause) => return Err(describe_unreadable(&path, &cause)),
    }
    Ok(())
}

/// Adds the entries of a folder whose names match; on the way to a file only those that are folders.
fn add_matches(folder: &Path, step: &str, is_last: bool, next: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let pattern = glob::Pattern::new(step).map_err(|wrong| {
        let message = format!("the pattern `{step}` cannot be used: {}", wrong.msg);
        Diagnostic::new(Code::ReadMissingFile, message).file(folder.join(step).display().to_string())
    })?;
    for path in list(folder)?.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default();
        pattern.matches(&name.to_string_lossy())
    }) {
        if is_last || fs::metadata(&path).map_err(|cause| describe_unreadable(&path, &cause))?.is_dir() {
            next.push(path);
        }
    }
    Ok(())
}

/// Adds a folder and all folders below it. Links are not followed, since they can lead back.
fn add_folders_below(folder: &Path, next: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    next.push(folder.to_owned());
    for path in list(folder)? {
        let metadata = fs::symlink_metadata(&path).map_err(|cause| describe_unreadable(&path, &cause))?;
        if metadata.is_dir() {
            add_folders_below(&path, next)?;
        }
    }
    Ok(())
}

/// The entries of a folder; none if it is not there.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match list_dir(here) {
        Ok(names) => Ok(names.iter().map(|name| folder.join(name)).collect()),
        Err(cause) if is_absent(&cause) => Ok(Vec::new()),
        Err(cause) => Err(describe_unreadable(here, &cause)),
    }
}

fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The finding that something on the way to a file cannot be read, so that nobody knows which files match.
fn describe_unreadable(path: &Path, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadUnreadable, format!("`{}` cannot be read: {}", path.display(), describe_cause(cause)))
        .file(path.display().to_string())
        .hint("it may hold files that match the pattern of the source: make it readable, or move it away")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs,
        os::unix::{
            ffi::OsStrExt as _,
            fs::{PermissionsExt as _, symlink},
        },
        path::{Path, PathBuf},
    };

    use crate::{diagnostic::Code, list_dir::list_dir, read::pattern::find_matches};

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn find(folder: &Path, path: &str) -> Result<Vec<String>, Code> {
        let found = find_matches(folder, path).map_err(|wrong| wrong.code)?;
        let name = |path: PathBuf| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        Ok(found.into_iter().map(name).collect())
    }

    #[test]
    fn only_the_path_is_a_pattern() {
        let root = folder(&["a[1]*?/x-1.csv", "a[1]*?/b/x-2.csv", "a1bc/x-3.csv", "a[1]*?/y.csv"]);
        let folder = root.path().join("a[1]*?");
        let table: [(&str, &[&str]); 9] = [
            ("x-*.csv", &["x-1.csv"]),
            ("*/x-?.csv", &["b/x-2.csv"]),
            ("**/x-[0-9].csv", &["b/x-2.csv", "x-1.csv"]),
            ("./b/*.csv", &["b/x-2.csv"]),
            ("b/../*.csv", &["b/../x-1.csv", "b/../y.csv"]),
            ("[!x]*", &["b", "y.csv"]),
            ("z*/x.csv", &[]),
            ("*/y.csv", &[]),
            ("x-1.csv/*", &[]),
        ];
        for (path, expected) in table {
            assert_eq!(find(&folder, path).unwrap(), expected, "{path}");
        }
        assert_eq!(find(&folder, "x[.csv"), Err(Code::ReadMissingFile));
    }

    #[test]
    fn what_cannot_be_looked_into_is_an_error_and_not_left_out() {
        let root = folder(&["day-1/x.csv", "day-2/x.csv"]);
        symlink("day-9", root.path().join("day-9")).unwrap();
        symlink("gone", root.path().join("day-8")).unwrap();
        for path in ["day-*/x.csv", "day-9/*.csv", "day-9/x*/y.csv", "day-8*/x.csv"] {
            assert_eq!(find(root.path(), path), Err(Code::ReadUnreadable), "{path}");
        }
        // A link that is the match itself is found, and then cannot be read.
        assert_eq!(find(root.path(), "day-[89]").unwrap(), ["day-8", "day-9"]);
        assert_eq!(find(root.path(), "**/x.csv").unwrap(), ["day-1/x.csv", "day-2/x.csv"], "links are not followed");
    }

    #[test]
    fn a_folder_without_permission_is_an_error() {
        let root = folder(&["day-1/x.csv", "day-2/x.csv"]);
        let closed = root.path().join("day-2");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read everything.
        let expected = if list_dir(&closed).is_ok() {
            Ok(vec!["day-1/x.csv".into(), "day-2/x.csv".into()])
        } else {
            Err(Code::ReadUnreadable)
        };
        for path in ["*/x.csv", "*/*.csv", "**/x.csv"] {
            assert_eq!(find(root.path(), path), expected, "{path}");
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_no_reason_to_leave_a_file_out() {
        let root = folder(&["a.csv"]);
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"b\xFF.csv")), "x").unwrap();
        assert_eq!(find_matches(root.path(), "*.csv").unwrap().len(), 2);
    }
}
