//! One request with one body -> the whole answer, or why there is none.
//!
//! The client follows no redirect, retries nothing by itself, and uses no proxy but the profile's. Every wait has a
//! timeout: connecting, the first byte, each further chunk, the whole body. No header value and no body is ever logged.

use std::{error::Error, io, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Certificate, Client, Identity, Proxy, RequestBuilder, Response,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect, retry,
};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::{
    config::{
        mapping::request::Method,
        profile::{
            destination::{AuthScheme, Destination},
            secret::Secret,
            settings::Compression,
        },
    },
    deliver::response::Answer,
    recording::receipt::Failure,
};

/// How long connecting may take, name lookup and TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection may be silent within an answer.
const IDLE: Duration = Duration::from_secs(15);
/// How long an idle connection is kept: less than servers do, so that none closes it while a request is sent.
const KEEP: Duration = Duration::from_secs(4);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// The slowest uplink that timeouts allow for, in bytes per second: 64 kbit/s.
const SLOWEST: u64 = 8 << 10;

/// Sends requests to one destination.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client,
    destination: Arc<Destination>,
    url: Url,
}

/// One request and what came of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The whole answer, or why there is none.
    pub(crate) ending: Result<Answer, Failure>,
    /// How long it took.
    pub(crate) duration: Duration,
}

impl Exchange {
    /// The status of the answer; 0 when there is none.
    pub(crate) fn status(&self) -> u16 {
        self.ending.as_ref().map_or(0, |answer| answer.status)
    }
}

/// Builds the client for a destination.
///
/// # Errors
/// Why it cannot be built, as a sentence: no address, or a certificate or proxy that cannot be used.
pub(crate) fn client(destination: &Destination) -> Result<HttpClient, String> {
    let url = destination.url().ok_or("the sandbox has no address yet")?;
    // A process has one provider; if one is installed already, it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("xwalk/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(KEEP);
    if let Some(proxy) = &destination.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(|error| describe("the `proxy`", error))?;
        builder = builder.proxy(proxy);
    }
    let is_plain = |url: &Url| url.scheme() == "http";
    if let Some(pem) = &destination.authorities {
        let authorities = Certificate::from_pem_bundle(pem).map_err(|error| describe("the `ca_file`", error))?;
        builder = builder.tls_certs_only(authorities);
    } else if is_plain(&url) && destination.proxy.as_ref().is_none_or(is_plain) {
        // A machine without any certificate authority can still talk to itself.
        builder = builder.tls_certs_only([]);
    }
    if let Some(pem) = &destination.identity {
        let identity = Identity::from_pem(pem.expose().as_bytes());
        builder = builder.identity(identity.map_err(|error| describe("the `client_identity`", error))?);
    }
    let client = builder.build().map_err(|error| describe("the HTTP client", error))?;
    Ok(HttpClient { client, destination: Arc::new(destination.clone()), url })
}

fn describe(what: &str, error: reqwest::Error) -> String {
    let error = error.without_url();
    format!("{what} cannot be used: {}", error.source().map_or_else(|| error.to_string(), root_cause))
}

impl HttpClient {
    /// Sends one body and waits for the whole answer.
    pub(crate) async fn send(&self, body: Bytes, key: Option<String>) -> Exchange {
        let start = Instant::now();
        let bytes = body.len();
        let ending = self.try_send(body, key).await;
        let duration = start.elapsed();
        let (status, failure) = match &ending {
            Ok(answer) => (answer.status, String::new()),
            Err(failure) => (0, failure.to_string()),
        };
        tracing::info!(
            method = self.destination.method.word(),
            host = self.destination.host(),
            status,
            failure,
            bytes,
            millis = duration.as_millis(),
            "attempt"
        );
        Exchange { ending, duration }
    }

