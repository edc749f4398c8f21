//! Failures of single exchanges: answers cut off, resets, silence, handshakes, proxies.

use std::{
    fs::{self, Permissions},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    sync::mpsc,
    thread,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    deliver::tests::{
        deliver, destination, endings,
        identity::{VALID, identity, path, start_mutual_server},
        list_of,
        server::{ScriptedServer, accepted, answer},
        stop_reason,
    },
    error::Exit,
    recording::receipt::{Ending, Failure},
};

/// Starts a listener that passes every connection to `serve`; returns its base URL.
fn listen(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap());
        }
    });
    url
}

#[test]
fn an_answer_cut_after_any_byte_is_no_answer() {
    let whole = accepted();
    let cuts = whole.len();
    let server = ScriptedServer::answers(move |number, _| whole[..number.min(cuts)].to_vec());
    let delivery = deliver(1, &destination(&server.url, &[("retry.fixed.wait", "1ms")]));
    assert_eq!(delivery.accepted, list_of(0..1));
    let endings = &endings(&delivery)[0];
    let (last, cut) = endings.split_last().unwrap();
    assert_eq!((last, cut.len()), (&Ending::Status(200), cuts));
    assert!(cut.iter().all(|ending| *ending == Ending::Failure(Failure::Broken)), "{cut:?}");
    assert!(delivery.in_doubt.is_empty());
}

#[test]
fn a_connection_reset_while_sending_is_no_answer() {
    let url = listen(|number, mut stream| {
        // What is not read when a connection is closed resets it.
        let mut some = vec![0; [1, 100, 10_000][number % 3]];
        let _ = stream.read(&mut some);
    });
    let delivery = deliver(20_000, &destination(&url, &[("batch", "all"), ("deadline", "300ms")]));
    assert_eq!((stop_reason(&delivery).0, &delivery.in_doubt), (Exit::Undelivered, &list_of(0..20_000)));
    let broken = Ending::Failure(Failure::Broken);
    assert!(endings(&delivery)[0].len() > 1 && endings(&delivery)[0].iter().all(|ending| *ending == broken));
}

#[test]
fn a_connection_that_was_kept_and_closes_under_a_request_is_replaced_at_once() {
    let url = listen(|_, mut stream| {
        // One request goes well; the second finds the connection closed.
        let mut text = Vec::new();
        while !text.ends_with(b"}]") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
        stream.write_all(&accepted()).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let start = Instant::now();
    let sets = [("batch.documents", "1"), ("in_flight", "1"), ("retry.fixed.wait", "9s")];
    let delivery = deliver(2, &destination(&url, &sets));
    assert_eq!((delivery.exit(), &delivery.accepted), (Exit::Done, &list_of(0..2)));
    assert_eq!(endings(&delivery)[1], [Ending::Failure(Failure::Broken), Ending::Status(200)]);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_trickling_answer_is_abandoned_after_the_timeout() {
    let url = listen(|_, mut stream| {
        let (_wait, never) = mpsc::channel::<()>();
        let _ = stream.read(&mut [0; 1_000]);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b" ").is_ok() {
            let _ = never.recv_timeout(Duration::from_millis(20));
        }
    });
    let delivery = deliver(1, &destination(&url, &[("timeout", "150ms"), ("deadline", "400ms")]));
    assert_eq!((stop_reason(&delivery).0, &delivery.in_doubt), (Exit::Undelivered, &list_of(0..1)));
    assert_eq!(endings(&delivery)[0][0], Ending::Failure(Failure::Late));
}

#[test]
fn interim_answers_without_end_are_no_answer() {
    // The last is no HTTP after its first answer.
    let parts = [
        ("HTTP/1.1 103 E\r\n\r\n", "8"),
        ("HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", "1"),
        ("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 10", "1"),
    ];
    for (part, in_flight) in parts {
        let url = listen(move |_, mut stream| {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1_000]);
                let many = part.repeat(20_000);
                while stream.write_all(many.as_bytes()).is_ok() {}
            });
        });
        let start = Instant::now();
        let sets = [
            ("timeout", "200ms"),
            ("deadline", "700ms"),
            ("in_flight", in_flight),
            ("batch.documents", "1"),
            ("retry.fixed.wait", "9s"),
        ];
        let delivery = deliver(in_flight.parse().unwrap(), &destination(&url, &sets));
        assert_eq!(stop_reason(&delivery).0, Exit::Undelivered);
        // What was not sent yet is waited for a while at the end, as after Ctrl-C.
        assert!(start.elapsed() < Duration::from_secs(13), "{:?}", start.elapsed());
        let ended = [Failure::Late, Failure::Broken].map(Ending::Failure);
        assert!(endings(&delivery).concat().iter().any(|ending| ended.contains(ending)), "{delivery:?}");
    }
}

