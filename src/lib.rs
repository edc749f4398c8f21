//! Flat CSV files in, the nested JSON an API expects out: mapped, checked against the API's contract, delivered.
//!
//! ```text
//! mapping ──┐
//! contract ─┼─ load ──> Plan              what can be proven is proven here, once
//! profile ──┘             │
//!                         v
//! *.csv ──> read ──> join ──> transform + check ──> deliver ──> report
//!           Table    Groups   Payload (bytes)       Delivery    Summary
//!             └────────┴──────── Ledger (fates, rejects, diagnostics)
//! ```
//!
//! Files named with a verb are stages and do work; files named with a noun are what stages hand to each other. A stage
//! never knows another stage: only this file connects them, and each command is a length of the same pipe.
//! The modules are listed in reading order: what was typed, what was asked, what flows, and then the stages.

pub mod cli;
pub mod error;

pub mod mapping;
pub mod contract;
pub mod profile;
pub mod plan;

pub mod record;
pub mod group;
pub mod trace;
pub mod payload;
pub mod ledger;
pub mod summary;
pub mod diagnostic;
pub mod yaml;

pub mod load;
pub mod read;
pub mod join;
pub mod transform;
pub mod check;
pub mod deliver;
pub mod report;
pub mod sandbox;

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    cli::{Command, Convert},
    contract::Contract,
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    group::Groups,
    ledger::{Fate, Ledger, Reject},
    mapping::Root,
    payload::Payload,
    plan::Plan,
    profile::{
        destination::{BodyShape, Destination},
        secret::{Environment, Secret},
    },
    record::Table,
    report::{Findings, Look, Progress},
    summary::{DocumentTally, Outcome, SourceTally, Summary, Volume},
    transform::{Recording, Scratch},
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

/// Runs a command and says how it ended.
pub fn run(command: &Command, world: &mut World<'_>) -> Exit {
    let (voice, done) = match command {
        Command::Convert(convert) => (&convert.voice, self::convert(convert, world)),
        Command::Check(check) => (&check.voice, self::check(check, world)),
        Command::Sandbox(sandbox) => (&sandbox.voice, pretend(sandbox, world)),
        Command::Explain(_) | Command::Completions { .. } | Command::Man { .. } => return Exit::Done,
    };
    done.unwrap_or_else(|error| {
        let look = Look::new(voice, world.environment, world.terminal);
        // When nobody listens, the exit code says it alone.
        let _ = report::findings(world.err, error.diagnostics(), look);
        error.exit()
    })
}

/// One drop folder, from its files to the documents that may be sent.
struct Recorded {
    tables: Vec<Table>,
    stamps: Vec<read::Stamp>,
    groups: Groups,
    fates: Vec<Vec<Fate>>,
    rejects: Vec<Reject>,
    accepted: Vec<u32>,
}

impl Recorded {
    fn recording<'a>(&'a self, plan: &'a Plan) -> Recording<'a> {
        Recording { plan, tables: &self.tables, groups: &self.groups, fates: &self.fates }
    }
}

/// The pipe.
fn convert(args: &Convert, world: &mut World<'_>) -> Result<Exit, Error> {
    let look = Look::new(&args.voice, world.environment, world.terminal);
    let (plan, destination, folders) = asked(args, world).map_err(Error::Config)?;
    let mut findings = Findings::new(look);
    let mut recorded = Vec::new();
    for folder in folders {
        let named = args.sources.iter().map(|source| (source.name.clone(), source.path.display().to_string())).collect();
        let inputs = read::Inputs { folder, named, unmask: args.unmask };
        let shared = read::shared(&plan, &inputs);
        if !shared.is_empty() {
            return Err(Error::Config(shared));
        }
        // A finding that cannot be printed is still counted and still decides the exit code.
        let mut say = |diagnostic: &Diagnostic| drop(findings.print(world.err, diagnostic));
        let mut ledger = Ledger::new(plan.sources.len(), &mut say);
        let (tables, stamps) = read::tables(&plan, &inputs, &mut ledger).map_err(Error::Input)?;
        let groups = join::groups(&plan, &tables, &mut ledger).map_err(Error::Input)?;
        let accepted = settled(&plan, &tables, &groups, &mut ledger);
        let Ledger { fates, rejects, .. } = ledger;
        recorded.push(Recorded { tables, stamps, groups, fates, rejects, accepted });
    }
    let sent = match refusal(args, &recorded) {
        Some(reason) => {
            let hint = "mend the rejected rows, or allow more with `--max-rejects`";
            let _ = findings.print(world.err, &Diagnostic::new(Code::ReportTooManyRejects, reason.clone()).hint(hint));
            Ok((Outcome::Nothing { reason }, None, Exit::Rejects))
        }
        None => send(args, &plan, destination, &mut recorded, &mut findings, world),
    };
    let rejects = given_back(args, &plan, &recorded)?;
    let (outcome, volume, exit) = sent?;
    let _ = findings.finish(world.err);
    let summary = summed(&plan, &recorded, &findings, outcome, volume, rejects, world.started.elapsed());
    let rejected = summary.sources.iter().any(|source| source.rejected > 0);
    if report::summary(world.err, &summary, look).is_err() && !world.terminal {
        return Ok(exit.and(Exit::Storage));
    }
    Ok(if rejected { exit.and(Exit::Rejects) } else { exit })
}

