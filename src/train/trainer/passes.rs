use std::ops::ControlFlow;
use std::time::Instant;

use super::Trainer;
use crate::data::{EvaluatedOn, Pass};
use crate::device::Accumulation;
use crate::execute::execute;
use crate::plan::{Action, Op};
use crate::snapshot::LossSum;
use crate::train::{Epoch, Evaluation, Scores};
use crate::{Error, Result, Setting};

impl Trainer {
    /// Trains to the end of the epoch or of the settings' steps, then evaluates on the test split.
    ///
    /// `on_step` is called after each step with the number of steps so far; the device may still be running them.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss, a gradient or a parameter is NaN or infinite, [`Error::DeviceLost`],
    /// [`Error::RecomputeDiffers`] if the settings verify recomputation, and [`Error::Usage`] if no step is left.
    pub fn epoch(&mut self, on_step: impl FnMut(u64)) -> Result<Epoch> {
        self.train(u64::MAX, on_step)?;
        self.end_epoch()
    }

    /// Evaluates on the test split, and returns the results of the epoch whose last step has just run.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn end_epoch(&mut self) -> Result<Epoch> {
        let test = self.evaluate()?;
        if self.steps_in_epoch() == 0 {
            self.note_evaluation(&test);
        }
        Ok(self.epoch_with(test))
    }

    /// The results of the epoch whose last step has just run, with its evaluation.
    pub fn epoch_with(&self, test: Evaluation) -> Epoch {
        let index = (self.steps.saturating_sub(1) / self.steps_per_epoch()) as usize;
        Epoch { index, loss: self.losses.mean(), test }
    }

    /// Tells a plateau schedule of an evaluation. [`Trainer::end_epoch`] does so at the end of whole epochs, and
    /// [`Trainer::fit`] for each evaluation that a longer run makes, too.
    pub fn note_evaluation(&mut self, evaluation: &Evaluation) {
        self.plateau.note(&self.settings.optimization.schedule, evaluation.loss);
    }

    /// Trains for `steps` steps, or as many as are left of the epoch or of the settings' steps, and returns the mean loss of their
    /// samples.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train(&mut self, steps: u64, mut on_step: impl FnMut(u64)) -> Result<f32> {
        self.train_while(steps, |steps| {
            on_step(steps);
            ControlFlow::Continue(())
        })
    }

    /// Trains for all steps that are left, over as many epochs as they take, without evaluations, so that a
    /// plateau schedule never lowers the learning rate. After every `every` steps,
    /// and after the last one, `on_loss` is called with the number of steps so far and the mean loss since its last call.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train_to_end(&mut self, every: u64, mut on_loss: impl FnMut(u64, f32)) -> Result<()> {
        let (every, mut since, mut told) = (every.max(1), LossSum::default(), self.steps);
        while !self.is_done() {
            since.add(self.train_summing(every - (self.steps - told), |_| ControlFlow::Continue(()))?);
            if self.steps - told == every || self.is_done() {
                on_loss(self.steps, since.mean());
                (since, told) = (LossSum::default(), self.steps);
            }
        }
        Ok(())
    }

    /// Trains for one step with this learning rate in place of the schedule's, and returns its loss, that before the update.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train_at(&mut self, rate: f32) -> Result<f32> {
        self.prepare_mini_batches();
        let (index, step) = (self.steps_in_epoch() as usize, self.steps);
        self.mini_batches.set_rate(&self.settings, index, step, rate);
        self.train(1, |_| ())
    }

    /// Prepares the mini-batches of the current epoch, unless they are prepared.
    fn prepare_mini_batches(&mut self) {
        let (epoch, total, factor) = (self.epoch_index(), self.total_steps(), self.plateau.factor);
        self.mini_batches.prepare(&self.settings, &self.data.train, epoch, total, factor);
    }

    /// As [`Trainer::train`], up to the step after which `on_step` breaks.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train_while(&mut self, steps: u64, on_step: impl FnMut(u64) -> ControlFlow<()>) -> Result<f32> {
        self.train_summing(steps, on_step).map(LossSum::mean)
    }

    /// As [`Trainer::train_while`], with the losses of the steps in place of their mean.
    pub(in crate::train) fn train_summing(
        &mut self,
        steps: u64,
        mut on_step: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<LossSum> {
        let (epoch, made) = (self.epoch_index(), self.steps_in_epoch());
        let left = self.total_steps().saturating_sub(self.steps).min(self.steps_per_epoch() - made);
        let steps = steps.min(left);
        if steps == 0 {
            return Err(Error::usage(Setting::Steps, "found no step left to make, expected at least 1"));
        }
        if made == 0 {
            self.losses = LossSum::default();
        }
        let started = Instant::now();
        self.prepare_mini_batches();
        // The device adds up the mean losses of a pass. A mini-batch that the samples do not fill weighs less, so that it has a
        // pass of its own.
        let (samples, batch) = (self.data.train.len() as u64, self.settings.batching.batch as u64);
        let whole = samples / batch;
        let spans = [
            (whole.min(made + steps).saturating_sub(made), 1.0),
            ((made + steps).saturating_sub(whole.max(made)), (samples % batch) as f64 / batch as f64),
        ];
        let (mut losses, mut flow) = (LossSum::default(), ControlFlow::Continue(()));
        for (steps, share) in spans {
            if steps > 0 && flow.is_continue() {
                losses.add(self.pass(steps, share, |steps| {
                    flow = on_step(steps);
                    flow
                })?);
            }
        }
        let last = self.steps.saturating_sub(1) - epoch * self.steps_per_epoch();
        self.last_rate = self.mini_batches.step_params().get(last as usize).map_or(0.0, |step| step.rate);
        self.training_time += started.elapsed();
        self.losses.add(losses);
        Ok(losses)
    }

    /// Runs so many `steps` of the epoch as one pass of the device. Their mini-batches have a `share` of the samples of a whole one.
    fn pass(
        &mut self,
        steps: u64,
        share: f64,
        mut on_step: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<LossSum> {
        let (epoch, made, parts) = (self.epoch_index(), self.steps_in_epoch() as usize, self.parts());
        let pass = self.mini_batches.pass(&self.settings);
        self.device.begin_pass(pass, made * parts, self.mini_batches.step_params())?;
        for _ in 0..steps {
            self.step()?;
            if on_step(self.steps).is_break() {
                break;
            }
        }
        let metrics = self.device.end_pass()?;
        if let Some(fault) = metrics.fault {
            let step = epoch * self.steps_per_epoch() + u64::from(fault.batch) / parts as u64;
            return Err(diverged(epoch as usize, step, fault.layer));
        }
        // Finite losses can have an infinite sum.
        if !metrics.loss.is_finite() {
            let problem = format!("the losses up to step {} add up to {}", self.steps, metrics.loss);
            return Err(Error::Diverged { epoch: epoch as usize, problem });
        }
        let steps = f64::from(metrics.batches) / parts as f64;
        Ok(LossSum { sum: f64::from(metrics.loss) * share, batches: steps * share })
    }

    /// Evaluates on the test split, with the moving average of the parameters if there is one. All samples
    /// weigh alike.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn evaluate(&mut self) -> Result<Evaluation> {
        self.evaluate_on(Pass::Test, None)
    }

    /// As [`Trainer::evaluate`], with all scores, for which the outputs of all samples are read back. Scores of targets that were
    /// scaled are of scaled targets.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn evaluate_outputs(&mut self) -> Result<(Evaluation, Scores)> {
        let mut outputs = Vec::with_capacity(self.data.test.len() * self.network.outputs());
        let evaluation = self.evaluate_on(Pass::Test, Some(&mut outputs))?;
        Ok((evaluation, Scores::of(&self.network, &outputs, self.data.test.targets())))
    }

    /// Evaluates on the training split, as the test split is evaluated on.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn evaluate_training(&mut self) -> Result<Evaluation> {
        self.evaluate_on(Pass::InOrder, None)
    }

    /// Evaluates on the split of `pass`, and collects all outputs if they are asked for.
    fn evaluate_on(&mut self, pass: Pass, mut outputs: Option<&mut Vec<f32>>) -> Result<Evaluation> {
        let (split, on) = match pass {
            Pass::Test => (&self.data.test, self.data.evaluated_on),
            Pass::Shuffled(_) | Pass::InOrder => (&self.data.train, EvaluatedOn::Training),
        };
        let (samples, width) = (split.len(), self.network.outputs());
        let have_classes = split.targets().have_classes(self.network.loss());
        let actions = &self.plan.evaluation;
        let output = actions.iter().filter_map(Action::run).find(|run| run.op == Op::Score);
        let output = output.and_then(|run| run.reads.first()).map(|operand| operand.slot);
        let output = output.ok_or_else(|| Error::internal("the evaluation plan scores no output"))?;
        self.device.swap_average()?;
        self.device.begin_pass(pass, 0, &[])?;
        for first in (0..samples).step_by(self.micro_batch) {
            self.device.begin_batch(Accumulation::Whole)?;
            execute(&self.plan.chain, actions, self.device.as_mut(), &mut self.evaluation_meter)?;
            if let Some(outputs) = &mut outputs {
                let read = self.device.read_slot(output, self.micro_batch * width)?;
                outputs.extend_from_slice(&read[..self.micro_batch.min(samples - first) * width]);
            }
            self.device.end_batch()?;
        }
        let metrics = self.device.end_pass()?;
        self.device.swap_average()?;
        Ok(Evaluation {
            on,
            loss: metrics.loss / samples as f32,
            accuracy: have_classes.then(|| f64::from(metrics.correct) / samples as f64),
        })
    }
}

/// The error for a fault of `step` in `layer`, or else in the loss.
fn diverged(epoch: usize, step: u64, layer: Option<usize>) -> Error {
    let problem = match layer {
        Some(layer) => {
            format!("in step {step}, layer {layer} has a NaN or infinite gradient or parameter")
        }
        None => format!("in step {step}, the loss is NaN or infinite"),
    };
    Error::Diverged { epoch, problem }
}
