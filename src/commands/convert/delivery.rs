//! The end of the pipe when it leads to an API: the journal is asked first, and what is settled is not sent again.
//!
//! Connects `read` (what the inputs are), the journal, `deliver` and `report`. The journal is locked before a row is read,
//! so that of two runs the later one also saw the later files. The embedded API has no journal: it forgets each time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    cli::Convert,
    commands::{load::Job, runtime::Runtime},
    config::profile::destination::Destination,
    deliver::{self, Note},
    diagnostic::{Code, Diagnostic, Severity},
    digest::{FileDigest, PlanDigest, Sum, Target},
    error::{Error, Exit},
    index_ranges,
    journal::{
        Journal, Shipment, Start, Trouble,
        entry::{Entry, Input},
        state_dir::{Folder, Refusal, State},
    },
    plan::Plan,
    read::files,
    recording::{
        payload::Payload,
        receipt::{Delivery, Rejected},
    },
    report::{Findings, progress::Progress},
};

/// How much of a file is looked at at once.
const CHUNK: usize = 64 << 10;

/// What a delivery remembers: its journal, and the digest of the documents so far.
pub(crate) struct Memory {
    /// Fed with every document that may be sent, in order.
    pub(crate) digest: PlanDigest,
    /// The files that the documents were made from.
    pub(crate) stamps: Vec<files::Stamp>,
    /// What the documents are made of again lies on a disk, so whether they are the same is checked when they are sent.
    pub(crate) on_disk: bool,
    target: Target,
    journal: Journal<Folder>,
    state: PathBuf,
    supersede: bool,
    quiet: bool,
}

/// The journal of what this run delivers to; `None` when it delivers nothing, or to the embedded API.
///
/// # Errors
/// Another run holds it, or the state folder cannot be used.
pub(crate) fn memory(
    args: &Convert,
    job: &Job,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Memory>, Error> {
    let destination = &job.destination;
    let Some(url) = destination.url().filter(|_| args.output.is_none() && !args.validate_only) else {
        return Ok(None);
    };
    let contract = job.plan.contract.schema.get("$id").and_then(serde_json::Value::as_str).unwrap_or_default();
    let target = Target::new(&[destination.method.word(), url.as_str(), contract]);
    let state = state(args.state.as_deref(), environment)?;
    let folder = state.lock(&target).map_err(|refusal| refused(&refusal, &destination.host()))?;
    let journal = Journal::open(folder).map_err(|cause| unusable(&state.path, &cause))?;
    let digest = PlanDigest::new(&target);
    let (supersede, quiet) = (args.supersede, args.messages.quiet);
    let (stamps, on_disk) = (Vec::new(), false);
    Ok(Some(Memory { digest, stamps, on_disk, target, journal, state: state.path, supersede, quiet }))
}

/// Where deliveries are remembered.
pub(crate) fn state(named: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<State, Error> {
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        // A service manager that made several folders names them all, with colons between them.
        let several = environment.get("STATE_DIRECTORY").filter(|several| Path::new(several) == path);
        let first = several.and_then(|several| several.split(':').find(|folder| !folder.is_empty()));
        return Ok(State { path: first.map_or(path, Path::new).to_owned(), named: true });
    }
    let absolute = |name: &str| environment.get(name).map(Path::new).filter(|path| path.is_absolute());
    let base = absolute("XDG_STATE_HOME").map(Path::to_owned);
    match base.or_else(|| absolute("HOME").map(|home| home.join(".local/state"))) {
        Some(base) => Ok(State { path: base.join("xwalk"), named: false }),
        None => Err(storage("nothing says where deliveries are remembered", "name a folder with `--state DIR`")),
    }
}

fn storage(message: &str, hint: &str) -> Error {
    Error::Storage(Box::new(Diagnostic::new(Code::DeliverState, message).hint(hint)))
}

pub(crate) fn unusable(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    let message = format!("the state folder `{}` cannot be used: {cause}", path.display());
    storage(&message, "repair it, or name another with `--state DIR`; nothing was sent")
}

pub(crate) fn refused(refusal: &Refusal, host: &str) -> Error {
    match refusal {
        Refusal::Busy => {
            let finding = Diagnostic::new(Code::DeliverBusy, format!("another run delivers to `{host}`"));
            Error::Busy(Box::new(finding.hint("run the same command again when it is over")))
        }
        Refusal::Unusable { path, said } => unusable(path, said),
    }
}

impl Memory {
    /// Asks the journal how to go on with a plan.
    fn begin(&mut self, nonce: [u8; 16], plan: Sum, documents: u64) -> Result<Start, Error> {
        let inputs = inputs(&self.stamps)?;
        let shipment = Shipment { plan, documents, inputs, nonce, supersede: self.supersede };
        let mut extended = |old: &[Input]| extended(old, &shipment.inputs, &self.stamps);
        self.journal.begin(&shipment, &mut extended).map_err(|trouble| match trouble {
            Trouble::Disk(cause) => unusable(&self.state, &cause),
            Trouble::Unfinished { open, documents } => {
                let message =
                    format!("{open} of {documents} documents of the earlier recording were never acknowledged");
                let hint = "put its files back and run again to finish it, or give it up with `--supersede`";
                Error::Input(vec![Diagnostic::new(Code::DeliverUnfinished, message).hint(hint)])
            }
        })
    }
}

/// The inputs of a recording by their contents, which are still those that were read.
fn inputs(stamps: &[files::Stamp]) -> Result<Vec<Input>, Error> {
    let one = |stamp: &files::Stamp| {
        let blake3 = match stamp.digest {
            Some(digest) => Ok(digest),
            None => beginning(&stamp.path, stamp.length),
        };
        blake3.map(|blake3| Input { role: stamp.role.clone(), len: stamp.length, blake3 })
    };
    let inputs: Vec<Input> = stamps.iter().filter_map(|stamp| one(stamp).ok()).collect();
    // A file that cannot be read any more has changed as well.
    let changed = files::find_changed(stamps);
    if changed.is_empty() && inputs.len() == stamps.len() { Ok(inputs) } else { Err(Error::Input(changed)) }
}

/// The digest of the first bytes of a file.
fn beginning(path: &Path, length: u64) -> io::Result<Sum> {
    let (mut file, mut digest) = (File::open(path)?.take(length), FileDigest::default());
    let (mut buffer, mut left) = (vec![0; CHUNK], length);
    while left > 0 {
        match file.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                digest.add(&buffer[..read]);
                left -= read as u64;
            }
        }
    }
    Ok(digest.finish())
}

