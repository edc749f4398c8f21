//! Deliveries with a journal: what a second run sends after a first that ended in some way, and when nothing is sent.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{MetadataExt as _, symlink},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use crate::{
    fixture::{FinishedRun, Fixture, run_by},
    interrupt,
    server::{ScriptedServer, accepted, answer},
};

/// One request at a time, of ten documents, and no long wait.
const SMALL: [&str; 8] = [
    "--set",
    "batch.documents=10",
    "--set",
    "in_flight=1",
    "--set",
    "grace=100ms",
    "--set",
    "idempotency_header=Idempotency-Key",
];

const UNFINISHED: &str =
    "error[deliver/unfinished]: 30 of 50 documents of the earlier recording were never acknowledged
 |
 = help: put its files back and run again to finish it, or give it up with `--supersede`

";

const GRACE: &str = "notice[deliver/grace]: a request of an earlier delivery may still be on the way: waiting 0.1 s
 |
 = help: `grace` of the profile is how long; interrupting is safe

";

fn convert(fixture: &Fixture, server: &ScriptedServer, more: &[&str]) -> Command {
    fixture.convert("dev", &server.url, &[&SMALL[..], more].concat())
}

/// Everything that is printed before the summary.
fn text_before_summary(run: &FinishedRun) -> &str {
    run.stderr.split_once(" accepted by ").map_or(run.stderr.as_str(), |(before, _)| {
        before.rsplit_once('\n').map_or("", |(said, _)| &before[..=said.len()])
    })
}

/// The line that says how all documents ended.
fn equation(run: &FinishedRun) -> String {
    let line = run.stderr.lines().find(|line| line.starts_with("documents ")).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first names of the documents of each request so far.
fn documents(server: &ScriptedServer) -> Vec<Vec<String>> {
    let names = |body: &str| {
        let documents: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
        documents.iter().map(|document| document["first_name"].as_str().unwrap().to_owned()).collect()
    };
    server.seen().iter().map(|seen| names(&seen.body)).collect()
}

fn names(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|id| format!("{id:05}")).collect()
}

/// Runs a delivery, and kills it while its third request of five waits for an answer.
fn run_and_kill(fixture: &Fixture) -> ScriptedServer {
    let server = ScriptedServer::answers(|number, _| if number == 2 { String::new() } else { accepted() });
    let child = start(convert(fixture, &server, &["-vv", "--log", "json"]));
    (0..3).for_each(|_| server.wait());
    assert_eq!(fixture.kill(child).code, None);
    server
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The newest journal of the only target.
fn newest_journal(fixture: &Fixture) -> PathBuf {
    let is_epoch = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("epoch-");
    let mut epochs: Vec<PathBuf> = fixture.state_files().into_keys().filter(is_epoch).collect();
    assert_eq!(epochs.len(), 1, "older epochs are removed");
    epochs.remove(0)
}

#[test]
fn a_killed_run_is_resumed_and_only_sends_what_was_not_acknowledged() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!((text_before_summary(&run), run.code), ("", Some(0)));
    assert!(run.stderr.starts_with("50 documents accepted by "), "{}", run.stderr);
    assert!(run.stderr.contains("\n  20 of them by an earlier run\n"), "{}", run.stderr);
    assert_eq!(equation(&run), "documents 50 = 50 sent + 0 rejected + 0 filtered + 0 pending");
    let sent = [0..10, 10..20, 20..30, 20..30, 30..40, 40..50].map(names);
    assert_eq!(documents(&server), sent);
    let seen = server.seen();
    let keys: Vec<&str> = seen.iter().map(|seen| seen.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys[2], keys[3], "the same body in the same epoch has the same key");
    assert!((0..6).all(|at| at == 3 || !keys[..at].contains(&keys[at])), "{keys:?}");
}

#[test]
fn batches_and_credentials_may_change_before_a_run_is_resumed() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let sets = ["--set", "batch.documents=25", "--set", "in_flight=1"];
    let run = fixture.run(fixture.convert("by_variable", &server.url, &sets));
    assert_eq!((text_before_summary(&run), run.code), ("", Some(0)));
    assert_eq!(documents(&server)[3..], [20..45, 45..50].map(names));
}

