//! Where the state folder is, and what is said when it cannot be used.
//!
//! Weakest to strongest: `~/.local/state/xwalk`, `XDG_STATE_HOME`, `--state`. Of several folders that a service manager
//! made, the first one counts.

use std::{collections::BTreeMap, io, path::Path};

use crate::{
    diagnostic::{Code, Diagnostic},
    error::Error,
    io_cause::{Purpose, advise, describe_cause},
    journal::state_dir::{LockError, StateDir},
};

/// Finds the state folder.
///
/// # Errors
/// Nothing says where it is.
pub(crate) fn locate(named: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<StateDir, Error> {
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        // A service manager that made several folders names them all, with colons between them.
        let several = environment.get("STATE_DIRECTORY").filter(|several| Path::new(several) == path);
        let first = several.and_then(|several| several.split(':').find(|folder| !folder.is_empty()));
        return Ok(StateDir { path: first.map_or(path, Path::new).to_owned(), named: true });
    }
    let absolute = |name: &str| environment.get(name).map(Path::new).filter(|path| path.is_absolute());
    let base = absolute("XDG_STATE_HOME").map(Path::to_owned);
    match base.or_else(|| absolute("HOME").map(|home| home.join(".local/state"))) {
        Some(base) => Ok(StateDir { path: base.join("xwalk"), named: false }),
        None => Err(storage("nothing says where deliveries are remembered", "name a folder with `--state DIR`")),
    }
}

/// The system does not let the state folder be used.
pub(crate) fn unusable(path: &Path, cause: &io::Error) -> Error {
    refused(path, &describe_cause(cause), advise(Purpose::UseFolder, cause))
}

fn refused(path: &Path, reason: &str, advice: &str) -> Error {
    let message = format!("the state folder `{}` cannot be used: {reason}", path.display());
    storage(&message, &format!("{advice}, or use another folder with `--state DIR`; nothing was sent"))
}

/// The folder of a target cannot be locked.
pub(crate) fn not_locked(error: &LockError, host: &str) -> Error {
    match error {
        LockError::Busy => {
            let finding = Diagnostic::new(Code::DeliverBusy, format!("another run delivers to `{host}`"));
            Error::Busy(Box::new(finding.hint("run the same command again when it is over")))
        }
        LockError::Unusable { path, reason, advice } => refused(path, reason, advice),
    }
}

fn storage(message: &str, hint: &str) -> Error {
    Error::Storage(Box::new(Diagnostic::new(Code::DeliverState, message).hint(hint)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::commands::state_dir::locate;

    #[test]
    fn of_several_folders_that_a_service_manager_made_the_first_holds_the_state() {
        let environment = [("STATE_DIRECTORY".to_owned(), "/a:/b".to_owned())].into();
        let path = |named: &str| locate(Some(Path::new(named)), &environment).unwrap().path;
        assert_eq!((path("/a:/b").as_path(), path("/c:/d").as_path()), (Path::new("/a"), Path::new("/c:/d")));
    }
}
