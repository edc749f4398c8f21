//! A file -> its text: opened, unpacked and decoded a block at a time, so that little of it is held.
//!
//! Where the text of a file would not end, what is held does: NUL bytes at the end of a block are counted and not held, and
//! an archive is unpacked no further than it is read.

use std::{
    io::{self, BufReader, Read},
    path::Path,
};

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    digest::FileDigest,
    io_cause::{Purpose, advise, describe_cause},
    options::BLOCK,
    read::{
        decode::{Decoded, Decoder},
        files::{Stamp, describe_change, describe_too_large, open_source},
        first_bytes::FIRST_BYTES,
        scan::LOST_BLOCK,
        unpack::{MAX_WINDOW_LOG, is_packed, unpack},
    },
    recording::ledger::Ledger,
    table::{
        Patch,
        dialect::{Dialect, Encoding},
        limits::{MAX_DAMAGE, MAX_SOURCE},
    },
};

/// How many bytes of a packed file are read at once.
const PACKED_BLOCK: usize = 32 << 10;

/// A file to be opened.
#[derive(Clone, Copy)]
pub(super) struct FileToOpen<'a> {
    /// Its path; `-` is standard input.
    pub(super) path: &'a Path,
    /// The source it is read for.
    pub(super) role: &'a str,
    /// Its name in messages.
    pub(super) name: &'a str,
    /// Take its digest while it is read.
    pub(super) is_digested: bool,
}

/// A file that is being read: unpacked and decoded.
pub(super) struct Feed<'a> {
    pub(super) path: &'a Path,
    role: &'a str,
    pub(super) name: &'a str,
    pub(super) reader: Box<dyn Read>,
    decoder: Decoder<'a>,
    is_utf8: bool,
    /// How many NUL bytes stand behind the text that was appended.
    pub(super) nuls: u64,
    /// The file before it was read; none for standard input.
    stamp: Option<Stamp>,
    is_packed: bool,
    /// How many bytes were read, unpacked.
    length: u64,
    /// The digest of the bytes that were read. A packed file has none, because it is unpacked by then.
    digest: Option<FileDigest>,
}

