use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the learning rate changes, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// It stays as it is.
    Constant,
    /// It is multiplied by a factor every so many steps.
    Step,
    /// Half a cosine down to a share of it at the last step (Loshchilov & Hutter 2017, without restarts).
    Cosine,
}

impl Decay {
    /// Every one.
    pub const ALL: [Decay; 3] = [Decay::Constant, Decay::Step, Decay::Cosine];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Decay::Constant => "constant",
            Decay::Step => "step",
            Decay::Cosine => "cosine",
        }
    }
}

impl FromStr for Decay {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}

/// The learning rate of every step, as a share of the one that is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// How it goes down.
    pub decay: Decay,
    /// Steps over which it first grows, in equal steps from nothing.
    pub warm_up: u64,
    /// Steps between two multiplications, of [`Decay::Step`].
    pub decay_every: u64,
    /// What it is multiplied by, of [`Decay::Step`].
    pub decay_factor: f32,
    /// The share that is left at the end, of [`Decay::Cosine`].
    pub floor: f32,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { decay: Decay::Constant, warm_up: 0, decay_every: 1000, decay_factor: 0.1, floor: 0.0 }
    }
}

impl Schedule {
    /// The share of the learning rate that step `index` of `total` takes, counted from 0.
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
    fn rates_grow_then_go_down() {
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
