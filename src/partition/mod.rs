//! Rows of a recording by the partition they belong to: encoded, stored in memory or in a temporary file, and loaded again.
//!
//! A partition is some root records in their order with everything below them, so it is joined, checked and delivered by
//! itself, and partitions in their order give the documents in the order of `each`. One that fits into the cache of a
//! processor waits for no memory, and those that do not fit into memory lie on disk.

pub mod spill;
pub mod buffers;
pub mod wire;
pub mod encode;
pub mod decode;
pub mod loaded;
pub mod stored;
