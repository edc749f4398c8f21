//! A YAML or JSON text as a person wrote it -> the place of every node.
//!
//! Deserialising loses positions and silently accepts several mistakes: a key written twice, an unintended `null`, a
//! merge key. So the text is walked as events first, which refuses these and notes the place of every node; `yaml_values`
//! makes the typed value.
//! Nodes are addressed by JSON pointer (RFC 6901), as in `/sources/customers/path`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::{
    config::{
        text_span::{Mistake, TextSpan},
        yaml_mistakes,
    },
    diagnostic::{Code, Diagnostic, Place},
    json_pointer::escape,
};

/// The largest text that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// How many bytes the pointers to nodes may have, for each node that may be there.
const POINTER_BYTES: usize = 128;
/// The most nodes that are read.
pub const MAX_NODES: usize = 50_000;

/// One node of the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where its key stands; for an item of a list, where the item stands.
    pub(super) key: TextSpan,
    /// Where its value stands.
    pub(super) value: TextSpan,
    /// The text of a scalar; `None` for lists and mappings.
    pub scalar: Option<String>,
    /// The scalar is a bare word: neither quoted nor a block.
    pub plain: bool,
    /// The key is written without quotes.
    pub(super) bare_key: bool,
}

/// The places of all nodes of one text.
#[derive(Clone, Debug, Default)]
pub struct Places {
    path: String,
    lines: Vec<Arc<str>>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// What makes the text that may be shown, if that is another.
    masked_by: Option<fn(&Places) -> String>,
    /// The lines of that text, once a place is asked for.
    masked: OnceLock<Vec<Arc<str>>>,
}

impl Places {
    /// The places of a file of which none is known.
    pub(super) fn unknown(path: &str) -> Places {
        Places { path: path.into(), ..Places::default() }
    }

    /// The name of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The node at a pointer.
    pub fn node(&self, pointer: &str) -> Option<&Node> {
        self.nodes.get(pointer)
    }

    /// Shows from now on the lines of another text in place of those that were read; characters keep their places.
    pub(super) fn mask(&mut self, masked_by: fn(&Places) -> String) {
        self.masked_by = Some(masked_by);
    }

    /// The text that was read.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The lines that may be shown.
    fn shown(&self) -> &[Arc<str>] {
        let Some(masked_by) = self.masked_by else { return &self.lines };
        let lines = || masked_by(self).lines().map(|line| line.trim_end().into()).collect();
        self.masked.get_or_init(lines)
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

    /// The place of a span.
    pub(super) fn place(&self, TextSpan { line, column, width }: TextSpan) -> Place {
        let text = usize::try_from(line).ok().and_then(|line| self.shown().get(line.wrapping_sub(1)));
        Place { path: self.path.clone(), line, column, width, text: text.cloned().unwrap_or_else(|| Arc::from("")) }
    }

    /// A finding about a span.
    pub(super) fn finding(&self, code: Code, at: TextSpan, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, message).rule(self.place(at))
    }

    /// The key named `name` that stands at or after a line and column, wherever it is nested.
    pub(super) fn key_named_after(&self, name: &str, line: u64, column: u64) -> Option<&Node> {
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
        return Err(walk.places.finding(Code::PlanSyntax, at, message).hint(hint));
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

/// Walks a YAML text that others publish, which was read as JSON: anchors, aliases and tags may stand in it, and values may be
/// empty. What stands below the `unused` pointers has no place.
///
/// # Errors
/// A limit, or a key twice.
pub(super) fn published_places(
    path: &str,
    text: &str,
    max_nodes: usize,
    unused: BTreeSet<String>,
) -> Result<Places, Diagnostic> {
    let mut walk = PlaceWalk::new(path, text, max_nodes, unused);
    walk.anchors = Some(BTreeMap::new());
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        walk.event(event, span)?;
    }
    Ok(walk.finish())
}

/// What a person did wrong in a text that a parser gave up at some place.
pub(super) fn explain_syntax(text: &str, at: TextSpan, places: &Places) -> Diagnostic {
    let Mistake { at, message, hint } = yaml_mistakes::explain(text, at);
    places.finding(Code::PlanSyntax, at, message).hint(hint)
}

/// The lists and mappings that are open where the walk stands.
struct Open {
    pointer: String,
    /// For a list: how many items it has so far.
    items: Option<usize>,
    /// For a mapping: the key that waits for its value, as the pointer of that.
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
    /// How many bytes the pointers of all nodes have: each repeats the keys of all that it lies in.
    pointer_bytes: usize,
    /// The pointers of what is not used.
    unused: BTreeSet<String>,
    /// Where the anchors stand, by their numbers; `None`: there may be none.
    anchors: Option<BTreeMap<usize, String>>,
}

impl PlaceWalk {
    /// A walk that has seen nothing yet.
    pub(super) fn new(path: &str, text: &str, max_nodes: usize, unused: BTreeSet<String>) -> PlaceWalk {
        let lines = text.lines().map(Arc::from).collect();
        PlaceWalk {
            places: Places { path: path.into(), lines, ..Places::default() },
            open: Vec::new(),
            documents: 0,
            max_nodes,
            pointer_bytes: 0,
            unused,
            anchors: None,
        }
    }

