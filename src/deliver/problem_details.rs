//! The body of an error answer -> problem details: a status, a type, and locations in the request.
//!
//! Pure. Any part of an answer may repeat personal data: a type or a pointer as well as a sentence. So a pointer is only
//! followed into the documents that were sent and never shown as it came, and a type is shown only if no word of it occurs
//! in what was sent.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use serde_json::{Map, Value};
use url::Url;

use crate::{
    deliver::{answer_names::normalize, answer_values::read_index},
    json_pointer::{escape, unescape},
    recording::receipt::Echo,
};

/// The most locations that are read from one answer.
const MAX_PLACES: usize = 1_000;
/// How deep an answer is searched, and how many keys a location in it may have.
const MAX_DEPTH: usize = 16;
/// The shortest part of a type that is looked for in what was sent, in characters.
const MIN_WORD: usize = 4;
/// The shortest value that is looked for in a type, in characters.
const MIN_VALUE: usize = 2;
/// Members between a document and its fields that only some APIs see.
const WRAPPERS: [&str; 4] = ["attributes", "properties", "fields", "value"];
/// The names of texts that may hold a location.
const TEXTS: [&str; 6] = ["message", "detail", "msg", "description", "error", "reason"];

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

    /// The documents that are named, of `count` in the request, of which the first is this one. They are hints only.
    ///
    /// Numbers begin with 1 where 0 never occurs and the last one fits only so.
    pub(crate) fn named_documents(&self, count: u64, first: &[u8]) -> BTreeSet<u64> {
        let first: Value = serde_json::from_slice(first).unwrap_or_default();
        let named = self.places.iter().filter_map(|place| {
            let (at, number) = first_index(place)?;
            // The names that lead to the list, unless they are of the document itself.
            (at == 0 || find_member(&first, &place[0]).is_none()).then_some(number)
        });
        let named: BTreeSet<u64> = named.collect();
        let from = u64::from(!named.contains(&0) && named.last() == Some(&count));
        named.into_iter().map(|number| number - from).filter(|number| *number < count).collect()
    }

    /// The numbers up to `count` that locations begin with, as in `/3/price` and `[3].price`, or that stand beside them as an index.
    pub(crate) fn leading_numbers(&self, count: u64) -> BTreeSet<u64> {
        self.places.iter().filter_map(|place| index(place.first()?)).filter(|number| *number <= count).collect()
    }

    /// The locations within a single document, as JSON pointers that lead to values of it, each once.
    pub(crate) fn pointers(&self, document: &[u8]) -> Vec<String> {
        let document: Value = serde_json::from_slice(document).unwrap_or_default();
        let mut pointers: Vec<String> = Vec::new();
        for place in &self.places {
            // As it is, or behind the number of the document, which may have the names that lead to the list in front.
            let behind = first_index(place).map(|(at, _)| at + 1);
            let found = [0].into_iter().chain(behind).map(|skipped| resolve(&document, &place[skipped..]));
            let best = found.max_by_key(|found| found.steps).unwrap_or_default();
            if best.steps > 0 && !pointers.contains(&best.pointer) {
                pointers.push(best.pointer);
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

    /// The status, for messages.
    pub(crate) fn describe_status(&self) -> String {
        match self.status {
            200..=299 => format!("{}, and its body tells of failure", self.status),
            status => status.to_string(),
        }
    }

    /// The type, for messages, unless it repeats anything of these documents, or a secret.
    pub(crate) fn show_type(&self, sent: &[&[u8]], secrets: &[&str]) -> Option<Echo> {
        let is_shown = !self.kind.is_empty() && !repeats(&self.kind, sent, secrets);
        is_shown.then(|| Echo { text: self.kind.clone(), shown: format!(", problem `{}`", self.kind) })
    }
}

/// How far a location leads into a document.
#[derive(Default)]
struct Resolved {
    pointer: String,
    steps: usize,
}

/// Follows a location into a document, whatever the case and the separators of its names, and as far as it goes.
fn resolve(document: &Value, place: &[String]) -> Resolved {
    let (mut at, mut found) = (document, Resolved::default());
    for key in place {
        let next = match at {
            Value::Object(_) => find_member(at, key),
            Value::Array(items) => index(key).and_then(|number| {
                let number = usize::try_from(number).ok()?;
                // An API that counts from 1 names the last one so.
                let number = if number == items.len() { number.checked_sub(1)? } else { number };
                items.get(number).map(|item| (number.to_string(), item))
            }),
            _ => None,
        };
        match next {
            Some((name, value)) => {
                found.pointer.push('/');
                found.pointer.push_str(&escape(&name));
                (found.steps, at) = (found.steps + 1, value);
            }
            None if WRAPPERS.contains(&key.as_str()) => {}
            None => break,
        }
    }
    found
}

/// A member of an object by its name, or by one that differs in case and separators only.
fn find_member<'a>(object: &'a Value, key: &str) -> Option<(String, &'a Value)> {
    let object = object.as_object()?;
    if let Some(value) = object.get(key) {
        return Some((key.to_owned(), value));
    }
    let plain = normalize(key);
    object.iter().find(|(name, _)| normalize(name) == plain).map(|(name, value)| (name.clone(), value))
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
        Value::Array(items) if is_one_for_each(items) || are_messages(items) => {
            for (number, item) in items.iter().enumerate() {
                collect_messages(item, &mut vec![number.to_string()], depth, places);
            }
            ControlFlow::Continue(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| collect_places(item, depth - 1, places)),
        _ => ControlFlow::Continue(()),
    }
}

/// Collects the locations that one object names itself.
fn collect_from_object(object: &Map<String, Value>, places: &mut Vec<Vec<String>>) {
    let number = ["index", "position", "row", "itemIndex"].iter().find_map(|key| read_index(object.get(*key)?));
    let mut named: Vec<Vec<String>> = PLACES.iter().filter_map(|key| read_place(object.get(*key)?)).collect();
    if named.is_empty() {
        let texts = TEXTS.iter().filter_map(|key| object.get(*key)?.as_str());
        named.extend(texts.flat_map(find_in_text));
    }
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

/// Collects the locations of messages that lie where the values were: `{"purchases": [{}, {"price": ["…"]}]}`.
fn collect_messages(value: &Value, path: &mut Vec<String>, depth: usize, places: &mut Vec<Vec<String>>) {
    if depth == 0 || places.len() >= MAX_PLACES {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let keys = parse_place(name).unwrap_or_default();
                path.extend(keys.iter().cloned());
                collect_messages(value, path, depth - 1, places);
                path.truncate(path.len() - keys.len());
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                path.push(number.to_string());
                collect_messages(item, path, depth - 1, places);
                path.pop();
            }
        }
        _ => places.push(path.clone()),
    }
}

