use pulp::{Arch, NullaryFnOnce};

use crate::model::{LayerParameters, Normalisation};

/// Partial sums, one for each lane of a vector.
const LANES: usize = 16;

/// Normalises each sample of `values` `[rows, width]` in place, with the gain and shift of `parameters` if there are any.
pub(super) fn normalise(
    normalisation: Normalisation,
    parameters: &LayerParameters,
    values: &mut [f32],
    width: usize,
) {
    Arch::new().dispatch(Normalise { normalisation, parameters, values, width });
}

struct Normalise<'a> {
    normalisation: Normalisation,
    parameters: &'a LayerParameters,
    values: &'a mut [f32],
    width: usize,
}

impl NullaryFnOnce for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let LayerParameters { gain, shift, .. } = self.parameters;
        for sample in self.values.chunks_exact_mut(self.width) {
            let (mean, scale) = mean_and_scale(self.normalisation, sample);
            sample.iter_mut().for_each(|value| *value = (*value - mean) * scale);
            sample.iter_mut().zip(gain).for_each(|(value, gain)| *value *= gain);
            sample.iter_mut().zip(shift).for_each(|(value, shift)| *value += shift);
        }
    }
}

/// Mean of a sample, or 0 if it is not subtracted, and `1 / √(variance + ε)`, or the same of its mean square.
#[inline(always)]
pub(super) fn mean_and_scale(normalisation: Normalisation, sample: &[f32]) -> (f32, f32) {
    let mean = if normalisation.is_centred() { self::mean(sample, sample, |value, _| value) } else { 0.0 };
    let square = self::mean(sample, sample, |value, _| (value - mean) * (value - mean));
    (mean, 1.0 / (square + Normalisation::EPSILON).sqrt())
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
