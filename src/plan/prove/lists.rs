//! Proves lists: their items by the rules of their places, and how many there are.

use std::ops::Range;

use serde_json::Value;

use crate::{
    config::contract::Rules,
    diagnostic::Code,
    json_pointer::escape,
    plan::{
        ItemPlan, ListPlan, ValuePlan,
        keywords::is_about_others,
        prove::{Prover, emptiness::may_add_nothing, verdicts::MadePart},
    },
};

impl Prover<'_> {
    /// Proves a list by the rules about it.
    pub(super) fn prove_list(&mut self, value: &mut ValuePlan, pointers: &[String], rule: &str, target: &str) {
        let rules = self.rules_of(MadePart::List(value), pointers, rule, target);
        self.check_type("array", &rules, rule, target);
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        let before = self.whole.len();
        match value {
            ValuePlan::List(list) => self.prove_row_list(list, &rules, rule, target),
            ValuePlan::Pieces(pieces) => {
                let items = self.prove_items(&mut pieces.allowed, &rules);
                self.note_list((0, u64::MAX), &rules, target, before);
                self.prove_leaf(&mut pieces.leaf, &items, rule, &format!("{target}/*"));
            }
            ValuePlan::Many(many) => {
                let items = self.prove_items(&mut many.allowed, &rules);
                self.note_list((many.min, many.max), &rules, target, before);
                self.prove_value(&mut many.item, &items, rule, &format!("{target}/*"));
            }
            _ => {}
        }
    }

    /// Proves a list of any length: gives the pointers to the rules of its items, and how many the contract allows.
    fn prove_items(&mut self, allowed: &mut (u64, u64), rules: &Rules<'_>) -> Vec<String> {
        let mut items = Vec::new();
        for (at, schema) in &rules.schemas {
            let has_places = schema.get("prefixItems").is_some_and(|it| self.contract.listens_to("prefixItems", it));
            for (keyword, value) in *schema {
                let is_covered = match (keyword.as_str(), value.as_u64()) {
                    // Beside rules for the first items, it is about those behind them.
                    ("items", _) if !value.is_array() && !has_places => {
                        items.push(format!("{at}/items"));
                        true
                    }
                    ("minItems", Some(least)) => {
                        allowed.0 = allowed.0.max(least);
                        true
                    }
                    ("maxItems", Some(most)) => {
                        allowed.1 = allowed.1.min(most);
                        true
                    }
                    ("type", _) => true,
                    (other, _) if rules.is_settled(at, other) => true,
                    (other, _) => is_about_others(other),
                };
                if !is_covered {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        items
    }

    /// Proves a list with items from one record: each by the rules of its place, and how many there are.
    fn prove_row_list(&mut self, list: &mut ListPlan, rules: &Rules<'_>, rule: &str, target: &str) {
        let (mut places, noted): (Vec<Vec<String>>, usize) = (vec![Vec::new(); list.items.len()], self.whole.len());
        // From the first item that may be left out on, nobody knows the places of the others.
        let before = list.items.iter().take_while(|item| !may_add_nothing(item)).count();
        let is_one = |item: &ItemPlan| !matches!(item.value, ValuePlan::Pieces(_));
        let certain = before + usize::from(list.items.get(before).is_none_or(is_one));
        for (at, schema) in &rules.schemas {
            let heard = schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value));
            let by_place = ["prefixItems", "items"].into_iter().find_map(|name| {
                let (_, items) = heard.clone().find(|(keyword, _)| *keyword == name)?;
                Some((name, items.as_array()?.len()))
            });
            for (keyword, value) in heard {
                let is_covered = match keyword.as_str() {
                    "minItems" | "maxItems" if value.is_u64() => {
                        self.count_items(list, keyword, value, &format!("{at}/{keyword}"), rule, target);
                        true
                    }
                    "prefixItems" | "items" | "additionalItems" => {
                        let (range, is_each) = find_places(keyword, value, by_place, list.items.len());
                        // Where all items have the same rule, it does not matter which of them is where.
                        let known = if range.start == 0 && !is_each { usize::MAX } else { certain };
                        for (place, pointers) in
                            places.iter_mut().enumerate().take(range.end.min(known)).skip(range.start)
                        {
                            let each = if is_each { format!("/{place}") } else { String::new() };
                            pointers.push(format!("{at}/{keyword}{each}"));
                        }
                        range.end <= known
                    }
                    "type" => true,
                    other if rules.is_settled(at, other) => true,
                    other => is_about_others(other),
                };
                if !is_covered {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        self.note_list(count_items(list), rules, target, noted);
        for (place, (item, pointers)) in list.items.iter_mut().zip(places).enumerate() {
            let (rule, target) = (item.rule.clone(), format!("{target}/{place}"));
            match &mut item.value {
                // Its pieces are items of this list.
                ValuePlan::Pieces(pieces) => self.prove_leaf(&mut pieces.leaf, &pointers, &rule, &target),
                value => self.prove_value(value, &pointers, &rule, &target),
            }
        }
    }

    /// Holds the number of items of a list against a limit: it never fits, always does, or is counted.
    fn count_items(
        &mut self,
        list: &mut ListPlan,
        keyword: &str,
        limit: &Value,
        schema: &str,
        rule: &str,
        target: &str,
    ) {
        let Some(limit) = limit.as_u64() else { return };
        let (fewest, most) = count_items(list);
        let (never_fits, wanted) = match keyword {
            "minItems" => (most < limit, "at least"),
            _ => (fewest > limit, "at most"),
        };
        if never_fits {
            let has = if keyword == "minItems" { most } else { fewest };
            let message = format!("the contract wants {wanted} {limit} items here, and the mapping makes {has}");
            self.report(Code::PlanContractMismatch, rule, target, schema, message, String::new());
        }
        match keyword {
            "minItems" if fewest < limit => list.allowed.0 = list.allowed.0.max(limit),
            "maxItems" if most > limit => list.allowed.1 = list.allowed.1.min(limit),
            _ => {}
        }
    }
}

/// The fewest and most items of a list from one record.
fn count_items(list: &ListPlan) -> (u64, u64) {
    let has_pieces = list.items.iter().any(|item| matches!(item.value, ValuePlan::Pieces(_)));
    let most = if has_pieces { u64::MAX } else { list.items.len() as u64 };
    (list.items.iter().filter(|item| !may_add_nothing(item)).count() as u64, most)
}

/// Which items of a list with so many a keyword is about, and whether it has a rule of its own for each.
fn find_places(keyword: &str, value: &Value, by_place: Option<(&str, usize)>, length: usize) -> (Range<usize>, bool) {
    let known = by_place.map_or(0, |(_, known)| known.min(length));
    match (keyword, by_place) {
        (_, Some((name, _))) if name == keyword && value.is_array() => (0..known, true),
        ("additionalItems", Some(("items", _))) | ("items", _) => (known..length, false),
        _ => (0..0, false),
    }
}
