use std::path::Path;

use super::layout::Names;
use super::options::Conversion;
use crate::data::arrays::Arrays;
use crate::data::element::{CoarseFeature, coarse_feature, not_finite};
use crate::data::imputation::{Fill, feature_name, missing};
use crate::data::inputs::{InputKind, Inputs};
use crate::data::mapped::MappedArray;
use crate::data::npz::{Array, Values, shown};
use crate::data::split::Split;
use crate::data::targets::{TargetKind, Targets};
use crate::memory::available_host_bytes;
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Arrays that would take more than this fraction (1 / `MAPPED_PART`) of available memory are mapped, because
/// holding out samples and scaling features make copies.
const MAPPED_PART: u64 = 4;

/// Inputs and targets of a split.
pub(super) struct Read {
    names: Names,
    inputs: ReadInputs,
    pub targets: Option<Array>,
    conversion: Conversion,
}

/// Inputs of a split, as they are held.
struct ReadInputs {
    /// Length of each axis, samples first.
    shape: Vec<usize>,
    inputs: Inputs,
    /// What they are stored as.
    kind: InputKind,
    /// What was taken off each feature; empty for nothing.
    offsets: Vec<f64>,
    /// A feature that `f32` cannot hold.
    coarse: Option<CoarseFeature>,
}

impl Read {
    /// Reads or maps the inputs named, and reads the targets if there are any.
    pub fn of(arrays: &mut Arrays, names: Names, has_targets: bool, conversion: Conversion) -> Result<Self> {
        let inputs = inputs(arrays, &names.x, conversion)?;
        let targets = has_targets.then(|| arrays.read(&names.y)).transpose()?;
        Ok(Read { names, inputs, targets, conversion })
    }

    /// Inputs and targets of the file at `path`; `features` are the names of the features.
    pub fn of_table(
        path: &Path,
        names: Names,
        inputs: Array,
        targets: Option<Array>,
        features: &[String],
        conversion: Conversion,
    ) -> Result<Self> {
        let inputs = held(inputs, features, conversion).map_err(|problem| Error::file(path, problem))?;
        Ok(Read { names, inputs, targets, conversion })
    }

    /// Name of its targets, for messages.
    pub fn targets_name(&self) -> String {
        shown(&self.names.y)
    }

    /// Targets per sample, if it has any.
    pub fn target_width(&self) -> Option<usize> {
        self.targets.as_ref().map(|array| array.shape.get(1).copied().unwrap_or(1))
    }

    /// A note about inputs that lose digits. `path` is that of the arrays, `features` are the names of the features.
    pub fn note(&self, path: &Path, features: &[String]) -> Option<String> {
        let CoarseFeature { feature, span, far } = self.inputs.coarse?;
        let (path, name) = (path.display(), feature_name(features, feature));
        let remedy = if self.conversion.is_training {
            format!("use {}", Setting::Standardise.with(true))
        } else {
            "train the network on standardised features".to_owned()
        };
        Some(format!(
            "{path}: {name} of {} spans {span:.3e} at up to {far:.3e}, which float32 rounds to few digits; {remedy}",
            shown(&self.names.x)
        ))
    }

    /// A note about targets that lose digits, in training or in predictions.
    pub fn target_note(&self, path: &Path) -> Option<String> {
        let array = self.targets.as_ref()?;
        let width = array.shape.get(1..).unwrap_or_default().iter().product();
        let CoarseFeature { span, far, .. } = coarse_values(&array.values, width)?;
        Some(format!(
            "{}: {} spans {span:.3e} at up to {far:.3e}, which predictions in float32 round to few digits; subtract an offset before \
             you save it",
            path.display(),
            shown(&self.names.y)
        ))
    }

