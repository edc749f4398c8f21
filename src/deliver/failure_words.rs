//! One JSON object of an answer -> whether it tells of success, of failure, or of neither.
//!
//! Pure. Only the names of members and the kinds of their values count, as APIs write them: `success`, `error`,
//! `FailedRecordCount`, `status`. A member that is only repeated from the document that the object stands for tells nothing.

use std::{cell::OnceCell, collections::BTreeSet, mem::discriminant};

use serde_json::{Map, Value};

use crate::deliver::{
    answer_names::{
        Meaning, counts_failures, holds_result, is_bad_word, is_failure_message, is_good_word, is_severe,
        may_hold_results, names_failed_part, names_links, names_other_success, names_outcome, names_success, normalize,
        read_name,
    },
    answer_values::{is_present, leading_status, read_number, read_truth, read_whole},
    batch::Batch,
    success_body::cut,
};

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
    pub(crate) fn and(self, other: Told) -> Told {
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
/// The numbers of statuses that are in use, beside the successes.
const BAD_STATUSES: [u16; 46] = [
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
    425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 520, 522, 524, 529,
];
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

    /// The documents, in their order.
    pub(crate) fn all(&self) -> &[Map<String, Value>] {
        self.parsed.get_or_init(|| {
            let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
            self.batch.each_document().map(parse).collect()
        })
    }

    /// Whether a document has a member of this name.
    pub(crate) fn have(&self, name: &str) -> bool {
        self.all().iter().any(|document| document.contains_key(name))
    }

    /// Whether one of these values was sent under this name, so that all of them may be repeated from the documents.
    pub(crate) fn may_be_repeated<'v>(&self, name: &str, mut values: impl Iterator<Item = &'v Value>) -> bool {
        let show = |value: &Value| value.to_string().to_lowercase();
        let sent: BTreeSet<String> = self.all().iter().filter_map(|document| document.get(name)).map(show).collect();
        !sent.is_empty() && values.any(|value| sent.contains(&show(value)))
    }

    /// The only one, for an object that stands for the whole request; none where there are several.
    pub(crate) fn only(&self) -> SentDocument<'_> {
        self.at((self.count() == 1).then_some(0))
    }

    /// The one at this place of the request; none where an object cannot be assigned to one.
    pub(crate) fn at(&self, place: Option<usize>) -> SentDocument<'_> {
        SentDocument { sent: self, place }
    }
}

/// The document that an object of an answer stands for, if there is one.
#[derive(Clone, Copy)]
pub(crate) struct SentDocument<'a> {
    sent: &'a SentDocuments<'a>,
    place: Option<usize>,
}

impl<'a> SentDocument<'a> {
    /// What was sent, if it is known which document it is.
    fn members(self) -> Option<&'a Map<String, Value>> {
        self.place.and_then(|place| self.sent.all().get(place))
    }

    /// Whether a text or a number is one of its values.
    pub(crate) fn is_named_by(self, cell: &Value) -> bool {
        !cell.is_boolean() && !cell.is_null() && self.holds(cell)
    }

    /// Whether a member of it has this value.
    fn holds(self, value: &Value) -> bool {
        self.members().is_some_and(|document| document.values().any(|sent| is_same(sent, value)))
    }

    /// Whether a list is nothing but values of it: at least two, and where truth values are among them, which any document
    /// has, most of it.
    pub(crate) fn is_repeated_by(self, cells: &[Value]) -> bool {
        let telling = cells.iter().filter(|cell| !cell.is_boolean()).count();
        let members = self.members().map_or(0, Map::len);
        let least = if telling == cells.len() { 2 } else { members.div_ceil(2).max(2) };
        telling >= least && cells.iter().all(|cell| self.holds(cell))
    }

    /// Whether an object has a member of it, with its value.
    fn is_shown_by(self, object: &Map<String, Value>) -> bool {
        let is_shown = |(name, sent): (&String, &Value)| object.get(name).is_some_and(|value| is_same(sent, value));
        self.members().is_some_and(|document| document.iter().any(is_shown))
    }

    /// What an object repeats of it.
    pub(crate) fn compare(self, object: &'a Map<String, Value>) -> Repetition<'a> {
        Repetition { document: self, object, repeated: OnceCell::new() }
    }
}

