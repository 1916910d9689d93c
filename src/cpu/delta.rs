use super::activation::times_derivative;
use super::dropout::Masks;
use super::matrix::Matrix;
use super::normalise_delta::normalise_delta;
use super::product::{Write, multiply};
use crate::model::{Derivative, Layer, LayerParameters, Operation};

/// The delta `below` of the layer below, from the layer's `delta`: back through the product, through the operations before
/// it and through the activation function of the layer below, if it has one after its product; plus `delta` if the layer
/// adds its input. `derivative` is φ′ of the state, computed from `normalised`: the state after its normalisation, or the
/// state itself without one. `masks` are those of its dropout in training. `norm_gradients` become the gradients of gain and
/// shift. Delta is `[rows, outputs]`, the others are `[rows, inputs]`.
pub(super) fn delta(
    layer: Layer,
    (derivative, masks): (Derivative, Option<Masks>),
    delta: &[f32],
    parameters: &LayerParameters,
    [state, normalised]: [&[f32]; 2],
    [below, norm_gradients]: [&mut [f32]; 2],
    threads: usize,
) {
    let operand = Matrix::new(delta, state.len() / layer.inputs, layer.outputs);
    multiply(
        operand,
        Matrix::new(&parameters.weights, layer.outputs, layer.inputs),
        Write::Overwrite,
        below,
        threads,
    );
    if let Some(masks) = masks {
        masks.apply(below, layer.inputs);
    }
    times_derivative(derivative, below, normalised);
    if let Some(normalisation) = layer.normalisation() {
        normalise_delta(normalisation, parameters, below, state, layer.inputs, norm_gradients);
    }
    if layer.has(Operation::AddInput) {
        below.iter_mut().zip(delta).for_each(|(below, delta)| *below += delta);
    }
}
