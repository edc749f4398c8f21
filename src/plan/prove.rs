//! The plan held against the contract.
//!
//! A rule is *proven* when it holds for every document the mapping can make, and then it is never looked at again; it is
//! *broken* when no such document could meet it, and then the run does not start. What is left becomes checks of single
//! leaves, and where no leaf can stand for a rule, whole documents are checked. A check may be slower than it need be,
//! and never accepts what the contract does not.

use serde_json::{Map, Value};

use crate::{
    config::{
        contract::{Contract, Rules},
        mapping::{
            Root,
            policy::{IfEmpty, OnLookup, OnUnknown},
        },
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, nearest},
    json_pointer::escape,
    plan::{
        FieldPlan, Leaf, Many, ObjectPlan, One, Plan, ValuePlan,
        checks::{Checks, Quick},
        conversion::{Conversion, write_text},
        pattern::Pattern,
    },
    text::buffer::OutputBuffer,
};

/// Keywords that say nothing about whether a value is valid, or whose parts are visited by name.
const SILENT: &[&str] = &[
    "$schema",
    "$id",
    "id",
    "$defs",
    "definitions",
    "$comment",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$ref",
    "allOf",
    "$vocabulary",
];
/// Keywords about objects.
const OBJECT: &[&str] = &[
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];
/// Keywords about lists.
const ARRAY: &[&str] = &[
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];
/// Keywords about texts.
const STRING: &[&str] =
    &["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType", "contentSchema"];
/// Keywords about numbers.
const NUMBER: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// Fills in the checks of a plan.
pub(super) fn contract(plan: &mut Plan) -> Vec<Diagnostic> {
    let mut prover = Prover { contract: &plan.contract, places: &plan.places, findings: Vec::new(), whole: Vec::new() };
    let documents = match plan.root {
        Root::Object => Some((vec![String::new()], None)),
        Root::Array => prover.body(),
    };
    if let Some((pointers, max)) = documents {
        plan.max_documents = plan.max_documents.or(max);
        prover.object(&mut plan.document, &pointers, "/output", "");
    }
    let Prover { findings, whole, .. } = prover;
    plan.whole = whole;
    findings
}

struct Prover<'a> {
    contract: &'a Contract,
    places: &'a Places,
    findings: Vec<Diagnostic>,
    whole: Vec<String>,
}

