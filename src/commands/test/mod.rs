//! `xwalk test`: the cases beside a mapping, each through the pipe, and what of the mapping no case touches.

pub mod find;
mod touched;
pub mod coverage;
pub mod case;

use std::{io::Write, path::Path};

use crate::{
    cli,
    commands::{
        load,
        runtime::Runtime,
        test::{
            case::{CaseResult, run_case},
            coverage::Coverage,
            find::{TestedMapping, find_cases},
        },
    },
    error::{Error, Exit},
    options::MessageFormat,
    output::documents::ignore_closed_pipe,
    report::case_text::{self, CaseText, CoverageText, TestCounts},
};

/// Runs all cases.
///
/// # Errors
/// There is none, a mapping cannot be compiled, or a file cannot be written.
pub fn test(args: &cli::Test, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let mappings = find_cases(&args.paths, &runtime.root).map_err(Error::Config)?;
    let (mut wrong, mut counts) = (Vec::new(), TestCounts::default());
    for mapping in &mappings {
        match test_mapping(args, mapping, &mut counts, runtime) {
            Ok(()) => {}
            Err(Error::Config(findings)) => wrong.extend(findings),
            Err(other) => return Err(other),
        }
    }
    write(runtime, args, &|out, is_json| case_text::counts(out, is_json, counts))?;
    match (wrong.is_empty(), counts.failed) {
        (false, _) => Err(Error::Config(wrong)),
        (true, 0) => Ok(Exit::Done),
        (true, _) => Ok(Exit::Rejects),
    }
}

fn test_mapping(
    args: &cli::Test,
    mapping: &TestedMapping,
    counts: &mut TestCounts,
    runtime: &mut Runtime<'_>,
) -> Result<(), Error> {
    let shown = mapping.path.display().to_string();
    write(runtime, args, &|out, is_json| case_text::begin(out, is_json, &shown, mapping.cases.len()))?;
    if mapping.cases.is_empty() {
        return Ok(());
    }
    let plan = load::plan(&mapping.path).map_err(Error::Config)?;
    let mut coverage = Coverage::of(&plan);
    let temporary = runtime.temporary_folder().to_owned();
    for case in &mapping.cases {
        let result = run_case(&plan, case, &temporary, args.update, &mut coverage)?;
        let (status, reasons) = match result {
            CaseResult::Passed => ("passed", Vec::new()),
            CaseResult::Updated => ("updated", Vec::new()),
            CaseResult::Failed(reasons) => ("failed", reasons),
        };
        counts.add(status);
        let name = case.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = CaseText { mapping: &shown, name: &name, status, reasons: &reasons };
        if status == "failed" || !args.messages.quiet {
            write(runtime, args, &|out, is_json| case_text::case(out, is_json, &text))?;
        }
    }
    if !mapping.is_whole || args.messages.quiet {
        return Ok(());
    }
    let untouched = coverage.items.iter().filter(|item| !item.is_touched);
    let untouched = untouched.map(|item| (item.kind, item.name.clone(), item.place.clone())).collect();
    let (items, touched) = (coverage.items.len(), coverage.count_touched());
    let text = CoverageText { mapping: &shown, items, touched, untouched };
    write(runtime, args, &|out, is_json| case_text::coverage(out, is_json, &text))
}

/// Writes to stdout. A reader that goes away has heard enough.
fn write(
    runtime: &mut Runtime<'_>,
    args: &cli::Test,
    draw: &dyn Fn(&mut dyn Write, bool) -> std::io::Result<()>,
) -> Result<(), Error> {
    let is_json = args.messages.message_format == MessageFormat::Json;
    let done = draw(runtime.out, is_json).and_then(|()| runtime.out.flush());
    ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))
}
