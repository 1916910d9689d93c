// Left operand of a product whose rows are a multiple of four values wide.

@group(0) @binding(1) var<storage, read_write> left: array<vec4f>;

fn left_one(row: u32, column: u32, width: u32) -> f32 {
    let index = row * width + column;
    return left[index / 4u][index % 4u];
}

fn left_at(row: u32, column: u32, width: u32) -> vec4f {
    return left[(row * width + column) / 4u];
}
