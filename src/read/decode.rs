//! Bytes of a file -> UTF-8 text, block by block; bytes that are UTF-8 already stay as they are.
//!
//! Nothing is lost: bytes that are invalid in the encoding become replacement characters, and a patch keeps them, so that
//! the record can be rejected and written to the rejects as it was. Decoding never adds or removes a line. The text does not
//! depend on where blocks end: what cannot be decoded without the bytes behind it is left to the next block.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, WINDOWS_1252};

use crate::{
    diagnostic::Diagnostic,
    read::first_bytes::find_mark,
    table::{
        Patch,
        code_page::CodePage,
        dialect::{Dialect, Encoding, Span},
        limits::{MAX_DAMAGE, MAX_RECORD},
    },
};

/// The byte order mark of UTF-8.
pub(super) const MARK: &[u8] = "\u{FEFF}".as_bytes();
/// A malformed sequence starts at most so many bytes before the byte that shows it.
const REACH: usize = 16;

/// Text that grows by what is decoded, and the bytes that were invalid, in order.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) text: &'a mut Vec<u8>,
    pub(super) patches: &'a mut Vec<Patch>,
    /// How many patches there may be; the bytes of others are not kept.
    most: usize,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(text: &'a mut Vec<u8>, patches: &'a mut Vec<Patch>) -> Decoded<'a> {
        Decoded { text, patches, most: usize::MAX }
    }
}

/// Decodes the bytes of one file.
pub(super) struct Decoder<'a> {
    path: &'a str,
    dialect: &'a Dialect,
    /// What was read and not decoded yet.
    pub(super) bytes: Vec<u8>,
    /// The byte order mark was looked for.
    is_started: bool,
    /// Of an encoding in which characters are several bytes.
    label: Option<LabelDecoder>,
    /// With `encoding: auto`: how many lines that are no records stand in front of the next record.
    first_lines: u32,
    /// With `encoding: auto`: how many bytes there have to be before the end of the next record is looked for again.
    enough: usize,
    /// With `encoding: auto`: how many records were Windows-1252.
    pub(super) windows_records: u64,
}

/// The decoder of an encoding in which characters are several bytes, and the last bytes that it took.
struct LabelDecoder {
    decoder: encoding_rs::Decoder,
    before: Vec<u8>,
}

/// Decodes all bytes of a file. If there are more than [`MAX_DAMAGE`] patches, some are missing.
///
/// # Errors
/// The byte order mark belongs to another encoding than that of the dialect, or the file is no text.
pub(super) fn decode_text(path: &str, bytes: &[u8], dialect: &Dialect) -> Result<(Vec<u8>, Vec<Patch>), Diagnostic> {
    let (mut text, mut patches) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new(path, dialect);
    decoder.bytes.extend_from_slice(bytes);
    decoder.decode(true, &mut Decoded { text: &mut text, patches: &mut patches, most: MAX_DAMAGE + 1 })?;
    Ok((text, patches))
}

