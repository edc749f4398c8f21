//! The settings of destinations: profiles.yaml as written, and the way to the one destination of a run.
//!
//! Weakest to strongest: built-in defaults (`defaults.yaml`), the profile (what it `extends` first), `--set`.
//! `settings` says what may be written, `layers` which of it holds, `resolve` turns it into a `destination`.
//! Everything that is wrong is found before anything is sent, with the line that says it; no secret is ever part of a
//! finding.

pub mod secret;
pub mod settings;
pub mod destination;
pub mod overrides;
pub mod layers;
pub mod resolve;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{profile::settings::ProfileSettings, yaml::Places};

/// A profiles file that was read, with the place of everything in it.
#[derive(Clone, Debug)]
pub struct ProfilesFile {
    /// What it says.
    pub profiles: Profiles,
    /// Where it says it.
    pub places: Places,
}

/// profiles.yaml as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profiles {
    /// The profile to use when none is named.
    pub default: Option<String>,
    /// The mapping to use when none is named, relative to this file.
    pub mapping: Option<String>,
    /// The destinations by name.
    pub profiles: BTreeMap<String, ProfileSettings>,
}

impl Profiles {
    /// The drop folder of the profile that would be used, before anything is resolved.
    pub fn input(&self, wanted: Option<&str>) -> Option<&str> {
        let name = wanted.or(self.default.as_deref())?;
        let mut next = Some(name);
        // A cycle is reported by `resolve`; here it only must not hang.
        for _ in 0..=self.profiles.len() {
            let profile = self.profiles.get(next?)?;
            if let Some(input) = &profile.input {
                return Some(input);
            }
            next = profile.extends.as_deref();
        }
        None
    }
}

/// The JSON Schema (draft 7) of a profiles file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Profiles>().to_value()
}

#[cfg(test)]
mod tests;
