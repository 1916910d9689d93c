// Weight and bias gradients: deltaᵀ · load(state) and Σ_batch delta.
// Left: delta [batch, outputs]. Right: state [batch, inputs]. The result's rows are outputs, its columns inputs.
//
// A kernel adds to this file
//   take_weight(index, sum)    uses the gradient of one weight
//   take_bias(index, sum)      uses the gradient of one bias

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
    return load_block(right_rows(k, column, sizes.batch, sizes.inputs));
}

fn store(row: u32, column: u32, sum: f32) {
    take_weight(row * sizes.inputs + column, sum);
}

// The first column of blocks sums the bias gradients.
fn finish(first: u32, column: u32) {
    if column > 0u || first >= sizes.outputs {
        return;
    }
    // The operand is never shorter than the batch. If a uniform alone bounds a loop of up to 32 iterations, lavapipe (Mesa
    // 22.3) compiles the kernel anew for every dispatch.
    let samples = min(sizes.batch, arrayLength(&left));
    var sum = vec4f();
    for (var sample = 0u; sample < samples; sample++) {
        sum += left_at(sample, first, sizes.outputs);
    }
    take_bias(first, sum.x);
    if first + 1u < sizes.outputs { take_bias(first + 1u, sum.y); }
    if first + 2u < sizes.outputs { take_bias(first + 2u, sum.z); }
    if first + 3u < sizes.outputs { take_bias(first + 3u, sum.w); }
}
