//! xwalk.

pub mod cli;
pub mod error;
pub mod yaml;
pub mod contract;
pub mod payload;
pub mod summary;
pub mod report;
pub mod diagnostic;
