use super::product::{Matrix, multiply};
use crate::model::{Activation, Layer};

/// `below = (delta · W) ⊙ φ′(state)`, with `activation` the one that made the state; delta `[batch, outputs]`,
/// state and below `[batch, inputs]`.
pub(super) fn delta(
    batch: usize,
    layer: Layer,
    activation: Activation,
    delta: &[f32],
    weights: &[f32],
    state: &[f32],
    below: &mut [f32],
) {
    let delta = Matrix::new(delta, batch, layer.outputs);
    multiply(1.0, delta, Matrix::new(weights, layer.outputs, layer.inputs), 0.0, below);
    for (below, &state) in below.iter_mut().zip(state) {
        *below *= activation.derivative(state);
    }
}
