//! An answer with a result for each document -> a verdict for each document.
//!
//! Pure. The list is the body itself or a member of it (`items`, `results`, `responses`, …), as long as the batch, in its
//! order or with an `index` from 0 in each item. The result of an item is a status: a number, a string (`"201"`,
//! `"HTTP/1.1 201 Created"`), or a boolean `success`; it may be one level deeper, as in `{"create": {"status": 201}}`.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::deliver::{
    problem_details::ProblemDetails,
    verdict::{ItemResult, Verdict, is_in_progress},
};

/// The keys of an item's status. `code` counts only in a 207, whose status says that it lists results.
const STATUS: &[&str] = &["status", "statusCode", "status_code", "httpStatus", "code"];

/// Reads the results of a batch of `documents`; `None` when the body lists none.
///
/// # Errors
/// What is wrong with the list: then its items cannot be assigned to documents.
pub(crate) fn read_results(
    status: u16,
    body: &Value,
    documents: u64,
    wait: Option<Duration>,
) -> Option<Result<Vec<ItemResult>, String>> {
    let is_listed = status == 207;
    let list = find_list(body, is_listed)?;
    if list.len() as u64 != documents {
        return Some(Err(format!("results for {} documents instead of {documents}", list.len())));
    }
    let mut slots: Vec<Option<ItemResult>> = vec![None; list.len()];
    let numbers: Vec<Option<usize>> = list.iter().map(index).collect();
    let is_numbered = numbers.iter().any(Option::is_some);
    for (place, (item, number)) in list.iter().zip(numbers).enumerate() {
        let number = if is_numbered { number } else { Some(place) };
        match number.and_then(|number| slots.get_mut(number)).filter(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(item_result(status_of(item, is_listed)?, item, wait)),
            None => return Some(Err("results that do not name each document once".into())),
        }
    }
    slots.into_iter().collect::<Option<Vec<ItemResult>>>().map(Ok)
}

/// Whether the body of a success reports errors.
pub(crate) fn reports_errors(body: &Value) -> bool {
    match body.get("errors") {
        Some(Value::Array(errors)) => !errors.is_empty(),
        Some(Value::Object(errors)) => !errors.is_empty(),
        Some(errors) => *errors == Value::Bool(true),
        None => false,
    }
}

/// The list in which every item has a result.
fn find_list(body: &Value, is_listed: bool) -> Option<&Vec<Value>> {
    let is_list =
        |items: &Vec<Value>| !items.is_empty() && items.iter().all(|item| status_of(item, is_listed).is_some());
    match body {
        Value::Array(items) => Some(items).filter(|items| is_list(items)),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "errors");
            members.filter_map(|(_, value)| value.as_array()).find(|items| is_list(items))
        }
        _ => None,
    }
}

/// The item itself, or the only object in it.
fn unwrap_item(item: &Value) -> Option<&Map<String, Value>> {
    let object = item.as_object()?;
    match object.values().next().and_then(Value::as_object) {
        Some(only) if object.len() == 1 => Some(only),
        _ => Some(object),
    }
}

/// The status of one item; `None` when it has no valid one.
fn status_of(item: &Value, is_listed: bool) -> Option<u16> {
    let object = unwrap_item(item)?;
    let keys = STATUS.iter().filter(|key| is_listed || **key != "code");
    let status = keys.filter_map(|key| object.get(*key)).find_map(|status| match status {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => {
            let text = text.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1)).unwrap_or(text);
            text.parse().ok()
        }
        _ => None,
    });
    let success = || match object.get("success")? {
        Value::Bool(true) => Some(200),
        Value::Bool(false) => Some(422),
        _ => None,
    };
    status.filter(|status| (100..600).contains(status)).or_else(success)
}

/// The index of one item, if it has one.
fn index(item: &Value) -> Option<usize> {
    let number = item.get("index").or_else(|| unwrap_item(item)?.get("index"))?;
    // A number that is not an index is that of no document.
    number.is_number().then(|| number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX))
}

