//! The fields in the path of a request: each is one text or whole number that is always there, and no two documents share a
//! path that the later of them would replace.

use crate::{
    config::mapping::{
        policy::{IfEmpty, OnLookup, OnUnknown},
        request_path::{PathField, PathTemplate},
    },
    diagnostic::{Code, Diagnostic, nearest},
    plan::{
        EmptyPolicy, FieldPlan, Leaf, ObjectPlan, Plan, ValuePlan, ValueSource, conversion::Conversion,
        expression::narrow_place,
    },
};

/// Where the path stands in the mapping.
pub(super) const PATH: &str = "/request/path";
/// What a step of a path may be.
const WANTED: &str = "name a field of type text, code or integer that is in no list";

/// Finds what is wrong with the fields in the path.
pub(super) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let Some(path) = &plan.own_path else { return Vec::new() };
    let (mut findings, mut found) = (Vec::new(), Vec::new());
    for field in path.fields() {
        match find_in_object(&plan.document, field, 0, true) {
            Ok(leaf) => found.push(leaf),
            Err(fault) => {
                let place = narrow_place(plan.place(PATH), &path.written, &field.range);
                let finding = Diagnostic::new(fault.code, fault.message).rule(place).hint(fault.hint);
                findings.push(match fault.rule {
                    Some(rule) => finding.also(plan.place(rule), "the field stands here"),
                    None => finding,
                });
            }
        }
    }
    if findings.is_empty() && plan.request.method.replaces() {
        findings.extend(find_same_path(plan, path, &found));
    }
    findings
}

/// A field of a path, as it is made.
struct PathLeaf<'a> {
    leaf: &'a Leaf,
    /// It is made of the record that becomes the document.
    is_of_root: bool,
}

/// Why a field cannot stand in a path.
struct PathFieldFault<'a> {
    code: Code,
    message: String,
    hint: String,
    /// Where it stands in the mapping, if there is one.
    rule: Option<&'a str>,
}

impl<'a> PathFieldFault<'a> {
    fn new(rule: &'a str, message: String, hint: impl Into<String>) -> PathFieldFault<'a> {
        PathFieldFault { code: Code::PlanWrongValue, message, hint: hint.into(), rule: Some(rule) }
    }
}

fn find_in_object<'a>(
    object: &'a ObjectPlan,
    path: &PathField,
    depth: usize,
    is_of_root: bool,
) -> Result<PathLeaf<'a>, PathFieldFault<'a>> {
    let name = &path.steps[depth];
    let Some(field) = object.fields.iter().find(|field| field.name == *name) else {
        let names: Vec<&str> = object.fields.iter().map(|field| field.name.as_str()).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names.join(", ")),
        };
        let message = format!("the documents have no field `{}`", path.steps[..=depth].join("/"));
        return Err(PathFieldFault { code: Code::PlanUnknownName, message, hint, rule: None });
    };
    find_in_value(&field.value, field, path, depth, is_of_root)
}

