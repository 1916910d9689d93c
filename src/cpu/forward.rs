use super::activation::activate;
use super::dropout::Masks;
use super::matrix::Matrix;
use super::normalise::normalise;
use super::product::{Write, multiply};
use crate::model::{Layer, LayerParameters, Operation};

/// Applies `operations`, in order, to `values` `[rows, width]`, but for those that need other operands; see
/// [`forward`]. Without `masks` nothing is dropped.
pub(super) fn apply(
    operations: impl Iterator<Item = Operation>,
    parameters: &LayerParameters,
    values: &mut [f32],
    width: usize,
    masks: Option<Masks>,
) {
    for operation in operations {
        match operation {
            Operation::Normalise(normalisation) => normalise(normalisation, parameters, values, width),
            Operation::Activation(activation) => activate(activation, values),
            Operation::Dropout(_) => masks.into_iter().for_each(|masks| masks.apply(values, width)),
            Operation::Linear | Operation::AddInput => {}
        }
    }
}

/// The layer's output from `loaded`, its input `state` after the operations before the product. Both are `[rows, inputs]`,
/// output is `[rows, outputs]`.
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
    // The sum starts with it, so that it takes no pass of its own.
    if layer.has(Operation::AddInput) {
        output.iter_mut().zip(state).for_each(|(output, state)| *output += state);
    }
    let loaded = Matrix::new(loaded, output.len() / layer.outputs, layer.inputs);
    let weights = Matrix::new(&parameters.weights, layer.outputs, layer.inputs);
    multiply(loaded, weights.transposed(), Write::Add(1.0), output, threads);
    apply(layer.after_product(), parameters, output, layer.outputs, None);
}
