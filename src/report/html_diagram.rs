//! The mapping as a picture: columns on the left, the fields that are made of them on the right.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    diagnostic::Severity,
    report::{
        escape::shorten,
        grouped::grouped,
        run_report::{FieldFlow, MappingReport, RunReport},
    },
};

/// How high a line of the picture is.
const LINE: usize = 24;
/// How far to the right the names of columns stand, how wide a character is, and where a curve starts at the latest.
const INDENT: usize = 16;
const CHARACTER: usize = 8;
const MAX_START: usize = 380;
/// How much space there is above each source.
const GAP: usize = 14;

/// The picture of a mapping, and the same as a list.
#[derive(Serialize)]
pub(crate) struct MappingDiagram {
    pub(crate) name: String,
    pub(crate) flows: Vec<DrawnFlow>,
    /// How many fields are not drawn.
    more: usize,
    height: usize,
    columns: Vec<DrawnName>,
    fields: Vec<DrawnName>,
    curves: Vec<DrawnCurve>,
}

/// A field and what it is made of, in words.
#[derive(Serialize)]
pub(crate) struct DrawnFlow {
    field: String,
    from: String,
    via: String,
    /// How many findings are about it; empty: none.
    findings: String,
    /// `bad`, `warned` or nothing.
    state: &'static str,
}

/// A name in the picture.
#[derive(Serialize)]
struct DrawnName {
    text: String,
    y: usize,
    is_title: bool,
    /// `bad`, `warned` or nothing.
    state: &'static str,
}

/// A curve from a column to a field.
#[derive(Serialize)]
struct DrawnCurve {
    /// Where it starts: behind the name of the column.
    start: usize,
    from: usize,
    to: usize,
    /// `bad`, `warned` or nothing.
    state: &'static str,
}

/// Draws a mapping with so many fields at most.
pub(crate) fn draw_diagram(mapping: &MappingReport, report: &RunReport, rows: usize) -> MappingDiagram {
    let mut counts: BTreeMap<&str, (u64, &'static str)> = BTreeMap::new();
    // Errors come before warnings.
    for cause in &report.overview.causes {
        let state = if cause.severity == Severity::Error { "bad" } else { "warned" };
        counts.entry(cause.field.as_str()).or_insert((0, state)).0 += cause.count;
    }
    // Fields of the items of lists have no brackets in the overview.
    let count = |flow: &FieldFlow| counts.get(flow.field.replace("[]", "").as_str()).copied().unwrap_or((0, ""));
    let shown = &mapping.flows[..mapping.flows.len().min(rows)];
    let (columns, column_height) = place_columns(shown, &count);
    let mut fields = Vec::new();
    let mut curves = Vec::new();
    for (number, flow) in shown.iter().enumerate() {
        let (y, state) = (LINE + number * LINE, count(flow).1);
        let text = if flow.via.is_empty() { flow.field.clone() } else { format!("{}  ({})", flow.field, flow.via) };
        fields.push(DrawnName { text: shorten(&text), y, is_title: false, state });
        for column in &flow.columns {
            if let Some(from) = columns.get(&(flow.source.as_str(), Some(column.as_str()))) {
                let start = (INDENT + from.text.chars().count() * CHARACTER + 12).min(MAX_START);
                curves.push(DrawnCurve { start, from: from.y - 4, to: y - 4, state });
            }
        }
    }
    let flows = shown.iter().map(|flow| describe_flow(flow, count(flow))).collect();
    let mut columns: Vec<DrawnName> = columns.into_values().collect();
    columns.sort_by_key(|column| column.y);
    MappingDiagram {
        name: shorten(&mapping.name),
        flows,
        more: mapping.flows.len() - shown.len(),
        height: column_height.max(LINE * (shown.len() + 1)),
        columns,
        fields,
        curves,
    }
}

/// The names on the left: each source with the columns that fields are made of, in the order of the fields.
fn place_columns<'f>(
    flows: &'f [FieldFlow],
    count: &dyn Fn(&FieldFlow) -> (u64, &'static str),
) -> (BTreeMap<(&'f str, Option<&'f str>), DrawnName>, usize) {
    let (mut placed, mut y) = (BTreeMap::new(), 0);
    let mut sources: Vec<&str> = Vec::new();
    for source in flows.iter().map(|flow| flow.source.as_str()).filter(|source| !source.is_empty()) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    for source in sources {
        y += LINE + if y > 0 { GAP } else { 0 };
        placed.insert((source, None), DrawnName { text: shorten(source), y, is_title: true, state: "" });
        for flow in flows.iter().filter(|flow| flow.source == source) {
            for column in &flow.columns {
                let (_, state) = count(flow);
                let known = placed.entry((source, Some(column.as_str()))).or_insert_with(|| {
                    y += LINE;
                    DrawnName { text: shorten(column), y, is_title: false, state: "" }
                });
                if known.state != "bad" && !state.is_empty() {
                    known.state = state;
                }
            }
        }
    }
    (placed, y + GAP)
}

fn describe_flow(flow: &FieldFlow, (findings, state): (u64, &'static str)) -> DrawnFlow {
    let columns: Vec<String> = flow.columns.iter().map(|column| format!("{}.{column}", flow.source)).collect();
    DrawnFlow {
        field: shorten(&flow.field),
        from: shorten(&columns.join(", ")),
        via: shorten(&flow.via),
        state,
        findings: if findings == 0 { String::new() } else { grouped(findings) },
    }
}
