//! Deliveries over real loopback sockets, each against a scripted server.

mod state;
mod frames;
mod identity;
mod poison;
mod server;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpListener,
    ops::Range,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    config::{
        contract::Contract,
        mapping::request::{Method, Request},
        profile::{
            ProfilesFile,
            destination::{BodyShape, Destination},
            resolve,
            secret::{Environment, Secret},
        },
    },
    deliver::{
        Context, DeliveryProgress, put,
        tests::server::{ScriptedServer, accepted, answer},
        volume,
    },
    diagnostic::Code,
    digest::idempotency_key,
    error::Exit,
    options::{InjectedFault, Setting},
    recording::{
        payload::Payload,
        receipt::{Attempt, Delivery, Ending, Failure, StopReason},
    },
    sandbox::{SandboxOptions, SandboxServer},
};

const CONTEXT: Context = Context::of_first_run(|| Timestamp::UNIX_EPOCH, 7, [7; 16]);

/// A destination at a base URL that waits 5 ms between tries, unless the test sets another time.
pub(crate) fn destination(url: &str, sets: &[(&str, &str)]) -> Destination {
    let text = "profiles:\n  dev:\n    url: sandbox\n    auth: { bearer: { env: TOKEN } }\n    retry: { fixed: { wait: 5ms } }\n    deadline: 10s\n";
    let mut all = vec![Setting::new("url", url)];
    all.extend(sets.iter().map(|(key, value)| Setting::new(*key, *value)));
    let request = Request::new(Method::Put, "/v1/customers");
    let environment = Environment(BTreeMap::from([("TOKEN".to_owned(), "canary-token".to_owned())]));
    let file = ProfilesFile::read("profiles.yaml", text).unwrap();
    resolve::destination(Some(&file), Some("dev"), &all, &request, &environment).unwrap()
}

/// `count` documents that contain their index.
fn documents(count: u64) -> impl Iterator<Item = Payload> + Send {
    (0..count).map(|index| Payload::conforming(index, format!("{{\"n\":\"canary{index}\"}}").into_bytes()))
}

fn deliver(count: u64, destination: &Destination) -> Delivery {
    put(documents(count), destination, &CONTEXT, &mut |_| Ok(()), &|_| {})
}

fn stop_reason(delivery: &Delivery) -> (Exit, Code, String) {
    let StopReason { exit, finding } = delivery.stopped.clone().unwrap();
    (exit, finding.code, finding.message)
}

