//! What is behind the findings, as a table for people and as JSON for scripts: the worst first.
//!
//! Each cause has two lines: how many, what share of the rows, the column and the code; then the shapes of the cells, the
//! first place and the rule. No line is wider than the terminal unless a path is.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    recording::overview::{Cause, Overview, ShapeCount, SimplePlace},
    report::{
        escape::visible,
        grouped::grouped,
        wrap::{GLUE, wrapped},
    },
};

/// How many causes are shown.
const SHOWN: usize = 20;
/// How many shapes of each are shown.
const SHOWN_SHAPES: usize = 3;
/// How many characters of a column are shown.
const MAX_COLUMN: usize = 40;

/// The table, and which code to look up; nothing where there are no findings.
pub(crate) fn drawn(overview: &Overview, width: usize) -> String {
    let Some(worst) = overview.causes.first() else { return String::new() };
    let shown = &overview.causes[..overview.causes.len().min(SHOWN)];
    let columns: Vec<String> = shown.iter().map(column).collect();
    let counts: Vec<String> = shown.iter().map(|cause| grouped(cause.count)).collect();
    let count_width = counts.iter().map(String::len).max().unwrap_or_default();
    let column_width = columns.iter().map(|column| column.chars().count()).max().unwrap_or_default();
    let mut drawn = String::new();
    for ((cause, column), count) in shown.iter().zip(&columns).zip(&counts) {
        let share = shown_share(cause);
        let start = format!("{count:>count_width$}  {share:>6}  ");
        let line = format!("{column:<column_width$}  {}", cause.code);
        let _ = writeln!(drawn, "{}", wrapped(&format!("{start}{line}"), width, start.len()).trim_end());
        let details = details(cause);
        if !details.is_empty() {
            let indent = " ".repeat(start.len());
            let _ = writeln!(drawn, "{}", wrapped(&format!("{indent}{details}"), width, 0));
        }
    }
    if let more @ 1.. = overview.causes.len() - shown.len() {
        let _ = writeln!(drawn, "and {more} more: `--message-format json` tells all of them");
    }
    let _ = writeln!(drawn, "`xwalk explain {}` says what that means", worst.code);
    drawn
}

/// The column with its source, or the source, or nothing.
pub(crate) fn column(cause: &Cause) -> String {
    let column = match (cause.source.as_str(), cause.column.as_str()) {
        ("", "") => "-".to_owned(),
        ("", column) => visible(column),
        (source, "") => visible(source),
        (source, column) => visible(&format!("{source}.{column}")),
    };
    if column.chars().count() <= MAX_COLUMN {
        return column;
    }
    column.chars().take(MAX_COLUMN - 1).chain(['…']).collect()
}

