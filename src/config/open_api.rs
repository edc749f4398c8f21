//! An OpenAPI document and a request -> the pointer of the schema of the JSON body of its operation.
//!
//! A path matches if its segments do: what stands in braces may differ, and a value, a field or both may stand where the document
//! has a name. Below `servers` the path may begin with the path of one of them.

use serde_json::{Map, Value};

use crate::{config::unused_definitions::decode_reference, diagnostic::count_slips, json_pointer::escape};

/// The methods that carry documents.
const METHODS: [&str; 3] = ["put", "post", "patch"];
/// How many references in a row are followed.
const MAX_STEPS: usize = 16;
/// How many operations or media types a message names.
const MAX_NAMED: usize = 5;
/// What stands in place of a name: a character that is in no path.
const NAME: char = '\0';

/// A request, as far as it chooses an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRequest {
    /// The method in capitals; `None`: any.
    pub method: Option<String>,
    /// The path, names in braces included; `None`: any.
    pub path: Option<String>,
    /// What its body is called; `None`: any JSON.
    pub content_type: Option<String>,
}

/// Why no body is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoBody {
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
    /// Where in the document, as a pointer; `None`: nowhere.
    pub(super) at: Option<String>,
}

impl NoBody {
    fn new(message: String, hint: String, at: Option<String>) -> NoBody {
        NoBody { message, hint, at }
    }
}

/// An operation of a document.
struct ApiOperation<'a> {
    /// Its method, as the document writes it.
    method: &'static str,
    path: &'a str,
    at: String,
    value: &'a Map<String, Value>,
    /// The paths of its servers.
    bases: Vec<String>,
}

impl ApiOperation<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    /// How well a path matches, with the path of a server before it or without; `None`: it does not.
    fn match_path(&self, path: &str) -> Option<PathMatch> {
        let template = without_names(self.path);
        let below = self.bases.iter().filter(|base| !base.is_empty()).map(|base| without_names(base) + &template);
        below.chain([template.clone()]).filter_map(|template| match_segments(&template, path)).max()
    }
}

/// How well a path matches; the greater, the better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct PathMatch {
    /// How many segments are literally the same.
    literal: usize,
    /// How many characters are the same in segments with names.
    around_names: usize,
}

/// Finds the schema of the JSON body of the operation that a request means.
///
/// # Errors
/// There is no such operation, or its body is not described as JSON.
pub(super) fn find_body(document: &Value, wanted: &WantedRequest) -> Result<String, NoBody> {
    let operations = operations(document);
    let method = |operation: &&ApiOperation<'_>| {
        wanted.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(operation.method))
    };
    let path = wanted.path.as_deref().map(without_query);
    let plain = path.map(without_names);
    let matches = |operation: &ApiOperation<'_>| match &plain {
        Some(path) => operation.match_path(path),
        None => Some(PathMatch::default()),
    };
    let ranked: Vec<(PathMatch, &ApiOperation<'_>)> = operations
        .iter()
        .filter(method)
        .filter_map(|operation| matches(operation).map(|rank| (rank, operation)))
        .collect();
    let best = ranked.iter().map(|(rank, _)| *rank).max().unwrap_or_default();
    let mut found = ranked.iter().filter(|(rank, _)| *rank == best).map(|(_, operation)| *operation);
    match (found.next(), found.next()) {
        (Some(only), None) => body_of(document, only, wanted.content_type.as_deref()),
        (Some(_), Some(_)) => {
            let names: Vec<String> =
                ranked.iter().take(MAX_NAMED).map(|(_, operation)| format!("`{}`", operation.name())).collect();
            let message = format!("several operations of the contract fit: {}", names.join(", "));
            Err(NoBody::new(message, "name one by its method and its path".into(), None))
        }
        (None, _) => Err(describe_missing(&operations, wanted.method.as_deref(), path.unwrap_or_default())),
    }
}

