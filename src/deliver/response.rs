//! One answer of the API -> a verdict on the batch.
//!
//! Pure. Only a complete answer with an accepted status and the expected shape is an acknowledgement; after any other the
//! batch is rejected or in doubt. Of what the server wrote, only the `type` and the locations of problem details are passed
//! on: titles, details and bodies may repeat personal data. `problem_details` reads those, `item_results` the results for
//! single documents.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::{
    config::profile::destination::AnswerRules,
    deliver::{
        batch::Batch,
        failure_words::{SentDocuments, Told, read_status},
        item_results::{failure, read_body},
        problem_details::ProblemDetails,
        retry,
        success_body::{read_error, read_json},
        verdict::{Verdict, is_in_progress},
    },
    diagnostic::Code,
};

/// A whole answer to one request.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `Content-Type`.
    pub(crate) content_type: String,
    /// `Retry-After`.
    pub(crate) retry_after: Option<String>,
    /// `Date`.
    pub(crate) date: Option<String>,
    /// The host of `Location`, and nothing else of it.
    pub(crate) location: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The host of a redirect, as messages show it.
pub(crate) fn show_redirect(host: &str) -> String {
    format!(" to `{host}`")
}

/// The verdict of an answer to a batch.
pub(crate) fn read_verdict(answer: &Answer, batch: &Batch, rules: &AnswerRules, now: Timestamp) -> Verdict {
    let wait =
        || answer.retry_after.as_deref().and_then(|text| retry::parse_retry_after(text, answer.date.as_deref(), now));
    let refused = |said: String| Verdict::Refused(Code::DeliverRefused, said);
    let details = || ProblemDetails::read(answer.status, &read_error(&answer.body));
    match answer.status {
        202 | 205 | 206 | 226 => Verdict::NoAnswer(format!("{}: {}", answer.status, open_meaning(answer.status))),
        200..=299 => read_success(answer, batch, rules, wait()),
        300..=399 => {
            let to = answer.location.as_deref().map_or_else(String::new, show_redirect);
            Verdict::Refused(Code::DeliverRedirect, format!("answered {} with a redirect{to}", answer.status))
        }
        400 | 422 => Verdict::Rejected(details()),
        409 | 412 => match details() {
            details if is_in_progress(&details.kind) => {
                Verdict::Again { status: answer.status, wait: wait(), alone: false }
            }
            details => Verdict::Rejected(details),
        },
        413 => Verdict::TooLarge,
        429 | 503 => Verdict::Again { status: answer.status, wait: wait(), alone: true },
        // Who sends is the same for all documents.
        401 | 407 => refused(format!("answered {}", answer.status)),
        408 | 425 => Verdict::Again { status: answer.status, wait: wait(), alone: false },
        // 501 and 505 are about what the server can do, so trying again does not help.
        501 | 505 | 400..=499 => Verdict::Denied(details()),
        500..=599 => Verdict::Again { status: answer.status, wait: wait(), alone: false },
        status => refused(format!("answered {status}")),
    }
}

/// Why a success of this status acknowledges nothing.
fn open_meaning(status: u16) -> &'static str {
    match status {
        202 => "it may or may not act on the request later",
        205 => "it asks for a reset and says nothing of the request",
        206 => "a part of an answer",
        _ => "what it did is said elsewhere",
    }
}

