//! Two thousand customers against an API that fails in every way at once, and against one that rejects one of them.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher as _, RandomState},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    canary::CELL,
    fixture::Fixture,
    server::{ScriptedServer, accepted, answer, request},
};

/// How many customers there are.
const CUSTOMERS: usize = 2_000;
/// The largest body, in bytes.
const MAX_BODY: usize = 9_000;

/// An API that resets every 7th connection, answers every 5th request with 503, loses every 6th answer after it has
/// acted, and rejects bodies above 9 kB. Each connection carries one request.
struct Storm {
    url: String,
    /// How often each customer was accepted, by first name.
    taken: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How often each fault happened: resets, 503, lost answers, bodies that were too large.
    faults: Arc<Mutex<[usize; 4]>>,
}

impl Storm {
    /// Starts an API that also rejects this customer.
    fn start(rejects: Option<&'static str>) -> Storm {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let storm = Storm { url, taken: Arc::default(), faults: Arc::default() };
        let (taken, faults) = (Arc::clone(&storm.taken), Arc::clone(&storm.faults));
        thread::spawn(move || {
            let mut requests = 0;
            for (connection, stream) in (1..).zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let mut faults = faults.lock().unwrap();
                if connection % 7 == 0 {
                    // Closing it with unread bytes resets it.
                    let _ = stream.read(&mut [0]);
                    faults[0] += 1;
                    continue;
                }
                requests += 1;
                if let Some((fault, said)) = reply(&mut stream, requests, rejects, &mut taken.lock().unwrap()) {
                    if let Some(fault) = fault {
                        faults[fault] += 1;
                    }
                    let _ = stream.write_all(said.as_bytes());
                }
            }
        });
        storm
    }
}

/// The fault, if any, and the answer to one request; `None` when there was none.
fn reply(
    stream: &mut TcpStream,
    number: usize,
    rejects: Option<&str>,
    taken: &mut BTreeMap<String, usize>,
) -> Option<(Option<usize>, String)> {
    let seen = request(stream)?;
    let close = "Connection: close\r\n";
    if number.is_multiple_of(5) {
        return Some((Some(1), answer(503, close, "")));
    }
    if seen.body.len() > MAX_BODY {
        return Some((Some(3), answer(413, close, "")));
    }
    let documents: Vec<Value> = serde_json::from_str(&seen.body).unwrap();
    let names: Vec<String> = documents.iter().map(|document| document["first_name"].as_str().unwrap().into()).collect();
    if names.iter().any(|name| Some(name.as_str()) == rejects) {
        return Some((None, answer(422, close, &seen.body)));
    }
    assert!(documents.iter().all(|document| document["last_name"] == CELL));
    for name in names {
        *taken.entry(name).or_default() += 1;
    }
    if number.is_multiple_of(6) {
        return Some((Some(2), String::new()));
    }
    Some((None, answer(200, close, "")))
}

fn all_but(missing: &[usize]) -> Vec<String> {
    (0..CUSTOMERS).filter(|id| !missing.contains(id)).map(|id| format!("{id:05}")).collect()
}

#[test]
fn every_document_arrives_in_a_storm() {
    for (rejects, bad, code) in [(None, None, 0), (None, Some(700), 1), (Some("01234"), Some(700), 1)] {
        let fixture = Fixture::new(CUSTOMERS, &[]);
        if let Some(id) = bad {
            spoil_row(&fixture, id);
        }
        let storm = Storm::start(rejects);
        let run = fixture.run(fixture.convert("by_variable", &storm.url, &["--set", "deadline=60s"]));
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        let missing: Vec<usize> = bad.into_iter().chain(rejects.map(|name| name.parse().unwrap())).collect();
        let taken = storm.taken.lock().unwrap();
        assert!(taken.keys().eq(&all_but(&missing)), "{rejects:?} {bad:?}: {} taken", taken.len());
        let faults = *storm.faults.lock().unwrap();
        assert!(faults.iter().all(|count| *count >= 3), "{faults:?}");
        assert_eq!(run.stderr.contains("--> drop/customers.csv:1236:1\n"), rejects.is_some(), "{}", run.stderr);
    }
}

