use std::str::FromStr;

use serde::Serialize;

use super::Activation;

/// What training makes small. Both are averaged over the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `½ · Σ_outputs (a − y)²` against the one-hot label.
    Quadratic,
    /// Softmax of the output state with cross-entropy.
    CrossEntropy,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Loss; 2] = [Loss::Quadratic, Loss::CrossEntropy];

    /// The name that `--loss` takes.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Quadratic => "quadratic",
            Loss::CrossEntropy => "cross-entropy",
        }
    }

    /// The activation of the last layer in a network whose hidden layers have `hidden`: softmax wants logits.
    pub fn output_activation(self, hidden: Activation) -> Activation {
        match self {
            Loss::Quadratic => hidden,
            Loss::CrossEntropy => Activation::Identity,
        }
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
