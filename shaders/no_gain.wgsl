// In place of `gain`, for normalisations without a gain and shift.

fn with_gain(value: f32, unit: u32) -> f32 {
    return value;
}

fn with_gain_and_shift(value: f32, unit: u32) -> f32 {
    return value;
}
