//! Notes of the prover: each rule of the contract that concerns the documents, and why it is proven or has to be checked.
//!
//! They are taken when a plan that was compiled is proven once more, as `xwalk check --explain-proof` asks for it. A run
//! takes none. A note never decides anything: it tells what the prover found.

use serde_json::{Map, Value};

use crate::{
    config::{contract::Rules, ignored_keywords::is_rule, mapping::policy::OnUnknown},
    plan::{
        Leaf, ValueSource,
        contract_rule::{ContractRule, ProofStatus},
        conversion::Conversion,
        keywords::{ARRAY, NUMBER, OBJECT, RuleStatus, STRING, classify_rule, is_silent},
        prove::Prover,
    },
};

/// What a kind of value says of a keyword: `None`, if the keyword says nothing about it or is told elsewhere.
type Said = Option<(ProofStatus, String)>;

/// Says it, of a keyword in the schema at a pointer.
type JudgeKeyword<'j> = dyn Fn(&str, &Map<String, Value>, (&str, &Value)) -> Said + 'j;

/// Why nothing of a keyword with branches is left to be checked.
const DECIDED: &str = "decided for every document: of branches, those that are left are listed";

impl Prover<'_> {
    /// Notes all rules about a value, as `judge` says of each keyword with its schema and its value.
    pub(super) fn note_rules(&mut self, rules: &Rules<'_>, target: &str, judge: &JudgeKeyword<'_>) {
        let Some(notes) = &mut self.notes else { return };
        for (at, schema) in &rules.schemas {
            for (keyword, value) in *schema {
                let is_told = is_rule(keyword) && !is_silent(keyword) && self.contract.listens_to(keyword, value);
                let said = if !is_told {
                    None
                } else if rules.is_settled(at, keyword) {
                    Some((ProofStatus::Proven, DECIDED.to_owned()))
                } else {
                    judge(at, schema, (keyword, value))
                };
                if let Some((status, reason)) = said {
                    let (field, schema, keyword) = (target.to_owned(), at.clone(), keyword.clone());
                    notes.push(ContractRule { field, schema, keyword, value: value.clone(), status, reason });
                }
            }
        }
        if rules.opaque {
            let (field, keyword) = (target.to_owned(), "$ref".to_owned());
            let schema = rules.schemas.first().map_or_else(|| self.contract.root.clone(), |(at, _)| at.clone());
            let reason = "it leads to what cannot be followed here".to_owned();
            let (value, status) = (Value::Null, ProofStatus::Whole);
            notes.push(ContractRule { field, schema, keyword, value, status, reason });
        }
    }

    /// Notes the rules about a value of which each outcome was held against the contract.
    pub(super) fn note_tried(&mut self, pointers: &[String], target: &str, reason: &str) {
        if self.notes.is_some() {
            let rules = Rules { opaque: false, ..self.contract.rules(pointers) };
            self.note_rules(&rules, target, &|_, _, _| Some((ProofStatus::Proven, reason.to_owned())));
        }
    }

    /// Notes the rules about a value that is read from cells.
    pub(super) fn note_leaf(&mut self, leaf: &Leaf, rules: &Rules<'_>, pointers: &[String], target: &str) {
        if self.notes.is_none() {
            return;
        }
        let has_parts = pointers.iter().all(|pointer| self.contract.has_part(pointer));
        let (is_text, covered) = (leaf.conversion.is_text(), leaf.checks.covered);
        self.note_rules(rules, target, &|_, schema, (keyword, value)| match &leaf.conversion {
            Conversion::Boolean { .. } if covered => Some((ProofStatus::Proven, "both truth values were tried".into())),
            Conversion::Boolean { .. } => Some((ProofStatus::Checked, "one of the truth values is not allowed".into())),
            Conversion::Json => Some((ProofStatus::Checked, "a JSON value may be anything".into())),
            _ if is_about_other_values(keyword, is_text) => None,
            conversion => Some(match classify_rule(conversion, schema, keyword, value) {
                RuleStatus::Proven => (ProofStatus::Proven, say_proven(leaf, keyword)),
                RuleStatus::Quick(_) | RuleStatus::Open if has_parts => (ProofStatus::Checked, say_open(leaf, keyword)),
                RuleStatus::Quick(_) | RuleStatus::Open => (ProofStatus::Whole, say_open(leaf, keyword)),
            }),
        });
    }

    /// Notes the rules about the fields of an object; those in `open` are checked on whole documents.
    pub(super) fn note_members(&mut self, count: usize, rules: &Rules<'_>, target: &str, open: &[String]) {
        self.note_rules(rules, target, &|at, _, (keyword, value)| match keyword {
            "properties" | "patternProperties" => None,
            "additionalProperties" if !value.is_boolean() => None,
            _ if open.contains(&format!("{at}/{keyword}")) => {
                Some((ProofStatus::Whole, "it depends on several fields, or on which there are".into()))
            }
            "type" => Some((ProofStatus::Proven, "the mapping makes an object".into())),
            "required" => Some((ProofStatus::Proven, "the mapping always makes these fields".into())),
            "additionalProperties" => Some((ProofStatus::Proven, "the contract knows every field made here".into())),
            "minProperties" | "maxProperties" => {
                Some((ProofStatus::Proven, format!("the mapping makes {count} fields here")))
            }
            _ => None,
        });
    }

    /// Notes the rules about a list, or about an object whose fields are records. `counts`: the fewest and most items that it
    /// may have. What was found since there were `before` rules that only whole documents can tell is one of them.
    pub(super) fn note_list(&mut self, counts: (u64, u64), rules: &Rules<'_>, target: &str, before: usize) {
        let open = self.whole[before..].to_vec();
        self.note_rules(rules, target, &|at, _, (keyword, value)| match (keyword, value.as_u64()) {
            _ if open.contains(&format!("{at}/{keyword}")) => {
                Some((ProofStatus::Whole, "it depends on several values, or on their names".into()))
            }
            ("type", _) if value == "object" => Some((ProofStatus::Proven, "the mapping makes an object".into())),
            ("type", _) => Some((ProofStatus::Proven, "the mapping makes a list".into())),
            ("minItems" | "minProperties", Some(least)) if least <= counts.0 => {
                Some((ProofStatus::Proven, "the mapping never makes fewer".into()))
            }
            ("maxItems" | "maxProperties", Some(most)) if most >= counts.1 => {
                Some((ProofStatus::Proven, "the mapping never makes more".into()))
            }
            ("minItems" | "maxItems" | "minProperties" | "maxProperties", _) => {
                Some((ProofStatus::Checked, "only the data tell how many there are; they are counted".into()))
            }
            ("propertyNames", _) => Some((ProofStatus::Checked, "the names are what cells say".into())),
            _ => None,
        });
    }

    /// Notes the rules about the list of documents.
    pub(super) fn note_body(&mut self, rules: &Rules<'_>, target: &str) {
        self.note_rules(rules, target, &|_, _, (keyword, _)| match keyword {
            "type" => Some((ProofStatus::Proven, "the mapping makes a list of documents".into())),
            "minItems" => Some((ProofStatus::Proven, "nothing is sent when there is no document".into())),
            "maxItems" => Some((ProofStatus::Proven, "no request has more documents".into())),
            _ => None,
        });
    }

    /// Notes the rules about a count or a sum.
    pub(super) fn note_aggregate(&mut self, conversion: &Conversion, is_sum: bool, rules: &Rules<'_>, target: &str) {
        self.note_rules(rules, target, &|_, schema, (keyword, value)| {
            if is_about_other_values(keyword, false) {
                return None;
            }
            let is_low = !is_sum && keyword == "minimum" && value.as_f64().is_some_and(|least| least <= 0.0);
            match classify_rule(conversion, schema, keyword, value) {
                _ if is_low => Some((ProofStatus::Proven, "a count is never below 0".into())),
                RuleStatus::Proven => Some((ProofStatus::Proven, "it is calculated as such a number".into())),
                _ => Some((ProofStatus::Checked, "only the data tell the number".into())),
            }
        });
    }
}