/// What was asked for: the plan, where it goes if it goes anywhere, and the drop folders.
fn asked(args: &Convert, world: &World<'_>) -> Result<(Plan, Destination, Vec<PathBuf>), Vec<Diagnostic>> {
    let profiles = load::profiles()?;
    let known = profiles.as_ref().map(|(profiles, _)| profiles);
    let plan = load::plan(&load::mapping_path(args.mapping.as_deref(), known)?)?;
    for source in &args.sources {
        if !plan.sources.iter().any(|known| known.name == source.name) {
            let names: Vec<&str> = plan.sources.iter().map(|known| known.name.as_str()).collect();
            let hint = match diagnostic::nearest(&source.name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names.join(", ")),
            };
            return Err(vec![Diagnostic::new(Code::PlanUnknownName, format!("there is no source `{}`", source.name)).hint(hint)]);
        }
    }
    let sets: Vec<(String, String)> = args.settings.iter().map(|set| (set.key.clone(), set.value.clone())).collect();
    let environment = Environment(world.environment.clone());
    let places = profiles.as_ref().map(|(profiles, places)| (profiles, places));
    let resolved = profile::resolve(places, args.profile.as_deref(), &sets, &plan.request, &environment);
    let sends = args.output.is_none() && !args.validate_only;
    let chosen = args.profile.is_some() || !sets.is_empty();
    // Whoever only writes or validates needs no profile, but a profile that was named has to be right.
    let destination = match resolved {
        Err(_) if !sends && !chosen => profile::resolve(None, None, &[("url".into(), "sandbox".into())], &plan.request, &environment)?,
        resolved => resolved?,
    };
    let destination = within(destination, &plan);
    let input = known.and_then(|profiles| profiles.input(args.profile.as_deref())).unwrap_or(".");
    let folders = if args.dirs.is_empty() { vec![PathBuf::from(input)] } else { args.dirs.clone() };
    Ok((plan, destination, folders))
}

/// A destination within what the contract allows in one body.
fn within(mut destination: Destination, plan: &Plan) -> Destination {
    destination.batch.documents = destination.batch.documents.into_iter().chain(plan.max_documents).min();
    destination.shaped(if plan.root == Root::Array { BodyShape::Array } else { BodyShape::Object })
}

/// Decides about every root record; gives those whose documents may be sent.
fn settled(plan: &Plan, tables: &[Table], groups: &Groups, ledger: &mut Ledger<'_>) -> Vec<u32> {
    let (mut accepted, mut scratch, mut out) = (Vec::new(), Scratch::default(), Vec::new());
    for root in 0..tables[plan.each].len() {
        match ledger.fate(plan.each, root) {
            Fate::Filtered => continue,
            Fate::Rejected => {
                let place = tables[plan.each].record(root).place;
                hold(plan, groups, ledger, root, &format!("its record in {place} is rejected"));
                continue;
            }
            Fate::Good | Fate::Pending => {}
        }
        out.clear();
        let recording = Recording { plan, tables, groups, fates: &ledger.fates };
        if transform::document(recording, root, &mut scratch, &mut out) || examined(plan, tables, groups, ledger, root) {
            accepted.push(root);
        }
    }
    accepted
}

