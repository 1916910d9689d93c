// Left operand of a product whose rows are a multiple of four values wide.

@group(0) @binding(1) var<storage, read_write> left: array<vec4f>;

fn left_at(start: u32, count: u32) -> vec4f {
    return left[start / 4u];
}

fn left_one(start: u32) -> f32 {
    return left[start / 4u][start % 4u];
}

fn left_words() -> u32 {
    return arrayLength(&left);
}
