//! Class labels or regression targets of samples, and how they are read from an array.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::npz::{Array, Values};
use crate::model::{Loss, by_name};

/// Targets of all samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Class labels, `[samples]`, counted from 0.
    Classes(Vec<u32>),
    /// Regression targets, `[samples, width]`, row-major.
    Regression {
        /// Regression targets per sample, at least 1.
        width: usize,
        /// All of them.
        values: Vec<f32>,
    },
}

impl Targets {
    /// 32-bit words per sample: 1 for class labels.
    pub fn width(&self) -> usize {
        match self {
            Targets::Classes(_) => 1,
            Targets::Regression { width, .. } => *width,
        }
    }

    /// `true` if each sample has a class under `loss`: its label, or the likeliest of its probabilities.
    pub fn have_classes(&self, loss: Loss) -> bool {
        matches!(self, Targets::Classes(_)) || loss == Loss::CrossEntropy
    }

    /// Class labels as one-hot rows of `width` numbers; numbers stay.
    ///
    /// # Errors
    /// The first label that is too large, and its index.
    pub(super) fn into_rows(self, width: usize) -> Result<Targets, String> {
        let Targets::Classes(labels) = self else { return Ok(self) };
        let mut values = vec![0.0; labels.len() * width];
        for (index, &label) in labels.iter().enumerate() {
            if label as usize >= width {
                return Err(format!(
                    "label {label} at index {index}, expected below {width}, as another split has probabilities of {width} classes"
                ));
            }
            values[index * width + label as usize] = 1.0;
        }
        Ok(Targets::Regression { width, values })
    }

    /// All targets as 32-bit words, `[samples, width]`: class labels, or the bits of `f32`.
    pub fn words(&self) -> &[u32] {
        match self {
            Targets::Classes(labels) => labels,
            Targets::Regression { values, .. } => bytemuck::cast_slice(values),
        }
    }

    /// Reads targets of this `kind` from `array`, of shape `(n,)` or `(n, k)`, with an offset taken off numbers that `f32` may
    /// round, if they `are_offset`. Also returns the offsets. The error names a value of another kind.
    pub(super) fn from_array(
        array: Array,
        kind: TargetKind,
        are_offset: bool,
    ) -> Result<(Targets, Vec<f64>), String> {
        let width = match array.shape[..] {
            [_] => 1,
            [_, width] if width > 0 => width,
            _ => {
                return Err(format!(
                    "has shape {:?}, expected (n,) for one target a sample, or (n, k) for k",
                    array.shape
                ));
            }
        };
        let are_classes = match kind {
            TargetKind::ByValue => are_labels(&array),
            TargetKind::ByWidth => width == 1,
            TargetKind::ByRows => width == 1 || are_labels(&array),
            TargetKind::Classes => true,
            TargetKind::Numbers => false,
        };
        if are_classes {
            let labels = if width == 1 { labels(array.values) } else { one_hot_rows(array.values, width) };
            let labels = labels.map_err(|problem| problem + kind.for_numbers())?;
            return Ok((Targets::Classes(labels), Vec::new()));
        }
        let (values, offsets) = if are_offset && array.values.is_wide() {
            array.values.with_offsets(width, 1.0)
        } else {
            (array.values.into_f32(), Vec::new())
        };
        Ok((regression(values, width)?, offsets))
    }
}

/// Whether targets are class labels or numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// Labels if those of all splits are: whole numbers of at least 0, one a sample, or one-hot rows. Otherwise numbers.
    #[default]
    ByValue,
    /// One a sample are labels, and more are numbers.
    ByWidth,
    /// One a sample are labels, as are one-hot rows if all splits have such; other rows are probabilities of the classes.
    ByRows,
    /// Class labels, as numbers or as one-hot rows.
    Classes,
    /// Numbers, whole or not.
    Numbers,
}

impl TargetKind {
    /// Both kinds that a user can ask for.
    pub const ALL: [TargetKind; 2] = [TargetKind::Classes, TargetKind::Numbers];

