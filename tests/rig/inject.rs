//! Which system calls a delivery makes, what can happen to each, and the command that lets it happen.

use std::{collections::BTreeMap, fmt, fs, path::Path, process::Command};

use crate::{
    fixture::by,
    scenario::{Scenario, Stage},
};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails with this error.
    Error(&'static str),
    /// The call says that it wrote three bytes, and wrote none.
    Short,
    /// The other end has closed the connection.
    Closed,
    /// There is no space at this call, nor at any later one.
    Full,
}

/// Which calls of a kind are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Those for files of the trial: the inputs, the journal, what the program says.
    Files,
}

/// One call of one kind, and what happens at it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: usize,
    pub(crate) fault: Fault,
    pub(crate) scope: Scope,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.scope == Scope::Files { " of files" } else { "" };
        write!(f, "{:?} at {} {}{scope}", self.fault, self.call, self.number)
    }
}

/// What a call for a file can fail with.
const FILE_FAULTS: &[(&str, &[Fault])] = &[
    ("openat", &[Fault::Error("EIO"), Fault::Error("ENOSPC"), Fault::Error("EMFILE"), Fault::Error("EINTR")]),
    ("read", &[Fault::Error("EIO"), Fault::Error("EINTR")]),
    ("write", &[Fault::Error("ENOSPC"), Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short, Fault::Full]),
    ("writev", &[Fault::Error("ENOSPC"), Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short]),
    ("pwrite64", &[Fault::Error("ENOSPC"), Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short]),
    ("fsync", &[Fault::Error("EIO"), Fault::Error("ENOSPC"), Fault::Error("EINTR")]),
    ("fdatasync", &[Fault::Error("EIO"), Fault::Error("ENOSPC"), Fault::Error("EINTR")]),
    ("rename", &[Fault::Error("EIO"), Fault::Error("ENOSPC")]),
    ("renameat", &[Fault::Error("EIO"), Fault::Error("ENOSPC")]),
    ("renameat2", &[Fault::Error("EIO"), Fault::Error("ENOSPC")]),
    ("unlink", &[Fault::Error("EIO")]),
    ("unlinkat", &[Fault::Error("EIO")]),
    ("mkdir", &[Fault::Error("EIO"), Fault::Error("ENOSPC")]),
    ("mkdirat", &[Fault::Error("EIO"), Fault::Error("ENOSPC")]),
    ("ftruncate", &[Fault::Error("EIO"), Fault::Error("EINTR")]),
    ("flock", &[Fault::Error("ENOLCK"), Fault::Error("EINTR")]),
    ("fcntl", &[Fault::Error("EIO")]),
    ("getdents64", &[Fault::Error("EIO")]),
    ("statx", &[Fault::Error("EIO")]),
    ("newfstatat", &[Fault::Error("EIO")]),
    ("fstat", &[Fault::Error("EIO")]),
    ("lseek", &[Fault::Error("EIO")]),
    ("close", &[Fault::Error("EIO")]),
];

/// What a call for a socket or a thread can fail with.
const OTHER_FAULTS: &[(&str, &[Fault])] = &[
    ("socket", &[Fault::Error("EMFILE")]),
    ("connect", &[Fault::Error("ECONNREFUSED"), Fault::Error("ENETUNREACH")]),
    ("writev", &[Fault::Error("ECONNRESET"), Fault::Error("EPIPE")]),
    ("sendto", &[Fault::Error("ECONNRESET"), Fault::Error("EPIPE")]),
    ("sendmsg", &[Fault::Error("ECONNRESET"), Fault::Error("EPIPE")]),
    ("recvfrom", &[Fault::Error("ECONNRESET"), Fault::Error("EINTR"), Fault::Closed]),
    ("setsockopt", &[Fault::Error("ENOBUFS")]),
    ("getsockopt", &[Fault::Error("ENOBUFS")]),
    ("getpeername", &[Fault::Error("ENOBUFS")]),
    ("getsockname", &[Fault::Error("ENOBUFS")]),
    ("epoll_wait", &[Fault::Error("EINTR")]),
    ("epoll_create1", &[Fault::Error("EMFILE")]),
    ("eventfd2", &[Fault::Error("EMFILE")]),
    ("clone3", &[Fault::Error("EAGAIN")]),
    ("clone", &[Fault::Error("EAGAIN")]),
];

/// Calls that leave no trace outside the process: to be killed there is to be killed at the call before.
const INNER: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "futex",
    "getcwd",
    "getrandom",
    "gettid",
    "ioctl",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "pread64",
    "prlimit64",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_getaffinity",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
];

/// Every call of one run of a scenario, with all that can happen at it.
pub(crate) fn points(scenario: &Scenario) -> Vec<Point> {
    let all = calls(scenario, Scope::All);
    let files = calls(scenario, Scope::Files);
    let mut points = Vec::new();
    let mut add = |call: &str, count: usize, scope: Scope, faults: &[Fault]| {
        for number in 1..=count {
            points.extend(faults.iter().map(|fault| Point { call: call.to_owned(), number, fault: *fault, scope }));
        }
    };
    // A disk that is full for some paths needs all other faults to be at those paths, too.
    let (kills, scope) = if scenario.full_from.is_some() { (&files, Scope::Files) } else { (&all, Scope::All) };
    for (call, count) in kills.iter().filter(|(call, _)| every_kill() || !INNER.contains(&call.as_str())) {
        add(call, *count, scope, &[Fault::Kill]);
    }
    let faults = |table: &'static [(&str, &[Fault])], counts: &BTreeMap<String, usize>| {
        table.iter().filter_map(|(call, faults)| Some((*call, *counts.get(*call)?, *faults))).collect::<Vec<_>>()
    };
    for (call, count, faults) in faults(FILE_FAULTS, &files) {
        add(call, count, Scope::Files, faults);
    }
    if scenario.full_from.is_none() {
        for (call, count, faults) in faults(OTHER_FAULTS, &all) {
            add(call, count, Scope::All, faults);
        }
    }
    points
}

