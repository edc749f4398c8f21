//! Proves what stands around the documents: the body of a request, and how many documents it may hold.

use serde_json::Value;

use crate::{
    config::ignored_keywords::is_rule,
    diagnostic::{Code, Diagnostic},
    json_pointer::escape,
    plan::{
        envelope::{Envelope, EnvelopeMember, EnvelopeValue},
        keywords::{is_about_others, is_silent, type_allows},
        prove::{Prover, objects::Member},
    },
};

/// The pointers to the rules of one document, and how many documents the list may hold.
type DocumentRules = (Vec<String>, Option<u64>);

impl Prover<'_> {
    /// Proves the object around the list of documents, which is the same in every request, and the rules of the list.
    pub(super) fn prove_envelope(
        &mut self,
        envelope: &Envelope,
        pointers: &[String],
        rule: &str,
        target: &str,
    ) -> Option<DocumentRules> {
        let rules = self.contract.rules(pointers);
        if !self.check_type("object", &rules, rule, target) {
            return None;
        }
        let member =
            |member: &EnvelopeMember| Member { name: member.name.clone(), rule: member.rule.clone(), left_out: None };
        let members: Vec<Member> = envelope.members.iter().map(member).collect();
        self.check_members(&members, &rules, rule, target);
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        let mut found = None;
        for EnvelopeMember { name, rule, value } in &envelope.members {
            let (pointers, target) = (self.pointers_of_field(&rules, name), format!("{target}/{}", escape(name)));
            match value {
                EnvelopeValue::Const(json) => {
                    self.check_fixed_value(json, &pointers, &format!("{rule}/const"), &target, "this constant");
                    self.note_tried(&pointers, &target, "the constant was tried");
                }
                EnvelopeValue::Object(object) => {
                    found = self.prove_envelope(object, &pointers, &format!("{rule}/fields"), &target).or(found);
                }
                EnvelopeValue::Documents => found = self.prove_body(&pointers, &target),
            }
        }
        found
    }

    /// Proves the rules of the list of documents: gives the pointers to the rules of one document, and how many the list may
    /// hold.
    pub(super) fn prove_body(&mut self, list: &[String], target: &str) -> Option<DocumentRules> {
        let rules = self.contract.rules(list);
        let (mut pointers, mut max) = (Vec::new(), None);
        for (at, schema) in &rules.schemas {
            if !type_allows(schema, "array") {
                let hint = "describe the whole body in the contract, as `{\"type\": \"array\", \"items\": …}`, or set `root: object`";
                self.report(
                    Code::PlanContractMismatch,
                    "/output/root",
                    target,
                    &format!("{at}/type"),
                    "the mapping makes a list of documents, and the contract wants something else".into(),
                    hint.into(),
                );
                return None;
            }
            for (keyword, value) in schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value)) {
                match keyword.as_str() {
                    "items" if !value.is_array() => pointers.push(format!("{at}/items")),
                    "maxItems" => max = value.as_u64().into_iter().chain(max).min(),
                    "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {}
                    "uniqueItems" if value == &Value::Bool(false) => {}
                    "type" => {}
                    other if is_about_others(other) => {}
                    other => {
                        let message =
                            format!("`{other}` is a rule about the whole list, which no batch of it can keep");
                        self.report(
                            Code::PlanContract,
                            "/output/root",
                            target,
                            &format!("{at}/{other}"),
                            message,
                            "describe single documents under `items` instead".into(),
                        );
                    }
                }
            }
        }
        if rules.opaque {
            self.whole.push(self.contract.root.clone());
        }
        self.note_body(&rules, target);
        Some((pointers, max))
    }

    /// Reports a contract that has no rule about the documents: it would accept anything.
    pub(super) fn expect_rules(&mut self, pointers: &[String]) {
        let rules = self.contract.rules(pointers);
        let mut keywords = rules.schemas.iter().flat_map(|(_, schema)| schema.iter());
        // What the whole contract says behind a reference by `$id` is not known here; every document is held against it.
        let is_unknown = rules.opaque || self.whole.contains(&self.contract.root);
        if is_unknown || rules.never.is_some() || keywords.any(|(keyword, _)| is_rule(keyword) && !is_silent(keyword)) {
            return;
        }
        let message = "no rule of the contract concerns the documents, so it would accept anything";
        let hint = "is it the right file? at least, say `\"items\": { \"type\": \"object\" }`";
        let finding = Diagnostic::new(Code::PlanContractWithoutRules, message);
        self.findings.push(finding.rule(self.places.leaf("/contract")).hint(hint));
    }
}
