//! Samples with their targets.

mod gather;
mod probabilities;

use std::borrow::Cow;
use std::sync::Arc;

use super::element::U8_SCALE;
use super::inputs::{InputKind, Inputs};
use super::targets::Targets;
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Samples with a target each, or a row of them. There is at least one sample and one feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    features: usize,
    inputs: Inputs,
    targets: Targets,
    /// Weights of the samples' losses in training, `[samples]`; `None` for 1 each.
    weights: Option<Arc<[f32]>>,
    /// What was taken off each feature before it was rounded to `f32`, `[features]`; empty for nothing.
    offsets: Arc<[f64]>,
    /// The same for targets, `[width]`.
    target_offsets: Arc<[f64]>,
    origin: Origin,
}

/// Where samples come from, for messages. Splits with equal samples are equal.
#[derive(Debug, Clone, Default)]
struct Origin {
    /// Name of the array of targets.
    targets: Option<Arc<str>>,
    /// Indices of the samples in the arrays, if they are a selection.
    rows: Option<Arc<[u32]>>,
    /// What inputs were stored as, if they are held as something else.
    stored_as: Option<InputKind>,
    /// Text that identifies what was done to the samples.
    preprocessing: Option<Arc<str>>,
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What weights must be.
pub(super) const WEIGHTS: &str = "0, or a number from 1e-20 to 1e20";

/// `true` if losses may be weighted by `weight`: sums over any number of samples stay finite.
pub(super) fn is_weight(weight: f32) -> bool {
    weight == 0.0 || (1e-20..=1e20).contains(&weight)
}

impl Split {
    /// A split of samples with `features` inputs each.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no sample or no feature, if `inputs` does not hold `features` values for
    /// every target, if targets are not whole rows, or if there are more samples than a `u32` can count.
    pub fn new(features: usize, inputs: Inputs, targets: impl Into<Targets>) -> Result<Split> {
        let targets = targets.into();
        let (words, width) = (targets.words().len(), targets.width());
        if width == 0 || !words.is_multiple_of(width) {
            return Err(Error::usage(
                Setting::Data,
                format!(
                    "found {} for targets of width {width}, expected whole rows",
                    counted(words, "value")
                ),
            ));
        }
        let samples = words / width;
        if samples == 0 || features == 0 || u32::try_from(samples).is_err() {
            let problem = format!(
                "found {} of {}, expected at least 1 feature, and from 1 to {} samples",
                counted(samples, "sample"),
                counted(features, "feature"),
                u32::MAX
            );
            return Err(Error::usage(Setting::Data, problem));
        }
        if samples.checked_mul(features) != Some(inputs.len()) {
            let problem = format!(
                "found {}, expected {} of {}",
                counted(inputs.len(), "value"),
                counted(samples, "sample"),
                counted(features, "feature")
            );
            return Err(Error::usage(Setting::Data, problem));
        }
        if let Inputs::Mapped(mapped) = &inputs
            && mapped.features() != features
        {
            let problem = format!(
                "found {}, expected the {} of the mapped file",
                counted(features, "feature"),
                mapped.features()
            );
            return Err(Error::usage(Setting::Data, problem));
        }
        let none = Arc::default();
        let origin = Origin::default();
        let offsets = Arc::clone(&none);
        Ok(Split { features, inputs, targets, weights: None, offsets, target_offsets: none, origin })
    }

    /// The same samples with these weights of their losses in training: a mini-batch's loss is the weighted mean.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is not one for each sample, if one is neither 0 nor from 1e-20 to 1e20, or if all are 0.
    pub fn with_weights(self, weights: Vec<f32>) -> Result<Split> {
        let refuse = |problem| Err(Error::usage(Setting::WeightKey, problem));
        if weights.len() != self.len() {
            let (found, samples) = (counted(weights.len(), "weight"), self.len());
            return refuse(format!("found {found}, expected {samples}: one a sample"));
        }
        if let Some(index) = weights.iter().position(|&weight| !is_weight(weight)) {
            let weight = weights[index];
            return refuse(format!("found {weight} at index {index}, expected {WEIGHTS}"));
        }
        if weights.iter().all(|&weight| weight == 0.0) {
            return refuse(format!(
                "found {}, all 0, expected some above 0",
                counted(weights.len(), "weight")
            ));
        }
        Ok(Split { weights: Some(weights.into()), ..self })
    }

    /// Names the array that its targets come from.
    pub(super) fn with_targets_named(mut self, name: &str) -> Self {
        self.origin.targets = Some(name.into());
        self
    }

    /// Says what was taken off each feature of its inputs, and off each target, before they were rounded.
    pub(super) fn with_offsets(self, offsets: &[f64], target_offsets: &[f64]) -> Self {
        Split { offsets: offsets.into(), target_offsets: target_offsets.into(), ..self }
    }

    /// Says what its inputs are stored as.
    pub(super) fn stored_as(mut self, kind: InputKind) -> Self {
        self.origin.stored_as = Some(kind);
        self
    }

    /// What its inputs are stored as.
    pub(super) fn input_kind(&self) -> InputKind {
        self.origin.stored_as.unwrap_or_else(|| InputKind::of(&self.inputs))
    }

    /// Identifies what was done to its samples.
    pub(super) fn with_preprocessing(mut self, identity: &str) -> Self {
        self.origin.preprocessing = Some(identity.into());
        self
    }

    /// Text that identifies what was done to its samples, if it has one.
    pub(super) fn preprocessing(&self) -> Option<&str> {
        self.origin.preprocessing.as_deref()
    }

