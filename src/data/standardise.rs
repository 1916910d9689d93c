//! Feature scaling of splits: computed from one, applied to any.

use super::dataset::Dataset;
use super::feature_scaling::FeatureScaling;
use super::inputs::Inputs;
use super::split::Split;
use super::targets::Targets;
use crate::memory::check_host_room;
use crate::{Error, Result, Setting};

impl FeatureScaling {
    /// Scaling that gives each feature of `split` mean 0 and standard deviation 1. A constant feature is only
    /// shifted.
    pub fn of(split: &Split) -> Self {
        FeatureScaling::over(split.features(), split.len(), |visit| split.for_each(visit))
    }

    /// Scaling that gives each column of regression targets mean 0 and standard deviation 1; `None` for class labels.
    pub fn of_targets(split: &Split) -> Option<Self> {
        let Targets::Regression { width, values } = split.targets() else { return None };
        Some(FeatureScaling::over(*width, split.len(), |visit| {
            for (at, &value) in values.iter().enumerate() {
                visit(at % width, f64::from(value) + split.target_offset(at % width));
            }
        }))
    }

    /// Scaling of `samples` rows of `width` values, all of which `each` visits in order, each time it is called.
    fn over(width: usize, samples: usize, each: impl Fn(&mut dyn FnMut(usize, f64))) -> Self {
        let samples = samples as f64;
        // Means are summed up as distances from the first sample: those of a constant feature are 0 and
        // cannot round.
        let mut first = vec![None; width];
        let mut mean = vec![0.0; width];
        each(&mut |feature, value| {
            let first = *first[feature].get_or_insert(value);
            mean[feature] += (value - first) / samples;
        });
        for (mean, first) in mean.iter_mut().zip(&first) {
            *mean += first.unwrap_or(0.0);
        }
        let mut variance = vec![0.0; width];
        each(&mut |feature, value| variance[feature] += (value - mean[feature]).powi(2) / samples);
        // A feature that varies by less than f32 can scale counts as constant.
        let scale =
            |&variance: &f64| Some(variance.sqrt().recip()).filter(|&scale| (scale as f32).is_finite());
        let scale = variance.iter().map(|variance| scale(variance).unwrap_or(1.0)).collect();
        FeatureScaling { scale, mean }
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
                split.for_each(|feature, value| values.push(self.value(feature, value)));
                Inputs::F32(values)
            }
        };
        split.with_inputs(inputs)
    }

    /// Scales the targets of `split` that are numbers.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are other targets than it was computed from.
    pub(super) fn apply_to_targets(&self, split: Split) -> Result<Split> {
        let Targets::Regression { width, values } = split.targets() else { return Ok(split) };
        if let Some(problem) = self.problem(*width) {
            return Err(Error::usage(Setting::StandardiseTargets, problem));
        }
        let unscaled = |at: usize, y: f32| f64::from(y) + split.target_offset(at % width);
        let scaled = values.iter().enumerate().map(|(at, &y)| self.value(at % width, unscaled(at, y)));
        let targets = Targets::Regression { width: *width, values: scaled.collect() };
        Ok(split.with_targets(targets))
    }
}

impl Dataset {
    /// The dataset with `scaling` applied to both splits.
    ///
    /// # Errors
    /// As [`FeatureScaling::apply`].
    pub fn standardised(self, scaling: &FeatureScaling) -> Result<Dataset> {
        let (train, test) = (scaling.apply(&self.train)?, scaling.apply(&self.test)?);
        Ok(Dataset { train, test, ..self })
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
