use std::time::Duration;

use super::Trainer;
use crate::snapshot::LossSum;

impl Trainer {
    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps in an epoch. The last has a smaller mini-batch, or is left out, if the samples do not fill it.
    pub fn steps_per_epoch(&self) -> u64 {
        self.settings.batching.steps_in_epoch(self.data.train.len()) as u64
    }

    /// Training samples in the steps so far, in all epochs.
    pub fn samples_seen(&self) -> u64 {
        let (samples, batch) = (self.data.train.len() as u64, self.settings.batching.batch as u64);
        let in_epoch = samples.min(self.steps_per_epoch() * batch);
        self.epoch_index() * in_epoch + in_epoch.min(self.steps_in_epoch() * batch)
    }

    /// Steps of the whole training.
    pub fn total_steps(&self) -> u64 {
        self.settings
            .optimization
            .steps
            .unwrap_or((self.settings.optimization.epochs as u64).saturating_mul(self.steps_per_epoch()))
    }

    /// Wall time of the steps so far, without evaluations.
    pub fn training_time(&self) -> Duration {
        self.training_time
    }

    /// `true` if no steps are left.
    pub fn is_done(&self) -> bool {
        self.steps >= self.total_steps()
    }

    /// Index of the current epoch.
    pub fn epoch_index(&self) -> u64 {
        self.steps / self.steps_per_epoch()
    }

    /// Steps so far in the current epoch.
    pub fn steps_in_epoch(&self) -> u64 {
        self.steps % self.steps_per_epoch()
    }

    /// Learning rate of the next step.
    pub fn rate(&self) -> f32 {
        self.settings.optimization.rate(self.steps, self.total_steps()) * self.plateau.factor
    }

    /// Learning rate of the last step; 0 before the first that this trainer makes.
    pub fn last_rate(&self) -> f32 {
        self.last_rate
    }

    /// Losses of the steps so far in the current epoch.
    pub fn losses(&self) -> LossSum {
        self.losses
    }

    /// `true` if an epoch, or the whole training, has just ended.
    pub fn is_at_end_of_epoch(&self) -> bool {
        self.steps > 0 && (self.steps_in_epoch() == 0 || self.is_done())
    }
}
