//! The text of a YAML file that a parser refused -> the mistake that a person made, at the place where to write something.
//!
//! A parser says what it missed where it gave up, mostly a line later and in words of its grammar. This walk through the lines
//! knows the mistakes that people make. It is never run over a text that can be parsed, so what it does not know costs nothing:
//! then the place where the parser gave up is told.

use crate::config::{
    text_span::{Mistake, TextSpan},
    yaml_brackets::{BracketWalk, OpenBracket, cannot_begin, describe_text_after_quote, quote, quoted_end, span},
};

/// Finds the first mistake up to the line where a parser gave up.
pub(super) fn find(text: &str, last_line: u64) -> Option<Mistake> {
    let mut walk = LineWalk::default();
    for (number, line) in (1..=last_line).zip(text.lines()) {
        if let Some(mistake) = walk.line(number, line) {
            return Some(mistake);
        }
    }
    walk.brackets.open.first().map(OpenBracket::describe_open)
}

/// What a person did wrong in a text that a parser gave up at some place.
pub(super) fn explain(text: &str, at: TextSpan) -> Mistake {
    find(text, at.line).unwrap_or_else(|| Mistake {
        at,
        message: "this cannot be read as YAML".into(),
        hint: "look here and at the line above: at the indentation, the colons, the quotes and the brackets".into(),
    })
}

/// Finds a character that no text file has.
pub(super) fn find_control(text: &str) -> Option<Mistake> {
    // Most files have none, which their bytes tell: 0xC2 begins the control characters beyond ASCII, 0xEF the byte order mark.
    if !text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n') || matches!(byte, 0x7F | 0xC2 | 0xEF)) {
        return None;
    }
    for (number, line) in (1..).zip(text.lines()) {
        let is_control = |c: char| c.is_control() && c != '\t' || c == '\u{FEFF}';
        if let Some(column) = line.chars().position(is_control) {
            let message = "a character that cannot be seen stands here".to_owned();
            let hint = "delete it, or type the line again".to_owned();
            return Some(Mistake { at: span(number, column, 1), message, hint });
        }
    }
    None
}

/// A block whose lines begin in one column.
struct BlockLevel {
    column: usize,
    /// Its lines begin with `- `.
    is_list: bool,
    /// The last key in it, and its line.
    key: String,
    line: u64,
    /// The last key has no value on its line, so that a block may follow.
    opens: bool,
    /// The key before that one, if it had no value.
    empty_before: Option<String>,
}

/// A walk through lines: which blocks and brackets are open.
#[derive(Default)]
struct LineWalk {
    levels: Vec<BlockLevel>,
    brackets: BracketWalk,
    /// The column of the key whose text stands in the lines below it.
    block_text: Option<usize>,
    /// The column of a line without a colon, and the mistake it is if a key follows in the same column.
    pending: Option<(usize, Mistake)>,
}

impl LineWalk {
    fn line(&mut self, number: u64, line: &str) -> Option<Mistake> {
        let characters: Vec<char> = line.chars().collect();
        let indent = characters.iter().take_while(|c| **c == ' ').count();
        let rest = &characters[indent..];
        let blank = rest.iter().all(|c| c.is_whitespace()) || rest.first() == Some(&'#');
        if let Some(column) = self.block_text {
            if blank || indent > column {
                return None;
            }
            self.block_text = None;
        }
        if blank {
            return None;
        }
        if !self.brackets.open.is_empty() {
            let begins_key = key_end(rest).is_some() && !matches!(rest[0], '{' | '[' | '"' | '\'');
            return match self.brackets.open.first() {
                Some(flow) if begins_key && !self.brackets.goes_on => Some(flow.describe_open()),
                _ => self.brackets.walk(number, &characters, indent),
            };
        }
        if rest[0] == '\t' {
            let tabs = rest.iter().take_while(|c| c.is_whitespace()).count();
            let above = self.levels.last().map_or(2, |level| level.column + if level.opens { 2 } else { 0 });
            let hint = format!("indent with spaces: with {above}, the line belongs to the lines above it");
            return Some(Mistake::new(span(number, indent, tabs), "a tab stands where YAML wants spaces", hint));
        }
        if line.starts_with("---") || line.starts_with("...") {
            self.levels.clear();
            return None;
        }
        self.block_line(number, &characters, indent)
    }

