//! One row and each step to its JSON, as text and as a line for scripts. Every cell is drawn as messages draw it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::{Map, Value, json};

use crate::{
    config::mapping::policy::{IfEmpty, OnUnknown},
    diagnostic::{Place, mask},
    plan::{
        Leaf, Plan, ValuePlan, ValueSource, code_table::Codes, conversion::Conversion,
        expression::value::ExpressionValue, placed_values::PlacedValue,
    },
    recording::provenance::{Origin, Trace},
    report::{
        escape::{json_line, visible},
        mapping_text::dotted,
        wrap::wrapped,
    },
    table::{
        Table,
        cell_reading::BEFORE_ZONE,
        excerpt::{MASKED, SENSITIVE},
        row::Row,
    },
    text::buffer::OutputBuffer,
};

/// How wide the text is.
const WIDTH: usize = 80;

/// Everything about one row, ready to be shown.
pub struct RecordText {
    /// Where it stands, with its line as it may be shown.
    pub place: Place,
    /// The name of its source.
    pub source: String,
    /// What became of it.
    pub status: &'static str,
    /// Why it is rejected.
    pub reason: Option<String>,
    /// The steps from its cells to values, in the order of the document.
    pub steps: Vec<CellStep>,
    /// The document it is part of, as it may be shown, if that may be sent.
    pub document: Option<Value>,
}

/// The way of a cell, or of a few, to one value.
pub struct CellStep {
    /// The pointer of the field, with `*` for every item.
    pub field: String,
    /// The columns.
    pub columns: Vec<String>,
    /// What stands in them, as it may be shown.
    pub cells: Vec<String>,
    /// What the first says after it was read, if that is another text.
    pub said: Option<String>,
    /// What is done with it.
    pub how: String,
    /// What it becomes, as it may be shown.
    pub result: String,
}

/// Draws a row for people.
pub fn text(out: &mut dyn Write, record: &RecordText) -> io::Result<()> {
    let Place { path, line, .. } = &record.place;
    writeln!(out, "{}", visible(&format!("{path}:{line}, a record of `{}`: {}", record.source, record.status)))?;
    writeln!(out, "  | {}", visible(&record.place.text))?;
    if let Some(reason) = &record.reason {
        writeln!(out, "  {}", visible(reason))?;
    }
    writeln!(out)?;
    let width = record.steps.iter().map(|step| dotted(&step.field).chars().count()).max().unwrap_or_default();
    for step in &record.steps {
        let cells: Vec<String> =
            step.columns.iter().zip(&step.cells).map(|(column, cell)| format!("{column}: {cell}")).collect();
        let said = step.said.as_ref().map_or_else(String::new, |said| format!(" -> read as {said}"));
        let line = format!("{}{said} -> {} -> {}", cells.join(", "), step.how, step.result);
        let start = format!("  {:<width$}  ", visible(&dotted(&step.field)));
        let room = WIDTH.saturating_sub(start.chars().count()).max(30);
        let line = wrapped(&visible(&line), room, 0);
        writeln!(out, "{start}{}", line.replace('\n', &format!("\n{}", " ".repeat(start.chars().count()))))?;
    }
    if let Some(document) = &record.document {
        let pretty = serde_json::to_string_pretty(document).unwrap_or_default();
        writeln!(out)?;
        pretty.lines().try_for_each(|line| writeln!(out, "{}", visible(line)))?;
    }
    Ok(())
}

/// Writes a row as JSON. The keys are a promise to scripts.
pub fn json(out: &mut dyn Write, record: &RecordText) -> io::Result<()> {
    let steps: Vec<Value> = record
        .steps
        .iter()
        .map(|step| {
            json!({
                "field": step.field,
                "columns": step.columns,
                "cells": step.cells,
                "read": step.said,
                "how": step.how,
                "result": step.result,
            })
        })
        .collect();
    let line = json_line(&json!({
        "type": "record",
        "version": 1,
        "place": { "path": record.place.path, "line": record.place.line },
        "source": record.source,
        "status": record.status,
        "reason": record.reason,
        "steps": steps,
        "document": record.document,
    }));
    out.write_all(line.as_bytes())
}

/// The steps of a record to the values that are made of it.
#[must_use]
pub fn list_steps(plan: &Plan, table: &Table, source: usize, row: u32) -> Vec<CellStep> {
    let drawn = DrawnRecord { plan, table, source, row };
    let values = plan.list_values();
    values.iter().filter(|placed| placed.source == source).filter_map(|placed| drawn.step(placed)).collect()
}

/// A record whose cells are drawn.
struct DrawnRecord<'a> {
    plan: &'a Plan,
    table: &'a Table,
    source: usize,
    row: u32,
}

