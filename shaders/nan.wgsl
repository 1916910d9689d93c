// NaN, which WGSL lets compilers assume away: x != x may be folded, and some drivers' exp turns it into a number.
// Its bits cannot be folded.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// exp, but NaN stays NaN.
fn exponential(x: f32) -> f32 {
    return select(exp(x), x, is_nan(x));
}
