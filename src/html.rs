//! Pages: templates that escape everything, and the style that all pages of the house have.

use std::fmt::Write as _;

use minijinja::{AutoEscape, Environment, HtmlEscape, Value, context, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

/// The colours, letters and spaces of all pages.
pub const HOUSE_STYLE: &str = include_str!("house.css");

/// Fills in a template: what it shows is `view`. Every text is escaped; `ticks` also makes code of names in backquotes.
#[must_use]
pub fn fill_template(template: &str, view: &impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_filter("ticks", mark_names);
    let view = Value::from(Serde(view));
    let filled = environment.render_str(template, context! { view });
    // A template is a part of the program, and its tests draw all of it.
    filled.unwrap_or_else(|fault| format!("the page cannot be drawn: {}", fault.kind()))
}

/// A message as HTML: what it names in backquotes is code.
fn mark_names(message: &str) -> Value {
    let mut html = String::new();
    let parts: Vec<&str> = message.split('`').collect();
    for (number, part) in parts.iter().enumerate() {
        let escaped = HtmlEscape(part);
        let is_inside = number % 2 == 1;
        let _ = match is_inside {
            true if number + 1 < parts.len() => write!(html, "<code>{escaped}</code>"),
            true => write!(html, "`{escaped}"),
            false => write!(html, "{escaped}"),
        };
    }
    Value::from_safe_string(html)
}

#[cfg(test)]
mod tests {
    use crate::html::{fill_template, mark_names};

    #[test]
    fn names_in_backquotes_are_code() {
        for (message, html) in [
            ("set `a` or `b<`", "set <code>a</code> or <code>b&lt;</code>"),
            ("no names", "no names"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
        ] {
            assert_eq!(mark_names(message).as_str(), Some(html));
        }
    }

    #[test]
    fn everything_is_escaped() {
        let filled = fill_template("<p title=\"{{ view }}\">{{ view }}</p>{{ view|ticks }}", &"<b>\"'&`");
        assert!(!filled.contains("<b>") && filled.starts_with("<p title=\"&lt;b&gt;&quot;&#x27;&amp;"), "{filled}");
    }
}