/// The exact way for a document in doubt: every finding is told, and what can be sent without its bad records is.
fn examined(plan: &Plan, tables: &[Table], groups: &Groups, ledger: &mut Ledger<'_>, root: u32) -> bool {
    loop {
        let trace = transform::trace(Recording { plan, tables, groups, fates: &ledger.fates }, root);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            check::findings(plan, tables, &trace).into_iter().partition(|finding| finding.diagnostic.severity == diagnostic::Severity::Error);
        if errors.is_empty() && trace.bad.is_empty() {
            warnings.iter().for_each(|warning| ledger.say(&warning.diagnostic));
            return true;
        }
        let steps: Vec<&[trace::Step]> = errors.iter().map(|error| error.steps.as_slice()).chain(trace.bad.iter().map(Vec::as_slice)).collect();
        let droppable: Option<Vec<trace::Step>> = steps.iter().map(|steps| steps.iter().rev().find(|step| step.may_drop).copied()).collect();
        let reason = check::reason(plan, groups, &steps);
        let alone = reason.as_ref().filter(|_| errors.is_empty()).map(|reason| check::incomplete(plan, tables, &trace, root, reason));
        for error in &errors {
            let hint = match (&reason, &droppable, error.diagnostic.hint.as_str()) {
                (Some(reason), None, "") if !error.steps.is_empty() => format!("{reason}, so the whole document is held back; mend it, or set `on_incomplete: send` for this list"),
                (Some(reason), None, hint) if !error.steps.is_empty() => format!("{hint}; {reason}, so the whole document is held back"),
                (_, _, hint) => hint.to_owned(),
            };
            ledger.reject(error.source, error.row, &error.diagnostic.clone().hint(hint));
        }
        let Some(dropped) = droppable else {
            alone.iter().for_each(|diagnostic| ledger.say(diagnostic));
            hold(plan, groups, ledger, root, reason.as_deref().unwrap_or("another record of its document is rejected"));
            return false;
        };
        for step in dropped {
            groups.below(plan, plan.links[step.link].child, step.child, &mut |source, row| {
                ledger.reject_silently(source, row, Code::TransformIncomplete, "it is part of a record that is rejected");
            });
        }
    }
}

/// Rejects every record of a group that is not rejected yet.
fn hold(plan: &Plan, groups: &Groups, ledger: &mut Ledger<'_>, root: u32, reason: &str) {
    groups.members(plan, root, &mut |source, row| {
        if ledger.fate(source, row) != Fate::Filtered {
            ledger.reject_silently(source, row, Code::TransformIncomplete, reason);
        }
    });
}

/// Why nothing may be sent at all.
fn refusal(args: &Convert, recorded: &[Recorded]) -> Option<String> {
    let limit = args.max_rejects?;
    let rejected = recorded.iter().map(|one| one.rejects.len() as u64).sum();
    let rows = recorded.iter().flat_map(|one| &one.tables).map(|table| u64::from(table.len())).sum();
    (!limit.allows(rejected, rows)).then(|| format!("{rejected} of {rows} rows are rejected, more than `--max-rejects` allows"))
}

/// All documents of all recorded that may be sent, in order.
fn payloads<'a>(plan: &'a Plan, recorded: &'a [Recorded]) -> impl Iterator<Item = Payload> + Send + 'a {
    let mut first = 0;
    recorded.iter().flat_map(move |one| {
        let payloads = transform::payloads(one.recording(plan), &one.accepted, first);
        first += one.accepted.len() as u64;
        payloads
    })
}

/// The end of the pipe: validated, written or delivered.
fn send(
    args: &Convert,
    plan: &Plan,
    destination: Destination,
    recorded: &mut [Recorded],
    findings: &mut Findings,
    world: &mut World<'_>,
) -> Result<(Outcome, Option<Volume>, Exit), Error> {
    if let Some(path) = &args.output {
        report::documents(path, payloads(plan, recorded), plan.root == Root::Array, world.out)
            .map_err(|cause| Error::storage("cannot write", path, &cause))?;
        return Ok((Outcome::Written { path: path.display().to_string() }, None, Exit::Done));
    }
    if args.validate_only {
        let volume = deliver::volume(payloads(plan, recorded), &destination);
        let url = destination.url().map(|url| url.to_string());
        return Ok((Outcome::Validated { url }, Some(counted(volume)), Exit::Done));
    }
    let changed: Vec<Diagnostic> = recorded.iter().flat_map(|one| read::changed(&one.stamps)).collect();
    if !changed.is_empty() {
        return Err(Error::Input(changed));
    }
    deliver(args, plan, destination, recorded, findings, world)
}