/// An object of an answer beside the document that it may repeat. They are compared when first asked for.
pub(crate) struct Repetition<'a> {
    document: SentDocument<'a>,
    object: &'a Map<String, Value>,
    /// How many members of the document it has with their values.
    repeated: OnceCell<usize>,
}

impl Repetition<'_> {
    /// Whether a member is only repeated from the document: with its very value and another member, or with another value
    /// where most of the document is repeated.
    pub(crate) fn has(&self, name: &str, value: &Value) -> bool {
        let Some((document, sent)) = self.document.members().and_then(|document| Some((document, document.get(name)?)))
        else {
            return false;
        };
        let is_repeated = |(name, sent): (&String, &Value)| self.object.get(name).is_some_and(|v| is_same(sent, v));
        let repeated = *self.repeated.get_or_init(|| document.iter().filter(|member| is_repeated(*member)).count());
        let others = repeated - usize::from(is_same(sent, value));
        let most = document.len().saturating_sub(1).div_ceil(2).max(2);
        if is_exact(sent, value) { others >= 1 } else { discriminant(sent) == discriminant(value) && others >= most }
    }
}

/// Whether a value is the one that was sent. A number may be written as a text, and an API may add members inside.
fn is_exact(sent: &Value, value: &Value) -> bool {
    match (sent, value) {
        (Value::String(sent), Value::String(value)) => cut(sent) == cut(value),
        _ => is_same(sent, value),
    }
}

/// The same, but for the case of a text, and for a number that is written in another way or as a text.
fn is_same(sent: &Value, value: &Value) -> bool {
    match (sent, value) {
        (Value::String(sent), Value::String(value)) => cut(sent).to_lowercase() == cut(value).to_lowercase(),
        (Value::Number(_), Value::String(_)) | (Value::String(_) | Value::Number(_), Value::Number(_)) => {
            read_number(sent) == read_number(value)
        }
        (Value::Array(sent), Value::Array(value)) => {
            sent.len() == value.len() && sent.iter().zip(value).all(|(sent, value)| is_same(sent, value))
        }
        (Value::Object(sent), Value::Object(value)) => {
            sent.iter().all(|(name, sent)| value.get(name).is_some_and(|value| is_same(sent, value)))
        }
        _ => sent == value,
    }
}

/// What an object tells: its members, those of its only member, and those of its `response`, `result`, `status` or `outcome`.
pub(crate) fn read_told(object: &Map<String, Value>, document: SentDocument<'_>) -> Told {
    let told = results_in(object).fold(Told::Nothing, |told, object| {
        let repetition = document.compare(object);
        object.iter().fold(told, |told, (name, value)| match read_member(object, name, value) {
            found if found == Told::Nothing || repetition.has(name, value) => told,
            found => told.and(found),
        })
    });
    let is_failed_call = object.get("status").and_then(Value::as_object).is_some_and(is_failed_call);
    if is_failed_call { told.and(Told::Bad(None)) } else { told }
}

/// An object, and those in it that say how it went.
fn results_in(object: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let inside = object.iter().filter(|(name, _)| object.len() == 1 && !names_links(name) || holds_result(name));
    std::iter::once(object).chain(inside.filter_map(|(_, value)| value.as_object()))
}

/// Whether a status is one of gRPC that tells of failure: a number from 2 to 16, and what it means.
fn is_failed_call(status: &Map<String, Value>) -> bool {
    let code = status.get("code").and_then(read_whole);
    code.is_some_and(|code| (2..=16).contains(&code)) && status.get("message").is_some_and(is_present)
}

