//! Proves the plan against the contract.
//!
//! A rule is *proven* if every document of the mapping meets it; then it is never checked. It is *broken* if no such
//! document could meet it; then the run does not start. The other rules become checks of single leaves, and rules that no
//! check of a leaf can replace are checked on whole documents. A check may be stricter than its rule, and never more lenient:
//! what it refuses is decided by the exact check.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::{
    config::{
        contract::{Contract, Rules},
        ignored_keywords::is_rule,
        mapping::policy::{IfEmpty, OnLookup, OnUnknown, Policy},
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::{escape, unescape},
    plan::{
        EmptyPolicy, FieldPlan, ItemPlan, Leaf, ListPlan, Many, ObjectPlan, One, Plan, ValuePlan,
        checks::Checks,
        conversion::Conversion,
        envelope::{Envelope, EnvelopeMember, EnvelopeValue},
        keywords::{
            ARRAY, NUMBER, OBJECT, RuleStatus, STRING, classify_rule, is_silent, join_type_names, type_allows,
            with_article,
        },
    },
    text::buffer::OutputBuffer,
};

/// Fills in the checks of a plan, and gives a finding for each broken rule.
pub(super) fn contract(plan: &mut Plan) -> Vec<Diagnostic> {
    let mut prover = Prover {
        contract: &plan.contract,
        places: &plan.places,
        if_empty: plan.if_empty.as_ref(),
        findings: Vec::new(),
        whole: Vec::new(),
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
    let Prover { findings, whole, .. } = prover;
    plan.whole = whole;
    findings
}

struct Prover<'a> {
    contract: &'a Contract,
    places: &'a Places,
    /// What is said of nothing for all fields that say nothing themselves.
    if_empty: Option<&'a Policy<IfEmpty>>,
    findings: Vec<Diagnostic>,
    whole: Vec<String>,
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

    /// Proves the object around the list of documents, which is the same in every request, and the rules of the list.
    fn prove_envelope(
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
            let (pointers, target) = (pointers_of_field(&rules, name), format!("{target}/{}", escape(name)));
            match value {
                EnvelopeValue::Const(json) => {
                    self.check_fixed_value(json, &pointers, &format!("{rule}/const"), &target, "this constant");
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
    fn prove_body(&mut self, list: &[String], target: &str) -> Option<DocumentRules> {
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
        Some((pointers, max))
    }

    /// Reports a contract that has no rule about the documents: it would accept anything.
    fn expect_rules(&mut self, pointers: &[String]) {
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

    fn prove_value(&mut self, value: &mut ValuePlan, pointers: &[String], rule: &str, target: &str) {
        if let Some(policy) = value.empty_policy().filter(|policy| policy.then == IfEmpty::SetNull) {
            let rule = if policy.is_declared { format!("{rule}/if_empty") } else { "/output/if_empty".into() };
            self.check_fixed_value(b"null", pointers, &rule, target, "`null`");
        }
        match value {
            ValuePlan::Const(json) => {
                self.check_fixed_value(json, pointers, &format!("{rule}/const"), target, "this constant");
            }
            ValuePlan::Leaf(leaf) => self.prove_leaf(leaf, pointers, rule, target),
            ValuePlan::Object(object) => self.prove_object(object, pointers, rule, target),
            ValuePlan::List(list) => self.prove_row_list(list, pointers, rule, target),
            ValuePlan::Pieces(pieces) => {
                let items = self.prove_items(&mut pieces.allowed, pointers, rule, target);
                self.prove_leaf(&mut pieces.leaf, &items, rule, &format!("{target}/*"));
            }
            ValuePlan::When(when) => self.prove_value(&mut when.value, pointers, rule, target),
            ValuePlan::Many(many) => self.prove_list(many, pointers, rule, target),
            ValuePlan::One(one) => self.prove_lookup(one, pointers, rule, target),
        }
    }

    fn prove_object(&mut self, object: &mut ObjectPlan, pointers: &[String], rule: &str, target: &str) {
        let rules = self.contract.rules(pointers);
        self.check_type("object", &rules, rule, target);
        if let Some(policy) = self.if_empty {
            for field in object.fields.iter_mut().filter(|field| !is_required(&rules, &field.name)) {
                field.value.inherit(policy);
            }
        }
        let members: Vec<Member> = object.fields.iter().map(Member::of_field).collect();
        let members_rule = if rule == "/output" { "/output/fields".to_owned() } else { format!("{rule}/fields") };
        self.check_members(&members, &rules, &members_rule, target);
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        let children: Vec<Vec<String>> =
            object.fields.iter().map(|field| pointers_of_field(&rules, &field.name)).collect();
        for (field, pointers) in object.fields.iter_mut().zip(children) {
            let target = format!("{target}/{}", escape(&field.name));
            let rule = field.rule.clone();
            self.prove_value(&mut field.value, &pointers, &rule, &target);
        }
    }

    /// Checks which members an object has; what its names alone do not decide is checked on whole documents.
    fn check_members(&mut self, members: &[Member], rules: &Rules<'_>, rule: &str, target: &str) {
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
                    "properties" | "required" | "type" | "additionalProperties" => true,
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
    }

    /// Reports a member that is no part of a request.
    fn check_writable(&mut self, member: &Member, rules: &Rules<'_>, target: &str) {
        let own = self.contract.rules(&pointers_of_field(rules, &member.name));
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
        if schema.contains_key("patternProperties") {
            return;
        }
        let known = schema.get("properties").and_then(Value::as_object);
        for field in members {
            let is_known = known.is_some_and(|known| known.contains_key(&field.name));
            if !is_known && additional == &Value::Bool(false) {
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

    fn prove_list(&mut self, many: &mut Many, pointers: &[String], rule: &str, target: &str) {
        let items = self.prove_items(&mut many.allowed, pointers, rule, target);
        self.prove_value(&mut many.item, &items, rule, &format!("{target}/*"));
    }

    /// Proves a list of any length: gives the pointers to the rules of its items, and how many the contract allows.
    fn prove_items(&mut self, allowed: &mut (u64, u64), pointers: &[String], rule: &str, target: &str) -> Vec<String> {
        let rules = self.contract.rules(pointers);
        self.check_type("array", &rules, rule, target);
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
                    ("uniqueItems", _) => value == &Value::Bool(false),
                    (other, _) => is_about_others(other),
                };
                if !is_covered {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        items
    }

    /// Proves a list with items from one record: each by the rules of its place, and how many there are.
    fn prove_row_list(&mut self, list: &mut ListPlan, pointers: &[String], rule: &str, target: &str) {
        let rules = self.contract.rules(pointers);
        self.check_type("array", &rules, rule, target);
        let mut places: Vec<Vec<String>> = vec![Vec::new(); list.items.len()];
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
                    "uniqueItems" => value == &Value::Bool(false),
                    "type" => true,
                    other => is_about_others(other),
                };
                if !is_covered {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
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
        let has_pieces = list.items.iter().any(|item| matches!(item.value, ValuePlan::Pieces(_)));
        let most = if has_pieces { u64::MAX } else { list.items.len() as u64 };
        let fewest = list.items.iter().filter(|item| !may_add_nothing(item)).count() as u64;
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

    fn prove_leaf(&mut self, leaf: &mut Leaf, pointers: &[String], rule: &str, target: &str) {
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
        leaf.checks = self.find_checks(leaf, &rules, pointers);
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

    fn find_checks(&mut self, leaf: &Leaf, rules: &Rules<'_>, pointers: &[String]) -> Checks {
        let mut checks = Checks { quick: Vec::new(), covered: !rules.opaque, exact: Vec::new() };
        if matches!(leaf.conversion, Conversion::Boolean { .. }) {
            let accepted =
                |value: bool| pointers.iter().all(|pointer| self.contract.part_accepts(pointer, &Value::Bool(value)));
            checks.covered = accepted(true) && accepted(false);
        } else {
            for (_, schema) in &rules.schemas {
                for (keyword, value) in
                    schema.iter().filter(|(keyword, value)| self.contract.listens_to(keyword, value))
                {
                    match classify_rule(&leaf.conversion, schema, keyword, value) {
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

/// Whether a keyword says nothing about lists.
fn is_about_others(keyword: &str) -> bool {
    is_silent(keyword) || [OBJECT, STRING, NUMBER].iter().any(|keywords| keywords.contains(&keyword))
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

/// The pointers to the rules of a field of an object.
fn pointers_of_field(rules: &Rules<'_>, name: &str) -> Vec<String> {
    let mut pointers = Vec::new();
    for (at, schema) in &rules.schemas {
        let known = schema.get("properties").and_then(Value::as_object).is_some_and(|known| known.contains_key(name));
        match schema.get("additionalProperties") {
            _ if known => pointers.push(format!("{at}/properties/{}", escape(name))),
            Some(Value::Object(_)) if !schema.contains_key("patternProperties") => {
                pointers.push(format!("{at}/additionalProperties"));
            }
            _ => {}
        }
    }
    pointers
}

/// The pointers to the rules of one document, and how many documents the list may hold.
type DocumentRules = (Vec<String>, Option<u64>);

/// A member of an object, as far as the rules of the object are about it.
struct Member {
    name: String,
    /// Where it stands in the mapping.
    rule: String,
    /// It may be left out; what to write so that it is not.
    left_out: Option<&'static str>,
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

impl ValuePlan {
    /// What it says of nothing.
    fn empty_policy(&self) -> Option<&EmptyPolicy> {
        let is_null = |policy: &EmptyPolicy| policy.then == IfEmpty::SetNull;
        match self {
            ValuePlan::Leaf(leaf) => Some(&leaf.if_empty),
            ValuePlan::Object(object) => Some(&object.if_empty),
            ValuePlan::List(list) => Some(&list.if_empty),
            ValuePlan::Pieces(pieces) => Some(&pieces.if_empty),
            ValuePlan::When(when) if when.value.empty_policy().is_some_and(is_null) => None,
            ValuePlan::When(when) => Some(&when.if_empty),
            ValuePlan::Many(many) => Some(&many.if_empty),
            ValuePlan::Const(_) | ValuePlan::One(_) => None,
        }
    }

    /// Takes what is said for all fields that say nothing themselves.
    fn inherit(&mut self, policy: &Policy<IfEmpty>) {
        let keeps = policy.then == IfEmpty::Keep;
        match self {
            ValuePlan::Leaf(leaf) if keeps && leaf.if_empty.then != IfEmpty::Keep => {}
            ValuePlan::Leaf(leaf) => leaf.if_empty.inherit(policy),
            ValuePlan::Object(object) => object.if_empty.inherit(policy),
            ValuePlan::List(list) => list.if_empty.inherit(policy),
            ValuePlan::Pieces(pieces) => pieces.if_empty.inherit(policy),
            ValuePlan::Many(many) => many.if_empty.inherit(policy),
            ValuePlan::One(one) => one.value.inherit(policy),
            ValuePlan::When(when) => {
                if !keeps {
                    when.if_empty.inherit(policy);
                }
                when.value.inherit(policy);
            }
            ValuePlan::Const(_) => {}
        }
    }
}

/// Whether an item of a list may be left out; the pieces of a cell may be none.
fn may_add_nothing(item: &ItemPlan) -> bool {
    matches!(item.value, ValuePlan::Pieces(_)) || may_be_missing(&item.value)
}

fn may_be_missing(value: &ValuePlan) -> bool {
    match value {
        ValuePlan::Object(object) => object.if_empty.then == IfEmpty::Omit,
        ValuePlan::List(list) => list.if_empty.then == IfEmpty::Omit,
        ValuePlan::Pieces(pieces) => pieces.if_empty.then == IfEmpty::Omit,
        ValuePlan::Many(many) => many.if_empty.then == IfEmpty::Omit,
        ValuePlan::When(when) => when.if_empty.then == IfEmpty::Omit || may_be_missing(&when.value),
        ValuePlan::Leaf(leaf) => {
            leaf.if_empty.then == IfEmpty::Omit && leaf.fallback.is_none()
                || leaf.codes.as_ref().is_some_and(|codes| codes.on_unknown.then == OnUnknown::Omit)
        }
        ValuePlan::One(one) => one.on_missing.then == OnLookup::Omit || may_be_missing(&one.value),
        ValuePlan::Const(_) => false,
    }
}