fn item_result(status: u16, item: &Value, wait: Option<Duration>) -> ItemResult {
    let details = || ProblemDetails::read(status, item);
    let verdict = match status {
        200 | 201 | 203..=205 | 208..=299 => Verdict::Accepted,
        // 424: it failed because another one did. 202, 206, 207: the outcome is still open.
        202 | 206 | 207 | 408 | 424 | 425 | 500 | 502..=504 | 506..=599 => Verdict::Again { wait, alone: false },
        429 => Verdict::Again { wait, alone: true },
        409 | 412 if is_in_progress(&details().kind) => Verdict::Again { wait, alone: false },
        413 => Verdict::TooLarge,
        _ => Verdict::Rejected(details()),
    };
    ItemResult { status, verdict }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{read_results, reports_errors};
    use crate::deliver::verdict::Verdict;

    /// The verdicts of a list of results, as a word for each document.
    fn read(status: u16, body: &Value, documents: u64) -> String {
        let word = |verdict: &Verdict| match verdict {
            Verdict::Accepted => "ok",
            Verdict::Again { alone: false, .. } => "again",
            Verdict::Again { alone: true, .. } => "alone",
            Verdict::TooLarge => "large",
            Verdict::Rejected(_) => "no",
            _ => "?",
        };
        match read_results(status, body, documents, None) {
            None => "none".into(),
            Some(Err(said)) => said,
            Some(Ok(items)) => items.iter().map(|item| word(&item.verdict)).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn results_are_read_in_the_shapes_that_servers_use() {
        let table = [
            (json!([{"status": 201}, {"status": 422}, {"status": 503}]), "ok no again"),
            (
                json!([{"index": 2, "status": 201}, {"index": 0, "status": 422}, {"index": 1, "status": 429}]),
                "no alone ok",
            ),
            (json!({"items": [{"status": "201"}, {"status": "413"}, {"status": "409"}]}), "ok large no"),
            (
                json!({"responses": [{"href": "/a", "status": "HTTP/1.1 200 OK"}, {"status": "HTTP/1.1 424 Failed Dependency"}, {"status": "HTTP/2 404"}]}),
                "ok again no",
            ),
            (
                json!({"errors": true, "items": [{"index": {"status": 200}}, {"index": {"status": 400}}, {"create": {"status": 201}}]}),
                "ok no ok",
            ),
            (json!([{"success": true, "id": "x"}, {"success": false}, {"success": true}]), "ok no ok"),
            (json!([{"code": 200}, {"code": 202}, {"code": 501}]), "ok again no"),
            (
                json!([{"status": 412, "type": "urn:request-in-progress"}, {"status": 204}, {"status": 100}]),
                "again ok no",
            ),
            (json!([{"status": 201}, {"status": 201}]), "results for 2 documents instead of 3"),
            (
                json!([{"status": 201}, {"status": 201}, {"status": 201}, {"status": 201}]),
                "results for 4 documents instead of 3",
            ),
            (
                json!([{"index": 0, "status": 201}, {"index": 0, "status": 201}, {"index": 1, "status": 201}]),
                "results that do not name each document once",
            ),
            (
                json!([{"index": 1, "status": 201}, {"index": 2, "status": 201}, {"index": 3, "status": 201}]),
                "results that do not name each document once",
            ),
            (
                json!([{"index": 0, "status": 201}, {"status": 201}, {"index": 1, "status": 201}]),
                "results that do not name each document once",
            ),
            (
                json!([{"index": -1, "status": 201}, {"index": 0, "status": 201}, {"index": 1, "status": 201}]),
                "results that do not name each document once",
            ),
            (json!([{"status": 201}, {"status": "fine"}, {"status": 201}]), "none"),
            (json!([{"status": 201}, {"status": 99}, {"status": 201}]), "none"),
            (json!({"accepted": 3}), "none"),
            (json!([]), "none"),
            (Value::Null, "none"),
        ];
        for (body, expected) in table {
            assert_eq!(read(207, &body, 3), expected, "{body}");
        }
    }

    #[test]
    fn documents_in_an_answer_are_not_results() {
        for body in [json!([{"status": "active"}, {"code": 404}]), json!([{"code": 404}, {"code": 404}]), json!([1, 2])]
        {
            assert_eq!(read(200, &body, 2), "none", "{body}");
        }
        assert_eq!(read(200, &json!([{"status": 201}, {"status": 400}]), 2), "ok no");
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
    fn errors_in_a_success_are_seen() {
        for body in [json!({"errors": [1]}), json!({"errors": {"a": 1}}), json!({"errors": true})] {
            assert!(reports_errors(&body), "{body}");
        }
        for body in [
            json!({"errors": []}),
            json!({"errors": {}}),
            json!({"errors": false}),
            json!({"errors": null}),
            json!({"errors": 0}),
            json!([]),
        ] {
            assert!(!reports_errors(&body), "{body}");
        }
    }
}
