//! The page: what it shows is drawn by a template, and every text in it is escaped.

use minijinja::{AutoEscape, Environment, Value, context, syntax::SyntaxConfig, value::Serde};

use crate::preview::view::PreviewView;

/// The page around what it shows.
pub const SHELL: &str = include_str!("page/shell.html");
/// Its script.
pub const SCRIPT: &str = include_str!("page/page.js");
/// Its style sheet: that of all pages of the house, and its own.
pub const STYLE: &str = concat!(include_str!("../report/page/house.css"), include_str!("page/page.css"));
/// Its icon.
pub const ICON: &str = include_str!("page/icon.svg");
/// What the browser may do for it: load what comes from here, and nothing else.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Draws what the page shows; `version` is the number of the change that it follows.
#[must_use]
pub fn draw(view: &PreviewView, version: u64) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    let view = Value::from(Serde(view));
    let drawn = environment.render_str(include_str!("page/view.html"), context! { view, version });
    // The template is a part of the program, and its tests draw all of it.
    drawn.unwrap_or_else(|fault| format!("the page cannot be drawn: {}", fault.kind()))
}