/// The shapes, the first place and the rule.
fn details(cause: &Cause) -> String {
    let glue = GLUE.to_string();
    let mut parts = vec![shapes(cause, &glue)];
    parts.extend(cause.first.as_ref().map(|first| format!("first{glue}at{glue}{}", shown(first))));
    parts.extend(cause.rule.as_ref().map(|rule| format!("by{glue}{}", shown(rule))));
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// The most frequent shapes, and how many others; nothing where there are none.
pub(crate) fn shown_shapes(cause: &Cause) -> String {
    shapes(cause, " ")
}

/// The same with this between words that belong together.
fn shapes(cause: &Cause, glue: &str) -> String {
    let shown = &cause.shapes[..cause.shapes.len().min(SHOWN_SHAPES)];
    let told: u64 = shown.iter().map(|shape| shape.count).sum();
    let shapes: Vec<String> = shown.iter().map(|shape| shown_shape(shape).replace(' ', glue)).collect();
    let mut shapes = shapes.join(", ");
    if let (1.., other @ 1..) = (told, cause.count.saturating_sub(told)) {
        let _ = write!(shapes, " and {}{glue}other", grouped(other));
    }
    shapes
}

/// The share of the rows of the source; nothing where it is not known.
pub(crate) fn shown_share(cause: &Cause) -> String {
    cause.share().map_or_else(String::new, percent)
}

fn shown(place: &SimplePlace) -> String {
    visible(&place.to_string()).replace(' ', &GLUE.to_string())
}

fn shown_shape(ShapeCount { shape, count, is_at_least }: &ShapeCount) -> String {
    let shape = if shape.is_empty() { "(empty)".to_owned() } else { visible(shape) };
    let least = if *is_at_least { "≥" } else { "" };
    format!("{shape} ×{least}{}", grouped(*count))
}

/// Hundredths of a percent as percents with one decimal; what is there is never 0.
fn percent(share: u64) -> String {
    match share {
        0 => "0 %".into(),
        1..10 => "<0.1 %".into(),
        10_000 => "100 %".into(),
        share => format!("{}.{} %", share / 100, share % 100 / 10),
    }
}

/// The causes for scripts. A part that is not known is `null`.
pub(crate) fn json(overview: &Overview) -> Value {
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let number = |number: u64| if number == 0 { Value::Null } else { json!(number) };
    let place =
        |place: &SimplePlace| json!({ "path": place.path, "line": number(place.line), "column": number(place.column) });
    let shape =
        |shape: &ShapeCount| json!({ "shape": shape.shape, "count": shape.count, "is_at_least": shape.is_at_least });
    let cause = |cause: &Cause| {
        json!({
            "code": cause.code.word(), "severity": cause.severity,
            "source": text(&cause.source), "column": text(&cause.column), "field": text(&cause.field),
            "rule": cause.rule.as_ref().map(place), "message": cause.message,
            "count": cause.count, "records": cause.records, "rows": number(cause.rows),
            "first": cause.first.as_ref().map(place),
            "shapes": cause.shapes.iter().map(shape).collect::<Vec<_>>(), "other": cause.other,
        })
    };
    overview.causes.iter().map(cause).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Code, Severity},
        recording::overview::{Cause, Overview, ShapeCount, SimplePlace},
        report::overview::{drawn, percent},
    };

    fn place(path: &str, line: u64, column: u64) -> SimplePlace {
        SimplePlace { path: path.into(), line, column }
    }

    fn price() -> Cause {
        let shape = |shape: &str, count, is_at_least| ShapeCount { shape: shape.into(), count, is_at_least };
        Cause {
            code: Code::TransformNotADecimal,
            severity: Severity::Error,
            source: "purchases".into(),
            column: "price".into(),
            rule: Some(place("mappings/inflight-sales.yaml", 43, 16)),
            field: "purchases.price".into(),
            message: "expected a decimal number".into(),
            count: 31_250,
            records: 31_250,
            rows: 100_000,
            first: Some(place("purchases.csv", 3, 12)),
            shapes: vec![shape("12,50", 31_204, false), shape("", 40, true)],
            other: 6,
        }
    }

    #[test]
    fn the_cause_behind_most_findings_is_seen_first() {
        let record = Cause { source: "customers".into(), column: String::new(), rule: None, count: 1, ..price() };
        let record = Cause { code: Code::ReadNul, records: 1, shapes: Vec::new(), other: 0, ..record };
        let overview = Overview { causes: vec![price(), record] };
        let expected = "\
31,250  31.2 %  purchases.price  transform/not-a-decimal
                12,50 ×31,204, (empty) ×≥40 and 6 other;
                first at purchases.csv:3:12;
                by mappings/inflight-sales.yaml:43:16
     1  <0.1 %  customers        read/nul
                first at purchases.csv:3:12
`xwalk explain transform/not-a-decimal` says what that means
";
        assert_eq!(drawn(&overview, 80), expected);
        assert_eq!(drawn(&Overview::default(), 80), "");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let overview = Overview { causes: vec![price(); 30] };
        for width in [40, 60, 80, 140] {
            let drawn = drawn(&overview, width);
            let widest = drawn.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width.max(60)), "{width}\n{drawn}");
            assert!(drawn.contains("and 10 more"));
        }
    }

    #[test]
    fn what_is_there_is_never_no_percent() {
        for (share, text) in [(0, "0 %"), (1, "<0.1 %"), (10, "0.1 %"), (3_125, "31.2 %"), (9_999, "99.9 %")] {
            assert_eq!(percent(share), text);
        }
    }
}
