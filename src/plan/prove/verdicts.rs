//! What is known of all values of a part of the plan before any data is read: whether a schema always holds, or never.
//!
//! Only what is certain is said: a schema that *always* holds accepts every value that this part can make, one that *never*
//! holds accepts none of them. Everything else is left to the data. The steps are counted, as a contract may refer to itself.

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::{
    config::{
        alternatives::{BranchFacts, MeantBranch},
        broken_rules::describe_ruled_out,
        contract::Contract,
        mapping::policy::{IfEmpty, OnUnknown, Policy},
    },
    json_pointer::escape,
    plan::{
        Leaf, ObjectPlan, ValuePlan,
        conversion::Conversion,
        keywords::{RuleStatus, classify_rule, is_silent, join_type_names, type_allows, with_article},
    },
    text::buffer::OutputBuffer,
};

/// What is known of a schema and all values of a part of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SchemaVerdict {
    /// It accepts all of them.
    Always,
    /// That depends on the data.
    Open,
    /// It accepts none of them.
    Never(Refusal),
}

/// Why a schema accepts no value of a part of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The rule of the contract.
    pub(super) schema: String,
    /// The rule of the mapping, if it is one inside that part.
    pub(super) rule: Option<String>,
    /// The place inside the value.
    pub(super) target: String,
    /// What the contract wants, in words.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(schema: String, message: String) -> Refusal {
        Refusal { schema, rule: None, target: String::new(), message }
    }

    /// The same about a field, if it is one of this object.
    fn at_field(self, made: MadePart<'_>, name: Option<&str>) -> Refusal {
        let MadePart::Object(object) = made else { return self };
        match object.fields.iter().find(|field| Some(field.name.as_str()) == name) {
            Some(field) => {
                Refusal { rule: Some(field.rule.clone()), target: format!("/{}", escape(&field.name)), ..self }
            }
            None => self,
        }
    }
}

impl SchemaVerdict {
    pub(super) fn never(schema: String, message: String) -> SchemaVerdict {
        SchemaVerdict::Never(Refusal::new(schema, message))
    }

    /// The verdict on two schemas that both have to hold.
    pub(super) fn and(self, other: impl FnOnce() -> SchemaVerdict) -> SchemaVerdict {
        match self {
            SchemaVerdict::Never(refusal) => SchemaVerdict::Never(refusal),
            SchemaVerdict::Always => other(),
            SchemaVerdict::Open => match other() {
                SchemaVerdict::Always => SchemaVerdict::Open,
                other => other,
            },
        }
    }

    /// The verdict on the values of two kinds, of which each value is one.
    pub(super) fn or(self, other: SchemaVerdict) -> SchemaVerdict {
        match (self, other) {
            (SchemaVerdict::Always, SchemaVerdict::Always) => SchemaVerdict::Always,
            (SchemaVerdict::Never(refusal), SchemaVerdict::Never(_)) => SchemaVerdict::Never(refusal),
            _ => SchemaVerdict::Open,
        }
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self, SchemaVerdict::Never(_))
    }
}

