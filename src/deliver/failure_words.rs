//! One JSON object of an answer -> whether it tells of success, of failure, or of neither.
//!
//! Pure. Only the names of members and the kinds of their values count, as APIs write them: `success`, `error`,
//! `FailedRecordCount`, `status`. A member that the documents themselves have is an echo and tells nothing.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use crate::deliver::batch::Batch;

/// What an object tells about what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Neither.
    Nothing,
    /// It was accepted, with this status if one is written.
    Good(Option<u16>),
    /// It was not accepted, with this status if one is written or meant.
    Bad(Option<u16>),
}

impl Told {
    /// Whether it tells of failure.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Told::Bad(_))
    }

    /// Both together: a failure outweighs everything, and a number says more than none.
    fn and(self, other: Told) -> Told {
        match (self, other) {
            (Told::Bad(one), Told::Bad(other)) => Told::Bad(one.or(other)),
            (Told::Bad(status), _) | (_, Told::Bad(status)) => Told::Bad(status),
            (Told::Good(one), Told::Good(other)) => Told::Good(one.or(other)),
            (Told::Good(status), _) | (_, Told::Good(status)) => Told::Good(status),
            (Told::Nothing, Told::Nothing) => Told::Nothing,
        }
    }
}

/// The status of an error that passes by itself, when the API writes no number.
const TEMPORARY: u16 = 503;
/// Parts of texts about errors that pass by themselves, without case and separators.
const TEMPORARY_WORDS: [&str; 14] = [
    "throttl",
    "throughput",
    "internalfailure",
    "internalerror",
    "internalserver",
    "unavailable",
    "timeout",
    "timedout",
    "toomanyrequests",
    "slowdown",
    "temporar",
    "tryagain",
    "overload",
    "deadlock",
];
/// Words that tell of failure as the value of a status.
const BAD_WORDS: [&str; 32] = [
    "error",
    "errors",
    "errored",
    "fail",
    "failed",
    "failure",
    "failures",
    "fault",
    "rejected",
    "reject",
    "rejection",
    "refused",
    "invalid",
    "denied",
    "forbidden",
    "unauthorized",
    "unauthorised",
    "unprocessed",
    "unprocessable",
    "aborted",
    "cancelled",
    "canceled",
    "conflict",
    "exception",
    "nok",
    "ko",
    "partial",
    "partially",
    "incomplete",
    "unsuccessful",
    "unavailable",
    "timeout",
];
/// Words that tell of success as the value of a status.
const GOOD_WORDS: [&str; 14] = [
    "ok",
    "success",
    "succeeded",
    "successful",
    "created",
    "updated",
    "accepted",
    "done",
    "complete",
    "completed",
    "stored",
    "saved",
    "inserted",
    "indexed",
];
/// The names of a status, without case and separators.
const STATUS: [&str; 5] = ["status", "statuscode", "httpstatus", "httpstatuscode", "code"];
/// Members below which the result of an item may stand, although it has others.
const INSIDE: [&str; 2] = ["response", "result"];

/// The documents of the request, for what an answer repeats of them. They are parsed when first asked for.
pub(crate) struct SentDocuments<'a> {
    batch: &'a Batch,
    parsed: OnceCell<Vec<Map<String, Value>>>,
}

