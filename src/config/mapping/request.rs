//! Which request carries the documents.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which request carries the documents, as the mapping says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, beginning with `/`.
    pub path: String,
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

impl Method {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        }
    }
}
