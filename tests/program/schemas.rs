//! The schemas for editors say what the types say, and the files that ship are good by them.
//!
//! `BLESS=1` writes the schemas anew.

#![expect(clippy::disallowed_methods, reason = "BLESS is asked for in the environment")]

use std::{env, fs, path::Path};

use serde_json::Value;
use xwalk::{
    commands::load,
    config::{mapping, profile},
};

/// Compares a generated schema with the file, or writes the file.
fn fresh(path: &str, schema: &Value) {
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if env::var_os("BLESS").is_some() {
        fs::write(path, &text).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == text, "{path} is stale: run `BLESS=1 cargo test --test program`");
}

/// A YAML file as JSON, judged by a schema.
fn accepted(schema: &Value, yaml: &Path) -> bool {
    let value: Value = serde_yaml::from_str(&fs::read_to_string(yaml).unwrap()).unwrap();
    jsonschema::validator_for(schema).unwrap().is_valid(&value)
}

#[test]
fn the_schema_of_mappings_is_fresh_and_fits() {
    let schema = mapping::schema();
    fresh("schemas/mapping.schema.json", &schema);
    for path in load::mappings(Path::new("")) {
        assert!(accepted(&schema, &path), "{} does not fit schemas/mapping.schema.json", path.display());
    }
    let cases = fs::read_dir("tests/cases").unwrap().map(|case| case.unwrap().path().join("mapping.yaml"));
    // Whatever the program can read, an editor must not underline.
    for path in cases.filter(|path| path.exists()) {
        let text = fs::read_to_string(&path).unwrap();
        let readable = mapping::read("mapping.yaml", &text).is_ok();
        assert!(!readable || accepted(&schema, &path), "{} is readable and does not fit", path.display());
    }
}

#[test]
fn the_schema_of_profiles_is_fresh_and_fits() {
    let schema = profile::schema();
    fresh("schemas/profiles.schema.json", &schema);
    assert!(accepted(&schema, Path::new("profiles.yaml")));
}
