// The trained gain and shift of a normalisation: [width] each, one after the other; RMS normalisation has no shift.

@group(0) @binding(4) var<storage, read_write> norm: array<f32>;

fn with_gain(value: f32, unit: u32) -> f32 {
    return value * norm[unit];
}

fn with_gain_and_shift(value: f32, unit: u32) -> f32 {
    if IS_CENTRED { return value * norm[unit] + norm[sizes.width + unit]; }
    return value * norm[unit];
}
