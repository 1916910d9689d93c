use super::activation::times_derivative;
use super::product::{Into, Matrix, multiply};
use crate::model::{Derivative, Layer};

/// `below = (delta · W) ⊙ φ′(state)`, plus `delta` where the layer is residual, with φ′ taken from the state as
/// `derivative` says; delta `[rows, outputs]`, state and below `[rows, inputs]`.
pub(super) fn delta(
    layer: Layer,
    derivative: Derivative,
    delta: &[f32],
    weights: &[f32],
    state: &[f32],
    below: &mut [f32],
    threads: usize,
) {
    let operand = Matrix::new(delta, state.len() / layer.inputs, layer.outputs);
    multiply(operand, Matrix::new(weights, layer.outputs, layer.inputs), Into::Set, below, threads);
    times_derivative(derivative, below, state);
    if layer.residual {
        below.iter_mut().zip(delta).for_each(|(below, delta)| *below += delta);
    }
}
