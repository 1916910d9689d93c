//! From an array of class numbers to labels.

use super::npz::{Array, Values};

/// The labels in `array`, of shape `(n,)` or `(n, 1)`; integers, or floats that are whole. The error says which
/// value is none.
pub(super) fn labels(array: Array) -> Result<Vec<u32>, String> {
    if !matches!(array.shape[..], [_] | [_, 1]) {
        return Err(format!(
            "has shape {:?}, expected (n,) or (n, 1); turn one-hot rows into class numbers with .argmax(axis=1)",
            array.shape
        ));
    }
    match array.values {
        Values::U8(v) => Ok(v.into_iter().map(u32::from).collect()),
        Values::I64(v) => collect(v, |n| u32::try_from(n).ok()),
        Values::F32(v) => collect(v, |x| whole(f64::from(x))),
        Values::F64(v) => collect(v, whole),
    }
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
