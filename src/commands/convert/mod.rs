//! `xwalk convert`: the pipe.

pub mod accept;
pub mod partitioned;
pub mod delivery;

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    check,
    cli::Convert,
    commands::{
        convert::{
            delivery::{Delivered, Memory},
            partitioned::oversized,
        },
        load::{self, Job},
        runtime::Runtime,
        sandbox::embedded,
    },
    config::{
        mapping::Root,
        profile::{destination::Destination, secret::Environment},
    },
    deliver,
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    join,
    output::{self, documents::Documents, rejects::Rejects},
    plan::Plan,
    read,
    recording::{
        self, Recording,
        ledger::Ledger,
        payload::Payload,
        receipt::Volume,
        summary::{Outcome, SourceTally, Summary},
    },
    report::{self, Findings, Look, progress::Progress},
    transform::{self, Scratch},
};

/// The pipe.
pub fn convert(args: &Convert, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let look = Look::new(&args.messages.options(), runtime.environment, runtime.terminal);
    let mut findings = Findings::new(look);
    let job = load::job(args, &Environment(runtime.environment.clone())).map_err(Error::Config)?;
    let plan = &job.plan;
    let memory = delivery::memory(args, &job, runtime.environment)?;
    let (mut recordings, stamps) = joined(args, &job, memory.is_some(), &mut findings, runtime)?;
    unchanged(&stamps)?;
    let kept = Kept { memory, output: output(args, plan, runtime.out)? };
    let Kept { mut memory, output } = decided(args, plan, &mut recordings, kept, &mut findings, runtime.err)?;
    let refused = too_many_rejects(args, &recordings);
    let finished = finished(args, output, refused.is_some());
    let sent = match (refused, finished) {
        (Some(reason), _) => Ok(nothing(reason, &mut findings, runtime)),
        (None, Some(done)) => done,
        (None, None) => unchanged(&stamps).and_then(|()| {
            if let Some(memory) = &mut memory {
                memory.stamps.clone_from(&stamps);
                memory.on_disk = recordings.iter().any(Recording::is_on_disk);
            }
            send(args, &job, &mut recordings, memory.as_mut(), &mut findings, runtime)
        }),
    };
    // Whatever happened to the delivery, the rejected rows are given back.
    let given = give_back(args, plan, &recordings);
    let (rejects, lost) = given.map_or_else(|error| (None, Some(error)), |rejects| (rejects, None));
    partitioned::failure(&recordings)?;
    let (outcome, volume, exit) = sent?;
    let _ = findings.finish(runtime.err);
    let summary = summary(plan, &recordings, &findings, outcome, volume, rejects, runtime);
    let rejected = summary.sources.iter().any(|source| source.rejected > 0);
    // stderr that is closed or full changes nothing about the delivery.
    let _ = report::summary::summary(runtime.err, &summary, look);
    if let Some(error) = lost {
        return Err(error);
    }
    Ok(if rejected { exit.and(Exit::Rejects) } else { exit })
}

/// Says why nothing is sent.
fn nothing(reason: String, findings: &mut Findings, runtime: &mut Runtime<'_>) -> Ending {
    let hint = "mend the rejected rows, or allow more with `--max-rejects`";
    let _ = findings.print(runtime.err, &Diagnostic::new(Code::ReportTooManyRejects, reason.clone()).hint(hint));
    (Outcome::Nothing { reason }, None, Exit::Rejects)
}

/// What is done at once with every document that may be sent: it is remembered, or written.
struct Kept<'a> {
    memory: Option<Memory>,
    output: Option<Documents<'a>>,
}

impl Kept<'_> {
    fn add(&mut self, payload: &Payload) -> io::Result<()> {
        if let Some(memory) = &mut self.memory {
            memory.digest.add(payload.bytes());
        }
        self.output.as_mut().map_or(Ok(()), |output| output.write(payload))
    }
}

/// Decides about every document, and writes those that may be sent where they can be written at once.
fn decided<'a>(
    args: &Convert,
    plan: &Plan,
    recordings: &mut Vec<Recording>,
    mut kept: Kept<'a>,
    findings: &mut Findings,
    err: &mut dyn Write,
) -> Result<Kept<'a>, Error> {
    let (mut at, mut first, mut room) = (0, 0, Recording::default());
    let wanted = findings.most();
    let mut say = |diagnostic: &Diagnostic| drop(findings.print(err, diagnostic));
    while at < recordings.len() {
        let parts = recordings[at].parts();
        if parts > 1 {
            let all = &mut recordings[at..at + parts];
            match in_parts(args, plan, all, &mut room, &mut say, &mut kept, first)? {
                Some(documents) => {
                    (at, first) = (at + parts, first + documents);
                    continue;
                }
                None => oversized::together(plan.each, recordings, at),
            }
        }
        let recording = &mut recordings[at];
        at += 1;
        partitioned::fetch(plan, recording, &mut room, &mut say)?;
        let mut keep = |payload: &Payload| kept.add(payload);
        let done = accept::about(plan, recording, first, (&mut say, wanted), &mut keep);
        done.map_err(|cause| unwritten(args, &cause))?;
        let again = kept.output.is_none() || args.rejects.is_some() && !recording.rejects.is_empty();
        partitioned::put_away(plan, recording, &mut room, again)?;
        first += recording.documents();
    }
    Ok(kept)
}

