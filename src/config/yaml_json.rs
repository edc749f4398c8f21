//! A YAML text that people publish -> the JSON value that it stands for, by the core schema of YAML 1.2.
//!
//! Only the words of that schema are no texts: `no` is a text, `012` is 12, a date is a text, and a number keeps all its
//! digits. Aliases are followed, and what they add up to is bounded. Places are not noted here: `yaml` does that.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};

use crate::{
    config::{
        text_span::{Mistake, TextSpan},
        yaml_mistakes,
    },
    diagnostic::Code,
};

/// The deepest nesting that is read: that of a JSON text.
const MAX_DEPTH: usize = 128;
/// The most nodes that aliases stand for, all together.
const MAX_ALIASED: usize = 100_000;
/// Where the tags of the core schema are defined.
const CORE: &str = "tag:yaml.org,2002:";

/// What a YAML text stands for.
#[derive(Debug)]
pub(super) struct YamlJson {
    /// The value; of a key that is written twice, the last one.
    pub(super) value: Value,
    /// Some key is written twice in its block.
    pub(super) has_duplicates: bool,
}

/// Why a text cannot be read.
#[derive(Debug)]
pub(super) struct YamlFault {
    /// What kind of fault it is.
    pub(super) code: Code,
    /// What is wrong, and where.
    pub(super) mistake: Mistake,
}

/// Reads a YAML text.
///
/// # Errors
/// Broken syntax, a limit, a second document, a merge key, a tag that JSON does not know, a number that it does not have.
pub(super) fn read(text: &str) -> Result<YamlJson, YamlFault> {
    if let Some(mistake) = yaml_mistakes::find_control(text) {
        return Err(YamlFault { code: Code::PlanSyntax, mistake });
    }
    let mut reader = YamlReader::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => reader.event(event, span)?,
            Err(error) => {
                let mark = error.marker();
                let at = TextSpan { line: mark.line() as u64, column: mark.col() as u64 + 1, width: 1 };
                return Err(YamlFault { code: Code::PlanSyntax, mistake: yaml_mistakes::explain(text, at) });
            }
        }
    }
    Ok(YamlJson { value: reader.result, has_duplicates: reader.has_duplicates })
}

/// A list or block that is open.
struct OpenNode {
    value: OpenValue,
    /// The number of its anchor; 0: it has none.
    anchor: usize,
    /// How many nodes it has so far.
    nodes: usize,
    /// How deep it goes so far.
    depth: usize,
}

enum OpenValue {
    List(Vec<Value>),
    /// With the key that waits for its value.
    Block(Map<String, Value>, Option<String>),
}

/// A value with its size.
#[derive(Clone)]
struct SizedValue {
    value: Value,
    nodes: usize,
    depth: usize,
}

#[derive(Default)]
struct YamlReader {
    open: Vec<OpenNode>,
    /// What has an anchor, by its number.
    anchored: BTreeMap<usize, SizedValue>,
    /// How many nodes aliases stood for.
    aliased: usize,
    documents: usize,
    has_duplicates: bool,
    result: Value,
}

