//! The best parameters of a run, and stopping it early.

use std::sync::Arc;

use super::scores::has_class_probabilities;
use super::{Evaluation, Metric, Trainer};
use crate::data::{Dataset, EvaluatedOn};
use crate::model::{Network, Parameters};
use crate::snapshot::BestSoFar;
use crate::{Error, Result, Setting};

/// How the best parameters of a run are chosen, and when it stops early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// What they are the best by, in evaluations on the held-out split.
    pub metric: Metric,
    /// Evaluations without improvement after which a run stops.
    pub patience: Option<u64>,
    /// A gain of no more than this does not count for the patience. The parameters are kept however small it is.
    pub min_delta: f64,
}

impl Selection {
    /// Checks it for training `network` on `data`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number out of range, for a metric that such targets do not have, and if nothing is held out to
    /// evaluate on.
    pub fn check(&self, data: &Dataset, network: &Network) -> Result<()> {
        self.check_numbers()?;
        if data.evaluated_on == EvaluatedOn::Training {
            let setting = if self.patience.is_some() { Setting::Patience } else { Setting::KeepBest };
            let problem = format!(
                "needs samples that are held out, and the network is evaluated on its training samples; use {}",
                Setting::Validation.with(0.1)
            );
            return Err(Error::usage(setting, problem));
        }
        let are_classes = data.test.targets().have_classes(network.loss());
        let have_probabilities = has_class_probabilities(network.loss(), network.outputs());
        let fits = |metric: Metric| {
            metric.is_of(are_classes) && (have_probabilities || !metric.needs_probabilities())
        };
        if fits(self.metric) {
            return Ok(());
        }
        let names: Vec<_> =
            Metric::ALL.into_iter().filter(|&metric| fits(metric)).map(Metric::name).collect();
        let targets = if are_classes { "classes" } else { "numbers" };
        let problem = format!(
            "found {}, expected one of: {}, for targets that are {targets} and {}",
            self.metric.name(),
            names.join(", "),
            Setting::Loss.with(network.loss().name())
        );
        Err(Error::usage(Setting::KeepBest, problem))
    }

    /// The checks that need no data.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number out of range.
    pub fn check_numbers(&self) -> Result<()> {
        if self.patience == Some(0) {
            return Err(Error::usage(Setting::Patience, "found 0, expected at least 1"));
        }
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            let problem = format!("found {}, expected a number of at least 0", self.min_delta);
            return Err(Error::usage(Setting::MinDelta, problem));
        }
        Ok(())
    }
}

/// The best parameters of a run so far, on the host. Where that is the device, on the CPU backend,
/// [`keeps_best`](crate::config::Placement::keeps_best) has them planned and counted.
///
/// ```
/// # use std::sync::Arc;
/// # use ckpt_gpu::config::Settings;
/// # use ckpt_gpu::data::{Dataset, HeldOut, Inputs, Split};
/// use ckpt_gpu::train::{Best, Metric, Selection, Trainer};
/// # let inputs: Vec<f32> = (0..8000).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
/// # let labels: Vec<u32> = inputs.chunks(8).map(|row| u32::from(row[0] > row[7])).collect();
/// # let HeldOut { train, test } = Split::new(8, Inputs::F32(inputs), labels)?.hold_out(0.2, 0)?;
/// # let data = Arc::new(Dataset::in_memory(train, test)?);
/// # let mut settings = Settings::default();
/// # settings.network.layers = "8,32,2".parse().unwrap();
///
/// let mut trainer = Trainer::new(&settings, &data, settings.initial_parameters()?)?;
/// let selection = Selection { metric: Metric::Accuracy, patience: Some(5), min_delta: 0.0 };
/// selection.check(&data, &settings.network.build()?)?;
/// let mut best = Best::new(selection, None)?;
/// while !trainer.is_done() && !best.is_out_of_patience() {
///     trainer.train(2, |_| ())?;
///     let evaluation = best.evaluate(&mut trainer)?;
///     println!("{} steps: loss {:.4}", trainer.steps(), evaluation.loss);
/// }
/// assert!(best.so_far().unwrap().value > 0.5);
/// # Ok::<(), ckpt_gpu::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Best {
    selection: Selection,
    so_far: Option<BestSoFar>,
    /// Steps before the last evaluation, as far as it is known.
    evaluated_at: Option<u64>,
}