/// How many failures an object counts, if it does.
pub(crate) fn count_of_failures(object: &Map<String, Value>, document: SentDocument<'_>) -> Option<u64> {
    let repetition = document.compare(object);
    let counts = object.iter().filter(|(name, value)| counts_failures(name) && !repetition.has(name, value));
    counts.filter_map(|(_, value)| u64::try_from(read_whole(value)?).ok()).max()
}

/// Whether an object says how it went, whatever that is.
pub(crate) fn has_result(object: &Map<String, Value>) -> bool {
    let says = |(name, value): (&String, &Value)| !value.is_null() && names_outcome(name);
    results_in(object).any(|object| object.iter().any(says))
}

fn read_member(object: &Map<String, Value>, name: &str, value: &Value) -> Told {
    let bad = |is_bad: bool| if is_bad { Told::Bad(None) } else { Told::Nothing };
    match read_name(name) {
        Meaning::Message => bad(value.as_str().is_some_and(is_failure_message)),
        Meaning::Success if is_empty_list(value) => bad(counts_accepted(name) && !counts_others(object, name)),
        Meaning::Success => match read_truth(value) {
            // Nothing of it is accepted; unless it was there before, and is counted elsewhere.
            Some(false) if is_zero(value) && counts_others(object, name) => Told::Nothing,
            Some(false) => Told::Bad(None),
            Some(true) => Told::Good(None),
            None => Told::Nothing,
        },
        Meaning::SuccessPart => bad(read_truth(value) == Some(false)),
        Meaning::AcceptedCount => bad(is_zero(value) && !counts_others(object, name)),
        Meaning::Failure if is_present(value) => Told::Bad(status_of_error(value)),
        Meaning::Status | Meaning::State if value.is_array() => bad(holds_failure(value)),
        Meaning::Denial => bad(*value == Value::Bool(false) || read_whole(value).is_some_and(|count| count > 1)),
        Meaning::Status | Meaning::Code => read_status(object, name, value),
        Meaning::State => bad(*value == Value::Bool(false) || value.as_str().is_some_and(is_bad_word)),
        Meaning::Severity => bad(value.as_str().is_some_and(|text| {
            // SAP writes `E` for an error and `A` for the end of everything.
            is_severe(text) || (matches!(text, "E" | "A") && has_message(object))
        })),
        Meaning::Nothing if names_failed_part(name) => bad(is_amount(value) && counts_good(object, name)),
        Meaning::Failure | Meaning::Nothing => Told::Nothing,
    }
}

/// Whether a list of statuses or words holds one of failure.
fn holds_failure(list: &Value) -> bool {
    let is_one =
        |value: &Value| !value.is_array() && !value.is_object() && read_status(&Map::new(), "status", value).is_bad();
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    let numbers: Vec<&Value> = items.iter().filter(|item| item.is_number()).collect();
    are_statuses(&numbers) && items.iter().any(is_one)
}

/// Whether a value says how many there are, or which, and that there are some.
fn is_amount(value: &Value) -> bool {
    let is_number = read_whole(value).is_some();
    (is_number || value.is_array() || value.is_object()) && is_present(value)
}

/// Whether an object says beside this member how many went well, or which.
fn counts_good(object: &Map<String, Value>, name: &str) -> bool {
    let is_count = |value: &Value| read_whole(value).is_some() || value.is_array() || value.is_object();
    object.iter().any(|(other, value)| other != name && is_count(value) && names_success(other))
}

fn is_zero(value: &Value) -> bool {
    read_whole(value) == Some(0)
}

