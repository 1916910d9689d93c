// Weight and bias gradients: deltaᵀ · load(state) and Σ_batch delta.
// Left: delta [batch, outputs]. Right: state [batch, inputs]. The result's rows are outputs, its columns inputs.
//
// A kernel adds to this file
//   take_weight(index, sum)    uses the gradient of one weight
//   take_bias(index, sum)      uses the gradient of one bias
// Both set `has_fault` if a number is NaN or infinite, which is recorded once.

var<private> has_fault: bool;

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

fn sums_rows() -> bool {
    return true;
}

fn take_row_sum(row: u32, sum: f32) {
    if row < sizes.outputs { take_bias(row, sum); }
}

fn finish() {
    if has_fault { note_fault(sizes.place); }
}
