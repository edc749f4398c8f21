//! What is known of all lists of a part of the plan: how many items they have, and what these are.

use serde_json::{Map, Value};

use crate::plan::{
    ItemPlan, ValuePlan,
    keywords::{NUMBER, OBJECT, STRING},
    prove::{
        emptiness::may_add_nothing,
        verdicts::{Judge, Refusal, SchemaVerdict, compare_count, judge_others},
    },
};

impl Judge<'_> {
    pub(super) fn judge_list(
        &self,
        list: &ValuePlan,
        at: &str,
        schema: &Map<String, Value>,
        (keyword, value): (&str, &Value),
    ) -> SchemaVerdict {
        let (fewest, most) = count_items(list);
        match keyword {
            "minItems" | "maxItems" => value.as_u64().map_or(SchemaVerdict::Open, |limit| {
                let pointer = format!("{at}/{keyword}");
                compare_count((fewest, most), keyword == "minItems", limit, &pointer, "items")
            }),
            "uniqueItems" if value == &Value::Bool(false) || most <= 1 => SchemaVerdict::Always,
            "uniqueItems" => judge_unique(list, at),
            "items" if !value.is_array() && !self.has_places(schema) => {
                let pointer = format!("{at}/items");
                match self.judge_items(list, &pointer) {
                    SchemaVerdict::Never(_) if fewest == 0 => SchemaVerdict::Open,
                    other => other,
                }
            }
            "items" | "prefixItems" if value.is_array() => self.judge_places(list, at, keyword, value),
            "enum" if value.as_array().is_some_and(|values| !values.iter().any(Value::is_array)) => {
                SchemaVerdict::never(
                    format!("{at}/enum"),
                    "the contract wants one of some values here, and no list".into(),
                )
            }
            "const" if !value.is_array() => {
                SchemaVerdict::never(format!("{at}/const"), format!("the contract wants {value} here, and no list"))
            }
            other => judge_others(other, &[OBJECT, STRING, NUMBER]),
        }
    }

    fn has_places(&self, schema: &Map<String, Value>) -> bool {
        schema.get("prefixItems").is_some_and(|value| self.contract.listens_to("prefixItems", value))
    }

    /// The verdict on all items of a list by the rule of each of them. Of a list from one record, an item that is never
    /// accepted is enough to refuse it.
    fn judge_items(&self, list: &ValuePlan, pointer: &str) -> SchemaVerdict {
        match list {
            ValuePlan::Many(many) => self.judge_value(&many.item, pointer),
            ValuePlan::Pieces(pieces) => self.judge_leaf(&pieces.leaf, pointer),
            ValuePlan::List(list) => list
                .items
                .iter()
                .fold(SchemaVerdict::Always, |verdict, item| verdict.and(|| self.judge_item(item, pointer))),
            _ => SchemaVerdict::Open,
        }
    }

    fn judge_item(&self, item: &ItemPlan, pointer: &str) -> SchemaVerdict {
        let found = match &item.value {
            ValuePlan::Pieces(pieces) => self.judge_leaf(&pieces.leaf, pointer),
            value => self.judge_value(value, pointer),
        };
        match found {
            SchemaVerdict::Never(_) if may_add_nothing(item) => SchemaVerdict::Open,
            SchemaVerdict::Never(refusal) => {
                SchemaVerdict::Never(Refusal { rule: refusal.rule.or_else(|| Some(item.rule.clone())), ..refusal })
            }
            other => other,
        }
    }

    /// The verdict on the items of a list from one record by the rules of their places, as far as these are known.
    fn judge_places(&self, list: &ValuePlan, at: &str, keyword: &str, places: &Value) -> SchemaVerdict {
        let ValuePlan::List(list) = list else { return SchemaVerdict::Open };
        let certain = list.items.iter().take_while(|item| !may_add_nothing(item)).count();
        let known = places.as_array().map_or(0, Vec::len).min(list.items.len());
        let start = if known <= certain { SchemaVerdict::Always } else { SchemaVerdict::Open };
        let items = list.items.iter().enumerate().take(certain.min(known));
        items.fold(start, |verdict, (place, item)| {
            verdict.and(|| self.judge_item(item, &format!("{at}/{keyword}/{place}")))
        })
    }
}

/// The fewest and most items of a list.
fn count_items(list: &ValuePlan) -> (u64, u64) {
    match list {
        ValuePlan::List(list) => {
            let has_pieces = list.items.iter().any(|item| matches!(item.value, ValuePlan::Pieces(_)));
            let most = if has_pieces { u64::MAX } else { list.items.len() as u64 };
            (list.items.iter().filter(|item| !may_add_nothing(item)).count() as u64, most)
        }
        // Records that are bad may be left out after they were counted.
        ValuePlan::Many(many) => (0, many.max),
        _ => (0, u64::MAX),
    }
}

/// The verdict of `uniqueItems` on a list whose items are constants.
fn judge_unique(list: &ValuePlan, at: &str) -> SchemaVerdict {
    let ValuePlan::List(list) = list else { return SchemaVerdict::Open };
    let mut constants: Vec<&[u8]> = Vec::new();
    for item in &list.items {
        if let ValuePlan::Const(json) = &item.value {
            if constants.contains(&json.as_slice()) {
                let message = "the contract wants no item twice, and the mapping writes this constant twice".to_owned();
                let refusal = Refusal {
                    schema: format!("{at}/uniqueItems"),
                    rule: Some(item.rule.clone()),
                    target: String::new(),
                    message,
                };
                return SchemaVerdict::Never(refusal);
            }
            constants.push(json);
        }
    }
    let all_texts = constants.len() == list.items.len() && constants.iter().all(|json| json.first() == Some(&b'"'));
    if all_texts { SchemaVerdict::Always } else { SchemaVerdict::Open }
}
