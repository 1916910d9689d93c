use std::path::Path;

use super::LoadOptions;
use super::layout::Names;
use crate::data::arrays::Arrays;
use crate::data::element::{CoarseFeature, coarse_feature, not_finite};
use crate::data::imputation::{feature_name, missing};
use crate::data::inputs::Inputs;
use crate::data::mapped::MappedArray;
use crate::data::npz::{Array, Values, shown};
use crate::data::split::Split;
use crate::data::targets::{TargetKind, Targets};
use crate::memory::available_host_bytes;
use crate::{Error, Result, Setting};

/// Arrays that would take more than this fraction (1 / `MAPPED_PART`) of available memory are mapped, because
/// holding out samples and scaling features make copies.
const MAPPED_PART: u64 = 4;

/// Inputs and targets of a split.
pub(super) struct Read {
    names: Names,
    inputs: ReadInputs,
    pub targets: Option<Array>,
}

/// Inputs of a split, as they are held.
struct ReadInputs {
    /// Length of each axis, samples first.
    shape: Vec<usize>,
    inputs: Inputs,
    /// What was taken off each feature; empty for nothing.
    offsets: Vec<f64>,
    /// A feature that `f32` cannot hold.
    coarse: Option<CoarseFeature>,
}

impl Read {
    /// Reads or maps the inputs named, and reads the targets if there are any.
    pub fn of(arrays: &mut Arrays, names: Names, has_targets: bool, options: &LoadOptions) -> Result<Self> {
        let inputs = inputs(arrays, &names.x, options)?;
        let targets = has_targets.then(|| arrays.read(&names.y)).transpose()?;
        Ok(Read { names, inputs, targets })
    }

    /// Inputs and targets of the file at `path`; `features` are the names of the features.
    pub fn of_table(
        path: &Path,
        names: Names,
        inputs: Array,
        targets: Option<Array>,
        features: &[String],
        options: &LoadOptions,
    ) -> Result<Self> {
        let inputs = held(inputs, features, options).map_err(|problem| Error::file(path, problem))?;
        Ok(Read { names, inputs, targets })
    }

    /// Name of its targets, for messages.
    pub fn targets_name(&self) -> String {
        shown(&self.names.y)
    }

    /// A note about inputs that lose digits. `path` is that of the arrays, `features` are the names of the features.
    pub fn note(&self, path: &Path, features: &[String]) -> Option<String> {
        let CoarseFeature { feature, span, far } = self.inputs.coarse?;
        let (path, name) = (path.display(), feature_name(features, feature));
        Some(format!(
            "{path}: {name} of {} spans {span:.3e} at up to {far:.3e}, which float32 rounds to few digits; use {}",
            shown(&self.names.x),
            Setting::Standardise.with(true)
        ))
    }

    /// The samples, with targets of this `kind`, or with class 0 in their place. `path` is that of the arrays.
    pub fn split(self, path: &Path, kind: TargetKind) -> Result<Split> {
        let Read { names: Names { x, y }, inputs: ReadInputs { shape, inputs, offsets, .. }, targets } = self;
        let fail = |key: &str, problem: String| Error::file(path, format!("{}: {problem}", shown(key)));
        let [samples, axes @ ..] = &shape[..] else {
            return Err(fail(&x, "is a single number, expected samples along the first axis".into()));
        };
        let (samples, features) = (*samples, axes.iter().product::<usize>());
        let targets = match targets {
            Some(array) => Targets::from_array(array, kind).map_err(|problem| fail(&y, problem))?,
            None => Targets::Classes(vec![0; samples]),
        };
        let count = targets.words().len() / targets.width();
        if samples != count {
            let problem = format!(
                "{} has {samples} samples and {} {count} targets, expected equally many",
                shown(&x),
                shown(&y)
            );
            return Err(Error::file(path, problem));
        }
        let split = Split::new(features, inputs, targets);
        let split = split.map_err(|error| about(path, &format!("{}: ", shown(&x)), error))?;
        Ok(split.with_targets_named(&y).with_offsets(&offsets))
    }
}