impl<'a> Decoder<'a> {
    /// A decoder for a file of a dialect.
    pub(super) fn new(path: &'a str, dialect: &'a Dialect) -> Decoder<'a> {
        let label = match dialect.encoding {
            Encoding::Label(encoding) if !encoding.is_single_byte() => {
                Some(LabelDecoder { decoder: encoding.new_decoder_without_bom_handling(), before: Vec::new() })
            }
            _ => None,
        };
        let (bytes, first_lines) = (Vec::new(), dialect.skip.first);
        Decoder { path, dialect, bytes, is_started: false, label, first_lines, enough: 0, windows_records: 0 }
    }

    /// Appends the text of as many bytes as can be decoded.
    ///
    /// # Errors
    /// The byte order mark belongs to another encoding than that of the dialect, or the file is no text.
    pub(super) fn decode(&mut self, is_last: bool, into: &mut Decoded<'_>) -> Result<(), Diagnostic> {
        if !self.is_started {
            self.is_started = true;
            let mark = find_mark(self.path, &self.bytes, self.dialect.encoding)?;
            self.bytes.drain(..mark);
        }
        let bytes = std::mem::take(&mut self.bytes);
        let used = match self.dialect.encoding {
            Encoding::Utf8 => {
                let end = if is_last { bytes.len() } else { bytes.len() - count_unfinished(&bytes) };
                into.add_utf8(&bytes[..end]);
                end
            }
            Encoding::Auto => self.decode_records(&bytes, is_last, into),
            Encoding::Label(encoding) => match &mut self.label {
                Some(label) => {
                    label.decode(&bytes, is_last, into);
                    bytes.len()
                }
                None if encoding == WINDOWS_1252 => into.add_between_marks(&bytes, is_last, Decoded::add_windows_1252),
                None => into.add_between_marks(&bytes, is_last, |into, bytes| into.add_single_bytes(bytes, encoding)),
            },
            Encoding::Page(page) => into.add_between_marks(&bytes, is_last, |into, bytes| into.add_page(bytes, page)),
        };
        self.bytes = bytes;
        self.bytes.drain(..used);
        Ok(())
    }

    /// Decodes UTF-8 that stands at the end of the text already.
    ///
    /// # Errors
    /// The byte order mark belongs to another encoding, or the file is no text.
    pub(super) fn decode_in_place(
        &mut self,
        start: usize,
        is_last: bool,
        into: &mut Decoded<'_>,
    ) -> Result<(), Diagnostic> {
        if !self.is_started {
            self.is_started = true;
            let mark = find_mark(self.path, &into.text[start..], self.dialect.encoding)?;
            into.text.drain(start..start + mark);
        }
        if !is_last {
            let end = into.text.len() - count_unfinished(&into.text[start..]);
            self.bytes.extend_from_slice(&into.text[end..]);
            into.text.truncate(end);
        }
        if simdutf8::basic::from_utf8(&into.text[start..]).is_err() {
            let bytes = into.text.split_off(start);
            into.add_utf8(&bytes);
        }
        Ok(())
    }

    /// Decodes each record by itself: as UTF-8 if it is valid, else as Windows-1252. Both agree on ASCII, so records are split
    /// before they are decoded. Returns how many bytes the records have that are whole.
    fn decode_records(&mut self, bytes: &[u8], is_last: bool, into: &mut Decoded<'_>) -> usize {
        if bytes.len() < self.enough && !is_last {
            return 0;
        }
        let valid = match simdutf8::compat::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(wrong) => wrong.valid_up_to(),
        };
        let has_quotes = self.dialect.quote.is_some_and(|quote| memchr::memchr(quote, bytes).is_some());
        let mut at = 0;
        if self.first_lines == 0 && !has_quotes {
            // Each line is a record, or none.
            at = memchr::memrchr(b'\n', &bytes[..valid]).map_or(0, |end| end + 1);
            into.text.extend_from_slice(&bytes[..at]);
        }
        let mut cells: Vec<Span> = Vec::new();
        while at < bytes.len() {
            let Some((end, is_no_record)) = self.find_record_end(bytes, at, is_last, &mut cells) else { break };
            let record = &bytes[at..end];
            if end <= valid || std::str::from_utf8(record).is_ok() {
                into.text.extend_from_slice(record);
            } else {
                let is_windows = into.add_windows_1252_record(record);
                self.windows_records += u64::from(is_windows && !is_no_record);
            }
            at = end;
        }
        self.enough = if at == 0 { 2 * bytes.len() } else { 0 };
        at
    }

    /// Where the record, or the line that is none, ends that starts at a byte, and whether it is none; `None`: it may end behind
    /// the bytes.
    fn find_record_end(
        &mut self,
        bytes: &[u8],
        at: usize,
        is_last: bool,
        cells: &mut Vec<Span>,
    ) -> Option<(usize, bool)> {
        let skip = &self.dialect.skip;
        // Lines that are no records are decoded too, but quotes have no meaning in them.
        let is_no_record = self.first_lines > 0 || skip.comment == Some(bytes[at]);
        let record_end = if is_no_record { None } else { Some(self.dialect.split(bytes, at, cells)) };
        let end = match record_end {
            Some(record_end) if record_end.fault.is_none() => record_end.next,
            // A quote that is open may still be closed.
            Some(record_end) if record_end.next >= bytes.len() && !is_last => bytes.len(),
            // If its bounds are not known, each line is decoded by itself.
            _ => memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1),
        };
        // A record that is too large is refused when it is scanned.
        if end - at > MAX_RECORD {
            return Some((at + MAX_RECORD + 1, is_no_record));
        }
        if end >= bytes.len() && !is_last {
            return None;
        }
        let is_whole = bytes[end - 1] != b'\r' || bytes.get(end) != Some(&b'\n');
        self.first_lines = self.first_lines.saturating_sub(u32::from(is_no_record && is_whole));
        Some((end, is_no_record))
    }
}

