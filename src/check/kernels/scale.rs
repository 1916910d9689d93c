//! Scales that errors are relative to: a small difference of large values keeps the rounding of these.

use super::case::Case;
use super::findings::Subject;
use crate::check::reference::{self, Operation, Shape};
use crate::check::twin::norm;

/// Learning rate: large, so that updates are visible beside the parameters, but less if layers run together and amplify
/// each other's updates.
pub(super) fn rate(case: &Case) -> f32 {
    if case.fused { 0.125 } else { 4.0 }
}

/// Scale of an updated parameter: its update, and its own rounding to f32.
pub(super) fn scale_of_move(case: &Case, subject: Subject, gradient: &[f64], expected: &[f64]) -> f64 {
    f64::from(rate(case)) * norm(gradient) + subject.rounding() * norm(expected)
}

/// Scale of the rounding in a layer's weight gradients from the operations before its product, or 0 if there are none: the
/// norm of the sums of absolute values, times 2 units in the last place, since terms may cancel but their rounding does
/// not.
pub(super) fn magnitudes(shape: Shape, operations: &[Operation], delta: &[f64], operand: &[f64]) -> f64 {
    if operations[0] == Operation::Linear {
        return 0.0;
    }
    let [delta, operand] =
        [delta, operand].map(|values| values.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let (weights, _) = reference::weight_gradient(shape, &delta, &operand);
    2.0 * norm(&weights)
}

/// Scale of the rounding in a delta that passes back through layer normalisation, or 0 without it: the norm of what the
/// mean and the component along the state are subtracted from, times 4 units in the last place. In narrow layers, these
/// cancel almost all of it.
pub(super) fn before_layer_norm(
    shape: Shape,
    operations: &[Operation],
    delta: &[f64],
    weights: &[f64],
    state: &[f64],
) -> f64 {
    let [Operation::LayerNorm, rest @ ..] = operations else { return 0.0 };
    let rest: Vec<_> = rest.iter().copied().filter(|&operation| operation != Operation::AddInput).collect();
    let normalised = reference::forward(shape, &[Operation::LayerNorm], state, &[], &[]);
    let below = reference::delta(shape, &rest, &[Operation::Linear], delta, weights, &normalised);
    let scaled = below.chunks(shape.inputs).zip(state.chunks(shape.inputs));
    let scaled = scaled.flat_map(|(below, row)| below.iter().map(|h| h / reference::spread(row)));
    4.0 * norm(&scaled.collect::<Vec<_>>())
}

/// Scale of the last layer's delta, already divided by the batch. Under the cross-entropies it is a probability minus its
/// target, which may cancel but for the probability's rounding; WGSL allows a quotient 2.5 units in the last place, so
/// there is room for 4.
pub(super) fn scale_of_loss(kind: reference::Loss, delta: &[f64], batch: usize) -> f64 {
    let rounded = match kind {
        reference::Loss::CrossEntropy | reference::Loss::BinaryCrossEntropy => 1.0 / (batch as f64).sqrt(),
        _ => 0.0,
    };
    norm(delta) + 4.0 * Subject::Loss.rounding() * rounded
}
