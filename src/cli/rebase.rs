//! Commands whose relative paths start from another folder than the working directory of the process.
//!
//! Tests run side by side in one process, which has only one working directory. From the empty folder, every path stays
//! as it was typed. `-` is a stream and no path.

use std::path::{Path, PathBuf};

use crate::{
    cli::{Check, Convert, Explain, Init, Preview, Purge, Sandbox, Test},
    options::SourcePath,
};

fn rebase_path(root: &Path, path: &Path) -> PathBuf {
    if path == Path::new("-") { path.to_owned() } else { root.join(path) }
}

fn rebase_optional(root: &Path, path: Option<&PathBuf>) -> Option<PathBuf> {
    path.map(|path| rebase_path(root, path))
}

fn rebase_all(root: &Path, paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| rebase_path(root, path)).collect()
}

impl Convert {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Convert {
        let source =
            |source: &SourcePath| SourcePath { name: source.name.clone(), path: rebase_path(root, &source.path) };
        Convert {
            dirs: rebase_all(root, &self.dirs),
            mapping: rebase_optional(root, self.mapping.as_ref()),
            sources: self.sources.iter().map(source).collect(),
            output: rebase_optional(root, self.output.as_ref()),
            state: rebase_optional(root, self.state.as_ref()),
            rejects: rebase_optional(root, self.rejects.as_ref()),
            reports: rebase_all(root, &self.reports),
            ..self.clone()
        }
    }
}

impl Check {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Check {
        Check {
            mappings: rebase_all(root, &self.mappings),
            against: rebase_optional(root, self.against.as_ref()),
            reports: rebase_all(root, &self.reports),
            ..self.clone()
        }
    }
}

impl Init {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Init {
        Init {
            inputs: rebase_all(root, &self.inputs),
            contract: rebase_optional(root, self.contract.as_ref()),
            output: rebase_optional(root, self.output.as_ref()),
            ..self.clone()
        }
    }
}

impl Sandbox {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Sandbox {
        Sandbox {
            contract: rebase_optional(root, self.contract.as_ref()),
            mapping: rebase_optional(root, self.mapping.as_ref()),
            keep: rebase_optional(root, self.keep.as_ref()),
            ..self.clone()
        }
    }
}

impl Preview {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Preview {
        Preview {
            dir: rebase_optional(root, self.dir.as_ref()),
            mapping: rebase_optional(root, self.mapping.as_ref()),
            ..self.clone()
        }
    }
}

impl Explain {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Explain {
        Explain { mapping: rebase_optional(root, self.mapping.as_ref()), ..self.clone() }
    }
}

impl Test {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Test {
        Test { paths: rebase_all(root, &self.paths), ..self.clone() }
    }
}

impl Purge {
    /// The same, with paths from a root.
    #[must_use]
    pub fn rebased(&self, root: &Path) -> Purge {
        Purge { state: rebase_optional(root, self.state.as_ref()), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::cli::{Command, parse::parse};

    #[test]
    fn relative_paths_start_from_the_root_and_streams_are_no_paths() {
        let line = ["xwalk", "convert", "a", "/b", "-m", "m.yaml", "-s", "c=c.csv", "-s", "d=-", "-o", "-"];
        let Command::Convert(convert) = parse(line.map(Into::into)).unwrap().command else { panic!("another command") };
        assert_eq!(convert.rebased(Path::new("")), convert);
        let rebased = convert.rebased(Path::new("/root"));
        assert_eq!(rebased.dirs, [Path::new("/root/a"), Path::new("/b")]);
        assert_eq!(rebased.mapping.as_deref(), Some(Path::new("/root/m.yaml")));
        assert_eq!(rebased.sources[0].path, Path::new("/root/c.csv"));
        assert_eq!((rebased.sources[1].path.to_str(), rebased.output.unwrap().to_str()), (Some("-"), Some("-")));
    }
}
