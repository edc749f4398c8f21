//! Lists and blocks in brackets, and texts in quotes -> the mistake that a person made in them, by a walk along the line.
//!
//! The second half of `yaml_mistakes`. A bracket may stay open over several lines; a quote may not.

use crate::config::text_span::{Mistake, TextSpan};

/// What no scalar begins with, unless it is in quotes.
const RESERVED: [char; 3] = ['@', '`', '%'];
/// Of how many open brackets the rest of the line is known.
const MAX_TOLD: usize = 64;
/// The characters that may follow a backslash in double quotes.
const ESCAPES: &str = "0abtnvfre \"/\\N_LPxuU\t";

/// A span of one line; the column counts from 0.
pub(super) fn span(line: u64, column: usize, width: usize) -> TextSpan {
    TextSpan { line, column: column as u64 + 1, width: width.max(1) as u64 }
}

/// A bracket that is open.
pub(super) struct OpenBracket {
    bracket: char,
    line: u64,
    column: usize,
    /// The rest of its line.
    rest: String,
}

impl OpenBracket {
    fn closing(&self) -> char {
        if self.bracket == '{' { '}' } else { ']' }
    }

    /// What to say if nothing closes it.
    pub(super) fn describe_open(&self) -> Mistake {
        let message = format!("`{}` is not closed", self.bracket);
        let hint = format!("write ` {}` behind `{}`", self.closing(), self.rest.trim_end());
        Mistake { at: span(self.line, self.column, 1), message, hint }
    }
}

/// A walk along lines: which brackets are open.
#[derive(Default)]
pub(super) struct BracketWalk {
    /// The brackets that are open, the outermost first.
    pub(super) open: Vec<OpenBracket>,
    /// The last line that holds something ends so that a list or block in brackets goes on.
    pub(super) goes_on: bool,
}

impl BracketWalk {
    /// A part of a line inside brackets, or that opens some.
    pub(super) fn walk(&mut self, number: u64, line: &[char], start: usize) -> Option<Mistake> {
        let (mut at, mut has_colon, mut is_start) = (start, false, true);
        while at < line.len() {
            let character = line[at];
            match character {
                ' ' | '\t' => at += 1,
                '#' if at > 0 && line[at - 1].is_whitespace() => break,
                '{' | '[' => {
                    // A line of brackets alone would be kept once for each of them.
                    let told = if self.open.len() < MAX_TOLD { &line[at..] } else { &[] };
                    let rest = told.iter().collect::<String>();
                    let rest = rest.split(" #").next().unwrap_or_default().to_owned();
                    self.open.push(OpenBracket { bracket: character, line: number, column: at, rest });
                    (has_colon, is_start, at) = (false, true, at + 1);
                }
                '}' | ']' => {
                    let Some(flow) = self.open.pop() else {
                        return Some(Mistake::new(
                            span(number, at, 1),
                            format!("`{character}` closes nothing"),
                            "leave it out",
                        ));
                    };
                    if flow.closing() != character {
                        let message =
                            format!("`{character}` stands where `{}` closes `{}`", flow.closing(), flow.bracket);
                        return Some(Mistake::new(span(number, at, 1), message, format!("write `{}`", flow.closing())));
                    }
                    (is_start, at) = (false, at + 1);
                }
                ',' => (has_colon, is_start, at) = (false, true, at + 1),
                ':' if line.get(at + 1).is_none_or(|next| next.is_whitespace()) => {
                    (has_colon, is_start, at) = (true, true, at + 1);
                }
                '"' | '\'' if is_start => match quoted_in_flow(number, line, at) {
                    Err(mistake) => return Some(mistake),
                    Ok(end) => (is_start, at) = (false, end),
                },
                _ => match word_in_flow(number, line, at, has_colon) {
                    Err(mistake) => return Some(mistake),
                    Ok(end) => (is_start, at) = (false, end),
                },
            }
            if self.open.is_empty() {
                let after = at + line[at..].iter().take_while(|c| c.is_whitespace()).count();
                if after < line.len() && matches!(line[after], '}' | ']') {
                    let message = format!("`{}` closes nothing", line[after]);
                    return Some(Mistake::new(span(number, after, 1), message, "leave it out"));
                }
                return None;
            }
        }
        let last = line[..at].iter().rev().find(|c| !c.is_whitespace());
        self.goes_on = last.is_some_and(|last| matches!(last, ',' | '{' | '[' | ':'));
        None
    }
}

