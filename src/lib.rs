//! xwalk.

pub mod error;
pub mod yaml;
pub mod contract;
pub mod profile;
pub mod payload;
pub mod deliver;
pub mod diagnostic;
pub mod sandbox;
