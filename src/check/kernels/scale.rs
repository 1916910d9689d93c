//! What errors are told relative to: where an answer is a small rest of large numbers, it keeps their rounding.

use super::case::Case;
use super::findings::Subject;
use crate::check::reference::{self, Kind, Shape};
use crate::check::twin::norm;

/// Large, so that moves are seen beside the parameters; less where several layers amplify what one step does.
pub(super) fn rate(case: &Case) -> f32 {
    if case.fused { 0.125 } else { 4.0 }
}

/// Whatever moves a parameter, the answer is rounded to f32.
pub(super) fn scale_of_move(case: &Case, subject: Subject, gradient: &[f64], expected: &[f64]) -> f64 {
    f64::from(rate(case)) * norm(gradient) + subject.rounding() * norm(expected)
}

/// The norm of what a layer's weight gradients would be if no term took anything off another, where the activation is
/// applied as the state is read: then each term has the rounding of the activation, 2 units in the last place, also where
/// hardly anything is left of their sum.
pub(super) fn magnitudes(shape: Shape, kind: Kind, delta: &[f64], state: &[f64]) -> f64 {
    if !kind.layer_norm && kind.load == reference::Activation::Identity {
        return 0.0;
    }
    let read = state.chunks(shape.inputs).flat_map(|row| reference::normalised(kind, row));
    let loaded: Vec<f64> = read.map(|z| kind.load.apply(z).abs()).collect();
    let delta: Vec<f64> = delta.iter().map(|delta| delta.abs()).collect();
    let plain = Kind { layer_norm: false, load: reference::Activation::Identity, ..kind };
    let (weights, _) = reference::weight_gradient(shape, plain, &delta, &loaded);
    2.0 * norm(&weights)
}

/// The norm of what layer normalisation takes the mean and a part along the state off, on a delta's way back: of few numbers
/// hardly anything is left, with the rounding of what there was, 4 units in the last place. 0 without layer normalisation.
pub(super) fn before_layer_norm(
    shape: Shape,
    kind: Kind,
    delta: &[f64],
    weights: &[f64],
    state: &[f64],
) -> f64 {
    if !kind.layer_norm {
        return 0.0;
    }
    let rows = state.chunks(shape.inputs);
    let read: Vec<f64> = rows.clone().flat_map(|row| reference::normalised(kind, row)).collect();
    let plain = Kind { layer_norm: false, residual: false, ..kind };
    let below = reference::delta(shape, plain, plain, delta, weights, &read);
    let scaled = below.chunks(shape.inputs).zip(rows);
    let scaled = scaled.flat_map(|(below, row)| below.iter().map(|h| h / reference::spread(row)));
    4.0 * norm(&scaled.collect::<Vec<_>>())
}

/// Of the last layer's delta, already divided by the batch: under the entropies a probability less what it should be,
/// which may be almost all of it. What is left keeps the probability's rounding; WGSL allows a quotient 2.5 units in the
/// last place, so there is room for 4.
pub(super) fn scale_of_loss(kind: reference::Loss, delta: &[f64], batch: usize) -> f64 {
    let rounded = match kind {
        reference::Loss::CrossEntropy | reference::Loss::BinaryCrossEntropy => 1.0 / (batch as f64).sqrt(),
        _ => 0.0,
    };
    norm(delta) + 4.0 * Subject::Loss.rounding() * rounded
}
