//! Paths that were typed -> mappings with their cases.
//!
//! The cases of `NAME.yaml` lie in the folder `NAME.cases` beside it, each in a folder of its own. No link is followed, so that
//! `--update` writes there and nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    commands::load,
    diagnostic::{Code, Diagnostic},
    list_dir::list_dir,
};

/// How the name of a folder with cases ends.
const CASES: &str = "cases";

/// A mapping, and those of its cases that are run.
#[derive(Debug, PartialEq, Eq)]
pub struct TestedMapping {
    /// The file.
    pub path: PathBuf,
    /// The folders of the cases.
    pub cases: Vec<PathBuf>,
    /// These are all cases that it has, so that its coverage is known.
    pub is_whole: bool,
}

/// Finds what the paths name: mappings, folders of mappings, folders of cases, and cases. Without a path, the mappings of the
/// root.
///
/// # Errors
/// A path is none of these, or there is no case at all.
pub fn find_cases(paths: &[PathBuf], root: &Path) -> Result<Vec<TestedMapping>, Vec<Diagnostic>> {
    let mut found: Vec<TestedMapping> = Vec::new();
    let mut wrong = Vec::new();
    if paths.is_empty() {
        for mapping in load::mappings(root) {
            match find_of_mapping(mapping) {
                Ok(mapping) => found.push(mapping),
                Err(finding) => wrong.push(finding),
            }
        }
    }
    for path in paths {
        match find_of_path(path) {
            Ok(several) => several.into_iter().for_each(|one| add_mapping(&mut found, one)),
            Err(finding) => wrong.push(finding),
        }
    }
    if wrong.is_empty() && found.iter().all(|mapping| mapping.cases.is_empty()) {
        let hint = "a case of `mappings/NAME.yaml` is a folder `mappings/NAME.cases/CASE` with the files that the mapping reads; \
                    `xwalk test --update` writes what comes out";
        wrong.push(Diagnostic::new(Code::PlanUsage, "there are no cases to run").hint(hint));
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

/// Adds a mapping, or the cases of one that is there.
fn add_mapping(found: &mut Vec<TestedMapping>, one: TestedMapping) {
    match found.iter_mut().find(|known| known.path == one.path) {
        Some(known) => {
            known.is_whole |= one.is_whole;
            known.cases.extend(one.cases);
            known.cases.sort();
            known.cases.dedup();
        }
        None => found.push(one),
    }
}

fn find_of_path(path: &Path) -> Result<Vec<TestedMapping>, Diagnostic> {
    let has_cases = |path: &Path| path.extension().is_some_and(|extension| extension == CASES);
    if !path.is_dir() {
        if path.is_file() {
            return find_of_mapping(path.to_owned()).map(|mapping| vec![mapping]);
        }
        let message = format!("`{}` is not there", path.display());
        let hint = "name a mapping, a folder of mappings, a folder of cases, or a case";
        return Err(Diagnostic::new(Code::PlanUsage, message).hint(hint));
    }
    if has_cases(path) {
        return find_of_mapping(mapping_of(path)?).map(|mapping| vec![mapping]);
    }
    if let Some(cases) = path.parent().filter(|parent| has_cases(parent)) {
        refuse_link(cases)?;
        return Ok(vec![TestedMapping { path: mapping_of(cases)?, cases: vec![path.to_owned()], is_whole: false }]);
    }
    let names = list_dir(path).unwrap_or_default();
    let is_mapping = |path: &PathBuf| path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    let mappings: Vec<PathBuf> = names.iter().map(|name| path.join(name)).filter(is_mapping).collect();
    if mappings.is_empty() {
        let message = format!("`{}` is no folder of mappings and no folder of cases", path.display());
        let hint = format!("the cases of `NAME.yaml` lie beside it in `NAME.{CASES}`");
        return Err(Diagnostic::new(Code::PlanUsage, message).hint(hint));
    }
    mappings.into_iter().map(find_of_mapping).collect()
}

/// The mapping that a folder of cases belongs to.
fn mapping_of(cases: &Path) -> Result<PathBuf, Diagnostic> {
    let mappings = ["yaml", "yml"].map(|extension| cases.with_extension(extension));
    mappings.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("no mapping stands beside `{}`", cases.display());
        let hint = format!("its mapping is `{}`", cases.with_extension("yaml").display());
        Diagnostic::new(Code::PlanUsage, message).hint(hint)
    })
}

/// All cases of a mapping, by name; what is hidden is none, and neither is a file.
fn find_of_mapping(path: PathBuf) -> Result<TestedMapping, Diagnostic> {
    let folder = path.with_extension(CASES);
    refuse_link(&folder)?;
    let names = list_dir(&folder).unwrap_or_default();
    let is_shown = |name: &&std::ffi::OsString| !name.to_string_lossy().starts_with('.');
    let cases = names.iter().filter(is_shown).map(|name| folder.join(name)).filter(|path| path.is_dir()).collect();
    Ok(TestedMapping { path, cases, is_whole: true })
}

/// Whether a path is a link.
pub fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink())
}

fn refuse_link(folder: &Path) -> Result<(), Diagnostic> {
    if !is_link(folder) {
        return Ok(());
    }
    let message = format!("`{}` is a link, and cases are not looked for behind one", folder.display());
    Err(Diagnostic::new(Code::PlanUsage, message).hint("put the cases themselves beside their mapping"))
}
