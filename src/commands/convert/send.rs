//! The end of the pipe: documents are validated, written or delivered.

use std::{collections::BTreeSet, io};

use crate::{
    check,
    commands::{
        convert::{
            conclusion::Conclusion,
            delivery::{self, Delivered, DeliveryReporter, JournaledDelivery},
            partitioned::{
                loading::load_again,
                recording::{self, Recording},
            },
            sink,
        },
        load::Job,
        runtime::Runtime,
        sandbox::embedded,
    },
    config::{
        mapping::policy::{OnIncomplete, Policy},
        profile::{destination::Destination, settings::Collection},
    },
    deliver::{self, problem_details::repeats},
    diagnostic::{Code, Diagnostic, Severity},
    error::{Error, Exit},
    output::documents::Documents,
    partition::loaded::LoadedPartition,
    plan::Plan,
    recording::{payload::Payload, receipt::Delivery, summary::Outcome},
    report::Findings,
    transform::{self, Scratch},
};

/// Validates, writes or delivers all documents that may be sent.
///
/// # Errors
/// The output or the state folder cannot be written.
pub(crate) fn send(
    job: &Job,
    recordings: &mut [Recording],
    journal: Option<&mut JournaledDelivery>,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<Conclusion, Error> {
    let Job { plan, destination, options, .. } = job;
    if let Some(path) = &options.output {
        let all = |mut output: Documents<'_>| {
            recording::all_payloads(plan, recordings).try_for_each(|payload| output.write(&payload))?;
            // What could not be read again is missing, so the old file stays.
            if recording::has_lost_rows(recordings) {
                return Err(io::Error::other("the temporary files cannot be read"));
            }
            output.finish()
        };
        let done = Documents::create(path, &plan.body.shape, options.reader, runtime.out).and_then(all);
        return done.map(|()| sink::written(options)).map_err(|cause| sink::unwritten(options, &cause));
    }
    if let Some(held) = hold_back(job, recordings, findings, runtime) {
        return Ok(held);
    }
    warn_of_one_url(job, recordings, findings, runtime);
    if options.validate_only {
        let payloads = recording::all_payloads(plan, recordings);
        let volume = deliver::volume(payloads, destination);
        let url = destination.shown_url();
        return Ok(Conclusion { outcome: Outcome::Validated { url }, volume: Some(volume), exit: Exit::Done });
    }
    let embedded = if destination.is_sandbox() { Some(embedded(plan)?) } else { None };
    let destination = match &embedded {
        Some(running) => destination.clone().at(&running.url()),
        None => destination.clone(),
    };
    deliver_all(plan, &destination, recordings, journal, findings, runtime)
}

