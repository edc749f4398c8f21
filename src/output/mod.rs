//! Documents and rejected rows, written as files.

pub mod documents;
pub mod rejects;
