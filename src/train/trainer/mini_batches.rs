use crate::config::{Optimization, Settings};
use crate::data::{Pass, Split, shuffle};
use crate::model::{DropoutKey, StepParams};

/// The mini-batches of one epoch: the order of samples, and each step's parameters.
#[derive(Default)]
pub(super) struct MiniBatches {
    /// The epoch of `order` and `step_params`, and the factor of the learning rate.
    prepared: Option<(u64, f32)>,
    order: Vec<u32>,
    step_params: Vec<StepParams>,
}

impl MiniBatches {
    /// Prepares the order of the samples of `split` and the step parameters of `epoch`, in a training of `total` steps, with this
    /// `factor` of the learning rate.
    pub fn prepare(&mut self, settings: &Settings, split: &Split, epoch: u64, total: u64, factor: f32) {
        if self.prepared == Some((epoch, factor)) {
            return;
        }
        let is_new = self.prepared.is_none_or(|(known, _)| known != epoch);
        self.prepared = Some((epoch, factor));
        if settings.optimization.shuffle && is_new {
            shuffle(settings.optimization.seed, epoch, split.len() as u32, &mut self.order);
        }
        let steps = settings.batching.steps_in_epoch(split.len());
        let first = epoch * steps as u64;
        let (optimization, order) = (&settings.optimization, &self.order);
        self.step_params.clear();
        self.step_params.extend((0..steps).map(|index| {
            let step = first + index as u64;
            let key = DropoutKey::new(optimization.seed, step);
            let start = index * settings.batching.batch;
            let positions = start..split.len().min(start + settings.batching.batch);
            let rows = positions.map(|position| order.get(position).map_or(position, |&row| row as usize));
            let rate = optimization.rate(step, total) * factor;
            optimization.rule.step_params(step, rate, divisor(split, rows), key)
        }));
    }

    /// Sets the learning rate of the mini-batch at `index`, in step `step` of the training.
    pub fn set_rate(&mut self, settings: &Settings, index: usize, step: u64, rate: f32) {
        let Optimization { rule, seed, .. } = settings.optimization;
        if let Some(params) = self.step_params.get_mut(index) {
            *params = rule.step_params(step, rate, params.divisor, DropoutKey::new(seed, step));
        }
    }

    /// The pass over the training split.
    pub fn pass(&self, settings: &Settings) -> Pass<'_> {
        if settings.optimization.shuffle { Pass::Shuffled(&self.order) } else { Pass::InOrder }
    }

    /// Step parameters, one entry per mini-batch.
    pub fn step_params(&self) -> &[StepParams] {
        &self.step_params
    }
}

/// What the loss of a mini-batch of these `rows` is divided by: their weights, or 1 if all are 0.
fn divisor(split: &Split, rows: impl ExactSizeIterator<Item = usize>) -> f32 {
    let Some(weights) = split.weights() else { return rows.len() as f32 };
    let sum: f64 = rows.map(|row| f64::from(weights[row])).sum();
    if sum > 0.0 { sum as f32 } else { 1.0 }
}
