//! What a conversion did -> the files that `--report` names.

use std::path::Path;

use crate::{
    commands::{
        field_names,
        load::{ConfigFile, Job},
        report_files::{self, describe_mapping, read_input},
        runtime::Runtime,
    },
    diagnostic::Diagnostic,
    digest::hex,
    error::{Error, Exit},
    read::files::Stamp,
    recording::summary::Summary,
    report::{
        Findings,
        run_report::{ReportInput, RunReport},
    },
};

/// How a conversion ended, as far as reports tell it.
pub(crate) struct ConversionEnd<'a> {
    pub(crate) exit: Exit,
    /// What ended it early, if something did.
    pub(crate) errors: &'a [Diagnostic],
    pub(crate) summary: Option<Summary>,
    /// The files that were read.
    pub(crate) stamps: &'a [Stamp],
}

/// Writes the reports.
///
/// # Errors
/// One of them cannot be written.
pub(crate) fn write(
    job: &Job,
    ending: ConversionEnd<'_>,
    findings: &mut Findings,
    runtime: &Runtime<'_>,
) -> Result<(), Error> {
    if job.options.reports.is_empty() {
        return Ok(());
    }
    ending.errors.iter().for_each(|error| findings.count(error));
    let sources = ending.summary.as_ref().map(|summary| summary.sources.as_slice()).unwrap_or_default();
    let overview = field_names::overview(&job.plan, findings.causes(), sources);
    let names = job.plan.sources.iter().map(|source| source.name.clone()).collect();
    let (kept, left_out) = findings.take_kept(names);
    let mut inputs: Vec<ReportInput> = job.read.iter().filter_map(read_config).collect();
    inputs.extend(ending.stamps.iter().map(describe_stamp));
    let mapping = job.read.first().map_or(Path::new(""), |file| &file.path);
    report_files::write(
        &job.options.reports,
        &RunReport {
            command: "convert",
            started: started(runtime),
            exit: ending.exit,
            mappings: vec![describe_mapping(mapping, &job.plan)],
            summary: ending.summary,
            overview,
            findings: kept,
            left_out,
            inputs,
        },
    )
}

/// When the run started.
pub(crate) fn started(runtime: &Runtime<'_>) -> String {
    let elapsed = jiff::SignedDuration::try_from(runtime.started.elapsed()).unwrap_or_default();
    let started = (runtime.context.now)().checked_sub(elapsed).unwrap_or_default();
    started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A file of the configuration. Files of a profile hold secrets, and no digest of such is told.
fn read_config(file: &ConfigFile) -> Option<ReportInput> {
    (file.role != "a file of the profile").then(|| read_input(file.role, &file.path))
}

fn describe_stamp(stamp: &Stamp) -> ReportInput {
    ReportInput {
        role: stamp.role.clone(),
        path: stamp.path.display().to_string(),
        bytes: stamp.length,
        digest: stamp.digest.map(|digest| hex(&digest)),
    }
}
