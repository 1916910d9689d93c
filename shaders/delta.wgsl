// Delta product: below = (delta · W) ⊙ φ′(state), plus delta if the layer is residual.
// Left: delta [batch, outputs]. Right: weights [outputs, inputs].

@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> below: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.batch, sizes.inputs, sizes.outputs);
}

fn left_block(row: u32, k: u32) -> mat4x4f {
    return left_rows(row, k, sizes.batch, sizes.outputs);
}

fn right_block(column: u32, k: u32) -> mat4x4f {
    return right_rows(k, column, sizes.outputs, sizes.inputs);
}

fn store(row: u32, column: u32, sum: f32) {
    let index = row * sizes.inputs + column;
    var value = sum * derivative(state[index]);
    if IS_RESIDUAL { value += left_one(row, column, sizes.outputs); }
    below[index] = value;
}

fn sums_rows() -> bool {
    return false;
}

fn take_row_sum(row: u32, sum: f32) {}

fn finish() {}
