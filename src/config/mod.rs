//! Configuration files, read with the place of every key: mappings, contracts, profiles.

mod text_span;
mod yaml_brackets;
mod yaml_mistakes;
mod yaml_types;
mod json_mistakes;
mod unused_definitions;
pub mod yaml;
pub mod yaml_values;
pub mod json_places;
pub mod ignored_keywords;
mod foreign_patterns;
pub(crate) mod exact_number;
mod formats;
pub mod contract;
pub mod mapping;
pub mod profile;
