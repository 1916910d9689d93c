use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Shape of a learning-rate schedule after its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Constant learning rate.
    Constant,
    /// Multiplies the learning rate by a factor every so many steps.
    Step,
    /// Cosine annealing down to a floor at the last step (Loshchilov & Hutter 2017, without restarts).
    Cosine,
}

impl Decay {
    /// Every shape.
    pub const ALL: [Decay; 3] = [Decay::Constant, Decay::Step, Decay::Cosine];

    fn name_and_summary(self) -> (&'static str, &'static str) {
        match self {
            Decay::Constant => ("constant", "constant learning rate"),
            Decay::Step => ("step", "multiply by a factor at regular intervals"),
            Decay::Cosine => ("cosine", "cosine annealing to the last step"),
        }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.name_and_summary().0
    }

    /// What it does, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.name_and_summary().1
    }
}

impl FromStr for Decay {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}

/// A learning-rate schedule: the learning rate of each step, as a factor of the one that is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Shape after the warm-up.
    pub decay: Decay,
    /// Steps of linear warm-up.
    pub warm_up: u64,
    /// Steps between two decays, of [`Decay::Step`].
    pub decay_every: u64,
    /// Factor of a decay, of [`Decay::Step`].
    pub decay_factor: f32,
    /// Factor at the last step, of [`Decay::Cosine`].
    pub floor: f32,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { decay: Decay::Constant, warm_up: 0, decay_every: 1000, decay_factor: 0.1, floor: 0.0 }
    }
}

impl Schedule {
    /// Factor of the learning rate in step `index` (counted from 0) of `total`.
    pub fn share(&self, index: u64, total: u64) -> f32 {
        if index < self.warm_up {
            return ((index + 1) as f64 / self.warm_up as f64) as f32;
        }
        let since = index - self.warm_up;
        let share = match self.decay {
            Decay::Constant => 1.0,
            Decay::Step => f64::from(self.decay_factor).powf((since / self.decay_every.max(1)) as f64),
            Decay::Cosine => {
                let steps = total.saturating_sub(self.warm_up).max(1);
                let progress = since.min(steps) as f64 / steps as f64;
                let floor = f64::from(self.floor);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        };
        share as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_precedes_decay() {
        let shares = |schedule: Schedule, steps: &[u64]| {
            steps.iter().map(|&step| schedule.share(step, 12)).collect::<Vec<_>>()
        };
        let warm = Schedule { warm_up: 2, ..Schedule::default() };
        assert_eq!(shares(warm, &[0, 1, 2, 11]), [0.5, 1.0, 1.0, 1.0]);
        let step = Schedule { decay: Decay::Step, decay_every: 3, decay_factor: 0.5, ..warm };
        assert_eq!(shares(step, &[0, 2, 4, 5, 7, 8]), [0.5, 1.0, 1.0, 0.5, 0.5, 0.25]);
        let cosine = Schedule { decay: Decay::Cosine, floor: 0.5, ..warm };
        assert_eq!(shares(cosine, &[2, 7, 12, 99]), [1.0, 0.75, 0.5, 0.5]);
    }
}