    /// All places, once the walk is over.
    pub(super) fn finish(self) -> Places {
        self.places
    }

    /// A quoted text.
    pub(super) fn text(&mut self, text: &str, at: TextSpan) -> Result<(), Diagnostic> {
        self.check_nodes(at)?;
        self.scalar(text, ScalarStyle::DoubleQuoted, at).map(drop)
    }

    /// A bare word.
    pub(super) fn word(&mut self, text: &str, at: TextSpan) -> Result<(), Diagnostic> {
        self.check_nodes(at)?;
        self.scalar(text, ScalarStyle::Plain, at).map(drop)
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
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                let pointer = self.scalar(&text, style, at)?;
                self.note_anchor(anchor, pointer);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.container(Some(0), at)?;
                self.note_open_anchor(anchor);
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_node(at, anchor, tag.is_some())?;
                self.container(None, at)?;
                self.note_open_anchor(anchor);
                Ok(())
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
        let text = self.places.lines.get(line.wrapping_sub(1)).map_or("", |line| &**line);
        // Most lines are ASCII, where a character is a byte.
        let end = column.saturating_add(span_width(span)).min(text.len());
        let width = if let Some(shown) = text.get(column..end).filter(|_| text.is_ascii()) {
            shown.trim_ascii_end().len()
        } else {
            let shown: String = text.chars().skip(column).take(span_width(span)).collect();
            shown.trim_end().chars().count()
        };
        TextSpan { line: line as u64, column: column as u64 + 1, width: width.max(1) as u64 }
    }

    fn plain_node(&self, at: TextSpan, anchor: usize, tagged: bool) -> Result<(), Diagnostic> {
        if self.anchors.is_some() {
            return self.check_nodes(at);
        }
        if anchor != 0 {
            return Err(self.unsupported(at, "an anchor", "write the value out where it is used"));
        }
        if tagged {
            return Err(self.unsupported(at, "a tag", "leave the tag out; quote the value if it is a text"));
        }
        self.check_nodes(at)
    }

    /// Notes where an anchor stands. What is not used has no place.
    fn note_anchor(&mut self, anchor: usize, pointer: String) {
        if let Some(anchors) = self.anchors.as_mut().filter(|_| anchor != 0) {
            anchors.insert(anchor, pointer);
        }
    }

    fn note_open_anchor(&mut self, anchor: usize) {
        let pointer = self.open.last().filter(|open| !open.is_unused).map(|open| open.pointer.clone());
        if let Some(pointer) = pointer {
            self.note_anchor(anchor, pointer);
        }
    }