impl SentDocuments<'_> {
    /// The documents of a batch.
    pub(crate) fn of(batch: &Batch) -> SentDocuments<'_> {
        SentDocuments { batch, parsed: OnceCell::new() }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.batch.documents()
    }

    fn all(&self) -> &[Map<String, Value>] {
        self.parsed.get_or_init(|| {
            let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
            self.batch.each_document().map(parse).collect()
        })
    }

    /// Whether a document has a member of this name.
    pub(crate) fn have(&self, name: &str) -> bool {
        self.all().iter().any(|document| document.contains_key(name))
    }

    /// Whether an object repeats at least half of the members of a document, but for this one.
    pub(crate) fn resemble(&self, object: &Map<String, Value>, but: &str) -> bool {
        let Some(document) = self.all().first() else { return false };
        let others = document.keys().filter(|name| *name != but);
        let shared = others.clone().filter(|name| object.contains_key(*name)).count();
        shared > 0 && 2 * shared >= others.count()
    }

    /// Whether a member of an object is only repeated from a document.
    fn echo(&self, object: &Map<String, Value>, name: &str, value: &Value) -> bool {
        let mut own = self.all().iter().filter_map(|document| document.get(name)).peekable();
        if own.peek().is_none() {
            return false;
        }
        let mut is_alike = false;
        for sent in own {
            if is_same(sent, value) {
                return true;
            }
            is_alike |= std::mem::discriminant(sent) == std::mem::discriminant(value);
        }
        is_alike && self.resemble(object, name)
    }
}

/// Whether two values are the same but for the case of a text, or a number that is written as one.
fn is_same(sent: &Value, value: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    sent == value || text(sent).is_some_and(|sent| text(value) == Some(sent))
}

