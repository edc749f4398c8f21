//! Bytes of a file -> UTF-8 text; bytes that are UTF-8 already stay as they are.
//!
//! Nothing is lost: bytes that are invalid in the encoding become a replacement character, and a patch keeps them, so that
//! the record can be rejected and written to the rejects as it was. Decoding never adds or removes a line.

use std::{borrow::Cow, path::Path};

use encoding_rs::{DecoderResult, WINDOWS_1252};

use crate::{
    diagnostic::{Code, Diagnostic},
    table::{
        Patch,
        code_page::CodePage,
        dialect::{Dialect, Encoding, Span},
    },
};

/// The byte order mark of UTF-8.
const MARK: &[u8] = "\u{FEFF}".as_bytes();

/// The text of one file.
pub(super) struct Decoded {
    /// The text, in UTF-8.
    pub(super) text: Vec<u8>,
    /// The bytes that were invalid, in order.
    pub(super) patches: Vec<Patch>,
    /// With `encoding: auto`: how many records were Windows-1252.
    pub(super) windows_records: u64,
}

/// Decodes the bytes of a file.
///
/// # Errors
/// The byte order mark belongs to another encoding than that of the dialect.
pub(super) fn decode_text(path: &str, bytes: Vec<u8>, dialect: &Dialect) -> Result<Decoded, Diagnostic> {
    let bytes = strip_byte_order_mark(path, bytes, dialect.encoding)?;
    let mut decoded = match dialect.encoding {
        Encoding::Utf8 => decode_utf8(bytes),
        Encoding::Auto => decode_auto(bytes, dialect),
        Encoding::Label(encoding) => decode_label(&bytes, encoding),
        Encoding::Page(page) => decode_page(&bytes, page),
    };
    decoded.patches.sort_by_key(|patch| patch.at);
    Ok(decoded)
}

