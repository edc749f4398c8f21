//! The name of a member of an answer -> what its value tells: success, failure, a status, or nothing.
//!
//! Pure. A name is read as words, whatever its case and separators, and so is the value of a status: one list of words of
//! failure serves both. A name such as `recordsFailed` is thus known without being listed.

/// Words of failure, in names and as the value of a status. Longer ones come before those that they begin with.
const FAILURES: [&str; 41] = [
    "unsuccessful",
    "unprocessable",
    "unprocessed",
    "unaccepted",
    "unsaved",
    "exceptions",
    "exception",
    "rejections",
    "rejection",
    "rejected",
    "rejects",
    "reject",
    "failures",
    "failure",
    "failing",
    "failed",
    "fails",
    "fail",
    "errored",
    "errors",
    "error",
    "errno",
    "errs",
    "err",
    "invalid",
    "faults",
    "fault",
    "refused",
    "denied",
    "discarded",
    "dropped",
    "skipped",
    "ignored",
    "conflicts",
    "conflict",
    "aborted",
    "erroneous",
    "unwritten",
    "malformed",
    "violations",
    "violation",
];
/// Words that tell of failure only as the value of a status.
const FAILURE_STATES: [&str; 16] = [
    "forbidden",
    "unauthorized",
    "unauthorised",
    "cancelled",
    "canceled",
    "declined",
    "partial",
    "partially",
    "incomplete",
    "unavailable",
    "timeout",
    "fatal",
    "critical",
    "blocked",
    "nok",
    "ko",
];
/// Words that tell of success.
const SUCCESSES: [&str; 30] = [
    "ok",
    "success",
    "succeeded",
    "successful",
    "successfully",
    "created",
    "updated",
    "accepted",
    "acknowledged",
    "processed",
    "valid",
    "done",
    "complete",
    "completed",
    "stored",
    "saved",
    "inserted",
    "upserted",
    "replaced",
    "unchanged",
    "noop",
    "imported",
    "indexed",
    "written",
    "added",
    "applied",
    "delivered",
    "passed",
    "found",
    "received",
];
/// Words that count what is as good as accepted: it was written, or it was there before.
const OTHER_SUCCESSES: [&str; 37] = [
    "ok",
    "success",
    "successes",
    "succeeded",
    "successful",
    "created",
    "updated",
    "inserted",
    "upserted",
    "replaced",
    "modified",
    "merged",
    "patched",
    "stored",
    "saved",
    "written",
    "added",
    "imported",
    "indexed",
    "applied",
    "delivered",
    "unchanged",
    "unmodified",
    "untouched",
    "noop",
    "noops",
    "duplicate",
    "duplicates",
    "duplicated",
    "deduplicated",
    "existing",
    "existed",
    "exists",
    "already",
    "identical",
    "same",
    "matched",
];
/// Words for what did not go well, where a count of what did stands beside.
const FAILED_PARTS: [&str; 12] =
    ["ko", "nok", "kos", "noks", "bad", "declined", "forbidden", "unauthorized", "blocked", "nack", "nacks", "nacked"];
/// Words before one of failure with which a name is about what did not happen, or about what would be done.
const EXCUSES_BEFORE: [&str; 22] = [
    "no", "non", "not", "without", "zero", "max", "maximum", "limit", "allow", "allowed", "allows", "ignore", "skip",
    "on", "if", "retry", "stop", "continue", "include", "expected", "fixed", "resolved",
];
/// The same after one of failure.
const EXCUSES_AFTER: [&str; 25] = [
    "max",
    "maximum",
    "limit",
    "limits",
    "threshold",
    "tolerance",
    "budget",
    "allowed",
    "over",
    "fast",
    "safe",
    "handling",
    "handler",
    "policy",
    "mode",
    "strategy",
    "resolution",
    "format",
    "level",
    "queue",
    "url",
    "uri",
    "href",
    "fixed",
    "resolved",
];
/// Names of what is only true if it went well, without the `is` in front.
const SUCCESS: [&str; 11] = [
    "ack",
    "acked",
    "success",
    "successful",
    "succeeded",
    "ok",
    "acknowledged",
    "accepted",
    "processed",
    "valid",
    "successstatuscode",
];
/// What may stand before the name of a status.
const BEFORE_CODE: [&str; 6] = ["http", "response", "result", "return", "ret", "api"];
/// What may stand before the name of a status, but not before `code`: there it is the code of a thing.
const BEFORE_STATUS: [&str; 11] =
    ["item", "record", "row", "batch", "bulk", "operation", "request", "import", "processing", "overall", "job"];