/// A success counts only if it is the answer of an API: empty, or JSON; and only for the documents it accepts.
fn read_success(answer: &Answer, batch: &Batch, rules: &AnswerRules, wait: Option<Duration>) -> Verdict {
    let status = answer.status;
    let refused = |said: &str| Verdict::Refused(Code::DeliverRefused, format!("answered {status} with {said}"));
    let media = answer.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
    let is_problem = media == "application/problem+json";
    if answer.body.is_empty() {
        return match rules {
            _ if status == 207 => refused("a result for each document that cannot be read"),
            _ if is_problem => Verdict::NoAnswer(format!("{status} with a problem that is empty")),
            AnswerRules { accept: None, results: None } => Verdict::Accepted,
            _ => Verdict::NoAnswer(format!("{status} without what the profile says that a body holds")),
        };
    }
    if !is_json && media != "text/html" && status == 207 {
        return refused("a result for each document that cannot be read");
    }
    if !is_json {
        let what = if media == "text/html" { "a web page" } else { "something that is not JSON" };
        return Verdict::NoAnswer(format!("{status} with {what}"));
    }
    let Some(body) = read_json(&answer.body) else {
        return Verdict::NoAnswer(format!("{status} with broken JSON"));
    };
    if is_problem {
        let told = body.as_object().and_then(|object| Some(read_status(object, "status", object.get("status")?)));
        let told = told.filter(|told| told.is_bad()).unwrap_or(Told::Bad(None));
        return failure(status, told, &body, wait);
    }
    match read_body(status, &body, &SentDocuments::of(batch), rules, wait) {
        Ok(verdict) => verdict,
        Err(said) => refused(&said),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use serde_json::json;

    use super::{Answer, read_verdict};
    use crate::{
        config::profile::destination::AnswerRules,
        deliver::{batch::test_batch, verdict::Verdict},
        diagnostic::Code,
    };

    /// The verdict of an answer to two documents.
    fn verdict(answer: &Answer) -> Verdict {
        let batch = test_batch(&[json!({"n": 1}), json!({"n": 2})]);
        read_verdict(answer, &batch, &AnswerRules::default(), Timestamp::UNIX_EPOCH)
    }

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer { status, content_type: content_type.into(), body: body.into(), ..Answer::default() }
    }

    /// A verdict as one word.
    fn word(answer: &Answer) -> String {
        match verdict(answer) {
            Verdict::Accepted => "accepted".into(),
            Verdict::Again { alone: true, .. } => "again alone".into(),
            Verdict::Again { .. } => "again".into(),
            Verdict::NoAnswer(_) => "no answer".into(),
            Verdict::TooLarge => "too large".into(),
            Verdict::Rejected(_) => "rejected".into(),
            Verdict::Denied(_) => "denied".into(),
            Verdict::Each(items) => format!("{} results", items.len()),
            Verdict::Refused(code, _) => code.word().into(),
        }
    }

    #[test]
    fn every_status_has_a_verdict() {
        let table = [
            (200, "accepted"),
            (201, "accepted"),
            (204, "accepted"),
            (202, "no answer"),
            (205, "no answer"),
            (206, "no answer"),
            (226, "no answer"),
            (207, "deliver/refused"),
            (407, "deliver/refused"),
            (451, "denied"),
            (505, "denied"),
            (301, "deliver/redirect"),
            (302, "deliver/redirect"),
            (303, "deliver/redirect"),
            (304, "deliver/redirect"),
            (307, "deliver/redirect"),
            (308, "deliver/redirect"),
            (400, "rejected"),
            (422, "rejected"),
            (401, "deliver/refused"),
            (403, "denied"),
            (404, "denied"),
            (405, "denied"),
            (406, "denied"),
            (410, "denied"),
            (415, "denied"),
            (418, "denied"),
            (501, "denied"),
            (409, "rejected"),
            (412, "rejected"),
            (413, "too large"),
            (408, "again"),
            (425, "again"),
            (429, "again alone"),
            (500, "again"),
            (502, "again"),
            (503, "again alone"),
            (504, "again"),
            (599, "again"),
            (600, "deliver/refused"),
            (100, "deliver/refused"),
        ];
        for (status, expected) in table {
            assert_eq!(word(&answer(status, "", "")), expected, "{status}");
        }
    }

    #[test]
    fn only_an_empty_or_json_body_acknowledges() {
        let table = [
            (200, "application/json", "{\"accepted\": 3}", "accepted"),
            (200, "application/json; charset=utf-8", "[]", "accepted"),
            (201, "application/hal+json", "{}", "accepted"),
            (200, "APPLICATION/JSON", "null", "accepted"),
            (200, "text/html", "", "accepted"),
            (200, "text/html", "<html>log in</html>", "no answer"),
            (200, "application/json", "<html>log in</html>", "no answer"),
            (200, "application/json", "{\"accepted\": ", "no answer"),
            (200, "text/plain", "ok", "no answer"),
            (200, "", "{}", "no answer"),
            (206, "application/json", "{}", "no answer"),
            (202, "application/json", "{}", "no answer"),
            (200, "application/json", "{\"errors\": [{\"index\": 1}]}", "rejected"),
            (205, "application/json", "{}", "no answer"),
            (226, "application/json", "{}", "no answer"),
            (200, "application/json", "\u{feff}{\"accepted\": 2}", "accepted"),
            (200, "application/json", "{\"errors\": [1], \"errors\": []}", "no answer"),
            (200, "application/json", "{\"success\": false}", "rejected"),
            (200, "application/json", "{\"statusCode\": 500}", "again"),
            (200, "application/problem+json", "{}", "rejected"),
            (200, "application/problem+json", "{\"status\": 503}", "again alone"),
            (200, "application/problem+json", "", "no answer"),
            (200, "application/json", "[{\"status\": 201}, {\"status\": 400}]", "2 results"),
            (200, "application/json", "[{\"status\": 201}]", "deliver/refused"),
            (207, "application/json", "[{\"status\": 201}, {\"status\": 400}]", "2 results"),
            (207, "application/json", "{}", "deliver/refused"),
            (207, "application/json", "[{", "no answer"),
            (207, "application/xml", "<multistatus/>", "deliver/refused"),
            (207, "text/html", "<html>log in</html>", "no answer"),
        ];
        for (status, content_type, body, expected) in table {
            assert_eq!(word(&answer(status, content_type, body)), expected, "{status} {content_type} {body}");
        }
    }

    #[test]
    fn a_conflict_in_progress_is_waited_for() {
        let body = r#"{"type": "https://example.com/problems/request-in-progress"}"#;
        assert_eq!(word(&answer(409, "application/problem+json", body)), "again");
        let body = r#"{"type": "https://example.com/problems/conflict"}"#;
        assert_eq!(word(&answer(409, "application/problem+json", body)), "rejected");
    }

    #[test]
    fn retry_after_is_passed_on() {
        let busy = Answer { retry_after: Some("7".into()), ..answer(503, "", "") };
        let wait = Some(Duration::from_secs(7));
        assert_eq!(verdict(&busy), Verdict::Again { status: 503, wait, alone: true });
    }

    #[test]
    fn a_redirect_shows_its_host_only() {
        let moved = Answer { location: Some("portal.example".into()), ..answer(302, "", "") };
        let said = "answered 302 with a redirect to `portal.example`".to_owned();
        assert_eq!(verdict(&moved), Verdict::Refused(Code::DeliverRedirect, said));
    }

    #[test]
    fn an_answer_shows_nothing_but_its_status() {
        let answer = answer(422, "canary/json", "{\"title\": \"canary\"}");
        assert_eq!(format!("{answer:?}"), "Answer { status: 422, .. }");
    }
}
