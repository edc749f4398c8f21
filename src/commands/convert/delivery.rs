//! The end of the pipe when it leads to an API: the journal is read first, and settled documents are not sent again.
//!
//! Connects `read` (which files the inputs are), the journal, `deliver` and `report`. The journal is locked before a row is
//! read, so that of two runs the later one has also read the later files. The embedded API has no journal: every run sends
//! everything to it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    commands::{
        load::Job,
        runtime::Runtime,
        state_dir::{locate, not_locked, unusable},
    },
    config::profile::destination::Destination,
    deliver::{self, commit::CommitStep},
    diagnostic::{Code, Diagnostic, Severity},
    digest::{DeliveryTarget, Digest, DocumentsDigest, FileDigest, PlanDigest},
    error::{Error, Exit},
    index_ranges,
    io_cause::{Purpose, advise, describe_cause},
    journal::{
        BeginError, Journal, Shipment, Start,
        entry::{Entry, InputFile},
        epoch::RejectedDocument,
        state_dir::TargetDir,
    },
    plan::Plan,
    read::files,
    recording::{
        payload::Payload,
        receipt::{Delivery, Rejected, StopReason},
    },
    report::{Findings, progress::Progress},
};

/// How many bytes of a file are digested at once.
const CHUNK: usize = 64 << 10;

/// A delivery with a journal, before and while it is sent.
pub(crate) struct JournaledDelivery {
    /// The digest of every document that may be sent, in order.
    pub(crate) digest: PlanDigest,
    /// The files that the documents were made from.
    pub(crate) stamps: Vec<files::Stamp>,
    /// The rows lie on disk, so whether the documents are still the same is checked when they are sent.
    pub(crate) on_disk: bool,
    target: DeliveryTarget,
    journal: Journal<TargetDir>,
    state: PathBuf,
    supersede: bool,
}

/// Opens the journal of the target; `None` when this run delivers nothing, or to the embedded API.
///
/// # Errors
/// Another run holds it, or the state folder cannot be used.
pub(crate) fn open_journal(
    job: &Job,
    environment: &BTreeMap<String, String>,
) -> Result<Option<JournaledDelivery>, Error> {
    let Job { destination, options, .. } = job;
    let Some(url) = destination.url().filter(|_| options.sends()) else { return Ok(None) };
    let contract = job.plan.contract.schema.get("$id").and_then(serde_json::Value::as_str).unwrap_or_default();
    let target = destination.target(&url, contract);
    let state = locate(options.state.as_deref(), environment)?;
    let folder = state.lock(&target).map_err(|error| not_locked(&error, &destination.host()))?;
    let journal = Journal::open(folder).map_err(|cause| unusable(&state.path, &cause))?;
    Ok(Some(JournaledDelivery {
        digest: PlanDigest::new(&target),
        stamps: Vec::new(),
        on_disk: false,
        target,
        journal,
        state: state.path,
        supersede: options.supersede,
    }))
}

impl JournaledDelivery {
    /// Continues the delivery of these documents in the journal, or begins it.
    fn begin(&mut self, nonce: [u8; 16], plan: DocumentsDigest) -> Result<Start, Error> {
        let inputs = identify_inputs(&self.stamps)?;
        let DocumentsDigest { digest: plan, documents } = plan;
        let shipment = Shipment { plan, documents, inputs, nonce, supersede: self.supersede };
        let mut is_extended = |old: &[InputFile]| is_extended(old, &shipment.inputs, &self.stamps);
        self.journal.begin(&shipment, &mut is_extended).map_err(|error| match error {
            BeginError::Disk(cause) => unusable(&self.state, &cause),
            BeginError::Unfinished { open, documents } => {
                let message =
                    format!("{open} of {documents} documents of the earlier recording were never acknowledged");
                let hint = "put its files back and run again to finish it, or give it up with `--supersede`";
                Error::Input(vec![Diagnostic::new(Code::DeliverUnfinished, message).hint(hint)])
            }
        })
    }
}

