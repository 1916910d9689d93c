// Delta product: below = (delta · W) ⊙ φ′(state), with φ′ of the layer that made the state.
// Left: delta [batch, outputs]. Right: weights [outputs, inputs].

@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> below: array<f32>;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y * 8u;
    let column = id.x * 8u;
    if row >= sizes.batch || column >= sizes.inputs {
        return;
    }
    let second = second_four(column, sizes.inputs);

    var c00 = mat4x4f();
    var c01 = mat4x4f();
    var c10 = mat4x4f();
    var c11 = mat4x4f();
    for (var k = 0u; k < sizes.outputs; k += 4u) {
        let a0 = left_rows(row, k, sizes.batch, sizes.outputs);
        let a1 = left_rows(row + 4u, k, sizes.batch, sizes.outputs);
        let b0 = right_rows(k, column, sizes.outputs, sizes.inputs);
        let b1 = right_rows(k, second, sizes.outputs, sizes.inputs);
        c00 += b0 * a0;
        c01 += b1 * a0;
        c10 += b0 * a1;
        c11 += b1 * a1;
    }
    store_rows(row, column, c00);
    store_rows(row, column + 4u, c01);
    store_rows(row + 4u, column, c10);
    store_rows(row + 4u, column + 4u, c11);
}

fn store_rows(row: u32, column: u32, block: mat4x4f) {
    store(row, column, block[0]);
    store(row + 1u, column, block[1]);
    store(row + 2u, column, block[2]);
    store(row + 3u, column, block[3]);
}

fn store(row: u32, column: u32, sum: vec4f) {
    if row >= sizes.batch {
        return;
    }
    let start = row * sizes.inputs + column;
    if column < sizes.inputs { store_one(start, sum.x); }
    if column + 1u < sizes.inputs { store_one(start + 1u, sum.y); }
    if column + 2u < sizes.inputs { store_one(start + 2u, sum.z); }
    if column + 3u < sizes.inputs { store_one(start + 3u, sum.w); }
}

fn store_one(index: u32, sum: f32) {
    below[index] = sum * derivative(state[index]);
}
