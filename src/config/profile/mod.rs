//! The settings of destinations: profiles.yaml as written, and the way to the one destination of a run.
//!
//! Weakest to strongest: built-in defaults (`settings`), the profile (what it `extends` first), `--set`.
//! `settings` says what may be written, `layers` which of it holds, `resolve` turns it into a `destination`.
//! Everything that is wrong is found before anything is sent, with the line that says it; no secret is ever part of a
//! finding.

pub mod secret;
pub mod settings;
pub mod destination;
pub mod overrides;
pub mod layers;
pub mod resolve;
mod masked_text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{
        profile::{
            masked_text::{Mask, is_key, is_profile_name, show, show_finding},
            settings::ProfileSettings,
        },
        yaml::{self, Places},
        yaml_values,
    },
    diagnostic::{Diagnostic, Place},
    json_pointer,
};

/// A profiles file that was read, with the place of everything in it.
#[derive(Clone, Debug)]
pub struct ProfilesFile {
    /// What it says.
    pub profiles: Profiles,
    /// Where it says it.
    pub places: Places,
}

impl ProfilesFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Every reason why it holds no profiles, without the values that stand in it.
    pub fn read(path: &str, text: &str) -> Result<ProfilesFile, Vec<Diagnostic>> {
        let read = yaml_values::read::<Profiles>(path, text);
        match read {
            Ok((profiles, mut places)) => {
                places.mask(|places| show(&hide(&places.text(), Some(places))));
                Ok(ProfilesFile { profiles, places })
            }
            // What a message says comes from the text that it may show.
            Err(found) => {
                match yaml_values::read::<Profiles>(path, &hide(text, yaml::places(path, text).ok().as_ref())) {
                    Err(shown) if are_alike(&found, &shown) => Err(shown.into_iter().map(show_finding).collect()),
                    _ => Err(found.into_iter().map(without_text).collect()),
                }
            }
        }
    }
}

/// A text with a stand-in for each word that may be a secret; the names of its profiles are none.
fn hide(text: &str, places: Option<&Places>) -> String {
    let names = places.map(find_profiles).unwrap_or_default();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Mask::new(&names).hide(text)
}

/// The names of the profiles that a text declares: what has a setting in it, and looks like a name.
fn find_profiles(places: &Places) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (pointer, _) in places.below("/profiles") {
        let Some((name, setting)) = pointer.trim_start_matches("/profiles/").split_once('/') else { continue };
        let name = json_pointer::unescape(name);
        if is_key(setting) && is_profile_name(&name) && names.last() != Some(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether the findings of two texts are the same mistakes.
fn are_alike(one: &[Diagnostic], other: &[Diagnostic]) -> bool {
    let about = |finding: &Diagnostic| (finding.code, finding.rule.as_ref().map(|place| (place.line, place.column)));
    one.iter().map(about).eq(other.iter().map(about))
}

/// A finding with its place and without anything of the text.
fn without_text(finding: Diagnostic) -> Diagnostic {
    let told = Diagnostic::new(finding.code, "what stands here is not understood, and not shown as it may be a secret")
        .hint("look at the quotes, the brackets and the indentation here and in the line above");
    match finding.rule {
        Some(place) => told.rule(Place { text: "".into(), ..*place }),
        None => told,
    }
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
