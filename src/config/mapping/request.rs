//! Which request carries the documents.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which request carries the documents, as the mapping says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, beginning with `/`. With `root: object`, `{a/b}` stands for a field of the document.
    pub path: String,
    /// What the body is called, a JSON type such as `application/fhir+json`; `application/json`, if nothing else is said.
    #[serde(default)]
    pub content_type: Option<String>,
}

/// The HTTP method of a request that carries documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `PUT`
    Put,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
}

impl Request {
    /// A request whose body is `application/json`.
    pub fn new(method: Method, path: &str) -> Request {
        Request { method, path: path.to_owned(), content_type: None }
    }
}

impl Method {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        }
    }

    /// Whether a request may replace what an earlier one to the same URL has left.
    pub fn replaces(self) -> bool {
        self != Method::Post
    }
}
