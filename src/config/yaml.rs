//! A YAML or JSON text as a person wrote it: the typed value, and the place of every node.
//!
//! Deserialising loses positions and silently accepts several mistakes: a key written twice, an unintended `null`, a
//! merge key. So the text is walked as events first, which refuses these and notes the place of every node.
//! Nodes are addressed by JSON pointer (RFC 6901), as in `/sources/customers/path`.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde::de::DeserializeOwned;

use crate::{
    config::{
        text_span::{Mistake, TextSpan},
        yaml_mistakes,
        yaml_types::{WrongType, example_of, explain_type},
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer::{escape, unescape},
};

/// The largest text that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// The most nodes that are read.
pub const MAX_NODES: usize = 50_000;

/// One node of the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where its key stands; for an item of a list, where the item stands.
    key: TextSpan,
    /// Where its value stands.
    value: TextSpan,
    /// The text of a scalar; `None` for lists and mappings.
    pub scalar: Option<String>,
    /// The scalar is a bare word: neither quoted nor a block.
    pub plain: bool,
    /// The key is written without quotes.
    bare_key: bool,
}

/// The places of all nodes of one text.
#[derive(Clone, Debug, Default)]
pub struct Places {
    path: String,
    lines: Vec<String>,
    nodes: BTreeMap<String, Node>,
}

impl Places {
    /// The name of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The node at a pointer.
    pub fn node(&self, pointer: &str) -> Option<&Node> {
        self.nodes.get(pointer)
    }

    /// Whether the key at a pointer is written without quotes.
    pub fn bare_key(&self, pointer: &str) -> bool {
        self.node(pointer).is_some_and(|node| node.bare_key)
    }

    /// The place of the key at a pointer, or of the nearest node above it.
    pub fn key(&self, pointer: &str) -> Place {
        self.above(pointer, |node| node.key)
    }

    /// The place of the value at a pointer, or of the nearest node above it.
    pub fn value(&self, pointer: &str) -> Place {
        self.above(pointer, |node| node.value)
    }

    /// The place of a scalar, or of the key of a block; of what is not written, the key of the nearest block around it.
    pub fn leaf(&self, pointer: &str) -> Place {
        match self.node(pointer) {
            Some(node) if node.scalar.is_some() => self.value(pointer),
            _ => self.key(pointer),
        }
    }

    /// Every node below a pointer, in the order of their pointers.
    pub fn below<'a>(&'a self, pointer: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = format!("{pointer}/");
        self.nodes
            .range(prefix.clone()..)
            .take_while(move |(at, _)| at.starts_with(&prefix))
            .map(|(at, node)| (at.as_str(), node))
    }

    fn above(&self, pointer: &str, pick: impl Fn(&Node) -> TextSpan) -> Place {
        let mut pointer = pointer;
        loop {
            match (self.nodes.get(pointer), pointer.rfind('/')) {
                (Some(node), _) => return self.place(pick(node)),
                (None, Some(slash)) => pointer = &pointer[..slash],
                (None, None) => return Place::file(&self.path),
            }
        }
    }

    fn place(&self, TextSpan { line, column, width }: TextSpan) -> Place {
        let text = usize::try_from(line).ok().and_then(|line| self.lines.get(line.wrapping_sub(1)));
        Place { path: self.path.clone(), line, column, width, text: text.cloned().unwrap_or_default() }
    }

    /// The key named `name` that stands at or after a line and column, wherever it is nested.
    fn key_named_after(&self, name: &str, line: u64, column: u64) -> Option<&Node> {
        let last = format!("/{}", escape(name));
        let after = |node: &&Node| (node.key.line, node.key.column) >= (line, column);
        self.nodes
            .iter()
            .filter(|(pointer, _)| pointer.ends_with(&last))
            .map(|(_, node)| node)
            .filter(after)
            .min_by_key(|node| (node.key.line, node.key.column))
    }
}

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

