//! Settings of a training run, their defaults, and their validation.

mod batching;
mod diagnostics;
mod network;
mod optimization;
mod placement;
mod preset;
mod widths;

pub use batching::{Batching, divisors, halvings};
pub use diagnostics::Diagnostics;
pub use network::NetworkSettings;
pub use optimization::Optimization;
pub use placement::{DeviceChoice, Placement};
pub use preset::Preset;
pub use widths::Widths;

use std::collections::BTreeMap;

use crate::model::{Activation, Initialiser, Loss, Optimizer, Parameters, Schedule, UpdateRule};
use crate::{Result, Setting};

/// Default dataset: the MNIST of this repository.
pub const DEFAULT_DATA: &str = "data/mnist.npz";

/// Everything that describes a training run except its data. The default is a deep residual network that learns MNIST
/// in a few epochs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// The network, its initial parameters, and its loss function.
    pub network: NetworkSettings,
    /// Parameter updates.
    pub optimization: Optimization,
    /// Sizes of mini-batches and micro-batches.
    pub batching: Batching,
    /// The device, and what is kept and computed on it.
    pub placement: Placement,
    /// Measurements and checks.
    pub diagnostics: Diagnostics,
}

impl Settings {
    /// The notebook's accuracy experiment: a sigmoid network of four hidden layers, trained with SGD.
    pub fn notebook() -> Self {
        Settings {
            network: NetworkSettings {
                layers: Widths(vec![784, 30, 30, 30, 30, 10]),
                activation: Activation::Sigmoid,
                residual: false,
                normalisation: None,
                dropout: 0.0,
                initialiser: Some(Initialiser::Normal),
                loss: Loss::Quadratic,
            },
            optimization: Optimization {
                rule: UpdateRule::of(Optimizer::Sgd),
                lr: 3.0,
                schedule: Schedule::default(),
                ..Optimization::default()
            },
            batching: Batching { drop_last: true, ..Batching::default() },
            ..Settings::default()
        }
    }

    /// Checks every setting that can be checked without data.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for the first setting that is out of range or contradicts another.
    pub fn validate(&self) -> Result<()> {
        self.optimization.validate(self.network.loss)?;
        self.batching.validate()?;
        self.placement.validate()?;
        self.diagnostics.validate()?;
        self.network.build().map(|_| ())
    }

    /// The settings that determine a run's bits on one device, as text. Placement and diagnostics do not.
    pub fn identity(&self) -> BTreeMap<Setting, String> {
        let mut identity = BTreeMap::new();
        self.network.identify(&mut identity);
        self.optimization.identify(&mut identity);
        self.batching.identify(&mut identity);
        identity
    }

    /// Initial parameters of the network.
    ///
    /// # Errors
    /// As [`Network::new`](crate::model::Network::new).
    pub fn initial_parameters(&self) -> Result<Parameters> {
        self.network.initial_parameters(self.optimization.seed)
    }
}