/// How many bytes at the end of some UTF-8 are a character that ends behind them.
fn count_unfinished(bytes: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(3)..];
    let Some(start) = last.iter().rposition(|byte| !(0x80..0xC0).contains(byte)) else { return 0 };
    let is_unfinished = str::from_utf8(&last[start..]).is_err_and(|wrong| wrong.error_len().is_none());
    if is_unfinished { last.len() - start } else { 0 }
}

/// How many bytes at the end of some bytes are the start of a byte order mark.
fn count_mark_start(bytes: &[u8]) -> usize {
    (1..MARK.len()).rev().find(|count| bytes.ends_with(&MARK[..*count])).unwrap_or(0)
}

impl LabelDecoder {
    /// Appends the text of the next bytes.
    fn decode(&mut self, bytes: &[u8], is_last: bool, into: &mut Decoded<'_>) {
        let before = self.before.len();
        self.before.extend_from_slice(bytes);
        let (bytes, mut read, mut buffer) = (&self.before, before, [0; 4096]);
        loop {
            let (result, taken, written) =
                self.decoder.decode_to_utf8_without_replacement(&bytes[read..], &mut buffer, is_last);
            read += taken;
            into.text.extend_from_slice(&buffer[..written]);
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let end = read - usize::from(behind);
                    into.add_patch(&bytes[end - usize::from(length)..end]);
                }
            }
        }
        self.before.drain(..self.before.len().saturating_sub(REACH));
    }
}

