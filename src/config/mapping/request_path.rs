//! The path of a request, which may hold fields of the document, as in `/patients/{id}`.
//!
//! A value never leaves its step of the path: all of it but unreserved characters (RFC 3986) is percent-encoded, and one
//! that is empty, or that other programs read as a step back, fills nothing. The same document always gives the same path.

use std::{fmt::Write as _, ops::Range};

use serde::{
    Deserialize as _, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::json_pointer::unescape;

/// The most bytes of a path: what servers and those between take without a question.
pub const MAX_PATH: usize = 2_000;

/// A path as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    /// As it stands in the mapping.
    pub written: String,
    parts: Vec<PathPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathPart {
    Text(String),
    Field(PathField),
}

/// A field of the document in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathField {
    /// As it stands between the braces.
    pub name: String,
    /// The names of the fields that lead to it, from the document on.
    pub steps: Vec<String>,
    /// Where it stands in the path, braces included.
    pub range: Range<usize>,
}

/// Why a text is no path, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFault {
    /// The bytes that are wrong.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: &'static str,
}

/// Why a document has no path: the number of the field that is the reason, and what is wrong with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathProblem {
    /// The number of the field among those of the path.
    pub field: usize,
    /// What is wrong.
    pub kind: PathProblemKind,
}

/// What is wrong with a value of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblemKind {
    /// It is not there, or is neither a text nor a number.
    Missing,
    /// It is empty.
    Empty,
    /// It makes a step that is read as this one, or as the one before.
    Dots,
    /// It makes the path too long.
    Long,
}

const PLAIN: &str = "write it as in `/v1/customers`, without a query";
const BRACES: &str = "put the name of a field between braces, as in `/patients/{id}`";

