//! The first bytes of a file -> whether they are text in the encoding of its dialect, and which of them are no text.
//!
//! An archive, a web page or a file in another encoding is told by them, before anything of it is taken for a header.

use std::path::Path;

use crate::{
    diagnostic::{Code, Diagnostic},
    read::unpack::is_packed,
    table::dialect::Encoding,
};

/// How many bytes at the start of a file are looked at.
pub(super) const FIRST_BYTES: usize = 128;

/// How many of the first bytes of a file are its byte order mark.
///
/// # Errors
/// It belongs to another encoding, or the bytes are those of an archive or of another document.
pub(super) fn find_mark(path: &str, bytes: &[u8], encoding: Encoding) -> Result<usize, Diagnostic> {
    if let Some(archive) = describe_archive(path, bytes) {
        return Err(archive);
    }
    let mark: Option<(&str, usize)> = match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(("UTF-8", 3)),
        [0xFF, 0xFE, 0, 0, ..] => Some(("UTF-32LE", 4)),
        [0, 0, 0xFE, 0xFF, ..] => Some(("UTF-32BE", 4)),
        [0xFF, 0xFE, ..] => Some(("UTF-16LE", 2)),
        [0xFE, 0xFF, ..] => Some(("UTF-16BE", 2)),
        _ => None,
    };
    match mark {
        None => Ok(0),
        Some((name, length)) if name == encoding.name() => Ok(length),
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
    let is_unpacked = is_packed(Path::new(path));
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
