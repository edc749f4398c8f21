//! The body of an error answer -> problem details: a status, a type, and locations in the request.
//!
//! Pure. Any part of an answer may repeat personal data: a type or a pointer as well as a sentence. So a pointer is only
//! followed into the documents that were sent and never shown as it came, and a type is shown only if no word of it occurs
//! in what was sent.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use serde_json::{Map, Value};
use url::Url;

use crate::json_pointer::escape;

/// The most locations that are read from one answer.
const MAX_PLACES: usize = 1_000;
/// How deep an answer is searched, and how many keys a location in it may have.
const MAX_DEPTH: usize = 16;
/// The shortest word that is compared with what was sent, in characters.
const MIN_WORD: usize = 4;

/// The keys under which servers say where an error is.
///
/// `pointer`: RFC 9457, JSON:API. `instancePath`, `dataPath`, `instanceLocation`: JSON Schema validators. `path`, `loc`:
/// zod, pydantic and others, as a list of keys. `field`, `property`, `name`, `param`: many, as `[3].purchases[0].price`.
const PLACES: &[&str] = &[
    "pointer",
    "instancePath",
    "instance_path",
    "instanceLocation",
    "dataPath",
    "instance",
    "path",
    "loc",
    "location",
    "field",
    "property",
    "propertyPath",
    "param",
    "name",
];

/// Keys that may stand before the index of a document, when servers mean the request as a whole.
const PREFIXES: &[&str] = &["body", "data", "request", "payload"];

/// What a server says about rejected documents. Its debug form shows only the status.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ProblemDetails {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The `type` of problem details (RFC 9457); empty when there is none or it is not a plain name.
    pub(crate) kind: String,
    /// Locations in the request, as keys and indexes.
    places: Vec<Vec<String>>,
}

impl fmt::Debug for ProblemDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProblemDetails").field("status", &self.status).finish_non_exhaustive()
    }
}

impl ProblemDetails {
    /// Reads the body of an answer; parts that are not understood are ignored.
    pub(crate) fn read(status: u16, body: &Value) -> ProblemDetails {
        let kind = body.get("type").and_then(Value::as_str).filter(|kind| is_plain(kind)).unwrap_or_default();
        let mut places = Vec::new();
        let _ = collect_places(body, MAX_DEPTH, &mut places);
        ProblemDetails { status, kind: kind.to_owned(), places }
    }

    /// The documents that are named, of `count` in the request. They are hints only.
    pub(crate) fn named_documents(&self, count: u64) -> BTreeSet<u64> {
        self.places.iter().filter_map(|place| index(place.first()?)).filter(|index| *index < count).collect()
    }

    /// The locations within a single document, as JSON pointers, each once.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let mut pointers: Vec<String> = Vec::new();
        for place in &self.places {
            let skipped = usize::from(place.first().is_some_and(|key| index(key).is_some()));
            let pointer: String = place[skipped..].iter().flat_map(|key| ["/".into(), escape(key)]).collect();
            if !pointer.is_empty() && !pointers.contains(&pointer) {
                pointers.push(pointer);
            }
        }
        pointers
    }

    /// Whether both are the same problem of two single documents; the index of a list item does not matter.
    pub(crate) fn is_same_as(&self, other: &ProblemDetails) -> bool {
        let shape = |details: &ProblemDetails| -> BTreeSet<Vec<String>> {
            let keys = |place: &Vec<String>| place.iter().filter(|key| index(key).is_none()).cloned().collect();
            details.places.iter().map(keys).collect()
        };
        (self.status, &self.kind, shape(self)) == (other.status, &other.kind, shape(other))
    }

    /// The description that may be shown: the status, and the type unless it repeats anything that was sent.
    pub(crate) fn describe(&self, document: &[u8], secrets: &[&str]) -> String {
        let sent = serde_json::from_slice(document).unwrap_or_default();
        if self.kind.is_empty() || repeats(&self.kind, &sent, secrets) {
            return self.status.to_string();
        }
        format!("{}, problem `{}`", self.status, self.kind)
    }
}

