use std::ops::ControlFlow;
use std::time::Instant;

use super::evaluations::Evaluations;
use super::interrupt::Interrupt;
use super::logging::Logging;
use super::output;
use super::progress::Progress;
use super::snapshots::Snapshots;
use crate::Result;
use crate::report;
use crate::train::{Epoch, EvaluationRecord, Event, Report, Trainer};

/// The command line's part in training: it prints progress and evaluations, writes the log and snapshots, and stops when
/// interrupted.
pub(super) struct Callback<'a> {
    progress: Progress,
    interrupt: Interrupt,
    log: Option<&'a mut Logging>,
    snapshots: Option<&'a mut Snapshots>,
    is_json: bool,
    epochs: Vec<Epoch>,
    /// Evaluations for reports, if a report shows them.
    evaluations: Option<Evaluations>,
    epoch_started: Instant,
}

/// What the callback leaves after training.
pub(super) struct Finished {
    pub epochs: Vec<Epoch>,
    /// Evaluations for reports; empty if they are not kept.
    pub evaluations: Vec<EvaluationRecord>,
    pub interrupt: Interrupt,
}

impl<'a> Callback<'a> {
    /// For the remaining steps of `trainer`, of `batch` samples each. Keeps evaluations if a report shows them, `is_reported`.
    pub fn new(
        trainer: &Trainer,
        batch: usize,
        is_json: bool,
        is_reported: bool,
        log: Option<&'a mut Logging>,
        snapshots: Option<&'a mut Snapshots>,
    ) -> Self {
        Callback {
            progress: Progress::of(trainer, batch),
            interrupt: Interrupt::listen(),
            log,
            snapshots,
            is_json,
            epochs: Vec::new(),
            evaluations: is_reported.then(Evaluations::new),
            epoch_started: Instant::now(),
        }
    }

    /// Steps between the reports that the log and the snapshots need.
    pub fn report_every(&self) -> Vec<u64> {
        let log = self.log.as_ref().map(|log| log.every());
        let snapshots = self.snapshots.as_ref().and_then(|snapshots| snapshots.every());
        log.into_iter().chain(snapshots).collect()
    }

    /// The callback of [`Trainer::fit`].
    ///
    /// # Errors
    /// [`crate::Error::File`] if the log or a snapshot cannot be written, and those of [`Trainer::save_snapshot`].
    pub fn on_event(&mut self, event: Event) -> Result<ControlFlow<()>> {
        match event {
            Event::Step(steps) => self.progress.step(steps),
            Event::Report(Report { trainer, loss, evaluated, .. }) => {
                self.progress.loss(loss);
                if let Some(evaluated) = evaluated {
                    self.tell(evaluated);
                }
                if let Some(log) = &mut self.log {
                    log.write(trainer, loss, evaluated.map(|evaluated| evaluated.test))?;
                }
            }
            Event::Resumable(resumable) => {
                if let Some(snapshots) = &mut self.snapshots
                    && (resumable.is_last || snapshots.is_due(resumable.trainer))
                {
                    snapshots.save(resumable.trainer, resumable.best)?;
                }
                return Ok(ControlFlow::Continue(()));
            }
        }
        let is_asked = self.interrupt.is_asked();
        Ok(if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Prints an evaluation.
    fn tell(&mut self, evaluated: &EvaluationRecord) {
        if let Some(evaluations) = &mut self.evaluations {
            evaluations.push(evaluated);
        }
        let training = evaluated.training.as_ref();
        let (object, text) = match &evaluated.epoch {
            Some(epoch) => {
                let seconds = self.epoch_started.elapsed().as_secs_f64();
                self.epoch_started = Instant::now();
                self.epochs.push(*epoch);
                (report::json::epoch(epoch, training, seconds), report::text::epoch(epoch, training, seconds))
            }
            None => (report::json::evaluation(evaluated), report::text::evaluation(evaluated)),
        };
        self.progress.pause(|| if self.is_json { output::json(&object) } else { output::line(&text) });
    }

    /// Removes the progress bar. From here on, a request to stop means the scoring of the result.
    pub fn finish(self) -> Finished {
        self.interrupt.end_training();
        let evaluations = self.evaluations.map(Evaluations::into_kept).unwrap_or_default();
        Finished { epochs: self.epochs, evaluations, interrupt: self.interrupt }
    }
}
