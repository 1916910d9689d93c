//! Per-feature mean and scale, and how they are applied to a value.

use serde::{Deserialize, Serialize};

/// Feature scaling: a mean that is subtracted from each feature, and a factor that the difference is
/// multiplied by.
///
/// It is computed from the training split ([`FeatureScaling::of`]) and applied to whatever the network is
/// trained or evaluated on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureScaling {
    pub(super) mean: Vec<f64>,
    pub(super) scale: Vec<f64>,
}

impl FeatureScaling {
    /// Mean of each feature, `[features]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Factor of each feature, `[features]`: the reciprocal of its standard deviation.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Describes what keeps it from being applied to samples with so many features; `None` if it can be.
    pub fn problem(&self, features: usize) -> Option<String> {
        let counts = [self.mean.len(), self.scale.len()];
        if counts != [features; 2] {
            return Some(format!("means and scales of {counts:?} features, expected {features}"));
        }
        let is_sound = self.mean.iter().all(|mean| mean.is_finite())
            && self.scale.iter().all(|&scale| scale != 0.0 && (scale as f32).is_finite());
        (!is_sound).then(|| "a mean or scale that is NaN or infinite, or a scale of 0".to_owned())
    }

    /// The value of `feature` that is scaled to `value`.
    pub(super) fn inverse(&self, feature: usize, value: f32) -> f32 {
        (f64::from(value) / self.scale[feature] + self.mean[feature]) as f32
    }

    /// Scales a `value` of `feature`.
    pub(super) fn value(&self, feature: usize, value: f64) -> f32 {
        ((value - self.mean[feature]) * self.scale[feature]) as f32
    }
}
