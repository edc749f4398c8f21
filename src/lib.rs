//! xwalk.

pub mod cli;
pub mod error;

pub mod mapping;
pub mod contract;
pub mod profile;
pub mod plan;
pub mod record;
pub mod group;
pub mod trace;
pub mod payload;
pub mod ledger;
pub mod summary;
pub mod diagnostic;
pub mod yaml;

pub mod load;
pub mod read;
pub mod join;
pub mod transform;
pub mod check;
pub mod deliver;
pub mod report;
