//! What keeps a terminal from being commanded by data.
//!
//! Files, paths and servers put what they like into messages. What leaves here holds no control character (but the line
//! feed that ends a line) and no mark that hides or turns text.

use std::fmt::Write as _;

use serde_json::Value;

/// A value on one line of pure JSON that is also safe to show: what a terminal would act on is escaped.
pub(crate) fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for character in value.to_string().chars() {
        if acts(character) {
            // Such a character can only stand inside a string, where JSON allows this escape.
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

/// The text with every character that a terminal acts on, or that hides or turns text, written as an escape.
pub(crate) fn visible(text: &str) -> String {
    // Most messages are nothing but this.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if acts(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The most characters of a text on a page.
const MAX_TEXT: usize = 400;

/// The visible text, or the beginning of one that is too long for a page.
pub(crate) fn shorten(text: &str) -> String {
    visible(&shorten_to(text, MAX_TEXT))
}

/// A text, or so many characters of a longer one and an ellipsis.
pub(crate) fn shorten_to(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        short.push('…');
    }
    short
}

/// Whether a terminal acts on a character instead of showing it: controls, and marks that hide, join or turn text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A line of a file with one visible character for each of its characters, so that columns stay true.
pub(crate) fn excerpt(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        c if acts(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place},
        options::MessageFormat,
        report::{escape::visible, full, line, render_style::RenderStyle},
    };

    #[test]
    fn nothing_that_a_terminal_acts_on_comes_out() {
        let mut hostile: String = (0..0xa0).filter_map(char::from_u32).collect();
        hostile.push_str("\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}é漢");
        let style =
            RenderStyle { format: MessageFormat::Full, styled: false, width: 80, quiet: false, has_progress: false };
        let at = Place { path: hostile.clone(), line: 3, column: 2, width: 4, text: hostile.as_str().into() };
        let diagnostic = Diagnostic::new(Code::CheckRange, &hostile)
            .cell(Cell {
                place: at.clone(),
                source: String::new(),
                column: hostile.clone(),
                found: hostile.clone(),
                is_masked: false,
            })
            .rule(at.clone())
            .also(at, &hostile)
            .target(&hostile, &hostile)
            .hint(&hostile);
        let json = line::json(&diagnostic);
        for drawn in
            [full::full(&diagnostic, style), line::concise(&diagnostic), line::github(&diagnostic), json.clone()]
        {
            let hidden = "\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}";
            let acts = |c: &char| c.is_control() && *c != '\n' || hidden.contains(*c);
            assert_eq!(drawn.chars().find(acts), None, "{drawn:?}");
        }
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["message"].as_str(), Some(hostile.as_str()));
        assert_eq!(visible("a\u{1b}[31m\tb\u{9b}"), "a\\u{1b}[31m\\tb\\u{9b}");
    }
}