#[test]
fn a_finished_delivery_made_again_opens_no_connection() {
    for (bad, code) in [(false, 0), (true, 1)] {
        let fixture = Fixture::new(20, &[]);
        if bad {
            let purchases = fixture.path("drop/purchases.csv");
            let text = fs::read_to_string(&purchases).unwrap();
            fs::write(&purchases, text.replacen(";10.50;", ";x;", 1)).unwrap();
        }
        let server = ScriptedServer::answers(|_, _| accepted());
        let first = fixture.run(convert(&fixture, &server, &[]));
        let (connections, requests) = (server.connections(), server.seen().len());
        let second = fixture.run(fixture.convert("by_variable", &server.url, &["--set", "batch.documents=3"]));
        assert_eq!((first.code, second.code), (Some(code), Some(code)));
        assert_eq!((server.connections(), server.seen().len()), (connections, requests));
        assert!(second.stderr.contains("\n  all of them by an earlier run\n"), "{}", second.stderr);
        assert_eq!(equation(&first), equation(&second));
    }
}

#[test]
fn a_document_that_the_api_rejected_is_not_sent_again() {
    let fixture = Fixture::new(3, &[]);
    // With a purchase more it is larger than the others.
    let purchases = fs::read_to_string(fixture.path("drop/purchases.csv")).unwrap();
    fs::write(fixture.path("drop/purchases.csv"), purchases + "1/2;1;7;1;10.50;euros;2017-12-31\n").unwrap();
    let server =
        ScriptedServer::answers(
            |_, seen| if seen.body.contains("\"00001\"") { answer(413, "", "") } else { accepted() },
        );
    let first = fixture.run(convert(&fixture, &server, &[]));
    let requests = server.seen().len();
    let second = fixture.run(convert(&fixture, &server, &["--rejects", "bad.csv"]));
    assert_eq!((first.code, second.code, server.seen().len()), (Some(1), Some(1), requests));
    let message = "error[deliver/too-large]: the API rejected the document in an earlier run, with 413\n --> drop/customers.csv:3:1\n";
    assert!(second.stderr.starts_with(message), "{}", second.stderr);
    assert_eq!(equation(&second), "documents 3 = 2 sent + 1 rejected + 0 filtered + 0 pending");
    assert!(fs::read_to_string(fixture.path("bad.csv")).unwrap().contains(";deliver/too-large;"));
}

#[test]
fn a_bad_document_is_looked_for_once() {
    let fixture = Fixture::new(50, &[]);
    let closed = Arc::new(AtomicBool::new(true));
    let is_closed = Arc::clone(&closed);
    let server = ScriptedServer::answers(move |_, seen| match &seen.body {
        body if body.contains("\"00012\"") => answer(422, "", ""),
        body if body.contains("\"00035\"") && is_closed.load(Ordering::Relaxed) => answer(401, "", ""),
        _ => accepted(),
    });
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(run.stderr.contains("rejects this document: it answered 422\n"), "{}", run.stderr);
    assert_eq!(equation(&run), "documents 50 = 29 sent + 1 rejected + 0 filtered + 20 pending");
    closed.store(false, Ordering::Relaxed);
    let before = server.seen().len();
    for _ in 0..2 {
        let run = fixture.run(convert(&fixture, &server, &[]));
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains("rejected the document in an earlier run, with 422\n"), "{}", run.stderr);
        assert!(run.stderr.contains(" --> drop/customers.csv:14:1\n"), "{}", run.stderr);
        assert_eq!(equation(&run), "documents 50 = 49 sent + 1 rejected + 0 filtered + 0 pending");
        assert_eq!(documents(&server)[before..], [names(30..40), names(40..50)]);
    }
}

#[test]
fn documents_rejected_for_the_same_problem_are_sent_again_when_the_api_is_fixed() {
    let fixture = Fixture::new(50, &[]);
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let server =
        ScriptedServer::answers(
            move |_, _| if is_broken.load(Ordering::Relaxed) { answer(422, "", "") } else { accepted() },
        );
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert_eq!(equation(&run), "documents 50 = 0 sent + 0 rejected + 0 filtered + 50 pending");
    broken.store(false, Ordering::Relaxed);
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!((text_before_summary(&run), run.code), ("", Some(0)));
    assert_eq!(equation(&run), "documents 50 = 50 sent + 0 rejected + 0 filtered + 0 pending");
}

