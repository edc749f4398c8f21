//! Deliveries with a path for each document, over real sockets: where each goes, and that one holds up no other.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    fixture::Fixture,
    server::{ReceivedRequest, ScriptedServer, accepted, answer},
};

const JSON: &str = "Content-Type: application/json\r\n";
const PROBLEM: &str = "Content-Type: application/problem+json\r\n";

const MAPPING: &str = "mapping: 1\nname: patients\ncontract: ../schemas/customers.schema.json\n\
    request: { method: PUT, path: \"/v1/patients/{who/id}\", content_type: application/fhir+json }\nsources:\n  \
    patients: { path: patients.csv, key: id }\noutput:\n  root: object\n  each: patients\n  fields:\n    \
    who: { fields: { id: id } }\n    name: name\n";

/// A fixture with a patient for each of these ids and names.
fn patients(records: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new(0, &[]);
    fs::write(fixture.path("mappings/inflight-sales.yaml"), MAPPING).unwrap();
    fs::write(fixture.path("schemas/customers.schema.json"), r#"{"type": "object", "required": ["who"]}"#).unwrap();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows: Vec<String> = records.iter().map(|(id, name)| format!("{},{}\n", quoted(id), quoted(name))).collect();
    fs::write(fixture.path("drop/patients.csv"), format!("id,name\n{}", rows.concat())).unwrap();
    fixture
}

/// Patients with the ids `p0`, `p1`, …
fn numbered(count: usize) -> Fixture {
    let ids: Vec<String> = (0..count).map(|id| format!("p{id}")).collect();
    let records: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "Ann")).collect();
    patients(&records)
}

/// The path of a request.
fn path(seen: &ReceivedRequest) -> String {
    seen.head.split(' ').nth(1).unwrap().to_owned()
}

