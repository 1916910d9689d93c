use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a gradient `g` moves a parameter `p`, by name; [`UpdateRule`] has the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent: `p -= lr · g`. It keeps no state.
    Sgd,
    /// `m = momentum · m + g`, `p -= lr · m`
    Momentum,
    /// `m = momentum · m + g`, `p -= lr · (g + momentum · m)`
    Nesterov,
    /// Kingma & Ba 2015; weight decay adds to the gradient.
    Adam,
    /// Loshchilov & Hutter 2019: Adam, with weight decay apart from the gradient.
    Adamw,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Optimizer; 5] =
        [Optimizer::Sgd, Optimizer::Momentum, Optimizer::Nesterov, Optimizer::Adam, Optimizer::Adamw];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Optimizer::Sgd => "sgd",
            Optimizer::Momentum => "momentum",
            Optimizer::Nesterov => "nesterov",
            Optimizer::Adam => "adam",
            Optimizer::Adamw => "adamw",
        }
    }

    /// Numbers that it remembers of each parameter.
    pub fn moments(self) -> usize {
        match self {
            Optimizer::Sgd => 0,
            Optimizer::Momentum | Optimizer::Nesterov => 1,
            Optimizer::Adam | Optimizer::Adamw => 2,
        }
    }

    /// A learning rate to begin with, where none is given.
    pub fn usual_rate(self) -> f32 {
        match self {
            Optimizer::Sgd => 0.1,
            Optimizer::Momentum | Optimizer::Nesterov => 0.01,
            Optimizer::Adam | Optimizer::Adamw => 0.001,
        }
    }

    /// Weight decay, where none is given.
    pub fn usual_decay(self) -> f32 {
        if self == Optimizer::Adamw { 0.01 } else { 0.0 }
    }
}

impl FromStr for Optimizer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}

/// An optimizer and its numbers; the learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateRule {
    /// By name.
    pub optimizer: Optimizer,
    /// Of momentum and nesterov.
    pub momentum: f32,
    /// How much of the mean of gradients, and of their squares, Adam keeps each step.
    pub betas: [f32; 2],
    /// What Adam adds to the root that it divides by.
    pub epsilon: f32,
    /// L2 regularisation: what is added to a gradient for each unit of its parameter, or, in adamw, taken off the
    /// parameter for each unit of the learning rate.
    pub weight_decay: f32,
    /// The most that the norm of all gradients together may be; longer ones are scaled down to it.
    pub clip_norm: Option<f32>,
}

impl UpdateRule {
    /// What is added to a norm before the most that it may be is divided by it, as PyTorch's `clip_grad_norm_` does.
    pub const CLIP_MARGIN: f64 = 1e-6;

    /// `optimizer` with its usual numbers.
    pub fn of(optimizer: Optimizer) -> Self {
        UpdateRule {
            optimizer,
            momentum: 0.9,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: optimizer.usual_decay(),
            clip_norm: None,
        }
    }

    /// What changes from step to step, at step `index` (counted from 0), with learning rate `rate`.
    pub fn step_params(&self, rate: f32, index: u64) -> StepParams {
        let correction = |beta: f32| {
            let steps = i32::try_from(index + 1).unwrap_or(i32::MAX);
            1.0 - f64::from(beta).powi(steps)
        };
        match self.optimizer {
            Optimizer::Adam | Optimizer::Adamw => {
                let [first, second] = self.betas.map(correction);
                StepParams {
                    rate,
                    stride: (f64::from(rate) / first) as f32,
                    root: (1.0 / second.sqrt()) as f32,
                }
            }
            _ => StepParams { rate, stride: rate, root: 1.0 },
        }
    }
}

/// What of an update is not the same in every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepParams {
    /// The learning rate.
    pub rate: f32,
    /// The learning rate over the correction of Adam's first moment.
    pub stride: f32,
    /// What the root of Adam's second moment is multiplied by, for its correction.
    pub root: f32,
}