/// Collects locations from an answer. Stops when there are enough.
fn collect_places(value: &Value, depth: usize, places: &mut Vec<Vec<String>>) -> ControlFlow<()> {
    if depth == 0 || places.len() >= MAX_PLACES {
        return ControlFlow::Break(());
    }
    match value {
        Value::Object(object) => {
            collect_from_object(object, places);
            object.values().try_for_each(|value| collect_places(value, depth - 1, places))
        }
        Value::Array(items) if is_one_for_each(items) => {
            for (number, item) in items.iter().enumerate() {
                let fields = item.as_object().into_iter().flat_map(Map::keys);
                places.extend(fields.filter_map(|field| parse_place(field)).map(|place| prefix_index(number, place)));
            }
            ControlFlow::Continue(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| collect_places(item, depth - 1, places)),
        _ => ControlFlow::Continue(()),
    }
}

/// Collects the locations that one object names itself.
fn collect_from_object(object: &Map<String, Value>, places: &mut Vec<Vec<String>>) {
    let number = object.get("index").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let mut named: Vec<Vec<String>> = PLACES.iter().filter_map(|key| read_place(object.get(*key)?)).collect();
    // A list of messages for each field: `"errors": {"[3].email": ["…"]}`.
    if let Some(Value::Object(fields)) = object.get("errors") {
        named.extend(fields.keys().filter_map(|field| parse_place(field)));
    }
    match number {
        Some(number) if named.is_empty() => places.push(prefix_index(number, Vec::new())),
        Some(number) => places.extend(named.into_iter().map(|place| match place.first().and_then(|key| index(key)) {
            Some(_) => place,
            None => prefix_index(number, place),
        })),
        None => places.append(&mut named),
    }
}

/// Whether a list holds an object for each document, empty for good documents.
fn is_one_for_each(items: &[Value]) -> bool {
    let is_empty = |item: &Value| item.as_object().is_some_and(Map::is_empty);
    items.iter().all(Value::is_object) && items.iter().any(is_empty) && !items.iter().all(is_empty)
}

fn prefix_index(number: usize, place: Vec<String>) -> Vec<String> {
    std::iter::once(number.to_string()).chain(place).collect()
}

/// Reads a location, given as a list of keys or as a string.
fn read_place(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => parse_place(text),
        Value::Array(keys) if keys.len() <= MAX_DEPTH => {
            let key = |key: &Value| match key {
                Value::String(key) => Some(key.clone()),
                Value::Number(index) => index.as_u64().map(|index| index.to_string()),
                _ => None,
            };
            keys.iter().map(key).collect::<Option<Vec<String>>>().map(strip_prefix)
        }
        _ => None,
    }
}

/// Parses a location: a JSON pointer, plain or as a URI fragment, or a path like `$[3].purchases[0].price`.
fn parse_place(text: &str) -> Option<Vec<String>> {
    let text = text.strip_prefix('#').unwrap_or(text);
    let keys: Vec<String> = if let Some(pointer) = text.strip_prefix('/') {
        pointer.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
    } else {
        let keys = text.strip_prefix('$').unwrap_or(text).split(['.', '[', ']']);
        keys.map(|key| key.trim_matches(['"', '\''])).filter(|key| !key.is_empty()).map(str::to_owned).collect()
    };
    (keys.len() <= MAX_DEPTH && !keys.is_empty()).then(|| strip_prefix(keys))
}

/// Removes the key that means the request itself.
fn strip_prefix(mut keys: Vec<String>) -> Vec<String> {
    let is_prefix = |key: &String| PREFIXES.contains(&key.as_str());
    let leads = keys.first().is_some_and(is_prefix) && keys.get(1).is_some_and(|key| index(key).is_some());
    if leads || keys.first().is_some_and(|key| key == "body") {
        keys.remove(0);
    }
    keys
}

fn index(key: &str) -> Option<u64> {
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    key.parse().ok().filter(|_| is_plain)
}

/// Whether a type is short and consists of the characters of names and URIs only, so that it is not a sentence or an address.
fn is_plain(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.:#~".contains(&byte))
}