impl<'a> Feed<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened, or is no regular file.
    pub(super) fn open(file: FileToOpen<'a>, dialect: &'a Dialect) -> Result<Feed<'a>, Diagnostic> {
        let FileToOpen { path, role, name, is_digested } = file;
        let (mut reader, stamp): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), None)
        } else {
            let (file, metadata) = open_source(path)?;
            (Box::new(file), Some(Stamp::from_metadata(role, path, &metadata)))
        };
        let is_packed = is_packed(path);
        if is_packed {
            let packed = BufReader::with_capacity(PACKED_BLOCK, reader);
            reader = unpack(packed, path).map_err(|cause| describe_damaged_archive(name, &cause))?;
        }
        let digest = (is_digested && !is_packed || stamp.is_none()).then(FileDigest::default);
        let (decoder, is_utf8) = (Decoder::new(name, dialect), dialect.encoding == Encoding::Utf8);
        Ok(Feed { path, role, name, reader, decoder, is_utf8, nuls: 0, stamp, is_packed, length: 0, digest })
    }

    /// Appends about `want` bytes of text, at least the half of them; returns whether the file ends there. NUL bytes at the end
    /// are only counted. With very much damage it is less: then a record may be refused for that.
    pub(super) fn append_text(
        &mut self,
        text: &mut Vec<u8>,
        patches: &mut Vec<Patch>,
        want: usize,
    ) -> Result<bool, Diagnostic> {
        let enough = text.len() + want.div_ceil(2);
        loop {
            let start = text.len();
            let back = self.nuls_to_put_back();
            text.resize(start + back, 0);
            let is_last = self.append_block(want, &mut Decoded::new(text, patches))?;
            self.hold_nuls(text, start, back);
            if is_last || text.len() >= enough || patches.len() > MAX_DAMAGE {
                return Ok(is_last);
            }
        }
    }

    /// Appends the text of at most `want` bytes.
    fn append_block(&mut self, want: usize, into: &mut Decoded<'_>) -> Result<bool, Diagnostic> {
        let want = if self.length == 0 { want.max(FIRST_BYTES) } else { want.min(BLOCK) };
        if self.is_utf8 {
            let start = into.text.len();
            into.text.append(&mut self.decoder.bytes);
            let is_last = self.append_bytes(into.text, want)?;
            self.decoder.decode_in_place(start, is_last, into)?;
            return Ok(is_last);
        }
        let mut bytes = std::mem::take(&mut self.decoder.bytes);
        let is_last = self.append_bytes(&mut bytes, want)?;
        self.decoder.bytes = bytes;
        self.decoder.decode(is_last, into)?;
        Ok(is_last)
    }

    /// How many NUL bytes stand in the text for those that were counted, if text follows them: no more than tell that a block
    /// was lost. Whether the file ends at the end of a block of the disk stays the same.
    fn nuls_to_put_back(&self) -> usize {
        let block = LOST_BLOCK as u64;
        let back = if self.nuls < block { self.nuls } else { block + self.nuls % block };
        usize::try_from(back).unwrap_or(LOST_BLOCK)
    }

    /// Takes the NUL bytes off the end of what was appended from `start` on; the first `back` of them were counted before.
    fn hold_nuls(&mut self, text: &mut Vec<u8>, start: usize, back: usize) {
        let kept = text[start..].iter().rposition(|byte| *byte != 0).map_or(start, |last| start + last + 1);
        if kept == start {
            self.nuls += (text.len() - start - back) as u64;
        } else {
            self.nuls = (text.len() - kept) as u64;
        }
        text.truncate(kept);
    }

    /// Appends at most `want` bytes; returns whether the file ends there.
    fn append_bytes(&mut self, bytes: &mut Vec<u8>, want: usize) -> Result<bool, Diagnostic> {
        bytes.reserve_exact(want);
        let before = bytes.len();
        let found = self.reader.by_ref().take(want as u64).read_to_end(bytes);
        let found = found.map_err(|cause| {
            if self.is_packed {
                describe_damaged_archive(self.name, &cause)
            } else {
                describe_unreadable(self.name, &cause)
            }
        })?;
        self.length += found as u64;
        if let Some(digest) = &mut self.digest {
            digest.add(&bytes[before..]);
        }
        if self.length > MAX_SOURCE { Err(describe_too_large(self.name.to_owned())) } else { Ok(found < want) }
    }

    /// Reports what was dropped from the end of the file, and if it is in two encodings.
    pub(super) fn report(&self, ledger: &mut Ledger<'_>) {
        if self.nuls > 0 {
            let message = format!("{} NUL bytes at its end were dropped", self.nuls);
            let finding = Diagnostic::new(Code::ReadTrailingNul, message).file(self.name).severity(Severity::Notice);
            ledger.say(&finding.hint("the recorder probably lost power"));
        }
        let windows_records = self.decoder.windows_records;
        if windows_records > 0 {
            let are = if windows_records == 1 { "is" } else { "are" };
            let message = format!("{windows_records} of its records {are} Windows-1252, the others UTF-8");
            ledger.say(&Diagnostic::new(Code::ReadMixedEncodings, message).file(self.name).severity(Severity::Notice));
        }
    }

    /// Whether the file is not the one that was opened, or more was read than it had then.
    pub(super) fn has_changed(&self, path: &Path) -> bool {
        let Some(stamp) = &self.stamp else { return false };
        let is_same = std::fs::metadata(path).is_ok_and(|now| Stamp::from_metadata(&stamp.role, path, &now) == *stamp);
        !is_same || !self.is_packed && self.length > stamp.length
    }

    /// Stamps the file, which was read to its end.
    ///
    /// # Errors
    /// It changed since it was opened.
    pub(super) fn close(self, path: &Path, stamps: &mut Vec<Stamp>) -> Result<(), Diagnostic> {
        if self.has_changed(path) {
            return Err(describe_change(path));
        }
        let digest = self.digest.map(FileDigest::finish);
        match self.stamp {
            Some(stamp) if !self.is_packed && self.length < stamp.length => Err(describe_change(path)),
            Some(stamp) => {
                stamps.push(Stamp { digest, ..stamp });
                Ok(())
            }
            None => {
                let (role, path) = (self.role.to_owned(), path.to_owned());
                stamps.push(Stamp { role, path, length: self.length, digest, modified: None });
                Ok(())
            }
        }
    }
}

/// The finding that a file cannot be read.
fn describe_unreadable(name: &str, cause: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::ReadUnreadable, format!("the file cannot be read: {}", describe_cause(cause)))
        .file(name)
        .hint(advise(Purpose::ReadFile, cause))
}

/// The finding that a file cannot be unpacked.
fn describe_damaged_archive(name: &str, cause: &io::Error) -> Diagnostic {
    // zstd has no other way to tell.
    if cause.to_string().contains("requires too much memory") {
        let message = format!("to unpack the file takes more than {} MiB of memory", (1 << MAX_WINDOW_LOG) >> 20);
        let hint = "pack it again without `--long` and without `--ultra`";
        return Diagnostic::new(Code::ReadCompressed, message).file(name).hint(hint);
    }
    Diagnostic::new(Code::ReadCompressed, format!("the file cannot be unpacked: {}", describe_cause(cause)))
        .file(name)
        .hint("copy it again from where it was made")
}