impl YamlReader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlFault> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(unsupported(
                        span,
                        "a second document",
                        "put what follows `---` into a file of its own",
                    ));
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(anchor, tag) => {
                self.start(OpenValue::List(Vec::new()), anchor, (tag.as_deref(), "seq"), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.start(OpenValue::Block(Map::new(), None), anchor, (tag.as_deref(), "map"), span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(OpenNode { value, anchor, nodes, depth }) = self.open.pop() else { return Ok(()) };
                let value = match value {
                    OpenValue::List(items) => Value::Array(items),
                    OpenValue::Block(members, _) => Value::Object(members),
                };
                self.add(SizedValue { value, nodes: nodes + 1, depth: depth + 1 }, anchor);
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// Whether a key is expected.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.value, OpenValue::Block(_, None)))
    }

    fn start(
        &mut self,
        value: OpenValue,
        anchor: usize,
        (tag, own): (Option<&Tag>, &str),
        span: Span,
    ) -> Result<(), YamlFault> {
        if self.expects_key() {
            return Err(unsupported(span, "a key that is a list or a block", "use a plain text as the key"));
        }
        if tag.is_some_and(|tag| core_tag(tag) != Some(own)) {
            return Err(foreign_tag(span));
        }
        self.check_depth(1, span)?;
        self.open.push(OpenNode { value, anchor, nodes: 0, depth: 0 });
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), YamlFault> {
        let is_plain = style == ScalarStyle::Plain;
        if self.expects_key() {
            if is_plain && text == "<<" {
                return Err(unsupported(span, "a merge key", "write the keys out here"));
            }
            let Some(OpenNode { value: OpenValue::Block(members, key), .. }) = self.open.last_mut() else {
                return Ok(());
            };
            self.has_duplicates |= members.contains_key(text);
            *key = Some(text.to_owned());
            return Ok(());
        }
        let value = match tag.map(core_tag) {
            Some(Some("str")) => Value::String(text.to_owned()),
            Some(Some(kind @ ("null" | "bool" | "int" | "float"))) => {
                let value = resolve(text).ok_or_else(|| not_json(text, span))?;
                let fits = match kind {
                    "null" => value.is_null(),
                    "bool" => value.is_boolean(),
                    _ => value.is_number(),
                };
                if !fits {
                    return Err(foreign_tag(span));
                }
                value
            }
            Some(_) => return Err(foreign_tag(span)),
            None if is_plain => resolve(text).ok_or_else(|| not_json(text, span))?,
            None => Value::String(text.to_owned()),
        };
        self.add(SizedValue { value, nodes: 1, depth: 1 }, anchor);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), YamlFault> {
        if self.expects_key() {
            return Err(unsupported(span, "an alias as a key", "write the key out here"));
        }
        let Some(SizedValue { nodes, depth, .. }) = self.anchored.get(&anchor) else {
            return Err(unsupported(span, "an alias inside of what it stands for", "write the value out here"));
        };
        let (nodes, depth) = (*nodes, *depth);
        self.aliased = self.aliased.saturating_add(nodes);
        if self.aliased > MAX_ALIASED {
            let message = format!("the aliases of this file stand for more than {MAX_ALIASED} nodes");
            let hint = "write `$ref` in place of an alias: it is followed and not copied";
            return Err(YamlFault { code: Code::PlanTooLarge, mistake: Mistake::new(start_of(span), message, hint) });
        }
        self.check_depth(depth, span)?;
        if let Some(known) = self.anchored.get(&anchor).cloned() {
            self.add(known, 0);
        }
        Ok(())
    }

    /// Checks that a value of some depth may stand here.
    fn check_depth(&self, depth: usize, span: Span) -> Result<(), YamlFault> {
        if self.open.len() + depth <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("the file is nested deeper than {MAX_DEPTH} levels");
        Err(YamlFault { code: Code::PlanTooLarge, mistake: Mistake::new(start_of(span), message, "") })
    }

    /// Adds a value where one is expected.
    fn add(&mut self, sized: SizedValue, anchor: usize) {
        if anchor != 0 {
            self.anchored.insert(anchor, sized.clone());
        }
        let SizedValue { value, nodes, depth } = sized;
        let Some(open) = self.open.last_mut() else {
            self.result = value;
            return;
        };
        open.nodes += nodes;
        open.depth = open.depth.max(depth);
        match &mut open.value {
            OpenValue::List(items) => items.push(value),
            OpenValue::Block(members, key) => drop(members.insert(key.take().unwrap_or_default(), value)),
        }
    }
}

/// The name of a tag of the core schema. `!` alone says that it is a text.
fn core_tag(tag: &Tag) -> Option<&str> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("" | "!", "" | "!") => Some("str"),
        (CORE | "!!", name) => Some(name),
        (_, suffix) => suffix.strip_prefix(CORE),
    }
}

