//! Deliveries by the program itself, over real sockets: what arrives, how the run ends, and what is never written.
//!
//! Each delivery runs once to check what it does, and again with all logs in every message format: no byte that the program
//! or the sandbox writes may contain a cell or a secret, in any encoding. `XWALK_KILLS` sets how often `storm` kills a run.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

mod answers;
mod canary;
mod fixture;
mod server;
mod journal;
mod memory;
mod notices;
mod paths;
mod envelopes;
mod precautions;
mod storm;

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    canary::{CELL, EMAIL, TOKEN, find_leak},
    fixture::{FinishedRun, Fixture},
    server::{SandboxProcess, ScriptedServer, accepted, answer},
};

/// A delivery and how it has to end.
struct Delivery {
    name: &'static str,
    customers: usize,
    run: fn(&Fixture) -> FinishedRun,
    code: i32,
    /// Everything that is printed before the summary.
    says: &'static str,
}

const DELIVERIES: &[Delivery] = &[
    Delivery { name: "a token from a variable", customers: 3, run: a_token_from_a_variable, code: 0, says: "" },
    Delivery { name: "a token from a file", customers: 3, run: a_token_from_a_file, code: 0, says: "" },
    Delivery {
        name: "a wrong token",
        customers: 3,
        run: a_wrong_token,
        code: 4,
        says: concat!(
            "error[deliver/refused]: `127.0.0.1:PORT` answered 401; profile `by_variable`, credentials from the variable `ECRM_TOKEN`\n",
            " |\n",
            " = help: look at `auth` of the profile and at the secret it names\n",
            "\n",
        ),
    },
    Delivery {
        name: "a dead port",
        customers: 3,
        run: a_dead_port,
        code: 5,
        says: concat!(
            "warning[deliver/trying-again]: `127.0.0.1:PORT`: connection refused; trying again until the `deadline` of 0.3 s, Ctrl-C is safe\n\n",
            "error[deliver/unreachable]: not everything was delivered within 0.3 s: no connection: connection refused\n",
            " |\n",
            " = help: run the same command again; if it stays so, look at `url` of the profile\n",
            "\n",
        ),
    },
    Delivery {
        name: "a redirect",
        customers: 3,
        run: a_redirect,
        code: 4,
        says: concat!(
            "error[deliver/redirect]: `127.0.0.1:PORT` answered 307 with a redirect to `127.0.0.1`; profile `by_variable`, credentials from the variable `ECRM_TOKEN`\n",
            " |\n",
            " = help: set `url` to where the API really is\n",
            "\n",
        ),
    },
    Delivery {
        name: "a web page",
        customers: 3,
        run: a_web_page,
        code: 5,
        says: concat!(
            "warning[deliver/trying-again]: `127.0.0.1:PORT`: answered 200, but not that it took the documents; trying again until the `deadline` of 2 s, Ctrl-C is safe\n\n",
            "error[deliver/no-answer]: `127.0.0.1:PORT` does not answer as an API does: 200 with a web page\n",
            " |\n",
            " = help: look for a login page or a proxy on the way, then run the same command again\n",
            "\n",
        ),
    },
    Delivery {
        name: "a pause",
        customers: 3,
        run: a_pause,
        code: 0,
        says: "warning[deliver/trying-again]: `127.0.0.1:PORT`: answered 503; trying again until the `deadline` of 20 s, Ctrl-C is safe\n\n",
    },
    Delivery { name: "compressed bodies", customers: 50, run: compressed_bodies, code: 0, says: "" },
    Delivery {
        name: "a poisoned document",
        customers: 5,
        run: a_poisoned_document,
        code: 1,
        says: concat!(
            "error[deliver/rejected]: `127.0.0.1:PORT` rejects this document: it answered 422, problem `urn:api:contract`\n",
            "  --> drop/customers.csv:4:49\n",
            "   |\n",
            " 4 | ...##;xxxxxxx;xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
            "   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ email: (sensitive)\n",
            "   |\n",
            "  ::: mappings/inflight-sales.yaml:41:12\n",
            "   |\n",
            "41 |     email: email\n",
            "   |            ----- by this rule\n",
            "   |\n",
            "   = target: /email\n",
            "\n",
            "error[deliver/rejected]: `127.0.0.1:PORT` rejects this document: it answered 422, problem `urn:api:contract`\n",
            "  --> drop/purchases.csv:4:29\n",
            "   |\n",
            " 4 | #/#;#;xxxxxx-#x#x x<x>/xx;1;10.50;xxxxx;2017-12-31\n",
            "   |                             ^^^^^ price: 10.50\n",
            "   |\n",
            "  ::: mappings/inflight-sales.yaml:48:16\n",
            "   |\n",
            "48 |         price: price\n",
            "   |                ----- by this rule\n",
            "   |\n",
            "   = target: /purchases/0/price\n",
            "\n",
            "masked cells: `x` is a letter, `#` is a digit (--unmask shows them)\n",
            "\n",
        ),
    },
    Delivery {
        name: "an echo in every part",
        customers: 5,
        run: an_echo_in_every_part,
        code: 1,
        says: concat!(
            "warning[deliver/trying-again]: `127.0.0.1:PORT`: answered 500; trying again until the `deadline` of 20 s, Ctrl-C is safe\n\n",
            "error[deliver/rejected]: `127.0.0.1:PORT` rejects this document: it answered 422\n",
            " --> drop/customers.csv:2:1\n",
            "  |\n",
            "2 | #;1;\"xxxxxx-#x#x x\"\"<x>/xx\";#####;#####;xxxxxxx;xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
            "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
            "\n",
            "error[deliver/rejected]: `127.0.0.1:PORT` rejects this document: it answered 400\n",
            "  --> drop/customers.csv:4:49\n",
            "   |\n",
            " 4 | ...##;xxxxxxx;xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
            "   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ email: (sensitive)\n",
            "   |\n",
            "  ::: mappings/inflight-sales.yaml:41:12\n",
            "   |\n",
            "41 |     email: email\n",
            "   |            ----- by this rule\n",
            "   |\n",
            "   = target: /email\n",
            "\n",
            "masked cells: `x` is a letter, `#` is a digit (--unmask shows them)\n",
            "\n",
        ),
    },
    Delivery {
        name: "a closed connection",
        customers: 3,
        run: a_closed_connection,
        code: 0,
        says: "warning[deliver/trying-again]: `127.0.0.1:PORT`: no answer in time; trying again until the `deadline` of 20 s, Ctrl-C is safe\n\n",
    },
    Delivery { name: "small bodies", customers: 200, run: small_bodies, code: 0, says: "" },
    Delivery {
        name: "an interruption",
        customers: 3,
        run: an_interruption,
        code: 130,
        says: concat!(
            "notice[deliver/stopping]: stopping: waiting for the answer to the request under way (at most 10 s); press Ctrl-C again to stop now, nothing is lost\n\n",
            "error[deliver/interrupted]: the run was interrupted\n",
            " |\n",
            " = help: run the same command again\n",
            "\n",
        ),
    },
    Delivery {
        name: "a bad row",
        customers: 3,
        run: a_bad_row,
        code: 1,
        says: concat!(
            "error[transform/not-a-decimal]: expected a decimal number such as 1200.50\n",
            "  --> drop/purchases.csv:2:29\n",
            "   |\n",
            " 2 | #/#;#;xxxxxx-#x#x x<x>/xx;1;xxxxxx-#x#x x<x>/xx;xxxxx;2017-12-31\n",
            "   |                             ^^^^^^^^^^^^^^^^^^^ price: xxxxxx-#x#x x<x>/xx\n",
            "   |\n",
            "  ::: mappings/inflight-sales.yaml:48:16\n",
            "   |\n",
            "48 |         price: price\n",
            "   |                ----- by this rule\n",
            "   |\n",
            "   = target: /purchases/0/price\n",
            "   = help: 1 of its 1 `purchases` is bad, so the whole document is held back; fix it, or set `on_incomplete: send` for this list\n",
            "\n",
            "masked cells: `x` is a letter, `#` is a digit (--unmask shows them)\n",
            "\n",
        ),
    },
];

