//! The page: what it shows is drawn by a template, and every text in it is escaped.

use serde::Serialize;

use crate::{html::fill_template, preview::view::PreviewView};

/// The page around what it shows.
pub const SHELL: &str = include_str!("page/shell.html");
/// Its script.
pub const SCRIPT: &str = include_str!("page/page.js");
/// Its style sheet: that of all pages of the house, and its own.
pub const STYLE: &str = concat!(include_str!("../house.css"), include_str!("page/page.css"));
/// Its icon.
pub const ICON: &str = include_str!("page/icon.svg");
/// What the browser may do for it: load what comes from here, and nothing else.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Draws what the page shows; `version` is the number of the change that it follows.
#[must_use]
pub fn draw(view: &PreviewView, version: u64) -> String {
    fill_template(include_str!("page/view.html"), &NumberedView { view, version })
}

/// What the page shows, with the number of the change that it follows.
#[derive(Serialize)]
struct NumberedView<'a> {
    #[serde(flatten)]
    view: &'a PreviewView,
    version: u64,
}

#[cfg(test)]
mod tests {
    use crate::preview::{
        page::draw,
        view::{CellView, FindingView, JsonLine, MappingLine, PreviewView, RecordView, RowView, TableView},
    };

    #[test]
    fn whatever_a_cell_holds_is_text() {
        let hostile = "</code><script>alert(1)</script>\"'&`";
        let text = || hostile.to_owned();
        let finding = || FindingView {
            message: text(),
            hint: text(),
            place: text(),
            found: text(),
            severity: "error",
            code: "check/range",
            count: 2,
            record: 1,
        };
        let mut view =
            PreviewView { name: text(), folder: text(), headline: text(), state: "bad", ..PreviewView::default() };
        (view.notices, view.findings) = (vec![text()], vec![finding()]);
        view.mapping.lines =
            vec![MappingLine { text: text(), comment: text(), findings: vec![finding()], ..MappingLine::default() }];
        let cell = || CellView { id: text(), column: text(), text: text(), is_used: true };
        let row = || RowView { id: text(), place: text(), cells: vec![cell()], ..RowView::default() };
        let tables = vec![
            TableView { source: text(), rows: vec![row()], ..TableView::default() },
            TableView { source: text(), rows: vec![row(), row()], ..TableView::default() },
        ];
        let line = JsonLine {
            name: text(),
            value: text(),
            from: text(),
            pointer: text(),
            kind: "text",
            is_value: true,
            findings: vec![finding()],
            ..JsonLine::default()
        };
        view.record = Some(RecordView { number: 1, count: 1, tables, json: vec![line], ..RecordView::default() });
        let html = draw(&view, 1);
        assert!(html.contains("id=\"shown\"") && html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }
}