/// A part of the plan; of a leaf and what is around it, without the values that are the same in all documents.
#[derive(Clone, Copy)]
pub(super) enum MadePart<'p> {
    Object(&'p ObjectPlan),
    /// A value that may be `null`, too.
    Value(&'p ValuePlan),
    /// Values that are read from cells.
    Free(&'p Leaf),
    /// The list that a value is.
    List(&'p ValuePlan),
}

/// A field of which it is known what it holds; `None`: that it is not there.
#[derive(Clone, Copy)]
pub(super) struct KnownField<'v> {
    pub(super) name: &'v str,
    pub(super) value: Option<&'v Value>,
}

/// Finds verdicts on one plan.
pub(super) struct Judge<'a> {
    pub(super) contract: &'a Contract,
    /// What is said of nothing for all fields that say nothing themselves.
    pub(super) if_empty: Option<&'a Policy<IfEmpty>>,
    /// How many steps may still be taken.
    pub(super) steps: Cell<u32>,
}

/// So many steps are taken for one plan; what is left open then is checked in the data.
pub(super) const MAX_STEPS: u32 = 200_000;

impl Judge<'_> {
    /// The verdict of the schema at a pointer.
    pub(super) fn judge(&self, made: MadePart<'_>, pointer: &str, known: Option<KnownField<'_>>) -> SchemaVerdict {
        let Some(left) = self.steps.get().checked_sub(1) else { return SchemaVerdict::Open };
        self.steps.set(left);
        if let MadePart::Value(value) = made {
            return self.judge_value(value, pointer);
        }
        let rules = self.contract.rules(&[pointer.to_owned()]);
        if let Some(at) = &rules.never {
            return SchemaVerdict::never(at.clone(), "the contract allows no value here".into());
        }
        if matches!(made, MadePart::Free(leaf) if leaf.conversion == Conversion::Json) {
            return SchemaVerdict::Open;
        }
        let start = if rules.opaque { SchemaVerdict::Open } else { SchemaVerdict::Always };
        // What is cheap and decides most is looked at first.
        let order = ["type", "required", "properties"];
        rules.schemas.iter().fold(start, |verdict, (at, schema)| {
            let first = order.iter().filter_map(|keyword| schema.get_key_value(*keyword));
            let others = schema.iter().filter(|(keyword, _)| !order.contains(&keyword.as_str()));
            first.chain(others).fold(verdict, |verdict, (keyword, value)| {
                verdict.and(|| self.judge_keyword(made, at, schema, (keyword, value), known))
            })
        })
    }

    /// The verdict of one keyword of a schema.
    pub(super) fn judge_keyword(
        &self,
        made: MadePart<'_>,
        at: &str,
        schema: &Map<String, Value>,
        (keyword, value): (&str, &Value),
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        if !self.contract.listens_to(keyword, value) {
            return SchemaVerdict::Always;
        }
        match (keyword, made) {
            ("type", _) => judge_type(made, at, schema),
            ("oneOf" | "anyOf", _) => self.judge_branches(made, at, keyword, known),
            ("not", _) => match self.judge(made, &format!("{at}/not"), known) {
                SchemaVerdict::Always => {
                    let (field, message) = describe_ruled_out(value);
                    SchemaVerdict::Never(Refusal::new(format!("{at}/not"), message).at_field(made, field))
                }
                SchemaVerdict::Open => SchemaVerdict::Open,
                SchemaVerdict::Never(_) => SchemaVerdict::Always,
            },
            ("if", _) => self.judge_condition(made, at, schema, known),
            ("then" | "else", _) => SchemaVerdict::Always,
            (_, MadePart::Object(object)) => self.judge_object(object, at, (keyword, value), known),
            (_, MadePart::List(list)) => self.judge_list(list, at, schema, (keyword, value)),
            ("const" | "enum", MadePart::Free(leaf)) => judge_listed(leaf, at, keyword, value),
            (_, MadePart::Free(leaf)) => match classify_rule(&leaf.conversion, schema, keyword, value) {
                RuleStatus::Proven => SchemaVerdict::Always,
                RuleStatus::Quick(_) | RuleStatus::Open => SchemaVerdict::Open,
            },
            (_, MadePart::Value(_)) => SchemaVerdict::Open,
        }
    }

    /// The verdict on each branch.
    pub(super) fn judge_each(
        &self,
        made: MadePart<'_>,
        pointer: &str,
        known: Option<KnownField<'_>>,
    ) -> Vec<SchemaVerdict> {
        let count = self.contract.schema.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).map(|branch| self.judge(made, &format!("{pointer}/{branch}"), known)).collect()
    }

    fn judge_branches(
        &self,
        made: MadePart<'_>,
        at: &str,
        keyword: &str,
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        let pointer = format!("{at}/{keyword}");
        let verdicts = self.judge_each(made, &pointer, known);
        let always = verdicts.iter().filter(|verdict| **verdict == SchemaVerdict::Always).count();
        let mut possible = verdicts.iter().filter(|verdict| !verdict.is_never());
        match (possible.next(), possible.next()) {
            (None, _) => SchemaVerdict::Never(self.refuse_branches(made, &pointer, verdicts, known)),
            (Some(only), None) => only.clone(),
            _ if keyword == "anyOf" && always > 0 => SchemaVerdict::Always,
            _ if keyword == "oneOf" && always > 1 => {
                let facts = self.contract.branches(&pointer);
                let fitting = verdicts.iter().enumerate().filter(|(_, verdict)| **verdict == SchemaVerdict::Always);
                let names: Vec<&str> = fitting.map(|(branch, _)| facts.short_name(branch)).take(4).collect();
                let message = format!("{always} branches of `oneOf` fit, and exactly one has to: {}", names.join(", "));
                SchemaVerdict::never(pointer, message)
            }
            _ => SchemaVerdict::Open,
        }
    }

    fn judge_condition(
        &self,
        made: MadePart<'_>,
        at: &str,
        schema: &Map<String, Value>,
        known: Option<KnownField<'_>>,
    ) -> SchemaVerdict {
        let part = |keyword: &str| {
            let is_there = schema.contains_key(keyword);
            if is_there { self.judge(made, &format!("{at}/{keyword}"), known) } else { SchemaVerdict::Always }
        };
        match self.judge(made, &format!("{at}/if"), known) {
            SchemaVerdict::Always => part("then"),
            SchemaVerdict::Never(_) => part("else"),
            SchemaVerdict::Open => part("then").or(part("else")),
        }
    }

    pub(super) fn judge_value(&self, value: &ValuePlan, pointer: &str) -> SchemaVerdict {
        let made = match value {
            ValuePlan::Const(json) => {
                let value = serde_json::from_slice(json).unwrap_or_default();
                self.judge_fixed(&value, pointer)
            }
            ValuePlan::Leaf(leaf) => self.judge_leaf(leaf, pointer),
            ValuePlan::Object(object) => self.judge(MadePart::Object(object), pointer, None),
            // Only the data tell which fields it has.
            ValuePlan::Many(many) if many.keyed_by.is_some() => SchemaVerdict::Open,
            // And which number.
            ValuePlan::Aggregate(_) => SchemaVerdict::Open,
            ValuePlan::List(_) | ValuePlan::Pieces(_) | ValuePlan::Many(_) => {
                self.judge(MadePart::List(value), pointer, None)
            }
            ValuePlan::When(when) => self.judge_value(&when.value, pointer),
            ValuePlan::One(one) => self.judge_value(&one.value, pointer),
        };
        if self.may_be_null(value) { made.or(self.judge_fixed(&Value::Null, pointer)) } else { made }
    }

    pub(super) fn judge_fixed(&self, value: &Value, pointer: &str) -> SchemaVerdict {
        let Some(left) = self.steps.get().checked_sub(1) else { return SchemaVerdict::Open };
        self.steps.set(left);
        match (self.contract.has_part(pointer), self.contract.part_violations(pointer, value).into_iter().next()) {
            (false, _) => SchemaVerdict::Open,
            (true, None) => SchemaVerdict::Always,
            (true, Some(violation)) => {
                let message = format!("the contract does not accept this: {}", violation.message);
                SchemaVerdict::never(violation.schema, message)
            }
        }
    }

    /// The verdict on a value made of cells, whether it is one of a few or any.
    pub(super) fn judge_leaf(&self, leaf: &Leaf, pointer: &str) -> SchemaVerdict {
        let fixed = list_values(leaf);
        let free = is_free(leaf).then(|| self.judge(MadePart::Free(leaf), pointer, None));
        let verdicts = fixed.iter().map(|value| self.judge_fixed(value, pointer)).chain(free);
        verdicts.reduce(SchemaVerdict::or).unwrap_or(SchemaVerdict::Open)
    }

    /// Why no branch accepts what is made: the reason of the branch that was meant, or those of all.
    pub(super) fn refuse_branches(
        &self,
        made: MadePart<'_>,
        pointer: &str,
        verdicts: Vec<SchemaVerdict>,
        known: Option<KnownField<'_>>,
    ) -> Refusal {
        let facts = self.contract.branches(pointer);
        let refusals: Vec<Refusal> = verdicts
            .into_iter()
            .filter_map(|verdict| if let SchemaVerdict::Never(refusal) = verdict { Some(refusal) } else { None })
            .collect();
        let fixed = if let MadePart::Object(object) = made { list_fixed(object, known) } else { Vec::new() };
        let value_of = |name: &str| fixed.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        // A branch of another type was not meant.
        let is_typed = |branch: &usize| {
            let refusal = refusals.get(*branch);
            refusal.is_some_and(|refusal| !refusal.target.is_empty() || !refusal.schema.ends_with("/type"))
        };
        let typed: Vec<usize> = (0..refusals.len()).filter(is_typed).collect();
        let typed = if typed.is_empty() { (0..refusals.len()).collect() } else { typed };
        explain_refusal(&facts, made, pointer, refusals, &typed, &value_of)
    }
}

