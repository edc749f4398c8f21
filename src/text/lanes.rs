//! Byte lanes: a short text together with the bytes behind it, so that it is compared and copied in whole vectors.
//!
//! Cells are a few bytes long. Copying or comparing them byte by byte, or by a call, costs more than all other work on
//! them; sixteen bytes at once cost one step, and the bytes behind the text are masked out.

#![expect(clippy::inline_always, reason = "a call costs more than what it does")]

use wide::{bytemuck, i16x8, u8x16};

/// How many byte lanes a vector has: as many bytes are handled at once.
pub const LANES: usize = 16;

/// The low and the high half of all byte lanes of a vector.
#[must_use]
#[inline(always)]
pub fn split_halves(lanes: u128) -> [u64; 2] {
    let bytes = lanes.to_le_bytes();
    let half = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [half(bytes.first_chunk()), half(bytes.last_chunk())]
}

/// A text, usually a cell, with the bytes that follow it in a longer one.
#[derive(Clone, Copy, Debug)]
pub struct ByteLanes<'a> {
    ahead: &'a [u8],
    len: usize,
}

impl<'a> From<&'a [u8]> for ByteLanes<'a> {
    fn from(text: &'a [u8]) -> ByteLanes<'a> {
        ByteLanes { ahead: text, len: text.len() }
    }
}

