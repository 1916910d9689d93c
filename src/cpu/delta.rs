use super::activation::times_derivative;
use super::product::{Into, Matrix, multiply};
use crate::model::{Activation, Layer};

/// `below = (delta · W) ⊙ φ′(state)`, with `activation` the one that made the state; delta `[rows, outputs]`,
/// state and below `[rows, inputs]`.
pub(super) fn delta(
    layer: Layer,
    activation: Activation,
    delta: &[f32],
    weights: &[f32],
    state: &[f32],
    below: &mut [f32],
    threads: usize,
) {
    let delta = Matrix::new(delta, state.len() / layer.inputs, layer.outputs);
    multiply(delta, Matrix::new(weights, layer.outputs, layer.inputs), Into::Set, below, threads);
    times_derivative(activation, below, state);
}
