//! Proves the plan against the contract.
//!
//! A rule is *proven* if every document of the mapping meets it; then it is never checked. It is *broken* if no such
//! document could meet it; then the run does not start. The other rules become checks of single leaves, and rules that no
//! check of a leaf can replace are checked on whole documents. A check may be stricter than its rule, and never more lenient:
//! what it refuses is decided by the exact check. This file leads from value to value; each kind of value has a file.

mod body;
mod objects;
mod lists;
mod keyed;
mod aggregates;
mod leaves;
mod emptiness;
mod verdicts;
mod object_verdicts;
mod list_verdicts;
mod alternatives;
mod notes;

use std::cell::Cell;

use serde_json::Value;

use crate::{
    config::{
        contract::{Contract, Rules},
        mapping::policy::{IfEmpty, OnLookup, Policy},
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::unescape,
    plan::{
        LinkPlan, One, Plan, ValuePlan,
        contract_rule::ContractRule,
        keywords::{join_type_names, type_allows, with_article},
        prove::verdicts::{Judge, MAX_STEPS},
    },
};

/// Fills in the checks of a plan, and gives a finding for each broken rule.
pub(super) fn contract(plan: &mut Plan) -> Vec<Diagnostic> {
    prove(plan, None).0
}

/// Every rule of the contract that concerns the documents of a plan, in their order, with what is known of it. The plan is
/// proven once more, and stays as it is.
#[must_use]
pub fn list_rules(plan: &mut Plan) -> Vec<ContractRule> {
    prove(plan, Some(Vec::new())).1
}

/// Proves a plan, and takes notes where they are asked for.
fn prove(plan: &mut Plan, notes: Option<Vec<ContractRule>>) -> (Vec<Diagnostic>, Vec<ContractRule>) {
    let mut prover = Prover {
        contract: &plan.contract,
        places: &plan.places,
        if_empty: plan.if_empty.as_ref(),
        links: &plan.links,
        judge: Judge { contract: &plan.contract, if_empty: plan.if_empty.as_ref(), steps: Cell::new(MAX_STEPS) },
        findings: Vec::new(),
        whole: Vec::new(),
        has_branches: false,
        notes,
    };
    let whole_body = vec![plan.contract.root.clone()];
    let documents = match &plan.envelope {
        Some(envelope) => prover.prove_envelope(envelope, &whole_body, "/output/root", ""),
        None if plan.body.shape.is_single() => Some((whole_body, None)),
        None => prover.prove_body(&whole_body, ""),
    };
    if let Some((pointers, max)) = documents {
        prover.expect_rules(&pointers);
        plan.max_documents = plan.max_documents.or(max);
        prover.prove_object(&mut plan.document, &pointers, "/output", "");
    }
    let Prover { findings, whole, has_branches, notes, .. } = prover;
    (plan.whole, plan.has_branches) = (whole, has_branches);
    (findings, notes.unwrap_or_default())
}

struct Prover<'a> {
    contract: &'a Contract,
    places: &'a Places,
    /// What is said of nothing for all fields that say nothing themselves.
    if_empty: Option<&'a Policy<IfEmpty>>,
    /// How sources attach to each other.
    links: &'a [LinkPlan],
    judge: Judge<'a>,
    findings: Vec<Diagnostic>,
    whole: Vec<String>,
    /// A branch of the contract was chosen for an object or a list.
    has_branches: bool,
    /// What is known of each rule, if that is asked for.
    notes: Option<Vec<ContractRule>>,
}

