//! A report -> the files that `--report` names: each is there when it is whole, and private, as other outputs are.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    commands::field_names,
    digest::{FileDigest, hex},
    error::Error,
    output::{
        new_file::NewFile,
        places::{is_stream, open_stream},
    },
    plan::Plan,
    report::{
        report_format::ReportFormat,
        run_report::{MappingReport, ReportInput, RunReport},
    },
};

/// Writes a report to each of some files.
///
/// # Errors
/// One of them cannot be written.
pub(crate) fn write(paths: &[PathBuf], report: &RunReport) -> Result<(), Error> {
    for path in paths {
        write_one(path, report).map_err(|cause| Error::storage("cannot write", path, &cause))?;
    }
    Ok(())
}

fn write_one(path: &Path, report: &RunReport) -> std::io::Result<()> {
    let Some(format) = ReportFormat::of(path) else { return Ok(()) };
    if is_stream(path) {
        return format.write(&mut open_stream(path)?, report);
    }
    let mut file = BufWriter::new(NewFile::create(path)?);
    format.write(&mut file, report)?;
    file.flush()?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()
}

/// A mapping that was compiled.
pub(crate) fn describe_mapping(path: &Path, plan: &Plan) -> MappingReport {
    let (proven, checked) = plan.proven();
    MappingReport {
        path: path.display().to_string(),
        name: plan.name.clone(),
        contract: plan.contract.places.path().to_owned(),
        is_good: true,
        proven,
        checked,
        sources: plan.sources.iter().map(|source| source.name.clone()).collect(),
        fields: field_names::fields(plan),
    }
}

/// A file that was read, with its digest if it is still there.
pub(crate) fn read_input(role: &str, path: &Path) -> ReportInput {
    let bytes = fs::read(path).ok();
    ReportInput {
        role: role.to_owned(),
        path: path.display().to_string(),
        bytes: bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
        digest: bytes.map(|bytes| hex(&FileDigest::of(&bytes))),
    }
}