    /// What targets are for a network with this loss function and so many outputs, or as many as the targets ask for.
    pub fn of(loss: Loss, outputs: Option<usize>) -> Self {
        match (loss, outputs) {
            (Loss::CrossEntropy, _) => TargetKind::ByRows,
            // Labels 0 and 1, or probabilities.
            (Loss::BinaryCrossEntropy, Some(1) | None) => TargetKind::ByValue,
            (_, Some(1) | None) => TargetKind::Numbers,
            _ => TargetKind::ByWidth,
        }
    }

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::ByValue => "by-value",
            TargetKind::ByWidth => "by-width",
            TargetKind::ByRows => "by-rows",
            TargetKind::Classes => "classes",
            TargetKind::Numbers => "numbers",
        }
    }

    /// Summary in one line, for help.
    pub fn summary(self) -> &'static str {
        match self {
            TargetKind::ByValue => "Class labels if all of them can be, else numbers",
            TargetKind::ByWidth => "Class labels if there is one a sample, else numbers",
            TargetKind::ByRows => "Class labels, or rows of probabilities",
            TargetKind::Classes => "Class labels: whole numbers, or one-hot rows",
            TargetKind::Numbers => "Numbers, also whole ones",
        }
    }

    /// How to have numbers instead, after a problem with a label.
    fn for_numbers(self) -> &'static str {
        match self {
            TargetKind::ByWidth => "; for one number a sample end `layers` with 1",
            TargetKind::Classes => {
                "; for numbers use `loss = mse`, for probabilities leave out `targets = classes`"
            }
            TargetKind::ByRows => "; for numbers use `loss = mse`",
            TargetKind::ByValue | TargetKind::Numbers => "",
        }
    }

    /// `true` if the rows of `array` are one-hot, and yet numbers of this kind.
    pub(super) fn passes_over_classes(self, array: &Array) -> bool {
        let is_wide = array.shape.get(1).is_some_and(|&width| width > 1);
        matches!(self, TargetKind::ByWidth | TargetKind::Numbers) && is_wide && are_labels(array)
    }

    /// The one kind of all `arrays`.
    pub(super) fn of_all<'a>(self, arrays: impl IntoIterator<Item = &'a Array>) -> Self {
        match self {
            TargetKind::ByValue | TargetKind::ByRows => {
                let is_one = |array: &Array| array.shape.get(1).is_none_or(|&width| width == 1);
                let are_classes = |array| (self == TargetKind::ByRows && is_one(array)) || are_labels(array);
                if arrays.into_iter().all(are_classes) { TargetKind::Classes } else { TargetKind::Numbers }
            }
            kind => kind,
        }
    }
}

impl FromStr for TargetKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

impl From<Vec<u32>> for Targets {
    fn from(labels: Vec<u32>) -> Self {
        Targets::Classes(labels)
    }
}

/// `true` if all values can be class labels: whole numbers of at least 0, one a sample, or one-hot rows.
fn are_labels(array: &Array) -> bool {
    let width = if array.shape.len() > 1 { array.shape[1..].iter().product() } else { 1 };
    match (&array.values, width) {
        (Values::U8(_), 1) => true,
        (Values::I64(v), 1) => v.iter().all(|&n| u32::try_from(n).is_ok()),
        (Values::F32(v), 1) => v.iter().all(|&x| whole(f64::from(x)).is_some()),
        (Values::F64(v), 1) => v.iter().all(|&x| whole(x).is_some()),
        (_, 0) => false,
        (Values::U8(v), _) => are_one_hot(v, width, |&n| f32::from(n)),
        (Values::I64(v), _) => are_one_hot(v, width, |&n| n as f32),
        (Values::F32(v), _) => are_one_hot(v, width, |&x| x),
        (Values::F64(v), _) => are_one_hot(v, width, |&x| x as f32),
    }
}

fn are_one_hot<T>(values: &[T], width: usize, number: impl Fn(&T) -> f32) -> bool {
    let mut row = vec![0.0; width];
    values.chunks_exact(width).all(|values| {
        row.iter_mut().zip(values).for_each(|(to, from)| *to = number(from));
        one_hot(&row).is_some()
    })
}

fn labels(values: Values) -> Result<Vec<u32>, String> {
    match values {
        Values::U8(v) => Ok(v.into_iter().map(u32::from).collect()),
        Values::I64(v) => collect(v, |n| u32::try_from(n).ok()),
        Values::F32(v) => collect(v, |x| whole(f64::from(x))),
        Values::F64(v) => collect(v, whole),
    }
}

fn one_hot_rows(values: Values, width: usize) -> Result<Vec<u32>, String> {
    let values = values.into_f32();
    let rows = values.chunks_exact(width).enumerate();
    let labels = rows.map(|(row, values)| {
        let problem = || format!("row {row} is not one-hot, expected class labels");
        one_hot(values).ok_or_else(problem)
    });
    labels.collect()
}

fn regression(values: Vec<f32>, width: usize) -> Result<Targets, String> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(Targets::Regression { width, values }),
        Some(at) => {
            Err(format!("holds {} (as float32) at index {}, expected finite numbers", values[at], at / width))
        }
    }
}

/// Position of the only 1 in a row that is 0 everywhere else.
fn one_hot(row: &[f32]) -> Option<u32> {
    let one = row.iter().position(|&x| x == 1.0)?;
    let others_are_zero = row.iter().enumerate().all(|(index, &x)| index == one || x == 0.0);
    others_are_zero.then_some(one as u32)
}

fn collect<T: Copy + std::fmt::Display>(
    values: Vec<T>,
    label: impl Fn(T) -> Option<u32>,
) -> Result<Vec<u32>, String> {
    let checked = values.into_iter().enumerate().map(|(index, value)| {
        label(value).ok_or_else(|| {
            format!(
                "holds {value} at index {index}, expected class labels: whole numbers from 0 to {}",
                u32::MAX
            )
        })
    });
    checked.collect()
}

fn whole(x: f64) -> Option<u32> {
    let label = x as u32;
    (f64::from(label) == x).then_some(label)
}
