//! Proves objects: which fields they have, and which of them may be left out.

use serde_json::{Map, Value};

use crate::{
    config::contract::Rules,
    diagnostic::{Code, nearest},
    json_pointer::escape,
    plan::{
        FieldPlan, ObjectPlan, ValuePlan,
        keywords::{ARRAY, NUMBER, STRING, is_silent},
        prove::{Prover, emptiness::may_be_missing, verdicts::MadePart},
    },
};

impl Prover<'_> {
    pub(super) fn prove_object(&mut self, object: &mut ObjectPlan, pointers: &[String], rule: &str, target: &str) {
        let members_rule = if rule == "/output" { "/output/fields".to_owned() } else { format!("{rule}/fields") };
        let shown = if rule == "/output" { &members_rule } else { rule };
        let rules = self.rules_of(MadePart::Object(object), pointers, shown, target);
        self.check_type("object", &rules, rule, target);
        if let Some(policy) = self.if_empty {
            for field in object.fields.iter_mut().filter(|field| !is_required(&rules, &field.name)) {
                field.value.inherit(policy);
            }
        }
        let members: Vec<Member> = object.fields.iter().map(Member::of_field).collect();
        self.check_members(&members, &rules, &members_rule, target);
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        let children: Vec<Vec<String>> =
            object.fields.iter().map(|field| self.pointers_of_field(&rules, &field.name)).collect();
        for (field, pointers) in object.fields.iter_mut().zip(children) {
            let target = format!("{target}/{}", escape(&field.name));
            let rule = field.rule.clone();
            self.prove_value(&mut field.value, &pointers, &rule, &target);
        }
    }

    /// The pointers to the rules of a field of an object; that it is not allowed is reported elsewhere.
    pub(super) fn pointers_of_field(&self, rules: &Rules<'_>, name: &str) -> Vec<String> {
        let own = rules.schemas.iter().flat_map(|(at, schema)| self.contract.rules_of_field(at, schema, name));
        own.filter(|pointer| {
            self.contract
                .schema
                .pointer(pointer)
                .is_none_or(|rule| !rule.is_boolean() || !pointer.ends_with("/additionalProperties"))
        })
        .collect()
    }

    /// Checks which members an object has; what its names alone do not decide is checked on whole documents.
    pub(super) fn check_members(&mut self, members: &[Member], rules: &Rules<'_>, rule: &str, target: &str) {
        let before = self.whole.len();
        for member in members {
            self.check_writable(member, rules, target);
        }
        for (at, schema) in &rules.schemas {
            self.check_required(members, at, schema, rule, target);
            self.check_additional(members, at, schema, target);
            for (keyword, value) in schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value)) {
                let count = members.len() as u64;
                let certain = members.iter().filter(|member| member.left_out.is_none()).count() as u64;
                let complete = certain == count;
                let never = match (keyword.as_str(), value.as_u64()) {
                    ("minProperties", Some(least)) if count < least => Some(format!("at least {least}")),
                    ("maxProperties", Some(most)) if certain > most => Some(format!("at most {most}")),
                    _ => None,
                };
                if let Some(wanted) = never {
                    let message = format!("the contract wants {wanted} fields here, and the mapping makes {count}");
                    let pointer = format!("{at}/{keyword}");
                    self.report(Code::PlanContractMismatch, rule, target, &pointer, message, String::new());
                }
                let is_covered = match keyword.as_str() {
                    "properties" | "patternProperties" | "required" | "type" | "additionalProperties" => true,
                    other if rules.is_settled(at, other) => true,
                    "minProperties" => complete && value.as_u64().is_some_and(|least| least <= count),
                    "maxProperties" => value.as_u64().is_some_and(|most| count <= most),
                    other => {
                        is_silent(other) || ARRAY.contains(&other) || STRING.contains(&other) || NUMBER.contains(&other)
                    }
                };
                if !is_covered {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        let open = self.whole[before..].to_vec();
        self.note_members(members.len(), rules, target, &open);
    }

    /// Reports a member that is no part of a request.
    fn check_writable(&mut self, member: &Member, rules: &Rules<'_>, target: &str) {
        let own = self.contract.rules(&self.pointers_of_field(rules, &member.name));
        let Some(pointer) = self.contract.read_only(&own) else { return };
        let target = format!("{target}/{}", escape(&member.name));
        let message = format!("the field `{}` is `readOnly`: the API sets it, and no request carries it", member.name);
        self.report(Code::PlanFieldNotAllowed, &member.rule, &target, &pointer, message, "leave it out".into());
    }

    fn check_required(&mut self, members: &[Member], at: &str, schema: &Map<String, Value>, rule: &str, target: &str) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            let pointer = format!("{at}/required");
            match members.iter().find(|member| member.name == name) {
                None => {
                    let near = nearest(name, members.iter().map(|member| member.name.as_str()));
                    let hint = near.map_or_else(
                        || format!("add `{name}:` here"),
                        |near| format!("add `{name}:` here, or rename `{near}`"),
                    );
                    self.report(
                        Code::PlanFieldMissing,
                        rule,
                        target,
                        &pointer,
                        format!("the contract requires the field `{name}`, and the mapping does not make it"),
                        hint,
                    );
                }
                Some(Member { rule, left_out: Some(hint), .. }) => {
                    let message = format!("the contract requires the field `{name}`, and the mapping may leave it out");
                    self.report(
                        Code::PlanFieldMissing,
                        rule,
                        &format!("{target}/{}", escape(name)),
                        &pointer,
                        message,
                        (*hint).into(),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn check_additional(&mut self, members: &[Member], at: &str, schema: &Map<String, Value>, target: &str) {
        let Some(additional) = schema.get("additionalProperties") else { return };
        let known = schema.get("properties").and_then(Value::as_object);
        for field in members {
            let falls_under = |pointer: &String| pointer.ends_with("/additionalProperties");
            let is_other = self.contract.rules_of_field(at, schema, &field.name).last().is_some_and(falls_under);
            if is_other && additional == &Value::Bool(false) {
                let near = nearest(&field.name, known.into_iter().flat_map(Map::keys).map(String::as_str));
                let hint = near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
                let message = format!("the contract does not allow the field `{}`", field.name);
                self.report(
                    Code::PlanFieldNotAllowed,
                    &field.rule,
                    &format!("{target}/{}", escape(&field.name)),
                    &format!("{at}/additionalProperties"),
                    message,
                    hint,
                );
            }
        }
    }
}

/// A member of an object, as far as the rules of the object are about it.
pub(super) struct Member {
    pub(super) name: String,
    /// Where it stands in the mapping.
    pub(super) rule: String,
    /// It may be left out; what to write so that it is not.
    pub(super) left_out: Option<&'static str>,
}

impl Member {
    fn of_field(field: &FieldPlan) -> Member {
        let hint = match field.value {
            ValuePlan::When(_) => "leave the `where` out, or say `if_empty: reject`",
            _ => "use `reject` or a `default` in place of `omit`",
        };
        let left_out = may_be_missing(&field.value).then_some(hint);
        Member { name: field.name.clone(), rule: field.rule.clone(), left_out }
    }
}

/// Whether the rules of an object require a field.
fn is_required(rules: &Rules<'_>, name: &str) -> bool {
    let mut required = rules.schemas.iter().filter_map(|(_, schema)| schema.get("required")?.as_array());
    required.any(|names| names.iter().any(|required| required == name))
}
