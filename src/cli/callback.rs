use std::ops::ControlFlow;
use std::time::Instant;

use super::interrupt::Interrupt;
use super::logging::Logging;
use super::output;
use super::progress::Progress;
use super::snapshots::Snapshots;
use crate::Result;
use crate::report;
use crate::train::{Epoch, Evaluated, Event, Report, RunEvaluation, Trainer};

/// What the command line does during training: prints progress and evaluations, writes the log and snapshots, and stops when
/// it is interrupted.
pub(super) struct Callback<'a> {
    progress: Progress,
    interrupt: Interrupt,
    log: Option<&'a mut Logging>,
    snapshots: Option<&'a mut Snapshots>,
    is_json: bool,
    epochs: Vec<Epoch>,
    evaluations: Vec<RunEvaluation>,
    epoch_started: Instant,
}

impl<'a> Callback<'a> {
    /// For the remaining steps of `trainer`, of `batch` samples each.
    pub fn new(
        trainer: &Trainer,
        batch: usize,
        is_json: bool,
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
            evaluations: Vec::new(),
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
    /// [`crate::Error::File`] if the log or a snapshot cannot be written, and those of [`Trainer::snapshot`].
    pub fn on_event(&mut self, event: Event) -> Result<ControlFlow<()>> {
        match event {
            Event::Step(steps) => self.progress.step(steps),
            Event::Report(Report { trainer, loss, evaluated, .. }) => {
                self.progress.loss(loss);
                if let Some(evaluated) = evaluated {
                    self.tell(trainer, evaluated);
                }
                if let Some(log) = &mut self.log {
                    log.write(trainer, loss, evaluated.map(|evaluated| evaluated.test))?;
                }
            }
            Event::Resumable(mut resumable) => {
                if let Some(snapshots) = &mut self.snapshots
                    && (resumable.is_last || snapshots.is_due(resumable.trainer))
                {
                    snapshots.save(resumable.snapshot()?)?;
                }
                return Ok(ControlFlow::Continue(()));
            }
        }
        let is_asked = self.interrupt.is_asked();
        Ok(if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Prints an evaluation.
    fn tell(&mut self, trainer: &Trainer, evaluated: &Evaluated) {
        let &Evaluated { loss, test, training, epoch } = evaluated;
        let steps = trainer.steps();
        let index = trainer.epoch_with(test).index;
        self.evaluations.push(RunEvaluation { steps, epoch: index, loss, test, training });
        let training = training.as_ref();
        let (object, text) = match &epoch {
            Some(epoch) => {
                let seconds = self.epoch_started.elapsed().as_secs_f64();
                self.epoch_started = Instant::now();
                self.epochs.push(*epoch);
                (report::json::epoch(epoch, training, seconds), report::text::epoch(epoch, training, seconds))
            }
            None => (
                report::json::evaluation(steps, loss, &test, training),
                report::text::evaluation(steps, loss, &test, training),
            ),
        };
        self.progress.pause(|| if self.is_json { output::json(&object) } else { output::line(&text) });
    }

    /// Removes the progress bar, and returns the epochs and all evaluations.
    pub fn finish(self) -> (Vec<Epoch>, Vec<RunEvaluation>) {
        (self.epochs, self.evaluations)
    }
}
