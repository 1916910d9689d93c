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
    /// Cosine annealing down to a floor, over and over, in periods that may grow (Loshchilov & Hutter 2017).
    Restarts,
    /// Up by half a cosine to the learning rate that is set, and down by another to a floor at the last step (Smith & Topin 2018).
    OneCycle,
    /// Multiplies the learning rate by a factor when the loss of several evaluations has not fallen.
    Plateau,
}

impl Decay {
    /// Every shape.
    pub const ALL: [Decay; 6] =
        [Decay::Constant, Decay::Step, Decay::Cosine, Decay::Restarts, Decay::OneCycle, Decay::Plateau];

    fn name_and_summary(self) -> (&'static str, &'static str) {
        match self {
            Decay::Constant => ("constant", "constant learning rate"),
            Decay::Step => ("step", "multiply by a factor at regular intervals"),
            Decay::Cosine => ("cosine", "cosine annealing to the last step"),
            Decay::Restarts => ("restarts", "cosine annealing, over and over"),
            Decay::OneCycle => ("one-cycle", "up to the learning rate and down again, to the last step"),
            Decay::Plateau => ("plateau", "multiply by a factor when the evaluation loss stops falling"),
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
    /// Steps between two decays, of [`Decay::Step`]; steps of the first period, of [`Decay::Restarts`].
    pub decay_every: u64,
    /// Factor of a decay, of [`Decay::Step`] and [`Decay::Plateau`].
    pub decay_factor: f32,
    /// Least factor: at the last step, of [`Decay::Cosine`] and [`Decay::OneCycle`]; at the end of a period, of [`Decay::Restarts`];
    /// and of all decays together, of [`Decay::Plateau`].
    pub floor: f32,
    /// Length of a period relative to the one before, of [`Decay::Restarts`].
    pub period_factor: f32,
    /// Share of the steps in which the learning rate rises, of [`Decay::OneCycle`].
    pub rise: f32,
    /// Evaluations without improvement before a decay, of [`Decay::Plateau`].
    pub plateau_patience: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            decay: Decay::Constant,
            warm_up: 0,
            decay_every: 1000,
            decay_factor: 0.1,
            floor: 0.0,
            period_factor: 1.0,
            rise: 0.3,
            plateau_patience: 3,
        }
    }
}

/// Factor of the learning rate at the start of a [`Decay::OneCycle`].
const ONE_CYCLE_START: f64 = 1.0 / 25.0;

impl Schedule {
    /// Factor of the learning rate in step `index` (counted from 0) of `total`.
    pub fn share(&self, index: u64, total: u64) -> f32 {
        if index < self.warm_up {
            return ((index + 1) as f64 / self.warm_up as f64) as f32;
        }
        let since = index - self.warm_up;
        let (floor, steps) = (f64::from(self.floor), total.saturating_sub(self.warm_up).max(1));
        let share = match self.decay {
            Decay::Constant | Decay::Plateau => 1.0,
            Decay::Step => f64::from(self.decay_factor).powf((since / self.decay_every.max(1)) as f64),
            Decay::Cosine => between(1.0, floor, since as f64 / steps as f64),
            Decay::Restarts => between(1.0, floor, self.progress_in_period(since)),
            Decay::OneCycle => {
                let peak = (f64::from(self.rise) * steps as f64).floor();
                let since = since as f64;
                if since < peak {
                    between(ONE_CYCLE_START, 1.0, since / peak)
                } else {
                    between(1.0, floor, (since - peak) / (steps as f64 - peak).max(1.0))
                }
            }
        };
        share as f32
    }
}

impl Schedule {
    /// Share of the current period that has passed, so many steps after the warm-up.
    fn progress_in_period(&self, since: u64) -> f64 {
        let (mut start, mut length) = (0.0, self.decay_every.max(1) as f64);
        // Periods never shrink, so this takes few turns unless they do not grow.
        let factor = f64::from(self.period_factor.max(1.0));
        if factor == 1.0 {
            return (since % self.decay_every.max(1)) as f64 / length;
        }
        while since as f64 >= start + length {
            start += length;
            length = (length * factor).ceil();
        }
        (since as f64 - start) / length
    }
}

/// From one value to another along half a cosine.
fn between(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
}

/// What a [`Decay::Plateau`] knows of the evaluations so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plateau {
    /// Least loss so far.
    pub best: f32,
    /// Evaluations since then, or since the last decay.
    pub since: u64,
    /// Factor of the learning rate by all decays.
    pub factor: f32,
}

/// Share of the least loss by which a lower one has to be lower.
const LEAST_GAIN: f32 = 1e-4;

impl Default for Plateau {
    fn default() -> Self {
        Plateau { best: f32::INFINITY, since: 0, factor: 1.0 }
    }
}

impl Plateau {
    /// Takes in the loss of an evaluation. Without [`Decay::Plateau`], nothing changes.
    pub fn note(&mut self, schedule: &Schedule, loss: f32) {
        if schedule.decay != Decay::Plateau {
            return;
        }
        let is_first = self.best == f32::INFINITY && !loss.is_nan();
        if is_first || loss < self.best - LEAST_GAIN * self.best.abs() {
            (self.best, self.since) = (loss, 0);
            return;
        }
        self.since += 1;
        if self.since >= schedule.plateau_patience {
            self.factor = (self.factor * schedule.decay_factor).max(schedule.floor);
            self.since = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_restart_and_may_grow() {
        let schedule = Schedule { decay: Decay::Restarts, decay_every: 4, ..Schedule::default() };
        let shares = |schedule: Schedule| [0, 2, 4, 6, 8, 10, 12].map(|step| schedule.share(step, 100));
        assert_eq!(shares(schedule), [1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 1.0]);
        let doubled = Schedule { period_factor: 2.0, ..schedule };
        let found = shares(doubled);
        assert_eq!([found[0], found[1], found[2], found[4], found[6]], [1.0, 0.5, 1.0, 0.5, 1.0]);
    }

    #[test]
    fn one_cycle_rises_and_falls() {
        let schedule = Schedule { decay: Decay::OneCycle, rise: 0.5, floor: 0.5, ..Schedule::default() };
        let shares = [0, 5, 10, 15, 20].map(|step| schedule.share(step, 20));
        assert_eq!(shares, [0.04, 0.52, 1.0, 0.75, 0.5]);
    }

    #[test]
    fn plateaus_lower_the_rate_down_to_the_floor() {
        let schedule = Schedule {
            decay: Decay::Plateau,
            decay_factor: 0.5,
            floor: 0.3,
            plateau_patience: 2,
            ..Schedule::default()
        };
        let mut plateau = Plateau::default();
        let mut factors = Vec::new();
        for loss in [1.0, 0.9, 0.95, 0.9, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9] {
            plateau.note(&schedule, loss);
            factors.push(plateau.factor);
        }
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]);
        plateau.note(&Schedule::default(), 9.0);
        assert_eq!(plateau.factor, 0.3);
    }

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