    /// A value that stands elsewhere: what is in it has the places of what it stands for.
    fn alias(&mut self, anchor: usize, at: TextSpan) -> Result<(), Diagnostic> {
        let Some(anchors) = &self.anchors else {
            return Err(self.unsupported(at, "an alias", "write the value out here"));
        };
        let from = anchors.get(&anchor).cloned();
        self.check_nodes(at)?;
        let known = from.as_ref().and_then(|from| self.places.nodes.get(from));
        let (scalar, plain) = known.map_or((None, false), |known| (known.scalar.clone(), known.plain));
        let is_unused = self.open.last().is_some_and(|open| open.is_unused);
        let pointer = self.enter(at, scalar, plain);
        let Some(from) = from.filter(|_| !is_unused && !self.unused.contains(&pointer)) else { return Ok(()) };
        let copies: Vec<(String, Node)> = self
            .places
            .below(&from)
            .map(|(below, node)| (format!("{pointer}{}", &below[from.len()..]), node.clone()))
            .collect();
        for (pointer, node) in copies {
            self.check_nodes(at)?;
            self.pointer_bytes += pointer.len();
            self.places.nodes.insert(pointer, node);
        }
        Ok(())
    }

    fn check_nodes(&self, at: TextSpan) -> Result<(), Diagnostic> {
        if self.places.nodes.len() >= self.max_nodes {
            return Err(self.too_large(at, &format!("more than {} nodes", self.max_nodes)));
        }
        if self.pointer_bytes / POINTER_BYTES > self.max_nodes {
            return Err(self.too_large(at, "too many nodes below long keys"));
        }
        Ok(())
    }

    /// A scalar: the pointer of a value, nothing of a key.
    fn scalar(&mut self, text: &str, style: ScalarStyle, at: TextSpan) -> Result<String, Diagnostic> {
        let plain = style == ScalarStyle::Plain;
        let waits_for_key = self.open.last().is_some_and(|open| open.items.is_none() && open.key.is_none());
        if !waits_for_key {
            return Ok(self.enter(at, Some(text.to_owned()), plain));
        }
        if plain && text == "<<" {
            return Err(self.unsupported(at, "a merge key", "write the keys out here"));
        }
        let Some(open) = self.open.last_mut() else { return Ok(String::new()) };
        if open.is_unused {
            open.key = Some((String::new(), plain, at));
            return Ok(String::new());
        }
        let pointer = format!("{}/{}", open.pointer, escape(text));
        let first = self.places.nodes.get(&pointer).map(|first| first.key);
        open.key = Some((pointer, plain, at));
        if let Some(first) = first {
            let first = self.places.place(first);
            let message = format!("the key `{text}` is written twice in this block");
            let twice = self.places.finding(Code::PlanDuplicateKey, at, message);
            return Err(twice.also(first, "first written here").hint("keep one of the two"));
        }
        Ok(String::new())
    }

    /// The start of a list, with no items yet, or of a mapping.
    pub(super) fn container(&mut self, items: Option<usize>, at: TextSpan) -> Result<(), Diagnostic> {
        let is_inside = self.open.last().is_some_and(|open| open.is_unused);
        if self.open.len() >= MAX_DEPTH && !is_inside {
            return Err(self.too_large(at, &format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let waits_for_key = self.open.last().is_some_and(|open| open.items.is_none() && open.key.is_none());
        if waits_for_key {
            return Err(self.describe_block_as_key(at));
        }
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
                Some((pointer, bare, place)) => (pointer, bare, place),
                None => (pointer.clone(), false, at),
            },
        };
        // An empty value has no width of its own: point at its key.
        let value = if scalar.as_deref() == Some("") && plain { key } else { at };
        self.pointer_bytes += pointer.len();
        self.places.nodes.insert(pointer.clone(), Node { key, value, scalar, plain, bare_key });
        pointer
    }

    fn unsupported(&self, at: TextSpan, what: &str, hint: &str) -> Diagnostic {
        self.places.finding(Code::PlanUnsupportedYaml, at, format!("{what} is not supported here")).hint(hint)
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
                self.places.finding(Code::PlanSyntax, at, message).hint(hint)
            }
            _ => self.unsupported(at, "a key that is a list or a mapping", "use a plain text as the key"),
        }
    }

    fn too_large(&self, at: TextSpan, what: &str) -> Diagnostic {
        self.places.finding(Code::PlanTooLarge, at, format!("the file is {what}"))
    }
}

/// The width of a span on its first line, in characters.
fn span_width(span: Span) -> usize {
    if span.end.line() == span.start.line() { (span.end.col() - span.start.col()).max(1) } else { 1 }
}
