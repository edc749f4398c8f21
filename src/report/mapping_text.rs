//! A mapping in words: where each field comes from, for `xwalk explain`.
//!
//! Everything that is shown stands in the mapping or in its code tables; no cell is.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::{
    config::mapping::policy::{IfEmpty, Policy},
    diagnostic::Place,
    json_pointer::unescape,
    plan::{
        EmptyPolicy, Leaf, LinkPlan, Many, Plan, ValuePlan, ValueSource, code_table::Codes,
        contract_rule::ContractRule, key::KeyColumns, placed_values::PlacedValue,
    },
    report::{
        escape::{json_line, visible},
        proof::{self, describe_rule},
        wrap::wrapped,
    },
};

/// How wide the text is.
const WIDTH: usize = 80;
/// So many entries of a code table are told.
const MAX_CODES: usize = 12;

/// A fact about a field: what it is about, and what is so.
type FieldFact = (&'static str, String);

/// The name of a field as a person types it: the names that lead to it, without those of items.
#[must_use]
pub fn dotted(pointer: &str) -> String {
    let steps: Vec<String> = pointer.split('/').skip(1).filter(|step| *step != "*").map(unescape).collect();
    steps.join(".")
}

/// Draws all that is known of one field; `values` are those that stand at its pointer, from the outermost on.
pub fn field(out: &mut dyn Write, plan: &Plan, values: &[PlacedValue<'_>], rules: &[ContractRule]) -> io::Result<()> {
    let Some(first) = values.first() else { return Ok(()) };
    writeln!(out, "{}", visible(&dotted(&first.pointer)))?;
    for (name, text) in list_facts(plan, values) {
        writeln!(out, "{}", hanging(&format!("  {name:<9}  "), &text))?;
    }
    if rules.is_empty() {
        return writeln!(out, "  contract   has no rule about this value");
    }
    writeln!(out, "  contract   {}", visible(plan.contract.places.path()))?;
    let width = rules.iter().map(|rule| describe_rule(rule).chars().count()).max().unwrap_or_default();
    rules.iter().try_for_each(|rule| {
        let said = describe_rule(rule);
        let gap = " ".repeat(width - said.chars().count());
        let start = format!("    {:<8} {said}{gap}  ", proof::word(rule.status));
        writeln!(out, "{}", hanging(&start, &rule.reason))
    })
}

/// Writes all that is known of one field as JSON. The keys are a promise to scripts; the texts are for people.
pub fn field_line(
    out: &mut dyn Write,
    plan: &Plan,
    values: &[PlacedValue<'_>],
    rules: &[ContractRule],
) -> io::Result<()> {
    let Some(first) = values.first() else { return Ok(()) };
    let facts: serde_json::Map<String, Value> =
        list_facts(plan, values).into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let rules: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "schema": rule.schema,
                "keyword": rule.keyword,
                "value": rule.value,
                "status": proof::word(rule.status),
                "reason": rule.reason,
            })
        })
        .collect();
    let Place { path, line, column, .. } = plan.place(first.rule);
    let place = json!({ "path": path, "line": line, "column": column });
    let line = json_line(&json!({
        "type": "field",
        "version": 1,
        "field": first.pointer,
        "rule": place,
        "facts": facts,
        "rules": rules,
    }));
    out.write_all(line.as_bytes())
}

