//! Stored partition -> loaded and joined, and back with what was found out about it.

use std::io;

use crate::{
    diagnostic::Diagnostic,
    error::Error,
    join,
    partition::{loaded::LoadedPartition, spill::Spill, stored::StoredPartition},
    plan::Plan,
    recording::ledger::Ledger,
};

/// The disk for temporary files is full or broken.
pub fn spill_error(spill: &Spill, cause: &io::Error) -> Error {
    Error::storage("cannot write a temporary file in", spill.folder(), cause)
}

/// Loads a partition into buffers that are used again, and joins it the first time.
///
/// # Errors
/// The disk for temporary files is broken.
pub fn load_joined(
    plan: &Plan,
    partition: &StoredPartition,
    loaded: &mut LoadedPartition,
    say: &mut dyn FnMut(&Diagnostic),
) -> Result<(), Error> {
    let is_joined = partition.load(plan.each, loaded).map_err(|cause| spill_error(partition.spill(), &cause))?;
    if !is_joined {
        let (statuses, rejects) = (std::mem::take(&mut loaded.statuses), std::mem::take(&mut loaded.rejects));
        let mut ledger = Ledger::reopen(statuses, rejects, say);
        loaded.groups = join::match_groups(plan, &mut loaded.tables, &mut ledger).map_err(Error::input)?;
        (loaded.statuses, loaded.rejects) = ledger.close();
    }
    Ok(())
}

/// Counts what was found out about a partition, and keeps it if it is loaded `again`.
///
/// # Errors
/// The disk for temporary files is full.
pub fn store_verdicts(
    plan: &Plan,
    partition: &mut StoredPartition,
    loaded: &LoadedPartition,
    again: bool,
) -> Result<(), Error> {
    partition.count(plan, loaded);
    let kept = if again { partition.keep(loaded) } else { Ok(()) };
    kept.map_err(|cause| spill_error(partition.spill(), &cause))
}

/// Loads a partition that was decided about, where an error cannot be returned: the spill keeps it. `None`: it failed.
pub fn load_again(plan: &Plan, partition: &StoredPartition, loaded: &mut LoadedPartition) -> Option<()> {
    partition.load(plan.each, loaded).map_err(|cause| partition.spill().keep_failure(cause)).ok().map(drop)
}
