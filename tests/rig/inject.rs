//! The system calls of a delivery, the faults that can be injected at each, and the command that injects one.
//!
//! Calls are counted per thread and per kind, first among all calls and then only among calls for files of the trial.

use std::{collections::BTreeMap, fmt, fs, path::Path, process::Command};

use crate::{
    Coverage,
    fixture::run_by,
    scenario::{Scenario, Stage},
};

/// What is injected at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails with this error.
    Error(&'static str),
    /// The call returns that it wrote three bytes, and wrote none.
    Short,
    /// The call returns that the other end has closed the connection.
    Closed,
    /// This call and all later ones fail with a full disk.
    Full,
}

/// Which calls of a kind are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Calls for files of the trial: the inputs, the journal, the output of the program.
    Files,
}

/// One call, and the fault that is injected at it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: usize,
    pub(crate) fault: Fault,
    pub(crate) scope: Scope,
}

impl Point {
    /// The kind of call and the fault, without the number of the call.
    pub(crate) fn kind(&self) -> String {
        format!("{} {:?} {:?}", self.call, self.fault, self.scope)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.scope == Scope::Files { " of files" } else { "" };
        write!(f, "{:?} at {} {}{scope}", self.fault, self.call, self.number)
    }
}

/// The faults of a call for a file.
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

/// The faults of a call for a socket or a thread.
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

/// Calls without an effect outside the process: a kill there is the same as a kill at the call before.
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

/// Every call of one run of a scenario, with each fault that can be injected at it.
pub(crate) fn find_points(scenario: &Scenario, coverage: Coverage) -> Vec<Point> {
    let all = count_calls(scenario, Scope::All);
    let files = count_calls(scenario, Scope::Files);
    let mut points = Vec::new();
    let mut add = |call: &str, count: usize, scope: Scope, faults: &[Fault]| {
        for number in 1..=count {
            points.extend(faults.iter().map(|fault| Point { call: call.to_owned(), number, fault: *fault, scope }));
        }
    };
    // `strace` has one list of paths, so with a disk that is full for some paths all other faults are at those paths, too.
    let (kills, scope) = if scenario.full_from.is_some() { (&files, Scope::Files) } else { (&all, Scope::All) };
    for (call, count) in kills.iter().filter(|(call, _)| coverage == Coverage::All || !INNER.contains(&call.as_str())) {
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

/// How often a run makes each call, in the thread that makes it most often, since `strace` counts per thread.
fn count_calls(scenario: &Scenario, scope: Scope) -> BTreeMap<String, usize> {
    let stage = Stage::set_up(scenario);
    let log = stage.fixture.path("calls");
    let mut tracer = Command::new("strace");
    tracer.args(["-f", "-y", "-qqq", "-o"]).arg(&log);
    if let Some(full) = scenario.full_from {
        tracer.args(["-e", &format!("inject=write:error=ENOSPC:when={full}+")]);
    }
    if scope == Scope::Files || scenario.full_from.is_some() {
        restrict_to_files(&stage, &mut tracer);
    }
    stage.fixture.run(with_output_files(run_by(tracer, &stage.command()), &stage));
    let text = fs::read_to_string(log).unwrap();
    if scope == Scope::All && scenario.full_from.is_none() {
        check_header_before_bodies(&text);
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
    // At `execve` the process is not the program yet. And how often threads yield differs from run to run.
    most.retain(|call, _| !["execve", "exit", "exit_group", "sched_yield"].contains(&call.as_str()));
    most
}

/// Checks that a header and its name are synced before the first body is sent, in a resumed run too.
fn check_header_before_bodies(log: &str) {
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

/// The command of a stage with a fault injected; `full`: the disk is full from this write on.
pub(crate) fn inject(stage: &Stage, point: &Point, full: Option<usize>) -> Command {
    let Point { call, number, fault, scope } = point;
    let what = match fault {
        Fault::Kill => format!("signal=SIGKILL:when={number}"),
        Fault::Error(error) => format!("error={error}:when={number}"),
        Fault::Short => format!("retval=3:when={number}"),
        Fault::Closed => format!("retval=0:when={number}"),
        Fault::Full => format!("error=ENOSPC:when={number}+"),
    };
    // A hanging trial is killed. `--seccomp-bpf` would be faster, but with it strace 6.1 sends no signal.
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
        restrict_to_files(stage, &mut tracer);
    }
    with_output_files(run_by(tracer, &stage.command()), stage)
}

/// Redirects the output of the program to files, so that those can be full as well.
fn with_output_files(mut command: Command, stage: &Stage) -> Command {
    command.stdout(fs::File::create(stage.fixture.path("out")).unwrap());
    command.stderr(fs::File::create(stage.fixture.path("err")).unwrap());
    command
}

/// Counts only calls for the files of the trial.
fn restrict_to_files(stage: &Stage, tracer: &mut Command) {
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