/// All operations with methods that carry documents, in the order of the document.
fn operations(document: &Value) -> Vec<ApiOperation<'_>> {
    let mut found = Vec::new();
    for (path, _) in document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::iter) {
        let at = resolve(document, &format!("/paths/{}", escape(path)));
        let Some(item) = document.pointer(&at).and_then(Value::as_object) else { continue };
        for method in METHODS {
            let Some(value) = item.get(method).and_then(Value::as_object) else { continue };
            let servers = value.get("servers").or(item.get("servers")).or(document.get("servers"));
            let bases = servers.and_then(Value::as_array).into_iter().flatten().filter_map(server_path).collect();
            found.push(ApiOperation { method, path, at: format!("{at}/{method}"), value, bases });
        }
    }
    found
}

/// The operations that take JSON, each with its method in capitals and its path.
pub(super) fn list_json_operations(document: &Value) -> Vec<(String, String)> {
    let all = operations(document);
    let takes_json = |operation: &&ApiOperation<'_>| body_of(document, operation, None).is_ok();
    all.iter().filter(takes_json).map(|found| (found.method.to_uppercase(), found.path.to_owned())).collect()
}

/// The path of a server, its variables replaced by their defaults, without a slash at its end.
fn server_path(server: &Value) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flat_map(Map::iter) {
        let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => url.as_str(),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    Some(if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// How well two paths without names match; `None`: they do not.
fn match_segments(template: &str, path: &str) -> Option<PathMatch> {
    let (templates, paths): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if templates.len() != paths.len() {
        return None;
    }
    let mut found = PathMatch::default();
    for (template, segment) in templates.into_iter().zip(paths) {
        match template.split(NAME).collect::<Vec<&str>>().as_slice() {
            [only] if *only == segment => found.literal += 1,
            [first, middle @ .., last] if is_filled(segment, first, middle, last) => {
                found.around_names += template.chars().filter(|c| *c != NAME).count();
            }
            _ => return None,
        }
    }
    Some(found)
}

/// Whether a segment has these texts in their order, with something in place of each name between them.
fn is_filled(segment: &str, first: &str, middle: &[&str], last: &str) -> bool {
    let Some(mut rest) = segment.strip_prefix(first) else { return false };
    for text in middle {
        let behind_one = rest.char_indices().nth(1).map_or("", |(at, _)| &rest[at..]);
        // The first place is the best: it leaves the most to the names behind.
        let Some(at) = behind_one.find(text).filter(|_| !rest.is_empty()) else { return false };
        rest = &behind_one[at + text.len()..];
    }
    rest.strip_suffix(last).is_some_and(|name| !name.is_empty())
}

/// A path with one character in place of all that stands in each pair of braces, a `/` in it included.
fn without_names(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, inside)) = rest.split_once('{') {
        let Some((_, behind)) = inside.split_once('}') else { break };
        plain.push_str(before);
        plain.push(NAME);
        rest = behind;
    }
    plain + rest
}

/// A path without its query, which does not begin between braces.
fn without_query(path: &str) -> &str {
    let mut is_inside = false;
    let end = path.find(|c| {
        is_inside = c == '{' || (is_inside && c != '}');
        c == '?' && !is_inside
    });
    end.map_or(path, |end| &path[..end])
}

/// Follows the references that stand at a pointer.
fn resolve(document: &Value, pointer: &str) -> String {
    let mut at = pointer.to_owned();
    for _ in 0..MAX_STEPS {
        let reference = document.pointer(&at).and_then(|value| value.get("$ref")).and_then(Value::as_str);
        match reference.and_then(decode_reference) {
            Some(target) => at = target,
            None => break,
        }
    }
    at
}