#[test]
fn of_two_runs_at_once_one_sends() {
    let fixture = Fixture::new(50, &[]);
    let server = ScriptedServer::answers(|_, _| String::new());
    let first = start(convert(&fixture, &server, &[]));
    server.wait();
    let connections = server.connections();
    let run = fixture.run(convert(&fixture, &server, &[]));
    let says = "error[deliver/busy]: another run delivers to `127.0.0.1:PORT`
 |
 = help: run the same command again when it is over

";
    assert_eq!((run.stderr.as_str(), run.code), (says, Some(5)));
    let purge = fixture.run(fixture.command(&["purge", "--all"]));
    assert_eq!((purge.stderr.as_str(), purge.code), ("0 forgotten, 1 in use by another run\n", Some(5)));
    assert_eq!(server.connections(), connections);
    let Output { status, stdout, stderr } = interrupt(first);
    assert_eq!(fixture.check_output(status.code(), &stdout, &stderr).code, Some(130));
    let other = ScriptedServer::answers(|_, _| accepted());
    assert_eq!(fixture.run(convert(&fixture, &other, &[])).code, Some(0), "another target has a journal of its own");
}

#[test]
fn replaced_inputs_need_a_decision() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let other = Fixture::new(40, &[]);
    fs::copy(other.path("drop/purchases.csv"), fixture.path("drop/purchases.csv")).unwrap();
    fs::copy(other.path("drop/customers.csv"), fixture.path("drop/customers.csv")).unwrap();
    let connections = server.connections();
    for _ in 0..2 {
        let run = fixture.run(convert(&fixture, &server, &[]));
        assert_eq!((run.stderr.as_str(), run.code), (UNFINISHED, Some(3)));
    }
    assert_eq!(server.connections(), connections);
    let run = fixture.run(convert(&fixture, &server, &["--supersede"]));
    assert_eq!((text_before_summary(&run), run.code), (GRACE, Some(0)));
    assert_eq!(documents(&server)[3..], [0..10, 10..20, 20..30, 30..40].map(names));
    assert!(newest_journal(&fixture).ends_with("epoch-2"));
}

#[test]
fn inputs_that_grew_are_sent_whole_after_the_grace() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let customers = fixture.path("drop/customers.csv");
    let text = fs::read_to_string(&customers).unwrap();
    fs::write(&customers, text + "50;1;New;00050;10000;Nowhere;x@example.org\n").unwrap();
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!((text_before_summary(&run), run.code), (GRACE, Some(0)));
    let sent = [0..10, 10..20, 20..30, 30..40, 40..50, 50..51].map(names);
    assert_eq!(documents(&server)[3..], sent);
    fs::remove_file(fixture.path("drop/purchases.csv")).unwrap();
    fs::write(
        fixture.path("drop/purchases.csv"),
        "purchase_identifier;customer_id;product_id;quantity;price;currency;date\n",
    )
    .unwrap();
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!(
        (text_before_summary(&run).contains("deliver/"), run.code),
        (false, Some(0)),
        "what is finished is in nobody's way"
    );
}

#[test]
fn a_mapping_that_makes_other_documents_needs_no_decision_and_a_comment_changes_nothing() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let mapping = fixture.path("mappings/inflight-sales.yaml");
    let text = fs::read_to_string(&mapping).unwrap();
    fs::write(&mapping, text.replace("\"1\": Female", "\"1\": Male")).unwrap();
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!((text_before_summary(&run), run.code), (GRACE, Some(0)));
    assert_eq!(documents(&server)[3..].concat(), names(0..50));
    fs::write(&mapping, fs::read_to_string(&mapping).unwrap() + "# a comment\n").unwrap();
    let requests = server.seen().len();
    assert_eq!(fixture.run(convert(&fixture, &server, &[])).code, Some(0));
    assert_eq!(server.seen().len(), requests);
}

#[test]
fn a_damaged_journal_is_kept_and_everything_is_sent_again() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let path = newest_journal(&fixture);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let run = fixture.run(convert(&fixture, &server, &[]));
    let says =
        "warning[deliver/damaged-journal]: the journal of the delivery before is damaged, and is kept as `.corrupt-1`
 |
 = help: everything is sent again, which harms nothing

";
    assert_eq!((text_before_summary(&run), run.code), (format!("{says}{GRACE}").as_str(), Some(0)));
    assert_eq!(documents(&server)[3..], [0..10, 10..20, 20..30, 30..40, 40..50].map(names));
    assert_eq!(fs::read(path.with_file_name(".corrupt-1")).unwrap(), bytes);
    assert!(newest_journal(&fixture).ends_with("epoch-2"));
}

#[test]
fn a_truncated_journal_is_resumed_from_its_last_whole_line() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let path = newest_journal(&fixture);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert_eq!(fixture.run(convert(&fixture, &server, &[])).code, Some(0));
    assert_eq!(documents(&server)[3..], [10..20, 20..30, 30..40, 40..50].map(names));
}