/// A list of one range.
fn list_of(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

/// How each attempt of each receipt ended.
fn endings(delivery: &Delivery) -> Vec<Vec<Ending>> {
    let endings = |attempts: &[Attempt]| attempts.iter().map(|a| a.ending.clone()).collect();
    delivery.receipts.iter().map(|receipt| endings(&receipt.attempts)).collect()
}

#[test]
fn a_good_delivery_says_all_the_api_needs() {
    let server = ScriptedServer::answers(|_, _| accepted());
    let reported = Mutex::new(Vec::new());
    let sets = [
        ("batch.documents", "2"),
        ("in_flight", "1"),
        ("headers.X-Team", "ground"),
        ("idempotency_header", "Idempotency-Key"),
    ];
    let destination = destination(&server.url, &sets);
    let report = |progress: &DeliveryProgress<'_>| reported.lock().unwrap().push(progress.accepted);
    let delivery = put(documents(3), &destination, &CONTEXT, &mut |_| Ok(()), &report);
    assert_eq!(delivery.accepted, list_of(0..3));
    assert_eq!((delivery.exit(), delivery.stopped.is_none()), (Exit::Done, true));
    assert_eq!(server.bodies(), ["[{\"n\":\"canary0\"},{\"n\":\"canary1\"}]", "[{\"n\":\"canary2\"}]"]);
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("PUT /v1/customers HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("authorization"), Some("Bearer canary-token"));
    assert_eq!(seen.header("x-team"), Some("ground"));
    assert_eq!(seen.header("content-encoding"), None);
    assert_eq!(seen.header("accept-encoding"), None);
    assert_eq!(
        seen.header("idempotency-key"),
        Some(format!("\"{}\"", idempotency_key([7; 16], &(0..2), 0, "none")).as_str())
    );
    assert_eq!(*reported.lock().unwrap(), [2, 3]);
    let volume = volume(documents(3), &destination);
    assert_eq!(delivery.volume, volume);
    assert_eq!((volume.documents, volume.batches, volume.bytes, volume.wire_bytes), (3, 2, 50, 50));
}

#[test]
fn nothing_to_send_sends_nothing() {
    let server = ScriptedServer::never_called();
    let delivery = deliver(0, &destination(&server.url, &[]));
    assert_eq!((delivery.exit(), delivery.volume.requests), (Exit::Done, 0));
}

#[test]
fn an_object_is_a_request_of_its_own() {
    let server = ScriptedServer::answers(|_, _| answer(204, "", ""));
    let destination = destination(&server.url, &[("in_flight", "1")]).shaped(BodyShape::Object);
    assert_eq!(deliver(2, &destination).accepted, list_of(0..2));
    assert_eq!(server.bodies(), ["{\"n\":\"canary0\"}", "{\"n\":\"canary1\"}"]);
}

#[test]
fn a_refusal_stops_at_once_and_names_where_the_secret_came_from() {
    for status in [401, 403, 404, 405, 406, 410, 415, 501] {
        let server = ScriptedServer::answers(move |_, _| answer(status, "", "canary"));
        let delivery = deliver(9, &destination(&server.url, &[("batch.documents", "1"), ("in_flight", "1")]));
        let (exit, code, message) = stop_reason(&delivery);
        assert_eq!((exit, code), (Exit::Refused, Code::DeliverRefused), "{status}");
        let end = format!("answered {status}; profile `dev`, credentials from the variable `TOKEN`");
        assert!(message.ends_with(&end), "{message}");
        // A token is the same for all; anything else may be about a document, so all of eight are tried.
        assert_eq!(server.seen().len(), if status == 401 { 1 } else { 8 }, "{status}");
        assert!(delivery.rejected.is_empty());
    }
}

#[test]
fn a_dead_port_is_tried_until_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let start = Instant::now();
    let delivery = deliver(3, &destination(&url, &[("deadline", "300ms")]));
    let (exit, code, message) = stop_reason(&delivery);
    assert_eq!((exit, code), (Exit::Undelivered, Code::DeliverUnreachable));
    assert!(message.contains("within 0.3 s: no connection: "), "{message}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(delivery.receipts[0].attempts.len() > 3);
    assert!(delivery.in_doubt.is_empty() && delivery.accepted.is_empty());
}

#[test]
fn a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = ScriptedServer::never_called();
        let location = format!("Location: {}/canary?canary=1\r\n", elsewhere.url);
        let server = ScriptedServer::answers(move |_, _| answer(status, &location, ""));
        let delivery = deliver(1, &destination(&server.url, &[]));
        let (exit, code, message) = stop_reason(&delivery);
        assert_eq!((exit, code), (Exit::Refused, Code::DeliverRedirect));
        assert!(message.contains("a redirect to `127.0.0.1`") && !message.contains("canary"), "{message}");
        assert!(delivery.accepted.is_empty());
    }
}

#[test]
fn a_web_page_never_acknowledges() {
    let server =
        ScriptedServer::answers(|_, _| answer(200, "Content-Type: text/html\r\n", "<html>canary: log in</html>"));
    let delivery = deliver(2, &destination(&server.url, &[]));
    let (exit, code, message) = stop_reason(&delivery);
    assert_eq!((exit, code), (Exit::Undelivered, Code::DeliverNoAnswer));
    assert!(message.ends_with("200 with a web page"), "{message}");
    assert!(delivery.accepted.is_empty());
    assert_eq!((server.seen().len(), delivery.in_doubt), (3, list_of(0..2)));
}

#[test]
fn a_busy_server_is_obeyed() {
    let server = ScriptedServer::answers(|number, _| match number {
        0 => answer(503, "Retry-After: 1\r\n", ""),
        _ => accepted(),
    });
    let start = Instant::now();
    let delivery = deliver(4, &destination(&server.url, &[("batch.documents", "2")]));
    assert_eq!(delivery.accepted, list_of(0..4));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_server_that_asks_for_more_time_than_there_is_ends_the_run() {
    let server = ScriptedServer::answers(|_, _| answer(429, "Retry-After: 86400\r\n", ""));
    let delivery = deliver(1, &destination(&server.url, &[]));
    let (exit, code, message) = stop_reason(&delivery);
    assert_eq!((exit, code), (Exit::Undelivered, Code::DeliverUnreachable));
    assert!(message.contains("not to come back before 86400 s"), "{message}");
}

#[test]
fn what_is_in_doubt_is_sent_again_with_the_same_bytes_and_key() {
    let cut = || b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{".to_vec();
    let server = ScriptedServer::answers(move |number, _| match number {
        0 => cut(),
        1 => Vec::new(),
        2 => answer(500, "", ""),
        _ => accepted(),
    });
    let delivery = deliver(3, &destination(&server.url, &[("idempotency_header", "Key")]));
    assert_eq!(delivery.accepted, list_of(0..3));
    let broken = Ending::Failure(Failure::Broken);
    assert_eq!(endings(&delivery), [[broken.clone(), broken, Ending::Status(500), Ending::Status(200)]]);
    let in_doubt: Vec<bool> = delivery.receipts[0].attempts.iter().map(|attempt| attempt.in_doubt).collect();
    assert_eq!(in_doubt, [true, true, false, false]);
    assert!(delivery.in_doubt.is_empty());
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.body == seen[0].body));
    assert!(seen.iter().all(|request| request.header("key") == seen[0].header("key")));
    assert_eq!(delivery.volume.resent_bytes, 3 * delivery.volume.wire_bytes);
}

