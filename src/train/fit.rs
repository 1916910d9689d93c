//! The training loop: evaluations, the best parameters, early stopping, and a callback.

use std::ops::ControlFlow;

use super::{Best, Epoch, Evaluation, Trainer};
use crate::data::EvaluatedOn;
use crate::snapshot::{LossSum, Snapshot};
use crate::{Error, Result, Setting};

/// How [`Trainer::fit`] evaluates, what it reports, and the best parameters that it finds.
#[derive(Debug, Clone, Default)]
pub struct Fit {
    /// Steps between two evaluations, besides that at the end of each epoch.
    pub evaluate_every: Option<u64>,
    /// Enables evaluations on the training split, too, unless it is the split that the run is evaluated on anyway.
    pub evaluate_training: bool,
    /// The best parameters so far, and the patience that stops the run.
    pub best: Option<Best>,
    /// Numbers of steps: a report follows each multiple of any of them, besides the reports of evaluations. A report waits for
    /// the device.
    pub report_every: Vec<u64>,
}

/// Event of a training, for the callback of [`Trainer::fit`].
pub enum Event<'a> {
    /// Number of steps so far, after each step. The device may still be running it.
    Step(u64),
    /// Losses have been read back, and the network has been evaluated if that was due.
    Report(Report<'a>),
    /// The run can be resumed from here.
    Resumable(Resumable<'a>),
}

/// The steps since the last report.
pub struct Report<'a> {
    /// The training, whose parameters can be read.
    pub trainer: &'a mut Trainer,
    /// Mean loss of the samples in the steps since the last report.
    pub loss: f32,
    /// The evaluation, if one was due.
    pub evaluated: Option<&'a EvaluationRecord>,
    /// The best parameters so far, if they are kept.
    pub best: Option<&'a Best>,
}

/// An evaluation during training.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRecord {
    /// Number of steps before it.
    pub steps: u64,
    /// Index of the epoch of the last of these steps.
    pub epoch_index: usize,
    /// Mean loss of the samples in the steps since the last evaluation.
    pub loss: f32,
    /// Evaluation on the held-out split.
    pub test: Evaluation,
    /// Evaluation on the training split, if it is asked for and another one than `test`.
    pub training: Option<Evaluation>,
    /// The epoch that has just ended, if one has.
    pub epoch: Option<Epoch>,
}

/// A state whose snapshot is resumed to bit-identical results.
///
/// Where the last step is followed by an evaluation that a longer run would not make, this comes before the evaluation, so
/// that the longer run can be resumed from the snapshot.
pub struct Resumable<'a> {
    /// The training.
    pub trainer: &'a mut Trainer,
    /// The best parameters so far, if they are kept.
    pub best: Option<&'a Best>,
    /// `true` if no step follows. A callback that breaks at a state with `false` is not told of it again: it decides itself that
    /// this is the last.
    pub is_last: bool,
}

impl Resumable<'_> {
    /// [`Trainer::snapshot`], with the best parameters so far.
    ///
    /// # Errors
    /// As [`Trainer::snapshot`].
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let mut snapshot = self.trainer.snapshot()?;
        snapshot.progress.best = self.best.and_then(Best::so_far).cloned();
        Ok(snapshot)
    }
}

/// Why [`Trainer::fit`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Done,
    /// The last evaluations brought no improvement.
    OutOfPatience,
    /// The callback stopped it.
    Stopped,
}

impl Fit {
    /// Steps from `steps` to the next report.
    fn steps_to_report(&self, steps: u64) -> u64 {
        let every = self.evaluate_every.iter().chain(&self.report_every);
        every.map(|&every| every - steps % every).min().unwrap_or(u64::MAX)
    }

    fn is_due(&self, steps: u64) -> bool {
        self.evaluate_every.is_some_and(|every| steps.is_multiple_of(every))
    }

    /// `true` if `trainer` has just ended where a longer run would not be evaluated.
    fn ends_between(&self, trainer: &Trainer) -> bool {
        trainer.is_done() && trainer.steps_in_epoch() > 0 && !self.is_due(trainer.steps())
    }

    fn is_out_of_patience(&self) -> bool {
        self.best.as_ref().is_some_and(Best::is_out_of_patience)
    }

    /// Evaluates `trainer`, and keeps its parameters if they are the best so far.
    fn evaluate(&mut self, trainer: &mut Trainer) -> Result<Evaluation> {
        match &mut self.best {
            Some(best) => best.evaluate(trainer),
            None => trainer.evaluate(),
        }
    }
}

