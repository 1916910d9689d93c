//! What a run tells while it goes on, in a folder: `metrics.csv`, and event files that TensorBoard reads.

mod events;
mod table;

use std::path::{Path, PathBuf};

use events::Events;
use table::Table;

use crate::Result;
use crate::file;

/// What is known of a run right after one of its steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Steps made.
    pub step: u64,
    /// The epoch of the last of them, counted from 0.
    pub epoch: u64,
    /// The mean loss of the steps since the row before.
    pub loss: f32,
    /// The last step's.
    pub learning_rate: f32,
    /// Since the row before, without evaluations.
    pub samples_per_second: f64,
    /// How the test split fares, where that was found out.
    pub test: Option<TestScore>,
    /// Device memory, in one row of each run.
    pub memory: Option<PeakBytes>,
}

/// How a test split fares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestScore {
    /// The mean loss.
    pub loss: f32,
    /// The share that is predicted right, where targets are classes.
    pub accuracy: Option<f64>,
}

/// The most bytes on the device at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakBytes {
    /// By the plan.
    pub planned: u64,
    /// By the ledger.
    pub counted: u64,
}

/// A folder that takes a run's rows. Each is with the system when [`RunLog::write`] returns, so that it outlives the process.
#[derive(Debug)]
pub struct RunLog {
    folder: PathBuf,
    resumed_after: Option<u64>,
    table: Table,
    /// From the first row on.
    events: Option<Events>,
}

impl RunLog {
    /// The log in `folder`, which is made where it is missing, of a run that begins or is resumed after so many steps.
    /// Rows of later steps go, once there is one to take their place.
    ///
    /// # Errors
    /// [`crate::Error::File`] for a folder that takes no files, for a `metrics.csv` of something else, and for one that has
    /// rows where the run begins.
    pub fn open(folder: &Path, resumed_after: Option<u64>) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| file::unwritable(folder, error))?;
        let table = Table::open(&folder.join("metrics.csv"), resumed_after)?;
        Ok(RunLog { folder: folder.to_owned(), resumed_after, table, events: None })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`crate::Error::File`] where it cannot be written.
    pub fn write(&mut self, row: &Row) -> Result<()> {
        let events = match &mut self.events {
            Some(events) => events,
            none => {
                self.table.begin()?;
                none.insert(Events::create(&self.folder, self.resumed_after)?)
            }
        };
        self.table.add(row)?;
        events.add(row)
    }
}
