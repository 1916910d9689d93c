use super::activation::activate;
use super::product::{Matrix, Write, multiply};
use crate::model::{Layer, LayerParameters};

/// `output = store(loaded · Wᵀ + bias)`, plus `state` if the layer is residual. `loaded` is `load(state)`, of the normalised
/// state with layer normalisation. State and loaded are `[rows, inputs]`, output is `[rows, outputs]`.
pub(super) fn forward(
    layer: Layer,
    state: &[f32],
    loaded: &[f32],
    parameters: &LayerParameters,
    output: &mut [f32],
    threads: usize,
) {
    for row in output.chunks_exact_mut(layer.outputs) {
        row.copy_from_slice(&parameters.bias);
    }
    if layer.residual {
        output.iter_mut().zip(state).for_each(|(output, state)| *output += state);
    }
    let loaded = Matrix::new(loaded, output.len() / layer.outputs, layer.inputs);
    let weights = Matrix::new(&parameters.weights, layer.outputs, layer.inputs);
    multiply(loaded, weights.transposed(), Write::Add(1.0), output, threads);
    activate(layer.store, output);
}
