//! What the program believes of an answer, and where it sends: each with a server of its own on a real socket.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    server::{ReceivedRequest, ScriptedServer, accepted, answer},
};

const JSON: &str = "Content-Type: application/json\r\n";
/// One request at a time, and an end soon.
const QUICK: [&str; 6] = ["--set", "in_flight=1", "--set", "deadline=2s", "--set", "grace=0s"];

/// What a request with a bad document gets, with a name, and how the run ends.
type BadAnswer = (&'static str, fn() -> String, i32);

/// The first names in a request.
fn names(seen: &ReceivedRequest) -> Vec<String> {
    let documents: Vec<Value> = serde_json::from_str(&seen.body).unwrap();
    documents.iter().map(|document| document["first_name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_success_that_tells_of_failure_is_none() {
    let telling = [
        (200, JSON, r#"{"error": {"code": 500, "message": "x"}}"#),
        (200, JSON, r#"{"success": false}"#),
        (200, JSON, r#"{"response": {"ok": false}}"#),
        (200, JSON, r#"{"statusCode": 500, "body": "{}"}"#),
        (200, JSON, r#"{"insertErrors": [{"index": 1}]}"#),
        (200, JSON, r#"{"UnprocessedItems": {"t": [{}]}}"#),
        (200, JSON, r#"{"errors": [{"index": 1}], "errors": []}"#),
        (200, "Content-Type: application/problem+json\r\n", r#"{"status": 500}"#),
        (202, JSON, "{}"),
        (205, JSON, ""),
        (206, JSON, ""),
        (226, JSON, "{}"),
    ];
    thread::scope(|scope| {
        for (status, headers, body) in telling {
            scope.spawn(move || {
                let fixture = Fixture::new(5, &[]);
                let server = ScriptedServer::answers(move |_, _| answer(status, headers, body));
                let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
                assert!(matches!(run.code, Some(4 | 5)), "{status} {body}: {}", run.stderr);
                assert!(run.stderr.contains("= 0 sent + 0 rejected"), "{status} {body}: {}", run.stderr);
            });
        }
    });
}

#[test]
fn results_in_another_order_are_those_of_their_documents() {
    let fixture = Fixture::new(3, &[]);
    let body = r#"[{"index": "2", "status": 201}, {"index": "1", "status": 201}, {"index": "0", "status": 422}]"#;
    let server = ScriptedServer::answers(move |_, _| answer(207, JSON, body));
    let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("--> drop/customers.csv:2:1\n"), "{}", run.stderr);
}

/// A fixture whose documents are three orders with a status, the last of them `failed`.
fn orders() -> Fixture {
    let fixture = Fixture::new(0, &[]);
    let mapping = "mapping: 1\nname: inflight-sales\ncontract: ../schemas/customers.schema.json\n\
        request: { method: PUT, path: /v1/orders }\nsources:\n  orders: { path: orders.csv, key: id }\n\
        output:\n  each: orders\n  fields: { id: id, note: note, total: total, status: status }\n";
    fs::write(fixture.path("mappings/inflight-sales.yaml"), mapping).unwrap();
    fs::write(fixture.path("schemas/customers.schema.json"), r#"{"type": "array", "items": {"type": "object"}}"#)
        .unwrap();
    fs::write(fixture.path("drop/orders.csv"), "id,note,total,status\nk0,a,1,open\nk1,b,2,open\nk2,c,3,failed\n")
        .unwrap();
    fixture
}

#[test]
fn a_status_that_the_documents_have_too_is_believed_unless_it_is_theirs() {
    /// Gives each document back as it is changed here.
    type Change = fn(&mut Value);
    let results: [(&str, Change, &str); 5] = [
        ("whole orders", |_| (), "3 = 3 sent"),
        ("changed orders", |order| order["status"] = "cancelled".into(), "3 = 3 sent"),
        (
            "one failed",
            |order| {
                let status = if order["id"] == "k1" { "failed".into() } else { order["status"].clone() };
                *order = json!({ "id": order["id"], "status": status, "message": "x" });
            },
            "3 = 2 sent + 1 rejected",
        ),
        (
            "one with the number of a status",
            |order| {
                let status = if order["id"] == "k2" { "422 Unprocessable" } else { "201 Created" };
                *order = json!({ "id": order["id"], "status": status });
            },
            "3 = 2 sent + 1 rejected",
        ),
        (
            "all rejected",
            |order| *order = json!({ "id": order["id"], "status": "rejected" }),
            "3 = 0 sent + 0 rejected",
        ),
    ];
    for (name, change, expected) in results {
        let fixture = orders();
        let server = ScriptedServer::answers(move |_, seen| {
            let mut documents: Vec<Value> = serde_json::from_str(&seen.body).unwrap();
            documents.iter_mut().for_each(change);
            answer(200, JSON, &serde_json::to_string(&documents).unwrap())
        });
        let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
        assert!(run.stderr.contains(expected), "{name}: {}", run.stderr);
    }
    let whole = [
        r#"{"status": "failed", "message": "database is read-only"}"#,
        r#"{"status": "error", "message": "database is read-only"}"#,
        r#"{"id": "k1", "status": "rejected"}"#,
    ];
    for body in whole {
        let fixture = orders();
        let server = ScriptedServer::answers(move |_, _| answer(200, JSON, body));
        let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
        assert_eq!(run.code, Some(4), "{body}: {}", run.stderr);
        assert!(run.stderr.contains("3 = 0 sent + 0 rejected"), "{body}: {}", run.stderr);
    }
}

#[test]
fn an_answer_before_the_request_was_sent_is_none() {
    // The first and the third close the connection on what was not read, the second keeps it open.
    let endings: [fn(TcpStream) -> Option<TcpStream>; 3] = [
        |_| None,
        Some,
        |stream| {
            let _ = (&stream).read(&mut vec![0; 1 << 20]);
            None
        },
    ];
    for (number, end) in endings.into_iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 200]);
                let _ = stream.write_all(accepted().as_bytes());
                open.extend(end(stream));
            }
        });
        let fixture = Fixture::new(40_000, &[]);
        let sets = ["--set", "batch=all", "--set", "in_flight=1", "--set", "deadline=1s"];
        let run = fixture.run(fixture.convert("dev", &url, &sets));
        assert_eq!(run.code, Some(5), "{number}: {}", run.stderr);
        assert!(run.stderr.contains("40000 = 0 sent"), "{number}: {}", run.stderr);
    }
}

#[test]
fn an_answer_without_an_end_of_its_own_is_none() {
    let fixture = Fixture::new(2, &[]);
    let server = ScriptedServer::answers(|_, _| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{JSON}\r\n{{}}"));
    // The server keeps its end open, so the head alone decides.
    let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert!(run.stderr.contains("the answer has no length, so it may be cut"), "{}", run.stderr);
}

#[test]
fn large_answers_many_headers_and_a_byte_order_mark_acknowledge() {
    let echo = |seen: &ReceivedRequest| {
        let mut documents: Vec<Value> = serde_json::from_str(&seen.body).unwrap();
        for document in &mut documents {
            document["links"] = "x".repeat(4_000).into();
        }
        answer(200, JSON, &serde_json::to_string(&documents).unwrap())
    };
    let headers: String = (0..101).map(|number| ["X-", &number.to_string(), ": y\r\n"].concat()).collect();
    let servers = [
        ScriptedServer::answers(move |_, seen| echo(seen)),
        ScriptedServer::answers(move |_, _| answer(200, &format!("{JSON}{headers}"), "{}")),
        ScriptedServer::answers(|_, _| answer(200, JSON, "\u{feff}{\"accepted\": 2}")),
    ];
    for server in servers {
        let fixture = Fixture::new(400, &[]);
        let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
        assert_eq!((run.code, server.seen().len()), (Some(0), 1), "{}", run.stderr);
    }
}

#[test]
fn a_rejection_of_any_size_divides_the_batch() {
    let fixture = Fixture::new(40, &[]);
    let server = ScriptedServer::answers(|_, seen| {
        let is_bad = names(seen).iter().any(|name| name == "00003");
        if is_bad { answer(422, JSON, &format!("[\"{}\"]", "x".repeat(2 << 20))) } else { accepted() }
    });
    let run = fixture.run(fixture.convert("dev", &server.url, &QUICK));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("40 = 39 sent + 1 rejected"), "{}", run.stderr);
}

#[test]
fn one_document_that_gets_another_answer_holds_up_no_other() {
    let answers: [BadAnswer; 8] = [
        ("500", || answer(500, "", ""), 5),
        ("403", || answer(403, "Content-Type: text/html\r\n", "<html>"), 1),
        ("404", || answer(404, "", ""), 1),
        ("451", || answer(451, "", ""), 1),
        ("503", || answer(503, "", ""), 5),
        ("504", || answer(504, "", ""), 5),
        ("closed", String::new, 5),
        ("errors", || answer(200, JSON, r#"{"errors": [{"field": "name"}]}"#), 1),
    ];
    thread::scope(|scope| {
        for (name, bad, code) in answers {
            scope.spawn(move || {
                let fixture = Fixture::new(200, &[]);
                let server = ScriptedServer::answers(move |_, seen| {
                    if names(seen).iter().any(|name| name == "00003") { bad() } else { accepted() }
                });
                let sets = ["--set", "batch.documents=100", "--set", "timeout=1s", "--set", "deadline=8s"];
                let run = fixture.run(fixture.convert("dev", &server.url, &sets));
                assert_eq!(run.code, Some(code), "{name}: {}", run.stderr);
                assert!(run.stderr.contains("200 = 199 sent"), "{name}: {}", run.stderr);
            });
        }
    });
}

#[test]
fn what_the_profile_says_counts() {
    let says = [
        (r#"{"acknowledged": true, "error": "x"}"#, Some(0)),
        (r#"{"acknowledged": false}"#, Some(4)),
        ("{}", Some(4)),
    ];
    for (body, code) in says {
        let fixture = Fixture::new(3, &[]);
        let server = ScriptedServer::answers(move |_, _| answer(200, JSON, body));
        let sets = ["--set", "accept={ pointer: /acknowledged, equals: true }"];
        let run = fixture.run(fixture.convert("dev", &server.url, &[&QUICK[..], &sets].concat()));
        assert_eq!(run.code, code, "{body}: {}", run.stderr);
    }
}

#[test]
fn the_other_names_of_an_address_wait_for_what_is_on_the_way() {
    let fixture = Fixture::new(2, &[]);
    let server = ScriptedServer::answers(|number, _| if number == 0 { String::new() } else { accepted() });
    let first = ["--set", "timeout=1s", "--set", "deadline=150ms", "--set", "grace=100ms"];
    assert_eq!(fixture.run(fixture.convert("dev", &server.url, &first)).code, Some(5));
    // Other documents, and another name for the same place.
    let customers = fixture.path("drop/customers.csv");
    let text = fs::read_to_string(&customers).unwrap().replace(";00001;", ";99999;");
    fs::write(&customers, text).unwrap();
    let local = server.url.replace("127.0.0.1", "localhost");
    let run = fixture.run(fixture.convert("dev", &local, &["--supersede", "--set", "grace=100ms"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("deliver/grace"), "{}", run.stderr);
}

#[test]
fn a_token_that_is_renewed_is_read_again() {
    let fixture = Fixture::new(6, &[]);
    let token = fixture.path("token");
    let server = ScriptedServer::answers(move |number, seen| {
        if number == 2 {
            fs::write(&token, "renewed\n").unwrap();
        }
        let is_new = seen.header("authorization") == Some("Bearer renewed");
        if is_new == (number > 2) { accepted() } else { answer(401, "", "") }
    });
    let sets = ["--set", "batch.documents=1", "--set", "in_flight=1"];
    let run = fixture.run(fixture.convert("by_file", &server.url, &sets));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let fixture = Fixture::new(10, &[]);
    let server = ScriptedServer::answers(|_, _| {
        let (_wait, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(Duration::from_millis(50));
        accepted()
    });
    let sets = ["--set", "batch.documents=1", "--set", "in_flight=1"];
    let mut command = crate::fixture::run_by(Command::new("nohup"), &fixture.convert("dev", &server.url, &sets));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.wait();
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!((child.wait().unwrap().code(), server.seen().len()), (Some(0), 10));
}

#[test]
fn a_date_to_come_back_at_is_read_in_its_old_forms() {
    let forms = [
        ("Sunday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:38 GMT"),
        ("Sun Nov  6 08:49:37 1994", "Sun Nov  6 08:49:38 1994"),
    ];
    for (date, after) in forms {
        let fixture = Fixture::new(1, &[]);
        let headers = format!("Date: {date}\r\nRetry-After: {after}\r\n");
        let server =
            ScriptedServer::answers(move |number, _| if number == 0 { answer(503, &headers, "") } else { accepted() });
        let start = tokio::time::Instant::now();
        assert_eq!(fixture.run(fixture.convert("dev", &server.url, &[])).code, Some(0));
        assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&start.elapsed()), "{date}");
    }
}

#[test]
fn what_repeats_a_document_that_was_settled_before_is_not_shown() {
    for (status, code, expected) in
        [(422, 1, "rejects this document: it answered 422\n"), (307, 4, "answered 307 with a redirect; profile")]
    {
        let fixture = Fixture::new(40, &[]);
        let server = ScriptedServer::answers(move |number, _| match number {
            0..3 => accepted(),
            _ if status == 307 => answer(307, "Location: https://first00004.example/\r\n", ""),
            _ => answer(422, "Content-Type: application/problem+json\r\n", "{\"type\": \"urn:duplicate:00004-first\"}"),
        });
        // The name is that of the customer 4, who was accepted in the first request.
        let customers = fixture.path("drop/customers.csv");
        let text = fs::read_to_string(&customers).unwrap();
        fs::write(&customers, text.replace(";00004;", ";00004-first;").replace(";00005;", ";First 00004;")).unwrap();
        let sets = ["--set", "batch.documents=10", "--set", "in_flight=1", "--max-rejects", "90%"];
        let run = fixture.run(fixture.convert("dev", &server.url, &sets));
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(
            !run.stderr.to_lowercase().contains("first00004") && !run.stderr.contains("00004-first"),
            "{}",
            run.stderr
        );
    }
}