/// Whether a list holds an object for each document in which every value is a list of messages, at any depth.
fn are_messages(items: &[Value]) -> bool {
    fn is_message(value: &Value) -> bool {
        match value {
            Value::Array(items) => !items.is_empty() && items.iter().all(|item| item.is_string() || is_message(item)),
            Value::Object(fields) => fields.values().all(is_message),
            _ => false,
        }
    }
    !items.is_empty() && items.iter().all(|item| item.is_object() && is_message(item))
}

/// The locations in a sentence: what looks like a path with a number in it.
fn find_in_text(text: &str) -> Vec<Vec<String>> {
    let is_edge = |c: char| c.is_whitespace() || "'\"`,;()".contains(c);
    let words = text.split(is_edge).map(|word| word.trim_end_matches(['.', ':']));
    let has_number = |word: &&str| {
        let is_path = word.starts_with(['/', '#', '$', '[']) || word.contains('[');
        is_path && word.split(['/', '[', ']', '.']).any(|part| index(part).is_some())
    };
    words.filter(has_number).take(MAX_DEPTH).filter_map(parse_place).collect()
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
                Value::Number(_) => read_index(key).map(|index| index.to_string()),
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
        pointer.split('/').map(unescape).collect()
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

/// The first number of a location, and where it stands.
fn first_index(place: &[String]) -> Option<(usize, u64)> {
    place.iter().enumerate().find_map(|(at, key)| Some((at, index(key)?)))
}

fn index(key: &str) -> Option<u64> {
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    key.parse().ok().filter(|_| is_plain)
}

/// Whether a type is short and consists of the characters of names and URIs only, so that it is not a sentence or an address.
fn is_plain(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.:#~".contains(&byte))
}

/// Whether a text of the API repeats anything of the documents that were sent, or a secret: without separators, case and
/// accents, plain, in base64 or in hexadecimal digits. Parts of a value count, and so do parts of the text but for the host
/// of a URL, which is mostly a name of the API. A name of a host that cannot be read may be anything.
pub(crate) fn repeats(text: &str, sent: &[&[u8]], secrets: &[&str]) -> bool {
    let Some(named) = read_host_names(text) else { return true };
    let url = Url::parse(text).ok().filter(Url::has_host);
    let path = url.map_or_else(|| named.clone(), |url| url[url::Position::BeforePath..].to_owned());
    let encoded = decode(text);
    // Folded texts hold no space.
    let whole = [fold(text), fold(&named)].join(" ");
    let decoded = encoded.iter().map(|text| fold(text)).collect::<Vec<String>>().join(" ");
    let words = std::iter::once(&path).chain(&encoded).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let words: Vec<String> = words.map(fold).filter(|word| word.chars().count() >= MIN_WORD).collect();
    let holds = |value: &str| {
        let folded = fold(value);
        let mut parts = value.split(|c: char| !c.is_alphanumeric()).map(fold);
        (folded.chars().count() >= MIN_VALUE && whole.contains(&folded))
            // What was never encoded is decoded to any bytes: a short value may be among them by chance.
            || (folded.len() >= MIN_WORD && decoded.contains(&folded))
            || parts.any(|part| part.chars().count() >= MIN_WORD && (whole.contains(&part) || decoded.contains(&part)))
            || words.iter().any(|word| folded.contains(word))
    };
    secrets.iter().any(|secret| holds(secret)) || sent.iter().any(|document| holds_any(document, &holds))
}

/// A text in which each `xn--` name of a host is what it stands for; `None` if one stands for nothing.
fn read_host_names(text: &str) -> Option<String> {
    let mut read = String::new();
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-' && c != '.') {
        if part.to_ascii_lowercase().contains("xn--") {
            let name = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            let unicode = url::quirks::domain_to_unicode(name);
            if unicode.is_empty() || unicode.contains("xn--") {
                return None;
            }
            read += &unicode;
            read += &part[name.len()..];
        } else {
            read += part;
        }
    }
    Some(read)
}

