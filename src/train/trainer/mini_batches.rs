use crate::config::Settings;
use crate::data::{Pass, shuffle};
use crate::model::{DropoutKey, StepParams};

/// The mini-batches of one epoch: the order of samples, and each step's parameters.
#[derive(Default)]
pub(super) struct MiniBatches {
    /// The epoch of `order` and `step_params`.
    epoch: Option<u64>,
    order: Vec<u32>,
    step_params: Vec<StepParams>,
}

impl MiniBatches {
    /// Prepares the order of `samples` samples and the step parameters of `epoch`, in a training of `total` steps.
    pub fn prepare(&mut self, settings: &Settings, samples: usize, epoch: u64, total: u64) {
        if self.epoch == Some(epoch) {
            return;
        }
        self.epoch = Some(epoch);
        if settings.optimization.shuffle {
            shuffle(settings.optimization.seed, epoch, samples as u32, &mut self.order);
        }
        let steps = (samples / settings.batching.batch) as u64;
        let first = epoch * steps;
        self.step_params.clear();
        let optimization = &settings.optimization;
        self.step_params.extend((first..first + steps).map(|step| {
            let rate = optimization.rate(step, total);
            let key = DropoutKey::new(optimization.seed, step);
            optimization.rule.step_params(step, rate, settings.batching.batch as f32, key)
        }));
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
