//! A YAML text -> a typed value, or every reason why it is none, in plain words and with what to write.
//!
//! What serde says is not told: it speaks of structs and machine integers, and repeats texts.

use serde::de::DeserializeOwned;

use crate::{
    config::{
        text_span::TextSpan,
        yaml::{Node, Places, explain_syntax, places},
        yaml_types::{WrongType, example_of, explain_type},
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer::unescape,
};

/// Reads a text that people write into a typed value.
///
/// # Errors
/// Every reason why it is not one, each with its place.
pub fn read<T: DeserializeOwned>(path: &str, text: &str) -> Result<(T, Places), Vec<Diagnostic>> {
    let places = places(path, text).map_err(|diagnostic| vec![diagnostic])?;
    typed(text, places)
}

/// Reads a text whose places are known into a typed value.
///
/// # Errors
/// Every reason why it is not one, each with its place.
pub fn typed<T: DeserializeOwned>(text: &str, places: Places) -> Result<(T, Places), Vec<Diagnostic>> {
    let mut findings = find_nulls(&places);
    findings.extend(find_misread(&places));
    match serde_yaml::from_str::<T>(text) {
        Ok(value) if findings.is_empty() => Ok((value, places)),
        Ok(_) => Err(findings),
        Err(error) => {
            if findings.is_empty() {
                findings.push(explain_error(&error, text, &places));
            }
            Err(findings)
        }
    }
}

/// Values left empty or written as a bare `null`: a policy or a column that YAML would eat.
fn find_nulls(places: &Places) -> Vec<Diagnostic> {
    let eaten =
        |node: &&Node| node.plain && matches!(node.scalar.as_deref(), Some("" | "~" | "null" | "Null" | "NULL"));
    let said = |(pointer, node): (&String, &Node)| {
        let key = unescape(pointer.rsplit('/').next().unwrap_or_default());
        let (name, rest) = key.split_once(':').unwrap_or((key.as_str(), ""));
        let (message, hint) = match node.scalar.as_deref() {
            Some("") if key.contains(' ') && node.bare_key => {
                let (name, rest) = key.split_once(' ').unwrap_or((name, rest));
                (format!("there is no colon behind `{name}`"), format!("write `{name}: {}`", rest.trim_start()))
            }
            Some("") if !rest.is_empty() && node.bare_key => {
                ("there is no space behind the colon".to_owned(), format!("write `{name}: {rest}`"))
            }
            Some("") => {
                let hint = "write a value behind the colon, or leave the key out; what belongs to it in the lines below \
                            is indented further than it";
                (format!("`{name}` has no value"), hint.to_owned())
            }
            other => {
                let word = other.unwrap_or_default();
                let hint =
                    format!("put it in quotes if it is a text: \"{word}\"; else write a value, or leave the key out");
                (format!("`{word}` is no value"), hint)
            }
        };
        places.finding(Code::PlanWrongValue, node.value, message).hint(hint)
    };
    let mut nodes: Vec<(&String, &Node)> = places.nodes.iter().filter(|(_, node)| eaten(node)).collect();
    nodes.sort_by_key(|(_, node)| node.value);
    nodes.into_iter().map(said).collect()
}

/// Bare words that were meant otherwise: an item of a list without a space, a text with one of its quotes.
fn find_misread(places: &Places) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for node in places.nodes.values().filter(|node| node.plain) {
        let text = node.scalar.as_deref().unwrap_or_default();
        let mut characters = text.chars();
        let is_item = characters.next() == Some('-') && characters.next().is_some_and(char::is_alphabetic);
        let is_half_quoted =
            ['"', '\''].iter().any(|quote| text.ends_with(*quote) && text.matches(*quote).count() == 1);
        let (message, hint) = if is_item {
            let word = text[1..].split_whitespace().next().unwrap_or_default();
            let hint = format!("write `- {word}` in a list; put a text that begins with `-` in quotes");
            ("there is no space behind `-`", hint)
        } else if is_half_quoted {
            let bare = text.trim_end_matches(['"', '\'']);
            ("the value ends with a quote and does not begin with one", format!("write \"{bare}\" or {bare}"))
        } else {
            continue;
        };
        findings.push(places.finding(Code::PlanSyntax, node.value, message).hint(hint));
    }
    findings
}

