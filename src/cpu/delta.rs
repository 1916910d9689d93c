use super::activation::times_derivative;
use super::dropout::Masks;
use super::layer_norm_delta::layer_norm_delta;
use super::matrix::Matrix;
use super::product::{Write, multiply};
use crate::model::{Derivative, Layer, Operation};

/// The delta `below` of the layer below, from the layer's `delta`: back through the product, through the operations before
/// it and through the activation function of the layer below, if it has one after its product; plus `delta` if the layer
/// adds its input. `derivative` is φ′ of the state, computed from `normalised`: the state after layer normalisation, or the
/// state itself without it. `masks` are those of its dropout in training. Delta is `[rows, outputs]`, the others are
/// `[rows, inputs]`.
pub(super) fn delta(
    layer: Layer,
    (derivative, masks): (Derivative, Option<Masks>),
    delta: &[f32],
    weights: &[f32],
    [state, normalised]: [&[f32]; 2],
    below: &mut [f32],
    threads: usize,
) {
    let operand = Matrix::new(delta, state.len() / layer.inputs, layer.outputs);
    multiply(operand, Matrix::new(weights, layer.outputs, layer.inputs), Write::Overwrite, below, threads);
    if let Some(masks) = masks {
        masks.apply(below, layer.inputs);
    }
    times_derivative(derivative, below, normalised);
    if layer.has(Operation::LayerNorm) {
        layer_norm_delta(below, state, normalised, layer.inputs);
    }
    if layer.has(Operation::AddInput) {
        below.iter_mut().zip(delta).for_each(|(below, delta)| *below += delta);
    }
}
