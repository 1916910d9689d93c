// Forward product: output = φ(state · Wᵀ + bias).
// Left: state [batch, inputs]. Right: weights [outputs, inputs].

@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y * 8u;
    let column = id.x * 8u;
    if row >= sizes.batch || column >= sizes.outputs {
        return;
    }

    var c00 = mat4x4f();
    var c01 = mat4x4f();
    var c10 = mat4x4f();
    var c11 = mat4x4f();
    for (var k = 0u; k < sizes.inputs; k += 4u) {
        let a0 = left_rows(row, k, sizes.batch, sizes.inputs);
        let a1 = left_rows(row + 4u, k, sizes.batch, sizes.inputs);
        let b0 = transpose(right_rows(column, k, sizes.outputs, sizes.inputs));
        let b1 = transpose(right_rows(column + 4u, k, sizes.outputs, sizes.inputs));
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

fn store(row: u32, column: u32, z: vec4f) {
    if row >= sizes.batch {
        return;
    }
    let start = row * sizes.outputs + column;
    if column < sizes.outputs { output[start] = activate(z.x + bias[column]); }
    if column + 1u < sizes.outputs { output[start + 1u] = activate(z.y + bias[column + 1u]); }
    if column + 2u < sizes.outputs { output[start + 2u] = activate(z.z + bias[column + 2u]); }
    if column + 3u < sizes.outputs { output[start + 3u] = activate(z.w + bias[column + 3u]); }
}
