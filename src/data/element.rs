//! A single input value: how a stored byte becomes an `f32`, and how a NaN or infinite one is reported.

/// Factor that turns a stored byte into an input, `f32::from(byte) * U8_SCALE` in that order. Every backend
/// computes exactly this, so that all of them see the same bits.
pub const U8_SCALE: f32 = 1.0 / 255.0;

/// Message for a NaN or infinite `value` at position `at` of inputs with so many `features` a sample.
pub(super) fn not_finite(value: f32, at: usize, features: usize) -> String {
    format!(
        "holds {value} (as float32) in sample {}, feature {}, expected finite numbers",
        at / features,
        at % features
    )
}

/// A feature whose range float32 cannot tell to a hundredth, so far is it from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CoarseFeature {
    pub feature: usize,
    /// Largest value minus smallest.
    pub span: f64,
    /// Largest distance from 0.
    pub far: f64,
}

/// The first coarse feature of `values`, with so many `features` a sample.
pub(super) fn coarse_feature(values: impl Iterator<Item = f64>, features: usize) -> Option<CoarseFeature> {
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); features];
    for (index, value) in values.enumerate() {
        let (least, most) = &mut ranges[index % features];
        (*least, *most) = (least.min(value), most.max(value));
    }
    let mut features = ranges.into_iter().enumerate().map(|(feature, (least, most))| CoarseFeature {
        feature,
        span: most - least,
        far: least.abs().max(most.abs()),
    });
    let is_coarse = |&CoarseFeature { span, far, .. }: &CoarseFeature| {
        span > 0.0 && 100.0 * far * f64::from(f32::EPSILON) > span
    };
    features.find(is_coarse)
}

/// The number that the `bits` of an IEEE 754 binary16 mean, exactly.
pub(crate) fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // A multiple of 2^-24.
        0 => (fraction as f32 / (1 << 24) as f32).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(u32::from(bits & 0x8000) << 16 | magnitude)
}

/// The number that the `bits` of a bfloat16 mean, exactly.
pub(crate) fn bfloat(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_too_coarse_within_a_minute() {
        let seconds = [1.7e9, 0.0, 1.7e9 + 60.0, 1.0];
        let coarse = CoarseFeature { feature: 0, span: 60.0, far: 1.7e9 + 60.0 };
        assert_eq!(coarse_feature(seconds.into_iter(), 2), Some(coarse));
        assert_eq!(coarse_feature([5.0, 1e6, 5.0, 0.0].into_iter(), 2), None);
        assert_eq!(coarse_feature(std::iter::empty(), 0), None);
    }

    #[test]
    fn halves_are_exact() {
        let known = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, number) in known {
            assert_eq!(half(bits), number, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
        assert_eq!([0x3f80, 0xc049].map(bfloat), [1.0, -3.140_625]);
    }
}