/// Where the schema of the JSON body of an operation stands.
fn body_of(document: &Value, operation: &ApiOperation<'_>, content_type: Option<&str>) -> Result<String, NoBody> {
    let name = operation.name();
    if !operation.value.contains_key("requestBody") {
        let message = format!("the operation `{name}` of the contract has no body");
        return Err(NoBody::new(message, "name an operation that takes one".into(), Some(operation.at.clone())));
    }
    let at = resolve(document, &format!("{}/requestBody", operation.at));
    let at = format!("{at}/content");
    let Some(content) = document.pointer(&at).and_then(Value::as_object) else {
        let message = format!("the contract does not say what the body of `{name}` is");
        let hint = "describe it under `content` of its `requestBody`, in this file".into();
        return Err(NoBody::new(message, hint, Some(format!("{}/requestBody", operation.at))));
    };
    let Some((media, value)) = json_content(content, content_type) else {
        return Err(describe_media(&name, content, content_type, at));
    };
    let at = format!("{at}/{}", escape(media));
    if value.get("schema").is_none() {
        let message = format!("the contract has no `schema` for the body of `{name}`");
        return Err(NoBody::new(message, "describe the body under `schema` there".into(), Some(at)));
    }
    Ok(format!("{at}/schema"))
}

/// The JSON among the media types of a body: the wanted one, or `application/json` before `…+json`, before what includes it.
fn json_content<'a>(content: &'a Map<String, Value>, wanted: Option<&str>) -> Option<(&'a String, &'a Value)> {
    let with = |is_wanted: &dyn Fn(&str) -> bool| content.iter().find(|(media, _)| is_wanted(&media_kind(media)));
    let exact = match wanted {
        Some(wanted) => with(&|media| media == media_kind(wanted)),
        None => with(&|media| media == "application/json").or_else(|| with(&is_json)),
    };
    exact.or_else(|| with(&|media| matches!(media, "application/*" | "*/*")))
}

