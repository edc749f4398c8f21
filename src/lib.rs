//! Flat CSV files in, the nested JSON an API expects out: mapped, checked against the API's contract, delivered.
//!
//! ```text
//! mapping ──┐
//! contract ─┼─ load ──> Plan              what can be proven is proven here, once
//! profile ──┘             │
//!                         v
//! *.csv ──> read ──> join ──> transform + check ──> deliver ──> report
//!           Table    Groups   Payload (bytes)       Receipt     Summary
//!             └────────┴──────────┴─ Ledger: what became of every row, rejects, diagnostics
//!                                                      └─ Journal: what is settled, on disk
//! ```
//!
//! Files named with a verb are stages and do work; files named with a noun are what stages hand to each other. A stage
//! never knows another stage: only this file connects them, with `decide`, which says what may be sent, `delivery`, which
//! asks the journal before it delivers, and `pieces`, which cuts a large recording into pieces. Each command is a length of
//! the same pipe.
//! The modules are listed in reading order: what was typed, what was asked, what flows, and then the stages.

pub mod cli;
pub mod error;

pub mod mapping;
pub mod contract;
pub mod profile;
pub mod plan;

pub mod snippet;
pub mod pen;
pub mod dialect;
pub mod record;
pub mod row;
pub mod group;
pub mod spill;
pub mod partitions;
pub mod piece;
pub mod recording;
pub mod trace;
pub mod payload;
pub mod receipt;
pub mod ledger;
pub mod summary;
pub mod diagnostic;
pub mod journal;
pub mod ranges;
pub mod names;
pub mod yaml;

pub mod load;
pub mod read;
pub mod join;
pub mod transform;
pub mod check;
pub mod deliver;
pub mod report;
pub mod sandbox;

mod decide;
mod delivery;
mod pieces;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Instant,
};

use crate::{
    cli::{Command, Convert},
    delivery::{Delivered, Memory},
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    ledger::Ledger,
    load::Job,
    mapping::Root,
    payload::Payload,
    plan::Plan,
    profile::{
        self as profiles,
        destination::Destination,
        secret::{Environment, SecretSource},
    },
    receipt::Volume,
    recording::Recording,
    report::{Documents, Findings, Look, Progress, Rejects},
    summary::{Outcome, SourceTally, Summary},
    transform::Scratch,
};

/// What surrounds a run: read once, at the edge.
pub struct World<'a> {
    /// Where JSON goes.
    pub out: &'a mut dyn Write,
    /// Where messages go.
    pub err: &'a mut dyn Write,
    /// Messages go to a terminal.
    pub terminal: bool,
    /// The environment variables.
    pub environment: &'a BTreeMap<String, String>,
    /// When the run started.
    pub started: Instant,
    /// The clock and the randomness.
    pub context: deliver::Context,
}

/// How a conversion ended: in words, in bytes, as an exit code.
type Ending = (Outcome, Option<Volume>, Exit);

/// Runs a command and says how it ended.
pub fn run(command: &Command, world: &mut World<'_>) -> Exit {
    let (voice, done) = match command {
        Command::Convert(convert) => (&convert.voice, self::convert(convert, world)),
        Command::Check(check) => (&check.voice, self::check(check, world)),
        Command::Sandbox(sandbox) => (&sandbox.voice, pretend(sandbox, world)),
        Command::Purge(purge) => (&purge.voice, delivery::purge(purge, world)),
        Command::Explain(_) | Command::Completions { .. } | Command::Man { .. } => return Exit::Done,
    };
    done.unwrap_or_else(|error| {
        let look = Look::new(voice, world.environment, world.terminal);
        // When nobody listens, the exit code says it alone.
        let _ = report::findings(world.err, error.diagnostics(), look);
        error.exit()
    })
}