fn deliver(
    args: &Convert,
    plan: &Plan,
    destination: Destination,
    recorded: &mut [Recorded],
    findings: &mut Findings,
    world: &mut World<'_>,
) -> Result<(Outcome, Option<Volume>, Exit), Error> {
    let embedded = if destination.is_sandbox() { Some(embedded(plan)?) } else { None };
    let destination = match &embedded {
        Some(running) => destination.at(&format!("http://{}", running.address)),
        None => destination,
    };
    let documents: u64 = recorded.iter().map(|one| one.accepted.len() as u64).sum();
    let shown = world.terminal && !args.voice.quiet;
    let progress = Mutex::new(Progress::start("documents", Some(documents), shown));
    let advance = |now: &deliver::Progress<'_>| {
        progress.lock().unwrap_or_else(PoisonError::into_inner).reach(now.accepted + now.rejected);
    };
    let delivery = deliver::put(payloads(plan, recorded), &destination, &world.context, &advance);
    progress.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
    for (index, finding) in &delivery.rejected {
        let (one, root) = at(recorded, *index);
        let finding = finding.clone().cell(one.tables[plan.each].record(root));
        let _ = findings.print(world.err, &finding);
    }
    if let Some((_, finding)) = &delivery.stopped {
        let _ = findings.print(world.err, finding);
    }
    settle_delivery(plan, recorded, &delivery);
    let url = destination.url().map(|url| url.to_string()).unwrap_or_default();
    let outcome = Outcome::Delivered { profile: destination.profile.clone(), url };
    Ok((outcome, Some(counted(delivery.volume)), delivery.exit()))
}

/// Starts the pretend API for this run, on a free loopback port.
fn embedded(plan: &Plan) -> Result<sandbox::Running, Error> {
    let contract = Contract::compile(plan.contract.places.path(), &plan.contract.schema.to_string()).map_err(|wrong| Error::Config(vec![wrong]))?;
    let settings = sandbox::Settings { port: 0, path: Some(plan.request.path.clone()), ..sandbox::Settings::default() };
    sandbox::Sandbox::start(settings, Arc::new(contract)).map_err(|cause| Error::storage("cannot start the sandbox on", Path::new("127.0.0.1"), &cause))
}

/// The recording and the root record of a document.
fn at(recorded: &[Recorded], index: u64) -> (&Recorded, u32) {
    let mut index = usize::try_from(index).unwrap_or(usize::MAX);
    for one in recorded {
        match one.accepted.get(index) {
            Some(root) => return (one, *root),
            None => index -= one.accepted.len(),
        }
    }
    unreachable!("a delivery speaks only of documents it was given")
}

/// What the delivery means for every row: what was not acknowledged is pending, what the API refused is rejected.
fn settle_delivery(plan: &Plan, recorded: &mut [Recorded], delivery: &deliver::Delivery) {
    let refused: BTreeMap<u64, &Diagnostic> = delivery.rejected.iter().map(|(index, finding)| (*index, finding)).collect();
    let mut accepted = delivery.accepted.iter().peekable();
    let mut index = 0;
    for one in recorded {
        for root in &one.accepted {
            while accepted.next_if(|range| range.end <= index).is_some() {}
            let acknowledged = accepted.peek().is_some_and(|range| range.contains(&index));
            let refused = refused.get(&index);
            index += 1;
            if acknowledged {
                continue;
            }
            let (fates, rejects) = (&mut one.fates, &mut one.rejects);
            one.groups.members(plan, *root, &mut |source, row| {
                let fate = &mut fates[source][row as usize];
                match (refused, *fate) {
                    (Some(finding), Fate::Good) => {
                        *fate = Fate::Rejected;
                        rejects.push(Reject { source, row, code: finding.code, reason: finding.message.clone() });
                    }
                    (None, Fate::Good) => *fate = Fate::Pending,
                    _ => {}
                }
            });
        }
    }
}

fn counted(volume: deliver::Volume) -> Volume {
    let deliver::Volume { documents, batches, bytes, wire_bytes, resent_bytes, requests } = volume;
    Volume { documents, batches, bytes, wire_bytes, resent_bytes, requests }
}

/// Writes the rejected rows, where that was asked for.
fn given_back(args: &Convert, plan: &Plan, recorded: &[Recorded]) -> Result<Option<String>, Error> {
    let Some(path) = &args.rejects else { return Ok(None) };
    let parts: Vec<(&[Table], &[Reject])> = recorded.iter().map(|one| (one.tables.as_slice(), one.rejects.as_slice())).collect();
    report::rejects(path, plan, &parts).map_err(|(path, cause)| Error::storage("cannot write", &path, &cause))?;
    Ok(recorded.iter().any(|one| !one.rejects.is_empty()).then(|| path.display().to_string()))
}

