//! Finds what tells the branches of a `oneOf` or `anyOf` apart, once for each.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use serde_json::{Map, Value};

use crate::{
    config::{
        alternatives::{BranchFacts, FieldPins},
        broken_rules::texts,
        contract::{Contract, Discriminator},
        unused_definitions::decode_reference,
    },
    json_pointer::{escape, unescape},
};

/// The required fields of so many branches are compared.
const MAX_COMPARED: usize = 20;
/// So many branches of one `oneOf` are looked at.
const MAX_BRANCHES: usize = 1_000;

impl Contract {
    /// What is known of the branches of the `oneOf` or `anyOf` at a pointer.
    pub fn branches(&self, pointer: &str) -> Arc<BranchFacts> {
        if let Some(known) = self.branches.read().unwrap_or_else(PoisonError::into_inner).get(pointer) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.find_branches(pointer));
        self.branches.write().unwrap_or_else(PoisonError::into_inner).insert(pointer.to_owned(), Arc::clone(&found));
        found
    }

    fn find_branches(&self, pointer: &str) -> BranchFacts {
        let count = self.schema.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len).min(MAX_BRANCHES);
        let pins: Vec<_> = (0..count).map(|branch| self.find_pins(&format!("{pointer}/{branch}"))).collect();
        let discriminator = self.find_discriminator(pointer, &pins);
        let names = (0..count).map(|branch| self.name_branch(pointer, branch, &pins)).collect();
        BranchFacts { names, pins, discriminator }
    }

    /// The title of a branch, the name of what it refers to, or the value of a field that no other branch has.
    fn name_branch(&self, pointer: &str, branch: usize, pins: &[FieldPins]) -> String {
        let keyword = pointer.rsplit('/').next().unwrap_or_default();
        let schema = self.schema.pointer(&format!("{pointer}/{branch}"));
        let text = |key: &str| schema.and_then(|schema| schema.get(key)?.as_str());
        let own_value = || {
            let is_own = |property: &str, value: &Value| {
                let others = pins.iter().enumerate().filter(|(other, _)| *other != branch);
                others.filter_map(|(_, pins)| pins.get(property)).all(|values| !values.contains(value))
            };
            let mut single =
                pins.get(branch)?.iter().filter_map(|(name, values)| Some((name, values.first()?, values.len())));
            let (_, value, _) = single.find(|(name, value, count)| *count == 1 && is_own(name, value))?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let title = text("title").or_else(|| self.find_title(&format!("{pointer}/{branch}"))).map(str::to_owned);
        let referred = || text("$ref").and_then(last_step).map(str::to_owned);
        match title.or_else(referred).or_else(own_value).filter(|name| !name.is_empty()) {
            Some(name) => format!("branch `{}` of `{keyword}`", name.chars().take(60).collect::<String>()),
            None => match self.find_own_required(pointer, branch).as_slice() {
                [] => format!("branch {} of `{keyword}`", branch + 1),
                names => format!("branch {} (`{}`) of `{keyword}`", branch + 1, names.join("`, `")),
            },
        }
    }

    /// The title of what a branch refers to.
    fn find_title(&self, branch: &str) -> Option<&str> {
        let rules = self.rules(&[branch.to_owned()]);
        rules.schemas.iter().find_map(|(_, schema)| schema.get("title")?.as_str())
    }

    /// The first fields that a branch requires and no other does.
    fn find_own_required(&self, pointer: &str, branch: usize) -> Vec<String> {
        let required = |branch: usize| -> Vec<String> {
            let rules = self.rules(&[format!("{pointer}/{branch}")]);
            rules.schemas.iter().flat_map(|(_, schema)| texts(schema.get("required"))).map(str::to_owned).collect()
        };
        let count = self.schema.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        let others: Vec<String> =
            (0..count.min(MAX_COMPARED)).filter(|other| *other != branch).flat_map(required).collect();
        required(branch).into_iter().filter(|name| !others.contains(name)).take(2).collect()
    }

    /// The fields of which a schema lists the values, by all of its rules together.
    fn find_pins(&self, pointer: &str) -> FieldPins {
        let mut pins = FieldPins::new();
        for (at, schema) in self.rules(&[pointer.to_owned()]).schemas {
            for name in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                let rules = self.rules(&[format!("{at}/properties/{}", escape(name))]);
                for (_, schema) in rules.schemas {
                    let listed = match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
                        (Some(only), _) => vec![only.clone()],
                        (None, Some(values)) => values.clone(),
                        (None, None) => continue,
                    };
                    match pins.get_mut(name) {
                        Some(values) => values.retain(|value| listed.contains(value)),
                        None => drop(pins.insert(name.clone(), listed)),
                    }
                }
            }
        }
        pins
    }

    /// The `discriminator`: beside the keyword, around it, or in a branch; it restricts nothing itself.
    fn find_discriminator(&self, pointer: &str, pins: &[FieldPins]) -> Option<(String, BTreeMap<String, usize>)> {
        let mut around = pointer.rsplit_once('/').map(|(before, _)| before);
        let mut found = None;
        while let Some(at) = around {
            found = self.discriminator(at);
            // A part of an `allOf` is about the same value as what is around it.
            let outer = at.rsplit_once('/').and_then(|(before, _)| before.strip_suffix("/allOf"));
            around = outer.filter(|_| found.is_none());
        }
        let in_branch = |branch: usize| {
            let rules = self.rules(&[format!("{pointer}/{branch}")]);
            rules.schemas.iter().find_map(|(at, _)| self.discriminator(at))
        };
        let discriminator = found.or_else(|| (0..pins.len()).find_map(in_branch))?;
        let words = self.find_words(pointer, pins, &discriminator);
        (!words.is_empty()).then_some((discriminator.property, words))
    }

    /// The words that choose the branches: those of the `mapping`, then those that one branch alone lists for the field, then
    /// the names of branches that do not list others.
    fn find_words(
        &self,
        pointer: &str,
        pins: &[FieldPins],
        Discriminator { property, branches }: &Discriminator,
    ) -> BTreeMap<String, usize> {
        let references: Vec<Option<&str>> = (0..pins.len())
            .map(|branch| self.schema.pointer(&format!("{pointer}/{branch}/$ref")).and_then(Value::as_str))
            .collect();
        let mut words = find_own_words(pins, property);
        for (word, target) in branches {
            let at = |branch: &usize| references[*branch].and_then(decode_reference);
            let name = |branch: &usize| references[*branch].and_then(last_step);
            let is_target = |branch: &usize| at(branch).is_some_and(|at| at == *target);
            let has_name = |branch: &usize| name(branch).is_some_and(|name| Some(name) == last_step(target));
            let named = (0..pins.len()).find(is_target).or_else(|| (0..pins.len()).find(has_name));
            match named {
                Some(branch) if takes(&pins[branch], property, word) => drop(words.insert(word.clone(), branch)),
                Some(branch) => drop(words.entry(word.clone()).or_insert(branch)),
                None => {}
            }
        }
        for (branch, reference) in references.iter().enumerate() {
            let name = reference.and_then(last_step).map(unescape);
            if let Some(name) = name.filter(|name| takes(&pins[branch], property, name)) {
                words.entry(name).or_insert(branch);
            }
        }
        words
    }
}

/// The texts that one branch alone lists for a field.
fn find_own_words(pins: &[FieldPins], property: &str) -> BTreeMap<String, usize> {
    let mut owners: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for (branch, pins) in pins.iter().enumerate() {
        for word in pins.get(property).into_iter().flatten().filter_map(Value::as_str) {
            let owner = owners.entry(word.to_owned()).or_insert(Some(branch));
            *owner = owner.filter(|owner| *owner == branch);
        }
    }
    owners.into_iter().filter_map(|(word, owner)| Some((word, owner?))).collect()
}

/// Whether a branch takes a text in a field, as far as it lists its values.
fn takes(pins: &FieldPins, property: &str, word: &str) -> bool {
    pins.get(property).is_none_or(|values| values.iter().any(|value| value.as_str() == Some(word)))
}

/// The name at the end of a reference.
fn last_step(reference: &str) -> Option<&str> {
    reference.rsplit(['/', '#']).next().filter(|name| !name.is_empty())
}