fn a_token_from_a_variable(fixture: &Fixture) -> FinishedRun {
    with_token(fixture, "by_variable")
}

fn a_token_from_a_file(fixture: &Fixture) -> FinishedRun {
    with_token(fixture, "by_file")
}

fn with_token(fixture: &Fixture, profile: &str) -> FinishedRun {
    let server = ScriptedServer::answers(|_, _| accepted());
    let run = fixture.run(fixture.convert(profile, &server.url, &[]));
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.starts_with("PUT /v1/customers HTTP/1.1\r\n"), "{}", seen[0].head);
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(serde_json::from_str::<Value>(&seen[0].body).unwrap().as_array().unwrap().len(), 3);
    run
}

fn a_wrong_token(fixture: &Fixture) -> FinishedRun {
    let mut command = fixture.command(&["sandbox", "--port", "0", "--keep", "kept", "--bearer-env", "RIGHT"]);
    command.env("RIGHT", "another");
    let sandbox = SandboxProcess::start(command);
    let run = fixture.run(fixture.convert("by_variable", &sandbox.url, &[]));
    assert_eq!((fixture.stored_names().len(), find_leak(&sandbox.end())), (0, None));
    run
}

fn a_dead_port(fixture: &Fixture) -> FinishedRun {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fixture.run(fixture.convert("by_variable", &format!("http://{free}"), &["--set", "deadline=300ms"]))
}

