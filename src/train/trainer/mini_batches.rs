use crate::config::Settings;
use crate::data::{Pass, shuffle};
use crate::model::StepParams;

/// Those of one epoch: which samples come when, and how far each step goes.
#[derive(Default)]
pub(super) struct MiniBatches {
    /// The epoch that the order and the step_params are those of.
    epoch: Option<u64>,
    order: Vec<u32>,
    step_params: Vec<StepParams>,
}

impl MiniBatches {
    /// Puts the order of `samples` samples and the step_params of `epoch` in place, in a training of `total` steps.
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
        self.step_params.extend((first..first + steps).map(|step| {
            settings.optimization.rule.step_params(settings.optimization.rate(step, total), step)
        }));
    }

    /// The way through them.
    pub fn pass(&self, settings: &Settings) -> Pass<'_> {
        if settings.optimization.shuffle { Pass::Shuffled(&self.order) } else { Pass::InOrder }
    }

    /// One for each step.
    pub fn step_params(&self) -> &[StepParams] {
        &self.step_params
    }
}
