//! Deliveries inside an envelope, over real sockets: limits, divisions, places and results are those of the documents.

use std::fs;

use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    server::{ReceivedRequest, ScriptedServer, accepted, answer},
};

const MAPPING: &str = "mapping: 1\nname: contacts\ncontract: ../schemas/customers.schema.json\n\
    request: { method: POST, path: /v1/contacts, content_type: application/vnd.api+json }\nsources:\n  \
    contacts: { path: contacts.csv, key: id }\noutput:\n  \
    root: { version: { const: 2 }, data: { fields: { inputs: documents } } }\n  each: contacts\n  \
    fields: { id: id, name: name }\n";
const CONTRACT: &str = r#"{"properties": {"data": {"properties": {"inputs":
    {"type": "array", "maxItems": 8, "items": {"required": ["id"]}}}}}, "required": ["version"]}"#;

/// A fixture with contacts `k0`, `k1`, …
fn contacts(count: usize) -> Fixture {
    let fixture = Fixture::new(0, &[]);
    fs::write(fixture.path("mappings/inflight-sales.yaml"), MAPPING).unwrap();
    fs::write(fixture.path("schemas/customers.schema.json"), CONTRACT).unwrap();
    let rows: Vec<String> = (0..count).map(|id| format!("k{id},Ann {id}\n")).collect();
    fs::write(fixture.path("drop/contacts.csv"), format!("id,name\n{}", rows.concat())).unwrap();
    fixture
}

/// The ids in a request, whose envelope is whole.
fn ids(seen: &ReceivedRequest) -> Vec<String> {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((&body["version"], body.as_object().unwrap().len()), (&json!(2), 2), "{}", seen.body);
    assert_eq!(seen.header("content-type"), Some("application/vnd.api+json"));
    let documents = body["data"]["inputs"].as_array().unwrap().iter();
    documents.map(|document| document["id"].as_str().unwrap().to_owned()).collect()
}

/// All ids that arrived, each as often as it did.
fn arrived(server: &ScriptedServer) -> Vec<String> {
    let mut all: Vec<String> = server.seen().iter().flat_map(ids).collect();
    all.sort_by_key(|id| id[1..].parse::<u32>().unwrap());
    all
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|id| format!("k{id}")).collect()
}

#[test]
fn limits_count_the_envelope_and_its_list() {
    for (limit, most, bytes) in
        [("batch.documents=5", 5, 1 << 20), ("batch=all", 8, 1 << 20), ("batch.bytes=150", 8, 150)]
    {
        let fixture = contacts(50);
        let server = ScriptedServer::answers(|_, _| accepted());
        let run = fixture.run(fixture.convert("dev", &server.url, &["--set", limit]));
        assert_eq!(run.code, Some(0), "{limit}: {}", run.stderr);
        assert_eq!(arrived(&server), numbered(50), "{limit}");
        assert!(server.seen().iter().all(|seen| ids(seen).len() <= most && seen.body.len() <= bytes), "{limit}");
    }
}

#[test]
fn what_is_too_large_is_divided_inside_the_envelope() {
    let fixture = contacts(40);
    let server =
        ScriptedServer::answers(|_, seen| if seen.body.len() > 140 { answer(413, "", "") } else { accepted() });
    let run = fixture.run(fixture.convert("dev", &server.url, &[]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let taken = server.seen().into_iter().filter(|seen| seen.body.len() <= 140).flat_map(|seen| ids(&seen)).count();
    assert_eq!(taken, 40);
}

#[test]
fn a_bad_document_is_found_led_home_and_alone() {
    for says_where in [true, false] {
        let fixture = contacts(24);
        let server = ScriptedServer::answers(move |_, seen| {
            let Some(at) = ids(seen).iter().position(|id| id == "k13") else { return accepted() };
            let pointer = if says_where { format!("#/data/inputs/{at}/name") } else { String::new() };
            let said = json!({ "type": "urn:x", "errors": [{ "pointer": pointer }] });
            answer(422, "Content-Type: application/problem+json\r\n", &said.to_string())
        });
        let run = fixture.run(fixture.convert("dev", &server.url, &[]));
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains("24 = 23 sent + 1 rejected"), "{}", run.stderr);
        let place = if says_where { "drop/contacts.csv:15:5\n" } else { "drop/contacts.csv:15:1\n" };
        assert!(run.stderr.contains(place), "{}", run.stderr);
    }
}

#[test]
fn results_for_each_document_are_those_of_the_list() {
    let fixture = contacts(16);
    let server = ScriptedServer::answers(|_, seen| {
        let status = |id: &String| if id == "k3" || id == "k12" { 422 } else { 201 };
        let results: Vec<Value> = ids(seen).iter().map(|id| json!({ "id": id, "status": status(id) })).collect();
        answer(207, "Content-Type: application/json\r\n", &json!({ "version": 2, "results": results }).to_string())
    });
    let run = fixture.run(fixture.convert("dev", &server.url, &[]));
    assert_eq!((run.code, server.seen().len()), (Some(1), 2), "{}", run.stderr);
    assert!(run.stderr.contains("16 = 14 sent + 2 rejected"), "{}", run.stderr);
    for place in ["drop/contacts.csv:5:1\n", "drop/contacts.csv:14:1\n"] {
        assert!(run.stderr.contains(place), "{}", run.stderr);
    }
}

#[test]
fn what_fails_is_sent_again_in_its_envelope() {
    let fixture = contacts(20);
    let server = ScriptedServer::answers(|number, _| match number {
        0 => answer(503, "Retry-After: 0\r\n", ""),
        2 => "HTTP/1.1 200 Said\r\nContent-Length: 99\r\n\r\n{".to_owned(),
        _ => accepted(),
    });
    let run = fixture.run(fixture.convert("dev", &server.url, &["--set", "timeout=1s"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mut all = arrived(&server);
    all.dedup();
    assert_eq!(all, numbered(20));
}

#[test]
fn the_sandbox_takes_the_envelope_and_counts_its_documents() {
    let fixture = contacts(60);
    let sandbox = fixture.start_sandbox(&["--keep", "kept", "--max-body", "200", "--fail", "500:20%"]);
    let run = fixture.run(fixture.convert("dev", &sandbox.url, &["--set", "resend=100x"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    sandbox.end();
    let mut all: Vec<String> = Vec::new();
    for entry in fs::read_dir(fixture.path("kept")).unwrap() {
        let body = fs::read_to_string(entry.unwrap().path()).unwrap();
        all.extend(ids(&ReceivedRequest { head: "x\r\ncontent-type: application/vnd.api+json".into(), body }));
    }
    all.sort_by_key(|id| id[1..].parse::<u32>().unwrap());
    assert_eq!(all, numbered(60));
}
