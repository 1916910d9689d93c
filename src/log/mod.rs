//! Log of a run in a directory: `metrics.csv`, and event files for TensorBoard.

mod csv;
mod tensorboard;

use std::path::{Path, PathBuf};

use csv::Table;
use tensorboard::Events;

use crate::Result;
use crate::file;

/// Metrics of a run after one of its steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Steps so far.
    pub step: u64,
    /// Epoch of the last step, from 0.
    pub epoch: u64,
    /// Mean loss of the steps since the previous row.
    pub loss: f32,
    /// Learning rate of the last step.
    pub learning_rate: f32,
    /// Training samples per second since the previous row, without evaluations.
    pub samples_per_second: f64,
    /// Scores on the split that the run is evaluated on, if it was.
    pub test: Option<TestScore>,
    /// Peak device memory, in the first row that a process writes.
    pub memory: Option<PeakBytes>,
}

/// Scores on the split that a run is evaluated on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestScore {
    /// Mean loss.
    pub loss: f32,
    /// Accuracy from 0 to 1; `None` for regression.
    pub accuracy: Option<f64>,
}

/// Peak device memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakBytes {
    /// By the plan.
    pub planned: u64,
    /// By the ledger.
    pub counted: u64,
}

/// A log directory. A row has reached the operating system when [`RunLog::write`] returns, so that it outlives the process.
#[derive(Debug)]
pub struct RunLog {
    directory: PathBuf,
    /// Name of the split that the run is evaluated on.
    split: &'static str,
    resumed_after: Option<u64>,
    table: Table,
    /// Made with the first row.
    events: Option<Events>,
}

impl RunLog {
    /// Opens or makes the log in `directory`, for a run that is evaluated on the split `split`, and begins or resumes after
    /// `resumed_after` steps. The first new row replaces all rows of later steps.
    ///
    /// # Errors
    /// [`crate::Error::File`] if the directory is not writable, if its `metrics.csv` is not a log or in use by another
    /// run, or if that has rows although the run begins.
    pub fn open(directory: &Path, split: &'static str, resumed_after: Option<u64>) -> Result<Self> {
        file::create_directory(directory)?;
        let table = Table::open(&csv_path(directory), resumed_after)?;
        Ok(RunLog { directory: directory.to_owned(), split, resumed_after, table, events: None })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`crate::Error::File`] if it cannot be written.
    pub fn write(&mut self, row: &Row) -> Result<()> {
        let events = match &mut self.events {
            Some(events) => events,
            none => {
                self.table.begin()?;
                none.insert(Events::create(&self.directory, self.split, self.resumed_after)?)
            }
        };
        self.table.add(row)?;
        events.add(row)
    }
}

/// The table of the log in `directory`.
pub fn csv_path(directory: &Path) -> PathBuf {
    directory.join("metrics.csv")
}
