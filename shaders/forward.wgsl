// Forward product: output = φ(state · Wᵀ + bias).
// Left: state [batch, inputs]. Right: weights [outputs, inputs].

@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.batch, sizes.outputs, sizes.inputs);
}

fn left_block(row: u32, k: u32) -> mat4x4f {
    return left_rows(row, k, sizes.batch, sizes.inputs);
}

fn right_block(column: u32, k: u32) -> mat4x4f {
    return transpose(right_rows(column, k, sizes.outputs, sizes.inputs));
}

fn store(row: u32, column: u32, sum: f32) {
    output[row * sizes.outputs + column] = activate(sum + bias[column]);
}

fn finish(row: u32, column: u32) {}
