//! Numbers and texts as bytes that follow each other: how they are written into a partition and read from it.

use std::sync::Arc;

use crate::diagnostic::Code;

/// Appends why a row is rejected.
pub(super) fn put_reject(bytes: &mut Vec<u8>, code: Code, reason: &str) {
    let code = Code::ALL.iter().position(|known| *known == code).unwrap_or(0);
    bytes.extend_from_slice(&as_u32(code).to_le_bytes());
    put_bytes(bytes, reason.as_bytes());
}

/// Appends some bytes, and before them how many.
pub(super) fn put_bytes(bytes: &mut Vec<u8>, more: &[u8]) {
    bytes.extend_from_slice(&as_u32(more.len()).to_le_bytes());
    bytes.extend_from_slice(more);
}

/// Appends some numbers, and before them how many.
pub(super) fn put_numbers(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend_from_slice(&as_u32(numbers.len()).to_le_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// A number as it is encoded: no partition holds more rows or bytes.
pub(crate) fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Bytes to be read from their start on. What is missing reads as zero: nobody else can change the file they come from.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.0.first_chunk().copied();
        self.take(N);
        taken.unwrap_or([0; N])
    }

    #[inline]
    pub(super) fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(super) fn count(&mut self) -> usize {
        self.number() as usize
    }

    pub(super) fn bytes(&mut self) -> &'a [u8] {
        let count = self.count();
        self.take(count)
    }

    pub(super) fn numbers(&mut self) -> Vec<u32> {
        let count = self.count();
        self.take(count * 4).as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
    }

    pub(super) fn reject(&mut self) -> (Code, Arc<str>) {
        let code = Code::ALL.get(self.count()).copied().unwrap_or(Code::ALL[0]);
        (code, String::from_utf8_lossy(self.bytes()).into())
    }
}