/// A text in quotes inside brackets; where it ends.
fn quoted_in_flow(number: u64, line: &[char], start: usize) -> Result<usize, Mistake> {
    let end = quoted_end(number, line, start)?;
    let after = end + line[end..].iter().take_while(|c| c.is_whitespace()).count();
    let next = line.get(after).copied();
    let shown: String = line[start..end].iter().collect();
    let at = span(number, end, 1);
    let wrong = match next {
        None | Some(',' | ':' | '}' | ']' | '#') => None,
        Some(';') => Some(Mistake::new(at, "`;` stands where a comma belongs", format!("write `{shown},`"))),
        Some(c) if after > end && c.is_alphabetic() => {
            Some(Mistake::new(at, format!("there is no comma behind `{shown}`"), format!("write `{shown},`")))
        }
        Some(_) => Some(describe_text_after_quote(number, line, start, end)),
    };
    wrong.map_or(Ok(end), Err)
}

/// A bare word inside brackets; where it ends.
fn word_in_flow(number: u64, line: &[char], start: usize, has_colon: bool) -> Result<usize, Mistake> {
    let is_end = |at: usize| {
        let is_colon = line[at] == ':' && line.get(at + 1).is_none_or(|next| next.is_whitespace());
        let is_comment = line[at] == '#' && line[at - 1].is_whitespace();
        matches!(line[at], ',' | '}' | ']' | '{' | '[') || is_colon || is_comment
    };
    let end = (start..line.len()).find(|at| is_end(*at)).unwrap_or(line.len());
    let text: String = line[start..end].iter().collect();
    let text = text.trim_end();
    let width = text.chars().count();
    if cannot_begin(line[start], text) {
        let message = format!("a value cannot begin with `{}`", line[start]);
        let hint = format!("put it in quotes: {}", quote(text));
        return Err(Mistake { at: span(number, start, width), message, hint });
    }
    if has_colon && line.get(end) == Some(&':') {
        let key = text.rsplit([' ', ';']).next().unwrap_or_default();
        let before = text[..text.len() - key.len()].trim_end_matches([' ', ';']);
        let at = span(number, start + before.chars().count(), 1);
        let message = format!("there is no comma before `{key}`");
        return Err(Mistake { at, message, hint: format!("write `{before}, {key}:`") });
    }
    Ok(end)
}

/// The end of a text in quotes, behind the closing one.
pub(super) fn quoted_end(number: u64, line: &[char], start: usize) -> Result<usize, Mistake> {
    let quote = line[start];
    let mut at = start + 1;
    while at < line.len() {
        match line[at] {
            '\\' if quote == '"' => {
                let next = line.get(at + 1).copied().unwrap_or(' ');
                if !ESCAPES.contains(next) {
                    let message = format!("`\\{next}` means nothing in double quotes");
                    let hint = format!("write `\\\\{next}`, or put the value in single quotes, where `\\` is itself");
                    return Err(Mistake { at: span(number, at, 2), message, hint });
                }
                at += 2;
            }
            c if c == quote && quote == '\'' && line.get(at + 1) == Some(&'\'') => at += 2,
            c if c == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
    let message = format!("the quote `{quote}` that opens here is not closed in this line");
    let hint = format!("write `{quote}` also where the value ends");
    Err(Mistake { at: span(number, start, 1), message, hint })
}

pub(super) fn describe_text_after_quote(number: u64, line: &[char], start: usize, end: usize) -> Mistake {
    let quote = line[start];
    let message = format!("the quote that opens here closes in column {end}, and more text follows");
    let inside = if quote == '"' { "`\\\"`" } else { "`''`" };
    let hint = format!("close it where the value ends; write a quote inside it as {inside}");
    Mistake::new(span(number, start, end - start), message, hint)
}

/// Whether a bare value cannot begin so.
pub(super) fn cannot_begin(first: char, text: &str) -> bool {
    let is_alias = matches!(first, '*' | '&' | '!') && !text.contains(' ');
    let is_indicator = matches!(first, '|' | '>' | ',' | ']' | '}') || RESERVED.contains(&first);
    is_alias || is_indicator || matches!(first, '?' | '-' | ':') && text.chars().nth(1) == Some(' ')
}

/// A text in quotes.
pub(super) fn quote(text: &str) -> String {
    let bare = text.trim_matches(['"', '\'']);
    if bare.contains(['"', '\\']) { format!("'{}'", bare.replace('\'', "''")) } else { format!("\"{bare}\"") }
}