/// Whether a keyword says nothing about texts, or about numbers.
fn is_about_other_values(keyword: &str, is_text: bool) -> bool {
    let others = if is_text { NUMBER } else { STRING };
    [OBJECT, ARRAY, others].iter().any(|keywords| keywords.contains(&keyword))
}

/// What is tried of a code table.
pub(super) fn say_tried(leaf: &Leaf) -> Option<String> {
    let codes = leaf.codes.as_ref()?;
    let count = codes.values.len();
    let other = match codes.on_unknown.then {
        OnUnknown::Use(_) => ", and the value for unknown codes,",
        OnUnknown::SetNull => ", and `null` for unknown codes,",
        _ => "",
    };
    Some(match count {
        1 => format!("the one value of the code table `{}`{other} was tried", codes.name),
        _ => format!("each of the {count} values of the code table `{}`{other} was tried", codes.name),
    })
}

/// Why every value of a leaf keeps a rule.
fn say_proven(leaf: &Leaf, keyword: &str) -> String {
    let kind = leaf.conversion.type_name();
    match (keyword, &leaf.from) {
        ("type", ValueSource::Template(_)) => "a template makes a text".into(),
        ("type", ValueSource::Value(_)) => format!("the expression gives the type `{kind}`"),
        ("type", ValueSource::Column(_)) if leaf.conversion == Conversion::Text => "a cell is a text".into(),
        ("type", ValueSource::Column(_)) => format!("its column is declared `{kind}`"),
        ("format", _) => format!("the type `{kind}` is written in this format"),
        ("minLength", _) => "no text is shorter".into(),
        _ => format!("every value of the type `{kind}` keeps it"),
    }
}

/// Why a rule about a leaf has to be checked.
fn say_open(leaf: &Leaf, keyword: &str) -> String {
    if let Some(codes) = leaf.codes.as_ref().filter(|codes| codes.on_unknown.then == OnUnknown::Keep) {
        return format!("the code table `{}` keeps unknown codes as they are", codes.name);
    }
    let (source, is_text) = (say_source(leaf), leaf.conversion.is_text());
    match keyword {
        "type" => format!("{source} may have a fraction; `type: integer` would prove it"),
        "enum" | "const" if is_text => format!("{source} may be any text; a code table would prove it"),
        "minLength" | "maxLength" => format!("{source} may have any length"),
        _ if is_text => format!("{source} may be any text"),
        _ => format!("{source} may be any number"),
    }
}

fn say_source(leaf: &Leaf) -> &'static str {
    match leaf.from {
        ValueSource::Column(_) => "a cell",
        ValueSource::Template(_) => "what the template makes",
        ValueSource::Value(_) => "what the expression gives",
    }
}
