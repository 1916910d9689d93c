//! Class labels or regression targets of samples, and how they are read from an array.

use super::npz::{Array, Values};

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

    /// All targets as 32-bit words, `[samples, width]`: class labels, or the bits of `f32`.
    pub fn words(&self) -> &[u32] {
        match self {
            Targets::Classes(labels) => labels,
            Targets::Regression { values, .. } => bytemuck::cast_slice(values),
        }
    }

    /// Reads targets from `array`, of shape `(n,)` or `(n, k)`: class labels if `k` is 1 and all values are
    /// whole numbers, or if every row is one-hot; else regression targets. The error names a value that is
    /// neither.
    pub(super) fn from_array(array: Array) -> Result<Targets, String> {
        let width = match array.shape[..] {
            [_] => 1,
            [_, width] if width > 0 => width,
            _ => {
                return Err(format!(
                    "has shape {:?}, expected (n,) for class labels, or (n, k) for one-hot rows or regression targets",
                    array.shape
                ));
            }
        };
        if width == 1 {
            return match array.values {
                Values::F32(values) if !values.iter().all(|&x| whole(f64::from(x)).is_some()) => {
                    regression(values, 1)
                }
                Values::F64(values) if !values.iter().all(|&x| whole(x).is_some()) => {
                    regression(values.into_iter().map(|x| x as f32).collect(), 1)
                }
                values => labels(values).map(Targets::Classes),
            };
        }
        let values: Vec<f32> = match array.values {
            Values::U8(v) => v.into_iter().map(f32::from).collect(),
            Values::I64(v) => v.into_iter().map(|n| n as f32).collect(),
            Values::F32(v) => v,
            Values::F64(v) => v.into_iter().map(|x| x as f32).collect(),
        };
        match values.chunks_exact(width).map(one_hot).collect() {
            Some(labels) => Ok(Targets::Classes(labels)),
            None => regression(values, width),
        }
    }
}

impl From<Vec<u32>> for Targets {
    fn from(labels: Vec<u32>) -> Self {
        Targets::Classes(labels)
    }
}

fn labels(values: Values) -> Result<Vec<u32>, String> {
    match values {
        Values::U8(v) => Ok(v.into_iter().map(u32::from).collect()),
        Values::I64(v) => collect(v, |n| u32::try_from(n).ok()),
        Values::F32(v) => collect(v, |x| whole(f64::from(x))),
        Values::F64(v) => collect(v, whole),
    }
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
