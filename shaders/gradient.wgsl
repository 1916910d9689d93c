// Weight and bias gradients: deltaᵀ · load(state) and Σ_batch delta.
// Left: delta [batch, outputs]. Right: state [batch, inputs]. The result's rows are outputs, its columns inputs.
//
// A kernel adds to this file
//   input_row(row)                           the row of the right operand for a row of the micro-batch
//   sums_before(places)                      what sums start from, at places in the layer's parameters
//   take_weights(places, is_inside, sums)    uses the gradients of four weights, of those that are inside the layer
//   take_biases(places, is_inside, sums)     the same of biases
// The last two set `has_fault` if a number is NaN or infinite, which is recorded once.

var<private> has_fault: bool;

fn extent() -> Extent {
    return Extent(sizes.outputs, sizes.inputs, sizes.batch);
}

fn left_four(row: u32, column: u32) -> vec4f {
    return left_at(row * sizes.outputs + column, sizes.outputs - column);
}

fn right_four(row: u32, column: u32) -> vec4f {
    let values = load_four(right_at(input_row(row) * sizes.inputs + column, sizes.inputs - column));
    return drop_from(values, sizes.place, row, column);
}

fn initial_four(row: u32, columns: vec4u) -> vec4f {
    return sums_before(row * sizes.inputs + min(columns, vec4u(sizes.inputs - 1u)));
}

// Biases come after the weights.
fn initial_row_sums(row: u32) -> vec4f {
    return sums_before(sizes.inputs * sizes.outputs + min(four_from(row), vec4u(sizes.outputs - 1u)));
}

fn store_four(row: u32, columns: vec4u, sums: vec4f) {
    let read = min(columns, vec4u(sizes.inputs - 1u));
    take_weights(row * sizes.inputs + read, columns == read, sums);
}

fn sums_rows() -> bool {
    return true;
}

fn take_row_sums(row: u32, sums: vec4f) {
    let rows = four_from(row);
    let read = min(rows, vec4u(sizes.outputs - 1u));
    take_biases(read, rows == read, sums);
}

fn finish() {
    if has_fault { note_fault(sizes.place); }
}
