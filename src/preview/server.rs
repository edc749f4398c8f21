//! The server of the page: answers what may be asked, and tells a waiting page when something changed.
//!
//! Files are looked at beside the requests, every tenth of a second. A page asks for the next change and waits for the answer,
//! so that it follows at once.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    runtime::Builder,
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::preview::{
    access::{Asked, PageAddress, PageRefusal, number_in},
    page,
    view::PreviewView,
};

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(100);
/// How long a page waits for a change before it asks again.
const PATIENCE: Duration = Duration::from_secs(25);

/// What the page shows at one time: the number of a record in, the page out.
pub type Showing = Arc<dyn Fn(u64) -> PreviewView + Send + Sync>;

/// Looks at the files: what the page shows now, if that is not what it showed before.
pub type Look = Box<dyn FnMut() -> Option<Showing> + Send>;

/// A change: its number, and what the page shows since.
#[derive(Clone)]
struct Change {
    number: u64,
    showing: Showing,
}

/// Serves the page until Ctrl-C.
///
/// # Errors
/// The listener cannot be used.
pub fn serve(listener: std::net::TcpListener, address: PageAddress, first: Showing, look: Look) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (sender, changes) = watch::channel(Change { number: 1, showing: first });
        tokio::select! {
            done = accept(listener, address, changes) => done,
            () = follow(look, sender) => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    })
}

/// Looks at the files again and again.
async fn follow(look: Look, changed: watch::Sender<Change>) {
    let (look, mut ticks) = (Arc::new(Mutex::new(look)), interval(EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let look = Arc::clone(&look);
        let found = spawn_blocking(move || look.lock().unwrap_or_else(PoisonError::into_inner)()).await;
        if let Ok(Some(showing)) = found {
            changed.send_modify(|change| *change = Change { number: change.number + 1, showing });
        }
    }
}

async fn accept(
    listener: std::net::TcpListener,
    address: PageAddress,
    changes: watch::Receiver<Change>,
) -> io::Result<()> {
    let (listener, address) = (TcpListener::from_std(listener)?, Arc::new(address));
    loop {
        // What is wrong with one connection is no reason to end.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(EVERY).await;
            continue;
        };
        let (address, changes) = (Arc::clone(&address), changes.clone());
        let service = service_fn(move |request| {
            let (address, changes) = (Arc::clone(&address), changes.clone());
            async move { Ok::<_, Infallible>(answer(&address, changes, &request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

type PageResponse = hyper::Response<String>;

/// The answer to one request.
async fn answer(
    address: &PageAddress,
    mut changes: watch::Receiver<Change>,
    request: &Request<Incoming>,
) -> PageResponse {
    let header = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let (uri, query) = (request.uri(), request.uri().query().unwrap_or_default());
    let asked = address.resolve(header(header::HOST), header(header::ORIGIN), uri.path(), query);
    if asked != Err(PageRefusal::Forbidden) && request.method() != Method::GET {
        return respond(405, "text/plain; charset=utf-8", "only GET is answered".into());
    }
    match asked {
        Ok(Asked::Page) => respond(200, "text/html; charset=utf-8", page::SHELL.into()),
        Ok(Asked::Style) => respond(200, "text/css; charset=utf-8", page::STYLE.into()),
        Ok(Asked::Script) => respond(200, "text/javascript; charset=utf-8", page::SCRIPT.into()),
        Ok(Asked::Icon) => respond(200, "image/svg+xml", page::ICON.into()),
        Ok(Asked::View(query)) => {
            let Change { number, showing } = changes.borrow().clone();
            let view = showing(number_in(query, "record").unwrap_or(1));
            respond(200, "text/html; charset=utf-8", page::draw(&view, number))
        }
        Ok(Asked::Changes(query)) => {
            let known = number_in(query, "after").unwrap_or_default();
            let change = timeout(PATIENCE, changes.wait_for(|change| change.number != known)).await;
            let number = change.map_or(known, |change| change.map_or(known, |change| change.number));
            respond(200, "text/plain; charset=utf-8", number.to_string())
        }
        Err(PageRefusal::Forbidden) => {
            respond(403, "text/plain; charset=utf-8", "this address is not known here".into())
        }
        Err(PageRefusal::NotFound) => respond(404, "text/plain; charset=utf-8", "there is nothing at this path".into()),
    }
}

/// An answer that no browser keeps, and that no other page may use.
fn respond(status: u16, media: &'static str, body: String) -> PageResponse {
    let mut response = PageResponse::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, page::POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