/// A media type without its parameters.
fn media_kind(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type is JSON.
fn is_json(media: &str) -> bool {
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// What is said of a body that does not have the wanted media type.
fn describe_media(name: &str, content: &Map<String, Value>, wanted: Option<&str>, at: String) -> NoBody {
    let types: Vec<String> = content.keys().take(MAX_NAMED).map(|media| format!("`{media}`")).collect();
    let json = content.keys().map(|media| media_kind(media)).find(|media| is_json(media));
    let (message, hint) = match (json, wanted, types.as_slice()) {
        (Some(json), Some(wanted), types) => {
            let types = types.join(", ");
            let message = format!("the mapping sends `{wanted}` to `{name}`, and the contract takes {types}");
            (message, format!("write `content_type: {json}` in `request`"))
        }
        (_, _, []) => {
            let hint = "describe it under `content` of its `requestBody`, in this file".into();
            (format!("the contract does not say what the body of `{name}` is"), hint)
        }
        (_, _, types) => {
            let message = format!("the body of `{name}` is no JSON: the contract takes {}", types.join(", "));
            (message, "name an operation that takes `application/json`".into())
        }
    };
    NoBody::new(message, hint, Some(at))
}

/// What is said of an operation that is not there: which ones are, the nearest first.
fn describe_missing(operations: &[ApiOperation<'_>], method: Option<&str>, path: &str) -> NoBody {
    let wanted = format!("{} {path}", method.unwrap_or_default());
    let wanted = wanted.trim();
    let slips = |operation: &ApiOperation<'_>| {
        let bases = operation.bases.iter().map(|base| format!("{} {base}{}", operation.method, operation.path));
        let names = [operation.name()].into_iter().chain(bases);
        names.map(|name| count_slips(wanted, &name)).min().unwrap_or(usize::MAX)
    };
    let mut near: Vec<(usize, String)> =
        operations.iter().map(|operation| (slips(operation), operation.name())).collect();
    near.sort_by_key(|(slips, _)| *slips);
    let names: Vec<String> = near.iter().take(MAX_NAMED).map(|(_, name)| format!("`{name}`")).collect();
    let more = match near.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let hint = match names.as_slice() {
        [] => "it has none that carries a body: is it the right file?".to_owned(),
        names => format!("there are: {}{more}", names.join(", ")),
    };
    NoBody::new(format!("the contract has no operation `{wanted}`"), hint, None)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::open_api::{WantedRequest, find_body, json_content};

    fn find(document: &Value, method: &str, path: &str) -> String {
        let wanted = WantedRequest { method: Some(method.into()), path: Some(path.into()), content_type: None };
        find_body(document, &wanted).unwrap_or_else(|none| format!("{} | {}", none.message, none.hint))
    }

    fn document() -> Value {
        let body = |schema: &str| json!({ "content": { "application/json; charset=utf-8": { "schema": schema } } });
        json!({
            "servers": [{ "url": "https://api.example/{base}/", "variables": { "base": { "default": "v1" } } }, { "url": "/v2" }],
            "paths": {
                "/orders/{id}": { "put": { "requestBody": body("a") }, "get": {} },
                "/orders/new": { "put": { "requestBody": body("b") } },
                "/orders/{id}.json": { "put": { "requestBody": body("c") } },
                "/shared": { "$ref": "#/components/pathItems/shared" },
                "/text": { "post": { "requestBody": { "content": { "text/csv": {}, "multipart/form-data": {} } } } },
                "/none": { "post": {} },
                "/bare": { "post": { "requestBody": { "content": { "application/json": {} } } } },
                "/own": { "servers": [{ "url": "https://other.example/x" }], "post": { "requestBody": body("d") } },
                "/patch": { "patch": { "requestBody": { "content": {
                    "application/merge-patch+json": { "schema": {} }, "text/plain": { "schema": {} } } } } },
            },
            "components": {
                "pathItems": { "shared": { "post": { "requestBody": { "$ref": "#/components/requestBodies/one" } } } },
                "requestBodies": { "one": { "$ref": "#/components/requestBodies/two" }, "two": body("e") },
            },
        })
    }

    #[test]
    fn an_operation_is_found_by_its_method_and_path() {
        let table = [
            (
                "PUT",
                "/orders/{order}",
                "/paths/~1orders~1{id}/put/requestBody/content/application~1json; charset=utf-8/schema",
            ),
            (
                "PUT",
                "/orders/17",
                "/paths/~1orders~1{id}/put/requestBody/content/application~1json; charset=utf-8/schema",
            ),
            (
                "PUT",
                "/v1/orders/new",
                "/paths/~1orders~1new/put/requestBody/content/application~1json; charset=utf-8/schema",
            ),
            (
                "PUT",
                "/v2/orders/{x}.json",
                "/paths/~1orders~1{id}.json/put/requestBody/content/application~1json; charset=utf-8/schema",
            ),
            ("POST", "/shared?dry=1", "/components/requestBodies/two/content/application~1json; charset=utf-8/schema"),
            ("POST", "/x/own", "/paths/~1own/post/requestBody/content/application~1json; charset=utf-8/schema"),
            ("PATCH", "/patch", "/paths/~1patch/patch/requestBody/content/application~1merge-patch+json/schema"),
        ];
        for (method, path, expected) in table {
            assert_eq!(find(&document(), method, path), expected, "{method} {path}");
        }
    }

    /// Which of some paths is found for a path of a mapping, below `/v1` or `/{tenant}/v2`.
    fn find_among(paths: &[&str], wanted: &str) -> String {
        let body = json!({ "requestBody": { "content": { "application/json": { "schema": {} } } } });
        let items: serde_json::Map<String, Value> =
            paths.iter().map(|path| ((*path).to_owned(), json!({ "put": body }))).collect();
        let servers = json!([{ "url": "https://api.example/v1" }, { "url": "/{tenant}/v2" }]);
        let found = find(&json!({ "servers": servers, "paths": items }), "PUT", wanted);
        match found.split_once("/put/") {
            Some((pointer, _)) => pointer.trim_start_matches("/paths/").replace("~1", "/"),
            None => found.split(" | ").next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn what_stands_in_braces_is_one_name() {
        let table: [(&[&str], &str, &str); 20] = [
            (&["/people/{id}"], "/people/{person/id}", "/people/{id}"),
            (&["/people/{id}"], "/people/{a~1b/c?d}", "/people/{id}"),
            (&["/people/{id}"], "/v1/people/{person/id}", "/people/{id}"),
            (&["/people/{id}"], "/{shop/name}/v2/people/{person/id}", "/people/{id}"),
            (&["/people/{id}"], "/acme/v2/people/7", "/people/{id}"),
            (&["/people/{id}"], "/v1x/people/7", "the contract has no operation `PUT /v1x/people/7`"),
            (&["/people/{id}"], "/people/E{person/id}", "/people/{id}"),
            (&["/people/{id}"], "/people/{a}-{b/c}", "/people/{id}"),
            (&["/people/{id}", "/people/E{id}"], "/people/E{person/id}", "/people/E{id}"),
            (&["/{a}-{b}"], "/{x/y}-{z}", "/{a}-{b}"),
            (&["/{a}-{b}"], "/7-{z}", "/{a}-{b}"),
            (&["/{a}-{b}"], "/{z}", "the contract has no operation `PUT /{z}`"),
            (&["/{a}{b}"], "/7", "the contract has no operation `PUT /7`"),
            (&["/{a}-{b}-x"], "/1-2-3-x", "/{a}-{b}-x"),
            (&["/{a}/{b}"], "/{a/b}", "the contract has no operation `PUT /{a/b}`"),
            (&["/people/"], "/people", "the contract has no operation `PUT /people`"),
            (&["/people/{id}"], "/people/{id}/", "the contract has no operation `PUT /people/{id}/`"),
            (&["/people/{id}"], "/people/", "the contract has no operation `PUT /people/`"),
            (&["/people", "/{list}"], "/v1/people", "/people"),
            (&["/people/x"], "/people/{id}", "the contract has no operation `PUT /people/{id}`"),
        ];
        for (paths, wanted, expected) in table {
            assert_eq!(find_among(paths, wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn a_body_has_the_type_that_the_mapping_sends() {
        let content = json!({ "application/problem+json": {}, "application/JSON; charset=utf-8": {}, "text/csv": {} });
        let range = json!({ "image/*": {}, "application/*": {} });
        let table = [
            (&content, None, Some("application/JSON; charset=utf-8")),
            (&content, Some("application/json"), Some("application/JSON; charset=utf-8")),
            (&content, Some("application/problem+json"), Some("application/problem+json")),
            (&content, Some("application/fhir+json"), None),
            (&range, Some("application/fhir+json"), Some("application/*")),
            (&range, None, Some("application/*")),
        ];
        for (content, wanted, expected) in table {
            let found = json_content(content.as_object().unwrap(), wanted).map(|(media, _)| media.as_str());
            assert_eq!(found, expected, "{wanted:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let all =
            "there are: `PUT /orders/new`, `PUT /orders/{id}`, `POST /shared`, `POST /none`, `POST /bare` and 4 more";
        let table = [
            ("PUT", "/order/new", format!("the contract has no operation `PUT /order/new` | {all}")),
            ("POST", "/v1/own", "the contract has no operation `POST /v1/own` | there are: `POST /own`, `POST /none`, `POST /text`, `POST /bare`, `POST /shared` and 4 more".into()),
            ("POST", "/text", "the body of `POST /text` is no JSON: the contract takes `text/csv`, `multipart/form-data` | name an operation that takes `application/json`".into()),
            ("POST", "/none", "the operation `POST /none` of the contract has no body | name an operation that takes one".into()),
            ("POST", "/bare", "the contract has no `schema` for the body of `POST /bare` | describe the body under `schema` there".into()),
        ];
        for (method, path, expected) in table {
            assert_eq!(find(&document(), method, path), expected, "{method} {path}");
        }
        let none = find(&json!({ "openapi": "3.1.0" }), "PUT", "/a");
        assert_eq!(
            none,
            "the contract has no operation `PUT /a` | it has none that carries a body: is it the right file?"
        );
    }
}
