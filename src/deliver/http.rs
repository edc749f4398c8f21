//! One request with one body -> the whole answer, or why there is none.
//!
//! The client follows no redirect, retries nothing by itself, and uses no proxy but the profile's. Every wait has a
//! timeout: connecting, the first byte, each further chunk, the whole body; connections are served by another thread, so that
//! none of them can hold up a timer. A success is whole only if the request was
//! written to its last byte, and if its own end is known. No header value and no body is ever logged.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    io, iter,
    net::SocketAddr,
    panic::resume_unwind,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::body::Body as _;
use jiff::Timestamp;
use reqwest::{
    Body, Certificate, Client, Identity, Proxy, RequestBuilder, Response, Version,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{
        ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
        TRANSFER_ENCODING,
    },
    redirect, retry,
};
use tokio::{
    net::lookup_host,
    runtime::Handle,
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use url::Url;

use crate::{
    config::{
        mapping::request::Method,
        profile::{
            destination::{AuthScheme, Credential, Destination},
            secret::Secret,
            settings::Compression,
        },
    },
    deliver::{
        request_body::{RequestBody, SendingProgress},
        response::Answer,
    },
    io_cause::describe_words,
    recording::receipt::Failure,
};

/// How long connecting may take, name lookup and TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection may be silent within an answer.
const IDLE: Duration = Duration::from_secs(15);
/// How long an idle connection is kept: less than servers do, so that none closes it while a request is sent.
const KEEP: Duration = Duration::from_secs(4);
/// How much of an error is read, in bytes: its status decides.
const MAX_ERROR: u64 = 1 << 20;
/// The largest success that is read, in bytes, if the request was not larger. An API may give back all that it took.
const MAX_SUCCESS: u64 = 16 << 20;
/// How many times as large as the request a success may be.
const MAX_TIMES: u64 = 4;
/// How many headers an answer may have.
const MAX_HEADERS: usize = 1_000;
/// The slowest uplink that timeouts allow for, in bytes per second: 64 kbit/s.
const SLOWEST: u64 = 8 << 10;

/// Sends requests to one destination.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client,
    destination: Arc<Destination>,
    url: Url,
    /// Where connections are served: by a thread of its own, so that a server that keeps it busy stops no timer.
    network: Handle,
    /// What proves who sends, now: a file may be renewed while a run goes on.
    credential: Arc<Mutex<Option<Credential>>>,
    /// How often it was renewed.
    renewals: Arc<AtomicU64>,
    /// Whether a connection broke or an answer came early.
    doubts: Arc<AtomicBool>,
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
pub(crate) fn client(destination: &Destination, network: Handle) -> Result<HttpClient, String> {
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
        .http1_max_headers(MAX_HEADERS)
        .pool_idle_timeout(KEEP);
    if let Some(proxy) = &destination.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(|error| describe("the `proxy`", error))?;
        builder = builder.proxy(proxy);
    }
    let is_plain = |url: &Url| url.scheme() == "http";
    if is_plain(&url) {
        builder = builder.dns_resolver(Arc::new(ThisMachine));
    }
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
    let credential = Arc::new(Mutex::new(destination.credential.clone()));
    let destination = Arc::new(destination.clone());
    Ok(HttpClient { client, destination, url, network, credential, renewals: Arc::default(), doubts: Arc::default() })
}

/// Finds the loopback addresses of a name, and no others: plain http never leaves this machine.
struct ThisMachine;

/// A name has no loopback address.
#[derive(Debug)]
struct Elsewhere(String);

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is another machine here, and plain http is for this one only", self.0)
    }
}

impl Error for Elsewhere {}

impl Resolve for ThisMachine {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let here: Vec<SocketAddr> = found.filter(|address| address.ip().is_loopback()).collect();
            if here.is_empty() {
                return Err(Elsewhere(name.as_str().to_owned()).into());
            }
            Ok(Box::new(here.into_iter()) as Addrs)
        })
    }
}

