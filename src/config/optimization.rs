use std::collections::BTreeMap;

use crate::model::{Decay, Loss, Optimizer, Schedule, UpdateRule};
use crate::{Error, Result, Setting};

/// Parameter updates: the optimizer, the learning rate, how many steps, and the order of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimization {
    /// Optimizer and its hyperparameters.
    pub rule: UpdateRule,
    /// Learning rate.
    pub lr: f32,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Share of each target that is spread evenly over all classes, for [`Loss::CrossEntropy`] in training (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// Passes over the training split.
    pub epochs: usize,
    /// Number of steps, which overrules `epochs`.
    pub steps: Option<u64>,
    /// Seed of the initial parameters, of the order of samples and of the masks of dropout.
    pub seed: u64,
    /// Shuffles the samples anew in each epoch.
    pub shuffle: bool,
}

impl Default for Optimization {
    /// Adam with a cosine schedule over five epochs.
    fn default() -> Self {
        Optimization {
            rule: UpdateRule::of(Optimizer::Adam),
            lr: Optimizer::Adam.default_lr(),
            schedule: Schedule { decay: Decay::Cosine, ..Schedule::default() },
            label_smoothing: 0.0,
            epochs: 5,
            steps: None,
            seed: 0,
            shuffle: true,
        }
    }
}

impl Optimization {
    /// Learning rate of step `index` of `total`, counted from 0.
    pub fn rate(&self, index: u64, total: u64) -> f32 {
        self.lr * self.schedule.share(index, total)
    }

    pub(super) fn validate(&self, loss: Loss) -> Result<()> {
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Error::usage(Setting::Lr, format!("found {}, expected a positive number", self.lr)));
        }
        let UpdateRule { momentum, betas: [beta1, beta2], epsilon, weight_decay, clip_norm, ema, .. } =
            self.rule;
        let Schedule {
            decay,
            warm_up,
            decay_every,
            decay_factor,
            floor,
            period_factor,
            rise,
            plateau_patience,
        } = self.schedule;
        let share = |value: f32| (0.0..1.0).contains(&value);
        for (setting, value, is_good, expected) in [
            (Setting::Momentum, momentum, share(momentum), "at least 0 and below 1"),
            (Setting::Beta1, beta1, share(beta1), "at least 0 and below 1"),
            (Setting::Beta2, beta2, share(beta2), "at least 0 and below 1"),
            (Setting::Epsilon, epsilon, epsilon.is_finite() && epsilon > 0.0, "a positive number"),
            (
                Setting::WeightDecay,
                weight_decay,
                weight_decay.is_finite() && weight_decay >= 0.0,
                "a number that is not negative",
            ),
            (
                Setting::ClipNorm,
                clip_norm.unwrap_or(1.0),
                clip_norm.is_none_or(|norm| norm.is_finite() && norm > 0.0),
                "a positive number",
            ),
            (
                Setting::DecayFactor,
                decay_factor,
                decay_factor.is_finite() && decay_factor > 0.0,
                "a positive number",
            ),
            (
                Setting::LabelSmoothing,
                self.label_smoothing,
                share(self.label_smoothing),
                "at least 0 and below 1",
            ),
            (
                Setting::Ema,
                ema.unwrap_or(0.5),
                ema.is_none_or(|ema| ema > 0.0 && ema < 1.0),
                "above 0 and below 1",
            ),
            (
                Setting::PeriodFactor,
                period_factor,
                period_factor.is_finite() && period_factor >= 1.0,
                "at least 1",
            ),
            (Setting::Rise, rise, rise > 0.0 && rise < 1.0, "above 0 and below 1"),
            (Setting::PlateauPatience, plateau_patience as f32, plateau_patience > 0, "at least 1"),
            (Setting::LrFloor, floor, (0.0..=1.0).contains(&floor), "from 0 to 1"),
            (Setting::DecayEvery, decay_every as f32, decay_every > 0, "at least 1"),
            (
                Setting::WarmUp,
                warm_up as f32,
                warm_up == 0 || decay != Decay::OneCycle,
                "0, as a one-cycle schedule rises by itself",
            ),
            (
                Setting::DecayFactor,
                decay_factor,
                decay != Decay::Plateau || decay_factor < 1.0,
                "below 1, as a plateau schedule lowers the learning rate",
            ),
        ] {
            if !is_good {
                return Err(Error::usage(setting, format!("found {value}, expected {expected}")));
            }
        }
        if self.label_smoothing != 0.0 && loss != Loss::CrossEntropy {
            let problem = format!(
                "found {} beside {}, expected 0: it is for {}",
                self.label_smoothing,
                Setting::Loss.with(loss.name()),
                Setting::Loss.with(Loss::CrossEntropy.name())
            );
            return Err(Error::usage(Setting::LabelSmoothing, problem));
        }
        for (setting, is_zero) in
            [(Setting::Epochs, self.epochs == 0), (Setting::Steps, self.steps == Some(0))]
        {
            if is_zero {
                return Err(Error::usage(setting, "found 0, expected at least 1"));
            }
        }
        Ok(())
    }

    pub(super) fn identify(&self, identity: &mut BTreeMap<Setting, String>) {
        let UpdateRule { optimizer, momentum, betas, epsilon, weight_decay, clip_norm, ema } = self.rule;
        let Schedule {
            decay,
            warm_up,
            decay_every,
            decay_factor,
            floor,
            period_factor,
            rise,
            plateau_patience,
        } = self.schedule;
        // The rates of these schedules depend on the number of steps to come.
        let schedule = match (decay, self.steps) {
            (Decay::Cosine | Decay::OneCycle, Some(steps)) => format!("{} over {steps} steps", decay.name()),
            (Decay::Cosine | Decay::OneCycle, None) => {
                format!("{} over {} epochs", decay.name(), self.epochs)
            }
            _ => decay.name().to_owned(),
        };
        identity.extend([
            (Setting::Optimizer, optimizer.name().to_owned()),
            (Setting::Lr, self.lr.to_string()),
            (Setting::Momentum, momentum.to_string()),
            (Setting::Beta1, betas[0].to_string()),
            (Setting::Beta2, betas[1].to_string()),
            (Setting::Epsilon, epsilon.to_string()),
            (Setting::WeightDecay, weight_decay.to_string()),
            (Setting::ClipNorm, clip_norm.map_or("none".to_owned(), |norm| norm.to_string())),
            (Setting::Schedule, schedule),
            (Setting::WarmUp, warm_up.to_string()),
            (Setting::DecayEvery, decay_every.to_string()),
            (Setting::DecayFactor, decay_factor.to_string()),
            (Setting::LrFloor, floor.to_string()),
            (Setting::Seed, self.seed.to_string()),
            (Setting::Shuffle, self.shuffle.to_string()),
        ]);
        let later = [
            (decay == Decay::Restarts).then(|| (Setting::PeriodFactor, period_factor.to_string())),
            (decay == Decay::OneCycle).then(|| (Setting::Rise, rise.to_string())),
            (decay == Decay::Plateau).then(|| (Setting::PlateauPatience, plateau_patience.to_string())),
            ema.map(|ema| (Setting::Ema, ema.to_string())),
        ];
        identity.extend(later.into_iter().flatten());
        // Runs of earlier versions had none.
        if self.label_smoothing != 0.0 {
            identity.insert(Setting::LabelSmoothing, self.label_smoothing.to_string());
        }
    }
}
