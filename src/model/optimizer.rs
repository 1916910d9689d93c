use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DropoutKey;

/// How a gradient `g` updates a parameter `p` at learning rate `lr`. [`UpdateRule`] adds the hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent, `p -= lr · g`; it has no state.
    Sgd,
    /// SGD with momentum: `m = momentum · m + g`, `p -= lr · m`.
    Momentum,
    /// SGD with Nesterov momentum: `m = momentum · m + g`, `p -= lr · (g + momentum · m)`.
    Nesterov,
    /// RMSprop (Tieleman & Hinton 2012), as PyTorch has it: `v = beta2 · v + (1 − beta2) · g²`, `p -= lr · g / (√v + ε)`.
    Rmsprop,
    /// Adam (Kingma & Ba 2015), with weight decay added to the gradient.
    Adam,
    /// AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay.
    Adamw,
    /// Lion (Chen et al. 2023), with decoupled weight decay: `p -= lr · sign(beta1 · m + (1 − beta1) · g)`,
    /// `m = beta2 · m + (1 − beta2) · g`.
    Lion,
}

/// A hyperparameter that some optimizers have and others ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hyperparameter {
    /// [`UpdateRule::momentum`]
    Momentum,
    /// The first of [`UpdateRule::betas`].
    Beta1,
    /// The second of [`UpdateRule::betas`].
    Beta2,
    /// [`UpdateRule::epsilon`]
    Epsilon,
}

/// What distinguishes one optimizer from another, but for its arithmetic.
struct Properties {
    name: &'static str,
    summary: &'static str,
    moments: usize,
    hyperparameters: &'static [Hyperparameter],
    lr: f32,
    betas: [f32; 2],
    weight_decay: f32,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Optimizer; 7] = [
        Optimizer::Sgd,
        Optimizer::Momentum,
        Optimizer::Nesterov,
        Optimizer::Rmsprop,
        Optimizer::Adam,
        Optimizer::Adamw,
        Optimizer::Lion,
    ];

    fn properties(self) -> Properties {
        use Hyperparameter::{Beta1, Beta2, Epsilon, Momentum};
        let sgd = Properties {
            name: "sgd",
            summary: "stochastic gradient descent",
            moments: 0,
            hyperparameters: &[],
            lr: 0.1,
            betas: [0.9, 0.999],
            weight_decay: 0.0,
        };
        let momentum = Properties {
            name: "momentum",
            summary: "SGD with momentum",
            moments: 1,
            hyperparameters: &[Momentum],
            lr: 0.01,
            ..sgd
        };
        let adam = Properties {
            name: "adam",
            summary: "Adam, with weight decay added to the gradient",
            moments: 2,
            hyperparameters: &[Beta1, Beta2, Epsilon],
            lr: 0.001,
            ..sgd
        };
        match self {
            Optimizer::Sgd => sgd,
            Optimizer::Momentum => momentum,
            Optimizer::Nesterov => {
                Properties { name: "nesterov", summary: "SGD with Nesterov momentum", ..momentum }
            }
            Optimizer::Rmsprop => Properties {
                name: "rmsprop",
                summary: "SGD divided by the root mean square of the gradient",
                moments: 1,
                hyperparameters: &[Beta2, Epsilon],
                lr: 0.01,
                betas: [0.9, 0.99],
                ..sgd
            },
            Optimizer::Adam => adam,
            Optimizer::Adamw => Properties {
                name: "adamw",
                summary: "Adam with decoupled weight decay",
                weight_decay: 0.01,
                ..adam
            },
            Optimizer::Lion => Properties {
                name: "lion",
                summary: "sign of interpolated momentum, with decoupled weight decay",
                moments: 1,
                hyperparameters: &[Beta1, Beta2],
                lr: 1e-4,
                betas: [0.9, 0.99],
                weight_decay: 0.001,
            },
        }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.properties().name
    }

    /// What it is, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.properties().summary
    }

    /// Numbers of optimizer state for each parameter.
    pub fn moments(self) -> usize {
        self.properties().moments
    }

    /// `true` if the update depends on `hyperparameter`.
    pub fn uses(self, hyperparameter: Hyperparameter) -> bool {
        self.properties().hyperparameters.contains(&hyperparameter)
    }

    /// Default learning rate.
    pub fn default_lr(self) -> f32 {
        self.properties().lr
    }
}

