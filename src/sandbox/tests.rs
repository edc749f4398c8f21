//! Requests written by hand, so that the sandbox is not tested with the client that it serves to test.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
};

use crate::{
    config::{contract::Contract, mapping::request_path::PathTemplate, profile::secret::Secret},
    options::InjectedFault,
    sandbox::{RunningSandbox, SandboxOptions, SandboxServer, draw_fault},
};

const CONTRACT: &str = r#"{"type": "array", "items": {"type": "object", "required": ["price"],
    "properties": {"price": {"type": "number", "minimum": 0}}, "additionalProperties": false}}"#;

fn sandbox(settings: SandboxOptions) -> RunningSandbox {
    let contract = Contract::compile("contract.json", CONTRACT).unwrap();
    SandboxServer::start(SandboxOptions { port: 0, ..settings }, Arc::new(contract)).unwrap()
}

/// What a request is answered with: status line, headers and body; empty when the connection just closes.
fn exchange(running: &RunningSandbox, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.address).unwrap();
    let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    // A connection that is cut may end in a reset.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

const PUT: &str = "PUT /v1/customers HTTP/1.1\r\nContent-Type: application/json";

fn status(answer: &str) -> u16 {
    answer.get(9..12).map_or(0, |status| status.parse().unwrap())
}

#[test]
fn what_meets_the_contract_is_accepted() {
    let running = sandbox(SandboxOptions::default());
    let answer = exchange(&running, PUT, br#"[{"price": 1}, {"price": 2}]"#);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{\"accepted\":2}"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
}

#[test]
fn what_breaks_the_contract_is_pointed_at_and_not_repeated() {
    let running = sandbox(SandboxOptions::default());
    let answer = exchange(&running, PUT, br#"[{"price": 1}, {"price": "canary"}, {"price": -7171}, {}]"#);
    assert_eq!(status(&answer), 422);
    assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
    for pointer in ["\"#/1/price\"", "\"#/2/price\"", "\"#/3\""] {
        assert!(answer.contains(pointer), "{pointer}: {answer}");
    }
    assert!(!answer.contains("canary") && !answer.contains("7171"), "{answer}");
}

#[test]
fn each_kind_of_bad_request_has_its_status() {
    let settings = SandboxOptions {
        path: PathTemplate::parse("/v1/customers").ok(),
        bearer: Some(Secret::new("token")),
        max_body: 100,
        ..SandboxOptions::default()
    };
    let running = sandbox(settings);
    let with = |extra: &str| format!("{PUT}\r\nAuthorization: Bearer token{extra}");
    let table: [(String, &[u8], u16); 10] = [
        (with(""), b"[]", 200),
        (PUT.into(), b"[]", 401),
        (format!("{PUT}\r\nAuthorization: Bearer wrong"), b"[]", 401),
        (with("").replace("customers", "orders"), b"[]", 404),
        (with("").replace("PUT", "DELETE"), b"[]", 405),
        (with("").replace("application/json", "text/csv"), b"[]", 415),
        (with("\r\nContent-Encoding: br"), b"[]", 415),
        (with("\r\nContent-Encoding: gzip"), b"[]", 400),
        (with(""), b"[", 400),
        (with(""), &[b' '; 101], 413),
    ];
    for (head, body, expected) in table {
        assert_eq!(status(&exchange(&running, &head, body)), expected, "{head}");
    }
}

#[test]
fn compressed_bodies_are_decoded_up_to_a_limit() {
    let running = sandbox(SandboxOptions { max_body: 1000, ..SandboxOptions::default() });
    for (size, expected) in [(10, 200), (100_000, 413)] {
        let body = format!("[{}]", " ".repeat(size));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(body.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::bulk::compress(body.as_bytes(), 3).unwrap();
        for (encoding, body) in [("gzip", gzip), ("zstd", zstd)] {
            let answer = exchange(&running, &format!("{PUT}\r\nContent-Encoding: {encoding}"), &body);
            assert_eq!(status(&answer), expected, "{encoding} {size}");
        }
    }
}

#[test]
fn accepted_bodies_are_kept_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(SandboxOptions { keep: Some(folder.path().join("kept")), ..SandboxOptions::default() });
    for body in ["[{\"price\": 1}]", "[{}]", "[]"] {
        exchange(&running, PUT, body.as_bytes());
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join("kept").join(name));
    assert_eq!(read("000001.json").unwrap(), "[{\"price\": 1}]");
    assert_eq!(read("000002.json").unwrap(), "[]");
    assert!(read("000003.json").is_err());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("kept/000001.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn replies_are_lost_after_the_work_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(folder.path().to_owned());
    let running = sandbox(SandboxOptions { drop_after: Some(2), keep, ..SandboxOptions::default() });
    let statuses: Vec<u16> = (0..6).map(|_| status(&exchange(&running, PUT, b"[]"))).collect();
    assert_eq!(statuses, [200, 200, 0, 200, 200, 0]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
}

#[test]
fn faults_are_as_frequent_as_asked_and_the_same_for_a_seed() {
    let faults = vec![InjectedFault { status: 503, percent: 20 }, InjectedFault { status: 500, percent: 5 }];
    let settings = SandboxOptions { faults, seed: 7, ..SandboxOptions::default() };
    let drawn: Vec<Option<u16>> = (0..10_000).map(|number| draw_fault(&settings, number)).collect();
    let count = |status| drawn.iter().filter(|drawn| **drawn == Some(status)).count();
    assert!((1800..2200).contains(&count(503)) && (400..600).contains(&count(500)));
    assert_eq!(drawn, (0..10_000).map(|number| draw_fault(&settings, number)).collect::<Vec<_>>());
    let running = sandbox(SandboxOptions {
        faults: vec![InjectedFault { status: 503, percent: 100 }],
        ..SandboxOptions::default()
    });
    assert_eq!(status(&exchange(&running, PUT, b"[]")), 503);
}

#[test]
fn a_document_is_put_to_its_own_path_only() {
    let contract = r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": ["string", "integer"]}}}"#;
    let contract = Contract::compile("contract.json", contract).unwrap();
    let path = PathTemplate::parse("/v1/patients/p-{id}/notes").ok();
    let running =
        SandboxServer::start(SandboxOptions { port: 0, path, ..SandboxOptions::default() }, Arc::new(contract))
            .unwrap();
    let table = [
        ("/v1/patients/p-7/notes", r#"{"id": 7}"#, 200),
        ("/v1/patients/p-a%2F%3F/notes", r#"{"id": "a/?"}"#, 200),
        ("/v1/patients/p-8/notes", r#"{"id": 7}"#, 400),
        ("/v1/patients/p-a/?/notes", r#"{"id": "a/?"}"#, 404),
        ("/v1/patients/p-/notes", r#"{"id": ""}"#, 404),
        ("/v1/patients/7/notes", r#"{"id": 7}"#, 404),
        ("/v1/patients/p-7", r#"{"id": 7}"#, 404),
        ("/v1/patients/p-7/notes/x", r#"{"id": 7}"#, 404),
        ("/v1/patients/p-7/notes", "{}", 422),
    ];
    for (path, body, expected) in table {
        for media in ["application/json", "application/fhir+json; fhirVersion=4.0"] {
            let head = format!("PUT {path} HTTP/1.1\r\nContent-Type: {media}");
            assert_eq!(status(&exchange(&running, &head, body.as_bytes())), expected, "{path} {body}");
        }
    }
}
