//! Documents and rejected rows, written as files.

pub mod places;
pub mod documents;
pub mod rejects;
