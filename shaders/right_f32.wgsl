// Right operand of a product, of any width.

@group(0) @binding(2) var<storage, read_write> right: array<f32>;

// Four values from `start` on. Only `count` of them are in the row; the others read as zero.
fn right_at(start: u32, count: u32) -> vec4f {
    let rest = count - 1u;
    return vec4f(
        right[start],
        select(0.0, right[start + min(rest, 1u)], rest >= 1u),
        select(0.0, right[start + min(rest, 2u)], rest >= 2u),
        select(0.0, right[start + min(rest, 3u)], rest >= 3u),
    );
}
