//! Documents and rejected rows, written as files.

pub mod places;
pub mod new_file;
pub mod trial;
mod pretty;
pub mod documents;
pub mod rejects;
