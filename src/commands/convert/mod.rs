//! `xwalk convert`: the pipe, and what surrounds it.

pub mod partitioned;
pub mod conclusion;
pub mod accept;
pub mod sink;
pub mod delivery;
pub mod send;
mod other_mapping;
mod reports;
pub mod written_places;

use std::{io::Write, path::Path, sync::Arc};

use crate::{
    cli::Convert,
    commands::{
        convert::{
            conclusion::Conclusion,
            other_mapping::name_other_mapping,
            partitioned::{
                loading::{self, spill_error},
                partitioner,
                recording::{self, Recording, Stored},
            },
            reports::RunEnding,
            sink::Sink,
        },
        field_names,
        load::{self, Job},
        runtime::Runtime,
    },
    config::profile::secret::Environment,
    diagnostic::{Code, Diagnostic, Severity},
    error::{Error, Exit},
    options::ConvertOptions,
    output::rejects::{Rejects, rejects},
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::Plan,
    read::files::{self, Inputs, Stamp},
    recording::{
        receipt::Volume,
        summary::{Outcome, SourceTally, Summary},
    },
    report::{self, Findings, render_style::RenderStyle},
};

/// Finds and compiles what is needed, converts, and writes the reports.
///
/// # Errors
/// What ends the run before anything was sent, and a full or broken disk.
pub fn convert(args: &Convert, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
    let mut findings = Findings::new(style);
    let mut job = load::job(args, &runtime.root, &Environment(runtime.environment.clone())).map_err(Error::Config)?;
    written_places::name_stdout(&mut job.options)?;
    written_places::note_streams(&mut job.options);
    written_places::check(&job)?;
    if !job.options.reports.is_empty() {
        findings.keep();
    }
    let (mut summary, mut stamps) = (None, Vec::new());
    let done = run(&job, &mut findings, &mut summary, &mut stamps, runtime);
    let (exit, errors) = match &done {
        Ok(exit) => (*exit, &[][..]),
        Err(error) => (error.exit(), error.diagnostics()),
    };
    let written = reports::write(&job, RunEnding { exit, errors, summary, stamps: &stamps }, &mut findings, runtime);
    // What ended the run is told before a report that cannot be written.
    done.and_then(|exit| written.map(|()| exit))
}

/// The pipe. What was read and what became of it stand in `stamps` and `told`, also if the run ends early.
fn run(
    job: &Job,
    findings: &mut Findings,
    told: &mut Option<Summary>,
    stamps: &mut Vec<Stamp>,
    runtime: &mut Runtime<'_>,
) -> Result<Exit, Error> {
    let Job { plan, options, .. } = job;
    let ignored = plan.contract.ignored.iter().filter(|finding| finding.severity == Severity::Warning);
    for finding in ignored.chain(&plan.warnings) {
        let _ = findings.print(runtime.err, finding);
    }
    let journal = delivery::open_journal(job, runtime.environment)?;
    let spill = spill(options, runtime);
    let mut recordings = read(job, journal.is_some(), &spill, stamps, findings, runtime)?;
    unchanged(stamps)?;
    let sink = Sink { journal, output: sink::output(options, plan, runtime.out)? };
    let accepted = accept(options, plan, &mut recordings, sink, findings, runtime.err);
    // Whatever ended it, what was found until then is told.
    let _ = findings.release(runtime.err);
    let Sink { mut journal, output } = accepted?;
    warn_if_all_filtered(plan, &recordings, findings, runtime.err);
    let refused = too_many_rejects(options, &recordings);
    let written = sink::finish(options, output, refused.is_some());
    let sent = match (refused, written) {
        (Some(reason), _) => Ok(nothing(reason, findings, runtime)),
        (None, Some(done)) => done,
        (None, None) => unchanged(stamps).and_then(|()| {
            if let Some(journal) = &mut journal {
                journal.stamps.clone_from(stamps);
                journal.on_disk = spill.is_on_disk();
            }
            send::send(job, &mut recordings, journal.as_mut(), findings, runtime)
        }),
    };
    // Whatever happened to the delivery, the rejected rows are given back.
    let given = give_back(options, plan, &recordings);
    let (rejects, lost) = given.map_or_else(|error| (None, Some(error)), |rejects| (rejects, None));
    spill.take_failure().map_or(Ok(()), |cause| Err(spill_error(&spill, &cause)))?;
    let Conclusion { outcome, volume, exit } = sent?;
    tell_of_lines(plan, &recordings, &outcome, findings, runtime.err);
    let _ = findings.finish(runtime.err);
    let summary = told.insert(summary(plan, &recordings, findings, outcome, volume, rejects, runtime));
    let rejected = summary.sources.iter().any(|source| source.rejected > 0);
    // stderr that is closed or full changes nothing about the delivery.
    let _ = report::summary::summary(runtime.err, summary, findings.style());
    if let Some(error) = lost {
        return Err(error);
    }
    Ok(if rejected { exit.and(Exit::Rejects) } else { exit })
}

