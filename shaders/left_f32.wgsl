// Left operand of a product, of any width.

@group(0) @binding(1) var<storage, read_write> left: array<f32>;

// Four values from `start` on. Only `count` of them are in the row; the others read as zero.
fn left_at(start: u32, count: u32) -> vec4f {
    let rest = count - 1u;
    return vec4f(
        left[start],
        select(0.0, left[start + min(rest, 1u)], rest >= 1u),
        select(0.0, left[start + min(rest, 2u)], rest >= 2u),
        select(0.0, left[start + min(rest, 3u)], rest >= 3u),
    );
}

fn left_one(start: u32) -> f32 {
    return left[start];
}

fn left_words() -> u32 {
    return arrayLength(&left);
}
