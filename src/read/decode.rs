//! The bytes of a file become UTF-8 text, byte for byte where they already are.
//!
//! Nothing is dropped: where bytes do not exist in the encoding, a replacement character stands for them and a patch keeps
//! what stood there, so that the record can be rejected and given back as it was. Line structure never changes.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, WINDOWS_1252};

use crate::{
    diagnostic::{Code, Diagnostic},
    table::{
        Patch,
        dialect::{Dialect, Encoding, Span},
    },
};

/// The text of one file.
pub(super) struct Decoded {
    /// UTF-8.
    pub(super) text: Vec<u8>,
    /// Where it was not.
    pub(super) patches: Vec<Patch>,
    /// With `encoding: auto`: how many records were Windows-1252.
    pub(super) windows: u64,
}

/// Decodes the bytes of a file.
///
/// # Errors
/// The byte order mark tells of another encoding than the dialect.
pub(super) fn decoded(path: &str, bytes: Vec<u8>, dialect: &Dialect) -> Result<Decoded, Diagnostic> {
    let bytes = unmarked(path, bytes, dialect.encoding)?;
    let mut decoded = match dialect.encoding {
        Encoding::Utf8 => utf8(bytes),
        Encoding::Auto => auto(bytes, dialect),
        Encoding::Label(encoding) => label(&bytes, encoding),
    };
    decoded.patches.sort_by_key(|patch| patch.at);
    Ok(decoded)
}

/// The bytes without a byte order mark.
pub(super) fn unmarked(path: &str, mut bytes: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, Diagnostic> {
    let mark: Option<(&str, usize)> = match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => Some(("UTF-8", 3)),
        [0xFF, 0xFE, 0, 0, ..] => Some(("UTF-32LE", 4)),
        [0, 0, 0xFE, 0xFF, ..] => Some(("UTF-32BE", 4)),
        [0xFF, 0xFE, ..] => Some(("UTF-16LE", 2)),
        [0xFE, 0xFF, ..] => Some(("UTF-16BE", 2)),
        _ => None,
    };
    match mark {
        None => Ok(bytes),
        Some((name, length)) if name == encoding.name() => Ok(bytes.split_off(length)),
        Some((name, _)) => {
            let hint =
                format!("set `encoding: {}` in the dialect, if the recorder really writes it", name.to_lowercase());
            let message =
                format!("the file is {name}, told by its byte order mark, and its dialect says {}", encoding.name());
            Err(Diagnostic::new(Code::ReadEncoding, message).file(path).hint(hint))
        }
    }
}

/// UTF-8; what is not becomes patches.
pub(super) fn utf8(bytes: Vec<u8>) -> Decoded {
    let mut decoded = Decoded { text: Vec::new(), patches: Vec::new(), windows: 0 };
    if simdutf8::basic::from_utf8(&bytes).is_ok() {
        decoded.text = bytes;
        return decoded;
    }
    for chunk in bytes.utf8_chunks() {
        decoded.text.extend_from_slice(chunk.valid().as_bytes());
        decoded.patch(chunk.invalid());
    }
    decoded
}

/// Each record by itself: UTF-8, else Windows-1252. Both agree on ASCII, so the borders are known before.
fn auto(bytes: Vec<u8>, dialect: &Dialect) -> Decoded {
    let mut decoded = Decoded { text: Vec::new(), patches: Vec::new(), windows: 0 };
    if simdutf8::basic::from_utf8(&bytes).is_ok() {
        decoded.text = bytes;
        return decoded;
    }
    let mut cells: Vec<Span> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let border = dialect.split(&bytes, at, &mut cells);
        let end = match border.fault {
            None => border.next,
            Some(_) => memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |feed| at + feed + 1),
        };
        let record = &bytes[at..end];
        if std::str::from_utf8(record).is_ok() {
            decoded.text.extend_from_slice(record);
        } else {
            decoded.windows += 1;
            decoded.windows_1252(record);
        }
        at = end;
    }
    decoded
}

fn label(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> Decoded {
    let mut text = Decoded { text: Vec::new(), patches: Vec::new(), windows: 0 };
    if encoding == WINDOWS_1252 {
        text.windows_1252(bytes);
        return text;
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut buffer = vec![0; 1 << 16];
    let mut read = 0;
    loop {
        let (result, taken, written) = decoder.decode_to_utf8_without_replacement(&bytes[read..], &mut buffer, true);
        read += taken;
        text.text.extend_from_slice(&buffer[..written]);
        match result {
            DecoderResult::InputEmpty => return text,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, behind) => {
                let end = read - usize::from(behind);
                text.patch(&bytes[end - usize::from(length)..end]);
            }
        }
    }
}

impl Decoded {
    /// Puts a replacement character in the place of bytes that are no text.
    fn patch(&mut self, original: &[u8]) {
        if !original.is_empty() {
            self.patches.push(Patch { at: self.text.len(), original: original.to_vec() });
            self.text.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }

    /// The WHATWG decoder takes the five bytes that Windows-1252 leaves undefined for control characters; they are damage.
    fn windows_1252(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)) {
            let (last, rest) = piece.split_last().map_or((0, piece), |(last, rest)| (*last, rest));
            let undefined = matches!(last, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
            let text: Cow<'_, str> = WINDOWS_1252.decode_without_bom_handling(if undefined { rest } else { piece }).0;
            self.text.extend_from_slice(text.as_bytes());
            if undefined {
                self.patch(&[last]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;
    use crate::table::dialect::{Dialect, Encoding, Tail};

    fn dialect(encoding: &str) -> Dialect {
        Dialect::new(b';', Some(b'"'), Encoding::named(encoding).unwrap(), true, vec![], Tail::Auto)
    }

    #[test]
    fn text_is_decoded_and_damage_is_kept() {
        let table: [(&str, &[u8], &str, usize); 7] = [
            ("utf-8", "Fréjus\n".as_bytes(), "Fréjus\n", 0),
            ("utf-8", b"Fr\xE9jus\n", "Fr\u{FFFD}jus\n", 1),
            ("windows-1252", b"Fr\xE9jus \x80\n", "Fréjus €\n", 0),
            ("windows-1252", b"a\x81b", "a\u{FFFD}b", 1),
            ("auto", b"Fr\xE9jus\nFr\xC3\xA9jus\n", "Fréjus\nFréjus\n", 0),
            ("shift_jis", b"\x93\x63\x92\x86\n", "田中\n", 0),
            ("utf-8", b"\xEF\xBB\xBFa\n", "a\n", 0),
        ];
        for (encoding, bytes, text, patches) in table {
            let decoded = decoded("x.csv", bytes.to_vec(), &dialect(encoding)).map_err(|d| d.message).unwrap();
            assert_eq!(
                (String::from_utf8(decoded.text).unwrap().as_str(), decoded.patches.len()),
                (text, patches),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_mark_of_another_encoding_is_refused() {
        for bytes in [b"\xFF\xFEa\0".as_slice(), b"\xFE\xFF\0a", b"\xFF\xFE\0\0a\0\0\0"] {
            assert!(decoded("x.csv", bytes.to_vec(), &dialect("utf-8")).is_err());
        }
    }
}
