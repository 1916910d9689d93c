use super::activation::times_derivative;
use super::layer_norm_delta::layer_norm_delta;
use super::product::{Matrix, Write, multiply};
use crate::model::{Derivative, Layer};

/// `below = (delta · W) ⊙ φ′(normalised)`, through layer normalisation if the layer has it, plus `delta` if it is residual.
/// Without layer normalisation, `normalised` is the state itself. Delta is `[rows, outputs]`, the others are
/// `[rows, inputs]`.
pub(super) fn delta(
    layer: Layer,
    derivative: Derivative,
    delta: &[f32],
    weights: &[f32],
    [state, normalised]: [&[f32]; 2],
    below: &mut [f32],
    threads: usize,
) {
    let operand = Matrix::new(delta, state.len() / layer.inputs, layer.outputs);
    multiply(operand, Matrix::new(weights, layer.outputs, layer.inputs), Write::Overwrite, below, threads);
    times_derivative(derivative, below, normalised);
    if layer.layer_norm {
        layer_norm_delta(below, state, normalised, layer.inputs);
    }
    if layer.residual {
        below.iter_mut().zip(delta).for_each(|(below, delta)| *below += delta);
    }
}