fn describe(what: &str, error: reqwest::Error) -> String {
    let error = error.without_url();
    format!("{what} cannot be used: {}", error.source().map_or_else(|| error.to_string(), root_cause))
}

impl HttpClient {
    /// The URL of a request that begins with this document.
    ///
    /// # Panics
    /// The document has no path of its own, and needs one: such a document is never accepted, and nothing may go elsewhere.
    pub(crate) fn find_url(&self, document: &[u8]) -> Url {
        if !self.destination.path.is_per_document() {
            return self.url.clone();
        }
        self.destination.url_of(document).unwrap_or_else(|| unreachable!("a document without a path is rejected"))
    }

    /// Sends one body and waits for the whole answer.
    pub(crate) async fn send(&self, url: Url, body: Bytes, key: Option<String>) -> Exchange {
        let start = Instant::now();
        let bytes = body.len();
        let renewals = self.renewals.load(Ordering::SeqCst);
        let mut ending = self.try_send(&url, body.clone(), key.clone()).await;
        if ending.as_ref().is_ok_and(|answer| answer.status == 401) && self.renew_credential(renewals) {
            ending = self.try_send(&url, body, key).await;
        }
        if matches!(ending, Err(Failure::Early | Failure::Broken)) {
            self.doubts.store(true, Ordering::SeqCst);
        }
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

    /// Reads the file of the credential again; whether it holds another one now, or another request has renewed it since.
    fn renew_credential(&self, renewals: u64) -> bool {
        let mut credential = self.credential.lock().unwrap_or_else(PoisonError::into_inner);
        if self.renewals.load(Ordering::SeqCst) != renewals {
            return true;
        }
        let Some(known) = credential.as_mut() else { return false };
        let renewed = known.renewed();
        let is_new = renewed.is_some();
        if let Some(scheme) = renewed {
            known.scheme = scheme;
            self.renewals.fetch_add(1, Ordering::SeqCst);
        }
        is_new
    }

    async fn try_send(&self, url: &Url, body: Bytes, key: Option<String>) -> Result<Answer, Failure> {
        let bytes = body.len() as u64;
        let (body, SendingProgress { begun, mut written }) = RequestBody::new(body, self.doubts.load(Ordering::SeqCst));
        let request = self.build_request(url, Body::wrap(body), key);
        let time = self.destination.timeout + Duration::from_secs(bytes / SLOWEST);
        // The client reads interim answers (1xx) for as long as there are any, without a pause.
        let mut sending = JoinSet::new();
        sending.spawn_on(request.send(), &self.network);
        let response = match wait_for_head(sending.join_next(), begun, time).await? {
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            Some(Ok(Err(error))) if is_refused_by_proxy(&error) => {
                return Ok(Answer { status: 407, ..Answer::default() });
            }
            Some(Ok(sent)) => sent.map_err(|error| classify(error, &self.destination))?,
            _ => return Err(Failure::Broken),
        };
        let header = |name: &HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let location = header(&LOCATION).and_then(|location| url.join(&location).ok());
        let answer = Answer {
            status: response.status().as_u16(),
            content_type: header(&CONTENT_TYPE).unwrap_or_default(),
            retry_after: header(&RETRY_AFTER),
            date: header(&DATE),
            location: location.and_then(|url| url.host_str().map(str::to_owned)),
            body: Vec::new(),
        };
        if !response.status().is_success() {
            let body = read_body(response, MAX_ERROR, self.destination.timeout).await?;
            return Ok(Answer { body: body.bytes, ..answer });
        }
        if ends_with_connection(&response) {
            return Err(Failure::Unbounded);
        }
        let body = read_body(response, MAX_SUCCESS.max(MAX_TIMES * bytes), self.destination.timeout).await?;
        if body.is_cut {
            return Err(Failure::Endless);
        }
        // Who has not had all of a request cannot have answered all of it.
        if written.try_recv().is_err() {
            return Err(Failure::Early);
        }
        Ok(Answer { body: body.bytes, ..answer })
    }

    fn build_request(&self, url: &Url, body: Body, key: Option<String>) -> RequestBuilder {
        let destination = &self.destination;
        let method = match destination.method {
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut request = self
            .client
            .request(method, url.clone())
            .header(CONTENT_TYPE, destination.content_type.as_str())
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
        let credential = self.credential.lock().unwrap_or_else(PoisonError::into_inner);
        request = match credential.as_ref().map(|credential| &credential.scheme) {
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

/// Waits for the head of an answer. The time counts from the connection on; until then nothing was sent.
async fn wait_for_head<T>(
    head: impl Future<Output = T>,
    begun: oneshot::Receiver<()>,
    time: Duration,
) -> Result<T, Failure> {
    let mut head = std::pin::pin!(head);
    // The client gives up connecting by itself; this is for one that has no place for another request.
    let connected = timeout(CONNECT + time, async {
        tokio::select! {
            head = &mut head => Some(head),
            _ = begun => None,
        }
    });
    match connected.await {
        Err(_) => Err(Failure::Unreachable("no connection in time".into())),
        Ok(Some(head)) => Ok(head),
        Ok(None) => timeout(time, head).await.map_err(|_| Failure::Late),
    }
}

/// Whether nothing but the end of the connection says where the body of an answer ends, so that it may be cut.
fn ends_with_connection(response: &Response) -> bool {
    let is_bounded = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| response.headers().contains_key(name));
    response.version() <= Version::HTTP_11 && !is_bounded && response.status() != 204
}

/// The body of an answer.
struct AnswerBody {
    bytes: Vec<u8>,
    /// It is longer than that.
    is_cut: bool,
}

/// Reads the body of an answer, up to some bytes. A large one has more time, as a slow link needs it.
async fn read_body(response: Response, most: u64, time: Duration) -> Result<AnswerBody, Failure> {
    let (start, mut bytes) = (Instant::now(), Vec::new());
    let is_framed = response.version() > Version::HTTP_11;
    let mut body = Body::from(response);
    loop {
        let end = start + time + Duration::from_secs(bytes.len() as u64 / SLOWEST);
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match timeout_at(end.min(Instant::now() + IDLE), frame).await {
            Err(_) => return Err(Failure::Late),
            Ok(Some(Err(_))) => return Err(Failure::Broken),
            // A stream that was reset without an error ends as well, and not as a whole.
            Ok(None) if is_framed && !body.is_end_stream() => return Err(Failure::Broken),
            Ok(None) => return Ok(AnswerBody { bytes, is_cut: false }),
            Ok(Some(Ok(frame))) => {
                let chunk = frame.into_data().unwrap_or_default();
                if (bytes.len() + chunk.len()) as u64 > most {
                    return Ok(AnswerBody { bytes, is_cut: true });
                }
                bytes.extend_from_slice(&chunk);
            }
        }
    }
}

/// The failure that an error of the client means. Its own text is not used: it may hold the URL.
fn classify(error: reqwest::Error, destination: &Destination) -> Failure {
    let error = error.without_url();
    let causes = || iter::successors(error.source(), |error| (*error).source());
    if let Some(elsewhere) = causes().find_map(|error| error.downcast_ref::<Elsewhere>()) {
        return Failure::Identity(elsewhere.to_string());
    }
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

/// Whether a proxy answered 407 when it was asked for a tunnel. The client has words for it, and no type.
fn is_refused_by_proxy(error: &reqwest::Error) -> bool {
    let mut causes = iter::successors(error.source(), |error| (*error).source());
    causes.any(|error| error.to_string().ends_with("proxy authorization required"))
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
    let words = describe_words(&deepest.to_string());
    // The rest of the text is what the library of the system says of each kind of failure.
    if words.starts_with("failed to lookup address") { "no address is known for this name (DNS)".into() } else { words }
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
    use rustls::{CertificateError, Error as Tls};
    match error {
        Tls::InvalidMessage(_) => Some("what answers there does not speak TLS".into()),
        // Which names it is for is what the server wrote.
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some("its certificate is not valid for this name, but for others".into()),
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
