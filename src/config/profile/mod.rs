//! For which destination: profiles.yaml as written, and the [`Destination`] it means for this run.
//!
//! Weakest to strongest: built-in defaults (`defaults.yaml`), the profile (what it `extends` first), `--set`.
//! Everything that is wrong is found before anything is sent, with the line that says it; no secret is ever part of a
//! finding. `setting` is what was written, `destination` what it means, `meaning` the way between.

pub mod destination;
pub mod secret;
pub mod resolve;
pub mod settings;

use std::{collections::BTreeMap, fmt::Write as _};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{
        mapping::request::Request,
        profile::{destination::Destination, resolve::meaning, secret::Environment, settings::Settings},
        yaml::{self, Places},
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer,
};

/// The name of the destination when no profile is used, only `--set`.
const NO_PROFILE: &str = "(none)";

/// profiles.yaml as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profiles {
    /// The profile to use when none is named.
    pub default: Option<String>,
    /// The mapping to use when none is named, relative to this file.
    pub mapping: Option<String>,
    /// The destinations by name.
    pub profiles: BTreeMap<String, Settings>,
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

/// What the profile and `--set` mean together.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn resolve(
    profiles: Option<(&Profiles, &Places)>,
    wanted: Option<&str>,
    sets: &[(String, String)],
    request: &Request,
    environment: &Environment,
) -> Result<Destination, Vec<Diagnostic>> {
    let set_url = sets.iter().any(|(key, _)| key == "url");
    let chosen = choose(profiles, wanted, set_url).map_err(|finding| vec![finding])?;
    let chain = match (profiles, chosen) {
        (Some((profiles, places)), Some(name)) => chain(profiles, places, name).map_err(|finding| vec![finding])?,
        _ => Vec::new(),
    };
    let layers = Layers {
        name: chosen.unwrap_or(NO_PROFILE),
        chain: chain.iter().map(|(name, _)| *name).collect(),
        places: profiles.map(|(_, places)| places),
        sets: sets.iter().map(|(key, _)| key.as_str()).collect(),
    };
    let settings = layered(&chain, sets)?;
    if settings.explicit == Some(true) && wanted.is_none() {
        let message = format!("the profile `{}` is never used by default", layers.name);
        let hint = format!("say `--profile {}` if you mean it", layers.name);
        return Err(vec![layers.finding(Code::PlanProfile, "explicit", message).hint(hint)]);
    }
    meaning(settings, &layers, request, environment)
}

/// The whole layering, weakest first.
fn layered(chain: &[(&str, &Settings)], sets: &[(String, String)]) -> Result<Settings, Vec<Diagnostic>> {
    let (mut settings, _) = yaml::read::<Settings>("defaults.yaml", include_str!("defaults.yaml"))?;
    for (_, profile) in chain.iter().rev() {
        settings = (*profile).clone().over(settings);
    }
    for (at, (key, value)) in sets.iter().enumerate() {
        match pair(key) {
            None => settings = set(key, &[(key, value)])?.over(settings),
            // They are read together, in the place of the last of them.
            Some(whole) => {
                let is_part = |(key, _): &&(String, String)| pair(key) == Some(whole);
                if !sets[at + 1..].iter().any(|set| is_part(&set)) {
                    let parts: Vec<(&str, &str)> =
                        sets.iter().filter(is_part).map(|(key, value)| (key.as_str(), value.as_str())).collect();
                    settings = set(key, &parts)?.over(settings);
                }
            }
        }
    }
    Ok(settings)
}

/// The setting that a key is only one part of: nothing by itself, so that its parts may be set one by one.
fn pair(key: &str) -> Option<&'static str> {
    let whole = |whole: &&str| key.strip_prefix(*whole).is_some_and(|part| part.starts_with('.'));
    ["client_identity", "auth.basic", "auth.api_key"].into_iter().find(whole)
}

/// Where the settings of one run were written, for messages.
pub(crate) struct Layers<'a> {
    /// The name of the profile.
    pub(crate) name: &'a str,
    chain: Vec<&'a str>,
    places: Option<&'a Places>,
    sets: Vec<&'a str>,
}

impl Layers<'_> {
    /// The place of the strongest layer that writes a setting, given as in `batch/documents`; `None` for `--set`.
    pub(crate) fn place(&self, key: &str) -> Option<Place> {
        let dotted = key.replace('/', ".");
        let is_set = |set: &&str| {
            dotted == **set || dotted.starts_with(&format!("{set}.")) || set.starts_with(&format!("{dotted}."))
        };
        if self.sets.iter().any(is_set) {
            return None;
        }
        let places = self.places?;
        let pointer = |name: &&str| format!("/profiles/{}/{key}", json_pointer::escape(name));
        let written = self.chain.iter().map(pointer).find(|pointer| places.node(pointer).is_some());
        let whole = || format!("/profiles/{}", json_pointer::escape(self.name));
        Some(places.leaf(&written.unwrap_or_else(whole)))
    }

    /// A finding about a setting, with its place.
    pub(crate) fn finding(&self, code: Code, key: &str, message: impl Into<String>) -> Diagnostic {
        let finding = Diagnostic::new(code, message);
        match self.place(key) {
            Some(place) => finding.rule(place),
            None => finding,
        }
    }

    /// The path of profiles.yaml; empty when there is none.
    pub(crate) fn path(&self) -> &str {
        self.places.map_or("", Places::path)
    }
}