fn counts_accepted(name: &str) -> bool {
    let plain = normalize(name);
    ["accepted", "processed", "acknowledged"].iter().any(|word| plain.contains(word))
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// Whether what was not accepted or processed is counted beside this member, as in another way a success.
fn counts_others(object: &Map<String, Value>, name: &str) -> bool {
    let plain = normalize(name);
    let is_other = |other: &String| {
        names_other_success(other) || (plain.contains("processed") && normalize(other).contains("accepted"))
    };
    counts_accepted(name) && object.iter().any(|(other, value)| other != name && is_other(other) && is_amount(value))
}

/// What an object tells that lies somewhere in an answer: only failure, and nothing that a thing may have as its own state.
pub(crate) fn read_inside(object: &Map<String, Value>, document: SentDocument<'_>) -> Told {
    let repetition = document.compare(object);
    object.iter().fold(Told::Nothing, |told, (name, value)| {
        let found = match read_name(name) {
            Meaning::Code | Meaning::State | Meaning::Severity | Meaning::Message => return told,
            Meaning::Status if value.as_str().is_some_and(|text| leading_status(text).is_none()) => return told,
            _ => read_member(object, name, value),
        };
        if found.is_bad() && !repetition.has(name, value) { told.and(found) } else { told }
    })
}

/// The same, for all objects below an item of a list, to a depth.
pub(crate) fn read_nested(object: &Map<String, Value>, document: SentDocument<'_>, depth: usize) -> Told {
    let repetition = document.compare(object);
    let members =
        object.iter().filter(|(name, value)| depth > 0 && may_hold_results(name) && !repetition.has(name, value));
    members.flat_map(|(_, value)| find_objects(value)).fold(Told::Nothing, |told, object| {
        told.and(read_inside(object, document)).and(read_nested(object, document, depth - 1))
    })
}

/// A value that is an object, or the objects in a list, and in the lists in it.
fn find_objects(value: &Value) -> Vec<&Map<String, Value>> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => found.push(object),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// The number under the name `code` of an object, or of its only member.
pub(crate) fn read_code(object: &Map<String, Value>) -> Option<i64> {
    let code = |object: &Map<String, Value>| {
        object.iter().find_map(|(name, value)| read_whole(value).filter(|_| read_name(name) == Meaning::Code))
    };
    results_in(object).find_map(code)
}

/// Whether the `code` of an object is only repeated from its document.
pub(crate) fn is_code_repeated(object: &Map<String, Value>, document: SentDocument<'_>) -> bool {
    let repetition = document.compare(object);
    object.iter().any(|(name, value)| read_name(name) == Meaning::Code && repetition.has(name, value))
}

/// What a body tells with a `code` of 600 or more: failure, unless it may be that of a thing that the body shows, or a word
/// says that it went well.
pub(crate) fn read_own_code(body: &Map<String, Value>, document: SentDocument<'_>) -> Told {
    let inside = body.iter().filter(|(name, _)| holds_result(name)).filter_map(|(_, value)| value.as_object());
    let is_failure = |object: &Map<String, Value>| {
        let is_code = |(name, value): (&String, &Value)| {
            read_name(name) == Meaning::Code && read_whole(value).is_some_and(|code| code >= 600)
        };
        let is_thing = document.is_shown_by(object)
            || object.values().any(|value| (value.is_object() || value.is_array()) && is_present(value));
        object.iter().any(is_code) && !is_thing && !says_success(object)
    };
    if std::iter::once(body).chain(inside).any(is_failure) { Told::Bad(None) } else { Told::Nothing }
}

/// Whether an object says with a word or a truth value that it went well.
fn says_success(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| match read_name(name) {
        Meaning::Success => read_truth(value) == Some(true),
        Meaning::Status | Meaning::State | Meaning::Message => value.as_str().is_some_and(is_good_word),
        _ => is_message(name) && value.as_str().is_some_and(is_good_word),
    })
}

/// What a list tells that holds nothing but statuses, truth values or words, one for each document, and one of failure.
///
/// Numbers may be those of things that were made. They are statuses if all are in use, and one is a success or stands twice.
pub(crate) fn read_bare_list<'a>(items: &[&Value], document: impl Fn(usize) -> SentDocument<'a>) -> Option<Vec<Told>> {
    let bare: Vec<&Value> =
        items.iter().map(|item| item.as_array().filter(|one| one.len() == 1).map_or(*item, |one| &one[0])).collect();
    let told: Vec<Told> = bare.iter().map(|value| read_status(&Map::new(), "status", value)).collect();
    let numbers: Vec<&Value> = bare.iter().copied().filter(|value| value.is_number()).collect();
    let is_echo = is_column_of(&bare, document);
    let is_result =
        told.iter().any(|told| told.is_bad()) && !told.contains(&Told::Nothing) && are_statuses(&numbers) && !is_echo;
    is_result.then_some(told)
}