#[test]
fn a_deleted_journal_sends_everything_again() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    fs::remove_dir_all(fixture.path("state")).unwrap();
    assert_eq!(fixture.run(convert(&fixture, &server, &[])).code, Some(0));
    assert_eq!(documents(&server)[3..].concat(), names(0..50));
}

#[test]
fn the_wait_for_late_requests_can_be_interrupted_and_starts_again() {
    let fixture = Fixture::new(50, &[]);
    let server = run_and_kill(&fixture);
    let more = ["--supersede", "--set", "grace=1h"];
    let customers = fixture.path("drop/customers.csv");
    fs::write(&customers, fs::read_to_string(&customers).unwrap().replace(";10000;", ";20000;")).unwrap();
    let purchases = fixture.path("drop/purchases.csv");
    fs::write(&purchases, fs::read_to_string(&purchases).unwrap().replace(";10.50;", ";11.50;")).unwrap();
    for _ in 0..2 {
        let mut child = start(fixture.convert("dev", &server.url, &more));
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("waiting 3600 s")));
        assert_eq!(interrupt(child).status.code(), Some(130));
        assert!(said.any(|line| line.unwrap().contains("before anything was sent")));
    }
    assert_eq!(server.seen().len(), 3);
    let run = fixture.run(convert(&fixture, &server, &[]));
    assert_eq!((text_before_summary(&run), run.code), (GRACE, Some(0)));
}

#[test]
fn a_state_folder_that_cannot_be_trusted_is_refused_before_anything_is_sent() {
    let fixture = Fixture::new(3, &[]);
    let server = ScriptedServer::answers(|_, _| accepted());
    fs::write(fixture.path("file"), "").unwrap();
    fs::create_dir(fixture.path("real")).unwrap();
    symlink(fixture.path("real"), fixture.path("link")).unwrap();
    let mut open = Command::new("mkdir");
    assert!(open.args(["-m", "777"]).arg(fixture.path("open")).status().unwrap().success());
    let table = [
        ("file", "it is not a folder", "move the file away"),
        ("link", "it is a symbolic link", "name the folder that it leads to"),
        ("open", "others may write to it", "make it yours alone: `chmod 700`"),
        ("nowhere/state", "no such file or directory", "name a folder that is there"),
    ];
    for (state, why, advice) in table {
        let run = fixture.run(convert(&fixture, &server, &["--state", state]));
        let says = format!(
            "error[deliver/state]: the state folder `{state}` cannot be used: {why}\n |\n = help: {advice}, or use another folder with `--state DIR`; nothing was sent\n\n"
        );
        assert_eq!((run.stderr, run.code), (says, Some(6)), "{state}");
    }
    let mut homeless = convert(&fixture, &server, &[]);
    homeless.env_remove("XDG_STATE_HOME").env_remove("HOME");
    assert_eq!(fixture.run(homeless).code, Some(6));
    assert_eq!(server.connections(), 0);
}

#[test]
fn folders_and_files_are_for_their_owner_only_whatever_the_umask() {
    let fixture = Fixture::new(3, &[]);
    let server = ScriptedServer::answers(|_, _| accepted());
    let run = fixture.run(in_shell("umask 000", &convert(&fixture, &server, &[])));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mode = |path: &PathBuf| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    let files = fixture.state_files();
    assert_eq!(files.len(), 2);
    for path in files.keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
        let folder = path.parent().unwrap();
        assert_eq!((mode(&folder.to_owned()), mode(&folder.parent().unwrap().to_owned())), (0o700, 0o700));
    }
}

/// The same command in a shell, after another one.
fn in_shell(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]);
    run_by(shell, command)
}

#[test]
fn a_full_disk_stops_the_run_and_never_loses_a_document() {
    // The largest file, in units of 512 or 1024 bytes: the header fits into two, and not all acknowledgements do.
    for (blocks, lost) in [(0, false), (2, true)] {
        let fixture = Fixture::new(200, &[]);
        // So slow that each answer is made durable by itself.
        let server = ScriptedServer::answers(|number, _| {
            if number < 8 {
                let _ = mpsc::channel::<()>().1.recv_timeout(Duration::from_millis(300));
            }
            accepted()
        });
        let run = fixture.run(in_shell(&format!("trap '' XFSZ; ulimit -f {blocks}"), &convert(&fixture, &server, &[])));
        let sent = server.seen().len();
        assert_eq!(run.code, Some(6), "{}", run.stderr);
        if lost {
            assert!(sent > 3 && sent < 20, "{sent}");
            let says =
                "error[deliver/not-recorded]: 10 documents were accepted but not recorded, and will be sent again: ";
            assert!(run.stderr.starts_with(says), "{}", run.stderr);
            assert!(run.stderr.contains(&format!("\n{} of 200 documents accepted by ", 10 * (sent - 1))));
        } else {
            assert_eq!((sent, fixture.state_files().len()), (0, 1), "only the lock is left");
            assert!(run.stderr.starts_with("error[deliver/state]: the state folder "), "{}", run.stderr);
        }
        let run = fixture.run(convert(&fixture, &server, &[]));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let again = documents(&server)[sent..].concat();
        assert_eq!(again, names(10 * u32::try_from(sent.saturating_sub(1)).unwrap()..200));
    }
}

