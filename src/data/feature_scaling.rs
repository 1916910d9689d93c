//! Features shifted and scaled to mean 0 and deviation 1.

use serde::{Deserialize, Serialize};

use super::split::{Inputs, Split};
use super::{Dataset, U8_SCALE};
use crate::memory::check_host_room;
use crate::{Error, Result};

/// Samples that the system is asked for at once.
const READ_AHEAD: usize = 64;

/// What makes features standard: what is taken off each, and what it is then multiplied by. Made of the samples that are
/// trained on, it is applied to all that the network is ever asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureScaling {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl FeatureScaling {
    /// What gives the features of `split` mean 0 and deviation 1. One that is always the same is only shifted.
    pub fn of(split: &Split) -> Self {
        let (features, samples) = (split.features(), split.len() as f64);
        // As distances from the first sample, of which a feature that is always the same has none that could round.
        let mut first = vec![0.0; features];
        split.gather(&[0], &mut first);
        let mut mean = vec![0.0; features];
        split.each(|feature, value| mean[feature] += (value - f64::from(first[feature])) / samples);
        mean.iter_mut().zip(&first).for_each(|(mean, &first)| *mean += f64::from(first));
        let mut variance = vec![0.0; features];
        split.each(|feature, value| variance[feature] += (value - mean[feature]).powi(2) / samples);
        let scale = |&variance: &f64| if variance > 0.0 { variance.sqrt().recip() } else { 1.0 };
        FeatureScaling { scale: variance.iter().map(scale).collect(), mean }
    }

    /// The samples of `split`, made standard: at once, or as they are read where they are mapped.
    ///
    /// # Errors
    /// [`Error::Usage`] where it has another number of features, [`Error::DoesNotFit`] where the host has no room for a copy.
    pub fn apply(&self, split: &Split) -> Result<Split> {
        if let Some(problem) = self.problem(split.features()) {
            return Err(Error::usage("data", problem));
        }
        let as_read = match split.inputs() {
            Inputs::Mapped(mapped) => mapped.standardised(self),
            Inputs::U8(_) | Inputs::F32(_) => None,
        };
        let inputs = match as_read {
            Some(mapped) => Inputs::Mapped(mapped),
            None => {
                let count = split.len() * split.features();
                let remedy = "use --map-data, which standardises samples as they are read";
                check_host_room("standardised samples", 4 * count as u64, remedy)?;
                let mut values = Vec::with_capacity(count);
                split.each(|feature, value| values.push(self.value(feature, value)));
                Inputs::F32(values)
            }
        };
        Split::new(split.features(), inputs, split.targets().clone())
    }

    /// What is taken off each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each is multiplied by then.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// What is wrong with it for samples of so many features.
    pub fn problem(&self, features: usize) -> Option<String> {
        let counts = [self.mean.len(), self.scale.len()];
        if counts != [features; 2] {
            return Some(format!("means and scales of {counts:?} features, expected {features}"));
        }
        let finite = self.mean.iter().chain(&self.scale).all(|value| value.is_finite());
        (!finite).then(|| "a mean or a scale that is no finite number".to_owned())
    }

    /// What becomes of a `value` of a `feature`.
    pub(super) fn value(&self, feature: usize, value: f64) -> f32 {
        ((value - self.mean[feature]) * self.scale[feature]) as f32
    }
}

impl Dataset {
    /// It with both of its splits made standard.
    ///
    /// # Errors
    /// As [`FeatureScaling::apply`].
    pub fn standardised(self, scaling: &FeatureScaling) -> Result<Dataset> {
        let Dataset { source, train, test } = self;
        Ok(Dataset { source, train: scaling.apply(&train)?, test: scaling.apply(&test)? })
    }
}

impl Split {
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
            Inputs::Mapped(mapped) => {
                let mut values = vec![0.0; features];
                for row in 0..self.len() {
                    if row.is_multiple_of(READ_AHEAD) {
                        mapped.read_ahead(row..self.len().min(row + READ_AHEAD));
                    }
                    mapped.read(row, &mut values);
                    values.iter().enumerate().for_each(|(feature, &value)| take(feature, value.into()));
                }
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
        let scaling = FeatureScaling::of(&split);
        let made = scaling.apply(&split).unwrap();
        assert_eq!(*made.inputs(), Inputs::F32(vec![-1.0, 0.0, 1.0, 0.0]));
        let bytes = Split::new(1, Inputs::U8(vec![0, 255]), vec![0, 1]).unwrap();
        assert_eq!(*FeatureScaling::of(&bytes).apply(&bytes).unwrap().inputs(), Inputs::F32(vec![-1.0, 1.0]));
        let constant = Split::new(1, Inputs::F32(vec![0.1; 1000]), vec![0; 1000]).unwrap();
        let other = Split::new(1, Inputs::F32(vec![0.1001]), vec![0]).unwrap();
        let Inputs::F32(shifted) = FeatureScaling::of(&constant).apply(&other).unwrap().inputs().clone()
        else {
            panic!("standard inputs are floats");
        };
        assert!((shifted[0] - 1e-4).abs() < 1e-6, "{shifted:?}");
        assert!(matches!(scaling.apply(&bytes), Err(Error::Usage { .. })), "of another number of features");
    }
}
