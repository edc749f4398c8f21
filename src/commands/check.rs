//! `xwalk check`: compiles plans, and compares them with the headers of the files in a folder if one is named.

use std::{io::Write, path::Path};

use crate::{
    cli,
    commands::{
        convert::{reports, written_places},
        load::{self, ConfigFile},
        report_files,
        runtime::Runtime,
    },
    config::profile::{resolve, secret::Environment},
    diagnostic::{Diagnostic, Severity},
    error::{Error, Exit},
    options::{BLOCK, MessageFormat},
    output::documents::ignore_closed_pipe,
    plan::Plan,
    read::stream,
    report::{
        self, Findings,
        render_style::RenderStyle,
        run_report::{MappingReport, RunReport},
    },
};

/// Compiles the plans of all named mappings, and compares them with the headers of a folder if one is named.
///
/// # Errors
/// A report that cannot be written. What is wrong with a mapping, a contract, the profile or a header is told here.
pub fn check(args: &cli::Check, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
    let mut findings = Findings::new(style);
    if !args.reports.is_empty() {
        findings.keep();
    }
    let mut checked = Checked::default();
    let done = check_all(args, &mut checked, &mut findings, runtime);
    let (exit, errors) = match &done {
        Ok(()) => (Exit::Done, &[][..]),
        Err(error) => (error.exit(), error.diagnostics()),
    };
    // If the messages cannot be written, only the exit code is left to tell it.
    let _ = errors.iter().try_for_each(|error| findings.print(runtime.err, error));
    let _ = findings.finish(runtime.err);
    if style.format == MessageFormat::Json {
        let _ = report::checked(runtime.err, &checked.mappings, &findings);
    }
    if args.reports.is_empty() {
        return Ok(exit);
    }
    written_places::check_reports(&args.reports, &checked.read)?;
    report_files::write(&args.reports, &describe(checked, exit, &mut findings, runtime))?;
    Ok(exit)
}

/// What was checked so far.
#[derive(Default)]
struct Checked {
    mappings: Vec<MappingReport>,
    read: Vec<ConfigFile>,
}

fn describe(checked: Checked, exit: Exit, findings: &mut Findings, runtime: &Runtime<'_>) -> RunReport {
    let overview = findings.causes().overview(&|_| None, &|_| None);
    let (kept, left_out) = findings.take_kept(Vec::new());
    RunReport {
        command: "check",
        started: reports::started(runtime),
        exit,
        mappings: checked.mappings,
        summary: None,
        overview,
        findings: kept,
        left_out,
        inputs: checked.read.iter().map(|file| report_files::read_input(file.role, &file.path)).collect(),
    }
}

fn check_all(
    args: &cli::Check,
    checked: &mut Checked,
    told: &mut Findings,
    runtime: &mut Runtime<'_>,
) -> Result<(), Error> {
    let profiles = load::profiles(&runtime.root).map_err(Error::Config)?;
    if let Some(folder) = &args.against {
        load::check_folders(std::slice::from_ref(folder)).map_err(Error::Config)?;
    }
    // A drop folder is made for one mapping; without one, all are checked.
    let mappings = match (args.mappings.as_slice(), load::mappings(&runtime.root)) {
        ([], all) if !all.is_empty() && args.against.is_none() => all,
        ([], _) => vec![load::mapping_path(None, profiles.as_ref(), &runtime.root).map_err(Error::Config)?],
        (named, _) => named.to_vec(),
    };
    let environment = Environment(runtime.environment.clone());
    let resolve = |plan: &Plan, named: Option<&str>| {
        resolve::destination(profiles.as_ref(), named, &[], &plan.request, &environment)
    };
    let states_collection =
        |plan: &Plan| resolve(plan, args.profile.as_deref()).is_ok_and(|destination| destination.states_collection);
    let mut findings = Vec::new();
    for mapping in &mappings {
        checked.mappings.push(MappingReport { path: mapping.display().to_string(), ..MappingReport::default() });
        let compiled = load::plan_with_files(mapping).and_then(|(plan, read)| match &args.profile {
            Some(name) => resolve(&plan, Some(name)).map(|_| (plan, read)),
            None => Ok((plan, read)),
        });
        let (plan, read) = match compiled {
            Ok(compiled) => compiled,
            Err(wrong) => {
                findings.extend(wrong);
                continue;
            }
        };
        checked.read.extend(read);
        let described = report_files::describe_mapping(mapping, &plan);
        let (warnings, notices) = find_warnings(&plan, &states_collection);
        for notice in &notices {
            let _ = told.print(runtime.err, notice);
        }
        let is_strict = args.strict && !warnings.is_empty();
        if let Some(last) = checked.mappings.last_mut() {
            *last = MappingReport { is_good: !is_strict, ..described };
        }
        if is_strict {
            findings.extend(warnings.into_iter().map(|finding| finding.severity(Severity::Error)));
            continue;
        }
        for warning in &warnings {
            let _ = told.print(runtime.err, warning);
        }
        if let Some(folder) = &args.against {
            stream::check_headers(&plan, folder, BLOCK).map_err(Error::input)?;
        }
        if !args.messages.quiet && args.messages.message_format != MessageFormat::Json {
            answer(runtime.out, mapping, &plan)?;
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Error::Config(findings)) }
}

/// What may not be as it was meant: the warnings, and the notices.
fn find_warnings(plan: &Plan, states_collection: &dyn Fn(&Plan) -> bool) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let ignored = plan.contract.ignored.iter().cloned();
    let (mut warnings, notices): (Vec<_>, Vec<_>) = ignored.partition(|finding| finding.severity == Severity::Warning);
    warnings.extend(plan.warnings.iter().cloned());
    warnings.extend(plan.warn_of_one_url().filter(|_| !states_collection(plan)));
    (warnings, notices)
}

/// Says on stdout that a mapping is good. A reader that goes away has heard enough.
fn answer(out: &mut dyn Write, mapping: &Path, plan: &Plan) -> Result<(), Error> {
    let done = report::proven(out, &mapping.display().to_string(), plan).and_then(|()| out.flush());
    ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))
}
