//! `xwalk check`: compiles plans, and compares them with the headers of the files in a folder if one is named.

use std::{io::Write, path::Path};

use crate::{
    cli,
    commands::{load, runtime::Runtime},
    config::profile::{resolve, secret::Environment},
    diagnostic::Severity,
    error::{Error, Exit},
    options::BLOCK,
    output::documents::ignore_closed_pipe,
    plan::Plan,
    read::stream,
    report::{self, render_style::RenderStyle},
};

/// Compiles the plans of all named mappings, and compares them with the headers of a folder if one is named.
///
/// # Errors
/// Everything that is wrong with a mapping, a contract, the profile or a header.
pub fn check(args: &cli::Check, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
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
    let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
    let states_collection = |plan: &Plan| {
        let named = args.profile.as_deref();
        resolve::destination(profiles.as_ref(), named, &[], &plan.request, &environment)
            .is_ok_and(|destination| destination.states_collection)
    };
    let mut findings = Vec::new();
    for mapping in &mappings {
        let plan = load::plan(mapping).and_then(|plan| match &args.profile {
            Some(name) => {
                resolve::destination(profiles.as_ref(), Some(name), &[], &plan.request, &environment).map(|_| plan)
            }
            None => Ok(plan),
        });
        match (plan, &args.against) {
            (Err(wrong), _) => findings.extend(wrong),
            (Ok(plan), against) => {
                let ignored = plan.contract.ignored.iter().cloned();
                let (mut warnings, notices): (Vec<_>, Vec<_>) =
                    ignored.partition(|finding| finding.severity == Severity::Warning);
                warnings.extend(plan.warnings.iter().cloned());
                warnings.extend(plan.warn_of_one_url().filter(|_| !states_collection(&plan)));
                let _ = report::findings(runtime.err, &notices, style);
                if args.strict && !warnings.is_empty() {
                    findings.extend(warnings.into_iter().map(|finding| finding.severity(Severity::Error)));
                    continue;
                }
                let _ = report::findings(runtime.err, &warnings, style);
                if let Some(folder) = against {
                    stream::check_headers(&plan, folder, BLOCK).map_err(Error::input)?;
                }
                if !args.messages.quiet {
                    answer(runtime.out, mapping, &plan)?;
                }
            }
        }
    }
    if findings.is_empty() { Ok(Exit::Done) } else { Err(Error::Config(findings)) }
}

/// Says on stdout that a mapping is good. A reader that goes away has heard enough.
fn answer(out: &mut dyn Write, mapping: &Path, plan: &Plan) -> Result<(), Error> {
    let done = report::proven(out, &mapping.display().to_string(), plan).and_then(|()| out.flush());
    ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))
}