/// Whether a type contains a word of a value that was sent, or the reverse. The host of a URL is skipped: it is a name of the
/// API.
fn repeats(kind: &str, sent: &Value, secrets: &[&str]) -> bool {
    let url = Url::parse(kind).ok().filter(Url::has_host);
    let kind = url.map_or_else(|| kind.to_owned(), |url| url[url::Position::BeforePath..].to_owned()).to_lowercase();
    let holds = |text: &str| {
        let text = text.to_lowercase();
        words(&kind).any(|word| text.contains(word)) || words(&text).any(|word| kind.contains(word))
    };
    let mut open = vec![sent];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if holds(text) => return true,
            Value::Number(number) if holds(&number.to_string()) => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    secrets.iter().any(|secret| holds(secret))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= MIN_WORD)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ProblemDetails;

    #[test]
    fn places_are_found_in_the_shapes_that_servers_use() {
        let here = ["/purchases/0/price"];
        let table: [(Value, &[u64], &[&str]); 20] = [
            (json!({"type": "urn:x", "errors": [{"pointer": "#/3/purchases/0/price"}]}), &[3], &here),
            (json!({"errors": [{"source": {"pointer": "/data/3/purchases/0/price"}, "status": "422"}]}), &[3], &here),
            (json!([{"instancePath": "/3/purchases/0/price", "keyword": "minimum"}]), &[3], &here),
            (json!({"violations": [{"propertyPath": "[3].purchases[0].price", "message": "x"}]}), &[3], &here),
            (json!({"errors": {"$[3].purchases[0].price": ["x"]}}), &[3], &here),
            (json!({"errors": {"3.purchases.0.price": ["x"]}}), &[3], &here),
            (json!({"detail": [{"loc": ["body", 3, "purchases", 0, "price"], "msg": "x", "type": "t"}]}), &[3], &here),
            (json!({"issues": [{"path": [3, "purchases", 0, "price"], "code": "x"}]}), &[3], &here),
            (json!({"error": {"details": [{"fieldViolations": [{"field": "[3].email"}]}]}}), &[3], &["/email"]),
            (json!({"errors": [{"index": 3, "field": "email"}]}), &[3], &["/email"]),
            (json!({"errors": [{"index": 3, "message": "x"}]}), &[3], &[]),
            (json!([{}, {}, {"email": ["x"]}]), &[2], &["/email"]),
            (json!({"invalid-params": [{"name": "email", "reason": "x"}]}), &[], &["/email"]),
            (
                json!({"errors": [{"pointer": "/1/a"}, {"pointer": "/2/a"}, {"pointer": "/1/b"}]}),
                &[1, 2],
                &["/a", "/b"],
            ),
            (json!({"errors": [{"pointer": "/9/a"}, {"pointer": "/x~1y/a~0b"}]}), &[], &["/a", "/x~1y/a~0b"]),
            (json!({"timestamp": "x", "path": "/v1/customers"}), &[], &["/v1/customers"]),
            (json!({"path": 3, "field": null, "loc": [true], "pointer": ""}), &[], &[]),
            (json!({"index": -1, "errors": "x"}), &[], &[]),
            (
                json!({"errors": [{"pointer": "/00000000000000000000000099999999999999999999/a"}]}),
                &[],
                &["/00000000000000000000000099999999999999999999/a"],
            ),
            (Value::Null, &[], &[]),
        ];
        for (body, documents, pointers) in table {
            let details = ProblemDetails::read(422, &body);
            assert_eq!(details.named_documents(5).into_iter().collect::<Vec<_>>(), documents, "{body}");
            assert_eq!(details.pointers(), pointers, "{body}");
        }
    }

    #[test]
    fn a_deep_or_large_answer_is_read_up_to_a_limit() {
        let deep = (0..200).fold(json!({"pointer": "/1"}), |body, _| json!({ "errors": [body] }));
        assert!(ProblemDetails::read(400, &deep).named_documents(5).is_empty());
        let wide: Vec<Value> = (0..3_000).map(|number| json!({ "index": number })).collect();
        assert!(ProblemDetails::read(400, &wide.into()).named_documents(5_000).len() <= 1_001);
        let long = json!({ "pointer": "/1".repeat(40), "loc": vec![1; 40] });
        assert!(ProblemDetails::read(400, &long).named_documents(5).is_empty());
    }

    #[test]
    fn a_problem_is_the_same_for_other_documents_and_items() {
        let details = |status, kind: &str, pointer: &str| {
            ProblemDetails::read(status, &json!({"type": kind, "errors": [{"pointer": pointer}]}))
        };
        let one = details(422, "urn:x", "/0/purchases/0/price");
        assert!(one.is_same_as(&details(422, "urn:x", "/7/purchases/1/price")));
        assert!(!one.is_same_as(&details(400, "urn:x", "/0/purchases/0/price")));
        assert!(!one.is_same_as(&details(422, "urn:y", "/0/purchases/0/price")));
        assert!(!one.is_same_as(&details(422, "urn:x", "/0/email")));
    }

    #[test]
    fn a_type_is_shown_unless_it_repeats_what_was_sent() {
        let document =
            br#"{"name": "Chuck Norris", "email": "chuck@example.com", "born": 19400310, "list": ["Walker"]}"#;
        let table = [
            ("urn:api:contract", "422, problem `urn:api:contract`"),
            ("https://api.example.com/errors/not-valid", "422, problem `https://api.example.com/errors/not-valid`"),
            ("", "422"),
            ("is no plain name", "422"),
            ("urn:customer:NORRIS", "422"),
            ("urn:chucknorris", "422"),
            ("https://api.example.com/errors/norris", "422"),
            ("https://api.example.com/errors?walker", "422"),
            ("urn:19400310", "422"),
            ("urn:example", "422"),
            ("urn:t0ken-for", "422"),
        ];
        for (kind, shown) in table {
            let details = ProblemDetails::read(422, &json!({ "type": kind }));
            assert_eq!(details.describe(document, &["t0ken"]), shown, "{kind}");
        }
    }
}
