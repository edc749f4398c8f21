//! A drop folder without the files of the mapping -> which other mapping of `mappings/` reads what is there.

use std::path::Path;

use crate::{
    commands::load,
    diagnostic::Code,
    error::Error,
    read::files::{self, Inputs},
};

/// So many mappings are looked at.
const MAX_LOOKED_AT: usize = 50;

/// The same error; if a file is missing in a folder, with the mapping whose files are all there as what to do.
pub(super) fn name_other_mapping(error: Error, folder: &Path, root: &Path) -> Error {
    let Error::Input(mut findings) = error else { return error };
    if let Some(missing) = findings.iter_mut().find(|finding| finding.code == Code::ReadMissingFile) {
        let mut mappings = load::mappings(root).into_iter().take(MAX_LOOKED_AT);
        if let Some(mapping) = mappings.find(|mapping| has_all_files(mapping, folder)) {
            let mapping = mapping.display();
            missing.hint = format!("the files that are there are those of `{mapping}`: choose it with `-m {mapping}`");
        }
    }
    Error::Input(findings)
}

/// Whether all files of a mapping are in a folder.
fn has_all_files(mapping: &Path, folder: &Path) -> bool {
    let inputs = Inputs::new(folder, &[], false);
    load::plan(mapping).is_ok_and(|plan| files::find_source_files(&plan, &inputs).iter().all(Result::is_ok))
}
