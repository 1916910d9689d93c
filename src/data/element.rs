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
