//! Feature scaling of splits: computed from one, applied to any.

use super::dataset::Dataset;
use super::feature_scaling::FeatureScaling;
use super::inputs::Inputs;
use super::split::Split;
use crate::memory::check_host_room;
use crate::{Error, Result, Setting};

impl FeatureScaling {
    /// Scaling that gives each feature of `split` mean 0 and standard deviation 1. A constant feature is only
    /// shifted.
    pub fn of(split: &Split) -> Self {
        let (features, samples) = (split.features(), split.len() as f64);
        // Means are summed up as distances from the first sample: those of a constant feature are 0 and
        // cannot round.
        let mut first = vec![0.0; features];
        split.gather(&[0], &mut first);
        let mut mean = vec![0.0; features];
        split.inputs().for_each(features, |feature, value| {
            mean[feature] += (value - f64::from(first[feature])) / samples;
        });
        for (mean, &first) in mean.iter_mut().zip(&first) {
            *mean += f64::from(first);
        }
        let mut variance = vec![0.0; features];
        split.inputs().for_each(features, |feature, value| {
            variance[feature] += (value - mean[feature]).powi(2) / samples;
        });
        let scale = |&variance: &f64| if variance > 0.0 { variance.sqrt().recip() } else { 1.0 };
        FeatureScaling { scale: variance.iter().map(scale).collect(), mean }
    }

    /// Scales the features of `split`: as samples are read if they are mapped, else in a copy.
    ///
    /// # Errors
    /// [`Error::Usage`] if `split` has another number of features, [`Error::DoesNotFit`] if the host has no
    /// room for the copy.
    pub fn apply(&self, split: &Split) -> Result<Split> {
        if let Some(problem) = self.problem(split.features()) {
            return Err(Error::usage(Setting::Data, problem));
        }
        let as_read = match split.inputs() {
            Inputs::Mapped(mapped) => mapped.standardised(self),
            Inputs::U8(_) | Inputs::F32(_) => None,
        };
        let inputs = match as_read {
            Some(mapped) => Inputs::Mapped(mapped),
            None => {
                let count = split.len() * split.features();
                let remedy = format!(
                    "use {}, which standardises samples as they are read",
                    Setting::MapData.with(true)
                );
                check_host_room("standardised samples", 4 * count as u64, &remedy)?;
                let mut values = Vec::with_capacity(count);
                split.inputs().for_each(split.features(), |feature, value| {
                    values.push(self.value(feature, value));
                });
                Inputs::F32(values)
            }
        };
        split.with_inputs(inputs)
    }
}

impl Dataset {
    /// The dataset with `scaling` applied to both splits.
    ///
    /// # Errors
    /// As [`FeatureScaling::apply`].
    pub fn standardised(self, scaling: &FeatureScaling) -> Result<Dataset> {
        let Dataset { source, train, test } = self;
        Ok(Dataset { source, train: scaling.apply(&train)?, test: scaling.apply(&test)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_get_mean_0_and_standard_deviation_1() {
        let split = Split::new(2, Inputs::F32(vec![1.0, 7.0, 3.0, 7.0]), vec![0, 1]).unwrap();
        let scaling = FeatureScaling::of(&split);
        let scaled = scaling.apply(&split).unwrap();
        assert_eq!(*scaled.inputs(), Inputs::F32(vec![-1.0, 0.0, 1.0, 0.0]));
        let bytes = Split::new(1, Inputs::U8(vec![0, 255]), vec![0, 1]).unwrap();
        assert_eq!(*FeatureScaling::of(&bytes).apply(&bytes).unwrap().inputs(), Inputs::F32(vec![-1.0, 1.0]));
        let constant = Split::new(1, Inputs::F32(vec![0.1; 1000]), vec![0; 1000]).unwrap();
        let other = Split::new(1, Inputs::F32(vec![0.1001]), vec![0]).unwrap();
        let Inputs::F32(shifted) = FeatureScaling::of(&constant).apply(&other).unwrap().inputs().clone()
        else {
            panic!("scaled inputs are floats");
        };
        assert!((shifted[0] - 1e-4).abs() < 1e-6, "{shifted:?}");
        assert!(matches!(scaling.apply(&bytes), Err(Error::Usage { .. })), "another number of features");
    }
}
