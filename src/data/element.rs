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
