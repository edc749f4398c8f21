//! The API at the other end: a scripted server on a loopback port, or the sandbox as a process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a test waits for an event before it fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// One request as it arrived.
#[derive(Clone)]
pub(crate) struct ReceivedRequest {
    /// The request line and the headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl ReceivedRequest {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

type Script = dyn Fn(usize, &ReceivedRequest) -> String + Send + Sync;

/// A server that runs until the test process ends.
pub(crate) struct ScriptedServer {
    /// Its base URL.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    connections: Arc<AtomicUsize>,
    arrived: mpsc::Receiver<()>,
}

impl ScriptedServer {
    /// Starts a server that answers the n-th request, from 0, with the string that `reply` returns; an empty string is no answer.
    pub(crate) fn answers(reply: impl Fn(usize, &ReceivedRequest) -> String + Send + Sync + 'static) -> ScriptedServer {
        ScriptedServer::answers_at("127.0.0.1:0", reply)
    }

    /// The same at another address of this machine.
    pub(crate) fn answers_at(
        address: &str,
        reply: impl Fn(usize, &ReceivedRequest) -> String + Send + Sync + 'static,
    ) -> ScriptedServer {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (arrivals, arrived) = mpsc::channel();
        let server = ScriptedServer { url, seen: Arc::clone(&seen), connections: Arc::clone(&connections), arrived };
        let reply: Arc<Script> = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, reply, arrivals) = (Arc::clone(&seen), Arc::clone(&reply), arrivals.clone());
                thread::spawn(move || serve(stream.unwrap(), &seen, &*reply, &arrivals));
            }
        });
        server
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for the next request.
    pub(crate) fn wait(&self) {
        self.arrived.recv_timeout(TIMEOUT).unwrap();
    }
}

/// The text of an answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The answer of an API that took everything.
pub(crate) fn accepted() -> String {
    answer(200, "Content-Type: application/json\r\n", "{\"accepted\": 1}")
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<ReceivedRequest>>, reply: &Script, arrivals: &mpsc::Sender<()>) {
    while let Some(request) = request(&mut stream) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        // The test may be over.
        let _ = arrivals.send(());
        if stream.write_all(reply(number, &request).as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads one whole request.
pub(crate) fn request(stream: &mut impl Read) -> Option<ReceivedRequest> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let mut seen = ReceivedRequest { head: String::from_utf8(head).unwrap(), body: String::new() };
    let mut body = vec![0; seen.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).unwrap();
    Some(seen)
}

/// The sandbox as a process.
pub(crate) struct SandboxProcess {
    /// Its base URL.
    pub(crate) url: String,
    process: Child,
    said: Option<JoinHandle<Vec<u8>>>,
}

impl SandboxProcess {
    /// Starts it and waits until it listens.
    pub(crate) fn start(mut command: Command) -> SandboxProcess {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let (mut said, mut line) = (Vec::new(), String::new());
        let url = loop {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the sandbox ended: {}", String::from_utf8_lossy(&said));
            said.extend_from_slice(line.as_bytes());
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(';').next().unwrap().to_owned();
            }
        };
        let said = thread::spawn(move || {
            // It is killed in the middle of a line, if it is in one.
            let _ = lines.read_to_end(&mut said);
            said
        });
        SandboxProcess { url, process, said: Some(said) }
    }

    /// Ends it and returns its stderr.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let _ = self.process.kill();
        self.said.take().unwrap().join().unwrap()
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