/// Whether each old input is the beginning of the one that has its place now, so that no old record is missing.
fn extended(old: &[Input], new: &[Input], stamps: &[files::Stamp]) -> bool {
    let mut taken = vec![false; new.len()];
    old.iter().all(|old| {
        let Some(at) = (0..new.len()).find(|at| !taken[*at] && new[*at].role == old.role) else { return false };
        taken[at] = true;
        let (new, stamp) = (&new[at], &stamps[at]);
        let is_beginning = || !stamp.is_stdin() && beginning(&stamp.path, old.len).is_ok_and(|sum| sum == old.blake3);
        new == old || (new.len > old.len && is_beginning())
    })
}

/// What a delivery came to.
pub(crate) struct Delivered {
    /// What became of each document, in this run or an earlier one.
    pub(crate) delivery: Delivery,
    /// How many documents an earlier run delivered.
    pub(crate) earlier: u64,
}

/// Delivers documents that nobody remembers having delivered.
pub(crate) fn forgetful(
    payloads: impl Iterator<Item = Payload> + Send,
    destination: &Destination,
    context: &deliver::Context,
    progress: &Progress,
) -> Delivery {
    let bar = Mutex::new(progress.clone());
    let reached = |now: &deliver::Progress<'_>| reach(&bar, now.accepted + now.rejected);
    deliver::put(payloads, destination, context, &mut |_| Ok(()), &reached)
}

