//! The JSON of a success -> what became of the batch, or of each of its documents.
//!
//! Pure. A list as long as the batch in which an item tells of failure, or in which each has a status, is a result for each
//! document, and so is an object whose keys stand for them: `item_order` says which is about which. Without such a list, a
//! body that tells of failure anywhere acknowledges nothing. Where the profile says what counts, nothing is guessed.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::discriminant,
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    config::profile::destination::{AcceptRule, AnswerRules, ResultsRule},
    deliver::{
        answer_names::{is_bad_word, is_good_word, may_hold_results, names_outcome, names_results},
        answer_values::{is_sure_success, read_index, read_number},
        failure_words::{
            SentDocuments, Told, count_of_failures, has_result, read_bare_status, read_inside, read_own_code,
            read_status, read_told,
        },
        inner_json::unfold,
        item_order::ItemOrder,
        problem_details::ProblemDetails,
        result_rows::{ResultList, find_in_list, find_in_object, find_inner_lists, read_groups, read_words},
        verdict::{ItemResult, Verdict, is_in_progress},
    },
    diagnostic::Code,
};

/// How deep a body is searched for results, and for what tells of failure.
const MAX_DEPTH: usize = 4;
/// What is wrong with a list whose items cannot be assigned to documents.
const NOT_EACH_ONCE: &str = "results that do not name each document once";
/// What is wrong with a list of which some items say that it went well, and others nothing.
const UNREADABLE: &str = "a result for each document that cannot be read";

/// Reads the JSON of a success.
///
/// # Errors
/// What is wrong with its list of results: then its items cannot be assigned to documents, and no batch is acknowledged.
pub(crate) fn read_body(
    status: u16,
    body: &Value,
    sent: &SentDocuments<'_>,
    rules: &AnswerRules,
    wait: Option<Duration>,
) -> Result<Verdict, String> {
    let failed = |told| Ok(failure(status, told, body, wait));
    if let Some(AcceptRule { pointer, equals }) = &rules.accept
        && !body.pointer(pointer).is_some_and(|found| is_equal(found, equals))
    {
        return failed(Told::Bad(None));
    }
    if let Some(rule) = &rules.results {
        return read_by_rule(rule, body, sent, wait);
    }
    if rules.accept.is_some() {
        return Ok(Verdict::Accepted);
    }
    read_unruled(status, &unfold(body, sent), sent, wait)
}

/// The same where the profile says nothing of bodies.
fn read_unruled(
    status: u16,
    body: &Value,
    sent: &SentDocuments<'_>,
    wait: Option<Duration>,
) -> Result<Verdict, String> {
    let failed = |told| Ok(failure(status, told, body, wait));
    let top = match body {
        Value::Object(object) => read_told(object, sent.only()).and(read_own_code(object, sent.only())),
        Value::Array(_) => Told::Nothing,
        scalar => read_bare_status(scalar, sent.count()),
    };
    let Found { lists, mut elsewhere } = find_results(body, sent);
    for list in lists {
        let is_whole = list.items.len() as u64 == sent.count();
        let (order, told) = read_list(&list, sent, is_whole);
        let bad = told.iter().filter(|told| told.is_bad()).count() as u64;
        let has_statuses =
            !told.is_empty() && told.iter().all(|told| has_status(*told) || (status == 207 && *told != Told::Nothing));
        match is_whole {
            true if is_unclear(&list.items, &told) || is_unsure(&list.items, &told, sent) => {
                return Err(UNREADABLE.into());
            }
            true if bad > 0 || has_statuses => {
                let counted = body.as_object().and_then(|object| count_of_failures(object, sent.only()));
                if counted.is_some_and(|counted| counted != bad) {
                    return Err("results that do not fit its own count of failures".into());
                }
                if top.is_bad() && bad == 0 {
                    return failed(top);
                }
                let verdicts = assign(&list.items, &told, &order, wait)?;
                // As many problems of some documents as there are documents.
                return match points_elsewhere(&verdicts, sent) {
                    true if bad == sent.count() => failed(Told::Bad(None)),
                    true => Err(NOT_EACH_ONCE.into()),
                    false => Ok(Verdict::Each(verdicts)),
                };
            }
            false if has_statuses && !(bad > 0 && list.keys.is_some()) => {
                return Err(format!("results for {} documents instead of {}", list.items.len(), sent.count()));
            }
            _ if bad > 0 => elsewhere = elsewhere.and(Told::Bad(None)),
            _ => {}
        }
    }
    match (top, elsewhere) {
        (Told::Bad(_), _) => failed(top),
        (_, Told::Bad(_)) => failed(elsewhere),
        _ if status == 207 => Err(UNREADABLE.into()),
        _ => Ok(Verdict::Accepted),
    }
}

/// What a success means whose body tells of failure.
pub(crate) fn failure(status: u16, told: Told, body: &Value, wait: Option<Duration>) -> Verdict {
    match told {
        Told::Bad(Some(status @ (429 | 503))) => Verdict::Again { status, wait, alone: true },
        Told::Bad(Some(status @ (408 | 425 | 500..=599))) => Verdict::Again { status, wait, alone: false },
        Told::Bad(Some(413)) => Verdict::TooLarge,
        Told::Bad(Some(told @ (401 | 407))) => {
            Verdict::Refused(Code::DeliverRefused, format!("answered {status}, and its body tells of {told}"))
        }
        Told::Bad(Some(told @ (402..=406 | 410..=411 | 414..=421 | 423..=499))) => {
            Verdict::Denied(ProblemDetails::read(told, body))
        }
        _ => Verdict::Rejected(ProblemDetails::read(status, body)),
    }
}

fn is_equal(found: &Value, expected: &Value) -> bool {
    let are_numbers = found.is_number() && expected.is_number();
    found == expected || (are_numbers && read_number(found) == read_number(expected))
}

/// The results where the profile says that they stand.
fn read_by_rule(
    rule: &ResultsRule,
    body: &Value,
    sent: &SentDocuments<'_>,
    wait: Option<Duration>,
) -> Result<Verdict, String> {
    let list = body.pointer(&rule.list).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("no list at `{}`", rule.list))?;
    if list.len() as u64 != sent.count() {
        return Err(format!("results for {} documents instead of {}", list.len(), sent.count()));
    }
    let told =
        |item: &Value| item.pointer(&rule.status).map_or(Told::Nothing, |value| read_status(&Map::new(), "", value));
    let told: Vec<Told> = list.iter().map(told).collect();
    if told.contains(&Told::Nothing) {
        return Err(format!("a result without a status at `{}`", rule.status));
    }
    let index = |item: &Value| {
        let pointer = rule.index.as_ref()?;
        Some(item.pointer(pointer).and_then(read_index).unwrap_or(usize::MAX))
    };
    let items: Vec<&Value> = list.iter().collect();
    let order = ItemOrder::by_numbers(items.iter().map(|item| index(item)).collect());
    assign(&items, &told, &order, wait).map(Verdict::Each)
}

