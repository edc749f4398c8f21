//! The text of a contract that is not JSON -> what is wrong with it, at the place where to write something.
//!
//! A parser says what it expected where it gave up. What people give it instead is mostly not JSON at all (a web page, YAML, an
//! empty file), or has a comma, a quote or a bracket too many or too few.

use crate::config::text_span::{Mistake, TextSpan};

/// Explains why a text is not JSON. `said`, `line` and `column` are what the parser says.
pub(super) fn explain(text: &str, said: &str, line: usize, column: usize) -> Mistake {
    // A line end inside of quotes is told at the start of the next line.
    let line = if column == 0 && said.starts_with("control") { line.saturating_sub(1) } else { line };
    let (line, column) = (line.max(1), column.max(1));
    let here = |message: &str, hint: &str| new(line, column, message, hint);
    if let Some(other) = explain_other_format(text) {
        return other;
    }
    let found = text.lines().nth(line - 1).and_then(|text| text.get(column - 1..)).and_then(|rest| rest.chars().next());
    match (said, found) {
        (said, _) if said.starts_with("EOF while parsing a string") || said.starts_with("control character") => {
            let start = text.lines().nth(line - 1).and_then(|line| line.rfind('"')).unwrap_or(0);
            new(
                line,
                start + 1,
                "the quote that opens here is not closed in this line",
                "write `\"` where the text ends",
            )
        }
        (said, _) if said.starts_with("EOF") => {
            let hint =
                "close what is open with `}` and `]`; the file may have been cut: compare it with where it is from";
            here("the text ends before its last bracket is closed", hint)
        }
        (_, Some('\'')) => here("JSON has no single quotes", "write double quotes: `\"`"),
        (_, Some('/' | '#')) => here("JSON has no comments", "delete it, or write it as a value of `$comment`"),
        ("trailing comma", _) | (_, Some('}' | ']'))
            if last_before(text, line, column).is_some_and(|(.., c)| c == ',') =>
        {
            let (line, column, _) = last_before(text, line, column).unwrap_or((line, column, ','));
            new(line, column, "a comma stands before the closing bracket", "delete the comma")
        }
        (_, Some(',')) => here("there is a comma where a value belongs", "delete it, or write what is missing"),
        (said, Some(_)) if said.starts_with("expected `,`") => {
            let (line, column, _) = last_before(text, line, column).unwrap_or((line, column, ' '));
            new(line, column + 1, "there is no comma behind this value", "write `,`")
        }
        (said, Some(_)) if said.starts_with("expected `:`") => {
            let (line, column, _) = last_before(text, line, column).unwrap_or((line, column, ' '));
            new(line, column + 1, "there is no colon behind this name", "write `:`")
        }
        ("key must be a string", _) => here("the name is not in quotes", "write it in double quotes: `\"name\"`"),
        ("trailing characters", _) => here("more text follows the end of the JSON", "delete it"),
        ("invalid escape", _) => {
            here("this `\\` means nothing in JSON", "write `\\\\`, as patterns need it: `\"\\\\d+\"`")
        }
        (_, Some(c)) if c.is_alphabetic() => here(
            "this word is not in quotes",
            "write a text in double quotes; `true`, `false` and `null` are in lower case",
        ),
        _ => here(
            "this cannot be read as JSON",
            "look here and at the line above: at the commas, the quotes and the brackets",
        ),
    }
}

/// A mistake inside of JSON.
fn new(line: usize, column: usize, message: &str, hint: &str) -> Mistake {
    let at = TextSpan { line: line as u64, column: column as u64, width: 1 };
    Mistake { at, message: format!("the contract is not JSON: {message}"), hint: hint.into() }
}

