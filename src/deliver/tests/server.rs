//! A scripted server on a loopback port: reads whole requests, keeps them, and answers as the test scripts.
//!
//! A test in which it is never called fails.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// One request as it arrived.
#[derive(Clone)]
pub(crate) struct ReceivedRequest {
    /// The request line and the headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl ReceivedRequest {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

type Script = dyn Fn(usize, &ReceivedRequest) -> Vec<u8> + Send + Sync;

/// A server that runs until the test process ends.
pub(crate) struct ScriptedServer {
    /// Its base URL.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    connections: Arc<AtomicUsize>,
    silent: bool,
}

impl ScriptedServer {
    /// Answers the n-th request, from 0, with the bytes that `reply` makes; without bytes it closes the connection.
    pub(crate) fn answers(
        reply: impl Fn(usize, &ReceivedRequest) -> Vec<u8> + Send + Sync + 'static,
    ) -> ScriptedServer {
        ScriptedServer::start(None, reply)
    }

    /// The same over TLS, as `localhost`.
    pub(crate) fn answers_with(
        identity: ServerConfig,
        reply: impl Fn(usize, &ReceivedRequest) -> Vec<u8> + Send + Sync + 'static,
    ) -> ScriptedServer {
        let mut server = ScriptedServer::start(Some(Arc::new(identity)), reply);
        server.url = server.url.replace("http://127.0.0.1", "https://localhost");
        server
    }

    fn start(
        tls: Option<Arc<ServerConfig>>,
        reply: impl Fn(usize, &ReceivedRequest) -> Vec<u8> + Send + Sync + 'static,
    ) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let server =
            ScriptedServer { url, seen: Arc::clone(&seen), connections: Arc::clone(&connections), silent: false };
        let reply = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                let tls = tls.clone();
                thread::spawn(move || match tls {
                    None => serve(stream.unwrap(), &seen, &*reply),
                    Some(tls) => {
                        serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream.unwrap()), &seen, &*reply);
                    }
                });
            }
        });
        server
    }

    /// A server that no one may connect to.
    pub(crate) fn never_called() -> ScriptedServer {
        let mut server = ScriptedServer::answers(|_, _| Vec::new());
        server.silent = true;
        server
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().clone()
    }

    /// The bodies so far, as text.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.seen().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        if !thread::panicking() {
            let called = self.connections.load(Ordering::SeqCst) > 0;
            assert_ne!(called, self.silent, "called: {called}");
        }
    }
}

/// The bytes of an answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The answer of an API that accepted everything.
pub(crate) fn accepted() -> Vec<u8> {
    answer(200, "Content-Type: application/json\r\n", "{\"accepted\": 1}")
}

fn serve(mut stream: impl Read + Write, seen: &Mutex<Vec<ReceivedRequest>>, reply: &Script) {
    while let Some(request) = request(&mut stream) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let bytes = reply(number, &request);
        let is_whole = bytes.windows(4).position(|window| window == b"\r\n\r\n").is_some_and(|end| {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            length.is_none_or(|length: usize| bytes.len() - end - 4 == length)
        });
        if stream.write_all(&bytes).is_err() || !is_whole {
            return;
        }
    }
}

fn request(stream: &mut impl Read) -> Option<ReceivedRequest> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut seen = ReceivedRequest { head, body: Vec::new() };
    seen.body = vec![0; seen.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut seen.body).ok()?;
    Some(seen)
}
