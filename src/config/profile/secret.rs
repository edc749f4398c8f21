//! A text that no message, log or debug form ever shows, and the places it may come from.
//!
//! A secret is read from an environment variable or a private file, never from YAML or the command line. What cannot be
//! a header value is refused by naming the variable or the file, never by showing what was found.

use std::{
    collections::BTreeMap,
    fmt,
    hint::black_box,
    path::{Component, Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::regular_file::{FileFault, read_regular_file};

/// The largest secret file, in bytes: a key and its certificates fit, a mistaken path mostly does not.
const MAX_FILE: u64 = 64 << 10;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps a text from the moment it is read.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into().into_bytes())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader the compiler may drop the writes; safe Rust offers no stronger promise.
        black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The environment variables of the process, read once at the edge.
#[derive(Clone, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// The value of a variable, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text in which each `${NAME}` is replaced.
    ///
    /// # Errors
    /// The sentence that names a variable which is not set, or tells of a brace that is not closed.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| "a `${` is not closed".to_owned())?;
            let value = self.get(name).ok_or_else(|| format!("{} is not set", describe_variable(name)))?;
            expanded.push_str(before);
            expanded.push_str(value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where a secret lies: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SecretSource {
    /// The environment variable that holds it.
    #[serde(default)]
    pub env: Option<String>,
    /// The file that holds it and that only its owner may read. `${NAME}` stands for an environment variable.
    #[serde(default)]
    pub file: Option<String>,
}

impl SecretSource {
    /// Reads the secret, and says where it came from, as in "the variable `ECRM_TOKEN`".
    ///
    /// # Errors
    /// Why it cannot be a header value, as a sentence that names the variable or the file.
    pub fn read(&self, folder: &Path, environment: &Environment) -> Result<(Secret, String), String> {
        let (text, origin) = match (&self.env, &self.file) {
            (Some(name), None) => {
                let origin = describe_variable(name);
                let value = environment.get(name).ok_or_else(|| format!("{origin} is not set"))?;
                (value.to_owned(), origin)
            }
            (None, Some(path)) => {
                let file = find_file(path, "that is named here", folder, environment)?;
                (private(&file)?, format!("the file `{}`", file.display()))
            }
            _ => return Err("a secret needs exactly one of `env` and `file`".into()),
        };
        check(&text).map(|secret| (secret, origin.clone())).map_err(|fault| format!("{origin} {fault}"))
    }
}

/// A variable by its name, unless a secret may have been written in its place.
fn describe_variable(name: &str) -> String {
    if is_name_of_variable(name) { format!("the variable `{name}`") } else { "the variable that is named here".into() }
}

/// Whether a word looks like the name of an environment variable and not like a token in its place.
pub(super) fn is_name_of_variable(word: &str) -> bool {
    let is_word = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_word && word.len() <= 64 && (word.contains('_') || !word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The file that a profile names; `which` tells it from others.
///
/// # Errors
/// Why it is none, as a sentence: a text that is no path is not repeated, as it may be a secret.
pub(super) fn find_file(
    written: &str,
    which: &str,
    folder: &Path,
    environment: &Environment,
) -> Result<PathBuf, String> {
    let file = folder.join(environment.expand(written)?);
    if is_path(written, &file) { Ok(file) } else { Err(format!("the file {which} is not there")) }
}

/// Whether what was written is the path of a file, or of none in a folder that is there, and not a secret in its place.
pub(crate) fn is_path(written: &str, file: &Path) -> bool {
    let is_named = |folder: &Path| folder.components().any(|step| matches!(step, Component::Normal(_)));
    let has_folder = Path::new(written).parent().is_some_and(is_named) && file.parent().is_some_and(Path::exists);
    let begins_with_variable = written.starts_with("${") && written.contains("}/");
    has_folder || begins_with_variable || file.exists()
}

/// Reads the secret of a file again.
///
/// # Errors
/// Why it cannot be a header value, as a sentence that names the file.
pub fn read_file(path: &Path) -> Result<Secret, String> {
    check(&private(path)?).map_err(|fault| format!("the file `{}` {fault}", path.display()))
}

/// A text without one line end at its end, if it can be a header value.
fn check(text: &str) -> Result<Secret, &'static str> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    fault(line).map_or_else(|| Ok(Secret::new(line)), Err)
}

/// The text of a file that only its owner may read.
///
/// # Errors
/// Why it is not used, as a sentence that names the file.
pub fn private(path: &Path) -> Result<String, String> {
    let named = |what: &str| format!("the file `{}` {what}", path.display());
    let (bytes, metadata) = read_regular_file(path, MAX_FILE).map_err(|fault| match fault {
        FileFault::TooLarge => named("is too large for a secret"),
        FileFault::NotRegular => named("is not a regular file"),
        fault => named(&fault.describe(MAX_FILE)),
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(named("can be read by others: make it mode 0600"));
        }
    }
    String::from_utf8(bytes).map_err(|_| named("holds bytes that are not ASCII"))
}

/// A path as the profiles file means it: relative to the folder that holds it.
pub fn folder(profiles: &str) -> PathBuf {
    Path::new(profiles).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Why a text cannot be a header value, without a hint of its content or length.
fn fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        text if text.contains(['\r', '\n']) => Some("holds a line end inside"),
        text if !text.is_ascii() => Some("holds bytes that are not ASCII"),
        text if text.bytes().any(|byte| byte.is_ascii_control()) => Some("holds a control character"),
        text if text.trim() != text => Some("begins or ends with a space"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::{Environment, Secret, SecretSource};

    fn of_variable(value: &str) -> Result<(Secret, String), String> {
        let environment = Environment(BTreeMap::from([("TOKEN".to_owned(), value.to_owned())]));
        SecretSource { env: Some("TOKEN".into()), file: None }.read(Path::new(""), &environment)
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret::new("canary-7Q");
        let environment = Environment(BTreeMap::from([("TOKEN".to_owned(), "canary-7Q".to_owned())]));
        let shown = format!("{secret} {secret:?} {:?} {environment:?}", Some(&secret));
        assert_eq!(shown, "(secret) (secret) Some((secret)) {\"TOKEN\"}");
        assert_eq!(secret.expose(), "canary-7Q");
    }

    #[test]
    fn one_line_end_is_trimmed_and_no_more() {
        for good in ["token", "token\n", "token\r\n"] {
            assert_eq!(of_variable(good).unwrap().0.expose(), "token");
        }
        assert_eq!(of_variable("token\n\n").unwrap_err(), "the variable `TOKEN` holds a line end inside");
    }

    #[test]
    fn every_byte_that_is_no_header_text_is_refused() {
        for byte in 0..=255_u8 {
            let text = format!("to{}ken", char::from(byte));
            let fits = (0x20..0x7f).contains(&byte);
            assert_eq!(of_variable(&text).is_ok(), fits, "{byte}");
        }
        assert_eq!(of_variable("").unwrap_err(), "the variable `TOKEN` is empty");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let source = SecretSource { env: Some("NOT_SET".into()), file: None };
        let said = source.read(Path::new(""), &Environment::default()).unwrap_err();
        assert_eq!(said, "the variable `NOT_SET` is not set");
        let source = SecretSource { env: None, file: Some("${NO_FOLDER}/token".into()) };
        let said = source.read(Path::new(""), &Environment::default()).unwrap_err();
        assert_eq!(said, "the variable `NO_FOLDER` is not set");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "canary-7Q\n").unwrap();
        let source = SecretSource { env: None, file: Some("token".into()) };
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o644, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = source.read(folder.path(), &Environment::default());
            assert_eq!(read.is_ok(), fits, "{mode:o}");
            assert!(!format!("{read:?}").contains("canary"));
        }
    }
}
