use super::{Dataset, Inputs, Split, Targets};

/// How much data there is, and of what kind: all that planning needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetShape {
    /// What the parameters are fitted to.
    pub train: SplitShape,
    /// What the accuracy is measured on.
    pub test: SplitShape,
}

/// The size of one split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitShape {
    /// How many samples it has.
    pub samples: usize,
    /// How many numbers a sample has.
    pub features: usize,
    /// Bytes of each number: 1 or 4.
    pub value_bytes: usize,
    /// How many 32-bit words its target has.
    pub target_words: usize,
    /// Whether that is the number of its class.
    pub are_classes: bool,
}

impl DatasetShape {
    /// No samples, of `features` numbers each.
    pub fn empty(features: usize) -> Self {
        let split = SplitShape { samples: 0, features, value_bytes: 4, target_words: 1, are_classes: true };
        DatasetShape { train: split, test: split }
    }
}

impl Dataset {
    /// How much of it there is.
    pub fn shape(&self) -> DatasetShape {
        DatasetShape { train: self.train.shape(), test: self.test.shape() }
    }
}

impl Split {
    /// How much of it there is.
    pub fn shape(&self) -> SplitShape {
        let value_bytes = match self.inputs() {
            Inputs::U8(_) => 1,
            Inputs::F32(_) => 4,
            Inputs::Mapped(mapped) => mapped.value_bytes(),
        };
        SplitShape {
            samples: self.len(),
            features: self.features(),
            value_bytes,
            target_words: self.targets().width(),
            are_classes: matches!(self.targets(), Targets::Classes(_)),
        }
    }
}
