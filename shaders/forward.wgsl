// Forward product: output = store(load(state) · Wᵀ + bias), plus the state if the layer is residual.
// Left: state [batch, inputs], or its normalised, activated and dropped form. Right: weights [outputs, inputs]. Carried: the state.
//
// A kernel adds to this file
//   input_row(row)               the row of the left operand for a row of the micro-batch
//   carried_four(places)         four values of the state
//   take_targets(row, columns)   called for four columns of each row, of which some may be past the edge

@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.batch, sizes.outputs, sizes.inputs);
}

fn left_four(row: u32, column: u32) -> vec4f {
    let values = load_four(left_at(input_row(row) * sizes.inputs + column, sizes.inputs - column));
    return drop_from(values, sizes.place, row, column);
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
    let last = sizes.outputs - 1u;
    let read = min(columns, vec4u(last));
    var values = store_activation(sums + vec4f(bias[read.x], bias[read.y], bias[read.z], bias[read.w]));
    if IS_RESIDUAL {
        values += carried_four(row * sizes.inputs + read);
    }
    let places = row * sizes.outputs + columns;
    if columns.x <= last { output[places.x] = values.x; }
    if columns.y <= last { output[places.y] = values.y; }
    if columns.z <= last { output[places.z] = values.z; }
    if columns.w <= last { output[places.w] = values.w; }
    take_targets(row, columns);
}

fn sums_rows() -> bool {
    return false;
}

fn take_row_sums(row: u32, sums: vec4f) {}

fn finish() {}
