//! Which settings hold in a run: the chosen profile over those it extends, over the built-in defaults, under `--set`.
//!
//! The layers are kept, so that a finding about a setting names the line that wrote it.

use crate::{
    config::{
        profile::{
            Profiles, ProfilesFile,
            masked_text::{show_profile, show_reference},
            overrides,
            settings::ProfileSettings,
        },
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer,
    options::Setting,
};

/// The name of the destination when no profile is used, only `--set`.
const NO_PROFILE: &str = "(none)";

/// The layers of settings that hold in one run, and where each was written.
pub(crate) struct Layers<'a> {
    /// The name of the profile.
    pub(crate) name: &'a str,
    /// The profile and those it extends, strongest first.
    chain: Vec<(&'a str, &'a ProfileSettings)>,
    places: Option<&'a Places>,
    overrides: &'a [Setting],
}

impl<'a> Layers<'a> {
    /// Finds the layers of the profile that was named, or else of the default.
    ///
    /// # Errors
    /// The profile that is not there or extends itself, or nothing says where to send.
    pub(crate) fn find(
        file: Option<&'a ProfilesFile>,
        wanted: Option<&'a str>,
        overrides: &'a [Setting],
    ) -> Result<Layers<'a>, Diagnostic> {
        let sets_url = overrides.iter().any(|setting| setting.key == "url");
        let chosen = choose_profile(file, wanted, sets_url)?;
        let chain = match (file, chosen) {
            (Some(file), Some(name)) => chain_of(file, name)?,
            _ => Vec::new(),
        };
        let name = chosen.unwrap_or(NO_PROFILE);
        Ok(Layers { name, chain, places: file.map(|file| &file.places), overrides })
    }

    /// Lays them over each other, weakest first.
    ///
    /// # Errors
    /// What is wrong with an override.
    pub(crate) fn merge(&self) -> Result<ProfileSettings, Vec<Diagnostic>> {
        let mut settings = ProfileSettings::built_in();
        for (_, profile) in self.chain.iter().rev() {
            settings = (*profile).clone().over(settings);
        }
        overrides::lay_over(settings, self.overrides)
    }

    /// Whether a layer above the built-in defaults writes a setting of one word.
    pub(crate) fn is_written(&self, key: &str) -> bool {
        let pointer = |name: &str| format!("/profiles/{}/{key}", json_pointer::escape(name));
        let is_in_file = |places: &Places| self.chain.iter().any(|(name, _)| places.node(&pointer(name)).is_some());
        self.overrides.iter().any(|setting| setting.key == key) || self.places.is_some_and(is_in_file)
    }

    /// The place of the strongest layer that writes a setting, given as in `batch/documents`; `None` for `--set`.
    pub(crate) fn place(&self, key: &str) -> Option<Place> {
        let dotted = key.replace('/', ".");
        let is_set = |Setting { key: set, .. }: &Setting| {
            dotted == *set || dotted.starts_with(&format!("{set}.")) || set.starts_with(&format!("{dotted}."))
        };
        if self.overrides.iter().any(is_set) {
            return None;
        }
        let places = self.places?;
        let pointer = |(name, _): &(&str, &ProfileSettings)| format!("/profiles/{}/{key}", json_pointer::escape(name));
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
fn choose_profile<'a>(
    file: Option<&'a ProfilesFile>,
    wanted: Option<&'a str>,
    sets_url: bool,
) -> Result<Option<&'a str>, Diagnostic> {
    let Some(ProfilesFile { profiles, places }) = file else {
        return match wanted {
            Some(name) => {
                Err(Diagnostic::new(Code::PlanUnknownName, format!("there is no profiles file to find `{name}` in")))
            }
            None if sets_url => Ok(None),
            None => Err(Diagnostic::new(Code::PlanProfile, "nothing says where to send")
                .hint("write a `profiles.yaml`, or say `--set url=URL`")),
        };
    };
    match wanted.or(profiles.default.as_deref()) {
        Some(name) if profiles.profiles.contains_key(name) => Ok(Some(name)),
        Some(name) => {
            let known = || profiles.profiles.keys().map(String::as_str);
            Err(match wanted {
                Some(typed) => no_such_profile(profiles, typed, typed),
                None => no_such_profile(profiles, name, &show_reference(name, known())).rule(places.value("/default")),
            })
        }
        None if sets_url => Ok(None),
        None => Err(Diagnostic::new(Code::PlanProfile, "no profile was chosen and there is no `default`")
            .rule(Place::file(places.path()))
            .hint(format!("say `--profile NAME`: {}", list_names(profiles)))),
    }
}

/// A profile and those it extends, strongest first.
fn chain_of<'a>(file: &'a ProfilesFile, name: &'a str) -> Result<Vec<(&'a str, &'a ProfileSettings)>, Diagnostic> {
    let ProfilesFile { profiles, places } = file;
    let mut chain: Vec<(&str, &ProfileSettings)> = Vec::new();
    let mut next = Some(name);
    while let Some(name) = next {
        let extends = |of: &str| places.value(&format!("/profiles/{}/extends", json_pointer::escape(of)));
        let by = chain.last().map_or(name, |(name, _)| name);
        let Some(profile) = profiles.profiles.get(name) else {
            let shown = show_reference(name, profiles.profiles.keys().map(String::as_str));
            return Err(no_such_profile(profiles, name, &shown).rule(extends(by)));
        };
        if chain.iter().any(|(earlier, _)| *earlier == name) {
            let message =
                format!("the profile `{}` extends itself, through `{}`", show_profile(name), show_profile(by));
            return Err(Diagnostic::new(Code::PlanProfile, message).rule(extends(by)));
        }
        chain.push((name, profile));
        next = profile.extends.as_deref();
    }
    Ok(chain)
}

/// What is said of a name that no profile has, shown as this.
fn no_such_profile(profiles: &Profiles, name: &str, shown: &str) -> Diagnostic {
    let near = nearest(name, profiles.profiles.keys().map(String::as_str));
    let hint = near.map_or_else(|| list_names(profiles), |near| format!("did you mean `{}`?", show_profile(near)));
    Diagnostic::new(Code::PlanUnknownName, format!("there is no profile `{shown}`")).hint(hint)
}

fn list_names(profiles: &Profiles) -> String {
    let names: Vec<String> = profiles.profiles.keys().map(|name| format!("`{}`", show_profile(name))).collect();
    format!("the profiles are {}", names.join(", "))
}