#[expect(clippy::disallowed_methods, reason = "a test that takes long is asked for by a variable")]
fn every_kill() -> bool {
    std::env::var("XWALK_RIG").is_ok_and(|value| value == "all")
}

/// How often a run makes each call, in the thread that makes it most often: that is how they are counted when it matters.
fn calls(scenario: &Scenario, scope: Scope) -> BTreeMap<String, usize> {
    let stage = Stage::set(scenario);
    let log = stage.fixture.path("calls");
    let mut tracer = Command::new("strace");
    tracer.args(["-f", "-y", "-qqq", "-o"]).arg(&log);
    if let Some(full) = scenario.full_from {
        tracer.args(["-e", &format!("inject=write:error=ENOSPC:when={full}+")]);
    }
    if scope == Scope::Files || scenario.full_from.is_some() {
        paths(&stage, &mut tracer);
    }
    stage.fixture.run(with_files(by(tracer, &stage.command()), &stage));
    let text = fs::read_to_string(log).unwrap();
    if scope == Scope::All && scenario.full_from.is_none() {
        header_is_durable_before_bodies(&text);
    }
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (thread, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if call.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            *counts.entry((thread, call)).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, call), count) in counts {
        let most = most.entry(call.to_owned()).or_default();
        *most = count.max(*most);
    }
    // A process is not killed when it begins: it is not ours yet. And threads yield to each other as often as they like.
    most.retain(|call, _| !["execve", "exit", "exit_group", "sched_yield"].contains(&call.as_str()));
    most
}

/// A header is written, synced, renamed and its name synced before anything is sent; whoever resumes syncs it again.
fn header_is_durable_before_bodies(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    let at = |parts: &[&str]| lines.iter().position(|line| parts.iter().all(|part| line.contains(part)));
    let Some(sent) = at(&["writev(", "<socket:", "PUT /"]).or_else(|| at(&["sendto(", "<socket:", "PUT /"])) else {
        return;
    };
    let synced = |part: &str| lines[..sent].iter().any(|line| line.contains("sync(") && line.contains(part));
    assert!(synced("/epoch-"), "the header is not synced before the first body");
    let renamed = at(&["rename", ".new\""]);
    let from = renamed.unwrap_or(0);
    let is_folder =
        |line: &&str| line.contains("fsync(") && line.contains("/state/xwalk/") && !line.contains("/epoch-");
    assert!(from < sent && lines[from..sent].iter().any(is_folder), "the name is not synced before the first body");
}

/// The run of a stage that meets a fault; `full`: the disk is full from this write on.
pub(crate) fn traced(stage: &Stage, point: &Point, full: Option<usize>) -> Command {
    let Point { call, number, fault, scope } = point;
    let what = match fault {
        Fault::Kill => format!("signal=SIGKILL:when={number}"),
        Fault::Error(error) => format!("error={error}:when={number}"),
        Fault::Short => format!("retval=3:when={number}"),
        Fault::Closed => format!("retval=0:when={number}"),
        Fault::Full => format!("error=ENOSPC:when={number}+"),
    };
    // Nothing may wait for ever. `--seccomp-bpf` would be faster, but then strace 6.1 sends no signal.
    let mut tracer = Command::new("timeout");
    tracer.args(["-k", "5", "30", "strace", "-f", "-y", "-qqq", "-o"]);
    tracer.arg(stage.fixture.path("calls"));
    match full.filter(|_| call != "write") {
        Some(full) => tracer.args([
            "-e",
            &format!("trace={call},write"),
            "-e",
            &format!("inject=write:error=ENOSPC:when={full}+"),
        ]),
        None => tracer.args(["-e", &format!("trace={call}")]),
    };
    tracer.args(["-e", &format!("inject={call}:{what}")]);
    if *scope == Scope::Files {
        paths(stage, &mut tracer);
    }
    with_files(by(tracer, &stage.command()), stage)
}

/// What the program says goes to files, so that those can be full as well.
fn with_files(mut command: Command, stage: &Stage) -> Command {
    command.stdout(fs::File::create(stage.fixture.path("out")).unwrap());
    command.stderr(fs::File::create(stage.fixture.path("err")).unwrap());
    command
}

/// Only calls for the files of the trial count.
fn paths(stage: &Stage, tracer: &mut Command) {
    let inputs = [
        "profiles.yaml",
        "mappings/inflight-sales.yaml",
        "schemas/customers.schema.json",
        "drop/customers.csv",
        "drop/purchases.csv",
    ];
    let mut add = |path: &Path| {
        tracer.arg("-P").arg(path);
    };
    for input in inputs {
        add(Path::new(input));
        add(&stage.fixture.path(input));
    }
    for path in ["out", "err", "state", "state/xwalk"] {
        add(&stage.fixture.path(path));
    }
    add(&stage.journal);
    for name in ["lock", ".corrupt-1", ".corrupt-2"] {
        add(&stage.journal.join(name));
    }
    for number in 1..=3 {
        add(&stage.epoch(number));
        add(&stage.journal.join(format!("epoch-{number}.new")));
    }
}
