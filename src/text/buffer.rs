//! The output buffer: a text that is written from front to end, with spare bytes behind it.
//!
//! A `Vec` checks its capacity and stores its length with every byte. Here the spare bytes are initialised, so a short text
//! is copied in whole vectors: what is copied beyond its end is overwritten by the next text.

use std::ops::Deref;

use crate::text::lanes::{ByteLanes, LANES};

/// The smallest capacity of a buffer that is not empty.
const LEAST_CAPACITY: usize = 1 << 10;

/// A text that is written from front to end.
#[derive(Clone, Debug, Default)]
pub struct OutputBuffer {
    /// The text and the spare bytes behind it.
    text: Vec<u8>,
    /// How long the text is.
    len: usize,
}

impl Deref for OutputBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl From<Vec<u8>> for OutputBuffer {
    fn from(text: Vec<u8>) -> OutputBuffer {
        OutputBuffer { len: text.len(), text }
    }
}

impl From<Vec<u8>> for Box<OutputBuffer> {
    fn from(text: Vec<u8>) -> Box<OutputBuffer> {
        Box::new(text.into())
    }
}

impl From<OutputBuffer> for Vec<u8> {
    fn from(mut buffer: OutputBuffer) -> Vec<u8> {
        buffer.text.truncate(buffer.len);
        buffer.text
    }
}

impl OutputBuffer {
    /// An empty buffer with capacity for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> OutputBuffer {
        OutputBuffer { text: vec![0; bytes], len: 0 }
    }

    /// Removes the text; the capacity stays.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Removes what was written behind `len`.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Moves what was written behind `from` to `to`, in front of what stands there.
    pub fn move_forward(&mut self, from: usize, to: usize) {
        self.text[to..self.len].rotate_right(self.len - from);
    }

    /// Replaces a byte that was written.
    #[inline]
    pub fn set(&mut self, at: usize, byte: u8) {
        self.text[at] = byte;
    }

    /// The spare bytes behind the text, at least this many.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) -> &mut [u8] {
        if self.text.len() - self.len < bytes {
            self.grow(bytes);
        }
        &mut self.text[self.len..]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let len = (self.len + bytes).max(2 * self.text.len()).max(LEAST_CAPACITY);
        self.text.resize(len, 0);
    }

    /// Adds the first of the spare bytes to the text.
    #[inline]
    pub fn advance(&mut self, bytes: usize) {
        self.len += bytes;
    }

    /// Writes one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.reserve(1)[0] = byte;
        self.len += 1;
    }

    /// Writes some bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Writes a short text, in one vector where it fits.
    #[inline]
    pub fn extend_lanes(&mut self, text: ByteLanes<'_>) {
        text.copy_to(self.reserve(text.len() + LANES));
        self.len += text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::OutputBuffer;

    #[test]
    fn what_is_written_is_there_and_nothing_else() {
        let mut buffer = OutputBuffer::default();
        let mut expected = Vec::new();
        for round in 0..3000usize {
            let text = vec![u8::try_from(round % 251).unwrap(); round % 40];
            match round % 5 {
                0 => {
                    buffer.push(7);
                    expected.push(7);
                }
                1 => {
                    buffer.truncate(expected.len() / 2);
                    expected.truncate(expected.len() / 2);
                }
                2 => {
                    buffer.extend(&text);
                    expected.extend_from_slice(&text);
                }
                _ => {
                    buffer.extend_lanes(text.as_slice().into());
                    expected.extend_from_slice(&text);
                }
            }
            assert_eq!(*buffer, *expected, "{round}");
        }
        assert_eq!(Vec::from(buffer), expected);
    }
}
