//! What is known of all objects of a part of the plan: which fields they have, and what these hold.

use serde_json::Value;

use crate::{
    config::mapping::policy::{IfEmpty, OnLookup, OnUnknown},
    json_pointer::escape,
    plan::{
        FieldPlan, ObjectPlan, ValuePlan,
        keywords::{ARRAY, NUMBER, STRING},
        prove::{
            emptiness::may_be_missing,
            verdicts::{Judge, KnownField, MadePart, Refusal, SchemaVerdict, compare_count, judge_others},
        },
    },
};

/// Whether an object has a field.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Presence {
    Always,
    Sometimes,
    Never,
}

impl Judge<'_> {
    pub(super) fn judge_object(
        &self,
        object: &ObjectPlan,
        at: &str,
        (keyword, value): (&str, &Value),
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        let find = |name: &str| object.fields.iter().find(|field| field.name == name);
        let is_there = |name: &str| self.find_presence(find(name), known);
        let wants = |name: &str| {
            let message = format!("the contract requires the field `{name}`, and the mapping does not make it");
            SchemaVerdict::never(format!("{at}/{keyword}"), message)
        };
        let all_there = |names: &Value| {
            let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.fold(SchemaVerdict::Always, |verdict, name| {
                verdict.and(|| match is_there(name) {
                    Presence::Always => SchemaVerdict::Always,
                    Presence::Sometimes => SchemaVerdict::Open,
                    Presence::Never => wants(name),
                })
            })
        };
        match keyword {
            "required" => all_there(value),
            "properties" | "patternProperties" | "additionalProperties" => {
                self.judge_fields(object, at, keyword, value, known)
            }
            "minProperties" | "maxProperties" => self.count_fields(object, at, keyword, value, known),
            "propertyNames" => self.judge_names(object, at, known),
            "dependentRequired" | "dependentSchemas" | "dependencies" => {
                value.as_object().into_iter().flatten().fold(SchemaVerdict::Always, |verdict, (name, wanted)| {
                    verdict.and(|| {
                        let then = || match wanted {
                            Value::Array(_) => all_there(wanted),
                            _ => {
                                self.judge(MadePart::Object(object), &format!("{at}/{keyword}/{}", escape(name)), known)
                            }
                        };
                        match is_there(name) {
                            Presence::Never => SchemaVerdict::Always,
                            Presence::Always => then(),
                            Presence::Sometimes => then().or(SchemaVerdict::Always),
                        }
                    })
                })
            }
            "enum" if value.as_array().is_some_and(|values| !values.iter().any(Value::is_object)) => {
                SchemaVerdict::never(
                    format!("{at}/enum"),
                    "the contract wants one of some values here, and no object".into(),
                )
            }
            "const" if !value.is_object() => {
                SchemaVerdict::never(format!("{at}/const"), format!("the contract wants {value} here, and no object"))
            }
            other => judge_others(other, &[ARRAY, STRING, NUMBER]),
        }
    }

    /// The verdict of `propertyNames`.
    fn judge_names(&self, object: &ObjectPlan, at: &str, known: Option<KnownField<'_>>) -> SchemaVerdict {
        object.fields.iter().fold(SchemaVerdict::Always, |verdict, field| {
            let name = Value::from(field.name.as_str());
            verdict.and(|| {
                match (self.judge_fixed(&name, &format!("{at}/propertyNames")), self.find_presence(Some(field), known))
                {
                    (SchemaVerdict::Never(refusal), Presence::Always) => {
                        let message = format!("the contract does not allow the name `{}`", field.name);
                        SchemaVerdict::Never(Refusal { rule: Some(field.rule.clone()), message, ..refusal })
                    }
                    (SchemaVerdict::Never(_), _) => SchemaVerdict::Open,
                    (other, _) => other,
                }
            })
        })
    }

    /// The verdict of a keyword on the fields that it is about.
    fn judge_fields(
        &self,
        object: &ObjectPlan,
        at: &str,
        keyword: &str,
        value: &Value,
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        let Some(Value::Object(schema)) = self.contract.schema.pointer(at) else { return SchemaVerdict::Open };
        object.fields.iter().fold(SchemaVerdict::Always, |verdict, field| {
            let own = self.contract.rules_of_field(at, schema, &field.name);
            let own = own.into_iter().filter(|pointer| pointer[at.len()..].split('/').nth(1) == Some(keyword));
            own.fold(verdict, |verdict, pointer| {
                verdict.and(|| {
                    let given = known.filter(|known| known.name == field.name);
                    let found = match given {
                        Some(KnownField { value: None, .. }) => SchemaVerdict::Always,
                        Some(KnownField { value: Some(value), .. }) => self.judge_fixed(value, &pointer),
                        None => self.judge(MadePart::Value(&field.value), &pointer, None),
                    };
                    match (found, self.find_presence(Some(field), known)) {
                        (SchemaVerdict::Never(refusal), Presence::Always) => {
                            let message = if value == &Value::Bool(false) {
                                format!("the contract does not allow the field `{}`", field.name)
                            } else {
                                refusal.message
                            };
                            SchemaVerdict::Never(Refusal {
                                rule: refusal.rule.or_else(|| Some(field.rule.clone())),
                                target: format!("/{}{}", escape(&field.name), refusal.target),
                                message,
                                ..refusal
                            })
                        }
                        (SchemaVerdict::Never(_), _) => SchemaVerdict::Open,
                        (other, _) => other,
                    }
                })
            })
        })
    }

    fn count_fields(
        &self,
        object: &ObjectPlan,
        at: &str,
        keyword: &str,
        limit: &Value,
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        let Some(limit) = limit.as_u64() else { return SchemaVerdict::Open };
        let most = object.fields.len() as u64;
        let is_certain = |field: &&FieldPlan| self.find_presence(Some(field), known) == Presence::Always;
        let fewest = object.fields.iter().filter(is_certain).count() as u64;
        compare_count((fewest, most), keyword.starts_with("min"), limit, &format!("{at}/{keyword}"), "fields")
    }

    pub(super) fn find_presence(&self, field: Option<&FieldPlan>, known: Option<KnownField<'_>>) -> Presence {
        match field {
            None => Presence::Never,
            Some(field) if known.is_some_and(|known| known.name == field.name) => {
                let is_there = known.is_some_and(|known| known.value.is_some());
                if is_there { Presence::Always } else { Presence::Never }
            }
            Some(field) if may_be_missing(&field.value) => Presence::Sometimes,
            Some(field) if self.inherits(&field.value, &IfEmpty::Omit) => Presence::Sometimes,
            Some(_) => Presence::Always,
        }
    }

    /// Whether a value may take a policy from beside `each`.
    fn inherits(&self, value: &ValuePlan, then: &IfEmpty) -> bool {
        self.if_empty.is_some_and(|policy| policy.then == *then)
            && match value {
                ValuePlan::Const(_) => false,
                ValuePlan::One(one) => self.inherits(&one.value, then),
                ValuePlan::When(when) => !when.if_empty.is_declared || self.inherits(&when.value, then),
                other => other.empty_policy().is_none_or(|policy| !policy.is_declared),
            }
    }

    pub(super) fn may_be_null(&self, value: &ValuePlan) -> bool {
        let own = match value {
            ValuePlan::Leaf(leaf) => {
                leaf.codes.as_ref().is_some_and(|codes| codes.on_unknown.then == OnUnknown::SetNull)
            }
            ValuePlan::When(when) => when.if_empty.then == IfEmpty::SetNull || self.may_be_null(&when.value),
            ValuePlan::One(one) => one.on_missing.then == OnLookup::SetNull || self.may_be_null(&one.value),
            _ => false,
        };
        let said = value.empty_policy().is_some_and(|policy| policy.then == IfEmpty::SetNull);
        own || said || self.inherits(value, &IfEmpty::SetNull)
    }
}
