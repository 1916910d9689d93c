use crate::config::Settings;
use crate::data::{Pass, shuffle};
use crate::model::Pace;

/// Those of one epoch: which samples come when, and how far each step goes.
#[derive(Default)]
pub(super) struct MiniBatches {
    /// The epoch that the order and the paces are those of.
    epoch: Option<u64>,
    order: Vec<u32>,
    paces: Vec<Pace>,
}

impl MiniBatches {
    /// Puts the order of `samples` samples and the paces of `epoch` in place, in a training of `total` steps.
    pub fn prepare(&mut self, settings: &Settings, samples: usize, epoch: u64, total: u64) {
        if self.epoch == Some(epoch) {
            return;
        }
        self.epoch = Some(epoch);
        if settings.shuffle {
            shuffle(settings.seed, epoch, samples as u32, &mut self.order);
        }
        let steps = (samples / settings.batch) as u64;
        let first = epoch * steps;
        self.paces.clear();
        self.paces
            .extend((first..first + steps).map(|step| settings.rule.pace(settings.rate(step, total), step)));
    }

    /// The way through them.
    pub fn pass(&self, settings: &Settings) -> Pass<'_> {
        if settings.shuffle { Pass::Shuffled(&self.order) } else { Pass::InOrder }
    }

    /// One for each step.
    pub fn paces(&self) -> &[Pace] {
        &self.paces
    }
}