    /// A line outside of brackets and of texts of several lines.
    fn block_line(&mut self, number: u64, line: &[char], indent: usize) -> Option<Mistake> {
        let mut at = indent;
        let mut is_item = false;
        while line[at] == '-' && line.get(at + 1).is_none_or(|next| *next == ' ') {
            if let Some(mistake) = self.enter(number, at, true) {
                return Some(mistake);
            }
            is_item = true;
            at += 1;
            at += line[at..].iter().take_while(|c| **c == ' ').count();
            if at >= line.len() {
                return None;
            }
        }
        let text: String = line[at..].iter().collect();
        if line[at] == '-' && line.get(at + 1).is_some_and(|next| next.is_alphabetic()) {
            let hint = format!("write `- {}`", text[1..].trim_end());
            return Some(Mistake::new(span(number, at, 1), "there is no space behind `-`", hint));
        }
        let Some(colon) = key_end(&line[at..]).map(|end| at + end) else {
            return self.line_without_key(number, line, at, is_item);
        };
        if let Some((_, mistake)) = self.pending.take().filter(|(column, _)| *column == at) {
            return Some(mistake);
        }
        if let Some(mistake) = self.enter(number, at, false) {
            return Some(mistake);
        }
        let key: String = line[at..colon].iter().collect();
        let start = colon + 1 + line[colon + 1..].iter().take_while(|c| c.is_whitespace()).count();
        let is_empty = start >= line.len() || line[start] == '#';
        if let Some(level) = self.levels.last_mut() {
            level.empty_before = level.opens.then(|| std::mem::take(&mut level.key));
            (level.key, level.line, level.opens) = (key.clone(), number, is_empty);
        }
        if is_empty { None } else { self.value(number, line, start, &key) }
    }

    /// Enters the block of a line that begins in a column.
    fn enter(&mut self, number: u64, column: usize, is_list: bool) -> Option<Mistake> {
        let begins = |level: &BlockLevel| format!("`{}` in line {}", level.key, level.line);
        let mut inner = None;
        while self.levels.last().is_some_and(|level| level.column > column) {
            inner = self.levels.pop();
        }
        let Some(level) = self.levels.last() else {
            self.levels.push(BlockLevel::new(column, is_list));
            return None;
        };
        if level.column == column {
            if level.is_list != is_list && !(is_list && level.opens) {
                let (has, hint) = if level.is_list {
                    (
                        "the line above begins with `- `, and this one does not",
                        "begin both with `- ` for a list, or none for names with values",
                    )
                } else {
                    (
                        "this line begins with `- `, and the line above does not",
                        "begin both with `- ` for a list, or none for names with values",
                    )
                };
                return Some(Mistake::new(span(number, column, 1), has, hint));
            }
            return None;
        }
        if let Some(inner) = inner {
            let message = format!("this line begins in column {}, between those above it", column + 1);
            let (near, far) = (inner.column + 1, level.column + 1);
            let hint =
                format!("begin it in column {near} like {}, or in column {far} like {}", begins(&inner), begins(level));
            return Some(Mistake::new(span(number, column, 1), message, hint));
        }
        if !level.opens && !level.is_list {
            if let Some(parent) = &level.empty_before {
                let message = format!("`{}` is not indented further than `{parent}:` above it", level.key);
                let hint = format!("begin it in column {} if it belongs to `{parent}`", column + 1);
                return Some(Mistake::new(span(level.line, level.column, level.key.chars().count()), message, hint));
            }
            let message = "this line is indented further than the line above, which has a value already".to_owned();
            let hint = format!("begin it in column {} like {}", level.column + 1, begins(level));
            return Some(Mistake::new(span(number, column, 1), message, hint));
        }
        self.levels.push(BlockLevel::new(column, is_list));
        None
    }

    /// A line that has no `key: `.
    fn line_without_key(&mut self, number: u64, line: &[char], at: usize, is_item: bool) -> Option<Mistake> {
        if is_item || matches!(line[at], '{' | '[' | '"' | '\'' | '|' | '>') {
            return self.value(number, line, at, "");
        }
        let above = self.levels.last();
        if above.is_some_and(|level| level.opens && level.column < at) {
            let missing = describe_missing_colon(number, line, at);
            self.pending = missing.map(|mistake| (at, mistake));
            return self.value(number, line, at, "");
        }
        let text: String = line[at..].iter().collect();
        let text = text.split(" #").next().unwrap_or_default().trim_end();
        let at_level = above.filter(|level| level.column == at);
        if at_level.is_some_and(|level| level.is_list) {
            let message = format!("there is no `- ` before `{text}`");
            return Some(Mistake::new(span(number, at, 1), message, format!("write `- {text}`")));
        }
        if let Some(level) = at_level.filter(|level| level.opens && !text.contains([' ', ':', '='])) {
            let hint = format!("write it behind the colon: `{}: {text}`", level.key);
            let width = text.chars().count();
            return Some(Mistake::new(
                span(number, at, width),
                format!("the value of `{}` is not indented", level.key),
                hint,
            ));
        }
        describe_missing_colon(number, line, at)
    }

