// Forward product: output = store(load(state) · Wᵀ + bias), plus the state if the layer is residual.
// Left: state [batch, inputs], or its normalised and activated form. Right: weights [outputs, inputs]. Carried: the state.

@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read_write> carried: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.batch, sizes.outputs, sizes.inputs);
}

fn left_block(row: u32, k: u32) -> mat4x4f {
    return load_block(left_rows(row, k, sizes.batch, sizes.inputs));
}

fn right_block(column: u32, k: u32) -> mat4x4f {
    return transpose(right_rows(column, k, sizes.outputs, sizes.inputs));
}

fn store(row: u32, column: u32, sum: f32) {
    var value = activate(STORE, sum + bias[column]);
    if IS_RESIDUAL { value += carried[row * sizes.inputs + column]; }
    output[row * sizes.outputs + column] = value;
}

fn sums_rows() -> bool {
    return false;
}

fn take_row_sum(row: u32, sum: f32) {}

fn finish() {}