/// The profile to use; `None` when `--set url=…` alone says where to send.
fn choose<'a>(
    profiles: Option<(&'a Profiles, &Places)>,
    wanted: Option<&'a str>,
    set_url: bool,
) -> Result<Option<&'a str>, Diagnostic> {
    let Some((profiles, places)) = profiles else {
        return match wanted {
            Some(name) => {
                Err(Diagnostic::new(Code::PlanUnknownName, format!("there is no profiles file to find `{name}` in")))
            }
            None if set_url => Ok(None),
            None => Err(Diagnostic::new(Code::PlanProfile, "nothing says where to send")
                .hint("write a `profiles.yaml`, or say `--set url=URL`")),
        };
    };
    match wanted.or(profiles.default.as_deref()) {
        Some(name) if profiles.profiles.contains_key(name) => Ok(Some(name)),
        Some(name) => {
            let finding = unknown(profiles, name);
            Err(if wanted.is_none() { finding.rule(places.value("/default")) } else { finding })
        }
        None if set_url => Ok(None),
        None => Err(Diagnostic::new(Code::PlanProfile, "no profile was chosen and there is no `default`")
            .rule(Place::file(places.path()))
            .hint(format!("say `--profile NAME`: {}", names(profiles)))),
    }
}

/// A profile and those it extends, strongest first.
fn chain<'a>(
    profiles: &'a Profiles,
    places: &Places,
    name: &'a str,
) -> Result<Vec<(&'a str, &'a Settings)>, Diagnostic> {
    let mut chain: Vec<(&str, &Settings)> = Vec::new();
    let mut next = Some(name);
    while let Some(name) = next {
        let extends = |of: &str| places.value(&format!("/profiles/{}/extends", json_pointer::escape(of)));
        let by = chain.last().map_or(name, |(name, _)| name);
        let Some(profile) = profiles.profiles.get(name) else {
            return Err(unknown(profiles, name).rule(extends(by)));
        };
        if chain.iter().any(|(earlier, _)| *earlier == name) {
            let message = format!("the profile `{name}` extends itself, through `{by}`");
            return Err(Diagnostic::new(Code::PlanProfile, message).rule(extends(by)));
        }
        chain.push((name, profile));
        next = profile.extends.as_deref();
    }
    Ok(chain)
}

fn unknown(profiles: &Profiles, name: &str) -> Diagnostic {
    let near = nearest(name, profiles.profiles.keys().map(String::as_str));
    let hint = near.map_or_else(|| names(profiles), |near| format!("did you mean `{near}`?"));
    Diagnostic::new(Code::PlanUnknownName, format!("there is no profile `{name}`")).hint(hint)
}

fn names(profiles: &Profiles) -> String {
    let names: Vec<String> = profiles.profiles.keys().map(|name| format!("`{name}`")).collect();
    format!("the profiles are {}", names.join(", "))
}

/// One `--set KEY=VALUE`, or all parts of one setting, as a layer of its own.
fn set(key: &str, parts: &[(&str, &str)]) -> Result<Settings, Vec<Diagnostic>> {
    let about = |code: Code, said: &str| Diagnostic::new(code, format!("`--set {key}`: {said}"));
    let is_word = |step: &&str| {
        !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let is_setting =
        |(key, _): &(&str, &str)| steps(key).iter().all(is_word) && !matches!(*key, "extends" | "explicit");
    if !parts.iter().all(is_setting) {
        return Err(vec![about(Code::PlanUsage, "not a setting that can be set").hint("as in `--set url=URL`")]);
    }
    let (mut text, mut before) = (String::new(), Vec::new());
    for (key, value) in parts {
        let steps = steps(key);
        let shared = steps.iter().zip(&before).take_while(|(step, before)| step == before).count();
        for (depth, step) in steps.iter().enumerate().skip(shared) {
            let _ = write!(text, "\n{}\"{step}\":", "  ".repeat(depth));
        }
        let as_written = value.starts_with('{')
            || matches!(*value, "true" | "false")
            || (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
        let quoted = serde_json::Value::from(*value).to_string();
        let _ = write!(text, " {}", if as_written { value } else { quoted.as_str() });
        before = steps;
    }
    match yaml::read::<Settings>("--set", &text) {
        Ok((settings, _)) => Ok(settings),
        // What was written may be the secret itself, so it is not repeated.
        Err(_) if steps(key)[0] == "auth" => {
            let hint =
                "name what holds the secret, as in `--set auth.bearer.env=VARIABLE`; a secret is never an argument";
            Err(vec![about(Code::PlanUsage, "this is not where a secret lies").hint(hint)])
        }
        Err(findings) => {
            let named = |found: Diagnostic| about(found.code, &found.message).hint(found.hint);
            Err(findings.into_iter().map(named).collect())
        }
    }
}

/// The keys that lead to a setting. The name of a header may hold dots.
fn steps(key: &str) -> Vec<&str> {
    match key.split_once('.') {
        Some(("headers", name)) => vec!["headers", name],
        _ => key.split('.').collect(),
    }
}

#[cfg(test)]
mod tests;
