//! The JSON of a document in lines, each with where it came from, masked as the cells are that it was made from.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::{
    commands::preview::{
        contract_rules::ContractRules,
        finding_groups::describe_finding,
        opened_recording::{OpenedRecording, RuleFacts},
    },
    diagnostic::{Cell, Diagnostic, mask},
    plan::Plan,
    preview::view::JsonLine,
    recording::{
        node_index::{FoundNode, NodeIndex, draw_name, show_pointer},
        provenance::{NodeName, Origin, Trace},
    },
    report::escape::{shorten_to, visible},
    table::{
        Table,
        excerpt::{MASKED, SENSITIVE},
    },
};

/// The most lines that are shown.
const MAX_LINES: usize = 2_000;
/// The most characters of one text that are shown.
const MAX_TEXT: usize = 200;
/// The most digits of a number that no cell says.
const MAX_DIGITS: usize = 12;

/// The lines of a document while they are made.
pub(super) struct JsonLines<'a> {
    recording: &'a OpenedRecording,
    tables: &'a [Table],
    trace: &'a Trace<'a>,
    index: NodeIndex<'a, 'a>,
    findings: BTreeMap<&'a str, Vec<&'a Diagnostic>>,
    /// Lines of the mapping are named: it is still the one that made the document.
    has_rules: bool,
    pub(super) contract: ContractRules<'a>,
    pub(super) lines: Vec<JsonLine>,
    /// How many lines are not shown.
    pub(super) more: usize,
}

/// Where a value lies.
#[derive(Clone, Copy)]
struct ValuePlace<'p> {
    node: usize,
    /// Its path in the contract.
    path: &'p str,
    depth: usize,
    name: &'p str,
    has_comma: bool,
    is_required: bool,
}

