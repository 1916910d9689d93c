use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Report;
use super::format::{self, Format, Kind};
use crate::file;
use crate::words::either;
use crate::{Error, Result};

/// A file to write a report to, in the format given by the end of its name.
#[derive(Debug, Clone)]
pub struct ReportFile {
    path: PathBuf,
    format: &'static Format,
}

impl ReportFile {
    /// A file for the report of a plan or a run.
    ///
    /// # Errors
    /// Says which endings were expected if the name has none of them.
    pub fn of_plan(path: OsString) -> Result<Self, String> {
        Self::of(path, Kind::Step)
    }

    /// A file for the report of a comparison.
    ///
    /// # Errors
    /// As [`ReportFile::of_plan`].
    pub fn of_comparison(path: OsString) -> Result<Self, String> {
        Self::of(path, Kind::Comparison)
    }

    /// A file for the report of an evaluation of a saved network.
    ///
    /// # Errors
    /// As [`ReportFile::of_plan`].
    pub fn of_evaluation(path: OsString) -> Result<Self, String> {
        Self::of(path, Kind::Evaluation)
    }

    /// The formats that [`ReportFile::of_plan`] knows, for help: `.a (what it holds), .b (…) or .c (…)`.
    pub fn plan_formats() -> String {
        formats(Kind::Step)
    }

    /// The formats that [`ReportFile::of_comparison`] knows, for help.
    pub fn comparison_formats() -> String {
        formats(Kind::Comparison)
    }

    /// The formats that [`ReportFile::of_evaluation`] knows, for help.
    pub fn evaluation_formats() -> String {
        formats(Kind::Evaluation)
    }

    fn of(path: OsString, kind: Kind) -> Result<Self, String> {
        match format::of_name(&path.to_string_lossy()).filter(|format| format.is_for(kind)) {
            Some(format) => Ok(ReportFile { path: path.into(), format }),
            None => {
                let endings = either(format::all_for(kind).map(|format| format.ending));
                Err(format!("expected a name that ends in {endings}"))
            }
        }
    }

    /// Where it goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `true` if it shows how long each action took.
    pub fn is_timed(&self) -> bool {
        self.format.shows_action_times
    }

    /// `true` if it shows scores of a run's result.
    pub fn shows_scores(&self) -> bool {
        self.format.shows_scores
    }

    /// Writes `report`. An existing file is replaced only by a complete one.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be written, or if its format is for another kind of report.
    pub fn write(&self, report: &Report) -> Result<()> {
        let Some(text) = self.format.text(report) else {
            let problem = format!("found a report that no {} file can hold", self.format.ending);
            return Err(Error::file(&self.path, problem));
        };
        file::replace_with(&self.path, &text)
    }
}

fn formats(kind: Kind) -> String {
    either(format::all_for(kind).map(|format| format!("{} ({})", format.ending, format.summary)))
}