/// Decides about a document that comes in parts, and keeps it; gives how many documents may be sent. `None`: there is a doubt.
fn in_parts(
    args: &Convert,
    plan: &Plan,
    parts: &mut [Recording],
    room: &mut Recording,
    say: &mut dyn FnMut(&Diagnostic),
    kept: &mut Kept<'_>,
    index: u64,
) -> Result<Option<u64>, Error> {
    let documents = oversized::in_parts(plan, parts, room, say)?;
    if documents == Some(1) {
        if let Some(output) = &mut kept.output {
            let written = output.write_parts(|write| oversized::assemble(parts, write));
            written.map_err(|cause| unwritten(args, &cause))?;
        } else if let Some(memory) = &mut kept.memory {
            // A body is sent as a whole, so it has to be held as one.
            let payload = oversized::whole(parts, index);
            if let Some(payload) = payload {
                memory.digest.add(payload.bytes());
            }
        }
    }
    Ok(documents)
}

/// Reads and joins every recording, before the first document is made: a file that cannot be trusted stops them all.
fn joined(
    args: &Convert,
    job: &Job,
    digested: bool,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<(Vec<Recording>, Vec<read::Stamp>), Error> {
    let (mut recordings, mut stamps) = (Vec::new(), Vec::new());
    for folder in &job.folders {
        let inputs = read::Inputs { digested, ..read::Inputs::new(folder, &args.sources, args.unmask) };
        // A finding that cannot be printed is still counted, and still decides the exit code.
        let mut say = |diagnostic: &Diagnostic| drop(findings.print(runtime.err, diagnostic));
        if let Some(pieces) =
            partitioned::of_recording(args, &job.plan, &inputs, &mut stamps, runtime.environment, &mut say)?
        {
            recordings.extend(pieces);
            continue;
        }
        let mut ledger = Ledger::new(job.plan.sources.len(), &mut say);
        let tables = read::tables(&job.plan, &inputs, &mut stamps, &mut ledger).map_err(Error::input)?;
        let groups = join::groups(&job.plan, &tables, &mut ledger).map_err(Error::input)?;
        let (fates, rejects) = ledger.closed();
        recordings.push(Recording { tables, groups, fates, rejects, ..Recording::default() });
    }
    Ok((recordings, stamps))
}

/// The files are still what was read: looked at before the first document is made, and again before the first is sent.
fn unchanged(stamps: &[read::Stamp]) -> Result<(), Error> {
    let changed = read::changed(stamps);
    if changed.is_empty() { Ok(()) } else { Err(Error::Input(changed)) }
}

/// Where documents are written as soon as they are found good, if they are written at all.
///
/// What went to stdout cannot be taken back, so with `--max-rejects` it waits for the verdict; and a record that several
/// documents share may be found bad after the first of them, so then all of them wait.
fn output<'a>(args: &Convert, plan: &Plan, out: &'a mut dyn Write) -> Result<Option<Documents<'a>>, Error> {
    match &args.output {
        Some(path) if !plan.shares_records() && (args.max_rejects.is_none() || path != Path::new("-")) => {
            let documents = Documents::create(path, plan.root == Root::Array, out);
            documents.map(Some).map_err(|cause| unwritten(args, &cause))
        }
        _ => Ok(None),
    }
}

/// Gives the output its name, unless nothing may be written after all.
fn finished(args: &Convert, output: Option<Documents<'_>>, refused: bool) -> Option<Result<Ending, Error>> {
    let output = output.filter(|_| !refused)?;
    Some(output.finish().map(|()| written(args)).map_err(|cause| unwritten(args, &cause)))
}

fn written(args: &Convert) -> Ending {
    let path = args.output.as_deref().unwrap_or(Path::new("-"));
    (Outcome::Written { path: path.display().to_string() }, None, Exit::Done)
}

fn unwritten(args: &Convert, cause: &io::Error) -> Error {
    Error::storage("cannot write", args.output.as_deref().unwrap_or(Path::new("-")), cause)
}

/// Why nothing may be sent at all.
fn too_many_rejects(args: &Convert, recordings: &[Recording]) -> Option<String> {
    let limit = args.max_rejects?;
    let counts = recordings.iter().map(Recording::rejected);
    let (rejected, rows) = counts.fold((0, 0), |sum, (rejected, rows)| (sum.0 + rejected, sum.1 + rows));
    let reason = || format!("{rejected} of {rows} rows are rejected, more than `--max-rejects` allows");
    (!limit.allows(rejected, rows)).then(reason)
}

/// All documents of all recordings that may be sent, in order.
fn payloads<'a>(plan: &'a Plan, recordings: &'a [Recording]) -> impl Iterator<Item = Payload> + Send + 'a {
    let mut first = 0;
    recordings.iter().enumerate().flat_map(move |(at, recording)| {
        let from = first;
        first += recording.documents();
        partitioned::payloads(plan, &recordings[at..], from)
    })
}

