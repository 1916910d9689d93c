use super::gradient::add_gradient;
use crate::device::Accumulation;
use crate::model::{Layer, LayerParameters};

/// `G = deltaᵀ · state` for a batch's first part, `G += deltaᵀ · state` for the others, and `W -= rate · G` once the
/// last has been added; for the bias the same with `Σ_batch delta`. Delta `[batch, outputs]`, state `[batch, inputs]`.
pub(super) fn accumulate(
    layer: Layer,
    accumulation: Accumulation,
    rate: f32,
    delta: &[f32],
    state: &[f32],
    gradients: [&mut [f32]; 2],
    parameters: &mut LayerParameters,
) {
    let keep = if accumulation.is_first() { 0.0 } else { 1.0 };
    let [weights, bias] = gradients;
    add_gradient(layer, 1.0, delta, state, keep, [&mut *weights, &mut *bias]);
    if accumulation.is_last() {
        let parameters = parameters.weights.iter_mut().chain(&mut parameters.bias);
        for (parameter, gradient) in parameters.zip(weights.iter().chain(&*bias)) {
            *parameter -= rate * gradient;
        }
    }
}