/// A text that is something else as a whole: neither JSON nor YAML.
pub(super) fn explain_other_format(text: &str) -> Option<Mistake> {
    let start = text.trim_start();
    let line = text.len() - start.len();
    let line = text[..line].matches('\n').count() + 1;
    let first = start.lines().next().unwrap_or_default();
    let (message, hint) = match start.chars().next() {
        None => ("the contract is empty", "save the JSON Schema of the request body in it"),
        Some('<') => (
            "the contract is a web page or XML, not JSON",
            "download the JSON Schema itself: a login page may have come instead",
        ),
        Some('{' | '[' | '"' | '/' | '\'' | '#' | '-' | '%') => return None,
        Some(_) if !first.contains(": ") && !first.ends_with(':') && first.contains([';', ',', '\t']) => {
            ("the contract looks like CSV, not JSON", "name the JSON Schema of the request body")
        }
        Some(_) => return None,
    };
    let at = TextSpan { line: line as u64, column: 1, width: 1 };
    Some(Mistake { at, message: message.into(), hint: hint.into() })
}

/// The last character before a place that is no white space.
fn last_before(text: &str, line: usize, column: usize) -> Option<(usize, usize, char)> {
    let mut lines: Vec<&str> = text.lines().take(line).collect();
    let here = lines.pop()?;
    let before = here.get(..column.saturating_sub(1)).unwrap_or(here);
    let last = |text: &str| {
        let text = text.trim_end();
        Some((text.chars().count(), text.chars().next_back()?))
    };
    if let Some((column, found)) = last(before) {
        return Some((line, column, found));
    }
    let number = lines.iter().rposition(|line| !line.trim().is_empty())?;
    last(lines[number]).map(|(column, found)| (number + 1, column, found))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::config::{json_mistakes::explain, text_span::Mistake};

    #[test]
    fn what_is_not_json_is_told_where_to_write_something() {
        let table = [
            ("", 1, 1, "the contract is empty"),
            ("\n\n", 3, 1, "the contract is empty"),
            ("<html>", 1, 1, "the contract is a web page or XML, not JSON"),
            ("a;b;c\n1;2;3\n", 1, 1, "the contract looks like CSV, not JSON"),
            ("{'a': 1}", 1, 2, "JSON has no single quotes"),
            ("// a\n{}", 1, 1, "JSON has no comments"),
            ("{\n  \"a\": 1, # b\n}", 2, 11, "JSON has no comments"),
            ("{\n  \"a\": 1,\n}", 2, 9, "a comma stands before the closing bracket"),
            ("{\"a\": [1, 2, ]}", 1, 12, "a comma stands before the closing bracket"),
            ("{\"a\": 1,, \"b\": 2}", 1, 9, "there is a comma where a value belongs"),
            ("{\n  \"a\": 1\n  \"b\": 2\n}", 2, 9, "there is no comma behind this value"),
            ("{\"a\": [1 2]}", 1, 9, "there is no comma behind this value"),
            ("{\"a\" 1}", 1, 5, "there is no colon behind this name"),
            ("{a: 1}", 1, 2, "the name is not in quotes"),
            ("{\"a\": text}", 1, 8, "this word is not in quotes"),
            ("{\"a\": True}", 1, 7, "this word is not in quotes"),
            ("{\"a\": \"b\n}", 1, 7, "the quote that opens here is not closed in this line"),
            ("{\"a\": [1]", 1, 9, "the text ends before its last bracket is closed"),
            ("{\"a\": \"\\d\"}", 1, 9, "this `\\` means nothing in JSON"),
            ("{} {}", 1, 4, "more text follows the end of the JSON"),
        ];
        let mut wrong = Vec::new();
        for (text, line, column, message) in table {
            let error = serde_json::from_str::<Value>(text).unwrap_err();
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap();
            let Mistake { at, message: told, hint } = explain(text, said, error.line(), error.column());
            let told = told.strip_prefix("the contract is not JSON: ").unwrap_or(&told);
            if (told, at.line, at.column) != (message, line, column) || hint.is_empty() {
                wrong.push(format!("{text:?} ({said}): {}:{}: {told}", at.line, at.column));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
