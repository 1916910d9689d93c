// Delta product: below = (delta · W) ⊙ φ′(state) ⊙ the mask of dropout, plus delta if the layer is residual.
// Left: delta [batch, outputs]. Right: weights [outputs, inputs].

@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> below: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.batch, sizes.inputs, sizes.outputs);
}

fn left_four(row: u32, column: u32) -> vec4f {
    return left_at(row * sizes.outputs + column, sizes.outputs - column);
}

fn right_four(row: u32, column: u32) -> vec4f {
    return right_at(row * sizes.inputs + column, sizes.inputs - column);
}

fn initial_four(row: u32, columns: vec4u) -> vec4f {
    return vec4f();
}

fn initial_row_sums(row: u32) -> vec4f {
    return vec4f();
}

fn store_four(row: u32, columns: vec4u, sums: vec4f) {
    let last = sizes.inputs - 1u;
    let read = min(columns, vec4u(last));
    let places = row * sizes.inputs + read;
    var values = sums * derivatives(vec4f(state[places.x], state[places.y], state[places.z], state[places.w]));
    values = drop_at(values, sizes.place, row, columns);
    if IS_RESIDUAL {
        values += vec4f(
            left_one(row * sizes.outputs + read.x),
            left_one(row * sizes.outputs + read.y),
            left_one(row * sizes.outputs + read.z),
            left_one(row * sizes.outputs + read.w),
        );
    }
    if columns.x <= last { below[places.x] = values.x; }
    if columns.y <= last { below[places.y] = values.y; }
    if columns.z <= last { below[places.z] = values.z; }
    if columns.w <= last { below[places.w] = values.w; }
}

fn sums_rows() -> bool {
    return false;
}

fn take_row_sums(row: u32, sums: vec4f) {}

fn finish() {}
