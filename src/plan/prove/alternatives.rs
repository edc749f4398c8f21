//! Decides, where it can be decided before any data is read, which branch, condition or dependency of the contract is about
//! a value.
//!
//! A constant chooses one branch of a `oneOf`: its rules are then rules like any others. The outcomes of a code table are
//! looked at one by one. What is still open is left to the data.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    config::contract::Rules,
    diagnostic::Code,
    plan::{
        FieldPlan, ObjectPlan, ValuePlan,
        code_table::Codes,
        prove::{
            Prover,
            object_verdicts::Presence,
            verdicts::{KnownField, MadePart, Refusal, SchemaVerdict, is_free, list_values},
        },
    },
};

/// Keywords whose parts are about the value itself.
const BRANCHING: &[&str] = &["oneOf", "anyOf", "not", "if"];
/// Keywords about objects and lists that may be decided as a whole.
const DECIDED: &[&str] =
    &["dependentRequired", "dependentSchemas", "dependencies", "propertyNames", "uniqueItems", "const", "enum"];
/// A table with more outcomes is not looked at one by one.
const MAX_OUTCOMES: usize = 200;

/// What is decided about a keyword.
enum Decision {
    /// All of it holds if this part holds.
    Follow(String),
    /// It always holds.
    Settled,
    /// It never holds.
    Refused(Refusal),
    /// That depends on the data.
    Open,
}

impl From<SchemaVerdict> for Decision {
    fn from(verdict: SchemaVerdict) -> Decision {
        match verdict {
            SchemaVerdict::Always => Decision::Settled,
            SchemaVerdict::Never(refusal) => Decision::Refused(refusal),
            SchemaVerdict::Open => Decision::Open,
        }
    }
}