/// Delivers what is not settled yet.
///
/// # Errors
/// The journal cannot be used, the inputs changed, or an earlier delivery of others is unfinished; nothing was sent.
pub(crate) fn remembered<P: Iterator<Item = Payload> + Send>(
    memory: &mut Memory,
    payloads: impl Fn() -> P,
    plan: &Plan,
    destination: &Destination,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
    progress: &Progress,
) -> Result<Delivered, Error> {
    // Documents that share records may have been dropped after they were made.
    if plan.shares_records() {
        memory.digest = PlanDigest::new(&memory.target);
        payloads().for_each(|payload| memory.digest.add(payload.bytes()));
    }
    let (sum, documents) = memory.digest.clone().finish();
    if documents == 0 {
        return Ok(Delivered { delivery: Delivery::default(), earlier: 0 });
    }
    let start = memory.begin(runtime.context.nonce, sum, documents)?;
    if let Some(kept) = &start.kept {
        let message = format!("the journal of the delivery before is damaged, and is kept as `{kept}`");
        let finding = Diagnostic::new(Code::DeliverDamagedJournal, message).severity(Severity::Warning);
        let _ = findings.print(runtime.err, &finding.hint("everything is sent again, which harms nothing"));
    }
    let mut delivery = Delivery::default();
    if start.waits && !start.epoch.is_settled() {
        delivery.stopped = grace(memory, destination.grace, findings, runtime);
    }
    if delivery.stopped.is_none() && start.epoch.done.is_none() {
        delivery = rest(memory, payloads(), &start, destination, &runtime.context, progress);
    }
    let earlier = index_ranges::count(&start.epoch.accepted);
    for range in start.epoch.accepted {
        index_ranges::merge(&mut delivery.accepted, range);
    }
    for (index, (status, word)) in start.epoch.rejected {
        let code = Code::ALL.iter().copied().find(|code| code.word() == word).unwrap_or(Code::DeliverRejected);
        let message = format!("the API rejected the document in an earlier run, with {status}");
        let finding = Diagnostic::new(code, message);
        delivery.rejected.push(Rejected { index, status, finding, pointers: Vec::new() });
    }
    delivery.rejected.sort_by_key(|rejected| rejected.index);
    Ok(Delivered { delivery, earlier })
}

/// Waits for requests of the delivery before, which may still be acted on; why the run stops, if it does.
fn grace(
    memory: &mut Memory,
    time: Duration,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Option<(Exit, Diagnostic)> {
    let seconds = time.as_secs_f64();
    let message = format!("a request of an earlier delivery may still be on the way: waiting {seconds} s");
    let finding = Diagnostic::new(Code::DeliverGrace, message).severity(Severity::Notice);
    let finding = finding.hint("`grace` of the profile is how long; interrupting is safe");
    let mut bar = None;
    let waited = deliver::wait(time, &mut |passed| {
        let bar = bar.get_or_insert_with(|| {
            let _ = findings.print(runtime.err, &finding);
            Progress::start("seconds", Some(time.as_secs()), runtime.terminal && !memory.quiet)
        });
        bar.reach(passed.as_secs());
    });
    bar.into_iter().for_each(Progress::finish);
    match waited {
        Ok(()) => {
            let graced = memory.journal.record(&Entry::Graced {}).and_then(|()| memory.journal.sync());
            graced.err().map(|cause| (Exit::Storage, not_recorded(&cause)))
        }
        Err(exit) => {
            let finding = Diagnostic::new(Code::DeliverInterrupted, "the run was interrupted before anything was sent");
            Some((exit, finding.hint("run the same command again")))
        }
    }
}

fn not_recorded(cause: &io::Error) -> Diagnostic {
    let finding = Diagnostic::new(Code::DeliverNotRecorded, format!("the journal cannot be written: {cause}"));
    finding.hint("free space or repair the state folder, then run the same command again")
}

/// Sends what is not settled, and notes the end of the delivery.
fn rest(
    memory: &mut Memory,
    payloads: impl Iterator<Item = Payload> + Send,
    start: &Start,
    destination: &Destination,
    context: &deliver::Context,
    progress: &Progress,
) -> Delivery {
    let epoch = &start.epoch;
    let counts = epoch.counts();
    let context = deliver::Context { nonce: epoch.header.nonce, earlier: counts.accepted > 0, ..*context };
    let bar = Mutex::new(progress.clone());
    let reached = |now: &deliver::Progress<'_>| {
        reach(&bar, counts.accepted + counts.rejected + now.accepted + now.rejected);
    };
    // What is made of memory that nothing changed is the same; what is made of a disk may not be.
    let checked = memory.on_disk || cfg!(debug_assertions);
    let drawn = Mutex::new(PlanDigest::new(&memory.target));
    let draw = |payload: &Payload| drawn.lock().unwrap_or_else(PoisonError::into_inner).add(payload.bytes());
    let pending = payloads
        .inspect(|payload| {
            if checked {
                draw(payload);
            }
        })
        .filter(|payload| !epoch.is_settled_for(payload.index));
    let journal = &mut memory.journal;
    let mut note = |note: Note<'_>| match note {
        Note::Entry(entry) => journal.record(entry),
        Note::Sync => journal.sync(),
    };
    let mut delivery = deliver::put(pending, destination, &context, &mut note, &reached);
    if delivery.stopped.is_some() {
        return delivery;
    }
    let (sum, _) = drawn.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
    if checked && sum != epoch.header.plan {
        // What was acknowledged is not what the header says, so it must not count for the next run.
        let _ = journal.distrust();
        let finding = Diagnostic::new(Code::ReadChanged, "the documents changed while they were sent");
        delivery.stopped = Some((Exit::Input, finding.hint("run the same command again: everything is sent again")));
    } else if let Err(cause) = journal.finish() {
        delivery.stopped = Some((Exit::Storage, not_recorded(&cause)));
    }
    delivery
}

