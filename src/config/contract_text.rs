//! The text of a contract file, in JSON or YAML -> its value, and the places in it when a message needs one.
//!
//! A contract may have tens of thousands of nodes, and most runs name no place in it: so the text is walked for places when
//! the first is asked for. What the walk would refuse, a key twice and a contract beyond the limits, is found without it.

use std::{collections::BTreeSet, path::Path, sync::OnceLock};

use serde_json::Value;

use crate::{
    config::{
        json_mistakes, json_places,
        text_span::{Mistake, TextSpan},
        yaml::{self, Places},
        yaml_json::{self, YamlFault, YamlJson},
    },
    diagnostic::{Code, Diagnostic, Place},
};

/// How many bytes of a large contract are allowed one node.
const NODE: usize = 16;
/// The most nodes of a contract that is not larger.
const MAX_NODES: usize = 1_000_000;

/// The text of a contract file.
#[derive(Debug)]
pub(super) struct ContractText {
    path: String,
    text: String,
    is_yaml: bool,
}

/// A contract file that was read.
#[derive(Debug)]
pub(super) struct ParsedContract {
    /// What it holds.
    pub(super) value: Value,
    /// Its text.
    pub(super) text: ContractText,
    /// Some key in it is written twice in its block.
    has_duplicates: bool,
}

impl ParsedContract {
    /// Reads a text that begins as JSON does as JSON, and any other as YAML.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn read(path: &str, text: String) -> Result<ParsedContract, Diagnostic> {
        let (is_yaml, YamlJson { value, has_duplicates }) = parse(path, &text)?;
        Ok(ParsedContract { value, text: ContractText { path: path.to_owned(), text, is_yaml }, has_duplicates })
    }

    /// The place of a key, for a message about the file as it is.
    pub(super) fn place(&self, pointer: &str) -> Place {
        let ContractText { path, text, is_yaml } = &self.text;
        let walked = if *is_yaml {
            yaml::published_places(path, text, usize::MAX, BTreeSet::new())
        } else {
            json_places::places(path, text, usize::MAX, BTreeSet::new())
        };
        walked.map_or_else(|_| Place::file(path), |places| places.key(pointer))
    }

    /// The places in it, without those of what is `unused`, and the value.
    ///
    /// # Errors
    /// A key is there twice in what is used, or that is too large.
    pub(super) fn with_places(self, unused: BTreeSet<String>) -> Result<(Value, ContractPlaces), Diagnostic> {
        let ParsedContract { value, text, has_duplicates } = self;
        let places = ContractPlaces { text, unused, places: OnceLock::new() };
        let size = measure(&value);
        if has_duplicates || size.nodes > places.max_nodes() || size.depth > yaml::MAX_DEPTH {
            let walked = places.walk()?;
            places.places.get_or_init(|| walked);
        }
        Ok((value, places))
    }
}

/// The places in a contract file.
#[derive(Debug)]
pub struct ContractPlaces {
    text: ContractText,
    /// The pointers below which nothing has a place.
    unused: BTreeSet<String>,
    /// The places, once one was asked for.
    places: OnceLock<Places>,
}

impl ContractPlaces {
    /// All places.
    pub fn get(&self) -> &Places {
        // What could be refused was refused when the contract was read.
        self.places.get_or_init(|| self.walk().unwrap_or_else(|_| Places::unknown(self.path())))
    }

    /// The name of the file.
    pub fn path(&self) -> &str {
        &self.text.path
    }

    /// The most nodes that may be used.
    fn max_nodes(&self) -> usize {
        MAX_NODES.max(self.text.text.len() / NODE)
    }

    fn walk(&self) -> Result<Places, Diagnostic> {
        let ContractText { path, text, is_yaml } = &self.text;
        let (max, unused) = (self.max_nodes(), self.unused.clone());
        if *is_yaml {
            yaml::published_places(path, text, max, unused)
        } else {
            json_places::places(path, text, max, unused)
        }
    }
}

/// What a text holds, and whether that was read as YAML.
fn parse(path: &str, text: &str) -> Result<(bool, YamlJson), Diagnostic> {
    let start = text.trim_start().chars().next();
    if matches!(start, Some('{' | '[' | '"' | '/' | '\'')) {
        return match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                let has_duplicates = count_written_members(text) != count_members(&value);
                Ok((false, YamlJson { value, has_duplicates }))
            }
            Err(error) => match yaml_json::read(text) {
                // A key or a block in YAML may begin so, too.
                Ok(read) if read.value.is_object() && may_be_yaml(path, start) => Ok((true, read)),
                _ => Err(explain_json(path, text, &error)),
            },
        };
    }
    let wrong = |Mistake { at, message, hint }: Mistake| {
        Diagnostic::new(Code::PlanSyntax, message).rule(place_in(path, text, at)).hint(hint)
    };
    if let Some(mistake) = json_mistakes::explain_other_format(text) {
        return Err(wrong(mistake));
    }
    match yaml_json::read(text) {
        Ok(read) => Ok((true, read)),
        Err(YamlFault { code, mistake }) => Err(Diagnostic { code, ..wrong(mistake) }),
    }
}

