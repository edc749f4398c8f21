//! Files -> records: opened, unpacked, decoded, and split strictly.
//!
//! In: the sources of a plan and a drop folder. Out: blocks of records, each with what became of it. A file that cannot be
//! trusted as a whole stops the run; a record that cannot be trusted is rejected, and its neighbours are not. Each file is
//! read once, and it is an error when it changes meanwhile.

pub mod pattern;
mod unpack;
pub mod files;
pub mod first_bytes;
pub mod decode;
pub mod header;
pub mod scan;
pub mod line_filter;
pub mod feed;
pub mod stream;
pub mod code_table;
pub mod sample;
