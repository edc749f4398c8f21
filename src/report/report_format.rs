//! The formats of reports: the ending of a file names one.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::report::{json_report, junit, markdown, run_report::RunReport, sarif};

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// `.json`
    Json,
    /// `.xml`, as `JUnit` writes it
    Junit,
    /// `.sarif`, version 2.1.0
    Sarif,
    /// `.md`
    Markdown,
}

impl ReportFormat {
    /// The endings of all formats.
    pub const ENDINGS: &[&str] = &[".json", ".xml", ".sarif", ".md"];

    /// The format that the ending of a file names.
    #[must_use]
    pub fn of(path: &Path) -> Option<ReportFormat> {
        match path.extension()?.to_str()? {
            "json" => Some(ReportFormat::Json),
            "xml" => Some(ReportFormat::Junit),
            "sarif" => Some(ReportFormat::Sarif),
            "md" => Some(ReportFormat::Markdown),
            _ => None,
        }
    }

    /// Writes a report.
    ///
    /// # Errors
    /// The writer fails.
    pub fn write(self, out: &mut dyn Write, report: &RunReport) -> io::Result<()> {
        match self {
            ReportFormat::Json => json_report::write(out, report),
            ReportFormat::Junit => junit::write(out, report),
            ReportFormat::Sarif => sarif::write(out, report),
            ReportFormat::Markdown => markdown::write(out, report),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::report::report_format::ReportFormat;

    #[test]
    fn endings_name_formats() {
        for ending in ReportFormat::ENDINGS {
            assert!(ReportFormat::of(Path::new(&format!("a/b{ending}"))).is_some(), "{ending}");
        }
        for other in ["a", "a.html", "a.JSON", ".json", "json", "-"] {
            assert_eq!(ReportFormat::of(Path::new(other)), None, "{other}");
        }
    }
}