    /// The same samples with other inputs, off which nothing is taken.
    pub(super) fn with_inputs(&self, inputs: Inputs) -> Result<Split> {
        let split = Split::new(self.features, inputs, self.targets.clone())?;
        let target_offsets = Arc::clone(&self.target_offsets);
        let weights = self.weights.clone();
        Ok(Split { origin: self.origin.clone(), weights, target_offsets, ..split })
    }

    /// The same samples with `values` of `features` features, the first of which are this split's, with the same offsets.
    pub(super) fn with_features(&self, features: usize, values: Vec<f32>) -> Result<Split> {
        let split = Split::new(features, Inputs::F32(values), self.targets.clone())?;
        let mut offsets = self.offsets.to_vec();
        if !offsets.is_empty() {
            offsets.resize(features, 0.0);
        }
        let target_offsets = Arc::clone(&self.target_offsets);
        let (origin, weights) = (self.origin.clone(), self.weights.clone());
        Ok(Split { origin, weights, offsets: offsets.into(), target_offsets, ..split })
    }

    /// The same samples with other targets, as many, off which nothing is taken.
    pub(super) fn with_targets(self, targets: Targets) -> Split {
        Split { targets, target_offsets: Arc::default(), ..self }
    }

    /// The same samples, with what was taken off their targets added again and rounded to `f32`.
    pub(super) fn with_whole_targets(self) -> Split {
        let Targets::Regression { width, values } = &self.targets else { return self };
        let whole =
            values.iter().enumerate().map(|(at, &y)| (f64::from(y) + self.target_offset(at % width)) as f32);
        let targets = Targets::Regression { width: *width, values: whole.collect() };
        self.with_targets(targets)
    }

    /// What was taken off each of a sample's targets before they were rounded to `f32`.
    pub(super) fn target_offset(&self, output: usize) -> f64 {
        self.target_offsets.get(output).copied().unwrap_or(0.0)
    }

    /// What was taken off `feature` before it was rounded to `f32`.
    pub(super) fn offset(&self, feature: usize) -> f64 {
        self.offsets.get(feature).copied().unwrap_or(0.0)
    }

    /// Calls `visit(feature, value)` for every value in order, with what was taken off it.
    pub(super) fn for_each(&self, mut visit: impl FnMut(usize, f64)) {
        self.inputs.for_each(self.features, |feature, value| visit(feature, value + self.offset(feature)));
    }

    /// All values of `feature`, as [`Split::for_each`] visits them.
    pub(super) fn feature(&self, feature: usize) -> Vec<f64> {
        let offset = self.offset(feature);
        let places = (feature..self.inputs.len()).step_by(self.features);
        match &self.inputs {
            Inputs::F32(values) => places.map(|at| f64::from(values[at]) + offset).collect(),
            Inputs::U8(bytes) => {
                places.map(|at| f64::from(f32::from(bytes[at]) * U8_SCALE) + offset).collect()
            }
            Inputs::Mapped(_) => {
                let mut values = Vec::with_capacity(self.len());
                self.for_each(|other, value| values.extend((other == feature).then_some(value)));
                values
            }
        }
    }

    /// Name of the array of targets, and the index there of `sample`, for messages. Without a file, the array has the
    /// name `usual`.
    pub(super) fn target_place<'a>(&'a self, sample: usize, usual: &'a str) -> (&'a str, usize) {
        let Origin { targets, rows, .. } = &self.origin;
        let index = rows.as_ref().map_or(sample, |rows| rows[sample] as usize);
        (targets.as_deref().unwrap_or(usual), index)
    }

    /// Number of samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a split is never empty")]
    pub fn len(&self) -> usize {
        self.targets.words().len() / self.targets.width()
    }

    /// Inputs per sample, at least 1.
    pub fn features(&self) -> usize {
        self.features
    }

    /// All inputs, `[len, features]`.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// All targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Weight of every sample's loss in training, `[len]`; `None` for 1 each.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// 32-bit words that a device holds for each sample beside its inputs: its targets, and its weight if there are weights.
    pub fn target_words(&self) -> usize {
        self.targets.width() + usize::from(self.weights.is_some())
    }

    /// These words of all samples, `[len, target_words]`.
    pub(crate) fn words(&self) -> Cow<'_, [u32]> {
        let Some(weights) = &self.weights else { return Cow::Borrowed(self.targets.words()) };
        let rows = self.targets.words().chunks_exact(self.targets.width()).zip(&**weights);
        Cow::Owned(rows.flat_map(|(row, weight)| row.iter().copied().chain([weight.to_bits()])).collect())
    }

    /// Class label of every sample, `[len]`; empty for regression targets.
    pub fn labels(&self) -> &[u32] {
        match &self.targets {
            Targets::Classes(labels) => labels,
            Targets::Regression { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inconsistent_counts_are_rejected() {
        assert!(Split::new(2, Inputs::U8(vec![0; 5]), vec![0; 2]).is_err());
        assert!(Split::new(0, Inputs::U8(vec![]), vec![0; 2]).is_err());
        assert!(Split::new(2, Inputs::F32(vec![]), vec![]).is_err());
        let uneven = Targets::Regression { width: 2, values: vec![0.0; 3] };
        assert!(Split::new(1, Inputs::F32(vec![0.0]), uneven).is_err());
        assert!(Split::new(usize::MAX, Inputs::F32(vec![]), vec![0; 2]).is_err());
    }
}