impl PathTemplate {
    /// Reads a path as it stands in a mapping.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(written: &str) -> Result<PathTemplate, PathFault> {
        let fault = |range, message: String, hint| PathFault { range, message, hint };
        if !written.starts_with('/') || written.len() > MAX_PATH {
            let message = match written.len() {
                0..=MAX_PATH => format!("`{}` is not a path", written.escape_debug()),
                _ => format!("this path is longer than {MAX_PATH} bytes"),
            };
            return Err(fault(0..written.len(), message, PLAIN));
        }
        let (mut parts, mut at) = (Vec::new(), 0);
        while at < written.len() {
            let text = written[at..].find(['{', '}']).map_or(&written[at..], |end| &written[at..at + end]);
            check_text(text, at, written)?;
            if !text.is_empty() {
                parts.push(PathPart::Text(text.to_owned()));
            }
            at += text.len();
            if at < written.len() {
                let field = read_field(written, at)?;
                at = field.range.end;
                let is_same = |part: &PathPart| matches!(part, PathPart::Field(other) if other.steps == field.steps);
                if parts.iter().any(is_same) {
                    let message = format!("`{{{}}}` stands in this path already", field.name);
                    return Err(fault(field.range, message, "name each field once"));
                }
                parts.push(PathPart::Field(field));
            }
        }
        for segment in segments(written) {
            if is_dots(&written[segment.clone()]) {
                let message = format!("`{}` is no step of a path: it leads back", &written[segment.clone()]);
                return Err(fault(segment, message, "write the path that it leads to"));
            }
        }
        Ok(PathTemplate { written: written.to_owned(), parts })
    }

    /// The fields in it, in order.
    pub fn fields(&self) -> impl Iterator<Item = &PathField> {
        self.parts.iter().filter_map(|part| match part {
            PathPart::Field(field) => Some(field),
            PathPart::Text(_) => None,
        })
    }

    /// Whether each document has a path of its own.
    #[must_use]
    pub fn is_per_document(&self) -> bool {
        self.fields().next().is_some()
    }

    /// The same with nothing between the braces: where requests arrive, whatever the fields are called.
    #[must_use]
    pub fn shape(&self) -> String {
        let part = |part: &PathPart| match part {
            PathPart::Text(text) => text.clone(),
            PathPart::Field(_) => "{}".into(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Whether other values never give the same path: between two fields stands a character that no value has.
    #[must_use]
    pub fn keeps_fields_apart(&self) -> bool {
        let is_apart = |text: &str| text.bytes().any(|byte| !is_unreserved(byte) && byte != b'%');
        let are_apart = |parts: &[PathPart]| match parts {
            [PathPart::Field(_), PathPart::Field(_), ..] => false,
            [PathPart::Field(_), PathPart::Text(text), PathPart::Field(_)] => is_apart(text),
            _ => true,
        };
        self.parts.windows(3).all(are_apart) && self.parts.windows(2).all(are_apart)
    }

    /// The path of a document.
    ///
    /// # Errors
    /// It has none.
    pub fn fill(&self, document: &[u8]) -> Result<String, PathProblem> {
        let (mut path, mut filled) = (String::new(), Vec::new());
        for part in &self.parts {
            match part {
                PathPart::Text(text) => path.push_str(text),
                PathPart::Field(PathField { steps, .. }) => {
                    let problem = |kind| PathProblem { field: filled.len(), kind };
                    let value = find_text(document, steps).ok_or(problem(PathProblemKind::Missing))?;
                    match value.as_str() {
                        "" => return Err(problem(PathProblemKind::Empty)),
                        "." | ".." => return Err(problem(PathProblemKind::Dots)),
                        value if value.len() > MAX_PATH => return Err(problem(PathProblemKind::Long)),
                        value => {
                            let start = path.len();
                            encode(value, &mut path);
                            filled.push(start..path.len());
                        }
                    }
                }
            }
        }
        if let Some(segment) = segments(&path).find(|segment| is_dots(&path[segment.clone()])) {
            let field = filled.iter().position(|value| value.start >= segment.start).unwrap_or_default();
            return Err(PathProblem { field, kind: PathProblemKind::Dots });
        }
        if path.len() > MAX_PATH {
            let longest = filled.iter().enumerate().max_by_key(|(_, value)| value.len());
            let field = longest.map_or(0, |(field, _)| field);
            return Err(PathProblem { field, kind: PathProblemKind::Long });
        }
        Ok(path)
    }

    /// Whether a path may be that of a document: it is the same but for what stands in place of the fields.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let steps: Vec<&str> = path.split('/').collect();
        let shape = self.shape();
        let shapes: Vec<&str> = shape.split('/').collect();
        let is_like = |(step, shape): (&&str, &&str)| match (shape.split_once("{}"), shape.rsplit_once("{}")) {
            (Some((before, _)), Some((_, after))) => {
                let inner = step.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                inner.is_some_and(|inner| !inner.is_empty())
            }
            _ => step == shape,
        };
        steps.len() == shapes.len() && steps.iter().zip(&shapes).all(is_like)
    }
}

/// Refuses what stands between fields and is no part of a path.
fn check_text(text: &str, at: usize, whole: &str) -> Result<(), PathFault> {
    let fault = |range, message, hint| Err(PathFault { range, message, hint });
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\".contains(&byte);
    if !text.bytes().all(is_plain) {
        return fault(0..whole.len(), format!("`{}` is not a path", whole.escape_debug()), PLAIN);
    }
    let lower = text.to_ascii_lowercase();
    if let Some(start) = ["%7b", "%7d"].into_iter().filter_map(|brace| lower.find(brace)).min() {
        let start = at + start;
        let message = format!("`{}` is an encoded brace, which would be sent as it is", &whole[start..start + 3]);
        return fault(start..start + 3, message, BRACES);
    }
    Ok(())
}

/// The field whose brace stands at a place of a path.
fn read_field(written: &str, at: usize) -> Result<PathField, PathFault> {
    let fault = |range, message: &str| Err(PathFault { range, message: message.to_owned(), hint: BRACES });
    let inside = &written[at + 1..];
    if written.as_bytes()[at] == b'}' {
        return fault(at..at + 1, "nothing opens this brace");
    }
    let Some(end) = inside.find(['{', '}']).filter(|end| inside.as_bytes()[*end] == b'}') else {
        return fault(at..at + 1, "this brace is never closed");
    };
    let (name, range) = (&inside[..end], at..at + end + 2);
    let steps: Vec<String> = name.split('/').map(unescape).collect();
    if steps.iter().any(String::is_empty) {
        return fault(
            range,
            if name.is_empty() { "no name stands between these braces" } else { "a name is missing here" },
        );
    }
    Ok(PathField { name: name.to_owned(), steps, range })
}

/// The steps of a path, as bytes; a `/` between braces is none of the path.
fn segments(path: &str) -> impl Iterator<Item = Range<usize>> {
    let (mut start, mut is_inside, mut found) = (0, false, Vec::new());
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'{' => is_inside = true,
            b'}' => is_inside = false,
            b'/' if !is_inside => {
                found.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(start..path.len());
    found.into_iter()
}

/// Whether other programs read a step of a path as this one or the one before, however its dots are encoded.
fn is_dots(segment: &str) -> bool {
    // `%2e` is three bytes, and more than two dots are a name.
    segment.len() <= 6 && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Adds a value to a path: everything but unreserved characters as `%XX`.
fn encode(value: &str, path: &mut String) {
    for byte in value.bytes() {
        if is_unreserved(byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

/// The text, or the digits of the number, that names lead to in a document.
fn find_text(document: &[u8], steps: &[String]) -> Option<String> {
    TextAt(steps).deserialize(&mut serde_json::Deserializer::from_slice(document)).ok().flatten()
}

/// Looks for one value of a document, without making a tree of the rest.
struct TextAt<'s>(&'s [String]);

impl<'de> DeserializeSeed<'de> for TextAt<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        if !self.0.is_empty() {
            return deserializer.deserialize_map(self);
        }
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }
}

impl<'de> Visitor<'de> for TextAt<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        let (first, rest) = self.0.split_first().ok_or_else(|| de::Error::custom("no name"))?;
        while let Some(name) = map.next_key::<String>()? {
            if name == *first {
                found = map.next_value_seed(TextAt(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::mapping::request_path::{MAX_PATH, PathProblem, PathProblemKind, PathTemplate};

    /// The number of a field, and what is wrong with it.
    type Reason = (usize, PathProblemKind);

    fn template(written: &str) -> PathTemplate {
        PathTemplate::parse(written).unwrap()
    }

    #[test]
    fn what_is_no_path_is_refused_at_its_place() {
        let table = [
            ("", 0..0, "`` is not a path"),
            ("patients", 0..8, "`patients` is not a path"),
            ("/a b", 0..4, "`/a b` is not a path"),
            ("/a?b={id}", 0..9, "`/a?b={id}` is not a path"),
            ("/a#{id}", 0..7, "`/a#{id}` is not a path"),
            ("/a\\b", 0..4, "`/a\\\\b` is not a path"),
            ("/ü", 0..3, "`/ü` is not a path"),
            ("/a/{id", 3..4, "this brace is never closed"),
            ("/a/{id{b}", 3..4, "this brace is never closed"),
            ("/a/{{id}}", 3..4, "this brace is never closed"),
            ("/a/id}", 5..6, "nothing opens this brace"),
            ("/a/{}", 3..5, "no name stands between these braces"),
            ("/a/{/id}", 3..8, "a name is missing here"),
            ("/a/{id/}", 3..8, "a name is missing here"),
            ("/a/{b//c}", 3..9, "a name is missing here"),
            ("/a/{id}/{id}", 8..12, "`{id}` stands in this path already"),
            ("/a/%7Bid%7d", 3..6, "`%7B` is an encoded brace, which would be sent as it is"),
            ("/a/../b", 3..5, "`..` is no step of a path: it leads back"),
            ("/a/.%2E", 3..7, "`.%2E` is no step of a path: it leads back"),
            ("/{a/b}/.", 7..8, "`.` is no step of a path: it leads back"),
        ];
        for (written, range, message) in table {
            let fault = PathTemplate::parse(written).unwrap_err();
            assert_eq!((fault.range, fault.message.as_str()), (range, message), "{written}");
        }
        assert!(PathTemplate::parse(&format!("/{}", "a".repeat(MAX_PATH - 1))).is_ok());
        assert!(PathTemplate::parse(&format!("/{}", "a".repeat(MAX_PATH))).is_err());
    }

    #[test]
    fn a_value_never_leaves_its_step() {
        let table = [
            ("p1", "p1"),
            ("A-z_0.9~", "A-z_0.9~"),
            ("../x", "..%2Fx"),
            ("..\\x", "..%5Cx"),
            ("%2e%2e", "%252e%252e"),
            ("%2F", "%252F"),
            ("a?b=c#d", "a%3Fb%3Dc%23d"),
            ("a\0b", "a%00b"),
            ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
            ("Zoë 😀", "Zo%C3%AB%20%F0%9F%98%80"),
            ("\u{202e}", "%E2%80%AE"),
            ("{id}", "%7Bid%7D"),
            ("a;b=c&d,e+f@g!h'i(j)k*l$m:n", "a%3Bb%3Dc%26d%2Ce%2Bf%40g%21h%27i%28j%29k%2Al%24m%3An"),
            ("...", "..."),
            (" ", "%20"),
        ];
        for (value, expected) in table {
            let document = serde_json::json!({ "x": "..", "id": value }).to_string();
            let path = template("/p/{id}/notes").fill(document.as_bytes()).unwrap();
            assert_eq!(path, format!("/p/{expected}/notes"));
            let mut url = url::Url::parse("http://127.0.0.1:1/base").unwrap();
            url.set_path(&format!("/base{path}"));
            assert_eq!(url.as_str(), format!("http://127.0.0.1:1/base/p/{expected}/notes"), "{value}");
            assert!(template("/p/{id}/notes").matches(&path) && !template("/p/{id}").matches(&path), "{value}");
        }
    }

    #[test]
    fn a_document_without_a_path_is_told_by_the_field_that_is_the_reason() {
        use PathProblemKind::{Dots, Empty, Long, Missing};
        let long = "x".repeat(MAX_PATH);
        let just = "x".repeat(MAX_PATH - "/a/".len());
        let table: [(&str, serde_json::Value, Result<String, Reason>); 14] = [
            ("/a/{id}", serde_json::json!({ "id": "" }), Err((0, Empty))),
            ("/a/{id}", serde_json::json!({ "id": "." }), Err((0, Dots))),
            ("/a/{id}", serde_json::json!({ "id": ".." }), Err((0, Dots))),
            ("/a/x{id}", serde_json::json!({ "id": ".." }), Err((0, Dots))),
            ("/{b}/.{id}", serde_json::json!({ "b": "x", "id": "." }), Err((1, Dots))),
            ("/a/%2E{id}", serde_json::json!({ "id": "." }), Err((0, Dots))),
            ("/a/{b}-{id}", serde_json::json!({ "b": "x", "id": "." }), Err((1, Dots))),
            ("/a/{id}", serde_json::json!({ "id": null }), Err((0, Missing))),
            ("/a/{b}/{id}", serde_json::json!({ "b": "1", "id": ["x"] }), Err((1, Missing))),
            ("/a/{b/id}", serde_json::json!({ "b": "1" }), Err((0, Missing))),
            ("/a/{b}/{id}", serde_json::json!({ "b": "1", "id": long }), Err((1, Long))),
            ("/a/{b}/{id}", serde_json::json!({ "b": "1", "id": just }), Err((1, Long))),
            ("/a/{id}", serde_json::json!({ "id": just }), Ok(format!("/a/{just}"))),
            ("/a/{b/i~1d}", serde_json::json!({ "b": { "i/d": 7 } }), Ok("/a/7".into())),
        ];
        for (written, document, expected) in table {
            let found = template(written).fill(document.to_string().as_bytes());
            assert_eq!(found, expected.map_err(|(field, kind)| PathProblem { field, kind }), "{written}");
        }
        let digits = "123456789012345678901234567890";
        let path = template("/a/{id}").fill(format!("{{\"id\":{digits}}}").as_bytes());
        assert_eq!(path.unwrap(), format!("/a/{digits}"));
    }

    #[test]
    fn fields_are_apart_where_a_character_between_them_is_in_no_value() {
        let table = [
            ("/a", true),
            ("/{a}", true),
            ("/{a}/{b}", true),
            ("/{a}{b}", false),
            ("/{a}-{b}", false),
            ("/{a}%20{b}", false),
            ("/{a},{b}", true),
            ("/x(k={a},l={b})", true),
            ("/{a}/{b}.{c}", false),
        ];
        for (written, expected) in table {
            assert_eq!(template(written).keeps_fields_apart(), expected, "{written}");
        }
        assert_eq!(template("/{a}/x-{b/c}").shape(), "/{}/x-{}");
    }
}