fn a_redirect(fixture: &Fixture) -> FinishedRun {
    let second = ScriptedServer::answers(|_, _| accepted());
    let to = format!("Location: {}/{}\r\n", second.url, canary::percent_encode(EMAIL));
    let server = ScriptedServer::answers(move |_, _| answer(307, &to, ""));
    let run = fixture.run(fixture.convert("by_variable", &server.url, &[]));
    assert_eq!((server.seen().len(), second.connections()), (1, 0));
    run
}

fn a_web_page(fixture: &Fixture) -> FinishedRun {
    let server =
        ScriptedServer::answers(|_, seen| answer(200, "Content-Type: text/html\r\n", &format!("<p>{}</p>", seen.body)));
    let run = fixture.run(fixture.convert("by_variable", &server.url, &["--set", "deadline=2s"]));
    assert!(server.seen().len() > 1);
    run
}

fn a_pause(fixture: &Fixture) -> FinishedRun {
    let server = ScriptedServer::answers(|number, seen| match number {
        0 => answer(503, "Retry-After: 1\r\nContent-Type: application/json\r\n", &seen.body),
        _ => accepted(),
    });
    let run = fixture.run(fixture.convert("by_variable", &server.url, &[]));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].body == seen[1].body, "the same bytes are sent again");
    run
}

fn compressed_bodies(fixture: &Fixture) -> FinishedRun {
    let sandbox = fixture.start_sandbox(&["--keep", "kept"]);
    let mut last = None;
    for (number, compression) in ["gzip", "zstd"].into_iter().enumerate() {
        let state = fixture.path(&format!("state/{compression}"));
        fs::create_dir_all(fixture.path("state")).unwrap();
        let sets = ["--set", &format!("compression={compression}"), "--state", state.to_str().unwrap()];
        let run = fixture.run(fixture.convert("dev", &sandbox.url, &sets));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let kept = fixture.stored_names();
        assert!(kept.len() == 50 && kept.values().all(|times| *times == number + 1), "{compression}");
        last = Some(run);
    }
    assert_eq!(find_leak(&sandbox.end()), None);
    last.unwrap()
}

/// What an API that rejects the customer 00002 says about a batch with that customer.
fn reject_customer(seen: &server::ReceivedRequest, says: impl Fn(usize) -> Value) -> Option<Value> {
    let documents: Vec<Value> = serde_json::from_str(&seen.body).unwrap();
    documents.iter().position(|document| document["first_name"] == "00002").map(says)
}

fn a_poisoned_document(fixture: &Fixture) -> FinishedRun {
    let server = ScriptedServer::answers(move |_, seen| {
        let says = |at: usize| {
            let pointers = [format!("#/{at}/email"), format!("#/{at}/purchases/0/price")];
            let errors = pointers.map(|pointer| json!({ "pointer": pointer, "detail": seen.body }));
            json!({ "type": "urn:api:contract", "title": seen.body, "detail": seen.head, "errors": errors })
        };
        reject_customer(seen, says)
            .map_or_else(accepted, |said| answer(422, "Content-Type: application/problem+json\r\n", &said.to_string()))
    });
    let run = fixture.run(fixture.convert("by_variable", &server.url, &[]));
    assert_eq!(server.seen().len(), 4);
    run
}

