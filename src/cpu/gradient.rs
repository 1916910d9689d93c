use std::ops::Range;

use pulp::Arch;

use super::product::{Into, Matrix, multiply};
use crate::model::Layer;

/// How many columns of the delta are summed side by side.
const COLUMNS: usize = 16;

/// `deltaᵀ · state` and `Σ_rows delta` of the layer's outputs `outputs`, `into` their `weights` and `bias`.
///
/// Delta is `[rows, layer.outputs]`, state `[rows, inputs]`, weights `[outputs.len(), inputs]`.
pub(super) fn gradient(
    layer: Layer,
    outputs: Range<usize>,
    delta: &[f32],
    state: &[f32],
    into: Into,
    [weights, bias]: [&mut [f32]; 2],
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (first, biases) in outputs.clone().step_by(COLUMNS).zip(bias.chunks_mut(COLUMNS)) {
                let sums = column_sums(delta, layer.outputs, first);
                for (bias, sum) in biases.iter_mut().zip(sums) {
                    *bias = match into {
                        Into::Set => sum,
                        Into::Add(factor) => *bias + factor * sum,
                    };
                }
            }
        },
    );
    let rows = delta.len() / layer.outputs;
    let delta = Matrix::new(delta, rows, layer.outputs).columns(outputs);
    multiply(delta.transposed(), Matrix::new(state, rows, layer.inputs), into, weights, 1);
}

/// Of `COLUMNS` columns from `first` on; past the last the sums are 0.
#[inline(always)]
fn column_sums(rows: &[f32], width: usize, first: usize) -> [f32; COLUMNS] {
    let mut sums = [0.0; COLUMNS];
    for row in rows.chunks_exact(width) {
        match row[first..].first_chunk::<COLUMNS>() {
            Some(whole) => sums.iter_mut().zip(whole).for_each(|(sum, value)| *sum += value),
            None => sums.iter_mut().zip(&row[first..]).for_each(|(sum, value)| *sum += value),
        }
    }
    sums
}