impl<'a> JsonLines<'a> {
    /// The lines of a traced document with its findings.
    pub(super) fn of(
        recording: &'a OpenedRecording,
        tables: &'a [Table],
        trace: &'a Trace<'a>,
        findings: &'a [Diagnostic],
        has_rules: bool,
    ) -> JsonLines<'a> {
        let plan: &Plan = &recording.plan;
        let mut by_pointer: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
        for finding in findings {
            let pointer = finding.target.as_ref().map_or("", |target| target.pointer.as_str());
            by_pointer.entry(pointer).or_default().push(finding);
        }
        let mut lines = JsonLines {
            recording,
            tables,
            trace,
            index: NodeIndex::of(trace),
            findings: by_pointer,
            has_rules,
            contract: ContractRules::new(plan),
            lines: Vec::new(),
            more: 0,
        };
        let document = serde_json::from_slice(&trace.json).unwrap_or_default();
        let place = ValuePlace { node: 0, path: "", depth: 0, name: "", has_comma: false, is_required: false };
        lines.add_value(&document, place);
        lines
    }

    fn add_value(&mut self, value: &Value, place: ValuePlace<'_>) {
        let facts = self.facts(place.node);
        match value {
            // What lies inside of the value of a cell has no origin of its own.
            Value::Object(fields) if !facts.is_leaf => {
                let count = fields.len();
                self.add_opening("{", count == 0, place, &facts);
                for (at, (name, inner)) in fields.iter().enumerate() {
                    let Some(node) = self.index.field(place.node, name) else { continue };
                    let drawn = self.draw_field_name(node, name);
                    let path = self.contract.enter_field(place.path, name);
                    let is_required = self.contract.is_required(place.path, name);
                    let (depth, has_comma) = (place.depth + 1, at + 1 < count);
                    self.add_value(
                        inner,
                        ValuePlace { node, path: &path, depth, name: &drawn, has_comma, is_required },
                    );
                }
                self.add_closing("}", count == 0, place);
            }
            Value::Array(items) if !facts.is_leaf || self.has_items(place.node) => {
                let count = items.len();
                self.add_opening("[", count == 0, place, &facts);
                let path = self.contract.enter_items(place.path);
                for (at, inner) in items.iter().enumerate() {
                    let Some(node) = self.index.field(place.node, &at.to_string()) else { continue };
                    let (depth, has_comma) = (place.depth + 1, at + 1 < count);
                    let is_required = false;
                    self.add_value(inner, ValuePlace { node, path: &path, depth, name: "", has_comma, is_required });
                }
                self.add_closing("]", count == 0, place);
            }
            value => self.add_leaf(value, place, &facts),
        }
    }

    /// What the rule of a node makes.
    fn facts(&self, node: usize) -> RuleFacts {
        let is_own = |origin: &&Origin<'_>| origin.node == node;
        let rule = self.index.origin(node).filter(is_own).map_or("/output", |origin| origin.rule);
        let mut facts = self.recording.facts(rule).cloned().unwrap_or_default();
        // The items of a list have the rule of the list, and are values by what they come from.
        facts.is_leaf &= self.index.origin(node).is_some_and(|origin| is_own(&origin));
        facts
    }

    /// Whether a list has items of its own, as that of the pieces of a cell has.
    fn has_items(&self, node: usize) -> bool {
        self.index.field(node, "0").is_some()
    }

    fn add_opening(&mut self, bracket: &str, is_empty: bool, place: ValuePlace<'_>, facts: &RuleFacts) {
        let closing = if bracket == "{" { "}" } else { "]" };
        let value = if is_empty { format!("{bracket}{closing}") } else { bracket.to_owned() };
        let has_comma = place.has_comma && is_empty;
        self.push_value(value, "bracket", ValuePlace { has_comma, ..place }, facts);
    }

    fn add_closing(&mut self, bracket: &str, is_empty: bool, place: ValuePlace<'_>) {
        if !is_empty {
            let ValuePlace { depth, has_comma, .. } = place;
            self.push(JsonLine { depth, value: bracket.into(), kind: "bracket", has_comma, ..JsonLine::default() });
        }
    }

    fn add_leaf(&mut self, value: &Value, place: ValuePlace<'_>, facts: &RuleFacts) {
        let (kind, said) = match value {
            Value::String(text) => ("text", text.clone()),
            Value::Number(number) => ("number", number.to_string()),
            value => ("word", value.to_string()),
        };
        let drawn = shorten(&self.draw_leaf(value, &said, place.node, facts));
        let shown = if kind == "text" && drawn != SENSITIVE { Value::String(drawn).to_string() } else { drawn };
        self.push_value(visible(&shown), kind, place, facts);
    }

    /// What a value says, drawn as the cells are that it was made from.
    fn draw_leaf(&self, value: &Value, said: &str, node: usize, facts: &RuleFacts) -> String {
        let Some(origin) = self.index.origin(node) else { return mask(said) };
        if value.is_null() {
            return said.to_owned();
        }
        let Some(_) = origin.column else {
            let is_hidden = facts.is_sum && self.has_sensitive_columns();
            return match value {
                _ if is_hidden => SENSITIVE.to_owned(),
                Value::Number(_) if said.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS => mask(said),
                _ if facts.is_leaf => said.to_owned(),
                _ => mask(said),
            };
        };
        let drawn: Vec<String> =
            list_columns(origin, facts).map(|column| self.draw_said(origin, column, said)).collect();
        match drawn.iter().find(|drawn| *drawn == SENSITIVE).or(drawn.iter().find(|drawn| *drawn != said)) {
            // The shapes of truth values would tell them apart.
            Some(masked) if value.is_boolean() && masked != SENSITIVE => MASKED.to_owned(),
            Some(masked) => masked.clone(),
            None => said.to_owned(),
        }
    }

    fn draw_said(&self, origin: &Origin<'_>, column: usize, said: &str) -> String {
        let table = &self.tables[origin.source];
        table.draw_said(origin.row, table.bind[column], said)
    }

    fn has_sensitive_columns(&self) -> bool {
        self.recording.plan.sources.iter().flat_map(|source| &source.columns).any(|column| column.sensitive)
    }

    fn draw_field_name(&self, node: usize, name: &str) -> String {
        let drawn = match self.trace.nodes[node].name {
            NodeName::Cell(number) => draw_name(self.tables, &self.trace.names[number].origin, name),
            _ => name.to_owned(),
        };
        visible(&Value::String(shorten(&drawn)).to_string())
    }

    fn push_value(&mut self, value: String, kind: &'static str, place: ValuePlace<'_>, facts: &RuleFacts) {
        let pointer = show_pointer(self.trace, self.tables, place.node);
        let findings = self.findings.remove(pointer.as_str()).unwrap_or_default();
        let origin = self.index.origin(place.node);
        let (from, from_words) = origin.map(|origin| self.describe_origin(origin, facts)).unwrap_or_default();
        let rule = origin.filter(|_| self.has_rules).map_or(0, |origin| self.recording.plan.place(origin.rule).line);
        let contract = self.contract.number(place.path, place.is_required, facts.proof);
        self.push(JsonLine {
            depth: place.depth,
            name: place.name.to_owned(),
            value,
            kind,
            has_comma: place.has_comma,
            is_value: true,
            from,
            from_words,
            rule,
            pointer: visible(&pointer),
            contract,
            findings: findings.iter().map(|finding| describe_finding(finding, 1)).collect(),
        });
    }

    /// The cells of a value, or its row: as the page knows them, and in words.
    fn describe_origin(&self, origin: &Origin<'_>, facts: &RuleFacts) -> (String, String) {
        let (source, row, table) = (origin.source, origin.row, &self.tables[origin.source]);
        let columns: Vec<usize> = list_columns(origin, facts).map(|column| table.bind[column]).collect();
        if columns.is_empty() {
            let words = if facts.is_leaf { String::new() } else { table.record(row).place.to_string() };
            let id = if facts.is_leaf { String::new() } else { format!("r{source}-{row}") };
            return (id, visible(&words));
        }
        let ids = columns.iter().map(|column| {
            let row = table.merged.filling_row(row, *column);
            format!("c{source}-{row}-{column}")
        });
        let words = columns.iter().map(|column| {
            let cell = table.cell(row, *column);
            let Cell { place, column, .. } = &cell;
            let file = Path::new(&place.path).file_name().unwrap_or_default().to_string_lossy();
            format!("{column} in {file}:{}:{}", place.line, place.column)
        });
        (ids.collect::<Vec<_>>().join(" "), visible(&words.collect::<Vec<_>>().join(", ")))
    }

    fn push(&mut self, line: JsonLine) {
        if self.lines.len() < MAX_LINES { self.lines.push(line) } else { self.more += 1 }
    }
}

/// Where findings about no value that is there are told: at the nearest value around it.
pub(super) fn place_rest(lines: &mut JsonLines<'_>) {
    for (pointer, findings) in std::mem::take(&mut lines.findings) {
        let FoundNode { node, .. } = lines.index.find(pointer);
        let pointer = visible(&show_pointer(lines.trace, lines.tables, node));
        let line = lines.lines.iter_mut().find(|line| line.is_value && line.pointer == pointer);
        if let Some(line) = line {
            line.findings.extend(findings.iter().map(|finding| describe_finding(finding, 1)));
        }
    }
}

/// The columns that a value was made from, as the plan numbers them.
fn list_columns<'f>(origin: &Origin<'_>, facts: &'f RuleFacts) -> impl Iterator<Item = usize> + use<'f> {
    let own = origin.column.filter(|column| !facts.columns.contains(column));
    own.into_iter().chain(facts.columns.iter().copied())
}

/// A text that is not too long for the page.
pub(super) fn shorten(text: &str) -> String {
    shorten_to(text, MAX_TEXT)
}
