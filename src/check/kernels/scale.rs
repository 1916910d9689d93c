//! Scales that errors are relative to: a small difference of large values keeps the rounding of these.

use super::case::Case;
use super::findings::Subject;
use crate::check::reference::{self, Operation, Parameters, Shape};
use crate::check::twin::norm;

/// Learning rate: large, so that updates are visible beside the parameters, but less if layers run together and amplify
/// each other's updates.
pub(super) fn rate(case: &Case) -> f32 {
    if case.fused { 0.125 } else { 4.0 }
}

/// Scale of an updated parameter: its update, and its own rounding to f32, for which there is room for 4 units in the last
/// place, since a product with one column adds to it term by term.
pub(super) fn scale_of_move(case: &Case, subject: Subject, gradient: &[f64], expected: &[f64]) -> f64 {
    f64::from(rate(case)) * norm(gradient) + 4.0 * subject.rounding() * norm(expected)
}

/// Room for the rounding of a product and of the function of its operand, in units in the last place of its terms. The
/// terms may cancel, but their rounding does not.
const ROUNDED_TERMS: f64 = 4.0;

/// Scale of the rounding of a layer's output: of its product's terms.
pub(super) fn terms_of_output(
    shape: Shape,
    operations: &[Operation],
    state: &[f64],
    parameters: &Parameters,
) -> f64 {
    let operand = absolute(&reference::operand(shape, operations, state, parameters));
    let parameters = absolutes(parameters);
    ROUNDED_TERMS * norm(&reference::forward(shape, &[Operation::Linear], &operand, &parameters))
}

/// Scale of the rounding of a layer's gradients: of the terms of their sums over samples.
pub(super) fn terms_of_gradients(
    shape: Shape,
    operations: &[Operation],
    delta: &[f64],
    operand: &[f64],
    parameters: &Parameters,
    state: &[f64],
) -> [f64; Parameters::TENSORS] {
    let (weights, bias) = reference::weight_gradient(shape, &absolute(delta), &absolute(operand));
    let product = terms_of_product(shape, delta, parameters, state);
    let sums = |tensor: &[f64], normalised: &dyn Fn(&[f64]) -> Vec<f64>| {
        let mut sums = vec![0.0; tensor.len()];
        for (terms, row) in product.chunks(shape.inputs).zip(state.chunks(shape.inputs)) {
            let values = normalised(row);
            sums.iter_mut().zip(terms).zip(values).for_each(|((sum, term), n)| *sum += term * n.abs());
        }
        sums
    };
    let gain = sums(&parameters.gain, &|row| {
        if operations.contains(&Operation::LayerNorm) {
            reference::layer_norm(row)
        } else {
            reference::rms_norm(row)
        }
    });
    let shift = sums(&parameters.shift, &|row| vec![1.0; row.len()]);
    [weights, bias, gain, shift].map(|sums| ROUNDED_TERMS * norm(&sums))
}

/// Scale of the rounding of the delta below a layer: of its product's terms. Back through a normalisation they are multiplied by
/// its gain, and divided by the sample's spread or size.
pub(super) fn terms_of_delta(
    shape: Shape,
    operations: &[Operation],
    delta: &[f64],
    parameters: &Parameters,
    state: &[f64],
) -> f64 {
    let mut terms = terms_of_product(shape, delta, parameters, state);
    for (terms, row) in terms.chunks_mut(shape.inputs).zip(state.chunks(shape.inputs)) {
        let divisor = match operations[0] {
            Operation::LayerNorm => reference::spread(row),
            Operation::RmsNorm => reference::size(row),
            _ => 1.0,
        };
        terms.iter_mut().for_each(|term| *term /= divisor);
        terms.iter_mut().zip(&parameters.gain).for_each(|(term, gain)| *term *= gain.abs());
    }
    ROUNDED_TERMS * norm(&terms)
}

/// Sums of the absolute terms of the product with the delta, `[batch, inputs]`.
fn terms_of_product(shape: Shape, delta: &[f64], parameters: &Parameters, state: &[f64]) -> Vec<f64> {
    let linear = [Operation::Linear];
    reference::delta(shape, &linear, &linear, &absolute(delta), &absolutes(parameters), state)
}

fn absolutes(parameters: &Parameters) -> Parameters {
    let [weights, bias, gain, shift] = parameters.tensors().map(|tensor| absolute(tensor));
    Parameters { weights, bias, gain, shift }
}

fn absolute(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.abs()).collect()
}

/// Scale of the last layer's delta, already divided by the batch. Under the cross-entropies it is a probability minus its
/// target, which may cancel but for the probability's rounding; WGSL allows a quotient 2.5 units in the last place, so
/// there is room for 4. Under log-cosh it is a tanh, whose error WGSL bounds absolutely.
pub(super) fn scale_of_loss(kind: reference::Loss, delta: &[f64], batch: usize) -> f64 {
    norm(delta) + 4.0 * Subject::Loss.rounding() * rounded_terms(kind) / (batch as f64).sqrt()
}

/// Scale of a mean loss. The cross-entropies and log-cosh are differences of terms, which may cancel but for the rounding
/// of the terms: there is room for 2 units in the last place of 1.
pub(super) fn scale_of_tally(kind: reference::Loss, loss: f64) -> f64 {
    loss.abs() + 2.0 * Subject::Tally.rounding() * rounded_terms(kind)
}

/// Size of the terms that a loss and its delta are differences of, or 0 if they are none.
fn rounded_terms(kind: reference::Loss) -> f64 {
    match kind {
        reference::Loss::CrossEntropy | reference::Loss::BinaryCrossEntropy | reference::Loss::LogCosh => 1.0,
        _ => 0.0,
    }
}
