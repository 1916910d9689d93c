use std::str::FromStr;

use serde::Serialize;

/// How a gradient moves a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent: `p -= lr · gradient`. Fused into the weight gradient; it keeps no state.
    Sgd,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Optimizer; 1] = [Optimizer::Sgd];

    /// The name that `--optimizer` takes.
    pub fn name(self) -> &'static str {
        match self {
            Optimizer::Sgd => "sgd",
        }
    }
}

impl FromStr for Optimizer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