impl Trainer {
    /// Trains for all steps that are left, or until patience ends or `on_event` breaks; evaluates at the end of each epoch and
    /// as often as `fit` says, for a plateau schedule as well. Losses and parameters are read back only for evaluations
    /// and reports. After an error, `fit` still holds the best parameters.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ckpt_gpu::config::Settings;
    /// # use ckpt_gpu::data::{Dataset, HeldOut, Inputs, Split};
    /// use std::ops::ControlFlow;
    /// use ckpt_gpu::train::{Best, Ending, Event, Fit, Metric, Selection, Trainer};
    /// # let inputs: Vec<f32> = (0..8000).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
    /// # let labels: Vec<u32> = inputs.chunks(8).map(|row| u32::from(row[0] > row[7])).collect();
    /// # let HeldOut { train, test } = Split::new(8, Inputs::F32(inputs), labels)?.hold_out(0.2, 0)?;
    /// # let data = Arc::new(Dataset::in_memory(train, test)?);
    /// # let mut settings = Settings::default();
    /// # settings.network.layers = "8,32,2".parse().unwrap();
    ///
    /// let mut trainer = Trainer::new(&settings, &data, settings.initial_parameters()?)?;
    /// let selection = Selection { metric: Metric::Accuracy, patience: Some(5), min_delta: 0.0 };
    /// let mut fit = Fit {
    ///     evaluate_every: Some(2),
    ///     best: Some(Best::new(selection, None)?),
    ///     ..Fit::default()
    /// };
    /// let ended = trainer.fit(&mut fit, |event| {
    ///     if let Event::Report(report) = event
    ///         && let Some(evaluated) = report.evaluated
    ///     {
    ///         let bias = &report.trainer.parameters()?.layers[0].bias;
    ///         println!("loss {:.4}, test {:?}, bias {}", report.loss, evaluated.test, bias[0]);
    ///         if evaluated.test.accuracy > Some(0.99) {
    ///             return Ok(ControlFlow::Break(()));
    ///         }
    ///     }
    ///     Ok(ControlFlow::Continue(()))
    /// })?;
    /// assert!(ended == Ending::Stopped || trainer.is_done() || fit.best.as_ref().unwrap().is_out_of_patience());
    /// let best = fit.best.as_ref().and_then(Best::so_far).unwrap();
    /// println!("accuracy {} after {} steps", best.value, best.steps);
    /// # Ok::<(), ckpt_gpu::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `on_event`, [`Trainer::epoch`] and [`Best::evaluate`]; [`Error::Diverged`] if the loss of an evaluation is NaN or
    /// infinite; [`Error::Usage`] for evaluations or reports 0 steps apart.
    pub fn fit(
        &mut self,
        fit: &mut Fit,
        mut on_event: impl FnMut(Event) -> Result<ControlFlow<()>>,
    ) -> Result<Ending> {
        for (setting, is_zero) in [
            (Setting::EvaluateEvery, fit.evaluate_every == Some(0)),
            (Setting::ReportEvery, fit.report_every.contains(&0)),
        ] {
            if is_zero {
                return Err(Error::usage(setting, "found 0, expected at least 1"));
            }
        }
        // The snapshot that this run is resumed from does not know of its last evaluation.
        let is_unknown = fit.best.as_ref().is_some_and(|best| !best.is_evaluated_at(self.steps()));
        if is_unknown && fit.ends_between(self) {
            fit.evaluate(self)?;
        }
        // Losses since the last evaluation.
        let mut since = LossSum::default();
        let mut is_stopped = false;
        while !self.is_done() && !fit.is_out_of_patience() && !is_stopped {
            let before = self.steps();
            let mut flow = Ok(ControlFlow::Continue(()));
            let losses = self.train_summing(fit.steps_to_report(before), |steps| {
                flow = on_event(Event::Step(steps));
                match flow {
                    Ok(flow) => flow,
                    Err(_) => ControlFlow::Break(()),
                }
            })?;
            is_stopped |= flow?.is_break();
            since.add(losses);
            let ends_between = fit.ends_between(self);
            if ends_between {
                let best = fit.best.as_ref();
                is_stopped |=
                    on_event(Event::Resumable(Resumable { trainer: self, best, is_last: true }))?.is_break();
            }
            let evaluated = if self.is_at_end_of_epoch() || fit.is_due(self.steps()) {
                Some(self.evaluated(fit, std::mem::take(&mut since), ends_between)?)
            } else {
                None
            };
            let report = Report {
                trainer: self,
                loss: losses.mean(),
                evaluated: evaluated.as_ref(),
                best: fit.best.as_ref(),
            };
            is_stopped |= on_event(Event::Report(report))?.is_break();
            if !ends_between {
                let is_last = is_stopped || self.is_done() || fit.is_out_of_patience();
                let best = fit.best.as_ref();
                is_stopped |=
                    on_event(Event::Resumable(Resumable { trainer: self, best, is_last }))?.is_break();
            }
        }
        Ok(if self.is_done() {
            Ending::Done
        } else if fit.is_out_of_patience() {
            Ending::OutOfPatience
        } else {
            Ending::Stopped
        })
    }

    /// Evaluates as `fit` says, after steps whose losses are `since`.
    fn evaluated(&mut self, fit: &mut Fit, since: LossSum, ends_between: bool) -> Result<EvaluationRecord> {
        let test = fit.evaluate(self)?;
        self.check_finite(&test)?;
        let is_other = test.on != EvaluatedOn::Training;
        let training = if fit.evaluate_training && is_other { Some(self.evaluate_training()?) } else { None };
        if !ends_between {
            self.note_evaluation(&test);
        }
        let epoch = self.epoch_with(test);
        Ok(EvaluationRecord {
            steps: self.steps(),
            epoch_index: epoch.index,
            loss: since.mean(),
            test,
            training,
            epoch: self.is_at_end_of_epoch().then_some(epoch),
        })
    }

    /// No step's loss shows the last update; parameters that it made NaN or infinite must not be saved.
    fn check_finite(&self, evaluation: &Evaluation) -> Result<()> {
        if evaluation.loss.is_finite() {
            return Ok(());
        }
        let last = self.steps().saturating_sub(1);
        let problem = format!("after step {last}, the {} loss is {}", evaluation.on.name(), evaluation.loss);
        Err(Error::Diverged { epoch: (last / self.steps_per_epoch()) as usize, problem })
    }
}