/// What the value under a name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Whether it went well.
    Success,
    /// What speaks of success: that it did not go well, or a count of what did.
    SuccessPart,
    /// A count of what was accepted or processed, which may be 0 beside other counts.
    AcceptedCount,
    /// What failed, or how, or how often: it is there only if something did.
    Failure,
    /// That nothing failed; or how many did, since `no` may stand for a number.
    Denial,
    /// A status, as a number or a word.
    Status,
    /// The same, under a name that things have, too.
    Code,
    /// A word for how it went.
    State,
    /// A word for how bad a message is.
    Severity,
    /// What happened, in a sentence.
    Message,
    /// None of these.
    Nothing,
}

/// What the value under this name tells.
pub(crate) fn read_name(name: &str) -> Meaning {
    // `soap:Fault`, `atomic:results`.
    let name = name.rsplit(':').next().unwrap_or(name);
    let plain = normalize(name);
    if let Some(meaning) = read_status_name(&plain) {
        return meaning;
    }
    let holds = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    if !holds(&FAILURES)
        && !holds(&["succe", "ok", "ack", "accepted", "acknowledged", "processed", "valid", "not", "partial"])
    {
        return Meaning::Nothing;
    }
    let words: Vec<String> = split_words(name).into_iter().flat_map(split_at_failure).collect();
    let is_any = |words: &[String], list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let has = |list: &[&str]| is_any(&words, list);
    if let Some(last) = words.iter().rposition(|word| FAILURES.contains(&word.as_str())) {
        let (before, after) = (&words[..last], &words[last + 1..]);
        let is_number_of = before.windows(2).any(|pair| pair == ["no", "of"]);
        return match () {
            () if is_number_of || is_any(after, &["exceeded", "reached"]) => Meaning::Failure,
            () if is_any(before, &["no", "without"]) => Meaning::Denial,
            () if is_any(before, &EXCUSES_BEFORE) || is_any(after, &EXCUSES_AFTER) => Meaning::Nothing,
            () => Meaning::Failure,
        };
    }
    let speaks_of_success = holds(&["succe"]);
    if (has(&["not"]) && has(&SUCCESSES)) || (has(&["partial", "partially"]) && speaks_of_success) {
        return Meaning::Failure;
    }
    let asked = ["is", "was", "all", "has"].iter().find_map(|word| plain.strip_prefix(word));
    match plain.as_str() {
        plain if SUCCESS.contains(&plain) || asked.is_some_and(|rest| SUCCESS.contains(&rest)) => Meaning::Success,
        _ if has(&EXCUSES_BEFORE) || has(&EXCUSES_AFTER) => Meaning::Nothing,
        _ if speaks_of_success => Meaning::SuccessPart,
        _ if has(&["accepted", "processed", "acknowledged"]) => Meaning::AcceptedCount,
        _ => Meaning::Nothing,
    }
}

/// What a name without case and separators means, if it is that of a status.
fn read_status_name(plain: &str) -> Option<Meaning> {
    let ends = |words: &[&str]| words.iter().find_map(|word| plain.strip_suffix(word));
    if ["severity", "level", "type", "kind", "typename", "messagetype", "msgtype", "resulttype"].contains(&plain) {
        return Some(Meaning::Severity);
    }
    if ["message", "msg"].contains(&plain) {
        return Some(Meaning::Message);
    }
    if ["response", "stat", "verdict", "disposition"].contains(&plain) {
        return Some(Meaning::State);
    }
    // What stands before `statuscode` is what stands before `status` there.
    let (before, meaning) = if let Some(before) = ends(&["statuscode", "status"]) {
        (before, Meaning::Status)
    } else if let Some(before) =
        ends(&["statustext", "statusmessage", "statusdescription", "state", "result", "outcome"])
    {
        (before, Meaning::State)
    } else {
        (plain.strip_suffix("code")?, Meaning::Code)
    };
    let mut rest = before;
    while !rest.is_empty() {
        let of_status: &[&str] = if meaning == Meaning::Code { &[] } else { &BEFORE_STATUS };
        rest = BEFORE_CODE.iter().chain(of_status).find_map(|word| rest.strip_prefix(word))?;
    }
    Some(meaning)
}

/// Whether the value under a name says how something went.
pub(crate) fn names_outcome(name: &str) -> bool {
    matches!(read_name(name), Meaning::Success | Meaning::Status | Meaning::Code | Meaning::State)
}

