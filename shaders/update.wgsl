// Weight and bias gradient with the SGD update fused in: W -= rate · deltaᵀ · state, bias -= rate · Σ_batch delta.
// Left: delta [batch, outputs]. Right: state [batch, inputs]. A block is 8 outputs by 8 inputs.

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y * 8u;
    let column = id.x * 8u;
    if row >= sizes.outputs || column >= sizes.inputs {
        return;
    }
    let second_row = second_four(row, sizes.outputs);
    let second = second_four(column, sizes.inputs);

    var c00 = mat4x4f();
    var c01 = mat4x4f();
    var c10 = mat4x4f();
    var c11 = mat4x4f();
    for (var k = 0u; k < sizes.batch; k += 4u) {
        let a0 = transpose(left_samples(k, row));
        let a1 = transpose(left_samples(k, second_row));
        let b0 = right_rows(k, column, sizes.batch, sizes.inputs);
        let b1 = right_rows(k, second, sizes.batch, sizes.inputs);
        c00 += b0 * a0;
        c01 += b1 * a0;
        c10 += b0 * a1;
        c11 += b1 * a1;
    }
    store_rows(row, column, c00);
    store_rows(row, column + 4u, c01);
    store_rows(row + 4u, column, c10);
    store_rows(row + 4u, column + 4u, c11);

    if column == 0u {
        update_bias(row, row);
        update_bias(row + 4u, second_row);
    }
}

// Four samples of the delta; samples past the batch count as zero.
fn left_samples(sample: u32, column: u32) -> mat4x4f {
    let block = left_rows(sample, column, sizes.batch, sizes.outputs);
    let zero = vec4f();
    return mat4x4f(
        block[0],
        select(zero, block[1], sample + 1u < sizes.batch),
        select(zero, block[2], sample + 2u < sizes.batch),
        select(zero, block[3], sample + 3u < sizes.batch),
    );
}

fn store_rows(row: u32, column: u32, block: mat4x4f) {
    store(row, column, block[0]);
    store(row + 1u, column, block[1]);
    store(row + 2u, column, block[2]);
    store(row + 3u, column, block[3]);
}

fn store(row: u32, column: u32, gradient: vec4f) {
    if row >= sizes.outputs {
        return;
    }
    let start = row * sizes.inputs + column;
    let step = sizes.rate * gradient;
    if column < sizes.inputs { weights[start] -= step.x; }
    if column + 1u < sizes.inputs { weights[start + 1u] -= step.y; }
    if column + 2u < sizes.inputs { weights[start + 2u] -= step.z; }
    if column + 3u < sizes.inputs { weights[start + 3u] -= step.w; }
}

fn update_bias(output: u32, loaded_from: u32) {
    if output >= sizes.outputs {
        return;
    }
    var sum = vec4f();
    for (var k = 0u; k < sizes.batch; k++) {
        sum += left_at(k, loaded_from, sizes.outputs);
    }
    let step = sizes.rate * sum;
    bias[output] -= step.x;
    if output + 1u < sizes.outputs { bias[output + 1u] -= step.y; }
    if output + 2u < sizes.outputs { bias[output + 2u] -= step.z; }
    if output + 3u < sizes.outputs { bias[output + 3u] -= step.w; }
}