/// The pipe.
fn convert(args: &Convert, world: &mut World<'_>) -> Result<Exit, Error> {
    let look = Look::new(&args.voice, world.environment, world.terminal);
    let mut findings = Findings::new(look);
    let job = load::job(args, &Environment(world.environment.clone())).map_err(Error::Config)?;
    let plan = &job.plan;
    let memory = delivery::memory(args, &job, world.environment)?;
    let (mut recordings, stamps) = joined(args, &job, memory.is_some(), &mut findings, world)?;
    unchanged(&stamps)?;
    let kept = Kept { memory, output: output(args, plan, world.out)? };
    let Kept { mut memory, output } = decided(args, plan, &mut recordings, kept, &mut findings, world.err)?;
    let refused = too_many_rejects(args, &recordings);
    let finished = finished(args, output, refused.is_some());
    let sent = match (refused, finished) {
        (Some(reason), _) => Ok(nothing(reason, &mut findings, world)),
        (None, Some(done)) => done,
        (None, None) => unchanged(&stamps).and_then(|()| {
            if let Some(memory) = &mut memory {
                memory.stamps.clone_from(&stamps);
                memory.on_disk = recordings.iter().any(Recording::is_on_disk);
            }
            send(args, &job, &mut recordings, memory.as_mut(), &mut findings, world)
        }),
    };
    // Whatever happened to the delivery, the rejected rows are given back.
    let given = give_back(args, plan, &recordings);
    let (rejects, lost) = given.map_or_else(|error| (None, Some(error)), |rejects| (rejects, None));
    pieces::failure(&recordings)?;
    let (outcome, volume, exit) = sent?;
    let _ = findings.finish(world.err);
    let summary = summary(plan, &recordings, &findings, outcome, volume, rejects, world);
    let rejected = summary.sources.iter().any(|source| source.rejected > 0);
    // stderr that is closed or full changes nothing about the delivery.
    let _ = report::summary(world.err, &summary, look);
    if let Some(error) = lost {
        return Err(error);
    }
    Ok(if rejected { exit.and(Exit::Rejects) } else { exit })
}

/// Says why nothing is sent.
fn nothing(reason: String, findings: &mut Findings, world: &mut World<'_>) -> Ending {
    let hint = "mend the rejected rows, or allow more with `--max-rejects`";
    let _ = findings.print(world.err, &Diagnostic::new(Code::ReportTooManyRejects, reason.clone()).hint(hint));
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
                None => pieces::together(plan.each, recordings, at),
            }
        }
        let recording = &mut recordings[at];
        at += 1;
        pieces::fetch(plan, recording, &mut room, &mut say)?;
        let mut keep = |payload: &Payload| kept.add(payload);
        let done = decide::about(plan, recording, first, (&mut say, wanted), &mut keep);
        done.map_err(|cause| unwritten(args, &cause))?;
        let again = kept.output.is_none() || args.rejects.is_some() && !recording.rejects.is_empty();
        pieces::put_away(plan, recording, &mut room, again)?;
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
    let documents = pieces::in_parts(plan, parts, room, say)?;
    if documents == Some(1) {
        if let Some(output) = &mut kept.output {
            let written = output.write_parts(|write| pieces::assemble(parts, write));
            written.map_err(|cause| unwritten(args, &cause))?;
        } else if let Some(memory) = &mut kept.memory {
            // A body is sent as a whole, so it has to be held as one.
            let payload = pieces::whole(parts, index);
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
    world: &mut World<'_>,
) -> Result<(Vec<Recording>, Vec<read::Stamp>), Error> {
    let (mut recordings, mut stamps) = (Vec::new(), Vec::new());
    for folder in &job.folders {
        let inputs = read::Inputs { digested, ..read::Inputs::new(folder, &args.sources, args.unmask) };
        // A finding that cannot be printed is still counted, and still decides the exit code.
        let mut say = |diagnostic: &Diagnostic| drop(findings.print(world.err, diagnostic));
        if let Some(pieces) = pieces::of_recording(args, &job.plan, &inputs, &mut stamps, world.environment, &mut say)?
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
        pieces::payloads(plan, &recordings[at..], from)
    })
}

/// The end of the pipe: validated, written or delivered.
fn send(
    args: &Convert,
    job: &Job,
    recordings: &mut [Recording],
    memory: Option<&mut Memory>,
    findings: &mut Findings,
    world: &mut World<'_>,
) -> Result<Ending, Error> {
    let Job { plan, destination, .. } = job;
    if let Some(path) = &args.output {
        let all = |mut output: Documents<'_>| {
            payloads(plan, recordings).try_for_each(|payload| output.write(&payload))?;
            output.finish()
        };
        let done = Documents::create(path, plan.root == Root::Array, world.out).and_then(all);
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
    let shown = world.terminal && !args.voice.quiet;
    delivered(plan, &destination, recordings, memory, findings, world, shown)
}

