use super::gradient::add_gradient;
use crate::model::{Layer, LayerParameters};

/// `W -= rate · deltaᵀ · state`, `bias -= rate · Σ_batch delta`; delta `[batch, outputs]`, state `[batch, inputs]`.
pub(super) fn update(
    layer: Layer,
    rate: f32,
    delta: &[f32],
    state: &[f32],
    parameters: &mut LayerParameters,
) {
    let LayerParameters { weights, bias } = parameters;
    add_gradient(layer, -rate, delta, state, 1.0, [weights, bias]);
}
