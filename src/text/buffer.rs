//! A text in the making, with room ahead of its end, so that short pieces are put there in whole vectors.
//!
//! A `Vec` asks for room and notes its length with every byte. Here the room is there already: what is copied may reach
//! beyond the end of the piece, and the next piece is written over it.

use std::ops::Deref;

use crate::text::lanes::{ByteLanes, LANES};

/// How much room is made at least.
const ROOM: usize = 1 << 10;

/// A text that is written from its front to its end.
#[derive(Clone, Debug, Default)]
pub struct Pen {
    /// The text and the room behind it.
    text: Vec<u8>,
    len: usize,
}

impl Deref for Pen {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl From<Vec<u8>> for Pen {
    fn from(text: Vec<u8>) -> Pen {
        Pen { len: text.len(), text }
    }
}

impl From<Vec<u8>> for Box<Pen> {
    fn from(text: Vec<u8>) -> Box<Pen> {
        Box::new(text.into())
    }
}

impl From<Pen> for Vec<u8> {
    fn from(mut pen: Pen) -> Vec<u8> {
        pen.text.truncate(pen.len);
        pen.text
    }
}

impl Pen {
    /// Nothing is written yet; there is room for so many bytes.
    #[must_use]
    pub fn with_room(bytes: usize) -> Pen {
        Pen { text: vec![0; bytes], len: 0 }
    }

    /// Nothing is written any more; the room stays.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes back what was written behind `len`.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Puts another byte in the place of one that is written.
    #[inline]
    pub fn set(&mut self, at: usize, byte: u8) {
        self.text[at] = byte;
    }

    /// At least this much room behind the text.
    #[inline]
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.text.len() - self.len < bytes {
            self.grow(bytes);
        }
        &mut self.text[self.len..]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let len = (self.len + bytes).max(2 * self.text.len()).max(ROOM);
        self.text.resize(len, 0);
    }

    /// What was put into the room belongs to the text.
    #[inline]
    pub fn advance(&mut self, bytes: usize) {
        self.len += bytes;
    }

    /// Writes one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.room(1)[0] = byte;
        self.len += 1;
    }

    /// Writes some bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Writes a text.
    #[inline]
    pub fn put(&mut self, text: ByteLanes<'_>) {
        text.copy_to(self.room(text.len() + LANES));
        self.len += text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::Pen;

    #[test]
    fn what_is_written_is_there_and_nothing_else() {
        let mut pen = Pen::default();
        let mut expected = Vec::new();
        for round in 0..3000usize {
            let text = vec![u8::try_from(round % 251).unwrap(); round % 40];
            match round % 5 {
                0 => {
                    pen.push(7);
                    expected.push(7);
                }
                1 => {
                    pen.truncate(expected.len() / 2);
                    expected.truncate(expected.len() / 2);
                }
                2 => {
                    pen.extend(&text);
                    expected.extend_from_slice(&text);
                }
                _ => {
                    pen.put(text.as_slice().into());
                    expected.extend_from_slice(&text);
                }
            }
            assert_eq!(*pen, *expected, "{round}");
        }
        assert_eq!(Vec::from(pen), expected);
    }
}
