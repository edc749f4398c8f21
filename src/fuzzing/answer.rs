//! Answers of an API: whatever it says, each has a verdict, and a verdict of each document is one of each.

use jiff::Timestamp;

use crate::{
    config::profile::destination::{AnswerRules, BodyShape, Limits},
    deliver::{
        batch::batches,
        response::{Answer, read_verdict},
        verdict::Verdict,
    },
    recording::payload::Payload,
};

/// The statuses that are tried, by the first byte.
const STATUSES: [u16; 16] = [200, 201, 202, 204, 207, 302, 400, 401, 404, 409, 413, 422, 429, 500, 502, 503];
/// The kinds of body, by the second byte.
const TYPES: [&str; 4] = ["application/json", "application/problem+json", "text/html", ""];

/// The third byte says how many documents were sent; what follows is the body.
///
/// # Panics
/// There are more or fewer results than documents.
pub fn fuzz(bytes: &[u8]) {
    let [status, media, count, body @ ..] = bytes else { return };
    let documents = u64::from(count % 8) + 1;
    let payloads = (0..documents).map(|index| {
        Payload::conforming(
            index,
            format!(r#"{{"id":"k{index}","n":{index},"mail":"a{index}@example.org"}}"#).into_bytes(),
        )
    });
    let limits = Limits { documents: None, bytes: None };
    let Some(batch) = batches(payloads, limits, BodyShape::Array).next() else { return };
    let answer = Answer {
        status: STATUSES[usize::from(*status) % STATUSES.len()],
        content_type: TYPES[usize::from(*media) % TYPES.len()].to_owned(),
        body: body.to_vec(),
        ..Answer::default()
    };
    let rules = AnswerRules { accept: None, results: None };
    if let Verdict::Each(results) = read_verdict(&answer, &batch, &rules, Timestamp::UNIX_EPOCH) {
        assert_eq!(results.len() as u64, documents);
    }
}
