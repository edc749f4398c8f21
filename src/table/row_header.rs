//! The header that stands in front of each row of a partition: its number, its parent, its length, its place in its file.
//!
//! Most rows are short and stand in the only file of their source. Their header is 12 bytes and the start of each of their
//! cells one byte (u8 offsets); other rows have a header of 24 bytes and two bytes a cell (u16 offsets).

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

/// The row is rejected: its code and reason stand behind its text.
pub(crate) const REJECTED: u8 = 1;
/// The row is a copy: it counts in another partition.
pub(crate) const COPY: u8 = 2;
/// Bytes of the row could not be decoded: the original bytes stand behind its text.
pub(crate) const PATCHED: u8 = 4;

/// The header of a row.
#[derive(Clone, Copy)]
pub(crate) struct RowHeader {
    /// The number of the row in its source.
    pub(crate) number: u32,
    /// How many bytes its text has.
    pub(crate) length: u32,
    /// The row of its parent in the partition, or [`NONE`](crate::table::NONE) where that is not certain.
    pub(crate) parent: u32,
    /// Its line shift, its file and its flags, as [`pack_place`] packs them.
    pub(crate) place: u64,
}

/// The bytes of a header of a row with u8 offsets.
pub(crate) const SHORT: usize = 12;
/// The bytes of any other header.
const LONG: usize = 24;
/// A row with u8 offsets is shorter than this.
const SHORT_LENGTH: u32 = 0xFF;
/// The bits of a place that do not fit into a short header.
const LONG_PLACE: u64 = !0xFF00_0000_0000_00FF;
/// Tells a short header from a long one.
pub(crate) const HAS_U8_OFFSETS: u32 = 1 << 31;
/// How many bits of a place are the line shift: no source has more lines than these can hold.
const SHIFT: u32 = 40;

/// Packs the line shift, the number of the file and the flags of a row.
pub(crate) fn pack_place(shift: u64, part: usize, flags: u8) -> u64 {
    let part = u16::try_from(part).unwrap_or(u16::MAX);
    shift & ((1 << SHIFT) - 1) | u64::from(part) << SHIFT | u64::from(flags) << 56
}

/// Unpacks the line shift, the number of the file and the flags of a row.
pub(crate) fn unpack_place(place: u64) -> (u64, usize, u8) {
    let [.., low, high, flags] = place.to_le_bytes();
    (place & ((1 << SHIFT) - 1), usize::from(u16::from_le_bytes([low, high])), flags)
}

impl RowHeader {
    /// Whether it fits into a short header.
    #[inline(always)]
    pub(crate) fn is_short(self) -> bool {
        self.length < SHORT_LENGTH && self.place & LONG_PLACE == 0
    }

    /// The bytes of a short header.
    #[inline(always)]
    pub(crate) fn short_bytes(self) -> [u8; SHORT] {
        let [shift, .., flags] = self.place.to_le_bytes();
        self.first_bytes(HAS_U8_OFFSETS | u32::from(flags) << 16 | u32::from(shift) << 8 | self.length)
    }

    /// The bytes of a long header.
    pub(crate) fn long_bytes(self) -> [u8; LONG] {
        let mut bytes = [0; LONG];
        bytes[..SHORT].copy_from_slice(&self.first_bytes(0));
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..].copy_from_slice(&self.place.to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn first_bytes(self, packed: u32) -> [u8; SHORT] {
        let mut bytes = [0; SHORT];
        let both = u64::from(self.number) | u64::from(self.parent) << 32;
        bytes[..8].copy_from_slice(&both.to_le_bytes());
        bytes[8..].copy_from_slice(&packed.to_le_bytes());
        bytes
    }

    /// Decodes the header that some bytes start with.
    #[inline(always)]
    pub(crate) fn decode(bytes: &[u8]) -> Option<DecodedHeader> {
        let [number, parent, packed] = decode_three(bytes.first_chunk()?);
        if packed & HAS_U8_OFFSETS != 0 {
            let (length, place) = (packed & 0xFF, u64::from(packed >> 8 & 0xFF) | u64::from(packed >> 16 & 0xFF) << 56);
            let header = RowHeader { number, length, parent, place };
            return Some(DecodedHeader { header, size: SHORT, offset_size: 1 });
        }
        let [length, low, high] = decode_three(bytes[SHORT..].first_chunk()?);
        let place = u64::from(low) | u64::from(high) << 32;
        Some(DecodedHeader { header: RowHeader { number, length, parent, place }, size: LONG, offset_size: 2 })
    }
}

/// A header that was decoded.
#[derive(Clone, Copy)]
pub(crate) struct DecodedHeader {
    pub(crate) header: RowHeader,
    /// How many bytes it takes.
    pub(crate) size: usize,
    /// How many bytes each offset of a cell behind it takes.
    pub(crate) offset_size: usize,
}

/// Decodes three numbers that follow each other.
#[inline(always)]
pub(crate) fn decode_three(bytes: &[u8; SHORT]) -> [u32; 3] {
    let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [four(0), four(4), four(8)]
}

/// How much larger a line is than the number of its record: mostly the same for all records of a file.
#[must_use]
pub fn line_shift(line: u64, number: u32) -> u64 {
    line.wrapping_sub(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// The line of a record, by its line shift and its number.
#[must_use]
pub fn line_of(shift: u64, number: u32) -> u64 {
    shift.wrapping_add(u64::from(number)) & ((1 << SHIFT) - 1)
}

/// Where the text of a row with u8 offsets ends; it has `width` of them.
#[must_use]
pub(crate) fn text_end(text: &[u8], start: usize, width: usize) -> usize {
    let at = start - width - SHORT;
    RowHeader::decode(&text[at..]).map_or(start, |decoded| start + decoded.header.length as usize)
}
