//! What settings mean: where one run sends, as whom, and within which limits.
//!
//! A destination is whole and possible: its URL is https or on this machine, its secrets were read and fit into headers,
//! no limit is zero. Its debug form shows no secret and no header value.

use std::{path::PathBuf, sync::Arc, time::Duration};

use url::{Host, Url};

use crate::{
    config::{
        mapping::{content_type, request::Method, request_path::PathTemplate},
        profile::{
            secret::{self, Secret},
            settings::{Collection, Compression},
        },
    },
    diagnostic::{Code, Diagnostic, Place},
    digest::DeliveryTarget,
};

/// The word for the embedded API in place of a URL.
pub(crate) const SANDBOX: &str = "sandbox";

/// Where one run sends, as whom, and within which limits.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The name of the profile.
    pub profile: String,
    /// The HTTP method.
    pub method: Method,
    /// What one request body looks like.
    pub shape: BodyShape,
    /// How the API knows who sends.
    pub credential: Option<Credential>,
    /// Headers to add to each request; plain in the profile, and still never shown.
    pub headers: Vec<(String, Secret)>,
    /// How much goes into one request.
    pub batch: Limits,
    /// How request bodies are compressed.
    pub compression: Compression,
    /// How many requests are on the way at once.
    pub in_flight: usize,
    /// How long to wait for an answer once a request is sent.
    pub timeout: Duration,
    /// How long the run goes on trying.
    pub deadline: Duration,
    /// How long after its last request the API may still act on it.
    pub grace: Duration,
    /// The certificate authorities to trust, PEM; `None`: those of this machine.
    pub authorities: Option<Vec<u8>>,
    /// The certificate and the key this client shows, PEM.
    pub identity: Option<Secret>,
    /// The proxy to send through.
    pub proxy: Option<Url>,
    /// The header that carries the idempotency key.
    pub idempotency_header: Option<String>,
    /// What the API does with what a request does not mention.
    pub collection: Collection,
    /// How long to wait before trying again.
    pub retry: RetryPolicy,
    /// What acknowledges, where the profile says so.
    pub answers: AnswerRules,
    /// How many times the bytes of the delivery may be sent again.
    pub resend: u64,
    /// `None`: the embedded API, which has no address yet.
    pub(crate) base: Option<Url>,
    pub(crate) path: PathTemplate,
    /// What the body is called.
    pub(crate) content_type: String,
    /// Where `collection: replace` is written.
    pub(crate) replace_rule: Option<Place>,
    /// Somebody wrote `collection`: it is no default.
    pub states_collection: bool,
    /// The files that were read for secrets and certificates.
    pub files: Vec<PathBuf>,
}

/// What in the body of a success acknowledges, as the profile says it; with neither, the body is read as others write them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerRules {
    /// What must stand in the body.
    pub accept: Option<AcceptRule>,
    /// Where the result of each document stands.
    pub results: Option<ResultsRule>,
}

/// What must stand in the body of a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptRule {
    /// A JSON pointer into the body.
    pub pointer: String,
    /// A text, a number or a truth value.
    pub equals: serde_json::Value,
}

/// Where the result of each document stands; all are JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsRule {
    /// To the list in the body.
    pub list: String,
    /// To the status in an item.
    pub status: String,
    /// To the number of the document in an item, from 0.
    pub index: Option<String>,
}

/// What one request body looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyShape {
    /// A JSON array of documents.
    Array,
    /// One document.
    Object,
    /// A JSON array of documents inside an object.
    Envelope(Arc<BodyEnvelope>),
}

/// The object around a list of documents, as JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct BodyEnvelope {
    /// What stands in front of the first document, the opening bracket of the list included.
    pub before: Vec<u8>,
    /// What stands behind the last one, the closing bracket included.
    pub after: Vec<u8>,
}

impl BodyShape {
    /// Whether it holds one document and nothing else.
    #[must_use]
    pub fn is_single(&self) -> bool {
        *self == BodyShape::Object
    }

    /// What stands in front of the first document.
    #[must_use]
    pub fn before(&self) -> &[u8] {
        match self {
            BodyShape::Array => b"[",
            BodyShape::Object => b"",
            BodyShape::Envelope(envelope) => &envelope.before,
        }
    }

    /// What stands behind the last document.
    #[must_use]
    pub fn after(&self) -> &[u8] {
        match self {
            BodyShape::Array => b"]",
            BodyShape::Object => b"",
            BodyShape::Envelope(envelope) => &envelope.after,
        }
    }
}

/// How much goes into one request; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many documents.
    pub documents: Option<u64>,
    /// How many bytes of JSON.
    pub bytes: Option<u64>,
}

/// How long to wait before trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// The same time again and again.
    Fixed {
        /// How long.
        wait: Duration,
    },
    /// A random time up to a bound that doubles.
    Exponential {
        /// The bound of the first wait.
        base: Duration,
        /// The bound that no wait exceeds.
        cap: Duration,
    },
}

