//! `xwalk purge`: forgets finished deliveries.

use crate::{
    cli,
    commands::{
        convert::delivery::{refused, state, unusable},
        runtime::Runtime,
    },
    error::{Error, Exit},
    journal::{Journal, state_dir::Refusal},
};

/// Forgets deliveries: those that are finished and in no doubt, or all.
///
/// # Errors
/// The state folder cannot be used.
pub fn purge(args: &cli::Purge, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let state = state(args.state.as_deref(), runtime.environment)?;
    let (mut forgotten, mut kept, mut busy) = (0, 0, 0);
    for target in state.targets().map_err(|cause| unusable(&state.path, &cause))? {
        let folder = match state.lock(&target) {
            Ok(folder) => folder,
            Err(Refusal::Busy) => {
                busy += 1;
                continue;
            }
            Err(refusal) => return Err(refused(&refusal, &target.id)),
        };
        let journal = Journal::open(folder).map_err(|cause| unusable(&state.path, &cause))?;
        // Whoever forgets a request that may still be acted on cannot wait for it.
        if args.all || !journal.may_linger() {
            journal.close().forget().map_err(|cause| unusable(&state.path, &cause))?;
            forgotten += 1;
        } else {
            kept += 1;
        }
    }
    if !args.messages.quiet {
        let what = if args.all { "forgotten" } else { "finished and forgotten" };
        let busy = if busy == 0 { String::new() } else { format!(", {busy} in use by another run") };
        let kept = if kept == 0 { String::new() } else { format!(", {kept} unfinished or in doubt and kept") };
        // stderr that is closed changes nothing about what was forgotten.
        let _ = writeln!(runtime.err, "{forgotten} {what}{kept}{busy}");
    }
    Ok(if busy == 0 { Exit::Done } else { Exit::Undelivered })
}
