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
mod yaml_json;
pub mod contract_text;
pub mod open_api;
pub mod contract_part;
pub mod ignored_keywords;
mod foreign_patterns;
mod open_api_schemas;
pub(crate) mod exact_number;
mod formats;
pub(crate) mod broken_rules;
pub mod alternatives;
mod branch_count;
pub mod likeness;
pub mod contract;
mod branches;
pub mod violations;
pub mod mapping;
pub mod profile;
