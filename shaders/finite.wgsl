// What is neither NaN nor infinite, from its bits, as compilers may assume that all values are finite.

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn are_finite(numbers: vec4f) -> vec4<bool> {
    return vec4<bool>(is_finite(numbers.x), is_finite(numbers.y), is_finite(numbers.z), is_finite(numbers.w));
}
