//! One diagnostic, drawn with the lines of its places.
//!
//! The excerpts fit the width, whatever their lines and spans; titles and notes are one line each, however long, so that
//! they can be searched. Columns are drawn where they are: each character of a line is one character of the excerpt.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::{
    diagnostic::{Cell, Diagnostic, Place, Severity},
    report::{
        escape::{excerpt, visible},
        render_style::RenderStyle,
    },
};

/// The diagnostic with the lines of all its places, and an empty line behind it.
pub(crate) fn full(diagnostic: &Diagnostic, style: RenderStyle) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::NOTE.with_name("notice"),
    };
    let title = level.primary_title(visible(&diagnostic.message)).id(diagnostic.code.word());
    let mut elements = excerpts(diagnostic, style.width);
    elements.extend(notes(diagnostic));
    let group = Group::with_title(title).elements(elements);
    let renderer = if style.styled { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let mut drawn = renderer.term_width(style.width).render(&[group]);
    drawn.push_str("\n\n");
    drawn
}

/// The cell, the rule and the other place, each with its line; the first is what the title speaks of.
fn excerpts(diagnostic: &Diagnostic, width: usize) -> Vec<Element<'_>> {
    // A span and its label share a line with the gutter and the dots where the line is cut.
    let most = width.saturating_sub(24) / 2;
    let cell = diagnostic.cell.as_ref().map(|cell| (&cell.place, label(cell, most)));
    let by_this_rule = if cell.is_some() { "by this rule" } else { "" };
    let rule = diagnostic.rule.as_deref().map(|rule| (rule, by_this_rule.to_owned()));
    let also = diagnostic.also.as_deref().map(|(place, says)| (place, shortened(&visible(says), most)));
    let mut elements = Vec::new();
    for (at, (place, label)) in [cell, rule, also].into_iter().flatten().enumerate() {
        let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        elements.push(drawn_place(place, label, kind, most));
    }
    elements
}

fn drawn_place(place: &Place, label: String, kind: AnnotationKind, most: usize) -> Element<'_> {
    let path = visible(&place.path);
    let line = usize::try_from(place.line).unwrap_or(usize::MAX);
    let column = usize::try_from(place.column).unwrap_or(usize::MAX);
    if place.line == 0 {
        return Origin::path(path).into();
    }
    if place.text.is_empty() {
        let origin = Origin::path(path).line(line);
        return if column == 0 { origin.into() } else { origin.char_column(column).into() };
    }
    let text = excerpt(&place.text);
    let annotation = kind.span(span(place, &text, most));
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(text).line_start(line).path(path).annotation(annotation).into()
}

/// The span of a place in bytes of its excerpt: cut when it leaves the line, and when it is too long to be drawn.
fn span(place: &Place, text: &str, most: usize) -> Range<usize> {
    let byte = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (start, width) = match number(place.column) {
        0 => (text.chars().take_while(|c| *c == ' ').count(), usize::MAX),
        column => (column - 1, number(place.width)),
    };
    byte(start)..byte(start.saturating_add(width.min(most)))
}

