//! A cause that the operating system gives -> its words, and what to do about it.
//!
//! The words are those of the system without its number: `connection refused`, not `Connection refused (os error 111)`.
//! One function says what to do for each kind of cause, so that no message advises to free space on a disk that is not full.

use std::io;

/// What the system was asked for: what to do depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A file was read.
    ReadFile,
    /// A file was written.
    WriteFile,
    /// A folder was used, and files in it were written.
    UseFolder,
    /// A port was listened on.
    Listen,
}

/// The words for a cause: lower case, without the number that the system gives it.
pub fn describe_cause(cause: &io::Error) -> String {
    describe_words(&cause.to_string())
}

/// The words for a cause whose text is known.
pub fn describe_words(text: &str) -> String {
    // `tempfile` appends the name of the temporary file, which no user knows.
    let text = text.split(" at path ").next().unwrap_or_default();
    let text = text.find(" (os error ").map_or(text, |at| &text[..at]);
    let mut characters = text.chars();
    match (characters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}

/// What to do about a cause, in words that stand alone; empty when there is nothing to say that helps.
pub fn advise(purpose: Purpose, cause: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    let is_written = matches!(purpose, Purpose::WriteFile | Purpose::UseFolder);
    match (cause.kind(), purpose) {
        (Kind::NotFound, Purpose::ReadFile) => "look at its name; a path is relative to the file that names it",
        (Kind::NotFound, _) => "name a folder that is there",
        (Kind::IsADirectory, _) => "it is a folder; name a file",
        (Kind::NotADirectory, Purpose::UseFolder) => "it is a file, or lies below one; name a folder",
        (Kind::NotADirectory, _) => "a part of its path is a file; name a place in a folder",
        (Kind::PermissionDenied, Purpose::ReadFile) => "let this user read it: `ls -l` shows who may",
        (Kind::PermissionDenied, Purpose::Listen) => {
            "this user may not use the port; name one from 1024 on with `--port`"
        }
        (Kind::PermissionDenied, _) => "name a place this user may write to",
        (Kind::ReadOnlyFilesystem, _) => "the disk can only be read; name a place on another one",
        (Kind::StorageFull | Kind::QuotaExceeded, _) => "free space there, or name a place on another disk",
        (Kind::FileTooLarge, _) => {
            "the disk or a limit (`ulimit -f`) allows no larger files; name a place on another disk"
        }
        (Kind::AddrInUse, _) => "another program listens there; name another port with `--port`, or 0 for a free one",
        (Kind::InvalidFilename, _) => "the name is too long or not allowed there; name a shorter one",
        (Kind::AlreadyExists, Purpose::UseFolder) => "it is a file; name a folder",
        (Kind::AlreadyExists, _) => "something of this name is there already; name another place",
        (Kind::CrossesDevices, _) => "name a place that is on one disk",
        (Kind::NotConnected, Purpose::WriteFile) => "let it lead somewhere, to `/dev/null` if nobody needs the answer",
        _ if is_loop(cause) => "its links lead in a circle; name the file itself",
        _ if is_out_of_files(cause) => {
            "too many files are open: raise the limit with `ulimit -n`, or convert fewer folders at once"
        }
        _ if is_written => "look at the disk: `dmesg` may say more",
        _ => "",
    }
}

/// Whether symbolic links lead in a circle.
fn is_loop(cause: &io::Error) -> bool {
    cause.to_string().contains("symbolic links")
}

/// Whether the process or the machine may open no more files.
fn is_out_of_files(cause: &io::Error) -> bool {
    cause.to_string().contains("oo many open files")
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::io_cause::{Purpose, advise, describe_cause};

    #[test]
    fn words_are_those_of_the_system_without_its_number() {
        let table = [
            ("Connection refused (os error 111)", "connection refused"),
            ("No space left on device (os error 28) at path \"/tmp/.tmpX\"", "no space left on device"),
            ("DNS is away", "DNS is away"),
            ("é", "é"),
            ("", ""),
        ];
        for (text, words) in table {
            assert_eq!(describe_cause(&io::Error::other(text)), words);
        }
    }

    #[test]
    fn space_is_freed_only_where_a_disk_is_full() {
        use io::ErrorKind as Kind;
        let purposes = [Purpose::ReadFile, Purpose::WriteFile, Purpose::UseFolder, Purpose::Listen];
        let kinds = [
            Kind::NotFound,
            Kind::IsADirectory,
            Kind::NotADirectory,
            Kind::PermissionDenied,
            Kind::ReadOnlyFilesystem,
            Kind::AddrInUse,
            Kind::InvalidFilename,
            Kind::AlreadyExists,
            Kind::FileTooLarge,
        ];
        for purpose in purposes {
            for kind in kinds {
                let advice = advise(purpose, &kind.into());
                assert!(!advice.is_empty() && !advice.contains("free space"), "{purpose:?} {kind:?}: {advice}");
            }
            assert!(advise(purpose, &Kind::StorageFull.into()).starts_with("free space"));
            assert!(advise(purpose, &Kind::QuotaExceeded.into()).starts_with("free space"));
        }
        for number in [23, 24] {
            let cause = io::Error::from_raw_os_error(number);
            assert!(advise(Purpose::ReadFile, &cause).starts_with("too many files are open"), "{cause}");
        }
    }
}
