//! What a run tells while it waits: the first failure, and what a signal stops; and that its end says the cause again.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    fixture::Fixture,
    server::{ScriptedServer, TIMEOUT, accepted, answer},
};

/// A run whose lines arrive as it writes them.
struct RunningConvert {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl RunningConvert {
    fn start(mut command: Command) -> RunningConvert {
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (line, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        RunningConvert { process, lines }
    }

    /// The next line that is not empty.
    fn line(&self) -> String {
        loop {
            let line = self.lines.recv_timeout(TIMEOUT).unwrap();
            if !line.is_empty() {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// How it ended, and all lines that are left.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.process.wait().unwrap().code();
        (code, self.lines.iter().filter(|line| !line.is_empty()).collect())
    }
}

/// What is told of a failure, and the answer that is one.
type Failing = (&'static str, fn() -> String);

/// An address where nothing listens.
fn closed_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_closed_port_is_told_at_once_and_again_at_the_end() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (fixture, host) = (Fixture::new(3, &[]), closed_port());
        let url = format!("http://{host}");
        let run = RunningConvert::start(fixture.convert("dev", &url, &["--set", "deadline=90s"]));
        let told = "connection refused; trying again until the `deadline` of 90 s, Ctrl-C is safe";
        assert_eq!(run.line(), format!("warning[deliver/trying-again]: `{host}`: {told}"));
        run.signal(signal);
        let (ended, mut rest) = run.end();
        // A try may be under way just then.
        rest.retain(|line| !line.starts_with("notice[deliver/stopping]"));
        let last =
            "error[deliver/interrupted]: the run was interrupted; what failed last: no connection: connection refused";
        assert_eq!((ended, rest[0].as_str()), (Some(code), last));
    }
}

#[test]
fn the_time_of_the_last_try_is_told_when_it_is_far() {
    let (fixture, host) = (Fixture::new(1, &["--message-format", "concise"]), closed_port());
    let run = RunningConvert::start(fixture.convert("dev", &format!("http://{host}"), &["--set", "deadline=15m"]));
    let line = run.line();
    let (before, after) = line.split_once(" until ").unwrap();
    assert_eq!(before, format!("warning[deliver/trying-again]: `{host}`: connection refused; trying again"));
    let time = after.strip_suffix(", Ctrl-C is safe").unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    assert!(["##:## UTC", "####-##-## ##:## UTC"].contains(&shape.as_str()), "{line}");
    run.signal("-INT");
    assert_eq!(run.end().0, Some(130));
}

#[test]
fn the_first_failure_is_told_once_whatever_it_is() {
    let table: [Failing; 3] = [
        ("answered 503", || answer(503, "Content-Type: application/json\r\n", "{\"detail\":\"canary\"}")),
        // A length that is never reached: the connection stays open.
        ("no answer in time", || "HTTP/1.1 200 Said\r\nContent-Length: 99\r\n\r\n{".into()),
        ("answered 200, but not that it took the documents", || {
            answer(200, "Content-Type: text/html\r\n", "<p>canary</p>")
        }),
    ];
    for (cause, first) in table {
        for format in ["concise", "json"] {
            let fixture = Fixture::new(1, &["--message-format", format]);
            let server = ScriptedServer::answers(move |number, _| if number < 2 { first() } else { accepted() });
            let sets = ["--set", "timeout=300ms"];
            let run = fixture.run(fixture.convert("dev", &server.url, &sets));
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            let told: Vec<String> = match format {
                "json" => run
                    .stderr
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap())
                    .filter_map(|line| {
                        assert!(line["severity"].is_null() || line["severity"] == "warning", "{line}");
                        line["message"].as_str().map(str::to_owned)
                    })
                    .collect(),
                _ => run
                    .stderr
                    .lines()
                    .filter_map(|line| line.strip_prefix("warning[deliver/trying-again]: "))
                    .map(str::to_owned)
                    .collect(),
            };
            let until = "trying again until the `deadline` of 20 s, Ctrl-C is safe";
            assert_eq!(told, [format!("`127.0.0.1:PORT`: {cause}; {until}")], "{format}");
        }
    }
}

#[test]
fn a_connection_that_is_reset_is_told() {
    let fixture = Fixture::new(2, &["--message-format", "concise"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().for_each(drop));
    let run = RunningConvert::start(fixture.convert("dev", &format!("http://{host}"), &["--set", "deadline=1s"]));
    let told =
        "the connection broke before the answer was whole; trying again until the `deadline` of 1 s, Ctrl-C is safe";
    assert_eq!(run.line(), format!("warning[deliver/trying-again]: `{host}`: {told}"));
    let (code, rest) = run.end();
    let last = "error[deliver/unreachable]: not everything was delivered within 1 s: the connection broke before the answer was whole";
    assert_eq!((code, rest[0].as_str()), (Some(5), last));
}

#[test]
fn who_asks_for_quiet_hears_the_cause_at_the_end_only() {
    let fixture = Fixture::new(2, &["-q", "--message-format", "concise"]);
    let url = format!("http://{}", closed_port());
    let run = fixture.run(fixture.convert("dev", &url, &["--set", "deadline=100ms"]));
    let last =
        "error[deliver/unreachable]: not everything was delivered within 0.1 s: no connection: connection refused\n";
    assert_eq!((run.stderr.as_str(), run.code), (last, Some(5)));
}

#[test]
fn a_signal_is_answered_before_the_api_answers() {
    let table = [("-INT", "press Ctrl-C again", 130), ("-TERM", "send the signal again", 143)];
    for (signal, again, code) in table {
        let fixture = Fixture::new(2, &["--message-format", "concise"]);
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let server = ScriptedServer::answers(move |_, _| {
            let _ = released.lock().unwrap().recv_timeout(TIMEOUT);
            accepted()
        });
        let run = RunningConvert::start(fixture.convert("dev", &server.url, &[]));
        server.wait();
        run.signal(signal);
        let told = "stopping: waiting for the answer to the request under way (at most 10 s)";
        assert_eq!(run.line(), format!("notice[deliver/stopping]: {told}; {again} to stop now, nothing is lost"));
        release.send(()).unwrap();
        let (ended, rest) = run.end();
        assert_eq!((ended, rest[0].as_str()), (Some(code), "error[deliver/interrupted]: the run was interrupted"));
        // The answer that it waited for counts.
        assert!(rest[1].starts_with("2 documents accepted by "), "{rest:?}");
    }
}

#[test]
fn a_second_signal_stops_at_once_and_nothing_is_lost() {
    let fixture = Fixture::new(4, &["--message-format", "json"]);
    let server = ScriptedServer::answers(|number, _| if number < 2 { String::new() } else { accepted() });
    let sets = ["--set", "batch.documents=2", "--set", "in_flight=2", "--set", "grace=0s"];
    let run = RunningConvert::start(fixture.convert("dev", &server.url, &sets));
    (0..2).for_each(|_| server.wait());
    run.signal("-INT");
    let told: Value = serde_json::from_str(&run.line()).unwrap();
    let message = "stopping: waiting for the answers to 2 requests under way (at most 10 s); press Ctrl-C again to stop now, nothing is lost";
    assert_eq!((told["code"].as_str(), told["message"].as_str()), (Some("deliver/stopping"), Some(message)));
    run.signal("-INT");
    let start = tokio::time::Instant::now();
    let (code, rest) = run.end();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(code, Some(130));
    assert!(rest.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{rest:?}");
    let again = fixture.run(fixture.convert("dev", &server.url, &sets));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}
