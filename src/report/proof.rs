//! The rules of a contract, each proven or checked and why: for people, and one JSON object on each line for scripts.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::{
    plan::contract_rule::{ContractRule, ProofStatus},
    report::{
        escape::{json_line, visible},
        wrap::wrapped,
    },
};

/// The widest rule, in characters: longer ones are cut.
const MAX_RULE: usize = 26;
/// How wide the text is.
const WIDTH: usize = 80;

/// Draws the rules: how many of each status there are, then those of each value below its place in the document and in the
/// contract.
pub fn rules(out: &mut dyn Write, rules: &[ContractRule]) -> io::Result<()> {
    let count = |status: ProofStatus| rules.iter().filter(|rule| rule.status == status).count();
    let [proven, checked, whole] = [ProofStatus::Proven, ProofStatus::Checked, ProofStatus::Whole].map(count);
    writeln!(out, "  {} rules: {proven} proven, {checked} checked per value, {whole} checked whole", rules.len())?;
    let width = rules.iter().map(|rule| describe_rule(rule).chars().count()).max().unwrap_or_default();
    let mut before = None;
    for rule in rules {
        let place = (rule.field.as_str(), rule.schema.as_str());
        if before.is_none_or(|(field, _)| field != place.0) {
            writeln!(out, "\n{}", visible(show_field(rule)))?;
        }
        if before != Some(place) {
            writeln!(out, "  {}", visible(show_schema(rule)))?;
        }
        before = Some(place);
        let said = describe_rule(rule);
        let gap = " ".repeat(width - said.chars().count());
        let start = format!("    {:<8} {said}{gap}  ", word(rule.status));
        // What goes on stands below the reason.
        let reason = wrapped(&rule.reason, WIDTH.saturating_sub(start.chars().count()), 0);
        writeln!(out, "{start}{}", reason.replace('\n', &format!("\n{}", " ".repeat(start.chars().count()))))?;
    }
    Ok(())
}

/// Writes a rule as JSON. The keys are a promise to scripts.
pub fn rule_line(out: &mut dyn Write, mapping: &str, rule: &ContractRule) -> io::Result<()> {
    let line = json_line(&json!({
        "type": "contract_rule",
        "version": 1,
        "mapping": mapping,
        "field": rule.field,
        "schema": rule.schema,
        "keyword": rule.keyword,
        "value": rule.value,
        "status": word(rule.status),
        "reason": rule.reason,
    }));
    out.write_all(line.as_bytes())
}

/// The name of a status.
pub(crate) fn word(status: ProofStatus) -> &'static str {
    match status {
        ProofStatus::Proven => "proven",
        ProofStatus::Checked => "checked",
        ProofStatus::Whole => "whole",
    }
}

/// A rule as the contract has it, cut where it is long.
pub(crate) fn describe_rule(rule: &ContractRule) -> String {
    let text = match &rule.value {
        Value::Null => rule.keyword.clone(),
        Value::String(text) => format!("{}: {text}", rule.keyword),
        value => format!("{}: {value}", rule.keyword),
    };
    let text = visible(&text);
    match text.chars().count() {
        0..=MAX_RULE => text,
        _ => text.chars().take(MAX_RULE - 1).chain(['…']).collect(),
    }
}

fn show_field(rule: &ContractRule) -> &str {
    if rule.field.is_empty() { "(document)" } else { &rule.field }
}

fn show_schema(rule: &ContractRule) -> &str {
    if rule.schema.is_empty() { "(contract)" } else { &rule.schema }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::contract_rule::{ContractRule, ProofStatus},
        report::proof::rules,
    };

    #[test]
    fn rules_stand_below_their_places_and_long_ones_are_cut() {
        let rule = |field: &str, keyword: &str, value: serde_json::Value| ContractRule {
            field: field.into(),
            schema: String::new(),
            keyword: keyword.into(),
            value,
            status: ProofStatus::Checked,
            reason: "a reason that goes on for more than there is room for on this line".into(),
        };
        let listed = [rule("", "minLength", 1.into()), rule("/a\u{1b}", "enum", "x".repeat(40).into())];
        let mut out = Vec::new();
        rules(&mut out, &listed).unwrap();
        let expected = "  2 rules: 0 proven, 2 checked per value, 0 checked whole

(document)
  (contract)
    checked  minLength: 1                a reason that goes on for more than
                                         there is room for on this line

/a\\u{1b}
  (contract)
    checked  enum: xxxxxxxxxxxxxxxxxxx…  a reason that goes on for more than
                                         there is room for on this line
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
