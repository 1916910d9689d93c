use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Content, Report, csv, html, json, svg, trace};
use crate::file;
use crate::{Error, Result};

/// A file to write a report to, in the format that its name ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Html,
    Trace,
    Svg,
}

impl Format {
    const ALL: [Format; 5] = [Format::Json, Format::Csv, Format::Html, Format::Trace, Format::Svg];
    /// Of a plan, or of a run.
    const OF_PLANS: [Format; 4] = [Format::Json, Format::Csv, Format::Html, Format::Trace];
    const OF_COMPARISONS: [Format; 4] = [Format::Json, Format::Csv, Format::Html, Format::Svg];

    fn ending(self) -> &'static str {
        match self {
            Format::Json => ".json",
            Format::Csv => ".csv",
            Format::Html => ".html",
            Format::Trace => ".trace.json",
            Format::Svg => ".svg",
        }
    }
}

impl ReportFile {
    /// A file for the report of a plan, or of a run.
    ///
    /// # Errors
    /// Where the name's ending names no format that there is for it.
    pub fn of_plan(path: OsString) -> Result<Self, String> {
        Self::of(path, &Format::OF_PLANS)
    }

    /// A file for the report of a comparison.
    ///
    /// # Errors
    /// As [`ReportFile::of_plan`].
    pub fn of_comparison(path: OsString) -> Result<Self, String> {
        Self::of(path, &Format::OF_COMPARISONS)
    }

    fn of(path: OsString, formats: &[Format]) -> Result<Self, String> {
        let name = path.to_string_lossy().to_lowercase();
        let named = Format::ALL.into_iter().filter(|format| name.ends_with(format.ending()));
        // Of .json and .trace.json the longer one is meant.
        match named.max_by_key(|format| format.ending().len()).filter(|format| formats.contains(format)) {
            Some(format) => Ok(ReportFile { path: path.into(), format }),
            None => {
                let endings: Vec<_> = formats.iter().map(|format| format.ending()).collect();
                Err(format!("expected a name that ends in one of {}", endings.join(", ")))
            }
        }
    }

    /// Where it goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it shows how long actions take.
    pub fn is_timed(&self) -> bool {
        self.format == Format::Trace
    }

    /// Writes `report`; an existing file is replaced only by a complete one.
    ///
    /// # Errors
    /// [`Error::File`] where the file cannot be written, or where there is no such format for this report.
    pub fn write(&self, report: &Report) -> Result<()> {
        let text = match (self.format, report.content) {
            (Format::Json, _) => json::report(report).to_string(),
            (Format::Html, _) => html::report(report),
            (Format::Csv, Content::Plan(outlook)) => csv::intervals(outlook.summary.plan, None),
            (Format::Csv, Content::Run(summary, run)) => csv::intervals(summary.plan, Some(run.memory)),
            (Format::Csv, Content::Comparison(summary)) => csv::strategies(summary.comparison),
            (Format::Trace, Content::Plan(outlook)) => trace::step(&outlook.summary, None).to_string(),
            (Format::Trace, Content::Run(summary, run)) => trace::step(summary, Some(run)).to_string(),
            (Format::Svg, Content::Comparison(summary)) => svg::plot(summary.comparison),
            (Format::Trace, Content::Comparison(_)) | (Format::Svg, _) => {
                return Err(Error::file(&self.path, "there is no such format for this report"));
            }
        };
        file::replace_with(&self.path, &text)
    }
}

/// Checks, before a long run, that `files` can be written, each to a place of its own.
///
/// # Errors
/// [`Error::File`] for the first one that cannot, [`Error::Usage`] for one that is named twice.
pub fn check(files: &[ReportFile]) -> Result<()> {
    let places: Vec<_> = files.iter().map(|file| ("--report", file.path())).collect();
    file::check_apart(&[], &places)?;
    files.iter().try_for_each(|file| file::check_writable(file.path()))
}