    /// The samples, with targets of this `kind`, or with class 0 in their place. `path` is that of the arrays.
    pub fn split(self, path: &Path, kind: TargetKind) -> Result<Split> {
        let Read {
            names: Names { x, y },
            inputs: ReadInputs { shape, inputs, kind: stored_as, offsets, .. },
            ..
        } = self;
        let targets = self.targets;
        let fail = |key: &str, problem: String| Error::file(path, format!("{}: {problem}", shown(key)));
        let [samples, axes @ ..] = &shape[..] else {
            return Err(fail(&x, "is a single number, expected samples along the first axis".into()));
        };
        let (samples, features) = (*samples, axes.iter().product::<usize>());
        let (targets, target_offsets) = match targets {
            Some(array) => {
                let read = Targets::from_array(array, kind, self.conversion.are_targets_offset);
                read.map_err(|problem| fail(&y, problem))?
            }
            None => (Targets::Classes(vec![0; samples]), Vec::new()),
        };
        let count = targets.words().len() / targets.width();
        if samples != count {
            let problem = format!(
                "{} has {} and {} {}, expected equally many",
                shown(&x),
                counted(samples, "sample"),
                shown(&y),
                counted(count, "target")
            );
            return Err(Error::file(path, problem));
        }
        let split = Split::new(features, inputs, targets);
        let split = split.map_err(|error| about(path, &format!("{}: ", shown(&x)), error))?;
        Ok(split.with_targets_named(&y).stored_as(stored_as).with_offsets(&offsets, &target_offsets))
    }
}

/// Reads or maps the array `key`. It is mapped if the options ask for it, or if it is large and can be mapped.
fn inputs(arrays: &mut Arrays, key: &str, conversion: Conversion) -> Result<ReadInputs> {
    let (bytes, available) = (arrays.bytes(key)?, available_host_bytes().unwrap_or(u64::MAX));
    let is_as_stored = conversion.scale.is_none() && !conversion.keeps_missing;
    if conversion.map_data || (is_as_stored && bytes > available / MAPPED_PART) {
        match arrays.map(key)? {
            Ok(MappedArray { shape, mapped }) => {
                let inputs = Inputs::Mapped(mapped);
                let kind = InputKind::of(&inputs);
                return Ok(ReadInputs { shape, inputs, kind, offsets: Vec::new(), coarse: None });
            }
            Err(reason) if conversion.map_data => {
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
    let held = held(arrays.read(key)?, &[], conversion);
    held.map_err(|problem| Error::file(arrays.path(), format!("{}: {problem}", shown(key))))
}

/// `array` as inputs. `names` are those of the features.
fn held(array: Array, names: &[String], conversion: Conversion) -> Result<ReadInputs, String> {
    let Array { shape, values } = array;
    let features = shape.get(1..).unwrap_or_default().iter().product();
    let kind = if matches!(values, Values::U8(_)) { InputKind::Bytes } else { InputKind::Numbers };
    let (mut offsets, mut coarse) = (Vec::new(), None);
    if !conversion.is_offset {
        coarse = coarse_values(&values, features);
    }
    let values = match (values, conversion.scale) {
        (Values::U8(bytes), None) => {
            return Ok(ReadInputs { shape, inputs: Inputs::U8(bytes), kind, offsets, coarse });
        }
        (values, scale) if conversion.is_offset && (values.is_wide() || scale.is_some()) => {
            let (rounded, taken) = values.with_offsets(features, scale.map_or(1.0, f64::from));
            offsets = taken;
            rounded
        }
        (values, Some(scale)) => values.scaled(scale.into()),
        (values, None) => values.into_f32(),
    };
    if let Some(at) = values.iter().position(|value| value.is_infinite()) {
        return Err(not_finite(values[at], at, features));
    }
    if !conversion.keeps_missing
        && let Some(problem) = missing(&values, features, names)
    {
        let remedy = if conversion.is_training {
            format!("fill them in with {}", Setting::Impute.with(Fill::Mean.name()))
        } else {
            "train the network with imputation".to_owned()
        };
        return Err(format!("{problem}; {remedy}, or remove these samples"));
    }
    Ok(ReadInputs { shape, inputs: Inputs::F32(values), kind, offsets, coarse })
}

/// A column of `values`, `[samples, width]`, that loses digits as `f32`.
fn coarse_values(values: &Values, width: usize) -> Option<CoarseFeature> {
    match values {
        Values::F64(values) => coarse_feature(values.iter().copied(), width),
        Values::I64(values) => coarse_feature(values.iter().map(|&n| n as f64), width),
        Values::U8(_) | Values::F32(_) => None,
    }
}

/// Reports a problem of a split as one of the file that it was read from.
pub(super) fn about(path: &Path, array: &str, error: Error) -> Error {
    match error {
        Error::Usage { problem, .. } => Error::file(path, format!("{array}{problem}")),
        other => other,
    }
}