#[test]
fn a_date_to_come_back_at_is_read_on_the_clock_of_the_server() {
    let server = ScriptedServer::answers(|number, _| match number {
        0 => {
            let headers = "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\nRetry-After: Tue, 15 Nov 1994 08:12:32 GMT\r\n";
            answer(503, headers, "")
        }
        _ => accepted(),
    });
    let start = Instant::now();
    let delivery = deliver(1, &destination(&server.url, &[]));
    assert_eq!(delivery.accepted, list_of(0..1));
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&start.elapsed()));
}

#[test]
fn a_handshake_that_is_cut_and_a_name_that_is_unknown_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    identity(folder.path(), "localhost", VALID);
    let cut = listen(|_, mut stream| drop(stream.read(&mut [0]))).replace("http://127.0.0.1", "https://localhost");
    for url in [&cut, "https://nowhere.invalid"] {
        let delivery = deliver(1, &destination(url, &[("ca_file", &path(&folder)), ("deadline", "300ms")]));
        assert_eq!(stop_reason(&delivery).0, Exit::Undelivered, "{url}");
        assert!(delivery.accepted.is_empty(), "{url}");
    }
    let delivery = deliver(1, &destination(&cut, &[("ca_file", &path(&folder)), ("deadline", "300ms")]));
    assert!(delivery.in_doubt.is_empty() && delivery.receipts[0].attempts.len() > 1, "{:?}", delivery.receipts);
}

#[test]
fn a_client_shows_the_certificate_of_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_mutual_server(folder.path());
    let [ca, certificate, key] = ["ca.pem", "client.pem", "client.key"].map(|name| folder.path().join(name));
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let [ca, certificate, key] = [ca, certificate, key].map(|path| path.display().to_string());
    let pair = format!("{{ certificate: {certificate}, key: {key} }}");
    let known = [("ca_file", ca.as_str()), ("client_identity", &pair)];
    let delivery = deliver(2, &destination(&server.url, &known));
    assert_eq!(delivery.accepted, list_of(0..2), "{:?}", delivery.stopped);
    let delivery = deliver(2, &destination(&server.url, &[("ca_file", &ca), ("deadline", "500ms")]));
    assert!(delivery.stopped.is_some() && delivery.accepted.is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_proxy_of_the_profile_is_used() {
    let target = ScriptedServer::never_called();
    let proxy = ScriptedServer::answers(|_, _| accepted());
    let delivery = deliver(2, &destination(&target.url, &[("proxy", &proxy.url)]));
    assert_eq!(delivery.accepted, list_of(0..2));
    let line = format!("PUT {}/v1/customers HTTP/1.1\r\n", target.url);
    assert!(proxy.seen()[0].head.starts_with(&line), "{}", proxy.seen()[0].head);
}

#[test]
fn a_proxy_that_refuses_a_tunnel_ends_the_run_at_once() {
    let proxy = listen(|_, mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    });
    let delivery = deliver(2, &destination("https://xwalk.test", &[("proxy", &proxy)]));
    assert_eq!(stop_reason(&delivery).0, Exit::Refused);
    assert_eq!(endings(&delivery)[0], [Ending::Status(407)]);
    assert!(delivery.in_doubt.is_empty());
}
