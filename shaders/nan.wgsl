// NaN, from its bits: WGSL lets compilers assume that there is none and fold x != x, and some drivers' exp turns it into a
// number.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// exp, but NaN stays NaN.
fn exponential(x: f32) -> f32 {
    return select(exp(x), x, is_nan(x));
}