impl Decoded<'_> {
    /// Appends a replacement character for bytes that are invalid, and keeps them.
    fn add_patch(&mut self, original: &[u8]) {
        if original.is_empty() {
            return;
        }
        let (at, length) = (self.text.len(), "\u{FFFD}".len());
        match self.patches.last_mut() {
            Some(last) if last.at + last.length == at && last.original != MARK => {
                last.length += length;
                last.original.extend_from_slice(original);
            }
            _ => self.keep(Patch { at, length, original: original.to_vec() }),
        }
        self.text.extend_from_slice("\u{FFFD}".as_bytes());
    }

    fn keep(&mut self, patch: Patch) {
        if self.patches.len() < self.most {
            self.patches.push(patch);
        }
    }

    /// Appends UTF-8.
    fn add_utf8(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            self.text.extend_from_slice(chunk.valid().as_bytes());
            self.add_patch(chunk.invalid());
        }
    }

    /// Appends text of which each byte is a character. A byte order mark of UTF-8 in it stays one, and is kept: a file in
    /// UTF-8 was joined there, and nobody means the characters that its bytes would be, such as `ï»¿`. Returns how many bytes
    /// were decoded: the last of them may be the start of a mark.
    fn add_between_marks(&mut self, bytes: &[u8], is_last: bool, add: impl Fn(&mut Self, &[u8])) -> usize {
        let end = if is_last { bytes.len() } else { bytes.len() - count_mark_start(bytes) };
        let mut start = 0;
        for mark in memchr::memmem::find_iter(&bytes[..end], MARK) {
            add(self, &bytes[start..mark]);
            self.keep(Patch { at: self.text.len(), length: MARK.len(), original: MARK.to_vec() });
            self.text.extend_from_slice(MARK);
            start = mark + MARK.len();
        }
        add(self, &bytes[start..end]);
        end
    }

    /// Appends text in a code page of DOS.
    fn add_page(&mut self, bytes: &[u8], page: CodePage) {
        for byte in bytes {
            match page.decode(*byte) {
                Some(c) => self.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => self.add_patch(&[*byte]),
            }
        }
    }

    /// Appends text in an encoding of the Encoding Standard in which each byte is a character.
    fn add_single_bytes(&mut self, bytes: &[u8], encoding: &'static encoding_rs::Encoding) {
        let decoder = encoding.new_decoder_without_bom_handling();
        LabelDecoder { decoder, before: Vec::new() }.decode(
            bytes,
            true,
            &mut Decoded { text: self.text, patches: self.patches, most: self.most },
        );
    }

    /// Appends a record in Windows-1252; tells whether it has no byte that is undefined there. With one, it is in neither of
    /// the two encodings, and is told as such.
    fn add_windows_1252_record(&mut self, record: &[u8]) -> bool {
        let (known, most) = (self.patches.len(), self.most);
        // A record with more damage is refused when it is scanned.
        self.most = most.min(known + MAX_DAMAGE + 1);
        self.add_between_marks(record, true, Decoded::add_windows_1252);
        self.most = most;
        self.patches[known..].iter().all(|patch| patch.original == MARK)
    }

    /// Appends text in Windows-1252 without a mark. Five bytes are undefined there; the decoder of the Encoding Standard makes
    /// control characters of them, but in a CSV file they are damage.
    fn add_windows_1252(&mut self, bytes: &[u8]) {
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
    use crate::{
        read::{
            decode::{Decoded, Decoder, decode_text},
            first_bytes::FIRST_BYTES,
        },
        table::{
            Patch,
            dialect::{Dialect, Encoding, Tail},
            limits::{MAX_DAMAGE, MAX_RECORD},
        },
    };

    /// The text of some bytes, its patches and how many records were Windows-1252, decoded in blocks.
    fn decode(dialect: &Dialect, bytes: &[u8], block: usize, in_place: bool) -> (String, Vec<Patch>, u64) {
        let (mut text, mut patches) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::new("x.csv", dialect);
        let (mut first, mut at) = (FIRST_BYTES.max(block).min(bytes.len()), 0);
        loop {
            let end = bytes.len().min(at + first);
            let is_last = end == bytes.len();
            if in_place {
                let start = text.len();
                text.append(&mut decoder.bytes);
                text.extend_from_slice(&bytes[at..end]);
                decoder.decode_in_place(start, is_last, &mut Decoded::new(&mut text, &mut patches)).unwrap();
            } else {
                decoder.bytes.extend_from_slice(&bytes[at..end]);
                decoder.decode(is_last, &mut Decoded::new(&mut text, &mut patches)).unwrap();
            }
            if is_last {
                return (String::from_utf8(text).unwrap(), patches, decoder.windows_records);
            }
            (at, first) = (end, block);
        }
    }

    #[test]
    fn the_text_does_not_depend_on_where_blocks_end() {
        let labels = "utf-8 auto windows-1252 iso-8859-15 cp850 ibm857 shift_jis gbk gb18030 big5 euc-jp euc-kr iso-2022-jp utf-16le \
            utf-16be";
        let bits: [&[u8]; 24] = [
            b"a;",
            b"b",
            b"\n",
            b"\r\n",
            b"\r",
            b"\"",
            b"\"\"",
            b"#",
            b"\xE9",
            b"\xC3\xA9",
            b"\xE6\xBC\xA2",
            b"\xF0\x9F\x98\x80",
            b"\xFF",
            b"\x81",
            b"\x90",
            b"\xEF\xBB\xBF",
            b"\xEF\xBB",
            b"\0",
            b"\x1B$B",
            b"\x1B(",
            b"\xD8\x00",
            b"\x00\xDC",
            b"\x93\x63",
            b"\x81\x30\x81",
        ];
        let mut seed = 7u64;
        for label in labels.split_whitespace() {
            let mut dialect = dialect(label);
            (dialect.skip.first, dialect.skip.comment) = (2, Some(b'#'));
            for length in (0..160).step_by(8) {
                let mut bytes = vec![b'x'; FIRST_BYTES];
                for _ in 0..length {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    bytes.extend_from_slice(bits[(seed >> 40) as usize % bits.len()]);
                }
                let whole = decode(&dialect, &bytes, bytes.len(), false);
                for block in [1, 2, 3, 4, 5, 7, 16, 61] {
                    assert_eq!(decode(&dialect, &bytes, block, false), whole, "{label} {block} {bytes:?}");
                }
                if label == "utf-8" {
                    assert_eq!(decode(&dialect, &bytes, 3, true), whole, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn damage_without_end_is_one_patch_or_few() {
        let size = 300_000;
        let table: [(&str, Vec<u8>, usize); 5] = [
            ("utf-8", vec![0xFF; size], 1),
            ("utf-8", "\u{E9}".repeat(size).chars().map(|_| 0xE9).collect(), 1),
            ("windows-1252", vec![0x81; size], 1),
            ("auto", vec![0x81; size], 1),
            ("auto", [0x81, b'a'].repeat(size), MAX_DAMAGE + 1),
        ];
        for (encoding, bytes, patches) in table {
            let (text, found, _) = decode(&dialect(encoding), &bytes, 4096, false);
            assert_eq!(found.len(), patches, "{encoding}");
            if patches == 1 {
                assert_eq!((found[0].length, &found[0].original), (text.len(), &bytes), "{encoding}");
            }
        }
    }

    #[test]
    fn a_record_that_does_not_end_is_decoded_before_much_of_it_is_held() {
        let dialect = dialect("auto");
        let (mut text, mut patches, mut most) = (Vec::new(), Vec::new(), 0);
        let mut decoder = Decoder::new("x.csv", &dialect);
        for _ in 0..600 {
            decoder.bytes.extend_from_slice(&[b'"'; 1].repeat(64 << 10));
            decoder.decode(false, &mut Decoded::new(&mut text, &mut patches)).unwrap();
            most = most.max(decoder.bytes.len());
            text.clear();
        }
        assert!(most <= 2 * MAX_RECORD + (64 << 10), "{most}");
    }

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
            let (found, damage, _) = decode(&dialect(encoding), bytes, bytes.len(), false);
            assert_eq!((found.as_str(), damage.len()), (text, patches), "{bytes:?}");
        }
    }

    #[test]
    fn a_stray_quote_does_not_decide_how_the_lines_behind_it_are_decoded() {
        for end in ["\n", "\r", "\r\n"] {
            let lines: [&[u8]; 3] = [b"a\"b", b"Fr\xC3\xA9jus", b"Fr\xE9jus"];
            let bytes = lines.join(end.as_bytes());
            let (text, _, windows_records) = decode(&dialect("auto"), &bytes, bytes.len(), false);
            assert_eq!((text, windows_records), (["a\"b", "Fréjus", "Fréjus"].join(end), 1));
        }
    }

    #[test]
    fn a_record_with_an_undefined_byte_is_not_windows_1252() {
        for (bytes, records, patches) in [
            (&b"a\n\x81\n"[..], 0, 1),
            (b"\xE9\n\xE9\x8D\n", 1, 1),
            (b"\x81\x90\n\x9D\n\x80\n", 1, 2),
            (b"\xE9\xEF\xBB\xBF\n", 1, 1),
        ] {
            let (_, damage, windows_records) = decode(&dialect("auto"), bytes, bytes.len(), false);
            assert_eq!((windows_records, damage.len()), (records, patches), "{bytes:?}");
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
                let found = decode_text(path, bytes, &dialect(encoding)).err().unwrap();
                assert!(found.message.contains(message) && found.hint.contains(hint), "{found:?}");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_of_another_encoding_is_refused() {
        for bytes in [b"\xFF\xFEa\0".as_slice(), b"\xFE\xFF\0a", b"\xFF\xFE\0\0a\0\0\0"] {
            assert!(decode_text("x.csv", bytes, &dialect("utf-8")).is_err());
        }
    }
}