/// A name or a word without case and separators.
pub(crate) fn normalize(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What an object tells: its members, those of its only member, and those of its `response` or `result`.
pub(crate) fn read_told(object: &Map<String, Value>, sent: &SentDocuments<'_>) -> Told {
    let inside = object.iter().filter(|(name, _)| object.len() == 1 || INSIDE.contains(&normalize(name).as_str()));
    let inside = inside.filter_map(|(_, value)| value.as_object());
    std::iter::once(object).chain(inside).fold(Told::Nothing, |told, object| {
        object.iter().fold(told, |told, (name, value)| match read_member(object, name, value) {
            found if found == Told::Nothing || sent.echo(object, name, value) => told,
            found => told.and(found),
        })
    })
}

/// How many failures an object counts, if it does.
pub(crate) fn count_of_failures(object: &Map<String, Value>, sent: &SentDocuments<'_>) -> Option<u64> {
    let counts = object.iter().filter(|(name, value)| is_count(&normalize(name)) && !sent.echo(object, name, value));
    counts.filter_map(|(_, value)| value.as_u64()).max()
}

/// Whether a list under this name holds what was not accepted.
pub(crate) fn is_failing_list(name: &str) -> bool {
    let name = normalize(name);
    let is_excused = ["no", "without", "ignore", "allow", "max"].iter().any(|prefix| name.starts_with(prefix));
    let begins = ["unprocessed", "failed", "rejected"].iter().any(|prefix| name.starts_with(prefix));
    let ends = ["errors", "failures", "rejections", "rejects"].iter().any(|suffix| name.ends_with(suffix));
    !is_excused && (begins || ends || name == "notaccepted")
}

fn is_count(name: &str) -> bool {
    let fails = ["fail", "error", "reject", "unprocessed"].iter().any(|root| name.contains(root));
    fails && (name.contains("count") || name.starts_with("num") || name.starts_with("total") || name.ends_with("total"))
}

fn read_member(object: &Map<String, Value>, name: &str, value: &Value) -> Told {
    let plain = normalize(name);
    let bad = |is_bad: bool| if is_bad { Told::Bad(None) } else { Told::Nothing };
    match plain.as_str() {
        "success" | "issuccess" | "successful" | "ok" | "succeeded" | "acknowledged" => match truth(value) {
            Some(true) => Told::Good(None),
            Some(false) => Told::Bad(None),
            None => Told::Nothing,
        },
        "error" | "fault" | "exception" | "errorcode" | "errormessage" | "errortype" => {
            if is_present(value) {
                Told::Bad(status_of_error(value))
            } else {
                Told::Nothing
            }
        }
        "result" | "outcome" => value.as_str().map_or(Told::Nothing, |text| bad(is_bad_word(text))),
        name if STATUS.contains(&name) => read_status(object, name, value),
        name if is_count(name) => bad(number(value).is_some_and(|count| count > 0)),
        name if is_failing_list(name) => bad(is_present(value)),
        _ => Told::Nothing,
    }
}

/// A truth value, also as 0, 1 or a text.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) if number.as_u64() == Some(0) => Some(false),
        Value::Number(number) if number.as_u64() == Some(1) => Some(true),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value says that there is something: neither null, false, 0 nor empty.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(normalize(text).as_str(), "" | "0" | "none" | "null" | "false" | "ok"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The status that an error writes or means.
fn status_of_error(value: &Value) -> Option<u16> {
    let is_temporary = |text: &str| {
        let text = normalize(text);
        TEMPORARY_WORDS.iter().any(|word| text.contains(word))
    };
    match value {
        Value::String(text) => leading_status(text).or_else(|| is_temporary(text).then_some(TEMPORARY)),
        Value::Object(members) => {
            let status = |(name, value): (&String, &Value)| match read_status(members, &normalize(name), value) {
                Told::Bad(status) if STATUS.contains(&normalize(name).as_str()) => status,
                _ => None,
            };
            let texts = members.iter().filter(|(name, _)| ["code", "type", "status"].contains(&name.as_str()));
            let temporary = || texts.clone().filter_map(|(_, text)| text.as_str()).any(is_temporary);
            members.iter().find_map(status).or_else(|| temporary().then_some(TEMPORARY))
        }
        _ => None,
    }
}

/// What a status tells, under this name.
pub(crate) fn read_status(object: &Map<String, Value>, name: &str, value: &Value) -> Told {
    let by_number = |status: u16| match status {
        100..=399 => Told::Good(Some(status)),
        400..=599 => Told::Bad(Some(status)),
        _ => Told::Nothing,
    };
    match value {
        Value::Bool(true) => Told::Good(None),
        Value::Bool(false) => Told::Bad(None),
        Value::Number(number) => match number.as_u64() {
            Some(status @ 0..600) => by_number(u16::try_from(status).unwrap_or(0)),
            // What an API numbers otherwise may be a code of its own, or that of a thing it made.
            Some(_) if name != "code" || has_message(object) => Told::Bad(None),
            _ => Told::Nothing,
        },
        Value::String(text) => match leading_status(text) {
            Some(status) => by_number(status),
            None if is_bad_word(text) => Told::Bad(status_of_error(value)),
            None if GOOD_WORDS.contains(&normalize(text).as_str()) => Told::Good(None),
            None => Told::Nothing,
        },
        _ => Told::Nothing,
    }
}

fn has_message(object: &Map<String, Value>) -> bool {
    object
        .keys()
        .any(|name| matches!(normalize(name).as_str(), "message" | "msg" | "errmsg" | "detail" | "description"))
}

/// The status at the beginning of a text, as in `422 Unprocessable` or `HTTP/1.1 201 Created`.
fn leading_status(text: &str) -> Option<u16> {
    let text = text.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1)).unwrap_or(text).trim_start();
    let digits = text.split(|c: char| !c.is_alphanumeric()).next().filter(|digits| digits.len() == 3)?;
    digits.parse().ok().filter(|status| (100..600).contains(status))
}

/// Whether a text is a word of failure, or a few words with one of them, and does not deny it.
fn is_bad_word(text: &str) -> bool {
    if text.chars().count() > 60 {
        return false;
    }
    let words = split_words(text);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_denied = has(&["no", "without", "zero", "0"]);
    (has(&BAD_WORDS) && !is_denied) || (has(&["not", "un"]) && !has(&BAD_WORDS))
}

