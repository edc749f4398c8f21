//! The program beside the browser: a preview as a process, and a folder with what the repository ships.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// A folder with a copy of what the repository ships.
pub(crate) fn shipped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mappings", "schemas", "samples", "profiles.yaml"] {
        copy(Path::new(name), &folder.path().join(name));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Replaces some text of a file, as an editor saves it.
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} does not stand in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// A preview that runs until this is dropped.
pub(crate) struct RunningPreview {
    /// The address of its page.
    pub(crate) url: String,
    process: Child,
}

impl RunningPreview {
    /// Starts it in a folder, and waits until it says where it is.
    pub(crate) fn start(root: &Path, arguments: &[&str]) -> RunningPreview {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
        command.current_dir(root).arg("preview").args(arguments).env_remove("XWALK_PROFILE").stdin(Stdio::null());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        RunningPreview { url: url.unwrap_or_else(|| panic!("no address: {line}")).to_owned(), process }
    }

    /// Ends it.
    pub(crate) fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for RunningPreview {
    fn drop(&mut self) {
        self.end();
    }
}
