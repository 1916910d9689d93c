//! Features shifted and scaled to mean 0 and deviation 1.

use super::U8_SCALE;
use super::split::{Inputs, Split};
use crate::Result;

/// What is taken off each feature, and what it is then multiplied by.
pub(super) struct Standard {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Split {
    /// What makes its features standard. One that is always the same is only shifted.
    pub(super) fn standard(&self) -> Standard {
        let (features, samples) = (self.features(), self.len() as f64);
        let mut mean = vec![0.0; features];
        self.each(|feature, value| mean[feature] += value / samples);
        let mut variance = vec![0.0; features];
        self.each(|feature, value| variance[feature] += (value - mean[feature]).powi(2) / samples);
        let scale = |&variance: &f64| if variance > 0.0 { variance.sqrt().recip() } else { 1.0 };
        Standard { scale: variance.iter().map(scale).collect(), mean }
    }

    /// The same samples, made `standard`.
    ///
    /// # Errors
    /// None that a whole split would meet.
    pub(super) fn standardised(&self, standard: &Standard) -> Result<Split> {
        let mut values = Vec::with_capacity(self.len() * self.features());
        self.each(|feature, value| {
            values.push(((value - standard.mean[feature]) * standard.scale[feature]) as f32);
        });
        Split::new(self.features(), Inputs::F32(values), self.targets().clone())
    }

    /// Tells `take` every input, with its feature.
    fn each(&self, mut take: impl FnMut(usize, f64)) {
        let features = self.features();
        match self.inputs() {
            Inputs::U8(bytes) => {
                let values = bytes.iter().map(|&byte| f64::from(f32::from(byte) * U8_SCALE));
                values.enumerate().for_each(|(index, value)| take(index % features, value));
            }
            Inputs::F32(values) => {
                let values = values.iter().copied().map(f64::from);
                values.enumerate().for_each(|(index, value)| take(index % features, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_get_mean_0_and_deviation_1() {
        let split = Split::new(2, Inputs::F32(vec![1.0, 7.0, 3.0, 7.0]), vec![0, 1]).unwrap();
        let standard = split.standard();
        let made = split.standardised(&standard).unwrap();
        assert_eq!(*made.inputs(), Inputs::F32(vec![-1.0, 0.0, 1.0, 0.0]));
        let bytes = Split::new(1, Inputs::U8(vec![0, 255]), vec![0, 1]).unwrap();
        assert_eq!(*bytes.standardised(&bytes.standard()).unwrap().inputs(), Inputs::F32(vec![-1.0, 1.0]));
    }
}
