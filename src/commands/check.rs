//! `xwalk check`: compiles plans, and compares them with the files in a folder if one is named.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    cli,
    commands::{
        convert::written_places,
        load::{self, ConfigFile},
        report_files,
        runtime::Runtime,
        unknown_codes::{CodeShown, CodedColumn, find_coded_columns},
    },
    config::profile::{ProfilesFile, destination::Destination, resolve, secret::Environment},
    diagnostic::{Diagnostic, Severity},
    error::{Error, Exit},
    options::{BLOCK, MessageFormat},
    output::documents::ignore_closed_pipe,
    plan::{Plan, prove::list_rules},
    read::stream,
    report::{
        self, Findings,
        code_lines::{UnknownCode, json_of_code, yaml_lines},
        proof,
        render_style::RenderStyle,
        run_report::{MappingReport, RunReport},
    },
};

/// Compiles the plans of all named mappings, and compares them with the files of a folder if one is named.
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
        started: report_files::started(runtime),
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
    let mappings = find_mappings(args, profiles.as_ref(), &runtime.root)?;
    let environment = Environment(runtime.environment.clone());
    let resolve = |plan: &Plan| -> Result<Destination, Vec<Diagnostic>> {
        resolve::destination(profiles.as_ref(), args.profile.as_deref(), &[], &plan.request, &environment)
    };
    let mut findings = Vec::new();
    for path in &mappings {
        checked.mappings.push(MappingReport { path: path.display().to_string(), ..MappingReport::default() });
        let compiled = load::plan_with_files(path).and_then(|(plan, read)| match (resolve(&plan), &args.profile) {
            (Err(wrong), Some(_)) => Err(wrong),
            (destination, _) => Ok((plan, read, destination)),
        });
        let (plan, read, destination) = match compiled {
            Ok(compiled) => compiled,
            Err(wrong) => {
                findings.extend(wrong);
                continue;
            }
        };
        checked.read.extend(read);
        let described = report_files::describe_mapping(path, &plan);
        let states_collection = destination.is_ok_and(|destination| destination.states_collection);
        let errors = CheckedMapping { args, path, plan }.tell(states_collection, told, runtime)?;
        if let Some(last) = checked.mappings.last_mut() {
            *last = MappingReport { is_good: errors.is_empty(), ..described };
        }
        findings.extend(errors);
    }
    if findings.is_empty() { Ok(()) } else { Err(Error::Config(findings)) }
}

/// The mappings to check. A drop folder is made for one mapping; without one, all are checked.
fn find_mappings(args: &cli::Check, profiles: Option<&ProfilesFile>, root: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(match (args.mappings.as_slice(), load::mappings(root)) {
        ([], all) if !all.is_empty() && args.against.is_none() => all,
        ([], _) => vec![load::mapping_path(None, profiles, root).map_err(Error::Config)?],
        (named, _) => named.to_vec(),
    })
}

/// A mapping that can be compiled.
struct CheckedMapping<'a> {
    args: &'a cli::Check,
    path: &'a Path,
    plan: Plan,
}

impl CheckedMapping<'_> {
    /// Tells what is known of the mapping; gives the warnings that are errors, as `--strict` says.
    fn tell(
        mut self,
        states_collection: bool,
        told: &mut Findings,
        runtime: &mut Runtime<'_>,
    ) -> Result<Vec<Diagnostic>, Error> {
        let CheckedMapping { args, plan, .. } = &self;
        let (mut warnings, mut notices) = find_warnings(plan, states_collection);
        let mut columns = find_coded_columns(plan);
        if let Some(folder) = &args.against {
            let mut visit = |source: usize, block: stream::Block<'_>| {
                for column in &mut columns {
                    column.add_records(source, block);
                }
            };
            notices.extend(stream::check_folder(plan, folder, BLOCK, &mut visit).map_err(Error::input)?);
            let unknown = columns.iter().filter_map(|column| column.describe(plan));
            let (warn, tell): (Vec<_>, Vec<_>) = unknown.partition(|finding| finding.severity == Severity::Warning);
            warnings.extend(warn);
            notices.extend(tell);
        }
        let codes: Vec<Vec<UnknownCode>> = columns.iter().map(list_codes).collect();
        let (errors, warnings) = if args.strict { (warnings, Vec::new()) } else { (Vec::new(), warnings) };
        // If the messages cannot be written, only the exit code is left to tell it.
        for finding in notices.iter().chain(&warnings) {
            let _ = told.print(runtime.err, finding);
        }
        let is_json = args.messages.message_format == MessageFormat::Json;
        let is_said = errors.is_empty() && !args.messages.quiet && !is_json;
        if is_said || args.explain_proof || codes.iter().any(|codes| !codes.is_empty()) {
            // Lines for scripts go where the findings go.
            let out: &mut dyn Write = if is_json { runtime.err } else { runtime.out };
            let done = self.answer(out, is_said, &codes).and_then(|()| out.flush());
            ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))?;
        }
        Ok(errors.into_iter().map(|finding| finding.severity(Severity::Error)).collect())
    }

    /// Says that the mapping is good, and what was asked for besides. A reader that goes away has heard enough.
    fn answer(&mut self, out: &mut dyn Write, is_said: bool, codes: &[Vec<UnknownCode>]) -> io::Result<()> {
        let mapping = self.path.display().to_string();
        if self.args.messages.message_format == MessageFormat::Json {
            if self.args.explain_proof {
                list_rules(&mut self.plan).iter().try_for_each(|rule| proof::rule_line(out, &mapping, rule))?;
            }
            return codes.iter().flatten().try_for_each(|code| json_of_code(out, &mapping, code));
        }
        if is_said {
            report::proven(out, &mapping, &self.plan)?;
        }
        if self.args.explain_proof {
            proof::rules(out, &list_rules(&mut self.plan))?;
        }
        let tables = codes.iter().filter_map(|codes| Some((&codes.first()?.table, codes)));
        tables.into_iter().try_for_each(|(table, codes)| yaml_lines(out, table, codes))
    }
}

/// What may not be as it was meant: the warnings, and the notices.
fn find_warnings(plan: &Plan, states_collection: bool) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let ignored = plan.contract.ignored.iter().cloned();
    let (mut warnings, mut notices): (Vec<_>, Vec<_>) =
        ignored.partition(|finding| finding.severity == Severity::Warning);
    warnings.extend(plan.warnings.iter().cloned());
    warnings.extend(plan.warn_of_one_url().filter(|_| !states_collection));
    notices.extend(plan.find_unused_columns());
    (warnings, notices)
}

/// The codes that the table of a column lacks.
fn list_codes(column: &CodedColumn<'_>) -> Vec<UnknownCode> {
    let codes = column.by_count().into_iter().map(|(shown, known)| {
        let (code, shape) = match shown {
            CodeShown::Text(text) => (Some(text.clone()), crate::diagnostic::mask(text)),
            CodeShown::Shape(shape) => (None, shape.clone()),
        };
        let (table, first) = (column.codes.name.clone(), known.first.place.clone());
        UnknownCode { table, code, shape, count: known.count, first }
    });
    codes.collect()
}