fn an_echo_in_every_part(fixture: &Fixture) -> FinishedRun {
    let [cell, url] = [CELL, EMAIL].map(canary::percent_encode);
    let headers = format!(
        "Content-Type: application/{cell}+json; a={url}\r\nX-{cell}: {TOKEN}\r\nRetry-After: {EMAIL}\r\n\
         Date: {TOKEN}\r\nLocation: https://CANARY-7f3a.example/{url}\r\nServer: {EMAIL}\r\nSet-Cookie: {TOKEN}\r\n"
    );
    let server = ScriptedServer::answers(move |number, seen| {
        let says = |at: usize| {
            let pointers =
                [format!("#/{at}/email/CANARY-7f3a"), format!("#/{at}/{CELL}"), format!("/{TOKEN}"), EMAIL.into()];
            let errors = pointers.map(|pointer| json!({ "pointer": pointer, CELL: EMAIL, "field": TOKEN }));
            json!({ "type": "urn:CANARY-7f3a", CELL: seen.body, "instance": EMAIL, "errors": errors })
        };
        match (number, reject_customer(seen, says)) {
            (0, _) => answer(500, &headers, &seen.body),
            (1, _) => answer(200, &headers, &seen.head),
            (3, _) => answer(409, &headers, &json!({ "type": "tok3n~CANARY", "detail": TOKEN }).to_string()),
            (2, Some(_)) => {
                let results = (0..5).map(|at| {
                    let status = if at == 0 { 422 } else { 503 };
                    json!({ "status": status, "type": "urn:CANARY-7f3a", "pointer": TOKEN, "id": EMAIL, "body": seen.body })
                });
                answer(207, &headers, &json!({ CELL: results.collect::<Vec<_>>() }).to_string())
            }
            (_, Some(said)) => answer(400, &headers, &said.to_string()),
            _ => accepted(),
        }
    });
    fixture.run(fixture.convert("by_variable", &server.url, &["--set", "in_flight=1"]))
}

fn a_closed_connection(fixture: &Fixture) -> FinishedRun {
    let server = ScriptedServer::answers(|number, _| {
        if number == 0 { "HTTP/1.1 200 Said\r\nContent-Length: 99\r\n\r\n{".into() } else { accepted() }
    });
    let run = fixture.run(fixture.convert("by_variable", &server.url, &["--set", "timeout=1s"]));
    // Without any answer the batch is tried in parts.
    assert_eq!(server.seen().len(), 4);
    run
}

fn small_bodies(fixture: &Fixture) -> FinishedRun {
    let sandbox = fixture.start_sandbox(&["--keep", "kept", "--max-body", "8KiB"]);
    let run = fixture.run(fixture.convert("dev", &sandbox.url, &[]));
    let kept = fixture.stored_names();
    assert!(kept.len() == 200 && kept.values().all(|times| *times == 1), "{kept:?}");
    assert_eq!(find_leak(&sandbox.end()), None);
    run
}