/// What serde says about a wrong value, in plain words, with its place and what to write.
fn explain_error(error: &serde_yaml::Error, text: &str, places: &Places) -> Diagnostic {
    let said = error.to_string();
    let (line, column) = error.location().map_or((0, 0), |location| (location.line() as u64, location.column() as u64));
    // serde_yaml appends ` at line L column C`, which the place says better, and prefixes the path of the node.
    let said = said.split(" at line ").next().unwrap_or(&said);
    let start =
        ["unknown field", "missing field", "unknown variant", "invalid type", "invalid value", "invalid length"]
            .iter()
            .find_map(|phrase| said.find(phrase));
    let at = TextSpan { line, column, width: 1 };
    let Some(message) = start.map(|start| &said[start..]) else {
        // The other parser gave up where the first did not, or a type spoke for itself.
        let is_spoken = error.location().is_none() || !said.contains("found") && !said.contains("expected");
        let own = said.split_once(": ").filter(|(path, _)| !path.contains([' ', '`'])).map_or(said, |(_, own)| own);
        let (message, hint) = own
            .split_once(": write ")
            .map_or((own, String::new()), |(message, words)| (message, format!("write {words}")));
        let place = places.nodes.values().find(|node| node.value.starts_at(line, column));
        let place = place.map_or_else(|| places.place(at), |node| places.place(node.value));
        let own = Diagnostic::new(Code::PlanWrongValue, message).rule(place).hint(hint);
        return if is_spoken { own } else { explain_syntax(text, at, places) };
    };
    let mut words = message.split('`').skip(1).step_by(2);
    let word = words.next().unwrap_or_default();
    let known: Vec<&str> = words.collect();
    let value = places.nodes.iter().find(|(_, node)| node.value.starts_at(line, column));
    match message {
        m if m.starts_with("unknown field") => {
            let key = places.key_named_after(word, line, column).map(|node| places.place(node.key));
            let place = key.unwrap_or_else(|| places.place(at));
            let unknown = Diagnostic::new(Code::PlanUnknownKey, format!("unknown key `{word}`"));
            unknown.rule(place).hint(suggest(word, &known, "keys"))
        }
        m if m.starts_with("missing field") => {
            // serde speaks of the first key inside the block; what is missing belongs to the block.
            let block = places.nodes.values().find(|n| n.scalar.is_none() && n.value.starts_at(line, column));
            let place = block.map_or_else(|| places.place(at), |block| places.place(block.key));
            let example = example_of(word).map_or_else(|| format!("{word}: …"), str::to_owned);
            let missing = Diagnostic::new(Code::PlanMissingKey, format!("missing key `{word}`"));
            let is_top = value.is_none_or(|(pointer, _)| pointer.is_empty());
            let hint = if is_top { "write a line that begins in the first column" } else { "write it in this block" };
            missing.rule(place).hint(format!("{hint}: `{example}`"))
        }
        m if m.starts_with("unknown variant") => {
            let place = value.map_or_else(|| places.place(at), |(_, node)| places.place(node.value));
            let unknown = Diagnostic::new(Code::PlanWrongValue, format!("unknown word `{word}`"));
            unknown.rule(place).hint(suggest(word, &known, "words"))
        }
        _ => {
            let (pointer, node) = value.map_or(("", None), |(pointer, node)| (pointer.as_str(), Some(node)));
            let place = node.map_or_else(|| places.place(at), |node| places.place(node.value));
            let scalar = node.and_then(|node| node.scalar.as_deref());
            let WrongType { message, hint } = explain_type(message, pointer, scalar);
            // A secret that stands where its name belongs is not shown.
            let is_secret = pointer.starts_with("/profiles/") && pointer.contains("/auth");
            let place = if is_secret { Place { text: "".into(), ..place } } else { place };
            Diagnostic::new(Code::PlanWrongValue, message).rule(place).hint(hint)
        }
    }
}

/// The nearest of the words that are known, or all of them.
fn suggest(word: &str, known: &[&str], what: &str) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => format!("the {what} that can stand here: `{}`", known.join("`, `")),
    }
}
