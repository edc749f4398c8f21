//! A mock API on this machine that enforces the contract, with faults on request.
//!
//! It answers as the real one should: what breaks the contract is refused with a problem (RFC 9457) that points at the
//! place and repeats no value. Faults are drawn from a seed, so that two runs meet the same ones. Only loopback is bound.

pub mod lossy;

use std::{
    convert::Infallible,
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hyper::{
    Method, Request, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};

use crate::{
    config::{
        contract::Contract,
        mapping::{content_type, request_path::PathTemplate},
        profile::secret::Secret,
    },
    options::InjectedFault,
    sandbox::lossy::{Connection, Cut},
};

/// The most violations that one answer lists.
const MAX_ERRORS: usize = 100;
/// How much more than it accepts is read of a body, so that the refusal reaches the sender.
const MAX_DRAINED: u64 = 64 << 20;

/// How the mock API behaves.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The port; 0: any that is free.
    pub port: u16,
    /// The only path that exists, or the paths of documents that have one each; `None`: every path does.
    pub path: Option<PathTemplate>,
    /// Where the list of documents stands in a body, as a JSON pointer.
    pub documents: String,
    /// The token that each request must carry.
    pub bearer: Option<Secret>,
    /// What to answer some requests with instead.
    pub faults: Vec<InjectedFault>,
    /// How long to think about each request.
    pub delay: Duration,
    /// After this many answers, act on the next request and close the connection without answering; and so on.
    pub drop_after: Option<u64>,
    /// A folder for each accepted body, as a numbered file that only its owner may read.
    pub keep: Option<PathBuf>,
    /// The largest body, in bytes, as sent and as decoded.
    pub max_body: u64,
    /// Where the choice of requests that fail begins.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> SandboxOptions {
        SandboxOptions {
            port: 8080,
            path: None,
            documents: String::new(),
            bearer: None,
            faults: Vec::new(),
            delay: Duration::ZERO,
            drop_after: None,
            keep: None,
            max_body: 16 << 20,
            seed: 0,
        }
    }
}

/// A mock API that runs until this is dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningSandbox {
    /// The base URL to send to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

/// Starts and serves the mock API.
#[derive(Debug)]
pub struct SandboxServer;