    async fn try_send(&self, body: Bytes, key: Option<String>) -> Result<Answer, Failure> {
        let upload = Duration::from_secs(body.len() as u64 / SLOWEST);
        let request = self.build_request(body, key);
        let response = timeout(self.destination.timeout + upload, request.send())
            .await
            .map_err(|_| Failure::Late)?
            .map_err(|error| classify(error, &self.destination))?;
        let header = |name: &HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let location = header(&LOCATION).and_then(|location| self.url.join(&location).ok());
        let answer = Answer {
            status: response.status().as_u16(),
            content_type: header(&CONTENT_TYPE).unwrap_or_default(),
            retry_after: header(&RETRY_AFTER),
            date: header(&DATE),
            location: location.and_then(|url| url.host_str().map(str::to_owned)),
            body: Vec::new(),
        };
        let body = timeout(self.destination.timeout, read_body(response)).await.map_err(|_| Failure::Late)??;
        Ok(Answer { body, ..answer })
    }

    fn build_request(&self, body: Bytes, key: Option<String>) -> RequestBuilder {
        let destination = &self.destination;
        let method = match destination.method {
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut request = self
            .client
            .request(method, self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json");
        request = match destination.compression {
            Compression::None => request,
            Compression::Gzip => request.header(CONTENT_ENCODING, "gzip"),
            Compression::Zstd => request.header(CONTENT_ENCODING, "zstd"),
        };
        for (name, value) in &destination.headers {
            request = request.header(name, sensitive_header(value));
        }
        if let (Some(name), Some(key)) = (&destination.idempotency_header, key) {
            request = request.header(name, format!("\"{key}\""));
        }
        request = match destination.credential.as_ref().map(|credential| &credential.scheme) {
            None => request,
            Some(AuthScheme::Bearer(token)) => request.bearer_auth(token.expose()),
            Some(AuthScheme::Basic { username, password }) => request.basic_auth(username, Some(password.expose())),
            Some(AuthScheme::Header { name, value }) => request.header(name, sensitive_header(value)),
        };
        request.body(body)
    }
}

/// A header value that no debug form shows. `profile` has checked that it is a valid one.
fn sensitive_header(value: &Secret) -> HeaderValue {
    let mut value = HeaderValue::from_str(value.expose()).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Reads the whole body of an answer.
async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        match timeout(IDLE, response.chunk()).await {
            Err(_) => return Err(Failure::Late),
            Ok(Err(_)) => return Err(Failure::Broken),
            Ok(Ok(None)) => return Ok(body),
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() > MAX_ANSWER => return Err(Failure::Endless),
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
        }
    }
}

/// The failure that an error of the client means. Its own text is not used: it may hold the URL.
fn classify(error: reqwest::Error, destination: &Destination) -> Failure {
    let error = error.without_url();
    if let Some(reason) = identity_error(&error) {
        return Failure::Identity(format!("the identity of `{}` is not proven: {reason}", destination.host()));
    }
    if error.is_connect() {
        let cause = if error.is_timeout() { "no answer in time".into() } else { root_cause(&error) };
        return Failure::Unreachable(cause);
    }
    match error {
        _ if is_untouched(&error) => Failure::Untouched,
        _ if error.is_timeout() => Failure::Late,
        _ => Failure::Broken,
    }
}

/// Whether the server did not process the request, and said so: it refused the stream, or closed before it.
fn is_untouched(error: &reqwest::Error) -> bool {
    let causes = iter::successors(error.source(), |error| (*error).source());
    causes.filter_map(|error| error.downcast_ref::<h2::Error>()).any(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let before = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        error.is_remote() && (refused || before)
    })
}

/// The innermost cause.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// Why a TLS handshake failed, if it will fail again for the same reason; `None` for any other failure.
fn identity_error(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return lasting_reason(tls);
        }
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn lasting_reason(error: &rustls::Error) -> Option<String> {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidMessage(_) => Some("what answers there does not speak TLS".into()),
        Tls::InvalidCertificate(_)
        | Tls::InvalidCertRevocationList(_)
        | Tls::NoCertificatesPresented
        | Tls::UnsupportedNameType
        | Tls::AlertReceived(_)
        | Tls::PeerIncompatible(_)
        | Tls::PeerMisbehaved(_)
        | Tls::General(_)
        | Tls::Other(_) => Some(error.to_string()),
        _ => None,
    }
}

/// Formats a moment for messages about clocks.
pub(crate) fn format_clock(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