fn an_interruption(fixture: &Fixture) -> FinishedRun {
    let server = ScriptedServer::answers(|_, _| String::new());
    let mut command = fixture.convert("by_variable", &server.url, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.wait();
    let Output { status, stdout, stderr } = interrupt(child);
    fixture.check_output(status.code(), &stdout, &stderr)
}

/// Sends Ctrl-C until the process ends: after the first one it waits for answers in flight, after the second it does not.
fn interrupt(child: Child) -> Output {
    let (pid, (ended, end)) = (child.id().to_string(), mpsc::channel());
    thread::spawn(move || ended.send(child.wait_with_output().unwrap()));
    for _ in 0..100 {
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        if let Ok(output) = end.recv_timeout(Duration::from_millis(300)) {
            return output;
        }
    }
    panic!("it does not end");
}

fn a_bad_row(fixture: &Fixture) -> FinishedRun {
    let purchases = fixture.path("drop/purchases.csv");
    let text = fs::read_to_string(&purchases).unwrap();
    fs::write(&purchases, text.replacen(";10.50;", &format!(";{};", CELL.replace('"', "")), 1)).unwrap();
    let server = ScriptedServer::answers(|_, _| accepted());
    fixture.run(fixture.convert("by_variable", &server.url, &[]))
}

/// Runs all deliveries at once, since most of their time is waiting.
fn run_all(flags: &[&str], check: impl Fn(&Delivery, FinishedRun) + Sync) {
    let check = &check;
    thread::scope(|scope| {
        for delivery in DELIVERIES {
            scope.spawn(move || check(delivery, (delivery.run)(&Fixture::new(delivery.customers, flags))));
        }
    });
}

#[test]
fn deliveries_end_as_they_should() {
    run_all(&[], |Delivery { name, code, says, .. }, run| {
        let summary = run.stderr.lines().find(|line| line.contains(" documents accepted by ")).unwrap();
        let (said, _) = run.stderr.split_once(summary).unwrap();
        assert_eq!((said, run.code), (*says, Some(*code)), "{name}");
    });
}

#[test]
fn no_marked_text_is_ever_written() {
    for format in ["full", "concise", "json", "github"] {
        let flags = ["-vv", "--log", "json", "--message-format", format];
        run_all(&flags, |Delivery { name, code, .. }, run| {
            assert_eq!(run.code, Some(*code), "{name} in {format}: {}", run.stderr);
        });
    }
}

#[test]
fn all_of_2000_documents_arrive_in_spite_of_faults() {
    for faults in [["--fail", "503:20%"], ["--drop-after", "3"]] {
        let fixture = Fixture::new(2_000, &[]);
        let sandbox = fixture.start_sandbox(&[&["--keep", "kept", "--seed", "7"][..], &faults].concat());
        let run =
            fixture.run(fixture.convert("dev", &sandbox.url, &["--set", "batch.documents=50", "--set", "in_flight=2"]));
        assert_eq!(run.code, Some(0), "{faults:?}: {}", run.stderr);
        let expected: Vec<String> = (0..2_000).map(|id| format!("{id:05}")).collect();
        assert!(fixture.stored_names().into_keys().eq(expected), "{faults:?}");
        assert_eq!(find_leak(&sandbox.end()), None);
    }
}

#[test]
fn production_is_never_reached_by_default() {
    let fixture = Fixture::new(1, &[]);
    let profiles = fs::read_to_string(fixture.path("profiles.yaml")).unwrap();
    fs::write(fixture.path("profiles.yaml"), profiles.replace("default: sandbox", "default: prod")).unwrap();
    let run = fixture.run(fixture.command(&["convert", "drop"]));
    let says = concat!(
        "error[plan/profile]: the profile `prod` is never used by default\n",
        "  --> profiles.yaml:19:15\n",
        "   |\n",
        "19 |     explicit: true\n",
        "   |               ^^^^\n",
        "   |\n",
        "   = help: say `--profile prod` if you mean it\n\n",
    );
    assert_eq!((run.stderr.as_str(), run.code), (says, Some(2)));
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let fixture = Fixture::new(1, &[]);
    let server = ScriptedServer::answers(|_, _| accepted());
    for set in [
        "auth.bearer",
        "auth.bearer.value",
        "auth.bearer.token",
        "auth.basic.password",
        "auth",
        "headers.Authorization",
    ] {
        let run = fixture.run(fixture.convert("dev", &server.url, &["--set", &format!("{set}={TOKEN}")]));
        assert_eq!(run.code, Some(2), "{set}: {}", run.stderr);
    }
    for flags in [["--token", TOKEN], ["--password", TOKEN], ["--bearer", TOKEN]] {
        assert_eq!(fixture.run(fixture.command(&[&["convert", "drop"], &flags[..]].concat())).code, Some(2));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn stdout_is_the_only_place_for_cells() {
    let fixture = Fixture::new(2, &["-vv", "--log", "json"]);
    let Output { status, stdout, stderr } = fixture.command(&["convert", "drop", "--output", "-"]).output().unwrap();
    assert_eq!((status.code(), find_leak(&stderr)), (Some(0), None));
    let documents: Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(documents[1]["email"], EMAIL);
}
