//! xwalk.

pub mod cli;
pub mod error;

pub mod mapping;
pub mod contract;
pub mod plan;
pub mod record;
pub mod ledger;
pub mod group;
pub mod trace;
pub mod payload;
pub mod summary;
pub mod yaml;
pub mod diagnostic;

pub mod read;
pub mod join;
pub mod transform;
pub mod check;
pub mod report;
