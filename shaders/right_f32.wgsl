// Right operand of a product, of any width. Columns past a row's end read as zero.

@group(0) @binding(2) var<storage, read_write> right: array<f32>;

fn right_at(row: u32, column: u32, width: u32) -> vec4f {
    let start = row * width + column;
    let rest = width - column - 1u;
    return vec4f(
        right[start],
        select(0.0, right[start + min(rest, 1u)], rest >= 1u),
        select(0.0, right[start + min(rest, 2u)], rest >= 2u),
        select(0.0, right[start + min(rest, 3u)], rest >= 3u),
    );
}
