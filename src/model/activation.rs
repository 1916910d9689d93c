use std::str::FromStr;

use serde::Serialize;

/// The function φ that a layer applies to its pre-activation.
///
/// Every one of these gives its derivative from its own output, so a layer's state is all that backward needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(z, 0)`, with derivative 0 at 0.
    Relu,
    /// `z`
    Identity,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 4] =
        [Activation::Sigmoid, Activation::Tanh, Activation::Relu, Activation::Identity];

    /// The name that `--activation` takes.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
            Activation::Identity => "identity",
        }
    }

    /// φ′ from the output `a = φ(z)`.
    pub fn derivative(self, a: f32) -> f32 {
        match self {
            Activation::Sigmoid => a * (1.0 - a),
            // More digits near ±1 than 1 − a² has.
            Activation::Tanh => (1.0 - a) * (1.0 + a),
            Activation::Relu => f32::from(a > 0.0),
            Activation::Identity => 1.0,
        }
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
