//! Configuration files, read with the place of every key: mappings, contracts, profiles.

pub mod ignored_keywords;
mod exact_number;
mod formats;
pub mod contract;
pub mod mapping;
pub mod profile;
mod text_span;
mod yaml_mistakes;
mod yaml_types;
pub mod yaml;
mod unused_definitions;
pub mod json_places;
