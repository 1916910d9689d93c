use super::product::{Matrix, multiply};
use crate::model::{Layer, LayerParameters};

/// How many columns of the delta are summed side by side.
const COLUMNS: usize = 16;

/// `W -= rate · deltaᵀ · state`, `bias -= rate · Σ_batch delta`; delta `[batch, outputs]`, state `[batch, inputs]`.
pub(super) fn update(
    batch: usize,
    layer: Layer,
    rate: f32,
    delta: &[f32],
    state: &[f32],
    parameters: &mut LayerParameters,
) {
    for (first, biases) in (0..).step_by(COLUMNS).zip(parameters.bias.chunks_mut(COLUMNS)) {
        let mut sums = [0.0; COLUMNS];
        for row in delta.chunks_exact(layer.outputs) {
            for (sum, &delta) in sums.iter_mut().zip(&row[first..]) {
                *sum += delta;
            }
        }
        for (bias, sum) in biases.iter_mut().zip(sums) {
            *bias -= rate * sum;
        }
    }
    let delta = Matrix::new(delta, batch, layer.outputs);
    let state = Matrix::new(state, batch, layer.inputs);
    multiply(-rate, delta.transposed(), state, 1.0, &mut parameters.weights);
}