/// Reads one digit of an alphabet.
type ReadDigit = fn(u8) -> Option<u32>;

/// What parts of a text mean as base64, of either alphabet, and as hexadecimal digits, wherever they begin.
fn decode(text: &str) -> Vec<String> {
    let encodings: [(u32, ReadDigit); 2] = [(6, read_base64), (4, read_hexadecimal)];
    let mut decoded = Vec::new();
    for (bits, digit) in encodings {
        for run in text.as_bytes().split(|byte| digit(*byte).is_none()) {
            // So many digits are a whole number of bytes.
            for start in 0..(if bits == 6 { 4 } else { 2 }).min(run.len()) {
                let bytes = join_bits(run[start..].iter().filter_map(|byte| digit(*byte)), bits);
                if bytes.len() >= MIN_WORD {
                    decoded.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
    }
    decoded
}

/// The whole bytes that digits of so many bits make.
fn join_bits(digits: impl Iterator<Item = u32>, bits: u32) -> Vec<u8> {
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        (held, count) = ((held << bits) | digit, count + bits);
        if count >= 8 {
            count -= 8;
            bytes.extend(u8::try_from(held >> count));
            held &= (1 << count) - 1;
        }
    }
    bytes
}

fn read_base64(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(digit.into())
}

fn read_hexadecimal(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Whether a value of a document is held.
fn holds_any(document: &[u8], holds: &impl Fn(&str) -> bool) -> bool {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if holds(text) => return true,
            Value::Number(number) if holds(&number.to_string()) => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    false
}

/// A text in lower case without separators and accents.
fn fold(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.map(remove_accent).collect()
}

/// The Latin letter below an accent.
fn remove_accent(letter: char) -> char {
    const LETTERS: [(&str, char); 15] = [
        ("àáâãäåāăą", 'a'),
        ("çćĉċč", 'c'),
        ("ďđð", 'd'),
        ("èéêëēĕėęě", 'e'),
        ("ĝğġģ", 'g'),
        ("ìíîïĩīĭįı", 'i'),
        ("ĺļľłŀ", 'l'),
        ("ñńņňŋ", 'n'),
        ("òóôõöøōŏő", 'o'),
        ("ŕŗř", 'r'),
        ("śŝşšș", 's'),
        ("ţťŧț", 't'),
        ("ùúûüũūŭůűų", 'u'),
        ("ýÿŷ", 'y'),
        ("źżž", 'z'),
    ];
    LETTERS.iter().find(|(accented, _)| accented.contains(letter)).map_or(letter, |(_, plain)| *plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ProblemDetails, repeats};

    const DOCUMENT: &[u8] =
        br#"{"email": "x", "firstName": "y", "x/y": {"a~b": 1}, "a": 1, "b": 2, "purchases": [{"price": 1}]}"#;

    #[test]
    fn places_are_found_in_the_shapes_that_servers_use() {
        let here = ["/purchases/0/price"];
        let table: [(Value, &[u64], &[&str]); 39] = [
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
            (json!({"timestamp": "x", "path": "/v1/customers"}), &[], &[]),
            (json!({"errors": [{"source": {"pointer": "/data/3/attributes/email"}}]}), &[3], &["/email"]),
            (json!({"errors": [{"source": {"pointer": "/data/3/attributes/first-name"}}]}), &[3], &["/firstName"]),
            (json!({"errors": {"customers[3].email": ["x"]}}), &[3], &["/email"]),
            (json!({"errors": [{"pointer": "#/data/inputs/3/email"}]}), &[3], &["/email"]),
            (json!({"loc": ["body", "meta", "data", "inputs", 3, "purchases", 0, "price"]}), &[3], &here),
            (json!({"field": "Customers[3].Purchases[0].Price"}), &[3], &here),
            (json!({"field": "customers[3][purchases][0][price]"}), &[3], &here),
            (json!({"field": "purchases[0].price"}), &[], &here),
            (json!({"field": "first_name"}), &[], &["/firstName"]),
            (json!([{}, {}, {"purchases": [{"price": ["x"]}]}]), &[2], &here),
            (json!([{"email": ["x"], "purchases": [{"price": ["y"]}]}]), &[0], &["/email", "/purchases/0/price"]),
            (json!({"errors": [{"pointer": "/2/email"}, {"pointer": "/5/email"}]}), &[1, 4], &["/email"]),
            (json!({"errors": [{"pointer": "/0/email"}, {"pointer": "/5/email"}]}), &[0], &["/email"]),
            (json!({"errors": [{"pointer": "/2/email"}]}), &[2], &["/email"]),
            (json!({"pointer": "/3/purchases/1/price"}), &[3], &here),
            (json!({"message": "the value at /3/purchases/0/price is wrong"}), &[3], &here),
            (json!({"detail": "customers[3].email: must not be empty."}), &[3], &["/email"]),
            (json!({"errors": [{"row": "3", "message": "x"}]}), &[3], &[]),
            (json!({"message": "4/5 of 3.14 are wrong"}), &[], &[]),
            (json!({"path": 3, "field": null, "loc": [true], "pointer": ""}), &[], &[]),
            (json!({"index": -1, "errors": "x"}), &[], &[]),
            (json!({"errors": [{"pointer": "/00000000000000000000000099999999999999999999/a"}]}), &[], &[]),
            (Value::Null, &[], &[]),
        ];
        for (body, documents, pointers) in table {
            let details = ProblemDetails::read(422, &body);
            assert_eq!(details.named_documents(5, DOCUMENT).into_iter().collect::<Vec<_>>(), documents, "{body}");
            assert_eq!(details.pointers(DOCUMENT), pointers, "{body}");
        }
    }

    #[test]
    fn a_deep_or_large_answer_is_read_up_to_a_limit() {
        let deep = (0..200).fold(json!({"pointer": "/1"}), |body, _| json!({ "errors": [body] }));
        assert!(ProblemDetails::read(400, &deep).named_documents(5, DOCUMENT).is_empty());
        let wide: Vec<Value> = (0..3_000).map(|number| json!({ "index": number })).collect();
        assert!(ProblemDetails::read(400, &wide.into()).named_documents(5_000, DOCUMENT).len() <= 1_001);
        let long = json!({ "pointer": "/1".repeat(40), "loc": vec![1; 40] });
        assert!(ProblemDetails::read(400, &long).named_documents(5, DOCUMENT).is_empty());
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
        let document = r#"{"name": "Chuck Norris", "email": "chuck@example.com", "born": 19400310, "list": ["Walker"],
                "short": "Bo Li", "phone": "06 12 34 56 78", "accent": "Zoë"}"#
            .as_bytes();
        let other = br#"{"name": "Galante"}"#;
        let table = [
            ("urn:api:contract", "422, problem `urn:api:contract`"),
            ("https://api.shop.test/errors/not-valid", "422, problem `https://api.shop.test/errors/not-valid`"),
            // The host of the API is also that of an address that was sent.
            ("https://api.example.com/errors/not-valid", "422"),
            ("", "422"),
            ("is no plain name", "422"),
            ("urn:customer:NORRIS", "422"),
            ("urn:chucknorris", "422"),
            ("https://api.example.com/errors/norris", "422"),
            ("https://api.example.com/errors?walker", "422"),
            ("urn:19400310", "422"),
            ("urn:example", "422"),
            ("urn:t0ken-for", "422"),
            ("urn:dup:bo-li", "422"),
            ("urn:dup:0612345678", "422"),
            ("urn:dup:Zoe", "422"),
            ("https://norris.example.com/x", "422"),
            ("urn:dup:Galante", "422"),
        ];
        for (kind, shown) in table {
            let details = ProblemDetails::read(422, &json!({ "type": kind }));
            let echo = details.show_type(&[document, other], &["t0ken"]).map_or(String::new(), |echo| echo.shown);
            assert_eq!(details.describe_status() + &echo, shown, "{kind}");
        }
    }

    #[test]
    fn what_was_sent_is_found_in_other_alphabets() {
        let document = r#"{"email": "chuck@norris.test", "name": "Frédéric Lefèvre", "street": "Straße 12 München",
            "short": "Bo Li", "city": "李明", "note": "Why >>> not ??? so"}"#
            .as_bytes();
        let secret = "s3cr3tTokenValue";
        let hidden = [
            // Base64 of URLs without padding, and as part of a longer text.
            "https://api.zz/q/Y2h1Y2tAbm9ycmlzLnRlc3Q",
            "urn:dup:RnLDqWTDqXJpYyBMZWbDqHZyZQ",
            "urn:dup-Qm8gTGk",
            "urn:dup:5p2O5piO",
            "urn:q:dXNlcj1jaHVja0Bub3JyaXMudGVzdA",
            "urn:q:V2h5ID4-PiBub3QgPz8_IHNv",
            "errors/V2h5ID4+PiBub3QgPz8/IHNv",
            "urn:bm9ycmlz",
            "https://api.zz/czNjcjN0VG9rZW5WYWx1ZQ",
            // Hexadecimal digits, of either case and after others.
            "https://api.zz/q/636875636b406e6f727269732e74657374",
            "urn:q:6E6F72726973",
            "urn:qa6e6f72726973",
            "733363723374546f6b656e56616c7565.zz",
            // Names of hosts.
            "xn--frdric-lefvre-5gbgb.zz",
            "XN--frdric-lefvre-5gbgb.zz",
            "https://xn--frdric-lefvre-5gbgb.zz/q",
            "a.xn--mnchen-3ya.zz",
            "xn--2hvs1a.zz",
            "xn--.zz",
            "xn--a-b-c-9999999999.zz",
        ];
        for text in hidden {
            assert!(repeats(text, &[document], &[secret]), "{text}");
        }
        let shown = [
            "https://api.shop.zz/errors/invalid",
            "urn:api:contract",
            "https://datatracker.ietf.org/doc/html/rfc9110#name-422-unprocessable-content",
            "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "xn--bcher-kva.zz",
            "https://xn--bcher-kva.zz/errors/contract",
            "about:blank",
            "",
        ];
        for text in shown {
            assert!(!repeats(text, &[document], &[secret]), "{text}");
        }
    }
}