/// Removes the byte order mark, if there is one, from the first bytes of a file.
///
/// # Errors
/// It belongs to another encoding, or the bytes are those of an archive.
pub(super) fn strip_byte_order_mark(path: &str, mut bytes: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, Diagnostic> {
    if let Some(archive) = describe_archive(path, &bytes) {
        return Err(archive);
    }
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

/// The finding that a file is an archive, told by its first bytes: no text in any encoding starts with them.
fn describe_archive(path: &str, bytes: &[u8]) -> Option<Diagnostic> {
    let (packer, ending, unpack) = match bytes {
        [0x1F, 0x8B, ..] => ("gzip", ".gz", "gunzip -c"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => ("zstd", ".zst", "zstd -dc"),
        [0xFD, b'7', b'z', b'X', ..] => ("xz", "", "xz -dc"),
        [b'P', b'K', 3, 4, ..] | [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            let message = "the file is a ZIP archive, a spreadsheet or another document, not CSV";
            return Some(
                Diagnostic::new(Code::ReadCompressed, message).file(path).hint("unpack it, or export it as CSV"),
            );
        }
        _ => return describe_other_text(path, bytes),
    };
    let said = Path::new(path).extension().and_then(|extension| extension.to_str());
    let is_unpacked = matches!(said, Some("gz" | "zst"));
    let message = if is_unpacked {
        format!("the file is packed twice: what is unpacked from it is packed by {packer}")
    } else {
        format!("the file is packed by {packer}, and its name does not say so")
    };
    let hint = if ending.is_empty() || path.starts_with('<') || is_unpacked {
        format!("unpack it before, as in `{unpack} FILE`")
    } else {
        format!("name it `{path}{ending}`; files that end in `.gz` and `.zst` are unpacked")
    };
    Some(Diagnostic::new(Code::ReadCompressed, message).file(path).hint(hint))
}

/// The finding that a file is a web page, XML or JSON, told by its first characters: no header starts with them.
fn describe_other_text(path: &str, bytes: &[u8]) -> Option<Diagnostic> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let start = bytes.get(start..bytes.len().min(start + 64)).unwrap_or_default().to_ascii_lowercase();
    let is_any = |starts: &[&[u8]]| starts.iter().any(|known| start.starts_with(known));
    let what = if is_any(&[b"<!doctype", b"<html", b"<head"]) {
        "a web page"
    } else if is_any(&[b"<?xml"]) {
        "XML"
    } else if is_any(&[b"[{\"", b"{\"", b"[\n", b"[\r\n"]) {
        "JSON"
    } else {
        return None;
    };
    let hint = "export it as CSV; where a web page is not expected, a login page may have come instead of the file";
    let hint = if what == "a web page" { hint } else { "export it as CSV" };
    Some(Diagnostic::new(Code::ReadHeader, format!("the file is {what}, not CSV")).file(path).hint(hint))
}

/// Decodes UTF-8; invalid bytes become patches.
pub(super) fn decode_utf8(bytes: Vec<u8>) -> Decoded {
    let mut decoded = Decoded { text: Vec::new(), patches: Vec::new(), windows_records: 0 };
    if simdutf8::basic::from_utf8(&bytes).is_ok() {
        decoded.text = bytes;
        return decoded;
    }
    for chunk in bytes.utf8_chunks() {
        decoded.text.extend_from_slice(chunk.valid().as_bytes());
        decoded.add_patch(chunk.invalid());
    }
    decoded
}

/// Decodes each record by itself: as UTF-8 if it is valid, else as Windows-1252. Both agree on ASCII, so records are split
/// before they are decoded.
fn decode_auto(bytes: Vec<u8>, dialect: &Dialect) -> Decoded {
    let mut decoded = Decoded { text: Vec::new(), patches: Vec::new(), windows_records: 0 };
    if simdutf8::basic::from_utf8(&bytes).is_ok() {
        decoded.text = bytes;
        return decoded;
    }
    let mut cells: Vec<Span> = Vec::new();
    let mut at = 0;
    let mut first = dialect.skip.first;
    while at < bytes.len() {
        // Lines that are no records are decoded too, but quotes have no meaning in them.
        let is_no_record = first > 0 || dialect.skip.comment == Some(bytes[at]);
        let line_end = memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
        let end = if is_no_record {
            first =
                first.saturating_sub(u32::from(bytes[line_end - 1] != b'\r' || bytes.get(line_end) != Some(&b'\n')));
            line_end
        } else {
            let record_end = dialect.split(&bytes, at, &mut cells);
            // If its bounds are not known, each line is decoded by itself.
            if record_end.fault.is_none() { record_end.next } else { line_end }
        };
        let record = &bytes[at..end];
        if std::str::from_utf8(record).is_ok() {
            decoded.text.extend_from_slice(record);
        } else {
            let known = decoded.patches.len();
            decoded.add_windows_1252(record);
            // With a byte that is undefined there, it is in neither of the two, and is told as such.
            let is_windows = decoded.patches[known..].iter().all(|patch| patch.original == MARK);
            decoded.windows_records += u64::from(is_windows && !is_no_record);
        }
        at = end;
    }
    decoded
}

/// Decodes an encoding that has a label in the Encoding Standard.
fn decode_label(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> Decoded {
    let mut text = Decoded { text: Vec::new(), patches: Vec::new(), windows_records: 0 };
    if encoding == WINDOWS_1252 {
        text.add_windows_1252(bytes);
    } else if encoding.is_single_byte() {
        text.add_between_marks(bytes, |text, bytes| text.add_label(bytes, encoding));
    } else {
        text.add_label(bytes, encoding);
    }
    text
}

/// Decodes a code page of DOS.
fn decode_page(bytes: &[u8], page: CodePage) -> Decoded {
    let mut text = Decoded { text: Vec::new(), patches: Vec::new(), windows_records: 0 };
    text.add_between_marks(bytes, |text, bytes| {
        for byte in bytes {
            match page.decode(*byte) {
                Some(c) => text.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => text.add_patch(&[*byte]),
            }
        }
    });
    text
}

impl Decoded {
    /// Appends a replacement character for bytes that are invalid, and keeps them.
    fn add_patch(&mut self, original: &[u8]) {
        if !original.is_empty() {
            self.patches.push(Patch { at: self.text.len(), original: original.to_vec() });
            self.text.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }

    /// Appends text of which each byte is a character. A byte order mark of UTF-8 in it stays one, and is kept: a file in
    /// UTF-8 was joined there, and nobody means the characters that its bytes would be, such as `ï»¿`.
    fn add_between_marks(&mut self, bytes: &[u8], add: impl Fn(&mut Decoded, &[u8])) {
        let mut start = 0;
        for mark in memchr::memmem::find_iter(bytes, MARK) {
            add(self, &bytes[start..mark]);
            self.patches.push(Patch { at: self.text.len(), original: MARK.to_vec() });
            self.text.extend_from_slice(MARK);
            start = mark + MARK.len();
        }
        add(self, &bytes[start..]);
    }

    /// Appends text in an encoding that has a label.
    fn add_label(&mut self, bytes: &[u8], encoding: &'static encoding_rs::Encoding) {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        loop {
            let (result, taken, written) =
                decoder.decode_to_utf8_without_replacement(&bytes[read..], &mut buffer, true);
            read += taken;
            self.text.extend_from_slice(&buffer[..written]);
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let end = read - usize::from(behind);
                    self.add_patch(&bytes[end - usize::from(length)..end]);
                }
            }
        }
    }

    /// Appends text in Windows-1252.
    fn add_windows_1252(&mut self, bytes: &[u8]) {
        self.add_between_marks(bytes, Decoded::add_windows_1252_run);
    }

    /// Appends text in Windows-1252 without a mark. Five bytes are undefined there; the decoder of the Encoding Standard makes
    /// control characters of them, but in a CSV file they are damage.
    fn add_windows_1252_run(&mut self, bytes: &[u8]) {
        for run in bytes.split_inclusive(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)) {
            let (last, rest) = run.split_last().map_or((0, run), |(last, rest)| (*last, rest));
            let undefined = matches!(last, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
            let text: Cow<'_, str> = WINDOWS_1252.decode_without_bom_handling(if undefined { rest } else { run }).0;
            self.text.extend_from_slice(text.as_bytes());
            if undefined {
                self.add_patch(&[last]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decode_text;
    use crate::table::dialect::{Dialect, Encoding, Tail};

    fn dialect(encoding: &str) -> Dialect {
        Dialect::new(b';', Some(b'"'), Encoding::named(encoding).unwrap(), true, vec![], Tail::Auto)
    }

    #[test]
    fn text_is_decoded_and_damage_is_kept() {
        let table: [(&str, &[u8], &str, usize); 15] = [
            ("cp850", b"M\x81ller \x9C\n", "Müller £\n", 0),
            ("ibm857", b"a\xE7b\n", "a\u{FFFD}b\n", 1),
            ("cp437", b"a\n\xEF\xBB\xBF\x84\n", "a\n\u{FEFF}ä\n", 1),
            ("windows-1252", b"a\n\xEF\xBB\xBFb\xE9\n", "a\n\u{FEFF}bé\n", 1),
            ("auto", b"a\n\xEF\xBB\xBFb\xE9\n", "a\n\u{FEFF}bé\n", 1),
            ("iso-8859-15", b"a\n\xEF\xBB\xBF\xEF\xBB\xBFb\n", "a\n\u{FEFF}\u{FEFF}b\n", 2),
            ("windows-1251", b"\xEF\xBB \xBB\xBF\xEF\n", "п» »їп\n", 0),
            ("gbk", b"a\n\xEF\xBB\xBF\x40\n", "a\n锘緻\n", 0),
            ("utf-8", "Fréjus\n".as_bytes(), "Fréjus\n", 0),
            ("utf-8", b"Fr\xE9jus\n", "Fr\u{FFFD}jus\n", 1),
            ("windows-1252", b"Fr\xE9jus \x80\n", "Fréjus €\n", 0),
            ("windows-1252", b"a\x81b", "a\u{FFFD}b", 1),
            ("auto", b"Fr\xE9jus\nFr\xC3\xA9jus\n", "Fréjus\nFréjus\n", 0),
            ("shift_jis", b"\x93\x63\x92\x86\n", "田中\n", 0),
            ("utf-8", b"\xEF\xBB\xBFa\n", "a\n", 0),
        ];
        for (encoding, bytes, text, patches) in table {
            let decoded = decode_text("x.csv", bytes.to_vec(), &dialect(encoding)).map_err(|d| d.message).unwrap();
            assert_eq!(
                (String::from_utf8(decoded.text).unwrap().as_str(), decoded.patches.len()),
                (text, patches),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_stray_quote_does_not_decide_how_the_lines_behind_it_are_decoded() {
        for end in ["\n", "\r", "\r\n"] {
            let lines: [&[u8]; 3] = [b"a\"b", b"Fr\xC3\xA9jus", b"Fr\xE9jus"];
            let bytes = lines.join(end.as_bytes());
            let decoded = decode_text("x.csv", bytes, &dialect("auto")).map_err(|d| d.message).unwrap();
            let expected = ["a\"b", "Fréjus", "Fréjus"].join(end);
            assert_eq!((String::from_utf8(decoded.text).unwrap(), decoded.windows_records), (expected, 1));
        }
    }

    #[test]
    fn a_record_with_an_undefined_byte_is_not_windows_1252() {
        for (bytes, records, patches) in [
            (&b"a\n\x81\n"[..], 0, 1),
            (b"\xE9\n\xE9\x8D\n", 1, 1),
            (b"\x81\x90\n\x9D\n\x80\n", 1, 3),
            (b"\xE9\xEF\xBB\xBF\n", 1, 1),
        ] {
            let decoded = decode_text("x.csv", bytes.to_vec(), &dialect("auto")).map_err(|d| d.message).unwrap();
            assert_eq!((decoded.windows_records, decoded.patches.len()), (records, patches), "{bytes:?}");
        }
    }

    #[test]
    fn an_archive_is_not_read_as_text() {
        let table: [(&str, &[u8], &str, &str); 7] = [
            ("x.csv", b"\x1F\x8B\x08\0", "packed by gzip", "`x.csv.gz`"),
            ("x.csv", b"\x28\xB5\x2F\xFD\x04", "packed by zstd", "`x.csv.zst`"),
            ("x.csv", b"\xFD7zXZ\0", "packed by xz", "`xz -dc FILE`"),
            ("x.csv", b"PK\x03\x04\x14", "a spreadsheet", "export it as CSV"),
            ("x.csv", b"\xD0\xCF\x11\xE0\xA1", "a spreadsheet", "export it as CSV"),
            ("x.csv.gz", b"\x1F\x8B\x08\0", "packed twice", "`gunzip -c FILE`"),
            ("<stdin:x>", b"\x1F\x8B\x08\0", "packed by gzip", "`gunzip -c FILE`"),
        ];
        for (path, bytes, message, hint) in table {
            for encoding in ["utf-8", "windows-1252", "auto"] {
                let found = decode_text(path, bytes.to_vec(), &dialect(encoding)).err().unwrap();
                assert!(found.message.contains(message) && found.hint.contains(hint), "{found:?}");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_of_another_encoding_is_refused() {
        for bytes in [b"\xFF\xFEa\0".as_slice(), b"\xFE\xFF\0a", b"\xFF\xFE\0\0a\0\0\0"] {
            assert!(decode_text("x.csv", bytes.to_vec(), &dialect("utf-8")).is_err());
        }
    }
}