/// Assigns the items of a list to documents.
fn assign(
    list: &[&Value],
    told: &[Told],
    order: &ItemOrder,
    wait: Option<Duration>,
) -> Result<Vec<ItemResult>, String> {
    let mut slots: Vec<Option<ItemResult>> = vec![None; list.len()];
    for (place, item) in list.iter().enumerate() {
        let slot = order.document(place).and_then(|number| slots.get_mut(number)).filter(|slot| slot.is_none());
        *slot.ok_or(NOT_EACH_ONCE)? = Some(item_result(told[place], item, wait));
    }
    slots.into_iter().collect::<Option<Vec<ItemResult>>>().ok_or_else(|| NOT_EACH_ONCE.into())
}

/// Which document each item is about, and what it tells of it. The order matters most where some failed, and others not.
fn read_list(list: &ResultList<'_>, sent: &SentDocuments<'_>, is_whole: bool) -> (ItemOrder, Vec<Told>) {
    let read = |is_mixed: bool| {
        let order = find_order(list, sent, is_mixed);
        let told = list.tell(&order, sent, is_whole);
        (order, told)
    };
    let (order, told) = read(false);
    let meaning = |(told, item): (&Told, &&Value)| discriminant(&item_result(*told, item, None).verdict);
    let mut meanings = told.iter().zip(&list.items).map(meaning);
    let first = meanings.next();
    let is_mixed = is_whole && meanings.any(|meaning| Some(meaning) != first);
    if is_mixed { read(true) } else { (order, told) }
}

/// Which document each item is about. A list in which nothing tells of anything is not looked at closely.
fn find_order(list: &ResultList<'_>, sent: &SentDocuments<'_>, is_mixed: bool) -> ItemOrder {
    match &list.keys {
        Some(order) if is_mixed => order.for_mixed(),
        Some(order) => order.clone(),
        None if list.is_silent(sent) => ItemOrder::BY_PLACE,
        None => ItemOrder::of_items(&list.items, sent, is_mixed),
    }
}

/// Whether an item tells nothing, although others tell of success: with a status, or in a member that this one lacks, or
/// as bare words of which others tell of failure.
fn is_unclear(items: &[&Value], told: &[Told]) -> bool {
    let has_numbers = told.iter().any(|told| matches!(told, Told::Good(Some(_))));
    let has_words = told.iter().any(|told| matches!(told, Told::Good(_)));
    let has_failure = told.iter().any(|told| told.is_bad());
    let lacks_result = |item: &Value| item.as_object().map_or(has_failure, |item| !has_result(item));
    let is_one = |(told, item): (&Told, &&Value)| {
        *told == Told::Nothing && (has_numbers || (has_words && (item.is_null() || lacks_result(item))))
    };
    told.iter().zip(items).any(is_one)
}

/// What the items of a list say under one name, each with all that its item tells.
type SaidByItems<'a> = Vec<(&'a Value, Told)>;

/// Whether some items surely say that it went well, and another says something under the same name that is not known.
fn is_unsure(items: &[&Value], told: &[Told], sent: &SentDocuments<'_>) -> bool {
    let Some(objects) = items.iter().map(|item| item.as_object()).collect::<Option<Vec<&Map<String, Value>>>>() else {
        return false;
    };
    let mut names: BTreeMap<&str, SaidByItems<'_>> = BTreeMap::new();
    for (object, told) in objects.iter().zip(told) {
        for (name, value) in *object {
            names.entry(name).or_default().push((value, *told));
        }
    }
    let are_silent = told.iter().all(|told| *told == Told::Nothing);
    names.into_iter().any(|(name, said)| {
        let has_codes = || are_silent && said.len() == items.len() && has_own_codes(name, &said);
        (is_sure_of_some(name, &said) || has_codes())
            && !sent.may_be_repeated(name, said.iter().map(|(value, _)| *value))
    })
}

/// Whether some items say under a name that it went well beyond doubt, while another, which tells nothing else, says there that
/// it did not, or something that is not known.
fn is_sure_of_some(name: &str, said: &SaidByItems<'_>) -> bool {
    let says_outcome = names_outcome(name);
    let is_well = |value: &Value| value == &Value::Bool(true) || value.as_str().is_some_and(is_good_word);
    let is_doubted = |value: &Value| match value {
        Value::String(text) if is_bad_word(text) => true,
        Value::Null => false,
        value => says_outcome && !is_well(value),
    };
    said.iter().any(|(value, _)| is_sure_success(name, value))
        && said.iter().any(|(value, told)| *told == Told::Nothing && is_doubted(value))
}

/// Whether numbers under the name of a code may say how it went, in a way of their own: 0 for some, and others below 100.
fn has_own_codes(name: &str, said: &SaidByItems<'_>) -> bool {
    let numbers: Option<Vec<usize>> = said.iter().map(|(value, _)| read_index(value)).collect();
    let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1 && names_outcome(name)) else { return false };
    let distinct: BTreeSet<usize> = numbers.iter().copied().collect();
    // 0, 1 and 2 may as well number the items.
    let are_places = numbers.len() > 2 && distinct.len() == numbers.len();
    distinct.len() > 1 && distinct.first() == Some(&0) && distinct.last() < Some(&100) && !are_places
}

/// Whether what an item says of a rejected document points at other documents alone. Some APIs count from 1.
fn points_elsewhere(verdicts: &[ItemResult], sent: &SentDocuments<'_>) -> bool {
    (0..).zip(verdicts).any(|(place, result)| match &result.verdict {
        Verdict::Rejected(details) | Verdict::Denied(details) => {
            let named = details.leading_numbers(sent.count());
            !named.is_empty() && named.range(place..=place + 1).next().is_none()
        }
        _ => false,
    })
}

/// What a body holds.
struct Found<'a> {
    /// What may be results, the outer ones first.
    lists: Vec<ResultList<'a>>,
    /// What the objects in it tell that are none.
    elsewhere: Told,
}

/// Searches a body for lists that may hold results, and for objects that tell of failure.
fn find_results<'a>(body: &'a Value, sent: &SentDocuments<'_>) -> Found<'a> {
    let (mut lists, mut elsewhere, mut open) = (Vec::new(), Told::Nothing, vec![(body, "results", None, 0)]);
    while let Some((value, name, beside, depth)) = open.pop() {
        match value {
            Value::Array(items) => match find_inner_lists(items, sent) {
                Some(inner) if depth < MAX_DEPTH => open.extend(inner.map(|list| (list, name, None, depth + 1))),
                _ => lists.extend(find_in_list(items, name, beside, sent)),
            },
            Value::Object(object) => {
                if let Some(list) = find_in_object(object, name, sent) {
                    let is_whole = list.items.len() as u64 == sent.count();
                    lists.push(list);
                    if is_whole {
                        continue;
                    }
                }
                if depth > 0 {
                    elsewhere = elsewhere.and(read_inside(object, sent.only()));
                }
                elsewhere = elsewhere.and(read_groups(object, sent));
                if depth == 0 || names_results(name) {
                    elsewhere = elsewhere.and(read_words(object, sent));
                }
                // A list of a document that is given back is no list of results.
                let repetition = sent.only().compare(object);
                let may_hold = |name: &str, value: &Value| {
                    depth < MAX_DEPTH
                        && (value.is_array() || value.is_object())
                        && may_hold_results(name)
                        && !repetition.has(name, value)
                };
                let members = object.iter().filter(|(name, value)| may_hold(name, value));
                open.extend(members.map(|(name, value)| (value, name.as_str(), Some(object), depth + 1)));
            }
            _ => {}
        }
    }
    Found { lists, elsewhere }
}