/// Draws where each field of a mapping comes from, one on each line.
pub fn mapping(out: &mut dyn Write, path: &str, plan: &Plan) -> io::Result<()> {
    let source = &plan.sources[plan.each];
    writeln!(out, "{}", visible(&format!("{path}: {}", plan.name)))?;
    let condition = plan.only.as_ref().map_or_else(String::new, |only| format!(" if {}", written(plan, &only.rule)));
    let request = format!("{} {}", plan.request.method.word(), plan.request.path);
    let start = format!(
        "each record of `{}` ({}){condition} is a document of {request}",
        source.name,
        show_file(plan, plan.each)
    );
    writeln!(out, "{}\n", hanging("  ", &start))?;
    let values = plan.list_values();
    let fields: Vec<&[PlacedValue<'_>]> = values.chunk_by(|one, other| one.rule == other.rule).collect();
    let name = |field: &[PlacedValue<'_>]| {
        let pointer = field[0].pointer.replace("/*", "");
        let depth = pointer.matches('/').count();
        let name = unescape(pointer.rsplit('/').next().unwrap_or_default());
        format!("{}{}", "  ".repeat(depth), visible(&name))
    };
    let width = fields.iter().map(|field| name(field).chars().count()).max().unwrap_or_default().min(WIDTH / 2);
    fields.iter().try_for_each(|field| {
        let text: Vec<String> =
            field.iter().map(|placed| summarize(plan, placed)).filter(|text| !text.is_empty()).collect();
        let line = hanging(&format!("{:<width$}  ", name(field)), &text.join(", "));
        writeln!(out, "{}", line.trim_end())
    })
}

/// A text behind what it begins with; lines that go on stand below it.
fn hanging(start: &str, text: &str) -> String {
    let width = start.chars().count();
    let text = wrapped(&visible(text), WIDTH.saturating_sub(width).max(20), 0);
    format!("{start}{}", text.replace('\n', &format!("\n{}", " ".repeat(width))))
}

/// All facts about a field.
fn list_facts(plan: &Plan, values: &[PlacedValue<'_>]) -> Vec<FieldFact> {
    let mut facts = Vec::new();
    for placed in values {
        add_facts(plan, placed, &mut facts);
    }
    facts.extend(values.first().map(|first| ("rule", plan.place(first.rule).to_string())));
    facts
}

fn add_facts(plan: &Plan, placed: &PlacedValue<'_>, facts: &mut Vec<FieldFact>) {
    let PlacedValue { rule, source, value, .. } = placed;
    match value {
        ValuePlan::Const(json) => facts.push(("constant", String::from_utf8_lossy(json).into_owned())),
        ValuePlan::Leaf(leaf) => add_leaf_facts(plan, *source, leaf, rule, Some(&leaf.if_empty), facts),
        ValuePlan::Pieces(pieces) => {
            facts.push(("makes", "a list with the pieces of a cell".into()));
            add_leaf_facts(plan, *source, &pieces.leaf, rule, None, facts);
            facts.push(("empty", say_empty(&pieces.if_empty, "without pieces, it is an empty list")));
        }
        ValuePlan::Object(object) => {
            let names: Vec<&str> = object.fields.iter().map(|field| field.name.as_str()).collect();
            facts.push(("makes", format!("an object of `{}`", names.join("`, `"))));
            facts.push(("empty", say_empty(&object.if_empty, "without a filled cell, it is written all the same")));
        }
        ValuePlan::List(list) => {
            facts.push(("makes", format!("a list of {} from one record", list.items.len())));
            facts.push(("empty", say_empty(&list.if_empty, "without a filled cell, it is written all the same")));
        }
        ValuePlan::When(when) => {
            facts.push(("where", written(plan, &when.condition.rule)));
            facts.push(("else", say_empty(&when.if_empty, "nothing is written")));
        }
        ValuePlan::Many(many) => add_many_facts(plan, many, facts),
        ValuePlan::One(one) => {
            let link = &plan.links[one.link];
            let found = format!(
                "the record of `{}` ({}) with {}",
                plan.sources[one.source].name,
                show_file(plan, one.source),
                show_match(plan, link)
            );
            facts.push(("lookup", found));
            facts.push(("missing", say_policy(&one.on_missing.then.written(), one.on_missing.warn)));
            facts.extend(
                one.if_empty.as_ref().map(|Policy { then, warn }| ("no key", say_policy(&then.written(), *warn))),
            );
        }
        ValuePlan::Aggregate(aggregate) => {
            let name = if aggregate.is_sum { "sum" } else { "count" };
            facts.push((name, written(plan, &format!("{rule}/{name}"))));
        }
    }
}

fn add_leaf_facts(
    plan: &Plan,
    source: usize,
    leaf: &Leaf,
    rule: &str,
    if_empty: Option<&EmptyPolicy>,
    facts: &mut Vec<FieldFact>,
) {
    let columns = &plan.sources[source].columns;
    match &leaf.from {
        ValueSource::Column(column) => {
            let column = &columns[*column];
            let header = if column.headers == [column.name.clone()] {
                String::new()
            } else {
                format!(", in the header `{}`", column.headers.join("` or `"))
            };
            let (name, file) = (&plan.sources[source].name, show_file(plan, source));
            facts.push(("column", format!("`{}` of `{name}` ({file}){header}", column.name)));
            let declared = show_declared(plan, &column.rule);
            facts.push(("declared", if declared.is_empty() { "nothing, so it is a text".into() } else { declared }));
        }
        ValueSource::Template(_) => facts.push(("template", written(plan, &format!("{rule}/template")))),
        ValueSource::Value(_) => facts.push(("value", written(plan, &format!("{rule}/value")))),
    }
    if !matches!(leaf.from, ValueSource::Column(_)) {
        let names: Vec<&str> = leaf.columns().iter().map(|column| columns[*column].name.as_str()).collect();
        facts.push(("columns", format!("`{}` of `{}`", names.join("`, `"), plan.sources[source].name)));
    }
    let kind = if leaf.codes.is_some() { "text" } else { leaf.conversion.json_type() };
    facts.push(("makes", format!("{kind}, from the type `{}`", leaf.conversion.type_name())));
    facts.extend(leaf.codes.as_ref().map(|codes| ("codes", show_codes(codes))));
    match (&leaf.fallback, if_empty) {
        (Some(fallback), _) => {
            facts.push(("empty", format!("stands for `{}`, as `default` says", String::from_utf8_lossy(fallback))));
        }
        (None, Some(policy)) => facts.push(("empty", say_empty(policy, "an empty cell is an empty text"))),
        (None, None) => {}
    }
}

fn add_many_facts(plan: &Plan, many: &Many, facts: &mut Vec<FieldFact>) {
    let link = &plan.links[many.link];
    let source = &plan.sources[many.source];
    facts.push((
        "each",
        format!("record of `{}` ({}) with {}", source.name, show_file(plan, many.source), show_match(plan, link)),
    ));
    facts.extend(link.only.as_ref().map(|only| ("where", written(plan, &only.rule))));
    facts.extend(many.keyed_by.as_ref().map(|keyed| ("named by", format!("`{}`", source.columns[keyed.column].name))));
    let order: Vec<&str> = link.order.iter().map(|(column, _)| source.columns[*column].name.as_str()).collect();
    facts.push((
        "order",
        if order.is_empty() { "that of the file".into() } else { format!("by `{}`", order.join("`, `")) },
    ));
    if (many.min, many.max) != (0, u64::MAX) {
        let most = if many.max == u64::MAX { "any number".to_owned() } else { many.max.to_string() };
        facts.push(("records", format!("from {} to {most}", many.min)));
    }
    facts.push(("orphan", say_policy(&link.on_orphan.then.written(), link.on_orphan.warn)));
    facts.push(("bad item", say_policy(&many.on_incomplete.then.written(), many.on_incomplete.warn)));
    facts.push(("empty", say_empty(&many.if_empty, "without records, it is written empty")));
}

/// A value in a few words, as part of a line.
fn summarize(plan: &Plan, placed: &PlacedValue<'_>) -> String {
    let PlacedValue { rule, source, value, .. } = placed;
    match value {
        ValuePlan::Const(json) => format!("always {}", String::from_utf8_lossy(json)),
        ValuePlan::Leaf(leaf) => summarize_leaf(plan, *source, leaf, rule),
        ValuePlan::Pieces(pieces) => format!("pieces of {}", summarize_leaf(plan, *source, &pieces.leaf, rule)),
        ValuePlan::Object(_) => String::new(),
        ValuePlan::List(list) => format!("a list of {}", list.items.len()),
        ValuePlan::When(when) => format!("if {}", written(plan, &when.condition.rule)),
        ValuePlan::Many(many) => {
            let link = &plan.links[many.link];
            let only = link.only.as_ref().map_or_else(String::new, |only| format!(" if {}", written(plan, &only.rule)));
            format!("each of {} with {}{only}", plan.sources[many.source].name, show_match(plan, link))
        }
        ValuePlan::One(one) => {
            format!("of {} with {}", plan.sources[one.source].name, show_match(plan, &plan.links[one.link]))
        }
        ValuePlan::Aggregate(aggregate) => {
            let name = if aggregate.is_sum { "sum" } else { "count" };
            format!("{name} of {}", written(plan, &format!("{rule}/{name}")))
        }
    }
}

fn summarize_leaf(plan: &Plan, source: usize, leaf: &Leaf, rule: &str) -> String {
    let mut text = match &leaf.from {
        ValueSource::Column(column) => plan.sources[source].columns[*column].name.clone(),
        ValueSource::Template(_) => written(plan, &format!("{rule}/template")),
        ValueSource::Value(_) => written(plan, &format!("{rule}/value")),
    };
    if matches!(leaf.from, ValueSource::Column(_)) && leaf.conversion.type_name() != "text" {
        text = format!("{text} ({})", leaf.conversion.type_name());
    }
    match &leaf.codes {
        Some(codes) => format!("{text}, codes {}", codes.name),
        None => text,
    }
}

/// The file of a source, as the mapping names it.
fn show_file(plan: &Plan, source: usize) -> &str {
    &plan.sources[plan.file_of(source)].path
}

/// What a record of a link has to have: `customer_id = customer_id`.
fn show_match(plan: &Plan, link: &LinkPlan) -> String {
    let names = |source: usize, key: &KeyColumns| -> Vec<String> {
        key.columns.iter().map(|column| plan.sources[source].columns[*column].name.clone()).collect()
    };
    let (child, parent) = (names(link.child, &link.child_columns), names(link.parent, &link.parent_columns));
    let pairs: Vec<String> = child.iter().zip(&parent).map(|(child, parent)| format!("{child} = {parent}")).collect();
    pairs.join(" and ")
}

/// The text that stands at a pointer of the mapping.
fn written(plan: &Plan, pointer: &str) -> String {
    plan.places.node(pointer).and_then(|node| node.scalar.clone()).unwrap_or_default()
}

/// What `columns` says of a column: `type: decimal, decimal_mark: ","`.
fn show_declared(plan: &Plan, rule: &str) -> String {
    let mut keys: Vec<(String, Vec<String>)> = Vec::new();
    let below = if rule.contains("/columns/") { Some(plan.places.below(rule)) } else { None };
    for (at, node) in below.into_iter().flatten() {
        let Some(value) = &node.scalar else { continue };
        let key = at[rule.len() + 1..].split('/').next().unwrap_or_default();
        let value = if node.plain { value.clone() } else { json!(value).to_string() };
        match keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value),
            None => keys.push((key.to_owned(), vec![value])),
        }
    }
    // The type comes first.
    keys.sort_by_key(|(key, _)| key != "type");
    let shown: Vec<String> = keys
        .iter()
        .map(|(key, values)| match values.as_slice() {
            [only] => format!("{key}: {only}"),
            several => format!("{key}: [{}]", several.join(", ")),
        })
        .collect();
    shown.join(", ")
}

