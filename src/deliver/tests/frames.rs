//! HTTP/2, frame by frame: a request that the server did not process is sent again and is not in doubt; after any other
//! failure it is.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{
    deliver::tests::{
        deliver, destination, endings,
        identity::{VALID, identity, path},
        list_of,
        server::{ScriptedServer, accepted},
    },
    recording::receipt::{Ending, Failure},
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
/// The flag of a frame that is the last of its stream.
const END_STREAM: u8 = 1;
/// The flag of a frame that holds all headers.
const END_HEADERS: u8 = 4;
/// The code of a stream that was not processed.
const REFUSED_STREAM: u32 = 7;

/// The answer of a server to a request on a stream.
#[derive(Clone, Copy)]
enum Say {
    /// It accepts the request.
    Accepted,
    /// It refuses the stream.
    Refused,
    /// It resets the stream for another reason.
    Reset,
    /// It goes away, and has not processed this stream.
    AwayBefore,
    /// It goes away, and has processed this stream.
    AwayAfter,
}

fn write_frame(stream: &mut impl Write, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    // The client may be gone.
    let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
}

/// Reads frames up to the end of a request; returns its stream.
fn read_request(stream: &mut impl Read) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).ok()?;
        if matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0 {
            return Some(id);
        }
    }
}

fn write_answer(stream: &mut impl Write, id: u32, say: Say) {
    let away = |last: u32| [last.to_be_bytes(), 0u32.to_be_bytes()].concat();
    match say {
        Say::Accepted => {
            // Status 200 and a content type, as the static table of HPACK numbers them.
            let headers = [&[0x88, 0x0f, 0x10, 16][..], b"application/json"].concat();
            write_frame(stream, HEADERS, END_HEADERS, id, &headers);
            write_frame(stream, DATA, END_STREAM, id, b"{\"accepted\": 1}");
        }
        Say::Refused => write_frame(stream, RESET, 0, id, &REFUSED_STREAM.to_be_bytes()),
        Say::Reset => write_frame(stream, RESET, 0, id, &2u32.to_be_bytes()),
        Say::AwayBefore => write_frame(stream, GO_AWAY, 0, 0, &away(0)),
        Say::AwayAfter => write_frame(stream, GO_AWAY, 0, 0, &away(id)),
    }
}

/// Starts a server that gives these answers one after the other, and then accepts everything. It closes a connection when it
/// goes away.
fn start_server(mut config: ServerConfig, script: &'static [Say]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    thread::spawn(move || {
        let mut says = script.iter().copied();
        for connection in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, connection.unwrap());
            if stream.read_exact(&mut [0; 24]).is_err() {
                continue;
            }
            write_frame(&mut stream, SETTINGS, 0, 0, &[]);
            while let Some(id) = read_request(&mut stream) {
                let say = says.next().unwrap_or(Say::Accepted);
                write_answer(&mut stream, id, say);
                if matches!(say, Say::AwayBefore | Say::AwayAfter) {
                    break;
                }
            }
        }
    });
    format!("https://localhost:{port}")
}

#[test]
fn a_request_that_was_not_processed_is_not_in_doubt() {
    let ended = Ending::Failure;
    let table: [(&'static [Say], Vec<Ending>); 5] = [
        (&[], Vec::new()),
        (&[Say::Refused, Say::Refused], vec![ended(Failure::Untouched), ended(Failure::Untouched)]),
        (&[Say::AwayBefore], vec![ended(Failure::Untouched)]),
        (&[Say::Reset], vec![ended(Failure::Broken)]),
        (&[Say::AwayAfter], vec![ended(Failure::Broken)]),
    ];
    for (script, mut expected) in table {
        let folder = tempfile::tempdir().unwrap();
        let url = start_server(identity(folder.path(), "localhost", VALID), script);
        let delivery = deliver(2, &destination(&url, &[("ca_file", &path(&folder))]));
        assert_eq!(delivery.accepted, list_of(0..2), "{:?}", delivery.stopped);
        let doubts = expected.iter().filter(|ending| **ending == ended(Failure::Broken)).count();
        expected.push(Ending::Status(200));
        assert_eq!(endings(&delivery), [expected]);
        let in_doubt = delivery.receipts[0].attempts.iter().filter(|attempt| attempt.in_doubt).count();
        assert_eq!(in_doubt, doubts);
    }
}

#[test]
fn a_server_with_only_http_1_gets_http_1() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = identity(folder.path(), "localhost", VALID);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = ScriptedServer::answers_with(config, |_, _| accepted());
    let delivery = deliver(2, &destination(&server.url, &[("ca_file", &path(&folder))]));
    assert_eq!(delivery.accepted, list_of(0..2));
    assert!(server.seen()[0].head.starts_with("PUT /v1/customers HTTP/1.1\r\n"));
}
