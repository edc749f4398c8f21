//! Proves values made of cells: all values of a code table now, and what a conversion does not prove as checks of the value.

use serde_json::Value;

use crate::{
    config::{contract::Rules, mapping::policy::OnUnknown},
    diagnostic::Code,
    plan::{
        Leaf,
        checks::Checks,
        conversion::Conversion,
        keywords::{RuleStatus, classify_rule, with_article},
        prove::{Prover, notes::say_tried, verdicts::MadePart},
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
            self.note_tried(pointers, target, &say_tried(leaf).unwrap_or_default());
            return;
        }
        // Both truth values are held against all of the contract, and so is each JSON value.
        let rules = match leaf.conversion {
            Conversion::Boolean { .. } | Conversion::Json => self.contract.rules(pointers),
            _ => self.rules_of(MadePart::Free(leaf), pointers, rule, target),
        };
        let made = leaf.conversion.json_type();
        if !self.check_type(made, &rules, rule, target) {
            return;
        }
        if matches!(leaf.conversion, Conversion::Date(_)) {
            self.check_day(&rules, rule, target);
        }
        leaf.checks = self.find_checks(&leaf.conversion, &rules, pointers);
        self.note_leaf(leaf, &rules, pointers, target);
        if leaf.conversion == Conversion::Json {
            return;
        }
        self.check_listed(leaf, &rules, pointers, rule, target);
        self.check_limits(leaf, &rules, rule, target);
    }

    /// Reports values that the contract lists of which none can be read from a cell, or keeps the other rules.
    fn check_listed(&mut self, leaf: &Leaf, rules: &Rules<'_>, pointers: &[String], rule: &str, target: &str) {
        let is_boolean = matches!(leaf.conversion, Conversion::Boolean { .. });
        let listed = rules.schemas.iter().find_map(|(at, schema)| match (schema.get("const"), schema.get("enum")) {
            (Some(only), _) if self.contract.listens_to("const", only) => Some((format!("{at}/const"), vec![only])),
            (_, Some(Value::Array(values))) => Some((format!("{at}/enum"), values.iter().collect())),
            _ => None,
        });
        let Some((schema, values)) = listed else { return };
        let fits = |value: &Value| match value {
            Value::String(_) => leaf.conversion.is_text(),
            Value::Number(_) => !is_boolean && !leaf.conversion.is_text(),
            Value::Bool(_) => is_boolean,
            _ => false,
        };
        let accepts = |pointer: &String, value: &Value| {
            !self.contract.has_part(pointer) || self.contract.part_accepts(pointer, value)
        };
        let is_possible = |value: &&Value| fits(value) && pointers.iter().all(|pointer| accepts(pointer, value));
        if !values.iter().any(is_possible) {
            let made = with_article(leaf.conversion.json_type());
            let message = if values.iter().any(|value| fits(value)) {
                "no value that the contract lists here keeps its other rules".to_owned()
            } else {
                format!("the mapping makes {made} here, and the contract lists none")
            };
            self.report(Code::PlanContractMismatch, rule, target, &schema, message, String::new());
        }
    }

    /// Reports limits between which there is nothing.
    fn check_limits(&mut self, leaf: &Leaf, rules: &Rules<'_>, rule: &str, target: &str) {
        let limits = |keyword: &'static str| {
            let schemas = rules.schemas.iter();
            schemas.filter_map(move |(at, schema)| Some((schema.get(keyword)?.as_i64()?, format!("{at}/{keyword}"))))
        };
        if matches!(leaf.conversion, Conversion::Boolean { .. }) {
            return;
        }
        let pair = if leaf.conversion.is_text() { ["minLength", "maxLength"] } else { ["minimum", "maximum"] };
        let (least, most) = (limits(pair[0]).max(), limits(pair[1]).min());
        if let (Some((least, schema)), Some((most, _))) = (least, most)
            && least > most
        {
            let message =
                format!("the contract accepts nothing here: `{}` is {least}, and `{}` {most}", pair[0], pair[1]);
            self.report(Code::PlanContractMismatch, rule, target, &schema, message, String::new());
        }
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
            for (at, schema) in &rules.schemas {
                for (keyword, value) in
                    schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value))
                {
                    if rules.is_settled(at, keyword) {
                        continue;
                    }
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
