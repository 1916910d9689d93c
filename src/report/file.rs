use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Report, csv, html, json, trace};
use crate::{Error, Result, file};

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
}

impl Format {
    /// The longer of two endings first.
    const ALL: [(&str, Format); 4] = [
        (".trace.json", Format::Trace),
        (".json", Format::Json),
        (".csv", Format::Csv),
        (".html", Format::Html),
    ];
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let name = path.to_lowercase();
        match Format::ALL.iter().find(|(ending, _)| name.ends_with(ending)) {
            Some(&(_, format)) => Ok(ReportFile { path: path.into(), format }),
            None => Err("expected a name that ends in .json, .csv, .html or .trace.json".to_owned()),
        }
    }
}

impl ReportFile {
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
    /// [`Error::File`] where the file cannot be written.
    pub fn write(&self, report: &Report) -> Result<()> {
        let text = match self.format {
            Format::Json => json::report(report).to_string(),
            Format::Csv => csv::report(report),
            Format::Html => html::report(report),
            Format::Trace => trace::report(report).to_string(),
        };
        file::replace_with(&self.path, &text)
    }
}

/// Checks, before a long run, that `files` can be written, each to a place of its own.
///
/// # Errors
/// [`Error::File`] for the first one that cannot.
pub fn check(files: &[ReportFile]) -> Result<()> {
    for (index, file) in files.iter().enumerate() {
        if files[..index].iter().any(|other| other.path == file.path) {
            return Err(Error::file(&file.path, "found twice, expected another name for each --report"));
        }
        crate::file::check_writable(&file.path)?;
    }
    Ok(())
}
