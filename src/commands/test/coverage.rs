//! What of a mapping its cases touch, and what none of them does: fields, codes, policies that are written, conditions.

use std::collections::BTreeMap;

use crate::{
    commands::test::touched::{key_of_code, key_of_field, key_of_side},
    diagnostic::{Code, Diagnostic, Place},
    json_pointer::unescape,
    plan::{Condition, Leaf, Plan, ValuePlan},
    report::mapping_text::dotted,
};

/// The policies that are touched by records. `on_incomplete` and `on_ambiguous` are not among them: what they do depends on
/// the other records of a document, or is a matter of the clock.
const POLICIES: &[&str] =
    &["if_empty", "default", "on_unknown", "on_missing", "on_orphan", "on_duplicate_key", "min", "max"];
/// Keys whose members are named by the person who writes the mapping.
const NAMED: &[&str] = &["fields", "values", "columns", "match", "root", "sources", "codes", "dialects"];

/// Something of a mapping that a case can touch.
#[derive(Clone, Debug)]
pub struct CoverageItem {
    /// `field`, `code`, `policy` or `condition`.
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// Where it stands in the mapping.
    pub place: Place,
    /// A case touches it.
    pub is_touched: bool,
}

/// Everything of a mapping that cases can touch, in the order of the mapping.
#[derive(Debug, Default)]
pub struct Coverage {
    /// The items.
    pub items: Vec<CoverageItem>,
    by_key: BTreeMap<String, usize>,
}

impl Coverage {
    /// Everything that the cases of a plan can touch, of which nothing is touched yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Coverage {
        let mut coverage = Coverage::default();
        coverage.add_fields(plan);
        coverage.add_codes(plan);
        coverage.add_policies(plan);
        coverage.add_conditions(plan);
        coverage
    }

    /// Notes that the items with these keys are touched.
    pub fn touch<'k>(&mut self, keys: impl IntoIterator<Item = &'k String>) {
        for key in keys {
            if let Some(item) = self.by_key.get(key) {
                self.items[*item].is_touched = true;
            }
        }
    }

    /// Notes which policies the findings of a case are about.
    pub fn touch_by_findings(&mut self, plan: &Plan, findings: &[Diagnostic]) {
        let links = plan
            .links
            .iter()
            .map(|link| (Code::JoinNoMatch, format!("{}/match", link.rule), format!("{}/on_orphan", link.rule)));
        let keys = plan.sources.iter().map(|source| {
            let pointer = format!("/sources/{}/on_duplicate_key", crate::json_pointer::escape(&source.name));
            (Code::JoinDuplicateKey, pointer.clone(), pointer)
        });
        let said: Vec<(Code, String, String)> = links.chain(keys).collect();
        for (code, rule, key) in said {
            let place = plan.place(&rule);
            let is_about = |finding: &&Diagnostic| {
                finding.code == code && finding.rule.as_deref().is_some_and(|rule| *rule == place)
            };
            if findings.iter().any(|finding| is_about(&finding)) {
                self.touch([&key]);
            }
        }
    }

    /// How many items are touched.
    #[must_use]
    pub fn count_touched(&self) -> usize {
        self.items.iter().filter(|item| item.is_touched).count()
    }

    fn add(&mut self, key: String, kind: &'static str, name: String, place: Place) {
        if !self.by_key.contains_key(&key) {
            self.by_key.insert(key, self.items.len());
            self.items.push(CoverageItem { kind, name, place, is_touched: false });
        }
    }

    fn add_fields(&mut self, plan: &Plan) {
        for placed in plan.list_values() {
            let is_written = matches!(
                placed.value,
                ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Aggregate(_)
            );
            if is_written {
                let name = format!("`{}`", dotted(&placed.pointer));
                self.add(key_of_field(&placed.pointer), "field", name, plan.place(placed.rule));
            }
        }
    }

    fn add_codes(&mut self, plan: &Plan) {
        for leaf in list_leaves(plan) {
            let Some(codes) = &leaf.codes else { continue };
            for (code, _) in &codes.values {
                let text = String::from_utf8_lossy(code);
                let name = format!("{} of `{}`", serde_json::json!(text), codes.name);
                let rule = format!("{}/values/{}", codes.rule, crate::json_pointer::escape(&text));
                self.add(key_of_code(&codes.rule, code), "code", name, plan.place(&rule));
            }
        }
    }

    fn add_policies(&mut self, plan: &Plan) {
        let used: Vec<String> = list_leaves(plan)
            .iter()
            .filter_map(|leaf| leaf.codes.as_ref().map(|codes| format!("{}/on_unknown", codes.rule)))
            .collect();
        let written = ["/sources", "/codes", "/output"].into_iter().flat_map(|root| plan.places.below(root));
        for (pointer, _) in written {
            let (above, word) = pointer.rsplit_once('/').unwrap_or_default();
            let is_named = NAMED.contains(&above.rsplit('/').next().unwrap_or_default());
            let is_unused = pointer.starts_with("/codes/") && !used.iter().any(|rule| rule == pointer);
            if let Some(word) = POLICIES.iter().find(|policy| **policy == word).filter(|_| !is_named && !is_unused) {
                let name = format!("`{word}` of `{}`", name_owner(above));
                self.add(pointer.to_owned(), "policy", name, plan.places.key(pointer));
            }
        }
    }

    fn add_conditions(&mut self, plan: &Plan) {
        let own = plan.list_values();
        let whens = own.iter().filter_map(|placed| match placed.value {
            ValuePlan::When(when) => Some(&when.condition),
            _ => None,
        });
        let links = plan.links.iter().filter_map(|link| link.only.as_ref());
        let conditions: Vec<&Condition> = plan.only.iter().chain(links).chain(whens).collect();
        for condition in conditions {
            let node = plan.places.node(&condition.rule);
            let text = node.and_then(|node| node.scalar.clone()).unwrap_or_default();
            for holds in [true, false] {
                let name = format!("`{text}` is {holds}");
                self.add(key_of_side(&condition.rule, holds), "condition", name, plan.place(&condition.rule));
            }
        }
    }
}

/// The leaves of a plan, the pieces of cells included.
fn list_leaves(plan: &Plan) -> Vec<&Leaf> {
    let values = plan.list_values().into_iter();
    values
        .filter_map(|placed| match placed.value {
            ValuePlan::Leaf(leaf) => Some(leaf.as_ref()),
            ValuePlan::Pieces(pieces) => Some(&pieces.leaf),
            _ => None,
        })
        .collect()
}

/// What a policy belongs to, by the names that lead there.
fn name_owner(pointer: &str) -> String {
    let structure = ["output", "sources", "codes", "fields", "list"];
    let steps: Vec<String> =
        pointer.split('/').skip(1).filter(|step| !structure.contains(step)).map(unescape).collect();
    if steps.is_empty() { "output".to_owned() } else { steps.join(".") }
}
