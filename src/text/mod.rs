//! Bytes in vectors, the buffer that output is written into, and the grammar of numbers.

pub mod lanes;
pub mod buffer;
pub mod number;
pub mod decimal;
pub mod json_path;
pub mod json_value;
pub mod exact_decimal;
pub mod file_pattern;