    /// The value behind a key, a dash, or alone on a line.
    fn value(&mut self, number: u64, line: &[char], start: usize, key: &str) -> Option<Mistake> {
        let text: String = line[start..].iter().collect();
        let text = text.split(" #").next().unwrap_or_default().trim_end();
        let width = text.chars().count();
        match line[start] {
            '{' | '[' => self.brackets.walk(number, line, start),
            '"' | '\'' => match quoted_end(number, line, start) {
                Err(mistake) => Some(mistake),
                Ok(end) => {
                    let after = end + line[end..].iter().take_while(|c| c.is_whitespace()).count();
                    let is_over = after >= line.len() || line[after] == '#';
                    (!is_over).then(|| describe_text_after_quote(number, line, start, end))
                }
            },
            '|' | '>' if is_block_text(text) => {
                self.block_text = Some(self.levels.last().map_or(0, |level| level.column));
                None
            }
            first if cannot_begin(first, text) => {
                let message = format!("a value cannot begin with `{first}`");
                Some(Mistake::new(span(number, start, width), message, format!("put it in quotes: {}", quote(text))))
            }
            _ => {
                let colon = text.find(": ").filter(|_| !key.is_empty())?;
                let column = start + text[..colon].chars().count();
                let hint = format!("put the whole value in quotes: `{key}: {}`", quote(text));
                Some(Mistake::new(span(number, column, 1), "a second colon stands in this line", hint))
            }
        }
    }
}

impl BlockLevel {
    fn new(column: usize, is_list: bool) -> BlockLevel {
        BlockLevel { column, is_list, key: "- ".into(), line: 0, opens: false, empty_before: None }
    }
}

/// A line that would be a key with a value if it had a colon with a space.
fn describe_missing_colon(number: u64, line: &[char], at: usize) -> Option<Mistake> {
    let text: String = line[at..].iter().collect();
    let text = text.split(" #").next().unwrap_or_default().trim_end();
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')).collect();
    let rest = text[word.len()..].trim_start_matches([' ', ':', '=']);
    let behind = span(number, at + word.chars().count(), 1);
    match text[word.len()..].trim_start().chars().next() {
        _ if word.is_empty() => None,
        None => Some(Mistake::new(behind, format!("there is no colon behind `{word}`"), format!("write `{word}:`"))),
        Some(':') => {
            Some(Mistake::new(behind, "there is no space behind the colon", format!("write `{word}: {rest}`")))
        }
        Some('=') => {
            Some(Mistake::new(behind, "there is `=` where a colon belongs", format!("write `{word}: {rest}`")))
        }
        Some(_) => {
            Some(Mistake::new(behind, format!("there is no colon behind `{word}`"), format!("write `{word}: {rest}`")))
        }
    }
}

/// Where the colon of a key is: a word, some words or a text in quotes, and a colon with nothing or a space behind it.
fn key_end(line: &[char]) -> Option<usize> {
    let is_colon = |at: usize| line[at] == ':' && line.get(at + 1).is_none_or(|next| next.is_whitespace());
    if let Some(quote @ ('"' | '\'')) = line.first() {
        let end = 1 + line[1..].iter().position(|c| c == quote)?;
        let colon = end + 1 + line[end + 1..].iter().take_while(|c| **c == ' ').count();
        return (colon < line.len() && is_colon(colon)).then_some(colon);
    }
    let end = (0..line.len()).find(|at| is_colon(*at) || line[*at] == '#' && *at > 0 && line[at - 1] == ' ')?;
    let is_key = line[end] == ':' && !line[..end].iter().any(|c| matches!(c, '{' | '[' | '"' | '\''));
    is_key.then_some(end)
}

/// Whether what is behind `|` or `>` lets a text of several lines follow.
fn is_block_text(text: &str) -> bool {
    text[1..].chars().all(|c| matches!(c, '+' | '-') || c.is_ascii_digit())
}