/// The words of a text in lower case: at separators, and where a capital letter follows a small one.
fn split_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut was_small) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        if !c.is_alphanumeric() || (was_small && c.is_uppercase()) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SentDocuments, Told, read_told};
    use crate::deliver::batch::test_batch;

    fn told(object: &Value, documents: &[Value]) -> Told {
        let batch = test_batch(documents);
        read_told(object.as_object().unwrap(), &SentDocuments::of(&batch))
    }

    #[test]
    fn members_tell_of_success_and_failure() {
        let (nothing, good, bad) = (Told::Nothing, Told::Good(None), Told::Bad(None));
        let table = [
            (json!({"accepted": 3, "message": "thanks"}), nothing),
            (json!({"success": true}), good),
            (json!({"Success": false}), bad),
            (json!({"is_success": "false"}), bad),
            (json!({"ok": 0}), bad),
            (json!({"ok": 1}), good),
            (json!({"acknowledged": false}), bad),
            (json!({"error": null, "errors": [], "fault": ""}), nothing),
            (json!({"error": 0}), nothing),
            (json!({"error": false}), nothing),
            (json!({"error": "conflict"}), bad),
            (json!({"error": {"code": 500, "message": "x"}}), Told::Bad(Some(500))),
            (json!({"error": {"code": -32000}}), bad),
            (json!({"ErrorCode": "ProvisionedThroughputExceededException"}), Told::Bad(Some(503))),
            (json!({"errorMessage": "x"}), bad),
            (json!({"insertErrors": [{"index": 1}]}), bad),
            (json!({"user-errors": [1]}), bad),
            (json!({"hasErrors": true}), bad),
            (json!({"hasErrors": false, "noErrors": true}), nothing),
            (json!({"UnprocessedItems": {"t": [{}]}}), bad),
            (json!({"UnprocessedItems": {}}), nothing),
            (json!({"failed": 2}), bad),
            (json!({"failed": 0, "failures": 0}), nothing),
            (json!({"FailedRecordCount": 2}), bad),
            (json!({"failed_put_count": "1"}), bad),
            (json!({"errorCount": 0, "numErrors": 0}), nothing),
            (json!({"status": 201}), Told::Good(Some(201))),
            (json!({"status": "422 Unprocessable"}), Told::Bad(Some(422))),
            (json!({"status": "HTTP/1.1 503 Service Unavailable"}), Told::Bad(Some(503))),
            (json!({"statusCode": 500, "body": "{}"}), Told::Bad(Some(500))),
            (json!({"code": 1234}), nothing),
            (json!({"code": 1234, "message": "no such table"}), bad),
            (json!({"code": "9921-X"}), nothing),
            (json!({"status": "created"}), good),
            (json!({"status": "REJECTED"}), bad),
            (json!({"status": "completedWithErrors"}), bad),
            (json!({"status": "completed without errors"}), nothing),
            (json!({"status": "not_accepted"}), bad),
            (json!({"status": false, "errorMessage": null}), bad),
            (json!({"response": {"status": "error"}}), bad),
            (json!({"fullUrl": "x", "response": {"status": "422 x"}}), Told::Bad(Some(422))),
            (json!({"meta": {"a": 1}, "data": {"status": "error"}}), nothing),
        ];
        for (object, expected) in table {
            assert_eq!(told(&object, &[json!({"id": "1"})]), expected, "{object}");
        }
    }

    #[test]
    fn what_the_documents_have_themselves_is_an_echo() {
        let orders = [
            json!({"id": "1", "name": "a", "status": "failed", "code": 404, "error": "late"}),
            json!({"id": "2", "name": "b", "status": "open", "code": 7}),
        ];
        let echoes = [
            json!({"id": "1", "status": "failed"}),
            json!({"id": "1", "status": "FAILED", "code": "404"}),
            json!({"id": "2", "name": "b", "status": "rejected", "created_at": "x"}),
            json!({"id": "1", "error": "late"}),
            json!({"data": {"id": "1", "status": "failed"}}),
        ];
        for object in echoes {
            assert!(!told(&object, &orders).is_bad(), "{object}");
        }
        let results = [
            json!({"status": "rejected"}),
            json!({"id": "1", "status": 422}),
            json!({"id": "1", "name": "a", "status": 422}),
            json!({"id": "1", "error": "conflict"}),
            json!({"id": "1", "name": "a", "status": "failed", "errors": ["x"]}),
        ];
        for object in results {
            assert!(told(&object, &orders).is_bad(), "{object}");
        }
    }
}