/// What proves who sends, and where it was read from.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What is sent.
    pub scheme: AuthScheme,
    /// Where the secret came from, as in "the variable `ECRM_TOKEN`".
    pub origin: String,
    /// The file that it was read from, which another program may renew.
    pub file: Option<PathBuf>,
}

impl Credential {
    /// The same with the secret that the file holds now; `None` if it is the same one, or cannot be read.
    pub fn renewed(&self) -> Option<AuthScheme> {
        let secret = secret::read_file(self.file.as_deref()?).ok()?;
        let (known, renewed) = match self.scheme.clone() {
            AuthScheme::Bearer(known) => (known, AuthScheme::Bearer(secret.clone())),
            AuthScheme::Basic { username, password } => {
                (password, AuthScheme::Basic { username, password: secret.clone() })
            }
            AuthScheme::Header { name, value } => (value, AuthScheme::Header { name, value: secret.clone() }),
        };
        (known != secret).then_some(renewed)
    }
}

/// What proves who sends.
#[derive(Clone, Debug)]
pub enum AuthScheme {
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Basic`.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A header of its own.
    Header {
        /// The name of the header.
        name: String,
        /// The key.
        value: Secret,
    },
}

/// Where requests with this URL arrive: one text for all names of this machine.
fn address(url: &Url) -> String {
    let host = if names_this_machine(url) { "localhost" } else { url.host_str().unwrap_or_default() };
    format!("{}://{host}:{}{}", url.scheme(), url.port_or_known_default().unwrap_or(0), url.path())
}

/// Whether the host of a URL is a name or an address of this machine; what a name resolves to is another question.
pub(crate) fn names_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Destination {
    /// Whether the embedded API is meant and has no address yet.
    pub fn is_sandbox(&self) -> bool {
        self.base.is_none()
    }

    /// The same, sending to a base URL that this program made itself: the address of the running sandbox.
    #[must_use]
    pub fn at(self, base: &str) -> Destination {
        Destination { base: Url::parse(base).ok(), ..self }
    }

    /// The same, with request bodies of this shape.
    #[must_use]
    pub fn shaped(self, shape: BodyShape) -> Destination {
        Destination { shape, ..self }
    }

    /// The URL of each request; `None` while the sandbox has no address. Where each document has a path of its own, nothing
    /// stands between the braces.
    pub fn url(&self) -> Option<Url> {
        self.url_with(&self.path.shape())
    }

    /// The URL of the request with this document alone; `None` while the sandbox has no address.
    pub(crate) fn url_of(&self, document: &[u8]) -> Option<Url> {
        self.url_with(&self.path.fill(document).ok()?)
    }

    fn url_with(&self, path: &str) -> Option<Url> {
        let mut url = self.base.clone()?;
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Some(url)
    }

    /// The URL of each request as people read it, with the names of fields and never their values.
    pub fn shown_url(&self) -> Option<String> {
        let base = self.base.as_ref()?;
        Some(if self.path.is_per_document() {
            format!("{}{}", base.as_str().trim_end_matches('/'), self.path.written)
        } else {
            self.url()?.to_string()
        })
    }

    /// The target of requests with this URL: where they arrive, and the terms they are sent on. `contract`: its `$id`.
    pub fn target(&self, url: &Url, contract: &str) -> DeliveryTarget {
        let path = format!("path {}", self.path.written);
        let body = format!("type {}", self.content_type);
        let mut terms = vec![self.method.word(), contract, self.collection.word()];
        // Said only where it is not what it always was, so that a delivery goes on with a newer program.
        terms.extend(self.path.is_per_document().then_some(path.as_str()));
        terms.extend((self.content_type != content_type::JSON).then_some(body.as_str()));
        DeliveryTarget::new(&[&address(url)]).with_terms(&terms)
    }

    /// The host and the port, for messages.
    pub fn host(&self) -> String {
        let Some(base) = &self.base else { return SANDBOX.into() };
        let host = base.host_str().unwrap_or_default();
        base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether this many requests can hold what is to be sent.
    ///
    /// # Errors
    /// The API replaces its collection with each request, so a second one would erase the first.
    pub fn allows(&self, batches: u64) -> Result<(), Diagnostic> {
        if self.collection == Collection::Upsert || batches <= 1 {
            return Ok(());
        }
        let message = format!(
            "the profile `{}` says `collection: replace`, and one request cannot hold all documents: \
             each request would erase the one before",
            self.profile
        );
        let finding = Diagnostic::new(Code::PlanProfile, message).hint("raise `batch` or say `batch: all`");
        Err(match &self.replace_rule {
            Some(place) => finding.rule(place.clone()),
            None => finding,
        })
    }
}
