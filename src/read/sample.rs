//! A file of which no dialect is known -> the text of its first bytes, and the encoding that they are in.
//!
//! At most so many bytes are read as are asked for, unpacked; the encoding is the first that explains all of them.

use std::path::Path;

use crate::{
    diagnostic::{Code, Diagnostic},
    read::feed::{Feed, FileToOpen},
    table::{
        Patch,
        dialect::{Dialect, Encoding, Tail},
    },
};

/// The first bytes of a file as text.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The text.
    pub text: Vec<u8>,
    /// The label of the encoding.
    pub encoding: &'static str,
    /// Why it is this one.
    pub evidence: String,
    /// Nobody can be sure of it.
    pub is_guess: bool,
    /// The file ends with the text.
    pub is_whole: bool,
}

/// Reads at most `limit` bytes of a file, and at least half of them if it has so many.
///
/// # Errors
/// It cannot be read, is no text, or its encoding cannot be told.
pub fn read_sample(path: &Path, limit: usize) -> Result<Sample, Diagnostic> {
    let (text, patches, is_whole) = match read_as(path, "utf-8", limit) {
        Err(wrong) if wrong.code == Code::ReadEncoding => return read_utf_16(path, limit, wrong),
        read => read?,
    };
    if memchr::memchr(0, &text).is_some() {
        let message = "the file holds NUL bytes, as UTF-16 does without its mark";
        let hint = "convert it to UTF-8, or write its dialect by hand";
        return Err(Diagnostic::new(Code::ReadEncoding, message).file(path.display().to_string()).hint(hint));
    }
    if patches.is_empty() {
        let evidence = if text.is_ascii() { "all of it is ASCII" } else { "all of it is UTF-8" };
        return Ok(Sample { text, encoding: "utf-8", evidence: evidence.into(), is_guess: false, is_whole });
    }
    let (encoding, evidence) = explain_damage(&text, &patches);
    let (text, left, is_whole) = read_as(path, encoding, limit)?;
    let evidence = match left.len() {
        0 => evidence,
        left => format!("{evidence}; {left} places are in none of them"),
    };
    Ok(Sample { text, encoding, evidence, is_guess: true, is_whole })
}

/// A file whose byte order mark tells of UTF-16.
fn read_utf_16(path: &Path, limit: usize, wrong: Diagnostic) -> Result<Sample, Diagnostic> {
    for encoding in ["utf-16le", "utf-16be"] {
        if let Ok((text, _, is_whole)) = read_as(path, encoding, limit) {
            return Ok(Sample { text, encoding, evidence: "its mark says so".into(), is_guess: false, is_whole });
        }
    }
    Err(wrong)
}

/// The encoding that explains bytes which are no UTF-8.
fn explain_damage(text: &[u8], patches: &[Patch]) -> (&'static str, String) {
    let places = patches.len();
    let in_patches: usize = patches.iter().map(|patch| patch.length).sum();
    let high = text.iter().filter(|byte| !byte.is_ascii()).count();
    if high > in_patches {
        return ("auto", format!("{places} places are no UTF-8, and others are"));
    }
    let bytes = patches.iter().flat_map(|patch| &patch.original);
    // The letters of DOS stand where Windows has signs.
    let is_dos = |byte: &&u8| (0x80..=0xA5).contains(*byte);
    if 2 * bytes.clone().filter(is_dos).count() > bytes.count() {
        return ("cp850", format!("{places} places are no UTF-8, and letters in this encoding"));
    }
    ("windows-1252", format!("{places} places are no UTF-8"))
}

type DecodedText = (Vec<u8>, Vec<Patch>, bool);

/// The text of the first bytes in an encoding, what could not be decoded, and whether the file ends there.
fn read_as(path: &Path, label: &str, limit: usize) -> Result<DecodedText, Diagnostic> {
    let encoding = Encoding::named(label).unwrap_or(Encoding::Utf8);
    let dialect = Dialect::new(b',', Some(b'"'), encoding, true, Vec::new(), Tail::Auto);
    let name = path.display().to_string();
    let mut feed = Feed::open(FileToOpen { path, role: "", name: &name, is_digested: false }, &dialect)?;
    let (mut text, mut patches) = (Vec::new(), Vec::new());
    let is_whole = feed.append_text(&mut text, &mut patches, limit)?;
    Ok((text, patches, is_whole))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::read::sample::read_sample;

    #[test]
    fn the_encoding_is_the_first_that_explains_all_bytes() {
        let table: [(&[u8], &str); 6] = [
            (b"a,b\n1,2\n", "utf-8"),
            ("a\n\u{e9}\n".as_bytes(), "utf-8"),
            (b"a\nOrl\xe9ans\n", "windows-1252"),
            (b"a\nOrl\x82ans\n", "cp850"),
            (b"a\nOrl\xe9ans\n\xc3\xa9\n", "auto"),
            (b"\xff\xfea\0\n\0", "utf-16le"),
        ];
        for (bytes, encoding) in table {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), bytes).unwrap();
            let sample = read_sample(file.path(), 1 << 20).unwrap();
            assert_eq!((sample.encoding, sample.is_whole), (encoding, true), "{bytes:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1234567\n".repeat(100_000)).unwrap();
        let sample = read_sample(file.path(), 100_000).unwrap();
        assert!(!sample.is_whole);
        assert!((50_000..=100_000).contains(&sample.text.len()), "{}", sample.text.len());
    }
}
