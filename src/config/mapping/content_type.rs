//! The media type of a body: which texts are one, and which of them are JSON.

/// The most bytes of a media type with its parameters.
const MAX_LENGTH: usize = 200;

/// The type of a body that says nothing else.
pub const JSON: &str = "application/json";

/// Why a text is no media type of JSON in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentTypeFault {
    /// It is written in another way than media types are.
    Syntax,
    /// It is the type of something else.
    NotJson,
    /// It says that the body is in another encoding.
    Charset,
}

/// Whether a media type without its parameters is `application/json` or ends in `+json`, in any case.
#[must_use]
pub fn is_json(media: &str) -> bool {
    let media = media.trim().to_ascii_lowercase();
    let has_suffix = || media.split_once('/').is_some_and(|(_, name)| name.len() > 5 && name.ends_with("+json"));
    media == JSON || has_suffix()
}

/// Checks a media type with parameters, as in `application/fhir+json; fhirVersion=4.0`.
///
/// # Errors
/// It is none, or not that of JSON in UTF-8.
pub fn check(text: &str) -> Result<(), ContentTypeFault> {
    let is_plain = text.len() <= MAX_LENGTH && text.trim() == text && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let (media, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    let media = media.trim_end();
    if !is_plain || !media.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name)) {
        return Err(ContentTypeFault::Syntax);
    }
    if !is_json(media) {
        return Err(ContentTypeFault::NotJson);
    }
    while !rest.is_empty() {
        let parameter = rest.strip_prefix(';').map(str::trim_start).and_then(read_parameter);
        let (name, value, after) = parameter.ok_or(ContentTypeFault::Syntax)?;
        if name.eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            return Err(ContentTypeFault::Charset);
        }
        rest = after.trim_start();
    }
    Ok(())
}

/// The name, the value and the rest of a text that begins with a parameter.
fn read_parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once('=').filter(|(name, _)| is_token(name))?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, rest) = quoted.split_once('"').filter(|(value, _)| !value.contains('\\'))?;
        return Some((name, value, rest));
    }
    let (value, rest) = rest.split_at(rest.find([';', ' ']).unwrap_or(rest.len()));
    is_token(value).then_some((name, value, rest))
}

/// A word of a header (RFC 9110).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::config::mapping::content_type::{ContentTypeFault, check};

    #[test]
    fn only_types_of_json_in_utf_8_are_taken() {
        use ContentTypeFault::{Charset, NotJson, Syntax};
        let table = [
            ("application/json", Ok(())),
            ("Application/JSON", Ok(())),
            ("application/fhir+json", Ok(())),
            ("application/vnd.api+json; charset=utf-8", Ok(())),
            ("application/json;charset=\"UTF-8\"", Ok(())),
            ("application/fhir+json; fhirVersion=4.0 ; a=\"b; c\"", Ok(())),
            ("model/gltf+json", Ok(())),
            ("text/json", Err(NotJson)),
            ("application/xml", Err(NotJson)),
            ("application/+json", Err(NotJson)),
            ("application/json-seq", Err(NotJson)),
            ("application/x-ndjson", Err(NotJson)),
            ("application/jsonp", Err(NotJson)),
            ("application/json; charset=latin-1", Err(Charset)),
            ("application/json; a=b; Charset=utf-16", Err(Charset)),
            ("json", Err(Syntax)),
            ("", Err(Syntax)),
            ("application/json;", Err(Syntax)),
            ("application/json; a", Err(Syntax)),
            ("application/json; a=", Err(Syntax)),
            ("application/json; a=\"b", Err(Syntax)),
            ("application/json; a=\"b\"c", Err(Syntax)),
            ("application/json, text/html", Err(Syntax)),
            ("application/json ", Err(Syntax)),
            ("application/json\r\nX-A: b", Err(Syntax)),
            ("application/jsön", Err(Syntax)),
            ("a/b/c+json", Err(Syntax)),
        ];
        for (text, expected) in table {
            assert_eq!(check(text), expected, "{text:?}");
        }
        assert_eq!(check(&format!("application/{}+json", "x".repeat(200))), Err(Syntax));
    }
}
