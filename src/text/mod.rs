//! Bytes in vectors, and the buffer that output is written into.

pub mod buffer;
pub mod lanes;
