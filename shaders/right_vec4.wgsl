// Right operand of a product whose rows are a multiple of four values wide.

@group(0) @binding(2) var<storage, read_write> right: array<vec4f>;

fn right_at(start: u32, count: u32) -> vec4f {
    return right[start / 4u];
}
