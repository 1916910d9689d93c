use clap::Args;

use super::choices::{choices, count};
use crate::config::Optimization;
use crate::model::{Decay, Hyperparameter, Optimizer, Schedule, UpdateRule};

/// The optimizer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimizer")]
pub(super) struct OptimizerFlags {
    /// Optimizer [default: adam]
    #[arg(long, value_name = "NAME", value_parser = choices(Optimizer::ALL, Optimizer::name, Optimizer::summary))]
    optimizer: Option<Optimizer>,

    /// Momentum coefficient
    #[arg(long, value_name = "SHARE", default_value_t = UpdateRule::of(Optimizer::Momentum).momentum, allow_negative_numbers = true)]
    momentum: f32,

    #[arg(long, help = per_optimizer("Decay rate of the mean gradient", users(Hyperparameter::Beta1), |name| UpdateRule::of(name).betas[0]), value_name = "SHARE", allow_negative_numbers = true)]
    beta1: Option<f32>,

    #[arg(long, help = per_optimizer("Decay rate of the mean squared gradient", users(Hyperparameter::Beta2), |name| UpdateRule::of(name).betas[1]), value_name = "SHARE", allow_negative_numbers = true)]
    beta2: Option<f32>,

    /// Number added to the root of the mean squared gradient
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-8, allow_negative_numbers = true)]
    epsilon: f32,

    #[arg(long, help = per_optimizer("Weight decay", Optimizer::ALL, |name| UpdateRule::of(name).weight_decay), value_name = "NUMBER", allow_negative_numbers = true)]
    weight_decay: Option<f32>,

    /// Largest global gradient norm; larger gradients are scaled down to it
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    clip_norm: Option<f32>,
}

impl OptimizerFlags {
    /// `base` with the values of these flags. An optimizer other than that of `base` has its own default learning rate.
    pub fn optimization(&self, base: Optimization) -> Optimization {
        let optimizer = self.optimizer.unwrap_or(base.rule.optimizer);
        let usual = UpdateRule::of(optimizer);
        Optimization {
            lr: if optimizer == base.rule.optimizer { base.lr } else { optimizer.default_lr() },
            rule: UpdateRule {
                optimizer,
                momentum: self.momentum,
                betas: [self.beta1.unwrap_or(usual.betas[0]), self.beta2.unwrap_or(usual.betas[1])],
                epsilon: self.epsilon,
                weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
                clip_norm: self.clip_norm,
                ..usual
            },
            ..base
        }
    }
}

/// The learning rate and its schedule.
#[derive(Debug, Args)]
#[command(next_help_heading = "Learning rate")]
pub(super) struct RateFlags {
    #[arg(long, help = per_optimizer("Learning rate", Optimizer::ALL, Optimizer::default_lr), value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<f32>,

    /// Learning-rate schedule [default: cosine]
    #[arg(long, value_name = "NAME", value_parser = choices(Decay::ALL, Decay::name, Decay::summary))]
    schedule: Option<Decay>,

    /// Steps of linear warm-up of the learning rate
    #[arg(long, value_name = "STEPS", default_value_t = Schedule::default().warm_up, value_parser = count::<u64>, allow_negative_numbers = true)]
    warm_up: u64,

    /// Steps between decays, for --schedule step; steps of the first period, for --schedule restarts
    #[arg(long, value_name = "STEPS", default_value_t = Schedule::default().decay_every, value_parser = count::<u64>, allow_negative_numbers = true)]
    decay_every: u64,

    /// Decay factor, for --schedule step and plateau
    #[arg(long, value_name = "FACTOR", default_value_t = Schedule::default().decay_factor, allow_negative_numbers = true)]
    decay_factor: f32,

    /// Least learning rate as a share of --lr, for --schedule cosine, restarts, one-cycle and plateau
    #[arg(long, value_name = "SHARE", default_value_t = Schedule::default().floor, allow_negative_numbers = true)]
    lr_floor: f32,

    /// Length of a period relative to the one before, for --schedule restarts
    #[arg(long, value_name = "FACTOR", default_value_t = Schedule::default().period_factor, allow_negative_numbers = true)]
    period_factor: f32,

    /// Share of the steps in which the learning rate rises, for --schedule one-cycle
    #[arg(long, value_name = "SHARE", default_value_t = Schedule::default().rise, allow_negative_numbers = true)]
    rise: f32,

    /// Evaluations without a lower loss before a decay, for --schedule plateau
    #[arg(long, value_name = "N", default_value_t = Schedule::default().plateau_patience, value_parser = count::<u64>, allow_negative_numbers = true)]
    plateau_patience: u64,
}

impl RateFlags {
    /// `base` with the values of these flags.
    pub fn optimization(&self, base: Optimization) -> Optimization {
        Optimization {
            lr: self.lr.unwrap_or(base.lr),
            schedule: Schedule {
                decay: self.schedule.unwrap_or(base.schedule.decay),
                warm_up: self.warm_up,
                decay_every: self.decay_every,
                decay_factor: self.decay_factor,
                floor: self.lr_floor,
                period_factor: self.period_factor,
                rise: self.rise,
                plateau_patience: self.plateau_patience,
            },
            ..base
        }
    }
}

/// Optimizers whose updates depend on `hyperparameter`.
fn users(hyperparameter: Hyperparameter) -> impl Iterator<Item = Optimizer> {
    Optimizer::ALL.into_iter().filter(move |optimizer| optimizer.uses(hyperparameter))
}

/// Help for a hyperparameter of `optimizers`, whose default `value` depends on the optimizer.
fn per_optimizer(
    what: &str,
    optimizers: impl IntoIterator<Item = Optimizer>,
    value: fn(Optimizer) -> f32,
) -> String {
    let mut defaults: Vec<(f32, Vec<&str>)> = Vec::new();
    for optimizer in optimizers {
        match defaults.iter_mut().find(|(default, _)| *default == value(optimizer)) {
            Some((_, names)) => names.push(optimizer.name()),
            None => defaults.push((value(optimizer), vec![optimizer.name()])),
        }
    }
    let defaults: Vec<_> =
        defaults.iter().map(|(default, names)| format!("{default} for {}", names.join(", "))).collect();
    format!("{what} [default: {}]", defaults.join("; "))
}
