//! The documents as a JSON file: a list with one document on each line, or one document on each line and no list.
//!
//! A file appears under its name only when it is whole. It is private: it holds people's data.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::payload::Payload;

/// Writes documents to a file, or to `out` for `-`. `.ndjson` and `.jsonl` files hold no list.
///
/// # Errors
/// The file cannot be written.
pub fn documents(
    path: &Path,
    payloads: impl Iterator<Item = Payload>,
    list: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let lines = path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl");
    let list = list && !lines;
    if path == Path::new("-") {
        // Whoever closed the pipe has seen enough, as with any filter.
        return write(payloads, list, out).or_else(|cause| match cause.kind() {
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(cause),
        });
    }
    if path.exists() && !path.is_file() {
        return write(payloads, list, &mut fs::File::options().write(true).open(path)?);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".xwalk-").tempfile_in(folder)?;
    write(payloads, list, &mut temporary)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map(drop).map_err(|error| error.error)
}

fn write(payloads: impl Iterator<Item = Payload>, list: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut behind: &[u8] = if list { b"[" } else { b"" };
    for payload in payloads {
        out.write_all(behind)?;
        out.write_all(payload.bytes())?;
        behind = if list { b",\n" } else { b"\n" };
    }
    match (list, behind) {
        (true, b"[") => out.write_all(b"[]\n")?,
        (true, _) => out.write_all(b"]\n")?,
        (false, b"") => {}
        (false, _) => out.write_all(b"\n")?,
    }
    out.flush()
}