impl FromStr for Optimizer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}

/// An optimizer with its hyperparameters but for the learning rate, which comes with each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateRule {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Momentum coefficient, of [`Optimizer::Momentum`] and [`Optimizer::Nesterov`].
    pub momentum: f32,
    /// Decay rates of the running means: of gradients, and of squared gradients.
    pub betas: [f32; 2],
    /// Added to the root of the mean squared gradient, which the update is divided by.
    pub epsilon: f32,
    /// Factor of the parameter that is added to its gradient (L2 regularisation), or, if decoupled, factor of the
    /// learning rate and the parameter that is subtracted from the parameter.
    pub weight_decay: f32,
    /// Largest global gradient norm; gradients above it are scaled down to it.
    pub clip_norm: Option<f32>,
    /// Decay rate of an exponential moving average of the parameters, `average = ema · average + (1 − ema) · p` after each step; the
    /// average starts at the initial parameters. Evaluation and model files take it in place of the parameters.
    pub ema: Option<f32>,
}

impl UpdateRule {
    /// Added to the global gradient norm before [`UpdateRule::clip_norm`] is divided by it, as in PyTorch's
    /// `clip_grad_norm_`.
    pub const CLIP_MARGIN: f64 = 1e-6;

    /// `optimizer` with its default hyperparameters.
    pub fn of(optimizer: Optimizer) -> Self {
        let Properties { betas, weight_decay, .. } = optimizer.properties();
        UpdateRule {
            optimizer,
            momentum: 0.9,
            betas,
            epsilon: 1e-8,
            weight_decay,
            clip_norm: None,
            ema: None,
        }
    }

    /// Numbers that are kept for each parameter: the optimizer's state, and the moving average if there is one.
    pub fn moments(&self) -> usize {
        self.optimizer.moments() + usize::from(self.ema.is_some())
    }

    /// The numbers of step `index` (counted from 0) at learning rate `rate`, on a mini-batch whose sums are divided by `divisor`, with
    /// these masks of dropout.
    pub fn step_params(&self, index: u64, rate: f32, divisor: f32, dropout: DropoutKey) -> StepParams {
        let correction = |beta: f32| {
            let steps = i32::try_from(index + 1).unwrap_or(i32::MAX);
            1.0 - f64::from(beta).powi(steps)
        };
        let (stride, root) = match self.optimizer {
            Optimizer::Adam | Optimizer::Adamw => {
                let [first, second] = self.betas.map(correction);
                ((f64::from(rate) / first) as f32, (1.0 / second.sqrt()) as f32)
            }
            _ => (rate, 1.0),
        };
        StepParams { rate, stride, root, divisor, dropout: Some(dropout) }
    }
}

impl Default for StepParams {
    /// A learning rate of zero, without dropout.
    fn default() -> Self {
        StepParams { rate: 0.0, stride: 0.0, root: 1.0, divisor: 1.0, dropout: None }
    }
}

/// The numbers that change from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepParams {
    /// Learning rate.
    pub rate: f32,
    /// Learning rate divided by the bias correction of Adam's first moment.
    pub stride: f32,
    /// Factor of the root of Adam's second moment, for its bias correction.
    pub root: f32,
    /// What the losses of a mini-batch, and their gradients, are divided by: the number of its samples, or the sum of
    /// their weights.
    pub divisor: f32,
    /// Masks of dropout; `None` outside of training.
    pub dropout: Option<DropoutKey>,
}
