//! What tells the branches of a `oneOf` or `anyOf` apart: their names, fields with values of their own, a `discriminator`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The fields of which a branch lists the values, and these values.
pub type FieldPins = BTreeMap<String, Vec<Value>>;

/// What is known of the branches.
#[derive(Debug, Default)]
pub struct BranchFacts {
    /// Their names, for messages.
    pub(super) names: Vec<String>,
    /// The values that each of them allows in its fields, where it lists them.
    pub(super) pins: Vec<FieldPins>,
    /// The field that names the branch by a word of its own, and the branches by these words.
    pub(super) discriminator: Option<(String, BTreeMap<String, usize>)>,
}

/// Which branch was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeantBranch {
    /// This one, because of the value of this field.
    Chosen(usize, String),
    /// None: this field chooses, and has none of these values.
    NoneOf(String, Vec<Value>),
    /// One of these.
    Open(Vec<usize>),
}

impl BranchFacts {
    /// Which of some branches is meant by an object of which these fields are known.
    pub fn choose<'v>(&self, branches: &[usize], value_of: &dyn Fn(&str) -> Option<&'v Value>) -> MeantBranch {
        if let Some((property, words)) = &self.discriminator
            && let Some(value) = value_of(property)
        {
            let covers = |branch: &usize| words.values().any(|known| known == branch);
            match value.as_str().and_then(|word| words.get(word)) {
                Some(number) => return MeantBranch::Chosen(*number, property.clone()),
                None if branches.iter().all(covers) => {
                    let word_of = |(word, branch): (&String, &usize)| {
                        let (word, values) = (Value::from(word.as_str()), self.values(*branch, property));
                        values.is_none_or(|values| values.contains(&word)).then_some(word)
                    };
                    return MeantBranch::NoneOf(property.clone(), words.iter().filter_map(word_of).collect());
                }
                None => {}
            }
        }
        let (mut open, mut none, mut likely) = (branches.to_vec(), None, None);
        for property in self.pinned_fields(branches) {
            let Some(value) = value_of(property) else { continue };
            let allows = |branch: &&usize| self.values(**branch, property).is_some_and(|values| values.contains(value));
            let matching: Vec<usize> = open.iter().filter(allows).copied().collect();
            let free = open.iter().filter(|branch| self.values(**branch, property).is_none()).count();
            match (matching.as_slice(), free) {
                ([only], 0) => return MeantBranch::Chosen(*only, property.to_owned()),
                ([only], _) => likely = likely.or(Some((*only, property))),
                ([], 0) if open.len() > 1 => none = none.or(Some(property)),
                ([_, ..], 0) => open = matching,
                _ => {}
            }
        }
        if let Some((only, property)) = likely {
            return MeantBranch::Chosen(only, property.to_owned());
        }
        let Some(property) = none else { return MeantBranch::Open(open) };
        let mut values: Vec<Value> = Vec::new();
        for value in open.iter().filter_map(|branch| self.values(*branch, property)).flatten() {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        MeantBranch::NoneOf(property.to_owned(), values)
    }

    /// The name of a branch, for messages.
    pub fn name(&self, branch: usize) -> &str {
        self.names.get(branch).map_or("", String::as_str)
    }

    /// The name of a branch, without the keyword.
    pub fn short_name(&self, branch: usize) -> &str {
        let name = self.name(branch).split(" of `").next().unwrap_or_default();
        name.strip_prefix("branch ").filter(|name| name.starts_with('`')).unwrap_or(name)
    }

    fn values(&self, branch: usize, property: &str) -> Option<&Vec<Value>> {
        self.pins.get(branch)?.get(property)
    }

    /// The fields of which a branch lists the values, those that most of them list first.
    fn pinned_fields(&self, branches: &[usize]) -> Vec<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for property in branches.iter().filter_map(|branch| self.pins.get(*branch)).flat_map(BTreeMap::keys) {
            *counts.entry(property).or_default() += 1;
        }
        let mut fields: Vec<(&str, usize)> = counts.into_iter().collect();
        fields.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        fields.into_iter().map(|(property, _)| property).collect()
    }
}
