//! Proves values made of cells: all values of a code table now, and what a conversion does not prove as checks of the value.

use serde_json::Value;

use crate::{
    config::{contract::Rules, mapping::policy::OnUnknown},
    diagnostic::Code,
    plan::{
        Leaf,
        checks::Checks,
        conversion::Conversion,
        keywords::{RuleStatus, classify_rule},
        prove::Prover,
    },
    text::buffer::OutputBuffer,
};

impl Prover<'_> {
    pub(super) fn prove_leaf(&mut self, leaf: &mut Leaf, pointers: &[String], rule: &str, target: &str) {
        if let Some(codes) = &leaf.codes {
            if codes.on_unknown.then == OnUnknown::SetNull {
                self.check_fixed_value(b"null", pointers, &format!("{}/on_unknown", codes.rule), target, "`null`");
            }
            if let Some(other) = codes.unknown_value() {
                self.check_fixed_value(
                    &other,
                    pointers,
                    &format!("{}/on_unknown", codes.rule),
                    target,
                    "the value for unknown codes",
                );
            }
            for (code, json) in &codes.values {
                let json = json.whole().bytes();
                let what = format!(
                    "`{}`, which the code table `{}` makes of `{}`",
                    String::from_utf8_lossy(json).trim_matches('"'),
                    codes.name,
                    String::from_utf8_lossy(code)
                );
                self.check_fixed_value(json, pointers, &codes.rule_of(code, self.places), target, &what);
            }
        } else if let Some(fallback) = &leaf.fallback {
            let mut json = OutputBuffer::default();
            if leaf.conversion.write(fallback.as_slice().into(), &mut json).is_ok() {
                self.check_fixed_value(&json, pointers, &format!("{rule}/default"), target, "this default");
            }
        }
        let dynamic = leaf.codes.as_ref().is_none_or(|codes| codes.on_unknown.then == OnUnknown::Keep);
        if !dynamic {
            leaf.checks = Checks { covered: true, ..Checks::default() };
            return;
        }
        let rules = self.contract.rules(pointers);
        let made = match leaf.conversion {
            Conversion::Integer(_) => "integer",
            Conversion::Decimal(_) => "number",
            Conversion::Boolean { .. } => "boolean",
            _ => "text",
        };
        if !self.check_type(made, &rules, rule, target) {
            return;
        }
        if matches!(leaf.conversion, Conversion::Date(_)) {
            self.check_day(&rules, rule, target);
        }
        leaf.checks = self.find_checks(&leaf.conversion, &rules, pointers);
    }

    /// Reports a rule that no day keeps: all are written alike, so one stands for all.
    fn check_day(&mut self, rules: &Rules<'_>, rule: &str, target: &str) {
        let day = Value::from("2026-06-15");
        for (at, schema) in &rules.schemas {
            let heard = ["format", "minLength", "maxLength"]
                .into_iter()
                .filter(|keyword| schema.get(*keyword).is_some_and(|value| self.contract.listens_to(keyword, value)));
            for pointer in heard.map(|keyword| format!("{at}/{keyword}")).collect::<Vec<_>>() {
                let violations = self.contract.part_violations(at, &day);
                let Some(violation) = violations.into_iter().find(|violation| violation.schema == pointer) else {
                    continue;
                };
                let message = format!("the mapping makes a day here, as `2026-06-15`: {}", violation.message);
                let hint = "declare another `type` for the column, as `datetime` or `text`";
                self.report(Code::PlanContractMismatch, rule, target, &pointer, message, hint.into());
            }
        }
    }

    pub(super) fn find_checks(&mut self, conversion: &Conversion, rules: &Rules<'_>, pointers: &[String]) -> Checks {
        let mut checks = Checks { quick: Vec::new(), covered: !rules.opaque, exact: Vec::new() };
        if matches!(conversion, Conversion::Boolean { .. }) {
            let accepted =
                |value: bool| pointers.iter().all(|pointer| self.contract.part_accepts(pointer, &Value::Bool(value)));
            checks.covered = accepted(true) && accepted(false);
        } else {
            for (_, schema) in &rules.schemas {
                for (keyword, value) in
                    schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value))
                {
                    match classify_rule(conversion, schema, keyword, value) {
                        RuleStatus::Proven => {}
                        RuleStatus::Quick(quick) => checks.quick.push(quick),
                        RuleStatus::Open => checks.covered = false,
                    }
                }
            }
        }
        for pointer in pointers {
            if self.contract.has_part(pointer) {
                checks.exact.push(pointer.clone());
            } else {
                self.whole.push(pointer.clone());
            }
        }
        checks
    }
}