#[test]
fn an_answer_that_does_not_end_is_no_answer() {
    let server = ScriptedServer::answers(|number, _| match number {
        0 => answer(200, "Content-Type: application/json\r\n", &" ".repeat((16 << 20) + 1)),
        _ => accepted(),
    });
    let delivery = deliver(1, &destination(&server.url, &[]));
    assert_eq!(endings(&delivery), [[Ending::Failure(Failure::Endless), Ending::Status(200)]]);
}

#[test]
fn a_silent_server_is_given_up_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let delivery = deliver(1, &destination(&url, &[("timeout", "100ms"), ("deadline", "350ms")]));
    assert_eq!(stop_reason(&delivery).0, Exit::Undelivered);
    assert_eq!(endings(&delivery)[0][0], Ending::Failure(Failure::Late));
    assert_eq!(delivery.in_doubt, list_of(0..1));
}

#[test]
fn what_is_too_large_is_halved_and_the_limit_kept() {
    for limit in [1, 15, 40, 100, 200] {
        let server = ScriptedServer::answers(
            move |_, seen| if seen.body.len() > limit { answer(413, "", "") } else { accepted() },
        );
        let delivery = deliver(9, &destination(&server.url, &[("in_flight", "1"), ("batch.documents", "8")]));
        if limit < 18 {
            // Nothing was accepted: it may be a quota, or a server in between.
            let (exit, code, message) = stop_reason(&delivery);
            assert_eq!((exit, code), (Exit::Refused, Code::DeliverRefused), "{limit}");
            assert!(message.contains("answered 413"), "{message}");
            assert_eq!((delivery.rejected.len(), delivery.accepted.len()), (0, 0));
            let (aside, requests) = (&delivery.same_problem, server.seen().len());
            assert!(aside.iter().all(|aside| aside.finding.code == Code::DeliverTooLarge));
            assert!(aside.len() == 8 && requests <= 12, "{limit}: {requests}");
        } else {
            assert!(delivery.stopped.is_none());
            assert_eq!((delivery.exit(), &delivery.accepted[..]), (Exit::Done, &list_of(0..9)[..]), "{limit}");
            let tried = server.bodies().iter().filter(|body| body.len() > limit).count();
            assert!(tried <= 4, "{limit}: {tried}");
        }
    }
}

#[test]
fn only_the_document_that_is_named_is_rejected_and_nothing_the_server_wrote_is_repeated() {
    let body = r##"{"type": "urn:contract", "detail": "canary", "errors": [{"pointer": "#/1/n/canary", "detail": "canary"}]}"##;
    let alone = r##"{"type": "urn:contract", "title": "canary", "errors": [{"pointer": "#/0/n"}]}"##;
    let rejection = |body: &str| answer(422, "Content-Type: application/problem+json\r\n", body);
    let server = ScriptedServer::answers(move |_, seen| match String::from_utf8_lossy(&seen.body).as_ref() {
        "[{\"n\":\"canary1\"}]" => rejection(alone),
        several if several.contains("canary1") => rejection(body),
        _ => accepted(),
    });
    let delivery = deliver(3, &destination(&server.url, &[("in_flight", "1")]));
    assert_eq!((delivery.exit(), delivery.accepted), (Exit::Rejects, vec![0..1, 2..3]));
    let [rejected] = &delivery.rejected[..] else { panic!("{:?}", delivery.rejected) };
    assert_eq!((rejected.index, &rejected.pointers[..]), (1, &["/n".to_owned()][..]));
    assert!(rejected.finding.message.ends_with("rejects this document: it answered 422, problem `urn:contract`"));
    let sent = server.bodies().into_iter().map(|body| body.replace("{\"n\":\"canary", "").replace("\"}", ""));
    assert_eq!(sent.collect::<Vec<_>>(), ["[0,1,2]", "[0]", "[1]", "[2]"]);
}

