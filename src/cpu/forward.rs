use super::activation::activate;
use super::product::{Into, Matrix, multiply};
use crate::model::{Layer, LayerParameters};

/// `output = φ(state · Wᵀ + bias)`; state `[rows, inputs]`, output `[rows, outputs]`.
pub(super) fn forward(
    layer: Layer,
    state: &[f32],
    parameters: &LayerParameters,
    output: &mut [f32],
    threads: usize,
) {
    for row in output.chunks_exact_mut(layer.outputs) {
        row.copy_from_slice(&parameters.bias);
    }
    let state = Matrix::new(state, output.len() / layer.outputs, layer.inputs);
    let weights = Matrix::new(&parameters.weights, layer.outputs, layer.inputs);
    multiply(state, weights.transposed(), Into::Add(1.0), output, threads);
    activate(layer.activation, output);
}