/// What a bad document gets: with a name, its status and the answer.
type Refusal = (&'static str, u16, fn(u16) -> String);

/// How often each path was asked.
fn count_paths(server: &ScriptedServer) -> Vec<(String, usize)> {
    let mut paths: Vec<String> = server.seen().iter().map(path).collect();
    paths.sort();
    paths.chunk_by(|one, other| one == other).map(|same| (same[0].clone(), same.len())).collect()
}

#[test]
fn no_value_leaves_its_step_of_the_path() {
    let hostile = [
        ("../../admin", "..%2F..%2Fadmin"),
        ("..\\x", "..%5Cx"),
        ("%2e%2e%2f", "%252e%252e%252f"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("1\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1", "1%0D%0AX-Evil%3A%201%0D%0A%0D%0AGET%20%2F%20HTTP%2F1.1"),
        ("Zoë 😀 \u{202e}", "Zo%C3%AB%20%F0%9F%98%80%20%E2%80%AE"),
        ("http://elsewhere.example/", "http%3A%2F%2Felsewhere.example%2F"),
        ("//elsewhere", "%2F%2Felsewhere"),
        ("@host:80", "%40host%3A80"),
        ("...", "..."),
        ("a;v=1&b", "a%3Bv%3D1%26b"),
    ];
    let records: Vec<(&str, &str)> = hostile.iter().map(|(id, _)| (*id, "Ann")).collect();
    let fixture = patients(&records);
    let server = ScriptedServer::answers(|_, _| accepted());
    let run = fixture.run(fixture.convert("dev", &format!("{}/base", server.url), &["--set", "in_flight=1"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("/base/v1/patients/{who/id}\n"), "{}", run.stderr);
    let seen = server.seen();
    assert_eq!(seen.len(), hostile.len());
    for (request, (id, encoded)) in seen.iter().zip(hostile) {
        let line = format!("PUT /base/v1/patients/{encoded} HTTP/1.1\r\n");
        assert!(request.head.starts_with(&line), "{id}: {}", request.head);
        let headers = ["content-type", "accept", "x-evil"].map(|name| request.header(name));
        assert_eq!(headers, [Some("application/fhir+json"), Some("application/json"), None], "{id}");
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["who"]["id"], id);
    }
}

#[test]
fn a_document_that_is_refused_holds_up_no_other_and_leads_home() {
    let says = |status: u16| answer(status, PROBLEM, r##"{"type": "urn:x", "errors": [{"pointer": "#/who/id"}]}"##);
    let telling: [Refusal; 8] = [
        ("400", 400, says),
        ("404", 404, says),
        ("409", 409, says),
        ("410", 410, says),
        ("412", 412, says),
        ("422", 422, says),
        ("a body that tells of failure", 200, |_| {
            answer(200, JSON, r#"{"error": {"code": 422}, "pointer": "/who/id"}"#)
        }),
        ("a list with one result", 207, |_| answer(207, JSON, r#"[{"status": 422, "pointer": "/who/id"}]"#)),
    ];
    thread::scope(|scope| {
        for (name, status, refusal) in telling {
            scope.spawn(move || {
                let fixture = numbered(40);
                let is_bad = |path: &str| path.ends_with("/p7") || path.ends_with("/p31");
                let server = ScriptedServer::answers(
                    move |_, seen| {
                        if is_bad(&path(seen)) { refusal(status) } else { accepted() }
                    },
                );
                let run = fixture.run(fixture.convert("dev", &server.url, &["--set", "in_flight=4"]));
                assert_eq!(run.code, Some(1), "{name}: {}", run.stderr);
                assert!(
                    run.stderr.contains("40 = 38 sent + 2 rejected + 0 filtered + 0 pending"),
                    "{name}: {}",
                    run.stderr
                );
                for place in ["drop/patients.csv:9:", "drop/patients.csv:33:"] {
                    assert!(run.stderr.contains(place), "{name}: {}", run.stderr);
                }
                let once = count_paths(&server).into_iter().filter(|(path, _)| !is_bad(path));
                assert!(once.map(|(_, times)| times).eq([1; 38]), "{name}");
                let before = server.seen().len();
                let again = fixture.run(fixture.convert("dev", &server.url, &[]));
                assert_eq!((again.code, server.seen().len()), (Some(1), before), "{name}: {}", again.stderr);
            });
        }
    });
}

#[test]
fn a_document_that_is_too_large_is_rejected_alone() {
    let long = "x".repeat(5_000);
    let fixture = patients(&[("p0", "Ann"), ("p1", &long), ("p2", "Bo")]);
    let server =
        ScriptedServer::answers(|_, seen| if seen.body.len() > 1_000 { answer(413, "", "") } else { accepted() });
    let run = fixture.run(fixture.convert("dev", &server.url, &[]));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("error[deliver/too-large]") && run.stderr.contains("drop/patients.csv:3:1\n"));
    assert!(run.stderr.contains("3 = 2 sent + 1 rejected"), "{}", run.stderr);
}

#[test]
fn what_fails_is_sent_again_to_the_same_path_with_the_same_bytes_and_key() {
    let failures: [fn() -> String; 4] = [
        || answer(503, "Retry-After: 0\r\n", ""),
        || answer(429, "Retry-After: 0\r\n", ""),
        || answer(500, "", ""),
        || "HTTP/1.1 200 Said\r\nContent-Length: 99\r\n\r\n{".to_owned(),
    ];
    for failure in failures {
        let fixture = numbered(30);
        let failed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&failed);
        let server = ScriptedServer::answers(move |_, seen| {
            let is_first = path(seen).ends_with("/p11") && counter.fetch_add(1, Ordering::SeqCst) == 0;
            if is_first { failure() } else { accepted() }
        });
        let sets = ["--set", "in_flight=4", "--set", "timeout=1s", "--set", "idempotency_header=Idempotency-Key"];
        let run = fixture.run(fixture.convert("dev", &server.url, &sets));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let seen = server.seen();
        let same: Vec<&ReceivedRequest> = seen.iter().filter(|seen| seen.body.contains("\"p11\"")).collect();
        assert_eq!((same.len(), seen.len()), (2, 31));
        let told =
            |seen: &ReceivedRequest| (path(seen), seen.body.clone(), seen.header("idempotency-key").map(str::to_owned));
        assert_eq!(told(same[0]), told(same[1]));
        assert_eq!(path(same[0]), "/v1/patients/p11");
    }
}

#[test]
fn what_has_no_answer_at_the_deadline_is_pending_and_goes_to_its_path_in_the_next_run() {
    let fixture = numbered(20);
    let is_down = Arc::new(AtomicUsize::new(1));
    let down = Arc::clone(&is_down);
    let server = ScriptedServer::answers(move |_, seen| {
        let is_silent = down.load(Ordering::SeqCst) == 1 && path(seen).ends_with("/p3");
        if is_silent { answer(504, "", "") } else { accepted() }
    });
    let sets = ["--set", "deadline=1s", "--set", "in_flight=4", "--set", "grace=0s"];
    let run = fixture.run(fixture.convert("dev", &server.url, &sets));
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert!(run.stderr.contains("20 = 19 sent + 0 rejected + 0 filtered + 1 pending"), "{}", run.stderr);
    is_down.store(0, Ordering::SeqCst);
    let before = server.seen().len();
    let run = fixture.run(fixture.convert("dev", &server.url, &sets));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let later: Vec<String> = server.seen()[before..].iter().map(path).collect();
    assert_eq!(later, ["/v1/patients/p3"]);
}

#[test]
fn another_template_or_type_is_a_new_delivery_to_the_same_target() {
    let fixture = numbered(3);
    let server = ScriptedServer::answers(|_, _| accepted());
    let changes = [
        ("name: patients", "name: people", 3),
        ("application/fhir+json", "application/json", 6),
        ("/v1/patients/{who/id}", "/v1/patients/{again}", 9),
        ("/v1/patients/{again}", "/v1/patients/{again}/notes", 12),
    ];
    let run = fixture.run(fixture.convert("dev", &server.url, &[]));
    assert_eq!((run.code, server.seen().len()), (Some(0), 3), "{}", run.stderr);
    let mapping = fixture.path("mappings/inflight-sales.yaml");
    let both = MAPPING.replace("    name: name\n", "    again: id\n");
    fs::write(&mapping, &both).unwrap();
    let run = fixture.run(fixture.convert("dev", &server.url, &[]));
    assert_eq!((run.code, server.seen().len()), (Some(0), 6), "{}", run.stderr);
    for (from, to, requests) in changes {
        let text = fs::read_to_string(&mapping).unwrap().replace(from, to);
        fs::write(&mapping, text).unwrap();
        let run = fixture.run(fixture.convert("dev", &server.url, &[]));
        assert_eq!((run.code, server.seen().len()), (Some(0), 3 + requests), "{to}: {}", run.stderr);
    }
    let targets = fs::read_dir(fixture.path("state/xwalk")).unwrap().count();
    assert_eq!(targets, 2, "what stands between the braces is no part of the target");
}

#[test]
fn a_redirect_is_not_followed_and_no_path_is_told() {
    let fixture = patients(&[("CANARY-7f3a", "Ann"), ("p1", "Bo")]);
    let elsewhere = ScriptedServer::answers(|_, _| accepted());
    let location = elsewhere.url.clone();
    let server =
        ScriptedServer::answers(move |_, seen| answer(307, &format!("Location: {location}{}\r\n", path(seen)), ""));
    for format in ["full", "json"] {
        let sets = ["--message-format", format, "-vv", "--log", "json"];
        let run = fixture.run(fixture.convert("dev", &server.url, &sets));
        assert_eq!((run.code, elsewhere.connections()), (Some(4), 0), "{}", run.stderr);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time that it takes is what is tested")]
fn requests_of_one_document_keep_all_connections_busy() {
    const COUNT: usize = 2_000;
    let fixture = numbered(COUNT);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (flying, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = ScriptedServer::answers(move |_, _| {
        peak.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        flying.fetch_sub(1, Ordering::SeqCst);
        accepted()
    });
    let start = Instant::now();
    let run = fixture.run(fixture.convert("dev", &server.url, &["--set", "in_flight=16"]));
    let took = start.elapsed();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!((server.connections(), most.load(Ordering::SeqCst)), (16, 16));
    assert!(count_paths(&server).into_iter().map(|(_, times)| times).eq([1; COUNT]));
    // Alone it takes under 4 s; one after the other would take 40.
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[test]
fn the_sandbox_takes_each_document_at_its_own_path() {
    let fixture = numbered(300);
    for faults in [&[][..], &["--fail", "503:20%"], &["--drop-after", "40"]] {
        let sandbox = fixture.start_sandbox(&[&["--keep", "kept"][..], faults].concat());
        let state = fixture.path(&format!("state-{}", faults.len()));
        let sets = ["--set", "in_flight=8", "--set", "resend=100x", "--state", state.to_str().unwrap()];
        let run = fixture.run(fixture.convert("dev", &sandbox.url, &sets));
        assert_eq!(run.code, Some(0), "{faults:?}: {}", run.stderr);
        sandbox.end();
        fs::remove_dir_all(&state).unwrap();
    }
    let (mut ids, mut bodies) = (Vec::new(), fs::read_dir(fixture.path("kept")).unwrap());
    while let Some(Ok(entry)) = bodies.next() {
        let body: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        ids.push(body["who"]["id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 300);
}
