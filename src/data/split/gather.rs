//! Some samples of a split, as another split or in the buffers of a mini-batch.

use std::sync::Arc;

use super::{Origin, Split};
use crate::Result;
use crate::data::element::U8_SCALE;
use crate::data::inputs::Inputs;
use crate::data::targets::Targets;

impl Split {
    /// A split of the samples at `rows`, in that order. Mapped inputs are not copied.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] if `rows` is empty.
    ///
    /// # Panics
    /// If a row is not below [`len`](Self::len).
    pub fn rows(&self, rows: &[u32]) -> Result<Split> {
        fn pick<T: Copy>(values: &[T], width: usize, rows: &[u32]) -> Vec<T> {
            rows.iter().flat_map(|&row| &values[row as usize * width..][..width]).copied().collect()
        }
        let inputs = match &self.inputs {
            Inputs::U8(bytes) => Inputs::U8(pick(bytes, self.features, rows)),
            Inputs::F32(values) => Inputs::F32(pick(values, self.features, rows)),
            Inputs::Mapped(mapped) => Inputs::Mapped(mapped.rows(rows)),
        };
        let targets = match &self.targets {
            Targets::Classes(labels) => Targets::Classes(pick(labels, 1, rows)),
            Targets::Regression { width, values } => {
                Targets::Regression { width: *width, values: pick(values, *width, rows) }
            }
        };
        let origin = match &self.origin.rows {
            Some(all) => rows.iter().map(|&row| all[row as usize]).collect(),
            None => rows.into(),
        };
        let split = Split::new(self.features, inputs, targets)?;
        let origin = Origin { rows: Some(origin), ..self.origin.clone() };
        let [offsets, target_offsets] = [&self.offsets, &self.target_offsets].map(Arc::clone);
        let weights = self.weights.as_ref().map(|weights| pick(weights, 1, rows).into());
        Ok(Split { origin, weights, offsets, target_offsets, ..split })
    }

    /// Writes the inputs of `rows` to `out`, `[rows.len(), features]`, with bytes scaled by [`U8_SCALE`].
    ///
    /// # Panics
    /// If a row is not below [`len`](Self::len), or `out` has another size.
    pub fn gather(&self, rows: &[u32], out: &mut [f32]) {
        let width = self.features;
        assert_eq!(out.len(), rows.len() * width, "the batch's buffer holds rows * features values");
        if let Inputs::Mapped(mapped) = &self.inputs {
            mapped.read_ahead(rows.iter().map(|&row| row as usize));
        }
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            let from = row as usize * width;
            match &self.inputs {
                Inputs::Mapped(mapped) => mapped.read(row as usize, out),
                Inputs::F32(values) => out.copy_from_slice(&values[from..from + width]),
                Inputs::U8(bytes) => {
                    for (out, &byte) in out.iter_mut().zip(&bytes[from..from + width]) {
                        *out = f32::from(byte) * U8_SCALE;
                    }
                }
            }
        }
    }

    /// Writes the targets of `rows` to `out` as 32-bit words, and after those of each its weight, if there are weights:
    /// `[rows.len(), target_words]`.
    ///
    /// # Panics
    /// If a row is not below [`len`](Self::len), or `out` has another size.
    pub fn gather_targets(&self, rows: &[u32], out: &mut [u32]) {
        let (width, words) = (self.targets.width(), self.targets.words());
        assert_eq!(
            out.len(),
            rows.len() * self.target_words(),
            "the batch's buffer holds all words of the rows"
        );
        for (out, &row) in out.chunks_exact_mut(self.target_words()).zip(rows) {
            let (targets, weight) = out.split_at_mut(width);
            targets.copy_from_slice(&words[row as usize * width..][..width]);
            if let Some(weights) = &self.weights {
                weight[0] = weights[row as usize].to_bits();
            }
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
        bytes.gather_targets(&[2, 1], &mut labels);
        assert_eq!(labels, [5, 4]);

        let targets = Targets::Regression { width: 2, values: vec![0.5, 1.0, -2.0, 3.0] };
        let regression = Split::new(1, Inputs::F32(vec![1.0, 2.0]), targets).unwrap();
        let mut words = [0; 2];
        regression.gather_targets(&[1], &mut words);
        assert_eq!(words.map(f32::from_bits), [-2.0, 3.0]);
        assert_eq!(regression.len(), 2);
    }
}
