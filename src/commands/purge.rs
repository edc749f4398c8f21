//! `xwalk purge`: removes the journals of finished deliveries.

use crate::{
    cli,
    commands::{
        runtime::Runtime,
        state_dir::{locate, not_locked, unusable},
    },
    error::{Error, Exit},
    journal::{Journal, state_dir::LockError},
};

/// Removes journals: those whose delivery is finished and not in doubt, or all.
///
/// # Errors
/// The state folder cannot be used.
pub fn purge(args: &cli::Purge, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let state = locate(args.state.as_deref(), runtime.environment)?;
    let (mut removed, mut left, mut busy) = (0, 0, 0);
    for target in state.targets().map_err(|cause| unusable(&state.path, &cause))? {
        let folder = match state.lock(&target) {
            Ok(folder) => folder,
            Err(LockError::Busy) => {
                busy += 1;
                continue;
            }
            Err(error) => return Err(not_locked(&error, &target.id)),
        };
        let journal = Journal::open(folder).map_err(|cause| unusable(&state.path, &cause))?;
        // The API may still act on a late request, and only the journal says that a later run has to wait for it.
        if args.all || !journal.may_linger() {
            journal.close().remove().map_err(|cause| unusable(&state.path, &cause))?;
            removed += 1;
        } else {
            left += 1;
        }
    }
    if !args.messages.quiet {
        let what = if args.all { "forgotten" } else { "finished and forgotten" };
        let busy = if busy == 0 { String::new() } else { format!(", {busy} in use by another run") };
        let left = if left == 0 { String::new() } else { format!(", {left} unfinished or in doubt and kept") };
        // A closed stderr changes nothing about what was removed.
        let _ = writeln!(runtime.err, "{removed} {what}{left}{busy}");
    }
    Ok(if busy == 0 { Exit::Done } else { Exit::Undelivered })
}
