use pulp::{Arch, NullaryFnOnce};

use super::layer_norm::{mean, mean_and_scale};

/// Backward pass of layer normalisation, in place: `(below − mean(below) − n · mean(below · n)) / √(variance + ε)` for each
/// sample, with `n` the `normalised` values of `state`. All are `[rows, width]`.
pub(super) fn layer_norm_delta(below: &mut [f32], state: &[f32], normalised: &[f32], width: usize) {
    Arch::new().dispatch(LayerNormDelta { below, state, normalised, width });
}

struct LayerNormDelta<'a> {
    below: &'a mut [f32],
    state: &'a [f32],
    normalised: &'a [f32],
    width: usize,
}

impl NullaryFnOnce for LayerNormDelta<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let samples = self.state.chunks_exact(self.width).zip(self.normalised.chunks_exact(self.width));
        for (below, (state, normalised)) in self.below.chunks_exact_mut(self.width).zip(samples) {
            let (_, scale) = mean_and_scale(state);
            let mean_below = mean(below, below, |below, _| below);
            let mean_along = mean(below, normalised, |below, n| below * n);
            below.iter_mut().zip(normalised).for_each(|(below, &n)| {
                *below = scale * (*below - mean_below - n * mean_along);
            });
        }
    }
}