/// Where partitions are stored.
fn spill(options: &ConvertOptions, runtime: &Runtime<'_>) -> Arc<Spill> {
    Arc::new(Spill::new(runtime.temporary_folder(), options.memory.held))
}

/// Reads every recording, before the first document is made: a file that cannot be trusted stops them all.
fn read(
    job: &Job,
    is_delivered: bool,
    spill: &Arc<Spill>,
    stamps: &mut Vec<Stamp>,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<Vec<Recording>, Error> {
    let mut recordings = Vec::new();
    let Job { plan, folders, options, .. } = job;
    let digested = is_delivered || !options.reports.is_empty();
    for folder in folders {
        let inputs = Inputs { digested, ..Inputs::new(folder, &options.sources, options.unmask) };
        // A finding that cannot be printed is still counted, and still decides the exit code.
        let mut say = |diagnostic: &Diagnostic| drop(findings.print(runtime.err, diagnostic));
        let read = partitioner::read(plan, &inputs, options.memory, spill, stamps, &mut say);
        let read = read.map_err(|error| match options.sources.as_slice() {
            [] => name_other_mapping(error, folder, &runtime.root),
            _ => error,
        })?;
        recordings.push(Recording { name: folder.display().to_string(), ..read });
    }
    Ok(recordings)
}

/// The files are still what was read: looked at before the first document is made, and again before the first is sent.
fn unchanged(stamps: &[Stamp]) -> Result<(), Error> {
    let changed = files::find_changed(stamps);
    if changed.is_empty() { Ok(()) } else { Err(Error::Input(changed)) }
}

/// Joins every partition and decides about its documents; those that may be sent go to the sink.
fn accept<'a>(
    options: &ConvertOptions,
    plan: &Plan,
    recordings: &mut [Recording],
    mut sink: Sink<'a>,
    findings: &mut Findings,
    err: &mut dyn Write,
) -> Result<Sink<'a>, Error> {
    let (mut first, mut loaded, wanted) = (0, LoadedPartition::default(), findings.most());
    let names: Vec<String> = plan.sources.iter().map(|source| source.name.clone()).collect();
    for (is_start, stored) in recordings.iter_mut().flat_map(Recording::stored_in_order) {
        if is_start {
            // The findings about one recording come before those about the next.
            let _ = findings.release(err);
            findings.hold(names.clone());
        }
        let mut say = |diagnostic: &Diagnostic| drop(findings.print(err, diagnostic));
        if let Stored::Oversized(document) = stored {
            if let Some(documents) = document.accept(plan, &mut loaded, &mut say)? {
                if documents > 0 {
                    sink.add_oversized(document, first).map_err(|cause| sink::unwritten(options, &cause))?;
                }
                first += documents;
                continue;
            }
            *stored = Stored::Partition(document.to_partition(plan.each));
        }
        let Stored::Partition(partition) = stored else { continue };
        loading::load_joined(plan, partition, &mut loaded, &mut say)?;
        let mut keep = |payload: &_| sink.add(payload);
        let done = accept::decide_documents(plan, &mut loaded, first, (&mut say, wanted), &mut keep);
        done.map_err(|cause| sink::unwritten(options, &cause))?;
        let again = sink.output.is_none() || options.rejects.is_some() && !loaded.rejects.is_empty();
        loading::store_verdicts(plan, partition, &loaded, again)?;
        first += partition.documents;
    }
    Ok(sink)
}