/// Whether numbers are statuses, not those of things that were made: all are in use, and one is a success or stands twice.
pub(crate) fn are_statuses(numbers: &[&Value]) -> bool {
    let numbers: Vec<Option<i64>> = numbers.iter().map(|number| read_whole(number)).collect();
    let is_in_use = |number: &Option<i64>| {
        number.is_some_and(|number| {
            (200..=208).contains(&number) || BAD_STATUSES.iter().any(|status| i64::from(*status) == number)
        })
    };
    let is_typical =
        |number: &Option<i64>| *number < Some(300) || numbers.iter().filter(|other| *other == number).count() > 1;
    numbers.iter().all(is_in_use) && (numbers.len() < 2 || numbers.iter().any(is_typical))
}

/// Whether values are those of one member of the documents. Truth values may be so by chance, and so may a single value.
pub(crate) fn is_column_of<'a>(values: &[&Value], document: impl Fn(usize) -> SentDocument<'a>) -> bool {
    let is_one = |name: &String| {
        values.iter().enumerate().all(|(place, value)| {
            let sent = document(place).members().and_then(|document| document.get(name));
            sent.is_some_and(|sent| is_same(sent, value))
        })
    };
    let first = document(0).members().filter(|_| values.len() > 1 && !values.iter().any(|value| value.is_boolean()));
    first.is_some_and(|first| first.keys().any(is_one))
}