/// Walks a text and notes where every node stands.
///
/// # Errors
/// The first thing that is not allowed: broken syntax, a limit, a key twice, an anchor, a tag, a second document.
pub fn places(path: &str, text: &str) -> Result<Places, Diagnostic> {
    let mut walk = PlaceWalk::new(path, text, MAX_NODES, BTreeSet::new());
    if text.len() > MAX_BYTES {
        let message = format!("`{path}` is larger than {MAX_BYTES} bytes");
        return Err(Diagnostic::new(Code::PlanTooLarge, message).rule(Place::file(path)));
    }
    if let Some(Mistake { at, message, hint }) = yaml_mistakes::find_control(text) {
        return Err(Diagnostic::new(Code::PlanSyntax, message).rule(walk.places.place(at)).hint(hint));
    }
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => walk.event(event, span)?,
            Err(error) => {
                let mark = error.marker();
                let at = TextSpan { line: mark.line() as u64, column: mark.col() as u64 + 1, width: 1 };
                return Err(explain_syntax(text, at, &walk.places));
            }
        }
    }
    if walk.places.nodes.values().all(|node| node.scalar.as_deref() == Some("")) {
        let finding = Diagnostic::new(Code::PlanSyntax, "nothing is written in this file").rule(Place::file(path));
        return Err(finding.hint("a mapping begins with `mapping: 1`, a file of profiles with `profiles:`"));
    }
    Ok(walk.finish())
}

/// What a person did wrong in a text that a parser gave up at some place.
fn explain_syntax(text: &str, at: TextSpan, places: &Places) -> Diagnostic {
    let found = yaml_mistakes::find(text, at.line);
    let Mistake { at, message, hint } = found.unwrap_or_else(|| Mistake {
        at,
        message: "this cannot be read as YAML".into(),
        hint: "look here and at the line above: at the indentation, the colons, the quotes and the brackets".into(),
    });
    Diagnostic::new(Code::PlanSyntax, message).rule(places.place(at)).hint(hint)
}

/// The lists and mappings that are open where the walk stands.
struct Open {
    pointer: String,
    /// For a list: how many items it has so far.
    items: Option<usize>,
    /// For a mapping: the key that waits for its value.
    key: Option<(String, bool, TextSpan)>,
    /// It is not used, so nothing in it has a place.
    is_unused: bool,
}

/// A walk through the nodes of a text, which notes their places and refuses what is not allowed.
pub(super) struct PlaceWalk {
    places: Places,
    open: Vec<Open>,
    documents: usize,
    max_nodes: usize,
    /// The pointers of what is not used.
    unused: BTreeSet<String>,
}

impl PlaceWalk {
    /// A walk that has seen nothing yet.
    pub(super) fn new(path: &str, text: &str, max_nodes: usize, unused: BTreeSet<String>) -> PlaceWalk {
        let lines = text.lines().map(str::to_owned).collect();
        PlaceWalk {
            places: Places { path: path.into(), lines, nodes: BTreeMap::new() },
            open: Vec::new(),
            documents: 0,
            max_nodes,
            unused,
        }
    }

    /// All places, once the walk is over.
    pub(super) fn finish(self) -> Places {
        self.places
    }

    /// A quoted text.
    pub(super) fn text(&mut self, text: &str, at: TextSpan) -> Result<(), Diagnostic> {
        self.check_nodes(at)?;
        self.scalar(text, ScalarStyle::DoubleQuoted, at)
    }

    /// A bare word.
    pub(super) fn word(&mut self, text: &str, at: TextSpan) -> Result<(), Diagnostic> {
        self.check_nodes(at)?;
        self.scalar(text, ScalarStyle::Plain, at)
    }

