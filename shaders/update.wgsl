// Weight and bias gradient with the SGD update fused in: W -= rate · deltaᵀ · state, bias -= rate · Σ_batch delta.
// Left: delta [batch, outputs]. Right: state [batch, inputs]. The answer's rows are outputs, its columns inputs.

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;

fn extent() -> Extent {
    return Extent(sizes.outputs, sizes.inputs, sizes.batch);
}

// Samples past the batch count as zero.
fn left_block(row: u32, k: u32) -> mat4x4f {
    let samples = left_rows(k, row, sizes.batch, sizes.outputs);
    let zero = vec4f();
    return transpose(mat4x4f(
        samples[0],
        select(zero, samples[1], k + 1u < sizes.batch),
        select(zero, samples[2], k + 2u < sizes.batch),
        select(zero, samples[3], k + 3u < sizes.batch),
    ));
}

fn right_block(column: u32, k: u32) -> mat4x4f {
    return right_rows(k, column, sizes.batch, sizes.inputs);
}

fn store(row: u32, column: u32, sum: f32) {
    weights[row * sizes.inputs + column] -= sizes.rate * sum;
}

// The first block of a row of blocks sees to the biases of its eight outputs.
fn finish(row: u32, column: u32) {
    if column == 0u {
        update_four(row);
        update_four(row + 4u);
    }
}

fn update_four(first: u32) {
    if first >= sizes.outputs {
        return;
    }
    var sum = vec4f();
    for (var sample = 0u; sample < sizes.batch; sample++) {
        sum += left_at(sample, first, sizes.outputs);
    }
    let step = sizes.rate * sum;
    bias[first] -= step.x;
    if first + 1u < sizes.outputs { bias[first + 1u] -= step.y; }
    if first + 2u < sizes.outputs { bias[first + 2u] -= step.z; }
    if first + 3u < sizes.outputs { bias[first + 3u] -= step.w; }
}