impl Prover<'_> {
    /// Something that no document of this mapping could meet.
    fn broken(&mut self, code: Code, rule: &str, target: &str, schema: &str, message: String, hint: String) {
        let diagnostic = Diagnostic::new(code, message)
            .rule(self.places.leaf(rule))
            .also(self.contract.place(schema), "the contract says so here")
            .target(target, schema)
            .hint(hint);
        self.findings.push(diagnostic);
    }

    /// The body of a request as a list: where the contract speaks of one document, and how many it allows.
    fn body(&mut self) -> Option<(Vec<String>, Option<u64>)> {
        let rules = self.contract.rules(&[String::new()]);
        let (mut pointers, mut max) = (Vec::new(), None);
        for (at, schema) in &rules.schemas {
            if !allows(schema, "array") {
                let hint = "describe the whole body in the contract, as `{\"type\": \"array\", \"items\": …}`, or set `root: object`";
                self.broken(
                    Code::PlanContractMismatch,
                    "/output/root",
                    "",
                    &format!("{at}/type"),
                    "the mapping makes a list of documents, and the contract wants something else".into(),
                    hint.into(),
                );
                return None;
            }
            for (keyword, value) in *schema {
                match keyword.as_str() {
                    "items" if !value.is_array() => pointers.push(format!("{at}/items")),
                    "maxItems" => max = value.as_u64().into_iter().chain(max).min(),
                    "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {}
                    "uniqueItems" if value == &Value::Bool(false) => {}
                    "type" => {}
                    other
                        if SILENT.contains(&other)
                            || OBJECT.contains(&other)
                            || STRING.contains(&other)
                            || NUMBER.contains(&other)
                            || other.starts_with("x-") => {}
                    other => {
                        let message =
                            format!("`{other}` is a rule about the whole list, which no batch of it can keep");
                        self.broken(
                            Code::PlanContract,
                            "/output/root",
                            "",
                            &format!("{at}/{other}"),
                            message,
                            "describe single documents under `items` instead".into(),
                        );
                    }
                }
            }
        }
        if rules.opaque {
            self.whole.push(String::new());
        }
        Some((pointers, max))
    }

    fn value(&mut self, field: &mut FieldPlan, pointers: &[String], target: &str) {
        let rule = field.rule.clone();
        match &mut field.value {
            ValuePlan::Const(json) => {
                let json = json.clone();
                self.fixed(&json, pointers, &format!("{rule}/const"), target, "this constant");
            }
            value => self.any(value, pointers, &rule, target),
        }
    }

    fn any(&mut self, value: &mut ValuePlan, pointers: &[String], rule: &str, target: &str) {
        match value {
            ValuePlan::Const(_) => {}
            ValuePlan::Leaf(leaf) => self.leaf(leaf, pointers, rule, target),
            ValuePlan::Object(object) => self.object(object, pointers, rule, target),
            ValuePlan::Many(many) => self.many(many, pointers, rule, target),
            ValuePlan::One(one) => self.one(one, pointers, rule, target),
        }
    }

    fn object(&mut self, object: &mut ObjectPlan, pointers: &[String], rule: &str, target: &str) {
        let rules = self.contract.rules(pointers);
        self.type_of("object", &rules, rule, target);
        let optional: Vec<bool> = object.fields.iter().map(|field| may_be_missing(&field.value)).collect();
        for (at, schema) in &rules.schemas {
            self.required(object, &optional, (at, schema), rule, target);
            self.additional(object, (at, schema), target);
            for (keyword, value) in *schema {
                let count = object.fields.len() as u64;
                let complete = !optional.contains(&true);
                let plain = match keyword.as_str() {
                    "properties" | "required" | "type" | "additionalProperties" => true,
                    "minProperties" => complete && value.as_u64().is_some_and(|least| least <= count),
                    "maxProperties" => value.as_u64().is_some_and(|most| count <= most),
                    other => {
                        silent(other) || ARRAY.contains(&other) || STRING.contains(&other) || NUMBER.contains(&other)
                    }
                };
                if !plain {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        let children: Vec<Vec<String>> = object.fields.iter().map(|field| properties(&rules, &field.name)).collect();
        for (field, pointers) in object.fields.iter_mut().zip(children) {
            let target = format!("{target}/{}", escape(&field.name));
            self.value(field, &pointers, &target);
        }
    }

    fn required(
        &mut self,
        object: &ObjectPlan,
        optional: &[bool],
        (at, schema): (&str, &Map<String, Value>),
        rule: &str,
        target: &str,
    ) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            let pointer = format!("{at}/required");
            match object.fields.iter().position(|field| field.name == name) {
                None => {
                    let fields = if rule == "/output" { "/output/fields".to_owned() } else { format!("{rule}/fields") };
                    let near = nearest(name, object.fields.iter().map(|field| field.name.as_str()));
                    let hint = near.map_or_else(
                        || format!("add `{name}:` here"),
                        |near| format!("add `{name}:` here, or rename `{near}`"),
                    );
                    self.broken(
                        Code::PlanFieldMissing,
                        &fields,
                        target,
                        &pointer,
                        format!("the contract requires the field `{name}`, and the mapping does not make it"),
                        hint,
                    );
                }
                Some(field) if optional[field] => {
                    let message = format!("the contract requires the field `{name}`, and the mapping may leave it out");
                    let rule = object.fields[field].rule.clone();
                    self.broken(
                        Code::PlanFieldMissing,
                        &rule,
                        &format!("{target}/{}", escape(name)),
                        &pointer,
                        message,
                        "use `reject` or a `default` in place of `omit`".into(),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn additional(&mut self, object: &ObjectPlan, (at, schema): (&str, &Map<String, Value>), target: &str) {
        let Some(additional) = schema.get("additionalProperties") else { return };
        if schema.contains_key("patternProperties") {
            return;
        }
        let known = schema.get("properties").and_then(Value::as_object);
        for field in &object.fields {
            let is_known = known.is_some_and(|known| known.contains_key(&field.name));
            if !is_known && additional == &Value::Bool(false) {
                let near = nearest(&field.name, known.into_iter().flat_map(Map::keys).map(String::as_str));
                let hint = near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
                let message = format!("the contract does not allow the field `{}`", field.name);
                self.broken(
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

    fn many(&mut self, many: &mut Many, pointers: &[String], rule: &str, target: &str) {
        let rules = self.contract.rules(pointers);
        self.type_of("array", &rules, rule, target);
        let mut items = Vec::new();
        for (at, schema) in &rules.schemas {
            for (keyword, value) in *schema {
                let plain = match (keyword.as_str(), value.as_u64()) {
                    ("items", _) if !value.is_array() => {
                        items.push(format!("{at}/items"));
                        true
                    }
                    ("minItems", Some(least)) => {
                        many.allowed.0 = many.allowed.0.max(least);
                        true
                    }
                    ("maxItems", Some(most)) => {
                        many.allowed.1 = many.allowed.1.min(most);
                        true
                    }
                    ("type", _) => true,
                    ("uniqueItems", _) => value == &Value::Bool(false),
                    (other, _) => {
                        silent(other) || OBJECT.contains(&other) || STRING.contains(&other) || NUMBER.contains(&other)
                    }
                };
                if !plain {
                    self.whole.push(format!("{at}/{}", escape(keyword)));
                }
            }
        }
        if rules.opaque {
            self.whole.extend(pointers.iter().cloned());
        }
        self.any(&mut many.item, &items, rule, &format!("{target}/*"));
    }

    fn one(&mut self, one: &mut One, pointers: &[String], rule: &str, target: &str) {
        if one.on_missing.then == OnLookup::SetNull {
            self.fixed(b"null", pointers, &format!("{rule}/on_missing"), target, "`null`");
        }
        self.any(&mut one.value, pointers, rule, target);
    }

    /// The contract allows this JSON type here.
    fn type_of(&mut self, made: &str, rules: &Rules<'_>, rule: &str, target: &str) -> bool {
        for (at, schema) in &rules.schemas {
            if !allows(schema, made) {
                let wanted = schema.get("type").map(type_words).unwrap_or_default();
                let hint = match (made, wanted.as_str()) {
                    ("text", "number") => "declare the type of the column under `sources`, as in `{ type: decimal }`",
                    ("text", "integer") => "declare the type of the column under `sources`, as in `{ type: integer }`",
                    ("text", "boolean") => "declare the type of the column under `sources`, as in `{ type: boolean }`",
                    _ => "",
                };
                let message =
                    format!("the mapping makes {} here, and the contract wants {}", article(made), article(&wanted));
                self.broken(Code::PlanContractMismatch, rule, target, &format!("{at}/type"), message, hint.into());
                return false;
            }
        }
        if let Some(at) = &rules.never {
            self.broken(
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

    /// A value that is the same in every document must be accepted now.
    fn fixed(&mut self, json: &[u8], pointers: &[String], rule: &str, target: &str, what: &str) {
        let Ok(value) = serde_json::from_slice::<Value>(json) else { return };
        for pointer in pointers {
            if let Some(violation) = self.contract.part_violations(pointer, &value).into_iter().next() {
                let message = format!("the contract does not accept {what}: {}", violation.message);
                self.broken(Code::PlanContractMismatch, rule, target, &violation.schema, message, String::new());
                return;
            }
        }
    }

    fn leaf(&mut self, leaf: &mut Leaf, pointers: &[String], rule: &str, target: &str) {
        if leaf.if_empty.then == IfEmpty::SetNull {
            self.fixed(b"null", pointers, &format!("{rule}/if_empty"), target, "`null`");
        }
        if let Some(codes) = &leaf.codes {
            if codes.on_unknown.then == OnUnknown::SetNull {
                self.fixed(b"null", pointers, &format!("{}/on_unknown", codes.rule), target, "`null`");
            }
            if let Some(other) = codes.others() {
                self.fixed(
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
                self.fixed(json, pointers, &codes.rule_of(code, self.places), target, &what);
            }
        } else if let Some(fallback) = &leaf.fallback {
            let mut json = OutputBuffer::default();
            if leaf.conversion.write(fallback.as_slice().into(), &mut json).is_ok() {
                self.fixed(&json, pointers, &format!("{rule}/default"), target, "this default");
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
        if !self.type_of(made, &rules, rule, target) {
            return;
        }
        leaf.checks = self.checks(leaf, &rules, pointers);
    }

    fn checks(&mut self, leaf: &Leaf, rules: &Rules<'_>, pointers: &[String]) -> Checks {
        let mut checks = Checks { quick: Vec::new(), covered: !rules.opaque, exact: Vec::new() };
        if matches!(leaf.conversion, Conversion::Boolean { .. }) {
            let accepted =
                |value: bool| pointers.iter().all(|pointer| self.contract.part_accepts(pointer, &Value::Bool(value)));
            checks.covered = accepted(true) && accepted(false);
        } else {
            for (_, schema) in &rules.schemas {
                for (keyword, value) in *schema {
                    match proven(&leaf.conversion, schema, keyword, value) {
                        Proof::Holds => {}
                        Proof::Quick(quick) => checks.quick.push(quick),
                        Proof::Open => checks.covered = false,
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

/// What is known of one rule about one leaf before any data is read.
enum Proof {
    /// It holds for every value.
    Holds,
    /// A quick check stands for it.
    Quick(Quick),
    /// Only the exact check can tell.
    Open,
}

fn proven(conversion: &Conversion, schema: &Map<String, Value>, keyword: &str, value: &Value) -> Proof {
    let text = conversion.is_text();
    let quick = |quick: Option<Quick>| quick.map_or(Proof::Open, Proof::Quick);
    match (keyword, value) {
        ("type", _) => {
            let whole =
                matches!(conversion, Conversion::Decimal(_)) && !schema_types(value).any(|word| word == "number");
            if whole { Proof::Quick(Quick::Whole) } else { Proof::Holds }
        }
        ("minLength", _) if text => match value.as_u64() {
            Some(0) => Proof::Holds,
            least => quick(least.map(Quick::MinLength)),
        },
        ("maxLength", _) if text => quick(value.as_u64().map(Quick::MaxLength)),
        ("format", Value::String(format)) if text => match (format.as_str(), conversion) {
            ("date", Conversion::Date(_)) | ("date-time", Conversion::Datetime { .. }) => Proof::Holds,
            ("email", _) => Proof::Quick(Quick::Email),
            _ => Proof::Open,
        },
        ("pattern", Value::String(pattern)) if text => quick(Pattern::known(pattern).map(Quick::Pattern)),
        ("enum", Value::Array(values)) if text => {
            let known = |value: &Value| value.as_str().map(json_text);
            Proof::Quick(Quick::OneOf(values.iter().filter_map(known).collect()))
        }
        ("const", Value::String(only)) if text => Proof::Quick(Quick::OneOf(vec![json_text(only)])),
        // In draft 4 a boolean `exclusiveMinimum` changes what `minimum` means, and is itself not covered below.
        ("minimum", _) if !text => quick(value.as_i64().map(Quick::AtLeast)),
        ("maximum", _) if !text => quick(value.as_i64().map(Quick::AtMost)),
        (other, _) if silent(other) || OBJECT.contains(&other) || ARRAY.contains(&other) => Proof::Holds,
        (other, _) if text && NUMBER.contains(&other) && schema.contains_key(other) => Proof::Holds,
        (other, _) if !text && STRING.contains(&other) => Proof::Holds,
        _ => Proof::Open,
    }
}

fn json_text(text: &str) -> Vec<u8> {
    let mut json = OutputBuffer::default();
    write_text(text.as_bytes().into(), &mut json);
    json.into()
}

fn silent(keyword: &str) -> bool {
    SILENT.contains(&keyword) || keyword.starts_with("x-")
}

fn schema_types(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str();
    one.into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// Whether a schema's `type` allows what a mapping makes.
fn allows(schema: &Map<String, Value>, made: &str) -> bool {
    let Some(types) = schema.get("type") else { return true };
    schema_types(types).any(|word| match made {
        "text" => word == "string",
        // A decimal may happen to be whole, so `integer` is left to the check of the value.
        "integer" | "number" => matches!(word, "number" | "integer"),
        other => word == other,
    })
}

fn type_words(value: &Value) -> String {
    schema_types(value).collect::<Vec<_>>().join(" or ")
}

fn article(word: &str) -> String {
    let word = match word {
        "array" => "list",
        "string" => "text",
        other => other,
    };
    let an = word.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {word}", if an { "an" } else { "a" })
}

/// Where the contract speaks of a field of an object.
fn properties(rules: &Rules<'_>, name: &str) -> Vec<String> {
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

fn may_be_missing(value: &ValuePlan) -> bool {
    match value {
        ValuePlan::Leaf(leaf) => {
            leaf.if_empty.then == IfEmpty::Omit && leaf.fallback.is_none()
                || leaf.codes.as_ref().is_some_and(|codes| codes.on_unknown.then == OnUnknown::Omit)
        }
        ValuePlan::One(one) => {
            one.on_missing.then == OnLookup::Omit
                || matches!(one.value, ValuePlan::Leaf(_)) && may_be_missing(&one.value)
        }
        ValuePlan::Const(_) | ValuePlan::Object(_) | ValuePlan::Many(_) => false,
    }
}