/// Whether a text that begins so and is no JSON may be YAML.
fn may_be_yaml(path: &str, start: Option<char>) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml") || matches!(start, Some('"' | '\''))
}

fn explain_json(path: &str, text: &str, error: &serde_json::Error) -> Diagnostic {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let Mistake { at, message, hint } = json_mistakes::explain(text, said, error.line(), error.column());
    Diagnostic::new(Code::PlanSyntax, message).rule(place_in(path, text, at)).hint(hint)
}

/// The place of a span in a text.
fn place_in(path: &str, text: &str, TextSpan { line, column, width }: TextSpan) -> Place {
    let number = usize::try_from(line).unwrap_or(1);
    let shown = text.lines().nth(number.saturating_sub(1)).unwrap_or_default().to_owned();
    Place { path: path.into(), line, column, width, text: shown.into() }
}

/// How many members the objects of a JSON text have, counted by their colons.
fn count_written_members(text: &str) -> usize {
    let (mut members, mut bytes) = (0, text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => members += 1,
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    members
}

/// How many members the objects of a value have.
fn count_members(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len() + members.values().map(count_members).sum::<usize>(),
        Value::Array(items) => items.iter().map(count_members).sum(),
        _ => 0,
    }
}

/// How large a value is.
struct Measure {
    nodes: usize,
    depth: usize,
}

fn measure(value: &Value) -> Measure {
    let (list, object) = (value.as_array(), value.as_object());
    let inner = list.into_iter().flatten().chain(object.into_iter().flat_map(|members| members.values()));
    let own = usize::from(value.is_array() || value.is_object());
    let (mut nodes, mut depth) = (1, 0);
    for inner in inner {
        let measured = measure(inner);
        nodes += measured.nodes;
        depth = depth.max(measured.depth);
    }
    Measure { nodes, depth: depth + own }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::config::contract_text::ParsedContract;

    fn read(path: &str, text: &str) -> String {
        let read = ParsedContract::read(path, text.to_owned()).and_then(|parsed| parsed.with_places(BTreeSet::new()));
        match read {
            Ok((value, _)) => value.to_string(),
            Err(wrong) => {
                format!("{} {}", wrong.rule.map(|place| place.to_string()).unwrap_or_default(), wrong.message)
            }
        }
    }

    #[test]
    fn a_text_is_json_or_yaml_by_how_it_begins() {
        let table = [
            ("a.json", "{\"a\": 1}", "{\"a\":1}"),
            ("a.json", "a: 1\n", "{\"a\":1}"),
            ("a.yaml", "{\"a\": 1}", "{\"a\":1}"),
            ("a.yaml", "{a: 1}", "{\"a\":1}"),
            ("a.json", "{a: 1}", "a.json:1:2 the contract is not JSON: the name is not in quotes"),
            ("a", "\"a\": 1\n", "{\"a\":1}"),
            ("a", "%YAML 1.2\n---\na: no\n", "{\"a\":\"no\"}"),
            ("a.yaml", "# x\n\na:\n- 1\n", "{\"a\":[1]}"),
            ("a.yaml", "a: 1\nb: {\n", "a.yaml:2:4 `{` is not closed"),
            ("a.yaml", "a:\n  b: 1\n  b: 2\n", "a.yaml:3:3 the key `b` is written twice in this block"),
            ("a.json", "{\"a\": {\"b\": 1,\n \"b\": 2}}", "a.json:2:2 the key `b` is written twice in this block"),
            ("a.yaml", "", "a.yaml:1:1 the contract is empty"),
            ("a.yaml", "<html>", "a.yaml:1:1 the contract is a web page or XML, not JSON"),
        ];
        let mut wrong = Vec::new();
        for (path, text, expected) in table {
            let found = read(path, text);
            if found != expected {
                wrong.push(format!("{text:?}: {found}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn places_of_yaml_are_where_things_stand_behind_an_alias_too() {
        let text = "x:\n  a: &a\n    type: strng\n  \"b\" : [1, *a]\n  ü: 'q'\n";
        let (_, places) =
            ParsedContract::read("a.yaml", text.to_owned()).unwrap().with_places(BTreeSet::new()).unwrap();
        let place = |pointer: &str| places.get().value(pointer).to_string();
        let table = [
            ("/x/a/type", "a.yaml:3:11"),
            ("/x/b/1/type", "a.yaml:3:11"),
            ("/x/b/1", "a.yaml:4:13"),
            ("/x/ü", "a.yaml:5:6"),
        ];
        for (pointer, expected) in table {
            assert_eq!(place(pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn limits_are_told_with_their_places() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(read("a", &deep(64)), deep(64));
        assert_eq!(read("a", &deep(65)), "a:1:65 the file is nested deeper than 64 levels");
        let wide = format!("[{}1]", "1,".repeat(1_000_000));
        assert!(read("a", &wide).ends_with("the file is more than 1000000 nodes"));
    }
}
