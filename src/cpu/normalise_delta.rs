use pulp::{Arch, NullaryFnOnce};

use super::normalise::{mean, mean_and_scale};
use crate::model::{LayerParameters, Normalisation};

/// Backward pass of a normalisation, in place, and the gradients of its gain and shift.
///
/// With `n` the normalised values of `state` without gain and shift, and `h = below · gain`, it computes
/// `(h − mean(h) − n · mean(h · n)) / √(variance + ε)` for each sample; RMS normalisation has no `mean(h)`. The
/// `gradients`, if gain and shift are trained, are the sums over samples of `below · n` and of `below`. Below and state are
/// `[rows, width]`.
pub(super) fn normalise_delta(
    normalisation: Normalisation,
    parameters: &LayerParameters,
    below: &mut [f32],
    state: &[f32],
    width: usize,
    gradients: &mut [f32],
) {
    Arch::new().dispatch(NormaliseDelta { normalisation, parameters, below, state, width, gradients });
}

struct NormaliseDelta<'a> {
    normalisation: Normalisation,
    parameters: &'a LayerParameters,
    below: &'a mut [f32],
    state: &'a [f32],
    width: usize,
    gradients: &'a mut [f32],
}

impl NullaryFnOnce for NormaliseDelta<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let NormaliseDelta { normalisation, parameters, width, gradients, .. } = self;
        let LayerParameters { gain, .. } = parameters;
        gradients.fill(0.0);
        let (of_gain, of_shift) = gradients.split_at_mut(gain.len());
        for (below, state) in self.below.chunks_exact_mut(width).zip(self.state.chunks_exact(width)) {
            let (mean_state, scale) = mean_and_scale(normalisation, state);
            let normalised = |s: f32| (s - mean_state) * scale;
            for ((sum, below), &s) in of_gain.iter_mut().zip(&*below).zip(state) {
                *sum += below * normalised(s);
            }
            of_shift.iter_mut().zip(&*below).for_each(|(sum, below)| *sum += below);
            below.iter_mut().zip(gain).for_each(|(below, gain)| *below *= gain);
            let mean_below = if normalisation.is_centred() { mean(below, below, |h, _| h) } else { 0.0 };
            let mean_along = mean(below, state, |h, s| h * normalised(s));
            below.iter_mut().zip(state).for_each(|(h, &s)| {
                *h = scale * (*h - mean_below - normalised(s) * mean_along);
            });
        }
    }
}
