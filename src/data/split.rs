//! Samples with their targets, and how a mini-batch is gathered from them.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::element::U8_SCALE;
use super::inputs::{InputKind, Inputs};
use super::targets::Targets;
use crate::memory::check_host_room;
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

/// How far from 1 a row of probabilities may add up to: thirds with two decimals do to 0.99.
const SUM_TOLERANCE: f64 = 0.01;
/// Numbers of a row that messages show.
const FEW: usize = 6;

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

    /// Checks that targets that are numbers are rows of probabilities. `path` is that of the arrays, and `usual` the
    /// usual name of targets.
    ///
    /// # Errors
    /// [`Error::File`] for the first row that is not.
    pub(super) fn check_probabilities(&self, path: &Path, usual: &str) -> Result<()> {
        let Targets::Regression { width, values } = &self.targets else { return Ok(()) };
        let sum = |row: &[f32]| row.iter().copied().map(f64::from).sum::<f64>();
        let is_wrong =
            |row: &[f32]| !(row.iter().all(|&value| value >= 0.0) && (sum(row) - 1.0).abs() <= SUM_TOLERANCE);
        let Some(index) = values.chunks_exact(*width).position(is_wrong) else { return Ok(()) };
        let row = &values[index * width..(index + 1) * width];
        let (key, sample) = self.target_place(index, usual);
        if let Some(negative) = row.iter().find(|value| **value < 0.0) {
            let problem =
                format!("{key}: row {sample} holds {negative}, expected probabilities of at least 0");
            return Err(Error::file(path, problem));
        }
        let few: Vec<_> = row.iter().take(FEW).map(f32::to_string).collect();
        let more = if row.len() > FEW { ", …" } else { "" };
        let remedy = if *width > 1 && row.iter().all(|&value| value == 0.0 || value == 1.0) {
            format!("for several classes a sample use {}", Setting::Loss.with("binary-cross-entropy"))
        } else {
            format!("for numbers use {}", Setting::Loss.with("mse"))
        };
        let problem = format!(
            "{key}: row {sample} holds {}{more}, which add up to {:.4}, expected class labels, one-hot rows, or probabilities that \
             add up to 1; {remedy}",
            few.join(", "),
            sum(row)
        );
        Err(Error::file(path, problem))
    }

    /// With class labels as one-hot rows of `width` numbers. `path` is that of the arrays.
    pub(super) fn with_target_rows(mut self, path: &Path, width: usize) -> Result<Split> {
        let name = self.origin.targets.as_deref().unwrap_or("y").to_owned();
        let bytes = 4 * (self.len() * width) as u64;
        check_host_room("class labels as rows of probabilities", bytes, "give labels for all splits")?;
        let rows = self.targets.into_rows(width);
        self.targets = rows.map_err(|problem| Error::file(path, format!("{name}: {problem}")))?;
        Ok(self)
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

    /// A split of the samples at `rows`, in that order. Mapped inputs are not copied.
    ///
    /// # Errors
    /// [`Error::Usage`] if `rows` is empty.
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
