//! A short text that identifies a dataset's training samples.

use sha2::{Digest, Sha256};

use super::dataset::Dataset;
use super::preprocessing::Preprocessing;
use super::split::Split;

/// Samples that the checksum covers, spread evenly over the split.
const SAMPLED: usize = 256;
const DIGEST_BYTES: usize = 4;

impl Dataset {
    /// Identifies the training samples by their number, their features, and a checksum of some samples and
    /// their targets, and those of a table by the names of its columns, categories and classes, too. Mapped samples have the
    /// same checksum as those in memory.
    pub fn identity(&self) -> String {
        let (samples, features) = (self.train.len(), self.train.features());
        let preprocessing = self.train.preprocessing().map(|identity| format!(", preprocessing {identity}"));
        format!(
            "{samples} samples of {features} features, checksum {}{}",
            checksum(&self.train),
            preprocessing.unwrap_or_default()
        )
    }
}

fn checksum(split: &Split) -> String {
    let (mut inputs, mut targets) = (vec![0.0; split.features()], vec![0; split.target_words()]);
    let mut digest = Sha256::new();
    let count = split.len().min(SAMPLED);
    for index in 0..count {
        // The first, the last, and some at equal steps between them.
        let row = (index * (split.len() - 1) / (count - 1).max(1)) as u32;
        split.gather(&[row], &mut inputs);
        split.gather_targets(&[row], &mut targets);
        for word in inputs.iter().map(|value| value.to_bits()).chain(targets.iter().copied()) {
            digest.update(word.to_le_bytes());
        }
    }
    shortened(digest)
}

impl Preprocessing {
    /// A checksum of the names that it gives to columns, categories and classes; `None` if there are none.
    pub(super) fn identity(&self) -> Option<String> {
        let Preprocessing { columns, targets, classes, .. } = self;
        if columns.is_empty() && classes.is_empty() {
            return None;
        }
        let names = serde_json::to_vec(&(columns, targets, classes)).unwrap_or_default();
        Some(shortened(Sha256::new().chain_update(names)))
    }
}

fn shortened(digest: Sha256) -> String {
    digest.finalize()[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::inputs::Inputs;
    use crate::data::targets::Targets;

    fn data(inputs: Vec<f32>, targets: impl Into<Targets>) -> Dataset {
        let train = Split::new(2, Inputs::F32(inputs), targets).unwrap();
        Dataset::in_memory(train.clone(), train).unwrap()
    }

    #[test]
    fn identity_depends_on_inputs_targets_and_order() {
        let identity = |inputs: &[f32], labels: &[u32]| data(inputs.to_vec(), labels.to_vec()).identity();
        let first = identity(&[1.0, 2.0, 3.0, 4.0], &[0, 1]);
        assert!(first.starts_with("2 samples of 2 features, checksum "), "{first}");
        assert_eq!(first, identity(&[1.0, 2.0, 3.0, 4.0], &[0, 1]));
        assert_ne!(first, identity(&[1.0, 2.0, 3.0, 5.0], &[0, 1]), "another input");
        assert_ne!(first, identity(&[1.0, 2.0, 3.0, 4.0], &[0, 2]), "another target");
        assert_ne!(first, identity(&[3.0, 4.0, 1.0, 2.0], &[1, 0]), "another order");
        assert_ne!(identity(&[1.0, 2.0], &[0]), identity(&[1.0, 2.0], &[1]), "one sample");
        let regression =
            |values: Vec<f32>| data(vec![1.0, 2.0], Targets::Regression { width: 2, values }).identity();
        assert_ne!(regression(vec![0.5, 1.0]), regression(vec![0.5, 1.5]));
    }

    #[test]
    fn checksum_covers_both_ends_of_many_samples() {
        let identity = |changed: usize| {
            let mut inputs = vec![0.5; 2 * 1000];
            inputs[changed] = 1.0;
            data(inputs, vec![0; 1000]).identity()
        };
        assert_ne!(identity(0), identity(1999));
        assert_ne!(identity(0), identity(2));
        assert_ne!(identity(1999), identity(2));
    }
}