/// The end of the pipe: validated, written or delivered.
fn send(
    args: &Convert,
    job: &Job,
    recordings: &mut [Recording],
    memory: Option<&mut Memory>,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<Ending, Error> {
    let Job { plan, destination, .. } = job;
    if let Some(path) = &args.output {
        let all = |mut output: Documents<'_>| {
            payloads(plan, recordings).try_for_each(|payload| output.write(&payload))?;
            output.finish()
        };
        let done = Documents::create(path, plan.root == Root::Array, runtime.out).and_then(all);
        return done.map(|()| written(args)).map_err(|cause| unwritten(args, &cause));
    }
    if args.validate_only {
        let volume = deliver::volume(payloads(plan, recordings), destination);
        let url = destination.url().map(|url| url.to_string());
        return Ok((Outcome::Validated { url }, Some(volume), Exit::Done));
    }
    let embedded = if destination.is_sandbox() { Some(embedded(plan)?) } else { None };
    let destination = match &embedded {
        Some(running) => destination.clone().at(&running.url()),
        None => destination.clone(),
    };
    let shown = runtime.terminal && !args.messages.quiet;
    delivered(plan, &destination, recordings, memory, findings, runtime, shown)
}

fn delivered(
    plan: &Plan,
    destination: &Destination,
    recordings: &mut [Recording],
    memory: Option<&mut Memory>,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
    shown: bool,
) -> Result<Ending, Error> {
    let documents = recordings.iter().map(Recording::documents).sum();
    let progress = Progress::start("documents", Some(documents), shown);
    let payloads = || payloads(plan, recordings);
    let delivered = if let Some(memory) = memory {
        delivery::remembered(memory, payloads, plan, destination, findings, runtime, &progress)
    } else {
        let delivery = delivery::forgetful(payloads(), destination, &runtime.context, &progress);
        Ok(Delivered { delivery, earlier: 0 })
    };
    progress.finish();
    let Delivered { delivery, earlier } = delivered?;
    for rejected in delivery.rejected.iter().chain(&delivery.alike) {
        let Some((recording, at)) = recording::find(recordings, rejected.index) else { continue };
        partitioned::look(plan, recording, |recording| {
            let root = recording.accepted[at];
            let trace = transform::trace_all(&recording.view(plan), root, &mut Scratch::default());
            for finding in check::locate(plan, &recording.tables, root, &trace, rejected) {
                let _ = findings.print(runtime.err, &finding);
            }
        });
    }
    if let Some((_, finding)) = &delivery.stopped {
        let _ = findings.print(runtime.err, finding);
    }
    let mut first = 0u64;
    for recording in recordings {
        // What goes on in the next piece is the document before.
        let index = if recording.goes_on() { first.saturating_sub(1) } else { first };
        partitioned::change(plan, recording, |recording| recording.settle(plan, &delivery, index));
        first += recording.documents();
    }
    let url = destination.url().map(|url| url.to_string()).unwrap_or_default();
    let exit = delivery.exit();
    let again = matches!(exit, Exit::Undelivered | Exit::Interrupted | Exit::Terminated);
    let outcome = Outcome::Delivered { profile: destination.profile.clone(), url, again, earlier };
    // Where an earlier run did it all, there is nothing to measure.
    let volume = (earlier == 0 || delivery.volume.requests > 0).then_some(delivery.volume);
    Ok((outcome, volume, exit))
}

/// Writes the rejected rows, where that was asked for.
fn give_back(args: &Convert, plan: &Plan, recordings: &[Recording]) -> Result<Option<String>, Error> {
    let Some(path) = &args.rejects else { return Ok(None) };
    let mut rejects = Rejects::default();
    let mut number = 0;
    for recording in recordings {
        number += usize::from(recording.is_first());
        if recording.rejected().0 == 0 && !recording.is_first() {
            continue;
        }
        let mut added = Ok(());
        partitioned::look(plan, recording, |recording| added = rejects.add(number, recording));
        added.map_err(|cause| Error::storage("cannot write", path, &cause))?;
    }
    let written = output::rejects::rejects(path, plan, rejects);
    let written = written.map_err(|(path, cause)| Error::storage("cannot write", &path, &cause))?;
    let names: Vec<String> = written.iter().map(|file| file.display().to_string()).collect();
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

fn summary(
    plan: &Plan,
    recordings: &[Recording],
    findings: &Findings,
    outcome: Outcome,
    volume: Option<Volume>,
    rejects: Option<String>,
    runtime: &Runtime<'_>,
) -> Summary {
    let (mut sources, mut documents) = recording::tally(plan, recordings);
    if let Outcome::Nothing { .. } = outcome {
        documents.nothing_sent();
        sources.iter_mut().for_each(SourceTally::nothing_sent);
    }
    let (findings, elapsed) = (findings.counts().clone(), runtime.started.elapsed());
    Summary { sources, documents, volume, outcome, findings, rejects, elapsed }
}

/// How a conversion ended: in words, in bytes, as an exit code.
type Ending = (Outcome, Option<Volume>, Exit);
