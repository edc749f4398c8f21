//! Public corpora: what others found worth trying on a CSV reader or a validator, and what they say is right.
//!
//! They are read from the folder that `XWALK_CORPORA` names, and never fetched: README.md says how to get them. What is not
//! there is skipped, and that is printed. A corpus never decides alone that a test is green: every kind of fault that was
//! found with one has a case of its own in `cases/`.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]
#![expect(clippy::print_stdout, reason = "the counts are what a run is for, and no corpus is skipped in silence")]

#[path = "corpora/contracts.rs"]
mod contracts;
#[path = "corpora/csv_files.rs"]
mod csv_files;
#[path = "corpora/json_schema.rs"]
mod json_schema;
#[path = "corpora/run.rs"]
mod run;

use std::path::PathBuf;

/// The folder of a corpus; if it is not there, that is printed.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let Ok(all) = std::env::var("XWALK_CORPORA") else {
        println!("skipped {name}: XWALK_CORPORA does not name the folder with the corpora (see README.md)");
        return None;
    };
    let folder = PathBuf::from(all).join(name);
    if !folder.is_dir() {
        println!("skipped {name}: {} is not there (see README.md)", folder.display());
        return None;
    }
    Some(folder)
}
