use super::product::{Matrix, multiply};
use crate::model::{Layer, LayerParameters};

/// `output = φ(state · Wᵀ + bias)`; state `[batch, inputs]`, output `[batch, outputs]`.
pub(super) fn forward(
    batch: usize,
    layer: Layer,
    state: &[f32],
    parameters: &LayerParameters,
    output: &mut [f32],
) {
    for row in output.chunks_exact_mut(layer.outputs) {
        row.copy_from_slice(&parameters.bias);
    }
    let state = Matrix::new(state, batch, layer.inputs);
    let weights = Matrix::new(&parameters.weights, layer.outputs, layer.inputs);
    multiply(1.0, state, weights.transposed(), 1.0, output);
    layer.activation.apply(output);
}