impl DrawnRecord<'_> {
    fn step(&self, placed: &PlacedValue<'_>) -> Option<CellStep> {
        let (columns, how, result) = match placed.value {
            ValuePlan::Leaf(leaf) => {
                // What is written of an object that is empty as a whole is said beside the object.
                let object = placed.pointer.rsplit_once('/').map_or("", |(object, _)| object);
                let is_nested = !object.is_empty() && !object.ends_with("/*");
                let (how, result) = self.convert(leaf, is_nested);
                (leaf.columns().to_vec(), how, result)
            }
            ValuePlan::Pieces(pieces) => {
                let (how, result) = self.divide(&pieces.leaf, &pieces.split.separator);
                (pieces.leaf.columns().to_vec(), how, result)
            }
            ValuePlan::When(when) => {
                let asked = &when.condition.expression.columns;
                let is_sensitive = asked.iter().any(|column| self.plan.sources[self.source].columns[*column].sensitive);
                let result = match when.condition.expression.holds(self.record()) {
                    _ if is_sensitive => SENSITIVE,
                    Ok(true) => "true",
                    Ok(false) => "false, so nothing is written",
                    Err(_) => "it fails",
                };
                let node = self.plan.places.node(&when.condition.rule);
                let text = node.and_then(|node| node.scalar.clone()).unwrap_or_default();
                (when.condition.expression.columns.clone(), format!("where {text}"), result.to_owned())
            }
            _ => return None,
        };
        let of_plan = &self.plan.sources[self.source].columns;
        let cell = |column: &usize| self.table.cell(self.row, self.table.bind[*column]).found;
        let said = columns.first().filter(|column| of_plan[**column].reading.is_some()).and_then(|column| {
            let said =
                self.record().said(*column).map_or_else(|| "nothing".to_owned(), |said| self.draw(*column, &said));
            (columns.len() == 1 && said != cell(column)).then_some(said)
        });
        Some(CellStep {
            field: placed.pointer.clone(),
            cells: columns.iter().map(cell).collect(),
            columns: columns.iter().map(|column| of_plan[*column].name.clone()).collect(),
            said,
            how,
            result,
        })
    }

    fn record(&self) -> Row<'_> {
        self.table.row(self.row)
    }

    /// What a cell says, drawn as the cell is.
    fn draw(&self, column: usize, said: &str) -> String {
        self.table.draw_planned(self.row, column, said)
    }

    /// A JSON text that is made of some cells: shown if all of them are.
    fn draw_made(&self, columns: &[usize], json: &str) -> String {
        draw_made(self.table, self.row, columns, json)
    }

    /// What is done with the text of a leaf, and what becomes of it.
    fn convert(&self, leaf: &Leaf, is_nested: bool) -> (String, String) {
        let record = self.record();
        let (text, how) = match &leaf.from {
            ValueSource::Column(column) => (Ok(record.said(*column).unwrap_or_default().into_owned()), None),
            ValueSource::Template(template) => (template.render(record), Some("template")),
            ValueSource::Value(expression) => (
                expression.evaluate(record).map(|value| {
                    let mut text = String::new();
                    if !matches!(value, ExpressionValue::None) {
                        value.write_plain(&mut text);
                    }
                    text
                }),
                Some("value"),
            ),
        };
        let named = |what: &str| how.map_or_else(|| what.to_owned(), |how| format!("{how}, {what}"));
        match text {
            Err(_) => (named("on these cells"), "it fails".into()),
            Ok(text) if text.is_empty() => match &leaf.fallback {
                Some(fallback) => {
                    let (what, json) = self.convert_text(leaf, &String::from_utf8_lossy(fallback));
                    // A default stands in the mapping.
                    (named(&format!("empty: default, {what}")), json.unwrap_or_else(|fault| fault))
                }
                None => (named("empty"), say_empty(&leaf.if_empty.then, is_nested).into()),
            },
            Ok(text) => match self.convert_text(leaf, &text) {
                (what, Ok(json)) => (named(&what), self.draw_made(leaf.columns(), &json)),
                (what, Err(fault)) => (named(&what), fault),
            },
        }
    }

    /// What is done with a text, and its JSON, or what is wrong with it.
    fn convert_text(&self, leaf: &Leaf, text: &str) -> (String, Result<String, String>) {
        if let Some(codes) = &leaf.codes {
            return (format!("code table `{}`", codes.name), translate(codes, text));
        }
        let how = format!("type {}", leaf.conversion.type_name());
        // The result of an expression is written as it is, and never read again.
        if let ValueSource::Value(expression) = &leaf.from {
            let mut json = OutputBuffer::default();
            if let Ok(value) = expression.evaluate(self.record()) {
                value.write_json(&mut json);
            }
            return (how, Ok(String::from_utf8_lossy(&json).into_owned()));
        }
        let mut json = OutputBuffer::default();
        let written = leaf.conversion.write(text.as_bytes().into(), &mut json);
        let written = written.map(|()| String::from_utf8_lossy(&json).into_owned());
        (how, written.map_err(|code| format!("{code}: {}", leaf.conversion.explain(text.as_bytes()).message)))
    }

    /// What becomes of the pieces of a cell.
    fn divide(&self, leaf: &Leaf, separator: &str) -> (String, String) {
        let kind = match &leaf.codes {
            Some(codes) => format!("code table `{}`", codes.name),
            None => format!("type {}", leaf.conversion.type_name()),
        };
        let said = leaf.columns().iter().find_map(|column| self.record().said(*column)).unwrap_or_default();
        let pieces = said.split(separator).map(str::trim).filter(|piece| !piece.is_empty());
        let made: Vec<String> = pieces
            .map(|piece| match self.convert_text(leaf, piece) {
                (_, Ok(json)) => self.draw_made(leaf.columns(), &json),
                (_, Err(fault)) => fault,
            })
            .collect();
        (format!("split at {}, {kind}", json!(separator)), format!("[{}]", made.join(", ")))
    }
}