#[test]
fn a_result_in_a_list_means_what_a_whole_answer_does() {
    let table = [
        (401, Exit::Refused, "answered 401 for a document; profile `dev`"),
        (403, Exit::Rejects, "rejects this document: it answered 403"),
        (413, Exit::Refused, "answered 413; profile `dev`"),
        (500, Exit::Undelivered, "the last answer was 207, with 500 for a document"),
    ];
    for (code, exit, said) in table {
        let server = ScriptedServer::answers(move |_, seen| {
            let documents: Vec<BTreeMap<String, String>> = serde_json::from_slice(&seen.body).unwrap();
            let code_of = |name: &str| if name == "canary1" { code } else { 201 };
            let items = documents.iter().map(|document| format!("{{\"status\": {}}}", code_of(&document["n"])));
            let body = format!("[{}]", items.collect::<Vec<_>>().join(","));
            answer(207, "Content-Type: application/json\r\n", &body)
        });
        let delivery = deliver(3, &destination(&server.url, &[("deadline", "400ms")]));
        assert_eq!((delivery.exit(), &delivery.accepted[..]), (exit, &[0..1, 2..3][..]), "{code}");
        let findings = delivery.rejected.iter().map(|one| &one.finding);
        let mut findings = findings.chain(delivery.stopped.iter().map(|reason| &reason.finding));
        assert!(findings.any(|finding| finding.message.contains(said)), "{code}: {delivery:?}");
        // What stays pending is named as well.
        let named: Vec<u64> = delivery.same_problem.iter().map(|one| one.index).collect();
        assert_eq!(named, if matches!(code, 413 | 500) { vec![1] } else { Vec::new() }, "{code}");
    }
}

#[test]
fn a_list_in_another_order_and_a_body_that_tells_of_failure_are_heard() {
    /// What the API says of documents of which it refuses the second.
    type Saying = fn(&[String]) -> String;
    let table: [(Saying, Exit, &[u64]); 6] = [
        (
            |names| {
                let item = |name: &String| {
                    format!("{{\"n\": \"{name}\", \"status\": {}}}", if name == "canary1" { 422 } else { 201 })
                };
                format!("[{}]", names.iter().rev().map(item).collect::<Vec<_>>().join(","))
            },
            Exit::Rejects,
            &[1],
        ),
        (|names| names.first().map_or_else(String::new, |_| "false".into()), Exit::Refused, &[]),
        (
            |names| {
                let item = |(number, name): (usize, &String)| {
                    format!("{{\"id\": \"{number}\", \"ok\": {}}}", name != "canary1")
                };
                let items: Vec<String> = names.iter().enumerate().map(item).collect();
                format!("{{\"responses\": [{}]}}", items.into_iter().rev().collect::<Vec<_>>().join(","))
            },
            Exit::Rejects,
            &[1],
        ),
        (
            |names| {
                format!("[{}]", names.iter().map(|name| (name != "canary1").to_string()).collect::<Vec<_>>().join(","))
            },
            Exit::Rejects,
            &[1],
        ),
        (
            |names| {
                let bad = names.iter().any(|name| name == "canary1");
                format!("{{\"data\": {{\"error\": {}}}, \"meta\": {{}}}}", if bad { "\"x\"" } else { "null" })
            },
            Exit::Rejects,
            &[1],
        ),
        (
            |names| format!("{{\"Envelope\": {{\"Body\": {{\"Fault\": {}}}}}, \"v\": 1}}", names.len()),
            Exit::Refused,
            &[],
        ),
    ];
    for (number, (says, exit, rejected)) in table.into_iter().enumerate() {
        let server = ScriptedServer::answers(move |_, seen| {
            let documents: Vec<BTreeMap<String, String>> = serde_json::from_slice(&seen.body).unwrap();
            let names: Vec<String> = documents.into_iter().map(|mut document| document.remove("n").unwrap()).collect();
            answer(200, "Content-Type: application/json\r\n", &says(&names))
        });
        let delivery = deliver(4, &destination(&server.url, &[("in_flight", "1")]));
        let found: Vec<u64> = delivery.rejected.iter().map(|rejected| rejected.index).collect();
        assert_eq!((delivery.exit(), &found[..]), (exit, rejected), "{number}: {:?}", delivery.stopped);
        let accepted: u64 = delivery.accepted.iter().map(|range| range.end - range.start).sum();
        assert_eq!(accepted, if exit == Exit::Rejects { 3 } else { 0 }, "{number}");
    }
}