fn reach(bar: &Mutex<Progress>, settled: u64) {
    bar.lock().unwrap_or_else(PoisonError::into_inner).reach(settled);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{
        commands::convert::delivery::{Memory, extended, inputs, rest, state},
        config::{
            mapping::request::{Method, Request},
            profile::{resolve, secret::Environment},
        },
        deliver::Context,
        diagnostic::Code,
        digest::{PlanDigest, Target},
        journal::{Journal, Shipment, state_dir::State},
        read::files,
        report::progress::Progress,
    };

    #[test]
    fn documents_that_are_not_those_that_were_checked_never_count() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { path: folder.path().join("state"), named: true };
        let target = Target::new(&["a"]);
        let mut digest = PlanDigest::new(&target);
        digest.add(b"{}");
        let journal = Journal::open(state.lock(&target).unwrap()).unwrap();
        let (path, supersede) = (state.path.clone(), false);
        let mut memory = Memory {
            digest,
            stamps: Vec::new(),
            on_disk: true,
            target: target.clone(),
            journal,
            state: path,
            supersede,
            quiet: true,
        };
        let (plan, documents) = memory.digest.clone().finish();
        let shipment = Shipment { plan, documents, inputs: Vec::new(), nonce: [1; 16], supersede };
        let start = memory.journal.begin(&shipment, &mut |_| false).unwrap();
        let request = Request { method: Method::Put, path: "/".into() };
        let sets = [("url".to_owned(), "http://127.0.0.1:1".to_owned())];
        let destination = resolve(None, None, &sets, &request, &Environment::default()).unwrap();
        let context = Context { now: || jiff::Timestamp::UNIX_EPOCH, seed: 1, nonce: [0; 16], earlier: false };
        let progress = Progress::start("documents", None, false);
        let delivery = rest(&mut memory, std::iter::empty(), &start, &destination, &context, &progress);
        assert_eq!(delivery.stopped.map(|(_, finding)| finding.code), Some(Code::ReadChanged));
        drop(memory);
        assert!(state.path.join(&target.id).join(".corrupt-1").exists());
    }

    #[test]
    fn of_several_folders_that_a_service_manager_made_the_first_holds_the_state() {
        let environment = [("STATE_DIRECTORY".to_owned(), "/a:/b".to_owned())].into();
        let path = |named: &str| state(Some(Path::new(named)), &environment).unwrap().path;
        assert_eq!((path("/a:/b").as_path(), path("/c:/d").as_path()), (Path::new("/a"), Path::new("/c:/d")));
    }

    fn stamp(role: &str, path: &Path) -> files::Stamp {
        files::Stamp::read(role, path).unwrap()
    }

    #[test]
    fn inputs_are_extended_when_each_old_one_is_the_beginning_of_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (one, more, other) = (file("one", "a\n1\n"), file("more", "a\n1\n2\n"), file("other", "a\n3\n2\n"));
        let stamps = |files: &[(&str, &Path)]| -> Vec<files::Stamp> {
            files.iter().map(|(role, path)| stamp(role, path)).collect()
        };
        let old = inputs(&stamps(&[("c", &one), ("p", &one)])).unwrap();
        let table: [(&[(&str, &Path)], bool); 7] = [
            (&[("c", &one), ("p", &one)], true),
            (&[("c", &more), ("p", &one)], true),
            (&[("c", &more), ("p", &more), ("c", &other), ("p", &other)], true),
            (&[("c", &other), ("p", &one)], false),
            (&[("c", &one)], false),
            (&[("c", &one), ("c", &one)], false),
            (&[], false),
        ];
        for (files, expected) in table {
            let stamps = stamps(files);
            let new = inputs(&stamps).unwrap();
            assert_eq!(extended(&old, &new, &stamps), expected, "{files:?}");
        }
        let mut stdin = stamps(&[("c", &more)]);
        let new = inputs(&stdin).unwrap();
        stdin[0].path = "-".into();
        assert!(!extended(&old[..1], &new, &stdin), "standard input cannot be looked at again");
    }
}