/// Why no branch accepts what is made, where each of them has a reason.
fn explain_refusal<'v>(
    facts: &BranchFacts,
    made: MadePart<'_>,
    pointer: &str,
    mut refusals: Vec<Refusal>,
    typed: &[usize],
    value_of: &dyn Fn(&str) -> Option<&'v Value>,
) -> Refusal {
    let keyword = pointer.rsplit('/').next().unwrap_or_default();
    let whole = |message: String| Refusal::new(pointer.to_owned(), message);
    let open = match (facts.choose(typed, value_of), typed) {
        (MeantBranch::Chosen(branch, _), _) if branch < refusals.len() => vec![branch],
        (_, [only]) => vec![*only],
        (MeantBranch::NoneOf(field, values), _) => {
            let values: Vec<String> = values.iter().take(MAX_TOLD * 3).map(Value::to_string).collect();
            let values = values.join(", ");
            let message = format!("`{field}` chooses the branch of `{keyword}`, and the contract knows only {values}");
            return whole(message).at_field(made, Some(&field));
        }
        (MeantBranch::Open(open), _) if !open.is_empty() => open,
        _ => (0..refusals.len()).collect(),
    };
    if let [only] = open.as_slice() {
        let refusal = refusals.swap_remove(*only);
        let message = format!("{} ({})", refusal.message, facts.name(*only));
        return Refusal { message, ..refusal };
    }
    let wants: Vec<String> = open
        .iter()
        .take(MAX_TOLD)
        .filter_map(|branch| Some((facts.short_name(*branch), &refusals.get(*branch)?.message)))
        .map(|(name, message)| format!("{name}: {}", message.chars().take(MAX_LETTERS).collect::<String>()))
        .collect();
    let more = if open.len() > MAX_TOLD { "; …" } else { "" };
    whole(format!("no branch of `{keyword}` can take what the mapping makes: {}{more}", wants.join("; ")))
}