#[test]
fn compressed_bodies_say_so_and_are_the_same() {
    for compression in ["gzip", "zstd"] {
        let server = ScriptedServer::answers(|_, _| accepted());
        let destination = destination(&server.url, &[("compression", compression)]);
        let delivery = deliver(50, &destination);
        assert_eq!(delivery.accepted, list_of(0..50));
        assert_eq!(delivery.volume, volume(documents(50), &destination));
        let seen = &server.seen()[0];
        assert_eq!(seen.header("content-encoding"), Some(compression));
        assert_eq!(seen.body.len() as u64, delivery.volume.wire_bytes);
        let mut plain = Vec::new();
        match compression {
            "gzip" => drop(flate2::read::GzDecoder::new(&seen.body[..]).read_to_end(&mut plain).unwrap()),
            _ => plain = zstd::bulk::decompress(&seen.body, 1 << 20).unwrap(),
        }
        assert!(plain.starts_with(b"[{\"n\":\"canary0\"},") && plain.ends_with(b"{\"n\":\"canary49\"}]"));
    }
}

#[test]
fn a_collection_that_is_replaced_goes_in_one_request_or_not_at_all() {
    let silent = ScriptedServer::never_called();
    let delivery = deliver(3, &destination(&silent.url, &[("collection", "replace"), ("batch.documents", "2")]));
    assert_eq!((stop_reason(&delivery).0, stop_reason(&delivery).1), (Exit::Config, Code::PlanProfile));
    let server = ScriptedServer::answers(|_, _| accepted());
    let delivery = deliver(3, &destination(&server.url, &[("collection", "replace"), ("batch", "all")]));
    assert_eq!(delivery.accepted, list_of(0..3));
}

#[test]
fn plaintext_on_a_tls_port_is_a_matter_of_identity() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(&answer(400, "", "canary"));
        }
    });
    let (exit, code, message) = stop_reason(&deliver(1, &destination(&url, &[])));
    if code == Code::PlanProfile {
        // A machine without certificate authorities cannot even begin.
        assert!(exit == Exit::Config && message.starts_with("the HTTP client cannot be used: "), "{message}");
        return;
    }
    assert_eq!((exit, code), (Exit::Refused, Code::DeliverIdentity), "{message}");
    let end = "does not speak TLS; the clock of this machine says 1970-01-01 00:00 UTC";
    assert!(message.ends_with(end), "{message}");
}

#[test]
fn a_good_delivery_needs_no_proxy_variables_and_no_certificate_authorities() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "deliver::tests::a_good_delivery_says_all_the_api_needs"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &address);
    }
    command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert!(proxy.accept().is_err());
}

#[test]
fn no_text_of_bodies_headers_or_secrets_is_ever_shown() {
    let server = ScriptedServer::answers(|number, _| match number {
        0 => answer(500, "X-Echo: canary\r\n", "canary"),
        1 => answer(200, "Content-Type: text/canary\r\n", "canary"),
        _ => {
            answer(400, "Content-Type: application/json\r\n", "{\"type\": \"canary is wrong\", \"detail\": \"canary\"}")
        }
    });
    let destination = destination(&server.url, &[("headers.X-Run", "canary-header")]);
    let delivery = deliver(2, &destination);
    let shown = format!("{delivery:?} {destination:?} {:?}", server.url);
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn an_unreliable_api_gets_every_document_all_the_same() {
    let kept = tempfile::tempdir().unwrap();
    let contract = r#"{"type": "array", "items": {"required": ["n"], "properties": {"n": {"type": "string"}}}}"#;
    let settings = SandboxOptions {
        port: 0,
        bearer: Some(Secret::new("canary-token")),
        faults: vec![InjectedFault { status: 500, percent: 20 }, InjectedFault { status: 502, percent: 10 }],
        drop_after: Some(3),
        keep: Some(kept.path().to_owned()),
        max_body: 300,
        seed: 7,
        ..SandboxOptions::default()
    };
    let running =
        SandboxServer::start(settings, Arc::new(Contract::compile("contract.json", contract).unwrap())).unwrap();
    let destination = destination("sandbox", &[("compression", "zstd")]);
    assert!(destination.is_sandbox());
    let delivery = deliver(200, &destination.at(&running.url()));
    assert_eq!((delivery.exit(), &delivery.accepted), (Exit::Done, &list_of(0..200)), "{:?}", delivery.stopped);
    assert!(delivery.volume.resent_bytes > 0 && delivery.in_doubt.is_empty());
    let mut got = BTreeSet::new();
    for file in std::fs::read_dir(kept.path()).unwrap() {
        let body = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let body: Vec<BTreeMap<String, String>> = serde_json::from_str(&body).unwrap();
        got.extend(body.into_iter().map(|document| document["n"].clone()));
    }
    assert_eq!(got.len(), 200);
}