/// What stands under the caret: the name of the column and the shape of what it holds.
fn label(cell: &Cell, most: usize) -> String {
    let column = visible(&cell.column);
    let label = match (column.as_str(), cell.found.as_str()) {
        ("", found) => visible(found),
        (column, "") => format!("{column} is empty"),
        (column, found) => format!("{column}: {}", visible(found)),
    };
    // The shape can be seen above the caret; the name cannot.
    if label.chars().count() > most { shortened(&column, most) } else { label }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// What has no line of its own to stand under, and what to do next.
fn notes(diagnostic: &Diagnostic) -> Vec<Element<'_>> {
    let note = |name: &'static str, text: &str| -> Option<Element<'_>> {
        (!text.is_empty()).then(|| Level::NOTE.with_name(name).message(visible(text)).into())
    };
    let unseen = diagnostic.cell.as_ref().filter(|cell| cell.place.text.is_empty() && !cell.column.is_empty());
    let target = diagnostic.target.as_ref();
    let hint = diagnostic.hint.as_str();
    [
        unseen.and_then(|cell| note("cell", &label(cell, usize::MAX))),
        target.and_then(|target| note("target", &target.pointer)),
        target.and_then(|target| note("contract", &target.schema)),
        (!hint.is_empty()).then(|| Level::HELP.message(visible(hint)).into()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place, Severity},
        options::MessageFormat,
        report::{full::full, render_style::RenderStyle},
    };

    const STYLE: RenderStyle =
        RenderStyle { format: MessageFormat::Full, styled: false, width: 80, quiet: false, has_progress: false };

    fn place(path: &str, line: u64, column: u64, width: u64, text: &str) -> Place {
        Place { path: path.into(), line, column, width, text: text.into() }
    }

    fn range() -> Diagnostic {
        let text = "9/99;9;9999;-9;99;\"xxxxx\";9999-99-99";
        let place_of_cell = place("samples/flight-02/purchases.csv", 3, 13, 2, text);
        let rule = place("mappings/inflight-sales.yaml", 36, 9, 8, "        quantity: quantity");
        let schema = "/items/properties/purchases/items/properties/quantity/minimum";
        Diagnostic::new(Code::CheckRange, "expected at least 1")
            .cell(Cell {
                place: place_of_cell,
                source: String::new(),
                column: "quantity".into(),
                found: "-9".into(),
                is_masked: false,
            })
            .rule(rule)
            .target("/purchases/0/quantity", schema)
            .hint("fix the till's export, or loosen the contract")
    }

    fn cell_at(column: u64, width: u64, text: &str) -> Diagnostic {
        let mut diagnostic = range();
        diagnostic.rule = None;
        diagnostic.target = None;
        diagnostic.hint.clear();
        let place = place("purchases.csv", 3, column, width, text);
        diagnostic.cell(Cell {
            place,
            source: String::new(),
            column: "quantity".into(),
            found: "-9".into(),
            is_masked: false,
        })
    }

    #[test]
    fn full_shows_the_three_places() {
        let expected = r#"error[check/range]: expected at least 1
  --> samples/flight-02/purchases.csv:3:13
   |
 3 | 9/99;9;9999;-9;99;"xxxxx";9999-99-99
   |             ^^ quantity: -9
   |
  ::: mappings/inflight-sales.yaml:36:9
   |
36 |         quantity: quantity
   |         -------- by this rule
   |
   = target: /purchases/0/quantity
   = contract: /items/properties/purchases/items/properties/quantity/minimum
   = help: fix the till's export, or loosen the contract

"#;
        assert_eq!(full(&range(), STYLE), expected);
    }

    #[test]
    fn full_with_colours_says_the_same() {
        let styled = full(&range(), RenderStyle { styled: true, ..STYLE });
        assert!(styled.starts_with("\u{1b}[1m\u{1b}[91merror[check/range]\u{1b}[0m"));
        let plain: String =
            styled.split("\u{1b}[").map(|run| run.split_once('m').map_or(run, |(_, text)| text)).collect();
        assert_eq!(plain, full(&range(), STYLE));
    }

    #[test]
    fn full_begins_with_the_rule_when_no_cell_is_known() {
        let also = place("mappings/inflight-sales.yaml", 12, 3, 9, "  customers:");
        let diagnostic = Diagnostic::new(Code::PlanDuplicateKey, "the key `customers` is written twice in this block")
            .rule(place("mappings/inflight-sales.yaml", 21, 3, 9, "  customers:"))
            .also(also, "first written here")
            .hint("keep one of the two");
        let expected = "error[plan/duplicate-key]: the key `customers` is written twice in this block
  --> mappings/inflight-sales.yaml:21:3
   |
21 |   customers:
   |   ^^^^^^^^^
   |
  ::: mappings/inflight-sales.yaml:12:3
   |
12 |   customers:
   |   --------- first written here
   |
   = help: keep one of the two

";
        assert_eq!(full(&diagnostic, STYLE), expected);
    }

    #[test]
    fn a_whole_line_a_whole_file_and_a_line_without_text_are_drawn() {
        let whole_line = cell_at(0, 0, "  9;9");
        let expected = "error[check/range]: expected at least 1
 --> purchases.csv:3:3
  |
3 |   9;9
  |   ^^^ quantity: -9

";
        assert_eq!(full(&whole_line, STYLE), expected);
        let file = Diagnostic::new(Code::ReadEmpty, "the file is empty").file("purchases.csv");
        let file = file.severity(Severity::Warning).hint("the recording was probably lost");
        let expected = "warning[read/empty]: the file is empty
--> purchases.csv
 = help: the recording was probably lost

";
        assert_eq!(full(&file, STYLE), expected);
        let no_text = cell_at(13, 2, "").severity(Severity::Notice);
        let expected = "notice[check/range]: expected at least 1
--> purchases.csv:3:13
 = cell: quantity: -9

";
        assert_eq!(full(&no_text, STYLE), expected);
        let nowhere = Diagnostic::new(Code::PlanUsage, "there is no mapping");
        assert_eq!(full(&nowhere, STYLE), "error[plan/usage]: there is no mapping\n\n");
    }

    #[test]
    fn long_lines_are_cut_around_the_span() {
        let text = format!("{}-9{}", "xx;".repeat(100), ";99".repeat(100));
        let expected = "error[check/range]: expected at least 1
 --> purchases.csv:3:301
  |
3 | ...xx;xx;xx;xx;xx;xx;xx;xx;xx;-9;99;99;99;99;99;99;99;99;99;99;99;99;99;9...
  |                               ^^ quantity: -9

";
        assert_eq!(full(&cell_at(301, 2, &text), STYLE), expected);
    }

    #[test]
    fn no_span_makes_an_excerpt_wider_than_the_terminal() {
        let text = "é9;".repeat(200);
        for width in [60, 80, 140] {
            for (column, span) in [(0, 0), (1, 600), (1, 1), (300, 300), (600, 1), (601, 1), (9_999, 9), (590, 40)] {
                let mut diagnostic = cell_at(column, span, &text);
                if let Some(cell) = &mut diagnostic.cell {
                    cell.found = "x".repeat(40);
                    cell.place.line = 10_000_000;
                }
                let cell = diagnostic.cell.as_deref();
                diagnostic.also = cell.map(|cell| Box::new((cell.place.clone(), "long ".repeat(50))));
                let drawn = full(&diagnostic, RenderStyle { width, ..STYLE });
                let widest = drawn.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(width), "{column} {span}\n{drawn}");
            }
        }
    }
}
