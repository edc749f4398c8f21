//! `--set KEY=VALUE` -> a layer of settings, read by the same rules as profiles.yaml.
//!
//! What was typed may be a secret by mistake, so no finding repeats a word that is not known to be none.

use std::{cmp::Reverse, fmt::Write as _};

use crate::{
    config::{
        profile::{
            masked_text::{is_known_word, shape_of},
            settings::ProfileSettings,
        },
        yaml_values,
    },
    diagnostic::{Code, Diagnostic},
    options::Setting,
};

/// Shorter words are no secrets.
const MIN_SECRET: usize = 4;

/// Lays all `--set` over the settings, in the order in which they were typed.
///
/// # Errors
/// What is wrong with one of them.
pub(crate) fn lay_over(mut settings: ProfileSettings, typed: &[Setting]) -> Result<ProfileSettings, Vec<Diagnostic>> {
    for (at, setting) in typed.iter().enumerate() {
        match whole_of(&setting.key) {
            None => settings = layer_of(&setting.key, &[setting])?.over(settings),
            // Its parts are read together, in the place of the last of them.
            Some(whole) => {
                let is_part = |setting: &&Setting| whole_of(&setting.key) == Some(whole);
                if !typed[at + 1..].iter().any(|later| is_part(&later)) {
                    let parts: Vec<&Setting> = typed.iter().filter(is_part).collect();
                    settings = layer_of(&setting.key, &parts)?.over(settings);
                }
            }
        }
    }
    Ok(settings)
}

/// The setting that a key is only one part of: nothing by itself, so that its parts may be set one by one.
fn whole_of(key: &str) -> Option<&'static str> {
    let whole = |whole: &&str| key.strip_prefix(*whole).is_some_and(|part| part.starts_with('.'));
    ["client_identity", "auth.basic", "auth.api_key", "accept", "results"].into_iter().find(whole)
}

/// One `--set KEY=VALUE`, or all parts of one setting, as a layer of its own.
fn layer_of(key: &str, parts: &[&Setting]) -> Result<ProfileSettings, Vec<Diagnostic>> {
    let hide = |text: &str| hide_typed(parts, text);
    let about = |code: Code, said: &str| Diagnostic::new(code, hide(&format!("`--set {key}`: {said}")));
    let is_word = |step: &&str| {
        !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let may_be_set = |part: &&Setting| {
        split_key(&part.key).iter().all(is_word) && !matches!(part.key.as_str(), "extends" | "explicit")
    };
    if !parts.iter().all(may_be_set) {
        return Err(vec![about(Code::PlanUsage, "not a setting that can be set").hint("as in `--set url=URL`")]);
    }
    let (mut text, mut before) = (String::new(), Vec::new());
    for Setting { key, value } in parts {
        let steps = split_key(key);
        let shared = steps.iter().zip(&before).take_while(|(step, before)| step == before).count();
        for (depth, step) in steps.iter().enumerate().skip(shared) {
            let _ = write!(text, "\n{}\"{step}\":", "  ".repeat(depth));
        }
        let as_written = value.starts_with('{')
            || matches!(value.as_str(), "true" | "false")
            || (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
        let quoted = serde_json::Value::from(value.as_str()).to_string();
        let _ = write!(text, " {}", if as_written { value } else { &quoted });
        before = steps;
    }
    match yaml_values::read::<ProfileSettings>("--set", &text) {
        Ok((settings, _)) => Ok(settings),
        // What was written may be the secret itself, so it is not repeated.
        Err(_) if split_key(key)[0] == "auth" => {
            let hint =
                "name what holds the secret, as in `--set auth.bearer.env=VARIABLE`; a secret is never an argument";
            Err(vec![about(Code::PlanUsage, "this is not where a secret lies").hint(hint)])
        }
        Err(findings) => {
            let named = |found: Diagnostic| about(found.code, &found.message).hint(hide(&found.hint));
            Err(findings.into_iter().map(named).collect())
        }
    }
}

/// A text in which what was typed is drawn as its shape, but for what is known to be no secret.
fn hide_typed(parts: &[&Setting], text: &str) -> String {
    let typed = parts.iter().flat_map(|part| [part.key.as_str(), part.value.as_str()]);
    let mut words: Vec<&str> =
        typed.flat_map(|typed| typed.split(|c: char| c.is_whitespace() || ".{}[],:\"'#=".contains(c))).collect();
    // A word may be a part of another one.
    words.sort_by_key(|word| Reverse(word.len()));
    words.retain(|word| word.len() >= MIN_SECRET && !is_known_word(word));
    words.iter().fold(text.to_owned(), |text, word| text.replace(word, &shape_of(word)))
}

/// The keys that lead to a setting. The name of a header may hold dots.
fn split_key(key: &str) -> Vec<&str> {
    match key.split_once('.') {
        Some(("headers", name)) => vec!["headers", name],
        _ => key.split('.').collect(),
    }
}
