//! A short text together with the bytes that stand behind it, so that it is looked at and copied in whole vectors.
//!
//! Cells are a few bytes long. Copying or comparing them byte by byte, or by a call, costs more than all else that is done
//! with them; sixteen bytes at once cost one step, and what stands behind the text is masked out.

#![expect(clippy::inline_always, reason = "a call costs more than what it does")]

use wide::{bytemuck, i16x8, u8x16};

/// How many bytes are handled at once.
pub const LANE: usize = 16;

/// A text, usually a cell, inside a longer one.
#[derive(Clone, Copy, Debug)]
pub struct Snippet<'a> {
    ahead: &'a [u8],
    len: usize,
}

impl<'a> From<&'a [u8]> for Snippet<'a> {
    fn from(text: &'a [u8]) -> Snippet<'a> {
        Snippet { ahead: text, len: text.len() }
    }
}

impl<'a> Snippet<'a> {
    /// The part of a text from `start` to `end`.
    #[must_use]
    #[inline]
    pub fn within(text: &'a [u8], start: usize, end: usize) -> Snippet<'a> {
        Snippet { ahead: &text[start..], len: end - start }
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

    /// The bytes from `at`: those behind its end are anything.
    #[must_use]
    #[inline]
    pub fn lane(self, at: usize) -> [u8; LANE] {
        let ahead = self.ahead.get(at..).unwrap_or_default();
        if let Some(lane) = ahead.first_chunk() { *lane } else { padded(ahead) }
    }

    /// The bits of a lane that belong to the text.
    #[inline]
    fn bits(self, at: usize) -> u32 {
        let left = self.len - at;
        if left >= LANE { 0xFFFF } else { (1 << left) - 1 }
    }

    /// Copies it into `room`, which has to be a lane longer; `false`: it holds what a JSON string escapes.
    #[inline]
    pub fn copy_plain(self, room: &mut [u8]) -> bool {
        let mut at = 0;
        loop {
            let lane = self.lane(at);
            if escaped_in(&lane) & self.bits(at) != 0 {
                return false;
            }
            room[at..at + LANE].copy_from_slice(&lane);
            at += LANE;
            if at >= self.len {
                return true;
            }
        }
    }

    /// Copies it into `room`, which has to be a lane longer.
    #[inline]
    pub fn copy_to(self, room: &mut [u8]) {
        match self.ahead.first_chunk::<LANE>() {
            Some(lane) if self.len <= LANE => room[..LANE].copy_from_slice(lane),
            _ => room[..self.len].copy_from_slice(self.bytes()),
        }
    }

    /// Whether one of its bytes is this one.
    #[must_use]
    #[inline]
    pub fn holds(self, byte: u8) -> bool {
        let same = |at: usize| u8x16::new(self.lane(at)).simd_eq(u8x16::new([byte; LANE])).to_bitmask();
        (0..self.len).step_by(LANE).any(|at| same(at) & self.bits(at) != 0)
    }

    /// Its bytes and its length in one word, if it has at most seven: two texts are the same if their words are.
    #[must_use]
    #[inline]
    pub fn packed(self) -> Option<u64> {
        if self.len > 7 {
            return None;
        }
        let lane = self.lane(0);
        let word = u64::from_le_bytes(*lane.first_chunk()?);
        Some(word & ((1 << (8 * self.len)) - 1) | (self.len as u64) << 56)
    }
}

/// For each length below that of a lane: the bits of the text, and the length in the byte behind them.
const LENGTHS: [(u128, u128); LANE] = {
    let (mut lengths, mut len) = ([(0, 0); LANE], 0);
    while len < LANE {
        lengths[len] = ((1 << (8 * len)) - 1, (len as u128) << 120);
        len += 1;
    }
    lengths
};

/// The bytes and the length of a text that a lane begins with and that is shorter, in one double word: two texts are the same
/// if these are.
#[must_use]
#[inline]
pub fn packed(lane: &[u8; LANE], length: usize) -> u128 {
    let (below, length) = LENGTHS[length % LANE];
    u128::from_le_bytes(*lane) & below | length
}

/// Which bytes of two lanes a JSON string escapes, the first in the lowest bit.
#[must_use]
#[inline]
pub fn escaped(lanes: &[u8; 2 * LANE]) -> u32 {
    let (lanes, _) = lanes.as_chunks::<LANE>();
    escaped_in(&lanes[0]) | escaped_in(&lanes[1]) << LANE
}

/// Which bytes of a lane a JSON string escapes, the first in the lowest bit.
#[must_use]
#[inline]
pub fn escaped_in(lane: &[u8; LANE]) -> u32 {
    let bytes = u8x16::new(*lane);
    // With one bit turned over, a quote comes right behind the control characters, and a space and `!` behind it.
    let turned = bytes ^ u8x16::new([0x02; LANE]);
    let low = turned.min(u8x16::new([0x20; LANE])).simd_eq(turned);
    (low | bytes.simd_eq(u8x16::new([b'\\'; LANE]))).to_bitmask()
}

/// Which bytes of a lane are digits and which are the decimal separator, the first in the lowest bit.
#[must_use]
#[inline]
pub fn digits(lane: &[u8; LANE], separator: u8) -> (u32, u32) {
    let bytes = u8x16::new(*lane);
    let value = bytes - u8x16::new([b'0'; LANE]);
    let digits = value.min(u8x16::new([9; LANE])).simd_eq(value).to_bitmask();
    (digits, bytes.simd_eq(u8x16::new([separator; LANE])).to_bitmask())
}

/// The first of each two bytes, in vectors: one after the other they cost more than all else that is done with a row.
#[must_use]
#[inline(always)]
pub fn low_bytes(pairs: &[[u8; 2]; LANE]) -> [u8; LANE] {
    let [first, second] = bytemuck::cast::<_, [[i16; LANE / 2]; 2]>(*pairs);
    let low = |pairs: [i16; LANE / 2]| i16x8::new(pairs.map(i16::from_le)) & i16x8::splat(0xFF);
    u8x16::narrow_i16x8(low(first), low(second)).to_array()
}

/// The last bytes of a text, with room behind them.
#[cold]
#[inline(never)]
fn padded(rest: &[u8]) -> [u8; LANE] {
    let mut padded = [0; LANE];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// A text of its own with room behind it, so that it is copied as quickly as a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Padded {
    text: Vec<u8>,
    len: usize,
}

impl From<Vec<u8>> for Padded {
    fn from(mut text: Vec<u8>) -> Padded {
        let len = text.len();
        text.resize(len + 2 * LANE, 0);
        Padded { text, len }
    }
}

impl Padded {
    /// All of it.
    #[must_use]
    #[inline]
    pub fn whole(&self) -> Snippet<'_> {
        Snippet { ahead: &self.text, len: self.len }
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

    /// Its first two lanes.
    #[must_use]
    #[inline]
    pub fn lanes(&self) -> Option<&[u8; 2 * LANE]> {
        self.text.first_chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::{LANE, Snippet, packed, padded};

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
            let text: Vec<u8> = (0..next(60)).map(|_| alphabet[next(kinds)]).collect();
            let start = next(text.len() + 1);
            let end = start + next(text.len() - start + 1);
            let (snippet, plain) = (Snippet::within(&text, start, end), &text[start..end]);
            assert_eq!(snippet.bytes(), plain, "{round}");
            let mut room = [0; 80];
            let clean = plain.iter().all(|byte| *byte >= 0x20 && !matches!(byte, b'"' | b'\\'));
            assert_eq!(snippet.copy_plain(&mut room), clean, "{plain:?}");
            assert!(!clean || room[..plain.len()] == *plain, "{plain:?}");
            snippet.copy_to(&mut room);
            assert_eq!(room[..plain.len()], *plain);
            assert_eq!(snippet.holds(b'.'), plain.contains(&b'.'));
            assert_eq!(snippet.packed(), Snippet::from(plain).packed(), "{plain:?}");
            assert_eq!(snippet.packed().is_some(), plain.len() <= 7);
            if plain.len() < LANE {
                assert_eq!(packed(&snippet.lane(0), plain.len()), packed(&padded(plain), plain.len()), "{plain:?}");
            }
        }
    }

    #[test]
    fn packed_texts_are_told_apart() {
        let words: Vec<_> =
            [&b""[..], b"\0", b"a", b"a\0", b"\0a"].iter().map(|text| Snippet::from(*text).packed()).collect();
        let lanes: Vec<_> =
            [&b""[..], b"\0", b"a", b"a\0", b"\0a"].iter().map(|text| packed(&padded(text), text.len())).collect();
        for (at, (word, lane)) in words.iter().zip(&lanes).enumerate() {
            assert!(!words[at + 1..].contains(word) && !lanes[at + 1..].contains(lane), "{at}");
        }
    }
}