fn find_in_value<'a>(
    value: &'a ValuePlan,
    field: &'a FieldPlan,
    path: &PathField,
    depth: usize,
    is_of_root: bool,
) -> Result<PathLeaf<'a>, PathFieldFault<'a>> {
    let (rule, name, is_last) = (field.rule.as_str(), &field.name, depth + 1 == path.steps.len());
    let left_out =
        |hint: &str| Err(PathFieldFault::new(rule, format!("`{name}` may be left out, and every path needs it"), hint));
    match value {
        ValuePlan::When(when) if when.if_empty.then != IfEmpty::Reject => {
            left_out("leave its `where` out, or say `if_empty: reject` there")
        }
        ValuePlan::One(one) if one.on_missing.then != OnLookup::Reject => left_out("say `on_missing: reject` there"),
        ValuePlan::Object(object) if !is_last && leaves_out(&object.if_empty) => {
            left_out("say `if_empty: reject` there")
        }
        ValuePlan::When(when) => find_in_value(&when.value, field, path, depth, is_of_root),
        ValuePlan::One(one) => find_in_value(&one.value, field, path, depth, false),
        ValuePlan::Object(object) if !is_last => find_in_object(object, path, depth + 1, is_of_root),
        ValuePlan::Object(object) => {
            let inner = object.fields.first().map_or("…", |field| field.name.as_str());
            let hint = format!("name a field in it, as in `{{{}/{inner}}}`", path.name);
            Err(PathFieldFault::new(rule, format!("`{name}` is an object, and a step of a path is one value"), hint))
        }
        ValuePlan::Const(_) => {
            let message = format!("`{name}` is the same in every document");
            Err(PathFieldFault::new(rule, message, "write its value into the path"))
        }
        ValuePlan::Leaf(_) if !is_last => {
            let message = format!("`{name}` is one value, and has no fields");
            Err(PathFieldFault::new(rule, message, format!("write `{{{}}}`", path.steps[..=depth].join("/"))))
        }
        ValuePlan::Leaf(leaf) => match describe_other_type(leaf) {
            Some(what) => {
                let message = format!("`{name}` is {what}, which may be written in several ways");
                Err(PathFieldFault::new(rule, message, WANTED))
            }
            None if leaves_out(&leaf.if_empty) && leaf.fallback.is_none() => {
                left_out("say `if_empty: reject` there, or `default`")
            }
            None if leaf
                .codes
                .as_ref()
                .is_some_and(|codes| matches!(codes.on_unknown.then, OnUnknown::Omit | OnUnknown::SetNull)) =>
            {
                left_out("say `on_unknown: reject` for its code table")
            }
            None => Ok(PathLeaf { leaf, is_of_root }),
        },
        _ => {
            let message = format!("`{name}` is made of several cells or records, and a step of a path is one value");
            Err(PathFieldFault::new(rule, message, WANTED))
        }
    }
}

/// Whether there may be no value, or `null`.
fn leaves_out(policy: &EmptyPolicy) -> bool {
    matches!(policy.then, IfEmpty::Omit | IfEmpty::SetNull)
}

/// What a value is that is neither a text nor a whole number.
fn describe_other_type(leaf: &Leaf) -> Option<&'static str> {
    match leaf.conversion {
        _ if leaf.codes.is_some() => None,
        Conversion::Decimal(_) => Some("a decimal number"),
        Conversion::Boolean { .. } => Some("a truth value"),
        Conversion::Date(_) => Some("a day"),
        Conversion::Datetime { .. } => Some("a moment"),
        Conversion::Json => Some("a JSON value"),
        Conversion::Text | Conversion::Code | Conversion::Integer(_) => None,
    }
}

/// Why two documents may have the same path: the key of their source tells them apart only if each of its columns stands in
/// the path so that it can be read back, and no two keys give the same text.
fn find_same_path(plan: &Plan, path: &PathTemplate, found: &[PathLeaf<'_>]) -> Option<Diagnostic> {
    let source = &plan.sources[plan.each];
    let of_root = found.iter().filter(|leaf| leaf.is_of_root);
    let told_apart: Vec<usize> = of_root.filter_map(|leaf| find_told_apart(leaf.leaf)).flatten().collect();
    let missing = source.key.columns.iter().find(|column| !told_apart.contains(column));
    let (why, hint) = match missing {
        None if source.key.columns.is_empty() => (
            format!("`{}` has no key", source.name),
            "add `key:` with the columns that tell its records apart, and put each of them into the path".to_owned(),
        ),
        None if path.keeps_fields_apart() => return None,
        None => (
            "nothing between its fields tells where one of them ends".to_owned(),
            "write a `/` between them".to_owned(),
        ),
        Some(column) => {
            let column = &source.columns[*column].name;
            (
                format!("`{column}`, of the key of `{}`, cannot be read back from it", source.name),
                format!(
                    "put a field with `from: {column}` into the path, or one with a `template` of texts around \
                     `{{{{ {column} }}}}`; without `default`, and with no code table that makes two codes the same"
                ),
            )
        }
    };
    let message = format!("two documents may have one path, and the second would replace the first: {why}");
    Some(plan.finding(Code::PlanOneUrl, PATH, message).hint(hint))
}

/// The columns whose cells can be read back from what a leaf writes, if that is certain.
fn find_told_apart(leaf: &Leaf) -> Option<Vec<usize>> {
    if leaf.fallback.is_some() || leaf.codes.as_ref().is_some_and(|codes| !codes.is_one_to_one()) {
        return None;
    }
    match &leaf.from {
        ValueSource::Column(column) => Some(vec![*column]),
        ValueSource::Template(template) => template.columns_told_apart(),
        ValueSource::Value(expression) => expression.columns_told_apart(),
    }
}
