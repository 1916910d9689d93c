//! From an array to targets.

use super::npz::{Array, Values};
use super::split::Targets;

/// The targets in `array`, of shape `(n,)` or `(n, k)`: class numbers where all are whole and `k` is 1, or rows are
/// one-hot; else numbers. The error says which value is neither.
pub(super) fn targets(array: Array) -> Result<Targets, String> {
    let width = match array.shape[..] {
        [_] => 1,
        [_, width] if width > 0 => width,
        _ => {
            return Err(format!(
                "has shape {:?}, expected (n,) for class numbers, or (n, k) for one-hot rows or numbers to be met",
                array.shape
            ));
        }
    };
    if width == 1 {
        return match array.values {
            Values::F32(values) if !values.iter().all(|&x| whole(f64::from(x)).is_some()) => {
                numbers(values, 1)
            }
            Values::F64(values) if !values.iter().all(|&x| whole(x).is_some()) => {
                numbers(values.into_iter().map(|x| x as f32).collect(), 1)
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
        None => numbers(values, width),
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

fn numbers(values: Vec<f32>, width: usize) -> Result<Targets, String> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(Targets::Values { width, values }),
        Some(at) => {
            Err(format!("holds {} (as float32) at index {}, expected finite numbers", values[at], at / width))
        }
    }
}

/// Which number of the row is 1, where all others are 0.
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
            format!("holds {value} at index {index}, expected class numbers: whole, from 0 to {}", u32::MAX)
        })
    });
    checked.collect()
}

fn whole(x: f64) -> Option<u32> {
    let label = x as u32;
    (f64::from(label) == x).then_some(label)
}
