//! The most that a file of a source may hold. What is larger is refused while it is read, so none of it is held for long.

/// The largest number of bytes of a file, unpacked.
pub const MAX_SOURCE: u64 = 16 << 30;
/// The most records of a source, so that no number of one is [`NONE`](crate::table::NONE).
pub const MAX_RECORDS: u32 = u32::MAX - 1;
/// The most files of a source: the number of one takes two bytes in a stored row.
pub const MAX_FILES: usize = 1 << 16;
/// The largest header, in bytes; and the most bytes of blank lines before it.
pub const MAX_HEADER: usize = 64 << 10;
/// The most columns.
pub const MAX_COLUMNS: usize = 4096;
/// The most cells of a record that are looked at: one more than two merged records have.
pub const MAX_CELLS: usize = 2 * MAX_COLUMNS + 1;
/// The largest record, in bytes of UTF-8.
pub const MAX_RECORD: usize = 8 << 20;
/// The largest cell, in bytes of UTF-8.
pub const MAX_CELL: usize = 1 << 20;
/// The most runs of bytes in one record that are invalid in its encoding.
pub const MAX_DAMAGE: usize = 64 << 10;