fn has_status(told: Told) -> bool {
    matches!(told, Told::Good(Some(_)) | Told::Bad(Some(_)))
}

fn item_result(told: Told, item: &Value, wait: Option<Duration>) -> ItemResult {
    let status = match told {
        Told::Nothing | Told::Good(None) => 200,
        Told::Bad(None) => 422,
        Told::Good(Some(status)) | Told::Bad(Some(status)) => status,
    };
    let details = || ProblemDetails::read(status, item);
    let again = |alone| Verdict::Again { status, wait, alone };
    let verdict = match status {
        200 | 201 | 203 | 204 | 208..=225 | 227..=299 => Verdict::Accepted,
        // 424: it failed because another one did. 202, 205, 206, 207, 226: the outcome is still open.
        202 | 205..=207 | 226 | 408 | 424 | 425 | 500 | 502..=504 | 506..=599 => again(false),
        429 => again(true),
        409 | 412 if is_in_progress(&details().kind) => again(false),
        413 => Verdict::TooLarge,
        400 | 409 | 412 | 422 => Verdict::Rejected(details()),
        // Who sends, and where to, is the same for all documents.
        ..200 | 300..=399 | 401 | 407 => {
            Verdict::Refused(Code::DeliverRefused, format!("answered {status} for a document"))
        }
        _ => Verdict::Denied(details()),
    };
    ItemResult { status, verdict }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{NOT_EACH_ONCE, read_body};
    use crate::{
        config::profile::destination::{AcceptRule, AnswerRules, ResultsRule},
        deliver::{batch::test_batch, failure_words::SentDocuments, verdict::Verdict},
    };

    /// A verdict as words, one for each document.
    fn words(verdict: Result<Verdict, String>) -> String {
        let word = |verdict: &Verdict| match verdict {
            Verdict::Accepted => "ok",
            Verdict::Again { alone: false, .. } => "again",
            Verdict::Again { alone: true, .. } => "alone",
            Verdict::TooLarge => "large",
            Verdict::Rejected(_) => "no",
            Verdict::Denied(_) => "denied",
            Verdict::Refused(..) => "refused",
            _ => "?",
        };
        match verdict {
            Err(said) => said,
            Ok(Verdict::Each(items)) => items.iter().map(|item| word(&item.verdict)).collect::<Vec<_>>().join(" "),
            Ok(verdict) => format!("all {}", word(&verdict)),
        }
    }

    fn read_of(status: u16, body: &Value, documents: &[Value], rules: &AnswerRules) -> String {
        let batch = test_batch(documents);
        words(read_body(status, body, &SentDocuments::of(&batch), rules, None))
    }

    /// The answer to documents that have an `id` and a `name`.
    fn read(status: u16, body: &Value, documents: u64) -> String {
        let documents: Vec<Value> = (0..documents).map(|id| json!({ "id": id, "name": "n" })).collect();
        read_of(status, body, &documents, &AnswerRules::default())
    }

    /// Five items, of which the second and the fourth are bad.
    fn each(good: &Value, bad: &Value) -> Value {
        [good, bad, good, bad, good].into_iter().cloned().collect::<Vec<Value>>().into()
    }

    #[test]
    fn results_are_read_in_the_shapes_that_servers_use() {
        let table = [
            (json!([{"status": 201}, {"status": 422}, {"status": 503}]), "ok no again"),
            (
                json!([{"index": 2, "status": 201}, {"index": 0, "status": 422}, {"index": 1, "status": 429}]),
                "no alone ok",
            ),
            (
                json!([{"index": "2", "status": 201}, {"index": "1", "status": 201}, {"index": "0", "status": 422}]),
                "no ok ok",
            ),
            (
                json!([{"Item-Index": "01", "status": 422}, {"ItemIndex": 0, "status": 201}, {"itemIndex": 2, "status": 201}]),
                "ok no ok",
            ),
            (json!([{"row": 1, "ok": true}, {"row": 0, "ok": false}, {"row": 2, "ok": true}]), "no ok ok"),
            (json!({"items": [{"status": "201"}, {"status": "413"}, {"status": "409"}]}), "ok large no"),
            (
                json!({"responses": [{"href": "/a", "status": "HTTP/1.1 200 OK"}, {"status": "HTTP/1.1 424 Failed Dependency"}, {"status": "HTTP/2 404"}]}),
                "ok again denied",
            ),
            (json!([{"status": 401}, {"status": 407}, {"status": 307}]), "refused refused refused"),
            (json!([{"status": 403}, {"status": 505}, {"status": 418}]), "denied denied denied"),
            (json!([{"success": true, "id": "x"}, {"success": false}, {"success": true}]), "ok no ok"),
            (json!([{"code": 200}, {"code": 202}, {"code": 501}]), "ok again denied"),
            (json!([{"status": 205}, {"status": 226}, {"status": 206}]), "again again again"),
            (
                json!([{"status": 412, "type": "urn:request-in-progress"}, {"status": 204}, {"status": 100}]),
                "again ok refused",
            ),
            (json!([{"status": 201}, {"status": 201}]), "results for 2 documents instead of 3"),
            (
                json!([{"status": 201}, {"status": 201}, {"status": 201}, {"status": 201}]),
                "results for 4 documents instead of 3",
            ),
            (
                json!([{"status": 201}, {"status": "fine"}, {"status": 201}]),
                "a result for each document that cannot be read",
            ),
            (
                json!([{"status": 201}, {"status": 99}, {"status": 201}]),
                "a result for each document that cannot be read",
            ),
            (json!({"accepted": 3}), "a result for each document that cannot be read"),
            (json!([]), "a result for each document that cannot be read"),
            (Value::Null, "a result for each document that cannot be read"),
        ];
        for (body, expected) in table {
            assert_eq!(read(207, &body, 3), expected, "{body}");
        }
    }

    #[test]
    fn known_bulk_formats_are_read() {
        let elastic = json!({"took": 3, "errors": true, "items": each(&json!({"index": {"_id": "a", "status": 201}}), &json!({"index": {"_id": "b", "status": 400, "error": {"type": "mapper"}}}))});
        let kinesis = json!({"FailedRecordCount": 2, "Records": each(&json!({"SequenceNumber": "1", "ShardId": "s"}), &json!({"ErrorCode": "InternalFailure", "ErrorMessage": "x"}))});
        let firehose = json!({"FailedPutCount": 2, "RequestResponses": each(&json!({"RecordId": "1"}), &json!({"ErrorCode": "InvalidArgument", "ErrorMessage": "x"}))});
        let salesforce = json!({"compositeResponse": each(&json!({"body": null, "httpStatusCode": 201, "referenceId": "a"}), &json!({"body": [{"errorCode": "x"}], "httpStatusCode": 400, "referenceId": "b"}))});
        let table = [
            (
                "CouchDB",
                201,
                each(
                    &json!({"ok": true, "id": "a", "rev": "1-a"}),
                    &json!({"id": "b", "error": "conflict", "reason": "x"}),
                ),
                "ok no ok no ok",
            ),
            ("Elasticsearch", 200, elastic, "ok no ok no ok"),
            ("Kinesis", 200, kinesis, "ok again ok again ok"),
            ("Firehose", 200, firehose, "ok no ok no ok"),
            (
                "FHIR",
                200,
                json!({"resourceType": "Bundle", "entry": each(&json!({"response": {"status": "201 Created"}}), &json!({"resource": {}, "response": {"status": "422 Unprocessable"}}))}),
                "ok no ok no ok",
            ),
            ("Salesforce composite", 200, salesforce, "ok no ok no ok"),
            (
                "Salesforce collections",
                200,
                each(
                    &json!({"id": "a", "success": true, "errors": []}),
                    &json!({"success": false, "errors": [{"statusCode": "X"}]}),
                ),
                "ok no ok no ok",
            ),
            (
                "Azure Search",
                207,
                json!({"value": each(&json!({"key": "1", "status": true, "errorMessage": null, "statusCode": 201}), &json!({"key": "2", "status": false, "errorMessage": "x", "statusCode": 422}))}),
                "ok no ok no ok",
            ),
            (
                "Zoho",
                200,
                json!({"data": each(&json!({"code": "SUCCESS", "status": "success"}), &json!({"code": "INVALID_DATA", "status": "error"}))}),
                "ok no ok no ok",
            ),
            (
                "status words",
                200,
                json!({"results": each(&json!({"status": "created"}), &json!({"status": "rejected"}))}),
                "ok no ok no ok",
            ),
        ];
        for (name, status, body, expected) in table {
            assert_eq!(read(status, &body, 5), expected, "{name}");
        }
    }

    #[test]
    fn known_formats_without_a_result_for_each_tell_of_failure() {
        let table = [
            ("BigQuery", 200, json!({"insertErrors": [{"index": 1, "errors": [{"reason": "invalid"}]}]}), "all no"),
            ("DynamoDB", 200, json!({"UnprocessedItems": {"t": [{}, {}]}}), "all no"),
            ("MongoDB", 200, json!({"ok": 1, "writeErrors": [{"index": 1, "code": 11000}]}), "all no"),
            ("MongoDB that is down", 200, json!({"ok": 0, "errmsg": "x"}), "all no"),
            ("SQS", 200, json!({"Successful": [{"Id": "a"}], "Failed": [{"Id": "b", "SenderFault": true}]}), "all no"),
            ("GraphQL", 200, json!({"data": null, "errors": [{"message": "x"}]}), "all no"),
            ("JSON-RPC", 200, json!({"jsonrpc": "2.0", "error": {"code": -32000}, "id": 1}), "all no"),
            ("Lambda proxy", 200, json!({"statusCode": 500, "body": "{}"}), "all again"),
            ("HubSpot", 200, json!({"status": "COMPLETE", "results": [], "numErrors": 2, "errors": []}), "all no"),
        ];
        for (name, status, body, expected) in table {
            assert_eq!(read(status, &body, 5), expected, "{name}");
        }
    }

    #[test]
    fn a_list_that_does_not_name_each_document_once_acknowledges_none() {
        let numbered = |numbers: [Value; 3]| -> Value {
            numbers.into_iter().map(|number| json!({ "index": number, "status": 201 })).collect::<Vec<_>>().into()
        };
        for numbers in [
            [json!(0), json!(0), json!(1)],
            [json!(1), json!(2), json!(4)],
            [json!("1"), json!("1"), json!("3")],
            [json!(-1), json!(0), json!(1)],
            [json!(0), json!(1.5), json!(1)],
            [json!("a"), json!("b"), json!("c")],
            [json!("0"), json!(""), json!("2")],
        ] {
            for status in [200, 207] {
                assert_eq!(read(status, &numbered(numbers.clone()), 3), "results that do not name each document once");
            }
        }
        let one_without = json!([{"index": 0, "status": 201}, {"status": 201}, {"index": 1, "status": 201}]);
        assert_eq!(read(207, &one_without, 3), "results that do not name each document once");
        let miscounted = json!({"failedCount": 2, "items": [{"ok": true}, {"ok": false}, {"ok": true}]});
        assert_eq!(read(200, &miscounted, 3), "results that do not fit its own count of failures");
        let contradicted = json!({"success": false, "items": [{"status": 201}, {"status": 201}, {"status": 201}]});
        assert_eq!(read(200, &contradicted, 3), "all no");
        let shorter = json!({"items": [{"ok": false}, {"ok": true}]});
        assert_eq!(read(200, &shorter, 3), "all no");
    }

    #[test]
    fn documents_in_an_answer_are_not_results() {
        let orders = [
            json!({"id": 1, "status": "failed", "code": 404, "index": 7, "payments": [{"status": "failed"}]}),
            json!({"id": 2, "status": "open", "code": 404, "index": 7, "payments": []}),
        ];
        let rules = AnswerRules::default();
        let echoes: Value = orders.to_vec().into();
        for body in [
            echoes.clone(),
            json!({ "data": echoes }),
            json!({ "data": { "items": echoes }, "errors": [] }),
            json!([{"id": 1, "status": "failed"}, {"id": 2, "status": "open"}]),
        ] {
            assert_eq!(read_of(200, &body, &orders, &rules), "all ok", "{body}");
        }
        assert_eq!(read_of(200, &orders[0], &orders[..1], &rules), "all ok");
        let results = json!([{"index": 1, "status": 422}, {"index": 0, "status": 201}]);
        assert_eq!(
            read_of(200, &results, &orders, &rules),
            "results that do not name each document once",
            "an `index` of the documents may or may not number them"
        );
        for body in [json!([{"status": "active"}, {"name": "x"}]), json!([1, 2]), json!({"links": [{"rel": "a"}]})] {
            assert_eq!(read(200, &body, 2), "all ok", "{body}");
        }
    }

    #[test]
    fn a_status_that_the_documents_have_too_is_read_in_its_place() {
        let document = |id: &str, status: &str| json!({"id": id, "note": "n", "total": 5, "status": status});
        let orders = [document("k0", "open"), document("k1", "open"), document("k2", "failed")];
        let item = |id: &str, status: &str| json!({"id": id, "status": status, "message": "x"});
        let numbered = |index: u64, id: &str, status: &str| json!({"index": index, "id": id, "status": status});
        let table = [
            (json!([item("k0", "open"), item("k1", "failed"), item("k2", "failed")]), "ok no ok"),
            (
                json!([item("k0", "201 Created"), item("k1", "422 Unprocessable"), item("k2", "201 Created")]),
                "ok no ok",
            ),
            (json!([item("k0", "rejected"), item("k1", "rejected"), item("k2", "rejected")]), "no no no"),
            (json!({"results": [item("k0", "failed"), item("k1", "open"), item("k2", "open")]}), "no ok ok"),
            (json!([numbered(2, "k2", "failed"), numbered(1, "k1", "failed"), numbered(0, "k0", "open")]), "ok no ok"),
            (json!([document("k0", "failed"), document("k1", "rejected"), document("k2", "failed")]), "all ok"),
            (json!({"id": "k2", "status": "failed"}), "all no"),
            (json!({"status": "failed", "message": "database is read-only"}), "all no"),
            (json!({"status": "failed", "data": orders}), "all no"),
            (json!({"id": "k0", "note": "n", "total": 5, "data": [item("k0", "failed")]}), "all no"),
        ];
        for (body, expected) in table {
            assert_eq!(read_of(200, &body, &orders, &AnswerRules::default()), expected, "{body}");
        }
        for (body, expected) in [
            (item("k2", "failed"), "all ok"),
            (json!({ "data": document("k2", "cancelled") }), "all ok"),
            (item("k2", "rejected"), "all no"),
            (json!({"status": "failed"}), "all no"),
        ] {
            assert_eq!(read_of(200, &body, &orders[2..], &AnswerRules::default()), expected, "{body}");
        }
    }

    /// The answer to documents that have the ids `k0`, `k1`, and so on.
    fn read_keyed(status: u16, body: &Value, documents: usize) -> String {
        let documents: Vec<Value> = (0..documents).map(|id| json!({"id": format!("k{id}"), "name": "n"})).collect();
        read_of(status, body, &documents, &AnswerRules::default())
    }

    #[test]
    fn results_that_name_their_documents_are_theirs() {
        let item = |id: &str, status: u16| json!({"id": id, "status": status});
        let table = [
            (json!([item("k2", 201), item("k1", 422), item("k0", 503)]), "again no ok"),
            (json!({"responses": [item("1", 201), item("0", 422), item("2", 503)]}), "no ok again"),
            (json!([{"line": 3, "ok": false}, {"line": 1, "ok": true}, {"line": 2, "ok": true}]), "ok ok no"),
            (json!([item("k2", 201), item("k2", 201), item("k0", 201)]), "results that do not name each document once"),
            (json!({"k2": {"status": 201}, "k0": {"status": 422}, "k1": {"status": 503}}), "no again ok"),
            (json!({"results": {"k1": {"status": 201}, "k0": {"error": "x"}, "k2": {"status": 201}}}), "no ok ok"),
            (json!({"k1": 201, "k0": 422, "k2": 201}), "no ok ok"),
            (json!({"k1": "ok", "k0": "ok", "k2": "error"}), "ok ok no"),
            (json!({"k0": {"status": 201}, "k1": {"status": 422}}), "all no"),
        ];
        for (body, expected) in table {
            assert_eq!(read_keyed(200, &body, 3), expected, "{body}");
            assert_eq!(read_keyed(207, &body, 3), expected, "{body}");
        }
        // Whole documents in another order, with a state of their own.
        let orders = ["open", "failed", "done"].map(|status| json!({"id": status, "note": "n", "status": status}));
        let back: Value = orders.iter().rev().cloned().collect::<Vec<_>>().into();
        assert_eq!(read_of(200, &back, &orders, &AnswerRules::default()), "all ok");
    }

    #[test]
    fn items_that_say_something_unknown_beside_a_sure_success_acknowledge_none() {
        let unreadable = "a result for each document that cannot be read";
        let unknown =
            [json!("INTERNAL"), json!("throttling"), json!(""), json!({}), json!([]), json!(0), json!("lost")];
        for value in unknown {
            let table = [
                json!([{"status": "OK"}, {"status": value}, {"status": "OK"}]),
                json!({"results": [{"state": "SUCCESS"}, {"state": value}, {"state": "SUCCESS"}]}),
                json!([{"result": "Succeeded"}, {"result": value}, {"result": "Succeeded"}]),
            ];
            for body in table {
                assert_eq!(read_keyed(200, &body, 3), unreadable, "{body}");
            }
        }
        let table = [
            (json!([{"success": true}, {"success": "maybe"}, {"success": true}]), unreadable),
            (json!([{"uploadStatus": "success"}, {"uploadStatus": "failed"}, {"uploadStatus": "success"}]), unreadable),
            (json!([{"text": "OK"}, {"text": "error"}, {"text": "OK"}]), unreadable),
            (json!([{"code": 0}, {"code": 6}, {"code": 0}]), unreadable),
            (json!([{"retcode": 0}, {"retcode": 1}, {"retcode": 1}]), unreadable),
            // What may be the state of a thing, and numbers that may count.
            (json!([{"status": "created"}, {"status": "active"}, {"status": "created"}]), "all ok"),
            (json!([{"text": "OK"}, {"text": "thanks"}, {"text": "OK"}]), "all ok"),
            (json!([{"code": 0}, {"code": 1}, {"code": 2}]), "all ok"),
            (json!([{"status": "OK"}, {"status": "created"}, {"status": "OK"}]), "all ok"),
            (json!([{"status": "OK", "note": null}, {"status": "OK"}, {"status": "OK", "note": "x"}]), "all ok"),
        ];
        for (body, expected) in table {
            assert_eq!(read_keyed(200, &body, 3), expected, "{body}");
        }
        let orders = ["open", "shut", "open"].map(|status| json!({"id": status, "name": status, "status": status}));
        let said = json!([{"status": "OK"}, {"status": "INTERNAL"}, {"status": "OK"}]);
        assert_eq!(read_of(200, &said, &orders, &AnswerRules::default()), unreadable, "none of it was sent");
        let sensors = ["OK", "worn", "OK"].map(|status| json!({"id": status, "name": status, "status": status}));
        assert_eq!(read_of(200, &json!(sensors), &sensors, &AnswerRules::default()), "all ok", "an echo");
    }

    #[test]
    fn a_rejection_that_points_at_another_document_is_none_of_its_own() {
        let table = [
            (
                json!([{"status": 201}, {"status": 201}, {"status": 422, "error": {"index": 0}}]),
                "results that do not name each document once",
            ),
            (json!([{"status": 201}, {"status": 201}, {"status": 422, "sourcePointer": "#/2"}]), "ok ok no"),
            (
                json!([{"status": 201}, {"status": 201}, {"status": 422, "path": "$[0]"}]),
                "results that do not name each document once",
            ),
            (json!([{"status": 201}, {"status": 422, "pointer": "/1/name"}, {"status": 201}]), "ok no ok"),
            (
                json!([{"status": 201}, {"status": 422, "index": "x", "path": "/purchases/0"}, {"status": 201}]),
                "results that do not name each document once",
            ),
            (
                json!({"results": [{"status": 422, "pointer": "/1/a"}, {"status": 422, "pointer": "/1/b"}, {"status": 422, "pointer": "/1/c"}]}),
                "all no",
            ),
            (json!({"violations": [{"field": "a"}, {"field": "b"}, {"field": "c"}]}), "all no"),
            // From 1, a place inside the document, and the address of one.
            (
                json!([{"status": 422, "loc": [1, "a"]}, {"status": 422, "loc": [2, "a"]}, {"status": 422, "loc": [3, "a"]}]),
                "no no no",
            ),
            (json!([{"status": 422, "path": "/name/2"}, {"status": 201}, {"status": 201}]), "no ok ok"),
            (json!([{"status": 422, "instance": "/orders/2"}, {"status": 201}, {"status": 201}]), "no ok ok"),
        ];
        for (body, expected) in table {
            assert_eq!(read_keyed(200, &body, 3), expected, "{body}");
        }
    }

    #[test]
    fn results_in_another_order_are_seen_by_what_stands_inside_of_texts() {
        let not_each = "results that do not name each document once";
        let item = |name: &str, value: Value, status: u16| json!({name: value, "status": status});
        let reversed = |name: &str, text: fn(usize) -> Value| {
            json!([item(name, text(2), 201), item(name, text(1), 201), item(name, text(0), 422)])
        };
        let table = [
            (reversed("href", |id| format!("/things/k{id}?v=7").into()), "no ok ok"),
            (reversed("location", |id| format!("Thing/k{id}/_history/1").into()), "no ok ok"),
            (reversed("correlation", |id| format!("thing-k{id}").into()), "no ok ok"),
            (reversed("line", |id| (id + 2).into()), not_each),
            (reversed("lineNumber", |id| (id + 2).into()), not_each),
            (reversed("position", |id| (id + 1).into()), "no ok ok"),
            (
                json!([item("line", json!(2), 201), item("line", json!(3), 422), item("line", json!(4), 201)]),
                "ok no ok",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(read_keyed(200, &body, 3), expected, "{body}");
        }
    }

    #[test]
    fn bare_results_are_read_where_there_is_one_for_each_document() {
        let table = [
            (json!([201, 422, 201]), "ok no ok"),
            (json!([422, 422, 422]), "no no no"),
            (json!([[201], [422], [503]]), "ok no again"),
            (json!([true, false, true]), "ok no ok"),
            (json!(["ok", "error", "created"]), "ok no ok"),
            (json!({"statuses": ["200 OK", "409 Conflict", "200 OK"]}), "ok no ok"),
            (json!({"result": {"success": [true, true, false]}}), "ok ok no"),
            // Numbers and words that may be anything else.
            (json!([401, 402, 403]), "all ok"),
            (json!([201, 422, 427]), "all ok"),
            (json!([1, 0, 1]), "all ok"),
            (json!([201, 422]), "all ok"),
            (json!({"ids": [201, 422, 201]}), "all ok"),
            (json!({"created": [true, false, true]}), "all ok"),
            (json!(["k0", "error", "k2"]), "all ok"),
            (json!([201, 201, 201]), "all ok"),
        ];
        for (body, expected) in table {
            assert_eq!(read_keyed(200, &body, 3), expected, "{body}");
        }
        assert_eq!(read_keyed(207, &json!([201, 201, 201]), 3), "a result for each document that cannot be read");
        assert_eq!(read_keyed(200, &json!([422]), 1), "no");
        assert_eq!(read_keyed(200, &json!({"k0": 422}), 1), "no");
    }

    #[test]
    fn what_tells_of_failure_is_heard_wherever_it_stands() {
        let failing = [
            json!(false),
            json!("error"),
            json!("422 Unprocessable"),
            json!(500),
            json!({"isSuccessful": false}),
            json!({"valid": false}),
            json!({"accepted": false}),
            json!({"accepted": 0}),
            json!({"successCount": 0, "received": 4}),
            json!({"success": "no"}),
            json!({"success": "failed"}),
            json!({"state": "failed"}),
            json!({"invalid": ["k1"]}),
            json!({"isError": true, "content": []}),
            json!({"meta": {}, "data": {"error": "x"}}),
            json!({"data": {"putCustomers": {"ok": false, "userErrors": []}}, "extensions": {}}),
            json!({"Envelope": {"Header": {}, "Body": {"Fault": {"faultcode": "x"}}}}),
            json!({"a": {"b": {"c": {"statusCode": 400}}}, "d": 1}),
            json!({"x": {"status": 201}, "y": {"status": 422}, "z": {"status": 201}}),
            json!({"data": [{"id": "k0", "meta": {"error": "x"}}], "page": 1}),
        ];
        for body in failing {
            let found = read_keyed(200, &body, 4);
            assert!(matches!(found.as_str(), "all no" | "all again"), "{body}: {found}");
        }
        let each = json!([{"id": "k0", "meta": {"error": null}}, {"id": "k1", "meta": {"error": "x"}}]);
        assert_eq!(read_keyed(200, &each, 2), "ok no");
        let nested = json!([{"lines": [{"errors": []}]}, {"lines": [{"ok": true}, {"ok": false}]}]);
        assert_eq!(read_keyed(200, &nested, 2), "ok no");
        let good = [
            json!(true),
            json!(4),
            json!(200),
            json!("fine"),
            json!({"accepted": 0, "unchanged": 4}),
            json!({"accepted": 4, "invalid": [], "errors": 0}),
            json!({"success": null}),
            json!({"created": ["k0"]}),
            json!({"id": "b1", "_links": {"self": "/b1", "errors": {"href": "/b1/errors"}, "error": "/b1/error"}, "n": 4}),
            // What the API has of its own.
            json!({"id": "o1", "payment": {"status": "failed", "code": 422}, "country": {"code": 410}}),
            json!({"order": {"id": 1, "state": "cancelled"}, "page": {"result": "partial"}}),
            json!({"a": {"b": {"c": {"d": {"e": {"error": "x"}}}}}, "f": 1}),
        ];
        for body in good {
            assert_eq!(read_keyed(200, &body, 4), "all ok", "{body}");
        }
    }

    #[test]
    fn a_body_that_tells_of_a_status_means_what_an_answer_with_it_does() {
        let table = [
            (401, "refused"),
            (407, "refused"),
            (403, "denied"),
            (404, "denied"),
            (415, "denied"),
            (451, "denied"),
            (413, "large"),
            (400, "no"),
            (409, "no"),
            (422, "no"),
            (408, "again"),
            (425, "again"),
            (429, "alone"),
            (500, "again"),
            (503, "alone"),
        ];
        for (status, expected) in table {
            for body in [
                json!({ "status": status }),
                json!({"error": {"code": status}, "data": null}),
                json!({"a": {"error": {"status": status}}, "b": 1}),
            ] {
                assert_eq!(read_keyed(200, &body, 2), format!("all {expected}"), "{body}");
            }
        }
    }

    #[test]
    fn what_a_document_holds_inside_is_no_failure_when_it_comes_back() {
        let document = |id: &str| {
            json!({"id": id, "note": "n", "check": {"valid": false, "error": "late"}, "codes": ["ok", "error"],
                "tries": [{"success": false, "statusCode": 500}]})
        };
        let documents = [document("k0"), document("k1")];
        let mut changed = documents.clone();
        for one in &mut changed {
            one["check"]["seen"] = "today".into();
            one["tries"][0]["at"] = "noon".into();
        }
        for back in [&documents, &changed] {
            let [first, second] = back.clone();
            for body in [
                json!([first, second]),
                json!({"data": {"items": [first, second]}}),
                json!([second, first]),
                json!({"k0": first, "k1": second}),
                json!([{"id": "k1", "codes": ["ok", "error"]}, {"id": "k0", "codes": ["ok", "error"]}]),
            ] {
                assert_eq!(read_of(200, &body, &documents, &AnswerRules::default()), "all ok", "{body}");
            }
            for body in [first.clone(), json!({"data": {"order": first}, "links": {}})] {
                assert_eq!(read_of(200, &body, &documents[..1], &AnswerRules::default()), "all ok", "{body}");
            }
        }
    }

    #[test]
    fn answers_of_known_apis_acknowledge_what_they_mean() {
        let mut others = Vec::new();
        for line in include_str!("tests/answers.txt").lines().filter(|line| !line.starts_with('#')) {
            let (expected, body) = (line.split(" | ").next().unwrap(), line.splitn(3, " | ").last().unwrap());
            let found = read_keyed(200, &serde_json::from_str(body).unwrap(), 4);
            others.extend((found != expected).then(|| format!("{line}: {found}")));
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
    }

    /// How items name their documents: a description, and the item that names one so.
    type NamedItem = (&'static str, fn(Value) -> Value);

    #[test]
    fn where_some_failed_every_value_tells_of_the_order() {
        let place = |value: usize| Value::from(value);
        let key = |value: usize| Value::from(format!("k{value}"));
        let make: [NamedItem; 8] = [
            ("deep", |key| json!({"request": {"keys": {"id": key}}})),
            ("ref", |key| json!({"ref": key})),
            ("name", |key| json!({"name": key})),
            ("anything", |key| json!({"a": {"b": {"c": {"d": key}}}})),
            ("list", |key| json!({"args": [key, "x"]})),
            ("href", |key| json!({"href": format!("/orders/{}", key.as_str().unwrap())})),
            ("OData", |key| json!({"path": format!("Orders(id='{}')", key.as_str().unwrap())})),
            ("URN", |key| json!({"urn": format!("urn:order:{}", key.as_str().unwrap().to_uppercase())})),
        ];
        let numbered: [NamedItem; 7] = [
            ("recordIndex", |at| json!({"recordIndex": at})),
            ("row_index", |at| json!({"meta": {"row_index": at.to_string()}})),
            ("idx", |at| json!({"idx": at})),
            ("i", |at| json!({"i": at})),
            ("offset", |at| json!({"offset": at.as_u64().unwrap() + 1})),
            ("ID", |at| json!({"ID": at})),
            ("index", |at| json!({"index": format!("{at}.0")})),
        ];
        let list = |order: [usize; 4], name: &dyn Fn(usize) -> Value| -> Value {
            let item = |at: &usize| {
                let mut item = name(*at);
                item["status"] = if *at == 1 { 422 } else { 201 }.into();
                item
            };
            order.iter().map(item).collect::<Vec<_>>().into()
        };
        for order in [[3, 2, 1, 0], [1, 0, 2, 3], [0, 1, 2, 3], [2, 3, 1, 0]] {
            for (name, make) in make {
                let body = list(order, &|at| make(key(at)));
                assert_eq!(read_keyed(207, &body, 4), "ok no ok ok", "{name} {body}");
            }
            for (name, make) in numbered {
                let body = list(order, &|at| make(place(at)));
                assert_eq!(read_keyed(207, &body, 4), "ok no ok ok", "{name} {body}");
            }
        }
        let unclear = [
            list([0, 1, 2, 3], &|at| json!({"ref": if at == 1 { "k2" } else { "z" }})),
            list([0, 1, 2, 3], &|at| json!({"a": {"b": if at > 1 { "k0".into() } else { key(at) }}})),
            list([3, 1, 2, 0], &|at| json!({"took": at})),
            list([3, 1, 2, 0], &|at| json!({"n": at + 1})),
            list([3, 1, 2, 0], &|at| json!({"recordIndex": at.min(2)})),
        ];
        for body in unclear {
            assert_eq!(read_keyed(207, &body, 4), NOT_EACH_ONCE, "{body}");
            // Where all failed alike, or none did, nothing depends on it.
            for status in [201, 422] {
                let mut body = body.clone();
                body.as_array_mut().unwrap().iter_mut().for_each(|item| item["status"] = status.into());
                let found = read_keyed(207, &body, 4);
                assert_eq!(found, [if status == 201 { "ok" } else { "no" }; 4].join(" "), "{body}");
            }
        }
    }

    #[test]
    fn numbers_tell_of_the_order_as_far_as_they_are_no_counts() {
        // Long numbers under the name of a key are as good as texts.
        let documents: Vec<Value> = (0..4).map(|at| json!({"id": 7000 + at, "qty": at})).collect();
        let item =
            |at: u16| json!({"href": format!("/orders/{}", 7000 + at), "status": if at == 1 { 422 } else { 201 }});
        let href = json!([item(3), item(2), item(1), item(0)]);
        let one = json!([{"status": 201}, {"status": 201}, {"status": 422, "ref": 7001.0}, {"status": 201}]);
        for (body, expected) in [(href, "ok no ok ok"), (one, NOT_EACH_ONCE)] {
            assert_eq!(read_of(207, &body, &documents, &AnswerRules::default()), expected, "{body}");
        }
        // Two numbers may be in another order by chance, unless they have a name that counts.
        let two = |name: &str| json!([{"status": 201, name: 1}, {"status": 422, name: 0}]);
        for (name, expected) in [("took", "ok no"), ("n", NOT_EACH_ONCE), ("idx", "no ok"), ("lineNo", NOT_EACH_ONCE)] {
            assert_eq!(read_keyed(207, &two(name), 2), expected, "{name}");
        }
    }

    #[test]
    fn keys_that_name_documents_in_several_ways_settle_none_where_some_failed() {
        let of = |ids: [&str; 3], others: [&str; 3]| -> Vec<Value> {
            (0..3).map(|at| json!({"id": ids[at], "other": others[at], "note": "n", "status": "failed"})).collect()
        };
        let numbered = of(["3", "2", "1"], ["x"; 3]);
        let crossed = of(["a", "b", "c"], ["b", "a", "c"]);
        let kinds: [fn(bool) -> Value; 5] = [
            |is_good| json!({"code": if is_good { 201 } else { 422 }}),
            |is_good| json!(is_good),
            |is_good| json!(if is_good { "ok" } else { "error" }),
            |is_good| json!({"result": if is_good { "created" } else { "error" }}),
            |is_good| json!([if is_good { 201 } else { 422 }]),
        ];
        for (documents, keys) in [(&numbered, ["3", "2", "1"]), (&crossed, ["a", "b", "c"])] {
            let read = |body: &Value| read_of(200, body, documents, &AnswerRules::default());
            for make in kinds {
                let body = |bad: &[&str]| -> Value {
                    keys.iter().map(|key| ((*key).to_owned(), make(!bad.contains(key)))).collect::<Map<_, _>>().into()
                };
                assert_eq!(read(&body(&keys[..1])), NOT_EACH_ONCE, "{}", body(&keys[..1]));
                assert_eq!(read(&body(&keys)), "no no no", "{}", body(&keys));
                let good = read(&body(&[]));
                assert!(matches!(good.as_str(), "all ok" | "ok ok ok"), "{}: {good}", body(&[]));
                let list: Vec<Value> = keys.iter().map(|key| json!({ *key: make(*key != keys[0]) })).collect();
                assert_eq!(read(&list.clone().into()), NOT_EACH_ONCE, "{list:?}");
            }
            let echo: Map<String, Value> = keys.iter().zip(documents).map(|(k, d)| ((*k).into(), d.clone())).collect();
            assert_eq!(read(&echo.into()), "all ok");
            // A list of the same name as a member says which it means.
            let columns = json!({"ids": [keys[1], keys[0], keys[2]], "statuses": [422, 201, 201]});
            assert_eq!(read(&columns), "ok no ok", "{columns}");
            let columns = json!({"keys": [keys[1], keys[0], keys[2]], "statuses": [422, 201, 201]});
            assert_eq!(read(&columns), NOT_EACH_ONCE, "{columns}");
        }
    }

    #[test]
    fn a_text_for_people_names_no_document() {
        let documents = ["Tom", "Norris", "Ann"].map(|name| json!({"id": name.len(), "name": name, "title": name}));
        let error = |name: &str| json!({"status": 422, name: "Ann"});
        let failed = [
            json!({"status": 422, "errors": [{"pointer": "/name", "detail": "Ann"}]}),
            json!({"status": 422, "error": {"message": "Ann", "x": 1}}),
            error("reason"),
            error("errorDescription"),
            error("status_text"),
            error("msg"),
            json!({"status": 422, "summary": ["Ann", "Tom"]}),
        ];
        for bad in failed {
            let body = json!([{"status": 201}, bad, {"status": 201}]);
            assert_eq!(read_of(207, &body, &documents, &AnswerRules::default()), "ok no ok", "{body}");
        }
        // Any other name may be one of a key, and so may one that the documents have.
        for name in ["ref", "name", "title", "value", "textId"] {
            let body = json!([{"status": 201}, error(name), {"status": 201}]);
            assert_eq!(read_of(207, &body, &documents, &AnswerRules::default()), NOT_EACH_ONCE, "{body}");
        }
        let two = json!([{"status": 201, "name": "Norris"}, {"status": 422, "errors": [{"detail": "Norris"}]}]);
        let sent = [json!({"name": "Norris"}), json!({"name": "Tom"})];
        assert_eq!(read_of(207, &two, &sent, &AnswerRules::default()), "ok no");
    }

    #[test]
    fn a_code_of_a_thing_is_no_failure() {
        let documents = [json!({"id": "k0", "code": 1001, "name": "a"}), json!({"id": "k1", "code": 200, "name": "b"})];
        let bare = json!([{"id": "k0", "code": 1001}, {"id": "k1", "code": 200}]);
        let table = [
            (bare, 2, "all ok"),
            (json!([{"id": "k1", "code": 200}, {"id": "k0", "code": 1001}]), 2, "all ok"),
            (json!({"id": "k0", "code": 1001}), 1, "all ok"),
            (json!({"code": 1001}), 1, "all ok"),
            (json!({"code": 70001, "name": "a"}), 1, "all ok"),
            (json!({"code": 70001, "took": 3}), 1, "all no"),
            (json!({"code": 70001}), 2, "all no"),
            (json!([{"id": "k0", "code": 70001}, {"id": "k1", "code": 0}]), 2, "no ok"),
            (json!([{"id": "k0", "code": 70001}, {"id": "k1", "code": 70002}]), 2, "all ok"),
        ];
        for (body, count, expected) in table {
            assert_eq!(read_of(200, &body, &documents[..count], &AnswerRules::default()), expected, "{body}");
        }
    }

    #[test]
    fn every_order_of_results_means_the_same() {
        let statuses = [200, 422, 503];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let list: Vec<Value> = order.iter().map(|at| json!({"index": at, "status": statuses[*at]})).collect();
            assert_eq!(read(207, &list.into(), 3), "ok no again", "{order:?}");
        }
    }

    #[test]
    fn what_the_profile_says_counts_and_nothing_is_guessed() {
        let documents = [json!({"id": 1}), json!({"id": 2})];
        let accept =
            |equals: Value| AnswerRules { accept: Some(AcceptRule { pointer: "/ack".into(), equals }), results: None };
        let table = [
            (accept(true.into()), json!({"ack": true, "error": "none of this counts"}), "all ok"),
            (accept(true.into()), json!({"ack": "true"}), "all no"),
            (accept(true.into()), json!({}), "all no"),
            (accept(2.into()), json!({"ack": 2.0}), "all ok"),
            (accept(2.into()), json!({"ack": 3}), "all no"),
            (accept(9_007_199_254_740_993_u64.into()), json!({"ack": 9_007_199_254_740_992_u64}), "all no"),
            (accept("yes".into()), json!({"ack": "no"}), "all no"),
        ];
        for (rules, body, expected) in table {
            assert_eq!(read_of(200, &body, &documents, &rules), expected, "{body}");
        }
        let rule = |index: Option<&str>| AnswerRules {
            accept: None,
            results: Some(ResultsRule { list: "/items".into(), status: "/code".into(), index: index.map(Into::into) }),
        };
        let table = [
            (rule(None), json!({"items": [{"code": 200}, {"code": 422}], "errors": true}), "ok no"),
            (rule(Some("/n")), json!({"items": [{"code": 201.0, "n": 1.0}, {"code": "422.0", "n": "0.0"}]}), "no ok"),
            (rule(Some("/n")), json!({"items": [{"code": true, "n": "1"}, {"code": "rejected", "n": 0}]}), "no ok"),
            (
                rule(Some("/n")),
                json!({"items": [{"code": 200, "n": 0}, {"code": 200}]}),
                "results that do not name each document once",
            ),
            (rule(None), json!({"items": [{"code": 200}]}), "results for 1 documents instead of 2"),
            (rule(None), json!({"items": [{"code": 200}, {}]}), "a result without a status at `/code`"),
            (rule(None), json!({"success": true}), "no list at `/items`"),
        ];
        for (rules, body, expected) in table {
            assert_eq!(read_of(200, &body, &documents, &rules), expected, "{body}");
        }
    }
}