impl<'a> Prover<'a> {
    /// The rules about a value, those of the branches that are chosen now included; what can never hold is reported.
    pub(super) fn rules_of(&mut self, made: MadePart<'_>, pointers: &[String], rule: &str, target: &str) -> Rules<'a> {
        let (mut pointers, mut settled, mut seen) = (pointers.to_vec(), BTreeSet::new(), BTreeSet::new());
        let keywords = |keyword: &str| {
            BRANCHING.contains(&keyword) || !matches!(made, MadePart::Free(_)) && DECIDED.contains(&keyword)
        };
        loop {
            let mut rules = self.contract.rules(&pointers);
            let mut followed = Vec::new();
            for (at, schema) in &rules.schemas {
                for (keyword, value) in schema.iter().filter(|(keyword, _)| keywords(keyword)) {
                    let here = format!("{at}/{keyword}");
                    if !seen.insert(here.clone()) || !self.contract.listens_to(keyword, value) {
                        continue;
                    }
                    match self.decide(made, at, schema, (keyword, value)) {
                        Decision::Open => continue,
                        Decision::Settled => {}
                        Decision::Follow(pointer) => followed.push(pointer),
                        Decision::Refused(refusal) => {
                            let rule = refusal.rule.as_deref().unwrap_or(rule);
                            let target = format!("{target}{}", refusal.target);
                            let code = Code::PlanContractMismatch;
                            self.report(code, rule, &target, &refusal.schema, refusal.message, String::new());
                        }
                    }
                    if keyword == "if" {
                        settled.extend([format!("{at}/then"), format!("{at}/else")]);
                    }
                    settled.insert(here);
                }
            }
            if followed.is_empty() {
                rules.settled = settled;
                return rules;
            }
            self.has_branches |= !matches!(made, MadePart::Free(_));
            pointers.extend(followed);
        }
    }

    fn decide(
        &mut self,
        made: MadePart<'_>,
        at: &str,
        schema: &Map<String, Value>,
        (keyword, value): (&str, &Value),
    ) -> Decision {
        let decision = match keyword {
            "oneOf" | "anyOf" => self.choose_branch(made, at, schema, (keyword, value)),
            "if" => self.choose_condition(made, at, schema, (keyword, value)),
            _ => self.judge.judge_keyword(made, at, schema, (keyword, value), None).into(),
        };
        match (decision, made) {
            (Decision::Open, MadePart::Object(object)) => self.decide_by_codes(object, at, schema, (keyword, value)),
            (decision, _) => decision,
        }
    }

    /// The branch of a `oneOf` or `anyOf`, if only one of them is possible.
    fn choose_branch(
        &self,
        made: MadePart<'_>,
        at: &str,
        schema: &Map<String, Value>,
        (keyword, value): (&str, &Value),
    ) -> Decision {
        let pointer = format!("{at}/{keyword}");
        let verdicts = self.judge.judge_each(made, &pointer, None);
        let mut possible = (0..verdicts.len()).filter(|branch| !verdicts[*branch].is_never());
        match (possible.next(), possible.next()) {
            (None, _) => Decision::Refused(self.judge.refuse_branches(made, &pointer, verdicts, None)),
            (Some(only), None) => Decision::Follow(format!("{pointer}/{only}")),
            _ => self.judge.judge_keyword(made, at, schema, (keyword, value), None).into(),
        }
    }

    /// The part of an `if` that is about all values, if it holds for all of them or for none.
    fn choose_condition(
        &self,
        made: MadePart<'_>,
        at: &str,
        schema: &Map<String, Value>,
        (keyword, value): (&str, &Value),
    ) -> Decision {
        let part = match self.judge.judge(made, &format!("{at}/if"), None) {
            SchemaVerdict::Always => "then",
            SchemaVerdict::Never(_) => "else",
            SchemaVerdict::Open => return self.judge.judge_keyword(made, at, schema, (keyword, value), None).into(),
        };
        if schema.contains_key(part) { Decision::Follow(format!("{at}/{part}")) } else { Decision::Settled }
    }

    /// Looks at the outcomes of a code table one by one: one that is never accepted is reported at its code.
    fn decide_by_codes(
        &mut self,
        object: &ObjectPlan,
        at: &str,
        schema: &Map<String, Value>,
        keyword: (&str, &Value),
    ) -> Decision {
        for FieldPlan { name, value, .. } in &object.fields {
            let ValuePlan::Leaf(leaf) = value else { continue };
            let mut outcomes: Vec<Option<Value>> = list_values(leaf).into_iter().map(Some).collect();
            if is_free(leaf) || outcomes.len() > MAX_OUTCOMES {
                continue;
            }
            outcomes.extend(self.judge.may_be_null(value).then_some(Some(Value::Null)));
            let field = object.fields.iter().find(|field| field.name == *name);
            outcomes.extend((self.judge.find_presence(field, None) != Presence::Always).then_some(None));
            let verdicts: Vec<SchemaVerdict> = outcomes
                .iter()
                .map(|value| {
                    let known = KnownField { name, value: value.as_ref() };
                    self.judge.judge_keyword(MadePart::Object(object), at, schema, keyword, Some(known))
                })
                .collect();
            if verdicts.iter().all(|verdict| *verdict == SchemaVerdict::Always) {
                return Decision::Settled;
            }
            let found = self.findings.len();
            if let Some(codes) = &leaf.codes {
                for (value, verdict) in outcomes.iter().zip(verdicts) {
                    if let (Some(value), SchemaVerdict::Never(refusal)) = (value, verdict) {
                        self.report_outcome(codes, value, &refusal);
                    }
                }
            }
            if self.findings.len() > found {
                return Decision::Settled;
            }
        }
        Decision::Open
    }

    /// Reports that no document with this value of a code table can be accepted.
    fn report_outcome(&mut self, codes: &Codes, value: &Value, refusal: &Refusal) {
        let made = |json: &[u8]| serde_json::from_slice::<Value>(json).is_ok_and(|made| made == *value);
        let code = codes.values.iter().find(|(_, json)| made(json.whole().bytes())).map(|(code, _)| code);
        let rule = code.map_or_else(|| format!("{}/on_unknown", codes.rule), |code| codes.rule_of(code, self.places));
        let of = code.map_or_else(|| "unknown codes".into(), |code| format!("`{}`", String::from_utf8_lossy(code)));
        let shown = value.as_str().unwrap_or_default();
        let what = format!("where the code table `{}` makes `{shown}` of {of}", codes.name);
        let hint = "leave the code out, or map what is wanted then";
        let message = format!("{what}, no document can be right: {}", refusal.message);
        self.report(Code::PlanContractMismatch, &rule, &refusal.target, &refusal.schema, message, hint.into());
    }
}
