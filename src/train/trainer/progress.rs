use std::time::Duration;

use super::Trainer;
use crate::snapshot::LossSum;

impl Trainer {
    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps in an epoch; the incomplete last mini-batch is dropped.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.data.train.len() / self.settings.batching.batch) as u64
    }

    /// Steps that the settings ask for.
    pub fn total_steps(&self) -> u64 {
        self.settings
            .optimization
            .steps
            .unwrap_or((self.settings.optimization.epochs as u64).saturating_mul(self.steps_per_epoch()))
    }

    /// Wall time of these steps; evaluations are left out.
    pub fn training_time(&self) -> Duration {
        self.training_time
    }

    /// Whether the settings ask for no more steps.
    pub fn is_done(&self) -> bool {
        self.steps >= self.total_steps()
    }

    /// The epoch at hand, counted from 0.
    pub fn epoch_index(&self) -> u64 {
        self.steps / self.steps_per_epoch()
    }

    /// Steps of it that are made.
    pub fn steps_in_epoch(&self) -> u64 {
        self.steps % self.steps_per_epoch()
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f32 {
        self.settings.optimization.rate(self.steps, self.total_steps())
    }

    /// Losses of the steps of the epoch at hand.
    pub fn losses(&self) -> LossSum {
        self.losses
    }

    /// Whether an epoch, or the whole training, has just ended.
    pub fn is_at_end_of_epoch(&self) -> bool {
        self.steps > 0 && (self.steps_in_epoch() == 0 || self.is_done())
    }
}
