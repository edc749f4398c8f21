//! How much memory a delivery uses: as much as `--memory` allows, and not more for more documents.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    fixture::Fixture,
    server::{ReceivedRequest, ScriptedServer, accepted},
};

/// A deadline that no machine is too slow for.
const LATE: [&str; 4] = ["--memory", "32MiB", "--set", "deadline=10m"];

/// Runs a command; returns its exit code and its peak memory in MiB.
#[expect(clippy::disallowed_methods, reason = "a test is the edge of the program")]
fn measure_peak(mut command: Command) -> (Option<i32>, u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let told = fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let held = line.and_then(|line| line.trim().strip_suffix(" kB")).map_or(0, |held| held.parse().unwrap());
        most = most.max(held);
        thread::sleep(Duration::from_millis(20));
    }
    (child.wait().unwrap().code(), most >> 10)
}

#[test]
fn a_delivery_holds_no_more_for_more_documents() {
    let held = [40_000, 160_000].map(|customers| {
        let (fixture, server) = (Fixture::new(customers, &[]), ScriptedServer::answers(|_, _| accepted()));
        let (code, most) = measure_peak(fixture.convert("dev", &server.url, &LATE));
        let documents: usize = server.seen().iter().map(|seen| seen.body.matches("\"first_name\"").count()).sum();
        assert_eq!((code, documents), (Some(0), customers));
        most
    });
    println!("40,000 documents: {} MiB, 160,000 documents: {} MiB", held[0], held[1]);
    // Of each parent the place of its key is held: some 5 MiB more for 120,000 of them.
    assert!(held[1] < held[0] + 16 && held[1] < 96, "{held:?} MiB");
}

#[test]
fn a_document_too_large_for_memory_is_delivered_once_even_if_the_run_is_killed() {
    let fixture = Fixture::new(3, &[]);
    let mut purchases = fs::read_to_string(fixture.path("drop/purchases.csv")).unwrap();
    for number in 0..150_000 {
        writeln!(purchases, "1/x{number};1;{number};1;10.50;euros;2017-12-31").unwrap();
    }
    fs::write(fixture.path("drop/purchases.csv"), purchases).unwrap();
    let one = [&LATE[..], &["--set", "batch.documents=1", "--set", "in_flight=1", "--set", "grace=100ms"]].concat();
    let large = |body: &str| body.len() > 10_000_000;

    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = Arc::clone(&silent);
    let says_nothing = move |seen: &ReceivedRequest| is_silent.load(Ordering::SeqCst) && large(&seen.body);
    let server = ScriptedServer::answers(move |_, seen| if says_nothing(seen) { String::new() } else { accepted() });
    let child =
        fixture.convert("dev", &server.url, &one).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (0..2).for_each(|_| server.wait());
    fixture.kill(child);
    silent.store(false, Ordering::SeqCst);
    let (code, held) = measure_peak(fixture.convert("dev", &server.url, &one));
    // The first was acknowledged before the kill, and the large one was not.
    let sent: Vec<bool> = server.seen().iter().map(|seen| large(&seen.body)).collect();
    assert_eq!((code, sent), (Some(0), vec![false, true, true, false]));
    let items = server.seen()[2].body.matches("\"product_id\"").count();
    assert_eq!((items, server.seen()[1].body == server.seen()[2].body), (150_001, true));
    println!("a document of {} MiB: {held} MiB", server.seen()[2].body.len() >> 20);
    let connections = server.connections();
    let run = fixture.run(fixture.convert("dev", &server.url, &one));
    assert_eq!((run.code, server.connections()), (Some(0), connections));
}