/// So many branches are told if none of them was meant.
const MAX_TOLD: usize = 4;
/// So many letters are told of what one of them wants.
const MAX_LETTERS: usize = 160;

/// The verdict of `type` on what is made.
fn judge_type(made: MadePart<'_>, at: &str, schema: &Map<String, Value>) -> SchemaVerdict {
    let word = match made {
        MadePart::Object(_) => "object",
        MadePart::List(_) => "array",
        MadePart::Free(leaf) => leaf.conversion.json_type(),
        MadePart::Value(_) => return SchemaVerdict::Open,
    };
    if !type_allows(schema, word) {
        let wanted = schema.get("type").map(join_type_names).unwrap_or_default();
        let (made, wanted) = (with_article(word), with_article(&wanted));
        let message = format!("the mapping makes {made} here, and the contract wants {wanted}");
        return SchemaVerdict::never(format!("{at}/type"), message);
    }
    let MadePart::Free(leaf) = made else { return SchemaVerdict::Always };
    match schema.get("type").map(|value| classify_rule(&leaf.conversion, schema, "type", value)) {
        Some(RuleStatus::Quick(_) | RuleStatus::Open) => SchemaVerdict::Open,
        Some(RuleStatus::Proven) | None => SchemaVerdict::Always,
    }
}