impl SandboxServer {
    /// Starts it on a thread of its own.
    ///
    /// # Errors
    /// The port is taken, or the folder for bodies cannot be made.
    pub fn start(settings: SandboxOptions, contract: Arc<Contract>) -> io::Result<RunningSandbox> {
        let listener = bind(&settings)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("sandbox".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = serve(listener, settings, contract) => {
                        tracing::debug!(failed = served.is_err(), "the sandbox ended");
                    }
                    _ = stopped => {}
                }
            });
        })?;
        Ok(RunningSandbox { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs it until Ctrl-C, and says where it listens as soon as it does.
    ///
    /// # Errors
    /// The port is taken, or the folder for bodies cannot be made.
    pub fn run(settings: SandboxOptions, contract: Arc<Contract>, started: impl FnOnce(SocketAddr)) -> io::Result<()> {
        let listener = bind(&settings)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        started(listener.local_addr()?);
        runtime.block_on(async {
            tokio::select! {
                served = serve(listener, settings, contract) => served,
                interrupted = tokio::signal::ctrl_c() => interrupted,
            }
        })
    }
}

fn bind(settings: &SandboxOptions) -> io::Result<std::net::TcpListener> {
    if let Some(folder) = &settings.keep {
        // Bodies hold personal data.
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: std::net::TcpListener, settings: SandboxOptions, contract: Arc<Contract>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let api = Arc::new(Api { settings, contract, requests: AtomicU64::new(0), answers: AtomicU64::new(0) });
    loop {
        let connection = Connection::accept(&listener).await;
        let (api, cut) = (Arc::clone(&api), connection.cut.clone());
        let service = service_fn(move |request| {
            let (api, cut) = (Arc::clone(&api), cut.clone());
            async move { Ok::<_, Infallible>(answered(&api, &cut, request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    }
}

type Response = hyper::Response<String>;

/// What all requests share.
struct Api {
    settings: SandboxOptions,
    contract: Arc<Contract>,
    /// Requests so far.
    requests: AtomicU64,
    /// Answers since the last one that was dropped.
    answers: AtomicU64,
}

async fn answered(api: &Api, cut: &Cut, request: Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    let number = api.requests.fetch_add(1, Ordering::SeqCst);
    // The body is read in any case: a client that is refused while it still writes may never see why.
    let body = whole(body, api.settings.max_body).await;
    tokio::time::sleep(api.settings.delay).await;
    let response = match draw_fault(&api.settings, number) {
        Some(status) => problem(status, "urn:xwalk:sandbox:failure", "a failure on request", &[]),
        None => api.answer_request(&parts, body).unwrap_or_else(|refusal| refusal),
    };
    let answers = api.answers.fetch_add(1, Ordering::SeqCst);
    if api.settings.drop_after.is_some_and(|after| answers >= after) {
        api.answers.store(0, Ordering::SeqCst);
        cut.cut();
    }
    tracing::debug!(status = response.status().as_u16(), number, "sandbox");
    response
}

impl Api {
    /// The answer to one request, good or bad.
    fn answer_request(&self, parts: &Parts, body: Option<Vec<u8>>) -> Result<Response, Response> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refuse = |status, kind: &str, title: &str| Err(problem(status, kind, title, &[]));
        if self.settings.path.as_ref().is_some_and(|path| !path.matches(parts.uri.path())) {
            return refuse(404, "urn:xwalk:sandbox:path", "there is nothing at this path");
        }
        if ![Method::PUT, Method::POST, Method::PATCH].contains(&parts.method) {
            return refuse(405, "urn:xwalk:sandbox:method", "the method is not PUT, POST or PATCH");
        }
        if let Some(token) = &self.settings.bearer
            && header(header::AUTHORIZATION).strip_prefix("Bearer ") != Some(token.expose())
        {
            return refuse(401, "urn:xwalk:sandbox:credentials", "the bearer token is missing or wrong");
        }
        if !content_type::is_json(header(header::CONTENT_TYPE).split(';').next().unwrap_or_default()) {
            return refuse(
                415,
                "urn:xwalk:sandbox:media-type",
                "the body is neither application/json nor of a +json type",
            );
        }
        let too_large = || problem(413, "urn:xwalk:sandbox:size", "the body is too large", &[]);
        let body = body.ok_or_else(too_large)?;
        let body = match decoded(body, header(header::CONTENT_ENCODING), self.settings.max_body) {
            Ok(body) if body.len() as u64 > self.settings.max_body => return Err(too_large()),
            Ok(body) => body,
            Err(Undecodable::Unknown) => {
                return refuse(415, "urn:xwalk:sandbox:encoding", "the body is neither plain nor gzip nor zstd");
            }
            Err(Undecodable::Broken) => return refuse(400, "urn:xwalk:sandbox:encoding", "the body cannot be decoded"),
        };
        let Ok(value) = serde_json::from_slice::<Value>(&body) else {
            return refuse(400, "urn:xwalk:sandbox:json", "the body is not JSON");
        };
        let is_elsewhere =
            |path: &PathTemplate| path.is_per_document() && path.fill(&body).is_ok_and(|path| path != parts.uri.path());
        if self.settings.path.as_ref().is_some_and(is_elsewhere) {
            return refuse(400, "urn:xwalk:sandbox:other-path", "the path is that of another document");
        }
        self.enforce(&value, &body)
    }

    /// The verdict of the contract on a body.
    fn enforce(&self, value: &Value, body: &[u8]) -> Result<Response, Response> {
        let violations = self.contract.violations(value);
        if !violations.is_empty() {
            let errors: Vec<Value> = violations
                .iter()
                .take(MAX_ERRORS)
                .map(|violation| json!({ "pointer": format!("#{}", violation.pointer), "detail": violation.message }))
                .collect();
            return Err(problem(422, "urn:xwalk:sandbox:contract", "the body breaks the contract", &errors));
        }
        if let Some(folder) = &self.settings.keep
            && keep(folder, body).is_err()
        {
            return Err(problem(507, "urn:xwalk:sandbox:storage", "the body cannot be kept", &[]));
        }
        let documents = value.pointer(&self.settings.documents);
        let count = documents.and_then(Value::as_array).map_or(1, Vec::len);
        Ok(reply(200, "application/json", &json!({ "accepted": count })))
    }
}

/// A problem (RFC 9457), which repeats nothing of the request.
fn problem(status: u16, kind: &str, title: &str, errors: &[Value]) -> Response {
    let mut body = json!({ "type": kind, "title": title, "status": status });
    if !errors.is_empty() {
        body["errors"] = errors.into();
    }
    reply(status, "application/problem+json", &body)
}

fn reply(status: u16, media: &'static str, body: &Value) -> Response {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// The whole body; `None` when it is too large or broke off.
async fn whole(mut body: Incoming, most: u64) -> Option<Vec<u8>> {
    let (mut gathered, mut size) = (Vec::new(), 0);
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        size += data.len() as u64;
        if size <= most {
            gathered.extend_from_slice(&data);
        } else if size > most.saturating_add(MAX_DRAINED) {
            return None;
        }
    }
    (size <= most).then_some(gathered)
}

/// Why a body has no decoded form.
enum Undecodable {
    /// Its encoding is not known here.
    Unknown,
    /// It is not in the encoding that it says.
    Broken,
}

/// The decoded body, cut one byte after what is accepted: a small body may hold a very large one.
fn decoded(body: Vec<u8>, encoding: &str, most: u64) -> Result<Vec<u8>, Undecodable> {
    let mut plain = Vec::new();
    let most = most.saturating_add(1);
    let read = match encoding {
        "" | "identity" => return Ok(body),
        "gzip" => flate2::read::MultiGzDecoder::new(body.as_slice()).take(most).read_to_end(&mut plain),
        "zstd" => zstd::stream::read::Decoder::new(body.as_slice())
            .and_then(|decoder| decoder.take(most).read_to_end(&mut plain)),
        _ => return Err(Undecodable::Unknown),
    };
    read.map(|_| plain).map_err(|_| Undecodable::Broken)
}

/// Writes a body to the next free number of a folder.
fn keep(folder: &Path, body: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 1..=u32::MAX {
        match options.open(folder.join(format!("{number:06}.json"))) {
            Ok(mut file) => return file.write_all(body),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(cause),
        }
    }
    Err(io::ErrorKind::StorageFull.into())
}

/// The status that the n-th request fails with, if it does: the same for the same seed.
fn draw_fault(settings: &SandboxOptions, number: u64) -> Option<u16> {
    // One step of splitmix64.
    let mut bits = settings.seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mut drawn = (bits ^ (bits >> 31)) % 100;
    for fault in &settings.faults {
        match drawn.checked_sub(fault.percent.into()) {
            Some(rest) => drawn = rest,
            None => return Some(fault.status),
        }
    }
    None
}

#[cfg(test)]
mod tests;
