//! What stands in front of each row of a piece.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

/// The row is rejected: its code and reason stand behind its text.
pub(crate) const REJECTED: u8 = 1;
/// The row counts in another piece.
pub(crate) const COPY: u8 = 2;
/// Bytes of it could not be decoded: they stand behind its text.
pub(crate) const PATCHED: u8 = 4;

/// What stands in front of each row. Most rows are short and stand in the only file of their source: then one byte is
/// enough for the length, for the shift, and for each begin of a cell.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    /// Of the row, in its source.
    pub(crate) number: u32,
    /// Of its text, in bytes.
    pub(crate) length: u32,
    /// The row of its parent in the piece, or none that is certain.
    pub(crate) parent: u32,
    /// Its shift, its file and its flags.
    pub(crate) place: u64,
}

/// The bytes of a head of a narrow row, and of any other.
pub(crate) const HEADS: (usize, usize) = (12, 24);
/// A narrow row is shorter than this.
const NARROW: u32 = 0xFF;
/// A narrow row has none of these bits of its place.
const BETWEEN: u64 = !0xFF00_0000_0000_00FF;
/// Marks a narrow row.
pub(crate) const IS_NARROW: u32 = 1 << 31;
/// How many bits of a place are the shift: no source has more lines than these can tell.
const SHIFT: u32 = 40;

/// Where a row stands in its source, and what is special about it.
pub(crate) fn place(shift: u64, part: usize, flags: u8) -> u64 {
    let part = u16::try_from(part).unwrap_or(u16::MAX);
    shift & ((1 << SHIFT) - 1) | u64::from(part) << SHIFT | u64::from(flags) << 56
}

/// The shift, the number of the file and the flags of a place.
pub(crate) fn unplaced(place: u64) -> (u64, usize, u8) {
    let [.., low, high, flags] = place.to_le_bytes();
    (place & ((1 << SHIFT) - 1), usize::from(u16::from_le_bytes([low, high])), flags)
}

impl Head {
    #[inline(always)]
    pub(crate) fn is_narrow(self) -> bool {
        self.length < NARROW && self.place & BETWEEN == 0
    }

    #[inline(always)]
    pub(crate) fn narrow(self) -> [u8; HEADS.0] {
        let [shift, .., flags] = self.place.to_le_bytes();
        self.begun(IS_NARROW | u32::from(flags) << 16 | u32::from(shift) << 8 | self.length)
    }

    pub(crate) fn wide(self) -> [u8; HEADS.1] {
        let mut bytes = [0; HEADS.1];
        bytes[..12].copy_from_slice(&self.begun(0));
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..].copy_from_slice(&self.place.to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn begun(self, marks: u32) -> [u8; 12] {
        let mut bytes = [0; 12];
        let both = u64::from(self.number) | u64::from(self.parent) << 32;
        bytes[..8].copy_from_slice(&both.to_le_bytes());
        bytes[8..].copy_from_slice(&marks.to_le_bytes());
        bytes
    }

    /// The head that some bytes begin with, how many bytes it takes, and how many each begin behind it.
    #[inline(always)]
    pub(crate) fn of(bytes: &[u8]) -> Option<(Head, usize, usize)> {
        let [number, parent, marks] = words(bytes.first_chunk()?);
        if marks & IS_NARROW != 0 {
            let (length, place) = (marks & 0xFF, u64::from(marks >> 8 & 0xFF) | u64::from(marks >> 16 & 0xFF) << 56);
            return Some((Head { number, length, parent, place }, HEADS.0, 1));
        }
        let [length, low, high] = words(bytes[HEADS.0..].first_chunk()?);
        let place = u64::from(low) | u64::from(high) << 32;
        Some((Head { number, length, parent, place }, HEADS.1, 2))
    }
}

/// Three numbers, one behind the other.
#[inline(always)]
pub(crate) fn words(bytes: &[u8; HEADS.0]) -> [u32; 3] {
    let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [four(0), four(4), four(8)]
}

/// How much larger a line is than the number of its record: mostly the same for the records of a file.
#[must_use]
pub fn shift(line: u64, number: u32) -> u64 {
    line.wrapping_sub(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// The line of a record with this number.
#[must_use]
pub fn line(shift: u64, number: u32) -> u64 {
    shift.wrapping_add(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// Where the text of a narrow row of this many begins ends.
#[must_use]
pub(crate) fn end_of(text: &[u8], start: usize, width: usize) -> usize {
    let head = start - width - HEADS.0;
    Head::of(&text[head..]).map_or(start, |(head, ..)| start + head.length as usize)
}
