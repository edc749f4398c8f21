//! Proves objects whose fields are related records, each named by a cell.
//!
//! Which names there will be is not known. Every value is held against the rules for names that the contract does not know,
//! and its type against each field that it does know; what is about single names is left to the data.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    config::contract::Rules,
    diagnostic::{Code, Diagnostic},
    json_pointer::escape,
    plan::{
        KeyedBy, Many,
        conversion::Conversion,
        keywords::{ARRAY, NUMBER, STRING, is_silent},
        prove::Prover,
    },
};

/// What the rules of an object say of fields whatever their names are.
#[derive(Default)]
struct NamelessRules<'a> {
    /// The pointers to the rules about names.
    names: Vec<String>,
    /// The pointers to the rules about values of unknown names.
    others: Vec<String>,
    /// The names that the contract knows.
    known: BTreeSet<&'a str>,
    /// The rule that allows no unknown name.
    closed: Option<String>,
    /// Rules about values go by patterns of names.
    has_patterns: bool,
}

impl Prover<'_> {
    pub(super) fn prove_keyed(&mut self, many: &mut Many, pointers: &[String], rule: &str, target: &str) {
        let Some(mut keyed_by) = many.keyed_by.take() else { return };
        let contract = self.contract;
        let rules = contract.rules(pointers);
        if self.check_type("object", &rules, rule, target) {
            let before = self.whole.len();
            let found = self.sort_rules(&rules, &mut many.allowed);
            self.note_list((many.min, many.max), &rules, target, before);
            if rules.opaque {
                self.whole.extend(pointers.iter().cloned());
            }
            self.prove_names(&mut keyed_by, &found, target);
            let is_chosen = self.links[many.link]
                .only
                .as_ref()
                .is_some_and(|only| only.expression.columns.contains(&keyed_by.column));
            let before = self.findings.len();
            for name in &found.known {
                let pointers = self.pointers_of_field(&rules, name);
                self.prove_value(&mut many.item, &pointers, rule, &format!("{target}/{}", escape(name)));
                self.keep_certain(before, is_chosen, name);
                if self.findings.len() > before {
                    break;
                }
            }
            // The checks that stay are those for all names, and what is about a known one is checked on whole documents.
            let before = self.findings.len();
            self.prove_value(&mut many.item, &found.others, rule, &format!("{target}/*"));
            if !found.known.is_empty() && is_chosen {
                self.findings.truncate(before);
            }
        }
        many.keyed_by = Some(keyed_by);
    }

    /// Sorts what the rules of an object say by what it is about; what only whole documents can tell is noted.
    fn sort_rules<'a>(&mut self, rules: &Rules<'a>, allowed: &mut (u64, u64)) -> NamelessRules<'a> {
        let mut found = NamelessRules::default();
        for (at, schema) in &rules.schemas {
            let has_patterns = is_filled(schema.get("patternProperties"));
            let known = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
            found.known.extend(known.map(String::as_str));
            found.has_patterns |= has_patterns;
            let heard = schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value));
            let mut open = Vec::new();
            for (keyword, value) in heard {
                let is_covered = match (keyword.as_str(), value) {
                    ("properties" | "patternProperties" | "required", value) => !is_filled(Some(value)),
                    ("additionalProperties", Value::Bool(true)) | ("type", _) => true,
                    ("additionalProperties", _) if has_patterns => false,
                    ("additionalProperties", Value::Bool(false)) => {
                        found.closed = Some(format!("{at}/additionalProperties"));
                        true
                    }
                    ("additionalProperties", _) => {
                        found.others.push(format!("{at}/additionalProperties"));
                        true
                    }
                    ("propertyNames", _) => {
                        found.names.push(format!("{at}/propertyNames"));
                        true
                    }
                    ("minProperties", Value::Number(least)) => {
                        allowed.0 = allowed.0.max(least.as_u64().unwrap_or(u64::MAX));
                        true
                    }
                    ("maxProperties", Value::Number(most)) => {
                        allowed.1 = allowed.1.min(most.as_u64().unwrap_or(0));
                        true
                    }
                    (other, _) => {
                        is_silent(other) || [ARRAY, STRING, NUMBER].iter().any(|keywords| keywords.contains(&other))
                    }
                };
                if !is_covered {
                    open.push(format!("{at}/{}", escape(keyword)));
                }
            }
            self.whole.extend(open);
        }
        found
    }

    /// Turns the rules about names into checks of names.
    fn prove_names(&mut self, keyed_by: &mut KeyedBy, found: &NamelessRules<'_>, target: &str) {
        let target = format!("{target}/*");
        if let Some(closed) = &found.closed {
            // A name that the contract knows is allowed, and only the data tells which names there are.
            if found.known.is_empty() && !found.has_patterns {
                let message = "the contract allows no field here, whatever its name".into();
                self.report(Code::PlanFieldNotAllowed, &keyed_by.rule, &target, closed, message, "leave it out".into());
            } else {
                self.whole.push(closed.clone());
            }
        }
        let contract = self.contract;
        let rules = contract.rules(&found.names);
        if self.check_type("text", &rules, &keyed_by.rule, &target) {
            keyed_by.checks = self.find_checks(&Conversion::Text, &rules, &found.names);
        } else if let Some(finding) = self.findings.last_mut() {
            finding.hint = "a name is always a text, whatever the type of its column".into();
        }
    }

    /// Keeps the first finding about a field that the contract knows, if it holds for every value: it is about a type, or about
    /// fields inside. Where a condition chooses the names, nobody knows whether there is such a field.
    fn keep_certain(&mut self, before: usize, is_chosen: bool, name: &str) {
        let is_certain = |finding: &Diagnostic| {
            let is_type = finding.target.as_ref().is_some_and(|target| target.schema.ends_with("/type"));
            is_type || matches!(finding.code, Code::PlanFieldMissing | Code::PlanFieldNotAllowed)
        };
        let kept = self.findings.split_off(before).into_iter().find(|finding| !is_chosen && is_certain(finding));
        self.findings.extend(kept.map(|finding| {
            let hint = match finding.hint.as_str() {
                "" => String::new(),
                hint => format!("; else {hint}"),
            };
            let says =
                format!("if no record has the name `{name}`, say so with a `where` over the column of the names");
            finding.hint(format!("{says}{hint}"))
        }));
    }
}

/// Whether a keyword about several names has any.
fn is_filled(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    }
}