/// The fields of an object whose values are known.
fn list_fixed<'p>(object: &'p ObjectPlan, known: Option<KnownField<'p>>) -> Vec<(&'p str, Value)> {
    let constants = object.fields.iter().filter_map(|field| match &field.value {
        ValuePlan::Const(json) => Some((field.name.as_str(), serde_json::from_slice(json).ok()?)),
        _ => None,
    });
    let known = known.and_then(|known| Some((known.name, known.value?.clone())));
    known.into_iter().chain(constants).collect()
}

/// Whether a leaf writes values that are not listed in the mapping.
pub(super) fn is_free(leaf: &Leaf) -> bool {
    match &leaf.codes {
        Some(codes) => codes.on_unknown.then == OnUnknown::Keep,
        None => !matches!(leaf.conversion, Conversion::Boolean { .. }),
    }
}

/// The values of a leaf that are listed in the mapping: what codes are translated to, a default, truth values.
pub(super) fn list_values(leaf: &Leaf) -> Vec<Value> {
    let parse = |json: &[u8]| serde_json::from_slice(json).ok();
    let mut values: Vec<Value> = match &leaf.codes {
        Some(codes) => {
            let table = codes.values.iter().filter_map(|(_, json)| parse(json.whole().bytes()));
            table.chain(codes.unknown_value().and_then(|json| parse(&json))).collect()
        }
        None if matches!(leaf.conversion, Conversion::Boolean { .. }) => vec![true.into(), false.into()],
        None => {
            let fallback = leaf.fallback.as_ref().and_then(|fallback| {
                let mut json = OutputBuffer::default();
                leaf.conversion.write(fallback.as_slice().into(), &mut json).ok()?;
                parse(&json)
            });
            fallback.into_iter().collect()
        }
    };
    let mut seen: Vec<Value> = Vec::new();
    values.retain(|value| {
        let is_new = !seen.contains(value);
        if is_new {
            seen.push(value.clone());
        }
        is_new
    });
    values
}

/// The verdict of a list of allowed values on values that are read from cells.
fn judge_listed(leaf: &Leaf, at: &str, keyword: &str, value: &Value) -> SchemaVerdict {
    let is_text = leaf.conversion.is_text();
    let fits = |value: &Value| if is_text { value.is_string() } else { value.is_number() };
    let is_possible = match value {
        Value::Array(values) if keyword == "enum" => values.iter().any(fits),
        only => fits(only),
    };
    if is_possible {
        return SchemaVerdict::Open;
    }
    let made = with_article(leaf.conversion.json_type());
    SchemaVerdict::never(
        format!("{at}/{keyword}"),
        format!("the mapping makes {made} here, and the contract wants {value}"),
    )
}

/// The verdict of a keyword that is about other kinds of values, or about nothing; all others are left to the data.
pub(super) fn judge_others(keyword: &str, others: &[&[&str]]) -> SchemaVerdict {
    if is_silent(keyword) || others.iter().any(|keywords| keywords.contains(&keyword)) {
        SchemaVerdict::Always
    } else {
        SchemaVerdict::Open
    }
}

/// The verdict of a limit on a count between two numbers.
pub(super) fn compare_count(
    (fewest, most): (u64, u64),
    is_least: bool,
    limit: u64,
    schema: &str,
    what: &str,
) -> SchemaVerdict {
    let (fits, never, wanted, has) = if is_least {
        (fewest >= limit, most < limit, "at least", most)
    } else {
        (most <= limit, fewest > limit, "at most", fewest)
    };
    match (fits, never) {
        (true, _) => SchemaVerdict::Always,
        (_, true) => {
            let message = format!("the contract wants {wanted} {limit} {what} here, and the mapping makes {has}");
            SchemaVerdict::never(schema.to_owned(), message)
        }
        _ => SchemaVerdict::Open,
    }
}