/// The entries of a code table, the first of them.
fn show_codes(codes: &Codes) -> String {
    let entries = codes.values.iter().take(MAX_CODES).map(|(code, json)| {
        format!("{} -> {}", json!(String::from_utf8_lossy(code)), String::from_utf8_lossy(json.whole().bytes()))
    });
    let entries: Vec<String> = entries.collect();
    let more = codes.values.len().saturating_sub(MAX_CODES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let unknown = say_policy(&codes.on_unknown.then.written(), codes.on_unknown.warn);
    format!("`{}`: {}{more}; an unknown code: {unknown}", codes.name, entries.join(", "))
}

fn say_policy(word: &str, warn: bool) -> String {
    if warn { format!("{word}, with a warning") } else { word.to_owned() }
}

/// What nothing means for a value.
fn say_empty(policy: &EmptyPolicy, kept: &str) -> String {
    let says = match policy.then {
        IfEmpty::Keep => format!("keep: {kept}"),
        IfEmpty::Omit => "omit: the field is left out".into(),
        IfEmpty::SetNull => "set_null: `null` is written".into(),
        IfEmpty::Reject => "reject: the record is rejected".into(),
    };
    let says = if policy.warn { format!("{says}, with a warning") } else { says };
    if policy.is_declared { says } else { format!("{says} (nothing is declared)") }
}
