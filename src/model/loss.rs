use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Activation;

/// A loss function of a sample's outputs `a` and targets `y`; training minimises its mean over the batch.
///
/// A class label stands for its one-hot row, or, in a network of one output, for the number itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `½ · Σ_outputs (a − y)²`
    Quadratic,
    /// `(a − y)²`, averaged over the outputs.
    Mse,
    /// Softmax of the outputs with cross-entropy; targets are class labels, or probabilities of the classes.
    CrossEntropy,
    /// Sigmoid of each output with binary cross-entropy, averaged over the outputs; targets are from 0 to 1.
    BinaryCrossEntropy,
    /// `½ · (a − y)²` if `|a − y| ≤ 1`, else `|a − y| − ½`; averaged over the outputs.
    Huber,
    /// `ln cosh(a − y)`, averaged over the outputs.
    LogCosh,
}

impl Loss {
    /// Every loss function.
    pub const ALL: [Loss; 6] = [
        Loss::Quadratic,
        Loss::Mse,
        Loss::CrossEntropy,
        Loss::BinaryCrossEntropy,
        Loss::Huber,
        Loss::LogCosh,
    ];

    fn name_and_summary(self) -> (&'static str, &'static str) {
        match self {
            Loss::Quadratic => ("quadratic", "half the squared error, summed over the outputs"),
            Loss::Mse => ("mse", "squared error, averaged over the outputs"),
            Loss::CrossEntropy => {
                ("cross-entropy", "softmax and cross-entropy, for class labels or probabilities")
            }
            Loss::BinaryCrossEntropy => {
                ("binary-cross-entropy", "sigmoid and cross-entropy of each output, for targets from 0 to 1")
            }
            Loss::Huber => ("huber", "squared error, linear beyond an error of 1, averaged over the outputs"),
            Loss::LogCosh => {
                ("log-cosh", "logarithm of the error's hyperbolic cosine, averaged over the outputs")
            }
        }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.name_and_summary().0
    }

    /// What it computes, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.name_and_summary().1
    }

    /// Activation function of the last layer in a network that stores outputs, whose hidden layers have `hidden`:
    /// the same under the quadratic loss, else the identity.
    pub fn output_activation(self, hidden: Activation) -> Activation {
        match self {
            Loss::Quadratic => hidden,
            _ => Activation::Identity,
        }
    }

    /// Output above which a network of one output predicts class 1.
    pub fn threshold(self) -> f32 {
        match self {
            // A logit of 0 is a probability of one half.
            Loss::BinaryCrossEntropy => 0.0,
            _ => 0.5,
        }
    }

    /// The class that a sample's outputs predict: the first of the largest or, with one output, 1 if it exceeds the threshold.
    pub fn predicted_class(self, outputs: &[f32]) -> usize {
        match outputs {
            [output] => usize::from(*output > self.threshold()),
            _ => first_largest(outputs),
        }
    }
}

/// Index of the first of the largest values; 0 if there are none.
pub(crate) fn first_largest(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, index| if values[index] > values[best] { index } else { best })
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}