/// The input files with the digests of their contents, which are still those that were read.
fn identify_inputs(stamps: &[files::Stamp]) -> Result<Vec<InputFile>, Error> {
    let identify = |stamp: &files::Stamp| {
        let blake3 = match stamp.digest {
            Some(digest) => Ok(digest),
            None => digest_beginning(&stamp.path, stamp.length),
        };
        blake3.map(|blake3| InputFile { role: stamp.role.clone(), len: stamp.length, blake3 })
    };
    let inputs: Vec<InputFile> = stamps.iter().filter_map(|stamp| identify(stamp).ok()).collect();
    // A file that can no longer be read has changed as well.
    let changed = files::find_changed(stamps);
    if changed.is_empty() && inputs.len() == stamps.len() { Ok(inputs) } else { Err(Error::Input(changed)) }
}

/// The digest of the first bytes of a file.
fn digest_beginning(path: &Path, length: u64) -> io::Result<Digest> {
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

/// Whether each old input is the beginning of the one that replaces it, so that no old record is missing.
fn is_extended(old: &[InputFile], new: &[InputFile], stamps: &[files::Stamp]) -> bool {
    let mut taken = vec![false; new.len()];
    old.iter().all(|old| {
        let Some(at) = (0..new.len()).find(|at| !taken[*at] && new[*at].role == old.role) else { return false };
        taken[at] = true;
        let (new, stamp) = (&new[at], &stamps[at]);
        let is_beginning =
            || !stamp.is_stdin() && digest_beginning(&stamp.path, old.len).is_ok_and(|digest| digest == old.blake3);
        new == old || (new.len > old.len && is_beginning())
    })
}

/// A delivery that ended, and what earlier runs had done of it.
pub(crate) struct Delivered {
    /// The outcome of each document, in this run or an earlier one.
    pub(crate) delivery: Delivery,
    /// How many documents an earlier run delivered.
    pub(crate) earlier: u64,
}

/// Shows how far a delivery is, and prints what it tells while it goes on.
pub(crate) struct DeliveryReporter<'a> {
    /// The bar.
    pub(crate) progress: &'a Progress,
    /// What draws findings.
    pub(crate) findings: &'a mut Findings,
    /// Where messages go.
    pub(crate) err: &'a mut dyn Write,
}

impl DeliveryReporter<'_> {
    /// `earlier`: how many documents were settled before this run.
    fn report(&mut self, earlier: u64, now: &deliver::DeliveryProgress<'_>) {
        self.progress.reach(earlier + now.accepted + now.rejected);
        if let Some(notice) = now.notice {
            // A closed stderr does not stop a delivery.
            let _ = self.progress.suspend(|| self.findings.tell(self.err, notice));
            let _ = self.err.flush();
        }
    }
}

/// Delivers documents without a journal.
pub(crate) fn deliver_without_journal(
    payloads: impl Iterator<Item = Payload> + Send,
    destination: &Destination,
    context: &deliver::Context,
    reporter: &mut DeliveryReporter<'_>,
) -> Delivery {
    let reporter = RefCell::new(reporter);
    let reached = |now: &deliver::DeliveryProgress<'_>| reporter.borrow_mut().report(0, now);
    deliver::put(payloads, destination, context, &mut |_| Ok(()), &reached)
}