/// Whether a name is that of a count of failures, one for each document.
pub(crate) fn counts_failures(name: &str) -> bool {
    let plain = normalize(name);
    let counts = plain.contains("count") || plain.starts_with("num") || plain.contains("total");
    counts && read_name(name) == Meaning::Failure
}

/// Whether a number under this name says how many there are of something.
pub(crate) fn is_count(name: &str) -> bool {
    let plain = normalize(name);
    let counts = ["count", "num", "total", "size", "length", "code"];
    counts.iter().any(|word| plain.contains(word)) || read_name(name) != Meaning::Nothing
}

/// Whether a name counts documents that are as good as accepted.
pub(crate) fn names_other_success(name: &str) -> bool {
    let words = split_words(name);
    let has = |word: &String| OTHER_SUCCESSES.contains(&word.as_str());
    words.iter().any(has) && !words.iter().any(|word| matches!(word.as_str(), "at" | "not" | "by" | "on"))
}

/// Whether a name counts what went well.
pub(crate) fn names_success(name: &str) -> bool {
    let is_good = |word: &String| {
        matches!(
            word.as_str(),
            "good" | "oks" | "ack" | "acks" | "acked" | "accepted" | "processed" | "valid" | "passed"
        )
    };
    names_other_success(name) || split_words(name).iter().any(is_good)
}

/// Whether a name counts what did not go well, if a count of what did stands beside.
pub(crate) fn names_failed_part(name: &str) -> bool {
    split_words(name).iter().any(|word| FAILED_PARTS.contains(&word.as_str()))
}

/// Whether results may lie below this name: not in a list of what was not accepted, and not where an API says what lies where.
pub(crate) fn may_hold_results(name: &str) -> bool {
    read_name(name) != Meaning::Failure && !names_links(name)
}

/// Whether an API says under this name what lies where.
pub(crate) fn names_links(name: &str) -> bool {
    matches!(normalize(name).as_str(), "links" | "link" | "urls")
}

/// Whether a list under this name may hold bare results, as `[201, 422]`.
pub(crate) fn names_results(name: &str) -> bool {
    let is_one = |name: &str| match read_name(name) {
        Meaning::Success | Meaning::Status | Meaning::Code | Meaning::State => true,
        _ => holds_result(name),
    };
    is_one(name) || ["s", "es"].iter().any(|end| name.strip_suffix(end).is_some_and(is_one))
}

/// Whether an object under this name is the result of the item that has it.
pub(crate) fn holds_result(name: &str) -> bool {
    matches!(normalize(name).as_str(), "response" | "result" | "status" | "outcome")
}