/// Reads or maps the array `key`. It is mapped if the options ask for it, or if it is large and can be mapped.
fn inputs(arrays: &mut Arrays, key: &str, options: &LoadOptions) -> Result<ReadInputs> {
    let (bytes, available) = (arrays.bytes(key)?, available_host_bytes().unwrap_or(u64::MAX));
    let is_as_stored = options.scale.is_none() && options.impute.is_none();
    if options.map_data || (is_as_stored && bytes > available / MAPPED_PART) {
        match arrays.map(key)? {
            Ok(MappedArray { shape, mapped }) => {
                let inputs = Inputs::Mapped(mapped);
                return Ok(ReadInputs { shape, inputs, offsets: Vec::new(), coarse: None });
            }
            Err(reason) if options.map_data => {
                let problem = format!("{key}: {reason}, or use {}", Setting::MapData.with(false));
                return Err(Error::file(arrays.path(), problem));
            }
            Err(reason) if bytes > available => {
                let problem = format!(
                    "{key}: takes {bytes} bytes, and the host has {available} available; it {reason}"
                );
                return Err(Error::file(arrays.path(), problem));
            }
            Err(_) => {}
        }
    }
    let held = held(arrays.read(key)?, &[], options);
    held.map_err(|problem| Error::file(arrays.path(), format!("{}: {problem}", shown(key))))
}

/// `array` as inputs, multiplied by the scale of the options. Numbers of 64 bits that are to be standardised have the first
/// sample taken off before they are rounded to 32. `names` are those of the features.
fn held(array: Array, names: &[String], options: &LoadOptions) -> Result<ReadInputs, String> {
    let Array { shape, values } = array;
    let features = shape.get(1..).unwrap_or_default().iter().product();
    let is_standardised = options.standardise == Some(true);
    let (mut offsets, mut coarse) = (Vec::new(), None);
    let values = match (values, options.scale) {
        (Values::U8(bytes), None) => {
            return Ok(ReadInputs { shape, inputs: Inputs::U8(bytes), offsets, coarse });
        }
        (Values::F64(values), scale) => {
            wide(values.iter().copied(), scale, features, is_standardised, &mut offsets, &mut coarse)
        }
        (Values::I64(values), scale) => {
            let values = values.iter().map(|&value| value as f64);
            wide(values, scale, features, is_standardised, &mut offsets, &mut coarse)
        }
        (values @ (Values::F32(_) | Values::U8(_)), scale) => {
            let mut values = values.into_f32();
            if let Some(scale) = scale {
                values.iter_mut().for_each(|value| *value *= scale);
            }
            values
        }
    };
    if let Some(at) = values.iter().position(|value| value.is_infinite()) {
        return Err(not_finite(values[at], at, features));
    }
    if options.impute.is_none()
        && let Some(problem) = missing(&values, features, names)
    {
        return Err(problem);
    }
    Ok(ReadInputs { shape, inputs: Inputs::F32(values), offsets, coarse })
}

/// Rounds `values` to `f32`, with the first of each feature taken off if they `are_offset`. Otherwise looks for a feature that
/// loses digits.
fn wide(
    values: impl Iterator<Item = f64> + Clone,
    scale: Option<f32>,
    features: usize,
    are_offset: bool,
    offsets: &mut Vec<f64>,
    coarse: &mut Option<CoarseFeature>,
) -> Vec<f32> {
    let values = values.map(|value| value * f64::from(scale.unwrap_or(1.0)));
    if !are_offset {
        *coarse = coarse_feature(values.clone(), features);
        return values.map(|value| value as f32).collect();
    }
    *offsets = vec![f64::NAN; features];
    for (index, value) in values.clone().enumerate() {
        let offset = &mut offsets[index % features];
        if offset.is_nan() && value.is_finite() {
            *offset = value;
        }
    }
    offsets.iter_mut().filter(|offset| offset.is_nan()).for_each(|offset| *offset = 0.0);
    values.enumerate().map(|(index, value)| (value - offsets[index % features]) as f32).collect()
}

/// Reports a problem of a split as one of the file that it was read from.
pub(super) fn about(path: &Path, array: &str, error: Error) -> Error {
    match error {
        Error::Usage { problem, .. } => Error::file(path, format!("{array}{problem}")),
        other => other,
    }
}
