//! What a run does in case something else goes wrong: keys for other bytes, no core files, epochs that cannot wrap; and,
//! in a network of its own, plain http that stays on this machine and a timeout that begins with the connection.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a test runs itself again apart, or says why not")]

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    fixture::Fixture,
    server::{ScriptedServer, accepted},
};

#[test]
fn a_key_never_meets_other_bytes() {
    let fixture = Fixture::new(3, &[]);
    // The same listener, so that all runs are one delivery.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let [none, gzip, zstd, again] =
        ["none", "gzip", "zstd", "none"].map(|compression| key_of(&fixture, &listener, compression));
    assert_eq!(none, again, "the same bytes have the same key");
    assert!(none != gzip && none != zstd && gzip != zstd, "other bytes have another key");
}

/// The key of the first request to a listener, which gets no answer.
fn key_of(fixture: &Fixture, listener: &TcpListener, compression: &str) -> String {
    use std::io::Read as _;
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sets = [
        "--set",
        "idempotency_header=Idempotency-Key",
        "--set",
        &format!("compression={compression}"),
        "--set",
        "grace=0s",
    ];
    let mut command = fixture.convert("dev", &url, &sets);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stream, mut head) = (listener.accept().unwrap().0, Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let _ = child.kill();
    let _ = child.wait();
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_leaves_no_core_file() {
    let fixture = Fixture::new(2, &[]);
    let server = ScriptedServer::answers(|_, _| String::new());
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""]);
    let mut command = crate::fixture::run_by(shell, &fixture.convert("by_variable", &server.url, &[]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.wait();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["1", "1"]);
    let quit = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status().unwrap();
    assert!(quit.success() && !child.wait().unwrap().success());
    assert!(
        fs::read_dir(fixture.folder.path()).unwrap().all(|file| !file
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .starts_with("core"))
    );
}

#[test]
fn a_number_of_an_epoch_that_would_wrap_is_refused() {
    let fixture = Fixture::new(2, &[]);
    let server = ScriptedServer::answers(|_, _| accepted());
    assert_eq!(fixture.run(fixture.convert("dev", &server.url, &[])).code, Some(0));
    let epoch = fixture.state_files().into_keys().find(|path| path.ends_with("epoch-1")).unwrap();
    fs::write(epoch.with_file_name(format!("epoch-{}", u64::MAX)), "x").unwrap();
    for _ in 0..2 {
        let run = fixture.run(fixture.convert("dev", &server.url, &[]));
        assert_eq!(run.code, Some(6), "{}", run.stderr);
    }
    assert_eq!(server.seen().len(), 1, "a finished delivery is not sent again");
}

/// Runs a test of this file again in a network and with host names of its own; whether that is where it runs now.
///
/// `None`: the system does not allow it, and the reason was printed.
fn is_apart(test: &str, hosts: &str) -> Option<bool> {
    if env::var_os("XWALK_TEST_APART").is_some() {
        return Some(true);
    }
    let script = "ip link set lo up && ip addr add 192.0.2.9/32 dev lo && mount --bind \"$HOSTS\" /etc/hosts";
    let apart = |then: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        fs::write(&file, hosts).unwrap();
        let mut command = Command::new("unshare");
        command.args(["-n", "-m", "sh", "-c", &format!("{script}{then}"), test]);
        command.arg(env::current_exe().unwrap()).env("HOSTS", &file).env("XWALK_TEST_APART", "1");
        command.output()
    };
    if !apart("").is_ok_and(|output| output.status.success()) {
        println!("skipped: `unshare`, `ip` and `mount` of this system give no network of its own to this user");
        return None;
    }
    let output = apart(" && exec \"$1\" --exact \"$0\" --nocapture").unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Some(false)
}

#[cfg(target_os = "linux")]
#[test]
fn plain_http_stays_on_this_machine_whatever_a_name_or_a_proxy_leads_to() {
    let test = "precautions::plain_http_stays_on_this_machine_whatever_a_name_or_a_proxy_leads_to";
    if is_apart(test, "192.0.2.9 localhost\n") != Some(true) {
        return;
    }
    let elsewhere = TcpListener::bind("192.0.2.9:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let fixture = Fixture::new(2, &[]);
    let by_name = fixture.convert("by_variable", &format!("http://localhost:{port}"), &[]);
    let proxy = format!("proxy=http://192.0.2.9:{port}");
    let by_proxy = fixture.convert("by_variable", "http://127.0.0.1:9", &["--set", &proxy]);
    for (command, code) in [(by_name, 4), (by_proxy, 2)] {
        let run = fixture.run(command);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
    }
    assert!(elsewhere.accept().is_err(), "nothing arrived at the other machine");
}

#[cfg(target_os = "linux")]
#[test]
fn the_timeout_begins_with_the_connection_and_each_address_has_its_turn() {
    let test = "precautions::the_timeout_begins_with_the_connection_and_each_address_has_its_turn";
    if is_apart(test, "127.0.0.2 localhost\n127.0.0.3 localhost\n") != Some(true) {
        return;
    }
    let server = ScriptedServer::answers_at("127.0.0.3:0", |_, _| accepted());
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let address: SocketAddr = format!("127.0.0.2:{port}").parse().unwrap();
    // It listens and takes nobody: packets to it are dropped once a few wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let deaf = socket.listen(0).unwrap();
    let full: Vec<_> = (0..4).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100))).collect();
    for timeout in ["4s", "30s"] {
        let fixture = Fixture::new(2, &[]);
        let set = format!("timeout={timeout}");
        let run = fixture.run(fixture.convert("dev", &format!("http://localhost:{port}"), &["--set", &set]));
        assert_eq!(run.code, Some(0), "{timeout}: {}", run.stderr);
    }
    drop((full, deaf));
}