/// What a body tells that is a single value, for so many documents: a number may be theirs.
pub(crate) fn read_bare_status(value: &Value, documents: u64) -> Told {
    match read_whole(value).filter(|_| value.is_number()) {
        Some(number)
            if u64::try_from(number) == Ok(documents)
                || number >= 0 && !BAD_STATUSES.iter().any(|status| i64::from(*status) == number) =>
        {
            Told::Nothing
        }
        _ => read_status(&Map::new(), "status", value),
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
            let status = |(name, value): (&String, &Value)| match read_name(name) {
                Meaning::Status | Meaning::Code => match read_status(members, name, value) {
                    Told::Bad(status) => status,
                    _ => None,
                },
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
    match (value, read_whole(value)) {
        (Value::Bool(true), _) => Told::Good(None),
        (Value::Bool(false), _) => Told::Bad(None),
        (_, Some(number)) => match u16::try_from(number) {
            Ok(status @ 100..=399) => Told::Good(Some(status)),
            Ok(status @ 400..=599) => Told::Bad(Some(status)),
            Ok(0..100) => Told::Nothing,
            // What an API numbers otherwise may be a code of its own, or that of a thing it made.
            _ if number < 0 || read_name(name) != Meaning::Code || is_failure_code(object, name) => Told::Bad(None),
            _ => Told::Nothing,
        },
        (Value::String(text), None) => match leading_status(text) {
            Some(status @ ..400) => Told::Good(Some(status)),
            Some(status) => Told::Bad(Some(status)),
            None if is_bad_word(text) || text.eq_ignore_ascii_case("false") => Told::Bad(status_of_error(value)),
            None if is_good_word(text) => Told::Good(None),
            None => Told::Nothing,
        },
        _ => Told::Nothing,
    }
}

/// Whether a code of 600 or more is one of failure: that of a result, or one beside a message, unless it is said that it went
/// well.
fn is_failure_code(object: &Map<String, Value>, name: &str) -> bool {
    if normalize(name) == "code" {
        let says_well = |(name, value): (&String, &Value)| is_message(name) && value.as_str().is_some_and(is_good_word);
        return has_message(object) && !object.iter().any(says_well);
    }
    !says_success(object)
}

fn has_message(object: &Map<String, Value>) -> bool {
    object.keys().any(|name| is_message(name))
}

/// Whether a name is that of a text about how it went.
fn is_message(name: &str) -> bool {
    let plain = normalize(name);
    let plain = ["result", "return", "response"].iter().find_map(|word| plain.strip_prefix(word)).unwrap_or(&plain);
    matches!(plain, "message" | "msg" | "errmsg" | "detail" | "description")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SentDocuments, Told, read_told};
    use crate::deliver::batch::test_batch;

    fn told(object: &Value, documents: &[Value]) -> Told {
        let batch = test_batch(documents);
        read_told(object.as_object().unwrap(), SentDocuments::of(&batch).only())
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
            (json!({"code": -1}), bad),
            (json!({"resultCode": "-1", "took": 3}), bad),
            (json!({"returnCode": 600}), bad),
            (json!({"resultCode": 1000, "resultMsg": "Success"}), nothing),
            (json!({"code": "10000", "msg": "Success"}), nothing),
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

    /// What an object tells that stands for this document.
    fn told_of(object: &Value, document: &Value) -> Told {
        told(object, std::slice::from_ref(document))
    }

    #[test]
    fn what_an_object_repeats_of_its_document_is_an_echo() {
        let late = json!({"id": "1", "name": "a", "status": "failed", "code": 404, "error": "late"});
        let open = json!({"id": "2", "name": "b", "status": "open", "code": 7});
        let short = json!({"id": "3", "status": "open"});
        let echoes = [
            (json!({"id": "1", "status": "failed"}), &late),
            (json!({"id": 1, "status": "failed"}), &late),
            (json!({"id": "1", "status": "FAILED", "code": "404"}), &late),
            (json!({"id": "2", "name": "b", "status": "rejected", "created_at": "x"}), &open),
            (json!({"id": "1", "error": "late"}), &late),
            (json!({"data": {"id": "1", "status": "failed"}}), &late),
            (late.clone(), &late),
        ];
        for (object, document) in echoes {
            assert!(!told_of(&object, document).is_bad(), "{object}");
        }
        let results = [
            (json!({"status": "rejected"}), &late),
            (json!({"status": "failed"}), &late),
            (json!({"status": "failed", "message": "read-only"}), &late),
            (json!({"id": "9", "status": "failed"}), &late),
            (json!({"id": "1", "status": 422}), &late),
            (json!({"id": "1", "name": "a", "status": 422}), &late),
            (json!({"id": "1", "error": "conflict"}), &late),
            (json!({"id": "1", "name": "a", "status": "failed", "errors": ["x"]}), &late),
            (json!({"id": "2", "status": "rejected"}), &open),
            (json!({"id": "2", "name": "c", "status": "rejected"}), &open),
            (json!({"id": "2", "status": "422 Unprocessable", "message": "x"}), &open),
            (json!({"id": "3", "status": "rejected"}), &short),
        ];
        for (object, document) in &results {
            assert!(told_of(object, document).is_bad(), "{object}");
        }
        // Of several documents none is the one that a single object stands for.
        let batch = [late.clone(), open];
        for object in [json!({"id": "1", "status": "failed"}), json!({"status": "failed", "message": "x"}), late] {
            assert!(told(&object, &batch).is_bad(), "{object}");
        }
    }

    #[test]
    fn long_texts_and_nested_members_are_repeated_as_far_as_they_are_kept() {
        let long = "x".repeat(999);
        let document =
            json!({"error": long, "note": long.to_uppercase(), "lines": [{"sku": 1.50}], "failed": [{"a": 1}]});
        let kept = &long[..256];
        assert!(!told_of(&json!({"error": kept, "note": kept}), &document).is_bad());
        assert!(told_of(&json!({"error": kept, "note": "y"}), &document).is_bad());
        assert!(
            !told_of(&json!({"lines": [{"sku": "1.5", "id": 7}], "failed": [{"a": 1, "id": 8}]}), &document).is_bad()
        );
        assert!(told_of(&json!({"lines": [{"sku": 2}], "failed": [{"a": 1}]}), &document).is_bad());
    }
}