impl Prover<'_> {
    /// Reports a rule that no document of this mapping could meet.
    fn report(&mut self, code: Code, rule: &str, target: &str, schema: &str, message: String, hint: String) {
        let diagnostic = Diagnostic::new(code, message)
            .rule(self.places.leaf(rule))
            .also(self.contract.place(schema), "the contract says so here")
            .target(target, schema)
            .hint(hint);
        self.findings.push(diagnostic);
    }

    fn prove_value(&mut self, value: &mut ValuePlan, pointers: &[String], rule: &str, target: &str) {
        if let Some(policy) = value.empty_policy().filter(|policy| policy.then == IfEmpty::SetNull) {
            let rule = if policy.is_declared { format!("{rule}/if_empty") } else { "/output/if_empty".into() };
            self.check_fixed_value(b"null", pointers, &rule, target, "`null`");
        }
        match value {
            ValuePlan::Const(json) => {
                self.check_fixed_value(json, pointers, &format!("{rule}/const"), target, "this constant");
                self.note_tried(pointers, target, "the constant was tried");
            }
            ValuePlan::Leaf(leaf) => self.prove_leaf(leaf, pointers, rule, target),
            ValuePlan::Object(object) => self.prove_object(object, pointers, rule, target),
            ValuePlan::Many(many) if many.keyed_by.is_some() => self.prove_keyed(many, pointers, rule, target),
            ValuePlan::List(_) | ValuePlan::Pieces(_) | ValuePlan::Many(_) => {
                self.prove_list(value, pointers, rule, target);
            }
            ValuePlan::When(when) => self.prove_value(&mut when.value, pointers, rule, target),
            ValuePlan::One(one) => self.prove_lookup(one, pointers, rule, target),
            ValuePlan::Aggregate(aggregate) => self.prove_aggregate(aggregate, pointers, rule, target),
        }
    }

    fn prove_lookup(&mut self, one: &mut One, pointers: &[String], rule: &str, target: &str) {
        if one.on_missing.then == OnLookup::SetNull {
            self.check_fixed_value(b"null", pointers, &format!("{rule}/on_missing"), target, "`null`");
        }
        self.prove_value(&mut one.value, pointers, rule, target);
    }

    /// The declared column that a rule may misspell: one without a type that is near one with a type.
    fn find_declared(&self, rule: &str) -> Option<String> {
        let named = [rule.to_owned(), format!("{rule}/from")];
        let column = named.iter().find_map(|at| self.places.node(at)?.scalar.clone())?;
        let declared: Vec<String> = self
            .places
            .below("/sources")
            .filter_map(|(at, _)| {
                let mut steps = at.split('/').skip(3);
                (steps.next() == Some("columns")).then(|| steps.next().map(unescape)).flatten()
            })
            .collect();
        let is_declared = declared.contains(&column);
        nearest(&column, declared.iter().map(String::as_str)).filter(|_| !is_declared).map(str::to_owned)
    }

    /// Whether the contract allows values of this JSON type here; if not, that is reported.
    fn check_type(&mut self, made: &str, rules: &Rules<'_>, rule: &str, target: &str) -> bool {
        for (at, schema) in &rules.schemas {
            if !type_allows(schema, made) {
                let wanted = schema.get("type").map(join_type_names).unwrap_or_default();
                let hint = match (made, wanted.as_str()) {
                    _ if self.places.node(&format!("{rule}/value")).is_some() => match (made, wanted.as_str()) {
                        ("number" | "integer", "text") => "write it as a text: `template: \"{{ … }}\"`",
                        ("text", "number") => "make it a number, with the filter `decimal` or the type of its column",
                        ("text", "integer") => "make it a number, with the filter `integer` or the type of its column",
                        ("number", "integer") => "round it: `(…) | round(0)`",
                        _ => "",
                    },
                    ("text", "number") => "declare the type of the column under `sources`, as in `{ type: decimal }`",
                    ("text", "integer") => "declare the type of the column under `sources`, as in `{ type: integer }`",
                    ("text", "boolean") => "declare the type of the column under `sources`, as in `{ type: boolean }`",
                    _ => "",
                };
                let message = format!(
                    "the mapping makes {} here, and the contract wants {}",
                    with_article(made),
                    with_article(&wanted)
                );
                let meant = self.find_declared(rule).filter(|_| !hint.is_empty());
                let hint =
                    meant.map_or_else(|| hint.to_owned(), |meant| format!("did you mean `{meant}`? else {hint}"));
                self.report(Code::PlanContractMismatch, rule, target, &format!("{at}/type"), message, hint);
                return false;
            }
        }
        if let Some(at) = &rules.never {
            self.report(
                Code::PlanFieldNotAllowed,
                rule,
                target,
                at,
                "the contract allows no value here".into(),
                "leave the field out".into(),
            );
            return false;
        }
        true
    }

    /// Checks a value that is the same in every document now, once.
    fn check_fixed_value(&mut self, json: &[u8], pointers: &[String], rule: &str, target: &str, what: &str) {
        let Ok(value) = serde_json::from_slice::<Value>(json) else { return };
        for pointer in pointers {
            if let Some(violation) = self.contract.part_violations(pointer, &value).into_iter().next() {
                let message = format!("the contract does not accept {what}: {}", violation.message);
                self.report(Code::PlanContractMismatch, rule, target, &violation.schema, message, String::new());
                return;
            }
        }
    }
}
