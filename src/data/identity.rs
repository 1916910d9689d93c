//! What data it is, in a few words.

use sha2::{Digest, Sha256};

use super::{Dataset, Split};

/// Samples that are looked at, spread over all.
const LOOKED_AT: usize = 256;
const DIGEST_BYTES: usize = 4;

impl Dataset {
    /// What tells its training samples from others: their number, features, and a checksum over some of them and their
    /// targets. Samples that are mapped have the checksum that they have in memory.
    pub fn identity(&self) -> String {
        let (samples, features) = (self.train.len(), self.train.features());
        format!("{samples} samples of {features} features, checksum {}", checksum(&self.train))
    }
}

fn checksum(split: &Split) -> String {
    let (mut inputs, mut targets) = (vec![0.0; split.features()], vec![0; split.targets().width()]);
    let mut digest = Sha256::new();
    let count = split.len().min(LOOKED_AT);
    for index in 0..count {
        // The first, the last, and some in equal steps between them.
        let row = (index * (split.len() - 1) / (count - 1).max(1)) as u32;
        split.gather(&[row], &mut inputs);
        split.gather_targets(&[row], &mut targets);
        let words = inputs.iter().map(|value| value.to_bits()).chain(targets.iter().copied());
        words.for_each(|word| digest.update(word.to_le_bytes()));
    }
    digest.finalize()[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Inputs, Targets};

    fn data(inputs: Vec<f32>, targets: impl Into<Targets>) -> Dataset {
        let train = Split::new(2, Inputs::F32(inputs), targets).unwrap();
        Dataset::in_memory(train.clone(), train).unwrap()
    }

    #[test]
    fn other_data_has_another_identity() {
        let of = |inputs: &[f32], labels: &[u32]| data(inputs.to_vec(), labels.to_vec()).identity();
        let first = of(&[1.0, 2.0, 3.0, 4.0], &[0, 1]);
        assert!(first.starts_with("2 samples of 2 features, checksum "), "{first}");
        assert_eq!(first, of(&[1.0, 2.0, 3.0, 4.0], &[0, 1]));
        assert_ne!(first, of(&[1.0, 2.0, 3.0, 5.0], &[0, 1]), "another input");
        assert_ne!(first, of(&[1.0, 2.0, 3.0, 4.0], &[0, 2]), "another target");
        assert_ne!(first, of(&[3.0, 4.0, 1.0, 2.0], &[1, 0]), "another order");
        assert_ne!(of(&[1.0, 2.0], &[0]), of(&[1.0, 2.0], &[1]), "one sample");
        let values = |values: Vec<f32>| data(vec![1.0, 2.0], Targets::Values { width: 2, values }).identity();
        assert_ne!(values(vec![0.5, 1.0]), values(vec![0.5, 1.5]));
    }

    #[test]
    fn the_ends_of_many_samples_are_looked_at() {
        let of = |changed: usize| {
            let mut inputs = vec![0.5; 2 * 1000];
            inputs[changed] = 1.0;
            data(inputs, vec![0; 1000]).identity()
        };
        assert_ne!(of(0), of(1999));
        assert_ne!(of(0), of(2));
        assert_ne!(of(1999), of(2));
    }
}