/// What a code becomes, or what is done because it is not in its table.
fn translate(codes: &Codes, text: &str) -> Result<String, String> {
    if let Some(json) = codes.get(text.as_bytes().into()) {
        return Ok(String::from_utf8_lossy(json.bytes()).into_owned());
    }
    let then = codes.on_unknown.then.written();
    match codes.on_unknown.then {
        OnUnknown::Keep => Ok(json!(text).to_string()),
        _ => Err(format!("not in the table: {then}")),
    }
}

fn say_empty(policy: &IfEmpty, is_nested: bool) -> &'static str {
    match policy {
        IfEmpty::Reject if is_nested => "rejected, unless all of the object is empty",
        IfEmpty::Keep => "\"\"",
        IfEmpty::Omit => "left out",
        IfEmpty::SetNull => "null",
        IfEmpty::Reject => "rejected",
    }
}

/// A JSON text that is made of some cells of a record: shown if all of them are.
fn draw_made(table: &Table, row: u32, columns: &[usize], json: &str) -> String {
    let mut is_shown = true;
    for column in columns {
        let said = table.row(row).said(*column).unwrap_or_default();
        let drawn = table.draw_planned(row, *column, &said);
        if drawn.contains(SENSITIVE) && !said.is_empty() {
            return SENSITIVE.to_owned();
        }
        is_shown &= drawn == said.replace(char::from(BEFORE_ZONE), " ");
    }
    match json {
        json if is_shown => json.to_owned(),
        // Their shapes would tell them apart.
        "true" | "false" => MASKED.to_owned(),
        json => mask(json),
    }
}

/// A document in which each value that is read from cells is shown as messages show it.
#[must_use]
pub fn mask_document(plan: &Plan, tables: &[Table], trace: &Trace<'_>) -> Value {
    let mut document: Value = serde_json::from_slice(&trace.json).unwrap_or_default();
    let values = plan.list_values();
    let mut leaves: BTreeMap<&str, &ValuePlan> = BTreeMap::new();
    for placed in &values {
        // Of the values at one rule, the last is what is written.
        leaves.insert(placed.rule, placed.value);
    }
    for origin in &trace.origins {
        if let Some(value) = document.pointer_mut(&trace.pointer(origin.node)) {
            mask_value(value, origin, leaves.get(origin.rule).copied(), &tables[origin.source]);
        }
    }
    let mut names: Vec<(String, &str, String)> = Vec::new();
    for name in &trace.names {
        let Origin { node, source, row, column: Some(column), .. } = name.origin else { continue };
        let drawn = tables[source].draw_said(row, tables[source].bind[column], &name.text);
        names.push((trace.pointer(node), &name.text, drawn));
    }
    // The innermost first, so that pointers stay those of the document.
    names.sort_by_key(|(pointer, ..)| std::cmp::Reverse(pointer.matches('/').count()));
    for (pointer, name, drawn) in names.into_iter().filter(|(_, name, drawn)| name != drawn) {
        if let Some(Value::Object(fields)) = document.pointer_mut(&pointer) {
            rename(fields, name, &drawn);
        }
    }
    document
}

/// Masks a value, if it is read from cells that are not shown.
fn mask_value(value: &mut Value, origin: &Origin<'_>, written: Option<&ValuePlan>, table: &Table) {
    let leaf = match written {
        Some(ValuePlan::Leaf(leaf)) => leaf,
        Some(ValuePlan::Pieces(pieces)) if !value.is_array() => &pieces.leaf,
        _ => return,
    };
    let is_cell = leaf.conversion == Conversion::Json && leaf.codes.is_none();
    if value.is_null() || !is_cell && (value.is_array() || value.is_object()) {
        return;
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let drawn = draw_made(table, origin.row, leaf.columns(), &text);
    if drawn != text {
        *value = Value::String(drawn);
    }
}

/// Gives a field another name, in its place.
fn rename(fields: &mut Map<String, Value>, name: &str, drawn: &str) {
    let mut renamed = Map::new();
    for (known, value) in std::mem::take(fields) {
        let mut key = if known == name { drawn.to_owned() } else { known };
        while renamed.contains_key(&key) {
            // Two names may have one shape.
            key.push('\'');
        }
        renamed.insert(key, value);
    }
    *fields = renamed;
}
