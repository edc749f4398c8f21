//! xwalk.

pub mod error;
pub mod yaml;
pub mod mapping;
pub mod contract;
pub mod payload;
pub mod record;
pub mod ledger;
pub mod read;
pub mod plan;
pub mod diagnostic;
