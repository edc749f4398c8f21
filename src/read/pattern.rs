//! A folder and a pattern -> the files that match it, in the order of their names.
//!
//! `*`, `?` and `[...]` match within a name, `**` matches any number of folders. As in every shell, what is hidden matches
//! only where the pattern begins with a point. Nothing else is skipped in silence: a folder that cannot be listed could hold
//! a match, and a folder that is a link could lead back, or to files that are read already, so both are errors.

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
    let pattern = glob::Pattern::new(&write_negations(step)).map_err(|wrong| {
        let message = format!("the pattern `{step}` cannot be used: {}", wrong.msg);
        Diagnostic::new(Code::ReadMissingFile, message).file(folder.join(step).display().to_string())
    })?;
    for path in list(folder)?.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default();
        (step.starts_with('.') || !is_hidden(path)) && pattern.matches(&name.to_string_lossy())
    }) {
        if is_last || can_enter(&path)? {
            next.push(path);
        }
    }
    Ok(())
}

/// A pattern with `[!` in place of each `[^`: shells know both.
fn write_negations(step: &str) -> String {
    let (mut written, mut rest) = (String::new(), step);
    while let Some((before, behind)) = rest.split_once('[') {
        written.push_str(before);
        written.push('[');
        let class = match behind.strip_prefix(['^', '!']) {
            Some(class) => {
                written.push('!');
                class
            }
            None => behind,
        };
        // A bracket is one of the characters where it comes first.
        let first = class.chars().next().map_or(0, char::len_utf8);
        let end = class[first..].find(']').map_or(class.len(), |end| first + end + 1);
        written.push_str(&class[..end]);
        rest = &class[end..];
    }
    written + rest
}

/// Adds a folder and all folders below it that are not hidden.
fn add_folders_below(folder: &Path, next: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for path in list(&folder)? {
            if !is_hidden(&path) && can_enter(&path)? {
                open.push(path);
            }
        }
        next.push(folder);
    }
    Ok(())
}

/// Whether a pattern goes into what has this path: it is a folder, and no link to one.
fn can_enter(path: &Path) -> Result<bool, Diagnostic> {
    let refused = |message: String, hint| {
        let finding = Diagnostic::new(Code::ReadUnreadable, message).file(path.display().to_string());
        Err(finding.hint(hint))
    };
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() && is_link => refused(
            format!("`{}` is a link to a folder, which no pattern goes into", path.display()),
            "put the folder itself there, or write the name of the link into the path, without `*`",
        ),
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(cause) if is_link && cause.kind() == io::ErrorKind::NotFound => refused(
            format!("`{}` is a link that leads nowhere", path.display()),
            "it may have led to files that match the pattern of the source: repair it, or take it away",
        ),
        Err(cause) => Err(describe_unreadable(path, &cause)),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
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
        let table: [(&str, &[&str]); 13] = [
            ("x-*.csv", &["x-1.csv"]),
            ("*/x-?.csv", &["b/x-2.csv"]),
            ("**/x-[0-9].csv", &["b/x-2.csv", "x-1.csv"]),
            ("./b/*.csv", &["b/x-2.csv"]),
            ("b/../*.csv", &["b/../x-1.csv", "b/../y.csv"]),
            ("[!x]*", &["b", "y.csv"]),
            ("[^x]*", &["b", "y.csv"]),
            ("[x^]*", &["x-1.csv"]),
            ("[^!^b]*", &["x-1.csv", "y.csv"]),
            ("*[[^]1[^]]]*", &[]),
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
        for path in ["day-*/x.csv", "day-9/*.csv", "day-9/x*/y.csv", "day-8*/x.csv", "**/x.csv", "**"] {
            assert_eq!(find(root.path(), path), Err(Code::ReadUnreadable), "{path}");
        }
        // A link that is the match itself is found, and then cannot be read.
        assert_eq!(find(root.path(), "day-[89]").unwrap(), ["day-8", "day-9"]);
    }

    #[test]
    fn a_link_to_a_folder_is_followed_where_the_path_names_it_and_refused_where_a_pattern_would() {
        let root = folder(&["drop/day-1/x.csv", "else/x.csv", "else/y.csv"]);
        let drop = root.path().join("drop");
        symlink("../else", drop.join("day-2")).unwrap();
        symlink("..", drop.join("day-1/up")).unwrap();
        symlink("../else/y.csv", drop.join("y.csv")).unwrap();
        for (path, expected) in [
            ("day-2/x.csv", Ok(vec!["day-2/x.csv".to_owned()])),
            ("day-2/*.csv", Ok(vec!["day-2/x.csv".to_owned(), "day-2/y.csv".to_owned()])),
            ("day-1/up/*.csv", Ok(vec!["day-1/up/y.csv".to_owned()])),
            ("*.csv", Ok(vec!["y.csv".to_owned()])),
            ("day-?/x.csv", Err(Code::ReadUnreadable)),
            ("*/x.csv", Err(Code::ReadUnreadable)),
            ("**/x.csv", Err(Code::ReadUnreadable)),
            ("day-1/**/x.csv", Err(Code::ReadUnreadable)),
        ] {
            assert_eq!(find(&drop, path), expected, "{path}");
        }
        // Only a link that is in the way is one: not a file, and not what another name keeps apart.
        assert_eq!(find(&drop, "*1/x.csv").unwrap(), ["day-1/x.csv"]);
        assert_eq!(find(&drop, "y*/x.csv").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_hidden_matches_only_a_pattern_that_begins_with_a_point() {
        let root = folder(&["a.csv", ".a.csv", ".old/a.csv", "new/.b.csv", "new/b.csv", "new/.tmp/b.csv"]);
        symlink("gone", root.path().join(".link")).unwrap();
        let table: [(&str, &[&str]); 9] = [
            ("*.csv", &["a.csv"]),
            ("?a.csv", &[]),
            ("[.]a.csv", &[]),
            (".*.csv", &[".a.csv"]),
            ("*/*.csv", &["new/b.csv"]),
            (".o*/*.csv", &[".old/a.csv"]),
            (".old/*.csv", &[".old/a.csv"]),
            ("**/*.csv", &["a.csv", "new/b.csv"]),
            ("**/.?.csv", &[".a.csv", "new/.b.csv"]),
        ];
        for (path, expected) in table {
            assert_eq!(find(root.path(), path).unwrap(), expected, "{path}");
        }
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