impl Best {
    /// For a run that begins, or that is resumed where `so_far` was the best.
    ///
    /// # Errors
    /// [`Error::Usage`] if that was by another metric, or for a number out of range.
    pub fn new(selection: Selection, so_far: Option<BestSoFar>) -> Result<Self> {
        selection.check_numbers()?;
        match so_far.as_ref().filter(|best| best.metric != selection.metric.name()) {
            None => {
                let evaluated_at = so_far.as_ref().map(|best| best.steps);
                Ok(Best { selection, so_far, evaluated_at })
            }
            Some(best) => {
                let metric = &best.metric;
                let problem = format!(
                    "found {}, expected {metric}, as the run that is resumed; use {}",
                    selection.metric.name(),
                    Setting::KeepBest.with(metric)
                );
                Err(Error::usage(Setting::KeepBest, problem))
            }
        }
    }

    /// Evaluates `trainer`, and keeps its parameters if they are the best so far.
    ///
    /// # Errors
    /// [`Error::Usage`] if the metric is undefined on the held-out split, and those of [`Trainer::evaluate`].
    pub fn evaluate(&mut self, trainer: &mut Trainer) -> Result<Evaluation> {
        let Selection { metric, min_delta, .. } = self.selection;
        let (evaluation, scores) = if metric.needs_outputs() {
            let (evaluation, scores) = trainer.evaluate_outputs()?;
            (evaluation, Some(scores))
        } else {
            (trainer.evaluate()?, None)
        };
        let Some(value) = metric.of(&evaluation, scores.as_ref()) else {
            let problem = format!(
                "{} is undefined on the {} split, where a class has no sample or targets do not vary; use {}",
                metric.name(),
                evaluation.on.name(),
                Setting::KeepBest.with(Metric::Loss.name())
            );
            return Err(Error::usage(Setting::KeepBest, problem));
        };
        // NaN is no gain, and any number is one over NaN.
        let gains = |before: f64, by: f64| {
            let gain = if metric.is_better_larger() { value - before } else { before - value };
            gain > by || (before.is_nan() && !value.is_nan())
        };
        let before = self.so_far.as_ref();
        let (counted, since) = match before {
            Some(best) if !gains(best.counted, min_delta) => (best.counted, best.since + 1),
            _ => (value, 0),
        };
        let is_best = before.is_none_or(|best| gains(best.value, 0.0));
        match &mut self.so_far {
            Some(best) if is_best => {
                trainer.keep_model_parameters(&mut best.parameters)?;
                (best.value, best.steps) = (value, trainer.steps());
                (best.counted, best.since) = (counted, since);
            }
            Some(best) => (best.counted, best.since) = (counted, since),
            so_far => {
                *so_far = Some(BestSoFar {
                    metric: metric.name().to_owned(),
                    value,
                    steps: trainer.steps(),
                    counted,
                    since,
                    parameters: Arc::new(trainer.model_parameters()?),
                });
            }
        }
        self.evaluated_at = Some(trainer.steps());
        Ok(evaluation)
    }

    /// How it is chosen.
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// Takes the best parameters so far out, and leaves none in their place; `None` before the first evaluation.
    pub fn take_parameters(&mut self) -> Option<Parameters> {
        let parameters = std::mem::take(&mut self.so_far.as_mut()?.parameters);
        Some(Arc::unwrap_or_clone(parameters))
    }

    /// The best so far; `None` before the first evaluation.
    pub fn so_far(&self) -> Option<&BestSoFar> {
        self.so_far.as_ref()
    }

    /// `true` if the last evaluation was after so many steps.
    pub(super) fn is_evaluated_at(&self, steps: u64) -> bool {
        self.evaluated_at == Some(steps)
    }

    /// `true` if as many evaluations as the patience have brought no gain.
    pub fn is_out_of_patience(&self) -> bool {
        let since = self.so_far.as_ref().map_or(0, |best| best.since);
        self.selection.patience.is_some_and(|patience| since >= patience)
    }
}
