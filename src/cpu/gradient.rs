use super::product::{Matrix, multiply};
use crate::model::Layer;

/// How many columns of the delta are summed side by side.
const COLUMNS: usize = 16;

/// `weights = keep · weights + factor · deltaᵀ · state`, and `bias` the same with `Σ_batch delta`.
///
/// Delta is `[batch, outputs]`, state `[batch, inputs]`. Keep is 1, or 0 to ignore what was there.
pub(super) fn add_gradient(
    layer: Layer,
    factor: f32,
    delta: &[f32],
    state: &[f32],
    keep: f32,
    [weights, bias]: [&mut [f32]; 2],
) {
    if keep == 0.0 {
        bias.fill(0.0);
    }
    for (first, biases) in (0..).step_by(COLUMNS).zip(bias.chunks_mut(COLUMNS)) {
        let mut sums = [0.0; COLUMNS];
        for row in delta.chunks_exact(layer.outputs) {
            for (sum, &delta) in sums.iter_mut().zip(&row[first..]) {
                *sum += delta;
            }
        }
        for (bias, sum) in biases.iter_mut().zip(sums) {
            *bias += factor * sum;
        }
    }
    let batch = delta.len() / layer.outputs;
    let delta = Matrix::new(delta, batch, layer.outputs);
    let state = Matrix::new(state, batch, layer.inputs);
    multiply(factor, delta.transposed(), state, keep, weights);
}
