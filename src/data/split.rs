//! Samples in memory, and how a mini-batch is taken from them.

use crate::{Error, Result};

/// What a stored byte is multiplied by to become an input: `f32::from(byte) * U8_SCALE`, in that order, on every
/// backend, so that all of them see the same bits.
pub const U8_SCALE: f32 = 1.0 / 255.0;

/// The inputs of all samples, `[samples, features]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Bytes, scaled by [`U8_SCALE`] when they are used.
    U8(Vec<u8>),
    /// Floats, used as they are.
    F32(Vec<f32>),
}

impl Inputs {
    fn len(&self) -> usize {
        match self {
            Inputs::U8(v) => v.len(),
            Inputs::F32(v) => v.len(),
        }
    }
}

/// Samples with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    features: usize,
    inputs: Inputs,
    labels: Vec<u32>,
}

impl Split {
    /// Samples of `features` values each, one for every label.
    ///
    /// Fails where there is no sample or no feature, where `inputs` does not hold `labels.len() * features`
    /// values, and where there are more samples than a `u32` counts.
    pub fn new(features: usize, inputs: Inputs, labels: Vec<u32>) -> Result<Split> {
        let samples = labels.len();
        if samples == 0 || features == 0 || u32::try_from(samples).is_err() {
            let problem =
                format!("{samples} samples of {features} features, expected 1 to {} of 1 or more", u32::MAX);
            return Err(Error::usage("data", problem));
        }
        if samples.checked_mul(features) != Some(inputs.len()) {
            let problem = format!("{} values for {samples} samples of {features} features", inputs.len());
            return Err(Error::usage("data", problem));
        }
        Ok(Split { features, inputs, labels })
    }

    /// Samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Input values per sample, at least 1.
    pub fn features(&self) -> usize {
        self.features
    }

    /// All inputs, `[len, features]`.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// All labels, `[len]`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Writes the inputs of `rows` to `out`, `[rows.len(), features]`, bytes scaled by [`U8_SCALE`].
    ///
    /// # Panics
    /// Where a row is not below [`len`](Self::len), or `out` does not hold exactly the batch.
    pub fn gather(&self, rows: &[u32], out: &mut [f32]) {
        let width = self.features;
        assert_eq!(out.len(), rows.len() * width, "the batch's buffer holds rows * features values");
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            let from = row as usize * width;
            match &self.inputs {
                Inputs::F32(values) => out.copy_from_slice(&values[from..from + width]),
                Inputs::U8(bytes) => {
                    for (out, &byte) in out.iter_mut().zip(&bytes[from..from + width]) {
                        *out = f32::from(byte) * U8_SCALE;
                    }
                }
            }
        }
    }

    /// Writes the labels of `rows` to `out`, `[rows.len()]`.
    ///
    /// # Panics
    /// Where a row is not below [`len`](Self::len), or `out` is not as long as `rows`.
    pub fn gather_labels(&self, rows: &[u32], out: &mut [u32]) {
        assert_eq!(out.len(), rows.len(), "one label a row");
        for (out, &row) in out.iter_mut().zip(rows) {
            *out = self.labels[row as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_scaled_and_floats_are_not() {
        let bytes = Split::new(2, Inputs::U8(vec![0, 255, 1, 2, 128, 7]), vec![3, 4, 5]).unwrap();
        let mut out = [0.0; 4];
        bytes.gather(&[2, 0], &mut out);
        assert_eq!(out, [128.0 * U8_SCALE, 7.0 * U8_SCALE, 0.0, 1.0]);

        let floats = Split::new(1, Inputs::F32(vec![-0.5, 9.0]), vec![0, 1]).unwrap();
        floats.gather(&[1, 0, 1], &mut out[..3]);
        assert_eq!(out[..3], [9.0, -0.5, 9.0]);

        let mut labels = [0; 2];
        bytes.gather_labels(&[2, 1], &mut labels);
        assert_eq!(labels, [5, 4]);
    }

    #[test]
    fn counts_must_agree() {
        assert!(Split::new(2, Inputs::U8(vec![0; 5]), vec![0; 2]).is_err());
        assert!(Split::new(0, Inputs::U8(vec![]), vec![0; 2]).is_err());
        assert!(Split::new(2, Inputs::F32(vec![]), vec![]).is_err());
        assert!(Split::new(usize::MAX, Inputs::F32(vec![]), vec![0; 2]).is_err());
    }
}