/// Delivers the documents that are not settled yet.
///
/// # Errors
/// The journal cannot be used, the inputs changed, or an earlier delivery of other documents is unfinished; nothing was
/// sent.
pub(crate) fn deliver_with_journal<P: Iterator<Item = Payload> + Send>(
    journaled: &mut JournaledDelivery,
    payloads: impl Fn() -> P,
    plan: &Plan,
    destination: &Destination,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
    progress: &Progress,
) -> Result<Delivered, Error> {
    // Documents that share records may have been dropped after they were made.
    if plan.shares_records() {
        journaled.digest = PlanDigest::new(&journaled.target);
        payloads().for_each(|payload| journaled.digest.add(payload.bytes()));
    }
    let documents = journaled.digest.clone().finish();
    if documents.documents == 0 {
        return Ok(Delivered { delivery: Delivery::default(), earlier: 0 });
    }
    let start = journaled.begin(runtime.context.nonce, documents)?;
    if let Some(name) = &start.damaged {
        let message = format!("the journal of the delivery before is damaged, and is kept as `{name}`");
        let finding = Diagnostic::new(Code::DeliverDamagedJournal, message).severity(Severity::Warning);
        let _ = findings.print(runtime.err, &finding.hint("everything is sent again, which harms nothing"));
    }
    let mut delivery = Delivery::default();
    if start.waits && !start.epoch.is_settled() {
        delivery.stopped = wait_for_late_requests(journaled, destination.grace, findings, runtime);
    }
    if delivery.stopped.is_none() && start.epoch.done.is_none() {
        let mut reporter = DeliveryReporter { progress, findings, err: &mut *runtime.err };
        delivery = send_unsettled(journaled, payloads(), &start, destination, &runtime.context, &mut reporter);
    }
    let earlier = index_ranges::count(&start.epoch.accepted);
    for range in start.epoch.accepted {
        index_ranges::merge(&mut delivery.accepted, range);
    }
    for (index, RejectedDocument { status, code }) in start.epoch.rejected {
        let code = Code::from_word(code.as_bytes()).unwrap_or(Code::DeliverRejected);
        let message = format!("the API rejected the document in an earlier run, with {status}");
        let finding = Diagnostic::new(code, message);
        delivery.rejected.push(Rejected { index, status, finding, pointers: Vec::new(), echo: None });
    }
    delivery.rejected.sort_by_key(|rejected| rejected.index);
    Ok(Delivered { delivery, earlier })
}

