use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Activation;

/// What training makes small, of outputs `a` and targets `y`. All are averaged over the batch.
///
/// A class number stands for its one-hot row, or, where there is one output, for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `½ · Σ_outputs (a − y)²`
    Quadratic,
    /// `(a − y)²`, averaged over the outputs.
    Mse,
    /// Softmax of the outputs with cross-entropy; targets are classes.
    CrossEntropy,
    /// Sigmoid of each output with binary cross-entropy, averaged over the outputs; targets are from 0 to 1.
    BinaryCrossEntropy,
    /// `½ · (a − y)²` up to a distance of 1, beyond it the distance less ½; averaged over the outputs.
    Huber,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Loss; 5] =
        [Loss::Quadratic, Loss::Mse, Loss::CrossEntropy, Loss::BinaryCrossEntropy, Loss::Huber];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Quadratic => "quadratic",
            Loss::Mse => "mse",
            Loss::CrossEntropy => "cross-entropy",
            Loss::BinaryCrossEntropy => "binary-cross-entropy",
            Loss::Huber => "huber",
        }
    }

    /// The activation of the last layer in a network whose hidden layers have `hidden` and apply it to their outputs:
    /// as the notebook has it for its own loss, and none for the others.
    pub fn output_activation(self, hidden: Activation) -> Activation {
        match self {
            Loss::Quadratic => hidden,
            _ => Activation::Identity,
        }
    }

    /// Where outputs are split into two classes, if there is one output.
    pub fn threshold(self) -> f32 {
        match self {
            Loss::BinaryCrossEntropy => 0.0,
            _ => 0.5,
        }
    }

    /// Whether targets may be other numbers than classes.
    pub fn takes_values(self) -> bool {
        self != Loss::CrossEntropy
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