#[test]
fn purge_forgets_what_is_finished_and_keeps_what_is_not() {
    let fixture = Fixture::new(50, &[]);
    let (finished, unfinished) = (ScriptedServer::answers(|_, _| accepted()), run_and_kill(&fixture));
    assert_eq!(fixture.run(convert(&fixture, &finished, &[])).code, Some(0));
    let run = fixture.run(fixture.command(&["purge"]));
    let says = "1 finished and forgotten, 1 unfinished or in doubt and kept\n";
    assert_eq!((run.stderr.as_str(), run.code), (says, Some(0)));
    assert_eq!(fixture.run(convert(&fixture, &finished, &[])).code, Some(0));
    assert_eq!(finished.seen().len(), 10, "what was forgotten is sent again");
    let run = fixture.run(convert(&fixture, &unfinished, &[]));
    assert!(run.stderr.contains("\n  20 of them by an earlier run\n"), "{}", run.stderr);
    let run = fixture.run(fixture.command(&["purge", "--all"]));
    assert_eq!((run.stderr.as_str(), run.code), ("2 forgotten\n", Some(0)));
    assert_eq!(fixture.state_files().len(), 0);
    assert_eq!(fixture.run(fixture.command(&["purge"])).stderr, "0 finished and forgotten\n");
}

#[test]
fn the_embedded_api_has_no_journal_and_gets_everything_each_time() {
    let fixture = Fixture::new(3, &[]);
    for _ in 0..2 {
        let run = fixture.run(fixture.command(&["convert", "drop", "--profile", "sandbox"]));
        assert!(run.code == Some(0) && run.stderr.contains("(1 batch, "), "{}", run.stderr);
        assert!(!run.stderr.contains("earlier"), "{}", run.stderr);
    }
    assert!(!fixture.path("state").exists());
}

#[test]
fn runs_that_are_killed_at_any_instant_deliver_everything_in_the_end() {
    let fixture = Fixture::new(200, &[]);
    let server = ScriptedServer::answers(|_, _| accepted());
    let sets = ["--set", "batch.documents=5", "--set", "grace=0s"];
    for _ in 0..12 {
        let child = start(fixture.convert("dev", &server.url, &sets));
        // The kill races with what comes behind the answer, and sometimes with the very start.
        server.wait();
        assert_eq!(fixture.kill(child).code, None);
    }
    let run = fixture.run(fixture.convert("dev", &server.url, &sets));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mut sent = documents(&server).concat();
    sent.sort();
    // Two requests are in flight at once, so no more than that is sent again for a kill.
    let again = sent.len() - 200;
    assert!(again <= 12 * 10, "{again} documents were sent again");
    sent.dedup();
    assert_eq!(sent, names(0..200));
}

#[test]
fn a_document_on_which_the_api_fails_in_two_runs_is_rejected_in_the_second() {
    let fixture = Fixture::new(20, &[]);
    let server =
        ScriptedServer::answers(
            |_, seen| {
                if seen.body.contains("\"00007\"") { answer(500, "", "") } else { accepted() }
            },
        );
    let sets = ["--set", "deadline=2s"];
    let (pending, rejected) = (
        "documents 20 = 19 sent + 0 rejected + 0 filtered + 1 pending",
        "documents 20 = 19 sent + 1 rejected + 0 filtered + 0 pending",
    );
    for (code, expected, word) in
        [(5, pending, "{\"failed\":"), (1, rejected, "{\"reject\":"), (1, rejected, "{\"done\":")]
    {
        let run = fixture.run(convert(&fixture, &server, &sets));
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert_eq!(equation(&run), expected, "{}", run.stderr);
        assert!(fs::read_to_string(newest_journal(&fixture)).unwrap().contains(word), "{word}");
    }
    let sent = server.seen().len();
    assert_eq!(fixture.run(convert(&fixture, &server, &[])).code, Some(1));
    assert_eq!(server.seen().len(), sent, "a finished delivery is not made again");
}