/// Says that the condition of the mapping leaves out every record: a file without such records looks like a wrong condition.
fn warn_if_all_filtered(plan: &Plan, recordings: &[Recording], findings: &mut Findings, err: &mut dyn Write) {
    let Some(only) = &plan.only else { return };
    let (filtered, rows) = recording::filtered(plan, recordings);
    if rows > 0 && filtered == rows {
        let source = &plan.sources[plan.each].name;
        let message = format!("no record of `{source}` fulfils `where`, so there is nothing to send");
        let warning = plan.finding(Code::TransformAllFiltered, &only.rule, message).severity(Severity::Warning);
        let _ = findings.print(err, &warning.hint("compare it with what the file holds"));
    }
}

/// Tells of a file whose name promises one JSON value, and that holds a document on each line.
fn tell_of_lines(
    plan: &Plan,
    recordings: &[Recording],
    outcome: &Outcome,
    findings: &mut Findings,
    err: &mut dyn Write,
) {
    let Outcome::Written { path } = outcome else { return };
    let is_json = Path::new(path).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let count = recording::count_documents(recordings);
    if is_json && plan.body.shape.is_single() && count > 1 {
        let message = format!("`{path}` holds {count} documents, one on each line, which is no JSON file");
        let hint = "name it `.jsonl`; each of these documents is a request of its own, as `root: object` says";
        let notice = Diagnostic::new(Code::ReportOneOnEachLine, message).severity(Severity::Notice);
        let _ = findings.print(err, &notice.hint(hint));
    }
}

/// Why nothing may be sent at all.
fn too_many_rejects(options: &ConvertOptions, recordings: &[Recording]) -> Option<String> {
    let limit = options.max_rejects?;
    let (rejected, rows) = recording::rejected(recordings);
    let reason = || format!("{rejected} of {rows} rows are rejected, more than `--max-rejects` allows");
    (!limit.allows(rejected, rows)).then(reason)
}

/// Says why nothing is sent.
fn nothing(reason: String, findings: &mut Findings, runtime: &mut Runtime<'_>) -> Conclusion {
    let hint = "fix the rejected rows, or allow more with `--max-rejects`";
    let _ = findings.print(runtime.err, &Diagnostic::new(Code::ReportTooManyRejects, reason.clone()).hint(hint));
    Conclusion { outcome: Outcome::Nothing { reason }, volume: None, exit: Exit::Rejects }
}

/// Writes the rejected rows, where that was asked for.
fn give_back(options: &ConvertOptions, plan: &Plan, recordings: &[Recording]) -> Result<Option<String>, Error> {
    let Some(path) = &options.rejects else { return Ok(None) };
    let failed = |cause| Error::storage("cannot write", path, &cause);
    let shapes = recordings.first().map_or(&[][..], |recording| recording.shapes.as_slice());
    let (mut all, mut loaded) = (Rejects::new(path, plan, shapes).map_err(failed)?, LoadedPartition::default());
    for (number, recording) in (1..).zip(recordings) {
        let partitions = recording.stored.iter().flat_map(Stored::partitions);
        for partition in partitions.filter(|partition| partition.rejected().0 > 0) {
            if loading::load_again(plan, partition, &mut loaded).is_some() {
                all.add(number, &loaded).map_err(failed)?;
            }
        }
    }
    if recording::has_lost_rows(recordings) {
        return Ok(None);
    }
    let written = rejects(path, options.is_stream(path), plan, all);
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
    let mut tallies = recording::tally_recordings(plan, recordings);
    if let Outcome::Nothing { .. } = outcome {
        documents.nothing_sent();
        for recording in &mut tallies {
            recording.documents.nothing_sent();
        }
        sources.iter_mut().for_each(SourceTally::nothing_sent);
    }
    let overview = field_names::overview(plan, findings.causes(), &sources);
    let (findings, elapsed) = (findings.counts().clone(), runtime.started.elapsed());
    Summary { sources, documents, recordings: tallies, volume, outcome, findings, overview, rejects, elapsed }
}