impl<'a> ByteLanes<'a> {
    /// The part of a text from `start` to `end`.
    #[must_use]
    #[inline]
    pub fn within(text: &'a [u8], start: usize, end: usize) -> ByteLanes<'a> {
        ByteLanes { ahead: &text[start..], len: end - start }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Its bytes.
    #[must_use]
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        &self.ahead[..self.len]
    }

    /// The bytes from `at` on; those behind the end of the text are undefined.
    #[must_use]
    #[inline]
    pub fn lanes_at(self, at: usize) -> [u8; LANES] {
        let ahead = self.ahead.get(at..).unwrap_or_default();
        if let Some(lanes) = ahead.first_chunk() { *lanes } else { pad(ahead) }
    }

    /// A bit for each of the byte lanes from `at` on that belongs to the text.
    #[inline]
    fn mask(self, at: usize) -> u32 {
        let left = self.len - at;
        if left >= LANES { 0xFFFF } else { (1 << left) - 1 }
    }

    /// Copies the text into a buffer that is at least [`LANES`] bytes longer; `false`: a JSON string would escape some of it.
    #[inline]
    pub fn copy_plain(self, buffer: &mut [u8]) -> bool {
        let mut at = 0;
        loop {
            let lanes = self.lanes_at(at);
            if find_escaped(&lanes) & self.mask(at) != 0 {
                return false;
            }
            buffer[at..at + LANES].copy_from_slice(&lanes);
            at += LANES;
            if at >= self.len {
                return true;
            }
        }
    }

    /// Copies the text into a buffer that is at least [`LANES`] bytes longer.
    #[inline]
    pub fn copy_to(self, buffer: &mut [u8]) {
        match self.ahead.first_chunk::<LANES>() {
            Some(lanes) if self.len <= LANES => buffer[..LANES].copy_from_slice(lanes),
            _ => buffer[..self.len].copy_from_slice(self.bytes()),
        }
    }

    /// Whether one of its bytes is this one.
    #[must_use]
    #[inline]
    pub fn contains(self, byte: u8) -> bool {
        let same = |at: usize| u8x16::new(self.lanes_at(at)).simd_eq(u8x16::new([byte; LANES])).to_bitmask();
        (0..self.len).step_by(LANES).any(|at| same(at) & self.mask(at) != 0)
    }

    /// Its bytes and its length in one word, if it has at most seven: two texts are the same if their words are.
    #[must_use]
    #[inline]
    pub fn packed(self) -> Option<u64> {
        if self.len > 7 {
            return None;
        }
        let lanes = self.lanes_at(0);
        let word = u64::from_le_bytes(*lanes.first_chunk()?);
        Some(word & ((1 << (8 * self.len)) - 1) | (self.len as u64) << 56)
    }
}

/// For each length below [`LANES`]: the bits of the text, and the length in the highest byte.
const LENGTHS: [(u128, u128); LANES] = {
    let (mut lengths, mut len) = ([(0, 0); LANES], 0);
    while len < LANES {
        lengths[len] = ((1 << (8 * len)) - 1, (len as u128) << 120);
        len += 1;
    }
    lengths
};

/// The bytes and the length of the text that the byte lanes begin with, which is shorter, in one double word: two texts are
/// the same if these are.
#[must_use]
#[inline]
pub fn pack(lanes: &[u8; LANES], length: usize) -> u128 {
    let (below, length) = LENGTHS[length % LANES];
    u128::from_le_bytes(*lanes) & below | length
}

/// Which bytes of two vectors a JSON string escapes, the first in the lowest bit.
#[must_use]
#[inline]
pub fn find_escaped_in_both(lanes: &[u8; 2 * LANES]) -> u32 {
    let (lanes, _) = lanes.as_chunks::<LANES>();
    find_escaped(&lanes[0]) | find_escaped(&lanes[1]) << LANES
}

/// Which bytes a JSON string escapes, the first in the lowest bit.
#[must_use]
#[inline]
pub fn find_escaped(lanes: &[u8; LANES]) -> u32 {
    let bytes = u8x16::new(*lanes);
    // With one bit flipped, the quote directly follows the control characters, and the space and `!` follow it.
    let turned = bytes ^ u8x16::new([0x02; LANES]);
    let low = turned.min(u8x16::new([0x20; LANES])).simd_eq(turned);
    (low | bytes.simd_eq(u8x16::new([b'\\'; LANES]))).to_bitmask()
}

/// Which bytes are digits and which are the decimal separator, the first in the lowest bit.
#[must_use]
#[inline]
pub fn find_digits(lanes: &[u8; LANES], separator: u8) -> (u32, u32) {
    let bytes = u8x16::new(*lanes);
    let value = bytes - u8x16::new([b'0'; LANES]);
    let digits = value.min(u8x16::new([9; LANES])).simd_eq(value).to_bitmask();
    (digits, bytes.simd_eq(u8x16::new([separator; LANES])).to_bitmask())
}

/// The first of each two bytes, in vectors: one after the other they cost more than all other work on a row.
#[must_use]
#[inline(always)]
pub fn low_bytes(pairs: &[[u8; 2]; LANES]) -> [u8; LANES] {
    let [first, second] = bytemuck::cast::<_, [[i16; LANES / 2]; 2]>(*pairs);
    let low = |pairs: [i16; LANES / 2]| i16x8::new(pairs.map(i16::from_le)) & i16x8::splat(0xFF);
    u8x16::narrow_i16x8(low(first), low(second)).to_array()
}

/// The last bytes of a text, padded with zeros.
#[cold]
#[inline(never)]
fn pad(rest: &[u8]) -> [u8; LANES] {
    let mut lanes = [0; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// A text of its own with padding behind it, so that it is copied as quickly as a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Padded {
    text: Vec<u8>,
    len: usize,
}

impl From<Vec<u8>> for Padded {
    fn from(mut text: Vec<u8>) -> Padded {
        let len = text.len();
        text.resize(len + 2 * LANES, 0);
        Padded { text, len }
    }
}

impl Padded {
    /// All of it.
    #[must_use]
    #[inline]
    pub fn whole(&self) -> ByteLanes<'_> {
        ByteLanes { ahead: &self.text, len: self.len }
    }

    /// How many bytes it has.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its first two vectors.
    #[must_use]
    #[inline]
    pub fn lanes(&self) -> Option<&[u8; 2 * LANES]> {
        self.text.first_chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteLanes, LANES, pack, pad};

    #[test]
    fn what_stands_behind_a_text_changes_nothing() {
        let alphabet = [b'a', b'0', b'9', b'.', b'"', b'\\', 0x1F, 0x20, 0xC3, 0x7F, b'z', b'5'];
        let mut seed = 7u64;
        for round in 0..50_000usize {
            let mut next = |most: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as usize % most
            };
            let kinds = if next(2) == 0 { alphabet.len() } else { 3 };
            let longer: Vec<u8> = (0..next(60)).map(|_| alphabet[next(kinds)]).collect();
            let start = next(longer.len() + 1);
            let end = start + next(longer.len() - start + 1);
            let (text, plain) = (ByteLanes::within(&longer, start, end), &longer[start..end]);
            assert_eq!(text.bytes(), plain, "{round}");
            let mut buffer = [0; 80];
            let clean = plain.iter().all(|byte| *byte >= 0x20 && !matches!(byte, b'"' | b'\\'));
            assert_eq!(text.copy_plain(&mut buffer), clean, "{plain:?}");
            assert!(!clean || buffer[..plain.len()] == *plain, "{plain:?}");
            text.copy_to(&mut buffer);
            assert_eq!(buffer[..plain.len()], *plain);
            assert_eq!(text.contains(b'.'), plain.contains(&b'.'));
            assert_eq!(text.packed(), ByteLanes::from(plain).packed(), "{plain:?}");
            assert_eq!(text.packed().is_some(), plain.len() <= 7);
            if plain.len() < LANES {
                assert_eq!(pack(&text.lanes_at(0), plain.len()), pack(&pad(plain), plain.len()), "{plain:?}");
            }
        }
    }

    #[test]
    fn packed_texts_are_told_apart() {
        let words: Vec<_> =
            [&b""[..], b"\0", b"a", b"a\0", b"\0a"].iter().map(|text| ByteLanes::from(*text).packed()).collect();
        let lanes: Vec<_> =
            [&b""[..], b"\0", b"a", b"a\0", b"\0a"].iter().map(|text| pack(&pad(text), text.len())).collect();
        for (at, (word, packed)) in words.iter().zip(&lanes).enumerate() {
            assert!(!words[at + 1..].contains(word) && !lanes[at + 1..].contains(packed), "{at}");
        }
    }
}
