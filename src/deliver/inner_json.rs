//! The JSON of an answer -> the same with the JSON in its texts, as in `{"body": "{\\"status\\": 422}"}`.
//!
//! Pure. A text that was sent is none of the API, and stays a text.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeSet};

use serde_json::Value;

use crate::deliver::{
    failure_words::SentDocuments,
    success_body::{cut, read_json},
};

/// How many times a text may lie in another one.
const MAX_DEPTH: usize = 3;

/// The body with an object or a list in place of each text that is one.
pub(crate) fn unfold<'a>(body: &'a Value, sent: &SentDocuments<'_>) -> Cow<'a, Value> {
    if !has_inner(body) {
        return Cow::Borrowed(body);
    }
    let texts = OnceCell::new();
    let is_sent = |text: &str| {
        let texts = texts
            .get_or_init(|| sent.all().iter().flat_map(|document| document.values()).fold(BTreeSet::new(), collect));
        texts.contains(cut(text))
    };
    let mut body = body.clone();
    replace(&mut body, &is_sent, MAX_DEPTH);
    Cow::Owned(body)
}

fn may_be_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn has_inner(value: &Value) -> bool {
    match value {
        Value::String(text) => may_be_json(text),
        Value::Array(items) => items.iter().any(has_inner),
        Value::Object(members) => members.values().any(has_inner),
        _ => false,
    }
}

fn collect<'a>(mut texts: BTreeSet<&'a str>, value: &'a Value) -> BTreeSet<&'a str> {
    match value {
        Value::String(text) => {
            texts.insert(cut(text));
            texts
        }
        Value::Array(items) => items.iter().fold(texts, collect),
        Value::Object(members) => members.values().fold(texts, collect),
        _ => texts,
    }
}

fn replace(value: &mut Value, is_sent: &impl Fn(&str) -> bool, depth: usize) {
    match value {
        Value::String(text) if depth > 0 && may_be_json(text) && !is_sent(text) => {
            if let Some(mut inner) = read_json(text.as_bytes()) {
                replace(&mut inner, is_sent, depth - 1);
                *value = inner;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, is_sent, depth)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, is_sent, depth)),
        _ => {}
    }
}
