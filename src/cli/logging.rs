use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::choices::count;
use crate::data::EvaluatedOn;
use crate::file;
use crate::log::{PeakBytes, Row, RunLog, TestScore};
use crate::train::{Evaluation, Trainer};
use crate::{Error, Result, Setting};

/// The log of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(super) struct LogFlags {
    /// Write metrics.csv and TensorBoard event files to this directory; --resume continues them
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,

    /// Steps between rows; evaluations and snapshots add rows
    #[arg(long, value_name = "STEPS", default_value_t = 50, requires = "log", value_parser = count::<u64>, allow_negative_numbers = true)]
    log_every: u64,
}

impl LogFlags {
    /// The directory, if one is given.
    pub fn directory(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Checks the flags before anything is read.
    ///
    /// # Errors
    /// [`Error::Usage`] for rows 0 steps apart, [`Error::File`] if the directory cannot be made or written to.
    pub fn check(&self) -> Result<()> {
        if self.log_every == 0 {
            return Err(Error::usage(Setting::LogEvery, "found 0, expected at least 1"));
        }
        self.log.as_deref().map_or(Ok(()), file::check_directory)
    }

    /// Opens the log, if one is given, of a run that is evaluated on this split, and starts or is resumed after so many steps.
    ///
    /// # Errors
    /// As [`RunLog::open`].
    pub fn open(&self, evaluated_on: EvaluatedOn, resumed_after: Option<u64>) -> Result<Option<Logging>> {
        let log = self
            .log
            .as_deref()
            .map(|directory| RunLog::open(directory, evaluated_on.name(), resumed_after))
            .transpose()?;
        Ok(log.map(|log| Logging {
            log,
            every: self.log_every,
            has_told_memory: false,
            samples: 0,
            training_time: Duration::ZERO,
        }))
    }
}

/// A run's log.
pub(super) struct Logging {
    log: RunLog,
    every: u64,
    has_told_memory: bool,
    /// Samples seen and training time at the previous row.
    samples: u64,
    training_time: Duration,
}

impl Logging {
    /// Notes where `trainer` begins.
    pub fn begin(&mut self, trainer: &Trainer) {
        self.samples = trainer.samples_seen();
    }

    /// Steps between rows.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Adds a row, of steps whose mean loss is `loss`.
    ///
    /// # Errors
    /// As [`RunLog::write`].
    pub fn write(&mut self, trainer: &Trainer, loss: f32, test: Option<Evaluation>) -> Result<()> {
        let (steps, time) = (trainer.steps(), trainer.training_time());
        let samples = (trainer.samples_seen() - self.samples) as f64;
        let last = steps.saturating_sub(1);
        let memory = (!self.has_told_memory).then(|| PeakBytes {
            planned: trainer.planned().total(),
            counted: trainer.ledger().at_peak().total(),
        });
        self.log.write(&Row {
            step: steps,
            epoch: last / trainer.steps_per_epoch(),
            loss,
            learning_rate: trainer.last_rate(),
            samples_per_second: samples / (time - self.training_time).as_secs_f64().max(1e-9),
            test: test.map(|test| TestScore { loss: test.loss, accuracy: test.accuracy }),
            memory,
        })?;
        (self.samples, self.training_time, self.has_told_memory) = (trainer.samples_seen(), time, true);
        Ok(())
    }
}
