use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The function φ between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(z, 0)`, with derivative 0 at 0.
    Relu,
    /// `z` where it is positive, else `z / 100`.
    LeakyRelu,
    /// `z · Φ(z)`, with Φ the normal distribution's cumulative function (Hendrycks & Gimpel 2016), not its tanh form.
    Gelu,
    /// `z · sigmoid(z)`, also called swish.
    Silu,
    /// `sin(z)`; a frequency is part of the weights.
    Sine,
    /// `z`
    Identity,
}

/// What a state holds of the activation that comes after its layer: what backward can take φ′ from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// `φ(z)`: the layer that makes it applies φ.
    Output,
    /// `z`: the layer that reads it applies φ.
    PreActivation,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 8] = [
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Sine,
        Activation::Identity,
    ];

    /// What leaky-relu multiplies negative numbers by.
    pub const LEAK: f32 = 0.01;

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky-relu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Sine => "sine",
            Activation::Identity => "identity",
        }
    }

    /// What states hold in a network without residual layers: the output where φ′ can be told from it.
    pub fn stored(self) -> Stored {
        match self {
            Activation::Gelu | Activation::Silu | Activation::Sine => Stored::PreActivation,
            _ => Stored::Output,
        }
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