/// Holds everything back if a document is rejected and a request replaces all that the API holds, unless the mapping gives
/// such documents up.
fn hold_back(
    job: &Job,
    recordings: &[Recording],
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Option<Conclusion> {
    let Job { plan, destination, .. } = job;
    let (_, documents) = recording::tally(plan, recordings);
    if destination.collection != Collection::Replace || documents.rejected == 0 {
        return None;
    }
    let (rejected, made) = (documents.rejected, documents.made);
    let Policy { then, warn } = &plan.on_incomplete;
    let is = if rejected == 1 { "is" } else { "are" };
    let said = format!("{rejected} of {made} documents {is} rejected");
    let message = format!("{said}, and the request replaces all that the API holds");
    let finding = Diagnostic::new(Code::DeliverHeldBack, message);
    if *then == OnIncomplete::Send {
        if *warn {
            let _ = findings.print(runtime.err, &finding.severity(Severity::Warning));
        }
        return None;
    }
    let hint = "correct the rejected rows, or say `on_incomplete: send` beside `each` to give them up";
    let _ = findings.print(runtime.err, &finding.hint(hint));
    let reason = format!("{said}, and a request without them would erase what the API holds of them");
    Some(Conclusion { outcome: Outcome::Nothing { reason }, volume: None, exit: Exit::Rejects })
}

/// Warns that each of several documents may replace the one before it, unless the profile says what the API does.
fn warn_of_one_url(job: &Job, recordings: &[Recording], findings: &mut Findings, runtime: &mut Runtime<'_>) {
    let is_open = recording::count_documents(recordings) > 1 && !job.destination.states_collection;
    let warning = job.plan.warn_of_one_url().filter(|_| is_open);
    if let Some(warning) = warning {
        let _ = findings.print(runtime.err, &warning);
    }
}

/// Delivers all documents that may be sent, and tells what became of them.
fn deliver_all(
    plan: &Plan,
    destination: &Destination,
    recordings: &mut [Recording],
    journal: Option<&mut JournaledDelivery>,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<Conclusion, Error> {
    let progress = findings.start_progress("documents", recording::count_documents(recordings));
    let payloads = || recording::all_payloads(plan, recordings);
    let delivered = if let Some(journal) = journal {
        delivery::deliver_with_journal(journal, payloads, plan, destination, findings, runtime, &progress)
    } else {
        let mut reporter = DeliveryReporter { progress: &progress, findings, err: &mut *runtime.err };
        let delivery = delivery::deliver_without_journal(payloads(), destination, &runtime.context, &mut reporter);
        Ok(Delivered { delivery, earlier: 0 })
    };
    progress.finish();
    let Delivered { mut delivery, earlier } = delivered?;
    hide_repetitions(&mut delivery, payloads());
    tell_rejected(plan, recordings, &delivery, findings, runtime);
    if let Some(reason) = &delivery.stopped {
        let _ = findings.print(runtime.err, &reason.finding);
    }
    recording::apply_delivery(plan, recordings, &delivery);
    let url = destination.shown_url().unwrap_or_default();
    let exit = delivery.exit();
    let again = matches!(exit, Exit::Undelivered | Exit::Interrupted | Exit::Terminated);
    let outcome = Outcome::Delivered { profile: destination.profile.clone(), url, again, earlier };
    // Where an earlier run did it all, there is nothing to measure.
    let volume = (earlier == 0 || delivery.volume.requests > 0).then_some(delivery.volume);
    Ok(Conclusion { outcome, volume, exit })
}

/// Removes from the messages what the API wrote and any document of the delivery holds: those that were settled before the
/// answer came were no longer at hand.
fn hide_repetitions(delivery: &mut Delivery, mut payloads: impl Iterator<Item = Payload>) {
    let mut harmless: BTreeSet<String> = delivery.echoes().map(str::to_owned).collect();
    // No document is made again unless there is something to compare it with.
    while !harmless.is_empty()
        && let Some(payload) = payloads.next()
    {
        harmless.retain(|text| !repeats(text, &[payload.bytes()], &[]));
    }
    delivery.hide_repetitions(&|text| !harmless.contains(text));
}

/// Tells of every document that the API rejected, with the cells that its answer points to.
fn tell_rejected(
    plan: &Plan,
    recordings: &[Recording],
    delivery: &Delivery,
    findings: &mut Findings,
    runtime: &mut Runtime<'_>,
) {
    let (mut loaded, mut scratch) = (LoadedPartition::default(), Scratch::default());
    let mut is_loaded = None;
    for rejected in delivery.rejected.iter().chain(&delivery.same_problem) {
        let Some((partition, at)) = recording::locate(recordings, rejected.index) else { continue };
        // Documents that follow each other mostly stand in one partition.
        if !is_loaded.is_some_and(|known| std::ptr::eq(known, partition)) {
            is_loaded = Some(partition);
            if load_again(plan, partition, &mut loaded).is_none() {
                return;
            }
        }
        let Some(root) = loaded.accepted.get(at) else { continue };
        let trace = transform::trace_all(&loaded.view(plan), *root, &mut scratch);
        for finding in check::locate(plan, &loaded.tables, *root, &trace, rejected) {
            let _ = findings.print(runtime.err, &finding);
        }
    }
}
