//! `xwalk check`: compiles plans, and compares them with the files in a folder if one is named.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    cli,
    commands::{
        load,
        runtime::Runtime,
        unknown_codes::{CodeShown, CodedColumn, find_coded_columns},
    },
    config::profile::{ProfilesFile, resolve, secret::Environment},
    diagnostic::{Diagnostic, Severity},
    error::{Error, Exit},
    options::{BLOCK, MessageFormat},
    output::documents::ignore_closed_pipe,
    plan::{Plan, prove::list_rules},
    read::stream,
    report::{
        self,
        code_lines::{UnknownCode, json_of_code, yaml_lines},
        proof,
        render_style::RenderStyle,
    },
};

/// Compiles the plans of all named mappings, and compares them with the files of a folder if one is named.
///
/// # Errors
/// Everything that is wrong with a mapping, a contract, the profile or a header.
pub fn check(args: &cli::Check, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles(&runtime.root).map_err(Error::Config)?;
    if let Some(folder) = &args.against {
        load::check_folders(std::slice::from_ref(folder)).map_err(Error::Config)?;
    }
    let mappings = find_mappings(args, profiles.as_ref(), &runtime.root)?;
    let environment = Environment(runtime.environment.clone());
    let mut findings = Vec::new();
    for mapping in &mappings {
        let plan = load::plan(mapping).and_then(|plan| match &args.profile {
            Some(name) => {
                resolve::destination(profiles.as_ref(), Some(name), &[], &plan.request, &environment).map(|_| plan)
            }
            None => Ok(plan),
        });
        match plan {
            Err(wrong) => findings.extend(wrong),
            Ok(plan) => {
                let named = args.profile.as_deref();
                let destination = resolve::destination(profiles.as_ref(), named, &[], &plan.request, &environment);
                let states_collection = destination.is_ok_and(|destination| destination.states_collection);
                let checked = CheckedMapping { args, path: mapping, plan };
                findings.extend(checked.tell(states_collection, runtime)?);
            }
        }
    }
    if findings.is_empty() { Ok(Exit::Done) } else { Err(Error::Config(findings)) }
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
    fn tell(mut self, states_collection: bool, runtime: &mut Runtime<'_>) -> Result<Vec<Diagnostic>, Error> {
        let CheckedMapping { args, plan, .. } = &self;
        let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
        let ignored = plan.contract.ignored.iter().cloned();
        let (mut warnings, mut notices): (Vec<_>, Vec<_>) =
            ignored.partition(|finding| finding.severity == Severity::Warning);
        warnings.extend(plan.warnings.iter().cloned());
        warnings.extend(plan.warn_of_one_url().filter(|_| !states_collection));
        notices.extend(plan.find_unused_columns());
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
        let _ = report::findings(runtime.err, &notices, style);
        let (errors, warnings) = if args.strict { (warnings, Vec::new()) } else { (Vec::new(), warnings) };
        let _ = report::findings(runtime.err, &warnings, style);
        let is_said = errors.is_empty() && !args.messages.quiet;
        if is_said || args.explain_proof || codes.iter().any(|codes| !codes.is_empty()) {
            let done = self.answer(runtime.out, is_said, &codes).and_then(|()| runtime.out.flush());
            ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))?;
        }
        Ok(errors.into_iter().map(|finding| finding.severity(Severity::Error)).collect())
    }

    /// Says on stdout that the mapping is good, and what was asked for besides. A reader that goes away has heard enough.
    fn answer(&mut self, out: &mut dyn Write, is_said: bool, codes: &[Vec<UnknownCode>]) -> io::Result<()> {
        let mapping = self.path.display().to_string();
        if self.args.messages.message_format == MessageFormat::Json {
            if self.args.explain_proof {
                list_rules(&mut self.plan).iter().try_for_each(|rule| proof::rule_line(out, &mapping, rule))?;
            } else if is_said {
                report::proven(out, &mapping, &self.plan)?;
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