/// What a plain scalar stands for. `None`: a number that JSON does not have.
fn resolve(text: &str) -> Option<Value> {
    let is_word = |words: &[&str]| words.contains(&text);
    if is_word(&["", "~", "null", "Null", "NULL"]) {
        return Some(Value::Null);
    }
    if is_word(&["true", "True", "TRUE"]) {
        return Some(Value::Bool(true));
    }
    if is_word(&["false", "False", "FALSE"]) {
        return Some(Value::Bool(false));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || is_word(&[".nan", ".NaN", ".NAN"]) {
        return None;
    }
    for (mark, radix) in [("0o", 8), ("0x", 16)] {
        let digits = text.strip_prefix(mark).filter(|digits| !digits.is_empty());
        if let Some(digits) = digits.filter(|digits| digits.chars().all(|digit| digit.is_digit(radix))) {
            return u128::from_str_radix(digits, radix).ok().and_then(|number| to_number(&number.to_string()));
        }
    }
    match spell_number(text) {
        Some(number) => to_number(&number),
        None => Some(Value::String(text.to_owned())),
    }
}

fn to_number(text: &str) -> Option<Value> {
    text.parse::<Number>().ok().map(Value::Number)
}

/// A decimal number of the core schema, as JSON writes it. `None`: it is none.
fn spell_number(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let power = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    let is_number = has_digits
        && is_digits(whole)
        && fraction.is_none_or(is_digits)
        && power.is_none_or(|power| !power.is_empty() && is_digits(power));
    if !is_number {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".into(),
        Some(fraction) => format!(".{fraction}"),
    };
    let exponent = exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// Where a span starts.
fn start_of(span: Span) -> TextSpan {
    TextSpan { line: span.start.line() as u64, column: span.start.col() as u64 + 1, width: 1 }
}

fn unsupported(span: Span, what: &str, hint: &str) -> YamlFault {
    let message = format!("{what} is not supported here");
    YamlFault { code: Code::PlanUnsupportedYaml, mistake: Mistake::new(start_of(span), message, hint) }
}

fn foreign_tag(span: Span) -> YamlFault {
    unsupported(span, "this tag", "leave the tag out; quote the value if it is a text")
}

fn not_json(text: &str, span: Span) -> YamlFault {
    let message = format!("JSON has no number `{text}`");
    let hint = format!("put it in quotes if it is a text: \"{text}\"; else write its digits");
    YamlFault { code: Code::PlanSyntax, mistake: Mistake::new(start_of(span), message, hint) }
}

#[cfg(test)]
mod tests {
    use crate::config::yaml_json::read;

    fn to_json(text: &str) -> String {
        match read(text) {
            Ok(read) => read.value.to_string(),
            Err(fault) => format!("{}: {}", fault.mistake.at.line, fault.mistake.message),
        }
    }

    #[test]
    fn scalars_are_those_of_the_core_schema() {
        let table = [
            ("no", r#""no""#),
            ("yes", r#""yes""#),
            ("on", r#""on""#),
            ("Null", "null"),
            ("~", "null"),
            ("", "null"),
            ("nULL", r#""nULL""#),
            ("True", "true"),
            ("tRUE", r#""tRUE""#),
            ("012", "12"),
            ("-012", "-12"),
            ("+5", "5"),
            ("0", "0"),
            ("000", "0"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("0xfg", r#""0xfg""#),
            ("0b11", r#""0b11""#),
            ("1_000", r#""1_000""#),
            ("12:30:00", r#""12:30:00""#),
            ("2024-01-02", r#""2024-01-02""#),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            (".", r#"".""#),
            ("1e3", "1e+3"),
            ("01.50E+2", "1.50e+2"),
            ("e3", r#""e3""#),
            ("1e", r#""1e""#),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0.1234567890123456789012345678901", "0.1234567890123456789012345678901"),
            ("!!str 5", r#""5""#),
            ("! 5", r#""5""#),
            ("!!int \"5\"", "5"),
            ("'5'", r#""5""#),
            ("1.0.0", r#""1.0.0""#),
        ];
        let mut wrong = Vec::new();
        for (text, expected) in table {
            let found = to_json(&format!("a: {text}\n"));
            if found != format!(r#"{{"a":{expected}}}"#) {
                wrong.push(format!("{text}: {found}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_json_does_not_have_is_refused_where_it_stands() {
        let table = [
            ("a: 1\nb: .inf\n", "2: JSON has no number `.inf`"),
            ("b: -.INF\n", "1: JSON has no number `-.INF`"),
            ("b: .nan\n", "1: JSON has no number `.nan`"),
            (
                "b: 0xffffffffffffffffffffffffffffffffff\n",
                "1: JSON has no number `0xffffffffffffffffffffffffffffffffff`",
            ),
            ("a: !thing 1\n", "1: this tag is not supported here"),
            ("a: !!int x\n", "1: this tag is not supported here"),
            ("a: !!binary aGk=\n", "1: this tag is not supported here"),
            ("a: &x {c: 1}\nb:\n  <<: *x\n", "3: a merge key is not supported here"),
            ("? [a]\n: 1\n", "1: a key that is a list or a block is not supported here"),
            ("a: &x [*x]\n", "1: an alias inside of what it stands for is not supported here"),
            ("a: &x y\n*x : 1\n", "2: an alias as a key is not supported here"),
            ("a: 1\n---\nb: 1\n", "2: a second document is not supported here"),
        ];
        let mut wrong = Vec::new();
        for (text, expected) in table {
            let found = to_json(text);
            if found != expected {
                wrong.push(format!("{text:?}: {found}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn aliases_are_copied_and_bounded() {
        assert_eq!(to_json("a: &x {b: [1]}\nc: *x\n"), r#"{"a":{"b":[1]},"c":{"b":[1]}}"#);
        let laugh = |level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
        let laughs = (1..9).map(laugh).collect::<Vec<_>>().concat();
        assert!(to_json(&format!("a0: &a0 [lol]\n{laughs}")).ends_with("stand for more than 100000 nodes"));
        let deeper = |level| format!("a{level}: &a{level} [*a{}]\n", level - 1);
        let deep = (1..200).map(deeper).collect::<Vec<_>>().concat();
        assert!(to_json(&format!("a0: &a0 [lol]\n{deep}")).ends_with("nested deeper than 128 levels"));
        assert_eq!(to_json(&"[".repeat(100_000)), "1: `[` is not closed");
    }

    #[test]
    fn a_key_twice_is_noticed() {
        assert!(read("a: 1\na: 2\n").unwrap().has_duplicates);
        assert!(read("a: {b: 1, \"b\": 2}\n").unwrap().has_duplicates);
        assert!(!read("a: {b: 1}\nb: {b: 1}\n").unwrap().has_duplicates);
    }
}
