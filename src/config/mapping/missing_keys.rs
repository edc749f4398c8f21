//! All required keys that a mapping does not have, told at once: one after the other, each would take a run.

use crate::{
    config::{yaml::Places, yaml_types::example_of},
    diagnostic::{Code, Diagnostic},
};

/// The blocks of a mapping and the keys that each must have, in the order in which they are written.
const REQUIRED: &[(&str, &[&str])] = &[
    ("", &["mapping", "name", "contract", "request", "sources", "output"]),
    ("/request", &["method", "path"]),
    ("/output", &["each", "fields"]),
];

/// The finding about each key that is missing from a block that is there.
pub(super) fn find_missing(places: &Places) -> Vec<Diagnostic> {
    let is_block = |pointer: &&(&str, &[&str])| places.node(pointer.0).is_some_and(|node| node.scalar.is_none());
    let blocks = REQUIRED.iter().filter(is_block);
    let missing = blocks.flat_map(|(block, keys)| {
        let keys = keys.iter().filter(move |key| places.node(&format!("{block}/{key}")).is_none());
        keys.map(|key| describe_missing(places, block, key))
    });
    missing.collect()
}

fn describe_missing(places: &Places, block: &str, key: &str) -> Diagnostic {
    let example = match (block, key) {
        ("/request", "path") => "path: /v1/customers",
        _ => example_of(key).unwrap_or(key),
    };
    let hint = if block.is_empty() { "write a line that begins in the first column" } else { "write it in this block" };
    let finding = Diagnostic::new(Code::PlanMissingKey, format!("missing key `{key}`"));
    finding.rule(places.key(block)).hint(format!("{hint}: `{example}`"))
}