fn delivered(
    plan: &Plan,
    destination: &Destination,
    recordings: &mut [Recording],
    memory: Option<&mut Memory>,
    findings: &mut Findings,
    world: &mut World<'_>,
    shown: bool,
) -> Result<Ending, Error> {
    let documents = recordings.iter().map(Recording::documents).sum();
    let progress = Progress::start("documents", Some(documents), shown);
    let payloads = || payloads(plan, recordings);
    let delivered = if let Some(memory) = memory {
        delivery::remembered(memory, payloads, plan, destination, findings, world, &progress)
    } else {
        let delivery = delivery::forgetful(payloads(), destination, &world.context, &progress);
        Ok(Delivered { delivery, earlier: 0 })
    };
    progress.finish();
    let Delivered { delivery, earlier } = delivered?;
    for rejected in delivery.rejected.iter().chain(&delivery.alike) {
        let Some((recording, at)) = recording::find(recordings, rejected.index) else { continue };
        pieces::look(plan, recording, |recording| {
            let root = recording.accepted[at];
            let trace = transform::trace_all(&recording.view(plan), root, &mut Scratch::default());
            for finding in check::home(plan, &recording.tables, root, &trace, rejected) {
                let _ = findings.print(world.err, &finding);
            }
        });
    }
    if let Some((_, finding)) = &delivery.stopped {
        let _ = findings.print(world.err, finding);
    }
    let mut first = 0u64;
    for recording in recordings {
        // What goes on in the next piece is the document before.
        let index = if recording.goes_on() { first.saturating_sub(1) } else { first };
        pieces::change(plan, recording, |recording| recording.settle(plan, &delivery, index));
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

/// Starts the pretend API for this run, on a free loopback port.
fn embedded(plan: &Plan) -> Result<sandbox::Running, Error> {
    let path = Some(plan.request.path.clone());
    let settings = sandbox::Settings { port: 0, path, ..sandbox::Settings::default() };
    let started = sandbox::Sandbox::start(settings, Arc::clone(&plan.contract));
    started.map_err(|cause| Error::storage("cannot start the sandbox on", Path::new("127.0.0.1"), &cause))
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
        pieces::look(plan, recording, |recording| added = rejects.add(number, recording));
        added.map_err(|cause| Error::storage("cannot write", path, &cause))?;
    }
    let written = report::rejects(path, plan, rejects);
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
    world: &World<'_>,
) -> Summary {
    let (mut sources, mut documents) = recording::tally(plan, recordings);
    if let Outcome::Nothing { .. } = outcome {
        documents.nothing_sent();
        sources.iter_mut().for_each(SourceTally::nothing_sent);
    }
    let (findings, elapsed) = (findings.counts().clone(), world.started.elapsed());
    Summary { sources, documents, volume, outcome, findings, rejects, elapsed }
}

/// As far as the plan, and to the headers of a folder if one is named.
fn check(args: &cli::Check, world: &mut World<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles().map_err(Error::Config)?;
    let known = profiles.as_ref().map(|(profiles, places)| (profiles, places));
    // A drop folder is made for one mapping; without one, all are checked.
    let mappings = match (args.mappings.as_slice(), load::mappings()) {
        ([], all) if !all.is_empty() && args.against.is_none() => all,
        ([], _) => vec![load::mapping_path(None, known.map(|(profiles, _)| profiles)).map_err(Error::Config)?],
        (named, _) => named.to_vec(),
    };
    let environment = Environment(world.environment.clone());
    let mut findings = Vec::new();
    for mapping in &mappings {
        let plan = load::plan(mapping).and_then(|plan| match &args.profile {
            Some(name) => profiles::resolve(known, Some(name), &[], &plan.request, &environment).map(|_| plan),
            None => Ok(plan),
        });
        match (plan, &args.against) {
            (Err(wrong), _) => findings.extend(wrong),
            (Ok(plan), against) => {
                if let Some(folder) = against {
                    read::headers(&plan, folder).map_err(Error::input)?;
                }
                if !args.voice.quiet {
                    let _ = report::proven(world.err, &mapping.display().to_string(), &plan);
                }
            }
        }
    }
    if findings.is_empty() { Ok(Exit::Done) } else { Err(Error::Config(findings)) }
}

/// Serves the pretend API until it is interrupted.
fn pretend(args: &cli::Sandbox, world: &mut World<'_>) -> Result<Exit, Error> {
    let (contract, path) = load::api(args).map_err(Error::Config)?;
    let bearer = args.bearer_env.as_ref().map(|variable| {
        let source = SecretSource { env: Some(variable.clone()), file: None };
        source.read(Path::new(""), &Environment(world.environment.clone())).map(|(token, _)| token)
    });
    let bearer = bearer.transpose().map_err(|said| {
        let finding = Diagnostic::new(Code::PlanSecret, said).hint("set it to the token that clients must show");
        Error::Config(vec![finding])
    })?;
    // Whoever started it without a terminal to look at still has a server.
    let listening = |address| drop(writeln!(world.err, "listening on http://{address}; Ctrl-C stops"));
    sandbox::Sandbox::run(sandbox::Settings::new(args, path, bearer), contract, listening)
        .map(|()| Exit::Done)
        .map_err(|cause| Error::storage("cannot serve on", Path::new(&format!("127.0.0.1:{}", args.port)), &cause))
}