/// Waits for requests of the delivery before, which the API may still act on; why the run stops, if it does.
fn wait_for_late_requests(
    journaled: &mut JournaledDelivery,
    time: Duration,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Option<StopReason> {
    let seconds = time.as_secs_f64();
    let message = format!("a request of an earlier delivery may still be on the way: waiting {seconds} s");
    let finding = Diagnostic::new(Code::DeliverGrace, message).severity(Severity::Notice);
    let finding = finding.hint("`grace` of the profile is how long; interrupting is safe");
    let mut bar = None;
    let waited = deliver::wait(time, &mut |passed| {
        let bar = bar.get_or_insert_with(|| {
            let _ = findings.print(runtime.err, &finding);
            findings.start_progress("seconds", time.as_secs())
        });
        bar.reach(passed.as_secs());
    });
    bar.into_iter().for_each(Progress::finish);
    match waited {
        Ok(()) => {
            let graced = journaled.journal.append(&Entry::Graced {}).and_then(|()| journaled.journal.sync());
            graced.err().map(|cause| StopReason { exit: Exit::Storage, finding: not_recorded(&cause) })
        }
        Err(exit) => {
            let finding = Diagnostic::new(Code::DeliverInterrupted, "the run was interrupted before anything was sent");
            Some(StopReason { exit, finding: finding.hint("run the same command again") })
        }
    }
}

fn not_recorded(cause: &io::Error) -> Diagnostic {
    let message = format!("the journal cannot be written: {}", describe_cause(cause));
    let advice = advise(Purpose::UseFolder, cause);
    let hint = format!("the state folder: {advice}; then run the same command again");
    Diagnostic::new(Code::DeliverNotRecorded, message).hint(hint)
}

/// Sends the documents that are not settled, and notes the end of the delivery in the journal.
fn send_unsettled(
    journaled: &mut JournaledDelivery,
    payloads: impl Iterator<Item = Payload> + Send,
    start: &Start,
    destination: &Destination,
    context: &deliver::Context,
    reporter: &mut DeliveryReporter<'_>,
) -> Delivery {
    let epoch = &start.epoch;
    let counts = epoch.counts();
    let (nonce, earlier) = (epoch.header.nonce, counts.accepted);
    let context = deliver::Context { nonce, earlier, failed: epoch.failed.clone(), ..*context };
    let reporter = RefCell::new(reporter);
    let earlier = counts.accepted + counts.rejected;
    let reached = |now: &deliver::DeliveryProgress<'_>| reporter.borrow_mut().report(earlier, now);
    // Documents made again from memory are the same; documents made again from rows on disk may not be.
    let checked = journaled.on_disk || cfg!(debug_assertions);
    let sent = Mutex::new(PlanDigest::new(&journaled.target));
    let digest = |payload: &Payload| sent.lock().unwrap_or_else(PoisonError::into_inner).add(payload.bytes());
    let pending = payloads
        .inspect(|payload| {
            if checked {
                digest(payload);
            }
        })
        .filter(|payload| !epoch.is_settled_for(payload.index));
    let journal = &mut journaled.journal;
    let mut commit = |step: CommitStep<'_>| match step {
        CommitStep::Append(entry) => journal.append(entry),
        CommitStep::Sync => journal.sync(),
    };
    let mut delivery = deliver::put(pending, destination, &context, &mut commit, &reached);
    if delivery.stopped.is_some() {
        return delivery;
    }
    let sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
    if checked && sent.digest != epoch.header.plan {
        // The acknowledged documents are not those of the header, so they must not count for the next run.
        let _ = journal.set_aside();
        let finding = Diagnostic::new(Code::ReadChanged, "the documents changed while they were sent");
        let finding = finding.hint("run the same command again: everything is sent again");
        delivery.stopped = Some(StopReason { exit: Exit::Input, finding });
    } else if let Err(cause) = journal.finish() {
        delivery.stopped = Some(StopReason { exit: Exit::Storage, finding: not_recorded(&cause) });
    }
    delivery
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use crate::{
        commands::convert::delivery::{
            DeliveryReporter, JournaledDelivery, identify_inputs, is_extended, send_unsettled,
        },
        config::{
            mapping::request::{Method, Request},
            profile::{resolve, secret::Environment},
        },
        deliver::Context,
        diagnostic::Code,
        digest::{DeliveryTarget, DocumentsDigest, PlanDigest},
        journal::{Journal, Shipment, state_dir::StateDir},
        options::{OutputOptions, Setting},
        read::files,
        report::{Findings, progress::Progress, render_style::RenderStyle},
    };

    #[test]
    fn documents_that_are_not_those_that_were_checked_never_count() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir { path: folder.path().join("state"), named: true };
        let target = DeliveryTarget::new(&["a"]);
        let mut digest = PlanDigest::new(&target);
        digest.add(b"{}");
        let journal = Journal::open(state.lock(&target).unwrap()).unwrap();
        let (path, supersede) = (state.path.clone(), false);
        let mut journaled = JournaledDelivery {
            digest,
            stamps: Vec::new(),
            on_disk: true,
            target: target.clone(),
            journal,
            state: path,
            supersede,
        };
        let DocumentsDigest { digest: plan, documents } = journaled.digest.clone().finish();
        let shipment = Shipment { plan, documents, inputs: Vec::new(), nonce: [1; 16], supersede };
        let start = journaled.journal.begin(&shipment, &mut |_| false).unwrap();
        let request = Request::new(Method::Put, "/");
        let sets = [Setting::new("url", "http://127.0.0.1:1")];
        let destination = resolve::destination(None, None, &sets, &request, &Environment::default()).unwrap();
        let context = Context::of_first_run(|| jiff::Timestamp::UNIX_EPOCH, 1, [0; 16]);
        let progress = Progress::start("documents", None, false);
        let style = RenderStyle::new(&OutputOptions::default(), &BTreeMap::new(), false);
        let (mut findings, mut err) = (Findings::new(style), Vec::new());
        let mut reporter = DeliveryReporter { progress: &progress, findings: &mut findings, err: &mut err };
        let delivery =
            send_unsettled(&mut journaled, std::iter::empty(), &start, &destination, &context, &mut reporter);
        assert_eq!(delivery.stopped.map(|reason| reason.finding.code), Some(Code::ReadChanged));
        drop(journaled);
        assert!(state.path.join(&target.id).join(".corrupt-1").exists());
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
        let old = identify_inputs(&stamps(&[("c", &one), ("p", &one)])).unwrap();
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
            let new = identify_inputs(&stamps).unwrap();
            assert_eq!(is_extended(&old, &new, &stamps), expected, "{files:?}");
        }
        let mut stdin = stamps(&[("c", &more)]);
        let new = identify_inputs(&stdin).unwrap();
        stdin[0].path = "-".into();
        assert!(!is_extended(&old[..1], &new, &stdin), "standard input cannot be read again");
    }
}