    /// The end of a list or mapping.
    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let at = self.place_span(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.unsupported(
                        at,
                        "a second document",
                        "leave the line `---` out, or put what follows into a file of its own",
                    ));
                }
                Ok(())
            }
            Event::Alias(_) => Err(self.unsupported(at, "an alias", "write the value out here")),
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.scalar(&text, style, at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.container(Some(0), at)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.container(None, at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// The place of a span, without the spaces that the parser counts behind a text in quotes.
    fn place_span(&self, span: Span) -> TextSpan {
        let (line, column) = (span.start.line(), span.start.col());
        let text = self.places.lines.get(line.wrapping_sub(1)).map_or("", String::as_str);
        let shown: String = text.chars().skip(column).take(span_width(span)).collect();
        let width = shown.trim_end().chars().count().max(1);
        TextSpan { line: line as u64, column: column as u64 + 1, width: width as u64 }
    }

    fn plain_node(&self, at: TextSpan, anchor: usize, tagged: bool) -> Result<(), Diagnostic> {
        if anchor != 0 {
            return Err(self.unsupported(at, "an anchor", "write the value out where it is used"));
        }
        if tagged {
            return Err(self.unsupported(at, "a tag", "leave the tag out; quote the value if it is a text"));
        }
        self.check_nodes(at)
    }

    fn check_nodes(&self, at: TextSpan) -> Result<(), Diagnostic> {
        if self.places.nodes.len() >= self.max_nodes {
            return Err(self.too_large(at, &format!("more than {} nodes", self.max_nodes)));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: TextSpan) -> Result<(), Diagnostic> {
        let plain = style == ScalarStyle::Plain;
        let waits_for_key = self.open.last().is_some_and(|open| open.items.is_none() && open.key.is_none());
        if !waits_for_key {
            self.enter(at, Some(text.to_owned()), plain);
            return Ok(());
        }
        if plain && text == "<<" {
            return Err(self.unsupported(at, "a merge key", "write the keys out here"));
        }
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if open.is_unused {
            open.key = Some((String::new(), plain, at));
            return Ok(());
        }
        let pointer = format!("{}/{}", open.pointer, escape(text));
        open.key = Some((text.to_owned(), plain, at));
        if let Some(first) = self.places.nodes.get(&pointer) {
            let first = self.places.place(first.key);
            return Err(Diagnostic::new(
                Code::PlanDuplicateKey,
                format!("the key `{text}` is written twice in this block"),
            )
            .rule(self.places.place(at))
            .also(first, "first written here")
            .hint("keep one of the two"));
        }
        Ok(())
    }

    /// The start of a list, with no items yet, or of a mapping.
    pub(super) fn container(&mut self, items: Option<usize>, at: TextSpan) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_large(at, &format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let waits_for_key = self.open.last().is_some_and(|open| open.items.is_none() && open.key.is_none());
        if waits_for_key {
            return Err(self.describe_block_as_key(at));
        }
        let is_inside = self.open.last().is_some_and(|open| open.is_unused);
        let pointer = self.enter(at, None, false);
        let is_unused = is_inside || self.unused.contains(&pointer);
        self.open.push(Open { pointer, items, key: None, is_unused });
        Ok(())
    }

    /// Notes a value under the key or the list number that waits for it, and gives back its pointer.
    fn enter(&mut self, at: TextSpan, scalar: Option<String>, plain: bool) -> String {
        let (pointer, bare_key, key) = match self.open.last_mut() {
            Some(Open { is_unused: true, key, .. }) => {
                *key = None;
                return String::new();
            }
            None => (String::new(), false, at),
            Some(Open { pointer, items: Some(items), .. }) => {
                *items += 1;
                (format!("{pointer}/{}", *items - 1), false, at)
            }
            Some(Open { pointer, key, .. }) => match key.take() {
                Some((name, bare, place)) => (format!("{pointer}/{}", escape(&name)), bare, place),
                None => (pointer.clone(), false, at),
            },
        };
        // An empty value has no width of its own: point at its key.
        let value = if scalar.as_deref() == Some("") && plain { key } else { at };
        self.places.nodes.insert(pointer.clone(), Node { key, value, scalar, plain, bare_key });
        pointer
    }

    fn unsupported(&self, at: TextSpan, what: &str, hint: &str) -> Diagnostic {
        Diagnostic::new(Code::PlanUnsupportedYaml, format!("{what} is not supported here"))
            .rule(self.places.place(at))
            .hint(hint)
    }

    /// A bracket where a key is expected: nearly always a template that is not in quotes.
    fn describe_block_as_key(&self, at: TextSpan) -> Diagnostic {
        let line = usize::try_from(at.line).ok().and_then(|line| self.places.lines.get(line.wrapping_sub(1)));
        let behind = line.and_then(|line| Some((line.find("{{")?, line.rfind("}}")? + 2)));
        match (line, behind) {
            (Some(line), Some((start, end))) if start < end => {
                let column = line[..start].chars().count() as u64 + 1;
                let at = TextSpan { line: at.line, column, width: line[start..end].chars().count() as u64 };
                let message = "a template that is not in quotes is read as a block";
                let hint = format!("put it in quotes: \"{}\"", &line[start..end]);
                Diagnostic::new(Code::PlanSyntax, message).rule(self.places.place(at)).hint(hint)
            }
            _ => self.unsupported(at, "a key that is a list or a mapping", "use a plain text as the key"),
        }
    }

    fn too_large(&self, at: TextSpan, what: &str) -> Diagnostic {
        Diagnostic::new(Code::PlanTooLarge, format!("the file is {what}")).rule(self.places.place(at))
    }
}

/// The width of a span on its first line, in characters.
fn span_width(span: Span) -> usize {
    if span.end.line() == span.start.line() { (span.end.col() - span.start.col()).max(1) } else { 1 }
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
        Diagnostic::new(Code::PlanWrongValue, message).rule(places.place(node.value)).hint(hint)
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
        findings.push(Diagnostic::new(Code::PlanSyntax, message).rule(places.place(node.value)).hint(hint));
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
            let place = if is_secret { Place { text: String::new(), ..place } } else { place };
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