fn summed(
    plan: &Plan,
    recorded: &[Recorded],
    findings: &Findings,
    outcome: Outcome,
    volume: Option<Volume>,
    rejects: Option<String>,
    elapsed: Duration,
) -> Summary {
    let mut sources: Vec<SourceTally> = Vec::new();
    let mut documents = DocumentTally::default();
    for one in recorded {
        let tallies = ledger::tally(plan, &one.tables, &one.fates);
        documents.add(&tallies[plan.each]);
        if sources.is_empty() {
            sources = tallies;
        } else {
            sources.iter_mut().zip(tallies).for_each(|(sum, tally)| sum.add(tally));
        }
    }
    if let Outcome::Nothing { .. } = outcome {
        documents.nothing_sent();
        sources.iter_mut().for_each(SourceTally::nothing_sent);
    }
    Summary { sources, documents, volume, outcome, findings: findings.counts().clone(), rejects, elapsed }
}

/// As far as the plan, and to the headers of a folder if one is named.
fn check(args: &cli::Check, world: &mut World<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles().map_err(Error::Config)?;
    let known = profiles.as_ref().map(|(profiles, _)| profiles);
    let mappings = match (args.mappings.as_slice(), load::mappings()) {
        ([], all) if !all.is_empty() => all,
        ([], _) => vec![load::mapping_path(None, known).map_err(Error::Config)?],
        (named, _) => named.to_vec(),
    };
    let mut findings = Vec::new();
    for mapping in &mappings {
        let checked = load::plan(mapping).and_then(|plan| {
            if let (Some(name), Some((profiles, places))) = (&args.profile, &profiles) {
                let environment = Environment(world.environment.clone());
                profile::resolve(Some((profiles, places)), Some(name), &[], &plan.request, &environment)?;
            }
            Ok(plan)
        });
        let plan = match checked {
            Ok(plan) => plan,
            Err(wrong) => {
                findings.extend(wrong);
                continue;
            }
        };
        if let Some(folder) = &args.against {
            let inputs = read::Inputs { folder: folder.clone(), ..read::Inputs::default() };
            read::headers(&plan, &inputs).map_err(Error::Input)?;
        }
        if !args.voice.quiet {
            let _ = report::proven(world.err, &mapping.display().to_string(), &plan);
        }
    }
    if findings.is_empty() { Ok(Exit::Done) } else { Err(Error::Config(findings)) }
}

/// Serves the pretend API until it is interrupted.
fn pretend(args: &cli::Sandbox, world: &mut World<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles().map_err(Error::Config)?;
    let known = profiles.as_ref().map(|(profiles, _)| profiles);
    let (contract, path) = match &args.contract {
        Some(contract) => (load::contract(contract).map_err(|wrong| Error::Config(vec![wrong]))?, None),
        None => {
            let mapping = load::mapping_path(args.mapping.as_deref(), known).map_err(Error::Config)?;
            let plan = load::plan(&mapping).map_err(Error::Config)?;
            (plan.contract, Some(plan.request.path))
        }
    };
    let bearer = match &args.bearer_env {
        None => None,
        Some(variable) => match world.environment.get(variable).filter(|token| !token.is_empty()) {
            Some(token) => Some(Secret::new(token.clone())),
            None => {
                let message = format!("the variable `{variable}` is not set");
                return Err(Error::Config(vec![Diagnostic::new(Code::PlanSecret, message).hint("set it to the token that clients must show")]));
            }
        },
    };
    let settings = sandbox::Settings {
        port: args.port,
        path: args.path.clone().or(path),
        bearer,
        failures: args.faults.iter().map(|fault| sandbox::Failure { status: fault.status, percent: fault.percent }).collect(),
        delay: args.delay.unwrap_or_default(),
        drop_after: args.drop_after,
        keep: args.keep.clone(),
        max_body: args.max_body.unwrap_or(sandbox::Settings::default().max_body),
        seed: args.seed,
    };
    // Whoever started it without a terminal to look at still has a server.
    let listening = |address: std::net::SocketAddr| drop(writeln!(world.err, "listening on http://{address}; Ctrl-C stops"));
    sandbox::Sandbox::run(settings, Arc::new(contract), listening)
        .map(|()| Exit::Done)
        .map_err(|cause| Error::storage("cannot serve on", Path::new(&format!("127.0.0.1:{}", args.port)), &cause))
}
