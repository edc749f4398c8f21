//! The API at the other end of a trial: it knows what was committed, and whether a body arrived before its journal header
//! was on disk.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

use crate::{
    canary::{CELL, EMAIL},
    server::{accepted, answer, request},
};

/// What the API has seen and committed.
#[derive(Clone, Default)]
pub(crate) struct OracleState {
    /// The prices of each committed customer, by first name, in order.
    pub(crate) committed: BTreeMap<String, Vec<String>>,
    /// How many connections were opened.
    pub(crate) connections: usize,
    /// Requests whose first byte arrived while no journal existed.
    pub(crate) early: usize,
    /// Requests whose body was not a list of the marked documents.
    pub(crate) malformed: usize,
    /// After this many requests it answers 401.
    pub(crate) closes_after: Option<usize>,
    folder: PathBuf,
    requests: usize,
    is_over: bool,
}

/// A server that runs until this is dropped.
pub(crate) struct Oracle {
    /// Its base URL.
    pub(crate) url: String,
    address: std::net::SocketAddr,
    known: Arc<Mutex<OracleState>>,
}

impl Oracle {
    /// Starts an API that accepts everything but one customer.
    pub(crate) fn start(rejects: Option<&'static str>) -> Oracle {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let known: Arc<Mutex<OracleState>> = Arc::default();
        let shared = Arc::clone(&known);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                {
                    let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    if known.is_over {
                        return;
                    }
                    known.connections += 1;
                }
                let known = Arc::clone(&shared);
                thread::spawn(move || serve(stream, rejects, &known));
            }
        });
        Oracle { url: format!("http://{address}"), address, known }
    }

    /// What it has seen and committed so far.
    pub(crate) fn known(&self) -> OracleState {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the folder of the journal that must exist before a request.
    pub(crate) fn watch_journal(&self, folder: PathBuf) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).folder = folder;
    }

    /// Answers 401 after this many more requests.
    pub(crate) fn close_after(&self, requests: Option<usize>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.closes_after = requests.map(|requests| known.requests + requests);
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        // Wakes its thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, rejects: Option<&str>, known: &Mutex<OracleState>) {
    loop {
        if !matches!(stream.peek(&mut [0]), Ok(1)) {
            return;
        }
        let folder = known.lock().unwrap_or_else(PoisonError::into_inner).folder.clone();
        let is_early = !has_header(&folder);
        let Some(seen) = request(&mut stream) else { return };
        let said = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.early += usize::from(is_early);
            known.reply(&seen.body, rejects)
        };
        if stream.write_all(said.as_bytes()).is_err() {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

impl OracleState {
    fn reply(&mut self, body: &str, rejects: Option<&str>) -> String {
        self.requests += 1;
        if self.closes_after.is_some_and(|most| self.requests > most) {
            return answer(401, "", "");
        }
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let read = |document: &Value| {
            let is_marked = document["last_name"] == CELL && document["email"] == EMAIL;
            let name = text(&document["first_name"]).filter(|_| is_marked)?;
            Some((name, document["purchases"][0]["price"].to_string()))
        };
        let documents: Option<Vec<(String, String)>> =
            serde_json::from_str::<Vec<Value>>(body).ok().and_then(|documents| documents.iter().map(read).collect());
        let Some(documents) = documents else {
            self.malformed += 1;
            return answer(500, "", "");
        };
        if documents.iter().any(|(name, _)| Some(name.as_str()) == rejects) {
            return answer(422, "Content-Type: application/json\r\n", body);
        }
        for (name, price) in documents {
            self.committed.entry(name).or_default().push(price);
        }
        accepted()
    }
}

/// Whether a journal has a complete header.
fn has_header(folder: &Path) -> bool {
    let is_epoch = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("epoch-"));
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(is_epoch).filter(|path| path.extension().is_none()).any(|path| {
        let mut line = String::new();
        let read = fs::File::open(path).and_then(|file| BufReader::new(file).read_line(&mut line));
        read.is_ok() && line.starts_with("{\"epoch\":") && line.ends_with("}\n")
    })
}
