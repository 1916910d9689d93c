use pulp::{Arch, NullaryFnOnce};

use crate::model::LAYER_NORM_EPSILON;

/// Partial sums, one for each lane of a vector.
const LANES: usize = 16;

/// Layer normalisation `(s − mean) / √(variance + ε)` of each sample of `values` `[rows, width]`, in place.
pub(super) fn layer_norm(values: &mut [f32], width: usize) {
    Arch::new().dispatch(LayerNorm { values, width });
}

struct LayerNorm<'a> {
    values: &'a mut [f32],
    width: usize,
}

impl NullaryFnOnce for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for sample in self.values.chunks_exact_mut(self.width) {
            let (mean, scale) = mean_and_scale(sample);
            sample.iter_mut().for_each(|value| *value = (*value - mean) * scale);
        }
    }
}

/// Mean of a sample, and `1 / √(variance + ε)`.
#[inline(always)]
pub(super) fn mean_and_scale(sample: &[f32]) -> (f32, f32) {
    let mean = mean(sample, sample, |value, _| value);
    let variance = self::mean(sample, sample, |value, _| (value - mean) * (value - mean));
    (mean, 1.0 / (variance + LAYER_NORM_EPSILON).sqrt())
}

/// Mean of `term` over the pairs of values of two samples.
#[inline(always)]
pub(super) fn mean(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (left_lanes, left_rest) = left.as_chunks::<LANES>();
    let (right_lanes, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left_lanes.iter().zip(right_lanes) {
        for lane in 0..LANES {
            sums[lane] += term(left[lane], right[lane]);
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(&left, &right)| term(left, right));
    (sums.iter().sum::<f32>() + rest.sum::<f32>()) / left.len() as f32
}