/// Kills runs at random instants until a delivery is complete; then the next one begins.
#[test]
fn killed_at_random_in_a_storm_everything_arrives() {
    let (wanted, mut kills, mut deliveries) = (kill_count(), 0, 0);
    while kills < wanted {
        let bad = [None, Some(700)][deliveries % 2];
        let fixture = Fixture::new(CUSTOMERS, &["-vv"]);
        if let Some(id) = bad {
            spoil_row(&fixture, id);
        }
        let storm = Storm::start(None);
        let command = || fixture.convert("by_variable", &storm.url, &["--set", "deadline=60s", "--set", "grace=0s"]);
        let mut ended = None;
        while ended.is_none() && kills < wanted {
            let mut child = command();
            let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let pid = child.id().to_string();
            let (over, is_over) = mpsc::channel();
            let instant = Duration::from_micros(RandomState::new().hash_one(kills) % 400_000);
            let killer = thread::spawn(move || {
                // Nothing is ever sent: this is the wait.
                let passed: Result<(), _> = is_over.recv_timeout(instant);
                if passed.is_err_and(|cause| cause == mpsc::RecvTimeoutError::Timeout) {
                    let _ = Command::new("kill").args(["-KILL", &pid]).status();
                }
            });
            let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
            drop(over);
            killer.join().unwrap();
            let run = fixture.check_output(status.code(), &stdout, &stderr);
            match run.code {
                None => kills += 1,
                Some(_) => ended = Some(run),
            }
        }
        let run = ended.unwrap_or_else(|| fixture.run(command()));
        assert_eq!(run.code, Some(i32::from(bad.is_some())), "{}", run.stderr);
        let missing: Vec<usize> = bad.into_iter().collect();
        let taken = storm.taken.lock().unwrap();
        assert!(taken.keys().eq(&all_but(&missing)), "{bad:?}: {} taken", taken.len());
        deliveries += 1;
    }
    let _ = writeln!(std::io::stderr(), "{kills} kills, {deliveries} deliveries, all complete");
}

#[expect(clippy::disallowed_methods, reason = "a test that takes long is asked for by a variable")]
fn kill_count() -> usize {
    std::env::var("XWALK_KILLS").map_or(20, |count| count.parse().unwrap())
}

/// Makes the first purchase of a customer a bad row.
fn spoil_row(fixture: &Fixture, id: usize) {
    let purchases = fixture.path("drop/purchases.csv");
    let (good, wrong) = (format!("\n{id}/1;{id};"), format!("\n{id}/1;{id};;"));
    fs::write(&purchases, fs::read_to_string(&purchases).unwrap().replacen(&good, &wrong, 1)).unwrap();
}

#[test]
fn one_bad_document_of_2000_is_found_and_named_by_its_line() {
    for (index, batch) in [(0, 500), (1_234, 500), (1_999, 500), (77, 64)] {
        let fixture = Fixture::new(CUSTOMERS, &[]);
        let name = format!("\"{index:05}\"");
        let server = ScriptedServer::answers(
            move |_, seen| if seen.body.contains(&name) { answer(422, "", "") } else { accepted() },
        );
        let sets =
            ["--set", &format!("batch.documents={batch}"), "--set", "batch.bytes=1MiB", "--rejects", "again.csv"];
        let run = fixture.run(fixture.convert("by_variable", &server.url, &sets));
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains("rejects this document: it answered 422\n"), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("--> drop/customers.csv:{}:1\n", index + 2)), "{}", run.stderr);
        assert!(run.stderr.contains("2000 = 1999 sent + 1 rejected + 0 filtered + 0 pending\n"), "{}", run.stderr);
        let more = server.seen().len() - CUSTOMERS.div_ceil(batch);
        let [extra, size] = [more, batch].map(|number| f64::from(u32::try_from(number).unwrap()));
        assert!(extra <= 2.0 * size.log2() + 2.0, "{more} requests more");
        let again = fs::read_to_string(fixture.path("again.csv")).unwrap();
        assert_eq!(again.lines().count(), 2);
        assert!(again.lines().nth(1).unwrap().starts_with(&format!("{index};1;")), "{again}");
        assert!(again.contains(";deliver/rejected;"));
    }
}
