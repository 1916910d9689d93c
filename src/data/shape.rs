//! Sizes of a dataset: all that planning needs to know about it.

use super::dataset::Dataset;
use super::split::Split;
use super::targets::Targets;

/// Sizes and kinds of a dataset's splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetShape {
    /// Shape of the training split.
    pub train: SplitShape,
    /// Shape of the test split.
    pub test: SplitShape,
}

/// Sizes and kinds of one split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitShape {
    /// Number of samples.
    pub samples: usize,
    /// Input values per sample.
    pub features: usize,
    /// Bytes of an input value: 1 or 4.
    pub value_bytes: usize,
    /// Targets per sample, with its weight if there are weights, in 32-bit words.
    pub target_words: usize,
    /// `true` if samples have weights.
    pub has_weights: bool,
    /// `true` if targets are class labels.
    pub are_classes: bool,
}

impl DatasetShape {
    /// A dataset without samples, of `features` features.
    pub fn empty(features: usize) -> Self {
        let split = SplitShape {
            samples: 0,
            features,
            value_bytes: 4,
            target_words: 1,
            has_weights: false,
            are_classes: true,
        };
        DatasetShape { train: split, test: split }
    }
}

impl Dataset {
    /// Sizes and kinds of both splits.
    pub fn shape(&self) -> DatasetShape {
        DatasetShape { train: self.train.shape(), test: self.test.shape() }
    }
}

impl Split {
    /// Its sizes and kinds.
    pub fn shape(&self) -> SplitShape {
        SplitShape {
            samples: self.len(),
            features: self.features(),
            value_bytes: self.inputs().value_bytes(),
            target_words: self.target_words(),
            has_weights: self.weights().is_some(),
            are_classes: matches!(self.targets(), Targets::Classes(_)),
        }
    }
}