/// A name or a word without case and separators.
pub(crate) fn normalize(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a text is a word of success.
pub(crate) fn is_good_word(text: &str) -> bool {
    SUCCESSES.contains(&normalize(text).as_str())
}

/// Whether a text is a word of failure, or a few words with one of them, and does not deny it.
pub(crate) fn is_bad_word(text: &str) -> bool {
    if text.chars().count() > 60 {
        return false;
    }
    let words = split_words(text);
    let is_one = |word: &String| FAILURES.contains(&word.as_str()) || FAILURE_STATES.contains(&word.as_str());
    let is_denial = |word: &String| matches!(word.as_str(), "no" | "without" | "zero" | "0");
    match words.iter().position(is_one) {
        // `no errors`, `errors: 0`, but not `failed: no such price`.
        Some(at) => {
            let (before, after) = (&words[..at], &words[at + 1..]);
            let is_none_after = |word: &String| matches!(word.as_str(), "0" | "zero" | "none");
            !before.iter().any(is_denial) && !after.first().is_some_and(is_none_after)
        }
        None => words.iter().any(|word| matches!(word.as_str(), "not" | "un")),
    }
}

/// Whether a message begins with what went wrong, as in `ERROR: not saved` or `An error has occurred.`
pub(crate) fn is_failure_message(text: &str) -> bool {
    let words = split_words(text);
    let first = words.iter().find(|word| !matches!(word.as_str(), "a" | "an" | "the"));
    let first_words = ["error", "failed", "failure", "exception", "fatal", "rejected", "refused", "denied", "invalid"];
    let is_none = |word: &String| matches!(word.as_str(), "no" | "0" | "zero" | "none" | "free" | "over");
    first.is_some_and(|first| first_words.contains(&first.as_str())) && !words.iter().any(is_none)
}

/// Whether a text says that a message is one of an error.
pub(crate) fn is_severe(text: &str) -> bool {
    let words = split_words(text);
    let severe = ["error", "errors", "fault", "exception", "failure", "fatal", "critical"];
    text.chars().count() <= 60 && words.iter().any(|word| severe.contains(&word.as_str()))
}

/// The words of a text in lower case: at separators, where a capital letter follows a small one, and before the last of
/// several capital letters that a small one follows, as in `HTTPStatus`.
pub(crate) fn split_words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let is_next_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = c.is_uppercase()
            && before.is_some_and(|before| before.is_lowercase() || (before.is_uppercase() && is_next_small));
        if begins || !c.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A word that holds one of failure -> what stands before it, the word of failure, and what stands after it: names may have
/// no separators, as `failedcount`.
fn split_at_failure(word: String) -> Vec<String> {
    let begins = |failure: &str| failure.len() > 4 && !matches!(failure, "fault" | "faults" | "fails" | "errno");
    let is_other = |rest: &str| rest.starts_with("at");
    let found = FAILURES.iter().filter(|failure| failure.len() > 3).find_map(|failure| {
        let at = word.find(failure).filter(|at| *at == 0 || begins(failure))?;
        (!is_other(&word[at + failure.len()..])).then_some((at, at + failure.len()))
    });
    let found = found.or_else(|| ["errcode", "errmsg"].contains(&word.as_str()).then_some((0, 3)));
    match found {
        Some((from, to)) => {
            let parts = [&word[..from], &word[from..to], &word[to..]];
            parts.into_iter().filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
        None => vec![word],
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning, names_results, read_name, split_words};

    #[test]
    fn names_are_read_as_words() {
        for (text, words) in [
            ("failed_count", "failed count"),
            ("FailedCount", "failed count"),
            ("nFAILED", "n failed"),
            ("ErrorCODE", "error code"),
            ("HTTPStatusCode", "http status code"),
            ("ERRORS", "errors"),
            ("user-errors.list", "user errors list"),
            ("", ""),
        ] {
            assert_eq!(split_words(text).join(" "), words, "{text}");
        }
    }

    #[test]
    fn a_word_of_failure_makes_a_name_one_of_failure_unless_it_is_excused() {
        let failures = "n_failed nFailed nbFailed recordsFailed rowsRejected itemsInvalid numInvalid totalRejected ErrorCODE \
             numFAILED nFAILED FAILEDCOUNT recordsfailed usererrors errorList ErrorMessages ExceptionMessage faultString \
             exceptions soap:Fault errcode err errmsg errno errorNo noOfErrors isFailed hasErrors errored_operations \
             UnprocessedItems invalidRows dropped skippedRows ignored discardedCount unsuccessful notAccepted notCreated \
             partialSuccess errorLimitExceeded version_conflicts SenderFault failedOn unprocessedkeys denied";
        let nothing = "maxErrors errorLimit allowedErrors errorsAllowed retryAfterFailed continueOnError failOnError \
             failover failFast faultTolerance default defaultValue errorsUrl error_handling ignoreErrors notFailed \
             skipInvalid invalidated invalidatedAt notModified mirror partial errand id name took total koala";
        let expected = [
            (Meaning::Failure, failures),
            (Meaning::Nothing, nothing),
            (Meaning::Denial, "noErrors withoutErrors hasNoErrors no_failures"),
            (Meaning::Success, "success isSuccess ok is_ok allSucceeded acknowledged wasAccepted valid"),
            (Meaning::SuccessPart, "successCount numSuccessful recordsSucceeded operationSucceeded successFlag"),
            (Meaning::AcceptedCount, "recordsAccepted processedCount rowsProcessed termsAccepted"),
            (Meaning::Status, "status Status-Code httpStatus http_status_code responseStatus importStatus"),
            (Meaning::Code, "code responseCode http_code resultCode returnCode"),
            (Meaning::State, "state result outcome jobState statusText"),
            (Meaning::Severity, "severity type __typename"),
            (Meaning::Nothing, "itemCode countryCode paymentStatus taxType"),
        ];
        for (meaning, names) in expected {
            for name in names.split_whitespace() {
                assert_eq!(read_name(name), meaning, "{name}");
            }
        }
    }

    #[test]
    fn bare_results_stand_under_the_plural_of_a_name_too() {
        for (name, expected) in [
            ("status", true),
            ("statuses", true),
            ("successes", true),
            ("results", true),
            ("responses", true),
            ("codes", true),
            ("ids", false),
            ("created", false),
        ] {
            assert_eq!(names_results(name), expected, "{name}");
        }
    }
}
