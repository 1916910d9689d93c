use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Initialiser;

/// An activation function φ, applied element-wise between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// `tanh(z)`
    Tanh,
    /// `max(z, 0)`, with derivative 0 at 0.
    Relu,
    /// `z` if positive, else [`Activation::LEAK`]` · z`.
    LeakyRelu,
    /// `z · Φ(z)`, with Φ the standard normal CDF (Hendrycks & Gimpel 2016); exact, not the tanh approximation.
    Gelu,
    /// `z · sigmoid(z)`, also called swish.
    Silu,
    /// `ln(1 + e^z)`
    Softplus,
    /// `z · tanh(softplus(z))` (Misra 2020).
    Mish,
    /// `sin(z)`; the frequency is part of the weights (Sitzmann et al. 2020).
    Sine,
    /// `z`
    Identity,
}

/// What a network's hidden states hold, and so what the backward pass computes φ′ from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// `φ(z)`: the layer that writes the state applies φ.
    Output,
    /// `z`: the layer that reads the state applies φ.
    PreActivation,
}

/// What distinguishes one activation function from another, but for its arithmetic.
pub(super) struct Properties {
    name: &'static str,
    summary: &'static str,
    stored: Stored,
    pub initialiser: Initialiser,
}

impl Activation {
    /// Every activation function.
    pub const ALL: [Activation; 10] = [
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
        Activation::Mish,
        Activation::Sine,
        Activation::Identity,
    ];

    /// Slope of leaky ReLU for negative inputs.
    pub const LEAK: f32 = 0.01;

    pub(super) fn properties(self) -> Properties {
        use Initialiser::{He, Siren, Xavier};
        use Stored::{Output, PreActivation};
        let (name, summary, stored, initialiser) = match self {
            Activation::Sigmoid => ("sigmoid", "1 / (1 + e^-z)", Output, Xavier),
            Activation::Tanh => ("tanh", "hyperbolic tangent", Output, Xavier),
            Activation::Relu => ("relu", "max(z, 0)", Output, He),
            Activation::LeakyRelu => ("leaky-relu", "z if positive, else 0.01 z", Output, He),
            Activation::Gelu => ("gelu", "z Φ(z), with Φ the standard normal CDF", PreActivation, He),
            Activation::Silu => ("silu", "z sigmoid(z)", PreActivation, He),
            Activation::Softplus => ("softplus", "ln(1 + e^z)", PreActivation, He),
            Activation::Mish => ("mish", "z tanh(softplus(z))", PreActivation, He),
            Activation::Sine => ("sine", "sin(z)", PreActivation, Siren),
            Activation::Identity => ("identity", "z", Output, Xavier),
        };
        Properties { name, summary, stored, initialiser }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.properties().name
    }

    /// Formula, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.properties().summary
    }

    /// What states hold in a network without residual layers and layer normalisation: φ's output if φ′ can be computed
    /// from it.
    pub fn stored(self) -> Stored {
        self.properties().stored
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
